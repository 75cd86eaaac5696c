//! Delegation requests.

use super::{only, page_end};
use crate::fields::{Checked, Fields};
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::{PolicyParameter, PolicyParameterType};
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::iam::delegation::{
    AcceptDelegationRequest, AssociateDelegationRequest, CheckedPermissions,
    CreateDelegationRequest, CreatedDelegationRequest, GetDelegationRequest,
    GetHumanReadableSummary, GotDelegationRequest, ListDelegationRequests, PermissionCheckResult,
    ReceiveDelegationToken, ReceivedDelegationToken, RejectDelegationRequest, SendDelegationToken,
    ShownDelegationRequest, Summary, SummaryState, UpdateDelegationRequest,
};
use locum_identity::names::{
    ArnText, DelegationDuration, DelegationNotes, PolicyParameterName, RedirectUrl, RequestMessage,
};

/// Values of one parameter. The model has no limit; what they make has one.
const MOST_VALUES: u32 = 500;

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(CreateDelegationRequest, decode_create, created),
        bind!(GetDelegationRequest, decode_get, got),
        bind!(ListDelegationRequests, decode_list, listed),
        bind!(AssociateDelegationRequest, |fields| only(
            fields,
            "DelegationRequestId",
            |id| AssociateDelegationRequest { id }
        )),
        bind!(AcceptDelegationRequest, |fields| only(
            fields,
            "DelegationRequestId",
            |id| AcceptDelegationRequest { id }
        )),
        bind!(SendDelegationToken, |fields| only(
            fields,
            "DelegationRequestId",
            |id| SendDelegationToken { id }
        )),
        bind!(RejectDelegationRequest, decode_reject),
        bind!(UpdateDelegationRequest, decode_update),
        bind!(
            ReceiveDelegationToken,
            |fields| only(fields, "DelegationRequestId", |id| {
                ReceiveDelegationToken { id }
            }),
            received
        ),
        bind!(GetHumanReadableSummary, decode_summary, summary),
    ]
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateDelegationRequest, Error> {
    let owner_account = fields.optional("OwnerAccountId");
    let description = fields.required("Description");
    let permissions = fields.required_structure("Permissions", |permissions| {
        let template_arn: Checked<ArnText> = permissions.required("PolicyTemplateArn");
        (template_arn, permissions.list("Parameters", 50, parameter))
    });
    let request_message = fields.optional("RequestMessage");
    let workflow_id = fields.required("RequestorWorkflowId");
    let redirect_url = fields.optional("RedirectUrl");
    let notification_channel = fields.required("NotificationChannel");
    let session_duration =
        fields.required_number("SessionDuration", DelegationDuration::from_seconds);
    let only_send_by_owner = fields.boolean("OnlySendByOwner");
    fields.check()?;
    let (template_arn, parameters) = permissions?;
    Ok(CreateDelegationRequest {
        owner_account,
        description: description?,
        template_arn: template_arn?,
        parameters,
        request_message,
        workflow_id: workflow_id?,
        redirect_url,
        notification_channel: notification_channel?,
        session_duration: session_duration?,
        only_send_by_owner: only_send_by_owner.unwrap_or(false),
    })
}

fn parameter(fields: &mut Fields<'_>) -> Option<PolicyParameter> {
    let name: Checked<PolicyParameterName> = fields.required("Name");
    let values = fields.list("Values", MOST_VALUES, Fields::scalar);
    let parameter_type = fields.one_of(
        "Type",
        &["string", "stringList"],
        &[PolicyParameterType::String, PolicyParameterType::StringList],
    );
    let by_count = match values.len() {
        1 => PolicyParameterType::String,
        _ => PolicyParameterType::StringList,
    };
    Some(PolicyParameter {
        name: name.ok()?,
        values,
        parameter_type: parameter_type.unwrap_or(by_count),
    })
}

fn decode_get(fields: &mut Fields<'_>) -> Result<GetDelegationRequest, Error> {
    let id = fields.required("DelegationRequestId");
    let permission_check = fields.boolean("DelegationPermissionCheck");
    fields.check()?;
    Ok(GetDelegationRequest {
        id: id?,
        permission_check: permission_check.unwrap_or(false),
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListDelegationRequests, Error> {
    let owner = fields.optional("OwnerId");
    let page = fields.page();
    fields.check()?;
    Ok(ListDelegationRequests { owner, page })
}

fn decode_reject(fields: &mut Fields<'_>) -> Result<RejectDelegationRequest, Error> {
    let id = fields.required("DelegationRequestId");
    let notes = fields.optional("Notes");
    fields.check()?;
    Ok(RejectDelegationRequest { id: id?, notes })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateDelegationRequest, Error> {
    let id = fields.required("DelegationRequestId");
    let notes = fields.optional("Notes");
    fields.check()?;
    Ok(UpdateDelegationRequest { id: id?, notes })
}

fn decode_summary(fields: &mut Fields<'_>) -> Result<GetHumanReadableSummary, Error> {
    let entity_arn = fields.required("EntityArn");
    let locale = fields.optional("Locale");
    fields.check()?;
    Ok(GetHumanReadableSummary {
        entity_arn: entity_arn?,
        locale,
    })
}

fn created(output: &CreatedDelegationRequest) -> Node<'_> {
    Members::new()
        .text("DelegationRequestId", output.id.as_str())
        .node()
}

fn got(output: &GotDelegationRequest) -> Node<'_> {
    let members =
        Members::new().structure("DelegationRequest", delegation_request(&output.request));
    match output.checked {
        None => members,
        Some(CheckedPermissions::Failed) => members.text("PermissionCheckStatus", "FAILED"),
        Some(CheckedPermissions::Complete(result)) => {
            members.text("PermissionCheckStatus", "COMPLETE").text(
                "PermissionCheckResult",
                match result {
                    PermissionCheckResult::Allowed => "ALLOWED",
                    PermissionCheckResult::Denied => "DENIED",
                    PermissionCheckResult::Unsure => "UNSURE",
                },
            )
        }
    }
    .node()
}

/// The list ends with `isTruncated`, which the model spells like this here alone.
fn listed(output: &Page<ShownDelegationRequest>) -> Node<'_> {
    let members = Members::new().list(
        "DelegationRequests",
        output
            .items
            .iter()
            .map(|shown| delegation_request(shown).node()),
    );
    page_end(members, output)
        .renamed("IsTruncated", "isTruncated")
        .node()
}

fn delegation_request(shown: &ShownDelegationRequest) -> Members<'_> {
    let request = &*shown.request;
    let customer = shown.shows_customer;
    let owner = request.owner.as_ref().filter(|_| customer);
    let approver = request.approver.as_ref().filter(|_| customer);
    let notes = request.notes.as_ref().filter(|_| customer);
    let members = Members::new()
        .text("DelegationRequestId", request.id.as_str())
        .text_if(
            "OwnerAccountId",
            request.owner_account.map(|id| id.to_string()),
        )
        .text("Description", request.description.as_str())
        .text_if(
            "RequestMessage",
            request.request_message.as_ref().map(RequestMessage::as_str),
        )
        .structure("Permissions", permissions(shown))
        .text("PermissionPolicy", request.permission_policy.as_str());
    let members = if shown.role_restrictions.is_empty() {
        members
    } else {
        let arns = shown.role_restrictions.iter();
        members.list(
            "RolePermissionRestrictionArns",
            arns.map(|arn| Node::text(arn.as_str())),
        )
    };
    members
        .text_if("OwnerId", owner.map(|owner| owner.arn.as_str()))
        .text_if("ApproverId", approver.map(|approver| approver.arn.as_str()))
        .text("State", shown.state.as_str())
        .time("ExpirationTime", request.expires)
        .text("RequestorId", shown.requestor.to_string())
        .text("RequestorName", shown.requestor_name.as_str())
        .time("CreateDate", request.created)
        .integer("SessionDuration", request.session_duration)
        .text_if(
            "RedirectUrl",
            request.redirect_url.as_ref().map(RedirectUrl::as_str),
        )
        .text_if("Notes", notes.map(DelegationNotes::as_str))
        .text_if(
            "RejectionReason",
            request
                .rejection_reason
                .as_ref()
                .map(DelegationNotes::as_str),
        )
        .boolean("OnlySendByOwner", request.only_send_by_owner)
        .time("UpdatedTime", request.updated)
}

fn permissions(shown: &ShownDelegationRequest) -> Members<'_> {
    let request = &*shown.request;
    let members = Members::new().text("PolicyTemplateArn", request.template_arn.as_str());
    if request.parameters.is_empty() {
        return members;
    }
    members.list(
        "Parameters",
        request.parameters.iter().map(|parameter| {
            let values = parameter.values.iter();
            Members::new()
                .text("Name", parameter.name.as_str())
                .list("Values", values.map(|value| Node::text(value.as_str())))
                .text(
                    "Type",
                    match parameter.parameter_type {
                        PolicyParameterType::String => "string",
                        PolicyParameterType::StringList => "stringList",
                    },
                )
                .node()
        }),
    )
}

fn received(output: &ReceivedDelegationToken) -> Node<'_> {
    Members::new()
        .text("Type", "ExchangeToken")
        .text("RequestId", output.id.as_str())
        .text("RequestorWorkflowId", output.workflow_id.as_str())
        .text("State", "FINALIZED")
        .text("OwnerAccountId", output.owner_account.to_string())
        .text("ExchangeToken", output.exchange_token.expose())
        .time("ExpiresAt", output.expires_at)
        .time("UpdatedAt", output.updated_at)
        .node()
}

fn summary(output: &Summary) -> Node<'_> {
    Members::new()
        .text("SummaryContent", output.content.as_str())
        .text("Locale", output.locale.as_str())
        .text(
            "SummaryState",
            match output.state {
                SummaryState::Available => "AVAILABLE",
                SummaryState::NotAvailable => "NOT_AVAILABLE",
                SummaryState::NotSupported => "NOT_SUPPORTED",
                SummaryState::Failed => "FAILED",
            },
        )
        .node()
}
