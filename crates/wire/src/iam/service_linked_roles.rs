//! Service-linked roles.

use super::only;
use super::roles::created;
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::DeletionFailure;
use locum_identity::error::Error;
use locum_identity::iam::service_linked_roles::{
    CreateServiceLinkedRole, DeleteServiceLinkedRole, GetServiceLinkedRoleDeletionStatus,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(CreateServiceLinkedRole, decode_create, created),
        bind!(
            DeleteServiceLinkedRole,
            |fields| only(fields, "RoleName", |role_name| DeleteServiceLinkedRole {
                role_name
            }),
            |id| Members::new().text("DeletionTaskId", id.as_str()).node()
        ),
        bind!(
            GetServiceLinkedRoleDeletionStatus,
            |fields| only(fields, "DeletionTaskId", |deletion_task_id| {
                GetServiceLinkedRoleDeletionStatus { deletion_task_id }
            }),
            status
        ),
    ]
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateServiceLinkedRole, Error> {
    let aws_service_name = fields.required("AWSServiceName");
    let description = fields.optional("Description");
    let custom_suffix = fields.optional("CustomSuffix");
    fields.check()?;
    Ok(CreateServiceLinkedRole {
        aws_service_name: aws_service_name?,
        description,
        custom_suffix,
    })
}

fn status(failure: &Option<DeletionFailure>) -> Node<'_> {
    let Some(failure) = failure else {
        return Members::new().text("Status", "SUCCEEDED").node();
    };
    let resources = failure.resources.iter();
    let usage = Members::new()
        .text("Region", failure.region.as_str())
        .list("Resources", resources.map(|arn| Node::text(arn.as_str())))
        .node();
    let reason = Members::new()
        .text("Reason", failure.reason.as_str())
        .list("RoleUsageList", [usage]);
    Members::new()
        .text("Status", "FAILED")
        .structure("Reason", reason)
        .node()
}
