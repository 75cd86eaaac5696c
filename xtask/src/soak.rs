//! `cargo xtask soak`: what the tests do in seconds, for long: the differential test of the policy
//! engine over a million cases or more, and the fuzz targets.

use crate::Failure;
use crate::command::{cargo, output};
use crate::fuzz;
use crate::now;
use crate::workspace::Workspace;
use serde_json::Value;
use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// Cases by default.
const CASES: u64 = 1_000_000;
/// Minutes for each fuzz target by default.
const MINUTES: u64 = 5;
/// Cases of one round, which has its own random seeds and runs on one processor: what a run of the
/// tests takes, so that its counts of what was reached hold here too.
const ROUND: u64 = 250_000;

/// Runs at least so many cases, and each fuzz target for so many minutes.
///
/// # Errors
/// On a wrong command line, when something does not build, and when a case or an input fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let (mut cases, mut minutes) = (CASES, MINUTES);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut number = || {
            let number = rest.next().and_then(|text| text.parse().ok());
            number.ok_or_else(|| Failure::Usage(format!("{argument} needs a number")))
        };
        match argument.as_str() {
            "--cases" => cases = number()?,
            "--minutes" => minutes = number()?,
            other => return Err(Failure::Usage(format!("soak does not know `{other}`"))),
        }
    }
    let workspace = Workspace::locate()?;
    if cases > 0 {
        differential(&workspace, cases)?;
    }
    if minutes > 0 {
        let counts = fuzz::all(&workspace, minutes * 60)?;
        if counts.failed > 0 {
            return Err(Failure::Work(format!(
                "{} fuzz targets broke",
                counts.failed
            )));
        }
    }
    Ok(())
}

fn differential(workspace: &Workspace, cases: u64) -> Result<(), Failure> {
    let program = test_program(workspace)?;
    let rounds = cases.div_ceil(ROUND);
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{rounds} rounds of {ROUND} cases, {jobs} at a time");
    let started = now();
    let (mut begun, mut done, mut failed) = (0, 0, 0);
    let mut running: VecDeque<Child> = VecDeque::new();
    loop {
        while running.len() < jobs && begun < rounds {
            running.push_back(start(&program, &workspace.root)?);
            begun += 1;
        }
        let Some(round) = running.pop_front() else {
            break;
        };
        let ended = round
            .wait_with_output()
            .map_err(|error| error.to_string())?;
        done += 1;
        if !ended.status.success() {
            failed += 1;
            eprintln!("{}", String::from_utf8_lossy(&ended.stdout));
            eprintln!("{}", String::from_utf8_lossy(&ended.stderr));
        }
        let total = done * ROUND;
        println!(
            "{total} cases, {:.0} a second",
            total as f64 / started.elapsed().as_secs_f64()
        );
    }
    if failed > 0 {
        return Err(Failure::Work(format!(
            "the engine and the reference disagree in {failed} of {rounds} rounds"
        )));
    }
    println!(
        "differential: {} cases, no disagreement, {:.0} s",
        done * ROUND,
        started.elapsed().as_secs_f64()
    );
    Ok(())
}

fn start(program: &Path, root: &Path) -> Result<Child, String> {
    Command::new(program)
        .current_dir(root.join("crates/policy"))
        .args(["--test-threads", "1"])
        .env("LOCUM_DIFFERENTIAL_CASES", ROUND.to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{}: {error}", program.display()))
}

/// Builds the differential test and finds its program.
fn test_program(workspace: &Workspace) -> Result<PathBuf, String> {
    let messages = output(cargo(&workspace.root).args([
        "test",
        "--no-run",
        "--locked",
        "--profile",
        "checked",
        "--package",
        "locum-policy",
        "--test",
        "differential",
        "--message-format",
        "json",
    ]))?;
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| {
            message.pointer("/target/name").and_then(Value::as_str) == Some("differential")
        })
        .find_map(|message| {
            message
                .get("executable")
                .and_then(Value::as_str)
                .map(PathBuf::from)
        })
        .ok_or_else(|| "cargo does not tell where the differential test is".into())
}
