//! Reports that an account asked for.

use crate::environment::Seconds;
use serde::{Deserialize, Serialize};

/// The credential report made last.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CredentialReport {
    /// When it was made.
    pub generated: Seconds,
    /// CSV.
    pub content: String,
}
