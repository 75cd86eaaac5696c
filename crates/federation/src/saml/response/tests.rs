//! Genuine responses, and everything that is done to them.
#![allow(
    clippy::string_slice,
    clippy::disallowed_methods,
    reason = "documents of ASCII are cut up; keys of tests are random"
)]

use super::super::c14n::canonical;
use super::super::signature::SignatureFault;
use super::super::xml::XmlFault;
use super::*;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use data_encoding::BASE64;
use std::sync::LazyLock;

mod attacks;
mod encrypted;
mod shapes;

const NOW: Seconds = 1_795_305_600;
const SHA256_DIGEST: &str = "http://www.w3.org/2001/04/xmlenc#sha256";
const RSA_SHA256: &str = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const TRANSFORMS: &str = r#"<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>"#;

/// A key that signs, with a certificate of its own.
struct Signer {
    key: rcgen::KeyPair,
    certificate: Vec<u8>,
}

impl Signer {
    fn new(algorithm: &'static rcgen::SignatureAlgorithm) -> Self {
        let key = rcgen::KeyPair::generate_for(algorithm).unwrap();
        let parameters = rcgen::CertificateParams::new(vec!["idp".to_owned()]).unwrap();
        let certificate = parameters.self_signed(&key).unwrap().der().to_vec();
        Self { key, certificate }
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        let pkcs8 = self.key.serialize_der();
        if self.key.algorithm() == &rcgen::PKCS_RSA_SHA256 {
            let pair = RsaKeyPair::from_pkcs8(&pkcs8).unwrap();
            let mut out = vec![0; pair.public_modulus_len()];
            pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut out)
                .unwrap();
            return out;
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &pkcs8).unwrap();
        pair.sign(&random, message).unwrap().as_ref().to_vec()
    }
}

static RSA: LazyLock<Signer> = LazyLock::new(|| Signer::new(&rcgen::PKCS_RSA_SHA256));
static OTHER: LazyLock<Signer> = LazyLock::new(|| Signer::new(&rcgen::PKCS_RSA_SHA256));
static EC: LazyLock<Signer> = LazyLock::new(|| Signer::new(&rcgen::PKCS_ECDSA_P256_SHA256));

fn metadata(signers: &[&Signer]) -> SamlMetadata {
    SamlMetadata {
        entity_id: "https://idp.example.com/".to_owned(),
        signing_certificates: signers
            .iter()
            .map(|signer| signer.certificate.clone())
            .collect(),
        single_sign_on: Vec::new(),
        want_authn_requests_signed: false,
        valid_until: None,
    }
}

fn trust() -> SamlTrust {
    SamlTrust::new(&metadata(&[&RSA, &EC]))
}

/// The parts of a signature that tests vary.
struct Sign<'a> {
    signer: &'a Signer,
    method: &'a str,
    canonicalization: &'a str,
    transforms: &'a str,
    digest_method: &'a str,
    uri: Option<&'a str>,
    info: &'a str,
    key_info: &'a str,
}

impl Default for Sign<'_> {
    fn default() -> Self {
        Self {
            signer: &RSA,
            method: RSA_SHA256,
            canonicalization: r#"<ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>"#,
            transforms: TRANSFORMS,
            digest_method: SHA256_DIGEST,
            uri: None,
            info: "",
            key_info: "",
        }
    }
}

impl Sign<'_> {
    /// Puts a signature of the element with this ID where the document says `{ID}` in braces.
    fn sign(&self, text: &str, id: &str) -> String {
        let place = format!("{{{id}}}");
        let empty = text.replace(&place, "");
        let content = {
            let document = xml::parse(&empty).unwrap();
            let mut all = document.descendants();
            let covered = all.find(|node| attribute(*node, "ID") == Some(id)).unwrap();
            let prefixes = self
                .transforms
                .split_once("PrefixList=\"")
                .map(|(_, rest)| rest.split('"').next());
            canonical(covered, None, prefixes.flatten().unwrap_or_default()).unwrap()
        };
        let digest = BASE64.encode(digest(&SHA256, &content).as_ref());
        self.with_digest(text, id, &digest)
    }

    fn with_digest(&self, text: &str, id: &str, digest: &str) -> String {
        let Self {
            method,
            canonicalization,
            transforms,
            digest_method,
            info,
            key_info,
            ..
        } = self;
        let own = format!("#{id}");
        let uri = self.uri.unwrap_or(&own);
        let signature = |value: &str| {
            format!(
                r#"<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo>{canonicalization}<ds:SignatureMethod Algorithm="{method}"/><ds:Reference URI="{uri}"><ds:Transforms>{transforms}</ds:Transforms><ds:DigestMethod Algorithm="{digest_method}"/><ds:DigestValue>{digest}</ds:DigestValue></ds:Reference>{info}</ds:SignedInfo><ds:SignatureValue>{value}</ds:SignatureValue>{key_info}</ds:Signature>"#
            )
        };
        let place = format!("{{{id}}}");
        let unsigned = text.replace(&place, &signature(""));
        // Other places are not filled yet, and would be text.
        let unsigned = unsigned.replace("{r}", "");
        let message = {
            let document = roxmltree::Document::parse(&unsigned).unwrap();
            let mut infos = document.descendants();
            let info = infos
                .find(|node| {
                    let around = node.ancestors().nth(2);
                    node.tag_name().name() == "SignedInfo"
                        && around.and_then(|node| attribute(node, "ID")) == Some(id)
                })
                .unwrap();
            canonical(info, None, "").unwrap()
        };
        let value = BASE64.encode(&self.signer.sign(&message));
        text.replace(&place, &signature(&value))
    }
}

/// What tests vary of an assertion.
struct Said<'a> {
    issuer: &'a str,
    subject: &'a str,
    conditions: &'a str,
    statements: &'a str,
}

const SUBJECT: &str = r#"<s:Subject><s:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ann</s:NameID><s:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><s:SubjectConfirmationData NotOnOrAfter="2026-11-22T00:05:00Z" Recipient="https://signin.aws.amazon.com/saml"/></s:SubjectConfirmation></s:Subject>"#;
const CONDITIONS: &str = r#"<s:Conditions NotBefore="2026-11-23T00:00:00Z" NotOnOrAfter="2026-11-22T01:00:00Z"><s:AudienceRestriction><s:Audience>urn:amazon:webservices</s:Audience></s:AudienceRestriction></s:Conditions>"#;
const STATEMENTS: &str = r#"<s:AuthnStatement AuthnInstant="2026-11-22T00:00:00Z" SessionNotOnOrAfter="2026-11-22T02:00:00Z" SessionIndex="a"/><s:AttributeStatement><s:Attribute Name="n"><s:AttributeValue>one</s:AttributeValue><s:AttributeValue>two</s:AttributeValue></s:Attribute><s:Attribute Name="n"><s:AttributeValue>three</s:AttributeValue></s:Attribute></s:AttributeStatement>"#;

impl Default for Said<'_> {
    fn default() -> Self {
        Self {
            issuer: "https://idp.example.com/",
            subject: SUBJECT,
            conditions: CONDITIONS,
            statements: STATEMENTS,
        }
    }
}

impl Said<'_> {
    /// The assertion, with `{a}` where its signature belongs.
    fn assertion(&self) -> String {
        let Self {
            issuer,
            subject,
            conditions,
            statements,
        } = self;
        format!(
            r#"<s:Assertion xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion" ID="a" Version="2.0" IssueInstant="2026-11-22T00:00:00Z"><s:Issuer>{issuer}</s:Issuer>{{a}}{subject}{conditions}{statements}</s:Assertion>"#
        )
    }
}

/// A response around an assertion, with `{r}` where its signature belongs.
fn response(assertion: &str) -> String {
    format!(
        r#"<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:s="urn:oasis:names:tc:SAML:2.0:assertion" ID="r" Version="2.0" IssueInstant="2026-11-22T00:00:00Z"><s:Issuer>https://idp.example.com/</s:Issuer>{{r}}<p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></p:Status>{assertion}</p:Response>"#
    )
}

/// A response with a signed assertion that says this, and no signature of its own.
fn signed(said: &Said<'_>) -> String {
    Sign::default()
        .sign(&response(&said.assertion()), "a")
        .replace("{r}", "")
}

fn genuine() -> String {
    signed(&Said::default())
}

fn verify(text: &str) -> Result<Assertion, SamlFault> {
    trust().verify(&BASE64.encode(text.as_bytes()), SamlRules::default(), NOW)
}

#[track_caller]
fn accepted(text: &str) -> Assertion {
    verify(text).unwrap_or_else(|fault| panic!("{fault}: {text}"))
}

/// It is refused, by the check that it is meant for.
#[track_caller]
fn refused(text: &str, fault: &SamlFault) {
    assert_eq!(verify(text).as_ref(), Err(fault), "{text}");
}

#[track_caller]
fn signature_refused(text: &str, fault: SignatureFault) {
    refused(text, &SamlFault::Signature(fault));
}

#[test]
fn what_a_verified_assertion_says() {
    let said = accepted(&genuine());
    assert_eq!(said.id(), "a");
    assert_eq!(said.issuer(), "https://idp.example.com/");
    assert_eq!(said.subject(), "ann");
    assert_eq!(
        said.format(),
        "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
    );
    assert_eq!(said.recipient(), "https://signin.aws.amazon.com/saml");
    assert_eq!(said.audiences(), ["urn:amazon:webservices"]);
    assert_eq!(said.expires(), NOW + 300);
    assert_eq!(said.session_ends(), Some(NOW + 7200));
    assert_eq!(said.session_index(), Some("a"));
    assert_eq!(
        said.values("n").collect::<Vec<_>>(),
        ["one", "two", "three"]
    );
    assert_eq!(said.values("N").count(), 0);
    assert_eq!(said.attributes().count(), 2);
}

#[test]
fn signatures_of_every_key_in_the_metadata() {
    let text = response(&Said::default().assertion());
    let ec = Sign {
        signer: &EC,
        method: "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256",
        ..Sign::default()
    };
    accepted(&ec.sign(&text, "a").replace("{r}", ""));
    let prefixes = Sign {
        transforms: r#"<ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><x:InclusiveNamespaces xmlns:x="http://www.w3.org/2001/10/xml-exc-c14n#" PrefixList="p s"/></ds:Transform>"#,
        key_info: "<ds:KeyInfo><ds:KeyName>any</ds:KeyName></ds:KeyInfo>",
        ..Sign::default()
    };
    accepted(&prefixes.sign(&text, "a").replace("{r}", ""));
    // The response's signature is over that of the assertion.
    let both = Sign::default().sign(&Sign::default().sign(&text, "a"), "r");
    accepted(&both);
    let changed = both.replacen("ID=\"r\"", "ID=\"r\" Destination=\"x\"", 1);
    refused(
        &changed,
        &SamlFault::ResponseSignature(SignatureFault::Digest),
    );
    // Only the response's is not enough.
    let outer = Sign::default().sign(&text.replace("{a}", ""), "r");
    refused(&outer, &SamlFault::Unsigned);
    let other = Sign {
        signer: &OTHER,
        ..Sign::default()
    };
    refused(
        &other.sign(&Sign::default().sign(&text, "a"), "r"),
        &SamlFault::ResponseSignature(SignatureFault::Key),
    );
    signature_refused(
        &other.sign(&text, "a").replace("{r}", ""),
        SignatureFault::Key,
    );
}

#[test]
fn sha_1_only_where_it_is_allowed() {
    use aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY;
    let text = response(&Said::default().assertion()).replace("{r}", "");
    let content = {
        let empty = text.replace("{a}", "");
        let document = xml::parse(&empty).unwrap();
        let mut all = document.descendants();
        let covered = all
            .find(|node| attribute(*node, "ID") == Some("a"))
            .unwrap();
        canonical(covered, None, "").unwrap()
    };
    let digest = BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, &content).as_ref());
    let weak = Sign {
        digest_method: "http://www.w3.org/2000/09/xmldsig#sha1",
        ..Sign::default()
    };
    let weak = weak.with_digest(&text, "a", &digest);
    signature_refused(&weak, SignatureFault::DigestMethod);
    let lenient = SamlRules {
        allow_sha1: true,
        ..SamlRules::default()
    };
    let text = BASE64.encode(weak.as_bytes());
    trust().verify(&text, lenient, NOW).unwrap();
}
