//! Names of services and actions that do not exist, and values that others of their list take in.

use std::collections::HashMap;

use super::{Report, Severity, brief, catalogue, patterns};
use crate::glob::Glob;
use crate::validate::draft::{DraftElement, DraftStatement, Text};

pub(super) fn check(statement: &DraftStatement<'_>, report: &mut Report<'_>) {
    if let Some(sid) = statement.sid.as_ref().filter(|sid| sid.value.is_empty()) {
        let message = "the Sid is empty and can be left out";
        report.add(Severity::Suggestion, "EMPTY_SID_VALUE", sid.span, message);
    }
    if let Some(actions) = &statement.actions {
        for text in &actions.values {
            action(text, report);
        }
        redundant(actions, "REDUNDANT_ACTION", report);
    }
    if let Some(resources) = &statement.resources {
        redundant(resources, "REDUNDANT_RESOURCE", report);
    }
}

fn action(text: &Text<'_>, report: &mut Report<'_>) {
    let value = &*text.value;
    let Some((prefix, name)) = value.split_once(':') else {
        return;
    };
    // What is no action at all is refused as such.
    let sound = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if prefix.is_empty() || !prefix.bytes().all(sound) || name.is_empty() || name.contains(':') {
        return;
    }
    let severity = Severity::Warning;
    let Some(service) = catalogue::service(&prefix.to_ascii_lowercase()) else {
        let guess = report.guess(prefix, catalogue::services());
        let message = format!("`{}` is no service{guess}", brief(prefix));
        return report.add(severity, "INVALID_SERVICE_IN_ACTION", text.span, message);
    };
    let known = report.matching(service, &name.to_ascii_lowercase());
    if known.is_none_or(|known| !known.is_empty()) {
        return;
    }
    let wildcards = name.contains(['*', '?']);
    let value = brief(value);
    let message = if wildcards {
        format!("`{value}` matches no action of `{prefix}`")
    } else {
        let guess = report.guess(name, service.action_names());
        let guess = guess.replacen('`', &format!("`{prefix}:"), 1);
        format!("`{value}` is no action of `{prefix}`{guess}")
    };
    report.add(severity, "INVALID_ACTION", text.span, message);
}

/// Values that another value of the same list takes in.
fn redundant(element: &DraftElement<'_>, code: &'static str, report: &mut Report<'_>) {
    let resources = code == "REDUNDANT_RESOURCE";
    let folded = |text: &Text<'_>| match resources {
        true => text.value.clone().into_owned(),
        false => text.value.to_ascii_lowercase(),
    };
    let values: Vec<String> = element.values.iter().map(folded).collect();
    let mut first: HashMap<&str, usize> = HashMap::new();
    let mut patterns: Vec<(usize, &str, Glob<'_>)> = Vec::new();
    for (index, value) in values.iter().enumerate() {
        let seen = first.entry(value).or_insert(index);
        // What a `?` takes in is left to the reader: see `covers`.
        if *seen == index && value.contains('*') && !value.contains('?') {
            patterns.push((index, value, Glob::new(value)));
        }
    }
    for (index, (value, text)) in values.iter().zip(&element.values).enumerate() {
        let twin = first.get(value.as_str()).filter(|place| **place != index);
        let mut wider = None;
        if twin.is_none() {
            if !report.spend(patterns.len() * (1 + value.len() / 64)) {
                return;
            }
            wider = patterns.iter().find(|(place, pattern, glob)| {
                let covers = |a: &str, b: &str| match resources {
                    true => patterns::covers_arn(a, b),
                    false => patterns::covers(a, b),
                };
                // Of two that take in each other, the first stays.
                *place != index
                    && glob.matches(value)
                    && covers(pattern, value)
                    && (*place < index || !covers(value, pattern))
            });
        }
        let value = brief(&text.value);
        let told = match (twin, wider) {
            (Some(_), _) => format!("`{value}` is in the list already"),
            (None, Some((place, _, _))) => {
                let wider = brief(element.values.get(*place).map_or("", |text| &*text.value));
                format!("`{value}` is taken in by `{wider}` of the same list")
            }
            (None, None) => continue,
        };
        report.add(Severity::Suggestion, code, text.span, told);
    }
}
