//! Identity providers of an account.

use crate::environment::Seconds;
use crate::names::Tag;
use crate::saml::TrustOnce;
use crate::sealing::Sealed;
use serde::{Deserialize, Serialize};

/// An OpenID Connect provider.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OpenIdConnectProvider {
    /// The issuer's URL without `https://`, as it was given. Its ARN ends with it.
    pub url: String,
    /// The audiences, in the order they were added.
    pub client_ids: Vec<String>,
    /// SHA-1 thumbprints of the certificates that the issuer's key set may be fetched under.
    pub thumbprints: Vec<String>,
    /// When it was created.
    pub created: Seconds,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// A SAML 2.0 provider.
///
/// Who may sign is read from the metadata on first use, and kept with the value.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SamlProvider {
    /// The name. Letter case tells providers apart.
    pub name: String,
    /// `SAMLProviderUUID`: 32 capital letters and digits.
    pub uuid: String,
    /// The metadata document, byte for byte as submitted.
    pub metadata: String,
    /// When it was created.
    pub created: Seconds,
    /// `ValidUntil`
    pub valid_until: Seconds,
    /// Whether assertions must be encrypted; `None` where that was never said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assertion_encryption_required: Option<bool>,
    /// The keys that decrypt assertions, the oldest first; at most two.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub private_keys: Vec<SamlPrivateKey>,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// Who may sign, and what decrypts.
    #[serde(skip)]
    pub trust: TrustOnce,
}

/// That an assertion got its session, where a provider's get one at most.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SpentAssertion {
    /// SHA-256 of the provider's ARN and the assertion's ID, in base64url.
    pub id: String,
    /// The first second at which the assertion is good no more, and this can go.
    pub expires: Seconds,
}

impl SpentAssertion {
    /// What tells it apart. What can go first is in front.
    pub fn key(&self) -> String {
        format!("{:014}-{}", self.expires.max(0), self.id)
    }
}

/// A key that decrypts assertions.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SamlPrivateKey {
    /// Its id: 32 capital letters and digits.
    pub id: String,
    /// When it was added.
    pub added: Seconds,
    /// The key as PKCS #8, sealed under the root key.
    pub key: Sealed,
}
