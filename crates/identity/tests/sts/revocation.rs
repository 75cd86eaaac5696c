//! Revocation: what each aim ends, across accounts too, who may order it, and that nothing forgets it
//! too early.

use super::{Signer, assume, authenticate, call, credentials, identity, n, tagged_role, trusting};
use crate::common::{ACCOUNT, START, World, fails, ready};
use locum_identity::iam::access_keys::CreateAccessKey;
use locum_identity::iam::inline_policies::{PutRolePolicy, PutUserPolicy};
use locum_identity::iam::roles::{CreateRole, DeleteRole};
use locum_identity::iam::users::CreateUser;
use locum_identity::names::AccountId;
use locum_identity::organizations::CreateAccount;
use locum_identity::revocation::{AimRequest, ListRevocations, ListSessions, RevokeSession};
use locum_identity::session::LONGEST_SESSION;
use locum_identity::sts::{AssumeRole, GetFederationToken, GetSessionToken, SessionPolicies};

pub(super) const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const OVER: &str = "The security token included in the request is expired";
const OWN: &str = "arn:aws:locum::123456789012:account";

pub(super) fn world() -> (World, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    (world, bob)
}

/// A role of the first account that trusts a principal of it.
pub(super) fn role(world: &World, name: &str, principal: &str) -> String {
    let trust = trusting(
        principal,
        &["sts:AssumeRole", "sts:SetSourceIdentity"],
        "{}",
    );
    tagged_role(world, name, &trust, &[])
}

pub(super) fn revoke(aim: AimRequest) -> RevokeSession {
    RevokeSession {
        aim,
        before: None,
        chain: false,
    }
}

pub(super) fn with_chain(aim: AimRequest) -> RevokeSession {
    RevokeSession {
        chain: true,
        ..revoke(aim)
    }
}

pub(super) fn key(signer: &Signer) -> AimRequest {
    AimRequest::AccessKey(n(&signer.id))
}

pub(super) fn principal(text: &str) -> AimRequest {
    AimRequest::Principal(n(text))
}

fn named(role: &str, session_name: &str) -> AimRequest {
    AimRequest::RoleSession {
        role: n(role),
        session_name: n(session_name),
    }
}

pub(super) fn identity_of(text: &str) -> AimRequest {
    AimRequest::SourceIdentity(n(text))
}

pub(super) fn account(id: &str) -> AimRequest {
    AimRequest::Account(n(id))
}

pub(super) fn session_of(world: &World, signer: &Signer, role: &str, name: &str) -> Signer {
    credentials(call(world, signer, AssumeRole::new(n(role), n(name))))
}

pub(super) fn as_person(world: &World, signer: &Signer, role: &str, person: &str) -> Signer {
    let assume = AssumeRole {
        source_identity: Some(n(person)),
        ..assume(role)
    };
    credentials(call(world, signer, assume))
}

pub(super) fn lives(world: &World, signer: &Signer) {
    for service in ["sts", "iam", "s3"] {
        assert!(authenticate(world, signer, service).is_ok());
    }
}

pub(super) fn is_over(world: &World, signer: &Signer) {
    for service in ["sts", "iam", "s3"] {
        fails(authenticate(world, signer, service), "ExpiredToken", OVER);
    }
}

/// Another account, and a user of it who may do everything there.
pub(super) fn other_account(world: &World, bob: &Signer) -> (AccountId, Signer) {
    let created = world
        .root(CreateAccount {
            account_name: n("other"),
            email: n("other@example.com"),
            role_name: None,
            tags: Vec::new(),
        })
        .unwrap();
    let id = created.account.unwrap();
    let statement = r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#;
    world.allow("bob", statement);
    let way_in = format!("arn:aws:iam::{id}:role/OrganizationAccountAccessRole");
    let admin = session_of(world, bob, &way_in, "setup");
    let create = CreateUser {
        user_name: n("olga"),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    };
    call(world, &admin, create).map(drop).unwrap();
    let put = PutUserPolicy {
        user_name: n("olga"),
        policy_name: n("all"),
        policy_document: n(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
        ),
    };
    call(world, &admin, put).unwrap();
    let create = CreateAccessKey {
        user_name: Some(n("olga")),
    };
    let created = call(world, &admin, create).unwrap();
    let olga = Signer {
        id: created.access_key_id.to_string(),
        secret: created.secret_access_key.expose().to_owned(),
        token: None,
    };
    (id, olga)
}

/// A role of another account that trusts `principal` of any.
pub(super) fn foreign_role(
    world: &World,
    owner: &Signer,
    of: AccountId,
    name: &str,
    principal: &str,
) -> String {
    let trust = trusting(
        principal,
        &["sts:AssumeRole", "sts:SetSourceIdentity"],
        "{}",
    );
    let create = CreateRole {
        role_name: n(name),
        path: None,
        assume_role_policy_document: n(&format!(
            r#"{{"Version":"2012-10-17","Statement":[{trust}]}}"#
        )),
        description: None,
        max_session_duration: None,
        permissions_boundary: None,
        tags: Vec::new(),
    };
    call(world, owner, create).map(drop).unwrap();
    format!("arn:aws:iam::{of}:role/{name}")
}

pub(super) fn may_assume(world: &World, role: &str) {
    let put = PutRolePolicy {
        role_name: n(role),
        policy_name: n("assume"),
        policy_document: n(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Resource":"*"}]}"#,
        ),
    };
    world.root(put).unwrap();
}

#[test]
fn one_session_by_its_access_key_id() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    let (one, two) = (
        session_of(&world, &bob, &a, "s1"),
        session_of(&world, &bob, &a, "s1"),
    );
    // Sessions in use are kept at hand, and are found out all the same.
    lives(&world, &one);
    let made = world.root(revoke(key(&one))).unwrap();
    assert_eq!(
        (made.account.as_str(), made.before, made.chain),
        (ACCOUNT, None, false)
    );
    assert_eq!(
        made.resource,
        format!("arn:aws:locum::{ACCOUNT}:session/{}", one.id)
    );
    assert_eq!(made.ordered_by, format!("arn:aws:iam::{ACCOUNT}:root"));
    assert_eq!(
        (made.created, made.expires),
        (START, START + 1 + LONGEST_SESSION)
    );
    is_over(&world, &one);
    lives(&world, &two);
    lives(&world, &bob);
    world.wait(1);
    is_over(&world, &one);
}

#[test]
fn the_sessions_of_a_role_under_one_name() {
    let (world, bob) = world();
    let (a, b) = (role(&world, "a", BOB), role(&world, "b", BOB));
    let hit = [
        session_of(&world, &bob, &a, "s1"),
        session_of(&world, &bob, &a, "s1"),
    ];
    let spared = [
        session_of(&world, &bob, &a, "s2"),
        session_of(&world, &bob, &b, "s1"),
    ];
    let made = world.root(revoke(named("a", "s1"))).unwrap();
    assert_eq!(
        (made.resource.as_str(), made.before),
        (a.as_str(), Some(START + 1))
    );
    for one in &hit {
        is_over(&world, one);
    }
    for one in &spared {
        lives(&world, one);
    }
    // By ARN and by letter case of the name it is the same role, and the same entry.
    let again = world.root(revoke(named(&a, "s1"))).unwrap();
    assert_eq!(again.id, made.id);
    assert_eq!(world.root(revoke(named("A", "s1"))).unwrap().id, made.id);
    let missing = "The role with name nobody cannot be found.";
    fails(
        world.root(revoke(named("nobody", "s1"))),
        "NoSuchEntity",
        missing,
    );
    let elsewhere = "arn:aws:iam::999999999999:role/a";
    let missing = format!("The role with name {elsewhere} cannot be found.");
    fails(
        world.root(revoke(named(elsewhere, "s1"))),
        "NoSuchEntity",
        &missing,
    );
}

#[test]
fn a_source_identity() {
    let (world, bob) = world();
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#,
    );
    let a = role(&world, "a", BOB);
    let hit = as_person(&world, &bob, &a, "alice");
    let spared = [
        as_person(&world, &bob, &a, "alicE"),
        session_of(&world, &bob, &a, "alice"),
    ];
    let made = world.root(revoke(identity_of("alice"))).unwrap();
    assert_eq!(
        made.resource,
        format!("arn:aws:locum::{ACCOUNT}:source-identity/alice")
    );
    is_over(&world, &hit);
    for one in &spared {
        lives(&world, one);
    }
}

#[test]
fn what_was_issued_to_or_by_a_principal() {
    let (world, bob) = world();
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#,
    );
    let carol = Signer::from(&world.user_with_key("carol"));
    let a = role(&world, "a", &format!("arn:aws:iam::{ACCOUNT}:root"));
    let b = role(&world, "b", &a);
    world.allow(
        "carol",
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#,
    );
    let federate = |signer: &Signer| {
        let federation = GetFederationToken {
            minimum_token_size: Default::default(),
            name: n("guest"),
            duration: None,
            session_policies: SessionPolicies::default(),
            tags: Vec::new(),
        };
        Signer::from(&call(&world, signer, federation).unwrap().credentials)
    };
    let own =
        |signer: &Signer| Signer::from(&call(&world, signer, GetSessionToken::default()).unwrap());
    let to = own(&bob);
    let by = session_of(&world, &bob, &a, "s1");
    let guest = federate(&bob);
    let further = session_of(&world, &by, &b, "s1");
    let others = session_of(&world, &carol, &a, "s1");
    let root = Signer::from(&world.root);
    let of_root = [own(&root), federate(&root)];
    world.root(revoke(principal(BOB))).unwrap();
    for one in [&to, &by, &guest] {
        is_over(&world, one);
    }
    for one in [&further, &others, &of_root[0], &of_root[1], &bob] {
        lives(&world, one);
    }
    // A role: what it was given out as, and what its sessions asked for.
    world.root(revoke(principal(&a))).unwrap();
    is_over(&world, &others);
    is_over(&world, &further);
    lives(&world, &of_root[0]);
    world
        .root(revoke(principal(&format!(
            "arn:aws:sts::{ACCOUNT}:federated-user/guest"
        ))))
        .unwrap();
    is_over(&world, &of_root[1]);
    world
        .root(revoke(principal(&format!("arn:aws:iam::{ACCOUNT}:root"))))
        .unwrap();
    is_over(&world, &of_root[0]);
}

#[test]
fn what_was_issued_before_a_time() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    let first = session_of(&world, &bob, &a, "s1");
    world.wait(10);
    let second = session_of(&world, &bob, &a, "s1");
    world.wait(10);
    let before = |aim: AimRequest, seconds: i64| RevokeSession {
        before: Some(START + seconds),
        ..revoke(aim)
    };
    world.root(before(principal(BOB), 0)).unwrap();
    lives(&world, &first);
    let made = world.root(before(principal(BOB), 10)).unwrap();
    assert_eq!(made.expires, START + 10 + LONGEST_SESSION);
    is_over(&world, &first);
    lives(&world, &second);
    // An earlier time takes nothing back.
    assert_eq!(
        world.root(before(principal(BOB), 5)).unwrap().before,
        Some(START + 10)
    );
    is_over(&world, &first);
    world.root(before(account(ACCOUNT), 11)).unwrap();
    is_over(&world, &second);
    let third = session_of(&world, &bob, &a, "s1");
    lives(&world, &third);
    let future = "Before must not be in the future";
    fails(
        world.root(before(principal(BOB), 22)),
        "ValidationText",
        future,
    );
    let past = "all sessions that were issued before that time have expired";
    fails(
        world.root(before(principal(BOB), 20 - LONGEST_SESSION)),
        "ValidationText",
        past,
    );
    let once = "Before does not go with the access key id of a session";
    fails(world.root(before(key(&third), 5)), "ValidationText", once);
}

#[test]
fn a_session_issued_right_after_a_revocation_lives() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    let old = session_of(&world, &bob, &a, "s1");
    world.root(revoke(named("a", "s1"))).unwrap();
    // In the same second.
    let new = session_of(&world, &bob, &a, "s1");
    is_over(&world, &old);
    lives(&world, &new);
    let caller = authenticate(&world, &new, "sts").unwrap();
    let session = caller.session().unwrap();
    assert_eq!((session.issued, session.expires), (START + 1, START + 3600));
}

#[test]
fn each_of_several_revocations_in_one_second_ends_what_was_issued_before_it() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    let mut sessions = vec![session_of(&world, &bob, &a, "s1")];
    for aim in [named("a", "s1"), principal(&a)] {
        world.root(revoke(aim)).unwrap();
        let session = session_of(&world, &bob, &a, "s1");
        lives(&world, &session);
        sessions.push(session);
    }
    // Whoever calls all the time gets one in between: it must not survive the last.
    world.root(revoke(account(ACCOUNT))).unwrap();
    for session in &sessions {
        is_over(&world, session);
    }
    // None is issued that would be over at once, and the next second has room.
    fails(
        call(&world, &bob, assume(&a)).map(drop),
        "Throttled",
        "Rate exceeded",
    );
    world.wait(1);
    lives(&world, &session_of(&world, &bob, &a, "s1"));
    // However many there are: no moment is further ahead.
    for _ in 0..9 {
        world.root(revoke(account(ACCOUNT))).unwrap();
    }
    world.wait(1);
    lives(&world, &session_of(&world, &bob, &a, "s1"));
}

#[test]
fn a_chain_ends_in_every_account() {
    let (world, bob) = world();
    let (other, olga) = other_account(&world, &bob);
    let a = role(&world, "a", BOB);
    may_assume(&world, "a");
    let b = foreign_role(&world, &olga, other, "b", &a);
    let put = PutRolePolicy {
        role_name: n("b"),
        policy_name: n("assume"),
        policy_document: n(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["sts:AssumeRole","sts:SetSourceIdentity"],"Resource":"*"}]}"#,
        ),
    };
    call(&world, &olga, put).unwrap();
    let c = role(&world, "c", &b);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#,
    );
    let chain = || {
        let first = as_person(&world, &bob, &a, "bob");
        let second = session_of(&world, &first, &b, "s2");
        let third = session_of(&world, &second, &c, "s3");
        [first, second, third]
    };
    let check = |aim: &dyn Fn(&[Signer; 3]) -> AimRequest, alone: [bool; 3]| {
        let sessions = chain();
        let over = |expected: [bool; 3]| {
            for (session, expected) in sessions.iter().zip(expected) {
                if expected {
                    is_over(&world, session);
                } else {
                    lives(&world, session);
                }
            }
        };
        if !matches!(aim(&sessions), AimRequest::AccessKey(id) if id.as_str() == bob.id) {
            world.root(revoke(aim(&sessions))).unwrap();
        }
        over(alone);
        world.root(with_chain(aim(&sessions))).unwrap();
        over([true; 3]);
        world.wait(2);
        // What comes later has nothing to do with it.
        for session in chain() {
            lives(&world, &session);
        }
    };
    check(&|sessions| key(&sessions[0]), [true, false, false]);
    check(&|_| named("a", "session"), [true, false, false]);
    check(&|_| principal(&a), [true, false, false]);
    check(&|_| principal(BOB), [true, false, false]);
    // The third session is one of this account as well.
    check(&|_| identity_of("bob"), [true, false, true]);
    check(&|_| account(ACCOUNT), [true, false, true]);
    check(&|_| key(&bob), [false; 3]);
    // The other account ends what is its own, and what descends from it.
    let sessions = chain();
    call(&world, &olga, with_chain(named("b", "s2"))).unwrap();
    lives(&world, &sessions[0]);
    is_over(&world, &sessions[1]);
    is_over(&world, &sessions[2]);
}

#[test]
fn nothing_of_another_account_is_touched() {
    let (world, bob) = world();
    let (other, olga) = other_account(&world, &bob);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#,
    );
    // A role of the same name, the same session name and source identity, in both.
    let a = role(&world, "a", BOB);
    let theirs = foreign_role(
        &world,
        &olga,
        other,
        "a",
        &format!("arn:aws:iam::{other}:root"),
    );
    let session = as_person(&world, &olga, &theirs, "bob");
    let ours = as_person(&world, &bob, &a, "bob");
    for aim in [
        named("a", "session"),
        identity_of("bob"),
        principal(&a),
        account(ACCOUNT),
    ] {
        world.root(with_chain(aim)).unwrap();
        lives(&world, &session);
    }
    is_over(&world, &ours);
    let not_ours = format!(
        "Access key {} does not belong to an entity of the calling account",
        session.id
    );
    fails(
        world.root(with_chain(key(&session))),
        "Forbidden",
        &not_ours,
    );
    let not_theirs = format!(
        "Access key {} does not belong to an entity of the calling account",
        bob.id
    );
    fails(
        call(&world, &olga, with_chain(key(&bob))),
        "Forbidden",
        &not_theirs,
    );
    let gone = format!("The role with name {theirs} cannot be found.");
    fails(
        world.root(with_chain(principal(&theirs))),
        "NoSuchEntity",
        &gone,
    );
    for text in [
        format!("arn:aws:iam::{other}:user/olga"),
        format!("arn:aws:iam::{other}:root"),
        "arn:aws:iam::123456789012:group/x".to_owned(),
        "arn:aws:sts::123456789012:assumed-role/a/session".to_owned(),
        "bob".to_owned(),
        "*".to_owned(),
    ] {
        let sentence =
            format!("{text} is no user, role, root user or federated user of the account");
        fails(
            world.root(revoke(principal(&text))),
            "ValidationText",
            &sentence,
        );
    }
    let theirs = "You don't have permissions to access this resource.";
    fails(
        call(&world, &olga, with_chain(account(ACCOUNT))),
        "NotManagementAccount",
        theirs,
    );
    fails(
        call(&world, &olga, revoke(account("999999999999"))),
        "NotManagementAccount",
        theirs,
    );
    lives(&world, &session);
}

#[test]
fn the_management_account_ends_a_member_whole() {
    let (world, bob) = world();
    let (other, olga) = other_account(&world, &bob);
    let own = Signer::from(&call(&world, &olga, GetSessionToken::default()).unwrap());
    let mine = Signer::from(&call(&world, &bob, GetSessionToken::default()).unwrap());
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"locum:RevokeSession","Resource":"arn:aws:locum::*:*"}"#,
    );
    let organization = world.realm.directory().organization.clone().unwrap();
    let arn = format!(
        "arn:aws:organizations::{ACCOUNT}:account/{}/{other}",
        organization.id
    );
    let sentence = format!(
        "User: {BOB} is not authorized to perform: locum:RevokeSession on resource: {arn} because no identity-based policy allows the locum:RevokeSession action"
    );
    fails(
        call(&world, &bob, revoke(account(other.as_str()))),
        "AccessDenied",
        &sentence,
    );
    lives(&world, &own);
    let made = world.root(revoke(account(other.as_str()))).unwrap();
    assert_eq!(
        (made.account, made.resource.as_str()),
        (other, arn.as_str())
    );
    is_over(&world, &own);
    lives(&world, &mine);
    lives(&world, &olga);
    // The member sees it, and who ordered it.
    let listed = call(&world, &olga, ListRevocations::default())
        .unwrap()
        .items;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].ordered_by, format!("arn:aws:iam::{ACCOUNT}:root"));
    let unknown = "You specified an account that doesn't exist.";
    fails(
        world.root(revoke(account("999999999999"))),
        "AccountNotFound",
        unknown,
    );
}

#[test]
fn a_long_term_key_is_no_session_but_a_beginning() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    let one = session_of(&world, &bob, &a, "s1");
    let sentence = "a long-term access key is no session: give Chain to end what was issued with it, and deactivate the key itself with UpdateAccessKey";
    fails(world.root(revoke(key(&bob))), "ValidationText", sentence);
    world.root(with_chain(key(&bob))).unwrap();
    is_over(&world, &one);
    lives(&world, &bob);
    lives(&world, &session_of(&world, &bob, &a, "s1"));
    // The root user's key, which does not tell its account.
    let root = Signer::from(&world.root);
    let own = Signer::from(&call(&world, &root, GetSessionToken::default()).unwrap());
    world.root(with_chain(key(&root))).unwrap();
    is_over(&world, &own);
}

#[test]
fn who_is_gone_is_known_by_its_id() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    may_assume(&world, "a");
    let b = role(&world, "b", &a);
    let first = session_of(&world, &bob, &a, "s1");
    let second = session_of(&world, &first, &b, "s2");
    let id = authenticate(&world, &first, "sts").unwrap().user_id();
    let id = id.split(':').next().unwrap().to_owned();
    let delete = locum_identity::iam::inline_policies::DeleteRolePolicy {
        role_name: n("a"),
        policy_name: n("assume"),
    };
    world.root(delete).unwrap();
    world.root(DeleteRole { role_name: n("a") }).unwrap();
    let invalid = "The security token included in the request is invalid.";
    fails(identity(&world, &first), "InvalidClientTokenId", invalid);
    lives(&world, &second);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"locum:*","Resource":"arn:aws:iam::123456789012:role/*"}"#,
    );
    // What is not there any more is authorized on the account.
    let sentence = format!(
        "User: {BOB} is not authorized to perform: locum:RevokeSession on resource: {OWN} because no identity-based policy allows the locum:RevokeSession action"
    );
    fails(
        call(&world, &bob, with_chain(principal(&id))),
        "AccessDenied",
        &sentence,
    );
    world.root(with_chain(principal(&id))).unwrap();
    is_over(&world, &second);
}

#[test]
fn policies_say_who_may_revoke_what() {
    let (world, bob) = world();
    let trust = trusting(BOB, &["sts:AssumeRole"], "{}");
    let a = tagged_role(&world, "a", &trust, &[("team", "one")]);
    let b = tagged_role(&world, "b", &trust, &[("team", "two")]);
    let session = session_of(&world, &bob, &a, "s1");
    let denied = |operation: RevokeSession, resource: &str, reason: &str| {
        let sentence = format!(
            "User: {BOB} is not authorized to perform: locum:RevokeSession on resource: {resource} {reason}"
        );
        fails(call(&world, &bob, operation), "AccessDenied", &sentence);
    };
    let silent = "because no identity-based policy allows the locum:RevokeSession action";
    let by_key = format!("arn:aws:locum::{ACCOUNT}:session/{}", session.id);
    for (aim, resource) in [
        (key(&session), by_key.as_str()),
        (named("a", "s1"), &a),
        (
            named("nobody", "s1"),
            "arn:aws:iam::123456789012:role/nobody",
        ),
        (principal(&a), &a),
        (principal(BOB), BOB),
        (
            identity_of("bob"),
            "arn:aws:locum::123456789012:source-identity/bob",
        ),
        (account(ACCOUNT), OWN),
    ] {
        denied(revoke(aim), resource, silent);
    }
    // Administrators of a team end sessions of its roles, one name at a time and without their chain.
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"locum:RevokeSession","Resource":"arn:aws:iam::123456789012:role/*","Condition":{"StringEquals":{"aws:ResourceTag/team":"one","locum:Aim":"RoleSession","locum:RoleSessionName":["s1","s2"]},"Bool":{"locum:Chain":"false"}}}"#,
    );
    denied(revoke(named("b", "s1")), &b, silent);
    denied(revoke(named("a", "s3")), &a, silent);
    denied(with_chain(named("a", "s1")), &a, silent);
    denied(revoke(principal(&a)), &a, silent);
    lives(&world, &session);
    call(&world, &bob, revoke(named("a", "s1"))).unwrap();
    is_over(&world, &session);
    for action in ["ListRevocations", "ListSessions"] {
        let sentence = format!(
            "User: {BOB} is not authorized to perform: locum:{action} on resource: {OWN} because no identity-based policy allows the locum:{action} action"
        );
        let refused = if action == "ListSessions" {
            call(&world, &bob, ListSessions::default()).map(drop)
        } else {
            call(&world, &bob, ListRevocations::default()).map(drop)
        };
        fails(refused, "AccessDenied", &sentence);
    }
}

#[test]
fn a_revocation_counts_at_the_next_request_everywhere() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    let (one, two) = (
        session_of(&world, &bob, &a, "s1"),
        session_of(&world, &bob, &a, "s2"),
    );
    let other = world.reopened();
    // In use at both nodes, and kept at hand there.
    for world in [&world, &other] {
        lives(world, &one);
        lives(world, &two);
    }
    world.root(revoke(key(&one))).unwrap();
    is_over(&world, &one);
    lives(&other, &one);
    ready(other.realm.catch_up()).unwrap();
    is_over(&other, &one);
    lives(&other, &two);
    // And the other way round; and after a start.
    other.root(revoke(named("a", "s2"))).unwrap();
    ready(world.realm.catch_up()).unwrap();
    is_over(&world, &two);
    for session in [&one, &two] {
        is_over(&world.reopened(), session);
    }
}

#[test]
fn a_write_that_was_under_way_is_not_done_by_a_session_that_is_over() {
    let (world, bob) = world();
    let a = role(&world, "a", BOB);
    let put = PutRolePolicy {
        role_name: n("a"),
        policy_name: n("all"),
        policy_document: n(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#,
        ),
    };
    world.root(put).unwrap();
    let b = role(&world, "b", &a);
    let session = session_of(&world, &bob, &a, "s1");
    let early = ["iam", "sts"].map(|service| authenticate(&world, &session, service).unwrap());
    world.root(revoke(key(&session))).unwrap();
    let facts = world.facts();
    let create = CreateUser {
        user_name: n("late"),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    };
    fails(
        ready(world.realm.call(&early[0], &facts, create)),
        "ExpiredToken",
        OVER,
    );
    fails(
        ready(world.realm.call(&early[1], &facts, assume(&b))),
        "ExpiredToken",
        OVER,
    );
}
