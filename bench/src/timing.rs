//! Nanoseconds of an operation, and of its peer in turns with it.

use crate::Effort;
use crate::figures::{Figure, median};
use std::hint::black_box;
use std::time::{Duration, Instant};

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
        let started = Instant::now();
        (0..count).for_each(|_| operation());
        if started.elapsed() >= length || count >= 1 << 30 {
            return count;
        }
        count *= 2;
    }
}

/// Nanoseconds of one operation.
fn round(count: u32, operation: &mut impl FnMut()) -> f64 {
    let started = Instant::now();
    (0..count).for_each(|_| operation());
    started.elapsed().as_nanos() as f64 / f64::from(count)
}
