//! Policies of an organization: service control policies and resource control policies.
//!
//! Organizations tells one message for all that is wrong.

use super::identity::{self, action, condition_key};
use super::{Draft, DraftStatement};
use crate::document::{Effect, Kind, Malformed};
use crate::principal::PrincipalType;

pub(super) const MALFORMED: &str =
    "The provided policy document does not meet the requirements of the specified policy type.";

pub(super) fn check(draft: &Draft, kind: Kind) -> Result<(), Malformed> {
    let rules = match kind {
        Kind::ResourceControl => denies_everyone,
        _ => names_nobody,
    };
    let variables = draft.variables();
    let fine = draft.known_version()
        && (kind == Kind::ResourceControl || variables)
        && !draft.statements.is_empty()
        && draft.unique_sids()
        && draft.statements.iter().all(|statement| {
            identity::plain_sid(statement)
                && statement.has_actions()
                && statement.has_resources()
                && statement.readable_resources(variables)
                && statement.readable_conditions(variables)
                && actions(statement).all(|text| action(text).is_ok())
                && statement
                    .conditions
                    .iter()
                    .all(|entry| condition_key(&entry.key).is_ok())
                && rules(statement)
        });
    if fine {
        Ok(())
    } else {
        Err(Malformed::new(MALFORMED))
    }
}

/// A service control policy is about the principals of the accounts it is attached to.
fn names_nobody(statement: &DraftStatement) -> bool {
    statement.effect.is_some() && statement.principal.is_none()
}

/// A resource control policy denies named actions of named services to everyone.
fn denies_everyone(statement: &DraftStatement) -> bool {
    let everyone = statement.principal.as_ref().is_some_and(|named| {
        let element = &named.element;
        !element.negated
            && matches!(element.values.as_slice(), [one] if one.value == "*"
                && matches!(one.kind, PrincipalType::Everyone | PrincipalType::Aws))
    });
    let named = statement.actions.as_ref().is_some_and(|e| !e.negated);
    statement.effect == Some(Effect::Deny)
        && everyone
        && named
        && actions(statement).all(|text| text != "*")
}

fn actions(statement: &DraftStatement) -> impl Iterator<Item = &String> {
    statement.actions.iter().flat_map(|element| &element.values)
}
