//! Roles for identities of other directories: what AssumeRoleWithWebIdentity, AssumeRoleWithSAML and the
//! services that speak for a certificate or a pod have in common, once the proof was verified.
//!
//! The trust policy of the role alone decides, and it decides each action: the operation's own,
//! `sts:TagSession` where the proof brings tags, `sts:SetSourceIdentity` where it brings a source identity.
//! A role that is not there and one that does not trust the identity are answered alike.

use super::assume_role::{Assumable, AssumeRole, AssumedRole, parsed, role_lifetime, role_of_arn};
use super::tags::session_tags;
use super::{NewSession, SessionPolicies};
use crate::account::{Account, RoleState};
use crate::caller::{Caller, Credentials, Need};
use crate::environment::Seconds;
use crate::error::{Error, FederationFault, TooLarge};
use crate::names::{
    AccountId, ArnText, MinimumTokenSize, RoleSessionDuration, RoleSessionName, SourceIdentity,
    Tag, TagKey,
};
use crate::notes::ForeignIdentity;
use crate::operation::{Call, Granted};
use crate::services::{ServiceCaller, ServiceName, Source};
use crate::session::{SessionFederation, SessionPrincipal};
use locum_policy::{Explanation, Mismatch, ResourcePolicy, Value};
use std::borrow::Cow;
use std::fmt::Write as _;
use std::sync::Arc;

/// Characters that the keys and names of a foreign identity may have together in a token.
const LONGEST_FEDERATION: usize = 4096;

/// As whom a verified identity comes before the role's trust policy.
#[derive(Clone, Debug)]
pub(crate) enum Vouched {
    /// As itself: `Principal: {"Federated": …}`.
    Identity(Arc<ForeignIdentity>),
    /// As the service that verified it: `Principal: {"Service": …}`, with the ARN and the account of the
    /// resource for which it acts.
    Service {
        name: ServiceName,
        source_arn: String,
        source_account: AccountId,
    },
}

/// A verified identity that asks for a session of a role.
#[derive(Clone, Debug)]
pub(crate) struct FederatedRequest {
    /// `sts:AssumeRoleWithWebIdentity` and its like.
    pub(crate) action: &'static str,
    /// As whom it comes.
    pub(crate) vouched: Vouched,
    /// The account that the role must be of, where it is the provider's.
    pub(crate) account: AccountId,
    pub(crate) role_arn: ArnText,
    pub(crate) role_session_name: RoleSessionName,
    /// Condition keys, in lower case.
    pub(crate) keys: Vec<(Cow<'static, str>, Value<'static>)>,
    pub(crate) tags: Vec<Tag>,
    pub(crate) transitive_tag_keys: Vec<TagKey>,
    pub(crate) source_identity: Option<SourceIdentity>,
    pub(crate) session_policies: SessionPolicies,
    /// `DurationSeconds`; one hour if not given.
    pub(crate) duration: Option<RoleSessionDuration>,
    /// What the proof allows at most, which may be less than a request could ask for.
    pub(crate) longest: Option<Seconds>,
    /// What the session keeps of it.
    pub(crate) federation: SessionFederation,
    pub(crate) minimum_token_size: MinimumTokenSize,
}

impl FederatedRequest {
    /// Decides by the role's trust policy.
    ///
    /// # Errors
    /// [`FederationFault::NotAuthorized`] for a role that is not there or does not trust the identity,
    /// [`Error::InvalidParameterValue`] for tags that contradict each other.
    pub(crate) async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Assumable>, Error> {
        parsed(&self.role_arn)?;
        let tags = session_tags(&self.tags, &self.transitive_tag_keys, std::iter::empty())?;
        let notes = &call.facts.notes;
        let refused = |action| Error::Federation(FederationFault::NotAuthorized(action));
        let Some((account, role)) = role_of_arn(call.realm, &self.role_arn).await? else {
            notes.explain(format_args!("there is no role {}", self.role_arn));
            return Err(refused(self.action));
        };
        if account.id != self.account {
            notes.explain(format_args!(
                "the role is of account {}, the provider of account {}",
                account.id, self.account
            ));
            return Err(refused(self.action));
        }
        if role.role.is_service_linked() {
            notes.explain("a service-linked role is its service's alone");
            return Err(refused(self.action));
        }
        let caller = self.caller(call);
        let companions =
            AssumeRole::companions(!tags.is_empty(), self.source_identity.is_some(), false);
        let mut granted = None;
        for action in [Some(self.action), companions[0], companions[1]]
            .into_iter()
            .flatten()
        {
            let need = self.need(action, &account, &role);
            match call.allow_as(&caller, &need) {
                Ok(grant) => granted = Some(grant),
                Err(Error::AccessDenied(_)) => {
                    let explanation = caller.explain(call.facts, &need);
                    notes.explain(why(&explanation));
                    return Err(refused(action));
                }
                Err(other) => return Err(other),
            }
        }
        let granted = granted.ok_or_else(|| refused(self.action))?;
        Ok(granted.with(Assumable {
            account,
            role,
            tags,
            source_identity: self.source_identity.clone(),
        }))
    }

    /// Issues the session.
    ///
    /// # Errors
    /// A duration, a session policy or a size that may not be.
    pub(crate) fn issue(self, call: &Call<'_>, found: Assumable) -> Result<AssumedRole, Error> {
        let Assumable { account, role, .. } = found;
        let lifetime = role_lifetime(self.duration, &role.role)?;
        let lifetime = self
            .longest
            .map_or(lifetime, |longest| lifetime.min(longest));
        self.session_policies.check(&account)?;
        let allotment = role.role.limits.allotment();
        let packed = self.session_policies.pack_into(allotment, found.tags)?;
        let packed_policy_size = allotment.percent(&packed);
        if size(&self.federation) > LONGEST_FEDERATION {
            return Err(Error::PackedPolicyTooLarge(TooLarge::Chain));
        }
        let session = NewSession {
            principal: SessionPrincipal::AssumedRole {
                role: role.role.id.clone(),
                session_name: self.role_session_name.clone(),
            },
            lifetime,
            packed,
            source_identity: found.source_identity.clone(),
            mfa: None,
            delegate: None,
            federation: Some(Box::new(self.federation)),
        };
        Ok(AssumedRole {
            credentials: session.issue(call, account.id, self.minimum_token_size)?,
            assumed_role_id: format!("{}:{}", role.role.id, self.role_session_name),
            arn: format!(
                "arn:aws:sts::{}:assumed-role/{}/{}",
                account.id, role.role.name, self.role_session_name
            ),
            packed_policy_size,
            source_identity: found.source_identity,
        })
    }

    /// As whom the identity comes before the trust policy.
    pub(crate) fn caller(&self, call: &Call<'_>) -> Caller {
        let directory = call.realm.directory();
        match &self.vouched {
            Vouched::Identity(identity) => Caller::federated(directory, identity.clone()),
            Vouched::Service {
                name,
                source_arn,
                source_account,
            } => {
                let service = ServiceCaller {
                    name: name.clone(),
                    source: Source {
                        arn: Some(source_arn.clone()),
                        account: Some(*source_account),
                    },
                };
                Caller::service(directory, service, Credentials::None)
            }
        }
    }

    /// The need of an action, with the condition keys of them all.
    fn need<'a>(
        &'a self,
        action: &'static str,
        account: &Account,
        role: &'a RoleState,
    ) -> Need<'a> {
        let mut need = Need::new(action, role.arn.as_str())
            .resource_tags(&role.role.tags, Some("iam:resourcetag/"))
            .request_tags(&self.tags)
            .key("sts:rolesessionname", self.role_session_name.as_str())
            .key_if(
                "sts:sourceidentity",
                self.source_identity.as_ref().map(SourceIdentity::as_str),
            );
        if !self.transitive_tag_keys.is_empty() {
            let keys = self.transitive_tag_keys.iter();
            let keys = keys.map(|key| Cow::Borrowed(key.as_str())).collect();
            let name = Cow::Borrowed("sts:transitivetagkeys");
            need.keys.push((name, Value::Many(keys)));
        }
        let own = self.keys.iter();
        need.keys
            .extend(own.map(|(key, value)| (key.clone(), value.borrow())));
        need.resource_account = Some(account.id);
        need.resource_policy = Some(ResourcePolicy::Trust(&role.trust));
        need
    }
}

fn size(federation: &SessionFederation) -> usize {
    let SessionFederation {
        kind: _,
        provider,
        subject,
        session_id,
        keys,
    } = federation;
    let session_id = session_id.as_ref().map_or(0, String::len);
    let keys = keys.iter().map(|(key, values)| {
        let values = values.iter().map(|value| value.len() + 3);
        key.len() + 3 + values.sum::<usize>()
    });
    provider.len() + subject.len() + session_id + keys.sum::<usize>()
}

/// In a person's words why no statement of the trust policy allows an action: of each statement the first
/// element that does not fit, with what it saw.
fn why(explanation: &Explanation) -> String {
    let mut words = format!(
        "the trust policy of {} does not allow {} to {}",
        explanation.resource, explanation.action, explanation.principal
    );
    let statements = explanation
        .layers
        .iter()
        .flat_map(|layer| &layer.statements);
    for (place, report) in statements.enumerate() {
        let number = place + 1;
        let _ = match (&report.sid, number) {
            (Some(sid), _) => write!(words, "; statement {sid}"),
            (None, number) => write!(words, "; statement {number}"),
        };
        let _ = match &report.mismatch {
            None => write!(words, " matches and denies"),
            Some(Mismatch::Element {
                element,
                wanted,
                seen,
            }) => write!(
                words,
                ": {} is {}, not {seen}",
                element.as_str(),
                wanted.join(", ")
            ),
            Some(Mismatch::Condition {
                operator,
                key,
                wanted,
                seen,
            }) => {
                let wanted = wanted.join("`, `");
                match seen {
                    Some(seen) => write!(
                        words,
                        ": {operator} on {key} wants `{wanted}`, and saw `{}`",
                        seen.join("`, `")
                    ),
                    None => write!(words, ": {operator} wants {key}, which there is none of"),
                }
            }
        };
    }
    words
}
