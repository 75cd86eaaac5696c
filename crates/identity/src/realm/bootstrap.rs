//! The first moment of a realm: its first account, organization, root access key and token key.

use super::accounts::Accounts;
use super::issuing::Issuing;
use super::passwords::Hashing;
use super::{Cell, Realm};
use crate::access::Accesses;
use crate::directory::Directory;
use crate::entity::{AccessKey, AccountRecord, KeyAlias, KeyOwner, KeyStatus, Organization};
use crate::environment::{Entropy, Environment};
use crate::error::Error;
use crate::ids::AccessKeyId;
use crate::last_use::LastUses;
use crate::names::{AccountId, AccountName, Constrained as _, Email};
use crate::port::{Scope, Store};
use crate::sealing::{RootKey, Secret};
use crate::session_use::SessionUses;
use crate::signing::Decoy;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use zeroize::Zeroizing;

/// The root user's access key.
#[derive(Clone, Debug)]
pub struct RootCredentials {
    /// `AKIA…`, or what the operator chose.
    pub access_key_id: AccessKeyId,
    /// The secret access key.
    pub secret_access_key: Secret,
}

impl RootCredentials {
    /// Draws a key pair for an account.
    pub fn generate(account: AccountId, entropy: &dyn Entropy) -> Self {
        Self {
            access_key_id: AccessKeyId::generate_long_term(account, entropy),
            secret_access_key: generate_secret(entropy),
        }
    }
}

/// A secret access key: 30 random bytes in base64, 40 characters.
pub(crate) fn generate_secret(entropy: &dyn Entropy) -> Secret {
    let mut bytes = Zeroizing::new([0; 30]);
    entropy.fill(&mut bytes[..]);
    Secret::new(data_encoding::BASE64.encode(&bytes[..]))
}

/// What a new realm begins with.
#[derive(Clone, Debug)]
pub struct Bootstrap {
    /// The first account: the organization's management account.
    pub account: AccountId,
    /// Its root user's access key.
    pub root: RootCredentials,
}

impl Realm {
    /// Opens the realm in a store. Nothing is written.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`], or [`Error::Internal`] when the store is damaged or the root
    /// key is not the one it was written under.
    pub async fn open(
        store: Arc<dyn Store>,
        environment: Environment,
        root_key: RootKey,
    ) -> Result<Self, Error> {
        // The cursor is read first: what is committed meanwhile is followed once more, which is harmless.
        let cursor = store.newest().await?;
        let loaded = store.load(Scope::Realm).await?;
        let directory = Directory::load(loaded.version, &loaded.records, &root_key)?;
        let decoy = Decoy::new(&*environment.entropy);
        Ok(Self {
            store,
            environment,
            root_key,
            directory: Cell::new(directory),
            accounts: Accounts::none(),
            cursor: AtomicU64::new(cursor),
            reloads: super::Reloads::default(),
            last_uses: LastUses::default(),
            accesses: Accesses::default(),
            issuing: Issuing::default(),
            certificates: Arc::new(crate::thumbprint::NoNetwork),
            fetcher: Arc::new(crate::thumbprint::NoNetwork),
            directories: Arc::new(crate::thumbprint::NoNetwork),
            key_sets: crate::web_identity::KeySets::default(),
            logout_tokens: crate::web_identity::LogoutTokens::default(),
            hashing: Hashing::default(),
            decoy,
            session_uses: SessionUses::default(),
        })
    }

    /// Whether the realm has its first account.
    pub fn is_initialised(&self) -> bool {
        self.directory().organization.is_some()
    }

    /// Creates the first account, its root access key, the organization and the first token key.
    /// Does nothing to a realm that has them.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`] or [`Error::Internal`].
    pub async fn initialise(&self, bootstrap: &Bootstrap) -> Result<(), Error> {
        let origin = self.own_origin("Initialise");
        self.change_with_directory(
            |_| Ok(bootstrap.account),
            &origin,
            None,
            |directory, realm, draft| {
                if directory.organization.is_some() {
                    return Ok(());
                }
                let name = |_| Error::Internal("the first account has no legal name".into());
                let record = AccountRecord {
                    id: bootstrap.account,
                    name: AccountName::parse("management").map_err(name)?,
                    email: Email::parse("root@locum.internal").map_err(name)?,
                    joined: draft.now,
                    created_by_organization: false,
                    parent: None,
                    tags: Vec::new(),
                };
                realm.put(Organization {
                    id: organization_id(draft.entropy),
                    management_account: bootstrap.account,
                    policy_types: BTreeSet::new(),
                    root_tags: Vec::new(),
                    trusted_services: BTreeMap::new(),
                    delegated_administrators: BTreeMap::new(),
                    root_features: BTreeSet::new(),
                });
                realm.put(record.clone());
                realm.put(self.new_token_key(1, draft.now, draft.now)?);
                draft.change.put(record);
                let id = &bootstrap.root.access_key_id;
                let secret = bootstrap.root.secret_access_key.expose().as_bytes();
                draft.change.put(AccessKey {
                    id: id.clone(),
                    owner: KeyOwner::Root,
                    secret: draft.root_key.seal(id.as_str(), secret, draft.entropy)?,
                    status: KeyStatus::Active,
                    created: draft.now,
                });
                if AccessKeyId::account_of(id.as_str()) != Some(bootstrap.account) {
                    realm.put(KeyAlias {
                        id: id.clone(),
                        account: bootstrap.account,
                    });
                }
                Ok(())
            },
        )
        .await
    }
}

/// `o-` and ten lower-case letters and digits.
fn organization_id(entropy: &dyn Entropy) -> String {
    format!("o-{}", crate::ids::lower_case_id(10, entropy))
}
