//! Role templates.

use crate::common::{World, fails, n, ready};
use crate::support::{LIST, pairs};
use locum_identity::error::Error;
use locum_identity::iam::role_templates::{AcquireRole, GetRoleTemplateVersion};
use locum_identity::iam::roles::{GetRole, ShownRole};
use locum_identity::quotas::AccountQuota;
use locum_identity::realm::RoleTemplateFault;
use serde_json::{Value, json};

const ARN: &str = "arn:aws:iam::aws:role-template/reader";

fn template() -> Value {
    json!({
        "TemplateArn": ARN,
        "TemplateName": "reader",
        "Description": "Reads buckets",
        "MajorVersion": 1,
        "DefaultMinorVersion": 1,
        "ManagedByType": "Service",
        "ManagedByValue": "lake.amazonaws.com",
        "MinorVersion": 1,
        "RoleNamePattern": "Reader-@{Team}",
        "RolePathPattern": "/lake/@{Team}/",
        "RoleDescriptionPattern": "reads for @{Team}",
        "AssumeRolePolicyDocumentTemplate": {"Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": {"AWS": "@{Trusted}"}, "Action": "sts:AssumeRole",
        }]},
        "InlinePolicyTemplates": [{"PolicyName": "read", "PolicyDocument": {
            "Version": "2012-10-17", "Statement": [{
                "Effect": "Allow", "Action": "s3:GetObject",
                "Resource": ["arn:aws:s3:::@{Buckets}/*", "arn:aws:s3:::common/@{Team}"],
                "Condition": {"NumericLessThan": {"s3:max-keys": "@{Most}"}},
            }],
        }}],
        "ManagedPolicyArns": ["arn:aws:iam::aws:policy/IAMReadOnlyAccess"],
        "PermissionBoundaryArn": "arn:aws:iam::aws:policy/ReadOnlyAccess",
        "ParametersDefinition": [
            {"Name": "Team", "Type": "String", "IsRequired": true, "Immutable": true},
            {"Name": "Buckets", "Type": "StringList", "IsRequired": true},
            {"Name": "Trusted", "Type": "Arn", "DefaultValue": "arn:aws:iam::123456789012:root"},
            {"Name": "Most", "Type": "Number", "DefaultValue": "10"},
        ],
        "RoleTagsTemplate": [{"Key": "team", "Value": "@{Team}"}],
        "MaxSessionDuration": 7200,
        "VersionEnabled": true,
    })
}

fn with(member: &str, value: Value) -> Value {
    let mut template = template();
    template[member] = value;
    template
}

fn import(world: &World, template: &Value) -> Result<(), RoleTemplateFault> {
    ready(world.realm.import_role_template(&template.to_string()))
        .unwrap()
        .map(drop)
}

fn acquire(values: &[(&str, &[&str])]) -> AcquireRole {
    let owned = |texts: &[&str]| texts.iter().map(|it| (*it).to_owned()).collect();
    AcquireRole {
        template_arn: n(ARN),
        template_minor_version: None,
        replacement_values: values
            .iter()
            .map(|(name, texts)| ((*name).to_owned(), owned(texts)))
            .collect(),
    }
}

const FULL: &[(&str, &[&str])] = &[("Team", &["blue"]), ("Buckets", &["one", "two"])];

fn world() -> World {
    let world = World::new();
    import(&world, &template()).unwrap();
    world
}

fn document(shown: &ShownRole) -> Value {
    let inline = &shown.role.policies.inline["read"];
    serde_json::from_str(&inline.document).unwrap()
}

#[test]
fn a_role_is_made_as_the_template_says() {
    let world = world();
    let made = world.root(acquire(FULL)).unwrap();
    assert_eq!(
        made.arn,
        "arn:aws:iam::123456789012:role/lake/blue/Reader-blue"
    );
    let role = &made.role;
    assert_eq!(role.description, Some(n("reads for blue")));
    assert_eq!(role.max_session_duration.seconds(), 7200);
    assert_eq!(pairs(&role.tags), [("team", "blue")]);
    assert_eq!(
        role.permissions_boundary.as_deref(),
        Some("arn:aws:iam::aws:policy/ReadOnlyAccess")
    );
    assert_eq!(
        role.policies.attached,
        ["arn:aws:iam::aws:policy/IAMReadOnlyAccess"]
    );
    let statement = &document(&made)["Statement"][0];
    assert_eq!(
        statement["Resource"],
        json!([
            "arn:aws:s3:::one/*",
            "arn:aws:s3:::two/*",
            "arn:aws:s3:::common/blue"
        ])
    );
    assert_eq!(
        statement["Condition"]["NumericLessThan"]["s3:max-keys"],
        "10"
    );
    let trust: Value = serde_json::from_str(&made.assume_role_policy_document).unwrap();
    assert_eq!(
        trust["Statement"][0]["Principal"]["AWS"],
        "arn:aws:iam::123456789012:root"
    );
    let source = role.source.as_ref().unwrap();
    assert_eq!((source.arn.as_str(), source.minor_version), (ARN, 1));
    let got = world.reopened().root(GetRole {
        role_name: n("reader-BLUE"),
    });
    assert_eq!(got.unwrap().role, made.role);

    fails(
        world.root(acquire(FULL)),
        "Iam",
        "The role name Reader-blue conflicts with an existing role in the account.",
    );
}

#[test]
fn values_are_what_their_parameters_take() {
    let world = world();
    let refused = |values: &[(&str, &[&str])], message: &str| {
        fails(world.root(acquire(values)), "InvalidInput", message);
    };
    refused(&[("Team", &["blue"])], "The parameter Buckets is required.");
    refused(
        &[FULL[0], FULL[1], ("Other", &["x"])],
        "The role template has no parameter Other.",
    );
    refused(
        &[FULL[0], FULL[1], FULL[0]],
        "The parameter Team is given twice.",
    );
    refused(
        &[("Team", &["a", "b"]), FULL[1]],
        "The parameter Team does not have as many values as its type String takes.",
    );
    refused(
        &[FULL[0], ("Buckets", &["b"; 21])],
        "The parameter Buckets does not have as many values as its type StringList takes.",
    );
    for number in ["", "x", "1e3", "-", "1.", "0x1", "1 "] {
        refused(
            &[FULL[0], FULL[1], ("Most", &[number])],
            "A value of the parameter Most is not of its type Number.",
        );
    }
    refused(
        &[FULL[0], FULL[1], ("Trusted", &["root"])],
        "A value of the parameter Trusted is not of its type Arn.",
    );
    refused(
        &[("Team", &["no role/name"]), FULL[1]],
        "The role template's Reader-@{Team} cannot be filled with these replacement values.",
    );
    fails(
        world.root(acquire(&[
            FULL[0],
            FULL[1],
            ("Trusted", &["arn:aws:iam::123456789012:user/nobody"]),
        ])),
        "MalformedPolicyDocument",
        r#"Invalid principal in policy: "AWS":"arn:aws:iam::123456789012:user/nobody""#,
    );
}

/// Who chooses a value chooses a text, and nothing about the policy around it.
#[test]
fn no_value_breaks_out_of_its_text() {
    for hostile in [
        r#"x"],"Action":"*","Resource":["*"#,
        r#"x\"],"Effect":"Allow"#,
        "@{Team}",
        "@{Buckets}",
        "x\\",
        "\u{e9}",
    ] {
        let world = world();
        let made = world.root(acquire(&[FULL[0], ("Buckets", &[hostile])]));
        let document = document(&made.unwrap());
        let statement = &document["Statement"][0];
        assert_eq!(document["Statement"].as_array().unwrap().len(), 1);
        assert_eq!(statement["Action"], "s3:GetObject");
        assert_eq!(statement["Effect"], "Allow");
        assert_eq!(
            statement["Resource"],
            json!([
                format!("arn:aws:s3:::{hostile}/*"),
                "arn:aws:s3:::common/blue"
            ])
        );
    }
    let world = world();
    for control in ["a\nb", "a\u{0}", "\u{85}"] {
        fails(
            world.root(acquire(&[FULL[0], ("Buckets", &[control])])),
            "InvalidInput",
            "A value of the parameter Buckets is not of its type StringList.",
        );
    }
    fails(
        world.root(acquire(&[FULL[0], ("Buckets", &["\u{4e00}"])])),
        "MalformedPolicyDocument",
        "The policy has characters that no policy can have, or is too long.",
    );
    // A path that only AWS uses is not reached by a value either.
    import(&world, &with("RolePathPattern", json!("/@{Team}/"))).unwrap();
    fails(
        world.root(acquire(&[("Team", &["aws-service-role"]), FULL[1]])),
        "InvalidInput",
        "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles",
    );
}

#[test]
fn lists_do_not_multiply_without_end() {
    let world = World::new();
    let policies = json!([{"PolicyName": "p", "PolicyDocument": {"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::@{Buckets}@{Buckets}@{Buckets}@{Buckets}@{Buckets}@{Buckets}",
    }]}}]);
    import(&world, &with("InlinePolicyTemplates", policies)).unwrap();
    fails(
        world.root(acquire(&[FULL[0], ("Buckets", &["b"; 20])])),
        "InvalidInput",
        "The replacement values are too many or too long together.",
    );
}

#[test]
fn a_template_is_no_way_around_what_a_role_needs() {
    let world = world();
    let ann = world.user_with_key("ann");
    let role = "arn:aws:iam::123456789012:role/lake/blue/Reader-blue";
    let needs = [
        ("iam:AcquireRole", ARN),
        ("iam:CreateRole", role),
        ("iam:TagRole", role),
        ("iam:PutRolePolicy", role),
        ("iam:PutRolePermissionsBoundary", role),
        ("iam:AttachRolePolicy", role),
    ];
    let mut allowed = String::new();
    for (action, resource) in needs {
        fails(
            world.call(&ann, acquire(FULL)),
            "AccessDenied",
            &format!(
                "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: {action} on resource: {resource} because no identity-based policy allows the {action} action"
            ),
        );
        if !allowed.is_empty() {
            allowed.push(',');
        }
        // No policy can name a template's ARN as a resource; a condition can.
        let on = match resource {
            ARN => format!(
                r#""Resource":"*","Condition":{{"ArnEquals":{{"iam:TemplateArn":"{ARN}"}}}}"#
            ),
            role => format!(r#""Resource":"{role}""#),
        };
        allowed.push_str(&format!(r#"{{"Effect":"Allow","Action":"{action}",{on}}}"#));
        world.allow("ann", &allowed);
    }
    world.call(&ann, acquire(FULL)).unwrap();
}

#[test]
fn conditions_see_what_the_template_gives() {
    let world = world();
    let ann = world.user_with_key("ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"},
           {"Effect":"Deny","Action":"iam:AttachRolePolicy","Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"arn:aws:iam::aws:policy/IAMReadOnlyAccess"}}}"#,
    );
    let denied = |action: &str| {
        let result = world.call(&ann, acquire(FULL));
        let Err(Error::AccessDenied(denied)) = result else {
            panic!("{action} was not denied")
        };
        assert!(denied.to_string().contains(action), "{denied}");
    };
    denied("iam:AttachRolePolicy");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:*","Resource":"*"},
           {"Effect":"Deny","Action":"iam:CreateRole","Resource":"*","Condition":{"StringNotEquals":{"aws:RequestTag/team":"red"}}}"#,
    );
    denied("iam:CreateRole");
    // What is done to a role that exists sees the tags that it would have by then.
    for action in [
        "iam:PutRolePolicy",
        "iam:PutRolePermissionsBoundary",
        "iam:AttachRolePolicy",
    ] {
        for key in ["aws:ResourceTag/team", "iam:ResourceTag/team"] {
            world.allow(
                "ann",
                &format!(
                    r#"{{"Effect":"Allow","Action":"iam:*","Resource":"*"}},
                       {{"Effect":"Deny","Action":"{action}","Resource":"*","Condition":{{"StringEquals":{{"{key}":"blue"}}}}}}"#
                ),
            );
            denied(action);
        }
    }
}

#[test]
fn what_is_disabled_or_not_there_makes_no_role() {
    let world = World::new();
    let get = |minor| GetRoleTemplateVersion {
        template_arn: n(ARN),
        minor_version: minor,
    };
    let missing = format!("The role template {ARN} cannot be found.");
    fails(world.root(get(None)), "NoSuchEntity", &missing);
    fails(world.root(acquire(FULL)), "NoSuchEntity", &missing);
    import(&world, &template()).unwrap();
    let missing = format!("The role template {ARN} version 2 cannot be found.");
    fails(world.root(get(Some(2))), "NoSuchEntity", &missing);
    let second = AcquireRole {
        template_minor_version: Some(2),
        ..acquire(FULL)
    };
    fails(world.root(second.clone()), "NoSuchEntity", &missing);

    let disabled = format!("The role template {ARN} is disabled.");
    let mut next = with("VersionEnabled", json!(false));
    next["MinorVersion"] = json!(2);
    import(&world, &next).unwrap();
    fails(world.root(second), "Iam", &disabled);
    world.root(acquire(FULL)).unwrap();
    let got = world.root(get(Some(2))).unwrap();
    assert_eq!(
        (got.version.minor_version, got.template.versions.len()),
        (2, 2)
    );
    import(&world, &with("Enabled", json!(false))).unwrap();
    fails(world.root(acquire(FULL)), "Iam", &disabled);
}

#[test]
fn quotas_hold_for_roles_of_templates() {
    let set = |quota, value| {
        let world = world();
        ready(world.realm.set_quota(n("123456789012"), quota, value))
            .unwrap()
            .unwrap();
        world.root(acquire(FULL))
    };
    fails(
        set(AccountQuota::RolesPerAccount, 0),
        "LimitExceeded",
        "Cannot exceed quota for RolesPerAccount: 0",
    );
    fails(
        set(AccountQuota::PoliciesPerRole, 0),
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerRole: 0",
    );
    fails(
        set(AccountQuota::RolePolicySize, 100),
        "LimitExceeded",
        "Maximum policy size of 100 bytes exceeded for role Reader-blue",
    );
    fails(
        set(AccountQuota::ACLSizePerRole, 100),
        "LimitExceeded",
        "Cannot exceed quota for ACLSizePerRole: 100",
    );
}

#[test]
fn a_template_that_cannot_be_is_not_loaded() {
    let world = World::new();
    let refused = |template: &Value, why: &str| {
        assert_eq!(import(&world, template).unwrap_err().to_string(), why);
    };
    let prefix = "The ARN of a role template must begin with arn:aws:iam::aws:role-template/";
    for arn in [
        "arn:aws:iam::123456789012:role-template/x",
        "arn:aws:iam::aws:role-template/",
        "arn:aws:iam::aws:role-template/a b",
    ] {
        refused(&with("TemplateArn", json!(arn)), prefix);
    }
    let unknown = "The role template has no parameter Nothing.";
    for member in [
        "RoleNamePattern",
        "RolePathPattern",
        "RoleDescriptionPattern",
    ] {
        refused(&with(member, json!("/@{Nothing}/")), unknown);
    }
    refused(
        &with("RoleNamePattern", json!("@{Buckets}")),
        "The parameter Buckets is a list, and can stand in policies only.",
    );
    refused(
        &with("RoleNamePattern", json!("@{Team")),
        "A placeholder of the role template has no end.",
    );
    refused(
        &with("AssumeRolePolicyDocumentTemplate", json!("{@{Team}}")),
        "A policy document of the role template is not valid JSON.",
    );
    // Two members could become one, and a condition be lost.
    let keyed = json!({"Version": "2012-10-17", "Statement": [{"Condition": {"StringEquals": {"aws:@{Team}": "x"}}}]});
    refused(
        &with("AssumeRolePolicyDocumentTemplate", keyed),
        "Parameters cannot stand in the name of a member of a policy document: aws:@{Team}",
    );
    refused(
        &with("DefaultMinorVersion", json!(7)),
        "the default minor version 7 is not there: import it first",
    );
    let twice = json!([{"Name": "Team", "Type": "String"}, {"Name": "Team", "Type": "Number"}]);
    refused(
        &with("ParametersDefinition", twice),
        "The parameter Team is defined twice, or cannot be called that.",
    );
    assert!(matches!(
        import(&world, &with("RoleNamePattern", Value::Null)),
        Err(RoleTemplateFault::Unreadable(_))
    ));
    assert!(world.realm.role_templates().is_empty());

    // The answer as it comes, with its envelope and with documents as text.
    let text = with("AssumeRolePolicyDocumentTemplate", json!(LIST));
    import(&world, &json!({"RoleTemplateVersion": text})).unwrap();
    assert_eq!(world.realm.role_templates().len(), 1);
    let remove = || ready(world.realm.remove_role_template(ARN)).unwrap();
    remove().unwrap();
    assert_eq!(remove(), Err(RoleTemplateFault::Unknown));
    assert!(world.reopened().realm.role_templates().is_empty());
}
