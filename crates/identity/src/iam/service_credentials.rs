//! Service-specific credentials: user names and passwords, and API keys, that one service knows users by.

use super::users::named_or_caller;
use super::{Page, PageRequest, need_on_user, user};
use crate::account::{Account, Link, UserState};
use crate::caller::{Caller, Need};
use crate::entity::{
    CredentialService, DAY, EntityKind, KeyOwner, KeyStatus, ServiceSpecificCredential,
};
use crate::environment::{Entropy, Seconds};
use crate::error::{Error, Missing};
use crate::ids::{IdKind, UniqueId};
use crate::names::{
    AccountId, CredentialAgeDays, CredentialServiceName, EntityName, ServiceSpecificCredentialId,
    UserName,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use crate::sealing::Secret;
use data_encoding::BASE64;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The need of an action on a user's credentials for a service that may or may not be one.
fn need_for_service<'a>(
    call: &'a Call<'_>,
    action: &'static str,
    user: &str,
    service: Option<&'a str>,
) -> Result<Need<'a>, Error> {
    let need = need_on_user(call, action, user)?;
    Ok(need.key_if(SERVICE_KEY, service))
}

const SERVICE_KEY: &str = "iam:servicespecificcredentialservicename";

/// The same for a credential that may or may not be there.
fn need_for<'a>(
    call: &'a Call<'_>,
    action: &'static str,
    name: Option<&EntityName>,
    id: &ServiceSpecificCredentialId,
) -> Result<Need<'a>, Error> {
    let known = &call.account()?.service_specific_credentials;
    let service = known.get(id.as_str()).map(|found| found.service.name());
    need_for_service(call, action, named_or_caller(name, call.caller)?, service)
}

fn service(name: &CredentialServiceName) -> Result<CredentialService, Error> {
    let mut all = CredentialService::ALL.into_iter();
    all.find(|service| service.name() == name.as_str())
        .ok_or_else(|| Error::NoSuchEntity(Missing::SupportedService(name.to_string())))
}

/// The credential of that id, if it is the user's that is meant; with the user.
fn credential<'a>(
    account: &'a Account,
    name: Option<&EntityName>,
    caller: &Caller,
    id: &ServiceSpecificCredentialId,
) -> Result<(&'a Arc<UserState>, &'a Arc<ServiceSpecificCredential>), Error> {
    let state = user(account, named_or_caller(name, caller)?)?;
    let found = account.service_specific_credentials.get(id.as_str());
    let found = found.filter(|found| found.user == state.user.id);
    let missing = || Missing::ServiceSpecificCredential(id.to_string());
    Ok((state, found.ok_or_else(|| Error::NoSuchEntity(missing()))?))
}

/// The credentials of a user, by id.
fn credentials_of<'a>(
    account: &'a Account,
    user: &UniqueId,
) -> impl Iterator<Item = &'a Arc<ServiceSpecificCredential>> + use<'a> {
    let kind = EntityKind::ServiceSpecificCredential;
    let ids = account.linked(&KeyOwner::User(user.clone()).key(), Link::Of, kind);
    ids.filter_map(|id| account.service_specific_credentials.get(id))
}

/// What AWS calls the user in front of a service: `jane-at-123456789012`, and `jane+1-at-…` where that is
/// taken. Behind that, an API key's public part says which version of such keys it is, and when it was
/// made.
fn alias(
    user: &UserName,
    service: CredentialService,
    (account, now): (&Account, Seconds),
) -> Result<String, Error> {
    let behind = match service.key_prefix() {
        Some(_) => format!("-1{now:x}"),
        None => String::new(),
    };
    let alias = |number: usize| match number {
        0 => format!("{user}-at-{}{behind}", account.id),
        number => format!("{user}+{number}-at-{}{behind}", account.id),
    };
    let is_taken = |alias: &String| {
        let mut all = account.service_specific_credentials.values();
        all.any(|one| one.service == service && one.alias.eq_ignore_ascii_case(alias))
    };
    // One of them is not taken by so many.
    (0..=account.service_specific_credentials.len())
        .map(alias)
        .find(|alias| !is_taken(alias))
        .ok_or_else(|| Error::Internal("every alias is taken".into()))
}

/// A password, or an API key: 32 random bytes in base64, in a key behind the key's public part.
fn draw_secret(service: CredentialService, alias: &str, entropy: &dyn Entropy) -> Secret {
    let mut bytes = Zeroizing::new([0; 32]);
    entropy.fill(&mut bytes[..]);
    let secret = Zeroizing::new(BASE64.encode(&bytes[..]));
    Secret::new(match service.key_prefix() {
        None => secret.to_string(),
        Some(prefix) => {
            let key = Zeroizing::new(format!("{alias}:{}", *secret));
            format!("{prefix}{}", BASE64.encode(key.as_bytes()))
        }
    })
}

/// What a credential is sealed for. No access key id has a blank.
fn purpose(id: &UniqueId) -> String {
    format!("service-specific credential {id}")
}

/// Whether a credential can be used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CredentialStatus {
    /// It can.
    Active,
    /// It was switched off.
    Inactive,
    /// Its time is up.
    Expired,
}

/// A credential as it is shown.
#[derive(Clone, Debug)]
pub struct ShownCredential {
    /// `UserName`
    pub user_name: String,
    /// The credential.
    pub credential: Arc<ServiceSpecificCredential>,
    /// `Status`
    pub status: CredentialStatus,
}

impl ShownCredential {
    fn new(credential: Arc<ServiceSpecificCredential>, user: &UserState, now: Seconds) -> Self {
        let status = match credential.status {
            _ if credential.expires.is_some_and(|expiry| expiry <= now) => {
                CredentialStatus::Expired
            }
            KeyStatus::Active => CredentialStatus::Active,
            KeyStatus::Inactive => CredentialStatus::Inactive,
        };
        let user_name = user.user.name.to_string();
        Self {
            user_name,
            credential,
            status,
        }
    }
}

/// A credential with its password or key, which is shown this once.
#[derive(Clone, Debug)]
pub struct NewCredential {
    /// What is shown at any time.
    pub shown: ShownCredential,
    /// `ServicePassword`, or `ServiceCredentialSecret` of an API key.
    pub secret: Secret,
}

/// CreateServiceSpecificCredential
#[derive(Clone, Debug)]
pub struct CreateServiceSpecificCredential {
    /// `UserName`
    pub user_name: EntityName,
    /// `ServiceName`
    pub service_name: CredentialServiceName,
    /// `CredentialAgeDays`: only of API keys, which do not expire without it.
    pub credential_age_days: Option<CredentialAgeDays>,
}

impl Operation for CreateServiceSpecificCredential {
    type Output = NewCredential;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateServiceSpecificCredential";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let (action, service) = (
            "iam:CreateServiceSpecificCredential",
            self.service_name.as_str(),
        );
        let need = need_for_service(call, action, self.user_name.as_str(), Some(service))?;
        let age = self.credential_age_days.map(|days| days.get().to_string());
        call.allow(&need.key_if("iam:servicespecificcredentialagedays", age))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<NewCredential, Error> {
        call.change(|draft| {
            let (account, now) = (draft.account, draft.now);
            let state = user(account, self.user_name.as_str())?;
            let service = service(&self.service_name)?;
            if self.credential_age_days.is_some() && service.key_prefix().is_none() {
                let text = format!("CredentialAgeDays is not supported for {}", service.name());
                return Err(Error::InvalidInput(text));
            }
            let held = credentials_of(account, &state.user.id);
            let held = held.filter(|one| one.service == service);
            account.room_for_one(
                held.count(),
                AccountQuota::ServiceSpecificCredentialsPerUser,
            )?;
            let id = new_id(account, account.id, draft.entropy)?;
            let alias = alias(&state.user.name, service, (account, now))?;
            let secret = draw_secret(service, &alias, draft.entropy);
            let sealed =
                draft
                    .root_key
                    .seal(&purpose(&id), secret.expose().as_bytes(), draft.entropy)?;
            let days = self
                .credential_age_days
                .map(|days| Seconds::from(days.get()));
            let credential = ServiceSpecificCredential {
                id,
                user: state.user.id.clone(),
                service,
                alias,
                secret: sealed,
                status: KeyStatus::Active,
                created: now,
                expires: days.map(|days| now.saturating_add(days * DAY)),
            };
            draft.change.put(credential.clone());
            let shown = ShownCredential::new(Arc::new(credential), state, now);
            Ok(NewCredential { shown, secret })
        })
        .await
    }
}

fn new_id(account: &Account, id: AccountId, entropy: &dyn Entropy) -> Result<UniqueId, Error> {
    let id = UniqueId::generate(IdKind::ServiceSpecificCredential, id, entropy);
    match account.service_specific_credentials.get(id.as_str()) {
        None => Ok(id),
        Some(_) => Err(Error::Internal("an id was drawn twice".into())),
    }
}

/// ListServiceSpecificCredentials: of the caller itself, if neither a user nor all are asked for.
#[derive(Clone, Debug)]
pub struct ListServiceSpecificCredentials {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `ServiceName`
    pub service_name: Option<CredentialServiceName>,
    /// `AllUsers`
    pub all_users: bool,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListServiceSpecificCredentials {
    type Output = Page<ShownCredential>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListServiceSpecificCredentials";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:ListServiceSpecificCredentials";
        let service = self
            .service_name
            .as_ref()
            .map(CredentialServiceName::as_str);
        if self.all_users {
            if self.user_name.is_some() {
                return Err(Error::ValidationText(
                    "UserName must not be specified when AllUsers is true".to_owned(),
                ));
            }
            return call.allow(&Need::new(action, "*").key_if(SERVICE_KEY, service));
        }
        let name = named_or_caller(self.user_name.as_ref(), call.caller)?;
        call.allow(&need_for_service(call, action, name, service)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let page = |all: &mut dyn Iterator<Item = &'_ Arc<ServiceSpecificCredential>>| {
            let service = self.service_name.as_ref().map(service).transpose()?;
            let wanted = all.filter(|one| service.is_none_or(|service| one.service == service));
            let listed = wanted.filter_map(|one| {
                let owner = account.users.with_id(&one.user)?;
                let shown = ShownCredential::new(one.clone(), owner, call.facts.now);
                Some((one.id.as_str(), shown))
            });
            Ok(self.page.page_of_all(listed))
        };
        if self.all_users {
            return page(&mut account.service_specific_credentials.values());
        }
        let name = named_or_caller(self.user_name.as_ref(), call.caller)?;
        let whose = &user(account, name)?.user.id;
        page(&mut credentials_of(account, whose))
    }
}

/// UpdateServiceSpecificCredential
#[derive(Clone, Debug)]
pub struct UpdateServiceSpecificCredential {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `ServiceSpecificCredentialId`
    pub id: ServiceSpecificCredentialId,
    /// `Status`
    pub status: KeyStatus,
}

impl Operation for UpdateServiceSpecificCredential {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateServiceSpecificCredential";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let (action, name) = (
            "iam:UpdateServiceSpecificCredential",
            self.user_name.as_ref(),
        );
        call.allow(&need_for(call, action, name, &self.id)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let name = self.user_name.as_ref();
            let (_, found) = credential(draft.account, name, call.caller, &self.id)?;
            if found.status != self.status {
                draft.change.put(ServiceSpecificCredential {
                    status: self.status,
                    ..ServiceSpecificCredential::clone(found)
                });
            }
            Ok(())
        })
        .await
    }
}

/// ResetServiceSpecificCredential: another password or key, from now on the only one.
#[derive(Clone, Debug)]
pub struct ResetServiceSpecificCredential {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `ServiceSpecificCredentialId`
    pub id: ServiceSpecificCredentialId,
}

impl Operation for ResetServiceSpecificCredential {
    type Output = NewCredential;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ResetServiceSpecificCredential";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let (action, name) = (
            "iam:ResetServiceSpecificCredential",
            self.user_name.as_ref(),
        );
        call.allow(&need_for(call, action, name, &self.id)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<NewCredential, Error> {
        call.change(|draft| {
            let name = self.user_name.as_ref();
            let (owner, found) = credential(draft.account, name, call.caller, &self.id)?;
            let secret = draw_secret(found.service, &found.alias, draft.entropy);
            let bytes = secret.expose().as_bytes();
            let credential = ServiceSpecificCredential {
                secret: draft
                    .root_key
                    .seal(&purpose(&found.id), bytes, draft.entropy)?,
                ..ServiceSpecificCredential::clone(found)
            };
            draft.change.put(credential.clone());
            let shown = ShownCredential::new(Arc::new(credential), owner, draft.now);
            Ok(NewCredential { shown, secret })
        })
        .await
    }
}

/// DeleteServiceSpecificCredential
#[derive(Clone, Debug)]
pub struct DeleteServiceSpecificCredential {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `ServiceSpecificCredentialId`
    pub id: ServiceSpecificCredentialId,
}

impl Operation for DeleteServiceSpecificCredential {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteServiceSpecificCredential";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let (action, name) = (
            "iam:DeleteServiceSpecificCredential",
            self.user_name.as_ref(),
        );
        call.allow(&need_for(call, action, name, &self.id)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let name = self.user_name.as_ref();
            let (_, found) = credential(draft.account, name, call.caller, &self.id)?;
            draft.change.delete(ServiceSpecificCredential::clone(found));
            Ok(())
        })
        .await
    }
}
