//! Who tried which action when: noted behind the requests, and written to the store in batches. What
//! reports say is read from the store, so memory holds no more than what was noted lately.

use crate::environment::Seconds;
use crate::names::AccountId;
use crate::port::Access;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Attempts within so many seconds of one another count as the first, as uses of keys do.
const COLLAPSE: Seconds = 15 * 60;
/// How long attempts are remembered (the IAM page on last accessed information).
pub(crate) const TRACKING_PERIOD: Seconds = 400 * 24 * 60 * 60;
/// Attempts noted lately, and attempts that the store has not got yet.
const MOST: usize = 256 * 1024;

/// The attempts that this process saw lately.
pub struct Accesses {
    state: Mutex<State>,
    /// Smaller in tests.
    most: usize,
}

/// When by account, principal, service and action.
type Noted =
    HashMap<AccountId, HashMap<Box<str>, HashMap<&'static str, HashMap<Box<str>, Seconds>>>>;

#[derive(Default)]
struct State {
    noted: Noted,
    count: usize,
    unsaved: Vec<Access>,
}

impl Default for Accesses {
    fn default() -> Self {
        Self::of_at_most(MOST)
    }
}

impl Accesses {
    fn of_at_most(most: usize) -> Self {
        Self {
            state: Mutex::default(),
            most,
        }
    }

    /// Takes note of an attempt at an action, whatever came of it. Called behind the request path, by
    /// the recorder: it costs requests nothing, and most attempts four look-ups.
    ///
    /// When nothing could be written for so long that there is no room left, the attempt is forgotten,
    /// and noted the next time.
    pub fn note(
        &self,
        account: AccountId,
        principal: &str,
        (service, action): (&'static str, &str),
        at: Seconds,
        region: &str,
    ) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let full = state.unsaved.len() >= self.most;
        let of_principal = state.noted.get_mut(&account);
        let of_principal = of_principal.and_then(|of| of.get_mut(principal));
        let of_service = of_principal.and_then(|of| of.get_mut(service));
        let known = of_service.and_then(|of| of.get_mut(action));
        let is_new = match known {
            Some(last) if at - *last < COLLAPSE => return,
            // It is noted when it comes the next time.
            _ if full => return,
            Some(last) => {
                *last = at;
                false
            }
            None => true,
        };
        if is_new {
            state.insert(account, principal, (service, action), at, self.most);
        }
        state.unsaved.push(Access {
            account,
            principal: principal.to_owned(),
            service: service.to_owned(),
            action: action.to_owned(),
            at,
            region: region.to_owned(),
        });
    }

    /// What the store does not have yet; it counts as saved.
    pub(crate) fn take_unsaved(&self) -> Vec<Access> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.unsaved)
    }

    /// Takes back what could not be saved.
    pub(crate) fn put_back(&self, mut accesses: Vec<Access>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        accesses.append(&mut state.unsaved);
        accesses.truncate(self.most);
        state.unsaved = accesses;
    }
}

impl State {
    fn insert(
        &mut self,
        account: AccountId,
        principal: &str,
        (service, action): (&'static str, &str),
        at: Seconds,
        most: usize,
    ) {
        if self.count >= most {
            self.thin(at);
        }
        if self.count >= most {
            // What is forgotten here is only written once more.
            self.noted.clear();
            self.count = 0;
        }
        self.count += 1;
        let of_account = self.noted.entry(account).or_default();
        let of_principal = of_account.entry(principal.into()).or_default();
        let of_service = of_principal.entry(service).or_default();
        of_service.insert(action.into(), at);
    }

    /// Forgets what no attempt counts as any more.
    fn thin(&mut self, now: Seconds) {
        let mut count = 0;
        for of_account in self.noted.values_mut() {
            for of_principal in of_account.values_mut() {
                for of_service in of_principal.values_mut() {
                    of_service.retain(|_, at| now - *at < COLLAPSE);
                    count += of_service.len();
                }
                of_principal.retain(|_, of_service| !of_service.is_empty());
            }
            of_account.retain(|_, of_principal| !of_principal.is_empty());
        }
        self.noted.retain(|_, of_account| !of_account.is_empty());
        self.count = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Constrained as _;

    const ACTION: (&str, &str) = ("s3", "GetObject");

    fn account() -> AccountId {
        AccountId::parse("123456789012").unwrap()
    }

    fn taken(accesses: &Accesses) -> Vec<(String, String, Seconds)> {
        let taken = accesses.take_unsaved().into_iter();
        taken.map(|it| (it.principal, it.action, it.at)).collect()
    }

    fn row(principal: &str, action: &str, at: Seconds) -> (String, String, Seconds) {
        (principal.to_owned(), action.to_owned(), at)
    }

    #[test]
    fn attempts_within_a_quarter_of_an_hour_count_as_the_first() {
        let accesses = Accesses::default();
        let note = |action, at| accesses.note(account(), "A", action, at, "eu-west-1");
        note(ACTION, 1000);
        note(ACTION, 1000 + COLLAPSE - 1);
        note(("s3", "PutObject"), 1001);
        // A clock that was set back.
        note(ACTION, 10);
        assert_eq!(
            taken(&accesses),
            [row("A", "GetObject", 1000), row("A", "PutObject", 1001)]
        );
        note(ACTION, 1000 + COLLAPSE);
        assert_eq!(taken(&accesses), [row("A", "GetObject", 1000 + COLLAPSE)]);
        assert_eq!(taken(&accesses), []);
    }

    #[test]
    fn what_could_not_be_saved_is_not_lost() {
        let accesses = Accesses::default();
        accesses.note(account(), "A", ACTION, 1, "");
        let failed = accesses.take_unsaved();
        accesses.note(account(), "B", ACTION, 2, "");
        accesses.put_back(failed);
        assert_eq!(
            taken(&accesses),
            [row("A", "GetObject", 1), row("B", "GetObject", 2)]
        );
    }

    #[test]
    fn memory_is_bounded() {
        let accesses = Accesses::of_at_most(4);
        for principal in 0..100 {
            accesses.note(account(), &principal.to_string(), ACTION, 1, "");
        }
        assert_eq!(accesses.take_unsaved().len(), 4);
        for principal in 0..100 {
            accesses.note(account(), &principal.to_string(), ACTION, 2, "");
            assert!(accesses.state.lock().unwrap().count <= 4);
            accesses.take_unsaved();
        }
        // What is old goes before what is new is forgotten.
        let accesses = Accesses::of_at_most(4);
        for (principal, at) in [
            ("A", 0),
            ("B", 0),
            ("C", COLLAPSE),
            ("D", COLLAPSE),
            ("E", COLLAPSE),
        ] {
            accesses.note(account(), principal, ACTION, at, "");
            accesses.take_unsaved();
        }
        accesses.note(account(), "C", ACTION, COLLAPSE + 1, "");
        assert_eq!(taken(&accesses), []);
    }
}
