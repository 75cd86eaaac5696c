//! What principals tried, and reports about it: kept beside the accounts.

use super::Realm;
use crate::access::{Accesses, TRACKING_PERIOD};
use crate::error::Error;
use crate::names::AccountId;
use crate::port::{Access, LastUse, Report};
use std::collections::{HashMap, HashSet};

/// So many principals are looked up one by one; for more, the account is read once.
const ONE_BY_ONE: usize = 100;

impl Realm {
    /// Who tried which action.
    pub fn accesses(&self) -> &Accesses {
        &self.accesses
    }

    /// Writes down the attempts that the store does not have yet.
    pub(super) async fn save_accesses(&self) -> Result<(), Error> {
        let unsaved = self.accesses.take_unsaved();
        if unsaved.is_empty() {
            return Ok(());
        }
        let since = self.environment.clock.now() - TRACKING_PERIOD;
        let saved = self.store.save_accesses(unsaved.clone(), since).await;
        if saved.is_err() {
            self.accesses.put_back(unsaved);
        }
        Ok(saved?)
    }

    /// The attempts of some principals within the tracking period. Those of other processes are known
    /// once they have written them down.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub(crate) async fn accesses_of(
        &self,
        account: AccountId,
        principals: &HashSet<&str>,
    ) -> Result<Vec<Access>, Error> {
        self.save_accesses().await?;
        let mut found = Vec::new();
        if principals.len() <= ONE_BY_ONE {
            for principal in principals {
                let principal = Some((*principal).to_owned());
                found.extend(self.store.accesses(account, principal).await?);
            }
        } else {
            found = self.store.accesses(account, None).await?;
            found.retain(|access| principals.contains(access.principal.as_str()));
        }
        Ok(self.tracked(found))
    }

    /// The attempts of everybody in an account within the tracking period.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub(crate) async fn accesses_in(&self, account: AccountId) -> Result<Vec<Access>, Error> {
        self.save_accesses().await?;
        Ok(self.tracked(self.store.accesses(account, None).await?))
    }

    fn tracked(&self, mut accesses: Vec<Access>) -> Vec<Access> {
        let since = self.environment.clock.now() - TRACKING_PERIOD;
        accesses.retain(|access| access.at > since);
        accesses
    }

    /// Keeps a report until it expires.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub(crate) async fn keep_report(&self, report: Report) -> Result<(), Error> {
        Ok(self.store.save_report(report).await?)
    }

    /// The report of that id, unless it has expired.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub(crate) async fn kept_report(
        &self,
        account: AccountId,
        id: &str,
    ) -> Result<Option<Report>, Error> {
        let report = self.store.report(account, id.to_owned()).await?;
        let now = self.environment.clock.now();
        Ok(report.filter(|report| now < report.expires))
    }

    /// Every last use of an account's keys and roles, by subject, whatever process saw it.
    pub(crate) async fn last_uses_in(&self, account: AccountId) -> HashMap<String, LastUse> {
        self.refresh_last_uses(account).await;
        self.last_uses.in_account(account)
    }
}
