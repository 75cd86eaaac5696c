//! Discovery documents (OpenID Connect Discovery 1.0): what a provider says of itself.

use super::json::{Json, JsonFault, Object};
use crate::quote::Quoted;
use std::fmt;

/// The longest document, in bytes.
const LONGEST: usize = 256 * 1024;

/// What a provider says of itself at `/.well-known/openid-configuration`.
#[derive(Clone, Debug)]
pub struct Discovery {
    jwks_uri: String,
    document: Object,
}

/// Why a document is not that of a provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum DiscoveryFault {
    /// More bytes than any document has.
    TooLong(usize),
    /// No JSON object that can be read in one way only.
    Json(JsonFault),
    /// It says that it is another's: what it says, and whose it must be.
    Issuer(String, String),
    /// It does not say where the keys are.
    NoKeySet,
}

impl Discovery {
    /// Reads the document of an issuer, which it must name letter by letter.
    ///
    /// # Errors
    /// [`DiscoveryFault`]
    pub fn parse(bytes: &[u8], issuer: &str) -> Result<Self, DiscoveryFault> {
        if bytes.len() > LONGEST {
            return Err(DiscoveryFault::TooLong(bytes.len()));
        }
        let document = Json::object(bytes).map_err(DiscoveryFault::Json)?;
        let says = document.get("issuer").and_then(Json::text);
        let says = says.unwrap_or_default();
        if says != issuer {
            return Err(DiscoveryFault::Issuer(says.to_owned(), issuer.to_owned()));
        }
        let jwks_uri = document.get("jwks_uri").and_then(Json::text);
        let jwks_uri = jwks_uri.ok_or(DiscoveryFault::NoKeySet)?.to_owned();
        Ok(Self { jwks_uri, document })
    }

    /// `jwks_uri`: where its keys are.
    pub fn jwks_uri(&self) -> &str {
        &self.jwks_uri
    }

    /// Another member that is a text (`authorization_endpoint`, `token_endpoint`, …).
    pub fn text(&self, name: &str) -> Option<&str> {
        self.document.get(name).and_then(Json::text)
    }

    /// Whether another member is `true` (`authorization_response_iss_parameter_supported`, …).
    pub fn is_true(&self, name: &str) -> bool {
        self.document.get(name) == Some(&Json::Bool(true))
    }

    /// Another member that is an array of texts (`id_token_signing_alg_values_supported`, …).
    pub fn texts(&self, name: &str) -> Option<Vec<&str>> {
        self.document.get(name).and_then(Json::texts)
    }
}

impl fmt::Display for DiscoveryFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(length) => write!(
                f,
                "the provider's configuration has {length} bytes, and may have {LONGEST}"
            ),
            Self::Json(fault) => write!(f, "the provider's configuration is {fault}"),
            Self::Issuer(says, issuer) => write!(
                f,
                "the provider's configuration says that its issuer is {}, and must say {}",
                Quoted(says),
                Quoted(issuer)
            ),
            Self::NoKeySet => f.write_str("the provider's configuration has no `jwks_uri`"),
        }
    }
}

impl std::error::Error for DiscoveryFault {}
