//! A decision asks for the facts it needs and for no others.

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::sync::Arc;

    use locum_policy::{
        Compiled, Context, Decision, Denial, Kind, Layer, Policies, Policy, Principal, Request,
        Value, decide,
    };
    use serde_json::{Value as Json, json};

    /// Has `yes` for every key, and keeps account of what it was asked for.
    #[derive(Default)]
    struct Asked(RefCell<Vec<String>>);

    impl Context for Asked {
        fn value(&self, key: &str) -> Option<Value<'_>> {
            self.0.borrow_mut().push(key.to_owned());
            Some("yes".into())
        }
    }

    fn compile(statements: &Json) -> Arc<Compiled> {
        let text = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
        Arc::new(Policy::parse(&text, Kind::Identity).unwrap().compile())
    }

    /// The decision on `s3:GetObject` of one object, and the keys in the order asked for.
    fn asked(policies: &[Json]) -> (Decision, Vec<String>) {
        let context = Asked::default();
        let identity: Vec<_> = policies.iter().map(compile).collect();
        let request = Request {
            principal: Principal::User {
                account: "111122223333",
                arn: "arn:aws:iam::111122223333:user/ann",
                unique_id: "AIDAEXAMPLEEXAMPLE001",
            },
            action: "s3:GetObject",
            resource: "arn:aws:s3:::reports/july.csv",
            resource_account: "111122223333",
            context: &context,
        };
        let policies = Policies {
            identity: &identity,
            ..Policies::default()
        };
        let decision = decide(&request, &policies);
        (decision, context.0.into_inner())
    }

    fn statement(effect: &str, action: &str, resource: &str, keys: &[&str]) -> Json {
        let wanted: serde_json::Map<_, _> = keys
            .iter()
            .map(|key| ((*key).to_owned(), json!("yes")))
            .collect();
        json!({"Effect": effect, "Action": action, "Resource": resource,
               "Condition": {"StringEquals": wanted}})
    }

    #[test]
    fn only_keys_of_statements_that_could_match_are_asked_for() {
        let (decision, keys) = asked(&[json!([
            statement("Allow", "s3:PutObject", "*", &["a:action"]),
            statement("Allow", "s3:Get*", "arn:aws:s3:::logs/*", &["a:resource"]),
            statement(
                "Allow",
                "s3:Get*",
                "arn:aws:s3:::logs/${a:variable}",
                &["a:template"]
            ),
            statement("Allow", "s3:Get*", "arn:aws:s3:::reports/*", &["a:needed"]),
            statement(
                "Deny",
                "s3:Get*",
                "arn:aws:s3:::reports/june*",
                &["a:denied"]
            ),
        ])]);
        assert_eq!(decision, Decision::Allowed);
        assert_eq!(keys, ["a:needed"]);
    }

    #[test]
    fn a_key_is_asked_for_once_whatever_names_it() {
        let resource = "arn:aws:s3:::${a:key, 'no'}/*";
        let policy = json!([
            statement("Deny", "s3:*", "*", &["A:Key", "b:key", "c:absent"]),
            statement(
                "Deny",
                "s3:GetObject",
                "*",
                &["a:key", "c:absent", "d:never"]
            ),
            statement("Allow", "s3:*", resource, &["a:KEY"]),
        ]);
        let mut first = policy.clone();
        first[0]["Condition"]["StringEquals"]["b:key"] = json!("no");
        first[1]["Condition"]["StringEquals"]["c:absent"] = json!("no");
        let (decision, keys) = asked(&[first, policy]);
        let explicit = Denial {
            explicit: true,
            layer: Layer::Identity,
        };
        assert_eq!(decision, Decision::Denied(explicit));
        let mut once = keys.clone();
        once.sort();
        once.dedup();
        assert_eq!(once.len(), keys.len(), "{keys:?}");
        assert!(once.contains(&"a:key".to_owned()), "{keys:?}");
    }

    #[test]
    fn once_allowed_the_conditions_of_further_permissions_are_left_alone() {
        let (decision, keys) = asked(&[
            json!([statement("Allow", "*", "*", &["a:first"])]),
            json!([statement("Allow", "*", "*", &["a:second"])]),
            json!([
                statement("Deny", "*", "*", &["a:third"]),
                statement("Allow", "*", "*", &["a:fourth"])
            ]),
        ]);
        let explicit = Denial {
            explicit: true,
            layer: Layer::Identity,
        };
        assert_eq!(decision, Decision::Denied(explicit));
        assert_eq!(keys, ["a:first", "a:third"]);
    }
}
