//! The three spellings of time that a signed request may use, and the one
//! that goes into a string to sign.

/// A moment in the basic ISO 8601 form `YYYYMMDDTHHMMSSZ`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BasicTime([u8; 16]);

impl BasicTime {
    /// Of a date that was sent as `text` and means `seconds`, if anything.
    pub(crate) fn new(text: &str, seconds: Option<i64>) -> Self {
        match (seconds, text.as_bytes().try_into()) {
            // The one form of this length that parses is the basic one.
            (Some(_), Ok(basic)) => Self(basic),
            (seconds, _) => Self::from_epoch(seconds.unwrap_or_default()),
        }
    }

    /// Years outside 0 to 9999 have no such form and become year 0 or 9999.
    pub(crate) fn from_epoch(seconds: i64) -> Self {
        let seconds = seconds.clamp(MIN, MAX);
        let (days, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        let (year, month, day) = civil_from_days(days);
        let mut text = *b"00000000T000000Z";
        let fields = [
            (year / 1000, 0),
            (year / 100, 1),
            (year / 10, 2),
            (year, 3),
            (month / 10, 4),
            (month, 5),
            (day / 10, 6),
            (day, 7),
            (second / 36_000, 9),
            (second / 3600, 10),
            (second % 3600 / 600, 11),
            (second % 3600 / 60, 12),
            (second % 60 / 10, 13),
            (second % 60, 14),
        ];
        for (value, at) in fields {
            if let (Some(byte), Ok(digit)) = (text.get_mut(at), u8::try_from(value % 10)) {
                *byte = b'0' + digit;
            }
        }
        Self(text)
    }

    /// All sixteen characters.
    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }

    /// The first eight: `YYYYMMDD`.
    pub(crate) fn date(&self) -> &str {
        self.as_str().get(..8).unwrap_or_default()
    }
}

/// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
const MIN: i64 = -62_167_219_200;
const MAX: i64 = 253_402_300_799;

/// `YYYYMMDDTHHMMSSZ`, and nothing else.
pub(crate) fn parse_basic(text: &str) -> Option<i64> {
    let &[
        y1,
        y2,
        y3,
        y4,
        mo1,
        mo2,
        d1,
        d2,
        b'T',
        h1,
        h2,
        mi1,
        mi2,
        s1,
        s2,
        b'Z',
    ] = text.as_bytes()
    else {
        return None;
    };
    moment(
        digits(&[y1, y2, y3, y4])?,
        digits(&[mo1, mo2])?,
        digits(&[d1, d2])?,
        digits(&[h1, h2])?,
        digits(&[mi1, mi2])?,
        digits(&[s1, s2])?,
    )
}

/// What services accept in a header: the basic form, the extended one
/// (`YYYY-MM-DDTHH:MM:SSZ`), and RFC 9110's IMF-fixdate (`Sun, 06 Nov 1994 08:49:37 GMT`).
pub(crate) fn parse_header(text: &str) -> Option<i64> {
    parse_basic(text)
        .or_else(|| parse_extended(text))
        .or_else(|| parse_imf_fixdate(text))
}

/// `YYYYMMDD` of a day that exists.
pub(crate) fn is_date(text: &str) -> bool {
    let &[y1, y2, y3, y4, m1, m2, d1, d2] = text.as_bytes() else {
        return false;
    };
    let date = || {
        moment(
            digits(&[y1, y2, y3, y4])?,
            digits(&[m1, m2])?,
            digits(&[d1, d2])?,
            0,
            0,
            0,
        )
    };
    date().is_some()
}

fn parse_extended(text: &str) -> Option<i64> {
    let &[
        y1,
        y2,
        y3,
        y4,
        b'-',
        mo1,
        mo2,
        b'-',
        d1,
        d2,
        b'T',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
        b'Z',
    ] = text.as_bytes()
    else {
        return None;
    };
    moment(
        digits(&[y1, y2, y3, y4])?,
        digits(&[mo1, mo2])?,
        digits(&[d1, d2])?,
        digits(&[h1, h2])?,
        digits(&[mi1, mi2])?,
        digits(&[s1, s2])?,
    )
}

fn parse_imf_fixdate(text: &str) -> Option<i64> {
    const MONTHS: [&[u8; 3]; 12] = [
        b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov",
        b"Dec",
    ];
    const WEEKDAYS: [&[u8; 3]; 7] = [b"Thu", b"Fri", b"Sat", b"Sun", b"Mon", b"Tue", b"Wed"];
    let &[
        w1,
        w2,
        w3,
        b',',
        b' ',
        d1,
        d2,
        b' ',
        m1,
        m2,
        m3,
        b' ',
        y1,
        y2,
        y3,
        y4,
        b' ',
        h1,
        h2,
        b':',
        mi1,
        mi2,
        b':',
        s1,
        s2,
        b' ',
        b'G',
        b'M',
        b'T',
    ] = text.as_bytes()
    else {
        return None;
    };
    let month = MONTHS.iter().position(|name| **name == [m1, m2, m3])?;
    let moment = moment(
        digits(&[y1, y2, y3, y4])?,
        i64::try_from(month).ok()? + 1,
        digits(&[d1, d2])?,
        digits(&[h1, h2])?,
        digits(&[mi1, mi2])?,
        digits(&[s1, s2])?,
    )?;
    // 1970-01-01 was a Thursday. A wrong weekday is a date that contradicts itself.
    let weekday = usize::try_from(moment.div_euclid(86_400).rem_euclid(7)).ok()?;
    (**WEEKDAYS.get(weekday)? == [w1, w2, w3]).then_some(moment)
}

fn digits(bytes: &[u8]) -> Option<i64> {
    bytes.iter().try_fold(0, |value, byte| {
        byte.is_ascii_digit()
            .then(|| value * 10 + i64::from(byte - b'0'))
    })
}

fn moment(year: i64, month: i64, day: i64, hour: i64, minute: i64, second: i64) -> Option<i64> {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let length = match month {
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        4 | 6 | 9 | 11 => 30,
        2 if leap => 29,
        2 => 28,
        _ => return None,
    };
    if !(1..=length).contains(&day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    Some(days_from_civil(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar. Years are counted from
/// March, so that the leap day is the last of its year.
fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    era * 146_097 + day_of_era - 719_468
}

/// The inverse of [`days_from_civil`].
fn civil_from_days(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_round_trip() {
        for (text, seconds) in [
            ("19700101T000000Z", 0),
            ("20150830T123600Z", 1_440_938_160),
            ("20000229T235959Z", 951_868_799),
            ("20240229T000000Z", 1_709_164_800),
            ("19691231T235959Z", -1),
            ("00000101T000000Z", MIN),
            ("99991231T235959Z", MAX),
        ] {
            assert_eq!(parse_basic(text), Some(seconds), "{text}");
            assert_eq!(BasicTime::from_epoch(seconds).as_str(), text);
        }
        assert_eq!(BasicTime::from_epoch(i64::MAX).as_str(), "99991231T235959Z");
        assert_eq!(BasicTime::from_epoch(i64::MIN).as_str(), "00000101T000000Z");
        assert_eq!(BasicTime::from_epoch(1_440_938_160).date(), "20150830");
    }

    #[test]
    fn every_day_of_four_centuries() {
        for day in 0..146_097 {
            let seconds = day * 86_400 + day * 7 % 86_400;
            let text = BasicTime::from_epoch(seconds);
            assert_eq!(parse_basic(text.as_str()), Some(seconds));
        }
    }

    #[test]
    fn headers_may_spell_it_otherwise() {
        for text in [
            "20150830T123600Z",
            "2015-08-30T12:36:00Z",
            "Sun, 30 Aug 2015 12:36:00 GMT",
        ] {
            assert_eq!(parse_header(text), Some(1_440_938_160), "{text}");
        }
    }

    #[test]
    fn anything_else_is_no_time() {
        for text in [
            "",
            "20150830",
            "20150830T123600",
            "20150830T123600z",
            "20150830t123600Z",
            " 20150830T123600Z",
            "20150830T123600Z ",
            "20150230T123600Z",
            "20150229T123600Z",
            "19000229T123600Z",
            "20151330T123600Z",
            "20150030T123600Z",
            "20150800T123600Z",
            "20150830T243600Z",
            "20150830T126000Z",
            "20150830T123660Z",
            "+0150830T123600Z",
            "2015-08-30 12:36:00Z",
            "2015-08-30T12:36:00+00:00",
            "2015-08-30T12:36:00.000Z",
            "Mon, 30 Aug 2015 12:36:00 GMT",
            "Sun, 30 aug 2015 12:36:00 GMT",
            "Sun, 30 Aug 2015 12:36:00 UTC",
            "Sun, 30 Aug 15 12:36:00 GMT",
            "1440938160",
        ] {
            assert_eq!(parse_header(text), None, "{text}");
        }
        assert_eq!(parse_basic("2015-08-30T12:36:00Z"), None);
    }

    #[test]
    fn dates() {
        assert!(is_date("20150830"));
        assert!(is_date("20240229"));
        for text in [
            "",
            "2015083",
            "201508300",
            "20150832",
            "2015-8-3",
            "2015O830",
        ] {
            assert!(!is_date(text), "{text}");
        }
    }
}
