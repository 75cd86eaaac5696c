//! Sealing what only the owner of an account may read, for somebody else to carry: authorization
//! messages.
//!
//! A message is `version ‖ key id ‖ account ‖ nonce ‖ AES-256-GCM-SIV(body)` in base64url, with the
//! head as associated data, under keys that seal nothing else. The body is two parts, each deflated
//! by itself, and padding. The first part is what the request says and the second what policies say:
//! deflated together, the length would tell whoever makes the requests which of its guesses stand in
//! the policies.

use super::codec::{read_bytes, read_number, write_bytes, write_number};
use super::deflate::{deflate, inflate};
use super::keyring::Keyring;
use super::keyring::envelope::{self, AROUND};
use crate::environment::{Entropy, Seconds};
use crate::names::AccountId;
use data_encoding::BASE64URL_NOPAD;

/// The version byte: no token has it.
const VERSION: u8 = b'M';
/// Longer messages are neither made nor read: AWS's limit of `EncodedMessage`.
pub(crate) const LONGEST: usize = 10_240;
/// Bodies are padded to a multiple of this, and to twice as much at least: a length tells little.
const STEP: usize = 512;
/// Version, key id, account, and what sealing adds.
const OVERHEAD: usize = 1 + 5 + 6 + AROUND;
/// What a part may inflate to. One that is made here has much less.
const LARGEST_PART: usize = 128 * 1024;

/// The two parts of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Parts {
    /// What whoever made the request knows.
    pub(crate) request: Vec<u8>,
    /// What it may not know.
    pub(crate) policies: Vec<u8>,
}

impl Keyring {
    /// Seals a message for callers of an account at a time, of at most `longest` characters; `None` if it
    /// would be longer.
    pub(crate) fn seal_message(
        &self,
        account: AccountId,
        at: Seconds,
        parts: &Parts,
        longest: usize,
        entropy: &dyn Entropy,
    ) -> Option<String> {
        let key = self.sealing(at).ok()?;
        let mut body = Vec::with_capacity(2 * STEP + 16);
        write_bytes(&mut body, &deflate(&parts.request));
        write_bytes(&mut body, &deflate(&parts.policies));
        let padded = body.len().next_multiple_of(STEP).max(2 * STEP);
        if padded + OVERHEAD > longest.min(LONGEST) / 4 * 3 {
            return None;
        }
        body.resize(padded, 0);
        let mut head = vec![VERSION];
        write_number(&mut head, u64::from(key.id));
        write_number(&mut head, account.number());
        envelope::seal(&key.messages, head, &[], body, entropy)
    }

    /// Opens a message, and tells for which account it was sealed. `None` if it was not sealed here,
    /// was changed, or its key is gone.
    pub(crate) fn open_message(&self, message: &str) -> Option<(AccountId, Parts)> {
        if message.len() > LONGEST {
            return None;
        }
        let mut bytes = BASE64URL_NOPAD.decode(message.as_bytes()).ok()?;
        let (version, mut rest) = bytes.split_first()?;
        if *version != VERSION {
            return None;
        }
        let key = self.opening(read_number(&mut rest)?)?;
        let account = AccountId::from_number(read_number(&mut rest)?)?;
        let head = bytes.len() - rest.len();
        let (_, mut from) = envelope::open(&key.messages, &mut bytes, head, &[])?;
        let request = inflate(read_bytes(&mut from)?, LARGEST_PART)?;
        let policies = inflate(read_bytes(&mut from)?, LARGEST_PART)?;
        let parts = Parts { request, policies };
        from.iter()
            .all(|byte| *byte == 0)
            .then_some((account, parts))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::environment::testing::Counter;
    use crate::ids::UniqueId;
    use crate::names::Constrained as _;
    use crate::session::{Ancestry, Packed, Session, SessionPrincipal};
    use std::sync::Arc;

    const NOW: Seconds = 1_800_000_000;

    fn keyring(id: u32) -> Keyring {
        Keyring::new([(id, &[id as u8; 32][..])]).unwrap()
    }

    fn account() -> AccountId {
        AccountId::parse("123456789012").unwrap()
    }

    fn parts() -> Parts {
        Parts {
            request: b"request".to_vec(),
            policies: b"policies".to_vec(),
        }
    }

    fn seal(keyring: &Keyring, parts: &Parts) -> Option<String> {
        keyring.seal_message(account(), NOW, parts, LONGEST, &Counter::default())
    }

    /// Bytes that do not deflate.
    fn noise(count: usize) -> Vec<u8> {
        let mut state = 7u64;
        let next = |_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state as u8
        };
        (0..count).map(next).collect()
    }

    #[test]
    fn a_message_opens_as_it_was_sealed() {
        let message = seal(&keyring(1), &parts()).unwrap();
        assert_eq!(
            keyring(1).open_message(&message),
            Some((account(), parts()))
        );
    }

    #[test]
    fn every_bit_flip_and_every_cut_is_refused() {
        let keyring = keyring(1);
        let message = seal(&keyring, &parts()).unwrap();
        let bytes = BASE64URL_NOPAD.decode(message.as_bytes()).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let flipped = BASE64URL_NOPAD.encode(&flipped);
            assert_eq!(keyring.open_message(&flipped), None, "bit {bit}");
        }
        for length in 0..message.len() {
            assert_eq!(
                keyring.open_message(message.get(..length).unwrap()),
                None,
                "{length}"
            );
        }
        for hostile in ["", "M", "TQ", "\u{e9}", "TQEB", &format!("{message}A")] {
            assert_eq!(keyring.open_message(hostile), None, "{hostile}");
        }
        assert_eq!(keyring.open_message(&"A".repeat(LONGEST + 1)), None);
    }

    #[test]
    fn another_realms_and_a_removed_keys_messages_stay_closed() {
        let message = seal(&keyring(1), &parts()).unwrap();
        assert_eq!(keyring(2).open_message(&message), None);
        // The same id, another key.
        let other = Keyring::new([(1, &[9u8; 32][..])]).unwrap();
        assert_eq!(other.open_message(&message), None);
        // Rotation keeps old messages as long as their key.
        let rotated = Keyring::new([(1, &[1u8; 32][..]), (2, &[2u8; 32][..])]).unwrap();
        assert!(rotated.open_message(&message).is_some());
        let newer = seal(&rotated, &parts()).unwrap();
        assert_eq!(keyring(1).open_message(&newer), None);
    }

    #[test]
    fn tokens_are_no_messages_and_messages_no_tokens() {
        let keyring = keyring(1);
        let session = Session {
            principal: SessionPrincipal::User(UniqueId::generate(
                crate::ids::IdKind::User,
                account(),
                &Counter::default(),
            )),
            issued: 1_800_000_000,
            expires: 1_800_003_600,
            packed: Arc::new(Packed::default()),
            source_identity: None,
            mfa: None,
            ancestry: Ancestry::default(),
            delegate: None,
        };
        let issued = keyring
            .issue(account(), &session, &Counter::default())
            .unwrap();
        assert_eq!(keyring.open_message(&issued.session_token), None);
        let message = seal(&keyring, &parts()).unwrap();
        let id = issued.access_key_id.as_str();
        assert!(keyring.open(id, &message).is_err());
        // Nor with each other's version byte in place.
        let relabelled = |text: &str, version: u8| {
            let mut bytes = BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
            bytes[0] = version;
            BASE64URL_NOPAD.encode(&bytes)
        };
        assert_eq!(
            keyring.open_message(&relabelled(&issued.session_token, VERSION)),
            None
        );
        for version in [1, 2] {
            assert!(keyring.open(id, &relabelled(&message, version)).is_err());
        }
    }

    #[test]
    fn a_message_is_never_longer_than_it_may_be() {
        let keyring = keyring(1);
        let mut last = None;
        for length in (0..9000).step_by(250) {
            let parts = Parts {
                request: noise(length),
                policies: Vec::new(),
            };
            for longest in [3000, LONGEST] {
                let sealed =
                    keyring.seal_message(account(), NOW, &parts, longest, &Counter::default());
                assert!(sealed.is_none_or(|message| message.len() <= longest));
            }
            last = seal(&keyring, &parts);
        }
        assert_eq!(last, None);
    }

    #[test]
    fn lengths_come_in_steps() {
        let keyring = keyring(1);
        let mut lengths: Vec<_> = (0..1500)
            .step_by(50)
            .map(|length| {
                let parts = Parts {
                    request: Vec::new(),
                    policies: noise(length),
                };
                seal(&keyring, &parts).unwrap().len()
            })
            .collect();
        lengths.dedup();
        assert!((2..=3).contains(&lengths.len()), "{lengths:?}");
    }
}
