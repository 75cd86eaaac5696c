//! The network of LDAP directories: one connection for each conversation, over TLS that is verified.
//!
//! Referrals are not followed: they would send a password to whichever server an entry names.

use ldap3::{
    Ldap, LdapConnAsync, LdapConnSettings, LdapError, LdapResult, Scope, SearchEntry, SearchOptions,
};
use locum_identity::ldap::{
    Asking, Conversation, Depth, DirectoryServer, Entry, Reach, Search, Unavailable,
};
use locum_identity::sealing::Secret;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;

/// A refused password is told after this long at the earliest: directories take their time for a slow
/// hash, and none for a user who is not there.
const REFUSED_AFTER: Duration = Duration::from_millis(250);
/// Directories whose room is kept count of.
const MOST_DIRECTORIES: usize = 1024;

const MALFORMED: &str = "it does not speak LDAP as it should";

/// How LDAP says what became of a request (RFC 4511, 4.1.9).
const SUCCESS: u32 = 0;
const SIZE_LIMIT_EXCEEDED: u32 = 4;
const REFERRAL: u32 = 10;
const NO_SUCH_OBJECT: u32 = 32;
const INVALID_DN_SYNTAX: u32 = 34;
const INVALID_CREDENTIALS: u32 = 49;

/// What a bind answers for a user who may not log in, whatever the password.
const REFUSALS: [u32; 5] = [
    INVALID_CREDENTIALS,
    NO_SUCH_OBJECT,
    INVALID_DN_SYNTAX,
    // inappropriateAuthentication: the entry has no password.
    48,
    // unwillingToPerform: the account is locked or expired.
    53,
];

/// Directories, asked by TCP.
#[derive(Default)]
pub(crate) struct Directories {
    room: Mutex<HashMap<Reach, Arc<Semaphore>>>,
}

impl Directories {
    /// Room for one more conversation with a directory.
    async fn room(&self, reach: &Reach) -> Result<OwnedSemaphorePermit, Unavailable> {
        let semaphore = {
            let mut room = self.room.lock().unwrap_or_else(PoisonError::into_inner);
            if room.len() >= MOST_DIRECTORIES {
                // Settings that were replaced are left over here: those that nobody talks to go.
                room.retain(|_, semaphore| Arc::strong_count(semaphore) > 1);
            }
            let new = || Arc::new(Semaphore::new(reach.connections));
            room.entry(reach.clone()).or_insert_with(new).clone()
        };
        let waited = tokio::time::timeout(reach.timeout, semaphore.acquire_owned()).await;
        match waited {
            Ok(Ok(permit)) => Ok(permit),
            _ => Err(Unavailable("all connections to it are in use".to_owned())),
        }
    }

    async fn open(&self, reach: &Reach) -> Result<Open, Unavailable> {
        let room = self.room(reach).await?;
        let tls = Arc::new(tls(reach.authorities.as_deref())?);
        let mut last = Unavailable("it has no servers".to_owned());
        for url in &reach.urls {
            let settings = LdapConnSettings::new()
                .set_conn_timeout(reach.timeout)
                .set_config(tls.clone())
                .set_starttls(reach.start_tls);
            let to = url.clone();
            let connecting =
                apart(async move { LdapConnAsync::with_settings(settings, &to).await });
            match connecting.await {
                Ok((connection, ldap)) => {
                    let driver = tokio::spawn(async move {
                        // Whoever waits for an answer learns that there is none.
                        let _ = connection.drive().await;
                    });
                    return Ok(Open {
                        ldap,
                        timeout: reach.timeout,
                        driver: driver.abort_handle(),
                        _room: room,
                    });
                }
                Err(Unavailable(why)) => last = Unavailable(format!("{url}: {why}")),
            }
        }
        Err(last)
    }
}

impl DirectoryServer for Directories {
    fn connect<'a>(&'a self, reach: &'a Reach) -> Asking<'a, Box<dyn Conversation>> {
        Box::pin(async move {
            let open: Box<dyn Conversation> = Box::new(self.open(reach).await?);
            Ok(open)
        })
    }
}

/// Runs a step in a task of its own: the library takes some malformed answers for impossible ones, and
/// what it does then ends that task and nothing else.
async fn apart<T: Send + 'static>(
    step: impl Future<Output = Result<T, LdapError>> + Send + 'static,
) -> Result<T, Unavailable> {
    match tokio::spawn(step).await {
        Ok(outcome) => outcome.map_err(|error| Unavailable(words(&error))),
        Err(_) => Err(Unavailable(MALFORMED.to_owned())),
    }
}

/// One connection; it is closed when it is dropped.
struct Open {
    ldap: Ldap,
    timeout: Duration,
    driver: AbortHandle,
    _room: OwnedSemaphorePermit,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Conversation for Open {
    fn bind<'a>(&'a mut self, dn: &'a str, password: &'a str) -> Asking<'a, bool> {
        Box::pin(async move {
            if dn.is_empty() || password.is_empty() {
                return Ok(false);
            }
            // Counts from here.
            let pause = tokio::time::timeout(REFUSED_AFTER, std::future::pending::<()>());
            let (mut ldap, timeout) = (self.ldap.clone(), self.timeout);
            let (dn, password) = (dn.to_owned(), Secret::new(password.to_owned()));
            let asked = apart(async move {
                let ldap = ldap.with_timeout(timeout);
                ldap.simple_bind(&dn, password.expose()).await
            });
            let LdapResult { rc, .. } = asked.await?;
            match rc {
                SUCCESS => Ok(true),
                rc if REFUSALS.contains(&rc) => {
                    let _ = pause.await;
                    Ok(false)
                }
                rc => Err(refused("the bind", rc)),
            }
        })
    }

    fn search<'a>(&'a mut self, search: &'a Search) -> Asking<'a, Vec<Entry>> {
        Box::pin(async move {
            // One more than is wanted tells that there are too many.
            let most = i32::try_from(search.most.saturating_add(1)).unwrap_or(i32::MAX);
            let seconds = i32::try_from(self.timeout.as_secs()).unwrap_or(i32::MAX);
            let options = SearchOptions::new().sizelimit(most).timelimit(seconds);
            let depth = match search.depth {
                Depth::Base => Scope::Base,
                Depth::Subtree => Scope::Subtree,
            };
            let (mut ldap, timeout, search) = (self.ldap.clone(), self.timeout, search.clone());
            let asked = apart(async move {
                let ldap = ldap.with_timeout(timeout).with_search_options(options);
                let asked = ldap.search(&search.base, depth, &search.filter, &search.attributes);
                let found = asked.await?;
                let entries = found.0.into_iter();
                let entries = entries.filter(|entry| !entry.is_ref() && !entry.is_intermediate());
                let entries: Vec<Entry> = entries.map(SearchEntry::construct).map(read).collect();
                Ok((entries, found.1.rc))
            });
            // A server that goes on telling is not listened to for ever.
            let asked = tokio::time::timeout(self.timeout.saturating_mul(2), asked);
            let late = |_| Unavailable("time was up".to_owned());
            match asked.await.map_err(late)?? {
                (entries, SUCCESS | SIZE_LIMIT_EXCEEDED) => Ok(entries),
                (_, NO_SUCH_OBJECT) => Ok(Vec::new()),
                (_, rc) => Err(refused("the search", rc)),
            }
        })
    }
}

/// An entry, with the values that are no text among the others.
fn read(entry: SearchEntry) -> Entry {
    let mut read = Entry {
        dn: entry.dn,
        ..Entry::default()
    };
    let texts = entry.attrs.into_iter().map(|(name, values)| {
        let values = values.into_iter().map(String::into_bytes).collect();
        (name, values)
    });
    for (name, values) in texts.chain(entry.bin_attrs) {
        let all: &mut Vec<Vec<u8>> = read
            .attributes
            .entry(name.to_ascii_lowercase())
            .or_default();
        all.extend(values);
    }
    read
}

/// TLS that believes the authorities given, or those of the machine.
fn tls(authorities: Option<&str>) -> Result<ClientConfig, Unavailable> {
    let mut roots = RootCertStore::empty();
    match authorities {
        Some(text) => {
            for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
                let added = certificate.ok().and_then(|der| roots.add(der).ok());
                if added.is_none() {
                    return Err(Unavailable(
                        "the authorities' certificates cannot be read".to_owned(),
                    ));
                }
            }
        }
        None => {
            for certificate in rustls_native_certs::load_native_certs().certs {
                // One that cannot be read vouches for nobody.
                let _ = roots.add(certificate);
            }
        }
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Unavailable("TLS cannot be set up".to_owned()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

fn refused(what: &str, rc: u32) -> Unavailable {
    Unavailable(match rc {
        REFERRAL => format!("{what} was referred to another server, which is not followed"),
        rc => format!("{what} was answered with the LDAP result code {rc}"),
    })
}

/// What went wrong, without what was sent.
fn words(error: &LdapError) -> String {
    match error {
        LdapError::Io { source } => source.to_string(),
        LdapError::Timeout { .. } => "time was up".to_owned(),
        LdapError::FilterParsing => "the filter cannot be read".to_owned(),
        LdapError::LdapResult { result } => {
            format!("it was answered with the LDAP result code {}", result.rc)
        }
        LdapError::EndOfStream | LdapError::ResultRecv { .. } | LdapError::OpSend { .. } => {
            "it hung up".to_owned()
        }
        _ => MALFORMED.to_owned(),
    }
}
