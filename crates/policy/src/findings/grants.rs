//! Statements that allow more than they should: to everyone, to strangers, to everything.

use super::{Report, Severity, brief, catalogue};
use crate::arn;
use crate::document::{Effect, Kind};
use crate::findings::patterns::covers_arn;
use crate::glob::Glob;
use crate::operator::{Quantifier, Test};
use crate::principal::PrincipalType;
use crate::validate::draft::{DraftCondition, DraftElement, DraftPrincipal, DraftStatement, Text};

pub(super) fn check(statement: &DraftStatement<'_>, report: &mut Report<'_>) {
    if statement.effect != Some(Effect::Allow) {
        return;
    }
    match report.kind {
        Kind::Identity => {
            negations(statement, report);
            pass_role(statement, report);
            everything(statement, report);
        }
        Kind::Session => negations(statement, report),
        Kind::Trust | Kind::Resource => {
            negations(statement, report);
            if let Some(principal) = &statement.principal {
                principals(statement, principal, report);
            }
        }
        // They set limits and grant nothing.
        Kind::ServiceControl | Kind::ResourceControl => {}
    }
}

/// An Allow of all but something allows what nobody thought of.
fn negations(statement: &DraftStatement<'_>, report: &mut Report<'_>) {
    if let Some(actions) = statement.actions.as_ref().filter(|e| e.negated) {
        let message = "NotAction with Allow allows every other action, of every service, those to \
                       come included";
        let severity = Severity::SecurityWarning;
        report.add(severity, "ALLOW_WITH_NOT_ACTION", actions.name, message);
    }
    if let Some(resources) = statement.resources.as_ref().filter(|e| e.negated) {
        let message = "NotResource with Allow allows the actions on every other resource, those to \
                       come included";
        let severity = Severity::SecurityWarning;
        report.add(severity, "ALLOW_WITH_NOT_RESOURCE", resources.name, message);
    }
}

/// Handing any role to a service is having any role.
fn pass_role(statement: &DraftStatement<'_>, report: &mut Report<'_>) {
    let (Some(actions), Some(resources)) = (&statement.actions, &statement.resources) else {
        return;
    };
    let passes =
        |text: &&Text<'_>| Glob::new(&text.value.to_ascii_lowercase()).matches("iam:passrole");
    let action = actions.values.iter().find(passes);
    if action.is_some() == actions.negated {
        return;
    }
    let every_role = |text: &&Text<'_>| covers_arn(&text.value, "arn:aws:iam::*:role/*");
    let resource = resources.values.iter().find(every_role);
    if resources.negated == resource.is_some() {
        return;
    }
    let tied = statement.conditions.iter().any(|condition| {
        let key = condition.key.value.to_ascii_lowercase();
        let ties = ["iam:passedtoservice", "iam:associatedresourcearn"].contains(&&*key);
        ties && narrows(condition)
    });
    if tied {
        return;
    }
    let wildcard = action.is_some_and(|text| text.value.contains(['*', '?']));
    let code = match (actions.negated, wildcard, resources.negated) {
        (true, _, false) => "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
        (true, _, true) => "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE",
        (false, true, false) => "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE",
        (false, true, true) => "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
        (false, false, false) => "PASS_ROLE_WITH_STAR_IN_RESOURCE",
        (false, false, true) => "PASS_ROLE_WITH_NOT_RESOURCE",
    };
    let span = action.map_or(actions.name, |text| text.span);
    let message = "this allows iam:PassRole on every role: name the roles, or the service with the \
                   key iam:PassedToService";
    report.add(Severity::SecurityWarning, code, span, message);
}

/// All actions, or all that manage the permissions of a service, on everything.
fn everything(statement: &DraftStatement<'_>, report: &mut Report<'_>) {
    let (Some(actions), Some(resources)) = (&statement.actions, &statement.resources) else {
        return;
    };
    let everywhere = !resources.negated && resources.values.iter().any(|text| text.value == "*");
    if actions.negated || !everywhere || !statement.conditions.is_empty() {
        return;
    }
    for text in &actions.values {
        let value = &*text.value;
        if ["*", "*:*"].contains(&value) {
            let message = "this allows every action on every resource";
            let severity = Severity::SecurityWarning;
            report.add(severity, "ALLOW_EVERYTHING", text.span, message);
            return;
        }
        let lower = value.to_ascii_lowercase();
        let Some((prefix, pattern)) = lower.split_once(':') else {
            continue;
        };
        let Some(service) = catalogue::service(prefix).filter(|_| pattern.contains(['*', '?']))
        else {
            continue;
        };
        let Some(matching) = report.matching(service, pattern) else {
            return;
        };
        let mut managing = matching
            .iter()
            .filter(|action| action.manages_permissions());
        if let Some(first) = managing.next() {
            let more = match managing.count() {
                0 => String::new(),
                count => format!(" and {count} more"),
            };
            let (value, name) = (brief(value), first.name());
            let message = format!(
                "`{value}` on every resource takes in actions that manage permissions: \
                 {prefix}:{name}{more}"
            );
            let severity = Severity::SecurityWarning;
            report.add(
                severity,
                "PERMISSIONS_MANAGEMENT_WITH_WILDCARD",
                text.span,
                message,
            );
        }
    }
}

fn principals(
    statement: &DraftStatement<'_>,
    principal: &DraftPrincipal<'_>,
    report: &mut Report<'_>,
) {
    if principal.negated {
        return;
    }
    let narrowed = statement.conditions.iter().any(narrows_principals);
    let sourced = statement.conditions.iter().any(tells_the_source);
    let told_apart = statement.conditions.iter().any(asks_for_external_id);
    let assumed = assumes(&statement.actions) && !told_apart;
    for (kind, text) in &principal.values {
        let severity = Severity::SecurityWarning;
        match kind {
            PrincipalType::Everyone | PrincipalType::Aws if narrowed => {}
            PrincipalType::Everyone | PrincipalType::Aws if text.value == "*" => {
                let message = "this lets everyone in: name the principals, or narrow them by a \
                               condition on aws:PrincipalOrgID, aws:PrincipalArn or the like";
                report.add(severity, "EVERYONE_ALLOWED", text.span, message);
            }
            PrincipalType::Aws if report.kind == Kind::Trust && assumed => foreign(text, report),
            PrincipalType::Service if report.kind == Kind::Resource && !sourced => {
                let message = "a service principal acts for all its customers: add a condition on \
                               aws:SourceArn, aws:SourceAccount, aws:SourceOrgID or \
                               aws:SourceOrgPaths";
                let code = "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL";
                report.add(severity, code, text.span, message);
            }
            _ => {}
        }
    }
}

/// Whoever runs a service for many customers can be talked into using this role for another one of
/// them, unless an external id tells them apart.
fn foreign(text: &Text<'_>, report: &mut Report<'_>) {
    let Some(own) = report.account else { return };
    let account = arn::split(&text.value).map_or(&*text.value, |[_, _, _, _, account, _]| account);
    if !arn::is_account_id(account) || account == own {
        return;
    }
    let message = format!(
        "the account {account} is not this one and need not give an external id: add a condition \
         on sts:ExternalId"
    );
    let code = "FOREIGN_ACCOUNT_WITHOUT_EXTERNAL_ID";
    report.add(Severity::SecurityWarning, code, text.span, message);
}

fn asks_for_external_id(condition: &DraftCondition<'_>) -> bool {
    condition.key.value.eq_ignore_ascii_case("sts:ExternalId") && narrows(condition)
}

fn assumes(actions: &Option<DraftElement<'_>>) -> bool {
    let values = actions.iter().flat_map(|element| &element.values);
    values
        .into_iter()
        .any(|text| Glob::new(&text.value.to_ascii_lowercase()).matches("sts:assumerole"))
}

/// Keys whose value a stranger cannot choose.
const OF_PRINCIPALS: [&str; 20] = [
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:sourceowner",
    "aws:sourcevpc",
    "aws:sourcevpcarn",
    "aws:sourcevpce",
    "aws:userid",
    "aws:vpceaccount",
    "aws:vpceorgid",
    "aws:vpceorgpaths",
    "kms:calleraccount",
];

fn narrows_principals(condition: &DraftCondition<'_>) -> bool {
    let key = condition.key.value.to_ascii_lowercase();
    OF_PRINCIPALS.contains(&&*key) && narrows(condition)
}

fn tells_the_source(condition: &DraftCondition<'_>) -> bool {
    const SOURCES: [&str; 5] = [
        "aws:sourcearn",
        "aws:sourceaccount",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
    ];
    SOURCES.contains(&&*condition.key.value.to_ascii_lowercase()) && narrows(condition)
}

/// Whether a condition holds only for some requests, and not for those that lack its key.
fn narrows(condition: &DraftCondition<'_>) -> bool {
    let operator = condition.operator;
    let asks = !operator.negated
        && !operator.if_exists
        && operator.quantifier != Quantifier::ForAllValues
        && operator.test != Test::Null;
    let open = |text: &Text<'_>| match operator.test {
        Test::StringLike => text.value.chars().all(|c| matches!(c, '*' | '?')),
        Test::Arn => text
            .value
            .splitn(6, ':')
            .all(|part| ["*", "arn"].contains(&part)),
        Test::IpAddress => text.value.ends_with("/0"),
        _ => false,
    };
    asks && !condition.values.iter().any(open)
}
