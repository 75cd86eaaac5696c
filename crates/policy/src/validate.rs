//! Validation at write, in AWS's order and with AWS's words.
//!
//! Reading the shape comes first and is the same for every kind: what is not JSON, an unknown
//! element, a value of the wrong type, an unknown operator. Then each kind has its own checks.

use std::borrow::Cow;

use crate::document::{Document, Kind, Malformed};
use crate::json::{self, NotJson, Span};

mod control;
pub(crate) mod draft;
mod identity;
mod tenant;
mod trust;

use draft::{BadShape, Draft, Text};

/// Why a document is checked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Occasion {
    /// It is being written.
    Write,
    /// It was written before, perhaps under fewer rules: those that came later do not count.
    Load,
}

/// Why a document is refused.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// Access Analyzer's code for it.
    pub(crate) code: &'static str,
    /// AWS's `MalformedPolicyDocument` message.
    pub(crate) message: Cow<'static, str>,
    /// What AWS's message leaves unsaid.
    pub(crate) detail: Option<String>,
    pub(crate) span: Span,
}

impl Refusal {
    fn new(code: &'static str, span: Span, message: impl Into<Cow<'static, str>>) -> Refusal {
        Refusal {
            code,
            message: message.into(),
            detail: None,
            span,
        }
    }

    fn because(mut self, detail: impl Into<String>) -> Refusal {
        self.detail = Some(detail.into());
        self
    }
}

impl From<Refusal> for Malformed {
    fn from(refusal: Refusal) -> Malformed {
        Malformed::new(refusal.message)
    }
}

/// Refuses.
fn refuse<T>(
    code: &'static str,
    span: Span,
    message: impl Into<Cow<'static, str>>,
) -> Result<T, Refusal> {
    Err(Refusal::new(code, span, message))
}

/// Reads a document and checks it by the rules of its kind.
pub(crate) fn document(text: &str, kind: Kind, occasion: Occasion) -> Result<Document, Refusal> {
    let draft = read(text, kind)?;
    check(&draft, kind, occasion)?;
    let span = draft.span;
    draft
        .finish()
        .ok_or_else(|| Refusal::new("MISSING_ELEMENT", span, bad_shape(kind)))
}

/// Reads a document's shape.
pub(crate) fn read(text: &str, kind: Kind) -> Result<Draft<'_>, Refusal> {
    let root = json::parse(text).map_err(|fault| unreadable(fault, kind))?;
    Draft::read(root).map_err(|BadShape { code, detail, span }| {
        Refusal::new(code, span, bad_shape(kind)).because(detail)
    })
}

/// Checks a document by the rules of its kind.
pub(crate) fn check(draft: &Draft<'_>, kind: Kind, occasion: Occasion) -> Result<(), Refusal> {
    match kind {
        Kind::Identity | Kind::Session => identity::check(draft, kind),
        Kind::Trust | Kind::Resource => trust::check(draft, kind, occasion),
        Kind::ServiceControl | Kind::ResourceControl => control::check(draft, kind, occasion),
    }
}

/// The names of context keys that a document asks for, spelled as it spells them: the keys of its
/// conditions, and the variables in its resources and condition values (`${*}`, `${?}` and `${$}`
/// count as the keys `*`, `?` and `$`). Each name comes once, in the order of the text.
///
/// This is what GetContextKeysForCustomPolicy answers. Unlike for [`crate::Policy::parse`] a document
/// may lack statements and elements. One of version 2008-10-17 has no variables.
///
/// # Errors
/// What is not JSON, an unknown element or operator, a value of the wrong type.
pub fn context_keys(text: &str) -> Result<Vec<String>, Malformed> {
    let draft = read(text, Kind::Identity)?;
    let variables = draft.variables();
    let mut names: Vec<(usize, &str)> = Vec::new();
    for statement in &draft.statements {
        let mut texts: Vec<&Text<'_>> = statement.resources().collect();
        for entry in &statement.conditions {
            names.push((entry.key.span.start, &entry.key.value));
            texts.extend(&entry.values);
        }
        for text in texts.into_iter().filter(|_| variables) {
            names.extend(variable_names(&text.value).map(|name| (text.span.start, name)));
        }
    }
    // Elements stand in any order; names of one text are in order already, and sorting keeps that.
    names.sort_by_key(|(at, _)| *at);
    let mut seen = std::collections::HashSet::new();
    let once = names.into_iter().filter(|(_, name)| seen.insert(*name));
    Ok(once.map(|(_, name)| name.to_owned()).collect())
}

/// The names of a text's variables, without their defaults.
pub(crate) fn variable_names(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|after| {
        let end = after.find([',', '}'])?;
        let name = after.get(..end)?.trim();
        (!name.is_empty()).then_some(name)
    })
}

fn unreadable(NotJson { at, fault }: NotJson, kind: Kind) -> Refusal {
    let message = match kind {
        Kind::Identity | Kind::Session => "Syntax errors in policy.",
        Kind::Trust => "This policy contains invalid Json",
        Kind::Resource => "Policies must be valid JSON and the first byte must be '{'",
        Kind::ServiceControl | Kind::ResourceControl => control::MALFORMED,
    };
    let span = Span { start: at, end: at };
    Refusal::new("JSON_SYNTAX_ERROR", span, message).because(fault.to_string())
}

fn bad_shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Identity | Kind::Session => "Syntax errors in policy.",
        Kind::Trust | Kind::Resource => "Syntax error in policy.",
        Kind::ServiceControl | Kind::ResourceControl => control::MALFORMED,
    }
}

/// Says of a name that it is no operator, and why where that is not plain.
fn bad_operator(name: &Text<'_>) -> BadShape {
    let base = name
        .value
        .rsplit_once(':')
        .map_or(&*name.value, |(_, base)| base);
    let code = match base {
        "NullIfExists" => "NULL_WITH_IF_EXISTS",
        "Null" => "NULL_WITH_QUALIFIER",
        _ => "INVALID_CONDITION_OPERATOR",
    };
    BadShape {
        code,
        detail: format!("`{}` is no condition operator", name.value),
        span: name.span,
    }
}
