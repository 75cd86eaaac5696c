//! The servers, each a process of its own.

use crate::Outcome;
use crate::bare::SUBCOMMAND;
use crate::client::Keys;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// The account of the servers measured.
pub(crate) const ACCOUNT: &str = "123456789012";

/// A running server; killed when dropped.
pub(crate) struct Process {
    child: Child,
    /// Where it listens.
    pub(crate) address: SocketAddr,
}

/// Where a server keeps its state.
pub(crate) enum State<'a> {
    /// In memory, without an audit file.
    Ephemeral,
    /// In this directory, audit file included.
    Durable(&'a Path),
}

impl Process {
    /// Starts locum with `root` as the root user's key.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn locum(program: &Path, state: &State<'_>, root: &Keys) -> Outcome<Self> {
        let mut command = Command::new(program);
        command
            .args(["serve", "--listen", "127.0.0.1:0"])
            .env("LOCUM_ACCOUNT_ID", ACCOUNT)
            .env("LOCUM_ROOT_ACCESS_KEY_ID", &root.access_key_id)
            .env("LOCUM_ROOT_SECRET_ACCESS_KEY", &root.secret_access_key);
        match state {
            State::Ephemeral => command.arg("--ephemeral"),
            State::Durable(directory) => command.arg("--data").arg(directory),
        };
        Self::start(&mut command)
    }

    /// Starts the bare server.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn bare(body: usize) -> Outcome<Self> {
        Self::start(Command::new(std::env::current_exe()?).args([SUBCOMMAND, &body.to_string()]))
    }

    /// Both kinds print a line with their address once they listen.
    fn start(command: &mut Command) -> Outcome<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start {command:?}: {error}"))?;
        let mut address = None;
        if let Some(stdout) = child.stdout.take() {
            let mut lines = BufReader::new(stdout).lines();
            address = lines.by_ref().map_while(Result::ok).find_map(|line| {
                let (_, address) = line.split_once("http://")?;
                address.parse().ok()
            });
            // What else it prints must not fill the pipe.
            std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        }
        match address {
            Some(address) => Ok(Self { child, address }),
            None => {
                let _ = child.kill();
                Err(format!(
                    "{command:?} does not say where it listens: {}",
                    child.wait()?
                )
                .into())
            }
        }
    }

    /// Processor time that the process has used so far (proc_pid_stat(5): `utime`, `stime`).
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn cpu(&self) -> Outcome<Duration> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // The name, in parentheses, may hold blanks; the fields behind it do not.
        let (_, fields) = stat.rsplit_once(')').ok_or("a stat file without a name")?;
        let ticks: u64 = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .filter_map(|field| field.parse::<u64>().ok())
            .sum();
        let per_second = rustix::param::clock_ticks_per_second();
        Ok(Duration::from_secs_f64(ticks as f64 / per_second as f64))
    }

    /// Kibibytes of the process that are in memory (proc_pid_status(5): `VmRSS`).
    ///
    /// # Errors
    /// When the process is gone.
    pub(crate) fn resident(&self) -> Outcome<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let resident = status.lines().find_map(|line| {
            let kib = line.strip_prefix("VmRSS:")?.trim();
            kib.strip_suffix("kB")?.trim().parse().ok()
        });
        Ok(resident.ok_or("a status file without VmRSS")?)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
