//! What the test binaries share: a request with everything that has a say in it, owned.

#![allow(
    dead_code,
    reason = "each test binary uses its own part of this module"
)]

pub(crate) mod reference;

use std::collections::BTreeMap;
use std::sync::Arc;

use locum_policy::{
    Compiled, Decision, Explanation, Kind, Policies, Policy, Principal, Request, ResourcePolicy,
    Value, decide, explain,
};
use serde_json::Value as Json;

/// Condition keys in lower case.
pub(crate) type Facts = BTreeMap<String, Value<'static>>;

/// A caller, owned.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Caller {
    Anonymous,
    Root {
        account: String,
    },
    User {
        account: String,
        arn: String,
        id: String,
    },
    FederatedUser {
        account: String,
        arn: String,
        user: Option<(String, String)>,
    },
    AssumedRole {
        account: String,
        role: String,
        id: String,
        session: String,
        name: String,
    },
    Service {
        name: String,
    },
    Federated {
        provider: String,
        account: String,
    },
}

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
    pub(crate) attached: Option<Json>,
    pub(crate) trust: Option<Json>,
}

impl Caller {
    pub(crate) fn principal(&self) -> Principal<'_> {
        match self {
            Caller::Anonymous => Principal::Anonymous,
            Caller::Root { account } => Principal::Root { account },
            Caller::User { account, arn, id } => Principal::User {
                account,
                arn,
                unique_id: id,
            },
            Caller::FederatedUser { account, arn, user } => Principal::FederatedUser {
                account,
                arn,
                user: user.as_ref().map(|(arn, id)| (arn.as_str(), id.as_str())),
            },
            Caller::AssumedRole {
                account,
                role,
                id,
                session,
                name,
            } => Principal::AssumedRole {
                account,
                role_arn: role,
                unique_id: id,
                session_arn: session,
                session_name: name,
            },
            Caller::Service { name } => Principal::Service { name },
            Caller::Federated { provider, account } => Principal::Federated { provider, account },
        }
    }
}

impl World {
    /// What the engine decides.
    pub(crate) fn decide(&self) -> Decision {
        self.ask(decide)
    }

    /// What the engine says why.
    pub(crate) fn explain(&self) -> Explanation {
        self.ask(explain)
    }

    fn ask<T>(&self, answer: impl FnOnce(&Request<'_>, &Policies<'_>) -> T) -> T {
        let identity: Vec<_> = self
            .identity
            .iter()
            .map(|d| compile(d, Kind::Session))
            .collect();
        let boundary = self.boundary.as_ref().map(|d| compile(d, Kind::Session));
        let session: Option<Vec<_>> = self
            .session
            .as_ref()
            .map(|list| list.iter().map(|d| compile(d, Kind::Session)).collect());
        let attached = self.attached.as_ref().map(|d| compile(d, Kind::Resource));
        let trust = self.trust.as_ref().map(|d| compile(d, Kind::Trust));
        let policies = Policies {
            identity: &identity,
            boundary: boundary.as_deref(),
            session: session.as_deref(),
            resource: match (&attached, &trust) {
                (Some(policy), _) => Some(ResourcePolicy::Attached(policy)),
                (None, Some(policy)) => Some(ResourcePolicy::Trust(policy)),
                (None, None) => None,
            },
            ..Policies::default()
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

/// Identity policies are read by the looser rules of session policies, so that documents stored
/// before today's rules (version 2008-10-17) can be tried too.
fn compile(document: &Json, kind: Kind) -> Arc<Compiled> {
    let text = document.to_string();
    let policy = Policy::parse(&text, kind).unwrap_or_else(|e| panic!("{e}: {text}"));
    Arc::new(policy.compile())
}
