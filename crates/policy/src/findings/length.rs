//! Documents that are too long for what they could be attached to.

use super::{Report, Severity};
use crate::document::{Kind, size};
use crate::json::Span;
use crate::quotas;

pub(super) fn check(text: &str, whole: Span, report: &mut Report<'_>) {
    const IDENTITY: &str = "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA";
    const RESOURCE: &str = "POLICY_SIZE_EXCEEDS_RESOURCE_POLICY_QUOTA";
    const SESSION: &str = "POLICY_SIZE_EXCEEDS_SESSION_POLICY_QUOTA";
    const CONTROL: &str = "POLICY_SIZE_EXCEEDS_ORGANIZATION_POLICY_QUOTA";
    let (all, counted) = (text.chars().count(), size(text));
    let (length, most, code, what) = match report.kind {
        // What may be longest, the inline policies of a role.
        Kind::Identity if counted > quotas::ROLE_INLINE_POLICIES => (
            counted,
            quotas::ROLE_INLINE_POLICIES,
            IDENTITY,
            "the inline policies of a role",
        ),
        Kind::Identity if counted > quotas::MANAGED_POLICY => {
            let most = quotas::MANAGED_POLICY;
            let message = format!(
                "{counted} characters without white space, and a managed policy has at most {most}: \
                 this can only be inline, in a role"
            );
            return report.add(Severity::Warning, IDENTITY, whole, message);
        }
        Kind::Trust => (counted, quotas::TRUST_POLICY, RESOURCE, "a trust policy"),
        Kind::Session => (all, quotas::SESSION_POLICIES, SESSION, "session policies"),
        Kind::ServiceControl | Kind::ResourceControl => {
            let what = "a policy of an organization";
            (all, quotas::CONTROL_POLICY, CONTROL, what)
        }
        // Each service has a limit of its own for the policies of its resources.
        Kind::Identity | Kind::Resource => return,
    };
    if length > most {
        let counted = if length == all {
            ""
        } else {
            " without white space"
        };
        let message = format!("{length} characters{counted}, and the limit for {what} is {most}");
        report.add(Severity::Error, code, whole, message);
    }
}
