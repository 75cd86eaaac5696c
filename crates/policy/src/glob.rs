//! Wildcard patterns: `*` is any run, `?` is one UTF-16 code unit.
//!
//! A pattern is cut at its stars into chunks that are found one after another, each at its leftmost
//! place. Leftmost is always right, because a star may take up any slack, so nothing is ever tried
//! twice and `a*a*a*…b` costs no more than its length.

use memchr::memmem;

/// One element of a pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Token {
    /// This character itself.
    Char(char),
    /// `?`
    One,
    /// `*`
    Many,
}

/// A compiled pattern.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Glob {
    Any,
    Exact(Box<str>),
    Prefix(Box<str>),
    General(Chunks),
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Chunks {
    chunks: Box<[Chunk]>,
    /// The pattern starts with a star.
    open_start: bool,
    /// The pattern ends with a star.
    open_end: bool,
    /// Some chunk has a `?`, so lengths are counted in UTF-16 units.
    counts: bool,
}

/// What stands between two stars.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Chunk {
    Literal(Box<str>),
    /// `None` is a `?`.
    Units(Box<[Option<u16>]>),
}

impl Glob {
    /// Compiles a text in which `*` and `?` are wildcards.
    pub(crate) fn new(text: &str) -> Glob {
        Glob::from_tokens(tokens(text))
    }

    pub(crate) fn from_tokens(tokens: impl IntoIterator<Item = Token>) -> Glob {
        let mut chunks = Vec::new();
        let mut chunk: Vec<Token> = Vec::new();
        let (mut open_start, mut open_end) = (false, false);
        for token in tokens {
            open_end = token == Token::Many;
            if open_end {
                open_start |= chunks.is_empty() && chunk.is_empty();
                chunks.extend(Chunk::new(&chunk));
                chunk.clear();
            } else {
                chunk.push(token);
            }
        }
        chunks.extend(Chunk::new(&chunk));
        match (chunks.as_slice(), open_start, open_end) {
            ([], false, _) => Glob::Exact("".into()),
            ([], true, _) => Glob::Any,
            ([Chunk::Literal(text)], false, false) => Glob::Exact(text.clone()),
            ([Chunk::Literal(text)], false, true) => Glob::Prefix(text.clone()),
            _ => {
                let counts = chunks.iter().any(|c| matches!(c, Chunk::Units(_)));
                Glob::General(Chunks {
                    chunks: chunks.into(),
                    open_start,
                    open_end,
                    counts,
                })
            }
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        match self {
            Glob::Any => true,
            Glob::Exact(wanted) => **wanted == *text,
            Glob::Prefix(wanted) => text.starts_with(&**wanted),
            // Without `?`, or in ASCII, counting bytes finds the same as counting units.
            Glob::General(chunks) if !chunks.counts || text.is_ascii() => {
                chunks.matches(&Bytes(text.as_bytes()))
            }
            Glob::General(chunks) => {
                chunks.matches(&Units(&text.encode_utf16().collect::<Vec<_>>()))
            }
        }
    }
}

/// The tokens of a text in which `*` and `?` are wildcards.
pub(crate) fn tokens(text: &str) -> impl Iterator<Item = Token> + '_ {
    text.chars().map(|c| match c {
        '*' => Token::Many,
        '?' => Token::One,
        other => Token::Char(other),
    })
}

impl Chunks {
    fn matches(&self, text: &impl Text) -> bool {
        let mut chunks = self.chunks.iter();
        let (mut start, mut end) = (0, text.len());
        if !self.open_start
            && let Some(first) = chunks.next()
        {
            if !text.fits(first, 0) {
                return false;
            }
            start = text.width(first);
        }
        if !self.open_end {
            let Some(last) = chunks.next_back() else {
                return start == end;
            };
            let Some(at) = end.checked_sub(text.width(last)) else {
                return false;
            };
            if !text.fits(last, at) {
                return false;
            }
            end = at;
        }
        for chunk in chunks {
            let Some(at) = text.find(chunk, start, end) else {
                return false;
            };
            start = at + text.width(chunk);
        }
        // The last chunk must not have taken from what the others matched.
        start <= end
    }
}

impl Chunk {
    fn new(tokens: &[Token]) -> Option<Chunk> {
        if tokens.is_empty() {
            return None;
        }
        if tokens.iter().all(|t| matches!(t, Token::Char(_))) {
            let text: String = tokens
                .iter()
                .filter_map(|t| {
                    if let Token::Char(c) = t {
                        Some(*c)
                    } else {
                        None
                    }
                })
                .collect();
            return Some(Chunk::Literal(text.into()));
        }
        let mut units = Vec::with_capacity(tokens.len());
        for token in tokens {
            match token {
                Token::Char(c) => {
                    units.extend(c.encode_utf16(&mut [0; 2]).iter().map(|u| Some(*u)));
                }
                Token::One | Token::Many => units.push(None),
            }
        }
        Some(Chunk::Units(units.into()))
    }
}

/// A text as the matcher sees it: in bytes or in UTF-16 units.
trait Text {
    fn len(&self) -> usize;
    fn width(&self, chunk: &Chunk) -> usize;
    fn fits(&self, chunk: &Chunk, at: usize) -> bool;
    fn find(&self, chunk: &Chunk, start: usize, end: usize) -> Option<usize>;
}

struct Bytes<'a>(&'a [u8]);

impl Text for Bytes<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn width(&self, chunk: &Chunk) -> usize {
        match chunk {
            Chunk::Literal(text) => text.len(),
            Chunk::Units(units) => units.len(),
        }
    }

    fn fits(&self, chunk: &Chunk, at: usize) -> bool {
        let Some(text) = self.0.get(at..) else {
            return false;
        };
        match chunk {
            Chunk::Literal(wanted) => text.starts_with(wanted.as_bytes()),
            Chunk::Units(units) => fits(units, text.iter().map(|b| u16::from(*b))),
        }
    }

    fn find(&self, chunk: &Chunk, start: usize, end: usize) -> Option<usize> {
        match chunk {
            Chunk::Literal(wanted) => {
                memmem::find(self.0.get(start..end)?, wanted.as_bytes()).map(|at| start + at)
            }
            Chunk::Units(_) => scan(self, chunk, start, end),
        }
    }
}

struct Units<'a>(&'a [u16]);

impl Text for Units<'_> {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn width(&self, chunk: &Chunk) -> usize {
        match chunk {
            Chunk::Literal(text) => text.encode_utf16().count(),
            Chunk::Units(units) => units.len(),
        }
    }

    fn fits(&self, chunk: &Chunk, at: usize) -> bool {
        let Some(text) = self.0.get(at..) else {
            return false;
        };
        let text = text.iter().copied();
        match chunk {
            Chunk::Literal(wanted) => {
                let mut text = text;
                wanted.encode_utf16().all(|unit| text.next() == Some(unit))
            }
            Chunk::Units(units) => fits(units, text),
        }
    }

    fn find(&self, chunk: &Chunk, start: usize, end: usize) -> Option<usize> {
        scan(self, chunk, start, end)
    }
}

fn fits(units: &[Option<u16>], mut text: impl Iterator<Item = u16>) -> bool {
    units.iter().all(|wanted| {
        text.next()
            .is_some_and(|seen| wanted.is_none_or(|w| w == seen))
    })
}

fn scan(text: &impl Text, chunk: &Chunk, start: usize, end: usize) -> Option<usize> {
    let last = end.checked_sub(text.width(chunk))?;
    (start..=last).find(|at| text.fits(chunk, *at))
}

#[cfg(test)]
mod tests {
    use super::Glob;
    use proptest::prelude::*;

    fn check(pattern: &str, text: &str, wanted: bool) {
        assert_eq!(
            Glob::new(pattern).matches(text),
            wanted,
            "{pattern:?} on {text:?}"
        );
    }

    #[test]
    fn wildcards() {
        check("", "", true);
        check("", "a", false);
        check("*", "", true);
        check("**", "anything", true);
        check("?", "", false);
        check("?", "a", true);
        check("?", "ab", false);
        check("a*", "a", true);
        check("a*", "ba", false);
        check("*a", "ba", true);
        check("*a", "ab", false);
        check("a*a", "a", false);
        check("a*a", "aa", true);
        check("a*b*c", "a-b-b-c", true);
        check("a*b*c", "acb", false);
        check("*ab*", "aab", true);
        check("*?", "", false);
        check("?*?", "a", false);
        check("?*?", "ab", true);
        check("a?c*", "abcd", true);
        check("*b?d", "abcd", true);
        check("*a?a*b", "aacab", true);
        check("a\\*", "a\\x", true);
        check("[ab]", "a", false);
        check("a*z", "a\nz", true);
    }

    #[test]
    fn units_are_utf_16() {
        check("?", "é", true);
        check("?", "😀", false);
        check("??", "😀", true);
        check("a?", "aé", true);
        check("*?", "é", true);
        check("é?*", "éab", true);
        check("*é?", "xé😀", false);
        check("*é??", "xé😀", true);
        check("*😀", "é?😀", true);
    }

    #[test]
    fn many_stars_stay_cheap() {
        let text = "a".repeat(100_000);
        check(&format!("{}b", "a*".repeat(50_000)), &text, false);
        check(&format!("{}a", "a*".repeat(49_999)), &text, true);
        check(
            &format!("{}b", "*a?".repeat(200)),
            &"a".repeat(5_000),
            false,
        );
    }

    /// The definition, with no cleverness.
    fn slow(pattern: &[u16], text: &[u16]) -> bool {
        match (pattern.split_first(), text.split_first()) {
            (None, None) => true,
            (Some((42, rest)), None) => slow(rest, text),
            (Some((42, rest)), Some((_, tail))) => slow(rest, text) || slow(pattern, tail),
            (Some((63, rest)), Some((_, tail))) => slow(rest, tail),
            (Some((p, rest)), Some((t, tail))) => p == t && slow(rest, tail),
            (Some(_), None) | (None, Some(_)) => false,
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4_000))]
        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?é😀]{0,9}", text in "[abé😀]{0,9}") {
            let units = |s: &str| s.encode_utf16().collect::<Vec<_>>();
            prop_assert_eq!(
                Glob::new(&pattern).matches(&text),
                slow(&units(&pattern), &units(&text))
            );
        }
    }
}
