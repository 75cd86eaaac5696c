//! What is metadata of one identity provider, and what is refused.

use super::super::xml::MOST_ATTRIBUTES;
use super::*;
use data_encoding::BASE64;

const SIGNING: &str = include_str!("../../../../../testdata/saml/signing.pem");
const RENEWED: &str = include_str!("../../../../../testdata/saml/renewed.pem");
const OTHER: &str = include_str!("../../../../../testdata/saml/other.pem");

/// The base64 in a PEM file.
fn base64(pem: &str) -> String {
    pem.lines().filter(|line| !line.contains("-----")).collect()
}

fn der(pem: &str) -> Vec<u8> {
    BASE64.decode(base64(pem).as_bytes()).unwrap()
}

fn key(attributes: &str, certificates: &[&str]) -> String {
    let certificates: String = certificates
        .iter()
        .map(|base64| format!("<ds:X509Certificate>{base64}</ds:X509Certificate>"))
        .collect();
    format!(
        "<md:KeyDescriptor {attributes}><ds:KeyInfo><ds:X509Data>{certificates}</ds:X509Data></ds:KeyInfo></md:KeyDescriptor>"
    )
}

fn provider(attributes: &str, content: &str) -> String {
    format!(
        "<md:IDPSSODescriptor protocolSupportEnumeration=\"{PROTOCOL}\" {attributes}>{content}</md:IDPSSODescriptor>"
    )
}

const NAMESPACES: &str = "xmlns:md=\"urn:oasis:names:tc:SAML:2.0:metadata\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"";

fn entity(attributes: &str, content: &str) -> String {
    format!(
        "<?xml version=\"1.0\"?>\n<md:EntityDescriptor {NAMESPACES} {attributes}>{content}</md:EntityDescriptor>"
    )
}

/// A document with this content of its one IDPSSODescriptor.
fn document(content: &str) -> String {
    entity("entityID=\"idp\"", &provider("", content))
}

#[track_caller]
fn refused(text: &str, fault: MetadataFault) {
    assert_eq!(SamlMetadata::parse(text), Err(fault), "{text:.300}");
}

#[test]
fn what_verification_needs_is_read() {
    let content = [
        key("use=\"signing\"", &[&base64(SIGNING)]).as_str(),
        &key("use=\"encryption\"", &["no certificate"]),
        &key("", &[&base64(OTHER)]),
        "<md:SingleSignOnService Binding=\"urn:b:1\" Location=\"https://idp.example.com/sso?a=1&amp;b\"/>",
        "<md:SingleSignOnService Binding=\"urn:b:2\" Location=\"HTTP://idp.example.com/\"/>",
    ]
    .concat();
    let text = entity(
        "entityID=\"https://idp.example.com/é\" validUntil=\"2030-01-01T00:00:00Z\"",
        &provider(
            "WantAuthnRequestsSigned=\"true\" validUntil=\"2029-01-01T00:00:00Z\"",
            &content,
        ),
    );
    let location = |binding: &str, location: &str| SingleSignOn {
        binding: binding.to_owned(),
        location: location.to_owned(),
    };
    assert_eq!(
        SamlMetadata::parse(&text),
        Ok(SamlMetadata {
            entity_id: "https://idp.example.com/é".to_owned(),
            signing_certificates: vec![der(SIGNING), der(OTHER)],
            single_sign_on: vec![
                location("urn:b:1", "https://idp.example.com/sso?a=1&b"),
                location("urn:b:2", "HTTP://idp.example.com/"),
            ],
            want_authn_requests_signed: true,
            valid_until: Some(1_861_920_000),
        })
    );
}

#[test]
fn certificates_may_be_wrapped_and_repeated() {
    let wrapped = base64(SIGNING);
    let (line, rest) = wrapped.split_at(64);
    let wrapped = format!("\n    {line}\r\n    {rest}\n");
    let content = key("", &[&wrapped, &base64(RENEWED)]) + &key("", &[&base64(SIGNING)]);
    let read = SamlMetadata::parse(&document(&content)).unwrap();
    assert_eq!(read.signing_certificates, [der(SIGNING), der(RENEWED)]);
    assert_eq!(
        (read.valid_until, read.want_authn_requests_signed),
        (None, false)
    );
}

#[test]
fn one_entity_in_a_list_is_as_good() {
    let one = document(&key("", &[&base64(SIGNING)]));
    let one = one.strip_prefix("<?xml version=\"1.0\"?>\n").unwrap();
    let list = |content: &str| {
        format!(
            "<md:EntitiesDescriptor {NAMESPACES} validUntil=\"2029-01-01T00:00:00Z\">{content}</md:EntitiesDescriptor>"
        )
    };
    for text in [list(one), list(&list(one))] {
        let read = SamlMetadata::parse(&text).unwrap();
        assert_eq!(
            (read.entity_id.as_str(), read.valid_until),
            ("idp", Some(1_861_920_000))
        );
    }
    for text in [
        list(""),
        list(&[one, one].concat()),
        list(&(list(one) + one)),
    ] {
        refused(&text, MetadataFault::Entity);
    }
}

#[test]
fn what_describes_no_provider_is_refused() {
    let keys = key("", &[&base64(SIGNING)]);
    refused("<a/>", MetadataFault::Entity);
    refused("<EntityDescriptor entityID=\"a\"/>", MetadataFault::Entity);
    for id in [
        "",
        "entityID=\"\"",
        "entityID=\"  \"",
        &format!("entityID=\"{}\"", "x".repeat(1025)),
    ] {
        refused(&entity(id, &provider("", &keys)), MetadataFault::EntityId);
    }
    let of = |content: &str| entity("entityID=\"a\"", content);
    refused(&of(""), MetadataFault::NoProvider);
    refused(
        &of(&provider("", &keys).replace("IDPSSO", "SPSSO")),
        MetadataFault::NoProvider,
    );
    let old = provider("", &keys).replace("SAML:2.0:protocol", "SAML:1.1:protocol");
    refused(&of(&old), MetadataFault::NoProvider);
    refused(
        &of(&format!(
            "<md:Extensions>{}</md:Extensions>",
            provider("", &keys)
        )),
        MetadataFault::NoProvider,
    );
    // One for each version of SAML is no doubt; two for one are.
    let both = provider("", &keys).replace(
        PROTOCOL,
        &format!("urn:oasis:names:tc:SAML:1.1:protocol {PROTOCOL}"),
    );
    assert!(SamlMetadata::parse(&of(&(old + &both))).is_ok());
    refused(
        &of(&[provider("", &keys), provider("", &keys)].concat()),
        MetadataFault::SeveralProviders,
    );
}

#[test]
fn what_signs_must_be_certificates() {
    let good = base64(SIGNING);
    for content in [
        String::new(),
        key("use=\"encryption\"", &[&good]),
        key("use=\"Signing\"", &[&good]),
        key("", &[]),
        key("", &[&good]).replace("ds:X509Certificate", "X509Certificate"),
        format!("<md:Extensions>{}</md:Extensions>", key("", &[&good])),
    ] {
        refused(&document(&content), MetadataFault::NoCertificate);
    }
    let der = der(SIGNING);
    for bad in [
        "",
        "not base64!",
        "AAAA",
        good.trim_end_matches('=').get(1..).unwrap(),
        &BASE64.encode(&[&der[..], &[0]].concat()),
        &BASE64.encode(&der[..der.len() - 1]),
        &BASE64.encode(SIGNING.as_bytes()),
        &good.replacen('M', "M<!-- -->", 1),
        &format!("<a>{good}</a>"),
        SIGNING,
    ] {
        refused(&document(&key("", &[bad])), MetadataFault::Certificate);
    }
    // A chain would let its authorities sign.
    let chain = key("", &[&good, &base64(OTHER)]);
    refused(&document(&chain), MetadataFault::SeveralKeys);
}

#[test]
fn attributes_are_understood_or_refused() {
    let keys = key("", &[&base64(SIGNING)]);
    for attributes in [
        "WantAuthnRequestsSigned=\"yes\"",
        "WantAuthnRequestsSigned=\"True\"",
        "validUntil=\"\"",
        "validUntil=\"soon\"",
        "validUntil=\"2030-01-01\"",
    ] {
        refused(
            &entity("entityID=\"a\"", &provider(attributes, &keys)),
            MetadataFault::Attribute,
        );
    }
    for service in [
        "Binding=\"b\"",
        "Location=\"https://idp.example.com\"",
        "Binding=\"b\" Location=\"javascript:alert(1)\"",
        "Binding=\"b\" Location=\"/sso\"",
        "Binding=\"b\" Location=\"https://\"",
        "Binding=\"b\" Location=\"https://a&#10;b\"",
    ] {
        let content = format!("{keys}<md:SingleSignOnService {service}/>");
        refused(&document(&content), MetadataFault::Location);
    }
}

#[test]
fn what_takes_the_parser_long_is_refused_before_it() {
    let keys = key("", &[&base64(SIGNING)]);
    let made =
        |count: usize, what: &dyn Fn(usize) -> String| -> String { (0..count).map(what).collect() };
    let attributes = |count| {
        let all = made(count, &|it| format!(" a{it}=''"));
        document(&(keys.clone() + &format!("<a{all}/>")))
    };
    assert!(SamlMetadata::parse(&attributes(MOST_ATTRIBUTES)).is_ok());
    refused(&attributes(MOST_ATTRIBUTES + 1), MetadataFault::TooWide);
    // Half a million of them took minutes.
    refused(&attributes(60_000), MetadataFault::TooWide);
    // Nor are they hidden by blanks, by what looks like a comment, or by quotes of the other kind.
    let hidden = made(60_000, &|it| format!(" a{it}\n=\t\"'\""));
    let hidden = document(&(keys.clone() + &format!("<!-- --><a b='-->'{hidden}/>")));
    refused(&hidden, MetadataFault::TooWide);
    // Each child would keep all that its parents declare.
    let spaces = made(10_000, &|it| format!("<b xmlns:b{it}=''/>"));
    for wrapped in [
        format!("<a>{spaces}</a>"),
        made(20_000, &|_| "<a xmlns=''>".to_owned()),
    ] {
        refused(
            &document(&(keys.clone() + &wrapped)),
            MetadataFault::TooWide,
        );
    }
    // What is no attribute may be as long as it likes.
    let rule = "=".repeat(1000);
    let plain = format!("<!-- {rule} \"'\" {rule} --><a b='{rule}'>{rule}</a>");
    assert!(SamlMetadata::parse(&document(&(keys + &plain))).is_ok());
}

#[test]
fn document_type_definitions_and_bombs_are_refused() {
    let keys = key("", &[&base64(SIGNING)]);
    let good = document(&keys);
    for dtd in [
        "<!DOCTYPE a>",
        "<!DOCTYPE a SYSTEM \"file:///etc/passwd\">",
        "<!DOCTYPE a [<!ENTITY b \"c\">]>",
        "<!DOCTYPE a [<!ENTITY b \"bbbbbbbbbb\"><!ENTITY c \"&b;&b;&b;&b;\"><!ENTITY d \"&c;&c;&c;&c;\">]>",
    ] {
        refused(
            &good.replace("?>\n", &format!("?>\n{dtd}")),
            MetadataFault::Dtd,
        );
    }
    refused(
        &good.replace("entityID=\"idp\"", "entityID=\"&b;\""),
        MetadataFault::Xml,
    );
    refused(
        &good.replace("</md:EntityDescriptor>", ""),
        MetadataFault::Xml,
    );
    refused(&good.replace("xmlns:ds", "xmlns:es"), MetadataFault::Xml);
    refused("", MetadataFault::Xml);
    refused("metadata", MetadataFault::Xml);
    refused(
        &good.replace("entityID=\"idp\"", "entityID=\"a\" entityID=\"b\""),
        MetadataFault::Xml,
    );
    let wide = document(&(keys.clone() + &"<a/>".repeat(MOST_NODES as usize)));
    refused(&wide, MetadataFault::Xml);
    // As deep as there may be nodes: it is read, or refused, and neither takes the stack.
    let deep = MOST_NODES as usize - 1000;
    let deep = document(&format!(
        "{keys}{}{}",
        "<a>".repeat(deep),
        "</a>".repeat(deep)
    ));
    let _ = SamlMetadata::parse(&deep);
}
