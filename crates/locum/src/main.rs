//! locum: a self-hosted security token service, wire-compatible with AWS STS and IAM.

mod addresses;
mod audit;
mod body;
mod certificates;
mod command;
mod config;
mod connections;
mod data_dir;
mod difference;
mod door;
mod environment;
mod fetcher;
mod ldap;
mod listen;
mod openid;
mod signin;
mod sources;
mod state;
mod throttle;

use clap::Parser as _;
use command::text::PlainLines;
use config::{Cli, Command};
use std::fmt;
use std::io::IsTerminal as _;
use std::process::ExitCode;
use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Why the program ends with other than success.
#[derive(Debug)]
enum Failure {
    /// Wrong usage: exit code 2.
    Usage(String),
    /// Failed at work: exit code 1.
    Work(String),
}

impl Failure {
    fn work(what: &str, error: impl fmt::Display) -> Self {
        Self::Work(format!("{what}: {error}"))
    }

    fn text(&self) -> &str {
        match self {
            Self::Usage(text) | Self::Work(text) => text,
        }
    }
}

fn main() -> ExitCode {
    // clap itself ends with 2 on wrong usage, and with 0 after --help and --version.
    let cli = Cli::parse();
    log();
    let result = match cli.command {
        Command::Init(args) => config::file(args.config.as_deref())
            .and_then(|file| args.over(file))
            .and_then(|settings| data_dir::init(&settings))
            .map(|()| ExitCode::SUCCESS),
        Command::Serve(args) => config::file(args.config())
            .and_then(|file| args.over(file))
            .and_then(listen::serve)
            .map(|()| ExitCode::SUCCESS),
        Command::Policy(command) => command.run(),
        Command::Explain(args) => args.run(),
        Command::Exec(args) => args.run(),
        Command::CredentialProcess(args) => command::credential_process::run(*args),
        Command::Env(args) => args.run(),
        Command::Keyring(command) => command.run(),
        Command::Issuer(command) => command.run(),
        Command::Service(command) => command.run(),
        Command::Cluster(command) => command.run(),
        Command::Quota(command) => command.run(),
        Command::Federation(command) => command.run(),
        Command::RoleTemplate(command) => command.run(),
        Command::Session(command) => command.run(),
        Command::History(args) => args.run(),
        Command::Account(command) => command.run(),
        Command::Import(command) => command.run(),
        Command::Export(args) => args.run(),
    };
    match result {
        Ok(code) => code,
        Err(Failure::Usage(message)) => {
            tracing::error!("{}", PlainLines(&message));
            ExitCode::from(2)
        }
        Err(Failure::Work(message)) => {
            tracing::error!("{}", PlainLines(&message));
            ExitCode::FAILURE
        }
    }
}

/// The log on standard error. `s3s` takes every denial for an error, and is not asked.
fn log() {
    let targets = Targets::new()
        .with_default(LevelFilter::INFO)
        .with_target("s3s", LevelFilter::OFF);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    tracing_subscriber::registry()
        .with(targets)
        .with(lines)
        .init();
}
