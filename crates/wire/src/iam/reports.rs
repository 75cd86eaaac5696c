//! Reports about credentials and access.

use super::{page, page_end};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::CredentialReport;
use locum_identity::environment::Seconds;
use locum_identity::error::Error;
use locum_identity::iam::credential_report::{
    GenerateCredentialReport, GetCredentialReport, ReportState,
};
use locum_identity::iam::last_accessed::{
    AccessDetail, EntityDetails, GenerateOrganizationsAccessReport,
    GenerateServiceLastAccessedDetails, GetOrganizationsAccessReport,
    GetServiceLastAccessedDetails, GetServiceLastAccessedDetailsWithEntities, GrantingPolicy,
    Granularity, LastAccess, ListPoliciesGrantingServiceAccess, OrganizationsAccessPage,
    PolicyHolder, ReportPage, ServiceGrants, ServiceLastAccessed, SortKey,
};
use std::sync::Arc;

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(
            GenerateCredentialReport,
            |_| Ok(GenerateCredentialReport),
            credential_report_state
        ),
        bind!(
            GetCredentialReport,
            |_| Ok(GetCredentialReport),
            credential_report
        ),
        bind!(
            ListPoliciesGrantingServiceAccess,
            decode_granting,
            |output| page("PoliciesGrantingServiceAccess", output, grants).node()
        ),
        bind!(GenerateServiceLastAccessedDetails, decode_generate, |id| {
            job(id)
        }),
        bind!(GetServiceLastAccessedDetails, decode_details, details),
        bind!(
            GetServiceLastAccessedDetailsWithEntities,
            decode_entities,
            entities
        ),
        bind!(
            GenerateOrganizationsAccessReport,
            decode_organizations,
            |id| job(id)
        ),
        bind!(
            GetOrganizationsAccessReport,
            decode_organizations_report,
            organizations_report
        ),
    ]
}

fn decode_granting(fields: &mut Fields<'_>) -> Result<ListPoliciesGrantingServiceAccess, Error> {
    let arn = fields.required("Arn");
    let service_namespaces = fields.required_filled_list("ServiceNamespaces", 200, Fields::scalar);
    let page = fields.unmeasured_page();
    fields.check()?;
    Ok(ListPoliciesGrantingServiceAccess {
        arn: arn?,
        service_namespaces,
        page,
    })
}

fn decode_generate(fields: &mut Fields<'_>) -> Result<GenerateServiceLastAccessedDetails, Error> {
    let arn = fields.required("Arn");
    let granularity = fields.one_of(
        "Granularity",
        &["SERVICE_LEVEL", "ACTION_LEVEL"],
        &[Granularity::Service, Granularity::Action],
    );
    fields.check()?;
    Ok(GenerateServiceLastAccessedDetails {
        arn: arn?,
        granularity: granularity.unwrap_or_default(),
    })
}

fn decode_details(fields: &mut Fields<'_>) -> Result<GetServiceLastAccessedDetails, Error> {
    let job_id = fields.required("JobId");
    let page = fields.page();
    fields.check()?;
    Ok(GetServiceLastAccessedDetails {
        job_id: job_id?,
        page,
    })
}

fn decode_entities(
    fields: &mut Fields<'_>,
) -> Result<GetServiceLastAccessedDetailsWithEntities, Error> {
    let job_id = fields.required("JobId");
    let service_namespace = fields.required("ServiceNamespace");
    let page = fields.page();
    fields.check()?;
    Ok(GetServiceLastAccessedDetailsWithEntities {
        job_id: job_id?,
        service_namespace: service_namespace?,
        page,
    })
}

fn decode_organizations(
    fields: &mut Fields<'_>,
) -> Result<GenerateOrganizationsAccessReport, Error> {
    let entity_path = fields.required("EntityPath");
    let organizations_policy_id = fields.optional("OrganizationsPolicyId");
    fields.check()?;
    Ok(GenerateOrganizationsAccessReport {
        entity_path: entity_path?,
        organizations_policy_id,
    })
}

fn decode_organizations_report(
    fields: &mut Fields<'_>,
) -> Result<GetOrganizationsAccessReport, Error> {
    let job_id = fields.required("JobId");
    let sort_key = fields.one_of(
        "SortKey",
        &[
            "SERVICE_NAMESPACE_ASCENDING",
            "SERVICE_NAMESPACE_DESCENDING",
            "LAST_AUTHENTICATED_TIME_ASCENDING",
            "LAST_AUTHENTICATED_TIME_DESCENDING",
        ],
        &[
            SortKey::NamespaceAscending,
            SortKey::NamespaceDescending,
            SortKey::TimeAscending,
            SortKey::TimeDescending,
        ],
    );
    let page = fields.page();
    fields.check()?;
    Ok(GetOrganizationsAccessReport {
        job_id: job_id?,
        sort_key: sort_key.unwrap_or_default(),
        page,
    })
}

fn credential_report_state(output: &ReportState) -> Node<'_> {
    match output {
        ReportState::Started => Members::new().text("State", "STARTED").text(
            "Description",
            "No report exists. Starting a new report generation task",
        ),
        ReportState::Complete => Members::new().text("State", "COMPLETE"),
    }
    .node()
}

fn credential_report(output: &Arc<CredentialReport>) -> Node<'_> {
    Members::new()
        .blob("Content", output.content.as_bytes())
        .text("ReportFormat", "text/csv")
        .time("GeneratedTime", output.generated)
        .node()
}

fn grants(output: &ServiceGrants) -> Node<'_> {
    Members::new()
        .text("ServiceNamespace", output.namespace.as_str())
        .list("Policies", output.policies.iter().map(granting_policy))
        .node()
}

fn granting_policy(policy: &GrantingPolicy) -> Node<'_> {
    match policy {
        GrantingPolicy::Managed(arn) => Members::new()
            .text("PolicyName", arn.rsplit('/').next().unwrap_or_default())
            .text("PolicyType", "MANAGED")
            .text("PolicyArn", arn.as_str()),
        GrantingPolicy::Inline {
            name,
            holder,
            holder_name,
        } => Members::new()
            .text("PolicyName", name.as_str())
            .text("PolicyType", "INLINE")
            .text(
                "EntityType",
                match holder {
                    PolicyHolder::User => "USER",
                    PolicyHolder::Group => "GROUP",
                    PolicyHolder::Role => "ROLE",
                },
            )
            .text("EntityName", holder_name.as_str()),
    }
    .node()
}

fn job(id: &str) -> Node<'_> {
    Members::new().text("JobId", id).node()
}

/// A job that is done, with when it was.
fn done<'a>(made: Seconds) -> Members<'a> {
    Members::new()
        .text("JobStatus", "COMPLETED")
        .time("JobCreationDate", made)
        .time("JobCompletionDate", made)
}

fn details(output: &ReportPage<ServiceLastAccessed>) -> Node<'_> {
    let granularity = match output.granularity {
        Granularity::Service => "SERVICE_LEVEL",
        Granularity::Action => "ACTION_LEVEL",
    };
    let members = done(output.made).text("JobType", granularity).list(
        "ServicesLastAccessed",
        output.page.items.iter().map(service),
    );
    page_end(members, &output.page).node()
}

fn service(service: &ServiceLastAccessed) -> Node<'_> {
    let members = Members::new()
        .text("ServiceName", service.name)
        .text("ServiceNamespace", service.namespace.as_str());
    let members = match &service.last {
        Some(last) => members
            .time("LastAuthenticated", last.at)
            .text("LastAuthenticatedEntity", last.entity.as_str())
            .text("LastAuthenticatedRegion", last.region.as_str()),
        None => members,
    };
    let members = members.integer("TotalAuthenticatedEntities", count(service.total_entities));
    if service.actions.is_empty() {
        members.node()
    } else {
        let actions = service.actions.iter().map(action);
        members.list("TrackedActionsLastAccessed", actions).node()
    }
}

fn action((name, last): &(String, LastAccess)) -> Node<'_> {
    Members::new()
        .text("ActionName", name.as_str())
        .text("LastAccessedEntity", last.entity.as_str())
        .time("LastAccessedTime", last.at)
        .text("LastAccessedRegion", last.region.as_str())
        .node()
}

fn entities(output: &ReportPage<EntityDetails>) -> Node<'_> {
    let items = output.page.items.iter().map(entity);
    let members = done(output.made).list("EntityDetailsList", items);
    page_end(members, &output.page).node()
}

fn entity(details: &EntityDetails) -> Node<'_> {
    let entity = &details.entity;
    let info = Members::new()
        .text("Arn", entity.arn.as_str())
        .text("Name", entity.name.as_str())
        .text("Type", if entity.is_role { "ROLE" } else { "USER" })
        .text("Id", entity.id.as_str())
        .text("Path", entity.path.as_str());
    Members::new()
        .structure("EntityInfo", info)
        .time_if("LastAuthenticated", details.last_authenticated)
        .node()
}

fn organizations_report(output: &OrganizationsAccessPage) -> Node<'_> {
    let members = done(output.made)
        .integer("NumberOfServicesAccessible", count(output.accessible))
        .integer("NumberOfServicesNotAccessed", count(output.not_accessed))
        .list("AccessDetails", output.page.items.iter().map(access_detail));
    page_end(members, &output.page).node()
}

fn access_detail(detail: &AccessDetail) -> Node<'_> {
    let members = Members::new()
        .text("ServiceName", detail.name)
        .text("ServiceNamespace", detail.namespace.as_str());
    let members = match &detail.last {
        Some((at, region, path)) => members
            .text("Region", region.as_str())
            .text("EntityPath", path.as_str())
            .time("LastAuthenticatedTime", *at),
        None => members,
    };
    members
        .integer("TotalAuthenticatedEntities", count(detail.total_accounts))
        .node()
}

fn count(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
