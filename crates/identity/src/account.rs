//! An account in memory: one immutable value, compiled for reading.
//!
//! [`Account::apply`] makes the next value from a [`Change`]; everything that did not change is
//! shared with the one before.

use crate::aws_managed::{self, AwsManagedPolicies};
use crate::entity::{
    AccountRecord, AccountSettings, AnywhereCrl, AnywhereProfile, AnywhereSubject,
    AssociatedDelegation, Attachments, Change, CredentialReport, Damaged, DelegationRequest,
    DeletionTask, EksCluster, Entity, EntityKey, EntityKind, InlinePolicy, KeyOwner, LoginProfile,
    OpenIdConnectProvider, PasswordPolicy, PodIdentityAssociation, ProviderSettings, SamlProvider,
    ServerCertificate, ServiceSpecificCredential, SigningCertificate, SpentAssertion, SshPublicKey,
    TrustAnchor,
};
use crate::environment::Seconds;
use crate::ids::UniqueId;
use crate::issuer::IssuerState;
use crate::mfa::Seed;
use crate::names::AccountId;
use crate::port::Record;
use crate::quotas::AccountQuota;
use crate::sealing::{RootKey, Secret};
use crate::signing::SigningKeys;
use locum_policy::{Compiled, Kind, Policy};
use std::collections::BTreeSet;
use std::sync::Arc;

mod links;
mod resolve;
mod sorted;
mod states;
mod table;

pub use links::Link;
use links::{Links, Referred, Refers as _};
pub use sorted::Sorted;
pub use states::{
    BucketState, GroupState, InstanceProfileState, KeyState, MfaState, PolicyState,
    PrincipalPolicies, RoleState, UserState,
};
pub use table::Table;

/// Entities of one kind, by what tells them apart.
pub type Map<T> = Arc<Sorted<Arc<T>>>;

/// An account.
#[derive(Clone, Debug)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The version in the store that this value is.
    pub version: u64,
    /// When it was created.
    pub created: Seconds,
    /// The policies of AWS's that can be attached in it.
    pub aws_managed: Arc<AwsManagedPolicies>,
    /// Users.
    pub users: Arc<Table<UserState>>,
    /// Groups.
    pub groups: Arc<Table<GroupState>>,
    /// Roles.
    pub roles: Arc<Table<RoleState>>,
    /// Customer managed policies.
    pub policies: Arc<Table<PolicyState>>,
    /// Long-term access keys by id.
    pub keys: Map<KeyState>,
    /// Instance profiles.
    pub instance_profiles: Arc<Table<InstanceProfileState>>,
    /// Virtual MFA devices by path and name in lower case.
    pub mfa_devices: Map<MfaState>,
    /// Passwords by [`KeyOwner::key`].
    pub login_profiles: Map<LoginProfile>,
    password_policies: Map<PasswordPolicy>,
    /// SSH public keys by id.
    pub ssh_public_keys: Map<SshPublicKey>,
    /// Signing certificates by id.
    pub signing_certificates: Map<SigningCertificate>,
    /// Server certificates by name in lower case.
    pub server_certificates: Map<ServerCertificate>,
    /// Service-specific credentials by id.
    pub service_specific_credentials: Map<ServiceSpecificCredential>,
    /// OpenID Connect providers by URL without scheme.
    pub open_id_connect_providers: Map<OpenIdConnectProvider>,
    /// SAML providers by name.
    pub saml_providers: Map<SamlProvider>,
    /// What operators say of identity providers, by the ARN of the provider.
    pub provider_settings: Map<ProviderSettings>,
    /// Trust anchors of IAM Roles Anywhere by id.
    pub trust_anchors: Map<TrustAnchor>,
    /// Its profiles by id.
    pub anywhere_profiles: Map<AnywhereProfile>,
    /// Its revocation lists by id.
    pub anywhere_crls: Map<AnywhereCrl>,
    /// Its subjects by id.
    pub anywhere_subjects: Map<AnywhereSubject>,
    /// Assertions that got their session, by when they can be forgotten.
    pub spent_assertions: Map<SpentAssertion>,
    /// Kubernetes clusters by region and name.
    pub eks_clusters: Map<EksCluster>,
    /// Pod Identity associations by region, cluster, namespace and service account.
    pub pod_identity_associations: Map<PodIdentityAssociation>,
    /// Deletions of service-linked roles by id.
    pub deletion_tasks: Map<DeletionTask>,
    credential_reports: Map<CredentialReport>,
    settings: Map<AccountSettings>,
    /// Buckets by name.
    pub buckets: Map<BucketState>,
    /// The account as an OpenID issuer.
    pub issuer: Option<Arc<IssuerState>>,
    /// Delegation requests that the account made, by id.
    pub delegation_requests: Map<DelegationRequest>,
    /// Delegation requests that somebody of the account owns, by id.
    pub associated_delegations: Arc<Sorted<AssociatedDelegation>>,
    links: Links,
}

impl Account {
    /// An account with nothing in it.
    pub fn empty(id: AccountId) -> Self {
        Self {
            id,
            version: 0,
            created: 0,
            aws_managed: aws_managed::builtin().clone(),
            users: Arc::default(),
            groups: Arc::default(),
            roles: Arc::default(),
            policies: Arc::default(),
            keys: Arc::default(),
            mfa_devices: Arc::default(),
            instance_profiles: Arc::default(),
            login_profiles: Arc::default(),
            password_policies: Arc::default(),
            ssh_public_keys: Arc::default(),
            signing_certificates: Arc::default(),
            server_certificates: Arc::default(),
            service_specific_credentials: Arc::default(),
            open_id_connect_providers: Arc::default(),
            saml_providers: Arc::default(),
            provider_settings: Arc::default(),
            trust_anchors: Arc::default(),
            anywhere_profiles: Arc::default(),
            anywhere_crls: Arc::default(),
            anywhere_subjects: Arc::default(),
            spent_assertions: Arc::default(),
            eks_clusters: Arc::default(),
            pod_identity_associations: Arc::default(),
            deletion_tasks: Arc::default(),
            credential_reports: Arc::default(),
            settings: Arc::default(),
            buckets: Arc::default(),
            issuer: None,
            delegation_requests: Arc::default(),
            associated_delegations: Arc::default(),
            links: Links::default(),
        }
    }

    /// The account that the store holds at `version`.
    ///
    /// # Errors
    /// [`Damaged`], if a record cannot be read, a stored policy not be understood or a secret not
    /// be opened: an account is served whole or not at all.
    pub fn load(
        id: AccountId,
        version: u64,
        records: &[Record],
        aws_managed: &Arc<AwsManagedPolicies>,
        root_key: &RootKey,
    ) -> Result<Self, Damaged> {
        let puts = records
            .iter()
            .map(Entity::from_record)
            .collect::<Result<_, _>>()?;
        let empty = Self {
            aws_managed: aws_managed.clone(),
            ..Self::empty(id)
        };
        let mut account = empty.apply(
            &Change {
                puts,
                deletes: Vec::new(),
            },
            root_key,
        )?;
        account.version = version;
        Ok(account)
    }

    /// The account after `change`, one version on.
    ///
    /// # Errors
    /// [`Damaged`], if something in the change could not be loaded again.
    pub fn apply(&self, change: &Change, root_key: &RootKey) -> Result<Self, Damaged> {
        let mut next = self.clone();
        next.version += 1;
        let mut touched = Touched::default();
        for key in &change.deletes {
            let old = next.referred(key);
            next.delete(key, &mut touched);
            next.links.replace(key, &old, &[]);
        }
        for entity in &change.puts {
            let key = entity.key();
            let old = next.referred(&key);
            next.put(entity, root_key, &mut touched)?;
            next.links.replace(&key, &old, &next.referred(&key));
        }
        // At last, since users and roles are resolved against policies and groups.
        next.resolve(touched)?;
        Ok(next)
    }

    /// `arn:aws:iam::ACCOUNT:` and what follows.
    pub fn iam_arn(&self, resource: &str) -> String {
        iam_arn(self.id, resource)
    }

    /// The password policy, if one was set.
    pub fn password_policy(&self) -> Option<&Arc<PasswordPolicy>> {
        self.password_policies.values().next()
    }

    /// The credential report made last.
    pub fn credential_report(&self) -> Option<&Arc<CredentialReport>> {
        self.credential_reports.values().next()
    }

    /// What is set for the account as a whole.
    pub fn settings(&self) -> AccountSettings {
        let settings = self.settings.values().next();
        settings
            .map(|it| AccountSettings::clone(it))
            .unwrap_or_default()
    }

    /// How many (or how much) the account may have of something.
    pub fn quota(&self, quota: AccountQuota) -> usize {
        let settings = self.settings.values().next();
        let set = settings.and_then(|settings| settings.quotas.get(quota.name()));
        set.copied().unwrap_or_else(|| quota.default_value())
    }

    /// The keys of the entities of a kind that refer to `target` so: who has a policy attached, say, or
    /// what a user owns. The cost does not grow with the account.
    pub fn linked<'a>(
        &'a self,
        target: &str,
        link: Link,
        kind: EntityKind,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        self.links.to(target, link, kind)
    }

    /// How many entities it has: what it costs in memory follows them.
    pub fn entities(&self) -> usize {
        self.users.len()
            + self.groups.len()
            + self.roles.len()
            + self.policies.len()
            + self.keys.len()
            + self.mfa_devices.len()
            + self.instance_profiles.len()
            + self.buckets.len()
            + self.delegation_requests.len()
            + self.associated_delegations.len()
            + self.plain_entities()
            + 1
    }

    /// The access keys of an owner, by id.
    pub fn keys_of<'a>(
        &'a self,
        owner: &KeyOwner,
    ) -> impl Iterator<Item = &'a Arc<KeyState>> + use<'a> {
        self.linked(&owner.key(), Link::Of, EntityKind::AccessKey)
            .filter_map(|key| self.keys.get(key))
    }

    /// The MFA devices that are enabled for an owner, by path and name.
    pub fn mfa_devices_of<'a>(
        &'a self,
        owner: &KeyOwner,
    ) -> impl Iterator<Item = (&'a str, &'a Arc<MfaState>)> + use<'a> {
        self.linked(&owner.key(), Link::Of, EntityKind::MfaDevice)
            .filter_map(|key| Some((key, self.mfa_devices.get(key)?)))
    }

    /// The MFA device of that serial number, which is its ARN.
    pub fn mfa_device(&self, serial_number: &str) -> Option<&Arc<MfaState>> {
        let key = serial_number.split_once(":mfa")?.1.to_ascii_lowercase();
        self.mfa_devices
            .get(&key)
            .filter(|state| state.arn == serial_number)
    }

    /// The managed policy of that ARN, this account's or AWS's, compiled.
    pub fn managed_policy(&self, arn: &str) -> Option<Arc<Compiled>> {
        match self.aws_managed.policy(arn) {
            Some(policy) => policy.compiled().cloned(),
            None => self
                .policy_with_arn(arn)
                .map(|state| state.compiled.clone()),
        }
    }

    /// The customer managed policy of that ARN.
    pub fn policy_with_arn(&self, arn: &str) -> Option<&Arc<PolicyState>> {
        let name = arn.rsplit('/').next()?;
        self.policies.named(name).filter(|state| state.arn == arn)
    }

    /// The users in a group, by name.
    pub fn members<'a>(
        &'a self,
        group: &UniqueId,
    ) -> impl Iterator<Item = (&'a str, &'a Arc<UserState>)> + use<'a> {
        let mut members: Vec<_> = self
            .linked(group.as_str(), Link::Member, EntityKind::User)
            .filter_map(|id| self.users.entry(id))
            .collect();
        members.sort_unstable_by_key(|(name, _)| *name);
        members.into_iter()
    }

    /// Whether a group has no users.
    pub fn is_deserted(&self, group: &UniqueId) -> bool {
        let mut members = self.linked(group.as_str(), Link::Member, EntityKind::User);
        members.next().is_none()
    }

    /// How many users, groups and roles have a policy attached, and how many are bounded by it.
    pub fn uses_of_policy(&self, arn: &str) -> (usize, usize) {
        let count = |link| self.links.count(arn, link);
        (count(Link::Attached), count(Link::Bounded))
    }

    /// To whom the entity of that key refers.
    fn referred(&self, key: &EntityKey) -> Vec<Referred> {
        let EntityKey { kind, key: text } = key;
        let referred = match kind {
            EntityKind::User => self.users.entry(text).map(|(_, it)| it.user.refers()),
            EntityKind::Group => self.groups.entry(text).map(|(_, it)| it.group.refers()),
            EntityKind::Role => self.roles.entry(text).map(|(_, it)| it.role.refers()),
            EntityKind::InstanceProfile => {
                let profile = self.instance_profiles.entry(text);
                profile.map(|(_, it)| it.profile.refers())
            }
            EntityKind::AccessKey => self.keys.get(text).map(|it| it.key.refers()),
            EntityKind::MfaDevice => self.mfa_devices.get(text).map(|it| it.device.refers()),
            _ => return self.referred_plain(key),
        };
        referred.unwrap_or_default()
    }

    fn delete(&mut self, key: &EntityKey, touched: &mut Touched) {
        let id = UniqueId::stored(&key.key);
        match key.kind {
            EntityKind::User => Arc::make_mut(&mut self.users).remove(&id),
            EntityKind::Group => {
                touched.groups.insert(id.clone());
                Arc::make_mut(&mut self.groups).remove(&id);
            }
            EntityKind::Role => Arc::make_mut(&mut self.roles).remove(&id),
            EntityKind::ManagedPolicy => {
                if let Some(state) = self.policies.with_id(&id) {
                    touched.policies.insert(state.arn.clone());
                }
                Arc::make_mut(&mut self.policies).remove(&id);
            }
            EntityKind::AccessKey => {
                Arc::make_mut(&mut self.keys).remove(&key.key);
            }
            EntityKind::MfaDevice => {
                Arc::make_mut(&mut self.mfa_devices).remove(&key.key);
            }
            EntityKind::Bucket => {
                Arc::make_mut(&mut self.buckets).remove(&key.key);
            }
            EntityKind::Issuer => self.issuer = None,
            EntityKind::DelegationRequest => {
                Arc::make_mut(&mut self.delegation_requests).remove(&key.key);
            }
            EntityKind::AssociatedDelegation => {
                Arc::make_mut(&mut self.associated_delegations).remove(&key.key);
            }
            EntityKind::InstanceProfile => Arc::make_mut(&mut self.instance_profiles).remove(&id),
            // The realm's kinds do not live in accounts.
            _ => self.delete_plain(key),
        }
    }

    fn put(
        &mut self,
        entity: &Entity,
        root_key: &RootKey,
        touched: &mut Touched,
    ) -> Result<(), Damaged> {
        let damaged = || {
            let EntityKey { kind, key } = entity.key();
            Damaged {
                kind: kind.as_str().to_owned(),
                key,
            }
        };
        match entity {
            Entity::User(user) => {
                touched.users.insert(user.id.clone());
                let state = UserState {
                    arn: self.iam_arn(&format!("user{}{}", user.path, user.name)),
                    inline: compile_inline(&user.policies, "user", user.name.as_str())
                        .ok_or_else(damaged)?,
                    policies: PrincipalPolicies::default(),
                    user: user.clone(),
                };
                Arc::make_mut(&mut self.users).insert(&user.id, user.name.as_str(), state);
            }
            Entity::Group(group) => {
                touched.groups.insert(group.id.clone());
                let state = GroupState {
                    arn: self.iam_arn(&format!("group{}{}", group.path, group.name)),
                    inline: compile_inline(&group.policies, "group", group.name.as_str())
                        .ok_or_else(damaged)?,
                    group: group.clone(),
                };
                Arc::make_mut(&mut self.groups).insert(&group.id, group.name.as_str(), state);
            }
            Entity::Role(role) => {
                touched.roles.insert(role.id.clone());
                let trust =
                    Policy::stored(&role.trust_policy, Kind::Trust).map_err(|_| damaged())?;
                let label = format!("trust policy of role {}", role.name);
                let state = RoleState {
                    arn: self.iam_arn(&format!("role{}{}", role.path, role.name)),
                    trust: Arc::new(trust.compile().labelled(label)),
                    inline: compile_inline(&role.policies, "role", role.name.as_str())
                        .ok_or_else(damaged)?,
                    policies: PrincipalPolicies::default(),
                    role: role.clone(),
                };
                Arc::make_mut(&mut self.roles).insert(&role.id, role.name.as_str(), state);
            }
            Entity::ManagedPolicy(policy) => {
                let arn = self.iam_arn(&format!("policy{}{}", policy.path, policy.name));
                touched.policies.insert(arn.clone());
                let default = policy
                    .versions
                    .iter()
                    .find(|version| version.number == policy.default_version);
                let document = &default.ok_or_else(damaged)?.document;
                let compiled = compile_identity(document, &arn).ok_or_else(damaged)?;
                let state = PolicyState {
                    arn,
                    compiled: Arc::new(compiled),
                    policy: policy.clone(),
                };
                Arc::make_mut(&mut self.policies).insert(&policy.id, policy.name.as_str(), state);
            }
            Entity::AccessKey(key) => {
                let secret = root_key
                    .open(key.id.as_str(), &key.secret)
                    .map_err(|_| damaged())?;
                let secret = std::str::from_utf8(&secret).map_err(|_| damaged())?;
                let state = KeyState {
                    key: key.clone(),
                    secret: Secret::new(secret.to_owned()),
                    keys: SigningKeys::default(),
                };
                Arc::make_mut(&mut self.keys).insert(key.id.as_str().to_owned(), Arc::new(state));
            }
            Entity::MfaDevice(device) => {
                let arn = self.iam_arn(&format!("mfa{}{}", device.path, device.name));
                let seed = Seed::open(root_key, &arn, &device.seed).map_err(|_| damaged())?;
                let state = MfaState {
                    device: device.clone(),
                    arn,
                    seed,
                };
                Arc::make_mut(&mut self.mfa_devices).insert(device.key(), Arc::new(state));
            }
            Entity::Bucket(bucket) => {
                let policy = match &bucket.policy {
                    Some(text) => {
                        let policy = Policy::stored(text, Kind::Resource).map_err(|_| damaged())?;
                        let label = format!("policy of bucket {}", bucket.name);
                        Some(Arc::new(policy.compile().labelled(label)))
                    }
                    None => None,
                };
                let state = BucketState {
                    owner: self.id,
                    policy,
                    bucket: bucket.clone(),
                };
                Arc::make_mut(&mut self.buckets).insert(bucket.name.clone(), Arc::new(state));
            }
            Entity::Issuer(issuer) => {
                let state = IssuerState::open(issuer, self.id, root_key).map_err(|_| damaged())?;
                self.issuer = Some(Arc::new(state));
            }
            Entity::DelegationRequest(request) => {
                Arc::make_mut(&mut self.delegation_requests).insert(
                    request.id.to_string(),
                    Arc::new(DelegationRequest::clone(request)),
                );
            }
            Entity::AssociatedDelegation(associated) => {
                Arc::make_mut(&mut self.associated_delegations)
                    .insert(associated.id.to_string(), associated.clone());
            }
            Entity::Account(record) if record.id == self.id => self.created = record.joined,
            Entity::InstanceProfile(profile) => {
                let state = InstanceProfileState {
                    arn: self.iam_arn(&format!("instance-profile{}{}", profile.path, profile.name)),
                    profile: profile.clone(),
                };
                Arc::make_mut(&mut self.instance_profiles).insert(
                    &profile.id,
                    profile.name.as_str(),
                    state,
                );
            }
            plain if self.put_plain(plain) => {}
            _ => return Err(damaged()),
        }
        Ok(())
    }
}

/// The kinds that need nothing worked out when they are loaded.
macro_rules! plain {
    ($($kind:ident in $field:ident;)*) => {
        impl Account {
            /// Whether the entity was of a plain kind, and is kept.
            fn put_plain(&mut self, entity: &Entity) -> bool {
                match entity {
                    $(Entity::$kind(body) => {
                        let key = entity.key().key;
                        Arc::make_mut(&mut self.$field).insert(key, Arc::new(body.clone()));
                    })*
                    _ => return false,
                }
                true
            }

            fn referred_plain(&self, EntityKey { kind, key }: &EntityKey) -> Vec<Referred> {
                match kind {
                    $(EntityKind::$kind => {
                        self.$field.get(key).map(|it| it.refers()).unwrap_or_default()
                    })*
                    _ => Vec::new(),
                }
            }

            fn plain_entities(&self) -> usize {
                [$(self.$field.len()),*].into_iter().sum()
            }

            fn delete_plain(&mut self, EntityKey { kind, key }: &EntityKey) {
                match kind {
                    $(EntityKind::$kind => {
                        Arc::make_mut(&mut self.$field).remove(key);
                    })*
                    _ => {}
                }
            }
        }
    };
}

plain! {
    LoginProfile in login_profiles;
    PasswordPolicy in password_policies;
    SshPublicKey in ssh_public_keys;
    SigningCertificate in signing_certificates;
    ServerCertificate in server_certificates;
    ServiceSpecificCredential in service_specific_credentials;
    OpenIdConnectProvider in open_id_connect_providers;
    SamlProvider in saml_providers;
    ProviderSettings in provider_settings;
    TrustAnchor in trust_anchors;
    AnywhereProfile in anywhere_profiles;
    AnywhereCrl in anywhere_crls;
    AnywhereSubject in anywhere_subjects;
    SpentAssertion in spent_assertions;
    EksCluster in eks_clusters;
    PodIdentityAssociation in pod_identity_associations;
    DeletionTask in deletion_tasks;
    CredentialReport in credential_reports;
    AccountSettings in settings;
}

/// `arn:aws:iam::ACCOUNT:RESOURCE`
pub fn iam_arn(account: AccountId, resource: &str) -> String {
    format!("arn:aws:iam::{account}:{resource}")
}

/// What a change concerns beyond itself.
#[derive(Default)]
struct Touched {
    users: BTreeSet<UniqueId>,
    roles: BTreeSet<UniqueId>,
    groups: BTreeSet<UniqueId>,
    /// ARNs.
    policies: BTreeSet<String>,
}

/// Compiles a policy under the name that explanations give it.
fn compile_identity(document: &str, label: &str) -> Option<Compiled> {
    let policy = Policy::stored(document, Kind::Identity).ok()?;
    Some(policy.compile().labelled(label))
}

/// Several principals can have inline policies of one name, so explanations say whose each is.
fn compile_inline(policies: &Attachments, kind: &str, owner: &str) -> Option<Vec<Arc<Compiled>>> {
    let compile = |inline: &InlinePolicy| {
        let label = format!("{} (inline, {kind} {owner})", inline.name);
        compile_identity(&inline.document, &label).map(Arc::new)
    };
    policies.inline.values().map(compile).collect()
}

/// The account's own record of itself, for the realm.
impl AccountRecord {
    /// `arn:aws:organizations::MANAGEMENT:account/o-…/ACCOUNT`
    pub fn arn(&self, organization: &crate::entity::Organization) -> String {
        organization.arn(&format!("account/{}/{}", organization.id, self.id))
    }
}
