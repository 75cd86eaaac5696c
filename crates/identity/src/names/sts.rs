//! Parameters that only STS has.

use super::{Constrained, Constraint, Illegal, check};
use std::fmt;

text_type! {
    /// `AccessKeyId` of GetAccessKeyInfo: 16 to 128 of `[\w]`, by a pattern that IAM spells otherwise.
    KeyIdToLookUp, (16, 128), r"[\w]*", |c| c.is_ascii_alphanumeric() || c == '_'
}

text_type! {
    /// `SAMLAssertion`: 4 to 100000 characters of base64.
    SamlAssertionText, (4, 100_000), "", |_| true
}
text_type! {
    /// `WebIdentityToken`: 4 to 20000 characters.
    WebIdentityTokenText, (4, 20_000), "", |_| true
}
text_type! {
    /// `ProviderId`: 4 to 2048 characters.
    ProviderId, (4, 2048), "", |_| true
}

const MOST: i32 = 4096;

/// `MinimumSessionTokenSize`: how many characters a session token has at least, 0 to 4096. Shorter ones
/// are padded, so that who stores tokens finds out early how long they can be.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct MinimumTokenSize(u16);

impl MinimumTokenSize {
    /// At least so many characters.
    ///
    /// # Errors
    /// The limit that fails.
    pub fn from_characters(characters: i32) -> Result<Self, Constraint> {
        match u16::try_from(characters) {
            _ if characters > MOST => Err(Constraint::MaxValue(MOST.into())),
            Ok(characters) => Ok(Self(characters)),
            Err(_) => Err(Constraint::MinValue(0)),
        }
    }

    /// The characters.
    pub fn characters(self) -> usize {
        self.0.into()
    }
}
