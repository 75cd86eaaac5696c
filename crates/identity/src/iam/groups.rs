//! Groups, and who is in them.

use super::{Page, PageRequest, group, need_on_group, need_on_user, user};
use crate::account::{GroupState, UserState};
use crate::caller::Need;
use crate::entity::{Attachments, Group, User};
use crate::error::{Conflict, Error, Existing};
use crate::ids::{IdKind, UniqueId};
use crate::names::{EntityName, Path, PathPrefix};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use std::sync::Arc;

/// CreateGroup
#[derive(Clone, Debug)]
pub struct CreateGroup {
    /// `GroupName`
    pub group_name: EntityName,
    /// `Path`
    pub path: Option<Path>,
}

impl Operation for CreateGroup {
    type Output = Group;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateGroup";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call
            .account()?
            .iam_arn(&format!("group{path}{}", self.group_name));
        call.allow(&Need::new("iam:CreateGroup", arn))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Group, Error> {
        call.change(|draft| {
            let account = draft.account;
            if account.groups.named(self.group_name.as_str()).is_some() {
                return Err(Error::EntityAlreadyExists(Existing::Group(
                    self.group_name.to_string(),
                )));
            }
            account.room_for_one(account.groups.len(), AccountQuota::GroupsPerAccount)?;
            let group = Group {
                id: UniqueId::generate(IdKind::Group, account.id, draft.entropy),
                name: self.group_name.clone(),
                path: self.path.clone().unwrap_or_default(),
                created: draft.now,
                policies: Attachments::default(),
            };
            draft.change.put(group.clone());
            Ok(group)
        })
        .await
    }
}

/// GetGroup: a group and the users in it.
#[derive(Clone, Debug)]
pub struct GetGroup {
    /// `GroupName`
    pub group_name: EntityName,
    /// `Marker` and `MaxItems`, of the users.
    pub page: PageRequest,
}

/// What GetGroup answers.
#[derive(Debug)]
pub struct GotGroup {
    /// `Group`
    pub group: Arc<GroupState>,
    /// `Users`, by name.
    pub users: Page<Arc<UserState>>,
}

impl Operation for GetGroup {
    type Output = GotGroup;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetGroup";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_group(
            call,
            "iam:GetGroup",
            self.group_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<GotGroup, Error> {
        let account = call.account()?;
        let group = group(account, self.group_name.as_str())?.clone();
        let members = account
            .members(&group.group.id)
            .map(|(name, state)| (name, state.clone()));
        let users = self.page.page_of_all(members);
        Ok(GotGroup { group, users })
    }
}

/// UpdateGroup: another name or path. The id stays, and with it the members.
#[derive(Clone, Debug)]
pub struct UpdateGroup {
    /// `GroupName`
    pub group_name: EntityName,
    /// `NewPath`
    pub new_path: Option<Path>,
    /// `NewGroupName`
    pub new_group_name: Option<EntityName>,
}

impl Operation for UpdateGroup {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateGroup";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        // Both the group that is and the group that will be.
        let granted = call.allow(&need_on_group(
            call,
            "iam:UpdateGroup",
            self.group_name.as_str(),
        )?)?;
        let account = call.account()?;
        if let Some(state) = account.groups.named(self.group_name.as_str()) {
            let path = self.new_path.as_ref().unwrap_or(&state.group.path);
            let name = self.new_group_name.as_ref().unwrap_or(&state.group.name);
            call.allow(&Need::new(
                "iam:UpdateGroup",
                account.iam_arn(&format!("group{path}{name}")),
            ))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = group(draft.account, self.group_name.as_str())?;
            let mut renamed = state.group.clone();
            if let Some(name) = &self.new_group_name {
                let taken = draft
                    .account
                    .groups
                    .named(name.as_str())
                    .is_some_and(|other| other.group.id != state.group.id);
                if taken {
                    return Err(Error::EntityAlreadyExists(Existing::Group(
                        name.to_string(),
                    )));
                }
                renamed.name = name.clone();
            }
            if let Some(path) = &self.new_path {
                renamed.path = path.clone();
            }
            if renamed != state.group {
                draft.change.put(renamed);
            }
            Ok(())
        })
        .await
    }
}

/// DeleteGroup: only of an empty one without policies.
#[derive(Clone, Debug)]
pub struct DeleteGroup {
    /// `GroupName`
    pub group_name: EntityName,
}

impl Operation for DeleteGroup {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteGroup";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_group(
            call,
            "iam:DeleteGroup",
            self.group_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = group(draft.account, self.group_name.as_str())?;
            let conflict = if !draft.account.is_deserted(&state.group.id) {
                Some(Conflict::UsersInGroup)
            } else if !state.group.policies.inline.is_empty() {
                Some(Conflict::InlinePolicies)
            } else if !state.group.policies.attached.is_empty() {
                Some(Conflict::AttachedPolicies)
            } else {
                None
            };
            if let Some(conflict) = conflict {
                return Err(Error::DeleteConflict(conflict));
            }
            draft.change.delete(state.group.clone());
            Ok(())
        })
        .await
    }
}

/// ListGroups
#[derive(Clone, Debug)]
pub struct ListGroups {
    /// `PathPrefix`
    pub path_prefix: Option<PathPrefix>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListGroups {
    type Output = Page<Arc<GroupState>>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListGroups";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let prefix = self.path_prefix.as_ref().map_or("/", PathPrefix::as_str);
        call.allow(&Need::new(
            "iam:ListGroups",
            call.account()?.iam_arn(&format!("group{prefix}")),
        ))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let groups = call.account()?.groups.behind(&self.page.behind);
        let covered = groups.filter(|(_, state)| {
            self.path_prefix
                .as_ref()
                .is_none_or(|prefix| prefix.covers(&state.group.path))
        });
        Ok(self
            .page
            .page(covered.map(|(name, state)| (name, state.clone()))))
    }
}

/// AddUserToGroup: of a user who is in it already, nothing comes.
#[derive(Clone, Debug)]
pub struct AddUserToGroup {
    /// `GroupName`
    pub group_name: EntityName,
    /// `UserName`
    pub user_name: EntityName,
}

impl Operation for AddUserToGroup {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "AddUserToGroup";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_group(
            call,
            "iam:AddUserToGroup",
            self.group_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let group = group(draft.account, self.group_name.as_str())?;
            let state = user(draft.account, self.user_name.as_str())?;
            if state.user.groups.contains(&group.group.id) {
                return Ok(());
            }
            draft
                .account
                .room_for_one(state.user.groups.len(), AccountQuota::GroupsPerUser)?;
            let mut groups = state.user.groups.clone();
            groups.push(group.group.id.clone());
            draft.change.put(User {
                groups,
                ..state.user.clone()
            });
            Ok(())
        })
        .await
    }
}

/// RemoveUserFromGroup: of a user who is not in it, nothing comes.
#[derive(Clone, Debug)]
pub struct RemoveUserFromGroup {
    /// `GroupName`
    pub group_name: EntityName,
    /// `UserName`
    pub user_name: EntityName,
}

impl Operation for RemoveUserFromGroup {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "RemoveUserFromGroup";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_group(
            call,
            "iam:RemoveUserFromGroup",
            self.group_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let group = group(draft.account, self.group_name.as_str())?;
            let state = user(draft.account, self.user_name.as_str())?;
            if state.user.groups.contains(&group.group.id) {
                let mut groups = state.user.groups.clone();
                groups.retain(|id| *id != group.group.id);
                draft.change.put(User {
                    groups,
                    ..state.user.clone()
                });
            }
            Ok(())
        })
        .await
    }
}

/// ListGroupsForUser
#[derive(Clone, Debug)]
pub struct ListGroupsForUser {
    /// `UserName`
    pub user_name: EntityName,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListGroupsForUser {
    type Output = Page<Arc<GroupState>>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListGroupsForUser";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_user(
            call,
            "iam:ListGroupsForUser",
            self.user_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let user = &user(account, self.user_name.as_str())?.user;
        let groups = account
            .groups
            .behind(&self.page.behind)
            .filter(|(_, state)| user.groups.contains(&state.group.id));
        Ok(self
            .page
            .page(groups.map(|(name, state)| (name, state.clone()))))
    }
}
