//! Rotation of the keys that seal session tokens.
//!
//! A new key is written down some time before it seals, so that every process that follows the feed
//! opens what any of them seals. The key before it goes on opening until the last session that it can
//! have sealed has expired; only then it may go without ending a session before its time.

use super::Realm;
use crate::directory::{Directory, token_key_purpose};
use crate::entity::TokenKey;
use crate::environment::Seconds;
use crate::error::Error;
use crate::session::LONGEST_SESSION;
use std::fmt;
use zeroize::Zeroizing;

/// How long after it was made a key begins to seal: many times the interval at which the feed is
/// followed.
const SETTLING: Seconds = 10;
/// How much longer than its sessions a key is kept: for clocks that were set, and for a process that
/// was cut off from the store and went on sealing with what it knew.
const GRACE: Seconds = 3600;
/// Keys at most: opening looks for a token's key among them.
const MOST_KEYS: usize = 64;

/// A key that seals or sealed session tokens.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct TokenKeyState {
    /// The number that tokens name it by.
    pub id: u32,
    /// When it was made.
    pub created: Seconds,
    /// When it began, or will begin, to seal.
    pub mints_from: Seconds,
    /// From when on no session needs it any more; `None` while it seals or is yet to.
    pub needed_until: Option<Seconds>,
    /// Whether it seals the sessions that are issued now.
    pub mints: bool,
}

/// Why a key is not retired.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum NotRetired {
    /// There is none of that number.
    Unknown,
    /// It seals sessions, or is about to.
    Minting,
    /// Sessions that it sealed may live until then.
    Needed(Seconds),
}

impl fmt::Display for NotRetired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unknown => f.write_str("there is no such key"),
            Self::Minting => f.write_str("it seals sessions, or is about to: rotate first"),
            Self::Needed(_) => f.write_str("sessions that it sealed may still live"),
        }
    }
}

impl Realm {
    /// The keys that seal and open session tokens, oldest first.
    pub fn token_keys(&self) -> Vec<TokenKeyState> {
        states(&self.directory(), self.environment.clock.now())
    }

    /// Makes a new key, which will seal the sessions to come.
    ///
    /// # Errors
    /// [`Error::InvalidInput`], if there are too many keys already;
    /// [`Error::ServiceUnavailable`].
    pub async fn rotate_token_key(&self) -> Result<TokenKeyState, Error> {
        let now = self.environment.clock.now();
        self.change_directory_if(
            &self.own_origin("RotateTokenKey"),
            None,
            |directory, change| {
                let newest = directory.token_keys().next_back();
                let id = newest.and_then(|key| key.id.checked_add(1));
                let id = id.ok_or_else(|| Error::Internal("the realm has no keyring".into()))?;
                if directory.token_keys().count() >= MOST_KEYS {
                    return Err(Error::InvalidInput(format!(
                        "there are {MOST_KEYS} token keys already: retire some first"
                    )));
                }
                let key = self.new_token_key(id, now, now + SETTLING)?;
                let state = TokenKeyState {
                    id,
                    created: key.created,
                    mints_from: key.mints_from,
                    needed_until: None,
                    mints: false,
                };
                change.put(key);
                Ok(state)
            },
        )
        .await
    }

    /// Removes the keys that no session needs any more, or with `only` that one. With `at_once` it
    /// goes though sessions that it sealed may live: they end at the next request.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why the key that was asked for stays.
    pub async fn retire_token_keys(
        &self,
        only: Option<u32>,
        at_once: bool,
    ) -> Result<Result<Vec<u32>, NotRetired>, Error> {
        let now = self.environment.clock.now();
        self.change_directory_if(
            &self.own_origin("RetireTokenKey"),
            None,
            |directory, change| {
                let states = states(directory, now);
                let retired: Vec<u32> = match only {
                    Some(id) => match states.iter().find(|state| state.id == id) {
                        None => return Ok(Err(NotRetired::Unknown)),
                        Some(state) => match state.needed_until {
                            None => return Ok(Err(NotRetired::Minting)),
                            Some(until) if now < until && !at_once => {
                                return Ok(Err(NotRetired::Needed(until)));
                            }
                            Some(_) => vec![id],
                        },
                    },
                    None => {
                        let dead = states
                            .iter()
                            .filter(|state| state.needed_until.is_some_and(|until| until <= now));
                        dead.map(|state| state.id).collect()
                    }
                };
                for key in directory.token_keys() {
                    if retired.contains(&key.id) {
                        change.delete(key.clone());
                    }
                }
                Ok(Ok(retired))
            },
        )
        .await
    }

    /// A key that begins to seal at `mints_from`.
    pub(super) fn new_token_key(
        &self,
        id: u32,
        now: Seconds,
        mints_from: Seconds,
    ) -> Result<TokenKey, Error> {
        let entropy = &*self.environment.entropy;
        let mut bytes = Zeroizing::new([0; 32]);
        entropy.fill(&mut bytes[..]);
        Ok(TokenKey {
            id,
            key: self
                .root_key
                .seal(&token_key_purpose(id), &bytes[..], entropy)?,
            created: now,
            mints_from,
        })
    }
}

/// The keys as they are at `now`. A key is needed by sessions until one that came after it has begun
/// to seal, and the longest session from then on is over.
fn states(directory: &Directory, now: Seconds) -> Vec<TokenKeyState> {
    let mut superseded: Option<Seconds> = None;
    let mut states: Vec<_> = directory
        .token_keys()
        .rev()
        .map(|key| {
            let state = TokenKeyState {
                id: key.id,
                created: key.created,
                mints_from: key.mints_from,
                needed_until: superseded.map(|since| since + LONGEST_SESSION + GRACE),
                mints: superseded.is_none() && key.mints_from <= now,
            };
            if key.mints_from <= now {
                superseded =
                    Some(superseded.map_or(key.mints_from, |since| since.min(key.mints_from)));
            }
            state
        })
        .collect();
    states.reverse();
    // Before any has begun, the oldest seals.
    if superseded.is_none()
        && let Some(oldest) = states.first_mut()
    {
        oldest.mints = true;
    }
    states
}
