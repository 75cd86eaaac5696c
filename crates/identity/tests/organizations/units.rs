//! The root, organizational units, and accounts in them.

use crate::common::{ACCOUNT, START, World, n};
use crate::support::{everything, first, refused, tag};
use locum_identity::entity::{AccountRecord, Change, OrganizationalUnit, TargetPolicies};
use locum_identity::error::Error;
use locum_identity::names::{AccountId, PolicyType};
use locum_identity::organizations::{
    Child, ChildType, ConstraintReason, CreateOrganizationalUnit, DeleteOrganizationalUnit,
    DescribeAccount, DescribeOrganizationalUnit, Fault, InvalidReason, ListAccountsForParent,
    ListChildren, ListOrganizationalUnitsForParent, ListParents, ListRoots,
    UpdateOrganizationalUnit,
};
use locum_identity::sealing::RootKey;

const NOWHERE: &str = "ou-aaaa-aaaaaaaa";

fn create(parent: &str, name: &str) -> CreateOrganizationalUnit {
    CreateOrganizationalUnit {
        parent_id: n(parent),
        name: n(name),
        tags: Vec::new(),
    }
}

fn rename(unit: &str, name: Option<&str>) -> UpdateOrganizationalUnit {
    UpdateOrganizationalUnit {
        unit_id: n(unit),
        name: name.map(n),
    }
}

fn accounts_in(world: &World, parent: &str) -> Vec<AccountId> {
    let listed = world.root(ListAccountsForParent {
        parent_id: n(parent),
        page: everything(),
    });
    let items = listed.unwrap().items;
    items.iter().map(|view| view.account.id).collect()
}

fn parent_of(world: &World, child: &str) -> Result<Vec<String>, Error> {
    let listed = world.root(ListParents {
        child_id: n(child),
        page: everything(),
    });
    listed.map(|page| page.items)
}

#[test]
fn a_realm_has_one_root_from_the_beginning() {
    let world = World::new();
    let roots = world.root(ListRoots { page: everything() }).unwrap();
    assert_eq!(roots.next, None);
    let [organization] = roots.items.as_slice() else {
        panic!("{roots:?}")
    };
    assert_eq!(organization.root_id(), world.root_id());
    assert!(organization.policy_types.is_empty());
    let letters = world.root_id().strip_prefix("r-").unwrap().to_owned();
    assert_eq!(organization.id.get(2..6), Some(letters.as_str()));
    assert_eq!(accounts_in(&world, &world.root_id()), [n(ACCOUNT)]);
}

#[test]
fn a_unit_has_its_path_and_its_parent() {
    let world = World::new();
    let root = world.root_id();
    let organization = world.realm.directory().organization.clone().unwrap();
    let made = world
        .root(CreateOrganizationalUnit {
            tags: vec![tag("team", "a")],
            ..create(&root, "Work loads")
        })
        .unwrap();
    assert_eq!(made.unit.created, START);
    assert_eq!(made.unit.tags, [tag("team", "a")]);
    assert_eq!(made.unit.parent, root);
    let id = &made.unit.id;
    assert_eq!(
        made.arn,
        format!(
            "arn:aws:organizations::{ACCOUNT}:ou/{}/{id}",
            organization.id
        )
    );
    assert_eq!(made.path, format!("{}/{root}/{id}/", organization.id));
    let letters = root.strip_prefix("r-").unwrap();
    assert!(id.starts_with(&format!("ou-{letters}-")), "{id}");
    let below = world.unit(id, "prod");
    let described = world
        .root(DescribeOrganizationalUnit { unit_id: n(&below) })
        .unwrap();
    assert_eq!(
        described.path,
        format!("{}/{root}/{id}/{below}/", organization.id)
    );
    assert_eq!(parent_of(&world, &below).unwrap(), [id.as_str()]);
    assert_eq!(parent_of(&world, id).unwrap(), [root.as_str()]);
    assert_eq!(parent_of(&world, ACCOUNT).unwrap(), [root.as_str()]);
    refused(parent_of(&world, NOWHERE), Fault::ChildNotFound);
    refused(parent_of(&world, "999999999999"), Fault::ChildNotFound);
}

#[test]
fn names_are_unique_among_siblings() {
    let world = World::new();
    let root = world.root_id();
    let one = world.unit(&root, "one");
    let two = world.unit(&root, "two");
    // Elsewhere the name is free.
    let below = world.unit(&one, "one");
    refused(
        world.root(create(&root, "one")),
        Fault::DuplicateOrganizationalUnit,
    );
    refused(
        world.root(rename(&two, Some("one"))),
        Fault::DuplicateOrganizationalUnit,
    );
    // Its own name is no other's, and no name is no change.
    assert_eq!(
        world
            .root(rename(&one, Some("one")))
            .unwrap()
            .unit
            .name
            .as_str(),
        "one"
    );
    let version = world.realm.directory().version;
    assert_eq!(
        world.root(rename(&one, None)).unwrap().unit.name.as_str(),
        "one"
    );
    assert_eq!(world.realm.directory().version, version);
    assert_eq!(
        world
            .root(rename(&below, Some("two")))
            .unwrap()
            .unit
            .name
            .as_str(),
        "two"
    );
    refused(
        world.root(rename(NOWHERE, Some("x"))),
        Fault::OrganizationalUnitNotFound,
    );
}

#[test]
fn a_tree_is_five_units_deep() {
    let world = World::new();
    let mut parent = world.root_id();
    for depth in 1..=5 {
        parent = world.unit(&parent, &format!("level {depth}"));
    }
    refused(
        world.root(create(&parent, "level 6")),
        ConstraintReason::OuDepthLimitExceeded,
    );
    refused(world.root(create(NOWHERE, "x")), Fault::ParentNotFound);
    refused(world.root(create("r-zzzz", "x")), Fault::ParentNotFound);
}

#[test]
fn an_organization_has_two_thousand_units() {
    let world = World::new();
    let root = world.root_id();
    world.put_into_realm((1..2000).map(|number| OrganizationalUnit {
        id: format!("ou-aaaa-{number:08}"),
        name: n(&number.to_string()),
        parent: root.clone(),
        created: START,
        tags: Vec::new(),
    }));
    world.unit(&root, "the last one");
    refused(
        world.root(create(&root, "one more")),
        ConstraintReason::OuNumberLimitExceeded,
    );
}

#[test]
fn only_an_empty_unit_is_deleted() {
    let world = World::new();
    let root = world.root_id();
    let outer = world.unit(&root, "outer");
    let inner = world.unit(&outer, "inner");
    let member = world.member("member");
    let delete = |id: &str| world.root(DeleteOrganizationalUnit { unit_id: n(id) });
    refused(delete(&outer), Fault::OrganizationalUnitNotEmpty);
    world.move_account(member, &root, &inner).unwrap();
    refused(delete(&inner), Fault::OrganizationalUnitNotEmpty);
    world.move_account(member, &inner, &root).unwrap();
    delete(&inner).unwrap();
    refused(delete(&inner), Fault::OrganizationalUnitNotFound);
    delete(&outer).unwrap();
    refused(
        world.root(DescribeOrganizationalUnit { unit_id: n(&outer) }),
        Fault::OrganizationalUnitNotFound,
    );
}

#[test]
fn an_account_moves_from_where_it_is() {
    let world = World::new();
    let root = world.root_id();
    let (one, two) = (world.unit(&root, "one"), world.unit(&root, "two"));
    let member = world.member("member");
    world.move_account(member, &root, &one).unwrap();
    assert_eq!(accounts_in(&world, &one), [member]);
    assert_eq!(parent_of(&world, member.as_str()).unwrap(), [one.as_str()]);
    let organization = world.realm.directory().organization.clone().unwrap();
    let path = world.root(DescribeAccount { account_id: member });
    assert_eq!(
        path.unwrap().path,
        format!("{}/{root}/{one}/{member}/", organization.id)
    );
    refused(
        world.move_account(member, &root, &two),
        Fault::SourceParentNotFound,
    );
    refused(
        world.move_account(member, NOWHERE, &two),
        Fault::SourceParentNotFound,
    );
    refused(
        world.move_account(member, &one, NOWHERE),
        Fault::DestinationParentNotFound,
    );
    refused(
        world.move_account(member, &one, &one),
        Fault::DuplicateAccount,
    );
    assert!(matches!(
        world.move_account(n("999999999999"), &root, &two),
        Err(Error::AccountNotFound)
    ));
    // The management account moves like any other, and back to the root.
    world.move_account(n(ACCOUNT), &root, &two).unwrap();
    world.move_account(n(ACCOUNT), &two, &root).unwrap();
    let again = world.reopened();
    assert_eq!(accounts_in(&again, &one), [member]);
    assert_eq!(accounts_in(&again, &root), [n(ACCOUNT)]);
}

#[test]
fn lists_come_in_pages() {
    let world = World::new();
    let root = world.root_id();
    let mut units: Vec<_> = (0..3)
        .map(|number| world.unit(&root, &number.to_string()))
        .collect();
    units.sort();
    let mut accounts: Vec<_> = (0..2)
        .map(|number| world.member(&format!("m{number}")))
        .collect();
    accounts.push(n(ACCOUNT));
    accounts.sort();
    let list = |behind: Option<String>, child_type| ListChildren {
        parent_id: n(&root),
        child_type,
        page: locum_identity::iam::PageRequest {
            behind: behind.unwrap_or_default(),
            max_items: Some(2),
        },
    };
    let child = |child_type| {
        move |id: &str| Child {
            id: id.to_owned(),
            child_type,
        }
    };
    for (child_type, ids) in [
        (ChildType::OrganizationalUnit, units.clone()),
        (
            ChildType::Account,
            accounts.iter().map(ToString::to_string).collect(),
        ),
    ] {
        let wanted: Vec<_> = ids.iter().map(|id| child(child_type)(id)).collect();
        let one = world.root(list(None, child_type)).unwrap();
        assert_eq!(one.items, wanted[..2]);
        assert_eq!(one.next.as_deref(), Some(ids[1].as_str()));
        let two = world.root(list(one.next, child_type)).unwrap();
        assert_eq!(two.items, wanted[2..]);
        assert_eq!(two.next, None);
    }
    let listed = world
        .root(ListOrganizationalUnitsForParent {
            parent_id: n(&root),
            page: first(2),
        })
        .unwrap();
    let ids: Vec<_> = listed.items.iter().map(|view| &view.unit.id).collect();
    assert_eq!(ids, [&units[0], &units[1]]);
    assert_eq!(listed.next.as_ref(), Some(&units[1]));
    refused(
        world.root(ListChildren {
            parent_id: n(NOWHERE),
            ..list(None, ChildType::Account)
        }),
        Fault::ParentNotFound,
    );
    refused(
        world.root(ListAccountsForParent {
            parent_id: n(NOWHERE),
            page: everything(),
        }),
        Fault::ParentNotFound,
    );
    refused(
        world.root(ListOrganizationalUnitsForParent {
            parent_id: n(NOWHERE),
            page: everything(),
        }),
        Fault::ParentNotFound,
    );
}

#[test]
fn a_lost_race_loses_no_unit() {
    let world = World::new();
    let root = world.root_id();
    let other = world.reopened();
    world.unit(&root, "one");
    // The other node has not seen it: its commit comes too late, and it starts again.
    refused(
        other.root(create(&root, "one")),
        Fault::DuplicateOrganizationalUnit,
    );
    world.store.lose_races(3);
    world.unit(&root, "two");
    assert_eq!(world.realm.directory().tree().units().count(), 2);
    world.store.fail_commits(1);
    assert!(matches!(
        world.root(create(&root, "three")),
        Err(Error::ServiceUnavailable(_))
    ));
    assert_eq!(world.realm.directory().tree().units().count(), 2);
}

#[test]
fn reserved_tags_make_no_unit() {
    let world = World::new();
    refused(
        world.root(CreateOrganizationalUnit {
            tags: vec![tag("aws:x", "")],
            ..create(&world.root_id(), "x")
        }),
        InvalidReason::InvalidSystemTagsParameter,
    );
}

/// A tree that does not hang together is not served at all.
#[test]
fn a_damaged_tree_is_refused() {
    let unit = |id: &str, parent: &str| OrganizationalUnit {
        id: id.to_owned(),
        name: n(id),
        parent: parent.to_owned(),
        created: START,
        tags: Vec::new(),
    };
    let (a, b) = ("ou-aaaa-aaaaaaaa", "ou-aaaa-bbbbbbbb");
    for units in [
        vec![unit(a, a)],
        vec![unit(a, b)],
        vec![unit(a, b), unit(b, a)],
    ] {
        let world = World::new();
        let directory = world.realm.directory();
        let mut change = Change::default();
        units.into_iter().for_each(|unit| change.put(unit));
        let Err(damaged) = directory.apply(&change, &RootKey::new(&[7; 32]).unwrap()) else {
            panic!("{change:?}")
        };
        assert_eq!(damaged.kind, "organizational-unit");
    }
    let world = World::new();
    let directory = world.realm.directory();
    let refused = |change: &Change, kind: &str, key: &str| {
        let applied = directory.apply(change, &RootKey::new(&[7; 32]).unwrap());
        let damaged = applied.err().unwrap();
        assert_eq!((damaged.kind.as_str(), damaged.key.as_str()), (kind, key));
    };
    let mut nowhere = Change::default();
    let management = directory.accounts.values().next().unwrap();
    nowhere.put(AccountRecord {
        parent: Some(NOWHERE.to_owned()),
        ..AccountRecord::clone(management)
    });
    refused(&nowhere, "account", ACCOUNT);
    let attached = |target: &str| {
        let mut change = Change::default();
        change.put(TargetPolicies {
            target: target.to_owned(),
            attached: [(PolicyType::ServiceControl, vec!["p-gone".to_owned()])].into(),
        });
        change
    };
    refused(&attached(NOWHERE), "target-policies", NOWHERE);
    world.enable("SERVICE_CONTROL_POLICY");
    let directory = world.realm.directory();
    let applied = directory.apply(&attached(ACCOUNT), &RootKey::new(&[7; 32]).unwrap());
    assert_eq!(applied.err().unwrap().key, ACCOUNT);
}
