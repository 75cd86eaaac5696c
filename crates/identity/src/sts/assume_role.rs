//! AssumeRole: temporary credentials of a role that trusts the caller.
//!
//! What is decided: `sts:AssumeRole` itself; `sts:TagSession`, where tags are passed or inherited;
//! `sts:SetSourceIdentity`, where a source identity is passed or inherited; `sts:SetContext`, where
//! contexts are provided. Each is an action of its own, decided by the trust policy and the caller's
//! policies with the same condition keys. What a refusal could tell of the role comes after that.

use super::tags::{role_tags, session_tags};
use super::{MfaParameters, NewSession, SessionPolicies};
use crate::account::{Account, RoleState};
use crate::caller::{Caller, Need, Who};
use crate::entity::Role;
use crate::environment::Seconds;
use crate::error::{DurationFault, Error, Forbidden, Invalid};
use crate::limits::Limit;
use crate::names::{
    AccountId, ArnText, Constraint, ContextAssertion, ExternalId, MinimumTokenSize,
    RoleSessionDuration, RoleSessionName, SourceIdentity, Tag, TagKey,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::realm::Realm;
use crate::session::{Session, SessionPrincipal, SessionTag, TemporaryCredentials};
use locum_policy::{Arn, ResourcePolicy, Value};
use std::borrow::Cow;
use std::sync::Arc;

const DEFAULT_ROLE_SESSION: Seconds = 3600;

/// AssumeRole: temporary credentials of a role that trusts the caller.
#[derive(Clone, Debug)]
pub struct AssumeRole {
    /// `RoleArn`
    pub role_arn: ArnText,
    /// `RoleSessionName`
    pub role_session_name: RoleSessionName,
    /// `DurationSeconds`; one hour if not given.
    pub duration: Option<RoleSessionDuration>,
    /// `ExternalId`: compared only by a trust policy's `sts:ExternalId`.
    pub external_id: Option<ExternalId>,
    /// `Policy` and `PolicyArns`
    pub session_policies: SessionPolicies,
    /// `Tags`: tags of the session, besides those that the calling session hands down.
    pub tags: Vec<Tag>,
    /// `TransitiveTagKeys`: which of the tags the session hands down to sessions that descend from
    /// it.
    pub transitive_tag_keys: Vec<TagKey>,
    /// `SourceIdentity`: who is behind it. Sessions that descend from this one keep it.
    pub source_identity: Option<SourceIdentity>,
    /// `SerialNumber` and `TokenCode`: the trust policy and the caller's see that a device was shown,
    /// the session's requests do not.
    pub mfa: MfaParameters,
    /// `ProvidedContexts`: what a context provider asserts of the user behind the caller.
    pub provided_contexts: Vec<ProvidedContext>,
    /// `MinimumSessionTokenSize`
    pub minimum_token_size: MinimumTokenSize,
}

/// A context that a provider asserts. AWS's only provider is IAM Identity Center, whose assertions
/// AWS alone can read: here none can be verified, and one that comes from a caller who may set
/// contexts (`sts:SetContext`) is answered as AWS answers one that is not valid,
/// `ExpiredTokenException`.
#[derive(Clone, Debug)]
pub struct ProvidedContext {
    /// `ProviderArn`
    pub provider_arn: Option<ArnText>,
    /// `ContextAssertion`
    pub assertion: Option<ContextAssertion>,
}

/// What AssumeRole answers.
#[derive(Debug)]
pub struct AssumedRole {
    /// `Credentials`
    pub credentials: TemporaryCredentials,
    /// `AssumedRoleUser.AssumedRoleId`
    pub assumed_role_id: String,
    /// `AssumedRoleUser.Arn`
    pub arn: String,
    /// `PackedPolicySize`, where policies or tags were passed or tags inherited.
    pub packed_policy_size: Option<u32>,
    /// `SourceIdentity`, where one was passed or inherited.
    pub source_identity: Option<SourceIdentity>,
}

/// What deciding about AssumeRole finds that acting needs.
#[derive(Debug)]
pub struct Assumable {
    pub(super) account: Arc<Account>,
    pub(super) role: Arc<RoleState>,
    pub(super) tags: Vec<SessionTag>,
    pub(super) source_identity: Option<SourceIdentity>,
}

impl Operation for AssumeRole {
    type Output = AssumedRole;
    type Found = Assumable;
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRole";

    fn resource(&self, _: &Caller) -> Cow<'_, str> {
        Cow::Borrowed(self.role_arn.as_str())
    }

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Assumable>, Error> {
        let arn = parsed(&self.role_arn)?;
        let session = call.caller.session();
        let inherited = || session.into_iter().flat_map(Session::transitive_tags);
        let tags = session_tags(&self.tags, &self.transitive_tag_keys, inherited())?;
        let source_identity = self.source_identity(session)?;
        // A missing role, one that does not trust the caller and a caller without permission all
        // get the same sentence, which does not tell them apart.
        let mut missing = Need::new("sts:AssumeRole", self.role_arn.as_str());
        missing.resource_account = account_of(&arn);
        if let Who::Root = call.caller.who {
            return Err(Error::Forbidden(Forbidden::RootAssumesRole));
        }
        let mfa = self.mfa.verify(call).await?;
        let by_service = matches!(call.caller.who, Who::Service(_));
        let open = |role: &RoleState| by_service || !role.role.is_service_linked();
        let found = role_of_arn(call.realm, &self.role_arn).await?;
        let Some((account, role)) = found.filter(|(_, role)| open(role)) else {
            return Err(match missing.resource_account {
                Some(_) => call.absent(&missing),
                None => Error::AccessDenied(call.caller.denied(&missing, None)),
            });
        };
        let resource_tags = role_tags(&role.role.tags, inherited());
        let mut need = self.need(&account, &role, &resource_tags, source_identity.as_ref());
        if mfa.is_some() {
            need = need
                .key("aws:multifactorauthpresent", "true")
                .key("aws:multifactorauthage", "0");
        }
        let companions = Self::companions(
            !tags.is_empty(),
            source_identity.is_some(),
            !self.provided_contexts.is_empty(),
        );
        let silent = |error| match error {
            Error::AccessDenied(denied) => Error::AccessDenied(denied.silent()),
            other => other,
        };
        let mut granted = call.allow(&need).map_err(silent)?;
        for action in companions.into_iter().flatten() {
            need.action = action.into();
            granted = call.allow(&need).map_err(silent)?;
        }
        if !self.provided_contexts.is_empty() {
            return Err(Error::InvalidContextAssertion);
        }
        Ok(granted.with(Assumable {
            account,
            role,
            tags,
            source_identity,
        }))
    }

    async fn perform(self, call: &Call<'_>, found: Assumable) -> Result<AssumedRole, Error> {
        let Assumable { account, role, .. } = found;
        let lifetime = self.lifetime(call, &role.role)?;
        self.session_policies.check(&account)?;
        let allotment = role.role.limits.allotment();
        let packed = self.session_policies.pack_into(allotment, found.tags)?;
        let packed_policy_size = allotment.percent(&packed);
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
            federation: None,
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
}

impl AssumeRole {
    /// A request for a session of a role with nothing but its name.
    pub fn new(role_arn: ArnText, role_session_name: RoleSessionName) -> Self {
        Self {
            role_arn,
            role_session_name,
            duration: None,
            external_id: None,
            session_policies: SessionPolicies::default(),
            tags: Vec::new(),
            transitive_tag_keys: Vec::new(),
            source_identity: None,
            mfa: MfaParameters::default(),
            provided_contexts: Vec::new(),
            minimum_token_size: MinimumTokenSize::default(),
        }
    }

    /// How long the session lasts, in seconds, if the role allows it.
    fn lifetime(&self, call: &Call<'_>, role: &Role) -> Result<Seconds, Error> {
        let lifetime = seconds_asked(self.duration, role)?;
        let limits = &role.limits;
        let chained = call.caller.session().is_some();
        if chained && lifetime > Seconds::from(limits.of(Limit::MaxChainedSessionDuration)) {
            return Err(Error::Duration(DurationFault::RoleChaining));
        }
        // `MaxSessionDuration` is not about sessions that services ask for.
        let by_service = matches!(call.caller.who, Who::Service(_));
        if !by_service && !limits.admit(role.max_session_duration, lifetime) {
            return Err(Error::Duration(DurationFault::RoleMaximum));
        }
        Ok(lifetime)
    }

    /// The actions that a request for a session asks for besides its own.
    pub(crate) fn companions(
        tags: bool,
        source_identity: bool,
        contexts: bool,
    ) -> [Option<&'static str>; 3] {
        [
            tags.then_some("sts:TagSession"),
            source_identity.then_some("sts:SetSourceIdentity"),
            contexts.then_some("sts:SetContext"),
        ]
    }

    /// The source identity of the session that is asked for: once set, it stays.
    fn source_identity(&self, session: Option<&Session>) -> Result<Option<SourceIdentity>, Error> {
        let set = session.and_then(|session| session.source_identity.as_ref());
        match (set, &self.source_identity) {
            (Some(set), Some(asked)) if set != asked => Err(Error::ValidationText(
                "The source identity is already set for this assume role session".to_owned(),
            )),
            (Some(set), _) => Ok(Some(set.clone())),
            (None, asked) => Ok(asked.clone()),
        }
    }

    /// The need of `sts:AssumeRole`, with the condition keys of the others too.
    fn need<'a>(
        &'a self,
        account: &Account,
        role: &'a RoleState,
        resource_tags: &'a [Tag],
        source_identity: Option<&'a SourceIdentity>,
    ) -> Need<'a> {
        let mut need = Need::new("sts:AssumeRole", role.arn.as_str())
            .resource_tags(resource_tags, Some("iam:resourcetag/"))
            .request_tags(&self.tags)
            .key("sts:rolesessionname", self.role_session_name.as_str())
            .key_if(
                "sts:externalid",
                self.external_id.as_ref().map(ExternalId::as_str),
            )
            .key_if(
                "sts:sourceidentity",
                source_identity.map(SourceIdentity::as_str),
            );
        let mut several = |name: &'static str, values: Vec<Cow<'a, str>>| {
            if !values.is_empty() {
                need.keys.push((Cow::Borrowed(name), Value::Many(values)));
            }
        };
        let keys = self.transitive_tag_keys.iter();
        several(
            "sts:transitivetagkeys",
            keys.map(|key| Cow::Borrowed(key.as_str())).collect(),
        );
        let providers = self.provided_contexts.iter();
        several(
            "sts:requestcontextproviders",
            providers
                .filter_map(|context| Some(Cow::Borrowed(context.provider_arn.as_ref()?.as_str())))
                .collect(),
        );
        need.resource_account = Some(account.id);
        need.resource_policy = Some(ResourcePolicy::Trust(&role.trust));
        need
    }
}

/// How many seconds are asked for, as far as any tag of the role could allow them.
fn seconds_asked(duration: Option<RoleSessionDuration>, role: &Role) -> Result<Seconds, Error> {
    let lifetime = duration.map_or(DEFAULT_ROLE_SESSION, RoleSessionDuration::seconds);
    let limits = &role.limits;
    // Without a tag the role is as AWS's are, for which so much is not even a legal parameter.
    let of_model = Limit::MaxSessionDuration.of_aws();
    if lifetime > Seconds::from(limits.of(Limit::MaxSessionDuration)) {
        return Err(if limits.of(Limit::MaxSessionDuration) == of_model {
            Error::Validation(vec![Invalid {
                member: "durationSeconds".to_owned(),
                value: Some(lifetime.to_string()),
                constraint: Constraint::MaxValue(of_model.into()),
            }])
        } else {
            Error::Duration(DurationFault::RoleMaximum)
        });
    }
    Ok(lifetime)
}

/// The same for whoever is bound by the role's own maximum.
///
/// # Errors
/// [`Error::Duration`]
pub(super) fn role_lifetime(
    duration: Option<RoleSessionDuration>,
    role: &Role,
) -> Result<Seconds, Error> {
    let lifetime = seconds_asked(duration, role)?;
    if !role.limits.admit(role.max_session_duration, lifetime) {
        return Err(Error::Duration(DurationFault::RoleMaximum));
    }
    Ok(lifetime)
}

/// The parts of a role's ARN, which must look like one.
///
/// # Errors
/// [`Error::ValidationText`]
pub(super) fn parsed(text: &ArnText) -> Result<Arn, Error> {
    Arn::parse(text.as_str())
        .filter(|arn| ![arn.partition(), arn.service(), arn.resource()].contains(&""))
        .ok_or_else(|| Error::ValidationText(format!("{text} is invalid")))
}

/// The role that an ARN names, if it is there under exactly that ARN.
///
/// # Errors
/// [`Error::ServiceUnavailable`]
pub(super) async fn role_of_arn(
    realm: &Realm,
    text: &ArnText,
) -> Result<Option<(Arc<Account>, Arc<RoleState>)>, Error> {
    let arn = Arn::parse(text.as_str());
    let Some(id) = arn.as_ref().and_then(account_of) else {
        return Ok(None);
    };
    let Some(account) = realm.account(id).await? else {
        return Ok(None);
    };
    let resource = arn
        .as_ref()
        .and_then(|arn| arn.resource().strip_prefix("role/"));
    let role = resource
        .and_then(|rest| rest.rsplit('/').next())
        .and_then(|name| account.roles.named(name));
    Ok(role
        .filter(|role| role.arn == text.as_str())
        .cloned()
        .map(|role| (account, role)))
}

fn account_of(arn: &Arn) -> Option<AccountId> {
    use crate::names::Constrained as _;
    AccountId::parse(arn.account()).ok()
}
