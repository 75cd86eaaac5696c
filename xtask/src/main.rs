//! The project's chores, run as `cargo xtask CHORE`.
//!
//! - `test` installs what the tests need, runs all of them and ends with one summary;
//! - `bench` measures the server and its parts;
//! - `fuzz` looks for inputs that break what reads them;
//! - `soak` does for long what the tests do in seconds;
//! - `mutants` changes the evaluator and sees whether a test notices;
//! - `audit` checks what the project depends on.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal: what it prints is its product"
)]

mod audit;
mod bench;
mod command;
mod fuzz;
mod mutants;
mod needs;
mod report;
mod soak;
mod suites;
mod workspace;

use std::process::ExitCode;
use std::time::Instant;

const USAGE: &str = "\
usage: cargo xtask test  [--suite NAME]... [--release] [--list] [-- PYTEST-ARGUMENT...]
       cargo xtask bench [PART]... [--json FILE] [--long] [--scenario NAME]
       cargo xtask fuzz  [TARGET]... [--seconds N] [--keep]
       cargo xtask soak  [--cases N] [--minutes M]
       cargo xtask mutants [--file FILE]... [--jobs N]
       cargo xtask audit

test    installs what the tests need, runs them and ends with one summary
        --suite NAME   only this suite (several times: only these); --list names them
        --release      drive the release binary instead of the debug one
        after `--`     arguments for pytest, such as `-k external_id`
bench   measures the server and its parts: requests, minted, primitives, revocations, federation, policy, durable, accounts
        --json FILE    write the figures there too
        --long         measure for longer
        --scenario NAME  of the requests only this one
fuzz    runs the fuzz targets: case, decision, document, matcher, variables
        --seconds N    each for so long instead of a minute
        --keep         put the fewest inputs that cover all that was found into fuzz/corpus
soak    runs a million random cases of the policy engine and more, then the fuzz targets
        --cases N      at least so many cases
        --minutes M    so long for each fuzz target
mutants tells which changes to the policy evaluator no test notices
        --file FILE    changes to this file only (several times: only these)
        --jobs N       so many at a time
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
        "fuzz" => fuzz::run(&rest),
        "soak" => soak::run(&rest),
        "mutants" => mutants::run(&rest),
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

#[expect(
    clippy::disallowed_methods,
    reason = "how long a chore takes is no input of anything that is tested"
)]
fn now() -> Instant {
    Instant::now()
}
