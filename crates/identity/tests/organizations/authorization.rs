//! Who may call what: ARNs, condition keys, and the management account alone.

use crate::common::{ACCOUNT, World, n};
use crate::support::{FULL, RCP, SCP, denied, document, everything, root_of, statement, tag};
use locum_identity::error::Error;
use locum_identity::organizations::{
    AttachPolicy, CreateOrganizationalUnit, CreatePolicy, DeletePolicy, DescribeAccount,
    DescribeOrganization, DescribePolicy, ListAccounts, ListPolicies, ListRoots,
    ListTagsForResource, MoveAccount, TagResource, UntagResource,
};

const NO_ALLOW: &str = "because no identity-based policy allows the organizations:";

fn ann(world: &World, statements: &[String]) -> String {
    world.user_of(n(ACCOUNT), "ann", &statements.join(","))
}

fn allow(action: &str, resource: &str, condition: &str) -> String {
    format!(
        r#"{{"Effect":"Allow","Action":"organizations:{action}","Resource":"{resource}"{condition}}}"#
    )
}

#[test]
fn attaching_needs_the_policy_and_the_target() {
    let world = World::new();
    let organization = world.realm.directory().organization.clone().unwrap();
    let arn = |rest: &str| organization.arn(rest);
    let (id, root) = (&organization.id, world.root_id());
    world.enable(SCP);
    let unit = world.unit(&root, "unit");
    let one = world.control(SCP, "one", &document(&statement("Deny", "s3:*")));
    let policy_arn = arn(&format!("policy/{id}/service_control_policy/{one}"));
    let unit_arn = arn(&format!("ou/{id}/{unit}"));
    let by_type =
        r#","Condition":{"StringEquals":{"organizations:PolicyType":"SERVICE_CONTROL_POLICY"}}"#;
    let ann = ann(
        &world,
        &[
            allow("AttachPolicy", &policy_arn, by_type),
            allow("AttachPolicy", &unit_arn, by_type),
        ],
    );
    let attach = |policy: &str, target: &str| {
        world.call_as(
            &ann,
            AttachPolicy {
                policy_id: n(policy),
                target_id: n(target),
            },
        )
    };
    attach(&one, &unit).unwrap();
    let sentence = |resource: &str| {
        format!("organizations:AttachPolicy on resource: {resource} {NO_ALLOW}AttachPolicy action")
    };
    denied(
        attach(&one, &root),
        &sentence(&arn(&format!("root/{id}/{root}"))),
    );
    denied(
        attach(&one, ACCOUNT),
        &sentence(&arn(&format!("account/{id}/{ACCOUNT}"))),
    );
    denied(
        attach(FULL, &unit),
        &sentence("arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess"),
    );
    denied(attach("p-aaaaaaaaaa", &unit), &sentence("*"));
}

#[test]
fn the_type_of_a_policy_is_a_condition_key() {
    let world = World::new();
    let rcp = world.control(
        RCP,
        "one",
        &document(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#),
    );
    let only =
        r#","Condition":{"StringEquals":{"organizations:PolicyType":"SERVICE_CONTROL_POLICY"}}"#;
    let ann = ann(&world, &[allow("*", "*", only)]);
    let describe = |id: &str| world.call_as(&ann, DescribePolicy { policy_id: n(id) });
    describe(FULL).unwrap();
    denied(describe(&rcp), "DescribePolicy action");
    let list = |policy_type: &str| {
        world.call_as(
            &ann,
            ListPolicies {
                policy_type: n(policy_type),
                page: everything(),
            },
        )
    };
    list(SCP).unwrap();
    denied(list(RCP), "ListPolicies action");
    let create = |policy_type: &str| {
        world.call_as(
            &ann,
            CreatePolicy {
                name: n("x"),
                description: n(""),
                policy_type: n(policy_type),
                content: n(&document(&statement("Deny", "s3:*"))),
                tags: Vec::new(),
            },
        )
    };
    denied(create(RCP), "CreatePolicy action");
    let made = create(SCP).unwrap().state.policy.id.clone();
    let delete = |id: &str| world.call_as(&ann, DeletePolicy { policy_id: n(id) });
    denied(delete(&rcp), "DeletePolicy action");
    delete(&made).unwrap();
}

#[test]
fn tags_are_condition_keys() {
    let world = World::new();
    let root = world.root_id();
    let team = r#","Condition":{"StringEquals":{"aws:RequestTag/team":"a"}}"#;
    let owned = r#","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}"#;
    let keys = r#","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["team"]}}"#;
    let ann = ann(
        &world,
        &[
            allow("CreateOrganizationalUnit", "*", team),
            allow("TagResource", "*", team),
            allow("UntagResource", "*", keys),
            allow("DescribeAccount", "*", owned),
        ],
    );
    let create = |value: &str| {
        world.call_as(
            &ann,
            CreateOrganizationalUnit {
                parent_id: n(&root),
                name: n("x"),
                tags: vec![tag("team", value)],
            },
        )
    };
    denied(create("b"), "CreateOrganizationalUnit action");
    let unit = create("a").unwrap().unit.id;
    let set = |value: &str| {
        world.call_as(
            &ann,
            TagResource {
                resource_id: n(ACCOUNT),
                tags: vec![tag("team", value)],
            },
        )
    };
    let describe = || {
        world.call_as(
            &ann,
            DescribeAccount {
                account_id: n(ACCOUNT),
            },
        )
    };
    denied(describe(), "DescribeAccount action");
    denied(set("b"), "TagResource action");
    set("a").unwrap();
    describe().unwrap();
    let unset = |key: &str| {
        world.call_as(
            &ann,
            UntagResource {
                resource_id: n(&unit),
                tag_keys: vec![n(key)],
            },
        )
    };
    denied(unset("other"), "UntagResource action");
    unset("team").unwrap();
}

/// Making something with tags needs TagResource too.
#[test]
fn tagging_on_the_way_needs_its_own_permission() {
    let world = World::new();
    let ann = ann(&world, &[allow("CreateOrganizationalUnit", "*", "")]);
    let create = |tags| {
        world.call_as(
            &ann,
            CreateOrganizationalUnit {
                parent_id: n(&world.root_id()),
                name: n("x"),
                tags,
            },
        )
    };
    denied(
        create(vec![tag("a", "b")]),
        "organizations:TagResource on resource: * because no identity-based policy allows the organizations:TagResource action",
    );
    create(Vec::new()).unwrap();
}

#[test]
fn moving_needs_the_account_and_both_parents() {
    let world = World::new();
    let organization = world.realm.directory().organization.clone().unwrap();
    let root = world.root_id();
    let unit = world.unit(&root, "unit");
    let member = world.member("member");
    let id = &organization.id;
    let arns = [
        organization.arn(&format!("account/{id}/{member}")),
        organization.arn(&format!("root/{id}/{root}")),
        organization.arn(&format!("ou/{id}/{unit}")),
    ];
    for missing in 0..3 {
        let others = arns.iter().enumerate().filter(|(at, _)| *at != missing);
        let statements: Vec<_> = others
            .map(|(_, arn)| allow("MoveAccount", arn, ""))
            .collect();
        let user = world.user_of(n(ACCOUNT), &format!("u{missing}"), &statements.join(","));
        let moved = world.call_as(
            &user,
            MoveAccount {
                account_id: member,
                source: n(&root),
                destination: n(&unit),
            },
        );
        denied(
            moved,
            &format!(
                "on resource: {} {NO_ALLOW}MoveAccount action",
                arns[missing]
            ),
        );
    }
}

#[test]
fn a_member_may_know_its_organization_and_no_more() {
    let world = World::new();
    let member = root_of(world.member("member"));
    world.call_as(&member, DescribeOrganization).unwrap();
    for result in [
        world
            .call_as(&member, ListAccounts { page: everything() })
            .map(drop),
        world
            .call_as(&member, ListRoots { page: everything() })
            .map(drop),
        world.call_as(
            &member,
            AttachPolicy {
                policy_id: n(FULL),
                target_id: n(ACCOUNT),
            },
        ),
    ] {
        assert!(matches!(result, Err(Error::NotManagementAccount)));
    }
}

/// The policies of a member account ask questions by their conditions, and the refusal answers them.
#[test]
fn a_member_learns_nothing_by_its_own_policies() {
    let world = World::new();
    let (one, other) = (world.member("one"), world.member("other"));
    let unit = world.unit(&world.root_id(), "unit");
    let scp = world.control(SCP, "x", &document(&statement("Deny", "s3:*")));
    for id in [other.as_str(), &unit, &scp] {
        let tags = vec![tag("plan", "secret")];
        let resource_id = n(id);
        world.root(TagResource { resource_id, tags }).unwrap();
    }
    let asks = [
        r#","Condition":{"StringLike":{"aws:ResourceTag/plan":"*"}}"#,
        r#","Condition":{"StringLike":{"organizations:PolicyType":"*"}}"#,
        r#","Condition":{"Null":{"organizations:PolicyType":"true","aws:ResourceTag/plan":"true"}}"#,
    ];
    for (number, (condition, permitted)) in asks.iter().zip([false, false, true]).enumerate() {
        let statement = allow("*", "*", condition);
        let spy = world.user_of(one, &format!("spy{number}"), &statement);
        let policy = |id: &str| {
            world
                .call_as(&spy, DescribePolicy { policy_id: n(id) })
                .err()
        };
        let tags = |id: &str| {
            let resource_id = n(id);
            let page = everything();
            let list = ListTagsForResource { resource_id, page };
            world.call_as(&spy, list).err()
        };
        let delete = |id: &str| world.call_as(&spy, DeletePolicy { policy_id: n(id) }).err();
        let attach = |policy: &str, target: &str| {
            let (policy_id, target_id) = (n(policy), n(target));
            let attach = AttachPolicy {
                policy_id,
                target_id,
            };
            world.call_as(&spy, attach).err()
        };
        let absent = "p-aaaaaaaaaa";
        for refusal in [
            policy(&scp),
            policy(absent),
            delete(&scp),
            delete(absent),
            tags(&scp),
            tags(&unit),
            tags(other.as_str()),
            tags("999999999999"),
            attach(&scp, &unit),
            attach(absent, "ou-aaaa-aaaaaaaa"),
        ] {
            match refusal {
                Some(Error::NotManagementAccount) => assert!(permitted, "{condition}"),
                Some(Error::AccessDenied(denied)) => {
                    assert!(!permitted, "{denied}");
                    assert!(
                        !denied.to_string().contains("service_control_policy"),
                        "{denied}"
                    );
                }
                other => panic!("{other:?}"),
            }
        }
    }
}

/// What is changed is what was authorized: a decision made before a change of the realm is made
/// again.
#[test]
fn a_decision_is_made_again_on_the_fresh_realm() {
    let world = World::new();
    let owned = r#","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}"#;
    let ann = ann(&world, &[allow("TagResource", "*", owned)]);
    let set = |world: &World, value: &str| {
        world.root(TagResource {
            resource_id: n(ACCOUNT),
            tags: vec![tag("team", value)],
        })
    };
    set(&world, "a").unwrap();
    let early = world.caller_of(&ann);
    let operation = TagResource {
        resource_id: n(ACCOUNT),
        tags: vec![tag("x", "y")],
    };
    set(&world, "b").unwrap();
    let facts = world.facts();
    let call = world.realm.call(&early, &facts, operation.clone());
    denied(crate::common::ready(call), "TagResource action");
    // Another node took the tag away: the decision is made again after the lost race.
    set(&world, "a").unwrap();
    let other = world.reopened();
    set(&world, "b").unwrap();
    denied(other.call_as(&ann, operation), "TagResource action");
}
