//! Source identity: who may set it, and that nobody changes it.

use super::{Signer, assume, authenticate, call, credentials, n, tagged_role, trusting};
use crate::common::{World, fails};
use locum_identity::caller::Need;
use locum_identity::names::{Constrained as _, SourceIdentity};
use locum_identity::sts::AssumeRole;
use locum_policy::{Kind, Policy, ResourcePolicy};

const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const SETTING: [&str; 2] = ["sts:AssumeRole", "sts:SetSourceIdentity"];
const ALREADY_SET: &str = "The source identity is already set for this assume role session";

fn world() -> (World, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    (world, bob)
}

fn identified(arn: &str, identity: &str) -> AssumeRole {
    AssumeRole {
        source_identity: Some(n(identity)),
        ..assume(arn)
    }
}

fn denied(principal: &str, role: &str) -> String {
    format!(
        "User: {principal} is not authorized to perform: sts:SetSourceIdentity on resource: {role}"
    )
}

#[test]
fn it_needs_a_permission_of_its_own_wherever_it_goes() {
    let (world, bob) = world();
    let silent = tagged_role(
        &world,
        "silent",
        &trusting(BOB, &["sts:AssumeRole"], "{}"),
        &[],
    );
    fails(
        call(&world, &bob, identified(&silent, "Ann")),
        "AccessDenied",
        &denied(BOB, &silent),
    );
    let a = tagged_role(&world, "A", &trusting(BOB, &SETTING, "{}"), &[]);
    let b = tagged_role(&world, "B", &trusting(&a, &SETTING, "{}"), &[]);
    let c = tagged_role(&world, "C", &trusting(&b, &SETTING, "{}"), &[]);
    let deaf = tagged_role(
        &world,
        "deaf",
        &trusting(&a, &["sts:AssumeRole"], "{}"),
        &[],
    );
    let first = call(&world, &bob, identified(&a, "Ann")).unwrap();
    assert_eq!(first.source_identity, Some(n("Ann")));
    let first = Signer::from(&first.credentials);
    // Inherited, it is checked again, though nobody passes it.
    let session = "arn:aws:sts::123456789012:assumed-role/A/session";
    fails(
        call(&world, &first, assume(&deaf)),
        "AccessDenied",
        &denied(session, &deaf),
    );
    let second = call(&world, &first, assume(&b)).unwrap();
    assert_eq!(second.source_identity, Some(n("Ann")));
    let second = Signer::from(&second.credentials);
    let third = call(&world, &second, assume(&c)).unwrap();
    assert_eq!(third.source_identity, Some(n("Ann")));
    // Without one, nothing is needed and nothing told.
    let plain = call(&world, &bob, assume(&a)).unwrap();
    assert_eq!(plain.source_identity, None);
    let plain = Signer::from(&plain.credentials);
    let late = call(&world, &plain, identified(&b, "Zoe")).unwrap();
    assert_eq!(late.source_identity, Some(n("Zoe")));
}

#[test]
fn it_cannot_be_changed_in_a_chain() {
    let (world, bob) = world();
    let a = tagged_role(&world, "A", &trusting(BOB, &SETTING, "{}"), &[]);
    let b = tagged_role(&world, "B", &trusting(&a, &SETTING, "{}"), &[]);
    let c = tagged_role(&world, "C", &trusting(&b, &SETTING, "{}"), &[]);
    let first = credentials(call(&world, &bob, identified(&a, "Ann")));
    let second = credentials(call(&world, &first, assume(&b)));
    for other in ["Bob", "ann", "ANN", "Ann.", "An"] {
        fails(
            call(&world, &first, identified(&b, other)),
            "ValidationText",
            ALREADY_SET,
        );
        fails(
            call(&world, &second, identified(&c, other)),
            "ValidationText",
            ALREADY_SET,
        );
    }
    // The same again is no change.
    credentials(call(&world, &second, identified(&c, "Ann")));
}

#[test]
fn it_must_be_a_name() {
    for text in ["a", "aws:ann", "a b", "é1", ""] {
        assert!(SourceIdentity::parse(text).is_err(), "{text:?}");
    }
    assert!(SourceIdentity::parse(&"a".repeat(64)).is_ok());
    assert!(SourceIdentity::parse(&"a".repeat(65)).is_err());
}

#[test]
fn trust_policies_choose_whom_they_take() {
    let (world, bob) = world();
    let condition = r#"{"StringLike":{"sts:SourceIdentity":"Ann*"}}"#;
    let role = tagged_role(&world, "r", &trusting(BOB, &SETTING, condition), &[]);
    credentials(call(&world, &bob, identified(&role, "Ann-1")));
    let text =
        format!("User: {BOB} is not authorized to perform: sts:AssumeRole on resource: {role}");
    fails(
        call(&world, &bob, identified(&role, "Bob")),
        "AccessDenied",
        &text,
    );
    fails(call(&world, &bob, assume(&role)), "AccessDenied", &text);
}

#[test]
fn later_requests_show_it() {
    let (world, bob) = world();
    let a = tagged_role(&world, "A", &trusting(BOB, &SETTING, "{}"), &[]);
    let b = tagged_role(&world, "B", &trusting(&a, &SETTING, "{}"), &[]);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/*","Condition":{"StringEquals":{"aws:SourceIdentity":"Ann"}}}]}"#;
    let policy = Policy::parse(policy, Kind::Resource).unwrap().compile();
    let reads = |signer: &Signer| {
        let caller = authenticate(&world, signer, "s3").unwrap();
        let mut need = Need::new("s3:GetObject", "arn:aws:s3:::lake/1");
        need.resource_policy = Some(ResourcePolicy::Attached(&policy));
        caller.allow(&world.facts(), &need).is_ok()
    };
    let first = credentials(call(&world, &bob, identified(&a, "Ann")));
    let second = credentials(call(&world, &first, assume(&b)));
    let plain = credentials(call(&world, &bob, assume(&a)));
    assert!(reads(&first) && reads(&second));
    assert!(!reads(&plain) && !reads(&bob));
}
