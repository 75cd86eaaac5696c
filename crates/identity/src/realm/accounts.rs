//! The accounts in memory: loaded on first use, and put out when there are too many and they were not
//! used for longest.

use super::Realm;
use super::pipeline::AccountCell;
use crate::account::Account;
use crate::error::Error;
use crate::names::AccountId;
use crate::port::Scope;
use arc_swap::ArcSwap;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

type Cells = HashMap<AccountId, Arc<AccountCell>>;

/// The accounts in memory.
pub(super) struct Accounts {
    cells: ArcSwap<Cells>,
    /// Counts the accounts loaded so far. A use is as old as the loads since.
    loads: AtomicU64,
    /// How many entities they may have between them.
    room: AtomicUsize,
}

impl Accounts {
    /// None.
    pub(super) fn none() -> Self {
        Self {
            cells: ArcSwap::default(),
            loads: AtomicU64::new(0),
            room: AtomicUsize::new(usize::MAX),
        }
    }

    /// An account's cell, if it is there. It counts as used.
    pub(super) fn get(&self, id: AccountId) -> Option<Arc<AccountCell>> {
        let cell = self.cells.load().get(&id)?.clone();
        let now = self.loads.load(Ordering::Relaxed);
        // Written once between two loads, lest all processors fight for it.
        if cell.used.load(Ordering::Relaxed) != now {
            cell.used.store(now, Ordering::Relaxed);
        }
        Some(cell)
    }

    /// An account's cell, if it is there, without using it.
    pub(super) fn held(&self, id: AccountId) -> Option<Arc<AccountCell>> {
        self.cells.load().get(&id).cloned()
    }

    /// Every account's cell, without using it.
    pub(super) fn all(&self) -> Vec<Arc<AccountCell>> {
        self.cells.load().values().cloned().collect()
    }

    /// Those that are loaded.
    pub(super) fn loaded(&self) -> Vec<Arc<Account>> {
        let cells = self.cells.load();
        cells.values().filter_map(|cell| cell.value()).collect()
    }

    fn get_or_add(&self, id: AccountId) -> Arc<AccountCell> {
        loop {
            if let Some(cell) = self.get(id) {
                return cell;
            }
            let new = Arc::new(AccountCell::new(id));
            self.cells.rcu(|cells| {
                let mut cells = Cells::clone(cells);
                cells.entry(id).or_insert_with(|| new.clone());
                cells
            });
        }
    }

    /// Puts accounts out until the others have room. An account that is being written, or loaded, stays,
    /// and so does `newest`. Answers who went.
    fn make_room(&self, newest: &Arc<AccountCell>) -> Vec<AccountId> {
        self.make_room_among(&self.cells.load_full(), newest)
    }

    fn make_room_among(&self, cells: &Cells, newest: &Arc<AccountCell>) -> Vec<AccountId> {
        let room = self.room.load(Ordering::Relaxed);
        let mut held: Vec<_> = cells.values().map(|cell| (cell, cell.weight())).collect();
        let mut total: usize = held.iter().map(|(_, weight)| weight).sum();
        if total <= room {
            return Vec::new();
        }
        held.sort_unstable_by_key(|(cell, _)| cell.used.load(Ordering::Relaxed));
        // Turns are held until the cells are out of the map: who waits for one finds a new cell then.
        let mut gone = Vec::new();
        for (cell, weight) in held {
            if total <= room {
                break;
            }
            if !Arc::ptr_eq(cell, newest)
                && let Some(turn) = cell.close()
            {
                total -= weight;
                gone.push((cell.id, turn));
            }
        }
        self.cells.rcu(|cells| {
            let mut cells = Cells::clone(cells);
            for (id, _) in &gone {
                cells.remove(id);
            }
            cells
        });
        gone.into_iter().map(|(id, _)| id).collect()
    }
}

impl Realm {
    /// Sets how many entities (users, groups, roles, policies, keys and the rest) the accounts in memory
    /// may have between them. Beyond that, those that were not used for longest leave, and are loaded
    /// again when they are used. Without it, all stay.
    pub fn keep_at_most(&self, entities: usize) {
        self.accounts.room.store(entities, Ordering::Relaxed);
    }

    /// How many accounts are in memory, and how many entities they have.
    pub fn in_memory(&self) -> (usize, usize) {
        let loaded = self.accounts.loaded();
        (
            loaded.len(),
            loaded.iter().map(|account| account.entities()).sum(),
        )
    }

    /// An account's cell, loaded; `None` if there is no such account.
    pub(super) async fn cell(&self, id: AccountId) -> Result<Option<Arc<AccountCell>>, Error> {
        if let Some(cell) = self.accounts.get(id)
            && cell.value().is_some()
        {
            return Ok(Some(cell));
        }
        // Unknown ids must not reach the store: anyone can send them.
        if !self.directory.value.load().accounts.contains_key(&id) {
            return Ok(None);
        }
        // It is in the map before it is read, so that who follows the feed meanwhile waits for it.
        let cell = self.accounts.get_or_add(id);
        let turn = cell.lock().await;
        let is_new = cell.value().is_none();
        if is_new {
            let account = self.load(id).await?;
            self.last_uses.load(self.store.last_uses(id).await?);
            cell.loaded(&turn, account);
        }
        drop(turn);
        if is_new {
            cell.used.store(
                self.accounts.loads.fetch_add(1, Ordering::Relaxed) + 1,
                Ordering::Relaxed,
            );
            for id in self.accounts.make_room(&cell) {
                self.last_uses.forget(id);
            }
        }
        Ok(Some(cell))
    }

    pub(super) async fn load(&self, id: AccountId) -> Result<Account, Error> {
        let loaded = self.store.load(Scope::Account(id)).await?;
        Ok(Account::load(
            id,
            loaded.version,
            &loaded.records,
            self.directory.value.load().aws_managed(),
            &self.root_key,
        )?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Constrained as _;

    fn loaded(accounts: &Accounts, id: AccountId) -> Arc<AccountCell> {
        let cell = accounts.get_or_add(id);
        let turn = cell.try_lock().unwrap();
        cell.loaded(&turn, Account::empty(id));
        drop(turn);
        cell
    }

    /// Two make room at once: the second still sees a cell that the first has closed, while somebody
    /// loads that account again.
    #[test]
    fn what_one_put_out_and_somebody_loaded_again_is_not_put_out_by_another() {
        let accounts = Accounts::none();
        accounts.room.store(0, Ordering::Relaxed);
        let one = AccountId::parse("111111111111").unwrap();
        let newest = loaded(&accounts, AccountId::parse("222222222222").unwrap());
        let old = loaded(&accounts, one);
        let seen_by_the_second = accounts.cells.load_full();
        assert_eq!(accounts.make_room(&newest), [one]);
        assert!(!Arc::ptr_eq(&old, &loaded(&accounts, one)));
        let gone = accounts.make_room_among(&seen_by_the_second, &newest);
        assert_eq!(gone, []);
        assert!(accounts.held(one).is_some(), "there would be two of it");
    }
}
