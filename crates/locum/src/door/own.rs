//! `/_locum/…`: what is no service of AWS's.

use super::logout::LOGOUT_PATH;
use super::{Body, Door, plain, whole};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode};
use hyper::body::Incoming;
use locum_identity::caller::RequestFacts;
use locum_identity::environment::Clock as _;
use locum_identity::issuer::ISSUERS_PATH;
use std::sync::Arc;
use std::sync::atomic::Ordering;

impl Door {
    /// `/_locum/…`: health, issuers, and for `--ephemeral` reset and clock.
    pub(super) async fn own(
        &self,
        head: &Parts,
        body: Incoming,
        facts: &RequestFacts,
    ) -> Response<Body> {
        if let Some(rest) = head.uri.path().strip_prefix(ISSUERS_PATH) {
            return crate::openid::answer(&self.state.load_full(), head, rest).await;
        }
        if let Some(rest) = head.uri.path().strip_prefix(LOGOUT_PATH) {
            let state = self.state.load_full();
            return self.logout(&state, head, body, rest, facts).await;
        }
        match (&head.method, head.uri.path()) {
            (&Method::GET | &Method::HEAD, "/_locum/health") => {
                let reachable = self.store_reachable.load(Ordering::Relaxed);
                json_response(&if reachable {
                    serde_json::json!({"status": "ok"})
                } else {
                    serde_json::json!({"status": "degraded", "store": "unreachable"})
                })
            }
            (&Method::POST, "/_locum/reset" | "/_locum/clock") if self.reset_to.is_some() => {
                // A page in a browser on the same machine must not reach these.
                if head.headers.contains_key("origin") {
                    return plain(StatusCode::FORBIDDEN, "not from a browser");
                }
                match head.uri.path() {
                    "/_locum/reset" => self.reset(facts).await,
                    _ => self.step_clock(head, body).await,
                }
            }
            _ => plain(StatusCode::NOT_FOUND, "not found"),
        }
    }

    async fn reset(&self, facts: &RequestFacts) -> Response<Body> {
        let Some(root) = &self.reset_to else {
            return plain(StatusCode::NOT_FOUND, "not found");
        };
        match crate::state::ephemeral(&self.settings, root).await {
            Ok(fresh) => {
                self.state.store(Arc::new(fresh));
                json_response(&serde_json::json!({"status": "reset"}))
            }
            Err(failure) => {
                tracing::error!("reset failed ({}): {failure:?}", facts.request_id);
                plain(StatusCode::INTERNAL_SERVER_ERROR, "reset failed")
            }
        }
    }

    async fn step_clock(&self, head: &Parts, body: Incoming) -> Response<Body> {
        let body = self.bodies.read(head, body).await.unwrap_or_default();
        let seconds = serde_json::from_slice::<serde_json::Value>(&body)
            .ok()
            .and_then(|value| value.get("advance")?.as_i64());
        match seconds.filter(|seconds| (0..=10 * 366 * 86_400).contains(seconds)) {
            Some(seconds) => {
                let state = self.state.load_full();
                state.clock.advance(seconds);
                json_response(&serde_json::json!({"now": state.clock.now()}))
            }
            None => plain(
                StatusCode::BAD_REQUEST,
                "the body must be {\"advance\": SECONDS}",
            ),
        }
    }
}

fn json_response(value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::from(value.to_string())));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
