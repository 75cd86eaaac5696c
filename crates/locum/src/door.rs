//! The one door: every request on every surface takes the same steps, here, in order.
//!
//! ```text
//! decode        which service, which operation
//! authenticate  the signature -> the caller
//! authorize, act, encode    by the service, through `Realm::call`
//! record        one audit event
//! ```

use crate::audit::{Event, Recorder};
use crate::body::{Bodies, FormFault, LONGEST_BODY, Paced, is_form};
use crate::config::Serve;
use crate::state::State;
use crate::throttle::Claimant;
use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{
    ACCEPT, AUTHORIZATION, CONNECTION, CONTENT_TYPE, EXPECT, HOST, REFERER, USER_AGENT,
};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::environment::{Clock as _, Entropy};
use locum_identity::error::Error;
use locum_identity::ids::{AccessKeyId, uuid};
use locum_identity::issuer::ISSUERS_PATH;
use locum_identity::realm::RootCredentials;
use locum_sigv4::{Claim, Dialect, claimed_credential, sha256};
use locum_wire::{Answer, JsonService, Outcome, Params, QueryService, Recorded};
use percent_encoding::percent_decode_str;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

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
    Query(QueryService),
    Json(JsonService, &'a str),
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
        let surface = surface(&head, scope);
        let claimant = scope.and_then(|scope| {
            state
                .throttle
                .claimant(facts.source_ip, scope.access_key_id)
        });
        let refused = claimant
            .is_some_and(|claimant| state.throttle.refuses(claimant, state.clock.now_millis()));
        let mut response = match surface {
            Surface::Own => self.own(&head, body, &facts).await,
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
            Surface::Own => return plain(StatusCode::NOT_FOUND, "not found"),
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
        };
        // Whoever sends little gets to read the answer on a connection that goes on.
        self.bodies.skip(head, body).await;
        self.finish(state, None, claimed, facts, answer).await
    }

    async fn query(
        &self,
        state: &State,
        service: QueryService,
        head: &Parts,
        body: Incoming,
        claimant: Option<Claimant>,
        facts: RequestFacts,
    ) -> Response<Body> {
        let as_json = accepts_only_json(&head.headers);
        let id = facts.request_id.as_str();
        let body = match self.bodies.form(head, body).await {
            Ok(body) => body,
            Err(fault) => {
                let answer = match fault {
                    FormFault::TooLarge => service.too_large(LONGEST_BODY, id, as_json),
                    FormFault::NotAForm(content_type) => {
                        service.not_a_form(&content_type, id, as_json)
                    }
                    FormFault::Method => service.not_a_method(id, as_json),
                    FormFault::Broken => service.incomplete(id, as_json),
                };
                return self.finish(state, None, None, facts, answer).await;
            }
        };
        let params = match Params::parse(head.uri.query().unwrap_or_default(), &body) {
            Ok(params) => params,
            Err(fault) => {
                let answer = service.malformed(&fault, id, as_json);
                return self.finish(state, None, None, facts, answer).await;
            }
        };
        let caller = if service.takes_unsigned(params.value("Action").unwrap_or_default()) {
            Ok(state.realm.anonymous())
        } else {
            authenticate(state, head, service.service.name(), &body, claimant).await
        };
        match caller {
            Ok(caller) => {
                let mut answer =
                    within_limits(state, &caller, &facts, service, &params, as_json).await;
                answer.outcome.request = Recorded::Params(params);
                self.finish(state, Some(caller), None, facts, answer).await
            }
            Err((error, claimed)) => {
                let event_name = params
                    .value("Action")
                    .filter(|name| name.len() <= 64)
                    .unwrap_or_default();
                let answer = service.failure(&error, event_name, id, as_json);
                self.finish(state, None, claimed, facts, answer).await
            }
        }
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "what was found out about one request"
    )]
    async fn json(
        &self,
        state: &State,
        service: JsonService,
        operation: &str,
        head: &Parts,
        body: Incoming,
        claimant: Option<Claimant>,
        facts: RequestFacts,
    ) -> Response<Body> {
        let body = match self.bodies.read(head, body).await {
            Ok(body) => body,
            Err(FormFault::TooLarge) => {
                return self
                    .finish(state, None, None, facts, service.too_large(LONGEST_BODY))
                    .await;
            }
            Err(_) => {
                let answer = service.incomplete();
                return self.finish(state, None, None, facts, answer).await;
            }
        };
        match authenticate(state, head, service.signing_name(), &body, claimant).await {
            Ok(caller) => {
                let answer =
                    locum_wire::json(&state.realm, &caller, &facts, service, operation, &body)
                        .await;
                self.finish(state, Some(caller), None, facts, answer).await
            }
            Err((error, claimed)) => {
                let answer = service.failure(&error, "");
                self.finish(state, None, claimed, facts, answer).await
            }
        }
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

    async fn record(
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

    /// `/_locum/…`: health, issuers, and for `--ephemeral` reset and clock.
    async fn own(&self, head: &Parts, body: Incoming, facts: &RequestFacts) -> Response<Body> {
        if let Some(rest) = head.uri.path().strip_prefix(ISSUERS_PATH) {
            return crate::openid::answer(&self.state.load_full(), head, rest).await;
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

/// Makes the `Host` header the one place that names the request's host, for the signature and for
/// everything that routes by it alike. `None` if the request names no host, or two.
fn one_host(head: &mut Parts) -> Option<()> {
    let mut named = head.headers.get_all(HOST).iter();
    let (host, more) = (named.next(), named.next());
    if more.is_some() || host.is_some_and(HeaderValue::is_empty) {
        return None;
    }
    let Some(authority) = head.uri.authority() else {
        return host.map(|_| ());
    };
    let authority = HeaderValue::from_str(authority.as_str()).ok()?;
    match host {
        Some(host) if !host.as_bytes().eq_ignore_ascii_case(authority.as_bytes()) => return None,
        Some(_) => {}
        None => {
            head.headers.insert(HOST, authority);
        }
    }
    let mut target = std::mem::take(&mut head.uri).into_parts();
    target.scheme = None;
    target.authority = None;
    head.uri = Uri::from_parts(target).ok()?;
    Some(())
}

/// Runs an operation, unless the caller asks too much or guesses.
async fn within_limits(
    state: &State,
    caller: &Caller,
    facts: &RequestFacts,
    service: QueryService,
    params: &Params,
    as_json: bool,
) -> Answer {
    let (throttle, now) = (&state.throttle, state.clock.now_millis());
    let name = params.value("Action").unwrap_or_default();
    let guesses = throttle.guesses(service.service, caller, params);
    let mut guesses_made = guesses.into_iter().flatten();
    if guesses_made.any(|guess| throttle.refuses_guess(guess, now))
        || throttle.exceeds_quota(service.service, name, caller, &facts.region, now)
    {
        let name = if name.len() <= 64 { name } else { "" };
        return service.failure(&Error::Throttled, name, &facts.request_id, as_json);
    }
    let answer = locum_wire::query(&state.realm, caller, facts, service, params, as_json).await;
    let became = match &answer.outcome.error {
        None => Ok(()),
        Some(_) => Err(answer.outcome.suspicion),
    };
    for guess in guesses.into_iter().flatten() {
        throttle.guessed(guess, became, now);
    }
    answer
}

/// Who signed the request; on failure also the access key id that it claims.
async fn authenticate(
    state: &State,
    head: &Parts,
    service: &str,
    body: &[u8],
    claimant: Option<Claimant>,
) -> Result<Caller, (Error, Option<String>)> {
    let claim = match Claim::parse(head, Dialect::General) {
        Ok(Some(claim)) => claim,
        Ok(None) => {
            return Err((
                Error::Signature(locum_sigv4::Error::MissingAuthenticationToken),
                None,
            ));
        }
        Err(error) => return Err((Error::Signature(error), None)),
    };
    match state
        .realm
        .authenticate(&claim, service, Some(&sha256(body)))
        .await
    {
        Ok((caller, _)) => {
            state.note(claimant, Ok(&caller));
            Ok(caller)
        }
        Err(error) => {
            state.note(claimant, Err(error.suspicion()));
            let claimed = AccessKeyId::parse(claim.access_key_id());
            Err((error, claimed.map(|id| id.to_string())))
        }
    }
}

/// Which surface a request is for: the path, then `X-Amz-Target`, then the credential scope, then
/// the `Action` parameter; what is left is S3's. Whatever this says, a signature counts only for
/// the service that its scope names.
fn surface<'a>(head: &'a Parts, scope: Option<ScopeParts<'a>>) -> Surface<'a> {
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

#[derive(Clone, Copy)]
struct ScopeParts<'a> {
    access_key_id: &'a str,
    region: &'a str,
    service: &'a str,
}

impl<'a> ScopeParts<'a> {
    /// The parts of a credential, from the last on.
    fn of(mut parts: impl Iterator<Item = &'a str>) -> Option<Self> {
        let (_, service, region) = (parts.next()?, parts.next()?, parts.next()?);
        let access_key_id = parts.nth(1).unwrap_or_default();
        Some(Self {
            access_key_id,
            region,
            service,
        })
    }
}

/// The credential scope as the request claims it, only to tell where the request belongs and whose
/// failures count. It is found where authenticating finds it.
fn scope(head: &Parts) -> Option<ScopeParts<'_>> {
    let in_header = || {
        let credential = claimed_credential(head.headers.get(AUTHORIZATION)?)?;
        ScopeParts::of(credential.rsplit('/'))
    };
    let in_query = || {
        let query = head.uri.query()?;
        let credential = query.split('&').find_map(|pair| {
            let (name, value) = pair.split_once('=')?;
            let is_it = name == "X-Amz-Credential"
                || name.contains('%') && percent_decode_str(name).eq("X-Amz-Credential".bytes());
            is_it.then_some(value)
        })?;
        // The slashes may be escaped or not; nothing else in a scope is.
        let parts = credential.rsplit('/');
        ScopeParts::of(
            parts
                .flat_map(|part| part.rsplit("%2F"))
                .flat_map(|part| part.rsplit("%2f")),
        )
    };
    in_header().or_else(in_query)
}

/// Some clients of STS want JSON, and say so.
fn accepts_only_json(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|accept| accept.trim().eq_ignore_ascii_case("application/json"))
}

/// An address as proxies write it: with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let with_port = || text.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let ip: IpAddr = text.parse().ok().or_else(with_port).or_else(bracketed)?;
    Some(ip.to_canonical())
}

/// Whether a scope's region can be one: what is recorded and compared is bounded.
fn is_region(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=64).contains(&text.len()) && text.bytes().all(legal)
}

/// The last of the comma-separated values of a header.
fn last<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers
        .get_all(name)
        .iter()
        .next_back()?
        .to_str()
        .ok()?
        .rsplit(',')
        .next()
        .map(str::trim)
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

fn json_response(value: &serde_json::Value) -> Response<Body> {
    let mut response = Response::new(whole(Bytes::from(value.to_string())));
    response
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
