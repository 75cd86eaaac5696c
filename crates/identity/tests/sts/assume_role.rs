//! AssumeRole: who may, for how long, and with what.

use super::{Signer, assume, authenticate, call, credentials, identity, n, role};
use crate::common::{ACCOUNT, START, World, fails};
use locum_identity::caller::Need;
use locum_identity::error::{Error, TooLarge};
use locum_identity::iam::inline_policies::PutRolePolicy;
use locum_identity::iam::policies::CreatePolicy;
use locum_identity::iam::roles::{CreateRole, DeleteRole, GetRole};
use locum_identity::iam::users::{CreateUser, DeleteUser, UpdateUser};
use locum_identity::names::{MaxSessionDuration, RoleSessionDuration};
use locum_identity::organizations::CreateAccount;
use locum_identity::sts::{AssumeRole, SessionPolicies};

const ROLE: &str = "arn:aws:iam::123456789012:role/reader";
const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const REFUSED: &str = "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: \
     sts:AssumeRole on resource: arn:aws:iam::123456789012:role/reader";

/// A world with the user `bob`, and root to make things with.
fn world() -> (World, Signer, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    let root = Signer::from(&world.root);
    (world, root, bob)
}

fn may(world: &World, signer: &Signer, action: &str, resource: &str) -> bool {
    let caller = authenticate(world, signer, "s3").unwrap();
    let facts = world.facts();
    caller
        .allow(&facts, &Need::new(action.to_owned(), resource.to_owned()))
        .is_ok()
}

#[test]
fn a_role_that_names_the_user_needs_no_permission_of_the_users() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    let issued = call(&world, &bob, assume(ROLE)).unwrap();
    assert_eq!(
        issued.arn,
        "arn:aws:sts::123456789012:assumed-role/reader/session"
    );
    assert_eq!(issued.packed_policy_size, None);
    assert_eq!(issued.credentials.expiration, START + 3600);
    let who = identity(&world, &Signer::from(&issued.credentials)).unwrap();
    assert_eq!(who.arn, issued.arn);
    assert_eq!(who.user_id, issued.assumed_role_id);
}

#[test]
fn a_role_that_trusts_the_account_needs_one() {
    let (world, root, bob) = world();
    role(
        &world,
        &root,
        "reader",
        &format!("arn:aws:iam::{ACCOUNT}:root"),
        None,
    );
    fails(call(&world, &bob, assume(ROLE)), "AccessDenied", REFUSED);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#,
    );
    credentials(call(&world, &bob, assume(ROLE)));
}

#[test]
fn a_permission_without_trust_is_nothing_and_a_missing_role_looks_the_same() {
    let (world, root, bob) = world();
    world.allow("bob", r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#);
    fails(call(&world, &bob, assume(ROLE)), "AccessDenied", REFUSED);
    role(
        &world,
        &root,
        "reader",
        "arn:aws:iam::123456789012:user/bob",
        Some(r#"{"StringEquals":{"sts:ExternalId":"Right-1"}}"#),
    );
    for id in [None, Some("Wrong-1"), Some("right-1")] {
        let attempt = AssumeRole {
            external_id: id.map(n),
            ..assume(ROLE)
        };
        fails(call(&world, &bob, attempt), "AccessDenied", REFUSED);
    }
    credentials(call(
        &world,
        &bob,
        AssumeRole {
            external_id: Some(n("Right-1")),
            ..assume(ROLE)
        },
    ));
}

#[test]
fn the_arn_must_be_the_roles_own() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    for arn in [
        "arn:aws:iam::123456789012:role/Reader",
        "arn:aws:iam::123456789012:role/path/reader",
        "arn:aws:iam::123456789012:user/reader",
        "arn:aws-cn:iam::123456789012:role/reader",
        "arn:aws:iam:us-east-1:123456789012:role/reader",
        "arn:aws:iam::999999999999:role/reader",
    ] {
        let text = REFUSED.replace(ROLE, arn);
        fails(call(&world, &bob, assume(arn)), "AccessDenied", &text);
    }
    fails(
        call(&world, &bob, assume("this-is-no-arn-at-all")),
        "ValidationText",
        "this-is-no-arn-at-all is invalid",
    );
}

#[test]
fn root_assumes_nothing() {
    let (world, root, _) = world();
    role(
        &world,
        &root,
        "reader",
        &format!("arn:aws:iam::{ACCOUNT}:root"),
        None,
    );
    fails(
        call(&world, &root, assume(ROLE)),
        "Forbidden",
        "Roles may not be assumed by root accounts.",
    );
}

#[test]
fn durations() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    let long = |seconds| AssumeRole {
        duration: RoleSessionDuration::from_seconds(seconds).ok(),
        ..assume(ROLE)
    };
    for seconds in [900, 7200] {
        let issued = call(&world, &bob, long(seconds)).unwrap();
        assert_eq!(issued.credentials.expiration, START + i64::from(seconds));
    }
    let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
    fails(call(&world, &bob, long(7201)), "Duration", text);
}

#[test]
fn chained_roles_are_limited_to_an_hour() {
    let (world, root, bob) = world();
    role(&world, &root, "first", BOB, None);
    role(
        &world,
        &root,
        "reader",
        "arn:aws:iam::123456789012:role/first",
        None,
    );
    let first = credentials(call(
        &world,
        &bob,
        assume("arn:aws:iam::123456789012:role/first"),
    ));
    credentials(call(&world, &first, assume(ROLE)));
    let long = AssumeRole {
        duration: RoleSessionDuration::from_seconds(3601).ok(),
        ..assume(ROLE)
    };
    let text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.";
    fails(call(&world, &first, long), "Duration", text);
}

#[test]
fn a_session_may_assume_its_own_role_only_if_the_role_says_so() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    let session = credentials(call(&world, &bob, assume(ROLE)));
    let text = REFUSED.replace(BOB, "arn:aws:sts::123456789012:assumed-role/reader/session");
    fails(call(&world, &session, assume(ROLE)), "AccessDenied", &text);
}

#[test]
fn session_policies_only_take_away() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::lake/*"}]}"#;
    let put = PutRolePolicy {
        role_name: n("reader"),
        policy_name: n("p"),
        policy_document: n(document),
    };
    call(&world, &root, put).unwrap();
    let narrowed = document
        .replace("lake/*", "lake/orders/*")
        .replace("s3:Get*", "s3:*");
    let session_policies = SessionPolicies {
        policy: Some(narrowed),
        policy_arns: Vec::new(),
    };
    let issued = call(
        &world,
        &bob,
        AssumeRole {
            session_policies,
            ..assume(ROLE)
        },
    )
    .unwrap();
    assert!(
        issued
            .packed_policy_size
            .is_some_and(|percent| (1..=100).contains(&percent))
    );
    let narrow = Signer::from(&issued.credentials);
    let wide = credentials(call(&world, &bob, assume(ROLE)));
    for (action, resource, of_wide, of_narrow) in [
        ("s3:GetObject", "arn:aws:s3:::lake/orders/1", true, true),
        ("s3:GetObject", "arn:aws:s3:::lake/people/1", true, false),
        ("s3:PutObject", "arn:aws:s3:::lake/orders/1", false, false),
    ] {
        assert_eq!(
            may(&world, &wide, action, resource),
            of_wide,
            "{action} {resource}"
        );
        assert_eq!(
            may(&world, &narrow, action, resource),
            of_narrow,
            "{action} {resource}"
        );
    }
}

#[test]
fn managed_session_policies_are_resolved_at_use_and_a_missing_one_grants_nothing() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    call(
        &world,
        &root,
        PutRolePolicy {
            role_name: n("reader"),
            policy_name: n("p"),
            policy_document: n(all),
        },
    )
    .unwrap();
    let policy = CreatePolicy {
        policy_name: n("limit"),
        path: None,
        policy_document: n(all),
        description: None,
        tags: Vec::new(),
    };
    call(&world, &root, policy).unwrap();
    let arn = "arn:aws:iam::123456789012:policy/limit";
    let with = |arns: &[&str]| AssumeRole {
        session_policies: SessionPolicies {
            policy: None,
            policy_arns: arns.iter().map(|arn| n(arn)).collect(),
        },
        ..assume(ROLE)
    };
    let session = credentials(call(&world, &bob, with(&[arn])));
    assert!(may(&world, &session, "s3:GetObject", "arn:aws:s3:::b/k"));
    call(
        &world,
        &root,
        locum_identity::iam::policies::DeletePolicy { policy_arn: n(arn) },
    )
    .unwrap();
    assert!(!may(&world, &session, "s3:GetObject", "arn:aws:s3:::b/k"));
    let text = format!("Policy {arn} does not exist or is not attachable.");
    fails(call(&world, &bob, with(&[arn])), "ValidationText", &text);
}

#[test]
fn a_session_policy_that_is_none_or_too_long_is_refused() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    let with = |text: &str| AssumeRole {
        session_policies: SessionPolicies {
            policy: Some(text.to_owned()),
            policy_arns: Vec::new(),
        },
        ..assume(ROLE)
    };
    let refused = call(&world, &bob, with("{"));
    assert!(
        matches!(refused, Err(Error::MalformedPolicyDocument(_))),
        "{refused:?}"
    );
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::{}"}}]}}"#,
        "x".repeat(2048)
    );
    let refused = call(&world, &bob, with(&long));
    assert!(
        matches!(refused, Err(Error::PackedPolicyTooLarge(TooLarge::Policy(percent))) if percent > 100),
        "{refused:?}"
    );
}

#[test]
fn who_is_deleted_and_created_again_is_a_stranger() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    credentials(call(&world, &bob, assume(ROLE)));
    let keys = call(
        &world,
        &root,
        locum_identity::iam::access_keys::ListAccessKeys {
            user_name: Some(n("bob")),
            page: Default::default(),
        },
    )
    .unwrap();
    for key in keys.keys.items {
        let delete = locum_identity::iam::access_keys::DeleteAccessKey {
            user_name: Some(n("bob")),
            access_key_id: n(key.key.id.as_str()),
        };
        call(&world, &root, delete).unwrap();
    }
    call(
        &world,
        &root,
        DeleteUser {
            user_name: n("bob"),
        },
    )
    .unwrap();
    let trust = |world: &World| {
        call(
            world,
            &root,
            GetRole {
                role_name: n("reader"),
            },
        )
        .unwrap()
        .assume_role_policy_document
        .clone()
    };
    assert!(trust(&world).contains("AIDA"), "{}", trust(&world));
    let again = Signer::from(&world.user_with_key("bob"));
    fails(call(&world, &again, assume(ROLE)), "AccessDenied", REFUSED);
    assert!(trust(&world).contains("AIDA"), "{}", trust(&world));
}

#[test]
fn who_is_renamed_stays_trusted() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    let rename = UpdateUser {
        user_name: n("bob"),
        new_path: None,
        new_user_name: Some(n("robert")),
    };
    call(&world, &root, rename).unwrap();
    credentials(call(&world, &bob, assume(ROLE)));
    let shown = call(
        &world,
        &root,
        GetRole {
            role_name: n("reader"),
        },
    )
    .unwrap();
    assert!(
        shown.assume_role_policy_document.contains("user/robert"),
        "{}",
        shown.assume_role_policy_document
    );
    let create = CreateUser {
        user_name: n("bob"),
        path: None,
        permissions_boundary: None,
        tags: Vec::new(),
    };
    call(&world, &root, create).unwrap();
    let key = call(
        &world,
        &root,
        locum_identity::iam::access_keys::CreateAccessKey {
            user_name: Some(n("bob")),
        },
    )
    .unwrap();
    let impostor = Signer {
        id: key.access_key_id.to_string(),
        secret: key.secret_access_key.expose().to_owned(),
        token: None,
    };
    fails(
        call(&world, &impostor, assume(ROLE)),
        "AccessDenied",
        REFUSED,
    );
}

#[test]
fn a_principal_that_does_not_exist_cannot_be_trusted() {
    let (world, root, _) = world();
    for principal in [
        "arn:aws:iam::123456789012:user/nobody",
        "arn:aws:iam::123456789012:role/nobody",
        "arn:aws:iam::123456789012:user/path/bob",
        "arn:aws:iam::999999999999:root",
        "arn:aws:sts::123456789012:assumed-role/nobody/session",
        "AIDAQQQQQQQQQQQQQQQQQ",
    ] {
        let document = format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"}}]}}"#
        );
        let create = CreateRole {
            role_name: n("reader"),
            path: None,
            assume_role_policy_document: n(&document),
            description: None,
            max_session_duration: None::<MaxSessionDuration>,
            permissions_boundary: None,
            tags: Vec::new(),
        };
        let text = format!("Invalid principal in policy: \"AWS\":\"{principal}\"");
        fails(
            call(&world, &root, create),
            "MalformedPolicyDocument",
            &text,
        );
    }
}

#[test]
fn across_accounts_both_sides_must_agree() {
    let (world, root, bob) = world();
    let made = call(
        &world,
        &root,
        CreateAccount {
            account_name: n("Customer"),
            email: n("customer@example.com"),
            role_name: None,
            tags: Vec::new(),
        },
    )
    .unwrap();
    let customer = made.account.unwrap();
    // The management account's way in: the user needs the permission, the role trusts the account.
    let way_in = format!("arn:aws:iam::{customer}:role/OrganizationAccountAccessRole");
    let text = REFUSED.replace(ROLE, &way_in);
    fails(call(&world, &bob, assume(&way_in)), "AccessDenied", &text);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#,
    );
    let admin = credentials(call(&world, &bob, assume(&way_in)));
    assert_eq!(identity(&world, &admin).unwrap().account, Some(customer));
    // A role there that names bob is not enough without bob's permission.
    role(&world, &admin, "reader", BOB, None);
    let theirs = format!("arn:aws:iam::{customer}:role/reader");
    credentials(call(&world, &bob, assume(&theirs)));
    world.allow("bob", r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::123456789012:role/*"}"#);
    fails(
        call(&world, &bob, assume(&theirs)),
        "AccessDenied",
        &REFUSED.replace(ROLE, &theirs),
    );
}

#[test]
fn the_sessions_of_a_deleted_role_die_and_do_not_come_back() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    let session = credentials(call(&world, &bob, assume(ROLE)));
    call(
        &world,
        &root,
        DeleteRole {
            role_name: n("reader"),
        },
    )
    .unwrap();
    let text = "The security token included in the request is invalid.";
    fails(identity(&world, &session), "InvalidClientTokenId", text);
    role(&world, &root, "reader", BOB, None);
    fails(identity(&world, &session), "InvalidClientTokenId", text);
}

#[test]
fn older_sessions_can_be_revoked_by_policy() {
    let (world, root, bob) = world();
    role(&world, &root, "reader", BOB, None);
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    call(
        &world,
        &root,
        PutRolePolicy {
            role_name: n("reader"),
            policy_name: n("p"),
            policy_document: n(all),
        },
    )
    .unwrap();
    let old = credentials(call(&world, &bob, assume(ROLE)));
    assert!(may(&world, &old, "s3:GetObject", "arn:aws:s3:::b/k"));
    world.wait(10);
    let revoke = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":["*"],"Resource":["*"],"Condition":{"DateLessThan":{"aws:TokenIssueTime":"2026-01-01T00:00:10Z"}}}]}"#;
    let put = PutRolePolicy {
        role_name: n("reader"),
        policy_name: n("AWSRevokeOlderSessions"),
        policy_document: n(revoke),
    };
    call(&world, &root, put).unwrap();
    let new = credentials(call(&world, &bob, assume(ROLE)));
    assert!(!may(&world, &old, "s3:GetObject", "arn:aws:s3:::b/k"));
    assert!(may(&world, &new, "s3:GetObject", "arn:aws:s3:::b/k"));
}
