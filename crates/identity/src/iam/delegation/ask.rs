//! The requestor's side: making a request, and receiving the exchange token.

use super::states::UNASSIGNED;
use super::{allow, missing, refuse_delegates, template};
use crate::caller::Need;
use crate::entity::{DelegationRequest, DelegationState, PolicyParameter};
use crate::environment::Seconds;
use crate::error::{Error, Existing};
use crate::names::{
    AccountId, ArnText, DelegationDuration, DelegationRequestId, DelegationRequestIdText,
    Description, NotificationChannel, RedirectUrl, RequestMessage, RequestorWorkflowId,
};
use crate::operation::{Call, Draft, Granted, Operation, Service};
use crate::quotas::{DELEGATION_REQUESTS, room_for_one};
use crate::sealing::Secret;
use crate::session::TradeIn;
use locum_policy::Arn;

/// CreateDelegationRequest
#[derive(Clone, Debug)]
pub struct CreateDelegationRequest {
    /// `OwnerAccountId`: the customer; if not given, whoever takes the request up.
    pub owner_account: Option<AccountId>,
    /// `Description`
    pub description: Description,
    /// `Permissions.PolicyTemplateArn`: a managed policy of the requestor's own.
    pub template_arn: ArnText,
    /// `Permissions.Parameters`
    pub parameters: Vec<PolicyParameter>,
    /// `RequestMessage`
    pub request_message: Option<RequestMessage>,
    /// `RequestorWorkflowId`
    pub workflow_id: RequestorWorkflowId,
    /// `RedirectUrl`
    pub redirect_url: Option<RedirectUrl>,
    /// `NotificationChannel`: `mailbox`, or the ARN of an SNS topic of the requestor's.
    pub notification_channel: NotificationChannel,
    /// `SessionDuration`
    pub session_duration: DelegationDuration,
    /// `OnlySendByOwner`
    pub only_send_by_owner: bool,
}

/// What CreateDelegationRequest answers. AWS's `ConsoleDeepLink` is left out: there is no console.
#[derive(Debug)]
pub struct CreatedDelegationRequest {
    /// `DelegationRequestId`
    pub id: DelegationRequestId,
}

impl Operation for CreateDelegationRequest {
    type Output = CreatedDelegationRequest;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateDelegationRequest";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let need = Need::new(
            "iam:CreateDelegationRequest",
            call.account()?.iam_arn("delegation-request/*"),
        )
        .key("iam:templatearn", self.template_arn.as_str())
        .key(
            "iam:notificationchannel",
            self.notification_channel.as_str(),
        )
        .key(
            "iam:delegationduration",
            self.session_duration.seconds().to_string(),
        );
        refuse_delegates(call, &need)?;
        call.allow(&need)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<CreatedDelegationRequest, Error> {
        if let Some(owner) = self.owner_account
            && !call.realm.directory().accounts.contains_key(&owner)
        {
            return Err(Error::InvalidInput(format!(
                "The account {owner} does not exist."
            )));
        }
        call.change(|draft| {
            self.check_channel(draft.account.id)?;
            forget(draft);
            let now = draft.now;
            let kept = || {
                let requests = draft.account.delegation_requests.values();
                requests.filter(move |request| !request.is_forgotten(now))
            };
            if kept().any(|request| request.workflow_id == self.workflow_id) {
                return Err(Error::EntityAlreadyExists(Existing::DelegationRequest(
                    self.workflow_id.to_string(),
                )));
            }
            room_for_one(
                kept().count(),
                "DelegationRequestsPerAccount",
                DELEGATION_REQUESTS,
            )?;
            let template = draft.account.policy_with_arn(self.template_arn.as_str());
            let document = template.and_then(|state| {
                let mut versions = state.policy.versions.iter();
                versions.find(|version| version.number == state.policy.default_version)
            });
            let document = document.ok_or_else(|| {
                Error::InvalidInput(format!(
                    "The policy template {} does not exist in this account.",
                    self.template_arn
                ))
            })?;
            let permission_policy = template::fill(&document.document, &self.parameters)?;
            let id = DelegationRequestId::generate(draft.account.id, draft.entropy);
            draft.change.put(Box::new(DelegationRequest {
                id: id.clone(),
                workflow_id: self.workflow_id.clone(),
                owner_account: self.owner_account,
                description: self.description.clone(),
                request_message: self.request_message.clone(),
                template_arn: self.template_arn.to_string(),
                parameters: self.parameters.clone(),
                permission_policy,
                notification_channel: self.notification_channel.clone(),
                redirect_url: self.redirect_url.clone(),
                session_duration: self.session_duration.seconds(),
                only_send_by_owner: self.only_send_by_owner,
                created: now,
                updated: now,
                expires: now.saturating_add(UNASSIGNED),
                state: DelegationState::Unassigned,
                owner: None,
                approver: None,
                notes: None,
                rejection_reason: None,
                sent: None,
                redeemed: None,
            }));
            Ok(CreatedDelegationRequest { id })
        })
        .await
    }
}

impl CreateDelegationRequest {
    /// AWS takes topics of the requestor's own, so that nobody is sent another's tokens. Here the
    /// topic is a name: tokens wait where [`ReceiveDelegationToken`] finds them.
    fn check_channel(&self, requestor: AccountId) -> Result<(), Error> {
        let channel = self.notification_channel.as_str();
        let own_topic = |arn: Arn| {
            arn.partition() == "aws"
                && arn.service() == "sns"
                && !arn.resource().is_empty()
                && arn.account() == requestor.as_str()
        };
        if channel == "mailbox" || Arn::parse(channel).is_some_and(own_topic) {
            return Ok(());
        }
        Err(Error::InvalidInput(
            "The notification channel must be the ARN of an SNS topic of the calling account, or mailbox."
                .to_owned(),
        ))
    }
}

/// Deletes the requests that are long expired.
fn forget(draft: &mut Draft<'_>) {
    let requests = draft.account.delegation_requests.values();
    for request in requests.filter(|request| request.is_forgotten(draft.now)) {
        draft
            .change
            .delete(Box::new(DelegationRequest::clone(request)));
    }
}

/// ReceiveDelegationToken: the exchange token of a request whose owner has sent it. An operation of
/// locum's own, in the place of AWS's message to an SNS topic. It may be called again until the token
/// is traded in: all tokens of a request are good for once together.
#[derive(Clone, Debug)]
pub struct ReceiveDelegationToken {
    /// `DelegationRequestId`
    pub id: DelegationRequestIdText,
}

/// What ReceiveDelegationToken answers: the fields of AWS's message `ExchangeToken`.
#[derive(Debug)]
pub struct ReceivedDelegationToken {
    /// `RequestId`
    pub id: DelegationRequestId,
    /// `RequestorWorkflowId`
    pub workflow_id: RequestorWorkflowId,
    /// `OwnerAccountId`
    pub owner_account: AccountId,
    /// `ExchangeToken`
    pub exchange_token: Secret,
    /// `ExpiresAt`: when the access ends, and until when the token can be traded in.
    pub expires_at: Seconds,
    /// `UpdatedAt`: when it was sent.
    pub updated_at: Seconds,
}

impl Operation for ReceiveDelegationToken {
    type Output = ReceivedDelegationToken;
    type Found = std::sync::Arc<DelegationRequest>;
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ReceiveDelegationToken";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Self::Found>, Error> {
        let (granted, known) = allow(call, "iam:ReceiveDelegationToken", &self.id)
            .await?
            .apart();
        // To its customer the request has no token.
        let known = known.filter(|known| known.is_requestor);
        let known = known.ok_or_else(|| missing(self.id.as_str()))?;
        Ok(granted.with(known.request))
    }

    async fn perform(
        self,
        call: &Call<'_>,
        request: Self::Found,
    ) -> Result<ReceivedDelegationToken, Error> {
        let invalid = |what: &str| {
            Error::InvalidInput(format!(
                "The exchange token of the delegation request {} {what}.",
                self.id
            ))
        };
        let (Some(sent), Some(owner_account)) = (request.sent, request.owner_account) else {
            return Err(invalid("has not been sent"));
        };
        if request.redeemed.is_some() {
            return Err(invalid("has been traded in already"));
        }
        let expires_at = sent.saturating_add(request.session_duration);
        if call.facts.now >= expires_at {
            return Err(invalid("has expired"));
        }
        let trade_in = TradeIn {
            request: request.id.clone(),
            sent,
        };
        let token = call
            .realm
            .keyring()?
            .seal_trade_in(
                &trade_in,
                call.facts.now,
                &*call.realm.environment().entropy,
            )
            .map_err(|_| Error::Internal("the exchange token cannot be sealed".into()))?;
        Ok(ReceivedDelegationToken {
            id: request.id.clone(),
            workflow_id: request.workflow_id.clone(),
            owner_account,
            exchange_token: Secret::new(token),
            expires_at,
            updated_at: sent,
        })
    }
}
