//! Roles.
//!
//! A trust policy is stored with unique ids in place of users and roles (the `trust` module) and is
//! always answered with their ARNs.

use super::{Page, PageRequest, TagCase, attachable, need_on_role, page_of_tags, role};
use crate::account::iam_arn;
use crate::caller::Need;
use crate::entity::{Attachments, Role};
use crate::environment::Seconds;
use crate::error::{Conflict, Error, Existing, Missing};
use crate::ids::{IdKind, UniqueId};
use crate::limits::{Limit, RoleLimits};
use crate::names::{
    AccountId, ArnText, Description, DocumentText, MaxSessionDuration, Path, PathPrefix, RoleName,
    Tag, TagKey,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::port::LastUse;
use crate::quotas::AccountQuota;
use crate::realm::Realm;
use crate::trust;
use locum_policy::{Kind, Policy};

/// Where AWS puts the roles of IAM Identity Center.
const RESERVED: &str = "/aws-reserved/";
/// How long a use of a role is remembered (the IAM page on RoleLastUsed).
const TRACKING_PERIOD: Seconds = 400 * 24 * 60 * 60;

/// A role as answers show it.
#[derive(Clone, Debug)]
pub struct ShownRole {
    /// The role.
    pub role: Role,
    /// `Arn`
    pub arn: String,
    /// `AssumeRolePolicyDocument`, with ARNs for the principals that still exist.
    pub assume_role_policy_document: String,
    /// `RoleLastUsed`: the last use in the trailing 400 days.
    pub last_used: Option<LastUse>,
}

impl ShownRole {
    async fn new(realm: &Realm, account: AccountId, role: Role) -> Result<Self, Error> {
        let now = realm.environment().clock.now();
        Ok(Self {
            arn: iam_arn(account, &format!("role{}{}", role.path, role.name)),
            assume_role_policy_document: trust::to_shown(realm, &role.trust_policy, Kind::Trust)
                .await?,
            last_used: realm
                .last_use(account, role.id.as_str())
                .await
                .filter(|last| last.at > now - TRACKING_PERIOD),
            role,
        })
    }
}

/// `UnmodifiableEntity` for the roles that only AWS changes.
pub(super) fn modifiable(role: &Role) -> Result<(), Error> {
    if role.is_service_linked() || role.path.as_str().starts_with(RESERVED) {
        return Err(Error::UnmodifiableRole(role.name.to_string()));
    }
    Ok(())
}

/// A trust policy as it is stored: understood, not too long, and of principals that exist.
async fn stored_trust(call: &Call<'_>, document: &DocumentText) -> Result<String, Error> {
    let policy = Policy::parse(document.as_str(), Kind::Trust)?;
    call.account()?
        .room_for(policy.size(), AccountQuota::ACLSizePerRole)?;
    trust::to_stored(call.realm, &policy).await
}

/// CreateRole
#[derive(Clone, Debug)]
pub struct CreateRole {
    /// `RoleName`
    pub role_name: RoleName,
    /// `AssumeRolePolicyDocument`
    pub assume_role_policy_document: DocumentText,
    /// `Path`
    pub path: Option<Path>,
    /// `Description`
    pub description: Option<Description>,
    /// `MaxSessionDuration`
    pub max_session_duration: Option<MaxSessionDuration>,
    /// `PermissionsBoundary`
    pub permissions_boundary: Option<ArnText>,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for CreateRole {
    type Output = ShownRole;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call
            .account()?
            .iam_arn(&format!("role{path}{}", self.role_name));
        let boundary = self.permissions_boundary.as_ref().map(ArnText::as_str);
        let need = |action| {
            Need::new(action, arn.as_str())
                .request_tags(&self.tags)
                .key_if("iam:permissionsboundary", boundary)
        };
        let granted = call.allow(&need("iam:CreateRole"))?;
        if !self.tags.is_empty() {
            call.allow(&need("iam:TagRole"))?;
        }
        for limit in Limit::meant(self.tags.iter().map(|tag| &tag.key)) {
            call.allow(&need(limit.action()))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownRole, Error> {
        let path = self.path.clone().unwrap_or_default();
        for (prefix, kind) in [
            (Role::SERVICE_LINKED, "AWS Service linked Roles"),
            (RESERVED, "roles reserved for AWS"),
        ] {
            if path.as_str().starts_with(prefix) {
                return Err(Error::InvalidInput(format!(
                    "Path prefix '{prefix}' can only be used for {kind}"
                )));
            }
        }
        let trust_policy = stored_trust(call, &self.assume_role_policy_document).await?;
        let role = call
            .change(|draft| {
                let account = draft.account;
                if let Some(boundary) = &self.permissions_boundary {
                    attachable(account, boundary.as_str())?;
                }
                check_tags(&self.tags)?;
                let mut limits = RoleLimits::default();
                limits.set(&self.tags);
                if account.roles.named(self.role_name.as_str()).is_some() {
                    return Err(Error::EntityAlreadyExists(Existing::Role(
                        self.role_name.to_string(),
                    )));
                }
                account.room_for_one(account.roles.len(), AccountQuota::RolesPerAccount)?;
                let role = Role {
                    id: UniqueId::generate(IdKind::Role, account.id, draft.entropy),
                    name: self.role_name.clone(),
                    path: path.clone(),
                    created: draft.now,
                    description: self.description.clone(),
                    max_session_duration: self.max_session_duration.unwrap_or_default(),
                    trust_policy: trust_policy.clone(),
                    tags: self.tags.clone(),
                    limits,
                    permissions_boundary: self.permissions_boundary.clone().map(String::from),
                    policies: Attachments::default(),
                };
                draft.change.put(role.clone());
                Ok(role)
            })
            .await?;
        ShownRole::new(call.realm, call.account()?.id, role).await
    }
}

/// GetRole
#[derive(Clone, Debug)]
pub struct GetRole {
    /// `RoleName`
    pub role_name: RoleName,
}

impl Operation for GetRole {
    type Output = ShownRole;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_role(call, "iam:GetRole", self.role_name.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownRole, Error> {
        let account = call.account()?;
        ShownRole::new(
            call.realm,
            account.id,
            role(account, self.role_name.as_str())?.role.clone(),
        )
        .await
    }
}

/// UpdateRole: what is not given stays as it is.
#[derive(Clone, Debug)]
pub struct UpdateRole {
    /// `RoleName`
    pub role_name: RoleName,
    /// `Description`
    pub description: Option<Description>,
    /// `MaxSessionDuration`
    pub max_session_duration: Option<MaxSessionDuration>,
}

impl Operation for UpdateRole {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_role(
            call,
            "iam:UpdateRole",
            self.role_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        edit(call, &self.role_name, |role| {
            if let Some(description) = &self.description {
                role.description = Some(description.clone());
            }
            if let Some(duration) = self.max_session_duration {
                role.max_session_duration = duration;
            }
        })
        .await
        .map(drop)
    }
}

/// UpdateRoleDescription: the older way to change a description.
#[derive(Clone, Debug)]
pub struct UpdateRoleDescription {
    /// `RoleName`
    pub role_name: RoleName,
    /// `Description`
    pub description: Description,
}

impl Operation for UpdateRoleDescription {
    type Output = ShownRole;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateRoleDescription";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_role(
            call,
            "iam:UpdateRoleDescription",
            self.role_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownRole, Error> {
        let role = edit(call, &self.role_name, |role| {
            role.description = Some(self.description.clone());
        })
        .await?;
        ShownRole::new(call.realm, call.account()?.id, role).await
    }
}

/// UpdateAssumeRolePolicy: another trust policy.
#[derive(Clone, Debug)]
pub struct UpdateAssumeRolePolicy {
    /// `RoleName`
    pub role_name: RoleName,
    /// `PolicyDocument`
    pub policy_document: DocumentText,
}

impl Operation for UpdateAssumeRolePolicy {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateAssumeRolePolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_role(
            call,
            "iam:UpdateAssumeRolePolicy",
            self.role_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        role(call.account()?, self.role_name.as_str())?;
        let trust_policy = stored_trust(call, &self.policy_document).await?;
        edit(call, &self.role_name, |role| {
            role.trust_policy.clone_from(&trust_policy);
        })
        .await
        .map(drop)
    }
}

/// DeleteRole: only of one without policies. Its sessions end with it.
#[derive(Clone, Debug)]
pub struct DeleteRole {
    /// `RoleName`
    pub role_name: RoleName,
}

impl Operation for DeleteRole {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_role(
            call,
            "iam:DeleteRole",
            self.role_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = role(draft.account, self.role_name.as_str())?;
            modifiable(&state.role)?;
            if !state.role.policies.inline.is_empty() {
                return Err(Error::DeleteConflict(Conflict::InlinePolicies));
            }
            if !state.role.policies.attached.is_empty() {
                return Err(Error::DeleteConflict(Conflict::AttachedPolicies));
            }
            draft.change.delete(state.role.clone());
            Ok(())
        })
        .await
    }
}

/// ListRoles
#[derive(Clone, Debug)]
pub struct ListRoles {
    /// `PathPrefix`
    pub path_prefix: Option<PathPrefix>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListRoles {
    type Output = Page<ShownRole>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListRoles";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let prefix = self.path_prefix.as_ref().map_or("/", PathPrefix::as_str);
        call.allow(&Need::new(
            "iam:ListRoles",
            call.account()?.iam_arn(&format!("role{prefix}")),
        ))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let roles = account.roles.behind(&self.page.behind);
        let covered = roles.filter(|(_, state)| {
            self.path_prefix
                .as_ref()
                .is_none_or(|prefix| prefix.covers(&state.role.path))
        });
        let page = self.page.page(covered);
        let mut shown = Page {
            items: Vec::with_capacity(page.items.len()),
            next: page.next,
        };
        for state in page.items {
            shown
                .items
                .push(ShownRole::new(call.realm, account.id, state.role.clone()).await?);
        }
        Ok(shown)
    }
}

/// TagRole
#[derive(Clone, Debug)]
pub struct TagRole {
    /// `RoleName`
    pub role_name: RoleName,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for TagRole {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "TagRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let need =
            need_on_role(call, "iam:TagRole", self.role_name.as_str())?.request_tags(&self.tags);
        allow_with_limits(call, need, self.tags.iter().map(|tag| &tag.key))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = role(draft.account, self.role_name.as_str())?;
            check_tags(&self.tags)?;
            let tags = TagCase::Insensitive.put(&state.role.tags, &self.tags)?;
            let mut limits = state.role.limits;
            limits.set(&self.tags);
            draft.change.put(Role {
                tags,
                limits,
                ..state.role.clone()
            });
            Ok(())
        })
        .await
    }
}

/// UntagRole
#[derive(Clone, Debug)]
pub struct UntagRole {
    /// `RoleName`
    pub role_name: RoleName,
    /// `TagKeys`
    pub tag_keys: Vec<TagKey>,
}

impl Operation for UntagRole {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UntagRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let mut need = need_on_role(call, "iam:UntagRole", self.role_name.as_str())?;
        need.request_tag_keys = &self.tag_keys;
        allow_with_limits(call, need, self.tag_keys.iter())
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = role(draft.account, self.role_name.as_str())?;
            let tags = TagCase::Insensitive.without(&state.role.tags, &self.tag_keys);
            let mut limits = state.role.limits;
            limits.unset(&self.tag_keys);
            draft.change.put(Role {
                tags,
                limits,
                ..state.role.clone()
            });
            Ok(())
        })
        .await
    }
}

/// ListRoleTags
#[derive(Clone, Debug)]
pub struct ListRoleTags {
    /// `RoleName`
    pub role_name: RoleName,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListRoleTags {
    type Output = Page<Tag>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListRoleTags";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_role(
            call,
            "iam:ListRoleTags",
            self.role_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Page<Tag>, Error> {
        Ok(page_of_tags(
            &role(call.account()?, self.role_name.as_str())?.role.tags,
            &self.page,
        ))
    }
}

/// PutRolePermissionsBoundary
#[derive(Clone, Debug)]
pub struct PutRolePermissionsBoundary {
    /// `RoleName`
    pub role_name: RoleName,
    /// `PermissionsBoundary`
    pub permissions_boundary: ArnText,
}

impl Operation for PutRolePermissionsBoundary {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "PutRolePermissionsBoundary";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let mut need = need_on_role(
            call,
            "iam:PutRolePermissionsBoundary",
            self.role_name.as_str(),
        )?;
        // The boundary that is set is what conditions see, not the one there is.
        need.keys
            .retain(|(name, _)| name != "iam:permissionsboundary");
        call.allow(&need.key(
            "iam:permissionsboundary",
            self.permissions_boundary.as_str(),
        ))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = role(draft.account, self.role_name.as_str())?;
            modifiable(&state.role)?;
            attachable(draft.account, self.permissions_boundary.as_str())?;
            draft.change.put(Role {
                permissions_boundary: Some(self.permissions_boundary.to_string()),
                ..state.role.clone()
            });
            Ok(())
        })
        .await
    }
}

/// DeleteRolePermissionsBoundary
#[derive(Clone, Debug)]
pub struct DeleteRolePermissionsBoundary {
    /// `RoleName`
    pub role_name: RoleName,
}

impl Operation for DeleteRolePermissionsBoundary {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteRolePermissionsBoundary";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_role(
            call,
            "iam:DeleteRolePermissionsBoundary",
            self.role_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = role(draft.account, self.role_name.as_str())?;
            modifiable(&state.role)?;
            if state.role.permissions_boundary.is_none() {
                return Err(Error::NoSuchEntity(Missing::RoleBoundary(
                    state.role.name.to_string(),
                )));
            }
            draft.change.put(Role {
                permissions_boundary: None,
                ..state.role.clone()
            });
            Ok(())
        })
        .await
    }
}

/// Checks tags that a role gets: those in our namespace are limits, and right.
fn check_tags(tags: &[Tag]) -> Result<(), Error> {
    TagCase::Insensitive.check_each(tags, RoleLimits::check)
}

/// Decides about a change of tags. A tag that is a limit needs that limit's own action too.
fn allow_with_limits<'a>(
    call: &Call<'_>,
    mut need: Need<'_>,
    keys: impl Iterator<Item = &'a TagKey> + Clone,
) -> Result<Granted, Error> {
    let granted = call.allow(&need)?;
    for limit in Limit::meant(keys) {
        need.action = limit.action().into();
        call.allow(&need)?;
    }
    Ok(granted)
}

/// Changes a role that may be changed, and answers it as it then is.
async fn edit(
    call: &Call<'_>,
    name: &RoleName,
    edit: impl Fn(&mut Role) + Send + Sync,
) -> Result<Role, Error> {
    call.change(|draft| {
        let before = &role(draft.account, name.as_str())?.role;
        modifiable(before)?;
        let mut after = before.clone();
        edit(&mut after);
        if after != *before {
            draft.change.put(after.clone());
        }
        Ok(after)
    })
    .await
}
