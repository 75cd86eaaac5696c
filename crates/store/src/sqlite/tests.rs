//! The writer's line, seen from inside.

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
                .pragma_update_and_check(None, "max_page_count", pages, |row| row.get::<_, i64>(0))
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
