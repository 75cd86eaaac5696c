//! `locum federation test`.

use super::secret;
use crate::Failure;
use crate::command::print;
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_read};
use crate::environment::system;
use crate::ldap::Directories;
use clap::Args;
use locum_identity::caller::RequestFacts;
use locum_identity::environment::Clock as _;
use locum_identity::error::Error;
use locum_identity::names::{ArnText, Constrained as _};
use locum_identity::realm::Realm;
use locum_identity::sts::{AssumeRoleWithLdapIdentity, SessionPolicies};
use locum_policy::Plain;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Args, Clone, Debug)]
pub(crate) struct TestArgs {
    /// The provider's ARN
    #[arg(long, value_name = "ARN", value_parser = arn)]
    provider: ArnText,
    /// The role that is asked for [default: the first of the provider's own that trusts the user]
    #[arg(long, value_name = "ARN", value_parser = arn)]
    role: Option<ArnText>,
    /// The name of a directory's user
    #[arg(long, value_name = "NAME", requires = "ldap_password_file")]
    ldap_username: String,
    /// A file with their password; `-` is standard input
    #[arg(long, value_name = "FILE")]
    ldap_password_file: PathBuf,
    #[command(flatten)]
    place: PlaceArgs,
}

fn arn(text: &str) -> Result<ArnText, String> {
    ArnText::parse(text).map_err(|_| "it is no ARN".to_owned())
}

impl TestArgs {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let password = secret(&self.ldap_password_file)?;
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
        let asked = AssumeRoleWithLdapIdentity {
            username: self.ldap_username,
            password,
            provider_arn: Some(self.provider),
            role_arn: self.role,
            role_session_name: None,
            duration: None,
            session_policies: SessionPolicies::default(),
            minimum_token_size: Default::default(),
        };
        let outcome = realm.rehearse(&realm.anonymous(), &facts, asked).await;
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
