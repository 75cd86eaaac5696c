//! GetSessionToken and GetFederationToken: temporary credentials for who has long-term ones.

use super::tags::session_tags;
use super::{AssumeRole, MfaParameters, NewSession, SessionPolicies};
use crate::caller::{Need, Who};
use crate::entity::KeyOwner;
use crate::environment::Seconds;
use crate::error::{Error, Forbidden};
use crate::limits::Allotment;
use crate::names::{FederatedUserName, MinimumTokenSize, Tag, TokenDuration};
use crate::operation::{Call, Exemption, Granted, Operation, Service};
use crate::session::{Packed, SessionPrincipal, SessionTag, TemporaryCredentials};

/// The longest session of a root user.
const ROOT_LIMIT: Seconds = 3600;
const DEFAULT_TOKEN: Seconds = 43_200;

/// GetSessionToken: temporary credentials of the caller itself. No policy can allow or deny it.
#[derive(Clone, Debug, Default)]
pub struct GetSessionToken {
    /// `DurationSeconds`; twelve hours if not given, at most one hour for the root user.
    pub duration: Option<TokenDuration>,
    /// `SerialNumber` and `TokenCode`: requests of the session show that a device was used.
    pub mfa: MfaParameters,
    /// `MinimumSessionTokenSize`
    pub minimum_token_size: MinimumTokenSize,
}

impl Operation for GetSessionToken {
    type Output = TemporaryCredentials;
    type Found = SessionPrincipal;
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetSessionToken";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<SessionPrincipal>, Error> {
        let principal = match call.caller.key_owner() {
            Some(KeyOwner::Root) => SessionPrincipal::Root,
            Some(KeyOwner::User(id)) => SessionPrincipal::User(id),
            None => return Err(Error::Forbidden(Forbidden::SessionTokenFromSession)),
        };
        Ok(call.exempt(Exemption::SessionToken).with(principal))
    }

    async fn perform(
        self,
        call: &Call<'_>,
        principal: SessionPrincipal,
    ) -> Result<TemporaryCredentials, Error> {
        let mfa = self.mfa.verify(call).await?;
        let lifetime = token_lifetime(call, self.duration);
        // The session is the user's own, with the user's tags and no others.
        let session = NewSession {
            principal,
            lifetime,
            packed: Packed::default(),
            source_identity: None,
            mfa,
            delegate: None,
            federation: None,
        };
        session.issue(call, call.account()?.id, self.minimum_token_size)
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
    /// `Tags`: they stand before the user's own of the same keys. They need `sts:TagSession`.
    pub tags: Vec<Tag>,
    /// `MinimumSessionTokenSize`
    pub minimum_token_size: MinimumTokenSize,
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
    /// `PackedPolicySize`: 0 without policies and tags.
    pub packed_policy_size: u32,
}

impl Operation for GetFederationToken {
    type Output = FederationToken;
    type Found = Vec<SessionTag>;
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetFederationToken";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Vec<SessionTag>>, Error> {
        let tags = session_tags(&self.tags, &[], std::iter::empty())?;
        let mut need =
            Need::new("sts:GetFederationToken", self.arn(call)?).request_tags(&self.tags);
        let granted = call.allow(&need)?;
        let companions = AssumeRole::companions(!tags.is_empty(), false, false);
        for action in companions.into_iter().flatten() {
            need.action = action.into();
            call.allow(&need)?;
        }
        Ok(granted.with(tags))
    }

    async fn perform(
        self,
        call: &Call<'_>,
        tags: Vec<SessionTag>,
    ) -> Result<FederationToken, Error> {
        let account = call.account()?;
        let arn = self.arn(call)?;
        self.session_policies.check(account)?;
        let packed = self.session_policies.pack(tags)?;
        let issuer = match &call.caller.who {
            Who::User(state) => Some(state.user.id.clone()),
            _ => None,
        };
        let packed_policy_size = Allotment::OF_AWS.percent(&packed).unwrap_or(0);
        let session = NewSession {
            principal: SessionPrincipal::FederatedUser {
                issuer,
                name: self.name.clone(),
            },
            lifetime: token_lifetime(call, self.duration),
            packed,
            source_identity: None,
            mfa: None,
            delegate: None,
            federation: None,
        };
        Ok(FederationToken {
            credentials: session.issue(call, account.id, self.minimum_token_size)?,
            federated_user_id: format!("{}:{}", account.id, self.name),
            arn,
            packed_policy_size,
        })
    }
}

impl GetFederationToken {
    /// The ARN of the federated user.
    fn arn(&self, call: &Call<'_>) -> Result<String, Error> {
        Ok(format!(
            "arn:aws:sts::{}:federated-user/{}",
            call.account()?.id,
            self.name
        ))
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
