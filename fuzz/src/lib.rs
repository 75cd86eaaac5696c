//! What the fuzz targets do with the bytes they are given.
//!
//! Each is a plain function that panics when something is wrong, so that it runs under libFuzzer
//! (`src/bin/`) and, over the corpus that is checked in, as a test.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::string_slice,
    clippy::unreachable,
    reason = "a panic is how a target tells what it found"
)]

pub mod case;
pub mod decision;
pub mod document;
pub mod matcher;
pub mod variables;

/// The slow and obvious evaluator of the policy crate's tests.
#[path = "../../crates/policy/tests/support/mod.rs"]
mod support;

/// The text of the bytes, and the pieces of it that a line break separates: `None` for a piece
/// that is not there.
fn lines<const N: usize>(data: &[u8]) -> Option<[&str; N]> {
    let text = std::str::from_utf8(data).ok()?;
    let mut pieces = text.splitn(N, '\n');
    let mut lines = [""; N];
    for line in &mut lines {
        *line = pieces.next()?;
    }
    Some(lines)
}

/// Whether some number in the text may be so long, written out, that the evaluator of the tests,
/// which writes numbers out, takes minutes.
fn has_vast_numbers(text: &str) -> bool {
    text.split(['e', 'E']).skip(1).any(|exponent| {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        exponent.bytes().take_while(u8::is_ascii_digit).count() > 4
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    fn over_its_corpus(target: &str, run: impl Fn(&[u8])) {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(target);
        let mut count = 0;
        for entry in folder.read_dir().unwrap() {
            run(&std::fs::read(entry.unwrap().path()).unwrap());
            count += 1;
        }
        assert!(count > 10, "{target}: {count} inputs");
    }

    #[test]
    fn case() {
        over_its_corpus("case", crate::case::run);
    }

    #[test]
    fn decision() {
        over_its_corpus("decision", crate::decision::run);
    }

    #[test]
    fn document() {
        over_its_corpus("document", crate::document::run);
    }

    #[test]
    fn matcher() {
        over_its_corpus("matcher", crate::matcher::run);
    }

    #[test]
    fn variables() {
        over_its_corpus("variables", crate::variables::run);
    }
}
