//! The one place where error codes and statuses are spelled.

use locum_identity::eks::EksFault;
use locum_identity::error::SignatureError;
use locum_identity::error::{Error, FederationFault, Forbidden, IamFault, RootAccessFault};
use locum_identity::issuer::OutboundFault;
use locum_identity::organizations::{ConstraintReason, Fault, InvalidReason};
use locum_identity::roles_anywhere::AnywhereFault;

/// How the wire spells an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Spelled {
    /// The code in the query protocol.
    pub code: &'static str,
    /// Its HTTP status.
    pub status: u16,
    /// The code in the JSON protocols, where the status is 400 (500 for our own faults).
    pub json_code: &'static str,
}

/// How an error is spelled.
pub fn spell(error: &Error) -> Spelled {
    let spelled = |code, status, json_code| Spelled {
        code,
        status,
        json_code,
    };
    match error {
        Error::Signature(signature) => spell_signature(signature),
        Error::InvalidClientTokenId | Error::InvalidSessionToken => {
            spelled("InvalidClientTokenId", 403, "UnrecognizedClientException")
        }
        Error::ExpiredToken => spelled("ExpiredToken", 403, "ExpiredTokenException"),
        Error::AccessDenied(_) => spelled("AccessDenied", 403, "AccessDeniedException"),
        Error::Forbidden(forbidden) => match forbidden {
            Forbidden::RootAssumesRole
            | Forbidden::SessionTokenFromSession
            | Forbidden::FederationTokenFromSession
            | Forbidden::AccessKeyOfAnotherAccount(_)
            | Forbidden::AwsManagedPolicy
            | Forbidden::WrongMfaCode
            | Forbidden::UnverifiableMfa
            | Forbidden::WrongPassword
            | Forbidden::IncompleteMfa
            | Forbidden::MfaRequired(_)
            | Forbidden::RootAccessDisabled(..)
            | Forbidden::Delegated(_)
            | Forbidden::OnlyOwnerSends(_)
            | Forbidden::NotTheApproversToGive(_)
            | Forbidden::LimitedApprover(_) => {
                spelled("AccessDenied", 403, "AccessDeniedException")
            }
        },
        Error::Validation(_) | Error::ValidationText(_) | Error::Duration(_) => {
            spelled("ValidationError", 400, "ValidationException")
        }
        Error::MaxSessionDurationTooShort => spelled("ParamValidation", 400, "ValidationException"),
        Error::MalformedInput => spelled("MalformedInput", 400, "SerializationException"),
        Error::MalformedPolicyDocument(_) => spelled(
            "MalformedPolicyDocument",
            400,
            "MalformedPolicyDocumentException",
        ),
        Error::InvalidInput(_) => spelled("InvalidInput", 400, "InvalidInputException"),
        Error::PolicyEvaluation(_) => spelled("PolicyEvaluation", 500, "PolicyEvaluationException"),
        Error::NoSuchEntity(_) => spelled("NoSuchEntity", 404, "NoSuchEntityException"),
        Error::EntityAlreadyExists(_) => {
            spelled("EntityAlreadyExists", 409, "EntityAlreadyExistsException")
        }
        Error::DeleteConflict(_) => spelled("DeleteConflict", 409, "DeleteConflictException"),
        Error::LimitExceeded(_) => spelled("LimitExceeded", 409, "LimitExceededException"),
        Error::UnmodifiableRole(_) => {
            spelled("UnmodifiableEntity", 400, "UnmodifiableEntityException")
        }
        Error::InvalidParameterValue(_) => spelled(
            "InvalidParameterValue",
            400,
            "InvalidParameterValueException",
        ),
        Error::InvalidAuthenticationCode => spelled(
            "InvalidAuthenticationCode",
            403,
            "InvalidAuthenticationCodeException",
        ),
        Error::InvalidAuthorizationMessage => spelled(
            "InvalidAuthorizationMessageException",
            400,
            "InvalidAuthorizationMessageException",
        ),
        Error::InvalidContextAssertion => {
            spelled("ExpiredTokenException", 400, "ExpiredTokenException")
        }
        Error::PackedPolicyTooLarge(_) => {
            spelled("PackedPolicyTooLarge", 400, "PackedPolicyTooLargeException")
        }
        Error::ExpiredTradeInToken => spelled(
            "ExpiredTradeInTokenException",
            400,
            "ExpiredTradeInTokenException",
        ),
        Error::NoSuchBucket => spelled("NoSuchBucket", 404, "NoSuchBucketException"),
        Error::AccountNotFound => spelled("AccountNotFound", 400, "AccountNotFoundException"),
        Error::CreateAccountStatusNotFound => spelled(
            "CreateAccountStatusNotFound",
            400,
            "CreateAccountStatusNotFoundException",
        ),
        Error::NotManagementAccount => spelled("AccessDenied", 403, "AccessDeniedException"),
        Error::RootAccess(fault) => {
            let code = match fault {
                RootAccessFault::AccountNotManagementOrDelegatedAdministrator => {
                    "AccountNotManagementOrDelegatedAdministratorException"
                }
                RootAccessFault::CallerIsNotManagementAccount => {
                    "CallerIsNotManagementAccountException"
                }
                RootAccessFault::OrganizationNotFound => "OrganizationNotFoundException",
                RootAccessFault::ServiceAccessNotEnabled => "ServiceAccessNotEnabledException",
            };
            spelled(code, 400, code)
        }
        Error::Iam(fault) => spell_iam(fault),
        Error::Organizations(fault) => spell_organizations(fault),
        Error::Federation(fault) => spell_federation(fault),
        Error::RolesAnywhere(fault) => match fault {
            AnywhereFault::NotFound(_) => {
                spelled("ResourceNotFound", 404, "ResourceNotFoundException")
            }
            AnywhereFault::AccessDenied(_) => spelled("AccessDenied", 403, "AccessDeniedException"),
            AnywhereFault::TooManyTags => spelled("TooManyTags", 400, "TooManyTagsException"),
        },
        Error::Eks(fault) => spell_eks(fault),
        Error::Outbound(fault) => spell_outbound(*fault),
        // What SDKs take for a reason to wait and try again.
        Error::Throttled => spelled("Throttling", 400, "ThrottlingException"),
        Error::ServiceUnavailable(_) => {
            spelled("ServiceUnavailable", 503, "ServiceUnavailableException")
        }
        Error::Internal(_) => spelled("InternalFailure", 500, "InternalFailure"),
    }
}

/// IAM has no JSON protocol; the names of its exceptions stand there as they are in the model.
fn spell_iam(fault: &IamFault) -> Spelled {
    let (code, status, json_code) = match fault {
        IamFault::PasswordPolicyViolation(_) => (
            "PasswordPolicyViolation",
            400,
            "PasswordPolicyViolationException",
        ),
        IamFault::InvalidUserType(_) => ("InvalidUserType", 400, "InvalidUserTypeException"),
        IamFault::RoleModified => ("RoleModified", 409, "RoleModifiedException"),
        IamFault::NameConflict(_) => ("NameConflict", 409, "NameConflictException"),
        IamFault::RoleTemplateDisabled(_) => {
            ("RoleTemplateDisabled", 400, "RoleTemplateDisabledException")
        }
        IamFault::InvalidPublicKey => ("InvalidPublicKey", 400, "InvalidPublicKeyException"),
        IamFault::DuplicateSshPublicKey => (
            "DuplicateSSHPublicKey",
            400,
            "DuplicateSSHPublicKeyException",
        ),
        IamFault::UnrecognizedPublicKeyEncoding => (
            "UnrecognizedPublicKeyEncoding",
            400,
            "UnrecognizedPublicKeyEncodingException",
        ),
        IamFault::MalformedCertificate(_) => {
            ("MalformedCertificate", 400, "MalformedCertificateException")
        }
        IamFault::InvalidCertificate(_) => {
            ("InvalidCertificate", 400, "InvalidCertificateException")
        }
        IamFault::DuplicateCertificate => {
            ("DuplicateCertificate", 409, "DuplicateCertificateException")
        }
        IamFault::KeyPairMismatch => ("KeyPairMismatch", 400, "KeyPairMismatchException"),
        IamFault::OpenIdIdpCommunication(_) => (
            "OpenIdIdpCommunicationError",
            400,
            "OpenIdIdpCommunicationErrorException",
        ),
        IamFault::ReportNotPresent => (
            "ReportNotPresent",
            410,
            "CredentialReportNotPresentException",
        ),
        IamFault::ReportExpired => ("ReportExpired", 410, "CredentialReportExpiredException"),
    };
    Spelled {
        code,
        status,
        json_code,
    }
}

/// Of the model's exceptions, one keeps its suffix in the query protocol.
fn spell_federation(fault: &FederationFault) -> Spelled {
    let (code, status, json_code) = match fault {
        FederationFault::InvalidIdentityToken(_) => {
            ("InvalidIdentityToken", 400, "InvalidIdentityTokenException")
        }
        FederationFault::ExpiredToken(_) => ("ExpiredTokenException", 400, "ExpiredTokenException"),
        FederationFault::IdpCommunication(_) => (
            "IDPCommunicationError",
            400,
            "IDPCommunicationErrorException",
        ),
        FederationFault::IdpRejectedClaim(_) => {
            ("IDPRejectedClaim", 403, "IDPRejectedClaimException")
        }
        FederationFault::NotAuthenticated | FederationFault::NotAuthorized(_) => {
            ("AccessDenied", 403, "AccessDeniedException")
        }
    };
    Spelled {
        code,
        status,
        json_code,
    }
}

/// EKS and EKS Auth speak REST-JSON only.
fn spell_eks(fault: &EksFault) -> Spelled {
    let (code, status) = match fault {
        EksFault::ResourceNotFound(_) => ("ResourceNotFoundException", 404),
        EksFault::NotFound(_) => ("NotFoundException", 404),
        EksFault::BadRequest(_) => ("BadRequestException", 400),
        EksFault::InvalidParameter(_) => ("InvalidParameterException", 400),
        EksFault::InvalidRequest(_) => ("InvalidRequestException", 400),
        EksFault::ResourceInUse(_) => ("ResourceInUseException", 409),
        EksFault::ResourceLimitExceeded(_) => ("ResourceLimitExceededException", 400),
        EksFault::InvalidToken => ("InvalidTokenException", 400),
        EksFault::ExpiredToken { .. } => ("ExpiredTokenException", 400),
        EksFault::Untrusted => ("AccessDeniedException", 400),
        EksFault::IssuerUnavailable => ("ServiceUnavailableException", 503),
    };
    Spelled {
        code,
        status,
        json_code: code,
    }
}

/// Some of the model's names keep their suffix in the query protocol, and some do not.
fn spell_outbound(fault: OutboundFault) -> Spelled {
    let (code, status, json_code) = match fault {
        OutboundFault::Enabled => ("FeatureEnabled", 409, "FeatureEnabledException"),
        OutboundFault::NotEnabled => ("FeatureDisabled", 404, "FeatureDisabledException"),
        OutboundFault::Disabled => (
            "OutboundWebIdentityFederationDisabledException",
            403,
            "OutboundWebIdentityFederationDisabledException",
        ),
        OutboundFault::DurationEscalation => (
            "SessionDurationEscalationException",
            403,
            "SessionDurationEscalationException",
        ),
        OutboundFault::PayloadTooLarge { .. } => (
            "JWTPayloadSizeExceededException",
            400,
            "JWTPayloadSizeExceededException",
        ),
        OutboundFault::NoPublicUrl => ("ValidationError", 400, "ValidationException"),
    };
    Spelled {
        code,
        status,
        json_code,
    }
}

/// Organizations speaks JSON only; its codes are the same without a protocol.
fn spell_organizations(fault: &Fault) -> Spelled {
    let code = match fault {
        Fault::InvalidInput(_) => "InvalidInputException",
        Fault::ConstraintViolation(_) => "ConstraintViolationException",
        Fault::AccountAlreadyRegistered => "AccountAlreadyRegisteredException",
        Fault::AccountNotRegistered => "AccountNotRegisteredException",
        Fault::RootNotFound => "RootNotFoundException",
        Fault::ParentNotFound => "ParentNotFoundException",
        Fault::SourceParentNotFound => "SourceParentNotFoundException",
        Fault::DestinationParentNotFound => "DestinationParentNotFoundException",
        Fault::ChildNotFound => "ChildNotFoundException",
        Fault::TargetNotFound => "TargetNotFoundException",
        Fault::OrganizationalUnitNotFound => "OrganizationalUnitNotFoundException",
        Fault::PolicyNotFound => "PolicyNotFoundException",
        Fault::DuplicateAccount => "DuplicateAccountException",
        Fault::DuplicateOrganizationalUnit => "DuplicateOrganizationalUnitException",
        Fault::DuplicatePolicy => "DuplicatePolicyException",
        Fault::DuplicatePolicyAttachment => "DuplicatePolicyAttachmentException",
        Fault::OrganizationalUnitNotEmpty => "OrganizationalUnitNotEmptyException",
        Fault::PolicyInUse => "PolicyInUseException",
        Fault::PolicyNotAttached => "PolicyNotAttachedException",
        Fault::PolicyTypeAlreadyEnabled => "PolicyTypeAlreadyEnabledException",
        Fault::PolicyTypeNotAvailable => "PolicyTypeNotAvailableForOrganizationException",
        Fault::PolicyTypeNotEnabled => "PolicyTypeNotEnabledException",
    };
    Spelled {
        code,
        status: 400,
        json_code: code,
    }
}

/// `Reason`, for the errors that have one.
pub(crate) fn reason(error: &Error) -> Option<&'static str> {
    let Error::Organizations(fault) = error else {
        return None;
    };
    Some(match fault {
        Fault::InvalidInput(reason) => match reason {
            InvalidReason::DuplicateTagKey => "DUPLICATE_TAG_KEY",
            InvalidReason::ImmutablePolicy => "IMMUTABLE_POLICY",
            InvalidReason::InputRequired => "INPUT_REQUIRED",
            InvalidReason::InvalidEnum => "INVALID_ENUM",
            InvalidReason::InvalidEnumPolicyType => "INVALID_ENUM_POLICY_TYPE",
            InvalidReason::InvalidNextToken => "INVALID_NEXT_TOKEN",
            InvalidReason::InvalidPattern => "INVALID_PATTERN",
            InvalidReason::InvalidSystemTagsParameter => "INVALID_SYSTEM_TAGS_PARAMETER",
            InvalidReason::MaxLengthExceeded => "MAX_LENGTH_EXCEEDED",
            InvalidReason::MaxValueExceeded => "MAX_VALUE_EXCEEDED",
            InvalidReason::MinLengthExceeded => "MIN_LENGTH_EXCEEDED",
            InvalidReason::MinValueExceeded => "MIN_VALUE_EXCEEDED",
            InvalidReason::NonDetachablePolicy => "NON_DETACHABLE_POLICY",
            InvalidReason::TargetNotSupported => "TARGET_NOT_SUPPORTED",
            InvalidReason::UnrecognizedServicePrincipal => "UNRECOGNIZED_SERVICE_PRINCIPAL",
        },
        Fault::ConstraintViolation(reason) => match reason {
            ConstraintReason::CannotRegisterMasterAsDelegatedAdministrator => {
                "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR"
            }
            ConstraintReason::MaxDelegatedAdministratorsForServiceLimitExceeded => {
                "MAX_DELEGATED_ADMINISTRATORS_FOR_SERVICE_LIMIT_EXCEEDED"
            }
            ConstraintReason::MaxPolicyTypeAttachmentLimitExceeded => {
                "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
            }
            ConstraintReason::MaxTagLimitExceeded => "MAX_TAG_LIMIT_EXCEEDED",
            ConstraintReason::MinPolicyTypeAttachmentLimitExceeded => {
                "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
            }
            ConstraintReason::OuDepthLimitExceeded => "OU_DEPTH_LIMIT_EXCEEDED",
            ConstraintReason::OuNumberLimitExceeded => "OU_NUMBER_LIMIT_EXCEEDED",
            ConstraintReason::PolicyContentLimitExceeded => "POLICY_CONTENT_LIMIT_EXCEEDED",
            ConstraintReason::PolicyNumberLimitExceeded => "POLICY_NUMBER_LIMIT_EXCEEDED",
            ConstraintReason::ServiceAccessNotEnabled => "SERVICE_ACCESS_NOT_ENABLED",
        },
        _ => return None,
    })
}

fn spell_signature(error: &SignatureError) -> Spelled {
    const MISMATCH: Spelled = Spelled {
        code: "SignatureDoesNotMatch",
        status: 403,
        json_code: "InvalidSignatureException",
    };
    const INCOMPLETE: Spelled = Spelled {
        code: "IncompleteSignature",
        status: 400,
        json_code: "IncompleteSignatureException",
    };
    const MISSING: Spelled = Spelled {
        code: "MissingAuthenticationToken",
        status: 403,
        json_code: "MissingAuthenticationTokenException",
    };
    const MALFORMED: Spelled = Spelled {
        code: "MalformedQueryString",
        status: 400,
        json_code: "SerializationException",
    };
    match error {
        SignatureError::MissingAuthenticationToken => MISSING,
        SignatureError::MalformedTarget | SignatureError::MalformedQuery(_) => MALFORMED,
        SignatureError::UnsupportedAlgorithm { .. }
        | SignatureError::NotKeyValue { .. }
        | SignatureError::IncompleteHeader { .. }
        | SignatureError::IncompleteQuery { .. }
        | SignatureError::InvalidDate { .. }
        | SignatureError::MalformedCredential { .. } => INCOMPLETE,
        SignatureError::TwoMechanisms
        | SignatureError::HostNotSigned
        | SignatureError::Expired { .. }
        | SignatureError::NotYetCurrent { .. }
        | SignatureError::Scope(_)
        | SignatureError::SignatureDoesNotMatch { .. }
        | SignatureError::S3(_) => MISMATCH,
        SignatureError::BodyNotHashed => Spelled {
            code: "InternalFailure",
            status: 500,
            json_code: "InternalFailure",
        },
        // The enum may grow: an unknown fault of a signature is still one.
        _ => MISMATCH,
    }
}
