//! Authorization, between the codec's routing and the operation: the codec says which operation it
//! is, the table says what that needs, the realm decides.

use crate::action::{self, Resource, Row};
use crate::fault::{Code, Fault};
use crate::query::Query;
use crate::service::{Context, Shared, header};
use http::HeaderMap;
use locum_identity::account::BucketState;
use locum_identity::caller::Need;
use locum_identity::realm::Realm;
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::dto::CopySource;
use s3s::path::S3Path;
use std::sync::Arc;

/// Headers that ask for what is not there. An operation that ignored one would do something else
/// than it was asked to.
const UNSUPPORTED: [&str; 14] = [
    "x-amz-bypass-governance-retention",
    "x-amz-if-match-last-modified-time",
    "x-amz-if-match-size",
    "x-amz-mfa",
    "x-amz-object-lock-legal-hold",
    "x-amz-object-lock-mode",
    "x-amz-object-lock-retain-until-date",
    "x-amz-object-ownership",
    "x-amz-rename-source",
    "x-amz-tagging",
    "x-amz-website-redirect-location",
    "x-amz-write-offset-bytes",
    "x-amz-bucket-object-lock-enabled",
    "x-amz-object-lock-token",
];

/// Headers with values that may be policies' concern, and the condition keys they are.
const HEADER_KEYS: [(&str, &str); 6] = [
    ("x-amz-acl", "s3:x-amz-acl"),
    ("x-amz-copy-source", "s3:x-amz-copy-source"),
    ("x-amz-metadata-directive", "s3:x-amz-metadata-directive"),
    ("x-amz-storage-class", "s3:x-amz-storage-class"),
    ("if-match", "s3:if-match"),
    ("if-none-match", "s3:if-none-match"),
];

/// Parameters of listings that are condition keys.
const LISTING_KEYS: [(&str, &str); 3] = [
    ("prefix", "s3:prefix"),
    ("delimiter", "s3:delimiter"),
    ("max-keys", "s3:max-keys"),
];

/// The codec asks for authentication before it lets authorization run. Requests that come to it
/// have been authenticated and carry no signature any more: that it asks for a secret means that
/// something was smuggled past.
pub(crate) struct NoSecrets;

#[async_trait::async_trait]
impl S3Auth for NoSecrets {
    async fn get_secret_key(&self, _: &str) -> s3s::S3Result<SecretKey> {
        Err(s3s::S3Error::new(s3s::S3ErrorCode::AccessDenied))
    }
}

/// The proof that a request was authorized, with the buckets it may use: an extension of the
/// requests that come to operations.
#[derive(Clone, Default)]
pub(crate) struct Granted {
    /// The bucket of the path; `None` if the operation has none, or makes it.
    pub(crate) bucket: Option<Arc<BucketState>>,
    /// What is to be copied.
    pub(crate) source: Option<(Arc<BucketState>, String)>,
    /// Condition keys, for what the operation has to authorize itself.
    pub(crate) keys: Arc<[(&'static str, String)]>,
}

/// Decides for the codec.
pub(crate) struct Access {
    realm: Arc<Realm>,
}

#[async_trait::async_trait]
impl S3Access for Access {
    async fn check(&self, cx: &mut S3AccessContext<'_>) -> s3s::S3Result<()> {
        let Some(context) = cx.extensions_mut().get::<Context>().cloned() else {
            return Err(s3s::S3Error::new(s3s::S3ErrorCode::AccessDenied));
        };
        let request = Asked {
            operation: cx.s3_op().name().to_owned(),
            path: match cx.s3_path() {
                S3Path::Root => (None, None),
                S3Path::Bucket { bucket } => (Some(bucket.to_string()), None),
                S3Path::Object { bucket, key } => (Some(bucket.to_string()), Some(key.to_string())),
            },
            query: cx.uri().query().unwrap_or_default().to_owned(),
            headers: cx.headers().clone(),
        };
        match self.authorize(&context, request).await {
            Ok(granted) => {
                cx.extensions_mut().insert(granted);
                Ok(())
            }
            Err(fault) => Err(context.fail(fault)),
        }
    }
}

/// What the codec found in a request.
struct Asked {
    operation: String,
    /// Bucket and key.
    path: (Option<String>, Option<String>),
    query: String,
    headers: HeaderMap,
}

impl Access {
    pub(crate) fn new(realm: Arc<Realm>) -> Self {
        Self { realm }
    }

    async fn authorize(&self, context: &Context, asked: Asked) -> Result<Granted, Fault> {
        let Asked {
            operation,
            path: (name, key),
            query,
            headers,
        } = asked;
        let row = action::find(&operation);
        {
            let mut note = context.note();
            note.operation = row.map(|row| row.operation);
            note.bucket.clone_from(&name);
            note.key.clone_from(&key);
        }
        let row = row.ok_or_else(|| {
            Fault::new(
                Code::NotImplemented,
                format!("The operation {operation} is not implemented"),
            )
        })?;
        if key.as_deref().is_some_and(|key| key.contains('\0')) {
            return Err(Code::InvalidURI.into());
        }
        let query = Query::parse(&query)?;
        let version = query.value("versionId");
        let keys = condition_keys(row, &query, &headers, context);
        let keys: Arc<[_]> = keys.into();
        let action = if version.is_some() {
            row.version
        } else {
            row.action
        };
        let mut granted = Granted {
            bucket: None,
            source: None,
            keys: Arc::clone(&keys),
        };
        match (row.resource, name, key) {
            (Resource::Account, _, _) => {
                context.allow(&Need::new(action, "arn:aws:s3:::*"), &keys)?;
            }
            (Resource::NewBucket, Some(name), None) => {
                if context.caller.account_id().is_none() {
                    return Err(Code::AccessDenied.into());
                }
                context.allow(&Need::new(action, bucket_arn(&name)), &keys)?;
            }
            (Resource::Bucket | Resource::Policy | Resource::Each, Some(name), None) => {
                let bucket = self
                    .bucket(&name, &headers, "x-amz-expected-bucket-owner")
                    .await?;
                let own = context.caller.account_id() == Some(bucket.owner);
                match row.resource {
                    // Each key is authorized by the operation.
                    Resource::Each => {}
                    Resource::Policy => {
                        context.allow(
                            &Need::new(action, bucket_arn(&name)).in_bucket(&bucket),
                            &keys,
                        )?;
                        if !own {
                            return Err(Code::MethodNotAllowed.into());
                        }
                    }
                    _ => context.allow(
                        &Need::new(action, bucket_arn(&name)).in_bucket(&bucket),
                        &keys,
                    )?,
                }
                granted.bucket = Some(bucket);
            }
            (Resource::Object | Resource::Copied, Some(name), Some(key)) => {
                let bucket = self
                    .bucket(&name, &headers, "x-amz-expected-bucket-owner")
                    .await?;
                context.allow(
                    &Need::new(action, object_arn(&name, &key)).in_bucket(&bucket),
                    &keys,
                )?;
                if headers.contains_key("x-amz-acl") || grants(&headers).is_some() {
                    context.allow(
                        &Need::new("s3:PutObjectAcl", object_arn(&name, &key)).in_bucket(&bucket),
                        &keys,
                    )?;
                }
                granted.bucket = Some(bucket);
                if row.resource == Resource::Copied {
                    granted.source = Some(self.source(context, &headers, &keys).await?);
                }
            }
            // The codec gave an operation a path that it cannot have.
            _ => return Err(Code::MethodNotAllowed.into()),
        }
        if !row.served {
            return Err(Fault::new(
                Code::NotImplemented,
                format!("The operation {operation} is not implemented"),
            ));
        }
        // Only now: those who may not do it do not learn what can be done.
        row.admit(query.names())?;
        refuse_unsupported(&headers)?;
        null_version(version)?;
        Ok(granted)
    }

    /// A bucket that exists, and that the client says whose it is of if it says so.
    async fn bucket(
        &self,
        name: &str,
        headers: &HeaderMap,
        owner_header: &str,
    ) -> Result<Arc<BucketState>, Fault> {
        let bucket = self.realm.bucket(name).await?;
        let bucket =
            bucket.ok_or_else(|| Fault::from(Code::NoSuchBucket).with("BucketName", name))?;
        match header(headers, owner_header) {
            Some(expected) if expected != bucket.owner.as_str() => Err(Code::AccessDenied.into()),
            _ => Ok(bucket),
        }
    }

    /// What is to be copied: reading it is authorized too.
    async fn source(
        &self,
        context: &Context,
        headers: &HeaderMap,
        keys: &[(&'static str, String)],
    ) -> Result<(Arc<BucketState>, String), Fault> {
        let text = header(headers, "x-amz-copy-source").unwrap_or_default();
        let malformed = || {
            let sentence =
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey";
            Fault::argument(sentence, "x-amz-copy-source", &text)
        };
        let (name, key, version) = match CopySource::parse(&text) {
            Ok(CopySource::Bucket {
                bucket,
                key,
                version_id,
            }) if !key.is_empty() => (bucket, key, version_id),
            Ok(CopySource::AccessPoint { .. } | CopySource::Outpost { .. }) => {
                return Err(Fault::unsupported_header("x-amz-copy-source"));
            }
            Ok(CopySource::Bucket { .. }) | Err(_) => return Err(malformed()),
        };
        let bucket = self
            .bucket(&name, headers, "x-amz-source-expected-bucket-owner")
            .await?;
        let action = if version.is_some() {
            "s3:GetObjectVersion"
        } else {
            "s3:GetObject"
        };
        context.allow(
            &Need::new(action, object_arn(&name, &key)).in_bucket(&bucket),
            keys,
        )?;
        null_version(version.as_deref())?;
        Ok((bucket, key.into()))
    }
}

impl Shared {
    /// Decides a need, with the condition keys of the request.
    pub(crate) fn allow(
        &self,
        need: &Need<'_>,
        keys: &[(&'static str, String)],
    ) -> Result<(), Fault> {
        let need = self.with_keys(need, keys);
        self.caller
            .allow_or_tell(&self.facts, &need, &*self.entropy)
            .map_err(Fault::from)
    }

    /// The same for one of many needs of a request. The refusal is without a message: the answer has
    /// no place for one, and there may be a thousand.
    pub(crate) fn allow_one_of_many(
        &self,
        need: &Need<'_>,
        keys: &[(&'static str, String)],
    ) -> Result<(), Fault> {
        let need = self.with_keys(need, keys);
        self.caller.allow(&self.facts, &need).map_err(Fault::from)
    }

    fn with_keys<'a>(&self, need: &'a Need<'_>, keys: &'a [(&'static str, String)]) -> Need<'a> {
        let mut need = Need {
            action: need.action.clone(),
            resource: need.resource.clone(),
            resource_account: need.resource_account,
            resource_policy: need.resource_policy,
            ..Need::new("", "")
        };
        for (name, value) in keys {
            need = need.key(*name, value.as_str());
        }
        match need.resource_account.or_else(|| self.caller.account_id()) {
            Some(owner) => need.key("s3:resourceaccount", owner.as_str().to_owned()),
            None => need,
        }
    }
}

/// `arn:aws:s3:::BUCKET`
pub(crate) fn bucket_arn(bucket: &str) -> String {
    format!("arn:aws:s3:::{bucket}")
}

/// `arn:aws:s3:::BUCKET/KEY`
pub(crate) fn object_arn(bucket: &str, key: &str) -> String {
    format!("arn:aws:s3:::{bucket}/{key}")
}

/// The condition keys that a request has, in lower case.
fn condition_keys(
    row: &Row,
    query: &Query,
    headers: &HeaderMap,
    context: &Context,
) -> Vec<(&'static str, String)> {
    let mut keys = Vec::new();
    if matches!(
        row.operation,
        "ListObjects" | "ListObjectsV2" | "ListObjectVersions"
    ) {
        for (parameter, key) in LISTING_KEYS {
            keys.extend(query.value(parameter).map(|value| (key, value.to_owned())));
        }
    }
    keys.extend(
        query
            .value("versionId")
            .map(|version| ("s3:versionid", version.to_owned())),
    );
    for (name, key) in HEADER_KEYS {
        keys.extend(header(headers, name).map(|value| (key, value)));
    }
    if let Some(signature) = &context.signature {
        let kind = if signature.presigned {
            "REST-QUERY-STRING"
        } else {
            "REST-HEADER"
        };
        keys.push(("s3:authtype", kind.to_owned()));
        keys.push(("s3:signatureversion", "AWS4-HMAC-SHA256".to_owned()));
        keys.push(("s3:signatureage", signature.age.to_string()));
        keys.extend(
            signature
                .content_sha256
                .clone()
                .map(|hash| ("s3:x-amz-content-sha256", hash)),
        );
    }
    keys
}

/// The first header that grants permissions, if there is one.
fn grants(headers: &HeaderMap) -> Option<&str> {
    headers
        .keys()
        .map(http::HeaderName::as_str)
        .find(|name| name.starts_with("x-amz-grant-"))
}

fn refuse_unsupported(headers: &HeaderMap) -> Result<(), Fault> {
    let encryption = [
        "x-amz-server-side-encryption",
        "x-amz-copy-source-server-side-encryption",
    ];
    for name in headers.keys().map(http::HeaderName::as_str) {
        let is_false =
            header(headers, name).is_some_and(|value| value.eq_ignore_ascii_case("false"));
        if (UNSUPPORTED.contains(&name) && !is_false)
            || encryption.iter().any(|start| name.starts_with(start))
        {
            return Err(Fault::unsupported_header(name));
        }
    }
    // Objects belong to the owner of the bucket (Object Ownership "bucket owner enforced").
    let acl = header(headers, "x-amz-acl");
    let owners = |acl: &str| acl == "private" || acl == "bucket-owner-full-control";
    if grants(headers).is_some() || acl.is_some_and(|acl| !owners(&acl)) {
        return Err(Code::AccessControlListNotSupported.into());
    }
    match header(headers, "x-amz-storage-class") {
        Some(class) if class != "STANDARD" => {
            Err(Fault::from(Code::InvalidStorageClass).with("StorageClassRequested", class))
        }
        _ => Ok(()),
    }
}

/// Where there is no versioning, every object is its version `null`.
pub(crate) fn null_version(version: Option<&str>) -> Result<(), Fault> {
    match version {
        None | Some("null") => Ok(()),
        Some(other) => Err(Fault::argument(
            "Invalid version id specified",
            "versionId",
            other,
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderName, HeaderValue};

    #[test]
    fn headers_that_ask_for_what_is_not_there_are_refused() {
        let check = |name: &'static str, value: &'static str, expected: Option<&str>| {
            let mut headers = HeaderMap::new();
            headers.insert(
                HeaderName::from_static(name),
                HeaderValue::from_static(value),
            );
            let code = refuse_unsupported(&headers)
                .err()
                .map(|fault| fault.code.to_string());
            assert_eq!(code.as_deref(), expected, "{name}: {value}");
        };
        check("x-amz-tagging", "a=b", Some("NotImplemented"));
        check(
            "x-amz-server-side-encryption",
            "AES256",
            Some("NotImplemented"),
        );
        check(
            "x-amz-server-side-encryption-customer-key",
            "k",
            Some("NotImplemented"),
        );
        check(
            "x-amz-copy-source-server-side-encryption-customer-algorithm",
            "AES256",
            Some("NotImplemented"),
        );
        check(
            "x-amz-bucket-object-lock-enabled",
            "true",
            Some("NotImplemented"),
        );
        check("x-amz-bucket-object-lock-enabled", "false", None);
        check(
            "x-amz-acl",
            "public-read",
            Some("AccessControlListNotSupported"),
        );
        check("x-amz-acl", "private", None);
        check("x-amz-acl", "bucket-owner-full-control", None);
        check(
            "x-amz-grant-read",
            "id=1",
            Some("AccessControlListNotSupported"),
        );
        check("x-amz-storage-class", "STANDARD", None);
        check(
            "x-amz-storage-class",
            "GLACIER",
            Some("InvalidStorageClass"),
        );
        check("x-amz-meta-anything", "x", None);
        check("x-amz-checksum-mode", "ENABLED", None);
    }

    #[test]
    fn the_only_version_is_null() {
        assert_eq!(null_version(None), Ok(()));
        assert_eq!(null_version(Some("null")), Ok(()));
        let fault = null_version(Some("abc")).unwrap_err();
        assert_eq!(
            (&*fault.code, &*fault.message),
            ("InvalidArgument", "Invalid version id specified")
        );
    }
}
