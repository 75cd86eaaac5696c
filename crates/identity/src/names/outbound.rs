//! Names and durations of outbound web identity federation.

use super::{Constrained, Constraint, Illegal, check};
use std::fmt;

text_type! {
    /// One `Audience` of GetWebIdentityToken: 1 to 1000 characters of any kind.
    TokenAudience, (1, 1000), r".*", |_| true
}
seconds_type! {
    /// `DurationSeconds` of GetWebIdentityToken: 60 to 3600.
    WebIdentityTokenDuration, 60, 3600
}
