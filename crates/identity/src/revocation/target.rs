//! Which principal of an account a parameter names.

use super::Aim;
use crate::account::{Account, UserState, iam_arn};
use crate::caller::Need;
use crate::error::{Error, Missing};
use crate::ids::{AccessKeyId, UniqueId};
use crate::names::{AccountId, Constrained as _, FederatedUserName, PrincipalText, Tag};
use crate::session::{LongTermPrincipal, Session, SessionPrincipal};
use locum_policy::Arn;
use std::sync::Arc;

/// What is aimed at, as authorization sees it.
pub(super) struct Target<'a> {
    /// `None` where it does not exist: that is said to who may know.
    pub(super) aim: Result<Aim, Error>,
    /// What is authorized.
    pub(super) arn: String,
    pub(super) tags: &'a [Tag],
}

impl<'a> Target<'a> {
    pub(super) fn new(aim: Result<Aim, Error>, arn: String) -> Self {
        Self {
            aim,
            arn,
            tags: &[],
        }
    }

    /// What an action on it needs.
    pub(super) fn need(&self, action: &'static str) -> Need<'_> {
        Need::new(action, self.arn.as_str()).resource_tags(self.tags, Some("iam:resourcetag/"))
    }

    /// Everything of an account.
    pub(super) fn account(id: AccountId) -> Self {
        Self::new(Ok(Aim::Account), own_arn(id, "account"))
    }

    /// A role: by name, by ARN or by unique id.
    pub(super) fn role(account: &'a Account, text: &PrincipalText) -> Self {
        let text = text.as_str();
        let resource = role_of_arn(text);
        let state = match (resource, is_id_of(account, text, "AROA")) {
            (Some(name), _) => account.roles.named(name).filter(|state| state.arn == text),
            (None, true) => account.roles.with_id(&UniqueId::stored(text)),
            (None, false) => account.roles.named(text),
        };
        match state {
            Some(state) => Self {
                aim: Ok(Aim::Role(state.role.id.clone())),
                arn: state.arn.clone(),
                tags: &state.role.tags,
            },
            None if is_id_of(account, text, "AROA") => Self::gone(account, Aim::Role, text),
            None => Self::new(
                Err(Error::NoSuchEntity(Missing::Role(text.to_owned()))),
                if resource.is_some() {
                    text.to_owned()
                } else {
                    account.iam_arn(&format!("role/{text}"))
                },
            ),
        }
    }

    /// A user, a role, the root user or a federated user: by ARN, the first two also by unique id.
    pub(super) fn principal(account: &'a Arc<Account>, text: &PrincipalText) -> Self {
        if role_of_arn(text.as_str()).is_some() || is_id_of(account, text.as_str(), "AROA") {
            return Self::role(account, text);
        }
        let text = text.as_str();
        let user = |state: &'a Arc<UserState>| Self {
            aim: Ok(Aim::User(state.user.id.clone())),
            arn: state.arn.clone(),
            tags: &state.user.tags,
        };
        if is_id_of(account, text, "AIDA") {
            let state = account.users.with_id(&UniqueId::stored(text));
            return state.map_or_else(|| Self::gone(account, Aim::User, text), user);
        }
        let parsed = Arn::parse(text).filter(|arn| arn.partition() == "aws");
        let parts = parsed.as_ref().map(|arn| {
            let (kind, name) = arn
                .resource()
                .split_once('/')
                .unwrap_or((arn.resource(), ""));
            (arn.service(), kind, name)
        });
        let own = parsed
            .as_ref()
            .is_some_and(|arn| arn.account() == account.id.as_str() && arn.region().is_empty());
        let aim = match parts {
            Some(("iam", "user", path)) if own => {
                let name = path.rsplit('/').next().unwrap_or_default();
                let state = account.users.named(name);
                match state.filter(|state| state.arn == text) {
                    Some(state) => return user(state),
                    None => Err(Error::NoSuchEntity(Missing::User(text.to_owned()))),
                }
            }
            Some(("iam", "root", "")) if own => Ok(Aim::Root),
            Some(("sts", "federated-user", name)) if own => {
                let name = FederatedUserName::parse(name);
                name.map(Aim::FederatedUser).map_err(|_| no_principal(text))
            }
            _ => Err(no_principal(text)),
        };
        // An action on what is no ARN of this account is one on the account.
        let arn = if own {
            text.to_owned()
        } else {
            own_arn(account.id, "account")
        };
        Self::new(aim, arn)
    }

    /// A user or role that was deleted, whose id is its account's all the same.
    fn gone(account: &Account, aim: impl Fn(UniqueId) -> Aim, id: &str) -> Self {
        Self::new(
            Ok(aim(UniqueId::stored(id))),
            own_arn(account.id, "account"),
        )
    }
}

/// `arn:aws:locum::ACCOUNT:RESOURCE`
pub(super) fn own_arn(account: AccountId, resource: &str) -> String {
    format!("arn:aws:locum::{account}:{resource}")
}

fn no_principal(text: &str) -> Error {
    Error::ValidationText(format!(
        "{text} is no user, role, root user or federated user of the account"
    ))
}

/// The name in the ARN of a role.
fn role_of_arn(text: &str) -> Option<&str> {
    let (front, role) = text.split_once(":role/")?;
    front.starts_with("arn:").then_some(())?;
    role.rsplit('/').next()
}

fn is_id_of(account: &Account, text: &str, prefix: &str) -> bool {
    text.starts_with(prefix) && UniqueId::account_of(text) == Some(account.id)
}

/// The ARN of whom a session of the account `of` acts as, by what `here` has now; the unique id, where
/// that is gone or another account's.
pub(super) fn arn_of(here: &Account, of: AccountId, principal: &SessionPrincipal) -> String {
    match principal {
        SessionPrincipal::Root | SessionPrincipal::AssumedRoot(_) => iam_arn(of, "root"),
        SessionPrincipal::User(user) => match here.users.with_id(user) {
            Some(state) => state.arn.clone(),
            None => user.to_string(),
        },
        SessionPrincipal::AssumedRole { role, session_name } => match here.roles.with_id(role) {
            Some(state) => {
                let name = &state.role.name;
                format!("arn:aws:sts::{of}:assumed-role/{name}/{session_name}")
            }
            None => format!("{role}:{session_name}"),
        },
        SessionPrincipal::FederatedUser { name, .. } => {
            format!("arn:aws:sts::{of}:federated-user/{name}")
        }
    }
}

/// Whether a session of `account` was issued to or by a principal of that account.
pub(super) fn concerns(aim: &Aim, account: AccountId, session: &Session) -> bool {
    let is = |principal: &SessionPrincipal| match (aim, principal) {
        (Aim::Role(id), SessionPrincipal::AssumedRole { role, .. }) => role == id,
        (Aim::User(id), SessionPrincipal::User(user)) => user == id,
        (Aim::Root, SessionPrincipal::Root | SessionPrincipal::AssumedRoot(_)) => true,
        (Aim::FederatedUser(wanted), SessionPrincipal::FederatedUser { name, .. }) => {
            name == wanted
        }
        _ => false,
    };
    let by = match (session.ancestry.sessions.last(), &session.ancestry.origin) {
        (Some(issuer), _) => {
            let of = AccessKeyId::account_of(issuer.access_key_id.as_str());
            of == Some(account) && is(&issuer.principal)
        }
        (None, Some(key)) => match &key.principal {
            LongTermPrincipal::User(id) => *aim == Aim::User(id.clone()),
            LongTermPrincipal::Root(of) => *of == account && *aim == Aim::Root,
            LongTermPrincipal::Service(_) => false,
        },
        (None, None) => false,
    };
    let federated = session
        .ancestry
        .federation
        .as_ref()
        .is_some_and(|of| match aim {
            Aim::FederatedSubject { provider, subject } => {
                (provider, subject) == (&of.provider, &of.subject)
            }
            Aim::FederatedSession {
                provider,
                session_id,
            } => of.provider == *provider && of.session_id.as_ref() == Some(session_id),
            _ => false,
        });
    by || federated || is(&session.principal)
}
