//! Decimal numbers and dates of conditions, compared exactly.

use std::cmp::Ordering;

use jiff::civil::{Date, Time};
use jiff::tz::Offset;

/// A decimal of any length, kept as its digits: binary fractions would call `0.1` and
/// `0.1000000000000000001` equal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    /// Reads `[+-]digits[.digits][e[+-]digits]`, with digits on at least one side of the point.
    pub(crate) fn parse(text: &'a str) -> Option<Decimal<'a>> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        if (whole.is_empty() && fraction.is_empty()) || !digits(whole) || !digits(fraction) {
            return None;
        }
        // At least one digit, behind a sign or not. What does not fit is beyond any number that is
        // meant, and the sums below cannot overflow.
        let exponent = exponent.parse::<i32>().ok().map(i64::from)?;
        Some(Decimal {
            negative,
            whole,
            fraction,
            exponent,
        })
    }

    pub(crate) fn compare(&self, other: &Decimal<'_>) -> Ordering {
        match (self.sign(), other.sign()) {
            (0, 0) => Ordering::Equal,
            (a, b) if a != b => a.cmp(&b),
            (sign, _) => {
                let magnitudes = self
                    .magnitude()
                    .cmp(&other.magnitude())
                    .then_with(|| self.significant().cmp(other.significant()));
                if sign < 0 {
                    magnitudes.reverse()
                } else {
                    magnitudes
                }
            }
        }
    }

    fn sign(&self) -> i8 {
        match (self.significant().next().is_some(), self.negative) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => -1,
        }
    }

    /// The power of ten of the first significant digit.
    fn magnitude(&self) -> i64 {
        let whole = self.whole.trim_start_matches('0').len();
        let power = if whole > 0 {
            whole
        } else {
            let zeros = self.fraction.len() - self.fraction.trim_start_matches('0').len();
            return self
                .exponent
                .saturating_sub(i64::try_from(zeros).unwrap_or(i64::MAX));
        };
        self.exponent
            .saturating_add(i64::try_from(power).unwrap_or(i64::MAX))
    }

    /// The digits from the first to the last that is not zero.
    fn significant(&self) -> impl Iterator<Item = u8> + '_ {
        let (whole, fraction) = match self.fraction.trim_end_matches('0') {
            "" => (self.whole.trim_end_matches('0'), ""),
            fraction => (self.whole, fraction),
        };
        whole
            .bytes()
            .chain(fraction.bytes())
            .skip_while(|b| *b == b'0')
    }
}

/// An instant of a condition in milliseconds since 1970.
///
/// Takes the W3C forms of ISO 8601 (`2026-11-21`, `2026-11-21T06:10Z`, `…:30.25+01:00`) and epoch
/// seconds. A time without offset is UTC.
pub(crate) fn instant(text: &str) -> Option<i64> {
    if let Some(seconds) = digits_of(text, 1..=15) {
        return Some(seconds * 1_000);
    }
    let (date, time) = match text.split_once(['T', 't']) {
        Some((date, time)) => (date, Some(time)),
        None => (text, None),
    };
    let date = calendar(date)?;
    let (time, offset) = match time {
        Some(time) => clock(time)?,
        None => (Time::midnight(), Offset::UTC),
    };
    let instant = offset.to_timestamp(date.to_datetime(time)).ok()?;
    Some(instant.as_millisecond())
}

fn calendar(text: &str) -> Option<Date> {
    let mut parts = text.splitn(3, '-');
    let year = digits_of(parts.next()?, 4..=4)?;
    let month = digits_of(parts.next()?, 2..=2)?;
    let day = digits_of(parts.next()?, 2..=2)?;
    Date::new(
        year.try_into().ok()?,
        month.try_into().ok()?,
        day.try_into().ok()?,
    )
    .ok()
}

fn clock(text: &str) -> Option<(Time, Offset)> {
    let (time, offset) = match text.find(['Z', 'z', '+', '-']) {
        Some(at) => {
            let (time, zone) = text.split_at_checked(at)?;
            (time, zone_offset(zone)?)
        }
        None => (text, Offset::UTC),
    };
    let mut parts = time.splitn(3, ':');
    let hour = digits_of(parts.next()?, 2..=2)?;
    let minute = digits_of(parts.next()?, 2..=2)?;
    let (second, fraction) = match parts.next() {
        Some(seconds) => seconds.split_once('.').unwrap_or((seconds, "0")),
        None => ("00", "0"),
    };
    let second = digits_of(second, 2..=2)?;
    let nanos = milliseconds(fraction)? * 1_000_000;
    let time = Time::new(
        hour.try_into().ok()?,
        minute.try_into().ok()?,
        second.try_into().ok()?,
        nanos.try_into().ok()?,
    );
    Some((time.ok()?, offset))
}

fn zone_offset(text: &str) -> Option<Offset> {
    let (sign, digits) = match text.split_at_checked(1)? {
        ("Z" | "z", "") => return Some(Offset::UTC),
        ("+", digits) => (1, digits),
        ("-", digits) => (-1, digits),
        _ => return None,
    };
    let (hours, minutes) = match digits.split_once(':') {
        Some(parts) => parts,
        None if digits.len() == 2 => (digits, "00"),
        None => digits.split_at_checked(2)?,
    };
    let hours = i32::try_from(digits_of(hours, 2..=2)?)
        .ok()
        .filter(|h| *h < 24)?;
    let minutes = i32::try_from(digits_of(minutes, 2..=2)?)
        .ok()
        .filter(|m| *m < 60)?;
    Offset::from_seconds(sign * (hours * 3_600 + minutes * 60)).ok()
}

/// The first three places of a fraction: finer is not compared.
fn milliseconds(fraction: &str) -> Option<i64> {
    digits_of(fraction, 1..=30).or_else(|| all_digits(fraction).then_some(0))?;
    let places = fraction.bytes().chain(std::iter::repeat(b'0')).take(3);
    Some(places.fold(0, |sum, digit| {
        sum * 10 + i64::from(digit.saturating_sub(b'0'))
    }))
}

fn digits_of(text: &str, length: std::ops::RangeInclusive<usize>) -> Option<i64> {
    (length.contains(&text.len()) && all_digits(text)).then(|| text.parse().ok())?
}

fn all_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{Decimal, instant};
    use std::cmp::Ordering::{self, Equal, Greater, Less};

    #[track_caller]
    fn compare(left: &str, right: &str, wanted: Ordering) {
        let (a, b) = (
            Decimal::parse(left).unwrap(),
            Decimal::parse(right).unwrap(),
        );
        assert_eq!(a.compare(&b), wanted, "{left} and {right}");
        assert_eq!(b.compare(&a), wanted.reverse(), "{right} and {left}");
    }

    #[test]
    fn decimals_compare_exactly() {
        compare("10", "10.0", Equal);
        compare("010", "+10", Equal);
        compare("1e1", "10", Equal);
        compare("0.1e2", "10", Equal);
        compare("100e-1", "10", Equal);
        compare("9", "10", Less);
        compare("-9", "-10", Greater);
        compare("-1", "1", Less);
        compare("-0", "0", Equal);
        compare("0", "0.000", Equal);
        compare("0", "0.001", Less);
        compare("0", "-0.001", Greater);
        compare("0.1", "0.1000000000000000000000000000000001", Less);
        compare("0.01", "0.1", Less);
        compare(".5", "0.5", Equal);
        compare("5.", "5", Equal);
        compare(
            "123456789012345678901234567890",
            "123456789012345678901234567891",
            Less,
        );
        compare("1e1000000000", "1e999999999", Greater);
    }

    #[test]
    fn other_texts_are_no_numbers() {
        for text in [
            "",
            "+",
            "-",
            ".",
            "1,0",
            "1 ",
            " 1",
            "0x1",
            "1e",
            "1e+",
            "1e+-1",
            "e1",
            "--1",
            "1.2.3",
            "NaN",
            "1e99999999999",
        ] {
            assert!(Decimal::parse(text).is_none(), "{text}");
        }
    }

    #[track_caller]
    fn date(text: &str, wanted: Option<i64>) {
        assert_eq!(instant(text), wanted, "{text}");
    }

    #[test]
    fn dates() {
        let base = 1_795_241_400_000;
        date("2026-11-21", Some(base - (6 * 60 + 10) * 60_000));
        date("2026-11-21T06:10Z", Some(base));
        date("2026-11-21T06:10:00Z", Some(base));
        date("2026-11-21t06:10:00z", Some(base));
        date("2026-11-21T06:10:00", Some(base));
        date("2026-11-21T06:10:00.25Z", Some(base + 250));
        date("2026-11-21T06:10:00.2509999Z", Some(base + 250));
        date("2026-11-21T07:10:00+01:00", Some(base));
        date("2026-11-21T07:10:00+0100", Some(base));
        date("2026-11-21T05:10:00-01", Some(base));
        date("2026-11-21T11:40:00+05:30", Some(base));
        date("2026-11-21T02:40:00-0330", Some(base));
        date("2026-11-22T06:09:00+23:59", Some(base));
        date("1795241400", Some(base));
        date("0", Some(0));
        for text in [
            "",
            "today",
            "2026-13-01",
            "2026-02-30",
            "2026-11-21T",
            "2026-11-21T24:00Z",
            "2026-11-21T06Z",
            "2026-11-21 06:10:00Z",
            "2026-11-21T06:10:00+24:00",
            "2026-11-21T06:10:00+25:00",
            "2026-11-21T06:10:00+05:60",
            "2026-11-21T06:10:00ZZ",
            "2026-11",
            "-1",
            "1795241400.5",
            "1e3",
            "9999999999999999",
        ] {
            date(text, None);
        }
    }
}
