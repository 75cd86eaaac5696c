//! Policies of an organization: service control policies and resource control policies.
//!
//! Organizations tells one message for all that is wrong.

use super::draft::{Draft, DraftStatement};
use super::identity::{action, condition_key, odd_sid, readable_resources, readable_values};
use super::{Occasion, Refusal, refuse};
use crate::document::{Effect, Kind};
use crate::principal::PrincipalType;

pub(super) const MALFORMED: &str =
    "The provided policy document does not meet the requirements of the specified policy type.";

pub(super) fn check(draft: &Draft<'_>, kind: Kind, occasion: Occasion) -> Result<(), Refusal> {
    // What is wrong goes into the detail, which the findings tell.
    examine(draft, kind, occasion).map_err(|refusal| {
        let told = match refusal.detail {
            Some(detail) => detail,
            None => refusal.message.into_owned(),
        };
        Refusal::new(refusal.code, refusal.span, MALFORMED).because(told)
    })
}

fn examine(draft: &Draft<'_>, kind: Kind, occasion: Occasion) -> Result<(), Refusal> {
    let variables = draft.variables();
    if !draft.known_version() || (kind == Kind::ServiceControl && !variables) {
        let message = "a service control policy must be of version 2012-10-17";
        return refuse("INVALID_VERSION", draft.version_span(), message);
    }
    if draft.statements.is_empty() {
        return refuse(
            "MISSING_STATEMENT",
            draft.list,
            "the policy has no statement",
        );
    }
    if let Some(span) = draft.repeated_sid() {
        return refuse("UNIQUE_SIDS_REQUIRED", span, "the Sid is given twice");
    }
    for statement in &draft.statements {
        let whole = statement.span;
        if let Some(sid) = odd_sid(statement) {
            let message = "a Sid takes letters and digits only";
            return refuse("UNSUPPORTED_SID", sid.span, message);
        }
        if statement.effect.is_none() {
            return refuse("MISSING_EFFECT", whole, "the statement has no Effect");
        }
        if !statement.has_actions() {
            return refuse("MISSING_ACTION", whole, "the statement has no actions");
        }
        if !statement.has_resources() {
            return refuse("MISSING_RESOURCE", whole, "the statement has no resources");
        }
        for text in statement.actions() {
            action(text)?;
        }
        readable_resources(statement, variables)?;
        readable_values(statement, variables)?;
        for entry in &statement.conditions {
            condition_key(&entry.key)?;
        }
        match kind {
            Kind::ResourceControl => denies_everyone(statement, occasion)?,
            _ => names_nobody(statement)?,
        }
    }
    Ok(())
}

/// A service control policy is about the principals of the accounts it is attached to.
fn names_nobody(statement: &DraftStatement<'_>) -> Result<(), Refusal> {
    match &statement.principal {
        None => Ok(()),
        Some(principal) => {
            let message = "a service control policy names no principal";
            refuse("SCP_SYNTAX_ERROR_PRINCIPAL", principal.name, message)
        }
    }
}

/// A resource control policy denies named actions of named services to everyone.
fn denies_everyone(statement: &DraftStatement<'_>, occasion: Occasion) -> Result<(), Refusal> {
    if statement.effect != Some(Effect::Deny) {
        let message = "a resource control policy can only deny";
        return refuse("RCP_SYNTAX_ERROR_ALLOW", statement.span, message);
    }
    let code = "RCP_SYNTAX_ERROR_PRINCIPAL";
    let message = "the principal of a resource control policy is \"*\"";
    let Some(principal) = &statement.principal else {
        return refuse(code, statement.span, message);
    };
    let everyone = matches!(principal.values.as_slice(), [(kind, one)] if one.value == "*"
        && matches!(kind, PrincipalType::Everyone | PrincipalType::Aws));
    if principal.negated || principal.listed || !everyone {
        return refuse(code, principal.name, message);
    }
    if let Some(actions) = &statement.actions
        && actions.negated
    {
        let message = "a resource control policy takes no NotAction";
        return refuse("RCP_SYNTAX_ERROR_NOT_ACTION", actions.name, message);
    }
    for text in statement.actions() {
        let Some((service, _)) = text.value.split_once(':') else {
            let message = "a resource control policy names the services of its actions";
            return refuse("RCP_SYNTAX_ERROR_ACTION_WILDCARD", text.span, message);
        };
        let service = service.to_ascii_lowercase();
        if occasion == Occasion::Write && SERVICES.binary_search(&&*service).is_err() {
            let message = format!("resource control policies do not reach the service `{service}`");
            return refuse("RCP_SYNTAX_ERROR_SERVICE", text.span, message);
        }
    }
    Ok(())
}

/// The services whose actions resource control policies may name, sorted: those that AWS listed in
/// October 2026 ("List of AWS services that support RCPs"). It began with S3, STS, SQS, KMS and
/// Secrets Manager in 2024 and has grown every few months.
const SERVICES: [&str; 62] = [
    "aoss",
    "appconfig",
    "appstream",
    "autoscaling",
    "autoscaling-plans",
    "budgets",
    "clouddirectory",
    "cloudfront",
    "cloudsearch",
    "cloudtrail-data",
    "codeartifact",
    "codebuild",
    "codecommit",
    "codepipeline",
    "cognito-identity",
    "cognito-idp",
    "comprehend",
    "comprehendmedical",
    "compute-optimizer",
    "cost-optimization-hub",
    "dax",
    "dsql",
    "dynamodb",
    "ecr",
    "ecr-public",
    "events",
    "firehose",
    "fis",
    "fms",
    "gamelift",
    "health",
    "inspector-scan",
    "kendra",
    "kinesisvideo",
    "kms",
    "logs",
    "memorydb",
    "networkmonitor",
    "notifications",
    "opensearch",
    "pca-connector-ad",
    "personalize",
    "polly",
    "pricing",
    "resource-groups",
    "rolesanywhere",
    "s3",
    "secretsmanager",
    "servicediscovery",
    "signin",
    "sqs",
    "sts",
    "support",
    "swf",
    "textract",
    "timestream-influxdb",
    "transcribe",
    "transfer",
    "translate",
    "wafv2",
    "workspaces",
    "xray",
];

#[cfg(test)]
mod tests {
    #[test]
    fn services_are_sorted() {
        assert!(super::SERVICES.is_sorted());
    }
}
