//! Requests that nobody made: who would call, and on what, as the realm knows both. What comes out
//! is a [`Caller`] and a [`Need`] like those of a request, for the one evaluator.

use crate::account::{Account, BucketState, PolicyState, RoleState, UserState};
use crate::admission;
use crate::caller::{Caller, Credentials, Need, Who, session_policies};
use crate::error::{Denied, Error, Forbidden};
use crate::names::{AccountId, Constrained as _, FederatedUserName, RoleSessionName};
use crate::operation::Service;
use crate::realm::Realm;
use crate::root_access::{TaskPolicy, consent, is_open_to};
use crate::services::{ServiceCaller, ServiceName, Source};
use crate::session::{Ancestry, Packed, Session, SessionPrincipal};
use crate::sts::AssumeRole;
use crate::trust;
use locum_policy::{
    Arn, Compiled, ElementName, Explanation, Kind, Malformed, Mismatch, Policy, ResourcePolicy,
};
use std::fmt;
use std::sync::Arc;

/// The session name of a role that is supposed to call without one being given.
pub const SUPPOSED_SESSION: &str = "supposed";

/// Who is supposed to call.
#[derive(Clone, Debug, Default)]
pub struct Supposed {
    /// The ARN of a user, a role, a role session, a federated user or an account's root user, the name
    /// of a service, or `anonymous`.
    pub principal: String,
    /// For a federated user, the ARN of the user or root user that asked for its credentials, which
    /// its own ARN does not say.
    pub issuer: Option<String>,
    /// The inline session policy.
    pub session_policy: Option<String>,
    /// ARNs of managed session policies. A task policy alone makes the root user of a member a session
    /// of AssumeRoot.
    pub session_policy_arns: Vec<String>,
}

impl Supposed {
    /// The task of a root session, if that is what the session policies are.
    fn task(&self) -> Option<TaskPolicy> {
        match (&self.session_policy, self.session_policy_arns.as_slice()) {
            (None, [arn]) => TaskPolicy::of_arn(arn),
            _ => None,
        }
    }
}

/// Why a supposition makes no sense here.
#[derive(Debug)]
pub enum Unknown {
    /// The text names no kind of principal that calls.
    NotAPrincipal(String),
    /// A federated user without a word about who asked for its credentials.
    NoIssuer,
    /// An issuer that cannot have asked for a federated user's credentials.
    NotAnIssuer(String),
    /// Session policies for a principal whose credentials cannot have any.
    NoSession,
    /// The session policy is no policy.
    SessionPolicy(Malformed),
    /// There is no account of that id.
    Account(AccountId),
    /// The account has no such user, role or policy.
    Entity {
        /// The ARN that was asked for.
        arn: String,
        /// The ARN of what has the name, under another path or in other letters.
        instead: Option<String>,
    },
    /// The store could not tell.
    Realm(Error),
}

impl Unknown {
    /// Whether the supposition is wrong in itself, whatever the realm holds.
    pub fn is_usage(&self) -> bool {
        match self {
            Self::NotAPrincipal(_)
            | Self::NoIssuer
            | Self::NotAnIssuer(_)
            | Self::NoSession
            | Self::SessionPolicy(_) => true,
            Self::Account(_) | Self::Entity { .. } | Self::Realm(_) => false,
        }
    }
}

impl fmt::Display for Unknown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAPrincipal(text) => write!(
                f,
                "`{text}` is no principal: it must be `anonymous`, the name of a service, or the ARN of a user, a role, a role session, a federated user or a root user"
            ),
            Self::NoIssuer => f.write_str(
                "the ARN of a federated user does not say who asked for its credentials: name the issuer",
            ),
            Self::NotAnIssuer(text) => write!(
                f,
                "`{text}` is no issuer: it must be the ARN of a user or the root user of the federated user's account"
            ),
            Self::NoSession => {
                f.write_str("only role sessions and federated users have session policies, and root sessions of members one task policy")
            }
            Self::SessionPolicy(error) => write!(f, "the session policy: {error}"),
            Self::Account(id) => write!(f, "there is no account {id}"),
            Self::Entity { arn, instead } => {
                write!(f, "`{arn}` does not exist")?;
                match instead {
                    Some(instead) => write!(f, "; there is `{instead}`"),
                    None => Ok(()),
                }
            }
            Self::Realm(error) => match std::error::Error::source(error) {
                Some(source) => write!(f, "{source}"),
                None => write!(f, "{error}"),
            },
        }
    }
}

impl std::error::Error for Unknown {}

impl From<Error> for Unknown {
    fn from(error: Error) -> Self {
        Self::Realm(error)
    }
}

/// What the realm holds under the ARN of a resource.
#[derive(Clone, Debug)]
pub enum Held {
    /// Nothing that it knows: another service's, or nothing at all.
    Nothing,
    /// The bucket, or the bucket of the object.
    Bucket(Arc<BucketState>),
    /// An IAM role.
    Role(Arc<RoleState>),
    /// An IAM user.
    User(Arc<UserState>),
    /// A customer managed policy.
    Policy(Arc<PolicyState>),
    /// The root user of a member account: what consents to root sessions.
    MemberRoot(Arc<Compiled>),
}

/// A resource as the realm knows it.
#[derive(Clone, Debug)]
pub struct SupposedResource {
    arn: String,
    /// What is there.
    pub held: Held,
    /// The account that owns it, as far as the realm or the ARN tells.
    pub account: Option<AccountId>,
}

impl SupposedResource {
    /// Whether it is a role that only the service it is linked to assumes.
    fn is_service_linked(&self) -> bool {
        matches!(&self.held, Held::Role(state) if state.role.is_service_linked())
    }

    /// Whether it is a root user that the caller's account may ask for sessions of.
    fn is_root_open_to(&self, caller: &Caller) -> bool {
        let root = self.account.filter(|_| self.arn.ends_with(":root"));
        !matches!(caller.who, Who::Root) && root.is_some_and(|id| is_open_to(caller, id))
    }

    /// The need of an action on the resource, with the policy and the tags that the resource has.
    /// The role to be assumed answers with its trust policy.
    pub fn need<'a>(&'a self, action: &'a str) -> Need<'a> {
        let mut need = Need::new(action, self.arn.as_str());
        need.resource_account = self.account;
        match &self.held {
            Held::Nothing => need,
            // A bucket that is to be made has no policy yet.
            Held::Bucket(_) if action.eq_ignore_ascii_case("s3:CreateBucket") => need,
            Held::Bucket(bucket) => need
                .in_bucket(bucket)
                .key("s3:resourceaccount", bucket.owner.as_str()),
            Held::Role(state) => {
                if is_of(action, "sts") {
                    need.resource_policy = Some(ResourcePolicy::Trust(&state.trust));
                }
                need.resource_tags(&state.role.tags, Some("iam:resourcetag/"))
            }
            Held::User(state) => need.resource_tags(&state.user.tags, Some("iam:resourcetag/")),
            Held::MemberRoot(consent) => {
                if is_of(action, "sts") {
                    need.resource_policy = Some(ResourcePolicy::Attached(consent));
                }
                need
            }
            Held::Policy(state) => need.resource_tags(&state.policy.tags, None),
        }
    }
}

impl Realm {
    /// The caller that would come with credentials of a principal. A user and the root user are
    /// taken to come with a long-term key, a role with a session made this moment.
    ///
    /// # Errors
    /// [`Unknown`]
    pub async fn supposed_caller(&self, supposed: &Supposed) -> Result<Caller, Unknown> {
        let limited = supposed.session_policy.is_some() || !supposed.session_policy_arns.is_empty();
        if supposed.principal == "anonymous" {
            return if limited {
                Err(Unknown::NoSession)
            } else {
                Ok(self.anonymous())
            };
        }
        if let Ok(name) = ServiceName::parse(&supposed.principal) {
            let directory = self.directory();
            return if limited {
                Err(Unknown::NoSession)
            } else if directory.services().named(name.as_str()).is_none() {
                Err(Unknown::Entity {
                    arn: supposed.principal.clone(),
                    instead: None,
                })
            } else {
                let source = Source::default();
                let service = ServiceCaller { name, source };
                Ok(Caller::service(directory, service, Credentials::None))
            };
        }
        let no_principal = || Unknown::NotAPrincipal(supposed.principal.clone());
        let arn = Arn::parse(&supposed.principal)
            .filter(|arn| arn.partition() == "aws" && arn.region().is_empty())
            .ok_or_else(no_principal)?;
        let id = AccountId::parse(arn.account()).map_err(|_| no_principal())?;
        let (kind, name) = arn
            .resource()
            .split_once('/')
            .unwrap_or((arn.resource(), ""));
        let account = || async { self.account(id).await?.ok_or(Unknown::Account(id)) };
        let (account, principal) = match (arn.service(), kind) {
            ("iam", "root") if name.is_empty() => (account().await?, None),
            ("iam", "user") if !name.is_empty() => {
                let account = account().await?;
                let user = user(&account, &supposed.principal)?;
                if limited {
                    return Err(Unknown::NoSession);
                }
                return Ok(Caller::new(
                    account,
                    self.directory(),
                    Who::User(user),
                    Credentials::None,
                ));
            }
            ("iam", "role") if !name.is_empty() => {
                let account = account().await?;
                let role = role(&account, &supposed.principal)?;
                let session_name =
                    RoleSessionName::parse(SUPPOSED_SESSION).map_err(|_| no_principal())?;
                let principal = SessionPrincipal::AssumedRole {
                    role: role.role.id.clone(),
                    session_name,
                };
                (account, Some(principal))
            }
            ("sts", "assumed-role") => {
                let (role_name, session) = name.split_once('/').ok_or_else(no_principal)?;
                let session_name = RoleSessionName::parse(session).map_err(|_| no_principal())?;
                let account = account().await?;
                let named = account.roles.named(role_name);
                let role = named.filter(|state| state.role.name.as_str() == role_name);
                let role = role.ok_or_else(|| Unknown::Entity {
                    arn: supposed.principal.clone(),
                    instead: named.map(|state| state.arn.clone()),
                })?;
                let principal = SessionPrincipal::AssumedRole {
                    role: role.role.id.clone(),
                    session_name,
                };
                (account.clone(), Some(principal))
            }
            ("sts", "federated-user") => {
                let name = FederatedUserName::parse(name).map_err(|_| no_principal())?;
                let issuer = supposed.issuer.as_deref().ok_or(Unknown::NoIssuer)?;
                let account = account().await?;
                let issuer = if issuer == account.iam_arn("root") {
                    None
                } else if issuer.starts_with(&account.iam_arn("user/")) {
                    Some(user(&account, issuer)?.user.id.clone())
                } else {
                    return Err(Unknown::NotAnIssuer(issuer.to_owned()));
                };
                (
                    account,
                    Some(SessionPrincipal::FederatedUser { issuer, name }),
                )
            }
            _ => return Err(no_principal()),
        };
        match principal {
            None if limited => {
                let task = supposed.task().filter(|_| self.directory().is_member(id));
                let principal = SessionPrincipal::AssumedRoot(task.ok_or(Unknown::NoSession)?);
                let unlimited = Supposed::default();
                self.supposed_session(account, principal, &unlimited)
            }
            None => Ok(Caller::new(
                account,
                self.directory(),
                Who::Root,
                Credentials::None,
            )),
            Some(principal) => self.supposed_session(account, principal, supposed),
        }
    }

    fn supposed_session(
        &self,
        account: Arc<Account>,
        principal: SessionPrincipal,
        supposed: &Supposed,
    ) -> Result<Caller, Unknown> {
        if let Some(text) = &supposed.session_policy {
            Policy::parse(text, Kind::Session).map_err(Unknown::SessionPolicy)?;
        }
        for arn in &supposed.session_policy_arns {
            if account.managed_policy(arn).is_none() {
                return Err(Unknown::Entity {
                    arn: arn.clone(),
                    instead: None,
                });
            }
        }
        let packed = Packed::new(
            supposed.session_policy.clone(),
            supposed.session_policy_arns.clone(),
            Vec::new(),
        );
        let packed = packed
            .ok_or_else(|| Error::Internal("the session policies cannot be packed".into()))?;
        let now = self.environment().clock.now();
        let session = Session {
            principal,
            issued: now,
            expires: now.saturating_add(3600),
            packed: Arc::new(packed),
            source_identity: None,
            mfa: None,
            ancestry: Ancestry::default(),
            delegate: None,
        };
        let directory = self.directory();
        let who = Who::of_session(&account, &directory, &session)?;
        let credentials = Credentials::Temporary {
            access_key_id: String::new(),
            policies: session_policies(&account, &session),
            session: Arc::new(session),
        };
        Ok(Caller::new(account, directory, who, credentials))
    }

    /// What the realm knows of the resource of an action.
    ///
    /// # Errors
    /// [`Unknown::Account`] and [`Unknown::Entity`] for a role that is to be assumed and does not
    /// exist, [`Unknown::Realm`].
    pub async fn supposed_resource(
        &self,
        action: &str,
        resource: &str,
    ) -> Result<SupposedResource, Unknown> {
        let mut found = SupposedResource {
            arn: resource.to_owned(),
            held: Held::Nothing,
            account: None,
        };
        let Some(arn) = Arn::parse(resource) else {
            return Ok(found);
        };
        if arn.service() == "s3" {
            let name = arn.resource().split('/').next().unwrap_or_default();
            if let Some(bucket) = self.bucket(name).await? {
                found.account = Some(bucket.owner);
                found.held = Held::Bucket(bucket);
            }
            return Ok(found);
        }
        let Ok(id) = AccountId::parse(arn.account()) else {
            return Ok(found);
        };
        found.account = Some(id);
        if arn.service() != "iam" {
            return Ok(found);
        }
        let account = self.account(id).await?;
        let assumed = is_of(action, "sts") && arn.resource().starts_with("role/");
        let Some(account) = account else {
            return if assumed {
                Err(Unknown::Account(id))
            } else {
                Ok(found)
            };
        };
        found.held = match arn.resource().split_once('/') {
            None if arn.resource() == "root" => {
                consent(&self.directory(), id).map_or(Held::Nothing, Held::MemberRoot)
            }
            Some(("role", _)) => match role(&account, resource) {
                Ok(state) => Held::Role(state),
                // Without its trust policy nothing can be said about assuming a role.
                Err(unknown) if assumed => return Err(unknown),
                Err(_) => Held::Nothing,
            },
            Some(("user", _)) => user(&account, resource).map_or(Held::Nothing, Held::User),
            Some(("policy", _)) => account
                .policy_with_arn(resource)
                .map_or(Held::Nothing, |state| Held::Policy(state.clone())),
            _ => Held::Nothing,
        };
        Ok(found)
    }
}

impl Realm {
    /// The ARN of whom a unique id names in a stored policy (`AIDA…`, `AROA…`, `AROA…:session`), if
    /// it still exists.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn arn_of(&self, unique_id: &str) -> Result<Option<String>, Error> {
        trust::shown_form(self, unique_id).await
    }

    /// Gives the principals that policies of resources name their ARNs: stored policies name users and
    /// roles by unique ids, which tell people nothing.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn name_principals(&self, explanation: &mut Explanation) -> Result<(), Error> {
        for name in principals(explanation) {
            if let Some(id) = name.strip_prefix("AWS: ")
                && let Some(arn) = self.arn_of(id).await?
            {
                *name = format!("AWS: {arn}");
            }
        }
        Ok(())
    }
}

/// The principals that policies of resources name, where they do not match.
fn principals(explanation: &mut Explanation) -> Vec<&mut String> {
    let layers = explanation.layers.iter_mut();
    let statements = layers.flat_map(|layer| &mut layer.statements);
    let wanted = statements.filter_map(|statement| match &mut statement.mismatch {
        Some(Mismatch::Element {
            element: ElementName::Principal | ElementName::NotPrincipal,
            wanted,
            ..
        }) => Some(wanted),
        Some(Mismatch::Element { .. } | Mismatch::Condition { .. }) | None => None,
    });
    wanted.flatten().collect()
}

/// What decides about a request besides policies.
#[derive(Debug)]
pub enum Beyond {
    /// Needs no permission, and none can be denied.
    Exempt,
    /// Refused with this error, whatever policies say.
    Refused(Error),
}

/// What decides about a need of a caller on a resource besides policies, if anything does.
pub fn beyond_policies(
    caller: &Caller,
    need: &Need<'_>,
    resource: &SupposedResource,
) -> Option<Beyond> {
    let is = |name: &str| need.action.eq_ignore_ascii_case(name);
    let refused = |error| Some(Beyond::Refused(error));
    let forbidden = |why| refused(Error::Forbidden(why));
    if let Some((prefix, operation)) = need.action.split_once(':') {
        let service = Service::ALL
            .into_iter()
            .find(|service| prefix.eq_ignore_ascii_case(service.name()));
        let barred = service.and_then(|service| {
            admission::refusal(caller, service, operation, || (*need.resource).into())
        });
        if let Some(error) = barred {
            return refused(error);
        }
    }
    if is("sts:GetCallerIdentity") {
        return Some(Beyond::Exempt);
    }
    match &caller.who {
        Who::Root if is("sts:AssumeRole") => forbidden(Forbidden::RootAssumesRole),
        _ if is("sts:GetSessionToken") => Some(Beyond::Exempt),
        _ if is("sts:AssumeRoot") && !resource.is_root_open_to(caller) => {
            refused(Error::AccessDenied(caller.denied(need, None)))
        }
        Who::Root | Who::FederatedUser { .. }
            if is("sts:GetWebIdentityToken") || is("sts:TagGetWebIdentityToken") =>
        {
            refused(Error::AccessDenied(caller.denied(need, None)))
        }
        // Its own service-linked roles too.
        Who::Federated(_) => None,
        Who::Service(_) if is_of(&need.action, "sts") => None,
        Who::Service(_) => refused(Error::AccessDenied(caller.denied(need, None))),
        _ if is("sts:AssumeRole") && resource.is_service_linked() => {
            refused(Error::AccessDenied(caller.denied(need, None)))
        }
        _ => None,
    }
}

/// The actions that a request for an action is decided by, that one first: what passes tags, a source
/// identity or contexts asks for permission to do so too. `has` tells whether the request has a
/// condition key, in lower case.
pub fn actions(action: &str, has: impl Fn(&str) -> bool) -> Vec<&str> {
    let also = match action.to_ascii_lowercase().as_str() {
        "sts:assumerole" => AssumeRole::companions(
            has("aws:tagkeys"),
            has("sts:sourceidentity"),
            has("sts:requestcontextproviders"),
        ),
        "sts:getfederationtoken" => AssumeRole::companions(has("aws:tagkeys"), false, false),
        "sts:getwebidentitytoken" => {
            let tags = has("aws:tagkeys").then_some("sts:TagGetWebIdentityToken");
            [tags, None, None]
        }
        _ => [None; 3],
    };
    std::iter::once(action)
        .chain(also.into_iter().flatten())
        .collect()
}

/// The refusal as the client gets it. For a role that is to be assumed it gives no reason, so as
/// not to tell whether the role exists.
pub fn told(caller: &Caller, need: &Need<'_>, denial: locum_policy::Denial) -> Denied {
    let silent = matches!(need.resource_policy, Some(ResourcePolicy::Trust(_)));
    caller.denied(need, (!silent).then_some(denial))
}

fn is_of(action: &str, service: &str) -> bool {
    action
        .split_once(':')
        .is_some_and(|(prefix, _)| prefix.eq_ignore_ascii_case(service))
}

fn last(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

fn user(account: &Account, arn: &str) -> Result<Arc<UserState>, Unknown> {
    exactly(arn, account.users.named(last(arn)), |state| &state.arn)
}

fn role(account: &Account, arn: &str) -> Result<Arc<RoleState>, Unknown> {
    exactly(arn, account.roles.named(last(arn)), |state| &state.arn)
}

/// What was found by its name, if it has exactly the ARN that was asked for.
fn exactly<T>(
    arn: &str,
    found: Option<&Arc<T>>,
    arn_of: impl Fn(&T) -> &String,
) -> Result<Arc<T>, Unknown> {
    match found {
        Some(state) if arn_of(state) == arn => Ok(state.clone()),
        other => Err(Unknown::Entity {
            arn: arn.to_owned(),
            instead: other.map(|state| arn_of(state).clone()),
        }),
    }
}
