//! What a signature says about the body.

use std::borrow::Cow;

use http::HeaderMap;
use http::header::HeaderName;
use http::request::Parts;

use crate::Dialect;
use crate::error::{Error, S3Error};

pub(crate) const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
pub(crate) const X_AMZ_DECODED_CONTENT_LENGTH: HeaderName =
    HeaderName::from_static("x-amz-decoded-content-length");
pub(crate) const X_AMZ_TRAILER: HeaderName = HeaderName::from_static("x-amz-trailer");

pub(crate) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
pub(crate) const STREAMING_SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
pub(crate) const STREAMING_SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
pub(crate) const STREAMING_UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";

/// More trailers than any client sends: there is one per checksum algorithm.
const MAX_TRAILERS: usize = 16;

/// What the body must be for a signature to cover it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Payload {
    /// The client declares this hash; the body must have it.
    Sha256([u8; 32]),
    /// The signature does not cover the body.
    Unsigned,
    /// The signature covers the hash of the body, which is not declared: read the body first.
    Buffered,
    /// The body is in chunks (`aws-chunked`; "Transferring payload in multiple chunks", Amazon S3
    /// API Reference): see [`Verified::chunks`](crate::Verified::chunks).
    Streaming {
        /// Whether each chunk has a signature.
        signed: bool,
        /// Whether trailers follow the last chunk.
        trailer: bool,
        /// `x-amz-decoded-content-length`: the length of the data without the framing.
        decoded_length: u64,
    },
}

/// The last line of the canonical request.
#[derive(Debug)]
pub(crate) enum PayloadLine<'r> {
    /// This text.
    Literal(Cow<'r, str>),
    /// The hash of the body, which must be the declared one if one is declared.
    BodyHash { declared: Option<Cow<'r, str>> },
}

impl<'r> PayloadLine<'r> {
    pub(crate) fn of(
        head: &'r Parts,
        dialect: Dialect,
        presigned: bool,
    ) -> Result<(Self, Payload), Error> {
        let declared = crate::claim::header_text(&head.headers, &X_AMZ_CONTENT_SHA256);
        match dialect {
            Dialect::General => Ok(Self::general(declared)),
            Dialect::S3 => Self::s3(head, declared, presigned).map_err(Error::S3),
        }
    }

    /// Here the body is the request, so `UNSIGNED-PAYLOAD` is a hash that no body has.
    fn general(declared: Option<Cow<'r, str>>) -> (Self, Payload) {
        let payload = declared
            .as_deref()
            .and_then(|text| crate::key::from_hex_lower(text.as_bytes()))
            .map_or(Payload::Buffered, Payload::Sha256);
        (Self::BodyHash { declared }, payload)
    }

    fn s3(
        head: &'r Parts,
        declared: Option<Cow<'r, str>>,
        presigned: bool,
    ) -> Result<(Self, Payload), S3Error> {
        let declared = match declared {
            Some(declared) => declared,
            None if presigned => Cow::Borrowed(UNSIGNED),
            None => return Err(S3Error::MissingContentSha256),
        };
        let streaming = |signed, trailer| {
            decoded_length(&head.headers).map(|decoded_length| Payload::Streaming {
                signed,
                trailer,
                decoded_length,
            })
        };
        let payload = match declared.as_ref() {
            UNSIGNED => Payload::Unsigned,
            STREAMING_SIGNED => streaming(true, false)?,
            STREAMING_SIGNED_TRAILER => streaming(true, true)?,
            STREAMING_UNSIGNED_TRAILER => streaming(false, true)?,
            hash => match crate::key::from_hex(hash.as_bytes()) {
                Some(hash) => Payload::Sha256(hash),
                None => {
                    return Err(S3Error::InvalidContentSha256 {
                        given: declared.into_owned(),
                    });
                }
            },
        };
        Ok((Self::Literal(declared), payload))
    }
}

/// The names that `x-amz-trailer` declares, in lower case.
pub(crate) fn trailers(headers: &HeaderMap) -> Result<Vec<String>, S3Error> {
    let mut names = Vec::new();
    for value in headers.get_all(X_AMZ_TRAILER) {
        let text = value.to_str().map_err(|_| S3Error::MalformedTrailer)?;
        for name in text.split(',') {
            let name = HeaderName::from_bytes(name.trim_ascii().as_bytes())
                .map_err(|_| S3Error::MalformedTrailer)?;
            if names.len() == MAX_TRAILERS {
                return Err(S3Error::MalformedTrailer);
            }
            names.push(name.as_str().to_owned());
        }
    }
    Ok(names)
}

fn decoded_length(headers: &HeaderMap) -> Result<u64, S3Error> {
    let text = crate::claim::header_text(headers, &X_AMZ_DECODED_CONTENT_LENGTH);
    text.filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|text| text.parse().ok())
        .ok_or(S3Error::MissingDecodedContentLength)
}
