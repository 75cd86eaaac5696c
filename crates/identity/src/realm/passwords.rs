//! Passwords: hashed and compared apart from requests, few at once.

use super::Realm;
use crate::account::UserState;
use crate::entity::{KeyOwner, PasswordPolicy};
use crate::environment::Seconds;
use crate::error::{Error, Forbidden};
use crate::names::{AccountId, Password};
use crate::password::{self, OnTheSpot, PasswordHash, Salt, Workshop};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{Semaphore, oneshot};

/// Passwords hashed at once: each takes 19 MiB. Who comes when all lanes are taken waits.
const LANES: usize = 4;
/// How many may be hashed or wait for it, and how many of them may be of one account: a flood of one
/// leaves room for others, and whoever waits is soon served.
const PLACES: usize = 64;
const PLACES_OF_ONE: usize = 16;

/// Where passwords are hashed.
pub(super) struct Hashing {
    workshop: Arc<dyn Workshop>,
    lanes: Arc<Semaphore>,
    queue: Arc<Queue>,
}

/// How many passwords of each account are hashed or wait for it.
#[derive(Default)]
struct Queue(Mutex<HashMap<AccountId, usize>>);

/// A place in the queue, given back when it goes.
struct Place {
    queue: Arc<Queue>,
    account: AccountId,
}

impl Queue {
    fn enter(self: &Arc<Self>, account: AccountId) -> Result<Place, Error> {
        let mut places = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let own = places.get(&account).copied().unwrap_or_default();
        if own >= PLACES_OF_ONE || places.values().sum::<usize>() >= PLACES {
            return Err(Error::Throttled);
        }
        places.insert(account, own + 1);
        Ok(Place {
            queue: self.clone(),
            account,
        })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let places = self.queue.0.lock();
        let mut places = places.unwrap_or_else(PoisonError::into_inner);
        match places.get_mut(&self.account) {
            Some(own) if *own > 1 => *own -= 1,
            _ => drop(places.remove(&self.account)),
        }
    }
}

impl Default for Hashing {
    fn default() -> Self {
        Self::new(Arc::new(OnTheSpot))
    }
}

impl Hashing {
    fn new(workshop: Arc<dyn Workshop>) -> Self {
        let lanes = Arc::new(Semaphore::new(LANES));
        Self {
            workshop,
            lanes,
            queue: Arc::default(),
        }
    }

    /// Has `work` on a password of an account done in the workshop, when a lane is free.
    ///
    /// # Errors
    /// [`Error::Throttled`], if too many wait already.
    async fn run<T: Send + 'static>(
        &self,
        account: AccountId,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        let place = self.queue.enter(account)?;
        let lane = self.lanes.clone().acquire_owned().await;
        let lane = lane.map_err(|error| Error::Internal(Box::new(error)))?;
        let (done, mut outcome) = oneshot::channel();
        let work = move || {
            let _ = done.send(work());
            // The memory is in use until here, whoever still waits.
            drop((lane, place));
        };
        self.workshop.run(Box::new(work)).await;
        outcome
            .try_recv()
            .map_err(|error| Error::Internal(Box::new(error)))
    }
}

/// A user who has shown the right password.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// Who.
    pub user: Arc<UserState>,
    /// Whether the password may be used.
    pub standing: Standing,
}

/// Whether a password may be used by who knows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Standing {
    /// It may.
    Good,
    /// Only to set another one: an administrator asked for that, or it has expired.
    MustChange,
    /// It has expired, and by the password policy only an administrator sets another one.
    Locked,
}

impl Realm {
    /// The realm, whose passwords are hashed in `workshop`.
    #[must_use]
    pub fn with_workshop(mut self, workshop: Arc<dyn Workshop>) -> Self {
        self.hashing = Hashing::new(workshop);
        self
    }

    /// Hashes a new password of an account's.
    ///
    /// # Errors
    /// [`Error::Throttled`], [`Error::Internal`]
    pub(crate) async fn hash_password(
        &self,
        account: AccountId,
        new: &Password,
    ) -> Result<PasswordHash, Error> {
        let (new, salt) = (new.clone(), self.salt());
        self.hashing
            .run(account, move || PasswordHash::of(&new, &salt))
            .await?
    }

    /// Hashes a password that is to be none of `barred`, for who knows the `old` one of that hash where
    /// that is asked.
    ///
    /// # Errors
    /// [`Forbidden::WrongPassword`], `PasswordPolicyViolation`, [`Error::Throttled`], [`Error::Internal`]
    pub(crate) async fn replace_password(
        &self,
        account: AccountId,
        old: Option<(&Password, PasswordHash)>,
        new: &Password,
        barred: Vec<PasswordHash>,
    ) -> Result<PasswordHash, Error> {
        let old = old.map(|(password, hash)| (password.clone(), hash));
        let (new, salt) = (new.clone(), self.salt());
        let replace = move || {
            if old.is_some_and(|(password, hash)| !hash.is_of(&password)) {
                return Err(Error::Forbidden(Forbidden::WrongPassword));
            }
            if barred.iter().any(|hash| hash.is_of(&new)) {
                return Err(password::violation());
            }
            PasswordHash::of(&new, &salt)
        };
        self.hashing.run(account, replace).await?
    }

    /// The user of that name, if the password is theirs; the name may be in any letter case. Whether
    /// there is such an account, user or password takes the same work, and is answered the same. That a
    /// password was used is kept (`PasswordLastUsed`).
    ///
    /// Who calls this limits how often anyone may guess.
    ///
    /// # Errors
    /// [`Error::Throttled`], where too many come at once, [`Error::ServiceUnavailable`],
    /// [`Error::Internal`]
    pub async fn sign_in(
        &self,
        id: AccountId,
        user: &str,
        password: &Password,
    ) -> Result<Option<SignedIn>, Error> {
        let account = self.account(id).await?;
        let known = account.as_ref().and_then(|account| {
            let user = account.users.named(user)?.clone();
            let owner = KeyOwner::User(user.user.id.clone());
            let profile = account.login_profiles.get(&owner.key())?.clone();
            let hash = profile.password.clone()?;
            Some((account, user, profile, hash))
        });
        let hash = known.as_ref().map(|(.., hash)| hash.clone());
        let (hash, password) = (hash.unwrap_or_else(PasswordHash::decoy), password.clone());
        let compare = move || hash.is_of(&password);
        let is_right = self.hashing.run(id, compare).await?;
        let Some((account, user, profile, _)) = known.filter(|_| is_right) else {
            return Ok(None);
        };
        let now = self.environment.clock.now();
        let policy = account.password_policy();
        let has_expired = |policy: &&Arc<PasswordPolicy>| {
            profile.expires(policy).is_some_and(|expiry| expiry <= now)
        };
        let standing = match policy.filter(has_expired) {
            Some(policy) if policy.hard_expiry == Some(true) => Standing::Locked,
            Some(_) => Standing::MustChange,
            None if profile.reset_required => Standing::MustChange,
            None => Standing::Good,
        };
        if standing != Standing::Locked {
            let subject = user.user.id.as_str();
            self.last_uses.note(account.id, subject, now, "signin", "");
        }
        Ok(Some(SignedIn { user, standing }))
    }

    /// When a user last signed in with the password, if ever.
    pub(crate) async fn password_last_used(
        &self,
        account: AccountId,
        user: &UserState,
    ) -> Option<Seconds> {
        let used = self.last_use(account, user.user.id.as_str()).await?;
        Some(used.at)
    }

    fn salt(&self) -> Salt {
        Salt::generate(&*self.environment.entropy)
    }
}
