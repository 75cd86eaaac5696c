//! Whether somebody has the permissions that a request asks for.
//!
//! The answer is approximate, as AWS's is: what a pattern of actions or resources stands for is tried
//! with two texts that only a pattern at least as wide can match, and policies may depend on what the
//! requests will be like. It decides who may approve; what the session may do is decided at each
//! request, by the approver's policies and the request's both.

use super::permission::{Statement, statements};
use crate::caller::{Caller, Need, RequestFacts};
use crate::environment::Seconds;
use locum_policy::{
    Decision, Effect, ElementName, Explanation, Mismatch, StatementReport, wildcard_matches,
};

/// `PermissionCheckResult`
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum PermissionCheckResult {
    /// The caller has them all.
    Allowed,
    /// It depends on what the requests will be like, or some are denied.
    Unsure,
    /// Some are missing.
    Denied,
}

/// What stands in the place of wildcards: of two lengths, so that no count of `?` matches both, and of
/// a character that no pattern names.
const FILLERS: [&str; 2] = [
    "\u{7f}",
    "\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}\u{7f}",
];
/// Another time of day and another day of the week.
const LATER: Seconds = 35 * 3600;

/// Checks a permission policy; `None` if it cannot be read.
pub(super) fn permissions(
    caller: &Caller,
    facts: &RequestFacts,
    policy: &str,
) -> Option<PermissionCheckResult> {
    let statements = statements(policy)?;
    // A request of the session will come from elsewhere, with another program, at another time.
    let elsewhere = RequestFacts {
        now: facts.now.saturating_add(LATER),
        source_ip: None,
        user_agent: None,
        referer: None,
        secure_transport: !facts.secure_transport,
        ..facts.clone()
    };
    let asked = statements.iter().filter(|statement| statement.allows);
    let results = asked.flat_map(pairs).map(|pair| {
        let each = FILLERS
            .iter()
            .map(|filler| try_one(caller, [facts, &elsewhere], pair, filler));
        each.max().unwrap_or(PermissionCheckResult::Denied)
    });
    Some(results.max().unwrap_or(PermissionCheckResult::Allowed))
}

fn pairs(statement: &Statement) -> impl Iterator<Item = (&str, &str)> {
    let actions = statement.actions.iter();
    actions.flat_map(|action| {
        let resources = statement.resources.iter();
        resources.map(move |resource| (action.as_str(), resource.as_str()))
    })
}

fn try_one(
    caller: &Caller,
    facts: [&RequestFacts; 2],
    (action, resource): (&str, &str),
    filler: &str,
) -> PermissionCheckResult {
    let need = Need::new(filled(action, filler), filled(resource, filler));
    let [here, elsewhere] = facts.map(|facts| caller.explain(facts, &need));
    match (here.decision, elsewhere.decision) {
        (Decision::Allowed, Decision::Allowed) => {
            if denials(&here).any(|report| may_deny(report, action, resource)) {
                PermissionCheckResult::Unsure
            } else {
                PermissionCheckResult::Allowed
            }
        }
        (Decision::Denied(denial), Decision::Denied(_)) => {
            if !denial.explicit && depends(&here) {
                PermissionCheckResult::Unsure
            } else {
                PermissionCheckResult::Denied
            }
        }
        _ => PermissionCheckResult::Unsure,
    }
}

fn denials(explanation: &Explanation) -> impl Iterator<Item = &StatementReport> {
    let layers = explanation.layers.iter();
    let reports = layers.flat_map(|layer| &layer.statements);
    reports.filter(|report| report.effect == Effect::Deny)
}

/// Whether a statement that does not deny the text that was tried may deny part of what is asked.
fn may_deny(report: &StatementReport, action: &str, resource: &str) -> bool {
    let overlaps = |asked: &str, wanted: &[String]| {
        let asked = asked.to_ascii_lowercase();
        wanted
            .iter()
            .any(|wanted| wildcard_matches(&asked, &wanted.to_ascii_lowercase()))
    };
    match &report.mismatch {
        Some(Mismatch::Condition { .. }) => true,
        Some(Mismatch::Element {
            element, wanted, ..
        }) => match element {
            ElementName::Action => overlaps(action, wanted),
            ElementName::Resource => overlaps(resource, wanted),
            ElementName::NotAction
            | ElementName::NotResource
            | ElementName::Principal
            | ElementName::NotPrincipal => false,
        },
        None => true,
    }
}

/// Whether some statement would allow it under other conditions.
fn depends(explanation: &Explanation) -> bool {
    let layers = explanation.layers.iter();
    let mut reports = layers.flat_map(|layer| &layer.statements);
    reports.any(|report| {
        report.effect == Effect::Allow
            && matches!(report.mismatch, Some(Mismatch::Condition { .. }))
    })
}

/// A pattern with a text in the place of each wildcard and variable.
fn filled(pattern: &str, filler: &str) -> String {
    let mut out = String::new();
    let mut rest = pattern;
    let wild = |out: &mut String, text: &str| {
        for c in text.chars() {
            match c {
                '*' | '?' => out.push_str(filler),
                c => out.push(c),
            }
        }
    };
    while let Some((before, behind)) = rest.split_once("${") {
        wild(&mut out, before);
        let Some((name, behind)) = behind.split_once('}') else {
            break;
        };
        match name {
            "*" | "?" | "$" => out.push_str(name),
            _ => out.push_str(filler),
        }
        rest = behind;
    }
    wild(&mut out, rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_for_a_pattern() {
        for (pattern, wanted) in [
            ("s3:GetObject", "s3:GetObject"),
            ("s3:Get*", "s3:GetX"),
            ("arn:aws:s3:::a?b/*", "arn:aws:s3:::aXb/X"),
            ("arn:aws:s3:::a${*}${?}${$}b", "arn:aws:s3:::a*?$b"),
            ("home/${aws:username}/*", "home/X/X"),
        ] {
            assert_eq!(filled(pattern, "X"), wanted, "{pattern}");
        }
    }
}
