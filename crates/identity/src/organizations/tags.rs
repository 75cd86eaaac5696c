//! Tags of accounts, units, policies and the root. Keys are case-sensitive.

use super::{ConstraintReason, Fault, InvalidReason, management_only, need_on, quotas, readers};
use crate::directory::Directory;
use crate::entity::{AccountRecord, Change, Organization, OrganizationPolicy, OrganizationalUnit};
use crate::error::Error;
use crate::iam::{Page, PageRequest, page_of_tags};
use crate::names::{AccountId, Constrained as _, Reserved, Tag, TagKey, TaggableId};
use crate::operation::{Call, Granted, Operation, Service};

/// Checks tags that something gets: their number, and their keys, which are not AWS's own and
/// differ.
pub(super) fn check(tags: &[Tag]) -> Result<(), Error> {
    for (place, tag) in tags.iter().enumerate() {
        check_key(&tag.key)?;
        if tags
            .iter()
            .take(place)
            .any(|earlier| earlier.key == tag.key)
        {
            return Err(InvalidReason::DuplicateTagKey.into());
        }
    }
    check_number(tags)
}

fn check_number(tags: &[Tag]) -> Result<(), Error> {
    if tags.len() > quotas::TAGS {
        Err(ConstraintReason::MaxTagLimitExceeded.into())
    } else {
        Ok(())
    }
}

fn check_key(key: &TagKey) -> Result<(), Error> {
    if key.reserved().is_some() {
        Err(InvalidReason::InvalidSystemTagsParameter.into())
    } else {
        Ok(())
    }
}

/// TagResource: new tags, and new values of old ones.
#[derive(Clone, Debug)]
pub struct TagResource {
    /// `ResourceId`
    pub resource_id: TaggableId,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for TagResource {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "TagResource";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let tag = need_on::<Self>(call, self.resource_id.as_str())?;
        management_only(call, [tag.request_tags(&self.tags)])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        check(&self.tags)?;
        call.change_organization(|directory, change| {
            change_tags(directory, change, &self.resource_id, |tags| {
                tags.retain(|old| self.tags.iter().all(|new| new.key != old.key));
                tags.extend_from_slice(&self.tags);
                check_number(tags)
            })
        })
        .await
    }
}

/// UntagResource: keys that are not there are no failure.
#[derive(Clone, Debug)]
pub struct UntagResource {
    /// `ResourceId`
    pub resource_id: TaggableId,
    /// `TagKeys`
    pub tag_keys: Vec<TagKey>,
}

impl Operation for UntagResource {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "UntagResource";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let mut untag = need_on::<Self>(call, self.resource_id.as_str())?;
        untag.request_tag_keys = &self.tag_keys;
        management_only(call, [untag])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        // A tag of before the namespace was ours can go.
        let of_aws = |key: &TagKey| key.reserved() == Some(Reserved::Aws);
        if self.tag_keys.iter().any(of_aws) {
            return Err(InvalidReason::InvalidSystemTagsParameter.into());
        }
        call.change_organization(|directory, change| {
            change_tags(directory, change, &self.resource_id, |tags| {
                tags.retain(|tag| !self.tag_keys.contains(&tag.key));
                Ok(())
            })
        })
        .await
    }
}

/// ListTagsForResource: all at once, by key.
#[derive(Clone, Debug)]
pub struct ListTagsForResource {
    /// `ResourceId`
    pub resource_id: TaggableId,
    /// `NextToken`
    pub page: PageRequest,
}

impl Operation for ListTagsForResource {
    type Output = Page<Tag>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListTagsForResource";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need_on::<Self>(call, self.resource_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Page<Tag>, Error> {
        let found = Tagged::find(call.caller.directory(), &self.resource_id)?;
        Ok(page_of_tags(found.tags(), &self.page))
    }
}

/// Something that can have tags.
enum Tagged<'a> {
    Root(&'a Organization),
    Account(&'a AccountRecord),
    Unit(&'a OrganizationalUnit),
    Policy(&'a OrganizationPolicy),
    /// A policy of AWS's, which has none.
    AwsPolicy,
}

impl<'a> Tagged<'a> {
    fn find(directory: &'a Directory, id: &TaggableId) -> Result<Self, Error> {
        let tree = directory.tree();
        let id = id.as_str();
        if let Some(unit) = tree.unit(id) {
            return Ok(Self::Unit(unit));
        }
        if let Some(state) = tree.policy(id) {
            return Ok(if state.aws_managed {
                Self::AwsPolicy
            } else {
                Self::Policy(&state.policy)
            });
        }
        let root = directory.organization.as_deref();
        if let Some(organization) = root.filter(|_| id == tree.root()) {
            return Ok(Self::Root(organization));
        }
        let account = AccountId::parse(id)
            .ok()
            .and_then(|id| directory.accounts.get(&id));
        account
            .map(|account| Self::Account(account))
            .ok_or(Fault::TargetNotFound.into())
    }

    fn tags(&self) -> &'a [Tag] {
        match self {
            Self::Root(organization) => &organization.root_tags,
            Self::Account(account) => &account.tags,
            Self::Unit(unit) => &unit.tags,
            Self::Policy(policy) => &policy.tags,
            Self::AwsPolicy => &[],
        }
    }
}

fn change_tags(
    directory: &Directory,
    change: &mut Change,
    id: &TaggableId,
    edit: impl FnOnce(&mut Vec<Tag>) -> Result<(), Error>,
) -> Result<(), Error> {
    let found = Tagged::find(directory, id)?;
    let mut tags = found.tags().to_vec();
    edit(&mut tags)?;
    if tags == found.tags() {
        return Ok(());
    }
    match found {
        Tagged::Root(organization) => change.put(Organization {
            root_tags: tags,
            ..organization.clone()
        }),
        Tagged::Account(account) => change.put(AccountRecord {
            tags,
            ..account.clone()
        }),
        Tagged::Unit(unit) => change.put(OrganizationalUnit {
            tags,
            ..unit.clone()
        }),
        Tagged::Policy(policy) => change.put(OrganizationPolicy {
            tags,
            ..policy.clone()
        }),
        Tagged::AwsPolicy => return Err(InvalidReason::TargetNotSupported.into()),
    }
    Ok(())
}
