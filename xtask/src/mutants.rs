//! `cargo xtask mutants`: does a test fail when a line of the evaluator is changed?
//!
//! cargo-mutants changes one place at a time and runs the tests of the policy crate. A change that
//! no test notices is a survivor: a rule that nothing tests, or code that does not matter.

use crate::Failure;
use crate::command::passes;
use crate::needs::tool;
use crate::workspace::Workspace;
use serde_json::Value;
use std::fs;
use std::path::Path;
use std::process::Command;

const CARGO_MUTANTS_VERSION: &str = "27.1.0";

const CRATE: &str = "crates/policy";

/// The modules that have a part in a decision.
const EVALUATOR: [&str; 15] = [
    "arn",
    "compiled",
    "compiled/build",
    "context",
    "decide",
    "explain",
    "facts",
    "glob",
    "index",
    "number",
    "operator",
    "principal",
    "resource",
    "template",
    "texts",
];

/// The test programs that have a say in the evaluator; each one more is linked for every mutant.
const TESTS: [&str; 4] = ["corpus", "differential", "explanation", "lazy"];

/// Cases of the differential test for each mutant: fewer than a run of the tests takes, because
/// there are hundreds of mutants.
const CASES: &str = "22000";
/// Seconds after which the tests of a mutant are ended; a mutant that hangs is noticed.
const LONGEST: &str = "120";

struct Options {
    files: Vec<String>,
    jobs: String,
}

/// Makes the mutants of the files that the arguments name, or of the whole evaluator.
///
/// # Errors
/// On a wrong command line, and when cargo-mutants cannot be had or the tests fail unchanged.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = options(arguments)?;
    let workspace = Workspace::locate()?;
    let program = tool(&workspace, "cargo-mutants", CARGO_MUTANTS_VERSION)?;
    let out = workspace.target.join("mutants");
    let mut files = options.files;
    if files.is_empty() {
        let all = EVALUATOR
            .iter()
            .map(|name| format!("{CRATE}/src/{name}.rs"));
        files.extend(all);
    }
    if let Some(absent) = files
        .iter()
        .find(|file| !workspace.root.join(file).is_file())
    {
        return Err(Failure::Usage(format!("there is no file `{absent}`")));
    }
    fs::create_dir_all(&out).map_err(|error| format!("{}: {error}", out.display()))?;
    // By its path, because the folder of the tools is not on the path.
    let mut command = Command::new(&program);
    command.current_dir(&workspace.root);
    command
        .arg("mutants")
        .args([
            "--package",
            "locum-policy",
            "--test-package",
            "locum-policy",
        ])
        .args(["--profile", "mutants", "--test-tool", "nextest"])
        .args(["--timeout", LONGEST, "--build-timeout", "600"])
        .args(["--jobs", &options.jobs])
        .args(["--no-times", "--colors", "never"])
        .args(["--cargo-arg=--lib", "--cargo-test-arg=--fail-fast"])
        .args(TESTS.map(|test| format!("--cargo-arg=--test={test}")))
        .arg("--output")
        .arg(&out);
    for file in &files {
        command.args(["--file", file]);
    }
    command
        .env("LOCUM_DIFFERENTIAL_CASES", CASES)
        .env("CARGO_INCREMENTAL", "1");
    // It fails when there are survivors, which the summary tells as well.
    passes(&mut command)?;
    summary(&out.join("mutants.out"))
}

fn options(arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options {
        files: Vec::new(),
        jobs: "1".to_owned(),
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .ok_or_else(|| Failure::Usage(format!("{argument} needs a value")))
        };
        match argument.as_str() {
            "--file" => options.files.push(value()?.clone()),
            "--jobs" => options.jobs.clone_from(value()?),
            other => return Err(Failure::Usage(format!("mutants does not know `{other}`"))),
        }
    }
    Ok(options)
}

/// Prints how many mutants were noticed, and those that were not.
fn summary(out: &Path) -> Result<(), Failure> {
    let path = out.join("outcomes.json");
    let text = fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let outcomes: Value =
        serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?;
    let count = |key: &str| outcomes.get(key).and_then(Value::as_u64).unwrap_or(0);
    let (caught, missed) = (count("caught") + count("timeout"), count("missed"));
    let survivors = fs::read_to_string(out.join("missed.txt")).unwrap_or_default();
    println!("\nsurvivors:\n{survivors}");
    println!(
        "{caught} of {} mutants noticed ({:.1} %), {missed} survived, {} did not compile",
        caught + missed,
        100.0 * caught as f64 / (caught + missed).max(1) as f64,
        count("unviable"),
    );
    println!("the list is in {}", out.join("missed.txt").display());
    if caught + missed == 0 {
        return Err(Failure::Work("no mutant was tried".into()));
    }
    Ok(())
}
