//! Policies attached to identities, and session policies.

use super::{Draft, DraftStatement};
use crate::document::{Kind, Malformed};
use crate::glob::Glob;

/// Version, literals, Sids, principals, actions, resources, vendors.
pub(super) fn check(draft: &Draft, kind: Kind) -> Result<(), Malformed> {
    let statements = &draft.statements;
    let refuse = |message: &str| Err(Malformed::new(message));
    if statements.is_empty() || !draft.known_version() || !statements.iter().all(plain_sid) {
        return refuse("Syntax errors in policy.");
    }
    if statements.iter().any(|s| s.effect.is_none()) {
        return refuse("Syntax errors in policy.");
    }
    if kind == Kind::Identity && !draft.variables() {
        return refuse("Policy document must be version 2012-10-17 or greater.");
    }
    let variables = draft.variables();
    if !statements.iter().all(|s| s.readable_resources(variables)) {
        return refuse(LEGACY);
    }
    // A literal that cannot be read is let into a session policy, where it matches nothing.
    if kind == Kind::Identity && !statements.iter().all(|s| s.readable_conditions(variables)) {
        return refuse(LEGACY);
    }
    if !draft.unique_sids() {
        return refuse("Statement IDs (SID) in a single policy must be unique.");
    }
    if statements.iter().any(|s| s.principal.is_some()) {
        return refuse("Policy document should not specify a principal.");
    }
    if !statements.iter().all(DraftStatement::has_actions) {
        return refuse("Policy statement must contain actions.");
    }
    if !statements.iter().all(DraftStatement::has_resources) {
        return refuse("Policy statement must contain resources.");
    }
    for text in statements
        .iter()
        .flat_map(|s| s.resources.iter().flat_map(|e| &e.values))
    {
        resource(text)?;
    }
    for statement in statements {
        for text in statement.actions.iter().flat_map(|e| &e.values) {
            action(text)?;
        }
        for entry in &statement.conditions {
            condition_key(&entry.key)?;
        }
    }
    Ok(())
}

pub(super) const LEGACY: &str = "The policy failed legacy parsing";

/// IAM takes letters and digits only.
pub(super) fn plain_sid(statement: &DraftStatement) -> bool {
    statement
        .sid
        .iter()
        .all(|sid| sid.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// `*` or `vendor:pattern`.
pub(super) fn action(text: &str) -> Result<(), Malformed> {
    if text == "*" {
        return Ok(());
    }
    let Some((vendor, name)) = text.split_once(':') else {
        return Err(Malformed::new(NO_VENDOR));
    };
    if name.contains(':') {
        return Err(Malformed::new(
            "Actions/Condition can contain only one colon.",
        ));
    }
    let legal = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
    if vendor.is_empty() || !vendor.bytes().all(legal) {
        return Err(Malformed::new(format!("Vendor {vendor} is not valid")));
    }
    if name.is_empty() {
        return Err(Malformed::new(LEGACY));
    }
    Ok(())
}

/// `vendor:key`; tag keys may hold further colons.
pub(super) fn condition_key(key: &str) -> Result<(), Malformed> {
    match key.split_once(':') {
        Some((vendor, name)) if !vendor.is_empty() && !name.is_empty() => Ok(()),
        _ => Err(Malformed::new(NO_VENDOR)),
    }
}

const NO_VENDOR: &str =
    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";

/// `*` or an ARN pattern.
fn resource(text: &str) -> Result<(), Malformed> {
    let refuse = |message: String| Err(Malformed::new(message));
    if text == "*" {
        return Ok(());
    }
    let Some(rest) = text.strip_prefix("arn:") else {
        return refuse(format!("Resource {text} must be in ARN format or \"*\"."));
    };
    let segments: Vec<&str> = rest.splitn(5, ':').collect();
    let segment = |index: usize| segments.get(index).copied();
    let partition = segment(0).unwrap_or_default();
    let pattern = Glob::new(partition);
    if !PARTITIONS.iter().any(|known| pattern.matches(known)) {
        // AWS shows the ARN with a star for each part that is missing.
        let part = |index| segment(index).unwrap_or("*");
        let (service, region, account, rest) = (part(1), part(2), part(3), part(4));
        let service = if service.is_empty() && segments.len() == 2 {
            "*"
        } else {
            service
        };
        return refuse(format!(
            "Partition \"{partition}\" is not valid for resource \
             \"arn:{partition}:{service}:{region}:{account}:{rest}\"."
        ));
    }
    let service = segment(1).unwrap_or_default();
    let complete = segments.len() >= 3;
    if !complete || service.is_empty() || service.contains(['*', '?']) {
        return refuse(
            "Resource vendor must be fully qualified and cannot contain regexes.".to_owned(),
        );
    }
    // Shorter than an ARN: only a trailing star can stand for what is missing.
    if segments.len() < 5 && !text.ends_with('*') {
        return refuse(format!("Resource {text} must be in ARN format or \"*\"."));
    }
    let region = segment(2).unwrap_or_default();
    if !matches!(region, "" | "*") && segments.len() > 3 {
        match service {
            "iam" => {
                return refuse(format!(
                    "IAM resource {text} cannot contain region information."
                ));
            }
            "s3" => {
                return refuse(format!(
                    "Resource {text} can not contain region information."
                ));
            }
            _ => {}
        }
    }
    if let (true, Some(path)) = (service == "iam", segment(4))
        && !matches!(path, "*" | "root")
        && !IAM_PATHS.iter().any(|start| path.starts_with(start))
    {
        let paths = IAM_PATHS.join(", ");
        return refuse(format!(
            "IAM resource path must either be \"*\" or start with {paths}."
        ));
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
