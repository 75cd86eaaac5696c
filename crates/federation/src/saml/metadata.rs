//! The metadata document of a SAML 2.0 identity provider: what is believed of it, and who may sign
//! (OASIS "Metadata for the OASIS Security Assertion Markup Language (SAML) V2.0").
//!
//! The document comes from an administrator of the account, but whoever made it is a third party: it
//! is read without document type definitions, within limits, and what could be understood in two ways
//! is refused.

use super::signature::SIGNATURES;
use super::time::{self, Seconds};
use super::xml::{attribute, bytes, is_too_wide};
use roxmltree::{Document, Node, ParsingOptions};
use std::fmt;
use x509_parser::parse_x509_certificate;

const METADATA: &str = "urn:oasis:names:tc:SAML:2.0:metadata";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
/// The most nodes of a document.
const MOST_NODES: u32 = 250_000;
/// The most declarations of namespaces in a document. Each element keeps all that are declared around it.
const MOST_NAMESPACES: usize = 256;
/// The longest `entityID`, in characters (saml-metadata, 2.2.1).
const LONGEST_ENTITY_ID: usize = 1024;

/// What a metadata document says of its identity provider.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SamlMetadata {
    /// `entityID`: the issuer of its responses and assertions.
    pub entity_id: String,
    /// The certificates (DER) whose keys sign its responses and assertions; at least one. Whether they
    /// have expired says nothing about the keys.
    pub signing_certificates: Vec<Vec<u8>>,
    /// Where users are sent to sign in.
    pub single_sign_on: Vec<SingleSignOn>,
    /// Whether it wants requests to be signed.
    pub want_authn_requests_signed: bool,
    /// When the document is no longer good, if it says so: the earliest `validUntil`.
    pub valid_until: Option<Seconds>,
}

/// A `SingleSignOnService`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SingleSignOn {
    /// The URI of the binding.
    pub binding: String,
    /// The URL, `https:` or `http:`.
    pub location: String,
}

/// Why a document is no metadata of one identity provider.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum MetadataFault {
    /// It has a document type definition.
    Dtd,
    /// It is not well-formed XML, or too large.
    Xml,
    /// An element has more than 256 attributes, or it declares more than 256 namespaces.
    TooWide,
    /// It describes no entity, or several.
    Entity,
    /// The `entityID` is missing or too long.
    EntityId,
    /// There is no `IDPSSODescriptor` for SAML 2.0.
    NoProvider,
    /// There are several of them.
    SeveralProviders,
    /// There is no certificate for signing.
    NoCertificate,
    /// A signing certificate is not base64 of an X.509 certificate.
    Certificate,
    /// Certificates for one signing key have different keys.
    SeveralKeys,
    /// A `SingleSignOnService` has no binding, or a location that is no URL of a web server.
    Location,
    /// A `validUntil` or `WantAuthnRequestsSigned` has no such value.
    Attribute,
}

impl fmt::Display for MetadataFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Could not parse metadata: ")?;
        f.write_str(match self {
            Self::Dtd => "it must not have a document type definition.",
            Self::Xml => "it is not well-formed XML, or has too many elements.",
            Self::TooWide => {
                "an element may have 256 attributes, and the document 256 declarations of namespaces."
            }
            Self::Entity => "it must have exactly one EntityDescriptor.",
            Self::EntityId => "the EntityDescriptor must have an entityID of 1 to 1024 characters.",
            Self::NoProvider => {
                "the EntityDescriptor must have an IDPSSODescriptor that supports SAML 2.0."
            }
            Self::SeveralProviders => {
                "the EntityDescriptor has several IDPSSODescriptors that support SAML 2.0."
            }
            Self::NoCertificate => {
                "the IDPSSODescriptor must have a KeyDescriptor for signing with an X509Certificate."
            }
            Self::Certificate => "an X509Certificate for signing is no X.509 certificate in base64.",
            Self::SeveralKeys => {
                "the certificates of one KeyDescriptor for signing must have the same public key."
            }
            Self::Location => {
                "a SingleSignOnService must have a Binding and a Location that is a URL of a web server."
            }
            Self::Attribute => {
                "validUntil must be a moment in UTC, and WantAuthnRequestsSigned true or false."
            }
        })
    }
}

impl std::error::Error for MetadataFault {}

impl SamlMetadata {
    /// Reads a document.
    ///
    /// # Errors
    /// [`MetadataFault`]
    pub fn parse(text: &str) -> Result<Self, MetadataFault> {
        // The parser lets an empty one pass.
        if text.contains("<!DOCTYPE") {
            return Err(MetadataFault::Dtd);
        }
        if is_too_wide(text, MOST_NAMESPACES) {
            return Err(MetadataFault::TooWide);
        }
        let options = ParsingOptions {
            nodes_limit: MOST_NODES,
            ..ParsingOptions::default()
        };
        let document = Document::parse_with_options(text, options);
        let document = document.map_err(|_| MetadataFault::Xml)?;
        let entity = only_entity(document.root_element())?;
        let entity_id = attribute(entity, "entityID").unwrap_or_default();
        if entity_id.trim().is_empty() || entity_id.chars().count() > LONGEST_ENTITY_ID {
            return Err(MetadataFault::EntityId);
        }
        let mut providers = metadata_children(entity, "IDPSSODescriptor").filter(|provider| {
            let protocols = attribute(*provider, "protocolSupportEnumeration");
            protocols.is_some_and(|all| all.split_whitespace().any(|one| one == PROTOCOL))
        });
        let provider = providers.next().ok_or(MetadataFault::NoProvider)?;
        if providers.next().is_some() {
            return Err(MetadataFault::SeveralProviders);
        }
        let want_authn_requests_signed = match attribute(provider, "WantAuthnRequestsSigned") {
            None | Some("false" | "0") => false,
            Some("true" | "1") => true,
            Some(_) => return Err(MetadataFault::Attribute),
        };
        Ok(Self {
            entity_id: entity_id.to_owned(),
            signing_certificates: signing_certificates(provider)?,
            single_sign_on: metadata_children(provider, "SingleSignOnService")
                .map(single_sign_on)
                .collect::<Result<_, _>>()?,
            want_authn_requests_signed,
            valid_until: valid_until(provider)?,
        })
    }
}

fn is(node: Node<'_, '_>, namespace: &str, name: &str) -> bool {
    node.has_tag_name((namespace, name))
}

fn metadata_children<'a, 'b>(
    node: Node<'a, 'b>,
    name: &'static str,
) -> impl Iterator<Item = Node<'a, 'b>> {
    node.children()
        .filter(move |node| is(*node, METADATA, name))
}

/// The one `EntityDescriptor` of the document.
fn only_entity<'a, 'b>(root: Node<'a, 'b>) -> Result<Node<'a, 'b>, MetadataFault> {
    if is(root, METADATA, "EntityDescriptor") {
        return Ok(root);
    }
    if !is(root, METADATA, "EntitiesDescriptor") {
        return Err(MetadataFault::Entity);
    }
    let all = root.descendants();
    let mut entities = all.filter(|node| is(*node, METADATA, "EntityDescriptor"));
    match (entities.next(), entities.next()) {
        (Some(entity), None) => Ok(entity),
        _ => Err(MetadataFault::Entity),
    }
}

/// The earliest `validUntil` of an element and those around it.
fn valid_until(node: Node<'_, '_>) -> Result<Option<Seconds>, MetadataFault> {
    let said = node
        .ancestors()
        .filter_map(|node| attribute(node, "validUntil"));
    let moments = said.map(|text| time::parse(text).ok_or(MetadataFault::Attribute));
    let moments: Vec<_> = moments.collect::<Result<_, _>>()?;
    Ok(moments.into_iter().min())
}

fn signing_certificates(provider: Node<'_, '_>) -> Result<Vec<Vec<u8>>, MetadataFault> {
    let mut found: Vec<Vec<u8>> = Vec::new();
    for key in metadata_children(provider, "KeyDescriptor") {
        match attribute(key, "use") {
            None | Some("signing") => {}
            Some(_) => continue,
        }
        let all = key.descendants();
        let certificates = all.filter(|node| is(*node, SIGNATURES, "X509Certificate"));
        // A chain here would make signers of those who issued the first one.
        let mut first_key: Option<Vec<u8>> = None;
        for certificate in certificates {
            let der = bytes(certificate).ok_or(MetadataFault::Certificate)?;
            let (rest, parsed) =
                parse_x509_certificate(&der).map_err(|_| MetadataFault::Certificate)?;
            if !rest.is_empty() {
                return Err(MetadataFault::Certificate);
            }
            let public_key = parsed.public_key().raw;
            match &first_key {
                Some(first) if first.as_slice() != public_key => {
                    return Err(MetadataFault::SeveralKeys);
                }
                Some(_) => {}
                None => first_key = Some(public_key.to_vec()),
            }
            if !found.contains(&der) {
                found.push(der);
            }
        }
    }
    if found.is_empty() {
        return Err(MetadataFault::NoCertificate);
    }
    Ok(found)
}

fn single_sign_on(service: Node<'_, '_>) -> Result<SingleSignOn, MetadataFault> {
    let binding = attribute(service, "Binding").unwrap_or_default();
    let location = attribute(service, "Location").unwrap_or_default();
    let of_the_web = ["https://", "http://"].iter().any(|scheme| {
        let head = location.get(..scheme.len()).unwrap_or_default();
        head.eq_ignore_ascii_case(scheme) && location.len() > scheme.len()
    });
    let plain = !location
        .chars()
        .any(|c| c.is_whitespace() || c.is_control());
    if binding.is_empty() || !of_the_web || !plain {
        return Err(MetadataFault::Location);
    }
    Ok(SingleSignOn {
        binding: binding.to_owned(),
        location: location.to_owned(),
    })
}

#[cfg(test)]
mod tests;
