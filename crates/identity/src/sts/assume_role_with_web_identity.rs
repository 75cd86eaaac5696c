//! AssumeRoleWithWebIdentity: a role for whom an OpenID Connect provider vouches.

use super::federated::{FederatedRequest, Vouched};
use super::{Assumable, AssumedRole, SessionPolicies};
use crate::caller::Caller;
use crate::error::{Error, FederationFault};
use crate::names::{
    AccountId, ArnText, Constrained as _, MinimumTokenSize, ProviderId, RoleSessionDuration,
    RoleSessionName, WebIdentityTokenText,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::web_identity::{Claims, WebIdentity};
use locum_federation::oidc::Token;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

const ACTION: &str = "sts:AssumeRoleWithWebIdentity";
const AMAZON: &str = "www.amazon.com";
const FACEBOOK: &str = "graph.facebook.com";

/// AssumeRoleWithWebIdentity: temporary credentials of a role that trusts an identity of an OpenID Connect
/// provider. Who calls shows its token, and no credentials.
#[derive(Clone)]
pub struct AssumeRoleWithWebIdentity {
    /// `RoleArn`
    pub role_arn: ArnText,
    /// `RoleSessionName`
    pub role_session_name: RoleSessionName,
    /// `WebIdentityToken`
    pub web_identity_token: WebIdentityTokenText,
    /// `ProviderId`: for tokens of Amazon and Facebook that only they can read, and that are not taken
    /// here.
    pub provider_id: Option<ProviderId>,
    /// `Policy` and `PolicyArns`
    pub session_policies: SessionPolicies,
    /// `DurationSeconds`; one hour if not given. How long the token is good for is no limit.
    pub duration: Option<RoleSessionDuration>,
    /// `MinimumSessionTokenSize`
    pub minimum_token_size: MinimumTokenSize,
}

impl fmt::Debug for AssumeRoleWithWebIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The token is a secret.
        f.debug_struct("AssumeRoleWithWebIdentity")
            .field("role_arn", &self.role_arn)
            .field("role_session_name", &self.role_session_name)
            .finish_non_exhaustive()
    }
}

/// What AssumeRoleWithWebIdentity answers.
#[derive(Debug)]
pub struct WebIdentityRole {
    /// The session.
    pub role: AssumedRole,
    /// `SubjectFromWebIdentityToken`
    pub subject: String,
    /// `Audience`: whom the token was issued to.
    pub audience: String,
    /// `Provider`: its ARN, or the name of one that needs none.
    pub provider: String,
}

/// What deciding finds that acting needs.
pub struct WebIdentityAssumable {
    request: FederatedRequest,
    assumable: Assumable,
    identity: WebIdentity,
}

impl Operation for AssumeRoleWithWebIdentity {
    type Output = WebIdentityRole;
    type Found = WebIdentityAssumable;
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "AssumeRoleWithWebIdentity";

    fn resource(&self, _: &Caller) -> Cow<'_, str> {
        Cow::Borrowed(self.role_arn.as_str())
    }

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<WebIdentityAssumable>, Error> {
        let arn = super::assume_role::parsed(&self.role_arn)?;
        let notes = &call.facts.notes;
        self.check_provider_id(call)?;
        let Ok(account) = AccountId::parse(arn.account()) else {
            notes.explain("the role's ARN names no account");
            return Err(FederationFault::NotAuthorized(ACTION).into());
        };
        let token = self.web_identity_token.as_str();
        let identity = call
            .realm
            .verify_web_identity(account, token, notes)
            .await?;
        let foreign = identity.foreign();
        notes.identify(foreign.clone());
        let claims = Claims::of(&identity, self.role_arn.as_str(), notes)?;
        let request = FederatedRequest {
            action: ACTION,
            vouched: Vouched::Identity(Arc::new(foreign)),
            account,
            role_arn: self.role_arn.clone(),
            role_session_name: self.role_session_name.clone(),
            keys: claims.keys,
            tags: claims.tags,
            transitive_tag_keys: claims.transitive_tag_keys,
            source_identity: claims.source_identity,
            session_policies: self.session_policies.clone(),
            duration: self.duration,
            longest: None,
            federation: claims.federation,
            minimum_token_size: self.minimum_token_size,
        };
        let (granted, assumable) = request.authorize(call).await?.apart();
        Ok(granted.with(WebIdentityAssumable {
            request,
            assumable,
            identity,
        }))
    }

    async fn perform(
        self,
        call: &Call<'_>,
        found: WebIdentityAssumable,
    ) -> Result<WebIdentityRole, Error> {
        let WebIdentityAssumable {
            request,
            assumable,
            identity,
        } = found;
        let token = self.web_identity_token.as_str();
        let notes = &call.facts.notes;
        let realm = call.realm;
        realm.introspect_at_login(&identity, token, notes).await?;
        let role = request.issue(call, assumable)?;
        let expires = role.credentials.expiration;
        // A session that ends with its token leaves only when the provider will be asked.
        realm.watch_token(&identity, token, expires).await?;
        Ok(WebIdentityRole {
            role,
            subject: identity.subject,
            audience: identity.audience.client,
            provider: identity.provider.name,
        })
    }
}

impl AssumeRoleWithWebIdentity {
    /// Tokens that only their provider can read name it apart. Nobody here is a client of these, so none
    /// is taken.
    fn check_provider_id(&self, call: &Call<'_>) -> Result<(), Error> {
        let Some(id) = &self.provider_id else {
            return Ok(());
        };
        let is_jwt = Token::parse(self.web_identity_token.as_str()).is_ok();
        call.facts.notes.explain(if is_jwt {
            "`ProviderId` is for tokens that are no JWT: leave it out"
        } else {
            "`ProviderId` names a provider whose tokens are not taken here, if it names one"
        });
        Err(match id.as_str() {
            AMAZON => {
                let text = "Provided Token is not a Login With Amazon token";
                FederationFault::InvalidIdentityToken(text.into()).into()
            }
            FACEBOOK => {
                let text = "The identity provider rejected the token.";
                FederationFault::IdpRejectedClaim(text.into()).into()
            }
            _ => FederationFault::NotAuthorized(ACTION).into(),
        })
    }
}
