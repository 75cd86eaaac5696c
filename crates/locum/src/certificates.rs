//! Asks the servers of identity providers for their certificates: the network of
//! CreateOpenIDConnectProvider without thumbprints.
//!
//! Where a server may be says `addresses.rs`. Whatever fails, one answer tells of it.

use crate::addresses::{Allowed, connect, resolve};
use locum_identity::thumbprint::{CertificateFetcher, Fetching, Unreachable};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;

/// How long all of it may take.
const FETCHED_WITHIN: Duration = Duration::from_secs(5);
/// How many bytes are read of a server.
const MOST_READ: u64 = 256 * 1024;
/// How many servers are asked at a time.
const AT_A_TIME: usize = 16;

/// Asks by TLS, without verifying anything.
pub(crate) struct TlsFetcher {
    port: u16,
    allowed: Allowed,
    room: Semaphore,
}

impl TlsFetcher {
    /// Asks on port 443; with `private_addresses`, addresses that are not public too.
    pub(crate) fn new(private_addresses: bool) -> Self {
        Self {
            port: 443,
            allowed: if private_addresses {
                Allowed::Any
            } else {
                Allowed::Public
            },
            room: Semaphore::new(AT_A_TIME),
        }
    }

    async fn fetch(&self, host: &str) -> Option<Vec<u8>> {
        let _room = self.room.acquire().await.ok()?;
        let name = ServerName::try_from(host.to_owned()).ok()?;
        let connector = connector()?;
        let addresses = resolve(host, self.port, self.allowed).await.ok()?;
        for address in addresses {
            if let Some(certificate) = last_of(&connector, name.clone(), address).await {
                return Some(certificate);
            }
        }
        None
    }
}

impl CertificateFetcher for TlsFetcher {
    fn last_certificate<'a>(&'a self, host: &'a str) -> Fetching<'a> {
        Box::pin(async move {
            let fetched = tokio::time::timeout(FETCHED_WITHIN, self.fetch(host)).await;
            fetched.ok().flatten().ok_or(Unreachable)
        })
    }
}

/// The last certificate of the chain that the server at an address sends.
async fn last_of(
    connector: &TlsConnector,
    name: ServerName<'static>,
    address: SocketAddr,
) -> Option<Vec<u8>> {
    let (read, write) = connect(address).await.ok()?.into_split();
    let stream = tokio::io::join(read.take(MOST_READ), write);
    let stream = connector.connect(name, stream).await.ok()?;
    let (_, connection) = stream.get_ref();
    let last = connection.peer_certificates()?.last()?;
    Some(last.to_vec())
}

fn connector() -> Option<TlsConnector> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()
        .ok()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Anyone(provider)))
        .with_no_client_auth();
    Some(TlsConnector::from(Arc::new(config)))
}

/// Believes every server: nothing is sent to it, and of what it says only the certificate is kept, for
/// an administrator who trusts the name.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.0.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustls_pki_types::PrivateKeyDer;
    use rustls_pki_types::pem::PemObject as _;
    use tokio::io::AsyncWriteExt as _;
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    // A chain of a name's certificate and two authorities that nobody trusts.
    const CHAIN: &str = include_str!("certificates/chain.pem");
    const KEY: &str = include_str!("certificates/key.pem");

    fn chain() -> Vec<CertificateDer<'static>> {
        let chain = CertificateDer::pem_slice_iter(CHAIN.as_bytes());
        chain.collect::<Result<_, _>>().unwrap()
    }

    fn fetcher(port: u16, private_addresses: bool) -> TlsFetcher {
        TlsFetcher {
            port,
            ..TlsFetcher::new(private_addresses)
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the server that is asked")]
    async fn listener() -> (TcpListener, u16) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        (listener, port)
    }

    fn acceptor() -> TlsAcceptor {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain(), key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        crate::environment::runtime().unwrap().block_on(future)
    }

    #[test]
    fn the_last_certificate_is_taken_whoever_issued_it() {
        run(async {
            let (listener, port) = listener().await;
            let server = tokio::spawn(async move {
                let acceptor = acceptor();
                for _ in 0..2 {
                    let (stream, _) = listener.accept().await.unwrap();
                    // The client hangs up when it has what it wants.
                    let _ = acceptor.accept(stream).await;
                }
            });
            assert_eq!(chain().len(), 3);
            for host in ["localhost", "127.0.0.1"] {
                let fetched = fetcher(port, true).last_certificate(host).await;
                assert_eq!(fetched.as_deref(), Ok(chain()[2].as_ref()), "{host}");
            }
            server.await.unwrap();
        });
    }

    #[test]
    fn addresses_that_are_not_public_are_not_even_connected_to() {
        run(async {
            let (listener, port) = listener().await;
            for host in ["localhost", "127.0.0.1"] {
                let fetched = fetcher(port, false).last_certificate(host).await;
                assert_eq!(fetched, Err(Unreachable), "{host}");
            }
            // Nobody came: the first connection is our own.
            let accepted = listener.accept();
            let nobody = tokio::time::timeout(Duration::from_millis(50), accepted).await;
            assert!(nobody.is_err());
        });
    }

    #[test]
    fn a_server_that_speaks_no_tls_or_too_much_is_given_up() {
        run(async {
            let (listener, port) = listener().await;
            let server = tokio::spawn(async move {
                let (mut stream, _) = listener.accept().await.unwrap();
                stream
                    .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                    .await
                    .unwrap();
                drop(stream);
                // Handshake records that are announced and never end.
                let (mut stream, _) = listener.accept().await.unwrap();
                let record = [&[22, 3, 3, 0x40, 0][..], &[0; 0x4000]].concat();
                while stream.write_all(&record).await.is_ok() {}
            });
            for _ in 0..2 {
                let fetched = fetcher(port, true).last_certificate("localhost").await;
                assert_eq!(fetched, Err(Unreachable));
            }
            server.await.unwrap();
        });
    }

    #[test]
    fn names_that_lead_nowhere_are_unreachable() {
        run(async {
            for host in ["", "nothing.invalid", "a b", "-"] {
                let fetched = fetcher(443, true).last_certificate(host).await;
                assert_eq!(fetched, Err(Unreachable), "{host:?}");
            }
        });
    }
}
