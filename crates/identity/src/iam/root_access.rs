//! Centralized root access, switched on and off for the organization.

use crate::caller::Need;
use crate::entity::Organization;
use crate::error::{Error, RootAccessFault};
use crate::operation::{Call, Granted, Operation, Service};
use crate::root_access::{IAM_SERVICE, RootFeature, administers};
use std::collections::BTreeSet;
use std::sync::Arc;

/// What is enabled in an organization.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrganizationsFeatures {
    /// `OrganizationId`
    pub organization_id: String,
    /// `EnabledFeatures`
    pub enabled: BTreeSet<RootFeature>,
}

impl OrganizationsFeatures {
    fn of(organization: &Organization) -> Self {
        Self {
            organization_id: organization.id.clone(),
            enabled: organization.root_features.clone(),
        }
    }
}

/// Whose operation it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Of {
    /// The management account's alone.
    Management,
    /// The delegated administrator's for IAM too.
    Administrators,
}

/// Decides by policies, then by what the account is to its organization.
fn authorize<O: Operation>(call: &Call<'_>, of: Of) -> Result<Granted, Error> {
    let granted = call.allow(&Need::new(format!("iam:{}", O::NAME), "*"))?;
    let organization = organization(call.caller.directory().organization.as_ref())?;
    let account = call.account()?.id;
    if !administers(organization, account) {
        return Err(RootAccessFault::AccountNotManagementOrDelegatedAdministrator.into());
    }
    if of == Of::Management && account != organization.management_account {
        return Err(RootAccessFault::CallerIsNotManagementAccount.into());
    }
    if !organization.trusts(IAM_SERVICE) {
        return Err(RootAccessFault::ServiceAccessNotEnabled.into());
    }
    Ok(granted)
}

fn organization(found: Option<&Arc<Organization>>) -> Result<&Arc<Organization>, Error> {
    found.ok_or(RootAccessFault::OrganizationNotFound.into())
}

/// Enables or disables a feature; it may be so already.
async fn switch(
    call: &Call<'_>,
    feature: RootFeature,
    on: bool,
) -> Result<OrganizationsFeatures, Error> {
    call.change_organization(|directory, change| {
        let mut next = Organization::clone(organization(directory.organization.as_ref())?);
        let changed = if on {
            next.root_features.insert(feature)
        } else {
            next.root_features.remove(&feature)
        };
        let features = OrganizationsFeatures::of(&next);
        if changed {
            change.put(next);
        }
        Ok(features)
    })
    .await
}

macro_rules! switches {
    ($($(#[$doc:meta])* $operation:ident = $of:ident, $feature:ident, $on:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug)]
        pub struct $operation;

        impl Operation for $operation {
            type Output = OrganizationsFeatures;
            type Found = ();
            const SERVICE: Service = Service::Iam;
            const NAME: &'static str = stringify!($operation);

            async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
                authorize::<Self>(call, Of::$of)
            }

            async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
                switch(call, RootFeature::$feature, $on).await
            }
        }
    )*};
}

switches! {
    /// EnableOrganizationsRootCredentialsManagement
    EnableOrganizationsRootCredentialsManagement = Management, CredentialsManagement, true;
    /// DisableOrganizationsRootCredentialsManagement
    DisableOrganizationsRootCredentialsManagement = Administrators, CredentialsManagement, false;
    /// EnableOrganizationsRootSessions
    EnableOrganizationsRootSessions = Management, Sessions, true;
    /// DisableOrganizationsRootSessions
    DisableOrganizationsRootSessions = Administrators, Sessions, false;
}

/// ListOrganizationsFeatures
#[derive(Clone, Copy, Debug)]
pub struct ListOrganizationsFeatures;

impl Operation for ListOrganizationsFeatures {
    type Output = OrganizationsFeatures;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListOrganizationsFeatures";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        authorize::<Self>(call, Of::Administrators)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let found = organization(call.caller.directory().organization.as_ref())?;
        Ok(OrganizationsFeatures::of(found))
    }
}
