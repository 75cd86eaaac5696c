//! What issuing tokens alone answers.

use std::fmt;

/// Why there is no token, or no change of the feature.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OutboundFault {
    /// `FeatureEnabled`: it is enabled already.
    Enabled,
    /// `FeatureDisabled`, of IAM: it is not enabled.
    NotEnabled,
    /// `OutboundWebIdentityFederationDisabledException`, of STS: it is not enabled.
    Disabled,
    /// `SessionDurationEscalationException`: the token would outlive the caller's session.
    DurationEscalation,
    /// `JWTPayloadSizeExceededException`
    PayloadTooLarge {
        /// Bytes of the claims.
        bytes: usize,
        /// Bytes that they may have.
        limit: usize,
    },
    /// The server does not know by what URL others reach it.
    NoPublicUrl,
}

impl fmt::Display for OutboundFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Enabled => f.write_str(
                "Outbound web identity federation is already enabled for this account.",
            ),
            Self::NotEnabled | Self::Disabled => f.write_str(
                "Outbound web identity federation is not enabled for this account.",
            ),
            Self::DurationEscalation => f.write_str(
                "The requested DurationSeconds would let the token outlive the session that asks for it.",
            ),
            Self::PayloadTooLarge { bytes, limit } => write!(
                f,
                "The payload of the token has {bytes} bytes, which is more than the {limit} allowed. Use fewer or shorter tags."
            ),
            Self::NoPublicUrl => f.write_str(
                "This server has no public URL that tokens could name as their issuer. Its operator must set one (public-url).",
            ),
        }
    }
}
