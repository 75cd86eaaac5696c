//! Who calls, with what request, and what the call needs: the three inputs of a decision.

use crate::account::{Account, BucketState, RoleState, UserState};
use crate::entity::KeyOwner;
use crate::environment::{Seconds, timestamp};
use crate::error::{Denied, Error};
use crate::names::{AccountId, FederatedUserName, RoleSessionName, Tag};
use crate::session::{Session, SessionPrincipal};
use locum_policy::{
    Compiled, Context, Decision, Explanation, Kind, Policies, Policy, Principal, Request,
    ResourcePolicy, Value,
};
use std::borrow::Cow;
use std::net::IpAddr;
use std::sync::Arc;

/// An authenticated (or anonymous) caller, with the state of its account at that moment.
#[derive(Clone, Debug)]
pub struct Caller {
    /// Whom the credentials act as.
    pub who: Who,
    /// The credentials.
    pub credentials: Credentials,
    /// The account of the caller; `None` for the anonymous one.
    account: Option<Arc<Account>>,
    arn: String,
}

/// Whom credentials act as.
#[derive(Clone, Debug)]
pub enum Who {
    /// An unsigned request.
    Anonymous,
    /// The root user.
    Root,
    /// An IAM user, with a long-term key or by GetSessionToken.
    User(Arc<UserState>),
    /// A role session.
    AssumedRole {
        /// The role as it is now.
        role: Arc<RoleState>,
        /// `RoleSessionName`
        session_name: RoleSessionName,
    },
    /// A session of GetFederationToken.
    FederatedUser {
        /// Who asked for it; `None` for the root user.
        issuer: Option<Arc<UserState>>,
        /// `Name`
        name: FederatedUserName,
    },
}

/// What the request was signed with.
#[derive(Clone, Debug)]
pub enum Credentials {
    /// Nothing.
    None,
    /// A long-term access key.
    LongTerm {
        /// `AKIA…`
        access_key_id: String,
    },
    /// Temporary credentials.
    Temporary {
        /// `ASIA…`
        access_key_id: String,
        /// What the token says.
        session: Arc<Session>,
        /// The session policies, compiled. `None` where the session has none and needs none;
        /// empty where nothing is granted.
        policies: Option<Arc<[Arc<Compiled>]>>,
    },
}

impl Who {
    /// Whom a session acts as now. The token of a deleted principal dies with it, and one created
    /// again under the old name has another id.
    ///
    /// # Errors
    /// [`Error::InvalidClientTokenId`]
    pub(crate) fn of_session(account: &Account, session: &Session) -> Result<Self, Error> {
        let user = |id| {
            account
                .users
                .with_id(id)
                .cloned()
                .ok_or(Error::InvalidClientTokenId)
        };
        Ok(match &session.principal {
            SessionPrincipal::Root => Self::Root,
            SessionPrincipal::User(id) => Self::User(user(id)?),
            SessionPrincipal::AssumedRole { role, session_name } => Self::AssumedRole {
                role: account
                    .roles
                    .with_id(role)
                    .cloned()
                    .ok_or(Error::InvalidClientTokenId)?,
                session_name: session_name.clone(),
            },
            SessionPrincipal::FederatedUser { issuer, name } => Self::FederatedUser {
                issuer: issuer.as_ref().map(user).transpose()?,
                name: name.clone(),
            },
        })
    }
}

/// The session policies of a session, compiled. A managed policy that is gone leaves a doubt about
/// what was denied, and a doubt is a denial: nothing is granted then.
pub(crate) fn session_policies(
    account: &Account,
    session: &Session,
) -> Option<Arc<[Arc<Compiled>]>> {
    if !session.has_policies() {
        let mandatory = matches!(session.principal, SessionPrincipal::FederatedUser { .. });
        return mandatory.then(Arc::default);
    }
    let compile = |text: &str| {
        Some(Arc::new(
            Policy::stored(text, Kind::Session).ok()?.compile(),
        ))
    };
    let inline = session.policy.as_deref().map(compile);
    let managed = session
        .policy_arns
        .iter()
        .map(|arn| account.managed_policy(arn));
    let compiled: Option<Arc<[_]>> = inline.into_iter().chain(managed).collect();
    Some(compiled.unwrap_or_default())
}

impl Caller {
    /// The same caller in its account as that is now.
    ///
    /// # Errors
    /// [`Error::InvalidClientTokenId`], if the account does not have the principal any more.
    pub(crate) fn refreshed(&self, account: &Arc<Account>) -> Result<Self, Error> {
        let who = match &self.who {
            Who::Anonymous => Who::Anonymous,
            Who::Root => Who::Root,
            Who::User(state) => Who::User(
                account
                    .users
                    .with_id(&state.user.id)
                    .cloned()
                    .ok_or(Error::InvalidClientTokenId)?,
            ),
            Who::AssumedRole { .. } | Who::FederatedUser { .. } => {
                Who::of_session(account, self.session().ok_or(Error::InvalidClientTokenId)?)?
            }
        };
        let credentials = match &self.credentials {
            Credentials::Temporary {
                access_key_id,
                session,
                ..
            } => Credentials::Temporary {
                access_key_id: access_key_id.clone(),
                session: session.clone(),
                policies: session_policies(account, session),
            },
            other => other.clone(),
        };
        Ok(Self::new(account.clone(), who, credentials))
    }

    /// The caller of an unsigned request.
    pub fn anonymous() -> Self {
        Self {
            who: Who::Anonymous,
            credentials: Credentials::None,
            account: None,
            arn: String::new(),
        }
    }

    /// A caller of `account`.
    pub(crate) fn new(account: Arc<Account>, who: Who, credentials: Credentials) -> Self {
        let arn = match &who {
            Who::Anonymous => String::new(),
            Who::Root => account.iam_arn("root"),
            Who::User(state) => state.arn.clone(),
            Who::AssumedRole { role, session_name } => {
                format!(
                    "arn:aws:sts::{}:assumed-role/{}/{session_name}",
                    account.id, role.role.name
                )
            }
            Who::FederatedUser { name, .. } => {
                format!("arn:aws:sts::{}:federated-user/{name}", account.id)
            }
        };
        Self {
            who,
            credentials,
            account: Some(account),
            arn,
        }
    }

    /// The ARN as GetCallerIdentity gives it; `None` for the anonymous caller.
    pub fn arn(&self) -> Option<&str> {
        (!self.arn.is_empty()).then_some(self.arn.as_str())
    }

    /// The caller's account as it was when the request came.
    ///
    /// # Errors
    /// [`Error::Signature`] with a missing token, for the anonymous caller.
    pub fn account(&self) -> Result<&Arc<Account>, Error> {
        self.account.as_ref().ok_or(Error::Signature(
            locum_sigv4::Error::MissingAuthenticationToken,
        ))
    }

    /// The caller's account id.
    pub fn account_id(&self) -> Option<AccountId> {
        self.account.as_ref().map(|account| account.id)
    }

    /// `aws:userid`: `AIDA…`, `AROA…:session`, `ACCOUNT`, `ACCOUNT:name`.
    pub fn user_id(&self) -> String {
        let account = self
            .account_id()
            .map(|id| id.to_string())
            .unwrap_or_default();
        match &self.who {
            Who::Anonymous => "anonymous".to_owned(),
            Who::Root => account,
            Who::User(state) => state.user.id.to_string(),
            Who::AssumedRole { role, session_name } => format!("{}:{session_name}", role.role.id),
            Who::FederatedUser { name, .. } => format!("{account}:{name}"),
        }
    }

    /// The session, if the credentials are temporary.
    pub fn session(&self) -> Option<&Session> {
        match &self.credentials {
            Credentials::Temporary { session, .. } => Some(session),
            Credentials::None | Credentials::LongTerm { .. } => None,
        }
    }

    /// The access key id that signed the request.
    pub fn access_key_id(&self) -> Option<&str> {
        match &self.credentials {
            Credentials::None => None,
            Credentials::LongTerm { access_key_id }
            | Credentials::Temporary { access_key_id, .. } => Some(access_key_id),
        }
    }

    /// Whose access keys are meant when a request names no user.
    pub fn key_owner(&self) -> Option<KeyOwner> {
        match &self.who {
            Who::Root => Some(KeyOwner::Root),
            Who::User(state) => Some(KeyOwner::User(state.user.id.clone())),
            Who::Anonymous | Who::AssumedRole { .. } | Who::FederatedUser { .. } => None,
        }
    }

    /// The caller as the policy engine sees it.
    pub fn principal(&self) -> Principal<'_> {
        let Some(account) = &self.account else {
            return Principal::Anonymous;
        };
        let account = account.id.as_str();
        match &self.who {
            Who::Anonymous => Principal::Anonymous,
            Who::Root => Principal::Root { account },
            Who::User(state) => Principal::User {
                account,
                arn: &state.arn,
                unique_id: state.user.id.as_str(),
            },
            Who::AssumedRole { role, session_name } => Principal::AssumedRole {
                account,
                role_arn: &role.arn,
                unique_id: role.role.id.as_str(),
                session_arn: &self.arn,
                session_name: session_name.as_str(),
            },
            Who::FederatedUser { issuer, .. } => Principal::FederatedUser {
                account,
                arn: &self.arn,
                user: issuer
                    .as_ref()
                    .map(|state| (state.arn.as_str(), state.user.id.as_str())),
            },
        }
    }

    /// The caller's own policies.
    fn policies(&self) -> Policies<'_> {
        let own = match &self.who {
            Who::Anonymous | Who::Root => None,
            Who::User(state) => Some(&state.policies),
            Who::AssumedRole { role, .. } => Some(&role.policies),
            Who::FederatedUser { issuer, .. } => issuer.as_ref().map(|state| &state.policies),
        };
        let session = match &self.credentials {
            Credentials::Temporary { policies, .. } => policies.as_deref(),
            Credentials::None | Credentials::LongTerm { .. } => None,
        };
        Policies {
            identity: own.map(|own| &*own.identity).unwrap_or_default(),
            boundary: own.and_then(|own| own.boundary.as_deref()),
            session,
            ..Policies::default()
        }
    }

    /// Decides one need.
    pub fn decide(&self, facts: &RequestFacts, need: &Need<'_>) -> Decision {
        self.with_request(facts, need, locum_policy::decide)
    }

    /// Decides one need and tells why, by the same evaluator.
    pub fn explain(&self, facts: &RequestFacts, need: &Need<'_>) -> Explanation {
        self.with_request(facts, need, locum_policy::explain)
    }

    /// `Ok` if the need is allowed.
    ///
    /// # Errors
    /// [`Error::AccessDenied`] with the whole sentence.
    pub fn allow(&self, facts: &RequestFacts, need: &Need<'_>) -> Result<(), Error> {
        match self.decide(facts, need) {
            Decision::Allowed => Ok(()),
            Decision::Denied(denial) => Err(Error::AccessDenied(self.denied(need, Some(denial)))),
        }
    }

    /// The refusal of a need.
    pub fn denied(&self, need: &Need<'_>, denial: Option<locum_policy::Denial>) -> Denied {
        Denied {
            principal: self.arn().map(str::to_owned),
            action: need.action.to_string(),
            resource: need.resource.to_string(),
            denial,
        }
    }

    fn with_request<T>(
        &self,
        facts: &RequestFacts,
        need: &Need<'_>,
        decide: impl FnOnce(&Request<'_>, &Policies<'_>) -> T,
    ) -> T {
        let policies = Policies {
            resource: need.resource_policy,
            ..self.policies()
        };
        let context = Keys {
            caller: self,
            facts,
            need,
        };
        let account = need.resource_account.or_else(|| self.account_id());
        let request = Request {
            principal: self.principal(),
            action: &need.action,
            resource: &need.resource,
            resource_account: account.as_ref().map(AccountId::as_str).unwrap_or_default(),
            context: &context,
        };
        decide(&request, &policies)
    }
}

/// What is known of a request whatever it asks for.
#[derive(Clone, Debug)]
pub struct RequestFacts {
    /// When it came.
    pub now: Seconds,
    /// The client's address, as far as it is known to be true.
    pub source_ip: Option<IpAddr>,
    /// Whether it came over TLS.
    pub secure_transport: bool,
    /// `User-Agent`
    pub user_agent: Option<String>,
    /// `Referer`
    pub referer: Option<String>,
    /// The region of the credential scope.
    pub region: String,
    /// The id that answers and audit records carry.
    pub request_id: String,
}

/// One permission that an operation needs.
pub struct Need<'a> {
    /// `service:Action`
    pub action: Cow<'a, str>,
    /// An ARN, or `*` for actions without a resource.
    pub resource: Cow<'a, str>,
    /// Whose resource it is; `None` for the caller's own account.
    pub resource_account: Option<AccountId>,
    /// The policy on the resource.
    pub resource_policy: Option<ResourcePolicy<'a>>,
    /// Tags that the resource has: `aws:ResourceTag/…`.
    pub resource_tags: &'a [Tag],
    /// The prefixes under which the resource's tags are seen besides `aws:ResourceTag/`.
    pub resource_tag_prefix: Option<&'static str>,
    /// Tags in the request: `aws:RequestTag/…` and `aws:TagKeys`.
    pub request_tags: &'a [Tag],
    /// The keys of tags in the request that come without values (UntagUser): `aws:TagKeys`.
    pub request_tag_keys: &'a [crate::names::TagKey],
    /// Keys of the action's own, in lower case.
    pub keys: Vec<(Cow<'static, str>, Value<'a>)>,
}

impl<'a> Need<'a> {
    /// The need of an action on a resource.
    pub fn new(action: impl Into<Cow<'a, str>>, resource: impl Into<Cow<'a, str>>) -> Self {
        Self {
            action: action.into(),
            resource: resource.into(),
            resource_account: None,
            resource_policy: None,
            resource_tags: &[],
            resource_tag_prefix: None,
            request_tags: &[],
            request_tag_keys: &[],
            keys: Vec::new(),
        }
    }

    /// Adds a condition key with one value. `name` is in lower case.
    #[must_use]
    pub fn key(
        mut self,
        name: impl Into<Cow<'static, str>>,
        value: impl Into<Cow<'a, str>>,
    ) -> Self {
        self.keys.push((name.into(), Value::One(value.into())));
        self
    }

    /// Adds a condition key if there is a value.
    #[must_use]
    pub fn key_if(self, name: &'static str, value: Option<impl Into<Cow<'a, str>>>) -> Self {
        match value {
            Some(value) => self.key(name, value),
            None => self,
        }
    }

    /// The tags that the request brings.
    #[must_use]
    pub fn request_tags(mut self, tags: &'a [Tag]) -> Self {
        self.request_tags = tags;
        self
    }

    /// The tags of the resource, seen as `aws:ResourceTag/` and, with a prefix, there too.
    #[must_use]
    pub fn resource_tags(mut self, tags: &'a [Tag], prefix: Option<&'static str>) -> Self {
        self.resource_tags = tags;
        self.resource_tag_prefix = prefix;
        self
    }

    /// The resource belongs to `bucket`'s owner, whose bucket policy applies.
    #[must_use]
    pub fn in_bucket(mut self, bucket: &'a BucketState) -> Self {
        self.resource_account = Some(bucket.owner);
        self.resource_policy = bucket.policy.as_deref().map(ResourcePolicy::Attached);
        self
    }
}

/// The condition keys of a request, looked up lazily: a key nobody names costs nothing.
///
/// Presence follows the AWS page "AWS global condition context keys": a key is there exactly when
/// AWS has it.
struct Keys<'a> {
    caller: &'a Caller,
    facts: &'a RequestFacts,
    need: &'a Need<'a>,
}

impl Context for Keys<'_> {
    fn value(&self, key: &str) -> Option<Value<'_>> {
        if let Some((_, value)) = self.need.keys.iter().find(|(name, _)| name == key) {
            return Some(value.clone());
        }
        if let Some(name) = key.strip_prefix("aws:") {
            return self.global(name);
        }
        let prefix = self.need.resource_tag_prefix?;
        tag(self.need.resource_tags, key.strip_prefix(prefix)?)
    }
}

impl Keys<'_> {
    fn global(&self, name: &str) -> Option<Value<'_>> {
        let one = |text: &str| Some(Value::One(Cow::Owned(text.to_owned())));
        let caller = self.caller;
        let session = caller.session();
        match name {
            // Principal
            "principalarn" => match &caller.who {
                Who::Anonymous => None,
                Who::AssumedRole { role, .. } => one(&role.arn),
                Who::Root | Who::User(_) | Who::FederatedUser { .. } => caller.arn().and_then(one),
            },
            "principalaccount" => match caller.account_id() {
                Some(id) => one(id.as_str()),
                None => one("anonymous"),
            },
            "principaltype" => one(match &caller.who {
                Who::Anonymous => "Anonymous",
                Who::Root => "Account",
                Who::User(_) => "User",
                Who::AssumedRole { .. } => "AssumedRole",
                Who::FederatedUser { .. } => "FederatedUser",
            }),
            "userid" => Some(Value::One(Cow::Owned(caller.user_id()))),
            "username" => match &caller.who {
                Who::User(state) => one(state.user.name.as_str()),
                Who::Anonymous
                | Who::Root
                | Who::AssumedRole { .. }
                | Who::FederatedUser { .. } => None,
            },
            "principalisawsservice" | "viaawsservice" => one("false"),
            // Session
            "tokenissuetime" => {
                session.map(|session| Value::One(Cow::Owned(timestamp(session.issued))))
            }
            // Present with temporary credentials except federated users; no session has MFA yet.
            "multifactorauthpresent" => match (&caller.who, session) {
                (Who::FederatedUser { .. }, _) | (_, None) => None,
                (_, Some(_)) => one("false"),
            },
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
                    .map(|key| Cow::Owned(key.as_str().to_owned()))
                    .collect();
                (!keys.is_empty()).then_some(Value::Many(keys))
            }
            // Resource
            "resourceaccount" => {
                let account = self.need.resource_account.or_else(|| caller.account_id());
                account.and_then(|id| one(id.as_str()))
            }
            _ => self.tagged(name),
        }
    }

    fn tagged(&self, name: &str) -> Option<Value<'_>> {
        if let Some(key) = name.strip_prefix("principaltag/") {
            return match &self.caller.who {
                Who::User(state) => tag(&state.user.tags, key),
                Who::AssumedRole { role, .. } => tag(&role.role.tags, key),
                Who::FederatedUser { issuer, .. } => tag(&issuer.as_ref()?.user.tags, key),
                Who::Anonymous | Who::Root => None,
            };
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

/// The value of the tag `key` (lower-case), whatever the letter case of its spelling.
fn tag<'a>(tags: &'a [Tag], key: &str) -> Option<Value<'a>> {
    tags.iter()
        .find(|tag| same_key(tag.key.as_str(), key))
        .map(tag_value)
}

fn same_key(spelling: &str, lower: &str) -> bool {
    spelling.eq_ignore_ascii_case(lower) || spelling.to_lowercase() == lower
}

fn tag_value(tag: &Tag) -> Value<'_> {
    Value::One(Cow::Borrowed(tag.value.as_str()))
}
