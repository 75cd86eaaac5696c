//! The policy simulator.

use crate::common::{World, fails, n};
use locum_identity::iam::simulate::Verdict::{Allowed, ExplicitDeny, ImplicitDeny};
use locum_identity::iam::simulate::{
    ContextEntry, ContextKeyType, EvaluationResult, Marker, MatchedStatement, SimulateCustomPolicy,
    Simulation, Verdict,
};
use locum_identity::names::Constrained;

mod context;
mod controls;
mod limits;
mod principals;
mod property;
mod resources;

const A: &str = "arn:aws:s3:::bucket/a";
const B: &str = "arn:aws:s3:::bucket/b";
const ANN: &str = "arn:aws:iam::123456789012:user/x/ann";

/// A document of the current version.
fn policy(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

/// A statement about one action and resource, with further members.
fn statement(effect: &str, action: &str, resource: &str, more: &str) -> String {
    format!(r#"{{"Effect":"{effect}","Action":"{action}","Resource":"{resource}"{more}}}"#)
}

fn one(effect: &str, action: &str, resource: &str) -> String {
    policy(&statement(effect, action, resource, ""))
}

/// An allowing document with a condition.
fn when(condition: &str) -> String {
    let more = format!(r#","Condition":{{{condition}}}"#);
    policy(&statement("Allow", "s3:GetObject", "*", &more))
}

/// A resource policy that lets principals get the bucket's objects.
fn letting(effect: &str, principal: &str) -> String {
    let more = format!(r#","Principal":{{"AWS":"{principal}"}}"#);
    policy(&statement(
        effect,
        "s3:GetObject",
        "arn:aws:s3:::bucket/*",
        &more,
    ))
}

fn list<T: Constrained>(texts: &[&str]) -> Vec<T> {
    texts.iter().map(|text| n(text)).collect()
}

fn entry(name: &str, kind: &str, values: &[&str]) -> ContextEntry {
    let place = ContextKeyType::NAMES
        .iter()
        .position(|other| *other == kind);
    ContextEntry {
        name: Some(n(name)),
        values: list(values),
        kind: Some(ContextKeyType::ALL[place.unwrap()]),
    }
}

/// The simulation of getting an object that these policies decide.
fn getting(policies: &[&str]) -> Simulation {
    Simulation {
        policies: list(policies),
        actions: list(&["s3:GetObject"]),
        ..Simulation::default()
    }
}

fn custom(simulation: Simulation) -> SimulateCustomPolicy {
    SimulateCustomPolicy {
        organization_policies: Vec::new(),
        simulation,
    }
}

fn run(simulation: Simulation) -> Vec<EvaluationResult> {
    let page = World::new().root(custom(simulation)).unwrap();
    assert_eq!(page.next, None);
    page.results
}

#[track_caller]
fn single(simulation: Simulation) -> EvaluationResult {
    let mut results = run(simulation);
    assert_eq!(results.len(), 1);
    results.remove(0)
}

#[track_caller]
fn refused(simulation: Simulation, message: &str) {
    let answer = World::new().root(custom(simulation));
    fails(answer, "InvalidInput", message);
}

/// A simulation of Ann, whose resource has a policy.
fn on_resource(identity: &[&str], resource_policy: &str) -> Simulation {
    Simulation {
        resources: list(&[A]),
        resource_policy: Some(n(resource_policy)),
        caller: Some(n(ANN)),
        ..getting(identity)
    }
}

/// Source, type and `line:column` of start and end.
fn shown(matched: &[MatchedStatement]) -> Vec<String> {
    let show =
        |m: &MatchedStatement| format!("{} {:?} {} {}", m.source_id, m.source_type, m.start, m.end);
    matched.iter().map(show).collect()
}

#[test]
fn actions_on_everything() {
    let results = run(Simulation {
        actions: list(&[
            "s3:GetObject",
            "S3:getobject",
            "s3:PutObject",
            "made:Up",
            "s3:*",
        ]),
        ..getting(&[&one("Allow", "s3:GetObject", "*")])
    });
    let decisions: Vec<_> = results
        .iter()
        .map(|r| (r.action.as_str(), r.decision))
        .collect();
    assert_eq!(
        decisions,
        [
            ("s3:GetObject", Allowed),
            ("S3:getobject", Allowed),
            ("s3:PutObject", ImplicitDeny),
            ("made:Up", ImplicitDeny),
            ("s3:*", ImplicitDeny),
        ]
    );
    assert_eq!(
        results[0],
        EvaluationResult {
            action: "s3:GetObject".to_owned(),
            resource: "*".to_owned(),
            decision: Allowed,
            matched: results[0].matched.clone(),
            missing: Vec::new(),
            allowed_by_organizations: None,
            allowed_by_boundary: None,
            details: None,
            resources: Vec::new(),
        }
    );
    assert_eq!(
        shown(&results[0].matched),
        ["PolicyInputList.1 Iam 1:38 1:95"]
    );
    assert_eq!(shown(&results[2].matched), [""; 0]);
    assert_eq!(single(getting(&[])).decision, ImplicitDeny);
}

/// The positions are those of AWS's answers for the same documents.
#[test]
fn positions_in_the_submitted_document() {
    #[track_caller]
    fn check(document: &str, actions: &[&str], expected: &[&str]) {
        let results = run(Simulation {
            actions: list(actions),
            ..getting(&[document])
        });
        let all: Vec<_> = results.iter().flat_map(|r| shown(&r.matched)).collect();
        assert_eq!(all, expected, "{document}");
    }
    let pretty = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \"Action\": \"s3:GetObject\",\n      \"Resource\": \"*\",\n      \"Sid\": \"First\"\n    },\n    {\n      \"Effect\": \"Deny\",\n      \"Action\": \"s3:PutObject\",\n      \"Resource\": \"*\",\n      \"Sid\": \"Second\"\n    }\n  ]\n}";
    check(
        pretty,
        &["s3:GetObject", "s3:PutObject"],
        &[
            "PolicyInputList.1 Iam 3:17 9:6",
            "PolicyInputList.1 Iam 9:6 15:6",
        ],
    );
    let with_returns = format!(" \r\n{}\r\n ", pretty.replace('\n', "\r\n"));
    check(
        &with_returns,
        &["s3:GetObject"],
        &["PolicyInputList.1 Iam 4:17 10:6"],
    );
    check(
        r#"{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}"#,
        &["s3:GetObject"],
        &["PolicyInputList.1 Iam 1:16 1:77"],
    );
    let twice = [
        statement("Allow", "s3:GetObject", "*", r#","Sid":"First""#),
        statement("Allow", "s3:GetObject", "*", r#","Sid":"Second""#),
    ];
    check(
        &policy(&twice.join(",")),
        &["s3:GetObject"],
        &[
            "PolicyInputList.1 Iam 1:38 1:109",
            "PolicyInputList.1 Iam 1:109 1:182",
        ],
    );
}

#[test]
fn an_explicit_deny_names_the_denying_statements_alone() {
    let allow = one("Allow", "s3:*", "*");
    let deny = one("Deny", "s3:GetObject", A);
    let result = single(Simulation {
        resources: list(&[A, B]),
        ..getting(&[&allow, &deny])
    });
    assert_eq!(
        (result.decision, result.resource.as_str()),
        (ExplicitDeny, "*")
    );
    let deny = ["PolicyInputList.2 Iam 1:38 1:114"];
    let allow = ["PolicyInputList.1 Iam 1:38 1:87"];
    assert_eq!(shown(&result.matched), deny);
    let specific: Vec<_> = result.resources.iter().collect();
    assert_eq!(
        [specific[0].resource.as_str(), specific[1].resource.as_str()],
        [A, B]
    );
    assert_eq!(
        (specific[0].decision, shown(&specific[0].matched)),
        (ExplicitDeny, deny.map(str::to_owned).to_vec())
    );
    assert_eq!(
        (specific[1].decision, shown(&specific[1].matched)),
        (Allowed, allow.map(str::to_owned).to_vec())
    );
}

#[test]
fn an_action_is_allowed_if_it_is_on_every_resource() {
    let allow = one("Allow", "s3:GetObject", A);
    let result = single(Simulation {
        resources: list(&[A, B, A]),
        ..getting(&[&allow])
    });
    assert_eq!(result.decision, ImplicitDeny);
    // The statement is named once, though it allows one resource twice.
    assert_eq!(shown(&result.matched), ["PolicyInputList.1 Iam 1:38 1:115"]);
    let decisions: Vec<_> = result.resources.iter().map(|r| r.decision).collect();
    assert_eq!(decisions, [Allowed, ImplicitDeny, Allowed]);
    assert_eq!(result.details, Some(Vec::new()));
    let result = single(Simulation {
        resources: list(&[A]),
        ..getting(&[&allow])
    });
    assert_eq!((result.decision, result.resource.as_str()), (Allowed, A));
}

#[test]
fn missing_keys_are_those_of_an_implicit_denial() {
    #[track_caller]
    fn check(policies: &[&str], expected: (Verdict, &[&str])) {
        let result = single(Simulation {
            resources: list(&[A]),
            ..getting(policies)
        });
        let missing: Vec<_> = result.missing.iter().map(String::as_str).collect();
        assert_eq!((result.decision, missing.as_slice()), expected);
        assert_eq!(result.resources[0].missing, result.missing);
        let whole = single(getting(policies));
        assert_eq!(whole.missing, result.missing);
    }
    let asks = when(r#""StringEquals":{"my:key":"yes"}"#);
    let allow = one("Allow", "s3:GetObject", "*");
    check(&[&asks], (ImplicitDeny, &["my:key"]));
    check(
        &[&asks.replace("Allow", "Deny")],
        (ImplicitDeny, &["my:key"]),
    );
    // Whatever it is that the statement is about.
    check(&[&asks.replace("Get", "Put")], (ImplicitDeny, &["my:key"]));
    check(&[&allow, &asks], (Allowed, &[]));
    check(&[&one("Deny", "*", "*"), &asks], (ExplicitDeny, &[]));
    check(
        &[&when(r#""StringEqualsIfExists":{"my:key":"yes"}"#)],
        (Allowed, &[]),
    );
    check(&[&when(r#""Null":{"my:key":"true"}"#)], (Allowed, &[]));
    check(
        &[&when(r#""Null":{"my:key":"false"}"#)],
        (ImplicitDeny, &["my:key"]),
    );
    // Once, however spelt; and variables, but not the escapes.
    let twice = when(r#""StringEquals":{"my:key":"${aws:username}${*}${?}${$}","My:Key":"1"}"#);
    check(
        &[&twice, &asks],
        (ImplicitDeny, &["my:key", "aws:username"]),
    );
    let old = twice.replace("2012-10-17", "2008-10-17");
    check(&[&old], (ImplicitDeny, &["my:key"]));
    let given = single(Simulation {
        context: vec![entry("MY:KEY", "string", &["no"])],
        ..getting(&[&twice])
    });
    assert_eq!(given.missing, ["aws:username"]);
}

#[test]
fn a_boundary_limits() {
    #[track_caller]
    fn check(identity: &str, boundary: &str, expected: (Verdict, bool), matched: &[&str]) {
        let result = single(Simulation {
            boundaries: list(&[boundary]),
            resources: list(&[A, B]),
            ..getting(&[identity])
        });
        let got = (result.decision, result.allowed_by_boundary);
        assert_eq!(got, (expected.0, Some(expected.1)));
        assert_eq!(shown(&result.matched), matched);
        for specific in &result.resources {
            assert_eq!((specific.decision, specific.allowed_by_boundary), got);
        }
    }
    let allow = one("Allow", "s3:GetObject", "*");
    let deny = one("Deny", "s3:GetObject", "*");
    let identity = "PolicyInputList.1 Iam 1:38 1:95";
    let bounding = "PermissionsBoundaryPolicyInputList.1 Boundary 1:38 1:94";
    check(&allow, &allow, (Allowed, true), &[identity]);
    check(
        &allow,
        &one("Allow", "s3:PutObject", "*"),
        (ImplicitDeny, false),
        &[],
    );
    check(&allow, &deny, (ExplicitDeny, false), &[bounding]);
    check(
        &deny,
        &deny,
        (ExplicitDeny, false),
        &["PolicyInputList.1 Iam 1:38 1:94", bounding],
    );
    check(
        &deny,
        &allow,
        (ExplicitDeny, true),
        &["PolicyInputList.1 Iam 1:38 1:94"],
    );
    let asks = when(r#""StringEquals":{"my:key":"yes"}"#);
    let result = single(Simulation {
        boundaries: list(&[&asks]),
        ..getting(&[&allow])
    });
    assert_eq!(
        (result.decision, result.missing),
        (ImplicitDeny, vec!["my:key".to_owned()])
    );
    refused(
        Simulation {
            boundaries: list(&[&allow, &allow]),
            ..getting(&[])
        },
        "The list of Permissions Boundary policies cannot exceed 1 items.",
    );
}

#[test]
fn what_is_refused() {
    let allow = one("Allow", "s3:GetObject", "*");
    let base = || on_resource(&[&allow], &letting("Allow", "*"));
    for owner in [
        "123456789012",
        "999999999999",
        "not-an-arn",
        "arn:aws:s3:::bucket",
        "arn:aws:iam::aws:policy/p",
    ] {
        refused(
            Simulation {
                resource_owner: Some(n(owner)),
                ..base()
            },
            &format!("'{owner}' is not a valid as a Resource Owner."),
        );
    }
    for caller in [
        "arn:aws:iam::123456789012:root",
        "arn:aws:sts::123456789012:assumed-role/r/s",
        "ann",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:iam::12345678901:user/u",
        "arn:aws:iam::123456789012:policy/p",
    ] {
        refused(
            Simulation {
                caller: Some(n(caller)),
                ..base()
            },
            "Invalid caller - Caller must be an IAM user, role or group in this context.",
        );
    }
    refused(
        Simulation {
            caller: None,
            ..base()
        },
        "Invalid caller - Caller cannot be null or empty.",
    );
    for resources in [vec![], list(&["*"])] {
        refused(
            Simulation {
                resources,
                ..base()
            },
            "Invalid Entity Arn: * does not clearly define entity type and name.",
        );
    }
    for element in [
        r#""Resource":"*""#,
        r#""Resource":["arn:aws:s3:::bucket/*","*"]"#,
        r#""NotResource":"*""#,
    ] {
        let policy =
            letting("Allow", "*").replace(r#""Resource":"arn:aws:s3:::bucket/*""#, element);
        refused(
            Simulation {
                resource_policy: Some(n(&policy)),
                ..base()
            },
            "ResourceNames are not in a valid ARN format: *.",
        );
    }
    refused(
        Simulation {
            resource_policy: Some(n(&allow)),
            ..base()
        },
        "Resource policy has invalid content",
    );
    for (resources, bad) in [
        (["not-an-arn"].as_slice(), "not-an-arn"),
        (&["arn:aws:s3"], "arn:aws:s3"),
        (&[A, "*"], "*"),
    ] {
        let simulation = Simulation {
            resources: list(resources),
            ..getting(&[])
        };
        refused(
            simulation,
            &format!("ResourceNames are not in a valid ARN format: {bad}."),
        );
    }
    let actions = |names: &[&str]| Simulation {
        actions: list(names),
        ..getting(&[])
    };
    refused(
        actions(&["s3:GetObject", "GetObject"]),
        "The action is invalid since it is missing names",
    );
    refused(actions(&[]), "ActionNames cannot be null or empty.");
    for document in [
        "{",
        "[]",
        r#"{"Version":"2099-01-01","Statement":[]}"#,
        &allow.replace("Effect", "effect"),
        &letting("Allow", "*"),
        &when(r#""NumericEquals":{"my:key":"ten"}"#),
    ] {
        refused(
            getting(&[&allow, document]),
            "Policy input list item 2 has invalid content",
        );
        let simulation = Simulation {
            boundaries: list(&[document]),
            ..getting(&[])
        };
        refused(
            simulation,
            "Permissions boundary policy input list item 1 has invalid content",
        );
    }
    let marked = Simulation {
        marker: Some(Marker::Unreadable),
        ..getting(&[])
    };
    refused(marked, "Invalid marker for pagination.");
}

#[test]
fn scenarios_are_for_running_instances() {
    let check = |option: &str, action: &str, resources: &[&str]| {
        let simulation = Simulation {
            actions: list(&[action]),
            resources: list(resources),
            resource_handling: Some(n(option)),
            ..getting(&[&one("Allow", "*", "*")])
        };
        World::new()
            .root(custom(simulation))
            .map(|page| page.results[0].decision)
    };
    let instance = &["arn:aws:ec2:us-east-1:123456789012:instance/i-1"];
    for option in [
        "EC2-VPC-InstanceStore",
        "EC2-VPC-InstanceStore-Subnet",
        "EC2-VPC-EBS",
        "EC2-VPC-EBS-Subnet",
    ] {
        assert_eq!(
            check(option, "EC2:runinstances", instance).unwrap(),
            Allowed
        );
        let message = "Invalid input resource handling options. Action does not support resource handling options: s3:GetObject. Please refer to the documentation for more details: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html";
        fails(check(option, "s3:GetObject", &[A]), "InvalidInput", message);
        assert_eq!(check(option, "s3:GetObject", &[]).unwrap(), Allowed);
    }
    let message = "Invalid input resource handling options. Action does not support resource handling options: ec2:RunInstances. Please refer to the documentation for more details: https://docs.aws.amazon.com/IAM/latest/APIReference/API_SimulateCustomPolicy.html";
    fails(
        check("fictional", "ec2:RunInstances", instance),
        "InvalidInput",
        message,
    );
    assert_eq!(check("fictional", "s3:GetObject", &["*"]).unwrap(), Allowed);
}
