//! A request that is asked about, and the explanation of it.

use super::super::explanation::View;
use crate::Failure;
use locum_identity::caller::{Caller, Need, RequestFacts, Who};
use locum_identity::error::{Denied, Error};
use locum_identity::names::AccountId;
use locum_identity::realm::Realm;
use locum_identity::supposed::{
    Beyond, Held, SUPPOSED_SESSION, Supposed, SupposedResource, Unknown, actions, beyond_policies,
    told,
};
use locum_policy::case::Expect;
use locum_policy::{Decision, Denial, Explanation, Layer, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The region of requests unless `aws:RequestedRegion` is given.
const REGION: &str = "us-east-1";

/// Condition keys in lower case.
pub(super) type Keys = BTreeMap<String, Value<'static>>;

/// A request to explain.
pub(super) struct Asked {
    pub(super) action: String,
    pub(super) resource: String,
    pub(super) resource_account: Option<AccountId>,
    pub(super) context: Keys,
    pub(super) supposed: Supposed,
}

impl Asked {
    /// Explains the first action that is refused of those that the request is decided by, or else the
    /// request's own.
    pub(super) async fn explain(&self, realm: &Realm) -> Result<View, Failure> {
        let caller = realm
            .supposed_caller(&self.supposed)
            .await
            .map_err(unknown)?;
        let known = realm
            .supposed_resource(&self.action, &self.resource)
            .await
            .map_err(unknown)?;
        let has = |key: &str| {
            let tagged = || {
                self.context
                    .keys()
                    .any(|key| key.starts_with("aws:requesttag/"))
            };
            self.context.contains_key(key) || key == "aws:tagkeys" && tagged()
        };
        let mut own: Option<View> = None;
        for action in actions(&self.action, has) {
            let mut view = self.explain_one(realm, &caller, &known, action).await?;
            let is_allowed = view.decision == Expect::Allowed.as_str();
            match &mut own {
                None if is_allowed => own = Some(view),
                None => return Ok(view),
                Some(own) if is_allowed => {
                    own.notes.push(format!(
                        "such a request asks for {action} too, which is allowed"
                    ));
                }
                Some(own) => {
                    view.notes.push(format!(
                        "{} itself is allowed: such a request asks for {action} too",
                        self.action
                    ));
                    let more = own.notes.drain(..).filter(|note| note.starts_with("such"));
                    view.notes.extend(more);
                    return Ok(view);
                }
            }
        }
        own.ok_or_else(|| Failure::Work("there is no action to explain".to_owned()))
    }

    async fn explain_one(
        &self,
        realm: &Realm,
        caller: &Caller,
        known: &SupposedResource,
        action: &str,
    ) -> Result<View, Failure> {
        let mut need = known.need(action);
        match (self.resource_account, need.resource_account) {
            (Some(given), Some(owner)) if given != owner => {
                return Err(Failure::Work(format!(
                    "`{}` belongs to account {owner}, not {given}",
                    self.resource
                )));
            }
            (Some(given), _) => need.resource_account = Some(given),
            (None, _) => {}
        }
        // What is given comes first, and the first value of a key counts.
        let given = self.context.iter();
        let given = given.map(|(key, value)| (Cow::Owned(key.clone()), value.clone()));
        need.keys.splice(0..0, given);
        let facts = RequestFacts {
            now: realm.environment().clock.now(),
            source_ip: None,
            secure_transport: true,
            user_agent: None,
            referer: None,
            region: REGION.to_owned(),
            request_id: String::new(),
            notes: Arc::default(),
        };
        let mut explanation = caller.explain(&facts, &need);
        let (message, note) = beyond(&mut explanation, caller, &need, known);
        realm
            .name_principals(&mut explanation)
            .await
            .map_err(|error| unknown(error.into()))?;
        let mut view = View::new(&explanation);
        view.message = message;
        view.notes.extend(note);
        view.notes.extend(self.notes(caller, known));
        Ok(view)
    }

    /// What was assumed where nothing was known.
    fn notes(&self, caller: &Caller, known: &SupposedResource) -> Vec<String> {
        let mut notes = Vec::new();
        if self.supposed.principal.contains(":role/") {
            notes.push(format!(
                "a role acts by its sessions: this one is called `{SUPPOSED_SESSION}`"
            ));
        }
        let session = matches!(
            caller.who,
            Who::AssumedRole { .. } | Who::FederatedUser { .. }
        );
        let limited =
            self.supposed.session_policy.is_some() || !self.supposed.session_policy_arns.is_empty();
        if session && !limited {
            notes.push(
                "the session is taken to have no session policy: its token, which is not here, would tell"
                    .to_owned(),
            );
        }
        let bucket = self.resource.starts_with("arn:aws:s3:::");
        if bucket && self.resource != "arn:aws:s3:::*" && matches!(known.held, Held::Nothing) {
            let owner = match self.resource_account {
                Some(account) => account.to_string(),
                None => "the principal's own account".to_owned(),
            };
            notes.push(format!(
                "the bucket does not exist here: it is taken to belong to {owner} and to have no policy"
            ));
        }
        notes
    }
}

/// What the client is told, and a note where it is not the policies that decide: no layer of them is
/// left in the explanation then.
fn beyond(
    explanation: &mut Explanation,
    caller: &Caller,
    need: &Need<'_>,
    known: &SupposedResource,
) -> (Option<String>, Option<String>) {
    let action = &need.action;
    match (beyond_policies(caller, need, known), explanation.decision) {
        (None, Decision::Allowed) => (None, None),
        (None, Decision::Denied(denial)) => (Some(sentence(told(caller, need, denial))), None),
        (Some(Beyond::Exempt), _) => {
            explanation.decision = Decision::Allowed;
            explanation.layers.clear();
            let note = format!(
                "{action} needs no permission of this principal, and no policy can deny it"
            );
            (None, Some(note))
        }
        (Some(Beyond::Refused(error)), _) => {
            explanation.decision = Decision::Denied(Denial {
                explicit: false,
                layer: Layer::Identity,
            });
            explanation.layers.clear();
            let note = format!("{action} is refused to this principal whatever policies say");
            (Some(error.to_string()), Some(note))
        }
    }
}

/// A refusal as the service words it.
pub(super) fn sentence(denied: Denied) -> String {
    if denied.resource.starts_with("arn:aws:s3:") {
        locum_s3::access_denied(&denied)
    } else {
        Error::AccessDenied(denied).to_string()
    }
}

fn unknown(unknown: Unknown) -> Failure {
    let usage = unknown.is_usage();
    let message = match unknown {
        Unknown::NoIssuer => format!("{unknown} with --issuer"),
        unknown => unknown.to_string(),
    };
    if usage {
        Failure::Usage(message)
    } else {
        Failure::Work(message)
    }
}
