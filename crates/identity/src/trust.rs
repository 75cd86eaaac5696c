//! Principals in stored policies: unique ids in the store, ARNs for readers.
//!
//! When a trust or bucket policy is written, each user and role in it must exist and is replaced by
//! its unique id; when it is read, ids of principals that still exist are shown as their current
//! ARNs. So a principal that was deleted stays out, whoever takes its name (IAM user guide, "AWS
//! JSON policy elements: Principal").

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

enum Resolved {
    As(String),
    Unchanged,
    Missing,
}

async fn stored_form(realm: &Realm, text: &str) -> Result<Resolved, Error> {
    if text == "*" {
        return Ok(Resolved::Unchanged);
    }
    // A bare account id, and the account's root, name the account: it must be one of ours.
    let known = |id: AccountId| realm.directory().accounts.contains_key(&id);
    if let Ok(id) = AccountId::parse(text) {
        return Ok(if known(id) {
            Resolved::Unchanged
        } else {
            Resolved::Missing
        });
    }
    let Some(arn) = Arn::parse(text) else {
        // A unique id is accepted as long as its principal exists.
        return Ok(if shown_form(realm, text).await?.is_some() {
            Resolved::Unchanged
        } else {
            Resolved::Missing
        });
    };
    let Ok(id) = AccountId::parse(arn.account()) else {
        return Ok(Resolved::Missing);
    };
    if arn.partition() != "aws" || !arn.region().is_empty() || !known(id) {
        return Ok(Resolved::Missing);
    }
    let Some(account) = realm.account(id).await? else {
        return Ok(Resolved::Missing);
    };
    let last = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let found = match (arn.service(), arn.resource().split_once('/')) {
        ("iam", None) if arn.resource() == "root" => return Ok(Resolved::Unchanged),
        ("iam", Some(("user", path))) => account
            .users
            .named(&last(path))
            .filter(|state| state.arn == text)
            .map(|state| state.user.id.to_string()),
        ("iam", Some(("role", path))) => account
            .roles
            .named(&last(path))
            .filter(|state| state.arn == text)
            .map(|state| state.role.id.to_string()),
        ("sts", Some(("assumed-role", rest))) => {
            rest.split_once('/').and_then(|(role, session)| {
                let state = account
                    .roles
                    .named(role)
                    .filter(|state| state.role.name.as_str() == role)?;
                crate::names::RoleSessionName::parse(session).ok()?;
                Some(format!("{}:{session}", state.role.id))
            })
        }
        ("sts", Some(("federated-user", name))) => {
            let legal = crate::names::FederatedUserName::parse(name).is_ok();
            return Ok(if legal {
                Resolved::Unchanged
            } else {
                Resolved::Missing
            });
        }
        _ => None,
    };
    Ok(found.map_or(Resolved::Missing, Resolved::As))
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
