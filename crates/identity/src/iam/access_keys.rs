//! Access keys of users and of the root user.

use super::users::named_or_caller;
use super::{Page, PageRequest, need_on_user, user};
use crate::account::{Account, KeyState};
use crate::caller::{Caller, Need, Who};
use crate::entity::{AccessKey, KeyOwner, KeyStatus};
use crate::environment::Seconds;
use crate::error::{Error, Forbidden, Missing};
use crate::ids::AccessKeyId;
use crate::names::{AccessKeyIdText, EntityName};
use crate::operation::{Call, Granted, Operation, Service};
use crate::port::LastUse;
use crate::quotas::AccountQuota;
use crate::realm::generate_secret;
use crate::sealing::Secret;
use std::sync::Arc;

/// Whose keys or MFA devices a request means, with the name that answers carry.
pub(super) fn owner(
    account: &Account,
    name: Option<&EntityName>,
    caller: &Caller,
) -> Result<(KeyOwner, Option<String>), Error> {
    match (name, &caller.who) {
        (None, Who::Root) => Ok((KeyOwner::Root, None)),
        _ => {
            let state = user(account, named_or_caller(name, caller)?)?;
            Ok((
                KeyOwner::User(state.user.id.clone()),
                Some(state.user.name.to_string()),
            ))
        }
    }
}

/// The need of an action on that owner.
pub(super) fn need<'a>(
    call: &'a Call<'_>,
    action: &'static str,
    name: Option<&EntityName>,
) -> Result<Need<'a>, Error> {
    match (name, &call.caller.who) {
        (None, Who::Root) => Ok(Need::new(action, call.account()?.iam_arn("root"))),
        _ => need_on_user(call, action, named_or_caller(name, call.caller)?),
    }
}

/// The key of that id, if it is the owner's.
fn key<'a>(account: &'a Account, owner: &KeyOwner, id: &str) -> Result<&'a Arc<KeyState>, Error> {
    account
        .keys
        .get(id)
        .filter(|state| state.key.owner == *owner)
        .ok_or_else(|| Error::NoSuchEntity(Missing::AccessKey(id.to_owned())))
}

/// CreateAccessKey: the only time that a secret access key is shown.
#[derive(Clone, Debug)]
pub struct CreateAccessKey {
    /// `UserName`
    pub user_name: Option<EntityName>,
}

/// What CreateAccessKey answers.
#[derive(Debug)]
pub struct CreatedAccessKey {
    /// `UserName`; the root user has none.
    pub user_name: Option<String>,
    /// `AccessKeyId`
    pub access_key_id: AccessKeyId,
    /// `SecretAccessKey`
    pub secret_access_key: Secret,
    /// `CreateDate`
    pub created: Seconds,
}

impl Operation for CreateAccessKey {
    type Output = CreatedAccessKey;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateAccessKey";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need(call, "iam:CreateAccessKey", self.user_name.as_ref())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<CreatedAccessKey, Error> {
        call.change(|draft| {
            let (owner, user_name) = owner(draft.account, self.user_name.as_ref(), call.caller)?;
            let held = draft.account.keys_of(&owner).count();
            draft
                .account
                .room_for_one(held, AccountQuota::AccessKeysPerUser)?;
            let id = AccessKeyId::generate_long_term(draft.account.id, draft.entropy);
            if draft.account.keys.contains_key(id.as_str()) {
                return Err(Error::Internal("an access key id was drawn twice".into()));
            }
            let secret = generate_secret(draft.entropy);
            draft.change.put(AccessKey {
                id: id.clone(),
                owner,
                secret: draft.root_key.seal(
                    id.as_str(),
                    secret.expose().as_bytes(),
                    draft.entropy,
                )?,
                status: KeyStatus::Active,
                created: draft.now,
            });
            Ok(CreatedAccessKey {
                user_name,
                access_key_id: id,
                secret_access_key: secret,
                created: draft.now,
            })
        })
        .await
    }
}

/// UpdateAccessKey
#[derive(Clone, Debug)]
pub struct UpdateAccessKey {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `AccessKeyId`
    pub access_key_id: AccessKeyIdText,
    /// `Status`
    pub status: KeyStatus,
}

impl Operation for UpdateAccessKey {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateAccessKey";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need(call, "iam:UpdateAccessKey", self.user_name.as_ref())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let (owner, _) = owner(draft.account, self.user_name.as_ref(), call.caller)?;
            let state = key(draft.account, &owner, self.access_key_id.as_str())?;
            if state.key.status != self.status {
                draft.change.put(AccessKey {
                    status: self.status,
                    ..state.key.clone()
                });
            }
            Ok(())
        })
        .await
    }
}

/// DeleteAccessKey
#[derive(Clone, Debug)]
pub struct DeleteAccessKey {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `AccessKeyId`
    pub access_key_id: AccessKeyIdText,
}

impl Operation for DeleteAccessKey {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteAccessKey";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need(call, "iam:DeleteAccessKey", self.user_name.as_ref())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let (owner, _) = owner(draft.account, self.user_name.as_ref(), call.caller)?;
            let state = key(draft.account, &owner, self.access_key_id.as_str())?;
            draft.change.delete(state.key.clone());
            Ok(())
        })
        .await
    }
}

/// ListAccessKeys
#[derive(Clone, Debug)]
pub struct ListAccessKeys {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

/// What ListAccessKeys answers.
#[derive(Debug)]
pub struct ListedAccessKeys {
    /// `UserName`; the root user has none.
    pub user_name: Option<String>,
    /// The keys.
    pub keys: Page<Arc<KeyState>>,
}

impl Operation for ListAccessKeys {
    type Output = ListedAccessKeys;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListAccessKeys";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need(call, "iam:ListAccessKeys", self.user_name.as_ref())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ListedAccessKeys, Error> {
        let account = call.account()?;
        let (owner, user_name) = owner(account, self.user_name.as_ref(), call.caller)?;
        let keys = account
            .keys_of(&owner)
            .map(|state| (state.key.id.as_str(), state.clone()));
        Ok(ListedAccessKeys {
            user_name,
            keys: self.page.page_of_all(keys),
        })
    }
}

/// GetAccessKeyLastUsed
#[derive(Clone, Debug)]
pub struct GetAccessKeyLastUsed {
    /// `AccessKeyId`
    pub access_key_id: AccessKeyIdText,
}

/// What GetAccessKeyLastUsed answers.
#[derive(Debug)]
pub struct AccessKeyLastUsed {
    /// `UserName`; the root user has none.
    pub user_name: Option<String>,
    /// `AccessKeyLastUsed`; `None` if it was never used.
    pub last_used: Option<LastUse>,
}

impl Operation for GetAccessKeyLastUsed {
    type Output = AccessKeyLastUsed;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetAccessKeyLastUsed";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let account = call.account()?;
        let action = "iam:GetAccessKeyLastUsed";
        let key = account.keys.get(self.access_key_id.as_str());
        let user = match key.map(|state| &state.key.owner) {
            Some(KeyOwner::User(id)) => account.users.with_id(id),
            Some(KeyOwner::Root) => {
                return call.allow(&Need::new(action, account.iam_arn("root")));
            }
            None => None,
        };
        match user {
            Some(state) => call.allow(&need_on_user(call, action, state.user.name.as_str())?),
            None => call.allow(&Need::new(action, "*")),
        }
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<AccessKeyLastUsed, Error> {
        let account = call.account()?;
        // Unknown keys and those of other accounts look alike.
        let Some(state) = account.keys.get(self.access_key_id.as_str()) else {
            let id = AccessKeyId::parse(self.access_key_id.as_str()).ok_or_else(|| {
                Error::NoSuchEntity(Missing::AccessKey(self.access_key_id.to_string()))
            })?;
            return Err(Error::Forbidden(Forbidden::AccessKeyOfAnotherAccount(id)));
        };
        let user_name = match &state.key.owner {
            KeyOwner::Root => None,
            KeyOwner::User(id) => account
                .users
                .with_id(id)
                .map(|state| state.user.name.to_string()),
        };
        Ok(AccessKeyLastUsed {
            user_name,
            last_used: call.realm.last_use(account.id, state.key.id.as_str()).await,
        })
    }
}
