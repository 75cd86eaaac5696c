//! Conditions of one statement that no request can meet together.

use std::cmp::Ordering;

use super::patterns::{covers, effort, meet};
use super::{Report, Severity, brief};
use crate::glob::Glob;
use crate::number::{Decimal, instant};
use crate::operator::{Quantifier, Relation, Test, network};
use crate::validate::draft::DraftCondition;

pub(super) fn check(conditions: &[DraftCondition<'_>], report: &mut Report<'_>) {
    let mut sorted: Vec<(String, &DraftCondition<'_>)> = conditions
        .iter()
        .map(|condition| (condition.key.value.to_ascii_lowercase(), condition))
        .collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    for same_key in sorted.chunk_by(|a, b| a.0 == b.0) {
        for (index, (_, later)) in same_key.iter().enumerate() {
            for (_, earlier) in same_key.iter().take(index) {
                if !report.spend(1 + effort(&earlier.values, &later.values)) {
                    return;
                }
                if contradict(earlier, later, report.variables) {
                    add(earlier, later, report);
                }
            }
        }
    }
}

fn add(earlier: &DraftCondition<'_>, later: &DraftCondition<'_>, report: &mut Report<'_>) {
    let (first, second) = match earlier.key.span.start < later.key.span.start {
        true => (earlier, later),
        false => (later, earlier),
    };
    let (a, b) = (&first.operator_name.value, &second.operator_name.value);
    let key = brief(&second.key.value);
    let message = format!(
        "no value of `{key}` meets both `{a}` and `{b}` here, so that the statement never matches"
    );
    let span = second.key.span;
    report.add(Severity::Warning, "CONTRADICTORY_CONDITIONS", span, message);
}

fn contradict(a: &DraftCondition<'_>, b: &DraftCondition<'_>, variables: bool) -> bool {
    let null = |c: &DraftCondition<'_>| c.operator.test == Test::Null;
    match (null(a), null(b)) {
        (true, true) => return false,
        (true, false) => return absent(a) && needs_value(b),
        (false, true) => return absent(b) && needs_value(a),
        (false, false) => {}
    }
    // A variable may be anything.
    let fixed = |c: &DraftCondition<'_>| {
        let variable = |text: &str| variables && text.contains("${");
        !c.values.is_empty() && !c.values.iter().any(|text| variable(&text.value))
    };
    let single = |c: &DraftCondition<'_>| c.operator.quantifier == Quantifier::One;
    if !fixed(a) || !fixed(b) || !single(a) || !single(b) {
        return false;
    }
    match (a.operator.negated, b.operator.negated) {
        (false, false) if a.operator.if_exists && b.operator.if_exists => false,
        (false, false) => apart(a, b),
        (false, true) => !a.operator.if_exists && excluded(a, b),
        (true, false) => !b.operator.if_exists && excluded(b, a),
        (true, true) => false,
    }
}

/// Asks for the key to be missing.
fn absent(null: &DraftCondition<'_>) -> bool {
    let mut values = null.values.iter();
    !null.values.is_empty() && values.all(|text| text.value.eq_ignore_ascii_case("true"))
}

/// Fails when the key is missing.
fn needs_value(condition: &DraftCondition<'_>) -> bool {
    let operator = condition.operator;
    match operator.quantifier {
        Quantifier::One => !operator.negated && !operator.if_exists,
        Quantifier::ForAnyValue => !operator.if_exists,
        Quantifier::ForAllValues => false,
    }
}

/// Whether no value meets both of two operators.
fn apart(a: &DraftCondition<'_>, b: &DraftCondition<'_>) -> bool {
    use Test::{
        Arn, Bool, Date, IpAddress, Numeric, StringEquals, StringEqualsIgnoreCase, StringLike,
    };
    let none = |compatible: &dyn Fn(&str, &str) -> bool| {
        !a.values
            .iter()
            .any(|x| b.values.iter().any(|y| compatible(&x.value, &y.value)))
    };
    match (a.operator.test, b.operator.test) {
        (StringEquals, StringEquals) => none(&|x, y| x == y),
        (StringEquals, StringLike) => none(&|x, y| Glob::new(y).matches(x)),
        (StringLike, StringEquals) => none(&|x, y| Glob::new(x).matches(y)),
        (StringLike, StringLike) | (Arn, Arn) => none(&|x, y| meet(x, &y.replace('%', "?"))),
        (StringEqualsIgnoreCase, StringEquals | StringEqualsIgnoreCase)
        | (StringEquals, StringEqualsIgnoreCase) => {
            none(&|x, y| x.to_lowercase() == y.to_lowercase())
        }
        (Bool, Bool) => none(&|x, y| x.eq_ignore_ascii_case(y)),
        (Numeric(over), Numeric(under)) => {
            let (x, y) = (numbers(a), numbers(b));
            ranges_apart(&x, over, &y, under, |x, y| x.compare(y))
        }
        (Date(over), Date(under)) => {
            let (x, y) = (instants(a), instants(b));
            ranges_apart(&x, over, &y, under, Ord::cmp)
        }
        (IpAddress, IpAddress) => none(&|x, y| match (network(x), network(y)) {
            (Some(x), Some(y)) => x.contains(&y) || y.contains(&x),
            _ => true,
        }),
        _ => false,
    }
}

/// Whether a negated operator takes out every value that another one asks for.
fn excluded(wanted: &DraftCondition<'_>, refused: &DraftCondition<'_>) -> bool {
    use Test::{IpAddress, Numeric, StringEquals, StringEqualsIgnoreCase, StringLike};
    let all = |takes_out: &dyn Fn(&str, &str) -> bool| {
        let mut values = wanted.values.iter();
        values.all(|x| refused.values.iter().any(|y| takes_out(&y.value, &x.value)))
    };
    match (wanted.operator.test, refused.operator.test) {
        (StringEquals, StringEquals) => all(&|no, yes| no == yes),
        (StringEquals, StringLike) => all(&|no, yes| Glob::new(no).matches(yes)),
        (StringLike, StringLike) => all(&covers),
        (StringEquals | StringEqualsIgnoreCase, StringEqualsIgnoreCase) => {
            all(&|no, yes| no.to_lowercase() == yes.to_lowercase())
        }
        (Numeric(Relation::Equals), Numeric(_)) => all(&|no, yes| {
            let (no, yes) = (Decimal::parse(no), Decimal::parse(yes));
            no.zip(yes)
                .is_some_and(|(no, yes)| no.compare(&yes).is_eq())
        }),
        (IpAddress, IpAddress) => all(&|no, yes| {
            network(no)
                .zip(network(yes))
                .is_some_and(|(no, yes)| no.contains(&yes))
        }),
        _ => false,
    }
}

/// Whether no value stands to one of `xs` as the first relation asks, and to one of `ys` as the
/// second does.
fn ranges_apart<T>(
    xs: &[T],
    first: Relation,
    ys: &[T],
    second: Relation,
    compare: impl Fn(&T, &T) -> Ordering,
) -> bool {
    use Relation::{Equals, GreaterThan, GreaterThanEquals, LessThan, LessThanEquals};
    let none = |apart: &dyn Fn(Ordering) -> bool| {
        xs.iter().all(|x| ys.iter().all(|y| apart(compare(x, y))))
    };
    match (first, second) {
        (Equals, Equals) => none(&Ordering::is_ne),
        (Equals, LessThan) | (GreaterThanEquals, LessThan) => none(&Ordering::is_ge),
        (GreaterThan, LessThan | LessThanEquals | Equals) => none(&Ordering::is_ge),
        (Equals | GreaterThanEquals, LessThanEquals) | (GreaterThanEquals, Equals) => {
            none(&Ordering::is_gt)
        }
        (Equals, GreaterThan) | (LessThan, GreaterThan | GreaterThanEquals | Equals) => {
            none(&Ordering::is_le)
        }
        (LessThanEquals, GreaterThan) => none(&Ordering::is_le),
        (Equals | LessThanEquals, GreaterThanEquals) | (LessThanEquals, Equals) => {
            none(&Ordering::is_lt)
        }
        _ => false,
    }
}

fn numbers<'a>(condition: &'a DraftCondition<'_>) -> Vec<Decimal<'a>> {
    let values = condition.values.iter();
    values
        .filter_map(|text| Decimal::parse(&text.value))
        .collect()
}

fn instants(condition: &DraftCondition<'_>) -> Vec<i64> {
    let values = condition.values.iter();
    values.filter_map(|text| instant(&text.value)).collect()
}
