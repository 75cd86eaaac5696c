//! A certificate that signed a request.

use super::fault::AnywhereFault;
use crate::caller::{Caller, RequestFacts};
use crate::error::Error;
use crate::operation::Service;
use crate::realm::Realm;
use locum_federation::x509::Certificate;
use locum_sigv4::{X509Algorithm, X509Claim, X509Error, sha256};
use std::sync::Arc;

/// A certificate whose key signed a request. Whether anybody trusts it is not known yet.
#[derive(Clone, Debug)]
pub struct PresentedCertificate {
    /// The certificate.
    pub certificate: Certificate,
    /// What came along, which should be DER.
    pub(super) chain: Vec<Vec<u8>>,
    /// The region of the scope.
    pub(super) region: String,
}

impl PresentedCertificate {
    /// The certificate whose key signed a request with this body, lately enough; `claim` is what
    /// [`X509Claim::parse`] read of its head.
    ///
    /// # Errors
    /// [`AnywhereFault::AccessDenied`]
    pub fn of_request(
        claim: Result<Option<X509Claim<'_>>, X509Error>,
        body: &[u8],
        facts: &RequestFacts,
    ) -> Result<Self, Error> {
        Self::verified(claim, body, facts.now).map_err(|(fault, words)| {
            facts.notes.explain(words);
            fault.into()
        })
    }

    fn verified(
        claim: Result<Option<X509Claim<'_>>, X509Error>,
        body: &[u8],
        now: i64,
    ) -> Result<Self, (AnywhereFault, String)> {
        let refused = |error: X509Error| {
            let words = error.to_string();
            let fault = match error {
                X509Error::SignatureDoesNotMatch { .. } => AnywhereFault::invalid_signature(),
                X509Error::Claim(locum_sigv4::Error::SignatureDoesNotMatch { .. }) => {
                    AnywhereFault::invalid_signature()
                }
                other => AnywhereFault::AccessDenied(other.to_string()),
            };
            (fault, words)
        };
        let claim = claim.map_err(refused)?.ok_or_else(|| {
            let words = "no certificate signed the request".to_owned();
            (AnywhereFault::AccessDenied(words.clone()), words)
        })?;
        claim
            .check(now, Service::RolesAnywhere.name())
            .map_err(refused)?;
        let certificate = Certificate::from_der(claim.certificate())
            .map_err(|fault| (AnywhereFault::untrusted(), fault.to_string()))?;
        let serial = certificate.serial.decimal();
        if claim.serial() != serial {
            let words = format!(
                "the credential names the serial number {}, and the certificate's is {serial}",
                claim.serial()
            );
            return Err((AnywhereFault::invalid_signature(), words));
        }
        let key = certificate.key();
        let fits = key.is_rsa() == (claim.algorithm() == X509Algorithm::Rsa);
        claim
            .verify(&sha256(body), |message, signature| {
                fits && key.verifies_sha256(message, signature)
            })
            .map_err(refused)?;
        Ok(Self {
            chain: claim.chain().to_vec(),
            region: claim.region().to_owned(),
            certificate,
        })
    }
}

impl Realm {
    /// The caller that a certificate's signature makes: nobody yet, but one with a certificate.
    pub fn presented(&self, certificate: PresentedCertificate) -> Caller {
        Caller::with_certificate(self.directory(), Arc::new(certificate))
    }
}
