//! Who uses a managed policy.

use super::{Found, PolicyUsage, need_on_policy};
use crate::account::{Account, GroupState, Link, RoleState, UserState};
use crate::entity::EntityKind;
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::names::{ArnText, Path};
use crate::operation::{Call, Granted, Operation, Service};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Which entities ListEntitiesForPolicy lists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EntityFilter {
    /// Users.
    User,
    /// Groups.
    Group,
    /// Roles.
    Role,
    /// None: the account has no entities that are policies (`LocalManagedPolicy`,
    /// `AWSManagedPolicy`).
    Policy,
}

/// Who uses a managed policy.
#[derive(Clone, Debug)]
pub enum PolicyEntity {
    /// A group it is attached to.
    Group(Arc<GroupState>),
    /// A role it is attached to or bounds.
    Role(Arc<RoleState>),
    /// A user it is attached to or bounds.
    User(Arc<UserState>),
}

/// ListEntitiesForPolicy: groups, then roles, then users, each by name.
#[derive(Clone, Debug)]
pub struct ListEntitiesForPolicy {
    /// `PolicyArn`
    pub policy_arn: ArnText,
    /// `EntityFilter`
    pub entity_filter: Option<EntityFilter>,
    /// `PathPrefix`, of the entities.
    pub path_prefix: Option<Path>,
    /// `PolicyUsageFilter`
    pub policy_usage_filter: Option<PolicyUsage>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl ListEntitiesForPolicy {
    /// The ids of the entities of a kind that use the policy, as far as they are asked for.
    fn users_of<'a>(
        &self,
        account: &'a Account,
        filter: EntityFilter,
        kind: EntityKind,
    ) -> BTreeSet<&'a str> {
        let links = match self.policy_usage_filter {
            None => &[Link::Attached, Link::Bounded][..],
            Some(PolicyUsage::PermissionsPolicy) => &[Link::Attached],
            Some(PolicyUsage::PermissionsBoundary) => &[Link::Bounded],
        };
        let asked = self.entity_filter.is_none_or(|asked| asked == filter);
        let links = links.iter().filter(|_| asked);
        links
            .flat_map(|link| account.linked(self.policy_arn.as_str(), *link, kind))
            .collect()
    }

    fn covers(&self, path: &Path) -> bool {
        let prefix = self.path_prefix.as_ref();
        prefix.is_none_or(|prefix| path.as_str().starts_with(prefix.as_str()))
    }
}

impl Operation for ListEntitiesForPolicy {
    type Output = Page<PolicyEntity>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListEntitiesForPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_policy(
            call,
            "iam:ListEntitiesForPolicy",
            &self.policy_arn,
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        Found::find(account, self.policy_arn.as_str())?;
        let mut all = BTreeMap::new();
        for id in self.users_of(account, EntityFilter::Group, EntityKind::Group) {
            if let Some((name, state)) = account.groups.entry(id)
                && self.covers(&state.group.path)
            {
                all.insert(format!("1/{name}"), PolicyEntity::Group(state.clone()));
            }
        }
        for id in self.users_of(account, EntityFilter::Role, EntityKind::Role) {
            if let Some((name, state)) = account.roles.entry(id)
                && self.covers(&state.role.path)
            {
                all.insert(format!("2/{name}"), PolicyEntity::Role(state.clone()));
            }
        }
        for id in self.users_of(account, EntityFilter::User, EntityKind::User) {
            if let Some((name, state)) = account.users.entry(id)
                && self.covers(&state.user.path)
            {
                all.insert(format!("3/{name}"), PolicyEntity::User(state.clone()));
            }
        }
        Ok(self.page.page_of_all(
            all.iter()
                .map(|(key, entity)| (key.as_str(), entity.clone())),
        ))
    }
}
