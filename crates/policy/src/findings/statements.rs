//! Statements that another one of the document makes superfluous, or undoes.

use super::patterns::{covers, covers_arn, effort, meet};
use super::{Report, Severity};
use crate::document::Effect;
use crate::principal::PrincipalType;
use crate::validate::draft::{Draft, DraftElement, DraftStatement, Text};

/// A statement in a form that is quick to compare.
struct Shape<'a, 's> {
    statement: &'s DraftStatement<'a>,
    /// In lower case.
    actions: Vec<String>,
    resources: Vec<String>,
    /// The conditions in an order of their own, so that equal ones are equal texts.
    conditions: String,
}

pub(super) fn check(draft: &Draft<'_>, report: &mut Report<'_>) {
    let shapes: Vec<Shape<'_, '_>> = draft.statements.iter().map(Shape::new).collect();
    for (index, shape) in shapes.iter().enumerate() {
        if let Some((other, undoes)) = covering(&shapes, index, shape, report) {
            let place = report.lines.position(other.span.start);
            let (severity, code, message) = if undoes {
                (
                    Severity::Warning,
                    "UNREACHABLE_STATEMENT",
                    format!("the Deny at {place} takes in all that this statement allows"),
                )
            } else {
                (
                    Severity::Suggestion,
                    "REDUNDANT_STATEMENT",
                    format!("the statement at {place} takes in all of this one"),
                )
            };
            report.add(severity, code, shape.statement.span, message);
        }
    }
}

/// The first statement that takes in all of another, and whether it denies what the other allows.
fn covering<'a, 's>(
    shapes: &[Shape<'a, 's>],
    index: usize,
    shape: &Shape<'a, 's>,
    report: &mut Report<'_>,
) -> Option<(&'s DraftStatement<'a>, bool)> {
    let mut found = None;
    for (place, other) in shapes
        .iter()
        .enumerate()
        .filter(|(place, _)| *place != index)
    {
        if !report.spend(1) {
            return None;
        }
        let undoes = other.statement.effect == Some(Effect::Deny)
            && shape.statement.effect == Some(Effect::Allow);
        let same = other.statement.effect == shape.statement.effect;
        let conditions =
            other.conditions.is_empty() || (same && other.conditions == shape.conditions);
        if !(undoes || same) || !conditions || !other.takes_in(shape, report) {
            continue;
        }
        // Of two that say the same, the first stays.
        if same
            && place > index
            && shape.conditions == other.conditions
            && shape.takes_in(other, report)
        {
            continue;
        }
        if undoes {
            return Some((other.statement, true));
        }
        found = found.or(Some((other.statement, false)));
    }
    found
}

impl<'a, 's> Shape<'a, 's> {
    fn new(statement: &'s DraftStatement<'a>) -> Shape<'a, 's> {
        let mut conditions: Vec<String> = Vec::new();
        for condition in &statement.conditions {
            let mut values: Vec<&str> = condition.values.iter().map(|v| &*v.value).collect();
            values.sort_unstable();
            let key = condition.key.value.to_ascii_lowercase();
            let operator = &condition.operator_name.value;
            conditions.push(format!("{operator:?} {key:?} {values:?}"));
        }
        conditions.sort_unstable();
        let lower = |text: &Text<'_>| text.value.to_ascii_lowercase();
        Shape {
            statement,
            actions: statement.actions().map(lower).collect(),
            resources: statement
                .resources()
                .map(|text| text.value.clone().into_owned())
                .collect(),
            conditions: conditions.join("\n"),
        }
    }

    /// Whether this statement is about all that another one is about, conditions aside.
    fn takes_in(&self, other: &Shape<'_, '_>, report: &mut Report<'_>) -> bool {
        let (a, b) = (self.statement, other.statement);
        self.same_principals(other, report)
            && elements_take_in(
                (&a.actions, &self.actions),
                (&b.actions, &other.actions),
                covers,
                report,
            )
            && elements_take_in(
                (&a.resources, &self.resources),
                (&b.resources, &other.resources),
                covers_arn,
                report,
            )
    }

    /// Whether it names everyone whom the other one names.
    fn same_principals(&self, other: &Shape<'_, '_>, report: &mut Report<'_>) -> bool {
        let (wide, narrow) = match (&self.statement.principal, &other.statement.principal) {
            (None, None) => return true,
            (Some(wide), Some(narrow)) => (wide, narrow),
            _ => return false,
        };
        if !report.spend(wide.values.len().saturating_mul(narrow.values.len())) {
            return false;
        }
        let listed = |kind: PrincipalType, name: &str| {
            let mut values = wide.values.iter();
            values.any(|(k, text)| *k == kind && text.value == name)
        };
        let everyone = listed(PrincipalType::Everyone, "*");
        let all = |kind| everyone || (kind == PrincipalType::Aws && listed(kind, "*"));
        let mut values = narrow.values.iter();
        !wide.negated
            && !narrow.negated
            && values.all(|(kind, text)| all(*kind) || listed(*kind, &text.value))
    }
}

/// Whether an element, with its values, takes in another.
fn elements_take_in(
    (wide, wide_values): (&Option<DraftElement<'_>>, &[String]),
    (narrow, narrow_values): (&Option<DraftElement<'_>>, &[String]),
    covers: fn(&str, &str) -> bool,
    report: &mut Report<'_>,
) -> bool {
    let negations = match (wide, narrow) {
        (None, None) => return true,
        (Some(wide), Some(narrow)) => (wide.negated, narrow.negated),
        _ => return false,
    };
    if !report.spend(effort(wide_values, narrow_values)) {
        return false;
    }
    let within =
        |value: &String, list: &[String]| list.iter().any(|pattern| covers(pattern, value));
    let mut narrow_values_left = narrow_values.iter();
    match negations {
        (false, false) => narrow_values_left.all(|value| within(value, wide_values)),
        (false, true) => wide_values.iter().any(|value| value == "*"),
        (true, false) => {
            narrow_values_left.all(|value| !wide_values.iter().any(|out| meet(value, out)))
        }
        (true, true) => wide_values.iter().all(|out| within(out, narrow_values)),
    }
}
