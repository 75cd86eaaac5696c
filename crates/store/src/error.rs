//! What can go wrong: at opening, and afterwards.

use locum_identity::port::StoreError;
use std::error::Error;
use std::fmt;
use std::sync::Arc;

/// Why a database could not be opened.
#[derive(Debug)]
pub enum OpenError {
    /// The file could not be created or its permissions not be set.
    Io(std::io::Error),
    /// The database engine failed.
    Engine(Box<dyn Error + Send + Sync>),
    /// The file is not a database, or is one of another program.
    Foreign,
    /// The schema was made by a newer release than this one.
    Newer {
        /// The schema version of the file.
        found: u32,
        /// The newest schema version that this program knows.
        known: u32,
    },
    /// The migrations recorded in the file are not the ones of this program.
    History {
        /// The first schema version that differs.
        version: u32,
    },
    /// The file was opened before and has since lost its schema.
    Lost,
    /// There is no database yet, and only reading was asked for.
    Missing,
    /// The schema is older than this program's, and only reading was asked for.
    Older,
    /// The file system cannot hold a write-ahead log (a network file system, perhaps).
    NoWriteAheadLog,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot create the database file: {error}"),
            Self::Engine(error) => write!(f, "cannot open the database: {error}"),
            Self::Foreign => f.write_str("the file is not a database of this program"),
            Self::Newer { found, known } => write!(
                f,
                "the database has schema version {found}, and this program knows versions up to {known}: use a newer release"
            ),
            Self::History { version } => {
                write!(
                    f,
                    "the database has another schema version {version} than this program"
                )
            }
            Self::Lost => f.write_str("the database has lost its content while it was open"),
            Self::Missing => f.write_str("there is no database"),
            Self::Older => f.write_str(
                "the database is of an older release: it is brought up to date when the server starts",
            ),
            Self::NoWriteAheadLog => {
                f.write_str("the file system does not support a write-ahead log")
            }
        }
    }
}

impl Error for OpenError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Engine(error) => Some(&**error),
            Self::Foreign
            | Self::Newer { .. }
            | Self::History { .. }
            | Self::Lost
            | Self::Missing
            | Self::Older
            | Self::NoWriteAheadLog => None,
        }
    }
}

impl From<std::io::Error> for OpenError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<rusqlite::Error> for OpenError {
    fn from(error: rusqlite::Error) -> Self {
        match error.sqlite_error_code() {
            Some(rusqlite::ErrorCode::NotADatabase) => Self::Foreign,
            _ => Self::Engine(Box::new(error)),
        }
    }
}

/// What is inside a [`StoreError`] of this crate.
///
/// It can be cloned, because one failed transaction answers every commit that was part of it.
#[derive(Clone, Debug)]
pub enum Failure {
    /// The database engine failed: disk full, I/O error, locked for too long, corrupt.
    Engine(Arc<dyn Error + Send + Sync>),
    /// The connection had to be opened again after a failure, and that failed.
    Open(Arc<OpenError>),
    /// A row is not what this program writes. Says which, and never what it holds.
    Unreadable(String),
    /// The commit itself makes no sense; nothing was written.
    Refused(Refusal),
    /// The store was opened for reading only.
    ReadOnly,
    /// The store is shutting down, or its thread died.
    Stopped,
}

/// Why a commit makes no sense.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// One scope is named by two writes.
    ScopeTwice {
        /// The scope, as text.
        scope: String,
    },
    /// One entity is put or deleted more than once by a write, so that the order would matter.
    EntityTwice {
        /// The kind of the entity.
        kind: String,
        /// The key of the entity.
        key: String,
    },
    /// The body is not one JSON document, without white space around it.
    Body {
        /// The kind of the entity.
        kind: String,
        /// The key of the entity.
        key: String,
    },
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(error) => write!(f, "the database failed: {error}"),
            Self::Open(error) => error.fmt(f),
            Self::Unreadable(what) => write!(f, "cannot understand {what}"),
            Self::Refused(Refusal::ScopeTwice { scope }) => {
                write!(f, "the commit names scope `{scope}` twice")
            }
            Self::Refused(Refusal::EntityTwice { kind, key }) => {
                write!(f, "the commit names entity `{key}` of kind `{kind}` twice")
            }
            Self::Refused(Refusal::Body { kind, key }) => {
                write!(
                    f,
                    "the body of entity `{key}` of kind `{kind}` is not a JSON document"
                )
            }
            Self::ReadOnly => f.write_str("the store was opened for reading only"),
            Self::Stopped => f.write_str("the store has stopped"),
        }
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Engine(error) => Some(&**error),
            Self::Open(error) => Some(&**error),
            Self::Unreadable(_) | Self::Refused(_) | Self::ReadOnly | Self::Stopped => None,
        }
    }
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        Self::Engine(Arc::new(error))
    }
}

impl From<OpenError> for Failure {
    fn from(error: OpenError) -> Self {
        Self::Open(Arc::new(error))
    }
}

impl From<Failure> for StoreError {
    fn from(failure: Failure) -> Self {
        Self(Box::new(failure))
    }
}
