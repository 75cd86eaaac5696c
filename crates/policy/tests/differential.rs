//! The engine against the slow and obvious evaluator, on random policies and requests.
//!
//! The generators draw from small vocabularies that are full of near misses, so that most cases turn
//! on one rule. `PROPTEST_CASES` raises the number of cases.

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::collections::HashMap;

    use locum_policy::{Decision, Denial, Layer, LayerAnswer, Value};
    use proptest::prelude::*;
    use proptest::sample::{select, subsequence};
    use proptest::test_runner::{Config, TestCaseError, TestRunner};
    use serde_json::{Value as Json, json};

    use crate::support::{Caller, Facts, World, reference};

    const HOME: &str = "111111111111";
    const AWAY: &str = "222222222222";

    /// Runs one generator and returns how often each decision came up.
    fn agree(cases: u32, worlds: &impl Strategy<Value = World>) -> HashMap<Decision, u32> {
        let cases = Config::default().cases.max(cases);
        let config = Config {
            cases,
            failure_persistence: None,
            ..Config::default()
        };
        let seen = RefCell::new(HashMap::new());
        let outcome = TestRunner::new(config).run(worlds, |world| {
            let wanted = reference::decide(&world);
            let decision = world.decide();
            prop_assert_eq!(decision, wanted);
            explanation_fits(&world, decision)?;
            *seen.borrow_mut().entry(decision).or_default() += 1;
            Ok(())
        });
        if let Err(error) = outcome {
            panic!("{error}");
        }
        seen.into_inner()
    }

    /// The explanation decides the same, and its layers bear the decision out.
    fn explanation_fits(world: &World, decision: Decision) -> Result<(), TestCaseError> {
        let explanation = world.explain();
        prop_assert_eq!(explanation.decision, decision);
        if let Decision::Denied(Denial {
            explicit: true,
            layer,
        }) = decision
        {
            let first = explanation
                .layers
                .iter()
                .find(|l| l.answer == LayerAnswer::ExplicitDeny);
            prop_assert_eq!(first.map(|l| l.layer), Some(layer));
        } else {
            prop_assert!(
                explanation
                    .layers
                    .iter()
                    .all(|l| l.answer != LayerAnswer::ExplicitDeny)
            );
        }
        Ok(())
    }

    #[test]
    fn whole_decisions() {
        let seen = agree(10_000, &world());
        for layer in [
            Layer::Identity,
            Layer::Resource,
            Layer::Trust,
            Layer::Boundary,
            Layer::Session,
        ] {
            for explicit in [true, false] {
                let count = seen
                    .get(&Decision::Denied(Denial { explicit, layer }))
                    .copied();
                assert!(
                    count > Some(20),
                    "{layer:?}, explicit {explicit}: {count:?} of {seen:?}"
                );
            }
        }
        assert!(
            seen.get(&Decision::Allowed).copied() > Some(500),
            "{seen:?}"
        );
    }

    #[test]
    fn conditions() {
        let one = (facts(), condition_block(true), any::<bool>(), any::<bool>());
        let worlds = one.prop_map(|(facts, condition, current, deny)| {
            let statement = json!({"Effect": if deny { "Deny" } else { "Allow" }, "Action": "*",
                                   "Resource": "*", "Condition": condition});
            let allow = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
            let statements = if deny {
                json!([allow, statement])
            } else {
                statement
            };
            World {
                identity: vec![document(current, statements)],
                facts,
                ..user_world()
            }
        });
        let seen = agree(8_000, &worlds);
        assert!(
            seen.values().all(|count| *count > 500) && seen.len() == 3,
            "{seen:?}"
        );
    }

    #[test]
    fn principals() {
        let one = (
            caller(),
            principal_element(),
            boundary(),
            prop::option::of(Just(vec![])),
            any::<bool>(),
        );
        let worlds = one.prop_map(|(caller, element, boundary, session, home)| {
            let mut statement = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
            let mut statements = vec![];
            let (name, value) = element;
            if name == "NotPrincipal" {
                statements.push(
                    json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": "*"}),
                );
                statement["Effect"] = json!("Deny");
            }
            statement[name] = value;
            statements.push(statement);
            World {
                caller,
                boundary,
                session,
                attached: Some(document(true, json!(statements))),
                resource_account: if home { HOME } else { AWAY }.to_owned(),
                ..user_world()
            }
        });
        let seen = agree(6_000, &worlds);
        assert!(
            seen.get(&Decision::Allowed).copied() > Some(500),
            "{seen:?}"
        );
    }

    fn user_world() -> World {
        World {
            caller: Caller::User {
                account: HOME.to_owned(),
                arn: format!("arn:aws:iam::{HOME}:user/team/ann"),
                id: "AIDAANNANNANNANNANN01".to_owned(),
            },
            action: "s3:GetObject".to_owned(),
            resource: "arn:aws:s3:::b/ann/x".to_owned(),
            resource_account: HOME.to_owned(),
            facts: Facts::new(),
            identity: vec![],
            boundary: None,
            session: None,
            attached: None,
            trust: None,
            service_control: vec![],
            resource_control: vec![],
        }
    }

    fn document(current: bool, statements: Json) -> Json {
        let version = if current { "2012-10-17" } else { "2008-10-17" };
        let mut document = json!({"Version": version});
        document["Statement"] = statements;
        document
    }

    fn world() -> impl Strategy<Value = World> {
        let policies = || prop::collection::vec(policy(Place::Caller), 0..3);
        let owner = prop_oneof![
            3 => Just((None, None)),
            4 => policy(Place::Resource).prop_map(|p| (Some(p), None)),
            3 => policy(Place::Trust).prop_map(|p| (None, Some(p))),
        ];
        (
            (caller(), select(ACTIONS), select(RESOURCES), select(&[HOME, HOME, AWAY][..])),
            facts(),
            prop_oneof![3 => Just(vec![allow_all()]), 7 => policies()],
            boundary(),
            prop_oneof![5 => Just(None), 1 => Just(Some(vec![allow_all()])), 4 => policies().prop_map(Some)],
            owner,
        )
            .prop_map(|((caller, action, resource, owner), facts, identity, boundary, session, policies)| {
                let (attached, trust) = policies;
                // A trust policy is asked about assuming a role, mostly.
                let (action, resource) = match (&trust, resource) {
                    (Some(_), "*") | (None, _) => (action, resource),
                    (Some(_), _) => ("sts:AssumeRole", RESOURCES[3]),
                };
                World {
                    caller,
                    action: action.to_owned(),
                    resource: resource.to_owned(),
                    resource_account: owner.to_owned(),
                    facts,
                    identity,
                    boundary,
                    session,
                    attached,
                    trust,
                    service_control: vec![],
                    resource_control: vec![],
                }
            })
    }

    fn allow_all() -> Json {
        document(
            true,
            json!({"Effect": "Allow", "Action": "*", "Resource": "*"}),
        )
    }

    fn boundary() -> impl Strategy<Value = Option<Json>> {
        prop_oneof![
            5 => Just(None),
            1 => Just(Some(allow_all())),
            3 => policy(Place::Caller).prop_map(Some),
        ]
    }

    #[derive(Clone, Copy, PartialEq)]
    enum Place {
        Caller,
        Resource,
        Trust,
    }

    const ACTIONS: &[&str] = &[
        "s3:GetObject",
        "S3:getobject",
        "s3:PutObject",
        "s3:GetObjectAcl",
        "sts:AssumeRole",
        "sts:TagSession",
        "iam:PassRole",
    ];

    const ACTION_PATTERNS: &[&str] = &[
        "*",
        "*",
        "s3:*",
        "s3:Get*",
        "S3:GETOBJECT",
        "s3:?etObject",
        "s3:Put*",
        "s3:*Object",
        "s3:GetObjec",
        "s3:GetObject?",
        "s3:G*t*t",
        "sts:*",
        "sts:AssumeRole",
        "iam:*",
    ];

    const TRUST_ACTIONS: &[&str] = &[
        "sts:AssumeRole",
        "sts:AssumeRole",
        "sts:*",
        "STS:assume*",
        "sts:TagSession",
        "sts:Set*",
    ];

    const RESOURCES: &[&str] = &[
        "arn:aws:s3:::b/ann/x",
        "arn:aws:s3:::b/ann/x",
        "arn:aws:sqs:eu-west-1:111111111111:q",
        "arn:aws:iam::111111111111:role/team/r",
        "*",
        "arn:aws:s3:::b/*/é😀:y",
        "no-arn",
    ];

    const RESOURCE_PATTERNS: &[&str] = &[
        "*",
        "*",
        "*",
        "arn:aws:s3:::b/*",
        "arn:aws:s3:::*",
        "arn:aws:s3:::b/ann/x",
        "arn:aws:s3:::B/ann/x",
        "arn:aws:s3:::b/ann/?",
        "arn:aws:s3:::b/*/y",
        "arn:aws:s3:::b/?/*",
        "arn:aws:s3:*",
        "arn:aws:sqs:*",
        "arn:*:s3:::b/*",
        "arn:aws:sqs:eu-*:*:q",
        "arn:aws:sqs:*:*",
        "arn:aws:sqs:::q",
        "arn:aws:s3:::b/${aws:username}/*",
        "arn:aws:s3:::b/${AWS:PrincipalTag/Team}/*",
        "arn:aws:s3:::b/${aws:absent, 'ann'}/*",
        "arn:aws:s3:::b/${aws:TagKeys, 'ann'}/x",
        "arn:aws:s3:::b/${*}/*",
        "arn:aws:s3:::b/*/??:y",
        "arn:aws:s3:::b/*/???:y",
        "arn:aws:iam::*:role/team/*",
        "arn:aws:iam::111111111111:role/r",
        "arn:aws:sqs:${aws:username}:*:q",
    ];

    fn some_of(values: &'static [&'static str]) -> impl Strategy<Value = Json> {
        prop_oneof![
            select(values).prop_map(|v| json!(v)),
            prop::collection::vec(select(values), 1..3).prop_map(|v| json!(v)),
        ]
    }

    fn policy(place: Place) -> impl Strategy<Value = Json> {
        let statements = prop::collection::vec(statement(place), 1..4);
        (statements, any::<bool>(), prop::bool::weighted(0.8)).prop_map(
            |(mut list, single, current)| {
                let statements = if single { list.remove(0) } else { json!(list) };
                document(current, statements)
            },
        )
    }

    fn statement(place: Place) -> impl Strategy<Value = Json> {
        let not = || prop::bool::weighted(0.15);
        let actions = match place {
            Place::Trust => some_of(TRUST_ACTIONS).boxed(),
            Place::Caller | Place::Resource => some_of(ACTION_PATTERNS).boxed(),
        };
        (
            prop::bool::weighted(0.25),
            (actions, not()),
            (some_of(RESOURCE_PATTERNS), not()),
            principal_element(),
            prop_oneof![3 => Just(json!({})), 2 => condition_block(place == Place::Caller)],
        )
            .prop_map(
                move |(
                    deny,
                    (action, not_action),
                    (resource, not_resource),
                    principal,
                    condition,
                )| {
                    let mut statement = json!({"Effect": if deny { "Deny" } else { "Allow" }});
                    let not_action = not_action && place != Place::Trust;
                    statement[if not_action { "NotAction" } else { "Action" }] = action;
                    if place != Place::Trust {
                        statement[if not_resource {
                            "NotResource"
                        } else {
                            "Resource"
                        }] = resource;
                    }
                    if place != Place::Caller {
                        let (name, value) = principal;
                        let negated = name == "NotPrincipal" && deny && place == Place::Resource;
                        let value = match value {
                            Json::String(star) if place == Place::Trust => json!({"AWS": star}),
                            other => other,
                        };
                        statement[if negated { "NotPrincipal" } else { "Principal" }] = value;
                    }
                    statement["Condition"] = condition;
                    if statement["Action"].is_string() && deny {
                        statement["Sid"] = json!("");
                    }
                    statement
                },
            )
    }

    fn caller() -> impl Strategy<Value = Caller> {
        let text = |s: &str| s.to_owned();
        let user = (
            format!("arn:aws:iam::{HOME}:user/team/ann"),
            text("AIDAANNANNANNANNANN01"),
        );
        let federated = |user| Caller::FederatedUser {
            account: text(HOME),
            arn: format!("arn:aws:sts::{HOME}:federated-user/fed"),
            user,
        };
        prop_oneof![
            1 => Just(Caller::Anonymous),
            1 => Just(Caller::Root { account: text(HOME) }),
            4 => Just(Caller::User { account: text(HOME), arn: user.0.clone(), id: user.1.clone() }),
            2 => Just(federated(Some(user))),
            1 => Just(federated(None)),
            5 => Just(Caller::AssumedRole {
                account: text(HOME),
                role: format!("arn:aws:iam::{HOME}:role/team/r"),
                id: text("AROARRRRRRRRRRRRRRRR1"),
                session: format!("arn:aws:sts::{HOME}:assumed-role/r/s"),
                name: text("s"),
            }),
            1 => Just(Caller::Service { name: text("ec2.amazonaws.com") }),
            1 => Just(Caller::Federated {
                provider: format!("arn:aws:iam::{HOME}:oidc-provider/idp.example.com"),
                account: text(HOME),
            }),
        ]
    }

    const AWS_PRINCIPALS: &[&str] = &[
        "*",
        "111111111111",
        "arn:aws:iam::111111111111:root",
        "222222222222",
        "arn:aws:iam::222222222222:root",
        "arn:aws:iam::111111111111:user/team/ann",
        "arn:aws:iam::111111111111:user/ann",
        "AIDAANNANNANNANNANN01",
        "AIDAANNANNANNANNANN02",
        "arn:aws:iam::111111111111:role/team/r",
        "arn:aws:iam::111111111111:role/r",
        "AROARRRRRRRRRRRRRRRR1",
        "AROARRRRRRRRRRRRRRRR1:s",
        "AROARRRRRRRRRRRRRRRR1:other",
        "arn:aws:sts::111111111111:assumed-role/r/s",
        "arn:aws:sts::111111111111:assumed-role/r/other",
        "arn:aws:sts::111111111111:federated-user/fed",
        "arn:aws:sts::111111111111:federated-user/other",
    ];

    fn principal_element() -> impl Strategy<Value = (&'static str, Json)> {
        let aws = || some_of(AWS_PRINCIPALS);
        let service = || some_of(&["ec2.amazonaws.com", "lambda.amazonaws.com"]);
        let federated = || {
            some_of(&[
                "arn:aws:iam::111111111111:oidc-provider/idp.example.com",
                "accounts.google.com",
                "arn:aws:iam::111111111111:saml-provider/corp",
            ])
        };
        // Whole sets of names, so that NotPrincipal spares someone now and then.
        let sets = prop_oneof![
            subsequence(&AWS_PRINCIPALS[1..], 4..AWS_PRINCIPALS.len() - 1),
            subsequence(&AWS_PRINCIPALS[1..], 1..4),
        ];
        let value = prop_oneof![
            1 => Just(json!("*")),
            5 => aws().prop_map(|v| json!({"AWS": v})),
            1 => service().prop_map(|v| json!({"Service": v})),
            1 => federated().prop_map(|v| json!({"Federated": v})),
            2 => (aws(), service(), federated())
                .prop_map(|(a, s, f)| json!({"AWS": a, "Service": s, "Federated": f})),
            3 => sets.prop_map(|v| json!({"AWS": v})),
        ];
        (prop::bool::weighted(0.3), value)
            .prop_map(|(not, value)| (if not { "NotPrincipal" } else { "Principal" }, value))
    }

    /// Families of operators, the keys they are tried on, and policy values for them.
    struct Family {
        operators: &'static [&'static str],
        wanted: &'static [&'static str],
        /// Values that not every kind and version of policy may have.
        odd: &'static [&'static str],
        seen: &'static [&'static str],
    }

    const FAMILIES: &[Family] = &[
        Family {
            operators: &[
                "StringEquals",
                "StringNotEquals",
                "StringEqualsIgnoreCase",
                "StringNotEqualsIgnoreCase",
                "StringLike",
                "StringNotLike",
            ],
            wanted: &[
                "ann",
                "Ann",
                "a*",
                "*",
                "?nn",
                "an",
                "",
                "${aws:username}",
                "${aws:absent}",
                "${aws:absent, 'ann'}",
                "${aws:tagkeys}",
                "${*}",
                "a${?}",
                "ſ",
                "ΑΣ",
                "x\ny",
                "x*y",
                "??",
            ],
            odd: &[],
            seen: &[
                "ann",
                "ANN",
                "a*",
                "*",
                "",
                "bob",
                "s",
                "ας",
                "x\ny",
                "😀",
                "${aws:username}",
                "true",
            ],
        },
        Family {
            operators: &[
                "NumericEquals",
                "NumericNotEquals",
                "NumericLessThan",
                "NumericLessThanEquals",
                "NumericGreaterThan",
                "NumericGreaterThanEquals",
            ],
            wanted: &[
                "10",
                "10.0",
                "+010",
                "-1",
                "0",
                "1e1",
                "9.99999999999999999999",
                "3600",
            ],
            odd: &["x", ""],
            seen: &[
                "10",
                "010",
                "9.99999999999999999999",
                "-1",
                "-0",
                "11",
                "1e1",
                "ten",
                "",
                "3601",
            ],
        },
        Family {
            operators: &[
                "DateEquals",
                "DateNotEquals",
                "DateLessThan",
                "DateLessThanEquals",
                "DateGreaterThan",
                "DateGreaterThanEquals",
            ],
            wanted: &[
                "2026-11-21",
                "2026-11-21T00:00:00Z",
                "2026-11-21T01:00:00+01:00",
                "1795219200",
                "2026-11-21T00:00:00.001Z",
                "2026-11-20T23:59:59Z",
            ],
            odd: &["yesterday"],
            seen: &[
                "2026-11-21T00:00:00Z",
                "2026-11-21T00:00:00.0005Z",
                "1795219200",
                "2026-11-22",
                "1795219199",
                "2026-11-21T00:00:00",
                "soon",
                "",
            ],
        },
        Family {
            operators: &["Bool"],
            wanted: &["true", "false", "True"],
            odd: &[
                "${aws:username}",
                "${aws:absent, 'true'}",
                "${aws:absent}",
                "yes",
            ],
            seen: &["true", "TRUE", "false", "yes", ""],
        },
        Family {
            operators: &["BinaryEquals"],
            wanted: &["AAEC", "", "QQ=="],
            odd: &["QQ"],
            seen: &["AAEC", "QQ==", "QQ", "aaec", ""],
        },
        Family {
            operators: &["IpAddress", "NotIpAddress"],
            wanted: &[
                "10.0.0.0/8",
                "10.1.2.3",
                "10.1.2.3/8",
                "0.0.0.0/0",
                "::/0",
                "2001:db8::/32",
                "2001:db8::1",
                "2001:db8::1/32",
                "::ffff:10.1.2.3",
            ],
            odd: &["10.0.0.0/33", "10.1.2"],
            seen: &[
                "10.1.2.3",
                "11.0.0.1",
                "2001:db8::1",
                "2001:DB8::2",
                "::ffff:10.1.2.3",
                "10.1.2",
                "here",
                "",
            ],
        },
        Family {
            operators: &["ArnEquals", "ArnLike", "ArnNotEquals", "ArnNotLike"],
            wanted: &[
                "arn:aws:s3:::b",
                "arn:aws:s3:::*",
                "arn:aws:s3:*:*:b",
                "*",
                "arn:aws:*:::b",
                "arn:aws:s3:::B",
                "arn:aws:iam::${aws:username}:user/*",
                "arn:aws:s3:::?",
                "arn:aws:s3:::${*}",
            ],
            odd: &["${aws:sourcearn}", "${aws:absent}", "arn:aws:s3:*"],
            seen: &[
                "arn:aws:s3:::b",
                "arn:aws:s3:::b:c",
                "arn:aws:iam::ann:user/x",
                "arn:aws:s3:::*",
                "b",
                "",
                "arn:aws:s3:eu:1:b",
            ],
        },
    ];

    const KEYS: &[&str] = &[
        "aws:username",
        "aws:PrincipalTag/Team",
        "aws:TagKeys",
        "aws:SourceArn",
        "aws:SourceIp",
        "aws:CurrentTime",
        "aws:MultiFactorAuthAge",
        "aws:absent",
    ];

    fn facts() -> impl Strategy<Value = Facts> {
        let value = (0..FAMILIES.len()).prop_flat_map(|family| {
            let seen = FAMILIES[family].seen;
            prop_oneof![
                4 => select(seen).prop_map(Value::from),
                1 => prop::collection::vec(select(seen), 0..3)
                    .prop_map(|v| Value::Many(v.into_iter().map(Into::into).collect())),
            ]
        });
        let named = select(&["ann", "a*", "true", ""][..]).prop_map(Value::from);
        let count = KEYS.len() - 1;
        (
            prop::collection::vec(prop::option::weighted(0.7, value), count),
            prop::option::of(named),
        )
            .prop_map(|(values, name)| {
                let mut facts = Facts::new();
                for (key, value) in KEYS.iter().zip(values) {
                    if let Some(value) = value {
                        facts.insert(key.to_lowercase(), value);
                    }
                }
                if let Some(name) = name {
                    facts.insert("aws:username".to_owned(), name);
                }
                facts
            })
    }

    fn condition_block(odd: bool) -> impl Strategy<Value = Json> {
        prop::collection::vec(one_condition(odd), 1..3).prop_map(|entries| {
            let mut block = json!({});
            for (operator, key, wanted) in entries {
                if block.get(&operator).is_none() {
                    block[&operator] = json!({});
                }
                block[&operator][key] = wanted;
            }
            block
        })
    }

    fn one_condition(odd: bool) -> impl Strategy<Value = (String, &'static str, Json)> {
        let null = (select(KEYS), select(&["true", "false", "TRUE"][..]))
            .prop_map(|(key, wanted)| ("Null".to_owned(), key, json!(wanted)));
        let compared = (0..FAMILIES.len()).prop_flat_map(move |family| {
            let family = &FAMILIES[family];
            let odd = if odd { family.odd } else { &[] };
            let wanted = [family.wanted, family.wanted, odd].concat();
            (
                select(&["", "", "ForAllValues:", "ForAnyValue:"][..]),
                select(family.operators),
                prop::bool::weighted(0.3),
                select(KEYS),
                prop::collection::vec(select(wanted), 0..3),
                any::<bool>(),
            )
                .prop_map(|(set, operator, if_exists, key, mut wanted, single)| {
                    let suffix = if if_exists { "IfExists" } else { "" };
                    let wanted = match wanted.pop() {
                        Some(last) if single || wanted.is_empty() => json!(last),
                        Some(last) => json!([wanted[0], last]),
                        None => json!([]),
                    };
                    (format!("{set}{operator}{suffix}"), key, wanted)
                })
        });
        prop_oneof![1 => null, 9 => compared]
    }
}
