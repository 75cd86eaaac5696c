//! CreateSession.

use super::duration;
use crate::fields::Fields;
use crate::node::{Members, Node};
use locum_identity::error::Error;
use locum_identity::names::{InstanceProperty, SourceIdentity};
use locum_identity::roles_anywhere::{CreateSession, CreatedSession};

const MOST_PROPERTIES: u32 = 50;

pub(super) fn decode(fields: &mut Fields<'_>) -> Result<CreateSession, Error> {
    // These three may stand in the query string or in the body.
    let trust_anchor_arn = fields.required("trustAnchorArn");
    let profile_arn = fields.required("profileArn");
    let role_arn = fields.required("roleArn");
    let duration = duration(fields);
    let role_session_name = fields.optional("roleSessionName");
    let properties = fields.map("instanceProperties", MOST_PROPERTIES, |fields| {
        let key = fields.required::<InstanceProperty>("key");
        let value = fields.required::<InstanceProperty>("value");
        Some((key.ok()?.to_string(), value.ok()?.to_string()))
    });
    fields.check()?;
    Ok(CreateSession {
        trust_anchor_arn: trust_anchor_arn?,
        profile_arn: profile_arn?,
        role_arn: role_arn?,
        duration,
        role_session_name,
        instance_properties: properties,
    })
}

pub(super) fn created(output: &CreatedSession) -> Node<'_> {
    let session = &output.session;
    let user = Members::new()
        .text("arn", session.arn.as_str())
        .text("assumedRoleId", session.assumed_role_id.as_str());
    let credentials = &session.credentials;
    let credentials = Members::new()
        .text("accessKeyId", credentials.access_key_id.as_str())
        .text("secretAccessKey", credentials.secret_access_key.expose())
        .text("sessionToken", credentials.session_token.as_str())
        .time("expiration", credentials.expiration);
    let set = Members::new()
        .structure("assumedRoleUser", user)
        .structure("credentials", credentials)
        .integer(
            "packedPolicySize",
            session.packed_policy_size.unwrap_or_default(),
        )
        .text("roleArn", output.role_arn.as_str())
        .text_if(
            "sourceIdentity",
            session.source_identity.as_ref().map(SourceIdentity::as_str),
        );
    Members::new()
        .list("credentialSet", [set.node()])
        .text("subjectArn", output.subject_arn.as_str())
        .node()
}
