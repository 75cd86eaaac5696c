//! Every store through the port, and each kind by itself.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "everything here is a test"
)]

mod conformance;
mod crash;
mod sqlite;
