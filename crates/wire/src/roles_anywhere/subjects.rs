//! Subjects.

use super::page;
use crate::fields::Fields;
use crate::node::{Members, Node};
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::roles_anywhere::{GetSubject, ListSubjects, SubjectView};

pub(super) fn decode_get(fields: &mut Fields<'_>) -> Result<GetSubject, Error> {
    let id = fields.required("subjectId");
    fields.check()?;
    Ok(GetSubject { id: id? })
}

pub(super) fn decode_list(fields: &mut Fields<'_>) -> Result<ListSubjects, Error> {
    Ok(ListSubjects {
        page: page(fields)?,
    })
}

fn summary(view: &SubjectView) -> Members<'_> {
    let subject = &view.subject;
    Members::new()
        .text("subjectArn", view.arn())
        .text("subjectId", subject.id.as_str())
        .boolean("enabled", true)
        .text("x509Subject", subject.subject.as_str())
        .time("lastSeenAt", subject.seen)
        .time("createdAt", subject.created)
        .time("updatedAt", subject.seen)
}

pub(super) fn one(view: &SubjectView) -> Node<'_> {
    let credentials = view.subject.credentials.iter().map(|credential| {
        Members::new()
            .time("seenAt", credential.seen)
            .text("serialNumber", credential.serial.as_str())
            .text("issuer", credential.issuer.as_str())
            .boolean("enabled", true)
            .text("x509CertificateData", credential.certificate.as_str())
            .boolean("failed", credential.failed)
            .node()
    });
    let properties = view.subject.properties.iter().map(|seen| {
        let properties = seen.properties.iter();
        let properties = properties.map(|(key, value)| (key.into(), Node::text(value.as_str())));
        Members::new()
            .time("seenAt", seen.seen)
            .with("properties", Node::Map(properties.collect()))
            .boolean("failed", seen.failed)
            .node()
    });
    let detail = summary(view)
        .list("credentials", credentials)
        .list("instanceProperties", properties);
    Members::new().structure("subject", detail).node()
}

pub(super) fn list(page: &Page<SubjectView>) -> Node<'_> {
    let items = page.items.iter().map(|view| summary(view).node());
    Members::new()
        .list("subjects", items)
        .text_if("nextToken", page.next.as_deref())
        .node()
}
