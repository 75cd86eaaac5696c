//! The project's chores, run as `cargo xtask CHORE`.
//!
//! - `test` installs what the tests need, runs all of them and ends with one summary;
//! - `bench` measures the server and its parts;
//! - `audit` checks what the project depends on.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal: what it prints is its product"
)]

mod audit;
mod bench;
mod command;
mod needs;
mod report;
mod suites;
mod workspace;

use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask test  [--suite NAME]... [--release] [--list] [-- PYTEST-ARGUMENT...]
       cargo xtask bench [PART]... [--json FILE] [--long]
       cargo xtask audit

test    installs what the tests need, runs them and ends with one summary
        --suite NAME   only this suite (several times: only these); --list names them
        --release      drive the release binary instead of the debug one
        after `--`     arguments for pytest, such as `-k external_id`
bench   measures the server and its parts: requests, primitives, policy, durable
        --json FILE    write the figures there too
        --long         measure for longer
audit   checks licences, sources and bans of all dependencies, and the lock file";

/// Why a chore ended early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The command line is wrong.
    Usage(String),
    /// The chore found what it looks for, or could not be done.
    Work(String),
}

impl From<String> for Failure {
    fn from(text: String) -> Self {
        Self::Work(text)
    }
}

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let chore = arguments.next().unwrap_or_default();
    let rest: Vec<String> = arguments.collect();
    let outcome = match chore.as_str() {
        "test" => suites::run(&rest),
        "bench" => bench::run(&rest),
        "audit" => audit::run(&rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(())
        }
        "" => Err(Failure::Usage("no chore is named".into())),
        other => Err(Failure::Usage(format!("unknown chore `{other}`"))),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text)) => {
            eprintln!("{text}\n\n{USAGE}");
            ExitCode::from(2)
        }
        Err(Failure::Work(text)) => {
            eprintln!("{text}");
            ExitCode::FAILURE
        }
    }
}
