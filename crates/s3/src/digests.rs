//! The digests that a client sends along with a body: `Content-MD5`, and one additional checksum
//! in a header or behind the body ("Checking object integrity", S3 User Guide).

use crate::disk::{Algorithm, Digests};
use crate::fault::{Code, Fault};
use crate::service::{Context, header};
use data_encoding::{BASE64, HEXLOWER};
use http::HeaderMap;

/// What a body must have.
#[derive(Debug)]
pub(crate) struct Expected {
    md5: Option<[u8; 16]>,
    /// The algorithm, and the value if it does not come behind the body.
    checksum: Option<(Algorithm, Option<String>)>,
    algorithms: Vec<Algorithm>,
}

impl Expected {
    /// Reads what the client declares.
    pub(crate) fn of(headers: &HeaderMap, context: &Context) -> Result<Self, Fault> {
        Self::read(headers, &context.trailing)
    }

    fn read(headers: &HeaderMap, trailing: &[Algorithm]) -> Result<Self, Fault> {
        let md5 = match header(headers, "content-md5") {
            None => None,
            Some(text) => {
                let raw = BASE64
                    .decode(text.as_bytes())
                    .ok()
                    .and_then(|raw| raw.try_into().ok());
                Some(raw.ok_or_else(|| Fault::from(Code::InvalidDigest).with("Content-MD5", text))?)
            }
        };
        let mut declared: Vec<(Algorithm, Option<String>)> = Vec::new();
        for algorithm in Algorithm::ALL {
            if let Some(value) = header(headers, algorithm.header()) {
                let good = BASE64
                    .decode(value.as_bytes())
                    .is_ok_and(|raw| raw.len() == algorithm.size());
                if !good {
                    let text = format!("Value for {} header is invalid.", algorithm.header());
                    return Err(Fault::new(Code::InvalidRequest, text));
                }
                declared.push((algorithm, Some(value)));
            }
        }
        declared.extend(trailing.iter().map(|algorithm| (*algorithm, None)));
        if declared.len() > 1 {
            return Err(Fault::new(
                Code::InvalidRequest,
                "Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.",
            ));
        }
        let checksum = declared.pop();
        if checksum.is_none() && headers.contains_key("x-amz-sdk-checksum-algorithm") {
            return Err(Fault::new(
                Code::InvalidRequest,
                "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers \
                 were found.",
            ));
        }
        let algorithms = checksum.iter().map(|(algorithm, _)| *algorithm).collect();
        Ok(Self {
            md5,
            checksum,
            algorithms,
        })
    }

    /// Whether nothing is declared.
    pub(crate) fn is_empty(&self) -> bool {
        self.md5.is_none() && self.checksum.is_none()
    }

    /// What has to be computed besides MD5.
    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Has another checksum computed.
    pub(crate) fn also(&mut self, algorithm: Algorithm) {
        if !self.algorithms.contains(&algorithm) {
            self.algorithms.push(algorithm);
        }
    }

    /// The checksum that is the client's.
    pub(crate) fn kept(&self) -> Option<Algorithm> {
        self.checksum.as_ref().map(|(algorithm, _)| *algorithm)
    }

    /// Compares what was declared, in headers and behind the body, with what was computed.
    pub(crate) fn verify(&self, digests: &Digests, context: &Context) -> Result<(), Fault> {
        self.compare(digests, |name| {
            context.outcome.trailer(name).map(str::to_owned)
        })
    }

    fn compare(
        &self,
        digests: &Digests,
        trailer: impl Fn(&str) -> Option<String>,
    ) -> Result<(), Fault> {
        if let Some(expected) = self.md5
            && expected != digests.md5
        {
            return Err(Fault::from(Code::BadDigest)
                .with("ExpectedDigest", HEXLOWER.encode(&expected))
                .with("CalculatedDigest", BASE64.encode(&digests.md5)));
        }
        let Some((algorithm, value)) = &self.checksum else {
            return Ok(());
        };
        let expected = match value {
            Some(value) => value.clone(),
            None => trailer(algorithm.header())
                .ok_or_else(|| Fault::from(Code::MalformedTrailerError))?,
        };
        if digests.value(*algorithm) == Some(expected.as_str()) {
            return Ok(());
        }
        let text = format!(
            "The {} you specified did not match the calculated checksum.",
            algorithm.name()
        );
        Err(Fault::new(Code::BadDigest, text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::Hasher;
    use http::{HeaderName, HeaderValue};

    /// The code that declaring these headers, and sending this trailer, for the body `hello` has.
    fn check(
        headers: &[(&'static str, &'static str)],
        trailing: &[(Algorithm, &str)],
        expected: Option<&str>,
    ) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
        }
        let names: Vec<_> = trailing.iter().map(|(algorithm, _)| *algorithm).collect();
        let outcome = Expected::read(&map, &names).and_then(|expected| {
            let mut hasher = Hasher::new(expected.algorithms());
            hasher.update(b"hello");
            let trailer = |name: &str| {
                let found = trailing
                    .iter()
                    .find(|(algorithm, value)| algorithm.header() == name && !value.is_empty());
                found.map(|(_, value)| (*value).to_owned())
            };
            expected.compare(&hasher.finish(), trailer)
        });
        assert_eq!(
            outcome.err().map(|fault| fault.code.to_string()).as_deref(),
            expected,
            "{headers:?} {trailing:?}"
        );
    }

    #[test]
    fn declared_digests_must_be_those_of_the_body() {
        const MD5: &str = "XUFAKrxLKna5cZ2REBfFkg==";
        const CRC32: &str = "NhCmhg==";
        check(&[], &[], None);
        check(&[("content-md5", MD5)], &[], None);
        check(
            &[("content-md5", "AAAAAAAAAAAAAAAAAAAAAA==")],
            &[],
            Some("BadDigest"),
        );
        check(&[("content-md5", "short")], &[], Some("InvalidDigest"));
        check(&[("x-amz-checksum-crc32", CRC32)], &[], None);
        check(
            &[("x-amz-checksum-crc32", "AAAAAA==")],
            &[],
            Some("BadDigest"),
        );
        check(
            &[("x-amz-checksum-crc32", "AAAA")],
            &[],
            Some("InvalidRequest"),
        );
        check(
            &[("x-amz-checksum-sha256", "AAAAAA==")],
            &[],
            Some("InvalidRequest"),
        );
        check(
            &[
                ("x-amz-checksum-crc32", CRC32),
                ("x-amz-checksum-crc32c", CRC32),
            ],
            &[],
            Some("InvalidRequest"),
        );
        check(
            &[("x-amz-sdk-checksum-algorithm", "CRC32")],
            &[],
            Some("InvalidRequest"),
        );
        check(
            &[("x-amz-sdk-checksum-algorithm", "CRC32")],
            &[(Algorithm::Crc32, CRC32)],
            None,
        );
        check(&[], &[(Algorithm::Crc32, "AAAAAA==")], Some("BadDigest"));
        check(
            &[],
            &[(Algorithm::Crc32, "")],
            Some("MalformedTrailerError"),
        );
        check(
            &[("x-amz-checksum-crc32", CRC32)],
            &[(Algorithm::Crc32c, CRC32)],
            Some("InvalidRequest"),
        );
    }
}
