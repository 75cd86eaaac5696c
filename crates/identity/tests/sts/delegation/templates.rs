//! Policy templates: what parameters may say, and that they say no more.

use super::*;

/// What the template says with these parameters.
fn filled(template: &str, parameters: Vec<PolicyParameter>) -> Result<String, String> {
    let scene = scene();
    let made = CreatePolicy {
        policy_name: n("t"),
        path: None,
        policy_document: n(template),
        description: None,
        tags: Vec::new(),
    };
    call(&scene.world, &scene.partner, made).map(drop).unwrap();
    let id = scene.create(CreateDelegationRequest {
        template_arn: n(&format!("arn:aws:iam::{}:policy/t", scene.vendor)),
        parameters,
        ..scene.question("workflow-1")
    });
    match id {
        Ok(id) => {
            let shown = scene.get(&scene.admin, &id).unwrap().request;
            Ok(shown.request.permission_policy.clone())
        }
        Err(Error::InvalidInput(text)) => Err(text),
        Err(other) => panic!("{other:?}"),
    }
}

fn statement(rest: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow",{rest}}}]}}"#)
}

fn on(resource: &str) -> String {
    statement(&format!(r#""Action":"s3:GetObject","Resource":{resource}"#))
}

fn several(name: &str, values: &[&str]) -> PolicyParameter {
    PolicyParameter {
        name: n(name),
        values: values.iter().map(|value| n(value)).collect(),
        parameter_type: PolicyParameterType::StringList,
    }
}

#[track_caller]
fn check(template: &str, parameters: Vec<PolicyParameter>, wanted: Result<&str, &str>) {
    let json = |text: &str| serde_json::from_str::<serde_json::Value>(text).unwrap();
    match (filled(template, parameters), wanted) {
        (Ok(got), Ok(wanted)) => assert_eq!(json(&got), json(wanted)),
        (got, wanted) => assert_eq!(
            got.as_deref(),
            wanted
                .map_err(str::to_owned)
                .as_deref()
                .map_err(|e: &String| e)
        ),
    }
}

#[test]
fn a_value_stands_for_itself() {
    let template = on(r#""arn:aws:s3:::${delegation:BucketName}/*""#);
    for (value, wanted) in [
        ("reports", "reports"),
        ("*", "${*}"),
        ("a?c", "a${?}c"),
        ("${aws:username}", "${$}{aws:username}"),
        ("${delegation:BucketName}", "${$}{delegation:BucketName}"),
        (r#"x","arn:aws:s3:::*"#, r#"x\",\"arn:aws:s3:::${*}"#),
        (r"\u002a", r"\\u002a"),
    ] {
        let wanted = on(&format!(r#""arn:aws:s3:::{wanted}/*""#));
        check(&template, vec![string("BucketName", value)], Ok(&wanted));
    }
}

#[test]
fn a_wildcard_is_the_templates_to_allow() {
    let template = on(r#""arn:aws:s3:::lake/${delegation-pattern:Prefix}""#);
    for (value, wanted) in [("2026/*", "2026/*"), ("??", "??"), ("${*}", "${$}{*}")] {
        let wanted = on(&format!(r#""arn:aws:s3:::lake/{wanted}""#));
        check(&template, vec![string("Prefix", value)], Ok(&wanted));
    }
}

#[test]
fn a_dollar_of_the_template_and_a_brace_of_a_value_make_no_variable() {
    let template = on(r#""arn:aws:s3:::lake/$${delegation:Suffix}""#);
    let wanted = on(r#""arn:aws:s3:::lake/${$}{aws:username}""#);
    check(
        &template,
        vec![string("Suffix", "{aws:username}")],
        Ok(&wanted),
    );
    // What the template itself asks for stays.
    let template = on(r#""arn:aws:s3:::lake/${aws:username}/${*}/${delegation:Suffix}""#);
    let wanted = on(r#""arn:aws:s3:::lake/${aws:username}/${*}/x""#);
    check(&template, vec![string("Suffix", "x")], Ok(&wanted));
}

#[test]
fn a_list_makes_several_of_one() {
    let template = statement(
        r#""Action":"s3:GetObject","Resource":["arn:aws:s3:::${delegation:Buckets}/${delegation:Folders}/*","arn:aws:s3:::fixed/*"],"Condition":{"StringEquals":{"aws:PrincipalTag/team":"${delegation:Buckets}"}}"#,
    );
    let wanted = statement(
        r#""Action":"s3:GetObject","Resource":["arn:aws:s3:::a/x/*","arn:aws:s3:::a/y/*","arn:aws:s3:::b/x/*","arn:aws:s3:::b/y/*","arn:aws:s3:::fixed/*"],"Condition":{"StringEquals":{"aws:PrincipalTag/team":["a","b"]}}"#,
    );
    let parameters = vec![
        several("Buckets", &["a", "b"]),
        several("Folders", &["x", "y"]),
    ];
    check(&template, parameters, Ok(&wanted));
}

#[test]
fn parameters_fit_their_template() {
    let template = on(r#""arn:aws:s3:::${delegation:BucketName}/*""#);
    check(
        &template,
        Vec::new(),
        Err("The policy parameter BucketName is missing."),
    );
    let bucket = || string("BucketName", "b");
    check(
        &template,
        vec![bucket(), string("Other", "x")],
        Err("The policy template has no parameter Other."),
    );
    check(
        &template,
        vec![bucket(), bucket()],
        Err("The policy parameter BucketName is given twice."),
    );
    let wrong = "The policy parameter BucketName does not have as many values as its type.";
    check(&template, vec![several("BucketName", &[])], Err(wrong));
    let two = PolicyParameter {
        parameter_type: PolicyParameterType::String,
        ..several("BucketName", &["a", "b"])
    };
    check(&template, vec![two], Err(wrong));
    let names: Vec<_> = (0..400).map(|number| format!("bucket-{number}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let twice = on(r#""arn:aws:s3:::${delegation:BucketName}/${delegation:BucketName}/*""#);
    check(
        &twice,
        vec![several("BucketName", &names)],
        Err("The policy parameters have too many or too long values together."),
    );
    let long = "x".repeat(2000);
    let size = on(&format!(r#""arn:aws:s3:::{long}/*""#)).len();
    check(
        &template,
        vec![string("BucketName", &long)],
        Err(&format!(
            "The permission policy has {size} characters, and may have 2048."
        )),
    );
}

#[test]
fn a_colon_does_not_move_the_fields_of_an_arn() {
    let template = statement(
        r#""Action":"logs:GetLogEvents","Resource":"arn:aws:logs:${delegation:Region}:123456789012:log-group:x""#,
    );
    let colon = "A value of the policy parameter Region has a colon where an ARN has its fields.";
    check(&template, vec![string("Region", "eu-west-1:*")], Err(colon));
    let template = statement(
        r#""Action":"logs:GetLogEvents","Resource":"arn:aws:logs:eu-west-1:123456789012:${delegation:Group}""#,
    );
    let wanted = statement(
        r#""Action":"logs:GetLogEvents","Resource":"arn:aws:logs:eu-west-1:123456789012:log-group:x""#,
    );
    check(&template, vec![string("Group", "log-group:x")], Ok(&wanted));
}

#[test]
fn parameters_stand_where_resources_and_values_do() {
    let misplaced = "Policy parameters can stand in Resource, in NotResource and in the values of Condition only, as ${delegation:NAME} or ${delegation-pattern:NAME}.";
    for rest in [
        r#""Sid":"a","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/${delegation:Name0}":"x"}}"#,
        r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::${Delegation:Name0}""#,
        r#""Action":"s3:GetObject","Resource":"arn:aws:s3:::${delegations:Name0}""#,
        r#""Action":"s3:${delegation:Name0}","Resource":"*""#,
    ] {
        // Some are no policy by themselves, and never become templates.
        let legal = locum_policy::Policy::parse(&statement(rest), locum_policy::Kind::Identity);
        if legal.is_ok() {
            check(&statement(rest), vec![string("Name0", "x")], Err(misplaced));
        }
    }
}

#[test]
fn some_policies_nobody_is_asked_to_approve() {
    let insist = |action: &str| {
        format!(
            "A permission policy that allows {action} must insist on iam:PermissionsBoundary in the same statement."
        )
    };
    let negated = "A permission policy says what it allows: NotAction and NotResource cannot stand in a statement that allows.";
    for (rest, wanted) in [
        (r#""NotAction":"iam:*","Resource":"*""#, negated.to_owned()),
        (
            r#""Action":"s3:*","NotResource":"arn:aws:s3:::a/*""#,
            negated.to_owned(),
        ),
        (r#""Action":"*","Resource":"*""#, insist("iam:createrole")),
        (
            r#""Action":"iam:Create*","Resource":"*""#,
            insist("iam:createrole"),
        ),
        (
            r#""Action":"IAM:CreateUser","Resource":"*""#,
            insist("iam:createuser"),
        ),
        (
            r#""Action":"iam:CreateRole","Resource":"*","Condition":{"StringNotEquals":{"iam:PermissionsBoundary":"arn:aws:iam::123456789012:policy/b"}}"#,
            insist("iam:createrole"),
        ),
        (
            r#""Action":"iam:CreateRole","Resource":"*","Condition":{"StringEqualsIfExists":{"iam:PermissionsBoundary":"arn:aws:iam::123456789012:policy/b"}}"#,
            insist("iam:createrole"),
        ),
        (
            r#""Action":"iam:DeleteRolePermissionsBoundary","Resource":"*""#,
            "A permission policy cannot allow iam:deleterolepermissionsboundary.".to_owned(),
        ),
    ] {
        check(&statement(rest), Vec::new(), Err(&wanted));
    }
    let bounded = statement(
        r#""Action":"iam:CreateRole","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::123456789012:policy/b"}}"#,
    );
    check(&bounded, Vec::new(), Ok(&bounded));
    // Each pair is looked at when somebody approves.
    let actions: Vec<_> = (0..26).map(|n| format!(r#""s3:A{n}""#)).collect();
    let resources: Vec<_> = (0..20).map(|n| format!(r#""arn:aws:s3:::b{n}""#)).collect();
    let many = statement(&format!(
        r#""Action":[{}],"Resource":[{}]"#,
        actions.join(","),
        resources.join(",")
    ));
    check(
        &many,
        Vec::new(),
        Err(
            "The permission policy asks for 520 pairs of action and resource, and may ask for 500.",
        ),
    );
}

#[test]
fn what_becomes_of_the_template_later_changes_nothing() {
    let scene = scene();
    let (_, token) = scene.granted("workflow-1", &scene.admin);
    let wider = locum_identity::iam::policies::CreatePolicyVersion {
        policy_arn: n(&format!("arn:aws:iam::{}:policy/reader", scene.vendor)),
        policy_document: n(&on(r#""*""#)),
        set_as_default: true,
    };
    call(&scene.world, &scene.partner, wider).map(drop).unwrap();
    let session = Signer::from(&scene.redeem(&scene.partner, &token).unwrap().credentials);
    assert!(
        !scene
            .may(&session, "s3:GetObject", "arn:aws:s3:::secrets/x")
            .unwrap()
    );
}
