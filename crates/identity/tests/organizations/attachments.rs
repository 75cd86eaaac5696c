//! Enabled types, and policies attached to roots, units and accounts.

use crate::common::{ACCOUNT, World, n};
use crate::support::{FULL, RCP, RCP_FULL, SCP, document, everything, first, refused, statement};
use locum_identity::error::Error;
use locum_identity::organizations::{
    ConstraintReason, DeleteOrganizationalUnit, DeletePolicy, DisablePolicyType, EnablePolicyType,
    Fault, InvalidReason, ListPoliciesForTarget, ListTargetsForPolicy,
};

fn enable(root: &str, policy_type: &str) -> EnablePolicyType {
    EnablePolicyType {
        root_id: n(root),
        policy_type: n(policy_type),
    }
}

fn disable(root: &str, policy_type: &str) -> DisablePolicyType {
    DisablePolicyType {
        root_id: n(root),
        policy_type: n(policy_type),
    }
}

fn policies_of(world: &World, target: &str, policy_type: &str) -> Vec<String> {
    let listed = world.root(ListPoliciesForTarget {
        target_id: n(target),
        policy_type: n(policy_type),
        page: everything(),
    });
    let items = listed.unwrap().items;
    items
        .iter()
        .map(|view| view.state.policy.id.clone())
        .collect()
}

fn targets_of(world: &World, policy: &str) -> Vec<(String, String)> {
    let listed = world.root(ListTargetsForPolicy {
        policy_id: n(policy),
        page: everything(),
    });
    let items = listed.unwrap().items;
    items
        .into_iter()
        .map(|target| (target.id, target.name))
        .collect()
}

fn scp(world: &World, name: &str) -> String {
    world.control(SCP, name, &document(&statement("Deny", "s3:*")))
}

#[test]
fn a_type_is_enabled_once_and_for_known_types() {
    let world = World::new();
    let root = world.root_id();
    refused(world.root(enable("r-zzzz", SCP)), Fault::RootNotFound);
    refused(world.root(disable("r-zzzz", SCP)), Fault::RootNotFound);
    refused(world.root(disable(&root, SCP)), Fault::PolicyTypeNotEnabled);
    refused(
        world.root(enable(&root, "BACKUP_POLICY")),
        Fault::PolicyTypeNotAvailable,
    );
    refused(
        world.root(disable(&root, "BACKUP_POLICY")),
        Fault::PolicyTypeNotEnabled,
    );
    world.enable(SCP);
    refused(
        world.root(enable(&root, SCP)),
        Fault::PolicyTypeAlreadyEnabled,
    );
    world.enable(RCP);
    let left = world.root(disable(&root, SCP)).unwrap();
    let types: Vec<_> = left
        .policy_types
        .iter()
        .map(|known| known.as_str())
        .collect();
    assert_eq!(types, [RCP]);
}

#[test]
fn everything_begins_with_the_policy_of_aws() {
    let world = World::new();
    let root = world.root_id();
    let unit = world.unit(&root, "unit");
    assert_eq!(policies_of(&world, &root, SCP), [""; 0]);
    assert_eq!(targets_of(&world, FULL), []);
    world.enable(SCP);
    let member = world.member("member");
    let later = world.unit(&unit, "later");
    let mut accounts = [
        (ACCOUNT.to_owned(), "management".to_owned()),
        (member.to_string(), "member".to_owned()),
    ];
    accounts.sort();
    let mut units = [
        (unit.clone(), "unit".to_owned()),
        (later, "later".to_owned()),
    ];
    units.sort();
    let root_target = [(root.clone(), "Root".to_owned())];
    let wanted: Vec<_> = accounts
        .into_iter()
        .chain(units)
        .chain(root_target)
        .collect();
    assert_eq!(targets_of(&world, FULL), wanted);
    assert_eq!(targets_of(&world, RCP_FULL), []);
    for (target, _) in &wanted {
        assert_eq!(policies_of(&world, target, SCP), [FULL]);
        assert_eq!(policies_of(&world, target, RCP), [""; 0]);
    }
    let page = world
        .root(ListTargetsForPolicy {
            policy_id: n(FULL),
            page: first(3),
        })
        .unwrap();
    assert_eq!(page.items.len(), 3);
    assert_eq!(page.next.as_ref(), Some(&wanted[2].0));
    let organization = world.realm.directory().organization.clone().unwrap();
    assert_eq!(
        page.items[0].arn,
        format!(
            "arn:aws:organizations::{ACCOUNT}:account/{}/{}",
            organization.id, wanted[0].0
        )
    );
    assert_eq!(
        page.items[2].arn,
        format!(
            "arn:aws:organizations::{ACCOUNT}:ou/{}/{}",
            organization.id, wanted[2].0
        )
    );
}

#[test]
fn policies_are_attached_and_detached() {
    let world = World::new();
    let root = world.root_id();
    let unit = world.unit(&root, "unit");
    let one = scp(&world, "one");
    refused(world.attach(&one, &unit), Fault::PolicyTypeNotEnabled);
    refused(world.detach(&one, &unit), Fault::PolicyNotAttached);
    world.enable(SCP);
    world.attach(&one, &unit).unwrap();
    refused(world.attach(&one, &unit), Fault::DuplicatePolicyAttachment);
    refused(world.attach(FULL, &unit), Fault::DuplicatePolicyAttachment);
    let mut both = vec![FULL.to_owned(), one.clone()];
    both.sort();
    for world in [&world, &world.reopened()] {
        assert_eq!(policies_of(world, &unit, SCP), both);
        assert_eq!(policies_of(world, &root, SCP), [FULL]);
        assert_eq!(targets_of(world, &one), [(unit.clone(), "unit".to_owned())]);
    }
    refused(
        world.root(DeletePolicy { policy_id: n(&one) }),
        Fault::PolicyInUse,
    );
    world.detach(FULL, &unit).unwrap();
    assert_eq!(policies_of(&world.reopened(), &unit, SCP), [one.as_str()]);
    refused(
        world.detach(&one, &unit),
        ConstraintReason::MinPolicyTypeAttachmentLimitExceeded,
    );
    refused(world.detach(FULL, &unit), Fault::PolicyNotAttached);
    world.attach(FULL, &unit).unwrap();
    world.detach(&one, &unit).unwrap();
    world.root(DeletePolicy { policy_id: n(&one) }).unwrap();
    for (result, fault) in [
        (world.attach("p-aaaaaaaaaa", &unit), Fault::PolicyNotFound),
        (world.detach("p-aaaaaaaaaa", &unit), Fault::PolicyNotFound),
        (world.attach(FULL, "999999999999"), Fault::TargetNotFound),
        (
            world.attach(FULL, "ou-aaaa-aaaaaaaa"),
            Fault::TargetNotFound,
        ),
        (world.detach(FULL, "r-zzzz"), Fault::TargetNotFound),
    ] {
        refused(result, fault);
    }
    refused(
        world.root(ListPoliciesForTarget {
            target_id: n("999999999999"),
            policy_type: n(SCP),
            page: everything(),
        }),
        Fault::TargetNotFound,
    );
    refused(
        world.root(ListTargetsForPolicy {
            policy_id: n("p-aaaaaaaaaa"),
            page: everything(),
        }),
        Fault::PolicyNotFound,
    );
}

#[test]
fn five_policies_of_a_type_are_attached_to_a_target() {
    let world = World::new();
    let root = world.root_id();
    world.enable(SCP);
    for number in 0..4 {
        let id = scp(&world, &number.to_string());
        world.attach(&id, &root).unwrap();
    }
    let sixth = scp(&world, "sixth");
    refused(
        world.attach(&sixth, &root),
        ConstraintReason::MaxPolicyTypeAttachmentLimitExceeded,
    );
    world.detach(FULL, &root).unwrap();
    world.attach(&sixth, &root).unwrap();
}

#[test]
fn the_resource_control_policy_of_aws_stays() {
    let world = World::new();
    let root = world.root_id();
    let rcp = world.control(
        RCP,
        "one",
        &document(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#),
    );
    world.enable(RCP);
    refused(
        world.detach(RCP_FULL, &root),
        InvalidReason::NonDetachablePolicy,
    );
    world.attach(&rcp, &root).unwrap();
    refused(
        world.detach(RCP_FULL, &root),
        InvalidReason::NonDetachablePolicy,
    );
    world.detach(&rcp, &root).unwrap();
    assert_eq!(policies_of(&world, &root, RCP), [RCP_FULL]);
}

#[test]
fn disabling_a_type_forgets_what_was_attached() {
    let world = World::new();
    let root = world.root_id();
    let unit = world.unit(&root, "unit");
    let one = scp(&world, "one");
    let rcp = world.control(
        RCP,
        "one",
        &document(r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#),
    );
    world.enable(SCP);
    world.enable(RCP);
    world.attach(&one, &unit).unwrap();
    world.attach(&one, ACCOUNT).unwrap();
    world.attach(&rcp, &unit).unwrap();
    world.root(disable(&root, SCP)).unwrap();
    assert_eq!(policies_of(&world, &unit, SCP), [""; 0]);
    assert_eq!(targets_of(&world, &one), []);
    world.enable(SCP);
    let world = world.reopened();
    assert_eq!(policies_of(&world, &unit, SCP), [FULL]);
    assert_eq!(policies_of(&world, ACCOUNT, SCP), [FULL]);
    assert_eq!(targets_of(&world, &rcp), [(unit, "unit".to_owned())]);
    world.root(DeletePolicy { policy_id: n(&one) }).unwrap();
}

#[test]
fn what_is_attached_to_a_unit_goes_with_it() {
    let world = World::new();
    let unit = world.unit(&world.root_id(), "unit");
    let one = scp(&world, "one");
    world.enable(SCP);
    world.attach(&one, &unit).unwrap();
    world
        .root(DeleteOrganizationalUnit { unit_id: n(&unit) })
        .unwrap();
    let world = world.reopened();
    assert_eq!(targets_of(&world, &one), []);
    world.root(DeletePolicy { policy_id: n(&one) }).unwrap();
}

#[test]
fn two_nodes_attaching_lose_nothing() {
    let world = World::new();
    let root = world.root_id();
    let (one, two) = (scp(&world, "one"), scp(&world, "two"));
    world.enable(SCP);
    let other = world.reopened();
    world.attach(&one, &root).unwrap();
    // The other has not seen it, and its commit comes too late at first.
    other.attach(&two, &root).unwrap();
    crate::common::ready(world.realm.catch_up()).unwrap();
    let mut all = vec![FULL.to_owned(), one, two];
    all.sort();
    assert_eq!(policies_of(&world, &root, SCP), all);
    assert_eq!(policies_of(&other, &root, SCP), all);
    other.store.fail_commits(1);
    assert!(matches!(
        other.detach(FULL, &root),
        Err(Error::ServiceUnavailable(_))
    ));
    assert_eq!(policies_of(&other, &root, SCP), all);
}
