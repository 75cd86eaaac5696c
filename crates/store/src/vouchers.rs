//! What sources are asked again: rows that are claimed and settled by comparing their versions.

use crate::error::Failure;
use locum_identity::environment::Seconds;
use locum_identity::port::{Committed, Settled, Voucher};
use rusqlite::Connection;

/// Keeps one, over the one before of the same question, and forgets all that have expired.
pub(crate) fn keep(connection: &Connection, voucher: &Voucher) -> Result<Committed, Failure> {
    connection
        .prepare_cached("DELETE FROM vouchers WHERE expires <= ?1")?
        .execute((voucher.answered,))?;
    connection
        .prepare_cached(
            "INSERT INTO vouchers (provider, question, version, body, expires, answered, due)
             VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6)
             ON CONFLICT (provider, question) DO UPDATE SET
                 version = version + 1,
                 body = excluded.body,
                 expires = max(expires, excluded.expires),
                 answered = max(answered, excluded.answered),
                 due = excluded.due",
        )?
        .execute((
            &voucher.provider,
            &voucher.question,
            &voucher.body,
            voucher.expires,
            voucher.answered,
            voucher.due,
        ))?;
    Ok(Committed::Yes)
}

/// Settles all of them, or none where one has changed since it was read.
pub(crate) fn settle(connection: &Connection, settled: &[Settled]) -> Result<Committed, Failure> {
    let mut update = connection.prepare_cached(
        "UPDATE vouchers SET version = version + 1, answered = ?4, due = ?5
         WHERE provider = ?1 AND question = ?2 AND version = ?3",
    )?;
    let mut delete = connection.prepare_cached(
        "DELETE FROM vouchers WHERE provider = ?1 AND question = ?2 AND version = ?3",
    )?;
    for one in settled {
        let (provider, question) = (&one.provider, &one.question);
        let changed = match one.next {
            Some((answered, due)) => {
                update.execute((provider, question, one.version, answered, due))?
            }
            None => delete.execute((provider, question, one.version))?,
        };
        if changed == 0 {
            return Ok(Committed::Conflict);
        }
    }
    Ok(Committed::Yes)
}

/// Those that are due, the longest overdue first.
pub(crate) fn due(
    connection: &mut Connection,
    now: Seconds,
    limit: usize,
) -> Result<Vec<Voucher>, Failure> {
    let mut statement = connection.prepare_cached(
        "SELECT provider, question, version, body, expires, answered, due FROM vouchers
         WHERE due <= ?1 AND expires > ?1 ORDER BY due LIMIT ?2",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = statement.query_map((now, limit), |row| {
        Ok(Voucher {
            provider: row.get(0)?,
            question: row.get(1)?,
            version: row.get(2)?,
            body: row.get(3)?,
            expires: row.get(4)?,
            answered: row.get(5)?,
            due: row.get(6)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
