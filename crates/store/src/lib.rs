//! The durable store behind locum's identity: [`locum_identity::port::Store`] on SQLite.
//!
//! [`SqliteStore`] keeps every entity of every scope as a JSON document, with the version of the
//! scope and the feed of all changes. A commit that was answered with `Yes` is on the disk; a
//! commit that was not is there wholly or not at all.
//!
//! ```
//! use locum_identity::port::{Committed, Origin, Record, Scope, Store, Write};
//! use locum_store::SqliteStore;
//!
//! # fn block_on<T>(future: impl Future<Output = T>) -> T {
//! #     let mut future = std::pin::pin!(future);
//! #     let mut context = std::task::Context::from_waker(std::task::Waker::noop());
//! #     loop {
//! #         if let std::task::Poll::Ready(value) = future.as_mut().poll(&mut context) {
//! #             return value;
//! #         }
//! #         std::thread::yield_now();
//! #     }
//! # }
//! # block_on(async {
//! let store = SqliteStore::in_memory()?;
//! let record = Record { kind: "note".into(), key: "first".into(), body: "{\"v\":1}".into() };
//! let write = Write { scope: Scope::Realm, expected_version: 0, puts: vec![record], deletes: vec![] };
//! let origin = Origin { at: 0, actor: "locum".into(), action: "init".into(), request_id: "1".into() };
//!
//! // The first commit wins; the second was made from a version that is no longer the newest.
//! assert_eq!(store.commit(vec![write.clone()], origin.clone()).await?, Committed::Yes);
//! assert_eq!(store.commit(vec![write], origin).await?, Committed::Conflict);
//! assert_eq!(store.load(Scope::Realm).await?.version, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! One thread writes. It takes what is queued, runs each commit in a savepoint of one transaction,
//! commits once and then answers, so that concurrent writers share one `fsync`. Reads of a file go
//! through connections and threads of their own and never wait for the writer.
//!
//! Several processes may have one file open: versions are compared in the database, under its
//! write lock.

mod error;
mod integrity;
mod oneshot;
mod queue;
mod read;
mod schema;
mod sqlite;
mod vouchers;
mod write;

pub use error::{Failure, OpenError, Refusal};
pub use integrity::Fault;
pub use sqlite::SqliteStore;
