//! The customer's side: taking a request up, forwarding it, approving or refusing it, and sending the
//! exchange token.

use super::approval::approver;
use super::states::{LONGEST, WrongState};
use super::{Known, allow, check, missing, need};
use crate::account::Account;
use crate::caller::{Credentials, Who};
use crate::entity::{
    AssociatedDelegation, Change, DelegationApprover, DelegationOwner, DelegationRequest,
};
use crate::environment::Seconds;
use crate::error::{Error, Forbidden};
use crate::names::{AccountId, DelegationNotes, DelegationRequestId, DelegationRequestIdText};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::DELEGATION_REQUESTS;
use check::PermissionCheckResult;

/// The longest access that a root user can approve (IAM user guide, "IAM temporary delegation").
const ROOT_LIMIT: Seconds = 4 * 3600;

/// Decides on what only the customer does: to anybody else the request does not exist.
async fn allow_customer(
    call: &Call<'_>,
    action: &'static str,
    id: &DelegationRequestIdText,
) -> Result<Granted<Known>, Error> {
    let (granted, known) = allow(call, action, id).await?.apart();
    let known = known.filter(|known| known.is_customer);
    Ok(granted.with(known.ok_or_else(|| missing(id.as_str()))?))
}

/// Takes a step of a request, as it is at that moment, for the customer.
async fn step<F>(
    call: &Call<'_>,
    id: &DelegationRequestIdText,
    verb: &'static str,
    step: F,
) -> Result<(), Error>
where
    F: Fn(&DelegationRequest, Seconds) -> Result<DelegationRequest, WrongState> + Send + Sync,
{
    let beside = |_: &Account, _: &DelegationRequest, _: Seconds, _: &mut Change| Ok(());
    step_beside(call, id, |state| wrong(id, verb, state), step, beside).await
}

fn wrong(id: &DelegationRequestIdText, verb: &str, WrongState(state): WrongState) -> Error {
    Error::InvalidInput(format!(
        "The delegation request {id} cannot be {verb}: it is {}.",
        state.as_str()
    ))
}

async fn step_beside<F, B>(
    call: &Call<'_>,
    id: &DelegationRequestIdText,
    refused: impl Fn(WrongState) -> Error + Send + Sync,
    step: F,
    beside: B,
) -> Result<(), Error>
where
    F: Fn(&DelegationRequest, Seconds) -> Result<DelegationRequest, WrongState> + Send + Sync,
    B: Fn(&Account, &DelegationRequest, Seconds, &mut Change) -> Result<(), Error> + Send + Sync,
{
    let home = DelegationRequestId::account_of(id.as_str()).ok_or_else(|| missing(id.as_str()))?;
    call.change_beside(home, |draft, own, change| {
        let request = draft.account.delegation_requests.get(id.as_str());
        // Somebody else's account may have taken it up since the decision.
        let known = request.and_then(|request| Known::of(request, own.id, draft.now));
        let known = known.filter(|known| known.is_customer);
        let known = known.ok_or_else(|| missing(id.as_str()))?;
        let next = step(&known.request, draft.now).map_err(&refused)?;
        beside(own, &next, draft.now, change)?;
        draft.change.put(Box::new(next));
        Ok(())
    })
    .await
}

/// AssociateDelegationRequest: the caller becomes the request's owner, its account the customer.
#[derive(Clone, Debug)]
pub struct AssociateDelegationRequest {
    /// `DelegationRequestId`
    pub id: DelegationRequestIdText,
}

impl Operation for AssociateDelegationRequest {
    type Output = ();
    type Found = AccountId;
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "AssociateDelegationRequest";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<AccountId>, Error> {
        let granted = allow_customer(call, "iam:AssociateDelegationRequest", &self.id).await?;
        let (granted, _) = granted.apart();
        Ok(granted.with(call.account()?.id))
    }

    async fn perform(self, call: &Call<'_>, account: AccountId) -> Result<(), Error> {
        let owner = DelegationOwner {
            arn: call.caller.arn().unwrap_or_default().to_owned(),
            id: call.caller.user_id(),
        };
        let step =
            |request: &DelegationRequest, now| request.associate(account, owner.clone(), now);
        let refused = |state| wrong(&self.id, "associated", state);
        step_beside(call, &self.id, refused, step, associated).await
    }
}

/// The customer's account learns that it has the request, and forgets those that cannot be any more.
fn associated(
    own: &Account,
    request: &DelegationRequest,
    now: Seconds,
    change: &mut Change,
) -> Result<(), Error> {
    let owned = own.associated_delegations.values();
    let (old, kept): (Vec<_>, Vec<_>) =
        owned.partition(|owned| owned.associated.saturating_add(LONGEST) <= now);
    if kept.len() >= DELEGATION_REQUESTS {
        return Err(Error::InvalidInput(format!(
            "The account has {} delegation requests already.",
            DELEGATION_REQUESTS
        )));
    }
    for gone in old {
        change.delete(gone.clone());
    }
    change.put(AssociatedDelegation {
        id: request.id.clone(),
        associated: now,
    });
    Ok(())
}

/// UpdateDelegationRequest: the request waits for somebody's approval.
#[derive(Clone, Debug)]
pub struct UpdateDelegationRequest {
    /// `DelegationRequestId`
    pub id: DelegationRequestIdText,
    /// `Notes`
    pub notes: Option<DelegationNotes>,
}

impl Operation for UpdateDelegationRequest {
    type Output = ();
    type Found = Known;
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateDelegationRequest";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Known>, Error> {
        allow_customer(call, "iam:UpdateDelegationRequest", &self.id).await
    }

    async fn perform(self, call: &Call<'_>, _: Known) -> Result<(), Error> {
        step(call, &self.id, "updated", |request, now| {
            request.update(self.notes.clone(), now)
        })
        .await
    }
}

/// AcceptDelegationRequest: the access will be the caller's, as far as the request asks for it.
#[derive(Clone, Debug)]
pub struct AcceptDelegationRequest {
    /// `DelegationRequestId`
    pub id: DelegationRequestIdText,
}

impl Operation for AcceptDelegationRequest {
    type Output = ();
    type Found = DelegationApprover;
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "AcceptDelegationRequest";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<DelegationApprover>, Error> {
        let action = "iam:AcceptDelegationRequest";
        let (granted, known) = allow_customer(call, action, &self.id).await?.apart();
        let need = need(call, action, self.id.as_str(), Some(&known), None)?;
        let denied = || call.caller.denied(&need, None);
        let limited = matches!(
            &call.caller.credentials,
            Credentials::Temporary {
                policies: Some(_),
                ..
            }
        );
        // The session that is made has one session policy, the request's: another limit would be lost.
        if limited {
            return Err(Error::Forbidden(Forbidden::LimitedApprover(denied())));
        }
        let request = &known.request;
        if matches!(call.caller.who, Who::Root) && request.session_duration > ROOT_LIMIT {
            return Err(Error::ValidationText(format!(
                "The root user cannot accept the delegation request {}: its session duration is more than {ROOT_LIMIT} seconds.",
                self.id
            )));
        }
        let checked = check::permissions(call.caller, call.facts, &request.permission_policy);
        if checked == Some(PermissionCheckResult::Denied) {
            return Err(Error::Forbidden(Forbidden::NotTheApproversToGive(denied())));
        }
        let approver = approver(call)?.ok_or_else(|| Error::AccessDenied(denied()))?;
        Ok(granted.with(approver))
    }

    async fn perform(self, call: &Call<'_>, approver: DelegationApprover) -> Result<(), Error> {
        // The model knows no InvalidInput of this operation.
        let refused = |state| match wrong(&self.id, "accepted", state) {
            Error::InvalidInput(text) => Error::ValidationText(text),
            other => other,
        };
        let step = |request: &DelegationRequest, now| request.accept(approver.clone(), now);
        let beside = |_: &Account, _: &DelegationRequest, _: Seconds, _: &mut Change| Ok(());
        step_beside(call, &self.id, refused, step, beside).await
    }
}

/// RejectDelegationRequest
#[derive(Clone, Debug)]
pub struct RejectDelegationRequest {
    /// `DelegationRequestId`
    pub id: DelegationRequestIdText,
    /// `Notes`: why, for the requestor to read.
    pub notes: Option<DelegationNotes>,
}

impl Operation for RejectDelegationRequest {
    type Output = ();
    type Found = Known;
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "RejectDelegationRequest";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Known>, Error> {
        allow_customer(call, "iam:RejectDelegationRequest", &self.id).await
    }

    async fn perform(self, call: &Call<'_>, _: Known) -> Result<(), Error> {
        step(call, &self.id, "rejected", |request, now| {
            request.reject(self.notes.clone(), now)
        })
        .await
    }
}

/// SendDelegationToken: the requestor can have the exchange token from now on, and its time begins.
#[derive(Clone, Debug)]
pub struct SendDelegationToken {
    /// `DelegationRequestId`
    pub id: DelegationRequestIdText,
}

impl Operation for SendDelegationToken {
    type Output = ();
    type Found = Known;
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "SendDelegationToken";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Known>, Error> {
        let action = "iam:SendDelegationToken";
        let (granted, known) = allow_customer(call, action, &self.id).await?.apart();
        let owner = known.request.owner.as_ref();
        let is_owner = owner.is_some_and(|owner| owner.id == call.caller.user_id());
        if known.request.only_send_by_owner && !is_owner {
            let need = need(call, action, self.id.as_str(), Some(&known), None)?;
            let denied = call.caller.denied(&need, None);
            return Err(Error::Forbidden(Forbidden::OnlyOwnerSends(denied)));
        }
        if known.request.approval_is_revoked(call.caller.directory()) {
            return Err(Error::InvalidInput(format!(
                "The delegation request {} cannot be finalized: the credentials that accepted it were revoked.",
                self.id
            )));
        }
        Ok(granted.with(known))
    }

    async fn perform(self, call: &Call<'_>, _: Known) -> Result<(), Error> {
        step(call, &self.id, "finalized", |request, now| {
            request.send(now)
        })
        .await
    }
}
