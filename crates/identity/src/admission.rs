//! What credentials may not do whatever policies say: one rule for each kind of them.
//!
//! IAM user guide, "Compare AWS STS credentials". The rule looks at nothing but the kind of the
//! credentials and the name of the operation, before anything else does; an operation that a kind's
//! list does not name is barred. The S3 data plane and the services that do not administer credentials
//! (Organizations, EKS, Roles Anywhere) are open to every kind, as far as policies go; services, which
//! work with the sessions of roles, are barred from them.

use crate::caller::{Caller, Need, Who};
use crate::error::{Error, Forbidden};
use crate::operation::Service;
use crate::session::SessionPrincipal;
use std::borrow::Cow;

/// Kinds of credentials.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Kind {
    /// A long-term key of a user or the root user.
    LongTerm,
    /// AssumeRole
    Role,
    /// GetSessionToken, with an MFA device.
    OwnWithMfa,
    /// GetSessionToken, without.
    Own,
    /// GetFederationToken
    Federated,
    /// AssumeRoot
    Root,
    /// A key of a service.
    Service,
    /// GetDelegatedAccessToken, and what descends from it.
    Delegated,
}

/// Which operations of a service may be called, if policies allow.
#[derive(Clone, Copy, Debug)]
enum Reach {
    All,
    AllBut(&'static [&'static str]),
    Only(&'static [&'static str]),
    Nothing,
}

const TOKENS: &[&str] = &["GetFederationToken", "GetSessionToken"];
const OF_ONES_OWN: &[&str] = &["AssumeRole", "GetCallerIdentity", "GetWebIdentityToken"];
/// What a session that another account has may do: no token that says who it acts as elsewhere.
const OF_A_DELEGATE: &[&str] = &["AssumeRole", "GetCallerIdentity"];
const WHO_AM_I: &[&str] = &["GetCallerIdentity"];
/// With the actions that AssumeRole needs besides its own, which explanations are asked for too.
const OF_SERVICES: &[&str] = &[
    "AssumeRole",
    "GetCallerIdentity",
    "SetContext",
    "SetSourceIdentity",
    "TagSession",
];

/// The operations of STS that take no signature: who calls proves otherwise who they are.
const UNSIGNED: &[&str] = &[
    "AssumeRoleWithLDAPIdentity",
    "AssumeRoleWithSAML",
    "AssumeRoleWithWebIdentity",
];

/// Whether an operation of STS takes no signature. One that comes all the same is not looked at, as by AWS.
pub fn is_unsigned(operation: &str) -> bool {
    UNSIGNED.contains(&operation)
}

/// The rule.
fn reach(kind: Kind, service: Service) -> Reach {
    match (service, kind) {
        (Service::Sts, Kind::LongTerm) => Reach::All,
        (Service::Sts, Kind::Role) => Reach::AllBut(TOKENS),
        (Service::Sts, Kind::OwnWithMfa | Kind::Own) => Reach::Only(OF_ONES_OWN),
        (Service::Sts, Kind::Delegated) => Reach::Only(OF_A_DELEGATE),
        (Service::Sts, Kind::Federated | Kind::Root) => Reach::Only(WHO_AM_I),
        (Service::Sts, Kind::Service) => Reach::Only(OF_SERVICES),
        (Service::Iam, Kind::Own | Kind::Federated) => Reach::Nothing,
        (
            Service::Iam
            | Service::Organizations
            | Service::Eks
            | Service::EksAuth
            | Service::RolesAnywhere,
            Kind::Service,
        ) => Reach::Nothing,
        // The task policy of a root session leaves little of it.
        (
            Service::Iam,
            Kind::LongTerm | Kind::Role | Kind::OwnWithMfa | Kind::Root | Kind::Delegated,
        ) => Reach::All,
        (Service::Organizations | Service::Eks | Service::EksAuth | Service::RolesAnywhere, _) => {
            Reach::All
        }
        // Ending sessions is the administration of credentials, as IAM is.
        (Service::Locum, Kind::LongTerm | Kind::Role | Kind::OwnWithMfa) => Reach::All,
        (Service::Locum, _) => Reach::Nothing,
    }
}

impl Kind {
    /// `None` for the anonymous caller.
    fn of(caller: &Caller) -> Option<Self> {
        Some(match (&caller.who, caller.session()) {
            (Who::Anonymous | Who::Federated(_), _) => return None,
            _ if caller.delegate().is_some() => Self::Delegated,
            (Who::AssumedRole { .. }, _) => Self::Role,
            (Who::Service(_), _) => Self::Service,
            (Who::FederatedUser { .. }, _) => Self::Federated,
            (Who::Root | Who::User(_), None) => Self::LongTerm,
            (Who::Root | Who::User(_), Some(session)) => match (&session.principal, session.mfa) {
                (SessionPrincipal::AssumedRoot(_), _) => Self::Root,
                (_, Some(_)) => Self::OwnWithMfa,
                (_, None) => Self::Own,
            },
        })
    }
}

impl Reach {
    /// Names are compared whatever their letter case: explanations are asked in any.
    fn includes(self, operation: &str) -> bool {
        let among = |names: &[&str]| {
            names
                .iter()
                .any(|name| name.eq_ignore_ascii_case(operation))
        };
        match self {
            Self::All => true,
            Self::AllBut(names) => !among(names),
            Self::Only(names) => among(names),
            Self::Nothing => false,
        }
    }
}

/// The answer to a caller whose credentials may not call the operation; `None` if they may. `resource`
/// is what a refusal names.
pub(crate) fn refusal<'a>(
    caller: &Caller,
    service: Service,
    operation: &str,
    resource: impl FnOnce() -> Cow<'a, str>,
) -> Option<Error> {
    let Some(kind) = Kind::of(caller) else {
        // Who comes with a certificate is nobody until its authority is known to be trusted.
        let presents = caller.certificate().is_some() && operation == "CreateSession";
        if (service == Service::Sts && is_unsigned(operation))
            || (service == Service::RolesAnywhere && presents)
        {
            return None;
        }
        return Some(Error::Signature(
            locum_sigv4::Error::MissingAuthenticationToken,
        ));
    };
    if reach(kind, service).includes(operation) {
        return None;
    }
    let denied = || {
        let action = format!("{}:{operation}", service.name());
        Error::AccessDenied(caller.denied(&Need::new(action, resource()), None))
    };
    if kind == Kind::Service {
        return Some(denied());
    }
    let is = |name: &str| operation.eq_ignore_ascii_case(name);
    Some(match service {
        Service::Iam | Service::Locum => Error::InvalidSessionToken,
        Service::Sts if is("GetSessionToken") => {
            Error::Forbidden(Forbidden::SessionTokenFromSession)
        }
        Service::Sts if is("GetFederationToken") => {
            Error::Forbidden(Forbidden::FederationTokenFromSession)
        }
        _ => denied(),
    })
}
