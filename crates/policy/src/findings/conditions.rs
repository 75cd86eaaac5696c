//! Conditions that do not do what they seem to: keys that are never there, operators that do not fit
//! their key, values that match nothing or everything.

use std::str::FromStr;

use ipnet::IpNet;

use super::catalogue::{self, KeyType};
use super::contradictions;
use super::keys::{self, KeyFacts, Look};
use super::{Report, Severity, brief};
use crate::document::Effect;
use crate::operator::{Operator, Quantifier, Test};
use crate::validate::draft::{DraftCondition, DraftStatement, Text};
use crate::validate::variable_names;

pub(super) fn check(statement: &DraftStatement<'_>, report: &mut Report<'_>) {
    if let (Some(block), true) = (statement.condition_block, statement.conditions.is_empty()) {
        let message = "the Condition is empty and can be left out";
        report.add(
            Severity::Suggestion,
            "EMPTY_OBJECT_CONDITION",
            block,
            message,
        );
    }
    for text in statement.resources() {
        variable_before_2012(text, report);
    }
    let carried = Carried::of(statement, report);
    for condition in &statement.conditions {
        key(condition, &carried, report);
        if let Look::Known(facts) = keys::look(&condition.key.value) {
            quantifier(statement, condition, facts, report);
            key_type(condition, facts, report);
        }
        values(statement, condition, report);
    }
    contradictions::check(&statement.conditions, report);
}

/// The keys that requests a statement is about may carry.
enum Carried<'a> {
    /// They may be any.
    Unknown,
    By(Vec<catalogue::Known<'a>>),
}

impl Carried<'static> {
    fn of(statement: &DraftStatement<'_>, report: &mut Report<'_>) -> Carried<'static> {
        let Some(actions) = statement.actions.as_ref().filter(|a| !a.negated) else {
            return Carried::Unknown;
        };
        let mut all = Vec::new();
        if statement.conditions.is_empty() {
            return Carried::Unknown;
        }
        for text in &actions.values {
            let lower = text.value.to_ascii_lowercase();
            let parts = lower.split_once(':');
            let service =
                parts.and_then(|(prefix, name)| Some((catalogue::service(prefix)?, name)));
            let Some((service, name)) = service else {
                return Carried::Unknown;
            };
            match report.matching(service, name) {
                Some(known) if !known.is_empty() => all.extend(known),
                _ => return Carried::Unknown,
            }
        }
        Carried::By(all)
    }
}

impl Carried<'_> {
    fn lacks(&self, key: &str, report: &mut Report<'_>) -> bool {
        match self {
            Carried::Unknown => false,
            Carried::By(actions) => {
                report.spend(actions.len()) && !actions.iter().any(|action| action.carries(key))
            }
        }
    }
}

fn key(condition: &DraftCondition<'_>, carried: &Carried<'_>, report: &mut Report<'_>) {
    let name = &*condition.key.value;
    let shown = brief(name);
    let span = condition.key.span;
    let severity = Severity::Warning;
    let look = keys::look(name);
    if matches!(look, Look::NoGlobal | Look::NoKeyOfService) {
        let guesses = report.guesses > 0;
        let siblings = if guesses {
            keys::siblings(name)
        } else {
            Vec::new()
        };
        let guess = report.guess(name, siblings.iter().map(String::as_str));
        let (code, what) = match look {
            Look::NoGlobal => ("INVALID_GLOBAL_CONDITION_KEY", "global condition key"),
            _ => (
                "INVALID_SERVICE_CONDITION_KEY",
                "condition key of its service",
            ),
        };
        return report.add(
            severity,
            code,
            span,
            format!("`{shown}` is no {what}{guess}"),
        );
    }
    let lower = name.to_ascii_lowercase();
    let Some((prefix, _)) = keys::split(&lower) else {
        return;
    };
    if look == Look::NoService {
        let known = catalogue::services().chain(["aws", "saml"]);
        let guess = report.guess(prefix, known);
        let message = format!(
            "`{}` of the key `{shown}` is no service{guess}",
            brief(prefix)
        );
        return report.add(severity, "INVALID_SERVICE_CONDITION_KEY", span, message);
    }
    if let Some(new) = keys::replaced(name) {
        let message = format!("`{name}` is deprecated; use `{new}`");
        return report.add(severity, "DEPRECATED_GLOBAL_CONDITION_KEY", span, message);
    }
    let of_request = prefix != "aws"
        || ["aws:tagkeys"].contains(&&*lower)
        || lower.starts_with("aws:requesttag/");
    if of_request && !keys::is_of_many(&lower) && carried.lacks(&lower, report) {
        let message = format!("no action of this statement carries the key `{shown}`");
        report.add(severity, "CONDITION_KEY_NOT_CARRIED", span, message);
    }
}

/// Set operators are for keys that hold sets, and other operators for those that do not.
fn quantifier(
    statement: &DraftStatement<'_>,
    condition: &DraftCondition<'_>,
    facts: KeyFacts,
    report: &mut Report<'_>,
) {
    let Operator {
        test, quantifier, ..
    } = condition.operator;
    let (key, span) = (&*condition.key.value, condition.operator_name.span);
    let name = brief(key);
    let operator = &*condition.operator_name.value;
    let allows = statement.effect == Some(Effect::Allow);
    match (quantifier, facts.many) {
        (Quantifier::One, true) if test != Test::Null => {
            let message = format!(
                "`{name}` is multi-valued, and `{operator}` never matches such a key: use \
                 ForAnyValue:{operator} or ForAllValues:{operator}"
            );
            report.add(Severity::Warning, "MISSING_QUALIFIER", span, message);
        }
        (Quantifier::ForAllValues, _) if allows && !is_required(statement, key, report) => {
            let (code, message) = if facts.many {
                let message = format!(
                    "ForAllValues also matches requests without `{name}`: add a Null condition \
                     with \"false\" for it"
                );
                ("FORALLVALUES_WITHOUT_NULL_CHECK", message)
            } else {
                let base = operator.trim_start_matches("ForAllValues:");
                let message = format!(
                    "ForAllValues also matches requests without `{name}`, which is single-valued: \
                     use {base}"
                );
                ("FORALLVALUES_WITH_SINGLE_VALUED_KEY", message)
            };
            report.add(Severity::SecurityWarning, code, span, message);
        }
        (Quantifier::ForAllValues | Quantifier::ForAnyValue, false) => {
            let base = operator.split_once(':').map_or(operator, |(_, base)| base);
            let message =
                format!("`{name}` is single-valued and needs no set operator: use {base}");
            report.add(
                Severity::Suggestion,
                "SET_OPERATOR_WITH_SINGLE_VALUED_KEY",
                span,
                message,
            );
        }
        _ => {}
    }
}

/// Whether the statement asks for the key to be there; when the budget is used up, it is taken to.
fn is_required(statement: &DraftStatement<'_>, key: &str, report: &mut Report<'_>) -> bool {
    let affordable = report.spend(statement.conditions.len());
    !affordable
        || statement.conditions.iter().any(|other| {
            other.operator.test == Test::Null
                && other.key.value.eq_ignore_ascii_case(key)
                && other
                    .values
                    .iter()
                    .all(|v| v.value.eq_ignore_ascii_case("false"))
                && !other.values.is_empty()
        })
}

/// An operator compares what its key holds. Text can be compared with most things as it is written,
/// but a date has many spellings, and so has an address.
fn key_type(condition: &DraftCondition<'_>, facts: KeyFacts, report: &mut Report<'_>) {
    use KeyType::{Arn, Bool, Date, Ip, Number, String as Text};
    let fits = match condition.operator.test {
        Test::StringEquals | Test::StringEqualsIgnoreCase | Test::StringLike => {
            matches!(facts.holds, Text | Arn)
        }
        Test::Arn => facts.holds == Arn || condition.key.value.to_ascii_lowercase().contains("arn"),
        Test::Numeric(_) => {
            facts.holds == Number || condition.key.value.eq_ignore_ascii_case("aws:EpochTime")
        }
        Test::Date(_) => facts.holds == Date,
        Test::Bool => facts.holds == Bool,
        Test::IpAddress => facts.holds == Ip,
        Test::Binary | Test::Null => true,
    };
    if fits {
        return;
    }
    let (holds, operators) = match facts.holds {
        Text => ("text", "String"),
        Arn => ("an ARN", "Arn"),
        Bool => ("true or false", "Bool"),
        Number => ("a number", "Numeric"),
        Date => ("a date", "Date"),
        Ip => ("an IP address", "IpAddress"),
    };
    let (name, operator) = (brief(&condition.key.value), &condition.operator_name.value);
    let message = format!(
        "`{name}` holds {holds}, which `{operator}` does not compare: use {operators} operators"
    );
    let span = condition.operator_name.span;
    report.add(Severity::Warning, "TYPE_MISMATCH", span, message);
}

/// Global keys by which accounts and networks are told apart.
const SENSITIVE: [&str; 10] = [
    "aws:principalaccount",
    "aws:principalorgid",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:sourceaccount",
    "aws:sourceorgid",
    "aws:sourcevpc",
    "aws:sourcevpce",
    "aws:vpceaccount",
    "aws:vpceorgid",
];

fn values(statement: &DraftStatement<'_>, condition: &DraftCondition<'_>, report: &mut Report<'_>) {
    let operator = condition.operator;
    if condition.values.is_empty() {
        no_values(condition, report);
    }
    let name = &*condition.operator_name.value;
    let sensitive = SENSITIVE.contains(&&*condition.key.value.to_ascii_lowercase())
        && statement.effect == Some(Effect::Allow);
    for text in &condition.values {
        let value = &*text.value;
        variable_before_2012(text, report);
        let (wild, value) = (has_wildcards(value), brief(value));
        match operator.test {
            Test::StringEquals | Test::StringEqualsIgnoreCase if wild => {
                let message = format!(
                    "`{value}` has a wildcard, which `{name}` takes for an ordinary character: use \
                     StringLike"
                );
                let code = "WILDCARD_WITHOUT_LIKE_OPERATOR";
                report.add(Severity::Warning, code, text.span, message);
            }
            Test::StringLike if wild && sensitive && !operator.negated => {
                let key = &condition.key.value;
                let message =
                    format!("`{key}` tells accounts and networks apart: give it whole values");
                let code = "WILDCARD_FOR_SENSITIVE_KEY";
                report.add(Severity::SecurityWarning, code, text.span, message);
            }
            Test::IpAddress => network(text, report),
            _ => {}
        }
    }
    let said = |wanted: &str| {
        let mut values = condition.values.iter();
        values.find(|text| text.value.eq_ignore_ascii_case(wanted))
    };
    if let (Test::Bool | Test::Null, Some(_), Some(both)) =
        (operator.test, said("true"), said("false"))
    {
        let message = format!("`{name}` with both true and false tells nothing apart");
        let code = "INVALID_CONDITION_MULTIPLE_BOOLEAN";
        report.add(Severity::Warning, code, both.span, message);
    }
}

fn no_values(condition: &DraftCondition<'_>, report: &mut Report<'_>) {
    let operator = condition.operator;
    let (code, holds) = match (operator.quantifier, operator.negated, operator.if_exists) {
        (Quantifier::ForAllValues, ..) => (
            "EMPTY_ARRAY_CONDITION_FORALLVALUES",
            "holds only for requests without values of it",
        ),
        (Quantifier::ForAnyValue, false, _) => ("EMPTY_ARRAY_CONDITION_FORANYVALUE", "never holds"),
        (_, true, _) => ("EMPTY_ARRAY_CONDITION_NOT", "holds whatever the value"),
        (_, false, true) => (
            "EMPTY_ARRAY_CONDITION_IFEXISTS",
            "holds only for requests without it",
        ),
        (_, false, false) => ("EMPTY_ARRAY_CONDITION", "never holds"),
    };
    let key = brief(&condition.key.value);
    let message = format!("the condition on `{key}` lists no values and {holds}");
    report.add(Severity::Warning, code, condition.key.span, message);
}

/// Wildcards outside `${…}`.
fn has_wildcards(value: &str) -> bool {
    let mut pieces = value.split("${");
    let first = pieces
        .next()
        .is_some_and(|piece| piece.contains(['*', '?']));
    first
        || pieces.any(|piece| {
            let after = piece.split_once('}').map_or(piece, |(_, after)| after);
            after.contains(['*', '?'])
        })
}

fn variable_before_2012(text: &Text<'_>, report: &mut Report<'_>) {
    let special = ["*", "?", "$"];
    let is_variable = |name: &str| name.contains(':') || special.contains(&name);
    if report.variables || !variable_names(&text.value).any(is_variable) {
        return;
    }
    let message = "before version 2012-10-17 this variable is plain text";
    let code = "VARIABLE_UNSUPPORTED_IN_VERSION";
    report.add(Severity::Warning, code, text.span, message);
}

/// Bits behind the mask of a network.
fn network(text: &Text<'_>, report: &mut Report<'_>) {
    let Ok(net) = IpNet::from_str(&text.value) else {
        return;
    };
    if net.addr() == net.network() {
        return;
    }
    let (severity, effect) = match net {
        IpNet::V4(_) => (Severity::Suggestion, "are ignored"),
        IpNet::V6(_) => (Severity::Warning, "make it match nothing"),
    };
    let (value, whole) = (&text.value, net.trunc());
    let message = format!("the bits of `{value}` behind the mask {effect}: write `{whole}`");
    report.add(severity, "IMPROVE_IP_RANGE", text.span, message);
}
