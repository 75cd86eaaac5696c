//! Trusted access, and who administers services.

use super::accounts::basics;
use super::page;
use crate::fields::Fields;
use crate::node::Members;
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::names::{AccountId, ServicePrincipalName};
use locum_identity::organizations::{
    DeregisterDelegatedAdministrator, DisableAwsServiceAccess, EnableAwsServiceAccess,
    ListAwsServiceAccessForOrganization, ListDelegatedAdministrators,
    ListDelegatedServicesForAccount, RegisterDelegatedAdministrator,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(DeregisterDelegatedAdministrator, |fields| {
            let (account_id, service_principal) = account_and_service(fields)?;
            Ok(DeregisterDelegatedAdministrator {
                account_id,
                service_principal,
            })
        }),
        bind!(DisableAwsServiceAccess, |fields| Ok(
            DisableAwsServiceAccess {
                service_principal: service(fields)?,
            }
        )),
        bind!(EnableAwsServiceAccess, |fields| Ok(
            EnableAwsServiceAccess {
                service_principal: service(fields)?,
            }
        )),
        bind!(
            ListAwsServiceAccessForOrganization,
            |fields| {
                let page = fields.token_page();
                fields.check()?;
                Ok(ListAwsServiceAccessForOrganization { page })
            },
            |output| page("EnabledServicePrincipals", output, |(name, since)| {
                Members::new()
                    .text("ServicePrincipal", name.as_str())
                    .time("DateEnabled", *since)
            })
        ),
        bind!(
            ListDelegatedAdministrators,
            |fields| {
                let service_principal = fields.optional("ServicePrincipal");
                let page = fields.token_page();
                fields.check()?;
                Ok(ListDelegatedAdministrators {
                    service_principal,
                    page,
                })
            },
            |output| page("DelegatedAdministrators", output, |one| {
                basics(&one.account).time("DelegationEnabledDate", one.since)
            })
        ),
        bind!(
            ListDelegatedServicesForAccount,
            |fields| {
                let account_id = fields.required("AccountId");
                let page = fields.token_page();
                fields.check()?;
                Ok(ListDelegatedServicesForAccount {
                    account_id: account_id?,
                    page,
                })
            },
            |output| page("DelegatedServices", output, |(name, since)| {
                Members::new()
                    .text("ServicePrincipal", name.as_str())
                    .time("DelegationEnabledDate", *since)
            })
        ),
        bind!(RegisterDelegatedAdministrator, |fields| {
            let (account_id, service_principal) = account_and_service(fields)?;
            Ok(RegisterDelegatedAdministrator {
                account_id,
                service_principal,
            })
        }),
    ]
}

fn service(fields: &mut Fields<'_>) -> Result<ServicePrincipalName, Error> {
    let service = fields.required("ServicePrincipal");
    fields.check()?;
    service
}

fn account_and_service(
    fields: &mut Fields<'_>,
) -> Result<(AccountId, ServicePrincipalName), Error> {
    let account = fields.required("AccountId");
    let service = fields.required("ServicePrincipal");
    fields.check()?;
    Ok((account?, service?))
}
