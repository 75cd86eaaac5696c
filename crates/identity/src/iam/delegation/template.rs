//! Policy templates: a managed policy of the requestor's in which parameters stand.
//!
//! `${delegation:NAME}` stands for the parameter's value as it is: of `*`, `?` and `$` in it none means
//! anything. `${delegation-pattern:NAME}` lets `*` and `?` in the value be wildcards; that is the
//! template's word, never the parameter's. A template is a legal policy by itself: attached to somebody,
//! its parameters are variables without a value, and match nothing.
//!
//! Values are put into strings of the parsed document, and the document is validated afterwards, so no
//! value can end a string, add an element or be read as a parameter or variable. Parameters may stand in
//! `Resource`, `NotResource` and the values of `Condition` only.

use super::permission::{Statement, statements};
use crate::entity::{PolicyParameter, PolicyParameterType};
use crate::error::Error;
use locum_policy::{Kind, Policy, quotas::SESSION_POLICIES};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// How many pairs of an action and a resource a policy may ask for: each is looked at when somebody
/// approves.
const MOST_PAIRS: usize = 500;
/// Bytes that one text of a template may become; far more than a permission policy may have.
const LONGEST: usize = 16 * 1024;
const LITERAL: &str = "delegation:";
const PATTERN: &str = "delegation-pattern:";
/// The fields of an ARN before the one in which colons are part of a name.
const FIELDS: usize = 5;

/// What makes somebody or something that outlives the access, and so must be bounded.
const BOUNDED: [&str; 4] = [
    "iam:createrole",
    "iam:createuser",
    "iam:putrolepermissionsboundary",
    "iam:putuserpermissionsboundary",
];
/// What takes a bound away.
const UNBOUNDING: [&str; 2] = [
    "iam:deleterolepermissionsboundary",
    "iam:deleteuserpermissionsboundary",
];

fn invalid(text: impl Into<String>) -> Error {
    Error::InvalidInput(text.into())
}

/// The permission policy that `template` says with these parameters.
///
/// # Errors
/// [`Error::InvalidInput`]: parameters that do not fit the template, a template that is none, or a
/// policy that nobody should be asked to approve.
pub(super) fn fill(template: &str, parameters: &[PolicyParameter]) -> Result<String, Error> {
    let policy = Policy::parse(template, Kind::Identity)
        .map_err(|error| invalid(format!("The policy template is not valid: {error}")))?;
    // Before 2012-10-17 the escapes that values need mean nothing.
    if !policy.is_current() {
        return Err(invalid(
            "The policy template must be of version 2012-10-17.",
        ));
    }
    let mut document: Value = serde_json::from_str(template)
        .map_err(|_| invalid("The policy template is not valid JSON."))?;
    let mut filler = Filler::new(parameters)?;
    filler.document(&mut document)?;
    filler.all_used()?;
    let filled = document.to_string();
    let size = filled.chars().count();
    if size > SESSION_POLICIES {
        return Err(invalid(format!(
            "The permission policy has {size} characters, and may have {SESSION_POLICIES}."
        )));
    }
    Policy::parse(&filled, Kind::Identity)
        .map_err(|error| invalid(format!("The permission policy is not valid: {error}")))?;
    let asked =
        statements(&filled).ok_or_else(|| invalid("The permission policy is not valid."))?;
    review(&asked)?;
    Ok(filled)
}

/// What no request may ask for, whatever its template says.
fn review(statements: &[Statement]) -> Result<(), Error> {
    let mut pairs = 0usize;
    for statement in statements.iter().filter(|statement| statement.allows) {
        if statement.is_negated {
            return Err(invalid(
                "A permission policy says what it allows: NotAction and NotResource cannot stand in a statement that allows.",
            ));
        }
        let product = statement.actions.len() * statement.resources.len();
        pairs = pairs.saturating_add(product);
        let unbounded = BOUNDED.iter().find(|action| statement.speaks_of(action));
        if let Some(action) = unbounded
            && statement.boundaries().next().is_none()
        {
            return Err(invalid(format!(
                "A permission policy that allows {action} must insist on iam:PermissionsBoundary in the same statement."
            )));
        }
        if let Some(action) = UNBOUNDING.iter().find(|action| statement.speaks_of(action)) {
            return Err(invalid(format!(
                "A permission policy cannot allow {action}."
            )));
        }
    }
    if pairs > MOST_PAIRS {
        return Err(invalid(format!(
            "The permission policy asks for {pairs} pairs of action and resource, and may ask for {MOST_PAIRS}."
        )));
    }
    Ok(())
}

/// Puts values in the place of parameters.
struct Filler<'a> {
    parameters: BTreeMap<&'a str, &'a PolicyParameter>,
    used: BTreeSet<&'a str>,
}

impl<'a> Filler<'a> {
    fn new(given: &'a [PolicyParameter]) -> Result<Self, Error> {
        let mut parameters = BTreeMap::new();
        for parameter in given {
            let name = parameter.name.as_str();
            let fits = match parameter.parameter_type {
                PolicyParameterType::String => parameter.values.len() == 1,
                PolicyParameterType::StringList => !parameter.values.is_empty(),
            };
            if !fits {
                return Err(invalid(format!(
                    "The policy parameter {name} does not have as many values as its type."
                )));
            }
            if parameters.insert(name, parameter).is_some() {
                return Err(invalid(format!(
                    "The policy parameter {name} is given twice."
                )));
            }
        }
        Ok(Self {
            parameters,
            used: BTreeSet::new(),
        })
    }

    fn all_used(&self) -> Result<(), Error> {
        let unused = self
            .parameters
            .keys()
            .find(|name| !self.used.contains(*name));
        match unused {
            Some(name) => Err(invalid(format!(
                "The policy template has no parameter {name}."
            ))),
            None => Ok(()),
        }
    }

    fn document(&mut self, document: &mut Value) -> Result<(), Error> {
        let Value::Object(elements) = document else {
            return Ok(());
        };
        for (name, value) in elements {
            match (name.as_str(), value) {
                ("Statement", Value::Array(several)) => {
                    for statement in several {
                        self.statement(statement)?;
                    }
                }
                ("Statement", one) => self.statement(one)?,
                (_, value) => nothing_stands_in(value)?,
            }
        }
        Ok(())
    }

    fn statement(&mut self, statement: &mut Value) -> Result<(), Error> {
        let Value::Object(elements) = statement else {
            return Ok(());
        };
        for (name, value) in elements {
            match name.as_str() {
                "Resource" | "NotResource" => self.values(value, true)?,
                "Condition" => {
                    let Value::Object(operators) = value else {
                        continue;
                    };
                    for (operator, keys) in operators {
                        nothing_stands_in_text(operator)?;
                        let Value::Object(keys) = keys else {
                            continue;
                        };
                        for (key, values) in keys {
                            nothing_stands_in_text(key)?;
                            self.values(values, false)?;
                        }
                    }
                }
                _ => nothing_stands_in(value)?,
            }
        }
        Ok(())
    }

    /// One text, or a list: a parameter with several values makes several texts of one.
    fn values(&mut self, value: &mut Value, is_arn: bool) -> Result<(), Error> {
        let texts = match value {
            Value::String(text) => vec![text.clone()],
            Value::Array(values) if values.iter().all(Value::is_string) => {
                let texts = values.iter().filter_map(Value::as_str);
                texts.map(str::to_owned).collect()
            }
            _ => return Ok(()),
        };
        if !texts.iter().any(|text| text.contains("${")) {
            return Ok(());
        }
        let mut filled = Vec::new();
        for text in &texts {
            filled.append(&mut self.text(text, is_arn)?);
        }
        *value = match <[String; 1]>::try_from(filled) {
            Ok([one]) => Value::String(one),
            Err(several) => several.into_iter().map(Value::String).collect(),
        };
        Ok(())
    }

    fn text(&mut self, text: &str, is_arn: bool) -> Result<Vec<String>, Error> {
        let mut filled = vec![String::new()];
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            push_plain(&mut filled, before);
            let (name, behind) = behind
                .split_once('}')
                .ok_or_else(|| invalid("The policy template is not valid."))?;
            rest = behind;
            let (name, is_pattern) = match (name.strip_prefix(LITERAL), name.strip_prefix(PATTERN))
            {
                (Some(name), _) => (name, false),
                (None, Some(name)) => (name, true),
                // A policy variable, or an escape, stays what it is; one that looks like a parameter
                // was meant to be one.
                (None, None) => {
                    if name.to_ascii_lowercase().starts_with("delegation") {
                        return Err(misplaced());
                    }
                    push(&mut filled, &format!("${{{name}}}"));
                    continue;
                }
            };
            let Some((name, parameter)) = self.parameters.get_key_value(name) else {
                return Err(invalid(format!("The policy parameter {name} is missing.")));
            };
            self.used.insert(name);
            let mut next = Vec::new();
            for before in &filled {
                let colons = before.matches(':').count();
                for value in &parameter.values {
                    // A colon would move all that follows into another field of the ARN.
                    if is_arn && colons < FIELDS && value.as_str().contains(':') {
                        return Err(invalid(format!(
                            "A value of the policy parameter {name} has a colon where an ARN has its fields."
                        )));
                    }
                    next.push(format!("{before}{}", escaped(value.as_str(), is_pattern)));
                }
                let length: usize = next.iter().map(String::len).sum();
                if next.len() > MOST_PAIRS || length > LONGEST {
                    return Err(invalid(
                        "The policy parameters have too many or too long values together.",
                    ));
                }
            }
            filled = next;
        }
        push_plain(&mut filled, rest);
        Ok(filled)
    }
}

fn push(texts: &mut [String], more: &str) {
    for text in texts {
        text.push_str(more);
    }
}

/// Text of the template without variables. A `$` in it may come to stand before a value's `{`.
fn push_plain(texts: &mut [String], plain: &str) {
    push(texts, &plain.replace('$', "${$}"));
}

/// A value as policies write it, so that it stands for itself.
fn escaped(value: &str, is_pattern: bool) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '*' | '?' if is_pattern => out.push(c),
            '*' | '?' | '$' => {
                out.push_str("${");
                out.push(c);
                out.push('}');
            }
            c => out.push(c),
        }
    }
    out
}

fn misplaced() -> Error {
    invalid(
        "Policy parameters can stand in Resource, in NotResource and in the values of Condition only, as ${delegation:NAME} or ${delegation-pattern:NAME}.",
    )
}

fn nothing_stands_in_text(text: &str) -> Result<(), Error> {
    let lower = text.to_ascii_lowercase();
    if lower.contains("${delegation") {
        return Err(misplaced());
    }
    Ok(())
}

fn nothing_stands_in(value: &Value) -> Result<(), Error> {
    match value {
        Value::String(text) => nothing_stands_in_text(text),
        Value::Array(values) => values.iter().try_for_each(nothing_stands_in),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            nothing_stands_in_text(name)?;
            nothing_stands_in(value)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
