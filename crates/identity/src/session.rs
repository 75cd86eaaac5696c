//! Temporary credentials: what a session token says, sealed, and opened again.
//!
//! A token is `version ‖ key id ‖ nonce ‖ AES-256-GCM-SIV(body)` in base64url. Its associated data
//! is the head and the access key id it was issued with, so it opens under no other. The body holds
//! only what cannot be known otherwise: the account stands in the access key id and half of the
//! principal's unique id, and the secret access key is not in it at all: it is derived from the
//! keyring, the token's nonce and the access key id.

use crate::environment::{Entropy, Seconds};
use crate::ids::{AccessKeyId, IdKind, UniqueId};
use crate::names::{AccountId, Constrained, FederatedUserName, RoleSessionName};
use crate::sealing::Secret;
use aws_lc_rs::aead::{AES_256_GCM_SIV, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::hmac;
use data_encoding::{BASE64, BASE64URL_NOPAD};
use std::sync::Arc;
use zeroize::Zeroizing;

mod codec;
mod dictionary;

/// The version byte of the tokens made here.
const VERSION: u8 = 1;
const NONCE: usize = 12;
/// Longer tokens are refused unread: nothing that is minted comes near it.
pub const LONGEST_TOKEN: usize = 16 * 1024;

/// Whom a session acts as.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum SessionPrincipal {
    /// AssumeRole: the role and the session's name.
    AssumedRole {
        /// `AROA…`
        role: UniqueId,
        /// `RoleSessionName`
        session_name: RoleSessionName,
    },
    /// GetSessionToken of a user.
    User(UniqueId),
    /// GetSessionToken of the root user.
    Root,
    /// GetFederationToken.
    FederatedUser {
        /// The user who asked for it; `None` for the root user.
        issuer: Option<UniqueId>,
        /// `Name`
        name: FederatedUserName,
    },
}

/// All that identifies and limits a session.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Session {
    /// Whom it acts as.
    pub principal: SessionPrincipal,
    /// `aws:TokenIssueTime`
    pub issued: Seconds,
    /// The first second in which the credentials no longer work.
    pub expires: Seconds,
    /// The inline session policy.
    pub policy: Option<String>,
    /// ARNs of managed session policies; resolved at each use.
    pub policy_arns: Vec<String>,
}

impl Session {
    /// Whether session policies were passed.
    pub fn has_policies(&self) -> bool {
        self.policy.is_some() || !self.policy_arns.is_empty()
    }
}

/// Temporary credentials as they are handed out.
#[derive(Clone, Debug)]
pub struct TemporaryCredentials {
    /// `ASIA…`
    pub access_key_id: AccessKeyId,
    /// 40 characters.
    pub secret_access_key: Secret,
    /// The sealed session.
    pub session_token: String,
    /// When they end.
    pub expiration: Seconds,
}

/// Why a token was refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TokenError {
    /// Forged, cut, altered, issued with another access key id or under an unknown key.
    Invalid,
    /// The session could not be sealed so that it opens again.
    Unsealable,
}

/// One key of the keyring.
struct TokenKey {
    id: u32,
    aead: LessSafeKey,
    secrets: hmac::Key,
}

/// The keys that seal and open session tokens. The last one seals; all of them open.
#[derive(Clone)]
pub struct Keyring(Arc<[TokenKey]>);

impl Keyring {
    /// A keyring of `(id, 32 bytes)`, oldest first.
    ///
    /// # Errors
    /// [`TokenError::Unsealable`], if there is no key or the provider refuses one.
    pub fn new<'a>(keys: impl IntoIterator<Item = (u32, &'a [u8])>) -> Result<Self, TokenError> {
        let keys: Arc<[_]> = keys
            .into_iter()
            .map(|(id, bytes)| TokenKey::new(id, bytes))
            .collect::<Result<_, _>>()?;
        if keys.is_empty() {
            Err(TokenError::Unsealable)
        } else {
            Ok(Self(keys))
        }
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
        let key = self.0.last().ok_or(TokenError::Unsealable)?;
        let access_key_id = AccessKeyId::generate_temporary(account, entropy);
        let mut nonce = [0; NONCE];
        entropy.fill(&mut nonce);
        let mut token = Vec::with_capacity(96);
        token.push(VERSION);
        codec::write_number(&mut token, u64::from(key.id));
        let head = token.len();
        let mut body = codec::encode(session).ok_or(TokenError::Unsealable)?;
        key.aead
            .seal_in_place_append_tag(
                Nonce::assume_unique_for_key(nonce),
                associated_data(
                    token.get(..head).unwrap_or_default(),
                    access_key_id.as_str(),
                ),
                &mut body,
            )
            .map_err(|_| TokenError::Unsealable)?;
        token.extend_from_slice(&nonce);
        token.extend_from_slice(&body);
        let session_token = BASE64URL_NOPAD.encode(&token);
        // Every token is opened by the code that will later accept it before it leaves.
        let (again, secret_access_key) = self.open(access_key_id.as_str(), &session_token)?;
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

    /// Opens a token presented with `access_key_id`: the session and the secret access key.
    /// Whether the session has expired is for the caller to see.
    ///
    /// # Errors
    /// [`TokenError::Invalid`]
    pub fn open(&self, access_key_id: &str, token: &str) -> Result<(Session, Secret), TokenError> {
        if token.len() > LONGEST_TOKEN {
            return Err(TokenError::Invalid);
        }
        let bytes = BASE64URL_NOPAD
            .decode(token.as_bytes())
            .map_err(|_| TokenError::Invalid)?;
        let mut rest = bytes.as_slice();
        let (VERSION, after_version) = rest
            .split_first()
            .map(|(v, r)| (*v, r))
            .ok_or(TokenError::Invalid)?
        else {
            return Err(TokenError::Invalid);
        };
        rest = after_version;
        let key_id = codec::read_number(&mut rest).ok_or(TokenError::Invalid)?;
        let head = bytes
            .get(..bytes.len() - rest.len())
            .ok_or(TokenError::Invalid)?;
        let (nonce, body) = rest
            .split_first_chunk::<NONCE>()
            .ok_or(TokenError::Invalid)?;
        let key = self
            .0
            .iter()
            .find(|key| u64::from(key.id) == key_id)
            .ok_or(TokenError::Invalid)?;
        let account = AccessKeyId::account_of(access_key_id).ok_or(TokenError::Invalid)?;
        let mut body = body.to_vec();
        let plain = key
            .aead
            .open_in_place(
                Nonce::assume_unique_for_key(*nonce),
                associated_data(head, access_key_id),
                &mut body,
            )
            .map_err(|_| TokenError::Invalid)?;
        let session = codec::decode(plain, account).ok_or(TokenError::Invalid)?;
        Ok((session, key.secret(nonce, access_key_id)))
    }
}

impl TokenKey {
    fn new(id: u32, bytes: &[u8]) -> Result<Self, TokenError> {
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
        let seal = derive(b"seal")?;
        let secrets = derive(b"secret access keys")?;
        Ok(Self {
            id,
            aead: LessSafeKey::new(
                UnboundKey::new(&AES_256_GCM_SIV, &seal[..]).map_err(|_| TokenError::Unsealable)?,
            ),
            secrets: hmac::Key::new(hmac::HMAC_SHA256, &secrets[..]),
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

/// The bytes that session policies take in a token; `None` if they cannot be packed.
pub(crate) fn packed_size<'a>(
    policy: Option<&str>,
    policy_arns: impl Iterator<Item = &'a str>,
) -> Option<usize> {
    let policy = match policy {
        Some(text) => dictionary::deflate(text.as_bytes())?.len(),
        None => 0,
    };
    Some(policy + policy_arns.map(str::len).sum::<usize>())
}

struct Length;

impl KeyType for Length {
    fn len(&self) -> usize {
        32
    }
}

fn associated_data(head: &[u8], access_key_id: &str) -> Aad<Vec<u8>> {
    Aad::from([head, access_key_id.as_bytes()].concat())
}

impl SessionPrincipal {
    /// The kind of unique id that the principal has.
    const fn id_kind(role: bool) -> IdKind {
        if role { IdKind::Role } else { IdKind::User }
    }
}

/// Session names in tokens pass the same constraint as in requests.
fn constrained<T: Constrained>(bytes: &[u8]) -> Option<T> {
    T::parse(std::str::from_utf8(bytes).ok()?).ok()
}

#[cfg(test)]
mod tests;
