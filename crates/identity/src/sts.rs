//! The operations of AWS Security Token Service.
//!
//! Each follows its page of the STS API reference, version 2011-06-15.

use crate::account::{Account, RoleState};
use crate::caller::{Need, Who};
use crate::environment::Seconds;
use crate::error::{DurationFault, Error, Forbidden};
use crate::ids::AccessKeyId;
use crate::names::{
    AccessKeyIdText, AccountId, ArnText, ExternalId, FederatedUserName, RoleSessionDuration,
    RoleSessionName, TokenDuration,
};
use crate::operation::{Call, Exemption, Granted, Operation, Service};
use crate::session::{Session, SessionPrincipal, TemporaryCredentials, packed_size};
use locum_policy::{Arn, Kind, Policy, ResourcePolicy};
use std::sync::Arc;

/// Plain characters that inline policy and policy ARNs may have together.
const PLAIN_POLICY_LIMIT: usize = 2048;
/// Bytes that the packed policies of a session may take in its token.
const PACKED_POLICY_LIMIT: usize = 2048;
/// The longest session of a caller whose own credentials are temporary.
const ROLE_CHAINING_LIMIT: Seconds = 3600;
/// The longest session of a root user.
const ROOT_LIMIT: Seconds = 3600;
const DEFAULT_ROLE_SESSION: Seconds = 3600;
const DEFAULT_TOKEN: Seconds = 43_200;

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
}

/// The session policies of a request.
#[derive(Clone, Debug, Default)]
pub struct SessionPolicies {
    /// `Policy`
    pub policy: Option<String>,
    /// `PolicyArns`; at most ten.
    pub policy_arns: Vec<ArnText>,
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
    /// `PackedPolicySize`, where policies were passed.
    pub packed_policy_size: Option<u32>,
}

impl Operation for AssumeRole {
    type Output = AssumedRole;
    type Found = (Arc<Account>, Arc<RoleState>);
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Self::Found>, Error> {
        let arn = Arn::parse(self.role_arn.as_str())
            .filter(|arn| ![arn.partition(), arn.service(), arn.resource()].contains(&""))
            .ok_or_else(|| Error::ValidationText(format!("{} is invalid", self.role_arn)))?;
        // A missing role, one that does not trust the caller and a caller without permission all
        // get the same sentence, which does not tell them apart.
        let refused = |need: &Need<'_>| Error::AccessDenied(call.caller.denied(need, None));
        match &call.caller.who {
            Who::Root => return Err(Error::Forbidden(Forbidden::RootAssumesRole)),
            Who::FederatedUser { .. } | Who::Anonymous => {
                return Err(refused(&Need::new(
                    "sts:AssumeRole",
                    self.role_arn.as_str(),
                )));
            }
            Who::User(_) | Who::AssumedRole { .. } => {}
        }
        let Some((account, role)) = self.role(call, &arn).await? else {
            return Err(refused(&Need::new(
                "sts:AssumeRole",
                self.role_arn.as_str(),
            )));
        };
        let mut need = Need::new("sts:AssumeRole", role.arn.as_str())
            .resource_tags(&role.role.tags, Some("iam:resourcetag/"))
            .key("sts:rolesessionname", self.role_session_name.as_str())
            .key_if(
                "sts:externalid",
                self.external_id.as_ref().map(ExternalId::as_str),
            );
        need.resource_account = Some(account.id);
        need.resource_policy = Some(ResourcePolicy::Trust(&role.trust));
        match call.allow(&need) {
            Err(Error::AccessDenied(_)) => Err(refused(&need)),
            decided => Ok(decided?.with((account, role.clone()))),
        }
    }

    async fn perform(
        self,
        call: &Call<'_>,
        (account, role): Self::Found,
    ) -> Result<AssumedRole, Error> {
        let lifetime = self
            .duration
            .map_or(DEFAULT_ROLE_SESSION, RoleSessionDuration::seconds);
        if call.caller.session().is_some() && lifetime > ROLE_CHAINING_LIMIT {
            return Err(Error::Duration(DurationFault::RoleChaining));
        }
        if lifetime > Seconds::from(role.role.max_session_duration.seconds()) {
            return Err(Error::Duration(DurationFault::RoleMaximum));
        }
        let packed = self.session_policies.check(&account)?;
        let principal = SessionPrincipal::AssumedRole {
            role: role.role.id.clone(),
            session_name: self.role_session_name.clone(),
        };
        let credentials = issue(call, account.id, principal, lifetime, self.session_policies)?;
        Ok(AssumedRole {
            credentials,
            assumed_role_id: format!("{}:{}", role.role.id, self.role_session_name),
            arn: format!(
                "arn:aws:sts::{}:assumed-role/{}/{}",
                account.id, role.role.name, self.role_session_name
            ),
            packed_policy_size: packed,
        })
    }
}

impl AssumeRole {
    /// The role that the ARN names, if it is there under exactly that ARN.
    async fn role(
        &self,
        call: &Call<'_>,
        arn: &Arn,
    ) -> Result<Option<(Arc<Account>, Arc<RoleState>)>, Error> {
        let Some(id) = account_of(arn) else {
            return Ok(None);
        };
        let Some(account) = call.realm.account(id).await? else {
            return Ok(None);
        };
        let role = arn
            .resource()
            .strip_prefix("role/")
            .and_then(|rest| rest.rsplit('/').next())
            .and_then(|name| account.roles.named(name));
        Ok(role
            .filter(|role| role.arn == self.role_arn.as_str())
            .cloned()
            .map(|role| (account, role)))
    }
}

fn account_of(arn: &Arn) -> Option<AccountId> {
    use crate::names::Constrained as _;
    AccountId::parse(arn.account()).ok()
}

/// GetCallerIdentity: who the credentials are. No permission is needed, and none can be denied.
#[derive(Clone, Copy, Debug)]
pub struct GetCallerIdentity;

/// What GetCallerIdentity answers.
#[derive(Debug)]
pub struct CallerIdentity {
    /// `UserId`
    pub user_id: String,
    /// `Account`
    pub account: AccountId,
    /// `Arn`
    pub arn: String,
}

impl Operation for GetCallerIdentity {
    type Output = CallerIdentity;
    type Found = ();
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetCallerIdentity";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        Ok(call.exempt(Exemption::CallerIdentity))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<CallerIdentity, Error> {
        Ok(CallerIdentity {
            user_id: call.caller.user_id(),
            account: call.account()?.id,
            arn: call.caller.arn().unwrap_or_default().to_owned(),
        })
    }
}

/// GetSessionToken: temporary credentials of the caller itself. No policy can allow or deny it.
#[derive(Clone, Copy, Debug)]
pub struct GetSessionToken {
    /// `DurationSeconds`; twelve hours if not given, at most one hour for the root user.
    pub duration: Option<TokenDuration>,
}

impl Operation for GetSessionToken {
    type Output = TemporaryCredentials;
    type Found = SessionPrincipal;
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetSessionToken";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<SessionPrincipal>, Error> {
        let principal = match (&call.caller.who, call.caller.session()) {
            (Who::Root, None) => SessionPrincipal::Root,
            (Who::User(state), None) => SessionPrincipal::User(state.user.id.clone()),
            _ => return Err(Error::Forbidden(Forbidden::SessionTokenFromSession)),
        };
        Ok(call.exempt(Exemption::SessionToken).with(principal))
    }

    async fn perform(
        self,
        call: &Call<'_>,
        principal: SessionPrincipal,
    ) -> Result<TemporaryCredentials, Error> {
        let lifetime = token_lifetime(call, self.duration);
        issue(
            call,
            call.account()?.id,
            principal,
            lifetime,
            SessionPolicies::default(),
        )
    }
}

/// GetFederationToken: temporary credentials for a federated user, no stronger than the caller and
/// limited by the session policies.
#[derive(Clone, Debug)]
pub struct GetFederationToken {
    /// `Name`
    pub name: FederatedUserName,
    /// `DurationSeconds`; twelve hours if not given, at most one hour for the root user.
    pub duration: Option<TokenDuration>,
    /// `Policy` and `PolicyArns`
    pub session_policies: SessionPolicies,
}

/// What GetFederationToken answers.
#[derive(Debug)]
pub struct FederationToken {
    /// `Credentials`
    pub credentials: TemporaryCredentials,
    /// `FederatedUser.FederatedUserId`
    pub federated_user_id: String,
    /// `FederatedUser.Arn`
    pub arn: String,
    /// `PackedPolicySize`: 0 without policies.
    pub packed_policy_size: u32,
}

impl Operation for GetFederationToken {
    type Output = FederationToken;
    type Found = ();
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetFederationToken";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        match (&call.caller.who, call.caller.session()) {
            (Who::Root | Who::User(_), None) => {}
            _ => return Err(Error::Forbidden(Forbidden::FederationTokenFromSession)),
        }
        let arn = format!(
            "arn:aws:sts::{}:federated-user/{}",
            call.account()?.id,
            self.name
        );
        call.allow(&Need::new("sts:GetFederationToken", arn))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<FederationToken, Error> {
        let account = call.account()?;
        let packed = self.session_policies.check(account)?;
        let issuer = match &call.caller.who {
            Who::User(state) => Some(state.user.id.clone()),
            _ => None,
        };
        let principal = SessionPrincipal::FederatedUser {
            issuer,
            name: self.name.clone(),
        };
        let lifetime = token_lifetime(call, self.duration);
        let credentials = issue(call, account.id, principal, lifetime, self.session_policies)?;
        Ok(FederationToken {
            credentials,
            federated_user_id: format!("{}:{}", account.id, self.name),
            arn: format!("arn:aws:sts::{}:federated-user/{}", account.id, self.name),
            packed_policy_size: packed.unwrap_or(0),
        })
    }
}

/// GetAccessKeyInfo: the account that an access key id belongs to, whether or not it exists.
#[derive(Clone, Debug)]
pub struct GetAccessKeyInfo {
    /// `AccessKeyId`
    pub access_key_id: AccessKeyIdText,
}

impl Operation for GetAccessKeyInfo {
    type Output = AccountId;
    type Found = ();
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetAccessKeyInfo";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let need = Need::new("sts:GetAccessKeyInfo", "*");
        // Sessions of GetSessionToken and GetFederationToken may not call this.
        match (&call.caller.who, call.caller.session()) {
            (Who::User(_) | Who::Root | Who::FederatedUser { .. }, Some(_)) => {
                Err(Error::AccessDenied(call.caller.denied(&need, None)))
            }
            _ => call.allow(&need),
        }
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<AccountId, Error> {
        let id = self.access_key_id.as_str();
        call.realm
            .directory()
            .account_of_key(id)
            .or_else(|| AccessKeyId::account_of(id))
            .ok_or_else(|| Error::ValidationText(format!("{id} is invalid")))
    }
}

impl SessionPolicies {
    /// Checks the policies against the account that the session will belong to: their language,
    /// that managed ones are there, and their size. The percentage of the allotted space that they
    /// take, if there are any.
    fn check(&self, account: &Account) -> Result<Option<u32>, Error> {
        if self.policy.is_none() && self.policy_arns.is_empty() {
            return Ok(None);
        }
        if let Some(text) = &self.policy {
            Policy::parse(text, Kind::Session)?;
        }
        for arn in &self.policy_arns {
            if account.managed_policy(arn.as_str()).is_none() {
                return Err(Error::ValidationText(format!(
                    "Policy {arn} does not exist or is not attachable."
                )));
            }
        }
        let arns = self.policy_arns.iter().map(ArnText::as_str);
        let plain = self
            .policy
            .iter()
            .map(String::as_str)
            .chain(arns.clone())
            .map(|text| text.chars().count())
            .sum();
        let packed = packed_size(self.policy.as_deref(), arns)
            .ok_or_else(|| Error::Internal("the session policies cannot be packed".into()))?;
        let percent = |size: usize, limit: usize| {
            u32::try_from((size * 100).div_ceil(limit)).unwrap_or(u32::MAX)
        };
        let packed = percent(packed, PACKED_POLICY_LIMIT);
        if plain > PLAIN_POLICY_LIMIT || packed > 100 {
            return Err(Error::PackedPolicyTooLarge(
                packed.max(percent(plain, PLAIN_POLICY_LIMIT)),
            ));
        }
        Ok(Some(packed))
    }
}

/// Twelve hours or what was asked for; for the root user, whatever was asked for, at most one hour.
fn token_lifetime(call: &Call<'_>, asked: Option<TokenDuration>) -> Seconds {
    let asked = asked.map(TokenDuration::seconds);
    match call.caller.who {
        Who::Root => asked.unwrap_or(ROOT_LIMIT).min(ROOT_LIMIT),
        _ => asked.unwrap_or(DEFAULT_TOKEN),
    }
}

fn issue(
    call: &Call<'_>,
    account: AccountId,
    principal: SessionPrincipal,
    lifetime: Seconds,
    policies: SessionPolicies,
) -> Result<TemporaryCredentials, Error> {
    let session = Session {
        principal,
        issued: call.facts.now,
        expires: call.facts.now + lifetime,
        policy: policies.policy,
        policy_arns: policies.policy_arns.into_iter().map(String::from).collect(),
    };
    call.realm
        .keyring()?
        .issue(account, &session, &*call.realm.environment().entropy)
        .map_err(|_| Error::Internal("the session cannot be sealed".into()))
}
