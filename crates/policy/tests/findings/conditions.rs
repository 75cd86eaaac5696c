//! Conditions that do not do what they seem to.

#[cfg(test)]
mod tests {
    use locum_policy::{Finding, Kind, check};

    use crate::tests::{of_condition, of_statement, told};

    #[test]
    fn set_operators_on_keys_with_one_value() {
        let code = "SET_OPERATOR_WITH_SINGLE_VALUED_KEY";
        let any = r#""ForAnyValue:StringEquals""#;
        of_condition(
            r#"{"ForAnyValue:StringEquals":{"aws:username":"ann"}}"#,
            &[(code, any)],
        );
        let all = r#""ForAllValues:StringEquals""#;
        of_condition(
            r#"{"ForAllValues:StringEquals":{"aws:username":"ann"}}"#,
            &[("FORALLVALUES_WITH_SINGLE_VALUED_KEY", all)],
        );
        of_condition(
            r#"{"ForAllValues:StringEquals":{"aws:username":"ann"},"Null":{"AWS:username":"false"}}"#,
            &[(code, all)],
        );
        of_condition(r#"{"StringEquals":{"aws:username":"ann"}}"#, &[]);
        // In a Deny, what lacks the key is denied too.
        of_statement(
            Kind::Identity,
            r#"{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:username":"ann"}}}"#,
            &[(code, all)],
        );
    }

    #[test]
    fn sets_that_may_be_empty() {
        let all = r#""ForAllValues:StringEquals""#;
        let of = |condition: &str, wanted: &[(&str, &str)]| {
            let statement = format!(
                r#"{{"Effect":"Allow","Action":"ec2:CreateTags","Resource":"*","Condition":{condition}}}"#
            );
            of_statement(Kind::Identity, &statement, wanted);
        };
        let code = "FORALLVALUES_WITHOUT_NULL_CHECK";
        of(
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]}}"#,
            &[(code, all)],
        );
        of(
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]},"Null":{"aws:TagKeys":"true"}}"#,
            &[(code, all)],
        );
        of(
            r#"{"ForAllValues:StringEquals":{"aws:TagKeys":["a"]},"Null":{"aws:TagKeys":false}}"#,
            &[],
        );
        of(r#"{"ForAnyValue:StringEquals":{"aws:TagKeys":["a"]}}"#, &[]);
        let one = r#""StringEquals""#;
        of(
            r#"{"StringEquals":{"aws:TagKeys":["a"]}}"#,
            &[("MISSING_QUALIFIER", one)],
        );
        of(r#"{"Null":{"aws:TagKeys":"true"}}"#, &[]);
        told(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalOrgPaths":"o-a/"}}}}"#,
            &[
                "1:95: warning: `aws:PrincipalOrgPaths` is multi-valued, and `StringNotEquals` never matches such \
               a key: use ForAnyValue:StringNotEquals or ForAllValues:StringNotEquals [MISSING_QUALIFIER]",
            ],
        );
    }

    #[test]
    fn operators_that_do_not_exist() {
        let of = |operator: &str, code: &str| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"{operator}":{{"aws:username":"true"}}}}}}}}"#
            );
            let wanted = format!("1:95: error: `{operator}` is no condition operator [{code}]");
            told(Kind::Identity, &text, &[&wanted]);
        };
        of("NullIfExists", "NULL_WITH_IF_EXISTS");
        of("ForAnyValue:Null", "NULL_WITH_QUALIFIER");
        of("StringIs", "INVALID_CONDITION_OPERATOR");
    }

    #[test]
    fn wildcards_that_are_none() {
        let code = "WILDCARD_WITHOUT_LIKE_OPERATOR";
        of_condition(
            r#"{"StringEquals":{"aws:username":["ann","b*"]}}"#,
            &[(code, r#""b*""#)],
        );
        of_condition(
            r#"{"StringNotEqualsIgnoreCase":{"aws:username":"b?b"}}"#,
            &[(code, r#""b?b""#)],
        );
        of_condition(r#"{"StringLike":{"aws:username":"b*"}}"#, &[]);
        of_condition(r#"{"StringEquals":{"aws:username":"b${*}"}}"#, &[]);
        of_condition(
            r#"{"StringEquals":{"aws:username":"${aws:userid, '*'}"}}"#,
            &[],
        );
        of_condition(
            r#"{"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}}"#,
            &[],
        );
        let sensitive = [("WILDCARD_FOR_SENSITIVE_KEY", r#""o-*""#)];
        of_condition(r#"{"StringLike":{"aws:PrincipalOrgID":"o-*"}}"#, &sensitive);
        of_condition(
            r#"{"StringLike":{"aws:PrincipalOrgID":"o-exampleorgid"}}"#,
            &[],
        );
        of_condition(r#"{"StringNotLike":{"aws:PrincipalOrgID":"o-*"}}"#, &[]);
    }

    #[test]
    fn conditions_without_values() {
        let key = r#""aws:username""#;
        for (operator, code) in [
            ("StringEquals", "EMPTY_ARRAY_CONDITION"),
            ("StringNotEquals", "EMPTY_ARRAY_CONDITION_NOT"),
            ("StringLikeIfExists", "EMPTY_ARRAY_CONDITION_IFEXISTS"),
        ] {
            of_condition(
                &format!(r#"{{"{operator}":{{"aws:username":[]}}}}"#),
                &[(code, key)],
            );
            of_condition(
                &format!(r#"{{"{operator}":{{"aws:username":["a"]}}}}"#),
                &[],
            );
        }
        let tags = r#""aws:PrincipalOrgPaths""#;
        of_condition(
            r#"{"ForAnyValue:StringEquals":{"aws:PrincipalOrgPaths":[]}}"#,
            &[("EMPTY_ARRAY_CONDITION_FORANYVALUE", tags)],
        );
        of_condition(
            r#"{"ForAllValues:StringEquals":{"aws:PrincipalOrgPaths":[]},"Null":{"aws:PrincipalOrgPaths":"false"}}"#,
            &[("EMPTY_ARRAY_CONDITION_FORALLVALUES", tags)],
        );
        of_condition("{}", &[("EMPTY_OBJECT_CONDITION", "{}")]);
    }

    #[test]
    fn keys_that_do_not_exist() {
        let of = |key: &str, wanted: &str| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"StringLike":{{"{key}":"x"}}}}}}}}"#
            );
            told(
                Kind::Identity,
                &text,
                &[&format!("1:109: warning: {wanted}")],
            );
        };
        of(
            "aws:PrincipalOrgId2",
            "`aws:PrincipalOrgId2` is no global condition key; did you mean `aws:PrincipalOrgID`? [INVALID_GLOBAL_CONDITION_KEY]",
        );
        of(
            "aws:usernmae",
            "`aws:usernmae` is no global condition key; did you mean `aws:username`? [INVALID_GLOBAL_CONDITION_KEY]",
        );
        of(
            "aws:Frobnication",
            "`aws:Frobnication` is no global condition key [INVALID_GLOBAL_CONDITION_KEY]",
        );
        of(
            "s3:prefx",
            "`s3:prefx` is no condition key of its service; did you mean `s3:prefix`? [INVALID_SERVICE_CONDITION_KEY]",
        );
        of(
            "sts:ExternalID2",
            "`sts:ExternalID2` is no condition key of its service; did you mean `sts:ExternalId`? [INVALID_SERVICE_CONDITION_KEY]",
        );
        of(
            "saml:edupersonafiliation",
            "`saml:edupersonafiliation` is no condition key of its service; did you mean `saml:eduPersonAffiliation`? [INVALID_SERVICE_CONDITION_KEY]",
        );
        of(
            "s33:prefix",
            "`s33` of the key `s33:prefix` is no service; did you mean `s3`? [INVALID_SERVICE_CONDITION_KEY]",
        );
        of(
            "aws:SourceOwner",
            "`aws:SourceOwner` is deprecated; use `aws:SourceAccount` [DEPRECATED_GLOBAL_CONDITION_KEY]",
        );
        for known in [
            "aws:PrincipalTag/any thing",
            "AWS:PRINCIPALORGID",
            "s3:Prefix",
            "SAML:sub",
            "idp.example.com/x:sub",
            "ec2:ResourceTag/a",
            "kms:EncryptionContext:app",
        ] {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"StringLike":{{"{known}":"x"}}}}}}}}"#
            );
            told(Kind::Identity, &text, &[]);
        }
    }

    #[test]
    fn keys_that_no_action_carries() {
        let of = |action: &str, key: &str, carried: bool| {
            let statement = format!(
                r#"{{"Effect":"Deny","Action":{action},"Resource":"*","Condition":{{"StringLike":{{"{key}":"x"}}}}}}"#
            );
            let key = format!("\"{key}\"");
            let finding = [("CONDITION_KEY_NOT_CARRIED", key.as_str())];
            of_statement(
                Kind::Identity,
                &statement,
                if carried { &[] } else { &finding },
            );
        };
        of(r#""s3:GetObject""#, "s3:prefix", false);
        of(r#""s3:ListBucket""#, "s3:prefix", true);
        of(r#"["s3:GetObject","s3:ListBucket"]"#, "s3:Prefix", true);
        of(r#""s3:*""#, "s3:prefix", true);
        of(r#""*""#, "s3:prefix", true);
        of(r#""sqs:SendMessage""#, "s3:prefix", false);
        of(r#""sqs:SendMessage""#, "aws:username", true);
        of(r#""sqs:SendMessage""#, "aws:RequestTag/a", false);
        of(r#""sqs:CreateQueue""#, "aws:RequestTag/a", true);
        of(r#""sqs:SendMessage""#, "saml:sub", true);
        of(r#""sqs:SendMessage""#, "lambda:SourceFunctionArn", true);
        of(r#""sqs:SendMessage""#, "accounts.google.com:sub", true);
        of(r#""iam:PassRole""#, "iam:PassedToService", true);
        of(r#""iam:CreateRole""#, "iam:PassedToService", false);
        for key in [
            "sts:ExternalId",
            "sts:RoleSessionName",
            "sts:SourceIdentity",
        ] {
            let statement = format!(
                r#"{{"Effect":"Allow","Principal":{{"AWS":"111122223333"}},"Action":"sts:AssumeRole","Condition":{{"StringEquals":{{"{key}":"x1"}}}}}}"#
            );
            of_statement(Kind::Trust, &statement, &[]);
        }
    }

    #[test]
    fn operators_that_do_not_fit_their_key() {
        for (operator, key, value, fits) in [
            (
                "StringEquals",
                "aws:CurrentTime",
                "2026-01-01T00:00:00Z",
                false,
            ),
            (
                "DateLessThan",
                "aws:CurrentTime",
                "2026-01-01T00:00:00Z",
                true,
            ),
            ("DateLessThan", "aws:EpochTime", "1767225600", true),
            ("NumericLessThan", "aws:EpochTime", "1767225600", true),
            ("NumericLessThan", "aws:CurrentTime", "1767225600", false),
            ("IpAddress", "aws:username", "10.0.0.0/8", false),
            ("IpAddress", "aws:SourceIp", "10.0.0.0/8", true),
            ("StringLike", "aws:SourceIp", "10.*", false),
            ("StringEquals", "aws:SecureTransport", "true", false),
            ("Bool", "aws:SecureTransport", "true", true),
            ("Bool", "aws:username", "true", false),
            ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/x", true),
            (
                "StringLike",
                "aws:PrincipalArn",
                "arn:aws:iam::*:role/x",
                true,
            ),
            ("ArnLike", "aws:username", "arn:aws:iam::*:role/x", false),
            ("NumericLessThan", "aws:MultiFactorAuthAge", "3600", true),
            ("NumericLessThan", "aws:userid", "3600", false),
            ("Null", "aws:CurrentTime", "true", true),
        ] {
            let finding = format!("\"{operator}\"");
            let mismatch = [("TYPE_MISMATCH", finding.as_str())];
            let condition = format!(r#"{{"{operator}":{{"{key}":"{value}"}}}}"#);
            of_condition(&condition, if fits { &[] } else { &mismatch });
        }
        told(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:CurrentTime":"2026"}}}}"#,
            &[
                "1:95: warning: `aws:CurrentTime` holds a date, which `StringEquals` does not compare: use Date operators [TYPE_MISMATCH]",
            ],
        );
    }

    #[test]
    fn both_true_and_false() {
        let code = "INVALID_CONDITION_MULTIPLE_BOOLEAN";
        of_condition(
            r#"{"Bool":{"aws:SecureTransport":["true","FALSE"]}}"#,
            &[(code, r#""FALSE""#)],
        );
        of_condition(
            r#"{"Null":{"aws:username":[true,false]}}"#,
            &[(code, "false")],
        );
        of_condition(r#"{"Bool":{"aws:SecureTransport":["true","true"]}}"#, &[]);
    }

    #[test]
    fn networks_with_bits_behind_their_mask() {
        let code = "IMPROVE_IP_RANGE";
        of_condition(
            r#"{"IpAddress":{"aws:SourceIp":"10.1.0.0/8"}}"#,
            &[(code, r#""10.1.0.0/8""#)],
        );
        of_condition(
            r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","10.1.2.3","2001:db8::/32"]}}"#,
            &[],
        );
        told(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"NotIpAddress":{"aws:SourceIp":"2001:db8::1/32"}}}}"#,
            &[
                "1:126: warning: the bits of `2001:db8::1/32` behind the mask make it match nothing: write `2001:db8::/32` [IMPROVE_IP_RANGE]",
            ],
        );
    }

    #[test]
    fn conditions_that_exclude_each_other() {
        let of = |conditions: &str, contradict: bool| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{conditions}}}}}"#
            );
            let found: Vec<Finding> = check(&text, Kind::Identity, None);
            let codes: Vec<&str> = found
                .iter()
                .map(|f| f.code)
                .filter(|c| *c != "TYPE_MISMATCH")
                .collect();
            let wanted: &[&str] = if contradict {
                &["CONTRADICTORY_CONDITIONS"]
            } else {
                &[]
            };
            assert_eq!(codes, wanted, "{conditions}");
        };
        for (conditions, contradict) in [
            (
                r#"{"StringEquals":{"aws:username":"a"},"StringNotEquals":{"aws:username":"a"}}"#,
                true,
            ),
            (
                r#"{"StringEquals":{"aws:username":"a"},"StringNotEquals":{"AWS:Username":["b","a"]}}"#,
                true,
            ),
            (
                r#"{"StringEquals":{"aws:username":["a","c"]},"StringNotEquals":{"aws:username":"a"}}"#,
                false,
            ),
            (
                r#"{"StringEquals":{"aws:username":"a"},"StringNotEquals":{"aws:userid":"a"}}"#,
                false,
            ),
            (
                r#"{"StringEquals":{"aws:username":"a","AWS:username":"b"}}"#,
                true,
            ),
            (
                r#"{"StringEquals":{"aws:username":"abc"},"StringLike":{"aws:username":"a*"}}"#,
                false,
            ),
            (
                r#"{"StringEquals":{"aws:username":"abc"},"StringLike":{"aws:username":"b*"}}"#,
                true,
            ),
            (
                r#"{"StringLike":{"aws:username":"a*"},"StringNotLike":{"aws:username":"*"}}"#,
                true,
            ),
            (
                r#"{"StringLike":{"aws:username":"*"},"StringNotLike":{"aws:username":"a*"}}"#,
                false,
            ),
            (
                r#"{"StringEquals":{"aws:username":"${aws:userid}"},"StringNotEquals":{"aws:username":"${aws:userid}"}}"#,
                false,
            ),
            (
                r#"{"StringEqualsIfExists":{"aws:username":"a"},"StringNotEquals":{"aws:username":"a"}}"#,
                false,
            ),
            (
                r#"{"StringEqualsIfExists":{"aws:username":"a"},"StringEquals":{"aws:username":"b"}}"#,
                true,
            ),
            (
                r#"{"StringEqualsIfExists":{"aws:username":"a"},"StringLikeIfExists":{"aws:username":"b"}}"#,
                false,
            ),
            (
                r#"{"StringEquals":{"aws:username":"A"},"StringEqualsIgnoreCase":{"aws:username":"a"}}"#,
                false,
            ),
            (
                r#"{"StringEquals":{"aws:username":"B"},"StringEqualsIgnoreCase":{"aws:username":"a"}}"#,
                true,
            ),
            (
                r#"{"StringEquals":{"aws:username":"a"},"Null":{"aws:username":"true"}}"#,
                true,
            ),
            (
                r#"{"StringNotEquals":{"aws:username":"a"},"Null":{"aws:username":"true"}}"#,
                false,
            ),
            (
                r#"{"StringEquals":{"aws:username":"a"},"Null":{"aws:username":"false"}}"#,
                false,
            ),
            (
                r#"{"NumericLessThan":{"s3:max-keys":"5"},"NumericGreaterThan":{"s3:max-keys":"5"}}"#,
                true,
            ),
            (
                r#"{"NumericLessThan":{"s3:max-keys":"6"},"NumericGreaterThan":{"s3:max-keys":"5"}}"#,
                false,
            ),
            (
                r#"{"NumericLessThanEquals":{"s3:max-keys":"5"},"NumericGreaterThanEquals":{"s3:max-keys":"5"}}"#,
                false,
            ),
            (
                r#"{"NumericLessThanEquals":{"s3:max-keys":"5"},"NumericGreaterThan":{"s3:max-keys":"5"}}"#,
                true,
            ),
            (
                r#"{"NumericLessThan":{"s3:max-keys":["5","9"]},"NumericGreaterThan":{"s3:max-keys":"7"}}"#,
                false,
            ),
            (
                r#"{"NumericEquals":{"s3:max-keys":"5"},"NumericLessThan":{"s3:max-keys":"5.0"}}"#,
                true,
            ),
            (
                r#"{"NumericEquals":{"s3:max-keys":"5"},"NumericNotEquals":{"s3:max-keys":"5.0"}}"#,
                true,
            ),
            (
                r#"{"DateLessThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"DateGreaterThan":{"aws:CurrentTime":"2026-06-01T00:00:00Z"}}"#,
                true,
            ),
            (
                r#"{"DateGreaterThan":{"aws:CurrentTime":"2026-01-01T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2026-06-01T00:00:00Z"}}"#,
                false,
            ),
            (
                r#"{"IpAddress":{"aws:SourceIp":"10.1.0.0/16"},"NotIpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
                true,
            ),
            (
                r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"},"NotIpAddress":{"aws:SourceIp":"10.1.0.0/16"}}"#,
                false,
            ),
            (
                r#"{"IpAddress":{"aws:SourceIp":"10.1.0.0/16"},"IpAddressIfExists":{"aws:SourceIp":"10.2.0.0/16"}}"#,
                true,
            ),
            (
                r#"{"BoolIfExists":{"aws:SecureTransport":"true"},"Bool":{"aws:SecureTransport":"false"}}"#,
                true,
            ),
            (
                r#"{"ForAnyValue:StringEquals":{"aws:CalledVia":"a"},"ForAnyValue:StringNotEquals":{"aws:CalledVia":"a"}}"#,
                false,
            ),
        ] {
            of(conditions, contradict);
        }
        told(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:userid":"a"},"StringEquals":{"aws:userid":"a"}}}}"#,
            &[
                "1:148: warning: no value of `aws:userid` meets both `StringNotEquals` and `StringEquals` here, so that \
               the statement never matches [CONTRADICTORY_CONDITIONS]",
            ],
        );
    }

    #[test]
    fn variables_before_they_were_known() {
        let of = |version: &str, resource: &str, wanted: &[&str]| {
            let text = format!(
                r#"{{{version}"Statement":{{"Effect":"Deny","Action":"s3:GetObject","Resource":"{resource}"}}}}"#
            );
            told(Kind::Session, &text, wanted);
        };
        let resource = "arn:aws:s3:::b/${aws:username}/*";
        let old = r#""Version":"2008-10-17","#;
        let message = "warning: before version 2012-10-17 this variable is plain text [VARIABLE_UNSUPPORTED_IN_VERSION]";
        of(old, resource, &[&format!("1:89: {message}")]);
        of(old, "arn:aws:s3:::b/${x}/*", &[]);
        of(r#""Version":"2012-10-17","#, resource, &[]);
        of(
            "",
            resource,
            &[
                "1:1: warning: the policy has no Version and is read as of 2008-10-17; add `\"Version\": \"2012-10-17\"` [MISSING_VERSION]",
                &format!("1:66: {message}"),
            ],
        );
    }

    #[test]
    fn sids_without_text() {
        of_statement(
            Kind::Identity,
            r#"{"Sid":"","Effect":"Deny","Action":"s3:*","Resource":"*"}"#,
            &[("EMPTY_SID_VALUE", r#""""#)],
        );
        of_statement(
            Kind::Identity,
            r#"{"Sid":"x","Effect":"Deny","Action":"s3:*","Resource":"*"}"#,
            &[],
        );
    }
}
