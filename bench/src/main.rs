//! How fast locum is, beside what it is held against, measured in the same run.
//!
//! - [`requests`]: requests per second, CPU and latency over HTTP, beside a bare hyper server;
//! - [`primitives`]: nanoseconds of the steps of the hot path, beside the bare cryptography;
//! - [`durable`]: writes per second, beside bare SQLite commits.
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

mod bare;
mod client;
mod cores;
mod durable;
mod figures;
mod load;
mod primitives;
mod process;
mod requests;

use cores::Cores;
use figures::Report;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

/// The server's allocator, for the bare server too.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What can end a measurement early.
pub(crate) type Outcome<T = ()> = Result<T, Box<dyn Error + Send + Sync>>;

const USAGE: &str = "\
usage: locum-bench [--long] [--json FILE] [--locum PROGRAM]

--long           measure for longer
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
}

const QUICK: Effort = Effort {
    pairs: 7,
    round: Duration::from_millis(200),
    loops: Duration::from_millis(6),
    writes: 160,
};
const LONG: Effort = Effort {
    pairs: 31,
    round: Duration::from_millis(500),
    loops: Duration::from_millis(25),
    writes: 320,
};

struct Arguments {
    effort: Effort,
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
    let mut effort = QUICK;
    let mut json = None;
    let mut locum = None;
    let mut words = words.drain(..);
    while let Some(word) = words.next() {
        let mut value = || words.next().ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "--long" => effort = LONG,
            "--json" => json = Some(PathBuf::from(value()?)),
            "--locum" => locum = Some(PathBuf::from(value()?)),
            other => return Err(format!("unknown argument `{other}`")),
        }
    }
    let locum = match locum {
        Some(program) => program,
        None => std::env::current_exe()
            .map_err(|error| error.to_string())?
            .with_file_name("locum"),
    };
    if !locum.is_file() {
        return Err(format!("there is no server at `{}`", locum.display()));
    }
    Ok(Arguments {
        effort,
        json,
        locum,
    })
}

fn run(arguments: &Arguments) -> Outcome {
    let cores = Cores::divide()?;
    println!("{}", cores.describe());
    let mut report = Report::default();
    requests::measure(&arguments.locum, &cores, arguments.effort, &mut report)?;
    primitives::measure(arguments.effort, &mut report)?;
    durable::measure(&arguments.locum, &cores, arguments.effort, &mut report)?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, report.to_json())
            .map_err(|error| format!("cannot write `{}`: {error}", path.display()))?;
    }
    Ok(())
}
