//! Names, lists and statements.

#[cfg(test)]
mod tests {
    use locum_policy::Kind;

    use crate::tests::{of_statement, told};

    #[test]
    fn services_and_actions_that_do_not_exist() {
        let of = |action: &str, wanted: &str| {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
            );
            let wanted = [format!("1:64: warning: {wanted}")];
            told(Kind::Identity, &text, &[&wanted[0]]);
        };
        of(
            "s4:GetObject",
            "`s4` is no service; did you mean `s3`? [INVALID_SERVICE_IN_ACTION]",
        );
        of(
            "dynamdb:GetItem",
            "`dynamdb` is no service; did you mean `dynamodb`? [INVALID_SERVICE_IN_ACTION]",
        );
        of(
            "nosuchthing:Get",
            "`nosuchthing` is no service [INVALID_SERVICE_IN_ACTION]",
        );
        of(
            "s3:GetObejct",
            "`s3:GetObejct` is no action of `s3`; did you mean `s3:GetObject`? [INVALID_ACTION]",
        );
        of(
            "S3:getobjekts",
            "`S3:getobjekts` is no action of `S3`; did you mean `S3:GetObject`? [INVALID_ACTION]",
        );
        of(
            "locum:RevokeSesion",
            "`locum:RevokeSesion` is no action of `locum`; did you mean `locum:RevokeSession`? [INVALID_ACTION]",
        );
        of_statement(
            Kind::Identity,
            r#"{"Effect":"Allow","Action":["locum:RevokeSession","locum:ListSessions"],"Resource":"arn:aws:iam::123456789012:role/team/*","Condition":{"StringEquals":{"aws:ResourceTag/team":"one"}}}"#,
            &[],
        );
        of_statement(
            Kind::Identity,
            r#"{"Effect":"Allow","Action":"locum:RevokeSession","Resource":"arn:aws:locum::123456789012:session/*","Condition":{"StringEquals":{"locum:Aim":"AccessKey"},"Bool":{"locum:Chain":"false"}}}"#,
            &[],
        );
        of(
            "sqs:Frobnicate",
            "`sqs:Frobnicate` is no action of `sqs` [INVALID_ACTION]",
        );
        of(
            "sqs:Fro*",
            "`sqs:Fro*` matches no action of `sqs` [INVALID_ACTION]",
        );
        of_statement(
            Kind::Identity,
            r#"{"Effect":"Deny","NotAction":["S3:GETOBJECT","sqs:Send*","sqs:?endMessage"],"Resource":"*"}"#,
            &[],
        );
    }

    #[test]
    fn values_that_others_of_their_list_take_in() {
        let of = |elements: &str, wanted: &[(&str, &str)]| {
            of_statement(
                Kind::Identity,
                &format!(r#"{{"Effect":"Deny",{elements}}}"#),
                wanted,
            );
        };
        let action = "REDUNDANT_ACTION";
        of(
            r#""Action":["s3:GetObject","s3:Get*","s3:ListBucket","s3:get*"],"Resource":"*""#,
            &[(action, r#""s3:GetObject""#), (action, r#""s3:get*""#)],
        );
        of(r#""Action":["s3:Get*","s3:*Object"],"Resource":"*""#, &[]);
        of(
            r#""Action":["s3:GetObject?cl","s3:GetObjectAcl"],"Resource":"*""#,
            &[],
        );
        of(
            r#""Action":"s3:GetObject","Resource":["arn:aws:s3:::b/*","arn:aws:s3:::b/x","arn:aws:s3:::c/*"]"#,
            &[("REDUNDANT_RESOURCE", r#""arn:aws:s3:::b/x""#)],
        );
        of(
            r#""Action":"s3:GetObject","Resource":["arn:aws:s3:::b/*","arn:aws:s3:::B/x"]"#,
            &[],
        );
        of(
            r#""Action":"sqs:SendMessage","Resource":["arn:aws:sqs:eu-*:*:q","arn:aws:sqs:us-east-1:111122223333:q"]"#,
            &[],
        );
        told(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":["s3:Get*","s3:GetObject"],"Resource":"*"}}"#,
            &[
                "1:74: suggestion: `s3:GetObject` is taken in by `s3:Get*` of the same list [REDUNDANT_ACTION]",
            ],
        );
    }

    // Statements.

    #[test]
    fn actions_on_resources_they_cannot_have() {
        let of = |elements: &str, wanted: &[(&str, &str)]| {
            of_statement(
                Kind::Identity,
                &format!(r#"{{"Effect":"Allow",{elements}}}"#),
                wanted,
            );
        };
        let (mismatch, star) = ("ACTION_RESOURCE_MISMATCH", "ACTION_NEEDS_STAR_RESOURCE");
        of(
            r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::b""#,
            &[(mismatch, r#""s3:GetObject""#)],
        );
        of(
            r#""Action":["s3:ListBucket","s3:GetObject"],"Resource":"arn:aws:s3:::b/*""#,
            &[(mismatch, r#""s3:ListBucket""#)],
        );
        of(
            r#""Action":["s3:ListBucket","s3:GetObject"],"Resource":["arn:aws:s3:::b","arn:aws:s3:::b/*"]"#,
            &[],
        );
        of(
            r#""Action":["s3:List*","s3:Get*"],"Resource":"arn:aws:s3:::b/*""#,
            &[],
        );
        of(
            r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::${aws:username}/*""#,
            &[],
        );
        of(r#""Action":"s3:GetObject","Resource":"arn:aws:s3:*""#, &[]);
        of(
            r#""Action":["s3:ListAllMyBuckets","s3:GetObject"],"Resource":"arn:aws:s3:::b/*""#,
            &[(star, r#""s3:ListAllMyBuckets""#)],
        );
        of(r#""Action":"ec2:Describe*","Resource":"*""#, &[]);
        of(
            r#""Action":["sts:GetWebIdentityToken","sts:TagGetWebIdentityToken"],"Resource":"arn:aws:sts::111122223333:self","Condition":{"StringEquals":{"sts:SigningAlgorithm":"ES384"}}"#,
            &[],
        );
        of(
            r#""Action":"sts:GetWebIdentityToken","Resource":"arn:aws:iam::111122223333:user/u""#,
            &[(mismatch, r#""sts:GetWebIdentityToken""#)],
        );
        of(
            r#""Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-west-1:111122223333:q""#,
            &[],
        );
        let whole = r#"{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:sqs:eu-west-1:111122223333:q"}"#;
        of_statement(Kind::Identity, whole, &[("UNREACHABLE_STATEMENT", whole)]);
    }

    #[test]
    fn statements_that_others_take_in_or_undo() {
        let get = r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/x"}"#;
        let of = |kind: Kind, statements: &[&str], wanted: &[(&str, &str)]| {
            of_statement(kind, &format!("[{}]", statements.join(",")), wanted);
        };
        let (redundant, undone) = ("REDUNDANT_STATEMENT", "UNREACHABLE_STATEMENT");
        for wider in [
            r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/*"}"#,
            r#"{"Effect":"Allow","Action":["s3:PutObject","S3:getobject"],"Resource":"arn:aws:s3:::b/x"}"#,
        ] {
            of(Kind::Identity, &[wider, get], &[(redundant, get)]);
            of(Kind::Identity, &[get, wider], &[(redundant, get)]);
        }
        of(Kind::Identity, &[get, get], &[(redundant, get)]);
        for denied in [
            r#"{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#,
            r#"{"Effect":"Deny","NotAction":"sqs:*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::c/*"}"#,
        ] {
            of(Kind::Identity, &[get, denied], &[(undone, get)]);
        }
        for other in [
            r#"{"Effect":"Allow","Action":"s3:Put*","Resource":"arn:aws:s3:::b/*"}"#,
            r#"{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::c/*"}"#,
            r#"{"Effect":"Deny","NotAction":"s3:Get*","Resource":"*"}"#,
            r#"{"Effect":"Deny","Action":"*","NotResource":"arn:aws:s3:::b/*"}"#,
            r#"{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#,
        ] {
            of(Kind::Identity, &[get, other], &[]);
        }
        // Equal conditions are the same statement, in any order; other ones are not.
        let with = |conditions: &str, action: &str| {
            format!(
                r#"{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:s3:::b/x","Condition":{conditions}}}"#
            )
        };
        let a = with(
            r#"{"StringEquals":{"aws:username":["a","b"],"aws:userid":"c"}}"#,
            "s3:GetObject",
        );
        let b = with(
            r#"{"StringEquals":{"aws:userid":"c","AWS:username":["b","a"]}}"#,
            "s3:Get*",
        );
        let c = with(
            r#"{"StringEquals":{"aws:userid":"d","AWS:username":["b","a"]}}"#,
            "s3:Get*",
        );
        of(Kind::Identity, &[&a, &b], &[(redundant, &a)]);
        of(Kind::Identity, &[&a, &c], &[]);
        told(
            Kind::Identity,
            "{\"Version\":\"2012-10-17\",\"Statement\":[\n\
             {\"Effect\":\"Allow\",\"Action\":\"sqs:SendMessage\",\"Resource\":\"*\"},\n \
             {\"Effect\":\"Deny\",\"Action\":\"sqs:*\",\"Resource\":\"*\"}]}",
            &[
                "2:1: warning: the Deny at 3:2 takes in all that this statement allows [UNREACHABLE_STATEMENT]",
            ],
        );
    }

    #[test]
    fn principals_count_when_statements_are_compared() {
        let of = |principal: &str| {
            format!(r#"{{"Effect":"Allow","Principal":{principal},"Action":"sts:AssumeRole"}}"#)
        };
        let (one, both) = (
            of(r#"{"AWS":"111122223333"}"#),
            of(r#"{"AWS":["111122223333","AIDAEXAMPLEEXAMPLE001"]}"#),
        );
        let service = of(r#"{"Service":"ec2.amazonaws.com"}"#);
        of_statement(
            Kind::Trust,
            &format!("[{one},{both}]"),
            &[("REDUNDANT_STATEMENT", &one)],
        );
        of_statement(Kind::Trust, &format!("[{one},{service}]"), &[]);
    }
}
