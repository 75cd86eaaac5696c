//! `POST /saml`: a SAML response that a browser brings from its identity provider.

use super::choice::Choice;
use super::cookies::Cookie;
use super::destination::Destination;
use super::pages;
use super::reply::{Fault, Reply};
use super::{Visit, console_login};
use http::StatusCode;
use locum_identity::names::{ArnText, Constrained as _};
use locum_identity::session::TicketKind;
use locum_wire::Recorded;
use serde_json::json;

/// Before the account and the name of a provider.
pub(super) const ADDRESS: &str = "/saml/acs/";
/// Where the form of the page with the roles goes.
const CHOICE: &str = "/_locum/signin/saml";

impl Visit<'_> {
    /// One role: the credentials at once. Several: a page to choose on.
    pub(super) async fn saml(&self) -> Result<Reply, Fault> {
        let response = self.required("SAMLResponse")?;
        let provider = self.addressed();
        let claimant = self.throttle("saml")?;
        let own = self.door.settings.public_url.as_ref();
        // What an identity provider sends along may be anything; it is obeyed where it is a page here.
        let relayed = self.param("RelayState");
        let relayed = relayed.and_then(|text| Destination::parse(text, own));
        let destination = relayed.unwrap_or_else(Destination::credentials);
        let realm = &self.state.realm;
        let (now, notes) = (self.facts.now, &self.facts.notes);
        let found = realm
            .saml_roles(response, provider.as_ref(), now, notes)
            .await;
        let roles = match found {
            Ok(roles) => roles
                .into_iter()
                .map(|role| (role.role_arn.to_string(), role.provider_arn.to_string()))
                .collect(),
            Err(error) => {
                self.failed(claimant);
                let facts = self.facts.clone();
                let outcome = console_login(Err(error.to_string()));
                self.door
                    .record(self.state, None, None, facts, outcome)
                    .await;
                return Err(unwelcome(self.fault(&error)));
            }
        };
        let choice = Choice {
            proof: response.to_owned(),
            roles,
            session_name: String::new(),
            destination,
        };
        match choice.roles.len() {
            0 => Err(unwelcome(Fault::new(
                StatusCode::FORBIDDEN,
                "Not authorized to perform sts:AssumeRoleWithSAML",
            ))),
            1 => self.with_saml(choice, 0).await,
            _ => self.choose(TicketKind::SamlChoice, CHOICE, &choice),
        }
    }

    /// The provider whose own address this is: `/saml/acs/ACCOUNT/NAME`. An encrypted assertion does not tell
    /// whose it is.
    fn addressed(&self) -> Option<ArnText> {
        let (account, name) = self
            .head
            .uri
            .path()
            .strip_prefix(ADDRESS)?
            .split_once('/')?;
        ArnText::parse(&format!("arn:aws:iam::{account}:saml-provider/{name}")).ok()
    }

    /// The role that was chosen.
    pub(super) async fn saml_chosen(&self) -> Result<Reply, Fault> {
        let (choice, number) = self.chosen(TicketKind::SamlChoice)?;
        let forgotten = self.cookie(Cookie::Choice).forget();
        let reply = self.with_saml(choice, number).await?;
        Ok(reply.with_cookies(forgotten))
    }

    async fn with_saml(&self, choice: Choice, number: usize) -> Result<Reply, Fault> {
        let Some((role, provider)) = choice.roles.get(number) else {
            return Err(Fault::new(
                StatusCode::BAD_REQUEST,
                "There is no such role.",
            ));
        };
        let claimant = self.throttle("saml")?;
        let parameters = [
            ("RoleArn", role.as_str()),
            ("PrincipalArn", provider),
            ("SAMLAssertion", &choice.proof),
        ];
        let issued = self.assume("AssumeRoleWithSAML", &parameters).await;
        let issued = issued.map_err(|fault| {
            self.failed(claimant);
            unwelcome(fault)
        })?;
        let request = Recorded::Value(json!({"roleArn": role, "samlProviderArn": provider}));
        self.signed_in(&issued, choice.destination, request).await
    }

    /// What identity providers are told of this server.
    pub(super) fn saml_metadata(&self) -> Result<Reply, Fault> {
        let public_url = self.public_url()?.as_str();
        let document = pages::render(&pages::SamlMetadata { public_url });
        Ok(Reply::saml_metadata(document))
    }
}

/// With what a person can do who came from an identity provider.
fn unwelcome(fault: Fault) -> Fault {
    fault
        .titled("You cannot be signed in")
        .advising("Go back to your identity provider and sign in again. If that does not help, give your administrator the request id below: the reason stands in the audit log.")
}
