//! Instance profiles.

use crate::common::{Key, World, fails, n};
use crate::support::{pairs, tag};
use locum_identity::entity::Role;
use locum_identity::iam::PageRequest;
use locum_identity::iam::instance_profiles::{
    AddRoleToInstanceProfile, CreateInstanceProfile, DeleteInstanceProfile, GetInstanceProfile,
    ListInstanceProfileTags, ListInstanceProfiles, ListInstanceProfilesForRole,
    RemoveRoleFromInstanceProfile, ShownInstanceProfile, TagInstanceProfile, UntagInstanceProfile,
};
use locum_identity::iam::roles::DeleteRole;

fn create(name: &str) -> CreateInstanceProfile {
    CreateInstanceProfile {
        instance_profile_name: n(name),
        path: None,
        tags: Vec::new(),
    }
}

fn get(name: &str) -> GetInstanceProfile {
    GetInstanceProfile {
        instance_profile_name: n(name),
    }
}

fn delete(name: &str) -> DeleteInstanceProfile {
    DeleteInstanceProfile {
        instance_profile_name: n(name),
    }
}

fn add(profile: &str, role: &str) -> AddRoleToInstanceProfile {
    AddRoleToInstanceProfile {
        instance_profile_name: n(profile),
        role_name: n(role),
    }
}

fn remove(profile: &str, role: &str) -> RemoveRoleFromInstanceProfile {
    RemoveRoleFromInstanceProfile {
        instance_profile_name: n(profile),
        role_name: n(role),
    }
}

fn names(profiles: &[ShownInstanceProfile]) -> Vec<&str> {
    let names = profiles.iter().map(|shown| shown.profile.name.as_str());
    names.collect()
}

#[test]
fn a_profile_is_created_and_found_whatever_its_letter_case() {
    let world = World::new();
    let created = world
        .root(CreateInstanceProfile {
            instance_profile_name: n("Web"),
            path: Some(n("/hosts/")),
            tags: vec![tag("a", "1"), tag("A", "2")],
        })
        .unwrap();
    assert_eq!(
        created.arn,
        "arn:aws:iam::123456789012:instance-profile/hosts/Web"
    );
    assert!(created.profile.id.as_str().starts_with("AIPA"));
    assert_eq!(created.profile.id.as_str().len(), 21);
    assert!(created.role.is_none());
    let got = world.root(get("wEB")).unwrap();
    assert_eq!(got.profile, created.profile);
    assert_eq!(pairs(&got.profile.tags), [("a", "1"), ("A", "2")]);
    let again = world.reopened().root(get("web")).unwrap();
    assert_eq!((again.profile, again.arn), (created.profile, created.arn));

    fails(
        world.root(create("WEB")),
        "EntityAlreadyExists",
        "Instance Profile WEB already exists.",
    );
    fails(
        world.root(get("none")),
        "NoSuchEntity",
        "Instance Profile none cannot be found.",
    );
    fails(
        world.root(CreateInstanceProfile {
            tags: vec![tag("a", "1"), tag("a", "2")],
            ..create("other")
        }),
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
}

#[test]
fn a_profile_holds_one_role() {
    let world = World::new();
    world.root(create("web")).unwrap();
    let role = world.role("Job").role;
    world.role("other");
    world.root(add("WEB", "job")).unwrap();
    let held = world.root(get("web")).unwrap().role.unwrap();
    assert_eq!(held.role, role);
    assert_eq!(held.arn, "arn:aws:iam::123456789012:role/Job");
    for name in ["other", "job"] {
        fails(
            world.root(add("web", name)),
            "LimitExceeded",
            "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1",
        );
    }
    fails(
        world.root(remove("web", "other")),
        "NoSuchEntity",
        "The role with name other cannot be found.",
    );
    world.root(remove("web", "JOB")).unwrap();
    assert!(world.root(get("web")).unwrap().role.is_none());
    world.root(add("web", "other")).unwrap();

    fails(
        world.root(add("none", "job")),
        "NoSuchEntity",
        "Instance Profile none cannot be found.",
    );
    fails(
        world.root(add("web", "none")),
        "NoSuchEntity",
        "The role with name none cannot be found.",
    );
    fails(
        world.root(remove("none", "job")),
        "NoSuchEntity",
        "Instance Profile none cannot be found.",
    );
}

#[test]
fn neither_a_profile_with_a_role_nor_its_role_is_deleted() {
    const CONFLICT: &str = "Cannot delete entity, must remove roles from instance profile first.";
    let world = World::new();
    world.root(create("web")).unwrap();
    world.role("job");
    world.root(add("web", "job")).unwrap();
    let delete_role = || DeleteRole {
        role_name: n("job"),
    };
    fails(world.root(delete("web")), "DeleteConflict", CONFLICT);
    fails(world.root(delete_role()), "DeleteConflict", CONFLICT);
    world.root(remove("web", "job")).unwrap();
    world.root(delete_role()).unwrap();
    // A role that is created again under the name is another one.
    world.role("job");
    assert!(world.root(get("web")).unwrap().role.is_none());
    world.root(delete("WEB")).unwrap();
    fails(
        world.root(delete("web")),
        "NoSuchEntity",
        "Instance Profile web cannot be found.",
    );
}

#[test]
fn a_role_of_aws_is_not_put_into_a_profile() {
    let world = World::new();
    world.root(create("web")).unwrap();
    let role = world.role("made").role;
    world.put(Role {
        name: n("Linked"),
        path: n("/aws-service-role/x.amazonaws.com/"),
        ..role
    });
    let refusal = "Cannot perform the operation on the protected role 'Linked' - this role is only modifiable by AWS";
    fails(
        world.root(add("web", "linked")),
        "UnmodifiableRole",
        refusal,
    );
    fails(
        world.root(remove("web", "linked")),
        "UnmodifiableRole",
        refusal,
    );
}

#[test]
fn profiles_are_listed_by_path_and_by_role() {
    let world = World::new();
    world.role("job");
    for (name, path) in [("b", "/x/"), ("A", "/"), ("c", "/x/y/"), ("d", "/")] {
        world
            .root(CreateInstanceProfile {
                path: Some(n(path)),
                ..create(name)
            })
            .unwrap();
        if name != "d" {
            world.root(add(name, "job")).unwrap();
        }
    }
    let list = |prefix: Option<&str>, behind: &str, max_items| {
        let list = ListInstanceProfiles {
            path_prefix: prefix.map(n),
            page: PageRequest {
                behind: behind.to_owned(),
                max_items,
            },
        };
        world.root(list).unwrap()
    };
    let all = list(None, "", None);
    assert_eq!(names(&all.items), ["A", "b", "c", "d"]);
    assert_eq!(
        all.items[0].role.as_ref().unwrap().role.name.as_str(),
        "job"
    );
    assert!(all.items[3].role.is_none());
    assert_eq!(names(&list(Some("/x"), "", None).items), ["b", "c"]);
    let page = list(None, "", Some(2));
    assert_eq!(names(&page.items), ["A", "b"]);
    // One that comes between pages is neither lost nor does it displace others.
    world.root(create("bb")).unwrap();
    let next = page.next.unwrap();
    assert_eq!(names(&list(None, &next, None).items), ["bb", "c", "d"]);

    let of_role = |behind: &str, max_items| {
        let list = ListInstanceProfilesForRole {
            role_name: n("JOB"),
            page: PageRequest {
                behind: behind.to_owned(),
                max_items,
            },
        };
        world.root(list).unwrap()
    };
    let page = of_role("", Some(2));
    assert_eq!(names(&page.items), ["A", "b"]);
    let next = page.next.unwrap();
    let rest = of_role(&next, None);
    assert_eq!((names(&rest.items), rest.next), (vec!["c"], None));
    fails(
        world.root(ListInstanceProfilesForRole {
            role_name: n("none"),
            page: PageRequest::default(),
        }),
        "NoSuchEntity",
        "The role with name none cannot be found.",
    );
}

#[test]
fn tags_of_a_profile() {
    let world = World::new();
    world.root(create("web")).unwrap();
    let put = |tags| TagInstanceProfile {
        resource: n("WEB"),
        tags,
    };
    world.root(put(vec![tag("b", "1"), tag("a", "")])).unwrap();
    world.root(put(vec![tag("B", "2"), tag("b", "3")])).unwrap();
    world.root(put(Vec::new())).unwrap();
    let list = || ListInstanceProfileTags {
        resource: n("web"),
        page: PageRequest::default(),
    };
    assert_eq!(
        pairs(&world.root(list()).unwrap().items),
        [("B", "2"), ("a", ""), ("b", "3")]
    );
    let many: Vec<_> = (0..48).map(|i| tag(&format!("k{i}"), "")).collect();
    fails(
        world.root(put(many)),
        "LimitExceeded",
        "Cannot exceed quota for TagsPerResource: 50",
    );
    fails(
        world.root(put(vec![tag("aws:a", "1")])),
        "InvalidInput",
        "Tag keys beginning with aws: are reserved for AWS use.",
    );
    world
        .root(UntagInstanceProfile {
            resource: n("web"),
            tag_keys: vec![n("B"), n("none")],
        })
        .unwrap();
    assert_eq!(
        pairs(&world.root(list()).unwrap().items),
        [("a", ""), ("b", "3")]
    );
}

#[test]
fn no_more_profiles_than_the_quota() {
    let world = World::new();
    for i in 0..1000 {
        world.root(create(&format!("p{i}"))).unwrap();
    }
    fails(
        world.root(create("one-more")),
        "LimitExceeded",
        "Cannot exceed quota for InstanceProfilesPerAccount: 1000",
    );
}

/// Who may put roles into profiles, and run hosts with them, would have every role there is.
#[test]
fn a_role_that_may_not_be_passed_gets_into_no_profile() {
    let world = World::new();
    world.root(create("web")).unwrap();
    world.role("admin");
    world.role("job");
    let ann = world.user_with_key("ann");
    let refused = |key: &Key, role: &str| {
        fails(
            world.call(key, add("web", role)),
            "AccessDenied",
            &format!(
                "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:PassRole on resource: arn:aws:iam::123456789012:role/{role} because no identity-based policy allows the iam:PassRole action"
            ),
        );
    };
    let adds = r#"{"Effect":"Allow","Action":"iam:AddRoleToInstanceProfile","Resource":"arn:aws:iam::123456789012:instance-profile/web"}"#;
    world.allow("ann", adds);
    refused(&ann, "job");
    let passes = |service: &str| {
        format!(
            r#"{adds},{{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::123456789012:role/job","Condition":{{"StringEquals":{{"iam:PassedToService":"{service}"}}}}}}"#
        )
    };
    world.allow("ann", &passes("lambda.amazonaws.com"));
    refused(&ann, "job");
    world.allow("ann", &passes("ec2.amazonaws.com"));
    refused(&ann, "admin");
    world.call(&ann, add("web", "job")).unwrap();
    // To pass a role is not to choose the profile.
    world.root(create("other")).unwrap();
    fails(
        world.call(&ann, add("other", "job")),
        "AccessDenied",
        "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:AddRoleToInstanceProfile on resource: arn:aws:iam::123456789012:instance-profile/other because no identity-based policy allows the iam:AddRoleToInstanceProfile action",
    );
}

#[test]
fn conditions_see_tags_of_the_profile_and_of_the_request() {
    let world = World::new();
    world
        .root(CreateInstanceProfile {
            tags: vec![tag("team", "web")],
            ..create("web")
        })
        .unwrap();
    let ann = world.user_with_key("ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":["iam:GetInstanceProfile"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"web"}}},
           {"Effect":"Allow","Action":["iam:CreateInstanceProfile","iam:TagInstanceProfile"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"web"}}}"#,
    );
    world.call(&ann, get("web")).unwrap();
    world
        .call(
            &ann,
            CreateInstanceProfile {
                tags: vec![tag("team", "web")],
                ..create("mine")
            },
        )
        .unwrap();
    let denied = |result: Result<_, locum_identity::error::Error>, action: &str| {
        fails(
            result,
            "AccessDenied",
            &format!(
                "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:{action} on resource: arn:aws:iam::123456789012:instance-profile/new because no identity-based policy allows the iam:{action} action"
            ),
        );
    };
    denied(world.call(&ann, create("new")), "CreateInstanceProfile");
    // Tags at creation need the action that puts tags, too.
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:CreateInstanceProfile","Resource":"*"}"#,
    );
    let tagged = CreateInstanceProfile {
        tags: vec![tag("team", "web")],
        ..create("new")
    };
    denied(world.call(&ann, tagged), "TagInstanceProfile");
}
