//! Signatures that others published: the signing test suite (2015-08-30, service `service`), the
//! IAM User Guide, and the examples of the Amazon S3 API Reference (2013-05-24).

use crate::support::{S3_SECRET, S3_TIME, SUITE_SECRET, SUITE_TIME, head, suite_head, verify};
use locum_sigv4::{Claim, Dialect, Error};

const TOKEN: &str = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

/// A row of the suite: its request must have its signature, and no other.
#[track_caller]
fn suite(
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
    signed: &str,
    signature: &str,
) {
    let check = |signature: &str| {
        let head = suite_head(method, target, headers, signed, signature);
        let general = Dialect::General;
        verify(
            &head,
            general,
            SUITE_TIME,
            "service",
            SUITE_SECRET,
            body.as_bytes(),
        )
        .map(drop)
    };
    assert_eq!(check(signature), Ok(()));
    let zeros = "0".repeat(64);
    assert!(
        matches!(check(&zeros), Err(Error::SignatureDoesNotMatch { signature_provided, .. })
            if signature_provided == zeros)
    );
}

#[test]
fn suite_of_get_requests() {
    const VANILLA: &str = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31";
    let get = |target, signature| suite("GET", target, &[], "", "host;x-amz-date", signature);
    get("/", VANILLA);
    get("/?", VANILLA);
    get("/./", VANILLA);
    get("//", VANILLA);
    get("/example/..", VANILLA);
    get("/example1/example2/../..", VANILLA);
    get(
        "//example//",
        "9a624bd73a37c9a373b5312afbebe7a714a789de108f0bdfe846570885f57e84",
    );
    get(
        "/./example",
        "ef75d96142cf21edca26f06005da7988e4f8dc83a165a80865db7089db637ec5",
    );
    get(
        "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    );
    get(
        "/\u{1234}",
        "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
    );
    get(
        "/?Param2=value2&Param1=value1",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    );
    get(
        "/?Param1=value1",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    );
    get(
        "/?-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz=-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    );
}

#[test]
fn suite_of_headers() {
    let get = |headers, signature| {
        let signed = "host;my-header1;my-header2;x-amz-date";
        suite("GET", "/", headers, "", signed, signature);
    };
    get(
        &[("my-header1", " value1"), ("my-header2", " \"a   b   c\"")],
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    );
    let get = |headers, signature| {
        suite(
            "GET",
            "/",
            headers,
            "",
            "host;my-header1;x-amz-date",
            signature,
        );
    };
    get(
        &[
            ("my-header1", "value2"),
            ("my-header1", "value2"),
            ("my-header1", "value1"),
        ],
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    );
    get(
        &[
            ("my-header1", "value4"),
            ("my-header1", "value1"),
            ("my-header1", "value3"),
            ("my-header1", "value2"),
        ],
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    );
}

#[test]
fn suite_of_post_requests() {
    const VANILLA: &str = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b";
    let post = |target, headers, signed, signature| {
        suite("POST", target, headers, "", signed, signature);
    };
    post("/", &[], "host;x-amz-date", VANILLA);
    post(
        "/?Param1=value1",
        &[],
        "host;x-amz-date",
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
    );
    // The session token signed, and added after signing.
    let token = &[("x-amz-security-token", TOKEN)];
    post(
        "/",
        token,
        "host;x-amz-date;x-amz-security-token",
        "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    );
    post("/", token, "host;x-amz-date", VANILLA);
    suite(
        "POST",
        "/",
        &[("content-type", "application/x-www-form-urlencoded")],
        "Param1=value1",
        "content-type;host;x-amz-date",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    );
}

#[test]
fn the_example_of_the_iam_user_guide() {
    let head = head(
        "GET",
        "/?Action=ListUsers&Version=2010-05-08",
        &[
            ("host", "iam.amazonaws.com"),
            (
                "content-type",
                "application/x-www-form-urlencoded; charset=utf-8",
            ),
            ("x-amz-date", "20150830T123600Z"),
            (
                "authorization",
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/iam/aws4_request, \
                 SignedHeaders=content-type;host;x-amz-date, \
                 Signature=5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7",
            ),
        ],
    );
    let verified = verify(
        &head,
        Dialect::General,
        SUITE_TIME,
        "iam",
        SUITE_SECRET,
        b"",
    );
    assert_eq!(verified.map(drop), Ok(()));
}

#[test]
fn examples_of_the_s3_reference() {
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    #[track_caller]
    fn check(
        method: &str,
        target: &str,
        hash: &str,
        headers: &[(&str, &str)],
        signed: &str,
        signature: &str,
    ) {
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
             SignedHeaders={signed},Signature={signature}"
        );
        let mut all = vec![
            ("host", "examplebucket.s3.amazonaws.com"),
            ("x-amz-content-sha256", hash),
            ("x-amz-date", "20130524T000000Z"),
            ("authorization", &authorization),
        ];
        all.extend_from_slice(headers);
        let head = head(method, target, &all);
        let verified = verify(&head, Dialect::S3, S3_TIME, "s3", S3_SECRET, b"");
        assert_eq!(verified.map(drop), Ok(()));
    }
    check(
        "GET",
        "/test.txt",
        EMPTY,
        &[("range", "bytes=0-9")],
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    );
    check(
        "PUT",
        "/test%24file.text",
        "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
        &[
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ],
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    );
    check(
        "GET",
        "/?lifecycle",
        EMPTY,
        &[],
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    );
    check(
        "GET",
        "/?max-keys=2&prefix=J",
        EMPTY,
        &[],
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    );
}

#[test]
fn the_presigned_example_of_the_s3_reference() {
    let head = head(
        "GET",
        "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
         &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request\
         &X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
         &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404",
        &[("host", "examplebucket.s3.amazonaws.com")],
    );
    let claim = Claim::parse(&head, Dialect::S3).unwrap().unwrap();
    assert!(claim.is_presigned());
    assert_eq!(claim.access_key_id(), "AKIAIOSFODNN7EXAMPLE");
    assert_eq!((claim.date(), claim.region()), ("20130524", "us-east-1"));
    assert_eq!((claim.service(), claim.time()), ("s3", S3_TIME));
    for now in [S3_TIME - 900, S3_TIME, S3_TIME + 86_400] {
        let verified = verify(&head, Dialect::S3, now, "s3", S3_SECRET, b"");
        assert_eq!(verified.map(drop), Ok(()), "{now}");
    }
}
