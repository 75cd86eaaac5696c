//! AssumeRoleWithWebIdentity with servers of providers that do what a test says: outages and providers that
//! need no registration. What tokens may say is tried with real clients (tests/clients/test_web_identity.py).

use super::tagged_role;
use crate::common::{ACCOUNT, START, World, fails, n, ready};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::BASE64URL_NOPAD;
use locum_identity::binding::Binding;
use locum_identity::error::Error;
use locum_identity::http_fetcher::{FetchFault, FetchRequest, FetchResponse, Fetched, HttpFetcher};
use locum_identity::iam::open_id_connect_providers::CreateOpenIdConnectProvider;
use locum_identity::ldap::{LdapSettings, LdapUrl, UserSource};
use locum_identity::names::MinimumTokenSize;
use locum_identity::sealing::Secret;
use locum_identity::sts::{AssumeRoleWithWebIdentity, SessionPolicies, WebIdentityRole};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

const NO_KEY: &str = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
const UNREACHABLE: &str = "The request could not be fulfilled because the identity provider (IDP) that was asked to verify the incoming identity token could not be reached.";
const DENIED: &str = "Not authorized to perform sts:AssumeRoleWithWebIdentity";

struct Key {
    id: &'static str,
    pair: EcdsaKeyPair,
}

impl Key {
    fn new(id: &'static str) -> Self {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
        Self { id, pair }
    }

    fn jwk(&self) -> String {
        let (x, y) = self.pair.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (BASE64URL_NOPAD.encode(x), BASE64URL_NOPAD.encode(y));
        let id = self.id;
        format!(r#"{{"kty":"EC","crv":"P-256","kid":"{id}","x":"{x}","y":"{y}"}}"#)
    }

    #[expect(clippy::disallowed_methods, reason = "a provider outside")]
    fn token(&self, issuer: &str, more: &str, now: i64) -> String {
        let encode = |text: String| BASE64URL_NOPAD.encode(text.as_bytes());
        let header = encode(format!(r#"{{"alg":"ES256","kid":"{}"}}"#, self.id));
        let exp = now + 600;
        let claims = encode(format!(
            r#"{{"iss":"{issuer}","sub":"me","aud":"client","iat":{now},"exp":{exp}{more}}}"#
        ));
        let signed = format!("{header}.{claims}");
        let signature = self.pair.sign(&SystemRandom::new(), signed.as_bytes());
        let signature = BASE64URL_NOPAD.encode(signature.unwrap().as_ref());
        format!("{signed}.{signature}")
    }
}

/// What the servers do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Mood {
    Answers,
    Refuses,
    Hangs,
    /// It hangs until it is looked at again, and that was too long.
    TimesOut,
}

/// Servers of one issuer.
struct Servers {
    issuer: &'static str,
    mood: Mutex<Mood>,
    keys: Mutex<String>,
    asked: Mutex<Vec<String>>,
}

impl Servers {
    fn new(issuer: &'static str, key: &Key) -> Arc<Self> {
        Arc::new(Self {
            issuer,
            mood: Mutex::new(Mood::Answers),
            keys: Mutex::new(key.jwk()),
            asked: Mutex::default(),
        })
    }

    fn are(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn publish(&self, keys: &[&Key]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        *self.keys.lock().unwrap() = keys.join(",");
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

impl HttpFetcher for Servers {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> Fetched<'a> {
        self.asked.lock().unwrap().push(request.url.to_owned());
        match *self.mood.lock().unwrap() {
            Mood::Hangs => return Box::pin(std::future::pending()),
            Mood::TimesOut => {
                let mut looks = 0;
                return Box::pin(std::future::poll_fn(move |_| {
                    looks += 1;
                    match looks {
                        1 => Poll::Pending,
                        _ => Poll::Ready(Err(FetchFault::TimedOut)),
                    }
                }));
            }
            Mood::Answers | Mood::Refuses => {}
        }
        let issuer = self.issuer.trim_end_matches('/');
        let body = if request.url == format!("{issuer}/.well-known/openid-configuration") {
            format!(
                r#"{{"issuer":"{}","jwks_uri":"https://keys.example/jwks"}}"#,
                self.issuer
            )
        } else {
            assert_eq!(request.url, "https://keys.example/jwks");
            format!(r#"{{"keys":[{}]}}"#, self.keys.lock().unwrap())
        };
        let answer = if *self.mood.lock().unwrap() == Mood::Refuses {
            Err(FetchFault::Unreachable("refused".to_owned()))
        } else {
            Ok(FetchResponse {
                status: 200,
                body: body.into_bytes(),
                max_age: None,
            })
        };
        Box::pin(std::future::ready(answer))
    }
}

fn world(servers: &Arc<Servers>) -> World {
    let mut world = World::new();
    world.realm = world.realm.with_fetcher(servers.clone());
    world
}

fn register(world: &World, url: &str) {
    let create = CreateOpenIdConnectProvider {
        url: n(url),
        client_ids: vec![n("client")],
        thumbprints: vec![n("9e99a48a9960b14926bb7f3b02e22da2b0ab7280")],
        tags: Vec::new(),
    };
    world.root(create).unwrap();
}

fn role(world: &World, provider: &str, condition: &str) {
    let statement = format!(
        r#"{{"Effect":"Allow","Principal":{{"Federated":"{provider}"}},"Action":"sts:AssumeRoleWithWebIdentity"{condition}}}"#
    );
    tagged_role(world, "worker", &statement, &[]);
}

fn arn(url: &str) -> String {
    format!("arn:aws:iam::{ACCOUNT}:oidc-provider/{url}")
}

fn login(world: &World, token: &str) -> Result<WebIdentityRole, Error> {
    let facts = world.facts();
    let result = ready(
        world
            .realm
            .call(&world.realm.anonymous(), &facts, asked(token)),
    );
    if result.is_err() {
        assert!(!facts.notes.explanations().is_empty());
    }
    result
}

fn asked(token: &str) -> AssumeRoleWithWebIdentity {
    AssumeRoleWithWebIdentity {
        role_arn: n(&format!("arn:aws:iam::{ACCOUNT}:role/worker")),
        role_session_name: n("session"),
        web_identity_token: n(token),
        provider_id: None,
        session_policies: SessionPolicies::default(),
        duration: None,
        minimum_token_size: MinimumTokenSize::default(),
    }
}

/// The URL of a directory's provider is a name: who has the host of that name is nobody to it.
#[test]
fn where_a_directory_stands_behind_a_provider_no_token_of_its_name_counts() {
    let key = Key::new("one");
    let servers = Servers::new("https://ldap.example", &key);
    let world = world(&servers);
    register(&world, "https://ldap.example");
    role(&world, &arn("ldap.example"), "");
    let token = key.token("https://ldap.example", "", START);
    login(&world, &token).unwrap();
    let asked = servers.asked();
    let provider = arn("ldap.example");
    let change = world
        .realm
        .change_provider_settings(&provider, |settings, sealer| {
            let urls = vec![LdapUrl::parse("ldaps://dc.example").unwrap()];
            let users = UserSource::Template("uid={username},dc=example".to_owned());
            let mut ldap = LdapSettings::new(urls, users, "uid");
            ldap.bind_dn = Some("cn=searcher,dc=example".to_owned());
            let password = Secret::new("secret".to_owned());
            ldap.bind_password = Some(sealer.seal("ldap-bind-password", &password)?);
            settings.ldap = Some(Box::new(ldap));
            settings.binding = Some(Binding::default());
            Ok(())
        });
    ready(change).unwrap().unwrap();
    let nobody = "No OpenIDConnect provider found in your account for https://ldap.example";
    fails(login(&world, &token), "Federation", nobody);
    // It is not asked, either: not for a logout, and not beside the requests.
    let facts = world.facts();
    let logout = world
        .realm
        .back_channel_logout(&provider, &token, &facts.notes);
    fails(ready(logout), "Federation", NO_KEY);
    world.wait(301);
    let due = world.realm.due_key_sets();
    assert_eq!(due.len(), 1);
    ready(world.realm.refresh_key_set(&due[0]));
    assert_eq!(servers.asked(), asked);
}

#[test]
fn a_login_whose_key_is_known_waits_for_nobody() {
    let key = Key::new("one");
    let servers = Servers::new("https://idp.example/", &key);
    let world = world(&servers);
    register(&world, "https://idp.example/");
    role(&world, &arn("idp.example/"), "");
    let token = |after: i64| key.token("https://idp.example/", "", START + after);
    assert_eq!(
        login(&world, &token(0)).unwrap().provider,
        arn("idp.example/")
    );
    assert_eq!(servers.asked(), 2);
    assert!(world.realm.due_key_sets().is_empty());
    // The time to fetch again has come, and the server hangs.
    world.wait(301);
    servers.are(Mood::Hangs);
    let due = world.realm.due_key_sets();
    assert_eq!(due.len(), 1);
    let mut refreshing = pin!(world.realm.refresh_key_set(&due[0]));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(refreshing.as_mut().poll(&mut context), Poll::Pending);
    assert_eq!(servers.asked(), 3);
    // Whoever has the turn, the login is done at once (`ready` would fail otherwise).
    for _ in 0..3 {
        login(&world, &token(301)).unwrap();
    }
    // Nor does another refresh queue up behind it.
    ready(world.realm.refresh_key_set(&due[0]));
    assert_eq!(servers.asked(), 3);
}

#[test]
fn keys_stay_good_for_a_day_while_the_provider_is_away() {
    let (key, next) = (Key::new("one"), Key::new("two"));
    let servers = Servers::new("https://idp.example", &key);
    let world = world(&servers);
    register(&world, "https://idp.example");
    role(&world, &arn("idp.example"), "");
    let token = |key: &Key, after: i64| key.token("https://idp.example", "", START + after);
    login(&world, &token(&key, 0)).unwrap();
    servers.are(Mood::Refuses);
    world.wait(86_399);
    for owner in world.realm.due_key_sets() {
        ready(world.realm.refresh_key_set(&owner));
    }
    login(&world, &token(&key, 86_399)).unwrap();
    // Not so one that is not known; and the failure is not tried again at once.
    let before = servers.asked();
    for _ in 0..3 {
        fails(
            login(&world, &token(&next, 86_399)),
            "Federation",
            UNREACHABLE,
        );
    }
    assert!(servers.asked() <= before + 1);
    world.wait(6);
    fails(
        login(&world, &token(&key, 86_405)),
        "Federation",
        UNREACHABLE,
    );
    // It comes back, with another key alone.
    servers.are(Mood::Answers);
    servers.publish(&[&next]);
    world.wait(6);
    login(&world, &token(&next, 86_411)).unwrap();
    fails(login(&world, &token(&key, 86_411)), "Federation", NO_KEY);
}

#[test]
fn a_provider_that_took_too_long_is_left_alone_from_then_on() {
    let key = Key::new("one");
    let servers = Servers::new("https://idp.example", &key);
    let world = world(&servers);
    register(&world, "https://idp.example");
    role(&world, &arn("idp.example"), "");
    servers.are(Mood::TimesOut);
    let token = key.token("https://idp.example", "", START);
    let (facts, anonymous) = (world.facts(), world.realm.anonymous());
    let mut waiting = pin!(world.realm.call(&anonymous, &facts, asked(&token)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(waiting.as_mut().poll(&mut context).is_pending());
    world.wait(5);
    assert!(waiting.as_mut().poll(&mut context).is_ready());
    assert_eq!(servers.asked(), 1);
    servers.are(Mood::Answers);
    fails(login(&world, &token), "Federation", UNREACHABLE);
    assert_eq!(servers.asked(), 1);
    world.wait(5);
    login(&world, &token).unwrap();
}

#[test]
fn servers_that_do_not_answer_take_no_more_than_their_accounts_turns() {
    let key = Key::new("one");
    let servers = Servers::new("https://idp.example", &key);
    servers.are(Mood::Hangs);
    let world = world(&servers);
    let (facts, anonymous) = (world.facts(), world.realm.anonymous());
    let mut context = Context::from_waker(Waker::noop());
    let mut waiting = Vec::new();
    for place in 0..8 {
        let url = format!("https://idp{place}.example");
        register(&world, &url);
        let token = key.token(&url, "", START);
        let mut call = Box::pin(world.realm.call(&anonymous, &facts, asked(&token)));
        assert!(call.as_mut().poll(&mut context).is_pending());
        waiting.push(call);
    }
    assert_eq!(servers.asked(), 8);
    register(&world, "https://idp.example");
    role(&world, &arn("idp.example"), "");
    let token = key.token("https://idp.example", "", START);
    fails(login(&world, &token), "Federation", UNREACHABLE);
    assert_eq!(servers.asked(), 8);
    // Who goes makes room, and nobody is held up for what others had taken.
    waiting.pop();
    servers.are(Mood::Answers);
    login(&world, &token).unwrap();
}

#[test]
fn an_unknown_key_asks_once_and_a_withdrawn_one_goes() {
    let (key, next) = (Key::new("one"), Key::new("two"));
    let servers = Servers::new("https://idp.example", &key);
    let world = world(&servers);
    register(&world, "https://idp.example");
    role(&world, &arn("idp.example"), "");
    let token = |key: &Key, after: i64| key.token("https://idp.example", "", START + after);
    login(&world, &token(&key, 0)).unwrap();
    servers.publish(&[&key, &next]);
    login(&world, &token(&next, 0)).unwrap();
    assert_eq!(servers.asked(), 4);
    let stranger = Key::new("three");
    for _ in 0..5 {
        fails(login(&world, &token(&stranger, 0)), "Federation", NO_KEY);
    }
    assert_eq!(servers.asked(), 4);
    world.wait(10);
    fails(login(&world, &token(&stranger, 10)), "Federation", NO_KEY);
    assert_eq!(servers.asked(), 6);
    servers.publish(&[&next]);
    world.wait(301);
    for owner in world.realm.due_key_sets() {
        ready(world.realm.refresh_key_set(&owner));
    }
    fails(login(&world, &token(&key, 311)), "Federation", NO_KEY);
    login(&world, &token(&next, 311)).unwrap();
}

#[test]
fn what_an_operator_says_of_a_provider_makes_keys_be_asked_for_again() {
    let key = Key::new("one");
    let servers = Servers::new("https://idp.example", &key);
    let world = world(&servers);
    register(&world, "https://idp.example");
    role(&world, &arn("idp.example"), "");
    let token = key.token("https://idp.example", "", START);
    login(&world, &token).unwrap();
    login(&world, &token).unwrap();
    assert_eq!(servers.asked(), 2);
    let (own, other) = (arn("idp.example"), arn("other.example"));
    let changed = world.realm.change_provider_settings(&own, |settings, _| {
        settings.jwks_uri = Some("https://keys.example/jwks".to_owned());
        Ok(())
    });
    ready(changed).unwrap().unwrap();
    login(&world, &token).unwrap();
    // The configuration need not be asked.
    assert_eq!(servers.asked(), 3);
    // What cannot be is refused.
    let plain = world.realm.change_provider_settings(&own, |settings, _| {
        settings.jwks_uri = Some("http://keys.example/jwks".to_owned());
        Ok(())
    });
    let fault = ready(plain).unwrap().unwrap_err();
    assert_eq!(fault.to_string(), "keys are only asked for by https");
    let missing = world.realm.change_provider_settings(&other, |_, _| Ok(()));
    let fault = ready(missing).unwrap().unwrap_err();
    assert_eq!(
        fault.to_string(),
        "there is no provider `arn:aws:iam::123456789012:oidc-provider/other.example`: create it first"
    );
}

#[test]
fn google_needs_no_provider_and_the_trust_policy_looks_at_the_audience() {
    let key = Key::new("g");
    let servers = Servers::new("https://accounts.google.com", &key);
    let world = world(&servers);
    let aud = r#","Condition":{"StringEquals":{"accounts.google.com:aud":"client","accounts.google.com:oaud":"client"}}"#;
    role(&world, "accounts.google.com", aud);
    let token = |issuer: &str, more: &str| key.token(issuer, more, START);
    let party = r#","azp":"client""#;
    for issuer in ["https://accounts.google.com", "accounts.google.com"] {
        let answer = login(&world, &token(issuer, party)).unwrap();
        assert_eq!(
            (
                answer.provider.as_str(),
                answer.audience.as_str(),
                answer.subject.as_str()
            ),
            ("accounts.google.com", "client", "me")
        );
    }
    fails(
        login(
            &world,
            &token("https://accounts.google.com", r#","azp":"other""#),
        ),
        "Federation",
        DENIED,
    );
    for issuer in [
        "http://accounts.google.com",
        "https://accounts.google.com/",
        "Accounts.google.com",
        "cognito-identity.amazonaws.com",
    ] {
        let text = format!("No OpenIDConnect provider found in your account for {issuer}");
        fails(login(&world, &token(issuer, party)), "Federation", &text);
    }
    // Who registers it says which clients count, and trust policies name it by its ARN.
    register(&world, "https://accounts.google.com");
    fails(
        login(&world, &token("https://accounts.google.com", party)),
        "Federation",
        DENIED,
    );
}

#[test]
fn cognito_tells_how_somebody_signed_in() {
    let issuer = "https://cognito-identity.amazonaws.com";
    let key = Key::new("c");
    let servers = Servers::new(issuer, &key);
    let world = world(&servers);
    let condition = r#","Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"client"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}"#;
    role(&world, "cognito-identity.amazonaws.com", condition);
    let amr = r#","amr":["authenticated","graph.facebook.com"]"#;
    let answer = login(&world, &key.token(issuer, amr, START)).unwrap();
    assert_eq!(answer.provider, "cognito-identity.amazonaws.com");
    let amr = r#","amr":["unauthenticated"]"#;
    fails(
        login(&world, &key.token(issuer, amr, START)),
        "Federation",
        DENIED,
    );
}
