//! What IAM Roles Anywhere answers besides what every service does.

use std::fmt;

/// Why IAM Roles Anywhere does not do something.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AnywhereFault {
    /// `ResourceNotFoundException`. Holds what is not there.
    NotFound(String),
    /// `AccessDeniedException`, to who came with a certificate. Which check failed is said in the request's
    /// notes.
    AccessDenied(String),
    /// `TooManyTagsException`
    TooManyTags,
}

impl AnywhereFault {
    /// The signature, or what it rests on.
    pub(super) fn invalid_signature() -> Self {
        Self::AccessDenied("Invalid signature".to_owned())
    }

    /// No path leads from the certificate to the trust anchor.
    pub(super) fn untrusted() -> Self {
        Self::AccessDenied("Untrusted Signing Certificate".to_owned())
    }
}

impl fmt::Display for AnywhereFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound(what) => write!(f, "{what} not found"),
            Self::AccessDenied(text) => f.write_str(text),
            Self::TooManyTags => f.write_str("A resource can have at most 50 tags."),
        }
    }
}

impl From<AnywhereFault> for crate::error::Error {
    fn from(fault: AnywhereFault) -> Self {
        Self::RolesAnywhere(fault)
    }
}
