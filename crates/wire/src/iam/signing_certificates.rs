//! Signing certificates.

use super::access_keys::{settable, status};
use super::page;
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::SigningCertificate;
use locum_identity::error::Error;
use locum_identity::iam::signing_certificates::{
    DeleteSigningCertificate, ListSigningCertificates, ListedSigningCertificates,
    UpdateSigningCertificate, UploadSigningCertificate, UploadedSigningCertificate,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(UploadSigningCertificate, decode_upload, uploaded),
        bind!(ListSigningCertificates, decode_list, listed),
        bind!(UpdateSigningCertificate, decode_update),
        bind!(DeleteSigningCertificate, decode_delete),
    ]
}

fn decode_upload(fields: &mut Fields<'_>) -> Result<UploadSigningCertificate, Error> {
    let user_name = fields.optional("UserName");
    let body = fields.required("CertificateBody");
    fields.check()?;
    Ok(UploadSigningCertificate {
        user_name,
        body: body?,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListSigningCertificates, Error> {
    let user_name = fields.optional("UserName");
    let page = fields.page();
    fields.check()?;
    Ok(ListSigningCertificates { user_name, page })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateSigningCertificate, Error> {
    let user_name = fields.optional("UserName");
    let id = fields.required("CertificateId");
    let status = settable(fields)?;
    Ok(UpdateSigningCertificate {
        user_name,
        id: id?,
        status,
    })
}

fn decode_delete(fields: &mut Fields<'_>) -> Result<DeleteSigningCertificate, Error> {
    let user_name = fields.optional("UserName");
    let id = fields.required("CertificateId");
    fields.check()?;
    Ok(DeleteSigningCertificate { user_name, id: id? })
}

fn members<'a>(user_name: Option<&'a str>, certificate: &'a SigningCertificate) -> Members<'a> {
    Members::new()
        .text_if("UserName", user_name)
        .text("CertificateId", certificate.id.as_str())
        .text("CertificateBody", certificate.body.as_str())
        .text("Status", status(certificate.status))
        .time("UploadDate", certificate.uploaded)
}

fn uploaded(output: &UploadedSigningCertificate) -> Node<'_> {
    let members = members(output.user_name.as_deref(), &output.certificate);
    Members::new().structure("Certificate", members).node()
}

fn listed(output: &ListedSigningCertificates) -> Node<'_> {
    page("Certificates", &output.certificates, |certificate| {
        members(output.user_name.as_deref(), certificate).node()
    })
    .node()
}
