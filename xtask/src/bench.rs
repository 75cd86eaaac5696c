//! `cargo xtask bench`: how fast the server is, beside a bare server in the same run.

use crate::Failure;
use crate::command::{cargo, run as run_command};
use crate::workspace::Workspace;

/// Builds the server and runs the benchmark program, `locum-bench`, with these arguments.
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
    // The server by itself, so that it has the features that it is released with.
    run_command(cargo(&workspace.root).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "locum",
    ]))?;
    let mut command = cargo(&workspace.root);
    command
        .args([
            "run",
            "--release",
            "--locked",
            "--package",
            "locum-bench",
            "--",
        ])
        .args(passed_on);
    Ok(run_command(&mut command)?)
}
