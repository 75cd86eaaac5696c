//! The data directory: the root key, the lock, the root credentials file, the store.
//!
//! ```text
//! DIR/root.key           the key that seals secrets in the store; 0600, never in the store
//! DIR/root-credentials   the first root access key, if it was drawn and not given; 0600
//! DIR/locum.db           the store
//! DIR/objects/           objects of the S3 data plane
//! DIR/audit/             audit records
//! DIR/lock               held while processes serve the directory
//! DIR/lock.opening       held while one opens it
//! ```
//!
//! Several processes may serve one directory, if they run on one machine: the store's processes share
//! memory, which does not reach over a network file system.

use crate::Failure;
use crate::config::{Init, Place};
use crate::environment::{runtime, system};
use data_encoding::HEXLOWER;
use locum_identity::environment::{Clock, Entropy, Environment, Seconds};
use locum_identity::ids::AccessKeyId;
use locum_identity::names::AccountId;
use locum_identity::past::Past;
use locum_identity::port::Store;
use locum_identity::realm::{Bootstrap, Realm, RootCredentials};
use locum_identity::sealing::{RootKey, Secret};
use locum_store::{OpenError, SqliteStore};
use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// `locum init`
pub(crate) fn init(settings: &Init) -> Result<(), Failure> {
    runtime()?.block_on(async {
        let (environment, _) = system();
        let directory = DataDir::open(&settings.data)?;
        let opened = directory.open_realm(settings, environment).await?;
        let realm = &opened.realm;
        let account = management_account(realm);
        match &opened.created {
            None => say(&format!(
                "{} is initialised already; account {account}",
                settings.data.display()
            )),
            Some(_) => say(&format!(
                "initialised {}; account {account}",
                settings.data.display()
            )),
        }
        if opened.created == Some(Created::RootDrawn) {
            say(&format!(
                "root credentials: {}",
                directory.root_credentials().display()
            ));
        }
        Ok(())
    })
}

/// Prints a line for the person who started the program.
#[expect(
    clippy::print_stdout,
    reason = "the few lines that the program says to the person who started it"
)]
pub(crate) fn say(line: &str) {
    println!("{line}");
}

/// The organization's management account: the realm's first.
pub(crate) fn management_account(realm: &Realm) -> String {
    realm
        .directory()
        .organization
        .as_ref()
        .map(|organization| organization.management_account.to_string())
        .unwrap_or_default()
}

/// What opening a realm brought into being.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Created {
    /// A new realm, whose root credentials were given.
    RootGiven,
    /// A new realm, whose root credentials were drawn.
    RootDrawn,
}

/// A realm, and whether it was made just now.
pub(crate) struct Opened {
    pub(crate) realm: Realm,
    pub(crate) created: Option<Created>,
}

/// A data directory that this process uses, and others may use too.
#[derive(Debug)]
pub(crate) struct DataDir {
    path: PathBuf,
    _lock: File,
}

impl DataDir {
    /// Makes the directory if need be, and takes part in its lock.
    pub(crate) fn open(path: &Path) -> Result<Self, Failure> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(|error| {
                Failure::work(&format!("cannot create `{}`", path.display()), error)
            })?;
        let _opening = opening(path)?;
        let lock = lock_file(path, LOCK)?;
        share(path, lock).map(|lock| Self {
            path: path.to_owned(),
            _lock: lock,
        })
    }

    pub(crate) fn root_credentials(&self) -> PathBuf {
        self.path.join("root-credentials")
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.path.join("objects")
    }

    pub(crate) fn audit(&self) -> PathBuf {
        self.path.join(crate::audit::DIRECTORY)
    }

    /// Opens the realm in this directory; a new one is initialised.
    pub(crate) async fn open_realm(
        &self,
        settings: &Init,
        environment: Environment,
    ) -> Result<Opened, Failure> {
        let store_path = settings
            .store
            .clone()
            .unwrap_or_else(|| self.path.join(STORE));
        // Two that found an empty directory would both draw keys for it.
        let _opening = opening(&self.path)?;
        let root_key = self.root_key(&store_path, &*environment.entropy)?;
        let store = SqliteStore::open(&store_path)
            .map_err(|error| cannot_open_store(&store_path, &error))?;
        open(Arc::new(store), root_key, settings, environment, |root| {
            let path = self.root_credentials();
            if path.exists() {
                return Err(Failure::Work(format!(
                    "`{}` is there already, and may be the only key of another store: move it away",
                    path.display()
                )));
            }
            write_private(&path, &credentials_file(root))
        })
        .await
    }

    /// The root key, drawn for a new directory. A store without its key must not get another.
    fn root_key(&self, store: &Path, entropy: &dyn Entropy) -> Result<RootKey, Failure> {
        if let Some(key) = read_root_key(&self.path)? {
            return Ok(key);
        }
        if store.exists() {
            return Err(missing_root_key(&self.path, store));
        }
        let mut bytes = [0; 32];
        entropy.fill(&mut bytes);
        let text = HEXLOWER.encode(&bytes);
        write_private(&self.path.join(ROOT_KEY), &format!("{text}\n"))?;
        usable(&bytes)
    }
}

const LOCK: &str = "lock";
const OPENING: &str = "lock.opening";

fn lock_file(directory: &Path, name: &str) -> Result<File, Failure> {
    OpenOptions::new()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .mode(0o600)
        .open(directory.join(name))
        .map_err(|error| cannot_lock(directory, error))
}

fn cannot_lock(directory: &Path, error: std::io::Error) -> Failure {
    Failure::work(&format!("cannot lock `{}`", directory.display()), error)
}

/// Waits until no other process is opening the directory; as long as the file lives, none does.
fn opening(directory: &Path) -> Result<File, Failure> {
    let file = lock_file(directory, OPENING)?;
    file.lock().map_err(|error| cannot_lock(directory, error))?;
    Ok(file)
}

/// Shares the lock with other processes of this machine. The first writes down which machine it is.
fn share(directory: &Path, mut lock: File) -> Result<File, Failure> {
    let failed = |error| cannot_lock(directory, error);
    let machine = machine();
    match lock.try_lock() {
        Ok(()) => {
            lock.set_len(0).map_err(failed)?;
            lock.write_all(machine.as_bytes()).map_err(failed)?;
            lock.lock_shared().map_err(failed)?;
            return Ok(lock);
        }
        Err(TryLockError::WouldBlock) => {}
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    match lock.try_lock_shared() {
        Ok(()) => {}
        // A release that had the directory for itself.
        Err(TryLockError::WouldBlock) => {
            return Err(Failure::Work(format!(
                "another locum uses `{}` alone",
                directory.display()
            )));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    let mut first = String::new();
    lock.read_to_string(&mut first).map_err(failed)?;
    if machine.is_empty() || first != machine {
        return Err(Failure::Work(format!(
            "a locum on another machine uses `{}`",
            directory.display()
        )));
    }
    Ok(lock)
}

/// What tells this machine, since it was started, from all others; empty if nothing does.
fn machine() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default()
}

const ROOT_KEY: &str = "root.key";
const STORE: &str = "locum.db";

/// The root key of a data directory, if it has one.
fn read_root_key(directory: &Path) -> Result<Option<RootKey>, Failure> {
    let path = directory.join(ROOT_KEY);
    let mut text = String::new();
    match File::open(&path) {
        Ok(mut file) => {
            file.read_to_string(&mut text)
                .map_err(|error| Failure::work("cannot read the root key", error))?;
        }
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Failure::work("cannot read the root key", error)),
    }
    let bytes = HEXLOWER
        .decode(text.trim_end().as_bytes())
        .ok()
        .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
    match bytes {
        Some(bytes) => usable(&bytes).map(Some),
        None => Err(Failure::Work(format!(
            "`{}` does not hold a root key",
            path.display()
        ))),
    }
}

fn usable(bytes: &[u8; 32]) -> Result<RootKey, Failure> {
    RootKey::new(bytes).map_err(|error| Failure::work("cannot use the root key", error))
}

fn missing_root_key(directory: &Path, store: &Path) -> Failure {
    Failure::Work(format!(
        "`{}` is missing, and the store `{}` cannot be read without it",
        directory.join(ROOT_KEY).display(),
        store.display()
    ))
}

/// Opens the realm of a data directory that is there, for changing it beside the servers that hold it.
pub(crate) async fn open_to_change(
    place: &Place,
    environment: Environment,
) -> Result<(DataDir, Realm), Failure> {
    // Checks that all is there; what is missing is not made.
    drop(open_to_read(place, environment.clone()).await?);
    let directory = DataDir::open(&place.data)?;
    let path = place.store();
    let root_key =
        read_root_key(&place.data)?.ok_or_else(|| missing_root_key(&place.data, &path))?;
    let store = SqliteStore::open(&path).map_err(|error| cannot_open_store(&path, &error))?;
    let realm = Realm::open(Arc::new(store), environment, root_key)
        .await
        .map_err(|error| described("cannot open the realm", &error))?;
    Ok((directory, realm))
}

/// Opens the realm of a data directory for reading only, also while a server holds the directory.
/// Nothing is created.
pub(crate) async fn open_to_read(
    place: &Place,
    environment: Environment,
) -> Result<Realm, Failure> {
    let (store, root_key) = read_only(place)?;
    open_read_only(Arc::new(store), root_key, environment).await
}

/// The same with the realm as it was at a time, which is then the time of day.
pub(crate) async fn open_as_it_was(
    place: &Place,
    environment: Environment,
    at: Seconds,
) -> Result<Realm, Failure> {
    let (store, root_key) = read_only(place)?;
    let past = go_back(&store, at).await?;
    let environment = Environment {
        clock: Arc::new(Stopped(at)),
        ..environment
    };
    open_read_only(Arc::new(past), root_key, environment).await
}

/// What a data directory's store held at a time.
pub(crate) async fn past(place: &Place, at: Seconds) -> Result<Past, Failure> {
    go_back(&open_store_to_read(place)?, at).await
}

async fn go_back(store: &dyn Store, at: Seconds) -> Result<Past, Failure> {
    let past = Past::of(store, at).await;
    past.map_err(|untold| Failure::work("cannot go back in time", untold))
}

/// Opens the store of a data directory for reading only, also while a server holds the directory.
pub(crate) fn open_store_to_read(place: &Place) -> Result<SqliteStore, Failure> {
    read_only(place).map(|(store, _)| store)
}

fn read_only(place: &Place) -> Result<(SqliteStore, RootKey), Failure> {
    let path = place.store();
    let store =
        SqliteStore::open_read_only(&path).map_err(|error| cannot_open_store(&path, &error))?;
    let root_key =
        read_root_key(&place.data)?.ok_or_else(|| missing_root_key(&place.data, &path))?;
    Ok((store, root_key))
}

async fn open_read_only(
    store: Arc<dyn Store>,
    root_key: RootKey,
    environment: Environment,
) -> Result<Realm, Failure> {
    let realm = Realm::open(store, environment, root_key)
        .await
        .map_err(|error| described("cannot open the realm", &error))?;
    if realm.is_initialised() {
        Ok(realm)
    } else {
        Err(Failure::Work("the store has no account yet".to_owned()))
    }
}

/// A clock that stands.
struct Stopped(Seconds);

impl Clock for Stopped {
    fn now_millis(&self) -> i64 {
        self.0.saturating_mul(1000)
    }
}

impl Place {
    /// The path of the store.
    fn store(&self) -> PathBuf {
        let given = self.store.clone();
        given.unwrap_or_else(|| self.data.join(STORE))
    }
}

fn cannot_open_store(path: &Path, error: &OpenError) -> Failure {
    Failure::work(
        &format!("cannot open the store `{}`", path.display()),
        error,
    )
}

/// Opens the realm in a store; a new one is initialised. `keep` stores root credentials that were
/// drawn, before the realm knows them: so they cannot be lost.
pub(crate) async fn open(
    store: Arc<dyn Store>,
    root_key: RootKey,
    settings: &Init,
    environment: Environment,
    keep: impl FnOnce(&RootCredentials) -> Result<(), Failure>,
) -> Result<Opened, Failure> {
    let entropy = environment.entropy.clone();
    let realm = Realm::open(store, environment, root_key)
        .await
        .map_err(|error| described("cannot open the realm", &error))?;
    if realm.is_initialised() {
        let account = management_account(&realm);
        return match &settings.account {
            Some(asked) if asked.as_str() != account => Err(Failure::Work(format!(
                "the data directory belongs to account {account}, not {asked}"
            ))),
            _ => Ok(Opened {
                realm,
                created: None,
            }),
        };
    }
    let account = settings.account.unwrap_or_else(|| draw_account(&*entropy));
    let (root, created) = match &settings.root {
        Some(root) => (root.clone(), Created::RootGiven),
        None => (
            RootCredentials::generate(account, &*entropy),
            Created::RootDrawn,
        ),
    };
    if created == Created::RootDrawn {
        keep(&root)?;
    }
    realm
        .initialise(&Bootstrap { account, root })
        .await
        .map_err(|error| described("cannot initialise the realm", &error))?;
    Ok(Opened {
        realm,
        created: Some(created),
    })
}

/// An error with its cause: clients do not see causes, the operator does.
pub(crate) fn described(what: &str, error: &locum_identity::error::Error) -> Failure {
    use std::error::Error as _;
    match error.source() {
        Some(source) => Failure::work(what, source),
        None => Failure::work(what, error),
    }
}

fn draw_account(entropy: &dyn Entropy) -> AccountId {
    loop {
        let mut random = [0; 8];
        entropy.fill(&mut random);
        if let Some(id) =
            AccountId::from_number(100_000_000_000 + u64::from_le_bytes(random) % 900_000_000_000)
        {
            return id;
        }
    }
}

/// The pair in the format of `~/.aws/credentials`.
pub(crate) fn credentials_file(root: &RootCredentials) -> String {
    credentials_section("default", &root.access_key_id, &root.secret_access_key)
}

/// A key pair as a profile in the format of `~/.aws/credentials`.
pub(crate) fn credentials_section(profile: &str, id: &AccessKeyId, secret: &Secret) -> String {
    format!(
        "[{profile}]\naws_access_key_id = {id}\naws_secret_access_key = {}\n",
        secret.expose()
    )
}

/// Writes a file that only its owner reads, durably, whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error| Failure::work(&format!("cannot write `{}`", path.display()), error);
    let temporary = path.with_extension("new");
    // A file that lies there already might be anyone's to read.
    match std::fs::remove_file(&temporary) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(failed(error)),
        _ => {}
    }
    let mut file = OpenOptions::new()
        .create_new(true)
        .write(true)
        .mode(0o600)
        .open(&temporary)
        .map_err(failed)?;
    file.write_all(text.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)?;
    let directory = path.parent().unwrap_or(Path::new("."));
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed)
}
