//! Chains: from a certificate over those that came with it to one that is trusted.
//!
//! Paths are built and checked by webpki: signatures, the validity of all but the anchor, basic constraints
//! and path lengths, name constraints, critical extensions that nobody understands, loops, and how much work
//! one request may cause. What webpki leaves out is checked here: everything about the anchor (webpki takes
//! it for a name with a key), the key usage of whoever signs certificates, and the rules for the last
//! certificate, which are the service's own. Constraints on directory names, URIs and mail addresses webpki
//! does not compare: it refuses every chain in which they apply, and so does this.

use super::certificate::{Certificate, CertificateFault};
use super::revocation::RevocationList;
use rustls_pki_types::{CertificateDer, SignatureVerificationAlgorithm, TrustAnchor, UnixTime};
use std::fmt;
use std::time::Duration;
use webpki::aws_lc_rs as algorithms;
use webpki::{
    EndEntityCert, Error, ExtendedKeyUsageValidator, KeyPurposeIdIter, VerifiedPath,
    anchor_from_trusted_cert,
};

/// How many certificates may come with the one that is verified.
pub const LONGEST_CHAIN: usize = 5;

/// SHA-256 and stronger, with the keys that certificates have here.
static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    algorithms::RSA_PKCS1_2048_8192_SHA256,
    algorithms::RSA_PKCS1_2048_8192_SHA384,
    algorithms::RSA_PKCS1_2048_8192_SHA512,
    algorithms::ECDSA_P256_SHA256,
    algorithms::ECDSA_P256_SHA384,
    algorithms::ECDSA_P256_SHA512,
    algorithms::ECDSA_P384_SHA256,
    algorithms::ECDSA_P384_SHA384,
    algorithms::ECDSA_P384_SHA512,
    algorithms::ECDSA_P521_SHA256,
    algorithms::ECDSA_P521_SHA384,
    algorithms::ECDSA_P521_SHA512,
];

/// What a certificate that is to sign requests must be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Requirement {
    /// Of version 3.
    Version,
    /// Not a certification authority's.
    NoAuthority,
    /// With a key usage that has `digitalSignature`.
    DigitalSignature,
    /// Signed with SHA-256 or stronger.
    Strength,
    /// With a subject that is not empty.
    Subject,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Version => "is not of version 3",
            Self::NoAuthority => "is a certification authority's",
            Self::DigitalSignature => "has no key usage digitalSignature",
            Self::Strength => "is not signed with SHA-256 or stronger",
            Self::Subject => "has an empty subject",
        })
    }
}

/// Why a certificate is not believed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ChainFault {
    /// More certificates came along than are looked at.
    TooLong,
    /// The one in this place of the chain, counted from 0, cannot be read, or has a key that is not taken.
    Unreadable(usize, CertificateFault),
    /// It is not what it must be.
    Requirement(Requirement),
    /// Its validity begins at `from`, and it is `now`; seconds since 1970.
    NotYetValid {
        /// When the validity begins.
        from: i64,
        /// The time.
        now: i64,
    },
    /// Its validity ended at `until`, and it is `now`; seconds since 1970.
    Expired {
        /// When the validity ended.
        until: i64,
        /// The time.
        now: i64,
    },
    /// No certificate that is trusted may sign certificates at present; for each why.
    NoAnchor(Vec<AnchorFault>),
    /// No path leads to a certificate that is trusted; what kept the one that came furthest.
    NoPath(String),
    /// It stands on a revocation list.
    Revoked {
        /// Whose certificate, as RFC 4514 writes names.
        subject: String,
        /// Its serial number in hexadecimal digits.
        serial: String,
    },
    /// A revocation list of an authority of the path is over, or not yet valid: nobody knows what was
    /// revoked since.
    StaleRevocationList {
        /// The authority.
        issuer: String,
        /// From when to when the list is good, in seconds since 1970.
        valid: (i64, i64),
        /// The time.
        now: i64,
    },
    /// A revocation list names an authority of the path, and nobody of that name signed it.
    ForgedRevocationList {
        /// The authority.
        issuer: String,
    },
}

/// Why a certificate that somebody trusts cannot stand at the end of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum AnchorFault {
    /// It is not a certification authority's, or its key usage has no `keyCertSign`.
    NoAuthority,
    /// It is not of version 3.
    Version,
    /// Its validity begins in the future.
    NotYetValid,
    /// Its validity is over.
    Expired,
    /// Nothing can be made of it.
    Unreadable,
}

impl fmt::Display for AnchorFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoAuthority => {
                "it is no certification authority's with the key usage keyCertSign"
            }
            Self::Version => "it is not of version 3",
            Self::NotYetValid => "it is not valid yet",
            Self::Expired => "it has expired",
            Self::Unreadable => "it cannot be read",
        })
    }
}

impl fmt::Display for ChainFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong => write!(
                f,
                "more than {LONGEST_CHAIN} certificates came with the one that signed"
            ),
            Self::Unreadable(place, fault) => {
                write!(f, "certificate {place} of the chain: {fault}")
            }
            Self::Requirement(what) => write!(f, "the certificate {what}"),
            Self::NotYetValid { from, now } => write!(
                f,
                "the certificate is valid from {} on, and it is {}",
                moment(*from),
                moment(*now)
            ),
            Self::Expired { until, now } => write!(
                f,
                "the certificate was valid until {}, and it is {}",
                moment(*until),
                moment(*now)
            ),
            Self::NoAnchor(faults) => {
                f.write_str("no certificate of the trust anchor may be used")?;
                for fault in faults {
                    write!(f, "; {fault}")?;
                }
                Ok(())
            }
            Self::NoPath(why) => write!(
                f,
                "no path leads from the certificate to one of the trust anchor: {why}"
            ),
            Self::Revoked { subject, serial } => write!(
                f,
                "the certificate {serial} of `{subject}` is on a revocation list"
            ),
            Self::StaleRevocationList { issuer, valid, now } => write!(
                f,
                "the revocation list of `{issuer}` is good from {} until {}, and it is {}",
                moment(valid.0),
                moment(valid.1),
                moment(*now)
            ),
            Self::ForgedRevocationList { issuer } => {
                write!(f, "a revocation list names `{issuer}`, who did not sign it")
            }
        }
    }
}

impl std::error::Error for ChainFault {}

/// A time for people.
fn moment(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.to_string(),
        Err(_) => seconds.to_string(),
    }
}

/// A path that was verified.
#[derive(Clone, Debug)]
pub struct Path {
    /// The certificate, then each that signed the one before it; the anchor is the last.
    pub certificates: Vec<Certificate>,
}

/// Whether a certificate may be trusted to sign others at a moment, in seconds since 1970.
///
/// # Errors
/// [`AnchorFault`]
pub fn check_anchor(anchor: &Certificate, now: i64) -> Result<(), AnchorFault> {
    if anchor.version != 3 {
        return Err(AnchorFault::Version);
    }
    if !anchor.says_it_signs_certificates() {
        return Err(AnchorFault::NoAuthority);
    }
    anchor.check_validity(now).map_err(|fault| match fault {
        CertificateFault::NotYetValid => AnchorFault::NotYetValid,
        _ => AnchorFault::Expired,
    })
}

/// What must hold of a certificate that signs requests, whoever signed it.
fn check_leaf(leaf: &Certificate, now: i64) -> Result<(), ChainFault> {
    for (holds, what) in [
        (leaf.version == 3, Requirement::Version),
        (!leaf.is_authority, Requirement::NoAuthority),
        (leaf.signs_messages(), Requirement::DigitalSignature),
        (leaf.is_signed_strongly(), Requirement::Strength),
        (!leaf.subject.is_empty(), Requirement::Subject),
    ] {
        if !holds {
            return Err(ChainFault::Requirement(what));
        }
    }
    if now < leaf.not_before {
        let from = leaf.not_before;
        return Err(ChainFault::NotYetValid { from, now });
    }
    if now > leaf.not_after {
        let until = leaf.not_after;
        return Err(ChainFault::Expired { until, now });
    }
    Ok(())
}

/// Verifies that a certificate may sign requests at `now` (seconds since 1970), by a path over the
/// certificates that came along, in whatever order and with whatever else among them, to one of the
/// anchors; and that no certificate of the path stands on a revocation list.
///
/// # Errors
/// [`ChainFault`]: of all paths that of the one that came furthest.
pub fn verify_chain(
    leaf: &Certificate,
    others: &[Vec<u8>],
    anchors: &[Certificate],
    lists: &[RevocationList],
    now: i64,
) -> Result<Path, ChainFault> {
    if others.len() > LONGEST_CHAIN {
        return Err(ChainFault::TooLong);
    }
    check_leaf(leaf, now)?;
    let others = others.iter().enumerate().map(|(place, der)| {
        Certificate::from_der(der).map_err(|fault| ChainFault::Unreadable(place, fault))
    });
    let others: Vec<Certificate> = others.collect::<Result<_, _>>()?;
    let (usable, faults): (Vec<_>, Vec<_>) = anchors
        .iter()
        .map(|anchor| check_anchor(anchor, now).map(|()| anchor))
        .partition(Result::is_ok);
    let usable: Vec<&Certificate> = usable.into_iter().flatten().collect();
    if usable.is_empty() {
        let faults = faults.into_iter().filter_map(Result::err).collect();
        return Err(ChainFault::NoAnchor(faults));
    }
    let certificates = build(leaf, &others, &usable, now)?;
    let known: Vec<&Certificate> = anchors.iter().chain(&others).collect();
    for (place, certificate) in certificates.iter().enumerate() {
        if let Some(issuer) = certificates.get(place + 1) {
            check_revocation(certificate, issuer, lists, &known, now)?;
        }
    }
    Ok(Path { certificates })
}

/// Extended key usages are of no concern: a certificate for servers or clients may sign requests.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, mut purposes: KeyPurposeIdIter<'_, '_>) -> Result<(), Error> {
        purposes.try_for_each(|purpose| purpose.map(drop))
    }
}

fn build(
    leaf: &Certificate,
    others: &[Certificate],
    anchors: &[&Certificate],
    now: i64,
) -> Result<Vec<Certificate>, ChainFault> {
    let no_path = |error: Error| ChainFault::NoPath(words(&error));
    let ders: Vec<CertificateDer<'_>> = anchors.iter().map(|anchor| anchor.der().into()).collect();
    let trusted = ders.iter().map(anchor_from_trusted_cert);
    let trusted: Vec<TrustAnchor<'_>> = trusted.collect::<Result<_, _>>().map_err(no_path)?;
    let between: Vec<CertificateDer<'_>> = others.iter().map(|one| one.der().into()).collect();
    let der = CertificateDer::from(leaf.der());
    let last = EndEntityCert::try_from(&der).map_err(no_path)?;
    let time = UnixTime::since_unix_epoch(Duration::from_secs(now.try_into().unwrap_or_default()));
    let anchor_of = |path: &VerifiedPath<'_>| {
        let place = trusted.iter().position(|one| one == path.anchor());
        place.and_then(|place| anchors.get(place)).copied()
    };
    let between_of = |path: &VerifiedPath<'_>| {
        let ders = path.intermediate_certificates().map(webpki::Cert::der);
        let found = ders.map(|der| others.iter().find(|one| one.der() == der.as_ref()));
        found.collect::<Option<Vec<&Certificate>>>()
    };
    // What webpki does not ask of a path.
    let check = |path: &VerifiedPath<'_>| {
        let (Some(anchor), Some(between)) = (anchor_of(path), between_of(path)) else {
            return Err(Error::UnknownIssuer);
        };
        if !between.iter().all(|one| one.signs_certificates()) {
            return Err(Error::EndEntityUsedAsCa);
        }
        let room = anchor
            .path_length
            .is_none_or(|most| usize::try_from(most).is_ok_and(|most| between.len() <= most));
        room.then_some(()).ok_or(Error::PathLenConstraintViolated)
    };
    let path = last
        .verify_for_usage(
            ALGORITHMS,
            &trusted,
            &between,
            time,
            AnyPurpose,
            None,
            Some(&check),
        )
        .map_err(no_path)?;
    let (Some(anchor), Some(between)) = (anchor_of(&path), between_of(&path)) else {
        return Err(no_path(Error::UnknownIssuer));
    };
    let above = between.into_iter().chain([anchor]).cloned();
    Ok([leaf.clone()].into_iter().chain(above).collect())
}

/// What webpki's errors say to a person.
fn words(error: &Error) -> String {
    let text = match error {
        Error::UnknownIssuer => "no certificate at hand is its issuer's",
        Error::InvalidSignatureForPublicKey => "a signature is not that of the issuer's key",
        Error::CertExpired { .. } => "a certificate of the path has expired",
        Error::CertNotValidYet { .. } => "a certificate of the path is not valid yet",
        Error::PathLenConstraintViolated => "the path is longer than an authority allows",
        Error::NameConstraintViolation => "a name is not one that an authority may certify",
        Error::EndEntityUsedAsCa => {
            "a certificate of the path is no certification authority's that signs certificates"
        }
        Error::UnsupportedCriticalExtension => {
            "a certificate has a critical extension that is not understood"
        }
        Error::UnsupportedSignatureAlgorithmContext(_)
        | Error::UnsupportedSignatureAlgorithmForPublicKeyContext(_) => {
            "a certificate is not signed with SHA-256 or stronger"
        }
        Error::UnsupportedCertVersion => "a certificate is not of version 3",
        other => return format!("{other:?}"),
    };
    text.to_owned()
}

/// That no list of its issuer has a certificate. Authorities of one name are one authority, with the serial
/// numbers of one (RFC 5280, sections 4.1.2.2 and 5): one that has a new key revokes with it what it signed
/// with the old one, too.
fn check_revocation(
    certificate: &Certificate,
    issuer: &Certificate,
    lists: &[RevocationList],
    known: &[&Certificate],
    now: i64,
) -> Result<(), ChainFault> {
    for list in lists {
        if list.issuer() != issuer.subject.der() {
            continue;
        }
        // Its key decides here, and not what this certificate of it says: whoever asks chooses, of several
        // certificates of an authority, which one comes along.
        let is_own = list.is_signed_with_key_of(issuer);
        if !is_own && !known.iter().any(|other| list.is_signed_by(other)) {
            return Err(ChainFault::ForgedRevocationList {
                issuer: issuer.subject.to_string(),
            });
        }
        if list.has(&certificate.serial) {
            return Err(ChainFault::Revoked {
                subject: certificate.subject.to_string(),
                serial: certificate.serial.hexadecimal(),
            });
        }
        // Another authority of the same name, or the same one with another key.
        if !is_own {
            continue;
        }
        if !issuer.signs_revocation_lists() {
            return Err(ChainFault::ForgedRevocationList {
                issuer: issuer.subject.to_string(),
            });
        }
        if !(list.this_update..=list.next_update).contains(&now) {
            return Err(ChainFault::StaleRevocationList {
                issuer: issuer.subject.to_string(),
                valid: (list.this_update, list.next_update),
                now,
            });
        }
    }
    Ok(())
}
