//! What S3 computes over a body: the MD5 of the `ETag` and the additional checksums
//! (S3 User Guide, "Checking object integrity").

use aws_lc_rs::digest;
use crc_fast::CrcAlgorithm;
use data_encoding::{BASE64, HEXLOWER};
use md5::Digest as _;
use serde::{Deserialize, Serialize};

/// An additional checksum algorithm (`x-amz-checksum-*`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Ord, PartialOrd, Serialize, Deserialize)]
pub enum Algorithm {
    /// CRC-32 (ISO-HDLC).
    Crc32,
    /// CRC-32C (Castagnoli).
    Crc32c,
    /// CRC-64/NVME.
    Crc64Nvme,
    /// SHA-1.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// Every algorithm.
    pub const ALL: [Self; 5] = [
        Self::Crc32,
        Self::Crc32c,
        Self::Crc64Nvme,
        Self::Sha1,
        Self::Sha256,
    ];

    /// The name in `x-amz-checksum-algorithm`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    /// The header, and trailer, that carries a value.
    pub fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    /// The algorithm of that name, whatever its letter case.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    /// The algorithm whose values travel in that header or trailer.
    pub fn of_header(name: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|algorithm| algorithm.header().eq_ignore_ascii_case(name))
    }

    /// How many bytes its values have.
    pub fn size(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// The cyclic redundancy check behind it: what can be combined from parts.
    fn crc(self) -> Option<CrcAlgorithm> {
        match self {
            Self::Crc32 => Some(CrcAlgorithm::Crc32IsoHdlc),
            Self::Crc32c => Some(CrcAlgorithm::Crc32Iscsi),
            Self::Crc64Nvme => Some(CrcAlgorithm::Crc64Nvme),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// Whether a checksum of a whole object can be had from those of its parts.
    pub fn combines(self) -> bool {
        self.crc().is_some()
    }
}

/// How the checksum of a multipart object relates to its parts' (`x-amz-checksum-type`).
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum ChecksumType {
    /// Over the checksums of the parts, `-N` appended.
    Composite,
    /// Over the bytes of the object.
    FullObject,
}

impl ChecksumType {
    /// The name in `x-amz-checksum-type`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Composite => "COMPOSITE",
            Self::FullObject => "FULL_OBJECT",
        }
    }

    /// The type of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Self::Composite, Self::FullObject]
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// One additional checksum of an object or part.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Checksum {
    /// The algorithm.
    pub algorithm: Algorithm,
    /// The value in base64, with `-N` behind it when composite.
    pub value: String,
    /// What it was computed over.
    pub kind: ChecksumType,
}

/// The digests of a body that is being received.
pub struct Hasher {
    md5: md5::Md5,
    others: Vec<(Algorithm, State)>,
}

enum State {
    Crc(Box<crc_fast::Digest>),
    Sha(digest::Context),
}

impl Hasher {
    /// Computes MD5 and the given checksums.
    pub fn new(algorithms: &[Algorithm]) -> Self {
        let others = algorithms
            .iter()
            .map(|algorithm| (*algorithm, State::new(*algorithm)))
            .collect();
        Self {
            md5: md5::Md5::new(),
            others,
        }
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.md5.update(bytes);
        for (_, state) in &mut self.others {
            state.update(bytes);
        }
    }

    /// The values over everything taken.
    pub fn finish(self) -> Digests {
        let checksums = self
            .others
            .into_iter()
            .map(|(algorithm, state)| Checksum {
                algorithm,
                value: BASE64.encode(&state.finish(algorithm.size())),
                kind: ChecksumType::FullObject,
            })
            .collect();
        Digests {
            md5: self.md5.finalize().into(),
            checksums,
        }
    }
}

impl State {
    fn new(algorithm: Algorithm) -> Self {
        match (algorithm.crc(), algorithm) {
            (Some(crc), _) => Self::Crc(Box::new(crc_fast::Digest::new(crc))),
            (None, Algorithm::Sha1) => {
                Self::Sha(digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY))
            }
            (None, _) => Self::Sha(digest::Context::new(&digest::SHA256)),
        }
    }

    fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(crc) => crc.update(bytes),
            Self::Sha(sha) => sha.update(bytes),
        }
    }

    /// The value: the low `len` bytes of a CRC, big-endian; all of a SHA.
    fn finish(self, len: usize) -> Vec<u8> {
        match self {
            Self::Crc(crc) => {
                let bytes = crc.finalize().to_be_bytes();
                bytes
                    .get(bytes.len().saturating_sub(len)..)
                    .unwrap_or(&bytes)
                    .to_vec()
            }
            Self::Sha(sha) => sha.finish().as_ref().to_vec(),
        }
    }
}

/// The digests of a received body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Digests {
    /// The MD5, raw.
    pub md5: [u8; 16],
    /// The checksums asked for.
    pub checksums: Vec<Checksum>,
}

impl Digests {
    /// The entity tag of a body stored in one piece, without quotes.
    pub fn etag(&self) -> String {
        HEXLOWER.encode(&self.md5)
    }

    /// The value of one of the checksums that were computed, in base64.
    pub fn value(&self, algorithm: Algorithm) -> Option<&str> {
        self.checksums
            .iter()
            .find(|sum| sum.algorithm == algorithm)
            .map(|sum| sum.value.as_str())
    }
}

/// The entity tag of a multipart object: the MD5 over its parts' MD5s, and their number.
/// `None` if an entity tag among them is not that of a part.
pub(super) fn multipart_etag<'a>(parts: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let mut hasher = md5::Md5::new();
    let mut count = 0usize;
    for part in parts {
        hasher.update(HEXLOWER.decode(part.as_bytes()).ok()?);
        count = count.saturating_add(1);
    }
    Some(format!("{}-{count}", HEXLOWER.encode(&hasher.finalize())))
}

/// The checksum of a multipart object from its parts' values (base64) and sizes, in order.
/// `None` if a value is not one of that algorithm, or the type cannot be had from parts.
pub(super) fn multipart_checksum(
    algorithm: Algorithm,
    kind: ChecksumType,
    parts: &[(&str, u64)],
) -> Option<Checksum> {
    let decoded = |value: &str| {
        BASE64
            .decode(value.as_bytes())
            .ok()
            .filter(|raw| raw.len() == algorithm.size())
    };
    let value = match kind {
        ChecksumType::Composite => {
            let mut state = State::new(algorithm);
            for (value, _) in parts {
                state.update(&decoded(value)?);
            }
            format!(
                "{}-{}",
                BASE64.encode(&state.finish(algorithm.size())),
                parts.len()
            )
        }
        ChecksumType::FullObject => {
            let crc = algorithm.crc()?;
            let number = |raw: Vec<u8>| {
                raw.into_iter()
                    .fold(0u64, |n, byte| n << 8 | u64::from(byte))
            };
            let mut total = crc_fast::Digest::new(crc).finalize();
            for (value, size) in parts {
                total = crc_fast::checksum_combine(crc, total, number(decoded(value)?), *size);
            }
            let bytes = total.to_be_bytes();
            BASE64.encode(bytes.get(bytes.len().saturating_sub(algorithm.size())..)?)
        }
    };
    Some(Checksum {
        algorithm,
        value,
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn digests(bytes: &[u8]) -> Digests {
        let mut hasher = Hasher::new(&Algorithm::ALL);
        hasher.update(bytes);
        hasher.finish()
    }

    #[test]
    fn the_check_values_of_each_algorithm() {
        // The catalogue's check input, and the values published for it.
        let digests = digests(b"123456789");
        assert_eq!(digests.etag(), "25f9e794323b453885f5181f1b624d0b");
        for (algorithm, hex) in [
            (Algorithm::Crc32, "cbf43926"),
            (Algorithm::Crc32c, "e3069283"),
            (Algorithm::Crc64Nvme, "ae8b14860a799888"),
            (Algorithm::Sha1, "f7c3bc1d808e04732adf679965ccc34ca7ae3441"),
            (
                Algorithm::Sha256,
                "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
            ),
        ] {
            let expected = BASE64.encode(&HEXLOWER.decode(hex.as_bytes()).unwrap());
            assert_eq!(
                digests.value(algorithm),
                Some(expected.as_str()),
                "{}",
                algorithm.name()
            );
        }
    }

    #[test]
    fn a_multipart_etag_is_the_md5_of_md5s() {
        // MD5 of the two raw MD5s of "a" and "b".
        let parts = [
            "0cc175b9c0f1b6a831c399e269772661",
            "92eb5ffee6ae2fec3ad71c777531578f",
        ];
        assert_eq!(
            multipart_etag(parts).as_deref(),
            Some("96e024ba2074fe77e8e965ba43a704be-2")
        );
        assert_eq!(multipart_etag(["not a tag"]), None);
    }

    #[test]
    fn full_object_checksums_combine_to_that_of_the_whole() {
        let whole = b"the quick brown fox jumps over the lazy dog".repeat(1000);
        let (first, second) = whole.split_at(12_345);
        for algorithm in Algorithm::ALL
            .into_iter()
            .filter(|algorithm| algorithm.combines())
        {
            let (a, b) = (digests(first), digests(second));
            let parts = [
                (a.value(algorithm).unwrap(), first.len() as u64),
                (b.value(algorithm).unwrap(), second.len() as u64),
            ];
            let combined = multipart_checksum(algorithm, ChecksumType::FullObject, &parts).unwrap();
            assert_eq!(
                Some(combined.value.as_str()),
                digests(&whole).value(algorithm),
                "{}",
                algorithm.name()
            );
        }
        assert_eq!(
            multipart_checksum(Algorithm::Sha1, ChecksumType::FullObject, &[]),
            None
        );
    }

    #[test]
    fn a_composite_checksum_counts_its_parts() {
        let part = digests(b"part");
        let value = part.value(Algorithm::Sha256).unwrap();
        let composite = multipart_checksum(
            Algorithm::Sha256,
            ChecksumType::Composite,
            &[(value, 4), (value, 4)],
        )
        .unwrap();
        let raw = BASE64.decode(value.as_bytes()).unwrap();
        let expected = digests(&[raw.clone(), raw].concat());
        assert_eq!(
            composite.value,
            format!("{}-2", expected.value(Algorithm::Sha256).unwrap())
        );
        assert_eq!(
            multipart_checksum(Algorithm::Crc32, ChecksumType::Composite, &[("AAAA", 1)]),
            None
        );
    }
}
