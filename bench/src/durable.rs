//! Durable writes: CreateUser on a data directory, beside bare SQLite commits of one row with the
//! same durability, on the same file system.

use crate::client::{Call, Keys, Service};
use crate::cores::Cores;
use crate::figures::{Figure, Report, median};
use crate::load::{Load, Work};
use crate::process::{Process, State};
use crate::{Effort, Outcome};
use rusqlite::Connection;
use std::path::Path;
use std::time::Instant;

const CLIENTS: [usize; 2] = [1, 16];
/// An account has at most 5000 users.
const MOST_ROUNDS: usize = 12;
/// About what a user is in the store.
const ROW: [u8; 300] = [b'x'; 300];
/// More than SQLite's write-ahead log holds before it begins again at its start (1000 pages of
/// 4096 bytes).
const LOG: i64 = 5_000_000;

/// Measures it and adds it to the report.
///
/// # Errors
/// When the server does not start, a database does not work, or any answer is other than 200.
pub(crate) fn measure(
    program: &Path,
    cores: &Cores,
    effort: Effort,
    report: &mut Report,
) -> Outcome {
    let runtime = cores.generator()?;
    let root = Keys::root();
    report.section("Durable CreateUser", "bare SQLite");
    for clients in CLIENTS {
        let folder = tempfile::tempdir_in(program.parent().unwrap_or(Path::new(".")))?;
        let data = folder.path().join("data");
        let server = cores.as_server(|| Process::locum(program, &State::Durable(&data), &root))?;
        let database = database(&folder.path().join("bare.db"))?;
        let mut load = runtime.block_on(Load::open(server.address, clients))?;
        let mut ours = Vec::new();
        let mut theirs = Vec::new();
        // The first round fills the server's log, and counts for nothing.
        for round in 0..=effort.pairs.min(MOST_ROUNDS) {
            let requests: Vec<_> = (0..effort.writes)
                .map(|number| {
                    let name = format!("user-{round}-{number}");
                    let call = Call {
                        service: Service::Iam,
                        action: "CreateUser",
                        parameters: &[("UserName", &name)],
                    };
                    call.bytes(server.address, &root)
                })
                .collect::<Outcome<_>>()?;
            let work = Work::Each(requests.into());
            let rate = runtime.block_on(load.round(&work))?.rate();
            if round > 0 {
                ours.push(rate);
                theirs.push(commits(&database, effort.writes)?);
            }
        }
        let ratio = median(ours.iter().zip(&theirs).map(|(a, b)| a / b).collect());
        report.add(
            Figure::more_is_better(
                format!("create_user.{clients}"),
                median(ours),
                "writes/s",
                median(theirs),
            )
            .with_ratio(ratio),
        );
    }
    Ok(())
}

fn database(path: &Path) -> Outcome<Connection> {
    let connection = Connection::open(path)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.execute("CREATE TABLE bare (id INTEGER PRIMARY KEY, body BLOB)", ())?;
    // A log that still grows is slower to sync than one that is written over.
    connection.execute("INSERT INTO bare (body) VALUES (zeroblob(?))", [LOG])?;
    Ok(connection)
}

/// Commits of one row each, per second.
fn commits(connection: &Connection, count: usize) -> Outcome<f64> {
    let mut insert = connection.prepare("INSERT INTO bare (body) VALUES (?)")?;
    let started = Instant::now();
    for _ in 0..count {
        insert.execute([&ROW[..]])?;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}
