//! SSH public keys.

use crate::common::{START, World, fails, n};
use locum_identity::entity::KeyStatus;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::ssh_public_keys::{
    DeleteSshPublicKey, GetSshPublicKey, ListSshPublicKeys, ShownSshPublicKey, UpdateSshPublicKey,
    UploadSshPublicKey,
};
use locum_identity::iam::users::{DeleteUser, UpdateUser};
use locum_identity::key_material::SshEncoding;

const LINE: &str = include_str!("../../testdata/key_material/ssh.pub");
const PEM: &str = include_str!("../../testdata/key_material/ssh.pub.pem");
const FINGERPRINT: &str = include_str!("../../testdata/key_material/ssh.md5");
const ED25519: &str = include_str!("../../testdata/key_material/ed25519.pub");
const SMALL: &str = include_str!("../../testdata/key_material/rsa1024.pub");

fn upload(user: &str, body: &str) -> UploadSshPublicKey {
    UploadSshPublicKey {
        user_name: n(user),
        body: n(body),
    }
}

fn get(user: &str, id: &str, encoding: SshEncoding) -> GetSshPublicKey {
    GetSshPublicKey {
        user_name: n(user),
        id: n(id),
        encoding,
    }
}

fn list(user: Option<&str>) -> ListSshPublicKeys {
    ListSshPublicKeys {
        user_name: user.map(n),
        page: PageRequest::default(),
    }
}

fn update(user: &str, id: &str, status: KeyStatus) -> UpdateSshPublicKey {
    UpdateSshPublicKey {
        user_name: n(user),
        id: n(id),
        status,
    }
}

fn delete(user: &str, id: &str) -> DeleteSshPublicKey {
    DeleteSshPublicKey {
        user_name: n(user),
        id: n(id),
    }
}

/// The key with another modulus.
fn another(number: usize) -> String {
    let letters = ["A", "B", "C", "D", "E", "F"];
    let (before, behind) = LINE.split_at(LINE.len() / 2);
    format!(
        "{before}{}{}",
        letters[number].repeat(4),
        behind.split_at(4).1
    )
}

fn missing(id: &str) -> String {
    format!("The Public Key with id {id} cannot be found.")
}

#[test]
fn from_upload_to_deletion() {
    let world = World::new();
    world.user("ann");
    let made: ShownSshPublicKey = world.root(upload("ANN", LINE)).unwrap();
    let id = made.key.id.as_str();
    assert!(id.starts_with("APKA") && id.len() == 21, "{id}");
    assert_eq!(
        (
            made.user_name.as_str(),
            made.body.as_str(),
            made.fingerprint.as_str()
        ),
        ("ann", LINE.trim(), FINGERPRINT.trim())
    );
    assert_eq!(
        (made.key.status, made.key.uploaded),
        (KeyStatus::Active, START)
    );
    for (encoding, body) in [(SshEncoding::Ssh, LINE.trim()), (SshEncoding::Pem, PEM)] {
        let got = world.root(get("ann", id, encoding)).unwrap();
        assert_eq!(
            (got.body.as_str(), got.fingerprint.as_str()),
            (body, FINGERPRINT.trim())
        );
    }
    world.root(update("ann", id, KeyStatus::Inactive)).unwrap();
    let world = world.reopened();
    let listed = world.root(list(Some("ann"))).unwrap();
    assert_eq!(listed.user_name, "ann");
    assert_eq!(listed.keys.items.len(), 1);
    assert_eq!(listed.keys.items[0].status, KeyStatus::Inactive);
    let delete_user = || DeleteUser {
        user_name: n("ann"),
    };
    fails(
        world.root(delete_user()),
        "DeleteConflict",
        "Cannot delete entity, must remove referenced objects first.",
    );
    world.root(delete("ann", id)).unwrap();
    world.root(delete_user()).unwrap();
}

#[test]
fn a_key_is_a_users_once_however_it_is_written() {
    let world = World::new();
    world.user("ann");
    world.user("bob");
    world.root(upload("ann", LINE)).unwrap();
    let again = LINE.replace("ann@example.com", "another comment");
    for body in [
        LINE,
        &again,
        again.trim_end_matches(" another comment\n"),
        PEM,
    ] {
        fails(
            world.root(upload("ann", body)),
            "Iam",
            "The SSH public key is already associated with the specified IAM user.",
        );
    }
    let of_bob = world.root(upload("bob", PEM)).unwrap();
    assert_eq!(of_bob.body, PEM);
    assert_eq!(
        of_bob.key.body,
        LINE.trim().trim_end_matches(" ann@example.com")
    );
}

#[test]
fn keys_are_found_by_their_user_only() {
    let world = World::new();
    world.user("ann");
    world.user("bob");
    let made = world.root(upload("ann", LINE)).unwrap();
    let id = made.key.id.as_str();
    let none = "APKAAAAAAAAAAAAAAAAAA";
    for (user, id) in [("bob", id), ("ann", none), ("ann", &id.to_lowercase())] {
        let message = missing(id);
        fails(
            world.root(get(user, id, SshEncoding::Ssh)),
            "NoSuchEntity",
            &message,
        );
        fails(
            world.root(update(user, id, KeyStatus::Active)),
            "NoSuchEntity",
            &message,
        );
        fails(world.root(delete(user, id)), "NoSuchEntity", &message);
    }
    let message = "The user with name eve cannot be found.";
    fails(world.root(upload("eve", LINE)), "NoSuchEntity", message);
    fails(
        world.root(get("eve", id, SshEncoding::Ssh)),
        "NoSuchEntity",
        message,
    );
    fails(
        world.root(update("eve", id, KeyStatus::Active)),
        "NoSuchEntity",
        message,
    );
    fails(world.root(delete("eve", id)), "NoSuchEntity", message);
    fails(world.root(list(Some("eve"))), "NoSuchEntity", message);
    assert!(world.root(list(Some("bob"))).unwrap().keys.items.is_empty());
    // The keys are the user's, whatever the user is called.
    let rename = UpdateUser {
        user_name: n("ann"),
        new_path: None,
        new_user_name: Some(n("eve")),
    };
    world.root(rename).unwrap();
    assert_eq!(
        world
            .root(get("eve", id, SshEncoding::Ssh))
            .unwrap()
            .user_name,
        "eve"
    );
}

#[test]
fn five_keys_a_user() {
    let world = World::new();
    world.user("ann");
    for number in 0..5 {
        world.root(upload("ann", &another(number))).unwrap();
    }
    fails(
        world.root(upload("ann", &another(5))),
        "LimitExceeded",
        "Cannot exceed quota for SSHPublicKeysPerUser: 5",
    );
    let mut request = list(Some("ann"));
    request.page.max_items = Some(2);
    let mut ids = Vec::new();
    loop {
        let page = world.root(request.clone()).unwrap().keys;
        ids.extend(page.items.iter().map(|key| key.id.clone()));
        match page.next {
            Some(next) => request.page.behind = next,
            None => break,
        }
    }
    let sorted = ids.windows(2).all(|pair| pair[0] < pair[1]);
    assert_eq!((ids.len(), sorted), (5, true));
}

#[test]
fn without_a_name_the_caller_is_meant() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.root(upload("ann", LINE)).unwrap();
    let list_own = r#"{"Effect":"Allow","Action":"iam:ListSSHPublicKeys","Resource":"arn:aws:iam::*:user/ann"}"#;
    world.allow("ann", list_own);
    let listed = world.call(&ann, list(None)).unwrap();
    assert_eq!(
        (listed.user_name.as_str(), listed.keys.items.len()),
        ("ann", 1)
    );
    fails(
        world.root(list(None)),
        "ValidationText",
        "Must specify userName when calling with non-User credentials",
    );
}

#[test]
fn what_is_no_key_is_refused_and_nothing_is_kept() {
    let world = World::new();
    world.user("ann");
    let unrecognized = "The public key encoding format is unsupported or unrecognized.";
    let invalid = "The public key is malformed or otherwise invalid.";
    for (body, message) in [
        (ED25519, unrecognized),
        ("x", unrecognized),
        (SMALL, invalid),
        ("ssh-rsa AAAA", invalid),
        (&LINE.replace('@', "\u{85}"), invalid),
    ] {
        let refused: Result<_, Error> = world.root(upload("ann", body));
        fails(refused, "Iam", message);
    }
    assert!(world.root(list(Some("ann"))).unwrap().keys.items.is_empty());
}
