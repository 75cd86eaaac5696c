//! Condition operators and what they compare.
//!
//! See "IAM JSON policy elements: Condition operators". `Not…`, `…IfExists` and the set prefixes are
//! facts beside the test, not further tests.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::IpNet;

use crate::context::{Context, Value};
use crate::number::{Decimal, instant};
use crate::resource::ArnPattern;
use crate::template::{Pattern, Syntax};

/// A condition operator, taken apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Operator {
    pub(crate) test: Test,
    pub(crate) negated: bool,
    pub(crate) if_exists: bool,
    pub(crate) quantifier: Quantifier,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Test {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Relation),
    Date(Relation),
    Bool,
    Binary,
    IpAddress,
    Arn,
    Null,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Relation {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

/// How many of the request's values must pass.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Quantifier {
    /// No prefix: for single-valued keys.
    One,
    ForAllValues,
    ForAnyValue,
}

impl Operator {
    /// Reads an operator's name, which is case-sensitive.
    pub(crate) fn parse(name: &str) -> Option<Operator> {
        let (quantifier, name) = match name.split_once(':') {
            None => (Quantifier::One, name),
            Some(("ForAllValues", rest)) => (Quantifier::ForAllValues, rest),
            Some(("ForAnyValue", rest)) => (Quantifier::ForAnyValue, rest),
            Some(_) => return None,
        };
        let (name, if_exists) = match name.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (name, false),
        };
        let (test, negated) = test(name)?;
        // Null asks for presence itself, so that neither addition has a meaning.
        if test == Test::Null && (if_exists || quantifier != Quantifier::One) {
            return None;
        }
        Some(Operator {
            test,
            negated,
            if_exists,
            quantifier,
        })
    }
}

fn test(name: &str) -> Option<(Test, bool)> {
    use Relation::{Equals, GreaterThan, GreaterThanEquals, LessThan, LessThanEquals};
    Some(match name {
        "StringEquals" => (Test::StringEquals, false),
        "StringNotEquals" => (Test::StringEquals, true),
        "StringEqualsIgnoreCase" => (Test::StringEqualsIgnoreCase, false),
        "StringNotEqualsIgnoreCase" => (Test::StringEqualsIgnoreCase, true),
        "StringLike" => (Test::StringLike, false),
        "StringNotLike" => (Test::StringLike, true),
        "NumericEquals" => (Test::Numeric(Equals), false),
        "NumericNotEquals" => (Test::Numeric(Equals), true),
        "NumericLessThan" => (Test::Numeric(LessThan), false),
        "NumericLessThanEquals" => (Test::Numeric(LessThanEquals), false),
        "NumericGreaterThan" => (Test::Numeric(GreaterThan), false),
        "NumericGreaterThanEquals" => (Test::Numeric(GreaterThanEquals), false),
        "DateEquals" => (Test::Date(Equals), false),
        "DateNotEquals" => (Test::Date(Equals), true),
        "DateLessThan" => (Test::Date(LessThan), false),
        "DateLessThanEquals" => (Test::Date(LessThanEquals), false),
        "DateGreaterThan" => (Test::Date(GreaterThan), false),
        "DateGreaterThanEquals" => (Test::Date(GreaterThanEquals), false),
        "Bool" => (Test::Bool, false),
        "BinaryEquals" => (Test::Binary, false),
        "IpAddress" => (Test::IpAddress, false),
        "NotIpAddress" => (Test::IpAddress, true),
        "ArnEquals" | "ArnLike" => (Test::Arn, false),
        "ArnNotEquals" | "ArnNotLike" => (Test::Arn, true),
        "Null" => (Test::Null, false),
        _ => return None,
    })
}

impl Test {
    /// Whether `${…}` in a value is a variable.
    pub(crate) fn takes_variables(self) -> bool {
        matches!(
            self,
            Test::StringEquals
                | Test::StringEqualsIgnoreCase
                | Test::StringLike
                | Test::Arn
                | Test::Bool
        )
    }
}

impl Relation {
    fn holds(self, ordering: Ordering) -> bool {
        match self {
            Relation::Equals => ordering.is_eq(),
            Relation::LessThan => ordering.is_lt(),
            Relation::LessThanEquals => ordering.is_le(),
            Relation::GreaterThan => ordering.is_gt(),
            Relation::GreaterThanEquals => ordering.is_ge(),
        }
    }
}

/// One policy value, ready to be compared.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// Text, pattern, or text with folded case: the operator knows which.
    Text(Pattern),
    Arn(ArnPattern),
    Number(Box<str>),
    Instant(i64),
    Bool(bool),
    Bytes(Box<[u8]>),
    Net(IpNet),
    /// A value that equals nothing: a literal that cannot be read (only session policies may have
    /// one), or an IPv6 network with host bits set.
    Never,
}

/// A policy value that its operator cannot read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BadLiteral;

impl Operand {
    pub(crate) fn parse(test: Test, text: &str, variables: bool) -> Result<Operand, BadLiteral> {
        let pattern = |wildcards| {
            Pattern::parse(
                text,
                Syntax {
                    variables,
                    wildcards,
                },
            )
            .map_err(|_| BadLiteral)
        };
        Ok(match test {
            Test::StringEquals => Operand::Text(pattern(false)?),
            Test::StringLike => Operand::Text(pattern(true)?),
            Test::StringEqualsIgnoreCase => match pattern(false)? {
                fixed @ Pattern::Fixed(_) => {
                    let lower = fixed.fixed_text().unwrap_or_default().to_lowercase();
                    let syntax = Syntax {
                        variables: false,
                        wildcards: false,
                    };
                    Operand::Text(Pattern::parse(&lower, syntax).map_err(|_| BadLiteral)?)
                }
                slots @ Pattern::Slots(_) => Operand::Text(slots),
            },
            Test::Arn => Operand::Arn(ArnPattern::condition(text, variables).ok_or(BadLiteral)?),
            Test::Numeric(_) => {
                Decimal::parse(text).ok_or(BadLiteral)?;
                Operand::Number(text.into())
            }
            Test::Date(_) => Operand::Instant(instant(text).ok_or(BadLiteral)?),
            Test::Bool | Test::Null => match (boolean(text), pattern(false)?) {
                (Some(value), _) => Operand::Bool(value),
                (None, slots @ Pattern::Slots(_)) if test == Test::Bool => Operand::Text(slots),
                (None, _) => return Err(BadLiteral),
            },
            Test::Binary => Operand::Bytes(base64(text).ok_or(BadLiteral)?.into()),
            Test::IpAddress => match network(text).ok_or(BadLiteral)? {
                IpNet::V6(net) if net.addr() != net.network() => Operand::Never,
                net => Operand::Net(net.trunc()),
            },
        })
    }
}

/// Whether a condition holds: the truth table of missing, empty, single and multiple values.
pub(crate) fn holds(
    operator: Operator,
    operands: &[Operand],
    value: Option<&Value<'_>>,
    context: &dyn Context,
) -> bool {
    if operator.test == Test::Null {
        let absent = value.is_none();
        return operands
            .iter()
            .any(|o| matches!(o, Operand::Bool(null) if *null == absent));
    }
    let passes = |value: &Cow<'_, str>| passes(operator, operands, value, context);
    match (value, operator.quantifier) {
        (None, _) if operator.if_exists => true,
        (None, Quantifier::One) => operator.negated,
        (None, Quantifier::ForAllValues) => true,
        (None, Quantifier::ForAnyValue) => false,
        (Some(Value::One(value)), _) => passes(value),
        // Without a set prefix a multi-valued key never matches, not even negated or with one value.
        (Some(Value::Many(_)), Quantifier::One) => false,
        (Some(Value::Many(values)), Quantifier::ForAllValues) => values.iter().all(passes),
        (Some(Value::Many(values)), Quantifier::ForAnyValue) => values.iter().any(passes),
    }
}

/// Whether one value of the request passes, given all values of the policy.
fn passes(operator: Operator, operands: &[Operand], seen: &str, context: &dyn Context) -> bool {
    let any = |matches: &dyn Fn(&Operand) -> bool| operands.iter().any(matches) != operator.negated;
    match operator.test {
        Test::StringEquals | Test::StringLike => any(&|operand| match operand {
            Operand::Text(pattern) => pattern.matches(seen, context),
            _ => false,
        }),
        Test::StringEqualsIgnoreCase => any(&|operand| match operand {
            Operand::Text(pattern) => equals_ignoring_case(pattern, seen, context),
            _ => false,
        }),
        // What is no ARN, or no address, matches neither an operator nor its negation.
        Test::Arn => {
            crate::arn::split(seen).is_some()
                && any(&|operand| match operand {
                    Operand::Arn(pattern) => pattern.matches_arn(seen, context),
                    _ => false,
                })
        }
        Test::IpAddress => {
            let Ok(seen) = IpAddr::from_str(seen) else {
                return false;
            };
            let seen = seen.to_canonical();
            any(&|operand| matches!(operand, Operand::Net(net) if net.contains(&seen)))
        }
        Test::Numeric(relation) => match Decimal::parse(seen) {
            None => operator.negated,
            Some(seen) => any(&|operand| match operand {
                Operand::Number(text) => {
                    Decimal::parse(text).is_some_and(|wanted| relation.holds(seen.compare(&wanted)))
                }
                _ => false,
            }),
        },
        Test::Date(relation) => match instant(seen) {
            None => operator.negated,
            Some(seen) => any(
                &|operand| matches!(operand, Operand::Instant(wanted) if relation.holds(seen.cmp(wanted))),
            ),
        },
        Test::Bool => {
            let seen = seen.eq_ignore_ascii_case("true");
            any(&|operand| match operand {
                Operand::Bool(wanted) => *wanted == seen,
                Operand::Text(slots) => {
                    slots.resolved_text(context).as_deref().and_then(boolean) == Some(seen)
                }
                _ => false,
            })
        }
        Test::Binary => {
            let seen = base64(seen);
            any(&|operand| match (operand, &seen) {
                (Operand::Bytes(wanted), Some(seen)) => **wanted == **seen,
                _ => false,
            })
        }
        Test::Null => false,
    }
}

/// Both sides lower-cased, which is not Unicode case folding: `ſ` is not `s`.
fn equals_ignoring_case(wanted: &Pattern, seen: &str, context: &dyn Context) -> bool {
    match wanted.fixed_text() {
        Some(lower) if seen.is_ascii() => seen.eq_ignore_ascii_case(lower),
        Some(lower) => seen.to_lowercase() == lower,
        None => wanted
            .resolved_text(context)
            .is_some_and(|text| text.to_lowercase() == seen.to_lowercase()),
    }
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        t if t.eq_ignore_ascii_case("true") => Some(true),
        t if t.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    data_encoding::BASE64.decode(text.as_bytes()).ok()
}

fn network(text: &str) -> Option<IpNet> {
    IpNet::from_str(text)
        .ok()
        .or_else(|| IpAddr::from_str(text).ok().map(IpNet::from))
}
