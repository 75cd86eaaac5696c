//! Signing in with a browser: the federation endpoint and the SAML endpoint as AWS has them, and the
//! pages behind them.
//!
//! Nothing here hands out rights of its own: SAML responses and ID tokens go through the operations of
//! STS, by the same bindings as requests to those, and are recorded like them. Between the steps the
//! browser carries sealed tickets; the server keeps nothing.
//!
//! Objects of buckets are served from the same origin, where their writers may have put scripts. So the
//! page with credentials is given to nothing but a navigation of the browser's (`Sec-Fetch-Mode`), is in
//! no frame, and is cut off from whoever opened it (`Cross-Origin-Opener-Policy`). No page here runs a
//! script.

mod assume;
mod choice;
mod cookies;
mod credentials;
mod destination;
mod federation;
mod oidc;
mod pages;
mod password;
mod providers;
mod reply;
mod route;
mod saml;

pub(crate) use route::{Route, route};

use crate::body::FormFault;
use crate::door::{Body, Door};
use crate::state::State;
use crate::throttle::Claimant;
use cookies::Cookie;
use destination::Destination;
use http::request::Parts;
use http::{Response, StatusCode};
use hyper::body::Incoming;
use locum_identity::caller::{Caller, RequestFacts};
use locum_identity::environment::{Clock as _, Seconds};
use locum_identity::error::Error;
use locum_identity::issuer::PublicUrl;
use locum_identity::realm::Presented;
use locum_identity::session::TicketKind;
use locum_wire::{Outcome, Params, Recorded};
use reply::{Fault, Reply};
use serde_json::json;
use std::sync::Arc;

/// `eventSource` of what is recorded here.
const EVENT_SOURCE: &str = "signin.amazonaws.com";

/// A request for a page, and all around it.
struct Visit<'a> {
    door: &'a Door,
    state: &'a State,
    head: &'a Parts,
    facts: &'a RequestFacts,
    params: Params,
}

/// Temporary credentials by what names them: the rest is in the token.
struct Issued {
    access_key_id: String,
    session_token: String,
    /// When the browser is to be signed out, if that is before they end.
    until: Option<Seconds>,
}

impl Door {
    /// Answers a request for one of the pages.
    pub(crate) async fn sign_in(
        &self,
        state: &State,
        route: Route,
        head: &Parts,
        body: Incoming,
        facts: RequestFacts,
    ) -> Response<Body> {
        let reply = match self.visit(state, head, body, &facts).await {
            Ok(visit) => visit.answer(route).await,
            Err(fault) => Err(fault),
        };
        let is_json = route == Route::Federation && !is_login(head);
        reply
            .unwrap_or_else(|fault| fault.reply(is_json, &facts.request_id))
            .response(&facts.request_id)
    }

    async fn visit<'a>(
        &'a self,
        state: &'a State,
        head: &'a Parts,
        body: Incoming,
        facts: &'a RequestFacts,
    ) -> Result<Visit<'a>, Fault> {
        let form = self.bodies.form(head, body).await;
        let form = form.map_err(|fault| match fault {
            FormFault::TooLarge => Fault::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "The request is larger than allowed.",
            ),
            FormFault::NotAForm(_) => Fault::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "Content-Type must be application/x-www-form-urlencoded.",
            ),
            FormFault::Method => Fault::new(StatusCode::METHOD_NOT_ALLOWED, "GET and POST only."),
            FormFault::Broken => {
                Fault::new(StatusCode::BAD_REQUEST, "The request did not arrive whole.")
            }
        })?;
        let params = Params::parse(head.uri.query().unwrap_or_default(), &form);
        let params =
            params.map_err(|fault| Fault::new(StatusCode::BAD_REQUEST, fault.to_string()))?;
        Ok(Visit {
            door: self,
            state,
            head,
            facts,
            params,
        })
    }
}

/// Whether a request to the federation endpoint comes from a browser, which gets pages.
fn is_login(head: &Parts) -> bool {
    let query = head.uri.query().unwrap_or_default();
    query
        .split('&')
        .any(|pair| matches!(pair, "Action=login" | "Action=logout"))
}

impl Visit<'_> {
    async fn answer(self, route: Route) -> Result<Reply, Fault> {
        match route {
            Route::Federation => self.federation().await,
            Route::Credentials => self.credentials().await,
            Route::SignOut => Ok(self.sign_out()),
            Route::WaysIn => self.ways_in().await,
            Route::Password => self.password().await,
            Route::Oidc => self.oidc().await,
            Route::OidcCallback => self.oidc_callback().await,
            Route::OidcChoice => self.oidc_chosen().await,
            Route::Saml => self.saml().await,
            Route::SamlChoice => self.saml_chosen().await,
            Route::SamlMetadata => self.saml_metadata(),
        }
    }

    fn param(&self, name: &str) -> Option<&str> {
        self.params.value(name)
    }

    fn required(&self, name: &str) -> Result<&str, Fault> {
        self.param(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| {
                let text = format!("The request has no {name}.");
                Fault::new(StatusCode::BAD_REQUEST, text)
            })
    }

    /// Where the server is reached.
    fn public_url(&self) -> Result<&PublicUrl, Fault> {
        self.door.settings.public_url.as_ref().ok_or_else(|| {
            Fault::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "The address of this server is not known.",
            )
            .advising("Ask your administrator to start it with --public-url.")
        })
    }

    /// Refuses, where too much went wrong lately that came from the same source and was about the same.
    fn throttle(&self, about: &str) -> Result<Option<Claimant>, Fault> {
        let (throttle, now) = (&self.state.throttle, self.state.clock.now_millis());
        let claimant = throttle.claimant(self.facts.source_ip, about);
        match claimant.filter(|claimant| throttle.refuses(*claimant, now)) {
            Some(_) => Err(Fault::throttled()),
            None => Ok(claimant),
        }
    }

    /// Takes note of what went wrong.
    fn failed(&self, claimant: Option<Claimant>) {
        if let Some(claimant) = claimant {
            let now = self.state.clock.now_millis();
            self.state.throttle.failed(claimant, now);
        }
    }

    async fn record(&self, caller: Option<Caller>, claimed_key: Option<String>, outcome: Outcome) {
        // Whoever it is by now, it is not who came with the proof.
        let facts = RequestFacts {
            notes: Arc::default(),
            ..self.facts.clone()
        };
        self.door
            .record(self.state, caller, claimed_key, facts, outcome)
            .await;
    }

    /// Signs the browser in with these credentials, and sends it on.
    async fn signed_in(
        &self,
        issued: &Issued,
        destination: Destination,
        request: Recorded,
    ) -> Result<Reply, Fault> {
        let realm = &self.state.realm;
        let recalled = realm
            .recall(&issued.access_key_id, &issued.session_token)
            .await;
        let Presented { caller, .. } = recalled.map_err(|error| self.fault(&error))?;
        let expires = caller.session().map_or(0, |session| session.expires);
        let until = issued.until.map_or(expires, |until| until.min(expires));
        let lifetime = until - self.facts.now;
        let body = format!("{}\n{}", issued.access_key_id, issued.session_token);
        let ticket = realm
            .seal_ticket(TicketKind::Session, &[], body.as_bytes(), lifetime)
            .map_err(|error| self.fault(&error))?;
        let cookies = self.cookie(Cookie::Session).set(&ticket, lifetime);
        let cookies = cookies.ok_or_else(|| {
            Fault::new(
                StatusCode::BAD_REQUEST,
                "The session is too large for a browser.",
            )
        })?;
        let outcome = Outcome {
            request,
            ..console_login(Ok(()))
        };
        self.record(Some(caller), None, outcome).await;
        Ok(Reply::see(destination.path()).with_cookies(cookies))
    }

    fn cookie(&self, cookie: Cookie) -> cookies::Jar<'_> {
        cookies::Jar::new(self.head, self.facts.secure_transport, cookie)
    }

    /// What a person is told of an error of an operation's: AWS's sentence, and what to do.
    fn fault(&self, error: &Error) -> Fault {
        if let Error::Internal(_) | Error::ServiceUnavailable(_) = error {
            tracing::error!("request {} failed: {error:?}", self.facts.request_id);
        }
        Fault::of(error)
    }
}

/// What the record tells of a sign-in: as CloudTrail's `ConsoleLogin`.
fn console_login(became: Result<(), String>) -> Outcome {
    let said = if became.is_ok() { "Success" } else { "Failure" };
    Outcome {
        event_source: EVENT_SOURCE,
        event_name: "ConsoleLogin".to_owned(),
        error: became
            .err()
            .map(|text| ("Failed authentication".to_owned(), text)),
        response_elements: Some(json!({"ConsoleLogin": said}).to_string()),
        ..Outcome::default()
    }
}
