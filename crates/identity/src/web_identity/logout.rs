//! OpenID Connect Back-Channel Logout 1.0: the provider says that somebody has signed out.

use super::{WebProvider, not_valid, sentence};
use crate::binding::Ended;
use crate::environment::Seconds;
use crate::error::Error;
use crate::names::{AccountId, Constrained as _};
use crate::notes::RequestNotes;
use crate::realm::Realm;
use crate::revocation::Aim;
use locum_federation::oidc::{Fault, Json, Token, Verified};
use locum_policy::Arn;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};

/// What the token's event is called (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";
/// How many seconds the provider's clock may be behind: sessions that began so much after the token was
/// made may have begun before it.
const CLOCK_BEHIND: Seconds = 60;
/// Tokens of which is remembered that they were taken.
const MOST_REMEMBERED: usize = 10_000;
/// The longest `jti`, in bytes.
const LONGEST_ID: usize = 256;

/// Logout tokens that were taken, until they expire: each counts once.
///
/// It is one process's memory. A token that is replayed elsewhere ends nothing that began later than
/// a minute after it was made.
#[derive(Debug, Default)]
pub struct LogoutTokens(Mutex<HashMap<(String, String), Seconds>>);

impl LogoutTokens {
    fn has(&self, id: &(String, String), now: Seconds) -> bool {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.get(id).is_some_and(|until| now < *until)
    }

    fn take(&self, id: (String, String), until: Seconds, now: Seconds) {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.len() >= MOST_REMEMBERED {
            taken.retain(|_, until| now < *until);
        }
        if taken.len() >= MOST_REMEMBERED {
            let soonest = taken.iter().min_by_key(|(_, until)| **until);
            if let Some(soonest) = soonest.map(|(id, _)| id.clone()) {
                taken.remove(&soonest);
            }
        }
        taken.insert(id, until);
    }
}

/// What a logout token says, once it is believed.
struct Logout {
    subject: Option<String>,
    session_id: Option<String>,
    id: String,
    issued: Seconds,
}

impl Realm {
    /// Ends the sessions of who has signed out, as a logout token of a provider says, if its settings bind
    /// sessions to it. Why a token is not believed goes to the notes.
    ///
    /// # Errors
    /// [`Error::Federation`]; what a revocation fails with.
    pub async fn back_channel_logout(
        &self,
        provider: &str,
        text: &str,
        notes: &RequestNotes,
    ) -> Result<Ended, Error> {
        let provider = self.bound_provider(provider).await?.ok_or_else(|| {
            notes.explain("there is no such provider whose settings bind sessions to it");
            Error::Federation(not_valid())
        })?;
        let refused = |fault: Fault| {
            notes.explain(&fault);
            Error::Federation(sentence(&fault))
        };
        let token = Token::parse_logout(text).map_err(refused)?;
        if token.issuer() != provider.issuer() {
            notes.explain("the token is another issuer's");
            return Err(not_valid().into());
        }
        let keys = self.keys_of(&provider, token.key_id(), notes).await;
        let keys = keys.map_err(Error::Federation)?;
        let verified = token.verify(&keys).map_err(refused)?;
        let now = self.environment().clock.now();
        let until = verified.check_times(now).map_err(refused)?;
        let audience = verified.audience().map_err(refused)?;
        provider.check_audience(&audience).map_err(refused)?;
        let logout = logout(&verified).map_err(|why| {
            notes.explain(why);
            Error::Federation(not_valid())
        })?;
        let once = (provider.name.clone(), logout.id.clone());
        if self.logout_tokens().has(&once, now) {
            notes.explain("the token was taken before");
            return Err(not_valid().into());
        }
        let ended = self.sign_out(&provider, &logout, now).await?;
        let tolerated = until.saturating_add(locum_federation::oidc::TOLERANCE);
        self.logout_tokens().take(once, tolerated, now);
        Ok(ended)
    }

    async fn sign_out(
        &self,
        provider: &WebProvider,
        logout: &Logout,
        now: Seconds,
    ) -> Result<Ended, Error> {
        let name = provider.name.clone();
        // A sign-in is less than all that somebody has.
        let (aim, whom) = match (&logout.session_id, &logout.subject) {
            (Some(session_id), _) => (
                Aim::FederatedSession {
                    provider: name,
                    session_id: session_id.clone(),
                },
                session_id.clone(),
            ),
            (None, subject) => {
                let subject = subject.clone().unwrap_or_default();
                let aim = Aim::FederatedSubject {
                    provider: name,
                    subject: subject.clone(),
                };
                (aim, subject)
            }
        };
        let before = logout.issued.saturating_add(CLOCK_BEHIND);
        let before = (before < now).then_some(before);
        let revocation = self
            .end_foreign_sessions(provider.account, aim, before, &provider.name, &whom)
            .await?;
        Ok(Ended {
            account: provider.account,
            provider: provider.name.clone(),
            subject: logout.subject.clone().unwrap_or(whom),
            at: now,
            revocation_id: revocation.id,
            why: "the provider says that they have signed out".to_owned(),
        })
    }

    /// The OpenID Connect provider of an ARN, if sessions are bound to it.
    async fn bound_provider(&self, arn: &str) -> Result<Option<WebProvider>, Error> {
        let id = Arn::parse(arn).and_then(|arn| AccountId::parse(arn.account()).ok());
        let Some(id) = id else { return Ok(None) };
        let Some(account) = self.account(id).await? else {
            return Ok(None);
        };
        let url = arn.strip_prefix(&account.iam_arn("oidc-provider/"));
        let registered = url.and_then(|url| account.open_id_connect_providers.get(url));
        let provider = registered.map(|registered| WebProvider::registered(&account, registered));
        let is_bound = |provider: &WebProvider| {
            let settings = provider.settings.as_ref();
            settings.is_some_and(|settings| settings.binding.is_some())
        };
        Ok(provider.filter(is_bound))
    }
}

/// Why a token of the provider is no logout token (section 2.6).
enum NoLogout {
    Event,
    Nonce,
    Whom,
    Id,
    Issued,
}

impl fmt::Display for NoLogout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Event => "the token's `events` do not say that somebody has signed out",
            Self::Nonce => "the token has a `nonce`: it is for signing in",
            Self::Whom => "the token says neither `sub` nor `sid`",
            Self::Id => "the token has no `jti`",
            Self::Issued => "the token does not say when it was made",
        })
    }
}

/// Whether a token says that somebody has signed out, whatever its type.
pub(super) fn is_event(verified: &Verified) -> bool {
    let Some(Json::Object(events)) = verified.claim("events") else {
        return false;
    };
    matches!(events.get(EVENT), Some(Json::Object(_)))
}

fn logout(verified: &Verified) -> Result<Logout, NoLogout> {
    if !is_event(verified) {
        return Err(NoLogout::Event);
    }
    if verified.claims().contains_key("nonce") {
        return Err(NoLogout::Nonce);
    }
    let text = |name| match verified.text(name) {
        Ok(text) => Ok(text.filter(|text| !text.is_empty()).map(str::to_owned)),
        Err(_) => Err(NoLogout::Whom),
    };
    let subject = match verified.claim("sub") {
        None => None,
        // As sessions have it.
        Some(_) => verified.subject().map(Some).map_err(|_| NoLogout::Whom)?,
    };
    let subject = subject.filter(|subject| !subject.is_empty());
    let session_id = text("sid")?;
    if subject.is_none() && session_id.is_none() {
        return Err(NoLogout::Whom);
    }
    let id = text("jti").ok().flatten().ok_or(NoLogout::Id)?;
    if id.len() > LONGEST_ID {
        return Err(NoLogout::Id);
    }
    let issued = match verified.claim("iat") {
        Some(Json::Integer(at)) => Seconds::try_from(*at).map_err(|_| NoLogout::Issued)?,
        _ => return Err(NoLogout::Issued),
    };
    Ok(Logout {
        subject,
        session_id,
        id,
        issued,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_logout_token_counts_once_in_bounded_memory() {
        let tokens = LogoutTokens::default();
        let id = |number: usize| ("arn:p".to_owned(), number.to_string());
        for number in 0..MOST_REMEMBERED + 10 {
            tokens.take(id(number), 100 + number as Seconds, 0);
        }
        // Those that are over soonest have made room.
        assert!(!tokens.has(&id(9), 0) && tokens.has(&id(10), 0));
        assert!(tokens.has(&id(MOST_REMEMBERED + 9), 0));
        assert!(!tokens.has(&("arn:q".to_owned(), "10".to_owned()), 0));
        assert!(!tokens.has(&id(10), 110));
        assert_eq!(tokens.0.lock().unwrap().len(), MOST_REMEMBERED);
    }
}
