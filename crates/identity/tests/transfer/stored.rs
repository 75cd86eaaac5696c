//! What an export of ours holds in its stored form is believed no more than what is uploaded.

use crate::common::{World, n};
use crate::support::reasons;
use locum_identity::entity::{AccountSettings, OpenIdConnectProvider, PasswordPolicy};
use locum_identity::iam::account_aliases::CreateAccountAlias;
use locum_identity::iam::saml_providers::CreateSamlProvider;
use locum_identity::iam::signing_certificates::UploadSigningCertificate;
use locum_identity::iam::ssh_public_keys::UploadSshPublicKey;
use locum_identity::transfer::{Details, Import, Options, Report};
use serde_json::{Value, json};

const KEY: &str = include_str!("../../testdata/key_material/ssh.pub");
const CERTIFICATE: &str = include_str!("../../testdata/key_material/secp256r1.pem");
const OTHER: &str = include_str!("../../testdata/key_material/secp384r1.pem");
const SIGNING: &str = include_str!("../../../../testdata/saml/signing.pem");

fn metadata() -> String {
    let certificate = SIGNING.lines().filter(|line| !line.starts_with("-----"));
    let certificate: String = certificate.collect();
    format!(
        r#"<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" xmlns:ds="http://www.w3.org/2000/09/xmldsig#" entityID="https://idp.example"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{certificate}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>"#
    )
}

/// An export with one entity of each kind that has its stored form there.
fn export() -> Value {
    let world = World::new();
    world.user("ann");
    let (user_name, body) = (n("ann"), n(KEY));
    world.root(UploadSshPublicKey { user_name, body }).unwrap();
    world
        .root(UploadSigningCertificate {
            user_name: Some(n("ann")),
            body: n(CERTIFICATE),
        })
        .unwrap();
    world
        .root(CreateSamlProvider {
            name: n("corp"),
            metadata: n(&metadata()),
            assertion_encryption_required: None,
            add_private_key: None,
            tags: Vec::new(),
        })
        .unwrap();
    world.root(CreateAccountAlias { alias: n("corp") }).unwrap();
    world.put(OpenIdConnectProvider {
        url: "issuer.example/a".to_owned(),
        client_ids: vec!["a".to_owned()],
        thumbprints: vec!["0".repeat(40)],
        created: 1_700_000_000,
        tags: Vec::new(),
    });
    world.put(PasswordPolicy {
        minimum_length: 20,
        require_symbols: true,
        require_numbers: false,
        require_uppercase: true,
        require_lowercase: false,
        allow_users_to_change: true,
        max_age: Some(90),
        reuse_prevention: Some(5),
        hard_expiry: None,
    });
    let mut settings = AccountSettings::default();
    settings.quotas.insert("RolesPerAccount".to_owned(), 7000);
    world.put(settings);
    world.export()
}

fn import(world: &World, export: &Value) -> Report {
    let mut details = Details::default();
    details.read(&export.to_string()).unwrap();
    world.import(&Import::account(details).unwrap(), &Options::default())
}

/// The entities of a kind.
fn of<'a>(export: &'a mut Value, kind: &str) -> &'a mut Value {
    let entities = export["Locum"]["Entities"].as_array_mut().unwrap();
    let mut found = entities.iter_mut().filter(|one| one["Kind"] == kind);
    &mut found.next().unwrap()["Body"]
}

#[test]
fn what_no_operation_makes_is_refused() {
    let sound = export();
    assert_eq!(reasons(&import(&World::new(), &sound)), [""; 0]);
    let long = json!("a".repeat(256));
    for (kind, member, value, reason) in [
        (
            "password-policy",
            "minimum_length",
            json!(0),
            "it has numbers that no password policy has",
        ),
        (
            "password-policy",
            "max_age",
            json!(1096),
            "it has numbers that no password policy has",
        ),
        (
            "password-policy",
            "reuse_prevention",
            json!(25),
            "it has numbers that no password policy has",
        ),
        (
            "ssh-public-key",
            "body",
            json!("ssh-rsa AAAA"),
            "it is no SSH public key that IAM takes",
        ),
        (
            "ssh-public-key",
            "body",
            json!(format!("{} ", KEY.trim())),
            "it is not written as IAM keeps keys",
        ),
        (
            "ssh-public-key",
            "id",
            json!("../../x"),
            "that is no id of a public key",
        ),
        (
            "ssh-public-key",
            "id",
            json!("AIDAJQABLZS4A3QDU576Q"),
            "that is no id of a public key",
        ),
        (
            "signing-certificate",
            "id",
            json!("../x"),
            "that is no id of a certificate",
        ),
        (
            "signing-certificate",
            "body",
            json!(OTHER),
            "its fingerprint is another certificate's",
        ),
        (
            "oidc-provider",
            "url",
            json!("issuer.example:8443/a"),
            "that is no URL of a provider",
        ),
        (
            "oidc-provider",
            "client_ids",
            json!([long]),
            "it has a client ID of an illegal length",
        ),
        (
            "oidc-provider",
            "client_ids",
            json!(["a\u{7}"]),
            "A client ID must not have control characters.",
        ),
        (
            "oidc-provider",
            "thumbprints",
            json!(["0"]),
            "it has a thumbprint of an illegal length",
        ),
        (
            "oidc-provider",
            "thumbprints",
            json!(["z".repeat(40)]),
            "A thumbprint must have 40 hexadecimal digits.",
        ),
        (
            "saml-provider",
            "name",
            json!("a/b"),
            "that is no name of a provider",
        ),
        (
            "saml-provider",
            "uuid",
            json!("a\n"),
            "its UUID must have 32 capital letters and digits",
        ),
        (
            "account-settings",
            "quotas",
            json!({"Users": 1}),
            "it sets a quota that there is not",
        ),
        (
            "account-settings",
            "quotas",
            json!({"RolesPerAccount": 1_000_001}),
            "it sets RolesPerAccount higher than any account's",
        ),
        (
            "account-settings",
            "global_endpoint_token_version",
            json!(3),
            "it sets a version of tokens that there is not",
        ),
    ] {
        let mut forged = sound.clone();
        of(&mut forged, kind)[member] = value;
        let world = World::new();
        let before = world.feed();
        let told = reasons(&import(&world, &forged));
        assert!(
            matches!(told.as_slice(), [one] if one.ends_with(&format!(": {reason}"))),
            "{kind} {member}: {told:?}"
        );
        assert_eq!(world.feed(), before, "something was written");
    }
}

#[test]
fn metadata_is_read() {
    let mut forged = export();
    of(&mut forged, "saml-provider")["metadata"] = json!("<a/>");
    assert_eq!(reasons(&import(&World::new(), &forged)).len(), 1);
}

#[test]
fn an_alias_is_no_account_id() {
    let mut forged = export();
    forged["Locum"]["Alias"] = json!("444455556666");
    let told = reasons(&import(&World::new(), &forged));
    assert_eq!(told, ["account-alias 444455556666: it is no account alias"]);
}

#[test]
fn the_same_under_another_id_is_refused() {
    let mut forged = export();
    for (kind, id) in [
        ("ssh-public-key", "APKAAAAAAAAAAAAAAAAAA"),
        ("signing-certificate", "AAAAAAAAAAAAAAAAAAAAAAAA"),
    ] {
        let entities = forged["Locum"]["Entities"].as_array_mut().unwrap();
        let mut second = entities
            .iter()
            .find(|one| one["Kind"] == kind)
            .unwrap()
            .clone();
        second["Body"]["id"] = json!(id);
        entities.push(second);
    }
    let told = reasons(&import(&World::new(), &forged));
    let reason = "there is another of that name among the documents";
    assert_eq!(
        told,
        [
            format!("ssh-public-key APKAAAAAAAAAAAAAAAAAA: {reason}"),
            format!("signing-certificate AAAAAAAAAAAAAAAAAAAAAAAA: {reason}"),
        ]
    );
}

#[test]
fn private_keys_of_a_provider_do_not_come_from_a_file() {
    let mut forged = export();
    of(&mut forged, "saml-provider")["private_keys"] =
        json!([{"id": "A".repeat(32), "added": 1, "key": "AAAA"}]);
    let world = World::new();
    assert_eq!(reasons(&import(&world, &forged)), [""; 0]);
    let account = world.account();
    assert!(
        account
            .saml_providers
            .values()
            .all(|one| one.private_keys.is_empty())
    );
}
