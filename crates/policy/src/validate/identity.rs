//! Policies attached to identities, and session policies.

use super::draft::{Draft, DraftStatement, Text};
use super::{Refusal, refuse};
use crate::document::Kind;
use crate::glob::Glob;

/// Version, literals, Sids, principals, actions, resources, vendors.
pub(super) fn check(draft: &Draft<'_>, kind: Kind) -> Result<(), Refusal> {
    let statements = &draft.statements;
    let syntax = |code, span| refuse(code, span, "Syntax errors in policy.");
    if statements.is_empty() {
        return syntax("MISSING_STATEMENT", draft.list);
    }
    if !draft.known_version() {
        return syntax("INVALID_VERSION", draft.version_span());
    }
    if let Some(sid) = statements.iter().find_map(odd_sid) {
        return syntax("UNSUPPORTED_SID", sid.span);
    }
    if let Some(statement) = statements.iter().find(|s| s.effect.is_none()) {
        return syntax("MISSING_EFFECT", statement.span);
    }
    let variables = draft.variables();
    if kind == Kind::Identity && !variables {
        let message = "Policy document must be version 2012-10-17 or greater.";
        return refuse("INVALID_VERSION", draft.version_span(), message);
    }
    for statement in statements {
        readable_resources(statement, variables)?;
    }
    // A literal that cannot be read is let into a session policy, where it matches nothing.
    if kind == Kind::Identity {
        for statement in statements {
            readable_values(statement, variables)?;
        }
    }
    if let Some(span) = draft.repeated_sid() {
        let message = "Statement IDs (SID) in a single policy must be unique.";
        return refuse("UNIQUE_SIDS_REQUIRED", span, message);
    }
    if let Some(principal) = statements.iter().find_map(|s| s.principal.as_ref()) {
        let message = "Policy document should not specify a principal.";
        return refuse("UNSUPPORTED_PRINCIPAL", principal.name, message);
    }
    if let Some(statement) = statements.iter().find(|s| !s.has_actions()) {
        let message = "Policy statement must contain actions.";
        return refuse("MISSING_ACTION", statement.span, message);
    }
    if let Some(statement) = statements.iter().find(|s| !s.has_resources()) {
        let message = "Policy statement must contain resources.";
        return refuse("MISSING_RESOURCE", statement.span, message);
    }
    for text in statements.iter().flat_map(DraftStatement::resources) {
        resource(text)?;
    }
    for statement in statements {
        for text in statement.actions() {
            action(text)?;
        }
        for entry in &statement.conditions {
            condition_key(&entry.key)?;
        }
    }
    Ok(())
}

const LEGACY: &str = "The policy failed legacy parsing";

/// Every variable of the resources is well formed.
pub(super) fn readable_resources(
    statement: &DraftStatement<'_>,
    variables: bool,
) -> Result<(), Refusal> {
    match statement.unreadable_resource(variables) {
        None => Ok(()),
        Some(span) => Err(Refusal::new("INVALID_VARIABLE", span, LEGACY)
            .because("the variable is not well formed")),
    }
}

/// Every condition value can be read by its operator.
pub(super) fn readable_values(
    statement: &DraftStatement<'_>,
    variables: bool,
) -> Result<(), Refusal> {
    match statement.unreadable_value(variables) {
        None => Ok(()),
        Some(span) => Err(Refusal::new("INVALID_CONDITION_DATA_TYPE", span, LEGACY)
            .because("the operator cannot read this value")),
    }
}

/// A Sid that is not of letters and digits only, as IAM wants it.
pub(super) fn odd_sid<'s, 'a>(statement: &'s DraftStatement<'a>) -> Option<&'s Text<'a>> {
    let odd = |sid: &&Text<'_>| !sid.value.bytes().all(|b| b.is_ascii_alphanumeric());
    statement.sid.as_ref().filter(odd)
}

/// `*` or `vendor:pattern`.
pub(super) fn action(text: &Text<'_>) -> Result<(), Refusal> {
    let refuse = |message| refuse("INVALID_ACTION", text.span, message);
    if text.value == "*" {
        return Ok(());
    }
    let Some((vendor, name)) = text.value.split_once(':') else {
        return refuse(NO_VENDOR.to_owned());
    };
    if name.contains(':') {
        return refuse("Actions/Condition can contain only one colon.".to_owned());
    }
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if vendor.is_empty() || !vendor.bytes().all(legal) {
        return refuse(format!("Vendor {vendor} is not valid"));
    }
    if name.is_empty() {
        return refuse(LEGACY.to_owned());
    }
    Ok(())
}

/// `vendor:key`; tag keys may hold further colons.
pub(super) fn condition_key(key: &Text<'_>) -> Result<(), Refusal> {
    match key.value.split_once(':') {
        Some((vendor, name)) if !vendor.is_empty() && !name.is_empty() => Ok(()),
        _ => refuse("INVALID_CONDITION_KEY_FORMAT", key.span, NO_VENDOR),
    }
}

const NO_VENDOR: &str =
    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";

/// `*` or an ARN pattern.
fn resource(at: &Text<'_>) -> Result<(), Refusal> {
    let refuse = |code, message: String| refuse(code, at.span, message);
    let text = &*at.value;
    if text == "*" {
        return Ok(());
    }
    let Some(rest) = text.strip_prefix("arn:") else {
        let message = format!("Resource {text} must be in ARN format or \"*\".");
        return refuse("INVALID_ARN_PREFIX", message);
    };
    let mut segments = [None; 5];
    for (place, segment) in segments.iter_mut().zip(rest.splitn(5, ':')) {
        *place = Some(segment);
    }
    let [partition, service, region, account, path] = segments;
    let count = segments.iter().flatten().count();
    let partition = partition.unwrap_or_default();
    let known = PARTITIONS.contains(&partition) || {
        let pattern = Glob::new(partition);
        PARTITIONS.iter().any(|known| pattern.matches(known))
    };
    if !known {
        // AWS shows the ARN with a star for each part that is missing.
        let star = |part: Option<&str>| part.unwrap_or("*").to_owned();
        let (region, account, rest) = (star(region), star(account), star(path));
        let service = star(service.filter(|name| !name.is_empty() || count != 2));
        let message = format!(
            "Partition \"{partition}\" is not valid for resource \
             \"arn:{partition}:{service}:{region}:{account}:{rest}\"."
        );
        return refuse("INVALID_PARTITION", message);
    }
    let service = service.unwrap_or_default();
    let complete = count >= 3;
    if !complete || service.is_empty() || service.contains(['*', '?']) {
        let message = "Resource vendor must be fully qualified and cannot contain regexes.";
        return refuse("WILDCARD_IN_SERVICE_NAME", message.to_owned());
    }
    // Shorter than an ARN: only a trailing star can stand for what is missing.
    if count < 5 && !text.ends_with('*') {
        let message = format!("Resource {text} must be in ARN format or \"*\".");
        return refuse("MISSING_ARN_FIELD", message);
    }
    if !matches!(region.unwrap_or_default(), "" | "*") && count > 3 {
        let message = match service {
            "iam" => format!("IAM resource {text} cannot contain region information."),
            "s3" => format!("Resource {text} can not contain region information."),
            _ => return Ok(()),
        };
        return refuse("ARN_REGION_NOT_ALLOWED", message);
    }
    if let (true, Some(path)) = (service == "iam", path)
        && !matches!(path, "*" | "root")
        && !IAM_PATHS.iter().any(|start| path.starts_with(start))
    {
        let paths = IAM_PATHS.join(", ");
        let message = format!("IAM resource path must either be \"*\" or start with {paths}.");
        return refuse("INVALID_ARN_RESOURCE", message);
    }
    Ok(())
}

const PARTITIONS: [&str; 8] = [
    "aws",
    "aws-cn",
    "aws-us-gov",
    "aws-iso",
    "aws-iso-b",
    "aws-iso-e",
    "aws-iso-f",
    "aws-eusc",
];

const IAM_PATHS: [&str; 13] = [
    "user/",
    "federated-user/",
    "role/",
    "group/",
    "instance-profile/",
    "mfa/",
    "server-certificate/",
    "policy/",
    "sms-mfa/",
    "saml-provider/",
    "oidc-provider/",
    "report/",
    "access-report/",
];
