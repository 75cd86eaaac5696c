//! Headers that count only where the signature covers them.

use locum_sigv4::{Claim, Dialect, NotCovered};

use crate::support::head;

const SCOPE: &str = "AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request";

/// What `x-test` says of a request whose signed headers are these.
#[track_caller]
fn check(signed: &str, headers: &[(&str, &str)], expected: Result<Option<&str>, NotCovered>) {
    let authorization =
        format!("AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders={signed}, Signature=0");
    let mut all = vec![
        ("host", "sts.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        ("authorization", &authorization),
    ];
    all.extend_from_slice(headers);
    let head = head("POST", "/", &all);
    let claim = Claim::parse(&head, Dialect::General).unwrap().unwrap();
    assert_eq!(
        claim.signed_value("x-test"),
        expected,
        "{signed} {headers:?}"
    );
}

#[test]
fn a_header_counts_if_it_is_signed_and_there_once() {
    let one = [("x-test", "a b")];
    check("host;x-amz-date;x-test", &one, Ok(Some("a b")));
    check("host;x-test;x-amz-date;x-test", &one, Ok(Some("a b")));
    check("host;x-amz-date;x-test", &[], Ok(None));
    check("host;x-amz-date", &[], Ok(None));
    check("host;x-amz-date", &one, Err(NotCovered));
    for almost in ["x-test2", "xx-test", "x-tes", "X-Test", "x -test"] {
        check(&format!("host;x-amz-date;{almost}"), &one, Err(NotCovered));
    }
    let two = [("x-test", "a"), ("x-test", "b")];
    check("host;x-amz-date;x-test", &two, Err(NotCovered));
    check(
        "host;x-amz-date;x-test",
        &[("x-test", "\u{e9}")],
        Err(NotCovered),
    );
}
