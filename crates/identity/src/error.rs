//! Everything an operation can answer instead of its output.
//!
//! `Display` is AWS's message. The error code and HTTP status of each variant are the wire's.

use crate::ids::AccessKeyId;
use crate::names::Constraint;
use crate::root_access::RootFeature;
use std::fmt;

/// What can be wrong with a signature.
pub use locum_sigv4::Error as SignatureError;

/// A failed constraint of one parameter.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Invalid {
    /// The member's path as AWS prints it: `userName`, `tags.1.member.key`.
    pub member: String,
    /// The value; `None` where AWS leaves it out.
    pub value: Option<String>,
    /// The constraint.
    pub constraint: Constraint,
}

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

/// A refusal to the caller, with all the AccessDenied sentence needs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Denied {
    /// The caller's ARN; `None` for an anonymous caller.
    pub principal: Option<String>,
    /// `service:Action`
    pub action: String,
    /// An ARN or `*`.
    pub resource: String,
    /// Which kind of policy denied; `None` where AWS gives no reason, so as not to tell whether
    /// the resource exists.
    pub denial: Option<locum_policy::Denial>,
    /// The message about it, for those who may decode it: beside the sentence, never in it.
    pub encoded: Option<String>,
}

impl Denied {
    /// The same refusal, without its reason.
    #[must_use]
    pub fn silent(self) -> Self {
        Self {
            denial: None,
            ..self
        }
    }
}

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let principal = self.principal.as_deref().unwrap_or("anonymous");
        write!(
            f,
            "User: {principal} is not authorized to perform: {} on resource: {}",
            self.action, self.resource
        )?;
        match &self.denial {
            Some(denial) => write!(f, " {}", denial.reason(&self.action)),
            None => Ok(()),
        }
    }
}

/// What of a session is too large for its token.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TooLarge {
    /// Its policies, with its tags if there are any. Percent of what is allotted.
    Policy(u32),
    /// Its tags. Percent of what is allotted.
    Tags(u32),
    /// The chain of sessions that it descends from.
    Chain,
}

/// A duration that a session may not have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DurationFault {
    /// Longer than the role's `MaxSessionDuration`.
    RoleMaximum,
    /// More than an hour for a caller whose credentials are temporary.
    RoleChaining,
}

/// Everything an operation can answer instead of its output.
#[derive(Debug)]
pub enum Error {
    /// The signature, its date or its scope; or none where one is needed.
    Signature(locum_sigv4::Error),
    /// An access key id that is not known, not active, or may not do this.
    InvalidClientTokenId,
    /// A session token that is not ours, not whole, or of other credentials.
    InvalidSessionToken,
    /// The session is over.
    ExpiredToken,
    /// A policy, or the lack of one.
    AccessDenied(Denied),
    /// A refusal with a fixed text that has nothing to do with policies.
    Forbidden(Forbidden),
    /// Parameters outside the constraints of the model; never empty.
    Validation(Vec<Invalid>),
    /// A parameter that is legal by the model and yet cannot be right: AWS's `ValidationError`
    /// with a sentence of its own.
    ValidationText(String),
    /// `MaxSessionDuration` below an hour, for which IAM has a code of its own.
    MaxSessionDurationTooShort,
    /// A session longer than allowed.
    Duration(DurationFault),
    /// A policy document.
    MalformedPolicyDocument(String),
    /// Numbers, booleans or list indices that cannot be read.
    MalformedInput,
    /// `InvalidInput`
    InvalidInput(String),
    /// `PolicyEvaluation`: the simulator cannot evaluate a policy. Ours to mend, so clients may try
    /// again.
    PolicyEvaluation(String),
    /// `NoSuchEntity`
    NoSuchEntity(Missing),
    /// `EntityAlreadyExists`
    EntityAlreadyExists(Existing),
    /// `DeleteConflict`
    DeleteConflict(Conflict),
    /// `LimitExceeded`
    LimitExceeded(Quota),
    /// `UnmodifiableEntity`: a role that only its service changes.
    UnmodifiableRole(String),
    /// `InvalidParameterValue`: session tags that contradict each other or the calling session's.
    InvalidParameterValue(String),
    /// A context assertion that cannot be verified.
    InvalidContextAssertion,
    /// An authorization message that is none, or not for the caller's account.
    InvalidAuthorizationMessage,
    /// Two codes that an MFA device did not show one after the other.
    InvalidAuthenticationCode,
    /// Session policies, tags and ancestry do not fit the token.
    PackedPolicyTooLarge(TooLarge),
    /// The exchange token of a delegation request was traded in already, is too old, or its approver
    /// is gone.
    ExpiredTradeInToken,
    /// The bucket is gone, or another has its name.
    NoSuchBucket,
    /// Organizations: the account asked for is not in the organization.
    AccountNotFound,
    /// Organizations: no CreateAccount request has that id.
    CreateAccountStatusNotFound,
    /// Organizations: only the management account may call this.
    NotManagementAccount,
    /// What IAM answers about centralized root access.
    RootAccess(RootAccessFault),
    /// What Organizations alone answers.
    Organizations(crate::organizations::Fault),
    /// What issuing tokens alone answers.
    Outbound(crate::issuer::OutboundFault),
    /// Too many requests, or too many that failed: this one was not looked at.
    Throttled,
    /// The store cannot be reached: nothing was changed.
    ServiceUnavailable(Box<dyn std::error::Error + Send + Sync>),
    /// For our log. Clients get a fixed text.
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// Refusals with fixed texts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Forbidden {
    /// AssumeRole with the root user's key.
    RootAssumesRole,
    /// GetSessionToken with temporary credentials.
    SessionTokenFromSession,
    /// GetFederationToken with temporary credentials.
    FederationTokenFromSession,
    /// The key id is of another account, or of none.
    AccessKeyOfAnotherAccount(AccessKeyId),
    /// A write to a policy of AWS's.
    AwsManagedPolicy,
    /// A code that the MFA device does not show, or that was used.
    WrongMfaCode,
    /// The MFA device is not the caller's, or too many codes were tried lately.
    UnverifiableMfa,
    /// A serial number without a code, or a code without a serial number.
    IncompleteMfa,
    /// Adding or removing an MFA device of one's own, when one has one and did not use it.
    MfaRequired(Denied),
    /// AssumeRoot for a task whose feature the organization has not enabled.
    RootAccessDisabled(Denied, RootFeature),
    /// A delegated session would handle delegation requests.
    Delegated(Denied),
    /// Sending the token of a request that its requestor wants the owner to send.
    OnlyOwnerSends(Denied),
    /// Approving what one may not do oneself.
    NotTheApproversToGive(Denied),
    /// Approving with a session that session policies limit.
    LimitedApprover(Denied),
}

/// Why IAM does not talk about centralized root access.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant is the exception of its name in the model"
)]
pub enum RootAccessFault {
    AccountNotManagementOrDelegatedAdministrator,
    CallerIsNotManagementAccount,
    OrganizationNotFound,
    ServiceAccessNotEnabled,
}

impl fmt::Display for RootAccessFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::AccountNotManagementOrDelegatedAdministrator => {
                "The account is neither the management account nor a delegated administrator for IAM."
            }
            Self::CallerIsNotManagementAccount => {
                "The account is not the management account of the organization."
            }
            Self::OrganizationNotFound => "The account belongs to no organization.",
            Self::ServiceAccessNotEnabled => {
                "Trusted access is not enabled for iam.amazonaws.com in the organization."
            }
        })
    }
}

impl From<RootAccessFault> for Error {
    fn from(fault: RootAccessFault) -> Self {
        Self::RootAccess(fault)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signature(error) => write!(f, "{error}"),
            Self::InvalidClientTokenId => f.write_str("The security token included in the request is invalid."),
            Self::InvalidSessionToken => f.write_str("The security token included in the request is invalid"),
            Self::ExpiredToken => f.write_str("The security token included in the request is expired"),
            Self::AccessDenied(denied) => write!(f, "{denied}"),
            Self::Forbidden(forbidden) => write!(f, "{forbidden}"),
            Self::Validation(failed) => validation(f, failed),
            Self::ValidationText(text) | Self::MalformedPolicyDocument(text) | Self::InvalidInput(text) | Self::InvalidParameterValue(text) | Self::PolicyEvaluation(text) => f.write_str(text),
            Self::MalformedInput => f.write_str("The request could not be parsed"),
            Self::MaxSessionDurationTooShort => {
                f.write_str("MaxSessionDuration must be at least 3600 seconds")
            }
            Self::Duration(DurationFault::RoleMaximum) => {
                f.write_str("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
            }
            Self::Duration(DurationFault::RoleChaining) => {
                f.write_str("The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.")
            }
            Self::NoSuchEntity(missing) => write!(f, "{missing}"),
            Self::EntityAlreadyExists(existing) => write!(f, "{existing}"),
            Self::DeleteConflict(conflict) => write!(f, "{conflict}"),
            Self::LimitExceeded(quota) => write!(f, "{quota}"),
            Self::UnmodifiableRole(name) => write!(
                f,
                "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            ),
            Self::InvalidAuthorizationMessage => f.write_str("Message is not valid"),
            Self::InvalidContextAssertion => {
                f.write_str("The context assertion that was passed is expired or is not valid.")
            }
            Self::InvalidAuthenticationCode => f.write_str("Authentication code for device is not valid."),
            Self::PackedPolicyTooLarge(TooLarge::Policy(percent)) => {
                write!(f, "Packed policy consumes {percent}% of allotted space, please use smaller policy.")
            }
            Self::PackedPolicyTooLarge(TooLarge::Tags(percent)) => {
                write!(f, "Packed size of session tags consumes {percent}% of allotted space.")
            }
            Self::PackedPolicyTooLarge(TooLarge::Chain) => {
                f.write_str("Serialized token too large for session")
            }
            Self::ExpiredTradeInToken => f.write_str(
                "The trade-in token provided in the request has expired and can no longer be exchanged for credentials.",
            ),
            Self::NoSuchBucket => f.write_str("The specified bucket does not exist"),
            Self::AccountNotFound => f.write_str("You specified an account that doesn't exist."),
            Self::CreateAccountStatusNotFound => {
                f.write_str("You can't find a create account request with the CreateAccountRequestId that you specified.")
            }
            Self::RootAccess(fault) => write!(f, "{fault}"),
            Self::Organizations(fault) => write!(f, "{fault}"),
            Self::Outbound(fault) => write!(f, "{fault}"),
            Self::NotManagementAccount => f.write_str("You don't have permissions to access this resource."),
            Self::Throttled => f.write_str("Rate exceeded"),
            Self::ServiceUnavailable(_) => {
                f.write_str("Service is temporarily unavailable, please retry the request.")
            }
            Self::Internal(_) => f.write_str("The request processing has failed because of an unknown error."),
        }
    }
}

/// What a failure may be, if it comes often: somebody who guesses.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Suspicion {
    /// Credentials that are not there or not the right ones.
    Credentials,
    /// A code that the caller's MFA device does not show.
    WrongCode,
    /// A refusal by policy: the one that a wrong external id gets, too.
    Denied,
}

impl Error {
    /// What is to be suspected of who gets this, if anything.
    pub fn suspicion(&self) -> Option<Suspicion> {
        match self {
            Self::Signature(SignatureError::SignatureDoesNotMatch { .. })
            | Self::InvalidClientTokenId
            | Self::InvalidSessionToken => Some(Suspicion::Credentials),
            Self::Forbidden(Forbidden::WrongMfaCode | Forbidden::UnverifiableMfa)
            | Self::InvalidAuthenticationCode => Some(Suspicion::WrongCode),
            Self::AccessDenied(_) => Some(Suspicion::Denied),
            _ => None,
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::ServiceUnavailable(source) | Self::Internal(source) => Some(&**source),
            _ => None,
        }
    }
}

fn validation(f: &mut fmt::Formatter<'_>, failed: &[Invalid]) -> fmt::Result {
    let plural = if failed.len() == 1 { "" } else { "s" };
    write!(f, "{} validation error{plural} detected: ", failed.len())?;
    for (place, invalid) in failed.iter().enumerate() {
        if place > 0 {
            f.write_str("; ")?;
        }
        match &invalid.value {
            Some(value) => write!(
                f,
                "Value '{value}' at '{}' failed to satisfy constraint: ",
                invalid.member
            )?,
            None => write!(
                f,
                "Value at '{}' failed to satisfy constraint: ",
                invalid.member
            )?,
        }
        write!(f, "{}", invalid.constraint)?;
    }
    Ok(())
}

impl fmt::Display for Constraint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotNull => f.write_str("Member must not be null"),
            Self::MinLength(n) => write!(f, "Member must have length greater than or equal to {n}"),
            Self::MaxLength(n) => write!(f, "Member must have length less than or equal to {n}"),
            Self::MinValue(n) => write!(f, "Member must have value greater than or equal to {n}"),
            Self::MaxValue(n) => write!(f, "Member must have value less than or equal to {n}"),
            Self::Pattern(pattern) => write!(
                f,
                "Member must satisfy regular expression pattern: {pattern}"
            ),
            Self::OneOf([]) => f.write_str("Member must satisfy enum value set"),
            Self::OneOf(values) => write!(
                f,
                "Member must satisfy enum value set: [{}]",
                values.join(", ")
            ),
        }
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

impl fmt::Display for Forbidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RootAssumesRole => f.write_str("Roles may not be assumed by root accounts."),
            Self::SessionTokenFromSession => {
                f.write_str("Cannot call GetSessionToken with session credentials")
            }
            Self::FederationTokenFromSession => {
                f.write_str("Cannot call GetFederationToken with session credentials")
            }
            Self::AccessKeyOfAnotherAccount(id) => {
                write!(
                    f,
                    "Access key {id} does not belong to an entity of the calling account"
                )
            }
            Self::AwsManagedPolicy => f.write_str("AWS managed policies cannot be modified"),
            // The blanks are AWS's.
            Self::WrongMfaCode => f.write_str(
                "MultiFactorAuthentication failed with invalid MFA one time pass code. ",
            ),
            Self::UnverifiableMfa => f.write_str(
                "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is valid and associated with this user.",
            ),
            Self::IncompleteMfa => f.write_str(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
            ),
            Self::MfaRequired(denied) => write!(
                f,
                "{denied} because who has an MFA device must sign in with it to add or remove one"
            ),
            Self::RootAccessDisabled(denied, feature) => write!(
                f,
                "{denied} because {feature} is not enabled in the organization"
            ),
            Self::Delegated(denied) => write!(
                f,
                "{denied} because delegated credentials cannot handle delegation requests"
            ),
            Self::OnlyOwnerSends(denied) => write!(
                f,
                "{denied} because only the owner of the delegation request may send its token"
            ),
            Self::NotTheApproversToGive(denied) => write!(
                f,
                "{denied} because the delegation request asks for permissions that the approver does not have"
            ),
            Self::LimitedApprover(denied) => write!(
                f,
                "{denied} because a session with session policies cannot approve delegation requests"
            ),
        }
    }
}

impl From<locum_sigv4::Error> for Error {
    fn from(error: locum_sigv4::Error) -> Self {
        Self::Signature(error)
    }
}

impl From<crate::port::StoreError> for Error {
    fn from(error: crate::port::StoreError) -> Self {
        Self::ServiceUnavailable(Box::new(error))
    }
}

impl From<crate::entity::Damaged> for Error {
    fn from(error: crate::entity::Damaged) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<crate::sealing::Unsealable> for Error {
    fn from(error: crate::sealing::Unsealable) -> Self {
        Self::Internal(Box::new(error))
    }
}

impl From<locum_policy::Malformed> for Error {
    fn from(error: locum_policy::Malformed) -> Self {
        Self::MalformedPolicyDocument(error.to_string())
    }
}
