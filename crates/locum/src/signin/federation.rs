//! `/federation`: temporary credentials become a link that signs a browser in.
//!
//! As AWS's sign-in endpoint for federation: `getSigninToken`, `login` and `logout`. What differs: a
//! session in the browser never outlives the credentials, whatever `SessionDuration` says, and it ends
//! when they are revoked.

use super::destination::Destination;
use super::reply::{Fault, Reply};
use super::{EVENT_SOURCE, Issued, Visit};
use http::StatusCode;
use locum_identity::environment::Seconds;
use locum_identity::error::Error;
use locum_identity::ids::AccessKeyId;
use locum_identity::realm::Presented;
use locum_identity::session::{LONGEST_TOKEN, Session, SessionPrincipal, TicketKind};
use locum_wire::{Outcome, Recorded};
use serde::Deserialize;
use serde_json::json;

/// How long a link is good.
const LINK: Seconds = 15 * 60;
/// `SessionDuration`, in seconds.
const SHORTEST_SESSION: Seconds = 900;
const LONGEST_SESSION: Seconds = 43_200;
/// The longest `Session`: a token, and what stands around it.
const LONGEST_JSON: usize = LONGEST_TOKEN + 2048;

/// `Session`
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    session_id: String,
    session_key: String,
    session_token: String,
}

impl Visit<'_> {
    pub(super) async fn federation(&self) -> Result<Reply, Fault> {
        match self.required("Action")? {
            "getSigninToken" => self.get_signin_token().await,
            "login" => self.login().await,
            "logout" => Ok(self.sign_out()),
            _ => Err(bad("The Action must be getSigninToken, login or logout.")),
        }
    }

    async fn get_signin_token(&self) -> Result<Reply, Fault> {
        let text = self.required("Session")?;
        if text.len() > LONGEST_JSON {
            return Err(bad("The Session is longer than allowed."));
        }
        let Ok(shown) = serde_json::from_str::<Shown>(text) else {
            return Err(bad(
                "The Session must be a JSON document with sessionId, sessionKey and sessionToken.",
            ));
        };
        let claimant = self.throttle(&shown.session_id)?;
        let realm = &self.state.realm;
        let presented = realm
            .present(&shown.session_id, &shown.session_key, &shown.session_token)
            .await;
        let outcome = |error: Option<&Error>| Outcome {
            event_source: EVENT_SOURCE,
            event_name: "GetSigninToken".to_owned(),
            error: error.map(|error| ("Failed authentication".to_owned(), error.to_string())),
            response_elements: Some(
                json!({"GetSigninToken": if error.is_none() { "Success" } else { "Failure" }})
                    .to_string(),
            ),
            ..Outcome::default()
        };
        self.state.note(
            claimant,
            presented
                .as_ref()
                .map(|it| &it.caller)
                .map_err(Error::suspicion),
        );
        let caller = match presented {
            Ok(Presented { caller, .. }) => caller,
            Err(error) => {
                let claimed = AccessKeyId::parse(&shown.session_id);
                let claimed = claimed.map(|id| id.to_string());
                self.record(None, claimed, outcome(Some(&error))).await;
                let mut fault = self.fault(&error);
                if error.is_of_credentials() {
                    fault = bad(error.to_string());
                }
                return Err(fault);
            }
        };
        let session = caller
            .session()
            .ok_or_else(|| bad("There is no session."))?;
        let lifetime = self.console_lifetime(session)?;
        let until = self.facts.now + lifetime;
        let body = format!("{until}\n{}\n{}", shown.session_id, shown.session_token);
        let ticket = realm
            .seal_ticket(
                TicketKind::SigninToken,
                &[],
                body.as_bytes(),
                LINK.min(lifetime),
            )
            .map_err(|error| self.fault(&error))?;
        self.record(Some(caller), None, outcome(None)).await;
        Ok(Reply::json(&json!({"SigninToken": ticket})))
    }

    /// For how long a browser would be signed in with a session.
    fn console_lifetime(&self, session: &Session) -> Result<Seconds, Fault> {
        let asked = match self.param("SessionDuration") {
            None => None,
            Some(text) => {
                let number = text.parse::<Seconds>().ok();
                let number = number.filter(|it| (SHORTEST_SESSION..=LONGEST_SESSION).contains(it));
                Some(number.ok_or_else(|| {
                    bad("The SessionDuration must be a number from 900 to 43200.")
                })?)
            }
        };
        match &session.principal {
            SessionPrincipal::AssumedRole { .. } if session.ancestry.sessions.is_empty() => {}
            SessionPrincipal::AssumedRole { .. } if asked.is_some() => {
                return Err(bad(
                    "The SessionDuration cannot be given for credentials obtained by role chaining.",
                ));
            }
            SessionPrincipal::FederatedUser { .. } if asked.is_some() => {
                return Err(bad(
                    "The SessionDuration cannot be given for credentials of GetFederationToken.",
                ));
            }
            SessionPrincipal::AssumedRole { .. } | SessionPrincipal::FederatedUser { .. } => {}
            SessionPrincipal::User(_)
            | SessionPrincipal::Root
            | SessionPrincipal::AssumedRoot(_) => {
                return Err(bad(
                    "The credentials must be of a role or of GetFederationToken.",
                ));
            }
        }
        let left = session.expires - self.facts.now;
        Ok(asked.map_or(left, |asked| asked.min(left)))
    }

    async fn login(&self) -> Result<Reply, Fault> {
        let token = self.required("SigninToken")?;
        let destination = self.required("Destination")?;
        let own = self.door.settings.public_url.as_ref();
        let destination = Destination::parse(destination, own)
            .ok_or_else(|| bad("The Destination is not a page of this server."))?;
        let claimant = self.throttle("signin token")?;
        let realm = &self.state.realm;
        let opened = realm.open_ticket(TicketKind::SigninToken, &[], token);
        let issued = opened.as_ref().and_then(|(body, _)| {
            let mut lines = std::str::from_utf8(body).ok()?.split('\n');
            let (until, id, token) = (lines.next()?, lines.next()?, lines.next()?);
            Some(Issued {
                access_key_id: id.to_owned(),
                session_token: token.to_owned(),
                until: Some(until.parse().ok()?),
            })
        });
        let Some(issued) = issued else {
            self.failed(claimant);
            return Err(bad("The link is not valid, or not any more.")
                .titled("This link has expired")
                .advising(
                    "Links like this are good for 15 minutes. Go back and ask for another one.",
                ));
        };
        let request =
            json!({"issuer": self.param("Issuer").map(cut), "destination": destination.path()});
        self.signed_in(&issued, destination, Recorded::Value(request))
            .await
    }
}

/// What is recorded of a text that the sender chose.
fn cut(text: &str) -> String {
    text.chars().take(256).collect()
}

fn bad(sentence: impl Into<String>) -> Fault {
    Fault::new(StatusCode::BAD_REQUEST, sentence)
}
