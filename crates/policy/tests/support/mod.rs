//! What the test binaries share: a request with everything that has a say in it, owned.

#![allow(
    dead_code,
    reason = "each test binary uses its own part of this module"
)]

pub(crate) mod generate;
pub(crate) mod reference;
mod vocabulary;

use std::collections::BTreeMap;
use std::sync::Arc;

use locum_policy::case::{Case, Expect};
use locum_policy::{
    Compiled, Decision, Explanation, Kind, Level, Policies, Policy, Quote, Request, ResourcePolicy,
    Value, decide, explain, explain_briefly,
};
use serde_json::{Value as Json, json};

pub(crate) use locum_policy::case::Caller;

/// Condition keys in lower case.
pub(crate) type Facts = BTreeMap<String, Value<'static>>;

/// One case: a request and its policies, as documents.
#[derive(Clone, Debug)]
pub(crate) struct World {
    pub(crate) caller: Caller,
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) resource_account: String,
    pub(crate) facts: Facts,
    pub(crate) identity: Vec<Json>,
    pub(crate) boundary: Option<Json>,
    pub(crate) session: Option<Vec<Json>>,
    /// Whether they must allow however the resource's policy names the session.
    pub(crate) session_binds: bool,
    pub(crate) attached: Option<Json>,
    pub(crate) trust: Option<Json>,
    /// Level by level.
    pub(crate) service_control: Vec<Vec<Json>>,
    pub(crate) resource_control: Vec<Vec<Json>>,
}

impl World {
    /// The case as documents.
    pub(crate) fn of(case: &Case) -> World {
        let one = |policy: &Policy| serde_json::from_str::<Json>(policy.text()).unwrap();
        let all = |policies: &Vec<Policy>| policies.iter().map(one).collect();
        let owner = case.resource_policy.as_ref().map(one);
        // A role has a trust policy, though it may let nobody in.
        let (attached, trust) = if case.assumes_role() {
            (None, owner.or_else(|| Some(json!({"Statement": []}))))
        } else {
            (owner, None)
        };
        World {
            caller: case.caller.clone(),
            action: case.action.clone(),
            resource: case.resource.clone(),
            resource_account: case.resource_account.clone(),
            facts: case.context.clone(),
            identity: all(&case.identity),
            boundary: case.boundary.as_ref().map(one),
            session: case.session.as_ref().map(all),
            session_binds: false,
            attached,
            trust,
            service_control: case.service_control.iter().map(all).collect(),
            resource_control: case.resource_control.iter().map(all).collect(),
        }
    }

    /// The world as a case file, for the corpus.
    pub(crate) fn to_file(&self, expect: Decision) -> String {
        let (principal, id, issuer) = match &self.caller {
            Caller::Anonymous => ("anonymous".to_owned(), None, None),
            Caller::Root { account } => (format!("arn:aws:iam::{account}:root"), None, None),
            Caller::User { arn, id, .. } => (arn.clone(), Some(id), None),
            Caller::FederatedUser { account, arn, user } => {
                let root = format!("arn:aws:iam::{account}:root");
                let (issuer, id) = match user {
                    Some((arn, id)) => (arn.clone(), Some(id)),
                    None => (root, None),
                };
                (arn.clone(), id, Some(issuer))
            }
            Caller::AssumedRole {
                role, id, session, ..
            } => (session.clone(), Some(id), Some(role.clone())),
            Caller::Service { name } => (name.clone(), None, None),
            Caller::Federated { provider, .. } => (provider.clone(), None, None),
        };
        let context: serde_json::Map<String, Json> = self
            .facts
            .iter()
            .map(|(key, value)| {
                let value = match value {
                    Value::One(text) => json!(text),
                    Value::Many(texts) => json!(texts),
                };
                (key.clone(), value)
            })
            .collect();
        let because = match expect {
            Decision::Allowed => None,
            Decision::Denied(denial) => Some(denial.reason(&self.action)),
        };
        let case = json!({
            "name": "found by chance",
            "rule": "",
            "principal": principal,
            "principal_id": id,
            "principal_issuer": issuer,
            "action": self.action,
            "resource": self.resource,
            "resource_account": self.resource_account,
            "context": context,
            "identity_policies": self.identity,
            "resource_policy": self.attached.as_ref().or(self.trust.as_ref()),
            "permissions_boundary": self.boundary,
            "session_policies": self.session,
            "service_control_policies": self.service_control,
            "resource_control_policies": self.resource_control,
            "expect": Expect::of(expect).as_str(),
            "because": because,
        });
        serde_json::to_string_pretty(&json!([case])).unwrap()
    }

    /// What the engine decides.
    pub(crate) fn decide(&self) -> Decision {
        self.ask(decide)
    }

    /// What the engine says why.
    pub(crate) fn explain(&self) -> Explanation {
        self.ask(explain)
    }

    /// What the engine says why in short, and the statements that decided.
    pub(crate) fn explain_briefly(&self, most: usize) -> (Explanation, Vec<Quote>) {
        self.ask(|request, policies| {
            let explanation = explain_briefly(request, policies, most);
            let quotes = explanation.matched();
            let quotes = quotes.filter_map(|(layer, report)| policies.quote(layer, report));
            let quotes = quotes.collect();
            (explanation, quotes)
        })
    }

    fn ask<T>(&self, answer: impl FnOnce(&Request<'_>, &Policies<'_>) -> T) -> T {
        let identity: Vec<_> = self
            .identity
            .iter()
            .map(|d| compile(d, kind_of_caller(d)))
            .collect();
        let boundary = self
            .boundary
            .as_ref()
            .map(|d| compile(d, kind_of_caller(d)));
        let session: Option<Vec<_>> = self
            .session
            .as_ref()
            .map(|list| list.iter().map(|d| compile(d, Kind::Session)).collect());
        let attached = self.attached.as_ref().map(|d| compile(d, Kind::Resource));
        let trust = self.trust.as_ref().map(|d| compile(d, Kind::Trust));
        let levels = |levels: &[Vec<Json>], kind| -> Vec<Level> {
            let level = |level: &Vec<Json>| level.iter().map(|d| compile(d, kind)).collect();
            levels.iter().map(level).collect()
        };
        let service_control = levels(&self.service_control, Kind::ServiceControl);
        let resource_control = levels(&self.resource_control, Kind::ResourceControl);
        let policies = Policies {
            identity: &identity,
            boundary: boundary.as_deref(),
            session: session.as_deref(),
            session_binds: self.session_binds,
            resource: match (&attached, &trust) {
                (Some(policy), _) => Some(ResourcePolicy::Attached(policy)),
                (None, Some(policy)) => Some(ResourcePolicy::Trust(policy)),
                (None, None) => None,
            },
            service_control: &service_control,
            resource_control: &resource_control,
        };
        let request = Request {
            principal: self.caller.principal(),
            action: &self.action,
            resource: &self.resource,
            resource_account: &self.resource_account,
            context: &self.facts,
        };
        answer(&request, &policies)
    }
}

/// Identity policies of version 2008-10-17 cannot be written any more and still have effect.
fn kind_of_caller(document: &Json) -> Kind {
    if document["Version"] == "2012-10-17" {
        Kind::Identity
    } else {
        Kind::Session
    }
}

fn compile(document: &Json, kind: Kind) -> Arc<Compiled> {
    let text = document.to_string();
    let policy = Policy::stored(&text, kind).unwrap_or_else(|e| panic!("{e}: {text}"));
    Arc::new(policy.compile())
}
