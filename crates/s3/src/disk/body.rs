//! Bodies: the bytes of objects and parts, in files named by random ids.
//!
//! A body is received into `incoming/`, made durable there, then committed in the index and moved
//! to `bodies/` at leisure: a file in `incoming/` that the index does not know is a leftover. A
//! body that nothing refers to any more is removed when its last reader is done.

use super::digest::{Algorithm, Checksum, Digests, Hasher};
use super::index::{Index, blocking};
use super::share::{Alone, Share};
use super::{Error, Random};
use bytes::{Bytes, BytesMut};
use data_encoding::HEXLOWER;
use futures_util::Stream;
use rusqlite::{Connection, OptionalExtension as _};
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;

/// How much is read from or written to a file at a time; also what a transfer holds in memory,
/// about twice.
const BLOCK: usize = 64 * 1024;

/// How long bodies that another process may be reading are kept, at least; twice as long at most.
const PATIENCE: Duration = Duration::from_secs(15 * 60);

/// Names a body or a file.
pub(super) type Id = [u8; 16];

/// The directories of body files, and who is reading what.
pub(super) struct Bodies {
    incoming: PathBuf,
    settled: PathBuf,
    random: Random,
    index: Arc<Index>,
    /// Held shared from before a row is read until its body is leased, and exclusively for a
    /// moment after a commit that dooms bodies: whoever could have seen them has his lease then.
    gate: RwLock<()>,
    leases: Mutex<HashMap<Id, Lease>>,
    share: Share,
    /// Held while bodies are removed: locks of files keep two threads apart as they do two
    /// processes, and each would take the other for one.
    reaping: Mutex<()>,
    /// Doomed bodies that another process may be reading.
    postponed: Mutex<Vec<Id>>,
    /// Which of the stores that this directory has held, counting from start: a wipe begins the
    /// next, and what was being received for the one before must not come into it.
    generation: AtomicU64,
}

#[derive(Default)]
struct Lease {
    readers: usize,
    doomed: bool,
}

impl Bodies {
    /// Opens the directories. A process that is `alone` clears away what a sudden end left behind.
    pub(super) fn open(
        directory: &Path,
        random: Random,
        index: Arc<Index>,
        share: Share,
        alone: Option<&Alone>,
    ) -> Result<Arc<Self>, Error> {
        let (incoming, settled) = (directory.join("incoming"), directory.join("bodies"));
        super::private_directory(&incoming)?;
        for byte in 0..=u8::MAX {
            super::private_directory(&settled.join(HEXLOWER.encode(&[byte])))?;
        }
        sync_directory(&settled)?;
        sync_directory(directory)?;
        let bodies = Self {
            incoming,
            settled,
            random,
            index,
            gate: RwLock::new(()),
            leases: Mutex::default(),
            share,
            reaping: Mutex::default(),
            postponed: Mutex::default(),
            generation: AtomicU64::new(0),
        };
        let bodies = Arc::new(bodies);
        match alone {
            Some(_) => bodies.sweep()?,
            None => bodies.postpone(bodies.doomed()?),
        }
        bodies.remove_postponed_in_time();
        Ok(bodies)
    }

    /// Settles the files in `incoming/` that the index knows, removes the others, and removes the
    /// doomed.
    fn sweep(&self) -> Result<(), Error> {
        for entry in std::fs::read_dir(&self.incoming)? {
            let path = entry?.path();
            let id = path.file_name().and_then(|name| parse_id(name.to_str()?));
            let known = match id {
                None => false,
                Some(id) => self.index.read_now(|connection| {
                    let sql = "SELECT 1 FROM segment WHERE file = ?1";
                    Ok(connection
                        .prepare_cached(sql)?
                        .query_row([id], |_| Ok(()))
                        .optional()?
                        .is_some())
                })?,
            };
            match id {
                Some(id) if known => std::fs::rename(&path, self.settled_path(id))?,
                _ => std::fs::remove_file(&path)?,
            }
        }
        self.doomed()?
            .into_iter()
            .try_for_each(|body| self.remove(body))
    }

    /// The bodies that nothing refers to any more.
    fn doomed(&self) -> Result<Vec<Id>, Error> {
        self.index.read_now(|connection| {
            let mut statement = connection.prepare("SELECT body FROM doomed")?;
            let rows = statement.query_map([], |row| row.get::<_, Id>(0))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })
    }

    fn postpone(&self, doomed: Vec<Id>) {
        let mut postponed = self
            .postponed
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        postponed.extend(doomed);
    }

    /// Removes what was postponed when no reader in any process can be expected any more. Only
    /// where there is a runtime; a process that opens the directory alone sees to what is left.
    fn remove_postponed_in_time(self: &Arc<Self>) {
        let bodies: Weak<Self> = Arc::downgrade(self);
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        runtime.spawn(async move {
            let mut turns = tokio::time::interval(PATIENCE);
            let mut ripe = Vec::new();
            loop {
                turns.tick().await;
                let Some(bodies) = bodies.upgrade() else {
                    return;
                };
                let next = std::mem::take(
                    &mut *bodies
                        .postponed
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner),
                );
                for body in std::mem::replace(&mut ripe, next) {
                    let bodies = Arc::clone(&bodies);
                    background(move || bodies.remove_unless_read(body));
                }
            }
        });
    }

    /// Begins to receive a body.
    pub(super) async fn receive(
        self: &Arc<Self>,
        algorithms: &[Algorithm],
    ) -> Result<Incoming, Error> {
        let hasher = Hasher::new(algorithms);
        let received = Unclaimed {
            bodies: Arc::clone(self),
            id: Some(self.id()),
        };
        let generation = self.generation.load(Ordering::SeqCst);
        let (received, file) = blocking(move || {
            let file = super::private_file()
                .create_new(true)
                .write(true)
                .open(received.path())?;
            Ok((received, file))
        })
        .await?;
        let sink = Sink {
            file,
            hasher,
            size: 0,
        };
        Ok(Incoming {
            received,
            generation,
            sink: State::Idle(sink),
            pending: Vec::new(),
            held: 0,
        })
    }

    /// A random id.
    pub(super) fn id(&self) -> Id {
        let mut id = Id::default();
        (self.random)(&mut id);
        id
    }

    /// Which store this is; see [`Bodies::wipe`].
    pub(super) fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Reads a row that names a body, and keeps that body's files for as long as the answer lives.
    /// To be called on the blocking pool.
    pub(super) fn lease<T>(
        self: &Arc<Self>,
        read: impl FnOnce(&Connection) -> Result<(T, Id), Error>,
    ) -> Result<(T, Leased), Error> {
        let _gate = self.gate.read().unwrap_or_else(PoisonError::into_inner);
        let (row, body) = self.index.read_now(read)?;
        let mut leases = self.leases.lock().unwrap_or_else(PoisonError::into_inner);
        let lease = leases.entry(body).or_default();
        lease.readers = lease.readers.saturating_add(1);
        Ok((
            row,
            Leased {
                bodies: Arc::clone(self),
                body,
            },
        ))
    }

    /// Moves a committed file out of `incoming/`, some time soon.
    pub(super) fn settle(self: &Arc<Self>, file: Id) {
        let bodies = Arc::clone(self);
        // If it fails, or is not come to, the file is found where it is, and moved at the next start.
        background(move || {
            let _ = std::fs::rename(bodies.incoming_path(file), bodies.settled_path(file));
        });
    }

    /// Removes bodies that a commit has doomed, each as soon as nobody reads it.
    pub(super) fn reap(self: &Arc<Self>, doomed: Vec<Id>) {
        if doomed.is_empty() {
            return;
        }
        let bodies = Arc::clone(self);
        background(move || {
            drop(bodies.gate.write().unwrap_or_else(PoisonError::into_inner));
            let _turn = bodies
                .reaping
                .lock()
                .unwrap_or_else(PoisonError::into_inner);
            // Whether other processes read it cannot be known: if there are any, it is kept a while.
            match bodies.share.alone() {
                Ok(Some(_alone)) => doomed
                    .into_iter()
                    .for_each(|body| bodies.remove_unless_read(body)),
                Ok(None) | Err(_) => bodies.postpone(doomed),
            }
        });
    }

    /// Removes a doomed body now, or when its last reader here is done.
    fn remove_unless_read(&self, body: Id) {
        if let Some(lease) = self
            .leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(&body)
        {
            lease.doomed = true;
            return;
        }
        // What cannot be removed now stays doomed, and is tried again at the next start.
        let _ = self.remove(body);
    }

    /// Forgets everything: the commit that empties the index has been made.
    pub(super) fn wipe(&self) -> Result<(), Error> {
        for entry in std::fs::read_dir(&self.incoming)? {
            remove_if_there(&entry?.path())?;
        }
        for directory in std::fs::read_dir(&self.settled)? {
            for entry in std::fs::read_dir(directory?.path())? {
                remove_if_there(&entry?.path())?;
            }
        }
        Ok(())
    }

    /// Begins the next generation.
    pub(super) fn turn(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    /// Removes the files of a doomed body, then its rows.
    fn remove(&self, body: Id) -> Result<(), Error> {
        let files = self.index.read_now(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT file FROM segment WHERE body = ?1")?;
            let rows = statement.query_map([body], |row| row.get::<_, Id>(0))?;
            Ok(rows.collect::<Result<Vec<_>, _>>()?)
        })?;
        for file in files {
            // In this order: a file moves from the first to the second, never back.
            remove_if_there(&self.incoming_path(file))?;
            remove_if_there(&self.settled_path(file))?;
        }
        self.index.later(move |connection| {
            connection.execute("DELETE FROM segment WHERE body = ?1", [body])?;
            connection.execute("DELETE FROM doomed WHERE body = ?1", [body])?;
            Ok(())
        });
        Ok(())
    }

    /// Opens a committed file, wherever it is on its way from `incoming/` to `bodies/`.
    fn open_file(&self, file: Id) -> io::Result<File> {
        let absent = |error: &io::Error| error.kind() == io::ErrorKind::NotFound;
        match File::open(self.settled_path(file)) {
            Err(error) if absent(&error) => match File::open(self.incoming_path(file)) {
                Err(error) if absent(&error) => File::open(self.settled_path(file)),
                outcome => outcome,
            },
            outcome => outcome,
        }
    }

    fn incoming_path(&self, file: Id) -> PathBuf {
        self.incoming.join(HEXLOWER.encode(&file))
    }

    fn settled_path(&self, file: Id) -> PathBuf {
        let name = HEXLOWER.encode(&file);
        let [first, ..] = file;
        self.settled.join(HEXLOWER.encode(&[first])).join(name)
    }
}

/// A body being received.
pub struct Incoming {
    received: Unclaimed,
    generation: u64,
    sink: State,
    pending: Vec<Bytes>,
    held: usize,
}

/// Where received bytes go.
struct Sink {
    file: File,
    hasher: Hasher,
    size: u64,
}

/// While one block is being written the next is collected.
enum State {
    Idle(Sink),
    Writing(JoinHandle<io::Result<Sink>>),
    Failed,
}

impl Incoming {
    /// Takes more bytes. What is held in memory is bounded: this waits for the disk.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), Error> {
        self.held = self.held.saturating_add(bytes.len());
        self.pending.push(bytes);
        if self.held < BLOCK {
            Ok(())
        } else {
            self.flush().await
        }
    }

    /// Makes the body durable. It becomes part of the store only by what is then done with it;
    /// dropped, it is gone.
    pub async fn finish(mut self) -> Result<Received, Error> {
        self.flush().await?;
        let Sink { file, hasher, size } = self.idle().await?;
        let (received, digests) = {
            let received = self.received;
            blocking(move || {
                file.sync_all()?;
                sync_directory(&received.bodies.incoming)?;
                Ok((received, hasher.finish()))
            })
            .await?
        };
        Ok(Received {
            file: received,
            generation: self.generation,
            size,
            digests,
        })
    }

    /// Has what is collected written, behind what is being written.
    async fn flush(&mut self) -> Result<(), Error> {
        let mut sink = self.idle().await?;
        let blocks = std::mem::take(&mut self.pending);
        self.held = 0;
        self.sink = State::Writing(tokio::task::spawn_blocking(move || {
            for block in blocks {
                sink.file.write_all(&block)?;
                sink.hasher.update(&block);
                sink.size = sink.size.saturating_add(block.len() as u64);
            }
            Ok(sink)
        }));
        Ok(())
    }

    async fn idle(&mut self) -> Result<Sink, Error> {
        match std::mem::replace(&mut self.sink, State::Failed) {
            State::Idle(sink) => Ok(sink),
            State::Writing(writing) => Ok(writing
                .await
                .map_err(|error| Error::Unavailable(error.into()))??),
            State::Failed => Err(Error::Unavailable("a write has failed before".into())),
        }
    }
}

/// A body that is durable and not yet in the store.
pub struct Received {
    file: Unclaimed,
    pub(super) generation: u64,
    /// How many bytes it has.
    pub size: u64,
    /// Its digests.
    pub digests: Digests,
}

impl Received {
    /// The file's id, and with it the care for it.
    pub(super) fn claim(mut self) -> Option<Id> {
        self.file.id.take()
    }

    pub(super) fn id(&self) -> Option<Id> {
        self.file.id
    }
}

/// A file in `incoming/` that is removed unless claimed.
struct Unclaimed {
    bodies: Arc<Bodies>,
    id: Option<Id>,
}

impl Unclaimed {
    fn path(&self) -> PathBuf {
        self.bodies.incoming_path(self.id.unwrap_or_default())
    }
}

impl Drop for Unclaimed {
    fn drop(&mut self) {
        if self.id.is_some() {
            let path = self.path();
            background(move || {
                let _ = std::fs::remove_file(path);
            });
        }
    }
}

/// A body that is kept for a reader.
pub(super) struct Leased {
    bodies: Arc<Bodies>,
    body: Id,
}

impl Drop for Leased {
    fn drop(&mut self) {
        let mut leases = self
            .bodies
            .leases
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let Some(lease) = leases.get_mut(&self.body) else {
            return;
        };
        lease.readers = lease.readers.saturating_sub(1);
        if lease.readers == 0 {
            let doomed = lease.doomed;
            leases.remove(&self.body);
            drop(leases);
            if doomed {
                self.bodies.reap(vec![self.body]);
            }
        }
    }
}

/// The bytes of an object that has been opened. They stay as they were, whatever happens to the
/// object meanwhile.
pub struct Content {
    pub(super) leased: Arc<Leased>,
}

/// Where a reader is: the next byte, the end, and the file it is in.
struct Cursor {
    leased: Arc<Leased>,
    range: Range<u64>,
    segment: Option<Segment>,
}

struct Segment {
    file: File,
    start: u64,
    end: u64,
}

impl Content {
    /// The bytes of `range`, in blocks.
    pub fn read(
        &self,
        range: Range<u64>,
    ) -> impl Stream<Item = io::Result<Bytes>> + Send + Sync + use<> {
        let cursor = Cursor {
            leased: Arc::clone(&self.leased),
            range,
            segment: None,
        };
        futures_util::stream::try_unfold(cursor, |mut cursor| async {
            if cursor.range.is_empty() {
                return Ok(None);
            }
            // Memory is drawn where it is given back, among the few threads that run tasks, and
            // not in the many that wait for disks: an allocator keeps what each thread has freed.
            let left = cursor.range.end.saturating_sub(cursor.range.start);
            let buffer = BytesMut::with_capacity(
                usize::try_from(left).map_or(BLOCK, |left| left.min(BLOCK)),
            );
            tokio::task::spawn_blocking(move || {
                let block = cursor.next(buffer)?;
                Ok(Some((block, cursor)))
            })
            .await
            .map_err(io::Error::other)?
        })
    }

    /// Where part `number` of a multipart object lies. A body in one piece is its part 1.
    pub async fn part(&self, number: u32) -> Result<Option<(Range<u64>, Option<Checksum>)>, Error> {
        let body = self.leased.body;
        self.leased
            .bodies
            .index
            .read(move |connection| {
                let sql =
                    "SELECT start, size, checksum FROM segment WHERE body = ?1 AND number = ?2";
                let row = connection
                    .prepare_cached(sql)?
                    .query_row((body, number), |row| {
                        Ok((
                            row.get::<_, u64>(0)?,
                            row.get::<_, u64>(1)?,
                            row.get::<_, Option<String>>(2)?,
                        ))
                    })
                    .optional()?;
                row.map(|(start, size, checksum)| {
                    let checksum = checksum
                        .map(|text| serde_json::from_str(&text))
                        .transpose()?;
                    Ok((start..start.saturating_add(size), checksum))
                })
                .transpose()
            })
            .await
    }
}

impl Cursor {
    /// The next block, in `buffer`.
    fn next(&mut self, mut buffer: BytesMut) -> io::Result<Bytes> {
        let position = self.range.start;
        let segment = match self.segment.take() {
            Some(segment) if position < segment.end => segment,
            _ => self.locate(position)?,
        };
        let end = self
            .range
            .end
            .min(segment.end)
            .min(position.saturating_add(BLOCK as u64));
        let length = usize::try_from(end.saturating_sub(position)).map_err(io::Error::other)?;
        buffer.resize(length, 0);
        segment
            .file
            .read_exact_at(&mut buffer, position.saturating_sub(segment.start))?;
        self.range.start = end;
        self.segment = Some(segment);
        Ok(buffer.freeze())
    }

    /// The segment that the byte at `position` is in.
    fn locate(&self, position: u64) -> io::Result<Segment> {
        let Leased { bodies, body } = &*self.leased;
        let (file, start, size) = bodies
            .index
            .read_now(|connection| {
                let sql = "SELECT file, start, size FROM segment
                           WHERE body = ?1 AND start <= ?2 ORDER BY start DESC LIMIT 1";
                Ok(connection
                    .prepare_cached(sql)?
                    .query_row((body, position), |row| {
                        Ok((
                            row.get::<_, Id>(0)?,
                            row.get::<_, u64>(1)?,
                            row.get::<_, u64>(2)?,
                        ))
                    })?)
            })
            .map_err(io::Error::other)?;
        Ok(Segment {
            file: bodies.open_file(file)?,
            start,
            end: start.saturating_add(size),
        })
    }
}

/// Runs `work` on the blocking pool, without waiting for it; at once where there is no pool.
fn background(work: impl FnOnce() + Send + 'static) {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => drop(runtime.spawn_blocking(work)),
        Err(_) => work(),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        outcome => outcome,
    }
}

/// The id that a file is named by.
fn parse_id(name: &str) -> Option<Id> {
    HEXLOWER.decode(name.as_bytes()).ok()?.try_into().ok()
}
