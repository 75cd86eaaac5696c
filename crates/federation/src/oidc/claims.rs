//! What a verified token says.

use super::fault::Fault;
use super::json::{Json, Object};
use std::collections::HashMap;

/// By how many seconds the clocks of provider and server may differ: AWS's five minutes.
pub const TOLERANCE: i64 = 300;

/// What a token says whose signature was verified: the only way to its claims.
///
/// Whether it is for us, and now, is the caller's to ask: [`Verified::check_times`],
/// [`Verified::audience`].
#[derive(Clone, Debug)]
pub struct Verified {
    issuer: String,
    claims: Object,
}

/// Whom a token is for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Audience {
    /// Whom it was issued to: `azp` where there is one, else the one `aud`.
    pub client: String,
    /// `aud`
    pub all: Vec<String>,
    /// `azp`
    pub authorized_party: Option<String>,
}

impl Verified {
    pub(super) const fn new(issuer: String, claims: Object) -> Self {
        Self { issuer, claims }
    }

    /// `iss`
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// All claims.
    pub const fn claims(&self) -> &Object {
        &self.claims
    }

    /// A claim; one that is null counts as missing.
    pub fn claim(&self, name: &str) -> Option<&Json> {
        self.claims.get(name).filter(|value| **value != Json::Null)
    }

    /// A claim that is a text, if it is there.
    ///
    /// # Errors
    /// [`Fault::Claim`], if it is something else.
    pub fn text(&self, name: &'static str) -> Result<Option<&str>, Fault> {
        match self.claim(name) {
            None => Ok(None),
            Some(Json::Text(text)) => Ok(Some(text)),
            Some(_) => Err(wrong(name, "a text")),
        }
    }

    /// `sub`. It may be empty, and a whole number is the text of it.
    ///
    /// # Errors
    /// [`Fault::Missing`], [`Fault::Claim`]
    pub fn subject(&self) -> Result<String, Fault> {
        match self.claim("sub") {
            None => Err(Fault::Missing("sub")),
            Some(Json::Text(text)) => Ok(text.clone()),
            Some(Json::Integer(number)) => Ok(number.to_string()),
            Some(_) => Err(wrong("sub", "a text or a whole number")),
        }
    }

    /// Whom it is for.
    ///
    /// # Errors
    /// [`Fault::Missing`] and [`Fault::Claim`]; [`Fault::SeveralAudiences`], where nothing decides.
    pub fn audience(&self) -> Result<Audience, Fault> {
        let audience = self.claim("aud").ok_or(Fault::Missing("aud"))?;
        let all = audience.texts().filter(|all| !all.is_empty());
        let all = all.ok_or_else(|| wrong("aud", "a text or an array of texts"))?;
        let authorized_party = self.text("azp")?;
        let client = match (authorized_party, all.as_slice()) {
            (Some(party), _) => party,
            (None, [one]) => one,
            (None, several) => {
                let several = several.iter().map(|one| (*one).to_owned());
                return Err(Fault::SeveralAudiences(several.collect()));
            }
        };
        Ok(Audience {
            client: client.to_owned(),
            all: all.iter().map(|one| (*one).to_owned()).collect(),
            authorized_party: authorized_party.map(str::to_owned),
        })
    }

    /// That it is valid now: `exp`, `iat` and, if it is there, `nbf`. Gives `exp`.
    ///
    /// # Errors
    /// [`Fault::Missing`], [`Fault::Claim`], [`Fault::Expired`], [`Fault::NotYet`]
    pub fn check_times(&self, now: i64) -> Result<i64, Fault> {
        let expiry = self.date("exp")?.ok_or(Fault::Missing("exp"))?;
        let issued = self.date("iat")?.ok_or(Fault::Missing("iat"))?;
        let not_before = self.date("nbf")?;
        if now >= expiry.saturating_add(TOLERANCE) {
            return Err(Fault::Expired { now, expiry });
        }
        for (claim, at) in [("nbf", not_before), ("iat", Some(issued))] {
            if let Some(at) = at.filter(|at| now.saturating_add(TOLERANCE) < *at) {
                return Err(Fault::NotYet { claim, now, at });
            }
        }
        Ok(expiry)
    }

    /// That no two claims have names that policies could not tell apart.
    ///
    /// # Errors
    /// [`Fault::Alike`]
    pub fn check_names(&self) -> Result<(), Fault> {
        let mut seen = HashMap::new();
        for name in self.claims.keys() {
            if let Some(other) = seen.insert(name.to_lowercase(), name) {
                return Err(Fault::Alike(other.clone(), name.clone()));
            }
        }
        Ok(())
    }

    /// A date in whole seconds, or the text of one.
    fn date(&self, name: &'static str) -> Result<Option<i64>, Fault> {
        let date = match self.claim(name) {
            None => return Ok(None),
            Some(Json::Integer(seconds)) => i64::try_from(*seconds).ok(),
            Some(Json::Text(text)) if text.bytes().all(|b| b.is_ascii_digit()) => text.parse().ok(),
            Some(_) => None,
        };
        let date = date.ok_or_else(|| wrong(name, "a time in whole seconds since 1970"))?;
        Ok(Some(date))
    }
}

fn wrong(name: &str, wanted: &'static str) -> Fault {
    Fault::Claim {
        name: name.to_owned(),
        wanted,
    }
}
