//! Whom to believe that a server is who it says.
//!
//! The authorities of a provider, if its operator named some, and then no others. Else those that the
//! machine trusts; and if none of them vouches for the chain, but the provider's thumbprints name a
//! certificate in it, that one: AWS's rule for private authorities. Name, validity and signatures are
//! checked in every case.

use locum_identity::http_fetcher::{FetchFault, ServerTrust};
use locum_identity::thumbprint::thumbprint;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, OtherError, RootCertStore,
    SignatureScheme,
};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::fmt;
use std::sync::{Arc, OnceLock};

/// The authorities that the machine trusts, read when they are first needed.
#[derive(Default)]
pub(super) struct Roots(OnceLock<Arc<RootCertStore>>);

impl Roots {
    /// How TLS is spoken with a server.
    pub(super) fn config(&self, trust: &ServerTrust<'_>) -> Result<ClientConfig, FetchFault> {
        let unusable = |error: &dyn fmt::Display| FetchFault::Untrusted(error.to_string());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let (roots, thumbprints) = match trust.authorities {
            Some(pem) => (Arc::new(authorities(pem)?), Vec::new()),
            None => (self.machines(), trust.thumbprints.to_vec()),
        };
        let verifier = Vouched {
            by_roots: verifier(roots, &provider),
            thumbprints,
            provider: provider.clone(),
        };
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| unusable(&error))?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_no_client_auth();
        Ok(config)
    }

    fn machines(&self) -> Arc<RootCertStore> {
        let read = || {
            let mut roots = RootCertStore::empty();
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            Arc::new(roots)
        };
        self.0.get_or_init(read).clone()
    }
}

/// The authorities of a PEM file; all of it must be certificates that can vouch.
pub(crate) fn authorities(pem: &str) -> Result<RootCertStore, FetchFault> {
    let unfit = |what: String| FetchFault::Untrusted(format!("the authorities' PEM {what}"));
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem.as_bytes()) {
        let certificate = certificate.map_err(|error| unfit(format!("cannot be read: {error}")))?;
        let added = roots.add(certificate);
        added.map_err(|error| unfit(format!("has a certificate that cannot vouch: {error}")))?;
    }
    if roots.is_empty() {
        return Err(unfit("has no certificate".to_owned()));
    }
    Ok(roots)
}

/// Nobody vouches for a chain, and no thumbprint names a certificate in it.
#[derive(Debug)]
pub(super) struct Stranger;

impl fmt::Display for Stranger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no thumbprint names a certificate of the chain")
    }
}

impl std::error::Error for Stranger {}

#[derive(Debug)]
struct Vouched {
    /// `None` where there is no authority at all.
    by_roots: Option<Arc<WebPkiServerVerifier>>,
    thumbprints: Vec<String>,
    provider: Arc<CryptoProvider>,
}

fn verifier(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Option<Arc<WebPkiServerVerifier>> {
    let builder = WebPkiServerVerifier::builder_with_provider(roots, provider.clone());
    builder.build().ok()
}

impl Vouched {
    /// The certificate of a chain that a thumbprint names.
    fn named<'a>(
        &self,
        end_entity: &'a CertificateDer<'a>,
        intermediates: &'a [CertificateDer<'a>],
    ) -> Option<&'a CertificateDer<'a>> {
        let mut chain = intermediates.iter().rev().chain([end_entity]);
        chain.find(|certificate| {
            let found = thumbprint(certificate);
            let mut all = self.thumbprints.iter();
            all.any(|one| one.eq_ignore_ascii_case(&found))
        })
    }
}

impl ServerCertVerifier for Vouched {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verify = |by: &WebPkiServerVerifier| {
            by.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        let unknown = rustls::Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let by_roots = self.by_roots.as_deref();
        let fault = match by_roots.map_or(Err(unknown), verify) {
            Err(fault) if !self.thumbprints.is_empty() => fault,
            decided => return decided,
        };
        let Some(named) = self.named(end_entity, intermediates) else {
            return Err(match fault {
                // `Other` is a server's certificate that is an authority, its own mostly.
                rustls::Error::InvalidCertificate(
                    CertificateError::UnknownIssuer | CertificateError::Other(_),
                ) => CertificateError::Other(OtherError(Arc::new(Stranger))).into(),
                other => other,
            });
        };
        if named == end_entity {
            return verify_alone(end_entity, server_name, now);
        }
        let mut roots = RootCertStore::empty();
        roots.add(named.clone().into_owned())?;
        match verifier(Arc::new(roots), &self.provider) {
            Some(by_named) => verify(&by_named),
            None => Err(fault),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

/// A server's own certificate that a thumbprint names: nobody needs to vouch for it, but it is the
/// server's, and valid now.
fn verify_alone(
    certificate: &CertificateDer<'_>,
    server_name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, rustls::Error> {
    let parsed = rustls::server::ParsedCertificate::try_from(certificate)?;
    rustls::client::verify_server_name(&parsed, server_name)?;
    let validity = locum_identity::thumbprint::validity(certificate);
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    match validity {
        Some((from, to)) if from <= now && now <= to => Ok(ServerCertVerified::assertion()),
        Some((from, _)) if now < from => Err(CertificateError::NotValidYet.into()),
        Some(_) => Err(CertificateError::Expired.into()),
        None => Err(CertificateError::BadEncoding.into()),
    }
}
