//! Lines and columns of a text.

use std::fmt;

/// A place in a text as people count: both numbers start at 1.
///
/// A line ends with a line feed, a carriage return, or both together. A column counts characters
/// (Unicode scalar values), not bytes.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Position {
    /// The line.
    pub line: usize,
    /// The column in the line.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

/// Where the lines of a text start, and now and then a column, so that a place is found without
/// reading the text again.
pub(crate) struct Lines<'a> {
    text: &'a str,
    /// Byte, line and column of each mark, ascending.
    marks: Vec<(usize, Position)>,
}

/// Characters of one line between two marks.
const STRIDE: usize = 256;

impl<'a> Lines<'a> {
    pub(crate) fn new(text: &'a str) -> Lines<'a> {
        let mut here = Position { line: 1, column: 1 };
        let mut marks = vec![(0, here)];
        let mut chars = text.char_indices().peekable();
        while let Some((at, c)) = chars.next() {
            let next = chars.peek().map(|(_, c)| *c);
            if c == '\n' || (c == '\r' && next != Some('\n')) {
                here = Position {
                    line: here.line + 1,
                    column: 1,
                };
                marks.push((at + 1, here));
            } else {
                here.column += 1;
                if here.column.is_multiple_of(STRIDE) {
                    marks.push((at + c.len_utf8(), here));
                }
            }
        }
        Lines { text, marks }
    }

    /// The position of a byte.
    pub(crate) fn position(&self, byte: usize) -> Position {
        let after = self.marks.partition_point(|(at, _)| *at <= byte);
        let mark = after.checked_sub(1).and_then(|index| self.marks.get(index));
        let (at, mut position) = mark
            .copied()
            .unwrap_or((0, Position { line: 1, column: 1 }));
        let between = self.text.get(at..byte).unwrap_or_default();
        position.column += between.chars().count();
        position
    }
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[track_caller]
    fn check(text: &str, byte: usize, wanted: &str) {
        assert_eq!(
            Lines::new(text).position(byte).to_string(),
            wanted,
            "{text:?}"
        );
    }

    #[test]
    fn lines_end_with_lf_cr_or_both() {
        check("", 0, "1:1");
        check("ab", 2, "1:3");
        check("a\nb", 1, "1:2");
        check("a\nb", 2, "2:1");
        check("a\r\nb", 3, "2:1");
        check("a\rb", 2, "2:1");
        check("a\r\rb", 3, "3:1");
        check("a\n\rb", 3, "3:1");
        check("\n\n", 2, "3:1");
    }

    #[test]
    fn columns_count_characters() {
        check("é😀x", 0, "1:1");
        check("é😀x", 2, "1:2");
        check("é😀x", 6, "1:3");
        check(&"é".repeat(1_000), 1_800, "1:901");
        check(&format!("\n{}x", "😀".repeat(600)), 2_401, "2:601");
        check(&"a\n".repeat(700), 1_399, "700:2");
    }
}
