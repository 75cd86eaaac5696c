//! The operations, between the codec's types and the store's. What runs here has been authorized:
//! there is no other way to a [`Call`].

mod buckets;
mod conditions;
mod convert;
mod listing;
mod objects;
mod policy;
mod uploads;

use crate::access::{Granted, bucket_arn};
use crate::digests::Expected;
use crate::disk::{self, Content, Incoming, Object, Objects, Received};
use crate::fault::{Code, Fault};
use crate::service::Context;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::HeaderMap;
use locum_identity::account::BucketState;
use locum_identity::caller::Need;
use locum_identity::port::Origin;
use locum_identity::realm::Realm;
use s3s::dto;
use s3s::{S3Request, S3Response, S3Result};
use std::sync::Arc;

/// The most that one request may store, or copy: 5 GiB.
const MAX_OBJECT: u64 = 5 * 1024 * 1024 * 1024;

/// Runs operations for the codec.
pub(crate) struct Backend {
    realm: Arc<Realm>,
    objects: Objects,
}

/// An authorized call of an operation.
struct Call {
    realm: Arc<Realm>,
    objects: Objects,
    context: Context,
    granted: Granted,
    headers: HeaderMap,
}

impl Backend {
    pub(crate) fn new(realm: Arc<Realm>, objects: Objects) -> Self {
        Self { realm, objects }
    }

    /// Takes a request apart. One that authorization has not left its proof in is refused.
    fn open<T>(&self, request: S3Request<T>) -> S3Result<(Call, T)> {
        let S3Request {
            input,
            headers,
            mut extensions,
            ..
        } = request;
        let refused = || s3s::S3Error::new(s3s::S3ErrorCode::AccessDenied);
        let context = extensions.remove::<Context>().ok_or_else(refused)?;
        let granted = extensions.remove::<Granted>().ok_or_else(refused)?;
        let call = Call {
            realm: Arc::clone(&self.realm),
            objects: self.objects.clone(),
            context,
            granted,
            headers,
        };
        Ok((call, input))
    }
}

macro_rules! operations {
    ($($name:ident: $input:ident -> $output:ident = $function:path;)*) => {
        #[async_trait::async_trait]
        impl s3s::S3 for Backend {
            $(
                async fn $name(&self, request: S3Request<dto::$input>) -> S3Result<S3Response<dto::$output>> {
                    let (call, input) = self.open(request)?;
                    match $function(&call, input).await {
                        Ok(output) => Ok(S3Response::new(output)),
                        Err(fault) => Err(call.context.fail(fault)),
                    }
                }
            )*
        }
    };
}

operations! {
    list_buckets: ListBucketsInput -> ListBucketsOutput = buckets::list;
    create_bucket: CreateBucketInput -> CreateBucketOutput = buckets::create;
    delete_bucket: DeleteBucketInput -> DeleteBucketOutput = buckets::delete;
    head_bucket: HeadBucketInput -> HeadBucketOutput = buckets::head;
    get_bucket_location: GetBucketLocationInput -> GetBucketLocationOutput = buckets::location;
    get_bucket_versioning: GetBucketVersioningInput -> GetBucketVersioningOutput = buckets::versioning;
    put_bucket_policy: PutBucketPolicyInput -> PutBucketPolicyOutput = policy::put;
    get_bucket_policy: GetBucketPolicyInput -> GetBucketPolicyOutput = policy::get;
    delete_bucket_policy: DeleteBucketPolicyInput -> DeleteBucketPolicyOutput = policy::delete;
    list_objects: ListObjectsInput -> ListObjectsOutput = listing::objects;
    list_objects_v2: ListObjectsV2Input -> ListObjectsV2Output = listing::objects_v2;
    get_object: GetObjectInput -> GetObjectOutput = objects::get;
    head_object: HeadObjectInput -> HeadObjectOutput = objects::head;
    put_object: PutObjectInput -> PutObjectOutput = objects::put;
    copy_object: CopyObjectInput -> CopyObjectOutput = objects::copy;
    delete_object: DeleteObjectInput -> DeleteObjectOutput = objects::delete;
    delete_objects: DeleteObjectsInput -> DeleteObjectsOutput = objects::delete_all;
    create_multipart_upload: CreateMultipartUploadInput -> CreateMultipartUploadOutput = uploads::create;
    upload_part: UploadPartInput -> UploadPartOutput = uploads::put_part;
    upload_part_copy: UploadPartCopyInput -> UploadPartCopyOutput = uploads::copy_part;
    complete_multipart_upload: CompleteMultipartUploadInput -> CompleteMultipartUploadOutput = uploads::complete;
    abort_multipart_upload: AbortMultipartUploadInput -> AbortMultipartUploadOutput = uploads::abort;
    list_parts: ListPartsInput -> ListPartsOutput = uploads::list_parts;
    list_multipart_uploads: ListMultipartUploadsInput -> ListMultipartUploadsOutput = uploads::list;
}

impl Call {
    /// The bucket of the path.
    fn bucket(&self) -> Result<&Arc<BucketState>, Fault> {
        self.granted
            .bucket
            .as_ref()
            .ok_or_else(|| Fault::internal("an operation on a bucket was granted none"))
    }

    /// Where the bucket's objects are: no two buckets have the same address, not even one that has
    /// the name of one that is no more.
    fn address(&self) -> Result<String, Fault> {
        self.bucket().map(|bucket| address(bucket))
    }

    /// What is to be copied: bucket, address of the bucket, key.
    fn source(&self) -> Result<(&BucketState, String, &str), Fault> {
        let (bucket, key) = self
            .granted
            .source
            .as_ref()
            .ok_or_else(|| Fault::internal("a copy was granted no source"))?;
        Ok((bucket, address(bucket), key))
    }

    /// The time, in milliseconds.
    fn now(&self) -> disk::Millis {
        self.realm.environment().clock.now_millis()
    }

    /// Who does this, for the history.
    fn origin(&self, action: &str) -> Origin {
        Origin {
            at: self.context.facts.now,
            actor: self.context.caller.arn().unwrap_or("anonymous").to_owned(),
            action: action.to_owned(),
            request_id: self.context.facts.request_id.clone(),
        }
    }

    /// What to say of an object that is not there: only those who may list the bucket may know.
    fn missing(&self, bucket: &BucketState, key: &str) -> Fault {
        let need = Need::new("s3:ListBucket", bucket_arn(&bucket.bucket.name)).in_bucket(bucket);
        match self.context.allow(&need, &self.granted.keys) {
            Ok(()) => Fault::from(Code::NoSuchKey).with("Key", key),
            Err(fault) => fault,
        }
    }

    /// Opens an object for reading.
    async fn read(&self, bucket: &BucketState, key: &str) -> Result<(Object, Content), Fault> {
        match self.objects.get(&address(bucket), key).await {
            Err(disk::Error::NoSuchKey) => Err(self.missing(bucket, key)),
            outcome => outcome.map_err(|error| Fault::of_store(error, key)),
        }
    }

    /// Receives the body of the request, and compares it with what the client says of it.
    async fn receive(
        &self,
        body: Option<dto::StreamingBlob>,
        expected: &Expected,
    ) -> Result<Received, Fault> {
        let length = self
            .headers
            .get(http::header::CONTENT_LENGTH)
            .and_then(|value| value.to_str().ok()?.parse().ok());
        let length: u64 = length.ok_or(Code::MissingContentLength)?;
        if length > MAX_OBJECT {
            return Err(Fault::from(Code::EntityTooLarge)
                .with("ProposedSize", length.to_string())
                .with("MaxSizeAllowed", MAX_OBJECT.to_string()));
        }
        let mut incoming = self.incoming(expected).await?;
        if let Some(mut body) = body {
            while let Some(bytes) = body.next().await {
                // The fault is with the outcome of the body; this only ends the operation.
                let bytes =
                    bytes.map_err(|error| Fault::from(Code::IncompleteBody).because(error))?;
                self.store(&mut incoming, bytes).await?;
            }
        }
        let received = incoming
            .finish()
            .await
            .map_err(|error| Fault::of_store(error, ""))?;
        if received.size != length {
            return Err(Code::IncompleteBody.into());
        }
        expected.verify(&received.digests, &self.context)?;
        let caller = &self.context.caller;
        self.realm
            .check_unrevoked(caller)
            .map_err(|error| Fault::of_identity(&error, caller.access_key_id()))?;
        Ok(received)
    }

    /// Receives what is to be copied.
    async fn duplicate(
        &self,
        content: &Content,
        range: std::ops::Range<u64>,
        algorithms: &[disk::Algorithm],
    ) -> Result<Received, Fault> {
        let mut incoming = self
            .objects
            .receive(algorithms)
            .await
            .map_err(|error| Fault::of_store(error, ""))?;
        let mut blocks = Box::pin(content.read(range));
        while let Some(block) = blocks.next().await {
            self.store(&mut incoming, block.map_err(Fault::internal)?)
                .await?;
        }
        incoming
            .finish()
            .await
            .map_err(|error| Fault::of_store(error, ""))
    }

    async fn incoming(&self, expected: &Expected) -> Result<Incoming, Fault> {
        self.objects
            .receive(expected.algorithms())
            .await
            .map_err(|error| Fault::of_store(error, ""))
    }

    async fn store(&self, incoming: &mut Incoming, bytes: Bytes) -> Result<(), Fault> {
        incoming
            .write(bytes)
            .await
            .map_err(|error| Fault::of_store(error, ""))
    }
}

/// See [`Call::address`].
fn address(bucket: &BucketState) -> String {
    bucket.bucket.address.clone()
}
