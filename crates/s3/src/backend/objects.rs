//! Operations on objects.

use super::conditions::{Conditions, condition, conditional};
use super::convert::{
    Fields, algorithm, etag, expires, expires_of, size, timestamp, user_metadata,
};
use super::{Call, MAX_OBJECT};
use crate::access::{null_version, object_arn};
use crate::digests::Expected;
use crate::disk::{Checksum, ChecksumType, Condition, Content, Headers, Object, Put};
use crate::fault::{Code, Fault};
use locum_identity::caller::Need;
use s3s::dto;
use std::collections::BTreeMap;
use std::ops::Range;

/// What an object has for a content type that was given none.
const UNTYPED: &str = "binary/octet-stream";

/// The most keys that one request may delete.
const MAX_KEYS: usize = 1000;

/// What of an object is asked for.
struct Slice {
    range: Range<u64>,
    /// Whether it is a part of the whole, and the answer says so.
    partial: bool,
    checksum: Option<Checksum>,
}

async fn slice(
    object: &Object,
    content: &Content,
    asked: Option<&dto::Range>,
    part: Option<i32>,
) -> Result<Slice, Fault> {
    let whole = Slice {
        range: 0..object.size,
        partial: false,
        checksum: object.checksum.clone(),
    };
    match (asked, part) {
        (None, None) => Ok(whole),
        (Some(_), Some(_)) => Err(Fault::new(
            Code::InvalidRequest,
            "Cannot specify both Range header and partNumber query parameter",
        )),
        (Some(asked), None) => {
            let unsatisfiable = || {
                Fault::from(Code::InvalidRange)
                    .with("RangeRequested", asked.to_header_string())
                    .with("ActualObjectSize", object.size.to_string())
                    .header(
                        http::header::CONTENT_RANGE,
                        &format!("bytes */{}", object.size),
                    )
            };
            let range = asked
                .check(object.size)
                .ok()
                .filter(|range| !range.is_empty())
                .ok_or_else(unsatisfiable)?;
            Ok(Slice {
                range,
                partial: true,
                checksum: None,
            })
        }
        (None, Some(part)) => {
            let number = part_number(part)?;
            let found = content
                .part(number)
                .await
                .map_err(|error| Fault::of_store(error, ""))?;
            let (range, checksum) = found.ok_or_else(|| {
                Fault::from(Code::InvalidPartNumber)
                    .with("PartNumberRequested", number.to_string())
                    .with("ActualPartCount", object.parts.unwrap_or(1).to_string())
            })?;
            if range.is_empty() {
                return Ok(whole);
            }
            let checksum = if object.parts.is_some() {
                checksum
            } else {
                object.checksum.clone()
            };
            Ok(Slice {
                range,
                partial: true,
                checksum,
            })
        }
    }
}

/// A part number that can be one.
pub(super) fn part_number(part: i32) -> Result<u32, Fault> {
    match part {
        1..=10_000 => Ok(part.unsigned_abs()),
        _ => {
            let text = "Part number must be an integer between 1 and 10000, inclusive";
            Err(Fault::argument(text, "partNumber", &part.to_string()))
        }
    }
}

/// `Content-Range`
fn content_range(slice: &Slice, object: &Object) -> Option<String> {
    let last = slice.range.end.saturating_sub(1);
    slice
        .partial
        .then(|| format!("bytes {}-{last}/{}", slice.range.start, object.size))
}

fn user(headers: &Headers) -> Option<dto::Metadata> {
    (!headers.user.is_empty()).then(|| headers.user.clone().into_iter().collect())
}

pub(super) async fn get(
    call: &Call,
    input: dto::GetObjectInput,
) -> Result<dto::GetObjectOutput, Fault> {
    let overrides = input.response_cache_control.is_some()
        || input.response_content_disposition.is_some()
        || input.response_content_encoding.is_some()
        || input.response_content_language.is_some()
        || input.response_content_type.is_some()
        || input.response_expires.is_some();
    if overrides && call.context.signature.is_none() {
        return Err(Fault::new(
            Code::InvalidRequest,
            "Request specific response headers cannot be used for anonymous GET requests.",
        ));
    }
    let (object, content) = call.read(call.bucket()?, &input.key).await?;
    let conditions = Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    conditions.check(&object)?;
    let slice = slice(&object, &content, input.range.as_ref(), input.part_number).await?;
    let wants_checksum = input
        .checksum_mode
        .is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED);
    let fields = Fields::of(slice.checksum.as_ref().filter(|_| wants_checksum));
    let length = slice.range.end.saturating_sub(slice.range.start);
    Ok(dto::GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(dto::StreamingBlob::wrap(content.read(slice.range.clone()))),
        cache_control: object.headers.cache_control.clone(),
        checksum_crc32: fields.crc32,
        checksum_crc32c: fields.crc32c,
        checksum_crc64nvme: fields.crc64nvme,
        checksum_sha1: fields.sha1,
        checksum_sha256: fields.sha256,
        checksum_type: fields.kind,
        content_disposition: object.headers.content_disposition.clone(),
        content_encoding: object.headers.content_encoding.clone(),
        content_language: object.headers.content_language.clone(),
        content_length: Some(size(length)),
        content_range: content_range(&slice, &object),
        content_type: Some(
            object
                .headers
                .content_type
                .clone()
                .unwrap_or_else(|| UNTYPED.to_owned()),
        ),
        e_tag: Some(etag(&object.etag)),
        expires: expires_of(&object.headers),
        last_modified: Some(timestamp(object.modified)),
        metadata: user(&object.headers),
        parts_count: parts_count(&object, input.part_number),
        ..dto::GetObjectOutput::default()
    })
}

pub(super) async fn head(
    call: &Call,
    input: dto::HeadObjectInput,
) -> Result<dto::HeadObjectOutput, Fault> {
    let (object, content) = call.read(call.bucket()?, &input.key).await?;
    let conditions = Conditions {
        if_match: input.if_match,
        if_none_match: input.if_none_match,
        if_modified_since: input.if_modified_since,
        if_unmodified_since: input.if_unmodified_since,
    };
    conditions.check(&object)?;
    let slice = slice(&object, &content, input.range.as_ref(), input.part_number).await?;
    let wants_checksum = input
        .checksum_mode
        .is_some_and(|mode| mode.as_str() == dto::ChecksumMode::ENABLED);
    let fields = Fields::of(slice.checksum.as_ref().filter(|_| wants_checksum));
    Ok(dto::HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        cache_control: object.headers.cache_control.clone(),
        checksum_crc32: fields.crc32,
        checksum_crc32c: fields.crc32c,
        checksum_crc64nvme: fields.crc64nvme,
        checksum_sha1: fields.sha1,
        checksum_sha256: fields.sha256,
        checksum_type: fields.kind,
        content_disposition: object.headers.content_disposition.clone(),
        content_encoding: object.headers.content_encoding.clone(),
        content_language: object.headers.content_language.clone(),
        content_length: Some(size(slice.range.end.saturating_sub(slice.range.start))),
        content_range: content_range(&slice, &object),
        content_type: Some(
            object
                .headers
                .content_type
                .clone()
                .unwrap_or_else(|| UNTYPED.to_owned()),
        ),
        e_tag: Some(etag(&object.etag)),
        expires: expires_of(&object.headers),
        last_modified: Some(timestamp(object.modified)),
        metadata: user(&object.headers),
        parts_count: parts_count(&object, input.part_number),
        ..dto::HeadObjectOutput::default()
    })
}

fn parts_count(object: &Object, asked: Option<i32>) -> Option<i32> {
    asked
        .and(object.parts)
        .and_then(|parts| i32::try_from(parts).ok())
}

pub(super) async fn put(
    call: &Call,
    input: dto::PutObjectInput,
) -> Result<dto::PutObjectOutput, Fault> {
    let expected = Expected::of(&call.headers, &call.context)?;
    let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let headers = Headers {
        expires: expires(input.expires.as_ref()),
        content_type: input.content_type,
        cache_control: input.cache_control,
        content_disposition: input.content_disposition,
        content_encoding: input.content_encoding,
        content_language: input.content_language,
        user: user_metadata(input.metadata)?,
    };
    let address = call.address()?;
    let received = call.receive(input.body, &expected).await?;
    let put = Put {
        bucket: address,
        key: input.key.clone(),
        headers,
        checksum: expected.kept(),
        condition: condition.clone(),
        now: call.now(),
    };
    let object = call
        .objects
        .put(put, received)
        .await
        .map_err(|error| conditional(error, &condition, &input.key))?;
    let fields = Fields::of(object.checksum.as_ref());
    Ok(dto::PutObjectOutput {
        checksum_crc32: fields.crc32,
        checksum_crc32c: fields.crc32c,
        checksum_crc64nvme: fields.crc64nvme,
        checksum_sha1: fields.sha1,
        checksum_sha256: fields.sha256,
        checksum_type: fields.kind,
        e_tag: Some(etag(&object.etag)),
        ..dto::PutObjectOutput::default()
    })
}

pub(super) async fn copy(
    call: &Call,
    input: dto::CopyObjectInput,
) -> Result<dto::CopyObjectOutput, Fault> {
    let replace = match input
        .metadata_directive
        .as_ref()
        .map(dto::MetadataDirective::as_str)
    {
        None | Some("COPY") => false,
        Some("REPLACE") => true,
        Some(other) => {
            return Err(Fault::argument(
                "Unknown metadata directive.",
                "x-amz-metadata-directive",
                other,
            ));
        }
    };
    let wanted = algorithm(input.checksum_algorithm.as_ref())?;
    let (source_bucket, source_address, source_key) = call.source()?;
    let address = call.address()?;
    if !replace && source_address == address && source_key == input.key {
        return Err(Fault::new(
            Code::InvalidRequest,
            "This copy request is illegal because it is trying to copy an object to itself without changing the \
             object's metadata, storage class, website redirect location or encryption attributes.",
        ));
    }
    let (source, content) = call.read(source_bucket, source_key).await?;
    let conditions = Conditions {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    conditions.check_source(&source)?;
    if source.size > MAX_OBJECT {
        let text = format!(
            "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_OBJECT}"
        );
        return Err(Fault::new(Code::InvalidRequest, text));
    }
    let headers = if replace {
        Headers {
            expires: expires(input.expires.as_ref()),
            content_type: input.content_type,
            cache_control: input.cache_control,
            content_disposition: input.content_disposition,
            content_encoding: input.content_encoding,
            content_language: input.content_language,
            user: user_metadata(input.metadata)?,
        }
    } else {
        source.headers
    };
    // The copy is in one piece, and so is its checksum.
    let checksum = wanted.or_else(|| source.checksum.map(|sum| sum.algorithm));
    let received = call
        .duplicate(&content, 0..source.size, checksum.as_slice())
        .await?;
    let put = Put {
        bucket: address,
        key: input.key.clone(),
        headers,
        checksum,
        condition: Condition::None,
        now: call.now(),
    };
    let object = call
        .objects
        .put(put, received)
        .await
        .map_err(|error| Fault::of_store(error, &input.key))?;
    let fields = Fields::of(object.checksum.as_ref());
    Ok(dto::CopyObjectOutput {
        copy_object_result: Some(dto::CopyObjectResult {
            checksum_crc32: fields.crc32,
            checksum_crc32c: fields.crc32c,
            checksum_crc64nvme: fields.crc64nvme,
            checksum_sha1: fields.sha1,
            checksum_sha256: fields.sha256,
            checksum_type: fields
                .kind
                .or_else(|| {
                    Some(dto::ChecksumType::from_static(
                        ChecksumType::FullObject.name(),
                    ))
                })
                .filter(|_| checksum.is_some()),
            e_tag: Some(etag(&object.etag)),
            last_modified: Some(timestamp(object.modified)),
        }),
        ..dto::CopyObjectOutput::default()
    })
}

pub(super) async fn delete(
    call: &Call,
    input: dto::DeleteObjectInput,
) -> Result<dto::DeleteObjectOutput, Fault> {
    let condition = condition(input.if_match.as_ref(), None)?;
    let outcome = call
        .objects
        .delete(&call.address()?, &input.key, condition.clone())
        .await;
    outcome.map_err(|error| conditional(error, &condition, &input.key))?;
    Ok(dto::DeleteObjectOutput::default())
}

pub(super) async fn delete_all(
    call: &Call,
    input: dto::DeleteObjectsInput,
) -> Result<dto::DeleteObjectsOutput, Fault> {
    let bucket = call.bucket()?;
    let asked = input.delete.objects;
    if asked.is_empty() || asked.len() > MAX_KEYS {
        return Err(Code::MalformedXML.into());
    }
    // "The Content-MD5 request header is required", or one of the additional checksums.
    if Expected::of(&call.headers, &call.context)?.is_empty() {
        return Err(Fault::new(
            Code::InvalidRequest,
            "Missing required header for this request: Content-MD5",
        ));
    }
    // Each key by itself, in the order in which they were given, each once.
    let mut allowed = Vec::new();
    let mut deleted = Vec::new();
    let mut errors = Vec::new();
    let mut seen = BTreeMap::new();
    for object in asked {
        let dto::ObjectIdentifier {
            key,
            version_id,
            e_tag,
            last_modified_time,
            size,
        } = object;
        let verdict = seen
            .entry((key.clone(), version_id.clone()))
            .or_insert_with(|| {
                if key.is_empty() || key.len() > 1024 || key.contains('\0') {
                    return Err(Fault::new(
                        Code::InvalidArgument,
                        "The key is not one that an object can have.",
                    ));
                }
                let action = if version_id.is_some() {
                    "s3:DeleteObjectVersion"
                } else {
                    "s3:DeleteObject"
                };
                let need =
                    Need::new(action, object_arn(&bucket.bucket.name, &key)).in_bucket(bucket);
                call.context.allow_one_of_many(&need, &call.granted.keys)?;
                null_version(version_id.as_deref())?;
                if e_tag.is_some() || last_modified_time.is_some() || size.is_some() {
                    return Err(Fault::new(
                        Code::NotImplemented,
                        "Conditional deletes of several objects are not implemented",
                    ));
                }
                Ok(())
            });
        match verdict {
            Ok(()) => {
                allowed.push(key.clone());
                deleted.push(dto::DeletedObject {
                    key: Some(key),
                    version_id,
                    ..dto::DeletedObject::default()
                });
            }
            Err(fault) => errors.push(dto::Error {
                code: Some(fault.code.to_string()),
                key: Some(key),
                message: Some(fault.message.to_string()),
                version_id,
            }),
        }
    }
    call.objects
        .delete_all(&call.address()?, allowed)
        .await
        .map_err(|error| Fault::of_store(error, ""))?;
    let quiet = input.delete.quiet == Some(true);
    Ok(dto::DeleteObjectsOutput {
        deleted: (!quiet).then_some(deleted),
        errors: Some(errors),
        request_charged: None,
    })
}
