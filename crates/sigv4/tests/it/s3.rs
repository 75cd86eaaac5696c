//! What S3 refuses, with its messages.

use http::request::Parts;
use locum_sigv4::{
    Claim, Credentials, Dialect, Error, Payload, S3Error, Scope, SignPayload, presign, sha256, sign,
};

use crate::support::{S3_SECRET, S3_TIME, complete, head, verify};

const CREDENTIAL: &str = "AKIDEXAMPLE/20130524/us-east-1/s3/aws4_request";
const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";
const WRONG: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const BODY: &[u8] = b"the object";
const SCOPE: Scope<'_> = Scope {
    dialect: Dialect::S3,
    region: "us-east-1",
    service: "s3",
};
const CREDENTIALS: Credentials<'_> = Credentials {
    access_key_id: "AKIDEXAMPLE",
    secret_access_key: S3_SECRET,
    session_token: None,
};

fn at(head: &Parts, now: i64) -> Result<(), Error> {
    verify(head, Dialect::S3, now, "s3", S3_SECRET, b"").map(drop)
}

#[track_caller]
fn refused(head: &Parts, now: i64) -> (S3Error, String) {
    match at(head, now) {
        Err(Error::S3(error)) => {
            let message = error.to_string();
            assert_eq!(message, Error::S3(error.clone()).to_string());
            (error, message)
        }
        other => panic!("{other:?}"),
    }
}

fn put(headers: &[(&str, &str)], payload: SignPayload<'_>) -> Parts {
    let mut all = vec![("host", "s3.example.com")];
    all.extend_from_slice(headers);
    let mut head = head("PUT", "/bucket/a//b/../c%20d", &all);
    sign(&mut head, &CREDENTIALS, &SCOPE, S3_TIME, payload).unwrap();
    head
}

fn presigned(headers: &[(&str, &str)], expires: u32) -> Parts {
    let mut all = vec![("host", "s3.example.com")];
    all.extend_from_slice(headers);
    let mut head = head("GET", "/bucket/key?versionId=1", &all);
    presign(
        &mut head,
        &CREDENTIALS,
        &SCOPE,
        S3_TIME,
        expires,
        b"ignored",
    )
    .unwrap();
    head
}

/// With this text in place of that in the target.
fn replaced(mut head: Parts, from: &str, to: &str) -> Parts {
    let target = head.uri.to_string();
    assert!(target.contains(from), "{target}");
    head.uri = target.replace(from, to).parse().unwrap();
    head
}

/// A request with an `Authorization` header.
fn with(authorization: &str) -> Parts {
    head(
        "GET",
        "/bucket/key",
        &[
            ("host", "s3.example.com"),
            ("x-amz-date", "20130524T000000Z"),
            ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
            ("authorization", authorization),
        ],
    )
}

fn authorization(credential: &str, signed: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={WRONG}")
}

#[test]
fn unsigned_requests_claim_nothing() {
    for (target, headers) in [
        ("/b/k", &[][..]),
        ("/b/k", &[("authorization", "")]),
        ("/b/k?X-Amz-Signature=1", &[]),
        ("/b/k?AWSAccessKeyId=1", &[]),
    ] {
        let head = head("GET", target, headers);
        assert!(Claim::parse(&head, Dialect::S3).unwrap().is_none());
    }
}

#[test]
fn declared_hashes() {
    let hash = put(&[], SignPayload::Body(BODY));
    let unsigned = put(&[], SignPayload::Unsigned);
    for (head, payload) in [
        (&hash, Payload::Sha256(sha256(BODY))),
        (&unsigned, Payload::Unsigned),
    ] {
        assert_eq!(at(head, S3_TIME), Ok(()));
        let claim = Claim::parse(head, Dialect::S3).unwrap().unwrap();
        assert_eq!(claim.payload(), payload);
    }
    // A body that is at hand is compared as well.
    let claim = Claim::parse(&hash, Dialect::S3).unwrap().unwrap();
    let key = claim.signing_key(S3_SECRET);
    assert_eq!(claim.verify(&key, Some(&sha256(BODY))).map(drop), Ok(()));
    let error = claim.verify(&key, Some(&sha256(b"other"))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "The provided 'x-amz-content-sha256' header does not match what was computed."
    );
    assert_eq!(
        error,
        Error::S3(S3Error::ContentSha256Mismatch {
            declared: data_encoding::HEXLOWER.encode(&sha256(BODY)),
            computed: data_encoding::HEXLOWER.encode(&sha256(b"other")),
        })
    );

    let mut missing = put(&[], SignPayload::Body(BODY));
    missing.headers.remove("x-amz-content-sha256");
    assert_eq!(
        refused(&missing, S3_TIME),
        (
            S3Error::MissingContentSha256,
            "Missing required header for this request: x-amz-content-sha256".to_owned()
        )
    );
    for given in [
        "",
        "unsigned-payload",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
        "STREAMING-AWS4-HMAC-SHA256-EVENTS",
        &"0".repeat(63),
        &"0".repeat(65),
        &"g".repeat(64),
    ] {
        let mut head = put(&[], SignPayload::Body(BODY));
        let value = given.parse().unwrap();
        head.headers.insert("x-amz-content-sha256", value);
        let (error, message) = refused(&head, S3_TIME);
        assert_eq!(
            message,
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, \
             STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, \
             STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, \
             STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."
        );
        let given = given.to_owned();
        assert_eq!(error, S3Error::InvalidContentSha256 { given });
    }
}

#[test]
fn streaming_needs_its_headers() {
    for length in [
        None,
        Some(""),
        Some("-1"),
        Some("1e3"),
        Some("99999999999999999999"),
    ] {
        let payload = SignPayload::Streaming {
            signed: true,
            trailer: None,
            decoded_length: 10,
        };
        let mut head = put(&[], payload);
        head.headers.remove("x-amz-decoded-content-length");
        if let Some(length) = length {
            let value = length.parse().unwrap();
            head.headers.insert("x-amz-decoded-content-length", value);
        }
        assert_eq!(
            refused(&head, S3_TIME),
            (
                S3Error::MissingDecodedContentLength,
                "You must provide the Content-Length HTTP header.".to_owned()
            )
        );
    }
    let names = ["x"; 17].join(",");
    for trailer in ["a b", "", "a,,b", &names] {
        let payload = SignPayload::Streaming {
            signed: true,
            trailer: Some(trailer),
            decoded_length: 10,
        };
        assert_eq!(
            refused(&put(&[], payload), S3_TIME),
            (
                S3Error::MalformedTrailer,
                "The request contained trailing data that was not well-formed or did not conform \
                 to our published schema."
                    .to_owned()
            )
        );
    }
}

#[test]
fn mechanisms() {
    let authorization = authorization(CREDENTIAL, SIGNED);
    let both = "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, \
                Signature query string parameter or the Authorization header should be specified";
    let mut header_and_query = presigned(&[], 60);
    let value = authorization.parse().unwrap();
    header_and_query.headers.insert("authorization", value);
    let header_and_v2 = replaced(with(&authorization), "/key", "/key?Signature=x");
    for head in [header_and_query, header_and_v2] {
        let authorization = Some(authorization.clone());
        let error = S3Error::TwoMechanisms { authorization };
        assert_eq!(refused(&head, S3_TIME), (error, both.to_owned()));
    }
    let two_queries = replaced(presigned(&[], 60), "?versionId", "?Signature=x&versionId");
    let error = S3Error::TwoMechanisms {
        authorization: None,
    };
    assert_eq!(refused(&two_queries, S3_TIME), (error, both.to_owned()));

    let unsupported = "The authorization mechanism you have provided is not supported. Please use \
                       AWS4-HMAC-SHA256.";
    let query = "/b/k?AWSAccessKeyId=AKIDEXAMPLE&Expires=1141889120&Signature=vjbyPxybdZaNmG";
    for head in [
        head("GET", query, &[("host", "s3.example.com")]),
        with("AWS AKIDEXAMPLE:c2lnbmF0dXJl"),
        with("AWS4-ECDSA-P256-SHA256 Credential=x"),
    ] {
        let error = S3Error::UnsupportedMechanism;
        assert_eq!(refused(&head, S3_TIME), (error, unsupported.to_owned()));
    }
    for text in ["Bearer eyJ", "AWS4-HMAC-SHA512 Credential=x", "Basic x"] {
        let error = S3Error::UnsupportedAuthorizationType {
            authorization: text.to_owned(),
        };
        let message = "Unsupported Authorization Type".to_owned();
        assert_eq!(refused(&with(text), S3_TIME), (error, message));
    }
    let error = S3Error::OneSpaceRequired {
        authorization: "AWS4-HMAC-SHA256".to_owned(),
    };
    let message = "Authorization header is invalid -- one and only one ' ' (space) required";
    assert_eq!(
        refused(&with("AWS4-HMAC-SHA256"), S3_TIME),
        (error, message.to_owned())
    );
}

#[test]
fn malformed_headers() {
    let message = |authorization: &str| refused(&with(authorization), S3_TIME).1;
    let malformed = "The authorization header is malformed; ";
    for text in [
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=y",
        "AWS4-HMAC-SHA256 Credential=x, SignedHeaders=y, Signature",
    ] {
        let three = "the authorization header requires three components: Credential, \
                     SignedHeaders, and Signature.";
        assert_eq!(message(text), format!("{malformed}{three}"));
    }
    let shape = "the Credential is mal-formed; expecting \
                 \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\".";
    for (credential, fault) in [
        ("", shape),
        ("K/20130524/us-east-1/s3", shape),
        ("K/20130524/us-east-1/s3/aws4_request/", shape),
        (
            "K/2013-05-24//s4/x",
            "incorrect date format \"2013-05-24\". This date in the credential must be in the \
             format \"yyyyMMdd\".",
        ),
        (
            "K/20130524//s4/x",
            "a non-empty region must be provided in the credential.",
        ),
        (
            "K/20130524/us-east-1/s4/x",
            "incorrect service \"s4\". This endpoint belongs to \"s3\".",
        ),
        (
            "K/20130524/us-east-1/s3/x",
            "incorrect terminal \"x\". This endpoint uses \"aws4_request\".",
        ),
        (
            "K/20130525/us-east-1/s3/aws4_request",
            "Invalid credential date. Date is not the same as X-Amz-Date.",
        ),
    ] {
        let text = authorization(credential, SIGNED);
        assert_eq!(message(&text), format!("{malformed}{fault}"));
    }
}

#[test]
fn malformed_queries() {
    let message = |from: &str, to: &str| {
        let (error, message) = refused(&replaced(presigned(&[], 60), from, to), S3_TIME);
        assert!(matches!(error, S3Error::AuthorizationQueryParameters(_)));
        message
    };
    assert_eq!(
        message("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA512"),
        "X-Amz-Algorithm only supports \"AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256\""
    );
    for name in [
        "Credential",
        "Signature",
        "Date",
        "SignedHeaders",
        "Expires",
    ] {
        let name = format!("X-Amz-{name}=");
        assert_eq!(
            message(&name, "x="),
            "Query-string authentication version 4 requires the X-Amz-Algorithm, \
             X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and \
             X-Amz-Expires parameters."
        );
    }
    assert_eq!(
        message("Date=20130524T000000Z", "Date=2013-05-24T00:00:00Z"),
        "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""
    );
    for (expires, fault) in [
        ("", "should be a number"),
        ("x", "should be a number"),
        ("60s", "should be a number"),
        ("6.0", "should be a number"),
        ("-1", "must be non-negative"),
        (
            "604801",
            "must be less than a week (in seconds); that is, the given X-Amz-Expires must be less \
             than 604800 seconds",
        ),
    ] {
        let to = format!("Expires={expires}&");
        let fault = format!("X-Amz-Expires {fault}");
        assert_eq!(message("Expires=60&", &to), fault);
    }
    let credential = "Error parsing the X-Amz-Credential parameter; ";
    assert_eq!(
        message("%2Fus-east-1", ""),
        format!(
            "{credential}the Credential is mal-formed; expecting \
             \"<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request\"."
        )
    );
    assert_eq!(
        message("%2Fs3%2F", "%2Fsts%2F"),
        format!("{credential}incorrect service \"sts\". This endpoint belongs to \"s3\".")
    );
    assert_eq!(
        message("%2F20130524%2F", "%2F20130523%2F"),
        "Invalid credential date \"20130523\". This date is not the same as X-Amz-Date: \
         \"20130524\"."
    );
}

#[test]
fn clocks() {
    let head = put(&[], SignPayload::Body(BODY));
    for offset in [-900, 0, 900] {
        assert_eq!(at(&head, S3_TIME + offset), Ok(()));
    }
    for now in [S3_TIME - 901, S3_TIME + 901, i64::MIN, i64::MAX] {
        let error = S3Error::RequestTimeTooSkewed {
            request_time: "20130524T000000Z".to_owned(),
            server_time: now,
        };
        let message = "The difference between the request time and the current time is too large.";
        assert_eq!(refused(&head, now), (error, message.to_owned()));
    }
    for date in [None, Some("yesterday")] {
        let mut head = put(&[], SignPayload::Body(BODY));
        head.headers.remove("x-amz-date");
        if let Some(date) = date {
            head.headers.insert("x-amz-date", date.parse().unwrap());
        }
        let message = "AWS authentication requires a valid Date or x-amz-date header";
        assert_eq!(
            refused(&head, S3_TIME),
            (S3Error::MissingDate, message.to_owned())
        );
    }
}

#[test]
fn a_date_is_signed_as_it_was_sent() {
    for (name, date) in [
        ("date", "Fri, 24 May 2013 00:00:00 GMT"),
        ("x-amz-date", "2013-05-24T00:00:00Z"),
    ] {
        let mut head = with(&authorization(CREDENTIAL, "host;x-amz-date"));
        head.headers.remove("x-amz-date");
        head.headers.insert(name, date.parse().unwrap());
        let Err(Error::SignatureDoesNotMatch { string_to_sign, .. }) = at(&head, S3_TIME) else {
            panic!("not refused")
        };
        assert!(string_to_sign.starts_with(&format!("AWS4-HMAC-SHA256\n{date}\n")));
        let scope = ["20130524", "us-east-1", "s3"];
        complete(&mut head, Dialect::S3, scope, S3_SECRET);
        assert_eq!(at(&head, S3_TIME), Ok(()));
    }
}

#[test]
fn presigned_requests_live_as_long_as_they_say() {
    for expires in [1, 60, 604_800] {
        let head = presigned(&[], expires);
        let end = S3_TIME + i64::from(expires);
        for now in [S3_TIME - 900, S3_TIME, end] {
            assert_eq!(at(&head, now), Ok(()));
        }
        let error = S3Error::RequestExpired {
            lifetime: expires,
            expires: end,
            server_time: end + 1,
        };
        let message = "Request has expired".to_owned();
        assert_eq!(refused(&head, end + 1), (error, message));
        let error = S3Error::NotYetValid {
            date: S3_TIME,
            expires: end,
            server_time: S3_TIME - 901,
        };
        let message = "Request is not yet valid".to_owned();
        assert_eq!(refused(&head, S3_TIME - 901), (error, message));
    }
    let claim_head = presigned(&[], 60);
    let claim = Claim::parse(&claim_head, Dialect::S3).unwrap().unwrap();
    assert_eq!(claim.payload(), Payload::Unsigned);
}

#[test]
fn a_presigned_body_is_signed_if_its_hash_is_sent() {
    // The header stands for the payload, and the body must then have that hash.
    let hash = data_encoding::HEXLOWER.encode(&sha256(BODY));
    let mut head = presigned(&[], 60);
    head.headers
        .insert("x-amz-content-sha256", hash.parse().unwrap());
    let claim = Claim::parse(&head, Dialect::S3).unwrap().unwrap();
    assert_eq!(claim.payload(), Payload::Sha256(sha256(BODY)));
    let Err(Error::SignatureDoesNotMatch {
        canonical_request, ..
    }) = at(&head, S3_TIME)
    else {
        panic!("not refused")
    };
    assert!(canonical_request.ends_with(&hash));
}

#[test]
fn headers_that_must_be_signed() {
    #[track_caller]
    fn check(head: &Parts, unsigned: Option<&str>) {
        match unsigned {
            None => assert_eq!(at(head, S3_TIME), Ok(())),
            Some(names) => {
                let headers = names.to_owned();
                let error = S3Error::HeadersNotSigned { headers };
                let message = "There were headers present in the request which were not signed";
                assert_eq!(refused(head, S3_TIME), (error, message.to_owned()));
            }
        }
    }
    for head in [put(&[], SignPayload::Body(BODY)), presigned(&[], 60)] {
        for (name, must) in [
            ("x-amz-acl", true),
            ("x-amz-meta-a", true),
            ("x-amz-security-token", true),
            ("content-md5", true),
            ("content-type", false),
            ("range", false),
            ("x-amzn-trace-id", false),
            ("if-match", false),
        ] {
            let mut head = head.clone();
            head.headers.insert(name, "x".parse().unwrap());
            check(&head, must.then_some(name));
        }
        let mut head = head;
        for name in ["x-amz-meta-b", "content-md5", "x-amz-meta-a"] {
            head.headers.insert(name, "x".parse().unwrap());
        }
        check(&head, Some("content-md5, x-amz-meta-a, x-amz-meta-b"));
    }
    // Signed, they are welcome.
    let headers = [("x-amz-acl", "private"), ("content-md5", "x")];
    check(&put(&headers, SignPayload::Body(BODY)), None);
    check(&presigned(&headers, 60), None);
    // Listing other names that are absent does not make up for it.
    let text = authorization(CREDENTIAL, "x-amz-a;x-amz-b;x-amz-content-sha256");
    check(&with(&text), Some("host, x-amz-date"));
    // Nor does listing one in another letter case.
    let mut acl = with(&authorization(CREDENTIAL, "host;x-amz-Date;x-amz-date"));
    acl.headers.insert("x-amz-acl", "x".parse().unwrap());
    check(&acl, Some("x-amz-acl"));
    // The host may be the authority of HTTP/2.
    let mut http_2 = with(&authorization(CREDENTIAL, "x-amz-date"));
    http_2.headers.remove("host");
    http_2.uri = "https://s3.example.com/bucket/key".parse().unwrap();
    check(&http_2, Some("host"));
}

#[test]
fn a_session_token_must_have_been_there_when_it_was_signed() {
    let token = Credentials {
        session_token: Some("FwoG/t+k="),
        ..CREDENTIALS
    };
    let mut header = head("GET", "/b/k", &[("host", "s3.example.com")]);
    sign(&mut header, &token, &SCOPE, S3_TIME, SignPayload::Unsigned).unwrap();
    let mut query = head("GET", "/b/k", &[("host", "s3.example.com")]);
    presign(&mut query, &token, &SCOPE, S3_TIME, 60, b"").unwrap();
    for head in [&header, &query] {
        let claim = Claim::parse(head, Dialect::S3).unwrap().unwrap();
        assert_eq!(claim.session_token(), Some("FwoG/t+k="));
        assert_eq!(at(head, S3_TIME), Ok(()));
    }
    let late = replaced(presigned(&[], 60), "/key?", "/key?X-Amz-Security-Token=x&");
    assert!(matches!(
        at(&late, S3_TIME),
        Err(Error::SignatureDoesNotMatch { .. })
    ));
}
