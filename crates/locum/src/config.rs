//! The command line, the environment and `locum.toml`: the same settings three ways. A flag goes
//! before its environment variable, which goes before the file.

use crate::Failure;
use crate::command::client::AssumeArgs;
use crate::command::{
    account::AccountCommand, cluster::ClusterCommand, exec::ExecArgs, explain::ExplainArgs,
    export::ExportArgs, exports::EnvArgs, federation::FederationCommand, history::HistoryArgs,
    import::ImportCommand, issuer::IssuerCommand, keyring::KeyringCommand, policy::PolicyCommand,
    quota::QuotaCommand, role_template::RoleTemplateCommand, service::ServiceCommand,
    session::SessionCommand,
};
use clap::builder::FalseyValueParser;
use clap::{Args, Parser, Subcommand};
use locum_identity::ids::AccessKeyId;
use locum_identity::issuer::PublicUrl;
use locum_identity::names::{AccountId, Constrained as _};
use locum_identity::realm::RootCredentials;
use locum_identity::sealing::Secret;
use serde::{Deserialize, Deserializer};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// Where data lies if nothing else is said.
const DEFAULT_DATA: &str = "locum-data";
/// Where the server listens if nothing else is said.
const DEFAULT_LISTEN: &str = "127.0.0.1:7390";
/// The account of `--ephemeral`.
const EPHEMERAL_ACCOUNT: &str = "123456789012";
/// The file that is read if it is there and no other is named.
const DEFAULT_FILE: &str = "locum.toml";

#[derive(Parser)]
#[command(
    name = "locum",
    version,
    about = "A self-hosted security token service, wire-compatible with AWS STS and IAM"
)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Run the server. An empty data directory is initialised first
    Serve(Box<ServeArgs>),
    /// Create the keys, the first account, its root user and one root access key
    Init(InitArgs),
    /// Check policies and test what they decide
    #[command(subcommand)]
    Policy(PolicyCommand),
    /// Explain why a request would be allowed or denied
    ///
    /// The request is decided by the evaluator of the server, from what a data directory holds: also
    /// while a server runs on it, and without changing anything there. With --case it is that of a
    /// case file, and no server is needed.
    ///
    /// Exit code 0: it was explained, whatever the decision (with --expect: and the decision is that
    /// one); 1: the decision is another one than --expect, or there is no such principal, role,
    /// account or store; 2: wrong usage.
    Explain(Box<ExplainArgs>),
    /// Assume a role and run a command with the session
    ///
    /// The command gets the session in the variables that every AWS SDK reads, and takes this
    /// process's place. With --server it runs as a child, and fetches credentials that are renewed
    /// from an endpoint on loopback.
    ///
    /// Exit code: the command's; 126 if it cannot be run, 127 if there is none; 1 if there is no
    /// session; 2: wrong usage.
    Exec(Box<ExecArgs>),
    /// Assume a role and print the session as a `credential_process` does
    ///
    /// For a profile in ~/.aws/config: credential_process = locum credential-process --role-arn …
    /// Exit code 0: it was printed; 1: there is no session; 2: wrong usage.
    CredentialProcess(Box<AssumeArgs>),
    /// Assume a role and print the lines that give a shell the session
    ///
    /// For sh: eval "$(locum env --role-arn …)". Exit code 0: they were printed; 1: there is no
    /// session; 2: wrong usage.
    Env(Box<EnvArgs>),
    /// List, rotate and retire the keys that seal session tokens
    ///
    /// On a data directory, also while servers run on it: they follow within a second.
    #[command(subcommand)]
    Keyring(KeyringCommand),
    /// List and rotate the keys by which services outside verify tokens
    ///
    /// On a data directory, also while servers run on it: they follow within a second.
    #[command(subcommand)]
    Issuer(IssuerCommand),
    /// Register services, which assume the roles that trust them
    ///
    /// On a data directory, also while servers run on it: they follow within a second.
    #[command(subcommand)]
    Service(ServiceCommand),
    /// Register Kubernetes clusters, whose pods get roles
    ///
    /// On a data directory, also while servers run on it: they follow within a second.
    #[command(subcommand)]
    Cluster(ClusterCommand),
    /// Set how much an account may have
    ///
    /// On a data directory, also while servers run on it: they follow within a second.
    #[command(subcommand)]
    Quota(QuotaCommand),
    /// Say more of identity providers than AWS lets one, and why a login fails
    ///
    /// On a data directory, also while servers run on it: they follow within a second.
    #[command(subcommand)]
    Federation(FederationCommand),
    /// Load the role templates that AcquireRole makes roles of
    ///
    /// On a data directory, also while servers run on it: they follow within a second.
    #[command(subcommand)]
    RoleTemplate(RoleTemplateCommand),
    /// End sessions before their time, and list those in use
    #[command(subcommand)]
    Session(SessionCommand),
    /// Say who changed what in an account, and when
    ///
    /// It reads a data directory, also while servers run on it. Exit code 0: it was said; 1: it cannot
    /// be; 2: wrong usage.
    History(HistoryArgs),
    /// Put an account back to what it was
    ///
    /// On a data directory, also while servers run on it: they follow within a second.
    #[command(subcommand)]
    Account(AccountCommand),
    /// Import a whole account: from AWS, from another locum or from MinIO
    ///
    /// On a data directory, also while servers run on it: they follow within a second.
    #[command(subcommand)]
    Import(ImportCommand),
    /// Write an account as JSON, which `locum import account` makes the same account of
    ///
    /// In the form of `aws iam get-account-authorization-details`, so that programs made for that read
    /// it. Without secrets: which are left out is said. Exit code 0: it was written; 1: there is no such
    /// account or store; 2: wrong usage.
    Export(ExportArgs),
}

/// Settings of `init`, which `serve` has too.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub(crate) struct InitArgs {
    /// The data directory [default: locum-data]
    #[arg(long, env = "LOCUM_DATA", value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// The first account's id, twelve digits [default: random; 123456789012 for an ephemeral server]
    #[arg(long, env = "LOCUM_ACCOUNT_ID", value_name = "N")]
    account_id: Option<String>,
    /// The store: `sqlite:PATH` [default: locum.db in the data directory]
    #[arg(long, env = "LOCUM_STORE", value_name = "URL")]
    store: Option<String>,
    /// The file with settings [default: locum.toml, if it is there]
    #[arg(long, env = "LOCUM_CONFIG", value_name = "FILE")]
    #[serde(skip)]
    pub(crate) config: Option<PathBuf>,
    /// The first root access key: its id. Only from the environment, so that it stays out of process lists
    #[arg(skip)]
    root_access_key_id: Option<String>,
    #[arg(skip)]
    root_secret_access_key: Option<String>,
}

/// Settings of `serve`.
#[derive(Args, Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case", default)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    #[serde(flatten)]
    init: InitArgs,
    /// The address to listen on [default: 127.0.0.1:7390]
    #[arg(long, env = "LOCUM_LISTEN", value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Keep all state in memory and forget it at the end; loopback only
    #[arg(long, env = "LOCUM_EPHEMERAL", value_parser = FalseyValueParser::new())]
    ephemeral: bool,
    /// Write the bound host:port to this file once ready
    #[arg(long, env = "LOCUM_PORT_FILE", value_name = "FILE")]
    port_file: Option<PathBuf>,
    /// The certificate chain for TLS, PEM
    #[arg(long, env = "LOCUM_TLS_CERT", value_name = "FILE")]
    tls_cert: Option<PathBuf>,
    /// The private key for TLS, PEM
    #[arg(long, env = "LOCUM_TLS_KEY", value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// A proxy in front ends TLS: listen without it, and believe X-Forwarded-For and X-Forwarded-Proto
    #[arg(long, env = "LOCUM_BEHIND_TLS_PROXY", value_parser = FalseyValueParser::new())]
    behind_tls_proxy: bool,
    /// The URL at which others reach the server, https://HOST or https://HOST:PORT: it is in the issuers of tokens [default: that of --listen, on loopback]
    #[arg(long, env = "LOCUM_PUBLIC_URL", value_name = "URL")]
    public_url: Option<String>,
    /// Ask identity providers for their certificates and keys at addresses that are not public, too:
    /// those of private networks and of this machine
    #[arg(long, env = "LOCUM_IDP_PRIVATE_ADDRESSES", value_parser = FalseyValueParser::new())]
    idp_private_addresses: bool,
    /// Take identity providers on this machine that speak plain HTTP, http://localhost:PORT: for tests
    /// and development
    #[arg(long, env = "LOCUM_IDP_PLAIN_HTTP_ON_LOOPBACK", value_parser = FalseyValueParser::new())]
    idp_plain_http_on_loopback: bool,
    /// A domain below which host names are buckets; may be repeated [default: localhost]
    #[arg(
        long,
        env = "LOCUM_S3_DOMAIN",
        value_name = "NAME",
        value_delimiter = ','
    )]
    #[serde(deserialize_with = "one_or_more")]
    s3_domain: Vec<String>,
    /// The size at which the audit file is rotated [default: 67108864]
    #[arg(long, env = "LOCUM_AUDIT_ROTATE_BYTES", value_name = "N")]
    audit_rotate_bytes: Option<u64>,
    /// How many rotated audit files are kept; 0 keeps all [default: 0]
    #[arg(long, env = "LOCUM_AUDIT_KEEP", value_name = "N")]
    audit_keep: Option<usize>,
    /// How many users, groups, roles, policies, keys and so on the accounts in memory may have between
    /// them; beyond that, those not used for longest are loaded again when they are used
    /// [default: 500000]
    #[arg(long, env = "LOCUM_MAX_ENTITIES_IN_MEMORY", value_name = "N")]
    max_entities_in_memory: Option<usize>,
    /// Failed authentications with one access key id from one source, as COUNT/SECONDS, or `off`
    /// [default: 30/60; off for an ephemeral server]
    #[arg(long, env = "LOCUM_LIMIT_KEY_FAILURES", value_name = "RATE")]
    limit_key_failures: Option<Limit>,
    /// Failed authentications from one source: an IPv4 address or an IPv6 /64 [default: 300/60; off
    /// for an ephemeral server]
    #[arg(long, env = "LOCUM_LIMIT_SOURCE_FAILURES", value_name = "RATE")]
    limit_source_failures: Option<Limit>,
    /// Wrong MFA codes and wrong old passwords of one user, and refusals of one account at one role
    /// with an external id [default: 20/3600; off for an ephemeral server]
    #[arg(long, env = "LOCUM_LIMIT_GUESSES", value_name = "RATE")]
    limit_guesses: Option<Limit>,
    /// Requests to STS of one account in one region; AWS has 600/1 [default: off]
    #[arg(long, env = "LOCUM_LIMIT_STS_REQUESTS", value_name = "RATE")]
    limit_sts_requests: Option<Limit>,
}

/// So many in so many seconds.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Rate {
    pub(crate) count: u32,
    pub(crate) seconds: u32,
}

/// What `--limit-…` says: a rate, or that there is no limit.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Limit(Option<Rate>);

/// The limits that a server keeps; `None` for none.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Limits {
    pub(crate) key_failures: Option<Rate>,
    pub(crate) source_failures: Option<Rate>,
    pub(crate) guesses: Option<Rate>,
    pub(crate) sts_requests: Option<Rate>,
}

impl FromStr for Limit {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const MOST: u32 = 10_000;
        const LONGEST: u32 = 86_400;
        if text == "off" {
            return Ok(Self(None));
        }
        let number = |text: &str, most| {
            let number = text.parse::<u32>().ok();
            number.filter(|number| (1..=most).contains(number))
        };
        text.split_once('/')
            .and_then(|(count, seconds)| {
                Some(Self(Some(Rate {
                    count: number(count, MOST)?,
                    seconds: number(seconds, LONGEST)?,
                })))
            })
            .ok_or_else(|| {
                format!("`{text}` is no rate: it must be COUNT/SECONDS, at most {MOST} in at most {LONGEST} seconds, or off")
            })
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// Where a realm lies that is there already.
#[derive(Args, Clone, Debug)]
pub(crate) struct PlaceArgs {
    /// The data directory [default: locum-data]
    #[arg(long, env = "LOCUM_DATA", value_name = "DIR")]
    data: Option<PathBuf>,
    /// The store: `sqlite:PATH` [default: locum.db in the data directory]
    #[arg(long, env = "LOCUM_STORE", value_name = "URL")]
    store: Option<String>,
    /// The file with settings [default: locum.toml, if it is there]
    #[arg(long, env = "LOCUM_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

/// Where a realm lies.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) data: PathBuf,
    pub(crate) store: Option<PathBuf>,
}

impl PlaceArgs {
    /// The settings of the command line over those of the file it names.
    pub(crate) fn resolve(self) -> Result<Place, Failure> {
        let file = file(self.config.as_deref())?.init;
        Ok(Place {
            data: data(self.data, file.data),
            store: self
                .store
                .or(file.store)
                .map(|url| store(&url))
                .transpose()?,
        })
    }
}

fn data(given: Option<PathBuf>, file: Option<PathBuf>) -> PathBuf {
    given.or(file).unwrap_or_else(|| DEFAULT_DATA.into())
}

/// The path in a store's URL.
fn store(url: &str) -> Result<PathBuf, Failure> {
    match url.strip_prefix("sqlite:").filter(|path| !path.is_empty()) {
        Some(path) => Ok(PathBuf::from(path.strip_prefix("//").unwrap_or(path))),
        None => Err(Failure::Usage(format!(
            "`{url}` is no store: it must be sqlite:PATH"
        ))),
    }
}

/// What `init` works with.
#[derive(Clone, Debug)]
pub(crate) struct Init {
    pub(crate) data: PathBuf,
    pub(crate) account: Option<AccountId>,
    pub(crate) root: Option<RootCredentials>,
    pub(crate) store: Option<PathBuf>,
}

/// What `serve` works with.
#[derive(Clone, Debug)]
pub(crate) struct Serve {
    pub(crate) init: Init,
    pub(crate) listen: SocketAddr,
    pub(crate) ephemeral: bool,
    pub(crate) port_file: Option<PathBuf>,
    pub(crate) tls: Option<(PathBuf, PathBuf)>,
    pub(crate) behind_tls_proxy: bool,
    /// What was set; when the server listens, what follows from that.
    pub(crate) public_url: Option<PublicUrl>,
    pub(crate) idp_private_addresses: bool,
    pub(crate) idp_plain_http_on_loopback: bool,
    pub(crate) s3_domains: Vec<String>,
    pub(crate) audit_rotate_bytes: u64,
    pub(crate) audit_keep: usize,
    pub(crate) max_entities_in_memory: usize,
    pub(crate) limits: Limits,
}

/// The settings of the file; none if no file is named and the default one is not there.
pub(crate) fn file(named: Option<&Path>) -> Result<ServeArgs, Failure> {
    let path = named.unwrap_or(Path::new(DEFAULT_FILE));
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if named.is_none() && error.kind() == std::io::ErrorKind::NotFound => {
            return Ok(ServeArgs::default());
        }
        Err(error) => {
            return Err(Failure::work(
                &format!("cannot read `{}`", path.display()),
                error,
            ));
        }
    };
    // Flattening hides unknown keys from serde, so they are looked for first.
    let keys: toml::Table = toml::from_str(&text)
        .map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))?;
    if let Some(unknown) = keys.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(Failure::Usage(format!(
            "`{}`: unknown key `{unknown}`",
            path.display()
        )));
    }
    toml::from_str(&text).map_err(|error| Failure::Usage(format!("`{}`: {error}", path.display())))
}

/// Some gigabytes, at a few kilobytes for a role with policies of its own.
const ENTITIES_IN_MEMORY: usize = 500_000;

/// The keys of the file.
const KEYS: [&str; 21] = [
    "data",
    "account-id",
    "root-access-key-id",
    "root-secret-access-key",
    "listen",
    "ephemeral",
    "store",
    "port-file",
    "tls-cert",
    "tls-key",
    "behind-tls-proxy",
    "public-url",
    "idp-private-addresses",
    "s3-domain",
    "audit-rotate-bytes",
    "audit-keep",
    "max-entities-in-memory",
    "limit-key-failures",
    "limit-source-failures",
    "limit-guesses",
    "limit-sts-requests",
];

impl InitArgs {
    /// The settings of the command line over those of the file.
    pub(crate) fn over(self, file: ServeArgs) -> Result<Init, Failure> {
        self.resolve(file.init, false)
    }

    fn resolve(self, file: Self, ephemeral: bool) -> Result<Init, Failure> {
        let account = match self.account_id.or(file.account_id) {
            Some(text) => Some(text),
            None if ephemeral => Some(EPHEMERAL_ACCOUNT.to_owned()),
            None => None,
        };
        let account = account
            .map(|text| {
                AccountId::parse(&text).map_err(|_| {
                    Failure::Usage(format!(
                        "`{text}` is no account id: it must have twelve digits"
                    ))
                })
            })
            .transpose()?;
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let id = variable("LOCUM_ROOT_ACCESS_KEY_ID").or(file.root_access_key_id);
        let secret = variable("LOCUM_ROOT_SECRET_ACCESS_KEY").or(file.root_secret_access_key);
        let root = match (id, secret) {
            (None, None) => None,
            (Some(id), Some(secret)) => {
                let legal = AccessKeyId::parse(&id).filter(|_| !AccessKeyId::is_temporary(&id));
                let access_key_id = legal.ok_or_else(|| {
                    Failure::Usage("LOCUM_ROOT_ACCESS_KEY_ID must be 16 to 128 letters and digits, and not begin with ASIA".to_owned())
                })?;
                if !(16..=128).contains(&secret.len()) {
                    return Err(Failure::Usage(
                        "LOCUM_ROOT_SECRET_ACCESS_KEY must be 16 to 128 characters long".to_owned(),
                    ));
                }
                Some(RootCredentials {
                    access_key_id,
                    secret_access_key: Secret::new(secret),
                })
            }
            _ => {
                return Err(Failure::Usage(
                    "LOCUM_ROOT_ACCESS_KEY_ID and LOCUM_ROOT_SECRET_ACCESS_KEY go together"
                        .to_owned(),
                ));
            }
        };
        let store = match self.store.or(file.store) {
            None => None,
            Some(_) if ephemeral => {
                return Err(Failure::Usage(
                    "--ephemeral and --store exclude each other".to_owned(),
                ));
            }
            Some(url) => Some(store(&url)?),
        };
        Ok(Init {
            data: data(self.data, file.data),
            account,
            root,
            store,
        })
    }
}

impl ServeArgs {
    /// The settings of the command line over those of the file.
    pub(crate) fn over(self, file: Self) -> Result<Serve, Failure> {
        let listen = match self.listen.or(file.listen) {
            Some(listen) => listen,
            None => DEFAULT_LISTEN
                .parse()
                .map_err(|error| Failure::work("the default address", error))?,
        };
        let ephemeral = self.ephemeral || file.ephemeral;
        let behind_tls_proxy = self.behind_tls_proxy || file.behind_tls_proxy;
        let tls = match (
            self.tls_cert.or(file.tls_cert),
            self.tls_key.or(file.tls_key),
        ) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => {
                return Err(Failure::Usage(
                    "--tls-cert and --tls-key go together".to_owned(),
                ));
            }
        };
        if ephemeral && !listen.ip().is_loopback() {
            return Err(Failure::Usage(format!(
                "--ephemeral listens on loopback only, not on {listen}"
            )));
        }
        if !listen.ip().is_loopback() && tls.is_none() && !behind_tls_proxy {
            return Err(Failure::Usage(format!(
                "{listen} is not a loopback address: give --tls-cert and --tls-key, or --behind-tls-proxy if a proxy in front ends TLS"
            )));
        }
        let public_url = self
            .public_url
            .or(file.public_url)
            .map(|text| {
                PublicUrl::parse(&text)
                    .map_err(|why| Failure::Usage(format!("`{text}` is no public URL: {why}")))
            })
            .transpose()?;
        let s3_domains = if self.s3_domain.is_empty() {
            file.s3_domain
        } else {
            self.s3_domain
        };
        // An ephemeral server is for tests, and they fail on purpose.
        let limit = |given: Option<Limit>, count, seconds| match given {
            Some(Limit(rate)) => rate,
            None => (!ephemeral).then_some(Rate { count, seconds }),
        };
        let limits = Limits {
            key_failures: limit(self.limit_key_failures.or(file.limit_key_failures), 30, 60),
            source_failures: limit(
                self.limit_source_failures.or(file.limit_source_failures),
                300,
                60,
            ),
            guesses: limit(self.limit_guesses.or(file.limit_guesses), 20, 3600),
            sts_requests: self
                .limit_sts_requests
                .or(file.limit_sts_requests)
                .and_then(|Limit(rate)| rate),
        };
        Ok(Serve {
            init: self.init.resolve(file.init, ephemeral)?,
            listen,
            ephemeral,
            port_file: self.port_file.or(file.port_file),
            tls,
            behind_tls_proxy,
            public_url,
            idp_private_addresses: self.idp_private_addresses || file.idp_private_addresses,
            idp_plain_http_on_loopback: self.idp_plain_http_on_loopback
                || file.idp_plain_http_on_loopback,
            s3_domains: if s3_domains.is_empty() {
                vec!["localhost".to_owned()]
            } else {
                s3_domains
            },
            audit_rotate_bytes: self
                .audit_rotate_bytes
                .or(file.audit_rotate_bytes)
                .unwrap_or(64 * 1024 * 1024),
            audit_keep: self.audit_keep.or(file.audit_keep).unwrap_or(0),
            max_entities_in_memory: self
                .max_entities_in_memory
                .or(file.max_entities_in_memory)
                .unwrap_or(ENTITIES_IN_MEMORY),
            limits,
        })
    }
}

impl ServeArgs {
    /// `--config`
    pub(crate) fn config(&self) -> Option<&Path> {
        self.init.config.as_deref()
    }
}

/// A text, or a list of them.
fn one_or_more<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Texts {
        One(String),
        More(Vec<String>),
    }
    Ok(match Texts::deserialize(from)? {
        Texts::One(text) => vec![text],
        Texts::More(texts) => texts,
    })
}
