//! Server certificates. Their private keys come in, and never go out.

use super::{page, tag_bindings, tags};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::iam::server_certificates::{
    DeleteServerCertificate, GetServerCertificate, ListServerCertificateTags,
    ListServerCertificates, ShownServerCertificate, TagServerCertificate, UntagServerCertificate,
    UpdateServerCertificate, UploadServerCertificate,
};

pub(super) fn bindings() -> Vec<Binding> {
    [
        bind!(UploadServerCertificate, decode_upload, uploaded),
        bind!(
            GetServerCertificate,
            |fields| super::only(fields, NAME, |name| GetServerCertificate { name }),
            got
        ),
        bind!(ListServerCertificates, decode_list, listed),
        bind!(UpdateServerCertificate, decode_update),
        bind!(DeleteServerCertificate, |fields| super::only(
            fields,
            NAME,
            |name| DeleteServerCertificate { name }
        )),
    ]
    .into_iter()
    .chain(tag_bindings!(
        "ServerCertificateName",
        TagServerCertificate,
        UntagServerCertificate,
        ListServerCertificateTags
    ))
    .collect()
}

const NAME: &str = "ServerCertificateName";

fn decode_upload(fields: &mut Fields<'_>) -> Result<UploadServerCertificate, Error> {
    let path = fields.optional("Path");
    let name = fields.required(NAME);
    let body = fields.required("CertificateBody");
    let private_key = fields.required("PrivateKey");
    let chain = fields.optional("CertificateChain");
    let tags = fields.tags("Tags");
    fields.check()?;
    Ok(UploadServerCertificate {
        name: name?,
        path,
        body: body?,
        private_key: private_key?,
        chain,
        tags,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListServerCertificates, Error> {
    let path_prefix = fields.optional("PathPrefix");
    let page = fields.page();
    fields.check()?;
    Ok(ListServerCertificates { path_prefix, page })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateServerCertificate, Error> {
    let name = fields.required(NAME);
    let new_path = fields.optional("NewPath");
    let new_name = fields.optional("NewServerCertificateName");
    fields.check()?;
    Ok(UpdateServerCertificate {
        name: name?,
        new_path,
        new_name,
    })
}

fn metadata(shown: &ShownServerCertificate) -> Members<'_> {
    let certificate = &*shown.certificate;
    Members::new()
        .text("Path", certificate.path.as_str())
        .text(NAME, certificate.name.as_str())
        .text("ServerCertificateId", certificate.id.as_str())
        .text("Arn", shown.arn.as_str())
        .time("UploadDate", certificate.uploaded)
        .time("Expiration", certificate.expires)
}

fn uploaded(output: &ShownServerCertificate) -> Node<'_> {
    let members = Members::new().structure("ServerCertificateMetadata", metadata(output));
    tags(members, &output.certificate.tags).node()
}

fn got(output: &ShownServerCertificate) -> Node<'_> {
    let certificate = &*output.certificate;
    let members = Members::new()
        .structure("ServerCertificateMetadata", metadata(output))
        .text("CertificateBody", certificate.body.as_str())
        .text_if("CertificateChain", certificate.chain.as_deref());
    Members::new()
        .structure("ServerCertificate", tags(members, &certificate.tags))
        .node()
}

fn listed(output: &Page<ShownServerCertificate>) -> Node<'_> {
    page("ServerCertificateMetadataList", output, |shown| {
        metadata(shown).node()
    })
    .node()
}
