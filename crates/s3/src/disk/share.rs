//! Who has the directory open. Several processes of one machine may; what others could still be
//! reading is removed only by a process that is alone.
//!
//! ```text
//! DIR/lock       held by one of the processes
//! DIR/lock.more  held, shared, by each of the others
//! ```
//!
//! A process that finds `lock` free takes it, at its start or when it asks whether it is alone. It is
//! alone while it has that and nobody has the other one.

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// This process's part in the directory.
pub(super) struct Share {
    more: PathBuf,
    lock: File,
    /// `None` for the process that has the lock.
    place: Mutex<Option<File>>,
}

/// As long as it lives, no other process has the directory open, and none comes to it.
pub(super) struct Alone {
    _more: File,
}

impl Share {
    /// Takes part, and waits for a process that is alone to have done what it does.
    pub(super) fn open(directory: &Path) -> io::Result<Self> {
        let share = Self {
            more: directory.join("lock.more"),
            lock: lock_file(&directory.join("lock"))?,
            place: Mutex::new(None),
        };
        if !held(share.lock.try_lock())? {
            let more = lock_file(&share.more)?;
            more.lock_shared()?;
            *share.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(more);
        }
        Ok(share)
    }

    /// Whether no other process has the directory open, and that it stays so.
    pub(super) fn alone(&self) -> io::Result<Option<Alone>> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        if place.is_some() {
            if !held(self.lock.try_lock())? {
                return Ok(None);
            }
            *place = None;
        }
        let more = lock_file(&self.more)?;
        Ok(held(more.try_lock())?.then_some(Alone { _more: more }))
    }
}

/// Whether a lock was got.
fn held(outcome: Result<(), TryLockError>) -> io::Result<bool> {
    match outcome {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    super::private_file()
        .create(true)
        .truncate(false)
        .write(true)
        .open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Files of one process have locks of their own, so this is as between processes.
    #[test]
    fn one_is_alone_and_two_are_not() {
        let directory = tempfile::tempdir().unwrap();
        let first = Share::open(directory.path()).unwrap();
        drop(first.alone().unwrap().unwrap());
        let second = Share::open(directory.path()).unwrap();
        assert!(first.alone().unwrap().is_none());
        assert!(second.alone().unwrap().is_none());
        drop(first);
        drop(second.alone().unwrap().unwrap());
        let third = Share::open(directory.path()).unwrap();
        assert!(second.alone().unwrap().is_none());
        drop(third);
        assert!(second.alone().unwrap().is_some());
    }
}
