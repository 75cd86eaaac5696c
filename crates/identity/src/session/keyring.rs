//! Sealing and opening session tokens.
//!
//! A token is `version ‖ key id ‖ nonce ‖ AES-256-GCM-SIV(body)` in base64url. Its associated data
//! is the head and the access key id it was issued with, so it opens under no other. The secret
//! access key is derived from the keyring, the token's nonce and the access key id.

use super::codec::{self, Version};
use super::live::LiveSessions;
use super::{Packed, Session, TemporaryCredentials};
use crate::environment::{Entropy, Seconds};
use crate::ids::AccessKeyId;
use crate::names::{AccountId, MinimumTokenSize};
use crate::sealing::Secret;
use aws_lc_rs::aead::{AES_256_GCM_SIV, LessSafeKey, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use envelope::{AROUND, NONCE};
use std::sync::Arc;
use zeroize::Zeroizing;

pub(super) mod envelope;
mod ticket;
mod trade_in;

pub use ticket::{LONGEST_TICKET, TicketKind};
pub(crate) use trade_in::TradeIn;

/// The version byte of the tokens made here.
const VERSION: u8 = 2;
/// Longer tokens are refused unread. The longest that is minted without a role that allows more, with
/// 2048 bytes of packed policies and tags and 64 ancestors with names of 64 letters, has about 10,000
/// characters; with [`crate::limits::LARGEST_PACKED`] bytes it has about 18,200.
pub const LONGEST_TOKEN: usize = 20 * 1024;

/// Why a token was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenError {
    /// Forged, cut, altered, issued with another access key id or under an unknown key.
    Invalid,
    /// The session could not be sealed so that it opens again.
    Unsealable,
}

/// One key of the keyring.
pub(super) struct TokenKey {
    pub(super) id: u32,
    mints_from: Seconds,
    aead: LessSafeKey,
    /// Seals authorization messages: under a key of their own, they can never be taken for tokens.
    pub(super) messages: LessSafeKey,
    secrets: hmac::Key,
    /// Seals trade-in tokens, which are not session tokens.
    trade_in: LessSafeKey,
    /// Seals tickets, which are neither.
    tickets: LessSafeKey,
}

/// The keys that seal and open session tokens, and the sessions that were opened with them lately.
/// The last key whose time has come seals; all of them open.
#[derive(Clone)]
pub struct Keyring(Arc<Ring>);

struct Ring {
    keys: Box<[TokenKey]>,
    live: LiveSessions,
}

impl Keyring {
    /// A keyring of `(id, 32 bytes)`, oldest first, of which the last seals.
    ///
    /// # Errors
    /// As [`Keyring::scheduled`].
    pub fn new<'a>(keys: impl IntoIterator<Item = (u32, &'a [u8])>) -> Result<Self, TokenError> {
        Self::scheduled(
            keys.into_iter()
                .map(|(id, bytes)| (id, Seconds::MIN, bytes)),
        )
    }

    /// A keyring of `(id, when it begins to seal, 32 bytes)`, oldest first. A session is sealed by the
    /// last key that had begun when the session was issued, by the first if none had.
    ///
    /// # Errors
    /// [`TokenError::Unsealable`], if there is no key or the provider refuses one.
    pub fn scheduled<'a>(
        keys: impl IntoIterator<Item = (u32, Seconds, &'a [u8])>,
    ) -> Result<Self, TokenError> {
        let keys: Box<[_]> = keys
            .into_iter()
            .map(|(id, mints_from, bytes)| TokenKey::new(id, mints_from, bytes))
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            return Err(TokenError::Unsealable);
        }
        Ok(Self(Arc::new(Ring {
            keys,
            live: LiveSessions::default(),
        })))
    }

    /// The sessions in use: they live as long as the keyring, so that none outlives its key.
    pub(crate) fn live(&self) -> &LiveSessions {
        &self.0.live
    }

    /// Issues credentials of `account` for a session, and opens them again before they leave.
    ///
    /// # Errors
    /// [`TokenError::Unsealable`], if the token would not open.
    pub fn issue(
        &self,
        account: AccountId,
        session: &Session,
        entropy: &dyn Entropy,
    ) -> Result<TemporaryCredentials, TokenError> {
        self.issue_padded(account, session, MinimumTokenSize::default(), entropy)
    }

    /// Like [`Keyring::issue`], with a token that has so many characters at least.
    ///
    /// # Errors
    /// As [`Keyring::issue`].
    pub fn issue_padded(
        &self,
        account: AccountId,
        session: &Session,
        minimum: MinimumTokenSize,
        entropy: &dyn Entropy,
    ) -> Result<TemporaryCredentials, TokenError> {
        let key = self.sealing(session.issued)?;
        let access_key_id = AccessKeyId::generate_temporary(account, entropy);
        let mut body = codec::encode(session).ok_or(TokenError::Unsealable)?;
        let mut head = vec![VERSION];
        codec::write_number(&mut head, u64::from(key.id));
        // Three bytes are four characters.
        let bytes = (minimum.characters() * 3 + 1) / 4;
        codec::pad(&mut body, bytes.saturating_sub(head.len() + AROUND));
        let also = access_key_id.as_str().as_bytes();
        let session_token =
            envelope::seal(&key.aead, head, also, body, entropy).ok_or(TokenError::Unsealable)?;
        // Every token is opened by the code that will later accept it before it leaves. What it
        // packs was unpacked already when it was packed.
        let known = Some(&session.packed);
        let (again, secret_access_key) =
            self.open_with(access_key_id.as_str(), &session_token, known)?;
        if again != *session || session_token.len() > LONGEST_TOKEN {
            return Err(TokenError::Unsealable);
        }
        Ok(TemporaryCredentials {
            access_key_id,
            secret_access_key,
            session_token,
            expiration: session.expires,
        })
    }

    /// The key that seals what is issued at `issued`.
    pub(super) fn sealing(&self, issued: Seconds) -> Result<&TokenKey, TokenError> {
        let mut newest_first = self.0.keys.iter().rev();
        newest_first
            .find(|key| key.mints_from <= issued)
            .or(self.0.keys.first())
            .ok_or(TokenError::Unsealable)
    }

    /// The key of that id, which opens what it sealed.
    pub(super) fn opening(&self, id: u64) -> Option<&TokenKey> {
        self.0.keys.iter().find(|key| u64::from(key.id) == id)
    }

    /// Opens a token presented with `access_key_id`: the session and the secret access key.
    /// Whether the session has expired is for the caller to see.
    ///
    /// # Errors
    /// [`TokenError::Invalid`]
    pub fn open(&self, access_key_id: &str, token: &str) -> Result<(Session, Secret), TokenError> {
        self.open_with(access_key_id, token, None)
    }

    fn open_with(
        &self,
        access_key_id: &str,
        token: &str,
        known: Option<&Arc<Packed>>,
    ) -> Result<(Session, Secret), TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::Invalid);
        }
        let mut bytes = BASE64URL_NOPAD
            .decode(token.as_bytes())
            .map_err(|_| TokenError::Invalid)?;
        let mut rest = bytes.as_slice();
        let (version, after_version) = rest.split_first().ok_or(TokenError::Invalid)?;
        let version = Version::parse(*version).ok_or(TokenError::Invalid)?;
        rest = after_version;
        let key_id = codec::read_number(&mut rest).ok_or(TokenError::Invalid)?;
        let head = bytes.len() - rest.len();
        let key = self.opening(key_id).ok_or(TokenError::Invalid)?;
        let account = AccessKeyId::account_of(access_key_id).ok_or(TokenError::Invalid)?;
        let (nonce, plain) = envelope::open(&key.aead, &mut bytes, head, access_key_id.as_bytes())
            .ok_or(TokenError::Invalid)?;
        let session = codec::decode(version, plain, account, known).ok_or(TokenError::Invalid)?;
        Ok((session, key.secret(nonce, access_key_id)))
    }
}

impl TokenKey {
    fn new(id: u32, mints_from: Seconds, bytes: &[u8]) -> Result<Self, TokenError> {
        let bytes: &[u8; 32] = bytes.try_into().map_err(|_| TokenError::Unsealable)?;
        let master = Salt::new(HKDF_SHA256, b"locum session tokens").extract(bytes);
        let derive = |purpose: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            let purpose = [purpose];
            let okm = master
                .expand(&purpose, Length)
                .map_err(|_| TokenError::Unsealable)?;
            okm.fill(&mut key[..]).map_err(|_| TokenError::Unsealable)?;
            Ok::<_, TokenError>(key)
        };
        let aead = |key: &[u8; 32]| {
            UnboundKey::new(&AES_256_GCM_SIV, key)
                .map(LessSafeKey::new)
                .map_err(|_| TokenError::Unsealable)
        };
        let seal = derive(b"seal")?;
        let messages = derive(b"authorization messages")?;
        let secrets = derive(b"secret access keys")?;
        let trade_in = derive(b"trade-in tokens")?;
        let tickets = derive(b"sign-in tickets")?;
        Ok(Self {
            id,
            mints_from,
            aead: aead(&seal)?,
            messages: aead(&messages)?,
            secrets: hmac::Key::new(hmac::HMAC_SHA256, &secrets[..]),
            trade_in: aead(&trade_in)?,
            tickets: aead(&tickets)?,
        })
    }

    /// The secret access key that belongs to a token: 30 bytes in base64.
    fn secret(&self, nonce: &[u8; NONCE], access_key_id: &str) -> Secret {
        let mut context = hmac::Context::with_key(&self.secrets);
        context.update(nonce);
        context.update(access_key_id.as_bytes());
        let tag = context.sign();
        Secret::new(BASE64.encode(tag.as_ref().get(..30).unwrap_or_default()))
    }
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}
