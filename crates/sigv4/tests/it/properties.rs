//! Properties of random requests: what was signed is verified, and nothing else is.

use http::request::Parts;
use locum_sigv4::{
    ChunkError, Claim, Credentials, Dialect, Error, Scope, SignPayload, presign, sha256, sign,
};
use proptest::prelude::*;

use crate::support::{SUITE_SECRET, SUITE_TIME, head, verify};

const NOW: i64 = SUITE_TIME;

/// A request before it is signed.
#[derive(Clone, Debug)]
struct Plain {
    dialect: Dialect,
    presigned: bool,
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    token: Option<String>,
    body: Vec<u8>,
}

impl Plain {
    fn head(&self) -> Parts {
        let mut target = self.path.clone();
        for (at, (name, value)) in self.query.iter().enumerate() {
            target.push(if at == 0 { '?' } else { '&' });
            target.push_str(&format!("{}={}", escape(name), escape(value)));
        }
        let mut headers = vec![("host", "service.example.com")];
        headers.extend(self.headers.iter().map(|(n, v)| (n.as_str(), v.as_str())));
        head(self.method, &target, &headers)
    }

    fn signed(&self) -> Parts {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: SUITE_SECRET,
            session_token: self.token.as_deref(),
        };
        let scope = Scope {
            dialect: self.dialect,
            region: "eu-central-1",
            service: "service",
        };
        let mut head = self.head();
        if self.presigned {
            presign(&mut head, &credentials, &scope, NOW, 60, &self.body).unwrap();
        } else {
            let payload = SignPayload::Body(&self.body);
            sign(&mut head, &credentials, &scope, NOW, payload).unwrap();
        }
        head
    }

    /// Verifies with this body; what S3 leaves to its caller is done here.
    fn verify(&self, head: &Parts, body: &[u8]) -> Result<(), Error> {
        if self.dialect == Dialect::General || self.presigned {
            return verify(head, self.dialect, NOW, "service", SUITE_SECRET, body).map(drop);
        }
        let claim = Claim::parse(head, self.dialect)?.expect("a signature");
        claim.check(NOW, "service")?;
        let key = claim.signing_key(SUITE_SECRET);
        claim.verify(&key, Some(&sha256(body))).map(drop)
    }
}

fn escape(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn plain() -> impl Strategy<Value = Plain> {
    (
        prop_oneof![Just(Dialect::General), Just(Dialect::S3)],
        any::<bool>(),
        prop_oneof![Just("GET"), Just("POST"), Just("PUT")],
        proptest::collection::vec("[a-zA-Z0-9 _.~/+é%-]{1,8}", 0..4),
        proptest::collection::vec(("[a-zA-Z +&=é/-]{1,6}", "[ -~é]{0,8}"), 0..4),
        proptest::collection::vec(("[a-w][a-z-]{0,6}a", "[ -~]{0,12}"), 0..4),
        proptest::option::of("[A-Za-z0-9+/=]{1,40}"),
        proptest::collection::vec(any::<u8>(), 0..40),
    )
        .prop_map(
            |(dialect, presigned, method, segments, query, headers, token, body)| Plain {
                dialect,
                presigned,
                method,
                path: segments
                    .iter()
                    .map(|segment| format!("/{}", escape(segment)))
                    .collect::<String>()
                    + if segments.is_empty() { "/" } else { "" },
                query,
                headers,
                token,
                body,
            },
        )
}

fn is_mismatch(result: &Result<(), Error>) -> bool {
    matches!(result, Err(Error::SignatureDoesNotMatch { .. }))
}

proptest! {
    #[test]
    fn what_is_signed_is_verified(plain in plain()) {
        let head = plain.signed();
        prop_assert_eq!(plain.verify(&head, &plain.body), Ok(()));
        let claim = Claim::parse(&head, plain.dialect).unwrap().unwrap();
        prop_assert_eq!(claim.access_key_id(), "AKIDEXAMPLE");
        prop_assert_eq!(claim.session_token(), plain.token.as_deref());
        prop_assert_eq!(claim.is_presigned(), plain.presigned);
    }

    #[test]
    fn another_method_is_refused(plain in plain()) {
        let mut head = plain.signed();
        head.method = http::Method::DELETE;
        prop_assert!(is_mismatch(&plain.verify(&head, &plain.body)));
    }

    #[test]
    fn another_path_is_refused(plain in plain(), more in "[a-z]{1,3}") {
        let mut head = plain.signed();
        let query = head.uri.query().unwrap_or_default();
        let target = format!("{}{more}?{query}", head.uri.path());
        head.uri = target.parse().unwrap();
        prop_assert!(is_mismatch(&plain.verify(&head, &plain.body)));
    }

    #[test]
    fn another_query_is_refused(plain in plain(), at in any::<prop::sample::Index>()) {
        let mut head = plain.signed();
        let path = head.uri.path().to_owned();
        // One more parameter, or one less of the request's own.
        let query = head.uri.query().unwrap_or_default().to_owned();
        head.uri = format!("{path}?{query}&added=1").parse().unwrap();
        prop_assert!(is_mismatch(&plain.verify(&head, &plain.body)));
        if !plain.query.is_empty() {
            let gone = at.index(plain.query.len());
            let pieces: Vec<&str> = query.split('&').collect();
            let kept: Vec<&str> = pieces
                .iter()
                .enumerate()
                .filter(|(at, _)| *at != gone)
                .map(|(_, piece)| *piece)
                .collect();
            head.uri = format!("{path}?{}", kept.join("&")).parse().unwrap();
            prop_assert!(is_mismatch(&plain.verify(&head, &plain.body)));
        }
    }

    #[test]
    fn another_value_of_a_signed_header_is_refused(
        plain in plain(),
        at in any::<prop::sample::Index>(),
    ) {
        let mut head = plain.signed();
        let names: Vec<_> = plain
            .headers
            .iter()
            .map(|(name, _)| name.as_str())
            .chain(["host"])
            .collect();
        let name = http::HeaderName::from_bytes(names[at.index(names.len())].as_bytes()).unwrap();
        let mut values: Vec<_> = head.headers.get_all(&name).iter().cloned().collect();
        values[0] = format!("{}!", values[0].to_str().unwrap()).parse().unwrap();
        head.headers.remove(&name);
        for value in &values {
            head.headers.append(&name, value.clone());
        }
        prop_assert!(is_mismatch(&plain.verify(&head, &plain.body)));
        head.headers.append(&name, "more".parse().unwrap());
        prop_assert!(is_mismatch(&plain.verify(&head, &plain.body)));
    }

    #[test]
    fn another_body_is_refused(plain in plain(), more in any::<u8>()) {
        let head = plain.signed();
        let mut body = plain.body.clone();
        body.push(more);
        let result = plain.verify(&head, &body);
        match (plain.dialect, plain.presigned) {
            // Not signed at all: `UNSIGNED-PAYLOAD`.
            (Dialect::S3, true) => prop_assert_eq!(result, Ok(())),
            (Dialect::S3, false) => {
                let named = "The provided 'x-amz-content-sha256' header does not match what was \
                             computed.";
                prop_assert_eq!(result.unwrap_err().to_string(), named);
            }
            (Dialect::General, _) => prop_assert!(is_mismatch(&result)),
        }
    }

    #[test]
    fn another_signature_is_refused(plain in plain(), at in 0..64_usize, digit in "[0-9a-fA-F]") {
        let mut head = plain.signed();
        let claim = Claim::parse(&head, plain.dialect).unwrap().unwrap();
        let signature = claim.signature().to_owned();
        let mut other = signature.clone();
        other.replace_range(at..=at, &digit);
        prop_assume!(other != signature);
        if plain.presigned {
            let target = head.uri.to_string();
            head.uri = target.replace(&signature, &other).parse().unwrap();
        } else {
            let text = head.headers["authorization"].to_str().unwrap();
            let text = text.replace(&signature, &other);
            head.headers.insert("authorization", text.parse().unwrap());
        }
        prop_assert!(is_mismatch(&plain.verify(&head, &plain.body)));
    }

    #[test]
    fn another_key_is_refused(plain in plain(), secret in "[A-Za-z0-9/+]{40}") {
        let head = plain.signed();
        let refused = verify(&head, plain.dialect, NOW, "service", &secret, &plain.body);
        prop_assert!(is_mismatch(&refused.map(drop)));
    }

    /// Whatever comes, it is answered.
    #[test]
    fn hostile_heads_are_answered(
        target in "/[!$-;=@-Z_a-z~]{0,40}",
        query in "(X-Amz-[A-Za-z]{1,13}=[!$-;=?-Z_a-z~]{0,20}&){0,6}",
        authorization in "(AWS4-HMAC-SHA256 )?((Credential|SignedHeaders|Signature)?=?[ -~é]{0,20},?){0,5}",
        date in "[ -~]{0,20}",
        hash in "[ -~]{0,40}",
        general in any::<bool>(),
        now in any::<i64>(),
    ) {
        let dialect = if general { Dialect::General } else { Dialect::S3 };
        let target = format!("{target}?{query}");
        let mut headers = vec![
            ("host", "example.com"),
            ("x-amz-date", date.as_str()),
            ("x-amz-content-sha256", hash.as_str()),
        ];
        if !authorization.is_empty() {
            headers.push(("authorization", &authorization));
        }
        let head = head("GET", &target, &headers);
        if let Ok(Some(claim)) = Claim::parse(&head, dialect) {
            let checked = claim.check(now, "service");
            let key = claim.signing_key("secret");
            let verified = claim.verify(&key, Some(&sha256(b"")));
            prop_assert!(verified.is_err());
            let _ = format!("{claim:?} {checked:?} {}", verified.unwrap_err());
        }
    }

    /// So is whatever comes as a chunked body, and never more is handed out than was declared.
    #[test]
    fn hostile_chunks_are_answered(
        pieces in proptest::collection::vec("[0-9a-f]{0,4}(;chunk-signature=0{64})?(\r\n)?[ -~]{0,9}(\r\n)?", 0..8),
        signed in any::<bool>(),
        trailer in any::<bool>(),
        decoded_length in 0..20_u64,
    ) {
        let credentials = Credentials {
            access_key_id: "AKIDEXAMPLE",
            secret_access_key: SUITE_SECRET,
            session_token: None,
        };
        let scope = Scope { dialect: Dialect::S3, region: "r", service: "s3" };
        let mut head = head("PUT", "/b/k", &[("host", "example.com")]);
        let trailer = trailer.then_some("x-amz-checksum-crc32");
        let payload = SignPayload::Streaming { signed, trailer, decoded_length };
        sign(&mut head, &credentials, &scope, NOW, payload).unwrap();
        let verified = verify(&head, Dialect::S3, NOW, "s3", SUITE_SECRET, b"").unwrap();
        let mut decoder = verified.chunks().unwrap();
        let mut length = 0;
        let mut refused: Option<ChunkError> = None;
        for piece in &pieces {
            let pushed = decoder.push(piece.as_bytes(), &mut |data| length += data.len() as u64);
            if let Some(first) = refused {
                prop_assert_eq!(pushed, Err(first));
            }
            refused = pushed.err();
        }
        prop_assert!(length <= decoded_length);
        if signed {
            prop_assert!(decoder.finish().is_err());
        }
    }
}
