//! Issuers: their keys, made one at a time, and how others find them.

use super::Realm;
use crate::account::Account;
use crate::entity::Issuer;
use crate::environment::Seconds;
use crate::error::Error;
use crate::issuer::{
    Algorithm, Fresh, ISSUERS_PATH, IssuerId, IssuerState, KeyMaker, OnTheSpot, OutboundFault,
    PUBLISHED_AHEAD, PublicUrl,
};
use crate::names::AccountId;
use crate::operation::{Call, Draft};
use std::sync::Arc;
use tokio::sync::Mutex;

/// What issuing tokens needs from outside.
pub(super) struct Issuing {
    public_url: Option<PublicUrl>,
    maker: Arc<dyn KeyMaker>,
    /// Held while keys are made: one at a time, however many ask.
    turn: Mutex<()>,
}

impl Default for Issuing {
    fn default() -> Self {
        Self {
            public_url: None,
            maker: Arc::new(OnTheSpot),
            turn: Mutex::new(()),
        }
    }
}

/// What becomes of the keys that are there when an issuer gets new ones.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OldKeys {
    /// They sign until the new ones have been published for a day, and verify as long as what they
    /// signed is valid.
    Fade,
    /// Somebody else may have them: from now on they neither sign nor verify.
    Withdraw,
}

impl Realm {
    /// The realm, of which others know that it is reached at `public_url`, with keys made by `maker`.
    #[must_use]
    pub fn with_issuing(mut self, public_url: Option<PublicUrl>, maker: Arc<dyn KeyMaker>) -> Self {
        self.issuing = Issuing {
            public_url,
            maker,
            turn: Mutex::new(()),
        };
        self
    }

    /// The URL of an issuer, as its tokens and its discovery document have it.
    ///
    /// # Errors
    /// [`Error::Outbound`], if the server's public URL is not known.
    pub fn issuer_url(&self, id: &IssuerId) -> Result<String, Error> {
        let base = self.public_url()?.as_str();
        Ok(format!("{base}{ISSUERS_PATH}{id}"))
    }

    fn public_url(&self) -> Result<&PublicUrl, Error> {
        let unset = Error::Outbound(OutboundFault::NoPublicUrl);
        self.issuing.public_url.as_ref().ok_or(unset)
    }

    /// The issuer of that identifier, whether or not it issues tokens at present. Anyone may ask, so
    /// nothing is made, and nothing but accounts that exist is loaded.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`], if its account has to be loaded and cannot.
    pub async fn issuer(&self, id: &IssuerId) -> Result<Option<Arc<IssuerState>>, Error> {
        let account = self.account(id.account()).await?;
        let issuer = account.and_then(|account| account.issuer.clone());
        Ok(issuer.filter(|state| state.issuer.id == *id))
    }

    /// Whether tokens with that `iss` are this realm's own, by whatever name the server was reached
    /// when they were issued. They identify principals to others; nobody becomes a principal here by
    /// one (AssumeRoleWithWebIdentity refuses them, as AWS's does).
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn is_own_issuer(&self, url: &str) -> Result<bool, Error> {
        let id = url.rsplit_once(ISSUERS_PATH).map(|(_, id)| id);
        match id.and_then(IssuerId::parse) {
            Some(id) => Ok(self.issuer(&id).await?.is_some()),
            None => Ok(false),
        }
    }

    /// Lets the caller's account issue tokens; at first, gives it an issuer with keys.
    pub(crate) async fn enable_issuer(&self, call: &Call<'_>) -> Result<String, Error> {
        let account = call.account()?.id;
        // Without a URL there would be an issuer that nobody can name.
        self.public_url()?;
        let _turn = self.issuing.turn.lock().await;
        let before = self.account(account).await?;
        let before = before.and_then(|account| account.issuer.clone());
        let mut fresh = Vec::new();
        match before {
            Some(state) if state.issuer.enabled => {
                return Err(Error::Outbound(OutboundFault::Enabled));
            }
            Some(_) => {}
            None => fresh = self.make(Algorithm::ALL).await?,
        }
        let id = call
            .change(|draft| {
                let mut issuer = match &draft.account.issuer {
                    Some(state) if state.issuer.enabled => {
                        return Err(Error::Outbound(OutboundFault::Enabled));
                    }
                    Some(state) => state.issuer.clone(),
                    None => Issuer {
                        id: IssuerId::generate(account, draft.entropy),
                        enabled: false,
                        keys: Vec::new(),
                    },
                };
                issuer.enabled = true;
                if issuer.keys.is_empty() {
                    add_all(&mut issuer, &fresh, draft, draft.now)?;
                }
                let id = issuer.id.clone();
                draft.change.put(issuer);
                Ok(id)
            })
            .await?;
        self.issuer_url(&id)
    }

    /// Gives the issuer of an account new keys, now: for its operator. Where the next key of an
    /// algorithm waits for its time already, [`OldKeys::Fade`] makes no other.
    ///
    /// # Errors
    /// [`Error::Outbound`], if the account has no issuer; [`Error::ServiceUnavailable`],
    /// [`Error::Internal`].
    pub async fn rotate_issuer_keys(
        &self,
        account: AccountId,
        old: OldKeys,
    ) -> Result<Arc<IssuerState>, Error> {
        let wanted = |state: &IssuerState, now| match old {
            OldKeys::Fade => state.issuer.rotatable(now).collect(),
            OldKeys::Withdraw => Algorithm::ALL.into(),
        };
        self.rotate(account, old, wanted).await
    }

    async fn rotate(
        &self,
        account: AccountId,
        old: OldKeys,
        wanted: impl Fn(&IssuerState, Seconds) -> Vec<Algorithm>,
    ) -> Result<Arc<IssuerState>, Error> {
        let _turn = self.issuing.turn.lock().await;
        let now = self.environment.clock.now();
        let state = self.issuer_of(account).await?;
        let origin = self.own_origin("RotateIssuerKeys");
        let fresh = self.make(wanted(&state, now)).await?;
        let publish = |draft: &mut Draft<'_>| rotate(draft, &fresh, old);
        self.change(account, &origin, publish).await?;
        self.issuer_of(account).await
    }

    async fn issuer_of(&self, account: AccountId) -> Result<Arc<IssuerState>, Error> {
        let account = self.account(account).await?;
        let issuer = account.and_then(|account| account.issuer.clone());
        issuer.ok_or(Error::Outbound(OutboundFault::NotEnabled))
    }

    /// Publishes the next key of every issuer in use whose keys will have signed for long enough.
    /// Issuers of accounts that are not in memory wait until somebody uses them.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`], [`Error::Internal`]: the keys that are there go on signing.
    pub async fn rotate_due_issuer_keys(&self) -> Result<(), Error> {
        let accounts = self.accounts.loaded();
        let mut result = Ok(());
        for account in accounts {
            if is_due(&account, self.environment.clock.now()) {
                let due = |state: &IssuerState, now| state.issuer.due(now).collect();
                // One account's failure is not another's.
                result = self
                    .rotate(account.id, OldKeys::Fade, due)
                    .await
                    .map(drop)
                    .and(result);
            }
        }
        result
    }

    async fn make(
        &self,
        algorithms: impl IntoIterator<Item = Algorithm>,
    ) -> Result<Vec<Fresh>, Error> {
        let mut made = Vec::new();
        for algorithm in algorithms {
            let private = self.issuing.maker.make(algorithm).await;
            let private = private.map_err(|fault| Error::Internal(Box::new(fault)))?;
            made.push(Fresh { algorithm, private });
        }
        Ok(made)
    }
}

fn is_due(account: &Account, now: Seconds) -> bool {
    let issuer = account.issuer.as_ref();
    // Without tokens nobody needs new keys.
    issuer.is_some_and(|state| state.issuer.enabled && state.issuer.due(now).next().is_some())
}

fn rotate(draft: &mut Draft<'_>, fresh: &[Fresh], old: OldKeys) -> Result<(), Error> {
    let state = draft.account.issuer.as_ref();
    let state = state.ok_or(Error::Outbound(OutboundFault::NotEnabled))?;
    let mut issuer = state.issuer.clone();
    match old {
        OldKeys::Fade => {
            // Another process may have been first.
            let wanted: Vec<_> = issuer.rotatable(draft.now).collect();
            let fresh = fresh.iter().filter(|one| wanted.contains(&one.algorithm));
            add_all(&mut issuer, fresh, draft, draft.now + PUBLISHED_AHEAD)?;
        }
        OldKeys::Withdraw => {
            add_all(&mut issuer, fresh, draft, draft.now)?;
            for one in fresh {
                issuer.withdraw(one.algorithm);
            }
        }
    }
    if issuer != state.issuer {
        draft.change.put(issuer);
    }
    Ok(())
}

fn add_all<'a>(
    issuer: &mut Issuer,
    fresh: impl IntoIterator<Item = &'a Fresh>,
    draft: &Draft<'_>,
    signs_from: Seconds,
) -> Result<(), Error> {
    for one in fresh {
        issuer.add(one, draft.now, signs_from, (draft.root_key, draft.entropy))?;
    }
    Ok(())
}
