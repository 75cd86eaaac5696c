//! locum's own operations on the wire: the query protocol, as STS and IAM speak it.
//!
//! `docs/botocore/locum/2026-11-21/service-2.json` is the model by which AWS's clients speak it.

use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::revocation::{
    AimRequest, ListRevocations, ListSessions, ListedAncestor, ListedSession, Revocation,
    RevokeSession,
};
use std::sync::Arc;

pub(crate) fn bindings() -> Vec<Binding> {
    vec![
        bind!(ListRevocations, decode_list_revocations, revocations),
        bind!(ListSessions, decode_list_sessions, sessions),
        bind!(RevokeSession, decode_revoke_session, revoked),
    ]
}

fn decode_list_revocations(fields: &mut Fields<'_>) -> Result<ListRevocations, Error> {
    let page = fields.page();
    fields.check()?;
    Ok(ListRevocations { page })
}

fn decode_list_sessions(fields: &mut Fields<'_>) -> Result<ListSessions, Error> {
    let principal = fields.optional("Principal");
    let page = fields.page();
    fields.check()?;
    Ok(ListSessions { principal, page })
}

fn decode_revoke_session(fields: &mut Fields<'_>) -> Result<RevokeSession, Error> {
    let access_key = fields.optional("AccessKeyId").map(AimRequest::AccessKey);
    let role_session = ["Role", "RoleSessionName"].map(|name| fields.has(name));
    let role_session = if role_session == [false, false] {
        None
    } else {
        let (role, session_name) = (fields.required("Role"), fields.required("RoleSessionName"));
        role.ok()
            .zip(session_name.ok())
            .map(|(role, session_name)| AimRequest::RoleSession { role, session_name })
    };
    let source_identity = fields.optional("SourceIdentity");
    let principal = fields.optional("Principal").map(AimRequest::Principal);
    let account = fields.optional("AccountId").map(AimRequest::Account);
    let before = fields.time("Before");
    let chain = fields.boolean("Chain").unwrap_or(false);
    fields.check()?;
    let aims = [
        access_key,
        role_session,
        source_identity.map(AimRequest::SourceIdentity),
        principal,
        account,
    ];
    let mut aims = aims.into_iter().flatten();
    match (aims.next(), aims.next()) {
        (Some(aim), None) => Ok(RevokeSession { aim, before, chain }),
        _ => Err(Error::ValidationText(
            "exactly one aim must be given: AccessKeyId, Role and RoleSessionName, SourceIdentity, Principal or AccountId".to_owned(),
        )),
    }
}

fn revoked(output: &Revocation) -> Node<'_> {
    Members::new().with("Revocation", revocation(output)).node()
}

fn revocation(revocation: &Revocation) -> Node<'_> {
    Members::new()
        .text("RevocationId", revocation.id.as_str())
        .text("AccountId", revocation.account.as_str())
        .text("Aim", revocation.aim.kind())
        .text("Resource", revocation.resource.as_str())
        .text_if("RoleSessionName", revocation.aim.session_name())
        .time_if("Before", revocation.before)
        .boolean("Chain", revocation.chain)
        .text("OrderedBy", revocation.ordered_by.as_str())
        .time("OrderTime", revocation.created)
        .time("Expiration", revocation.expires)
        .node()
}

fn revocations(page: &Page<Arc<Revocation>>) -> Node<'_> {
    Members::new()
        .list(
            "Revocations",
            page.items.iter().map(|entry| revocation(entry)),
        )
        .boolean("IsTruncated", page.next.is_some())
        .text_if("Marker", page.next.as_deref())
        .node()
}

fn sessions(page: &Page<ListedSession>) -> Node<'_> {
    Members::new()
        .list("Sessions", page.items.iter().map(session))
        .boolean("IsTruncated", page.next.is_some())
        .text_if("Marker", page.next.as_deref())
        .node()
}

fn session(session: &ListedSession) -> Node<'_> {
    Members::new()
        .text("AccessKeyId", session.access_key_id.as_str())
        .text("Principal", session.principal.as_str())
        .time("IssueTime", session.issued)
        .time("Expiration", session.expires)
        .time("FirstUsed", session.used.0)
        .time("LastUsed", session.used.1)
        .text_if("SourceIp", session.source_ip.map(|ip| ip.to_string()))
        .text_if("SourceIdentity", session.source_identity.as_deref())
        .boolean("Revoked", session.revoked)
        .list("Chain", session.chain.iter().map(ancestor))
        .node()
}

fn ancestor(ancestor: &ListedAncestor) -> Node<'_> {
    Members::new()
        .text_if("AccessKeyId", ancestor.access_key_id.as_deref())
        .text("Principal", ancestor.principal.as_str())
        .time_if("IssueTime", ancestor.issued)
        .node()
}
