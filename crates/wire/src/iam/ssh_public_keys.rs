//! SSH public keys.

use super::access_keys::{settable, status};
use super::{both, page};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::ssh_public_keys::{
    DeleteSshPublicKey, GetSshPublicKey, ListSshPublicKeys, ListedSshPublicKeys, ShownSshPublicKey,
    UpdateSshPublicKey, UploadSshPublicKey,
};
use locum_identity::key_material::SshEncoding;
use locum_identity::names::{Constrained as _, EntityName, UserName};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(
            UploadSshPublicKey,
            |fields| both(
                fields,
                ("UserName", "SSHPublicKeyBody"),
                |user_name, body| { UploadSshPublicKey { user_name, body } }
            ),
            shown
        ),
        bind!(GetSshPublicKey, decode_get, shown),
        bind!(ListSshPublicKeys, decode_list, listed),
        bind!(UpdateSshPublicKey, decode_update),
        bind!(DeleteSshPublicKey, |fields| both(
            fields,
            ("UserName", "SSHPublicKeyId"),
            |user_name, id| DeleteSshPublicKey { user_name, id }
        )),
    ]
}

fn decode_get(fields: &mut Fields<'_>) -> Result<GetSshPublicKey, Error> {
    let user_name = fields.required("UserName");
    let id = fields.required("SSHPublicKeyId");
    let encoding = fields.required_one_of(
        "Encoding",
        &["SSH", "PEM"],
        &[SshEncoding::Ssh, SshEncoding::Pem],
    );
    fields.check()?;
    Ok(GetSshPublicKey {
        user_name: user_name?,
        id: id?,
        encoding: encoding?,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListSshPublicKeys, Error> {
    // The model has the constraint of new names here.
    let user_name = fields.optional::<UserName>("UserName");
    let page = fields.page();
    fields.check()?;
    let user_name = user_name.and_then(|name| EntityName::parse(name.as_str()).ok());
    Ok(ListSshPublicKeys { user_name, page })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateSshPublicKey, Error> {
    let user_name = fields.required("UserName");
    let id = fields.required("SSHPublicKeyId");
    let status = settable(fields)?;
    Ok(UpdateSshPublicKey {
        user_name: user_name?,
        id: id?,
        status,
    })
}

fn shown(output: &ShownSshPublicKey) -> Node<'_> {
    let key = Members::new()
        .text("UserName", output.user_name.as_str())
        .text("SSHPublicKeyId", output.key.id.as_str())
        .text("Fingerprint", output.fingerprint.as_str())
        .text("SSHPublicKeyBody", output.body.as_str())
        .text("Status", status(output.key.status))
        .time("UploadDate", output.key.uploaded);
    Members::new().structure("SSHPublicKey", key).node()
}

fn listed(output: &ListedSshPublicKeys) -> Node<'_> {
    page("SSHPublicKeys", &output.keys, |key| {
        Members::new()
            .text("UserName", output.user_name.as_str())
            .text("SSHPublicKeyId", key.id.as_str())
            .text("Status", status(key.status))
            .time("UploadDate", key.uploaded)
            .node()
    })
    .node()
}
