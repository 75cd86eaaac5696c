//! Sessions in use: what opening a token and deriving its keys gave, kept for the next request.
//!
//! Only requests whose signature was verified put a session here, so that who has no credentials
//! cannot push out those who have. Whether a session has expired, whether its principal still
//! exists and what its managed session policies say is looked at in every request all the same, and
//! whether it was revoked whenever the revocations are not those it was last compared with.

use super::Session;
use crate::names::AccountId;
use crate::revocation::Revocations;
use crate::sealing::Secret;
use crate::signing::SigningKeys;
use arc_swap::ArcSwapOption;
use locum_sigv4::constant_time_eq;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Places in a set: a session has one of these.
const WAYS: usize = 4;
/// Sets of places for sessions.
const SETS: usize = 1024;
/// A session with more plain text of policies and tags, or a longer token, is large: only roles that
/// allow more than AWS have such. There are fewer places for them, so that what is kept has a bound.
const LARGE: usize = 4096;
/// Sets of places for large sessions.
const LARGE_SETS: usize = 32;

/// A session whose token was opened.
pub(crate) struct LiveSession {
    access_key_id: Box<str>,
    token: Box<str>,
    /// What the token says.
    pub(crate) session: Arc<Session>,
    /// The secret access key.
    pub(crate) secret: Secret,
    /// Its signing keys of the scopes seen last.
    pub(crate) keys: SigningKeys,
    /// The generation of revocations that it was last compared with, and was not among.
    cleared: AtomicU64,
}

/// No generation: the versions of a realm count from 0.
const NEVER: u64 = u64::MAX;

impl LiveSession {
    /// What opening `token` with `access_key_id` gave.
    pub(crate) fn new(access_key_id: &str, token: &str, session: Session, secret: Secret) -> Self {
        Self {
            access_key_id: access_key_id.into(),
            token: token.into(),
            session: Arc::new(session),
            secret,
            keys: SigningKeys::default(),
            cleared: AtomicU64::new(NEVER),
        }
    }

    /// `ASIA…`
    pub(crate) fn access_key_id(&self) -> &str {
        &self.access_key_id
    }

    /// Whether the session of `account` is among the revoked ones. A generation is compared once.
    pub(crate) fn is_revoked(&self, revocations: &Revocations, account: AccountId) -> bool {
        let generation = revocations.generation();
        if self.cleared.load(Ordering::Relaxed) == generation {
            return false;
        }
        let revoked = revocations.revokes(&self.access_key_id, account, &self.session);
        if !revoked {
            self.cleared.store(generation, Ordering::Relaxed);
        }
        revoked
    }

    /// Whether this is the session of exactly these credentials. In constant time, so that nobody
    /// finds a token out byte by byte.
    fn is_of(&self, access_key_id: &str, token: &str) -> bool {
        *self.access_key_id == *access_key_id
            && constant_time_eq(self.token.as_bytes(), token.as_bytes())
    }
}

/// Sessions used lately. Readers and writers take no lock; a full set of places gives up one of its
/// sessions for a new one.
pub(crate) struct LiveSessions {
    usual: Places,
    large: Places,
}

impl Default for LiveSessions {
    fn default() -> Self {
        Self {
            usual: Places::new(SETS),
            large: Places::new(LARGE_SETS),
        }
    }
}

impl LiveSessions {
    /// The session of these credentials, if it is kept.
    pub(crate) fn find(&self, access_key_id: &str, token: &str) -> Option<Arc<LiveSession>> {
        // A token does not tell how much is packed in it.
        let usual = self.usual.find(access_key_id, token);
        usual.or_else(|| self.large.find(access_key_id, token))
    }

    /// Keeps a session whose credentials have signed a request.
    pub(crate) fn keep(&self, live: Arc<LiveSession>) {
        let size = live.session.packed.plain_size();
        if size > LARGE || live.token.len() > LARGE {
            self.large.keep(live);
        } else {
            self.usual.keep(live);
        }
    }
}

struct Places {
    places: Box<[ArcSwapOption<LiveSession>]>,
    /// Counts what was kept, to take a set's places in turn.
    turn: AtomicUsize,
}

impl Places {
    fn new(sets: usize) -> Self {
        Self {
            places: (0..sets * WAYS).map(|_| ArcSwapOption::empty()).collect(),
            turn: AtomicUsize::new(0),
        }
    }

    fn find(&self, access_key_id: &str, token: &str) -> Option<Arc<LiveSession>> {
        self.set(access_key_id)
            .iter()
            .filter_map(|place| {
                let kept = place.load();
                let live = kept.as_ref()?;
                live.is_of(access_key_id, token).then(|| live.clone())
            })
            .next()
    }

    fn keep(&self, live: Arc<LiveSession>) {
        let set = self.set(&live.access_key_id);
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        let empty = set.iter().find(|place| place.load().is_none());
        if let Some(place) = empty.or_else(|| set.get(turn % WAYS)) {
            place.store(Some(live));
        }
    }

    /// The places of an access key id. The ids that get here were drawn by us, at random, and their
    /// last letters are no one's choice.
    fn set(&self, access_key_id: &str) -> &[ArcSwapOption<LiveSession>] {
        let bytes = access_key_id.as_bytes().iter().rev().take(8);
        let hash = bytes.fold(0u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
        });
        let set = (hash >> 20) as usize % (self.places.len() / WAYS).max(1);
        self.places
            .get(set * WAYS..(set + 1) * WAYS)
            .unwrap_or_default()
    }
}
