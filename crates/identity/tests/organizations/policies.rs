//! Service control and resource control policies as such.

use crate::common::{ACCOUNT, START, World, fails, n};
use crate::support::{
    FULL, RCP, RCP_FULL, SCP, document, everything, first, refused, statement, tag,
};
use locum_identity::error::Error;
use locum_identity::organizations::{
    ConstraintReason, CreatePolicy, DeletePolicy, DescribePolicy, Fault, InvalidReason,
    ListPolicies, PolicyView, UpdatePolicy,
};

const MALFORMED: &str =
    "The provided policy document does not meet the requirements of the specified policy type.";

fn create(policy_type: &str, name: &str, content: &str) -> CreatePolicy {
    CreatePolicy {
        name: n(name),
        description: n("what for"),
        policy_type: n(policy_type),
        content: n(content),
        tags: Vec::new(),
    }
}

fn update(id: &str) -> UpdatePolicy {
    UpdatePolicy {
        policy_id: n(id),
        name: None,
        description: None,
        content: None,
    }
}

fn describe(world: &World, id: &str) -> Result<PolicyView, Error> {
    world.root(DescribePolicy { policy_id: n(id) })
}

fn ids(world: &World, policy_type: &str) -> Vec<String> {
    let listed = world.root(ListPolicies {
        policy_type: n(policy_type),
        page: everything(),
    });
    let items = listed.unwrap().items;
    items
        .iter()
        .map(|view| view.state.policy.id.clone())
        .collect()
}

#[test]
fn what_aws_attaches_is_there_from_the_beginning() {
    let world = World::new();
    for (id, policy_type, folder) in [
        (FULL, SCP, "service_control_policy"),
        (RCP_FULL, RCP, "resource_control_policy"),
    ] {
        let view = describe(&world, id).unwrap();
        assert!(view.state.aws_managed);
        assert_eq!(view.state.policy.policy_type.as_str(), policy_type);
        assert_eq!(format!("p-{}", view.state.policy.name), id);
        assert_eq!(
            view.arn,
            format!("arn:aws:organizations::aws:policy/{folder}/{id}")
        );
        assert_eq!(ids(&world, policy_type), [id]);
        let changed = world.root(UpdatePolicy {
            name: Some(n("mine")),
            ..update(id)
        });
        refused(changed, InvalidReason::ImmutablePolicy);
        refused(
            world.root(DeletePolicy { policy_id: n(id) }),
            InvalidReason::ImmutablePolicy,
        );
    }
}

#[test]
fn a_policy_is_kept_as_it_was_written() {
    let world = World::new();
    let organization = world.realm.directory().organization.clone().unwrap();
    let content = document(&statement("Deny", "s3:*")).replace(',', ",\n ");
    let made = world
        .root(CreatePolicy {
            tags: vec![tag("k", "v")],
            ..create(SCP, "no s3", &content)
        })
        .unwrap();
    let id = made.state.policy.id.clone();
    assert_eq!(
        made.arn,
        format!(
            "arn:aws:organizations::{ACCOUNT}:policy/{}/service_control_policy/{id}",
            organization.id
        )
    );
    for world in [&world, &world.reopened()] {
        let view = describe(world, &id).unwrap();
        let policy = &view.state.policy;
        assert_eq!(policy.content, content);
        assert_eq!(policy.name.as_str(), "no s3");
        assert_eq!(policy.description.as_str(), "what for");
        assert_eq!(policy.created, START);
        assert_eq!(policy.tags, [tag("k", "v")]);
        assert!(!view.state.aws_managed);
        assert_eq!(view.arn, made.arn);
    }
    refused(describe(&world, "p-aaaaaaaaaa"), Fault::PolicyNotFound);
}

#[test]
fn an_update_replaces_what_it_names() {
    let world = World::new();
    let (old, new) = (
        document(&statement("Deny", "s3:*")),
        document(&statement("Deny", "iam:*")),
    );
    let id = world.control(SCP, "one", &old);
    world.control(SCP, "two", &old);
    let version = world.realm.directory().version;
    world.root(update(&id)).unwrap();
    assert_eq!(world.realm.directory().version, version);
    let view = world
        .root(UpdatePolicy {
            description: Some(n("d")),
            content: Some(n(&new)),
            ..update(&id)
        })
        .unwrap();
    let policy = &view.state.policy;
    assert_eq!(
        (
            policy.name.as_str(),
            policy.description.as_str(),
            policy.content.as_str()
        ),
        ("one", "d", new.as_str())
    );
    let renamed = |name| {
        world.root(UpdatePolicy {
            name: Some(n(name)),
            ..update(&id)
        })
    };
    refused(renamed("two"), Fault::DuplicatePolicy);
    refused(renamed("FullAWSAccess"), Fault::DuplicatePolicy);
    assert_eq!(
        renamed("three").unwrap().state.policy.name.as_str(),
        "three"
    );
    fails(
        world.root(UpdatePolicy {
            content: Some(n("{}")),
            ..update(&id)
        }),
        "MalformedPolicyDocument",
        MALFORMED,
    );
    refused(world.root(update("p-aaaaaaaaaa")), Fault::PolicyNotFound);
}

#[test]
fn names_are_unique_in_their_type() {
    let world = World::new();
    let scp = document(&statement("Deny", "s3:*"));
    let rcp = document(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#);
    world.control(SCP, "one", &scp);
    refused(world.root(create(SCP, "one", &scp)), Fault::DuplicatePolicy);
    refused(
        world.root(create(SCP, "FullAWSAccess", &scp)),
        Fault::DuplicatePolicy,
    );
    world.control(RCP, "one", &rcp);
    world.control(SCP, "One", &scp);
}

#[test]
fn a_document_must_be_of_its_type_and_size() {
    let world = World::new();
    let scp = document(&statement("Deny", "s3:*"));
    let rcp = document(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#);
    for (policy_type, content) in [(SCP, "{"), (SCP, rcp.as_str()), (RCP, scp.as_str())] {
        fails(
            world.root(create(policy_type, "x", content)),
            "MalformedPolicyDocument",
            MALFORMED,
        );
    }
    let padded = |size: usize| format!("{scp}{}", " ".repeat(size - scp.len()));
    world.control(SCP, "largest", &padded(5120));
    refused(
        world.root(create(SCP, "larger", &padded(5121))),
        ConstraintReason::PolicyContentLimitExceeded,
    );
    let id = world.control(SCP, "small", &scp);
    refused(
        world.root(UpdatePolicy {
            content: Some(n(&padded(5121))),
            ..update(&id)
        }),
        ConstraintReason::PolicyContentLimitExceeded,
    );
}

#[test]
fn other_types_are_not_available() {
    let world = World::new();
    let content = document(&statement("Deny", "s3:*"));
    refused(
        world.root(create("TAG_POLICY", "x", &content)),
        Fault::PolicyTypeNotAvailable,
    );
    assert_eq!(ids(&world, "TAG_POLICY"), [""; 0]);
}

#[test]
fn policies_are_listed_in_pages_and_deleted() {
    let world = World::new();
    let content = document(&statement("Deny", "s3:*"));
    let mut made: Vec<_> = (0..3)
        .map(|number| world.control(SCP, &number.to_string(), &content))
        .collect();
    made.push(FULL.to_owned());
    made.sort();
    assert_eq!(ids(&world, SCP), made);
    assert_eq!(ids(&world, RCP), [RCP_FULL]);
    let page = world
        .root(ListPolicies {
            policy_type: n(SCP),
            page: first(3),
        })
        .unwrap();
    assert_eq!(page.items.len(), 3);
    assert_eq!(page.next.as_ref(), Some(&made[2]));
    let own = made.iter().find(|id| *id != FULL).unwrap();
    world.root(DeletePolicy { policy_id: n(own) }).unwrap();
    refused(
        world.root(DeletePolicy { policy_id: n(own) }),
        Fault::PolicyNotFound,
    );
    assert_eq!(ids(&world.reopened(), SCP).len(), 3);
}
