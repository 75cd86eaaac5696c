//! Between the codec's types and the store's.

use crate::disk::{Algorithm, Checksum, ChecksumType, Headers, Millis};
use crate::fault::{Code, Fault};
use locum_identity::names::AccountId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use s3s::dto;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The most that user metadata may have: names and values together.
const MAX_METADATA: usize = 2048;

/// What `encoding-type=url` leaves as it is.
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b'/');

/// A moment as S3 tells it: in listings as in headers without fractions of seconds.
pub(super) fn timestamp(millis: Millis) -> dto::Timestamp {
    let seconds = millis.div_euclid(1000);
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = match seconds {
        0.. => SystemTime::UNIX_EPOCH.checked_add(distance),
        _ => SystemTime::UNIX_EPOCH.checked_sub(distance),
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH).into()
}

/// An entity tag.
pub(super) fn etag(tag: &str) -> dto::ETag {
    dto::ETag::Strong(tag.to_owned())
}

/// A size.
pub(super) fn size(bytes: u64) -> i64 {
    i64::try_from(bytes).unwrap_or(i64::MAX)
}

/// The canonical user of an account: S3 has ids of its own for accounts, 64 hexadecimal digits.
pub(super) fn owner_id(account: &str) -> String {
    data_encoding::HEXLOWER.encode(&locum_sigv4::sha256(account.as_bytes()))
}

/// The owner of a bucket and what is in it.
pub(super) fn owner(account: AccountId) -> dto::Owner {
    dto::Owner {
        display_name: None,
        id: Some(owner_id(account.as_str())),
    }
}

/// A name as part of a URL's path.
pub(super) fn url_path(name: &str) -> String {
    utf8_percent_encode(name, PLAIN).to_string()
}

/// How the names in a listing are written.
#[derive(Clone, Copy)]
pub(super) struct Encoding(bool);

impl Encoding {
    /// Reads `encoding-type`.
    pub(super) fn of(kind: Option<&dto::EncodingType>) -> Result<Self, Fault> {
        match kind.map(dto::EncodingType::as_str) {
            None => Ok(Self(false)),
            Some("url") => Ok(Self(true)),
            Some(other) => Err(Fault::argument(
                "Invalid Encoding Method specified in Request",
                "encoding-type",
                other,
            )),
        }
    }

    /// Writes a name.
    pub(super) fn encode(self, name: &str) -> String {
        if self.0 {
            url_path(name)
        } else {
            name.to_owned()
        }
    }

    /// `EncodingType`, to be repeated in the answer.
    pub(super) fn echo(self) -> Option<dto::EncodingType> {
        self.0
            .then(|| dto::EncodingType::from_static(dto::EncodingType::URL))
    }
}

/// Common prefixes as the codec has them.
pub(super) fn common_prefixes(
    prefixes: Vec<String>,
    encoding: Encoding,
) -> Option<Vec<dto::CommonPrefix>> {
    let prefix = |prefix: String| dto::CommonPrefix {
        prefix: Some(encoding.encode(&prefix)),
    };
    (!prefixes.is_empty()).then(|| prefixes.into_iter().map(prefix).collect())
}

/// How many entries a page may have: at most a thousand, as many if the client does not say.
pub(super) fn limit(name: &str, asked: Option<i32>) -> Result<usize, Fault> {
    match asked {
        None => Ok(1000),
        Some(asked) => match usize::try_from(asked) {
            Ok(asked) => Ok(asked.min(1000)),
            Err(_) => {
                let text = format!("Argument {name} must be an integer between 0 and 2147483647");
                Err(Fault::argument(text, name, &asked.to_string()))
            }
        },
    }
}

/// A small number as the codec has it.
pub(super) fn count(n: usize) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// A checksum in the five fields that the codec has for it.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) crc32: Option<String>,
    pub(super) crc32c: Option<String>,
    pub(super) crc64nvme: Option<String>,
    pub(super) sha1: Option<String>,
    pub(super) sha256: Option<String>,
    pub(super) kind: Option<dto::ChecksumType>,
}

impl Fields {
    /// Sorts a checksum in.
    pub(super) fn of(checksum: Option<&Checksum>) -> Self {
        let mut fields = Self::default();
        let Some(Checksum {
            algorithm,
            value,
            kind,
        }) = checksum
        else {
            return fields;
        };
        let field = match algorithm {
            Algorithm::Crc32 => &mut fields.crc32,
            Algorithm::Crc32c => &mut fields.crc32c,
            Algorithm::Crc64Nvme => &mut fields.crc64nvme,
            Algorithm::Sha1 => &mut fields.sha1,
            Algorithm::Sha256 => &mut fields.sha256,
        };
        *field = Some(value.clone());
        fields.kind = Some(checksum_type(*kind));
        fields
    }

    /// What is in the fields.
    pub(super) fn given(self) -> Vec<(Algorithm, String)> {
        let Self {
            crc32,
            crc32c,
            crc64nvme,
            sha1,
            sha256,
            kind: _,
        } = self;
        [
            (Algorithm::Crc32, crc32),
            (Algorithm::Crc32c, crc32c),
            (Algorithm::Crc64Nvme, crc64nvme),
            (Algorithm::Sha1, sha1),
            (Algorithm::Sha256, sha256),
        ]
        .into_iter()
        .filter_map(|(algorithm, value)| Some((algorithm, value?)))
        .collect()
    }
}

/// `ChecksumType`
pub(super) fn checksum_type(kind: ChecksumType) -> dto::ChecksumType {
    dto::ChecksumType::from_static(kind.name())
}

/// `ChecksumAlgorithm`
pub(super) fn checksum_algorithm(algorithm: Algorithm) -> dto::ChecksumAlgorithm {
    dto::ChecksumAlgorithm::from_static(algorithm.name())
}

/// The algorithm of that name.
pub(super) fn algorithm(name: Option<&dto::ChecksumAlgorithm>) -> Result<Option<Algorithm>, Fault> {
    let Some(name) = name.map(dto::ChecksumAlgorithm::as_str) else {
        return Ok(None);
    };
    match Algorithm::parse(name) {
        Some(algorithm) => Ok(Some(algorithm)),
        None => Err(Fault::new(
            Code::InvalidRequest,
            "Checksum algorithm provided is unsupported. Please try again with any of the valid types: [CRC32, CRC32C, \
             CRC64NVME, SHA1, SHA256]",
        )),
    }
}

/// User metadata, if it is not too much.
pub(super) fn user_metadata(
    metadata: Option<dto::Metadata>,
) -> Result<BTreeMap<String, String>, Fault> {
    let metadata: BTreeMap<String, String> = metadata.into_iter().flatten().collect();
    let size = metadata.iter().fold(0usize, |size, (name, value)| {
        size.saturating_add(name.len()).saturating_add(value.len())
    });
    if size > MAX_METADATA {
        return Err(Fault::from(Code::MetadataTooLarge)
            .with("Size", size.to_string())
            .with("MaxSizeAllowed", MAX_METADATA.to_string()));
    }
    Ok(metadata)
}

/// `Expires` as it is kept.
pub(super) fn expires(time: Option<&dto::Timestamp>) -> Option<String> {
    let mut text = Vec::new();
    time?
        .format(dto::TimestampFormat::HttpDate, &mut text)
        .ok()?;
    String::from_utf8(text).ok()
}

/// `Expires` as the codec has it.
pub(super) fn expires_of(headers: &Headers) -> Option<dto::Timestamp> {
    dto::Timestamp::parse(dto::TimestampFormat::HttpDate, headers.expires.as_deref()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_in_listings_can_be_encoded() {
        let url = Encoding::of(Some(&dto::EncodingType::from_static("url"))).unwrap();
        assert_eq!(url.encode("a b/ü+%\u{1}~"), "a%20b/%C3%BC%2B%25%01~");
        assert_eq!(Encoding::of(None).unwrap().encode("a b"), "a b");
        assert!(Encoding::of(Some(&dto::EncodingType::from_static("other"))).is_err());
    }

    #[test]
    fn pages_have_at_most_a_thousand_entries() {
        for (asked, expected) in [
            (None, Some(1000)),
            (Some(0), Some(0)),
            (Some(5), Some(5)),
            (Some(5000), Some(1000)),
            (Some(-1), None),
        ] {
            assert_eq!(limit("maxKeys", asked).ok(), expected);
        }
    }

    #[test]
    fn user_metadata_has_a_limit() {
        let metadata =
            |size: usize| Some(dto::Metadata::from([("k".to_owned(), "v".repeat(size))]));
        assert!(user_metadata(metadata(2047)).is_ok());
        assert_eq!(
            user_metadata(metadata(2048)).unwrap_err().code,
            "MetadataTooLarge"
        );
    }

    #[test]
    fn expires_survives() {
        let headers = Headers {
            expires: Some("Sun, 06 Nov 1994 08:49:37 GMT".into()),
            ..Headers::default()
        };
        assert_eq!(expires(expires_of(&headers).as_ref()), headers.expires);
    }
}
