//! Condition keys that a statement names and a request does not have.

use crate::arn;
use crate::compiled::{Call, CompiledStatement, Match, Reading};
use crate::context::Context;
use crate::document::{Element, Statement};
use crate::resource::ArnPattern;
use crate::template::{self, Part};

/// The keys of conditions and variables that a statement names, each once and as first written, and
/// that the request lacks: those of `Resource` first, then condition by condition.
///
/// Empty for a statement that is about something else: another action, principal or resource. A
/// resource that only an unknown variable keeps from matching is not something else.
pub(crate) fn keys(
    statement: &CompiledStatement,
    outcome: Match,
    call: &Call<'_>,
    reading: Reading,
) -> Vec<String> {
    let (written, variables) = (&statement.written, statement.variables);
    let concerned = match outcome {
        Match::Yes(_) | Match::Condition(_) => true,
        Match::Resource => {
            variables
                && could_match(written.resources.as_ref(), call)
                && statement.applies(call, reading).is_some()
        }
        Match::Action | Match::Principal => false,
    };
    let mut keys: Vec<String> = Vec::new();
    if concerned {
        name(written, variables, &mut |key| {
            let known = keys.iter().any(|k| same(k, key));
            if !known && !has(call.request.context, key) {
                keys.push(key.to_owned());
            }
        });
    }
    keys
}

fn has(context: &dyn Context, key: &str) -> bool {
    context.value(&key.to_lowercase()).is_some()
}

/// Whether two spellings name one key.
pub(crate) fn same(a: &str, b: &str) -> bool {
    a.to_lowercase() == b.to_lowercase()
}

fn name(statement: &Statement, variables: bool, tell: &mut dyn FnMut(&str)) {
    if variables {
        for text in statement.resources.iter().flat_map(|r| &r.values) {
            of_text(variable_part(text), tell);
        }
    }
    for entry in &statement.conditions {
        tell(&entry.key);
        if variables && entry.operator.test.takes_variables() {
            entry.values.iter().for_each(|text| of_text(text, tell));
        }
    }
}

fn of_text(text: &str, tell: &mut dyn FnMut(&str)) {
    for part in template::parts(text) {
        if let Ok(Part::Variable { key, .. }) = part {
            tell(key);
        }
    }
}

/// What follows the fifth colon of a resource pattern: only there are variables.
fn variable_part(text: &str) -> &str {
    arn::split(text).map_or("", |[.., rest]| rest)
}

/// Whether a resource would match if each variable without a value stood for any text.
fn could_match(resources: Option<&Element>, call: &Call<'_>) -> bool {
    let context = call.request.context;
    let Some(resources) = resources.filter(|r| !r.negated) else {
        return false;
    };
    resources.values.iter().any(|text| {
        open(text, context)
            .and_then(|opened| ArnPattern::resource(&opened, true))
            .is_some_and(|pattern| pattern.matches(call.request.resource, context))
    })
}

/// The pattern with a `*` for each variable without a value; `None` when every variable has one.
fn open(text: &str, context: &dyn Context) -> Option<String> {
    let rest = variable_part(text);
    let mut opened = text.strip_suffix(rest)?.to_owned();
    let mut unknown = false;
    for part in template::parts(rest) {
        match part.ok()? {
            Part::Text(text) => opened.push_str(text),
            Part::Escape(c) => {
                opened.push_str("${");
                opened.push(c);
                opened.push('}');
            }
            Part::Variable { key, default } => match default {
                None if !has(context, key) => {
                    unknown = true;
                    opened.push('*');
                }
                None => opened.push_str(&format!("${{{key}}}")),
                Some(text) => opened.push_str(&format!("${{{key}, '{text}'}}")),
            },
        }
    }
    unknown.then_some(opened)
}
