//! Keys that sign tokens: RSA-2048 for `RS256`, P-384 for `ES384`.

use crate::names::{Constrained, Constraint};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _,
    RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use data_encoding::BASE64URL_NOPAD;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use zeroize::Zeroizing;

/// `SigningAlgorithm`
#[derive(Clone, Copy, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256 and keys of 2048 bits.
    #[serde(rename = "RS256")]
    Rs256,
    /// ECDSA on P-384 with SHA-384.
    #[serde(rename = "ES384")]
    Es384,
}

impl Algorithm {
    /// Every algorithm; an issuer has a key for each.
    pub const ALL: [Self; 2] = [Self::Rs256, Self::Es384];
    const NAMES: &[&str] = &["RS256", "ES384"];

    /// The name in tokens, requests and conditions.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Es384 => "ES384",
        }
    }

    /// The `kid` of the key of that number: `RSA_0`, `EC384_0`.
    pub(crate) fn kid(self, number: u32) -> String {
        match self {
            Self::Rs256 => format!("RSA_{number}"),
            Self::Es384 => format!("EC384_{number}"),
        }
    }
}

impl Constrained for Algorithm {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        let found = Self::ALL.into_iter().find(|one| one.name() == text);
        found.ok_or_else(|| {
            vec![match text.chars().count() {
                0..5 => Constraint::MinLength(5),
                5 => Constraint::OneOf(Self::NAMES),
                _ => Constraint::MaxLength(5),
            }]
        })
    }
}

/// A private key in PKCS #8. It neither prints nor serialises, and is wiped when dropped.
pub struct PrivateKey(Zeroizing<Vec<u8>>);

impl PrivateKey {
    /// Draws a key, which takes as long as it takes to find two primes: a tenth of a second or so
    /// for RSA. The provider's own generator is its randomness.
    ///
    /// # Errors
    /// [`KeyFault`], if the provider fails, or makes a key that does not verify what it signs.
    pub fn generate(algorithm: Algorithm) -> Result<Self, KeyFault> {
        let made = match algorithm {
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| KeyFault)?;
                let document: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| KeyFault)?;
                Self(Zeroizing::new(document.as_ref().to_vec()))
            }
            Algorithm::Es384 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING);
                let document = pair.and_then(|pair| pair.to_pkcs8v1());
                let document = document.map_err(|_| KeyFault)?;
                Self(Zeroizing::new(document.as_ref().to_vec()))
            }
        };
        // What is published must verify what is signed, before anything is published.
        Signer::open(algorithm, made.bytes())?.sign(b"locum")?;
        Ok(made)
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PrivateKey(…)")
    }
}

/// A key that cannot be made, read or used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct KeyFault;

impl fmt::Display for KeyFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a signing key cannot be made or used")
    }
}

impl std::error::Error for KeyFault {}

/// A key in the making.
pub type Making<'a> = Pin<Box<dyn Future<Output = Result<PrivateKey, KeyFault>> + Send + 'a>>;

/// Makes keys: handed in, so that the program can make them where no request waits for the thread.
pub trait KeyMaker: Send + Sync + 'static {
    /// Makes a key by [`PrivateKey::generate`].
    fn make(&self, algorithm: Algorithm) -> Making<'_>;
}

/// Makes keys on the thread that asks.
#[derive(Clone, Copy, Debug)]
pub struct OnTheSpot;

impl KeyMaker for OnTheSpot {
    fn make(&self, algorithm: Algorithm) -> Making<'_> {
        Box::pin(std::future::ready(PrivateKey::generate(algorithm)))
    }
}

/// The parameters of a public key as a JWK has them (RFC 7518), in base64url.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PublicKey {
    /// RSA; the exponent is always 65537.
    Rsa {
        /// `n`
        modulus: String,
    },
    /// A point on P-384.
    Ec {
        /// `x`
        x: String,
        /// `y`
        y: String,
    },
}

impl PublicKey {
    /// `e` of RSA keys: 65537.
    pub const EXPONENT: &str = "AQAB";
}

/// The DER of an `RSAPublicKey` (RFC 8017) of 2048 bits and exponent 65537 has one form: this, the 256 bytes
/// of the modulus, and the exponent.
const RSA_HEAD: &[u8] = &[0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
const RSA_TAIL: &[u8] = &[0x02, 0x03, 0x01, 0x00, 0x01];
const RSA_BYTES: usize = 256;
/// Bytes of one coordinate of P-384.
const COORDINATE: usize = 48;

/// A private key, ready to sign, with its public half.
pub(crate) struct Signer {
    pair: Pair,
    pub(crate) public: PublicKey,
}

enum Pair {
    Rsa {
        pair: RsaKeyPair,
        modulus: Box<[u8; RSA_BYTES]>,
    },
    Ec(EcdsaKeyPair),
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(&self.public).finish()
    }
}

impl Signer {
    /// The key in a PKCS #8 document.
    pub(crate) fn open(algorithm: Algorithm, pkcs8: &[u8]) -> Result<Self, KeyFault> {
        match algorithm {
            Algorithm::Rs256 => {
                let pair = RsaKeyPair::from_pkcs8(pkcs8).map_err(|_| KeyFault)?;
                let modulus = pair.public_key().as_ref().strip_prefix(RSA_HEAD);
                let modulus = modulus.and_then(|rest| rest.strip_suffix(RSA_TAIL));
                let modulus: Box<[u8; RSA_BYTES]> = modulus
                    .and_then(|modulus| Box::<[u8]>::from(modulus).try_into().ok())
                    .ok_or(KeyFault)?;
                let public = PublicKey::Rsa {
                    modulus: BASE64URL_NOPAD.encode(&modulus[..]),
                };
                let pair = Pair::Rsa { pair, modulus };
                Ok(Self { pair, public })
            }
            Algorithm::Es384 => {
                let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P384_SHA384_FIXED_SIGNING, pkcs8)
                    .map_err(|_| KeyFault)?;
                // An uncompressed point: 4, x, y.
                let point = pair.public_key().as_ref().strip_prefix(&[4]);
                let (x, y) = point
                    .filter(|point| point.len() == 2 * COORDINATE)
                    .and_then(|point| point.split_at_checked(COORDINATE))
                    .ok_or(KeyFault)?;
                let public = PublicKey::Ec {
                    x: BASE64URL_NOPAD.encode(x),
                    y: BASE64URL_NOPAD.encode(y),
                };
                let pair = Pair::Ec(pair);
                Ok(Self { pair, public })
            }
        }
    }

    /// Signs, and verifies the signature with what is published before it leaves.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyFault> {
        match &self.pair {
            Pair::Rsa { pair, modulus } => {
                let mut signature = vec![0; RSA_BYTES];
                pair.sign(&RSA_PKCS1_SHA256, &generator(), message, &mut signature)
                    .map_err(|_| KeyFault)?;
                let public = PublicKeyComponents {
                    n: &modulus[..],
                    e: &[1, 0, 1][..],
                };
                public
                    .verify(&RSA_PKCS1_2048_8192_SHA256, message, &signature)
                    .map_err(|_| KeyFault)?;
                Ok(signature)
            }
            Pair::Ec(pair) => {
                let signature = pair.sign(&generator(), message).map_err(|_| KeyFault)?;
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, pair.public_key().as_ref())
                    .verify(message, signature.as_ref())
                    .map_err(|_| KeyFault)?;
                Ok(signature.as_ref().to_vec())
            }
        }
    }
}

/// What the provider's signing functions take and never ask.
#[expect(
    clippy::disallowed_methods,
    reason = "the provider takes a generator for compatibility and draws from its own"
)]
fn generator() -> SystemRandom {
    SystemRandom::new()
}
