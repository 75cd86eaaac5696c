//! Looking at requests: one of them, or those that an account made or owns.

use super::check::{self, PermissionCheckResult};
use super::{Known, allow, default_policy, known, missing, refuse_delegates, requestor_name};
use crate::caller::Need;
use crate::entity::{DelegationRequest, DelegationState};
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::names::{AccountId, DelegationRequestIdText, OwnerId};
use crate::operation::{Call, Granted, Operation, Service};
use locum_policy::ResourcePolicy;
use std::collections::BTreeSet;
use std::sync::Arc;

/// A request as answers show it.
#[derive(Clone, Debug)]
pub struct ShownDelegationRequest {
    /// The request.
    pub request: Arc<DelegationRequest>,
    /// `State`, at the moment of asking.
    pub state: DelegationState,
    /// `RequestorId`
    pub requestor: AccountId,
    /// `RequestorName`
    pub requestor_name: String,
    /// `RolePermissionRestrictionArns`
    pub role_restrictions: Vec<String>,
    /// Whether `OwnerId`, `ApproverId` and `Notes` are shown: who they are and what they tell each
    /// other is the customer's own affair.
    pub shows_customer: bool,
}

impl ShownDelegationRequest {
    fn new(call: &Call<'_>, known: &Known) -> Result<Self, Error> {
        let request = &known.request;
        let requestor = request.requestor().ok_or_else(|| missing(""))?;
        Ok(Self {
            state: request.state_at(call.facts.now),
            requestor,
            requestor_name: requestor_name(call.caller.directory(), requestor),
            role_restrictions: role_restrictions(&request.permission_policy),
            shows_customer: known.is_customer,
            request: request.clone(),
        })
    }
}

/// The permissions boundaries that roles made with these permissions must have.
fn role_restrictions(policy: &str) -> Vec<String> {
    let statements = super::permission::statements(policy).unwrap_or_default();
    let restricting = statements
        .iter()
        .filter(|statement| statement.allows && statement.speaks_of("iam:createrole"));
    let arns: BTreeSet<_> = restricting
        .flat_map(super::permission::Statement::boundaries)
        .collect();
    arns.into_iter().cloned().collect()
}

/// GetDelegationRequest
#[derive(Clone, Debug)]
pub struct GetDelegationRequest {
    /// `DelegationRequestId`
    pub id: DelegationRequestIdText,
    /// `DelegationPermissionCheck`
    pub permission_check: bool,
}

/// What became of a permission check, which is done before it is answered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum CheckedPermissions {
    /// `COMPLETE`, with the result.
    Complete(PermissionCheckResult),
    /// `FAILED`: the caller is not of the customer's account, or the policy cannot be read.
    Failed,
}

/// What GetDelegationRequest answers.
#[derive(Debug)]
pub struct GotDelegationRequest {
    /// `DelegationRequest`
    pub request: ShownDelegationRequest,
    /// `PermissionCheckStatus` and `PermissionCheckResult`, if they were asked for.
    pub checked: Option<CheckedPermissions>,
}

impl Operation for GetDelegationRequest {
    type Output = GotDelegationRequest;
    type Found = Option<Known>;
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetDelegationRequest";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Option<Known>>, Error> {
        allow(call, "iam:GetDelegationRequest", &self.id).await
    }

    async fn perform(
        self,
        call: &Call<'_>,
        found: Option<Known>,
    ) -> Result<GotDelegationRequest, Error> {
        let known = found.ok_or_else(|| missing(self.id.as_str()))?;
        let checked = self.permission_check.then(|| {
            let policy = &known.request.permission_policy;
            let result = known
                .is_customer
                .then(|| check::permissions(call.caller, call.facts, policy));
            match result.flatten() {
                Some(result) => CheckedPermissions::Complete(result),
                None => CheckedPermissions::Failed,
            }
        });
        Ok(GotDelegationRequest {
            request: ShownDelegationRequest::new(call, &known)?,
            checked,
        })
    }
}

/// ListDelegationRequests: those that the caller's account made, and those that somebody in it owns.
#[derive(Clone, Debug)]
pub struct ListDelegationRequests {
    /// `OwnerId`
    pub owner: Option<OwnerId>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListDelegationRequests {
    type Output = Page<ShownDelegationRequest>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListDelegationRequests";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let own = self.owner.as_ref().map(OwnerId::as_str);
        let default = own.filter(|own| call.caller.arn() == Some(own));
        let default = default.and_then(|_| default_policy(call.caller));
        let mut need =
            Need::new("iam:ListDelegationRequests", "*").key_if("iam:delegationrequestowner", own);
        need.resource_policy = default.as_ref().map(ResourcePolicy::Attached);
        refuse_delegates(call, &need)?;
        call.allow(&need)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Page<ShownDelegationRequest>, Error> {
        let account = call.account()?;
        let made = account.delegation_requests.keys();
        let ids: BTreeSet<_> = made.chain(account.associated_delegations.keys()).collect();
        let mut shown = Vec::new();
        for id in ids {
            let Some(known) = known(call, id).await? else {
                continue;
            };
            let owner = known.request.owner.as_ref();
            let matches = match &self.owner {
                None => true,
                Some(wanted) => {
                    known.is_customer && owner.is_some_and(|owner| owner.arn == wanted.as_str())
                }
            };
            if matches {
                shown.push((id, ShownDelegationRequest::new(call, &known)?));
            }
        }
        Ok(self.page.page_of_all(shown.into_iter()))
    }
}
