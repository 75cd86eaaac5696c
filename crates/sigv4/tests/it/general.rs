//! What the services of the query, JSON and REST protocols refuse, with their messages.

use http::request::Parts;
use locum_sigv4::{
    Claim, Credentials, Dialect, Error, Missing, Payload, Scope, SignPayload, SigningKey, presign,
    sha256, sign,
};

use crate::support::{SUITE_SECRET, SUITE_TIME, complete, head};

const CREDENTIAL: &str = "AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request";
const WRONG: &str = "0000000000000000000000000000000000000000000000000000000000000000";
const BODY: &[u8] = b"Action=GetCallerIdentity&Version=2011-06-15";
const SCOPE: Scope<'_> = Scope {
    dialect: Dialect::General,
    region: "us-east-1",
    service: "sts",
};

fn credentials(session_token: Option<&str>) -> Credentials<'_> {
    Credentials {
        access_key_id: "AKIDEXAMPLE",
        secret_access_key: SUITE_SECRET,
        session_token,
    }
}

fn verify(head: &Parts, now: i64, body: &[u8]) -> Result<(), Error> {
    crate::support::verify(head, Dialect::General, now, "sts", SUITE_SECRET, body).map(drop)
}

fn signed() -> Parts {
    let mut head = head(
        "POST",
        "/",
        &[
            ("host", "sts.example.com"),
            ("content-type", "application/x-www-form-urlencoded"),
        ],
    );
    sign(
        &mut head,
        &credentials(None),
        &SCOPE,
        SUITE_TIME,
        SignPayload::Body(BODY),
    )
    .unwrap();
    head
}

fn presigned(session_token: Option<&str>) -> Parts {
    let mut head = head(
        "GET",
        "/?Action=GetCallerIdentity&Version=2011-06-15",
        &[("host", "sts.example.com"), ("x-k8s-aws-id", "cluster")],
    );
    presign(
        &mut head,
        &credentials(session_token),
        &SCOPE,
        SUITE_TIME,
        60,
        b"",
    )
    .unwrap();
    head
}

/// The message for an `Authorization` header.
fn refusal(authorization: &str) -> String {
    let head = head(
        "POST",
        "/",
        &[
            ("host", "sts.example.com"),
            ("x-amz-date", "20150830T123600Z"),
            ("authorization", authorization),
        ],
    );
    verify(&head, SUITE_TIME, BODY).unwrap_err().to_string()
}

fn authorization(credential: &str, signed: &str) -> String {
    format!("AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={signed}, Signature={WRONG}")
}

#[test]
fn unsigned_requests_claim_nothing() {
    for target in ["/", "/?Action=X", "/?X-Amz-Signature=1&X-Amz-Credential=2"] {
        let head = head("GET", target, &[("host", "sts.example.com")]);
        assert!(Claim::parse(&head, Dialect::General).unwrap().is_none());
    }
}

#[test]
fn a_signed_request() {
    let head = signed();
    let claim = Claim::parse(&head, Dialect::General).unwrap().unwrap();
    assert_eq!(claim.access_key_id(), "AKIDEXAMPLE");
    assert_eq!(claim.region(), "us-east-1");
    assert_eq!(claim.service(), "sts");
    assert_eq!(claim.date(), "20150830");
    assert_eq!(claim.time(), SUITE_TIME);
    assert_eq!(claim.session_token(), None);
    assert_eq!(claim.payload(), Payload::Buffered);
    assert!(!claim.is_presigned());
    assert_eq!(verify(&head, SUITE_TIME, BODY), Ok(()));
}

#[test]
fn parameters_come_in_any_order_and_the_last_one_counts() {
    let head = signed();
    let text = head.headers["authorization"].to_str().unwrap().to_owned();
    let parts: Vec<&str> = text
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .unwrap()
        .split(", ")
        .collect();
    let [credential, names, signature] = parts[..] else {
        panic!("{parts:?}")
    };
    for text in [
        format!("{signature},{names},{credential}"),
        format!("  {names}  ,  {credential},{signature}  "),
        format!("Credential=x, {credential}, Signature=y, {names}, {signature}"),
        format!("{credential}, Other=1, {names}, {signature}"),
    ] {
        let mut head = signed();
        let text = format!("AWS4-HMAC-SHA256 {text}");
        head.headers.insert("authorization", text.parse().unwrap());
        assert_eq!(verify(&head, SUITE_TIME, BODY), Ok(()), "{text}");
    }
}

#[test]
fn incomplete_headers() {
    // Recorded from a real service.
    assert_eq!(
        refusal("x-api-key 1XVOAZHZ87fuDLuWzKAQmG_0RRGYO_eo8YhJHmugf68"),
        "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 \
         and encoded with Base64): 'Qqm1lWKN0Dm4/4GF/mKO4XIJ4s5tpXme/lz40NVd3ZQ='."
    );
    for (text, algorithm) in [
        ("AWS4-HMAC-SHA512 Credential=x", "AWS4-HMAC-SHA512"),
        (
            "AWS4-ECDSA-P256-SHA256 Credential=x",
            "AWS4-ECDSA-P256-SHA256",
        ),
        ("AWS AKIDEXAMPLE:c2lnbmF0dXJl", "AWS"),
        (
            "AWS4-HMAC-SHA256,Credential=x",
            "AWS4-HMAC-SHA256,Credential=x",
        ),
    ] {
        let message = format!("Unsupported AWS 'algorithm': '{algorithm}'.");
        assert_eq!(refusal(text), message);
    }
    for text in [
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 ",
        "AWS4-HMAC-SHA256 Credential",
        "AWS4-HMAC-SHA256 Credential=x,",
        "Bearer eyJ",
        "",
    ] {
        let hash = data_encoding::BASE64.encode(&sha256(text.as_bytes()));
        let message = format!(
            "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with \
             SHA-256 and encoded with Base64): '{hash}'."
        );
        assert_eq!(refusal(text), message, "{text}");
    }
    let needs = |name| format!("Authorization header requires '{name}' parameter. ");
    for (text, missing) in [
        (
            "AWS4-HMAC-SHA256 x=y",
            needs("Credential") + &needs("Signature") + &needs("SignedHeaders"),
        ),
        (
            "AWS4-HMAC-SHA256 Credential=x",
            needs("Signature") + &needs("SignedHeaders"),
        ),
        (
            "AWS4-HMAC-SHA256 SignedHeaders=host,Signature=1",
            needs("Credential"),
        ),
    ] {
        let hash = data_encoding::BASE64.encode(&sha256(text.as_bytes()));
        let end = format!("(Hashed with SHA-256 and encoded with Base64) Authorization={hash}");
        assert_eq!(refusal(text), missing + &end);
    }
}

#[test]
fn incomplete_dates() {
    let mut head = signed();
    head.headers.remove("x-amz-date");
    let Err(Error::IncompleteHeader { missing, .. }) = verify(&head, SUITE_TIME, BODY) else {
        panic!("not refused")
    };
    let date = Missing {
        date: true,
        ..Missing::default()
    };
    assert_eq!(missing, date);
    for date in ["", "20150830", "yesterday", "20150830T123600+0000"] {
        let mut head = signed();
        head.headers.insert("x-amz-date", date.parse().unwrap());
        assert_eq!(
            verify(&head, SUITE_TIME, BODY).unwrap_err().to_string(),
            format!(
                "Date must be in ISO-8601 'basic format'. Got '{date}'. See \
                 http://en.wikipedia.org/wiki/ISO_8601"
            )
        );
    }
    // Two dates are none.
    let mut head = signed();
    let second = "20150830T123600Z".parse().unwrap();
    head.headers.append("x-amz-date", second);
    let given = "20150830T123600Z,20150830T123600Z".to_owned();
    assert_eq!(
        verify(&head, SUITE_TIME, BODY),
        Err(Error::InvalidDate { given })
    );
}

#[test]
fn dates_may_be_spelled_otherwise() {
    for (name, text) in [
        ("x-amz-date", "2015-08-30T12:36:00Z"),
        ("x-amz-date", "Sun, 30 Aug 2015 12:36:00 GMT"),
        ("date", "20150830T123600Z"),
        ("date", "2015-08-30T12:36:00Z"),
        ("date", "Sun, 30 Aug 2015 12:36:00 GMT"),
    ] {
        let authorization = authorization(CREDENTIAL, "host");
        let headers = [
            ("host", "sts.example.com"),
            (name, text),
            ("authorization", &authorization),
        ];
        let mut head = head("POST", "/", &headers);
        // The string to sign has the basic format all the same.
        let Err(Error::SignatureDoesNotMatch { string_to_sign, .. }) =
            verify(&head, SUITE_TIME, b"")
        else {
            panic!("not refused")
        };
        assert!(string_to_sign.starts_with(
            "AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/sts/aws4_request\n"
        ));
        let scope = ["20150830", "us-east-1", "sts"];
        complete(&mut head, Dialect::General, scope, SUITE_SECRET);
        assert_eq!(verify(&head, SUITE_TIME, b""), Ok(()), "{text}");
    }
}

#[test]
fn incomplete_queries() {
    let parse = |query: &str| {
        let head = head("GET", &format!("/?{query}"), &[("host", "sts.example.com")]);
        Claim::parse(&head, Dialect::General).map(drop)
    };
    assert_eq!(
        parse("X-Amz-Algorithm=AWS4-HMAC-SHA512"),
        Err(Error::MissingAuthenticationToken)
    );
    assert_eq!(
        Error::MissingAuthenticationToken.to_string(),
        "Request is missing Authentication Token"
    );
    let needs = |name| format!("AWS query-string parameters must include 'X-Amz-{name}'. ");
    for (query, missing) in [
        (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            needs("Credential") + &needs("Signature") + &needs("SignedHeaders") + &needs("Date"),
        ),
        (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-SignedHeaders=host",
            needs("Signature") + &needs("Date"),
        ),
        (
            "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=x&X-Amz-SignedHeaders=host%0Aa\
             &X-Amz-Date=x&X-Amz-Signature=x",
            needs("SignedHeaders"),
        ),
    ] {
        assert_eq!(
            parse(query).unwrap_err().to_string(),
            missing + "Re-examine the query-string parameters."
        );
    }
}

#[test]
fn two_mechanisms() {
    let mut both = presigned(None);
    let header = authorization(CREDENTIAL, "host").parse().unwrap();
    both.headers.insert("authorization", header);
    let mut twice = signed();
    let header = twice.headers["authorization"].clone();
    twice.headers.append("authorization", header);
    for head in [both, twice] {
        let error = verify(&head, SUITE_TIME, BODY).unwrap_err();
        assert_eq!(error, Error::TwoMechanisms);
        assert_eq!(error.to_string(), "");
    }
}

#[test]
fn the_host_must_be_signed() {
    for signed in ["x-amz-date", "hosts;x-amz-date", "Host", ""] {
        assert_eq!(
            refusal(&authorization(CREDENTIAL, signed)),
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."
        );
    }
}

#[test]
fn time() {
    for head in [signed(), presigned(None)] {
        let body = if head.method == "GET" { b"" } else { BODY };
        for offset in [-900, 0, 900] {
            assert_eq!(verify(&head, SUITE_TIME + offset, body), Ok(()), "{offset}");
        }
        assert_eq!(
            verify(&head, SUITE_TIME + 901, body)
                .unwrap_err()
                .to_string(),
            "Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z \
             (20150830T125101Z - 15 min.)"
        );
        assert_eq!(
            verify(&head, SUITE_TIME - 901, body)
                .unwrap_err()
                .to_string(),
            "Signature not yet current: 20150830T123600Z is still later than 20150830T123559Z \
             (20150830T122059Z + 15 min.)"
        );
        let date = SUITE_TIME;
        assert_eq!(
            verify(&head, i64::MIN, body),
            Err(Error::NotYetCurrent {
                date,
                now: i64::MIN
            })
        );
        assert_eq!(
            verify(&head, i64::MAX, body),
            Err(Error::Expired {
                date,
                now: i64::MAX
            })
        );
    }
}

#[test]
fn scope() {
    for credential in [
        "",
        "AKIDEXAMPLE",
        "AKIDEXAMPLE/20150830/us-east-1/sts",
        "AKIDEXAMPLE/20150830/us-east-1/sts/aws4_request/",
    ] {
        assert_eq!(
            refusal(&authorization(credential, "host")),
            format!(
                "Credential must have exactly 5 slash-delimited elements, e.g. \
                 keyid/date/region/service/term, got '{credential}'"
            )
        );
    }
    let region = |it: &str| format!("Credential should be scoped to a valid region, not '{it}'.");
    let service = "Credential should be scoped to correct service: 'sts'.";
    let term = |it: &str| {
        format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{it}'.")
    };
    let date = |it: &str| {
        format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from \
             HTTP: '{it}' != '20150830', from '20150830T123600Z'."
        )
    };
    for (credential, message) in [
        ("K/20150830//sts/aws4_request", region("")),
        ("K/20150830/a b/sts/aws4_request", region("a b")),
        ("K/20150830/us-east-1/iam/aws4_request", service.to_owned()),
        ("K/20150830/us-east-1/sts/aws4", term("aws4")),
        ("K/20150831/us-east-1/sts/aws4_request", date("20150831")),
        (
            "K/2015/?/STS/",
            [&region("?"), service, &term(""), &date("2015")].join(" "),
        ),
    ] {
        assert_eq!(refusal(&authorization(credential, "host")), message);
    }
}

#[test]
fn the_checks_come_in_order() {
    // Each request has the fault of its row and of every later row; the earliest is reported.
    let rows = [
        ("19990830T123600Z", "K", "a", "'Host' or"),
        ("never", "K", "host", "Date must be"),
        ("19990830T123600Z", "K", "host", "Signature expired"),
        ("20150830T123600Z", "K", "host", "Credential must have"),
        (
            "20150830T123600Z",
            "K/1/2/3/4",
            "host",
            "Credential should be",
        ),
    ];
    for (date, credential, signed, message) in rows {
        let authorization = authorization(credential, signed);
        let headers = [
            ("host", "sts.example.com"),
            ("x-amz-date", date),
            ("authorization", &authorization),
        ];
        let head = head("POST", "/", &headers);
        let error = verify(&head, SUITE_TIME, BODY).unwrap_err().to_string();
        assert!(error.starts_with(message), "{error}");
    }
}

#[test]
fn verifying_includes_all_checks_but_the_time() {
    let key = SigningKey::derive(SUITE_SECRET, "20150830", "us-east-1", "sts");
    let verify = |credential: &str, signed: &str| {
        let authorization = authorization(credential, signed);
        let headers = [
            ("host", "sts.example.com"),
            ("x-amz-date", "20150830T123600Z"),
            ("authorization", &authorization),
        ];
        let head = head("POST", "/", &headers);
        let claim = Claim::parse(&head, Dialect::General).unwrap().unwrap();
        claim.verify(&key, Some(&sha256(BODY))).unwrap_err()
    };
    assert_eq!(verify(CREDENTIAL, "x-amz-date"), Error::HostNotSigned);
    let given = "K".to_owned();
    assert_eq!(verify("K", "host"), Error::MalformedCredential { given });
    assert!(matches!(
        verify("K/20150831/us-east-1/sts/aws4_request", "host"),
        Error::Scope(_)
    ));
}

#[test]
fn the_message_of_a_mismatch() {
    let body = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    let canonical = format!(
        "POST\n/\n\nhost:sts.example.com\nx-amz-date:20150830T123600Z\n\nhost;x-amz-date\n{body}"
    );
    let hash = data_encoding::HEXLOWER.encode(&sha256(canonical.as_bytes()));
    let headers = [
        ("host", "sts.example.com"),
        ("x-amz-date", "20150830T123600Z"),
        (
            "authorization",
            &authorization(CREDENTIAL, "host;x-amz-date"),
        ),
    ];
    let error = verify(&head("POST", "/", &headers), SUITE_TIME, b"").unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "The request signature we calculated does not match the signature you provided. Check \
             your AWS Secret Access Key and signing method. Consult the service documentation for \
             details.\n\nThe Canonical String for this request should have been\n'{canonical}'\n\n\
             The String-to-Sign should have been\n'AWS4-HMAC-SHA256\n20150830T123600Z\n\
             20150830/us-east-1/sts/aws4_request\n{hash}'\n"
        )
    );
    let string_to_sign =
        format!("AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/sts/aws4_request\n{hash}");
    assert_eq!(
        error,
        Error::SignatureDoesNotMatch {
            canonical_request: canonical,
            string_to_sign,
            signature_provided: WRONG.to_owned(),
        }
    );
}

#[test]
fn the_body_is_hashed_and_never_believed() {
    let mismatch = |head: &Parts, body| {
        matches!(
            verify(head, SUITE_TIME, body),
            Err(Error::SignatureDoesNotMatch { .. })
        )
    };
    assert!(mismatch(&signed(), b"other"));
    assert!(mismatch(&presigned(None), b"other"));

    // A declared hash is one more thing that must be right.
    let declare = |value: &str, payload| {
        let mut head = head("POST", "/", &[("host", "sts.example.com")]);
        let value = value.parse().unwrap();
        head.headers.insert("x-amz-content-sha256", value);
        sign(&mut head, &credentials(None), &SCOPE, SUITE_TIME, payload).unwrap();
        head
    };
    let hash = data_encoding::HEXLOWER.encode(&sha256(BODY));
    let right = declare(&hash, SignPayload::Body(BODY));
    assert_eq!(verify(&right, SUITE_TIME, BODY), Ok(()));
    let claim = Claim::parse(&right, Dialect::General).unwrap().unwrap();
    assert_eq!(claim.payload(), Payload::Sha256(sha256(BODY)));
    assert!(mismatch(&right, b"other"));
    for value in [
        &hash.to_uppercase(),
        WRONG,
        "",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "unsigned-payload",
    ] {
        // Signed with the body's own hash, so that only the declaration is wrong.
        let wrong = declare(value, SignPayload::Body(BODY));
        assert!(mismatch(&wrong, BODY), "{value}");
    }

    // The body is the request: a signature that leaves it out is none.
    let unsigned = declare("", SignPayload::Unsigned);
    assert!(mismatch(&unsigned, BODY));
    assert!(mismatch(&unsigned, b""));

    let head = signed();
    let claim = Claim::parse(&head, Dialect::General).unwrap().unwrap();
    let key = claim.signing_key(SUITE_SECRET);
    assert_eq!(
        claim.verify(&key, None).map(drop),
        Err(Error::BodyNotHashed)
    );
}

#[test]
fn presigned_requests() {
    let get = presigned(None);
    assert_eq!(verify(&get, SUITE_TIME, b""), Ok(()));
    let claim = Claim::parse(&get, Dialect::General).unwrap().unwrap();
    assert!(claim.is_presigned());
    assert_eq!(claim.access_key_id(), "AKIDEXAMPLE");
    assert_eq!(claim.time(), SUITE_TIME);
    // The life it asks for (60 s) does not count, the fifteen minutes do.
    assert_eq!(verify(&get, SUITE_TIME + 899, b""), Ok(()));

    let mut post = head("POST", "/", &[("host", "sts.example.com")]);
    presign(&mut post, &credentials(None), &SCOPE, SUITE_TIME, 60, BODY).unwrap();
    assert_eq!(verify(&post, SUITE_TIME, BODY), Ok(()));
}

#[test]
fn the_first_parameter_of_a_name_counts() {
    let get = presigned(None);
    let uri = get.uri.to_string();
    let mut later = presigned(None);
    later.uri = format!("{uri}&X-Amz-Signature={WRONG}").parse().unwrap();
    assert_eq!(verify(&later, SUITE_TIME, b""), Ok(()));
    let mut earlier = presigned(None);
    earlier.uri = uri
        .replace("/?", &format!("/?X-Amz-Signature={WRONG}&"))
        .parse()
        .unwrap();
    assert!(matches!(
        verify(&earlier, SUITE_TIME, b""),
        Err(Error::SignatureDoesNotMatch { .. })
    ));
}

#[test]
fn session_tokens() {
    let token = "FwoG/token+with=signs";
    let mut header = head("POST", "/", &[("host", "sts.example.com")]);
    let payload = SignPayload::Body(BODY);
    sign(
        &mut header,
        &credentials(Some(token)),
        &SCOPE,
        SUITE_TIME,
        payload,
    )
    .unwrap();
    let query = presigned(Some(token));
    // Added after signing.
    let mut late_header = signed();
    let value = token.parse().unwrap();
    late_header.headers.insert("x-amz-security-token", value);
    let mut late_query = presigned(None);
    let uri = late_query.uri.to_string();
    late_query.uri = format!("{uri}&X-Amz-Security-Token=FwoG%2Ftoken%2Bwith%3Dsigns")
        .parse()
        .unwrap();
    for head in [&header, &query, &late_header, &late_query] {
        let claim = Claim::parse(head, Dialect::General).unwrap().unwrap();
        assert_eq!(claim.session_token(), Some(token));
        let body = if head.method == "GET" { b"" } else { BODY };
        assert_eq!(verify(head, SUITE_TIME, body), Ok(()));
    }
    // One that was signed cannot be changed, nor taken away.
    header
        .headers
        .insert("x-amz-security-token", "other".parse().unwrap());
    assert!(matches!(
        verify(&header, SUITE_TIME, BODY),
        Err(Error::SignatureDoesNotMatch { .. })
    ));
    let mut query = query;
    query.uri = query
        .uri
        .to_string()
        .replace("FwoG", "fwoG")
        .parse()
        .unwrap();
    assert!(matches!(
        verify(&query, SUITE_TIME, b""),
        Err(Error::SignatureDoesNotMatch { .. })
    ));
}

#[test]
fn nothing_secret_is_printed() {
    let head = presigned(Some("SECRETTOKEN"));
    let claim = Claim::parse(&head, Dialect::General).unwrap().unwrap();
    let key = claim.signing_key(SUITE_SECRET);
    let printed = format!("{claim:?} {key:?} {:?}", credentials(Some("SECRETTOKEN")));
    assert!(!printed.contains("SECRETTOKEN") && !printed.contains(SUITE_SECRET));
}
