//! `POST /_locum/backchannel-logout/ACCOUNT/PROVIDER`: OpenID Connect Back-Channel Logout 1.0.

use super::{Body, Door, plain, whole};
use crate::state::State;
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use hyper::body::Incoming;
use locum_identity::caller::RequestFacts;
use locum_identity::environment::Clock as _;
use locum_identity::error::Error;
use locum_wire::Params;

/// The path below which each provider has its own.
pub(super) const LOGOUT_PATH: &str = "/_locum/backchannel-logout/";

/// Characters of a provider's ARN that the log repeats.
const LONGEST_LOGGED: usize = 300;

impl Door {
    /// Answers a request for the path `rest` below [`LOGOUT_PATH`].
    pub(super) async fn logout(
        &self,
        state: &State,
        head: &Parts,
        body: Incoming,
        rest: &str,
        facts: &RequestFacts,
    ) -> Response<Body> {
        if head.method != Method::POST {
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "POST only");
            let allowed = HeaderValue::from_static("POST");
            response.headers_mut().insert(ALLOW, allowed);
            return response;
        }
        let Some((account, url)) = rest.split_once('/') else {
            return plain(StatusCode::NOT_FOUND, "not found");
        };
        let provider = format!("arn:aws:iam::{account}:oidc-provider/{url}");
        // Anybody can send these: what is wrong is neither looked at nor logged without end.
        let (throttle, now) = (&state.throttle, state.clock.now_millis());
        let claimant = throttle.claimant(facts.source_ip, &format!("logout\0{provider}"));
        if claimant.is_some_and(|claimant| throttle.refuses(claimant, now)) {
            return plain(StatusCode::TOO_MANY_REQUESTS, "too much went wrong lately");
        }
        let params = match self.bodies.form(head, body).await {
            Ok(body) => Params::parse("", &body).ok(),
            Err(_) => None,
        };
        let token = params
            .as_ref()
            .and_then(|params| params.value("logout_token"));
        let Some(token) = token else {
            return refused("the body must be a form with one logout_token");
        };
        let ended = state
            .realm
            .back_channel_logout(&provider, token, &facts.notes)
            .await;
        match ended {
            Ok(ended) => {
                crate::sources::record(self, state, ended).await;
                let mut response = Response::new(whole(Bytes::new()));
                no_store(&mut response);
                response
            }
            Err(Error::Federation(fault)) => {
                let why = facts.notes.explanations().join("; ");
                if let Some(claimant) = claimant {
                    throttle.failed(claimant, now);
                }
                let provider: String = provider.chars().take(LONGEST_LOGGED).collect();
                tracing::warn!("a logout token for {provider} was not taken: {why}");
                refused(&fault.to_string())
            }
            Err(error) => {
                tracing::error!("a logout for {provider} was not done: {error}");
                plain(StatusCode::SERVICE_UNAVAILABLE, "try again later")
            }
        }
    }
}

fn refused(why: &str) -> Response<Body> {
    let text = serde_json::json!({"error": "invalid_request", "error_description": why});
    let mut response = Response::new(whole(Bytes::from(text.to_string())));
    *response.status_mut() = StatusCode::BAD_REQUEST;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    no_store(&mut response);
    response
}

fn no_store(response: &mut Response<Body>) {
    let no_store = HeaderValue::from_static("no-store");
    response.headers_mut().insert(CACHE_CONTROL, no_store);
}
