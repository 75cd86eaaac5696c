//! Login profiles: the passwords of users, for the console.
//!
//! The root user of a member account has one too. Sessions of AssumeRoot, which name no user, look at
//! it, take it away, and make one without a password: the root user may then recover the password. A
//! root user's own credentials must name a user, as with AWS.

use super::access_keys::{need, owner};
use super::user;
use crate::account::Account;
use crate::caller::{Caller, Need, Who};
use crate::entity::{KeyOwner, LoginProfile};
use crate::error::{Error, Existing, IamFault, Invalid, Missing};
use crate::names::{Constraint, EntityName, Password};
use crate::operation::{Call, Granted, Operation, Service};
use crate::password::{self, remembered};
use std::sync::Arc;

/// What the root user is called where it must have a name.
const ROOT: &str = "root";
/// How often a new password is hashed again because the profile has changed meanwhile.
const ATTEMPTS: usize = 3;

/// Whose profile a request means, and the name that answers have.
fn meant(
    account: &Account,
    name: Option<&EntityName>,
    caller: &Caller,
) -> Result<(KeyOwner, String), Error> {
    if name.is_none() && matches!(caller.who, Who::Root) && caller.task().is_none() {
        return Err(Error::ValidationText(
            "Must specify userName when calling with root user credentials".to_owned(),
        ));
    }
    let (owner, name) = owner(account, name, caller)?;
    Ok((owner, name.unwrap_or_else(|| ROOT.to_owned())))
}

fn profile<'a>(
    account: &'a Account,
    owner: &KeyOwner,
    name: &str,
) -> Result<&'a Arc<LoginProfile>, Error> {
    let profile = account.login_profiles.get(&owner.key());
    profile.ok_or_else(|| Error::NoSuchEntity(Missing::LoginProfile(name.to_owned())))
}

/// A login profile with the name that answers have.
#[derive(Clone, Debug)]
pub struct ShownLoginProfile {
    /// `UserName`
    pub user_name: String,
    /// The profile.
    pub profile: Arc<LoginProfile>,
}

/// CreateLoginProfile
#[derive(Clone, Debug)]
pub struct CreateLoginProfile {
    /// `UserName`
    pub user_name: Option<EntityName>,
    /// `Password`: required for users, and none for the root user.
    pub password: Option<Password>,
    /// `PasswordResetRequired`
    pub password_reset_required: bool,
}

impl CreateLoginProfile {
    /// Whose profile is to be made, if it can be as `account` is.
    fn check(&self, account: &Account, caller: &Caller) -> Result<(KeyOwner, String), Error> {
        let (owner, name) = meant(account, self.user_name.as_ref(), caller)?;
        if account.login_profiles.contains_key(&owner.key()) {
            return Err(Error::EntityAlreadyExists(Existing::LoginProfile(name)));
        }
        if let Some(password) = &self.password {
            password::check(password, account, caller.directory())?;
        }
        Ok((owner, name))
    }
}

impl Operation for CreateLoginProfile {
    type Output = ShownLoginProfile;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateLoginProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need(
            call,
            "iam:CreateLoginProfile",
            self.user_name.as_ref(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownLoginProfile, Error> {
        let recovers = self.user_name.is_none() && call.caller.task().is_some();
        match &self.password {
            None if !recovers => {
                return Err(Error::Validation(vec![Invalid {
                    member: "password".to_owned(),
                    value: None,
                    constraint: Constraint::NotNull,
                }]));
            }
            Some(_) if recovers => {
                return Err(Error::ValidationText(
                    "Password must be omitted when calling with AssumeRoot credentials".to_owned(),
                ));
            }
            _ => {}
        }
        // What cannot be is refused before the work, and again in the writer's turn.
        self.check(call.account()?, call.caller)?;
        let hash = match &self.password {
            Some(password) => {
                let account = call.account()?.id;
                Some(call.realm.hash_password(account, password).await?)
            }
            None => None,
        };
        call.change(|draft| {
            let (owner, user_name) = self.check(draft.account, call.caller)?;
            let profile = LoginProfile {
                owner,
                created: draft.now,
                password: hash.clone(),
                changed: draft.now,
                reset_required: self.password_reset_required,
                previous: Vec::new(),
            };
            draft.change.put(profile.clone());
            let profile = Arc::new(profile);
            Ok(ShownLoginProfile { user_name, profile })
        })
        .await
    }
}

/// GetLoginProfile
#[derive(Clone, Debug)]
pub struct GetLoginProfile {
    /// `UserName`
    pub user_name: Option<EntityName>,
}

impl Operation for GetLoginProfile {
    type Output = ShownLoginProfile;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetLoginProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need(call, "iam:GetLoginProfile", self.user_name.as_ref())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownLoginProfile, Error> {
        let account = call.account()?;
        let (owner, user_name) = meant(account, self.user_name.as_ref(), call.caller)?;
        let profile = profile(account, &owner, &user_name)?.clone();
        Ok(ShownLoginProfile { user_name, profile })
    }
}

/// UpdateLoginProfile: an administrator sets a user's password, or has the user set it.
#[derive(Clone, Debug)]
pub struct UpdateLoginProfile {
    /// `UserName`
    pub user_name: EntityName,
    /// `Password`
    pub password: Option<Password>,
    /// `PasswordResetRequired`
    pub password_reset_required: Option<bool>,
}

impl Operation for UpdateLoginProfile {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateLoginProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let (action, name) = ("iam:UpdateLoginProfile", Some(&self.user_name));
        call.allow(&need(call, action, name)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let replacement = Replacement {
            user_name: self.user_name.as_str(),
            old: None,
            new: self.password.as_ref(),
            reset_required: self.password_reset_required,
        };
        replacement.perform(call).await
    }
}

/// DeleteLoginProfile
#[derive(Clone, Debug)]
pub struct DeleteLoginProfile {
    /// `UserName`
    pub user_name: Option<EntityName>,
}

impl Operation for DeleteLoginProfile {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteLoginProfile";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need(
            call,
            "iam:DeleteLoginProfile",
            self.user_name.as_ref(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let account = draft.account;
            let (owner, name) = meant(account, self.user_name.as_ref(), call.caller)?;
            let profile = profile(account, &owner, &name)?;
            draft.change.delete(LoginProfile::clone(profile));
            Ok(())
        })
        .await
    }
}

/// ChangePassword: of the caller, who must be a user, and know the old one.
///
/// It needs `iam:ChangePassword`, which the account's password policy may allow to every user
/// (`AllowUsersToChangePassword`). A password that has expired can be changed so, whatever
/// `HardExpiry` says: that is about signing in.
#[derive(Clone, Debug)]
pub struct ChangePassword {
    /// `OldPassword`
    pub old_password: Password,
    /// `NewPassword`
    pub new_password: Password,
}

impl Operation for ChangePassword {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ChangePassword";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:ChangePassword";
        match &call.caller.who {
            Who::User(_) => call.allow(&need(call, action, None)?),
            _ => call.allow(&Need::new(action, "*")),
        }
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let (Who::User(state), None) = (&call.caller.who, call.caller.delegate()) else {
            let text = "Only IAM Users can change their own password.";
            return Err(IamFault::InvalidUserType(text.to_owned()).into());
        };
        let replacement = Replacement {
            user_name: state.user.name.as_str(),
            old: Some(&self.old_password),
            new: Some(&self.new_password),
            reset_required: Some(false),
        };
        replacement.perform(call).await
    }
}

/// What is to become of a user's profile.
struct Replacement<'a> {
    user_name: &'a str,
    /// What the user must know.
    old: Option<&'a Password>,
    new: Option<&'a Password>,
    reset_required: Option<bool>,
}

impl Replacement<'_> {
    /// The profile as it is, if it can be changed as `account` is; with how many of its passwords the new
    /// one must not be.
    fn check(
        &self,
        account: &Account,
        call: &Call<'_>,
    ) -> Result<(Arc<LoginProfile>, usize), Error> {
        let state = user(account, self.user_name)?;
        let owner = KeyOwner::User(state.user.id.clone());
        let profile = profile(account, &owner, state.user.name.as_str())?.clone();
        if let Some(new) = self.new {
            password::check(new, account, call.caller.directory())?;
        }
        Ok((profile, remembered(account)))
    }

    /// Changes the profile. The work on passwords comes before the writer's turn, and is done again
    /// where what it rested on has changed since.
    async fn perform(&self, call: &Call<'_>) -> Result<(), Error> {
        let id = call.account()?.id;
        for _ in 0..ATTEMPTS {
            let account = call.realm.account(id).await?;
            let account = account.ok_or(Error::InvalidClientTokenId)?;
            let seen = self.check(&account, call)?;
            let hash = match self.new {
                Some(new) => {
                    let (profile, remembered) = &seen;
                    let old = match (self.old, &profile.password) {
                        (Some(old), Some(hash)) => Some((old, hash.clone())),
                        _ => None,
                    };
                    let barred = profile.passwords().take(*remembered).cloned().collect();
                    Some(call.realm.replace_password(id, old, new, barred).await?)
                }
                None => None,
            };
            let is_done = call.change(|draft| {
                let current = self.check(draft.account, call)?;
                if hash.is_some() && current != seen {
                    return Ok(false);
                }
                let (profile, _) = current;
                let mut changed = match &hash {
                    Some(hash) => profile.with_password(hash.clone(), draft.now),
                    None => LoginProfile::clone(&profile),
                };
                if let Some(required) = self.reset_required {
                    changed.reset_required = required;
                }
                if changed != *profile {
                    draft.change.put(changed);
                }
                Ok(true)
            });
            if is_done.await? {
                return Ok(());
            }
        }
        let text = "the password was changed by others again and again";
        Err(Error::ServiceUnavailable(text.into()))
    }
}
