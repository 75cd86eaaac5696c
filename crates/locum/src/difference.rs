//! The difference of two states of an entity, for people: policy documents laid out, moments
//! spelled, principals by name, and of secrets only whether they are others.

use locum_identity::entity::Entity;
use locum_identity::environment::timestamp;
use locum_identity::names::AccountId;
use serde_json::{Map, Value};
use similar::TextDiff;
use std::collections::HashMap;

/// Members that hold secrets, or hashes of them.
const SECRETS: &[&str] = &[
    "secret",
    "seed",
    "key",
    "private_key",
    "password",
    "previous",
];
/// Members that hold moments.
const MOMENTS: &[&str] = &[
    "added",
    "at",
    "changed",
    "created",
    "enabled",
    "expires",
    "generated",
    "joined",
    "updated",
    "uploaded",
    "valid_until",
];
/// Lines around a change.
const CONTEXT: usize = 3;

/// An entity as it is shown: its stored form, made readable. `name` says what a unique id stands for.
pub(crate) fn view(entity: &Entity, name: &dyn Fn(&str) -> Option<String>) -> Value {
    let stored = entity
        .to_record()
        .ok()
        .and_then(|record| serde_json::from_str(&record.body).ok());
    match stored {
        Some(Value::Object(mut members)) => {
            // The version of the stored form.
            members.remove("v");
            Value::Object(shown_members(members, name))
        }
        other => other.unwrap_or(Value::Null),
    }
}

/// The names, for [`view`], of what among some entities of an account has a unique id.
pub(crate) fn names<'a>(
    account: AccountId,
    entities: impl Iterator<Item = &'a Entity>,
) -> HashMap<String, String> {
    entities
        .filter_map(|entity| Some((entity.unique_id()?.to_string(), entity.arn(account)?)))
        .collect()
}

/// The lines that differ, with those around them, each behind `+`, `-` or a blank; empty where
/// nothing differs. What is not there has no lines.
pub(crate) fn lines(before: Option<&Value>, after: Option<&Value>) -> String {
    let text = |value: Option<&Value>| match value {
        Some(value) => serde_json::to_string_pretty(value).unwrap_or_default() + "\n",
        None => String::new(),
    };
    let (before, after) = (text(before), text(after));
    let difference = TextDiff::from_lines(&before, &after);
    let mut shown = String::new();
    for (place, group) in difference.grouped_ops(CONTEXT).iter().enumerate() {
        if place > 0 {
            shown.push_str("  …\n");
        }
        for change in group.iter().flat_map(|op| difference.iter_changes(op)) {
            shown.push_str(match change.tag() {
                similar::ChangeTag::Delete => "- ",
                similar::ChangeTag::Insert => "+ ",
                similar::ChangeTag::Equal => "  ",
            });
            shown.push_str(change.value());
        }
    }
    shown
}

fn shown_members(
    members: Map<String, Value>,
    name: &dyn Fn(&str) -> Option<String>,
) -> Map<String, Value> {
    // A tag has a key, too.
    let is_tag = members.contains_key("value");
    let shown = members.into_iter().map(|(member, value)| {
        let value = match value {
            Value::String(_) | Value::Array(_) if !is_tag && SECRETS.contains(&member.as_str()) => {
                secret(&value)
            }
            Value::Number(moment) if MOMENTS.contains(&member.as_str()) => match moment.as_i64() {
                Some(moment) => Value::String(timestamp(moment)),
                None => Value::Number(moment),
            },
            // Its own id is the entity's, and stays.
            Value::String(id) if member == "id" => Value::String(id),
            value => shown_value(value, name),
        };
        (member, value)
    });
    shown.collect()
}

fn shown_value(value: Value, name: &dyn Fn(&str) -> Option<String>) -> Value {
    match value {
        Value::String(text) => match serde_json::from_str(&text) {
            // A policy document.
            Ok(Value::Object(document)) => shown_value(Value::Object(document), name),
            _ => Value::String(name(&text).unwrap_or(text)),
        },
        Value::Array(items) => {
            let items = items.into_iter().map(|item| shown_value(item, name));
            Value::Array(items.collect())
        }
        Value::Object(members) => Value::Object(shown_members(members, name)),
        other => other,
    }
}

/// Of a secret: enough to tell it from another, and nothing to learn it by, since what is stored is
/// sealed or salted.
fn secret(stored: &Value) -> Value {
    let digest =
        aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, stored.to_string().as_bytes());
    let head = digest.as_ref().iter().take(4);
    let head: String = head.map(|byte| format!("{byte:02x}")).collect();
    Value::String(format!("(secret {head})"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn shown(members: Value) -> Value {
        match members {
            Value::Object(members) => {
                let name = |id: &str| (id == "AIDAANN").then(|| "user ann".to_owned());
                Value::Object(shown_members(members, &name))
            }
            _ => Value::Null,
        }
    }

    #[test]
    fn documents_are_laid_out_and_principals_named() {
        let entity = shown(json!({
            "id": "AIDAANN",
            "groups": ["AIDAANN", "AIDABOB"],
            "created": 0,
            "document": r#"{"Statement":{"Principal":{"AWS":"AIDAANN"},"Action":"s3:*"}}"#,
            "description": "no { document",
            "tags": [{"key": "k", "value": "v"}],
        }));
        assert_eq!(
            entity,
            json!({
                "id": "AIDAANN",
                "groups": ["user ann", "AIDABOB"],
                "created": "1970-01-01T00:00:00Z",
                "document": {"Statement": {"Principal": {"AWS": "user ann"}, "Action": "s3:*"}},
                "description": "no { document",
                "tags": [{"key": "k", "value": "v"}],
            })
        );
    }

    #[test]
    fn of_secrets_only_whether_they_differ_is_shown() {
        let one = shown(json!({"password": "$argon2id$abc", "previous": ["x"], "seed": "s"}));
        let other = shown(json!({"password": "$argon2id$abd", "previous": ["x"], "seed": "s"}));
        let text = one.to_string() + &other.to_string();
        assert!(
            !text.contains("argon2id") && !text.contains("\"x\""),
            "{text}"
        );
        let lines = lines(Some(&one), Some(&other));
        assert_eq!(lines.matches("password").count(), 2, "{lines}");
        assert_eq!(
            lines
                .lines()
                .filter(|line| line.starts_with(['+', '-']))
                .count(),
            2
        );
    }

    #[test]
    fn what_differs_is_shown_with_what_is_around_it() {
        let document =
            |action: &str| json!({"a": 1, "b": 2, "c": 3, "d": 4, "e": 5, "f": action, "g": 6});
        assert_eq!(
            lines(Some(&document("s3:GetObject")), Some(&document("s3:*"))),
            "    \"c\": 3,\n    \"d\": 4,\n    \"e\": 5,\n-   \"f\": \"s3:GetObject\",\n+   \"f\": \"s3:*\",\n    \"g\": 6\n  }\n"
        );
        assert_eq!(lines(Some(&document("x")), Some(&document("x"))), "");
        assert_eq!(
            lines(None, Some(&json!({"a": 1}))),
            "+ {\n+   \"a\": 1\n+ }\n"
        );
        assert_eq!(
            lines(Some(&json!({"a": 1})), None),
            "- {\n-   \"a\": 1\n- }\n"
        );
    }
}
