//! What the chores need beside Rust: programs of crates.io and of the distribution, a Python
//! environment, and packages of npm.

use crate::command::{cargo, is_on_path, output, run, succeeds};
use crate::workspace::Workspace;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The exact Python packages of the client tests.
const REQUIREMENTS: &str = "tests/requirements.txt";

/// The folder that names the exact npm packages of the client tests.
const NODE: &str = "tests/node";

/// What Debian's packages ask before they start their services.
const SERVICE_POLICY: &str = "/usr/sbin/policy-rc.d";

/// A thing that is there or not, and the Debian package that brings it.
struct Need {
    package: &'static str,
    is_met: fn() -> bool,
}

const CLIENT_NEEDS: [Need; 12] = [
    Need {
        package: "python3-venv",
        is_met: || succeeds(Command::new("python3").args(["-c", "import ensurepip, venv"])),
    },
    Need {
        package: "golang-go",
        is_met: || is_on_path("go"),
    },
    Need {
        package: "golang-github-aws-aws-sdk-go-dev",
        is_met: || {
            Path::new("/usr/share/gocode/src/github.com/aws/aws-sdk-go/service/sts").is_dir()
        },
    },
    Need {
        package: "faketime",
        is_met: || is_on_path("faketime"),
    },
    Need {
        package: "openssl",
        is_met: || is_on_path("openssl"),
    },
    Need {
        package: "curl",
        is_met: || is_on_path("curl"),
    },
    Need {
        package: "nodejs",
        is_met: || is_on_path("node"),
    },
    Need {
        package: "npm",
        is_met: || is_on_path("npm"),
    },
    Need {
        package: "chromium",
        is_met: || is_on_path("chromium"),
    },
    Need {
        package: "xmlsec1",
        is_met: || is_on_path("xmlsec1"),
    },
    Need {
        // Not on every user's path.
        package: "slapd",
        is_met: || Path::new("/usr/sbin/slapd").is_file(),
    },
    Need {
        package: "ldap-utils",
        is_met: || is_on_path("ldapsearch"),
    },
];

/// Sees to the programs of the distribution: installs them when this is root on Debian.
///
/// # Errors
/// When they cannot be installed; the text names them.
pub(crate) fn programs() -> Result<(), String> {
    let missing = || -> Vec<&str> {
        CLIENT_NEEDS
            .iter()
            .filter(|need| !(need.is_met)())
            .map(|need| need.package)
            .collect()
    };
    let wanted = missing();
    if wanted.is_empty() {
        return Ok(());
    }
    let by_hand = format!(
        "the client tests need these Debian packages: apt-get install {}",
        wanted.join(" ")
    );
    if !is_on_path("apt-get") || output(Command::new("id").arg("-u"))?.trim() != "0" {
        return Err(by_hand);
    }
    let install = || {
        let mut command = Command::new("apt-get");
        command
            .args(["install", "--yes", "--no-install-recommends"])
            .args(&wanted);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    without_services(|| {
        // The package lists may be absent or stale.
        if run(&mut install()).is_err() {
            run(Command::new("apt-get").arg("update"))?;
            run(&mut install())?;
        }
        Ok(())
    })?;
    match missing().as_slice() {
        [] => Ok(()),
        still => Err(format!(
            "{by_hand}; still missing after the installation: {}",
            still.join(" ")
        )),
    }
}

/// Installs without starting what is installed: the tests start their own, on ports of their own.
fn without_services(install: impl FnOnce() -> Result<(), String>) -> Result<(), String> {
    let policy = Path::new(SERVICE_POLICY);
    if policy.exists() {
        // The machine has decided; a container's says no.
        return install();
    }
    let failed = |error: std::io::Error| format!("{SERVICE_POLICY}: {error}");
    std::fs::write(policy, "#!/bin/sh\nexit 101\n").map_err(failed)?;
    let installed =
        run(Command::new("chmod").args(["755", SERVICE_POLICY])).and_then(|()| install());
    std::fs::remove_file(policy).map_err(failed)?;
    installed
}

/// A program of crates.io as installed, or else built under the target folder.
///
/// # Errors
/// When it cannot be built.
pub(crate) fn tool(workspace: &Workspace, name: &str, version: &str) -> Result<PathBuf, String> {
    if is_on_path(name) {
        return Ok(name.into());
    }
    // Another version gets a folder of its own, and is built anew.
    let root = workspace.tools().join(format!("{name}-{version}"));
    let program = root.join("bin").join(name);
    if !program.is_file() {
        run(cargo(&workspace.root)
            .args(["install", name, "--version", version, "--locked", "--debug"])
            .arg("--root")
            .arg(&root)
            // Whatever builds the workspace must not decide how this is built.
            .env_remove("RUSTFLAGS"))?;
    }
    Ok(program)
}

/// The folder of the Python environment's programs, made anew when the requirements have changed.
///
/// # Errors
/// When it cannot be made.
pub(crate) fn python(workspace: &Workspace) -> Result<PathBuf, String> {
    let environment = workspace.target.join("python");
    let programs = environment.join("bin");
    let requirements = workspace.root.join(REQUIREMENTS);
    let wanted = read(&requirements)?;
    // Written last, so that an installation that was cut short is done again.
    let installed = environment.join("installed-requirements.txt");
    if read(&installed).is_ok_and(|found| found == wanted) {
        return Ok(programs);
    }
    run(Command::new("python3")
        .args(["-m", "venv", "--clear"])
        .arg(&environment))?;
    run(Command::new(programs.join("python"))
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--requirement",
        ])
        .arg(&requirements))?;
    run(Command::new(programs.join("python")).args(["-m", "pip", "check"]))?;
    std::fs::write(&installed, wanted)
        .map_err(|error| format!("{}: {error}", installed.display()))?;
    Ok(programs)
}

/// Installs the npm packages of the client tests below the target folder, anew when their lock
/// file has changed.
///
/// # Errors
/// When they cannot be installed.
pub(crate) fn node(workspace: &Workspace) -> Result<(), String> {
    let folder = workspace.target.join("node");
    let source = workspace.root.join(NODE);
    let package = read(&source.join("package.json"))?;
    let lock = read(&source.join("package-lock.json"))?;
    // Written last, so that an installation that was cut short is done again.
    let installed = folder.join("installed-package-lock.json");
    if read(&installed).is_ok_and(|found| found == lock) {
        return Ok(());
    }
    let write = |path: &Path, text: &str| {
        std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
    };
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    write(&folder.join("package.json"), &package)?;
    write(&folder.join("package-lock.json"), &lock)?;
    run(Command::new("npm").current_dir(&folder).args([
        "ci",
        "--ignore-scripts",
        "--no-audit",
        "--no-fund",
        "--omit=optional",
    ]))?;
    write(&installed, &lock)
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))
}
