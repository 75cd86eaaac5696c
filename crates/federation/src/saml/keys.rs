//! The keys of a provider: those that verify what it signs, and those that open what is sealed for us.

use aws_lc_rs::rsa::{
    OAEP_SHA1_MGF1SHA1, OAEP_SHA256_MGF1SHA256, OAEP_SHA384_MGF1SHA384, OAEP_SHA512_MGF1SHA512,
    OaepAlgorithm, OaepPrivateDecryptingKey, PrivateDecryptingKey,
};
use aws_lc_rs::{digest, signature};
use std::fmt;
use x509_parser::parse_x509_certificate;

/// `id-ecPublicKey`, `rsaEncryption` (RFC 3279), and the curves of RFC 5480.
const EC: &str = "1.2.840.10045.2.1";
const RSA: &str = "1.2.840.113549.1.1.1";
const P256: &str = "1.2.840.10045.3.1.7";
const P384: &str = "1.3.132.0.34";
const P521: &str = "1.3.132.0.35";

/// The method of a signature, as its URI says.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SignatureMethod {
    Rsa(Hash),
    Ecdsa(Hash),
}

/// A hash function that documents may be digested with.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

impl SignatureMethod {
    /// The method of a URI (RFC 9231, section 2.3), if it is one of those that may be used. SHA-1 is one of
    /// them where the provider is allowed it.
    pub(super) fn of(uri: &str, sha1: bool) -> Option<Self> {
        let method = match uri {
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => Self::Rsa(Hash::Sha1),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Self::Rsa(Hash::Sha256),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Self::Rsa(Hash::Sha384),
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Self::Rsa(Hash::Sha512),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Self::Ecdsa(Hash::Sha256),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Self::Ecdsa(Hash::Sha384),
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512" => Self::Ecdsa(Hash::Sha512),
            _ => return None,
        };
        (sha1 || method != Self::Rsa(Hash::Sha1)).then_some(method)
    }
}

impl Hash {
    /// The function of a URI (RFC 9231, section 2.1), if it is one of those that may be used.
    pub(super) fn of(uri: &str, sha1: bool) -> Option<Self> {
        let hash = match uri {
            "http://www.w3.org/2000/09/xmldsig#sha1" => Self::Sha1,
            "http://www.w3.org/2001/04/xmlenc#sha256" => Self::Sha256,
            "http://www.w3.org/2001/04/xmldsig-more#sha384" => Self::Sha384,
            "http://www.w3.org/2001/04/xmlenc#sha512" => Self::Sha512,
            _ => return None,
        };
        (sha1 || hash != Self::Sha1).then_some(hash)
    }

    pub(super) fn digest(self, bytes: &[u8]) -> digest::Digest {
        let algorithm = match self {
            Self::Sha1 => &digest::SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => &digest::SHA256,
            Self::Sha384 => &digest::SHA384,
            Self::Sha512 => &digest::SHA512,
        };
        digest::digest(algorithm, bytes)
    }

    /// RSA-OAEP with this digest, and the mask generated with `mask`. The library has those where both are
    /// the same.
    pub(super) fn oaep(self, mask: Self) -> Option<&'static OaepAlgorithm> {
        if self != mask {
            return None;
        }
        Some(match self {
            Self::Sha1 => &OAEP_SHA1_MGF1SHA1,
            Self::Sha256 => &OAEP_SHA256_MGF1SHA256,
            Self::Sha384 => &OAEP_SHA384_MGF1SHA384,
            Self::Sha512 => &OAEP_SHA512_MGF1SHA512,
        })
    }
}

/// A public key that signatures are verified with. What kind of key it is stands in the certificate, never in
/// what it verifies.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct VerifyingKey {
    kind: Kind,
    /// An `RSAPublicKey`, or a point.
    key: Vec<u8>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    Rsa,
    P256,
    P384,
    P521,
}

impl VerifyingKey {
    /// The key of a certificate (DER). `None` for a kind of key that nothing is verified with here.
    pub(super) fn of_certificate(der: &[u8]) -> Option<Self> {
        let (_, certificate) = parse_x509_certificate(der).ok()?;
        let info = certificate.public_key();
        let kind = match info.algorithm.algorithm.to_id_string().as_str() {
            RSA => Kind::Rsa,
            EC => {
                let curve = info.algorithm.parameters.as_ref()?.as_oid().ok()?;
                match curve.to_id_string().as_str() {
                    P256 => Kind::P256,
                    P384 => Kind::P384,
                    P521 => Kind::P521,
                    _ => return None,
                }
            }
            _ => return None,
        };
        let key = info.subject_public_key.data.to_vec();
        Some(Self { kind, key })
    }

    /// Whether a signature by a method is this key's, which must be of the method's kind. RSA keys have 2048
    /// to 8192 bits.
    pub(super) fn verifies(&self, method: SignatureMethod, message: &[u8], signed: &[u8]) -> bool {
        use SignatureMethod::{Ecdsa, Rsa};
        let algorithm: &'static dyn signature::VerificationAlgorithm = match (self.kind, method) {
            (Kind::Rsa, Rsa(Hash::Sha1)) => {
                &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY
            }
            (Kind::Rsa, Rsa(Hash::Sha256)) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Kind::Rsa, Rsa(Hash::Sha384)) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Kind::Rsa, Rsa(Hash::Sha512)) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Kind::P256, Ecdsa(Hash::Sha256)) => &signature::ECDSA_P256_SHA256_FIXED,
            (Kind::P384, Ecdsa(Hash::Sha384)) => &signature::ECDSA_P384_SHA384_FIXED,
            (Kind::P521, Ecdsa(Hash::Sha256)) => &signature::ECDSA_P521_SHA256_FIXED,
            (Kind::P521, Ecdsa(Hash::Sha384)) => &signature::ECDSA_P521_SHA384_FIXED,
            (Kind::P521, Ecdsa(Hash::Sha512)) => &signature::ECDSA_P521_SHA512_FIXED,
            _ => return false,
        };
        signature::UnparsedPublicKey::new(algorithm, &self.key)
            .verify(message, signed)
            .is_ok()
    }
}

/// A private key that assertions are encrypted for.
pub(super) struct OpeningKey(OaepPrivateDecryptingKey);

impl OpeningKey {
    /// An RSA key in PKCS #8.
    pub(super) fn from_pkcs8(pkcs8: &[u8]) -> Option<Self> {
        let key = PrivateDecryptingKey::from_pkcs8(pkcs8).ok()?;
        OaepPrivateDecryptingKey::new(key).ok().map(Self)
    }

    /// Opens what was encrypted by RSA-OAEP.
    pub(super) fn open(
        &self,
        algorithm: &'static OaepAlgorithm,
        sealed: &[u8],
        label: &[u8],
    ) -> Option<Vec<u8>> {
        let mut out = vec![0; self.0.min_output_size()];
        let opened = self
            .0
            .decrypt(algorithm, sealed, &mut out, Some(label))
            .ok()?;
        Some(opened.to_vec())
    }
}

impl fmt::Debug for OpeningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OpeningKey(…)")
    }
}
