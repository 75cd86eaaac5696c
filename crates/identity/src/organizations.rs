//! The operations of AWS Organizations: accounts, organizational units, and the policies that bind
//! what is in them.
//!
//! Every account of a realm belongs to its one organization, which has all features and one root.
//! Each operation follows its page of the Organizations API reference, version 2016-11-28. All but
//! DescribeOrganization are the management account's alone, but for reading, which the members may that
//! administer a service for the organization.
//! Of the policy types there are those that decide who may do what; others are not available to
//! the organization.

use crate::caller::Need;
use crate::directory::Directory;
use crate::entity::Organization;
use crate::error::Error;
use crate::names::{AccountId, Constrained as _, PolicyType, PolicyTypeName, Tag};
use crate::operation::{Call, Granted, Operation};
use std::sync::Arc;

mod accounts;
mod attachments;
mod fault;
mod policies;
mod services;
mod tags;
pub mod tree;
mod units;

pub use accounts::{
    AccountView, CreateAccount, DescribeAccount, DescribeCreateAccountStatus, DescribeOrganization,
    DescribedOrganization, ListAccounts, ListAccountsForParent, MoveAccount,
};
pub use attachments::{
    AttachPolicy, AttachedTo, DetachPolicy, DisablePolicyType, EnablePolicyType,
    ListPoliciesForTarget, ListTargetsForPolicy,
};
pub use fault::{ConstraintReason, Fault, InvalidReason};
pub use policies::{
    CreatePolicy, DeletePolicy, DescribePolicy, ListPolicies, PolicyView, UpdatePolicy,
};
pub use services::{
    DelegatedAdministrator, DeregisterDelegatedAdministrator, DisableAwsServiceAccess,
    EnableAwsServiceAccess, ListAwsServiceAccessForOrganization, ListDelegatedAdministrators,
    ListDelegatedServicesForAccount, RegisterDelegatedAdministrator, SinceWhen,
};
pub use tags::{ListTagsForResource, TagResource, UntagResource};
pub use units::{
    Child, ChildType, CreateOrganizationalUnit, DeleteOrganizationalUnit,
    DescribeOrganizationalUnit, ListChildren, ListOrganizationalUnitsForParent, ListParents,
    ListRoots, UnitView, UpdateOrganizationalUnit,
};

/// Quotas of an organization, as AWS publishes them.
mod quotas {
    use crate::names::PolicyType;

    /// Units below one another, the root not counted.
    pub(super) const UNIT_DEPTH: usize = 5;
    /// Units of an organization.
    pub(super) const UNITS: usize = 2000;
    /// Policies of a type attached to one target, AWS's counted.
    pub(super) const ATTACHED: usize = 5;
    /// Tags of one resource.
    pub(super) const TAGS: usize = 50;
    /// Members that administer one service.
    pub(super) const DELEGATED_ADMINISTRATORS: usize = 5;

    /// Policies of a type in an organization.
    pub(super) fn policies(policy_type: PolicyType) -> usize {
        match policy_type {
            PolicyType::ServiceControl => 10_000,
            PolicyType::ResourceControl => 1000,
        }
    }
}

fn organization(directory: &Directory) -> Result<Arc<Organization>, Error> {
    directory
        .organization
        .clone()
        .ok_or_else(|| Error::Internal("the realm has no organization".into()))
}

/// The policy type of that name, where policies of it can be had.
fn available(name: PolicyTypeName) -> Result<PolicyType, Error> {
    name.known().ok_or(Fault::PolicyTypeNotAvailable.into())
}

/// The need of an operation that names no resource.
fn need<'a, O: Operation>(resource: impl Into<std::borrow::Cow<'a, str>>) -> Need<'a> {
    Need::new(format!("organizations:{}", O::NAME), resource)
}

/// The need of an operation on what has that id, whether or not it is there.
///
/// For a member account that does not read the organization nothing is there: its own policies could
/// otherwise ask, by the tags of other accounts and the types of policies, what is none of its
/// business.
fn need_on<'a, O: Operation>(call: &'a Call<'_>, id: &str) -> Result<Need<'a>, Error> {
    let directory = call.caller.directory();
    let organization = organization(directory)?;
    let of = |kind: &str| organization.arn(&format!("{kind}/{}/{id}", organization.id));
    if !organization.is_read_by(call.account()?.id) {
        let kind = match id.split_once('-') {
            Some(("r", _)) => "root",
            Some(("ou", _)) => "ou",
            Some(_) => return Ok(need::<O>("*")),
            None => "account",
        };
        return Ok(need::<O>(of(kind)));
    }
    let tree = directory.tree();
    let (arn, tags): (_, &[Tag]) = if id.starts_with("r-") {
        let tags = directory.organization.as_ref().map(|own| &*own.root_tags);
        let here = id == tree.root();
        (of("root"), tags.filter(|_| here).unwrap_or_default())
    } else if id.starts_with("ou-") {
        (of("ou"), tree.unit(id).map_or(&[], |unit| &unit.tags))
    } else if id.starts_with("p-") {
        match tree.policy(id) {
            Some(state) => (state.arn(&organization), &state.policy.tags),
            // Its ARN would tell its type.
            None => ("*".to_owned(), &[]),
        }
    } else {
        let account = AccountId::parse(id)
            .ok()
            .and_then(|id| directory.accounts.get(&id));
        (of("account"), account.map_or(&[], |found| &found.tags))
    };
    Ok(need::<O>(arn).resource_tags(tags, None))
}

/// The need of an operation on a policy: its type is a condition key.
fn need_on_policy<'a, O: Operation>(call: &'a Call<'_>, id: &str) -> Result<Need<'a>, Error> {
    Ok(need_on::<O>(call, id)?.key_if(POLICY_TYPE, type_of(call, id)?))
}

/// The type of a policy, for callers who may read it.
fn type_of(call: &Call<'_>, id: &str) -> Result<Option<&'static str>, Error> {
    let directory = call.caller.directory();
    if !organization(directory)?.is_read_by(call.account()?.id) {
        return Ok(None);
    }
    let state = directory.tree().policy(id);
    Ok(state.map(|state| state.policy.policy_type.as_str()))
}

/// The condition key `organizations:PolicyType`.
const POLICY_TYPE: &str = "organizations:policytype";

/// Passes the management account's callers who have every need allowed.
fn management_only<'a>(
    call: &Call<'_>,
    needs: impl IntoIterator<Item = Need<'a>>,
) -> Result<Granted, Error> {
    passing(call, needs, |organization, account| {
        account == organization.management_account
    })
}

/// Passes callers who have every need allowed, of the management account and of members that administer
/// a service.
fn readers<'a>(
    call: &Call<'_>,
    needs: impl IntoIterator<Item = Need<'a>>,
) -> Result<Granted, Error> {
    passing(call, needs, Organization::is_read_by)
}

fn passing<'a>(
    call: &Call<'_>,
    needs: impl IntoIterator<Item = Need<'a>>,
    passes: impl Fn(&Organization, AccountId) -> bool,
) -> Result<Granted, Error> {
    let mut granted = Err(Error::NotManagementAccount);
    for need in needs {
        granted = Ok(call.allow(&need)?);
    }
    let organization = organization(call.caller.directory())?;
    if passes(&organization, call.account()?.id) {
        granted
    } else {
        Err(Error::NotManagementAccount)
    }
}

/// Tags that something is made with need a permission of their own.
fn tagging<'a>(tags: &'a [Tag]) -> Option<Need<'a>> {
    (!tags.is_empty()).then(|| need::<TagResource>("*").request_tags(tags))
}
