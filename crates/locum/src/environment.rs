//! The real clock and the real randomness: the only place that reads them.

use aws_lc_rs::rand;
use locum_identity::environment::{Clock, Entropy, Environment};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

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
    #[expect(
        clippy::disallowed_methods,
        reason = "this is the randomness that is handed in"
    )]
    #[expect(
        clippy::panic,
        reason = "a process without randomness must not go on; the generator does not fail once seeded"
    )]
    fn fill(&self, bytes: &mut [u8]) {
        if rand::fill(bytes).is_err() {
            panic!("the system has no randomness");
        }
    }
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
