//! `locum federation provider`.

use super::super::{StoreArgs, print, print_json};
use super::ldap::LdapArgs;
use super::saml::{self, SamlArgs};
use crate::Failure;
use crate::command::Format;
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_change, open_to_read};
use crate::environment::system;
use clap::{Args, Subcommand};
use locum_identity::account::Account;
use locum_identity::binding::Binding;
use locum_identity::entity::ProviderSettings;
use locum_identity::environment::timestamp;
use locum_identity::ldap::{GroupSource, UserSource};
use locum_policy::Plain;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Serialize;
use std::fmt::Write as _;
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
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SetArgs {
    /// The provider's ARN
    #[arg(long, value_name = "ARN")]
    provider: String,
    /// A file of certificates (PEM): the authorities that vouch for the provider's servers, and the only
    /// ones then
    #[arg(long, value_name = "FILE")]
    authorities: Option<PathBuf>,
    /// Believe the authorities that the machine trusts again
    #[arg(long, conflicts_with = "authorities")]
    no_authorities: bool,
    #[command(flatten)]
    saml: SamlArgs,
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

impl ProviderCommand {
    pub(super) async fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Set(args) => args.run().await?,
            Self::Show(args) => args.run().await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl SetArgs {
    async fn run(self) -> Result<(), Failure> {
        let authorities = self.authorities.as_deref().map(authorities).transpose()?;
        let ldap = self.ldap.read()?;
        let binding = self.bind_sessions.then(|| {
            let default = Binding::default();
            Binding {
                interval: self.binding_interval.unwrap_or(default.interval),
                grace: self.binding_grace.map_or(default.grace, |grace| grace.0),
            }
        });
        let (_directory, realm) = open_to_change(&self.place.resolve()?, system().0).await?;
        let changed = realm
            .change_provider_settings(&self.provider, |settings, sealer| {
                if let Some(text) = &authorities {
                    settings.authorities = Some(text.clone());
                }
                if self.no_authorities {
                    settings.authorities = None;
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
                if let Some(binding) = &binding {
                    settings.binding = Some(binding.clone());
                }
                if self.no_bind_sessions {
                    settings.binding = None;
                }
                Ok(())
            })
            .await
            .map_err(|error| described("cannot change the provider's settings", &error))?;
        changed
            .map(drop)
            .map_err(|fault| Failure::Work(fault.to_string()))
    }
}

/// Certificates that can all be read.
fn authorities(path: &Path) -> Result<String, Failure> {
    let wrong = |what: &str| Failure::Usage(format!("`{}` {what}", path.display()));
    let text =
        crate::command::input::read(path, LONGEST_AUTHORITIES).map_err(|error| wrong(&error))?;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(text.as_bytes()) {
        let certificate =
            certificate.map_err(|_| wrong("has a certificate that cannot be read"))?;
        let added = roots.add(certificate);
        added.map_err(|_| wrong("has a certificate that cannot be read"))?;
    }
    if roots.is_empty() {
        return Err(wrong("holds no certificate"));
    }
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
