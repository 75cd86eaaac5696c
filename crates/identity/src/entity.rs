//! The entities of an account and of the realm, and the documents they are stored as.
//!
//! The serde derives here are the *stored* form (JSON with a format version), not any protocol's:
//! the wire has its own.

use crate::environment::Seconds;
use crate::ids::{AccessKeyId, UniqueId};
use crate::issuer::{Algorithm, IssuerId};
use crate::limits::RoleLimits;
use crate::mfa::Clockwork;
use crate::names::{
    AccountId, AccountName, Description, Email, EntityName, MaxSessionDuration,
    OrganizationPolicyDescription, OrganizationPolicyName, Path, PolicyType, RoleName,
    ServicePrincipalName, Tag, UnitName, UserName, VirtualMfaDeviceName,
};
use crate::port::Record;
use crate::revocation::Revocation;
use crate::root_access::RootFeature;
use crate::sealing::Sealed;
use crate::services::ServicePrincipal;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

mod delegation;

pub use delegation::{
    ApproverCredentials, ApproverPrincipal, AssociatedDelegation, DelegationApprover,
    DelegationOwner, DelegationRequest, DelegationState, PolicyParameter, PolicyParameterType,
};

/// The version of the stored documents' format.
const FORMAT: u32 = 1;

/// An inline policy. Names match whatever their letter case; the first spelling is kept.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct InlinePolicy {
    /// The name with the spelling it was first given.
    pub name: EntityName,
    /// The document, byte for byte as submitted.
    pub document: String,
}

/// Policies attached to a user, group or role.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct Attachments {
    /// Inline policies by lower-case name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inline: BTreeMap<String, InlinePolicy>,
    /// ARNs of attached managed policies, in the order they were attached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attached: Vec<String>,
}

/// An IAM user.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// `AIDA…`
    pub id: UniqueId,
    /// The name.
    pub name: UserName,
    /// The path.
    pub path: Path,
    /// When it was created.
    pub created: Seconds,
    /// Tags; keys are unique whatever their letter case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The ARN of the managed policy that bounds its permissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// Its policies.
    #[serde(flatten)]
    pub policies: Attachments,
    /// The ids of the groups it is in, in the order it joined them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<UniqueId>,
}

/// An IAM group.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Group {
    /// `AGPA…`
    pub id: UniqueId,
    /// The name.
    pub name: EntityName,
    /// The path.
    pub path: Path,
    /// When it was created.
    pub created: Seconds,
    /// Its policies.
    #[serde(flatten)]
    pub policies: Attachments,
}

/// An IAM role.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Role {
    /// `AROA…`
    pub id: UniqueId,
    /// The name.
    pub name: RoleName,
    /// The path.
    pub path: Path,
    /// When it was created.
    pub created: Seconds,
    /// What it is for, in its owner's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// How long its sessions may last.
    #[serde(default)]
    pub max_session_duration: MaxSessionDuration,
    /// Its trust policy. Users, roles and role sessions stand in it as unique ids (`AIDA…`,
    /// `AROA…`, `AROA…:session`), so that a principal created again under an old name is a stranger.
    pub trust_policy: String,
    /// Tags; keys are unique whatever their letter case.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// What it allows beyond AWS's limits.
    #[serde(default, skip_serializing_if = "RoleLimits::is_aws")]
    pub limits: RoleLimits,
    /// The ARN of the managed policy that bounds its permissions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permissions_boundary: Option<String>,
    /// Its policies.
    #[serde(flatten)]
    pub policies: Attachments,
}

impl Role {
    /// The path of service-linked roles: their services create and change them, and no one else
    /// assumes them.
    pub const SERVICE_LINKED: &str = "/aws-service-role/";

    /// Whether it is a role that a service made for itself.
    pub fn is_service_linked(&self) -> bool {
        self.path.as_str().starts_with(Self::SERVICE_LINKED)
    }
}

/// One version of a managed policy.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PolicyVersion {
    /// 1 for `v1`.
    pub number: u32,
    /// The document, byte for byte as submitted.
    pub document: String,
    /// When it was created.
    pub created: Seconds,
}

/// A customer managed policy.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ManagedPolicy {
    /// `ANPA…`
    pub id: UniqueId,
    /// The name.
    pub name: EntityName,
    /// The path.
    pub path: Path,
    /// When it was created.
    pub created: Seconds,
    /// When a version was last created or made the default.
    pub updated: Seconds,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Description>,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The versions kept, oldest first; at most five.
    pub versions: Vec<PolicyVersion>,
    /// The number of the version in force.
    pub default_version: u32,
    /// The number the next version gets: numbers are never used twice.
    pub next_version: u32,
}

/// Whose access key or MFA device it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum KeyOwner {
    /// The account's root user.
    Root,
    /// The user of that id.
    User(UniqueId),
}

/// A virtual MFA device: a seed that its owner's telephone has too.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MfaDevice {
    /// The name.
    pub name: VirtualMfaDeviceName,
    /// The path.
    pub path: Path,
    /// When it was created.
    pub created: Seconds,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The seed, sealed under the root key.
    pub seed: Sealed,
    /// Whose it is, if it is enabled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub assignment: Option<MfaAssignment>,
    /// What is remembered of its codes. It outlives the assignment, lest a code be used again.
    #[serde(default)]
    pub clockwork: Clockwork,
}

/// Whose an enabled MFA device is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct MfaAssignment {
    /// The owner.
    pub owner: KeyOwner,
    /// When it was enabled.
    pub enabled: Seconds,
}

impl MfaDevice {
    /// What tells it from the account's others: path and name, whatever their letter case.
    pub fn key(&self) -> String {
        format!("{}{}", self.path, self.name).to_ascii_lowercase()
    }

    /// Whether it is enabled for `owner`.
    pub fn is_of(&self, owner: &KeyOwner) -> bool {
        self.assignment
            .as_ref()
            .is_some_and(|assignment| assignment.owner == *owner)
    }
}

/// The status of an access key.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum KeyStatus {
    /// Usable.
    Active,
    /// Refused like an unknown key.
    Inactive,
}

/// A long-term access key.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AccessKey {
    /// `AKIA…`
    pub id: AccessKeyId,
    /// Whose it is.
    pub owner: KeyOwner,
    /// The secret access key, sealed under the root key.
    pub secret: Sealed,
    /// Whether it is usable.
    pub status: KeyStatus,
    /// When it was created.
    pub created: Seconds,
}

/// An S3 bucket: what identity must know of it. Its objects are the data plane's.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Bucket {
    /// The name, unique over all accounts.
    pub name: String,
    /// Where the data plane keeps its objects. Never used twice: a bucket created again under an
    /// old name is empty, whatever the old one left behind.
    pub address: String,
    /// When it was created.
    pub created: Seconds,
    /// The region it was created in.
    pub region: String,
    /// Its bucket policy as submitted, with users and roles as unique ids.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

/// An account as its organization sees it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The id.
    pub id: AccountId,
    /// Its name.
    pub name: AccountName,
    /// Its e-mail address.
    pub email: Email,
    /// When it joined.
    pub joined: Seconds,
    /// Whether the organization created it (or it was there first).
    pub created_by_organization: bool,
    /// The id of the organizational unit it is in; `None` in the root. Kept in the realm only: the
    /// account's copy of its record stays as it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its tags as a resource of the organization; keys are case-sensitive. Kept in the realm only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// The organization: every account of a realm belongs to it. It has one root.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// `o-…`
    pub id: String,
    /// The management account.
    pub management_account: AccountId,
    /// The policy types that are enabled in the root.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub policy_types: BTreeSet<PolicyType>,
    /// Tags of the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub root_tags: Vec<Tag>,
    /// The services with trusted access, and since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trusted_services: BTreeMap<ServicePrincipalName, Seconds>,
    /// The members that administer a service for the organization, and since when. It means nothing
    /// while the service has no trusted access.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub delegated_administrators: BTreeMap<ServicePrincipalName, BTreeMap<AccountId, Seconds>>,
    /// What is enabled of centralized root access. It means nothing while IAM has no trusted access.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub root_features: BTreeSet<RootFeature>,
}

/// An organizational unit.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OrganizationalUnit {
    /// `ou-…`
    pub id: String,
    /// Its name, unique among the units of its parent.
    pub name: UnitName,
    /// The root or the unit that it is in.
    pub parent: String,
    /// When it was created.
    pub created: Seconds,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// A service control or resource control policy of the organization's own.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OrganizationPolicy {
    /// `p-…`
    pub id: String,
    /// What it is.
    pub policy_type: PolicyType,
    /// Its name, unique in its type.
    pub name: OrganizationPolicyName,
    /// What it is for.
    pub description: OrganizationPolicyDescription,
    /// The document, byte for byte as submitted.
    pub content: String,
    /// When it was created.
    pub created: Seconds,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// The policies attached to a root, unit or account. A target without a list of a type has what
/// every target begins with: AWS's policy of that type and no other.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct TargetPolicies {
    /// `r-…`, `ou-…` or twelve digits.
    pub target: String,
    /// Ids of policies by type, in the order they were attached.
    pub attached: BTreeMap<PolicyType, Vec<String>>,
}

impl Organization {
    /// Whether a service has trusted access.
    pub fn trusts(&self, service: &str) -> bool {
        let mut services = self.trusted_services.keys();
        services.any(|name| name.as_str() == service)
    }

    /// The members that administer a service, and since when.
    pub fn delegated_administrators(
        &self,
        service: &str,
    ) -> impl Iterator<Item = (AccountId, Seconds)> {
        let of_services = self.delegated_administrators.iter();
        of_services
            .filter(move |(name, _)| name.as_str() == service)
            .flat_map(|(_, accounts)| accounts)
            .map(|(account, since)| (*account, *since))
    }

    /// Whether a member administers a service.
    pub fn is_delegated_administrator(&self, account: AccountId, service: &str) -> bool {
        let mut administrators = self.delegated_administrators(service);
        administrators.any(|(id, _)| id == account)
    }

    /// Whether an account may read the organization: the management account, and members that
    /// administer any service.
    pub fn is_read_by(&self, account: AccountId) -> bool {
        let mut delegated = self.delegated_administrators.values();
        account == self.management_account || delegated.any(|of| of.contains_key(&account))
    }

    /// The id of the root: `r-` and the first letters of the organization's own id.
    pub fn root_id(&self) -> String {
        let own = self.id.strip_prefix("o-").unwrap_or(&self.id);
        format!("r-{}", own.chars().take(4).collect::<String>())
    }

    /// `arn:aws:organizations::MANAGEMENT:` and what follows.
    pub fn arn(&self, resource: &str) -> String {
        format!(
            "arn:aws:organizations::{}:{resource}",
            self.management_account
        )
    }
}

/// What became of a CreateAccount request. It is done before it is answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CreateAccountStatus {
    /// `car-…`
    pub id: String,
    /// The account created; `None` if another account has the e-mail address.
    pub account: Option<AccountId>,
    /// The name it was created with.
    pub account_name: AccountName,
    /// When it was asked for and done.
    pub at: Seconds,
}

/// An account as an OpenID issuer. It is there for ever once the account has issued tokens.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Issuer {
    /// What its URL ends with.
    pub id: IssuerId,
    /// Whether it issues tokens at present.
    pub enabled: bool,
    /// Its keys: those that sign, those that will, and those whose tokens may still be valid; of each
    /// algorithm the oldest first.
    pub keys: Vec<IssuerKey>,
}

/// A key that signs an issuer's tokens.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct IssuerKey {
    /// What it signs with.
    pub algorithm: Algorithm,
    /// Its number among the issuer's keys of that algorithm, from 0 on. Never used twice.
    pub number: u32,
    /// When it was made.
    pub created: Seconds,
    /// From when on it signs, until its successor does.
    pub signs_from: Seconds,
    /// PKCS #8, sealed under the root key.
    pub key: Sealed,
}

/// A key of the token keyring, sealed under the root key.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct TokenKey {
    /// The number that tokens name it by.
    pub id: u32,
    /// 32 bytes, sealed.
    pub key: Sealed,
    /// When it was made. Every key opens.
    pub created: Seconds,
    /// The newest key for which this has come seals: by then every process knows it.
    #[serde(default)]
    pub mints_from: Seconds,
}

/// An access key id that does not encode its account because an operator chose it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct KeyAlias {
    /// The access key id.
    pub id: AccessKeyId,
    /// The account that has the key.
    pub account: AccountId,
}

/// Who owns a bucket: bucket names are one name space over all accounts.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct BucketOwner {
    /// The bucket's name.
    pub name: String,
    /// The owner.
    pub account: AccountId,
}

macro_rules! entities {
    ($($(#[$doc:meta])* $kind:ident($body:ty) = $text:literal, $key:expr;)*) => {
        /// Any entity.
        #[derive(Clone, Debug, PartialEq)]
        #[expect(missing_docs, reason = "each variant holds the entity of its name")]
        pub enum Entity { $($kind($body),)* }

        /// The kinds of entity, as the store's `kind` column spells them.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[expect(missing_docs, reason = "each variant is the kind of the entity of its name")]
        pub enum EntityKind { $($kind,)* }

        impl EntityKind {
            /// The spelling in the store.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$kind => $text,)* }
            }
        }

        impl Entity {
            /// What identifies the entity in its scope.
            pub fn key(&self) -> EntityKey {
                match self { $(Self::$kind(body) => EntityKey {
                    kind: EntityKind::$kind,
                    key: { let key: fn(&$body) -> String = $key; key(body) },
                },)* }
            }

            /// The entity as the store keeps it.
            ///
            /// # Errors
            /// [`Damaged`], if the document cannot be written.
            pub fn to_record(&self) -> Result<Record, Damaged> {
                let EntityKey { kind, key } = self.key();
                let body = match self { $(Self::$kind(body) => write(body),)* };
                body.map(|body| Record { kind: kind.as_str().to_owned(), key: key.clone(), body })
                    .map_err(|_| Damaged { kind: kind.as_str().to_owned(), key })
            }

            /// The entity that `record` holds.
            ///
            /// # Errors
            /// [`Damaged`], if the record is of an unknown kind or format, or breaks a constraint.
            pub fn from_record(record: &Record) -> Result<Self, Damaged> {
                match record.kind.as_str() {
                    $($text => read(record).map(Self::$kind),)*
                    _ => Err(Damaged { kind: record.kind.clone(), key: record.key.clone() }),
                }
            }
        }

        $(impl From<$body> for Entity {
            fn from(body: $body) -> Self { Self::$kind(body) }
        })*
    };
}

entities! {
    User(User) = "user", |user| user.id.as_str().to_owned();
    Group(Group) = "group", |group| group.id.as_str().to_owned();
    Role(Role) = "role", |role| role.id.as_str().to_owned();
    ManagedPolicy(ManagedPolicy) = "policy", |policy| policy.id.as_str().to_owned();
    AccessKey(AccessKey) = "access-key", |key| key.id.as_str().to_owned();
    MfaDevice(MfaDevice) = "mfa-device", MfaDevice::key;
    Bucket(Bucket) = "bucket", |bucket| bucket.name.clone();
    Issuer(Issuer) = "issuer", |_| "issuer".to_owned();
    DelegationRequest(Box<DelegationRequest>) = "delegation-request", |request| request.id.as_str().to_owned();
    AssociatedDelegation(AssociatedDelegation) = "associated-delegation", |associated| associated.id.as_str().to_owned();
    Account(AccountRecord) = "account", |account| account.id.as_str().to_owned();
    Organization(Organization) = "organization", |_| "organization".to_owned();
    OrganizationalUnit(OrganizationalUnit) = "organizational-unit", |unit| unit.id.clone();
    OrganizationPolicy(OrganizationPolicy) = "organization-policy", |policy| policy.id.clone();
    TargetPolicies(TargetPolicies) = "target-policies", |target| target.target.clone();
    CreateAccountStatus(CreateAccountStatus) = "create-account-status", |status| status.id.clone();
    TokenKey(TokenKey) = "token-key", |key| key.id.to_string();
    KeyAlias(KeyAlias) = "key-alias", |alias| alias.id.as_str().to_owned();
    BucketOwner(BucketOwner) = "bucket-owner", |owner| owner.name.clone();
    ServicePrincipal(ServicePrincipal) = "service-principal", |service| service.name.as_str().to_owned();
    Revocation(Revocation) = "revocation", Revocation::key;
}

/// What identifies an entity in its scope.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct EntityKey {
    /// The kind.
    pub kind: EntityKind,
    /// Its id, or its name where it has no id.
    pub key: String,
}

/// A stored record cannot be understood: the account is not served until it is repaired.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Damaged {
    /// The record's kind.
    pub kind: String,
    /// The record's key.
    pub key: String,
}

impl std::fmt::Display for Damaged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the stored {} `{}` cannot be read", self.kind, self.key)
    }
}

impl std::error::Error for Damaged {}

/// What a mutation does: entities put (created or replaced) and deleted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Change {
    /// Entities created or replaced.
    pub puts: Vec<Entity>,
    /// Entities deleted.
    pub deletes: Vec<EntityKey>,
}

impl Change {
    /// Creates or replaces an entity.
    pub fn put(&mut self, entity: impl Into<Entity>) {
        self.puts.push(entity.into());
    }

    /// Deletes an entity.
    pub fn delete(&mut self, entity: impl Into<Entity>) {
        self.deletes.push(entity.into().key());
    }

    /// Whether nothing would change.
    pub fn is_empty(&self) -> bool {
        self.puts.is_empty() && self.deletes.is_empty()
    }
}

#[derive(Serialize)]
struct Written<'a, T> {
    v: u32,
    #[serde(flatten)]
    body: &'a T,
}

#[derive(Deserialize)]
struct Stored<T> {
    v: u32,
    #[serde(flatten)]
    body: T,
}

fn write<T: Serialize>(body: &T) -> serde_json::Result<String> {
    serde_json::to_string(&Written { v: FORMAT, body })
}

fn read<T: for<'de> Deserialize<'de>>(record: &Record) -> Result<T, Damaged> {
    serde_json::from_str::<Stored<T>>(&record.body)
        .ok()
        .filter(|stored| stored.v == FORMAT)
        .map(|stored| stored.body)
        .ok_or_else(|| Damaged {
            kind: record.kind.clone(),
            key: record.key.clone(),
        })
}
