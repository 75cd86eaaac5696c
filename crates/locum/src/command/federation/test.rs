//! `locum federation test`.

use super::{saml, secret};
use crate::Failure;
use crate::command::{input, print};
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_read};
use crate::environment::system;
use crate::fetcher::Fetcher;
use crate::ldap::Directories;
use clap::builder::FalseyValueParser;
use clap::{ArgGroup, Args};
use locum_identity::caller::RequestFacts;
use locum_identity::environment::Clock as _;
use locum_identity::error::Error;
use locum_identity::names::{
    ArnText, Constrained, MinimumTokenSize, RoleSessionName, WebIdentityTokenText,
};
use locum_identity::sts::{
    AssumeRoleWithLdapIdentity, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, SessionPolicies,
};
use locum_policy::Plain;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

/// The longest file with a token, in bytes.
const LONGEST_TOKEN: u64 = 64 * 1024;

#[derive(Args, Clone, Debug)]
#[command(group = ArgGroup::new("proof").required(true).args(["token", "assertion", "ldap_username"]))]
pub(crate) struct TestArgs {
    /// The provider's ARN, or the name of one that needs none (accounts.google.com)
    #[arg(long, value_name = "ARN")]
    provider: String,
    /// The role that is asked for [default, of a directory's user: the first of the provider's own that
    /// trusts the user]
    #[arg(long, value_name = "ARN", value_parser = constrained::<ArnText>, required_unless_present = "ldap_username")]
    role: Option<ArnText>,
    /// A file with an OpenID Connect token; `-` is standard input
    #[arg(long, value_name = "FILE")]
    token: Option<PathBuf>,
    /// A file with a SAML response, as XML or in base64; `-` is standard input
    #[arg(long, value_name = "FILE")]
    assertion: Option<PathBuf>,
    /// The name of a directory's user
    #[arg(long, value_name = "NAME", requires = "ldap_password_file")]
    ldap_username: Option<String>,
    /// A file with their password; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "ldap_username")]
    ldap_password_file: Option<PathBuf>,
    /// `RoleSessionName`, for trust policies that look at it
    #[arg(long, value_name = "NAME", default_value = "test", value_parser = constrained::<RoleSessionName>)]
    role_session_name: RoleSessionName,
    /// Ask at addresses that are not public, as a server does that was started so
    #[arg(long, env = "LOCUM_IDP_PRIVATE_ADDRESSES", value_parser = FalseyValueParser::new())]
    idp_private_addresses: bool,
    /// Ask on loopback by plain HTTP, as a server does that was started so
    #[arg(long, env = "LOCUM_IDP_PLAIN_HTTP_ON_LOOPBACK", value_parser = FalseyValueParser::new())]
    idp_plain_http_on_loopback: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

fn constrained<T: Constrained>(text: &str) -> Result<T, String> {
    T::parse(text).map_err(|failed| {
        let failed: Vec<_> = failed.iter().map(ToString::to_string).collect();
        failed.join("; ")
    })
}

impl TestArgs {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        let token = self.token.as_deref().map(token).transpose()?;
        let response = self.assertion.as_deref().map(saml::response).transpose()?;
        let password = self.ldap_password_file.as_deref().map(secret).transpose()?;
        let (environment, clock) = system();
        let realm = open_to_read(&self.place.resolve()?, environment).await?;
        let fetcher = Fetcher::new(self.idp_private_addresses, self.idp_plain_http_on_loopback);
        let realm = realm
            .with_fetcher(Arc::new(fetcher))
            .with_directories(Arc::new(Directories::default()));
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
        let provider = || {
            let arn = constrained::<ArnText>(&self.provider);
            arn.map_err(|failed| Failure::Usage(format!("--provider: {failed}")))
        };
        let (session_policies, duration) = (SessionPolicies::default(), None);
        let minimum_token_size = MinimumTokenSize::default();
        let outcome = match (token, response, self.role, self.ldap_username, password) {
            (Some(web_identity_token), _, Some(role_arn), ..) => {
                let asked = AssumeRoleWithWebIdentity {
                    role_arn,
                    role_session_name: self.role_session_name,
                    web_identity_token,
                    provider_id: None,
                    session_policies,
                    duration,
                    minimum_token_size,
                };
                realm.rehearse(&caller, &facts, asked).await
            }
            (_, Some(saml_assertion), Some(role_arn), ..) => {
                let asked = AssumeRoleWithSaml {
                    role_arn,
                    principal_arn: provider()?,
                    saml_assertion,
                    session_policies,
                    duration,
                    minimum_token_size,
                };
                realm.rehearse(&caller, &facts, asked).await
            }
            (_, _, role_arn, Some(username), Some(password)) => {
                let asked = AssumeRoleWithLdapIdentity {
                    username,
                    password,
                    provider_arn: Some(provider()?),
                    role_arn,
                    role_session_name: None,
                    duration,
                    session_policies,
                    minimum_token_size,
                };
                realm.rehearse(&caller, &facts, asked).await
            }
            _ => {
                let missing =
                    "say who it is: --token or --assertion with --role, or --ldap-username";
                return Err(Failure::Usage(missing.to_owned()));
            }
        };
        report(&self.provider, &facts, outcome)
    }
}

/// The token in a file, without blanks around it.
fn token(path: &Path) -> Result<WebIdentityTokenText, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("`{}` {what}", path.display()));
    let text = input::read(path, LONGEST_TOKEN).map_err(|error| wrong(&error))?;
    constrained(text.trim()).map_err(|failed| wrong(&format!("has no token: {failed}")))
}

/// Says what was found, and what the caller would be told.
fn report(
    provider: &str,
    facts: &RequestFacts,
    outcome: Result<(), Error>,
) -> Result<ExitCode, Failure> {
    let mut text = String::new();
    let mut another = false;
    if let Some(identity) = facts.notes.identity() {
        let (subject, known) = (Plain(&identity.subject), Plain(&identity.provider));
        let _ = writeln!(text, "{known} knows them as {subject}");
        another = identity.provider != provider;
        if another {
            let asked = Plain(provider);
            let _ = writeln!(text, "that is not {asked}: the token is another provider's");
        }
    }
    for explanation in facts.notes.explanations() {
        let _ = writeln!(text, "{}", Plain(&explanation));
    }
    let code = match outcome {
        Ok(()) if another => ExitCode::FAILURE,
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
