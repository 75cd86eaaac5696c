//! Text for terminals.
//!
//! Policies, ARNs and file names come from anyone. A terminal must not take anything in them for a
//! command of its own, nor show them in another order than they are read.

use locum_policy::Plain;
use std::fmt;
use std::io::IsTerminal;

/// A text of several lines, each of them plain.
pub(crate) struct PlainLines<'a>(pub(crate) &'a str);

impl fmt::Display for PlainLines<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, line) in self.0.split('\n').enumerate() {
            if number > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{}", Plain(line))?;
        }
        Ok(())
    }
}

/// JSON in which no string holds a character that commands a terminal.
pub(crate) fn ascii_controls(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        // JSON itself escapes what is below U+0020 in strings; line feeds stand between its parts.
        // The others are in the basic plane, and only in strings.
        if c != '\n' && Plain::escapes(c) {
            out.push_str(&format!("\\u{:04x}", u32::from(c)));
        } else {
            out.push(c);
        }
    }
    out
}

/// Colours, for terminals only.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    on: bool,
}

impl Paint {
    /// For a stream; `NO_COLOR` in the environment turns it off (no-color.org).
    pub(crate) fn for_stream(stream: &impl IsTerminal) -> Self {
        let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            on: stream.is_terminal() && !refused,
        }
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn red(self, text: &str) -> String {
        self.paint("1;31", text)
    }

    pub(crate) fn green(self, text: &str) -> String {
        self.paint("32", text)
    }

    pub(crate) fn yellow(self, text: &str) -> String {
        self.paint("33", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.on {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_stay_lines() {
        assert_eq!(PlainLines("a\x1b\nb").to_string(), "a\\u{1b}\nb");
    }

    #[test]
    fn json_stays_what_it_says() {
        let hostile = "\x1b\u{9b}\u{202e}\x7f\n\"é";
        let json = ascii_controls(&serde_json::to_string_pretty(&[hostile]).unwrap());
        assert_eq!(json, "[\n  \"\\u001b\\u009b\\u202e\\u007f\\n\\\"é\"\n]");
        assert_eq!(
            serde_json::from_str::<Vec<String>>(&json).unwrap(),
            [hostile]
        );
    }

    #[test]
    fn colours_are_for_terminals() {
        let (on, off) = (Paint { on: true }, Paint { on: false });
        assert_eq!(on.red("x"), "\x1b[1;31mx\x1b[0m");
        assert_eq!(off.red("x"), "x");
    }
}
