//! Findings: each kind with its exact place, and what comes close and must stay silent.

#[cfg(test)]
mod conditions;
#[cfg(test)]
mod grants;
#[cfg(test)]
mod names;

#[cfg(test)]
mod tests {
    use std::path::Path;

    use locum_policy::{Finding, Kind, Severity, check};
    use serde_json::Value as Json;

    const OWN: &str = "111122223333";

    /// Every finding about a document, as it is shown.
    #[track_caller]
    pub(crate) fn told(kind: Kind, text: &str, wanted: &[&str]) {
        let findings = check(text, kind, Some(OWN));
        let seen: Vec<String> = findings.iter().map(Finding::to_string).collect();
        assert_eq!(seen, wanted, "{text}");
    }

    /// Findings about a policy of one statement, whose positions are columns of the one line.
    #[track_caller]
    pub(crate) fn of_statement(kind: Kind, statement: &str, wanted: &[(&str, &str)]) {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#);
        let findings = check(&text, kind, Some(OWN));
        // Each finding is told by its code and the piece of text it is about.
        let seen: Vec<(&str, &str)> = findings
            .iter()
            .map(|f| {
                assert_eq!((f.start.line, f.end.line), (1, 1));
                let piece = text.get(f.start.column - 1..f.end.column - 1);
                (f.code, piece.unwrap())
            })
            .collect();
        assert_eq!(seen, wanted, "{text}");
    }

    /// The same of an Allow on everything, of s3:GetObject with the given conditions.
    #[track_caller]
    pub(crate) fn of_condition(conditions: &str, wanted: &[(&str, &str)]) {
        of_statement(
            Kind::Identity,
            &format!(
                r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*","Condition":{conditions}}}"#
            ),
            wanted,
        );
    }

    fn folder(path: &str) -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../..")
            .join(path)
    }

    #[test]
    fn what_is_accepted_has_no_error_and_what_is_refused_has_one() {
        let mut count = 0;
        for file in std::fs::read_dir(folder("testdata/policies/documents")).unwrap() {
            let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
            let cases: Vec<Json> = serde_json::from_str(&text).unwrap();
            for case in cases {
                count += 1;
                let kind = match case["kind"].as_str().unwrap() {
                    "identity" => Kind::Identity,
                    "trust" => Kind::Trust,
                    "resource" => Kind::Resource,
                    "session" => Kind::Session,
                    "service_control" => Kind::ServiceControl,
                    _ => Kind::ResourceControl,
                };
                let document = match &case["document"] {
                    Json::String(text) => text.clone(),
                    json => json.to_string(),
                };
                let findings = check(&document, kind, Some(OWN));
                let errors = findings
                    .iter()
                    .filter(|f| f.severity == Severity::Error)
                    .count();
                let refused = case["expect"] != "accepted";
                assert_eq!(errors, usize::from(refused), "{}: {document}", case["name"]);
            }
        }
        assert!(count >= 300, "only {count} documents were found");
    }

    #[test]
    fn policies_of_aws_have_no_errors() {
        let mut count = 0;
        let managed = folder("crates/identity/src/aws_managed");
        for folder in [managed.clone(), managed.join("job-function")] {
            for file in std::fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                if path.extension().is_none_or(|extension| extension != "json") {
                    continue;
                }
                count += 1;
                let text = std::fs::read_to_string(&path).unwrap();
                let findings = check(&text, Kind::Identity, None);
                // AWS's own policies may be longer than anybody else's.
                let own_right = "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA";
                let error = findings
                    .iter()
                    .find(|f| f.severity == Severity::Error && f.code != own_right);
                assert_eq!(error, None, "{}", path.display());
            }
        }
        assert!(count >= 30, "only {count} policies were found");
    }

    #[test]
    fn a_finding_tells_its_start_and_its_end() {
        let text = "{\"Version\": \"2012-10-17\",\n \"Statement\": {\"Effect\": \"Allow\",\n  \
                    \"Action\": \"s3:GetObjct\", \"Resource\": \"*\"}}";
        let findings = check(text, Kind::Identity, None);
        let [finding] = findings.as_slice() else {
            panic!("{findings:?}")
        };
        assert_eq!(finding.code, "INVALID_ACTION");
        assert_eq!(finding.severity, Severity::Warning);
        assert_eq!(finding.start.to_string(), "3:13");
        assert_eq!(finding.end.to_string(), "3:26");
    }

    #[test]
    fn what_is_no_json_is_told_where_reading_failed() {
        told(
            Kind::Identity,
            "{\"Version\": \"2012-10-17\",\n \"Statement\": [}",
            &["2:16: error: this is not JSON: unexpected character [JSON_SYNTAX_ERROR]"],
        );
    }

    #[test]
    fn what_a_write_refuses_is_an_error_where_it_stands() {
        let of = |kind: Kind, text: &str, wanted: &str| told(kind, text, &[wanted]);
        of(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Statement":[],"Statment":[]}"#,
            "1:40: error: `Statment` is no element of a policy document [INVALID_POLICY_ELEMENT]",
        );
        of(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"allow","Action":"s3:*","Resource":"*"}}"#,
            "1:47: error: Effect is Allow or Deny, not `allow` [INVALID_EFFECT]",
        );
        of(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":["sqs:*",1],"Resource":"*"}}"#,
            "1:72: error: Action takes strings [DATA_TYPE_MISMATCH]",
        );
        of(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Version":"2012-10-17"}"#,
            "1:25: error: the object has this key already [JSON_SYNTAX_ERROR]",
        );
        of(
            Kind::Resource,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","NotPrincipal":{"AWS":"111122223333"},"Action":"sqs:*","Resource":"*"}}"#,
            "1:55: error: Allow with NotPrincipal is not allowed [ALLOW_WITH_NOT_PRINCIPAL]",
        );
        of(
            Kind::ResourceControl,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Principal":"*","Action":"ec2:*","Resource":"*"}}"#,
            "1:79: error: resource control policies do not reach the service `ec2` [RCP_SYNTAX_ERROR_SERVICE]",
        );
    }

    /// A policy of so many visible characters and so many blanks.
    fn of_length(statement: &str, visible: usize, blanks: usize) -> String {
        let text = |id: &str, blanks: &str| {
            format!(r#"{{"Version":"2012-10-17","Id":"{id}",{blanks}"Statement":{statement}}}"#)
        };
        let id = visible - text("", "").len();
        text(&"x".repeat(id), &" ".repeat(blanks))
    }

    #[test]
    fn what_is_longer_than_a_policy_may_be() {
        let identity = r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#;
        let trust =
            r#"{"Effect":"Deny","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}"#;
        let everyone = r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#;
        let check = |kind, statement, (visible, blanks), wanted: Option<&str>| {
            let text = of_length(statement, visible, blanks);
            let wanted: Vec<String> = wanted
                .iter()
                .map(|wanted| format!("1:1: {wanted}"))
                .collect();
            let wanted: Vec<&str> = wanted.iter().map(String::as_str).collect();
            told(kind, &text, &wanted);
        };
        check(Kind::Identity, identity, (6_144, 9), None);
        check(
            Kind::Identity,
            identity,
            (6_145, 9),
            Some(
                "warning: 6145 characters without white space, and a managed policy has at most \
                 6144: this can only be inline, in a role \
                 [POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA]",
            ),
        );
        check(
            Kind::Identity,
            identity,
            (10_241, 9),
            Some(
                "error: 10241 characters without white space, and the limit for the inline \
                 policies of a role is 10240 [POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA]",
            ),
        );
        check(Kind::Trust, trust, (2_048, 9), None);
        check(
            Kind::Trust,
            trust,
            (2_049, 9),
            Some(
                "error: 2049 characters without white space, and the limit for a trust policy is \
                 2048 [POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA]",
            ),
        );
        check(Kind::Session, identity, (2_040, 8), None);
        check(
            Kind::Session,
            identity,
            (2_040, 9),
            Some(
                "error: 2049 characters, and the limit for session policies is 2048 \
                 [POLICY_SIZE_EXCEEDS_SESSION_POLICY_QUOTA]",
            ),
        );
        for (kind, statement) in [
            (Kind::ServiceControl, identity),
            (Kind::ResourceControl, everyone),
        ] {
            check(kind, statement, (5_110, 10), None);
            check(
                kind,
                statement,
                (5_110, 11),
                Some(
                    "error: 5121 characters, and the limit for a policy of an organization is \
                     5120 [POLICY_SIZE_EXCEEDS_ORGANIZATION_POLICY_QUOTA]",
                ),
            );
        }
        check(Kind::Resource, everyone, (30_000, 0), None);
    }

    #[test]
    fn hostile_documents_are_checked_in_time() {
        let statement =
            r#"{"Effect":"Allow","Action":["s3:*x","s4:y*"],"Resource":["arn:aws:s3:::*b*","*c"]}"#;
        let list = |item: &str, count: usize| vec![item; count].join(",");
        let actions = (0..20_000).map(|n| format!("\"ec2:Descrbe{n}*\""));
        let resources = (0..10_000).map(|n| format!("\"arn:aws:s3:::{n}*\""));
        let (actions, resources) = (
            actions.collect::<Vec<_>>().join(","),
            resources.collect::<Vec<_>>().join(","),
        );
        let keys = (0..20_000)
            .map(|n| format!("\"aws:x{n}\":\"*\""))
            .collect::<Vec<_>>();
        let stars = "*a".repeat(30_000);
        for statements in [
            list(statement, 5_000),
            format!(r#"{{"Effect":"Allow","Action":[{actions}],"Resource":[{resources}]}}"#),
            format!(
                r#"{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"StringLike":{{{}}}}}}}"#,
                keys.join(",")
            ),
            format!(
                r#"{{"Effect":"Allow","Action":["s3:{stars}","s3:{stars}b"],"Resource":["arn:aws:s3:::{stars}","arn:aws:s3:::{stars}b"]}}"#
            ),
        ] {
            let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
            let findings = check(&text, Kind::Identity, Some(OWN));
            assert!(findings.len() <= 1_000);
            assert!(findings.iter().all(|f| f.message.len() < 1_000));
        }
    }

    /// As long as the command takes; quadratic work on any of them takes minutes.
    #[test]
    fn a_megabyte_of_what_is_compared_with_its_own_kind() {
        let many = |item: &dyn Fn(usize) -> String, count: usize| {
            let items: Vec<String> = (0..count).map(item).collect();
            items.join(",")
        };
        let tags = many(&|n| format!(r#""aws:PrincipalTag/{n}":"a""#), 36_000);
        let wild = many(&|_| r#""ec2:*e?*a*""#.to_owned(), 80_000);
        let nothing = "*".repeat(1_000_000);
        let accounts = many(&|n| format!(r#""{n:012}""#), 20_000);
        let keys = many(&|n| format!(r#""aws:x{n}":"a""#), 30_000);
        let issuers = many(&|_| r#""accounts.google.com""#.to_owned(), 20_000);
        let told = |kind, rest: String, code: &str| {
            let text =
                format!(r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{rest}}}}}"#);
            let findings = check(&text, kind, Some(OWN));
            assert!(findings.iter().any(|f| f.code == code), "{findings:?}");
        };
        told(
            Kind::Identity,
            format!(
                r#""Action":"s3:*","Resource":"*","Condition":{{"ForAllValues:StringEquals":{{{tags}}}}}"#
            ),
            "FORALLVALUES_WITH_SINGLE_VALUED_KEY",
        );
        for actions in [wild, format!(r#""ec2:{nothing}q*""#)] {
            told(
                Kind::Identity,
                format!(r#""Action":[{actions}],"Resource":"arn:aws:s3:::b/x""#),
                "DOCUMENT_TOO_LARGE",
            );
        }
        told(
            Kind::Trust,
            format!(
                r#""Principal":{{"AWS":[{accounts}]}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{{keys}}}}}"#
            ),
            "FOREIGN_ACCOUNT_WITHOUT_EXTERNAL_ID",
        );
        told(
            Kind::Trust,
            format!(
                r#""Principal":{{"Federated":[{issuers}]}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{{keys},"accounts.google.com:aud":"x"}}}}"#
            ),
            "INVALID_GLOBAL_CONDITION_KEY",
        );
    }
}
