//! Trusted access of services, and the members that administer a service for the organization.

use super::{
    AccountView, ConstraintReason, Fault, InvalidReason, management_only, need, need_on,
    organization, quotas, readers,
};
use crate::directory::Directory;
use crate::entity::Organization;
use crate::environment::Seconds;
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::names::{AccountId, ServicePrincipalName};
use crate::operation::{Call, Granted, Operation, Service};
use std::collections::BTreeMap;

/// The condition key `organizations:ServicePrincipal`.
const SERVICE_PRINCIPAL: &str = "organizations:serviceprincipal";

/// Refuses what cannot be a service of AWS's.
fn recognized(service: &ServicePrincipalName) -> Result<(), Error> {
    if service.is_of_a_service() {
        Ok(())
    } else {
        Err(InvalidReason::UnrecognizedServicePrincipal.into())
    }
}

fn account_of(directory: &Directory, id: AccountId) -> Result<(), Error> {
    if directory.accounts.contains_key(&id) {
        Ok(())
    } else {
        Err(Error::AccountNotFound)
    }
}

/// EnableAWSServiceAccess: trusted access for a service. Only IAM's has an effect here.
#[derive(Clone, Debug)]
pub struct EnableAwsServiceAccess {
    /// `ServicePrincipal`
    pub service_principal: ServicePrincipalName,
}

impl Operation for EnableAwsServiceAccess {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "EnableAWSServiceAccess";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let on_service = need::<Self>("*").key(SERVICE_PRINCIPAL, self.service_principal.as_str());
        management_only(call, [on_service])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        recognized(&self.service_principal)?;
        call.change_organization(|directory, change| {
            let mut next = Organization::clone(&*organization(directory)?);
            if !next.trusts(self.service_principal.as_str()) {
                let service = self.service_principal.clone();
                next.trusted_services.insert(service, call.facts.now);
                change.put(next);
            }
            Ok(())
        })
        .await
    }
}

/// DisableAWSServiceAccess: who administers the service stays registered, to no effect.
#[derive(Clone, Debug)]
pub struct DisableAwsServiceAccess {
    /// `ServicePrincipal`
    pub service_principal: ServicePrincipalName,
}

impl Operation for DisableAwsServiceAccess {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DisableAWSServiceAccess";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let on_service = need::<Self>("*").key(SERVICE_PRINCIPAL, self.service_principal.as_str());
        management_only(call, [on_service])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        recognized(&self.service_principal)?;
        call.change_organization(|directory, change| {
            let mut next = Organization::clone(&*organization(directory)?);
            if next
                .trusted_services
                .remove(&self.service_principal)
                .is_some()
            {
                change.put(next);
            }
            Ok(())
        })
        .await
    }
}

/// A service and the time from which on it has trusted access, or is administered by an account.
pub type SinceWhen = (ServicePrincipalName, Seconds);

fn page_of(page: &PageRequest, services: impl Iterator<Item = SinceWhen>) -> Page<SinceWhen> {
    let services: Vec<_> = services.collect();
    page.page_of_all(services.iter().map(|one| (one.0.as_str(), one.clone())))
}

/// ListAWSServiceAccessForOrganization: by service principal, in pages.
#[derive(Clone, Debug)]
pub struct ListAwsServiceAccessForOrganization {
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListAwsServiceAccessForOrganization {
    type Output = Page<SinceWhen>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListAWSServiceAccessForOrganization";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need::<Self>("*")])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let organization = organization(call.caller.directory())?;
        let services = organization.trusted_services.iter();
        let services = services.map(|(name, since)| (name.clone(), *since));
        Ok(page_of(&self.page, services))
    }
}

/// Who may make a member the administrator of a service, or take that back.
fn registering<O: Operation>(
    call: &Call<'_>,
    account: AccountId,
    service: &ServicePrincipalName,
) -> Result<Granted, Error> {
    let on_account = need_on::<O>(call, account.as_str())?;
    management_only(call, [on_account.key(SERVICE_PRINCIPAL, service.as_str())])
}

/// RegisterDelegatedAdministrator: a member administers a service with trusted access, and may read
/// the organization.
#[derive(Clone, Debug)]
pub struct RegisterDelegatedAdministrator {
    /// `AccountId`
    pub account_id: AccountId,
    /// `ServicePrincipal`
    pub service_principal: ServicePrincipalName,
}

impl Operation for RegisterDelegatedAdministrator {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "RegisterDelegatedAdministrator";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        registering::<Self>(call, self.account_id, &self.service_principal)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        recognized(&self.service_principal)?;
        call.change_organization(|directory, change| {
            account_of(directory, self.account_id)?;
            let mut next = Organization::clone(&*organization(directory)?);
            if self.account_id == next.management_account {
                return Err(ConstraintReason::CannotRegisterMasterAsDelegatedAdministrator.into());
            }
            if !next.trusts(self.service_principal.as_str()) {
                return Err(ConstraintReason::ServiceAccessNotEnabled.into());
            }
            let service = self.service_principal.clone();
            let of_service = next.delegated_administrators.entry(service).or_default();
            if of_service.contains_key(&self.account_id) {
                return Err(Fault::AccountAlreadyRegistered.into());
            }
            if of_service.len() >= quotas::DELEGATED_ADMINISTRATORS {
                return Err(
                    ConstraintReason::MaxDelegatedAdministratorsForServiceLimitExceeded.into(),
                );
            }
            of_service.insert(self.account_id, call.facts.now);
            change.put(next);
            Ok(())
        })
        .await
    }
}

/// DeregisterDelegatedAdministrator
#[derive(Clone, Debug)]
pub struct DeregisterDelegatedAdministrator {
    /// `AccountId`
    pub account_id: AccountId,
    /// `ServicePrincipal`
    pub service_principal: ServicePrincipalName,
}

impl Operation for DeregisterDelegatedAdministrator {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DeregisterDelegatedAdministrator";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        registering::<Self>(call, self.account_id, &self.service_principal)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        recognized(&self.service_principal)?;
        call.change_organization(|directory, change| {
            account_of(directory, self.account_id)?;
            let mut next = Organization::clone(&*organization(directory)?);
            let of_service = next
                .delegated_administrators
                .get_mut(&self.service_principal)
                .ok_or(Fault::AccountNotRegistered)?;
            if of_service.remove(&self.account_id).is_none() {
                return Err(Fault::AccountNotRegistered.into());
            }
            if of_service.is_empty() {
                next.delegated_administrators
                    .remove(&self.service_principal);
            }
            change.put(next);
            Ok(())
        })
        .await
    }
}

/// A member that administers a service.
#[derive(Clone, Debug)]
pub struct DelegatedAdministrator {
    /// The account.
    pub account: AccountView,
    /// `DelegationEnabledDate`: since when it administers the service, or the first of its services.
    pub since: Seconds,
}

/// ListDelegatedAdministrators: by account, in pages; those of one service or of any.
#[derive(Clone, Debug)]
pub struct ListDelegatedAdministrators {
    /// `ServicePrincipal`
    pub service_principal: Option<ServicePrincipalName>,
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListDelegatedAdministrators {
    type Output = Page<DelegatedAdministrator>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListDelegatedAdministrators";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let service = self.service_principal.as_ref();
        let service = service.map(ServicePrincipalName::as_str);
        readers(call, [need::<Self>("*").key_if(SERVICE_PRINCIPAL, service)])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let service = self.service_principal.as_ref();
        service.map(recognized).transpose()?;
        let directory = call.caller.directory();
        let organization = organization(directory)?;
        let mut first: BTreeMap<AccountId, Seconds> = BTreeMap::new();
        for (name, accounts) in &organization.delegated_administrators {
            if service.is_some_and(|wanted| wanted != name) {
                continue;
            }
            for (account, since) in accounts {
                let known = first.entry(*account).or_insert(*since);
                *known = (*known).min(*since);
            }
        }
        let Page { items, next } = self
            .page
            .page_of_all(first.iter().map(|(id, since)| (id.as_str(), (*id, *since))));
        let views = items.into_iter().map(|(id, since)| {
            let account = directory.accounts.get(&id).ok_or(Error::AccountNotFound)?;
            Ok(DelegatedAdministrator {
                account: AccountView::of(directory, account)?,
                since,
            })
        });
        Ok(Page {
            items: views.collect::<Result<_, Error>>()?,
            next,
        })
    }
}

/// ListDelegatedServicesForAccount: by service principal, in pages.
#[derive(Clone, Debug)]
pub struct ListDelegatedServicesForAccount {
    /// `AccountId`
    pub account_id: AccountId,
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListDelegatedServicesForAccount {
    type Output = Page<SinceWhen>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListDelegatedServicesForAccount";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need_on::<Self>(call, self.account_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.caller.directory();
        account_of(directory, self.account_id)?;
        let organization = organization(directory)?;
        let services: Vec<SinceWhen> = organization
            .delegated_administrators
            .iter()
            .filter_map(|(name, accounts)| Some((name.clone(), *accounts.get(&self.account_id)?)))
            .collect();
        if services.is_empty() {
            return Err(Fault::AccountNotRegistered.into());
        }
        Ok(page_of(&self.page, services.into_iter()))
    }
}
