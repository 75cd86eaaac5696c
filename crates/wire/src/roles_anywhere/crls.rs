//! Certificate revocation lists.

use super::{made, updated};
use crate::fields::Fields;
use crate::node::Members;
use locum_identity::entity::AnywhereCrl;
use locum_identity::error::Error;
use locum_identity::roles_anywhere::{ImportCrl, UpdateCrl, View};

const LONGEST: u32 = 300_000;

pub(super) fn decode_import(fields: &mut Fields<'_>) -> Result<ImportCrl, Error> {
    let made = made(fields);
    fields.required_member("crlData");
    let data = fields.blob("crlData", 1, LONGEST);
    let trust_anchor = fields.required("trustAnchorArn");
    fields.check()?;
    Ok(ImportCrl {
        made: made()?,
        data: data.unwrap_or_default(),
        trust_anchor: trust_anchor?,
    })
}

pub(super) fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateCrl, Error> {
    let identifier = fields.required("crlId");
    let updated = updated(fields);
    let data = fields.blob("crlData", 1, LONGEST);
    fields.check()?;
    Ok(UpdateCrl {
        identifier: identifier?,
        updated,
        data,
    })
}

pub(super) fn own<'a>(view: &'a View<AnywhereCrl>, members: Members<'a>) -> Members<'a> {
    // It is kept in base64, as blobs are written.
    members
        .text("crlData", view.resource.data.as_str())
        .text("trustAnchorArn", view.resource.trust_anchor.as_str())
}
