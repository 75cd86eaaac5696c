//! Amazon EKS Auth (REST-JSON): credentials for pods.

use crate::fields::Fields;
use crate::json::Shape;
use crate::node::{Members, Node};
use crate::rest_json::Route;
use crate::table::{Binding, bind};
use locum_identity::eks::{AssumeRoleForPodIdentity, POD_SERVICE, PodCredentials};
use locum_identity::error::Error;

pub(crate) static ROUTES: [Route; 1] = [Route::new(
    "AssumeRoleForPodIdentity",
    "POST",
    "/clusters/{clusterName}/assume-role-for-pod-identity",
)
.body(&[
    ("eksNodeName", Shape::Text),
    ("instanceId", Shape::Text),
    ("token", Shape::Text),
    ("zone", Shape::Text),
])];

pub(crate) fn bindings() -> Vec<Binding> {
    vec![bind!(AssumeRoleForPodIdentity, decode, encode)]
}

/// Where the agent runs it says for the record: nothing follows from it.
fn decode(fields: &mut Fields<'_>) -> Result<AssumeRoleForPodIdentity, Error> {
    let cluster = fields.required("clusterName");
    let token = fields.required("token");
    fields.check()?;
    Ok(AssumeRoleForPodIdentity {
        cluster: cluster?,
        token: token?,
    })
}

fn encode(output: &PodCredentials) -> Node<'_> {
    let shown = &output.association;
    let association = &shown.association;
    let credentials = output.credentials();
    Members::new()
        .structure(
            "subject",
            Members::new()
                .text("namespace", association.namespace.as_str())
                .text("serviceAccount", association.service_account.as_str()),
        )
        .text("audience", POD_SERVICE)
        .structure(
            "podIdentityAssociation",
            Members::new()
                .text("associationArn", shown.arn.as_str())
                .text("associationId", association.id.as_str()),
        )
        .structure(
            "assumedRoleUser",
            Members::new()
                .text("arn", output.assumed.arn.as_str())
                .text("assumeRoleId", output.assumed.assumed_role_id.as_str()),
        )
        .structure(
            "credentials",
            Members::new()
                .text("sessionToken", credentials.session_token.as_str())
                .text("secretAccessKey", credentials.secret_access_key.expose())
                .text("accessKeyId", credentials.access_key_id.as_str())
                .time("expiration", credentials.expiration),
        )
        .node()
}
