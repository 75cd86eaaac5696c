//! Roles.

use crate::common::{ACCOUNT, START, World, fails, n};
use crate::support::{READ, new_role, pairs, tag, trust};
use locum_identity::entity::Role;
use locum_identity::iam::PageRequest;
use locum_identity::iam::attachments::{AttachRolePolicy, DetachRolePolicy};
use locum_identity::iam::inline_policies::{DeleteRolePolicy, PutRolePolicy};
use locum_identity::iam::roles::{
    CreateRole, DeleteRole, DeleteRolePermissionsBoundary, GetRole, ListRoleTags, ListRoles,
    PutRolePermissionsBoundary, TagRole, UntagRole, UpdateAssumeRolePolicy, UpdateRole,
    UpdateRoleDescription,
};
use locum_identity::iam::users::{DeleteUser, GetUser, GotUser, ListedUser, UpdateUser};
use locum_identity::names::{Description, MaxSessionDuration};

const ROOT: &str = "arn:aws:iam::123456789012:root";
const BOUNDARY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn get(name: &str) -> GetRole {
    GetRole { role_name: n(name) }
}

fn set_trust(name: &str, document: &str) -> UpdateAssumeRolePolicy {
    UpdateAssumeRolePolicy {
        role_name: n(name),
        policy_document: n(document),
    }
}

fn missing<T>(result: Result<T, locum_identity::error::Error>) {
    fails(
        result,
        "NoSuchEntity",
        "The role with name none cannot be found.",
    );
}

#[test]
fn a_role_is_created_once_whatever_the_letter_case() {
    let world = World::new();
    let created = world
        .root(CreateRole {
            path: Some(n("/app/")),
            description: Some(n("what for")),
            max_session_duration: MaxSessionDuration::from_seconds(7200),
            permissions_boundary: Some(n(BOUNDARY)),
            tags: vec![tag("team", "a")],
            ..new_role("Deploy")
        })
        .unwrap();
    assert_eq!(created.arn, "arn:aws:iam::123456789012:role/app/Deploy");
    assert_eq!(created.assume_role_policy_document, trust(ROOT));
    assert!(created.role.id.as_str().starts_with("AROA"));
    fails(
        world.root(new_role("DEPLOY")),
        "EntityAlreadyExists",
        "Role with name DEPLOY already exists.",
    );
    let got = world.reopened().root(get("deploy")).unwrap();
    assert_eq!(got.role, created.role);
    assert_eq!(got.role.created, START);
    assert_eq!(
        got.role.description.as_ref().map(Description::as_str),
        Some("what for")
    );
    assert_eq!(got.role.max_session_duration.seconds(), 7200);
    assert_eq!(got.role.permissions_boundary.as_deref(), Some(BOUNDARY));
    assert_eq!(pairs(&got.role.tags), [("team", "a")]);
    missing(world.root(get("none")));
}

#[test]
fn what_a_new_role_may_not_have() {
    let world = World::new();
    fails(
        world.root(CreateRole {
            path: Some(n("/aws-service-role/x.amazonaws.com/")),
            ..new_role("r")
        }),
        "InvalidInput",
        "Path prefix '/aws-service-role/' can only be used for AWS Service linked Roles",
    );
    fails(
        world.root(CreateRole {
            path: Some(n("/aws-reserved/")),
            ..new_role("r")
        }),
        "InvalidInput",
        "Path prefix '/aws-reserved/' can only be used for roles reserved for AWS",
    );
    fails(
        world.root(CreateRole {
            permissions_boundary: Some(n("arn:aws:iam::123456789012:policy/none")),
            ..new_role("r")
        }),
        "NoSuchEntity",
        "Policy arn:aws:iam::123456789012:policy/none does not exist or is not attachable.",
    );
    fails(
        world.root(CreateRole {
            tags: vec![tag("Team", "a"), tag("team", "b")],
            ..new_role("r")
        }),
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
    fails(
        world.root(get("r")),
        "NoSuchEntity",
        "The role with name r cannot be found.",
    );
}

#[test]
fn there_is_a_quota_of_roles() {
    let world = World::new();
    for number in 0..1000 {
        world.role(&format!("r{number}"));
    }
    fails(
        world.root(new_role("one-more")),
        "LimitExceeded",
        "Cannot exceed quota for RolesPerAccount: 1000",
    );
}

#[track_caller]
fn check_trust(document: &str, code: &str, message: &str) {
    let world = World::new();
    world.role("r");
    let create = CreateRole {
        assume_role_policy_document: n(document),
        ..new_role("new")
    };
    fails(world.root(create), code, message);
    fails(world.root(set_trust("r", document)), code, message);
    assert_eq!(
        world.root(get("r")).unwrap().assume_role_policy_document,
        trust(ROOT)
    );
}

#[test]
fn a_trust_policy_must_be_one() {
    const MALFORMED: &str = "MalformedPolicyDocument";
    check_trust("{", MALFORMED, "This policy contains invalid Json");
    check_trust(
        &trust(ROOT).replace("sts:AssumeRole", "s3:GetObject"),
        MALFORMED,
        "AssumeRole policy may only specify STS AssumeRole actions.",
    );
    for principal in [
        "arn:aws:iam::123456789012:user/nobody",
        "arn:aws:iam::123456789012:role/nobody",
        "arn:aws:iam::999999999999:root",
        "999999999999",
        "AIDAAAAAAAAAAAAAAAAAA",
    ] {
        let message = format!("Invalid principal in policy: \"AWS\":\"{principal}\"");
        check_trust(&trust(principal), MALFORMED, &message);
    }
    let long = trust(ROOT).replace(
        "sts:AssumeRole\"",
        &format!("sts:AssumeRole\",\"Sid\":\"{}\"", "x".repeat(2048)),
    );
    check_trust(
        &long,
        "LimitExceeded",
        "Cannot exceed quota for ACLSizePerRole: 2048",
    );
    missing(World::new().root(set_trust("none", &trust(ROOT))));
}

#[test]
fn white_space_does_not_count() {
    let world = World::new();
    let document = format!("{}{}", " ".repeat(3000), trust(ROOT));
    let created = world
        .root(CreateRole {
            assume_role_policy_document: n(&document),
            ..new_role("r")
        })
        .unwrap();
    assert_eq!(created.assume_role_policy_document, document);
}

#[test]
fn trust_follows_the_principal_and_not_its_name() {
    let world = World::new();
    world.user("ann");
    let arn = "arn:aws:iam::123456789012:user/ann";
    world.role("r");
    world.root(set_trust("r", &trust(arn))).unwrap();
    let shown = || world.root(get("r")).unwrap().assume_role_policy_document;
    assert_eq!(shown(), trust(arn));
    let GotUser::User(ListedUser { state, .. }) = world
        .root(GetUser {
            user_name: Some(n("ann")),
        })
        .unwrap()
    else {
        panic!()
    };
    assert_eq!(
        world.root(get("r")).unwrap().role.trust_policy,
        trust(state.user.id.as_str())
    );
    let rename = UpdateUser {
        user_name: n("ann"),
        new_path: Some(n("/p/")),
        new_user_name: Some(n("anna")),
    };
    world.root(rename).unwrap();
    assert_eq!(shown(), trust("arn:aws:iam::123456789012:user/p/anna"));
    world
        .root(DeleteUser {
            user_name: n("anna"),
        })
        .unwrap();
    world.user("ann");
    assert_eq!(shown(), trust(state.user.id.as_str()));
    // The id of one who is gone cannot be written again.
    let gone = trust(state.user.id.as_str());
    let message = format!("Invalid principal in policy: \"AWS\":\"{}\"", state.user.id);
    fails(
        world.root(set_trust("r", &gone)),
        "MalformedPolicyDocument",
        &message,
    );
}

#[test]
fn an_update_keeps_what_it_does_not_name() {
    let world = World::new();
    world.role("r");
    let update = |description: Option<&str>, duration: Option<u32>| {
        world.root(UpdateRole {
            role_name: n("R"),
            description: description.map(n),
            max_session_duration: duration.and_then(MaxSessionDuration::from_seconds),
        })
    };
    let now = || {
        let role = world.root(get("r")).unwrap().role;
        (
            role.description.map(String::from),
            role.max_session_duration.seconds(),
        )
    };
    update(Some("d"), Some(43_200)).unwrap();
    assert_eq!(now(), (Some("d".to_owned()), 43_200));
    update(None, None).unwrap();
    assert_eq!(now(), (Some("d".to_owned()), 43_200));
    update(Some(""), None).unwrap();
    assert_eq!(now(), (Some(String::new()), 43_200));
    let described = world
        .root(UpdateRoleDescription {
            role_name: n("r"),
            description: n("e"),
        })
        .unwrap();
    assert_eq!(
        described.role.description.map(String::from),
        Some("e".to_owned())
    );
    missing(world.root(UpdateRole {
        role_name: n("none"),
        description: None,
        max_session_duration: None,
    }));
    missing(world.root(UpdateRoleDescription {
        role_name: n("none"),
        description: n("e"),
    }));
}

#[test]
fn only_a_role_without_policies_is_deleted() {
    let world = World::new();
    world.role("r");
    world
        .root(PutRolePermissionsBoundary {
            principal: n("r"),
            permissions_boundary: n(BOUNDARY),
        })
        .unwrap();
    world
        .root(PutRolePolicy {
            role_name: n("r"),
            policy_name: n("p"),
            policy_document: n(READ),
        })
        .unwrap();
    world
        .root(AttachRolePolicy {
            role_name: n("r"),
            policy_arn: n(BOUNDARY),
        })
        .unwrap();
    let delete = || world.root(DeleteRole { role_name: n("R") });
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete entity, must delete policies first.",
    );
    world
        .root(DeleteRolePolicy {
            role_name: n("r"),
            policy_name: n("P"),
        })
        .unwrap();
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete entity, must detach all policies first.",
    );
    world
        .root(DetachRolePolicy {
            role_name: n("r"),
            policy_arn: n(BOUNDARY),
        })
        .unwrap();
    delete().unwrap();
    missing(world.root(DeleteRole {
        role_name: n("none"),
    }));
}

#[test]
fn tags() {
    let world = World::new();
    world.role("r");
    let add = |tags| {
        world.root(TagRole {
            resource: n("R"),
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
            .root(ListRoleTags {
                resource: n("r"),
                page,
            })
            .unwrap()
    };
    let page = list("", 1);
    assert_eq!(
        (pairs(&page.items).as_slice(), page.next.as_deref()),
        (&[("Dept", "b")][..], Some("Dept"))
    );
    let page = list("Dept", 1);
    assert_eq!(
        (pairs(&page.items).as_slice(), page.next),
        (&[("zone", "1")][..], None)
    );
    let many: Vec<_> = (0..49)
        .map(|number| tag(&format!("k{number}"), ""))
        .collect();
    fails(
        add(many),
        "LimitExceeded",
        "Cannot exceed quota for TagsPerResource: 50",
    );
    fails(
        add(vec![tag("AWS:x", "1")]),
        "InvalidInput",
        "Tag keys beginning with aws: are reserved for AWS use.",
    );
    world
        .root(UntagRole {
            resource: n("r"),
            tag_keys: vec![n("DEPT"), n("none")],
        })
        .unwrap();
    assert_eq!(pairs(&list("", 9).items), [("zone", "1")]);
    missing(world.root(TagRole {
        resource: n("none"),
        tags: vec![tag("a", "b")],
    }));
    missing(world.root(UntagRole {
        resource: n("none"),
        tag_keys: vec![n("a")],
    }));
    missing(world.root(ListRoleTags {
        resource: n("none"),
        page: PageRequest::default(),
    }));
}

#[test]
fn boundaries() {
    let world = World::new();
    world.role("r");
    let put = |arn: &str| {
        world.root(PutRolePermissionsBoundary {
            principal: n("R"),
            permissions_boundary: n(arn),
        })
    };
    let delete = || world.root(DeleteRolePermissionsBoundary { principal: n("R") });
    fails(
        delete(),
        "NoSuchEntity",
        "Role r does not have a permissions boundary.",
    );
    put(BOUNDARY).unwrap();
    assert_eq!(
        world
            .root(get("r"))
            .unwrap()
            .role
            .permissions_boundary
            .as_deref(),
        Some(BOUNDARY)
    );
    fails(
        put("not an arn, but long enough"),
        "ValidationText",
        "Invalid ARN:  Could not be parsed!",
    );
    fails(
        put("arn:aws:iam::aws:policy/None"),
        "NoSuchEntity",
        "Policy arn:aws:iam::aws:policy/None does not exist or is not attachable.",
    );
    delete().unwrap();
    assert_eq!(
        world.root(get("r")).unwrap().role.permissions_boundary,
        None
    );
    missing(world.root(PutRolePermissionsBoundary {
        principal: n("none"),
        permissions_boundary: n(BOUNDARY),
    }));
    missing(world.root(DeleteRolePermissionsBoundary {
        principal: n("none"),
    }));
}

#[test]
fn lists_come_in_pages() {
    let world = World::new();
    for (name, path) in [("C", "/x/"), ("a", "/x/y/"), ("B", "/"), ("d", "/x/")] {
        world
            .root(CreateRole {
                path: Some(n(path)),
                ..new_role(name)
            })
            .unwrap();
    }
    let list = |prefix: Option<&str>, behind: &str, max: usize| {
        let page = PageRequest {
            behind: behind.to_owned(),
            max_items: Some(max),
        };
        let page = world
            .root(ListRoles {
                path_prefix: prefix.map(n),
                page,
            })
            .unwrap();
        let names: Vec<_> = page
            .items
            .iter()
            .map(|shown| shown.role.name.to_string())
            .collect();
        (names.join(" "), page.next)
    };
    assert_eq!(list(None, "", 2), ("a B".to_owned(), Some("b".to_owned())));
    assert_eq!(list(None, "b", 2), ("C d".to_owned(), None));
    assert_eq!(
        list(Some("/x/"), "a", 1),
        ("C".to_owned(), Some("c".to_owned()))
    );
}

#[test]
fn the_last_use_counts_for_400_days() {
    let world = World::new();
    let role = world.role("r").role;
    let used = |world: &World| {
        world
            .root(get("r"))
            .unwrap()
            .last_used
            .map(|last| (last.at, last.region))
    };
    assert_eq!(used(&world), None);
    let uses = world.realm.last_uses();
    uses.note(n(ACCOUNT), role.id.as_str(), START, "s3", "eu-west-1");
    assert_eq!(used(&world), Some((START, "eu-west-1".to_owned())));
    world.wait(400 * 86_400 - 1);
    assert!(used(&world).is_some());
    world.wait(1);
    assert_eq!(used(&world), None);
}

#[test]
fn a_role_of_aws_is_not_changed() {
    const REFUSAL: &str = "Cannot perform the operation on the protected role 'Linked' - this role is only modifiable by AWS";
    for path in [
        "/aws-service-role/x.amazonaws.com/",
        "/aws-reserved/sso.amazonaws.com/",
    ] {
        let world = World::new();
        let role = world.role("made").role;
        let boundary = Some(BOUNDARY.to_owned());
        world.put(Role {
            name: n("Linked"),
            path: n(path),
            permissions_boundary: boundary,
            ..role
        });
        let refused = |result| fails(result, "UnmodifiableRole", REFUSAL);
        let name = || n("LINKED");
        refused(world.root(UpdateRole {
            role_name: name(),
            description: Some(n("x")),
            max_session_duration: MaxSessionDuration::from_seconds(7200),
        }));
        let describe = || {
            world.root(UpdateRoleDescription {
                role_name: name(),
                description: n("described"),
            })
        };
        // Nothing but its description, which is the customer's.
        if path.starts_with(Role::SERVICE_LINKED) {
            describe().unwrap();
            let described = world.root(get("linked")).unwrap().role.description;
            assert_eq!(described, Some(n("described")));
        } else {
            refused(describe().map(drop));
        }
        refused(world.root(set_trust("linked", &trust(ROOT))));
        refused(world.root(DeleteRole { role_name: name() }));
        refused(world.root(PutRolePermissionsBoundary {
            principal: name(),
            permissions_boundary: n(BOUNDARY),
        }));
        refused(world.root(DeleteRolePermissionsBoundary { principal: name() }));
        refused(world.root(AttachRolePolicy {
            role_name: name(),
            policy_arn: n(BOUNDARY),
        }));
        refused(world.root(DetachRolePolicy {
            role_name: name(),
            policy_arn: n(BOUNDARY),
        }));
        refused(world.root(PutRolePolicy {
            role_name: name(),
            policy_name: n("p"),
            policy_document: n(READ),
        }));
        refused(world.root(DeleteRolePolicy {
            role_name: name(),
            policy_name: n("p"),
        }));
        world
            .root(TagRole {
                resource: name(),
                tags: vec![tag("a", "b")],
            })
            .unwrap();
        assert_eq!(
            pairs(&world.root(get("linked")).unwrap().role.tags),
            [("a", "b")]
        );
    }
}
