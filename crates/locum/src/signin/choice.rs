//! Which role: a page on which one of several is chosen.
//!
//! The page carries what was proved, sealed, and what it is sealed with lies in a cookie: a form that
//! another site posts, or that another browser was given, chooses nothing. What is posted is the number
//! of a role; the roles themselves are sealed too.

use super::cookies::Cookie;
use super::pages::{self, ChoiceAccount, ChoiceRole};
use super::reply::{Fault, Reply};
use super::{Visit, destination::Destination};
use data_encoding::BASE64URL_NOPAD;
use http::StatusCode;
use locum_identity::environment::Seconds;
use locum_identity::names::{AccountId, Constrained as _};
use locum_identity::session::TicketKind;
use locum_policy::Arn;
use serde::{Deserialize, Serialize};

/// How long a person may think. The proof itself may be too old before.
const THINKING: Seconds = 5 * 60;

/// What was proved, and what may be chosen.
#[derive(Deserialize, Serialize)]
pub(super) struct Choice {
    /// The SAML response, or the ID token.
    pub(super) proof: String,
    /// The ARNs of the roles, each with the provider's.
    pub(super) roles: Vec<(String, String)>,
    /// `RoleSessionName`, where the proof does not say it.
    pub(super) session_name: String,
    /// Where to go then.
    pub(super) destination: Destination,
}

impl Visit<'_> {
    /// The page on which a role is chosen.
    pub(super) fn choose(
        &self,
        kind: TicketKind,
        action: &'static str,
        choice: &Choice,
    ) -> Result<Reply, Fault> {
        let mut nonce = [0; 24];
        self.door.entropy.fill(&mut nonce);
        let nonce = BASE64URL_NOPAD.encode(&nonce);
        let unsealable = || {
            Fault::new(
                StatusCode::BAD_REQUEST,
                "What you were sent with is too large.",
            )
        };
        let body = serde_json::to_vec(choice).map_err(|_| unsealable())?;
        let state = self
            .state
            .realm
            .seal_ticket(kind, nonce.as_bytes(), &body, THINKING)
            .map_err(|_| unsealable())?;
        let cookies = self.cookie(Cookie::Choice).set(&nonce, THINKING);
        let cookies = cookies.ok_or_else(unsealable)?;
        let page = pages::Roles {
            action,
            state: &state,
            accounts: &self.accounts(&choice.roles),
            request_id: &self.facts.request_id,
        };
        Ok(Reply::page(pages::render(&page)).with_cookies(cookies))
    }

    /// What was chosen: the choice, and the number of the role.
    pub(super) fn chosen(&self, kind: TicketKind) -> Result<(Choice, usize), Fault> {
        let site = self.head.headers.get("sec-fetch-site");
        if site.is_some_and(|site| site.as_bytes() != b"same-origin") {
            return Err(Fault::new(
                StatusCode::FORBIDDEN,
                "The role was not chosen on this server's page.",
            ));
        }
        let state = self.required("state")?;
        let role = self.required("role")?;
        let nonce = self.cookie(Cookie::Choice).get();
        let opened = nonce.and_then(|nonce| {
            let realm = &self.state.realm;
            let (body, _) = realm.open_ticket(kind, nonce.as_bytes(), state)?;
            serde_json::from_slice::<Choice>(&body).ok()
        });
        let choice = opened.ok_or_else(|| {
            Fault::new(
                StatusCode::BAD_REQUEST,
                "The page on which you chose a role is too old, or is not this browser's.",
            )
            .titled("Please sign in again")
        })?;
        let number = role.parse::<usize>().ok();
        let number = number.filter(|number| *number < choice.roles.len());
        let number =
            number.ok_or_else(|| Fault::new(StatusCode::BAD_REQUEST, "There is no such role."))?;
        Ok((choice, number))
    }

    /// The roles by account, in the order in which they came.
    fn accounts(&self, roles: &[(String, String)]) -> Vec<ChoiceAccount> {
        let directory = self.state.realm.directory();
        let mut accounts: Vec<ChoiceAccount> = Vec::new();
        for (number, (arn, provider)) in roles.iter().enumerate() {
            let parsed = Arn::parse(arn);
            let id = parsed.as_ref().map(Arn::account).unwrap_or_default();
            let path = parsed.as_ref().map(Arn::resource);
            let name = path.and_then(|path| path.strip_prefix("role/"));
            let twice = roles.iter().filter(|(other, _)| other == arn).count() > 1;
            let role = ChoiceRole {
                number,
                name: name.unwrap_or(arn).to_owned(),
                detail: twice.then(|| provider.clone()),
            };
            match accounts.iter_mut().find(|account| account.id == id) {
                Some(account) => account.roles.push(role),
                None => {
                    let known = AccountId::parse(id).ok();
                    accounts.push(ChoiceAccount {
                        id: id.to_owned(),
                        alias: known.and_then(|id| directory.alias_of(id).map(str::to_owned)),
                        roles: vec![role],
                    });
                }
            }
        }
        accounts
    }
}
