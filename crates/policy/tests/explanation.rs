//! Explanations, word for word.

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use locum_policy::{
        Decision, Denial, Effect, ElementName, Layer, LayerAnswer, Mismatch, Quote,
        QuotedCondition, QuotedList, Value,
    };
    use serde_json::json;

    use crate::support::{Caller, Facts, World};

    fn session() -> World {
        World {
            caller: Caller::AssumedRole {
                account: "111122223333".to_owned(),
                role: "arn:aws:iam::111122223333:role/ci".to_owned(),
                id: "AROAEXAMPLEEXAMPLE001".to_owned(),
                session: "arn:aws:sts::111122223333:assumed-role/ci/build".to_owned(),
                name: "build".to_owned(),
            },
            action: "s3:PutObject".to_owned(),
            resource: "arn:aws:s3:::reports/july.csv".to_owned(),
            resource_account: "111122223333".to_owned(),
            facts: Facts::from([("aws:sourceip".to_owned(), "198.51.100.1".into())]),
            identity: vec![
                json!({"Version": "2012-10-17", "Statement": [
                    {"Sid": "Read", "Effect": "Allow", "Action": "s3:Get*", "Resource": "*"},
                    {"Sid": "Logs", "Effect": "Allow", "Action": "s3:*", "Resource": "arn:aws:s3:::logs/*"},
                ]}),
                json!({"Version": "2012-10-17", "Statement": {
                    "Effect": "Allow", "Action": "*", "Resource": "*",
                    "Condition": {"IpAddress": {"aws:SourceIp": ["203.0.113.0/24", "10.0.0.0/8"]},
                                  "StringEquals": {"aws:PrincipalTag/team": "red"}}}}),
            ],
            boundary: None,
            session: None,
            session_binds: false,
            attached: None,
            trust: None,
            service_control: vec![],
            resource_control: vec![],
        }
    }

    #[test]
    fn a_denial() {
        let explanation = session().explain();
        let denial = Denial {
            explicit: false,
            layer: Layer::Identity,
        };
        assert_eq!(explanation.decision, Decision::Denied(denial));
        assert_eq!(
            explanation.layers[0].statements[2].mismatch,
            Some(Mismatch::Condition {
                operator: "IpAddress".to_owned(),
                key: "aws:SourceIp".to_owned(),
                wanted: vec!["203.0.113.0/24".to_owned(), "10.0.0.0/8".to_owned()],
                seen: Some(vec!["198.51.100.1".to_owned()]),
            })
        );
        assert_eq!(
            explanation.to_string(),
            "implicitly denied: arn:aws:sts::111122223333:assumed-role/ci/build may not perform \
             s3:PutObject on arn:aws:s3:::reports/july.csv\n\
             \x20 because no identity-based policy allows the s3:PutObject action\n\
             identity-based policy: no allow\n\
             \x20 policy 1, statement 2 (Logs), Allow: does not match\n\
             \x20   Resource: \"arn:aws:s3:::logs/*\"\n\
             \x20   the request has: \"arn:aws:s3:::reports/july.csv\"\n\
             \x20 policy 2, statement 1, Allow: does not match\n\
             \x20   IpAddress aws:SourceIp: \"203.0.113.0/24\" or \"10.0.0.0/8\"\n\
             \x20   the request has: \"198.51.100.1\"\n\
             \x20 1 statement is about other actions\n\
             keys that the request does not have: \"aws:PrincipalTag/team\"\n"
        );
        assert_eq!(
            explanation.reason().as_deref(),
            Some("because no identity-based policy allows the s3:PutObject action")
        );
        assert_eq!(explanation.matched().count(), 0);
    }

    #[test]
    fn the_element_that_does_not_match_as_written() {
        let mut world = session();
        world.identity = vec![json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": ["s3:Get*", "S3:List*"], "Resource": "*"},
            {"Effect": "Allow", "NotAction": "s3:Put*", "Resource": "*"},
            {"Effect": "Allow", "Action": "*", "Resource": ["arn:aws:s3:::${aws:username}/*"]},
            {"Effect": "Allow", "Action": "*", "NotResource": "arn:aws:s3:::reports/*"},
        ]})];
        world.attached = Some(json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*",
             "Principal": {"AWS": ["444455556666", "arn:aws:iam::111122223333:user/ann"],
                           "Service": "ec2.amazonaws.com"}},
            {"Effect": "Allow", "Action": "*", "Resource": "*", "Principal": {"Service": "s3.amazonaws.com"}},
        ]}));
        let explanation = world.explain();
        let seen: Vec<_> = explanation
            .layers
            .iter()
            .flat_map(|layer| &layer.statements)
            .map(|report| report.mismatch.clone().unwrap())
            .collect();
        let element = |element, wanted: &[&str], seen: &str| Mismatch::Element {
            element,
            wanted: wanted.iter().map(ToString::to_string).collect(),
            seen: seen.to_owned(),
        };
        let caller = "arn:aws:sts::111122223333:assumed-role/ci/build";
        let object = "arn:aws:s3:::reports/july.csv";
        let principals = [
            "AWS: 444455556666",
            "AWS: arn:aws:iam::111122223333:user/ann",
            "Service: ec2.amazonaws.com",
        ];
        assert_eq!(
            seen,
            [
                element(ElementName::Principal, &principals, caller),
                element(
                    ElementName::Principal,
                    &["Service: s3.amazonaws.com"],
                    caller
                ),
                element(
                    ElementName::Action,
                    &["s3:Get*", "S3:List*"],
                    "s3:PutObject"
                ),
                element(ElementName::NotAction, &["s3:Put*"], "s3:PutObject"),
                element(
                    ElementName::Resource,
                    &["arn:aws:s3:::${aws:username}/*"],
                    object
                ),
                element(
                    ElementName::NotResource,
                    &["arn:aws:s3:::reports/*"],
                    object
                ),
            ]
        );
    }

    #[track_caller]
    fn missing(statement: &serde_json::Value, wanted: &[&str]) {
        let mut world = session();
        world.identity = vec![json!({"Version": "2012-10-17", "Statement": statement})];
        let explanation = world.explain();
        let identity = explanation.layers.last().unwrap();
        assert_eq!(identity.statements[0].missing_keys, wanted, "{statement}");
        assert_eq!(explanation.missing_keys(), wanted, "{statement}");
    }

    #[test]
    fn keys_that_a_matching_statement_names_and_the_request_lacks() {
        let conditions = json!({
            "StringEquals": {"aws:PrincipalTag/Team": ["${aws:userid}", "x${aws:PrincipalTag/team}"]},
            "Null": {"s3:prefix": "true"},
            "NumericLessThan": {"s3:max-keys": "10"},
            "IpAddress": {"AWS:SourceIP": "10.0.0.0/8"},
            "StringLikeIfExists": {"s3:Prefix": "${*}${aws:username, 'x'}"},
        });
        let mut statement = json!({"Effect": "Allow", "Action": "s3:*", "Condition": conditions,
            "Resource": ["arn:aws:s3:::${aws:UserName}/*", "arn:aws:s3:::reports/*"]});
        missing(
            &statement,
            &[
                "aws:UserName",
                "s3:prefix",
                "s3:max-keys",
                "aws:PrincipalTag/Team",
                "aws:userid",
            ],
        );
        statement["Action"] = json!("sqs:*");
        missing(&statement, &[]);
    }

    /// Comparing each key with each other would take minutes, and the simulator explains for anyone.
    #[test]
    fn missing_keys_are_found_in_time_that_grows_with_their_number() {
        let conditions: serde_json::Map<String, serde_json::Value> = (0..40_000)
            .map(|number| (format!("a:{number}"), json!("")))
            .collect();
        let statements: Vec<_> = conditions
            .keys()
            .map(|key| {
                json!({"Effect": "Allow", "Action": "*", "Resource": "*",
                       "Condition": {"StringEquals": {key: "", key.to_uppercase(): ""}}})
            })
            .collect();
        let one = json!({"Effect": "Allow", "Action": "*", "Resource": "*",
                         "Condition": {"StringEquals": conditions}});
        for statement in [one, json!(statements)] {
            let mut world = session();
            world.identity = vec![json!({"Version": "2012-10-17", "Statement": statement})];
            assert_eq!(world.explain().missing_keys().len(), 40_000);
        }
    }

    #[test]
    fn keys_of_a_resource_that_fails_only_for_want_of_them() {
        let allow = |resource: &str| {
            json!({"Effect": "Allow", "Action": "s3:*", "Resource": resource,
                   "Condition": {"Bool": {"aws:SecureTransport": "true"}}})
        };
        missing(
            &allow("arn:aws:s3:::${aws:PrincipalTag/Area}/july.*"),
            &["aws:PrincipalTag/Area", "aws:SecureTransport"],
        );
        missing(&allow("arn:aws:s3:::${aws:PrincipalTag/Area}/june.*"), &[]);
        missing(&allow("arn:aws:s3:::${aws:sourceip}/july.*"), &[]);
        missing(&allow("arn:aws:s3:::${aws:username, 'logs'}/july.*"), &[]);
        missing(
            &allow("arn:aws:s3:::${aws:username, 'reports'}/july.${*}*${?}"),
            &[],
        );
        missing(
            &allow("arn:aws:s3:::reports/${aws:userid}.${aws:username, 'csv'}"),
            &["aws:userid", "aws:username", "aws:SecureTransport"],
        );
        let mut world = session();
        world.identity = vec![json!({"Version": "2012-10-17",
            "Statement": allow("arn:aws:s3:::${aws:username}/*")})];
        assert!(world.explain().to_string().ends_with(
            "    Resource: \"arn:aws:s3:::${aws:username}/*\"\n    \
             the request has: \"arn:aws:s3:::reports/july.csv\"\n\
             keys that the request does not have: \"aws:username\", \"aws:SecureTransport\"\n"
        ));
        // Version 2008-10-17 has no variables.
        world.identity = vec![json!({"Statement": allow("arn:aws:s3:::${aws:username}/*")})];
        assert_eq!(world.explain().missing_keys(), Vec::<&str>::new());
        world.identity = vec![json!({"Statement": allow("arn:aws:s3:::*")})];
        assert_eq!(world.explain().missing_keys(), ["aws:SecureTransport"]);
    }

    #[test]
    fn the_statements_that_mattered() {
        let mut world = session();
        world.boundary = Some(json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
            {"Effect": "Deny", "Action": "s3:PutObject", "Resource": "*",
             "Condition": {"Null": {"aws:username": "false"}}},
        ]}));
        world.identity = vec![json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"},
            {"Effect": "Allow", "Action": "s3:Put*", "Resource": "*"},
        ]})];
        let matched = |world: &World| -> Vec<(Layer, usize)> {
            let explanation = world.explain();
            let matched = explanation.matched();
            matched
                .map(|(layer, report)| (layer.layer, report.statement))
                .collect()
        };
        assert_eq!(
            matched(&world),
            [(Layer::Identity, 1), (Layer::Boundary, 0)]
        );
        assert_eq!(world.explain().reason(), None);
        world.facts.insert("aws:username".to_owned(), "ann".into());
        assert_eq!(matched(&world), [(Layer::Boundary, 1)]);
        assert_eq!(
            world.explain().reason().as_deref(),
            Some("with an explicit deny in a permissions boundary")
        );
    }

    #[test]
    fn long_lists_are_counted() {
        let mut world = session();
        let tell = |world: &mut World, statements: serde_json::Value| {
            world.identity = vec![json!({"Version": "2012-10-17", "Statement": statements})];
            let text = world.explain().to_string();
            let (_, layer) = text
                .split_once("identity-based policy: no allow\n")
                .unwrap();
            layer.to_owned()
        };
        let buckets: Vec<String> = (0..10).map(|i| format!("arn:aws:s3:::b{i}")).collect();
        let mut statements = vec![
            json!({"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "*", "Resource": &buckets[..8]}),
            json!({"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}),
            json!({"Effect": "Allow", "Action": "*", "Resource": buckets}),
        ];
        let shown = "\"arn:aws:s3:::b0\" or \"arn:aws:s3:::b1\" or \"arn:aws:s3:::b2\" or \
                     \"arn:aws:s3:::b3\" or \"arn:aws:s3:::b4\" or \"arn:aws:s3:::b5\" or \
                     \"arn:aws:s3:::b6\" or \"arn:aws:s3:::b7\"";
        let seen = "    the request has: \"arn:aws:s3:::reports/july.csv\"\n";
        assert_eq!(
            tell(&mut world, json!(statements)),
            format!(
                "  policy 1, statement 2, Allow: does not match\n    Resource: {shown}\n{seen}  \
                 policy 1, statement 4, Allow: does not match\n    Resource: {shown} or 2 more\n\
                 {seen}  2 statements are about other actions\n"
            )
        );
        statements.truncate(1);
        assert_eq!(
            tell(&mut world, json!(statements)),
            "  1 statement is about other actions\n"
        );
    }

    #[test]
    fn a_brief_explanation_counts_what_it_does_not_tell() {
        let mut world = session();
        let whole = world.explain();
        // With room enough only statements about other actions are missing.
        let (brief, _) = world.explain_briefly(10);
        assert_eq!(brief.to_string(), whole.to_string());
        assert_eq!(brief.layers[0].statements, whole.layers[0].statements[1..]);
        assert_eq!(brief.layers[0].other_actions, 1);
        // Without, the decision is the same, and what decided goes before what did not.
        let (brief, _) = world.explain_briefly(1);
        assert_eq!(brief.decision, whole.decision);
        assert_eq!(brief.layers[0].statements.len(), 1);
        assert_eq!(brief.layers[0].left_out, 1);
        assert!(
            brief
                .to_string()
                .contains("  1 statement is about other actions\n  1 statement more is left out\n")
        );
        world
            .identity
            .push(json!({"Version": "2012-10-17", "Statement": {
            "Effect": "Deny", "Action": "*", "Resource": "*"}}));
        let (brief, quotes) = world.explain_briefly(1);
        assert_eq!(brief.decision, world.explain().decision);
        assert_eq!((brief.layers[0].statements.len(), quotes.len()), (2, 1));
    }

    #[test]
    fn statements_that_decide_are_quoted_as_written() {
        let mut world = session();
        world.attached = Some(json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": "*"},
            {"Sid": "Out", "Effect": "Deny", "NotPrincipal": {"AWS": "arn:aws:iam::111122223333:user/ann"},
             "NotAction": ["s3:Get*", "s3:List*"], "Resource": "arn:aws:s3:::reports/*",
             "Condition": {"ForAnyValue:StringLike": {"aws:TagKeys": ["A*"]}, "Bool": {"aws:SecureTransport": "false"}}},
        ]}));
        world
            .facts
            .insert("aws:tagkeys".to_owned(), Value::Many(vec!["Ab".into()]));
        world
            .facts
            .insert("aws:securetransport".to_owned(), "false".into());
        let (explanation, quotes) = world.explain_briefly(8);
        let denial = Denial {
            explicit: true,
            layer: Layer::Resource,
        };
        assert_eq!(explanation.decision, Decision::Denied(denial));
        let list = |negated, values: &[&str]| QuotedList {
            negated,
            values: values.iter().map(ToString::to_string).collect(),
        };
        let condition = |operator: &str, key: &str, value: &str| QuotedCondition {
            operator: operator.to_owned(),
            key: key.to_owned(),
            values: vec![value.to_owned()],
        };
        assert_eq!(
            quotes,
            [Quote {
                sid: Some("Out".to_owned()),
                effect: Effect::Deny,
                principals: Some(list(true, &["arn:aws:iam::111122223333:user/ann"])),
                actions: list(true, &["s3:Get*", "s3:List*"]),
                resources: Some(list(false, &["arn:aws:s3:::reports/*"])),
                conditions: vec![
                    condition("Bool", "aws:SecureTransport", "false"),
                    condition("ForAnyValue:StringLike", "aws:TagKeys", "A*"),
                ],
            }]
        );
    }

    #[test]
    fn what_a_request_does_not_have() {
        let mut world = session();
        world.facts = Facts::from([("aws:sourceip".to_owned(), "10.1.1.1".into())]);
        let wants = "    StringEquals aws:PrincipalTag/team: \"red\"\n    the request has: ";
        let told = |world: &World, seen: &str| {
            let text = world.explain().to_string();
            assert!(text.contains(&format!("{wants}{seen}\n")), "{text}");
        };
        told(&world, "nothing");
        world
            .facts
            .insert("aws:principaltag/team".to_owned(), Value::Many(Vec::new()));
        told(&world, "an empty list");
    }

    /// A policy of an attacker must not command the terminal of who asks why.
    #[test]
    fn control_characters_are_shown() {
        let mut world = session();
        let hostile = "\x1b[2J\u{9b}1m\u{202e}\n";
        let shown = "\\u{1b}[2J\\u{9b}1m\\u{202e}\\n";
        world.resource = format!("arn:aws:s3:::{hostile}");
        world.facts = Facts::from([("aws:sourceip".to_owned(), hostile.to_owned().into())]);
        world.identity = vec![json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Action": "*", "Resource": format!("arn:aws:s3:::x{hostile}")},
            {"Effect": "Allow", "Action": "*", "Resource": "*",
             "Condition": {"StringEquals": {"aws:SourceIp": format!("x{hostile}")}}},
        ]})];
        let text = world.explain().to_string();
        assert!(!text.contains(['\x1b', '\u{9b}', '\u{202e}']), "{text}");
        assert_eq!(text.lines().count(), 9, "{text}");
        assert_eq!(text.matches(shown).count(), 5, "{text}");
    }

    #[test]
    fn what_the_resource_waives_and_what_denies() {
        let mut world = session();
        world.attached = Some(json!({"Statement": {
            "Sid": "build may write", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*",
            "Principal": {"AWS": "arn:aws:sts::111122223333:assumed-role/ci/build"}}}));
        world.session = Some(vec![]);
        let explanation = world.explain();
        assert_eq!(explanation.decision, Decision::Allowed);
        let answers: Vec<_> = explanation
            .layers
            .iter()
            .map(|l| (l.layer, l.answer))
            .collect();
        assert_eq!(
            answers,
            [
                (Layer::Resource, LayerAnswer::Allow),
                (Layer::Identity, LayerAnswer::WaivedByResource),
                (Layer::Session, LayerAnswer::WaivedByResource),
            ]
        );

        world.boundary = Some(json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Deny", "Action": "*", "Resource": "*"},
            {"Effect": "Allow", "Action": "*", "Resource": "*"},
        ]}));
        let explanation = world.explain();
        let denial = Denial {
            explicit: true,
            layer: Layer::Boundary,
        };
        assert_eq!(explanation.decision, Decision::Denied(denial));
        assert_eq!(
            denial.reason("s3:PutObject"),
            "with an explicit deny in a permissions boundary"
        );
        let boundary = &explanation.layers[2];
        assert_eq!(
            (boundary.layer, boundary.answer),
            (Layer::Boundary, LayerAnswer::ExplicitDeny)
        );
        assert_eq!(boundary.statements[0].effect, Effect::Deny);
        assert_eq!(boundary.statements[1].mismatch, None);
        assert!(explanation.to_string().starts_with(
            "explicitly denied: arn:aws:sts::111122223333:assumed-role/ci/build may not perform \
             s3:PutObject on arn:aws:s3:::reports/july.csv\n  with an explicit deny in a permissions \
             boundary\nresource-based policy: allow\n"
        ));
    }

    #[test]
    fn root_needs_nothing() {
        let mut world = session();
        world.caller = Caller::Root {
            account: "111122223333".to_owned(),
        };
        world.identity = vec![];
        assert_eq!(
            world.explain().to_string(),
            "allowed: root of 111122223333 may perform s3:PutObject on arn:aws:s3:::reports/july.csv\n\
             identity-based policy: not needed, root may do everything in its account\n\
             \x20 there is no statement\n"
        );
    }
}
