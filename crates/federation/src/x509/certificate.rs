//! X.509 certificates (RFC 5280) and chains of them.

use super::der::{self, BIT_STRING, INTEGER, Reader, SEQUENCE};
use super::name::{AlternativeNames, Name};
use super::pem;
use super::rsa::RsaPublicKey;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P256_SHA512_ASN1, ECDSA_P384_SHA256_ASN1,
    ECDSA_P384_SHA384_ASN1, ECDSA_P384_SHA512_ASN1, ECDSA_P521_SHA256_ASN1, ECDSA_P521_SHA384_ASN1,
    ECDSA_P521_SHA512_ASN1, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use data_encoding::HEXLOWER;
use std::fmt;
use std::ops::RangeInclusive;
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;
use x509_parser::x509::AlgorithmIdentifier;

/// Bits of RSA keys of certificates: fewer are no longer safe, and for more the provider has no code.
const SIZES: RangeInclusive<usize> = 2048..=8192;
/// The longest serial number (RFC 5280, section 4.1.2.2), in bytes.
const LONGEST_SERIAL: usize = 20;
/// More certificates than any chain has that is meant to be used.
const LONGEST_CHAIN: usize = 10;

/// Why a certificate is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CertificateFault {
    /// It is not one certificate in PEM.
    Unreadable,
    /// Its key is of a kind or size that is not taken.
    Key,
    /// It says that it is self-signed, and its key did not sign it.
    SelfSignature,
    /// Its validity begins in the future.
    NotYetValid,
    /// Its validity is over.
    Expired,
    /// A certificate of the chain, counted from 0, is not valid now, no certification authority's, or not
    /// signed by the next; −1 is the certificate itself, or the chain as a whole.
    Chain(i64),
}

impl fmt::Display for CertificateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable => f.write_str(
                "Unable to parse certificate. Please ensure the certificate is in PEM format.",
            ),
            Self::Key => f.write_str(
                "The key of the certificate must be RSA of 2048 to 8192 bits, or on the curve P-256, P-384 or P-521.",
            ),
            Self::SelfSignature => f.write_str(
                "The self-signed certificate must be signed by its own key, with SHA-256, SHA-384 or SHA-512.",
            ),
            Self::NotYetValid => f.write_str("The certificate is not valid yet."),
            Self::Expired => f.write_str("The certificate has expired."),
            Self::Chain(index) => write!(
                f,
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: {index}"
            ),
        }
    }
}

/// A certificate that was read and whose own rules hold; its time has not been looked at.
#[derive(Clone, Debug)]
pub struct Certificate {
    der: Vec<u8>,
    /// What is signed.
    signed: Vec<u8>,
    signature: Vec<u8>,
    /// What it is signed with; `None` for what is not verified here.
    digest: Option<Signed>,
    /// The serial number.
    pub serial: Serial,
    /// 1, 2 or 3.
    pub version: u32,
    /// Who signed it.
    pub issuer: Name,
    /// Whom it is about.
    pub subject: Name,
    /// What else its subject is called.
    pub alternative_names: AlternativeNames,
    key: PublicKey,
    /// The first second of its validity.
    pub not_before: i64,
    /// The last second of its validity.
    pub not_after: i64,
    /// Whether it is a certification authority's.
    pub is_authority: bool,
    /// How many certificates of authorities may stand between it and the last of a chain.
    pub path_length: Option<u32>,
    usage: Option<Usage>,
}

/// What a certificate says its key may be used for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
struct Usage {
    digital_signature: bool,
    certificates: bool,
    revocation_lists: bool,
}

/// A serial number: not negative, at most twenty bytes.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Serial(Vec<u8>);

impl Serial {
    /// The contents of its `INTEGER`.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// In decimal digits, as AWS's signature names it.
    pub fn decimal(&self) -> String {
        let mut digits: Vec<u8> = vec![0];
        for byte in &self.0 {
            let mut carry = u32::from(*byte);
            for digit in &mut digits {
                let value = u32::from(*digit) * 256 + carry;
                *digit = u8::try_from(value % 10).unwrap_or_default();
                carry = value / 10;
            }
            while carry > 0 {
                digits.push(u8::try_from(carry % 10).unwrap_or_default());
                carry /= 10;
            }
        }
        let text = digits.iter().rev().map(|digit| char::from(b'0' + digit));
        text.collect()
    }

    /// In hexadecimal digits, two for each byte of the number, as AWS names sessions by it.
    pub fn hexadecimal(&self) -> String {
        let magnitude = match self.0.as_slice() {
            [0, rest @ ..] if !rest.is_empty() => rest,
            whole => whole,
        };
        HEXLOWER.encode(magnitude)
    }
}

/// A public key that the provider can use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PublicKey {
    /// An `RSAPublicKey`.
    Rsa(Vec<u8>),
    /// A point, not compressed.
    Ec(Curve, Vec<u8>),
}

/// A curve of ECDSA keys.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Curve {
    /// secp256r1
    P256,
    /// secp384r1
    P384,
    /// secp521r1
    P521,
}

/// How a certificate is signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Signed {
    by: Family,
    digest: Digest,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Family {
    Rsa,
    Ecdsa,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Digest {
    Sha256,
    Sha384,
    Sha512,
}

/// `AlgorithmIdentifier` of keys on each curve (RFC 5480, section 2.1.1).
const CURVES: [(Curve, &[u8]); 3] = [
    (
        Curve::P256,
        &[
            0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a,
            0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
        ],
    ),
    (
        Curve::P384,
        &[
            0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
            0x81, 0x04, 0x00, 0x22,
        ],
    ),
    (
        Curve::P521,
        &[
            0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
            0x81, 0x04, 0x00, 0x23,
        ],
    ),
];

impl PublicKey {
    /// Whether it is an RSA key.
    pub fn is_rsa(&self) -> bool {
        self.family() == Family::Rsa
    }

    /// Whether a signature over a message is this key's, with SHA-256: RSA by PKCS #1 version 1.5, ECDSA in
    /// DER.
    pub fn verifies_sha256(&self, message: &[u8], signature: &[u8]) -> bool {
        let signed = Signed {
            by: self.family(),
            digest: Digest::Sha256,
        };
        signed.verifies(self, message, signature)
    }

    /// The key in a `SubjectPublicKeyInfo`.
    fn from_spki(spki: &[u8]) -> Option<Self> {
        if let Some(key) = RsaPublicKey::from_spki(spki, &SIZES) {
            return Self::Rsa(key.to_pkcs1()).usable();
        }
        let body = der::only(SEQUENCE, spki)?;
        let (curve, rest) = CURVES
            .iter()
            .find_map(|(curve, head)| Some((*curve, body.strip_prefix(*head)?)))?;
        let point = der::only(BIT_STRING, rest)?.strip_prefix(&[0])?;
        let whole = point.first() == Some(&4);
        whole.then(|| Self::Ec(curve, point.to_vec()))?.usable()
    }

    /// The key, if the provider takes it: a point must be on its curve.
    fn usable(self) -> Option<Self> {
        let usable = {
            let (algorithm, bytes) = self.verifier(Digest::Sha256);
            UnparsedPublicKey::new(algorithm, bytes).parse().is_ok()
        };
        usable.then_some(self)
    }

    fn family(&self) -> Family {
        match self {
            Self::Rsa(_) => Family::Rsa,
            Self::Ec(..) => Family::Ecdsa,
        }
    }

    fn verifier(&self, digest: Digest) -> (&'static dyn VerificationAlgorithm, &[u8]) {
        match self {
            Self::Rsa(bytes) => (
                match digest {
                    Digest::Sha256 => &RSA_PKCS1_2048_8192_SHA256,
                    Digest::Sha384 => &RSA_PKCS1_2048_8192_SHA384,
                    Digest::Sha512 => &RSA_PKCS1_2048_8192_SHA512,
                },
                bytes,
            ),
            Self::Ec(curve, bytes) => (
                match (curve, digest) {
                    (Curve::P256, Digest::Sha256) => &ECDSA_P256_SHA256_ASN1,
                    (Curve::P256, Digest::Sha384) => &ECDSA_P256_SHA384_ASN1,
                    (Curve::P256, Digest::Sha512) => &ECDSA_P256_SHA512_ASN1,
                    (Curve::P384, Digest::Sha256) => &ECDSA_P384_SHA256_ASN1,
                    (Curve::P384, Digest::Sha384) => &ECDSA_P384_SHA384_ASN1,
                    (Curve::P384, Digest::Sha512) => &ECDSA_P384_SHA512_ASN1,
                    (Curve::P521, Digest::Sha256) => &ECDSA_P521_SHA256_ASN1,
                    (Curve::P521, Digest::Sha384) => &ECDSA_P521_SHA384_ASN1,
                    (Curve::P521, Digest::Sha512) => &ECDSA_P521_SHA512_ASN1,
                },
                bytes,
            ),
        }
    }
}

impl Signed {
    /// The algorithms that are verified (RFC 4055, section 5; RFC 5758, section 3.2).
    pub(super) fn with(algorithm: &AlgorithmIdentifier<'_>) -> Option<Self> {
        const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
        const ECDSA: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03];
        let oid = algorithm.algorithm.as_bytes();
        let (by, digest) = match (oid.strip_prefix(RSA), oid.strip_prefix(ECDSA)) {
            (Some([0x0b]), _) => (Family::Rsa, Digest::Sha256),
            (Some([0x0c]), _) => (Family::Rsa, Digest::Sha384),
            (Some([0x0d]), _) => (Family::Rsa, Digest::Sha512),
            (_, Some([2])) => (Family::Ecdsa, Digest::Sha256),
            (_, Some([3])) => (Family::Ecdsa, Digest::Sha384),
            (_, Some([4])) => (Family::Ecdsa, Digest::Sha512),
            _ => return None,
        };
        Some(Self { by, digest })
    }

    /// Whether a signature of this kind is that of a key.
    pub(super) fn verifies(self, key: &PublicKey, signed: &[u8], signature: &[u8]) -> bool {
        let (algorithm, bytes) = key.verifier(self.digest);
        self.by == key.family()
            && UnparsedPublicKey::new(algorithm, bytes)
                .verify(signed, signature)
                .is_ok()
    }
}

impl Certificate {
    /// The one certificate that a text is, in PEM.
    ///
    /// # Errors
    /// [`CertificateFault::Unreadable`], [`CertificateFault::Key`], [`CertificateFault::SelfSignature`]
    pub fn parse(text: &str) -> Result<Self, CertificateFault> {
        let block = pem::only(text).filter(|block| block.label == "CERTIFICATE");
        let certificate = Self::from_der(&block.ok_or(CertificateFault::Unreadable)?.contents)?;
        if certificate.issuer == certificate.subject && !certificate.is_signed_by(&certificate) {
            return Err(CertificateFault::SelfSignature);
        }
        Ok(certificate)
    }

    /// The certificate that `bytes` are, in DER. Whether one that says that it is self-signed is, is not
    /// asked.
    ///
    /// # Errors
    /// [`CertificateFault::Unreadable`], [`CertificateFault::Key`]
    pub fn from_der(bytes: &[u8]) -> Result<Self, CertificateFault> {
        const UNREADABLE: CertificateFault = CertificateFault::Unreadable;
        // The parser reads more than DER; a certificate of two spellings would be two certificates.
        if !(der::is_one_value(bytes) && is_framed(bytes)) {
            return Err(UNREADABLE);
        }
        let (rest, read) = X509Certificate::from_der(bytes).map_err(|_| UNREADABLE)?;
        let serial = read.raw_serial();
        let serial_is_legal = *serial == [0]
            || der::positive(serial).is_some_and(|serial| serial.len() <= LONGEST_SERIAL);
        let extensions_are_legal = read.extensions_map().is_ok();
        if !(rest.is_empty() && serial_is_legal && extensions_are_legal) {
            return Err(UNREADABLE);
        }
        let key = PublicKey::from_spki(read.public_key().raw).ok_or(CertificateFault::Key)?;
        let constraints = read.basic_constraints().map_err(|_| UNREADABLE)?;
        let constraints = constraints.map(|found| found.value);
        let usage = read.key_usage().map_err(|_| UNREADABLE)?;
        let names = read.subject_alternative_name().map_err(|_| UNREADABLE)?;
        Ok(Self {
            signed: read.tbs_certificate.as_ref().to_vec(),
            signature: read.signature_value.data.to_vec(),
            digest: Signed::with(&read.signature_algorithm),
            serial: Serial(serial.to_vec()),
            version: read.version().0.saturating_add(1),
            issuer: Name::read(read.issuer()),
            subject: Name::read(read.subject()),
            alternative_names: names
                .map(|names| AlternativeNames::read(names.value))
                .unwrap_or_default(),
            key,
            not_before: read.validity().not_before.timestamp(),
            not_after: read.validity().not_after.timestamp(),
            is_authority: constraints.is_some_and(|found| found.ca),
            path_length: constraints.and_then(|found| found.path_len_constraint),
            usage: usage.map(|found| Usage {
                digital_signature: found.value.digital_signature(),
                certificates: found.value.key_cert_sign(),
                revocation_lists: found.value.crl_sign(),
            }),
            der: bytes.to_vec(),
        })
    }

    /// All certificates that a text is, in PEM.
    ///
    /// # Errors
    /// As [`Certificate::parse`].
    pub fn parse_all(text: &str) -> Result<Vec<Self>, CertificateFault> {
        let blocks = pem::blocks(text).ok_or(CertificateFault::Unreadable)?;
        let read = blocks.iter().map(|block| match block.label {
            "CERTIFICATE" => Self::from_der(&block.contents),
            _ => Err(CertificateFault::Unreadable),
        });
        read.collect()
    }

    /// The certificate in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The certificate in PEM.
    pub fn pem(&self) -> String {
        pem::write("CERTIFICATE", &self.der)
    }

    /// Its key.
    pub fn key(&self) -> &PublicKey {
        &self.key
    }

    /// Whether it says that its key signs other things than certificates.
    pub fn signs_messages(&self) -> bool {
        self.usage.is_some_and(|usage| usage.digital_signature)
    }

    /// Whether it is an authority's whose key may sign certificates.
    pub fn signs_certificates(&self) -> bool {
        self.is_authority && self.usage.is_none_or(|usage| usage.certificates)
    }

    /// Whether it is an authority's that says that its key signs certificates.
    pub fn says_it_signs_certificates(&self) -> bool {
        self.is_authority && self.usage.is_some_and(|usage| usage.certificates)
    }

    /// Whether it is an authority's whose key may sign revocation lists.
    pub(super) fn signs_revocation_lists(&self) -> bool {
        self.is_authority && self.usage.is_none_or(|usage| usage.revocation_lists)
    }

    /// Whether it was signed with SHA-256 or stronger, by an algorithm that is verified here.
    pub(super) fn is_signed_strongly(&self) -> bool {
        self.digest.is_some()
    }

    /// What tells a certificate from all others: SHA-256 of its DER, in hexadecimal digits.
    pub fn fingerprint(&self) -> String {
        HEXLOWER.encode(digest(&SHA256, &self.der).as_ref())
    }

    /// Whether it is valid at a moment.
    ///
    /// # Errors
    /// [`CertificateFault::NotYetValid`], [`CertificateFault::Expired`]
    pub fn check_validity(&self, now: i64) -> Result<(), CertificateFault> {
        if now < self.not_before {
            Err(CertificateFault::NotYetValid)
        } else if now > self.not_after {
            Err(CertificateFault::Expired)
        } else {
            Ok(())
        }
    }

    /// Checks the chain above this certificate, in PEM: it begins with who signed this one, each is signed
    /// by the next, all may sign certificates and are valid now. Where it ends is not asked.
    ///
    /// # Errors
    /// [`CertificateFault::Chain`]
    pub fn check_chain(&self, text: &str, now: i64) -> Result<(), CertificateFault> {
        let blocks = pem::blocks(text).ok_or(CertificateFault::Chain(-1))?;
        if blocks.len() > LONGEST_CHAIN {
            return Err(CertificateFault::Chain(-1));
        }
        let mut below = self.clone();
        for (place, block) in (0..).zip(&blocks) {
            let fault = |_| CertificateFault::Chain(place);
            if block.label != "CERTIFICATE" {
                return Err(CertificateFault::Chain(place));
            }
            let issuer = Self::from_der(&block.contents).map_err(fault)?;
            issuer.check_validity(now).map_err(fault)?;
            if !issuer.signs_certificates() {
                return Err(CertificateFault::Chain(place));
            }
            if !below.is_signed_by(&issuer) {
                return Err(CertificateFault::Chain(place - 1));
            }
            below = issuer;
        }
        Ok(())
    }

    fn is_signed_by(&self, issuer: &Self) -> bool {
        let Some(digest) = self.digest else {
            return false;
        };
        self.issuer.der() == issuer.subject.der()
            && digest.verifies(&issuer.key, &self.signed, &self.signature)
    }
}

/// Whether a certificate's three parts are what they must be, tag for tag, which the parser does not ask;
/// and the algorithm outside of what is signed is the one inside. So no bit that nobody signed is free.
fn is_framed(bytes: &[u8]) -> bool {
    const VERSION: u8 = 0xa0;
    let algorithms = || {
        let mut parts = Reader::new(der::only(SEQUENCE, bytes)?);
        let signed = parts.value(SEQUENCE)?;
        let outside = parts.value(SEQUENCE)?;
        parts.value(BIT_STRING)?;
        parts.is_empty().then_some(())?;
        let mut signed = Reader::new(signed);
        if signed.is_next(VERSION) {
            signed.value(VERSION)?;
        }
        signed.value(INTEGER)?;
        Some((outside, signed.value(SEQUENCE)?))
    };
    algorithms().is_some_and(|(outside, inside)| outside == inside)
}
