//! Roles.
//!
//! A trust policy is stored with unique ids in place of users and roles (the `trust` module) and is
//! always answered with their ARNs.

use super::boundaries::{Bounded, DeletePermissionsBoundary, PutPermissionsBoundary};
use super::instance_profiles::with_role;
use super::tags::{ListResourceTags, TagCase, TagResource, Taggable, UntagResource, tags_of_field};
use super::{Named, Page, PageRequest, attachable, need_on_role, role};
use crate::account::{Account, iam_arn};
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
use crate::operation::{Call, Draft, Granted, Operation, Service};
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
    pub(super) async fn new(realm: &Realm, account: AccountId, role: Role) -> Result<Self, Error> {
        let now = realm.environment().clock.now();
        let last_used = realm.last_use(account, role.id.as_str()).await;
        Ok(Self {
            last_used: last_used.filter(|last| last.at > now - TRACKING_PERIOD),
            ..Self::listed(realm, account, role).await?
        })
    }

    /// A role as lists show it: without its last use.
    async fn listed(realm: &Realm, account: AccountId, role: Role) -> Result<Self, Error> {
        let document = trust::to_shown(realm, &role.trust_policy, Kind::Trust).await?;
        Ok(Self {
            arn: iam_arn(account, &format!("role{}{}", role.path, role.name)),
            assume_role_policy_document: document,
            last_used: None,
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
        let arn = self.arn(call.account()?);
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
        let trust_policy = self.checked_trust(call).await?;
        let role = call
            .change(|draft| {
                let role = self.role(draft, &trust_policy)?;
                draft.change.put(role.clone());
                Ok(role)
            })
            .await?;
        ShownRole::new(call.realm, call.account()?.id, role).await
    }
}

impl CreateRole {
    /// The ARN of the role that is to be.
    pub(super) fn arn(&self, account: &Account) -> String {
        let path = self.path.clone().unwrap_or_default();
        account.iam_arn(&format!("role{path}{}", self.role_name))
    }

    /// The trust policy as it is stored, of a role at a path that anybody may use.
    pub(super) async fn checked_trust(&self, call: &Call<'_>) -> Result<String, Error> {
        for (prefix, kind) in [
            (Role::SERVICE_LINKED, "AWS Service linked Roles"),
            (RESERVED, "roles reserved for AWS"),
        ] {
            let path = self.path.as_ref().map_or("/", Path::as_str);
            if path.starts_with(prefix) {
                return Err(Error::InvalidInput(format!(
                    "Path prefix '{prefix}' can only be used for {kind}"
                )));
            }
        }
        stored_trust(call, &self.assume_role_policy_document).await
    }

    /// The role, where the account may have it.
    pub(super) fn role(&self, draft: &Draft<'_>, trust_policy: &str) -> Result<Role, Error> {
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
        Ok(Role {
            id: UniqueId::generate(IdKind::Role, account.id, draft.entropy),
            name: self.role_name.clone(),
            path: self.path.clone().unwrap_or_default(),
            created: draft.now,
            description: self.description.clone(),
            max_session_duration: self.max_session_duration.unwrap_or_default(),
            trust_policy: trust_policy.to_owned(),
            tags: self.tags.clone(),
            limits,
            permissions_boundary: self.permissions_boundary.clone().map(String::from),
            source: None,
            policies: Attachments::default(),
        })
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
        let only_describes = self.max_session_duration.is_none();
        edit(call, &self.role_name, only_describes, |role| {
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
        let role = edit(call, &self.role_name, true, |role| {
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
        edit(call, &self.role_name, false, |role| {
            role.trust_policy.clone_from(&trust_policy);
        })
        .await
        .map(drop)
    }
}

/// DeleteRole: only of one without policies that no instance profile holds. Its sessions end with it.
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
            if !with_role(draft.account, &state.role.id).is_empty() {
                return Err(Error::DeleteConflict(Conflict::InstanceProfiles));
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
                .push(ShownRole::listed(call.realm, account.id, state.role.clone()).await?);
        }
        Ok(shown)
    }
}

impl Named for Role {
    type Name = RoleName;

    fn find<'a>(account: &'a Account, name: &RoleName) -> Result<&'a Self, Error> {
        role(account, name.as_str()).map(|state| &state.role)
    }

    fn need<'a>(call: &'a Call<'_>, action: String, name: &'a RoleName) -> Result<Need<'a>, Error> {
        need_on_role(call, action, name.as_str())
    }
}

/// A tag that is a limit needs that limit's own action too.
impl Taggable for Role {
    const OPERATIONS: [&'static str; 3] = ["TagRole", "UntagRole", "ListRoleTags"];
    const CASE: TagCase = TagCase::Insensitive;

    tags_of_field!();

    fn more_actions<'k>(keys: impl Iterator<Item = &'k TagKey> + Clone) -> Vec<&'static str> {
        Limit::meant(keys).map(Limit::action).collect()
    }

    fn put_tags(&mut self, tags: &[Tag]) -> Result<(), Error> {
        check_tags(tags)?;
        self.tags = Self::CASE.put(&self.tags, tags)?;
        self.limits.set(tags);
        Ok(())
    }

    fn remove_tags(&mut self, keys: &[TagKey]) {
        self.tags = Self::CASE.without(&self.tags, keys);
        self.limits.unset(keys);
    }
}

impl Bounded for Role {
    const OPERATIONS: [&'static str; 2] = [
        "PutRolePermissionsBoundary",
        "DeleteRolePermissionsBoundary",
    ];

    fn boundary_mut(&mut self) -> &mut Option<String> {
        &mut self.permissions_boundary
    }

    fn unbounded(&self) -> Missing {
        Missing::RoleBoundary(self.name.to_string())
    }

    fn check_modifiable(&self) -> Result<(), Error> {
        modifiable(self)
    }
}

/// TagRole
pub type TagRole = TagResource<Role>;
/// UntagRole
pub type UntagRole = UntagResource<Role>;
/// ListRoleTags
pub type ListRoleTags = ListResourceTags<Role>;
/// PutRolePermissionsBoundary
pub type PutRolePermissionsBoundary = PutPermissionsBoundary<Role>;
/// DeleteRolePermissionsBoundary
pub type DeleteRolePermissionsBoundary = DeletePermissionsBoundary<Role>;

/// Checks tags that a role gets: those in our namespace are limits, and right.
fn check_tags(tags: &[Tag]) -> Result<(), Error> {
    TagCase::Insensitive.check_each(tags, RoleLimits::check)
}

/// Changes a role that may be changed, and answers it as it then is.
async fn edit(
    call: &Call<'_>,
    name: &RoleName,
    only_describes: bool,
    edit: impl Fn(&mut Role) + Send + Sync,
) -> Result<Role, Error> {
    call.change(|draft| {
        let before = &role(draft.account, name.as_str())?.role;
        // What a service-linked role is for is the customer's to say; nothing else of it.
        if !(only_describes && before.is_service_linked()) {
            modifiable(before)?;
        }
        let mut after = before.clone();
        edit(&mut after);
        if after != *before {
            draft.change.put(after.clone());
        }
        Ok(after)
    })
    .await
}
