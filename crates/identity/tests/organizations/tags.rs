//! Tags of accounts, units, policies and the root.

use crate::common::{ACCOUNT, World, n};
use crate::support::{FULL, SCP, document, everything, refused, statement, tag};
use locum_identity::error::Error;
use locum_identity::names::Tag;
use locum_identity::organizations::{
    ConstraintReason, CreateAccount, CreatePolicy, Fault, InvalidReason, ListTagsForResource,
    TagResource, UntagResource,
};

fn set(world: &World, id: &str, tags: &[Tag]) -> Result<(), Error> {
    world.root(TagResource {
        resource_id: n(id),
        tags: tags.to_vec(),
    })
}

fn unset(world: &World, id: &str, keys: &[&str]) -> Result<(), Error> {
    world.root(UntagResource {
        resource_id: n(id),
        tag_keys: keys.iter().map(|key| n(key)).collect(),
    })
}

fn tags_of(world: &World, id: &str) -> Result<Vec<Tag>, Error> {
    let listed = world.root(ListTagsForResource {
        resource_id: n(id),
        page: everything(),
    });
    listed.map(|page| page.items)
}

#[test]
fn whatever_is_in_the_organization_has_tags() {
    let world = World::new();
    let root = world.root_id();
    let unit = world.unit(&root, "unit");
    let policy = world.control(SCP, "one", &document(&statement("Deny", "s3:*")));
    for id in [root.as_str(), ACCOUNT, &unit, &policy] {
        assert_eq!(tags_of(&world, id).unwrap(), []);
        set(&world, id, &[tag("b", "1"), tag("a", "2"), tag("B", "3")]).unwrap();
        set(&world, id, &[tag("b", "4")]).unwrap();
        let again = world.reopened();
        assert_eq!(
            tags_of(&again, id).unwrap(),
            [tag("B", "3"), tag("a", "2"), tag("b", "4")],
            "{id}"
        );
        unset(&world, id, &["b", "c"]).unwrap();
        assert_eq!(tags_of(&world, id).unwrap(), [tag("B", "3"), tag("a", "2")]);
        let version = world.realm.directory().version;
        unset(&world, id, &["b"]).unwrap();
        assert_eq!(world.realm.directory().version, version);
    }
    for id in [
        "r-zzzz",
        "999999999999",
        "ou-aaaa-aaaaaaaa",
        "p-aaaaaaaaaa",
        "rp-aaaa",
    ] {
        refused(tags_of(&world, id), Fault::TargetNotFound);
        refused(set(&world, id, &[tag("a", "b")]), Fault::TargetNotFound);
        refused(unset(&world, id, &["a"]), Fault::TargetNotFound);
    }
    assert_eq!(tags_of(&world, FULL).unwrap(), []);
    refused(
        set(&world, FULL, &[tag("a", "b")]),
        InvalidReason::TargetNotSupported,
    );
}

#[test]
fn tags_keep_their_rules() {
    let world = World::new();
    let many = |from: usize, to: usize| -> Vec<_> {
        (from..to)
            .map(|number| tag(&format!("k{number}"), ""))
            .collect()
    };
    let mixed = [tag("AWS:x", "")];
    refused(
        set(&world, ACCOUNT, &mixed),
        InvalidReason::InvalidSystemTagsParameter,
    );
    refused(
        unset(&world, ACCOUNT, &["aws:x"]),
        InvalidReason::InvalidSystemTagsParameter,
    );
    refused(
        set(&world, ACCOUNT, &[tag("a", "1"), tag("a", "2")]),
        InvalidReason::DuplicateTagKey,
    );
    refused(
        set(&world, ACCOUNT, &many(0, 51)),
        ConstraintReason::MaxTagLimitExceeded,
    );
    set(&world, ACCOUNT, &many(0, 50)).unwrap();
    refused(
        set(&world, ACCOUNT, &many(50, 51)),
        ConstraintReason::MaxTagLimitExceeded,
    );
    set(&world, ACCOUNT, &[tag("k7", "new")]).unwrap();
    assert_eq!(tags_of(&world, ACCOUNT).unwrap().len(), 50);
}

#[test]
fn things_are_made_with_tags() {
    let world = World::new();
    let create = |name: &str, tags: &[Tag]| CreateAccount {
        account_name: n(name),
        email: n(&format!("{name}@example.com")),
        role_name: None,
        tags: tags.to_vec(),
    };
    let made = world.root(create("member", &[tag("team", "a")])).unwrap();
    let id = made.account.unwrap();
    assert_eq!(
        tags_of(&world.reopened(), id.as_str()).unwrap(),
        [tag("team", "a")]
    );
    refused(
        world.root(create("other", &[tag("aws:x", "")])),
        InvalidReason::InvalidSystemTagsParameter,
    );
    assert_eq!(world.realm.directory().accounts.len(), 2);
    refused(
        world.root(CreatePolicy {
            name: n("x"),
            description: n(""),
            policy_type: n(SCP),
            content: n(&document(&statement("Deny", "s3:*"))),
            tags: vec![tag("a", ""), tag("a", "")],
        }),
        InvalidReason::DuplicateTagKey,
    );
}
