//! Signing in with a user's name, password and MFA device, for temporary credentials of the user's own.

use super::{Realm, Standing};
use crate::account::{Account, UserState};
use crate::caller::{Caller, Credentials, RequestFacts, Who};
use crate::entity::KeyOwner;
use crate::error::{Error, Forbidden};
use crate::names::{AccountId, Constrained as _, Password, StsSerialNumber, TokenCode};
use crate::session::TemporaryCredentials;
use crate::sts::{GetSessionToken, MfaParameters};
use std::sync::Arc;

/// What became of a sign-in with a password.
#[derive(Debug)]
pub enum PasswordSignIn {
    /// The user's session, as GetSessionToken would have issued it.
    SignedIn(TemporaryCredentials),
    /// The account, the user or the password is not right; which, nobody is told.
    Wrong,
    /// The password is right, and may not be used: it must be changed, or an administrator must set
    /// another one.
    Unusable(Standing),
    /// The password is right; a code of one of the user's MFA devices is needed, too.
    CodeNeeded,
    /// The password is right, and the code is not.
    WrongCode,
}

impl Realm {
    /// Signs a user in. Who has an MFA device must show it.
    ///
    /// Who calls this limits how often anyone may guess.
    ///
    /// # Errors
    /// As [`Realm::sign_in`].
    pub async fn sign_in_with_password(
        &self,
        id: AccountId,
        name: &str,
        password: &Password,
        code: Option<&TokenCode>,
        facts: &RequestFacts,
    ) -> Result<PasswordSignIn, Error> {
        let Some(signed_in) = self.sign_in(id, name, password).await? else {
            return Ok(PasswordSignIn::Wrong);
        };
        if signed_in.standing != Standing::Good {
            return Ok(PasswordSignIn::Unusable(signed_in.standing));
        }
        let account = self.account(id).await?.ok_or(Error::InvalidClientTokenId)?;
        let devices = serial_numbers(&account, &signed_in.user);
        let who = Who::User(signed_in.user);
        let caller = Caller::new(account, self.directory(), who, Credentials::None);
        if devices.is_empty() {
            let asked = GetSessionToken::default();
            let session = self.call(&caller, facts, asked).await?;
            return Ok(PasswordSignIn::SignedIn(session));
        }
        let Some(code) = code else {
            return Ok(PasswordSignIn::CodeNeeded);
        };
        for device in devices {
            let asked = GetSessionToken {
                mfa: MfaParameters {
                    serial_number: Some(device),
                    token_code: Some(code.clone()),
                },
                ..GetSessionToken::default()
            };
            match self.call(&caller, facts, asked).await {
                Ok(session) => return Ok(PasswordSignIn::SignedIn(session)),
                Err(Error::Forbidden(Forbidden::WrongMfaCode | Forbidden::UnverifiableMfa)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(PasswordSignIn::WrongCode)
    }
}

fn serial_numbers(account: &Account, user: &Arc<UserState>) -> Vec<StsSerialNumber> {
    let owner = KeyOwner::User(user.user.id.clone());
    let devices = account.mfa_devices_of(&owner);
    devices
        .filter_map(|(_, state)| StsSerialNumber::parse(&state.arn).ok())
        .collect()
}
