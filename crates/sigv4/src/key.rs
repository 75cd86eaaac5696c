//! Hashes, message authentication codes and the signing key.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::{digest, hmac};
use data_encoding::HEXLOWER;
use zeroize::Zeroizing;

/// The last element of every credential scope.
pub(crate) const TERMINATOR: &str = "aws4_request";

/// The key that signs for one secret, day, region and service (kSigning in "Create a signed
/// AWS API request", AWS IAM User Guide).
///
/// Cloning shares the key, so a cache may hand copies out. The key's bytes are wiped when the
/// last copy goes, and are never printed.
#[derive(Clone)]
pub struct SigningKey(Arc<hmac::Key>);

impl SigningKey {
    /// Derives the key from a secret access key and the three elements of the scope;
    /// `date` is `YYYYMMDD`.
    ///
    /// ```
    /// # use locum_sigv4::SigningKey;
    /// let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
    /// let key = SigningKey::derive(secret, "20150830", "us-east-1", "sts");
    /// assert_eq!(format!("{key:?}"), "SigningKey(..)");
    /// ```
    pub fn derive(secret: &str, date: &str, region: &str, service: &str) -> Self {
        let bytes = derive_bytes(secret, date, region, service);
        Self(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, bytes.as_ref())))
    }

    /// The code over the concatenation of `parts`.
    pub(crate) fn sign(&self, parts: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&self.0);
        for part in parts {
            context.update(part);
        }
        let tag = context.sign();
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        bytes
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(..)")
    }
}

/// SHA-256 of data that arrives in pieces.
#[derive(Clone)]
pub struct Sha256(digest::Context);

impl Sha256 {
    /// The hash of nothing, so far.
    pub fn new() -> Self {
        Self(digest::Context::new(&digest::SHA256))
    }

    /// Adds `data` to what is hashed.
    pub fn update(&mut self, data: &[u8]) {
        self.0.update(data);
    }

    /// The hash of all that was added.
    pub fn finish(self) -> [u8; 32] {
        array(self.0.finish())
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sha256(..)")
    }
}

/// SHA-256 of `data`.
pub fn sha256(data: &[u8]) -> [u8; 32] {
    array(digest::digest(&digest::SHA256, data))
}

/// Whether two byte strings are equal, in time that depends on their lengths only.
pub fn constant_time_eq(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// Thirty-two bytes as the sixty-four lower-case digits that SigV4 uses everywhere.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Hex([u8; 64]);

impl Hex {
    pub(crate) fn new(bytes: &[u8; 32]) -> Self {
        let mut text = [b'0'; 64];
        HEXLOWER.encode_mut(bytes, &mut text);
        Self(text)
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

/// Sixty-four lower-case hexadecimal digits, or nothing.
pub(crate) fn from_hex_lower(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    let written = (text.len() == 64).then(|| HEXLOWER.decode_mut(text, &mut bytes))?;
    (written == Ok(32)).then_some(bytes)
}

/// The signature of a request.
pub(crate) fn sign_request(
    key: &SigningKey,
    date_time: &str,
    scope: &str,
    canonical: &[u8],
) -> [u8; 32] {
    key.sign(&[
        crate::ALGORITHM.as_bytes(),
        b"\n",
        date_time.as_bytes(),
        b"\n",
        scope.as_bytes(),
        b"\n",
        Hex::new(&sha256(canonical)).as_bytes(),
    ])
}

/// What is signed: with [`sign_request`]'s algorithm what it signs, for a person to read.
pub(crate) fn string_to_sign(
    algorithm: &str,
    date_time: &str,
    scope: &str,
    canonical: &[u8],
) -> String {
    let hash = Hex::new(&sha256(canonical));
    format!("{algorithm}\n{date_time}\n{scope}\n{}", hash.as_str())
}

/// Sixty-four hexadecimal digits in any letter case, or nothing.
pub(crate) fn from_hex(text: &[u8]) -> Option<[u8; 32]> {
    match text.len() {
        64 => from_hex_lower(&text.to_ascii_lowercase()),
        _ => None,
    }
}

fn derive_bytes(secret: &str, date: &str, region: &str, service: &str) -> Zeroizing<[u8; 32]> {
    let mut first = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
    first.extend_from_slice(b"AWS4");
    first.extend_from_slice(secret.as_bytes());
    let mut key = code(&first, date);
    for part in [region, service, TERMINATOR] {
        key = code(key.as_ref(), part);
    }
    key
}

fn code(key: &[u8], message: &str) -> Zeroizing<[u8; 32]> {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let mut bytes = Zeroizing::new([0; 32]);
    // Writes in place, so that no copy of the key stays behind on the stack. It fails only for a
    // buffer of another length than the code's.
    if hmac::sign_to_buffer(&key, message.as_bytes(), bytes.as_mut()).is_err() {
        let tag = hmac::sign(&key, message.as_bytes());
        for (to, from) in bytes.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
    }
    bytes
}

fn array(digest: digest::Digest) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (to, from) in bytes.iter_mut().zip(digest.as_ref()) {
        *to = *from;
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of "Create a signed AWS API request".
    #[test]
    fn the_published_signing_key() {
        let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
        let key = derive_bytes(secret, "20150830", "us-east-1", "service");
        assert_eq!(
            Hex::new(&key).as_str(),
            "938127b5336810ddb6a5d6af445fcac9e371f9ed418ed386b022aed82901be75"
        );
    }

    #[test]
    fn hexadecimal() {
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        assert_eq!(Hex::new(&sha256(b"")).as_str(), text);
        assert_eq!(from_hex_lower(text.as_bytes()), Some(sha256(b"")));
        assert_eq!(from_hex_lower(text.to_uppercase().as_bytes()), None);
        for bad in [
            &text.replacen('e', "", 1),
            &format!("{text}0"),
            "",
            &text.replace('e', "g"),
        ] {
            assert_eq!(from_hex_lower(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn hashing_in_pieces() {
        let mut hash = Sha256::new();
        hash.update(b"ab");
        hash.update(b"c");
        assert_eq!(hash.finish(), sha256(b"abc"));
    }

    #[test]
    fn equality() {
        assert!(constant_time_eq(b"abc", b"abc"));
        assert!(!constant_time_eq(b"abc", b"abd"));
        assert!(!constant_time_eq(b"abc", b"ab"));
    }
}
