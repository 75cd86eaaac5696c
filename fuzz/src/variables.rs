//! The variable expander, against the slow and obvious definition.

use crate::is_fair;
use crate::matcher::{agree, world};
use locum_policy::Value;
use serde_json::json;

/// Longer texts tell nothing new, and take the definition long.
const LONGEST: usize = 96;

/// Five lines: an operator, a text with variables, what it is matched against, and the values of
/// `aws:username` and `aws:PrincipalTag/Team`; a value of `-` alone is absent, one with a comma has
/// several.
pub fn run(data: &[u8]) {
    let Some([operator, template, text, name, team]) = crate::lines(data) else {
        return;
    };
    let fair = [template, text, name, team].map(is_fair) == [true; 4];
    if data.len() > LONGEST * 3 || template.len() > LONGEST || !fair {
        return;
    }
    let mut world = world();
    for (key, value) in [
        ("aws:referer", text),
        ("aws:username", name),
        ("aws:principaltag/team", team),
    ] {
        let value = match value.split_once(',') {
            None if value == "-" => continue,
            None => Value::from(value.to_owned()),
            Some(_) => Value::Many(value.split(',').map(|v| v.to_owned().into()).collect()),
        };
        world.facts.insert(key.to_owned(), value);
    }
    let statement = if operator == "Resource" {
        text.clone_into(&mut world.resource);
        json!({"Effect": "Allow", "Action": "*", "Resource": template})
    } else {
        json!({
            "Effect": "Allow",
            "Action": "*",
            "Resource": "*",
            "Condition": {operator: {"aws:Referer": template}},
        })
    };
    agree(world, &statement);
}
