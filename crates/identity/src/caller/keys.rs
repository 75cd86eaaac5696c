//! The condition keys of a request.

use super::{Caller, Need, RequestFacts, Who};
use crate::environment::timestamp;
use crate::names::Tag;
use crate::organizations::tree::Place;
use crate::services::ServiceCaller;
use crate::session::Session;
use locum_policy::{Context, Value};
use std::borrow::Cow;
use std::collections::HashSet;

/// The condition keys of a request, looked up lazily: a key nobody names costs nothing.
///
/// Presence follows the AWS page "AWS global condition context keys": a key is there exactly when
/// AWS has it.
pub(super) struct Keys<'a> {
    pub(super) caller: &'a Caller,
    pub(super) facts: &'a RequestFacts,
    pub(super) need: &'a Need<'a>,
    /// Where the resource's account stands in the organization.
    pub(super) owner: Option<&'a Place>,
}

impl Context for Keys<'_> {
    fn value(&self, key: &str) -> Option<Value<'_>> {
        if let Some((_, value)) = self.need.keys.iter().find(|(name, _)| name == key) {
            return Some(value.borrow());
        }
        if let Some(name) = key.strip_prefix("aws:") {
            return self.global(name);
        }
        if let Some(prefix) = self.need.resource_tag_prefix
            && let Some(name) = key.strip_prefix(prefix)
        {
            return tag(self.need.resource_tags, name);
        }
        self.federated(key)
    }
}

/// The global condition keys but for tags, as AWS spells them.
const GLOBAL: [&str; 25] = [
    "aws:PrincipalArn",
    "aws:PrincipalAccount",
    "aws:PrincipalType",
    "aws:userid",
    "aws:username",
    "aws:PrincipalOrgID",
    "aws:PrincipalOrgPaths",
    "aws:PrincipalIsAWSService",
    "aws:ViaAWSService",
    "aws:TokenIssueTime",
    "aws:MultiFactorAuthPresent",
    "aws:MultiFactorAuthAge",
    "aws:SourceIdentity",
    "aws:FederatedProvider",
    "aws:SourceIp",
    "aws:SecureTransport",
    "aws:CurrentTime",
    "aws:EpochTime",
    "aws:RequestedRegion",
    "aws:UserAgent",
    "aws:Referer",
    "aws:TagKeys",
    "aws:ResourceAccount",
    "aws:ResourceOrgID",
    "aws:ResourceOrgPaths",
];

impl Keys<'_> {
    /// The service that calls, if it is one.
    fn service(&self) -> Option<&ServiceCaller> {
        match &self.caller.who {
            Who::Service(service) => Some(service),
            _ => None,
        }
    }

    /// A key that the foreign identity of the session brought, such as `saml:sub`.
    fn federated(&self, key: &str) -> Option<Value<'_>> {
        let federation = self.caller.session()?.federation()?;
        let (_, values) = federation.keys.iter().find(|(name, _)| name == key)?;
        Some(match values.as_slice() {
            [value] => Value::One(Cow::Borrowed(value)),
            values => Value::Many(values.iter().map(|it| Cow::Borrowed(it.as_str())).collect()),
        })
    }

    /// Where the account for which a service calls stands in the organization.
    fn source(&self) -> Option<&Place> {
        let account = self.service()?.source.account?;
        self.caller.directory().place(account)
    }

    /// Every key that the request has: those of the action first, and tags last.
    pub(super) fn all(&self) -> Vec<(String, Value<'static>)> {
        let own = self.need.keys.iter().map(|(name, _)| name.to_string());
        let mut names: Vec<String> = own.collect();
        names.extend(GLOBAL.map(str::to_owned));
        let federation = self.caller.session().and_then(Session::federation);
        let federated = federation.into_iter().flat_map(|of| &of.keys);
        names.extend(federated.map(|(name, _)| name.clone()));
        let mut tags = |prefix: &str, tags: &[Tag]| {
            names.extend(tags.iter().map(|tag| format!("aws:{prefix}/{}", tag.key)));
        };
        tags("RequestTag", self.need.request_tags);
        if let Some(session) = self.caller.session() {
            let of_session = session.packed.tags().iter();
            tags(
                "PrincipalTag",
                &of_session.map(|tag| tag.tag.clone()).collect::<Vec<_>>(),
            );
        }
        tags("PrincipalTag", self.caller.own_tags());
        tags("ResourceTag", self.need.resource_tags);
        let mut seen = HashSet::new();
        names
            .into_iter()
            .filter_map(|name| {
                let lower = name.to_lowercase();
                let value = self.value(&lower)?;
                seen.insert(lower).then(|| (name, owned(&value)))
            })
            .collect()
    }

    fn global(&self, name: &str) -> Option<Value<'_>> {
        let caller = self.caller;
        let session = caller.session();
        match name {
            // Principal
            "principalarn" => match &caller.who {
                Who::Anonymous | Who::Service(_) | Who::Federated(_) => None,
                Who::AssumedRole { role, .. } => one(&role.arn),
                Who::Root | Who::User(_) | Who::FederatedUser { .. } => caller.arn().and_then(one),
            },
            "principalaccount" => match &caller.account {
                Some(account) => one(account.id.as_str()),
                None => match &caller.who {
                    // The provider's account.
                    Who::Federated(identity) => one(identity.account.as_str()),
                    Who::Anonymous => one("anonymous"),
                    _ => None,
                },
            },
            "principaltype" => match &caller.who {
                Who::Anonymous => one("Anonymous"),
                Who::Root => one("Account"),
                Who::User(_) | Who::Federated(_) => one("User"),
                Who::AssumedRole { .. } => one("AssumedRole"),
                Who::FederatedUser { .. } => one("FederatedUser"),
                Who::Service(_) => None,
            },
            "userid" if matches!(caller.who, Who::Service(_)) => None,
            "userid" => match &caller.who {
                Who::Federated(identity) => one(&identity.provider),
                _ => Some(Value::One(Cow::Owned(caller.user_id()))),
            },
            "username" => match &caller.who {
                Who::User(state) => one(state.user.name.as_str()),
                Who::Anonymous
                | Who::Root
                | Who::AssumedRole { .. }
                | Who::FederatedUser { .. }
                | Who::Service(_)
                | Who::Federated(_) => None,
            },
            "principalorgid" => organization_of(caller.place()),
            "principalorgpaths" => path_of(caller.place()),
            "principalisawsservice" if self.service().is_some() => one("true"),
            "principalisawsservice" => one("false"),
            // About services that call with the credentials of whom they serve.
            "viaawsservice" => match self.service() {
                Some(_) => None,
                None => one("false"),
            },
            "principalservicename" => one(self.service()?.name.as_str()),
            "principalservicenameslist" => Some(Value::Many(vec![Cow::Borrowed(
                self.service()?.name.as_str(),
            )])),
            // For whom a service calls.
            "sourcearn" => one(self.service()?.source.arn.as_deref()?),
            "sourceaccount" => one(self.service()?.source.account.as_ref()?.as_str()),
            "sourceorgid" => organization_of(self.source()),
            "sourceorgpaths" => path_of(self.source()),
            // Session
            "tokenissuetime" => {
                session.map(|session| Value::One(Cow::Owned(timestamp(session.issued))))
            }
            // Present with temporary credentials except federated users. Where an MFA device is
            // shown in the very request, the keys are the need's.
            "multifactorauthpresent" => match (&caller.who, session) {
                (Who::FederatedUser { .. }, _) | (_, None) => None,
                (_, Some(session)) => one(if session.mfa.is_some() {
                    "true"
                } else {
                    "false"
                }),
            },
            "multifactorauthage" => {
                let age = self.facts.now - session?.mfa?;
                Some(Value::One(Cow::Owned(age.to_string())))
            }
            "assumedroot" => caller.task().and_then(|_| one("true")),
            "sourceidentity" => session
                .and_then(|session| session.source_identity.as_ref())
                .map(|identity| Value::One(Cow::Borrowed(identity.as_str()))),
            "federatedprovider" => one(&session?.federation()?.provider),
            // Network and request
            "sourceip" => self
                .facts
                .source_ip
                .map(|ip| Value::One(Cow::Owned(ip.to_string()))),
            "securetransport" => one(if self.facts.secure_transport {
                "true"
            } else {
                "false"
            }),
            "currenttime" => Some(Value::One(Cow::Owned(timestamp(self.facts.now)))),
            "epochtime" => Some(Value::One(Cow::Owned(self.facts.now.to_string()))),
            "requestedregion" => one(&self.facts.region),
            "useragent" => self.facts.user_agent.as_deref().and_then(one),
            "referer" => self.facts.referer.as_deref().and_then(one),
            "tagkeys" => {
                let keys: Vec<_> = self
                    .need
                    .request_tags
                    .iter()
                    .map(|tag| &tag.key)
                    .chain(self.need.request_tag_keys)
                    .map(|key| Cow::Borrowed(key.as_str()))
                    .collect();
                (!keys.is_empty()).then_some(Value::Many(keys))
            }
            // Resource
            "resourceaccount" => {
                let own = caller.account.as_ref().map(|account| &account.id);
                let owner = self.need.resource_account.as_ref().or(own);
                owner.and_then(|id| one(id.as_str()))
            }
            "resourceorgid" => organization_of(self.owner),
            "resourceorgpaths" => path_of(self.owner),
            _ => self.tagged(name),
        }
    }

    fn tagged(&self, name: &str) -> Option<Value<'_>> {
        if let Some(key) = name.strip_prefix("principaltag/") {
            // Session tags, passed or inherited, stand before those of the role or user.
            let session = self.caller.session();
            let tags = session.map(|session| session.packed.tags());
            let of_session = tags.into_iter().flatten().find(|tag| tag.is(key));
            if let Some(found) = of_session {
                return Some(tag_value(&found.tag));
            }
            return tag(self.caller.own_tags(), key);
        }
        if let Some(key) = name.strip_prefix("resourcetag/") {
            return tag(self.need.resource_tags, key);
        }
        // The last of several equal keys is what conditions see.
        let key = name.strip_prefix("requesttag/")?;
        self.need
            .request_tags
            .iter()
            .rev()
            .find(|tag| same_key(tag.key.as_str(), key))
            .map(tag_value)
    }
}

/// The id that a path begins with.
fn organization_of(place: Option<&Place>) -> Option<Value<'_>> {
    let (id, _) = place?.path.split_once('/')?;
    Some(Value::One(Cow::Borrowed(id)))
}

/// The one path to an account: one, and yet the key is multi-valued.
fn path_of(place: Option<&Place>) -> Option<Value<'_>> {
    Some(Value::Many(vec![Cow::Borrowed(&place?.path)]))
}

/// The value of a single-valued key.
fn one(text: &str) -> Option<Value<'_>> {
    Some(Value::from(text))
}

/// The value of the tag `key` (lower-case), whatever the letter case of its spelling.
fn tag<'a>(tags: &'a [Tag], key: &str) -> Option<Value<'a>> {
    tags.iter()
        .find(|tag| same_key(tag.key.as_str(), key))
        .map(tag_value)
}

/// Whether a tag's key is `lower`, which is in lower case.
pub(crate) fn same_key(spelling: &str, lower: &str) -> bool {
    spelling.eq_ignore_ascii_case(lower) || spelling.to_lowercase() == lower
}

fn owned(value: &Value<'_>) -> Value<'static> {
    match value {
        Value::One(text) => Value::from(text.to_string()),
        Value::Many(texts) => Value::Many(
            texts
                .iter()
                .map(|text| Cow::Owned(text.to_string()))
                .collect(),
        ),
    }
}

fn tag_value(tag: &Tag) -> Value<'_> {
    Value::One(Cow::Borrowed(tag.value.as_str()))
}
