//! The simulator against the evaluator of live requests.

use super::{ANN, Simulation, custom, entry, list, policy, statement};
use crate::common::{World, n};
use locum_identity::iam::simulate::Verdict;
use locum_policy::{Decision, Kind, Policies, Policy, Principal, Request, Value, decide};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use std::collections::BTreeMap;
use std::sync::Arc;

const ACTIONS: &[&str] = &[
    "s3:GetObject",
    "s3:getobject",
    "s3:Get*",
    "s3:*",
    "*",
    "s3:PutObject",
    "iam:GetUser",
];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::b/*",
    "arn:aws:s3:::b/a",
    "arn:aws:s3:::b/${aws:username}",
    "arn:aws:s3:::b/${my:key}",
];
const CONDITIONS: &[&str] = &[
    "",
    r#","Condition":{"StringEquals":{"my:key":"a"}}"#,
    r#","Condition":{"StringNotEquals":{"my:key":"a"}}"#,
    r#","Condition":{"StringEqualsIfExists":{"my:key":"a"}}"#,
    r#","Condition":{"ForAllValues:StringLike":{"my:list":["a*"]}}"#,
    r#","Condition":{"ForAnyValue:StringLike":{"my:list":["a*"]}}"#,
    r#","Condition":{"NumericLessThan":{"my:number":"10"}}"#,
    r#","Condition":{"Null":{"my:list":"false"}}"#,
    r#","Condition":{"StringEquals":{"aws:username":"${my:key}"}}"#,
];

fn document() -> impl Strategy<Value = String> {
    let one = (
        select(&["Allow", "Allow", "Deny"][..]),
        select(ACTIONS),
        select(RESOURCES),
        select(CONDITIONS),
    )
        .prop_map(|(effect, action, resource, more)| statement(effect, action, resource, more));
    proptest::collection::vec(one, 1..4).prop_map(|statements| policy(&statements.join(",")))
}

fn compiled(documents: &[String]) -> Vec<Arc<locum_policy::Compiled>> {
    let compile = |text: &String| Arc::new(Policy::parse(text, Kind::Identity).unwrap().compile());
    documents.iter().map(compile).collect()
}

#[test]
fn one_action_without_a_resource_policy_is_decided_as_if_it_were_live() {
    let world = World::new();
    let entries = vec![
        ("my:key", "string", vec!["a"]),
        ("my:list", "stringList", vec!["ab", "b"]),
        ("my:number", "numeric", vec!["9.5"]),
        ("aws:username", "string", vec!["a"]),
    ];
    let cases = (
        proptest::collection::vec(document(), 0..3),
        proptest::option::of(document()),
        select(
            &[
                "s3:GetObject",
                "S3:GETOBJECT",
                "s3:PutObject",
                "iam:GetUser",
            ][..],
        ),
        select(
            &[
                "*",
                "arn:aws:s3:::b/a",
                "arn:aws:s3:::b/b",
                "arn:aws:sqs:eu-west-1:999999999999:q",
            ][..],
        ),
        subsequence(entries, 0..=4),
    );
    let mut seen = BTreeMap::new();
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: 4000,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let counted = std::cell::RefCell::new(&mut seen);
    let outcome = runner.run(&cases, |(identity, boundary, action, resource, entries)| {
        let documents: Vec<&str> = identity.iter().map(String::as_str).collect();
        let simulation = Simulation {
            policies: list(&documents),
            boundaries: boundary.iter().map(|text| n(text)).collect(),
            actions: list(&[action]),
            resources: list(&[resource]),
            caller: Some(n(ANN)),
            context: entries
                .iter()
                .map(|(name, kind, values)| entry(name, kind, values))
                .collect(),
            ..Simulation::default()
        };
        let page = world.root(custom(simulation)).unwrap();
        let mut context: BTreeMap<String, Value<'_>> = BTreeMap::from([
            ("aws:username".to_owned(), Value::from("ann")),
            ("aws:userid".to_owned(), Value::from(ANN)),
            ("aws:principalarn".to_owned(), Value::from(ANN)),
            (
                "aws:principalaccount".to_owned(),
                Value::from("123456789012"),
            ),
        ]);
        for (name, kind, values) in &entries {
            let value = match (kind.ends_with("List"), values.as_slice()) {
                (false, [one]) => Value::from(*one),
                (_, many) => Value::Many(many.iter().map(|one| (*one).into()).collect()),
            };
            context.insert((*name).to_owned(), value);
        }
        let (identity, boundary) = (compiled(&identity), boundary.map(|text| compiled(&[text])));
        let live = decide(
            &Request {
                principal: Principal::User {
                    account: "123456789012",
                    arn: ANN,
                    unique_id: "AIDAAAAAAAAAAAAAAAAAA",
                },
                action,
                resource,
                resource_account: "123456789012",
                context: &context,
            },
            &Policies {
                identity: &identity,
                boundary: boundary.as_ref().map(|one| &*one[0]),
                ..Policies::default()
            },
        );
        let live = match live {
            Decision::Allowed => Verdict::Allowed,
            Decision::Denied(denial) if denial.explicit => Verdict::ExplicitDeny,
            Decision::Denied(_) => Verdict::ImplicitDeny,
        };
        let simulated = page.results[0].decision;
        prop_assert_eq!(simulated, live);
        let named = !page.results[0].matched.is_empty();
        prop_assert_eq!(named, live != Verdict::ImplicitDeny);
        *counted.borrow_mut().entry(live).or_insert(0) += 1;
        Ok(())
    });
    if let Err(failed) = outcome {
        panic!("{failed}");
    }
    // Each decision came up often enough to mean something.
    assert!(
        seen.len() == 3 && seen.values().all(|count| *count > 200),
        "{seen:?}"
    );
}
