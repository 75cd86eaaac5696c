//! `cargo xtask bench`: how fast the server and its parts are, beside their ceilings and peers.

use crate::Failure;
use crate::command::{cargo, run as run_command};
use crate::workspace::Workspace;
use std::process::Command;

/// What can be measured by itself, and whether that takes the server.
const PARTS: [(&str, bool); 8] = [
    ("requests", true),
    ("minted", true),
    ("primitives", false),
    ("revocations", false),
    ("federation", false),
    ("policy", false),
    ("durable", true),
    ("accounts", true),
];

/// Builds the server and runs the benchmark program, `locum-bench`, with these arguments.
///
/// # Errors
/// On a wrong command line, or when the benchmark does not build, run or succeed.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut parts = Vec::new();
    let mut passed_on = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--long" => passed_on.push(argument.clone()),
            "--scenario" => {
                let name = rest
                    .next()
                    .ok_or_else(|| Failure::Usage("--scenario needs a name".into()))?;
                passed_on.extend([argument.clone(), name.clone()]);
            }
            "--json" => {
                let file = rest
                    .next()
                    .ok_or_else(|| Failure::Usage("--json needs a file".into()))?;
                let file = std::path::absolute(file).map_err(|error| format!("{file}: {error}"))?;
                passed_on.extend([argument.clone(), file.to_string_lossy().into_owned()]);
            }
            part if PARTS.iter().any(|(name, _)| *name == part) => parts.push(argument.clone()),
            other => return Err(Failure::Usage(format!("bench does not know `{other}`"))),
        }
    }
    let workspace = Workspace::locate()?;
    let needs_a_server = |part: &String| PARTS.iter().any(|(name, needs)| name == part && *needs);
    if parts.is_empty() || parts.iter().any(needs_a_server) {
        // The server by itself, so that it has the features that it is released with.
        run_command(cargo(&workspace.root).args([
            "build",
            "--release",
            "--locked",
            "--package",
            "locum",
        ]))?;
    }
    run_command(cargo(&workspace.root).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "locum-bench",
        "--features",
        "cedar",
    ]))?;
    let mut program = Command::new(workspace.target.join("release/locum-bench"));
    program.args(parts).args(passed_on);
    Ok(run_command(&mut program)?)
}
