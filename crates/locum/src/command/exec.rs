//! `locum exec`

mod endpoint;
mod signals;

use super::client::{Assume, AssumeArgs, Session, variables};
use crate::Failure;
use crate::environment::runtime;
use clap::Args;
use clap::builder::FalseyValueParser;
use endpoint::Endpoint;
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::process::{Command, ExitCode, ExitStatus};
use std::sync::Arc;

#[derive(Args, Clone, Debug)]
pub(crate) struct ExecArgs {
    #[command(flatten)]
    assume: AssumeArgs,
    /// For commands that outlive a session: give credentials through an endpoint on this machine,
    /// which renews them, instead of variables that cannot change
    #[arg(long, env = "LOCUM_SERVER", value_parser = FalseyValueParser::new())]
    server: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "COMMAND")]
    command: Vec<OsString>,
}

impl ExecArgs {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let assume = self.assume.check()?;
        let mut words = self.command.into_iter();
        let program = words.next().unwrap_or_default();
        let mut command = Command::new(&program);
        command.args(words);
        for name in variables::REMOVED {
            command.env_remove(name);
        }
        if self.server {
            if assume.needs_code() {
                return Err(Failure::Usage(
                    "--server renews sessions by itself, and each would need a new MFA code: leave out --server, and choose --duration-seconds".to_owned(),
                ));
            }
            let session = assume.once_for_endpoint()?;
            return beside(assume, session, command, &program);
        }
        let session = assume.once()?;
        set(&mut command, variables::credentials(&session));
        set(&mut command, variables::place(&session));
        // This process becomes the command: signals, terminal and exit code are its own.
        Ok(not_started(&program, &command.exec()))
    }
}

impl Assume {
    /// The first session of an endpoint: it is not given out if it would be renewed at once.
    fn once_for_endpoint(&self) -> Result<Session, Failure> {
        runtime()?.block_on(self.session(endpoint::RENEWED))
    }
}

fn set(command: &mut Command, variables: Vec<variables::Variable>) {
    for (name, value) in variables {
        command.env(name, value.expose());
    }
}

/// Runs the command as a child, with the endpoint beside it.
fn beside(
    assume: Assume,
    session: Session,
    mut command: Command,
    program: &OsString,
) -> Result<ExitCode, Failure> {
    set(&mut command, variables::place(&session));
    let runtime = runtime()?;
    let ended = runtime.block_on(async {
        let mut signals = signals::Signals::listen()
            .map_err(|error| Failure::work("signals cannot be passed on", error))?;
        let endpoint = Endpoint::bind(assume, session)
            .await
            .map_err(|error| Failure::work("the endpoint cannot listen", error))?;
        command.env("AWS_CONTAINER_CREDENTIALS_FULL_URI", endpoint.url());
        command.env("AWS_CONTAINER_AUTHORIZATION_TOKEN", endpoint.token());
        // SDKs look into these files first, and would find the caller's own credentials.
        command.env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
        command.env("AWS_CONFIG_FILE", "/dev/null");
        let serving = tokio::spawn(Arc::new(endpoint).serve());
        let ended = match tokio::process::Command::from(command).spawn() {
            Err(error) => Ok(not_started(program, &error)),
            Ok(mut child) => loop {
                tokio::select! {
                    status = child.wait() => break status
                        .map(exit_code)
                        .map_err(|error| Failure::work("cannot wait for the command", error)),
                    signal = signals.next() => {
                        if let (Some(signal), Some(id)) = (signal, child.id()) {
                            signals::send(id, signal);
                        }
                    }
                }
            },
        };
        serving.abort();
        ended
    });
    runtime.shutdown_background();
    ended
}

/// As a shell tells it: 128 and the signal's number for a command that a signal ended.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status
        .code()
        .or_else(|| Some(128 + status.signal()?))
        .and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}

/// As `env` and shells tell it: 127 if there is no such command, 126 if it cannot be run.
fn not_started(program: &OsString, error: &io::Error) -> ExitCode {
    let name = program.to_string_lossy();
    tracing::error!(
        "{}",
        locum_policy::Plain(&format!("cannot run `{name}`: {error}"))
    );
    ExitCode::from(if error.kind() == ErrorKind::NotFound {
        127
    } else {
        126
    })
}
