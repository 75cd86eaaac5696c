//! Users.

use super::boundaries::{Bounded, DeletePermissionsBoundary, PutPermissionsBoundary};
use super::tags::{ListResourceTags, TagCase, TagResource, Taggable, UntagResource, tags_of_field};
use super::{Named, Page, PageRequest, attachable, need_on_user, user};
use crate::account::{Account, Link, UserState};
use crate::caller::{Caller, Need, Who};
use crate::entity::{Attachments, EntityKind, KeyOwner, User};
use crate::environment::Seconds;
use crate::error::{Conflict, Error, Existing, Missing};
use crate::ids::{IdKind, UniqueId};
use crate::names::{ArnText, EntityName, Path, PathPrefix, Tag, UserName};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use std::sync::Arc;

/// CreateUser
#[derive(Clone, Debug)]
pub struct CreateUser {
    /// `UserName`
    pub user_name: UserName,
    /// `Path`
    pub path: Option<Path>,
    /// `PermissionsBoundary`
    pub permissions_boundary: Option<ArnText>,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for CreateUser {
    type Output = User;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateUser";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let path = self.path.clone().unwrap_or_default();
        let arn = call
            .account()?
            .iam_arn(&format!("user{path}{}", self.user_name));
        let need = Need::new("iam:CreateUser", arn)
            .request_tags(&self.tags)
            .key_if(
                "iam:permissionsboundary",
                self.permissions_boundary.as_ref().map(ArnText::as_str),
            );
        let granted = call.allow(&need)?;
        if !self.tags.is_empty() {
            let arn = need.resource.clone();
            call.allow(&Need::new("iam:TagUser", arn).request_tags(&self.tags))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<User, Error> {
        call.change(|draft| {
            let account = draft.account;
            if let Some(boundary) = &self.permissions_boundary {
                attachable(account, boundary.as_str())?;
            }
            TagCase::Insensitive.check(&self.tags)?;
            if account.users.named(self.user_name.as_str()).is_some() {
                return Err(Error::EntityAlreadyExists(Existing::User(
                    self.user_name.to_string(),
                )));
            }
            account.room_for_one(account.users.len(), AccountQuota::UsersPerAccount)?;
            let user = User {
                id: UniqueId::generate(IdKind::User, account.id, draft.entropy),
                name: self.user_name.clone(),
                path: self.path.clone().unwrap_or_default(),
                created: draft.now,
                tags: self.tags.clone(),
                permissions_boundary: self.permissions_boundary.clone().map(String::from),
                policies: Attachments::default(),
                groups: Vec::new(),
            };
            draft.change.put(user.clone());
            Ok(user)
        })
        .await
    }
}

/// GetUser: of the caller itself, if no name is given.
#[derive(Clone, Debug)]
pub struct GetUser {
    /// `UserName`
    pub user_name: Option<EntityName>,
}

/// A user, and what is known of it besides.
#[derive(Clone, Debug)]
pub struct ListedUser {
    /// The user.
    pub state: Arc<UserState>,
    /// `PasswordLastUsed`, if ever.
    pub password_last_used: Option<Seconds>,
}

impl ListedUser {
    async fn of(state: Arc<UserState>, call: &Call<'_>) -> Result<Self, Error> {
        let account = call.account()?.id;
        let password_last_used = call.realm.password_last_used(account, &state).await;
        Ok(Self {
            state,
            password_last_used,
        })
    }
}

/// What GetUser answers.
#[derive(Debug)]
pub enum GotUser {
    /// A user.
    User(ListedUser),
    /// The root user, who has neither name nor path.
    Root(Arc<Account>),
}

impl Operation for GetUser {
    type Output = GotUser;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetUser";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        match (&self.user_name, &call.caller.who) {
            (None, Who::Root) => {
                call.allow(&Need::new("iam:GetUser", call.account()?.iam_arn("root")))
            }
            _ => call.allow(&need_on_user(
                call,
                "iam:GetUser",
                named_or_caller(self.user_name.as_ref(), call.caller)?,
            )?),
        }
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<GotUser, Error> {
        let account = call.account()?;
        match (&self.user_name, &call.caller.who) {
            (None, Who::Root) => Ok(GotUser::Root(account.clone())),
            _ => {
                let name = named_or_caller(self.user_name.as_ref(), call.caller)?;
                let state = user(account, name)?.clone();
                Ok(GotUser::User(ListedUser::of(state, call).await?))
            }
        }
    }
}

/// The user that a request means: the one it names, or the caller.
pub(crate) fn named_or_caller<'a>(
    name: Option<&'a EntityName>,
    caller: &'a Caller,
) -> Result<&'a str, Error> {
    match (name, &caller.who) {
        (Some(name), _) => Ok(name.as_str()),
        (None, Who::User(state)) => Ok(state.user.name.as_str()),
        (None, _) => Err(Error::ValidationText(
            "Must specify userName when calling with non-User credentials".to_owned(),
        )),
    }
}

/// UpdateUser: another name or path. The id stays, and with it whatever names the user by id.
#[derive(Clone, Debug)]
pub struct UpdateUser {
    /// `UserName`
    pub user_name: EntityName,
    /// `NewPath`
    pub new_path: Option<Path>,
    /// `NewUserName`
    pub new_user_name: Option<UserName>,
}

impl Operation for UpdateUser {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateUser";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        // Both the user that is and the user that will be.
        let granted = call.allow(&need_on_user(
            call,
            "iam:UpdateUser",
            self.user_name.as_str(),
        )?)?;
        let account = call.account()?;
        if let Some(state) = account.users.named(self.user_name.as_str()) {
            let path = self.new_path.as_ref().unwrap_or(&state.user.path);
            let name = self.new_user_name.as_ref().unwrap_or(&state.user.name);
            call.allow(&Need::new(
                "iam:UpdateUser",
                account.iam_arn(&format!("user{path}{name}")),
            ))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = user(draft.account, self.user_name.as_str())?;
            let mut renamed = state.user.clone();
            if let Some(name) = &self.new_user_name {
                let taken = draft
                    .account
                    .users
                    .named(name.as_str())
                    .is_some_and(|other| other.user.id != state.user.id);
                if taken {
                    return Err(Error::EntityAlreadyExists(Existing::User(name.to_string())));
                }
                renamed.name = name.clone();
            }
            if let Some(path) = &self.new_path {
                renamed.path = path.clone();
            }
            if renamed != state.user {
                draft.change.put(renamed);
            }
            Ok(())
        })
        .await
    }
}

/// DeleteUser: only of one that nothing hangs on.
#[derive(Clone, Debug)]
pub struct DeleteUser {
    /// `UserName`
    pub user_name: EntityName,
}

impl Operation for DeleteUser {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteUser";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_user(
            call,
            "iam:DeleteUser",
            self.user_name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = user(draft.account, self.user_name.as_str())?;
            let conflict = what_hangs_on(draft.account, &state.user);
            if let Some(conflict) = conflict {
                return Err(Error::DeleteConflict(conflict));
            }
            draft.change.delete(state.user.clone());
            Ok(())
        })
        .await
    }
}

/// What must be taken from a user before it can be deleted, in the order of the IAM user guide
/// ("Deleting an IAM user").
fn what_hangs_on(account: &Account, user: &User) -> Option<Conflict> {
    let owner = KeyOwner::User(user.id.clone()).key();
    let has = |kind| account.linked(&owner, Link::Of, kind).next().is_some();
    let refers = [
        EntityKind::SshPublicKey,
        EntityKind::ServiceSpecificCredential,
    ];
    let (policies, groups) = (&user.policies, &user.groups);
    [
        (
            account.login_profiles.contains_key(&owner),
            Conflict::LoginProfile,
        ),
        (has(EntityKind::AccessKey), Conflict::AccessKeys),
        (
            has(EntityKind::SigningCertificate),
            Conflict::SigningCertificates,
        ),
        (refers.into_iter().any(has), Conflict::ReferencedObjects),
        (has(EntityKind::MfaDevice), Conflict::MfaDevices),
        (!policies.inline.is_empty(), Conflict::InlinePolicies),
        (!policies.attached.is_empty(), Conflict::AttachedPolicies),
        (!groups.is_empty(), Conflict::Groups),
    ]
    .into_iter()
    .find_map(|(hangs, conflict)| hangs.then_some(conflict))
}

/// ListUsers
#[derive(Clone, Debug)]
pub struct ListUsers {
    /// `PathPrefix`
    pub path_prefix: Option<PathPrefix>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListUsers {
    type Output = Page<ListedUser>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListUsers";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let prefix = self.path_prefix.as_ref().map_or("/", PathPrefix::as_str);
        call.allow(&Need::new(
            "iam:ListUsers",
            call.account()?.iam_arn(&format!("user{prefix}")),
        ))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let users = call.account()?.users.behind(&self.page.behind);
        let covered = users.filter(|(_, state)| {
            self.path_prefix
                .as_ref()
                .is_none_or(|prefix| prefix.covers(&state.user.path))
        });
        let page = self.page.page(covered);
        let mut items = Vec::with_capacity(page.items.len());
        for state in page.items {
            items.push(ListedUser::of(state.clone(), call).await?);
        }
        let next = page.next;
        Ok(Page { items, next })
    }
}

impl Named for User {
    type Name = EntityName;

    fn find<'a>(account: &'a Account, name: &EntityName) -> Result<&'a Self, Error> {
        user(account, name.as_str()).map(|state| &state.user)
    }

    fn need<'a>(
        call: &'a Call<'_>,
        action: String,
        name: &'a EntityName,
    ) -> Result<Need<'a>, Error> {
        need_on_user(call, action, name.as_str())
    }
}

impl Taggable for User {
    const OPERATIONS: [&'static str; 3] = ["TagUser", "UntagUser", "ListUserTags"];
    const CASE: TagCase = TagCase::Insensitive;

    tags_of_field!();
}

impl Bounded for User {
    const OPERATIONS: [&'static str; 2] = [
        "PutUserPermissionsBoundary",
        "DeleteUserPermissionsBoundary",
    ];

    fn boundary_mut(&mut self) -> &mut Option<String> {
        &mut self.permissions_boundary
    }

    fn unbounded(&self) -> Missing {
        Missing::UserBoundary(self.name.to_string())
    }
}

/// TagUser
pub type TagUser = TagResource<User>;
/// UntagUser
pub type UntagUser = UntagResource<User>;
/// ListUserTags
pub type ListUserTags = ListResourceTags<User>;
/// PutUserPermissionsBoundary
pub type PutUserPermissionsBoundary = PutPermissionsBoundary<User>;
/// DeleteUserPermissionsBoundary
pub type DeleteUserPermissionsBoundary = DeletePermissionsBoundary<User>;
