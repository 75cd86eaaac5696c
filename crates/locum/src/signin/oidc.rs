//! Signing in at an OpenID Connect provider: the way there, and the way back.

use super::choice::Choice;
use super::cookies::Cookie;
use super::destination::Destination;
use super::reply::{Fault, Reply};
use super::{Visit, console_login};
use http::StatusCode;
use locum_identity::environment::Seconds;
use locum_identity::error::Error;
use locum_identity::session::TicketKind;
use locum_identity::web_identity::{WebAnswer, WebSignIn};
use locum_wire::Recorded;
use serde_json::json;

const CALLBACK: &str = "/_locum/signin/oidc/callback";
/// Where the form of the page with the roles goes.
const CHOICE: &str = "/_locum/signin/oidc/role";
/// How long a person may take at the provider.
const AWAY: Seconds = 10 * 60;

impl Visit<'_> {
    /// Sends the browser to a provider.
    pub(super) async fn oidc(&self) -> Result<Reply, Fault> {
        let account = self.account(self.required("account")?);
        let provider = self.required("provider")?;
        let claimant = self.throttle("oidc")?;
        let redirect_uri = self.redirect_uri()?;
        let realm = &self.state.realm;
        let begun = match account {
            Some(account) => {
                let notes = &self.facts.notes;
                realm
                    .begin_web_sign_in(account, provider, &redirect_uri, notes)
                    .await
            }
            None => Err(Error::ValidationText(
                "There is no such account.".to_owned(),
            )),
        };
        let (location, sign_in) = match begun {
            Ok(begun) => begun,
            Err(error) => {
                self.failed(claimant);
                return Err(self.oidc_failed(&error).await);
            }
        };
        let body = serde_json::to_vec(&sign_in);
        let body = body.map_err(|error| self.fault(&Error::Internal(Box::new(error))))?;
        let ticket = realm
            .seal_ticket(TicketKind::OidcRequest, &[], &body, AWAY)
            .map_err(|error| self.fault(&error))?;
        let cookies = self.cookie(Cookie::Request).set(&ticket, AWAY);
        Ok(Reply::see(&location).with_cookies(cookies.unwrap_or_default()))
    }

    /// The browser comes back.
    pub(super) async fn oidc_callback(&self) -> Result<Reply, Fault> {
        let claimant = self.throttle("oidc")?;
        let realm = &self.state.realm;
        let ticket = self.cookie(Cookie::Request).get();
        let sign_in = ticket.and_then(|ticket| {
            let (body, _) = realm.open_ticket(TicketKind::OidcRequest, &[], &ticket)?;
            serde_json::from_slice::<WebSignIn>(&body).ok()
        });
        // Good for once in this browser, whatever becomes of it.
        let forgotten = self.cookie(Cookie::Request).forget();
        let Some(sign_in) = sign_in else {
            self.failed(claimant);
            return Err(Fault::new(
                StatusCode::BAD_REQUEST,
                "This browser did not begin a sign-in, or too long ago.",
            )
            .titled("Please sign in again"));
        };
        let answer = WebAnswer {
            state: self.param("state"),
            code: self.param("code"),
            issuer: self.param("iss"),
            error: self.param("error"),
            description: self.param("error_description"),
        };
        let redirect_uri = self.redirect_uri()?;
        let finished = realm
            .finish_web_sign_in(&sign_in, answer, &redirect_uri, &self.facts.notes)
            .await;
        let signed_in = match finished {
            Ok(signed_in) => signed_in,
            Err(error) => {
                self.failed(claimant);
                return Err(self.oidc_failed(&error).await.with_cookies(forgotten));
            }
        };
        let roles = realm.roles_of_web_sign_in(&signed_in, self.facts).await;
        let roles = roles.map_err(|error| self.fault(&error))?;
        let provider = &signed_in.provider;
        let choice = Choice {
            proof: signed_in.id_token.to_string(),
            roles: roles
                .into_iter()
                .map(|role| (role, provider.clone()))
                .collect(),
            session_name: signed_in.session_name.to_string(),
            destination: Destination::credentials(),
        };
        let reply = match choice.roles.len() {
            0 => {
                let sentence = "Not authorized to perform sts:AssumeRoleWithWebIdentity";
                let notes = &self.facts.notes;
                notes.explain("no role of the account trusts this identity");
                let failed = Error::ValidationText(sentence.to_owned());
                return Err(self.oidc_failed(&failed).await.with_cookies(forgotten));
            }
            1 => self.with_web_identity(choice, 0).await?,
            _ => self.choose(TicketKind::OidcChoice, CHOICE, &choice)?,
        };
        Ok(reply.with_cookies(forgotten))
    }

    /// The role that was chosen.
    pub(super) async fn oidc_chosen(&self) -> Result<Reply, Fault> {
        let (choice, number) = self.chosen(TicketKind::OidcChoice)?;
        let forgotten = self.cookie(Cookie::Choice).forget();
        let reply = self.with_web_identity(choice, number).await?;
        Ok(reply.with_cookies(forgotten))
    }

    async fn with_web_identity(&self, choice: Choice, number: usize) -> Result<Reply, Fault> {
        let Some((role, provider)) = choice.roles.get(number) else {
            return Err(Fault::new(
                StatusCode::BAD_REQUEST,
                "There is no such role.",
            ));
        };
        let parameters = [
            ("RoleArn", role.as_str()),
            ("RoleSessionName", &choice.session_name),
            ("WebIdentityToken", &choice.proof),
        ];
        let issued = self.assume("AssumeRoleWithWebIdentity", &parameters).await;
        let issued = issued.map_err(unwelcome)?;
        let request = Recorded::Value(json!({"roleArn": role, "provider": provider}));
        self.signed_in(&issued, choice.destination, request).await
    }

    /// Records that a sign-in failed, and tells it.
    async fn oidc_failed(&self, error: &Error) -> Fault {
        let outcome = console_login(Err(error.to_string()));
        let facts = self.facts.clone();
        self.door
            .record(self.state, None, None, facts, outcome)
            .await;
        unwelcome(self.fault(error))
    }

    fn redirect_uri(&self) -> Result<String, Fault> {
        Ok(format!("{}{CALLBACK}", self.public_url()?.as_str()))
    }
}

/// With what a person can do who comes from a provider.
fn unwelcome(fault: Fault) -> Fault {
    fault
        .titled("You cannot be signed in")
        .advising("Sign in again. If that does not help, give your administrator the request id below: the reason stands in the audit log.")
}
