//! Condition operators and what they compare.
//!
//! See "IAM JSON policy elements: Condition operators". `Not…`, `…IfExists` and the set prefixes are
//! facts beside the test, not further tests.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use crate::context::Value;
use crate::facts::{self, Fact, Facts};
use crate::glob::Glob;
use crate::number::{Decimal, instant};
use crate::resource::ArnPattern;
use crate::template;

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

/// One policy value, as far as it is read beforehand. Its text is kept elsewhere, as written.
#[derive(Clone, Debug)]
pub(crate) enum Operand {
    /// Compared or matched as it is.
    Text,
    /// The same once its variables and escapes are put in.
    Expands,
    Arn(ArnPattern),
    Number,
    Instant(i64),
    Bool(bool),
    Base64,
    V4(Ipv4Net),
    V6(Box<Ipv6Net>),
    /// A value that equals nothing: a literal that cannot be read (only session policies may have
    /// one), or an IPv6 network with host bits set.
    Never,
}

/// A policy value that its operator cannot read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct BadLiteral;

impl Operand {
    pub(crate) fn parse(test: Test, text: &str, variables: bool) -> Result<Operand, BadLiteral> {
        let expands = || match variables {
            true => template::expands(text).map_err(|_| BadLiteral),
            false => Ok(false),
        };
        let text_or_template = |expands| {
            if expands {
                Operand::Expands
            } else {
                Operand::Text
            }
        };
        Ok(match test {
            Test::StringEquals | Test::StringLike | Test::StringEqualsIgnoreCase => {
                text_or_template(expands()?)
            }
            Test::Arn => Operand::Arn(ArnPattern::condition(text, variables).ok_or(BadLiteral)?),
            Test::Numeric(_) => {
                Decimal::parse(text).ok_or(BadLiteral)?;
                Operand::Number
            }
            Test::Date(_) => Operand::Instant(instant(text).ok_or(BadLiteral)?),
            Test::Bool | Test::Null => match boolean(text) {
                Some(value) => Operand::Bool(value),
                None if test == Test::Bool && expands()? => Operand::Expands,
                None => return Err(BadLiteral),
            },
            Test::Binary => {
                base64(text).ok_or(BadLiteral)?;
                Operand::Base64
            }
            Test::IpAddress => match network(text).ok_or(BadLiteral)? {
                IpNet::V4(net) => Operand::V4(net.trunc()),
                IpNet::V6(net) if net.addr() != net.network() => Operand::Never,
                IpNet::V6(net) => Operand::V6(Box::new(net)),
            },
        })
    }
}

/// The values of a condition: each as read beforehand and as written.
pub(crate) trait Operands<'a>: Iterator<Item = (&'a Operand, &'a str)> + Clone {}

impl<'a, I: Iterator<Item = (&'a Operand, &'a str)> + Clone> Operands<'a> for I {}

/// Whether a condition holds: the truth table of missing, empty, single and multiple values.
pub(crate) fn holds<'a>(
    operator: Operator,
    mut operands: impl Operands<'a>,
    fact: &Fact<'_>,
    facts: &Facts<'_>,
) -> bool {
    if operator.test == Test::Null {
        let absent = fact.value().is_none();
        return operands.any(|(o, _)| matches!(o, Operand::Bool(null) if *null == absent));
    }
    let one_of = |value: &Cow<'_, str>| {
        let address = || facts::address(value);
        passes(operator, operands.clone(), value, address, facts)
    };
    match (fact.value(), operator.quantifier) {
        (None, _) if operator.if_exists => true,
        (None, Quantifier::One) => operator.negated,
        (None, Quantifier::ForAllValues) => true,
        (None, Quantifier::ForAnyValue) => false,
        (Some(Value::One(value)), _) => passes(operator, operands, value, || fact.address(), facts),
        // Without a set prefix a multi-valued key never matches, not even negated or with one value.
        (Some(Value::Many(_)), Quantifier::One) => false,
        (Some(Value::Many(values)), Quantifier::ForAllValues) => values.iter().all(one_of),
        (Some(Value::Many(values)), Quantifier::ForAnyValue) => values.iter().any(one_of),
    }
}

/// Whether one value of the request passes, given all values of the policy.
fn passes<'a>(
    operator: Operator,
    mut operands: impl Operands<'a>,
    seen: &str,
    address: impl FnOnce() -> Option<IpAddr>,
    facts: &Facts<'_>,
) -> bool {
    let expand = |text, wildcards, limit| template::expand(text, wildcards, facts, limit);
    let found = match operator.test {
        Test::StringEquals => operands.any(|(operand, text)| match operand {
            Operand::Text => text == seen,
            Operand::Expands => expand(text, false, seen.len())
                .is_some_and(|wanted| wanted.as_bytes() == seen.as_bytes()),
            _ => false,
        }),
        Test::StringLike => operands.any(|(operand, text)| match operand {
            Operand::Text => Glob::new(text).matches(seen),
            Operand::Expands => expand(text, true, seen.len())
                .is_some_and(|wanted| Glob::expanded(wanted.as_bytes()).matches(seen)),
            _ => false,
        }),
        Test::StringEqualsIgnoreCase => operands.any(|(operand, text)| match operand {
            Operand::Text => equal_ignoring_case(text, seen),
            // Lower-casing changes a text's length, but not so much.
            Operand::Expands => {
                expand(text, false, seen.len().saturating_mul(4)).is_some_and(|wanted| {
                    wanted
                        .as_str()
                        .is_some_and(|w| equal_ignoring_case(w, seen))
                })
            }
            _ => false,
        }),
        // What is no ARN, or no address, matches neither an operator nor its negation.
        Test::Arn => {
            if crate::arn::split(seen).is_none() {
                return false;
            }
            operands.any(|(operand, text)| match operand {
                Operand::Arn(pattern) => pattern.matches(text, seen, facts),
                _ => false,
            })
        }
        Test::IpAddress => match address() {
            None => return false,
            Some(IpAddr::V4(seen)) => operands.any(|(operand, _)| match operand {
                Operand::V4(net) => net.contains(&seen),
                _ => false,
            }),
            Some(IpAddr::V6(seen)) => operands.any(|(operand, _)| match operand {
                Operand::V6(net) => net.contains(&seen),
                _ => false,
            }),
        },
        Test::Numeric(relation) => match Decimal::parse(seen) {
            None => return operator.negated,
            Some(seen) => operands.any(|(operand, text)| match operand {
                Operand::Number => {
                    Decimal::parse(text).is_some_and(|wanted| relation.holds(seen.compare(&wanted)))
                }
                _ => false,
            }),
        },
        Test::Date(relation) => match instant(seen) {
            None => return operator.negated,
            Some(seen) => operands.any(|(operand, _)| match operand {
                Operand::Instant(wanted) => relation.holds(seen.cmp(wanted)),
                _ => false,
            }),
        },
        Test::Bool => {
            let seen = seen.eq_ignore_ascii_case("true");
            operands.any(|(operand, text)| match operand {
                Operand::Bool(wanted) => *wanted == seen,
                Operand::Expands => expand(text, false, "false".len())
                    .is_some_and(|wanted| wanted.as_str().and_then(boolean) == Some(seen)),
                _ => false,
            })
        }
        // Both are base64 without slack: the same bytes are the same text.
        Test::Binary => {
            operands.any(|(operand, text)| matches!(operand, Operand::Base64) && text == seen)
        }
        Test::Null => false,
    };
    found != operator.negated
}

/// Both sides lower-cased, which is not Unicode case folding: `ſ` is not `s`.
fn equal_ignoring_case(wanted: &str, seen: &str) -> bool {
    if wanted.is_ascii() && seen.is_ascii() {
        wanted.eq_ignore_ascii_case(seen)
    } else {
        wanted.to_lowercase() == seen.to_lowercase()
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

/// A network, or an address as the network of itself alone.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    IpNet::from_str(text)
        .ok()
        .or_else(|| IpAddr::from_str(text).ok().map(IpNet::from))
}
