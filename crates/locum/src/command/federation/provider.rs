//! `locum federation provider`.

use super::super::{StoreArgs, print, print_json};
use super::ldap::LdapArgs;
use super::saml::{self, SamlArgs};
use super::secret;
use super::sign_in::{ShownClient, SignInArgs};
use crate::Failure;
use crate::command::Format;
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_change, open_to_read};
use crate::environment::system;
use clap::{Args, Subcommand};
use locum_identity::account::Account;
use locum_identity::binding::Introspection;
use locum_identity::entity::ProviderSettings;
use locum_identity::environment::timestamp;
use locum_identity::ldap::{GroupSource, UserSource};
use locum_policy::Plain;
use serde::Serialize;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The longest file of certificates.
const LONGEST_AUTHORITIES: u64 = 256 * 1024;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ProviderCommand {
    /// Set what is said of a provider; what is not given stays
    ///
    /// Exit code 0: it is set; 1: there is no such provider, or it cannot be; 2: wrong usage.
    Set(Box<SetArgs>),
    /// Show what is said of providers, without secrets
    ///
    /// Exit code 0: it was shown; 1: it cannot be; 2: wrong usage.
    Show(ShowArgs),
    /// List the providers of which something is said, and what, without secrets
    ///
    /// Exit code 0: they were listed; 1: they cannot be; 2: wrong usage.
    List(StoreArgs),
    /// Take back all that was said of a provider
    ///
    /// Exit code 0: nothing is said of it now; 1: there is no such provider; 2: wrong usage.
    Reset(ResetArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SetArgs {
    /// The provider's ARN
    #[arg(long, value_name = "ARN")]
    provider: String,
    /// A file of certificates (PEM): the authorities that vouch for the provider's servers, and the only
    /// ones then
    #[arg(long, alias = "authorities", value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Believe the authorities that the machine trusts again, and the provider's thumbprints
    #[arg(long, alias = "no-authorities", conflicts_with = "ca_file")]
    no_ca: bool,
    /// A file with the token that the provider's servers are shown (`Authorization: Bearer`), as those of
    /// Kubernetes clusters want one; `-` is standard input
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<PathBuf>,
    /// Show them no token any more
    #[arg(long, conflicts_with = "bearer_token_file")]
    no_bearer_token: bool,
    /// The address and port of the provider's host, instead of where its name leads: 10.0.0.7:6443
    #[arg(long, value_name = "ADDR")]
    address: Option<SocketAddr>,
    /// Go where its name leads again
    #[arg(long, conflicts_with = "address")]
    no_address: bool,
    /// Where the keys are, where the provider's configuration cannot say: https://…
    #[arg(long, value_name = "URL")]
    jwks_uri: Option<String>,
    /// Ask the provider's configuration again
    #[arg(long, conflicts_with = "jwks_uri")]
    no_jwks_uri: bool,
    /// Whether its servers may have addresses that are not public: those of private networks and of this
    /// machine
    #[arg(long, value_name = "BOOL")]
    private_addresses: Option<bool>,
    #[command(flatten)]
    saml: SamlArgs,
    #[command(flatten)]
    sign_in: SignInArgs,
    #[command(flatten)]
    ldap: LdapArgs,
    /// No directory stands behind the provider any more
    #[arg(long, conflicts_with = "ldap_url")]
    no_ldap: bool,
    /// End sessions when the provider does not stand by their user any more
    #[arg(long)]
    bind_sessions: bool,
    /// Seconds between two questions about one user, 5 to 3600 [default: 60]
    #[arg(long, value_name = "SECONDS", requires = "bind_sessions")]
    binding_interval: Option<u32>,
    /// How many seconds sessions go on while the provider cannot be asked, 0 for none, `unlimited` for
    /// their whole life [default: 3600]
    #[arg(long, value_name = "SECONDS", requires = "bind_sessions", value_parser = grace)]
    binding_grace: Option<Grace>,
    /// Where an OpenID Connect provider says whether a token is still good (RFC 7662); without it sessions
    /// end by back-channel logout alone
    #[arg(long, value_name = "URL", requires_all = ["bind_sessions", "introspection_client_id", "introspection_secret_file"])]
    introspection_url: Option<String>,
    /// As which client it is asked
    #[arg(long, value_name = "ID", requires = "introspection_url")]
    introspection_client_id: Option<String>,
    /// A file with the client's secret; `-` is standard input
    #[arg(long, value_name = "FILE", requires = "introspection_url")]
    introspection_secret_file: Option<PathBuf>,
    /// Sessions live out their time whatever the provider says
    #[arg(long, conflicts_with = "bind_sessions")]
    no_bind_sessions: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Clone, Copy, Debug)]
struct Grace(Option<u32>);

fn grace(text: &str) -> Result<Grace, String> {
    match text {
        "unlimited" => Ok(Grace(None)),
        text => text
            .parse()
            .map(|seconds| Grace(Some(seconds)))
            .map_err(|_| "it must be a number of seconds, or `unlimited`".to_owned()),
    }
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ShowArgs {
    /// Only of this provider
    #[arg(long, value_name = "ARN")]
    provider: Option<String>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ResetArgs {
    /// The provider's ARN
    #[arg(long, value_name = "ARN")]
    provider: String,
    #[command(flatten)]
    place: PlaceArgs,
}

impl ProviderCommand {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Set(args) => args.run().await?,
            Self::Show(args) => args.run().await?,
            Self::List(store) => {
                let provider = None;
                ShowArgs { provider, store }.run().await?;
            }
            Self::Reset(args) => args.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl SetArgs {
    async fn run(self) -> Result<(), Failure> {
        let authorities = self.ca_file.as_deref().map(authorities).transpose()?;
        let bearer_token = self.bearer_token_file.as_deref().map(bearer_token);
        let bearer_token = bearer_token.transpose()?;
        let ldap = self.ldap.read()?;
        let client_secret = self.sign_in.read()?;
        let introspection_secret = self.introspection_secret_file.as_deref().map(secret);
        let introspection_secret = introspection_secret.transpose()?;
        let (_directory, realm) = open_to_change(&self.place.resolve()?, system().0).await?;
        let changed = realm
            .change_provider_settings(&self.provider, |settings, sealer| {
                let replace = |value: &mut Option<String>, new: &Option<String>, gone: bool| {
                    if new.is_some() || gone {
                        value.clone_from(new);
                    }
                };
                replace(&mut settings.authorities, &authorities, self.no_ca);
                replace(&mut settings.jwks_uri, &self.jwks_uri, self.no_jwks_uri);
                if self.address.is_some() || self.no_address {
                    settings.address = self.address;
                }
                if let Some(allowed) = self.private_addresses {
                    settings.private_addresses = allowed;
                }
                if bearer_token.is_some() || self.no_bearer_token {
                    let token = bearer_token.as_ref();
                    let sealed =
                        token.map(|token| sealer.seal(ProviderSettings::BEARER_TOKEN, token));
                    settings.bearer_token = sealed.transpose()?;
                }
                self.saml.apply(&mut settings.saml);
                if let Some((ldap, password)) = &ldap {
                    let mut ldap = ldap.clone();
                    let sealed = password
                        .as_ref()
                        .map(|password| sealer.seal("ldap-bind-password", password));
                    ldap.bind_password = sealed.transpose()?;
                    settings.ldap = Some(Box::new(ldap));
                }
                if self.no_ldap {
                    settings.ldap = None;
                }
                if self.bind_sessions {
                    let mut binding = settings.binding.take().unwrap_or_default();
                    if let Some(interval) = self.binding_interval {
                        binding.interval = interval;
                    }
                    if let Some(Grace(grace)) = self.binding_grace {
                        binding.grace = grace;
                    }
                    if let (Some(url), Some(client_id), Some(secret)) = (
                        &self.introspection_url,
                        &self.introspection_client_id,
                        &introspection_secret,
                    ) {
                        binding.introspection = Some(Introspection {
                            url: url.clone(),
                            client_id: client_id.clone(),
                            client_secret: sealer.seal(Introspection::SECRET, secret)?,
                        });
                    }
                    settings.binding = Some(binding);
                }
                if self.no_bind_sessions {
                    settings.binding = None;
                }
                self.sign_in.apply(client_secret.as_ref(), settings, sealer)
            })
            .await
            .map_err(|error| described("cannot change the provider's settings", &error))?;
        changed
            .map(drop)
            .map_err(|fault| Failure::Work(fault.to_string()))
    }
}

impl ResetArgs {
    async fn run(self) -> Result<(), Failure> {
        let (_directory, realm) = open_to_change(&self.place.resolve()?, system().0).await?;
        let changed = realm
            .change_provider_settings(&self.provider, |settings, _| {
                *settings = ProviderSettings::of(&settings.provider);
                Ok(())
            })
            .await
            .map_err(|error| described("cannot change the provider's settings", &error))?;
        changed
            .map(drop)
            .map_err(|fault| Failure::Work(fault.to_string()))
    }
}

/// One line that a header can carry.
fn bearer_token(path: &Path) -> Result<locum_identity::sealing::Secret, Failure> {
    let token = secret(path)?;
    let text = token.expose();
    if text.is_empty() || !text.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(Failure::Usage(
            "the bearer token must be one line of letters, digits and signs".to_owned(),
        ));
    }
    Ok(token)
}

/// Certificates that can all be read.
fn authorities(path: &Path) -> Result<String, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("`{}` {what}", path.display()));
    let text =
        crate::command::input::read(path, LONGEST_AUTHORITIES).map_err(|error| wrong(&error))?;
    crate::fetcher::authorities(&text)
        .map_err(|fault| wrong(&format!("is no CA file: {fault}")))?;
    Ok(text)
}

/// Settings as they are printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    provider: String,
    changed: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    saml: Vec<&'static str>,
    has_authorities: bool,
    has_bearer_token: bool,
    private_addresses: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sign_in: Option<ShownClient>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ldap: Option<ShownLdap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    binding: Option<ShownBinding>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownLdap {
    urls: Vec<String>,
    bind_dn: Option<String>,
    users: String,
    groups: Option<String>,
    subject: String,
    roles: Vec<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownBinding {
    interval_seconds: u32,
    grace_seconds: Option<u32>,
}

impl ShowArgs {
    async fn run(self) -> Result<(), Failure> {
        let realm = open_to_read(&self.store.place.resolve()?, system().0).await?;
        let mut shown = Vec::new();
        for id in realm.directory().accounts.keys() {
            let account = realm.account(*id).await;
            let account = account.map_err(|error| described("cannot read the account", &error))?;
            let of = |account: &Account| -> Vec<Shown> {
                let settings = account.provider_settings.values();
                let wanted = |of: &str| self.provider.as_ref().is_none_or(|wanted| wanted == of);
                let settings = settings.filter(|settings| wanted(&settings.provider));
                settings.map(|settings| show(settings)).collect()
            };
            shown.extend(account.as_deref().map(of).unwrap_or_default());
        }
        match self.store.format {
            Format::Json => print_json(&shown),
            Format::Text => print(&shown.iter().map(Shown::lines).collect::<String>()),
        }
    }
}

fn show(settings: &ProviderSettings) -> Shown {
    let ldap = settings.ldap.as_deref().map(|ldap| ShownLdap {
        urls: ldap
            .urls
            .iter()
            .map(|url| url.as_str().to_owned())
            .collect(),
        bind_dn: ldap.bind_dn.clone(),
        users: match &ldap.users {
            UserSource::Search { base, filter } => format!("{filter} under {base}"),
            UserSource::Template(template) => template.clone(),
        },
        groups: match &ldap.groups {
            GroupSource::None => None,
            GroupSource::Attribute(attribute) => Some(attribute.clone()),
            GroupSource::Search { base, filter } => Some(format!("{filter} under {base}")),
        },
        subject: ldap.subject.clone(),
        roles: ldap.roles.iter().map(ToString::to_string).collect(),
    });
    Shown {
        provider: settings.provider.clone(),
        changed: timestamp(settings.changed),
        saml: saml::described(settings.saml),
        has_authorities: settings.authorities.is_some(),
        has_bearer_token: settings.bearer_token.is_some(),
        private_addresses: settings.private_addresses,
        address: settings.address.map(|address| address.to_string()),
        jwks_uri: settings.jwks_uri.clone(),
        sign_in: settings.sign_in.as_ref().map(ShownClient::of),
        ldap,
        binding: settings.binding.as_ref().map(|binding| ShownBinding {
            interval_seconds: binding.interval,
            grace_seconds: binding.grace,
        }),
    }
}

impl Shown {
    fn lines(&self) -> String {
        let mut lines = format!("{}, changed {}\n", Plain(&self.provider), self.changed);
        for words in &self.saml {
            let _ = writeln!(lines, "  {words}");
        }
        if self.has_authorities {
            lines.push_str("  its servers are believed by authorities of its own\n");
        }
        if self.has_bearer_token {
            lines.push_str("  its servers are shown a bearer token\n");
        }
        if self.private_addresses {
            lines.push_str("  its servers may have addresses that are not public\n");
        }
        if let Some(address) = &self.address {
            let _ = writeln!(lines, "  its host is at {address}");
        }
        if let Some(uri) = &self.jwks_uri {
            let _ = writeln!(lines, "  its keys are at {}", Plain(uri));
        }
        if let Some(client) = &self.sign_in {
            let _ = writeln!(lines, "  {client}");
        }
        if let Some(ldap) = &self.ldap {
            let urls = ldap.urls.join(" ");
            let _ = writeln!(lines, "  directory {}", Plain(&urls));
            let _ = writeln!(
                lines,
                "    users {}, sub is {}",
                Plain(&ldap.users),
                ldap.subject
            );
            if let Some(groups) = &ldap.groups {
                let _ = writeln!(lines, "    groups {}", Plain(groups));
            }
            for role in &ldap.roles {
                let _ = writeln!(lines, "    role {}", Plain(role));
            }
        }
        if let Some(binding) = &self.binding {
            let _ = write!(
                lines,
                "  sessions end with it: asked every {} s",
                binding.interval_seconds
            );
            let _ = match binding.grace_seconds {
                Some(grace) => writeln!(lines, ", without an answer after {grace} s"),
                None => writeln!(lines, ", never for want of an answer"),
            };
        }
        lines
    }
}
