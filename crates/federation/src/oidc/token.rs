//! Tokens: JWS in compact form (RFC 7515) around claims (RFC 7519).

use super::claims::Verified;
use super::fault::{Fault, Part};
use super::json::{Json, Object};
use super::keys::{Algorithm, KeySet, LONGEST_KEY_ID};
use data_encoding::BASE64URL_NOPAD;

/// The longest token, in bytes: AWS's.
pub const LONGEST_TOKEN: usize = 20_000;

/// A token that nobody verified yet. It tells what is needed to look its keys up, and nothing else.
#[derive(Debug)]
pub struct Token<'a> {
    algorithm: Algorithm,
    key_id: Option<String>,
    issuer: String,
    claims: Object,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Reads a token in compact form.
    ///
    /// # Errors
    /// [`Fault`], for what is no signed JWT whose header and claims could be read in one way only, names
    /// an algorithm that is not accepted, or does not say whose it is.
    pub fn parse(text: &'a str) -> Result<Self, Fault> {
        Self::parse_with(text, |kind| {
            !kind.ends_with("+jwt") || matches!(kind, "at+jwt" | "id+jwt")
        })
    }

    /// The same of a logout token (OpenID Connect Back-Channel Logout 1.0, section 2.4). Providers that
    /// say no type, or that it is a JWT, are believed: what else it must say tells it from other tokens.
    ///
    /// # Errors
    /// [`Fault`]
    pub fn parse_logout(text: &'a str) -> Result<Self, Fault> {
        Self::parse_with(text, |kind| !kind.ends_with("+jwt") || kind == "logout+jwt")
    }

    /// Reads a token of the types that `is_meant` knows: in small letters, without `application/`.
    fn parse_with(text: &'a str, is_meant: impl Fn(&str) -> bool) -> Result<Self, Fault> {
        if text.len() > LONGEST_TOKEN {
            return Err(Fault::TooLong(text.len()));
        }
        let mut parts = text.split('.');
        let all = (parts.next(), parts.next(), parts.next(), parts.next());
        let (Some(header), Some(claims), Some(signature), None) = all else {
            return Err(match text.split('.').count() {
                5 => Fault::Encrypted,
                parts => Fault::Parts(parts),
            });
        };
        let (signed, _) = text.rsplit_once('.').ok_or(Fault::Parts(1))?;
        let header = object(header, Part::Header)?;
        let algorithm = algorithm(&header, is_meant)?;
        let key_id = match header.get("kid") {
            None => None,
            Some(Json::Text(id)) if (1..=LONGEST_KEY_ID).contains(&id.len()) => Some(id.clone()),
            Some(_) => return Err(Fault::KeyId),
        };
        let claims = object(claims, Part::Claims)?;
        let issuer = match claims.get("iss") {
            None | Some(Json::Null) => return Err(Fault::Missing("iss")),
            Some(Json::Text(issuer)) => issuer.clone(),
            Some(_) => {
                return Err(Fault::Claim {
                    name: "iss".to_owned(),
                    wanted: "a text",
                });
            }
        };
        Ok(Self {
            algorithm,
            key_id,
            issuer,
            claims,
            signed,
            signature: decoded(signature, Part::Signature)?,
        })
    }

    /// Whose token it says it is (`iss`): to look the provider up, and nothing else.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The key that it names (`kid`): to look it up, and nothing else.
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// What it says, if one of the keys signed it.
    ///
    /// # Errors
    /// [`Fault`]: there is no such key, or the signature is not its.
    pub fn verify(self, keys: &KeySet) -> Result<Verified, Fault> {
        keys.verify(
            self.algorithm,
            self.key_id.as_deref(),
            self.signed.as_bytes(),
            &self.signature,
        )?;
        Ok(Verified::new(self.issuer, self.claims))
    }
}

fn algorithm(header: &Object, is_meant: impl Fn(&str) -> bool) -> Result<Algorithm, Fault> {
    // What must be understood and is not (RFC 7515 section 4.1.11), and what changes what is signed.
    if let Some(name) = ["crit", "b64", "zip"]
        .into_iter()
        .find(|name| header.contains_key(*name))
    {
        return Err(Fault::Extension(name.to_owned()));
    }
    let algorithm = header.get("alg").and_then(Json::text).unwrap_or_default();
    let algorithm =
        Algorithm::named(algorithm).ok_or_else(|| Fault::Algorithm(algorithm.to_owned()))?;
    // Issuers sign other things with the same keys: RFC 8725 section 3.11.
    let kind = header.get("typ").and_then(Json::text).unwrap_or_default();
    let plain = kind.to_ascii_lowercase();
    let plain = plain.strip_prefix("application/").unwrap_or(&plain);
    if !is_meant(plain) {
        return Err(Fault::Type(kind.to_owned()));
    }
    Ok(algorithm)
}

fn object(text: &str, part: Part) -> Result<Object, Fault> {
    let bytes = decoded(text, part)?;
    Json::object(&bytes).map_err(|fault| Fault::Json(part, fault))
}

fn decoded(text: &str, part: Part) -> Result<Vec<u8>, Fault> {
    let bytes = BASE64URL_NOPAD.decode(text.as_bytes());
    bytes.map_err(|_| Fault::Encoding(part))
}
