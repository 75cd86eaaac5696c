//! The operations of AWS Identity and Access Management.
//!
//! Each follows its page of the IAM API reference, version 2010-05-08. An operation resolves the
//! name it was given to the stored entity first, so that policies see the stored ARN whatever the
//! letter case of the request; a name that nothing has is authorized as the ARN it would have.

use crate::account::{Account, GroupState, RoleState, UserState};
use crate::caller::Need;
use crate::entity::Entity;
use crate::error::{Error, Missing};
use crate::operation::Call;
use locum_policy::Arn;
use std::borrow::Cow;
use std::sync::Arc;

pub mod access_keys;
pub mod account_aliases;
pub mod account_properties;
pub mod account_summary;
pub mod attachments;
pub mod authorization_details;
pub mod boundaries;
pub mod credential_report;
pub mod delegation;
pub mod groups;
pub mod inline_policies;
pub mod instance_profiles;
pub mod last_accessed;
pub mod login_profiles;
pub mod mfa_devices;
pub mod open_id_connect_providers;
pub mod outbound;
pub mod password_policy;
pub mod policies;
mod provider_arns;
pub mod role_templates;
pub mod roles;
pub mod root_access;
pub mod saml_providers;
pub mod server_certificates;
pub mod service_credentials;
pub mod service_linked_roles;
pub mod signing_certificates;
pub mod simulate;
pub mod ssh_public_keys;
pub mod tags;
pub mod users;

pub(crate) use tags::{TagCase, page_of_tags};

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
    /// How many items the page may have.
    pub(crate) fn limit(&self) -> usize {
        self.max_items.unwrap_or(100)
    }

    /// Cuts a page out of `items`, which come in the order of their sort keys, from behind the
    /// marker on.
    pub fn page<'a, T>(&self, items: impl Iterator<Item = (&'a str, T)>) -> Page<T> {
        let limit = self.limit();
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

/// An entity of an account that requests name, by its name, ARN or serial number.
pub trait Named: Clone + Into<Entity> + Send + Sync + 'static {
    /// What they name it by.
    type Name: Clone + Send + Sync;

    /// The entity, to be changed.
    ///
    /// # Errors
    /// [`Error::NoSuchEntity`], and [`Error::Forbidden`] for what is not the account's to change.
    fn find<'a>(account: &'a Account, name: &Self::Name) -> Result<&'a Self, Error>;

    /// The need of an action on the entity, which may or may not exist.
    ///
    /// # Errors
    /// [`Error::ValidationText`], where the name cannot be one.
    fn need<'a>(
        call: &'a Call<'_>,
        action: String,
        name: &'a Self::Name,
    ) -> Result<Need<'a>, Error>;
}

/// The need of an action on a user that may or may not exist.
pub(crate) fn need_on_user<'a>(
    call: &'a Call<'_>,
    action: impl Into<Cow<'a, str>>,
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
    action: impl Into<Cow<'a, str>>,
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
    action: impl Into<Cow<'a, str>>,
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
