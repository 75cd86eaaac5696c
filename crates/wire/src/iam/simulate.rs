//! The policy simulator.

use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::simulate::{
    ContextEntry, ContextKeyType, EvaluationResult, GetContextKeysForCustomPolicy,
    GetContextKeysForPrincipalPolicy, InlinePolicyIdentifier, Marker, MatchedStatement,
    PolicyIdentifier, PolicyIdentifierType, Position, ResourceResult, SimulateCustomPolicy,
    SimulatePrincipalPolicy, Simulation, SimulationPage, SourceType, Verdict,
};
use locum_identity::names::DocumentText;

/// The longest list that a simulation may have. The model has no limit.
const MOST: u32 = 1000;

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(SimulateCustomPolicy, decode_custom, page),
        bind!(SimulatePrincipalPolicy, decode_principal, page),
        bind!(GetContextKeysForCustomPolicy, decode_keys, |names| keys(
            names
        )),
        bind!(
            GetContextKeysForPrincipalPolicy,
            decode_principal_keys,
            |names| keys(names)
        ),
    ]
}

fn decode_custom(fields: &mut Fields<'_>) -> Result<SimulateCustomPolicy, Error> {
    let policies = fields.required_list("PolicyInputList", MOST, Fields::scalar);
    let organization_policies = fields.list("OrderedOrganizationPolicyInputList", 7, |level| {
        Some(level.list("ServiceControlPolicyInputList", MOST, Fields::scalar))
    });
    let simulation = simulation(fields, policies);
    fields.check()?;
    Ok(SimulateCustomPolicy {
        organization_policies,
        simulation,
    })
}

fn decode_principal(fields: &mut Fields<'_>) -> Result<SimulatePrincipalPolicy, Error> {
    let policy_source_arn = fields.required("PolicySourceArn");
    let policies = fields.list("PolicyInputList", MOST, Fields::scalar);
    let exclusions = fields.list("PolicyExclusionList", 256, identifier);
    let simulation = simulation(fields, policies);
    fields.check()?;
    Ok(SimulatePrincipalPolicy {
        policy_source_arn: policy_source_arn?,
        exclusions,
        simulation,
    })
}

fn identifier(fields: &mut Fields<'_>) -> Option<PolicyIdentifier> {
    let member = |name: &str| {
        let text = fields.raw(&format!("InlinePolicyIdentifier.{name}"));
        text.map(str::to_owned)
    };
    let inline = InlinePolicyIdentifier {
        policy_name: member("PolicyName"),
        attachment_type: member("AttachmentType"),
        attachment_name: member("AttachmentName"),
    };
    Some(PolicyIdentifier {
        inline: fields.has("InlinePolicyIdentifier").then_some(inline),
        policy_type: fields.one_of(
            "PolicyType",
            PolicyIdentifierType::NAMES,
            &PolicyIdentifierType::ALL,
        ),
        policy_arn: fields.optional("PolicyArn"),
    })
}

fn simulation(fields: &mut Fields<'_>, policies: Vec<DocumentText>) -> Simulation {
    Simulation {
        policies,
        boundaries: fields.list("PermissionsBoundaryPolicyInputList", MOST, Fields::scalar),
        actions: fields.required_list("ActionNames", MOST, Fields::scalar),
        resources: fields.list("ResourceArns", MOST, Fields::scalar),
        resource_policy: fields.optional("ResourcePolicy"),
        resource_owner: fields.optional("ResourceOwner"),
        caller: fields.optional("CallerArn"),
        context: fields.list("ContextEntries", MOST, context_entry),
        resource_handling: fields.optional("ResourceHandlingOption"),
        max_items: fields.max_items(),
        marker: marker(fields),
    }
}

fn context_entry(fields: &mut Fields<'_>) -> Option<ContextEntry> {
    Some(ContextEntry {
        name: fields.optional("ContextKeyName"),
        values: fields.list("ContextKeyValues", MOST, Fields::scalar),
        kind: fields.one_of(
            "ContextKeyType",
            ContextKeyType::NAMES,
            &ContextKeyType::ALL,
        ),
    })
}

/// The key of a simulation's marker is a number of actions.
fn marker(fields: &mut Fields<'_>) -> Option<Marker> {
    let behind = |key: String| key.parse().map_or(Marker::Unreadable, Marker::Behind);
    match fields.marker() {
        Ok(key) => key.map(behind),
        Err(()) => Some(Marker::Unreadable),
    }
}

fn decode_keys(fields: &mut Fields<'_>) -> Result<GetContextKeysForCustomPolicy, Error> {
    let policies = fields.required_list("PolicyInputList", MOST, Fields::scalar);
    fields.check()?;
    Ok(GetContextKeysForCustomPolicy { policies })
}

fn decode_principal_keys(
    fields: &mut Fields<'_>,
) -> Result<GetContextKeysForPrincipalPolicy, Error> {
    let policy_source_arn = fields.required("PolicySourceArn");
    let policies = fields.list("PolicyInputList", MOST, Fields::scalar);
    fields.check()?;
    Ok(GetContextKeysForPrincipalPolicy {
        policy_source_arn: policy_source_arn?,
        policies,
    })
}

fn keys(names: &[String]) -> Node<'_> {
    Members::new()
        .list("ContextKeyNames", names.iter().map(Node::text))
        .node()
}

fn page(page: &SimulationPage) -> Node<'_> {
    Members::new()
        .list("EvaluationResults", page.results.iter().map(result))
        .boolean("IsTruncated", page.next.is_some())
        .text_if("Marker", page.next.map(|behind| behind.to_string()))
        .node()
}

fn result(result: &EvaluationResult) -> Node<'_> {
    let mut members = Members::new()
        .text("EvalActionName", result.action.as_str())
        .text("EvalResourceName", result.resource.as_str())
        .text("EvalDecision", verdict(result.decision))
        .list("MatchedStatements", result.matched.iter().map(statement))
        .list(
            "MissingContextValues",
            result.missing.iter().map(Node::text),
        );
    if let Some(allowed) = result.allowed_by_organizations {
        members = members.structure(
            "OrganizationsDecisionDetail",
            Members::new().boolean("AllowedByOrganizations", allowed),
        );
    }
    members = boundary(members, result.allowed_by_boundary);
    if let Some(verdicts) = &result.details {
        members = members.structure("EvalDecisionDetails", details(verdicts));
    }
    if !result.resources.is_empty() {
        let resources = result.resources.iter().map(resource);
        members = members.list("ResourceSpecificResults", resources);
    }
    members.node()
}

/// Unlike in the result of the action, what is empty is left out.
fn resource(result: &ResourceResult) -> Node<'_> {
    let mut members = Members::new()
        .text("EvalResourceName", result.resource.as_str())
        .text("EvalResourceDecision", verdict(result.decision));
    if !result.matched.is_empty() {
        let statements = result.matched.iter().map(statement);
        members = members.list("MatchedStatements", statements);
    }
    if !result.missing.is_empty() {
        let keys = result.missing.iter().map(Node::text);
        members = members.list("MissingContextValues", keys);
    }
    if !result.details.is_empty() {
        members = members.structure("EvalDecisionDetails", details(&result.details));
    }
    boundary(members, result.allowed_by_boundary).node()
}

fn boundary(members: Members<'_>, allowed: Option<bool>) -> Members<'_> {
    match allowed {
        None => members,
        Some(allowed) => members.structure(
            "PermissionsBoundaryDecisionDetail",
            Members::new().boolean("AllowedByPermissionsBoundary", allowed),
        ),
    }
}

/// A map: one `entry` for each key.
fn details(verdicts: &[(SourceType, Verdict)]) -> Members<'_> {
    verdicts
        .iter()
        .fold(Members::new(), |members, (kind, decision)| {
            let entry = Members::new()
                .text("key", source_type(*kind))
                .text("value", verdict(*decision));
            members.structure("entry", entry)
        })
}

fn statement(matched: &MatchedStatement) -> Node<'_> {
    Members::new()
        .text("SourcePolicyId", matched.source_id.as_str())
        .text("SourcePolicyType", source_type(matched.source_type))
        .structure("StartPosition", position(matched.start))
        .structure("EndPosition", position(matched.end))
        .node()
}

fn position(position: Position) -> Members<'static> {
    let number = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Members::new()
        .integer("Line", number(position.line))
        .integer("Column", number(position.column))
}

fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Allowed => "allowed",
        Verdict::ExplicitDeny => "explicitDeny",
        Verdict::ImplicitDeny => "implicitDeny",
    }
}

/// As answers spell it, whatever the model's enumeration says.
fn source_type(kind: SourceType) -> &'static str {
    match kind {
        SourceType::Iam => "IAM Policy",
        SourceType::Resource => "Resource Policy",
        SourceType::Boundary => "Permissions Boundary Policy",
    }
}
