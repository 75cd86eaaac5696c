//! SAML responses: which roles one lets its bearer choose from, and assertions that count once.

use crate::common::{World, fails, n, ready};
use data_encoding::BASE64;
use locum_identity::caller::RequestFacts;
use locum_identity::entity::{ProviderSettings, SamlSettings, SpentAssertion};
use locum_identity::error::Error;
use locum_identity::iam::saml_providers::{CreateSamlProvider, DeleteSamlProvider};
use locum_identity::names::{ArnText, MinimumTokenSize};
use locum_identity::saml::SamlRole;
use locum_identity::sts::{AssumeRoleWithSaml, SamlAssumedRole, SessionPolicies};

const RESPONSE: &str = include_str!("../../../../fuzz/corpus/saml_response.known.xml");
const METADATA: &str = include_str!("../../../../fuzz/corpus/saml_metadata.known.xml");
const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/corp";
const ROLE: &str = "arn:aws:iam::123456789012:role/corp";
/// 2027-01-01T00:00:00Z, when the response was made. It is good for five minutes.
const NOW: i64 = 1_798_761_600;

fn world() -> World {
    let world = World::new();
    world.wait(NOW - crate::common::START);
    world.root(provider("corp")).unwrap();
    world
}

fn provider(name: &str) -> CreateSamlProvider {
    CreateSamlProvider {
        name: n(name),
        metadata: n(METADATA),
        tags: Vec::new(),
        assertion_encryption_required: None,
        add_private_key: None,
    }
}

fn roles(world: &World, text: &str, provider: Option<&str>) -> Result<Vec<SamlRole>, Error> {
    let facts = world.facts();
    let provider: Option<ArnText> = provider.map(n);
    let response = BASE64.encode(text.as_bytes());
    let roles = world
        .realm
        .saml_roles(&response, provider.as_ref(), NOW, &facts.notes);
    ready(roles)
}

#[test]
fn the_roles_of_a_response_are_those_that_were_verified() {
    let world = world();
    let one = [SamlRole {
        role_arn: n(ROLE),
        provider_arn: n(PROVIDER),
    }];
    assert_eq!(roles(&world, RESPONSE, None).unwrap(), one);
    assert_eq!(roles(&world, RESPONSE, Some(PROVIDER)).unwrap(), one);
    // Another provider of the same keys vouches for its own pairs only.
    world.root(provider("other")).unwrap();
    let other = "arn:aws:iam::123456789012:saml-provider/other";
    assert!(roles(&world, RESPONSE, Some(other)).is_err());
    // What is not signed names no roles.
    let forged = RESPONSE.replace(":role/corp", ":role/admin");
    fails(
        roles(&world, &forged, None),
        "Federation",
        "Response signature invalid",
    );
    let invalid = "Your request included an invalid SAML response.";
    fails(roles(&world, "<a/>", None), "Federation", invalid);
    let mentioned = format!("<a>{PROVIDER}</a>");
    fails(roles(&world, &mentioned, None), "Federation", invalid);
    world.root(DeleteSamlProvider { arn: n(PROVIDER) }).unwrap();
    let missing = "Specified provider doesn't exist";
    fails(roles(&world, RESPONSE, None), "Federation", missing);
}

#[test]
fn a_response_is_tried_with_few_providers_in_vain() {
    let world = world();
    let arn = |name: &str, place| format!("arn:aws:iam::123456789012:saml-provider/{name}{place}");
    let names = |name, count| (0..count).map(|place| arn(name, place)).collect::<Vec<_>>();
    for place in 0..20 {
        world.root(provider(&format!("idp{place}"))).unwrap();
    }
    let tried = |mentioned: &[String], answer: &str| {
        let response = BASE64.encode(mentioned.join(" ").as_bytes());
        let facts = world.facts();
        let realm = &world.realm;
        let roles = realm.saml_roles(&response, None, NOW, &facts.notes);
        fails(ready(roles), "Federation", answer);
        let all = facts.notes.explanations();
        let unread = all.iter().filter(|words| words.contains("not well-formed"));
        unread.count()
    };
    let invalid = "Your request included an invalid SAML response.";
    assert_eq!(tried(&names("idp", 20), invalid), 16);
    // Those that are not there cost nothing: a response may be for many accounts elsewhere.
    let mentioned = [names("none", 18), names("idp", 3)].concat();
    assert_eq!(tried(&mentioned, "Specified provider doesn't exist"), 3);
}

fn assume(world: &World) -> Result<SamlAssumedRole, Error> {
    let asked = AssumeRoleWithSaml {
        role_arn: n(ROLE),
        principal_arn: n(PROVIDER),
        saml_assertion: n(&BASE64.encode(RESPONSE.as_bytes())),
        session_policies: SessionPolicies::default(),
        duration: None,
        minimum_token_size: MinimumTokenSize::default(),
    };
    let facts = RequestFacts {
        now: NOW,
        ..world.facts()
    };
    ready(world.realm.call(&world.realm.anonymous(), &facts, asked))
}

#[test]
fn spent_assertions_are_forgotten_when_they_are_over() {
    let world = world();
    let statement = format!(
        r#"{{"Effect":"Allow","Principal":{{"Federated":"{PROVIDER}"}},"Action":"sts:AssumeRoleWithSAML"}}"#
    );
    assert_eq!(crate::tagged_role(&world, "corp", &statement, &[]), ROLE);
    assume(&world).unwrap();
    assume(&world).unwrap();
    world.put(ProviderSettings {
        saml: SamlSettings {
            single_use: true,
            ..SamlSettings::default()
        },
        ..ProviderSettings::of(PROVIDER)
    });
    let spent = |id: &str, expires| SpentAssertion {
        id: id.to_owned(),
        expires,
    };
    for number in 0..5 {
        world.put(spent(&format!("over-{number}"), NOW));
    }
    world.put(spent("good", NOW + 1));
    assume(&world).unwrap();
    let account = ready(world.realm.account(n(crate::common::ACCOUNT)))
        .unwrap()
        .unwrap();
    let left: Vec<_> = account
        .spent_assertions
        .values()
        .map(|one| one.expires)
        .collect();
    assert_eq!(left, [NOW + 1, NOW + 300]);
    let invalid = "Your request included an invalid SAML response.";
    fails(assume(&world), "Federation", invalid);
}
