//! AssumeRoleWithSAML on the wire.

use super::{
    check_with_duration, credentials, minimum_token_size, policy_arns, role_duration, token_size,
};
use crate::fields::Fields;
use crate::node::{Members, Node};
use locum_identity::error::Error;
use locum_identity::names::{FederationPolicyText, SourceIdentity};
use locum_identity::sts::{AssumeRoleWithSaml, SamlAssumedRole, SessionPolicies};

pub(super) fn decode(fields: &mut Fields<'_>) -> Result<AssumeRoleWithSaml, Error> {
    let role_arn = fields.required("RoleArn");
    let principal_arn = fields.required("PrincipalArn");
    let saml_assertion = fields.required_secret("SAMLAssertion");
    let policy_arns = policy_arns(fields);
    let policy = fields.optional::<FederationPolicyText>("Policy");
    let duration = role_duration(fields);
    let minimum_token_size = minimum_token_size(fields);
    check_with_duration(fields, duration)?;
    Ok(AssumeRoleWithSaml {
        role_arn: role_arn?,
        principal_arn: principal_arn?,
        saml_assertion: saml_assertion?,
        session_policies: SessionPolicies {
            policy: policy.map(String::from),
            policy_arns,
        },
        duration,
        minimum_token_size,
    })
}

pub(super) fn answer(output: &SamlAssumedRole) -> Node<'_> {
    let role = &output.role;
    let user = Members::new()
        .text("AssumedRoleId", role.assumed_role_id.as_str())
        .text("Arn", role.arn.as_str());
    let members = Members::new()
        .structure("Credentials", credentials(&role.credentials))
        .structure("AssumedRoleUser", user);
    let members = match role.packed_policy_size {
        Some(percent) => members.integer("PackedPolicySize", percent),
        None => members,
    };
    let members = members
        .text("Subject", output.subject.as_str())
        .text("SubjectType", output.subject_type.as_str())
        .text("Issuer", output.issuer.as_str())
        .text("Audience", output.audience.as_str())
        .text("NameQualifier", output.name_qualifier.as_str())
        .text_if(
            "SourceIdentity",
            role.source_identity.as_ref().map(SourceIdentity::as_str),
        );
    token_size(members, &role.credentials).node()
}
