//! AssumeRoleWithLDAPIdentity: a session of a role for the user of a directory, by name and password.
//!
//! The name of the action and what it answers are MinIO's ("AssumeRoleWithLDAPIdentity"); whom a role
//! trusts is said as for OpenID Connect. The provider is one of the account's `oidc-provider`s whose
//! settings name a directory, the action that trust policies allow is `sts:AssumeRoleWithWebIdentity`,
//! and the claims are `<provider>:sub`, `<provider>:groups` and what the settings add.

use super::SessionPolicies;
use super::assume_role::{Assumable, AssumedRole};
use super::federated::{FederatedRequest, Vouched};
use crate::account::Account;
use crate::binding::Watch;
use crate::caller::Caller;
use crate::entity::{OpenIdConnectProvider, ProviderSettings};
use crate::error::{Error, FederationFault};
use crate::ldap::{Directory, DirectoryIdentity, LdapFault, LdapSettings, Watched};
use crate::names::{
    AccountId, ArnText, Constrained as _, MinimumTokenSize, RoleSessionDuration, RoleSessionName,
};
use crate::notes::{FederationKind, ForeignIdentity, RequestNotes};
use crate::operation::{Call, Granted, Operation, Service};
use crate::realm::Realm;
use crate::sealing::Secret;
use crate::session::SessionFederation;
use locum_policy::{Arn, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
/// What a secret of LDAP settings is sealed for.
pub(crate) const BIND_PASSWORD: &str = "ldap-bind-password";
const OIDC_PROVIDER: &str = "oidc-provider/";

/// AssumeRoleWithLDAPIdentity: temporary credentials for the user of a directory.
#[derive(Clone, Debug)]
pub struct AssumeRoleWithLdapIdentity {
    /// `LDAPUsername`
    pub username: String,
    /// `LDAPPassword`
    pub password: Secret,
    /// `ProviderArn`: the directory, where the account has several.
    pub provider_arn: Option<ArnText>,
    /// `RoleArn`; without one, the first of the provider's roles that trusts the user.
    pub role_arn: Option<ArnText>,
    /// `RoleSessionName`; without one, the claim `sub` as far as its characters go.
    pub role_session_name: Option<RoleSessionName>,
    /// `DurationSeconds`; one hour if not given.
    pub duration: Option<RoleSessionDuration>,
    /// `Policy` and `PolicyArns`
    pub session_policies: SessionPolicies,
    /// `MinimumSessionTokenSize`
    pub minimum_token_size: MinimumTokenSize,
}

/// What AssumeRoleWithLDAPIdentity answers.
#[derive(Debug)]
pub struct AssumedRoleWithLdapIdentity {
    /// The session.
    pub assumed: AssumedRole,
    /// `Provider`: the provider's ARN.
    pub provider: String,
    /// `SubjectFromWebIdentityToken`: the claim `sub`.
    pub subject: String,
}

/// A provider of an account whose settings name a directory.
#[derive(Clone, Debug)]
pub(crate) struct LdapProvider {
    pub(crate) account: Arc<Account>,
    pub(crate) arn: String,
    provider: Arc<OpenIdConnectProvider>,
    settings: Arc<ProviderSettings>,
}

/// What deciding finds.
#[derive(Debug)]
pub struct Found {
    role: Assumable,
    request: FederatedRequest,
    provider: LdapProvider,
    watched: Watched,
}

impl Operation for AssumeRoleWithLdapIdentity {
    type Output = AssumedRoleWithLdapIdentity;
    type Found = Found;
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRoleWithLDAPIdentity";

    fn resource(&self, _: &Caller) -> Cow<'_, str> {
        self.role_arn
            .as_ref()
            .map_or(Cow::Borrowed("*"), |arn| Cow::Borrowed(arn.as_str()))
    }

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Found>, Error> {
        if self.username.is_empty() || self.password.expose().is_empty() {
            return Err(Error::ValidationText(
                "LDAPUsername and LDAPPassword cannot be empty".to_owned(),
            ));
        }
        let notes = &call.facts.notes;
        let provider = self.provider(call.realm, notes).await?;
        let login = call
            .realm
            .directory_login(&provider, &self.username, &self.password, notes);
        let identity = login.await?;
        let roles = match (&self.role_arn, provider.ldap()?) {
            (Some(role), _) => std::slice::from_ref(role),
            (None, settings) => &settings.roles,
        };
        if roles.is_empty() {
            notes.explain("no role was asked for, and the provider's settings name none");
        }
        let mut refused = Error::Federation(FederationFault::NotAuthorized(ACTION));
        for role in roles {
            let request = self.request(&provider, &identity, role)?;
            match request.authorize(call).await {
                Ok(granted) => {
                    let (granted, role) = granted.apart();
                    return Ok(granted.with(Found {
                        role,
                        request,
                        watched: Watched {
                            subject: identity.subject,
                            username: self.username.clone(),
                            dn: identity.dn,
                        },
                        provider,
                    }));
                }
                Err(error @ Error::Federation(_)) => refused = error,
                Err(other) => return Err(other),
            }
        }
        Err(refused)
    }

    async fn perform(self, call: &Call<'_>, found: Found) -> Result<Self::Output, Error> {
        let assumed = found.request.issue(call, found.role)?;
        let subject = found.watched.subject.clone();
        // A session that ends with its source leaves only when the source will be asked.
        let watch = Watch::Ldap(found.watched);
        let expires = assumed.credentials.expiration;
        call.realm
            .watch(&found.provider.settings, watch, expires)
            .await?;
        Ok(AssumedRoleWithLdapIdentity {
            assumed,
            provider: found.provider.arn,
            subject,
        })
    }
}

impl AssumeRoleWithLdapIdentity {
    /// The directory that is meant: the one that is named, or the only one of the account. The account
    /// is the role's, or else the management account.
    async fn provider(&self, realm: &Realm, notes: &RequestNotes) -> Result<LdapProvider, Error> {
        let account = match (&self.provider_arn, &self.role_arn) {
            (Some(arn), _) | (None, Some(arn)) => Arn::parse(arn.as_str())
                .and_then(|arn| AccountId::parse(arn.account()).ok())
                .ok_or_else(|| Error::ValidationText(format!("{arn} is invalid")))?,
            (None, None) => {
                let directory = realm.directory();
                let organization = directory.organization.as_ref();
                organization
                    .map(|organization| organization.management_account)
                    .ok_or_else(|| Error::Internal("the realm has no organization".into()))?
            }
        };
        let arn = self.provider_arn.as_ref().map(ArnText::as_str);
        match realm.ldap_providers(account, arn).await?.as_slice() {
            [provider] => Ok(provider.clone()),
            [] => {
                notes.explain("the account has no such provider with LDAP settings");
                let text = "No LDAP provider found in your account";
                Err(FederationFault::InvalidIdentityToken(text.into()).into())
            }
            [..] => Err(Error::ValidationText(
                "ProviderArn is required where there are several LDAP providers".to_owned(),
            )),
        }
    }

    fn request(
        &self,
        provider: &LdapProvider,
        identity: &DirectoryIdentity,
        role: &ArnText,
    ) -> Result<FederatedRequest, Error> {
        let foreign = provider.foreign(identity);
        let prefix = provider.provider.url.to_ascii_lowercase();
        let mut claims: BTreeMap<&str, Vec<String>> = identity
            .claims
            .iter()
            .map(|(claim, values)| (claim.as_str(), values.clone()))
            .collect();
        claims.insert("sub", vec![identity.subject.clone()]);
        let mut keys: Vec<(Cow<'static, str>, Value<'static>)> = claims
            .into_iter()
            .map(|(claim, values)| {
                let key = Cow::Owned(format!("{prefix}:{claim}"));
                let mut values: Vec<Cow<'static, str>> =
                    values.into_iter().map(Cow::Owned).collect();
                // Groups are a set, however many they are; another claim is one where it has several values.
                let value = match (claim, values.len(), values.pop()) {
                    (_, 1, Some(one)) if claim != "groups" => Value::One(one),
                    (_, _, last) => {
                        values.extend(last);
                        Value::Many(values)
                    }
                };
                (key, value)
            })
            .collect();
        let arn = Value::One(Cow::Owned(provider.arn.clone()));
        keys.push((Cow::Borrowed("aws:federatedprovider"), arn));
        let settings = provider.ldap()?;
        let role_session_name = match &self.role_session_name {
            Some(name) => name.clone(),
            None => session_name(&identity.subject)?,
        };
        Ok(FederatedRequest {
            action: ACTION,
            vouched: Vouched::Identity(Arc::new(foreign)),
            account: provider.account.id,
            role_arn: role.clone(),
            role_session_name,
            keys,
            tags: identity.tags.clone(),
            transitive_tag_keys: settings
                .transitive_tag_keys
                .iter()
                .filter(|key| identity.tags.iter().any(|tag| tag.key == **key))
                .cloned()
                .collect(),
            source_identity: identity.source_identity.clone(),
            session_policies: self.session_policies.clone(),
            duration: self.duration,
            longest: None,
            // Groups may be many, and change: what the session's requests are to have of them is a tag.
            federation: SessionFederation {
                kind: FederationKind::WebIdentity,
                provider: provider.arn.clone(),
                subject: identity.subject.clone(),
                session_id: None,
                keys: vec![(format!("{prefix}:sub"), vec![identity.subject.clone()])],
            },
            minimum_token_size: self.minimum_token_size,
        })
    }
}

impl LdapProvider {
    fn ldap(&self) -> Result<&LdapSettings, Error> {
        let ldap = self.settings.ldap.as_deref();
        ldap.ok_or_else(|| Error::Internal("a directory has no settings".into()))
    }

    fn foreign(&self, identity: &DirectoryIdentity) -> ForeignIdentity {
        ForeignIdentity {
            kind: FederationKind::WebIdentity,
            account: self.account.id,
            provider: self.arn.clone(),
            subject: identity.subject.clone(),
            audience: None,
            qualifier: None,
        }
    }
}

impl Realm {
    /// The providers of an account whose settings name a directory: all, or the one of an ARN.
    pub(crate) async fn ldap_providers(
        &self,
        account: AccountId,
        arn: Option<&str>,
    ) -> Result<Vec<LdapProvider>, Error> {
        let Some(account) = self.account(account).await? else {
            return Ok(Vec::new());
        };
        let settings = account.provider_settings.values();
        let settings = settings.filter(|settings| settings.ldap.is_some());
        let settings = settings.filter(|settings| arn.is_none_or(|arn| settings.provider == arn));
        let providers = settings.filter_map(|settings| {
            let prefix = account.iam_arn(OIDC_PROVIDER);
            let url = settings.provider.strip_prefix(&prefix)?;
            let provider = account.open_id_connect_providers.get(url)?;
            Some(LdapProvider {
                account: account.clone(),
                arn: settings.provider.clone(),
                provider: provider.clone(),
                settings: settings.clone(),
            })
        });
        Ok(providers.collect())
    }

    /// Finds out who somebody is by name and password.
    ///
    /// # Errors
    /// [`FederationFault::NotAuthenticated`], one for all that could tell something of the user;
    /// [`FederationFault::IdpCommunication`]. Why, is in the notes.
    pub(crate) async fn directory_login(
        &self,
        provider: &LdapProvider,
        username: &str,
        password: &Secret,
        notes: &RequestNotes,
    ) -> Result<DirectoryIdentity, Error> {
        let bind_password = self.ldap_bind_password(&provider.settings)?;
        let directory = Directory {
            server: self.directories(),
            settings: provider.ldap()?,
            bind_password: bind_password.as_ref(),
        };
        let authorities = provider.settings.authorities.as_deref();
        match directory
            .login(authorities, username, password.expose())
            .await
        {
            Ok(identity) => {
                notes.identify(provider.foreign(&identity));
                Ok(identity)
            }
            Err(fault) => {
                notes.explain(&fault);
                Err(told(&fault).into())
            }
        }
    }

    /// The password of the account that searches a directory.
    pub(crate) fn ldap_bind_password(
        &self,
        settings: &ProviderSettings,
    ) -> Result<Option<Secret>, Error> {
        let ldap = settings.ldap.as_deref();
        let Some(sealed) = ldap.and_then(|ldap| ldap.bind_password.as_ref()) else {
            return Ok(None);
        };
        let purpose = ProviderSettings::purpose(&settings.provider, BIND_PASSWORD);
        let opened = self.root_key.open(&purpose, sealed);
        let opened = opened.map_err(|fault| Error::Internal(Box::new(fault)))?;
        let text = String::from_utf8(opened.to_vec());
        let text = text.map_err(|_| Error::Internal("a sealed password is no text".into()))?;
        Ok(Some(Secret::new(text)))
    }
}

/// What somebody without credentials is told.
fn told(fault: &LdapFault) -> FederationFault {
    if fault.is_about_the_user() {
        FederationFault::NotAuthenticated
    } else {
        FederationFault::IdpCommunication(
            "An error occurred when communicating with the identity provider".into(),
        )
    }
}

/// A session name for a subject: what session names cannot have becomes a hyphen. It tells people who it
/// is, and nothing else rests on it.
fn session_name(subject: &str) -> Result<RoleSessionName, Error> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let mut name: String = subject
        .chars()
        .map(|c| if legal(c) { c } else { '-' })
        .take(64)
        .collect();
    while name.len() < 2 {
        name.push('-');
    }
    RoleSessionName::parse(&name).map_err(|_| Error::Internal("no session name".into()))
}
