//! Key sets (RFC 7517, RFC 7518): which of their keys verify signatures.
//!
//! A key that cannot be used does not spoil the set, since providers publish keys for other purposes too;
//! why it cannot is kept for who asks why a token was refused.

use super::fault::Fault;
use super::json::{Json, JsonFault, Object};
use crate::quote::Quoted;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    EcdsaVerificationAlgorithm, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use std::collections::HashMap;
use std::fmt;
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey as CertifiedKey;

/// The longest key set, in bytes.
const LONGEST_SET: usize = 512 * 1024;
/// The most keys of a set.
const MOST_KEYS: usize = 1000;
/// Of more RSA keys than these, none is used: as AWS does it.
pub(super) const MOST_RSA_KEYS: usize = 100;
/// The sizes of RSA moduli, in bits.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The longest key id, in bytes.
pub(super) const LONGEST_KEY_ID: usize = 1024;

/// A signature algorithm (RFC 7518 section 3.1) that is accepted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384
    Rs384,
    /// RSASSA-PKCS1-v1_5 with SHA-512
    Rs512,
    /// ECDSA on P-256 with SHA-256
    Es256,
    /// ECDSA on P-384 with SHA-384
    Es384,
    /// ECDSA on P-521 with SHA-512
    Es512,
}

impl Algorithm {
    const ALL: [Self; 6] = [
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Es256,
        Self::Es384,
        Self::Es512,
    ];

    /// The algorithm of a name, spelled exactly.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.name() == name)
    }

    /// Its name.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Es512 => "ES512",
        }
    }

    const fn is_rsa(self) -> bool {
        matches!(self, Self::Rs256 | Self::Rs384 | Self::Rs512)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a key of a set verifies nothing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Unusable {
    /// It is no object, or a member that it must have is missing or unreadable.
    Member(&'static str),
    /// `use` is not `sig`.
    Use(String),
    /// It has `key_ops`.
    Operations,
    /// `kty` is neither `RSA` nor `EC`.
    Kind(String),
    /// `crv` is none of the three.
    Curve(String),
    /// An RSA modulus of so many bits.
    Size(usize),
    /// The numbers are no key.
    NoKey,
    /// The certificate in `x5c` cannot be read, or is of another key.
    Certificate,
}

/// Why bytes are no key set.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum KeySetFault {
    /// More bytes than any set has.
    TooLong(usize),
    /// No JSON object that can be read in one way only.
    Json(JsonFault),
    /// No array `keys`.
    NoKeys,
    /// More keys than any set has.
    TooMany(usize),
}

/// A key that verifies signatures.
enum PublicKey {
    /// One modulus, ready for each of the three digests.
    Rsa(Box<[ParsedPublicKey; 3]>),
    Ec(Algorithm, ParsedPublicKey),
}

/// The keys of a provider.
pub struct KeySet {
    keys: HashMap<String, PublicKey>,
    unusable: Vec<(Option<String>, Unusable)>,
    rsa_keys: usize,
}

impl KeySet {
    /// Reads a set. Of keys with one id the last that can be used is.
    ///
    /// # Errors
    /// [`KeySetFault`]
    pub fn parse(bytes: &[u8]) -> Result<Self, KeySetFault> {
        if bytes.len() > LONGEST_SET {
            return Err(KeySetFault::TooLong(bytes.len()));
        }
        let mut set = Json::object(bytes).map_err(KeySetFault::Json)?;
        let Some(Json::Array(listed)) = set.remove("keys") else {
            return Err(KeySetFault::NoKeys);
        };
        if listed.len() > MOST_KEYS {
            return Err(KeySetFault::TooMany(listed.len()));
        }
        let is_rsa = |key: &&Json| match key {
            Json::Object(key) => key.get("kty").and_then(Json::text) == Some("RSA"),
            _ => false,
        };
        let mut set = Self {
            keys: HashMap::new(),
            unusable: Vec::new(),
            rsa_keys: listed.iter().filter(is_rsa).count(),
        };
        for key in &listed {
            set.add(key);
        }
        Ok(set)
    }

    fn add(&mut self, key: &Json) {
        let Json::Object(key) = key else {
            self.unusable.push((None, Unusable::Member("keys")));
            return;
        };
        let id = key.get("kid").and_then(Json::text);
        let id = id.filter(|id| (1..=LONGEST_KEY_ID).contains(&id.len()));
        match (id, PublicKey::of(key)) {
            (Some(id), Ok(key)) => {
                self.keys.insert(id.to_owned(), key);
            }
            (None, Ok(_)) => self.unusable.push((None, Unusable::Member("kid"))),
            (id, Err(why)) => self.unusable.push((id.map(str::to_owned), why)),
        }
    }

    /// How many keys verify signatures.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether no key verifies signatures.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    /// The keys that verify nothing, by their ids, and why.
    pub fn unusable(&self) -> impl Iterator<Item = (Option<&str>, &Unusable)> {
        let unusable = self.unusable.iter();
        unusable.map(|(id, why)| (id.as_deref(), why))
    }

    /// Whether a token that names this key, or none, could be verified: whether asking the provider again
    /// would help.
    pub fn has(&self, key_id: Option<&str>) -> bool {
        match key_id {
            Some(id) => self.keys.contains_key(id),
            None => self.keys.len() == 1,
        }
    }

    pub(super) fn verify(
        &self,
        algorithm: Algorithm,
        key_id: Option<&str>,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), Fault> {
        let (id, key) = match key_id {
            Some(id) => (id, self.keys.get(id).ok_or_else(|| self.unknown(id))?),
            None => match self.keys.iter().next() {
                Some((id, key)) if self.keys.len() == 1 => (id.as_str(), key),
                _ => return Err(Fault::KeyNotNamed(self.keys.len())),
            },
        };
        if algorithm.is_rsa() && self.rsa_keys > MOST_RSA_KEYS {
            return Err(Fault::TooManyRsaKeys(self.rsa_keys));
        }
        let key = key.of_algorithm(algorithm);
        let key = key.ok_or_else(|| Fault::WrongKey(algorithm, id.to_owned()))?;
        key.verify_sig(signed, signature)
            .map_err(|_| Fault::Signature(algorithm))
    }

    fn unknown(&self, key_id: &str) -> Fault {
        let mut unusable = self.unusable();
        match unusable.find(|(id, _)| *id == Some(key_id)) {
            Some((_, why)) => Fault::UnusableKey(key_id.to_owned(), why.clone()),
            None => {
                let mut known: Vec<_> = self.keys.keys().cloned().collect();
                known.sort_unstable();
                Fault::UnknownKey {
                    key_id: key_id.to_owned(),
                    known,
                }
            }
        }
    }
}

impl PublicKey {
    fn of(key: &Object) -> Result<Self, Unusable> {
        match key.get("use") {
            None => {}
            Some(Json::Text(text)) if text == "sig" => {}
            Some(Json::Text(text)) => return Err(Unusable::Use(text.clone())),
            Some(_) => return Err(Unusable::Member("use")),
        }
        if key.contains_key("key_ops") {
            return Err(Unusable::Operations);
        }
        let certified = certified(key)?;
        match key.get("kty").and_then(Json::text) {
            Some("RSA") => Self::rsa(key, certified.as_deref()),
            Some("EC") => Self::ec(key, certified.as_deref()),
            Some(kind) => Err(Unusable::Kind(kind.to_owned())),
            None => Err(Unusable::Member("kty")),
        }
    }

    fn rsa(key: &Object, certified: Option<&[u8]>) -> Result<Self, Unusable> {
        let modulus = number(key, "n")?;
        let n = without_zeros(&modulus);
        let exponent = number(key, "e")?;
        let e = without_zeros(&exponent);
        let bits = match n {
            [first, rest @ ..] => rest.len() * 8 + 8 - first.leading_zeros() as usize,
            [] => 0,
        };
        if !RSA_BITS.contains(&bits) {
            return Err(Unusable::Size(bits));
        }
        // Both are odd; the exponent is at least 3, and has at most 33 bits.
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last % 2 == 1);
        let is_small = e.len() < 5 || matches!(e, [1, _, _, _, _]);
        if !is_odd(n) || !is_odd(e) || !is_small || *e == [1] {
            return Err(Unusable::NoKey);
        }
        if let Some(certificate) = certified {
            let agrees = with_key(certificate, |certified| match certified {
                CertifiedKey::RSA(rsa) => {
                    without_zeros(rsa.modulus) == n && without_zeros(rsa.exponent) == e
                }
                _ => false,
            });
            agrees.then_some(()).ok_or(Unusable::Certificate)?;
        }
        let components = RsaPublicKeyComponents { n, e };
        let parsed = |parameters| {
            let parsed = components.to_parsed_public_key(parameters);
            parsed.map_err(|_| Unusable::NoKey)
        };
        Ok(Self::Rsa(Box::new([
            parsed(&RSA_PKCS1_2048_8192_SHA256)?,
            parsed(&RSA_PKCS1_2048_8192_SHA384)?,
            parsed(&RSA_PKCS1_2048_8192_SHA512)?,
        ])))
    }

    fn ec(key: &Object, certified: Option<&[u8]>) -> Result<Self, Unusable> {
        let curve = key.get("crv").and_then(Json::text);
        let (algorithm, verifies, length): (_, &'static EcdsaVerificationAlgorithm, _) = match curve
        {
            Some("P-256") => (Algorithm::Es256, &ECDSA_P256_SHA256_FIXED, 32),
            Some("P-384") => (Algorithm::Es384, &ECDSA_P384_SHA384_FIXED, 48),
            Some("P-521") => (Algorithm::Es512, &ECDSA_P521_SHA512_FIXED, 66),
            Some(other) => return Err(Unusable::Curve(other.to_owned())),
            None => return Err(Unusable::Member("crv")),
        };
        let mut point = vec![4];
        for name in ["x", "y"] {
            let coordinate = number(key, name)?;
            if coordinate.len() != length {
                return Err(Unusable::Member(name));
            }
            point.extend(coordinate);
        }
        if let Some(certificate) = certified {
            let agrees = with_key(certificate, |certified| match certified {
                CertifiedKey::EC(other) => other.data() == point,
                _ => false,
            });
            agrees.then_some(()).ok_or(Unusable::Certificate)?;
        }
        let parsed = ParsedPublicKey::new(verifies, &point).map_err(|_| Unusable::NoKey)?;
        Ok(Self::Ec(algorithm, parsed))
    }

    fn of_algorithm(&self, algorithm: Algorithm) -> Option<&ParsedPublicKey> {
        match (self, algorithm) {
            (Self::Rsa(keys), Algorithm::Rs256) => keys.first(),
            (Self::Rsa(keys), Algorithm::Rs384) => keys.get(1),
            (Self::Rsa(keys), Algorithm::Rs512) => keys.get(2),
            (Self::Ec(of, key), _) if *of == algorithm => Some(key),
            _ => None,
        }
    }
}

fn number(key: &Object, name: &'static str) -> Result<Vec<u8>, Unusable> {
    let text = key.get(name).and_then(Json::text);
    let bytes = text.and_then(|text| BASE64URL_NOPAD.decode(text.as_bytes()).ok());
    bytes.ok_or(Unusable::Member(name))
}

/// Some write a number's sign bit, as ASN.1 does.
fn without_zeros(bytes: &[u8]) -> &[u8] {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    bytes.get(zeros..).unwrap_or_default()
}

/// The first certificate of `x5c`, in DER: that of the key itself (RFC 7517 section 4.7).
fn certified(key: &Object) -> Result<Option<Vec<u8>>, Unusable> {
    match key.get("x5c") {
        None => Ok(None),
        Some(Json::Array(chain)) => {
            let first = chain.first().and_then(Json::text);
            let der = first.and_then(|text| BASE64.decode(text.as_bytes()).ok());
            der.map(Some).ok_or(Unusable::Certificate)
        }
        Some(_) => Err(Unusable::Certificate),
    }
}

fn with_key(certificate: &[u8], agrees: impl Fn(&CertifiedKey<'_>) -> bool) -> bool {
    let Ok(([], certificate)) = X509Certificate::from_der(certificate) else {
        return false;
    };
    let key = certificate.public_key().parsed();
    key.is_ok_and(|key| agrees(&key))
}

impl fmt::Debug for KeySet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeySet")
            .field("keys", &self.keys.keys())
            .field("unusable", &self.unusable)
            .finish_non_exhaustive()
    }
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Member(name) => write!(f, "its `{name}` is missing or unreadable"),
            Self::Use(other) => write!(f, "it is for {}, not for signatures", Quoted(other)),
            Self::Operations => f.write_str("it has `key_ops`"),
            Self::Kind(kind) => write!(f, "it is of kind {}, not RSA or EC", Quoted(kind)),
            Self::Curve(curve) => write!(
                f,
                "it is on the curve {}, not P-256, P-384 or P-521",
                Quoted(curve)
            ),
            Self::Size(bits) => write!(
                f,
                "it has {bits} bits, and must have {} to {}",
                RSA_BITS.start(),
                RSA_BITS.end()
            ),
            Self::NoKey => f.write_str("its numbers are no key"),
            Self::Certificate => f.write_str("its certificate (`x5c`) is not of this key"),
        }
    }
}

impl fmt::Display for KeySetFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(length) => write!(
                f,
                "the key set has {length} bytes, and may have {LONGEST_SET}"
            ),
            Self::Json(fault) => write!(f, "the key set is {fault}"),
            Self::NoKeys => f.write_str("the key set has no array `keys`"),
            Self::TooMany(keys) => {
                write!(f, "the key set has {keys} keys, and may have {MOST_KEYS}")
            }
        }
    }
}

impl std::error::Error for KeySetFault {}
