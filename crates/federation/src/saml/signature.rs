//! XML signatures (<https://www.w3.org/TR/xmldsig-core1/>), of the one shape that SAML has them in
//! (saml-core, 5.4): enveloped in the element that they cover, which they refer to by its ID.

use super::c14n::canonical;
use super::keys::{Hash, SignatureMethod, VerifyingKey};
use super::xml::{attribute, bytes, elements};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use roxmltree::{Document, Node};
use std::fmt;

/// The namespace of signatures.
pub(super) const SIGNATURES: &str = "http://www.w3.org/2000/09/xmldsig#";
/// The only two transforms, in this order, and the only canonicalisation.
const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Why a signature does not count.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SignatureFault {
    /// It is made of other elements than a signature of SAML has, or of more.
    Shape,
    /// It is canonicalised by another method than exclusive canonicalisation without comments.
    Canonicalization,
    /// Its signature method is none that is allowed.
    Method,
    /// Its digest method is none that is allowed.
    DigestMethod,
    /// Its transforms are not the enveloped signature and exclusive canonicalisation.
    Transforms,
    /// It does not refer to the element that it stands in, or what it refers to is not unique.
    Reference,
    /// What it covers was changed.
    Digest,
    /// It was not made with a key in the provider's metadata.
    Key,
}

impl fmt::Display for SignatureFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "it is not made of what a SAML signature is made of",
            Self::Canonicalization => {
                "its canonicalization method is not exclusive canonicalization 1.0 without comments"
            }
            Self::Method => "its signature method is not one of those allowed",
            Self::DigestMethod => "its digest method is not one of those allowed",
            Self::Transforms => {
                "its transforms are not enveloped-signature and exclusive canonicalization, in this order"
            }
            Self::Reference => {
                "it does not refer to the element that it stands in by an ID that is unique in the document"
            }
            Self::Digest => "what it covers is not what was signed",
            Self::Key => "it was not made with a key in the provider's metadata",
        })
    }
}

/// Whether an element is a signature.
pub(super) fn is_signature(node: Node<'_, '_>) -> bool {
    node.has_tag_name((SIGNATURES, "Signature"))
}

/// Verifies a signature that is a child of the element that it must cover, all of it but the signature
/// itself. Only keys that the caller trusts count; `KeyInfo` is not read.
pub(super) fn verify(
    signature: Node<'_, '_>,
    keys: &[VerifyingKey],
    sha1: bool,
) -> Result<(), SignatureFault> {
    use SignatureFault::{Canonicalization, Digest, Key, Reference, Shape};
    let covered = signature.parent_element().ok_or(Shape)?;
    let parts = named(signature, &["SignedInfo", "SignatureValue"], &["KeyInfo"])?;
    let (info, value) = two(&parts)?;
    let parts = named(
        info,
        &["CanonicalizationMethod", "SignatureMethod", "Reference"],
        &[],
    )?;
    let [canonicalization, method, reference] = parts.as_slice() else {
        return Err(Shape);
    };

    let prefixes = exclusive(*canonicalization).ok_or(Canonicalization)?;
    elements(*method).filter(Vec::is_empty).ok_or(Shape)?;
    let uri = attribute(*method, "Algorithm").unwrap_or_default();
    let method = SignatureMethod::of(uri, sha1).ok_or(SignatureFault::Method)?;
    let signed = canonical(info, None, prefixes).ok_or(Shape)?;
    let signature_value = bytes(value).ok_or(Shape)?;

    let id = attribute(covered, "ID").unwrap_or_default();
    let target = attribute(*reference, "URI").unwrap_or_default();
    if id.is_empty() || target.strip_prefix('#') != Some(id) || !is_unique(signature.document(), id)
    {
        return Err(Reference);
    }
    let parts = named(
        *reference,
        &["Transforms", "DigestMethod", "DigestValue"],
        &[],
    )?;
    let [transforms, digest_method, digest_value] = parts.as_slice() else {
        return Err(Shape);
    };
    let prefixes = transforms_of(*transforms).ok_or(SignatureFault::Transforms)?;
    elements(*digest_method)
        .filter(Vec::is_empty)
        .ok_or(Shape)?;
    let uri = attribute(*digest_method, "Algorithm").unwrap_or_default();
    let hash = Hash::of(uri, sha1).ok_or(SignatureFault::DigestMethod)?;
    let wanted = bytes(*digest_value).ok_or(Shape)?;
    let content = canonical(covered, Some(signature.id()), prefixes).ok_or(Shape)?;

    verify_slices_are_equal(hash.digest(&content).as_ref(), &wanted).map_err(|_| Digest)?;
    match keys
        .iter()
        .any(|key| key.verifies(method, &signed, &signature_value))
    {
        true => Ok(()),
        false => Err(Key),
    }
}

/// The children of an element of a signature: these in this order, and after them at most one of each of
/// `optional`.
fn named<'a, 'i>(
    node: Node<'a, 'i>,
    names: &[&'static str],
    optional: &[&'static str],
) -> Result<Vec<Node<'a, 'i>>, SignatureFault> {
    let found = elements(node).ok_or(SignatureFault::Shape)?;
    let mut rest = found.iter();
    let all_are = names.iter().all(|name| {
        rest.next()
            .is_some_and(|node| node.has_tag_name((SIGNATURES, *name)))
    });
    let mut more = optional.iter();
    let rest_is = rest.all(|node| more.any(|name| node.has_tag_name((SIGNATURES, *name))));
    match all_are && rest_is {
        true => Ok(found.into_iter().take(names.len()).collect()),
        false => Err(SignatureFault::Shape),
    }
}

fn two<'a, 'i>(parts: &[Node<'a, 'i>]) -> Result<(Node<'a, 'i>, Node<'a, 'i>), SignatureFault> {
    match parts {
        [first, second] => Ok((*first, *second)),
        _ => Err(SignatureFault::Shape),
    }
}

/// The prefixes of the `InclusiveNamespaces` of an exclusive canonicalisation without comments.
fn exclusive<'a>(method: Node<'a, '_>) -> Option<&'a str> {
    if attribute(method, "Algorithm") != Some(EXCLUSIVE) {
        return None;
    }
    match elements(method)?.as_slice() {
        [] => Some(""),
        [one] if one.has_tag_name((EXCLUSIVE, "InclusiveNamespaces")) => {
            elements(*one).filter(Vec::is_empty)?;
            Some(attribute(*one, "PrefixList").unwrap_or_default())
        }
        _ => None,
    }
}

/// The prefixes of the canonicalisation, if the transforms are those that they must be.
fn transforms_of<'a>(transforms: Node<'a, '_>) -> Option<&'a str> {
    let all = elements(transforms)?;
    let [enveloped, canonicalization] = all.as_slice() else {
        return None;
    };
    let are_transforms = all
        .iter()
        .all(|node| node.has_tag_name((SIGNATURES, "Transform")));
    let is_enveloped = attribute(*enveloped, "Algorithm") == Some(ENVELOPED);
    let is_plain = elements(*enveloped).is_some_and(|all| all.is_empty());
    match are_transforms && is_enveloped && is_plain {
        true => exclusive(*canonicalization),
        false => None,
    }
}

/// Whether one attribute of the document has this value, of all that somebody could take for an ID: those
/// whose names end so, of any namespace and in any case of letters.
fn is_unique(document: &Document<'_>, id: &str) -> bool {
    let attributes = document.descendants().flat_map(|node| node.attributes());
    let ids =
        attributes.filter(|attribute| is_id(attribute.name()) && attribute.value().trim() == id);
    ids.count() == 1
}

/// Whether an attribute could be taken for an ID by its local name.
pub(super) fn is_id(name: &str) -> bool {
    let tail = name
        .len()
        .checked_sub(2)
        .and_then(|start| name.get(start..));
    tail.is_some_and(|tail| tail.eq_ignore_ascii_case("id"))
}

/// Whether some attribute of the document that could be an ID has this value.
pub(super) fn has_id(document: &Document<'_>, id: &str) -> bool {
    let mut attributes = document.descendants().flat_map(|node| node.attributes());
    attributes.any(|attribute| is_id(attribute.name()) && attribute.value().trim() == id)
}
