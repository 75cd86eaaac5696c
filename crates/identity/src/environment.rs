//! Time and randomness, handed in: only the program's composition reads the real ones.

/// Seconds since 1970-01-01T00:00:00Z.
pub type Seconds = i64;

/// The time of day.
pub trait Clock: Send + Sync + 'static {
    /// Milliseconds since 1970-01-01T00:00:00Z.
    fn now_millis(&self) -> i64;

    /// Seconds since 1970-01-01T00:00:00Z.
    fn now(&self) -> Seconds {
        self.now_millis().div_euclid(1000)
    }
}

/// Randomness fit for keys.
pub trait Entropy: Send + Sync + 'static {
    /// Fills `bytes` with random bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// What the domain needs from outside.
#[derive(Clone)]
pub struct Environment {
    /// The time.
    pub clock: std::sync::Arc<dyn Clock>,
    /// The randomness.
    pub entropy: std::sync::Arc<dyn Entropy>,
}

/// `YYYY-MM-DDTHH:MM:SSZ`, the form of every timestamp in answers.
pub fn timestamp(seconds: Seconds) -> String {
    let Ok(time) = jiff::Timestamp::from_second(seconds) else {
        return String::new();
    };
    let time = jiff::tz::Offset::UTC.to_datetime(time);
    let Ok(year @ 0..=9999) = u16::try_from(time.year()) else {
        return String::new();
    };
    let mut text = String::with_capacity(20);
    let mut push = |number: u16, places: &[u16], behind| {
        let digits = places.iter().map(|place| number / place % 10);
        text.extend(digits.map(|digit| char::from(b'0' + digit as u8)));
        text.push(behind);
    };
    push(year, &[1000, 100, 10, 1], '-');
    for (number, behind) in [
        (time.month(), '-'),
        (time.day(), 'T'),
        (time.hour(), ':'),
        (time.minute(), ':'),
        (time.second(), 'Z'),
    ] {
        push(u16::from(number.unsigned_abs()), &[10, 1], behind);
    }
    text
}

/// The moment that a timestamp of ISO 8601 with an offset names, in whole seconds, rounded up.
pub fn parse_timestamp(text: &str) -> Option<Seconds> {
    let moment: jiff::Timestamp = text.parse().ok()?;
    let seconds = moment.as_second();
    Some(seconds + i64::from(moment.subsec_nanosecond() > 0))
}

/// Deterministic stand-ins for tests.
#[cfg(test)]
pub(crate) mod testing {
    use super::Entropy;
    use std::sync::atomic::{AtomicU64, Ordering};

    /// "Randomness" that never repeats.
    #[derive(Default)]
    pub(crate) struct Counter(AtomicU64);

    impl Entropy for Counter {
        fn fill(&self, bytes: &mut [u8]) {
            for chunk in bytes.chunks_mut(8) {
                let n = self
                    .0
                    .fetch_add(1, Ordering::Relaxed)
                    .wrapping_mul(0x9E37_79B9_7F4A_7C15);
                chunk.copy_from_slice(&n.to_le_bytes()[..chunk.len()]);
            }
        }
    }
}
