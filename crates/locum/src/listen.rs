//! The listener: TLS, HTTP, and what runs beside the requests.

use crate::Failure;
use crate::audit::{AuditFile, Recorder};
use crate::body::Bodies;
use crate::config::Serve;
use crate::connections;
use crate::data_dir::{DataDir, credentials_file, management_account, say};
use crate::door::Door;
use crate::state::{self, State};
use arc_swap::ArcSwap;
use locum_identity::issuer::PublicUrl;
use locum_identity::realm::RootCredentials;
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// How often other processes' changes are looked for.
const FOLLOW: Duration = Duration::from_millis(250);
/// How often last uses are written down, in turns of [`FOLLOW`].
const SAVE_EVERY: u32 = 40;
/// How often is looked whether issuers need new keys.
const ROTATE: Duration = Duration::from_secs(5);
/// How often revocations that concern nothing any more are removed, likewise.
const SWEEP_EVERY: u32 = 4 * 60;
/// How long the last audit records may take to be written.
const LAST_RECORDS: Duration = Duration::from_secs(10);

/// `locum serve`
pub(crate) fn serve(settings: Serve) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::work("no runtime", error))?;
    let result = runtime.block_on(run(settings));
    runtime.shutdown_timeout(Duration::from_secs(5));
    result
}

async fn run(mut settings: Serve) -> Result<(), Failure> {
    let tls = settings
        .tls
        .as_ref()
        .map(|(cert, key)| acceptor(cert, key))
        .transpose()?;
    let directory = if settings.ephemeral {
        None
    } else {
        Some(DataDir::open(&settings.init.data)?)
    };
    let listener = bind(settings.listen).await?;
    let bound = listener
        .local_addr()
        .map_err(|error| Failure::work("cannot tell the address", error))?;
    // The port may be known only now.
    settings.public_url = settings
        .public_url
        .or_else(|| PublicUrl::of_listener(bound, tls.is_some()));
    let (state, reset_to) = match &directory {
        Some(directory) => (state::durable(&settings, directory).await?, None),
        None => {
            let root = ephemeral_root(&settings)?;
            (state::ephemeral(&settings, &root).await?, Some(root))
        }
    };
    if let Some(directory) = &directory {
        crate::audit::sessions::restore(&directory.audit(), &state.realm);
    }
    let audit = match &directory {
        Some(directory) => {
            let opened = AuditFile::open(
                &directory.audit(),
                settings.audit_rotate_bytes,
                settings.audit_keep,
            );
            Some(opened.map_err(|error| Failure::work("cannot open the audit file", error))?)
        }
        None => None,
    };
    let entropy = state.realm.environment().entropy.clone();
    let (recorder, recording) = Recorder::start(audit, entropy.clone());
    greet(
        &settings,
        directory.as_ref(),
        &state,
        reset_to.as_ref(),
        bound,
        tls.is_some(),
    );
    let port_file = settings.port_file.clone();
    let door = Arc::new(Door {
        state: ArcSwap::from_pointee(state),
        recorder,
        entropy,
        settings,
        reset_to,
        bodies: Bodies::new(),
        store_reachable: AtomicBool::new(true),
    });
    let following = tokio::spawn(follow(door.clone()));
    let rotating = tokio::spawn(rotate_issuer_keys(door.clone()));
    let asking = tokio::spawn(crate::sources::ask(door.clone()));
    let refreshing = tokio::spawn(refresh_key_sets(door.clone()));
    if let Some(path) = port_file {
        write_port_file(&path, bound)?;
    }
    connections::accept(listener, tls, &door).await?;

    for task in [following, rotating, asking, refreshing] {
        task.abort();
        let _ = task.await;
    }
    // Whoever still holds a request keeps nothing waiting: what was done is recorded by then.
    door.recorder.stop().await;
    let written = tokio::task::spawn_blocking(move || recording.join());
    if tokio::time::timeout(LAST_RECORDS, written).await.is_err() {
        tracing::error!("the last audit records could not be written in time");
    }
    // Behind the recorder, which notes them.
    let state = door.state.load_full();
    if let Err(error) = state.realm.save_last_uses().await {
        tracing::warn!("last uses were not written down: {error}");
    }
    Ok(())
}

fn ephemeral_root(settings: &Serve) -> Result<RootCredentials, Failure> {
    let (environment, _) = crate::environment::system();
    match (&settings.init.root, settings.init.account) {
        (Some(root), _) => Ok(root.clone()),
        (None, Some(account)) => Ok(RootCredentials::generate(account, &*environment.entropy)),
        (None, None) => Err(Failure::Usage("--ephemeral needs an account id".to_owned())),
    }
}

/// Follows the store's feed, and writes last uses down.
async fn follow(door: Arc<Door>) {
    let mut turns = tokio::time::interval(FOLLOW);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut turn = 0u32;
    loop {
        turns.tick().await;
        turn = turn.wrapping_add(1);
        let state = door.state.load_full();
        let mut result = state.realm.catch_up().await;
        if result.is_ok() && turn.is_multiple_of(SAVE_EVERY) {
            result = state.realm.save_last_uses().await;
        }
        if result.is_ok() && turn % SWEEP_EVERY == 1 {
            result = state.realm.forget_expired_revocations().await;
        }
        let was = door.store_reachable.swap(result.is_ok(), Ordering::Relaxed);
        match result {
            Err(error) if was => {
                tracing::error!("the store does not answer; serving from memory: {error}");
            }
            Ok(()) if !was => tracing::info!("the store answers again"),
            _ => {}
        }
    }
}

/// Publishes issuers' next keys when their time has come.
async fn rotate_issuer_keys(door: Arc<Door>) {
    let mut turns = tokio::time::interval(ROTATE);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut fails = false;
    loop {
        turns.tick().await;
        let state = door.state.load_full();
        let result = state.realm.rotate_due_issuer_keys().await;
        match &result {
            Err(error) if !fails => {
                tracing::error!("the keys of issuers are not rotated: {error}");
            }
            Ok(()) if fails => tracing::info!("the keys of issuers are rotated again"),
            _ => {}
        }
        fails = result.is_err();
    }
}

/// Asks identity providers for their keys ahead of time, each for itself.
async fn refresh_key_sets(door: Arc<Door>) {
    let mut turns = tokio::time::interval(ROTATE);
    turns.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        turns.tick().await;
        let realm = door.state.load().realm.clone();
        for owner in realm.due_key_sets() {
            let realm = realm.clone();
            tokio::spawn(async move { realm.refresh_key_set(&owner).await });
        }
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the network that is handed in"
)]
async fn bind(address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address)
        .await
        .map_err(|error| Failure::work(&format!("cannot listen on {address}"), error))
}

fn acceptor(cert: &Path, key: &Path) -> Result<TlsAcceptor, Failure> {
    let chain = CertificateDer::pem_file_iter(cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| {
            Failure::work(
                &format!("cannot read the certificate `{}`", cert.display()),
                format!("{error:?}"),
            )
        })?;
    if chain.is_empty() {
        return Err(Failure::Work(format!(
            "`{}` holds no certificate",
            cert.display()
        )));
    }
    let private = PrivateKeyDer::from_pem_file(key).map_err(|error| {
        Failure::work(
            &format!("cannot read the private key `{}`", key.display()),
            format!("{error:?}"),
        )
    })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| {
            builder
                .with_no_client_auth()
                .with_single_cert(chain, private)
        })
        .map_err(|error| Failure::work("cannot use the certificate and key", error))?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// Written whole: whoever waits for the file never reads half of it.
fn write_port_file(path: &Path, bound: SocketAddr) -> Result<(), Failure> {
    let failed = |error| Failure::work(&format!("cannot write `{}`", path.display()), error);
    let temporary = path.with_extension("new");
    std::fs::write(&temporary, bound.to_string()).map_err(failed)?;
    std::fs::rename(&temporary, path).map_err(failed)
}

/// The few lines that tell what to do next.
fn greet(
    settings: &Serve,
    directory: Option<&DataDir>,
    state: &State,
    root: Option<&RootCredentials>,
    bound: SocketAddr,
    tls: bool,
) {
    let scheme = if tls { "https" } else { "http" };
    say(&format!(
        "locum {} serves account {} at {scheme}://{bound}",
        env!("CARGO_PKG_VERSION"),
        management_account(&state.realm)
    ));
    let environment = format!("AWS_ENDPOINT_URL={scheme}://{bound} AWS_DEFAULT_REGION=us-east-1");
    match (directory, root) {
        (None, Some(root)) if settings.init.root.is_none() => {
            say("all state is in memory; root credentials:");
            say(credentials_file(root).trim_end());
            say(&format!("try:  {environment} aws sts get-caller-identity"));
        }
        (Some(directory), _) if directory.root_credentials().exists() => {
            let file = directory.root_credentials();
            say(&format!("root credentials: {}", file.display()));
            say(&format!(
                "try:  AWS_SHARED_CREDENTIALS_FILE={} {environment} aws sts get-caller-identity",
                file.display()
            ));
        }
        _ => say(&format!(
            "try, with the root credentials that were given:  {environment} aws sts get-caller-identity"
        )),
    }
}
