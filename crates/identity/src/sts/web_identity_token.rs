//! GetWebIdentityToken: a token by which a relying party outside knows the caller.
//!
//! IAM user guide, "Understanding token claims". Claims without a source here are left out.

use crate::caller::{Caller, Need, Who};
use crate::environment::{Seconds, timestamp};
use crate::error::Error;
use crate::iam::TagCase;
use crate::ids;
use crate::issuer::{Algorithm, IssuerState, OutboundFault};
use crate::names::{
    AccountId, Reserved, SourceIdentity, Tag, TokenAudience, WebIdentityTokenDuration,
};
use crate::operation::{Call, Granted, Operation, Service};
use locum_policy::Value;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

const DEFAULT_TOKEN: Seconds = 300;
/// The claims may have at most so many bytes of JSON.
const LARGEST_PAYLOAD: usize = 14_984;

/// GetWebIdentityToken: a signed token that tells who the caller is.
#[derive(Clone, Debug)]
pub struct GetWebIdentityToken {
    /// `Audience`: whom the token is for; one to ten.
    pub audience: Vec<TokenAudience>,
    /// `SigningAlgorithm`
    pub signing_algorithm: Algorithm,
    /// `DurationSeconds`; five minutes if not given.
    pub duration: Option<WebIdentityTokenDuration>,
    /// `Tags`: claims of the caller's choice. They need `sts:TagGetWebIdentityToken`. Those of AWS's
    /// own (`aws:`) are allowed: nothing here believes them.
    pub tags: Vec<Tag>,
}

/// What GetWebIdentityToken answers.
pub struct WebIdentityToken {
    /// `WebIdentityToken`: whoever has it is the caller, to its audience.
    pub token: String,
    /// `Expiration`
    pub expiration: Seconds,
}

impl std::fmt::Debug for WebIdentityToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("WebIdentityToken")
            .field(&self.expiration)
            .finish()
    }
}

impl Operation for GetWebIdentityToken {
    type Output = WebIdentityToken;
    type Found = ();
    const SERVICE: Service = Service::Sts;
    const NAME: &'static str = "GetWebIdentityToken";

    fn resource(&self, caller: &Caller) -> Cow<'_, str> {
        let account = caller.account_id();
        account.map_or(Cow::Borrowed("*"), |id| Cow::Owned(resource(id)))
    }

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        TagCase::Insensitive
            // Unlike in sessions, keys that begin with `aws:` are taken.
            .check_each(&self.tags, |tag| match tag.key.reserved() {
                None | Some(Reserved::Aws) => Ok(()),
                Some(Reserved::Locum) => tag.key.check_unreserved(),
            })
            .map_err(|error| match error {
                Error::InvalidInput(text) => Error::InvalidParameterValue(text),
                other => other,
            })?;
        let duration = self.lifetime().to_string();
        let mut need = Need::new("sts:GetWebIdentityToken", resource(call.account()?.id))
            .request_tags(&self.tags)
            .key("sts:signingalgorithm", self.signing_algorithm.name())
            .key("sts:durationseconds", duration);
        let audience = self.audience.iter().map(TokenAudience::as_str);
        need.keys.push((
            Cow::Borrowed("sts:identitytokenaudience"),
            Value::Many(audience.map(Cow::Borrowed).collect()),
        ));
        if let Who::Root = call.caller.who {
            return Err(Error::AccessDenied(call.caller.denied(&need, None)));
        }
        let granted = call.allow(&need)?;
        if !self.tags.is_empty() {
            need.action = "sts:TagGetWebIdentityToken".into();
            call.allow(&need)?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<WebIdentityToken, Error> {
        let now = call.facts.now;
        let expiration = now + self.lifetime();
        let session = call.caller.session();
        if session.is_some_and(|session| expiration > session.expires) {
            return Err(Error::Outbound(OutboundFault::DurationEscalation));
        }
        let issuer = call.account()?.issuer.as_ref();
        let issuer = issuer.filter(|state| state.issuer.enabled);
        let issuer = issuer.ok_or(Error::Outbound(OutboundFault::Disabled))?;
        let claims = self.claims(call, issuer, expiration)?;
        if claims.len() > LARGEST_PAYLOAD {
            return Err(Error::Outbound(OutboundFault::PayloadTooLarge {
                bytes: claims.len(),
                limit: LARGEST_PAYLOAD,
            }));
        }
        let token = issuer
            .sign(self.signing_algorithm, &claims, now)
            .map_err(|fault| Error::Internal(Box::new(fault)))?;
        Ok(WebIdentityToken { token, expiration })
    }
}

/// Who asks is who is asked for.
fn resource(account: AccountId) -> String {
    format!("arn:aws:sts::{account}:self")
}

impl GetWebIdentityToken {
    fn lifetime(&self) -> Seconds {
        self.duration
            .map_or(DEFAULT_TOKEN, WebIdentityTokenDuration::seconds)
    }

    /// The claims, as JSON.
    fn claims(
        &self,
        call: &Call<'_>,
        issuer: &Arc<IssuerState>,
        expiration: Seconds,
    ) -> Result<Vec<u8>, Error> {
        let caller = call.caller;
        let account = call.account()?;
        let subject = match &caller.who {
            Who::AssumedRole { role, .. } => role.arn.as_str(),
            _ => caller.arn().unwrap_or_default(),
        };
        let session = caller.session();
        let path = caller.place().map(|place| place.path.as_str());
        let organization = path.and_then(|path| path.split('/').next());
        let claims = Claims {
            iss: &call.realm.issuer_url(&issuer.issuer.id)?,
            sub: subject,
            aud: match self.audience.as_slice() {
                [only] => Audience::One(only.as_str()),
                several => Audience::Several(several.iter().map(TokenAudience::as_str).collect()),
            },
            iat: call.facts.now,
            exp: expiration,
            jti: &ids::uuid(&*call.realm.environment().entropy),
            sts: StsClaims {
                aws_account: account.id.as_str(),
                source_region: &call.facts.region,
                principal_id: subject,
                org_id: organization,
                ou_path: path.map(|path| [path]),
                principal_tags: principal_tags(caller),
                request_tags: self.tags.iter().map(pair).collect(),
                original_session_exp: session.map(|session| timestamp(session.expires)),
                source_identity: session
                    .and_then(|session| session.source_identity.as_ref())
                    .map(SourceIdentity::as_str),
            },
        };
        serde_json::to_vec(&claims).map_err(|error| Error::Internal(Box::new(error)))
    }
}

/// The tags that `aws:PrincipalTag` sees: the session's stand before those of the user or role.
fn principal_tags(caller: &Caller) -> BTreeMap<&str, &str> {
    let own: &[Tag] = match &caller.who {
        Who::User(state) => &state.user.tags,
        Who::AssumedRole { role, .. } => &role.role.tags,
        _ => &[],
    };
    let of_session = caller.session().map(|session| session.packed.tags());
    let of_session = of_session.unwrap_or_default();
    let shadowed = |tag: &&Tag| {
        let key = tag.key.as_str().to_lowercase();
        of_session.iter().any(|other| other.is(&key))
    };
    let own = own.iter().filter(|tag| !shadowed(tag));
    own.chain(of_session.iter().map(|tag| &tag.tag))
        .map(pair)
        .collect()
}

fn pair(tag: &Tag) -> (&str, &str) {
    (tag.key.as_str(), tag.value.as_str())
}

/// The claims of a token (RFC 7519), and AWS's own in an object of their own.
#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: Audience<'a>,
    iat: Seconds,
    exp: Seconds,
    jti: &'a str,
    #[serde(rename = "https://sts.amazonaws.com/")]
    sts: StsClaims<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Several(Vec<&'a str>),
}

#[derive(Serialize)]
struct StsClaims<'a> {
    aws_account: &'a str,
    source_region: &'a str,
    principal_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    org_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ou_path: Option<[&'a str; 1]>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    principal_tags: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    request_tags: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    original_session_exp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<&'a str>,
}
