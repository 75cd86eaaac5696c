//! Users, groups, roles and instance profiles of an import.

use super::form::{GroupDetail, InstanceProfileDetail, RoleDetail, UserDetail};
use super::plan::{Planner, legal, shown};
use crate::entity::{Entity, EntityKind, Group, InstanceProfile, Role, User};
use crate::iam::TagCase;
use crate::ids::{IdKind, UniqueId};
use crate::limits::RoleLimits;
use crate::names::{Description, EntityName, MaxSessionDuration, Path, RoleName, UserName};
use crate::quotas::AccountQuota;

impl Planner<'_> {
    pub(super) fn group(&mut self, detail: &GroupDetail) {
        let reasons = &mut Vec::new();
        self.is_second(EntityKind::Group, &detail.group_name, reasons);
        self.check_origin(&detail.arn, reasons);
        let account = self.account;
        let before = account
            .groups
            .named(&detail.group_name)
            .map(|state| &state.group);
        Self::check_spelling(
            before.map(|it| it.name.as_str()),
            &detail.group_name,
            reasons,
        );
        let name = legal::<EntityName>("name", &detail.group_name, reasons);
        let path = legal::<Path>("path", &detail.path, reasons);
        let created = self.moment(detail.create_date.as_ref(), reasons);
        let policies = self.attachments(
            &detail.group_policy_list,
            &detail.attached_managed_policies,
            (
                AccountQuota::GroupPolicySize,
                AccountQuota::PoliciesPerGroup,
            ),
            reasons,
        );
        let id = self
            .planned
            .groups
            .get(&detail.group_name.to_ascii_lowercase());
        let after = id
            .cloned()
            .zip(name.zip(path))
            .map(|(id, (name, path))| Group {
                id,
                name,
                path,
                created: before.map_or(created, |before| before.created),
                policies,
            });
        let before = before.cloned().map(Entity::from);
        let reasons = std::mem::take(reasons);
        self.settle(
            EntityKind::Group,
            &detail.group_name,
            before,
            after.map(Entity::from),
            reasons,
        );
    }

    pub(super) fn user(&mut self, detail: &UserDetail) {
        let reasons = &mut Vec::new();
        self.is_second(EntityKind::User, &detail.user_name, reasons);
        self.check_origin(&detail.arn, reasons);
        let account = self.account;
        let before = account
            .users
            .named(&detail.user_name)
            .map(|state| &state.user);
        Self::check_spelling(
            before.map(|it| it.name.as_str()),
            &detail.user_name,
            reasons,
        );
        let name = legal::<UserName>("name", &detail.user_name, reasons);
        let path = legal::<Path>("path", &detail.path, reasons);
        let created = self.moment(detail.create_date.as_ref(), reasons);
        let tags = self.tags(&detail.tags, TagCase::Insensitive, false, reasons);
        let boundary = detail.permissions_boundary.as_ref();
        let permissions_boundary = self.boundary(boundary, reasons);
        let policies = self.attachments(
            &detail.user_policy_list,
            &detail.attached_managed_policies,
            (AccountQuota::UserPolicySize, AccountQuota::PoliciesPerUser),
            reasons,
        );
        let mut groups: Vec<UniqueId> = Vec::new();
        for group in &detail.group_list {
            let planned = self.planned.groups.get(&group.to_ascii_lowercase());
            let known = || account.groups.named(group).map(|state| &state.group.id);
            match planned.or_else(known) {
                Some(id) if !groups.contains(id) => groups.push(id.clone()),
                Some(_) => {}
                None => reasons.push(format!("there is no group `{}`", shown(group))),
            }
        }
        self.need(AccountQuota::GroupsPerUser, groups.len(), Some(reasons));
        let id = self
            .planned
            .users
            .get(&detail.user_name.to_ascii_lowercase());
        let id = id.map(|user| user.id.clone());
        let after = id.zip(name.zip(path)).map(|(id, (name, path))| User {
            id,
            name,
            path,
            created: before.map_or(created, |before| before.created),
            tags,
            permissions_boundary,
            policies,
            groups,
        });
        let before = before.cloned().map(Entity::from);
        let reasons = std::mem::take(reasons);
        self.settle(
            EntityKind::User,
            &detail.user_name,
            before,
            after.map(Entity::from),
            reasons,
        );
    }

    pub(super) fn role(&mut self, detail: &RoleDetail) {
        let reasons = &mut Vec::new();
        self.is_second(EntityKind::Role, &detail.role_name, reasons);
        self.check_origin(&detail.arn, reasons);
        let account = self.account;
        let before = account
            .roles
            .named(&detail.role_name)
            .map(|state| &state.role);
        Self::check_spelling(
            before.map(|it| it.name.as_str()),
            &detail.role_name,
            reasons,
        );
        let name = legal::<RoleName>("name", &detail.role_name, reasons);
        let path = legal::<Path>("path", &detail.path, reasons);
        Self::check_path(before.map(|it| &it.path), path.as_ref(), reasons);
        let created = self.moment(detail.create_date.as_ref(), reasons);
        let tags = self.tags(&detail.tags, TagCase::Insensitive, true, reasons);
        let trust_policy = self.trust(&detail.assume_role_policy_document, reasons);
        // AWS leaves both out.
        let kept = before.filter(|_| !self.own);
        let description = match &detail.description {
            Some(text) => legal::<Description>("description", text, reasons),
            None => kept.and_then(|before| before.description.clone()),
        };
        let max_session_duration = match detail.max_session_duration {
            Some(seconds) => MaxSessionDuration::from_seconds(seconds).unwrap_or_else(|| {
                reasons.push(format!("MaxSessionDuration cannot be {seconds}"));
                MaxSessionDuration::default()
            }),
            None => kept.map_or_else(Default::default, |before| before.max_session_duration),
        };
        let mut limits = kept.map_or_else(RoleLimits::default, |before| before.limits);
        if self.own {
            limits.set(&tags);
        }
        let boundary = detail.permissions_boundary.as_ref();
        let permissions_boundary = self.boundary(boundary, reasons);
        let policies = self.attachments(
            &detail.role_policy_list,
            &detail.attached_managed_policies,
            (AccountQuota::RolePolicySize, AccountQuota::PoliciesPerRole),
            reasons,
        );
        let id = self
            .planned
            .roles
            .get(&detail.role_name.to_ascii_lowercase());
        let id = id.map(|role| role.id.clone());
        let parts = id.zip(name.zip(path)).zip(trust_policy);
        let after = parts.map(|((id, (name, path)), trust_policy)| Role {
            id,
            name,
            path,
            created: before.map_or(created, |before| before.created),
            description,
            max_session_duration,
            trust_policy,
            tags,
            limits,
            permissions_boundary,
            source: before.and_then(|before| before.source.clone()),
            policies,
        });
        let before = before.cloned().map(Entity::from);
        let reasons = std::mem::take(reasons);
        self.settle(
            EntityKind::Role,
            &detail.role_name,
            before,
            after.map(Entity::from),
            reasons,
        );
    }

    pub(super) fn instance_profile(
        &mut self,
        detail: &InstanceProfileDetail,
        role: Option<UniqueId>,
    ) {
        let reasons = &mut Vec::new();
        let given = &detail.instance_profile_name;
        self.is_second(EntityKind::InstanceProfile, given, reasons);
        self.check_origin(&detail.arn, reasons);
        let account = self.account;
        let before = account
            .instance_profiles
            .named(given)
            .map(|state| &state.profile);
        Self::check_spelling(before.map(|it| it.name.as_str()), given, reasons);
        let name = legal::<EntityName>("name", given, reasons);
        let path = legal::<Path>("path", &detail.path, reasons);
        Self::check_path(before.map(|it| &it.path), path.as_ref(), reasons);
        let created = self.moment(detail.create_date.as_ref(), reasons);
        let kept = before.filter(|_| !self.own && detail.tags.is_empty());
        let tags = match kept {
            Some(before) => before.tags.clone(),
            None => self.tags(&detail.tags, TagCase::Sensitive, false, reasons),
        };
        let id = before.map_or_else(
            || UniqueId::generate(IdKind::InstanceProfile, account.id, self.entropy),
            |before| before.id.clone(),
        );
        let after = name.zip(path).map(|(name, path)| InstanceProfile {
            id,
            name,
            path,
            created: before.map_or(created, |before| before.created),
            tags,
            role,
        });
        let before = before.cloned().map(Entity::from);
        let reasons = std::mem::take(reasons);
        self.settle(
            EntityKind::InstanceProfile,
            given,
            before,
            after.map(Entity::from),
            reasons,
        );
    }
}
