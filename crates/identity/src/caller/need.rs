//! With what request, and what it needs.

use crate::account::BucketState;
use crate::environment::Seconds;
use crate::names::{AccountId, Tag};
use crate::notes::RequestNotes;
use locum_policy::{ResourcePolicy, Value};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// What is known of a request whatever it asks for.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// When it came.
    pub now: Seconds,
    /// The client's address, as far as it is known to be true.
    pub source_ip: Option<IpAddr>,
    /// Whether it came over TLS.
    pub secure_transport: bool,
    /// `User-Agent`
    pub user_agent: Option<String>,
    /// `Referer`
    pub referer: Option<String>,
    /// The region of the credential scope.
    pub region: String,
    /// The id that answers and audit records carry.
    pub request_id: String,
    /// What is found out about it.
    pub notes: Arc<RequestNotes>,
}

/// One permission that an operation needs.
pub struct Need<'a> {
    /// `service:Action`
    pub action: Cow<'a, str>,
    /// An ARN, or `*` for actions without a resource.
    pub resource: Cow<'a, str>,
    /// Whose resource it is; `None` for the caller's own account.
    pub resource_account: Option<AccountId>,
    /// The policy on the resource.
    pub resource_policy: Option<ResourcePolicy<'a>>,
    /// Tags that the resource has: `aws:ResourceTag/…`.
    pub resource_tags: &'a [Tag],
    /// The prefixes under which the resource's tags are seen besides `aws:ResourceTag/`.
    pub resource_tag_prefix: Option<&'static str>,
    /// Tags in the request: `aws:RequestTag/…` and `aws:TagKeys`.
    pub request_tags: &'a [Tag],
    /// The keys of tags in the request that come without values (UntagUser): `aws:TagKeys`.
    pub request_tag_keys: &'a [crate::names::TagKey],
    /// Keys of the action's own, in lower case.
    pub keys: Vec<(Cow<'static, str>, Value<'a>)>,
}

impl<'a> Need<'a> {
    /// The need of an action on a resource.
    pub fn new(action: impl Into<Cow<'a, str>>, resource: impl Into<Cow<'a, str>>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            resource_account: None,
            resource_policy: None,
            resource_tags: &[],
            resource_tag_prefix: None,
            request_tags: &[],
            request_tag_keys: &[],
            keys: Vec::new(),
        }
    }

    /// Adds a condition key with one value. `name` is in lower case.
    #[must_use]
    pub fn key(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'a, str>>,
    ) -> Self {
        self.keys.push((name.into(), Value::One(value.into())));
        self
    }

    /// Adds a condition key if there is a value.
    #[must_use]
    pub fn key_if(self, name: &'static str, value: Option<impl Into<Cow<'a, str>>>) -> Self {
        match value {
            Some(value) => self.key(name, value),
            None => self,
        }
    }

    /// The tags that the request brings.
    #[must_use]
    pub fn request_tags(mut self, tags: &'a [Tag]) -> Self {
        self.request_tags = tags;
        self
    }

    /// The tags of the resource, seen as `aws:ResourceTag/` and, with a prefix, there too.
    #[must_use]
    pub fn resource_tags(mut self, tags: &'a [Tag], prefix: Option<&'static str>) -> Self {
        self.resource_tags = tags;
        self.resource_tag_prefix = prefix;
        self
    }

    /// The resource belongs to `bucket`'s owner, whose bucket policy applies.
    #[must_use]
    pub fn in_bucket(mut self, bucket: &'a BucketState) -> Self {
        self.resource_account = Some(bucket.owner);
        self.resource_policy = bucket.policy.as_deref().map(ResourcePolicy::Attached);
        self
    }
}
