//! A decision allocates nothing on the common path.

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use allocation_counter::measure;
    use locum_policy::{
        Compiled, Decision, Denial, Kind, Layer, Level, Policies, Policy, Principal, Request,
        ResourcePolicy, decide,
    };
    use serde_json::{Value as Json, json};

    fn compile(statements: &Json, kind: Kind) -> Arc<Compiled> {
        let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        Arc::new(Policy::parse(&text, kind).unwrap().compile())
    }

    /// Ten statements of which only the last is about the red team's objects.
    fn ten(effect: &str) -> Json {
        (0..10)
            .map(|number| {
                let bucket = if number == 9 {
                    "red".to_owned()
                } else {
                    format!("other-{number}")
                };
                json!({
                    "Effect": effect,
                    "Action": ["s3:Get*", "S3:List*", "s3:*Version?"],
                    "Resource": [
                        format!("arn:aws:s3:::{bucket}/*/${{aws:PrincipalTag/team}}/*.parquet"),
                        format!("arn:aws:s3:::{bucket}-archive"),
                    ],
                    "Condition": {
                        "IpAddress": {"aws:SourceIp": ["192.0.2.0/24", "2001:db8::/32", "10.0.0.0/8"]},
                        "StringLike": {"aws:PrincipalTag/team": ["r?d", "${aws:PrincipalTag/team}s"]},
                        "NumericLessThan": {"s3:max-keys": "1000"},
                        "DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"},
                        "Bool": {"aws:SecureTransport": "true"},
                    },
                })
            })
            .collect()
    }

    #[test]
    fn a_decision_with_every_layer() {
        let own = |kind, effect: &str| compile(&ten(effect), kind);
        let (allow, deny) = (own(Kind::Identity, "Allow"), own(Kind::Identity, "Deny"));
        let session = [own(Kind::Session, "Allow")];
        let named = compile(
            &json!({"Effect": "Allow", "Action": "s3:*", "Resource": "*",
                    "Principal": {"AWS": ["444455556666", "arn:aws:iam::111122223333:role/ci"]}}),
            Kind::Resource,
        );
        let everything = json!({"Effect": "Allow", "Action": "*", "Resource": "*"});
        let level: Level = vec![
            compile(&everything, Kind::ServiceControl),
            own(Kind::ServiceControl, "Allow"),
        ]
        .into();
        let levels = [level.clone(), level];
        let context = [
            ("aws:sourceip", "10.20.30.40"),
            ("aws:principaltag/team", "red"),
            ("s3:max-keys", "99.5"),
            ("aws:currenttime", "2026-11-21T06:10:00Z"),
            ("aws:securetransport", "true"),
        ];
        let identity = |last: &Arc<Compiled>| [allow.clone(), allow.clone(), last.clone()];
        let denied = |explicit, layer| Decision::Denied(Denial { explicit, layer });
        let object = "arn:aws:s3:::red/2026/red/x.parquet";
        for (last, resource, wanted) in [
            (&allow, object, Decision::Allowed),
            (&deny, object, denied(true, Layer::Identity)),
            (
                &allow,
                "arn:aws:s3:::red/2026/blue/x.parquet",
                denied(false, Layer::Boundary),
            ),
        ] {
            let identity = identity(last);
            let policies = Policies {
                identity: &identity,
                boundary: Some(&allow),
                session_binds: false,
                session: Some(&session),
                resource: Some(ResourcePolicy::Attached(&named)),
                service_control: &levels,
                resource_control: &[],
            };
            let request = Request {
                principal: Principal::AssumedRole {
                    account: "111122223333",
                    role_arn: "arn:aws:iam::111122223333:role/ci",
                    unique_id: "AROAEXAMPLEEXAMPLE001",
                    session_arn: "arn:aws:sts::111122223333:assumed-role/ci/build",
                    session_name: "build",
                },
                action: "s3:GetObject",
                resource,
                resource_account: "111122223333",
                context: &context,
            };
            let mut decision = None;
            let counted = measure(|| decision = Some(decide(&request, &policies)));
            assert_eq!(decision, Some(wanted), "{resource}");
            assert_eq!(counted.count_total, 0, "{resource}: {wanted:?}");
        }
    }
}
