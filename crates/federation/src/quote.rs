//! What others wrote, as it may stand in a sentence.

use std::fmt;

/// The most characters of it that are shown.
const MOST_SHOWN: usize = 200;

/// Text of others in backticks: on one line, without control characters, and cut where it is long.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`")?;
        for (place, c) in self.0.chars().enumerate() {
            if place == MOST_SHOWN {
                return f.write_str("…`");
            }
            // What changes the direction of the text around it could make the sentence read as another.
            let unfit = c.is_control()
                || matches!(c, '`' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}');
            if unfit {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                write!(f, "{c}")?;
            }
        }
        f.write_str("`")
    }
}

/// Several of them, with commas between.
pub(crate) struct List<'a>(pub(crate) &'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const MOST: usize = 10;
        for (place, text) in self.0.iter().take(MOST).enumerate() {
            let comma = if place == 0 { "" } else { ", " };
            write!(f, "{comma}{}", Quoted(text))?;
        }
        match self.0.len() {
            0 => f.write_str("none"),
            1..=MOST => Ok(()),
            all => write!(f, " and {} more", all - MOST),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_leaves_its_line_or_its_quotes() {
        let text = "a\nb`c\u{202e}d\u{7f}é";
        assert_eq!(
            Quoted(text).to_string(),
            "`a\\u{a}b\\u{60}c\\u{202e}d\\u{7f}é`"
        );
        let long = "x".repeat(MOST_SHOWN + 1);
        let shown = Quoted(&long).to_string();
        assert_eq!(shown.chars().count(), MOST_SHOWN + 3);
        assert_eq!(List(&[]).to_string(), "none");
        assert_eq!(List(&["a".into(), "b".into()]).to_string(), "`a`, `b`");
    }
}
