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
pub mod certificate;
pub mod chain;
pub mod decision;
pub mod document;
pub mod jwks;
pub mod jwt;
pub mod matcher;
pub mod revocation_list;
pub mod saml_metadata;
pub mod saml_response;
pub mod ssh_key;
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

/// Bytes in PEM.
fn pem(label: &str, contents: &[u8]) -> String {
    let base64 = data_encoding::BASE64.encode(contents);
    format!("-----BEGIN {label}-----\n{base64}\n-----END {label}-----\n")
}

/// Whether the evaluator of the tests reads a text as the engine must, whatever it is compared as.
///
/// It writes numbers out, which takes minutes for vast ones, and leaves dates to a library that
/// reads more forms than AWS does.
fn is_fair(text: &str) -> bool {
    let exponents = text.split(['e', 'E']).skip(1);
    let vast = exponents.into_iter().any(|exponent| {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        digits.bytes().take_while(u8::is_ascii_digit).count() > 4
    });
    !vast && (!looks_like_a_date(text) || is_plain_date(text))
}

fn looks_like_a_date(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    digits >= 4 && text.starts_with(|c: char| c.is_ascii_digit() || "+-\u{2212}".contains(c))
}

/// `YYYY-MM-DD`, alone or with a time of day and an offset, without leap seconds; or seconds since
/// 1970.
fn is_plain_date(text: &str) -> bool {
    let shape: String = text
        .chars()
        .map(|c| if c.is_ascii_digit() { '0' } else { c })
        .collect();
    if shape.chars().all(|c| c == '0') {
        return shape.len() <= 15;
    }
    let Some(time) = shape.strip_prefix("0000-00-00") else {
        return false;
    };
    let Some(time) = time.strip_prefix("T00:00") else {
        return time.is_empty();
    };
    let zone = time.strip_prefix(":00").map_or(time, |time| {
        let fraction = time.strip_prefix('.').unwrap_or_default();
        let places = fraction.chars().take_while(|c| *c == '0').count();
        match places {
            1..=3 => fraction.split_at(places).1,
            _ => time,
        }
    });
    let hours = text.split_at(text.len() - zone.len()).1;
    match zone {
        _ if text.contains(":60") => false,
        "" | "Z" => true,
        "+00:00" | "-00:00" => hours.get(1..3) < Some("24"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    /// Runs a target over its checked-in corpus, one JSON string for each line; `cargo xtask fuzz`
    /// writes bytes that are no text as `{"hex": …}`.
    fn over_its_corpus(target: &str, run: impl Fn(&[u8])) {
        let path = format!("{}/corpus/{target}.jsonl", env!("CARGO_MANIFEST_DIR"));
        let corpus = std::fs::read_to_string(path).unwrap();
        let mut count = 0;
        for line in corpus.lines() {
            match serde_json::from_str::<Value>(line).unwrap() {
                Value::String(text) => run(text.as_bytes()),
                object => {
                    let hex = object["hex"].as_str().unwrap().as_bytes();
                    run(&data_encoding::HEXLOWER.decode(hex).unwrap());
                }
            }
            count += 1;
        }
        assert!(count > 100, "{target}: {count} inputs");
    }

    #[test]
    fn case() {
        over_its_corpus("case", crate::case::run);
    }

    #[test]
    fn certificate() {
        over_its_corpus("certificate", crate::certificate::run);
    }

    #[test]
    fn chain() {
        over_its_corpus("chain", crate::chain::run);
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
    fn jwks() {
        over_its_corpus("jwks", crate::jwks::run);
    }

    #[test]
    fn jwt() {
        over_its_corpus("jwt", crate::jwt::run);
    }

    #[test]
    fn matcher() {
        over_its_corpus("matcher", crate::matcher::run);
    }

    #[test]
    fn revocation_list() {
        over_its_corpus("revocation_list", crate::revocation_list::run);
    }

    #[test]
    fn saml_metadata() {
        over_its_corpus("saml_metadata", crate::saml_metadata::run);
    }

    #[test]
    fn saml_response() {
        over_its_corpus("saml_response", crate::saml_response::run);
    }

    #[test]
    fn ssh_key() {
        over_its_corpus("ssh_key", crate::ssh_key::run);
    }

    #[test]
    fn variables() {
        over_its_corpus("variables", crate::variables::run);
    }
}
