//! The operations of AWS Identity and Access Management.
//!
//! Each follows its page of the IAM API reference, version 2010-05-08. An operation resolves the
//! name it was given to the stored entity first, so that policies see the stored ARN whatever the
//! letter case of the request; a name that nothing has is authorized as the ARN it would have.

use crate::account::{Account, GroupState, RoleState, UserState};
use crate::caller::Need;
use crate::error::{Error, Missing, Quota};
use crate::names::{Tag, TagKey};
use crate::operation::Call;
use crate::quotas::TAGS;
use locum_policy::Arn;
use std::sync::Arc;

pub mod access_keys;
pub mod attachments;
pub mod delegation;
pub mod groups;
pub mod inline_policies;
pub mod mfa_devices;
pub mod outbound;
pub mod policies;
pub mod roles;
pub mod root_access;
pub mod simulate;
pub mod users;

/// Where a page begins and how long it may be.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct PageRequest {
    /// The sort key of the last item of the page before; empty for the first page. It stays good
    /// when items come or go between pages.
    pub behind: String,
    /// `MaxItems`, 1 to 1000; 100 if not given.
    pub max_items: Option<usize>,
}

/// A page of a list.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// The sort key of the last item, if there are more behind it.
    pub next: Option<String>,
}

impl PageRequest {
    /// Cuts a page out of `items`, which come in the order of their sort keys, from behind the
    /// marker on.
    pub fn page<'a, T>(&self, items: impl Iterator<Item = (&'a str, T)>) -> Page<T> {
        let limit = self.max_items.unwrap_or(100);
        let mut page = Page {
            items: Vec::new(),
            next: None,
        };
        let mut last = "";
        for (key, item) in items {
            if page.items.len() == limit {
                page.next = Some(last.to_owned());
                break;
            }
            last = key;
            page.items.push(item);
        }
        page
    }

    /// Like [`PageRequest::page`], for items that are sorted but not yet behind the marker.
    pub fn page_of_all<'a, T>(&self, items: impl Iterator<Item = (&'a str, T)>) -> Page<T> {
        self.page(items.filter(|(key, _)| self.behind.is_empty() || *key > self.behind.as_str()))
    }
}

pub(crate) fn user<'a>(account: &'a Account, name: &str) -> Result<&'a Arc<UserState>, Error> {
    account
        .users
        .named(name)
        .ok_or_else(|| Error::NoSuchEntity(Missing::User(name.to_owned())))
}

pub(crate) fn group<'a>(account: &'a Account, name: &str) -> Result<&'a Arc<GroupState>, Error> {
    account
        .groups
        .named(name)
        .ok_or_else(|| Error::NoSuchEntity(Missing::Group(name.to_owned())))
}

pub(crate) fn role<'a>(account: &'a Account, name: &str) -> Result<&'a Arc<RoleState>, Error> {
    account
        .roles
        .named(name)
        .ok_or_else(|| Error::NoSuchEntity(Missing::Role(name.to_owned())))
}

/// The need of an action on a user that may or may not exist.
pub(crate) fn need_on_user<'a>(
    call: &'a Call<'_>,
    action: &'static str,
    name: &str,
) -> Result<Need<'a>, Error> {
    let account = call.account()?;
    Ok(match account.users.named(name) {
        Some(state) => Need::new(action, state.arn.as_str())
            .resource_tags(&state.user.tags, Some("iam:resourcetag/"))
            .key_if(
                "iam:permissionsboundary",
                state.user.permissions_boundary.as_deref(),
            ),
        None => Need::new(action, account.iam_arn(&format!("user/{name}"))),
    })
}

/// The need of an action on a group that may or may not exist.
pub(crate) fn need_on_group<'a>(
    call: &'a Call<'_>,
    action: &'static str,
    name: &str,
) -> Result<Need<'a>, Error> {
    let account = call.account()?;
    Ok(match account.groups.named(name) {
        Some(state) => Need::new(action, state.arn.as_str()),
        None => Need::new(action, account.iam_arn(&format!("group/{name}"))),
    })
}

/// The need of an action on a role that may or may not exist.
pub(crate) fn need_on_role<'a>(
    call: &'a Call<'_>,
    action: &'static str,
    name: &str,
) -> Result<Need<'a>, Error> {
    let account = call.account()?;
    Ok(match account.roles.named(name) {
        Some(state) => Need::new(action, state.arn.as_str())
            .resource_tags(&state.role.tags, Some("iam:resourcetag/"))
            .key_if(
                "iam:permissionsboundary",
                state.role.permissions_boundary.as_deref(),
            ),
        None => Need::new(action, account.iam_arn(&format!("role/{name}"))),
    })
}

/// The ARN of a policy must at least be one. The two blanks are AWS's.
pub(crate) fn parsed_arn(arn: &str) -> Result<Arn, Error> {
    Arn::parse(arn)
        .ok_or_else(|| Error::ValidationText("Invalid ARN:  Could not be parsed!".to_owned()))
}

/// A managed policy by its ARN must be there to be attached or to bound.
pub(crate) fn attachable(account: &Account, arn: &str) -> Result<(), Error> {
    parsed_arn(arn)?;
    match account.managed_policy(arn) {
        Some(_) => Ok(()),
        None => Err(Error::NoSuchEntity(Missing::PolicyNotAttachable(
            arn.to_owned(),
        ))),
    }
}

/// Whether two tag keys are the same tag.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum TagCase {
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
