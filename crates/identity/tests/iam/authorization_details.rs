//! GetAccountAuthorizationDetails.

use crate::common::{ACCOUNT, START, World, n};
use crate::support::{LIST, READ, pairs, tag};
use locum_identity::entity::InstanceProfile;
use locum_identity::iam::PageRequest;
use locum_identity::iam::attachments::{AttachGroupPolicy, AttachRolePolicy, AttachUserPolicy};
use locum_identity::iam::authorization_details::{
    AuthorizationDetail, GetAccountAuthorizationDetails, GroupDetail, HeldPolicies, PolicyDetail,
    RoleDetail, UserDetail,
};
use locum_identity::iam::groups::{AddUserToGroup, CreateGroup};
use locum_identity::iam::policies::{CreatePolicyVersion, DeletePolicy};
use locum_identity::iam::roles::{DeleteRole, PutRolePermissionsBoundary};
use locum_identity::iam::users::{DeleteUser, TagUser};
use locum_identity::ids::{IdKind, UniqueId};
use locum_identity::names::EntityType;

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
const POWER_USER: &str = "arn:aws:iam::aws:policy/PowerUserAccess";

fn group(world: &World, name: &str) {
    let created = world.root(CreateGroup {
        group_name: n(name),
        path: None,
    });
    created.unwrap();
}

/// Pages of `max_items`; `between` runs behind each.
fn pages(
    world: &World,
    filter: &[EntityType],
    max_items: usize,
    mut between: impl FnMut(usize),
) -> Vec<Vec<String>> {
    let mut behind = String::new();
    let mut pages = Vec::new();
    loop {
        let page = world.root(GetAccountAuthorizationDetails {
            filter: filter.to_vec(),
            page: PageRequest {
                behind,
                max_items: Some(max_items),
            },
        });
        let page = page.unwrap();
        pages.push(page.items.iter().map(name).collect());
        between(pages.len());
        match page.next {
            Some(next) => behind = next,
            None => return pages,
        }
    }
}

fn name(detail: &AuthorizationDetail) -> String {
    match detail {
        AuthorizationDetail::User(UserDetail { user, .. }) => format!("user {}", user.user.name),
        AuthorizationDetail::Role(role) => format!("role {}", role.role.role.name),
        AuthorizationDetail::Group(group) => format!("group {}", group.group.group.name),
        AuthorizationDetail::Policy(policy) => format!("policy {}", policy.policy.name),
    }
}

fn all(world: &World, filter: &[EntityType]) -> Vec<String> {
    pages(world, filter, 1000, |_| ()).concat()
}

/// Users, roles, groups and policies, two of each.
fn populated() -> World {
    let world = World::new();
    for user in ["ann", "Bob"] {
        world.user(user);
    }
    for role in ["r1", "r2"] {
        world.role(role);
    }
    for name in ["g1", "g2"] {
        group(&world, name);
    }
    for policy in ["p1", "p2"] {
        world.policy(policy);
    }
    world
}

#[test]
fn kinds_come_in_order_and_share_each_page() {
    let world = populated();
    let whole = [
        "user ann",
        "user Bob",
        "role r1",
        "role r2",
        "group g1",
        "group g2",
        "policy p1",
        "policy p2",
    ];
    assert_eq!(all(&world, &[]), whole);
    for max_items in 1..10 {
        let pages = pages(&world, &[], max_items, |_| ());
        assert_eq!(pages.concat(), whole, "{max_items}");
        assert!(
            pages
                .iter()
                .rev()
                .skip(1)
                .all(|page| page.len() == max_items)
        );
        assert_eq!(pages.len(), whole.len().div_ceil(max_items));
    }
}

#[test]
fn a_filter_leaves_the_others_out() {
    let world = populated();
    world
        .root(AttachUserPolicy {
            user_name: n("ann"),
            policy_arn: n(READ_ONLY),
        })
        .unwrap();
    let check = |filter: &[EntityType], expected: &[&str]| {
        assert_eq!(all(&world, filter), expected, "{filter:?}");
        let by_one = pages(&world, filter, 1, |_| ());
        assert_eq!(by_one.concat(), expected, "{filter:?}");
    };
    check(&[EntityType::User], &["user ann", "user Bob"]);
    check(&[EntityType::Role], &["role r1", "role r2"]);
    check(&[EntityType::Group], &["group g1", "group g2"]);
    let own = ["policy p1", "policy p2"];
    check(&[EntityType::LocalManagedPolicy], &own);
    check(&[EntityType::AwsManagedPolicy], &["policy ReadOnlyAccess"]);
    check(
        &[EntityType::AwsManagedPolicy, EntityType::User],
        &["user ann", "user Bob", "policy ReadOnlyAccess"],
    );
}

#[test]
fn of_awss_policies_those_in_use_are_told() {
    let world = World::new();
    world.role("r");
    assert_eq!(all(&world, &[EntityType::AwsManagedPolicy]), [""; 0]);
    world
        .root(AttachRolePolicy {
            role_name: n("r"),
            policy_arn: n(READ_ONLY),
        })
        .unwrap();
    world
        .root(PutRolePermissionsBoundary {
            principal: n("r"),
            permissions_boundary: n(POWER_USER),
        })
        .unwrap();
    assert_eq!(
        all(&world, &[]),
        ["role r", "policy PowerUserAccess", "policy ReadOnlyAccess"]
    );
}

/// Behind each page the entity that ended it goes, and others come before and behind the marker.
#[test]
fn a_marker_survives_changes() {
    let world = populated();
    let told = pages(&world, &[], 2, |page| match page {
        1 => {
            let user_name = n("Bob");
            world.root(DeleteUser { user_name }).unwrap();
            world.user("aaa");
            world.user("zoe");
        }
        2 => {
            let role_name = n("r1");
            world.root(DeleteRole { role_name }).unwrap();
        }
        4 => {
            let policy_arn = n("arn:aws:iam::123456789012:policy/p1");
            world.root(DeletePolicy { policy_arn }).unwrap();
        }
        _ => {}
    });
    let expected: [&[&str]; 5] = [
        &["user ann", "user Bob"],
        &["user zoe", "role r1"],
        &["role r2", "group g1"],
        &["group g2", "policy p1"],
        &["policy p2"],
    ];
    assert_eq!(told, expected);
}

#[test]
fn a_marker_that_was_made_up_shows_no_more_than_there_is() {
    let world = populated();
    let listed = |behind: &str| {
        let page = world.root(GetAccountAuthorizationDetails {
            filter: Vec::new(),
            page: PageRequest {
                behind: behind.to_owned(),
                max_items: None,
            },
        });
        page.unwrap().items.len()
    };
    for (behind, count) in [("9/x", 0), ("x/y", 0), ("300/x", 0), ("3/", 4), ("0/z", 8)] {
        assert_eq!(listed(behind), count, "{behind}");
    }
}

type Pairs<'a> = Vec<(&'a str, &'a str)>;

/// Inline policies by name, and attached ones by name.
fn held(policies: &HeldPolicies) -> (Pairs<'_>, Pairs<'_>) {
    let inline = policies.inline.iter();
    let attached = policies.attached.iter();
    (
        inline
            .map(|it| (it.name.as_str(), it.document.as_str()))
            .collect(),
        attached
            .map(|it| (it.name.as_str(), it.arn.as_str()))
            .collect(),
    )
}

#[test]
fn everything_of_an_entity_is_told() {
    let world = World::new();
    let role = world.role("r").role;
    world.user("ann");
    group(&world, "Staff");
    let policy = world.policy("p");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}"#,
    );
    world
        .root(TagUser {
            resource: n("ann"),
            tags: vec![tag("team", "a")],
        })
        .unwrap();
    world
        .root(AddUserToGroup {
            group_name: n("staff"),
            user_name: n("ann"),
        })
        .unwrap();
    world
        .root(AttachGroupPolicy {
            group_name: n("staff"),
            policy_arn: n(&policy.arn),
        })
        .unwrap();
    world
        .root(CreatePolicyVersion {
            policy_arn: n(&policy.arn),
            policy_document: n(LIST),
            set_as_default: true,
        })
        .unwrap();
    world.put(InstanceProfile {
        id: UniqueId::generate(
            IdKind::InstanceProfile,
            n(ACCOUNT),
            &*world.realm.environment().entropy,
        ),
        name: n("host"),
        path: n("/"),
        created: START,
        tags: Vec::new(),
        role: Some(role.id.clone()),
    });
    let uses = world.realm.last_uses();
    uses.note(n(ACCOUNT), role.id.as_str(), START, "s3", "eu-west-1");

    let page = world.root(GetAccountAuthorizationDetails {
        filter: Vec::new(),
        page: PageRequest::default(),
    });
    let items = page.unwrap().items;
    let [
        AuthorizationDetail::User(user),
        AuthorizationDetail::Role(role),
        AuthorizationDetail::Group(group),
        AuthorizationDetail::Policy(policy),
    ] = items.as_slice()
    else {
        panic!("{items:?}");
    };
    check_user(user);
    check_role(role);
    check_group(group);
    check_policy(policy);
}

fn check_user(detail: &UserDetail) {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}]}"#;
    assert_eq!(detail.user.arn, "arn:aws:iam::123456789012:user/ann");
    assert_eq!(pairs(&detail.user.user.tags), [("team", "a")]);
    assert_eq!(detail.groups, ["Staff"]);
    assert_eq!(
        held(&detail.policies),
        (vec![("allowed", document)], vec![])
    );
}

fn check_role(detail: &RoleDetail) {
    let last_used = detail.role.last_used.as_ref().unwrap();
    assert_eq!(
        (last_used.at, last_used.region.as_str()),
        (START, "eu-west-1")
    );
    let profiles = detail.instance_profiles.iter();
    let arns: Vec<_> = profiles.map(|state| state.arn.as_str()).collect();
    assert_eq!(arns, ["arn:aws:iam::123456789012:instance-profile/host"]);
    assert_eq!(held(&detail.policies), (vec![], vec![]));
}

fn check_group(detail: &GroupDetail) {
    let attached = vec![("p", "arn:aws:iam::123456789012:policy/p")];
    assert_eq!(held(&detail.policies), (vec![], attached));
}

fn check_policy(detail: &PolicyDetail) {
    let policy = &detail.policy;
    let counts = (policy.attachment_count, policy.boundary_count);
    assert_eq!((policy.default_version, counts), (2, (1, 0)));
    let versions = detail.versions.iter();
    let versions: Vec<_> = versions
        .map(|it| (it.number, it.is_default, it.document.as_str()))
        .collect();
    assert_eq!(versions, [(2, true, LIST), (1, false, READ)]);
}
