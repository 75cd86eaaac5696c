//! SSH public keys of users.

use super::users::named_or_caller;
use super::{Page, PageRequest, need_on_user, user};
use crate::account::{Account, Link, UserState};
use crate::entity::{EntityKind, KeyStatus, SshPublicKey};
use crate::error::{Error, IamFault, Missing};
use crate::ids::{IdKind, UniqueId};
use crate::key_material::{SshEncoding, SshKey, SshKeyFault};
use crate::names::{EntityName, PublicKeyIdText, PublicKeyMaterial, UserName};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use std::sync::Arc;

impl Account {
    /// The SSH public keys of a user, by id.
    pub fn ssh_public_keys_of<'a>(
        &'a self,
        user: &UniqueId,
    ) -> impl Iterator<Item = &'a Arc<SshPublicKey>> + use<'a> {
        self.linked(user.as_str(), Link::Of, EntityKind::SshPublicKey)
            .filter_map(|key| self.ssh_public_keys.get(key))
    }
}

impl From<SshKeyFault> for Error {
    fn from(fault: SshKeyFault) -> Self {
        match fault {
            SshKeyFault::Unrecognized => IamFault::UnrecognizedPublicKeyEncoding,
            SshKeyFault::Invalid => IamFault::InvalidPublicKey,
        }
        .into()
    }
}

/// The key that is stored, which was read when it was uploaded.
fn read(key: &SshPublicKey) -> Result<SshKey, Error> {
    SshKey::parse(&key.body)
        .map_err(|_| Error::Internal("a stored SSH public key cannot be read".into()))
}

/// The user of that name, and the key of that id if it is the user's.
fn key<'a>(
    account: &'a Account,
    name: &UserName,
    id: &PublicKeyIdText,
) -> Result<(&'a UserState, &'a SshPublicKey), Error> {
    let state = user(account, name.as_str())?;
    let found = account.ssh_public_keys.get(id.as_str());
    match found.filter(|key| key.user == state.user.id) {
        Some(key) => Ok((state, key)),
        None => Err(Error::NoSuchEntity(Missing::SshPublicKey(id.to_string()))),
    }
}

/// A key as it is shown.
#[derive(Clone, Debug)]
pub struct ShownSshPublicKey {
    /// `UserName`
    pub user_name: String,
    /// The key.
    pub key: SshPublicKey,
    /// `Fingerprint`
    pub fingerprint: String,
    /// `SSHPublicKeyBody`, in the encoding that was asked for.
    pub body: String,
}

/// UploadSSHPublicKey
#[derive(Clone, Debug)]
pub struct UploadSshPublicKey {
    /// `UserName`
    pub user_name: UserName,
    /// `SSHPublicKeyBody`
    pub body: PublicKeyMaterial,
}

impl Operation for UploadSshPublicKey {
    type Output = ShownSshPublicKey;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UploadSSHPublicKey";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:UploadSSHPublicKey";
        call.allow(&need_on_user(call, action, self.user_name.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownSshPublicKey, Error> {
        call.change(|draft| {
            let account = draft.account;
            let state = user(account, self.user_name.as_str())?;
            let uploaded = SshKey::parse(self.body.as_str())?;
            let mut held = 0;
            for other in account.ssh_public_keys_of(&state.user.id) {
                held += 1;
                if read(other)?.is_same_key(&uploaded) {
                    return Err(IamFault::DuplicateSshPublicKey.into());
                }
            }
            account.room_for_one(held, AccountQuota::SSHPublicKeysPerUser)?;
            let id = UniqueId::generate(IdKind::PublicKey, account.id, draft.entropy);
            if account.ssh_public_keys.contains_key(id.as_str()) {
                return Err(Error::Internal("a public key id was drawn twice".into()));
            }
            let key = SshPublicKey {
                id,
                user: state.user.id.clone(),
                body: uploaded.write(SshEncoding::Ssh),
                status: KeyStatus::Active,
                uploaded: draft.now,
            };
            draft.change.put(key.clone());
            Ok(ShownSshPublicKey {
                user_name: state.user.name.to_string(),
                key,
                fingerprint: uploaded.fingerprint(),
                body: uploaded.write(uploaded.encoding),
            })
        })
        .await
    }
}

/// GetSSHPublicKey
#[derive(Clone, Debug)]
pub struct GetSshPublicKey {
    /// `UserName`
    pub user_name: UserName,
    /// `SSHPublicKeyId`
    pub id: PublicKeyIdText,
    /// `Encoding`
    pub encoding: SshEncoding,
}

impl Operation for GetSshPublicKey {
    type Output = ShownSshPublicKey;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetSSHPublicKey";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:GetSSHPublicKey";
        call.allow(&need_on_user(call, action, self.user_name.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownSshPublicKey, Error> {
        let (state, stored) = key(call.account()?, &self.user_name, &self.id)?;
        let read = read(stored)?;
        Ok(ShownSshPublicKey {
            user_name: state.user.name.to_string(),
            key: stored.clone(),
            fingerprint: read.fingerprint(),
            body: read.write(self.encoding),
        })
    }
}

/// ListSSHPublicKeys: of the caller itself, if no name is given. The root user has none.
#[derive(Clone, Debug)]
pub struct ListSshPublicKeys {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

/// What ListSSHPublicKeys answers.
#[derive(Debug)]
pub struct ListedSshPublicKeys {
    /// `UserName`
    pub user_name: String,
    /// The keys.
    pub keys: Page<Arc<SshPublicKey>>,
}

impl Operation for ListSshPublicKeys {
    type Output = ListedSshPublicKeys;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListSSHPublicKeys";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let name = named_or_caller(self.user_name.as_ref(), call.caller)?;
        call.allow(&need_on_user(call, "iam:ListSSHPublicKeys", name)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ListedSshPublicKeys, Error> {
        let account = call.account()?;
        let name = named_or_caller(self.user_name.as_ref(), call.caller)?;
        let state = user(account, name)?;
        let keys = account.ssh_public_keys_of(&state.user.id);
        Ok(ListedSshPublicKeys {
            user_name: state.user.name.to_string(),
            keys: self
                .page
                .page_of_all(keys.map(|key| (key.id.as_str(), key.clone()))),
        })
    }
}

/// UpdateSSHPublicKey
#[derive(Clone, Debug)]
pub struct UpdateSshPublicKey {
    /// `UserName`
    pub user_name: UserName,
    /// `SSHPublicKeyId`
    pub id: PublicKeyIdText,
    /// `Status`
    pub status: KeyStatus,
}

impl Operation for UpdateSshPublicKey {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateSSHPublicKey";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:UpdateSSHPublicKey";
        call.allow(&need_on_user(call, action, self.user_name.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let (_, stored) = key(draft.account, &self.user_name, &self.id)?;
            if stored.status != self.status {
                draft.change.put(SshPublicKey {
                    status: self.status,
                    ..stored.clone()
                });
            }
            Ok(())
        })
        .await
    }
}

/// DeleteSSHPublicKey
#[derive(Clone, Debug)]
pub struct DeleteSshPublicKey {
    /// `UserName`
    pub user_name: UserName,
    /// `SSHPublicKeyId`
    pub id: PublicKeyIdText,
}

impl Operation for DeleteSshPublicKey {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteSSHPublicKey";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:DeleteSSHPublicKey";
        call.allow(&need_on_user(call, action, self.user_name.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let (_, stored) = key(draft.account, &self.user_name, &self.id)?;
            draft.change.delete(stored.clone());
            Ok(())
        })
        .await
    }
}
