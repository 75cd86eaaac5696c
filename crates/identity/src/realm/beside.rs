//! Changes to two accounts in one commit: a caller's own, and the one that keeps what they share.

use super::{ATTEMPTS, Cell, Decided, Realm, write};
use crate::account::Account;
use crate::entity::Change;
use crate::error::Error;
use crate::names::AccountId;
use crate::operation::{Call, Draft};
use crate::port::{Committed, Scope};
use std::sync::Arc;

impl Realm {
    /// See [`Call::change_beside`]. Where `home` is the caller's own account, the changes are one.
    pub(crate) async fn change_beside<T: Send>(
        &self,
        call: &Call<'_>,
        home: AccountId,
        mutate: impl Fn(&mut Draft<'_>, &Account, &mut Change) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let own = call.account()?.id;
        let own_cell = self.known_cell(own).await?;
        let home_cell = self.known_cell(home).await?;
        // Everybody takes turns in the order of the accounts' ids, so that none waits for another
        // who waits for it.
        let (first, second) = if own < home {
            (&own_cell, &home_cell)
        } else {
            (&home_cell, &own_cell)
        };
        let _first_turn = first.writer.lock().await;
        let _second_turn = match own == home {
            true => None,
            false => Some(second.writer.lock().await),
        };
        let mut decided = Decided::of(call)?;
        for _ in 0..ATTEMPTS {
            let account = own_cell.value.load_full();
            decided.uphold(&account, &self.directory()).await?;
            let before = home_cell.value.load_full();
            let mut draft = self.draft(&before);
            let mut beside = Change::default();
            let output = mutate(&mut draft, &account, &mut beside)?;
            let mut change = draft.change;
            if own == home {
                change.puts.append(&mut beside.puts);
                change.deletes.append(&mut beside.deletes);
            }
            let mut writes = Vec::new();
            let mut next = Vec::new();
            for (id, cell, before, change) in [
                (home, &home_cell, &before, &change),
                (own, &own_cell, &account, &beside),
            ] {
                if !change.is_empty() {
                    next.push((cell, before.apply(change, &self.root_key)?));
                    writes.push(write(Scope::Account(id), before.version, change)?);
                }
            }
            if writes.is_empty() {
                return Ok(output);
            }
            match self.store.commit(writes, call.origin()).await? {
                Committed::Yes => {
                    for (cell, next) in next {
                        cell.value.store(Arc::new(next));
                    }
                    return Ok(output);
                }
                Committed::Conflict => {
                    own_cell.value.store(Arc::new(self.load(own).await?));
                    if own != home {
                        home_cell.value.store(Arc::new(self.load(home).await?));
                    }
                }
            }
        }
        Err(Error::ServiceUnavailable(
            "too many writers to one account".into(),
        ))
    }

    async fn known_cell(&self, id: AccountId) -> Result<Arc<Cell<Account>>, Error> {
        self.cell(id).await?.ok_or(Error::InvalidClientTokenId)
    }
}
