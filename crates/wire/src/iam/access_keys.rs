//! Access keys.

use super::page;
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::KeyStatus;
use locum_identity::error::Error;
use locum_identity::iam::access_keys::{
    AccessKeyLastUsed, CreateAccessKey, CreatedAccessKey, DeleteAccessKey, GetAccessKeyLastUsed,
    ListAccessKeys, ListedAccessKeys, UpdateAccessKey,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(CreateAccessKey, decode_create, created),
        bind!(UpdateAccessKey, decode_update),
        bind!(DeleteAccessKey, decode_delete),
        bind!(ListAccessKeys, decode_list, listed),
        bind!(GetAccessKeyLastUsed, decode_last_used, last_used),
    ]
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateAccessKey, Error> {
    let user_name = fields.optional("UserName");
    fields.check()?;
    Ok(CreateAccessKey { user_name })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateAccessKey, Error> {
    let user_name = fields.optional("UserName");
    let access_key_id = fields.required("AccessKeyId");
    let status = settable(fields)?;
    Ok(UpdateAccessKey {
        user_name,
        access_key_id: access_key_id?,
        status,
    })
}

fn decode_delete(fields: &mut Fields<'_>) -> Result<DeleteAccessKey, Error> {
    let user_name = fields.optional("UserName");
    let access_key_id = fields.required("AccessKeyId");
    fields.check()?;
    Ok(DeleteAccessKey {
        user_name,
        access_key_id: access_key_id?,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListAccessKeys, Error> {
    let user_name = fields.optional("UserName");
    let page = fields.page();
    fields.check()?;
    Ok(ListAccessKeys { user_name, page })
}

fn decode_last_used(fields: &mut Fields<'_>) -> Result<GetAccessKeyLastUsed, Error> {
    let access_key_id = fields.required("AccessKeyId");
    fields.check()?;
    Ok(GetAccessKeyLastUsed {
        access_key_id: access_key_id?,
    })
}

/// `Status`, the last field of an input that has one. The model has Expired too, which only AWS sets.
pub(super) fn settable(fields: &mut Fields<'_>) -> Result<KeyStatus, Error> {
    let status = fields.required_one_of(
        "Status",
        &["Active", "Inactive", "Expired"],
        &[Some(KeyStatus::Active), Some(KeyStatus::Inactive), None],
    );
    fields.check()?;
    status?
        .ok_or_else(|| Error::InvalidInput("Status Expired cannot be set by a caller.".to_owned()))
}

pub(super) fn status(status: KeyStatus) -> &'static str {
    match status {
        KeyStatus::Active => "Active",
        KeyStatus::Inactive => "Inactive",
    }
}

fn created(output: &CreatedAccessKey) -> Node<'_> {
    let members = Members::new()
        .text_if("UserName", output.user_name.as_deref())
        .text("AccessKeyId", output.access_key_id.as_str())
        .text("Status", "Active")
        .text("SecretAccessKey", output.secret_access_key.expose())
        .time("CreateDate", output.created);
    Members::new().structure("AccessKey", members).node()
}

fn listed(output: &ListedAccessKeys) -> Node<'_> {
    page("AccessKeyMetadata", &output.keys, |state| {
        Members::new()
            .text_if("UserName", output.user_name.as_deref())
            .text("AccessKeyId", state.key.id.as_str())
            .text("Status", status(state.key.status))
            .time("CreateDate", state.key.created)
            .node()
    })
    .node()
}

fn last_used(output: &AccessKeyLastUsed) -> Node<'_> {
    let members = match &output.last_used {
        Some(used) => Members::new()
            .time("LastUsedDate", used.at)
            .text("ServiceName", used.service.as_str())
            .text("Region", used.region.as_str()),
        None => Members::new()
            .text("ServiceName", "N/A")
            .text("Region", "N/A"),
    };
    Members::new()
        .text_if("UserName", output.user_name.as_deref())
        .structure("AccessKeyLastUsed", members)
        .node()
}
