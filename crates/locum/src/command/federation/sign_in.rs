//! The client that the sign-in pages are to a provider, as operators say it.

use super::secret;
use crate::Failure;
use clap::Args;
use locum_identity::entity::{ProviderSettings, SignInClient};
use locum_identity::error::Error;
use locum_identity::realm::SettingsSealer;
use locum_identity::sealing::Secret;
use locum_policy::Plain;
use serde::Serialize;
use std::fmt;
use std::path::PathBuf;

#[derive(Args, Clone, Debug)]
pub(super) struct SignInArgs {
    /// As which client people sign in at the provider by the pages of this server; one of the provider's
    /// client ids in IAM
    #[arg(long, value_name = "ID")]
    sign_in_client_id: Option<String>,
    /// A file with the client's secret; `-` is standard input. Without, the client is a public one
    #[arg(long, value_name = "FILE", requires = "sign_in_client_id")]
    sign_in_client_secret_file: Option<PathBuf>,
    /// What to ask the provider for besides `openid`: email, profile; may be given several times
    #[arg(long, value_name = "SCOPE", requires = "sign_in_client_id")]
    sign_in_scope: Vec<String>,
    /// Nobody signs in there by the pages of this server any more
    #[arg(long, conflicts_with = "sign_in_client_id")]
    no_sign_in: bool,
}

impl SignInArgs {
    /// The client's secret.
    pub(super) fn read(&self) -> Result<Option<Secret>, Failure> {
        let file = self.sign_in_client_secret_file.as_deref();
        let read = file.map(secret).transpose()?;
        let is_unfit = |secret: &Secret| {
            let secret = secret.expose();
            secret.is_empty() || secret.chars().any(char::is_control)
        };
        match read {
            Some(secret) if is_unfit(&secret) => Err(Failure::Usage(
                "the client's secret must be one line of text".to_owned(),
            )),
            read => Ok(read),
        }
    }

    /// Changes the settings, with the secret that was read.
    pub(super) fn apply(
        &self,
        secret: Option<&Secret>,
        settings: &mut ProviderSettings,
        sealer: &SettingsSealer<'_>,
    ) -> Result<(), Error> {
        if self.no_sign_in {
            settings.sign_in = None;
        }
        if let Some(client_id) = &self.sign_in_client_id {
            let sealed = secret.map(|secret| sealer.seal(ProviderSettings::CLIENT_SECRET, secret));
            settings.sign_in = Some(SignInClient {
                client_id: client_id.clone(),
                client_secret: sealed.transpose()?,
                scopes: self.sign_in_scope.clone(),
            });
        }
        Ok(())
    }
}

/// The client as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShownClient {
    client_id: String,
    has_client_secret: bool,
    scopes: Vec<String>,
}

impl ShownClient {
    pub(super) fn of(client: &SignInClient) -> Self {
        Self {
            client_id: client.client_id.clone(),
            has_client_secret: client.client_secret.is_some(),
            scopes: client.scopes.clone(),
        }
    }
}

impl fmt::Display for ShownClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let secret = match self.has_client_secret {
            true => "with a secret",
            false => "without a secret",
        };
        let id = Plain(&self.client_id);
        write!(f, "people sign in there as client {id}, {secret}")
    }
}
