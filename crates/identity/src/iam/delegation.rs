//! Delegation requests: an account (the requestor, AWS's partner) asks for temporary access to
//! another (the customer), somebody there approves, and the requestor trades the exchange token for
//! credentials.
//!
//! IAM user guide, "IAM temporary delegation". A request is kept in the requestor's account, which its
//! id tells; the customer's account knows which requests its principals own. So each step changes one
//! record by compare and set, whoever takes it, and of two that cannot both be right one comes too
//! late.
//!
//! To each side a request is a resource of its own account, `delegation-request/ID`, which is what its
//! policies name.

use crate::caller::{Caller, Need, Who};
use crate::directory::Directory;
use crate::entity::{DelegationRequest, DelegationState};
use crate::environment::Seconds;
use crate::error::{Error, Forbidden, Missing};
use crate::names::{AccountId, DelegationRequestId, DelegationRequestIdText};
use crate::operation::{Call, Granted};
use locum_policy::{Compiled, Decision, Kind, Policy, ResourcePolicy};
use std::sync::Arc;

mod approval;
mod ask;
mod check;
mod handle;
mod permission;
mod show;
mod states;
mod summary;
mod template;

pub use ask::{
    CreateDelegationRequest, CreatedDelegationRequest, ReceiveDelegationToken,
    ReceivedDelegationToken,
};
pub use check::PermissionCheckResult;
pub use handle::{
    AcceptDelegationRequest, AssociateDelegationRequest, RejectDelegationRequest,
    SendDelegationToken, UpdateDelegationRequest,
};
pub use show::{
    CheckedPermissions, GetDelegationRequest, GotDelegationRequest, ListDelegationRequests,
    ShownDelegationRequest,
};
pub use summary::{GetHumanReadableSummary, Summary, SummaryState};

/// What the owner of a request may do with it without a policy that allows it; an explicit denial
/// holds all the same. Approving is not among it.
const OWNERS_OWN: &str = r#""iam:GetDelegationRequest","iam:GetHumanReadableSummary","iam:ListDelegationRequests","iam:RejectDelegationRequest","iam:SendDelegationToken","iam:UpdateDelegationRequest""#;

/// What deciding about a request finds: the request as one account may know it.
#[derive(Clone, Debug)]
pub struct Known {
    request: Arc<DelegationRequest>,
    /// The account made it.
    is_requestor: bool,
    /// The account is the customer, or may become it.
    is_customer: bool,
}

impl Known {
    /// The request, if it concerns `account` and is still kept.
    fn of(request: &Arc<DelegationRequest>, account: AccountId, now: Seconds) -> Option<Self> {
        if request.is_forgotten(now) {
            return None;
        }
        let known = Self {
            request: request.clone(),
            is_requestor: request.requestor() == Some(account),
            is_customer: request.owner_account.is_none_or(|owner| owner == account),
        };
        (known.is_requestor || known.is_customer).then_some(known)
    }
}

fn missing(id: &str) -> Error {
    Error::NoSuchEntity(Missing::DelegationRequest(id.to_owned()))
}

/// The request of that id as the caller's account may know it. One that does not concern it is none.
async fn known(call: &Call<'_>, id: &str) -> Result<Option<Known>, Error> {
    let Some(requestor) = DelegationRequestId::account_of(id) else {
        return Ok(None);
    };
    let Some(home) = call.realm.account(requestor).await? else {
        return Ok(None);
    };
    let account = call.account()?.id;
    let request = home.delegation_requests.get(id);
    Ok(request.and_then(|request| Known::of(request, account, call.facts.now)))
}

/// The need of an action on a request that may or may not exist.
fn need<'a>(
    call: &Call<'_>,
    action: &'static str,
    id: &str,
    known: Option<&'a Known>,
    default: Option<&'a Compiled>,
) -> Result<Need<'a>, Error> {
    let request = known.map(|known| &*known.request);
    // Who they are is the customer's affair, and where it is told what comes of it the requestor's.
    let theirs = request.filter(|_| known.is_some_and(|known| known.is_customer));
    let owner = theirs.and_then(|request| request.owner.as_ref());
    let asked = request.filter(|_| known.is_some_and(|known| known.is_requestor));
    let mut need = Need::new(
        action,
        call.account()?.iam_arn(&format!("delegation-request/{id}")),
    )
    .key_if(
        "iam:delegationrequestowner",
        owner.map(|owner| owner.arn.as_str()),
    )
    .key_if(
        "iam:notificationchannel",
        asked.map(|request| request.notification_channel.as_str()),
    );
    need.resource_policy = default.map(ResourcePolicy::Attached);
    Ok(need)
}

/// Decides on an action on a request.
async fn allow(
    call: &Call<'_>,
    action: &'static str,
    id: &DelegationRequestIdText,
) -> Result<Granted<Option<Known>>, Error> {
    let known = known(call, id.as_str()).await?;
    let default = known.as_ref().and_then(|known| default_of(known, call));
    let need = need(call, action, id.as_str(), known.as_ref(), default.as_ref())?;
    refuse_delegates(call, &need)?;
    Ok(call.allow(&need)?.with(known.clone()))
}

/// What a delegated session could do to delegation requests it would do as its approver, who has not
/// granted that: it could grant itself more.
fn refuse_delegates(call: &Call<'_>, need: &Need<'_>) -> Result<(), Error> {
    match call.caller.delegate() {
        Some(_) => Err(Error::Forbidden(Forbidden::Delegated(
            call.caller.denied(need, None),
        ))),
        None => Ok(()),
    }
}

/// The policy that speaks for a request's owner, if that is who calls.
fn default_of(known: &Known, call: &Call<'_>) -> Option<Compiled> {
    let owner = known.request.owner.as_ref()?;
    (known.is_customer && owner.id == call.caller.user_id()).then_some(())?;
    default_policy(call.caller)
}

/// A policy that names the caller and no one else.
fn default_policy(caller: &Caller) -> Option<Compiled> {
    // Root users need none, and their id would name the whole account.
    matches!(caller.who, Who::User(_) | Who::AssumedRole { .. }).then_some(())?;
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{}"}},"Action":[{OWNERS_OWN}],"Resource":"*"}}]}}"#,
        caller.user_id()
    );
    let policy = Policy::stored(&document, Kind::Resource).ok()?;
    Some(policy.compile().labelled("owner of the delegation request"))
}

/// Whether a need is allowed, without its refusal.
fn may(call: &Call<'_>, need: &Need<'_>) -> Decision {
    call.caller.decide(call.facts, need)
}

/// `RequestorName`: the account's name, of which the model takes 30 characters.
fn requestor_name(directory: &Directory, requestor: AccountId) -> String {
    let record = directory.accounts.get(&requestor);
    record.map_or_else(String::new, |record| {
        record.name.as_str().chars().take(30).collect()
    })
}

impl DelegationState {
    /// The spelling of the model.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unassigned => "UNASSIGNED",
            Self::Assigned => "ASSIGNED",
            Self::PendingApproval => "PENDING_APPROVAL",
            Self::Accepted => "ACCEPTED",
            Self::Rejected => "REJECTED",
            Self::Finalized => "FINALIZED",
            Self::Expired => "EXPIRED",
        }
    }
}
