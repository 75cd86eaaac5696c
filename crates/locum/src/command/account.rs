//! `locum account`: an account is put back to what it was. It works on a data directory, also while
//! servers run on it: they follow.

use super::text::PlainLines;
use super::{Format, StoreArgs, account_id, moment, print, print_json};
use crate::Failure;
use crate::data_dir::{described, open_to_change, past};
use crate::difference::{lines, names, view};
use crate::environment::{runtime, system};
use clap::{Args, Subcommand};
use locum_identity::entity::Entity;
use locum_identity::environment::Seconds;
use locum_identity::names::AccountId;
use locum_identity::realm::{OldCredentials, Realm, Restored};
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::process::ExitCode;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum AccountCommand {
    /// Put an account back to what it was at a time, as one new change
    ///
    /// Users, groups, roles, policies, providers, certificates and settings become what they were;
    /// credentials made since are deleted. Credentials that were deleted or switched off since stay
    /// so, unless --with-credentials. Buckets, delegation requests, the account's alias and MFA
    /// devices stay as they are. Exit code 0: it is done; 1: it cannot be, and nothing is changed; 2:
    /// wrong usage.
    Restore(RestoreArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RestoreArgs {
    /// The account, twelve digits
    #[arg(long, value_name = "N", value_parser = account_id)]
    account_id: AccountId,
    /// The moment, as 2026-01-01T12:00:00Z: what was changed later is undone
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Seconds,
    /// Put back passwords, access keys, MFA devices and other credentials, too. Do not, if they may be
    /// gone because somebody else has them
    #[arg(long)]
    with_credentials: bool,
    /// Say what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    store: StoreArgs,
}

impl AccountCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let Self::Restore(args) = self;
        runtime()?.block_on(args.run())?;
        Ok(ExitCode::SUCCESS)
    }
}

impl RestoreArgs {
    async fn run(self) -> Result<(), Failure> {
        let place = self.store.place.clone().resolve()?;
        let past = past(&place, self.to).await?;
        let (_directory, realm) = open_to_change(&place, system().0).await?;
        let credentials = if self.with_credentials {
            OldCredentials::Revive
        } else {
            OldCredentials::StayDead
        };
        let restored = self.restore(&realm, &past, credentials).await?;
        let shown = Shown::of(self.account_id, &restored);
        match self.store.format {
            Format::Json => print_json(&shown.json()),
            Format::Text => print(&shown.text(self.dry_run)),
        }
    }

    async fn restore(
        &self,
        realm: &Realm,
        past: &locum_identity::past::Past,
        credentials: OldCredentials,
    ) -> Result<Restored, Failure> {
        realm
            .restore_account(self.account_id, past, credentials, self.dry_run)
            .await
            .map_err(|error| described("cannot put the account back", &error))
    }
}

/// What was changed, as it is printed.
struct Shown {
    changes: Vec<(String, Option<Value>, Option<Value>)>,
    left_dead: Vec<String>,
}

impl Shown {
    fn of(account: AccountId, restored: &Restored) -> Self {
        let all = restored.changes.iter();
        let entities = all.flat_map(|(before, after)| before.iter().chain(after));
        let names = names(account, entities);
        let name = |id: &str| names.get(id).cloned();
        let called = |entity: &Entity| {
            let key = entity.key();
            let name = entity.arn(account).unwrap_or(key.key);
            format!("{} {name}", key.kind.as_str())
        };
        let change = |(before, after): &(Option<Entity>, Option<Entity>)| {
            let either = after.as_ref().or(before.as_ref())?;
            Some((
                called(either),
                before.as_ref().map(|it| view(it, &name)),
                after.as_ref().map(|it| view(it, &name)),
            ))
        };
        Self {
            changes: restored.changes.iter().filter_map(change).collect(),
            left_dead: restored.left_dead.iter().map(called).collect(),
        }
    }

    fn text(&self, dry_run: bool) -> String {
        let mut text = String::new();
        for (what, before, after) in &self.changes {
            let done = match (before, after) {
                (None, _) => "back",
                (_, None) => "gone",
                _ => "as it was",
            };
            // Writing to a string does not fail.
            let _ = writeln!(text, "{done}: {}", PlainLines(what));
            if before.is_some() && after.is_some() {
                for line in lines(before.as_ref(), after.as_ref()).lines() {
                    let _ = writeln!(text, "    {}", PlainLines(line));
                }
            }
        }
        for what in &self.left_dead {
            let _ = writeln!(text, "not put back: {}", PlainLines(what));
        }
        let count = self.changes.len();
        let _ = match (count, dry_run) {
            (0, _) => writeln!(text, "nothing differs"),
            (_, true) => writeln!(text, "{count} would change"),
            (_, false) => writeln!(text, "{count} changed"),
        };
        text
    }

    fn json(&self) -> Value {
        let change = |(what, before, after): &(String, Option<Value>, Option<Value>)| json!({ "entity": what, "before": before, "after": after });
        json!({
            "changes": self.changes.iter().map(change).collect::<Vec<_>>(),
            "notPutBack": self.left_dead,
        })
    }
}
