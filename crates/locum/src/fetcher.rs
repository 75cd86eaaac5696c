//! Asks the servers of identity providers by HTTPS: the network of the domain's `HttpFetcher`.
//!
//! Where a server may be says `addresses.rs`; whom to believe that it is the server, `fetcher/trust.rs`.
//! Whatever a server does, it costs no more than seconds and bytes that are counted.

use crate::addresses::{Allowed, NoAddress, connect, resolve};
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use locum_identity::http_fetcher::{
    FetchFault, FetchRequest, FetchResponse, Fetched, HttpFetcher, ServerTrust,
};
use rustls_pki_types::ServerName;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite};
use tokio::sync::Semaphore;
use tokio_rustls::TlsConnector;
use trust::{Roots, Stranger};

mod trust;

pub(crate) use trust::authorities;

/// How long all of it may take: AWS's.
const FETCHED_WITHIN: Duration = Duration::from_secs(5);
/// How long one address may take to answer.
const CONNECTED_WITHIN: Duration = Duration::from_secs(2);
/// How many servers are asked at a time.
const AT_A_TIME: usize = 32;
/// How many redirects are followed.
const MOST_REDIRECTS: usize = 3;
/// The most bytes that are read besides an answer's body: of TLS, of its head.
const MOST_AROUND: u64 = 256 * 1024;
/// The longest head of an answer, in bytes.
const LONGEST_HEAD: usize = 32 * 1024;

/// Asks by HTTP/1.1 over TLS.
pub(crate) struct Fetcher {
    private_addresses: bool,
    plain: bool,
    roots: Roots,
    room: Semaphore,
}

/// What a URL says.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Target {
    tls: bool,
    host: String,
    port: u16,
    /// What goes into the request line.
    path: String,
}

impl Fetcher {
    /// Asks at public addresses; with `private_addresses`, at all; with `plain`, by plain HTTP on loopback,
    /// too.
    pub(crate) fn new(private_addresses: bool, plain: bool) -> Self {
        Self {
            private_addresses,
            plain,
            roots: Roots::default(),
            room: Semaphore::new(AT_A_TIME),
        }
    }

    async fn fetch_followed(
        &self,
        request: &FetchRequest<'_>,
    ) -> Result<FetchResponse, FetchFault> {
        let gone = |_| FetchFault::TimedOut;
        let _room = self.room.acquire().await.map_err(gone)?;
        let mut target = Target::parse(request.url)?;
        for _ in 0..=MOST_REDIRECTS {
            let response = self.ask(&target, request).await?;
            let follows = response.status().is_redirection() && request.form.is_none();
            let location = response.headers().get(header::LOCATION);
            let location = location.and_then(|value| value.to_str().ok());
            let Some(location) = location.filter(|_| follows) else {
                return read(response, request.most_bytes).await;
            };
            target = target.redirected(location)?;
        }
        Err(forbidden("it redirects too often"))
    }

    async fn ask(
        &self,
        target: &Target,
        request: &FetchRequest<'_>,
    ) -> Result<Response<Incoming>, FetchFault> {
        let stream = self
            .connect(target, &request.trust, request.most_bytes)
            .await?;
        let unfit = |_| forbidden("the request cannot be made");
        let request = target.request(request).map_err(unfit)?;
        let broken = |error: hyper::Error| FetchFault::Unreachable(format!("no HTTP: {error}"));
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(LONGEST_HEAD)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(broken)?;
        // It ends with the answer.
        tokio::spawn(connection);
        sender.send_request(request).await.map_err(broken)
    }

    async fn connect(
        &self,
        target: &Target,
        trust: &ServerTrust<'_>,
        most_bytes: usize,
    ) -> Result<Box<dyn Stream>, FetchFault> {
        let any = self.private_addresses || trust.private_addresses;
        let allowed = match (target.tls, any) {
            (false, _) if !self.plain || !target.is_loopback() => {
                return Err(forbidden("only https is asked"));
            }
            (false, _) => Allowed::Loopback,
            (true, true) => Allowed::Any,
            (true, false) => Allowed::Public,
        };
        let addresses = match trust.address {
            Some(address) => vec![address],
            None => resolve(&target.host, target.port, allowed)
                .await
                .map_err(no_address)?,
        };
        let most = MOST_AROUND.saturating_add(most_bytes as u64);
        let stream = first_of(&addresses).await?;
        let (read, write) = stream.into_split();
        let stream = tokio::io::join(read.take(most), write);
        if !target.tls {
            return Ok(Box::new(stream));
        }
        let name = ServerName::try_from(target.host.clone())
            .map_err(|_| forbidden("no certificate could have its host's name"))?;
        let config = self.roots.config(trust)?;
        let connected = TlsConnector::from(Arc::new(config)).connect(name, stream);
        Ok(Box::new(connected.await.map_err(|error| no_tls(&error))?))
    }
}

impl HttpFetcher for Fetcher {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> Fetched<'a> {
        Box::pin(async move {
            let fetched = self.fetch_followed(&request);
            let fetched = tokio::time::timeout(FETCHED_WITHIN, fetched).await;
            fetched.unwrap_or(Err(FetchFault::TimedOut))
        })
    }

    fn asks_plain(&self) -> bool {
        self.plain
    }
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

async fn first_of(addresses: &[SocketAddr]) -> Result<tokio::net::TcpStream, FetchFault> {
    let mut why = "nobody listens there".to_owned();
    for address in addresses {
        match tokio::time::timeout(CONNECTED_WITHIN, connect(*address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => why = format!("{address}: {error}"),
            Err(_) => why = format!("{address}: it does not answer"),
        }
    }
    Err(FetchFault::Unreachable(why))
}

fn forbidden(why: &str) -> FetchFault {
    FetchFault::Forbidden(why.to_owned())
}

fn no_address(fault: NoAddress) -> FetchFault {
    match fault {
        NoAddress::Unknown => FetchFault::Unreachable("its name leads nowhere".to_owned()),
        NoAddress::Forbidden(address) => FetchFault::Forbidden(format!(
            "its address {address} is not one that may be asked (see --idp-private-addresses)"
        )),
    }
}

/// What was wrong with the server's certificate, if it was that.
fn no_tls(error: &std::io::Error) -> FetchFault {
    let cause = error.get_ref();
    match cause.and_then(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::InvalidCertificate(rustls::CertificateError::Other(other)))
            if other.0.is::<Stranger>() =>
        {
            FetchFault::WrongThumbprint
        }
        Some(rustls::Error::InvalidCertificate(fault)) => FetchFault::Untrusted(fault.to_string()),
        _ => FetchFault::Unreachable(format!("no TLS: {error}")),
    }
}

impl Target {
    fn parse(url: &str) -> Result<Self, FetchFault> {
        // What could be read in two ways.
        let is_odd = |c: char| !c.is_ascii_graphic() || matches!(c, '#' | '\\' | '@');
        if url.contains(is_odd) {
            return Err(forbidden("its URL has characters that it may not have"));
        }
        let uri: http::Uri = url.parse().map_err(|_| forbidden("it is no URL"))?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(forbidden("it is no URL of https")),
        };
        let host = uri.host().filter(|host| !host.is_empty());
        let host = host.ok_or_else(|| forbidden("its URL has no host"))?;
        let path = uri.path_and_query().map_or("/", |path| path.as_str());
        Ok(Self {
            tls,
            host: host.trim_matches(['[', ']']).to_ascii_lowercase(),
            port: uri.port_u16().unwrap_or(if tls { 443 } else { 80 }),
            path: path.to_owned(),
        })
    }

    /// Where a server sends us that stays the same server.
    fn redirected(&self, location: &str) -> Result<Self, FetchFault> {
        let next = if location.starts_with('/') && !location.starts_with("//") {
            let scheme = if self.tls { "https" } else { "http" };
            Self::parse(&format!("{scheme}://{}{location}", self.authority()))?
        } else {
            Self::parse(location)?
        };
        let server = |of: &Self| (of.tls, of.host.clone(), of.port);
        if server(&next) != server(self) {
            return Err(forbidden("it redirects to another server"));
        }
        Ok(next)
    }

    fn is_loopback(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "::1")
    }

    fn authority(&self) -> String {
        let host = if self.host.contains(':') {
            format!("[{}]", self.host)
        } else {
            self.host.clone()
        };
        match (self.tls, self.port) {
            (true, 443) | (false, 80) => host,
            (_, port) => format!("{host}:{port}"),
        }
    }

    fn request(&self, request: &FetchRequest<'_>) -> http::Result<Request<Full<Bytes>>> {
        let mut builder = Request::builder()
            .uri(&self.path)
            .header(header::HOST, self.authority())
            .header(header::ACCEPT, "application/json")
            .header(header::CONNECTION, "close")
            .header(
                header::USER_AGENT,
                concat!("locum/", env!("CARGO_PKG_VERSION")),
            );
        if let Some(authorization) = request.authorization {
            builder = builder.header(header::AUTHORIZATION, authorization);
        }
        match request.form {
            None => builder.method(Method::GET).body(Full::default()),
            Some(form) => builder
                .method(Method::POST)
                .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
                .body(Full::new(Bytes::from(form.to_owned()))),
        }
    }
}

async fn read(
    response: Response<Incoming>,
    most_bytes: usize,
) -> Result<FetchResponse, FetchFault> {
    let (head, body) = response.into_parts();
    let encoded = head.headers.get(header::CONTENT_ENCODING);
    if encoded.is_some_and(|encoding| encoding != "identity") {
        let why = "its answer is compressed, though nobody asked for that";
        return Err(FetchFault::Unreachable(why.to_owned()));
    }
    let body = Limited::new(body, most_bytes).collect().await;
    let body = body.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            FetchFault::TooLarge
        } else {
            FetchFault::Unreachable(format!("its answer breaks off: {error}"))
        }
    })?;
    let is_good = head.status == StatusCode::OK;
    Ok(FetchResponse {
        status: head.status.as_u16(),
        body: body.to_bytes().into(),
        max_age: max_age(&head.headers).filter(|_| is_good),
    })
}

/// `Cache-Control: max-age` (RFC 9111 section 5.2).
fn max_age(headers: &http::HeaderMap) -> Option<u64> {
    let values = headers.get_all(header::CACHE_CONTROL).iter();
    let directives = values.filter_map(|value| value.to_str().ok());
    let mut directives = directives.flat_map(|value| value.split(','));
    directives.find_map(|directive| {
        let (name, value) = directive.trim().split_once('=')?;
        let is_max_age = name.eq_ignore_ascii_case("max-age");
        is_max_age.then(|| value.trim_matches('"').parse().ok())?
    })
}

#[cfg(test)]
mod tests;
