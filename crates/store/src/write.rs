//! Writing: many commits in one transaction, each all or nothing by itself.

use crate::error::{Failure, Refusal};
use crate::oneshot::Sender;
use crate::queue::Queue;
use crate::read::{Put, is_document, version};
use crate::schema::Place;
use crate::vouchers;
use locum_identity::environment::Seconds;
use locum_identity::port::{
    Access, Chain, Committed, LastUse, Origin, REPORTS_KEPT, Report, Scope, Settled, Voucher, Write,
};
use rusqlite::Connection;
use std::borrow::Cow;
use std::collections::HashSet;

/// What the writer's thread is asked to do.
pub(crate) enum Job {
    /// Change something; the answer comes when it is durable.
    Write(Change, Sender<Result<Committed, Failure>>),
    /// Read on the writer's connection, outside of any transaction.
    Read(Read),
}

/// A read, which answers by itself.
pub(crate) type Read = Box<dyn FnOnce(Result<&mut Connection, Failure>) + Send>;

/// One thing that is written wholly or not at all.
pub(crate) enum Change {
    /// Writes to scopes.
    Commit(Commit),
    /// Last uses.
    Uses(Vec<LastUse>),
    /// Last attempts at actions, and from when on they are kept.
    Accesses(Vec<Access>, Seconds),
    /// A report.
    Report(Report),
    /// What a source is asked again.
    Voucher(Voucher),
    /// What became of asking sources.
    Settled(Vec<Settled>),
}

impl Change {
    fn chain(&self) -> Option<&Chain> {
        match self {
            Self::Commit(commit) => commit.chain.as_ref(),
            Self::Uses(_)
            | Self::Accesses(..)
            | Self::Report(_)
            | Self::Voucher(_)
            | Self::Settled(_) => None,
        }
    }
}

/// A commit that makes sense, with what the feed will say.
pub(crate) struct Commit {
    writes: Vec<(Write, FeedText)>,
    origin: Origin,
    /// What it stands and falls with.
    chain: Option<Chain>,
}

struct FeedText {
    puts: String,
    deletes: String,
}

impl Commit {
    /// Checks everything that needs no database, on the caller's thread.
    pub(crate) fn new(
        writes: Vec<Write>,
        origin: Origin,
        chain: Option<Chain>,
    ) -> Result<Self, Failure> {
        let mut scopes = HashSet::new();
        let mut checked = Vec::with_capacity(writes.len());
        for write in writes {
            if !scopes.insert(write.scope) {
                return Err(Failure::Refused(Refusal::ScopeTwice {
                    scope: write.scope.as_text().to_owned(),
                }));
            }
            let text = feed_text(&write)?;
            checked.push((write, text));
        }
        Ok(Self {
            writes: checked,
            origin,
            chain,
        })
    }
}

/// The only one in this process that writes to the database.
pub(crate) struct Writer {
    place: Place,
    /// `None` after a failure, until it could be opened again.
    connection: Option<Connection>,
}

impl Writer {
    pub(crate) fn new(place: Place, connection: Connection) -> Self {
        Self {
            place,
            connection: Some(connection),
        }
    }

    /// Works until the queue is closed and empty.
    pub(crate) fn run(mut self, queue: &Queue<Job>) {
        while let Some(jobs) = queue.take(usize::MAX) {
            let (mut changes, mut answers, mut reads) = (Vec::new(), Vec::new(), Vec::new());
            for job in jobs {
                match job {
                    Job::Write(change, answer) => {
                        changes.push(change);
                        answers.push(answer);
                    }
                    Job::Read(read) => reads.push(read),
                }
            }
            if !changes.is_empty() {
                let outcomes = self.write(&changes);
                answers
                    .into_iter()
                    .zip(outcomes)
                    .for_each(|(answer, outcome)| answer.send(outcome));
            }
            for read in reads {
                read(self.connection());
            }
        }
    }

    /// One outcome for each change, in order; all are durable.
    fn write(&mut self, changes: &[Change]) -> Vec<Result<Committed, Failure>> {
        match self
            .connection()
            .and_then(|connection| transact(connection, changes))
        {
            Ok(outcomes) => outcomes,
            Err(failure) => {
                // Before the next transaction begins, and before anybody knows.
                changes
                    .iter()
                    .filter_map(Change::chain)
                    .for_each(Chain::break_off);
                self.recover();
                changes.iter().map(|_| Err(failure.clone())).collect()
            }
        }
    }

    /// Goes back to what the database really holds. After a failed commit nothing that this
    /// connection remembers is relied on: the next one reads everything again.
    fn recover(&mut self) {
        match (&self.place, self.connection.take()) {
            (Place::File(_), connection) => drop(connection),
            (Place::Memory, Some(connection)) => {
                // The connection is the database. If it cannot roll back, it is of no use any more.
                let whole =
                    connection.is_autocommit() || connection.execute_batch("ROLLBACK").is_ok();
                self.connection = whole.then_some(connection);
            }
            (Place::Memory, None) => {}
        }
    }

    fn connection(&mut self) -> Result<&mut Connection, Failure> {
        if self.connection.is_none() {
            self.connection = self.place.connect()?;
        }
        self.connection.as_mut().ok_or(Failure::Stopped)
    }
}

/// Applies every change and commits once. `Err` means that none of them is to be relied on.
fn transact(
    connection: &Connection,
    changes: &[Change],
) -> Result<Vec<Result<Committed, Failure>>, Failure> {
    // Immediate: the versions that are compared cannot change before the commit.
    run(connection, "BEGIN IMMEDIATE")?;
    let outcomes = changes
        .iter()
        .map(|change| isolate(connection, change))
        .collect::<Result<_, _>>()?;
    run(connection, "COMMIT")?;
    Ok(outcomes)
}

/// Applies one change in a savepoint. The inner result is its own; the outer is `Err` when the whole
/// transaction was lost with it, as on some errors SQLite rolls back by itself.
fn isolate(
    connection: &Connection,
    change: &Change,
) -> Result<Result<Committed, Failure>, Failure> {
    if change.chain().is_some_and(Chain::is_broken) {
        return Ok(Ok(Committed::Conflict));
    }
    run(connection, "SAVEPOINT change")?;
    let outcome = match change {
        Change::Commit(commit) => apply(connection, commit),
        Change::Uses(uses) => keep(connection, uses),
        Change::Accesses(accesses, since) => keep_accesses(connection, accesses, *since),
        Change::Report(report) => keep_report(connection, report),
        Change::Voucher(voucher) => vouchers::keep(connection, voucher),
        Change::Settled(settled) => vouchers::settle(connection, settled),
    };
    if connection.is_autocommit() {
        return Err(outcome.err().unwrap_or(Failure::Stopped));
    }
    if !matches!(outcome, Ok(Committed::Yes)) {
        if let Some(chain) = change.chain() {
            chain.break_off();
        }
        run(connection, "ROLLBACK TO change")?;
    }
    run(connection, "RELEASE change")?;
    Ok(outcome)
}

/// Runs a statement that answers nothing, and is compiled once.
fn run(connection: &Connection, statement: &str) -> Result<(), Failure> {
    connection.prepare_cached(statement)?.execute(())?;
    Ok(())
}

fn apply(connection: &Connection, commit: &Commit) -> Result<Committed, Failure> {
    for (write, text) in &commit.writes {
        if version(connection, write.scope)? != write.expected_version {
            return Ok(Committed::Conflict);
        }
        apply_write(connection, write, text, &commit.origin)?;
    }
    Ok(Committed::Yes)
}

fn apply_write(
    connection: &Connection,
    write: &Write,
    text: &FeedText,
    origin: &Origin,
) -> Result<(), Failure> {
    let scope = write.scope.as_text();
    let version = next_version(write.scope, write.expected_version)?;
    connection
        .prepare_cached(
            "INSERT INTO scopes (scope, version) VALUES (?1, ?2)
             ON CONFLICT (scope) DO UPDATE SET version = excluded.version",
        )?
        .execute((scope, version))?;
    let mut delete = connection
        .prepare_cached("DELETE FROM entities WHERE scope = ?1 AND kind = ?2 AND key = ?3")?;
    for (kind, key) in &write.deletes {
        delete.execute((scope, kind, key))?;
    }
    let mut put = connection.prepare_cached(
        "INSERT INTO entities (scope, kind, key, body) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (scope, kind, key) DO UPDATE SET body = excluded.body",
    )?;
    for record in &write.puts {
        put.execute((scope, &record.kind, &record.key, &record.body))?;
    }
    connection
        .prepare_cached(
            "INSERT INTO feed (scope, version, at, actor, action, request_id, puts, deletes)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?
        .execute((
            scope,
            version,
            origin.at,
            &origin.actor,
            &origin.action,
            &origin.request_id,
            &text.puts,
            &text.deletes,
        ))?;
    Ok(())
}

/// SQLite's integers end before the port's. No scope gets there.
fn next_version(scope: Scope, version: u64) -> Result<i64, Failure> {
    let next = version
        .checked_add(1)
        .and_then(|next| i64::try_from(next).ok());
    next.ok_or_else(|| Failure::Unreadable(format!("the version of scope `{}`", scope.as_text())))
}

/// Keeps uses unless a newer one of the same subject is there.
fn keep(connection: &Connection, uses: &[LastUse]) -> Result<Committed, Failure> {
    let mut put = connection.prepare_cached(
        "INSERT INTO last_uses (account, subject, at, service, region) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (account, subject) DO UPDATE
         SET at = excluded.at, service = excluded.service, region = excluded.region
         WHERE excluded.at >= last_uses.at",
    )?;
    for used in uses {
        put.execute((
            used.account.as_str(),
            &used.subject,
            used.at,
            &used.service,
            &used.region,
        ))?;
    }
    Ok(Committed::Yes)
}

/// Keeps attempts unless a newer one of the same principal at the same action is there.
fn keep_accesses(
    connection: &Connection,
    accesses: &[Access],
    since: Seconds,
) -> Result<Committed, Failure> {
    let mut put = connection.prepare_cached(
        "INSERT INTO accesses (account, principal, service, action, at, region)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)
         ON CONFLICT (account, principal, service, action) DO UPDATE
         SET at = excluded.at, region = excluded.region
         WHERE excluded.at >= accesses.at",
    )?;
    for access in accesses {
        put.execute((
            access.account.as_str(),
            &access.principal,
            &access.service,
            &access.action,
            access.at,
            &access.region,
        ))?;
    }
    connection
        .prepare_cached("DELETE FROM accesses WHERE at < ?1")?
        .execute((since,))?;
    Ok(Committed::Yes)
}

fn keep_report(connection: &Connection, report: &Report) -> Result<Committed, Failure> {
    connection
        .prepare_cached("DELETE FROM reports WHERE expires <= ?1")?
        .execute((report.created,))?;
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO reports (account, id, created, expires, body)
             VALUES (?1, ?2, ?3, ?4, ?5)",
        )?
        .execute((
            report.account.as_str(),
            &report.id,
            report.created,
            report.expires,
            &report.body,
        ))?;
    let kept = i64::try_from(REPORTS_KEPT).unwrap_or(i64::MAX);
    connection
        .prepare_cached(
            "DELETE FROM reports WHERE account = ?1 AND rowid NOT IN
             (SELECT rowid FROM reports WHERE account = ?1 ORDER BY rowid DESC LIMIT ?2)",
        )?
        .execute((report.account.as_str(), kept))?;
    Ok(Committed::Yes)
}

fn feed_text(write: &Write) -> Result<FeedText, Failure> {
    let mut entities = HashSet::new();
    let mut once = |kind: &str, key: &str| {
        if entities.insert((kind.to_owned(), key.to_owned())) {
            return Ok(());
        }
        Err(Failure::Refused(Refusal::EntityTwice {
            kind: kind.to_owned(),
            key: key.to_owned(),
        }))
    };
    let mut puts = Vec::with_capacity(write.puts.len());
    for record in &write.puts {
        let (kind, key) = (record.kind.as_str(), record.key.as_str());
        once(kind, key)?;
        let refusal = || {
            Failure::Refused(Refusal::Body {
                kind: kind.to_owned(),
                key: key.to_owned(),
            })
        };
        if !is_document(&record.body) {
            return Err(refusal());
        }
        let body = serde_json::from_str(&record.body).map_err(|_| refusal())?;
        puts.push(Put {
            kind: Cow::Borrowed(kind),
            key: Cow::Borrowed(key),
            body,
        });
    }
    for (kind, key) in &write.deletes {
        once(kind, key)?;
    }
    let text = |json: serde_json::Result<String>| {
        json.map_err(|error| Failure::Engine(std::sync::Arc::new(error)))
    };
    Ok(FeedText {
        puts: text(serde_json::to_string(&puts))?,
        deletes: text(serde_json::to_string(&write.deletes))?,
    })
}
