//! Moments as documents write them (`xs:dateTime`).

use jiff::Timestamp;

/// Seconds since 1970-01-01T00:00:00Z.
pub(super) type Seconds = i64;

/// The moment that a text names, in whole seconds, rounded up. Without an offset it is UTC, as SAML has all its
/// times (saml-core, 1.3.3).
pub(super) fn parse(text: &str) -> Option<Seconds> {
    let text = text.trim_matches([' ', '\t', '\n', '\r']);
    let (date, zone) = match text.strip_suffix('Z') {
        Some(date) => (date, "Z"),
        None => match text.get(19..).and_then(|tail| tail.find(['+', '-'])) {
            Some(at) => text.split_at_checked(19 + at)?,
            None => (text, "Z"),
        },
    };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let shape = |text: &str, shape: &[u8]| {
        text.len() == shape.len()
            && text.bytes().zip(shape).all(|(b, wanted)| match wanted {
                b'0' => b.is_ascii_digit(),
                wanted => b == *wanted,
            })
    };
    let (whole, fraction) = date.split_once('.').unwrap_or((date, "0"));
    let zone_is_legal = zone == "Z" || zone.get(1..).is_some_and(|zone| shape(zone, b"00:00"));
    if !shape(whole, b"0000-00-00T00:00:00") || !digits(fraction) || !zone_is_legal {
        return None;
    }
    let moment: Timestamp = format!("{whole}{zone}").parse().ok()?;
    let part = fraction.bytes().any(|digit| digit != b'0');
    Some(moment.as_second() + i64::from(part))
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn moments() {
        for (text, seconds) in [
            ("2026-11-22T00:00:00Z", Some(1_795_305_600)),
            (" 2026-11-22T00:00:00Z\n", Some(1_795_305_600)),
            ("2026-11-22T00:00:00", Some(1_795_305_600)),
            ("2026-11-22T00:00:00.000Z", Some(1_795_305_600)),
            ("2026-11-22T00:00:00.0000001Z", Some(1_795_305_601)),
            ("2026-11-22T01:30:00+01:30", Some(1_795_305_600)),
            ("2026-11-21T19:00:00.5-05:00", Some(1_795_305_601)),
            ("2026-11-22 00:00:00Z", None),
            ("2026-11-22T00:00Z", None),
            ("2026-11-22T00:00:00z", None),
            ("2026-11-22T00:00:00.Z", None),
            ("2026-11-22T00:00:00+0100", None),
            ("2026-13-22T00:00:00Z", None),
            ("2026-11-22", None),
            ("1795305600", None),
            ("", None),
        ] {
            assert_eq!(parse(text), seconds, "{text}");
        }
    }
}
