//! Signature Version 4 by the key of an X.509 certificate ("The IAM Roles Anywhere authentication signing
//! process", IAM Roles Anywhere User Guide): the canonical request of [`Dialect::General`], the serial
//! number of the certificate where the access key id stands, and the certificate itself in a header.
//!
//! Reading certificates is no part of this: the bytes of the headers come out as they were sent, and
//! whether a signature is that of the certificate's key says a function of the caller's.

use std::fmt;

use http::header::{AUTHORIZATION, HeaderName};
use http::request::Parts;

use crate::canonical::Query;
use crate::claim::Claim;
use crate::error::Error;
use crate::key::{self, Hex};
use crate::payload::PayloadLine;
use crate::{Dialect, text};

const CERTIFICATE: HeaderName = HeaderName::from_static("x-amz-x509");
const CHAIN: HeaderName = HeaderName::from_static("x-amz-x509-chain");

/// How many certificates `X-Amz-X509-Chain` may have.
pub const MAX_CHAIN: usize = 5;

/// What every algorithm of this kind begins with.
const PREFIX: &str = "AWS4-X509-";
/// The longest signature: that of an RSA key of 8192 bits.
const LONGEST_SIGNATURE: usize = 1024;

/// How a request is signed with a certificate's key.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum X509Algorithm {
    /// `AWS4-X509-RSA-SHA256`: RSASSA-PKCS1-v1_5.
    Rsa,
    /// `AWS4-X509-ECDSA-SHA256`: ECDSA, its signature in DER.
    Ecdsa,
}

impl X509Algorithm {
    /// Its name in the `Authorization` header and in what is signed.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rsa => "AWS4-X509-RSA-SHA256",
            Self::Ecdsa => "AWS4-X509-ECDSA-SHA256",
        }
    }
}

/// Why a signature by a certificate's key is refused.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum X509Error {
    /// What is wrong with signatures of every kind.
    Claim(Error),
    /// Another algorithm of this kind, such as `AWS4-X509-MLDSA`.
    Algorithm(String),
    /// There is no `X-Amz-X509`.
    NoCertificate,
    /// A header of certificates is there and not signed, or there twice, or no text.
    NotCovered(&'static str),
    /// A header of certificates is not in base64.
    NotBase64(&'static str),
    /// `X-Amz-X509-Chain` has more than [`MAX_CHAIN`].
    TooManyCertificates,
    /// The signature is not hexadecimal, or not that of the key.
    SignatureDoesNotMatch {
        /// The request as the server reads it.
        canonical_request: String,
        /// What should have been signed.
        string_to_sign: String,
    },
}

impl fmt::Display for X509Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Claim(error) => error.fmt(f),
            Self::Algorithm(name) => write!(
                f,
                "the algorithm `{name}` is not supported: use {} or {}",
                X509Algorithm::Rsa.name(),
                X509Algorithm::Ecdsa.name()
            ),
            Self::NoCertificate => f.write_str("there is no header `X-Amz-X509`"),
            Self::NotCovered(name) => {
                write!(
                    f,
                    "the header `{name}` is not signed, or there more than once"
                )
            }
            Self::NotBase64(name) => write!(f, "the header `{name}` is not base64 of DER"),
            Self::TooManyCertificates => {
                write!(
                    f,
                    "`X-Amz-X509-Chain` has more than {MAX_CHAIN} certificates"
                )
            }
            Self::SignatureDoesNotMatch {
                canonical_request,
                string_to_sign,
            } => write!(
                f,
                "the signature is not that of the certificate's key over this string to sign: \
                 '{string_to_sign}', of the canonical request '{canonical_request}'"
            ),
        }
    }
}

impl std::error::Error for X509Error {}

impl From<Error> for X509Error {
    fn from(error: Error) -> Self {
        Self::Claim(error)
    }
}

/// What a request claims about the certificate that signed it. Nothing is trusted yet, and only
/// [`X509Claim::verify`] makes it true.
#[derive(Debug)]
pub struct X509Claim<'r> {
    claim: Claim<'r>,
    algorithm: X509Algorithm,
    certificate: Vec<u8>,
    chain: Vec<Vec<u8>>,
}

impl<'r> X509Claim<'r> {
    /// Whether a request says that a certificate's key signed it, by whatever algorithm.
    pub fn is_made(head: &Parts) -> bool {
        let header = head.headers.get(AUTHORIZATION);
        header.is_some_and(|header| header.as_bytes().starts_with(PREFIX.as_bytes()))
    }

    /// Reads the claim of a request, from its `Authorization` header. `Ok(None)`: a certificate's key
    /// does not claim to have signed it.
    ///
    /// # Errors
    /// [`X509Error`]
    pub fn parse(head: &'r Parts) -> Result<Option<Self>, X509Error> {
        if !Self::is_made(head) {
            return Ok(None);
        }
        let mut headers = head.headers.get_all(AUTHORIZATION).iter();
        let header = headers.next().map(http::HeaderValue::as_bytes);
        let header = header.unwrap_or_default();
        let query = match head.uri.query() {
            Some(query) => Query::parse(query).map_err(Error::MalformedQuery)?,
            None => Query::default(),
        };
        if headers.next().is_some() || query.has("X-Amz-Algorithm") {
            return Err(Error::TwoMechanisms.into());
        }
        let named = header
            .split(|byte| *byte == b' ')
            .next()
            .unwrap_or_default();
        let known = [X509Algorithm::Rsa, X509Algorithm::Ecdsa];
        let algorithm = known
            .into_iter()
            .find(|known| known.name().as_bytes() == named)
            .ok_or_else(|| X509Error::Algorithm(String::from_utf8_lossy(named).into_owned()))?;
        let claim = Claim::from_header(head, Dialect::General, query, header, algorithm.name())?;
        let certificate = covered(&claim, &CERTIFICATE, "X-Amz-X509")?;
        let certificate = certificate.ok_or(X509Error::NoCertificate)?;
        let chain = covered(&claim, &CHAIN, "X-Amz-X509-Chain")?;
        let chain: Vec<&str> = chain
            .into_iter()
            .flat_map(|chain| text::pieces(chain, b','))
            .take(MAX_CHAIN + 1)
            .collect();
        if chain.len() > MAX_CHAIN {
            return Err(X509Error::TooManyCertificates);
        }
        let chain = chain
            .into_iter()
            .map(|one| decoded(one, "X-Amz-X509-Chain"));
        Ok(Some(Self {
            algorithm,
            certificate: decoded(certificate, "X-Amz-X509")?,
            chain: chain.collect::<Result<_, _>>()?,
            claim,
        }))
    }

    /// The algorithm, which must be one of the certificate's key.
    pub fn algorithm(&self) -> X509Algorithm {
        self.algorithm
    }

    /// The serial number that the credential names, in decimal digits. It must be the certificate's.
    pub fn serial(&self) -> &str {
        self.claim.access_key_id()
    }

    /// The region of the scope.
    pub fn region(&self) -> &str {
        self.claim.region()
    }

    /// When the request says it was signed, in seconds since 1970.
    pub fn time(&self) -> i64 {
        self.claim.time()
    }

    /// The certificate, which should be DER.
    pub fn certificate(&self) -> &[u8] {
        &self.certificate
    }

    /// The certificates that came along, each of which should be DER.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// Checks time and scope, as [`Claim::check`] does.
    ///
    /// # Errors
    /// The first fault found.
    pub fn check(&self, now: i64, expected_service: &str) -> Result<(), X509Error> {
        Ok(self.claim.check(now, expected_service)?)
    }

    /// Verifies the signature of a request with this body: `is_signed` says whether a signature over a
    /// message is that of the certificate's key, by [`X509Claim::algorithm`].
    ///
    /// # Errors
    /// [`X509Error::SignatureDoesNotMatch`], or what is wrong with time and scope whatever the time.
    pub fn verify(
        &self,
        body_sha256: &[u8; 32],
        is_signed: impl FnOnce(&[u8], &[u8]) -> bool,
    ) -> Result<(), X509Error> {
        self.claim.examine(None)?;
        let hex = Hex::new(body_sha256);
        let canonical = self.claim.canonical_request(hex.as_str(), true);
        let string_to_sign = key::string_to_sign(
            self.algorithm.name(),
            self.claim.date_time(),
            self.claim.credential.scope(),
            &canonical,
        );
        let declared = match &self.claim.payload_line {
            PayloadLine::BodyHash { declared } => declared.as_deref(),
            PayloadLine::Literal(line) => Some(line.as_ref()),
        };
        let body_is_meant = declared.is_none_or(|declared| declared == hex.as_str());
        let signature = Some(self.claim.signature())
            .filter(|text| text.len() <= 2 * LONGEST_SIGNATURE)
            .and_then(|text| {
                let decoded = data_encoding::HEXLOWER_PERMISSIVE.decode(text.as_bytes());
                decoded.ok()
            });
        let right =
            signature.is_some_and(|signature| is_signed(string_to_sign.as_bytes(), &signature));
        if right && body_is_meant {
            return Ok(());
        }
        Err(X509Error::SignatureDoesNotMatch {
            canonical_request: String::from_utf8_lossy(&canonical).into_owned(),
            string_to_sign,
        })
    }
}

/// The value of a header of certificates, which must be signed where it is.
fn covered<'r>(
    claim: &Claim<'r>,
    name: &HeaderName,
    shown: &'static str,
) -> Result<Option<&'r str>, X509Error> {
    let value = claim.signed_value(name.as_str());
    value.map_err(|_| X509Error::NotCovered(shown))
}

fn decoded(base64: &str, shown: &'static str) -> Result<Vec<u8>, X509Error> {
    let decoded = data_encoding::BASE64.decode(base64.trim_ascii().as_bytes());
    let decoded = decoded.ok().filter(|bytes| !bytes.is_empty());
    decoded.ok_or(X509Error::NotBase64(shown))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sha256;
    use http::Request;

    const NOW: i64 = 1_767_225_600;
    const BODY: &[u8] = b"{\"durationSeconds\":900}";

    /// A request as the published description signs it, with a "signature" that is the hash of what is
    /// signed. `signed` are its signed headers.
    fn request(algorithm: &str, signed: &str, extra: &[(&str, &str)]) -> Parts {
        let mut canonical_headers = String::new();
        let headers: Vec<(&str, &str)> = [
            ("content-type", "application/json"),
            ("host", "rolesanywhere.us-east-1.amazonaws.com"),
            ("x-amz-date", "20260101T000000Z"),
        ]
        .into_iter()
        .chain(extra.iter().copied())
        .collect();
        for name in signed.split(';') {
            let value = headers.iter().find(|(have, _)| *have == name);
            canonical_headers += &format!("{name}:{}\n", value.map_or("", |(_, value)| value));
        }
        let hex = |bytes: &[u8]| data_encoding::HEXLOWER.encode(&sha256(bytes));
        let canonical = format!(
            "POST\n/sessions\nprofileArn=a%3Ab&roleArn=c\n{canonical_headers}\n{signed}\n{}",
            hex(BODY)
        );
        let scope = "20260101/us-east-1/rolesanywhere/aws4_request";
        let to_sign = format!(
            "{algorithm}\n20260101T000000Z\n{scope}\n{}",
            hex(canonical.as_bytes())
        );
        let authorization = format!(
            "{algorithm} Credential=1234567890/{scope}, SignedHeaders={signed}, Signature={}",
            hex(to_sign.as_bytes())
        );
        let mut request = Request::post("/sessions?roleArn=c&profileArn=a%3Ab")
            .header("authorization", authorization);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn is_signed(message: &[u8], signature: &[u8]) -> bool {
        sha256(message) == signature
    }

    const ALL: &str = "content-type;host;x-amz-date;x-amz-x509";
    const RSA: &str = "AWS4-X509-RSA-SHA256";

    #[test]
    fn what_is_signed_is_as_published() {
        for (algorithm, expected) in [
            (RSA, X509Algorithm::Rsa),
            ("AWS4-X509-ECDSA-SHA256", X509Algorithm::Ecdsa),
        ] {
            let head = request(algorithm, ALL, &[("x-amz-x509", "AQID")]);
            let claim = X509Claim::parse(&head).unwrap().unwrap();
            assert_eq!(claim.algorithm(), expected);
            assert_eq!(
                (claim.serial(), claim.region()),
                ("1234567890", "us-east-1")
            );
            assert_eq!(claim.certificate(), [1, 2, 3]);
            assert_eq!(claim.check(NOW + 900, "rolesanywhere"), Ok(()));
            assert_eq!(claim.verify(&sha256(BODY), is_signed), Ok(()));
            let other = claim.verify(&sha256(b"{}"), is_signed);
            assert!(matches!(
                other,
                Err(X509Error::SignatureDoesNotMatch { .. })
            ));
            let unsigned = claim.verify(&sha256(BODY), |_, _| false);
            assert!(matches!(
                unsigned,
                Err(X509Error::SignatureDoesNotMatch { .. })
            ));
        }
    }

    #[test]
    fn a_chain_is_signed_and_short() {
        let signed = "content-type;host;x-amz-date;x-amz-x509;x-amz-x509-chain";
        let leaf = ("x-amz-x509", "AQID");
        let head = request(RSA, signed, &[leaf, ("x-amz-x509-chain", "AQ==,Ag==")]);
        let claim = X509Claim::parse(&head).unwrap().unwrap();
        assert_eq!(claim.chain(), [vec![1], vec![2]]);
        assert_eq!(claim.verify(&sha256(BODY), is_signed), Ok(()));
        for (signed, chain, expected) in [
            (ALL, "AQ==", X509Error::NotCovered("X-Amz-X509-Chain")),
            (signed, "AQ==,", X509Error::NotBase64("X-Amz-X509-Chain")),
            (signed, "A", X509Error::NotBase64("X-Amz-X509-Chain")),
            (
                signed,
                "AQ==,AQ==,AQ==,AQ==,AQ==,AQ==",
                X509Error::TooManyCertificates,
            ),
        ] {
            let head = request(RSA, signed, &[leaf, ("x-amz-x509-chain", chain)]);
            assert_eq!(X509Claim::parse(&head).map(drop), Err(expected));
        }
    }

    #[test]
    fn the_certificate_is_there_once_and_signed() {
        let unsigned = "content-type;host;x-amz-date";
        let leaf = ("x-amz-x509", "AQID");
        for (signed, extra, expected) in [
            (ALL, &[][..], X509Error::NoCertificate),
            (unsigned, &[leaf], X509Error::NotCovered("X-Amz-X509")),
            (ALL, &[leaf, leaf], X509Error::NotCovered("X-Amz-X509")),
            (
                ALL,
                &[("x-amz-x509", "")],
                X509Error::NotBase64("X-Amz-X509"),
            ),
            (
                ALL,
                &[("x-amz-x509", "A-_=")],
                X509Error::NotBase64("X-Amz-X509"),
            ),
        ] {
            let head = request(RSA, signed, extra);
            assert_eq!(X509Claim::parse(&head).map(drop), Err(expected));
        }
    }

    #[test]
    fn other_algorithms_and_other_requests() {
        let leaf = &[("x-amz-x509", "AQID")];
        for name in ["AWS4-X509-MLDSA", "AWS4-X509-RSA-SHA1", "AWS4-X509-"] {
            let head = request(name, ALL, leaf);
            let refused = X509Claim::parse(&head).map(drop);
            assert_eq!(refused, Err(X509Error::Algorithm(name.to_owned())));
        }
        let head = request("AWS4-HMAC-SHA256", ALL, leaf);
        assert!(X509Claim::parse(&head).unwrap().is_none());
        let mut twice = request(RSA, ALL, leaf);
        let again = twice.headers["authorization"].clone();
        twice.headers.append("authorization", again);
        let refused = X509Claim::parse(&twice).map(drop);
        assert_eq!(refused, Err(X509Error::Claim(Error::TwoMechanisms)));
    }

    #[test]
    fn time_and_scope_are_those_of_every_signature() {
        let head = request(RSA, ALL, &[("x-amz-x509", "AQID")]);
        let claim = X509Claim::parse(&head).unwrap().unwrap();
        let expired = claim.check(NOW + 901, "rolesanywhere");
        assert!(matches!(
            expired,
            Err(X509Error::Claim(Error::Expired { .. }))
        ));
        let early = claim.check(NOW - 901, "rolesanywhere");
        assert!(matches!(
            early,
            Err(X509Error::Claim(Error::NotYetCurrent { .. }))
        ));
        let other = claim.check(NOW, "sts");
        assert!(matches!(other, Err(X509Error::Claim(Error::Scope(_)))));
    }

    #[test]
    fn a_signature_is_hexadecimal() {
        let head = request(RSA, ALL, &[("x-amz-x509", "AQID")]);
        let text = head.headers["authorization"].to_str().unwrap().to_owned();
        for (from, to) in [
            ("Signature=", "Signature=zz"),
            ("Signature=", "Signature=0"),
        ] {
            let mut head = head.clone();
            let header = text.replace(from, to).parse().unwrap();
            head.headers.insert("authorization", header);
            let claim = X509Claim::parse(&head).unwrap().unwrap();
            let refused = claim.verify(&sha256(BODY), |_, _| true);
            assert!(matches!(
                refused,
                Err(X509Error::SignatureDoesNotMatch { .. })
            ));
        }
    }
}
