//! The index: an embedded SQLite database that says which objects there are. What is committed
//! here is visible; what is not, does not exist.
//!
//! One thread writes. It takes all that is waiting into one transaction, each piece of work in a
//! savepoint of its own, so that writers share the cost of making a commit durable. Readers have
//! connections of their own and never wait for it (write-ahead log).

use super::Error;
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Keys are blobs: their order is that of their bytes, which S3 lists in.
/// `body` names the bytes of an object or part: the files of its segments, in order.
/// A body in `doomed` is referred to by nothing: its files are to be removed.
/// A bucket in `removed` is no more: a write that was under way must not come into it. It stands
/// there while such writes can live, in whatever process: until one opens the directory alone.
const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS object (
        bucket TEXT NOT NULL, key BLOB NOT NULL, body BLOB NOT NULL,
        size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL,
        parts INTEGER, headers TEXT NOT NULL, checksum TEXT,
        PRIMARY KEY (bucket, key)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS segment (
        body BLOB NOT NULL, start INTEGER NOT NULL, number INTEGER NOT NULL,
        size INTEGER NOT NULL, file BLOB NOT NULL, checksum TEXT,
        PRIMARY KEY (body, start)
    ) WITHOUT ROWID;
    CREATE UNIQUE INDEX IF NOT EXISTS segment_file ON segment (file);
    CREATE TABLE IF NOT EXISTS upload (
        bucket TEXT NOT NULL, key BLOB NOT NULL, id TEXT NOT NULL UNIQUE,
        initiated INTEGER NOT NULL, initiator TEXT NOT NULL,
        headers TEXT NOT NULL, algorithm TEXT, kind TEXT,
        PRIMARY KEY (bucket, key, id)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS part (
        upload TEXT NOT NULL, number INTEGER NOT NULL, body BLOB NOT NULL,
        size INTEGER NOT NULL, etag TEXT NOT NULL, modified INTEGER NOT NULL, checksum TEXT,
        PRIMARY KEY (upload, number)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS doomed (body BLOB PRIMARY KEY) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS removed (bucket TEXT PRIMARY KEY) WITHOUT ROWID;
    PRAGMA user_version = 1;
";

/// How many pieces of work may share a commit, and wait for one.
const BATCH: usize = 128;

/// How long another process may hold the write lock before an operation fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How many idle connections are kept for readers.
const IDLE: usize = 8;

/// Work for the writing thread: whether it wants to be kept, and how to tell its author what
/// became of it.
type Job = Box<dyn FnOnce(&Connection) -> (bool, Answer) + Send>;
type Answer = Box<dyn FnOnce(bool) + Send>;

/// The index of a data directory.
pub(super) struct Index {
    path: PathBuf,
    jobs: SyncSender<Job>,
    idle: Mutex<Vec<Connection>>,
}

impl Index {
    /// Opens the index in `directory`, making it if there is none. `alone`: no other process has it.
    pub(super) fn open(directory: &Path, alone: bool) -> Result<Self, Error> {
        let path = directory.join("index.sqlite");
        // SQLite gives the files beside it the mode of this one.
        super::private_file()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)?;
        let connection = Connection::open(&path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
        if version > 1 {
            return Err(Error::Unavailable(
                format!("the object index has the unknown format {version}").into(),
            ));
        }
        connection.execute_batch(SCHEMA)?;
        if alone {
            connection.execute_batch("DELETE FROM removed")?;
        }
        connection.set_prepared_statement_cache_capacity(64);
        let (jobs, waiting) = sync_channel(BATCH);
        std::thread::Builder::new()
            .name("s3-index".into())
            .spawn(move || write_all(&connection, &waiting))
            .map_err(|error| Error::Unavailable(error.into()))?;
        Ok(Self {
            path,
            jobs,
            idle: Mutex::new(Vec::new()),
        })
    }

    /// Runs `work` on the blocking pool with a connection that only reads.
    pub(super) async fn read<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let index = Arc::clone(self);
        blocking(move || index.read_now(work)).await
    }

    /// As [`Index::read`], for those on the blocking pool already.
    pub(super) fn read_now<T>(
        &self,
        work: impl FnOnce(&Connection) -> Result<T, Error>,
    ) -> Result<T, Error> {
        let idle = self
            .idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.reader()?,
        };
        let outcome = work(&connection);
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < IDLE {
            idle.push(connection);
        }
        outcome
    }

    /// Runs `work` on the writing thread. `Ok` means that it is on disk.
    pub(super) async fn write<T: Send + 'static>(
        self: &Arc<Self>,
        work: impl FnOnce(&Connection) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (reply, answer) = tokio::sync::oneshot::channel();
        let job: Job = Box::new(move |connection| {
            let outcome = work(connection);
            let keep = outcome.is_ok();
            let answer: Answer = Box::new(move |committed| {
                // The author may have gone away: then nobody is told.
                let _ = reply.send(match outcome {
                    Ok(_) if !committed => Err(Error::Unavailable(
                        "the object index could not commit".into(),
                    )),
                    outcome => outcome,
                });
            });
            (keep, answer)
        });
        self.post(job).await?;
        answer
            .await
            .map_err(|_| Error::Unavailable("the object index is closed".into()))?
    }

    /// Has `work` done some time, without waiting for it.
    pub(super) fn later(
        &self,
        work: impl FnOnce(&Connection) -> Result<(), Error> + Send + 'static,
    ) {
        let job: Job = Box::new(move |connection| (work(connection).is_ok(), Box::new(|_| ())));
        // Whoever leaves something for later can do without it: the next start sees to it.
        let _ = self.jobs.try_send(job);
    }

    async fn post(self: &Arc<Self>, job: Job) -> Result<(), Error> {
        let job = match self.jobs.try_send(job) {
            Ok(()) => return Ok(()),
            Err(
                std::sync::mpsc::TrySendError::Full(job)
                | std::sync::mpsc::TrySendError::Disconnected(job),
            ) => job,
        };
        let index = Arc::clone(self);
        blocking(move || {
            index
                .jobs
                .send(job)
                .map_err(|_| Error::Unavailable("the object index is closed".into()))
        })
        .await
    }

    fn reader(&self) -> Result<Connection, Error> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&self.path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.set_prepared_statement_cache_capacity(64);
        Ok(connection)
    }
}

/// Runs `work` on the blocking pool.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::Unavailable(error.into()))?
}

/// The writing thread: until nobody can send any more.
fn write_all(connection: &Connection, waiting: &Receiver<Job>) {
    while let Ok(first) = waiting.recv() {
        let mut answers = Vec::new();
        let committed = write_batch(connection, first, waiting, &mut answers).is_ok();
        if !committed && !connection.is_autocommit() {
            // If even this fails, so does the next BEGIN, and every author is told.
            let _ = connection.execute_batch("ROLLBACK");
        }
        for answer in answers {
            answer(committed);
        }
    }
}

/// Runs what is waiting, `first` first, in one transaction.
fn write_batch(
    connection: &Connection,
    first: Job,
    waiting: &Receiver<Job>,
    answers: &mut Vec<Answer>,
) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE")?;
    let mut next = Some(first);
    while let Some(job) = next {
        connection.execute_batch("SAVEPOINT job")?;
        let (keep, answer) = job(connection);
        answers.push(answer);
        connection.execute_batch(if keep {
            "RELEASE job"
        } else {
            "ROLLBACK TO job; RELEASE job"
        })?;
        next = if answers.len() < BATCH {
            waiting.try_recv().ok()
        } else {
            None
        };
    }
    connection.execute_batch("COMMIT")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(connection: &Connection) -> Result<i64, Error> {
        Ok(connection.query_row("SELECT count(*) FROM doomed", [], |row| row.get(0))?)
    }

    #[tokio::test]
    async fn a_failed_piece_of_work_does_not_disturb_its_neighbours() {
        let directory = tempfile::tempdir().unwrap();
        let index = Arc::new(Index::open(directory.path(), true).unwrap());
        let insert = |byte: u8, fail: bool| {
            let index = Arc::clone(&index);
            async move {
                index
                    .write(move |connection| {
                        connection.execute("INSERT INTO doomed VALUES (?1)", [vec![byte]])?;
                        if fail { Err(Error::NoSuchKey) } else { Ok(()) }
                    })
                    .await
            }
        };
        let outcomes =
            futures_util::future::join_all((0..100).map(|n| insert(n, n % 3 == 0))).await;
        for (n, outcome) in outcomes.into_iter().enumerate() {
            assert_eq!(outcome.is_ok(), n % 3 != 0, "{n}");
        }
        assert_eq!(index.read(count).await.unwrap(), 66);
    }
}
