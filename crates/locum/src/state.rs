//! What a running server holds; `POST /_locum/reset` replaces it whole.

use crate::Failure;
use crate::certificates::TlsFetcher;
use crate::config::Serve;
use crate::data_dir::{self, DataDir};
use crate::environment::{MadeApart, SystemClock};
use crate::fetcher::Fetcher;
use crate::ldap::Directories;
use crate::throttle::{Claimant, Throttle};
use locum_identity::caller::Caller;
use locum_identity::environment::{Clock, Entropy, Environment};
use locum_identity::error::Suspicion;
use locum_identity::realm::{Realm, RootCredentials};
use locum_identity::sealing::RootKey;
use locum_s3::S3;
use locum_s3::disk::Objects;
use locum_store::SqliteStore;
use std::path::Path;
use std::sync::Arc;
use tempfile::TempDir;

/// The realm and the data plane in front of one store.
pub(crate) struct State {
    pub(crate) realm: Arc<Realm>,
    pub(crate) s3: S3,
    pub(crate) clock: Arc<SystemClock>,
    pub(crate) throttle: Throttle,
    /// Where `--ephemeral` keeps objects; gone with the state.
    _objects: Option<TempDir>,
}

impl State {
    /// Takes note of who a claimant turned out to be, or of what is to be suspected of one who was not
    /// authenticated.
    pub(crate) fn note(
        &self,
        claimant: Option<Claimant>,
        outcome: Result<&Caller, Option<Suspicion>>,
    ) {
        let Some(claimant) = claimant else { return };
        let now = self.clock.now_millis();
        match outcome {
            Ok(caller) if caller.account_id().is_some() => self.throttle.succeeded(claimant, now),
            Err(Some(Suspicion::Credentials)) => self.throttle.failed(claimant, now),
            Ok(_) | Err(_) => {}
        }
    }
}

/// The state of a data directory.
pub(crate) async fn durable(settings: &Serve, directory: &DataDir) -> Result<State, Failure> {
    let (environment, clock) = crate::environment::system();
    let entropy = environment.entropy.clone();
    let opened = directory.open_realm(&settings.init, environment).await?;
    let realm = outfitted(opened.realm, settings);
    realm.keep_at_most(settings.max_entities_in_memory);
    let throttle = Throttle::new(&settings.limits, &*entropy);
    let s3 = data_plane(&realm, &directory.objects(), entropy, settings)?;
    Ok(State {
        realm,
        s3,
        clock,
        throttle,
        _objects: None,
    })
}

/// A state in memory, with `root` as the root user's key.
pub(crate) async fn ephemeral(settings: &Serve, root: &RootCredentials) -> Result<State, Failure> {
    let clock = Arc::new(SystemClock::default());
    let entropy: Arc<dyn Entropy> = Arc::new(crate::environment::SystemEntropy::ready());
    let environment = Environment {
        clock: clock.clone() as Arc<dyn Clock>,
        entropy: entropy.clone(),
    };
    let store = SqliteStore::in_memory()
        .map_err(|error| Failure::work("cannot make a store in memory", error))?;
    let mut key = [0; 32];
    entropy.fill(&mut key);
    let root_key =
        RootKey::new(&key).map_err(|error| Failure::work("cannot make a root key", error))?;
    let mut init = settings.init.clone();
    init.root = Some(root.clone());
    let opened = data_dir::open(Arc::new(store), root_key, &init, environment, |_| Ok(())).await?;
    let realm = outfitted(opened.realm, settings);
    let objects = tempfile::Builder::new()
        .prefix("locum-")
        .tempdir()
        .map_err(|error| Failure::work("cannot make a directory for objects", error))?;
    let throttle = Throttle::new(&settings.limits, &*entropy);
    let s3 = data_plane(&realm, objects.path(), entropy, settings)?;
    Ok(State {
        realm,
        s3,
        clock,
        throttle,
        _objects: Some(objects),
    })
}

/// The realm with what it needs from outside.
fn outfitted(realm: Realm, settings: &Serve) -> Arc<Realm> {
    let public_url = settings.public_url.clone();
    let certificates = TlsFetcher::new(settings.idp_private_addresses);
    let realm = realm.with_directories(Arc::new(Directories::default()));
    let realm = realm.with_workshop(Arc::new(MadeApart));
    let realm = realm.with_issuing(public_url, Arc::new(MadeApart));
    let realm = realm.with_certificates(Arc::new(certificates));
    let plain = settings.idp_plain_http_on_loopback;
    let fetcher = Fetcher::new(settings.idp_private_addresses, plain);
    Arc::new(realm.with_fetcher(Arc::new(fetcher)))
}

fn data_plane(
    realm: &Arc<Realm>,
    directory: &Path,
    entropy: Arc<dyn Entropy>,
    settings: &Serve,
) -> Result<S3, Failure> {
    let objects = Objects::open(
        directory,
        Arc::new(move |bytes: &mut [u8]| entropy.fill(bytes)),
    )
    .map_err(|error| {
        Failure::work(
            &format!("cannot open the objects in `{}`", directory.display()),
            error,
        )
    })?;
    Ok(S3::new(realm.clone(), objects, settings.s3_domains.clone()))
}
