//! What a role template makes with the values of its parameters.
//!
//! `@{NAME}` stands for a value. Values are put in once, into single texts and into the strings of parsed
//! documents: none can end a string, add an element, or be read as a placeholder. What comes of it is
//! then validated like any other name, tag or policy. A parameter of a list type may stand in policies
//! only, where its text becomes as many texts as it has values.

use crate::entity::{RoleTemplate, RoleTemplateVersion, TemplateParameter, TemplateParameterType};
use crate::error::Error;
use crate::names::RolePattern;
use locum_policy::Arn;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Parameters that a template may have: a request has no more values.
pub const MOST_PARAMETERS: usize = 30;
/// Values that one parameter may have.
pub const MOST_VALUES: usize = 20;
/// Texts that one text of a document may become, and their characters together.
const MOST_TEXTS: usize = 500;
const LONGEST: usize = 131_072;
/// Where templates' ARNs lie: they are services', not accounts'.
const ARN_PREFIX: &str = "arn:aws:iam::aws:role-template/";

fn invalid(text: impl Into<String>) -> Error {
    Error::InvalidInput(text.into())
}

/// The values of a template's parameters.
#[derive(Debug)]
pub(crate) struct Values<'a>(BTreeMap<&'a str, (TemplateParameterType, Vec<String>)>);

impl<'a> Values<'a> {
    /// The values that were given, and the defaults of the others.
    ///
    /// # Errors
    /// [`Error::InvalidInput`]: a value of no parameter, a required parameter without one, or values that
    /// are not of the parameter's type.
    pub(crate) fn new(
        version: &'a RoleTemplateVersion,
        given: &[(String, Vec<String>)],
    ) -> Result<Self, Error> {
        let defined = &version.parameters_definition;
        let mut names = BTreeSet::new();
        for (name, _) in given {
            if !defined.iter().any(|it| it.name.as_str() == name) {
                return Err(invalid(format!(
                    "The role template has no parameter {name}."
                )));
            }
            if !names.insert(name) {
                return Err(invalid(format!("The parameter {name} is given twice.")));
            }
        }
        let mut values = BTreeMap::new();
        for parameter in defined {
            let name = parameter.name.as_str();
            let own = given.iter().find(|(given, _)| given == name);
            let own = match own {
                Some((_, values)) => values.clone(),
                None => match &parameter.default_value {
                    Some(default) => defaults(parameter, default),
                    None if parameter.is_required => {
                        return Err(invalid(format!("The parameter {name} is required.")));
                    }
                    None => continue,
                },
            };
            check_values(parameter, &own)?;
            values.insert(name, (parameter.parameter_type, own));
        }
        Ok(Self(values))
    }

    fn of(&self, name: &str) -> Result<&(TemplateParameterType, Vec<String>), Error> {
        let missing = || invalid(format!("The parameter {name} has no value."));
        self.0.get(name).ok_or_else(missing)
    }

    /// A text with the values in it.
    ///
    /// # Errors
    /// [`Error::InvalidInput`]: a parameter without a value, or of a list type.
    pub(crate) fn fill(&self, template: &str) -> Result<String, Error> {
        let mut filled = String::with_capacity(template.len());
        for part in parts(template)? {
            match part {
                Part::Plain(plain) => filled.push_str(plain),
                Part::Parameter(name) => match self.of(name)? {
                    (kind, values) if !kind.is_list() => {
                        values.iter().for_each(|value| filled.push_str(value));
                    }
                    _ => return Err(list_misplaced(name)),
                },
            }
        }
        Ok(filled)
    }

    /// A policy document with the values in its strings.
    ///
    /// # Errors
    /// [`Error::InvalidInput`]: as for [`Values::fill`], and for a document that is none, that has a
    /// placeholder in the name of a member, or that would become too long.
    pub(crate) fn fill_document(&self, template: &str) -> Result<String, Error> {
        let mut document = parsed(template)?;
        self.fill_value(&mut document)?;
        Ok(document.to_string())
    }

    fn fill_value(&self, value: &mut Value) -> Result<(), Error> {
        match value {
            Value::String(text) => {
                if text.contains("@{") {
                    let mut texts = self.texts(text)?;
                    *value = match (texts.pop(), texts.is_empty()) {
                        (Some(one), true) => Value::String(one),
                        (last, _) => texts.into_iter().chain(last).map(Value::String).collect(),
                    };
                }
            }
            Value::Array(values) => {
                let mut filled = Vec::with_capacity(values.len());
                for mut value in std::mem::take(values) {
                    let was_text = value.is_string();
                    self.fill_value(&mut value)?;
                    match value {
                        Value::Array(several) if was_text => filled.extend(several),
                        one => filled.push(one),
                    }
                }
                *values = filled;
            }
            Value::Object(members) => {
                for (name, value) in members {
                    check_member(name)?;
                    self.fill_value(value)?;
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
        Ok(())
    }

    /// What one text of a document becomes.
    fn texts(&self, template: &str) -> Result<Vec<String>, Error> {
        let mut texts = vec![String::new()];
        for part in parts(template)? {
            match part {
                Part::Plain(plain) => texts.iter_mut().for_each(|text| text.push_str(plain)),
                Part::Parameter(name) => {
                    let (_, values) = self.of(name)?;
                    let longest = values.iter().map(String::len).max().unwrap_or_default();
                    let length: usize = texts.iter().map(|text| text.len() + longest).sum();
                    let count = texts.len().saturating_mul(values.len());
                    if count > MOST_TEXTS || length.saturating_mul(values.len()) > LONGEST {
                        return Err(invalid(
                            "The replacement values are too many or too long together.",
                        ));
                    }
                    texts = texts
                        .iter()
                        .flat_map(|text| values.iter().map(move |value| format!("{text}{value}")))
                        .collect();
                }
            }
        }
        Ok(texts)
    }
}

fn defaults(parameter: &TemplateParameter, default: &str) -> Vec<String> {
    if parameter.parameter_type.is_list() {
        default.split(',').map(|it| it.trim().to_owned()).collect()
    } else {
        vec![default.to_owned()]
    }
}

fn check_values(parameter: &TemplateParameter, values: &[String]) -> Result<(), Error> {
    use TemplateParameterType as Type;
    let name = parameter.name.as_str();
    let kind = parameter.parameter_type;
    let count = if kind.is_list() { MOST_VALUES } else { 1 };
    if values.is_empty() || values.len() > count {
        return Err(invalid(format!(
            "The parameter {name} does not have as many values as its type {} takes.",
            kind.as_str()
        )));
    }
    let legal = |value: &String| match kind {
        Type::String | Type::StringList => true,
        Type::Number | Type::NumberList => is_number(value),
        Type::Arn | Type::ArnList => Arn::parse(value).is_some(),
    };
    let printable = |value: &String| !value.chars().any(char::is_control);
    if !values.iter().all(|value| legal(value) && printable(value)) {
        return Err(invalid(format!(
            "A value of the parameter {name} is not of its type {}.",
            kind.as_str()
        )));
    }
    Ok(())
}

/// Digits, with a minus and a decimal point maybe.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    match text.split_once('.') {
        Some((whole, fraction)) => digits(whole) && digits(fraction),
        None => digits(text),
    }
}

fn list_misplaced(name: &str) -> Error {
    invalid(format!(
        "The parameter {name} is a list, and can stand in policies only."
    ))
}

enum Part<'t> {
    Plain(&'t str),
    Parameter(&'t str),
}

/// The text between placeholders, and the names in them.
fn parts(template: &str) -> Result<Vec<Part<'_>>, Error> {
    let mut parts = Vec::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once("@{") {
        let unclosed = || invalid("A placeholder of the role template has no end.");
        let (name, behind) = behind.split_once('}').ok_or_else(unclosed)?;
        parts.push(Part::Plain(before));
        parts.push(Part::Parameter(name));
        rest = behind;
    }
    parts.push(Part::Plain(rest));
    Ok(parts)
}

fn parsed(document: &str) -> Result<Value, Error> {
    serde_json::from_str(document)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| invalid("A policy document of the role template is not valid JSON."))
}

/// A value in the name of a member could make it the same as another's, which would go.
fn check_member(name: &str) -> Result<(), Error> {
    if name.contains("@{") {
        return Err(invalid(format!(
            "Parameters cannot stand in the name of a member of a policy document: {name}"
        )));
    }
    Ok(())
}

/// Checks what a template must be before it is kept: that its ARN is a template's, and that its
/// parameters and placeholders fit each other.
///
/// # Errors
/// [`Error::InvalidInput`]
pub(crate) fn check(template: &RoleTemplate, version: &RoleTemplateVersion) -> Result<(), Error> {
    let name = template.template_arn.as_str().strip_prefix(ARN_PREFIX);
    if !name.is_some_and(|name| !name.is_empty() && name.bytes().all(|b| b.is_ascii_graphic())) {
        return Err(invalid(format!(
            "The ARN of a role template must begin with {ARN_PREFIX}"
        )));
    }
    let parameters = &version.parameters_definition;
    if parameters.len() > MOST_PARAMETERS {
        return Err(invalid(format!(
            "A role template can have {MOST_PARAMETERS} parameters at most."
        )));
    }
    let mut kinds = BTreeMap::new();
    for parameter in parameters {
        let name = parameter.name.as_str();
        if name.contains(['{', '}']) || kinds.insert(name, parameter.parameter_type).is_some() {
            return Err(invalid(format!(
                "The parameter {name} is defined twice, or cannot be called that."
            )));
        }
        if let Some(default) = &parameter.default_value {
            check_values(parameter, &defaults(parameter, default))?;
        }
    }
    let patterns = [
        Some(&version.role_name_pattern),
        version.role_path_pattern.as_ref(),
        version.role_description_pattern.as_ref(),
    ];
    let patterns = patterns.into_iter().flatten().map(RolePattern::as_str);
    let tags = version.role_tags_template.iter();
    let tags = tags.flat_map(|tag| [tag.key.as_str(), tag.value.as_str()]);
    for text in patterns.chain(tags) {
        check_text(text, &kinds, false)?;
    }
    let inline = version.inline_policy_templates.iter();
    let inline = inline.map(|policy| &policy.policy_document);
    for document in inline.chain([&version.assume_role_policy_document_template]) {
        check_document(&parsed(document.as_str())?, &kinds)?;
    }
    Ok(())
}

type Kinds<'a> = BTreeMap<&'a str, TemplateParameterType>;

fn check_text(text: &str, kinds: &Kinds<'_>, in_document: bool) -> Result<(), Error> {
    for part in parts(text)? {
        let Part::Parameter(name) = part else {
            continue;
        };
        match kinds.get(name) {
            None => {
                return Err(invalid(format!(
                    "The role template has no parameter {name}."
                )));
            }
            Some(kind) if kind.is_list() && !in_document => return Err(list_misplaced(name)),
            Some(_) => {}
        }
    }
    Ok(())
}

fn check_document(value: &Value, kinds: &Kinds<'_>) -> Result<(), Error> {
    match value {
        Value::String(text) => check_text(text, kinds, true),
        Value::Array(values) => values.iter().try_for_each(|it| check_document(it, kinds)),
        Value::Object(members) => members.iter().try_for_each(|(name, value)| {
            check_member(name)?;
            check_document(value, kinds)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}
