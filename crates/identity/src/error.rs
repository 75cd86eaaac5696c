//! Everything an operation can answer instead of its output.
//!
//! `Display` is AWS's message. The error code and HTTP status of each variant are the wire's.

use crate::ids::AccessKeyId;
use crate::names::Constraint;
use crate::roles_anywhere::AnywhereFault;
use crate::root_access::RootFeature;
use std::fmt;

mod entities;
mod federation;

pub use entities::{Conflict, Existing, IamFault, Missing, Quota};
pub use federation::FederationFault;

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
    /// What IAM alone answers.
    Iam(IamFault),
    /// What IAM answers about centralized root access.
    RootAccess(RootAccessFault),
    /// What Organizations alone answers.
    Organizations(crate::organizations::Fault),
    /// What the federated operations of STS answer.
    Federation(FederationFault),
    /// What IAM Roles Anywhere answers.
    RolesAnywhere(AnywhereFault),
    /// What EKS and EKS Auth alone answer.
    Eks(crate::eks::EksFault),
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
    /// An `OldPassword` that is not the caller's.
    WrongPassword,
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
            Self::Iam(fault) => write!(f, "{fault}"),
            Self::RootAccess(fault) => write!(f, "{fault}"),
            Self::Organizations(fault) => write!(f, "{fault}"),
            Self::Federation(fault) => write!(f, "{fault}"),
            Self::RolesAnywhere(fault) => write!(f, "{fault}"),
            Self::Eks(fault) => write!(f, "{fault}"),
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
    /// A password that is not the caller's.
    WrongPassword,
    /// A refusal by policy: the one that a wrong external id gets, too.
    Denied,
}

impl Error {
    /// Whether credentials that were shown are none, or do not work any more.
    pub fn is_of_credentials(&self) -> bool {
        matches!(
            self,
            Self::InvalidClientTokenId | Self::InvalidSessionToken | Self::ExpiredToken
        )
    }

    /// What is to be suspected of who gets this, if anything.
    pub fn suspicion(&self) -> Option<Suspicion> {
        match self {
            Self::Signature(SignatureError::SignatureDoesNotMatch { .. })
            | Self::InvalidClientTokenId
            | Self::InvalidSessionToken
            | Self::Federation(FederationFault::InvalidIdentityToken(_)) => {
                Some(Suspicion::Credentials)
            }
            Self::Forbidden(Forbidden::WrongMfaCode | Forbidden::UnverifiableMfa)
            | Self::InvalidAuthenticationCode => Some(Suspicion::WrongCode),
            Self::Forbidden(Forbidden::WrongPassword) => Some(Suspicion::WrongPassword),
            Self::AccessDenied(_) => Some(Suspicion::Denied),
            Self::RolesAnywhere(AnywhereFault::AccessDenied(_)) => Some(Suspicion::Credentials),
            Self::Federation(FederationFault::NotAuthenticated) => Some(Suspicion::WrongPassword),
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
            Self::WrongPassword => f.write_str("The old password is incorrect."),
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
