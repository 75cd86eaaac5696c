//! What an operator says of an identity provider beyond what AWS lets an administrator say.

use crate::binding::Binding;
use crate::environment::Seconds;
use crate::ldap::LdapSettings;
use crate::sealing::Sealed;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// The settings of one identity provider of the account. They go with it.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderSettings {
    /// The provider's ARN.
    pub provider: String,
    /// When they were last changed.
    pub changed: Seconds,
    /// Certificates of the authorities (PEM) that vouch for the provider's servers, instead of the
    /// machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authorities: Option<String>,
    /// Whether its servers may have addresses that are not public.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub private_addresses: bool,
    /// What its servers are shown as `Authorization: Bearer`: the key sets of Kubernetes clusters are
    /// not for everyone. Sealed under the root key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bearer_token: Option<Sealed>,
    /// What is asked of SAML responses, and what is let pass.
    #[serde(skip_serializing_if = "SamlSettings::are_none")]
    pub saml: SamlSettings,
    /// Where the host of the provider's URL is, instead of where its name leads; it may be any address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<SocketAddr>,
    /// Where the keys are, where the provider's configuration cannot say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jwks_uri: Option<String>,
    /// As which client users sign in by the pages here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sign_in: Option<SignInClient>,
    /// The directory whose users log in with their passwords.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ldap: Option<Box<LdapSettings>>,
    /// How sessions end with what the provider says later; without it, it is not asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub binding: Option<Binding>,
}

/// What is asked of the responses of a SAML provider beyond AWS, and what is let pass of which AWS says
/// nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SamlSettings {
    /// Whether an assertion gets one session at most.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub single_use: bool,
    /// Whether SHA-1 counts in signatures and digests.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_sha1: bool,
    /// Whether AES-CBC counts in responses that are not signed.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_cbc: bool,
}

impl SamlSettings {
    /// Whether nothing was said.
    pub(crate) fn are_none(&self) -> bool {
        *self == Self::default()
    }
}

/// The client that the sign-in pages are to an OpenID provider.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SignInClient {
    /// `client_id`; one of the provider's audiences.
    pub client_id: String,
    /// `client_secret`, sealed under the root key; public clients have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_secret: Option<Sealed>,
    /// What is asked for besides `openid`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
}

impl ProviderSettings {
    /// What the bearer token is called where it is sealed ([`ProviderSettings::purpose`]).
    pub const BEARER_TOKEN: &str = "bearer-token";
    /// What the secret of the client for signing in is called there.
    pub const CLIENT_SECRET: &str = "client-secret";

    /// The settings of a provider of which nothing was said.
    pub fn of(provider: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            ..Self::default()
        }
    }

    /// What a secret of the provider is sealed for.
    pub fn purpose(provider: &str, secret: &str) -> String {
        format!("provider-settings/{secret}/{provider}")
    }
}
