//! The realm: every account, in memory as far as it is used, in front of the store.
//!
//! Readers take one pointer and never wait. A writer makes the next value of an account, commits
//! it against the version it started from, and publishes it; when another writer was first, it
//! starts again on the fresh account (`pipeline`).

use crate::access::Accesses;
use crate::account::{Account, BucketState, KeyState};
use crate::caller::{Caller, Credentials, Who};
use crate::directory::Directory;
use crate::entity::{Change, KeyOwner, KeyStatus};
use crate::environment::Environment;
use crate::error::Error;
use crate::http_fetcher::HttpFetcher;
use crate::last_use::LastUses;
use crate::ldap::DirectoryServer;
use crate::names::AccountId;
use crate::operation::{Call, Draft};
use crate::port::{Committed, FeedEntry, LastUse, Origin, Scope, Store, Write};
use crate::sealing::RootKey;
use crate::services::{ServiceCaller, ServiceKeyState, Source};
use crate::session::Keyring;
use crate::session_use::SessionUses;
use crate::signing::Decoy;
use crate::thumbprint::CertificateFetcher;
use crate::web_identity::{KeySets, LogoutTokens};
use arc_swap::ArcSwap;
use locum_sigv4::{Claim, Verified};
use pipeline::Turn;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::Mutex;

mod access;
mod accounts;
mod aws_managed;
mod beside;
mod bootstrap;
mod buckets;
mod issuing;
mod password_sign_in;
mod passwords;
mod pipeline;
mod presented;
mod provider_settings;
mod quotas;
mod restore;
mod role_templates;
mod services;
mod sources;
mod sweep;
mod token_keys;

pub use aws_managed::ImportedPolicies;
pub(crate) use bootstrap::generate_secret;
pub use bootstrap::{Bootstrap, RootCredentials};
pub use buckets::CreatedBucket;
pub use issuing::OldKeys;
pub use password_sign_in::PasswordSignIn;
pub use passwords::{SignedIn, Standing};
pub use presented::Presented;
pub use provider_settings::{ProviderSettingsFault, SettingsSealer};
pub use quotas::QuotaFault;
pub use restore::{OldCredentials, Restored};
pub use role_templates::RoleTemplateFault;
pub use services::{NewServiceKey, ServiceFault};
pub(crate) use sweep::sweep;
pub use token_keys::{NotRetired, TokenKeyState};

/// How often a lost race is tried again before the caller is told to.
const ATTEMPTS: usize = 20;
/// Feed entries read at once.
const FEED_PAGE: usize = 1000;

/// Every account and what is common to them.
pub struct Realm {
    store: Arc<dyn Store>,
    environment: Environment,
    pub(crate) root_key: RootKey,
    directory: Cell<Directory>,
    accounts: accounts::Accounts,
    cursor: AtomicU64,
    reloads: Reloads,
    last_uses: LastUses,
    accesses: Accesses,
    issuing: issuing::Issuing,
    certificates: Arc<dyn CertificateFetcher>,
    fetcher: Arc<dyn HttpFetcher>,
    directories: Arc<dyn DirectoryServer>,
    key_sets: KeySets,
    logout_tokens: LogoutTokens,
    hashing: passwords::Hashing,
    decoy: Decoy,
    session_uses: SessionUses,
}

/// Loading all accounts again, which can fail in the middle, or be cancelled with the request that
/// happened to do it: whoever follows the feed next carries on.
#[derive(Default)]
struct Reloads {
    /// How often it was called for.
    wanted: AtomicU64,
    /// Up to which of these it is done.
    done: Mutex<u64>,
}

/// A value that readers take without waiting and one writer at a time replaces.
struct Cell<T> {
    value: ArcSwap<T>,
    writer: Mutex<()>,
}

impl<T> Cell<T> {
    fn new(value: T) -> Self {
        Self {
            value: ArcSwap::from_pointee(value),
            writer: Mutex::new(()),
        }
    }
}

impl Realm {
    /// The time and the randomness.
    pub fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The accounts and the organization.
    pub fn directory(&self) -> Arc<Directory> {
        self.directory.value.load_full()
    }

    /// When keys and roles were last used.
    pub fn last_uses(&self) -> &LastUses {
        &self.last_uses
    }

    /// The realm, with a way to ask the servers of identity providers for their certificates.
    #[must_use]
    pub fn with_certificates(mut self, certificates: Arc<dyn CertificateFetcher>) -> Self {
        self.certificates = certificates;
        self
    }

    /// The realm, with a way to ask the servers of identity providers.
    #[must_use]
    pub fn with_fetcher(mut self, fetcher: Arc<dyn HttpFetcher>) -> Self {
        self.fetcher = fetcher;
        self
    }

    pub(crate) fn fetcher(&self) -> &dyn HttpFetcher {
        &*self.fetcher
    }

    pub(crate) fn root_key(&self) -> &RootKey {
        &self.root_key
    }

    pub(crate) fn logout_tokens(&self) -> &LogoutTokens {
        &self.logout_tokens
    }

    pub(crate) fn key_sets(&self) -> &KeySets {
        &self.key_sets
    }

    pub(crate) fn certificates(&self) -> &dyn CertificateFetcher {
        &*self.certificates
    }

    /// Which sessions were in use lately.
    pub fn session_uses(&self) -> &SessionUses {
        &self.session_uses
    }

    /// An account; `None` if there is none of that id.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`], if it has to be loaded and cannot.
    pub async fn account(&self, id: AccountId) -> Result<Option<Arc<Account>>, Error> {
        Ok(self.cell(id).await?.and_then(|cell| cell.value()))
    }

    /// Authenticates a signed request: whose credentials they are, whether they live, and whether
    /// the signature is theirs. `body_sha256` is the hash of the body where it was read already.
    ///
    /// The order of the checks is AWS's: signature form, date and scope, token, expiry, key,
    /// signature.
    ///
    /// # Errors
    /// [`Error::Signature`], [`Error::InvalidClientTokenId`], [`Error::InvalidSessionToken`],
    /// [`Error::ExpiredToken`], [`Error::ServiceUnavailable`].
    pub async fn authenticate(
        &self,
        claim: &Claim<'_>,
        service: &str,
        body_sha256: Option<&[u8; 32]>,
    ) -> Result<(Caller, Verified), Error> {
        let now = self.environment.clock.now();
        claim.check(now, service)?;
        match claim.session_token() {
            Some(token) => self.temporary(claim, token, now, body_sha256).await,
            None => self.long_term(claim, body_sha256).await,
        }
    }

    async fn long_term(
        &self,
        claim: &Claim<'_>,
        body_sha256: Option<&[u8; 32]>,
    ) -> Result<(Caller, Verified), Error> {
        let id = claim.access_key_id();
        let directory = self.directory();
        let account = match directory.account_of_key(id) {
            Some(account) => self.account(account).await?,
            None => None,
        };
        let Some((account, state, who)) = account.and_then(|account| active_key(account, id))
        else {
            if let Some(key) = directory.services().key(id) {
                return service(key, claim, &directory, body_sha256);
            }
            self.decoy.verify(claim, body_sha256);
            return Err(Error::InvalidClientTokenId);
        };
        let verified = state.keys.verify(&state.secret, claim, body_sha256)?;
        let credentials = Credentials::LongTerm {
            access_key_id: id.to_owned(),
        };
        Ok((Caller::new(account, directory, who, credentials), verified))
    }

    /// Refuses a caller whose session was revoked since it was authenticated: a request may take as long
    /// as its client likes to send the body.
    ///
    /// # Errors
    /// [`Error::ExpiredToken`]
    pub fn check_unrevoked(&self, caller: &Caller) -> Result<(), Error> {
        caller.check_unrevoked(&self.directory())
    }

    /// The caller of an unsigned request.
    pub fn anonymous(&self) -> Caller {
        Caller::anonymous(self.directory())
    }

    /// The keyring that seals tokens.
    ///
    /// # Errors
    /// [`Error::Internal`], if the realm has none.
    pub(crate) fn keyring(&self) -> Result<Keyring, Error> {
        self.directory
            .value
            .load()
            .keyring()
            .cloned()
            .ok_or_else(|| Error::Internal("the realm has no keyring".into()))
    }

    /// Changes one account.
    pub(crate) async fn change<T: Send>(
        &self,
        id: AccountId,
        origin: &Origin,
        mutate: impl Fn(&mut Draft<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        self.change_if(id, origin, None, mutate).await
    }

    /// Changes the account of a caller, as it was decided: the decision holds for the very account
    /// that is changed.
    pub(crate) async fn change_as_decided<T: Send>(
        &self,
        call: &Call<'_>,
        mutate: impl Fn(&mut Draft<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let id = call.account()?.id;
        self.change_if(id, &call.origin(), Some(call), mutate).await
    }

    /// Changes the realm, as it was decided for a caller.
    pub(crate) async fn change_directory<T: Send>(
        &self,
        call: &Call<'_>,
        mutate: impl Fn(&Directory, &mut Change) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        self.change_directory_if(&call.origin(), Some(call), mutate)
            .await
    }

    async fn change_directory_if<T: Send>(
        &self,
        origin: &Origin,
        call: Option<&Call<'_>>,
        mutate: impl Fn(&Directory, &mut Change) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let _turn = self.directory.writer.lock().await;
        let mut decided = call.map(Decided::of).transpose()?;
        for _ in 0..ATTEMPTS {
            let directory = self.directory();
            if let Some(decided) = &mut decided {
                decided.uphold_now(self, &directory).await?;
            }
            let mut change = Change::default();
            let output = mutate(&directory, &mut change)?;
            if change.is_empty() {
                return Ok(output);
            }
            let next = directory.apply(&change, &self.root_key)?;
            let writes = vec![write(Scope::Realm, directory.version, &change)?];
            match self.store.commit(writes, origin.clone()).await? {
                Committed::Yes => {
                    self.directory.value.store(Arc::new(next));
                    return Ok(output);
                }
                Committed::Conflict => self.reload_directory().await?,
            }
        }
        Err(Error::ServiceUnavailable(
            "too many writers to the realm".into(),
        ))
    }

    /// Changes the realm and one account together, where `call` is given as it was decided for its
    /// caller. The account may be one that the change creates.
    pub(crate) async fn change_with_directory<T: Send>(
        &self,
        account: impl Fn(&Directory) -> Result<AccountId, Error> + Send + Sync,
        origin: &Origin,
        call: Option<&Call<'_>>,
        mutate: impl Fn(&Directory, &mut Change, &mut Draft<'_>) -> Result<T, Error> + Send + Sync,
    ) -> Result<T, Error> {
        let _directory_turn = self.directory.writer.lock().await;
        let mut decided = call.map(Decided::of).transpose()?;
        for _ in 0..ATTEMPTS {
            let directory = self.directory();
            if let Some(decided) = &mut decided {
                decided.uphold_now(self, &directory).await?;
            }
            let id = account(&directory)?;
            let cell = self.cell(id).await?;
            let turn = match &cell {
                Some(cell) => match self.turn_alone(cell).await? {
                    Some(turn) => Some(turn),
                    None => continue,
                },
                None => None,
            };
            let before = turn.as_ref().and_then(Turn::newest);
            let before = before.unwrap_or_else(|| Arc::new(Account::empty(id)));
            let mut draft = self.draft(&before);
            let mut realm_change = Change::default();
            let output = mutate(&directory, &mut realm_change, &mut draft)?;
            let change = draft.change;
            let next_directory = directory.apply(&realm_change, &self.root_key)?;
            let next = before.apply(&change, &self.root_key)?;
            let mut writes = Vec::new();
            for (scope, version, change) in [
                (Scope::Realm, directory.version, &realm_change),
                (Scope::Account(id), before.version, &change),
            ] {
                if !change.is_empty() {
                    writes.push(write(scope, version, change)?);
                }
            }
            if writes.is_empty() {
                return Ok(output);
            }
            let committed = self.store.commit(writes, origin.clone()).await;
            if let Some(turn) = &turn
                && !matches!(committed, Ok(Committed::Yes))
            {
                turn.distrust();
            }
            match committed? {
                Committed::Yes => {
                    if !change.is_empty()
                        && let Some(turn) = &turn
                    {
                        turn.publish(next);
                    }
                    if !realm_change.is_empty() {
                        self.directory.value.store(Arc::new(next_directory));
                    }
                    return Ok(output);
                }
                Committed::Conflict => {
                    // It may have to load this account too.
                    drop(turn);
                    self.reload_directory().await?;
                }
            }
        }
        Err(Error::ServiceUnavailable(
            "too many writers to one account".into(),
        ))
    }

    /// Takes in what other processes committed to the store since the last call.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`], while the store cannot be reached: the view stays as it is.
    pub async fn catch_up(&self) -> Result<(), Error> {
        self.finish_reload().await?;
        loop {
            let cursor = self.cursor.load(Ordering::Acquire);
            let entries = self.store.feed(cursor, FEED_PAGE).await?;
            let Some(last) = entries.last().map(|entry| entry.sequence) else {
                return Ok(());
            };
            for entry in &entries {
                self.follow(entry).await?;
            }
            self.cursor.fetch_max(last, Ordering::AcqRel);
        }
    }

    async fn follow(&self, entry: &FeedEntry) -> Result<(), Error> {
        match entry.scope {
            Scope::Realm => {
                let _turn = self.directory.writer.lock().await;
                if self.directory.value.load().version < entry.version {
                    self.reload_directory().await?;
                }
            }
            Scope::Account(id) => {
                // Most changes are this process's own.
                if let Some(cell) = self.accounts.held(id)
                    && cell.version() < entry.version
                    && let Some(turn) = self.turn_alone(&cell).await?
                    && turn
                        .newest()
                        .is_some_and(|account| account.version < entry.version)
                {
                    turn.publish(self.load(id).await?);
                }
            }
        }
        Ok(())
    }

    /// The last use of an access key or role, whatever process saw it: others' uses are known once
    /// they have written them down.
    pub(crate) async fn last_use(&self, account: AccountId, subject: &str) -> Option<LastUse> {
        self.refresh_last_uses(account).await;
        self.last_uses.of(account, subject)
    }

    async fn refresh_last_uses(&self, account: AccountId) {
        // While the store does not answer, what this process knows has to do.
        if self.last_uses.is_due(account, self.environment.clock.now())
            && let Ok(uses) = self.store.last_uses(account).await
        {
            self.last_uses.load(uses);
        }
    }

    /// Writes down the last uses and attempts at actions that the store does not have yet.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn save_last_uses(&self) -> Result<(), Error> {
        let uses = self.last_uses.take_unsaved();
        if !uses.is_empty() {
            let saved = self.store.save_last_uses(uses.clone()).await;
            if saved.is_err() {
                self.last_uses.put_back(uses);
            }
            saved?;
        }
        self.save_accesses().await
    }

    async fn reload_directory(&self) -> Result<(), Error> {
        let loaded = self.store.load(Scope::Realm).await?;
        let mut directory = Directory::load(loaded.version, &loaded.records, &self.root_key)?;
        let before = self.directory();
        directory.keep_keyring(&before);
        directory.keep_aws_managed(&before);
        let same = Arc::ptr_eq(directory.aws_managed(), before.aws_managed());
        self.directory.value.store(Arc::new(directory));
        if same {
            Ok(())
        } else {
            self.reload_accounts().await
        }
    }

    /// Loads every account in memory again: what they are resolved against has changed.
    async fn reload_accounts(&self) -> Result<(), Error> {
        self.reloads.wanted.fetch_add(1, Ordering::AcqRel);
        self.finish_reload().await
    }

    async fn finish_reload(&self) -> Result<(), Error> {
        let mut done = self.reloads.done.lock().await;
        let wanted = self.reloads.wanted.load(Ordering::Acquire);
        if *done == wanted {
            return Ok(());
        }
        for cell in self.accounts.all() {
            if let Some(turn) = self.turn_alone(&cell).await?
                && turn.newest().is_some()
            {
                turn.replace(self.load(cell.id).await?);
            }
        }
        *done = wanted;
        Ok(())
    }

    /// Who does what the program does by itself, or an operator by its commands.
    pub(crate) fn own_origin(&self, action: &str) -> Origin {
        Origin {
            at: self.environment.clock.now(),
            actor: "locum".to_owned(),
            action: format!("locum:{action}"),
            request_id: String::new(),
        }
    }

    fn draft<'a>(&'a self, account: &'a Account) -> Draft<'a> {
        Draft {
            account,
            change: Change::default(),
            now: self.environment.clock.now(),
            entropy: &*self.environment.entropy,
            root_key: &self.root_key,
        }
    }

    /// The bucket of that name, whoever owns it.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`], if its account has to be loaded and cannot.
    pub async fn bucket(&self, name: &str) -> Result<Option<Arc<BucketState>>, Error> {
        let Some(owner) = self.directory.value.load().owner_of_bucket(name) else {
            return Ok(None);
        };
        Ok(self
            .account(owner)
            .await?
            .and_then(|account| account.buckets.get(name).cloned()))
    }
}

/// A long-term access key that may be used, and whose it is.
fn active_key(account: Arc<Account>, id: &str) -> Option<(Arc<Account>, Arc<KeyState>, Who)> {
    let state = account.keys.get(id)?.clone();
    let who = match &state.key.owner {
        KeyOwner::Root => Who::Root,
        KeyOwner::User(id) => Who::User(account.users.with_id(id)?.clone()),
    };
    (state.key.status == KeyStatus::Active).then_some((account, state, who))
}

/// The service that has the claim's access key.
fn service(
    key: &ServiceKeyState,
    claim: &Claim<'_>,
    directory: &Arc<Directory>,
    body_sha256: Option<&[u8; 32]>,
) -> Result<(Caller, Verified), Error> {
    let verified = key.keys.verify(&key.secret, claim, body_sha256)?;
    let caller = ServiceCaller {
        name: key.name.clone(),
        source: Source::of(claim)?,
    };
    let credentials = Credentials::LongTerm {
        access_key_id: claim.access_key_id().to_owned(),
    };
    Ok((
        Caller::service(directory.clone(), caller, credentials),
        verified,
    ))
}

/// A decision, and the values of the caller's account and of the realm that it saw. Their versions would
/// not tell: a version that was never durable may have been decided on.
struct Decided<'a> {
    call: &'a Call<'a>,
    account: Arc<Account>,
    directory: Arc<Directory>,
}

impl<'a> Decided<'a> {
    fn of(call: &'a Call<'_>) -> Result<Self, Error> {
        Ok(Self {
            call,
            account: call.account()?.clone(),
            directory: call.caller.directory().clone(),
        })
    }

    /// Decides again, where something has changed since.
    async fn uphold(
        &mut self,
        account: &Arc<Account>,
        directory: &Arc<Directory>,
    ) -> Result<(), Error> {
        if !Arc::ptr_eq(&self.account, account) || !Arc::ptr_eq(&self.directory, directory) {
            self.call.decide_again(account, directory).await?;
            self.account = account.clone();
            self.directory = directory.clone();
        }
        Ok(())
    }

    /// The same, with the caller's account as it is now.
    async fn uphold_now(&mut self, realm: &Realm, directory: &Arc<Directory>) -> Result<(), Error> {
        let account = realm.account(self.call.account()?.id).await?;
        let account = account.ok_or(Error::InvalidClientTokenId)?;
        self.uphold(&account, directory).await
    }
}

fn write(scope: Scope, expected_version: u64, change: &Change) -> Result<Write, Error> {
    Ok(Write {
        scope,
        expected_version,
        puts: change
            .puts
            .iter()
            .map(crate::entity::Entity::to_record)
            .collect::<Result<_, _>>()?,
        deletes: change
            .deletes
            .iter()
            .map(|key| (key.kind.as_str().to_owned(), key.key.clone()))
            .collect(),
    })
}

#[cfg(test)]
mod tests;
