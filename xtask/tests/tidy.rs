//! The sources keep to the habits of the project.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

const MAX_LINES: usize = 700;

/// Tests are tables, read by the row.
const MAX_LINES_OF_TESTS: usize = 1000;

/// Files that may be longer, and why. The list may only shrink.
const LONG_FILES: [(&str, &str); 0] = [];

/// Folders that hold sources of ours.
const SOURCES: [&str; 8] = [
    "bench", "crates", "fuzz", "xtask", "tests", "examples", ".ci", "docs",
];

type Outcome = Result<(), Box<dyn Error>>;

#[test]
fn no_file_is_too_long_to_read() -> Outcome {
    let mut long = Vec::new();
    for path in sources()? {
        let name = relative(&path);
        let is_code = ["rs", "py", "go"]
            .iter()
            .any(|end| path.extension().is_some_and(|found| found == *end));
        if !is_code {
            continue;
        }
        let lines = read(&path)?.lines().count();
        let is_test = name
            .split('/')
            .any(|part| part == "tests" || part == "tests.rs");
        let limit = if is_test {
            MAX_LINES_OF_TESTS
        } else {
            MAX_LINES
        };
        let exempt = LONG_FILES.iter().any(|(exempt, _)| *exempt == name);
        if lines > limit && !exempt {
            long.push(format!("{name}: {lines} lines of {limit}"));
        }
        assert!(
            !exempt || lines > limit,
            "{name} is short enough now: take it off the list of exemptions"
        );
    }
    assert!(
        long.is_empty(),
        "files that are too long:\n{}",
        long.join("\n")
    );
    Ok(())
}

/// `docs/architecture.md` has a section `### N. Title` for each invariant, and in each at least
/// one line `Test: …` with the names of tests in backticks: a Rust function as `module::function`
/// or a Python one as `file.py::function`. What is named must exist.
#[test]
fn every_invariant_names_tests_that_exist() -> Outcome {
    let document = read(&root().join("docs/architecture.md"))?;
    let sources = sources()?;
    let mut texts = Vec::new();
    for path in sources.iter().filter(|path| {
        path.extension()
            .is_some_and(|end| end == "rs" || end == "py")
    }) {
        texts.push((relative(path), read(path)?));
    }
    let invariants = invariants(&document);
    assert!(
        !invariants.is_empty(),
        "docs/architecture.md names no invariants"
    );
    for (place, invariant) in invariants.iter().enumerate() {
        assert_eq!(
            invariant.number,
            place + 1,
            "the invariants are numbered in order"
        );
        assert!(
            !invariant.tests.is_empty(),
            "invariant {} names no test",
            invariant.number
        );
        for test in &invariant.tests {
            assert!(
                texts.iter().any(|(path, text)| defines(path, text, test)),
                "invariant {}: there is no test `{test}`",
                invariant.number
            );
        }
    }
    Ok(())
}

#[test]
fn no_test_is_left_out() -> Outcome {
    // Assembled here, so that this file does not find itself.
    let marks = [
        concat!("#[ig", "nore"),
        concat!("mark.sk", "ip"),
        concat!("mark.xf", "ail"),
        concat!("pytest.sk", "ip("),
    ];
    // Terraform and its provider are too large to be installed for the tests: where they are not on the
    // machine, the summary says in capitals what was not tested.
    let loud = "tests/clients/test_terraform.py";
    for path in sources()?.iter().filter(|path| relative(path) != loud) {
        let Ok(text) = read(path) else { continue };
        for mark in marks {
            assert!(
                !text.contains(mark),
                "{}: {mark}: a test that does not run proves nothing",
                relative(path)
            );
        }
    }
    Ok(())
}

#[test]
fn no_work_is_left_open() -> Outcome {
    let marks = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    for path in sources()? {
        let Ok(text) = read(&path) else { continue };
        for mark in marks {
            assert!(!text.contains(mark), "{} says {mark}", relative(&path));
        }
    }
    Ok(())
}

struct Invariant {
    number: usize,
    tests: Vec<String>,
}

fn invariants(document: &str) -> Vec<Invariant> {
    let mut found: Vec<Invariant> = Vec::new();
    let mut inside = false;
    for line in document.lines() {
        if let Some(title) = line.strip_prefix("### ") {
            let number = title
                .split_once(". ")
                .and_then(|(number, _)| number.parse().ok());
            inside = number.is_some();
            found.extend(number.map(|number| Invariant {
                number,
                tests: Vec::new(),
            }));
        } else if line.starts_with('#') {
            inside = false;
        } else if let (true, Some(names), Some(invariant)) =
            (inside, line.strip_prefix("Test: "), found.last_mut())
        {
            invariant
                .tests
                .extend(names.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    found
}

/// Whether this source defines the test: the function itself, in a file that its path names.
fn defines(path: &str, text: &str, test: &str) -> bool {
    let mut parts: Vec<&str> = test.split("::").collect();
    let Some(function) = parts.pop() else {
        return false;
    };
    let keyword = if path.ends_with(".py") { "def" } else { "fn" };
    let defined = text.contains(&format!("{keyword} {function}("));
    defined
        && parts.iter().all(|part| {
            let folder_or_file = part.trim_end_matches(".py").trim_start_matches("locum_");
            path.replace(".rs", "")
                .replace(".py", "")
                .split('/')
                .any(|piece| piece == folder_or_file)
                || text.contains(&format!("mod {part}"))
                || *part == "tests"
        })
}

fn sources() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut files = Vec::new();
    for folder in SOURCES {
        let folder = root().join(folder);
        if folder.is_dir() {
            walk(&folder, &mut files)?;
        }
    }
    assert!(!files.is_empty(), "no sources found");
    files.sort();
    Ok(files)
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if path.is_dir() {
            let is_made = name == "target" || name == "__pycache__" || name == ".pytest_cache";
            if !is_made {
                walk(&path, files)?;
            }
        } else {
            files.push(path);
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Box<dyn Error>> {
    fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()).into())
}

fn relative(path: &Path) -> String {
    path.strip_prefix(root())
        .unwrap_or(path)
        .to_string_lossy()
        .into_owned()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("/"))
}
