//! What allows more than it should.

#[cfg(test)]
mod tests {
    use locum_policy::{Kind, check};

    use crate::tests::{of_statement, told};

    #[test]
    fn everything_on_everything() {
        let of = |statement: &str, wanted: &[(&str, &str)]| {
            of_statement(Kind::Identity, statement, wanted);
        };
        let pass = "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE";
        of(
            r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
            &[("ALLOW_EVERYTHING", r#""*""#), (pass, r#""*""#)],
        );
        of(r#"{"Effect":"Deny","Action":"*","Resource":"*"}"#, &[]);
        of(
            r#"{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
            &[(pass, r#""*""#)],
        );
        of(
            r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b/*"}"#,
            &[],
        );
        of_statement(
            Kind::ServiceControl,
            r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
            &[],
        );
        of_statement(
            Kind::Session,
            r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#,
            &[],
        );
    }

    #[test]
    fn wildcards_that_take_in_the_management_of_permissions() {
        let of = |action: &str, wanted: &[(&str, &str)]| {
            let statement = format!(r#"{{"Effect":"Allow","Action":{action},"Resource":"*"}}"#);
            of_statement(Kind::Identity, &statement, wanted);
        };
        let code = "PERMISSIONS_MANAGEMENT_WITH_WILDCARD";
        of(r#"["iam:GetUser","iam:Put*"]"#, &[(code, r#""iam:Put*""#)]);
        of(
            r#""s3:Put?ucketPolicy""#,
            &[(code, r#""s3:Put?ucketPolicy""#)],
        );
        of(r#""iam:Get*""#, &[]);
        of(r#""iam:PutUserPolicy""#, &[]);
        of(r#""sqs:Receive*""#, &[]);
        told(
            Kind::Identity,
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"iam:Put*Policy","Resource":"*"}}"#,
            &[
                "1:64: security warning: `iam:Put*Policy` on every resource takes in actions that manage \
               permissions: iam:PutGroupPolicy and 2 more [PERMISSIONS_MANAGEMENT_WITH_WILDCARD]",
            ],
        );
    }

    #[test]
    fn passing_any_role() {
        let of = |elements: &str, wanted: &[(&str, &str)]| {
            of_statement(
                Kind::Identity,
                &format!(r#"{{"Effect":"Allow",{elements}}}"#),
                wanted,
            );
        };
        let star = "PASS_ROLE_WITH_STAR_IN_RESOURCE";
        of(
            r#""Action":["iam:GetRole","iam:PassRole"],"Resource":"*""#,
            &[(star, r#""iam:PassRole""#)],
        );
        of(
            r#""Action":"iam:passrole","Resource":"arn:aws:iam::*:role/*""#,
            &[(star, r#""iam:passrole""#)],
        );
        of(
            r#""Action":"iam:PassRole","Resource":"arn:*:iam::*:*""#,
            &[(star, r#""iam:PassRole""#)],
        );
        of(
            r#""Action":"iam:Pass*","Resource":"*""#,
            &[
                (
                    "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE",
                    r#""iam:Pass*""#,
                ),
                ("PERMISSIONS_MANAGEMENT_WITH_WILDCARD", r#""iam:Pass*""#),
            ],
        );
        of(
            r#""Action":"iam:PassRole","NotResource":"arn:aws:iam::111122223333:role/admin""#,
            &[
                ("PASS_ROLE_WITH_NOT_RESOURCE", r#""iam:PassRole""#),
                ("ALLOW_WITH_NOT_RESOURCE", r#""NotResource""#),
            ],
        );
        of(
            r#""NotAction":"s3:*","Resource":"*""#,
            &[
                ("ALLOW_WITH_NOT_ACTION", r#""NotAction""#),
                (
                    "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION",
                    r#""NotAction""#,
                ),
            ],
        );
        of(
            r#""NotAction":"s3:*","NotResource":"arn:aws:s3:::b""#,
            &[
                ("ALLOW_WITH_NOT_ACTION", r#""NotAction""#),
                (
                    "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE",
                    r#""NotAction""#,
                ),
                ("ALLOW_WITH_NOT_RESOURCE", r#""NotResource""#),
            ],
        );
        of(
            r#""Action":"iam:*","NotResource":"arn:aws:iam::111122223333:role/admin""#,
            &[
                (
                    "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE",
                    r#""iam:*""#,
                ),
                ("ALLOW_WITH_NOT_RESOURCE", r#""NotResource""#),
            ],
        );
        // One role, roles of one name, and one service may be passed.
        of(
            r#""Action":"iam:PassRole","Resource":"arn:aws:iam::111122223333:role/*""#,
            &[],
        );
        of(
            r#""Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/app-*""#,
            &[],
        );
        of(
            r#""Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}"#,
            &[],
        );
        of(
            r#""Action":"iam:PassRole","Resource":"*","Condition":{"StringLike":{"iam:PassedToService":"*"}}"#,
            &[(star, r#""iam:PassRole""#)],
        );
        of(
            r#""Action":"iam:PassRole","NotResource":"arn:aws:iam::*:role/*""#,
            &[("ALLOW_WITH_NOT_RESOURCE", r#""NotResource""#)],
        );
        of(
            r#""NotAction":["iam:*","s3:*"],"Resource":"*""#,
            &[("ALLOW_WITH_NOT_ACTION", r#""NotAction""#)],
        );
        of_statement(
            Kind::Identity,
            r#"{"Effect":"Deny","Action":"iam:PassRole","Resource":"*"}"#,
            &[],
        );
    }

    #[test]
    fn everyone_in_a_resource_policy() {
        let of = |rest: &str, wanted: &[(&str, &str)]| {
            let statement = format!(
                r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::b/*",{rest}}}"#
            );
            of_statement(Kind::Resource, &statement, wanted);
        };
        let open = [("EVERYONE_ALLOWED", r#""*""#)];
        of(r#""Principal":"*""#, &open);
        of(r#""Principal":{"AWS":["111122223333","*"]}"#, &open);
        of(r#""Principal":{"AWS":"111122223333"}"#, &[]);
        for narrow in [
            r#"{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}}"#,
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/app-*"}}"#,
            r#"{"ArnEquals":{"AWS:SourceArn":"arn:aws:sns:eu-west-1:111122223333:t"}}"#,
            r#"{"StringEquals":{"aws:SourceVpce":"vpce-1"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}"#,
        ] {
            of(&format!(r#""Principal":"*","Condition":{narrow}"#), &[]);
        }
        for wide in [
            r#"{"StringNotEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}}"#,
            r#"{"StringEqualsIfExists":{"aws:PrincipalOrgID":"o-exampleorgid"}}"#,
            r#"{"Null":{"aws:PrincipalOrgID":"false"}}"#,
            r#"{"ArnLike":{"aws:PrincipalArn":"arn:*:*:*:*:*"}}"#,
            r#"{"IpAddress":{"aws:SourceIp":["10.0.0.0/8","0.0.0.0/0"]}}"#,
            r#"{"Bool":{"aws:SecureTransport":"true"}}"#,
        ] {
            of(&format!(r#""Principal":"*","Condition":{wide}"#), &open);
        }
        of_statement(
            Kind::Resource,
            r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#,
            &[],
        );
    }

    #[test]
    fn services_act_for_all_their_customers() {
        let of = |rest: &str, wanted: &[(&str, &str)]| {
            let statement = format!(
                r#"{{"Effect":"Allow","Action":"sqs:SendMessage","Resource":"*","Principal":{{"Service":"sns.amazonaws.com"}}{rest}}}"#
            );
            of_statement(Kind::Resource, &statement, wanted);
        };
        of(
            "",
            &[(
                "RESTRICT_ACCESS_TO_SERVICE_PRINCIPAL",
                r#""sns.amazonaws.com""#,
            )],
        );
        of(
            r#","Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}"#,
            &[],
        );
        of_statement(
            Kind::Trust,
            r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"}}"#,
            &[],
        );
    }

    #[test]
    fn foreign_accounts_give_an_external_id() {
        let of = |principal: &str, rest: &str, wanted: &[(&str, &str)]| {
            let statement = format!(
                r#"{{"Effect":"Allow","Principal":{{"AWS":{principal}}},"Action":"sts:AssumeRole"{rest}}}"#
            );
            of_statement(Kind::Trust, &statement, wanted);
        };
        let code = "FOREIGN_ACCOUNT_WITHOUT_EXTERNAL_ID";
        for foreign in [
            r#""444455556666""#,
            r#""arn:aws:iam::444455556666:root""#,
            r#""arn:aws:iam::444455556666:role/vendor""#,
        ] {
            of(foreign, "", &[(code, foreign)]);
            let asked = r#","Condition":{"StringEquals":{"sts:ExternalId":"x1"}}"#;
            of(foreign, asked, &[]);
            let organization =
                r#","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-exampleorgid"}}"#;
            of(foreign, organization, &[]);
            let negated = r#","Condition":{"StringNotEquals":{"sts:ExternalId":"x1"}}"#;
            of(foreign, negated, &[(code, foreign)]);
        }
        of(r#""111122223333""#, "", &[]);
        of(r#""arn:aws:iam::111122223333:user/ann""#, "", &[]);
        of(r#""*""#, "", &[("EVERYONE_ALLOWED", r#""*""#)]);
        of(
            r#""*""#,
            r#","Condition":{"StringEquals":{"sts:ExternalId":"x1"}}"#,
            &[("EVERYONE_ALLOWED", r#""*""#)],
        );
        of_statement(
            Kind::Trust,
            r#"{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"sts:TagSession"}"#,
            &[],
        );
        // Whose account it is must be known to call another one foreign.
        let text = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"AWS":"444455556666"},"Action":"sts:AssumeRole"}}"#;
        assert_eq!(check(text, Kind::Trust, None), []);
        assert_eq!(check(text, Kind::Trust, Some("444455556666")), []);
    }
}
