//! The matchers of every element, against the slow and obvious definition.

use crate::is_fair;
use crate::support::{Caller, Facts, World, reference};
use locum_policy::{Kind, Policy, Value};
use serde_json::{Value as Json, json};

/// Longer patterns tell nothing new, and take the definition long.
const LONGEST: usize = 64;

/// Three lines: which element, its pattern, and what it is matched against.
pub fn run(data: &[u8]) {
    let Some([element, pattern, text]) = crate::lines(data) else {
        return;
    };
    let lengths = [pattern, text].map(str::len);
    if lengths.iter().any(|length| *length > LONGEST) || !is_fair(pattern) || !is_fair(text) {
        return;
    }
    let mut world = World {
        facts: [("aws:referer".to_owned(), Value::from(text.to_owned()))].into(),
        ..world()
    };
    let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
    let is_condition = match element {
        "Action" | "NotAction" => {
            text.clone_into(&mut world.action);
            false
        }
        "Resource" | "NotResource" => {
            text.clone_into(&mut world.resource);
            false
        }
        _ => true,
    };
    if is_condition {
        statement["Condition"] = json!({element: {"aws:Referer": pattern}});
    } else {
        if let Some(statement) = statement.as_object_mut() {
            statement.remove(element.trim_start_matches("Not"));
        }
        statement[element] = json!(pattern);
    }
    agree(world, &statement);
}

/// A user of the account that owns everything.
pub(crate) fn world() -> World {
    World {
        caller: Caller::User {
            account: "111111111111".to_owned(),
            arn: "arn:aws:iam::111111111111:user/ann".to_owned(),
            id: "AIDAEXAMPLEEXAMPLE001".to_owned(),
        },
        action: "s3:GetObject".to_owned(),
        resource: "arn:aws:s3:::b/k".to_owned(),
        resource_account: "111111111111".to_owned(),
        facts: Facts::new(),
        identity: Vec::new(),
        boundary: None,
        session: None,
        session_binds: false,
        attached: None,
        trust: None,
        service_control: Vec::new(),
        resource_control: Vec::new(),
    }
}

/// The engine decides as the reference does of a user with a policy of one statement, in both
/// versions of the language, if it can be written today.
pub(crate) fn agree(mut world: World, statement: &Json) {
    let document = |version: &str| json!({"Version": version, "Statement": statement});
    if Policy::parse(&document("2012-10-17").to_string(), Kind::Identity).is_err() {
        return;
    }
    for version in ["2012-10-17", "2008-10-17"] {
        world.identity = vec![document(version)];
        assert_eq!(world.decide(), reference::decide(&world), "{world:#?}");
    }
}
