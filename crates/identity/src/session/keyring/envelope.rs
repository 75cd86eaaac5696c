//! The form of all that a keyring seals: `head ‖ nonce ‖ AES-256-GCM-SIV(body)` in base64url.
//!
//! The head, which tells the version and the key, is associated data, with whatever else the text must
//! be presented with.

use crate::environment::Entropy;
use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};
use data_encoding::BASE64URL_NOPAD;

/// The bytes of a nonce.
pub(in crate::session) const NONCE: usize = 12;
/// What sealing adds to head and body: the nonce, and the tag that proves them.
pub(in crate::session) const AROUND: usize = NONCE + 16;

/// Seals a body behind its head; `None` if the provider refuses.
pub(in crate::session) fn seal(
    key: &LessSafeKey,
    head: Vec<u8>,
    also: &[u8],
    mut body: Vec<u8>,
    entropy: &dyn Entropy,
) -> Option<String> {
    let mut nonce = [0; NONCE];
    entropy.fill(&mut nonce);
    key.seal_in_place_append_tag(
        Nonce::assume_unique_for_key(nonce),
        associated_data(&head, also),
        &mut body,
    )
    .ok()?;
    let mut sealed = head;
    sealed.reserve_exact(NONCE + body.len());
    sealed.extend_from_slice(&nonce);
    sealed.extend_from_slice(&body);
    Some(BASE64URL_NOPAD.encode(&sealed))
}

/// Opens decoded bytes whose head has `head` bytes, in place: the nonce and the body. `None` if they were
/// sealed under another key or with something else, or were changed.
pub(in crate::session) fn open<'a>(
    key: &LessSafeKey,
    bytes: &'a mut [u8],
    head: usize,
    also: &[u8],
) -> Option<(&'a [u8; NONCE], &'a [u8])> {
    let (head, rest) = bytes.split_at_mut_checked(head)?;
    let (nonce, body) = rest.split_first_chunk_mut::<NONCE>()?;
    let unique = Nonce::assume_unique_for_key(*nonce);
    let plain = key
        .open_in_place(unique, associated_data(head, also), body)
        .ok()?;
    Some((nonce, plain))
}

fn associated_data(head: &[u8], also: &[u8]) -> Aad<Vec<u8>> {
    Aad::from([head, also].concat())
}
