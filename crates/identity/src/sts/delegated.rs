//! GetDelegatedAccessToken: the exchange token of a delegation request becomes credentials.
//!
//! They act as the principal that approved the request, as far as the request's permission policy
//! goes: it is the session's policy, so what the approver may at each moment and what was granted
//! both hold. However often a token is presented, it is good for once; the credentials end when the
//! time that was granted is over, counted from when the token was sent.

use super::{NewSession, SessionPolicies};
use crate::account::Account;
use crate::caller::{Need, Who};
use crate::entity::{DelegationApprover, DelegationRequest, DelegationState};
use crate::environment::Seconds;
use crate::error::Error;
use crate::limits::Allotment;
use crate::names::{AccountId, MinimumTokenSize, TradeInToken};
use crate::operation::{Call, Granted, Operation, Service};
use crate::session::{SessionPrincipal, TemporaryCredentials, TradeIn};

/// GetDelegatedAccessToken
#[derive(Clone)]
pub struct GetDelegatedAccessToken {
    /// `TradeInToken`
    pub trade_in_token: TradeInToken,
}

/// What GetDelegatedAccessToken answers.
#[derive(Debug)]
pub struct DelegatedAccess {
    /// `Credentials`
    pub credentials: TemporaryCredentials,
    /// `PackedPolicySize`
    pub packed_policy_size: u32,
    /// `AssumedPrincipal`: the ARN of who approved.
    pub assumed_principal: String,
}

/// A request whose token is good now.
struct Redeemable<'a> {
    customer: AccountId,
    approver: &'a DelegationApprover,
    /// The first second in which the access is over.
    end: Seconds,
}

impl<'a> Redeemable<'a> {
    fn of(request: &'a DelegationRequest, trade_in: &TradeIn, now: Seconds) -> Option<Self> {
        let end = trade_in.sent.checked_add(request.session_duration)?;
        let good = request.state == DelegationState::Finalized
            && request.sent == Some(trade_in.sent)
            && request.redeemed.is_none()
            && (trade_in.sent..end).contains(&now);
        good.then_some(())?;
        Some(Self {
            customer: request.owner_account?,
            approver: request.approver.as_ref()?,
            end,
        })
    }
}

impl Operation for GetDelegatedAccessToken {
    type Output = DelegatedAccess;
    type Found = ();
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetDelegatedAccessToken";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("sts:GetDelegatedAccessToken", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<DelegatedAccess, Error> {
        let keyring = call.realm.keyring()?;
        let trade_in = keyring
            .open_trade_in(self.trade_in_token.as_str())
            .map_err(|_| Error::ValidationText("The trade-in token is not valid.".to_owned()))?;
        let account = call.account()?;
        let id = trade_in.request.as_str();
        // Whoever else got hold of the token learns nothing of the request.
        if crate::names::DelegationRequestId::account_of(id) != Some(account.id) {
            let need = Need::new("sts:GetDelegatedAccessToken", "*");
            return Err(Error::AccessDenied(call.caller.denied(&need, None)));
        }
        let now = call.facts.now;
        let good = |account: &Account| {
            let request = account.delegation_requests.get(id);
            request.is_some_and(|request| Redeemable::of(request, &trade_in, now).is_some())
        };
        // The token proves that some process has sent it: ours may not have heard of that yet.
        let mut fresh = account.clone();
        if !good(&fresh) {
            call.realm.catch_up().await?;
            let again = call.realm.account(account.id).await?;
            fresh = again.ok_or(Error::ExpiredTradeInToken)?;
        }
        let request = fresh.delegation_requests.get(id);
        let request = request.ok_or(Error::ExpiredTradeInToken)?;
        let redeemable =
            Redeemable::of(request, &trade_in, now).ok_or(Error::ExpiredTradeInToken)?;
        let principal = SessionPrincipal::from(redeemable.approver.principal.clone());
        let policies = SessionPolicies {
            policy: Some(request.permission_policy.clone()),
            policy_arns: Vec::new(),
        };
        let packed = policies.pack(redeemable.approver.tags.clone())?;
        let packed_policy_size = Allotment::OF_AWS.percent(&packed).unwrap_or(0);
        let session = NewSession {
            principal,
            lifetime: redeemable.end - now,
            packed,
            source_identity: redeemable.approver.source_identity.clone(),
            mfa: None,
            delegate: Some(account.id),
            federation: None,
        };
        // The credentials are there before the token is spent, and leave after.
        let customer = call.realm.account(redeemable.customer).await?;
        let customer = customer.ok_or(Error::ExpiredTradeInToken)?;
        Who::of_principal(&customer, &call.realm.directory(), &session.principal)
            .map_err(|_| Error::ExpiredTradeInToken)?;
        let credentials = session.issue(call, redeemable.customer, MinimumTokenSize::default())?;
        // Behind the issue: of a revocation that comes later still, the session is one of its own.
        call.realm.catch_up().await?;
        if request.approval_is_revoked(&call.realm.directory()) {
            return Err(Error::ExpiredTradeInToken);
        }
        call.change(|draft| {
            let request = draft.account.delegation_requests.get(id);
            let request = request.ok_or(Error::ExpiredTradeInToken)?;
            Redeemable::of(request, &trade_in, now).ok_or(Error::ExpiredTradeInToken)?;
            draft.change.put(Box::new(DelegationRequest {
                redeemed: Some(draft.now),
                ..DelegationRequest::clone(request)
            }));
            Ok(())
        })
        .await?;
        Ok(DelegatedAccess {
            credentials,
            packed_policy_size,
            assumed_principal: redeemable.approver.arn.clone(),
        })
    }
}
