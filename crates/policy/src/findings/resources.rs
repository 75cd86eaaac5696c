//! Actions on resources they cannot have.

use super::catalogue::{self, Known};
use super::patterns::{meet_arn, without_variables};
use super::{Report, Severity, brief};
use crate::json::Span;
use crate::validate::draft::{DraftStatement, Text};

/// What the resources of a statement are to one of its actions.
enum Fit {
    Some,
    /// None of them can be what the action works on.
    None,
    /// The action works on nothing in particular, and asks for `*`.
    NeedsStar,
}

pub(super) fn check(statement: &DraftStatement<'_>, report: &mut Report<'_>) {
    let (Some(actions), Some(resources)) = (&statement.actions, &statement.resources) else {
        return;
    };
    if actions.negated || resources.negated || resources.values.iter().any(|t| t.value == "*") {
        return;
    }
    let patterns: Vec<String> = resources.values.iter().map(pattern).collect();
    let mut misfits: Vec<(&Text<'_>, Fit)> = Vec::new();
    for text in &actions.values {
        match fit(text, &patterns, report) {
            Some(Fit::Some) | None => {}
            Some(misfit) => misfits.push((text, misfit)),
        }
    }
    if misfits.len() == actions.values.len() && misfits.len() > 1 {
        let message = "no action of this statement can be on one of its resources, so that it never \
                       matches";
        return add(
            report,
            "UNREACHABLE_STATEMENT",
            statement.span,
            message.to_owned(),
        );
    }
    for (text, misfit) in misfits {
        let value = brief(&text.value);
        match misfit {
            Fit::NeedsStar => {
                let message =
                    format!("`{value}` is on no resource in particular and matches only `*`");
                add(report, "ACTION_NEEDS_STAR_RESOURCE", text.span, message);
            }
            _ => {
                let message = format!("`{value}` cannot be on any of the statement's resources");
                add(report, "ACTION_RESOURCE_MISMATCH", text.span, message);
            }
        }
    }
}

fn add(report: &mut Report<'_>, code: &'static str, span: Span, message: String) {
    report.add(Severity::Warning, code, span, message);
}

/// What a resource may be, behind its partition.
fn pattern(text: &Text<'_>) -> String {
    let text = without_variables(&text.value);
    match text.splitn(3, ':').nth(2) {
        Some(rest) => rest.to_owned(),
        // Shorter than an ARN: whatever follows.
        None => "*".to_owned(),
    }
}

fn fit(text: &Text<'_>, patterns: &[String], report: &mut Report<'_>) -> Option<Fit> {
    let lower = text.value.to_ascii_lowercase();
    let (prefix, name) = lower.split_once(':')?;
    let service = catalogue::service(prefix)?;
    let known = report.matching(service, name)?;
    if known.is_empty() {
        return None;
    }
    let mut arns: Vec<&'static str> = known.iter().flat_map(Known::resources).collect();
    if arns.is_empty() {
        return Some(Fit::NeedsStar);
    }
    arns.sort_unstable();
    arns.dedup();
    for arn in arns {
        for pattern in patterns {
            if !report.spend(1 + arn.len() * pattern.len() / 64) {
                return None;
            }
            if meet_arn(pattern, arn) {
                return Some(Fit::Some);
            }
        }
    }
    Some(Fit::None)
}
