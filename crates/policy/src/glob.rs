//! Wildcard matching: `*` is any run, `?` is one UTF-16 code unit.
//!
//! A pattern is matched as it is written. It is cut at its stars into chunks that are found one after
//! another, each at its leftmost place. Leftmost is always right, because a star may take up any
//! slack, so nothing is tried twice and `a*a*a*…b` costs no more than its length. A chunk with a `?`
//! is found by the bit-parallel Shift-And algorithm, which looks at each unit of the text once and
//! keeps 64 partial matches in a word.

use memchr::{memchr, memchr_iter, memmem, memrchr};

/// A pattern in which some bytes are wildcards.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Glob<'a> {
    pattern: &'a [u8],
    many: u8,
    one: u8,
}

/// The wildcards of an expanded pattern: bytes that no UTF-8 text has, so that a `*` which a variable
/// brought in stays an asterisk.
pub(crate) const MANY: u8 = 0xFF;
/// See [`MANY`].
pub(crate) const ONE: u8 = 0xFE;

/// Whether `text` is one of those that `pattern` stands for, in which `*` is any run and `?` one
/// UTF-16 code unit. Letter case counts.
pub fn wildcard_matches(pattern: &str, text: &str) -> bool {
    Glob::new(pattern).matches(text)
}

impl<'a> Glob<'a> {
    /// A text in which `*` and `?` are wildcards.
    pub(crate) fn new(text: &'a str) -> Glob<'a> {
        Glob {
            pattern: text.as_bytes(),
            many: b'*',
            one: b'?',
        }
    }

    /// An expanded text in which [`MANY`] and [`ONE`] are wildcards.
    pub(crate) fn expanded(pattern: &'a [u8]) -> Glob<'a> {
        Glob {
            pattern,
            many: MANY,
            one: ONE,
        }
    }

    pub(crate) fn matches(&self, text: &str) -> bool {
        let &Glob { pattern, many, one } = self;
        // Without `?`, or in ASCII, counting bytes finds the same as counting units.
        if text.is_ascii() || memchr(one, pattern).is_none() {
            let first = memchr(many, pattern);
            let stars = first.zip(memrchr(many, pattern));
            return walk(
                pattern,
                text.as_bytes(),
                stars,
                (many, one),
                |chunk, text| match memchr(one, chunk) {
                    None if chunk.len() <= SHORT => find_short(chunk, text),
                    None => memmem::find(text, chunk),
                    Some(_) => shift_and(chunk, one, text),
                },
            );
        }
        let text: Vec<u32> = text.encode_utf16().map(u32::from).collect();
        let pattern = units(pattern, (many, one));
        let star = |unit: &u32| *unit == UNIT_MANY;
        let first = pattern.iter().position(star);
        let stars = first.zip(pattern.iter().rposition(star));
        walk(
            &pattern,
            &text,
            stars,
            (UNIT_MANY, UNIT_ONE),
            |chunk, text| shift_and(chunk, UNIT_ONE, text),
        )
    }
}

/// Wildcards among UTF-16 units: beyond the units.
const UNIT_MANY: u32 = 0x1_0000;
const UNIT_ONE: u32 = 0x1_0001;

/// A pattern in UTF-16 units.
fn units(pattern: &[u8], (many, one): (u8, u8)) -> Vec<u32> {
    let wild = |byte: &u8| *byte == many || *byte == one;
    let mut units = Vec::with_capacity(pattern.len());
    for piece in pattern.split_inclusive(wild) {
        let (literal, mark) = match piece.split_last() {
            Some((last, literal)) if wild(last) => (literal, Some(*last)),
            _ => (piece, None),
        };
        let literal = String::from_utf8_lossy(literal);
        units.extend(literal.encode_utf16().map(u32::from));
        units.extend(mark.map(|byte| if byte == many { UNIT_MANY } else { UNIT_ONE }));
    }
    units
}

/// Matches chunk by chunk. `stars` are the places of the first and the last star; `find` gives the
/// leftmost place of a chunk.
fn walk<T: Copy + Eq>(
    pattern: &[T],
    text: &[T],
    stars: Option<(usize, usize)>,
    (many, one): (T, T),
    find: impl Fn(&[T], &[T]) -> Option<usize>,
) -> bool {
    let fits = |chunk: &[T], text: &[T]| {
        chunk.len() == text.len() && chunk.iter().zip(text).all(|(c, t)| c == t || *c == one)
    };
    let Some((first, last)) = stars else {
        return fits(pattern, text);
    };
    let head = pattern.get(..first).unwrap_or_default();
    let tail = pattern.get(last + 1..).unwrap_or_default();
    let between = pattern.get(first + 1..last).unwrap_or_default();
    // The last chunk must not take from what the first matched.
    let ends = text
        .split_at_checked(head.len())
        .and_then(|(start, rest)| Some((start, rest.len().checked_sub(tail.len())?, rest)))
        .and_then(|(start, middle, rest)| Some((start, rest.split_at_checked(middle)?)));
    let Some((start, (mut rest, end))) = ends else {
        return false;
    };
    fits(head, start)
        && fits(tail, end)
        && between.split(|t| *t == many).all(|chunk| {
            let found = chunk.is_empty().then_some(0).or_else(|| find(chunk, rest));
            let after = found.and_then(|at| rest.get(at + chunk.len()..));
            rest = after.unwrap_or_default();
            after.is_some()
        })
}

/// The longest chunk for which comparing it at each place of its first byte is quicker than making
/// ready a search that is linear whatever its length.
const SHORT: usize = 16;

/// The leftmost place of a chunk of no more than [`SHORT`] bytes.
fn find_short(chunk: &[u8], text: &[u8]) -> Option<usize> {
    let (first, rest) = chunk.split_first()?;
    memchr_iter(*first, text).find(|at| {
        text.get(at + 1..)
            .is_some_and(|after| after.starts_with(rest))
    })
}

/// The leftmost place of a chunk, in which `one` is any unit.
///
/// Bit `i` of the state says that the first `i + 1` units of the chunk match those just read. See
/// Baeza-Yates and Gonnet, "A new approach to text searching" (1992).
fn shift_and<T: Copy + Ord>(chunk: &[T], one: T, text: &[T]) -> Option<usize> {
    if chunk.len() > text.len() {
        return None;
    }
    let mut letters: Vec<T> = chunk.iter().copied().filter(|unit| *unit != one).collect();
    letters.sort_unstable();
    letters.dedup();
    let words = chunk.len().div_ceil(64);
    // For each letter, and last for every other unit, the places of the chunk that it fits.
    let mut rows: Vec<Vec<u64>> = Vec::with_capacity(letters.len() + 1);
    for letter in letters.iter().map(Some).chain([None]) {
        let word = |units: &[T]| {
            let fits = units.iter().map(|u| *u == one || Some(u) == letter);
            fits.rev().fold(0, |word, fits| word << 1 | u64::from(fits))
        };
        rows.push(chunk.chunks(64).map(word).collect());
    }
    let last = 1 << ((chunk.len() - 1) % 64);
    let mut state = vec![0_u64; words];
    for (at, unit) in text.iter().enumerate() {
        let row = letters.binary_search(unit).unwrap_or(letters.len());
        let mut carry = 1;
        for (word, fits) in state.iter_mut().zip(rows.get(row)?) {
            let shifted = *word << 1 | carry;
            carry = *word >> 63;
            *word = shifted & fits;
        }
        if state.last().is_some_and(|word| word & last != 0) {
            return (at + 1).checked_sub(chunk.len());
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::cmp::Ordering;

    use super::{Glob, shift_and, walk};
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
        check("*", "*", true);
        check("?", "*", true);
        check("*\n*", "a\nb", true);
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
        check("*😀?b*", "aé😀éb", true);
        check("*é?é*", "éaaé", false);
    }

    #[test]
    fn marks_of_an_expanded_pattern_are_the_only_wildcards() {
        let glob = |pattern: &[u8], text: &str| Glob::expanded(pattern).matches(text);
        assert!(glob(b"a*\xFFb?", "a*xxb?"));
        assert!(!glob(b"a*\xFFb?", "axxxb?"));
        assert!(!glob(b"a*\xFFb?", "a*xxbx"));
        assert!(glob("é\u{FE}\u{FF}".as_bytes(), "é\u{FE}\u{FF}"));
        assert!(glob(
            &[b"x".as_slice(), "é".as_bytes(), b"\xFE"].concat(),
            "xéé"
        ));
        assert!(!glob(
            &[b"x".as_slice(), "é".as_bytes(), b"\xFE"].concat(),
            "xé😀"
        ));
    }

    #[test]
    fn a_chunk_longer_than_a_word() {
        let chunk = "ab?".repeat(50);
        let text = format!("{}{}", "abc".repeat(49), "abx".repeat(51));
        check(&format!("*{chunk}*"), &text, true);
        check(&format!("*{chunk}q*"), &text, false);
        check(&format!("*{chunk}*"), &"ab?".repeat(49), false);
        let units: Vec<u8> = chunk.bytes().collect();
        assert_eq!(
            shift_and(&units, b'?', format!("x{text}").as_bytes()),
            Some(1)
        );
        assert_eq!(shift_and(b"?a", b'?', b"aa"), Some(0));
        assert_eq!(shift_and(b"??", b'?', b"a"), None);
    }

    thread_local! {
        static STEPS: Cell<u64> = const { Cell::new(0) };
    }

    /// A unit that counts how often it is compared.
    #[derive(Clone, Copy, Debug, Eq)]
    struct Counted(u8);

    impl PartialEq for Counted {
        fn eq(&self, other: &Counted) -> bool {
            self.cmp(other).is_eq()
        }
    }

    impl PartialOrd for Counted {
        fn partial_cmp(&self, other: &Counted) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }

    impl Ord for Counted {
        fn cmp(&self, other: &Counted) -> Ordering {
            STEPS.set(STEPS.get() + 1);
            self.0.cmp(&other.0)
        }
    }

    /// Every chunk by Shift-And, literal or not, and the comparisons it took.
    fn counted(pattern: &str, text: &str) -> (bool, u64) {
        let units = |s: &str| s.bytes().map(Counted).collect::<Vec<_>>();
        let star = |u: u8| u == b'*';
        let stars = pattern
            .bytes()
            .position(star)
            .zip(pattern.bytes().rposition(star));
        let marks = (Counted(b'*'), Counted(b'?'));
        STEPS.set(0);
        let matches = walk(
            &units(pattern),
            &units(text),
            stars,
            marks,
            |chunk, text| shift_and(chunk, Counted(b'?'), text),
        );
        (matches, STEPS.get())
    }

    #[test]
    fn steps_grow_with_pattern_and_text_not_with_their_product() {
        for (chunk, wanted) in [
            ("a*", false),
            ("*a?", false),
            ("?*", false),
            ("a?a*", false),
        ] {
            let text = "a".repeat(20_000);
            let pattern = format!("{}b", chunk.repeat(4_000));
            let (matches, steps) = counted(&pattern, &text);
            assert_eq!(matches, wanted);
            let most = 12 * (pattern.len() + text.len()) as u64;
            assert!(steps < most, "{chunk}: {steps} of {most}");
        }
        // One chunk of 40 units against a text that nearly has it everywhere.
        let (matches, steps) = counted(&format!("*{}b*", "a?".repeat(20)), &"a".repeat(50_000));
        assert!(!matches);
        assert!(steps < 3 * 50_000, "{steps}");
    }

    #[test]
    fn many_stars_stay_cheap() {
        let text = "a".repeat(100_000);
        check(&format!("{}b", "a*".repeat(50_000)), &text, false);
        check(&format!("{}a", "a*".repeat(49_999)), &text, true);
        check(&format!("{}b", "*a?".repeat(20_000)), &text, false);
        check(&format!("*{}b*", "?".repeat(1_000)), &text, false);
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
            let wanted = slow(&units(&pattern), &units(&text));
            prop_assert_eq!(Glob::new(&pattern).matches(&text), wanted);
            if pattern.is_ascii() && text.is_ascii() {
                prop_assert_eq!(counted(&pattern, &text).0, wanted);
            }
        }
    }
}
