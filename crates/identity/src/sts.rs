//! The operations of AWS Security Token Service.
//!
//! Each follows its page of the STS API reference, version 2011-06-15.

use crate::account::Account;
use crate::caller::{Credentials, Who};
use crate::environment::Seconds;
use crate::error::{Error, TooLarge};
use crate::ids::AccessKeyId;
use crate::limits::{Allotment, LONGEST_SESSION};
use crate::names::{AccountId, ArnText, MinimumTokenSize, SourceIdentity};
use crate::operation::Call;
use crate::session::{
    Ancestor, Ancestry, LongTerm, LongTermPrincipal, MOST_ANCESTORS, Packed, Session,
    SessionFederation, SessionPrincipal, SessionTag, TemporaryCredentials,
};
use locum_policy::{Kind, Policy};
use std::sync::Arc;

mod assume_role;
mod assume_role_with_saml;
mod assume_role_with_web_identity;
mod assume_root;
mod decode;
mod delegated;
pub(crate) mod federated;
mod identity;
mod ldap_identity;
mod mfa;
mod tags;
mod tokens;
mod web_identity_token;

pub use assume_role::{Assumable, AssumeRole, AssumedRole, ProvidedContext};
pub use assume_role_with_saml::{AssumeRoleWithSaml, SamlAssumable, SamlAssumedRole};
pub use assume_role_with_web_identity::{AssumeRoleWithWebIdentity, WebIdentityRole};
pub use assume_root::{AssumeRoot, AssumedRoot};
pub use decode::{DecodeAuthorizationMessage, DecodedMessage};
pub use delegated::{DelegatedAccess, GetDelegatedAccessToken};
pub use identity::{CallerIdentity, GetAccessKeyInfo, GetCallerIdentity};
pub use ldap_identity::{AssumeRoleWithLdapIdentity, AssumedRoleWithLdapIdentity};
pub use mfa::MfaParameters;
pub use tokens::{FederationToken, GetFederationToken, GetSessionToken};
pub use web_identity_token::{GetWebIdentityToken, WebIdentityToken};

/// The session policies of a request.
#[derive(Clone, Debug, Default)]
pub struct SessionPolicies {
    /// `Policy`
    pub policy: Option<String>,
    /// `PolicyArns`; at most ten.
    pub policy_arns: Vec<ArnText>,
}

impl SessionPolicies {
    /// Checks the policies against the account that the session will belong to: their language, and
    /// that managed ones are there.
    fn check(&self, account: &Account) -> Result<(), Error> {
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
        Ok(())
    }

    /// The form that goes into the token, together with the session's tags.
    ///
    /// # Errors
    /// [`Error::PackedPolicyTooLarge`]
    fn pack(self, tags: Vec<SessionTag>) -> Result<Packed, Error> {
        self.pack_into(Allotment::OF_AWS, tags)
    }

    /// The same, where a role allots the space.
    fn pack_into(self, allotment: Allotment, tags: Vec<SessionTag>) -> Result<Packed, Error> {
        let has_policies = self.policy.is_some() || !self.policy_arns.is_empty();
        let arns = self.policy_arns.iter().map(ArnText::as_str);
        let plain = self.policy.iter().map(String::as_str).chain(arns);
        let plain = plain.map(|text| text.chars().count()).sum();
        if let percent @ 101.. = allotment.plain_percent(plain) {
            return Err(Error::PackedPolicyTooLarge(TooLarge::Policy(percent)));
        }
        let arns = self.policy_arns.into_iter().map(String::from).collect();
        let packed = Packed::new(self.policy, arns, tags)
            .ok_or_else(|| Error::Internal("the session cannot be packed".into()))?;
        match allotment.percent(&packed) {
            Some(percent @ 101..) => Err(Error::PackedPolicyTooLarge(if has_policies {
                TooLarge::Policy(percent)
            } else {
                TooLarge::Tags(percent)
            })),
            _ => Ok(packed),
        }
    }
}

/// How many seconds ahead the issue of a session may be dated.
pub(crate) const FARTHEST_AHEAD: Seconds = 2;

/// A session that is about to be issued to a caller.
struct NewSession {
    principal: SessionPrincipal,
    lifetime: Seconds,
    packed: Packed,
    source_identity: Option<SourceIdentity>,
    mfa: Option<Seconds>,
    delegate: Option<AccountId>,
    /// The foreign identity that asks for it.
    federation: Option<Box<SessionFederation>>,
}

impl NewSession {
    fn issue(
        self,
        call: &Call<'_>,
        account: AccountId,
        minimum: MinimumTokenSize,
    ) -> Result<TemporaryCredentials, Error> {
        if self.lifetime > LONGEST_SESSION {
            return Err(Error::Internal("a session would last too long".into()));
        }
        let directory = call.realm.directory();
        call.caller.check_unrevoked(&directory)?;
        let caller = call.caller.session();
        // What descends from a delegated session stays one, and ends with it.
        let from = caller.filter(|from| from.delegate.is_some());
        // No session is older than the one it descends from.
        let parent = caller.map(|session| session.issued);
        let now = call.facts.now.max(parent.unwrap_or_default());
        let expires = now + self.lifetime;
        let mut ancestry = ancestry(call)?;
        ancestry.federation = self.federation.or(ancestry.federation);
        let mut session = Session {
            principal: self.principal,
            issued: now,
            expires: from.map_or(expires, |from| expires.min(from.expires)),
            packed: Arc::new(self.packed),
            source_identity: self.source_identity,
            mfa: self.mfa,
            ancestry,
            delegate: self.delegate.or(from.and_then(|from| from.delegate)),
        };
        // Times have whole seconds. A session issued in the second of a revocation, and after it, is
        // not among those that it ends: it counts as issued in the next.
        let earliest = directory.revocations().earliest_issue(account, &session);
        if earliest > now {
            // After so many revocations in one second a session would be over at once: the next second
            // has room for it.
            if earliest > call.realm.environment().clock.now() + FARTHEST_AHEAD {
                return Err(Error::Throttled);
            }
            session.issued = earliest.min(session.expires);
        }
        call.realm
            .keyring()?
            .issue_padded(
                account,
                &session,
                minimum,
                &*call.realm.environment().entropy,
            )
            .map_err(|_| Error::Internal("the session cannot be sealed".into()))
    }
}

/// What a session descends from that a caller with a long-term key asks for.
pub(crate) fn ancestry_of_long_term(
    call: &Call<'_>,
    access_key_id: &str,
) -> Result<Ancestry, Error> {
    let principal = match &call.caller.who {
        Who::User(state) => LongTermPrincipal::User(state.user.id.clone()),
        Who::Service(service) => LongTermPrincipal::Service(service.name.clone()),
        _ => LongTermPrincipal::Root(call.account()?.id),
    };
    let access_key_id = AccessKeyId::parse(access_key_id)
        .ok_or_else(|| Error::Internal("a key signed that has no legal id".into()))?;
    Ok(Ancestry {
        origin: Some(LongTerm {
            access_key_id,
            principal,
        }),
        ..Ancestry::default()
    })
}

/// What a session descends from that the caller asks for.
fn ancestry(call: &Call<'_>) -> Result<Ancestry, Error> {
    match &call.caller.credentials {
        Credentials::None | Credentials::Certificate(_) => Ok(Ancestry::default()),
        Credentials::LongTerm { access_key_id } => ancestry_of_long_term(call, access_key_id),
        Credentials::Temporary {
            access_key_id,
            session,
            ..
        } => {
            if session.ancestry.sessions.len() >= MOST_ANCESTORS {
                return Err(Error::PackedPolicyTooLarge(TooLarge::Chain));
            }
            let mut ancestry = session.ancestry.clone();
            ancestry.sessions.push(Ancestor {
                access_key_id: AccessKeyId::parse(access_key_id)
                    .ok_or(Error::InvalidSessionToken)?,
                principal: session.principal.clone(),
                issued: session.issued,
            });
            Ok(ancestry)
        }
    }
}
