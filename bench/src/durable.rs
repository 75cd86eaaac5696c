//! Durable writes to one account: CreateUser and AttachRolePolicy on a data directory, beside bare
//! SQLite commits of one row of the same size with the same durability, on the same file system.

use crate::client::{Call, Keys};
use crate::cores::Cores;
use crate::figures::{Figure, Report, median};
use crate::load::{Load, Work};
use crate::process::{Process, State};
use crate::{Effort, Outcome};
use rusqlite::{Connection, OpenFlags};
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

const CLIENTS: [usize; 3] = [1, 16, 64];
/// An account has at most 5000 users, and a role ten policies.
const MOST_ROUNDS: usize = 9;
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
    report.section("Durable writes", "bare SQLite");
    for write in [Write::CreateUser, Write::AttachRolePolicy] {
        for clients in CLIENTS {
            let folder = tempfile::tempdir_in(program.parent().unwrap_or(Path::new(".")))?;
            let data = folder.path().join("data");
            let server =
                cores.as_server(|| Process::locum(program, &State::Durable(&data), &root))?;
            let database = database(&folder.path().join("bare.db"))?;
            let mut load = runtime.block_on(Load::open(server.address, clients))?;
            let mut run = |requests: Vec<Vec<u8>>| {
                let round = runtime.block_on(load.round(&Work::Each(requests.into())))?;
                Ok::<_, Box<dyn std::error::Error + Send + Sync>>(round.rate())
            };
            run(write.prepared(effort.writes, server.address, &root)?)?;
            let mut ours = Vec::new();
            let mut theirs = Vec::new();
            // The first round fills the server's log, and counts for nothing.
            for round in 0..=effort.pairs.min(MOST_ROUNDS) {
                let requests = write.requests(round, effort.writes, server.address, &root)?;
                let rate = run(requests)?;
                if round > 0 {
                    ours.push(rate);
                    let row = vec![b'x'; size_of_a_write(&data.join("locum.db"))?];
                    theirs.push(commits(&database, &row, effort.writes)?);
                }
            }
            let ratio = median(ours.iter().zip(&theirs).map(|(a, b)| a / b).collect());
            report.add(
                Figure::more_is_better(
                    format!("{}.{clients}", write.name()),
                    median(ours),
                    "writes/s",
                    median(theirs),
                )
                .with_ratio(ratio),
            );
        }
    }
    Ok(())
}

/// What is written.
#[derive(Clone, Copy)]
enum Write {
    CreateUser,
    AttachRolePolicy,
}

impl Write {
    fn name(self) -> &'static str {
        match self {
            Self::CreateUser => "create_user",
            Self::AttachRolePolicy => "attach_role_policy",
        }
    }

    /// What has to be there first.
    fn prepared(self, writes: usize, address: SocketAddr, root: &Keys) -> Outcome<Vec<Vec<u8>>> {
        const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;
        let roles = match self {
            Self::CreateUser => 0,
            Self::AttachRolePolicy => writes,
        };
        let create = |number| {
            let name = format!("role-{number}");
            let parameters = &[("RoleName", &*name), ("AssumeRolePolicyDocument", TRUST)];
            Call::iam("CreateRole", parameters).bytes(address, root)
        };
        (0..roles).map(create).collect()
    }

    /// The requests of a round: each writes once.
    fn requests(
        self,
        round: usize,
        writes: usize,
        address: SocketAddr,
        root: &Keys,
    ) -> Outcome<Vec<Vec<u8>>> {
        let policy = locum_identity::aws_managed::builtin().policies().nth(round);
        let policy = policy.ok_or("AWS has too few policies")?;
        let write = |number| match self {
            Self::CreateUser => {
                let name = format!("user-{round}-{number}");
                Call::iam("CreateUser", &[("UserName", &*name)]).bytes(address, root)
            }
            Self::AttachRolePolicy => {
                let name = format!("role-{number}");
                let parameters = &[("RoleName", &*name), ("PolicyArn", &*policy.arn)];
                Call::iam("AttachRolePolicy", parameters).bytes(address, root)
            }
        };
        (0..writes).map(write).collect()
    }
}

/// The bytes that the server writes for a change, on average: the entity as it is and in the history.
fn size_of_a_write(database: &Path) -> Outcome<usize> {
    let database = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
    let history = "SELECT avg(2 * length(puts) + length(deletes) + length(actor) + length(action) + length(request_id)) FROM (SELECT * FROM feed ORDER BY sequence DESC LIMIT 100)";
    let bytes: f64 = database.query_row(history, (), |row| row.get(0))?;
    Ok(bytes as usize)
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
fn commits(connection: &Connection, row: &[u8], count: usize) -> Outcome<f64> {
    let mut insert = connection.prepare("INSERT INTO bare (body) VALUES (?)")?;
    let started = Instant::now();
    for _ in 0..count {
        insert.execute([row])?;
    }
    Ok(count as f64 / started.elapsed().as_secs_f64())
}
