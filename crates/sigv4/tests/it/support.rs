//! What several tests use.

use aws_lc_rs::hmac;
use data_encoding::HEXLOWER;
use http::request::Parts;
use locum_sigv4::{Claim, Dialect, Error, SigningKey, Verified, sha256};

/// The key pair of the published signing test suite.
pub(crate) const SUITE_SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// The key pair of the examples in the Amazon S3 API Reference.
pub(crate) const S3_SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
/// 2015-08-30T12:36:00Z
pub(crate) const SUITE_TIME: i64 = 1_440_938_160;
/// 2013-05-24T00:00:00Z
pub(crate) const S3_TIME: i64 = 1_369_353_600;

/// A request's head. The target is taken as it is, so that odd ones can be written.
pub(crate) fn head(method: &str, target: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = http::Request::builder().method(method).uri(target);
    for (name, value) in headers {
        let value = http::HeaderValue::from_bytes(value.as_bytes()).unwrap();
        request = request.header(*name, value);
    }
    request.body(()).unwrap().into_parts().0
}

/// A request at the suite's time with an `Authorization` header for its scope.
pub(crate) fn suite_head(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    signed: &str,
    signature: &str,
) -> Parts {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
         SignedHeaders={signed}, Signature={signature}"
    );
    let mut all = vec![
        ("host", "example.amazonaws.com"),
        ("x-amz-date", "20150830T123600Z"),
        ("authorization", &authorization),
    ];
    all.extend_from_slice(headers);
    head(method, target, &all)
}

/// The whole way through, with a body for the general dialect.
pub(crate) fn verify(
    head: &Parts,
    dialect: Dialect,
    now: i64,
    service: &str,
    secret: &str,
    body: &[u8],
) -> Result<Verified, Error> {
    let claim = Claim::parse(head, dialect)?.expect("a signature");
    claim.check(now, service)?;
    let key = SigningKey::derive(secret, claim.date(), claim.region(), claim.service());
    match dialect {
        Dialect::General => claim.verify(&key, Some(&sha256(body))),
        Dialect::S3 => claim.verify(&key, None),
    }
}

/// What the server takes a request for: the canonical request that goes with a wrong signature.
pub(crate) fn canonical(head: &Parts, dialect: Dialect, body: &[u8]) -> String {
    let (now, service, secret) = match dialect {
        Dialect::General => (SUITE_TIME, "service", SUITE_SECRET),
        Dialect::S3 => (S3_TIME, "s3", S3_SECRET),
    };
    match verify(head, dialect, now, service, secret, body) {
        Err(Error::SignatureDoesNotMatch {
            canonical_request, ..
        }) => canonical_request,
        other => panic!("{other:?}"),
    }
}

/// Puts the right signature into the `Authorization` header of a request whose signature is
/// wrong: that of the string which the server says it should have signed.
pub(crate) fn complete(head: &mut Parts, dialect: Dialect, scope: [&str; 3], secret: &str) {
    let error = {
        let claim = Claim::parse(head, dialect).unwrap().unwrap();
        let [date, region, service] = scope;
        let key = SigningKey::derive(secret, date, region, service);
        claim.verify(&key, Some(&sha256(b""))).unwrap_err()
    };
    let Error::SignatureDoesNotMatch { string_to_sign, .. } = error else {
        panic!("{error:?}")
    };
    let mut key = format!("AWS4{secret}").into_bytes();
    for message in scope.into_iter().chain(["aws4_request", &string_to_sign]) {
        let hmac_key = hmac::Key::new(hmac::HMAC_SHA256, &key);
        key = hmac::sign(&hmac_key, message.as_bytes()).as_ref().to_vec();
    }
    let text = head.headers["authorization"].to_str().unwrap();
    let (start, _) = text.split_once("Signature=").unwrap();
    let text = format!("{start}Signature={}", HEXLOWER.encode(&key));
    head.headers.insert("authorization", text.parse().unwrap());
}
