//! Tags: one implementation for every kind of resource that takes them.

use super::{Named, Page, PageRequest};
use crate::account::Account;
use crate::caller::Need;
use crate::error::{Error, Quota};
use crate::names::{Tag, TagKey};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::TAGS;

/// A kind of resource that takes tags.
pub trait Taggable: Named {
    /// The operations that put tags on it, take them off and list them.
    const OPERATIONS: [&'static str; 3];
    /// Whether letter case tells tag keys apart.
    const CASE: TagCase = TagCase::Sensitive;
    /// Whether a request may have no tags in its list: AWS's operations on identity providers refuse
    /// it.
    const TAKES_NONE: bool = true;

    /// The tags.
    fn tags(&self) -> &[Tag];

    /// The tags, to be changed.
    fn tags_mut(&mut self) -> &mut Vec<Tag>;

    /// The tags of a resource that need not be the account's to change.
    ///
    /// # Errors
    /// Those of [`Named::find`].
    fn shown_tags(account: &Account, name: &Self::Name) -> Result<Vec<Tag>, Error> {
        Self::find(account, name).map(|found| found.tags().to_vec())
    }

    /// The actions that changing tags with these keys needs besides the operation's own.
    fn more_actions<'k>(_keys: impl Iterator<Item = &'k TagKey> + Clone) -> Vec<&'static str> {
        Vec::new()
    }

    /// Puts tags: a known key gets the new value and spelling.
    ///
    /// # Errors
    /// [`Error::InvalidInput`] for tags that cannot be, [`Error::LimitExceeded`] for too many.
    fn put_tags(&mut self, tags: &[Tag]) -> Result<(), Error> {
        *self.tags_mut() = Self::CASE.merge(self.tags(), tags)?;
        Ok(())
    }

    /// Takes off the tags with these keys.
    fn remove_tags(&mut self, keys: &[TagKey]) {
        *self.tags_mut() = Self::CASE.without(self.tags(), keys);
    }
}

/// [`Taggable::tags`] and [`Taggable::tags_mut`] of a kind that has them in its field `tags`.
macro_rules! tags_of_field {
    () => {
        fn tags(&self) -> &[$crate::names::Tag] {
            &self.tags
        }

        fn tags_mut(&mut self) -> &mut Vec<$crate::names::Tag> {
            &mut self.tags
        }
    };
}
pub(super) use tags_of_field;

/// `InvalidInput` for an empty list, where the kind takes none.
fn check_filled<R: Taggable>(count: usize, name: &str) -> Result<(), Error> {
    if count == 0 && !R::TAKES_NONE {
        return Err(Error::InvalidInput(format!("{name} must not be empty.")));
    }
    Ok(())
}

/// Decides about a change of tags.
fn allow<'k, R: Taggable>(
    call: &Call<'_>,
    mut need: Need<'_>,
    keys: impl Iterator<Item = &'k TagKey> + Clone,
) -> Result<Granted, Error> {
    let granted = call.allow(&need)?;
    for action in R::more_actions(keys) {
        need.action = action.into();
        call.allow(&need)?;
    }
    Ok(granted)
}

fn action(operation: &str) -> String {
    format!("iam:{operation}")
}

/// TagUser and its like: puts tags on a resource.
#[derive(Clone, Debug)]
pub struct TagResource<R: Taggable> {
    /// What names the resource: `UserName` and its like.
    pub resource: R::Name,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl<R: Taggable> Operation for TagResource<R> {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = R::OPERATIONS[0];

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let need = R::need(call, action(Self::NAME), &self.resource)?.request_tags(&self.tags);
        allow::<R>(call, need, self.tags.iter().map(|tag| &tag.key))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let mut tagged = R::find(draft.account, &self.resource)?.clone();
            check_filled::<R>(self.tags.len(), "Tags")?;
            tagged.put_tags(&self.tags)?;
            draft.change.put(tagged);
            Ok(())
        })
        .await
    }
}

/// UntagUser and its like: takes tags off a resource. Keys that it does not have are no error.
#[derive(Clone, Debug)]
pub struct UntagResource<R: Taggable> {
    /// What names the resource: `UserName` and its like.
    pub resource: R::Name,
    /// `TagKeys`
    pub tag_keys: Vec<TagKey>,
}

impl<R: Taggable> Operation for UntagResource<R> {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = R::OPERATIONS[1];

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let mut need = R::need(call, action(Self::NAME), &self.resource)?;
        need.request_tag_keys = &self.tag_keys;
        allow::<R>(call, need, self.tag_keys.iter())
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let mut untagged = R::find(draft.account, &self.resource)?.clone();
            check_filled::<R>(self.tag_keys.len(), "TagKeys")?;
            untagged.remove_tags(&self.tag_keys);
            draft.change.put(untagged);
            Ok(())
        })
        .await
    }
}

/// ListUserTags and its like: the tags of a resource, by key.
#[derive(Clone, Debug)]
pub struct ListResourceTags<R: Taggable> {
    /// What names the resource: `UserName` and its like.
    pub resource: R::Name,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl<R: Taggable> Operation for ListResourceTags<R> {
    type Output = Page<Tag>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = R::OPERATIONS[2];

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&R::need(call, action(Self::NAME), &self.resource)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Page<Tag>, Error> {
        let tags = R::shown_tags(call.account()?, &self.resource)?;
        Ok(page_of_tags(&tags, &self.page))
    }
}

/// Whether two tag keys are the same tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum TagCase {
    /// Users and roles: letter case does not tell keys apart.
    Insensitive,
    /// Everything else.
    Sensitive,
}

impl TagCase {
    fn same(self, one: &TagKey, other: &TagKey) -> bool {
        match self {
            Self::Insensitive => one.as_str().to_lowercase() == other.as_str().to_lowercase(),
            Self::Sensitive => one == other,
        }
    }

    /// Checks tags from a request: no key twice, none in a reserved namespace.
    pub(crate) fn check(self, tags: &[Tag]) -> Result<(), Error> {
        self.check_each(tags, |tag| tag.key.check_unreserved())
    }

    /// Checks tags from a request: no key twice, and what `check` finds in each.
    pub(crate) fn check_each(
        self,
        tags: &[Tag],
        check: impl Fn(&Tag) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for (place, tag) in tags.iter().enumerate() {
            check(tag)?;
            if tags
                .iter()
                .take(place)
                .any(|earlier| self.same(&earlier.key, &tag.key))
            {
                return Err(Error::InvalidInput(
                    "Duplicate tag keys found. Please note that Tag keys are case insensitive."
                        .to_owned(),
                ));
            }
        }
        Ok(())
    }

    /// `tags` with `new` ones put in: a known key gets the new value and spelling.
    pub(crate) fn merge(self, tags: &[Tag], new: &[Tag]) -> Result<Vec<Tag>, Error> {
        self.check(new)?;
        self.put(tags, new)
    }

    /// The same, of new tags that were checked.
    pub(crate) fn put(self, tags: &[Tag], new: &[Tag]) -> Result<Vec<Tag>, Error> {
        let mut merged = tags.to_vec();
        merged.retain(|tag| !new.iter().any(|other| self.same(&tag.key, &other.key)));
        merged.extend_from_slice(new);
        if merged.len() > TAGS {
            return Err(Error::LimitExceeded(Quota::Count {
                name: "TagsPerResource",
                limit: TAGS,
            }));
        }
        Ok(merged)
    }

    /// `tags` without those of `keys`.
    pub(crate) fn without(self, tags: &[Tag], keys: &[TagKey]) -> Vec<Tag> {
        tags.iter()
            .filter(|tag| !keys.iter().any(|key| self.same(&tag.key, key)))
            .cloned()
            .collect()
    }
}

/// A page of tags, by key.
pub(crate) fn page_of_tags(tags: &[Tag], page: &PageRequest) -> Page<Tag> {
    let mut sorted: Vec<_> = tags.iter().collect();
    sorted.sort_by_key(|tag| &tag.key);
    page.page_of_all(
        sorted
            .into_iter()
            .map(|tag| (tag.key.as_str(), tag.clone())),
    )
}
