//! Bucket policies. They are the realm's; only the form of the answers is S3's.

use super::Call;
use crate::fault::{Code, Fault};
use s3s::dto;

/// The most that a bucket policy may have: 20 KB.
const MAX_POLICY: usize = 20_480;

pub(super) async fn put(
    call: &Call,
    input: dto::PutBucketPolicyInput,
) -> Result<dto::PutBucketPolicyOutput, Fault> {
    if input.policy.len() > MAX_POLICY {
        return Err(Fault::new(
            Code::MalformedPolicy,
            format!(
                "Normalized policy document exceeds the maximum allowed size of {MAX_POLICY} bytes."
            ),
        ));
    }
    if !input.policy.trim_start().starts_with('{') {
        return Err(Code::MalformedPolicy.into());
    }
    let bucket = call.bucket()?;
    let origin = call.origin("s3:PutBucketPolicy");
    call.realm
        .put_bucket_policy(bucket, Some(&input.policy), &origin)
        .await?;
    Ok(dto::PutBucketPolicyOutput {})
}

pub(super) async fn get(
    call: &Call,
    input: dto::GetBucketPolicyInput,
) -> Result<dto::GetBucketPolicyOutput, Fault> {
    match call.realm.bucket_policy(call.bucket()?).await? {
        Some(policy) => Ok(dto::GetBucketPolicyOutput {
            policy: Some(policy),
        }),
        None => Err(Fault::from(Code::NoSuchBucketPolicy).with("BucketName", input.bucket)),
    }
}

pub(super) async fn delete(
    call: &Call,
    _: dto::DeleteBucketPolicyInput,
) -> Result<dto::DeleteBucketPolicyOutput, Fault> {
    let bucket = call.bucket()?;
    let origin = call.origin("s3:DeleteBucketPolicy");
    call.realm.put_bucket_policy(bucket, None, &origin).await?;
    Ok(dto::DeleteBucketPolicyOutput {})
}
