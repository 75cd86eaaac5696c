//! Tags of trust anchors, profiles and revocation lists, which these operations name by ARN.

use super::fault::AnywhereFault;
use super::resource::{AnywhereResource, arn, check_tags};
use crate::account::Account;
use crate::caller::Need;
use crate::entity::{AnywhereCrl, AnywhereHead, AnywhereProfile, Change, TrustAnchor};
use crate::error::Error;
use crate::iam::TagCase;
use crate::names::{AnywhereArn, Tag, TagKey};
use crate::operation::{Call, Granted, Operation, Service};

/// Does something with the resource of an ARN, of the account and region.
fn with_resource<T>(
    account: &Account,
    region: &str,
    resource: &AnywhereArn,
    mut read: impl FnMut(&AnywhereHead, &dyn Fn(Vec<Tag>, i64, &mut Change)) -> T,
) -> Result<T, Error> {
    fn of<'a, R: AnywhereResource>(
        account: &'a Account,
        region: &str,
        text: &str,
    ) -> Option<&'a R> {
        let id = text.strip_prefix(&arn(region, account.id, R::KIND, ""))?;
        let found = R::all(account).get(id)?;
        (found.head().region == region).then_some(&**found)
    }
    fn put<R: AnywhereResource>(found: &R) -> impl Fn(Vec<Tag>, i64, &mut Change) {
        move |tags, now, change| {
            let mut tagged = found.clone();
            tagged.head_mut().tags = tags;
            tagged.head_mut().updated = now;
            change.put(tagged);
        }
    }
    let text = resource.as_str();
    if let Some(found) = of::<TrustAnchor>(account, region, text) {
        Ok(read(found.head(), &put(found)))
    } else if let Some(found) = of::<AnywhereProfile>(account, region, text) {
        Ok(read(found.head(), &put(found)))
    } else if let Some(found) = of::<AnywhereCrl>(account, region, text) {
        Ok(read(found.head(), &put(found)))
    } else {
        Err(AnywhereFault::NotFound(format!("Resource {resource}")).into())
    }
}

/// Decides about an action on the resource of an ARN, which may or may not be there.
fn allow(
    call: &Call<'_>,
    operation: &str,
    resource: &AnywhereArn,
    tags: &[Tag],
    keys: &[TagKey],
) -> Result<Granted, Error> {
    let (account, region) = (call.account()?, &call.facts.region);
    let own = with_resource(account, region, resource, |head, _| head.tags.clone());
    let own = own.unwrap_or_default();
    let mut need = Need::new(format!("rolesanywhere:{operation}"), resource.as_str())
        .resource_tags(&own, None)
        .request_tags(tags);
    need.request_tag_keys = keys;
    call.allow(&need)
}

/// TagResource
#[derive(Clone, Debug)]
pub struct TagResource {
    /// `resourceArn`
    pub resource: AnywhereArn,
    /// `tags`
    pub tags: Vec<Tag>,
}

impl Operation for TagResource {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "TagResource";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        allow(call, Self::NAME, &self.resource, &self.tags, &[])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        check_tags(&self.tags)?;
        let region = &call.facts.region;
        call.change(|draft| {
            let (account, now) = (draft.account, draft.now);
            let change = &mut draft.change;
            with_resource(account, region, &self.resource, |head, put| {
                let tags = TagCase::Sensitive.put(&head.tags, &self.tags);
                let tags = tags.map_err(|_| AnywhereFault::TooManyTags)?;
                put(tags, now, change);
                Ok(())
            })?
        })
        .await
    }
}

/// UntagResource. Keys that the resource does not have are no error.
#[derive(Clone, Debug)]
pub struct UntagResource {
    /// `resourceArn`
    pub resource: AnywhereArn,
    /// `tagKeys`
    pub tag_keys: Vec<TagKey>,
}

impl Operation for UntagResource {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "UntagResource";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        allow(call, Self::NAME, &self.resource, &[], &self.tag_keys)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let region = &call.facts.region;
        call.change(|draft| {
            let (account, now) = (draft.account, draft.now);
            let change = &mut draft.change;
            with_resource(account, region, &self.resource, |head, put| {
                put(
                    TagCase::Sensitive.without(&head.tags, &self.tag_keys),
                    now,
                    change,
                );
            })
        })
        .await
    }
}

/// ListTagsForResource
#[derive(Clone, Debug)]
pub struct ListTagsForResource {
    /// `resourceArn`
    pub resource: AnywhereArn,
}

impl Operation for ListTagsForResource {
    type Output = Vec<Tag>;
    type Found = ();
    const SERVICE: Service = Service::RolesAnywhere;
    const NAME: &'static str = "ListTagsForResource";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        allow(call, Self::NAME, &self.resource, &[], &[])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Vec<Tag>, Error> {
        let (account, region) = (call.account()?, &call.facts.region);
        with_resource(account, region, &self.resource, |head, _| head.tags.clone())
    }
}
