//! The ARNs that identity providers are named by: `arn:aws:iam::ACCOUNT:KIND/NAME`.

use crate::account::Account;
use crate::caller::Need;
use crate::entity::ProviderSettings;
use crate::error::Error;
use crate::names::{AccountId, ArnText, Constrained as _, Tag};
use crate::operation::{Call, Draft};
use locum_policy::Arn;
use std::borrow::Cow;

/// What operators said of a provider goes with it.
pub(super) fn forget_settings(draft: &mut Draft<'_>, arn: &ArnText) {
    if let Some(settings) = draft.account.provider_settings.get(arn.as_str()) {
        draft.change.delete(ProviderSettings::clone(settings));
    }
}

/// The kinds of identity providers, as their ARNs spell them.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum ProviderKind {
    OpenIdConnect,
    Saml,
}

impl ProviderKind {
    pub(super) fn prefix(self) -> &'static str {
        match self {
            Self::OpenIdConnect => "oidc-provider/",
            Self::Saml => "saml-provider/",
        }
    }

    /// The ARN of a provider of the account.
    pub(super) fn arn(self, account: &Account, name: &str) -> String {
        account.iam_arn(&format!("{}{name}", self.prefix()))
    }

    /// The name in an ARN of a provider of the account.
    pub(super) fn name_in<'a>(self, account: &Account, arn: &'a ArnText) -> Option<&'a str> {
        let resource = arn.as_str().strip_prefix(&account.iam_arn(""))?;
        resource.strip_prefix(self.prefix())
    }

    /// `InvalidInput` for what is no ARN of a provider of the kind, in whatever account.
    pub(super) fn check(self, arn: &ArnText) -> Result<(), Error> {
        let is_one = |arn: &Arn| {
            let name = arn.resource().strip_prefix(self.prefix());
            arn.service() == "iam"
                && arn.region().is_empty()
                && AccountId::parse(arn.account()).is_ok()
                && name.is_some_and(|name| !name.is_empty())
        };
        // The two blanks are AWS's.
        Arn::parse(arn.as_str())
            .filter(is_one)
            .map(drop)
            .ok_or_else(|| Error::InvalidInput("Invalid ARN:  Could not be parsed!".to_owned()))
    }

    /// The need of an action on the provider of an ARN, with the tags that it has if it is there.
    pub(super) fn need<'a>(
        self,
        call: &'a Call<'_>,
        action: impl Into<Cow<'a, str>>,
        arn: &'a ArnText,
        tags: impl FnOnce(&'a Account, &str) -> Option<&'a [Tag]>,
    ) -> Result<Need<'a>, Error> {
        let account = call.account()?;
        let mut need = Need::new(action, arn.as_str());
        if let Some(name) = self.name_in(account, arn) {
            let tags = tags(account, name);
            return Ok(need.resource_tags(tags.unwrap_or_default(), None));
        }
        match Arn::parse(arn.as_str()) {
            // Another account's providers are its own; no policy of it lets us in.
            Some(arn) => need.resource_account = AccountId::parse(arn.account()).ok(),
            None => need.resource = account.iam_arn(&format!("{}{arn}", self.prefix())).into(),
        }
        Ok(need)
    }
}
