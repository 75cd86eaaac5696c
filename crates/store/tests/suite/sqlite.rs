//! The SQLite store: the suite of all stores, and what only a file can show.

use crate::conformance::{self, account, account_id, block_on, conformance, origin, record, write};
use locum_identity::port::{Committed, Scope, Store};
use locum_store::{Failure, Fault, SqliteStore};
use rusqlite::Connection;
use std::ops::Deref;
use std::path::Path;
use tempfile::TempDir;

conformance! {
    file => Filed::new;
    memory => || Box::new(SqliteStore::in_memory().unwrap());
}

/// A store in a directory that goes with it.
struct Filed {
    store: SqliteStore,
    _directory: TempDir,
}

impl Filed {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            store: SqliteStore::open(&directory.path().join("locum.db")).unwrap(),
            _directory: directory,
        }
    }
}

impl Deref for Filed {
    type Target = SqliteStore;

    fn deref(&self) -> &SqliteStore {
        &self.store
    }
}

#[test]
fn a_file_is_as_it_was_left() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locum.db");
    let ann = record("user", "ann", "1");
    let store = SqliteStore::open(&path).unwrap();
    let first = write(account(1), 0, std::slice::from_ref(&ann), &[]);
    assert_eq!(
        block_on(store.commit(vec![first], origin("1"))).unwrap(),
        Committed::Yes
    );
    let feed = block_on(store.feed(0, 10)).unwrap();
    drop(store);

    let store = SqliteStore::open(&path).unwrap();
    let loaded = block_on(store.load(account(1))).unwrap();
    assert_eq!((loaded.version, loaded.records), (1, vec![ann]));
    assert_eq!(block_on(store.feed(0, 10)).unwrap(), feed);
    assert_eq!(block_on(store.integrity()).unwrap(), []);
}

#[test]
fn two_stores_on_one_file_see_each_other() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locum.db");
    let stores = [
        SqliteStore::open(&path).unwrap(),
        SqliteStore::open(&path).unwrap(),
    ];
    let one = |version| vec![write(Scope::Realm, version, &[], &[])];
    assert_eq!(
        block_on(stores[0].commit(one(0), origin("1"))).unwrap(),
        Committed::Yes
    );
    assert_eq!(
        block_on(stores[1].commit(one(0), origin("2"))).unwrap(),
        Committed::Conflict
    );
    assert_eq!(block_on(stores[1].load(Scope::Realm)).unwrap().version, 1);

    std::thread::scope(|scope| {
        for store in &stores {
            scope.spawn(move || {
                let mut done = 0;
                while done < 50 {
                    let version = block_on(store.load(Scope::Realm)).unwrap().version;
                    if block_on(store.commit(one(version), origin("3"))).unwrap() == Committed::Yes
                    {
                        done += 1;
                    }
                }
            });
        }
    });
    assert_eq!(block_on(stores[0].load(Scope::Realm)).unwrap().version, 101);
    assert_eq!(block_on(stores[1].newest()).unwrap(), 101);
    assert_eq!(block_on(stores[0].integrity()).unwrap(), []);
}

#[test]
fn a_lock_of_another_process_is_waited_for() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locum.db");
    let store = SqliteStore::open(&path).unwrap();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        let writing = scope
            .spawn(|| block_on(store.commit(vec![write(Scope::Realm, 0, &[], &[])], origin("1"))));
        assert_eq!(block_on(store.newest()).unwrap(), 0, "reads do not wait");
        other.execute_batch("COMMIT").unwrap();
        assert_eq!(writing.join().unwrap().unwrap(), Committed::Yes);
    });
}

/// A file with two users in account 1, to which `damage` is then done.
fn damaged(damage: &str) -> (SqliteStore, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locum.db");
    let store = SqliteStore::open(&path).unwrap();
    let puts = [record("user", "ann", "1"), record("user", "bob", "2")];
    let writes = vec![write(account(1), 0, &puts, &[])];
    assert_eq!(
        block_on(store.commit(writes, origin("1"))).unwrap(),
        Committed::Yes
    );
    tamper(&path, damage);
    (store, directory)
}

fn tamper(path: &Path, sql: &str) {
    let connection = Connection::open(path).unwrap();
    connection
        .execute_batch("PRAGMA foreign_keys = OFF; PRAGMA ignore_check_constraints = ON;")
        .unwrap();
    connection.execute_batch(sql).unwrap();
}

#[test]
fn a_row_that_is_not_understood_is_never_skipped() {
    let check = |damage: &str, message: &str| {
        let (store, _directory) = damaged(damage);
        let errors: Vec<String> = [
            block_on(store.load(account(1))).map(drop),
            block_on(store.feed(0, 10)).map(drop),
            block_on(store.last_uses(account_id(1))).map(drop),
        ]
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.0.downcast_ref::<Failure>().unwrap().to_string())
        .collect();
        assert_eq!(errors, [message], "{damage}");
    };
    check(
        "UPDATE entities SET body = 'no json' WHERE key = 'bob'",
        "cannot understand entity `bob` of kind `user` in scope `000000000001`",
    );
    check(
        "UPDATE scopes SET version = -1",
        "cannot understand the version of scope `000000000001`",
    );
    check(
        "UPDATE feed SET scope = 'nobody'",
        "cannot understand the scope of feed entry 1",
    );
    check(
        "UPDATE feed SET version = 0",
        "cannot understand the version of feed entry 1",
    );
    check(
        "UPDATE feed SET puts = '{}'",
        "cannot understand the puts of feed entry 1",
    );
    check(
        "UPDATE feed SET puts = '[{\"kind\":\"user\",\"key\":\"ann\"}]'",
        "cannot understand the puts of feed entry 1",
    );
    check(
        "UPDATE feed SET deletes = '[[\"user\"]]'",
        "cannot understand the deletes of feed entry 1",
    );
    check(
        "INSERT INTO last_uses VALUES ('000000000001', CAST(x'ff' AS TEXT), 1, 'iam', '')",
        "the database failed: invalid utf-8 sequence of 1 bytes from index 0 at index 0",
    );
}

#[test]
fn the_integrity_check_finds_what_does_not_fit() {
    let check = |damage: &str, expected: &[Fault]| {
        let (store, _directory) = damaged(damage);
        assert_eq!(block_on(store.integrity()).unwrap(), expected, "{damage}");
    };
    let scope = || "000000000001".to_owned();
    let entity = |key: &str| Fault::Entity {
        scope: scope(),
        kind: "user".into(),
        key: key.into(),
    };
    check("", &[]);
    check(
        "UPDATE entities SET body = '3' WHERE key = 'bob'",
        &[entity("bob")],
    );
    check("DELETE FROM entities WHERE key = 'bob'", &[entity("bob")]);
    check(
        "UPDATE entities SET key = 'BOB' WHERE key = 'bob'",
        &[entity("BOB"), entity("bob")],
    );
    check(
        "UPDATE scopes SET version = 2",
        &[Fault::Version {
            scope: scope(),
            feed: 1,
            stored: 2,
        }],
    );
    check(
        "UPDATE feed SET version = 2; UPDATE scopes SET version = 2",
        &[Fault::Gap {
            scope: scope(),
            sequence: 1,
        }],
    );
    check(
        "DELETE FROM feed",
        &[
            Fault::Version {
                scope: scope(),
                feed: 0,
                stored: 1,
            },
            entity("ann"),
            entity("bob"),
        ],
    );
    check(
        "UPDATE feed SET puts = 'x'; DELETE FROM entities; DELETE FROM scopes; INSERT INTO scopes VALUES ('000000000001', 1)",
        &[
            Fault::Unreadable("the puts of feed entry 1".into()),
            Fault::Version {
                scope: scope(),
                feed: 0,
                stored: 1,
            },
        ],
    );
    check(
        "DELETE FROM scopes",
        &[
            Fault::Orphans {
                table: "entities".into(),
            },
            Fault::Orphans {
                table: "feed".into(),
            },
        ],
    );
}
