//! GetWebIdentityToken, and the issuer behind it.

use super::{Signer, assume_tagged, call, credentials, n, tagged_role, tags, trusting};
use crate::common::{ACCOUNT, START, World, fails, ready};
use data_encoding::BASE64URL_NOPAD;
use locum_identity::error::Error;
use locum_identity::iam::outbound::{
    DisableOutboundWebIdentityFederation, EnableOutboundWebIdentityFederation,
    GetOutboundWebIdentityFederationInfo,
};
use locum_identity::iam::users::TagUser;
use locum_identity::issuer::{Algorithm, IssuerId, KeyMaker, Making, PrivateKey, PublicUrl};
use locum_identity::names::{AccountId, TokenDuration, WebIdentityTokenDuration};
use locum_identity::realm::OldKeys;
use locum_identity::sts::{
    AssumeRole, GetFederationToken, GetSessionToken, GetWebIdentityToken, SessionPolicies,
    WebIdentityToken,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const BOB: &str = "arn:aws:iam::123456789012:user/bob";
const SELF: &str = "arn:aws:sts::123456789012:self";
const ALLOWED: &str = r#"{"Effect":"Allow","Action":"sts:*","Resource":"*"}"#;
const OFF: &str = "Outbound web identity federation is not enabled for this account.";
const ON: &str = "Outbound web identity federation is already enabled for this account.";
const DAY: i64 = 86_400;

/// Counts the keys it makes.
#[derive(Default)]
struct Counted(AtomicUsize);

impl KeyMaker for Counted {
    fn make(&self, algorithm: Algorithm) -> Making<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Box::pin(std::future::ready(PrivateKey::generate(algorithm)))
    }
}

fn reachable(mut world: World, made: &Arc<Counted>) -> World {
    let url = PublicUrl::parse("https://sts.example.com").unwrap();
    world.realm = world.realm.with_issuing(Some(url), made.clone());
    world
}

/// A world whose server has a public URL, with a user who may get tokens.
fn world() -> (World, Signer, Arc<Counted>) {
    let made = Arc::new(Counted::default());
    let world = reachable(World::new(), &made);
    let bob = Signer::from(&world.user_with_key("bob"));
    world.allow("bob", ALLOWED);
    (world, bob, made)
}

fn enable(world: &World) -> String {
    world.root(EnableOutboundWebIdentityFederation).unwrap()
}

fn token(audience: &[&str]) -> GetWebIdentityToken {
    GetWebIdentityToken {
        audience: audience.iter().map(|one| n(one)).collect(),
        signing_algorithm: Algorithm::Es384,
        duration: None,
        tags: Vec::new(),
    }
}

fn lasting(seconds: i32) -> GetWebIdentityToken {
    GetWebIdentityToken {
        duration: WebIdentityTokenDuration::from_seconds(seconds).ok(),
        ..token(&["a"])
    }
}

fn part(issued: &WebIdentityToken, place: usize) -> Value {
    let part = issued.token.split('.').nth(place).unwrap();
    serde_json::from_slice(&BASE64URL_NOPAD.decode(part.as_bytes()).unwrap()).unwrap()
}

fn claims(issued: Result<WebIdentityToken, Error>) -> Value {
    let mut claims = part(&issued.unwrap(), 1);
    // A UUID of its own.
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert_eq!(jti.as_str().unwrap().len(), 36);
    claims
}

fn published(world: &World, url: &str) -> Vec<String> {
    let id = IssuerId::parse(url.rsplit('/').next().unwrap()).unwrap();
    let state = ready(world.realm.issuer(&id)).unwrap().unwrap();
    let now = world.realm.environment().clock.now();
    state.published(now).map(|one| one.key.kid()).collect()
}

#[test]
fn an_issuer_stays_the_same_however_often_it_is_disabled() {
    let (world, bob, made) = world();
    fails(
        world.root(GetOutboundWebIdentityFederationInfo),
        "Outbound",
        OFF,
    );
    fails(
        world.root(DisableOutboundWebIdentityFederation),
        "Outbound",
        OFF,
    );
    fails(call(&world, &bob, token(&["a"])), "Outbound", OFF);
    let url = enable(&world);
    let (base, id) = url.rsplit_once('/').unwrap();
    assert_eq!(base, "https://sts.example.com/_locum/oidc");
    assert_eq!(IssuerId::parse(id).unwrap().account().as_str(), ACCOUNT);
    fails(
        world.root(EnableOutboundWebIdentityFederation),
        "Outbound",
        ON,
    );
    let keys = published(&world, &url);
    assert_eq!(keys, ["RSA_0", "EC384_0"]);
    world.root(DisableOutboundWebIdentityFederation).unwrap();
    fails(call(&world, &bob, token(&["a"])), "Outbound", OFF);
    assert_eq!(published(&world, &url), keys);
    assert_eq!(enable(&world), url);
    assert_eq!(
        world.root(GetOutboundWebIdentityFederationInfo).unwrap(),
        url
    );
    let again = reachable(world.reopened(), &made);
    assert_eq!(
        again.root(GetOutboundWebIdentityFederationInfo).unwrap(),
        url
    );
    assert_eq!(published(&again, &url), keys);
    assert_eq!(made.0.load(Ordering::Relaxed), 2);
}

#[test]
fn without_a_public_url_there_is_no_issuer() {
    let world = World::new();
    fails(
        world.root(EnableOutboundWebIdentityFederation),
        "Outbound",
        "This server has no public URL that tokens could name as their issuer. Its operator must set one (public-url).",
    );
    fails(
        world.root(GetOutboundWebIdentityFederationInfo),
        "Outbound",
        OFF,
    );
}

#[test]
fn a_user_is_told_with_its_tags() {
    let (world, bob, _) = world();
    let url = enable(&world);
    let tagged = TagUser {
        resource: n("bob"),
        tags: tags(&[("Team", "blue"), ("Desk", "1")]),
    };
    world.root(tagged).unwrap();
    let asked = GetWebIdentityToken {
        tags: tags(&[("Job", "7"), ("aws:x", "any")]),
        ..token(&["https://api.example.com"])
    };
    let issued = call(&world, &bob, asked).unwrap();
    assert_eq!(issued.expiration, START + 300);
    assert_eq!(
        part(&issued, 0),
        json!({"alg": "ES384", "kid": "EC384_0", "typ": "JWT"})
    );
    let directory = world.realm.directory();
    let account: AccountId = n(ACCOUNT);
    let path = &directory.place(account).unwrap().path;
    let organization = &directory.organization.as_ref().unwrap().id;
    assert_eq!(
        claims(Ok(issued)),
        json!({
            "iss": url,
            "sub": BOB,
            "aud": "https://api.example.com",
            "iat": START,
            "exp": START + 300,
            "https://sts.amazonaws.com/": {
                "aws_account": ACCOUNT,
                "source_region": "us-east-1",
                "principal_id": BOB,
                "org_id": organization,
                "ou_path": [path],
                "principal_tags": {"Team": "blue", "Desk": "1"},
                "request_tags": {"Job": "7", "aws:x": "any"},
            },
        })
    );
}

#[test]
fn a_session_is_told_by_its_role_and_its_own_tags() {
    let (world, bob, _) = world();
    enable(&world);
    let all = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"];
    let own = [("Team", "of-role"), ("Stage", "of-role")];
    let arn = tagged_role(&world, "R", &trusting(BOB, &all, "{}"), &own);
    world.allow_role("R", ALLOWED);
    let assumed = AssumeRole {
        source_identity: Some(n("Ann")),
        ..assume_tagged(&arn, &[("TEAM", "of-session")], &[])
    };
    let session = credentials(call(&world, &bob, assumed));
    let told = claims(call(&world, &session, token(&["b", "a", "b"])));
    assert_eq!(told["sub"], json!(arn));
    assert_eq!(told["aud"], json!(["b", "a", "b"]));
    let sts = &told["https://sts.amazonaws.com/"];
    assert_eq!(sts["principal_id"], json!(arn));
    assert_eq!(
        sts["principal_tags"],
        json!({"TEAM": "of-session", "Stage": "of-role"})
    );
    assert_eq!(sts["original_session_exp"], json!("2026-01-01T01:00:00Z"));
    assert_eq!(sts["source_identity"], json!("Ann"));
    assert_eq!(sts.get("request_tags"), None);
}

#[test]
fn a_token_does_not_outlive_the_session_that_asks() {
    let (world, bob, _) = world();
    let get = GetSessionToken {
        duration: Some(TokenDuration::from_seconds(900).unwrap()),
        ..GetSessionToken::default()
    };
    let session = Signer::from(&call(&world, &bob, get).unwrap());
    let longer =
        "The requested DurationSeconds would let the token outlive the session that asks for it.";
    // What the session may do is told before whether the feature is on.
    fails(call(&world, &session, lasting(901)), "Outbound", longer);
    fails(call(&world, &session, lasting(900)), "Outbound", OFF);
    enable(&world);
    fails(call(&world, &session, lasting(901)), "Outbound", longer);
    let told = claims(call(&world, &session, lasting(900)));
    assert_eq!(told["exp"], json!(START + 900));
    assert_eq!(told["sub"], json!(BOB));
    world.wait(840);
    fails(call(&world, &session, lasting(61)), "Outbound", longer);
    call(&world, &session, lasting(60)).unwrap();
    // Long-term credentials have no end.
    call(&world, &bob, lasting(3600)).unwrap();
}

#[test]
fn root_and_federated_users_get_no_tokens() {
    let (world, bob, _) = world();
    enable(&world);
    let refused = |who: &str| {
        format!(
            "User: arn:aws:{who} is not authorized to perform: sts:GetWebIdentityToken on resource: {SELF}"
        )
    };
    let root = Signer::from(&world.root);
    let of_root = call(&world, &root, GetSessionToken::default()).unwrap();
    for signer in [root, Signer::from(&of_root)] {
        fails(
            call(&world, &signer, token(&["a"])),
            "AccessDenied",
            &refused("iam::123456789012:root"),
        );
    }
    let federation = GetFederationToken {
        minimum_token_size: Default::default(),
        name: n("carol"),
        duration: None,
        session_policies: SessionPolicies {
            policy: Some(format!(
                r#"{{"Version":"2012-10-17","Statement":[{ALLOWED}]}}"#
            )),
            policy_arns: Vec::new(),
        },
        tags: Vec::new(),
    };
    let carol = Signer::from(&call(&world, &bob, federation).unwrap().credentials);
    fails(
        call(&world, &carol, token(&["a"])),
        "AccessDenied",
        &refused("sts::123456789012:federated-user/carol"),
    );
}

#[test]
fn tags_need_a_permission_of_their_own() {
    let (world, bob, _) = world();
    enable(&world);
    let denied = |action: &str| {
        format!(
            "User: {BOB} is not authorized to perform: sts:{action} on resource: {SELF} because no identity-based policy allows the sts:{action} action"
        )
    };
    let with = |pairs| GetWebIdentityToken {
        tags: tags(pairs),
        ..token(&["a"])
    };
    world.allow(
        "bob",
        &format!(r#"{{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"{SELF}"}}"#),
    );
    call(&world, &bob, token(&["a"])).unwrap();
    fails(
        call(&world, &bob, with(&[("Job", "1")])),
        "AccessDenied",
        &denied("TagGetWebIdentityToken"),
    );
    world.allow(
        "bob",
        r#"{"Effect":"Allow","Action":"sts:*GetWebIdentityToken","Resource":"*","Condition":{"ForAllValues:StringEquals":{"aws:TagKeys":["Job"]},"StringEqualsIfExists":{"aws:RequestTag/Job":"1"}}}"#,
    );
    call(&world, &bob, with(&[("Job", "1")])).unwrap();
    for other in [&[("Job", "2")][..], &[("Job", "1"), ("More", "1")]] {
        fails(
            call(&world, &bob, with(other)),
            "AccessDenied",
            &denied("GetWebIdentityToken"),
        );
    }
    fails(
        call(&world, &bob, with(&[("Job", "1"), ("JOB", "2")])),
        "InvalidParameterValue",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
}

#[test]
fn conditions_see_audience_algorithm_and_duration() {
    let (world, bob, _) = world();
    enable(&world);
    let may = |condition: &str, asked: GetWebIdentityToken| {
        world.allow(
            "bob",
            &format!(
                r#"{{"Effect":"Allow","Action":"sts:GetWebIdentityToken","Resource":"*","Condition":{condition}}}"#
            ),
        );
        call(&world, &bob, asked).is_ok()
    };
    let all = r#"{"ForAllValues:StringEquals":{"sts:IdentityTokenAudience":["a","b"]}}"#;
    assert!(may(all, token(&["a"])));
    assert!(may(all, token(&["b", "a"])));
    assert!(!may(all, token(&["a", "evil"])));
    assert!(!may(all, token(&["A"])));
    let any = r#"{"ForAnyValue:StringLike":{"sts:IdentityTokenAudience":"https://*"}}"#;
    assert!(may(any, token(&["x", "https://y"])));
    assert!(!may(any, token(&["x"])));
    let algorithm = r#"{"StringEquals":{"sts:SigningAlgorithm":"ES384"}}"#;
    assert!(may(algorithm, token(&["a"])));
    let rsa = GetWebIdentityToken {
        signing_algorithm: Algorithm::Rs256,
        ..token(&["a"])
    };
    assert!(!may(algorithm, rsa));
    let short = r#"{"NumericLessThanEquals":{"sts:DurationSeconds":"300"}}"#;
    assert!(may(short, token(&["a"])));
    assert!(may(short, lasting(300)));
    assert!(!may(short, lasting(301)));
}

#[test]
fn the_claims_have_at_most_14984_bytes() {
    let (world, bob, _) = world();
    enable(&world);
    // Ten audiences of 1000 characters, and tags of two bytes a character. The last value decides.
    let audience = |length: usize| {
        let mut audience = vec!["\"".repeat(500); 9];
        audience.push("x".repeat(length));
        let audience: Vec<&str> = audience.iter().map(String::as_str).collect();
        let value = "é".repeat(256);
        let keys: Vec<_> = (0..9).map(|number| format!("k{number}")).collect();
        let pairs: Vec<_> = keys
            .iter()
            .map(|key| (key.as_str(), value.as_str()))
            .collect();
        GetWebIdentityToken {
            tags: tags(&pairs),
            ..token(&audience)
        }
    };
    let size = |issued: &WebIdentityToken| {
        let claims = issued.token.split('.').nth(1).unwrap();
        BASE64URL_NOPAD.decode(claims.as_bytes()).unwrap().len()
    };
    let base = size(&call(&world, &bob, audience(1)).unwrap()) - 1;
    let rest = 14_984 - base;
    assert!(rest <= 1000, "{rest}");
    let fits = call(&world, &bob, audience(rest)).unwrap();
    assert_eq!(size(&fits), 14_984);
    fails(
        call(&world, &bob, audience(rest + 1)),
        "Outbound",
        "The payload of the token has 14985 bytes, which is more than the 14984 allowed. Use fewer or shorter tags.",
    );
}

#[test]
fn text_of_the_caller_stays_text_in_the_claims() {
    let (world, bob, _) = world();
    let url = enable(&world);
    let hostile = [
        r#"x","sub":"arn:aws:iam::123456789012:root"#,
        "line\r\nbreak\u{0}\u{7f}\u{2028}",
        r"back\slash\u0022",
        "a.b.c",
    ];
    let told = claims(call(&world, &bob, token(&hostile)));
    assert_eq!(told["aud"], json!(hostile));
    assert_eq!((&told["sub"], &told["iss"]), (&json!(BOB), &json!(url)));
    let tagged = GetWebIdentityToken {
        tags: tags(&[
            ("sub", "root"),
            ("https://sts.amazonaws.com/", "x"),
            ("org_id", "o-x"),
        ]),
        ..token(&["a"])
    };
    let told = claims(call(&world, &bob, tagged));
    assert_eq!(told["sub"], json!(BOB));
    let sts = &told["https://sts.amazonaws.com/"];
    assert_ne!(sts["org_id"], json!("o-x"));
    assert_eq!(
        sts["request_tags"],
        json!({"sub": "root", "https://sts.amazonaws.com/": "x", "org_id": "o-x"})
    );
}

#[test]
fn keys_fade_when_the_operator_rotates_them() {
    let (world, bob, made) = world();
    let url = enable(&world);
    let kid = || part(&call(&world, &bob, token(&["a"])).unwrap(), 0)["kid"].clone();
    let rotate = || ready(world.realm.rotate_issuer_keys(n(ACCOUNT), OldKeys::Fade)).unwrap();
    rotate();
    let four = ["RSA_0", "EC384_0", "RSA_1", "EC384_1"];
    assert_eq!(published(&world, &url), four);
    assert_eq!(kid(), "EC384_0");
    // A rotation that is under way is not begun again.
    rotate();
    assert_eq!(published(&world, &url), four);
    assert_eq!(made.0.load(Ordering::Relaxed), 4);
    world.wait(DAY);
    assert_eq!(kid(), "EC384_1");
    assert_eq!(published(&world, &url), four);
    world.wait(3900);
    assert_eq!(published(&world, &url), ["RSA_1", "EC384_1"]);
}

#[test]
fn withdrawn_keys_neither_sign_nor_verify() {
    let (world, bob, _) = world();
    let url = enable(&world);
    let withdraw = || {
        world
            .realm
            .rotate_issuer_keys(n(ACCOUNT), OldKeys::Withdraw)
    };
    ready(withdraw()).unwrap();
    assert_eq!(published(&world, &url), ["RSA_1", "EC384_1"]);
    let kid = part(&call(&world, &bob, token(&["a"])).unwrap(), 0)["kid"].clone();
    assert_eq!(kid, "EC384_1");
    let again = reachable(world.reopened(), &Arc::default());
    assert_eq!(published(&again, &url), ["RSA_1", "EC384_1"]);
}

#[test]
fn keys_of_ninety_days_are_followed_by_others() {
    let (world, bob, made) = world();
    fails(
        ready(world.realm.rotate_issuer_keys(n(ACCOUNT), OldKeys::Fade)),
        "Outbound",
        OFF,
    );
    let url = enable(&world);
    let look = || ready(world.realm.rotate_due_issuer_keys()).unwrap();
    world.wait(89 * DAY - 1);
    look();
    assert_eq!(published(&world, &url), ["RSA_0", "EC384_0"]);
    world.wait(1);
    // Another process may be first, and a store may fail: the next look does it.
    world.store.fail_commits(1);
    let failed = ready(world.realm.rotate_due_issuer_keys());
    assert!(matches!(failed, Err(Error::ServiceUnavailable(_))));
    world.store.lose_races(1);
    look();
    look();
    let four = ["RSA_0", "EC384_0", "RSA_1", "EC384_1"];
    assert_eq!(published(&world, &url), four);
    world.wait(DAY);
    let kid = part(&call(&world, &bob, token(&["a"])).unwrap(), 0)["kid"].clone();
    assert_eq!(kid, "EC384_1");
    look();
    assert_eq!(published(&world, &url), four);
    assert_eq!(made.0.load(Ordering::Relaxed), 6);
    // A disabled issuer needs no new keys.
    world.root(DisableOutboundWebIdentityFederation).unwrap();
    world.wait(200 * DAY);
    look();
    assert_eq!(made.0.load(Ordering::Relaxed), 6);
}

#[test]
fn an_issuer_is_found_by_its_exact_name_only() {
    let (world, _, made) = world();
    let url = enable(&world);
    let own = |url: &str| ready(world.realm.is_own_issuer(url)).unwrap();
    assert!(own(&url));
    // By whatever name the server was reached.
    assert!(own(&url.replace("sts.example.com", "old.example.com:8443")));
    let mut near = url.clone();
    let last = if near.pop() == Some('0') { '1' } else { '0' };
    near.push(last);
    let strangers = [
        "".to_owned(),
        "https://accounts.google.com".to_owned(),
        url.to_uppercase(),
        format!("{url}/"),
        format!("{url}?x"),
        // Chance of its own, and an account that is not there.
        near,
        "https://sts.example.com/_locum/oidc/1cbe991a-1500-8def-9abc-def012345678".to_owned(),
    ];
    for stranger in strangers {
        assert!(!own(&stranger), "{stranger}");
    }
    // Looking makes nothing.
    assert_eq!(made.0.load(Ordering::Relaxed), 2);
}
