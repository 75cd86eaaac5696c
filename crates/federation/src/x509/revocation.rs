//! Certificate revocation lists (RFC 5280, section 5): complete ones, of the authority that signed the
//! certificates. Lists of changes and lists on behalf of others are refused.

use super::certificate::{Certificate, Serial, Signed};
use super::{der, pem};
use std::fmt;
use webpki::{CertRevocationList, Error, OwnedCertRevocationList};
use x509_parser::prelude::FromDer as _;
use x509_parser::revocation_list::CertificateRevocationList;

/// Why a revocation list is not taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RevocationListFault {
    /// It is not one list in PEM or DER.
    Unreadable,
    /// It is not of version 2, which lists with extensions are, or has no `nextUpdate`.
    Version,
    /// It lists changes to another list.
    Delta,
    /// It lists certificates of others than who signed it.
    Indirect,
    /// It has a critical extension that is not understood, or is about some reasons of revocation only.
    Extension,
    /// It is not signed with SHA-256 or stronger.
    Strength,
}

impl fmt::Display for RevocationListFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreadable => "it is not one revocation list in PEM or DER",
            Self::Version => "it is not of version 2 with a next update and a number",
            Self::Delta => "it is a delta list",
            Self::Indirect => "it is an indirect list",
            Self::Extension => {
                "it has a critical extension that is not understood, or covers some reasons only"
            }
            Self::Strength => "it is not signed with SHA-256 or stronger",
        })
    }
}

impl std::error::Error for RevocationListFault {}

/// A revocation list that was read. Who signed it, and whether it is its time, has not been looked at.
#[derive(Debug)]
pub struct RevocationList {
    read: CertRevocationList<'static>,
    issuer: Vec<u8>,
    signed: Vec<u8>,
    signature: Vec<u8>,
    algorithm: Signed,
    /// When it was issued, in seconds since 1970.
    pub this_update: i64,
    /// By when there is another, in seconds since 1970.
    pub next_update: i64,
    entries: usize,
}

impl RevocationList {
    /// The one list that `bytes` are, in PEM or DER.
    ///
    /// # Errors
    /// [`RevocationListFault`]
    pub fn parse(bytes: &[u8]) -> Result<Self, RevocationListFault> {
        match std::str::from_utf8(bytes) {
            Ok(text) if pem::is_meant(text) => {
                let block = pem::only(text).filter(|block| block.label == "X509 CRL");
                Self::from_der(&block.ok_or(RevocationListFault::Unreadable)?.contents)
            }
            _ => Self::from_der(bytes),
        }
    }

    fn from_der(bytes: &[u8]) -> Result<Self, RevocationListFault> {
        const UNREADABLE: RevocationListFault = RevocationListFault::Unreadable;
        if !der::is_one_value(bytes) {
            return Err(UNREADABLE);
        }
        let (rest, list) = CertificateRevocationList::from_der(bytes).map_err(|_| UNREADABLE)?;
        if !rest.is_empty() {
            return Err(UNREADABLE);
        }
        let read = OwnedCertRevocationList::from_der(bytes).map_err(|error| fault(&error))?;
        let algorithm =
            Signed::with(&list.signature_algorithm).ok_or(RevocationListFault::Strength)?;
        let next_update = list.next_update().ok_or(RevocationListFault::Version)?;
        Ok(Self {
            issuer: list.issuer().as_raw().to_vec(),
            signed: list.tbs_cert_list.as_ref().to_vec(),
            signature: list.signature_value.data.to_vec(),
            algorithm,
            this_update: list.last_update().timestamp(),
            next_update: next_update.timestamp(),
            entries: list.iter_revoked_certificates().count(),
            read: read.into(),
        })
    }

    /// The name of the authority, in DER.
    pub fn issuer(&self) -> &[u8] {
        &self.issuer
    }

    /// How many certificates it has.
    pub fn len(&self) -> usize {
        self.entries
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Whether it has a certificate of its authority.
    pub fn has(&self, serial: &Serial) -> bool {
        // What was read whole has no entry that cannot be.
        !matches!(self.read.find_serial(serial.bytes()), Ok(None))
    }

    /// Whether the authority of this certificate signed it, and may.
    pub fn is_signed_by(&self, issuer: &Certificate) -> bool {
        issuer.signs_revocation_lists() && self.is_signed_with_key_of(issuer)
    }

    /// Whether the key of the authority of this certificate signed it, may it or not.
    pub(super) fn is_signed_with_key_of(&self, issuer: &Certificate) -> bool {
        self.issuer == issuer.subject.der()
            && self
                .algorithm
                .verifies(issuer.key(), &self.signed, &self.signature)
    }
}

fn fault(error: &Error) -> RevocationListFault {
    match error {
        Error::UnsupportedCrlVersion | Error::BadDerTime | Error::InvalidCrlNumber => {
            RevocationListFault::Version
        }
        Error::UnsupportedDeltaCrl => RevocationListFault::Delta,
        Error::UnsupportedIndirectCrl => RevocationListFault::Indirect,
        Error::UnsupportedCriticalExtension
        | Error::UnsupportedCrlIssuingDistributionPoint
        | Error::UnsupportedRevocationReason
        | Error::UnsupportedRevocationReasonsPartitioning => RevocationListFault::Extension,
        _ => RevocationListFault::Unreadable,
    }
}
