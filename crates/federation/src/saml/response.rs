//! Responses: from the text that a browser delivers to the one assertion in it that counts.

use super::assertion::{ASSERTIONS, Assertion};
use super::decrypt::{Sealed, SealedFault};
use super::fault::SamlFault;
use super::keys::{OpeningKey, VerifyingKey};
use super::metadata::SamlMetadata;
use super::signature::{self, has_id, is_signature};
use super::time::Seconds;
use super::xml::{self, attribute, elements};
use roxmltree::{Document, Node};
use std::fmt::Write as _;

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";
const SCHEMA_INSTANCE: &str = "http://www.w3.org/2001/XMLSchema-instance";
/// The most characters of base64 that a response has.
const LONGEST: usize = 100_000;
/// The most keys of a provider's metadata that a signature is tried with.
const MOST_KEYS: usize = 16;

/// Whose assertions are believed: one provider's, whose metadata an administrator of the account uploaded.
#[derive(Debug)]
pub struct SamlTrust {
    issuer: String,
    keys: Vec<VerifyingKey>,
    private_keys: Vec<OpeningKey>,
}

/// What is asked of a provider's responses, and what is let pass. By default nothing is.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct SamlRules {
    /// Whether assertions must be encrypted.
    pub encryption_required: bool,
    /// Whether SHA-1 counts in signatures and digests. It can be forged by who has the means.
    pub allow_sha1: bool,
    /// Whether AES-CBC counts where no signature covers the ciphertext. It then tells who sends changed
    /// ciphertexts, by answers and by time, what is in them.
    pub allow_cbc: bool,
}

impl SamlTrust {
    /// Believes what is signed with the first 16 keys of the metadata. Certificates that have expired count,
    /// as do those that sign themselves: the metadata says that they are the provider's.
    pub fn new(metadata: &SamlMetadata) -> Self {
        let certificates = metadata.signing_certificates.iter();
        let keys = certificates.filter_map(|der| VerifyingKey::of_certificate(der));
        Self {
            issuer: metadata.entity_id.clone(),
            keys: keys.take(MOST_KEYS).collect(),
            private_keys: Vec::new(),
        }
    }

    /// Adds a private key that assertions are encrypted for, an RSA key in PKCS #8. `false`, if it is none.
    pub fn add_private_key(&mut self, pkcs8: &[u8]) -> bool {
        let key = OpeningKey::from_pkcs8(pkcs8);
        let is_one = key.is_some();
        self.private_keys.extend(key);
        is_one
    }

    /// Verifies a response in base64, as it is posted by browsers, at a moment in seconds since 1970.
    ///
    /// The response has one assertion, plain or encrypted. The assertion must have a signature of its own; one
    /// of the response must be right if it is there. Both are by keys of the metadata alone, each a child of
    /// what it covers, to which it refers by an ID that nothing else has. No other assertion and no other
    /// signature is anywhere in the document.
    ///
    /// # Errors
    /// [`SamlFault`]
    pub fn verify(
        &self,
        response: &str,
        rules: SamlRules,
        now: Seconds,
    ) -> Result<Assertion, SamlFault> {
        let response = decode(response)?;
        let document = xml::parse(&response)?;
        let parts = Parts::read(document.root_element())?;
        check_extent(&document, &parts)?;
        if let Some(signature) = parts.signature {
            signature::verify(signature, &self.keys, rules.allow_sha1)
                .map_err(SamlFault::ResponseSignature)?;
        }
        if parts.status != SUCCESS {
            return Err(SamlFault::Status(parts.status.to_owned()));
        }
        if parts.is_encrypted() {
            return self.verify_encrypted(&document, &parts, rules, now);
        }
        if rules.encryption_required {
            return Err(SamlFault::NotEncrypted);
        }
        let issuer = self.verify_assertion(parts.assertion, rules)?;
        Assertion::read(parts.assertion, issuer, now)
    }

    /// Opens the assertion, and verifies what was in it as if it had come so.
    fn verify_encrypted(
        &self,
        outer: &Document<'_>,
        parts: &Parts<'_, '_>,
        rules: SamlRules,
        now: Seconds,
    ) -> Result<Assertion, SamlFault> {
        let sealed = Sealed::read(parts.assertion).map_err(|fault| match fault {
            SealedFault::Shape => {
                SamlFault::Shape("the EncryptedAssertion has another shape than one")
            }
            SealedFault::Content | SealedFault::Key => SamlFault::EncryptionMethod,
        })?;
        let is_covered = parts.signature.is_some() || sealed.method.is_authenticated();
        if !is_covered && !rules.allow_cbc {
            return Err(SamlFault::CipherBlockChaining);
        }
        if self.private_keys.is_empty() {
            return Err(SamlFault::NoPrivateKey);
        }
        let opened = sealed
            .open(&self.private_keys)
            .ok_or(SamlFault::Decryption)?;
        let opened = in_place(&opened, parts.assertion);
        let hidden = |fault| match sealed.method.is_authenticated() {
            true => fault,
            false => SamlFault::Decryption,
        };
        let document = xml::parse(&opened).map_err(|fault| hidden(fault.into()))?;
        let (assertion, issuer) = self
            .verify_opened(outer, &document, rules)
            .map_err(hidden)?;
        Assertion::read(assertion, issuer, now)
    }

    fn verify_opened<'a, 'i>(
        &self,
        outer: &Document<'_>,
        document: &'a Document<'i>,
        rules: SamlRules,
    ) -> Result<(Node<'a, 'i>, String), SamlFault> {
        let inside = elements(document.root_element()).unwrap_or_default();
        let [assertion] = inside.as_slice() else {
            return Err(SamlFault::Shape("what was encrypted is not one Assertion"));
        };
        if !assertion.has_tag_name((ASSERTIONS, "Assertion")) {
            return Err(SamlFault::Shape("what was encrypted is not one Assertion"));
        }
        let id = attribute(*assertion, "ID").unwrap_or_default();
        if has_id(outer, id) {
            return Err(SamlFault::Shape(
                "the ID of what was encrypted is also that of something else",
            ));
        }
        check_counts(document, usize::from(own_signature(*assertion)?.is_some()))?;
        let issuer = self.verify_assertion(*assertion, rules)?;
        Ok((*assertion, issuer))
    }

    /// Verifies an assertion's signature, and says who issued it.
    fn verify_assertion(
        &self,
        assertion: Node<'_, '_>,
        rules: SamlRules,
    ) -> Result<String, SamlFault> {
        const NAMES: [&str; 3] = ["ID", "Version", "IssueInstant"];
        check_attributes(
            assertion,
            &NAMES,
            "the Assertion has an attribute that assertions do not have",
        )?;
        if attribute(assertion, "Version") != Some("2.0") {
            return Err(SamlFault::Shape("the Assertion is not of version 2.0"));
        }
        let mut issuers = assertion
            .children()
            .filter(|node| node.has_tag_name((ASSERTIONS, "Issuer")));
        let issuer = match (issuers.next(), issuers.next()) {
            (Some(issuer), None) => xml::text(issuer),
            _ => None,
        };
        let issuer = issuer.ok_or(SamlFault::Shape("the Assertion must have one Issuer"))?;
        if issuer != self.issuer {
            let wanted = self.issuer.clone();
            return Err(SamlFault::Issuer {
                found: issuer,
                wanted,
            });
        }
        let signature = own_signature(assertion)?.ok_or(SamlFault::Unsigned)?;
        signature::verify(signature, &self.keys, rules.allow_sha1).map_err(SamlFault::Signature)?;
        Ok(issuer)
    }
}

/// The text of a response in base64.
fn decode(response: &str) -> Result<String, SamlFault> {
    if response.len() > LONGEST {
        return Err(SamlFault::TooLong);
    }
    let bytes = xml::base64(response).ok_or(SamlFault::Encoding)?;
    String::from_utf8(bytes).map_err(|_| SamlFault::Encoding)
}

/// The ARNs of SAML providers that stand in the text of a response, each once and at most so many, in order:
/// with which providers it might be worth the while to verify it. Whoever sent it wrote them, and nothing is
/// believed of it.
pub fn mentioned_providers(response: &str, most: usize) -> Vec<String> {
    const MARK: &str = ":saml-provider/";
    /// What stands before it, in bytes.
    const LONGEST_HEAD: usize = 64;
    let Ok(text) = decode(response) else {
        return Vec::new();
    };
    let mut found: Vec<String> = Vec::new();
    for (at, _) in text.match_indices(MARK) {
        // A text full of marks must not be read once for each.
        let near = text.as_bytes().get(at.saturating_sub(LONGEST_HEAD)..at);
        let near = near.unwrap_or_default();
        let start = near.windows(4).rposition(|four| four == b"arn:");
        let head = start.and_then(|start| text.get(at - near.len() + start..at));
        let tail = text.get(at + MARK.len()..).unwrap_or_default();
        let legal = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        let name = tail.split(|c| !legal(c)).next().unwrap_or_default();
        let Some(head) = head else {
            continue;
        };
        let arn = format!("{head}{MARK}{name}");
        if found.len() < most && !found.contains(&arn) {
            found.push(arn);
        }
    }
    found
}

/// What a `Response` is made of.
struct Parts<'a, 'i> {
    signature: Option<Node<'a, 'i>>,
    status: &'a str,
    /// An `Assertion` or an `EncryptedAssertion`.
    assertion: Node<'a, 'i>,
}

impl<'a, 'i> Parts<'a, 'i> {
    fn read(root: Node<'a, 'i>) -> Result<Self, SamlFault> {
        const NAMES: [&str; 6] = [
            "ID",
            "Version",
            "IssueInstant",
            "Destination",
            "Consent",
            "InResponseTo",
        ];
        if !root.has_tag_name((PROTOCOL, "Response")) {
            return Err(SamlFault::Shape("the document is no Response of SAML 2.0"));
        }
        check_attributes(
            root,
            &NAMES,
            "the Response has an attribute that responses do not have",
        )?;
        if attribute(root, "Version") != Some("2.0") {
            return Err(SamlFault::Shape("the Response is not of version 2.0"));
        }
        let (mut issuer, mut extensions) = (None, None);
        let (mut signature, mut status, mut assertion) = (None, None, None);
        let children = elements(root).ok_or(SamlFault::Shape(
            "the Response has text between its elements",
        ))?;
        for child in children {
            let name = child.tag_name();
            let place = match (name.namespace(), name.name()) {
                (Some(ASSERTIONS), "Issuer") => &mut issuer,
                (Some(signature::SIGNATURES), "Signature") => &mut signature,
                (Some(PROTOCOL), "Extensions") => &mut extensions,
                (Some(PROTOCOL), "Status") => &mut status,
                (Some(ASSERTIONS), "Assertion" | "EncryptedAssertion") => &mut assertion,
                _ => {
                    return Err(SamlFault::Shape(
                        "the Response has an element that responses do not have",
                    ));
                }
            };
            if place.replace(child).is_some() {
                return Err(SamlFault::Shape(
                    "the Response has several issuers, signatures, statuses or assertions",
                ));
            }
        }
        let status: Node<'a, 'i> = status.ok_or(SamlFault::Shape("the Response has no Status"))?;
        let code = status
            .children()
            .find(|node| node.has_tag_name((PROTOCOL, "StatusCode")));
        let code = code.and_then(|code| attribute(code, "Value"));
        let status = code.ok_or(SamlFault::Shape("the Status has no StatusCode"))?;
        // Who failed to sign in gets no assertion.
        let assertion = match assertion {
            Some(assertion) => assertion,
            None if status != SUCCESS => return Err(SamlFault::Status(status.to_owned())),
            None => return Err(SamlFault::Shape("the Response has no Assertion")),
        };
        Ok(Self {
            signature,
            status,
            assertion,
        })
    }

    fn is_encrypted(&self) -> bool {
        self.assertion.tag_name().name() == "EncryptedAssertion"
    }
}

/// No assertion and no signature is anywhere but where it was found.
fn check_extent(document: &Document<'_>, parts: &Parts<'_, '_>) -> Result<(), SamlFault> {
    let own = match parts.is_encrypted() {
        true => None,
        false => own_signature(parts.assertion)?,
    };
    check_counts(
        document,
        usize::from(own.is_some()) + usize::from(parts.signature.is_some()),
    )
}

fn check_counts(document: &Document<'_>, signatures: usize) -> Result<(), SamlFault> {
    let elements = || document.descendants().filter(Node::is_element);
    let is_assertion = |node: &Node<'_, '_>| {
        let name = node.tag_name().name();
        name.eq_ignore_ascii_case("Assertion") || name.eq_ignore_ascii_case("EncryptedAssertion")
    };
    if elements().filter(is_assertion).count() != 1 {
        return Err(SamlFault::Shape("the document has several assertions"));
    }
    if elements().filter(|node| is_signature(*node)).count() != signatures {
        return Err(SamlFault::Shape(
            "the document has a signature that is no child of its Response or its Assertion",
        ));
    }
    Ok(())
}

/// The signature that is a child of an assertion.
fn own_signature<'a, 'i>(assertion: Node<'a, 'i>) -> Result<Option<Node<'a, 'i>>, SamlFault> {
    let mut signatures = assertion.children().filter(|node| is_signature(*node));
    let signature = signatures.next();
    match signatures.next() {
        None => Ok(signature),
        Some(_) => Err(SamlFault::Shape("the Assertion has several signatures")),
    }
}

/// An element has these attributes at most, and those of XML Schema.
fn check_attributes(
    node: Node<'_, '_>,
    names: &[&str],
    fault: &'static str,
) -> Result<(), SamlFault> {
    let is_known = |attribute: roxmltree::Attribute<'_, '_>| match attribute.namespace() {
        None => names.contains(&attribute.name()),
        Some(namespace) => namespace == SCHEMA_INSTANCE,
    };
    match node.attributes().all(is_known) {
        true => Ok(()),
        false => Err(SamlFault::Shape(fault)),
    }
}

/// What was encrypted, as a document of its own: in an element that declares the namespaces which are in scope
/// where it stood.
fn in_place(content: &str, place: Node<'_, '_>) -> String {
    let mut text = String::from("<opened");
    for namespace in place.namespaces() {
        let colon = if namespace.name().is_some() { ":" } else { "" };
        let name = namespace.name().unwrap_or_default();
        if name == "xml" {
            continue;
        }
        let uri = namespace.uri().replace('&', "&amp;");
        // An absolute URI, or empty, has neither quotes nor brackets.
        let _ = write!(text, " xmlns{colon}{name}=\"{uri}\"");
    }
    text.push('>');
    text.push_str(content);
    text.push_str("</opened>");
    text
}

#[cfg(test)]
mod tests;
