//! Who approved a request, and that an approval ends with the credentials that gave it.
//!
//! A session that somebody stole can approve a request of the thief's. Were only what exists at the
//! time revoked with it, the thief would trade the exchange token in afterwards, for a session that is
//! newer than the revocation.

use crate::caller::{Caller, Credentials, Who};
use crate::directory::Directory;
use crate::entity::{
    ApproverCredentials, ApproverPrincipal, DelegationApprover, DelegationRequest,
};
use crate::environment::Seconds;
use crate::error::Error;
use crate::operation::Call;
use crate::session::{Ancestry, Packed, Session};
use crate::sts::{FARTHEST_AHEAD, ancestry_of_long_term};
use std::sync::Arc;

/// The caller as a session can be made for it; `None` for those as whom none acts.
///
/// # Errors
/// [`Error::Internal`]; [`Error::Throttled`], where so much was revoked this second that the approval
/// would be over at once.
pub(super) fn approver(call: &Call<'_>) -> Result<Option<DelegationApprover>, Error> {
    let caller = call.caller;
    let (Some(principal), Some(arn)) = (principal(caller), caller.arn()) else {
        return Ok(None);
    };
    let session = caller.session();
    let mut approver = DelegationApprover {
        arn: arn.to_owned(),
        principal,
        tags: session.map_or_else(Vec::new, |session| session.packed.tags().to_vec()),
        source_identity: session.and_then(|session| session.source_identity.clone()),
        credentials: None,
    };
    approver.credentials = match &caller.credentials {
        Credentials::None | Credentials::Certificate(_) => None,
        Credentials::Temporary {
            access_key_id,
            session,
            ..
        } => Some(ApproverCredentials {
            session: Some(
                crate::ids::AccessKeyId::parse(access_key_id).ok_or(Error::InvalidSessionToken)?,
            ),
            issued: session.issued,
            ancestry: session.ancestry.clone(),
        }),
        Credentials::LongTerm { access_key_id } => {
            let now = call.facts.now;
            let ancestry = ancestry_of_long_term(call, access_key_id)?;
            // Approved in the second of a revocation, and after it: it counts as of the next.
            let probe = approver.session(now, ancestry);
            let revocations = caller.directory().revocations();
            let earliest = revocations.earliest_issue(call.account()?.id, &probe);
            if earliest > call.realm.environment().clock.now() + FARTHEST_AHEAD {
                return Err(Error::Throttled);
            }
            Some(ApproverCredentials {
                session: None,
                issued: earliest.max(now),
                ancestry: probe.ancestry,
            })
        }
    };
    Ok(Some(approver))
}

fn principal(caller: &Caller) -> Option<ApproverPrincipal> {
    match &caller.who {
        Who::Root => Some(ApproverPrincipal::Root),
        Who::User(state) => Some(ApproverPrincipal::User(state.user.id.clone())),
        Who::AssumedRole { role, session_name } => Some(ApproverPrincipal::AssumedRole(
            role.role.id.clone(),
            session_name.clone(),
        )),
        Who::Anonymous | Who::FederatedUser { .. } | Who::Service(_) | Who::Federated(_) => None,
    }
}

impl DelegationApprover {
    /// The session that approved, as revocations look at it; of long-term credentials, one that they
    /// had asked for when they approved.
    fn session(&self, issued: Seconds, ancestry: Ancestry) -> Session {
        Session {
            principal: self.principal.clone().into(),
            issued,
            expires: issued,
            packed: Arc::new(Packed::default()),
            source_identity: self.source_identity.clone(),
            mfa: None,
            ancestry,
            delegate: None,
        }
    }
}

impl DelegationRequest {
    /// Whether the credentials that approved it were revoked, or what they descend from.
    pub(crate) fn approval_is_revoked(&self, directory: &Directory) -> bool {
        let (Some(approver), Some(customer)) = (&self.approver, self.owner_account) else {
            return false;
        };
        let (id, session) = match &approver.credentials {
            Some(by) => (
                by.session.as_ref().map_or("", |id| id.as_str()),
                approver.session(by.issued, by.ancestry.clone()),
            ),
            None => {
                let issued = self.sent.unwrap_or(self.updated);
                ("", approver.session(issued, Ancestry::default()))
            }
        };
        directory.revocations().revokes(id, customer, &session)
    }
}
