//! Groups.

use crate::common::{START, World, fails, n};
use crate::support::{LIST, READ};
use locum_identity::iam::PageRequest;
use locum_identity::iam::attachments::{AttachGroupPolicy, DetachGroupPolicy};
use locum_identity::iam::groups::{
    AddUserToGroup, CreateGroup, DeleteGroup, GetGroup, ListGroups, ListGroupsForUser,
    RemoveUserFromGroup, UpdateGroup,
};
use locum_identity::iam::inline_policies::{DeleteGroupPolicy, PutGroupPolicy};

fn create(world: &World, name: &str, path: &str) {
    world
        .root(CreateGroup {
            group_name: n(name),
            path: Some(n(path)),
        })
        .unwrap();
}

fn add(group: &str, user: &str) -> AddUserToGroup {
    AddUserToGroup {
        group_name: n(group),
        user_name: n(user),
    }
}

fn remove(group: &str, user: &str) -> RemoveUserFromGroup {
    RemoveUserFromGroup {
        group_name: n(group),
        user_name: n(user),
    }
}

fn get(group: &str) -> GetGroup {
    GetGroup {
        group_name: n(group),
        page: PageRequest::default(),
    }
}

fn update(group: &str, path: Option<&str>, name: Option<&str>) -> UpdateGroup {
    UpdateGroup {
        group_name: n(group),
        new_path: path.map(n),
        new_group_name: name.map(n),
    }
}

fn members(world: &World, group: &str) -> Vec<String> {
    let got = world.root(get(group)).unwrap();
    got.users
        .items
        .iter()
        .map(|state| state.user.name.to_string())
        .collect()
}

#[test]
fn a_group_is_created_once_whatever_the_letter_case() {
    let world = World::new();
    let group = world
        .root(CreateGroup {
            group_name: n("Admins"),
            path: Some(n("/ops/")),
        })
        .unwrap();
    assert_eq!(
        (group.name.as_str(), group.path.as_str(), group.created),
        ("Admins", "/ops/", START)
    );
    assert!(group.id.as_str().starts_with("AGPA"));
    fails(
        world.root(CreateGroup {
            group_name: n("ADMINS"),
            path: None,
        }),
        "EntityAlreadyExists",
        "Group with name ADMINS already exists.",
    );
    let got = world.root(get("admins")).unwrap();
    assert_eq!(got.group.arn, "arn:aws:iam::123456789012:group/ops/Admins");
    assert_eq!(got.group.group.id, group.id);
    fails(
        world.root(get("nobody")),
        "NoSuchEntity",
        "The group with name nobody cannot be found.",
    );
}

#[test]
fn there_is_a_quota_of_groups() {
    let world = World::new();
    for number in 0..300 {
        create(&world, &format!("g{number}"), "/");
    }
    fails(
        world.root(CreateGroup {
            group_name: n("one-more"),
            path: None,
        }),
        "LimitExceeded",
        "Cannot exceed quota for GroupsPerAccount: 300",
    );
}

#[test]
fn users_join_and_leave() {
    let world = World::new();
    create(&world, "Team", "/");
    world.user("Bob");
    world.user("ann");
    world.root(add("TEAM", "BOB")).unwrap();
    world.root(add("team", "ann")).unwrap();
    world.root(add("team", "bob")).unwrap();
    assert_eq!(members(&world, "team"), ["ann", "Bob"]);
    world.root(remove("Team", "bOb")).unwrap();
    world.root(remove("Team", "bOb")).unwrap();
    assert_eq!(members(&world, "team"), ["ann"]);
    assert_eq!(members(&world.reopened(), "team"), ["ann"]);
    for result in [
        world.root(add("none", "ann")),
        world.root(remove("none", "ann")),
    ] {
        fails(
            result,
            "NoSuchEntity",
            "The group with name none cannot be found.",
        );
    }
    for result in [
        world.root(add("team", "none")),
        world.root(remove("team", "none")),
    ] {
        fails(
            result,
            "NoSuchEntity",
            "The user with name none cannot be found.",
        );
    }
}

#[test]
fn a_user_is_in_ten_groups_at_most() {
    let world = World::new();
    world.user("ann");
    for number in 0..11 {
        create(&world, &format!("g{number}"), "/");
    }
    for number in 0..10 {
        world.root(add(&format!("g{number}"), "ann")).unwrap();
    }
    fails(
        world.root(add("g10", "ann")),
        "LimitExceeded",
        "Cannot exceed quota for GroupsPerUser: 10",
    );
    world.root(add("g9", "ann")).unwrap();
}

#[test]
fn a_group_gives_its_members_its_policies() {
    const DENIED: &str = "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:GetGroup \
         on resource: arn:aws:iam::123456789012:group/readers because no identity-based policy allows the iam:GetGroup action";
    let world = World::new();
    let ann = world.user_with_key("ann");
    create(&world, "readers", "/");
    world.root(add("readers", "ann")).unwrap();
    fails(world.call(&ann, get("readers")), "AccessDenied", DENIED);
    let document = LIST.replace("s3:ListBucket", "iam:GetGroup");
    let put = PutGroupPolicy {
        group_name: n("readers"),
        policy_name: n("p"),
        policy_document: n(&document),
    };
    world.root(put).unwrap();
    assert!(world.call(&ann, get("readers")).is_ok());
    world.root(remove("readers", "ann")).unwrap();
    fails(world.call(&ann, get("readers")), "AccessDenied", DENIED);
}

#[test]
fn a_renamed_group_keeps_its_id_and_members() {
    let world = World::new();
    create(&world, "old", "/");
    create(&world, "taken", "/");
    world.user("ann");
    world.root(add("old", "ann")).unwrap();
    let id = world.root(get("old")).unwrap().group.group.id.clone();
    world.root(update("OLD", Some("/x/"), Some("New"))).unwrap();
    let got = world.root(get("new")).unwrap();
    assert_eq!(
        (got.group.arn.as_str(), &got.group.group.id),
        ("arn:aws:iam::123456789012:group/x/New", &id)
    );
    assert_eq!(members(&world, "new"), ["ann"]);
    fails(
        world.root(get("old")),
        "NoSuchEntity",
        "The group with name old cannot be found.",
    );
    // Only the letter case of its own name.
    world.root(update("new", None, Some("NEW"))).unwrap();
    fails(
        world.root(update("new", None, Some("Taken"))),
        "EntityAlreadyExists",
        "Group with name Taken already exists.",
    );
    fails(
        world.root(update("none", None, None)),
        "NoSuchEntity",
        "The group with name none cannot be found.",
    );
}

#[test]
fn only_an_empty_group_is_deleted() {
    const POLICY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";
    let world = World::new();
    create(&world, "team", "/");
    world.user("ann");
    world.root(add("team", "ann")).unwrap();
    let put = PutGroupPolicy {
        group_name: n("team"),
        policy_name: n("p"),
        policy_document: n(READ),
    };
    world.root(put).unwrap();
    world
        .root(AttachGroupPolicy {
            group_name: n("team"),
            policy_arn: n(POLICY),
        })
        .unwrap();
    let delete = || {
        world.root(DeleteGroup {
            group_name: n("TEAM"),
        })
    };
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete entity, must remove users from group first.",
    );
    world.root(remove("team", "ann")).unwrap();
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    );
    world
        .root(DeleteGroupPolicy {
            group_name: n("team"),
            policy_name: n("p"),
        })
        .unwrap();
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    );
    world
        .root(DetachGroupPolicy {
            group_name: n("team"),
            policy_arn: n(POLICY),
        })
        .unwrap();
    delete().unwrap();
    fails(
        delete(),
        "NoSuchEntity",
        "The group with name TEAM cannot be found.",
    );
}

#[test]
fn lists_come_in_pages() {
    let world = World::new();
    for (name, path) in [("C", "/x/"), ("a", "/x/y/"), ("B", "/"), ("d", "/x/")] {
        create(&world, name, path);
    }
    let list = |prefix: Option<&str>, behind: &str, max: usize| {
        let page = PageRequest {
            behind: behind.to_owned(),
            max_items: Some(max),
        };
        let page = world
            .root(ListGroups {
                path_prefix: prefix.map(n),
                page,
            })
            .unwrap();
        let names: Vec<_> = page
            .items
            .iter()
            .map(|state| state.group.name.to_string())
            .collect();
        (names.join(" "), page.next)
    };
    assert_eq!(list(None, "", 4), ("a B C d".to_owned(), None));
    assert_eq!(
        list(None, "", 3),
        ("a B C".to_owned(), Some("c".to_owned()))
    );
    assert_eq!(list(None, "c", 3), ("d".to_owned(), None));
    assert_eq!(
        list(Some("/x/"), "", 2),
        ("a C".to_owned(), Some("c".to_owned()))
    );
    assert_eq!(list(Some("/none/"), "", 2), (String::new(), None));

    world.user("ann");
    for group in ["d", "a", "c"] {
        world.root(add(group, "ann")).unwrap();
    }
    let of_user = |behind: &str, max: usize| {
        let page = PageRequest {
            behind: behind.to_owned(),
            max_items: Some(max),
        };
        let page = world
            .root(ListGroupsForUser {
                user_name: n("ANN"),
                page,
            })
            .unwrap();
        let names: Vec<_> = page
            .items
            .iter()
            .map(|state| state.group.name.to_string())
            .collect();
        (names.join(" "), page.next)
    };
    assert_eq!(of_user("", 2), ("a C".to_owned(), Some("c".to_owned())));
    assert_eq!(of_user("c", 2), ("d".to_owned(), None));
    fails(
        world.root(ListGroupsForUser {
            user_name: n("none"),
            page: PageRequest::default(),
        }),
        "NoSuchEntity",
        "The user with name none cannot be found.",
    );

    for user in ["u1", "u2", "u3"] {
        world.user(user);
        world.root(add("b", user)).unwrap();
    }
    let page = PageRequest {
        behind: "u1".to_owned(),
        max_items: Some(1),
    };
    let got = world
        .root(GetGroup {
            group_name: n("b"),
            page,
        })
        .unwrap();
    assert_eq!(
        (
            got.users.items[0].user.name.as_str(),
            got.users.next.as_deref()
        ),
        ("u2", Some("u2"))
    );
}

#[test]
fn a_lost_race_is_tried_again_and_a_broken_store_changes_nothing() {
    let world = World::new();
    world.store.lose_races(3);
    create(&world, "a", "/");
    world.store.fail_commits(1);
    fails(
        world.root(CreateGroup {
            group_name: n("b"),
            path: None,
        }),
        "ServiceUnavailable",
        "Service is temporarily unavailable, please retry the request.",
    );
    fails(
        world.root(get("b")),
        "NoSuchEntity",
        "The group with name b cannot be found.",
    );
    create(&world, "b", "/");
}
