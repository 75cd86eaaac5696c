//! Policies that name principals: role trust policies, and policies of resources.

use super::draft::{Draft, DraftPrincipal, DraftStatement, Text};
use super::identity::{action, condition_key, odd_sid, readable_resources, readable_values};
use super::{Occasion, Refusal, bad_shape, refuse, tenant};
use crate::document::{Effect, Kind};
use crate::glob::Glob;
use crate::json::Span;
use crate::principal::PrincipalType;

/// Version, statements, Sids, then each statement in its order.
pub(super) fn check(draft: &Draft<'_>, kind: Kind, occasion: Occasion) -> Result<(), Refusal> {
    if !draft.known_version() {
        let message = "The policy must contain a valid version string";
        return refuse("INVALID_VERSION", draft.version_span(), message);
    }
    if draft.statements.is_empty() {
        let message = "Could not parse the policy: Statement is empty!";
        return refuse("MISSING_STATEMENT", draft.list, message);
    }
    if let Some(span) = draft.repeated_sid() {
        let message = "The Statement Ids in the policy are not unique";
        return refuse("UNIQUE_SIDS_REQUIRED", span, message);
    }
    if let (Kind::Trust, Some(sid)) = (kind, draft.statements.iter().find_map(odd_sid)) {
        return refuse("UNSUPPORTED_SID", sid.span, bad_shape(kind));
    }
    for statement in &draft.statements {
        let whole = statement.span;
        let Some(effect) = statement.effect else {
            return refuse("MISSING_EFFECT", whole, "Missing required field Effect");
        };
        let Some(named) = &statement.principal else {
            let message = "Missing required field Principal";
            return refuse("MISSING_PRINCIPAL", whole, message);
        };
        principals(named, effect, kind)?;
        if !statement.has_actions() {
            return refuse("MISSING_ACTION", whole, "Missing required field Action");
        }
        if kind == Kind::Trust {
            assume_role(statement)?;
        } else {
            resource_statement(statement)?;
        }
        readable_values(statement, draft.variables())?;
        readable_resources(statement, draft.variables())?;
        for entry in &statement.conditions {
            condition_key(&entry.key)?;
        }
    }
    if kind == Kind::Trust && occasion == Occasion::Write {
        tenant::check(draft)?;
    }
    Ok(())
}

fn principals(named: &DraftPrincipal<'_>, effect: Effect, kind: Kind) -> Result<(), Refusal> {
    if named.values.is_empty() {
        let message = "Missing required field Principal cannot be empty!";
        return refuse("MISSING_PRINCIPAL", named.name, message);
    }
    if named.bare && (kind == Kind::Trust || named.values.iter().any(|(_, p)| p.value != "*")) {
        let message = "Principal must be a JSON object.";
        return refuse("INVALID_PRINCIPAL_FORMAT", named.name, message);
    }
    if named.negated {
        if effect == Effect::Allow {
            let message = "Allow with NotPrincipal is not allowed.";
            return refuse("ALLOW_WITH_NOT_PRINCIPAL", named.name, message);
        }
        if kind == Kind::Trust {
            let message = "AssumeRole policy must not contain NotPrincipal field.";
            return refuse("UNSUPPORTED_PRINCIPAL", named.name, message);
        }
    }
    for (kind, text) in &named.values {
        if !kind.admits(&text.value) {
            return Err(invalid_principal(*kind, text));
        }
    }
    Ok(())
}

fn invalid_principal(kind: PrincipalType, text: &Text<'_>) -> Refusal {
    let kind = match kind {
        PrincipalType::Everyone | PrincipalType::Aws => "AWS",
        PrincipalType::Service => "SERVICE",
        PrincipalType::Federated => "FEDERATED",
        PrincipalType::CanonicalUser => "CANONICALUSER",
    };
    let value = &text.value;
    let code = if value.contains(['*', '?']) {
        "UNSUPPORTED_WILDCARD_IN_PRINCIPAL"
    } else {
        "INVALID_PRINCIPAL_FORMAT"
    };
    let message = format!("Invalid principal in policy: \"{kind}\":\"{value}\"");
    Refusal::new(code, text.span, message)
}

/// A trust policy speaks about assuming the role it is attached to, and nothing else.
fn assume_role(statement: &DraftStatement<'_>) -> Result<(), Refusal> {
    if let Some(actions) = &statement.actions {
        let message = "AssumeRole policy may only specify STS AssumeRole actions.";
        let refuse = |span: Span| refuse("UNSUPPORTED_ACTION_IN_POLICY", span, message);
        if actions.negated {
            return refuse(actions.name);
        }
        if let Some(text) = actions.values.iter().find(|text| !of_the_family(text)) {
            return refuse(text.span);
        }
    }
    let Some(resources) = &statement.resources else {
        return Ok(());
    };
    let message = if resources.negated {
        "AssumeRole policy must not contain resources."
    } else {
        "Has prohibited field Resource"
    };
    refuse("UNSUPPORTED_ELEMENT", resources.name, message)
}

fn of_the_family(text: &Text<'_>) -> bool {
    let pattern = text.value.to_ascii_lowercase();
    pattern.starts_with("sts:") && {
        let glob = Glob::new(&pattern);
        ASSUME.iter().any(|action| glob.matches(action))
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

fn resource_statement(statement: &DraftStatement<'_>) -> Result<(), Refusal> {
    if let Some(refusal) = statement.actions().find_map(|text| action(text).err()) {
        let told = refusal.message.into_owned();
        let message = "Policy has invalid action";
        return Err(Refusal::new(refusal.code, refusal.span, message).because(told));
    }
    if !statement.has_resources() {
        let message = "Missing required field Resource";
        return refuse("MISSING_RESOURCE", statement.span, message);
    }
    let odd = |text: &&Text<'_>| text.value != "*" && !is_arn_pattern(&text.value);
    if let Some(text) = statement.resources().find(odd) {
        return refuse(
            "INVALID_ARN_PREFIX",
            text.span,
            "Policy has invalid resource",
        );
    }
    Ok(())
}

fn is_arn_pattern(text: &str) -> bool {
    let segments = text.splitn(6, ':').count();
    text.starts_with("arn:") && (segments == 6 || text.ends_with('*'))
}
