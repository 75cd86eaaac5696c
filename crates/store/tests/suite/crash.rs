//! A process that is killed, or whose disk refuses to take more, loses no acknowledged write and
//! leaves nothing half-made.
//!
//! The process is this test binary, run again with only [`child`] and a path in its environment.

use crate::conformance::{account, block_on, origin, record, write};
use locum_identity::port::{Committed, Loaded, Scope, Store as _};
use locum_store::SqliteStore;
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};

/// The database of the child process.
const DATABASE: &str = "LOCUM_STORE_TEST_DATABASE";

/// Concurrent writers of the child, so that commits share transactions.
const WRITERS: u64 = 4;

/// Not a test by itself: writes until it is killed, or until the first error.
///
/// Each writer counts up in its own account and puts the same number in the realm, in one commit.
/// It prints a line for each commit that was acknowledged.
#[test]
fn child() {
    let Some(path) = std::env::var_os(DATABASE) else {
        return;
    };
    let store = SqliteStore::open(Path::new(&path)).unwrap();
    acknowledge("open");
    std::thread::scope(|scope| {
        for writer in 1..=WRITERS {
            let store = &store;
            scope.spawn(move || {
                while let Some(number) = write_next(store, writer) {
                    acknowledge(&format!("{writer} {number}"));
                }
            });
        }
    });
    acknowledge("error");
    // What was there is still there to be read.
    assert_eq!(block_on(store.integrity()).unwrap(), []);
    acknowledge("sound");
}

/// The number that was written; `None` on an error.
fn write_next(store: &SqliteStore, writer: u64) -> Option<u64> {
    loop {
        let own = block_on(store.load(account(writer))).ok()?;
        let realm = block_on(store.load(Scope::Realm)).ok()?;
        let number = own.version + 1;
        // Something to delete and something of some size, as real changes have.
        let last = format!("number {}", own.version);
        let puts = [
            record(
                "number",
                &format!("number {number}"),
                &format!("\"{}\"", "x".repeat(500)),
            ),
            record("writer", "newest", &number.to_string()),
        ];
        let newest = record("writer", &writer.to_string(), &number.to_string());
        let writes = vec![
            write(account(writer), own.version, &puts, &[("number", &last)]),
            write(Scope::Realm, realm.version, &[newest], &[]),
        ];
        if block_on(store.commit(writes, origin("request"))).ok()? == Committed::Yes {
            return Some(number);
        }
    }
}

/// One line in one system call, past the capture and the lock of the test harness' output.
fn acknowledge(line: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(format!("\n@{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

/// This binary as a child, which runs nothing but [`child`].
fn child_command(path: &Path, shell: Option<&str>) -> Command {
    let binary = std::env::current_exe().unwrap();
    let mut command = match shell {
        None => Command::new(binary),
        Some(script) => {
            let mut command = Command::new("sh");
            command
                .args(["-c", &format!("{script}; exec \"$0\" \"$@\"")])
                .arg(binary);
            command
        }
    };
    command
        .args(["--exact", "crash::child", "--nocapture", "--test-threads=1"])
        .env(DATABASE, path);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    command
}

/// What the child acknowledged: the newest number of each writer.
type Acknowledged = BTreeMap<u64, u64>;

fn note(acknowledged: &mut Acknowledged, line: &str) {
    let (writer, number) = line.split_once(' ').unwrap();
    let newest = acknowledged.entry(writer.parse().unwrap()).or_default();
    *newest = (*newest).max(number.parse().unwrap());
}

/// Asserts that everything acknowledged is there, and that all that is there is whole.
fn verify(path: &Path, acknowledged: &Acknowledged) {
    let store = SqliteStore::open(path).unwrap();
    assert_eq!(block_on(store.integrity()).unwrap(), []);
    let load = |scope| block_on(store.load(scope)).unwrap();
    let number = |loaded: &Loaded, key: &str| -> u64 {
        let found = loaded
            .records
            .iter()
            .find(|record| (record.kind.as_str(), record.key.as_str()) == ("writer", key));
        found.map_or(0, |record| record.body.parse().unwrap())
    };
    let realm = load(Scope::Realm);
    let mut commits = 0;
    for writer in 1..=WRITERS {
        let own = load(account(writer));
        let newest = number(&own, "newest");
        assert!(
            newest >= acknowledged.get(&writer).copied().unwrap_or(0),
            "writer {writer}: {newest}, {acknowledged:?}"
        );
        assert_eq!(own.version, newest);
        assert_eq!(
            number(&realm, &writer.to_string()),
            newest,
            "both scopes of a commit or none"
        );
        assert_eq!(own.records.len(), if newest == 0 { 0 } else { 2 });
        commits += newest;
    }
    assert_eq!(realm.version, commits);
    assert_eq!(block_on(store.newest()).unwrap(), 2 * commits);
}

/// Runs a child, kills it after `lines` acknowledgements and `spins` more of waiting, and notes all
/// that it has acknowledged until its death.
fn run_and_kill(path: &Path, lines: u64, spins: u64, acknowledged: &mut Acknowledged) {
    let mut child = child_command(path, None).spawn().unwrap();
    let mut output = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut seen = 0;
    while seen < lines {
        // No line: the child ended by itself.
        let line = output.next().unwrap().unwrap();
        if let Some(line) = line.strip_prefix('@') {
            assert_ne!(line, "error");
            if line != "open" {
                note(acknowledged, line);
            }
            seen += 1;
        }
    }
    for _ in 0..spins {
        std::hint::spin_loop();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    // Printed before the kill and not yet read: acknowledged all the same. No line is
    // cut, because the pipe takes so short a one whole.
    for line in output.map_while(Result::ok) {
        if let Some(line) = line.strip_prefix('@')
            && line.contains(' ')
        {
            note(acknowledged, line);
        }
    }
}

/// Numbers that are the same in each run and look like nothing.
fn scatter(round: u64) -> u64 {
    let mixed = (round + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    mixed ^ (mixed >> 29)
}

#[test]
fn a_killed_process_loses_no_acknowledged_write() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("locum.db");
    let mut acknowledged = Acknowledged::new();
    for round in 0..25 {
        let random = scatter(round);
        run_and_kill(
            &path,
            2 + random % 60,
            (random >> 8) % 2_000_000,
            &mut acknowledged,
        );
        verify(&path, &acknowledged);
    }
    assert!(acknowledged.values().sum::<u64>() > 100, "{acknowledged:?}");
}

#[test]
fn a_process_killed_while_it_creates_the_database_leaves_one_that_opens() {
    for round in 0..15 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let mut acknowledged = Acknowledged::new();
        // From the start of the process to about its first commits.
        run_and_kill(&path, 0, round * 300_000, &mut acknowledged);
        verify(&path, &acknowledged);
    }
}

/// The limit on the size of files makes `write` fail in the middle of a transaction, as a full disk
/// does. It is inherited, as is the ignored signal that would end the process instead.
#[cfg(target_os = "linux")]
#[test]
fn a_process_whose_disk_is_full_loses_no_acknowledged_write() {
    // Blocks of 512 bytes: room for the schema and some commits, and not for the log to reach the size
    // at which it is checkpointed.
    for blocks in [300, 301, 350, 500] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("locum.db");
        let script = format!("trap '' XFSZ; ulimit -f {blocks}");
        let output = child_command(&path, Some(&script)).output().unwrap();
        let mut acknowledged = Acknowledged::new();
        let mut others = Vec::new();
        for line in String::from_utf8(output.stdout).unwrap().lines() {
            match line.strip_prefix('@') {
                Some(line) if line.contains(' ') => note(&mut acknowledged, line),
                Some(line) => others.push(line.to_owned()),
                None => {}
            }
        }
        assert_eq!(others, ["open", "error", "sound"]);
        assert!(output.status.success());
        assert!(acknowledged.values().sum::<u64>() > 0);
        verify(&path, &acknowledged);
        // With room again, it goes on.
        let store = SqliteStore::open(&path).unwrap();
        for writer in 1..=WRITERS {
            let before = block_on(store.load(account(writer))).unwrap().version;
            assert_eq!(write_next(&store, writer), Some(before + 1));
        }
        drop(store);
        verify(&path, &acknowledged);
    }
}
