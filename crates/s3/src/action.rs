//! Which permission each S3 operation needs: one table.
//!
//! The codec names the operation, and this table says what is to be authorized for it: the codec's
//! routing and the authorization cannot disagree. What is not in the table is refused, so nothing
//! can be reached unauthorized ("Actions, resources, and condition keys for Amazon S3", Service
//! Authorization Reference; "Required permissions for Amazon S3 API operations", S3 User Guide).

use crate::access::{bucket_arn, object_arn};
use crate::fault::{Code, Fault};

/// What an operation acts on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Resource {
    /// The account: all buckets.
    Account,
    /// A bucket that is to be made.
    NewBucket,
    /// The bucket.
    Bucket,
    /// The bucket, whose policy is at issue: for its owner's account only, and for its root user
    /// whatever the policy says.
    Policy,
    /// The object.
    Object,
    /// The object, and the one it is copied from.
    Copied,
    /// Several objects, each by itself, by the operation.
    Each,
}

/// What an operation needs authorized.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Row {
    /// The operation's name.
    pub(crate) operation: &'static str,
    /// The IAM action.
    pub(crate) action: &'static str,
    /// The IAM action when the request names a version.
    pub(crate) version: &'static str,
    /// On what.
    pub(crate) resource: Resource,
    /// The sub-resources in the query that belong to the operation.
    sub: &'static [&'static str],
    /// Whether the operation is there. One that is not is authorized all the same, so that only
    /// those learn of it who might have called it.
    pub(crate) served: bool,
}

const fn served(
    operation: &'static str,
    action: &'static str,
    resource: Resource,
    sub: &'static [&'static str],
) -> Row {
    Row {
        operation,
        action,
        version: action,
        resource,
        sub,
        served: true,
    }
}

const fn absent(
    operation: &'static str,
    action: &'static str,
    resource: Resource,
    sub: &'static [&'static str],
) -> Row {
    Row {
        operation,
        action,
        version: action,
        resource,
        sub,
        served: false,
    }
}

const fn versioned(row: Row, version: &'static str) -> Row {
    Row { version, ..row }
}

use Resource::{Account, Bucket, Copied, Each, NewBucket, Object, Policy};

/// Every operation that can be reached.
#[rustfmt::skip]
pub(crate) const TABLE: &[Row] = &[
    // Buckets
    served("ListBuckets", "s3:ListAllMyBuckets", Account, &[]),
    served("CreateBucket", "s3:CreateBucket", NewBucket, &[]),
    served("DeleteBucket", "s3:DeleteBucket", Bucket, &[]),
    served("HeadBucket", "s3:ListBucket", Bucket, &[]),
    served("GetBucketLocation", "s3:GetBucketLocation", Bucket, &["location"]),
    served("GetBucketVersioning", "s3:GetBucketVersioning", Bucket, &["versioning"]),
    served("ListObjects", "s3:ListBucket", Bucket, &[]),
    served("ListObjectsV2", "s3:ListBucket", Bucket, &[]),
    served("ListMultipartUploads", "s3:ListBucketMultipartUploads", Bucket, &["uploads"]),
    served("PutBucketPolicy", "s3:PutBucketPolicy", Policy, &["policy"]),
    served("GetBucketPolicy", "s3:GetBucketPolicy", Policy, &["policy"]),
    served("DeleteBucketPolicy", "s3:DeleteBucketPolicy", Policy, &["policy"]),
    // Objects
    versioned(served("GetObject", "s3:GetObject", Object, &["partNumber"]), "s3:GetObjectVersion"),
    versioned(served("HeadObject", "s3:GetObject", Object, &["partNumber"]), "s3:GetObjectVersion"),
    served("PutObject", "s3:PutObject", Object, &[]),
    served("CopyObject", "s3:PutObject", Copied, &[]),
    versioned(served("DeleteObject", "s3:DeleteObject", Object, &[]), "s3:DeleteObjectVersion"),
    versioned(served("DeleteObjects", "s3:DeleteObject", Each, &["delete"]), "s3:DeleteObjectVersion"),
    // Multipart uploads
    served("CreateMultipartUpload", "s3:PutObject", Object, &["uploads"]),
    served("UploadPart", "s3:PutObject", Object, &["partNumber", "uploadId"]),
    served("UploadPartCopy", "s3:PutObject", Copied, &["partNumber", "uploadId"]),
    served("CompleteMultipartUpload", "s3:PutObject", Object, &["uploadId"]),
    served("AbortMultipartUpload", "s3:AbortMultipartUpload", Object, &["uploadId"]),
    served("ListParts", "s3:ListMultipartUploadParts", Object, &["uploadId"]),
    // Not there
    absent("ListObjectVersions", "s3:ListBucketVersions", Bucket, &["versions"]),
    absent("GetBucketPolicyStatus", "s3:GetBucketPolicyStatus", Bucket, &["policyStatus"]),
    absent("PutBucketVersioning", "s3:PutBucketVersioning", Bucket, &["versioning"]),
    absent("GetBucketAcl", "s3:GetBucketAcl", Bucket, &["acl"]),
    absent("PutBucketAcl", "s3:PutBucketAcl", Bucket, &["acl"]),
    absent("GetBucketCors", "s3:GetBucketCORS", Bucket, &["cors"]),
    absent("PutBucketCors", "s3:PutBucketCORS", Bucket, &["cors"]),
    absent("DeleteBucketCors", "s3:PutBucketCORS", Bucket, &["cors"]),
    absent("GetBucketEncryption", "s3:GetEncryptionConfiguration", Bucket, &["encryption"]),
    absent("PutBucketEncryption", "s3:PutEncryptionConfiguration", Bucket, &["encryption"]),
    absent("DeleteBucketEncryption", "s3:PutEncryptionConfiguration", Bucket, &["encryption"]),
    absent("GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration", Bucket, &["lifecycle"]),
    absent("PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration", Bucket, &["lifecycle"]),
    absent("DeleteBucketLifecycle", "s3:PutLifecycleConfiguration", Bucket, &["lifecycle"]),
    absent("GetBucketLogging", "s3:GetBucketLogging", Bucket, &["logging"]),
    absent("PutBucketLogging", "s3:PutBucketLogging", Bucket, &["logging"]),
    absent("GetBucketNotificationConfiguration", "s3:GetBucketNotification", Bucket, &["notification"]),
    absent("PutBucketNotificationConfiguration", "s3:PutBucketNotification", Bucket, &["notification"]),
    absent("GetBucketOwnershipControls", "s3:GetBucketOwnershipControls", Bucket, &["ownershipControls"]),
    absent("PutBucketOwnershipControls", "s3:PutBucketOwnershipControls", Bucket, &["ownershipControls"]),
    absent("DeleteBucketOwnershipControls", "s3:PutBucketOwnershipControls", Bucket, &["ownershipControls"]),
    absent("GetBucketReplication", "s3:GetReplicationConfiguration", Bucket, &["replication"]),
    absent("PutBucketReplication", "s3:PutReplicationConfiguration", Bucket, &["replication"]),
    absent("DeleteBucketReplication", "s3:PutReplicationConfiguration", Bucket, &["replication"]),
    absent("GetBucketRequestPayment", "s3:GetBucketRequestPayment", Bucket, &["requestPayment"]),
    absent("PutBucketRequestPayment", "s3:PutBucketRequestPayment", Bucket, &["requestPayment"]),
    absent("GetBucketTagging", "s3:GetBucketTagging", Bucket, &["tagging"]),
    absent("PutBucketTagging", "s3:PutBucketTagging", Bucket, &["tagging"]),
    absent("DeleteBucketTagging", "s3:PutBucketTagging", Bucket, &["tagging"]),
    absent("GetBucketWebsite", "s3:GetBucketWebsite", Bucket, &["website"]),
    absent("PutBucketWebsite", "s3:PutBucketWebsite", Bucket, &["website"]),
    absent("DeleteBucketWebsite", "s3:DeleteBucketWebsite", Bucket, &["website"]),
    absent("GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration", Bucket, &["accelerate"]),
    absent("PutBucketAccelerateConfiguration", "s3:PutAccelerateConfiguration", Bucket, &["accelerate"]),
    absent("GetBucketAnalyticsConfiguration", "s3:GetAnalyticsConfiguration", Bucket, &["analytics"]),
    absent("ListBucketAnalyticsConfigurations", "s3:GetAnalyticsConfiguration", Bucket, &["analytics"]),
    absent("PutBucketAnalyticsConfiguration", "s3:PutAnalyticsConfiguration", Bucket, &["analytics"]),
    absent("DeleteBucketAnalyticsConfiguration", "s3:PutAnalyticsConfiguration", Bucket, &["analytics"]),
    absent("GetBucketIntelligentTieringConfiguration", "s3:GetIntelligentTieringConfiguration", Bucket, &["intelligent-tiering"]),
    absent("ListBucketIntelligentTieringConfigurations", "s3:GetIntelligentTieringConfiguration", Bucket, &["intelligent-tiering"]),
    absent("PutBucketIntelligentTieringConfiguration", "s3:PutIntelligentTieringConfiguration", Bucket, &["intelligent-tiering"]),
    absent("DeleteBucketIntelligentTieringConfiguration", "s3:PutIntelligentTieringConfiguration", Bucket, &["intelligent-tiering"]),
    absent("GetBucketInventoryConfiguration", "s3:GetInventoryConfiguration", Bucket, &["inventory"]),
    absent("ListBucketInventoryConfigurations", "s3:GetInventoryConfiguration", Bucket, &["inventory"]),
    absent("PutBucketInventoryConfiguration", "s3:PutInventoryConfiguration", Bucket, &["inventory"]),
    absent("DeleteBucketInventoryConfiguration", "s3:PutInventoryConfiguration", Bucket, &["inventory"]),
    absent("GetBucketMetricsConfiguration", "s3:GetMetricsConfiguration", Bucket, &["metrics"]),
    absent("ListBucketMetricsConfigurations", "s3:GetMetricsConfiguration", Bucket, &["metrics"]),
    absent("PutBucketMetricsConfiguration", "s3:PutMetricsConfiguration", Bucket, &["metrics"]),
    absent("DeleteBucketMetricsConfiguration", "s3:PutMetricsConfiguration", Bucket, &["metrics"]),
    absent("GetBucketMetadataTableConfiguration", "s3:GetBucketMetadataTableConfiguration", Bucket, &["metadataTable"]),
    absent("CreateBucketMetadataTableConfiguration", "s3:CreateBucketMetadataTableConfiguration", Bucket, &["metadataTable"]),
    absent("DeleteBucketMetadataTableConfiguration", "s3:DeleteBucketMetadataTableConfiguration", Bucket, &["metadataTable"]),
    absent("GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock", Bucket, &["publicAccessBlock"]),
    absent("PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock", Bucket, &["publicAccessBlock"]),
    absent("DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock", Bucket, &["publicAccessBlock"]),
    absent("GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration", Bucket, &["object-lock"]),
    absent("PutObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration", Bucket, &["object-lock"]),
    versioned(absent("GetObjectAcl", "s3:GetObjectAcl", Object, &["acl"]), "s3:GetObjectVersionAcl"),
    versioned(absent("PutObjectAcl", "s3:PutObjectAcl", Object, &["acl"]), "s3:PutObjectVersionAcl"),
    versioned(absent("GetObjectAttributes", "s3:GetObjectAttributes", Object, &["attributes"]), "s3:GetObjectVersionAttributes"),
    versioned(absent("GetObjectTagging", "s3:GetObjectTagging", Object, &["tagging"]), "s3:GetObjectVersionTagging"),
    versioned(absent("PutObjectTagging", "s3:PutObjectTagging", Object, &["tagging"]), "s3:PutObjectVersionTagging"),
    versioned(absent("DeleteObjectTagging", "s3:DeleteObjectTagging", Object, &["tagging"]), "s3:DeleteObjectVersionTagging"),
    versioned(absent("GetObjectTorrent", "s3:GetObjectTorrent", Object, &["torrent"]), "s3:GetObjectVersionTorrent"),
    absent("GetObjectLegalHold", "s3:GetObjectLegalHold", Object, &["legal-hold"]),
    absent("PutObjectLegalHold", "s3:PutObjectLegalHold", Object, &["legal-hold"]),
    absent("GetObjectRetention", "s3:GetObjectRetention", Object, &["retention"]),
    absent("PutObjectRetention", "s3:PutObjectRetention", Object, &["retention"]),
    absent("RestoreObject", "s3:RestoreObject", Object, &["restore"]),
    absent("SelectObjectContent", "s3:GetObject", Object, &["select"]),
];

/// Every name in a query that makes a request another operation, whether the codec knows it or not.
const SUB_RESOURCES: &[&str] = &[
    "abac",
    "accelerate",
    "acl",
    "analytics",
    "annotation",
    "annotations",
    "attributes",
    "cors",
    "delete",
    "encryption",
    "intelligent-tiering",
    "inventory",
    "legal-hold",
    "lifecycle",
    "location",
    "logging",
    "metadataAnnotationTable",
    "metadataConfiguration",
    "metadataInventoryTable",
    "metadataJournalTable",
    "metadataTable",
    "metrics",
    "notification",
    "object-lock",
    "ownershipControls",
    "partNumber",
    "policy",
    "policyStatus",
    "publicAccessBlock",
    "renameObject",
    "replication",
    "requestPayment",
    "restore",
    "retention",
    "select",
    "session",
    "tagging",
    "torrent",
    "uploadId",
    "uploads",
    "versioning",
    "versions",
    "website",
];

impl Row {
    /// Refuses a query that names a sub-resource of another operation: it means something that
    /// would not be done.
    pub(crate) fn admit<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> Result<(), Fault> {
        for name in names {
            if SUB_RESOURCES.contains(&name) && !self.sub.contains(&name) {
                return Err(Fault::new(
                    Code::NotImplemented,
                    "A query parameter you provided implies functionality that is not implemented",
                )
                .with("ArgumentName", name));
            }
        }
        Ok(())
    }
}

/// Actions that no operation here needs, and that policies name all the same.
const OTHER_ACTIONS: &[&str] = &[
    "s3:BypassGovernanceRetention",
    "s3:GetObjectVersionForReplication",
    "s3:InitiateReplication",
    "s3:ObjectOwnerOverrideToBucketOwner",
    "s3:PutObjectVersionAcl",
    "s3:ReplicateDelete",
    "s3:ReplicateObject",
    "s3:ReplicateTags",
    "s3:UpdateObjectEncryption",
];

/// The names of S3's actions on buckets and objects.
pub(crate) fn names() -> impl Iterator<Item = &'static str> {
    let needed = TABLE.iter().flat_map(|row| [row.action, row.version]);
    needed.chain(OTHER_ACTIONS.iter().copied())
}

/// The row of an operation.
pub(crate) fn find(operation: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.operation == operation)
}

/// The IAM action of an operation: `s3:ListBucket` of `ListObjectsV2`.
pub fn action_of(operation: &str) -> Option<&'static str> {
    find(operation).map(|row| row.action)
}

/// The action and the resource that an operation on a bucket or an object is decided on, where that is
/// one of each: a copy is also decided on its source.
pub fn need_of(
    operation: &str,
    bucket: Option<&str>,
    key: Option<&str>,
) -> Option<(&'static str, String)> {
    let row = find(operation)?;
    let resource = match (row.resource, bucket, key) {
        (Resource::Account, ..) => "arn:aws:s3:::*".to_owned(),
        (Resource::NewBucket | Resource::Bucket | Resource::Policy, Some(bucket), _) => {
            bucket_arn(bucket)
        }
        (Resource::Object | Resource::Copied, Some(bucket), Some(key)) => object_arn(bucket, key),
        _ => return None,
    };
    Some((row.action, resource))
}

#[cfg(test)]
mod tests {
    use super::*;
    use s3s::access::{S3Access, S3AccessContext};
    use s3s::auth::SimpleAuth;
    use std::collections::BTreeSet;
    use std::sync::{Arc, Mutex};

    /// What the codec can route and the table does not have: these are refused.
    const REFUSED: [&str; 4] = [
        "CreateSession",
        "ListDirectoryBuckets",
        "PostObject",
        "WriteGetObjectResponse",
    ];

    /// Writes down what the codec routes to, and lets nothing happen.
    struct Recorder(Arc<Mutex<BTreeSet<String>>>);

    #[async_trait::async_trait]
    impl S3Access for Recorder {
        async fn check(&self, cx: &mut S3AccessContext<'_>) -> s3s::S3Result<()> {
            self.0.lock().unwrap().insert(cx.s3_op().name().to_owned());
            Err(s3s::s3_error!(AccessDenied))
        }
    }

    struct Nothing;
    impl s3s::S3 for Nothing {}

    /// Walks through all that a request can look like, as far as routing looks at it.
    async fn routed() -> BTreeSet<String> {
        let names = Arc::new(Mutex::new(BTreeSet::new()));
        let mut builder = s3s::service::S3ServiceBuilder::new(Nothing);
        builder.set_auth(SimpleAuth::from_single("a", "b"));
        builder.set_access(Recorder(Arc::clone(&names)));
        let service = builder.build();
        let mut queries: Vec<String> = SUB_RESOURCES
            .iter()
            .map(|name| format!("{name}=1"))
            .collect();
        queries.extend(SUB_RESOURCES.iter().map(|name| format!("{name}&id=1")));
        queries.extend(
            [
                "",
                "list-type=2",
                "partNumber=1&uploadId=u",
                "select&select-type=2",
                "x-id=ListDirectoryBuckets",
                "events",
            ]
            .map(str::to_owned),
        );
        let form = "--x\r\nContent-Disposition: form-data; name=\"key\"\r\n\r\nk\r\n--x\r\n\
                    Content-Disposition: form-data; name=\"file\"; filename=\"f\"\r\n\r\nbody\r\n--x--\r\n";
        let headers: [&[(&str, &str)]; 4] = [
            &[],
            &[("x-amz-copy-source", "bucket/key")],
            &[("x-amz-request-route", "r"), ("x-amz-request-token", "t")],
            &[("content-type", "multipart/form-data; boundary=x")],
        ];
        for method in ["GET", "HEAD", "PUT", "POST", "DELETE"] {
            for path in ["/", "/bucket", "/bucket/key"] {
                for query in &queries {
                    for headers in headers {
                        let mut request = http::Request::builder()
                            .method(method)
                            .uri(format!("{path}?{query}"));
                        for (name, value) in headers {
                            request = request.header(*name, *value);
                        }
                        let request = request.body(s3s::Body::from(form.to_owned())).unwrap();
                        service.call(request).await.unwrap();
                    }
                }
            }
        }
        std::mem::take(&mut *names.lock().unwrap())
    }

    #[tokio::test]
    async fn every_operation_has_a_row_or_is_refused() {
        let routed = routed().await;
        let rows: BTreeSet<String> = TABLE.iter().map(|row| row.operation.to_owned()).collect();
        let refused: BTreeSet<String> = REFUSED.iter().map(|name| (*name).to_owned()).collect();
        assert_eq!(rows.len(), TABLE.len(), "an operation has two rows");
        assert!(rows.is_disjoint(&refused));
        assert_eq!(routed, &rows | &refused);
    }

    #[test]
    fn sub_resources_of_other_operations_are_refused() {
        let check = |operation: &str, query: &[&str], admitted: bool| {
            let outcome = find(operation).unwrap().admit(query.iter().copied());
            assert_eq!(outcome.is_ok(), admitted, "{operation} {query:?}");
        };
        check(
            "GetObject",
            &["versionId", "x-id", "response-content-type", "anything"],
            true,
        );
        check("GetObject", &["renameObject"], false);
        check("GetObject", &["partNumber"], true);
        check("PutObject", &["partNumber"], false);
        check("PutObject", &["uploadId"], false);
        check("UploadPart", &["partNumber", "uploadId"], true);
        check("ListObjectsV2", &["list-type", "prefix"], true);
        check("ListObjects", &["session"], false);
        check("DeleteObject", &["annotation"], false);
        assert!(
            TABLE
                .iter()
                .all(|row| row.sub.iter().all(|name| SUB_RESOURCES.contains(name)))
        );
    }
}
