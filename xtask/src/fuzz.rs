//! `cargo xtask fuzz`: the fuzz targets, led by coverage, for a time.
//!
//! libFuzzer is built by the C++ compiler from what `libfuzzer-sys` brings, and rustc counts the
//! coverage by passes that the stable compiler has; sanitizers, which it has not, are not used.

use crate::Failure;
use crate::command::{cargo, output, run as run_command};
use crate::now;
use crate::report::Counts;
use crate::workspace::Workspace;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

/// The programs of the fuzz crate.
const TARGETS: [&str; 13] = [
    "case",
    "certificate",
    "chain",
    "decision",
    "document",
    "jwks",
    "jwt",
    "matcher",
    "revocation_list",
    "saml_metadata",
    "saml_response",
    "ssh_key",
    "variables",
];

/// What an uninterrupted run takes by default.
const SECONDS: u64 = 60;

/// Counting of the edges of the control flow, and of the operands of comparisons.
const FLAGS: [&str; 9] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cllvm-args=-simplifycfg-branch-fold-threshold=0",
    "-Ccodegen-units=1",
    "-Cforce-frame-pointers=yes",
    "--cfg=fuzzing",
];

/// Seconds that one input may take, on a machine that has other work.
const SLOWEST: u64 = 20;
/// Megabytes that a target may take.
const LARGEST: u64 = 1024;
/// Longer inputs find nothing that shorter ones do not.
const LONGEST: u64 = 4096;
/// Longer inputs are not kept: there are enough others.
const LONGEST_KEPT: u64 = 512;

struct Options {
    targets: Vec<&'static str>,
    seconds: u64,
    keep: bool,
}

/// Runs the targets that the arguments name, or all, each for the given time.
///
/// # Errors
/// On a wrong command line, when the targets do not build, and when an input breaks one.
pub(crate) fn run(arguments: &[String]) -> Result<(), Failure> {
    let options = options(arguments)?;
    let workspace = Workspace::locate()?;
    let fuzzer = Fuzzer::build(&workspace)?;
    let counts = fuzzer.run(&options.targets, options.seconds)?;
    if counts.failed > 0 {
        return Err(Failure::Work(format!(
            "fuzz: {} of {} targets broke",
            counts.failed,
            options.targets.len()
        )));
    }
    if options.keep {
        for target in &options.targets {
            fuzzer.keep(target)?;
        }
    }
    Ok(())
}

/// Runs all targets, each for so many seconds, and counts those that held.
///
/// # Errors
/// When they do not build or do not start.
pub(crate) fn all(workspace: &Workspace, seconds: u64) -> Result<Counts, String> {
    let started = now();
    let fuzzer = Fuzzer::build(workspace)?;
    println!("built in {:.0} s", started.elapsed().as_secs_f64());
    fuzzer.run(&TARGETS, seconds)
}

fn options(arguments: &[String]) -> Result<Options, Failure> {
    let mut options = Options {
        targets: Vec::new(),
        seconds: SECONDS,
        keep: false,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--keep" => options.keep = true,
            "--seconds" => {
                let seconds = rest.next().and_then(|seconds| seconds.parse().ok());
                options.seconds =
                    seconds.ok_or_else(|| Failure::Usage("--seconds needs a number".into()))?;
            }
            other => {
                let known = TARGETS.iter().find(|target| **target == other);
                options.targets.push(
                    known.ok_or_else(|| Failure::Usage(format!("fuzz does not know `{other}`")))?,
                );
            }
        }
    }
    if options.targets.is_empty() {
        options.targets = TARGETS.to_vec();
    }
    Ok(options)
}

/// The built targets and where their inputs are.
struct Fuzzer {
    programs: PathBuf,
    /// The corpus that is checked in.
    corpus: PathBuf,
    dictionary: PathBuf,
    /// What runs leave: inputs found, inputs that broke something, logs.
    left: PathBuf,
}

/// A target that runs.
struct Running {
    target: &'static str,
    child: Child,
    log: PathBuf,
    artifacts: PathBuf,
}

impl Fuzzer {
    fn build(workspace: &Workspace) -> Result<Self, String> {
        let version = output(Command::new("rustc").arg("-vV"))?;
        let host = version
            .lines()
            .find_map(|line| line.strip_prefix("host: "))
            .ok_or("rustc does not tell its host")?;
        let target = workspace.target.join("fuzz");
        run_command(
            cargo(&workspace.root)
                .args(["build", "--locked", "--package", "locum-fuzz", "--bins"])
                .args(["--profile", "checked"])
                // With a target named, build scripts and macros are not instrumented.
                .args(["--target", host])
                .arg("--target-dir")
                .arg(&target)
                .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\u{1f}"))
                .env_remove("RUSTFLAGS"),
        )?;
        Ok(Self {
            programs: target.join(host).join("checked"),
            corpus: workspace.root.join("fuzz/corpus"),
            dictionary: workspace.root.join("fuzz/policy.dict"),
            left: target.join("left"),
        })
    }

    /// Runs targets side by side, one for each processor.
    fn run(&self, targets: &[&'static str], seconds: u64) -> Result<Counts, String> {
        let jobs = std::thread::available_parallelism().map_or(1, usize::from);
        let mut counts = Counts::default();
        let mut waiting: VecDeque<&'static str> = targets.iter().copied().collect();
        println!(
            "{:<12} {:>12} {:>9} {:>9}",
            "target", "inputs", "a second", "new"
        );
        let mut running = VecDeque::new();
        loop {
            while running.len() < jobs
                && let Some(target) = waiting.pop_front()
            {
                running.push_back(self.start(target, seconds)?);
            }
            // All started together end together.
            let Some(next) = running.pop_front() else {
                break;
            };
            if self.finish(next)? {
                counts.passed += 1;
            } else {
                counts.failed += 1;
            }
        }
        Ok(counts)
    }

    fn start(&self, target: &'static str, seconds: u64) -> Result<Running, String> {
        let found = folder(&self.left.join("corpus").join(target))?;
        let artifacts = folder(&self.left.join("broke").join(target))?;
        let log = self.left.join(format!("{target}.log"));
        let file = File::create(&log).map_err(|error| told(&log, &error))?;
        let child = Command::new(self.programs.join(target))
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-timeout={SLOWEST}"))
            .arg(format!("-rss_limit_mb={LARGEST}"))
            .arg(format!("-max_len={LONGEST}"))
            .arg(format!("-dict={}", self.dictionary.display()))
            // With the slash it is a folder.
            .arg(format!("-artifact_prefix={}/", artifacts.display()))
            .arg("-print_final_stats=1")
            .arg(found)
            .arg(self.unpack(target)?)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .spawn()
            .map_err(|error| format!("{target}: {error}"))?;
        Ok(Running {
            target,
            child,
            log,
            artifacts,
        })
    }

    /// Waits for a target, prints what it did, and tells whether it held.
    fn finish(&self, mut running: Running) -> Result<bool, String> {
        let status = running.child.wait().map_err(|error| error.to_string())?;
        let log = fs::read(&running.log).map_err(|error| told(&running.log, &error))?;
        let log = String::from_utf8_lossy(&log);
        let statistic = |name: &str| {
            let line = log.lines().find_map(|line| line.strip_prefix(name));
            line.map(str::trim).unwrap_or("-").to_owned()
        };
        println!(
            "{:<12} {:>12} {:>9} {:>9}  {}",
            running.target,
            statistic("stat::number_of_executed_units:"),
            statistic("stat::average_exec_per_sec:"),
            statistic("stat::new_units_added:"),
            if status.success() { "held" } else { "BROKE" },
        );
        if !status.success() {
            self.tell(&running, &log);
        }
        Ok(status.success())
    }

    /// Prints the end of the log, and the input with what runs it again.
    fn tell(&self, running: &Running, log: &str) {
        let lines: Vec<&str> = log.lines().collect();
        for line in lines.iter().skip(lines.len().saturating_sub(60)) {
            eprintln!("  {line}");
        }
        let written = log
            .lines()
            .rev()
            .find_map(|line| line.split_once("Test unit written to "))
            .map(|(_, path)| PathBuf::from(path.trim()));
        let Some(input) = written else {
            eprintln!(
                "{} broke without an input; inputs of earlier runs are in {}",
                running.target,
                running.artifacts.display()
            );
            return;
        };
        if let Ok(bytes) = fs::read(&input) {
            eprintln!("\nthe input: \"{}\"", bytes.escape_ascii());
        }
        eprintln!(
            "run it again: {} {}",
            self.programs.join(running.target).display(),
            input.display()
        );
    }

    /// The checked-in corpus as libFuzzer takes it: a folder with a file for each input.
    fn unpack(&self, target: &str) -> Result<PathBuf, String> {
        let seeds = self.left.join("seeds").join(target);
        forget(&seeds)?;
        folder(&seeds)?;
        let packed = self.packed(target);
        let text = match fs::read_to_string(&packed) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            text => text.map_err(|error| told(&packed, &error))?,
        };
        for (number, line) in text.lines().enumerate() {
            let bytes =
                input(line).ok_or_else(|| format!("{}: line {}", packed.display(), number + 1))?;
            let seed = seeds.join(number.to_string());
            fs::write(&seed, bytes).map_err(|error| told(&seed, &error))?;
        }
        Ok(seeds)
    }

    fn packed(&self, target: &str) -> PathBuf {
        self.corpus.join(format!("{target}.jsonl"))
    }

    /// Makes the checked-in corpus the fewest inputs, of those there and those found, that reach
    /// every place that all of them reach.
    fn keep(&self, target: &str) -> Result<(), String> {
        let merged = self.left.join("merged").join(target);
        forget(&merged)?;
        folder(&merged)?;
        run_command(
            Command::new(self.programs.join(target))
                .args(["-set_cover_merge=1", "-use_counters=0"])
                .arg(format!("-max_len={LONGEST_KEPT}"))
                .arg(&merged)
                .arg(self.unpack(target)?)
                .arg(self.left.join("corpus").join(target))
                .stderr(Stdio::null()),
        )?;
        let mut inputs = Vec::new();
        for entry in merged.read_dir().map_err(|error| told(&merged, &error))? {
            let path = entry.map_err(|error| told(&merged, &error))?.path();
            inputs.push(fs::read(&path).map_err(|error| told(&path, &error))?);
        }
        inputs.sort();
        let lines: String = inputs
            .iter()
            .map(|input| format!("{}\n", line(input)))
            .collect();
        let packed = self.packed(target);
        fs::write(&packed, lines).map_err(|error| told(&packed, &error))?;
        println!("{}: {} inputs", packed.display(), inputs.len());
        Ok(())
    }
}

/// An input as a line of a corpus: a JSON string, or `{"hex": …}` where the bytes are no text.
fn line(input: &[u8]) -> Value {
    match std::str::from_utf8(input) {
        Ok(text) => json!(text),
        Err(_) => {
            let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
            json!({ "hex": hex })
        }
    }
}

/// The input of such a line.
fn input(line: &str) -> Option<Vec<u8>> {
    match serde_json::from_str(line).ok()? {
        Value::String(text) => Some(text.into_bytes()),
        object => {
            let hex = object.get("hex")?.as_str()?;
            let digit = |at: usize| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok();
            (0..hex.len()).step_by(2).map(digit).collect()
        }
    }
}

fn folder(path: &Path) -> Result<PathBuf, String> {
    fs::create_dir_all(path).map_err(|error| told(path, &error))?;
    Ok(path.to_owned())
}

fn forget(path: &Path) -> Result<(), String> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(told(path, &error)),
        _ => Ok(()),
    }
}

fn told(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::{input, line};

    #[test]
    fn lines_of_a_corpus_keep_every_byte() {
        for bytes in [&b""[..], b"a\n\"\\", "\u{e9}\u{0}".as_bytes(), b"\xff\x00a"] {
            let line = line(bytes).to_string();
            assert!(!line.contains('\n'));
            assert_eq!(input(&line).as_deref(), Some(bytes), "{line}");
        }
        assert_eq!(line(b"\xff\x0a").to_string(), r#"{"hex":"ff0a"}"#);
        assert_eq!(input("{}"), None);
        assert_eq!(input(r#"{"hex":"f"}"#), None);
        assert_eq!(input("nothing"), None);
    }
}
