//! Managed policies.

use crate::common::{START, World, fails, n};
use crate::support::{LIST, READ, document_of, new_role, pairs, tag};
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::attachments::{AttachGroupPolicy, AttachRolePolicy, AttachUserPolicy};
use locum_identity::iam::groups::CreateGroup;
use locum_identity::iam::policies::{
    CreatePolicy, CreatePolicyVersion, DeletePolicy, DeletePolicyVersion, EntityFilter, GetPolicy,
    GetPolicyVersion, ListEntitiesForPolicy, ListPolicies, ListPolicyTags, ListPolicyVersions,
    PolicyEntity, PolicyScope, PolicyUsage, SetDefaultPolicyVersion, TagPolicy, UntagPolicy,
};
use locum_identity::iam::roles::CreateRole;
use locum_identity::iam::users::{DeleteUserPermissionsBoundary, PutUserPermissionsBoundary};

const ARN: &str = "arn:aws:iam::123456789012:policy/p";
const NONE: &str = "arn:aws:iam::123456789012:policy/none";
const AWS: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn create(name: &str, document: &str) -> CreatePolicy {
    CreatePolicy {
        policy_name: n(name),
        path: None,
        policy_document: n(document),
        description: None,
        tags: Vec::new(),
    }
}

fn get(arn: &str) -> GetPolicy {
    GetPolicy { policy_arn: n(arn) }
}

fn new_version(arn: &str, document: &str, set_as_default: bool) -> CreatePolicyVersion {
    CreatePolicyVersion {
        policy_arn: n(arn),
        policy_document: n(document),
        set_as_default,
    }
}

fn version(arn: &str, id: &str) -> GetPolicyVersion {
    GetPolicyVersion {
        policy_arn: n(arn),
        version_id: n(id),
    }
}

fn delete_version(arn: &str, id: &str) -> DeletePolicyVersion {
    DeletePolicyVersion {
        policy_arn: n(arn),
        version_id: n(id),
    }
}

fn set_default(arn: &str, id: &str) -> SetDefaultPolicyVersion {
    SetDefaultPolicyVersion {
        policy_arn: n(arn),
        version_id: n(id),
    }
}

#[track_caller]
fn missing<T>(result: Result<T, Error>) {
    fails(
        result,
        "NoSuchEntity",
        "Policy arn:aws:iam::123456789012:policy/none was not found.",
    );
}

#[track_caller]
fn aws_only<T>(result: Result<T, Error>) {
    fails(
        result,
        "Forbidden",
        "AWS managed policies cannot be modified",
    );
}

#[test]
fn a_policy_is_created_once_whatever_the_letter_case() {
    let world = World::new();
    let created = world
        .root(CreatePolicy {
            path: Some(n("/team/")),
            description: Some(n("reads")),
            tags: vec![tag("a", "1"), tag("A", "2")],
            ..create("Read", READ)
        })
        .unwrap();
    assert_eq!(created.arn, "arn:aws:iam::123456789012:policy/team/Read");
    assert!(created.id.starts_with("ANPA"));
    assert_eq!(
        (
            created.default_version,
            created.attachment_count,
            created.boundary_count
        ),
        (1, 0, 0)
    );
    assert_eq!((created.created, created.updated), (START, START));
    fails(
        world.root(create("READ", READ)),
        "EntityAlreadyExists",
        "A policy called READ already exists. Duplicate names are not allowed.",
    );
    let got = world.reopened().root(get(&created.arn)).unwrap();
    assert_eq!(got, created);
    assert_eq!(got.description.as_deref(), Some("reads"));
    assert_eq!(pairs(&got.tags), [("a", "1"), ("A", "2")]);
    missing(world.root(get(NONE)));
    // An ARN is not a name: its letter case counts.
    let other = "arn:aws:iam::123456789012:policy/team/READ";
    fails(
        world.root(get(other)),
        "NoSuchEntity",
        &format!("Policy {other} was not found."),
    );
}

#[test]
fn an_arn_must_be_one() {
    let world = World::new();
    fails(
        world.root(get("policy/of/no/arn/at/all")),
        "ValidationText",
        "Invalid ARN:  Could not be parsed!",
    );
    // Another account's policies are not ours to read, whoever we are.
    fails(
        world.root(get("arn:aws:iam::999999999999:policy/p")),
        "AccessDenied",
        "User: arn:aws:iam::123456789012:root is not authorized to perform: iam:GetPolicy on resource: arn:aws:iam::999999999999:policy/p because no resource-based policy allows the iam:GetPolicy action",
    );
}

#[track_caller]
fn check_document(document: &str, code: &str, message: &str) {
    let world = World::new();
    world.policy("p");
    fails(world.root(create("new", document)), code, message);
    fails(world.root(new_version(ARN, document, true)), code, message);
    assert_eq!(world.root(version(ARN, "v1")).unwrap().document, READ);
}

#[test]
fn a_document_must_be_one() {
    const MALFORMED: &str = "MalformedPolicyDocument";
    check_document("{", MALFORMED, "Syntax errors in policy.");
    check_document(
        &READ.replace("s3:GetObject", "GetObject"),
        MALFORMED,
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    );
    check_document(
        &READ.replace(r#""Action""#, r#""Principal":"*","Action""#),
        MALFORMED,
        "Policy document should not specify a principal.",
    );
    check_document(
        &document_of(6145),
        "LimitExceeded",
        "Cannot exceed quota for PolicySize: 6144",
    );
    let world = World::new();
    world.root(create("p", &document_of(6144))).unwrap();
    assert_eq!(
        world.root(version(ARN, "v1")).unwrap().document,
        document_of(6144)
    );
}

#[test]
fn there_is_a_quota_of_policies() {
    let world = World::new();
    for number in 0..1500 {
        world.policy(&format!("p{number}"));
    }
    fails(
        world.root(create("one-more", READ)),
        "LimitExceeded",
        "Cannot exceed quota for PoliciesPerAccount: 1500",
    );
}

#[test]
fn versions_are_numbered_and_no_number_comes_twice() {
    let world = World::new();
    world.policy("p");
    world.wait(60);
    let second = world.root(new_version(ARN, LIST, false)).unwrap();
    assert_eq!(
        (second.number, second.is_default, second.created),
        (2, false, START + 60)
    );
    let now = world.root(get(ARN)).unwrap();
    assert_eq!((now.default_version, now.updated), (1, START + 60));
    let third = world.root(new_version(ARN, LIST, true)).unwrap();
    assert_eq!((third.number, third.is_default), (3, true));
    assert!(!world.root(version(ARN, "v1")).unwrap().is_default);
    assert_eq!(world.root(version(ARN, "v3")).unwrap().document, LIST);
    fails(
        world.root(delete_version(ARN, "v3")),
        "DeleteConflict",
        "Cannot delete the default version of a policy.",
    );
    world.root(set_default(ARN, "v2")).unwrap();
    world.root(delete_version(ARN, "v3")).unwrap();
    assert_eq!(world.root(new_version(ARN, READ, false)).unwrap().number, 4);
    for id in ["v3", "v9", "v2.1"] {
        let message = format!("Policy {ARN} version {id} does not exist or is not attachable.");
        fails(world.root(version(ARN, id)), "NoSuchEntity", &message);
        fails(
            world.root(delete_version(ARN, id)),
            "NoSuchEntity",
            &message,
        );
        fails(world.root(set_default(ARN, id)), "NoSuchEntity", &message);
    }
    world.root(new_version(ARN, READ, false)).unwrap();
    world.root(new_version(ARN, READ, false)).unwrap();
    fails(
        world.root(new_version(ARN, READ, false)),
        "LimitExceeded",
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    );
    let list = |behind: &str, max: usize| {
        let page = PageRequest {
            behind: behind.to_owned(),
            max_items: Some(max),
        };
        let page = world
            .reopened()
            .root(ListPolicyVersions {
                policy_arn: n(ARN),
                page,
            })
            .unwrap();
        (
            page.items
                .iter()
                .map(|version| version.number)
                .collect::<Vec<_>>(),
            page.next,
        )
    };
    let (first, next) = list("", 3);
    assert_eq!(first, [6, 5, 4]);
    assert_eq!(list(&next.unwrap(), 3), (vec![2, 1], None));
    missing(world.root(new_version(NONE, READ, false)));
    missing(world.root(version(NONE, "v1")));
    missing(world.root(delete_version(NONE, "v1")));
    missing(world.root(set_default(NONE, "v1")));
    missing(world.root(ListPolicyVersions {
        policy_arn: n(NONE),
        page: PageRequest::default(),
    }));
}

#[test]
fn the_default_version_is_the_one_in_force() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    let allowing = LIST.replace("s3:ListBucket", "iam:GetPolicy");
    world.root(create("p", &allowing)).unwrap();
    world.root(new_version(ARN, READ, false)).unwrap();
    world
        .root(AttachUserPolicy {
            user_name: n("ann"),
            policy_arn: n(ARN),
        })
        .unwrap();
    assert!(world.call(&ann, get(ARN)).is_ok());
    world.root(set_default(ARN, "v2")).unwrap();
    fails(
        world.call(&ann, get(ARN)),
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:GetPolicy \
         on resource: arn:aws:iam::123456789012:policy/p because no identity-based policy allows the iam:GetPolicy action",
    );
    world.root(set_default(ARN, "v1")).unwrap();
    assert!(world.reopened().call(&ann, get(ARN)).is_ok());
}

#[test]
fn only_an_unused_policy_of_one_version_is_deleted() {
    let world = World::new();
    world.policy("p");
    world.user("ann");
    let delete = || world.root(DeletePolicy { policy_arn: n(ARN) });
    let bound = PutUserPermissionsBoundary {
        principal: n("ann"),
        permissions_boundary: n(ARN),
    };
    world.root(bound).unwrap();
    fails(
        delete(),
        "DeleteConflict",
        "Cannot delete a policy attached to entities.",
    );
    world
        .root(DeleteUserPermissionsBoundary {
            principal: n("ann"),
        })
        .unwrap();
    world.root(new_version(ARN, READ, true)).unwrap();
    fails(
        delete(),
        "DeleteConflict",
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy.",
    );
    world.root(delete_version(ARN, "v1")).unwrap();
    delete().unwrap();
    missing(world.root(DeletePolicy {
        policy_arn: n(NONE),
    }));
}

#[test]
fn aws_managed_policies_are_read_and_not_changed() {
    let world = World::new();
    let got = world.root(get(AWS)).unwrap();
    assert_eq!(
        (got.name.as_str(), got.path.as_str(), got.default_version),
        ("ReadOnlyAccess", "/", 1)
    );
    assert!(got.description.is_some());
    let shown = world.root(version(AWS, "v1")).unwrap();
    assert!(shown.is_default && shown.document.contains("s3:Get*"));
    let page = world
        .root(ListPolicyVersions {
            policy_arn: n(AWS),
            page: PageRequest::default(),
        })
        .unwrap();
    assert_eq!(page.items, [shown]);
    let tags = world
        .root(ListPolicyTags {
            resource: n(AWS),
            page: PageRequest::default(),
        })
        .unwrap();
    assert!(tags.items.is_empty());
    fails(
        world.root(version(AWS, "v2")),
        "NoSuchEntity",
        &format!("Policy {AWS} version v2 does not exist or is not attachable."),
    );
    aws_only(world.root(DeletePolicy { policy_arn: n(AWS) }));
    aws_only(world.root(new_version(AWS, READ, true)));
    aws_only(world.root(delete_version(AWS, "v1")));
    aws_only(world.root(set_default(AWS, "v1")));
    aws_only(world.root(TagPolicy {
        resource: n(AWS),
        tags: vec![tag("a", "b")],
    }));
    aws_only(world.root(UntagPolicy {
        resource: n(AWS),
        tag_keys: vec![n("a")],
    }));
}

#[test]
fn tags() {
    let world = World::new();
    world.policy("p");
    let add = |tags| {
        world.root(TagPolicy {
            resource: n(ARN),
            tags,
        })
    };
    add(vec![tag("dept", "a"), tag("Dept", "b")]).unwrap();
    add(vec![tag("dept", "c")]).unwrap();
    let list = |max: usize| {
        let page = PageRequest {
            behind: String::new(),
            max_items: Some(max),
        };
        world
            .root(ListPolicyTags {
                resource: n(ARN),
                page,
            })
            .unwrap()
    };
    assert_eq!(pairs(&list(9).items), [("Dept", "b"), ("dept", "c")]);
    assert_eq!(list(1).next.as_deref(), Some("Dept"));
    let many: Vec<_> = (0..49)
        .map(|number| tag(&format!("k{number}"), ""))
        .collect();
    fails(
        add(many),
        "LimitExceeded",
        "Cannot exceed quota for TagsPerResource: 50",
    );
    world
        .root(UntagPolicy {
            resource: n(ARN),
            tag_keys: vec![n("dept")],
        })
        .unwrap();
    assert_eq!(pairs(&list(9).items), [("Dept", "b")]);
    missing(world.root(TagPolicy {
        resource: n(NONE),
        tags: vec![tag("a", "b")],
    }));
    missing(world.root(UntagPolicy {
        resource: n(NONE),
        tag_keys: vec![n("a")],
    }));
    missing(world.root(ListPolicyTags {
        resource: n(NONE),
        page: PageRequest::default(),
    }));
}

fn list(scope: PolicyScope, prefix: Option<&str>) -> ListPolicies {
    ListPolicies {
        scope,
        only_attached: false,
        path_prefix: prefix.map(n),
        policy_usage_filter: None,
        page: PageRequest {
            behind: String::new(),
            max_items: Some(1000),
        },
    }
}

fn names(world: &World, list: ListPolicies) -> String {
    let page = world.root(list).unwrap();
    page.items
        .iter()
        .map(|policy| policy.name.as_str())
        .collect::<Vec<_>>()
        .join(" ")
}

#[test]
fn policies_of_every_scope_are_listed_in_stable_pages() {
    let world = World::new();
    for name in ["B", "a", "zz"] {
        world.policy(name);
    }
    world
        .root(CreatePolicy {
            path: Some(n("/job-function/")),
            ..create("own", READ)
        })
        .unwrap();
    let aws = world
        .root(list(PolicyScope::Aws, None))
        .unwrap()
        .items
        .len();
    assert_eq!(aws, 43);
    assert_eq!(names(&world, list(PolicyScope::Local, None)), "a B own zz");
    assert_eq!(
        world
            .root(list(PolicyScope::All, None))
            .unwrap()
            .items
            .len(),
        47
    );
    let job_functions = names(&world, list(PolicyScope::All, Some("/job-function/")));
    assert_eq!(
        job_functions,
        "own Billing DataScientist DatabaseAdministrator NetworkAdministrator SupportUser SystemAdministrator ViewOnlyAccess"
    );
    // Page by page, while policies come and go.
    let mut seen = Vec::new();
    let mut behind = String::new();
    loop {
        let page = PageRequest {
            behind: behind.clone(),
            max_items: Some(3),
        };
        let page = world
            .root(ListPolicies {
                page,
                ..list(PolicyScope::All, None)
            })
            .unwrap();
        seen.extend(page.items.iter().map(|policy| policy.arn.clone()));
        if behind.is_empty() {
            world.policy("aa");
            world
                .root(DeletePolicy {
                    policy_arn: n("arn:aws:iam::123456789012:policy/B"),
                })
                .unwrap();
        }
        match page.next {
            Some(next) => behind = next,
            None => break,
        }
    }
    let mut distinct = seen.clone();
    distinct.sort();
    distinct.dedup();
    assert_eq!((seen.len(), distinct.len()), (47, 47));
}

#[test]
fn policies_are_listed_by_their_use() {
    let world = World::new();
    for name in ["attached", "bounding", "both", "unused"] {
        world.policy(name);
    }
    world.user("ann");
    world.role("r");
    let arn = |name: &str| format!("arn:aws:iam::123456789012:policy/{name}");
    for name in ["attached", "both"] {
        world
            .root(AttachRolePolicy {
                role_name: n("r"),
                policy_arn: n(&arn(name)),
            })
            .unwrap();
    }
    for name in ["bounding", "both"] {
        let put = PutUserPermissionsBoundary {
            principal: n("ann"),
            permissions_boundary: n(&arn(name)),
        };
        world.root(put).unwrap();
    }
    world
        .root(CreateRole {
            permissions_boundary: Some(n(&arn("bounding"))),
            ..new_role("bounded")
        })
        .unwrap();
    world
        .root(AttachUserPolicy {
            user_name: n("ann"),
            policy_arn: n(AWS),
        })
        .unwrap();
    let used = |filter: Option<PolicyUsage>, only_attached: bool, scope: PolicyScope| {
        names(
            &world,
            ListPolicies {
                only_attached,
                policy_usage_filter: filter,
                ..list(scope, None)
            },
        )
    };
    assert_eq!(
        used(None, true, PolicyScope::All),
        "attached both bounding ReadOnlyAccess"
    );
    assert_eq!(
        used(
            Some(PolicyUsage::PermissionsPolicy),
            true,
            PolicyScope::Local
        ),
        "attached both"
    );
    assert_eq!(
        used(
            Some(PolicyUsage::PermissionsBoundary),
            true,
            PolicyScope::All
        ),
        "both bounding"
    );
    // Without OnlyAttached the filter does not count.
    let filter = Some(PolicyUsage::PermissionsBoundary);
    assert_eq!(
        used(filter, false, PolicyScope::Local),
        "attached both bounding unused"
    );
    let page = world.root(list(PolicyScope::Local, None)).unwrap();
    let counts: Vec<_> = page
        .items
        .iter()
        .map(|policy| (policy.attachment_count, policy.boundary_count))
        .collect();
    assert_eq!(counts, [(1, 0), (1, 1), (0, 1), (0, 0)]);
    let got = world.root(get(&arn("both"))).unwrap();
    assert_eq!((got.attachment_count, got.boundary_count), (1, 1));
    assert_eq!(world.root(get(AWS)).unwrap().attachment_count, 1);
}

#[test]
fn entities_of_a_policy() {
    let world = World::new();
    world.policy("p");
    world.user("u1");
    world.user("u2");
    world
        .root(CreateRole {
            path: Some(n("/x/")),
            ..new_role("r1")
        })
        .unwrap();
    world
        .root(CreateGroup {
            group_name: n("g1"),
            path: None,
        })
        .unwrap();
    world
        .root(AttachUserPolicy {
            user_name: n("u1"),
            policy_arn: n(ARN),
        })
        .unwrap();
    world
        .root(PutUserPermissionsBoundary {
            principal: n("u2"),
            permissions_boundary: n(ARN),
        })
        .unwrap();
    world
        .root(AttachRolePolicy {
            role_name: n("r1"),
            policy_arn: n(ARN),
        })
        .unwrap();
    world
        .root(AttachGroupPolicy {
            group_name: n("g1"),
            policy_arn: n(ARN),
        })
        .unwrap();
    let base = || ListEntitiesForPolicy {
        policy_arn: n(ARN),
        entity_filter: None,
        path_prefix: None,
        policy_usage_filter: None,
        page: PageRequest::default(),
    };
    let listed = |list: ListEntitiesForPolicy| {
        let page = world.root(list).unwrap();
        let names: Vec<_> = page
            .items
            .iter()
            .map(|entity| match entity {
                PolicyEntity::Group(state) => state.group.name.to_string(),
                PolicyEntity::Role(state) => state.role.name.to_string(),
                PolicyEntity::User(state) => state.user.name.to_string(),
            })
            .collect();
        (names.join(" "), page.next)
    };
    assert_eq!(listed(base()), ("g1 r1 u1 u2".to_owned(), None));
    for (filter, expected) in [
        (EntityFilter::User, "u1 u2"),
        (EntityFilter::Role, "r1"),
        (EntityFilter::Group, "g1"),
        (EntityFilter::Policy, ""),
    ] {
        assert_eq!(
            listed(ListEntitiesForPolicy {
                entity_filter: Some(filter),
                ..base()
            })
            .0,
            expected
        );
    }
    let bounding = ListEntitiesForPolicy {
        policy_usage_filter: Some(PolicyUsage::PermissionsBoundary),
        ..base()
    };
    assert_eq!(listed(bounding).0, "u2");
    let attached = ListEntitiesForPolicy {
        policy_usage_filter: Some(PolicyUsage::PermissionsPolicy),
        ..base()
    };
    assert_eq!(listed(attached).0, "g1 r1 u1");
    assert_eq!(
        listed(ListEntitiesForPolicy {
            path_prefix: Some(n("/x/")),
            ..base()
        })
        .0,
        "r1"
    );
    let page = PageRequest {
        behind: String::new(),
        max_items: Some(2),
    };
    let (names, next) = listed(ListEntitiesForPolicy { page, ..base() });
    assert_eq!(names, "g1 r1");
    let page = PageRequest {
        behind: next.unwrap(),
        max_items: Some(2),
    };
    assert_eq!(
        listed(ListEntitiesForPolicy { page, ..base() }),
        ("u1 u2".to_owned(), None)
    );
    missing(world.root(ListEntitiesForPolicy {
        policy_arn: n(NONE),
        ..base()
    }));
}
