//! Session tags: who may pass them, what contradicts, what is handed down, and what they count for.

use super::{
    Signer, assume, assume_tagged, authenticate, call, credentials, n, tagged_role, tags, trusting,
};
use crate::common::{World, fails};
use locum_identity::caller::Need;
use locum_identity::error::Error;
use locum_identity::iam::inline_policies::PutRolePolicy;
use locum_identity::iam::users::TagUser;
use locum_identity::names::{Constrained as _, TagKey, TagValue};
use locum_identity::session::Session;
use locum_identity::sts::{AssumeRole, GetFederationToken, SessionPolicies};

const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const ROOT: &str = "arn:aws:iam::123456789012:root";
const TAGGING: [&str; 2] = ["sts:AssumeRole", "sts:TagSession"];
const DUPLICATE: &str = "Duplicate tag keys found. Please note that Tag keys are case insensitive.";
const NOT_INCLUDED: &str =
    "The specified transitive tag key must be included in the requested tags.";
const CONFLICT: &str = "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.";
const RESERVED: &str = "Tag keys beginning with aws: are reserved for AWS use.";

fn world() -> (World, Signer) {
    let world = World::new();
    let bob = Signer::from(&world.user_with_key("bob"));
    (world, bob)
}

fn denied(principal: &str, action: &str, role: &str) -> String {
    format!("User: {principal} is not authorized to perform: {action} on resource: {role}")
}

fn session_of(name: &str) -> String {
    format!("arn:aws:sts::123456789012:assumed-role/{name}/session")
}

/// What the session of `signer` says.
fn session(world: &World, signer: &Signer) -> Session {
    let caller = authenticate(world, signer, "sts").unwrap();
    caller.session().unwrap().clone()
}

fn tags_of(world: &World, signer: &Signer) -> Vec<(String, String, bool)> {
    let session = session(world, signer);
    let tags = session.packed.tags().iter();
    tags.map(|tag| {
        (
            tag.tag.key.to_string(),
            tag.tag.value.to_string(),
            tag.transitive,
        )
    })
    .collect()
}

fn owned(key: &str, value: &str, transitive: bool) -> (String, String, bool) {
    (key.to_owned(), value.to_owned(), transitive)
}

/// Whether a session may read an object below a prefix that its role's policy makes of a tag.
fn reads(world: &World, signer: &Signer, key: &str) -> bool {
    let caller = authenticate(world, signer, "s3").unwrap();
    let resource = format!("arn:aws:s3:::lake/{key}");
    let need = Need::new("s3:GetObject", resource);
    caller.allow(&world.facts(), &need).is_ok()
}

fn lets_read(world: &World, role: &str) {
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/${aws:PrincipalTag/Team}/*"}]}"#;
    let put = PutRolePolicy {
        role_name: n(role),
        policy_name: n("lake"),
        policy_document: n(document),
    };
    world.root(put).unwrap();
}

#[test]
fn tags_need_a_permission_of_their_own() {
    let (world, bob) = world();
    let role = tagged_role(&world, "r", &trusting(BOB, &["sts:AssumeRole"], "{}"), &[]);
    let tagged = assume_tagged(&role, &[("Team", "blue")], &[]);
    let text = denied(BOB, "sts:TagSession", &role);
    fails(call(&world, &bob, tagged), "AccessDenied", &text);
    credentials(call(&world, &bob, assume(&role)));

    // Where the trust delegates to the account, the user needs both, as for sts:AssumeRole.
    let role = tagged_role(&world, "delegating", &trusting(ROOT, &TAGGING, "{}"), &[]);
    let tagged = || assume_tagged(&role, &[("Team", "blue")], &[]);
    let text = denied(BOB, "sts:AssumeRole", &role);
    fails(call(&world, &bob, tagged()), "AccessDenied", &text);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#,
    );
    let text = denied(BOB, "sts:TagSession", &role);
    fails(call(&world, &bob, tagged()), "AccessDenied", &text);
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Resource":"*"}"#,
    );
    let session = credentials(call(&world, &bob, tagged()));
    assert_eq!(tags_of(&world, &session), [owned("Team", "blue", false)]);
}

#[test]
fn tags_that_contradict_are_refused_before_anything_is_decided() {
    let (world, bob) = world();
    let nobody = "arn:aws:iam::123456789012:role/nobody";
    type Case<'a> = (&'a [(&'a str, &'a str)], &'a [&'a str], &'a str);
    let cases: [Case<'_>; 8] = [
        (&[("a", "1"), ("a", "1")], &[], DUPLICATE),
        (&[("Team", "1"), ("tEAM", "2")], &[], DUPLICATE),
        // KELVIN SIGN is a K, and dotted capital I an i with a dot.
        (&[("key", "1"), ("\u{212a}ey", "2")], &[], DUPLICATE),
        (&[("É", "1"), ("é", "2")], &[], DUPLICATE),
        (&[("aws:a", "1")], &[], RESERVED),
        (&[("AwS:a", "1")], &[], RESERVED),
        (&[("a", "1")], &["b"], NOT_INCLUDED),
        (&[], &["a"], NOT_INCLUDED),
    ];
    for (with, transitive, text) in cases {
        let attempt = assume_tagged(nobody, with, transitive);
        fails(call(&world, &bob, attempt), "InvalidParameterValue", text);
    }
    // Letter case does not matter for naming a transitive tag, and naming one twice is once.
    let role = tagged_role(&world, "r", &trusting(BOB, &TAGGING, "{}"), &[]);
    let named = assume_tagged(&role, &[("Team", "1"), ("b", "2")], &["tEaM", "TEAM"]);
    let session = credentials(call(&world, &bob, named));
    assert_eq!(
        tags_of(&world, &session),
        [owned("Team", "1", true), owned("b", "2", false)]
    );
}

#[test]
fn transitive_tags_are_handed_down_and_never_overridden() {
    let (world, bob) = world();
    let a = tagged_role(
        &world,
        "A",
        &trusting(BOB, &TAGGING, "{}"),
        &[("Cost", "A")],
    );
    let b = tagged_role(
        &world,
        "B",
        &trusting(&a, &TAGGING, "{}"),
        &[("Team", "of-role")],
    );
    let c = tagged_role(&world, "C", &trusting(&b, &TAGGING, "{}"), &[]);
    for role in ["A", "B", "C"] {
        lets_read(&world, role);
    }
    let first = assume_tagged(&a, &[("Team", "blue"), ("Once", "1")], &["team"]);
    let first = credentials(call(&world, &bob, first));
    // A role's own tags are never handed down, nor are tags that are not transitive.
    let second = credentials(call(&world, &first, assume(&b)));
    assert_eq!(tags_of(&world, &second), [owned("Team", "blue", true)]);
    assert!(reads(&world, &second, "blue/1") && !reads(&world, &second, "of-role/1"));
    for key in ["Team", "team", "TEAM"] {
        for transitive in [&[][..], &[key]] {
            let attempt = assume_tagged(&b, &[(key, "red")], transitive);
            fails(
                call(&world, &first, attempt),
                "InvalidParameterValue",
                CONFLICT,
            );
        }
    }
    let more = assume_tagged(&b, &[("Once", "2"), ("Stage", "x")], &["Stage"]);
    let second = credentials(call(&world, &first, more));
    assert_eq!(
        tags_of(&world, &second),
        [
            owned("Team", "blue", true),
            owned("Once", "2", false),
            owned("Stage", "x", true)
        ]
    );
    let third = credentials(call(&world, &second, assume(&c)));
    let handed = [owned("Team", "blue", true), owned("Stage", "x", true)];
    assert_eq!(tags_of(&world, &third), handed);
    assert!(reads(&world, &third, "blue/1"));
    let attempt = assume_tagged(&c, &[("sTAGE", "y")], &[]);
    fails(
        call(&world, &second, attempt),
        "InvalidParameterValue",
        CONFLICT,
    );
}

#[test]
fn what_is_only_inherited_needs_the_permission_too() {
    let (world, bob) = world();
    let a = tagged_role(&world, "A", &trusting(BOB, &TAGGING, "{}"), &[]);
    let b = tagged_role(&world, "B", &trusting(&a, &["sts:AssumeRole"], "{}"), &[]);
    let plain = credentials(call(&world, &bob, assume(&a)));
    credentials(call(&world, &plain, assume(&b)));
    let tagged = assume_tagged(&a, &[("Team", "blue")], &["Team"]);
    let tagged = credentials(call(&world, &bob, tagged));
    let text = denied(&session_of("A"), "sts:TagSession", &b);
    fails(call(&world, &tagged, assume(&b)), "AccessDenied", &text);
}

#[test]
fn fifty_tags_count_what_is_inherited() {
    let (world, bob) = world();
    let a = tagged_role(&world, "A", &trusting(BOB, &TAGGING, "{}"), &[]);
    let b = tagged_role(&world, "B", &trusting(&a, &TAGGING, "{}"), &[]);
    let names: Vec<_> = (0..50).map(|number| format!("k{number}")).collect();
    let pairs: Vec<_> = names.iter().map(|name| (name.as_str(), "")).collect();
    let keys: Vec<_> = names.iter().map(String::as_str).collect();
    let full = credentials(call(&world, &bob, assume_tagged(&a, &pairs, &keys)));
    assert_eq!(tags_of(&world, &full).len(), 50);
    credentials(call(&world, &full, assume(&b)));
    let text =
        "A session can have at most 50 tags, those it inherits from the calling session included.";
    let more = assume_tagged(&b, &[("one-more", "")], &[]);
    fails(call(&world, &full, more), "InvalidParameterValue", text);
}

#[test]
fn a_tag_of_the_session_stands_before_the_roles_and_the_users() {
    let (world, bob) = world();
    let own = TagUser {
        resource: n("bob"),
        tags: tags(&[("Team", "of-user"), ("Desk", "1")]),
    };
    world.root(own).unwrap();
    let role = tagged_role(
        &world,
        "r",
        &trusting(BOB, &TAGGING, "{}"),
        &[("Team", "of-role")],
    );
    lets_read(&world, "r");
    let plain = credentials(call(&world, &bob, assume(&role)));
    assert!(reads(&world, &plain, "of-role/1") && !reads(&world, &plain, "of-user/1"));
    let tagged = assume_tagged(&role, &[("tEAM", "blue")], &[]);
    let tagged = credentials(call(&world, &bob, tagged));
    assert!(reads(&world, &tagged, "blue/1") && !reads(&world, &tagged, "of-role/1"));
}

#[test]
fn a_tags_value_is_only_text() {
    // The alphabet has neither wildcards nor what variables are made of.
    for value in [
        "*",
        "?",
        "a*",
        "${aws:username}",
        "$",
        "{",
        "}",
        "a\nb",
        "a\u{0}b",
    ] {
        assert!(TagValue::parse(value).is_err(), "{value:?}");
        assert!(TagKey::parse(value).is_err(), "{value:?}");
    }
    let (world, bob) = world();
    let role = tagged_role(&world, "r", &trusting(BOB, &TAGGING, "{}"), &[]);
    lets_read(&world, "r");
    let tagged = assume_tagged(&role, &[("Team", "blue/../red")], &[]);
    let tagged = credentials(call(&world, &bob, tagged));
    assert!(reads(&world, &tagged, "blue/../red/1"));
    assert!(!reads(&world, &tagged, "red/1") && !reads(&world, &tagged, "blue/1"));
}

#[test]
fn tags_take_space_in_the_token() {
    let (world, bob) = world();
    let a = tagged_role(&world, "A", &trusting(BOB, &TAGGING, "{}"), &[]);
    let b = tagged_role(&world, "B", &trusting(&a, &TAGGING, "{}"), &[]);
    let one = call(
        &world,
        &bob,
        assume_tagged(&a, &[("Team", "blue")], &["Team"]),
    )
    .unwrap();
    assert_eq!(one.packed_policy_size, Some(1));
    // What is inherited is carried, and told.
    let first = Signer::from(&one.credentials);
    let chained = call(&world, &first, assume(&b)).unwrap();
    assert_eq!(chained.packed_policy_size, Some(1));

    // Values without a pattern do not pack: 48 × 128 letters take more than there is.
    let mut seed = 7u64;
    let mut letters = || {
        seed = seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_add(1);
        char::from(b'a' + (seed >> 33) as u8 % 26)
    };
    let values: Vec<String> = (0..48)
        .map(|_| (0..128).map(|_| letters()).collect())
        .collect();
    let names: Vec<_> = (0..48).map(|number| format!("k{number}")).collect();
    let pairs: Vec<_> = names
        .iter()
        .zip(&values)
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let refused = |attempt: AssumeRole| {
        let error = call(&world, &bob, attempt).unwrap_err();
        assert!(matches!(error, Error::PackedPolicyTooLarge(_)), "{error:?}");
        error.to_string()
    };
    let text = refused(assume_tagged(&a, &pairs, &[]));
    let percent = text
        .strip_prefix("Packed size of session tags consumes ")
        .and_then(|rest| rest.strip_suffix("% of allotted space."))
        .unwrap_or_else(|| panic!("{text}"));
    assert!(
        (200..400).contains(&percent.parse::<u32>().unwrap()),
        "{text}"
    );
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#;
    let text = refused(AssumeRole {
        session_policies: SessionPolicies {
            policy: Some(policy.to_owned()),
            policy_arns: Vec::new(),
        },
        ..assume_tagged(&a, &pairs, &[])
    });
    assert!(text.starts_with("Packed policy consumes "), "{text}");
    assert!(
        text.ends_with("% of allotted space, please use smaller policy."),
        "{text}"
    );
}

#[test]
fn session_policies_limit_what_a_session_may_pass_on() {
    let (world, bob) = world();
    let a = tagged_role(&world, "A", &trusting(BOB, &TAGGING, "{}"), &[]);
    let b = tagged_role(&world, "B", &trusting(&a, &TAGGING, "{}"), &[]);
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    let limited = AssumeRole {
        session_policies: SessionPolicies {
            policy: Some(policy.to_owned()),
            policy_arns: Vec::new(),
        },
        ..assume(&a)
    };
    let limited = credentials(call(&world, &bob, limited));
    credentials(call(&world, &limited, assume(&b)));
    // The role that B names may tag; this session of it may not.
    let tagged = assume_tagged(&b, &[("Team", "blue")], &[]);
    let text = denied(&session_of("A"), "sts:TagSession", &b);
    fails(call(&world, &limited, tagged), "AccessDenied", &text);
}

#[test]
fn a_federated_users_tags_stand_before_the_users() {
    let (world, bob) = world();
    let own = TagUser {
        resource: n("bob"),
        tags: tags(&[("Team", "of-user"), ("Desk", "1")]),
    };
    world.root(own).unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::lake/${aws:PrincipalTag/Team}-${aws:PrincipalTag/Desk}/*"}]}"#;
    let federate = |with: &[(&str, &str)]| GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("carol"),
        duration: None,
        session_policies: SessionPolicies {
            policy: Some(policy.to_owned()),
            policy_arns: Vec::new(),
        },
        tags: tags(with),
    };
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":["sts:GetFederationToken","s3:*"],"Resource":"*"}"#,
    );
    let plain = call(&world, &bob, federate(&[])).unwrap();
    let plain = Signer::from(&plain.credentials);
    assert!(reads(&world, &plain, "of-user-1/x"));
    let text = "User: arn:aws:iam::123456789012:user/bob is not authorized to perform: sts:TagSession on resource: \
                arn:aws:sts::123456789012:federated-user/carol because no identity-based policy allows the sts:TagSession action";
    let tagged = federate(&[("tEAM", "blue")]);
    fails(call(&world, &bob, tagged.clone()), "AccessDenied", text);
    let duplicate = federate(&[("a", ""), ("A", "")]);
    fails(
        call(&world, &bob, duplicate),
        "InvalidParameterValue",
        DUPLICATE,
    );
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":["sts:GetFederationToken","sts:TagSession","s3:*"],"Resource":"*"}"#,
    );
    let tagged = call(&world, &bob, tagged).unwrap();
    let tagged = Signer::from(&tagged.credentials);
    assert!(reads(&world, &tagged, "blue-1/x") && !reads(&world, &tagged, "of-user-1/x"));
}
