//! One-time codes of multi-factor authentication devices: RFC 6238 with SHA-1, steps of 30 seconds
//! and six digits, the only kind that AWS's virtual devices make.
//!
//! Everything here is pure: the seed and the time are arguments, and what must be remembered between
//! two codes is [`Clockwork`], which the device's entity keeps. That a code is accepted once holds
//! because the account that holds the entity is only changed by compare and set.

use crate::environment::{Entropy, Seconds};
use crate::sealing::{RootKey, Sealed, Unsealable};
use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;
use locum_sigv4::constant_time_eq;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

mod picture;

pub(crate) use picture::png;

/// How long a code is shown.
const STEP: Seconds = 30;
/// STS accepts codes of this many steps on either side of the one that the device shows.
const WINDOW: i64 = 2;
/// Where the two codes of an enrolment are looked for, in steps from where the device should be.
const SEARCH: std::ops::RangeInclusive<i64> = -998..=1000;
/// Codes are counted in aligned spans of this length …
const SPAN: Seconds = 180;
/// … in each of which this many are looked at.
const TRIES: u32 = 9;
/// Steps whose codes were accepted that are kept one by one.
const KEPT: usize = 32;
/// Bytes of a seed: 64 letters in base32.
const SEED: usize = 40;

/// A code: six ASCII digits.
pub(crate) type Code = [u8; 6];

/// The secret that a device and the server share.
pub(crate) struct Seed(Zeroizing<Vec<u8>>);

impl Seed {
    /// Draws a seed.
    pub(crate) fn generate(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new(vec![0; SEED]);
        entropy.fill(&mut bytes);
        Self(bytes)
    }

    /// Seals it for the device of that ARN.
    ///
    /// # Errors
    /// [`Unsealable`], if the result would not open again.
    pub(crate) fn seal(
        &self,
        root_key: &RootKey,
        arn: &str,
        entropy: &dyn Entropy,
    ) -> Result<Sealed, Unsealable> {
        root_key.seal(&purpose(arn), &self.0, entropy)
    }

    /// The inverse of [`Seed::seal`].
    ///
    /// # Errors
    /// [`Unsealable`], if it was sealed under another key or for another device.
    pub(crate) fn open(root_key: &RootKey, arn: &str, sealed: &Sealed) -> Result<Self, Unsealable> {
        root_key.open(&purpose(arn), sealed).map(Self)
    }

    /// What people type into a device: base32 without padding.
    pub(crate) fn text(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE32_NOPAD.encode(&self.0))
    }
}

impl std::fmt::Debug for Seed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Seed(…)")
    }
}

/// No access key id has a blank, so no sealed key opens as a seed.
fn purpose(arn: &str) -> String {
    format!("mfa seed of {arn}")
}

/// What is remembered of a device's codes.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Clockwork {
    /// By how many steps the device's clock is ahead of ours, as the last two codes told.
    drift: i64,
    /// The step of the later of the two codes that the device was last enabled or resynchronised
    /// with: the next two must be later ones.
    synchronised: Option<i64>,
    /// The latest steps whose codes STS has accepted, in order; at most [`KEPT`].
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    used: Vec<i64>,
    /// Codes of this step and of earlier ones are not accepted whatever `used` says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    spent: Option<i64>,
    /// The span in which codes are counted, and how many were looked at in it.
    #[serde(default)]
    tries: (i64, u32),
}

/// What STS makes of a code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Verdict {
    /// It is one that the device shows about now, and was not used yet.
    Accepted,
    /// It is not.
    Wrong,
    /// Too many were looked at lately: this one was not.
    TooMany,
}

impl Clockwork {
    /// Takes the two consecutive codes that enable or resynchronise a device. Whether they are what
    /// the device showed, one after the other, within hours of `now` and later than any such two
    /// before.
    pub(crate) fn synchronise(&mut self, seed: &Seed, codes: (Code, Code), now: Seconds) -> bool {
        let key = key(seed);
        let here = now.div_euclid(STEP);
        let mut found: Option<i64> = None;
        let mut before = code(&key, here + self.drift + SEARCH.start() - 1);
        // All the steps are looked at whatever is found, so that the time taken tells nothing.
        for step in SEARCH.map(|away| here + self.drift + away) {
            let this = code(&key, step);
            let both = constant_time_eq(&before, &codes.0) & constant_time_eq(&this, &codes.1);
            let later = self.synchronised.is_none_or(|last| step - 1 > last);
            let nearer = found.is_none_or(|found| (step - here).abs() < (found - here).abs());
            if both & later & nearer {
                found = Some(step);
            }
            before = this;
        }
        if let Some(step) = found {
            self.drift = step - here;
            self.synchronised = Some(step);
        }
        found.is_some()
    }

    /// Takes a code that a caller of STS brings. Whatever becomes of it but [`Verdict::TooMany`], it
    /// counts.
    pub(crate) fn accept(&mut self, seed: &Seed, asked: Code, now: Seconds) -> Verdict {
        let span = now.div_euclid(SPAN);
        let tries = if self.tries.0 == span {
            self.tries.1
        } else {
            0
        };
        if tries >= TRIES {
            return Verdict::TooMany;
        }
        self.tries = (span, tries + 1);
        let key = key(seed);
        let shown = now.div_euclid(STEP) + self.drift;
        let mut found = None;
        for step in shown - WINDOW..=shown + WINDOW {
            let fresh = !self.used.contains(&step) && self.spent.is_none_or(|spent| step > spent);
            if constant_time_eq(&code(&key, step), &asked) & fresh {
                found = Some(step);
            }
        }
        let Some(step) = found else {
            return Verdict::Wrong;
        };
        let place = self.used.partition_point(|other| *other < step);
        self.used.insert(place, step);
        if self.used.len() > KEPT {
            self.spent = Some(self.used.remove(0));
        }
        Verdict::Accepted
    }
}

fn key(seed: &Seed) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &seed.0)
}

/// RFC 4226, section 5.3, with the step as the counter.
fn code(key: &hmac::Key, step: i64) -> Code {
    let tag = hmac::sign(key, &step.to_be_bytes());
    let tag = tag.as_ref();
    let offset = tag.last().map_or(0, |last| usize::from(last & 0xf));
    let number = tag
        .iter()
        .skip(offset)
        .take(4)
        .fold(0u32, |number, byte| number << 8 | u32::from(*byte))
        & 0x7fff_ffff;
    let mut digits = [b'0'; 6];
    let mut rest = number;
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    digits
}

#[cfg(test)]
mod tests;
