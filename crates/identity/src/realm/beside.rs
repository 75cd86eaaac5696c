//! Changes to two accounts in one commit: a caller's own, and the one that keeps what they share.

use super::pipeline::AccountCell;
use super::{ATTEMPTS, Decided, Realm, write};
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
        let mut decided = Decided::of(call)?;
        for _ in 0..ATTEMPTS {
            let own_cell = self.known_cell(own).await?;
            let home_cell = self.known_cell(home).await?;
            // Everybody takes turns in the order of the accounts' ids, so that none waits for another
            // who waits for it.
            let (first, second) = if own < home {
                (&own_cell, &home_cell)
            } else {
                (&home_cell, &own_cell)
            };
            let Some(first_turn) = self.turn_alone(first).await? else {
                continue;
            };
            let second_turn = match own == home {
                true => None,
                false => match self.turn_alone(second).await? {
                    Some(turn) => Some(turn),
                    None => continue,
                },
            };
            let second_turn = second_turn.as_ref().unwrap_or(&first_turn);
            let (own_turn, home_turn) = if own < home {
                (&first_turn, second_turn)
            } else {
                (second_turn, &first_turn)
            };
            let (Some(account), Some(before)) = (own_turn.newest(), home_turn.newest()) else {
                continue;
            };
            decided.uphold(&account, &self.directory()).await?;
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
            for (id, turn, before, change) in [
                (home, home_turn, &before, &change),
                (own, own_turn, &account, &beside),
            ] {
                if !change.is_empty() {
                    next.push((turn, before.apply(change, &self.root_key)?));
                    writes.push(write(Scope::Account(id), before.version, change)?);
                }
            }
            if writes.is_empty() {
                return Ok(output);
            }
            let committed = self.store.commit(writes, call.origin()).await;
            if !matches!(committed, Ok(Committed::Yes)) {
                own_turn.distrust();
                home_turn.distrust();
            }
            if committed? == Committed::Yes {
                for (turn, next) in next {
                    turn.publish(next);
                }
                return Ok(output);
            }
        }
        Err(Error::ServiceUnavailable(
            "too many writers to one account".into(),
        ))
    }

    async fn known_cell(&self, id: AccountId) -> Result<Arc<AccountCell>, Error> {
        self.cell(id).await?.ok_or(Error::InvalidClientTokenId)
    }
}
