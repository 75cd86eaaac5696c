//! `/_locum/oidc/ISSUER/.well-known/…`: what relying parties read, without credentials.
//!
//! Nothing is made here, and nothing is written: whoever asks, and however often, gets what is there.
//! Only the exact paths are answered. No page of another origin may read them (there are no CORS
//! headers): relying parties are servers.

use crate::door::{Body, plain, whole};
use crate::state::State;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use locum_identity::environment::Clock as _;
use locum_identity::error::Error;
use locum_identity::issuer::IssuerId;
use locum_wire::openid::{discovery, key_set};

/// For how long documents may be kept. Keys are published long before they sign; it is a withdrawn
/// key that must be forgotten soon.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=300");

#[derive(Clone, Copy)]
enum Document {
    Discovery,
    KeySet,
}

/// Answers a request for the path `rest` below that of the issuers.
pub(crate) async fn answer(state: &State, head: &Parts, rest: &str) -> Response<Body> {
    let mut response = match document(rest) {
        None => plain(StatusCode::NOT_FOUND, "not found"),
        Some(_) if !matches!(head.method, Method::GET | Method::HEAD) => {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only");
            let allowed = HeaderValue::from_static("GET, HEAD");
            response.headers_mut().insert(ALLOW, allowed);
            response
        }
        Some((id, document)) => match read(state, &id, document).await {
            Ok(Some(response)) => response,
            Ok(None) => plain(StatusCode::NOT_FOUND, "not found"),
            Err(error) => {
                tracing::error!("the issuer {id} cannot be read: {error}");
                plain(StatusCode::SERVICE_UNAVAILABLE, "try again later")
            }
        },
    };
    let ok = response.status() == StatusCode::OK;
    let headers = response.headers_mut();
    let no_store = HeaderValue::from_static("no-store");
    headers.insert(CACHE_CONTROL, if ok { CACHE } else { no_store });
    let no_sniff = HeaderValue::from_static("nosniff");
    headers.insert(X_CONTENT_TYPE_OPTIONS, no_sniff);
    response
}

/// Which document of which issuer a path means.
fn document(rest: &str) -> Option<(IssuerId, Document)> {
    let (id, document) = rest.split_once('/')?;
    let document = match document {
        ".well-known/openid-configuration" => Document::Discovery,
        ".well-known/jwks.json" => Document::KeySet,
        _ => return None,
    };
    Some((IssuerId::parse(id)?, document))
}

async fn read(
    state: &State,
    id: &IssuerId,
    document: Document,
) -> Result<Option<Response<Body>>, Error> {
    let Some(issuer) = state.realm.issuer(id).await? else {
        return Ok(None);
    };
    let (content_type, value) = match document {
        Document::Discovery => match state.realm.issuer_url(id) {
            Ok(url) => ("application/json", discovery(&url)),
            // A server without a public URL has no issuer that could be discovered.
            Err(_) => return Ok(None),
        },
        Document::KeySet => (
            "application/jwk-set+json",
            key_set(&issuer, state.clock.now()),
        ),
    };
    let mut response = Response::new(whole(Bytes::from(value.to_string())));
    let content_type = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(Some(response))
}
