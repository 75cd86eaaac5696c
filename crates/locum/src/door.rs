//! The one door: every request on every surface takes the same steps, here, in order.
//!
//! ```text
//! decode        which service, which operation
//! authenticate  the signature -> the caller
//! authorize, act, encode    by the service, through `Realm::call`
//! record        one audit event
//! ```

use crate::audit::{Event, Recorder};
use crate::body::{Bodies, Paced, is_form};
use crate::config::Serve;
use crate::signin::{Route, route};
use crate::state::State;
use crate::throttle::Claimant;
use arc_swap::ArcSwap;
use bytes::Bytes;
use head::{ScopeParts, accepts_only_json, address, is_region, last, one_host, scope};
use http::header::{CONNECTION, CONTENT_TYPE, EXPECT, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::environment::{Clock as _, Entropy};
use locum_identity::error::Error;
use locum_identity::ids::{AccessKeyId, uuid};
use locum_identity::realm::RootCredentials;
use locum_wire::{Answer, JsonService, Outcome, QueryService, Recorded, RestService};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

mod head;
mod logout;
mod own;
mod services;

/// The region of requests that name none.
const DEFAULT_REGION: &str = "us-east-1";

/// The header of an encoded authorization message.
const ENCODED_MESSAGE: &str = "x-amzn-encoded-authorization-message";

/// The body of every answer.
pub(crate) type Body = locum_s3::Body;

/// What the door needs.
pub(crate) struct Door {
    pub(crate) state: ArcSwap<State>,
    pub(crate) recorder: Recorder,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: Serve,
    /// The root user's key after a reset; only `--ephemeral` has one here.
    pub(crate) reset_to: Option<RootCredentials>,
    /// Room for forms and documents.
    pub(crate) bodies: Bodies,
    /// Whether the store answered when it was last asked.
    pub(crate) store_reachable: AtomicBool,
}

/// Which surface a request is for.
enum Surface<'a> {
    Own,
    SignIn(Route),
    Query(QueryService),
    Json(JsonService, &'a str),
    Rest(RestService),
    S3,
}

impl Door {
    /// Answers one request.
    pub(crate) async fn answer(
        &self,
        request: Request<Incoming>,
        peer: SocketAddr,
        secure: bool,
    ) -> Response<Body> {
        let (mut head, body) = request.into_parts();
        if one_host(&mut head).is_none() {
            return plain(StatusCode::BAD_REQUEST, "a request names one host");
        }
        let state = self.state.load_full();
        let scope = scope(&head);
        let facts = self.facts(&state, &head, scope, peer, secure);
        // A client that asked whether to send its body, and was answered at once, is left in doubt
        // about what comes next on the connection: nothing does.
        let expects = head.version < Version::HTTP_2 && head.headers.contains_key(EXPECT);
        let is_empty = body.is_end_stream();
        let surface = surface(&head, scope, &self.settings.s3_domains);
        let claimant = scope.and_then(|scope| {
            state
                .throttle
                .claimant(facts.source_ip, scope.access_key_id)
        });
        let refused = claimant
            .is_some_and(|claimant| state.throttle.refuses(claimant, state.clock.now_millis()));
        let mut response = match surface {
            Surface::Own => self.own(&head, body, &facts).await,
            Surface::SignIn(route) => self.sign_in(&state, route, &head, body, facts).await,
            surface if refused => {
                let claimed = scope.and_then(|scope| AccessKeyId::parse(scope.access_key_id));
                self.throttled(&state, surface, &head, body, claimed, facts)
                    .await
            }
            Surface::S3 => self.s3(&state, head, body, claimant, facts).await,
            Surface::Query(service) => {
                self.query(&state, service, &head, body, claimant, facts)
                    .await
            }
            Surface::Json(service, operation) => {
                self.json(&state, service, operation, &head, body, claimant, facts)
                    .await
            }
            Surface::Rest(service) => {
                self.rest(&state, service, &head, body, claimant, facts)
                    .await
            }
        };
        if expects && (is_empty || refused || response.status().is_client_error()) {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        response
    }

    /// Refuses a request for what its claimant got wrong before. It is not looked at.
    async fn throttled(
        &self,
        state: &State,
        surface: Surface<'_>,
        head: &Parts,
        body: Incoming,
        claimed: Option<AccessKeyId>,
        facts: RequestFacts,
    ) -> Response<Body> {
        let claimed = claimed.map(|id| id.to_string());
        let answer = match surface {
            Surface::Own | Surface::SignIn(_) => return plain(StatusCode::NOT_FOUND, "not found"),
            Surface::S3 => {
                let response = state
                    .s3
                    .refuse(&Error::Throttled, &head.method, &facts.request_id);
                return self.report_s3(state, response, claimed, None, facts).await;
            }
            Surface::Query(service) => {
                let as_json = accepts_only_json(&head.headers);
                service.failure(&Error::Throttled, "", &facts.request_id, as_json)
            }
            Surface::Json(service, _) => service.failure(&Error::Throttled, ""),
            Surface::Rest(service) => service.failure(&Error::Throttled, ""),
        };
        // Whoever sends little gets to read the answer on a connection that goes on.
        self.bodies.skip(head, body).await;
        self.finish(state, None, claimed, facts, answer).await
    }

    async fn s3(
        &self,
        state: &State,
        head: Parts,
        body: Incoming,
        claimant: Option<Claimant>,
        facts: RequestFacts,
    ) -> Response<Body> {
        let response = state
            .s3
            .call(Request::from_parts(head, Paced::new(body)), facts.clone())
            .await;
        self.report_s3(state, response, None, claimant, facts).await
    }

    /// Records what an S3 request came to.
    async fn report_s3(
        &self,
        state: &State,
        mut response: Response<Body>,
        claimed: Option<String>,
        claimant: Option<Claimant>,
        facts: RequestFacts,
    ) -> Response<Body> {
        let report: locum_s3::Report = response.extensions_mut().remove().unwrap_or_default();
        state.note(claimant, report.caller.as_ref().ok_or(report.suspicion));
        if let Some(cause) = &report.cause {
            tracing::error!("request {} failed: {cause}", facts.request_id);
        }
        let facts = RequestFacts {
            region: report
                .region
                .filter(|region| is_region(region))
                .unwrap_or(facts.region),
            ..facts
        };
        let outcome = Outcome {
            event_source: "s3.amazonaws.com",
            event_name: report.operation.unwrap_or_default(),
            error: report
                .error_code
                .map(|code| (code, report.error_message.unwrap_or_default())),
            refused: report.refused,
            request: Recorded::Value(
                serde_json::json!({"bucketName": report.bucket, "key": report.key}),
            ),
            ..Outcome::default()
        };
        let named = report.access_key_id.as_deref().and_then(AccessKeyId::parse);
        let claimed = named.map(|id| id.to_string()).or(claimed);
        let caller = report.caller;
        self.record(state, caller, claimed, facts, outcome).await;
        response
    }

    /// Turns an answer into a response, and records it.
    async fn finish(
        &self,
        state: &State,
        caller: Option<Caller>,
        claimed_key: Option<String>,
        facts: RequestFacts,
        answer: Answer,
    ) -> Response<Body> {
        let mut response = Response::new(whole(Bytes::from(answer.body)));
        *response.status_mut() =
            StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(answer.content_type));
        if let Ok(id) = HeaderValue::from_str(&facts.request_id) {
            headers.insert("x-amzn-requestid", id);
        }
        if let Some(error_type) = answer.error_type {
            headers.insert("x-amzn-errortype", HeaderValue::from_static(error_type));
            // Clients of the JSON protocols keep no members of an error but those of its model.
            let refused = answer.outcome.refused.as_ref();
            let encoded = refused.and_then(|denied| denied.encoded.as_deref());
            if let Some(Ok(value)) = encoded.map(HeaderValue::from_str) {
                headers.insert(ENCODED_MESSAGE, value);
            }
        }
        self.record(state, caller, claimed_key, facts, answer.outcome)
            .await;
        response
    }

    pub(crate) async fn record(
        &self,
        state: &State,
        caller: Option<Caller>,
        claimed_key: Option<String>,
        facts: RequestFacts,
        outcome: Outcome,
    ) {
        self.recorder
            .record(Event {
                realm: state.realm.clone(),
                facts,
                caller,
                claimed_key,
                outcome,
            })
            .await;
    }

    fn facts(
        &self,
        state: &State,
        head: &Parts,
        scope: Option<ScopeParts<'_>>,
        peer: SocketAddr,
        secure: bool,
    ) -> RequestFacts {
        let text = |name| {
            head.headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        let (mut source_ip, mut secure_transport) = (Some(peer.ip().to_canonical()), secure);
        if self.settings.behind_tls_proxy {
            // The last address is the one that the proxy itself saw; what stands before it is the
            // client's word. The proxy's own address is nobody's.
            source_ip = last(&head.headers, "x-forwarded-for").and_then(address);
            secure_transport = last(&head.headers, "x-forwarded-proto") == Some("https");
        }
        RequestFacts {
            now: state.clock.now(),
            source_ip,
            secure_transport,
            user_agent: text(USER_AGENT),
            referer: text(REFERER),
            region: scope
                .map(|scope| scope.region)
                .filter(|region| is_region(region))
                .unwrap_or(DEFAULT_REGION)
                .to_owned(),
            request_id: uuid(&*self.entropy),
            notes: Arc::default(),
        }
    }
}

/// Which surface a request is for: the path, then `X-Amz-Target`, then the credential scope, then
/// the `Action` parameter; what is left is S3's. Whatever this says, a signature counts only for
/// the service that its scope names.
fn surface<'a>(
    head: &'a Parts,
    scope: Option<ScopeParts<'a>>,
    s3_domains: &[String],
) -> Surface<'a> {
    // No page takes a signature, and what is signed is for who verifies it.
    if scope.is_none()
        && let Some(route) = route(head, s3_domains)
    {
        return Surface::SignIn(route);
    }
    if head.uri.path().starts_with("/_locum/") {
        return Surface::Own;
    }
    let target = head
        .headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok());
    if let Some((service, operation)) = target.and_then(locum_wire::target) {
        return Surface::Json(service, operation);
    }
    match scope.map(|scope| scope.service) {
        Some("s3") => return Surface::S3,
        Some(name) => {
            if let Some(service) = QueryService::signing_as(name) {
                return Surface::Query(service);
            }
            if let Some(service) = RestService::signing_as(name) {
                return Surface::Rest(service);
            }
        }
        None => {}
    }
    let query = head.uri.query().unwrap_or_default();
    let action = query
        .split('&')
        .find_map(|pair| pair.strip_prefix("Action="));
    let is_form = head.method == Method::POST && is_form(&head.headers);
    if head.uri.path() == "/" && (action.is_some() || is_form) {
        let service = action
            .and_then(QueryService::with_operation)
            .unwrap_or(QueryService::STS);
        return Surface::Query(service);
    }
    Surface::S3
}

pub(crate) fn whole(bytes: Bytes) -> Body {
    Full::new(bytes)
        .map_err(|never| match never {})
        .boxed_unsync()
}

pub(crate) fn plain(status: StatusCode, text: &'static str) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::from_static(text.as_bytes())));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}
