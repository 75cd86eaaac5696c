//! The form of the answers about identity providers and the account itself, and how their parameters
//! are read.

use crate::common::World;
use crate::support::{Form, answer, result};

const AT: &str = "2026-01-01T00:00:00Z";
const SIGNING: &str = include_str!("../../../../testdata/saml/signing.pem");
const KEY: &str = include_str!("../../../../testdata/saml/rsa.pkcs8.pem");
const OIDC: (&str, &str) = (
    "OpenIDConnectProviderArn",
    "arn:aws:iam::123456789012:oidc-provider/idp.example/a",
);
const SAML: (&str, &str) = (
    "SAMLProviderArn",
    "arn:aws:iam::123456789012:saml-provider/p",
);
const PRINT: &str = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280";
const TAGS: [(&str, &str); 4] = [
    ("Tags.member.1.Key", "b"),
    ("Tags.member.1.Value", "1"),
    ("Tags.member.2.Key", "a"),
    ("Tags.member.2.Value", "é 2"),
];
const SHOWN_TAGS: &str = "<Tags><member><Key>a</Key><Value>é 2</Value></member><member><Key>b</Key><Value>1</Value></member></Tags>";

#[track_caller]
fn check(world: &World, operation: &str, form: Form<'_>, expected: &str) {
    let got = result(world, operation, form);
    assert_eq!(got.as_deref(), Some(expected), "{operation}");
}

#[track_caller]
fn done(world: &World, operation: &str, form: Form<'_>) {
    assert_eq!(result(world, operation, form), None, "{operation}");
}

#[track_caller]
fn fails(world: &World, operation: &str, form: Form<'_>, status: u16, code: &str, message: &str) {
    let (got, body) = answer(world, &world.root, operation, form);
    let told = body.contains(&format!("<Code>{code}</Code><Message>{message}</Message>"));
    assert_eq!((got, told), (status, true), "{operation}: {body}");
}

#[test]
fn open_id_connect_providers() {
    let world = World::new();
    let mut form = vec![
        ("Url", "https://idp.example/a"),
        ("ClientIDList.member.1", "a"),
        ("ClientIDList.member.2", "b"),
        ("ThumbprintList.member.1", PRINT),
    ];
    form.extend(TAGS);
    let arn = format!(
        "<OpenIDConnectProviderArn>{}</OpenIDConnectProviderArn>",
        OIDC.1
    );
    check(
        &world,
        "CreateOpenIDConnectProvider",
        &form,
        &format!("{arn}{SHOWN_TAGS}"),
    );
    check(
        &world,
        "GetOpenIDConnectProvider",
        &[OIDC],
        &format!(
            "<Url>idp.example/a</Url><ClientIDList><member>a</member><member>b</member></ClientIDList>\
             <ThumbprintList><member>{PRINT}</member></ThumbprintList><CreateDate>{AT}</CreateDate>{SHOWN_TAGS}"
        ),
    );
    check(
        &world,
        "ListOpenIDConnectProviders",
        &[],
        &format!(
            "<OpenIDConnectProviderList><member><Arn>{}</Arn></member></OpenIDConnectProviderList>",
            OIDC.1
        ),
    );
    done(
        &world,
        "AddClientIDToOpenIDConnectProvider",
        &[OIDC, ("ClientID", "c")],
    );
    done(
        &world,
        "RemoveClientIDFromOpenIDConnectProvider",
        &[OIDC, ("ClientID", "a")],
    );
    done(
        &world,
        "UpdateOpenIDConnectProviderThumbprint",
        &[OIDC, ("ThumbprintList.member.1", PRINT)],
    );
    done(
        &world,
        "UntagOpenIDConnectProvider",
        &[OIDC, ("TagKeys.member.1", "b")],
    );
    check(
        &world,
        "ListOpenIDConnectProviderTags",
        &[OIDC],
        "<Tags><member><Key>a</Key><Value>é 2</Value></member></Tags><IsTruncated>false</IsTruncated>",
    );
    done(&world, "DeleteOpenIDConnectProvider", &[OIDC]);
    done(&world, "DeleteOpenIDConnectProvider", &[OIDC]);
    check(
        &world,
        "ListOpenIDConnectProviders",
        &[],
        "<OpenIDConnectProviderList></OpenIDConnectProviderList>",
    );
}

#[test]
fn refusals_about_open_id_connect_providers() {
    let world = World::new();
    let url = ("Url", "https://idp.example/a");
    let print = ("ThumbprintList.member.1", PRINT);
    let create = "CreateOpenIDConnectProvider";
    let bad = "Invalid Open ID Connect Provider URL";
    fails(
        &world,
        create,
        &[("Url", "http://idp.example"), print],
        400,
        "ValidationError",
        bad,
    );
    // No network was handed in.
    let unreachable = "The OpenID Connect identity provider could not be reached.";
    fails(
        &world,
        create,
        &[url],
        400,
        "OpenIdIdpCommunicationError",
        unreachable,
    );
    fails(
        &world,
        create,
        &[url, ("ThumbprintList", "")],
        400,
        "OpenIdIdpCommunicationError",
        unreachable,
    );
    let short = "1 validation error detected: Value at 'thumbprintList.1.member' failed to satisfy constraint: Member must have length greater than or equal to 40";
    fails(
        &world,
        create,
        &[url, ("ThumbprintList.member.1", "ab")],
        400,
        "ValidationError",
        short,
    );
    let long = "1 validation error detected: Value at 'url' failed to satisfy constraint: Member must have length less than or equal to 255";
    fails(
        &world,
        create,
        &[("Url", &"x".repeat(256))],
        400,
        "ValidationError",
        long,
    );
    result(&world, create, &[url, print]);
    let exists = "Provider with url https://idp.example/a already exists.";
    fails(
        &world,
        create,
        &[url, print],
        409,
        "EntityAlreadyExists",
        exists,
    );
    fails(
        &world,
        "TagOpenIDConnectProvider",
        &[OIDC, ("Tags", "")],
        400,
        "InvalidInput",
        "Tags must not be empty.",
    );
    let other = (
        "OpenIDConnectProviderArn",
        "arn:aws:iam::123456789012:oidc-provider/b",
    );
    let missing =
        "OpenIDConnect Provider not found for arn arn:aws:iam::123456789012:oidc-provider/b";
    fails(
        &world,
        "GetOpenIDConnectProvider",
        &[other],
        404,
        "NoSuchEntity",
        missing,
    );
}

fn metadata() -> String {
    let base64: String = SIGNING
        .lines()
        .filter(|line| !line.contains("---"))
        .collect();
    format!(
        "<EntityDescriptor xmlns=\"urn:oasis:names:tc:SAML:2.0:metadata\" entityID=\"é\">\r\n\
         <IDPSSODescriptor protocolSupportEnumeration=\"urn:oasis:names:tc:SAML:2.0:protocol\"><KeyDescriptor>\
         <KeyInfo xmlns=\"http://www.w3.org/2000/09/xmldsig#\"><X509Data><X509Certificate>{base64}</X509Certificate></X509Data></KeyInfo>\
         </KeyDescriptor></IDPSSODescriptor></EntityDescriptor>"
    )
}

/// The text with the content of these elements left out.
fn without(text: &str, names: &[&str]) -> String {
    let mut text = text.to_owned();
    for name in names {
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        let (start, end) = (text.find(&open).unwrap(), text.find(&close).unwrap());
        text.replace_range(start + open.len()..end, "");
    }
    text
}

#[test]
fn saml_providers() {
    let world = World::new();
    let metadata = metadata();
    let mut form = vec![
        ("Name", "p"),
        ("SAMLMetadataDocument", metadata.as_str()),
        ("AssertionEncryptionMode", "Required"),
        ("AddPrivateKey", KEY),
    ];
    form.extend(TAGS);
    let arn = format!("<SAMLProviderArn>{}</SAMLProviderArn>", SAML.1);
    check(
        &world,
        "CreateSAMLProvider",
        &form,
        &format!("{arn}{SHOWN_TAGS}"),
    );
    let got = result(&world, "GetSAMLProvider", &[SAML]).unwrap();
    let escaped = metadata
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\r', "&#xD;");
    assert!(got.contains(&format!(
        "<SAMLMetadataDocument>{escaped}</SAMLMetadataDocument>"
    )));
    let until = "2126-01-02T00:00:00Z";
    assert_eq!(
        without(&got, &["SAMLProviderUUID", "SAMLMetadataDocument", "KeyId"]),
        format!(
            "<SAMLProviderUUID></SAMLProviderUUID><SAMLMetadataDocument></SAMLMetadataDocument><CreateDate>{AT}</CreateDate>\
             <ValidUntil>{until}</ValidUntil>{SHOWN_TAGS}<AssertionEncryptionMode>Required</AssertionEncryptionMode>\
             <PrivateKeyList><member><KeyId></KeyId><Timestamp>{AT}</Timestamp></member></PrivateKeyList>"
        )
    );
    check(
        &world,
        "UpdateSAMLProvider",
        &[SAML, ("AssertionEncryptionMode", "Allowed")],
        &arn,
    );
    check(
        &world,
        "ListSAMLProviders",
        &[],
        &format!(
            "<SAMLProviderList><member><Arn>{}</Arn><ValidUntil>{until}</ValidUntil><CreateDate>{AT}</CreateDate></member></SAMLProviderList>",
            SAML.1
        ),
    );
    done(
        &world,
        "UntagSAMLProvider",
        &[SAML, ("TagKeys.member.1", "a"), ("TagKeys.member.2", "b")],
    );
    check(
        &world,
        "ListSAMLProviderTags",
        &[SAML],
        "<Tags></Tags><IsTruncated>false</IsTruncated>",
    );
    let mode = "1 validation error detected: Value at 'assertionEncryptionMode' failed to satisfy constraint: Member must satisfy enum value set";
    fails(
        &world,
        "UpdateSAMLProvider",
        &[SAML, ("AssertionEncryptionMode", "required")],
        400,
        "ValidationError",
        mode,
    );
    done(&world, "DeleteSAMLProvider", &[SAML]);
    let missing = "Manifest not found for arn arn:aws:iam::123456789012:saml-provider/p";
    fails(
        &world,
        "DeleteSAMLProvider",
        &[SAML],
        404,
        "NoSuchEntity",
        missing,
    );
}

#[test]
fn aliases_and_properties() {
    let world = World::new();
    let none = "<AccountAliases></AccountAliases><IsTruncated>false</IsTruncated>";
    check(&world, "ListAccountAliases", &[], none);
    done(&world, "CreateAccountAlias", &[("AccountAlias", "corp-1")]);
    let one =
        "<AccountAliases><member>corp-1</member></AccountAliases><IsTruncated>false</IsTruncated>";
    check(&world, "ListAccountAliases", &[], one);
    let exists = "The account alias corp-1 already exists.";
    fails(
        &world,
        "CreateAccountAlias",
        &[("AccountAlias", "corp-1")],
        409,
        "EntityAlreadyExists",
        exists,
    );
    let pattern = "1 validation error detected: Value at 'accountAlias' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$";
    fails(
        &world,
        "CreateAccountAlias",
        &[("AccountAlias", "a--b")],
        400,
        "ValidationError",
        pattern,
    );
    done(&world, "DeleteAccountAlias", &[("AccountAlias", "corp-1")]);
    check(&world, "ListAccountAliases", &[], none);

    let properties = |enabled: &str| {
        format!(
            "<Properties><entry><key>RoleManager/Enabled</key><value>{enabled}</value></entry></Properties>"
        )
    };
    check(&world, "GetAccountProperties", &[], &properties("false"));
    let put = |value| {
        [
            ("Properties.entry.1.key", "RoleManager/Enabled"),
            ("Properties.entry.1.value", value),
        ]
    };
    check(&world, "PutAccountProperties", &put("true"), "");
    check(&world, "GetAccountProperties", &[], &properties("true"));
    fails(
        &world,
        "PutAccountProperties",
        &put("yes"),
        400,
        "InvalidInput",
        "Enabled must be 'true' or 'false'",
    );
    fails(
        &world,
        "PutAccountProperties",
        &[("Properties", "")],
        400,
        "InvalidInput",
        "Properties must not be empty",
    );
    let missing = "1 validation error detected: Value at 'properties' failed to satisfy constraint: Member must not be null";
    fails(
        &world,
        "PutAccountProperties",
        &[],
        400,
        "ValidationError",
        missing,
    );
    let key = "1 validation error detected: Value at 'properties.1.entry.key' failed to satisfy constraint: Member must satisfy regular expression pattern: ^[A-Za-z][A-Za-z0-9/_-]*$";
    fails(
        &world,
        "PutAccountProperties",
        &[
            ("Properties.entry.1.key", "1/a"),
            ("Properties.entry.1.value", "true"),
        ],
        400,
        "ValidationError",
        key,
    );
    done(
        &world,
        "SetSecurityTokenServicePreferences",
        &[("GlobalEndpointTokenVersion", "v2Token")],
    );
    let version = "1 validation error detected: Value at 'globalEndpointTokenVersion' failed to satisfy constraint: Member must satisfy enum value set";
    fails(
        &world,
        "SetSecurityTokenServicePreferences",
        &[("GlobalEndpointTokenVersion", "v3Token")],
        400,
        "ValidationError",
        version,
    );
}
