//! Accounts in and out: whole accounts as documents, read from AWS or from another locum.
//!
//! An import is one change of one account, all or nothing. What the documents say is checked by the
//! rules of the operations that would have made it; what cannot be carried over refuses the import,
//! unless an option says what shall become of it. Unique ids are made anew, so nothing that was said
//! of a principal elsewhere holds for one that is imported.

use crate::account::Account;
use crate::entity::{Entity, EntityKind};
use crate::error::Error;
use crate::ids::AccessKeyId;
use crate::names::AccountId;
use crate::realm::Realm;
use crate::sealing::Secret;
use locum_policy::{Kind, Policy, PrincipalType};
use plan::Planner;
use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

mod aws_managed;
mod compare;
mod document;
mod export;
mod form;
mod holders;
mod keys;
mod minio;
mod own;
mod plan;
mod policies;
mod stored;
mod zip;

pub use aws_managed::AwsManagedDump;
pub use form::{Details, Unreadable};

/// What an import does where it could do one thing or another. By default it refuses.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only say what would be done.
    pub dry_run: bool,
    /// Replace what is there already and differs.
    pub overwrite: bool,
    /// Raise the account's quotas to what the import needs.
    pub raise_quotas: bool,
    /// Leave the account ids in documents as they are.
    pub keep_account_ids: bool,
    /// Keep principals that do not exist here as unique ids that nobody has.
    pub keep_unknown_principals: bool,
    /// Leave out attachments of AWS-managed policies that are not known here.
    pub skip_unknown_aws_policies: bool,
    /// Leave out what other programs than AWS have and IAM does not.
    pub skip_unsupported: bool,
}

/// An account's documents, and where they come from.
#[derive(Clone, Debug)]
pub struct Import {
    details: Details,
    keys: Vec<NewKey>,
    /// What cannot be carried over.
    unsupported: Vec<String>,
    /// What cannot be carried over, and must not be left out.
    refusals: Vec<String>,
    /// `locum:Import…`, for the history.
    action: &'static str,
}

/// An access key that is to be the same here.
#[derive(Clone, Debug)]
struct NewKey {
    /// The name of its user, who is imported with it.
    user: String,
    id: AccessKeyId,
    secret: Secret,
    active: bool,
}

impl Import {
    /// What `aws iam get-account-authorization-details` prints.
    pub fn aws(details: Details) -> Self {
        Self {
            details,
            keys: Vec::new(),
            unsupported: Vec::new(),
            refusals: Vec::new(),
            action: "ImportAwsAuthorizationDetails",
        }
    }

    /// What [`Realm::export`] made.
    ///
    /// # Errors
    /// [`Unreadable`], if it is not an export of ours.
    pub fn account(details: Details) -> Result<Self, Unreadable> {
        if !details.is_own() {
            return Err(Unreadable(
                "is no export of a locum: it has no member `Locum`".to_owned(),
            ));
        }
        Ok(Self {
            details,
            keys: Vec::new(),
            unsupported: Vec::new(),
            refusals: Vec::new(),
            action: "ImportAccount",
        })
    }

    /// How many users, groups, roles and policies there are.
    pub fn len(&self) -> usize {
        self.details.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.details.is_empty()
    }
}

/// What becomes of one entity.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Outcome {
    /// There was none of its name.
    Created,
    /// It replaces one that differs.
    Changed,
    /// It is there already.
    Unchanged,
    /// It cannot be imported, so nothing is.
    Refused,
}

impl Outcome {
    /// Every outcome, in the order in which reports have them.
    pub const ALL: [Self; 4] = [Self::Created, Self::Changed, Self::Unchanged, Self::Refused];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Changed => "changed",
            Self::Unchanged => "unchanged",
            Self::Refused => "refused",
        }
    }
}

/// One entity of an import.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What it is.
    pub kind: EntityKind,
    /// Its name.
    pub name: String,
    /// What becomes of it.
    pub outcome: Outcome,
    /// Why it is refused.
    pub reasons: Vec<String>,
    /// How many account ids in its documents were rewritten.
    pub rewritten: usize,
    /// What is there already, if that differs.
    pub before: Option<Entity>,
    /// What it is after the import, if that differs from what was there.
    pub after: Option<Entity>,
}

/// What an import did, or would do.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Every entity, in the order of the documents.
    pub entries: Vec<Entry>,
    /// Why the import is refused as a whole.
    pub refusals: Vec<String>,
    /// What whoever imports should know.
    pub notes: Vec<String>,
    /// The account that the documents are of, if they say so.
    pub from: Option<AccountId>,
}

impl Report {
    /// Whether nothing was, or would be, imported because something is refused.
    pub fn is_refused(&self) -> bool {
        !self.refusals.is_empty() || self.count(Outcome::Refused) > 0
    }

    /// How many entities have that outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        let of = self.entries.iter().filter(|entry| entry.outcome == outcome);
        of.count()
    }
}

/// The accounts that principals in trust policies name, besides the one that is imported to.
type Others = HashMap<AccountId, Arc<Account>>;

impl Realm {
    /// Imports documents to an account, or says why not: then nothing was changed. `progress` is told
    /// how many entities have been looked at.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`], or [`Error::Internal`] where there is no such account.
    pub async fn import(
        &self,
        id: AccountId,
        import: &Import,
        options: &Options,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<Report, Error> {
        if self.account(id).await?.is_none() {
            return Err(Error::Internal(format!("there is no account {id}").into()));
        }
        let others = self.others(id, import, options).await?;
        let origin = self.own_origin(import.action);
        self.change_with_directory(
            |_| Ok(id),
            &origin,
            None,
            |directory, realm, draft| {
                let planner = Planner::new(draft, directory, &others, &import.details, options);
                let (report, aliases) = planner.plan(import, progress);
                if !options.dry_run && !report.is_refused() {
                    let after = report
                        .entries
                        .iter()
                        .filter_map(|entry| entry.after.clone());
                    draft.change.puts.extend(after);
                    *realm = aliases;
                }
                Ok(report)
            },
        )
        .await
    }

    /// Loads the accounts that trust policies name.
    async fn others(
        &self,
        id: AccountId,
        import: &Import,
        options: &Options,
    ) -> Result<Others, Error> {
        let details = &import.details;
        let from = plan::origin_of(details).filter(|_| !options.keep_account_ids);
        let mut named = BTreeSet::new();
        for role in &details.role_detail_list {
            let Ok(text) = role.assume_role_policy_document.text(details.is_own()) else {
                continue;
            };
            let text = match from.and_then(|from| document::with_account(&text, from, id)) {
                Some((text, _)) => text,
                None => text,
            };
            let Ok(policy) = Policy::stored(&text, Kind::Trust) else {
                continue;
            };
            let aws = policy
                .principals()
                .filter(|(kind, _)| *kind == PrincipalType::Aws);
            named.extend(aws.filter_map(|(_, text)| crate::trust::account_named(text)));
        }
        named.remove(&id);
        let mut others = Others::new();
        for id in named {
            if let Some(account) = self.account(id).await? {
                others.insert(id, account);
            }
        }
        Ok(others)
    }
}
