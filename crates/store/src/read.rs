//! Reading: a row that is not understood fails the whole answer.

use crate::error::Failure;
use locum_identity::names::AccountId;
use locum_identity::port::{Access, FeedEntry, LastUse, Loaded, Origin, Record, Report, Scope};
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// A scope, version and entities as of one moment.
pub(crate) fn load(connection: &mut Connection, scope: Scope) -> Result<Loaded, Failure> {
    let snapshot = connection.transaction()?;
    let version = version(&snapshot, scope)?;
    let mut statement = snapshot.prepare_cached(
        "SELECT kind, key, body FROM entities WHERE scope = ?1 ORDER BY kind, key",
    )?;
    let mut rows = statement.query((scope.as_text(),))?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        let record = Record {
            kind: row.get(0)?,
            key: row.get(1)?,
            body: row.get(2)?,
        };
        if !is_document(&record.body) {
            let (scope, kind, key) = (scope.as_text(), record.kind, record.key);
            return Err(Failure::Unreadable(format!(
                "entity `{key}` of kind `{kind}` in scope `{scope}`"
            )));
        }
        records.push(record);
    }
    Ok(Loaded { version, records })
}

/// The newest version of a scope; 0 if it was never written.
pub(crate) fn version(connection: &Connection, scope: Scope) -> Result<u64, Failure> {
    let version: Option<i64> = connection
        .prepare_cached("SELECT version FROM scopes WHERE scope = ?1")?
        .query_row((scope.as_text(),), |row| row.get(0))
        .optional()?;
    match version {
        None => Ok(0),
        Some(version) => positive(version, || {
            format!("the version of scope `{}`", scope.as_text())
        }),
    }
}

/// At most `limit` entries behind `after`.
pub(crate) fn feed(
    connection: &mut Connection,
    after: u64,
    limit: usize,
) -> Result<Vec<FeedEntry>, Failure> {
    // What is beyond SQLite's integers is beyond every sequence number, and beyond every count.
    let after = i64::try_from(after).unwrap_or(i64::MAX);
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(
        "SELECT sequence, scope, version, at, actor, action, request_id, puts, deletes
         FROM feed WHERE sequence > ?1 ORDER BY sequence LIMIT ?2",
    )?;
    let mut rows = statement.query((after, limit))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(feed_entry(row)?);
    }
    Ok(entries)
}

/// One row of the feed with the columns in the order of the table.
pub(crate) fn feed_entry(row: &Row<'_>) -> Result<FeedEntry, Failure> {
    let sequence: i64 = row.get(0)?;
    let part = |what: &str| Failure::Unreadable(format!("the {what} of feed entry {sequence}"));
    let scope: String = row.get(1)?;
    let puts: String = row.get(7)?;
    let deletes: String = row.get(8)?;
    // The parser's own message could quote the content.
    let puts: Vec<Put<'_>> = serde_json::from_str(&puts).map_err(|_| part("puts"))?;
    let deletes: Vec<(String, String)> =
        serde_json::from_str(&deletes).map_err(|_| part("deletes"))?;
    Ok(FeedEntry {
        sequence: positive(sequence, || {
            format!("the sequence number of feed entry {sequence}")
        })?,
        scope: Scope::parse(&scope).ok_or_else(|| part("scope"))?,
        version: positive(row.get(2)?, || {
            format!("the version of feed entry {sequence}")
        })?,
        origin: Origin {
            at: row.get(3)?,
            actor: row.get(4)?,
            action: row.get(5)?,
            request_id: row.get(6)?,
        },
        puts: puts.into_iter().map(Put::into_record).collect(),
        deletes,
    })
}

/// The newest sequence number, or 0.
pub(crate) fn newest(connection: &mut Connection) -> Result<u64, Failure> {
    let newest: Option<i64> = connection
        .prepare_cached("SELECT max(sequence) FROM feed")?
        .query_row((), |row| row.get(0))?;
    newest.map_or(Ok(0), |newest| {
        positive(newest, || {
            format!("the sequence number of feed entry {newest}")
        })
    })
}

/// Every last use of an account, by subject.
pub(crate) fn last_uses(
    connection: &mut Connection,
    account: AccountId,
) -> Result<Vec<LastUse>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT subject, at, service, region FROM last_uses WHERE account = ?1 ORDER BY subject",
    )?;
    let uses = statement.query_map((account.as_str(),), |row| {
        Ok(LastUse {
            account,
            subject: row.get(0)?,
            at: row.get(1)?,
            service: row.get(2)?,
            region: row.get(3)?,
        })
    })?;
    Ok(uses.collect::<Result<_, _>>()?)
}

/// The last attempts of one principal of an account, or of all.
pub(crate) fn accesses(
    connection: &mut Connection,
    account: AccountId,
    principal: Option<&str>,
) -> Result<Vec<Access>, Failure> {
    let mut statement = connection.prepare_cached(match principal {
        Some(_) => {
            "SELECT principal, service, action, at, region FROM accesses
             WHERE account = ?1 AND principal = ?2"
        }
        None => {
            "SELECT principal, service, action, at, region FROM accesses
             WHERE account = ?1 AND ?2 IS NULL"
        }
    })?;
    let accesses = statement.query_map((account.as_str(), principal), |row| {
        Ok(Access {
            account,
            principal: row.get(0)?,
            service: row.get(1)?,
            action: row.get(2)?,
            at: row.get(3)?,
            region: row.get(4)?,
        })
    })?;
    Ok(accesses.collect::<Result<_, _>>()?)
}

/// The report of that id.
pub(crate) fn report(
    connection: &mut Connection,
    account: AccountId,
    id: &str,
) -> Result<Option<Report>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT created, expires, body FROM reports WHERE account = ?1 AND id = ?2",
    )?;
    let report = statement.query_row((account.as_str(), id), |row| {
        Ok(Report {
            account,
            id: id.to_owned(),
            created: row.get(0)?,
            expires: row.get(1)?,
            body: row.get(2)?,
        })
    });
    Ok(report.optional()?)
}

/// Whether `body` is one JSON document and nothing else, not even white space around it: the feed
/// embeds it, and must give back the same bytes.
pub(crate) fn is_document(body: &str) -> bool {
    serde_json::from_str::<&RawValue>(body).is_ok_and(|value| value.get().len() == body.len())
}

/// A record as the feed's JSON has it.
#[derive(serde::Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Put<'a> {
    #[serde(borrow)]
    pub(crate) kind: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) key: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) body: &'a RawValue,
}

impl Put<'_> {
    fn into_record(self) -> Record {
        Record {
            kind: self.kind.into_owned(),
            key: self.key.into_owned(),
            body: self.body.get().to_owned(),
        }
    }
}

/// Versions and sequence numbers count from 1.
fn positive(number: i64, what: impl FnOnce() -> String) -> Result<u64, Failure> {
    u64::try_from(number)
        .ok()
        .filter(|number| *number > 0)
        .ok_or_else(|| Failure::Unreadable(what()))
}
