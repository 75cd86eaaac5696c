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
    AccountId, Description, EntityName, MaxSessionDuration, Path, RoleName, Tag, UserName,
    VirtualMfaDeviceName,
};
use crate::port::Record;
use crate::revocation::Revocation;
use crate::sealing::Sealed;
use crate::services::ServicePrincipal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

mod credentials;
mod delegation;
mod eks;
mod instance_profile;
mod organization;
mod provider_settings;
mod providers;
mod reports;
mod role_template;
mod roles_anywhere;
mod settings;
mod subject;

pub(crate) use credentials::DAY;
pub use credentials::{
    CredentialService, LoginProfile, PasswordPolicy, ServerCertificate, ServiceSpecificCredential,
    SigningCertificate, SshPublicKey,
};
pub use delegation::{
    ApproverCredentials, ApproverPrincipal, AssociatedDelegation, DelegationApprover,
    DelegationOwner, DelegationRequest, DelegationState, PolicyParameter, PolicyParameterType,
};
pub use eks::{EksCluster, PodIdentityAssociation};
pub use instance_profile::{DeletionFailure, DeletionTask, InstanceProfile};
pub use organization::{
    AccountRecord, CreateAccountStatus, ImportedPolicy, Organization, OrganizationPolicy,
    OrganizationalUnit, TargetPolicies,
};
pub use provider_settings::{ProviderSettings, SamlSettings, SignInClient};
pub use providers::{OpenIdConnectProvider, SamlPrivateKey, SamlProvider, SpentAssertion};
pub use reports::CredentialReport;
pub use role_template::{
    InlinePolicyTemplate, RoleTemplate, RoleTemplateVersion, SourceRoleTemplate, TagTemplate,
    TemplateParameter, TemplateParameterType,
};
pub use roles_anywhere::{
    AnywhereCrl, AnywhereHead, AnywhereProfile, AnywhereSubject, AttributeMapping,
    CertificateField, NotificationEvent, NotificationSetting, SeenCredential, SeenProperties,
    TrustAnchor,
};
pub use settings::{AccountAlias, AccountSettings};

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
    /// The template that AcquireRole made it of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRoleTemplate>,
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
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize, Deserialize)]
pub enum KeyOwner {
    /// The account's root user.
    Root,
    /// The user of that id.
    User(UniqueId),
}

impl KeyOwner {
    /// What tells an owner from the account's others.
    pub fn key(&self) -> String {
        match self {
            Self::Root => "root".to_owned(),
            Self::User(id) => id.to_string(),
        }
    }
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

/// Which scopes have entities of a kind.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Home {
    /// Accounts.
    Account,
    /// The realm.
    Realm,
    /// Both: the record of an account.
    Both,
}

macro_rules! entities {
    ($($home:ident $kind:ident($body:ty) = $text:literal, $key:expr;)*) => {
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

            /// Which scopes have entities of the kind.
            pub fn home(self) -> Home {
                match self { $(Self::$kind => Home::$home,)* }
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
    Account User(User) = "user", |user| user.id.as_str().to_owned();
    Account Group(Group) = "group", |group| group.id.as_str().to_owned();
    Account Role(Role) = "role", |role| role.id.as_str().to_owned();
    Account ManagedPolicy(ManagedPolicy) = "policy", |policy| policy.id.as_str().to_owned();
    Account InstanceProfile(InstanceProfile) = "instance-profile", |profile| profile.id.as_str().to_owned();
    Account AccessKey(AccessKey) = "access-key", |key| key.id.as_str().to_owned();
    Account MfaDevice(MfaDevice) = "mfa-device", MfaDevice::key;
    Account LoginProfile(LoginProfile) = "login-profile", |profile| profile.owner.key();
    Account PasswordPolicy(PasswordPolicy) = "password-policy", |_| "password-policy".to_owned();
    Account SshPublicKey(SshPublicKey) = "ssh-public-key", |key| key.id.as_str().to_owned();
    Account SigningCertificate(SigningCertificate) = "signing-certificate", |certificate| certificate.id.clone();
    Account ServerCertificate(ServerCertificate) = "server-certificate", |certificate| certificate.name.as_str().to_ascii_lowercase();
    Account ServiceSpecificCredential(ServiceSpecificCredential) = "service-specific-credential", |credential| credential.id.to_string();
    Account OpenIdConnectProvider(OpenIdConnectProvider) = "oidc-provider", |provider| provider.url.clone();
    Account SamlProvider(SamlProvider) = "saml-provider", |provider| provider.name.clone();
    Account ProviderSettings(ProviderSettings) = "provider-settings", |settings| settings.provider.clone();
    Account SpentAssertion(SpentAssertion) = "spent-assertion", |spent| spent.key();
    Account EksCluster(EksCluster) = "eks-cluster", |cluster| EksCluster::key(&cluster.region, cluster.name.as_str());
    Account PodIdentityAssociation(PodIdentityAssociation) = "pod-identity-association", |association| PodIdentityAssociation::key(&association.region, association.cluster.as_str(), &association.namespace, &association.service_account);
    Account DeletionTask(DeletionTask) = "deletion-task", |task| task.id.clone();
    Account CredentialReport(CredentialReport) = "credential-report", |_| "credential-report".to_owned();
    Account AccountSettings(AccountSettings) = "account-settings", |_| "account-settings".to_owned();
    Account Bucket(Bucket) = "bucket", |bucket| bucket.name.clone();
    Account Issuer(Issuer) = "issuer", |_| "issuer".to_owned();
    Account DelegationRequest(Box<DelegationRequest>) = "delegation-request", |request| request.id.as_str().to_owned();
    Account AssociatedDelegation(AssociatedDelegation) = "associated-delegation", |associated| associated.id.as_str().to_owned();
    Account TrustAnchor(TrustAnchor) = "trust-anchor", |anchor| anchor.head.id.clone();
    Account AnywhereProfile(AnywhereProfile) = "rolesanywhere-profile", |profile| profile.head.id.clone();
    Account AnywhereCrl(AnywhereCrl) = "rolesanywhere-crl", |crl| crl.head.id.clone();
    Account AnywhereSubject(AnywhereSubject) = "rolesanywhere-subject", |subject| subject.id.clone();
    Both Account(AccountRecord) = "account", |account| account.id.as_str().to_owned();
    Realm AccountAlias(AccountAlias) = "account-alias", |alias| alias.alias.clone();
    Realm Organization(Organization) = "organization", |_| "organization".to_owned();
    Realm OrganizationalUnit(OrganizationalUnit) = "organizational-unit", |unit| unit.id.clone();
    Realm OrganizationPolicy(OrganizationPolicy) = "organization-policy", |policy| policy.id.clone();
    Realm TargetPolicies(TargetPolicies) = "target-policies", |target| target.target.clone();
    Realm CreateAccountStatus(CreateAccountStatus) = "create-account-status", |status| status.id.clone();
    Realm ImportedPolicy(ImportedPolicy) = "aws-managed-policy", |policy| policy.arn.clone();
    Realm TokenKey(TokenKey) = "token-key", |key| key.id.to_string();
    Realm KeyAlias(KeyAlias) = "key-alias", |alias| alias.id.as_str().to_owned();
    Realm BucketOwner(BucketOwner) = "bucket-owner", |owner| owner.name.clone();
    Realm ServicePrincipal(ServicePrincipal) = "service-principal", |service| service.name.as_str().to_owned();
    Realm RoleTemplate(RoleTemplate) = "role-template", |template| template.template_arn.as_str().to_owned();
    Realm Revocation(Revocation) = "revocation", Revocation::key;
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
