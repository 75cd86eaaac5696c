//! The thumbprint of an OpenID Connect provider that none was given for: the network is handed in.

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use data_encoding::HEXLOWER;
use std::fmt;
use std::future::Future;
use std::pin::Pin;

/// Asks servers for their certificates: handed in, so that no rule here knows the network.
pub trait CertificateFetcher: Send + Sync + 'static {
    /// The last certificate (DER) of the chain that the host sends on port 443, which nobody verifies:
    /// it may be that of a private authority.
    fn last_certificate<'a>(&'a self, host: &'a str) -> Fetching<'a>;
}

/// A certificate on its way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, Unreachable>> + Send + 'a>>;

/// There is no certificate. Why is not told: who asks must not learn what stands behind a name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unreachable;

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the host cannot be reached by TLS")
    }
}

impl std::error::Error for Unreachable {}

/// Reaches nobody: for commands, and until a fetcher is handed in.
#[derive(Clone, Copy, Debug)]
pub struct NoNetwork;

impl CertificateFetcher for NoNetwork {
    fn last_certificate<'a>(&'a self, _: &'a str) -> Fetching<'a> {
        Box::pin(std::future::ready(Err(Unreachable)))
    }
}

/// The SHA-1 of a certificate in hexadecimal digits.
pub fn thumbprint(certificate: &[u8]) -> String {
    HEXLOWER.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, certificate).as_ref())
}

/// From when to when a certificate (DER) is valid, in seconds since 1970; `None` if it cannot be read.
pub fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    use x509_parser::prelude::{FromDer as _, X509Certificate};
    let (rest, certificate) = X509Certificate::from_der(certificate).ok()?;
    let validity = certificate.validity();
    let times = (
        validity.not_before.timestamp(),
        validity.not_after.timestamp(),
    );
    rest.is_empty().then_some(times)
}
