//! What the federated operations of STS answer to who has no credentials yet: AWS's sentences. Which check
//! failed is said in the request's notes, and not to the caller.

use std::borrow::Cow;
use std::fmt;

/// Why a foreign identity gets no session (STS API reference, "AssumeRoleWithWebIdentity" and
/// "AssumeRoleWithSAML", errors).
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FederationFault {
    /// `InvalidIdentityToken`: the token or assertion cannot be believed.
    InvalidIdentityToken(Cow<'static, str>),
    /// `ExpiredTokenException`: it could be once.
    ExpiredToken(Cow<'static, str>),
    /// `IDPCommunicationError`: its provider cannot be asked. Clients may try again.
    IdpCommunication(Cow<'static, str>),
    /// `IDPRejectedClaim`: its provider does not stand by it.
    IdpRejectedClaim(Cow<'static, str>),
    /// `AccessDenied`: a name and a password that do not belong together, or a user who may not log in. Which
    /// is not told.
    NotAuthenticated,
    /// `AccessDenied`: no such role, or one that does not trust it. Which is not told. Holds the action, such
    /// as `sts:AssumeRoleWithSAML`.
    NotAuthorized(&'static str),
}

impl fmt::Display for FederationFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidIdentityToken(text)
            | Self::ExpiredToken(text)
            | Self::IdpCommunication(text)
            | Self::IdpRejectedClaim(text) => f.write_str(text),
            Self::NotAuthenticated => f.write_str("The username or the password is incorrect."),
            Self::NotAuthorized(action) => write!(f, "Not authorized to perform {action}"),
        }
    }
}

impl From<FederationFault> for super::Error {
    fn from(fault: FederationFault) -> Self {
        Self::Federation(fault)
    }
}
