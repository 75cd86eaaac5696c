//! Delegation requests: what one account asks another for, and what became of it.

use crate::environment::Seconds;
use crate::ids::{AccessKeyId, UniqueId};
use crate::names::{
    AccountId, DelegationNotes, DelegationRequestId, Description, NotificationChannel,
    PolicyParameterName, PolicyParameterValue, RedirectUrl, RequestMessage, RequestorWorkflowId,
    RoleSessionName, SourceIdentity,
};
use crate::session::{Ancestry, SessionPrincipal, SessionTag};
use serde::{Deserialize, Serialize};

/// Where a delegation request stands. That its time has run out is not stored: see
/// [`DelegationRequest::state_at`].
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum DelegationState {
    /// Made, and nobody's yet.
    Unassigned,
    /// Somebody of the customer's account has taken it up: its owner.
    Assigned,
    /// The owner has asked for somebody else's approval.
    PendingApproval,
    /// Approved. The exchange token is not sent yet.
    Accepted,
    /// Refused.
    Rejected,
    /// The exchange token is sent.
    Finalized,
    /// Its time has run out.
    Expired,
}

/// Whether a parameter of a policy template has one value or several.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum PolicyParameterType {
    /// `string`
    String,
    /// `stringList`
    StringList,
}

/// A parameter of a policy template, with what it stands for.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PolicyParameter {
    /// `Name`
    pub name: PolicyParameterName,
    /// `Values`
    pub values: Vec<PolicyParameterValue>,
    /// `Type`
    pub parameter_type: PolicyParameterType,
}

/// Who owns a request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DelegationOwner {
    /// The ARN, as GetCallerIdentity gives it.
    pub arn: String,
    /// The unique id (`AIDA…`, `AROA…:session`, or the account of a root user): one who comes again
    /// under an old name is a stranger.
    pub id: String,
}

/// Who approved a request: as whom its session will act.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DelegationApprover {
    /// The ARN, as GetCallerIdentity gives it.
    pub arn: String,
    /// The principal.
    pub principal: ApproverPrincipal,
    /// Tags of the session that approved: policies may depend on them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<SessionTag>,
    /// The source identity of the session that approved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<SourceIdentity>,
    /// The credentials that approved; `None` in requests of before they were kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<ApproverCredentials>,
}

/// The credentials that approved a request: the approval ends with them if they are revoked.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ApproverCredentials {
    /// The access key id of a session; `None` of long-term credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<AccessKeyId>,
    /// When the session was issued, or the long-term credentials approved.
    pub issued: Seconds,
    /// What the session descends from, or the long-term credentials.
    pub ancestry: Ancestry,
}

/// The principal that approved a request.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub enum ApproverPrincipal {
    /// The root user.
    Root,
    /// A user.
    User(UniqueId),
    /// A role, and the name of the session.
    AssumedRole(UniqueId, RoleSessionName),
}

impl From<ApproverPrincipal> for SessionPrincipal {
    fn from(approver: ApproverPrincipal) -> Self {
        match approver {
            ApproverPrincipal::Root => Self::Root,
            ApproverPrincipal::User(id) => Self::User(id),
            ApproverPrincipal::AssumedRole(role, session_name) => {
                Self::AssumedRole { role, session_name }
            }
        }
    }
}

/// A delegation request. It is kept in the account that made it, the requestor's.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DelegationRequest {
    /// `DelegationRequestId`, which tells the requestor's account.
    pub id: DelegationRequestId,
    /// `RequestorWorkflowId`: unique among the requestor's requests.
    pub workflow_id: RequestorWorkflowId,
    /// `OwnerAccountId`: the customer, once it is known. It never changes then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner_account: Option<AccountId>,
    /// `Description`
    pub description: Description,
    /// `RequestMessage`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_message: Option<RequestMessage>,
    /// `PolicyTemplateArn`
    pub template_arn: String,
    /// `Parameters`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters: Vec<PolicyParameter>,
    /// `PermissionPolicy`: what the template said when the request was made, with the parameters
    /// put in. What becomes of the template later changes nothing.
    pub permission_policy: String,
    /// `NotificationChannel`
    pub notification_channel: NotificationChannel,
    /// `RedirectUrl`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_url: Option<RedirectUrl>,
    /// `SessionDuration`, counted from when the token is sent.
    pub session_duration: Seconds,
    /// `OnlySendByOwner`
    #[serde(default)]
    pub only_send_by_owner: bool,
    /// `CreateDate`
    pub created: Seconds,
    /// `UpdatedTime`
    pub updated: Seconds,
    /// `ExpirationTime`: the first second in which it is expired.
    pub expires: Seconds,
    /// Where it stands, as long as it is not expired.
    pub state: DelegationState,
    /// `OwnerId`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<DelegationOwner>,
    /// `ApproverId`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<DelegationApprover>,
    /// `Notes`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub notes: Option<DelegationNotes>,
    /// `RejectionReason`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rejection_reason: Option<DelegationNotes>,
    /// When the exchange token was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Seconds>,
    /// When the exchange token was traded in: it is good for once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redeemed: Option<Seconds>,
}

/// That somebody of this account owns a delegation request of another account, which keeps it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AssociatedDelegation {
    /// The request.
    pub id: DelegationRequestId,
    /// When it was taken up.
    pub associated: Seconds,
}
