//! Opening a database: permissions, durability settings, and the schema's migrations.

use crate::error::OpenError;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Where a database lives.
#[derive(Clone, Debug)]
pub(crate) enum Place {
    /// In a file, with `-wal` and `-shm` files beside it.
    File(PathBuf),
    /// In memory; gone with its only connection.
    Memory,
}

impl Place {
    /// The first connection: creates the file if there is none and migrates the schema.
    pub(crate) fn create(&self) -> Result<Connection, OpenError> {
        match self {
            Self::File(path) => {
                create_private(path)?;
                let mut connection = connect(path)?;
                // Another program's file is left as it is, so this comes before the settings that
                // the file remembers.
                // One transaction: another process may be creating the schema at this moment.
                recognise(&*connection.unchecked_transaction()?, MIGRATIONS)?;
                write_ahead(&mut connection)?;
                configure(&connection)?;
                migrate(&mut connection, MIGRATIONS)?;
                Ok(connection)
            }
            Self::Memory => {
                let mut connection = Connection::open_in_memory()?;
                configure(&connection)?;
                migrate(&mut connection, MIGRATIONS)?;
                Ok(connection)
            }
        }
    }

    /// A further connection to what [`Place::create`] has opened. `None` in memory, where there can
    /// be only one.
    pub(crate) fn connect(&self) -> Result<Option<Connection>, OpenError> {
        match self {
            Self::File(path) => {
                let connection = connect(path)?;
                configure(&connection)?;
                // A file that vanished or was replaced must not look like an empty realm.
                if recognise(&*connection.unchecked_transaction()?, MIGRATIONS)? < MIGRATIONS.len()
                {
                    return Err(OpenError::Lost);
                }
                Ok(Some(connection))
            }
            Self::Memory => Ok(None),
        }
    }

    /// A connection that cannot write. Nothing is created and nothing is migrated.
    pub(crate) fn read_only(path: &Path) -> Result<Connection, OpenError> {
        // SQLite's own answer to a missing file does not say that it is missing.
        if !path.try_exists()? {
            return Err(OpenError::Missing);
        }
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(path, flags)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        distrust(&connection)?;
        let applied = recognise(&*connection.unchecked_transaction()?, MIGRATIONS)?;
        match applied {
            0 => Err(OpenError::Missing),
            _ if applied < MIGRATIONS.len() => Err(OpenError::Older),
            _ => Ok(connection),
        }
    }
}

/// `locm`, in the header of the file.
const APPLICATION_ID: i64 = 0x6C6F_636D;

/// How long another process may hold the write lock before an operation fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// How often the switch to a write-ahead log is tried while others open the same new file.
const WRITE_AHEAD_TRIES: u32 = 100;

/// Numbered from 1 by their order here. One that was released is never changed.
const MIGRATIONS: &[Migration] = &[
    Migration {
        name: "initial",
        sql: include_str!("../migrations/0001_initial.sql"),
    },
    Migration {
        name: "accesses",
        sql: include_str!("../migrations/0002_accesses.sql"),
    },
    Migration {
        name: "vouchers",
        sql: include_str!("../migrations/0003_vouchers.sql"),
    },
];

struct Migration {
    name: &'static str,
    sql: &'static str,
}

/// Creates the file with mode 0600 whatever the umask. SQLite gives the `-wal` and `-shm` files the
/// permissions of the database file.
///
/// An existing file is never opened here: closing it would give up the locks that this process may
/// hold on it through another connection.
#[cfg(unix)]
fn create_private(path: &Path) -> Result<(), OpenError> {
    use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
    {
        Ok(file) => {
            file.set_permissions(fs::Permissions::from_mode(0o600))?;
            file.sync_all()?;
            sync_directory(path)
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            // Prepared by somebody, and nothing is in it yet: there is still nothing to leak.
            if fs::metadata(path)?.len() == 0 {
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
            }
            Ok(())
        }
        Err(error) => Err(error.into()),
    }
}

/// Makes the name of a new file as durable as its content.
#[cfg(unix)]
fn sync_directory(path: &Path) -> Result<(), OpenError> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::File::open(directory)?.sync_all()?;
    Ok(())
}

#[cfg(not(unix))]
fn create_private(path: &Path) -> Result<(), OpenError> {
    match fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path)
    {
        Ok(file) => Ok(file.sync_all()?),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Opens an existing file. The name is never taken for a URI.
fn connect(path: &Path) -> Result<Connection, OpenError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    Ok(connection)
}

/// Switches the file to a write-ahead log, which it remembers.
fn write_ahead(connection: &mut Connection) -> Result<(), OpenError> {
    let mut tries = 0;
    loop {
        let mode = connection
            .pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get::<_, String>(0));
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(_) => return Err(OpenError::NoWriteAheadLog),
            // The switch does not wait for a lock, but a transaction does.
            Err(error)
                if tries < WRITE_AHEAD_TRIES
                    && error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) =>
            {
                tries += 1;
                connection
                    .transaction_with_behavior(TransactionBehavior::Immediate)?
                    .rollback()?;
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// What each connection must be told anew.
fn configure(connection: &Connection) -> Result<(), OpenError> {
    // Each commit is synced to the disk before it returns, also where `fsync` alone does not reach
    // the disk (macOS).
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "foreign_keys", true)?;
    distrust(connection)
}

/// Damage is noticed early, and SQL inside the file is not trusted.
fn distrust(connection: &Connection) -> Result<(), OpenError> {
    connection.pragma_update(None, "cell_size_check", true)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

/// Brings the schema up to date, in one transaction.
fn migrate(connection: &mut Connection, migrations: &[Migration]) -> Result<(), OpenError> {
    // Immediate: of two processes that open a new file, the second waits and finds it done.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let applied = recognise(&transaction, migrations)?;
    if applied == migrations.len() {
        return Ok(());
    }
    if applied == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        transaction.execute_batch(
            "CREATE TABLE migrations (
                 version INTEGER NOT NULL PRIMARY KEY,
                 name    TEXT    NOT NULL
             ) STRICT;",
        )?;
    }
    for (version, migration) in (1_u32..).zip(migrations).skip(applied) {
        transaction.execute_batch(migration.sql)?;
        transaction.execute(
            "INSERT INTO migrations (version, name) VALUES (?1, ?2)",
            (version, migration.name),
        )?;
    }
    transaction.commit()?;
    Ok(())
}

/// How many of the migrations the database has. 0 for an empty one. Reads more than once, so it must
/// be called in a transaction.
fn recognise(connection: &Connection, migrations: &[Migration]) -> Result<usize, OpenError> {
    let application: i64 = connection.query_row(
        "SELECT application_id FROM pragma_application_id",
        (),
        |row| row.get(0),
    )?;
    if application != APPLICATION_ID {
        let objects: i64 =
            connection.query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))?;
        return if application == 0 && objects == 0 {
            Ok(0)
        } else {
            Err(OpenError::Foreign)
        };
    }
    let mut statement =
        connection.prepare("SELECT version, name FROM migrations ORDER BY version")?;
    let applied: Vec<(u32, String)> = statement
        .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    if let Some(&(found, _)) = applied.last()
        && found > known
    {
        return Err(OpenError::Newer { found, known });
    }
    for (expected, ((found, name), migration)) in (1_u32..).zip(applied.iter().zip(migrations)) {
        if *found != expected || name != migration.name {
            return Err(OpenError::History { version: expected });
        }
    }
    Ok(applied.len())
}

#[cfg(test)]
mod tests {
    use super::{MIGRATIONS, Migration, Place, migrate, recognise};
    use crate::error::OpenError;
    use rusqlite::Connection;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::Path;

    const FIRST: Migration = Migration {
        name: "first",
        sql: "CREATE TABLE a (x INTEGER) STRICT;",
    };
    const SECOND: Migration = Migration {
        name: "second",
        sql: "ALTER TABLE a ADD COLUMN y INTEGER;",
    };

    fn tables(connection: &Connection) -> Vec<String> {
        let mut statement = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .unwrap();
        statement
            .query_map((), |row| row.get(0))
            .unwrap()
            .map(Result::unwrap)
            .collect()
    }

    #[test]
    fn migrations_run_once_each_and_in_order() {
        let mut connection = Connection::open_in_memory().unwrap();
        assert_eq!(recognise(&connection, &[FIRST]).unwrap(), 0);
        migrate(&mut connection, &[FIRST]).unwrap();
        assert_eq!(recognise(&connection, &[FIRST, SECOND]).unwrap(), 1);
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
        assert_eq!(recognise(&connection, &[FIRST, SECOND]).unwrap(), 2);
        connection
            .execute("INSERT INTO a (x, y) VALUES (1, 2)", ())
            .unwrap();
    }

    #[test]
    fn a_database_of_the_first_version_opens_with_all_it_has() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let mut first = Connection::open(&path).unwrap();
        migrate(&mut first, MIGRATIONS.get(..1).unwrap()).unwrap();
        first
            .execute_batch("INSERT INTO last_uses VALUES ('000000000001', 'A', 1, 'iam', '')")
            .unwrap();
        drop(first);
        let opened = Place::File(path).create().unwrap();
        let count = |sql| {
            opened
                .query_row(sql, (), |row| row.get::<_, i64>(0))
                .unwrap()
        };
        assert_eq!(count("SELECT count(*) FROM last_uses"), 1);
        assert_eq!(count("SELECT count(*) FROM accesses"), 0);
        assert_eq!(recognise(&opened, MIGRATIONS).unwrap(), MIGRATIONS.len());
    }

    #[test]
    fn a_failed_migration_leaves_nothing_of_its_run() {
        const BROKEN: Migration = Migration {
            name: "broken",
            sql: "CREATE TABLE b (x INTEGER); nonsense;",
        };
        let mut connection = Connection::open_in_memory().unwrap();
        let error = migrate(&mut connection, &[FIRST, BROKEN]).unwrap_err();
        assert!(matches!(error, OpenError::Engine(_)), "{error}");
        assert_eq!(tables(&connection), Vec::<String>::new());
        assert_eq!(recognise(&connection, &[FIRST]).unwrap(), 0);
    }

    #[test]
    fn a_newer_schema_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[FIRST, SECOND]).unwrap();
        let error = migrate(&mut connection, &[FIRST]).unwrap_err();
        assert!(
            matches!(error, OpenError::Newer { found: 2, known: 1 }),
            "{error}"
        );
        assert_eq!(
            error.to_string(),
            "the database has schema version 2, and this program knows versions up to 1: use a newer release"
        );
    }

    #[test]
    fn another_history_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, &[FIRST]).unwrap();
        let error = migrate(&mut connection, &[SECOND, FIRST]).unwrap_err();
        assert!(
            matches!(error, OpenError::History { version: 1 }),
            "{error}"
        );
    }

    /// Opens the file and gives the error.
    fn refused(path: &Path) -> OpenError {
        Place::File(path.to_owned()).create().map(drop).unwrap_err()
    }

    #[test]
    fn a_file_of_another_program_is_refused_and_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("other.db");
        Connection::open(&path)
            .unwrap()
            .execute_batch("CREATE TABLE t (x INTEGER)")
            .unwrap();
        let before = std::fs::read(&path).unwrap();
        assert!(matches!(refused(&path), OpenError::Foreign));
        assert_eq!(std::fs::read(&path).unwrap(), before);

        let path = directory.path().join("text");
        std::fs::write(
            &path,
            "not a database, but a text that is long enough\n".repeat(100),
        )
        .unwrap();
        assert!(matches!(refused(&path), OpenError::Foreign));
    }

    #[test]
    fn a_newer_file_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let connection = Place::File(path.clone()).create().unwrap();
        let newer = u32::try_from(MIGRATIONS.len()).unwrap() + 1;
        connection
            .execute(
                "INSERT INTO migrations (version, name) VALUES (?1, 'later')",
                (newer,),
            )
            .unwrap();
        drop(connection);
        assert!(
            matches!(refused(&path), OpenError::Newer { found, known } if found == newer && known == newer - 1)
        );
    }

    #[test]
    fn a_directory_that_is_not_there_is_an_io_error() {
        let directory = tempfile::tempdir().unwrap();
        assert!(matches!(
            refused(&directory.path().join("no/locum.db")),
            OpenError::Io(_)
        ));
    }

    #[test]
    fn a_file_that_vanished_is_not_taken_for_an_empty_one() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let place = Place::File(path.clone());
        drop(place.create().unwrap());
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(
            place.connect().map(drop).unwrap_err(),
            OpenError::Engine(_)
        ));
        std::fs::write(&path, "").unwrap();
        assert!(matches!(
            place.connect().map(drop).unwrap_err(),
            OpenError::Lost
        ));
    }

    #[test]
    fn the_settings_that_make_a_commit_durable_are_in_force() {
        let directory = tempfile::tempdir().unwrap();
        let place = Place::File(directory.path().join("locum.db"));
        let check = |connection: &Connection, pragma: &str, expected: &str| {
            let value: rusqlite::types::Value = connection
                .pragma_query_value(None, pragma, |row| row.get(0))
                .unwrap();
            let text = match value {
                rusqlite::types::Value::Integer(number) => number.to_string(),
                rusqlite::types::Value::Text(text) => text,
                other => panic!("{other:?}"),
            };
            assert_eq!(text, expected, "{pragma}");
        };
        let first = place.create().unwrap();
        let second = place.connect().unwrap().unwrap();
        for connection in [&first, &second] {
            check(connection, "journal_mode", "wal");
            check(connection, "synchronous", "2");
            check(connection, "foreign_keys", "1");
            check(connection, "fullfsync", "1");
            check(connection, "checkpoint_fullfsync", "1");
            check(connection, "busy_timeout", "10000");
            check(connection, "trusted_schema", "0");
        }
    }

    #[test]
    fn only_the_owner_may_read_the_files() {
        let directory = tempfile::tempdir().unwrap();
        for prepared in [false, true] {
            let path = directory.path().join(format!("{prepared}.db"));
            if prepared {
                std::fs::write(&path, "").unwrap();
                std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
            }
            let _open = Place::File(path.clone()).create().unwrap();
            for suffix in ["", "-wal", "-shm"] {
                let mut name = path.clone().into_os_string();
                name.push(suffix);
                let mode = std::fs::metadata(&name).unwrap().permissions().mode();
                assert_eq!(mode & 0o777, 0o600, "{name:?}");
            }
        }
    }

    #[test]
    fn many_may_open_a_new_file_at_once() {
        for _ in 0..10 {
            let directory = tempfile::tempdir().unwrap();
            let place = Place::File(directory.path().join("locum.db"));
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| drop(place.create().unwrap()));
                }
            });
            assert_eq!(
                recognise(&place.create().unwrap(), MIGRATIONS).unwrap(),
                MIGRATIONS.len()
            );
        }
    }
}
