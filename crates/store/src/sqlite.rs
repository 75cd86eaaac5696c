//! The store: its threads, and the port.

use crate::error::{Failure, OpenError};
use crate::integrity::{self, Fault};
use crate::oneshot;
use crate::queue::Queue;
use crate::read;
use crate::schema::Place;
use crate::vouchers;
use crate::write::{Change, Commit, Job, Read, Writer};
use locum_identity::environment::Seconds;
use locum_identity::names::AccountId;
use locum_identity::port::{
    Access, Answer, Chain, Committed, FeedEntry, LastUse, Loaded, Origin, Report, Scope, Settled,
    Store, StoreError, Voucher, Write,
};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

/// A [`Store`] in an SQLite database.
///
/// An answer `Yes` to a commit means that the commit is on the disk. When the store is dropped, what
/// was already asked of it is finished first; the drop waits for that.
///
/// A commit whose future is dropped may or may not happen.
pub struct SqliteStore {
    /// `None` when the database was opened for reading only.
    writes: Option<Arc<Queue<Job>>>,
    /// `None` in memory, where the writer's connection is the only one.
    reads: Option<Arc<Queue<Read>>>,
    threads: Vec<JoinHandle<()>>,
}

/// How many commits, and how many reads, wait in memory before their callers are suspended.
const QUEUE: usize = 1024;

/// How many reads of a file run at once.
const READERS: usize = 2;

impl SqliteStore {
    /// Opens the database in a file, and creates it if it is not there, readable by its owner only.
    ///
    /// # Errors
    /// [`OpenError::Newer`] if a newer release has written it, [`OpenError::Foreign`] if it is not a
    /// database of this program. The file is unchanged then.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        // Absolute, because the file may have to be opened again in another working directory.
        Self::start(Place::File(std::path::absolute(path)?))
    }

    /// Opens the database in a file for reading only, also while another process serves it. Commits
    /// are refused with [`Failure::ReadOnly`].
    ///
    /// # Errors
    /// [`OpenError::Missing`] if there is no database, [`OpenError::Older`] if it has to be migrated
    /// first, and what [`SqliteStore::open`] answers.
    pub fn open_read_only(path: &Path) -> Result<Self, OpenError> {
        let mut store = Self {
            writes: None,
            reads: None,
            threads: Vec::new(),
        };
        store.start_readers(vec![Place::read_only(&std::path::absolute(path)?)?])?;
        Ok(store)
    }

    /// A new and empty database, which ends with the store.
    ///
    /// # Errors
    /// Only if memory or threads are lacking.
    pub fn in_memory() -> Result<Self, OpenError> {
        Self::start(Place::Memory)
    }

    /// Checks the whole database, as of one moment: SQLite's own check, and that the feed, replayed
    /// from the start, gives the entities and versions that are stored. An empty list means sound.
    ///
    /// It holds everything in memory and takes as long as reading the whole file.
    pub fn integrity(&self) -> Answer<'_, Vec<Fault>> {
        self.read(integrity::check)
    }

    fn start(place: Place) -> Result<Self, OpenError> {
        let connection = place.create()?;
        let writes = Arc::new(Queue::new(QUEUE));
        let mut store = Self {
            writes: Some(Arc::clone(&writes)),
            reads: None,
            threads: Vec::new(),
        };
        let readers: Vec<Connection> = (0..READERS)
            .filter_map(|_| place.connect().transpose())
            .collect::<Result<_, _>>()?;
        store.start_readers(readers)?;
        store.spawn("store-writer", move || {
            let _abandon = AbandonOnExit(&writes);
            Writer::new(place, connection).run(&writes);
        })?;
        Ok(store)
    }

    fn start_readers(&mut self, readers: Vec<Connection>) -> Result<(), OpenError> {
        if readers.is_empty() {
            return Ok(());
        }
        let queue = Arc::new(Queue::new(QUEUE));
        self.reads = Some(Arc::clone(&queue));
        for reader in readers {
            reader.pragma_update(None, "query_only", true)?;
            let queue = Arc::clone(&queue);
            self.spawn("store-reader", move || run_reader(reader, &queue))?;
        }
        Ok(())
    }

    fn spawn(&mut self, name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), OpenError> {
        self.threads
            .push(thread::Builder::new().name(name.to_owned()).spawn(run)?);
        Ok(())
    }

    fn read<T: Send + 'static>(
        &self,
        query: impl FnOnce(&mut Connection) -> Result<T, Failure> + Send + 'static,
    ) -> Answer<'_, T> {
        Box::pin(async move {
            let (sender, receiver) = oneshot::channel();
            let read: Read = Box::new(move |connection| sender.send(connection.and_then(query)));
            match (&self.reads, &self.writes) {
                (Some(reads), _) => reads.push(read).await,
                (None, Some(writes)) => writes.push(Job::Read(read)).await,
                // Nobody will answer: the read is dropped with its sender.
                (None, None) => drop(read),
            }
            Ok(receiver.await.unwrap_or(Err(Failure::Stopped))?)
        })
    }

    async fn write(&self, change: Change) -> Result<Committed, StoreError> {
        let writes = self.writes.as_ref().ok_or(Failure::ReadOnly)?;
        let (sender, receiver) = oneshot::channel();
        writes.push(Job::Write(change, sender)).await;
        Ok(receiver.await.unwrap_or(Err(Failure::Stopped))?)
    }
}

impl Store for SqliteStore {
    fn load(&self, scope: Scope) -> Answer<'_, Loaded> {
        self.read(move |connection| read::load(connection, scope))
    }

    fn commit(&self, writes: Vec<Write>, origin: Origin) -> Answer<'_, Committed> {
        Box::pin(async move {
            if writes.is_empty() {
                return Ok(Committed::Yes);
            }
            self.write(Change::Commit(Commit::new(writes, origin, None)?))
                .await
        })
    }

    fn submit(
        self: Arc<Self>,
        writes: Vec<Write>,
        origin: Origin,
        chain: Chain,
    ) -> Answer<'static, Answer<'static, Committed>> {
        Box::pin(async move {
            let change = Change::Commit(Commit::new(writes, origin, Some(chain))?);
            let queue = self.writes.as_ref().ok_or(Failure::ReadOnly)?;
            let (sender, receiver) = oneshot::channel();
            queue.push(Job::Write(change, sender)).await;
            let answer: Answer<'static, Committed> =
                Box::pin(async move { Ok(receiver.await.unwrap_or(Err(Failure::Stopped))?) });
            Ok(answer)
        })
    }

    fn feed(&self, after: u64, limit: usize) -> Answer<'_, Vec<FeedEntry>> {
        self.read(move |connection| read::feed(connection, after, limit))
    }

    fn newest(&self) -> Answer<'_, u64> {
        self.read(read::newest)
    }

    fn save_last_uses(&self, uses: Vec<LastUse>) -> Answer<'_, ()> {
        Box::pin(async move {
            if !uses.is_empty() {
                self.write(Change::Uses(uses)).await?;
            }
            Ok(())
        })
    }

    fn last_uses(&self, account: AccountId) -> Answer<'_, Vec<LastUse>> {
        self.read(move |connection| read::last_uses(connection, account))
    }

    fn save_accesses(&self, accesses: Vec<Access>, since: Seconds) -> Answer<'_, ()> {
        Box::pin(async move {
            if !accesses.is_empty() {
                self.write(Change::Accesses(accesses, since)).await?;
            }
            Ok(())
        })
    }

    fn accesses(&self, account: AccountId, principal: Option<String>) -> Answer<'_, Vec<Access>> {
        self.read(move |connection| read::accesses(connection, account, principal.as_deref()))
    }

    fn save_report(&self, report: Report) -> Answer<'_, ()> {
        Box::pin(async move {
            self.write(Change::Report(report)).await?;
            Ok(())
        })
    }

    fn report(&self, account: AccountId, id: String) -> Answer<'_, Option<Report>> {
        self.read(move |connection| read::report(connection, account, &id))
    }

    fn save_voucher(&self, voucher: Voucher) -> Answer<'_, ()> {
        Box::pin(async move {
            self.write(Change::Voucher(voucher)).await?;
            Ok(())
        })
    }

    fn due_vouchers(&self, now: Seconds, limit: usize) -> Answer<'_, Vec<Voucher>> {
        self.read(move |connection| vouchers::due(connection, now, limit))
    }

    fn settle_vouchers(&self, settled: Vec<Settled>) -> Answer<'_, Committed> {
        Box::pin(async move { self.write(Change::Settled(settled)).await })
    }
}

impl Drop for SqliteStore {
    fn drop(&mut self) {
        if let Some(writes) = &self.writes {
            writes.close();
        }
        if let Some(reads) = &self.reads {
            reads.close();
        }
        for thread in self.threads.drain(..) {
            // An answer can wake a task whose last owner is the executor, and which owns the store:
            // then this runs on the store's own thread, which will end by itself.
            if thread.thread().id() != thread::current().id() {
                // A thread that panicked has abandoned its queue; there is nothing more to say.
                drop(thread.join());
            }
        }
    }
}

impl std::fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SqliteStore").finish_non_exhaustive()
    }
}

fn run_reader(mut connection: Connection, queue: &Queue<Read>) {
    let _abandon = AbandonOnExit(queue);
    // One at a time, so that the other readers get their share.
    while let Some(reads) = queue.take(1) {
        for read in reads {
            read(Ok(&mut connection));
        }
    }
}

/// However a thread ends, nobody is left waiting for it.
struct AbandonOnExit<'a, T>(&'a Queue<T>);

impl<T> Drop for AbandonOnExit<'_, T> {
    fn drop(&mut self) {
        self.0.abandon();
    }
}

#[cfg(test)]
pub(crate) mod tests;
