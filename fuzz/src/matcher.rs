//! The matchers of every element, against the slow and obvious definition.

use crate::has_vast_numbers;
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
    if pattern.len() > LONGEST
        || text.len() > LONGEST
        || has_vast_numbers(pattern)
        || has_vast_numbers(text)
    {
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
    world.identity = vec![document("2012-10-17", &statement)];
    agree(&world);
    // Version 2008-10-17 has no variables.
    world.identity = vec![document("2008-10-17", &statement)];
    agree(&world);
}

/// A document of one statement.
pub(crate) fn document(version: &str, statement: &Json) -> Json {
    json!({"Version": version, "Statement": statement})
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
        attached: None,
        trust: None,
        service_control: Vec::new(),
        resource_control: Vec::new(),
    }
}

/// The engine decides as the reference does, if the policies are legal.
pub(crate) fn agree(world: &World) {
    let legal = |document: &Json| {
        // Documents of the older version could be written once.
        let kind = match document["Version"] == "2012-10-17" {
            true => Kind::Identity,
            false => Kind::Session,
        };
        Policy::parse(&document.to_string(), kind).is_ok()
    };
    if world.identity.iter().all(legal) {
        assert_eq!(world.decide(), reference::decide(world), "{world:#?}");
    }
}
