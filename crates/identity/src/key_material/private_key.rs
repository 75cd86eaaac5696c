//! Private keys: RSA in PKCS #1 or PKCS #8, EC in SEC 1 or PKCS #8, in PEM and not encrypted.

use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1_SIGNING, ECDSA_P384_SHA384_ASN1_SIGNING, ECDSA_P521_SHA512_ASN1_SIGNING,
    EcdsaKeyPair, EcdsaSigningAlgorithm, KeyPair as _,
};
use locum_federation::x509::{Certificate, Curve, PublicKey, der, pem};

/// A text that is no private key of a kind that is taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct UnreadablePrivateKey;

/// Whether the private key in a text is that of a certificate.
///
/// # Errors
/// [`UnreadablePrivateKey`]
pub fn private_key_matches(
    text: &str,
    certificate: &Certificate,
) -> Result<bool, UnreadablePrivateKey> {
    let public = public_halves(text).filter(|found| !found.is_empty());
    Ok(public
        .ok_or(UnreadablePrivateKey)?
        .contains(certificate.key()))
}

/// The public half of the key in a text. There may be several: a key in SEC 1 need not say what curve it
/// is on.
fn public_halves(text: &str) -> Option<Vec<PublicKey>> {
    type Read = fn(&[u8]) -> Option<RsaKeyPair>;
    type ReadEc = fn(&'static EcdsaSigningAlgorithm, &[u8]) -> Option<EcdsaKeyPair>;
    const CURVES: [(Curve, &EcdsaSigningAlgorithm); 3] = [
        (Curve::P256, &ECDSA_P256_SHA256_ASN1_SIGNING),
        (Curve::P384, &ECDSA_P384_SHA384_ASN1_SIGNING),
        (Curve::P521, &ECDSA_P521_SHA512_ASN1_SIGNING),
    ];
    let block = pem::only(text)?;
    // Nothing stands behind the key, and it is read in one way.
    der::is_one_value(&block.contents).then_some(())?;
    let (rsa, ec): (Read, ReadEc) = match block.label {
        "RSA PRIVATE KEY" => (|key| RsaKeyPair::from_der(key).ok(), |_, _| None),
        "EC PRIVATE KEY" => (
            |_| None,
            |curve, key| EcdsaKeyPair::from_private_key_der(curve, key).ok(),
        ),
        "PRIVATE KEY" => (
            |key| RsaKeyPair::from_pkcs8(key).ok(),
            |curve, key| EcdsaKeyPair::from_pkcs8(curve, key).ok(),
        ),
        _ => return None,
    };
    let rsa = rsa(&block.contents).map(|pair| PublicKey::Rsa(pair.public_key().as_ref().to_vec()));
    let ec = CURVES.iter().filter_map(|(curve, algorithm)| {
        let pair = ec(algorithm, &block.contents)?;
        Some(PublicKey::Ec(*curve, pair.public_key().as_ref().to_vec()))
    });
    Some(rsa.into_iter().chain(ec).collect())
}
