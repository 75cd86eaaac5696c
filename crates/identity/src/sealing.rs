//! Secrets at rest: sealed under a root key that is kept outside the store.

use crate::environment::Entropy;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use data_encoding::BASE64;
use std::fmt;
use zeroize::{Zeroize as _, Zeroizing};

const NONCE: usize = 12;

/// A secret text: it neither prints nor serialises, and is wiped when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Takes over a secret.
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// Bytes sealed under the root key, in base64: a nonce and what AES-256-GCM-SIV made.
#[derive(Clone, Debug, Eq, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

/// The key that seals what the store holds. It lies in a file of its own, never in the store.
pub struct RootKey(LessSafeKey);

/// A sealed secret was not sealed under this root key, or for another place.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Unsealable;

impl fmt::Display for Unsealable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a stored secret does not open under this root key")
    }
}

impl std::error::Error for Unsealable {}

impl RootKey {
    /// The root key of 32 bytes.
    ///
    /// # Errors
    /// [`Unsealable`], if the provider refuses the key.
    pub fn new(bytes: &[u8; 32]) -> Result<Self, Unsealable> {
        let key = UnboundKey::new(&AES_256_GCM_SIV, bytes).map_err(|_| Unsealable)?;
        Ok(Self(LessSafeKey::new(key)))
    }

    /// Seals `secret` for one place: `purpose` names it (an access key id, say), and the secret
    /// opens nowhere else.
    ///
    /// # Errors
    /// [`Unsealable`], if the result would not open again.
    pub fn seal(
        &self,
        purpose: &str,
        secret: &[u8],
        entropy: &dyn Entropy,
    ) -> Result<Sealed, Unsealable> {
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let mut bytes = secret.to_vec();
        self.0
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                Aad::from(purpose),
                &mut bytes,
            )
            .map_err(|_| Unsealable)?;
        let sealed = Sealed(BASE64.encode(&[&nonce[..], &bytes].concat()));
        // Check what is issued with the code that will later accept it.
        match self.open(purpose, &sealed) {
            Ok(again) if again.as_slice() == secret => Ok(sealed),
            _ => Err(Unsealable),
        }
    }

    /// Opens what [`RootKey::seal`] made for the same place.
    ///
    /// # Errors
    /// [`Unsealable`], if it was changed, moved, or sealed under another key.
    pub fn open(&self, purpose: &str, sealed: &Sealed) -> Result<Zeroizing<Vec<u8>>, Unsealable> {
        let bytes = BASE64.decode(sealed.0.as_bytes()).map_err(|_| Unsealable)?;
        let (nonce, body) = bytes.split_first_chunk::<NONCE>().ok_or(Unsealable)?;
        let mut body = Zeroizing::new(body.to_vec());
        let length = self
            .0
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                Aad::from(purpose),
                &mut body,
            )
            .map_err(|_| Unsealable)?
            .len();
        if let Some(tag) = body.get_mut(length..) {
            tag.zeroize();
        }
        body.truncate(length);
        Ok(body)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::testing::Counter;

    #[test]
    fn a_secret_opens_only_where_it_was_sealed_for() {
        let key = RootKey::new(&[7; 32]).unwrap();
        let sealed = key.seal("AKIA1", b"secret", &Counter::default()).unwrap();
        assert_eq!(key.open("AKIA1", &sealed).unwrap().as_slice(), b"secret");
        assert_eq!(key.open("AKIA2", &sealed), Err(Unsealable));
        assert_eq!(
            RootKey::new(&[8; 32]).unwrap().open("AKIA1", &sealed),
            Err(Unsealable)
        );
    }

    #[test]
    fn a_secret_does_not_print() {
        assert_eq!(format!("{:?}", Secret::new("hush".into())), "Secret(…)");
    }
}
