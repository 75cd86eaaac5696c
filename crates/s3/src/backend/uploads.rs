//! Multipart uploads.

use super::conditions::{Conditions, condition, conditional};
use super::convert::{
    Encoding, Fields, algorithm, checksum_algorithm, checksum_type, common_prefixes, count, etag,
    expires, limit, owner, owner_id, size, timestamp, url_path, user_metadata,
};
use super::objects::part_number;
use super::{Call, MAX_OBJECT};
use crate::digests::Expected;
use crate::disk::{
    self, Algorithm, ChecksumType, Completed, CompletedPart, Headers, ListParts, ListUploads,
    NewUpload, Upload,
};
use crate::fault::{Code, Fault};
use crate::service::header;
use s3s::dto;
use std::ops::Range;

pub(super) async fn create(
    call: &Call,
    input: dto::CreateMultipartUploadInput,
) -> Result<dto::CreateMultipartUploadOutput, Fault> {
    let checksum = checksum(
        algorithm(input.checksum_algorithm.as_ref())?,
        input.checksum_type.as_ref(),
    )?;
    let headers = Headers {
        expires: expires(input.expires.as_ref()),
        content_type: input.content_type,
        cache_control: input.cache_control,
        content_disposition: input.content_disposition,
        content_encoding: input.content_encoding,
        content_language: input.content_language,
        user: user_metadata(input.metadata)?,
    };
    let new = NewUpload {
        bucket: call.address()?,
        key: input.key.clone(),
        headers,
        checksum,
        initiator: call.context.caller.arn().unwrap_or("anonymous").to_owned(),
        now: call.now(),
    };
    let id = call
        .objects
        .create_upload(new)
        .await
        .map_err(|error| Fault::of_store(error, &input.key))?;
    Ok(dto::CreateMultipartUploadOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(id),
        checksum_algorithm: checksum.map(|(algorithm, _)| checksum_algorithm(algorithm)),
        checksum_type: checksum.map(|(_, kind)| checksum_type(kind)),
        ..dto::CreateMultipartUploadOutput::default()
    })
}

/// What is to be computed over the whole. Not every algorithm can do both.
fn checksum(
    algorithm: Option<Algorithm>,
    kind: Option<&dto::ChecksumType>,
) -> Result<Option<(Algorithm, ChecksumType)>, Fault> {
    let kind = match kind.map(dto::ChecksumType::as_str) {
        None => None,
        Some(name) => Some(ChecksumType::parse(name).ok_or_else(|| {
            Fault::new(
                Code::InvalidRequest,
                "Value for x-amz-checksum-type header is invalid.",
            )
        })?),
    };
    let Some(algorithm) = algorithm else {
        return match kind {
            None => Ok(None),
            Some(_) => Err(Fault::new(
                Code::InvalidRequest,
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            )),
        };
    };
    let kind = kind.unwrap_or(match algorithm {
        Algorithm::Crc64Nvme => ChecksumType::FullObject,
        Algorithm::Crc32 | Algorithm::Crc32c | Algorithm::Sha1 | Algorithm::Sha256 => {
            ChecksumType::Composite
        }
    });
    let possible = match kind {
        ChecksumType::Composite => algorithm != Algorithm::Crc64Nvme,
        ChecksumType::FullObject => algorithm.combines(),
    };
    if possible {
        return Ok(Some((algorithm, kind)));
    }
    Err(Fault::new(
        Code::InvalidRequest,
        format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind.name(),
            algorithm.name().to_ascii_lowercase()
        ),
    ))
}

async fn upload(call: &Call, key: &str, id: &str) -> Result<Upload, Fault> {
    let found = call.objects.upload(&call.address()?, key, id).await;
    found.map_err(|error| of_upload(error, key, id))
}

fn of_upload(error: disk::Error, key: &str, id: &str) -> Fault {
    match error {
        error @ (disk::Error::NoSuchUpload
        | disk::Error::InvalidPart
        | disk::Error::InvalidPartOrder) => Fault::of_store(error, key).with("UploadId", id),
        error => Fault::of_store(error, key),
    }
}

pub(super) async fn put_part(
    call: &Call,
    input: dto::UploadPartInput,
) -> Result<dto::UploadPartOutput, Fault> {
    let number = part_number(input.part_number)?;
    let mut expected = Expected::of(&call.headers, &call.context)?;
    let upload = upload(call, &input.key, &input.upload_id).await?;
    if let Some((algorithm, _)) = upload.checksum {
        if expected.kept().is_some_and(|kept| kept != algorithm) {
            return Err(Fault::new(
                Code::InvalidRequest,
                format!(
                    "Checksum Type mismatch occurred, expected checksum Type: {}, actual checksum Type: {}",
                    algorithm.name().to_ascii_lowercase(),
                    expected
                        .kept()
                        .map(Algorithm::name)
                        .unwrap_or_default()
                        .to_ascii_lowercase(),
                ),
            ));
        }
        expected.also(algorithm);
    }
    let received = call.receive(input.body, &expected).await?;
    let computed = expected.kept().and_then(|kept| {
        received
            .digests
            .checksums
            .iter()
            .find(|sum| sum.algorithm == kept)
            .cloned()
    });
    let part = call
        .objects
        .put_part(
            &call.address()?,
            &input.key,
            &input.upload_id,
            number,
            call.now(),
            received,
        )
        .await
        .map_err(|error| of_upload(error, &input.key, &input.upload_id))?;
    let fields = Fields::of(part.checksum.as_ref().or(computed.as_ref()));
    Ok(dto::UploadPartOutput {
        checksum_crc32: fields.crc32,
        checksum_crc32c: fields.crc32c,
        checksum_crc64nvme: fields.crc64nvme,
        checksum_sha1: fields.sha1,
        checksum_sha256: fields.sha256,
        e_tag: Some(etag(&part.etag)),
        ..dto::UploadPartOutput::default()
    })
}

pub(super) async fn copy_part(
    call: &Call,
    input: dto::UploadPartCopyInput,
) -> Result<dto::UploadPartCopyOutput, Fault> {
    let number = part_number(input.part_number)?;
    let upload = upload(call, &input.key, &input.upload_id).await?;
    let (source_bucket, _, source_key) = call.source()?;
    let (source, content) = call.read(source_bucket, source_key).await?;
    let conditions = Conditions {
        if_match: input.copy_source_if_match,
        if_none_match: input.copy_source_if_none_match,
        if_modified_since: input.copy_source_if_modified_since,
        if_unmodified_since: input.copy_source_if_unmodified_since,
    };
    conditions.check_source(&source)?;
    let range = copied_range(input.copy_source_range.as_deref(), source.size)?;
    if range.end.saturating_sub(range.start) > MAX_OBJECT {
        let text = format!(
            "The specified copy source is larger than the maximum allowable size for a copy source: {MAX_OBJECT}"
        );
        return Err(Fault::new(Code::InvalidRequest, text));
    }
    let algorithm = upload.checksum.map(|(algorithm, _)| algorithm);
    let received = call
        .duplicate(&content, range, algorithm.as_slice())
        .await?;
    let part = call
        .objects
        .put_part(
            &call.address()?,
            &input.key,
            &input.upload_id,
            number,
            call.now(),
            received,
        )
        .await
        .map_err(|error| of_upload(error, &input.key, &input.upload_id))?;
    let fields = Fields::of(part.checksum.as_ref());
    Ok(dto::UploadPartCopyOutput {
        copy_part_result: Some(dto::CopyPartResult {
            checksum_crc32: fields.crc32,
            checksum_crc32c: fields.crc32c,
            checksum_crc64nvme: fields.crc64nvme,
            checksum_sha1: fields.sha1,
            checksum_sha256: fields.sha256,
            e_tag: Some(etag(&part.etag)),
            last_modified: Some(timestamp(part.modified)),
        }),
        ..dto::UploadPartCopyOutput::default()
    })
}

/// `x-amz-copy-source-range`: both ends are needed, and must be inside.
fn copied_range(text: Option<&str>, whole: u64) -> Result<Range<u64>, Fault> {
    let Some(text) = text else {
        return Ok(0..whole);
    };
    let (first, last) = match dto::Range::parse(text) {
        Ok(dto::Range::Int {
            first,
            last: Some(last),
        }) => (first, last),
        Ok(_) | Err(_) => {
            let sentence = "The x-amz-copy-source-range value must be of the form bytes=first-last where first and \
                            last are the zero-based offsets of the first and last bytes to copy";
            return Err(Fault::argument(sentence, "x-amz-copy-source-range", text));
        }
    };
    if last >= whole {
        let sentence = format!("Range specified is not valid for source object of size: {whole}");
        return Err(Fault::argument(sentence, "x-amz-copy-source-range", text));
    }
    Ok(first..last.saturating_add(1))
}

pub(super) async fn complete(
    call: &Call,
    input: dto::CompleteMultipartUploadInput,
) -> Result<dto::CompleteMultipartUploadOutput, Fault> {
    let condition = condition(input.if_match.as_ref(), input.if_none_match.as_ref())?;
    let listed = input
        .multipart_upload
        .and_then(|upload| upload.parts)
        .unwrap_or_default();
    if listed.is_empty() {
        return Err(Code::MalformedXML.into());
    }
    let parts = listed
        .into_iter()
        .map(completed_part)
        .collect::<Result<Vec<_>, _>>()?;
    let upload = upload(call, &input.key, &input.upload_id).await?;
    if let Some(kind) = &input.checksum_type
        && upload
            .checksum
            .is_none_or(|(_, stored)| stored.name() != kind.as_str())
    {
        let stored = upload.checksum.map_or("null", |(_, kind)| kind.name());
        return Err(Fault::new(
            Code::InvalidRequest,
            format!(
                "The upload was created using the {stored} checksum mode. The complete request must use the same checksum \
                 mode."
            ),
        ));
    }
    let checksums = Fields {
        crc32: input.checksum_crc32,
        crc32c: input.checksum_crc32c,
        crc64nvme: input.checksum_crc64nvme,
        sha1: input.checksum_sha1,
        sha256: input.checksum_sha256,
        kind: None,
    };
    let completed = Completed {
        bucket: call.address()?,
        key: input.key.clone(),
        upload: input.upload_id.clone(),
        parts,
        checksums: checksums.given(),
        size: input
            .mpu_object_size
            .map(u64::try_from)
            .transpose()
            .map_err(|_| {
                Fault::new(
                    Code::InvalidRequest,
                    "Value for x-amz-mp-object-size header is invalid.",
                )
            })?,
        condition: condition.clone(),
        now: call.now(),
    };
    let object = call
        .objects
        .complete_upload(completed)
        .await
        .map_err(|error| match error {
            error @ disk::Error::PreconditionFailed => conditional(error, &condition, &input.key),
            error => of_upload(error, &input.key, &input.upload_id),
        })?;
    let fields = Fields::of(object.checksum.as_ref());
    Ok(dto::CompleteMultipartUploadOutput {
        location: Some(location(call, &input.bucket, &input.key)),
        bucket: Some(input.bucket),
        key: Some(input.key),
        checksum_crc32: fields.crc32,
        checksum_crc32c: fields.crc32c,
        checksum_crc64nvme: fields.crc64nvme,
        checksum_sha1: fields.sha1,
        checksum_sha256: fields.sha256,
        checksum_type: fields.kind,
        e_tag: Some(etag(&object.etag)),
        ..dto::CompleteMultipartUploadOutput::default()
    })
}

/// The URL of an object, in the style of the request.
fn location(call: &Call, bucket: &str, key: &str) -> String {
    let scheme = if call.context.facts.secure_transport {
        "https"
    } else {
        "http"
    };
    let host = header(&call.headers, "host").unwrap_or_default();
    let key = url_path(key);
    if host
        .strip_prefix(bucket)
        .is_some_and(|rest| rest.starts_with('.'))
    {
        format!("{scheme}://{host}/{key}")
    } else {
        format!("{scheme}://{host}/{bucket}/{key}")
    }
}

fn completed_part(part: dto::CompletedPart) -> Result<CompletedPart, Fault> {
    let (Some(number), Some(tag)) = (part.part_number, part.e_tag) else {
        return Err(Code::MalformedXML.into());
    };
    let checksums = Fields {
        crc32: part.checksum_crc32,
        crc32c: part.checksum_crc32c,
        crc64nvme: part.checksum_crc64nvme,
        sha1: part.checksum_sha1,
        sha256: part.checksum_sha256,
        kind: None,
    };
    Ok(CompletedPart {
        number: part_number(number)?,
        etag: tag.value().to_owned(),
        checksums: checksums.given(),
    })
}

pub(super) async fn abort(
    call: &Call,
    input: dto::AbortMultipartUploadInput,
) -> Result<dto::AbortMultipartUploadOutput, Fault> {
    let outcome = call
        .objects
        .abort_upload(&call.address()?, &input.key, &input.upload_id)
        .await;
    outcome.map_err(|error| of_upload(error, &input.key, &input.upload_id))?;
    Ok(dto::AbortMultipartUploadOutput::default())
}

pub(super) async fn list_parts(
    call: &Call,
    input: dto::ListPartsInput,
) -> Result<dto::ListPartsOutput, Fault> {
    let limit = limit("max-parts", input.max_parts)?;
    let after = input.part_number_marker.unwrap_or_default();
    let list = ListParts {
        bucket: call.address()?,
        key: input.key.clone(),
        upload: input.upload_id.clone(),
        after: u32::try_from(after).map_err(|_| {
            let text = "Argument part-number-marker must be an integer between 0 and 2147483647";
            Fault::argument(text, "part-number-marker", &after.to_string())
        })?,
        limit,
    };
    let found = call.objects.list_parts(list).await;
    let page = found.map_err(|error| of_upload(error, &input.key, &input.upload_id))?;
    let last = page
        .parts
        .last()
        .and_then(|part| i32::try_from(part.number).ok());
    let part = |part: disk::Part| {
        let fields = Fields::of(part.checksum.as_ref());
        dto::Part {
            checksum_crc32: fields.crc32,
            checksum_crc32c: fields.crc32c,
            checksum_crc64nvme: fields.crc64nvme,
            checksum_sha1: fields.sha1,
            checksum_sha256: fields.sha256,
            e_tag: Some(etag(&part.etag)),
            last_modified: Some(timestamp(part.modified)),
            part_number: i32::try_from(part.number).ok(),
            size: Some(size(part.size)),
        }
    };
    Ok(dto::ListPartsOutput {
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        initiator: Some(initiator(&page.upload)),
        owner: Some(owner(call.bucket()?.owner)),
        checksum_algorithm: page
            .upload
            .checksum
            .map(|(algorithm, _)| checksum_algorithm(algorithm)),
        checksum_type: page.upload.checksum.map(|(_, kind)| checksum_type(kind)),
        is_truncated: Some(page.truncated),
        max_parts: Some(count(limit)),
        part_number_marker: Some(after),
        next_part_number_marker: Some(last.unwrap_or_default()),
        parts: Some(page.parts.into_iter().map(part).collect()),
        storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
        ..dto::ListPartsOutput::default()
    })
}

/// Who began an upload: a user by ARN, an account by its canonical id.
fn initiator(upload: &Upload) -> dto::Initiator {
    let arn = &upload.initiator;
    let root = arn
        .strip_suffix(":root")
        .and_then(|arn| arn.rsplit(':').next());
    dto::Initiator {
        display_name: None,
        id: Some(root.map_or_else(|| arn.clone(), owner_id)),
    }
}

pub(super) async fn list(
    call: &Call,
    input: dto::ListMultipartUploadsInput,
) -> Result<dto::ListMultipartUploadsOutput, Fault> {
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let limit = limit("max-uploads", input.max_uploads)?;
    let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
    let prefix = input.prefix.unwrap_or_default();
    let list = ListUploads {
        bucket: call.address()?,
        prefix: prefix.clone(),
        delimiter: delimiter.clone(),
        key_marker: input.key_marker.clone().filter(|marker| !marker.is_empty()),
        upload_marker: input.upload_id_marker.clone(),
        limit,
    };
    let page = call
        .objects
        .list_uploads(list)
        .await
        .map_err(|error| Fault::of_store(error, ""))?;
    let bucket_owner = owner(call.bucket()?.owner);
    let upload = |upload: Upload| dto::MultipartUpload {
        checksum_algorithm: upload
            .checksum
            .map(|(algorithm, _)| checksum_algorithm(algorithm)),
        checksum_type: upload.checksum.map(|(_, kind)| checksum_type(kind)),
        initiated: Some(timestamp(upload.initiated)),
        initiator: Some(initiator(&upload)),
        key: Some(encoding.encode(&upload.key)),
        owner: Some(bucket_owner.clone()),
        storage_class: Some(dto::StorageClass::from_static(dto::StorageClass::STANDARD)),
        upload_id: Some(upload.id),
    };
    let (next_key, next_upload) = page.next.unzip();
    Ok(dto::ListMultipartUploadsOutput {
        bucket: Some(input.bucket),
        common_prefixes: common_prefixes(page.prefixes, encoding),
        delimiter: delimiter.map(|delimiter| encoding.encode(&delimiter)),
        encoding_type: encoding.echo(),
        is_truncated: Some(next_key.is_some()),
        key_marker: Some(
            input
                .key_marker
                .map(|marker| encoding.encode(&marker))
                .unwrap_or_default(),
        ),
        max_uploads: Some(count(limit)),
        next_key_marker: next_key.map(|key| encoding.encode(&key)),
        next_upload_id_marker: next_upload,
        prefix: Some(encoding.encode(&prefix)),
        request_charged: None,
        upload_id_marker: Some(input.upload_id_marker.unwrap_or_default()),
        uploads: Some(page.uploads.into_iter().map(upload).collect()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_checksums_can_be_had_of_the_whole() {
        use Algorithm::{Crc32, Crc64Nvme, Sha256};
        use ChecksumType::{Composite, FullObject};
        let check = |algorithm, kind: Option<&'static str>, expected: Result<_, &str>| {
            let kind = kind.map(dto::ChecksumType::from_static);
            let outcome =
                checksum(algorithm, kind.as_ref()).map_err(|fault| fault.message.to_string());
            assert_eq!(outcome, expected.map_err(str::to_owned));
        };
        check(None, None, Ok(None));
        check(Some(Crc32), None, Ok(Some((Crc32, Composite))));
        check(
            Some(Crc32),
            Some("FULL_OBJECT"),
            Ok(Some((Crc32, FullObject))),
        );
        check(Some(Crc64Nvme), None, Ok(Some((Crc64Nvme, FullObject))));
        check(
            Some(Crc64Nvme),
            Some("COMPOSITE"),
            Err(
                "The COMPOSITE checksum type cannot be used with the crc64nvme checksum algorithm.",
            ),
        );
        check(
            Some(Sha256),
            Some("FULL_OBJECT"),
            Err("The FULL_OBJECT checksum type cannot be used with the sha256 checksum algorithm."),
        );
        check(
            None,
            Some("COMPOSITE"),
            Err(
                "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.",
            ),
        );
        check(
            Some(Crc32),
            Some("ODD"),
            Err("Value for x-amz-checksum-type header is invalid."),
        );
    }

    #[test]
    fn ranges_of_copied_parts_are_inside() {
        let check = |text: Option<&str>, expected: Option<Range<u64>>| {
            assert_eq!(copied_range(text, 100).ok(), expected, "{text:?}");
        };
        check(None, Some(0..100));
        check(Some("bytes=0-99"), Some(0..100));
        check(Some("bytes=5-5"), Some(5..6));
        check(Some("bytes=0-100"), None);
        check(Some("bytes=0-"), None);
        check(Some("bytes=-5"), None);
        check(Some("0-5"), None);
    }
}
