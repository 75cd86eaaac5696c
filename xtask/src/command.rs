//! Running other programs, with a line on the terminal that says which.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

/// Whether a program of that name can be started.
pub(crate) fn is_on_path(program: &str) -> bool {
    let Some(path) = std::env::var_os("PATH") else {
        return false;
    };
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Whether the program runs and succeeds; what it prints is dropped.
pub(crate) fn succeeds(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

/// Runs the program on this terminal and tells whether it succeeded.
///
/// # Errors
/// When it cannot be started.
pub(crate) fn passes(command: &mut Command) -> Result<bool, String> {
    announce(command);
    let status = command
        .status()
        .map_err(|error| cannot_start(command, &error))?;
    Ok(status.success())
}

/// Runs the program on this terminal.
///
/// # Errors
/// When it cannot be started or does not succeed.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    if passes(command)? {
        Ok(())
    } else {
        Err(format!("failed: {}", text_of(command)))
    }
}

/// Runs the program on this terminal and keeps its standard output too.
///
/// # Errors
/// When it cannot be started, or prints what is not text.
pub(crate) fn tee(command: &mut Command) -> Result<(bool, String), String> {
    announce(command);
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| cannot_start(command, &error))?;
    let mut printed = String::new();
    if let Some(stdout) = child.stdout.take() {
        for line in BufReader::new(stdout).lines() {
            let line = line.map_err(|error| format!("{}: {error}", text_of(command)))?;
            println!("{line}");
            printed.push_str(&line);
            printed.push('\n');
        }
    }
    let status = child
        .wait()
        .map_err(|error| cannot_start(command, &error))?;
    Ok((status.success(), printed))
}

/// The standard output of a program that has to succeed.
///
/// # Errors
/// When it does not, or prints what is not text.
pub(crate) fn output(command: &mut Command) -> Result<String, String> {
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| cannot_start(command, &error))?;
    if !output.status.success() {
        return Err(format!("failed: {}", text_of(command)));
    }
    String::from_utf8(output.stdout).map_err(|error| format!("{}: {error}", text_of(command)))
}

/// This cargo, run in a folder.
pub(crate) fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(folder);
    command
}

fn announce(command: &Command) {
    eprintln!("$ {}", text_of(command));
}

fn cannot_start(command: &Command, error: &std::io::Error) -> String {
    format!(
        "cannot run {}: {error}",
        command.get_program().to_string_lossy()
    )
}

fn text_of(command: &Command) -> String {
    let words: Vec<_> = std::iter::once(command.get_program())
        .chain(command.get_args())
        .map(OsStr::to_string_lossy)
        .collect();
    words.join(" ")
}
