//! Signing certificates.

use crate::common::{START, World, fails, n};
use locum_identity::entity::KeyStatus;
use locum_identity::iam::PageRequest;
use locum_identity::iam::signing_certificates::{
    DeleteSigningCertificate, ListSigningCertificates, UpdateSigningCertificate,
    UploadSigningCertificate,
};
use locum_identity::iam::users::DeleteUser;

const EC: &str = include_str!("../../testdata/key_material/secp256r1.pem");
const OTHER_EC: &str = include_str!("../../testdata/key_material/secp384r1.pem");
const RSA: &str = include_str!("../../testdata/key_material/leaf.pem");
const EXPIRED: &str = include_str!("../../testdata/key_material/expired.pem");
const FUTURE: &str = include_str!("../../testdata/key_material/future.pem");
const FORGED: &str = include_str!("../../testdata/key_material/forged.pem");
const SMALL: &str = include_str!("../../testdata/key_material/rsa1024.pem");

fn upload(user: Option<&str>, body: &str) -> UploadSigningCertificate {
    UploadSigningCertificate {
        user_name: user.map(n),
        body: n(body),
    }
}

fn list(user: Option<&str>) -> ListSigningCertificates {
    ListSigningCertificates {
        user_name: user.map(n),
        page: PageRequest::default(),
    }
}

fn update(user: Option<&str>, id: &str, status: KeyStatus) -> UpdateSigningCertificate {
    UpdateSigningCertificate {
        user_name: user.map(n),
        id: n(id),
        status,
    }
}

fn delete(user: Option<&str>, id: &str) -> DeleteSigningCertificate {
    DeleteSigningCertificate {
        user_name: user.map(n),
        id: n(id),
    }
}

#[test]
fn from_upload_to_deletion() {
    let world = World::new();
    world.user("ann");
    let made = world.root(upload(Some("ANN"), EC)).unwrap();
    let id = made.certificate.id.as_str();
    let legal = |b: u8| b.is_ascii_uppercase() || (b'2'..=b'7').contains(&b);
    assert!(id.len() == 32 && id.bytes().all(legal), "{id}");
    assert_eq!(made.user_name.as_deref(), Some("ann"));
    assert_eq!(
        (made.certificate.body.as_str(), made.certificate.uploaded),
        (EC, START)
    );
    assert_eq!(made.certificate.status, KeyStatus::Active);
    world
        .root(update(Some("ann"), id, KeyStatus::Inactive))
        .unwrap();
    let world = world.reopened();
    let listed = world.root(list(Some("ann"))).unwrap();
    assert_eq!(listed.user_name.as_deref(), Some("ann"));
    assert_eq!(listed.certificates.items.len(), 1);
    assert_eq!(listed.certificates.items[0].status, KeyStatus::Inactive);
    assert_eq!(listed.certificates.items[0].body, EC);
    let delete_user = || DeleteUser {
        user_name: n("ann"),
    };
    fails(
        world.root(delete_user()),
        "DeleteConflict",
        "Cannot delete entity, must delete signing certificates first.",
    );
    world.root(delete(Some("ann"), id)).unwrap();
    world.root(delete_user()).unwrap();
}

#[test]
fn without_a_name_the_caller_is_meant_and_the_root_user_has_certificates_of_its_own() {
    let world = World::new();
    let ann = world.user_with_key("ann");
    world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:*SigningCertificate*","Resource":"arn:aws:iam::*:user/ann"}"#,
    );
    let of_ann = world.call(&ann, upload(None, EC)).unwrap();
    assert_eq!(of_ann.user_name.as_deref(), Some("ann"));
    let of_root = world.root(upload(None, RSA)).unwrap();
    assert_eq!(of_root.user_name, None);
    let (id, roots) = (
        of_ann.certificate.id.as_str(),
        of_root.certificate.id.as_str(),
    );
    let missing = |id: &str| format!("The Certificate with id {id} cannot be found.");
    // Neither sees the other's under its own name.
    fails(world.root(delete(None, id)), "NoSuchEntity", &missing(id));
    fails(
        world.root(update(Some("ann"), roots, KeyStatus::Inactive)),
        "NoSuchEntity",
        &missing(roots),
    );
    fails(
        world.call(&ann, delete(None, roots)),
        "NoSuchEntity",
        &missing(roots),
    );
    let listed = world.root(list(None)).unwrap();
    assert_eq!(listed.user_name, None);
    assert_eq!(listed.certificates.items.len(), 1);
    assert_eq!(listed.certificates.items[0].id, roots);
    let listed = world.call(&ann, list(None)).unwrap();
    assert_eq!(listed.certificates.items[0].id, id);
    world
        .call(&ann, update(None, id, KeyStatus::Inactive))
        .unwrap();
    world.call(&ann, delete(None, id)).unwrap();
    world.root(delete(None, roots)).unwrap();
    assert!(
        world
            .root(list(None))
            .unwrap()
            .certificates
            .items
            .is_empty()
    );
}

#[test]
fn a_certificate_is_in_the_account_once_however_it_is_written() {
    let world = World::new();
    world.user("ann");
    world.user("bob");
    world.root(upload(Some("ann"), EC)).unwrap();
    for (user, body) in [
        (Some("ann"), EC.to_owned()),
        (Some("bob"), EC.replace('\n', "\r\n")),
        (None, format!("\n{EC}")),
    ] {
        fails(
            world.root(upload(user, &body)),
            "Iam",
            "The same certificate is associated with an IAM user in the account.",
        );
    }
}

#[test]
fn two_certificates_a_user() {
    let world = World::new();
    world.user("ann");
    world.root(upload(Some("ann"), EC)).unwrap();
    world.root(upload(Some("ann"), RSA)).unwrap();
    fails(
        world.root(upload(Some("ann"), OTHER_EC)),
        "LimitExceeded",
        "Cannot exceed quota for CertificatesPerUser: 2",
    );
    world.root(upload(None, OTHER_EC)).unwrap();
}

#[test]
fn what_is_no_valid_certificate_is_refused() {
    let world = World::new();
    world.user("ann");
    let unreadable = "Unable to parse certificate. Please ensure the certificate is in PEM format.";
    for (body, message) in [
        ("x".to_owned(), unreadable),
        (format!("{EC}{RSA}"), unreadable),
        (format!("Certificate:\n{EC}"), unreadable),
        (
            FORGED.to_owned(),
            "The self-signed certificate must be signed by its own key, with SHA-256, SHA-384 or SHA-512.",
        ),
        (
            SMALL.to_owned(),
            "The key of the certificate must be RSA of 2048 to 8192 bits, or on the curve P-256, P-384 or P-521.",
        ),
        (EXPIRED.to_owned(), "The certificate has expired."),
        (FUTURE.to_owned(), "The certificate is not valid yet."),
    ] {
        fails(world.root(upload(Some("ann"), &body)), "Iam", message);
    }
    fails(
        world.root(upload(Some("eve"), EC)),
        "NoSuchEntity",
        "The user with name eve cannot be found.",
    );
    assert!(
        world
            .root(list(Some("ann")))
            .unwrap()
            .certificates
            .items
            .is_empty()
    );
}
