//! What a permission policy asks for, statement by statement.
//!
//! The policy engine decides requests; here policies are read, to be checked, summarised and compared
//! with what somebody may do. They have passed the engine's validation before.

use locum_policy::wildcard_matches;
use serde_json::Value;

/// One statement.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    pub(super) allows: bool,
    /// Whether `Action` or `Resource` stand as their negation.
    pub(super) is_negated: bool,
    pub(super) actions: Vec<String>,
    pub(super) resources: Vec<String>,
    pub(super) conditions: Vec<Condition>,
}

/// One key of a condition.
#[derive(Clone, Debug)]
pub(super) struct Condition {
    pub(super) operator: String,
    pub(super) key: String,
    pub(super) values: Vec<String>,
}

/// The statements of a policy; `None` if it is not one.
pub(super) fn statements(policy: &str) -> Option<Vec<Statement>> {
    let document: Value = serde_json::from_str(policy).ok()?;
    let statements = document.get("Statement")?;
    let one_or_several = statements
        .as_array()
        .map_or_else(|| vec![statements], |several| several.iter().collect());
    one_or_several.into_iter().map(statement).collect()
}

fn statement(value: &Value) -> Option<Statement> {
    let mut statement = Statement::default();
    for (name, value) in value.as_object()? {
        match name.as_str() {
            "Effect" => statement.allows = value.as_str() == Some("Allow"),
            "Action" => statement.actions = texts(value),
            "NotAction" => {
                statement.is_negated = true;
                statement.actions = texts(value);
            }
            "Resource" => statement.resources = texts(value),
            "NotResource" => {
                statement.is_negated = true;
                statement.resources = texts(value);
            }
            "Condition" => {
                for (operator, keys) in value.as_object()? {
                    for (key, values) in keys.as_object()? {
                        statement.conditions.push(Condition {
                            operator: operator.clone(),
                            key: key.clone(),
                            values: texts(values),
                        });
                    }
                }
            }
            _ => {}
        }
    }
    Some(statement)
}

/// A text, or a list of them; numbers and booleans as they are written.
fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::String(text) => vec![text.clone()],
        other => vec![other.to_string()],
    }
}

impl Statement {
    /// Whether one of its actions stands for `action`, which is in lower case.
    pub(super) fn speaks_of(&self, action: &str) -> bool {
        let mut actions = self.actions.iter();
        actions.any(|pattern| wildcard_matches(&pattern.to_ascii_lowercase(), action))
    }

    /// The permissions boundaries that it insists on.
    pub(super) fn boundaries(&self) -> impl Iterator<Item = &String> {
        const INSISTING: [&str; 4] = ["stringequals", "stringlike", "arnequals", "arnlike"];
        let insists = |condition: &&Condition| {
            condition
                .key
                .eq_ignore_ascii_case("iam:PermissionsBoundary")
                && INSISTING.contains(&condition.operator.to_ascii_lowercase().as_str())
        };
        let conditions = self.conditions.iter().filter(insists);
        conditions.flat_map(|condition| &condition.values)
    }
}
