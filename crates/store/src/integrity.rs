//! Whether the database is whole: the engine's own checks, and the feed against the entities.

use crate::error::Failure;
use crate::read::feed_entry;
use rusqlite::Connection;
use std::collections::BTreeMap;
use std::fmt;

/// One thing that is wrong with a database.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Fault {
    /// SQLite's `integrity_check` reports this.
    Engine(String),
    /// Rows of this table refer to a scope that is not there.
    Orphans {
        /// The table.
        table: String,
    },
    /// This cannot be read at all.
    Unreadable(String),
    /// The versions of a scope do not count up one by one in the feed.
    Gap {
        /// The scope.
        scope: String,
        /// The feed entry that does not follow.
        sequence: u64,
    },
    /// The newest version of a scope is not the one of its last feed entry.
    Version {
        /// The scope.
        scope: String,
        /// What the feed ends with; 0 if it does not name the scope.
        feed: u64,
        /// What is stored; 0 if nothing is.
        stored: u64,
    },
    /// An entity is not what the feed makes of it.
    Entity {
        /// The scope.
        scope: String,
        /// The kind of the entity.
        kind: String,
        /// The key of the entity.
        key: String,
    },
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Engine(message) => write!(f, "the database file is damaged: {message}"),
            Self::Orphans { table } => write!(f, "rows of table `{table}` belong to no scope"),
            Self::Unreadable(what) => write!(f, "cannot understand {what}"),
            Self::Gap { scope, sequence } => {
                write!(
                    f,
                    "feed entry {sequence} does not follow the version of scope `{scope}` before it"
                )
            }
            Self::Version {
                scope,
                feed,
                stored,
            } => {
                write!(
                    f,
                    "scope `{scope}` has version {stored}, but its feed ends with version {feed}"
                )
            }
            Self::Entity { scope, kind, key } => {
                write!(
                    f,
                    "entity `{key}` of kind `{kind}` in scope `{scope}` is not what the feed says"
                )
            }
        }
    }
}

/// Everything that is wrong, as of one moment.
pub(crate) fn check(connection: &mut Connection) -> Result<Vec<Fault>, Failure> {
    let snapshot = connection.transaction()?;
    let mut faults = Vec::new();
    engine(&snapshot, &mut faults)?;
    // What a damaged file says about its content means nothing.
    if faults.is_empty() {
        replay(&snapshot, &mut faults)?;
    }
    Ok(faults)
}

fn engine(snapshot: &Connection, faults: &mut Vec<Fault>) -> Result<(), Failure> {
    let mut statement = snapshot.prepare("SELECT integrity_check FROM pragma_integrity_check")?;
    for message in statement.query_map((), |row| row.get::<_, String>(0))? {
        let message = message?;
        if message != "ok" {
            faults.push(Fault::Engine(message));
        }
    }
    let mut statement =
        snapshot.prepare("SELECT DISTINCT \"table\" FROM pragma_foreign_key_check ORDER BY 1")?;
    for table in statement.query_map((), |row| row.get(0))? {
        faults.push(Fault::Orphans { table: table? });
    }
    Ok(())
}

/// Entities by scope, kind and key.
type Entities = BTreeMap<(String, String, String), String>;

fn replay(snapshot: &Connection, faults: &mut Vec<Fault>) -> Result<(), Failure> {
    let mut versions: BTreeMap<String, u64> = BTreeMap::new();
    let mut entities = Entities::new();
    let mut statement = snapshot.prepare(
        "SELECT sequence, scope, version, at, actor, action, request_id, puts, deletes FROM feed ORDER BY sequence",
    )?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let entry = match feed_entry(row) {
            Ok(entry) => entry,
            Err(Failure::Unreadable(what)) => {
                faults.push(Fault::Unreadable(what));
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let scope = entry.scope.as_text().to_owned();
        let version = versions.entry(scope.clone()).or_default();
        if version.checked_add(1) != Some(entry.version) {
            faults.push(Fault::Gap {
                scope: scope.clone(),
                sequence: entry.sequence,
            });
        }
        *version = entry.version;
        for (kind, key) in entry.deletes {
            entities.remove(&(scope.clone(), kind, key));
        }
        for record in entry.puts {
            entities.insert((scope.clone(), record.kind, record.key), record.body);
        }
    }
    compare_versions(snapshot, versions, faults)?;
    compare_entities(snapshot, entities, faults)
}

fn compare_versions(
    snapshot: &Connection,
    mut expected: BTreeMap<String, u64>,
    faults: &mut Vec<Fault>,
) -> Result<(), Failure> {
    let mut statement = snapshot.prepare("SELECT scope, version FROM scopes ORDER BY scope")?;
    for row in statement.query_map((), |row| {
        Ok((row.get::<_, String>(0)?, row.get::<_, i64>(1)?))
    })? {
        let (scope, version) = row?;
        let feed = expected.remove(&scope).unwrap_or(0);
        match u64::try_from(version) {
            Ok(stored) if stored == feed => {}
            Ok(stored) => faults.push(Fault::Version {
                scope,
                feed,
                stored,
            }),
            Err(_) => faults.push(Fault::Unreadable(format!("the version of scope `{scope}`"))),
        }
    }
    faults.extend(expected.into_iter().map(|(scope, feed)| Fault::Version {
        scope,
        feed,
        stored: 0,
    }));
    Ok(())
}

fn compare_entities(
    snapshot: &Connection,
    mut expected: Entities,
    faults: &mut Vec<Fault>,
) -> Result<(), Failure> {
    let mut statement = snapshot
        .prepare("SELECT scope, kind, key, body FROM entities ORDER BY scope, kind, key")?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let entity = (row.get(0)?, row.get(1)?, row.get(2)?);
        let body: String = row.get(3)?;
        if expected.remove(&entity) != Some(body) {
            let (scope, kind, key) = entity;
            faults.push(Fault::Entity { scope, kind, key });
        }
    }
    faults.extend(
        expected
            .into_keys()
            .map(|(scope, kind, key)| Fault::Entity { scope, kind, key }),
    );
    Ok(())
}
