//! What policies principals have, worked out when something they rest on changes.

use super::{Account, Link, PrincipalPolicies, RoleState, Touched, UserState};
use crate::entity::{Attachments, Damaged, EntityKind};
use crate::ids::UniqueId;
use locum_policy::Compiled;
use std::sync::Arc;

impl Account {
    /// Resolves the policies of every principal that the change concerns: those that were put, and
    /// those that refer to what was.
    pub(super) fn resolve(&mut self, mut touched: Touched) -> Result<(), Damaged> {
        for arn in &touched.policies {
            let with = |link, kind| {
                let linked = self.linked(arn, link, kind);
                linked.map(UniqueId::stored).collect::<Vec<_>>()
            };
            touched
                .groups
                .extend(with(Link::Attached, EntityKind::Group));
            for link in [Link::Attached, Link::Bounded] {
                touched.users.extend(with(link, EntityKind::User));
                touched.roles.extend(with(link, EntityKind::Role));
            }
        }
        for group in &touched.groups {
            let members = self.linked(group.as_str(), Link::Member, EntityKind::User);
            touched.users.extend(members.map(UniqueId::stored));
        }
        for id in &touched.users {
            self.resolve_user(id)?;
        }
        for id in &touched.roles {
            self.resolve_role(id)?;
        }
        Ok(())
    }

    fn resolve_user(&mut self, id: &UniqueId) -> Result<(), Damaged> {
        // A change may put an entity and delete it.
        let Some(state) = self.users.with_id(id) else {
            return Ok(());
        };
        let damaged = || Damaged {
            kind: EntityKind::User.as_str().to_owned(),
            key: id.to_string(),
        };
        let mut identity = state.inline.clone();
        self.attached(&state.user.policies, &mut identity)
            .ok_or_else(damaged)?;
        for group in &state.user.groups {
            let group = self.groups.with_id(group).ok_or_else(damaged)?;
            identity.extend_from_slice(&group.inline);
            self.attached(&group.group.policies, &mut identity)
                .ok_or_else(damaged)?;
        }
        let boundary = self
            .boundary(state.user.permissions_boundary.as_deref())
            .ok_or_else(damaged)?;
        let resolved = UserState {
            user: state.user.clone(),
            arn: state.arn.clone(),
            inline: state.inline.clone(),
            policies: PrincipalPolicies {
                identity: identity.into(),
                boundary,
            },
        };
        let name = resolved.user.name.clone();
        Arc::make_mut(&mut self.users).insert(id, name.as_str(), resolved);
        Ok(())
    }

    fn resolve_role(&mut self, id: &UniqueId) -> Result<(), Damaged> {
        let Some(state) = self.roles.with_id(id) else {
            return Ok(());
        };
        let damaged = || Damaged {
            kind: EntityKind::Role.as_str().to_owned(),
            key: id.to_string(),
        };
        let mut identity = state.inline.clone();
        self.attached(&state.role.policies, &mut identity)
            .ok_or_else(damaged)?;
        let boundary = self
            .boundary(state.role.permissions_boundary.as_deref())
            .ok_or_else(damaged)?;
        let resolved = RoleState {
            role: state.role.clone(),
            arn: state.arn.clone(),
            trust: state.trust.clone(),
            inline: state.inline.clone(),
            policies: PrincipalPolicies {
                identity: identity.into(),
                boundary,
            },
        };
        let name = resolved.role.name.clone();
        Arc::make_mut(&mut self.roles).insert(id, name.as_str(), resolved);
        Ok(())
    }

    fn attached(&self, policies: &Attachments, into: &mut Vec<Arc<Compiled>>) -> Option<()> {
        for arn in &policies.attached {
            into.push(self.managed_policy(arn)?);
        }
        Some(())
    }

    fn boundary(&self, arn: Option<&str>) -> Option<Option<Arc<Compiled>>> {
        match arn {
            Some(arn) => self.managed_policy(arn).map(Some),
            None => Some(None),
        }
    }
}
