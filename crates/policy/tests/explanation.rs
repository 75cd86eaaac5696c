//! Explanations, word for word.

#[cfg(test)]
mod support;

#[cfg(test)]
mod tests {
    use locum_policy::{Decision, Denial, Effect, Layer, LayerAnswer, Mismatch};
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
            attached: None,
            trust: None,
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
            "denied: arn:aws:sts::111122223333:assumed-role/ci/build may not perform s3:PutObject on \
             arn:aws:s3:::reports/july.csv because no identity-based policy allows the s3:PutObject action\n\
             \x20 identity-based policy: no allow\n\
             \x20   policy 1 statement 1 (Read), Allow: action does not match\n\
             \x20   policy 1 statement 2 (Logs), Allow: resource does not match\n\
             \x20   policy 2 statement 1, Allow: condition IpAddress aws:SourceIp [203.0.113.0/24, \
             10.0.0.0/8] does not hold: the request has [198.51.100.1]\n"
        );
    }

    #[test]
    fn a_key_that_is_not_there() {
        let mut world = session();
        world.facts = Facts::from([("aws:sourceip".to_owned(), "10.1.1.1".into())]);
        assert!(world.explain().to_string().contains(
            "policy 2 statement 1, Allow: condition StringEquals aws:PrincipalTag/team [red] does not \
             hold: the request does not have the key\n"
        ));
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
            "denied: arn:aws:sts::111122223333:assumed-role/ci/build may not perform s3:PutObject on \
             arn:aws:s3:::reports/july.csv with an explicit deny in a permissions boundary\n"
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
             \x20 identity-based policy: not needed, root may do everything in its account\n\
             \x20   no statements\n"
        );
    }
}
