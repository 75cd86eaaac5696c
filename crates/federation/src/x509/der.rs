//! DER (X.690, section 10 and 11): one encoding for each value, and no other is read.

/// `INTEGER`
pub const INTEGER: u8 = 0x02;
/// `BIT STRING`
pub const BIT_STRING: u8 = 0x03;
/// `SEQUENCE`
pub const SEQUENCE: u8 = 0x30;

const BOOLEAN: u8 = 0x01;
const NULL: u8 = 0x05;
const OBJECT_IDENTIFIER: u8 = 0x06;
const ENUMERATED: u8 = 0x0a;
const SET: u8 = 0x31;
const CONSTRUCTED: u8 = 0x20;
/// The class bits: none for the types of ASN.1 itself.
const CLASS: u8 = 0xc0;
/// What a structure names its members by. Nothing here is of the two other classes.
const CONTEXT_SPECIFIC: u8 = 0x80;
/// The tag number that says that more bytes of it follow, which nothing here has.
const LONG_TAG: u8 = 0x1f;
/// Values in values: certificates have a dozen.
const DEEPEST: usize = 32;

/// Reads values that stand one behind the other.
#[derive(Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// A reader of these bytes.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Whether no value is left.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the next value has this tag.
    pub fn is_next(&self, tag: u8) -> bool {
        self.0.first() == Some(&tag)
    }

    /// The contents of the next value, if it has this tag.
    pub fn value(&mut self, tag: u8) -> Option<&'a [u8]> {
        let (found, contents) = self.next()?;
        (found == tag).then_some(contents)
    }

    /// Tag and contents of the next value. Its length is definite, and as short as it can be.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (length, rest) = match *first {
            short @ 0..=0x7f => (usize::from(short), rest),
            long @ 0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(long & 0x7f))?;
                let length = digits
                    .iter()
                    .fold(0, |length, digit| length << 8 | usize::from(*digit));
                let shortest = digits.first() != Some(&0) && length > 0x7f;
                (shortest.then_some(length)?, rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((*tag, contents))
    }
}

/// The contents of the one value that `bytes` are.
pub fn only(tag: u8, bytes: &[u8]) -> Option<&[u8]> {
    let mut reader = Reader::new(bytes);
    let contents = reader.value(tag)?;
    reader.is_empty().then_some(contents)
}

/// Whether `bytes` are one value, in DER all the way down.
pub fn is_one_value(bytes: &[u8]) -> bool {
    let mut reader = Reader::new(bytes);
    reader.next().is_some() && reader.is_empty() && are_values(bytes, DEEPEST)
}

fn are_values(bytes: &[u8], depth: usize) -> bool {
    let mut reader = Reader::new(bytes);
    while !reader.is_empty() {
        let fine = match reader.next() {
            None => false,
            Some((tag, _)) if tag & LONG_TAG == LONG_TAG => false,
            Some((tag, contents)) if tag & CONSTRUCTED != 0 => {
                let may_be = tag & CLASS == CONTEXT_SPECIFIC || tag == SEQUENCE || tag == SET;
                may_be && depth > 0 && are_values(contents, depth - 1)
            }
            Some((tag, contents)) => is_primitive(tag, contents),
        };
        if !fine {
            return false;
        }
    }
    true
}

fn is_primitive(tag: u8, contents: &[u8]) -> bool {
    match (tag, contents) {
        (BOOLEAN, [value]) => matches!(value, 0 | 0xff),
        (INTEGER | ENUMERATED, contents) => is_shortest(contents),
        (BIT_STRING, [unused, bits @ ..]) => {
            let last = bits.last().copied().unwrap_or_default();
            let mask = 1u8.checked_shl(u32::from(*unused)).map(|bit| bit - 1);
            mask.is_some_and(|mask| last & mask == 0) && (*unused == 0 || !bits.is_empty())
        }
        (NULL, contents) => contents.is_empty(),
        (OBJECT_IDENTIFIER, contents) => contents.last().is_some_and(|last| last & 0x80 == 0),
        (BOOLEAN | BIT_STRING, _) => false,
        // A sequence or a set is made of values.
        (tag, _) => match tag & CLASS {
            0 => tag != SEQUENCE & !CONSTRUCTED && tag != SET & !CONSTRUCTED,
            class => class == CONTEXT_SPECIFIC,
        },
    }
}

/// Whether a signed number has no byte that could be left out.
fn is_shortest(number: &[u8]) -> bool {
    match number {
        [] => false,
        [0, second, ..] => second & 0x80 != 0,
        [0xff, second, ..] => second & 0x80 == 0,
        _ => true,
    }
}

/// The magnitude of a number that is greater than zero, without a zero in front.
pub fn positive(number: &[u8]) -> Option<&[u8]> {
    let positive = is_shortest(number) && number.first().is_some_and(|first| first & 0x80 == 0);
    let magnitude = number.strip_prefix(&[0]).unwrap_or(number);
    (positive && !magnitude.is_empty()).then_some(magnitude)
}

/// The inverse of [`positive`]: a zero in front where the number would be negative without.
pub fn signed(magnitude: &[u8]) -> Vec<u8> {
    let negative = magnitude.first().is_some_and(|first| first & 0x80 != 0);
    let zero: &[u8] = if negative { &[0] } else { &[] };
    [zero, magnitude].concat()
}

/// A value of these parts.
pub fn encode(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut out = vec![tag];
    match u8::try_from(length) {
        Ok(short) if short < 0x80 => out.push(short),
        _ => {
            let digits = length.to_be_bytes();
            let zeros = digits.iter().take_while(|digit| **digit == 0).count();
            // At most eight digits.
            out.push(0x80 | u8::try_from(digits.len() - zeros).unwrap_or_default());
            out.extend(digits.iter().skip(zeros));
        }
    }
    parts.iter().for_each(|part| out.extend_from_slice(part));
    out
}

/// `INTEGER` of a magnitude.
pub fn integer(magnitude: &[u8]) -> Vec<u8> {
    encode(INTEGER, &[&signed(magnitude)])
}
