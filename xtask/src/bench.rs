//! `cargo xtask bench`: how fast the server is, beside a bare server in the same run.

use crate::Failure;
use crate::command::{cargo, run as run_command};
use crate::workspace::Workspace;

/// Builds and runs the benchmark program of the `locum` crate with these arguments.
///
/// # Errors
/// On a wrong command line, or when the benchmark does not build, run or succeed.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let mut passed_on = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--long" => passed_on.push(argument.clone()),
            "--json" => {
                let file = rest
                    .next()
                    .ok_or_else(|| Failure::Usage("--json needs a file".into()))?;
                let file = std::path::absolute(file).map_err(|error| format!("{file}: {error}"))?;
                passed_on.extend([argument.clone(), file.to_string_lossy().into_owned()]);
            }
            other => return Err(Failure::Usage(format!("bench does not know `{other}`"))),
        }
    }
    let workspace = Workspace::locate()?;
    let mut command = cargo(&workspace.root);
    command
        .args([
            "bench",
            "--locked",
            "--package",
            "locum",
            "--bench",
            "speed",
            "--",
        ])
        .args(passed_on);
    Ok(run_command(&mut command)?)
}
