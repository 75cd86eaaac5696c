//! Text for terminals.
//!
//! Policies, ARNs and file names come from anyone. A terminal must not take anything in them for a
//! command of its own, nor show them in another order than they are read.

use std::fmt;

/// A text on one line, with control characters shown instead of sent: `\n`, `\u{1b}`.
#[derive(Clone, Copy, Debug)]
pub struct Plain<'a>(pub &'a str);

impl Plain<'_> {
    /// Whether a terminal may act on a character: control characters, and those that change the
    /// direction of writing or break lines (Unicode Standard Annex 9; Technical Report 36).
    pub fn escapes(c: char) -> bool {
        c.is_control()
            || matches!(
                c,
                '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
            )
    }
}

impl fmt::Display for Plain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.chars().try_for_each(|c| match c {
            '\n' => f.write_str("\\n"),
            '\r' => f.write_str("\\r"),
            '\t' => f.write_str("\\t"),
            c if Plain::escapes(c) => write!(f, "\\u{{{:x}}}", u32::from(c)),
            c => write!(f, "{c}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Plain;

    #[test]
    fn nothing_commands_the_terminal() {
        let hostile = "a\x1b[31m\u{9b}2J\x07\r\n\t\u{202e}b\u{2066}\u{2028}\x7fé";
        let shown = "a\\u{1b}[31m\\u{9b}2J\\u{7}\\r\\n\\t\\u{202e}b\\u{2066}\\u{2028}\\u{7f}é";
        assert_eq!(Plain(hostile).to_string(), shown);
    }
}
