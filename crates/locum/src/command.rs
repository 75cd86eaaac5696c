//! The commands that judge policies and requests, for people and for scripts, those that are
//! clients of a server, and those by which an operator works on a data directory.
//!
//! What they find goes to standard output, as text or as JSON. Exit codes: 0 for done, 1 for a
//! verdict that scripts should stop at and for failures at work, 2 for wrong usage and for input
//! that cannot be read.

pub(crate) mod account;
pub(crate) mod check;
pub(crate) mod client;
pub(crate) mod cluster;
pub(crate) mod credential_process;
pub(crate) mod exec;
pub(crate) mod explain;
mod explanation;
pub(crate) mod export;
pub(crate) mod exports;
pub(crate) mod federation;
pub(crate) mod history;
pub(crate) mod import;
mod input;
pub(crate) mod issuer;
pub(crate) mod keyring;
pub(crate) mod policy;
pub(crate) mod quota;
pub(crate) mod role_template;
pub(crate) mod service;
pub(crate) mod session;
pub(crate) mod test;
pub(crate) mod text;

use crate::Failure;
use crate::config::PlaceArgs;
use clap::{Args, ValueEnum};
use locum_identity::environment::{Seconds, parse_timestamp};
use locum_identity::names::{AccountId, Constrained as _};
use serde::Serialize;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;

/// How a command says what it found.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs.
    Json,
}

/// What every command is told that works on a data directory and prints what is there then.
#[derive(Args, Clone, Debug)]
pub(crate) struct StoreArgs {
    /// How to print what is there
    #[arg(long, env = "LOCUM_FORMAT", value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    place: PlaceArgs,
}

/// An account on the command line.
fn account_id(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).map_err(|_| "it must have twelve digits".to_owned())
}

/// A moment on the command line.
fn moment(text: &str) -> Result<Seconds, String> {
    parse_timestamp(text).ok_or_else(|| "it must be like 2026-01-01T12:00:00Z".to_owned())
}

/// The exit code of a verdict.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Verdict {
    /// Nothing to object to.
    #[default]
    Good,
    /// Something to stop at.
    Bad,
    /// Input that could not be judged.
    Unreadable,
}

impl From<Verdict> for ExitCode {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Good => Self::SUCCESS,
            Verdict::Bad => Self::FAILURE,
            Verdict::Unreadable => Self::from(2),
        }
    }
}

/// Writes to standard output.
fn print(text: &str) -> Result<(), Failure> {
    write(&mut io::stdout().lock(), text)
}

/// Writes to standard error.
fn complain(text: &str) -> Result<(), Failure> {
    write(&mut io::stderr().lock(), text)
}

fn write(stream: &mut impl Write, text: &str) -> Result<(), Failure> {
    match stream
        .write_all(text.as_bytes())
        .and_then(|()| stream.flush())
    {
        // Whoever reads has seen enough, as `head` does; the verdict stands.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        other => other.map_err(|error| Failure::work("cannot write the output", error)),
    }
}

/// Writes a value as JSON to standard output.
fn print_json(value: &impl Serialize) -> Result<(), Failure> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::work("cannot write the output", error))?;
    print(&format!("{}\n", text::ascii_controls(&json)))
}
