//! Asking the servers of identity providers: the network is handed in.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;

/// A request to a server of an identity provider.
#[derive(Clone, Debug)]
pub struct FetchRequest<'a> {
    /// `https://…`; `http://` only where the server was started with that allowed, and on loopback only.
    pub url: &'a str,
    /// A body of `application/x-www-form-urlencoded`, which makes it a POST; a GET without.
    pub form: Option<&'a str>,
    /// The value of `Authorization`.
    pub authorization: Option<&'a str>,
    /// Whom to believe that the server is who it says.
    pub trust: ServerTrust<'a>,
    /// How many bytes the answer may have.
    pub most_bytes: usize,
}

/// Whom to believe about a server, besides the authorities that the machine trusts.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerTrust<'a> {
    /// Certificates of authorities (PEM), which then are the only ones.
    pub authorities: Option<&'a str>,
    /// SHA-1 thumbprints (hexadecimal, in lower case) of certificates: a chain that no authority
    /// vouches for is believed if it has one of them. Empty for none.
    pub thumbprints: &'a [String],
    /// Whether addresses that are not public may be asked, as the provider's operator said; the server's
    /// own setting allows it for all.
    pub private_addresses: bool,
    /// Where the server is, instead of where its name leads, as the provider's operator said.
    pub address: Option<SocketAddr>,
}

/// What a server answered.
#[derive(Clone, Debug)]
pub struct FetchResponse {
    /// The status; redirects were followed, as far as they may be.
    pub status: u16,
    /// The body, whole.
    pub body: Vec<u8>,
    /// For how long it may be kept, in seconds, if the server says (`Cache-Control: max-age`).
    pub max_age: Option<u64>,
}

/// Why there is no answer, for operators. Who is not authenticated is not told: they must not learn what
/// stands behind a name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum FetchFault {
    /// The URL may not be asked; the text says why.
    Forbidden(String),
    /// Nobody answers there.
    Unreachable(String),
    /// The server is not believed to be who it says.
    Untrusted(String),
    /// Its certificate is none of those that the thumbprints name.
    WrongThumbprint,
    /// It took too long.
    TimedOut,
    /// The answer is too long.
    TooLarge,
}

impl fmt::Display for FetchFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Forbidden(why) => write!(f, "it may not be asked: {why}"),
            Self::Unreachable(why) => write!(f, "it cannot be reached: {why}"),
            Self::Untrusted(why) => write!(f, "its certificate is not trusted: {why}"),
            Self::WrongThumbprint => {
                f.write_str("its certificate matches none of the provider's thumbprints")
            }
            Self::TimedOut => f.write_str("it took too long to answer"),
            Self::TooLarge => f.write_str("its answer is too long"),
        }
    }
}

impl std::error::Error for FetchFault {}

/// An answer on its way.
pub type Fetched<'a> = Pin<Box<dyn Future<Output = Result<FetchResponse, FetchFault>> + Send + 'a>>;

/// Asks servers by HTTP: handed in, so that no rule here knows the network. It follows no redirect to
/// another host, reaches no address that it may not, and gives up after seconds.
pub trait HttpFetcher: Send + Sync + 'static {
    /// Asks.
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> Fetched<'a>;

    /// Whether it asks servers on loopback by plain HTTP, too.
    fn asks_plain(&self) -> bool {
        false
    }
}

impl HttpFetcher for crate::thumbprint::NoNetwork {
    fn fetch<'a>(&'a self, _: FetchRequest<'a>) -> Fetched<'a> {
        let why = "there is no network here".to_owned();
        Box::pin(std::future::ready(Err(FetchFault::Unreachable(why))))
    }
}
