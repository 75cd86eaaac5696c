//! Listing objects.

use super::Call;
use super::convert::{
    Encoding, checksum_algorithm, checksum_type, common_prefixes, count, etag, limit, owner, size,
    timestamp,
};
use crate::disk::{Bound, List, Object, Page};
use crate::fault::Fault;
use data_encoding::BASE64URL_NOPAD;
use s3s::dto;

pub(super) async fn objects(
    call: &Call,
    input: dto::ListObjectsInput,
) -> Result<dto::ListObjectsOutput, Fault> {
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let limit = limit("maxKeys", input.max_keys)?;
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
    let marker = input.marker.unwrap_or_default();
    let from = match &*marker {
        "" => Bound::default(),
        marker => Bound::behind(marker, &prefix, delimiter.as_deref()),
    };
    let page = page(call, &prefix, delimiter.as_deref(), from, limit).await?;
    let next = page.next.as_ref().map(|(name, _)| name.as_str());
    Ok(dto::ListObjectsOutput {
        name: Some(input.bucket),
        marker: Some(encoding.encode(&marker)),
        max_keys: Some(count(limit)),
        is_truncated: Some(next.is_some()),
        // Without a delimiter the last key says as much.
        next_marker: next
            .filter(|_| delimiter.is_some())
            .map(|name| encoding.encode(name)),
        delimiter: delimiter
            .as_deref()
            .map(|delimiter| encoding.encode(delimiter)),
        prefix: Some(encoding.encode(&prefix)),
        contents: Some(contents(call, page.objects, encoding, true)?),
        common_prefixes: common_prefixes(page.prefixes, encoding),
        encoding_type: encoding.echo(),
        request_charged: None,
    })
}

pub(super) async fn objects_v2(
    call: &Call,
    input: dto::ListObjectsV2Input,
) -> Result<dto::ListObjectsV2Output, Fault> {
    let encoding = Encoding::of(input.encoding_type.as_ref())?;
    let limit = limit("maxKeys", input.max_keys)?;
    let prefix = input.prefix.unwrap_or_default();
    let delimiter = input.delimiter.filter(|delimiter| !delimiter.is_empty());
    let from = match (&input.continuation_token, input.start_after.as_deref()) {
        (Some(token), _) => Bound::from_bytes(from_token(token)?),
        (None, None | Some("")) => Bound::default(),
        (None, Some(key)) => Bound::behind(key, &prefix, delimiter.as_deref()),
    };
    let page = page(call, &prefix, delimiter.as_deref(), from, limit).await?;
    let key_count = page.objects.len().saturating_add(page.prefixes.len());
    let next = page.next.as_ref().map(|(_, bound)| token(bound.as_bytes()));
    Ok(dto::ListObjectsV2Output {
        name: Some(input.bucket),
        prefix: Some(encoding.encode(&prefix)),
        max_keys: Some(count(limit)),
        key_count: Some(count(key_count)),
        continuation_token: input.continuation_token,
        is_truncated: Some(next.is_some()),
        next_continuation_token: next,
        contents: Some(contents(
            call,
            page.objects,
            encoding,
            input.fetch_owner == Some(true),
        )?),
        common_prefixes: common_prefixes(page.prefixes, encoding),
        delimiter: delimiter
            .as_deref()
            .map(|delimiter| encoding.encode(delimiter)),
        encoding_type: encoding.echo(),
        start_after: input.start_after.map(|key| encoding.encode(&key)),
        request_charged: None,
    })
}

/// A continuation token: where the next page begins.
pub(super) fn token(bound: &[u8]) -> String {
    BASE64URL_NOPAD.encode(bound)
}

/// The inverse of [`token`].
pub(super) fn from_token(token: &str) -> Result<Vec<u8>, Fault> {
    BASE64URL_NOPAD.decode(token.as_bytes()).map_err(|_| {
        Fault::argument(
            "The continuation token provided is incorrect",
            "continuation-token",
            token,
        )
    })
}

async fn page(
    call: &Call,
    prefix: &str,
    delimiter: Option<&str>,
    from: Bound,
    limit: usize,
) -> Result<Page, Fault> {
    let list = List {
        bucket: call.address()?,
        prefix: prefix.to_owned(),
        delimiter: delimiter.map(str::to_owned),
        from,
        limit,
    };
    call.objects
        .list(list)
        .await
        .map_err(|error| Fault::of_store(error, ""))
}

fn contents(
    call: &Call,
    objects: Vec<(String, Object)>,
    encoding: Encoding,
    with_owner: bool,
) -> Result<Vec<dto::Object>, Fault> {
    let bucket_owner = owner(call.bucket()?.owner);
    let content = |(key, object): (String, Object)| dto::Object {
        checksum_algorithm: object
            .checksum
            .as_ref()
            .map(|sum| vec![checksum_algorithm(sum.algorithm)]),
        checksum_type: object.checksum.as_ref().map(|sum| checksum_type(sum.kind)),
        e_tag: Some(etag(&object.etag)),
        key: Some(encoding.encode(&key)),
        last_modified: Some(timestamp(object.modified)),
        owner: with_owner.then(|| bucket_owner.clone()),
        restore_status: None,
        size: Some(size(object.size)),
        storage_class: Some(dto::ObjectStorageClass::from_static(
            dto::ObjectStorageClass::STANDARD,
        )),
    };
    Ok(objects.into_iter().map(content).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_come_back_and_others_do_not() {
        assert_eq!(from_token(&token(b"a/\xc0")).unwrap(), b"a/\xc0");
        for token in ["*", "a", "YQ=="] {
            let fault = from_token(token).unwrap_err();
            assert_eq!(
                &*fault.message, "The continuation token provided is incorrect",
                "{token}"
            );
        }
    }
}
