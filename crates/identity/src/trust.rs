//! Principals in stored policies: unique ids in the store, ARNs for readers.
//!
//! When a trust or bucket policy is written, each user and role in it must exist and is replaced by
//! its unique id; when it is read, ids of principals that still exist are shown as their current
//! ARNs. So a principal that was deleted stays out, whoever takes its name (IAM user guide, "AWS
//! JSON policy elements: Principal").

use crate::account::Account;
use crate::error::Error;
use crate::ids::UniqueId;
use crate::names::{AccountId, Constrained as _};
use crate::realm::Realm;
use locum_policy::{Arn, Kind, Policy, PrincipalType};
use std::collections::HashMap;

/// The document with users, roles and role sessions as unique ids.
///
/// # Errors
/// [`Error::MalformedPolicyDocument`], `Invalid principal in policy: "AWS":"…"`, for one that does
/// not exist.
pub(crate) async fn to_stored(realm: &Realm, policy: &Policy) -> Result<String, Error> {
    let mut ids = HashMap::new();
    for (kind, text) in policy.principals() {
        if kind == PrincipalType::Aws && !ids.contains_key(text) {
            match stored_form(realm, text).await? {
                Resolved::As(id) => {
                    ids.insert(text.to_owned(), id);
                }
                Resolved::Unchanged => {}
                Resolved::Missing => {
                    return Err(Error::MalformedPolicyDocument(format!(
                        "Invalid principal in policy: \"AWS\":\"{text}\""
                    )));
                }
            }
        }
    }
    Ok(policy.with_principals(|kind, text| {
        (kind == PrincipalType::Aws)
            .then(|| ids.get(text).cloned())
            .flatten()
    }))
}

/// The document with unique ids shown as the current ARNs of those who still exist.
///
/// # Errors
/// [`Error::ServiceUnavailable`]
pub(crate) async fn to_shown(realm: &Realm, stored: &str, kind: Kind) -> Result<String, Error> {
    if names_no_id(stored) {
        return Ok(stored.to_owned());
    }
    let policy = Policy::stored(stored, kind)?;
    let mut arns = HashMap::new();
    for (kind, text) in policy.principals() {
        if kind == PrincipalType::Aws
            && let Some(arn) = shown_form(realm, text).await?
        {
            arns.insert(text.to_owned(), arn);
        }
    }
    Ok(policy.with_principals(|kind, text| {
        (kind == PrincipalType::Aws)
            .then(|| arns.get(text).cloned())
            .flatten()
    }))
}

/// What becomes of a principal when a policy is stored.
pub(crate) enum Resolved {
    /// It is replaced.
    As(String),
    /// It stays as it is.
    Unchanged,
    /// Nobody has that name.
    Missing,
}

/// The users and roles that a principal can name, of one account.
pub(crate) trait Principals {
    /// The user of that name, if its ARN is this one.
    fn user(&self, name: &str, arn: &str) -> Option<UniqueId>;
    /// The role of that name (spelled like that, where no ARN says more), if its ARN is this one.
    fn role(&self, name: &str, arn: Option<&str>) -> Option<UniqueId>;
    /// Whether a user or role has that id.
    fn has(&self, id: &UniqueId) -> bool;
}

impl Principals for Account {
    fn user(&self, name: &str, arn: &str) -> Option<UniqueId> {
        let state = self.users.named(name).filter(|state| state.arn == arn);
        state.map(|state| state.user.id.clone())
    }

    fn role(&self, name: &str, arn: Option<&str>) -> Option<UniqueId> {
        let state = self.roles.named(name).filter(|state| match arn {
            Some(arn) => state.arn == arn,
            None => state.role.name.as_str() == name,
        });
        state.map(|state| state.role.id.clone())
    }

    fn has(&self, id: &UniqueId) -> bool {
        self.users.with_id(id).is_some() || self.roles.with_id(id).is_some()
    }
}

/// The account that a principal names, if it has the form of one that can be resolved.
pub(crate) fn account_named(text: &str) -> Option<AccountId> {
    if let Ok(id) = AccountId::parse(text) {
        return Some(id);
    }
    let Some(arn) = Arn::parse(text) else {
        return UniqueId::account_of(text.split(':').next()?);
    };
    let id = AccountId::parse(arn.account()).ok()?;
    (arn.partition() == "aws" && arn.region().is_empty()).then_some(id)
}

/// What becomes of a principal, where `account` is the one that it names ([`account_named`]), if there
/// is such an account.
pub(crate) fn resolve(text: &str, account: Option<&impl Principals>) -> Resolved {
    if text == "*" {
        return Resolved::Unchanged;
    }
    let Some(account) = account else {
        return Resolved::Missing;
    };
    // A bare account id, and the account's root, name the account.
    if AccountId::parse(text).is_ok() {
        return Resolved::Unchanged;
    }
    let existing = |found| {
        if found {
            Resolved::Unchanged
        } else {
            Resolved::Missing
        }
    };
    let Some(arn) = Arn::parse(text) else {
        // A unique id is accepted as long as its principal exists.
        let (id, session) = match text.split_once(':') {
            Some((id, session)) => (id, Some(session)),
            None => (text, None),
        };
        let of_role = session.is_none() || id.starts_with("AROA");
        return existing(of_role && account.has(&UniqueId::stored(id)));
    };
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let found = match (arn.service(), arn.resource().split_once('/')) {
        ("iam", None) if arn.resource() == "root" => return Resolved::Unchanged,
        ("iam", Some(("user", path))) => account.user(&last(path), text).map(|id| id.to_string()),
        ("iam", Some(("role", path))) => {
            let id = account.role(&last(path), Some(text));
            id.map(|id| id.to_string())
        }
        ("sts", Some(("assumed-role", rest))) => {
            rest.split_once('/').and_then(|(role, session)| {
                let id = account.role(role, None)?;
                crate::names::RoleSessionName::parse(session).ok()?;
                Some(format!("{id}:{session}"))
            })
        }
        ("sts", Some(("federated-user", name))) => {
            return existing(crate::names::FederatedUserName::parse(name).is_ok());
        }
        _ => None,
    };
    found.map_or(Resolved::Missing, Resolved::As)
}

async fn stored_form(realm: &Realm, text: &str) -> Result<Resolved, Error> {
    let account = match account_named(text) {
        Some(id) => realm.account(id).await?,
        None => None,
    };
    Ok(resolve(text, account.as_deref()))
}

/// Whether it can be told without parsing that a stored document has no unique id in it, as most have
/// none: an id begins with its kind's letters, unless they are written as JSON escapes.
fn names_no_id(document: &str) -> bool {
    !document.contains('\\') && !document.contains("AIDA") && !document.contains("AROA")
}

/// The ARN of whom a unique id (`AIDA…`, `AROA…`, `AROA…:session`) names, if it still exists.
pub(crate) async fn shown_form(realm: &Realm, text: &str) -> Result<Option<String>, Error> {
    let (id, session) = match text.split_once(':') {
        Some((id, session)) => (id, Some(session)),
        None => (text, None),
    };
    let Some(account) = UniqueId::account_of(id) else {
        return Ok(None);
    };
    let Some(account) = realm.account(account).await? else {
        return Ok(None);
    };
    let id = UniqueId::stored(id);
    let user = account
        .users
        .with_id(&id)
        .filter(|_| session.is_none())
        .map(|state| state.arn.clone());
    let role = || {
        let state = account.roles.with_id(&id)?;
        Some(match session {
            None => state.arn.clone(),
            Some(session) => format!(
                "arn:aws:sts::{}:assumed-role/{}/{session}",
                account.id, state.role.name
            ),
        })
    };
    Ok(user.or_else(role))
}

#[cfg(test)]
mod tests {
    use super::names_no_id;

    #[test]
    fn an_id_is_looked_for_however_it_is_written() {
        let document =
            |principal: &str| format!(r#"{{"Statement":{{"Principal":{{"AWS":"{principal}"}}}}}}"#);
        assert!(names_no_id(&document("arn:aws:iam::123456789012:root")));
        assert!(names_no_id(&document("*")));
        for id in ["AROAX", "AIDAX:session", "\\u0041ROAX", "A\\u0049DAX"] {
            assert!(!names_no_id(&document(id)), "{id}");
        }
    }
}
