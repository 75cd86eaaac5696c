//! `cargo xtask test`: every test of the project, and one summary of what ran.

use crate::Failure;
use crate::command::{cargo, is_on_path, passes, run as run_command, tee};
use crate::fuzz;
use crate::needs;
use crate::now;
use crate::report::{Counts, Outcome, lacking, of_junit, of_libtest, summary};
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The suites in the order they run, each with what it is.
const SUITES: [(&str, &str); 5] = [
    (
        "rust",
        "unit, table, property and operation tests of all crates",
    ),
    ("doc", "the examples in the documentation"),
    (
        "fuzz",
        "the fuzz targets, each for a quarter of a minute, led by coverage",
    ),
    (
        "clients",
        "AWS CLI, boto3, the Go SDK and raw HTTP against the real binary",
    ),
    (
        "faults",
        "the real binary killed again and again while it writes",
    ),
];

/// How long each fuzz target runs as a test.
const FUZZ_SECONDS: u64 = 15;

struct Options {
    suites: Vec<&'static str>,
    release: bool,
    pytest: Vec<String>,
}

/// Runs the suites that the arguments name, or all.
///
/// # Errors
/// On a wrong command line, when something needed cannot be had, and when a test fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    if arguments.iter().any(|argument| argument == "--list") {
        for (name, meaning) in SUITES {
            println!("{name:<10} {meaning}");
        }
        return Ok(());
    }
    let options = options(arguments)?;
    let workspace = Workspace::locate()?;
    let drives_the_binary = options
        .suites
        .iter()
        .any(|suite| matches!(*suite, "clients" | "faults"));
    // First what may be missing: nobody should wait for the tests to learn of it.
    let python = if drives_the_binary {
        needs::programs()?;
        needs::node(&workspace)?;
        Some(needs::python(&workspace)?)
    } else {
        None
    };
    let mut outcomes = Vec::new();
    for suite in &options.suites {
        eprintln!("\n== {suite} ==");
        let started = now();
        let ran = match (*suite, &python) {
            ("rust", _) => rust(&workspace),
            ("doc", _) => doc(&workspace),
            ("fuzz", _) => fuzz::all(&workspace, FUZZ_SECONDS).map(|counts| (true, Some(counts))),
            ("clients" | "faults", Some(python)) => pytest(&workspace, python, suite, &options),
            (other, _) => Err(format!("there is no suite `{other}`")),
        };
        let (succeeded, counts) = ran.unwrap_or_else(|error| {
            eprintln!("{suite}: {error}");
            (false, None)
        });
        outcomes.push(Outcome {
            suite,
            counts,
            succeeded,
            seconds: started.elapsed().as_secs_f64(),
            lacking: match *suite {
                "clients" | "faults" => std::fs::read_to_string(report_of(&workspace, suite))
                    .map_or_else(|_| Vec::new(), |report| lacking(&report)),
                _ => Vec::new(),
            },
        });
    }
    println!("{}", summary(&outcomes));
    if outcomes.iter().all(Outcome::is_good) {
        Ok(())
    } else {
        let bad: Vec<_> = outcomes
            .iter()
            .filter(|outcome| !outcome.is_good())
            .map(|outcome| outcome.suite)
            .collect();
        Err(Failure::Work(format!(
            "suites that did not pass: {}",
            bad.join(", ")
        )))
    }
}

fn options(arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options {
        suites: Vec::new(),
        release: false,
        pytest: Vec::new(),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--release" => options.release = true,
            "--suite" => {
                let name = rest
                    .next()
                    .ok_or_else(|| Failure::Usage("--suite needs a name".into()))?;
                let known = SUITES.iter().find(|(suite, _)| suite == name);
                let (suite, _) =
                    known.ok_or_else(|| Failure::Usage(format!("there is no suite `{name}`")))?;
                options.suites.push(suite);
            }
            "--" => options.pytest = rest.by_ref().cloned().collect(),
            other => return Err(Failure::Usage(format!("test does not know `{other}`"))),
        }
    }
    if options.suites.is_empty() {
        options.suites = SUITES.iter().map(|(suite, _)| *suite).collect();
    }
    Ok(options)
}

type Ran = Result<(bool, Option<Counts>), String>;

fn rust(workspace: &Workspace) -> Ran {
    let selection = ["--workspace", "--locked", "--no-fail-fast"];
    if !is_on_path("cargo-nextest") {
        eprintln!("cargo-nextest is not installed: running the tests with cargo test");
        let (succeeded, printed) = tee(cargo(&workspace.root).arg("test").args(selection).args([
            "--lib",
            "--bins",
            "--tests",
            "--",
            "--include-ignored",
        ]))?;
        return Ok((succeeded, of_libtest(&printed)));
    }
    // nextest keeps its reports below the workspace, wherever the builds go.
    let report = workspace.root.join("target/nextest/default/junit.xml");
    forget(&report)?;
    let succeeded = passes(
        cargo(&workspace.root)
            .args(["nextest", "run"])
            .args(selection)
            .args(["--run-ignored", "all"]),
    )?;
    Ok((succeeded, read_junit(&report)))
}

fn doc(workspace: &Workspace) -> Ran {
    let (succeeded, printed) = tee(cargo(&workspace.root).args([
        "test",
        "--doc",
        "--workspace",
        "--locked",
        "--no-fail-fast",
    ]))?;
    Ok((succeeded, of_libtest(&printed)))
}

fn pytest(workspace: &Workspace, python: &Path, folder: &str, options: &Options) -> Ran {
    let profile: &[&str] = if options.release { &["--release"] } else { &[] };
    run_command(
        cargo(&workspace.root)
            .args(["build", "--locked", "--package", "locum"])
            .args(profile),
    )?;
    let binary = workspace.target.join(if options.release {
        "release/locum"
    } else {
        "debug/locum"
    });
    let report = report_of(workspace, folder);
    forget(&report)?;
    let succeeded = passes(
        Command::new(python.join("python"))
            .current_dir(workspace.root.join("tests"))
            .args(["-m", "pytest", folder])
            // A process for each processor, with a server of its own.
            .args(["-n", "auto"])
            .arg(format!("--junitxml={}", report.display()))
            .args(&options.pytest)
            .env("LOCUM_BIN", binary)
            .env("PYTHONDONTWRITEBYTECODE", "1"),
    )?;
    Ok((succeeded, read_junit(&report)))
}

/// Where pytest's report of a suite lies.
fn report_of(workspace: &Workspace, suite: &str) -> PathBuf {
    workspace.target.join(format!("pytest-{suite}.xml"))
}

/// So that a report of an earlier run is never taken for this one's.
fn forget(report: &PathBuf) -> Result<(), String> {
    match std::fs::remove_file(report) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(format!("{}: {error}", report.display()))
        }
        _ => Ok(()),
    }
}

fn read_junit(report: &Path) -> Option<Counts> {
    of_junit(&std::fs::read_to_string(report).ok()?)
}
