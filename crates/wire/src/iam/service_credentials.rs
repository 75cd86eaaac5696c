//! Service-specific credentials.

use super::access_keys::settable;
use super::{optional_user, page, required_user};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::service_credentials::{
    CreateServiceSpecificCredential, CredentialStatus, DeleteServiceSpecificCredential,
    ListServiceSpecificCredentials, NewCredential, ResetServiceSpecificCredential, ShownCredential,
    UpdateServiceSpecificCredential,
};
use locum_identity::names::{CredentialAgeDays, EntityName, ServiceSpecificCredentialId};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(CreateServiceSpecificCredential, decode_create, new),
        bind!(ListServiceSpecificCredentials, decode_list, |output| page(
            "ServiceSpecificCredentials",
            output,
            |one| shown(one).node()
        )
        .node()),
        bind!(UpdateServiceSpecificCredential, decode_update),
        bind!(
            ResetServiceSpecificCredential,
            |fields| one(fields, |user_name, id| ResetServiceSpecificCredential {
                user_name,
                id
            }),
            new
        ),
        bind!(DeleteServiceSpecificCredential, |fields| one(
            fields,
            |user_name, id| DeleteServiceSpecificCredential { user_name, id }
        )),
    ]
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateServiceSpecificCredential, Error> {
    let user_name = required_user(fields);
    let service_name = fields.required("ServiceName");
    let credential_age_days = fields.number("CredentialAgeDays", CredentialAgeDays::new);
    fields.check()?;
    Ok(CreateServiceSpecificCredential {
        user_name: user_name?,
        service_name: service_name?,
        credential_age_days,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListServiceSpecificCredentials, Error> {
    let user_name = optional_user(fields);
    let service_name = fields.optional("ServiceName");
    let all_users = fields.boolean("AllUsers").unwrap_or_default();
    let page = fields.page();
    fields.check()?;
    Ok(ListServiceSpecificCredentials {
        user_name,
        service_name,
        all_users,
        page,
    })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateServiceSpecificCredential, Error> {
    let user_name = optional_user(fields);
    let id = fields.required("ServiceSpecificCredentialId");
    let status = settable(fields)?;
    Ok(UpdateServiceSpecificCredential {
        user_name,
        id: id?,
        status,
    })
}

/// An input of a user, who may be the caller, and a credential.
fn one<T>(
    fields: &mut Fields<'_>,
    make: impl FnOnce(Option<EntityName>, ServiceSpecificCredentialId) -> T,
) -> Result<T, Error> {
    let user_name = optional_user(fields);
    let id = fields.required("ServiceSpecificCredentialId");
    fields.check()?;
    Ok(make(user_name, id?))
}

/// Of an API key the alias stands for what of a password is the user name.
fn shown(one: &ShownCredential) -> Members<'_> {
    let credential = &*one.credential;
    let status = match one.status {
        CredentialStatus::Active => "Active",
        CredentialStatus::Inactive => "Inactive",
        CredentialStatus::Expired => "Expired",
    };
    let is_key = credential.service.key_prefix().is_some();
    let alias = if is_key {
        "ServiceCredentialAlias"
    } else {
        "ServiceUserName"
    };
    Members::new()
        .text("UserName", one.user_name.as_str())
        .text("Status", status)
        .text(alias, credential.alias.as_str())
        .time("CreateDate", credential.created)
        .time_if("ExpirationDate", credential.expires)
        .text("ServiceSpecificCredentialId", credential.id.as_str())
        .text("ServiceName", credential.service.name())
}

fn new(output: &NewCredential) -> Node<'_> {
    let is_key = output.shown.credential.service.key_prefix().is_some();
    let name = if is_key {
        "ServiceCredentialSecret"
    } else {
        "ServicePassword"
    };
    let members = shown(&output.shown).text(name, output.secret.expose());
    Members::new()
        .structure("ServiceSpecificCredential", members)
        .node()
}
