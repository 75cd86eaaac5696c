//! Instance profiles: what hands a role to a host. One holds one role.

use super::roles::{ShownRole, modifiable};
use super::tags::{ListResourceTags, TagResource, Taggable, UntagResource, tags_of_field};
use super::{Named, Page, PageRequest, TagCase, need_on_role, role};
use crate::account::{Account, InstanceProfileState, Link};
use crate::caller::Need;
use crate::entity::{EntityKind, InstanceProfile};
use crate::error::{Conflict, Error, Existing, Missing};
use crate::ids::{IdKind, UniqueId};
use crate::names::{EntityName, Path, PathPrefix, RoleName, Tag};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::{AccountQuota, ROLES_PER_INSTANCE_PROFILE, room_for_one};
use std::borrow::Cow;
use std::sync::Arc;

/// An instance profile as answers show it.
#[derive(Clone, Debug)]
pub struct ShownInstanceProfile {
    /// The instance profile.
    pub profile: InstanceProfile,
    /// `Arn`
    pub arn: String,
    /// The one role in `Roles`, if it has one.
    pub role: Option<ShownRole>,
}

impl ShownInstanceProfile {
    async fn new(
        call: &Call<'_>,
        account: &Account,
        profile: InstanceProfile,
    ) -> Result<Self, Error> {
        let role = profile
            .role
            .as_ref()
            .and_then(|id| account.roles.with_id(id));
        let role = match role {
            Some(state) => Some(ShownRole::new(call.realm, account.id, state.role.clone()).await?),
            None => None,
        };
        Ok(Self {
            arn: arn(account, &profile.path, &profile.name),
            profile,
            role,
        })
    }

    async fn page(
        call: &Call<'_>,
        account: &Account,
        page: Page<Arc<InstanceProfileState>>,
    ) -> Result<Page<Self>, Error> {
        let mut items = Vec::with_capacity(page.items.len());
        for state in page.items {
            items.push(Self::new(call, account, state.profile.clone()).await?);
        }
        Ok(Page {
            items,
            next: page.next,
        })
    }
}

fn arn(account: &Account, path: &Path, name: &EntityName) -> String {
    account.iam_arn(&format!("instance-profile{path}{name}"))
}

fn profile<'a>(
    account: &'a Account,
    name: &EntityName,
) -> Result<&'a Arc<InstanceProfileState>, Error> {
    account
        .instance_profiles
        .named(name.as_str())
        .ok_or_else(|| Error::NoSuchEntity(Missing::InstanceProfile(name.to_string())))
}

/// The need of an action on an instance profile that may or may not exist.
fn need_on_profile<'a>(
    call: &'a Call<'_>,
    action: impl Into<Cow<'a, str>>,
    name: &EntityName,
) -> Result<Need<'a>, Error> {
    let account = call.account()?;
    Ok(match account.instance_profiles.named(name.as_str()) {
        Some(state) => {
            Need::new(action, state.arn.as_str()).resource_tags(&state.profile.tags, None)
        }
        None => Need::new(action, account.iam_arn(&format!("instance-profile/{name}"))),
    })
}

/// The instance profiles that hold a role, by name.
pub(super) fn with_role<'a>(
    account: &'a Account,
    role: &UniqueId,
) -> Vec<(&'a str, &'a Arc<InstanceProfileState>)> {
    let ids = account.linked(role.as_str(), Link::Of, EntityKind::InstanceProfile);
    let profiles = ids.filter_map(|id| account.instance_profiles.entry(id));
    let mut profiles: Vec<_> = profiles.collect();
    profiles.sort_unstable_by_key(|(name, _)| *name);
    profiles
}

/// CreateInstanceProfile
#[derive(Clone, Debug)]
pub struct CreateInstanceProfile {
    /// `InstanceProfileName`
    pub instance_profile_name: EntityName,
    /// `Path`
    pub path: Option<Path>,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for CreateInstanceProfile {
    type Output = ShownInstanceProfile;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateInstanceProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = arn(call.account()?, &path, &self.instance_profile_name);
        let need = |action| Need::new(action, arn.as_str()).request_tags(&self.tags);
        let granted = call.allow(&need("iam:CreateInstanceProfile"))?;
        if !self.tags.is_empty() {
            call.allow(&need("iam:TagInstanceProfile"))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownInstanceProfile, Error> {
        let created = call
            .change(|draft| {
                let account = draft.account;
                TagCase::Sensitive.check(&self.tags)?;
                let name = &self.instance_profile_name;
                if account.instance_profiles.named(name.as_str()).is_some() {
                    return Err(Error::EntityAlreadyExists(Existing::InstanceProfile(
                        name.to_string(),
                    )));
                }
                account.room_for_one(
                    account.instance_profiles.len(),
                    AccountQuota::InstanceProfilesPerAccount,
                )?;
                let created = InstanceProfile {
                    id: UniqueId::generate(IdKind::InstanceProfile, account.id, draft.entropy),
                    name: name.clone(),
                    path: self.path.clone().unwrap_or_default(),
                    created: draft.now,
                    tags: self.tags.clone(),
                    role: None,
                };
                draft.change.put(created.clone());
                Ok(created)
            })
            .await?;
        ShownInstanceProfile::new(call, call.account()?, created).await
    }
}

/// GetInstanceProfile
#[derive(Clone, Debug)]
pub struct GetInstanceProfile {
    /// `InstanceProfileName`
    pub instance_profile_name: EntityName,
}

impl Operation for GetInstanceProfile {
    type Output = ShownInstanceProfile;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetInstanceProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:GetInstanceProfile";
        call.allow(&need_on_profile(call, action, &self.instance_profile_name)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownInstanceProfile, Error> {
        let account = call.account()?;
        let state = profile(account, &self.instance_profile_name)?;
        ShownInstanceProfile::new(call, account, state.profile.clone()).await
    }
}

/// DeleteInstanceProfile: only of one without a role.
#[derive(Clone, Debug)]
pub struct DeleteInstanceProfile {
    /// `InstanceProfileName`
    pub instance_profile_name: EntityName,
}

impl Operation for DeleteInstanceProfile {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteInstanceProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:DeleteInstanceProfile";
        call.allow(&need_on_profile(call, action, &self.instance_profile_name)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = profile(draft.account, &self.instance_profile_name)?;
            if state.profile.role.is_some() {
                return Err(Error::DeleteConflict(Conflict::InstanceProfiles));
            }
            draft.change.delete(state.profile.clone());
            Ok(())
        })
        .await
    }
}

/// ListInstanceProfiles
#[derive(Clone, Debug)]
pub struct ListInstanceProfiles {
    /// `PathPrefix`
    pub path_prefix: Option<PathPrefix>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListInstanceProfiles {
    type Output = Page<ShownInstanceProfile>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListInstanceProfiles";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let prefix = self.path_prefix.as_ref().map_or("/", PathPrefix::as_str);
        call.allow(&Need::new(
            "iam:ListInstanceProfiles",
            call.account()?
                .iam_arn(&format!("instance-profile{prefix}")),
        ))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let profiles = account.instance_profiles.behind(&self.page.behind);
        let covered = profiles.filter(|(_, state)| {
            self.path_prefix
                .as_ref()
                .is_none_or(|prefix| prefix.covers(&state.profile.path))
        });
        let page = self
            .page
            .page(covered.map(|(name, state)| (name, state.clone())));
        ShownInstanceProfile::page(call, account, page).await
    }
}

/// ListInstanceProfilesForRole
#[derive(Clone, Debug)]
pub struct ListInstanceProfilesForRole {
    /// `RoleName`
    pub role_name: RoleName,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListInstanceProfilesForRole {
    type Output = Page<ShownInstanceProfile>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListInstanceProfilesForRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:ListInstanceProfilesForRole";
        call.allow(&need_on_role(call, action, self.role_name.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let id = &role(account, self.role_name.as_str())?.role.id;
        let profiles = with_role(account, id).into_iter();
        let page = self
            .page
            .page_of_all(profiles.map(|(name, state)| (name, state.clone())));
        ShownInstanceProfile::page(call, account, page).await
    }
}

/// AddRoleToInstanceProfile. Whoever runs a host with the profile has the role, so the caller must be
/// allowed to pass it.
#[derive(Clone, Debug)]
pub struct AddRoleToInstanceProfile {
    /// `InstanceProfileName`
    pub instance_profile_name: EntityName,
    /// `RoleName`
    pub role_name: RoleName,
}

impl Operation for AddRoleToInstanceProfile {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "AddRoleToInstanceProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:AddRoleToInstanceProfile";
        let granted = call.allow(&need_on_profile(call, action, &self.instance_profile_name)?)?;
        let pass = need_on_role(call, "iam:PassRole", self.role_name.as_str())?;
        call.allow(&pass.key("iam:passedtoservice", "ec2.amazonaws.com"))?;
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = profile(draft.account, &self.instance_profile_name)?;
            let added = &role(draft.account, self.role_name.as_str())?.role;
            modifiable(added)?;
            room_for_one(
                usize::from(state.profile.role.is_some()),
                "InstanceSessionsPerInstanceProfile",
                ROLES_PER_INSTANCE_PROFILE,
            )?;
            draft.change.put(InstanceProfile {
                role: Some(added.id.clone()),
                ..state.profile.clone()
            });
            Ok(())
        })
        .await
    }
}

/// RemoveRoleFromInstanceProfile
#[derive(Clone, Debug)]
pub struct RemoveRoleFromInstanceProfile {
    /// `InstanceProfileName`
    pub instance_profile_name: EntityName,
    /// `RoleName`
    pub role_name: RoleName,
}

impl Operation for RemoveRoleFromInstanceProfile {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "RemoveRoleFromInstanceProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:RemoveRoleFromInstanceProfile";
        call.allow(&need_on_profile(call, action, &self.instance_profile_name)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = profile(draft.account, &self.instance_profile_name)?;
            let removed = &role(draft.account, self.role_name.as_str())?.role;
            modifiable(removed)?;
            if state.profile.role.as_ref() != Some(&removed.id) {
                return Err(Error::NoSuchEntity(Missing::Role(
                    self.role_name.to_string(),
                )));
            }
            draft.change.put(InstanceProfile {
                role: None,
                ..state.profile.clone()
            });
            Ok(())
        })
        .await
    }
}

impl Named for InstanceProfile {
    type Name = EntityName;

    fn find<'a>(account: &'a Account, name: &EntityName) -> Result<&'a Self, Error> {
        profile(account, name).map(|state| &state.profile)
    }

    fn need<'a>(
        call: &'a Call<'_>,
        action: String,
        name: &'a EntityName,
    ) -> Result<Need<'a>, Error> {
        need_on_profile(call, action, name)
    }
}

impl Taggable for InstanceProfile {
    const OPERATIONS: [&'static str; 3] = [
        "TagInstanceProfile",
        "UntagInstanceProfile",
        "ListInstanceProfileTags",
    ];

    tags_of_field!();
}

/// TagInstanceProfile
pub type TagInstanceProfile = TagResource<InstanceProfile>;
/// UntagInstanceProfile
pub type UntagInstanceProfile = UntagResource<InstanceProfile>;
/// ListInstanceProfileTags
pub type ListInstanceProfileTags = ListResourceTags<InstanceProfile>;
