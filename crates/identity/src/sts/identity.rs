//! GetCallerIdentity and GetAccessKeyInfo: whose credentials and keys are.

use crate::caller::Need;
use crate::error::Error;
use crate::ids::AccessKeyId;
use crate::names::{AccountId, KeyIdToLookUp};
use crate::operation::{Call, Exemption, Granted, Operation, Service};

/// GetCallerIdentity: who the credentials are. No permission is needed, and none can be denied.
#[derive(Clone, Copy, Debug)]
pub struct GetCallerIdentity;

/// What GetCallerIdentity answers.
#[derive(Debug)]
pub struct CallerIdentity {
    /// `UserId`
    pub user_id: String,
    /// `Account`; `None` for a service, which is of none.
    pub account: Option<AccountId>,
    /// `Arn`
    pub arn: String,
}

impl Operation for GetCallerIdentity {
    type Output = CallerIdentity;
    type Found = ();
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetCallerIdentity";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        Ok(call.exempt(Exemption::CallerIdentity))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<CallerIdentity, Error> {
        Ok(CallerIdentity {
            user_id: call.caller.user_id(),
            account: call.caller.account_id(),
            arn: call.caller.arn().unwrap_or_default().to_owned(),
        })
    }
}

/// GetAccessKeyInfo: the account that an access key id belongs to, whether or not it exists.
#[derive(Clone, Debug)]
pub struct GetAccessKeyInfo {
    /// `AccessKeyId`
    pub access_key_id: KeyIdToLookUp,
}

impl Operation for GetAccessKeyInfo {
    type Output = AccountId;
    type Found = ();
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetAccessKeyInfo";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("sts:GetAccessKeyInfo", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<AccountId, Error> {
        let id = self.access_key_id.as_str();
        call.realm
            .directory()
            .account_of_key(id)
            .or_else(|| AccessKeyId::account_of(id))
            .ok_or_else(|| Error::ValidationText(format!("{id} is invalid")))
    }
}
