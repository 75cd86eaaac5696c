//! What the two programs of the benchmark share: the policies that are decided on, and a realm of
//! many roles.
//!
//! `locum-bench` measures time, under the server's allocator. `locum-bench-memory` counts
//! allocations, under an allocator that counts, and so has to be a program of its own.

use std::error::Error;

pub mod counted;
pub mod policies;
pub mod realm;

/// What can end a measurement early.
pub type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;
