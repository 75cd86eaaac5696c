//! Users.

use crate::common::{ACCOUNT, START, World, fails, n};
use crate::support::{READ, pairs, tag};
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::access_keys::DeleteAccessKey;
use locum_identity::iam::attachments::{AttachUserPolicy, DetachUserPolicy};
use locum_identity::iam::groups::{AddUserToGroup, CreateGroup, RemoveUserFromGroup};
use locum_identity::iam::inline_policies::{DeleteUserPolicy, PutUserPolicy};
use locum_identity::iam::users::{
    CreateUser, DeleteUser, DeleteUserPermissionsBoundary, GetUser, GotUser, ListUserTags,
    ListUsers, ListedUser, PutUserPermissionsBoundary, TagUser, UntagUser, UpdateUser,
};

const BOUNDARY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn create(name: &str) -> CreateUser {
    CreateUser {
        user_name: n(name),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    }
}

fn get(name: &str) -> GetUser {
    GetUser {
        user_name: Some(n(name)),
    }
}

/// ARN, id, path and boundary of a user.
fn got(result: Result<GotUser, Error>) -> (String, String, String, Option<String>) {
    match result.unwrap() {
        GotUser::User(ListedUser { state, .. }) => (
            state.arn.clone(),
            state.user.id.to_string(),
            state.user.path.to_string(),
            state.user.permissions_boundary.clone(),
        ),
        GotUser::Root(account) => (
            account.iam_arn("root"),
            account.id.to_string(),
            String::new(),
            None,
        ),
    }
}

#[track_caller]
fn missing<T>(result: Result<T, Error>) {
    fails(
        result,
        "NoSuchEntity",
        "The user with name none cannot be found.",
    );
}

#[test]
fn a_user_is_created_once_whatever_the_letter_case() {
    let world = World::new();
    let created = world
        .root(CreateUser {
            path: Some(n("/dev/")),
            permissions_boundary: Some(n(BOUNDARY)),
            tags: vec![tag("a", "b")],
            ..create("Ann")
        })
        .unwrap();
    assert!(created.id.as_str().starts_with("AIDA"));
    assert_eq!(
        (created.created, pairs(&created.tags).as_slice()),
        (START, &[("a", "b")][..])
    );
    fails(
        world.root(create("ANN")),
        "EntityAlreadyExists",
        "User with name ANN already exists.",
    );
    let (arn, id, path, boundary) = got(world.reopened().root(get("ann")));
    assert_eq!(arn, "arn:aws:iam::123456789012:user/dev/Ann");
    assert_eq!(
        (id.as_str(), path.as_str(), boundary.as_deref()),
        (created.id.as_str(), "/dev/", Some(BOUNDARY))
    );
    missing(world.root(get("none")));
    fails(
        world.root(CreateUser {
            tags: vec![tag("k", "1"), tag("K", "2")],
            ..create("bob")
        }),
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
    let none = "arn:aws:iam::123456789012:policy/none";
    fails(
        world.root(CreateUser {
            permissions_boundary: Some(n(none)),
            ..create("bob")
        }),
        "NoSuchEntity",
        &format!("Policy {none} does not exist or is not attachable."),
    );
}

#[test]
fn without_a_name_the_caller_is_meant() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.allow("ann", r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"arn:aws:iam::*:user/${aws:username}"}"#);
    world.user("bob");
    assert_eq!(
        got(world.call(&ann, GetUser { user_name: None })).0,
        "arn:aws:iam::123456789012:user/ann"
    );
    assert!(matches!(
        world.call(&ann, get("bob")),
        Err(Error::AccessDenied(_))
    ));
    let (arn, id, ..) = got(world.root(GetUser { user_name: None }));
    assert_eq!(
        (arn.as_str(), id.as_str()),
        ("arn:aws:iam::123456789012:root", ACCOUNT)
    );
}

#[test]
fn a_renamed_user_keeps_id_and_key() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.user("taken");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}"#,
    );
    let (_, id, ..) = got(world.root(get("ann")));
    let update = |name: &str, path: Option<&str>, new: Option<&str>| {
        world.root(UpdateUser {
            user_name: n(name),
            new_path: path.map(n),
            new_user_name: new.map(n),
        })
    };
    update("ANN", Some("/x/"), Some("Anna")).unwrap();
    let (arn, again, ..) = got(world.call(&ann, GetUser { user_name: None }));
    assert_eq!(
        (arn.as_str(), again),
        ("arn:aws:iam::123456789012:user/x/Anna", id)
    );
    missing(update("none", None, None));
    fails(
        update("anna", None, Some("TAKEN")),
        "EntityAlreadyExists",
        "User with name TAKEN already exists.",
    );
    update("anna", None, Some("ANNA")).unwrap();
    assert_eq!(
        got(world.root(get("anna"))).0,
        "arn:aws:iam::123456789012:user/x/ANNA"
    );
}

#[test]
fn only_a_user_with_nothing_is_deleted() {
    let world = World::new();
    let key = world.user_with_key("ann");
    world
        .root(CreateGroup {
            group_name: n("g"),
            path: None,
        })
        .unwrap();
    world
        .root(AddUserToGroup {
            group_name: n("g"),
            user_name: n("ann"),
        })
        .unwrap();
    world
        .root(PutUserPolicy {
            user_name: n("ann"),
            policy_name: n("p"),
            policy_document: n(READ),
        })
        .unwrap();
    world
        .root(AttachUserPolicy {
            user_name: n("ann"),
            policy_arn: n(BOUNDARY),
        })
        .unwrap();
    let delete = || {
        world.root(DeleteUser {
            user_name: n("ANN"),
        })
    };
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete entity, must delete access keys first.",
    );
    world
        .root(DeleteAccessKey {
            user_name: Some(n("ann")),
            access_key_id: n(&key.id),
        })
        .unwrap();
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    );
    world
        .root(DeleteUserPolicy {
            user_name: n("ann"),
            policy_name: n("p"),
        })
        .unwrap();
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    );
    world
        .root(DetachUserPolicy {
            user_name: n("ann"),
            policy_arn: n(BOUNDARY),
        })
        .unwrap();
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete entity, must remove user from all groups first.",
    );
    world
        .root(RemoveUserFromGroup {
            group_name: n("g"),
            user_name: n("ann"),
        })
        .unwrap();
    delete().unwrap();
    missing(world.root(DeleteUser {
        user_name: n("none"),
    }));
}

#[test]
fn lists_come_in_pages() {
    let world = World::new();
    for (name, path) in [("C", "/x/"), ("a", "/x/y/"), ("B", "/"), ("d", "/x/")] {
        world
            .root(CreateUser {
                path: Some(n(path)),
                ..create(name)
            })
            .unwrap();
    }
    let list = |prefix: Option<&str>, behind: &str, max: usize| {
        let page = PageRequest {
            behind: behind.to_owned(),
            max_items: Some(max),
        };
        let page = world
            .root(ListUsers {
                path_prefix: prefix.map(n),
                page,
            })
            .unwrap();
        let names: Vec<_> = page
            .items
            .iter()
            .map(|listed| listed.state.user.name.to_string())
            .collect();
        (names.join(" "), page.next)
    };
    assert_eq!(list(None, "", 2), ("a B".to_owned(), Some("b".to_owned())));
    // The marker is a place and no user: it stays good when the user is gone.
    world.root(DeleteUser { user_name: n("b") }).unwrap();
    assert_eq!(list(None, "b", 2), ("C d".to_owned(), None));
    assert_eq!(
        list(Some("/x/"), "", 2),
        ("a C".to_owned(), Some("c".to_owned()))
    );
}

#[test]
fn tags() {
    let world = World::new();
    world.user("ann");
    let add = |tags| {
        world.root(TagUser {
            resource: n("ANN"),
            tags,
        })
    };
    add(vec![tag("dept", "a"), tag("zone", "1")]).unwrap();
    add(vec![tag("Dept", "b")]).unwrap();
    let list = |behind: &str, max: usize| {
        let page = PageRequest {
            behind: behind.to_owned(),
            max_items: Some(max),
        };
        world
            .root(ListUserTags {
                resource: n("ann"),
                page,
            })
            .unwrap()
    };
    assert_eq!(pairs(&list("", 9).items), [("Dept", "b"), ("zone", "1")]);
    assert_eq!(list("", 1).next.as_deref(), Some("Dept"));
    let many: Vec<_> = (0..49)
        .map(|number| tag(&format!("k{number}"), ""))
        .collect();
    fails(
        add(many),
        "LimitExceeded",
        "Cannot exceed quota for TagsPerResource: 50",
    );
    assert_eq!(list("", 99).items.len(), 2);
    world
        .root(UntagUser {
            resource: n("ann"),
            tag_keys: vec![n("DEPT")],
        })
        .unwrap();
    assert_eq!(pairs(&list("", 9).items), [("zone", "1")]);
    missing(world.root(TagUser {
        resource: n("none"),
        tags: vec![tag("a", "b")],
    }));
    missing(world.root(UntagUser {
        resource: n("none"),
        tag_keys: vec![n("a")],
    }));
    missing(world.root(ListUserTags {
        resource: n("none"),
        page: PageRequest::default(),
    }));
}

#[test]
fn a_boundary_bounds_at_once() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.allow("ann", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let tags = || {
        world.call(
            &ann,
            TagUser {
                resource: n("ann"),
                tags: vec![tag("a", "b")],
            },
        )
    };
    tags().unwrap();
    let put = |name: &str| {
        world.root(PutUserPermissionsBoundary {
            principal: n(name),
            permissions_boundary: n(BOUNDARY),
        })
    };
    put("ann").unwrap();
    fails(
        tags(),
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:TagUser on resource: arn:aws:iam::123456789012:user/ann because no permissions boundary allows the iam:TagUser action",
    );
    let delete = |name: &str| world.root(DeleteUserPermissionsBoundary { principal: n(name) });
    delete("ann").unwrap();
    tags().unwrap();
    fails(
        delete("ann"),
        "NoSuchEntity",
        "User ann does not have a permissions boundary.",
    );
    missing(put("none"));
    missing(delete("none"));
}
