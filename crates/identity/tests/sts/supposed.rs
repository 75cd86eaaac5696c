//! Suppositions: what would be decided is what is decided.

use super::{Signer, assume, authenticate, call, credentials, role};
use crate::common::{World, n, ready};
use locum_identity::caller::{Caller, Need};
use locum_identity::error::Error;
use locum_identity::iam::inline_policies::PutRolePolicy;
use locum_identity::sts::{GetFederationToken, SessionPolicies};
use locum_identity::supposed::{Beyond, Held, Supposed, Unknown, beyond_policies, told};
use locum_policy::{Decision, Explanation};

const READER: &str = "arn:aws:iam::123456789012:role/reader";
const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const ROOT: &str = "arn:aws:iam::123456789012:root";
const SESSION: &str = "arn:aws:sts::123456789012:assumed-role/reader/session";
const FEDERATED: &str = "arn:aws:sts::123456789012:federated-user/fay";
const NARROW: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}}"#;

/// `bob`, who may list; the role `reader`, which trusts him and reads.
fn world() -> (World, Signer, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    let root = Signer::from(&world.root);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":["s3:*","sts:GetFederationToken"],"Resource":"*"}"#,
    );
    role(&world, &root, "reader", BOB, None);
    let read = PutRolePolicy {
        role_name: n("reader"),
        policy_name: n("read"),
        policy_document: n(
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:Get*","s3:List*"],"Resource":"*"}}"#,
        ),
    };
    call(&world, &root, read).unwrap();
    (world, root, bob)
}

fn suppose(world: &World, principal: &str) -> Result<Caller, Unknown> {
    let supposed = Supposed {
        principal: principal.to_owned(),
        ..Supposed::default()
    };
    ready(world.realm.supposed_caller(&supposed))
}

fn explain(world: &World, caller: &Caller, action: &str, resource: &str) -> Explanation {
    let known = ready(world.realm.supposed_resource(action, resource)).unwrap();
    caller.explain(&world.facts(), &known.need(action))
}

fn refused(result: Result<Caller, Unknown>, message: &str, usage: bool) {
    let unknown = result.map(drop).unwrap_err();
    assert_eq!(
        (unknown.to_string().as_str(), unknown.is_usage()),
        (message, usage)
    );
}

#[test]
fn a_supposed_caller_is_explained_like_the_real_one() {
    let (world, root, bob) = world();
    let session = credentials(call(&world, &bob, assume(READER)));
    let narrowed = credentials(call(&world, &bob, {
        let mut assume = assume(READER);
        assume.session_policies.policy = Some(NARROW.to_owned());
        assume
    }));
    let federated = GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("fay"),
        duration: None,
        session_policies: SessionPolicies {
            policy: Some(NARROW.to_owned()),
            policy_arns: Vec::new(),
        },
        tags: Vec::new(),
    };
    let by_root = Signer::from(&call(&world, &root, federated).unwrap().credentials);
    let plain = |principal: &str| Supposed {
        principal: principal.to_owned(),
        ..Supposed::default()
    };
    let rows = [
        (&bob, plain(BOB)),
        (&root, plain(ROOT)),
        (&session, plain(SESSION)),
        (
            &narrowed,
            Supposed {
                session_policy: Some(NARROW.to_owned()),
                ..plain(SESSION)
            },
        ),
        (
            &by_root,
            Supposed {
                issuer: Some(ROOT.to_owned()),
                session_policy: Some(NARROW.to_owned()),
                ..plain(FEDERATED)
            },
        ),
    ];
    for (signer, supposed) in rows {
        let real = authenticate(&world, signer, "s3").unwrap();
        let caller = ready(world.realm.supposed_caller(&supposed)).unwrap();
        assert_eq!(caller.arn(), real.arn());
        for (action, resource) in [
            ("s3:GetObject", "arn:aws:s3:::data/x"),
            ("s3:ListBucket", "arn:aws:s3:::data"),
            ("s3:PutObject", "arn:aws:s3:::data/x"),
            ("iam:GetRole", READER),
            ("sts:AssumeRole", READER),
        ] {
            assert_eq!(
                explain(&world, &caller, action, resource),
                explain(&world, &real, action, resource),
                "{supposed:?} {action}"
            );
        }
    }
}

#[test]
fn a_role_stands_for_a_session_of_it() {
    let (world, ..) = world();
    let caller = suppose(&world, READER).unwrap();
    assert_eq!(
        caller.arn(),
        Some("arn:aws:sts::123456789012:assumed-role/reader/supposed")
    );
    let explained = explain(&world, &caller, "s3:GetObject", "arn:aws:s3:::data/x");
    assert_eq!(explained.decision, Decision::Allowed);
}

#[test]
fn a_statement_is_named_with_its_policy() {
    let (world, ..) = world();
    let caller = suppose(&world, SESSION).unwrap();
    let explained = explain(&world, &caller, "s3:GetObject", "arn:aws:s3:::data/x");
    let labels: Vec<_> = explained
        .layers
        .iter()
        .flat_map(|layer| &layer.statements)
        .map(|statement| statement.label.as_deref())
        .collect();
    assert_eq!(labels, [Some("read (inline, role reader)")]);
}

#[test]
fn a_principal_that_cannot_be_is_refused() {
    let (world, ..) = world();
    for text in [
        "",
        "bob",
        "123456789012",
        "arn:aws:iam::123456789012:group/team",
        "arn:aws:iam::123456789012:user/",
        "arn:aws:iam::12345678901:user/bob",
        "arn:aws:iam:us-east-1:123456789012:user/bob",
        "arn:aws-cn:iam::123456789012:user/bob",
        "arn:aws:sts::123456789012:assumed-role/reader",
        "arn:aws:sts::123456789012:assumed-role/reader/a/b",
        "arn:aws:iam::123456789012:root/x",
    ] {
        let message = format!(
            "`{text}` is no principal: it must be `anonymous`, the name of a service, or the ARN of a user, a role, a role session, a federated user or a root user"
        );
        refused(suppose(&world, text), &message, true);
    }
    refused(
        suppose(&world, FEDERATED),
        "the ARN of a federated user does not say who asked for its credentials: name the issuer",
        true,
    );
    let other = Supposed {
        principal: FEDERATED.to_owned(),
        issuer: Some(READER.to_owned()),
        ..Supposed::default()
    };
    refused(
        ready(world.realm.supposed_caller(&other)),
        &format!(
            "`{READER}` is no issuer: it must be the ARN of a user or the root user of the federated user's account"
        ),
        true,
    );
    for principal in [BOB, ROOT, "anonymous"] {
        let limited = Supposed {
            principal: principal.to_owned(),
            session_policy: Some(NARROW.to_owned()),
            ..Supposed::default()
        };
        refused(
            ready(world.realm.supposed_caller(&limited)),
            "only role sessions and federated users have session policies, and root sessions of members one task policy",
            true,
        );
    }
}

#[test]
fn a_principal_that_is_not_there_is_named_with_what_is() {
    let (world, ..) = world();
    refused(
        suppose(&world, "arn:aws:iam::999999999999:user/bob"),
        "there is no account 999999999999",
        false,
    );
    refused(
        suppose(&world, "arn:aws:iam::123456789012:user/eve"),
        "`arn:aws:iam::123456789012:user/eve` does not exist",
        false,
    );
    refused(
        suppose(&world, "arn:aws:iam::123456789012:user/team/Bob"),
        "`arn:aws:iam::123456789012:user/team/Bob` does not exist; there is `arn:aws:iam::123456789012:user/bob`",
        false,
    );
    refused(
        suppose(&world, "arn:aws:sts::123456789012:assumed-role/Reader/me"),
        "`arn:aws:sts::123456789012:assumed-role/Reader/me` does not exist; there is `arn:aws:iam::123456789012:role/reader`",
        false,
    );
    let arn = "arn:aws:iam::123456789012:policy/gone";
    let gone = Supposed {
        principal: SESSION.to_owned(),
        session_policy_arns: vec![arn.to_owned()],
        ..Supposed::default()
    };
    refused(
        ready(world.realm.supposed_caller(&gone)),
        &format!("`{arn}` does not exist"),
        false,
    );
    let missing = "arn:aws:iam::123456789012:role/gone";
    let unknown = ready(world.realm.supposed_resource("sts:AssumeRole", missing)).unwrap_err();
    assert_eq!(unknown.to_string(), format!("`{missing}` does not exist"));
    let known = ready(world.realm.supposed_resource("iam:CreateRole", missing)).unwrap();
    assert!(matches!(known.held, Held::Nothing));
    assert_eq!(known.account, Some(n("123456789012")));
}

#[test]
fn a_role_to_be_assumed_answers_with_its_trust_policy_and_no_reason() {
    let (world, ..) = world();
    let known = ready(world.realm.supposed_resource("sts:assumerole", READER)).unwrap();
    let need = known.need("sts:assumerole");
    let bob = suppose(&world, BOB).unwrap();
    assert_eq!(bob.decide(&world.facts(), &need), Decision::Allowed);
    let reader = suppose(&world, SESSION).unwrap();
    let Decision::Denied(denial) = reader.decide(&world.facts(), &need) else {
        panic!("allowed")
    };
    assert_eq!(
        denial.reason("sts:AssumeRole"),
        "because no role trust policy allows the sts:AssumeRole action"
    );
    assert_eq!(
        told(&reader, &need, denial).to_string(),
        format!(
            "User: {SESSION} is not authorized to perform: sts:assumerole on resource: {READER}"
        )
    );
}

#[test]
fn what_no_policy_governs_is_told() {
    let (world, root, _) = world();
    let beyond = |principal: &str, issuer: Option<&str>, action: &str, resource: &str| {
        let supposed = Supposed {
            principal: principal.to_owned(),
            issuer: issuer.map(str::to_owned),
            ..Supposed::default()
        };
        let caller = ready(world.realm.supposed_caller(&supposed)).unwrap();
        let known = ready(world.realm.supposed_resource(action, resource)).unwrap();
        match beyond_policies(&caller, &Need::new(action, resource), &known) {
            None => "policies".to_owned(),
            Some(Beyond::Exempt) => "exempt".to_owned(),
            Some(Beyond::Refused(error)) => error.to_string(),
        }
    };
    let (root_arn, root_issuer) = (ROOT, Some(ROOT));
    assert_eq!(beyond(BOB, None, "sts:getcalleridentity", "*"), "exempt");
    assert_eq!(beyond(BOB, None, "sts:GetSessionToken", "*"), "exempt");
    assert_eq!(beyond(BOB, None, "s3:GetObject", "*"), "policies");
    assert_eq!(
        beyond(SESSION, None, "sts:GetSessionToken", "*"),
        "Cannot call GetSessionToken with session credentials"
    );
    assert_eq!(
        beyond(SESSION, None, "sts:GetFederationToken", "*"),
        "Cannot call GetFederationToken with session credentials"
    );
    assert_eq!(
        beyond(FEDERATED, root_issuer, "iam:ListUsers", "*"),
        "The security token included in the request is invalid"
    );
    assert_eq!(
        beyond(FEDERATED, root_issuer, "sts:AssumeRole", READER),
        format!(
            "User: {FEDERATED} is not authorized to perform: sts:AssumeRole on resource: {READER}"
        )
    );
    assert_eq!(
        beyond("anonymous", None, "iam:ListUsers", "*"),
        "Request is missing Authentication Token"
    );
    assert_eq!(beyond("anonymous", None, "s3:GetObject", "*"), "policies");

    // The sentences are those of the operations.
    let answered = |signer: &Signer| {
        let error: Error = call(&world, signer, assume(READER)).unwrap_err();
        error.to_string()
    };
    assert_eq!(
        beyond(root_arn, None, "sts:AssumeRole", READER),
        answered(&root)
    );
    assert_eq!(beyond(SESSION, None, "sts:AssumeRole", READER), "policies");
}
