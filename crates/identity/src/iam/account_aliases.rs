//! The account's alias: a name for it that no other account of the realm has.

use super::{Page, PageRequest};
use crate::caller::Need;
use crate::entity::AccountAlias;
use crate::error::{Error, Existing, Missing};
use crate::names::{AccountAliasName, AccountId, Constrained as _};
use crate::operation::{Call, Granted, Operation, Service};

/// CreateAccountAlias: an alias that the account had gives way.
#[derive(Clone, Debug)]
pub struct CreateAccountAlias {
    /// `AccountAlias`
    pub alias: AccountAliasName,
}

impl Operation for CreateAccountAlias {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateAccountAlias";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:CreateAccountAlias", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let alias = self.alias.as_str();
        // Where either may stand, it would name another account.
        if AccountId::parse(alias).is_ok() {
            return Err(Error::ValidationText(
                "The account alias must not have the form of an account ID.".to_owned(),
            ));
        }
        let account = call.account()?.id;
        call.change_organization(|directory, change| {
            if directory.account_of_alias(alias).is_some() {
                let existing = Existing::AccountAlias(alias.to_owned());
                return Err(Error::EntityAlreadyExists(existing));
            }
            if let Some(before) = directory.alias_of(account) {
                change.delete(AccountAlias {
                    alias: before.to_owned(),
                    account,
                });
            }
            change.put(AccountAlias {
                alias: alias.to_owned(),
                account,
            });
            Ok(())
        })
        .await
    }
}

/// DeleteAccountAlias
#[derive(Clone, Debug)]
pub struct DeleteAccountAlias {
    /// `AccountAlias`
    pub alias: AccountAliasName,
}

impl Operation for DeleteAccountAlias {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteAccountAlias";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:DeleteAccountAlias", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let alias = self.alias.as_str();
        let account = call.account()?.id;
        call.change_organization(|directory, change| {
            // Another account's alias looks like none.
            if directory.account_of_alias(alias) != Some(account) {
                let missing = Missing::AccountAlias(alias.to_owned());
                return Err(Error::NoSuchEntity(missing));
            }
            change.delete(AccountAlias {
                alias: alias.to_owned(),
                account,
            });
            Ok(())
        })
        .await
    }
}

/// ListAccountAliases: one at most.
#[derive(Clone, Debug)]
pub struct ListAccountAliases {
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListAccountAliases {
    type Output = Page<String>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListAccountAliases";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:ListAccountAliases", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Page<String>, Error> {
        let account = call.account()?.id;
        let directory = call.realm.directory();
        let alias = directory.alias_of(account).into_iter();
        Ok(self
            .page
            .page_of_all(alias.map(|alias| (alias, alias.to_owned()))))
    }
}
