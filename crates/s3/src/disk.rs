//! A crash-safe store of objects on a local directory.
//!
//! An acknowledged write is on disk: the body is in a file that has been synced under a random
//! name, then a transaction in the index (SQLite, `synchronous=FULL`) makes it visible, all or
//! nothing. Keys never become paths, so a key may be any text. What a sudden end leaves behind is
//! swept at the next start.
//!
//! ```text
//! DIR/lock             held while the store is open; several processes may have it open
//! DIR/index.sqlite     which objects, uploads and parts there are, and which files they are in
//! DIR/incoming/ID      bodies being received, and just received
//! DIR/bodies/xx/ID     bodies
//! ```
//!
//! Which buckets exist, whose they are and who may do what is not known here: a bucket is an
//! address that the caller makes up, never the same for two buckets.

mod body;
mod digest;
mod index;
mod listing;
mod multipart;
mod share;
#[cfg(test)]
mod tests;

pub use body::{Content, Incoming, Received};
pub use digest::{Algorithm, Checksum, ChecksumType, Digests, Hasher};
pub use listing::{Bound, List, Page};
pub use multipart::{
    Completed, CompletedPart, ListParts, ListUploads, MIN_PART, NewUpload, Part, PartPage, Upload,
    UploadPage,
};

use body::{Bodies, Id};
use index::Index;
use rusqlite::{Connection, OptionalExtension as _, Row};
use serde::{Deserialize, Serialize};
use share::Share;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::sync::Arc;

/// Fills a slice with random bytes.
pub type Random = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Milliseconds since 1970-01-01T00:00:00Z.
pub type Millis = i64;

/// The objects under a directory. Clones share them.
#[derive(Clone)]
pub struct Objects {
    index: Arc<Index>,
    bodies: Arc<Bodies>,
    removal: Arc<tokio::sync::Mutex<()>>,
}

/// The system metadata and user metadata kept with an object.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Headers {
    /// `Content-Type`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_type: Option<String>,
    /// `Cache-Control`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<String>,
    /// `Content-Disposition`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_disposition: Option<String>,
    /// `Content-Encoding`, without the encodings of the transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_encoding: Option<String>,
    /// `Content-Language`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub content_language: Option<String>,
    /// `Expires`
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
    /// `x-amz-meta-*`, without that prefix.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub user: BTreeMap<String, String>,
}

/// An object, without its bytes.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Object {
    /// How many bytes it has.
    pub size: u64,
    /// The entity tag, without quotes.
    pub etag: String,
    /// When it was written.
    pub modified: Millis,
    /// How many parts it was uploaded in, if in parts.
    pub parts: Option<u32>,
    /// Its metadata.
    pub headers: Headers,
    /// Its additional checksum.
    pub checksum: Option<Checksum>,
}

/// What must be so for a write to happen (conditional writes).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// `If-None-Match: *`: there is no such object.
    Absent,
    /// `If-Match`: there is one with that entity tag (without quotes), `*` for any.
    Match(String),
}

/// A write of a whole object.
#[derive(Clone, Debug, Default)]
pub struct Put {
    /// The bucket's address.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The metadata.
    pub headers: Headers,
    /// The checksum to keep, one of those that were computed.
    pub checksum: Option<Algorithm>,
    /// What must be so.
    pub condition: Condition,
    /// The time.
    pub now: Millis,
}

/// Why the store did not do what it was asked.
#[derive(Debug)]
pub enum Error {
    /// The bucket was removed meanwhile.
    NoSuchBucket,
    /// There is no such object.
    NoSuchKey,
    /// There is no such multipart upload.
    NoSuchUpload,
    /// The bucket has objects.
    BucketNotEmpty,
    /// A condition of the write does not hold.
    PreconditionFailed,
    /// A part that was never uploaded, or has another entity tag.
    InvalidPart,
    /// The parts are not in ascending order.
    InvalidPartOrder,
    /// A part other than the last is smaller than [`MIN_PART`].
    EntityTooSmall {
        /// The part.
        part: u32,
        /// Its entity tag, without quotes.
        etag: String,
        /// Its size.
        size: u64,
    },
    /// A checksum or size given for the whole does not fit its parts.
    BadDigest,
    /// The disk or the index failed. For our log.
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
}

impl std::fmt::Display for Error {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchBucket => formatter.write_str("no such bucket"),
            Self::NoSuchKey => formatter.write_str("no such object"),
            Self::NoSuchUpload => formatter.write_str("no such upload"),
            Self::BucketNotEmpty => formatter.write_str("the bucket is not empty"),
            Self::PreconditionFailed => formatter.write_str("a condition does not hold"),
            Self::InvalidPart => formatter.write_str("no such part"),
            Self::InvalidPartOrder => formatter.write_str("the parts are not in order"),
            Self::EntityTooSmall { part, size, .. } => {
                write!(formatter, "part {part} has only {size} bytes")
            }
            Self::BadDigest => formatter.write_str("a checksum does not fit"),
            Self::Unavailable(source) => write!(formatter, "the object store failed: {source}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Unavailable(error.into())
    }
}

/// Makes a directory, if there is none, that only its owner looks into.
fn private_directory(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt as _;
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
}

/// Options for files that only their owner reads.
fn private_file() -> std::fs::OpenOptions {
    use std::os::unix::fs::OpenOptionsExt as _;
    let mut options = File::options();
    options.mode(0o600);
    options
}

impl Objects {
    /// Opens the store in `directory`, making it if there is none. Several processes of one machine
    /// may have it open; what sudden ends left behind is cleared away by one that opens it alone.
    /// `random` names the files. Blocks: this is for the start of a program.
    pub fn open(directory: &Path, random: Random) -> Result<Self, Error> {
        private_directory(directory)?;
        let share = Share::open(directory)?;
        // Held to the end: nobody sees a store that is half made.
        let alone = share.alone()?;
        let index = Arc::new(Index::open(directory, alone.is_some())?);
        let bodies = Bodies::open(directory, random, Arc::clone(&index), share, alone.as_ref())?;
        Ok(Self {
            index,
            bodies,
            removal: Arc::default(),
        })
    }

    /// Begins to receive a body; MD5 and the given checksums are computed on the way.
    pub async fn receive(&self, algorithms: &[Algorithm]) -> Result<Incoming, Error> {
        self.bodies.receive(algorithms).await
    }

    /// Makes a received body an object (`PutObject`), in place of the one that is there.
    pub async fn put(&self, put: Put, received: Received) -> Result<Object, Error> {
        let checksum = put.checksum.and_then(|algorithm| {
            received
                .digests
                .checksums
                .iter()
                .find(|sum| sum.algorithm == algorithm)
                .cloned()
        });
        let object = Object {
            size: received.size,
            etag: received.digests.etag(),
            modified: put.now,
            parts: None,
            headers: put.headers,
            checksum,
        };
        let (objects, stored) = (self.clone(), object.clone());
        self.commit(move |connection| {
            let body = objects.admit(connection, &put.bucket, &received)?;
            check_condition(connection, &put.bucket, &put.key, &put.condition)?;
            insert_segment(connection, body, 0, 1, stored.size, body, None)?;
            let doomed = insert_object(connection, &put.bucket, &put.key, body, &stored)?;
            let settled = received.claim();
            Ok(Done {
                output: (),
                settled,
                doomed,
            })
        })
        .await?;
        Ok(object)
    }

    /// Describes an object (`HeadObject`).
    pub async fn head(&self, bucket: &str, key: &str) -> Result<Object, Error> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.index
            .read(move |connection| {
                Ok(object(connection, &bucket, &key)?
                    .ok_or(Error::NoSuchKey)?
                    .0)
            })
            .await
    }

    /// Opens an object (`GetObject`). Its bytes stay readable, whatever happens to the object.
    pub async fn get(&self, bucket: &str, key: &str) -> Result<(Object, Content), Error> {
        let (bodies, bucket, key) = (Arc::clone(&self.bodies), bucket.to_owned(), key.to_owned());
        index::blocking(move || {
            let (object, leased) = bodies
                .lease(|connection| object(connection, &bucket, &key)?.ok_or(Error::NoSuchKey))?;
            Ok((
                object,
                Content {
                    leased: Arc::new(leased),
                },
            ))
        })
        .await
    }

    /// Removes an object, if it is there (`DeleteObject`).
    pub async fn delete(&self, bucket: &str, key: &str, condition: Condition) -> Result<(), Error> {
        let (bucket, key) = (bucket.to_owned(), key.to_owned());
        self.commit(move |connection| {
            check_condition(connection, &bucket, &key, &condition)?;
            Ok(Done::dooming(remove_object(connection, &bucket, &key)?))
        })
        .await
    }

    /// Removes several objects in one transaction (`DeleteObjects`).
    pub async fn delete_all(&self, bucket: &str, keys: Vec<String>) -> Result<(), Error> {
        let bucket = bucket.to_owned();
        self.commit(move |connection| {
            let mut doomed = Vec::new();
            for key in keys {
                doomed.extend(remove_object(connection, &bucket, &key)?);
            }
            Ok(Done::dooming(doomed))
        })
        .await
    }

    /// Takes leave of a bucket that has no objects (`DeleteBucket`): its unfinished uploads go,
    /// and no write can come into it any more.
    pub async fn remove_bucket(&self, bucket: &str) -> Result<(), Error> {
        let bucket = bucket.to_owned();
        self.commit(move |connection| {
            let sql = "SELECT 1 FROM object WHERE bucket = ?1 LIMIT 1";
            let object = connection
                .prepare_cached(sql)?
                .query_row([&bucket], |_| Ok(()))
                .optional()?;
            if object.is_some() {
                return Err(Error::BucketNotEmpty);
            }
            let doomed = multipart::abort_all(connection, &bucket)?;
            connection
                .prepare_cached("INSERT OR IGNORE INTO removed VALUES (?1)")?
                .execute([bucket])?;
            Ok(Done::dooming(doomed))
        })
        .await
    }

    /// A turn at removing a bucket, for whoever may have to take it back.
    pub async fn removal(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.removal.lock().await
    }

    /// Takes [`Objects::remove_bucket`] back, for when the bucket could not be deleted after all.
    pub async fn restore_bucket(&self, bucket: &str) -> Result<(), Error> {
        let bucket = bucket.to_owned();
        self.index
            .write(move |connection| {
                connection
                    .prepare_cached("DELETE FROM removed WHERE bucket = ?1")?
                    .execute([bucket])?;
                Ok(())
            })
            .await
    }

    /// Forgets every object and upload.
    pub async fn wipe(&self) -> Result<(), Error> {
        let objects = self.clone();
        self.index
            .write(move |connection| {
                // What begins to be received while this goes on belongs to neither store.
                objects.bodies.turn();
                connection.execute_batch(
                    "DELETE FROM object; DELETE FROM segment; DELETE FROM upload; DELETE FROM part; DELETE FROM doomed;
                     DELETE FROM removed;",
                )?;
                objects.bodies.wipe()?;
                objects.bodies.turn();
                Ok(())
            })
            .await
    }

    /// Makes a change durable, then does what follows of it. It is done to the end even if nobody
    /// waits for it any more: a client may go away at any moment.
    async fn commit<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Result<Done<T>, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let (index, bodies) = (Arc::clone(&self.index), Arc::clone(&self.bodies));
        let committing = tokio::spawn(async move {
            let Done {
                output,
                settled,
                doomed,
            } = index.write(work).await?;
            if let Some(file) = settled {
                bodies.settle(file);
            }
            bodies.reap(doomed);
            Ok(output)
        });
        committing
            .await
            .map_err(|error| Error::Unavailable(error.into()))?
    }

    /// Checks that a body may come into the bucket, and names it after its first file.
    fn admit(
        &self,
        connection: &Connection,
        bucket: &str,
        received: &Received,
    ) -> Result<Id, Error> {
        not_removed(connection, bucket)?;
        if received.generation != self.bodies.generation() {
            return Err(Error::Unavailable("the store was wiped meanwhile".into()));
        }
        received
            .id()
            .ok_or_else(|| Error::Unavailable("a body was used twice".into()))
    }
}

/// Refuses a bucket that is no more.
fn not_removed(connection: &Connection, bucket: &str) -> Result<(), Error> {
    let removed = connection
        .prepare_cached("SELECT 1 FROM removed WHERE bucket = ?1")?
        .query_row([bucket], |_| Ok(()))
        .optional()?;
    match removed {
        Some(()) => Err(Error::NoSuchBucket),
        None => Ok(()),
    }
}

/// What a change leaves to be done when it is durable.
struct Done<T> {
    output: T,
    /// A file that belongs to the store now. Whoever claims it answers for it: if the commit
    /// fails after all, it is a leftover for the next start.
    settled: Option<Id>,
    /// Bodies that nothing refers to any more.
    doomed: Vec<Id>,
}

impl Done<()> {
    fn dooming(doomed: Vec<Id>) -> Self {
        Self {
            output: (),
            settled: None,
            doomed,
        }
    }
}

/// The columns of [`read_object`], in its order.
const OBJECT: &str = "size, etag, modified, parts, headers, checksum";

/// Reads the columns of [`OBJECT`], the first being number `first` of the row.
fn read_object(row: &Row<'_>, first: usize) -> Result<Object, Error> {
    let column = |n: usize| first.saturating_add(n);
    Ok(Object {
        size: row.get(column(0))?,
        etag: row.get(column(1))?,
        modified: row.get(column(2))?,
        parts: row.get(column(3))?,
        headers: serde_json::from_str(&row.get::<_, String>(column(4))?)?,
        checksum: read_json(row, column(5))?,
    })
}

fn read_json<T: serde::de::DeserializeOwned>(
    row: &Row<'_>,
    column: usize,
) -> Result<Option<T>, Error> {
    Ok(row
        .get::<_, Option<String>>(column)?
        .map(|text| serde_json::from_str(&text))
        .transpose()?)
}

fn json<T: Serialize>(value: Option<&T>) -> Result<Option<String>, Error> {
    Ok(value.map(serde_json::to_string).transpose()?)
}

/// An object and the name of its body.
fn object(connection: &Connection, bucket: &str, key: &str) -> Result<Option<(Object, Id)>, Error> {
    let sql = format!("SELECT body, {OBJECT} FROM object WHERE bucket = ?1 AND key = ?2");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((bucket, key.as_bytes()))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    Ok(Some((read_object(row, 1)?, row.get(0)?)))
}

fn check_condition(
    connection: &Connection,
    bucket: &str,
    key: &str,
    condition: &Condition,
) -> Result<(), Error> {
    if *condition == Condition::None {
        return Ok(());
    }
    let sql = "SELECT etag FROM object WHERE bucket = ?1 AND key = ?2";
    let etag: Option<String> = connection
        .prepare_cached(sql)?
        .query_row((bucket, key.as_bytes()), |row| row.get(0))
        .optional()?;
    match (condition, etag) {
        (Condition::None, _) | (Condition::Absent, None) => Ok(()),
        (Condition::Absent, Some(_)) => Err(Error::PreconditionFailed),
        (Condition::Match(_), None) => Err(Error::NoSuchKey),
        (Condition::Match(wanted), Some(etag)) if wanted == "*" || *wanted == etag => Ok(()),
        (Condition::Match(_), Some(_)) => Err(Error::PreconditionFailed),
    }
}

/// Puts an object in place of the one that is there, whose body is doomed.
fn insert_object(
    connection: &Connection,
    bucket: &str,
    key: &str,
    body: Id,
    object: &Object,
) -> Result<Vec<Id>, Error> {
    let doomed = remove_object(connection, bucket, key)?;
    connection
        .prepare_cached("INSERT INTO object VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?
        .execute((
            bucket,
            key.as_bytes(),
            body,
            object.size,
            &object.etag,
            object.modified,
            object.parts,
            serde_json::to_string(&object.headers)?,
            json(object.checksum.as_ref())?,
        ))?;
    Ok(doomed)
}

/// Removes an object, if it is there. Its body, if any, is doomed.
fn remove_object(connection: &Connection, bucket: &str, key: &str) -> Result<Vec<Id>, Error> {
    let sql = "DELETE FROM object WHERE bucket = ?1 AND key = ?2 RETURNING body";
    let body: Option<Id> = connection
        .prepare_cached(sql)?
        .query_row((bucket, key.as_bytes()), |row| row.get(0))
        .optional()?;
    let Some(body) = body else {
        return Ok(Vec::new());
    };
    doom(connection, body)?;
    Ok(vec![body])
}

fn doom(connection: &Connection, body: Id) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT OR IGNORE INTO doomed VALUES (?1)")?
        .execute([body])?;
    Ok(())
}

fn insert_segment(
    connection: &Connection,
    body: Id,
    start: u64,
    number: u32,
    size: u64,
    file: Id,
    checksum: Option<&Checksum>,
) -> Result<(), Error> {
    connection
        .prepare_cached("INSERT INTO segment VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute((body, start, number, size, file, json(checksum)?))?;
    Ok(())
}
