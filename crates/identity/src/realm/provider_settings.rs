//! What operators say of identity providers.

use super::Realm;
use crate::account::Account;
use crate::binding::Binding;
use crate::entity::ProviderSettings;
use crate::environment::Entropy;
use crate::error::Error;
use crate::names::{AccountId, Constrained as _};
use crate::roles_anywhere::is_trust_anchor;
use crate::sealing::{RootKey, Sealed, Secret};
use locum_policy::Arn;
use std::fmt;

/// Why the settings of a provider are not changed, in a person's words.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ProviderSettingsFault(String);

impl fmt::Display for ProviderSettingsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ProviderSettingsFault {}

/// Seals secrets of one provider's settings.
pub struct SettingsSealer<'a> {
    provider: &'a str,
    root_key: &'a RootKey,
    entropy: &'a dyn Entropy,
}

impl SettingsSealer<'_> {
    /// Seals a secret for one place in the settings ([`ProviderSettings::BEARER_TOKEN`], say).
    ///
    /// # Errors
    /// [`Error::Internal`]
    pub fn seal(&self, place: &str, secret: &Secret) -> Result<Sealed, Error> {
        let purpose = ProviderSettings::purpose(self.provider, place);
        let sealed = self
            .root_key
            .seal(&purpose, secret.expose().as_bytes(), self.entropy);
        sealed.map_err(|fault| Error::Internal(Box::new(fault)))
    }
}

impl Realm {
    /// Changes the settings of an identity provider, by its ARN, and answers what they are then.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why nothing was changed.
    pub async fn change_provider_settings(
        &self,
        provider: &str,
        edit: impl Fn(&mut ProviderSettings, &SettingsSealer<'_>) -> Result<(), Error> + Send + Sync,
    ) -> Result<Result<ProviderSettings, ProviderSettingsFault>, Error> {
        let account = Arn::parse(provider).and_then(|arn| AccountId::parse(arn.account()).ok());
        let known = account.filter(|id| self.directory().accounts.contains_key(id));
        let Some(account) = known else {
            let text = format!("`{provider}` is no ARN of a provider of an account that is here");
            return Ok(Err(ProviderSettingsFault(text)));
        };
        let origin = self.own_origin("SetProviderSettings");
        self.change(account, &origin, |draft| {
            if !is_there(draft.account, provider) {
                let text = format!("there is no provider `{provider}`: create it first");
                return Ok(Err(ProviderSettingsFault(text)));
            }
            let known = draft.account.provider_settings.get(provider);
            let before = known.map(|known| ProviderSettings::clone(known));
            let mut after = before
                .clone()
                .unwrap_or_else(|| ProviderSettings::of(provider));
            let sealer = SettingsSealer {
                provider,
                root_key: draft.root_key,
                entropy: draft.entropy,
            };
            edit(&mut after, &sealer)?;
            if let Err(text) = check(&after) {
                return Ok(Err(ProviderSettingsFault(text)));
            }
            if before.as_ref() != Some(&after) {
                after.changed = draft.now;
                draft.change.put(after.clone());
            }
            Ok(Ok(after))
        })
        .await
    }
}

/// Whether an account has the provider of an ARN.
fn is_there(account: &Account, provider: &str) -> bool {
    let oidc = account.iam_arn("oidc-provider/");
    let saml = account.iam_arn("saml-provider/");
    if let Some(url) = provider.strip_prefix(&oidc) {
        return account.open_id_connect_providers.contains_key(url);
    }
    if let Some(name) = provider.strip_prefix(&saml) {
        return account.saml_providers.contains_key(name);
    }
    is_trust_anchor(account, provider)
}

/// What must hold of settings together.
fn check(settings: &ProviderSettings) -> Result<(), String> {
    if !settings.saml.are_none() && !settings.provider.contains(":saml-provider/") {
        return Err("only a saml-provider has SAML responses".to_owned());
    }
    if let Some(ldap) = &settings.ldap {
        if !settings.provider.contains(":oidc-provider/") {
            return Err("a directory stands behind an oidc-provider".to_owned());
        }
        ldap.check().map_err(|fault| fault.to_string())?;
        if settings.binding.is_some() && !ldap.can_look_up() {
            return Err(
                "to bind sessions to the directory it must be searched: give a bind DN".to_owned(),
            );
        }
    }
    if let Some(binding) = &settings.binding {
        if let Some(introspection) = &binding.introspection
            && (!settings.provider.contains(":oidc-provider/") || settings.ldap.is_some())
        {
            return Err(format!(
                "`{}` is for tokens of OpenID Connect",
                introspection.url
            ));
        }
        if !Binding::INTERVALS.contains(&binding.interval) {
            return Err("the interval of a binding is 5 to 3600 seconds".to_owned());
        }
        if binding
            .grace
            .is_some_and(|grace| grace > Binding::LONGEST_GRACE)
        {
            return Err("the grace of a binding is at most seven days".to_owned());
        }
    }
    let of_tokens = settings.provider.contains(":oidc-provider/");
    let has_keys = settings.jwks_uri.is_some()
        || settings.address.is_some()
        || settings.bearer_token.is_some();
    if has_keys && !of_tokens {
        return Err("only the keys of an oidc-provider are asked for".to_owned());
    }
    if settings.sign_in.is_some() && !of_tokens {
        return Err("only an oidc-provider has a client for signing in".to_owned());
    }
    if let Some(uri) = &settings.jwks_uri
        && !uri.starts_with("https://")
    {
        return Err("keys are only asked for by https".to_owned());
    }
    Ok(())
}
