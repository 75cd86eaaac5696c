//! Signing requests, as a client does.

use std::fmt;

use http::header::{AUTHORIZATION, CONTENT_ENCODING, HOST, HeaderName, HeaderValue};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};

use crate::canonical::{self, Query, SIGNATURE_PARAMETER};
use crate::chunk::{Chain, ChunkEncoder};
use crate::key::{self, Hex, SigningKey, TERMINATOR};
use crate::payload;
use crate::time::BasicTime;
use crate::{ALGORITHM, Dialect};

/// Headers that proxies change, or that are about the connection: never signed.
const NEVER_SIGNED: [&str; 7] = [
    "authorization",
    "connection",
    "expect",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "x-amzn-trace-id",
];

/// What a client signs with.
#[derive(Clone, Copy)]
pub struct Credentials<'a> {
    /// The access key id.
    pub access_key_id: &'a str,
    /// The secret access key.
    pub secret_access_key: &'a str,
    /// The session token of temporary credentials.
    pub session_token: Option<&'a str>,
}

impl fmt::Debug for Credentials<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .finish_non_exhaustive()
    }
}

/// What a signature is for.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// How the service reads signatures.
    pub dialect: Dialect,
    /// The region.
    pub region: &'a str,
    /// The service's signing name, such as `sts`.
    pub service: &'a str,
}

/// The body of a request that is signed.
#[derive(Clone, Copy, Debug)]
pub enum SignPayload<'a> {
    /// These bytes.
    Body(&'a [u8]),
    /// Bytes with this SHA-256.
    Sha256([u8; 32]),
    /// Whatever is sent: `UNSIGNED-PAYLOAD`.
    Unsigned,
    /// Chunks, each with a signature or not, and one trailer of that name or none. Unsigned chunks
    /// without a trailer do not exist.
    Streaming {
        /// Whether each chunk has a signature.
        signed: bool,
        /// The name of a header that follows the last chunk.
        trailer: Option<&'a str>,
        /// How long the data is.
        decoded_length: u64,
    },
}

/// The signature that was made.
#[derive(Debug)]
pub struct Signed {
    signature: Hex,
    encoder: Option<ChunkEncoder>,
}

impl Signed {
    /// In hexadecimal.
    pub fn signature(&self) -> &str {
        self.signature.as_str()
    }

    /// The encoder of the body, if the payload is [`SignPayload::Streaming`].
    pub fn into_chunks(self) -> Option<ChunkEncoder> {
        self.encoder
    }
}

/// Why a request cannot be signed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum SignError {
    /// The path or the query is malformed.
    InvalidTarget,
    /// A value that must go into a header or a query cannot.
    InvalidValue,
}

impl std::error::Error for SignError {}

impl fmt::Display for SignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidTarget => "the request target is malformed",
            Self::InvalidValue => "a value is not fit for a header",
        })
    }
}

/// Signs a request in its headers, at `now` (seconds since 1970): adds `host` if there is none,
/// `x-amz-date`, `x-amz-security-token`, `x-amz-content-sha256` where the dialect or the payload
/// want it, and `authorization`. All headers are signed but those that proxies change.
///
/// # Errors
/// When the request is not fit to be signed.
pub fn sign(
    head: &mut Parts,
    credentials: &Credentials<'_>,
    scope: &Scope<'_>,
    now: i64,
    payload: SignPayload<'_>,
) -> Result<Signed, SignError> {
    let time = BasicTime::from_epoch(now);
    let payload_line = payload_line(payload);
    head.headers.remove(AUTHORIZATION);
    add_host(head)?;
    insert(head, "x-amz-date", time.as_str())?;
    if let Some(token) = credentials.session_token {
        insert(head, "x-amz-security-token", token)?;
    }
    if scope.dialect == Dialect::S3 || matches!(payload, SignPayload::Unsigned) {
        insert(head, "x-amz-content-sha256", &payload_line)?;
    }
    if let SignPayload::Streaming {
        trailer,
        decoded_length,
        ..
    } = payload
    {
        insert(
            head,
            "x-amz-decoded-content-length",
            &decoded_length.to_string(),
        )?;
        if let Some(trailer) = trailer {
            insert(head, "x-amz-trailer", trailer)?;
        }
        add_aws_chunked(head)?;
    }
    let signed_headers = signed_headers(head);
    let signing = Signing::new(credentials, scope, time);
    let signature = signing.signature(head, scope.dialect, &signed_headers, &payload_line)?;
    let authorization = format!(
        "{ALGORITHM} Credential={}/{}, SignedHeaders={signed_headers}, Signature={}",
        credentials.access_key_id,
        signing.scope,
        signature.as_str(),
    );
    insert(head, "authorization", &authorization)?;
    let encoder = match payload {
        SignPayload::Streaming {
            signed, trailer, ..
        } => Some(ChunkEncoder::new(
            signed.then(|| signing.into_chain(signature)),
            trailer.is_some(),
        )),
        SignPayload::Body(_) | SignPayload::Sha256(_) | SignPayload::Unsigned => None,
    };
    Ok(Signed { signature, encoder })
}

/// Signs a request in its query, good for `expires` seconds from `now`. Whoever has the URL may
/// send it, with the headers that it had when it was signed. In [`Dialect::S3`] the body is not
/// signed; elsewhere it is `body`.
///
/// # Errors
/// When the request is not fit to be signed.
pub fn presign(
    head: &mut Parts,
    credentials: &Credentials<'_>,
    scope: &Scope<'_>,
    now: i64,
    expires: u32,
    body: &[u8],
) -> Result<Signed, SignError> {
    let time = BasicTime::from_epoch(now);
    add_host(head)?;
    let signed_headers = signed_headers(head);
    let signing = Signing::new(credentials, scope, time);
    let credential = format!("{}/{}", credentials.access_key_id, signing.scope);
    let expires = expires.to_string();
    let parameters = [
        ("X-Amz-Algorithm", Some(ALGORITHM)),
        ("X-Amz-Credential", Some(&credential)),
        ("X-Amz-Date", Some(time.as_str())),
        ("X-Amz-Expires", Some(&expires)),
        (canonical::TOKEN_PARAMETER, credentials.session_token),
        ("X-Amz-SignedHeaders", Some(&signed_headers)),
    ];
    for (name, value) in parameters {
        if let Some(value) = value {
            add_parameter(head, name, value)?;
        }
    }
    let payload_line = match scope.dialect {
        Dialect::S3 => payload::UNSIGNED.to_owned(),
        Dialect::General => Hex::new(&key::sha256(body)).as_str().to_owned(),
    };
    let signature = signing.signature(head, scope.dialect, &signed_headers, &payload_line)?;
    add_parameter(head, SIGNATURE_PARAMETER, signature.as_str())?;
    Ok(Signed {
        signature,
        encoder: None,
    })
}

struct Signing {
    key: SigningKey,
    date_time: String,
    scope: String,
}

impl Signing {
    fn new(credentials: &Credentials<'_>, scope: &Scope<'_>, time: BasicTime) -> Self {
        let Scope {
            region, service, ..
        } = scope;
        let secret = credentials.secret_access_key;
        Self {
            key: SigningKey::derive(secret, time.date(), region, service),
            date_time: time.as_str().to_owned(),
            scope: format!("{}/{region}/{service}/{TERMINATOR}", time.date()),
        }
    }

    fn signature(
        &self,
        head: &Parts,
        dialect: Dialect,
        signed_headers: &str,
        payload_line: &str,
    ) -> Result<Hex, SignError> {
        let path = match dialect {
            Dialect::General => canonical::path(head.uri.path()),
            Dialect::S3 => canonical::s3_path(head.uri.path()),
        }
        .ok_or(SignError::InvalidTarget)?;
        let mut query = Query::parse(head.uri.query().unwrap_or_default())
            .map_err(|_| SignError::InvalidTarget)?;
        query.sort();
        let canonical = canonical::request(head, &path, &query, &[], signed_headers, payload_line);
        let signature = key::sign_request(&self.key, &self.date_time, &self.scope, &canonical);
        Ok(Hex::new(&signature))
    }

    fn into_chain(self, signature: Hex) -> Chain {
        Chain {
            key: self.key,
            date_time: self.date_time,
            scope: self.scope,
            previous: signature,
        }
    }
}

fn payload_line(payload: SignPayload<'_>) -> String {
    match payload {
        SignPayload::Body(body) => Hex::new(&key::sha256(body)).as_str().to_owned(),
        SignPayload::Sha256(hash) => Hex::new(&hash).as_str().to_owned(),
        SignPayload::Unsigned => payload::UNSIGNED.to_owned(),
        SignPayload::Streaming {
            signed, trailer, ..
        } => match (signed, trailer.is_some()) {
            (true, false) => payload::STREAMING_SIGNED.to_owned(),
            (true, true) => payload::STREAMING_SIGNED_TRAILER.to_owned(),
            (false, _) => payload::STREAMING_UNSIGNED_TRAILER.to_owned(),
        },
    }
}

fn signed_headers(head: &Parts) -> String {
    let mut names: Vec<&str> = head
        .headers
        .keys()
        .map(HeaderName::as_str)
        .filter(|name| !NEVER_SIGNED.contains(name) && !name.starts_with("sec-websocket-"))
        .collect();
    names.sort_unstable();
    names.join(";")
}

fn add_host(head: &mut Parts) -> Result<(), SignError> {
    if head.headers.contains_key(HOST) {
        return Ok(());
    }
    let authority = head.uri.authority().ok_or(SignError::InvalidTarget)?;
    let value = HeaderValue::from_str(authority.as_str()).map_err(|_| SignError::InvalidValue)?;
    head.headers.insert(HOST, value);
    Ok(())
}

/// `aws-chunked` comes before any encoding of the data itself.
fn add_aws_chunked(head: &mut Parts) -> Result<(), SignError> {
    let mut encodings = vec!["aws-chunked"];
    for value in head.headers.get_all(CONTENT_ENCODING) {
        encodings.push(value.to_str().map_err(|_| SignError::InvalidValue)?);
    }
    if !encodings
        .iter()
        .skip(1)
        .any(|it| it.starts_with("aws-chunked"))
    {
        let encodings = encodings.join(",");
        insert(head, "content-encoding", &encodings)?;
    }
    Ok(())
}

fn insert(head: &mut Parts, name: &'static str, value: &str) -> Result<(), SignError> {
    let mut header = HeaderValue::from_str(value).map_err(|_| SignError::InvalidValue)?;
    header.set_sensitive(matches!(name, "authorization" | "x-amz-security-token"));
    head.headers.insert(HeaderName::from_static(name), header);
    Ok(())
}

fn add_parameter(head: &mut Parts, name: &str, value: &str) -> Result<(), SignError> {
    let mut target = head.uri.path().to_owned();
    target.push('?');
    if let Some(query) = head.uri.query().filter(|query| !query.is_empty()) {
        target.push_str(query);
        target.push('&');
    }
    target.push_str(name);
    target.push('=');
    for byte in value.bytes() {
        canonical::push_encoded(&mut target, byte);
    }
    let mut parts = head.uri.clone().into_parts();
    parts.path_and_query =
        Some(PathAndQuery::try_from(target).map_err(|_| SignError::InvalidTarget)?);
    head.uri = Uri::from_parts(parts).map_err(|_| SignError::InvalidTarget)?;
    Ok(())
}
