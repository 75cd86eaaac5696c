//! The services that `Realm::call` answers, each in its protocol.

use super::head::accepts_only_json;
use super::{Body, Door};
use crate::body::{FormFault, LONGEST_BODY};
use crate::state::State;
use crate::throttle::Claimant;
use http::Response;
use http::request::Parts;
use hyper::body::Incoming;
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::environment::Clock as _;
use locum_identity::error::{Error, Suspicion};
use locum_identity::ids::AccessKeyId;
use locum_identity::roles_anywhere::PresentedCertificate;
use locum_sigv4::{Claim, Dialect, X509Claim, sha256};
use locum_wire::{Answer, JsonService, Params, QueryService, Recorded, RestRequest, RestService};

/// The one operation that the key of a certificate may sign.
const CREATE_SESSION: &str = "CreateSession";

impl Door {
    pub(super) async fn query(
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
    pub(super) async fn json(
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

    pub(super) async fn rest(
        &self,
        state: &State,
        service: RestService,
        head: &Parts,
        body: Incoming,
        claimant: Option<Claimant>,
        facts: RequestFacts,
    ) -> Response<Body> {
        let body = match self.bodies.read(head, body).await {
            Ok(body) => body,
            Err(fault) => {
                let answer = match fault {
                    FormFault::TooLarge => service.too_large(LONGEST_BODY),
                    _ => service.incomplete(),
                };
                return self.finish(state, None, None, facts, answer).await;
            }
        };
        // Who the caller is comes before what there is: paths tell nothing to who has no credentials.
        let operation = service.operation(head.method.as_str(), head.uri.path());
        let caller = if X509Claim::is_made(head) && operation == CREATE_SESSION {
            by_certificate(state, head, &body, claimant, &facts).map_err(|error| (error, None))
        } else {
            authenticate(state, head, service.signing_name(), &body, claimant).await
        };
        match caller {
            Ok(caller) => {
                let request = RestRequest {
                    method: head.method.as_str(),
                    path: head.uri.path(),
                    query: head.uri.query().unwrap_or_default(),
                    body: &body,
                };
                let answer =
                    locum_wire::rest_json(&state.realm, &caller, &facts, service, &request).await;
                self.finish(state, Some(caller), None, facts, answer).await
            }
            Err((error, claimed)) => {
                let answer = service.failure(&error, operation);
                self.finish(state, None, claimed, facts, answer).await
            }
        }
    }
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
    let proof = throttle.federated_login(facts.source_ip, name, params);
    if proof.is_some_and(|proof| throttle.refuses(proof, now))
        || guesses_made.any(|guess| throttle.refuses_guess(guess, now))
        || throttle.exceeds_quota(service.service, name, caller, &facts.region, now)
    {
        let name = if name.len() <= 64 { name } else { "" };
        return service.failure(&Error::Throttled, name, &facts.request_id, as_json);
    }
    let unsigned = service.takes_unsigned(name);
    let login = unsigned.then(|| throttle.login(facts.source_ip, params));
    let login = login.flatten();
    if login.is_some_and(|login| !throttle.try_password(login, now)) {
        return service.failure(&Error::Throttled, name, &facts.request_id, as_json);
    }
    let answer = locum_wire::query(&state.realm, caller, facts, service, params, as_json).await;
    if let Some(login) = login
        && answer.outcome.suspicion != Some(Suspicion::WrongPassword)
    {
        throttle.not_wrong(login, now);
    }
    let became = match &answer.outcome.error {
        None => Ok(()),
        Some(_) => Err(answer.outcome.suspicion),
    };
    for guess in guesses.into_iter().flatten() {
        throttle.guessed(guess, became, now);
    }
    state.note(proof, became.map(|()| caller));
    answer
}

/// Whoever signed the request with the key of a certificate.
fn by_certificate(
    state: &State,
    head: &Parts,
    body: &[u8],
    claimant: Option<Claimant>,
    facts: &RequestFacts,
) -> Result<Caller, Error> {
    let presented = PresentedCertificate::of_request(X509Claim::parse(head), body, facts);
    match presented {
        Ok(presented) => Ok(state.realm.presented(presented)),
        Err(error) => {
            state.note(claimant, Err(error.suspicion()));
            Err(error)
        }
    }
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
