//! When access keys and roles were last used. Kept beside the accounts: uses are no change of an
//! account, and losing the newest in a crash is allowed.

use crate::environment::Seconds;
use crate::names::AccountId;
use crate::port::LastUse;
use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};

/// Uses within so many seconds of one another count as the first (the IAM page on
/// GetAccessKeyLastUsed).
const COLLAPSE: i64 = 15 * 60;

/// The last uses known to this process.
#[derive(Default)]
pub struct LastUses(Mutex<State>);

/// How long what the store knows of an account is not asked for again.
const REFRESH: i64 = 5;

#[derive(Default)]
struct State {
    /// When the store was last asked about an account.
    asked: HashMap<AccountId, i64>,
    uses: HashMap<AccountId, HashMap<String, LastUse>>,
    dirty: HashSet<(AccountId, String)>,
}

impl LastUses {
    /// Takes note of a use. Called behind the request path, by the recorder.
    ///
    /// Most uses follow another one so closely that they count as that, and cost two look-ups.
    pub fn note(
        &self,
        account: AccountId,
        subject: &str,
        at: Seconds,
        service: &str,
        region: &str,
    ) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = state.uses.get(&account).and_then(|uses| uses.get(subject));
        let recent = known.is_some_and(|known| {
            at - known.at < COLLAPSE && known.service == service && known.region == region
        });
        if !recent {
            let last_use = LastUse {
                account,
                subject: subject.to_owned(),
                at,
                service: service.to_owned(),
                region: region.to_owned(),
            };
            let uses = state.uses.entry(account).or_default();
            uses.insert(subject.to_owned(), last_use);
            state.dirty.insert((account, subject.to_owned()));
        }
    }

    /// The last use of an access key or role, as far as this process knows.
    pub fn of(&self, account: AccountId, subject: &str) -> Option<LastUse> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.uses.get(&account)?.get(subject).cloned()
    }

    /// Every last use in an account, by subject, as far as this process knows.
    pub(crate) fn in_account(&self, account: AccountId) -> HashMap<String, LastUse> {
        let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.uses.get(&account).cloned().unwrap_or_default()
    }

    /// Whether the store should be asked what other processes noted of an account; it counts as asked.
    pub(crate) fn is_due(&self, account: AccountId, now: i64) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let asked = state.asked.get(&account);
        let is_due = asked.is_none_or(|asked| !(0..REFRESH).contains(&(now - asked)));
        if is_due {
            state.asked.insert(account, now);
        }
        is_due
    }

    /// Forgets an account that leaves memory, but for what the store does not have yet.
    pub(crate) fn forget(&self, account: AccountId) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let State { asked, uses, dirty } = &mut *state;
        asked.remove(&account);
        if let Some(of) = uses.get_mut(&account) {
            of.retain(|subject, _| dirty.contains(&(account, subject.clone())));
            if of.is_empty() {
                uses.remove(&account);
            }
        }
    }

    /// Adds what the store knows; newer uses stay.
    pub fn load(&self, uses: Vec<LastUse>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for known in uses {
            let uses = state.uses.entry(known.account).or_default();
            if uses
                .get(&known.subject)
                .is_none_or(|other| other.at < known.at)
            {
                uses.insert(known.subject.clone(), known);
            }
        }
    }

    /// The uses that the store does not have yet; they count as saved.
    pub fn take_unsaved(&self) -> Vec<LastUse> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let dirty = std::mem::take(&mut state.dirty);
        dirty
            .iter()
            .filter_map(|(account, subject)| state.uses.get(account)?.get(subject).cloned())
            .collect()
    }

    /// Takes back what could not be saved.
    pub(crate) fn put_back(&self, unsaved: Vec<LastUse>) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let subjects = unsaved.iter();
        let subjects: Vec<_> = subjects
            .map(|it| (it.account, it.subject.clone()))
            .collect();
        state.dirty.extend(subjects);
        drop(state);
        // Its account may have left memory meanwhile.
        self.load(unsaved);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Constrained as _;

    #[test]
    fn what_could_not_be_saved_is_not_lost() {
        let account = AccountId::parse("123456789012").unwrap();
        let uses = LastUses::default();
        uses.note(account, "A", 1, "iam", "");
        uses.note(account, "B", 1, "iam", "");
        let failed = uses.take_unsaved();
        assert_eq!(failed.len(), 2);
        assert_eq!(uses.take_unsaved(), []);
        uses.note(account, "B", 1 + COLLAPSE, "iam", "");
        uses.put_back(failed);
        uses.forget(account);
        let mut unsaved = uses.take_unsaved();
        unsaved.sort_by_key(|it| it.at);
        let unsaved: Vec<_> = unsaved.iter().map(|it| (&*it.subject, it.at)).collect();
        assert_eq!(unsaved, [("A", 1), ("B", 1 + COLLAPSE)]);
    }
}
