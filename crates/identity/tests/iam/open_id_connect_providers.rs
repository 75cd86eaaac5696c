//! OpenID Connect providers.

use crate::common::{ACCOUNT, World, fails, n};
use crate::support::{pairs, tag};
use locum_identity::iam::PageRequest;
use locum_identity::iam::open_id_connect_providers::{
    AddClientIdToOpenIdConnectProvider, CreateOpenIdConnectProvider, CreatedProvider,
    DeleteOpenIdConnectProvider, GetOpenIdConnectProvider, ListOpenIdConnectProviderTags,
    ListOpenIdConnectProviders, RemoveClientIdFromOpenIdConnectProvider, TagOpenIdConnectProvider,
    UntagOpenIdConnectProvider, UpdateOpenIdConnectProviderThumbprint,
};
use locum_identity::iam::outbound::EnableOutboundWebIdentityFederation;
use locum_identity::iam::roles::{CreateRole, GetRole};
use locum_identity::issuer::{OnTheSpot, PublicUrl};
use locum_identity::thumbprint::{CertificateFetcher, Fetching, Unreachable};
use std::sync::{Arc, Mutex};

const URL: &str = "https://Server.example.com/Realm/";
const ARN: &str = "arn:aws:iam::123456789012:oidc-provider/Server.example.com/Realm/";
const PRINT: &str = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280";
const BAD_URL: &str = "Invalid Open ID Connect Provider URL";

fn create(url: &str) -> CreateOpenIdConnectProvider {
    CreateOpenIdConnectProvider {
        url: n(url),
        client_ids: vec![n("app")],
        thumbprints: vec![n(PRINT)],
        tags: Vec::new(),
    }
}

fn get(arn: &str) -> GetOpenIdConnectProvider {
    GetOpenIdConnectProvider { arn: n(arn) }
}

fn add(arn: &str, id: &str) -> AddClientIdToOpenIdConnectProvider {
    AddClientIdToOpenIdConnectProvider {
        arn: n(arn),
        client_id: n(id),
    }
}

fn remove(arn: &str, id: &str) -> RemoveClientIdFromOpenIdConnectProvider {
    RemoveClientIdFromOpenIdConnectProvider {
        arn: n(arn),
        client_id: n(id),
    }
}

fn thumbprints(arn: &str, prints: &[&str]) -> UpdateOpenIdConnectProviderThumbprint {
    UpdateOpenIdConnectProviderThumbprint {
        arn: n(arn),
        thumbprints: prints.iter().map(|print| n(print)).collect(),
    }
}

fn delete(arn: &str) -> DeleteOpenIdConnectProvider {
    DeleteOpenIdConnectProvider { arn: n(arn) }
}

fn not_found(arn: &str) -> String {
    format!("OpenIDConnect Provider not found for arn {arn}")
}

fn client_ids(world: &World) -> Vec<String> {
    world.root(get(ARN)).unwrap().client_ids.clone()
}

#[test]
fn a_provider_is_kept_as_it_was_given() {
    let world = World::new();
    let created = world.root(CreateOpenIdConnectProvider {
        client_ids: vec![n("b"), n("a"), n("b"), n("é ☃")],
        thumbprints: vec![n(PRINT), n(&"A".repeat(40))],
        tags: vec![tag("k", "v")],
        ..create(URL)
    });
    let CreatedProvider { arn, tags } = created.unwrap();
    assert_eq!((arn.as_str(), pairs(&tags)), (ARN, vec![("k", "v")]));
    let world = world.reopened();
    let got = world.root(get(ARN)).unwrap();
    assert_eq!(got.url, "Server.example.com/Realm/");
    assert_eq!(got.client_ids, ["b", "a", "é ☃"]);
    assert_eq!(got.thumbprints, [PRINT.to_owned(), "A".repeat(40)]);
    assert_eq!(got.created, crate::common::START);
    assert_eq!(world.root(ListOpenIdConnectProviders).unwrap(), [ARN]);
}

#[test]
fn a_url_is_registered_once() {
    let world = World::new();
    world.root(create(URL)).unwrap();
    for same in [URL, "https://server.EXAMPLE.com/Realm/"] {
        let text = format!("Provider with url {same} already exists.");
        fails(world.root(create(same)), "EntityAlreadyExists", &text);
    }
    // These are other issuers.
    for other in [
        "https://server.example.com/realm/",
        "https://server.example.com/Realm",
    ] {
        world.root(create(other)).unwrap();
    }
    assert_eq!(world.root(ListOpenIdConnectProviders).unwrap().len(), 3);
    // ARNs tell letter case apart.
    let arn = ARN.replace("Server", "SERVER");
    fails(world.root(get(&arn)), "NoSuchEntity", &not_found(&arn));
}

#[test]
fn urls_that_are_no_issuers_are_refused() {
    let world = World::new();
    for url in [
        "http://example.com",
        "example.com",
        "https://a@b.example",
        "https://example.com:443",
        "https://example.com?a=b",
        "https://example.com#a",
        "https://example.com//a",
        "https://example.com /",
        "https://",
        "https://bücher.example",
    ] {
        fails(world.root(create(url)), "ValidationText", BAD_URL);
    }
    assert!(world.root(ListOpenIdConnectProviders).unwrap().is_empty());
}

#[test]
fn an_issuer_of_this_realm_is_no_provider() {
    let mut world = World::new();
    let public = PublicUrl::parse("https://sts.example.com").unwrap();
    world.realm = world.realm.with_issuing(Some(public), Arc::new(OnTheSpot));
    let issuer = world.root(EnableOutboundWebIdentityFederation).unwrap();
    let text = "The issuer of an account of this server cannot be an identity provider here.";
    for url in [
        issuer.clone(),
        format!("{issuer}/"),
        issuer.replace("sts.example.com", "other.example.com"),
        issuer.replace("sts", "STS"),
    ] {
        fails(world.root(create(&url)), "InvalidInput", text);
    }
    let path = issuer.rsplit_once('/').unwrap().1;
    let upper = issuer.replace(path, &path.to_uppercase());
    fails(world.root(create(&upper)), "InvalidInput", text);
    // That of no account is anybody's.
    world
        .root(create("https://sts.example.com/_locum/oidc/other"))
        .unwrap();
}

#[test]
fn thumbprints_are_at_most_five_of_forty_digits() {
    let world = World::new();
    let prints = |count: usize| (0..count).map(|n| format!("{n:040x}")).collect::<Vec<_>>();
    let with = |prints: &[String]| CreateOpenIdConnectProvider {
        thumbprints: prints.iter().map(|print| n(print)).collect(),
        ..create(URL)
    };
    let many = "Thumbprint list must contain at most 5 entries.";
    fails(world.root(with(&prints(6))), "InvalidInput", many);
    let digits = "A thumbprint must have 40 hexadecimal digits.";
    fails(world.root(with(&["g".repeat(40)])), "InvalidInput", digits);
    world.root(with(&prints(5))).unwrap();
    let update = |prints: &[&str]| world.root(thumbprints(ARN, prints));
    fails(
        update(&[]),
        "InvalidInput",
        "Thumbprint list must contain at least one entry.",
    );
    fails(update(&[PRINT; 6]), "InvalidInput", many);
    fails(update(&[&"é".repeat(40)]), "InvalidInput", digits);
    update(&[PRINT]).unwrap();
    assert_eq!(world.root(get(ARN)).unwrap().thumbprints, [PRINT]);
}

#[test]
fn client_ids_come_and_go() {
    let world = World::new();
    world.root(create(URL)).unwrap();
    world.root(add(ARN, "two")).unwrap();
    world.root(add(ARN, "two")).unwrap();
    assert_eq!(client_ids(&world), ["app", "two"]);
    world.root(remove(ARN, "app")).unwrap();
    world.root(remove(ARN, "app")).unwrap();
    world.root(remove(ARN, "Two")).unwrap();
    assert_eq!(client_ids(&world), ["two"]);
    let control = "A client ID must not have control characters.";
    fails(world.root(add(ARN, "a\nb")), "InvalidInput", control);
    let forged = CreateOpenIdConnectProvider {
        client_ids: vec![n("a\u{0}")],
        ..create("https://forged.example")
    };
    fails(world.root(forged), "InvalidInput", control);
    for number in 1..100 {
        world.root(add(ARN, &format!("app-{number}"))).unwrap();
    }
    let quota = "Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: 100";
    fails(world.root(add(ARN, "more")), "LimitExceeded", quota);
    world.root(add(ARN, "app-1")).unwrap();
    let too_many = CreateOpenIdConnectProvider {
        client_ids: (0..101).map(|number| n(&number.to_string())).collect(),
        ..create("https://example.com")
    };
    fails(world.root(too_many), "LimitExceeded", quota);
}

#[test]
fn an_account_has_a_hundred_providers() {
    let world = World::new();
    for number in 0..100 {
        world
            .root(create(&format!("https://idp-{number}.example")))
            .unwrap();
    }
    let quota = "Cannot exceed quota for OpenIdConnectProvidersPerAccount: 100";
    fails(world.root(create(URL)), "LimitExceeded", quota);
}

#[test]
fn what_is_not_there_is_not_found_but_deleted() {
    let world = World::new();
    let missing = not_found(ARN);
    fails(world.root(get(ARN)), "NoSuchEntity", &missing);
    fails(world.root(add(ARN, "a")), "NoSuchEntity", &missing);
    fails(world.root(remove(ARN, "a")), "NoSuchEntity", &missing);
    fails(
        world.root(thumbprints(ARN, &[PRINT])),
        "NoSuchEntity",
        &missing,
    );
    world.root(delete(ARN)).unwrap();
    world.root(create(URL)).unwrap();
    world.root(delete(ARN)).unwrap();
    fails(world.root(get(ARN)), "NoSuchEntity", &missing);
    world.root(create(URL)).unwrap();
    let malformed = "Invalid ARN:  Could not be parsed!";
    for arn in [
        "Server.example.com/Realm/",
        "arn:aws:iam::123456789012:saml-provider/a",
        "arn:aws:iam::123456789012:oidc-provider/",
        "arn:aws:iam:us-east-1:123456789012:oidc-provider/a",
    ] {
        fails(world.root(get(arn)), "InvalidInput", malformed);
        fails(world.root(delete(arn)), "InvalidInput", malformed);
    }
}

#[test]
fn another_accounts_provider_is_its_own() {
    let world = World::new();
    world.root(create(URL)).unwrap();
    let theirs = ARN.replace(ACCOUNT, "999999999999");
    let denied = |action: &str| {
        format!(
            "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: iam:{action} on resource: {theirs} because no resource-based policy allows the iam:{action} action"
        )
    };
    fails(
        world.root(get(&theirs)),
        "AccessDenied",
        &denied("GetOpenIDConnectProvider"),
    );
    fails(
        world.root(delete(&theirs)),
        "AccessDenied",
        &denied("DeleteOpenIDConnectProvider"),
    );
    // Another partition has no such provider.
    let abroad = ARN.replace("arn:aws:", "arn:aws-cn:");
    fails(
        world.root(get(&abroad)),
        "NoSuchEntity",
        &not_found(&abroad),
    );
}

#[test]
fn tags() {
    let world = World::new();
    world
        .root(CreateOpenIdConnectProvider {
            tags: vec![tag("b", "1")],
            ..create(URL)
        })
        .unwrap();
    let put = |tags| TagOpenIdConnectProvider {
        resource: n(ARN),
        tags,
    };
    let listed = || {
        let list = ListOpenIdConnectProviderTags {
            resource: n(ARN),
            page: PageRequest::default(),
        };
        world.root(list).unwrap().items
    };
    // Letter case tells keys apart.
    world
        .root(put(vec![tag("B", "2"), tag("a", "3"), tag("b", "4")]))
        .unwrap();
    assert_eq!(pairs(&listed()), [("B", "2"), ("a", "3"), ("b", "4")]);
    let take = |keys: &[&str]| UntagOpenIdConnectProvider {
        resource: n(ARN),
        tag_keys: keys.iter().map(|key| n(key)).collect(),
    };
    world.root(take(&["a", "A"])).unwrap();
    assert_eq!(pairs(&listed()), [("B", "2"), ("b", "4")]);
    fails(
        world.root(put(Vec::new())),
        "InvalidInput",
        "Tags must not be empty.",
    );
    fails(
        world.root(take(&[])),
        "InvalidInput",
        "TagKeys must not be empty.",
    );
    let many = (0..49).map(|number| tag(&number.to_string(), "")).collect();
    fails(
        world.root(put(many)),
        "LimitExceeded",
        "Cannot exceed quota for TagsPerResource: 50",
    );
    assert_eq!(listed().len(), 2);
}

#[test]
fn policies_see_tags() {
    let world = World::new();
    world
        .root(CreateOpenIdConnectProvider {
            tags: vec![tag("team", "blue")],
            ..create(URL)
        })
        .unwrap();
    let ann = world.user_with_key("ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":["iam:GetOpenIDConnectProvider","iam:DeleteOpenIDConnectProvider"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"red"}}},
           {"Effect":"Allow","Action":"iam:CreateOpenIDConnectProvider","Resource":"arn:aws:iam::123456789012:oidc-provider/*.example"}"#,
    );
    let denied = |action: &str, arn: &str| {
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: iam:{action} on resource: {arn} because no identity-based policy allows the iam:{action} action"
        )
    };
    fails(
        world.call(&ann, get(ARN)),
        "AccessDenied",
        &denied("GetOpenIDConnectProvider", ARN),
    );
    world.call(&ann, create("https://a.example")).unwrap();
    let a = "arn:aws:iam::123456789012:oidc-provider/b.example";
    let tagged = CreateOpenIdConnectProvider {
        tags: vec![tag("team", "red")],
        ..create("https://b.example")
    };
    fails(
        world.call(&ann, tagged),
        "AccessDenied",
        &denied("TagOpenIDConnectProvider", a),
    );
    // What is no URL is refused by policy first, and under the name that it would have.
    let other = "arn:aws:iam::123456789012:oidc-provider/http://c.test";
    fails(
        world.call(&ann, create("http://c.test")),
        "AccessDenied",
        &denied("CreateOpenIDConnectProvider", other),
    );
}

#[test]
fn roles_that_trust_a_provider_stay_as_they_are() {
    let world = World::new();
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"Federated":["{ARN}","arn:aws:iam::999999999999:oidc-provider/x.example","arn:aws:iam::123456789012:saml-provider/none"]}},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{{"StringEquals":{{"server.example.com/Realm/:aud":"app"}}}}}}]}}"#
    );
    world.root(create(URL)).unwrap();
    world
        .root(CreateRole {
            assume_role_policy_document: n(&document),
            ..crate::support::new_role("web")
        })
        .unwrap();
    let shown = || {
        world
            .root(GetRole {
                role_name: n("web"),
            })
            .unwrap()
            .assume_role_policy_document
            .clone()
    };
    assert_eq!(shown(), document);
    world.root(delete(ARN)).unwrap();
    assert_eq!(shown(), document);
    // The provider is named by its URL: one made again is the same.
    world.root(create(URL)).unwrap();
    assert_eq!(shown(), document);
    // A role or user of a provider's name is none.
    for principal in [
        "role/Server.example.com/Realm/",
        "oidc-provider/",
        "oidc-provider/*",
    ] {
        let document = document.replace("oidc-provider/Server.example.com/Realm/", principal);
        let created = world.root(CreateRole {
            assume_role_policy_document: n(&document),
            ..crate::support::new_role("other")
        });
        assert!(created.is_err(), "{principal}");
    }
}

/// A server of certificates that tells who was asked for.
#[derive(Default)]
struct Fake {
    asked: Mutex<Vec<String>>,
}

impl CertificateFetcher for Fake {
    fn last_certificate<'a>(&'a self, host: &'a str) -> Fetching<'a> {
        self.asked.lock().unwrap().push(host.to_owned());
        let answer = match host {
            "idp.example.com" => Ok(b"certificate".to_vec()),
            _ => Err(Unreachable),
        };
        Box::pin(std::future::ready(answer))
    }
}

#[test]
fn without_thumbprints_the_host_is_asked() {
    let fake = Arc::new(Fake::default());
    let world = World::new().with_certificates(fake.clone());
    let create = |url: &str| CreateOpenIdConnectProvider {
        thumbprints: Vec::new(),
        ..create(url)
    };
    let asked = || std::mem::take(&mut *fake.asked.lock().unwrap());
    let created = world.root(create("https://idp.example.com/a")).unwrap();
    assert_eq!(asked(), ["idp.example.com"]);
    let got = world.root(get(&created.arn)).unwrap();
    // SHA-1 of "certificate".
    assert_eq!(
        got.thumbprints,
        ["735ad571c189d7ba84464bf4a9f1d2280175b128"]
    );
    let text = "The OpenID Connect identity provider could not be reached.";
    fails(world.root(create("https://other.example.com")), "Iam", text);
    assert_eq!(asked(), ["other.example.com"]);
    // Nobody is asked about what is refused anyway.
    fails(
        world.root(create("https://a@idp.example.com")),
        "ValidationText",
        BAD_URL,
    );
    let exists = "Provider with url https://idp.example.com/a already exists.";
    fails(
        world.root(create("https://idp.example.com/a")),
        "EntityAlreadyExists",
        exists,
    );
    let tagged = CreateOpenIdConnectProvider {
        tags: vec![tag("aws:a", "")],
        ..create("https://idp.example.com/b")
    };
    assert!(world.root(tagged).is_err());
    let ann = world.user_with_key("ann");
    assert!(
        world
            .call(&ann, create("https://idp.example.com/b"))
            .is_err()
    );
    assert!(asked().is_empty());
    // With thumbprints nobody is asked.
    world
        .root(self::create("https://other.example.com"))
        .unwrap();
    assert!(asked().is_empty());
}
