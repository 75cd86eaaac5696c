//! `locum federation test`.

use super::{saml, secret};
use crate::Failure;
use crate::command::print;
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_read};
use crate::environment::system;
use crate::ldap::Directories;
use clap::{ArgGroup, Args};
use locum_identity::caller::RequestFacts;
use locum_identity::environment::Clock as _;
use locum_identity::error::Error;
use locum_identity::names::{ArnText, Constrained as _, MinimumTokenSize};
use locum_identity::realm::Realm;
use locum_identity::sts::{AssumeRoleWithLdapIdentity, AssumeRoleWithSaml, SessionPolicies};
use locum_policy::Plain;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("proof").required(true).args(["assertion", "ldap_username"]))]
pub(crate) struct TestArgs {
    /// The provider's ARN
    #[arg(long, value_name = "ARN", value_parser = arn)]
    provider: ArnText,
    /// The role that is asked for [default: the first of the provider's own that trusts the user]
    #[arg(long, value_name = "ARN", value_parser = arn)]
    role: Option<ArnText>,
    /// A file with a SAML response, as XML or in base64; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "role")]
    assertion: Option<PathBuf>,
    /// The name of a directory's user
    #[arg(long, value_name = "NAME", requires = "ldap_password_file")]
    ldap_username: Option<String>,
    /// A file with their password; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "ldap_username")]
    ldap_password_file: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

fn arn(text: &str) -> Result<ArnText, String> {
    ArnText::parse(text).map_err(|_| "it is no ARN".to_owned())
}

impl TestArgs {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let response = self.assertion.as_deref().map(saml::response).transpose()?;
        let password = self.ldap_password_file.as_deref().map(secret).transpose()?;
        let (environment, clock) = system();
        let realm = open_to_read(&self.place.resolve()?, environment).await?;
        let realm = realm.with_directories(Arc::new(Directories::default()));
        let facts = RequestFacts {
            now: clock.now(),
            source_ip: None,
            secure_transport: true,
            user_agent: None,
            referer: None,
            region: "us-east-1".to_owned(),
            request_id: String::new(),
            notes: Arc::default(),
        };
        let caller = realm.anonymous();
        let outcome = match (response, self.role, self.ldap_username, password) {
            (Some(response), Some(role), ..) => {
                let asked = AssumeRoleWithSaml {
                    role_arn: role,
                    principal_arn: self.provider,
                    saml_assertion: response,
                    session_policies: SessionPolicies::default(),
                    duration: None,
                    minimum_token_size: MinimumTokenSize::default(),
                };
                realm.rehearse(&caller, &facts, asked).await
            }
            (None, role_arn, Some(username), Some(password)) => {
                let asked = AssumeRoleWithLdapIdentity {
                    username,
                    password,
                    provider_arn: Some(self.provider),
                    role_arn,
                    role_session_name: None,
                    duration: None,
                    session_policies: SessionPolicies::default(),
                    minimum_token_size: MinimumTokenSize::default(),
                };
                realm.rehearse(&caller, &facts, asked).await
            }
            _ => return Err(Failure::Usage("give a proof, and what it needs".to_owned())),
        };
        report(&realm, &facts, outcome)
    }
}

/// Says what was found, and what the caller would be told.
fn report(
    _: &Realm,
    facts: &RequestFacts,
    outcome: Result<(), Error>,
) -> Result<ExitCode, Failure> {
    let mut text = String::new();
    if let Some(identity) = facts.notes.identity() {
        let (subject, provider) = (Plain(&identity.subject), Plain(&identity.provider));
        let _ = writeln!(text, "{provider} knows them as {subject}");
    }
    for explanation in facts.notes.explanations() {
        let _ = writeln!(text, "{}", Plain(&explanation));
    }
    let code = match outcome {
        Ok(()) => {
            text.push_str("the role would be had\n");
            ExitCode::SUCCESS
        }
        Err(error @ (Error::ServiceUnavailable(_) | Error::Internal(_))) => {
            return Err(described("cannot find out", &error));
        }
        Err(error) => {
            let _ = writeln!(text, "who asks is told: {}", Plain(&error.to_string()));
            ExitCode::FAILURE
        }
    };
    print(&text)?;
    Ok(code)
}
