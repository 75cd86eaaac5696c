//! Condition keys that a statement names and a request does not have.

use std::collections::HashSet;

use crate::arn;
use crate::compiled::{Call, Match, Reading, StatementOf};
use crate::facts::Facts;
use crate::resource::ArnPattern;
use crate::template::{self, Part};
use crate::texts::Lower;

/// The keys of conditions and variables that a statement names, each once and as first written, and
/// that the request lacks: those of `Resource` first, then condition by condition.
///
/// Empty for a statement that is about something else: another action, principal or resource. A
/// resource that only an unknown variable keeps from matching is not something else.
pub(crate) fn keys(
    statement: StatementOf<'_>,
    outcome: Match,
    call: &Call<'_>,
    reading: Reading,
) -> Vec<String> {
    let concerned = match outcome {
        Match::Yes(_) | Match::Condition(_) => true,
        Match::Resource => {
            could_match(statement, call) && statement.applies(call, reading).is_some()
        }
        Match::Action | Match::Principal => false,
    };
    let mut keys: Vec<String> = Vec::new();
    if concerned {
        let mut asked = Once::default();
        name(statement, &mut |key| {
            if asked.is_new(key) && !has(call.facts, key) {
                keys.push(key.to_owned());
            }
        });
    }
    keys
}

fn has(facts: &Facts<'_>, key: &str) -> bool {
    facts.get(Lower::unicode(key).as_str()).value().is_some()
}

/// Keys, each taken once whatever its spelling. A statement can name thousands, so that comparing
/// each with each would be too slow.
#[derive(Default)]
pub(crate) struct Once {
    lower: HashSet<String>,
}

impl Once {
    pub(crate) fn is_new(&mut self, key: &str) -> bool {
        self.lower.insert(key.to_lowercase())
    }
}

fn name(statement: StatementOf<'_>, tell: &mut dyn FnMut(&str)) {
    let variables = statement.variables();
    let resources = statement.resources().filter(|_| variables);
    for text in resources.into_iter().flat_map(|r| r.values) {
        of_text(arn::behind_the_fifth_colon(text), tell);
    }
    for condition in statement.conditions() {
        tell(condition.key);
        if variables && condition.operator.test.takes_variables() {
            condition.values.for_each(|text| of_text(text, tell));
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

/// Whether the resource would match if each variable without a value stood for any text.
fn could_match(statement: StatementOf<'_>, call: &Call<'_>) -> bool {
    let resources = statement.resources().filter(|r| !r.negated);
    let Some(mut resources) = resources.filter(|_| statement.variables()) else {
        return false;
    };
    resources.values.any(|text| {
        open(text, call.facts).is_some_and(|opened| {
            ArnPattern::resource(&opened, true)
                .is_some_and(|pattern| pattern.matches(&opened, call.request.resource, call.facts))
        })
    })
}

/// The pattern with a `*` for each variable without a value; `None` when every variable has one.
fn open(text: &str, facts: &Facts<'_>) -> Option<String> {
    let rest = arn::behind_the_fifth_colon(text);
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
                None if !has(facts, key) => {
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
