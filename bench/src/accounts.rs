//! Accounts in memory: what a start costs where there are many of them, what those in use take, how
//! long a large one takes to load, and a list's largest page.

use crate::client::{Call, Keys, Service};
use crate::cores::Cores;
use crate::figures::{Figure, Report, median};
use crate::load::{Load, Work};
use crate::process::{Process, State};
use crate::{Effort, Outcome};
use locum_bench::realm::{administrator, listed, records, users};
use locum_identity::port::Record;
use rusqlite::Connection;
use std::path::Path;
use std::time::{Duration, Instant};

const ACCOUNTS: usize = 1000;
const ROLES_OF_EACH: usize = 1000;
/// How many accounts are used, for what they take in memory.
const USED: usize = 10;
/// Users, roles and managed policies of the large account.
const LARGE: (usize, usize, usize) = (5000, 5000, 1500);

/// Measures it and adds it to the report.
///
/// # Errors
/// When the server does not start, the database cannot be filled, or any answer is other than 200.
pub(crate) fn measure(
    program: &Path,
    cores: &Cores,
    effort: Effort,
    report: &mut Report,
) -> Outcome {
    let runtime = cores.generator()?;
    let root = Keys::root();
    let folder = tempfile::tempdir_in(program.parent().unwrap_or(Path::new(".")))?;
    let data = folder.path().join("data");
    let start = || cores.as_server(|| Process::locum(program, &State::Durable(&data), &root));
    let server = start()?;
    let user = runtime.block_on(traveller(&server, &root))?;
    // It ends as a server does that is killed, and finds the accounts when it starts again.
    drop(server);
    let ids = fill(&data.join("locum.db"))?;

    let started = Instant::now();
    let server = start()?;
    let identity = Call {
        service: Service::Sts,
        action: "GetCallerIdentity",
        parameters: &[],
    };
    runtime.block_on(identity.send(server.address, &root))?;
    let ready = started.elapsed();
    let title = format!("A million roles in {ACCOUNTS} accounts");
    report.section(&title, "before");
    report.add(Figure::alone("accounts.start", ready.as_secs_f64(), "s"));
    let before = server.resident()? as f64;
    let enter = |id: &str| {
        let began = Instant::now();
        let session = runtime.block_on(enter(&server, &user, id))?;
        Ok::<_, Box<dyn std::error::Error + Send + Sync>>((session, began.elapsed()))
    };
    let mut session = None;
    for id in ids.iter().take(USED) {
        session = Some(enter(id)?.0);
    }
    let after = server.resident()? as f64;
    let used = format!("accounts.memory_of_{USED}");
    report.add(Figure::less_is_better(used, after, "KiB", before));
    let large = ids.last().ok_or("no account")?;
    let (_, cold) = enter(large)?;
    let (_, warm) = enter(large)?;
    let milliseconds = |time: Duration| time.as_secs_f64() * 1000.0;
    let (cold, warm) = (milliseconds(cold), milliseconds(warm));
    report.add(Figure::less_is_better(
        "accounts.load_large",
        cold,
        "ms",
        warm,
    ));

    let list = Call {
        service: Service::Iam,
        action: "ListRoles",
        parameters: &[("MaxItems", "1000")],
    };
    let request = list.bytes(server.address, &session.ok_or("no session")?)?;
    let mut load = runtime.block_on(Load::open(server.address, 1))?;
    let round = runtime.block_on(load.round(&Work::Repeat(request.into(), effort.round * 5)))?;
    let took = round.latencies.iter();
    let took = median(
        took.map(|nanoseconds| f64::from(*nanoseconds) / 1e6)
            .collect(),
    );
    report.add(Figure::alone("accounts.list_roles_1000", took, "ms"));
    Ok(())
}

/// A user of the management account who may enter the others.
async fn traveller(server: &Process, root: &Keys) -> Outcome<Keys> {
    let permission = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}"#;
    Call::iam("CreateUser", &[("UserName", "traveller")])
        .send(server.address, root)
        .await?;
    Call::iam(
        "PutUserPolicy",
        &[
            ("UserName", "traveller"),
            ("PolicyName", "enter"),
            ("PolicyDocument", permission),
        ],
    )
    .send(server.address, root)
    .await?;
    let created = Call::iam("CreateAccessKey", &[("UserName", "traveller")])
        .send(server.address, root)
        .await?;
    Keys::of(&created)
}

/// A session of an account's administrator.
async fn enter(server: &Process, user: &Keys, account: &str) -> Outcome<Keys> {
    let role = format!("arn:aws:iam::{account}:role/administrator");
    let assume = Call {
        service: Service::Sts,
        action: "AssumeRole",
        parameters: &[("RoleArn", &role), ("RoleSessionName", "bench")],
    };
    Keys::of(&assume.send(server.address, user).await?)
}

/// Puts the accounts into the store, as an earlier run would have left them: their ids. The last is the
/// large one.
fn fill(database: &Path) -> Outcome<Vec<String>> {
    let mut connection = Connection::open(database)?;
    connection.pragma_update(None, "synchronous", "OFF")?;
    let transaction = connection.transaction()?;
    let mut ids = Vec::new();
    {
        let mut scope =
            transaction.prepare("INSERT INTO scopes (scope, version) VALUES (?1, 1)")?;
        let mut entity = transaction
            .prepare("INSERT INTO entities (scope, kind, key, body) VALUES (?1, ?2, ?3, ?4)")?;
        let mut put = |scope: &str, record: &Record| {
            entity.execute((scope, &record.kind, &record.key, &record.body))
        };
        for (number, (id, own)) in listed(ACCOUNTS + 1)?.into_iter().enumerate() {
            scope.execute((id.as_str(),))?;
            put("realm", &own)?;
            put(id.as_str(), &administrator(id)?)?;
            let first = number * ROLES_OF_EACH;
            let (of_users, of_roles, of_policies) = match number {
                ACCOUNTS => LARGE,
                _ => (0, ROLES_OF_EACH, 0),
            };
            // Roles are made a thousand at a time, each thousand for one account.
            for record in records(first, of_roles, of_policies)? {
                put(id.as_str(), &record)?;
            }
            for record in users(id, of_users)? {
                put(id.as_str(), &record)?;
            }
            ids.push(id.to_string());
        }
        transaction.execute(
            "UPDATE scopes SET version = version + 1 WHERE scope = 'realm'",
            (),
        )?;
    }
    transaction.commit()?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
    Ok(ids)
}
