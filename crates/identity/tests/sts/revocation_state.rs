//! Revocations as state: how many there are, how long they are kept, and what is listed.

use super::revocation::{
    BOB, account, as_person, foreign_role, identity_of, is_over, key, lives, may_assume,
    other_account, principal, revoke, role, session_of, with_chain, world,
};
use super::{Signer, assume, authenticate, call, credentials, n, tagged_role, trusting};
use crate::common::{ACCOUNT, START, World, fails, ready};
use locum_identity::entity::Entity;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::names::RoleSessionDuration;
use locum_identity::operation::Operation;
use locum_identity::port::{Committed, Origin, Scope, Store as _, Write};
use locum_identity::revocation::{
    Aim, ListRevocations, ListSessions, ListedSession, REVOCATIONS_PER_ACCOUNT, Revocation,
};
use locum_identity::session::LONGEST_SESSION;
use locum_identity::sts::{AssumeRole, GetCallerIdentity, GetSessionToken};

fn entry(number: usize, expires: i64) -> Revocation {
    Revocation {
        id: format!("rev-{number:05}"),
        account: n(ACCOUNT),
        aim: Aim::SourceIdentity(n(&format!("person-{number}"))),
        before: Some(START),
        chain: false,
        resource: format!("arn:aws:locum::{ACCOUNT}:source-identity/person-{number}"),
        created: START,
        expires,
        ordered_by: "test".to_owned(),
    }
}

/// Puts entries into the store that no operation made.
fn put(world: &World, entries: impl Iterator<Item = Revocation>) {
    let write = Write {
        scope: Scope::Realm,
        expected_version: ready(world.store.load(Scope::Realm)).unwrap().version,
        puts: entries
            .map(|entry| Entity::from(entry).to_record().unwrap())
            .collect(),
        deletes: Vec::new(),
    };
    let origin = Origin {
        at: START,
        actor: "test".to_owned(),
        action: "test:Put".to_owned(),
        request_id: String::new(),
    };
    assert_eq!(
        ready(world.store.commit(vec![write], origin)).unwrap(),
        Committed::Yes
    );
    ready(world.realm.catch_up()).unwrap();
}

fn stored(world: &World) -> usize {
    let records = ready(world.store.load(Scope::Realm)).unwrap().records;
    records
        .iter()
        .filter(|record| record.kind == "revocation")
        .count()
}

#[test]
fn an_account_has_so_many_revocations_and_always_room_for_one_of_all() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    let session = session_of(&world, &bob, &a, "s1");
    put(
        &world,
        (0..REVOCATIONS_PER_ACCOUNT).map(|number| entry(number, START + 100)),
    );
    let sentence = "Cannot exceed quota for RevocationsPerAccount: 10000";
    fails(world.root(revoke(key(&session))), "LimitExceeded", sentence);
    // One that is there already is renewed.
    world.root(revoke(identity_of("person-7"))).unwrap();
    lives(&world, &session);
    world.root(revoke(account(ACCOUNT))).unwrap();
    is_over(&world, &session);
    // What that covers is gone.
    assert_eq!(stored(&world), 1);
    world.root(revoke(key(&session))).unwrap();
    // The one with its chain does not cover one that has no chain alone, nor the other way round.
    world.root(with_chain(identity_of("xx"))).unwrap();
    world.wait(5);
    world.root(revoke(account(ACCOUNT))).unwrap();
    assert_eq!(stored(&world), 3);
    world.root(with_chain(account(ACCOUNT))).unwrap();
    assert_eq!(stored(&world), 3);
    // One session may have been issued by a clock that goes ahead.
    world.wait(15 * 60);
    world.root(with_chain(account(ACCOUNT))).unwrap();
    assert_eq!(stored(&world), 2);
}

#[test]
fn what_time_has_made_void_goes() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    put(&world, (0..1500).map(|number| entry(number, START + 100)));
    world.wait(99);
    ready(world.realm.forget_expired_revocations()).unwrap();
    assert_eq!(stored(&world), 1500);
    world.wait(1);
    let listed = world.root(ListRevocations::default()).unwrap();
    assert_eq!(listed.items.len(), 0);
    // A later change takes some along, the sweep all of them.
    let session = session_of(&world, &bob, &a, "s1");
    world.root(revoke(key(&session))).unwrap();
    assert_eq!(stored(&world), 501);
    ready(world.realm.forget_expired_revocations()).unwrap();
    assert_eq!(stored(&world), 1);
    is_over(&world, &session);
    assert_eq!(stored(&world.reopened()), 1);
}

#[test]
fn no_session_outlives_its_revocation() {
    let (world, bob) = world();
    let statement = trusting(BOB, &["sts:AssumeRole"], "{}");
    let longest = LONGEST_SESSION.to_string();
    let a = tagged_role(
        &world,
        "a",
        &statement,
        &[("locum:MaxSessionDuration", &longest)],
    );
    let longest = AssumeRole {
        duration: RoleSessionDuration::from_seconds(LONGEST_SESSION.try_into().unwrap()).ok(),
        ..assume(&a)
    };
    let session = credentials(call(&world, &bob, longest));
    let made = world.root(revoke(principal(BOB))).unwrap();
    // To the last second of the session the entry is there.
    world.wait(LONGEST_SESSION - 1);
    ready(world.realm.forget_expired_revocations()).unwrap();
    assert_eq!(stored(&world), 1);
    is_over(&world, &session);
    world.wait(2);
    assert!(!made.is_live(START + LONGEST_SESSION + 1));
    ready(world.realm.forget_expired_revocations()).unwrap();
    assert_eq!(stored(&world), 0);
    is_over(&world, &session);
}

/// What the recorder does behind a request.
fn used<O: Operation>(world: &World, signer: &Signer, operation: O) -> Result<O::Output, Error> {
    let caller = authenticate(world, signer, O::SERVICE.name())?;
    let facts = world.facts();
    if let (Some(session), Some(account)) = (caller.session(), caller.account_id()) {
        let uses = world.realm.session_uses();
        uses.record(account, &signer.id, session, facts.now, facts.source_ip);
    }
    ready(world.realm.call(&caller, &facts, operation))
}

#[test]
fn sessions_in_use_are_listed() {
    let (world, bob) = world();
    let (other, olga) = other_account(&world, &bob);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#,
    );
    let a = role(&world, "a", BOB);
    may_assume(&world, "a");
    let b = foreign_role(&world, &olga, other, "b", &a);
    let first = as_person(&world, &bob, &a, "bob");
    let second = credentials(used(&world, &first, assume(&b)));
    world.wait(5);
    used(&world, &second, GetCallerIdentity).unwrap();
    let own = Signer::from(&call(&world, &bob, GetSessionToken::default()).unwrap());
    used(&world, &own, GetCallerIdentity).unwrap();
    let list = |text: Option<&str>| ListSessions {
        principal: text.map(n),
        page: PageRequest::default(),
    };
    let all = world.root(list(None)).unwrap().items;
    let mut expected = vec![first.id.clone(), own.id.clone()];
    expected.sort();
    let ids: Vec<_> = all
        .iter()
        .map(|session| session.access_key_id.clone())
        .collect();
    assert_eq!(ids, expected);
    let found = |text: &str| world.root(list(Some(text))).unwrap().items;
    assert_eq!(found(BOB).len(), 2);
    assert_eq!(found(&format!("arn:aws:iam::{ACCOUNT}:root")).len(), 0);
    let of_a = found(&a);
    assert_eq!(of_a.len(), 1);
    let one = &of_a[0];
    assert_eq!(one.access_key_id, first.id);
    assert_eq!(
        one.principal,
        "arn:aws:sts::123456789012:assumed-role/a/session"
    );
    assert_eq!(
        (one.issued, one.expires, one.used),
        (START, START + 3600, (START, START))
    );
    assert_eq!(one.source_ip, Some([192, 0, 2, 7].into()));
    assert_eq!(one.source_identity.as_deref(), Some("bob"));
    assert!(!one.revoked);
    assert_eq!(one.chain.len(), 1);
    assert_eq!(
        (
            one.chain[0].access_key_id.as_deref(),
            one.chain[0].principal.as_str()
        ),
        (Some(bob.id.as_str()), BOB)
    );
    // The other account sees its own, and of what is not its own who asked, by id.
    let theirs = call(&world, &olga, list(None)).unwrap().items;
    assert_eq!(theirs.len(), 1);
    assert_eq!(theirs[0].access_key_id, second.id);
    let role_id = authenticate(&world, &first, "sts").unwrap().user_id();
    let chain: Vec<_> = theirs[0]
        .chain
        .iter()
        .map(|one| {
            (
                one.access_key_id.as_deref(),
                one.principal.as_str(),
                one.issued,
            )
        })
        .collect();
    let foreign = [ACCOUNT, role_id.as_str()].map(|principal| (None, principal, None));
    assert_eq!(chain, foreign);
    world.root(with_chain(key(&first))).unwrap();
    let revoked =
        |sessions: Vec<ListedSession>| sessions.iter().map(|one| one.revoked).collect::<Vec<_>>();
    assert_eq!(revoked(found(&a)), [true]);
    assert_eq!(
        revoked(call(&world, &olga, list(None)).unwrap().items),
        [true]
    );
    // Pages.
    let page = ListSessions {
        principal: None,
        page: PageRequest {
            behind: String::new(),
            max_items: Some(1),
        },
    };
    let first_page = world.root(page).unwrap();
    assert_eq!(first_page.next.as_deref(), Some(expected[0].as_str()));
    world.wait(3600);
    assert_eq!(found(&a).len(), 0);
}

#[test]
fn a_lost_race_is_run_again() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    let short = AssumeRole {
        duration: RoleSessionDuration::from_seconds(900).ok(),
        ..assume(&a)
    };
    let session = credentials(call(&world, &bob, short));
    world.store.lose_races(2);
    world.root(revoke(key(&session))).unwrap();
    is_over(&world, &session);
    let other = session_of(&world, &bob, &a, "s1");
    world.store.fail_commits(1);
    let text = "Service is temporarily unavailable, please retry the request.";
    fails(world.root(revoke(key(&other))), "ServiceUnavailable", text);
    lives(&world, &other);
}
