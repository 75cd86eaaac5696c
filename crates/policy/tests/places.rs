//! What is kept of a document beside its meaning: where statements stand, which context keys it asks
//! for, and that it was accepted before.

#[cfg(test)]
mod tests {
    use locum_policy::{Kind, Policy, context_keys};

    #[track_caller]
    fn places(text: &str, kind: Kind, wanted: &[&str]) {
        let policy = Policy::parse(text, kind).unwrap();
        let seen: Vec<String> = (0..policy.statement_count())
            .map(|index| policy.statement_positions(index).unwrap())
            .map(|(start, end)| format!("{start}-{end}"))
            .collect();
        assert_eq!(seen, wanted, "{text}");
        assert_eq!(policy.statement_positions(wanted.len()), None);
    }

    #[track_caller]
    fn keys(text: &str, wanted: Result<&[&str], &str>) {
        let seen = context_keys(text).map_err(|malformed| malformed.to_string());
        let wanted = wanted
            .map(|names| names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>())
            .map_err(str::to_owned);
        assert_eq!(seen, wanted, "{text}");
    }

    /// The example of the AWS CLI's documentation, and its answer.
    #[test]
    fn a_single_statement_as_the_simulator_places_it() {
        places(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}"#,
            Kind::Identity,
            &["1:38-1:167"],
        );
    }

    #[test]
    fn listed_statements_start_behind_what_came_before() {
        places(
            r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "a:b", "Resource": "*"}, {"Effect": "Allow", "Action": "a:c", "Resource": "*"}]}"#,
            Kind::Identity,
            &["1:41-1:94", "1:94-1:149"],
        );
        places(
            "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \"Effect\": \"Allow\",\n      \
             \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}",
            Kind::Identity,
            &["3:17-8:6"],
        );
    }

    #[test]
    fn columns_of_statements_count_characters() {
        places(
            "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\
             \"Resource\":\"arn:aws:s3:::é\"},\r{\"Effect\":\"Deny\",\"Action\":\"*\",\"Resource\":\"*\"}]}",
            Kind::Session,
            &["1:38-1:100", "1:100-2:46"],
        );
    }

    #[test]
    fn many_statements_are_placed_in_one_pass() {
        let statement = r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#;
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":[{}]}}"#,
            vec![statement; 50_000].join(",\n")
        );
        let policy = Policy::parse(&text, Kind::Identity).unwrap();
        let (_, end) = policy.statement_positions(49_999).unwrap();
        assert_eq!((end.line, end.column), (50_000, statement.len() + 1));
        for index in 0..policy.statement_count() {
            let (_, end) = policy.statement_positions(index).unwrap();
            assert_eq!(end.line, index + 1);
        }
    }

    #[test]
    fn keys_of_conditions_and_variables_as_written() {
        keys(
            r#"{"Version": "2012-10-17", "Statement": [
                {"Effect": "Allow", "Action": "s3:${aws:ignored}",
                 "Condition": {"StringLike": {"S3:Prefix": ["${AWS:username}/${*}", "${ saml:sub , 'x'}"]},
                               "Bool": {"aws:SecureTransport": true}},
                 "Resource": ["arn:aws:s3:::b/${aws:username}/${?}${$}"]},
                {"Condition": {"Null": {"s3:prefix": "true", "S3:Prefix": "true"}}},
                {}]}"#,
            Ok(&[
                "S3:Prefix",
                "AWS:username",
                "*",
                "saml:sub",
                "aws:SecureTransport",
                "aws:username",
                "?",
                "$",
                "s3:prefix",
            ]),
        );
    }

    #[test]
    fn a_document_may_be_incomplete_to_have_keys() {
        keys(r#"{"Statement": []}"#, Ok(&[]));
        keys(r#"{"Version": "2012-10-17", "Statement": {}}"#, Ok(&[]));
        keys(r#"{"Statement": {"Resource": "${"}}"#, Ok(&[]));
        keys(
            r#"{"Version": "2012-10-17", "Statement": {"Resource": "${"}}"#,
            Ok(&[]),
        );
    }

    #[test]
    fn the_version_of_2008_has_no_variables() {
        let text = r#"{"Version": "2008-10-17", "Statement":
            {"Resource": "${aws:userid}", "Condition": {"StringLike": {"a:b": "${aws:username}"}}}}"#;
        keys(text, Ok(&["a:b"]));
        keys(
            &text.replace("2008-10-17", "2012-10-17"),
            Ok(&["aws:userid", "a:b", "aws:username"]),
        );
    }

    #[test]
    fn what_has_no_keys_because_it_is_no_policy() {
        for text in [
            "",
            "[]",
            "{}",
            r#"{"Statement": {"Resources": "*"}}"#,
            r#"{"Statement": [], "Foo": 1}"#,
            r#"{"Statement": {"Condition": {"StringIs": {"a:b": "c"}}}}"#,
            r#"{"Statement": {"Condition": {"Bool": {"a:b": null}}}}"#,
        ] {
            keys(text, Err("Syntax errors in policy."));
        }
    }

    #[test]
    fn a_stored_policy_is_spared_newer_rules_only() {
        let text = r#"{"Version": "2012-10-17", "Statement": {"Effect": "Allow",
            "Principal": {"Federated": "arn:aws:iam::111122223333:oidc-provider/gitlab.com"},
            "Action": "sts:AssumeRoleWithWebIdentity"}}"#;
        assert!(Policy::parse(text, Kind::Trust).is_err());
        assert_eq!(Policy::stored(text, Kind::Trust).unwrap().text(), text);
        let control = r#"{"Statement": {"Effect": "Deny", "Principal": "*",
            "Action": "nosuch:Thing", "Resource": "*"}}"#;
        assert!(Policy::parse(control, Kind::ResourceControl).is_err());
        assert!(Policy::stored(control, Kind::ResourceControl).is_ok());
        let wrong = text.replace("sts:Assume", "s3:Assume");
        let refused = Policy::stored(&wrong, Kind::Trust).unwrap_err().to_string();
        let message = "AssumeRole policy may only specify STS AssumeRole actions.";
        assert_eq!(refused, message);
    }
}
