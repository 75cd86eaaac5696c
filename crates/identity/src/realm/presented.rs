//! Temporary credentials: those that sign a request, those that are shown whole, and those that a browser
//! keeps in a ticket.

use super::Realm;
use crate::account::Account;
use crate::caller::{Caller, Credentials, Who, session_policies};
use crate::directory::Directory;
use crate::environment::Seconds;
use crate::error::Error;
use crate::ids::AccessKeyId;
use crate::names::AccountId;
use crate::sealing::Secret;
use crate::session::live::LiveSession;
use crate::session::{Keyring, Session, TicketKind};
use locum_sigv4::{Claim, Verified, constant_time_eq};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Temporary credentials that work, and whose they are.
#[derive(Debug)]
pub struct Presented {
    /// Who they act as.
    pub caller: Caller,
    /// The secret access key.
    pub secret: Secret,
}

/// A session that is neither over nor revoked, and whose principal is there.
struct Living {
    live: Arc<LiveSession>,
    /// Whether it was in use before.
    is_kept: bool,
    keyring: Keyring,
    account: Arc<Account>,
    directory: Arc<Directory>,
    who: Who,
}

impl Living {
    fn into_caller(self) -> Caller {
        let session = &self.live.session;
        let credentials = Credentials::Temporary {
            access_key_id: self.live.access_key_id().to_owned(),
            policies: session_policies(&self.account, session),
            session: session.clone(),
        };
        Caller::new(self.account, self.directory, self.who, credentials)
    }
}

impl Realm {
    pub(super) async fn temporary(
        &self,
        claim: &Claim<'_>,
        token: &str,
        now: Seconds,
        body_sha256: Option<&[u8; 32]>,
    ) -> Result<(Caller, Verified), Error> {
        let living = self.living(claim.access_key_id(), token, now).await?;
        let live = &living.live;
        let verified = live.keys.verify(&live.secret, claim, body_sha256)?;
        if !living.is_kept {
            living.keyring.live().keep(live.clone());
        }
        Ok((living.into_caller(), verified))
    }

    /// Whose temporary credentials these are, shown whole instead of signing with them: all three parts
    /// must belong together.
    ///
    /// # Errors
    /// As [`Realm::authenticate`] of credentials; a secret access key that is not theirs is
    /// [`Error::InvalidClientTokenId`].
    pub async fn present(
        &self,
        access_key_id: &str,
        secret: &str,
        token: &str,
    ) -> Result<Presented, Error> {
        let presented = self.recall(access_key_id, token).await?;
        let is_theirs = constant_time_eq(presented.secret.expose().as_bytes(), secret.as_bytes());
        is_theirs
            .then_some(presented)
            .ok_or(Error::InvalidClientTokenId)
    }

    /// The credentials of a token that this realm kept for who has them. Who calls this must know that
    /// by something else: nothing here proves that they are the asker's.
    ///
    /// # Errors
    /// As [`Realm::authenticate`] of credentials.
    pub async fn recall(&self, access_key_id: &str, token: &str) -> Result<Presented, Error> {
        let now = self.environment.clock.now();
        let living = self.living(access_key_id, token, now).await?;
        let secret = living.live.secret.clone();
        let caller = living.into_caller();
        Ok(Presented { caller, secret })
    }

    /// Seals what a browser is to bring back within `lifetime` seconds, together with `binding`.
    ///
    /// # Errors
    /// [`Error::Internal`]
    pub fn seal_ticket(
        &self,
        kind: TicketKind,
        binding: &[u8],
        body: &[u8],
        lifetime: Seconds,
    ) -> Result<String, Error> {
        let (clock, entropy) = (&self.environment.clock, &*self.environment.entropy);
        let times = (clock.now(), clock.now() + lifetime);
        let sealed = self
            .keyring()?
            .seal_ticket(kind, binding, body, times, entropy);
        sealed.map_err(|_| Error::Internal("a ticket cannot be sealed".into()))
    }

    /// What [`Realm::seal_ticket`] sealed for that step and binding, and when it ends. `None` if it is
    /// another's, or too old.
    pub fn open_ticket(
        &self,
        kind: TicketKind,
        binding: &[u8],
        ticket: &str,
    ) -> Option<(Zeroizing<Vec<u8>>, Seconds)> {
        let now = self.environment.clock.now();
        let keyring = self.keyring().ok()?;
        keyring.open_ticket(kind, binding, ticket, now).ok()
    }

    async fn living(&self, id: &str, token: &str, now: Seconds) -> Result<Living, Error> {
        if !AccessKeyId::is_temporary(id) {
            return Err(Error::InvalidClientTokenId);
        }
        let mut directory = self.directory();
        let keyring = directory
            .keyring()
            .cloned()
            .ok_or(Error::InvalidSessionToken)?;
        let kept = keyring.live().find(id, token);
        let is_kept = kept.is_some();
        let live = match kept {
            Some(live) => live,
            None => {
                let (session, secret) = keyring
                    .open(id, token)
                    .map_err(|_| Error::InvalidSessionToken)?;
                Arc::new(LiveSession::new(id, token, session, secret))
            }
        };
        if now >= live.session.expires {
            return Err(Error::ExpiredToken);
        }
        let account = AccessKeyId::account_of(id).ok_or(Error::InvalidSessionToken)?;
        let (account, who) = match self.holder(&directory, account, &live.session).await {
            // Another process may have made the principal, and minted the session, just now.
            Err(Error::InvalidClientTokenId) => {
                self.catch_up().await?;
                directory = self.directory();
                self.holder(&directory, account, &live.session).await?
            }
            found => found?,
        };
        if live.is_revoked(directory.revocations(), account.id) {
            return Err(Error::ExpiredToken);
        }
        if let Who::AssumedRole { role, .. } = &who
            && now >= role.role.limits.end_of(&live.session)
        {
            return Err(Error::ExpiredToken);
        }
        Ok(Living {
            live,
            is_kept,
            keyring,
            account,
            directory,
            who,
        })
    }

    /// The account of a session and whom it acts as there.
    async fn holder(
        &self,
        directory: &Directory,
        id: AccountId,
        session: &Session,
    ) -> Result<(Arc<Account>, Who), Error> {
        let account = self.account(id).await?;
        let account = account.ok_or(Error::InvalidClientTokenId)?;
        let who = Who::of_session(&account, directory, session)?;
        Ok((account, who))
    }
}
