//! Operations on buckets.

use super::Call;
use super::convert::{owner, timestamp};
use crate::fault::{Code, Fault};
use locum_identity::account::BucketState;
use locum_identity::error::Error;
use locum_identity::realm::CreatedBucket;
use s3s::dto;
use std::sync::Arc;

/// The region that has no location constraint.
const FIRST_REGION: &str = "us-east-1";

/// The most buckets on a page.
const MAX_BUCKETS: i32 = 10_000;

pub(super) async fn list(
    call: &Call,
    input: dto::ListBucketsInput,
) -> Result<dto::ListBucketsOutput, Fault> {
    let account = call.context.caller.account()?;
    let limit = match input.max_buckets {
        None => usize::MAX,
        Some(asked @ 1..=MAX_BUCKETS) => usize::try_from(asked).unwrap_or(usize::MAX),
        Some(asked) => {
            let text = "Argument max-buckets must be an integer between 1 and 10000";
            return Err(Fault::argument(text, "max-buckets", &asked.to_string()));
        }
    };
    let behind = match &input.continuation_token {
        None => String::new(),
        Some(token) => {
            let name = super::listing::from_token(token)?;
            String::from_utf8_lossy(&name).into_owned()
        }
    };
    let prefix = input.prefix.as_deref().unwrap_or_default();
    let mut matching = account
        .buckets
        .behind(&behind)
        .map(|(_, state)| state)
        .filter(|state| state.bucket.name.starts_with(prefix))
        .filter(|state| {
            input
                .bucket_region
                .as_deref()
                .is_none_or(|region| region == state.bucket.region)
        })
        .peekable();
    let mut buckets = Vec::new();
    while let Some(state) = matching.next_if(|_| buckets.len() < limit) {
        buckets.push(dto::Bucket {
            bucket_region: Some(state.bucket.region.clone()),
            creation_date: Some(timestamp(state.bucket.created.saturating_mul(1000))),
            name: Some(state.bucket.name.clone()),
        });
    }
    let last = buckets.last().and_then(|bucket| bucket.name.as_deref());
    let continuation_token = matching
        .peek()
        .and(last)
        .map(|name| super::listing::token(name.as_bytes()));
    Ok(dto::ListBucketsOutput {
        buckets: Some(buckets),
        continuation_token,
        owner: Some(owner(account.id)),
        prefix: input.prefix,
    })
}

pub(super) async fn create(
    call: &Call,
    input: dto::CreateBucketInput,
) -> Result<dto::CreateBucketOutput, Fault> {
    let account = call.context.caller.account()?.id;
    let configuration = input.create_bucket_configuration.unwrap_or_default();
    if configuration.bucket.is_some() || configuration.location.is_some() {
        return Err(Fault::new(
            Code::NotImplemented,
            "Directory buckets are not implemented",
        ));
    }
    let region = match &configuration.location_constraint {
        // The name it had before regions had names.
        Some(constraint) if constraint.as_str() == "EU" => "eu-west-1".to_owned(),
        Some(constraint) if !constraint.as_str().is_empty() => constraint.as_str().to_owned(),
        _ => match &*call.context.facts.region {
            "" => FIRST_REGION.to_owned(),
            region => region.to_owned(),
        },
    };
    let name = &input.bucket;
    let (realm, new) = (Arc::clone(&call.realm), name.clone());
    let origin = call.origin("s3:CreateBucket");
    let created = finish(async move {
        let created = realm.create_bucket(account, &new, &region, &origin).await;
        created.map_err(Fault::from)
    });
    match created.await? {
        CreatedBucket::Created => Ok(dto::CreateBucketOutput {
            location: Some(format!("/{name}")),
        }),
        // Only there, for what was so before there were other regions.
        CreatedBucket::OwnedByYou(state) if state.bucket.region == FIRST_REGION => {
            Ok(dto::CreateBucketOutput {
                location: Some(format!("/{name}")),
            })
        }
        CreatedBucket::OwnedByYou(_) => {
            Err(Fault::from(Code::BucketAlreadyOwnedByYou).with("BucketName", name))
        }
        CreatedBucket::OwnedByAnother => {
            Err(Fault::from(Code::BucketAlreadyExists).with("BucketName", name))
        }
    }
}

pub(super) async fn delete(
    call: &Call,
    input: dto::DeleteBucketInput,
) -> Result<dto::DeleteBucketOutput, Fault> {
    let (bucket, address) = (Arc::clone(call.bucket()?), call.address()?);
    let (realm, objects) = (Arc::clone(&call.realm), call.objects.clone());
    let (name, origin) = (input.bucket, call.origin("s3:DeleteBucket"));
    // Both or none, even if the client goes away in between.
    finish(async move {
        // One at a time, so that taking a removal back undoes no other one.
        let _turn = objects.removal().await;
        let removed = objects.remove_bucket(&address).await;
        removed.map_err(|error| Fault::of_store(error, "").with("BucketName", &name))?;
        match realm.delete_bucket(&bucket, &origin).await {
            Ok(()) => Ok(dto::DeleteBucketOutput {}),
            // Another request was first: the bucket is gone for good, and takes nothing any more.
            Err(Error::NoSuchBucket) => Err(Error::NoSuchBucket.into()),
            Err(error) => {
                let restored = objects.restore_bucket(&address).await;
                restored.map_err(|error| Fault::of_store(error, ""))?;
                Err(error.into())
            }
        }
    })
    .await
}

/// Does something to its end, though nobody may wait for it any more.
async fn finish<T: Send + 'static>(
    work: impl Future<Output = Result<T, Fault>> + Send + 'static,
) -> Result<T, Fault> {
    tokio::spawn(work).await.map_err(Fault::internal)?
}

pub(super) async fn head(
    call: &Call,
    _: dto::HeadBucketInput,
) -> Result<dto::HeadBucketOutput, Fault> {
    let region = call.bucket()?.bucket.region.clone();
    Ok(dto::HeadBucketOutput {
        access_point_alias: Some(false),
        bucket_region: Some(region),
        ..dto::HeadBucketOutput::default()
    })
}

pub(super) async fn location(
    call: &Call,
    _: dto::GetBucketLocationInput,
) -> Result<dto::GetBucketLocationOutput, Fault> {
    let constraint = |BucketState { bucket, .. }: &BucketState| {
        (bucket.region != FIRST_REGION)
            .then(|| dto::BucketLocationConstraint::from(bucket.region.clone()))
    };
    Ok(dto::GetBucketLocationOutput {
        location_constraint: constraint(call.bucket()?),
    })
}

/// No bucket is versioned: the answer has neither element, as that of a bucket that never was.
pub(super) async fn versioning(
    _: &Call,
    _: dto::GetBucketVersioningInput,
) -> Result<dto::GetBucketVersioningOutput, Fault> {
    Ok(dto::GetBucketVersioningOutput::default())
}
