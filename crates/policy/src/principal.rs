//! Principals: who calls, how a policy names them, and how specific that name is.
//!
//! See "AWS JSON policy elements: Principal" and "NotPrincipal".

use std::fmt;

use crate::arn;

/// The key under which a policy names a principal.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum PrincipalType {
    /// The bare string `"*"` in place of an object.
    Everyone,
    /// `AWS`: accounts, users, roles and sessions.
    Aws,
    /// `Service`: AWS service principals.
    Service,
    /// `Federated`: SAML and OpenID Connect providers.
    Federated,
    /// `CanonicalUser`: S3's obfuscated account ids, which no document may name here.
    CanonicalUser,
}

impl PrincipalType {
    /// The key as documents spell it; `*` for the bare string.
    pub fn as_str(self) -> &'static str {
        match self {
            PrincipalType::Everyone => "*",
            PrincipalType::Aws => "AWS",
            PrincipalType::Service => "Service",
            PrincipalType::Federated => "Federated",
            PrincipalType::CanonicalUser => "CanonicalUser",
        }
    }

    pub(crate) fn parse(key: &str) -> Option<PrincipalType> {
        [
            Self::Aws,
            Self::Service,
            Self::Federated,
            Self::CanonicalUser,
        ]
        .into_iter()
        .find(|kind| kind.as_str() == key)
    }

    /// Whether a document may write this value under this key: the syntax alone, not whether the
    /// principal exists.
    pub(crate) fn admits(self, value: &str) -> bool {
        match self {
            PrincipalType::Everyone => value == "*",
            PrincipalType::Aws => Name::aws(value).form != Form::Unknown,
            PrincipalType::Service => is_host(value),
            PrincipalType::Federated => is_host(value) || is_provider_arn(value),
            // S3's account ids, under which nobody calls here: what a statement says of one could not
            // be kept.
            PrincipalType::CanonicalUser => false,
        }
    }
}

impl fmt::Display for PrincipalType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Who makes a request.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Principal<'a> {
    /// An unsigned request.
    Anonymous,
    /// The root user of an account.
    Root {
        /// The account's id.
        account: &'a str,
    },
    /// An IAM user, by a long-term key or by a session of GetSessionToken.
    User {
        /// The user's account.
        account: &'a str,
        /// The user's ARN, path included.
        arn: &'a str,
        /// The user's unique id, `AIDA…`.
        unique_id: &'a str,
    },
    /// A session of GetFederationToken.
    FederatedUser {
        /// The account of the session.
        account: &'a str,
        /// The session's ARN, `arn:aws:sts::…:federated-user/Name`.
        arn: &'a str,
        /// ARN and unique id of the user that asked for it; `None` when root did.
        user: Option<(&'a str, &'a str)>,
    },
    /// A session of a role.
    AssumedRole {
        /// The role's account.
        account: &'a str,
        /// The role's ARN, path included.
        role_arn: &'a str,
        /// The role's unique id, `AROA…`.
        unique_id: &'a str,
        /// The session's ARN, `arn:aws:sts::…:assumed-role/Role/Session`.
        session_arn: &'a str,
        /// The session's name.
        session_name: &'a str,
    },
    /// An AWS service on its own behalf.
    Service {
        /// The service principal, such as `ec2.amazonaws.com`.
        name: &'a str,
    },
    /// The bearer of a SAML response or an OpenID Connect token, who has no credentials yet.
    Federated {
        /// The provider's ARN, or the name of a built-in one.
        provider: &'a str,
        /// The account in which the provider is registered.
        account: &'a str,
    },
}

impl<'a> Principal<'a> {
    /// The account whose identity policies speak for this principal.
    pub(crate) fn account(&self) -> Option<&'a str> {
        match *self {
            Principal::Root { account }
            | Principal::User { account, .. }
            | Principal::FederatedUser { account, .. }
            | Principal::AssumedRole { account, .. } => Some(account),
            Principal::Anonymous | Principal::Service { .. } | Principal::Federated { .. } => None,
        }
    }

    /// Whether this is a session of a service-linked role, which the policies of an organization do
    /// not bind.
    pub(crate) fn is_service_linked_role(&self) -> bool {
        matches!(self, Principal::AssumedRole { role_arn, .. } if is_service_linked_role(role_arn))
    }

    /// Whether root's implicit full access stands in for identity policies.
    pub(crate) fn acts_as_root(&self) -> bool {
        matches!(
            self,
            Principal::Root { .. } | Principal::FederatedUser { user: None, .. }
        )
    }
}

/// Whether an ARN is of a role that AWS made for one of its services.
pub(crate) fn is_service_linked_role(arn: &str) -> bool {
    matches!(arn::split(arn), Some([_, _, "iam", _, _, name]) if name.starts_with("role/aws-service-role/"))
}

impl fmt::Display for Principal<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Principal::Anonymous => f.write_str("anonymous"),
            Principal::Root { account } => write!(f, "root of {account}"),
            Principal::User { arn, .. } | Principal::FederatedUser { arn, .. } => f.write_str(arn),
            Principal::AssumedRole { session_arn, .. } => f.write_str(session_arn),
            Principal::Service { name } => f.write_str(name),
            Principal::Federated { provider, .. } => f.write_str(provider),
        }
    }
}

/// Which implicit denials a resource policy of the caller's own account overrides by the way it
/// names the caller. Explicit denials are never overridden.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Grant {
    pub(crate) identity: bool,
    pub(crate) boundary: bool,
    pub(crate) session: bool,
}

impl Grant {
    /// The account is named: it delegates to its own policies.
    const DELEGATED: Grant = Grant {
        identity: false,
        boundary: false,
        session: false,
    };
    /// The role, or the user behind a federated session, is named.
    const SOURCE: Grant = Grant {
        identity: true,
        boundary: false,
        session: false,
    };
    /// The user is named, and calls by itself.
    const USER: Grant = Grant {
        identity: true,
        boundary: true,
        session: false,
    };
    /// The session itself is named, or everyone.
    const SESSION: Grant = Grant {
        identity: true,
        boundary: true,
        session: true,
    };

    pub(crate) fn union(self, other: Grant) -> Grant {
        Grant {
            identity: self.identity || other.identity,
            boundary: self.boundary || other.boundary,
            session: self.session || other.session,
        }
    }
}

/// What kind of policy a principal stands in; the same words mean less in a trust policy.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Scene {
    /// A role trust policy: `*` is every AWS principal, and no one else.
    pub(crate) trust: bool,
    /// The caller has a permissions boundary.
    pub(crate) bounded: bool,
}

/// One principal as a policy names it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Name<'a> {
    pub(crate) form: Form,
    /// The part of the value by which callers are known: of an account's ARN its id.
    pub(crate) text: &'a str,
}

/// What kind of name it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Form {
    Everyone,
    Account,
    /// A user or role by ARN or unique id.
    Entity,
    /// A session by ARN or by `AROA…:Session`.
    Session,
    Service,
    Federated,
    /// Names nobody who can call here.
    Unknown,
}

/// The names of a `Principal` or `NotPrincipal` element.
pub(crate) trait Names<'a>: Iterator<Item = Name<'a>> + Clone {}

impl<'a, I: Iterator<Item = Name<'a>> + Clone> Names<'a> for I {}

/// How a `Principal` element applies to a caller; `None` when it does not.
pub(crate) fn named<'a>(
    names: impl Names<'a>,
    caller: &Principal<'_>,
    scene: Scene,
) -> Option<Grant> {
    names
        .filter_map(|name| name.names(caller, scene))
        .reduce(Grant::union)
}

/// Whether `NotPrincipal` spares a caller: account, entity and session must all be listed, and a
/// caller with a permissions boundary is never spared.
pub(crate) fn exempts<'a>(names: &impl Names<'a>, caller: &Principal<'_>, scene: Scene) -> bool {
    if scene.bounded {
        return false;
    }
    let everyone = names.clone().any(|n| n.form == Form::Everyone) && everyone(caller, scene);
    let lists = |form: Form, wanted: &dyn Fn(&str) -> bool| {
        everyone || names.clone().any(|n| n.form == form && wanted(n.text))
    };
    let account = |id: &str| lists(Form::Account, &|name| name == id);
    let entity = |arn: &str, id: &str| lists(Form::Entity, &|name| name == arn || name == id);
    match *caller {
        Principal::Anonymous => everyone,
        Principal::Root { account: id } => account(id),
        Principal::User {
            account: id,
            arn,
            unique_id,
        } => account(id) && entity(arn, unique_id),
        Principal::FederatedUser {
            account: id,
            arn,
            user,
        } => {
            account(id)
                && user.is_none_or(|(arn, unique_id)| entity(arn, unique_id))
                && lists(Form::Session, &|name| name == arn)
        }
        Principal::AssumedRole {
            account: id,
            role_arn,
            unique_id,
            session_arn,
            session_name,
        } => {
            account(id)
                && entity(role_arn, unique_id)
                && lists(Form::Session, &|name| {
                    name == session_arn || is_session(name, unique_id, session_name)
                })
        }
        Principal::Service { name } => lists(Form::Service, &|service| service == name),
        Principal::Federated { provider, .. } => lists(Form::Federated, &|name| name == provider),
    }
}

impl<'a> Name<'a> {
    pub(crate) fn new(kind: PrincipalType, value: &'a str) -> Name<'a> {
        let form = match kind {
            PrincipalType::Everyone => Form::Everyone,
            PrincipalType::Aws => return Name::aws(value),
            PrincipalType::Service => Form::Service,
            PrincipalType::Federated => Form::Federated,
            // Canonical ids belong to S3's own namespace of accounts, which no caller carries.
            PrincipalType::CanonicalUser => Form::Unknown,
        };
        Name { form, text: value }
    }

    fn aws(value: &'a str) -> Name<'a> {
        let of = |form| Name { form, text: value };
        if value == "*" {
            return of(Form::Everyone);
        }
        if arn::is_account_id(value) {
            return of(Form::Account);
        }
        let Some([_, partition, service, region, account, resource]) = arn::split(value) else {
            return of(Form::of_unique_id(value));
        };
        let plain = !value.contains(['*', '?']);
        if !plain || partition.is_empty() || !region.is_empty() || !arn::is_account_id(account) {
            return of(Form::Unknown);
        }
        let named = |prefix: &str| {
            resource
                .strip_prefix(prefix)
                .is_some_and(|name| !name.is_empty())
        };
        match service {
            "iam" if resource == "root" => Name {
                form: Form::Account,
                text: account,
            },
            "iam" if named("user/") || named("role/") => of(Form::Entity),
            "sts" if named("federated-user/") => of(Form::Session),
            "sts" if named("assumed-role/") && resource.split('/').count() == 3 => {
                of(Form::Session)
            }
            _ => of(Form::Unknown),
        }
    }

    /// How this name grants to a caller; `None` when it does not name them.
    fn names(self, caller: &Principal<'_>, scene: Scene) -> Option<Grant> {
        let text = self.text;
        match self.form {
            Form::Everyone => everyone(caller, scene).then_some(Grant::SESSION),
            Form::Account => (caller.account() == Some(text)).then_some(Grant::DELEGATED),
            Form::Entity => match *caller {
                Principal::User { arn, unique_id, .. } => {
                    (text == arn || text == unique_id).then_some(Grant::USER)
                }
                Principal::FederatedUser {
                    user: Some((arn, unique_id)),
                    ..
                } => (text == arn || text == unique_id).then_some(Grant::SOURCE),
                Principal::AssumedRole {
                    role_arn,
                    unique_id,
                    ..
                } => (text == role_arn || text == unique_id).then_some(Grant::SOURCE),
                _ => None,
            },
            Form::Session => match *caller {
                Principal::FederatedUser { arn, .. } => (text == arn).then_some(Grant::SESSION),
                Principal::AssumedRole {
                    session_arn,
                    unique_id,
                    session_name,
                    ..
                } => (text == session_arn || is_session(text, unique_id, session_name))
                    .then_some(Grant::SESSION),
                _ => None,
            },
            Form::Service => match *caller {
                Principal::Service { name } => (text == name).then_some(Grant::SESSION),
                _ => None,
            },
            Form::Federated => match *caller {
                Principal::Federated { provider, .. } => {
                    (text == provider).then_some(Grant::SESSION)
                }
                _ => None,
            },
            Form::Unknown => None,
        }
    }
}

impl Form {
    /// `AIDA…`, `AROA…` or `AROA…:Session`: what user and role ARNs become when they are stored, so
    /// that a recreated principal of the same name is a stranger.
    fn of_unique_id(value: &str) -> Form {
        let (id, session) = match value.split_once(':') {
            Some((id, session)) => (id, Some(session)),
            None => (value, None),
        };
        let alphanumeric = id
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit());
        let known = id.starts_with("AIDA") || id.starts_with("AROA");
        match session {
            _ if !known || !alphanumeric || !(5..=128).contains(&id.len()) => Form::Unknown,
            None => Form::Entity,
            Some(name)
                if id.starts_with("AROA") && !name.is_empty() && !name.contains(['*', '?']) =>
            {
                Form::Session
            }
            Some(_) => Form::Unknown,
        }
    }
}

/// Whom `*` means: in a trust policy every AWS principal, elsewhere also services and the public. It
/// never admits the bearer of a federation token.
fn everyone(caller: &Principal<'_>, scene: Scene) -> bool {
    match caller {
        Principal::Root { .. }
        | Principal::User { .. }
        | Principal::FederatedUser { .. }
        | Principal::AssumedRole { .. } => true,
        Principal::Anonymous | Principal::Service { .. } => !scene.trust,
        Principal::Federated { .. } => false,
    }
}

fn is_session(name: &str, unique_id: &str, session_name: &str) -> bool {
    name.split_once(':') == Some((unique_id, session_name))
}

fn is_host(text: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    text.contains('.') && text.split('.').all(label)
}

fn is_provider_arn(text: &str) -> bool {
    let Some([_, partition, "iam", "", account, resource]) = arn::split(text) else {
        return false;
    };
    let named = ["saml-provider/", "oidc-provider/"].iter().any(|prefix| {
        resource
            .strip_prefix(prefix)
            .is_some_and(|name| !name.is_empty())
    });
    named && !partition.is_empty() && arn::is_account_id(account) && !text.contains(['*', '?'])
}
