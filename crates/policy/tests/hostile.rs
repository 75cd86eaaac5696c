//! Hostile documents: whatever the text, it is read or refused, and what is read keeps its text.

#[cfg(test)]
mod tests {
    use locum_policy::{
        Decision, Denial, Finding, Kind, Layer, Policies, Policy, Principal, Request, Severity,
        check, context_keys, decide, explain,
    };
    use proptest::prelude::*;

    const DOCUMENT: &str = r#"{"Version":"2012-10-17","Id":"x","Statement":[{"Sid":"a","Effect":"Allow",
        "Principal":{"AWS":["111122223333","*"],"Service":"ec2.amazonaws.com"},"Action":["s3:Get*","*"],
        "Resource":["arn:aws:s3:::b/${aws:username, 'x'}/*","*"],
        "Condition":{"ForAnyValue:StringLikeIfExists":{"aws:TagKeys":["a*","${*}é\ud83d\ude00"]},
        "NumericLessThan":{"a:b":1e3},"DateLessThan":{"c:d":"2026-11-21T06:10:00.5+01:00"},
        "IpAddress":{"e:f":"10.0.0.0/8"},"Bool":{"g:h":true},"Null":{"i:j":"false"}}}]}"#;

    const KINDS: [Kind; 6] = [
        Kind::Identity,
        Kind::Trust,
        Kind::Resource,
        Kind::Session,
        Kind::ServiceControl,
        Kind::ResourceControl,
    ];

    fn read(text: &str) {
        for kind in KINDS {
            let parsed = Policy::parse(text, kind);
            let findings = check(text, kind, Some("111122223333"));
            // The parser does not mind how long a document is.
            let too_long = |f: &&Finding| f.code.starts_with("POLICY_SIZE_EXCEEDS_");
            let mut others = findings.iter().filter(|f| !too_long(f));
            let error = others.any(|f| f.severity == Severity::Error);
            assert_eq!(error, parsed.is_err());
            assert!(findings.iter().all(|f| f.start <= f.end));
            let Ok(policy) = parsed else {
                continue;
            };
            assert!(context_keys(text).is_ok());
            let last = policy.statement_count().checked_sub(1);
            assert!(last.is_some_and(|last| policy.statement_positions(last).is_some()));
            assert_eq!(policy.text(), text);
            assert_eq!(policy.with_principals(|_, _| None), text);
            // Its own principals put back leave a document that names the same ones.
            let again = policy.with_principals(|_, value| Some(value.to_owned()));
            let again = Policy::parse(&again, kind).unwrap();
            assert!(again.principals().eq(policy.principals()));
            let compiled = [std::sync::Arc::new(policy.compile())];
            let request = Request {
                principal: Principal::Anonymous,
                action: "s3:GetObject",
                resource: "arn:aws:s3:::b/😀/x",
                resource_account: "111122223333",
                context: &[
                    ("aws:username", "*"),
                    ("a:b", "x"),
                    ("c:d", "x"),
                    ("e:f", "x"),
                    ("g:h", ""),
                ],
            };
            let policies = Policies {
                identity: &compiled,
                ..Policies::default()
            };
            assert_eq!(
                explain(&request, &policies).decision,
                decide(&request, &policies)
            );
        }
    }

    #[test]
    fn the_document_itself() {
        assert!(Policy::parse(DOCUMENT, Kind::Resource).is_ok());
        read(DOCUMENT);
    }

    #[test]
    fn a_hundred_thousand_of_anything() {
        let many = |item: &dyn Fn(usize) -> String| -> String {
            let items: Vec<String> = (0..100_000).map(item).collect();
            items.join(",")
        };
        let statement = |elements: &str| {
            format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny",{elements}}}}}"#)
        };
        let actions = many(&|n| format!(r#""s3:Get{n}""#));
        let resources = many(&|n| format!(r#""arn:aws:s3:::{n}/${{aws:username}}""#));
        let keys = many(&|n| format!(r#""a:b{n}":"c""#));
        let values = many(&|n| format!(r#""{n}""#));
        for text in [
            statement(&format!(r#""Action":[{actions}],"Resource":"*""#)),
            statement(&format!(r#""Action":"s3:*","Resource":[{resources}]"#)),
            statement(&format!(
                r#""Action":"s3:*","Resource":"*","Condition":{{"StringEquals":{{{keys}}}}}"#
            )),
            statement(&format!(
                r#""Action":"s3:*","Resource":"*","Condition":{{"NumericEquals":{{"a:b":[{values}]}}}}"#
            )),
            format!(
                r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
                many(&|n| format!(
                    r#"{{"Sid":"a{n}","Effect":"Deny","Action":"s3:*","Resource":"*"}}"#
                ))
            ),
        ] {
            let policy = Policy::parse(&text, Kind::Identity).unwrap();
            policy.compile();
            assert!(context_keys(&text).is_ok());
        }
        let repeated = statement(&format!(
            r#""Action":"s3:*","Resource":"*","Condition":{{"StringEquals":{{{keys},"a:b7":"c"}}}}"#
        ));
        assert!(Policy::parse(&repeated, Kind::Identity).is_err());
    }

    #[test]
    fn every_prefix() {
        for (end, _) in DOCUMENT.char_indices() {
            let (prefix, _) = DOCUMENT.split_at(end);
            assert!(
                KINDS
                    .iter()
                    .all(|kind| Policy::parse(prefix, *kind).is_err()),
                "{prefix}"
            );
        }
    }

    #[test]
    fn many_keys_and_deep_nesting_are_refused_quickly() {
        let keys: Vec<String> = (0..20_000).map(|i| format!("\"k{i}\":1")).collect();
        read(&format!("{{{}}}", keys.join(",")));
        read(&"{\"Statement\":".repeat(100_000));
        read(&"[".repeat(1_000_000));
    }

    #[test]
    fn sixteen_megabytes_are_the_most() {
        let blanks = |count: usize| format!("{}{DOCUMENT}", " ".repeat(count));
        let room = (1 << 24) - DOCUMENT.len();
        assert!(Policy::parse(&blanks(room), Kind::Resource).is_ok());
        assert!(Policy::parse(&blanks(room + 1), Kind::Resource).is_err());
    }

    fn decision(statement: &serde_json::Value, value: &str) -> Decision {
        let text = serde_json::json!({"Version": "2012-10-17", "Statement": statement});
        let policy = Policy::parse(&text.to_string(), Kind::Identity).unwrap();
        let request = Request {
            principal: Principal::Root {
                account: "111122223333",
            },
            action: "s3:GetObject",
            resource: "arn:aws:s3:::b/x",
            resource_account: "444455556666",
            context: &[("aws:UserAgent", value)],
        };
        let compiled = policy.compile();
        let policies = Policies {
            boundary: Some(&compiled),
            ..Policies::default()
        };
        decide(&request, &policies)
    }

    /// What a caller sends is matched against patterns that make a slow matcher slow: a value of 60 KB
    /// (more than a header can have), patterns that use up a policy's quota. Quadratic work would take
    /// minutes, here and in the debug build.
    #[test]
    fn patterns_and_variables_that_multiply() {
        let value = "a".repeat(60_000);
        let patterns = [
            format!("{}b", "*a".repeat(3_000)),
            format!("{}b", "*a?".repeat(2_000)),
            format!("*{}b*", "a?".repeat(3_000)),
            format!("*{}b*", "?".repeat(6_000)),
            format!("*{}b*", "a".repeat(6_000)),
            "${aws:UserAgent}".repeat(400),
            "*${aws:UserAgent}?b".repeat(300),
        ];
        for pattern in patterns {
            for operator in ["StringLike", "StringEquals", "StringEqualsIgnoreCase"] {
                let statement = serde_json::json!({"Effect": "Deny", "Action": "*", "Resource": "*",
                    "Condition": {operator: {"aws:UserAgent": pattern}}});
                let denied = Denial {
                    explicit: false,
                    layer: Layer::Resource,
                };
                assert_eq!(decision(&statement, &value), Decision::Denied(denied));
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        #[test]
        fn any_text(text in "\\PC*") {
            read(&text);
        }

        #[test]
        fn text_of_the_right_letters(text in r#"[{}\[\]":,a${}'*?\\u0-9 \-]{0,60}"#) {
            read(&text);
            read(&DOCUMENT.replace("a*", &text));
            read(&DOCUMENT.replace("s3:Get*", &text));
            read(&DOCUMENT.replace("111122223333", &text));
            read(&DOCUMENT.replace("10.0.0.0/8", &text));
        }

        #[test]
        fn a_document_with_a_piece_replaced(
            at in 0..DOCUMENT.len(), length in 0..12usize, piece in r#"[{}\[\]":,a$*?\\u0-9é😀]{0,4}"#,
        ) {
            let (start, end) = (at, (at + length).min(DOCUMENT.len()));
            if let (Some(head), Some(tail)) = (DOCUMENT.get(..start), DOCUMENT.get(end..)) {
                read(&format!("{head}{piece}{tail}"));
            }
        }
    }
}
