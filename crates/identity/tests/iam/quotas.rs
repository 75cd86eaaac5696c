//! Quotas that the operator sets.

use crate::common::{ACCOUNT, World, fails, n, ready};
use crate::support::new_role;
use locum_identity::names::AccountId;
use locum_identity::quotas::AccountQuota;
use locum_identity::realm::QuotaFault;

fn set(world: &World, quota: AccountQuota, value: usize) -> Result<(), QuotaFault> {
    ready(world.realm.set_quota(n(ACCOUNT), quota, value)).unwrap()
}

fn reset(world: &World, quota: Option<AccountQuota>) {
    ready(world.realm.reset_quota(n(ACCOUNT), quota))
        .unwrap()
        .unwrap();
}

fn value(world: &World, quota: AccountQuota) -> usize {
    let account = ready(world.realm.account(n::<AccountId>(ACCOUNT))).unwrap();
    account.unwrap().quota(quota)
}

#[test]
fn a_quota_holds_as_it_was_set_and_takes_nothing_away() {
    let world = World::new();
    world.role("a");
    world.role("b");
    set(&world, AccountQuota::RolesPerAccount, 1).unwrap();
    fails(
        world.root(new_role("c")),
        "LimitExceeded",
        "Cannot exceed quota for RolesPerAccount: 1",
    );
    assert_eq!(value(&world.reopened(), AccountQuota::RolesPerAccount), 1);
    assert_eq!(value(&world, AccountQuota::UsersPerAccount), 5000);
    set(&world, AccountQuota::RolesPerAccount, 3).unwrap();
    world.role("c");
    set(&world, AccountQuota::UsersPerAccount, 1).unwrap();
    reset(&world, Some(AccountQuota::RolesPerAccount));
    assert_eq!(value(&world, AccountQuota::RolesPerAccount), 1000);
    assert_eq!(value(&world, AccountQuota::UsersPerAccount), 1);
    reset(&world, None);
    assert_eq!(value(&world, AccountQuota::UsersPerAccount), 5000);
}

#[test]
fn nobody_can_have_without_end() {
    let world = World::new();
    for quota in AccountQuota::ALL {
        let highest = quota.highest();
        assert!(
            quota.default_value() <= quota.automatic_maximum(),
            "{quota:?}"
        );
        assert!(quota.automatic_maximum() <= highest, "{quota:?}");
        assert_eq!(AccountQuota::named(quota.name()), Some(*quota));
        assert_eq!(set(&world, *quota, highest), Ok(()), "{quota:?}");
        assert_eq!(
            set(&world, *quota, highest + 1),
            Err(QuotaFault::TooHigh { highest }),
            "{quota:?}"
        );
    }
    assert_eq!(AccountQuota::named("rolesperaccount"), None);
}

#[test]
fn changes_are_in_the_history() {
    let world = World::new();
    set(&world, AccountQuota::RolesPerAccount, 7).unwrap();
    set(&world, AccountQuota::RolesPerAccount, 7).unwrap();
    reset(&world, None);
    let feed = ready(locum_identity::port::Store::feed(&*world.store, 0, 100)).unwrap();
    let of = |entry: &locum_identity::port::FeedEntry| {
        (entry.origin.actor.clone(), entry.origin.action.clone())
    };
    let told: Vec<_> = feed.iter().map(of).collect();
    let operator = |action: &str| ("locum".to_owned(), format!("locum:{action}"));
    assert!(told.ends_with(&[operator("SetQuota"), operator("ResetQuota")]));
    assert_eq!(
        told.iter()
            .filter(|it| **it == operator("SetQuota"))
            .count(),
        1
    );
    let unknown = ready(
        world
            .realm
            .set_quota(n("999999999999"), AccountQuota::RolesPerAccount, 1),
    );
    assert_eq!(unknown.unwrap(), Err(QuotaFault::UnknownAccount));
}
