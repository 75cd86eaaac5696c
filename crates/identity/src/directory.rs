//! The realm's own state: the accounts, the organization, the keyring, and names that are unique
//! over all accounts.

use crate::aws_managed::{self, AwsManagedPolicies};
use crate::entity::{
    AccountRecord, Change, CreateAccountStatus, Damaged, Entity, EntityKey, EntityKind,
    Organization, RoleTemplate, TokenKey,
};
use crate::names::{AccountId, Constrained as _};
use crate::organizations::tree::{Place, Tree};
use crate::port::Record;
use crate::revocation::Revocations;
use crate::sealing::RootKey;
use crate::services::Services;
use crate::session::Keyring;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The realm scope in memory: one immutable value.
#[derive(Clone)]
pub struct Directory {
    /// The version in the store that this value is.
    pub version: u64,
    /// The organization that every account belongs to.
    pub organization: Option<Arc<Organization>>,
    /// Every account.
    pub accounts: Arc<BTreeMap<AccountId, Arc<AccountRecord>>>,
    /// What became of CreateAccount requests, by `car-…`.
    pub create_account_statuses: Arc<BTreeMap<String, Arc<CreateAccountStatus>>>,
    key_aliases: Arc<BTreeMap<String, AccountId>>,
    bucket_owners: Arc<BTreeMap<String, AccountId>>,
    account_aliases: Arc<BTreeMap<String, AccountId>>,
    aws_managed: Arc<AwsManagedPolicies>,
    role_templates: Arc<BTreeMap<String, Arc<RoleTemplate>>>,
    token_keys: Arc<BTreeMap<u32, TokenKey>>,
    keyring: Option<Keyring>,
    tree: Tree,
    services: Services,
    revocations: Revocations,
}

impl std::fmt::Debug for Directory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Directory").field(&self.version).finish()
    }
}

impl Directory {
    /// A realm with nothing in it.
    pub fn empty() -> Self {
        Self {
            version: 0,
            organization: None,
            accounts: Arc::default(),
            create_account_statuses: Arc::default(),
            key_aliases: Arc::default(),
            bucket_owners: Arc::default(),
            account_aliases: Arc::default(),
            aws_managed: aws_managed::builtin().clone(),
            role_templates: Arc::default(),
            token_keys: Arc::default(),
            keyring: None,
            tree: Tree::default(),
            services: Services::default(),
            revocations: Revocations::default(),
        }
    }

    /// The realm that the store holds at `version`.
    ///
    /// # Errors
    /// [`Damaged`], if a record cannot be read or a key not be opened.
    pub fn load(version: u64, records: &[Record], root_key: &RootKey) -> Result<Self, Damaged> {
        let puts = records
            .iter()
            .map(Entity::from_record)
            .collect::<Result<_, _>>()?;
        let mut directory = Self::empty().apply(
            &Change {
                puts,
                deletes: Vec::new(),
            },
            root_key,
        )?;
        directory.version = version;
        directory.revocations = directory.revocations.loaded_at(version);
        Ok(directory)
    }

    /// The realm after `change`, one version on.
    ///
    /// # Errors
    /// [`Damaged`], if something in the change could not be loaded again.
    pub fn apply(&self, change: &Change, root_key: &RootKey) -> Result<Self, Damaged> {
        let mut next = self.clone();
        next.version += 1;
        let mut keys_changed = false;
        for EntityKey { kind, key } in &change.deletes {
            match kind {
                EntityKind::Account => {
                    if let Ok(id) = AccountId::parse(key) {
                        Arc::make_mut(&mut next.accounts).remove(&id);
                    }
                }
                EntityKind::KeyAlias => {
                    Arc::make_mut(&mut next.key_aliases).remove(key);
                }
                EntityKind::BucketOwner => {
                    Arc::make_mut(&mut next.bucket_owners).remove(key);
                }
                EntityKind::CreateAccountStatus => {
                    Arc::make_mut(&mut next.create_account_statuses).remove(key);
                }
                EntityKind::TokenKey => {
                    keys_changed = true;
                    Arc::make_mut(&mut next.token_keys).retain(|id, _| id.to_string() != *key);
                }
                // The tree's, the services and the revocations are applied below.
                EntityKind::ServicePrincipal
                | EntityKind::OrganizationalUnit
                | EntityKind::OrganizationPolicy
                | EntityKind::TargetPolicies
                | EntityKind::Revocation => {}
                EntityKind::RoleTemplate => {
                    Arc::make_mut(&mut next.role_templates).remove(key);
                }
                EntityKind::AccountAlias => {
                    Arc::make_mut(&mut next.account_aliases).remove(key);
                }
                // The organization stays as long as the realm; accounts' kinds do not live here.
                _ => {}
            }
        }
        for entity in &change.puts {
            match entity {
                Entity::Account(record) => {
                    Arc::make_mut(&mut next.accounts).insert(record.id, Arc::new(record.clone()));
                }
                Entity::Organization(organization) => {
                    next.organization = Some(Arc::new(organization.clone()));
                }
                Entity::CreateAccountStatus(status) => {
                    Arc::make_mut(&mut next.create_account_statuses)
                        .insert(status.id.clone(), Arc::new(status.clone()));
                }
                Entity::KeyAlias(alias) => {
                    Arc::make_mut(&mut next.key_aliases)
                        .insert(alias.id.as_str().to_owned(), alias.account);
                }
                Entity::BucketOwner(owner) => {
                    Arc::make_mut(&mut next.bucket_owners)
                        .insert(owner.name.clone(), owner.account);
                }
                Entity::TokenKey(key) => {
                    keys_changed = true;
                    Arc::make_mut(&mut next.token_keys).insert(key.id, key.clone());
                }
                Entity::ServicePrincipal(_)
                | Entity::OrganizationalUnit(_)
                | Entity::OrganizationPolicy(_)
                | Entity::TargetPolicies(_)
                | Entity::Revocation(_) => {}
                Entity::ImportedPolicy(policy) => Arc::make_mut(&mut next.aws_managed).put(policy),
                Entity::RoleTemplate(template) => {
                    let arn = template.template_arn.to_string();
                    Arc::make_mut(&mut next.role_templates).insert(arn, Arc::new(template.clone()));
                }
                Entity::AccountAlias(alias) => {
                    Arc::make_mut(&mut next.account_aliases)
                        .insert(alias.alias.clone(), alias.account);
                }
                _ => {
                    let EntityKey { kind, key } = entity.key();
                    return Err(Damaged {
                        kind: kind.as_str().to_owned(),
                        key,
                    });
                }
            }
        }
        if keys_changed {
            next.keyring = next.open_keyring(root_key)?;
        }
        let organization = next.organization.as_deref();
        next.services = next.services.apply(change, root_key)?;
        next.tree = next.tree.apply(change, organization, &next.accounts)?;
        next.revocations = next.revocations.apply(change, next.version)?;
        Ok(next)
    }

    /// The keyring; `None` before the realm is initialised.
    pub fn keyring(&self) -> Option<&Keyring> {
        self.keyring.as_ref()
    }

    /// The keys that seal and open session tokens, oldest first.
    pub fn token_keys(&self) -> impl DoubleEndedIterator<Item = &TokenKey> {
        self.token_keys.values()
    }

    /// Takes the keyring over from a value of before, with the sessions in use that it knows, if it
    /// has the same keys.
    pub(crate) fn keep_keyring(&mut self, before: &Self) {
        if self.token_keys == before.token_keys {
            self.keyring.clone_from(&before.keyring);
        }
    }

    /// The account that has the access key, as far as the id or the list of exceptions tells.
    pub fn account_of_key(&self, access_key_id: &str) -> Option<AccountId> {
        self.key_aliases.get(access_key_id).copied().or_else(|| {
            crate::ids::AccessKeyId::account_of(access_key_id)
                .filter(|id| self.accounts.contains_key(id))
        })
    }

    /// The account that owns the bucket.
    pub fn owner_of_bucket(&self, name: &str) -> Option<AccountId> {
        self.bucket_owners.get(name).copied()
    }

    /// The AWS-managed policies that every account knows.
    pub fn aws_managed(&self) -> &Arc<AwsManagedPolicies> {
        &self.aws_managed
    }

    /// Takes over what is the same as in `other`, with what was worked out there.
    pub(crate) fn keep_aws_managed(&mut self, other: &Self) {
        self.aws_managed = self.aws_managed.clone().or_same(&other.aws_managed);
    }

    /// The account of that alias.
    pub fn account_of_alias(&self, alias: &str) -> Option<AccountId> {
        self.account_aliases.get(alias).copied()
    }

    /// The alias of an account.
    pub fn alias_of(&self, account: AccountId) -> Option<&str> {
        let mut aliases = self.account_aliases.iter();
        let of_account = aliases.find(|(_, of)| **of == account);
        of_account.map(|(alias, _)| alias.as_str())
    }

    /// The role template of that ARN.
    pub fn role_template(&self, arn: &str) -> Option<&Arc<RoleTemplate>> {
        self.role_templates.get(arn)
    }

    /// Every role template, by ARN.
    pub fn role_templates(&self) -> impl Iterator<Item = &Arc<RoleTemplate>> {
        self.role_templates.values()
    }

    /// The services that may call.
    pub(crate) fn services(&self) -> &Services {
        &self.services
    }

    /// The root and the units of the organization, and its policies.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// Whether an account is of the organization and does not manage it.
    pub fn is_member(&self, account: AccountId) -> bool {
        let manages = |own: &Organization| own.management_account == account;
        self.accounts.contains_key(&account) && !self.organization.as_deref().is_some_and(manages)
    }

    /// The sessions that are over before their time.
    pub fn revocations(&self) -> &Revocations {
        &self.revocations
    }

    /// Where an account stands in the organization and what binds it there; `None` for an account
    /// that is not of the realm. Two look-ups.
    pub fn place(&self, account: AccountId) -> Option<&Place> {
        self.tree.place(self.accounts.get(&account)?)
    }

    fn open_keyring(&self, root_key: &RootKey) -> Result<Option<Keyring>, Damaged> {
        let damaged = |key: u32| Damaged {
            kind: EntityKind::TokenKey.as_str().to_owned(),
            key: key.to_string(),
        };
        let mut opened = Vec::new();
        for (id, key) in self.token_keys.iter() {
            opened.push((
                *id,
                key.mints_from,
                root_key
                    .open(&token_key_purpose(*id), &key.key)
                    .map_err(|_| damaged(*id))?,
            ));
        }
        let Some((last, ..)) = opened.last() else {
            return Ok(None);
        };
        let keys = opened
            .iter()
            .map(|(id, mints_from, bytes)| (*id, *mints_from, bytes.as_slice()));
        Keyring::scheduled(keys)
            .map(Some)
            .map_err(|_| damaged(*last))
    }
}

/// What a token key is sealed for.
pub(crate) fn token_key_purpose(id: u32) -> String {
    format!("token-key/{id}")
}
