//! Who did it, as the record tells it.

use super::Event;
use locum_identity::caller::Who;
use locum_identity::environment::timestamp;
use locum_identity::notes::{FederationKind, ForeignIdentity};
use locum_identity::session::SessionPrincipal;
use serde_json::{Value, json};

/// Whom an identity provider vouches for, and who had no credentials yet.
fn foreign(identity: &ForeignIdentity) -> Value {
    let kind = match identity.kind {
        FederationKind::WebIdentity => "WebIdentityUser",
        FederationKind::Saml => "SAMLUser",
        FederationKind::Certificate | FederationKind::Pod => "Unknown",
    };
    json!({
        "type": kind,
        "principalId": identity.principal_id(),
        "userName": identity.subject,
        "identityProvider": identity.qualifier.as_ref().unwrap_or(&identity.provider),
    })
}

/// `userIdentity` (CloudTrail user guide, "CloudTrail userIdentity element").
pub(super) fn user_identity(event: &Event) -> Value {
    if let Some(identity) = event.facts.notes.identity() {
        return foreign(identity);
    }
    let Some(caller) = &event.caller else {
        return match &event.claimed_key {
            Some(key) => json!({"type": "Unknown", "accessKeyId": key}),
            None => json!({"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}),
        };
    };
    if let Who::Service(service) = &caller.who {
        return json!({
            "type": "AWSService",
            "invokedBy": service.name.as_str(),
            "accessKeyId": caller.access_key_id(),
        });
    }
    let account = caller
        .account_id()
        .map(|id| id.to_string())
        .unwrap_or_default();
    let mut identity = json!({
        "type": match &caller.who {
            Who::Anonymous => "AWSAccount",
            Who::Root => "Root",
            Who::User(_) => "IAMUser",
            Who::AssumedRole { .. } => "AssumedRole",
            Who::FederatedUser { .. } => "FederatedUser",
            Who::Service(_) => "AWSService",
            Who::Federated(_) => "Unknown",
        },
        "principalId": caller.user_id(),
        "arn": caller.arn(),
        "accountId": account,
        "accessKeyId": caller.access_key_id(),
    });
    let Some(members) = identity.as_object_mut() else {
        return identity;
    };
    if let Who::User(state) = &caller.who {
        members.insert("userName".to_owned(), json!(state.user.name.as_str()));
    }
    if let Some(delegate) = caller.delegate() {
        let account = json!({"accountId": delegate.as_str()});
        members.insert("invokedByDelegate".to_owned(), account);
    }
    if let Some(session) = caller.session() {
        let issuer = match (&caller.who, &session.principal) {
            (Who::AssumedRole { role, .. }, _) => json!({
                "type": "Role",
                "principalId": role.role.id.as_str(),
                "arn": role.arn,
                "accountId": account,
                "userName": role.role.name.as_str(),
            }),
            (
                Who::FederatedUser {
                    issuer: Some(state),
                    ..
                },
                _,
            ) => json!({
                "type": "IAMUser",
                "principalId": state.user.id.as_str(),
                "arn": state.arn,
                "accountId": account,
                "userName": state.user.name.as_str(),
            }),
            (_, SessionPrincipal::FederatedUser { .. }) => {
                json!({"type": "Root", "accountId": account})
            }
            _ => json!({}),
        };
        let mut context = json!({
            "sessionIssuer": issuer,
            "attributes": {"creationDate": timestamp(session.issued), "mfaAuthenticated": if session.mfa.is_some() { "true" } else { "false" }},
        });
        if let Some(context) = context.as_object_mut() {
            if let Some(federation) = session.federation() {
                let data = json!({
                    "federatedProvider": federation.provider,
                    "attributes": {"subject": federation.subject, "sessionId": federation.session_id},
                });
                context.insert("webIdFederationData".to_owned(), data);
            }
            if let Some(identity) = &session.source_identity {
                context.insert("sourceIdentity".to_owned(), json!(identity.as_str()));
            }
            if caller.task().is_some() {
                context.remove("sessionIssuer");
                context.insert("assumedRoot".to_owned(), json!("true"));
            }
        }
        members.insert("sessionContext".to_owned(), context);
    }
    identity
}
