//! Account properties, and the preference for tokens of STS's global endpoint.

use crate::common::{ACCOUNT, World, fails, n};
use locum_identity::iam::account_properties::{
    GetAccountProperties, PutAccountProperties, SetSecurityTokenServicePreferences,
};

fn put(properties: &[(&str, &str)]) -> PutAccountProperties {
    let properties = properties.iter();
    PutAccountProperties {
        properties: properties.map(|(key, value)| (n(key), n(value))).collect(),
    }
}

#[track_caller]
fn enabled(world: &World, expected: &str) {
    let properties = world.root(GetAccountProperties).unwrap();
    let properties: Vec<_> = properties
        .iter()
        .map(|(key, value)| (*key, value.as_str()))
        .collect();
    assert_eq!(properties, [("RoleManager/Enabled", expected)]);
}

#[test]
fn role_manager_is_the_one_property() {
    let world = World::new();
    enabled(&world, "false");
    world.root(put(&[("RoleManager/Enabled", "true")])).unwrap();
    enabled(&world.reopened(), "true");
    world
        .root(put(&[("RoleManager/Enabled", "false")]))
        .unwrap();
    enabled(&world, "false");
}

#[test]
fn other_properties_and_values_are_refused() {
    let world = World::new();
    let refused = |properties: &[(&str, &str)], text: &str| {
        fails(world.root(put(properties)), "InvalidInput", text);
    };
    refused(&[], "Properties must not be empty");
    for key in [
        "RoleManager",
        "RoleManager/",
        "RoleManager/Enabled/",
        "RoleManager//Enabled",
        "a/b/c",
    ] {
        let text = format!("Property key must be in format Namespace/PropertyName: {key}");
        refused(&[(key, "true")], &text);
    }
    refused(
        &[("RoleManager/Enabled", "true"), ("Other/Enabled", "true")],
        "All properties must belong to the same namespace",
    );
    refused(&[("Other/Enabled", "true")], "Unsupported namespace: Other");
    refused(
        &[("rolemanager/Enabled", "true")],
        "Unsupported namespace: rolemanager",
    );
    refused(
        &[("RoleManager/Other", "true")],
        "Unsupported property: RoleManager/Other",
    );
    refused(
        &[("RoleManager/Enabled", "true"), ("RoleManager/Other", "1")],
        "Unsupported property: RoleManager/Other",
    );
    for value in ["True", "1", "yes", " true"] {
        refused(
            &[("RoleManager/Enabled", value)],
            "Enabled must be 'true' or 'false'",
        );
    }
    refused(
        &[
            ("RoleManager/Enabled", "true"),
            ("RoleManager/Enabled", "false"),
        ],
        "A property must be given once",
    );
    enabled(&world, "false");
}

#[test]
fn policies_see_the_namespace_and_the_role_that_enabling_makes() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    let allow = |namespace: &str, more: &str| {
        world.allow(
            "ann",
            &format!(
                r#"{{"Effect":"Allow","Action":["iam:GetAccountProperties","iam:PutAccountProperties"],"Resource":"*",
                "Condition":{{"ForAnyValue:StringEquals":{{"iam:AccountPropertyNamespaces":"{namespace}"}}}}}}{more}"#
            ),
        );
    };
    let on = || put(&[("RoleManager/Enabled", "true")]);
    let denied = |action: &str, resource: &str| {
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: iam:{action} on resource: {resource} because no identity-based policy allows the iam:{action} action"
        )
    };
    allow("Other", "");
    fails(
        world.call(&ann, GetAccountProperties),
        "AccessDenied",
        &denied("GetAccountProperties", "*"),
    );
    fails(
        world.call(&ann, on()),
        "AccessDenied",
        &denied("PutAccountProperties", "*"),
    );
    allow("RoleManager", "");
    world.call(&ann, GetAccountProperties).unwrap();
    world
        .call(&ann, put(&[("RoleManager/Enabled", "false")]))
        .unwrap();
    let role = format!(
        "arn:aws:iam::{ACCOUNT}:role/aws-service-role/role-manager.iam.amazonaws.com/AWSServiceRoleForIAMRoleManager"
    );
    fails(
        world.call(&ann, on()),
        "AccessDenied",
        &denied("CreateServiceLinkedRole", &role),
    );
    allow(
        "RoleManager",
        r#",{"Effect":"Allow","Action":"iam:CreateServiceLinkedRole","Resource":"*",
            "Condition":{"StringEquals":{"iam:AWSServiceName":"role-manager.iam.amazonaws.com"}}}"#,
    );
    world.call(&ann, on()).unwrap();
    enabled(&world, "true");
}

#[test]
fn settings_do_not_disturb_each_other() {
    let world = World::new();
    let prefer = |version| SetSecurityTokenServicePreferences {
        global_endpoint_token_version: version,
    };
    world.root(put(&[("RoleManager/Enabled", "true")])).unwrap();
    for version in [2, 1] {
        world.root(prefer(version)).unwrap();
        let account = world
            .caller(&world.root, "iam")
            .unwrap()
            .account()
            .unwrap()
            .clone();
        assert_eq!(
            account.settings().global_endpoint_token_version,
            Some(version)
        );
    }
    enabled(&world, "true");
}
