//! Service-specific credentials.

use crate::common::{START, World, fails, n, ready};
use data_encoding::BASE64;
use locum_identity::entity::{CredentialService, KeyStatus};
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::service_credentials::{
    CreateServiceSpecificCredential, CredentialStatus, DeleteServiceSpecificCredential,
    ListServiceSpecificCredentials, ResetServiceSpecificCredential, ShownCredential,
    UpdateServiceSpecificCredential,
};
use locum_identity::iam::users::{DeleteUser, UpdateUser};
use locum_identity::names::CredentialAgeDays;
use locum_identity::port::Store as _;
use std::collections::BTreeSet;

const GIT: &str = "codecommit.amazonaws.com";
const CASSANDRA: &str = "cassandra.amazonaws.com";
const BEDROCK: &str = "bedrock.amazonaws.com";
const LOGS: &str = "logs.amazonaws.com";
const DAY: i64 = 86_400;

fn create(user: &str, service: &str) -> CreateServiceSpecificCredential {
    CreateServiceSpecificCredential {
        user_name: n(user),
        service_name: n(service),
        credential_age_days: None,
    }
}

fn aged(user: &str, service: &str, days: i32) -> CreateServiceSpecificCredential {
    CreateServiceSpecificCredential {
        credential_age_days: CredentialAgeDays::new(days).ok(),
        ..create(user, service)
    }
}

fn list(user: Option<&str>, service: Option<&str>, all: bool) -> ListServiceSpecificCredentials {
    ListServiceSpecificCredentials {
        user_name: user.map(n),
        service_name: service.map(n),
        all_users: all,
        page: PageRequest::default(),
    }
}

fn update(user: Option<&str>, id: &str, status: KeyStatus) -> UpdateServiceSpecificCredential {
    UpdateServiceSpecificCredential {
        user_name: user.map(n),
        id: n(id),
        status,
    }
}

fn reset(user: Option<&str>, id: &str) -> ResetServiceSpecificCredential {
    ResetServiceSpecificCredential {
        user_name: user.map(n),
        id: n(id),
    }
}

fn delete(user: Option<&str>, id: &str) -> DeleteServiceSpecificCredential {
    DeleteServiceSpecificCredential {
        user_name: user.map(n),
        id: n(id),
    }
}

fn listed(world: &World, user: &str) -> Vec<ShownCredential> {
    world.root(list(Some(user), None, false)).unwrap().items
}

/// The id of a new credential.
fn made(world: &World, user: &str, service: &str) -> String {
    let new = world.root(create(user, service)).unwrap();
    new.shown.credential.id.to_string()
}

#[track_caller]
fn missing<T>(result: Result<T, Error>, id: &str) {
    let text = format!("No such credential {id} exists");
    fails(result, "NoSuchEntity", &text);
}

#[test]
fn a_password_for_a_service_is_shown_once() {
    let world = World::new();
    world.user("Jane");
    let new = world.root(create("jane", GIT)).unwrap();
    let credential = &new.shown.credential;
    assert!(credential.id.as_str().starts_with("ACCA") && credential.id.as_str().len() == 21);
    assert_eq!(credential.alias, "Jane-at-123456789012");
    assert_eq!((credential.created, credential.expires), (START, None));
    assert_eq!(credential.service, CredentialService::CodeCommit);
    assert_eq!(
        (new.shown.user_name.as_str(), new.shown.status),
        ("Jane", CredentialStatus::Active)
    );
    let secret = new.secret.expose();
    assert_eq!(BASE64.decode(secret.as_bytes()).unwrap().len(), 32);
    // The second has another name, and so has another service's of the same name none.
    let second = world.root(create("jane", GIT)).unwrap();
    assert_eq!(second.shown.credential.alias, "Jane+1-at-123456789012");
    assert_ne!(second.secret.expose(), secret);
    let other = world.root(create("jane", CASSANDRA)).unwrap();
    assert_eq!(other.shown.credential.alias, "Jane-at-123456789012");
    // Resetting changes the password and nothing else.
    world.wait(5);
    let again = world
        .root(reset(Some("JANE"), credential.id.as_str()))
        .unwrap();
    assert_ne!(again.secret.expose(), secret);
    assert_eq!(again.secret.expose().len(), secret.len());
    assert_ne!(again.shown.credential.secret, credential.secret);
    assert_eq!(
        (
            &again.shown.credential.alias,
            again.shown.credential.created
        ),
        (&credential.alias, START)
    );
    // Neither is anywhere else.
    let feed = format!("{:?} {new:?}", ready(world.store.feed(0, 1000)).unwrap());
    for secret in [secret, again.secret.expose(), second.secret.expose()] {
        assert!(!feed.contains(secret), "{feed}");
    }
}

#[test]
fn an_api_key_says_whose_it_is_and_may_expire() {
    let world = World::new();
    world.user("jane");
    for (service, prefix) in [(BEDROCK, "ABSK"), (LOGS, "ACWL")] {
        let new = world.root(aged("jane", service, 1)).unwrap();
        let credential = &new.shown.credential;
        let alias = format!("jane-at-123456789012-1{START:x}");
        assert_eq!(credential.alias, alias);
        assert_eq!(credential.expires, Some(START + DAY));
        let key = new.secret.expose().strip_prefix(prefix).unwrap();
        let key = String::from_utf8(BASE64.decode(key.as_bytes()).unwrap()).unwrap();
        let (public, secret) = key.split_once(':').unwrap();
        assert_eq!(public, alias);
        assert_eq!(BASE64.decode(secret.as_bytes()).unwrap().len(), 32);
        let second = world.root(create("jane", service)).unwrap();
        assert_eq!(second.shown.credential.expires, None);
        assert_eq!(
            second.shown.credential.alias,
            format!("jane+1-at-123456789012-1{START:x}")
        );
    }
    let status = |world: &World| {
        let all = listed(world, "jane");
        all.iter().map(|one| one.status).collect::<Vec<_>>()
    };
    let expired = |world: &World| {
        let all = status(world).into_iter();
        all.filter(|one| *one == CredentialStatus::Expired).count()
    };
    world.wait(DAY - 1);
    assert_eq!(expired(&world), 0);
    world.wait(1);
    assert_eq!(expired(&world), 2);
    // What has expired stays so.
    let first = listed(&world, "jane")
        .into_iter()
        .find(|one| one.credential.expires.is_some());
    let id = first.unwrap().credential.id.to_string();
    world
        .root(update(Some("jane"), &id, KeyStatus::Inactive))
        .unwrap();
    world
        .root(update(Some("jane"), &id, KeyStatus::Active))
        .unwrap();
    world.root(reset(Some("jane"), &id)).unwrap();
    assert_eq!(expired(&world), 2);
    fails(
        world.root(aged("jane", GIT, 30)),
        "InvalidInput",
        "CredentialAgeDays is not supported for codecommit.amazonaws.com",
    );
}

#[test]
fn the_user_is_looked_for_before_the_service() {
    let world = World::new();
    let nobody = "The user with name jane cannot be found.";
    fails(
        world.root(create("jane", "s3.amazonaws.com")),
        "NoSuchEntity",
        nobody,
    );
    fails(
        world.root(list(Some("jane"), Some("s3.amazonaws.com"), false)),
        "NoSuchEntity",
        nobody,
    );
    world.user("jane");
    for service in [
        "s3.amazonaws.com",
        "",
        "CodeCommit.amazonaws.com",
        "codecommit.amazonaws.com ",
    ] {
        let none =
            format!("No such service {service} is supported for Service Specific Credentials");
        fails(world.root(create("jane", service)), "NoSuchEntity", &none);
        let listed = world.root(list(Some("jane"), Some(service), false));
        fails(listed, "NoSuchEntity", &none);
    }
}

#[test]
fn two_for_each_service_and_user() {
    let world = World::new();
    world.user("jane");
    world.user("john");
    for service in [GIT, CASSANDRA, BEDROCK, LOGS] {
        made(&world, "jane", service);
        let second = made(&world, "jane", service);
        let full = "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2";
        fails(world.root(create("JANE", service)), "LimitExceeded", full);
        made(&world, "john", service);
        // One that is switched off counts.
        world
            .root(update(Some("jane"), &second, KeyStatus::Inactive))
            .unwrap();
        fails(world.root(create("jane", service)), "LimitExceeded", full);
        world.root(delete(Some("jane"), &second)).unwrap();
        made(&world, "jane", service);
    }
}

#[test]
fn credentials_are_changed_by_their_user_alone() {
    let world = World::new();
    let key = world.user_with_key("jane");
    world.user("john");
    let id = made(&world, "jane", GIT);
    let unknown = "ACCAAAAAAAAAAAAAAAAAA";
    for (user, id) in [
        ("john", id.as_str()),
        ("jane", unknown),
        ("jane", &id.to_lowercase()),
    ] {
        missing(world.root(update(Some(user), id, KeyStatus::Active)), id);
        missing(world.root(reset(Some(user), id)), id);
        missing(world.root(delete(Some(user), id)), id);
    }
    let unnamed = "Must specify userName when calling with non-User credentials";
    fails(
        world.root(update(None, &id, KeyStatus::Active)),
        "ValidationText",
        unnamed,
    );
    fails(world.root(reset(None, &id)), "ValidationText", unnamed);
    fails(world.root(delete(None, &id)), "ValidationText", unnamed);
    fails(
        world.root(list(None, None, false)),
        "ValidationText",
        unnamed,
    );
    let own = "arn:aws:iam::123456789012:user/jane";
    world.allow(
        "jane",
        &format!(r#"{{"Effect":"Allow","Action":"iam:*","Resource":"{own}"}}"#),
    );
    world
        .call(&key, update(None, &id, KeyStatus::Inactive))
        .unwrap();
    let mine = world.call(&key, list(None, None, false)).unwrap().items;
    assert_eq!(mine.len(), 1);
    assert_eq!(mine[0].status, CredentialStatus::Inactive);
    world.call(&key, reset(None, &id)).unwrap();
    world.call(&key, delete(None, &id)).unwrap();
    fails(
        world.call(&key, create("JOHN", GIT)),
        "AccessDenied",
        &format!(
            "User: {own} is not authorized to perform: iam:CreateServiceSpecificCredential on resource: arn:aws:iam::123456789012:user/john because no identity-based policy allows the iam:CreateServiceSpecificCredential action"
        ),
    );
}

#[test]
fn service_and_age_are_condition_keys() {
    let world = World::new();
    let key = world.user_with_key("jane");
    let denied = |result: Result<(), Error>| {
        let Err(error) = result else { return false };
        assert!(matches!(error, Error::AccessDenied(_)), "{error}");
        true
    };
    world.allow(
        "jane",
        r#"{"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{
            "StringEquals":{"iam:ServiceSpecificCredentialServiceName":"bedrock.amazonaws.com"},
            "NumericLessThanEquals":{"iam:ServiceSpecificCredentialAgeDays":"90"}}}"#,
    );
    assert!(
        denied(world.call(&key, create("jane", BEDROCK)).map(drop)),
        "for ever"
    );
    assert!(denied(
        world.call(&key, aged("jane", BEDROCK, 91)).map(drop)
    ));
    assert!(denied(world.call(&key, aged("jane", LOGS, 90)).map(drop)));
    assert!(!denied(
        world.call(&key, aged("jane", BEDROCK, 90)).map(drop)
    ));
    world.allow(
        "jane",
        r#"{"Effect":"Allow","Action":"iam:*","Resource":"*","Condition":{
            "StringEquals":{"iam:ServiceSpecificCredentialServiceName":"codecommit.amazonaws.com"}}}"#,
    );
    let (git, other) = (made(&world, "jane", GIT), made(&world, "jane", LOGS));
    for (id, refused) in [(git, false), (other, true)] {
        let status = KeyStatus::Inactive;
        assert_eq!(denied(world.call(&key, update(None, &id, status))), refused);
        assert_eq!(
            denied(world.call(&key, reset(None, &id)).map(drop)),
            refused
        );
        assert_eq!(denied(world.call(&key, delete(None, &id))), refused);
    }
    assert!(!denied(
        world.call(&key, list(None, Some(GIT), false)).map(drop)
    ));
    assert!(denied(world.call(&key, list(None, None, false)).map(drop)));
}

#[test]
fn all_users_credentials_come_in_pages() {
    let world = World::new();
    let mut ids = BTreeSet::new();
    for user in ["ann", "bob", "eve"] {
        world.user(user);
        ids.insert(made(&world, user, GIT));
        ids.insert(made(&world, user, BEDROCK));
    }
    let mut found = Vec::new();
    let mut behind = String::new();
    loop {
        let page = PageRequest {
            behind,
            max_items: Some(4),
        };
        let list = ListServiceSpecificCredentials {
            page,
            ..list(None, None, true)
        };
        let page = world.root(list).unwrap();
        found.extend(page.items.iter().map(|one| one.credential.id.to_string()));
        match page.next {
            Some(next) => behind = next,
            None => break,
        }
    }
    assert_eq!(found, ids.into_iter().collect::<Vec<_>>());
    let git = world.root(list(None, Some(GIT), true)).unwrap().items;
    let users: Vec<_> = git.iter().map(|one| one.user_name.as_str()).collect();
    assert_eq!(
        users.iter().collect::<BTreeSet<_>>(),
        BTreeSet::from([&"ann", &"bob", &"eve"])
    );
    fails(
        world.root(list(Some("ann"), None, true)),
        "ValidationText",
        "UserName must not be specified when AllUsers is true",
    );
}

#[test]
fn credentials_go_with_their_user_and_not_with_the_name() {
    let world = World::new();
    world.user("jane");
    let id = made(&world, "jane", GIT);
    world
        .root(UpdateUser {
            user_name: n("jane"),
            new_path: None,
            new_user_name: Some(n("joan")),
        })
        .unwrap();
    world.user("jane");
    assert!(listed(&world, "jane").is_empty());
    assert_eq!(listed(&world, "joan")[0].credential.id.as_str(), id);
    // The service must be able to tell them apart.
    let new = world.root(create("JANE", GIT)).unwrap();
    assert_eq!(new.shown.credential.alias, "jane+1-at-123456789012");
    let remains = "Cannot delete entity, must remove referenced objects first.";
    fails(
        world.root(DeleteUser {
            user_name: n("joan"),
        }),
        "DeleteConflict",
        remains,
    );
    world.root(delete(Some("joan"), &id)).unwrap();
    world
        .root(DeleteUser {
            user_name: n("joan"),
        })
        .unwrap();
    assert_eq!(listed(&world.reopened(), "jane").len(), 1);
}
