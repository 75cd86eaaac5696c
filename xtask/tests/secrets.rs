//! Secrets are compared in constant time: read off the sources, since no clock tells reliably.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

/// What holds a secret, or what is as good as one, wherever it stands.
const SECRETS: [&str; 11] = [
    "code",
    "computed",
    "mac",
    "password",
    "provided",
    "secret",
    "secret_access_key",
    "seed",
    "session_token",
    "signature",
    "token",
];

/// The places that compare secrets, and by what.
const COMPARISONS: [(&str, &str); 5] = [
    (
        "crates/sigv4/src/claim.rs",
        "key::constant_time_eq(&it, &self.sign(",
    ),
    (
        "crates/sigv4/src/chunk.rs",
        "key::constant_time_eq(computed, provided)",
    ),
    (
        "crates/sigv4/src/key.rs",
        "aws_lc_rs::constant_time::verify_slices_are_equal(",
    ),
    (
        "crates/identity/src/session/live.rs",
        "constant_time_eq(self.token.as_bytes(), token.as_bytes())",
    ),
    (
        "crates/identity/src/mfa.rs",
        "constant_time_eq(&code(&key, step), &asked)",
    ),
];

/// Names that are no secrets where they are compared, and why.
const HARMLESS: [(&str, &str, &str); 3] = [
    (
        "crates/sigv4/src/claim.rs",
        "computed",
        "the hash of a body that its sender knows",
    ),
    (
        "crates/s3/src/payload.rs",
        "computed",
        "the hash of a body that its sender knows",
    ),
    (
        "crates/identity/src/sealing.rs",
        "secret",
        "what was sealed just now, with itself",
    ),
];

#[test]
fn secrets_are_compared_in_constant_time() -> Result<(), Box<dyn Error>> {
    for (file, comparison) in COMPARISONS {
        let text = fs::read_to_string(root().join(file))?;
        assert!(text.contains(comparison), "{file}: `{comparison}` is gone");
    }
    let mut found = Vec::new();
    let mut files = Vec::new();
    for name in ["sigv4", "identity", "locum", "s3", "wire"] {
        walk(&root().join("crates").join(name).join("src"), &mut files)?;
    }
    assert!(files.len() > 100, "the sources were not found");
    for path in files {
        let name = path.strip_prefix(root())?.display().to_string();
        if name.contains("/tests") {
            continue;
        }
        let text = fs::read_to_string(&path)?;
        let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or("");
        for line in code
            .lines()
            .map(str::trim)
            .filter(|line| !line.starts_with("//"))
        {
            for secret in compared(line) {
                let harmless = HARMLESS
                    .iter()
                    .any(|(file, what, _)| *file == name && *what == secret);
                if !harmless {
                    found.push(format!("{name}: {line}"));
                }
            }
        }
    }
    assert!(
        found.is_empty(),
        "compared byte by byte, and so in a time that tells how many were right:\n{}",
        found.join("\n")
    );
    Ok(())
}

/// The secrets on either side of the comparisons in a line.
fn compared(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for operator in [" == ", " != "] {
        let sides: Vec<&str> = line.split(operator).collect();
        for (left, right) in sides.iter().zip(sides.iter().skip(1)) {
            let is_word = |c: char| c.is_alphanumeric() || c == '_' || c == '.';
            let left = left
                .trim_end_matches(['(', ')', ']'])
                .rsplit(|c: char| !is_word(c))
                .next();
            let right = right
                .trim_start_matches(['*', '&', '('])
                .split(|c: char| !is_word(c))
                .next();
            for side in [left, right].into_iter().flatten() {
                let last = side
                    .trim_end_matches(".as_str")
                    .trim_end_matches(".as_bytes");
                let last = last.trim_end_matches(".expose").rsplit('.').next();
                found.extend(last.filter(|last| SECRETS.contains(last)));
            }
        }
    }
    found
}

/// The test itself finds what it looks for.
#[test]
fn a_comparison_of_secrets_is_found() {
    for line in [
        "if signature == self.expected {",
        "if *expected != *self.signature {",
        "a.secret.expose() == given",
        "x && given == secret.expose()",
        "self.token.as_bytes() != other.as_bytes()",
    ] {
        assert_eq!(compared(line).len(), 1, "{line}");
    }
    for line in [
        "if signature.len() == 64 {",
        "if status == 200 {",
        "secret_name == name",
    ] {
        assert!(compared(line).is_empty(), "{line}");
    }
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), Box<dyn Error>> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            walk(&path, files)?;
        } else if path.extension().is_some_and(|end| end == "rs") {
            files.push(path);
        }
    }
    Ok(())
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}
