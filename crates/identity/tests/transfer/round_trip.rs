//! An account that is exported and imported is the same account.

use crate::common::{World, n, ready};
use crate::support::{OLD, allowing, counts, dump, group, policy, role, user};
use locum_identity::entity::{
    AccountSettings, EksCluster, EntityKind, OpenIdConnectProvider, PasswordPolicy,
    ProviderSettings,
};
use locum_identity::transfer::{Details, Import, Options};
use proptest::prelude::*;
use serde_json::{Value, json};

/// An export without what is made anew: unique ids.
fn without_ids(mut export: Value) -> Value {
    fn walk(value: &mut Value) {
        match value {
            Value::Object(members) => {
                members.retain(|key, _| {
                    ![
                        "UserId",
                        "GroupId",
                        "RoleId",
                        "PolicyId",
                        "InstanceProfileId",
                        "LeftOut",
                    ]
                    .contains(&key.as_str())
                });
                members.values_mut().for_each(walk);
            }
            Value::Array(items) => items.iter_mut().for_each(walk),
            _ => {}
        }
    }
    walk(&mut export);
    export
}

/// What another realm makes of an export.
fn again(world: &World) -> World {
    let other = World::new();
    let exported = serde_json::to_string_pretty(&world.exported()).unwrap();
    let mut details = Details::default();
    details.read(&exported).unwrap();
    let report = other.import(&Import::account(details).unwrap(), &Options::default());
    assert!(
        !report.is_refused(),
        "{:?}",
        crate::support::reasons(&report)
    );
    other
}

impl World {
    fn exported(&self) -> Details {
        ready(self.realm.export(n(crate::common::ACCOUNT))).unwrap()
    }
}

fn names() -> impl Strategy<Value = Vec<String>> {
    prop::collection::btree_set("[a-z][a-z0-9+=,.@_-]{0,8}", 0..5)
        .prop_map(|names| names.into_iter().collect())
}

fn path() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("/".to_owned()),
        "/[a-z]{1,4}/",
        "/[a-z]{1,4}/[a-z]{1,4}/"
    ]
}

prop_compose! {
    fn account()(
        users in names(), groups in names(), roles in names(), policies in names(),
        paths in prop::collection::vec(path(), 20),
        choices in prop::collection::vec(any::<u8>(), 60),
    ) -> Value {
        let mut choices = choices.into_iter().cycle();
        let mut choose = |count: usize| usize::from(choices.next().unwrap()) % count.max(1);
        let mut paths = paths.into_iter().cycle();
        let mut arns = Vec::new();
        dump(|dump| {
            for name in &policies {
                let mut one = policy(name, &allowing("s3:Get*", "arn:aws:s3:::b\u{e9}/*"));
                let path = paths.next().unwrap();
                let arn = format!("arn:aws:iam::{OLD}:policy{path}{name}");
                one["Path"] = json!(path);
                one["Arn"] = json!(arn);
                if choose(2) == 0 {
                    let older = json!({"Document": allowing("*", "*"), "VersionId": "v7",
                        "IsDefaultVersion": false, "CreateDate": "2019-01-01T00:00:00Z"});
                    one["PolicyVersionList"].as_array_mut().unwrap().push(older);
                    one["Description"] = json!("for \u{e9}");
                }
                arns.push(arn);
                dump["Policies"].as_array_mut().unwrap().push(one);
            }
            let mut hang = |holder: &mut Value, inline: &str| {
                holder["Path"] = json!(paths.next().unwrap());
                if !arns.is_empty() && choose(2) == 0 {
                    let arn = &arns[choose(arns.len())];
                    holder["AttachedManagedPolicies"] = crate::support::attached(arn);
                    if inline != "GroupPolicyList" {
                        holder["PermissionsBoundary"] = json!({"PermissionsBoundaryArn": arn});
                    }
                }
                if choose(2) == 0 {
                    holder[inline] = json!([{"PolicyName": "in.line",
                        "PolicyDocument": allowing("sts:AssumeRole", "*")}]);
                }
                choose(3)
            };
            for name in &groups {
                let mut one = group(name);
                hang(&mut one, "GroupPolicyList");
                dump["GroupDetailList"].as_array_mut().unwrap().push(one);
            }
            for name in &users {
                let mut one = user(name);
                let count = hang(&mut one, "UserPolicyList");
                one["GroupList"] = json!(groups.iter().rev().take(count).collect::<Vec<_>>());
                one["Tags"] = json!([{"Key": "k", "Value": "v"}]);
                dump["UserDetailList"].as_array_mut().unwrap().push(one);
            }
            for (place, name) in roles.iter().enumerate() {
                let mut one = role(name, &json!({"AWS": OLD, "Service": "ec2.amazonaws.com"}));
                hang(&mut one, "RolePolicyList");
                if place % 2 == 0 {
                    one["InstanceProfileList"] = json!([{"Path": "/", "InstanceProfileName": name}]);
                }
                dump["RoleDetailList"].as_array_mut().unwrap().push(one);
            }
        })
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn exported_and_imported_is_the_same(dump in account()) {
        let world = World::new();
        world.imported(&dump);
        let other = again(&world);
        prop_assert_eq!(without_ids(world.export()), without_ids(other.export()));
        // And once more in the same realm, nothing changes.
        let before = other.feed();
        let report = other.import(&Import::account(world.exported()).unwrap(), &Options::default());
        prop_assert_eq!(report.is_refused(), false);
        prop_assert_eq!(counts(&report)[0] + counts(&report)[1], 0);
        prop_assert_eq!(other.feed(), before);
    }
}

#[test]
fn kinds_without_secrets_come_along() {
    let world = World::new();
    world.put(PasswordPolicy {
        minimum_length: 20,
        require_symbols: true,
        require_numbers: false,
        require_uppercase: true,
        require_lowercase: false,
        allow_users_to_change: true,
        max_age: Some(90),
        reuse_prevention: None,
        hard_expiry: None,
    });
    world.put(OpenIdConnectProvider {
        url: "issuer.example".to_owned(),
        client_ids: vec!["a".to_owned()],
        thumbprints: vec!["0".repeat(40)],
        created: 1_700_000_000,
        tags: Vec::new(),
    });
    let mut settings = AccountSettings::default();
    settings.quotas.insert("RolesPerAccount".to_owned(), 7000);
    world.put(settings);
    let other = again(&world);
    assert_eq!(without_ids(world.export()), without_ids(other.export()));
    let account = other.account();
    assert_eq!(account.password_policy().unwrap().max_age, Some(90));
    assert!(
        account
            .open_id_connect_providers
            .contains_key("issuer.example")
    );
    assert_eq!(account.settings().quotas["RolesPerAccount"], 7000);
}

#[test]
fn secrets_do_not() {
    let world = World::new();
    let key = world.user_with_key("alice");
    let export = world.export();
    assert_eq!(export["Locum"]["LeftOut"], json!({"access-key": 2}));
    let text = export.to_string();
    assert!(!text.contains(&key.secret) && !text.contains(&key.id) && !text.contains("secret"));
}

#[test]
fn what_operators_say_does_not_and_is_counted() {
    let world = World::new();
    world.put(ProviderSettings::of(&format!(
        "arn:aws:iam::{}:oidc-provider/issuer.example",
        crate::common::ACCOUNT
    )));
    world.put(EksCluster {
        region: "us-east-1".to_owned(),
        name: n("prod"),
        created: 1_700_000_000,
        issuer: "https://cluster.example".to_owned(),
        endpoint: None,
        tags: Vec::new(),
    });
    let left_out = &world.export()["Locum"]["LeftOut"];
    for kind in [EntityKind::ProviderSettings, EntityKind::EksCluster] {
        assert_eq!(left_out[kind.as_str()], json!(1));
    }
}

#[test]
fn a_role_keeps_what_it_may_beyond_aws() {
    let world = World::new();
    let mut dumped = role("long", &json!({"AWS": "*"}));
    dumped["MaxSessionDuration"] = json!(7200);
    dumped["Description"] = json!("long sessions");
    world.imported(&dump(|dump| dump["RoleDetailList"] = json!([dumped])));
    let tag = locum_identity::iam::roles::TagRole {
        resource: n("long"),
        tags: vec![locum_identity::names::Tag {
            key: n("locum:MaxSessionDuration"),
            value: n("86400"),
        }],
    };
    world.root(tag).unwrap();
    let other = again(&world);
    let role = other.account().roles.named("long").unwrap().role.clone();
    assert_eq!(
        role.limits,
        world.account().roles.named("long").unwrap().role.limits
    );
    assert!(!role.limits.is_aws());
    assert_eq!(role.max_session_duration.seconds(), 7200);
    assert_eq!(role.description.unwrap().as_str(), "long sessions");
}

#[test]
fn a_principal_that_was_deleted_stays_deleted() {
    let world = World::new();
    world.user("gone");
    world.imported(&dump(|dump| {
        let principal = json!({"AWS": format!("arn:aws:iam::{OLD}:user/gone")});
        dump["RoleDetailList"] = json!([role("trusting", &principal)]);
    }));
    let id = world.account().users.named("gone").unwrap().user.id.clone();
    world
        .root(locum_identity::iam::users::DeleteUser {
            user_name: n("gone"),
        })
        .unwrap();
    let other = again(&world);
    other.user("gone");
    let trust = other
        .account()
        .roles
        .named("trusting")
        .unwrap()
        .role
        .trust_policy
        .clone();
    assert!(trust.contains(id.as_str()), "{trust}");
    assert_ne!(other.account().users.named("gone").unwrap().user.id, id);
}
