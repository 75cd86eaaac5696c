//! SAML providers.

use crate::common::{ACCOUNT, START, World, fails, n};
use crate::support::{pairs, tag};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::PrivateDecryptingKey;
use locum_identity::iam::PageRequest;
use locum_identity::iam::saml_providers::{
    CreateSamlProvider, DeleteSamlProvider, GetSamlProvider, ListSamlProviderTags,
    ListSamlProviders, TagSamlProvider, UntagSamlProvider, UpdateSamlProvider,
};
use locum_identity::port::Store as _;
use locum_identity::sealing::RootKey;

const ARN: &str = "arn:aws:iam::123456789012:saml-provider/Corp.idp_1-x";
const SIGNING: &str = include_str!("../../../../testdata/saml/signing.pem");
const PKCS1: &str = include_str!("../../../../testdata/saml/rsa.pkcs1.pem");
const PKCS8: &str = include_str!("../../../../testdata/saml/rsa.pkcs8.pem");
const EC: &str = include_str!("../../../../testdata/saml/ec.pem");
const SHORT: &str = include_str!("../../../../testdata/saml/rsa1024.pem");
const ENCRYPTED: &str = include_str!("../../../../testdata/saml/encrypted.pem");
const DAY: i64 = 86_400;
const CENTURY: i64 = 36_525 * DAY;

fn metadata(attributes: &str) -> String {
    let base64: String = SIGNING
        .lines()
        .filter(|line| !line.contains("---"))
        .collect();
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"https://idp.example.com\" {attributes}>\r\n\
         <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor use=\"signing\">\
         <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{base64}</X509Certificate></X509Data></KeyInfo>\
         </KeyDescriptor><SingleSignOnService Binding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" Location=\"https://idp.example.com/sso\"/>\
         </IDPSSODescriptor></EntityDescriptor>"
    )
}

fn create() -> CreateSamlProvider {
    CreateSamlProvider {
        name: n("Corp.idp_1-x"),
        metadata: n(&metadata("")),
        tags: Vec::new(),
        assertion_encryption_required: None,
        add_private_key: None,
    }
}

fn update() -> UpdateSamlProvider {
    UpdateSamlProvider {
        arn: n(ARN),
        metadata: None,
        assertion_encryption_required: None,
        add_private_key: None,
        remove_private_key: None,
    }
}

fn add_key(pem: &str) -> UpdateSamlProvider {
    UpdateSamlProvider {
        add_private_key: Some(n(pem)),
        ..update()
    }
}

fn remove_key(id: &str) -> UpdateSamlProvider {
    UpdateSamlProvider {
        remove_private_key: Some(n(id)),
        ..update()
    }
}

fn require(required: bool) -> UpdateSamlProvider {
    UpdateSamlProvider {
        assertion_encryption_required: Some(required),
        ..update()
    }
}

fn get() -> GetSamlProvider {
    GetSamlProvider { arn: n(ARN) }
}

fn delete() -> DeleteSamlProvider {
    DeleteSamlProvider { arn: n(ARN) }
}

fn is_id(text: &str) -> bool {
    text.len() == 32
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

#[test]
fn a_provider_is_kept_as_it_was_given() {
    let world = World::new();
    let created = world
        .root(CreateSamlProvider {
            tags: vec![tag("k", "v")],
            ..create()
        })
        .unwrap();
    assert_eq!(
        (created.arn.as_str(), pairs(&created.tags)),
        (ARN, vec![("k", "v")])
    );
    let world = world.reopened();
    let got = world.root(get()).unwrap();
    assert_eq!(got.metadata, metadata(""));
    assert_eq!((got.created, got.valid_until), (START, START + CENTURY));
    assert!(is_id(&got.uuid), "{}", got.uuid);
    assert_eq!(
        (got.assertion_encryption_required, got.private_keys.len()),
        (None, 0)
    );
    let listed = world.root(ListSamlProviders).unwrap();
    assert_eq!(
        listed
            .iter()
            .map(|one| one.arn.as_str())
            .collect::<Vec<_>>(),
        [ARN]
    );
}

#[test]
fn names_are_taken_once_and_letter_case_tells_them_apart() {
    let world = World::new();
    world.root(create()).unwrap();
    fails(
        world.root(create()),
        "EntityAlreadyExists",
        "SAML provider Corp.idp_1-x already exists.",
    );
    world
        .root(CreateSamlProvider {
            name: n("corp.idp_1-x"),
            ..create()
        })
        .unwrap();
    for number in 2..100 {
        world
            .root(CreateSamlProvider {
                name: n(&format!("idp-{number}")),
                ..create()
            })
            .unwrap();
    }
    let more = CreateSamlProvider {
        name: n("more"),
        ..create()
    };
    fails(
        world.root(more),
        "LimitExceeded",
        "Cannot exceed quota for SAMLProvidersPerAccount: 100",
    );
}

#[test]
fn metadata_must_describe_a_provider() {
    let world = World::new();
    let with = |text: &str| CreateSamlProvider {
        metadata: n(text),
        ..create()
    };
    let not_xml = "Could not parse metadata: it is not well-formed XML, or has too many elements.";
    fails(world.root(with(&"x".repeat(1000))), "InvalidInput", not_xml);
    let dtd = format!("<!DOCTYPE a [<!ENTITY b \"c\">]>{}", metadata(""));
    let text = "Could not parse metadata: it must not have a document type definition.";
    fails(world.root(with(&dtd)), "InvalidInput", text);
    let no_provider = metadata("").replace("IDPSSODescriptor", "SPSSODescriptor");
    let text = "Could not parse metadata: the EntityDescriptor must have an IDPSSODescriptor that supports SAML 2.0.";
    fails(world.root(with(&no_provider)), "InvalidInput", text);
    world.root(create()).unwrap();
    let update = UpdateSamlProvider {
        metadata: Some(n(&no_provider)),
        ..update()
    };
    fails(world.root(update), "InvalidInput", text);
    assert_eq!(world.root(get()).unwrap().metadata, metadata(""));
}

#[test]
fn a_provider_is_good_for_a_century_or_as_long_as_its_metadata_says() {
    let world = World::new();
    world.root(create()).unwrap();
    world.wait(DAY);
    let valid_until = |attributes: &str| {
        let update = UpdateSamlProvider {
            metadata: Some(n(&metadata(attributes))),
            ..update()
        };
        assert_eq!(world.root(update).unwrap(), ARN);
        let got = world.root(get()).unwrap();
        assert_eq!(got.created, START);
        got.valid_until
    };
    assert_eq!(valid_until(""), START + DAY + CENTURY);
    assert_eq!(
        valid_until("validUntil=\"2026-01-03T00:00:00Z\""),
        START + 2 * DAY
    );
    assert_eq!(
        valid_until("validUntil=\"2999-01-01T00:00:00Z\""),
        START + DAY + CENTURY
    );
    // What is over is over.
    assert_eq!(
        valid_until("validUntil=\"2020-01-01T00:00:00Z\""),
        1_577_836_800
    );
}

#[test]
fn private_keys_are_rotated_two_at_a_time() {
    let world = World::new();
    world
        .root(CreateSamlProvider {
            add_private_key: Some(n(PKCS8)),
            assertion_encryption_required: Some(true),
            ..create()
        })
        .unwrap();
    let keys = || world.root(get()).unwrap().private_keys.clone();
    let first = keys()[0].id.clone();
    assert!(is_id(&first), "{first}");
    world.wait(DAY);
    world.root(add_key(PKCS1)).unwrap();
    let second = keys()[1].id.clone();
    assert_eq!(
        keys().iter().map(|key| key.added).collect::<Vec<_>>(),
        [START, START + DAY]
    );
    fails(
        world.root(add_key(PKCS8)),
        "LimitExceeded",
        "Cannot exceed quota for PrivateKeysPerSAMLProvider: 2",
    );
    let both = UpdateSamlProvider {
        remove_private_key: Some(n(&first)),
        ..add_key(PKCS8)
    };
    let text = "Add the new private key and remove the old one in separate requests.";
    fails(world.root(both), "InvalidInput", text);
    world.root(remove_key(&first)).unwrap();
    let missing = format!("The private key with id {first} cannot be found.");
    fails(world.root(remove_key(&first)), "NoSuchEntity", &missing);
    // The last one stays as long as assertions must be encrypted.
    let needed = "AssertionEncryptionMode Required needs a private key.";
    fails(world.root(remove_key(&second)), "InvalidInput", needed);
    world.root(require(false)).unwrap();
    world.root(remove_key(&second)).unwrap();
    fails(world.root(require(true)), "InvalidInput", needed);
    let keyless = CreateSamlProvider {
        name: n("keyless"),
        assertion_encryption_required: Some(true),
        ..create()
    };
    fails(world.root(keyless), "InvalidInput", needed);
    world
        .root(UpdateSamlProvider {
            add_private_key: Some(n(PKCS8)),
            ..require(true)
        })
        .unwrap();
}

#[test]
fn private_keys_are_rsa_keys_in_pem() {
    let world = World::new();
    world.root(create()).unwrap();
    let text =
        "The private key must be an RSA key of at least 2048 bits in PEM, without a password.";
    let truncated = PKCS8.replacen("\nM", "\nN", 1);
    let two = [PKCS8, PKCS1].concat();
    let mislabelled = PKCS1.replace("RSA PRIVATE KEY", "PRIVATE KEY");
    for pem in [
        EC,
        SHORT,
        ENCRYPTED,
        SIGNING,
        "key",
        &truncated,
        &two,
        &mislabelled,
    ] {
        fails(world.root(add_key(pem)), "InvalidInput", text);
    }
    assert!(world.root(get()).unwrap().private_keys.is_empty());
}

#[test]
fn private_keys_are_sealed_for_their_provider_and_open_as_they_came() {
    let world = World::new();
    world
        .root(CreateSamlProvider {
            add_private_key: Some(n(PKCS1)),
            ..create()
        })
        .unwrap();
    let feed = ready_feed(&world);
    let line = PKCS1.lines().nth(3).unwrap();
    assert!(!feed.contains(line) && !feed.contains("PRIVATE KEY"));
    let root_key = RootKey::new(&[7; 32]).unwrap();
    let provider = world.root(get()).unwrap();
    let opened = provider.open_private_keys(&root_key).unwrap();
    let key = PrivateDecryptingKey::from_pkcs8(&opened[0]).unwrap();
    assert_eq!(key.key_size_bits(), 2048);
    let der: Pkcs8V1Der<'_> = key.as_der().unwrap();
    assert_eq!(der.as_ref(), opened[0].as_slice());
    // Another provider's key does not open as this one's.
    let mut moved = (*provider).clone();
    moved.uuid = "A".repeat(32);
    assert!(moved.open_private_keys(&root_key).is_err());
    let debug = format!("{:?}", add_key(PKCS1));
    assert!(!debug.contains("PRIVATE KEY"));
}

fn ready_feed(world: &World) -> String {
    let feed = crate::common::ready(world.store.feed(0, 1000)).unwrap();
    format!("{feed:?}")
}

#[test]
fn what_is_not_there_is_not_found() {
    let world = World::new();
    let missing = format!("Manifest not found for arn {ARN}");
    fails(world.root(get()), "NoSuchEntity", &missing);
    fails(world.root(update()), "NoSuchEntity", &missing);
    fails(world.root(delete()), "NoSuchEntity", &missing);
    world.root(create()).unwrap();
    let before = world.root(get()).unwrap().uuid.clone();
    world.root(delete()).unwrap();
    fails(world.root(get()), "NoSuchEntity", &missing);
    world.root(create()).unwrap();
    assert_ne!(world.root(get()).unwrap().uuid, before);
    for arn in [
        "arn:aws:iam::123456789012:oidc-provider/a",
        "not an arn of a provider",
    ] {
        let text = "Invalid ARN:  Could not be parsed!";
        fails(
            world.root(GetSamlProvider { arn: n(arn) }),
            "InvalidInput",
            text,
        );
    }
    let theirs = ARN.replace(ACCOUNT, "999999999999");
    let denied = format!(
        "User: arn:aws:iam::{ACCOUNT}:root is not authorized to perform: iam:DeleteSAMLProvider on resource: {theirs} because no resource-based policy allows the iam:DeleteSAMLProvider action"
    );
    fails(
        world.root(DeleteSamlProvider { arn: n(&theirs) }),
        "AccessDenied",
        &denied,
    );
}

#[test]
fn tags() {
    let world = World::new();
    world.root(create()).unwrap();
    let put = |tags| TagSamlProvider {
        resource: n(ARN),
        tags,
    };
    world.root(put(vec![tag("b", "1"), tag("B", "2")])).unwrap();
    world
        .root(UntagSamlProvider {
            resource: n(ARN),
            tag_keys: vec![n("b")],
        })
        .unwrap();
    let list = ListSamlProviderTags {
        resource: n(ARN),
        page: PageRequest::default(),
    };
    assert_eq!(pairs(&world.root(list).unwrap().items), [("B", "2")]);
    fails(
        world.root(put(Vec::new())),
        "InvalidInput",
        "Tags must not be empty.",
    );
    let none = UntagSamlProvider {
        resource: n(ARN),
        tag_keys: Vec::new(),
    };
    fails(
        world.root(none),
        "InvalidInput",
        "TagKeys must not be empty.",
    );
}
