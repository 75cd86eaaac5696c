//! RSA public keys (RFC 8017): two numbers.

use super::der::{self, BIT_STRING, Reader, SEQUENCE};
use std::ops::RangeInclusive;

/// `AlgorithmIdentifier` of RSA keys (RFC 3279, section 2.3.1): rsaEncryption and NULL.
const RSA_ENCRYPTION: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
/// More bytes of exponent than any key has that is meant to be used.
const LONGEST_EXPONENT: usize = 8;

/// A public key whose numbers could be a key's: the modulus is odd and of a legal size, the exponent is
/// odd, from 3 to 64 bits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct RsaPublicKey {
    modulus: Vec<u8>,
    exponent: Vec<u8>,
}

impl RsaPublicKey {
    /// A key of two magnitudes without zeros in front, whose modulus has a number of bits in `sizes`.
    pub fn new(modulus: &[u8], exponent: &[u8], sizes: &RangeInclusive<usize>) -> Option<Self> {
        let is_odd = |number: &[u8]| number.last().is_some_and(|last| last & 1 == 1);
        let size = modulus.len() * 8 - modulus.first()?.leading_zeros() as usize;
        let exponent_is_legal =
            is_odd(exponent) && exponent != [1] && exponent.len() <= LONGEST_EXPONENT;
        (sizes.contains(&size) && is_odd(modulus) && exponent_is_legal).then(|| Self {
            modulus: modulus.to_vec(),
            exponent: exponent.to_vec(),
        })
    }

    /// An `RSAPublicKey`.
    pub fn from_pkcs1(bytes: &[u8], sizes: &RangeInclusive<usize>) -> Option<Self> {
        let mut numbers = Reader::new(der::only(SEQUENCE, bytes)?);
        let modulus = der::positive(numbers.value(der::INTEGER)?)?;
        let exponent = der::positive(numbers.value(der::INTEGER)?)?;
        numbers.is_empty().then_some(())?;
        Self::new(modulus, exponent, sizes)
    }

    /// A `SubjectPublicKeyInfo`.
    pub fn from_spki(bytes: &[u8], sizes: &RangeInclusive<usize>) -> Option<Self> {
        let rest = der::only(SEQUENCE, bytes)?.strip_prefix(RSA_ENCRYPTION)?;
        let key = der::only(BIT_STRING, rest)?.strip_prefix(&[0])?;
        Self::from_pkcs1(key, sizes)
    }

    /// The `RSAPublicKey` of the key.
    pub fn to_pkcs1(&self) -> Vec<u8> {
        let (modulus, exponent) = (der::integer(&self.modulus), der::integer(&self.exponent));
        der::encode(SEQUENCE, &[&modulus, &exponent])
    }

    /// The `SubjectPublicKeyInfo` of the key.
    pub fn to_spki(&self) -> Vec<u8> {
        let bits = der::encode(BIT_STRING, &[&[0], &self.to_pkcs1()]);
        der::encode(SEQUENCE, &[RSA_ENCRYPTION, &bits])
    }

    /// The modulus, without zeros in front.
    pub fn modulus(&self) -> &[u8] {
        &self.modulus
    }

    /// The exponent, without zeros in front.
    pub fn exponent(&self) -> &[u8] {
        &self.exponent
    }
}
