//! What IAM answers about its entities, in AWS's words.

use std::fmt;

/// What a look-up did not find.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant names the kind of entity and holds the name that was asked for"
)]
pub enum Missing {
    User(String),
    Role(String),
    Group(String),
    Policy(String),
    PolicyNotAttachable(String),
    PolicyVersion { arn: String, version: String },
    UserPolicy(String),
    RolePolicy(String),
    GroupPolicy(String),
    AccessKey(String),
    VirtualMfaDevice(String),
    MfaDeviceOfUser,
    UserBoundary(String),
    RoleBoundary(String),
    SimulatedEntity,
    InstanceProfile(String),
    LoginProfile(String),
    PasswordPolicy(String),
    SshPublicKey(String),
    SigningCertificate(String),
    ServerCertificate(String),
    ServiceSpecificCredential(String),
    SupportedService(String),
    OpenIdConnectProvider(String),
    SamlProvider(String),
    SamlPrivateKey(String),
    AccountAlias(String),
    DeletionTask(String),
    LinkedRole(String),
    LinkedService(String),
    RoleTemplate(String),
    ReportJob(String),
    DelegationRequest(String),
}

/// What exists already.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant names the kind of entity and holds its name"
)]
pub enum Existing {
    User(String),
    Role(String),
    Group(String),
    Policy(String),
    VirtualMfaDevice,
    AssignedMfaDevice,
    DelegationRequest(String),
    InstanceProfile(String),
    LoginProfile(String),
    OpenIdConnectProvider(String),
    SamlProvider(String),
    AccountAlias(String),
    ServerCertificate(String),
}

/// Why an entity cannot be deleted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each variant names what stands in the way")]
pub enum Conflict {
    UsersInGroup,
    InlinePolicies,
    AttachedPolicies,
    AccessKeys,
    MfaDevices,
    AssignedMfaDevice,
    Groups,
    LoginProfile,
    SigningCertificates,
    ReferencedObjects,
    InstanceProfiles,
    PolicyAttached,
    PolicyVersions,
    DefaultVersion,
}

/// Which quota a request would exceed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Quota {
    /// `Cannot exceed quota for NAME: LIMIT`
    Count {
        /// AWS's name of the quota: `AccessKeysPerUser`.
        name: &'static str,
        /// Its value.
        limit: usize,
    },
    /// The inline policies of one user, group or role together.
    InlinePolicySize {
        /// `user`, `group` or `role`.
        kind: &'static str,
        /// Its name.
        name: String,
        /// Characters without white space.
        limit: usize,
    },
    /// A sixth version of a managed policy.
    PolicyVersions,
}

/// What IAM alone answers, beside the errors that every service has.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant is the exception of its name in the model, with its message where that varies"
)]
pub enum IamFault {
    PasswordPolicyViolation(String),
    InvalidUserType(String),
    InvalidPublicKey,
    DuplicateSshPublicKey,
    UnrecognizedPublicKeyEncoding,
    MalformedCertificate(String),
    InvalidCertificate(String),
    DuplicateCertificate,
    KeyPairMismatch,
    OpenIdIdpCommunication(String),
    ReportNotPresent,
    ReportExpired,
    RoleModified,
    NameConflict(String),
    RoleTemplateDisabled(String),
}

impl fmt::Display for IamFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PasswordPolicyViolation(text)
            | Self::InvalidUserType(text)
            | Self::MalformedCertificate(text)
            | Self::InvalidCertificate(text)
            | Self::OpenIdIdpCommunication(text) => text,
            Self::InvalidPublicKey => "The public key is malformed or otherwise invalid.",
            Self::DuplicateSshPublicKey => {
                "The SSH public key is already associated with the specified IAM user."
            }
            Self::UnrecognizedPublicKeyEncoding => {
                "The public key encoding format is unsupported or unrecognized."
            }
            Self::DuplicateCertificate => {
                "The same certificate is associated with an IAM user in the account."
            }
            Self::KeyPairMismatch => "The public key certificate and the private key do not match.",
            Self::ReportNotPresent => {
                "The credential report does not exist. To generate a credential report, use GenerateCredentialReport."
            }
            Self::ReportExpired => {
                "The most recent credential report has expired. To generate a new credential report, use GenerateCredentialReport."
            }
            Self::RoleModified => {
                "The role template was modified while the role was being created. Wait a few minutes and try the request again."
            }
            Self::NameConflict(name) => {
                return write!(f, "The role name {name} conflicts with an existing role in the account.");
            }
            Self::RoleTemplateDisabled(arn) => {
                return write!(f, "The role template {arn} is disabled.");
            }
        })
    }
}

impl From<IamFault> for super::Error {
    fn from(fault: IamFault) -> Self {
        Self::Iam(fault)
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "The user with name {name} cannot be found."),
            Self::Role(name) => write!(f, "The role with name {name} cannot be found."),
            Self::Group(name) => write!(f, "The group with name {name} cannot be found."),
            Self::Policy(arn) => write!(f, "Policy {arn} was not found."),
            Self::PolicyNotAttachable(arn) => {
                write!(f, "Policy {arn} does not exist or is not attachable.")
            }
            Self::PolicyVersion { arn, version } => {
                write!(
                    f,
                    "Policy {arn} version {version} does not exist or is not attachable."
                )
            }
            Self::UserPolicy(name) => {
                write!(f, "The user policy with name {name} cannot be found.")
            }
            Self::RolePolicy(name) => {
                write!(f, "The role policy with name {name} cannot be found.")
            }
            Self::GroupPolicy(name) => {
                write!(f, "The group policy with name {name} cannot be found.")
            }
            Self::AccessKey(id) => write!(f, "The Access Key with id {id} cannot be found"),
            Self::VirtualMfaDevice(serial) => {
                write!(
                    f,
                    "VirtualMFADevice with serial number {serial} doesn't exist."
                )
            }
            Self::MfaDeviceOfUser => f.write_str("MFA Device invalid for user."),
            Self::UserBoundary(name) => {
                write!(f, "User {name} does not have a permissions boundary.")
            }
            Self::RoleBoundary(name) => {
                write!(f, "Role {name} does not have a permissions boundary.")
            }
            Self::InstanceProfile(name) => write!(f, "Instance Profile {name} cannot be found."),
            Self::LoginProfile(name) => {
                write!(f, "Login Profile for User {name} cannot be found.")
            }
            Self::PasswordPolicy(account) => write!(
                f,
                "The Password Policy with domain name {account} cannot be found."
            ),
            Self::SshPublicKey(id) => write!(f, "The Public Key with id {id} cannot be found."),
            Self::SigningCertificate(id) => {
                write!(f, "The Certificate with id {id} cannot be found.")
            }
            Self::ServerCertificate(name) => {
                write!(
                    f,
                    "The Server Certificate with name {name} cannot be found."
                )
            }
            Self::ServiceSpecificCredential(id) => write!(f, "No such credential {id} exists"),
            Self::SupportedService(name) => write!(
                f,
                "No such service {name} is supported for Service Specific Credentials"
            ),
            Self::OpenIdConnectProvider(arn) => {
                write!(f, "OpenIDConnect Provider not found for arn {arn}")
            }
            Self::SamlProvider(arn) => write!(f, "Manifest not found for arn {arn}"),
            Self::SamlPrivateKey(id) => {
                write!(f, "The private key with id {id} cannot be found.")
            }
            Self::AccountAlias(alias) => {
                write!(f, "The account alias {alias} cannot be found.")
            }
            Self::DeletionTask(id) => {
                write!(f, "The deletion task with id {id} cannot be found.")
            }
            Self::LinkedRole(name) => {
                write!(
                    f,
                    "The service-linked role with name {name} cannot be found."
                )
            }
            Self::LinkedService(name) => {
                write!(f, "The service {name} has no service-linked role.")
            }
            Self::RoleTemplate(name) => {
                write!(f, "The role template {name} cannot be found.")
            }
            Self::ReportJob(id) => write!(f, "The job with id {id} cannot be found."),
            Self::SimulatedEntity => f.write_str("Unable to retrieve specified IAM entity."),
            Self::DelegationRequest(id) => {
                write!(f, "The delegation request with id {id} cannot be found.")
            }
        }
    }
}

impl fmt::Display for Existing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(name) => write!(f, "User with name {name} already exists."),
            Self::Role(name) => write!(f, "Role with name {name} already exists."),
            Self::Group(name) => write!(f, "Group with name {name} already exists."),
            Self::Policy(name) => write!(
                f,
                "A policy called {name} already exists. Duplicate names are not allowed."
            ),
            Self::VirtualMfaDevice => {
                f.write_str("MFADevice entity at the same path and name already exists.")
            }
            Self::AssignedMfaDevice => f.write_str("MFA Device is already in use."),
            Self::InstanceProfile(name) => write!(f, "Instance Profile {name} already exists."),
            Self::LoginProfile(name) => {
                write!(f, "Login Profile for user {name} already exists.")
            }
            Self::OpenIdConnectProvider(url) => {
                write!(f, "Provider with url {url} already exists.")
            }
            Self::SamlProvider(name) => write!(f, "SAML provider {name} already exists."),
            Self::AccountAlias(alias) => write!(f, "The account alias {alias} already exists."),
            Self::ServerCertificate(name) => {
                write!(f, "The Server Certificate with name {name} already exists.")
            }
            Self::DelegationRequest(workflow) => write!(
                f,
                "Delegation request with requestor workflow id {workflow} already exists."
            ),
        }
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UsersInGroup => "Cannot delete entity, must remove users from group first.",
            Self::InlinePolicies => "Cannot delete entity, must delete policies first.",
            Self::AttachedPolicies => "Cannot delete entity, must detach all policies first.",
            Self::AccessKeys => "Cannot delete entity, must delete access keys first.",
            Self::MfaDevices => "Cannot delete entity, must delete MFA device first.",
            Self::AssignedMfaDevice => "MFA VirtualDevice in use. Must deactivate first.",
            Self::Groups => "Cannot delete entity, must remove user from all groups first.",
            Self::LoginProfile => "Cannot delete entity, must delete login profile first.",
            Self::SigningCertificates => {
                "Cannot delete entity, must delete signing certificates first."
            }
            Self::ReferencedObjects => "Cannot delete entity, must remove referenced objects first.",
            Self::InstanceProfiles => {
                "Cannot delete entity, must remove roles from instance profile first."
            }
            Self::PolicyAttached => "Cannot delete a policy attached to entities.",
            Self::PolicyVersions => {
                "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy."
            }
            Self::DefaultVersion => "Cannot delete the default version of a policy.",
        })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { name, limit } => write!(f, "Cannot exceed quota for {name}: {limit}"),
            Self::InlinePolicySize { kind, name, limit } => {
                write!(f, "Maximum policy size of {limit} bytes exceeded for {kind} {name}")
            }
            Self::PolicyVersions => f.write_str(
                "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
            ),
        }
    }
}
