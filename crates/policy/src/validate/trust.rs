//! Policies that name principals: role trust policies, and policies of resources.

use super::identity::{self, LEGACY, action, condition_key};
use super::{Draft, DraftPrincipal, DraftStatement, bad_shape};
use crate::document::{Effect, Kind, Malformed};
use crate::glob::Glob;
use crate::principal::PrincipalType;

/// Version, statements, Sids, then each statement in its order.
pub(super) fn check(draft: &Draft, kind: Kind) -> Result<(), Malformed> {
    let refuse = |message: &str| Err(Malformed::new(message));
    if !draft.known_version() {
        return refuse("The policy must contain a valid version string");
    }
    if draft.statements.is_empty() {
        return refuse("Could not parse the policy: Statement is empty!");
    }
    if !draft.unique_sids() {
        return refuse("The Statement Ids in the policy are not unique");
    }
    if kind == Kind::Trust && !draft.statements.iter().all(identity::plain_sid) {
        return refuse(bad_shape(kind));
    }
    for statement in &draft.statements {
        let effect = required(statement.effect, "Effect")?;
        let named = required(statement.principal.as_ref(), "Principal")?;
        principals(named, effect, kind)?;
        if !statement.has_actions() {
            return Err(missing("Action"));
        }
        if kind == Kind::Trust {
            assume_role(statement)?;
        } else {
            resource_statement(statement)?;
        }
        let variables = draft.variables();
        if !statement.readable_conditions(variables) || !statement.readable_resources(variables) {
            return refuse(LEGACY);
        }
        for entry in &statement.conditions {
            condition_key(&entry.key)?;
        }
    }
    Ok(())
}

fn required<T>(value: Option<T>, field: &str) -> Result<T, Malformed> {
    value.ok_or_else(|| missing(field))
}

fn missing(field: &str) -> Malformed {
    Malformed::new(format!("Missing required field {field}"))
}

fn principals(named: &DraftPrincipal, effect: Effect, kind: Kind) -> Result<(), Malformed> {
    let refuse = |message: &str| Err(Malformed::new(message));
    let values = &named.element.values;
    if values.is_empty() {
        return refuse("Missing required field Principal cannot be empty!");
    }
    if named.bare && (kind == Kind::Trust || values.iter().any(|p| p.value != "*")) {
        return refuse("Principal must be a JSON object.");
    }
    if named.element.negated {
        if effect == Effect::Allow {
            return refuse("Allow with NotPrincipal is not allowed.");
        }
        if kind == Kind::Trust {
            return refuse("AssumeRole policy must not contain NotPrincipal field.");
        }
    }
    for principal in values {
        // S3's account ids, under which nobody calls here: a statement about one could not be kept.
        let known = principal.kind != PrincipalType::CanonicalUser;
        if !known || !principal.kind.admits(&principal.value) {
            let kind = match principal.kind {
                PrincipalType::Everyone | PrincipalType::Aws => "AWS",
                PrincipalType::Service => "SERVICE",
                PrincipalType::Federated => "FEDERATED",
                PrincipalType::CanonicalUser => "CANONICALUSER",
            };
            let value = &principal.value;
            return Err(Malformed::new(format!(
                "Invalid principal in policy: \"{kind}\":\"{value}\""
            )));
        }
    }
    Ok(())
}

/// A trust policy speaks about assuming the role it is attached to, and nothing else.
fn assume_role(statement: &DraftStatement) -> Result<(), Malformed> {
    let refuse = |message: &str| Err(Malformed::new(message));
    if let Some(actions) = &statement.actions {
        let family = |text: &String| {
            let pattern = text.to_ascii_lowercase();
            pattern.starts_with("sts:") && {
                let glob = Glob::new(&pattern);
                ASSUME.iter().any(|action| glob.matches(action))
            }
        };
        if actions.negated || !actions.values.iter().all(family) {
            return refuse("AssumeRole policy may only specify STS AssumeRole actions.");
        }
    }
    match &statement.resources {
        None => Ok(()),
        Some(resources) if resources.negated => {
            refuse("AssumeRole policy must not contain resources.")
        }
        Some(_) => refuse("Has prohibited field Resource"),
    }
}

const ASSUME: [&str; 6] = [
    "sts:assumerole",
    "sts:assumerolewithsaml",
    "sts:assumerolewithwebidentity",
    "sts:tagsession",
    "sts:setsourceidentity",
    "sts:setcontext",
];

fn resource_statement(statement: &DraftStatement) -> Result<(), Malformed> {
    let actions = statement.actions.iter().flat_map(|e| &e.values);
    if actions.into_iter().any(|text| action(text).is_err()) {
        return Err(Malformed::new("Policy has invalid action"));
    }
    if !statement.has_resources() {
        return Err(missing("Resource"));
    }
    let resources = statement.resources.iter().flat_map(|e| &e.values);
    if resources
        .into_iter()
        .any(|text| text != "*" && !is_arn_pattern(text))
    {
        return Err(Malformed::new("Policy has invalid resource"));
    }
    Ok(())
}

fn is_arn_pattern(text: &str) -> bool {
    let segments = text.splitn(6, ':').count();
    text.starts_with("arn:") && (segments == 6 || text.ends_with('*'))
}
