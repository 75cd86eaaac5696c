//! The account's password policy.

use crate::caller::Need;
use crate::entity::PasswordPolicy;
use crate::error::{Error, Missing};
use crate::names::{AccountId, MaxPasswordAge, MinimumPasswordLength, PasswordReusePrevention};
use crate::operation::{Call, Granted, Operation, Service};
use std::sync::Arc;

/// `MinimumPasswordLength` where a policy does not say.
const LENGTH: u32 = 6;

fn missing(account: AccountId) -> Error {
    Error::NoSuchEntity(Missing::PasswordPolicy(account.to_string()))
}

/// UpdateAccountPasswordPolicy: the policy is what is given, and the defaults for the rest, whatever it
/// was before. It is asked when passwords are set, not of those that are there; but their age counts.
#[derive(Clone, Debug, Default)]
pub struct UpdateAccountPasswordPolicy {
    /// `MinimumPasswordLength`, 6 if not given.
    pub minimum_password_length: Option<MinimumPasswordLength>,
    /// `RequireSymbols`
    pub require_symbols: bool,
    /// `RequireNumbers`
    pub require_numbers: bool,
    /// `RequireUppercaseCharacters`
    pub require_uppercase: bool,
    /// `RequireLowercaseCharacters`
    pub require_lowercase: bool,
    /// `AllowUsersToChangePassword`
    pub allow_users_to_change: bool,
    /// `MaxPasswordAge`
    pub max_password_age: Option<MaxPasswordAge>,
    /// `PasswordReusePrevention`
    pub password_reuse_prevention: Option<PasswordReusePrevention>,
    /// `HardExpiry`
    pub hard_expiry: Option<bool>,
}

impl Operation for UpdateAccountPasswordPolicy {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateAccountPasswordPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:UpdateAccountPasswordPolicy", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let length = self.minimum_password_length;
        let policy = PasswordPolicy {
            minimum_length: length.map_or(LENGTH, MinimumPasswordLength::get),
            require_symbols: self.require_symbols,
            require_numbers: self.require_numbers,
            require_uppercase: self.require_uppercase,
            require_lowercase: self.require_lowercase,
            allow_users_to_change: self.allow_users_to_change,
            max_age: self.max_password_age.map(MaxPasswordAge::get),
            reuse_prevention: self
                .password_reuse_prevention
                .map(PasswordReusePrevention::get),
            hard_expiry: self.hard_expiry,
        };
        call.change(|draft| {
            if draft
                .account
                .password_policy()
                .is_none_or(|before| **before != policy)
            {
                draft.change.put(policy.clone());
            }
            Ok(())
        })
        .await
    }
}

/// GetAccountPasswordPolicy
#[derive(Clone, Copy, Debug)]
pub struct GetAccountPasswordPolicy;

impl Operation for GetAccountPasswordPolicy {
    type Output = Arc<PasswordPolicy>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetAccountPasswordPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:GetAccountPasswordPolicy", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Arc<PasswordPolicy>, Error> {
        let account = call.account()?;
        let policy = account.password_policy();
        policy.cloned().ok_or_else(|| missing(account.id))
    }
}

/// DeleteAccountPasswordPolicy: from then on AWS's default policy holds.
#[derive(Clone, Copy, Debug)]
pub struct DeleteAccountPasswordPolicy;

impl Operation for DeleteAccountPasswordPolicy {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteAccountPasswordPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:DeleteAccountPasswordPolicy", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let policy = draft.account.password_policy();
            let policy = policy.ok_or_else(|| missing(draft.account.id))?;
            draft.change.delete(PasswordPolicy::clone(policy));
            Ok(())
        })
        .await
    }
}
