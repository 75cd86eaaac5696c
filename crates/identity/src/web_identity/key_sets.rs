//! The keys of identity providers, kept.
//!
//! A login whose key is known takes two pointers and never waits: neither for a server that does not
//! answer nor for others. Keys are fetched again ahead of time, beside the requests
//! ([`Realm::due_key_sets`]); what a provider published last stays good while it cannot be asked, for
//! a day. A token that names a key which is not known asks the provider once, whoever sent it: one at a
//! time, and not again for ten seconds.

use super::{NO_KEY, THUMBPRINT, UNREACHABLE, WebProvider};
use crate::entity::{OpenIdConnectProvider, ProviderSettings};
use crate::environment::Seconds;
use crate::error::FederationFault;
use crate::http_fetcher::{FetchFault, FetchRequest, FetchResponse, ServerTrust};
use crate::names::AccountId;
use crate::notes::RequestNotes;
use crate::provider_url::ProviderUrl;
use crate::realm::Realm;
use crate::sealing::RootKey;
use arc_swap::{ArcSwap, ArcSwapOption};
use locum_federation::oidc::{Discovery, KeySet};
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use tokio::sync::Mutex;

/// How old keys may become before they are fetched again, where the provider does not say.
const FRESH: Seconds = 300;
/// The same, at most, whatever it says: a key that was withdrawn must not stay good for long.
const FRESH_AT_MOST: Seconds = 900;
/// How old keys may become while the provider cannot be asked.
const GOOD: Seconds = 86_400;
/// A provider is not asked again for a key that it did not have, for so long.
const FORCED_EVERY: Seconds = 10;
/// After a failure it is not asked again for so long.
const RETRIED_AFTER: Seconds = 5;
/// A provider whose tokens nobody brings for so long is not asked any more.
const UNUSED: Seconds = 2 * 86_400;
/// The most providers whose keys are kept.
const MOST_KEPT: usize = 4096;
/// The most requests that wait for one provider.
const MOST_WAITING: usize = 256;
/// The most providers of one account that are asked at a time: servers that never answer must not take
/// the turns of other accounts' providers, which the network has few of.
const MOST_ASKED: usize = 8;
/// The most bytes of an answer.
const MOST_BYTES: usize = 512 * 1024;

/// The keys of all providers that tokens came from lately.
#[derive(Default)]
pub struct KeySets {
    kept: ArcSwap<HashMap<KeySetOwner, Arc<Kept>>>,
    /// How many providers of each account are being asked.
    asked: std::sync::Mutex<HashMap<AccountId, usize>>,
}

/// Whose keys: an account's provider, since each account says on its own whom to believe about a server.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
pub struct KeySetOwner {
    /// `None` of a built-in one.
    account: Option<AccountId>,
    /// As trust policies name it, or the ARN of a cluster.
    name: String,
}

#[derive(Default)]
struct Kept {
    snapshot: ArcSwapOption<Snapshot>,
    /// Held by who asks the provider.
    turn: Mutex<Attempts>,
    waiting: AtomicUsize,
    used: AtomicI64,
}

/// What became of asking.
#[derive(Default)]
struct Attempts {
    /// When the provider last did not answer, and why.
    failed: Option<(Seconds, Trouble)>,
    /// When it was last asked for a key that was not known.
    forced: Option<Seconds>,
}

/// What a provider published.
pub(crate) struct Snapshot {
    keys: Arc<KeySet>,
    /// What it says of itself; `None` where the operator named its keys.
    discovery: Option<Arc<Discovery>>,
    fetched: Seconds,
    due: Seconds,
    registered: Option<Arc<OpenIdConnectProvider>>,
    settings: Option<Arc<ProviderSettings>>,
}

/// Why there are no keys.
#[derive(Clone, Debug)]
enum Trouble {
    Fetch(String, FetchFault),
    /// What came is not what it should be.
    Answer(String),
}

impl Snapshot {
    /// Whether it was fetched from whom the account believes now.
    fn is_of(&self, provider: &WebProvider) -> bool {
        let trusted = |of: &Option<Arc<OpenIdConnectProvider>>| {
            of.as_ref().map(|of| (of.created, of.thumbprints.clone()))
        };
        let same = |one: &Option<Arc<OpenIdConnectProvider>>,
                    other: &Option<Arc<OpenIdConnectProvider>>| {
            match (one, other) {
                (Some(one), Some(other)) if Arc::ptr_eq(one, other) => true,
                _ => trusted(one) == trusted(other),
            }
        };
        same(&self.registered, &provider.registered) && self.settings == provider.settings
    }
}

impl KeySets {
    fn kept(&self, provider: &WebProvider, now: Seconds) -> Arc<Kept> {
        let of = KeySetOwner {
            account: provider.registered.as_ref().map(|_| provider.account),
            name: provider.name.clone(),
        };
        if let Some(kept) = self.kept.load().get(&of) {
            return kept.clone();
        }
        let fresh = Arc::new(Kept::default());
        fresh.used.store(now, Ordering::Relaxed);
        self.kept.rcu(|before| {
            let mut after = HashMap::clone(before);
            if after.len() >= MOST_KEPT {
                let used =
                    |(_, kept): &(&KeySetOwner, &Arc<Kept>)| kept.used.load(Ordering::Relaxed);
                let oldest = after.iter().min_by_key(used).map(|(of, _)| of.clone());
                oldest.map(|of| after.remove(&of));
            }
            after.entry(of.clone()).or_insert_with(|| fresh.clone());
            after
        });
        let kept = self.kept.load().get(&of).cloned();
        kept.unwrap_or(fresh)
    }
}

impl Realm {
    /// The keys of a provider, among which is the one of that id if the provider has it.
    ///
    /// # Errors
    /// There are none; the notes say why.
    pub(crate) async fn keys_of(
        &self,
        provider: &WebProvider,
        key_id: Option<&str>,
        notes: &RequestNotes,
    ) -> Result<Arc<KeySet>, FederationFault> {
        let snapshot = self.snapshot_with(provider, |keys| keys.has(key_id)).await;
        snapshot
            .map(|snapshot| snapshot.keys.clone())
            .map_err(|trouble| {
                notes.explain(trouble.words(provider));
                trouble.sentence()
            })
    }

    /// What a provider says of itself.
    ///
    /// # Errors
    /// In a person's words, why that is not known.
    pub(crate) async fn discovery_of(
        &self,
        provider: &WebProvider,
    ) -> Result<Arc<Discovery>, String> {
        let snapshot = self.snapshot_with(provider, |_| true).await;
        let snapshot = snapshot.map_err(|trouble| trouble.words(provider))?;
        let none = || "the provider's configuration is not asked for".to_owned();
        snapshot.discovery.clone().ok_or_else(none)
    }

    async fn snapshot_with(
        &self,
        provider: &WebProvider,
        wanted: impl Fn(&KeySet) -> bool,
    ) -> Result<Arc<Snapshot>, Trouble> {
        let now = self.environment().clock.now();
        let kept = self.key_sets().kept(provider, now);
        kept.used.fetch_max(now, Ordering::Relaxed);
        let current = || {
            let snapshot = kept.snapshot.load_full();
            snapshot.filter(|one| one.is_of(provider) && now < one.fetched.saturating_add(GOOD))
        };
        if let Some(snapshot) = current().filter(|one| wanted(&one.keys)) {
            return Ok(snapshot);
        }
        let _waits = Waiting::begin(&kept.waiting)?;
        let mut attempts = kept.turn.lock().await;
        // Whoever had the turn before may have found it.
        let snapshot = current();
        if let Some(snapshot) = snapshot.clone().filter(|one| wanted(&one.keys)) {
            return Ok(snapshot);
        }
        let lately = |at: Seconds, pause| (at..at.saturating_add(pause)).contains(&now);
        if let Some((at, trouble)) = &attempts.failed
            && lately(*at, RETRIED_AFTER)
        {
            return Err(trouble.clone());
        }
        if let Some(snapshot) = snapshot {
            if attempts.forced.is_some_and(|at| lately(at, FORCED_EVERY)) {
                return Ok(snapshot);
            }
            attempts.forced = Some(now);
        }
        self.renew(provider, now, &kept, &mut attempts).await
    }

    async fn renew(
        &self,
        provider: &WebProvider,
        now: Seconds,
        kept: &Kept,
        attempts: &mut Attempts,
    ) -> Result<Arc<Snapshot>, Trouble> {
        let _turn = Turn::begin(self.key_sets(), provider)?;
        let asked = self.published_by(provider, now).await;
        // The pause begins when it is known, which may be seconds later.
        let known = self.environment().clock.now();
        attempts.failed = asked.as_ref().err().map(|trouble| (known, trouble.clone()));
        let fresh = Arc::new(asked?);
        kept.snapshot.store(Some(fresh.clone()));
        Ok(fresh)
    }

    async fn published_by(
        &self,
        provider: &WebProvider,
        now: Seconds,
    ) -> Result<Snapshot, Trouble> {
        let settings = provider.settings.as_deref();
        // Its URL is a name: whoever has the host of that name vouches for nobody.
        if settings.is_some_and(|settings| settings.ldap.is_some()) {
            let why = "a directory stands behind it, which has no tokens".to_owned();
            return Err(Trouble::Answer(why));
        }
        let named = settings.and_then(|settings| settings.jwks_uri.clone());
        let (discovery, jwks_uri) = match named {
            Some(uri) => (None, uri),
            None => {
                let url = configuration_url(&provider.issuer());
                let answer = self.get(provider, &url).await?;
                let read = Discovery::parse(&answer.body, &provider.issuer());
                let discovery = read.map_err(|fault| Trouble::Answer(fault.to_string()))?;
                let uri = discovery.jwks_uri().to_owned();
                (Some(Arc::new(discovery)), uri)
            }
        };
        let answer = self.get(provider, &jwks_uri).await?;
        let keys = KeySet::parse(&answer.body);
        let keys = keys.map_err(|fault| Trouble::Answer(fault.to_string()))?;
        let max_age = answer.max_age.and_then(|age| i64::try_from(age).ok());
        let fresh = max_age.unwrap_or(FRESH).clamp(FRESH, FRESH_AT_MOST);
        Ok(Snapshot {
            keys: Arc::new(keys),
            discovery,
            fetched: now,
            due: now.saturating_add(fresh),
            registered: provider.registered.clone(),
            settings: provider.settings.clone(),
        })
    }

    async fn get(&self, provider: &WebProvider, url: &str) -> Result<FetchResponse, Trouble> {
        let trouble = |fault| Trouble::Fetch(url.to_owned(), fault);
        let settings = provider.settings.as_deref();
        let own = origin(url) == origin(&provider.issuer());
        let authorization = match settings {
            // It is shown to the provider's own server, and to those that the operator's authority vouches
            // for: what a configuration names could be anybody.
            Some(settings) if own || settings.authorities.is_some() => {
                bearer(self.root_key(), settings).map_err(trouble)?
            }
            _ => None,
        };
        let answer = self.fetcher().fetch(FetchRequest {
            url,
            form: None,
            authorization: authorization.as_deref(),
            trust: provider.trust(url),
            most_bytes: MOST_BYTES,
        });
        let answer = answer.await.map_err(trouble)?;
        match answer.status {
            200 => Ok(answer),
            status @ (429 | 500..) => Err(trouble(FetchFault::Unreachable(format!(
                "it answered {status}"
            )))),
            status => Err(Trouble::Answer(format!("{url} answered {status}"))),
        }
    }

    /// The providers whose keys should be fetched again, so that no login has to. To be asked every few
    /// seconds.
    pub fn due_key_sets(&self) -> Vec<KeySetOwner> {
        let now = self.environment().clock.now();
        let kept = self.key_sets().kept.load();
        let is_due = |kept: &Kept| {
            let snapshot = kept.snapshot.load();
            let unused = now.saturating_sub(kept.used.load(Ordering::Relaxed)) > UNUSED;
            unused || snapshot.as_ref().is_some_and(|one| one.due <= now)
        };
        let due = kept.iter().filter(|(_, kept)| is_due(kept));
        due.map(|(of, _)| of.clone()).collect()
    }

    /// Asks a provider for its keys beside the requests; forgets it where nobody comes from it any more, or
    /// it is gone. A failure leaves what there is, for as long as it is good.
    pub async fn refresh_key_set(&self, of: &KeySetOwner) {
        let Some(kept) = self.key_sets().kept.load().get(of).cloned() else {
            return;
        };
        let now = self.environment().clock.now();
        let provider = match &of.account {
            None => WebProvider::of_name(&of.name),
            Some(account) => match self.account(*account).await {
                Ok(account) => account.and_then(|account| WebProvider::named(&account, &of.name)),
                // Next time.
                Err(_) => return,
            },
        };
        let unused = now.saturating_sub(kept.used.load(Ordering::Relaxed)) > UNUSED;
        let Some(provider) = provider.filter(|_| !unused) else {
            self.key_sets().forget(of);
            return;
        };
        // Who has the turn asks already.
        let Ok(mut attempts) = kept.turn.try_lock() else {
            return;
        };
        let pause = |at: Seconds| at..at.saturating_add(RETRIED_AFTER);
        let failed = attempts.failed.as_ref();
        if !failed.is_some_and(|(at, _)| pause(*at).contains(&now)) {
            let _ = self.renew(&provider, now, &kept, &mut attempts).await;
        }
    }
}

impl KeySets {
    fn forget(&self, of: &KeySetOwner) {
        self.kept.rcu(|before| {
            let mut after = HashMap::clone(before);
            after.remove(of);
            after
        });
    }
}

/// A turn at asking the providers of an account.
struct Turn<'a>(&'a KeySets, Option<AccountId>);

impl<'a> Turn<'a> {
    fn begin(key_sets: &'a KeySets, provider: &WebProvider) -> Result<Self, Trouble> {
        let account = provider.registered.as_ref().map(|_| provider.account);
        if let (Some(account), Ok(mut asked)) = (account, key_sets.asked.lock()) {
            let here = asked.entry(account).or_default();
            if *here >= MOST_ASKED {
                let why = "too many providers of the account are being asked".to_owned();
                return Err(Trouble::Fetch(String::new(), FetchFault::Unreachable(why)));
            }
            *here += 1;
        }
        Ok(Self(key_sets, account))
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if let (Some(account), Ok(mut asked)) = (self.1, self.0.asked.lock())
            && let Some(here) = asked.get_mut(&account)
        {
            *here -= 1;
            if *here == 0 {
                asked.remove(&account);
            }
        }
    }
}

/// A place among those who wait.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn begin(waiting: &'a AtomicUsize) -> Result<Self, Trouble> {
        let place = Self(waiting);
        if waiting.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            let why = "too many requests wait for it".to_owned();
            return Err(Trouble::Fetch(String::new(), FetchFault::Unreachable(why)));
        }
        Ok(place)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Trouble {
    fn words(&self, provider: &WebProvider) -> String {
        let issuer = provider.issuer();
        match self {
            Self::Fetch(url, fault) => {
                format!("the keys of {issuer} are not known: {url}: {fault}")
            }
            Self::Answer(why) => format!("the keys of {issuer} are not known: {why}"),
        }
    }

    fn sentence(&self) -> FederationFault {
        match self {
            Self::Fetch(_, FetchFault::Unreachable(_) | FetchFault::TimedOut) => {
                FederationFault::IdpCommunication(UNREACHABLE.into())
            }
            Self::Fetch(_, FetchFault::Untrusted(_) | FetchFault::WrongThumbprint) => {
                FederationFault::InvalidIdentityToken(THUMBPRINT.into())
            }
            Self::Fetch(_, FetchFault::Forbidden(_) | FetchFault::TooLarge) | Self::Answer(_) => {
                FederationFault::InvalidIdentityToken(NO_KEY.into())
            }
        }
    }
}

/// Where an issuer says what it is (OpenID Connect Discovery 1.0, section 4).
fn configuration_url(issuer: &str) -> String {
    let issuer = issuer.strip_suffix('/').unwrap_or(issuer);
    format!("{issuer}/.well-known/openid-configuration")
}

/// Scheme, host and port of a URL.
fn origin(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let authority = rest.get(..end).unwrap_or_default();
    let authority = if scheme == "https" {
        authority.strip_suffix(":443").unwrap_or(authority)
    } else {
        authority
    };
    format!("{scheme}://{authority}").to_ascii_lowercase()
}

/// `Bearer …`, where the operator gave a token.
fn bearer(root_key: &RootKey, settings: &ProviderSettings) -> Result<Option<String>, FetchFault> {
    let Some(sealed) = &settings.bearer_token else {
        return Ok(None);
    };
    let purpose = ProviderSettings::purpose(&settings.provider, ProviderSettings::BEARER_TOKEN);
    let opened = root_key.open(&purpose, sealed);
    let unreadable = |what: &str| FetchFault::Forbidden(format!("the bearer token {what}"));
    let token = opened.map_err(|_| unreadable("cannot be unsealed"))?;
    let token = std::str::from_utf8(&token).map_err(|_| unreadable("is no text"))?;
    Ok(Some(format!("Bearer {token}")))
}

impl WebProvider {
    /// Whom to believe about the server of a URL of the provider's.
    pub(super) fn trust(&self, url: &str) -> ServerTrust<'_> {
        let settings = self.settings.as_deref();
        let own = origin(url) == origin(&self.issuer());
        let registered = self.registered.as_deref();
        ServerTrust {
            authorities: settings.and_then(|settings| settings.authorities.as_deref()),
            thumbprints: registered.map_or(&[], |of| of.thumbprints.as_slice()),
            private_addresses: settings.is_some_and(|settings| settings.private_addresses),
            address: settings
                .filter(|_| own)
                .and_then(|settings| settings.address),
        }
    }

    /// A built-in one; whose account asks makes no difference to its keys.
    fn of_name(name: &str) -> Option<Self> {
        let issuer = format!("{}{name}", ProviderUrl::SCHEME);
        Self::built_in(AccountId::from_number(0)?, &issuer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn configurations_lie_below_the_issuer() {
        for (issuer, url) in [
            (
                "https://a.example",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/",
                "https://a.example/.well-known/openid-configuration",
            ),
            (
                "https://a.example/t/v2.0",
                "https://a.example/t/v2.0/.well-known/openid-configuration",
            ),
        ] {
            assert_eq!(configuration_url(issuer), url);
        }
    }

    #[test]
    fn origins_are_compared_whole() {
        let own = origin("https://idp.example/realm");
        for url in [
            "https://idp.example/keys",
            "https://IDP.example:443/keys",
            "https://idp.example?x",
        ] {
            assert_eq!(origin(url), own, "{url}");
        }
        for url in [
            "http://idp.example/keys",
            "https://idp.example:444/keys",
            "https://idp.example.evil.example/keys",
            "https://idp.example@evil.example/keys",
            "https://evil.example/?https://idp.example",
            "//idp.example",
            "",
        ] {
            assert_ne!(origin(url), own, "{url}");
        }
    }
}
