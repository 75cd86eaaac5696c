//! Tags of clusters and associations.

use super::{EksFault, association, cluster};
use crate::account::Account;
use crate::caller::Need;
use crate::entity::Entity;
use crate::error::Error;
use crate::iam::TagCase;
use crate::names::{EksText, Tag, TagKey};
use crate::operation::{Call, Granted, Operation, Service};
use locum_policy::Arn;

/// What a resource's ARN names, if it is there.
enum Tagged<'a> {
    Cluster(&'a crate::entity::EksCluster),
    Association(&'a crate::entity::PodIdentityAssociation),
}

impl Tagged<'_> {
    fn tags(&self) -> &[Tag] {
        match self {
            Self::Cluster(cluster) => &cluster.tags,
            Self::Association(association) => &association.tags,
        }
    }

    fn with_tags(&self, tags: Vec<Tag>) -> Entity {
        match *self {
            Self::Cluster(cluster) => crate::entity::EksCluster {
                tags,
                ..cluster.clone()
            }
            .into(),
            Self::Association(association) => crate::entity::PodIdentityAssociation {
                tags,
                ..association.clone()
            }
            .into(),
        }
    }
}

/// The resource that an ARN names in the region of the request; `None` if there is none.
fn find<'a>(account: &'a Account, region: &str, arn: &Arn) -> Option<Tagged<'a>> {
    if arn.account() != account.id.as_str() || arn.region() != region {
        return None;
    }
    let (kind, name) = arn.resource().split_once('/')?;
    match (kind, name.split_once('/')) {
        ("cluster", None) => cluster(account, region, name).map(|it| Tagged::Cluster(it)),
        ("podidentityassociation", Some((cluster, id))) => {
            association(account, region, cluster, id).map(|it| Tagged::Association(it))
        }
        _ => None,
    }
}

fn parsed(arn: &EksText) -> Result<Arn, Error> {
    Arn::parse(arn.as_str())
        .filter(|arn| arn.partition() == "aws" && arn.service() == "eks")
        .ok_or_else(|| {
            EksFault::BadRequest(format!("{arn} is not an ARN of a resource of EKS.")).into()
        })
}

fn found<'a>(account: &'a Account, region: &str, arn: &EksText) -> Result<Tagged<'a>, Error> {
    find(account, region, &parsed(arn)?)
        .ok_or_else(|| EksFault::NotFound(format!("Resource {arn} was not found.")).into())
}

/// The need of an action on a resource that may or may not exist.
fn need<'a>(call: &'a Call<'_>, action: &'static str, arn: &'a EksText) -> Result<Need<'a>, Error> {
    let resource = parsed(arn)?;
    let need = Need::new(action, arn.as_str());
    let found = find(call.account()?, &call.facts.region, &resource);
    Ok(match found {
        Some(Tagged::Cluster(cluster)) => need.resource_tags(&cluster.tags, None),
        Some(Tagged::Association(association)) => need.resource_tags(&association.tags, None),
        None => need,
    })
}

fn bad(error: Error) -> Error {
    match error {
        Error::InvalidInput(text) => EksFault::BadRequest(text).into(),
        Error::LimitExceeded(quota) => EksFault::BadRequest(quota.to_string()).into(),
        other => other,
    }
}

/// Changes the tags of a resource.
async fn change_tags(
    call: &Call<'_>,
    arn: &EksText,
    change: impl Fn(&[Tag]) -> Result<Vec<Tag>, Error> + Send + Sync,
) -> Result<(), Error> {
    call.change(|draft| {
        let tagged = found(draft.account, &call.facts.region, arn)?;
        let tags = change(tagged.tags()).map_err(bad)?;
        if tags != tagged.tags() {
            draft.change.put(tagged.with_tags(tags));
        }
        Ok(())
    })
    .await
}

/// TagResource
#[derive(Clone, Debug)]
pub struct TagResource {
    /// `resourceArn`
    pub arn: EksText,
    /// `tags`
    pub tags: Vec<Tag>,
}

impl Operation for TagResource {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "TagResource";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need(call, "eks:TagResource", &self.arn)?.request_tags(&self.tags))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        change_tags(call, &self.arn, |tags| {
            TagCase::Sensitive.merge(tags, &self.tags)
        })
        .await
    }
}

/// UntagResource
#[derive(Clone, Debug)]
pub struct UntagResource {
    /// `resourceArn`
    pub arn: EksText,
    /// `tagKeys`
    pub tag_keys: Vec<TagKey>,
}

impl Operation for UntagResource {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "UntagResource";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let mut need = need(call, "eks:UntagResource", &self.arn)?;
        need.request_tag_keys = &self.tag_keys;
        call.allow(&need)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        change_tags(call, &self.arn, |tags| {
            Ok(TagCase::Sensitive.without(tags, &self.tag_keys))
        })
        .await
    }
}

/// ListTagsForResource
#[derive(Clone, Debug)]
pub struct ListTagsForResource {
    /// `resourceArn`
    pub arn: EksText,
}

impl Operation for ListTagsForResource {
    type Output = Vec<Tag>;
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "ListTagsForResource";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need(call, "eks:ListTagsForResource", &self.arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Vec<Tag>, Error> {
        let tagged = found(call.account()?, &call.facts.region, &self.arn)?;
        Ok(tagged.tags().to_vec())
    }
}
