//! Limits on what a client may get wrong, and on how much it may ask.
//!
//! Failed authentications fill two buckets, which empty with time: one of the access key id as it is
//! used from one source, and one of the source. While either is full, requests are refused before
//! anything is read or computed for them. Who only knows an access key id can fill the bucket of that
//! key at their own source, and nobody else's. A key that has lately signed a request from a source
//! is not held up by what others at the same source (behind one address translator, say) get wrong.
//!
//! Guesses at what a caller has to know besides its key (codes of MFA devices, external ids, its own
//! password) fill buckets of the caller's, wherever they come from: these callers have proved who they are.
//!
//! Buckets lie in tables of fixed size, so that no flood of keys or addresses costs memory. Where a
//! table is crowded, the emptiest bucket makes room: a flood pushes out its own. Nothing locks. All of
//! it is one process's memory: it begins anew with the process, and each process counts for itself.

use crate::config::{Limits, Rate};
use locum_identity::caller::Caller;
use locum_identity::environment::Entropy;
use locum_identity::error::Suspicion;
use locum_identity::operation::Service;
use locum_wire::Params;
use std::hash::{DefaultHasher, Hasher as _};
use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets in a table: `SETS` × `WAYS`, of eight bytes each.
const SETS: usize = 8192;
const WAYS: usize = 4;
/// What a bucket's cell holds: a part of its key's hash, and above that the time.
const TIME_BITS: u32 = 40;
const TIME: u64 = (1 << TIME_BITS) - 1;
/// Time is counted in parts of a millisecond, and comes round after half a year.
const TICKS_PER_MILLI: u64 = 64;
/// How long a key that has signed a request counts as known at its source.
const KNOWN: Rate = Rate {
    count: 60,
    seconds: 3600,
};
/// How long an external id that was right counts as known to the account that brought it.
const KNOWN_ID: Rate = Rate {
    count: 30,
    seconds: 30 * 86_400,
};
/// How often a change of a cell is tried again that others change too.
const ATTEMPTS: usize = 16;

/// The operations of STS that share AWS's request quota.
const SHARING_QUOTA: [&str; 6] = [
    "AssumeRole",
    "DecodeAuthorizationMessage",
    "GetAccessKeyInfo",
    "GetCallerIdentity",
    "GetFederationToken",
    "GetSessionToken",
];

/// The limits that a server keeps.
pub(crate) struct Throttle {
    seed: [u8; 16],
    per_key: Option<Buckets>,
    per_source: Option<Buckets>,
    known: Buckets,
    known_ids: Buckets,
    guesses: Option<Buckets>,
    sts_requests: Option<Buckets>,
}

/// Who a request says it is, and where it comes from.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Claimant {
    source: u64,
    key_at_source: u64,
}

/// Who tries a password: of the user of a directory, or of an account's on the sign-in pages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Login {
    source: u64,
    name_at_source: u64,
}

/// What a request tries to know.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Guess {
    /// What makes it a wrong one.
    wrong: Suspicion,
    bucket: u64,
    /// What is guessed, where it may be known to be right.
    guessed: Option<u64>,
}

impl Guess {
    fn counts_at_once(self) -> bool {
        self.wrong == Suspicion::WrongPassword
    }
}

impl Throttle {
    /// Buckets for the limits that are on, all empty.
    pub(crate) fn new(limits: &Limits, entropy: &dyn Entropy) -> Self {
        let mut seed = [0; 16];
        entropy.fill(&mut seed);
        Self {
            seed,
            per_key: limits.key_failures.map(Buckets::new),
            per_source: limits.source_failures.map(Buckets::new),
            known: Buckets::new(KNOWN),
            known_ids: Buckets::new(KNOWN_ID),
            guesses: limits.guesses.map(Buckets::new),
            sts_requests: limits.sts_requests.map(Buckets::new),
        }
    }

    /// Who claims to be `key` at `source`; `None` where nobody counts failures.
    pub(crate) fn claimant(&self, source: Option<IpAddr>, key: &str) -> Option<Claimant> {
        if self.per_key.is_none() && self.per_source.is_none() {
            return None;
        }
        let source = network(source);
        Some(Claimant {
            source: self.hash(&[b"source", &source]),
            key_at_source: self.hash(&[b"key", &source, key.as_bytes()]),
        })
    }

    /// Who tries a password of the user of a directory; `None` where nobody counts. Spellings that a
    /// directory takes for one name are several here: the source's own bucket counts them all.
    pub(crate) fn login(&self, source: Option<IpAddr>, params: &Params) -> Option<Login> {
        let name = params.value("LDAPUsername")?.to_lowercase();
        let source = network(source);
        Some(Login {
            source: self.hash(&[b"source", &source]),
            name_at_source: self.hash(&[b"login", &source, name.as_bytes()]),
        })
    }

    /// Who tries the password of an account's user on the sign-in pages.
    pub(crate) fn sign_in(&self, source: Option<IpAddr>, account: &str, user: &str) -> Login {
        let source = network(source);
        let name = [b"sign-in", &source[..], account.as_bytes(), user.as_bytes()];
        Login {
            source: self.hash(&[b"source", &source]),
            name_at_source: self.hash(&name),
        }
    }

    /// A code of that user's MFA device, given there. It counts wherever it comes from: whoever gets a code
    /// wrong has the password.
    pub(crate) fn code_at_sign_in(&self, account: &str, user: &str) -> Guess {
        Guess {
            wrong: Suspicion::WrongCode,
            bucket: self.hash(&[b"code at sign-in", account.as_bytes(), user.as_bytes()]),
            guessed: None,
        }
    }

    /// Whether a password may be tried. Comparing it takes so long that many could come meanwhile:
    /// it counts as wrong from here on, until it turns out not to be. Who knows a name fills the bucket of
    /// that name at their own source alone.
    pub(crate) fn try_password(&self, login: Login, now: i64) -> bool {
        let add = |buckets: &Option<Buckets>, key| {
            let buckets = buckets.as_ref();
            buckets.is_none_or(|buckets| buckets.add(key, now))
        };
        if !add(&self.per_source, login.source) {
            return false;
        }
        let may = add(&self.guesses, login.name_at_source);
        if !may && let Some(per_source) = &self.per_source {
            per_source.take_back(login.source, now);
        }
        may
    }

    /// Takes note that a password which was tried was not wrong.
    pub(crate) fn not_wrong(&self, login: Login, now: i64) {
        for (buckets, key) in [
            (&self.per_source, login.source),
            (&self.guesses, login.name_at_source),
        ] {
            if let Some(buckets) = buckets {
                buckets.take_back(key, now);
            }
        }
    }

    /// Who brings another's proof of who they are, for a role: what is not believed counts against that
    /// role at that source, and against the source.
    pub(crate) fn federated_login(
        &self,
        source: Option<IpAddr>,
        operation: &str,
        params: &Params,
    ) -> Option<Claimant> {
        if !matches!(
            operation,
            "AssumeRoleWithSAML" | "AssumeRoleWithWebIdentity"
        ) {
            return None;
        }
        let role = params.value("RoleArn").unwrap_or_default();
        self.claimant(source, &format!("role\0{role}"))
    }

    /// Whether a request is refused for what was got wrong before it.
    pub(crate) fn refuses(&self, claimant: Claimant, now: i64) -> bool {
        let is_full = |buckets: &Option<Buckets>, key| {
            buckets
                .as_ref()
                .is_some_and(|buckets| buckets.is_full(key, now))
        };
        is_full(&self.per_key, claimant.key_at_source)
            || is_full(&self.per_source, claimant.source)
                && self.known.fill(claimant.key_at_source, now) == 0
    }

    /// Takes note that a request was not authenticated.
    pub(crate) fn failed(&self, claimant: Claimant, now: i64) {
        for (buckets, key) in [
            (&self.per_key, claimant.key_at_source),
            (&self.per_source, claimant.source),
        ] {
            if let Some(buckets) = buckets {
                buckets.add(key, now);
            }
        }
    }

    /// Takes note that a request was.
    pub(crate) fn succeeded(&self, claimant: Claimant, now: i64) {
        self.known.fill_up(claimant.key_at_source, now);
    }

    /// What an authenticated request tries to know. The role is named as the caller names it, so that
    /// a role that is not there is like any other. An external id that was right before is not held up
    /// by wrong ones: a vendor's customer could otherwise have the vendor guess at another's role, and
    /// lock it out there.
    pub(crate) fn guesses(
        &self,
        service: Service,
        caller: &Caller,
        params: &Params,
    ) -> [Option<Guess>; 3] {
        if self.guesses.is_none() {
            return [None; 3];
        }
        let external_id = match (params.value("ExternalId"), caller.account_id()) {
            (Some(id), Some(account)) if service == Service::Sts => {
                let account = account.as_str().as_bytes();
                let role = params.value("RoleArn").unwrap_or_default().as_bytes();
                Some(Guess {
                    wrong: Suspicion::Denied,
                    bucket: self.hash(&[b"external id", account, role]),
                    guessed: Some(self.hash(&[b"right id", account, role, id.as_bytes()])),
                })
            }
            _ => None,
        };
        let has_code = ["TokenCode", "AuthenticationCode1"]
            .iter()
            .any(|name| params.value(name).is_some());
        let code = has_code.then(|| Guess {
            wrong: Suspicion::WrongCode,
            bucket: self.hash(&[b"code", caller.user_id().as_bytes()]),
            guessed: None,
        });
        let has_password = service == Service::Iam && params.value("OldPassword").is_some();
        let password = has_password.then(|| Guess {
            wrong: Suspicion::WrongPassword,
            bucket: self.hash(&[b"password", caller.user_id().as_bytes()]),
            guessed: None,
        });
        [external_id, code, password]
    }

    /// Whether a guess is refused for the wrong ones before it. Comparing a password takes so long that
    /// many guesses could come meanwhile: it counts as wrong from here on, until it turns out not to be.
    pub(crate) fn refuses_guess(&self, guess: Guess, now: i64) -> bool {
        let Some(guesses) = &self.guesses else {
            return false;
        };
        if guess.counts_at_once() {
            return !guesses.add(guess.bucket, now);
        }
        let is_known = |guessed| self.known_ids.fill(guessed, now) > 0;
        guesses.is_full(guess.bucket, now) && !guess.guessed.is_some_and(is_known)
    }

    /// Takes note of what became of a guess.
    pub(crate) fn guessed(&self, guess: Guess, became: Result<(), Option<Suspicion>>, now: i64) {
        let Some(guesses) = &self.guesses else { return };
        let is_wrong = became.is_err_and(|suspicion| suspicion == Some(guess.wrong));
        if guess.counts_at_once() {
            if !is_wrong {
                guesses.take_back(guess.bucket, now);
            }
            return;
        }
        match (became, guess.guessed) {
            (Ok(()), Some(guessed)) => self.known_ids.fill_up(guessed, now),
            _ if is_wrong => {
                guesses.add(guess.bucket, now);
            }
            _ => {}
        }
    }

    /// Whether an operation is beyond what the caller's account may ask of STS in a region.
    pub(crate) fn exceeds_quota(
        &self,
        service: Service,
        operation: &str,
        caller: &Caller,
        region: &str,
        now: i64,
    ) -> bool {
        let (Some(requests), Some(account)) = (&self.sts_requests, caller.account_id()) else {
            return false;
        };
        service == Service::Sts
            && SHARING_QUOTA.contains(&operation)
            && !requests.add(
                self.hash(&[account.as_str().as_bytes(), region.as_bytes()]),
                now,
            )
    }

    /// With the seed in front, nobody outside can tell which keys fall together.
    fn hash(&self, parts: &[&[u8]]) -> u64 {
        let mut hasher = DefaultHasher::new();
        hasher.write(&self.seed);
        for part in parts {
            hasher.write_usize(part.len());
            hasher.write(part);
        }
        hasher.finish()
    }
}

/// See [`network`].
pub(crate) type Network = [u8; 9];

/// What counts as one source: an IPv4 address, or the 64 bits of an IPv6 address that its holder does
/// not choose.
pub(crate) fn network(source: Option<IpAddr>) -> Network {
    let mut network = [0; 9];
    let (kind, octets): (u8, &[u8]) = match &source {
        None => return network,
        Some(IpAddr::V4(address)) => (4, &address.octets()),
        Some(IpAddr::V6(address)) => (6, &address.octets()),
    };
    let bytes = std::iter::once(&kind).chain(octets);
    network
        .iter_mut()
        .zip(bytes)
        .for_each(|(to, from)| *to = *from);
    network
}

/// Buckets that hold `count` each and empty within `seconds`, by the generic cell rate algorithm: a
/// cell keeps when its bucket will be empty.
struct Buckets {
    cells: Box<[AtomicU64]>,
    /// How long one drop takes to run out, in ticks.
    drop: u64,
    /// How long a full bucket takes.
    full: u64,
}

impl Buckets {
    fn new(rate: Rate) -> Self {
        let ticks = u64::from(rate.seconds) * 1000 * TICKS_PER_MILLI;
        let count = u64::from(rate.count);
        let drop = (ticks / count.max(1)).max(1);
        Self {
            cells: (0..SETS * WAYS).map(|_| AtomicU64::new(0)).collect(),
            drop,
            full: drop * count,
        }
    }

    /// Whether a bucket has no room for another drop.
    fn is_full(&self, key: u64, now: i64) -> bool {
        self.fill(key, now) + self.drop > self.full
    }

    /// How full a bucket is, in ticks until it is empty.
    fn fill(&self, key: u64, now: i64) -> u64 {
        let (now, tag) = (ticks(now), tag(key));
        let cells = self
            .set(key)
            .iter()
            .map(|cell| cell.load(Ordering::Relaxed));
        cells
            .filter(|cell| cell >> TIME_BITS == tag)
            .map(|cell| self.left(cell, now))
            .max()
            .unwrap_or(0)
    }

    /// Adds a drop; whether there was room.
    fn add(&self, key: u64, now: i64) -> bool {
        self.change(key, now, |fill| {
            let more = fill + self.drop;
            (more <= self.full).then_some(more)
        })
    }

    /// Takes a drop out again.
    fn take_back(&self, key: u64, now: i64) {
        self.change(key, now, |fill| {
            (fill > 0).then(|| fill.saturating_sub(self.drop))
        });
    }

    /// Fills a bucket, unless it was filled a moment ago: those who come often write seldom.
    fn fill_up(&self, key: u64, now: i64) {
        self.change(key, now, |fill| {
            (fill + self.drop <= self.full).then_some(self.full)
        });
    }

    /// Gives a bucket the fill that `next` makes of its own; whether it made one.
    fn change(&self, key: u64, now: i64, next: impl Fn(u64) -> Option<u64>) -> bool {
        let (now, tag) = (ticks(now), tag(key));
        for _ in 0..ATTEMPTS {
            // Its own cell, or else the one that is least full.
            let chosen = self
                .set(key)
                .iter()
                .map(|cell| (cell, cell.load(Ordering::Relaxed)))
                .min_by_key(|(_, value)| (value >> TIME_BITS != tag, self.left(*value, now)));
            let Some((cell, value)) = chosen else {
                return true;
            };
            let fill = if value >> TIME_BITS == tag {
                self.left(value, now)
            } else {
                0
            };
            let Some(fill) = next(fill) else { return false };
            let changed = tag << TIME_BITS | (now + fill) & TIME;
            let exchanged =
                cell.compare_exchange_weak(value, changed, Ordering::Relaxed, Ordering::Relaxed);
            if exchanged.is_ok() {
                return true;
            }
        }
        // So many at once that none gets through: what is not counted is in nobody's favour long.
        true
    }

    /// How long until the bucket of a cell is empty. A time that is past, or too far ahead to be one
    /// of ours after the clock was set, is none.
    fn left(&self, cell: u64, now: u64) -> u64 {
        let left = (cell & TIME).wrapping_sub(now) & TIME;
        if left <= self.full { left } else { 0 }
    }

    fn set(&self, key: u64) -> &[AtomicU64] {
        let set = key as usize % SETS;
        self.cells
            .get(set * WAYS..(set + 1) * WAYS)
            .unwrap_or_default()
    }
}

/// The part of a hash that tells keys of one set apart; never 0, which is an empty cell's.
fn tag(key: u64) -> u64 {
    (key >> TIME_BITS).max(1)
}

fn ticks(now_millis: i64) -> u64 {
    (now_millis as u64).wrapping_mul(TICKS_PER_MILLI) & TIME
}

#[cfg(test)]
mod tests;
