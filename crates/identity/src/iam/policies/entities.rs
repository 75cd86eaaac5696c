//! Who uses a managed policy.

use super::{Found, PolicyUsage, need_on_policy};
use crate::account::{GroupState, RoleState, UserState};
use crate::entity::Attachments;
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::names::{ArnText, Path};
use crate::operation::{Call, Granted, Operation, Service};
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
    fn lists(
        &self,
        kind: EntityFilter,
        path: &Path,
        policies: &Attachments,
        boundary: Option<&String>,
    ) -> bool {
        let arn = self.policy_arn.as_str();
        let attached = policies.attached.iter().any(|other| other == arn);
        let bounded = boundary.is_some_and(|other| other == arn);
        let used = match self.policy_usage_filter {
            None => attached || bounded,
            Some(PolicyUsage::PermissionsPolicy) => attached,
            Some(PolicyUsage::PermissionsBoundary) => bounded,
        };
        used && self.entity_filter.is_none_or(|filter| filter == kind)
            && self
                .path_prefix
                .as_ref()
                .is_none_or(|prefix| path.as_str().starts_with(prefix.as_str()))
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
        let groups = account.groups.iter().filter(|(_, state)| {
            self.lists(
                EntityFilter::Group,
                &state.group.path,
                &state.group.policies,
                None,
            )
        });
        let roles = account.roles.iter().filter(|(_, state)| {
            let role = &state.role;
            self.lists(
                EntityFilter::Role,
                &role.path,
                &role.policies,
                role.permissions_boundary.as_ref(),
            )
        });
        let users = account.users.iter().filter(|(_, state)| {
            let user = &state.user;
            self.lists(
                EntityFilter::User,
                &user.path,
                &user.policies,
                user.permissions_boundary.as_ref(),
            )
        });
        let all: Vec<_> = groups
            .map(|(name, state)| (format!("1/{name}"), PolicyEntity::Group(state.clone())))
            .chain(
                roles.map(|(name, state)| (format!("2/{name}"), PolicyEntity::Role(state.clone()))),
            )
            .chain(
                users.map(|(name, state)| (format!("3/{name}"), PolicyEntity::User(state.clone()))),
            )
            .collect();
        Ok(self.page.page_of_all(
            all.iter()
                .map(|(key, entity)| (key.as_str(), entity.clone())),
        ))
    }
}
