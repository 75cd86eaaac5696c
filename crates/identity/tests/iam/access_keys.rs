//! Access keys.

use crate::common::{ACCOUNT, Key, START, World, fails, n};
use locum_identity::entity::KeyStatus;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::access_keys::{
    CreateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed, ListAccessKeys, UpdateAccessKey,
};
use locum_identity::iam::users::GetUser;
use locum_identity::port::LastUse;

fn create(user: &str) -> CreateAccessKey {
    CreateAccessKey {
        user_name: Some(n(user)),
    }
}

fn update(user: Option<&str>, id: &str, status: KeyStatus) -> UpdateAccessKey {
    UpdateAccessKey {
        user_name: user.map(n),
        access_key_id: n(id),
        status,
    }
}

fn delete(user: Option<&str>, id: &str) -> DeleteAccessKey {
    DeleteAccessKey {
        user_name: user.map(n),
        access_key_id: n(id),
    }
}

fn ids(world: &World, user: Option<&str>) -> Vec<String> {
    let listed = world
        .root(ListAccessKeys {
            user_name: user.map(n),
            page: PageRequest::default(),
        })
        .unwrap();
    listed
        .keys
        .items
        .iter()
        .map(|state| state.key.id.to_string())
        .collect()
}

#[test]
fn a_user_has_two_keys_at_most() {
    let world = World::new();
    world.user("ann");
    let first = world.root(create("ANN")).unwrap();
    assert_eq!(
        (first.user_name.as_deref(), first.created),
        (Some("ann"), START)
    );
    assert!(first.access_key_id.as_str().starts_with("AKIA"));
    assert_eq!(first.secret_access_key.expose().len(), 40);
    let second = world.root(create("ann")).unwrap();
    assert_ne!(first.access_key_id, second.access_key_id);
    fails(
        world.root(create("ann")),
        "LimitExceeded",
        "Cannot exceed quota for AccessKeysPerUser: 2",
    );
    assert_eq!(ids(&world, Some("ann")).len(), 2);
    world
        .root(delete(Some("ann"), first.access_key_id.as_str()))
        .unwrap();
    assert_eq!(ids(&world, Some("ann")), [second.access_key_id.to_string()]);
    fails(
        world.root(delete(Some("ann"), first.access_key_id.as_str())),
        "NoSuchEntity",
        &format!(
            "The Access Key with id {} cannot be found",
            first.access_key_id
        ),
    );
    fails(
        world.root(create("none")),
        "NoSuchEntity",
        "The user with name none cannot be found.",
    );
}

#[test]
fn the_root_user_has_keys_too() {
    let world = World::new();
    assert_eq!(ids(&world, None), std::slice::from_ref(&world.root.id));
    let created = world.root(CreateAccessKey { user_name: None }).unwrap();
    assert_eq!(created.user_name, None);
    let second = Key {
        id: created.access_key_id.to_string(),
        secret: created.secret_access_key.expose().to_owned(),
    };
    world.call(&second, delete(None, &world.root.id)).unwrap();
    assert!(matches!(
        world.root(GetUser { user_name: None }),
        Err(Error::InvalidClientTokenId)
    ));
    assert!(world.call(&second, GetUser { user_name: None }).is_ok());
}

#[test]
fn a_key_is_another_users_to_nobody() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.user("bob");
    let message = format!("The Access Key with id {} cannot be found", ann.id);
    fails(
        world.root(update(Some("bob"), &ann.id, KeyStatus::Inactive)),
        "NoSuchEntity",
        &message,
    );
    fails(
        world.root(delete(Some("bob"), &ann.id)),
        "NoSuchEntity",
        &message,
    );
}

#[test]
fn an_inactive_key_is_refused_like_an_unknown_one() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:GetUser","Resource":"*"}"#,
    );
    let works = |world: &World| world.call(&ann, GetUser { user_name: None }).map(drop);
    works(&world).unwrap();
    world
        .root(update(Some("ann"), &ann.id, KeyStatus::Inactive))
        .unwrap();
    const REFUSAL: &str = "The security token included in the request is invalid.";
    fails(works(&world), "InvalidClientTokenId", REFUSAL);
    fails(works(&world.reopened()), "InvalidClientTokenId", REFUSAL);
    world
        .root(update(Some("ann"), &ann.id, KeyStatus::Active))
        .unwrap();
    works(&world.reopened()).unwrap();
}

#[test]
fn the_last_use_of_a_key() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    let last = |id: &str| {
        world.root(GetAccessKeyLastUsed {
            access_key_id: n(id),
        })
    };
    let never = last(&ann.id).unwrap();
    assert_eq!(
        (never.user_name.as_deref(), never.last_used),
        (Some("ann"), None)
    );
    let used = |at: i64| LastUse {
        account: n(ACCOUNT),
        subject: ann.id.clone(),
        at,
        service: "s3".to_owned(),
        region: "eu-west-1".to_owned(),
    };
    let note = |at| {
        let uses = world.realm.last_uses();
        uses.note(n(ACCOUNT), &ann.id, at, "s3", "eu-west-1");
    };
    note(START);
    // Uses within a quarter of an hour count as the first.
    note(START + 899);
    assert_eq!(last(&ann.id).unwrap().last_used, Some(used(START)));
    note(START + 900);
    assert_eq!(last(&ann.id).unwrap().last_used, Some(used(START + 900)));
    fails(
        last("AKIAAAAAAAAAAAAAAAAA"),
        "Forbidden",
        "Access key AKIAAAAAAAAAAAAAAAAA does not belong to an entity of the calling account",
    );
}
