//! The store: its threads, and the port.

use crate::error::{Failure, OpenError};
use crate::integrity::{self, Fault};
use crate::oneshot;
use crate::queue::Queue;
use crate::read;
use crate::schema::Place;
use crate::write::{Change, Commit, Job, Read, Writer};
use locum_identity::names::AccountId;
use locum_identity::port::{
    Answer, Chain, Committed, FeedEntry, LastUse, Loaded, Origin, Scope, Store, StoreError, Write,
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
pub(crate) mod tests {
    use super::{QUEUE, SqliteStore};
    use crate::error::{Failure, OpenError};
    use crate::oneshot;
    use crate::queue::Queue;
    use crate::write::Job;
    use locum_identity::names::{AccountId, Constrained as _};
    use locum_identity::port::{
        Answer, Chain, Committed, Origin, Record, Scope, Store as _, StoreError, Write,
    };
    use rusqlite::Connection;
    use std::future::Future;
    use std::path::Path;
    use std::pin::{Pin, pin};
    use std::sync::{Arc, mpsc};
    use std::task::{Context, Poll, Wake, Waker};
    use std::thread::{self, Thread};

    /// Runs a future on this thread.
    pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
        struct Unpark(Thread);
        impl Wake for Unpark {
            fn wake(self: Arc<Self>) {
                self.0.unpark();
            }
        }
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        let mut context = Context::from_waker(&waker);
        let mut future = pin!(future);
        loop {
            match future.as_mut().poll(&mut context) {
                Poll::Ready(value) => return value,
                Poll::Pending => thread::park(),
            }
        }
    }

    fn writes(store: &SqliteStore) -> &Queue<Job> {
        store.writes.as_ref().unwrap()
    }

    fn origin() -> Origin {
        Origin {
            at: 1,
            actor: "a".into(),
            action: "b".into(),
            request_id: "c".into(),
        }
    }

    fn account(number: u64) -> Scope {
        Scope::Account(AccountId::parse(&format!("{number:012}")).unwrap())
    }

    fn write(scope: Scope, expected_version: u64, length: usize) -> Vec<Write> {
        let body = format!("\"{}\"", "x".repeat(length));
        let put = Record {
            kind: "kind".into(),
            key: format!("key {expected_version}"),
            body,
        };
        vec![Write {
            scope,
            expected_version,
            puts: vec![put],
            deletes: vec![],
        }]
    }

    /// Runs `work` on the writer's connection, between two transactions.
    fn on_writer<T: Send + 'static>(
        store: &SqliteStore,
        work: impl FnOnce(&mut Connection) -> T + Send + 'static,
    ) -> T {
        let (sender, receiver) = oneshot::channel();
        let read = Job::Read(Box::new(move |connection| {
            sender.send(work(connection.unwrap()));
        }));
        block_on(writes(store).push(read));
        block_on(receiver).unwrap()
    }

    /// Holds the writer's thread until the sender is dropped.
    fn hold(store: &SqliteStore) -> mpsc::Sender<()> {
        let (held, release) = (mpsc::channel(), mpsc::channel::<()>());
        let read = Job::Read(Box::new(move |_| {
            held.0.send(()).unwrap();
            let _ = release.1.recv();
        }));
        block_on(writes(store).push(read));
        held.1.recv().unwrap();
        release.0
    }

    fn poll_once<F: Future + ?Sized>(future: &mut Pin<Box<F>>) -> Poll<F::Output> {
        future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
    }

    fn failure(error: &StoreError) -> &Failure {
        error.0.downcast_ref().unwrap()
    }

    /// Transactions in the write-ahead log: frames that name the size of the database after them
    /// (sqlite.org/fileformat2.html, section 4.1).
    fn transactions(path: &Path) -> usize {
        let log = std::fs::read(path.with_extension("db-wal")).unwrap();
        let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
        let salt = &log[16..24];
        log[32..]
            .chunks_exact(24 + page)
            .filter(|frame| &frame[8..16] == salt && frame[4..8] != [0; 4])
            .count()
    }

    #[test]
    fn queued_commits_share_one_transaction_and_fail_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let store = SqliteStore::open(&path).unwrap();
        let before = transactions(&path);
        let release = hold(&store);
        let mut answers: Vec<_> = (0..20)
            .map(|n| store.commit(write(account(n % 15), 0, 10), origin()))
            .collect();
        for answer in &mut answers {
            assert!(poll_once(answer).is_pending());
        }
        drop(release);
        let outcomes: Vec<_> = answers
            .into_iter()
            .map(|answer| block_on(answer).unwrap())
            .collect();
        assert_eq!(outcomes[..15], [Committed::Yes; 15]);
        assert_eq!(outcomes[15..], [Committed::Conflict; 5]);
        assert_eq!(transactions(&path), before + 1);
        assert_eq!(block_on(store.newest()).unwrap(), 15);
        assert_eq!(block_on(store.integrity()).unwrap(), []);
    }

    /// A commit of a chain, put in line.
    fn submit(
        store: &Arc<SqliteStore>,
        chain: &Chain,
        writes: Vec<Write>,
    ) -> Answer<'static, Committed> {
        let submitted = store.clone().submit(writes, origin(), chain.clone());
        block_on(submitted).unwrap()
    }

    #[test]
    fn commits_of_one_account_share_one_transaction_and_one_that_nobody_waits_for_is_done() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let store = Arc::new(SqliteStore::open(&path).unwrap());
        let before = transactions(&path);
        let release = hold(&store);
        let chain = Chain::default();
        let mut answers: Vec<_> = (0..300)
            .map(|version| submit(&store, &chain, write(account(1), version, 10)))
            .collect();
        drop(answers.remove(7));
        for answer in &mut answers {
            assert!(poll_once(answer).is_pending());
        }
        drop(release);
        for answer in answers {
            assert_eq!(block_on(answer).unwrap(), Committed::Yes);
        }
        assert_eq!(transactions(&path), before + 1);
        assert_eq!(block_on(store.load(account(1))).unwrap().version, 300);
        assert!(!chain.is_broken());
    }

    /// What is behind a commit that was refused was made on what never came to be, though its version be
    /// the one that is expected.
    #[test]
    fn a_chain_that_is_broken_is_not_carried_on() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let store = Arc::new(SqliteStore::open(&path).unwrap());
        let other = SqliteStore::open(&path).unwrap();
        let release = hold(&store);
        let (chain, unlike) = (Chain::default(), Chain::default());
        let answers = [
            submit(&store, &chain, write(account(1), 0, 10)),
            submit(&store, &chain, write(account(1), 1, 10)),
            submit(&store, &chain, write(account(1), 2, 10)),
            submit(&store, &unlike, write(account(1), 1, 10)),
        ];
        // Another process makes the first version.
        let first = block_on(other.commit(write(account(1), 0, 20), origin()));
        assert_eq!(first.unwrap(), Committed::Yes);
        drop(release);
        let outcomes = answers.map(|answer| block_on(answer).unwrap());
        assert_eq!(outcomes[..3], [Committed::Conflict; 3]);
        assert_eq!(outcomes[3], Committed::Yes);
        assert!(chain.is_broken() && !unlike.is_broken());
        let late = submit(&store, &chain, write(account(1), 2, 10));
        assert_eq!(block_on(late).unwrap(), Committed::Conflict);
        assert_eq!(block_on(store.load(account(1))).unwrap().version, 2);
        assert_eq!(block_on(store.integrity()).unwrap(), []);
    }

    #[test]
    fn a_transaction_that_fails_breaks_every_chain_in_it() {
        let store = Arc::new(SqliteStore::in_memory().unwrap());
        on_writer(&store, |connection| {
            connection
                .execute_batch(
                    "CREATE TEMP TABLE parents (id INTEGER PRIMARY KEY);
                     CREATE TEMP TABLE children (id REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
                     CREATE TEMP TRIGGER fault AFTER INSERT ON main.feed
                     BEGIN INSERT INTO children VALUES (1); END;",
                )
                .unwrap();
        });
        let chain = Chain::default();
        let failed = submit(&store, &chain, write(account(1), 0, 10));
        assert!(block_on(failed).is_err());
        assert!(chain.is_broken());
        on_writer(&store, |connection| {
            connection.execute_batch("DROP TRIGGER temp.fault").unwrap();
        });
        let behind = submit(&store, &chain, write(account(1), 0, 10));
        assert_eq!(block_on(behind).unwrap(), Committed::Conflict);
        let anew = submit(&store, &Chain::default(), write(account(1), 0, 10));
        assert_eq!(block_on(anew).unwrap(), Committed::Yes);
    }

    fn a_failed_commit_fails_the_batch_and_nothing_later(
        store: &SqliteStore,
        repair: fn(&mut Connection),
    ) {
        assert_eq!(
            block_on(store.commit(write(account(1), 0, 10), origin())).unwrap(),
            Committed::Yes
        );
        // A violated deferred constraint is found by COMMIT, after every change was applied.
        on_writer(store, |connection| {
            connection
                .execute_batch(
                    "CREATE TEMP TABLE parents (id INTEGER PRIMARY KEY);
                     CREATE TEMP TABLE children (id REFERENCES parents (id) DEFERRABLE INITIALLY DEFERRED);
                     CREATE TEMP TRIGGER fault AFTER INSERT ON main.feed
                     BEGIN INSERT INTO children VALUES (1); END;",
                )
                .unwrap();
        });
        let release = hold(store);
        let mut answers = [
            store.commit(write(account(1), 1, 10), origin()),
            store.commit(write(account(1), 0, 10), origin()),
            store.commit(write(account(2), 0, 10), origin()),
        ];
        for answer in &mut answers {
            assert!(poll_once(answer).is_pending());
        }
        drop(release);
        for answer in answers {
            let error = block_on(answer).unwrap_err();
            assert_eq!(
                error.to_string(),
                "the store failed: the database failed: FOREIGN KEY constraint failed"
            );
            assert!(matches!(failure(&error), Failure::Engine(_)));
        }
        on_writer(store, repair);
        assert_eq!(block_on(store.load(account(1))).unwrap().version, 1);
        assert_eq!(block_on(store.load(account(2))).unwrap().version, 0);
        assert_eq!(
            block_on(store.commit(write(account(1), 1, 10), origin())).unwrap(),
            Committed::Yes
        );
        assert_eq!(block_on(store.load(account(1))).unwrap().version, 2);
        assert_eq!(block_on(store.integrity()).unwrap(), []);
    }

    #[test]
    fn a_failed_commit_in_a_file() {
        let directory = tempfile::tempdir().unwrap();
        let store = SqliteStore::open(&directory.path().join("locum.db")).unwrap();
        // The connection was opened again, and knows nothing of the trigger.
        a_failed_commit_fails_the_batch_and_nothing_later(&store, |connection| {
            let left: i64 = connection
                .query_row("SELECT count(*) FROM temp.sqlite_schema", (), |row| {
                    row.get(0)
                })
                .unwrap();
            assert_eq!(left, 0);
        });
    }

    #[test]
    fn a_failed_commit_in_memory() {
        let store = SqliteStore::in_memory().unwrap();
        a_failed_commit_fails_the_batch_and_nothing_later(&store, |connection| {
            connection.execute_batch("DROP TRIGGER fault").unwrap();
        });
    }

    fn a_full_disk_is_an_error_until_there_is_room(store: &SqliteStore) {
        let limit = |store: &SqliteStore, pages: i64| {
            on_writer(store, move |connection| {
                connection
                    .pragma_update_and_check(None, "max_page_count", pages, |row| {
                        row.get::<_, i64>(0)
                    })
                    .unwrap()
            })
        };
        assert_eq!(
            block_on(store.commit(write(account(1), 0, 10), origin())).unwrap(),
            Committed::Yes
        );
        // SQLite takes the size that the database has for a limit of less.
        let pages = limit(store, 1);
        assert!(pages > 1);
        let error = block_on(store.commit(write(account(1), 1, 100_000), origin())).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the store failed: the database failed: database or disk is full"
        );
        assert_eq!(block_on(store.load(account(1))).unwrap().version, 1);
        assert_eq!(block_on(store.integrity()).unwrap(), []);

        limit(store, 1_000_000);
        assert_eq!(
            block_on(store.commit(write(account(1), 1, 100_000), origin())).unwrap(),
            Committed::Yes
        );
        assert_eq!(block_on(store.load(account(1))).unwrap().records.len(), 2);
        assert_eq!(block_on(store.integrity()).unwrap(), []);
    }

    #[test]
    fn a_full_disk_under_a_file() {
        let directory = tempfile::tempdir().unwrap();
        a_full_disk_is_an_error_until_there_is_room(
            &SqliteStore::open(&directory.path().join("locum.db")).unwrap(),
        );
    }

    #[test]
    fn a_full_disk_in_memory() {
        a_full_disk_is_an_error_until_there_is_room(&SqliteStore::in_memory().unwrap());
    }

    #[test]
    fn a_file_that_vanished_fails_every_commit_after_a_failure() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let store = SqliteStore::open(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        // The open file still takes commits; after a failure it is looked for by its name.
        on_writer(&store, |connection| {
            connection.execute_batch("DROP TABLE feed").unwrap();
        });
        on_writer(&store, |connection| {
            connection.execute_batch("BEGIN").unwrap();
        });
        for _ in 0..3 {
            assert!(block_on(store.commit(write(account(1), 0, 10), origin())).is_err());
        }
        let error = block_on(store.commit(write(account(1), 0, 10), origin())).unwrap_err();
        assert!(matches!(failure(&error), Failure::Open(_)), "{error}");
        assert!(!path.exists());
    }

    #[test]
    fn a_dropped_store_has_finished_what_was_queued() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let store = SqliteStore::open(&path).unwrap();
        let release = hold(&store);
        for n in 0..50 {
            assert!(poll_once(&mut store.commit(write(account(n), 0, 10), origin())).is_pending());
        }
        thread::scope(|scope| {
            let dropping = scope.spawn(move || drop(store));
            drop(release);
            dropping.join().unwrap();
        });
        assert!(
            !path.with_extension("db-wal").exists(),
            "the last connection tidies up"
        );
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(block_on(store.newest()).unwrap(), 50);
        assert_eq!(block_on(store.integrity()).unwrap(), []);
    }

    #[test]
    fn more_commits_than_the_queue_holds_all_happen() {
        let store = SqliteStore::in_memory().unwrap();
        let release = hold(&store);
        let more = u64::try_from(QUEUE).unwrap() + 100;
        let mut answers: Vec<_> = (0..more)
            .map(|n| store.commit(write(account(n), 0, 1), origin()))
            .collect();
        for answer in &mut answers {
            assert!(poll_once(answer).is_pending());
        }
        drop(release);
        for answer in answers {
            assert_eq!(block_on(answer).unwrap(), Committed::Yes);
        }
        assert_eq!(block_on(store.newest()).unwrap(), more);
    }

    #[test]
    fn a_dead_thread_answers_with_an_error() {
        let store = SqliteStore::in_memory().unwrap();
        block_on(writes(&store).push(Job::Read(Box::new(|_| {
            std::panic::resume_unwind(Box::new(()))
        }))));
        for _ in 0..2 {
            let error = block_on(store.newest()).unwrap_err();
            assert!(matches!(failure(&error), Failure::Stopped));
            assert_eq!(error.to_string(), "the store failed: the store has stopped");
        }
    }

    #[test]
    fn a_store_may_be_dropped_by_its_own_thread() {
        let store = Arc::new(SqliteStore::in_memory().unwrap());
        let release = hold(&store);
        let (done, dropped) = mpsc::channel();
        let last = Arc::clone(&store);
        let read = Job::Read(Box::new(move |_| {
            drop(last);
            done.send(()).unwrap();
        }));
        block_on(writes(&store).push(read));
        drop(store);
        drop(release);
        dropped.recv().unwrap();
    }

    #[test]
    fn a_store_for_reading_follows_another_and_writes_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let store = SqliteStore::open(&path).unwrap();
        assert_eq!(
            block_on(store.commit(write(account(1), 0, 10), origin())).unwrap(),
            Committed::Yes
        );
        let reading = SqliteStore::open_read_only(&path).unwrap();
        assert_eq!(block_on(reading.load(account(1))).unwrap().version, 1);
        assert_eq!(
            block_on(store.commit(write(account(1), 1, 10), origin())).unwrap(),
            Committed::Yes
        );
        assert_eq!(block_on(reading.load(account(1))).unwrap().version, 2);
        let error = block_on(reading.commit(write(account(1), 2, 10), origin())).unwrap_err();
        assert!(matches!(failure(&error), Failure::ReadOnly), "{error}");
        assert_eq!(
            error.to_string(),
            "the store failed: the store was opened for reading only"
        );
        drop((store, reading));

        // Nobody serves it now, and the file stays as it is.
        let before = std::fs::read(&path).unwrap();
        let reading = SqliteStore::open_read_only(&path).unwrap();
        assert_eq!(block_on(reading.load(account(1))).unwrap().version, 2);
        drop(reading);
        assert_eq!(std::fs::read(&path).unwrap(), before);
    }

    #[test]
    fn what_is_opened_for_reading_must_be_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let refused = |path| SqliteStore::open_read_only(path).map(drop).unwrap_err();
        assert!(matches!(refused(&path), OpenError::Missing));
        assert!(!path.exists());
        std::fs::write(&path, "").unwrap();
        assert!(matches!(refused(&path), OpenError::Missing));
        assert_eq!(std::fs::read(&path).unwrap(), b"");
        std::fs::write(
            &path,
            "no database at all, but longer than a header is: ".repeat(9),
        )
        .unwrap();
        assert!(matches!(refused(&path), OpenError::Foreign));
    }
}
