//! What EKS and EKS Auth answer instead of an output, beside what every service can.

use std::fmt;

/// Failures of EKS and EKS Auth: each variant is the exception of its name in the models, with its
/// message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum EksFault {
    /// `ResourceNotFoundException`
    ResourceNotFound(String),
    /// `NotFoundException`, of the tagging operations.
    NotFound(String),
    /// `BadRequestException`, of the tagging operations.
    BadRequest(String),
    /// `InvalidParameterException`
    InvalidParameter(String),
    /// `InvalidRequestException`
    InvalidRequest(String),
    /// `ResourceInUseException`
    ResourceInUse(String),
    /// `ResourceLimitExceededException`
    ResourceLimitExceeded(String),
    /// `InvalidTokenException`: the token of the service account cannot be believed. Why is said in the
    /// request's notes.
    InvalidToken,
    /// `ExpiredTokenException`: it could be once. Holds the times, as texts.
    ExpiredToken {
        /// Now.
        now: String,
        /// When the token ended.
        expiry: String,
    },
    /// `AccessDeniedException`: a role does not trust the service, or is not there.
    Untrusted,
    /// `ServiceUnavailableException`: the cluster's key set cannot be had.
    IssuerUnavailable,
}

impl fmt::Display for EksFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ResourceNotFound(text)
            | Self::NotFound(text)
            | Self::BadRequest(text)
            | Self::InvalidParameter(text)
            | Self::InvalidRequest(text)
            | Self::ResourceInUse(text)
            | Self::ResourceLimitExceeded(text) => f.write_str(text),
            Self::InvalidToken => f.write_str("The token included in the request is invalid."),
            Self::ExpiredToken { now, expiry } => write!(
                f,
                "The token included in the request is expired: current date/time {now} must be before the expiration date/time {expiry}."
            ),
            Self::Untrusted => f.write_str(
                "Unauthorized Exception! EKS does not have permissions to assume the associated role.",
            ),
            Self::IssuerUnavailable => {
                f.write_str("The keys of the cluster's issuer are not available. Try again later.")
            }
        }
    }
}

impl From<EksFault> for crate::error::Error {
    fn from(fault: EksFault) -> Self {
        Self::Eks(fault)
    }
}
