//! `cargo xtask audit`: what the project depends on, where it comes from and under which licence.
//!
//! `deny.toml` holds the rules for cargo-deny. The lock file is checked here: it is committed, it
//! is the one the workspace needs, and everything in it comes from the registry with a checksum.

use crate::Failure;
use crate::command::{cargo, output, run as run_command};
use crate::needs::tool;
use crate::workspace::Workspace;
use std::process::Command;

const CARGO_DENY_VERSION: &str = "0.20.2";
const REGISTRY: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Runs all checks.
///
/// # Errors
/// On a wrong command line and when a check fails.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    if let Some(unknown) = arguments.first() {
        return Err(Failure::Usage(format!("audit does not know `{unknown}`")));
    }
    let workspace = Workspace::locate()?;
    check_lock_file(&workspace)?;
    // Licence texts are read from the sources, and what is fetched here is what `--locked` builds.
    run_command(cargo(&workspace.root).args(["fetch", "--locked"]))?;
    let mut deny = Command::new(tool(&workspace, "cargo-deny", CARGO_DENY_VERSION)?);
    deny.current_dir(&workspace.root)
        .args(["--offline", "check", "bans", "licenses", "sources"]);
    run_command(&mut deny)?;
    println!("audit: lock file, bans, licences and sources are in order");
    Ok(())
}

fn check_lock_file(workspace: &Workspace) -> Result<(), String> {
    output(Command::new("git").current_dir(&workspace.root).args([
        "ls-files",
        "--error-unmatch",
        "Cargo.lock",
    ]))
    .map_err(|_| "Cargo.lock is not committed")?;
    let path = workspace.root.join("Cargo.lock");
    let lock =
        std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let faults = lock_faults(&lock);
    if faults.is_empty() {
        Ok(())
    } else {
        Err(faults.join("\n"))
    }
}

/// The packages of a lock file that are neither ours nor from the registry with a checksum.
fn lock_faults(lock: &str) -> Vec<String> {
    let mut faults = Vec::new();
    for package in lock.split("[[package]]").skip(1) {
        let field = |name: &str| {
            package.lines().find_map(|line| {
                line.strip_prefix(name)?
                    .strip_prefix(" = \"")?
                    .strip_suffix('"')
            })
        };
        let name = field("name").unwrap_or("?");
        match field("source") {
            None if name.starts_with("locum") || name == "xtask" => {}
            None => faults.push(format!("Cargo.lock: `{name}` has no source")),
            Some(REGISTRY) if field("checksum").is_some() => {}
            Some(REGISTRY) => faults.push(format!("Cargo.lock: `{name}` has no checksum")),
            Some(source) => faults.push(format!("Cargo.lock: `{name}` comes from {source}")),
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::lock_faults;

    fn check(package: &str, faults: &[&str]) {
        assert_eq!(
            lock_faults(&format!("version = 4\n\n[[package]]\n{package}\n")),
            faults
        );
    }

    #[test]
    fn only_the_registry_with_checksums() {
        let registry = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";
        check(
            &format!("name = \"http\"\nversion = \"1.0.0\"\n{registry}\nchecksum = \"00\""),
            &[],
        );
        check(
            &format!("name = \"http\"\n{registry}"),
            &["Cargo.lock: `http` has no checksum"],
        );
        check("name = \"http\"", &["Cargo.lock: `http` has no source"]);
        check("name = \"locum-policy\"", &[]);
        check("name = \"xtask\"", &[]);
        check(
            "name = \"http\"\nsource = \"git+https://example.com/http\"\nchecksum = \"00\"",
            &["Cargo.lock: `http` comes from git+https://example.com/http"],
        );
    }
}
