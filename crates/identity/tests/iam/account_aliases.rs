//! An account's alias.

use crate::common::{ACCOUNT, Key, World, fails, n, ready};
use locum_identity::caller::Caller;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::account_aliases::{
    CreateAccountAlias, DeleteAccountAlias, ListAccountAliases,
};
use locum_identity::names::AccountId;
use locum_identity::operation::Operation;
use locum_identity::organizations::CreateAccount;
use locum_identity::port::{Scope, Store as _};
use locum_identity::sts::AssumeRole;

fn create(alias: &str) -> CreateAccountAlias {
    CreateAccountAlias { alias: n(alias) }
}

fn delete(alias: &str) -> DeleteAccountAlias {
    DeleteAccountAlias { alias: n(alias) }
}

fn list() -> ListAccountAliases {
    ListAccountAliases {
        page: PageRequest::default(),
    }
}

fn listed(world: &World, caller: &Caller) -> Vec<String> {
    let listed = ready(world.realm.call(caller, &world.facts(), list())).unwrap();
    assert_eq!(listed.next, None);
    listed.items
}

fn call<O: Operation>(world: &World, caller: &Caller, operation: O) -> Result<O::Output, Error> {
    ready(world.realm.call(caller, &world.facts(), operation))
}

/// A caller of the realm's first account, and the administrator of another.
fn two_accounts(world: &World) -> (Caller, Caller) {
    let created = world.root(CreateAccount {
        account_name: n("Other"),
        email: n("other@example.com"),
        role_name: None,
        tags: Vec::new(),
    });
    let other: AccountId = created.unwrap().account.unwrap();
    let ann = world.user_with_key("ann");
    world.allow("ann", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let way_in = format!("arn:aws:iam::{other}:role/OrganizationAccountAccessRole");
    let session = world.call(&ann, AssumeRole::new(n(&way_in), n("session")));
    let session = session.unwrap().credentials;
    let key = Key {
        id: session.access_key_id.to_string(),
        secret: session.secret_access_key.expose().to_owned(),
    };
    let there = world.caller_with(&key, Some(&session.session_token), "iam");
    (world.caller(&ann, "iam").unwrap(), there.unwrap())
}

#[test]
fn an_account_has_one_alias_and_a_new_one_takes_its_place() {
    let world = World::new();
    let root = world.caller(&world.root, "iam").unwrap();
    assert!(listed(&world, &root).is_empty());
    world.root(create("first")).unwrap();
    assert_eq!(listed(&world, &root), ["first"]);
    world.root(create("second-1")).unwrap();
    assert_eq!(listed(&world, &root), ["second-1"]);
    let gone = "The account alias first cannot be found.";
    fails(world.root(delete("first")), "NoSuchEntity", gone);
    // The name that was given up is free again.
    world.root(create("first")).unwrap();
    let again = world.reopened();
    let root = again.caller(&again.root, "iam").unwrap();
    assert_eq!(listed(&again, &root), ["first"]);
    again.root(delete("first")).unwrap();
    assert!(listed(&again, &root).is_empty());
}

#[test]
fn no_two_accounts_have_one_alias() {
    let world = World::new();
    let (here, there) = two_accounts(&world);
    call(&world, &there, create("taken")).unwrap();
    let exists = "The account alias taken already exists.";
    fails(
        call(&world, &here, create("taken")),
        "EntityAlreadyExists",
        exists,
    );
    fails(
        call(&world, &there, create("taken")),
        "EntityAlreadyExists",
        exists,
    );
    // Another account's alias looks like none.
    let missing = "The account alias taken cannot be found.";
    fails(
        call(&world, &here, delete("taken")),
        "NoSuchEntity",
        missing,
    );
    assert!(listed(&world, &here).is_empty());
    assert_eq!(listed(&world, &there), ["taken"]);
    call(&world, &there, delete("taken")).unwrap();
    call(&world, &here, create("taken")).unwrap();
    assert_eq!(
        (listed(&world, &here), listed(&world, &there)),
        (vec!["taken".to_owned()], vec![])
    );
}

#[test]
fn an_alias_is_no_account_id() {
    let world = World::new();
    for id in [ACCOUNT, "999999999999"] {
        let text = "The account alias must not have the form of an account ID.";
        fails(world.root(create(id)), "ValidationText", text);
    }
    world.root(create("1234567890123")).unwrap();
}

#[test]
fn writers_that_come_late_see_each_other() {
    let world = World::new();
    world.store.lose_races(3);
    world.root(create("first")).unwrap();
    let exists = "The account alias first already exists.";
    fails(world.root(create("first")), "EntityAlreadyExists", exists);
}

#[test]
fn the_history_tells_who_changed_an_alias() {
    let world = World::new();
    world.root(create("first")).unwrap();
    let feed = ready(world.store.feed(0, 1000)).unwrap();
    let entry = feed.last().unwrap();
    assert_eq!(entry.scope, Scope::Realm);
    assert_eq!(
        (entry.origin.actor.as_str(), entry.origin.action.as_str()),
        ("arn:aws:iam::123456789012:root", "iam:CreateAccountAlias")
    );
}
