//! Server certificates.

use crate::common::{ACCOUNT, START, World, fails, n};
use crate::support::{pairs, tag};
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::server_certificates::{
    DeleteServerCertificate, GetServerCertificate, ListServerCertificateTags,
    ListServerCertificates, TagServerCertificate, UntagServerCertificate, UpdateServerCertificate,
    UploadServerCertificate,
};
use locum_identity::port::{Scope, Store as _};
use locum_identity::sealing::RootKey;

macro_rules! stored {
    ($name:literal) => {
        include_str!(concat!("../../testdata/key_material/", $name))
    };
}

const LEAF: &str = stored!("leaf.pem");
const KEY: &str = stored!("leaf.key");
const ABOVE: &str = stored!("above.pem");
const ROOT: &str = stored!("root.pem");

fn upload(name: &str) -> UploadServerCertificate {
    UploadServerCertificate {
        name: n(name),
        path: None,
        body: n(LEAF),
        private_key: n(KEY),
        chain: None,
        tags: Vec::new(),
    }
}

fn get(name: &str) -> GetServerCertificate {
    GetServerCertificate { name: n(name) }
}

fn list(prefix: Option<&str>) -> ListServerCertificates {
    ListServerCertificates {
        path_prefix: prefix.map(n),
        page: PageRequest::default(),
    }
}

fn update(name: &str, path: Option<&str>, to: Option<&str>) -> UpdateServerCertificate {
    UpdateServerCertificate {
        name: n(name),
        new_path: path.map(n),
        new_name: to.map(n),
    }
}

fn delete(name: &str) -> DeleteServerCertificate {
    DeleteServerCertificate { name: n(name) }
}

fn missing(name: &str) -> String {
    format!("The Server Certificate with name {name} cannot be found.")
}

fn names(world: &World, prefix: Option<&str>) -> Vec<String> {
    let listed = world.root(list(prefix)).unwrap().items;
    listed
        .iter()
        .map(|shown| shown.certificate.name.to_string())
        .collect()
}

#[test]
fn from_upload_to_deletion() {
    let world = World::new();
    let made = world
        .root(UploadServerCertificate {
            path: Some(n("/web/")),
            body: n(&format!("\n{}", LEAF.replace('\n', "\r\n"))),
            chain: Some(n(&format!("{ABOVE}{ROOT}"))),
            ..upload("Shop")
        })
        .unwrap();
    let id = made.certificate.id.to_string();
    assert!(id.starts_with("ASCA") && id.len() == 21, "{id}");
    assert_eq!(
        made.arn,
        format!("arn:aws:iam::{ACCOUNT}:server-certificate/web/Shop")
    );
    // 2055-01-01, to the second.
    assert_eq!(
        (made.certificate.uploaded, made.certificate.expires),
        (START, 2_682_374_400)
    );
    let world = world.reopened();
    let got = world.root(get("SHOP")).unwrap().certificate;
    assert_eq!(got.body, LEAF.trim().replace('\n', "\r\n"));
    assert_eq!(got.chain.as_deref(), Some(format!("{ABOVE}{ROOT}").trim()));
    world
        .root(update("shop", Some("/"), Some("store")))
        .unwrap();
    fails(world.root(get("shop")), "NoSuchEntity", &missing("shop"));
    let world = world.reopened();
    let got = world.root(get("store")).unwrap();
    assert_eq!(
        got.arn,
        format!("arn:aws:iam::{ACCOUNT}:server-certificate/store")
    );
    assert_eq!(got.certificate.id.to_string(), id);
    assert_eq!(names(&world, None), ["store"]);
    world.root(delete("STORE")).unwrap();
    fails(
        world.root(delete("store")),
        "NoSuchEntity",
        &missing("store"),
    );
    assert!(names(&world, None).is_empty());
}

#[test]
fn the_private_key_is_sealed_for_its_certificate_and_nowhere_in_the_store() {
    let world = World::new();
    let one = world.root(upload("one")).unwrap().certificate;
    let two = world.root(upload("two")).unwrap().certificate;
    let root_key = RootKey::new(&[7; 32]).unwrap();
    let open = |certificate: &locum_identity::entity::ServerCertificate| {
        let key = certificate.open_private_key(&root_key)?;
        Ok::<_, locum_identity::sealing::Unsealable>(String::from_utf8(key.to_vec()).unwrap())
    };
    assert_eq!(open(&one).as_deref(), Ok(KEY.trim()));
    let mut moved = (*one).clone();
    moved.id = two.id.clone();
    assert!(open(&moved).is_err());
    let loaded = crate::common::ready(world.store.load(Scope::Account(n(ACCOUNT)))).unwrap();
    let secret = KEY.lines().nth(2).unwrap();
    for record in &loaded.records {
        assert!(!record.body.contains(secret) && !record.body.contains("PRIVATE KEY"));
    }
    let input = format!("{:?}", upload("three"));
    assert!(!input.contains(secret), "{input}");
}

#[test]
fn names_are_unique_whatever_their_letter_case() {
    let world = World::new();
    world.root(upload("Shop")).unwrap();
    world.root(upload("other")).unwrap();
    let taken = |name: &str| format!("The Server Certificate with name {name} already exists.");
    fails(
        world.root(upload("SHOP")),
        "EntityAlreadyExists",
        &taken("SHOP"),
    );
    let rename = |to: &str| world.root(update("other", None, Some(to)));
    fails(rename("shop"), "EntityAlreadyExists", &taken("shop"));
    // One's own name in other letters is not taken.
    rename("OTHER").unwrap();
    rename("OTHER").unwrap();
    assert_eq!(names(&world, None), ["OTHER", "Shop"]);
    fails(
        world.root(update("none", None, Some("x"))),
        "NoSuchEntity",
        &missing("none"),
    );
}

#[test]
fn twenty_certificates_an_account() {
    let world = World::new();
    for number in 0..20 {
        world.root(upload(&format!("c{number}"))).unwrap();
    }
    fails(
        world.root(upload("c20")),
        "LimitExceeded",
        "Cannot exceed quota for ServerCertificates: 20",
    );
    // What is there is told before what does not fit.
    fails(
        world.root(upload("c1")),
        "EntityAlreadyExists",
        "The Server Certificate with name c1 already exists.",
    );
    let mut request = list(None);
    request.page.max_items = Some(7);
    let mut found = Vec::new();
    loop {
        let page = world.root(request.clone()).unwrap();
        found.extend(
            page.items
                .into_iter()
                .map(|shown| shown.certificate.name.to_string()),
        );
        match page.next {
            Some(next) => request.page.behind = next,
            None => break,
        }
    }
    assert_eq!(found, names(&world, None));
    assert_eq!(found.len(), 20);
}

#[test]
fn lists_by_path() {
    let world = World::new();
    for (path, name) in [("/", "a"), ("/x/", "b"), ("/x/y/", "c"), ("/xy/", "d")] {
        let at = UploadServerCertificate {
            path: Some(n(path)),
            ..upload(name)
        };
        world.root(at).unwrap();
    }
    assert_eq!(names(&world, Some("/")), ["a", "b", "c", "d"]);
    assert_eq!(names(&world, Some("/x/")), ["b", "c"]);
    assert_eq!(names(&world, Some("/z/")), [""; 0]);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let world = World::new();
    let unreadable = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
    let key = "Unable to parse private key. It must be one RSA or EC key in PEM format, without a password.";
    let mismatch = "The public key certificate and the private key do not match.";
    let check = |upload: UploadServerCertificate, message: &str| {
        let refused: Result<_, Error> = world.root(upload);
        fails(refused, "Iam", message);
    };
    for (body, message) in [
        ("x", unreadable),
        (&format!("{LEAF}{ABOVE}"), unreadable),
        (stored!("expired.pem"), "The certificate has expired."),
        (stored!("future.pem"), "The certificate is not valid yet."),
        (stored!("secp256r1.pem"), mismatch),
        (ABOVE, mismatch),
    ] {
        let with = UploadServerCertificate {
            body: n(body),
            ..upload("shop")
        };
        check(with, message);
    }
    for (private_key, message) in [
        ("x", key),
        (LEAF, key),
        (stored!("leaf.encrypted.key"), key),
        (stored!("secp256r1.key"), mismatch),
        (stored!("secp256r1.sec1.key"), mismatch),
    ] {
        let with = UploadServerCertificate {
            private_key: n(private_key),
            ..upload("shop")
        };
        check(with, message);
    }
    for (chain, index) in [
        (ROOT, -1),
        (stored!("above.plain.pem"), 0),
        (LEAF, 0),
        ("x", -1),
    ] {
        let with = UploadServerCertificate {
            chain: Some(n(chain)),
            ..upload("shop")
        };
        check(
            with,
            &format!(
                "Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: {index}"
            ),
        );
    }
    assert!(names(&world, None).is_empty());
}

#[test]
fn tags_are_told_apart_by_letter_case() {
    let world = World::new();
    let made = UploadServerCertificate {
        tags: vec![tag("b", "1"), tag("B", "2")],
        ..upload("shop")
    };
    let made = world.root(made).unwrap();
    assert_eq!(pairs(&made.certificate.tags), [("B", "2"), ("b", "1")]);
    world
        .root(TagServerCertificate {
            resource: n("SHOP"),
            tags: vec![tag("b", "3"), tag("a", "4")],
        })
        .unwrap();
    world
        .root(UntagServerCertificate {
            resource: n("shop"),
            tag_keys: vec![n("B"), n("A")],
        })
        .unwrap();
    let tags = || ListServerCertificateTags {
        resource: n("shop"),
        page: PageRequest::default(),
    };
    assert_eq!(
        pairs(&world.root(tags()).unwrap().items),
        [("a", "4"), ("b", "3")]
    );
    let twice = UploadServerCertificate {
        tags: vec![tag("a", "1"), tag("a", "2")],
        ..upload("twice")
    };
    fails(
        world.root(twice),
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    );
    world.root(delete("shop")).unwrap();
    fails(world.root(tags()), "NoSuchEntity", &missing("shop"));
}

#[test]
fn policies_see_tags_and_both_names() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":["iam:UploadServerCertificate","iam:TagServerCertificate"],"Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/team":"web"}}},
        {"Effect":"Allow","Action":["iam:GetServerCertificate","iam:DeleteServerCertificate"],"Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"web"}}},
        {"Effect":"Allow","Action":"iam:UpdateServerCertificate","Resource":"arn:aws:iam::*:server-certificate/web/*"}"#,
    );
    let denied = |action: &str, resource: &str| {
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/ann is not authorized to perform: iam:{action} on resource: arn:aws:iam::{ACCOUNT}:server-certificate/{resource} because no identity-based policy allows the iam:{action} action"
        )
    };
    let tagged = |name: &str, team: &str| UploadServerCertificate {
        path: Some(n("/web/")),
        tags: vec![tag("team", team)],
        ..upload(name)
    };
    fails(
        world.call(&ann, tagged("shop", "ops")),
        "AccessDenied",
        &denied("UploadServerCertificate", "web/shop"),
    );
    world.call(&ann, tagged("shop", "web")).unwrap();
    world.root(upload("bare")).unwrap();
    world.call(&ann, get("SHOP")).unwrap();
    fails(
        world.call(&ann, get("BARE")),
        "AccessDenied",
        &denied("GetServerCertificate", "bare"),
    );
    // Moving needs the right to both places.
    world
        .call(&ann, update("shop", None, Some("store")))
        .unwrap();
    fails(
        world.call(&ann, update("store", Some("/"), None)),
        "AccessDenied",
        &denied("UpdateServerCertificate", "store"),
    );
    fails(
        world.call(&ann, update("bare", Some("/web/"), None)),
        "AccessDenied",
        &denied("UpdateServerCertificate", "bare"),
    );
    world.call(&ann, delete("store")).unwrap();
}
