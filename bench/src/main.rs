//! How fast locum is, beside what it is held against, measured in the same run.
//!
//! - [`requests`]: requests per second, CPU and latency over HTTP, beside a bare hyper server;
//! - [`minted`]: cost and memory after many sessions were issued, beside those after the first;
//! - [`primitives`]: nanoseconds of the steps of the hot path, beside the bare cryptography;
//! - [`revocations`]: a session's request with live revocations, beside one without;
//! - [`federation`]: logins by tokens and assertions, beside AssumeRole and one signature;
//! - [`policy`]: decisions, compiling and memory of the policy engine, beside what could be written
//!   by hand and beside Cedar;
//! - [`durable`]: writes per second, beside bare SQLite commits;
//! - [`accounts`]: start, memory and lists where there are many accounts and roles.
//!
//! Nothing here asserts a time. `docs/performance.md` tells what each figure means.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program for the terminal: what it prints is its product"
)]
#![expect(
    clippy::disallowed_methods,
    reason = "this program measures time, draws its own randomness and talks to its own servers"
)]

mod accounts;
mod bare;
mod client;
mod cores;
mod durable;
mod federation;
mod figures;
mod load;
mod minted;
mod policy;
mod primitives;
mod process;
mod requests;
mod revocations;
mod timing;

use cores::Cores;
use figures::Report;
use locum_bench::Outcome;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The server's allocator, for the bare server too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
usage: locum-bench [PART]... [--long] [--scenario NAME] [--json FILE] [--locum PROGRAM]

PART             requests, minted, primitives, revocations, federation, policy, durable or accounts; without any, all of them
--long           measure for longer
--scenario NAME  of the requests only this one, say `assume_role`: for a profiler
--json FILE      write the figures there too
--locum PROGRAM  the server to measure; without it, the one beside this program";

/// How long to measure.
#[derive(Clone, Copy)]
pub(crate) struct Effort {
    /// Pairs of rounds, one for each side.
    pub(crate) pairs: usize,
    /// How long a round of requests takes.
    pub(crate) round: Duration,
    /// How long a round of a primitive takes.
    pub(crate) loops: Duration,
    /// Durable writes of a round.
    pub(crate) writes: usize,
    /// There is time for what takes long to prepare.
    pub(crate) long: bool,
}

const QUICK: Effort = Effort {
    pairs: 7,
    round: Duration::from_millis(200),
    loops: Duration::from_millis(6),
    writes: 160,
    long: false,
};
const LONG: Effort = Effort {
    pairs: 31,
    round: Duration::from_millis(500),
    loops: Duration::from_millis(25),
    writes: 320,
    long: true,
};

/// A part of the benchmark, in the order they run.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Part {
    Requests,
    Minted,
    Primitives,
    Revocations,
    Federation,
    Policy,
    Durable,
    Accounts,
}

impl Part {
    const ALL: [Self; 8] = [
        Self::Requests,
        Self::Minted,
        Self::Primitives,
        Self::Revocations,
        Self::Federation,
        Self::Policy,
        Self::Durable,
        Self::Accounts,
    ];

    fn named(name: &str) -> Option<Self> {
        match name {
            "requests" => Some(Self::Requests),
            "minted" => Some(Self::Minted),
            "primitives" => Some(Self::Primitives),
            "revocations" => Some(Self::Revocations),
            "federation" => Some(Self::Federation),
            "policy" => Some(Self::Policy),
            "durable" => Some(Self::Durable),
            "accounts" => Some(Self::Accounts),
            _ => None,
        }
    }

    fn needs_a_server(self) -> bool {
        matches!(
            self,
            Self::Requests | Self::Minted | Self::Durable | Self::Accounts
        )
    }
}

struct Arguments {
    parts: Vec<Part>,
    effort: Effort,
    scenario: Option<String>,
    json: Option<PathBuf>,
    locum: PathBuf,
}

fn main() -> ExitCode {
    let mut words: Vec<String> = std::env::args().skip(1).collect();
    // The other side of the comparison is this program as well, so that it is built the same way.
    let outcome = if words.first().is_some_and(|word| word == bare::SUBCOMMAND) {
        bare::serve(words.get(1).map(String::as_str))
    } else {
        match arguments(&mut words) {
            Ok(arguments) => run(&arguments),
            Err(text) => {
                eprintln!("{text}\n\n{USAGE}");
                return ExitCode::from(2);
            }
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn arguments(words: &mut Vec<String>) -> Result<Arguments, String> {
    let mut parts = Vec::new();
    let mut effort = QUICK;
    let mut scenario = None;
    let mut json = None;
    let mut locum = None;
    let mut words = words.drain(..);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--long" => effort = LONG,
            "--scenario" => scenario = Some(value()?),
            "--json" => json = Some(PathBuf::from(value()?)),
            "--locum" => locum = Some(PathBuf::from(value()?)),
            other => {
                parts.push(Part::named(other).ok_or(format!("unknown argument `{other}`"))?);
            }
        }
    }
    if parts.is_empty() {
        parts = Part::ALL.to_vec();
    }
    let locum = match locum {
        Some(program) => program,
        None => std::env::current_exe()
            .map_err(|error| error.to_string())?
            .with_file_name("locum"),
    };
    if parts.iter().any(|part| part.needs_a_server()) && !locum.is_file() {
        return Err(format!("there is no server at `{}`", locum.display()));
    }
    Ok(Arguments {
        parts,
        effort,
        scenario,
        json,
        locum,
    })
}

fn run(arguments: &Arguments) -> Outcome {
    let Arguments {
        effort,
        locum,
        scenario,
        ..
    } = arguments;
    let scenario = scenario.as_deref();
    let cores = Cores::divide()?;
    println!("{}", cores.describe());
    let mut report = Report::default();
    for part in Part::ALL {
        if !arguments.parts.contains(&part) {
            continue;
        }
        match part {
            Part::Requests => requests::measure(locum, scenario, &cores, *effort, &mut report)?,
            Part::Minted => minted::measure(locum, &cores, *effort, &mut report)?,
            Part::Primitives => primitives::measure(*effort, &mut report)?,
            Part::Revocations => revocations::measure(*effort, &mut report)?,
            Part::Federation => federation::measure(*effort, &mut report)?,
            Part::Policy => policy::measure(*effort, &mut report)?,
            Part::Durable => durable::measure(locum, &cores, *effort, &mut report)?,
            Part::Accounts => accounts::measure(locum, &cores, *effort, &mut report)?,
        }
    }
    if let Some(path) = &arguments.json {
        std::fs::write(path, report.to_json())
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    }
    Ok(())
}
