//! What becomes of paths, queries and headers.

use locum_sigv4::{Dialect, Error, EscapeFault};

use crate::support::{SUITE_SECRET, SUITE_TIME, canonical, head, suite_head, verify};

const WRONG: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

/// A line of the canonical request of a request for `target`.
fn line(dialect: Dialect, target: &str, number: usize) -> String {
    let head = match dialect {
        Dialect::General => suite_head("GET", target, &[], "host;x-amz-date", WRONG),
        Dialect::S3 => s3_head("GET", target, &[], "host;x-amz-date"),
    };
    let text = canonical(&head, dialect, b"");
    text.split('\n').nth(number).unwrap().to_owned()
}

fn s3_head(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    signed: &str,
) -> http::request::Parts {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20130524/us-east-1/s3/aws4_request, \
         SignedHeaders={signed}, Signature={WRONG}"
    );
    let mut all = vec![
        ("host", "s3.example.com"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
        ("authorization", &authorization),
    ];
    all.extend_from_slice(headers);
    head(method, target, &all)
}

#[test]
fn paths_are_normalised_and_encoded_once_more() {
    for (sent, canonical) in [
        ("/", "/"),
        ("//", "/"),
        ("/.", "/"),
        ("/./", "/"),
        ("/a", "/a"),
        ("/a/", "/a/"),
        ("//a//b//", "/a/b/"),
        ("/a/./b", "/a/b"),
        ("/a/../b", "/b"),
        ("/a/b/..", "/a"),
        ("/a/b/../", "/a/"),
        ("/a/..", "/"),
        ("/a/...", "/a/..."),
        ("/.a", "/.a"),
        ("/%2e%2e", "/%252e%252e"),
        ("/a%20b", "/a%2520b"),
        ("/a%2Fb", "/a%252Fb"),
        ("/a+b", "/a%2Bb"),
        ("/a:b@c;d=e,f", "/a%3Ab%40c%3Bd%3De%2Cf"),
        ("/\u{e9}", "/%C3%A9"),
        ("/-._~", "/-._~"),
    ] {
        assert_eq!(line(Dialect::General, sent, 1), canonical, "{sent}");
    }
}

#[test]
fn s3_takes_paths_literally() {
    for (sent, canonical) in [
        ("/", "/"),
        ("//", "//"),
        ("/b//k", "/b//k"),
        ("/b/../k", "/b/../k"),
        ("/b/./k/", "/b/./k/"),
        ("/b/a%20b", "/b/a%20b"),
        ("/b/a%2fb", "/b/a/b"),
        ("/b/a%2Fb", "/b/a/b"),
        ("/b/a+b", "/b/a%2Bb"),
        ("/b/a%2Bb", "/b/a%2Bb"),
        ("/b/%7e%41", "/b/~A"),
        ("/b/%e9%3a", "/b/%E9%3A"),
        ("/b/(k)=1", "/b/%28k%29%3D1"),
        ("/b/\u{e9}", "/b/%C3%A9"),
        ("/b/%2525", "/b/%2525"),
    ] {
        assert_eq!(line(Dialect::S3, sent, 1), canonical, "{sent}");
    }
}

#[test]
fn queries_are_decoded_encoded_and_sorted() {
    for (sent, canonical) in [
        ("/", ""),
        ("/?", ""),
        ("/?&&", ""),
        ("/?a", "a="),
        ("/?a=", "a="),
        ("/?=a", "=a"),
        ("/?b=2&a=1", "a=1&b=2"),
        ("/?a=2&a=1", "a=1&a=2"),
        ("/?a=1&a=1", "a=1&a=1"),
        ("/?a=b=c", "a=b%3Dc"),
        ("/?Param-3=3&Param=2", "Param=2&Param-3=3"),
        ("/?a-=1&a=2&a%20=3", "a=2&a%20=3&a-=1"),
        ("/?B=1&a=2", "B=1&a=2"),
        ("/?a=b+c", "a=b%20c"),
        ("/?a=b%20c", "a=b%20c"),
        ("/?a=b%2Bc", "a=b%2Bc"),
        ("/?a=b%2bc", "a=b%2Bc"),
        ("/?a=%7E%41", "a=~A"),
        ("/?a=/:@!$'()*,;", "a=%2F%3A%40%21%24%27%28%29%2A%2C%3B"),
        ("/?%61=1", "a=1"),
        ("/?a=\u{1234}", "a=%E1%88%B4"),
        ("/?a=%FF", "a=%FF"),
        ("/?a=1&&b=2&", "a=1&b=2"),
        // A signature in the query of a request that is signed in its header is a parameter like
        // any other.
        ("/?X-Amz-Signature=1", "X-Amz-Signature=1"),
    ] {
        assert_eq!(line(Dialect::General, sent, 2), canonical, "{sent}");
        assert_eq!(line(Dialect::S3, sent, 2), canonical, "{sent}");
    }
}

#[test]
fn headers_are_trimmed_joined_and_sorted() {
    #[track_caller]
    fn check(headers: &[(&str, &str)], signed: &str, canonical_headers: &str, list: &str) {
        let head = suite_head("POST", "/", headers, signed, WRONG);
        assert_eq!(
            canonical(&head, Dialect::General, b""),
            format!("POST\n/\n\n{canonical_headers}\n\n{list}\n{EMPTY}")
        );
    }
    let host = "host:example.amazonaws.com";
    check(&[], "host", host, "host");
    // Whatever the order of the list, and with a name once that is there twice.
    check(
        &[("b", "2"), ("a", "1")],
        "host;b;a;b",
        &format!("a:1\nb:2\n{host}"),
        "a;b;host",
    );
    // Blanks around a value and runs of them inside.
    check(
        &[("a", " \t 1 \t\t 2  \"3   4\" ")],
        "a;host",
        &format!("a:1 2 \"3 4\"\n{host}"),
        "a;host",
    );
    check(&[("a", "  ")], "a;host", &format!("a:\n{host}"), "a;host");
    // Several values keep their order, each trimmed by itself.
    check(
        &[("a", " 2 "), ("b", "x"), ("a", "1"), ("a", "")],
        "a;host",
        &format!("a:2,1,\n{host}"),
        "a;host",
    );
    // Bytes above ASCII are signed as they are.
    check(
        &[("a", "\u{e9}")],
        "a;host",
        &format!("a:\u{e9}\n{host}"),
        "a;host",
    );
    // A header that is not there is empty.
    check(&[], "a;host", &format!("a:\n{host}"), "a;host");
    // What clients do not sign is verified if they do.
    check(
        &[("user-agent", "x"), ("connection", "close")],
        "connection;host;user-agent",
        &format!("connection:close\n{host}\nuser-agent:x"),
        "connection;host;user-agent",
    );
    // Names are literal: an upper-case one is not the canonical one.
    check(&[("a", "1")], "A;host", &format!("A:1\n{host}"), "A;host");
}

#[test]
fn the_host_of_http_2_is_its_authority() {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders=host;x-amz-date, Signature={WRONG}"
    );
    let headers = [
        ("x-amz-date", "20150830T123600Z"),
        ("authorization", authorization.as_str()),
    ];
    let from_authority = head("GET", "https://example.com:8443/", &headers);
    let pseudo = authorization.replace("host;", ":authority;");
    let named = head(
        "GET",
        "https://example.com:8443/",
        &[headers[0], ("authorization", &pseudo)],
    );
    for (mut head, name) in [(from_authority, "host"), (named, ":authority")] {
        // An older request has no host but its header's: what routes it may look nowhere else.
        let older = canonical(&head, Dialect::General, b"");
        assert!(older.contains(&format!("\n{name}:\n")), "{older}");
        head.version = http::Version::HTTP_2;
        assert_eq!(
            canonical(&head, Dialect::General, b""),
            format!(
                "GET\n/\n\n{name}:example.com:8443\nx-amz-date:20150830T123600Z\n\n\
                 {name};x-amz-date\n{EMPTY}"
            )
        );
    }
}

#[test]
fn two_hosts_are_refused() {
    for dialect in [Dialect::General, Dialect::S3] {
        let check = |target: &str| {
            let head = match dialect {
                Dialect::General => suite_head("GET", target, &[], "host", WRONG),
                Dialect::S3 => s3_head("GET", target, &[], "host;x-amz-date"),
            };
            verify(&head, dialect, SUITE_TIME, "service", SUITE_SECRET, b"").map(drop)
        };
        let own = match dialect {
            Dialect::General => "https://EXAMPLE.amazonaws.com/",
            Dialect::S3 => "https://S3.example.com/",
        };
        assert_ne!(check(own), Err(Error::MalformedTarget));
        assert_eq!(check("https://other.com/"), Err(Error::MalformedTarget));
    }
}

#[test]
fn malformed_targets_are_refused() {
    let refused = |dialect, target: &str| {
        let head = match dialect {
            Dialect::General => suite_head("GET", target, &[], "host", WRONG),
            Dialect::S3 => s3_head("GET", target, &[], "host;x-amz-date"),
        };
        locum_sigv4::Claim::parse(&head, dialect).map(drop)
    };
    for path in [
        "/..", "/a/../..", "/../a", "/%", "/%4", "/%0J", "/a%zz", "*",
    ] {
        let general = refused(Dialect::General, path);
        assert_eq!(general, Err(Error::MalformedTarget), "{path}");
    }
    for path in ["/%", "/%4", "/%0J", "*"] {
        let s3 = refused(Dialect::S3, path);
        assert_eq!(s3, Err(Error::MalformedTarget), "{path}");
    }
    for (query, fault, message) in [
        (
            "/?a=%",
            EscapeFault::Incomplete,
            "Incomplete trailing escape % sequence",
        ),
        (
            "/?a%4",
            EscapeFault::Incomplete,
            "Incomplete trailing escape % sequence",
        ),
        (
            "/?a=%4&b=1",
            EscapeFault::Incomplete,
            "Incomplete trailing escape % sequence",
        ),
        (
            "/?a=%0J",
            EscapeFault::Illegal("0J".into()),
            "Illegal hex characters in escape % pattern: %0J",
        ),
        (
            "/?%+1",
            EscapeFault::Illegal("+1".into()),
            "Illegal hex characters in escape % pattern: %+1",
        ),
    ] {
        for dialect in [Dialect::General, Dialect::S3] {
            let error = refused(dialect, query).unwrap_err();
            assert_eq!(error.to_string(), message);
            assert_eq!(error, Error::MalformedQuery(fault.clone()), "{query}");
        }
    }
}
