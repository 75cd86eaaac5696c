//! What is wrong with a token.

use super::json::JsonFault;
use super::keys::{Algorithm, Unusable};
use super::{LONGEST_TOKEN, TOLERANCE};
use crate::quote::{List, Quoted};
use std::fmt;

/// A part of a token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The JOSE header.
    Header,
    /// The claims.
    Claims,
    /// The signature.
    Signature,
}

/// What is wrong with a token. Its text is for who runs the server, and has what others wrote in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// It is longer than any token.
    TooLong(usize),
    /// It has not three parts: so many.
    Parts(usize),
    /// It is encrypted (JWE).
    Encrypted,
    /// A part is not base64url without padding.
    Encoding(Part),
    /// A part is no JSON object that can be read in one way only.
    Json(Part, JsonFault),
    /// The header names an algorithm that is not accepted, or none.
    Algorithm(String),
    /// The header asks for something that is not understood here.
    Extension(String),
    /// It is a token for another purpose.
    Type(String),
    /// The header's `kid` is no text.
    KeyId,
    /// A claim is missing.
    Missing(&'static str),
    /// A claim is not what it must be.
    Claim {
        /// Its name.
        name: String,
        /// What it must be.
        wanted: &'static str,
    },
    /// Two claims whose names differ in letter case only: policies could not tell them apart.
    Alike(String, String),
    /// No key of the set has the id that the token names.
    UnknownKey {
        /// The key id of the token.
        key_id: String,
        /// Those of the set.
        known: Vec<String>,
    },
    /// The token names no key, and the set has not exactly one.
    KeyNotNamed(usize),
    /// The key that the token names is in the set, and cannot verify signatures.
    UnusableKey(String, Unusable),
    /// The set has so many RSA keys that none is used.
    TooManyRsaKeys(usize),
    /// The key does not fit the algorithm.
    WrongKey(Algorithm, String),
    /// The signature is not the key's.
    Signature(Algorithm),
    /// It has expired.
    Expired {
        /// The time, in seconds since 1970.
        now: i64,
        /// `exp`
        expiry: i64,
    },
    /// Its time has not come.
    NotYet {
        /// `nbf` or `iat`
        claim: &'static str,
        /// The time, in seconds since 1970.
        now: i64,
        /// The claim's value.
        at: i64,
    },
    /// It is for somebody else.
    Audience {
        /// The claim that decides: `aud` or `azp`.
        claim: &'static str,
        /// Whom it is for.
        given: String,
        /// Whom it could be for.
        accepted: Vec<String>,
    },
    /// It is for several, and does not tell who it was issued to.
    SeveralAudiences(Vec<String>),
}

impl fmt::Display for Part {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Claims => "claims",
            Self::Signature => "signature",
        })
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(length) => write!(
                f,
                "the token has {length} characters, and may have {LONGEST_TOKEN}"
            ),
            Self::Parts(parts) => write!(
                f,
                "the token is no JWT: it has {parts} parts with dots between them, and not three"
            ),
            Self::Encrypted => f.write_str("the token is encrypted, and must be signed only"),
            Self::Encoding(part) => write!(
                f,
                "the token's {part} cannot be read: it is not base64url without padding"
            ),
            Self::Json(part, fault) => write!(f, "the token's {part} cannot be read: {fault}"),
            Self::Algorithm(name) => write!(
                f,
                "the token's algorithm is {}, and must be one of RS256, RS384, RS512, ES256, ES384, ES512",
                Quoted(name)
            ),
            Self::Extension(name) => write!(
                f,
                "the token's header has {}, which is not understood here",
                Quoted(name)
            ),
            Self::Type(name) => write!(
                f,
                "the token is one of type {}, which does not tell who somebody is",
                Quoted(name)
            ),
            Self::KeyId => f.write_str("the token's `kid` is no text of 1 to 1024 bytes"),
            Self::Missing(name) => write!(f, "the token has no `{name}`"),
            Self::Claim { name, wanted } => {
                write!(f, "the token's {} is not {wanted}", Quoted(name))
            }
            Self::Alike(one, other) => write!(
                f,
                "the token's claims {} and {} differ in letter case only, which policies cannot tell apart",
                Quoted(one),
                Quoted(other)
            ),
            Self::UnknownKey { key_id, known } => write!(
                f,
                "the token is signed with key {}, which the provider does not publish; it publishes {}",
                Quoted(key_id),
                List(known)
            ),
            Self::KeyNotNamed(keys) => write!(
                f,
                "the token does not say which key it is signed with, and the provider publishes {keys} keys that have an id: it must be exactly one"
            ),
            Self::UnusableKey(key_id, why) => write!(
                f,
                "the provider publishes the token's key {}, but it cannot be used: {why}",
                Quoted(key_id)
            ),
            Self::TooManyRsaKeys(keys) => write!(
                f,
                "the provider publishes {keys} RSA keys; of more than {} none is used",
                super::keys::MOST_RSA_KEYS
            ),
            Self::WrongKey(algorithm, key_id) => write!(
                f,
                "the token says that it is signed with {algorithm}, which the key {} is not for",
                Quoted(key_id)
            ),
            Self::Signature(algorithm) => write!(
                f,
                "the token's signature ({algorithm}) is wrong: it was changed, or signed with another key of that name"
            ),
            Self::Expired { now, expiry } => write!(
                f,
                "the token expired {} s ago: `exp` is {expiry}, the time here is {now}, and {TOLERANCE} s are tolerated",
                now.saturating_sub(*expiry)
            ),
            Self::NotYet { claim, now, at } => write!(
                f,
                "the token is from the future, or the clock is off by {} s: `{claim}` is {at}, the time here is {now}, and {TOLERANCE} s are tolerated",
                at.saturating_sub(*now)
            ),
            Self::Audience {
                claim,
                given,
                accepted,
            } => write!(
                f,
                "the audience {} (`{claim}`) is not among the provider's client ids: {}",
                Quoted(given),
                List(accepted)
            ),
            Self::SeveralAudiences(audiences) => write!(
                f,
                "the token is for several audiences ({}) and has no `azp`, which would decide",
                List(audiences)
            ),
        }
    }
}

impl std::error::Error for Fault {}
