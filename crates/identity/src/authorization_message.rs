//! Authorization messages: why a request was refused, sealed. The client that was refused carries
//! the message to somebody who may know, and DecodeAuthorizationMessage opens it.
//!
//! What is sealed is what the policy engine said at that moment: the outcome may be read when the
//! policies have long changed. A message is for callers of one account, and is only made where
//! what it tells is that account's own: of a resource of another account it says nothing, and
//! where even that it exists would be told, there is none.

use crate::caller::{Caller, Credentials, Need, RequestFacts, Who};
use crate::environment::{Entropy, Seconds};
use crate::error::{Denied, Error};
use crate::names::AccountId;
use crate::realm::Realm;
use crate::session::Keyring;
use crate::session::message::LONGEST;
use locum_policy::{
    Decision, Denial, Explanation, Layer, Quote, ResourcePolicy, Value, explain_briefly,
};
use std::borrow::Cow;

mod decoded;
mod form;

/// Statements of each kind that are told at most, see [`explain_briefly`].
const MOST_STATEMENTS: usize = 64;
/// Messages of Organizations go out in a header, which proxies want short.
const LONGEST_IN_HEADER: usize = 3000;

/// What a refusal says to those who may know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AuthorizationMessage {
    /// The account whose callers may read it.
    pub account: AccountId,
    /// When the request came.
    pub at: Seconds,
    /// The id of the request.
    pub request_id: String,
    /// The region of the request.
    pub region: String,
    /// Whose resource it is, where the request says and it is the account's own.
    pub resource_account: Option<AccountId>,
    /// The ARN of who asked.
    pub arn: String,
    /// `aws:userid` of who asked.
    pub principal_id: String,
    /// For a federated user, the ARN of who asked for its credentials.
    pub issuer: Option<String>,
    /// The inline session policy.
    pub session_policy: Option<String>,
    /// The managed session policies.
    pub session_policy_arns: Vec<String>,
    /// What the engine said.
    pub explanation: Explanation,
    /// The statements that denied, with their layers.
    pub matched: Vec<(Layer, Quote)>,
    /// The condition keys that the request had.
    pub context: Vec<(String, Value<'static>)>,
    /// It is not there, or not to be had: policies had no say.
    pub absent: bool,
    /// Something was left out to make room.
    pub is_cut: bool,
}

/// What was found wrong with a need.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refused {
    /// By policies.
    Denied(Denial),
    /// What is needed does not exist, which the answer does not say.
    Absent,
}

impl AuthorizationMessage {
    /// The message about a need that was refused to a caller, sealed. `None` where there is none to
    /// be had: for the anonymous, and about other accounts' affairs.
    pub(crate) fn seal(
        caller: &Caller,
        facts: &RequestFacts,
        need: &Need<'_>,
        refused: Refused,
        entropy: &dyn Entropy,
    ) -> Option<String> {
        let account = caller.account_id()?;
        let keyring = caller.directory().keyring()?;
        let foreign = need.resource_account.is_some_and(|owner| owner != account);
        if foreign && !tells_of_its_own(need, refused) {
            return None;
        }
        let message = Self::of(account, caller, facts, need, refused, foreign);
        let longest = if need.action.starts_with("organizations:") {
            LONGEST_IN_HEADER
        } else {
            LONGEST
        };
        let mut form = form::Form::of(message);
        for limits in form::LIMITS {
            form.cut(limits);
            let sealed = keyring.seal_message(account, facts.now, &form.parts()?, longest, entropy);
            if sealed.is_some() {
                return sealed;
            }
        }
        None
    }

    fn of(
        account: AccountId,
        caller: &Caller,
        facts: &RequestFacts,
        need: &Need<'_>,
        refused: Refused,
        foreign: bool,
    ) -> Self {
        let (mut explanation, mut matched) =
            caller.with_request(facts, need, |request, policies| {
                let explanation = explain_briefly(request, policies, MOST_STATEMENTS);
                let matched: Vec<_> = explanation
                    .matched()
                    .filter_map(|(layer, report)| {
                        Some((layer.layer, policies.quote(layer, report)?))
                    })
                    .collect();
                (explanation, matched)
            });
        let denial = match refused {
            Refused::Denied(denial) => denial,
            Refused::Absent => Denial {
                explicit: false,
                layer: Layer::Trust,
            },
        };
        if explanation.decision == Decision::Allowed {
            matched.clear();
        }
        if matches!(refused, Refused::Denied(_)) || explanation.decision == Decision::Allowed {
            explanation.decision = Decision::Denied(denial);
        }
        if foreign {
            explanation.layers.retain(|report| is_callers(report.layer));
            matched.retain(|(layer, _)| is_callers(*layer));
        }
        let mut context = caller.context(facts, need);
        if foreign {
            context.retain(|(key, _)| !is_of_resource(key));
        }
        let packed = caller.session().map(|session| &session.packed);
        Self {
            account,
            at: facts.now,
            request_id: facts.request_id.clone(),
            region: facts.region.clone(),
            resource_account: need.resource_account.filter(|_| !foreign),
            arn: caller.arn().unwrap_or_default().to_owned(),
            principal_id: caller.user_id(),
            issuer: match &caller.who {
                Who::FederatedUser { issuer, .. } => Some(match issuer {
                    Some(state) => state.arn.clone(),
                    None => format!("arn:aws:iam::{account}:root"),
                }),
                _ => None,
            },
            session_policy: packed.and_then(|packed| packed.policy().map(str::to_owned)),
            session_policy_arns: match (&caller.credentials, packed) {
                (Credentials::Temporary { .. }, Some(packed)) => packed.policy_arns().to_vec(),
                _ => Vec::new(),
            },
            explanation,
            matched,
            context,
            absent: matches!(refused, Refused::Absent),
            is_cut: false,
        }
    }

    /// Opens a message, whichever account it is for: `None` if it is none, or none of this keyring.
    fn open(keyring: &Keyring, text: &str) -> Option<Self> {
        let (account, parts) = keyring.open_message(text)?;
        form::Form::parse(&parts)?.message(account)
    }

    /// The refusal as the client was told it: for a role to be assumed without a reason.
    pub fn told(&self) -> Denied {
        let explanation = &self.explanation;
        let assumed =
            explanation.action.starts_with("sts:") && explanation.resource.contains(":role/");
        Denied {
            principal: Some(self.arn.clone()),
            action: explanation.action.clone(),
            resource: explanation.resource.clone(),
            denial: match explanation.decision {
                Decision::Denied(denial) if !assumed => Some(denial),
                Decision::Denied(_) | Decision::Allowed => None,
            },
            encoded: None,
        }
    }

    /// What a reader should know besides.
    pub fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        if self.absent {
            notes.push(format!(
                "`{}` does not exist, or only the service that it is linked to may have it: no policy of it was asked",
                self.explanation.resource
            ));
        }
        if self.is_cut {
            notes.push(
                "the message had no room for everything: texts that end with `…` are cut, and of statements and values some are left out"
                    .to_owned(),
            );
        }
        notes
    }
}

impl Realm {
    /// Opens a message, whichever account it is for, with the ARNs of those that policies name by
    /// their ids.
    ///
    /// # Errors
    /// [`Error::InvalidAuthorizationMessage`] for what was not sealed by this realm, was changed, or
    /// was sealed with a key that is gone; [`Error::ServiceUnavailable`].
    pub async fn authorization_message(&self, text: &str) -> Result<AuthorizationMessage, Error> {
        let message = AuthorizationMessage::open(&self.keyring()?, text);
        let mut message = message.ok_or(Error::InvalidAuthorizationMessage)?;
        self.name_principals(&mut message.explanation).await?;
        for (_, quote) in &mut message.matched {
            for name in quote
                .principals
                .iter_mut()
                .flat_map(|list| &mut list.values)
            {
                if let Some(arn) = self.arn_of(name).await? {
                    *name = arn;
                }
            }
        }
        Ok(message)
    }
}

/// Whether a refusal about another account's resource is the work of the caller's own account, and
/// to say so tells nothing. Whether a role is there, its answer must not tell: whose own policies
/// do not allow assuming it learned that its trust policy does.
fn tells_of_its_own(need: &Need<'_>, refused: Refused) -> bool {
    let trust = matches!(need.resource_policy, Some(ResourcePolicy::Trust(_)));
    matches!(refused, Refused::Denied(denial) if is_callers(denial.layer)) && !trust
}

/// Whether the policies of a layer are those of the caller's account, and not the resource's.
fn is_callers(layer: Layer) -> bool {
    match layer {
        Layer::ServiceControl | Layer::Identity | Layer::Boundary | Layer::Session => true,
        Layer::ResourceControl | Layer::Resource | Layer::Trust => false,
    }
}

/// Whether a condition key tells something of the resource that the request does not say.
fn is_of_resource(key: &str) -> bool {
    key.split_once(':')
        .is_some_and(|(_, name)| name.to_lowercase().starts_with("resource"))
}

fn texts(value: &Value<'_>) -> Vec<String> {
    match value {
        Value::One(text) => vec![text.to_string()],
        Value::Many(texts) => texts.iter().map(Cow::to_string).collect(),
    }
}
