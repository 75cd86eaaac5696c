//! GetSessionToken, GetFederationToken, GetAccessKeyInfo, and what sessions may not do.

use super::{Signer, assume, authenticate, call, credentials, identity, n, role};
use crate::common::{ACCOUNT, START, World, fails};
use locum_identity::caller::Need;
use locum_identity::iam::users::{DeleteUser, ListUsers};
use locum_identity::names::TokenDuration;
use locum_identity::sts::{GetAccessKeyInfo, GetFederationToken, GetSessionToken, SessionPolicies};

const BARRED: &str = "The security token included in the request is invalid";
const INVALID: &str = "The security token included in the request is invalid.";

fn world() -> (World, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    (world, bob)
}

fn session_token(seconds: Option<i32>) -> GetSessionToken {
    GetSessionToken {
        duration: seconds.map(|seconds| TokenDuration::from_seconds(seconds).unwrap()),
        ..GetSessionToken::default()
    }
}

fn federation(policy: Option<&str>) -> GetFederationToken {
    GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("carol"),
        duration: None,
        session_policies: SessionPolicies {
            policy: policy.map(str::to_owned),
            policy_arns: Vec::new(),
        },
        tags: Vec::new(),
    }
}

fn may(world: &World, signer: &Signer, action: &str, resource: &str) -> bool {
    let caller = authenticate(world, signer, "s3").unwrap();
    let facts = world.facts();
    caller
        .allow(&facts, &Need::new(action.to_owned(), resource.to_owned()))
        .is_ok()
}

fn list_users() -> ListUsers {
    ListUsers {
        path_prefix: None,
        page: Default::default(),
    }
}

#[test]
fn a_session_of_ones_own_is_oneself_but_not_in_iam() {
    let (world, bob) = world();
    world.allow("bob", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let issued = call(&world, &bob, session_token(None)).unwrap();
    assert_eq!(issued.expiration, START + 43_200);
    let session = Signer::from(&issued);
    let who = identity(&world, &session).unwrap();
    assert_eq!(who.arn, "arn:aws:iam::123456789012:user/bob");
    assert!(may(&world, &session, "s3:GetObject", "arn:aws:s3:::b/k"));
    call(&world, &bob, list_users()).map(drop).unwrap();
    fails(
        call(&world, &session, list_users()),
        "InvalidSessionToken",
        BARRED,
    );
    let again = "Cannot call GetSessionToken with session credentials";
    fails(
        call(&world, &session, session_token(None)),
        "Forbidden",
        again,
    );
    let federate = "Cannot call GetFederationToken with session credentials";
    fails(
        call(&world, &session, federation(None)),
        "Forbidden",
        federate,
    );
}

#[test]
fn roots_sessions_last_an_hour_whatever_is_asked() {
    let (world, _) = world();
    let root = Signer::from(&world.root);
    for (asked, lasts) in [(None, 3600), (Some(900), 900), (Some(129_600), 3600)] {
        assert_eq!(
            call(&world, &root, session_token(asked))
                .unwrap()
                .expiration,
            START + lasts
        );
    }
}

#[test]
fn sessions_work_up_to_the_second_before_they_expire() {
    let (world, bob) = world();
    let session = Signer::from(&call(&world, &bob, session_token(Some(900))).unwrap());
    world.wait(899);
    identity(&world, &session).map(drop).unwrap();
    world.wait(1);
    let expired = "The security token included in the request is expired";
    fails(identity(&world, &session), "ExpiredToken", expired);
}

#[test]
fn a_role_session_gets_no_tokens() {
    let (world, bob) = world();
    let root = Signer::from(&world.root);
    role(
        &world,
        &root,
        "reader",
        "arn:aws:iam::123456789012:user/bob",
        None,
    );
    let session = credentials(call(
        &world,
        &bob,
        assume("arn:aws:iam::123456789012:role/reader"),
    ));
    let text = "Cannot call GetSessionToken with session credentials";
    fails(
        call(&world, &session, session_token(None)),
        "Forbidden",
        text,
    );
    let text = "Cannot call GetFederationToken with session credentials";
    fails(call(&world, &session, federation(None)), "Forbidden", text);
}

#[test]
fn a_federated_user_has_what_both_the_user_and_the_policy_allow() {
    let (world, bob) = world();
    let refused = "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: sts:GetFederationToken \
                   on resource: arn:aws:sts::123456789012:federated-user/carol because no identity-based policy \
                   allows the sts:GetFederationToken action";
    fails(
        call(&world, &bob, federation(None)),
        "AccessDenied",
        refused,
    );
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":["sts:GetFederationToken","s3:GetObject"],"Resource":"*"}"#,
    );
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::lake/*"}]}"#;
    let issued = call(&world, &bob, federation(Some(policy))).unwrap();
    assert_eq!(issued.arn, "arn:aws:sts::123456789012:federated-user/carol");
    assert_eq!(issued.federated_user_id, format!("{ACCOUNT}:carol"));
    let carol = Signer::from(&issued.credentials);
    assert_eq!(identity(&world, &carol).unwrap().arn, issued.arn);
    assert!(may(&world, &carol, "s3:GetObject", "arn:aws:s3:::lake/1"));
    assert!(!may(&world, &carol, "s3:GetObject", "arn:aws:s3:::other/1"));
    assert!(!may(&world, &carol, "s3:PutObject", "arn:aws:s3:::lake/1"));
    fails(
        call(&world, &carol, list_users()),
        "InvalidSessionToken",
        BARRED,
    );
    // Without a policy there is nothing at all.
    let bare = call(&world, &bob, federation(None)).unwrap();
    assert_eq!(bare.packed_policy_size, 0);
    assert!(!may(
        &world,
        &Signer::from(&bare.credentials),
        "s3:GetObject",
        "arn:aws:s3:::lake/1"
    ));
}

#[test]
fn a_federated_user_of_root_has_what_the_policy_allows() {
    let (world, _) = world();
    let root = Signer::from(&world.root);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
    let issued = call(&world, &root, federation(Some(policy))).unwrap();
    assert_eq!(issued.credentials.expiration, START + 3600);
    let carol = Signer::from(&issued.credentials);
    assert!(may(&world, &carol, "s3:GetObject", "arn:aws:s3:::lake/1"));
    assert!(!may(&world, &carol, "s3:PutObject", "arn:aws:s3:::lake/1"));
}

#[test]
fn a_federated_user_assumes_nothing() {
    let (world, bob) = world();
    let root = Signer::from(&world.root);
    role(&world, &root, "reader", "*", None);
    world.allow("bob", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    let all =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let carol = Signer::from(
        &call(&world, &bob, federation(Some(all)))
            .unwrap()
            .credentials,
    );
    let text = "User: arn:aws:sts::123456789012:federated-user/carol is not authorized to perform: sts:AssumeRole \
                on resource: arn:aws:iam::123456789012:role/reader";
    fails(
        call(
            &world,
            &carol,
            assume("arn:aws:iam::123456789012:role/reader"),
        ),
        "AccessDenied",
        text,
    );
}

#[test]
fn the_sessions_of_a_deleted_user_die() {
    let (world, bob) = world();
    let root = Signer::from(&world.root);
    let session = Signer::from(&call(&world, &bob, session_token(None)).unwrap());
    let delete = locum_identity::iam::access_keys::DeleteAccessKey {
        user_name: Some(n("bob")),
        access_key_id: n(&bob.id),
    };
    call(&world, &root, delete).unwrap();
    // The key alone does not take its sessions along; the user does.
    identity(&world, &session).map(drop).unwrap();
    call(
        &world,
        &root,
        DeleteUser {
            user_name: n("bob"),
        },
    )
    .unwrap();
    fails(identity(&world, &session), "InvalidClientTokenId", INVALID);
}

#[test]
fn a_token_belongs_to_its_key() {
    let (world, bob) = world();
    let one = Signer::from(&call(&world, &bob, session_token(None)).unwrap());
    let two = Signer::from(&call(&world, &bob, session_token(None)).unwrap());
    let broken = "The security token included in the request is invalid";
    fails(
        identity(
            &world,
            &Signer {
                token: two.token.clone(),
                ..one.clone()
            },
        ),
        "InvalidSessionToken",
        broken,
    );
    fails(
        identity(
            &world,
            &Signer {
                token: None,
                ..one.clone()
            },
        ),
        "InvalidClientTokenId",
        INVALID,
    );
    fails(
        identity(
            &world,
            &Signer {
                token: one.token.clone(),
                ..bob
            },
        ),
        "InvalidClientTokenId",
        INVALID,
    );
    let mismatch = identity(
        &world,
        &Signer {
            secret: two.secret,
            ..one
        },
    )
    .unwrap_err()
    .to_string();
    assert!(
        mismatch.starts_with("The request signature we calculated does not match"),
        "{mismatch}"
    );
}

#[test]
fn sessions_outlive_a_restart() {
    let (world, bob) = world();
    let session = Signer::from(&call(&world, &bob, session_token(None)).unwrap());
    let arn = identity(&world.reopened(), &session).unwrap().arn;
    assert_eq!(arn, "arn:aws:iam::123456789012:user/bob");
}

#[test]
fn an_access_key_id_tells_its_account() {
    let (world, bob) = world();
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:GetAccessKeyInfo","Resource":"*"}"#,
    );
    let info = |id: &str| {
        call(
            &world,
            &bob,
            GetAccessKeyInfo {
                access_key_id: n(id),
            },
        )
    };
    for (id, account) in [
        (bob.id.as_str(), ACCOUNT),
        ("AKIAROOTROOTROOTROOT", ACCOUNT),
        ("ASIAQNZGKIQY56JQ7WML", "029608264753"),
    ] {
        assert_eq!(info(id).unwrap().as_str(), account, "{id}");
    }
    fails(
        info("AKIAIOSFODNN7EXAMPLE"),
        "ValidationText",
        "AKIAIOSFODNN7EXAMPLE is invalid",
    );
}
