//! What Organizations answers instead of an output, beside what every service can.

use std::fmt;

/// Failures of Organizations' own. `Display` is AWS's message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(
    missing_docs,
    reason = "each variant is the exception of its name in the model"
)]
pub enum Fault {
    InvalidInput(InvalidReason),
    ConstraintViolation(ConstraintReason),
    AccountAlreadyRegistered,
    AccountNotRegistered,
    RootNotFound,
    ParentNotFound,
    SourceParentNotFound,
    DestinationParentNotFound,
    ChildNotFound,
    TargetNotFound,
    OrganizationalUnitNotFound,
    PolicyNotFound,
    DuplicateAccount,
    DuplicateOrganizationalUnit,
    DuplicatePolicy,
    DuplicatePolicyAttachment,
    OrganizationalUnitNotEmpty,
    PolicyInUse,
    PolicyNotAttached,
    PolicyTypeAlreadyEnabled,
    PolicyTypeNotAvailable,
    PolicyTypeNotEnabled,
}

/// `Reason` of an InvalidInputException.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each variant is the reason of its name")]
pub enum InvalidReason {
    DuplicateTagKey,
    ImmutablePolicy,
    InputRequired,
    InvalidEnum,
    InvalidEnumPolicyType,
    InvalidNextToken,
    InvalidPattern,
    InvalidSystemTagsParameter,
    MaxLengthExceeded,
    MaxValueExceeded,
    MinLengthExceeded,
    MinValueExceeded,
    NonDetachablePolicy,
    TargetNotSupported,
    UnrecognizedServicePrincipal,
}

/// `Reason` of a ConstraintViolationException.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each variant is the reason of its name")]
pub enum ConstraintReason {
    CannotRegisterMasterAsDelegatedAdministrator,
    MaxDelegatedAdministratorsForServiceLimitExceeded,
    MaxPolicyTypeAttachmentLimitExceeded,
    MaxTagLimitExceeded,
    MinPolicyTypeAttachmentLimitExceeded,
    OuDepthLimitExceeded,
    OuNumberLimitExceeded,
    PolicyContentLimitExceeded,
    PolicyNumberLimitExceeded,
    ServiceAccessNotEnabled,
}

impl From<InvalidReason> for crate::error::Error {
    fn from(reason: InvalidReason) -> Self {
        Self::Organizations(Fault::InvalidInput(reason))
    }
}

impl From<ConstraintReason> for crate::error::Error {
    fn from(reason: ConstraintReason) -> Self {
        Self::Organizations(Fault::ConstraintViolation(reason))
    }
}

impl From<Fault> for crate::error::Error {
    fn from(fault: Fault) -> Self {
        Self::Organizations(fault)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::InvalidInput(reason) => return write!(f, "{reason}"),
            Self::ConstraintViolation(reason) => return write!(f, "{reason}"),
            Self::AccountAlreadyRegistered => {
                "The specified account is already a delegated administrator for this AWS service."
            }
            Self::AccountNotRegistered => {
                "The specified account is not a delegated administrator for this AWS service."
            }
            Self::RootNotFound => "You specified a root that doesn't exist.",
            Self::ParentNotFound => "You specified a parent that doesn't exist.",
            Self::SourceParentNotFound => "You specified a source parent that doesn't exist.",
            Self::DestinationParentNotFound => {
                "You specified a destination parent that doesn't exist."
            }
            Self::ChildNotFound => "You specified a child that doesn't exist.",
            Self::TargetNotFound => "You specified a target that doesn't exist.",
            Self::OrganizationalUnitNotFound => {
                "You specified an organizational unit that doesn't exist."
            }
            Self::PolicyNotFound => "You specified a policy that doesn't exist.",
            Self::DuplicateAccount => {
                "That account is already present in the specified destination."
            }
            Self::DuplicateOrganizationalUnit => "An OU with the same name already exists.",
            Self::DuplicatePolicy => "A policy with the same name already exists.",
            Self::DuplicatePolicyAttachment => {
                "The selected policy is already attached to the specified target."
            }
            Self::OrganizationalUnitNotEmpty => {
                "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs, and try the operation again."
            }
            Self::PolicyInUse => {
                "The policy is attached to one or more entities. You must detach it from all roots, OUs, and accounts before performing this operation."
            }
            Self::PolicyNotAttached => {
                "The policy isn't attached to the specified target in the specified root."
            }
            Self::PolicyTypeAlreadyEnabled => "The specified policy type is already enabled.",
            Self::PolicyTypeNotAvailable => {
                "You can't use the specified policy type with the feature set currently enabled for this organization."
            }
            Self::PolicyTypeNotEnabled => {
                "This operation can be performed only for enabled policy types."
            }
        })
    }
}

impl fmt::Display for InvalidReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::DuplicateTagKey => {
                "Tag keys must be unique among the tags attached to the same entity."
            }
            Self::ImmutablePolicy => {
                "You specified a policy that is managed by AWS and can't be modified."
            }
            Self::InputRequired => "You must include a value for all required parameters.",
            Self::InvalidEnum => "You specified an invalid value.",
            Self::InvalidEnumPolicyType => "You specified an invalid policy type string.",
            Self::InvalidNextToken => "You specified an invalid value for NextToken.",
            Self::InvalidPattern => {
                "You provided a value that does not match the required pattern."
            }
            Self::InvalidSystemTagsParameter => {
                "You specified a tag key that is a system tag. You can't add, edit, or delete system tag keys because they're reserved for AWS use."
            }
            Self::MaxLengthExceeded => {
                "You provided a string parameter that is longer than allowed."
            }
            Self::MaxValueExceeded => {
                "You provided a numeric parameter that has a larger value than allowed."
            }
            Self::MinLengthExceeded => {
                "You provided a string parameter that is shorter than allowed."
            }
            Self::MinValueExceeded => {
                "You provided a numeric parameter that has a smaller value than allowed."
            }
            Self::NonDetachablePolicy => "You can't detach this AWS managed policy.",
            Self::TargetNotSupported => {
                "You can't perform the specified operation on that target entity."
            }
            Self::UnrecognizedServicePrincipal => {
                "You specified a service principal that isn't recognized."
            }
        })
    }
}

impl fmt::Display for ConstraintReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CannotRegisterMasterAsDelegatedAdministrator => {
                "You can register only a member account as a delegated administrator, not the management account."
            }
            Self::MaxDelegatedAdministratorsForServiceLimitExceeded => {
                "You attempted to register more delegated administrators than allowed for the service principal."
            }
            Self::MaxPolicyTypeAttachmentLimitExceeded => {
                "You attempted to exceed the number of policies of a certain type that can be attached to an entity at one time."
            }
            Self::MaxTagLimitExceeded => {
                "You have exceeded the number of tags allowed on this resource."
            }
            Self::MinPolicyTypeAttachmentLimitExceeded => {
                "You attempted to detach a policy from an entity that would cause the entity to have fewer than the minimum number of policies of a certain type required."
            }
            Self::OuDepthLimitExceeded => {
                "You attempted to create an OU tree that is too many levels deep."
            }
            Self::OuNumberLimitExceeded => {
                "You attempted to exceed the number of OUs that you can have in an organization."
            }
            Self::PolicyContentLimitExceeded => {
                "You attempted to create a policy that is larger than the maximum size."
            }
            Self::PolicyNumberLimitExceeded => {
                "You attempted to exceed the number of policies that you can have in an organization."
            }
            Self::ServiceAccessNotEnabled => {
                "You attempted to register a delegated administrator before you enabled service access. Call the EnableAWSServiceAccess API first."
            }
        })
    }
}
