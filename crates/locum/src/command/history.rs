//! `locum history`: who changed what, and when. It reads a data directory, also while servers run
//! on it.

use super::text::{Paint, PlainLines, ascii_controls};
use super::{Format, StoreArgs, account_id, moment, print};
use crate::Failure;
use crate::data_dir::{open_store_to_read, open_to_read};
use crate::difference::{lines, view};
use crate::environment::{runtime, system};
use clap::Args;
use locum_identity::entity::Entity;
use locum_identity::environment::{Seconds, timestamp};
use locum_identity::history::{Changed, History, Subject};
use locum_identity::names::{AccountId, Constrained as _};
use locum_identity::port::FeedEntry;
use locum_policy::Arn;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fmt::Write as _;
use std::io::stdout;
use std::process::ExitCode;

#[derive(Args, Clone, Debug)]
pub(crate) struct HistoryArgs {
    /// Only what concerns this user, group, role, policy or other entity of IAM, or bucket: an ARN
    /// that it has or had. Its other names, its credentials, its attachments and who is in it are
    /// part of it
    #[arg(long, value_name = "ARN")]
    entity: Option<String>,
    /// The account, twelve digits [default: that of --entity, or the management account]
    #[arg(long, value_name = "N", value_parser = account_id)]
    account_id: Option<AccountId>,
    /// Only what changed at this moment or later, as 2026-01-01T12:00:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Seconds>,
    /// Only what changed until this moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Seconds>,
    /// Only the newest so many changes
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    #[command(flatten)]
    store: StoreArgs,
}

/// One change, with the states before and after as they are shown.
struct Event {
    entry: FeedEntry,
    changes: Vec<Shown>,
}

struct Shown {
    /// The kind, and what it is called.
    what: String,
    kind: &'static str,
    arn: Option<String>,
    before: Option<Value>,
    after: Option<Value>,
}

impl HistoryArgs {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            let events = self.events().await?;
            if self.store.format == Format::Json {
                for event in &events {
                    print(&(ascii_controls(&event.json().to_string()) + "\n"))?;
                }
            } else {
                let paint = Paint::for_stream(&stdout());
                for event in &events {
                    print(&event.text(paint))?;
                }
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn events(&self) -> Result<VecDeque<Event>, Failure> {
        let place = self.store.place.clone().resolve()?;
        let account = self.account(&place).await?;
        let store = open_store_to_read(&place)?;
        let untold = |error| Failure::work("cannot read the history", error);
        let subject = match &self.entity {
            None => None,
            Some(arn) => match Subject::find(&store, account, arn).await.map_err(untold)? {
                Some(subject) => Some(subject),
                None => {
                    return Err(Failure::Work(format!(
                        "nothing in account {account} has or had the ARN `{arn}`"
                    )));
                }
            },
        };
        let mut events = VecDeque::new();
        History::read(&store, account, |history, entry, changed| {
            let at = entry.origin.at;
            // The feed is in the order of commits: a request that came earlier may stand later.
            if self.since.is_some_and(|since| at < since)
                || self.until.is_some_and(|until| at > until)
            {
                return true;
            }
            let concerned = changed.iter().filter(|changed| {
                let subject = subject.as_ref();
                subject.is_none_or(|subject| subject.is_concerned(changed))
            });
            let changes: Vec<_> = concerned.map(|it| Shown::of(history, it)).collect();
            if changes.is_empty() {
                return true;
            }
            events.push_back(Event {
                entry: FeedEntry {
                    puts: Vec::new(),
                    deletes: Vec::new(),
                    ..entry.clone()
                },
                changes,
            });
            if self.limit.is_some_and(|limit| events.len() > limit) {
                events.pop_front();
            }
            true
        })
        .await
        .map_err(untold)?;
        Ok(events)
    }

    /// The account that is meant.
    async fn account(&self, place: &crate::config::Place) -> Result<AccountId, Failure> {
        let named = self.entity.as_deref().and_then(|arn| {
            let arn = Arn::parse(arn)?;
            AccountId::parse(arn.account()).ok()
        });
        if let Some(account) = self.account_id.or(named) {
            return Ok(account);
        }
        let realm = open_to_read(place, system().0).await?;
        let directory = realm.directory();
        // A bucket's ARN does not name its account.
        let bucket = self
            .entity
            .as_deref()
            .and_then(|arn| arn.strip_prefix("arn:aws:s3:::"));
        if let Some(owner) = bucket.and_then(|name| directory.owner_of_bucket(name)) {
            return Ok(owner);
        }
        match &directory.organization {
            Some(organization) => Ok(organization.management_account),
            None => Err(Failure::Work("the realm has no organization".to_owned())),
        }
    }
}

impl Shown {
    fn of(history: &History, changed: &Changed) -> Self {
        let name = |id: &str| history.name(id).map(str::to_owned);
        let arn = |entity: &Entity| entity.arn(history.account());
        let either = changed.after.as_ref().or(changed.before.as_ref());
        let arn = either.and_then(arn);
        let kind = changed.key.kind.as_str();
        let mut what = format!("{kind} {}", arn.as_deref().unwrap_or(&changed.key.key));
        let owner = either.and_then(Entity::owner);
        if let Some(locum_identity::entity::KeyOwner::User(id)) = owner
            && let Some(owner) = history.name(id.as_str())
        {
            let _ = write!(what, " of {owner}");
        }
        Self {
            what,
            kind,
            arn,
            before: changed.before.as_ref().map(|entity| view(entity, &name)),
            after: changed.after.as_ref().map(|entity| view(entity, &name)),
        }
    }
}

impl Event {
    fn text(&self, paint: Paint) -> String {
        let origin = &self.entry.origin;
        let head = format!(
            "{}  {}  by {}  request {}",
            timestamp(origin.at),
            origin.action,
            origin.actor,
            origin.request_id
        );
        // Names are data: they must not move the cursor.
        let mut text = paint.bold(&PlainLines(&head).to_string()) + "\n";
        for change in &self.changes {
            let done = match (&change.before, &change.after) {
                (None, _) => "created",
                (_, None) => "deleted",
                _ => "changed",
            };
            let _ = writeln!(text, "  {done} {}", PlainLines(&change.what));
            for line in lines(change.before.as_ref(), change.after.as_ref()).lines() {
                let line = PlainLines(line).to_string();
                let line = match line.as_bytes().first() {
                    Some(b'+') => paint.green(&line),
                    Some(b'-') => paint.red(&line),
                    _ => line,
                };
                let _ = writeln!(text, "    {line}");
            }
        }
        text
    }

    fn json(&self) -> Value {
        let origin = &self.entry.origin;
        let changes: Vec<_> = self
            .changes
            .iter()
            .map(|change| {
                json!({
                    "kind": change.kind,
                    "arn": change.arn,
                    "before": change.before,
                    "after": change.after,
                })
            })
            .collect();
        json!({
            "sequence": self.entry.sequence,
            "at": timestamp(origin.at),
            "action": origin.action,
            "actor": origin.actor,
            "requestId": origin.request_id,
            "changes": changes,
        })
    }
}
