//! Nanoseconds of an operation, and of its peer in turns with it.
//!
//! What is counted is the thread's time on a processor, so that other work on the machine disturbs
//! little.

use crate::Effort;
use crate::figures::{Figure, median};
use rustix::time::{ClockId, clock_gettime};
use std::hint::black_box;
use std::time::Duration;

/// Times an operation and its peer in turns.
pub(crate) fn time(
    name: &str,
    effort: Effort,
    ours: impl FnMut() -> bool,
    peer: impl FnMut(),
) -> Figure {
    let (ours, peer) = pair(effort, ours, peer);
    Figure::less_is_better(name, ours, "ns", peer)
}

/// Nanoseconds of an operation and of its peer, timed in turns.
pub(crate) fn pair(
    effort: Effort,
    mut ours: impl FnMut() -> bool,
    mut peer: impl FnMut(),
) -> (f64, f64) {
    let mut ours = || {
        black_box(ours());
    };
    let (our_count, peer_count) = (
        calibrate(effort.loops, &mut ours),
        calibrate(effort.loops, &mut peer),
    );
    let (mut our_rounds, mut peer_rounds) = (Vec::new(), Vec::new());
    for _ in 0..rounds(effort) {
        our_rounds.push(round(our_count, &mut ours));
        peer_rounds.push(round(peer_count, &mut peer));
    }
    (median(our_rounds), median(peer_rounds))
}

/// Primitives have no network to wait for, so there is time for more rounds.
fn rounds(effort: Effort) -> usize {
    effort.pairs * 3
}

/// How many times the operation fits into a round.
fn calibrate(length: Duration, operation: &mut impl FnMut()) -> u32 {
    let mut count = 1;
    loop {
        let started = now();
        (0..count).for_each(|_| operation());
        if now().saturating_sub(started) >= length || count >= 1 << 30 {
            return count;
        }
        count *= 2;
    }
}

/// Nanoseconds of one operation.
fn round(count: u32, operation: &mut impl FnMut()) -> f64 {
    let started = now();
    (0..count).for_each(|_| operation());
    now().saturating_sub(started).as_nanos() as f64 / f64::from(count)
}

/// How long this thread has run.
fn now() -> Duration {
    // Never negative, and present on every system that locum runs on.
    clock_gettime(ClockId::ThreadCPUTime)
        .try_into()
        .unwrap_or_default()
}
