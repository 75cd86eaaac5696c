//! The real clock and the real randomness: the only place that reads them.

use crate::Failure;
use aws_lc_rs::rand;
use locum_identity::environment::{Clock, Entropy, Environment};
use locum_identity::issuer::{Algorithm, KeyFault, KeyMaker, Making, PrivateKey};
use locum_identity::password::{Work, Working, Workshop};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use zeroize::Zeroize as _;

/// The system's clock, some seconds ahead where a test stepped it.
#[derive(Debug, Default)]
pub(crate) struct SystemClock {
    ahead_millis: AtomicI64,
}

impl SystemClock {
    /// Steps the clock. Only `--ephemeral` offers this.
    pub(crate) fn advance(&self, seconds: i64) {
        self.ahead_millis
            .fetch_add(seconds.saturating_mul(1000), Ordering::Relaxed);
    }
}

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the clock that is handed in"
    )]
    fn now_millis(&self) -> i64 {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        i64::try_from(since.as_millis())
            .unwrap_or(i64::MAX)
            .saturating_add(self.ahead_millis.load(Ordering::Relaxed))
    }
}

/// The cryptographic library's random generator.
#[derive(Debug)]
pub(crate) struct SystemEntropy;

impl SystemEntropy {
    /// The generator, seeded: the first byte of a process takes long, so it is drawn here.
    pub(crate) fn ready() -> Self {
        Self.fill(&mut [0]);
        Self
    }
}

impl Entropy for SystemEntropy {
    /// Small requests are served from a supply of each thread's own: the generator takes as long
    /// for a few bytes as for many.
    fn fill(&self, bytes: &mut [u8]) {
        SUPPLY.with_borrow_mut(|supply| {
            if bytes.len() > supply.rest {
                if bytes.len() > SUPPLY_BYTES {
                    return draw(bytes);
                }
                draw(&mut supply.bytes);
                supply.rest = SUPPLY_BYTES;
            }
            // From the end on, wiping what was given out: no byte is kept that anyone was given.
            let (rest, _) = supply.bytes.split_at_mut(supply.rest);
            let (_, given) = rest.split_at_mut(supply.rest - bytes.len());
            bytes.copy_from_slice(given);
            given.zeroize();
            supply.rest -= bytes.len();
        });
    }
}

const SUPPLY_BYTES: usize = 1024;

/// Random bytes that nobody was given yet: the first `rest` of them.
struct Supply {
    bytes: [u8; SUPPLY_BYTES],
    rest: usize,
}

thread_local! {
    static SUPPLY: RefCell<Supply> = const { RefCell::new(Supply { bytes: [0; SUPPLY_BYTES], rest: 0 }) };
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the randomness that is handed in"
)]
#[expect(
    clippy::panic,
    reason = "a process without randomness must not go on; the generator does not fail once seeded"
)]
fn draw(bytes: &mut [u8]) {
    if rand::fill(bytes).is_err() {
        panic!("the system has no randomness");
    }
}

/// Makes signing keys and hashes passwords on threads of their own, so that no request waits behind one
/// that takes long.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MadeApart;

impl KeyMaker for MadeApart {
    fn make(&self, algorithm: Algorithm) -> Making<'_> {
        Box::pin(async move {
            let made = tokio::task::spawn_blocking(move || PrivateKey::generate(algorithm));
            made.await.map_err(|_| KeyFault)?
        })
    }
}

impl Workshop for MadeApart {
    fn run(&self, work: Work) -> Working<'_> {
        Box::pin(async move {
            // Who waits for the outcome sees that there is none.
            let _ = tokio::task::spawn_blocking(work).await;
        })
    }
}

/// The runtime of a command: everything runs on the thread that asks for it.
pub(crate) fn runtime() -> Result<tokio::runtime::Runtime, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::work("no runtime", error))
}

/// The environment of the running program, with a hand on its clock.
pub(crate) fn system() -> (Environment, Arc<SystemClock>) {
    let clock = Arc::new(SystemClock::default());
    (
        Environment {
            clock: clock.clone(),
            entropy: Arc::new(SystemEntropy::ready()),
        },
        clock,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn no_byte_is_given_twice() {
        let entropy = SystemEntropy::ready();
        let mut seen = HashSet::new();
        for length in (8..40)
            .cycle()
            .take(2000)
            .chain([SUPPLY_BYTES, SUPPLY_BYTES + 1, 0])
        {
            let mut bytes = vec![0; length];
            entropy.fill(&mut bytes);
            // Eight bytes that come twice would be a chance of one in 2^40 and less.
            if let Some(start) = bytes.first_chunk::<8>() {
                assert!(seen.insert(*start), "{length}");
                assert_ne!(start, &[0; 8]);
            }
        }
    }
}
