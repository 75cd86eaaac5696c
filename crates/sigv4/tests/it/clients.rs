//! Requests that botocore signed (`testdata/sigv4/signed.json`, whose generator is beside it).

use locum_sigv4::{Claim, Dialect, Error, Payload, sha256};
use serde_json::Value;

use crate::support::{head, verify};

#[test]
fn requests_signed_by_botocore_are_verified() {
    let text = include_str!("../../../../testdata/sigv4/signed.json");
    let document: Value = serde_json::from_str(text).unwrap();
    let secret = document["secret"].as_str().unwrap();
    let now = document["time"].as_i64().unwrap();
    let cases = document["cases"].as_array().unwrap();
    assert_eq!(cases.len(), 44);
    for case in cases {
        let text = |field: &str| case[field].as_str().unwrap();
        let name = text("name");
        let headers: Vec<(&str, &str)> = case["headers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it[0].as_str().unwrap(), it[1].as_str().unwrap()))
            .collect();
        let head = head(text("method"), text("target"), &headers);
        let body = data_encoding::HEXLOWER
            .decode(text("body").as_bytes())
            .unwrap();
        let service = text("service");
        let dialect = match service {
            "s3" => Dialect::S3,
            _ => Dialect::General,
        };
        let verified = verify(&head, dialect, now, service, secret, &body);
        assert_eq!(verified.map(drop), Ok(()), "{name}");
        let refused = verify(&head, dialect, now, service, "another", &body);
        assert!(
            matches!(refused, Err(Error::SignatureDoesNotMatch { .. })),
            "{name}"
        );

        let claim = Claim::parse(&head, dialect).unwrap().unwrap();
        assert_eq!(claim.is_presigned(), name.contains("presigned"), "{name}");
        assert_eq!(claim.session_token().is_some(), name.ends_with("-token"));
        assert_eq!(claim.region(), document["region"].as_str().unwrap());
        let expected = match (dialect, claim.is_presigned()) {
            (Dialect::General, _) => Payload::Buffered,
            (Dialect::S3, true) => Payload::Unsigned,
            (Dialect::S3, false) => Payload::Sha256(sha256(&body)),
        };
        assert_eq!(claim.payload(), expected, "{name}");
    }
}
