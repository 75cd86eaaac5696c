//! Which sessions were in use lately: what requests showed, kept beside the accounts in bounded
//! memory. It tells people whom to revoke; no decision is made by it.

use crate::environment::Seconds;
use crate::names::AccountId;
use crate::session::{Packed, Session};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

/// How much is kept of one account and of all, in sessions and ancestors of sessions.
const MOST_OF_ACCOUNT: usize = 16 * 1024;
const MOST: usize = 128 * 1024;

/// A session that was used.
#[derive(Clone, Debug)]
pub struct SessionUse {
    /// `ASIA…`
    pub access_key_id: String,
    /// What its token says, without policies and tags.
    pub session: Session,
    /// The first use known.
    pub first: Seconds,
    /// The last use known.
    pub last: Seconds,
    /// Where it was last used from.
    pub source_ip: Option<IpAddr>,
}

/// The sessions that this process saw in use.
pub struct SessionUses {
    state: Mutex<State>,
    nothing_packed: Arc<Packed>,
    /// The limits, smaller in tests.
    most: (usize, usize),
}

#[derive(Default)]
struct State {
    accounts: HashMap<AccountId, OfAccount>,
    weight: usize,
}

#[derive(Default)]
struct OfAccount {
    uses: HashMap<String, SessionUse>,
    weight: usize,
}

impl Default for SessionUses {
    fn default() -> Self {
        Self::of_at_most(MOST_OF_ACCOUNT, MOST)
    }
}

impl SessionUse {
    fn weight(&self) -> usize {
        1 + self.session.ancestry.sessions.len()
    }
}

impl SessionUses {
    fn of_at_most(of_account: usize, all: usize) -> Self {
        Self {
            state: Mutex::default(),
            nothing_packed: Arc::default(),
            most: (of_account, all),
        }
    }

    /// Takes note of a request of a session of `account`. Called behind the request path, by the
    /// recorder.
    pub fn record(
        &self,
        account: AccountId,
        access_key_id: &str,
        session: &Session,
        at: Seconds,
        source_ip: Option<IpAddr>,
    ) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = state.accounts.get_mut(&account).map(|of| &mut of.uses);
        if let Some(known) = uses.and_then(|uses| uses.get_mut(access_key_id)) {
            known.first = known.first.min(at);
            if known.last <= at {
                known.last = at;
                known.source_ip = source_ip;
            }
            return;
        }
        if at >= session.expires {
            return;
        }
        let session = Session {
            principal: session.principal.clone(),
            packed: self.nothing_packed.clone(),
            source_identity: session.source_identity.clone(),
            ancestry: session.ancestry.clone(),
            ..*session
        };
        let new = SessionUse {
            access_key_id: access_key_id.to_owned(),
            session,
            first: at,
            last: at,
            source_ip,
        };
        state.insert(account, new, at, self.most);
    }

    /// The sessions of an account that have not expired, in no order.
    pub fn of(&self, account: AccountId, now: Seconds) -> Vec<SessionUse> {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let uses = state.accounts.get(&account).map(|of| of.uses.values());
        let live = |known: &&SessionUse| now < known.session.expires;
        uses.into_iter().flatten().filter(live).cloned().collect()
    }
}

impl State {
    fn insert(&mut self, account: AccountId, new: SessionUse, now: Seconds, most: (usize, usize)) {
        let (most_of_account, most) = most;
        let weight = new.weight();
        let of = self.accounts.get(&account).map_or(0, |of| of.weight);
        if of + weight > most_of_account {
            self.thin(account, now);
        }
        if self.weight + weight > most {
            // Whoever has most gives way, so that no account pushes out all the others.
            let heaviest = self.accounts.iter().max_by_key(|(_, of)| of.weight);
            if let Some(heaviest) = heaviest.map(|(id, _)| *id) {
                self.thin(heaviest, now);
            }
        }
        let of = self.accounts.entry(account).or_default();
        of.weight += weight;
        self.weight += weight;
        of.uses.insert(new.access_key_id.clone(), new);
    }

    /// Forgets an account's sessions that have expired and, of the others, the quarter that has been
    /// idle longest: so much at once that it need not be done often.
    fn thin(&mut self, account: AccountId, now: Seconds) {
        let Some(of) = self.accounts.get_mut(&account) else {
            return;
        };
        let before = of.weight;
        of.uses.retain(|_, known| now < known.session.expires);
        let mut idle: Vec<_> = of.uses.values().map(|known| (known.last, known)).collect();
        idle.sort_by_key(|(last, known)| (*last, known.access_key_id.as_str()));
        let quarter = idle.len().div_ceil(4);
        let gone: Vec<String> = idle
            .into_iter()
            .take(quarter)
            .map(|(_, known)| known.access_key_id.clone())
            .collect();
        for id in gone {
            of.uses.remove(&id);
        }
        of.weight = of.uses.values().map(SessionUse::weight).sum();
        self.weight = self.weight.saturating_sub(before - of.weight);
        if of.uses.is_empty() {
            self.accounts.remove(&account);
        }
    }
}

#[cfg(test)]
mod tests;
