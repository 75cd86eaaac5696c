//! A provider that signs anything.

use aws_lc_rs::encoding::{AsDer as _, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _,
    RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RsaKeyPair,
};
use data_encoding::BASE64URL_NOPAD;
use locum_federation::oidc::{Fault, KeySet, Token, Verified};
use std::sync::LazyLock;

pub(crate) const NOW: i64 = 1_800_000_000;
pub(crate) const ISSUER: &str = "https://idp.example/realm";

pub(crate) fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64URL_NOPAD.encode(bytes.as_ref())
}

pub(crate) enum Key {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair, &'static str),
}

/// Keys are dear to make: one of each for all tests.
pub(crate) static RSA: LazyLock<Key> =
    LazyLock::new(|| Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
pub(crate) static OTHER_RSA: LazyLock<Key> =
    LazyLock::new(|| Key::Rsa(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()));
pub(crate) static P256: LazyLock<Key> =
    LazyLock::new(|| ec(&ECDSA_P256_SHA256_FIXED_SIGNING, "P-256"));
pub(crate) static P384: LazyLock<Key> =
    LazyLock::new(|| ec(&ECDSA_P384_SHA384_FIXED_SIGNING, "P-384"));
pub(crate) static P521: LazyLock<Key> =
    LazyLock::new(|| ec(&ECDSA_P521_SHA512_FIXED_SIGNING, "P-521"));

fn ec(algorithm: &'static EcdsaSigningAlgorithm, curve: &'static str) -> Key {
    Key::Ec(EcdsaKeyPair::generate(algorithm).unwrap(), curve)
}

impl Key {
    /// The members of its JWK that make it a key.
    pub(crate) fn parameters(&self) -> String {
        match self {
            Self::Rsa(pair) => {
                let (n, e) = self.numbers(pair);
                format!(r#""kty":"RSA","n":"{}","e":"{}""#, encode(n), encode(e))
            }
            Self::Ec(pair, curve) => {
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let (x, y) = (encode(x), encode(y));
                format!(r#""kty":"EC","crv":"{curve}","x":"{x}","y":"{y}""#)
            }
        }
    }

    pub(crate) fn numbers(&self, pair: &RsaKeyPair) -> (Vec<u8>, Vec<u8>) {
        use x509_parser::prelude::FromDer as _;
        use x509_parser::public_key::PublicKey;
        let der: PublicKeyX509Der<'_> = pair.public_key().as_der().unwrap();
        let (_, info) = x509_parser::x509::SubjectPublicKeyInfo::from_der(der.as_ref()).unwrap();
        let PublicKey::RSA(key) = info.parsed().unwrap() else {
            unreachable!();
        };
        let modulus = key.modulus.strip_prefix(&[0]).unwrap_or(key.modulus);
        (modulus.to_vec(), key.exponent.to_vec())
    }

    /// Its JWK, with more members if some are given (`"use":"sig"`).
    pub(crate) fn jwk(&self, id: &str, more: &str) -> String {
        let comma = if more.is_empty() { "" } else { "," };
        format!(r#"{{"kid":"{id}",{}{comma}{more}}}"#, self.parameters())
    }

    #[expect(clippy::disallowed_methods, reason = "a provider outside")]
    pub(crate) fn sign(&self, algorithm: &str, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pair) => {
                let encoding: &dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    _ => &RSA_PKCS1_SHA256,
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)
                    .unwrap();
                signature
            }
            Self::Ec(pair, _) => pair.sign(&random, message).unwrap().as_ref().to_vec(),
        }
    }

    /// A token with the texts of a header and claims.
    pub(crate) fn token(&self, header: &str, claims: &str) -> String {
        let algorithm = header
            .split('"')
            .find(|text| text.contains("S"))
            .unwrap_or("");
        let signed = format!("{}.{}", encode(header), encode(claims));
        let signature = encode(self.sign(algorithm, signed.as_bytes()));
        format!("{signed}.{signature}")
    }
}

pub(crate) fn set(keys: &[String]) -> KeySet {
    KeySet::parse(format!(r#"{{"keys":[{}]}}"#, keys.join(",")).as_bytes()).unwrap()
}

/// Good claims, with more members in front.
pub(crate) fn claims(more: &str) -> String {
    let comma = if more.is_empty() { "" } else { "," };
    format!(
        r#"{{{more}{comma}"iss":"{ISSUER}","sub":"me","aud":"client","iat":{NOW},"exp":{}}}"#,
        NOW + 600
    )
}

pub(crate) fn verify(token: &str, keys: &KeySet) -> Result<Verified, Fault> {
    Token::parse(token)?.verify(keys)
}

/// What a token says that has just these claims.
pub(crate) fn verified(claims: &str) -> Verified {
    let keys = set(&[P256.jwk("k", "")]);
    verify(&P256.token(r#"{"alg":"ES256","kid":"k"}"#, claims), &keys).unwrap()
}
