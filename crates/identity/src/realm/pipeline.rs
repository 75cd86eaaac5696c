//! Writers of one account, one behind the other: a change is made on the newest value, whether or not
//! that is durable yet, and handed to the store in turn; the wait for the disk is outside the turn, so
//! that all who wait at once share it.
//!
//! Readers see only what is durable. Whatever was made on a change that failed fails too: the store
//! refuses the rest of a [`Chain`] that is broken, and the next writer begins with what the store has.

use super::{ATTEMPTS, Decided, Realm, write};
use crate::account::Account;
use crate::error::Error;
use crate::names::AccountId;
use crate::operation::{Call, Draft};
use crate::port::{Answer, Chain, Committed, Origin, Scope, Write};
use arc_swap::ArcSwapOption;
use std::collections::VecDeque;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};
use tokio::sync::{Mutex, MutexGuard};

/// An account's place in memory.
pub(super) struct AccountCell {
    pub(super) id: AccountId,
    /// The newest durable value that this process knows; `None` until it is loaded.
    value: ArcSwapOption<Account>,
    head: Mutex<Head>,
    /// See [`super::accounts::Accounts`].
    pub(super) used: AtomicU64,
}

/// What writers hand on to one another.
#[derive(Default)]
pub(super) struct Head {
    chain: Chain,
    /// The commits under way, each made on the one before.
    pending: VecDeque<Arc<Flight>>,
    /// The cell is out of the map: whoever has it must look for another.
    closed: bool,
}

/// A commit under way, and what the account is once it is durable.
///
/// Nobody in particular waits for it: whoever wants to know carries on where a request that was
/// cancelled stopped.
pub(super) struct Flight {
    next: Arc<Account>,
    chain: Chain,
    commit: Mutex<Option<Answer<'static, Committed>>>,
    outcome: OnceLock<Outcome>,
}

#[derive(Clone, Debug)]
enum Outcome {
    Durable,
    Conflict,
    Failed(String),
}

/// The writer's turn at an account.
pub(super) struct Turn<'a> {
    cell: &'a AccountCell,
    head: MutexGuard<'a, Head>,
}

impl AccountCell {
    pub(super) fn new(id: AccountId) -> Self {
        Self {
            id,
            value: ArcSwapOption::empty(),
            head: Mutex::default(),
            used: AtomicU64::new(0),
        }
    }

    /// The account as readers see it.
    pub(super) fn value(&self) -> Option<Arc<Account>> {
        self.value.load_full()
    }

    /// The version that readers see; 0 if it is not loaded.
    pub(super) fn version(&self) -> u64 {
        let value = self.value.load();
        value.as_ref().map_or(0, |account| account.version)
    }

    /// How many entities it has in memory.
    pub(super) fn weight(&self) -> usize {
        let value = self.value.load();
        value.as_ref().map_or(0, |account| account.entities())
    }

    /// The turn, if nobody has it.
    #[cfg(test)]
    pub(super) fn try_lock(&self) -> Option<MutexGuard<'_, Head>> {
        self.head.try_lock().ok()
    }

    /// The turn, to load the account in.
    pub(super) async fn lock(&self) -> MutexGuard<'_, Head> {
        self.head.lock().await
    }

    /// The account was loaded, in that turn.
    pub(super) fn loaded(&self, _turn: &MutexGuard<'_, Head>, account: Account) {
        self.value.store(Some(Arc::new(account)));
    }

    /// Takes the cell out of use, if it is loaded and nobody is writing. It stays so whoever has it, and
    /// who has closed it takes it out of the map: nobody else does.
    pub(super) fn close(&self) -> Option<MutexGuard<'_, Head>> {
        let mut head = self.head.try_lock().ok()?;
        head.forget_settled(self.version());
        let idle = !head.closed && head.pending.is_empty() && self.value.load().is_some();
        idle.then(|| {
            head.closed = true;
            head
        })
    }

    /// Shows readers a durable value, unless they see a newer one.
    fn publish(&self, account: &Arc<Account>) {
        self.value.rcu(|current| match current {
            Some(current) if current.version >= account.version => Some(current.clone()),
            _ => Some(account.clone()),
        });
    }
}

impl Head {
    /// Drops the commits of which it is known what became: what is durable has made all before it
    /// durable, of which nobody may have waited for some.
    fn forget_settled(&mut self, durable: u64) {
        while let Some(first) = self.pending.front()
            && (first.outcome.get().is_some() || first.next.version <= durable)
        {
            self.pending.pop_front();
        }
    }
}

impl Flight {
    /// Waits until it is known what became of the commit. Readers see it then, if it is durable.
    async fn settle(&self, cell: &AccountCell) -> Outcome {
        if let Some(outcome) = self.outcome.get() {
            return outcome.clone();
        }
        let mut commit = self.commit.lock().await;
        if let Some(answer) = commit.as_mut() {
            let outcome = match answer.await {
                Ok(Committed::Yes) => {
                    cell.publish(&self.next);
                    Outcome::Durable
                }
                Ok(Committed::Conflict) => Outcome::Conflict,
                Err(error) => Outcome::Failed(error.to_string()),
            };
            if !matches!(outcome, Outcome::Durable) {
                self.chain.break_off();
            }
            *commit = None;
            return self.outcome.get_or_init(|| outcome).clone();
        }
        let outcome = self.outcome.get().cloned();
        outcome.unwrap_or_else(|| Outcome::Failed("a commit was lost sight of".to_owned()))
    }
}

impl Turn<'_> {
    /// The account with everything that is under way.
    pub(super) fn newest(&self) -> Option<Arc<Account>> {
        match self.head.pending.back() {
            Some(last) => Some(last.next.clone()),
            None => self.cell.value(),
        }
    }

    /// Readers see what was committed otherwise, in this turn, and with nothing under way.
    pub(super) fn publish(&self, account: Account) {
        self.cell.publish(&Arc::new(account));
    }

    /// Readers see the account as it was loaded anew, with nothing under way: of the same version, perhaps,
    /// but beside another realm.
    pub(super) fn replace(&self, account: Account) {
        self.cell.value.store(Some(Arc::new(account)));
    }

    /// What the store has is not what it was taken for: the next turn reads it.
    pub(super) fn distrust(&self) {
        self.head.chain.break_off();
    }
}

impl Realm {
    /// Waits for the turn at an account; `None` if the cell is closed and another has to be looked for.
    pub(super) async fn turn<'a>(&self, cell: &'a AccountCell) -> Result<Option<Turn<'a>>, Error> {
        let mut head = cell.lock().await;
        if head.closed {
            return Ok(None);
        }
        head.forget_settled(cell.version());
        if head.chain.is_broken() {
            // What is left of the chain fails too. Only then does the store stand still.
            for flight in &head.pending {
                flight.settle(cell).await;
            }
            let fresh = self.load(cell.id).await?;
            cell.value.store(Some(Arc::new(fresh)));
            head.pending.clear();
            head.chain = Chain::default();
        }
        Ok(Some(Turn { cell, head }))
    }

    /// The turn when nothing is under way any more, for commits that concern more than one account.
    pub(super) async fn turn_alone<'a>(
        &self,
        cell: &'a AccountCell,
    ) -> Result<Option<Turn<'a>>, Error> {
        loop {
            let Some(mut turn) = self.turn(cell).await? else {
                return Ok(None);
            };
            for flight in &turn.head.pending {
                flight.settle(cell).await;
            }
            turn.head.forget_settled(cell.version());
            if !turn.head.chain.is_broken() {
                return Ok(Some(turn));
            }
        }
    }

    async fn submit(
        &self,
        turn: &mut Turn<'_>,
        writes: Vec<Write>,
        origin: Origin,
        next: Account,
    ) -> Result<Arc<Flight>, Error> {
        let chain = turn.head.chain.clone();
        let commit = self.store.clone().submit(writes, origin, chain.clone());
        // From here on it is in the store's line, whatever becomes of this request.
        let flight = Arc::new(Flight {
            commit: Mutex::new(Some(commit.await?)),
            next: Arc::new(next),
            chain,
            outcome: OnceLock::new(),
        });
        turn.head.pending.push_back(flight.clone());
        Ok(flight)
    }

    pub(super) async fn change_if<T: Send>(
        &self,
        id: AccountId,
        origin: &Origin,
        call: Option<&Call<'_>>,
        mutate: impl Fn(&mut Draft<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let mut decided = call.map(Decided::of).transpose()?;
        for _ in 0..ATTEMPTS {
            let cell = self.cell(id).await?.ok_or(Error::InvalidClientTokenId)?;
            let Some(mut turn) = self.turn(&cell).await? else {
                continue;
            };
            let Some(account) = turn.newest() else {
                continue;
            };
            let upheld = match &mut decided {
                Some(decided) => decided.uphold(&account, &self.directory()).await,
                None => Ok(()),
            };
            let mut draft = self.draft(&account);
            let made = upheld.and_then(|()| mutate(&mut draft));
            let change = draft.change;
            let output = match made {
                Ok(output) if !change.is_empty() => output,
                // Nothing is written, but what the answer rests on must be.
                answer => {
                    let seen = turn.head.pending.back().cloned();
                    drop(turn);
                    match seen {
                        Some(flight) if !matches!(flight.settle(&cell).await, Outcome::Durable) => {
                            continue;
                        }
                        _ => return answer,
                    }
                }
            };
            let next = account.apply(&change, &self.root_key)?;
            let writes = vec![write(Scope::Account(id), account.version, &change)?];
            let flight = self.submit(&mut turn, writes, origin.clone(), next).await?;
            drop(turn);
            match flight.settle(&cell).await {
                Outcome::Durable => return Ok(output),
                Outcome::Conflict => {}
                Outcome::Failed(why) => return Err(Error::ServiceUnavailable(why.into())),
            }
        }
        Err(Error::ServiceUnavailable(
            "too many writers to one account".into(),
        ))
    }
}
