//! Quotas of an account, as its operator sets them.

use super::Realm;
use crate::account::Account;
use crate::entity::AccountSettings;
use crate::error::Error;
use crate::names::AccountId;
use crate::quotas::AccountQuota;
use std::fmt;

/// Why a quota is not changed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum QuotaFault {
    /// There is no such account.
    UnknownAccount,
    /// The value is more than anybody can set.
    TooHigh {
        /// The most.
        highest: usize,
    },
}

impl fmt::Display for QuotaFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownAccount => f.write_str("there is no such account"),
            Self::TooHigh { highest } => write!(f, "it can be {highest} at most"),
        }
    }
}

impl Realm {
    /// Sets a quota of an account. What is there beyond it stays; no more is added.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why nothing was set.
    pub async fn set_quota(
        &self,
        account: AccountId,
        quota: AccountQuota,
        value: usize,
    ) -> Result<Result<(), QuotaFault>, Error> {
        if value > quota.highest() {
            return Ok(Err(QuotaFault::TooHigh {
                highest: quota.highest(),
            }));
        }
        self.change_settings(account, "SetQuota", |settings| {
            settings.quotas.insert(quota.name().to_owned(), value);
        })
        .await
    }

    /// Gives an account AWS's default of a quota again, or of all that were set.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why nothing was changed.
    pub async fn reset_quota(
        &self,
        account: AccountId,
        quota: Option<AccountQuota>,
    ) -> Result<Result<(), QuotaFault>, Error> {
        self.change_settings(account, "ResetQuota", |settings| match quota {
            Some(quota) => drop(settings.quotas.remove(quota.name())),
            None => settings.quotas.clear(),
        })
        .await
    }

    async fn change_settings(
        &self,
        account: AccountId,
        action: &str,
        edit: impl Fn(&mut AccountSettings) + Send + Sync,
    ) -> Result<Result<(), QuotaFault>, Error> {
        if !self.directory().accounts.contains_key(&account) {
            return Ok(Err(QuotaFault::UnknownAccount));
        }
        let origin = self.own_origin(action);
        self.change(account, &origin, |draft| {
            let before = Account::settings(draft.account);
            let mut after = before.clone();
            edit(&mut after);
            if after != before {
                draft.change.put(after);
            }
            Ok(Ok(()))
        })
        .await
    }
}
