//! XML encryption (<https://www.w3.org/TR/xmlenc-core1/>), as far as assertions are encrypted with it: a
//! content key of AES, sealed by RSA-OAEP for a key of ours.
//!
//! AES-CBC protects from nobody who can send what he likes and see what becomes of it. So it counts only where
//! a signature covers the ciphertext, or where the provider is allowed it. Whatever goes wrong is one fault.

use super::keys::{Hash, OpeningKey};
use super::signature::SIGNATURES;
use super::xml::{attribute, base64, bytes, elements, text};
use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{self, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use roxmltree::Node;

const ENCRYPTION: &str = "http://www.w3.org/2001/04/xmlenc#";
const ENCRYPTION_11: &str = "http://www.w3.org/2009/xmlenc11#";
const OAEP_MGF1P: &str = "http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p";
const OAEP: &str = "http://www.w3.org/2009/xmlenc11#rsa-oaep";
/// The type of data that is an element.
const ELEMENT: &str = "http://www.w3.org/2001/04/xmlenc#Element";
/// The most sealed content keys of an assertion: each is tried with each private key.
const MOST_KEYS: usize = 4;

/// How the content is encrypted.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ContentMethod {
    Gcm(usize),
    Cbc(usize),
}

impl ContentMethod {
    fn of(uri: &str) -> Option<Self> {
        Some(match uri {
            "http://www.w3.org/2009/xmlenc11#aes128-gcm" => Self::Gcm(16),
            "http://www.w3.org/2009/xmlenc11#aes256-gcm" => Self::Gcm(32),
            "http://www.w3.org/2001/04/xmlenc#aes128-cbc" => Self::Cbc(16),
            "http://www.w3.org/2001/04/xmlenc#aes256-cbc" => Self::Cbc(32),
            _ => return None,
        })
    }

    /// Whether changes of the ciphertext show.
    pub(super) fn is_authenticated(self) -> bool {
        matches!(self, Self::Gcm(_))
    }

    fn open(self, key: &[u8], data: &[u8]) -> Option<Vec<u8>> {
        match self {
            Self::Gcm(length) => {
                let algorithm = if length == 16 {
                    &aead::AES_128_GCM
                } else {
                    &aead::AES_256_GCM
                };
                let key = LessSafeKey::new(UnboundKey::new(algorithm, key).ok()?);
                let (nonce, sealed) = data.split_at_checked(aead::NONCE_LEN)?;
                let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
                let mut content = sealed.to_vec();
                let length = key
                    .open_in_place(nonce, Aad::empty(), &mut content)
                    .ok()?
                    .len();
                content.truncate(length);
                Some(content)
            }
            Self::Cbc(length) => {
                let algorithm = if length == 16 {
                    &cipher::AES_128
                } else {
                    &cipher::AES_256
                };
                let key = UnboundCipherKey::new(algorithm, key).ok()?;
                let key = PaddedBlockDecryptingKey::cbc_iso10126(key).ok()?;
                let (iv, sealed) = data.split_first_chunk::<16>()?;
                let mut content = sealed.to_vec();
                let context = DecryptionContext::Iv128((*iv).into());
                let length = key.decrypt(&mut content, context).ok()?.len();
                content.truncate(length);
                Some(content)
            }
        }
    }
}

/// An `EncryptedAssertion`, read and not yet opened.
pub(super) struct Sealed {
    pub(super) method: ContentMethod,
    data: Vec<u8>,
    keys: Vec<SealedKey>,
}

struct SealedKey {
    digest: Hash,
    mask: Hash,
    label: Vec<u8>,
    data: Vec<u8>,
}

/// What of an `EncryptedAssertion` is none that is ever opened.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum SealedFault {
    /// It is made of other elements.
    Shape,
    /// Its content is encrypted by a method that is not allowed.
    Content,
    /// Its key is sealed by a method that is not allowed.
    Key,
}

impl Sealed {
    /// Reads an `EncryptedAssertion`. Its keys stand in the `KeyInfo` of the data or beside the data.
    pub(super) fn read(encrypted: Node<'_, '_>) -> Result<Self, SealedFault> {
        use SealedFault::{Content, Shape};
        let parts = elements(encrypted).ok_or(Shape)?;
        let (data, beside): (Vec<_>, Vec<_>) = parts
            .into_iter()
            .partition(|node| node.has_tag_name((ENCRYPTION, "EncryptedData")));
        let [data] = data.as_slice() else {
            return Err(Shape);
        };
        if attribute(*data, "Type").is_some_and(|kind| kind != ELEMENT) {
            return Err(Shape);
        }
        let method = child(*data, ENCRYPTION, "EncryptionMethod").ok_or(Content)?;
        let method = attribute(method, "Algorithm")
            .and_then(ContentMethod::of)
            .ok_or(Content)?;
        let info = child(*data, SIGNATURES, "KeyInfo");
        let inside = info.and_then(elements).unwrap_or_default();
        let is_key = |node: &Node<'_, '_>| node.has_tag_name((ENCRYPTION, "EncryptedKey"));
        if !beside.iter().all(is_key) {
            return Err(Shape);
        }
        let sealed: Vec<_> = inside.into_iter().filter(is_key).chain(beside).collect();
        if sealed.is_empty() || sealed.len() > MOST_KEYS {
            return Err(Shape);
        }
        Ok(Self {
            method,
            data: cipher_value(*data).ok_or(Shape)?,
            keys: sealed
                .into_iter()
                .map(SealedKey::read)
                .collect::<Result<_, _>>()?,
        })
    }

    /// The text that was encrypted, with the first key that opens it.
    pub(super) fn open(&self, keys: &[OpeningKey]) -> Option<String> {
        let attempts = keys
            .iter()
            .flat_map(|key| self.keys.iter().map(move |sealed| (key, sealed)));
        let mut opened = attempts.filter_map(|(key, sealed)| {
            let algorithm = sealed.digest.oaep(sealed.mask)?;
            let content_key = key.open(algorithm, &sealed.data, &sealed.label)?;
            self.method.open(&content_key, &self.data)
        });
        String::from_utf8(opened.next()?).ok()
    }
}

impl SealedKey {
    fn read(node: Node<'_, '_>) -> Result<Self, SealedFault> {
        use SealedFault::{Key, Shape};
        let method = child(node, ENCRYPTION, "EncryptionMethod").ok_or(Key)?;
        let digest = child(method, SIGNATURES, "DigestMethod");
        let digest =
            digest.map(|node| attribute(node, "Algorithm").and_then(|uri| Hash::of(uri, true)));
        let mask = child(method, ENCRYPTION_11, "MGF");
        let mask = mask.map(|node| attribute(node, "Algorithm").and_then(mask_hash));
        let mask = match attribute(method, "Algorithm") {
            Some(OAEP_MGF1P) if mask.is_none() => Hash::Sha1,
            Some(OAEP) => mask.unwrap_or(Some(Hash::Sha1)).ok_or(Key)?,
            _ => return Err(Key),
        };
        let digest = digest.unwrap_or(Some(Hash::Sha1)).ok_or(Key)?;
        digest.oaep(mask).ok_or(Key)?;
        let label = match child(method, ENCRYPTION, "OAEPparams") {
            None => Vec::new(),
            Some(label) => text(label).and_then(|label| base64(&label)).ok_or(Shape)?,
        };
        Ok(Self {
            digest,
            mask,
            label,
            data: cipher_value(node).ok_or(Shape)?,
        })
    }
}

fn mask_hash(uri: &str) -> Option<Hash> {
    Some(match uri {
        "http://www.w3.org/2009/xmlenc11#mgf1sha1" => Hash::Sha1,
        "http://www.w3.org/2009/xmlenc11#mgf1sha256" => Hash::Sha256,
        "http://www.w3.org/2009/xmlenc11#mgf1sha384" => Hash::Sha384,
        "http://www.w3.org/2009/xmlenc11#mgf1sha512" => Hash::Sha512,
        _ => return None,
    })
}

/// The only child of this name.
fn child<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Node<'a, 'i>> {
    let mut all = node
        .children()
        .filter(|child| child.has_tag_name((namespace, name)));
    let first = all.next()?;
    all.next().is_none().then_some(first)
}

fn cipher_value(node: Node<'_, '_>) -> Option<Vec<u8>> {
    let data = child(node, ENCRYPTION, "CipherData")?;
    match elements(data)?.as_slice() {
        [value] if value.has_tag_name((ENCRYPTION, "CipherValue")) => bytes(*value),
        _ => None,
    }
}
