//! `locum cluster`: the Kubernetes clusters whose pods get roles by Pod Identity associations. It works on
//! a data directory, also while servers run on it: they follow.

use super::{Format, StoreArgs, account_id, input, print, print_json};
use crate::Failure;
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_change, open_to_read};
use crate::environment::{runtime, system};
use clap::{Args, Subcommand};
use locum_identity::eks::{ClusterFault, NewCluster, cluster_arn};
use locum_identity::environment::timestamp;
use locum_identity::names::{AccountId, ClusterName, Constrained as _};
use locum_identity::provider_url::ProviderUrl;
use locum_identity::sealing::Secret;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The bytes of a file of certificates.
const LONGEST_CERTIFICATES: u64 = 256 * 1024;
/// The bytes of a file with a token.
const LONGEST_TOKEN: u64 = 64 * 1024;
/// The characters of a URL.
const LONGEST_URL: usize = 2048;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ClusterCommand {
    /// Register a cluster, or say anew what one is
    ///
    /// Its issuer is who signs the tokens of its service accounts: what the API server was given as
    /// --service-account-issuer. Associations of the cluster stay. Exit code 0: it is registered; 1: it
    /// cannot be; 2: wrong usage.
    Register(Box<RegisterArgs>),
    /// List the clusters of an account
    List(ListArgs),
    /// Forget a cluster, and the associations of its service accounts
    ///
    /// Sessions that pods have run to their end. Exit code 0: it is gone; 1: there is none of that name;
    /// 2: wrong usage.
    Delete(DeleteArgs),
}

#[derive(Args, Clone, Debug)]
struct Named {
    /// The account that the cluster is of
    #[arg(long, value_name = "ID", value_parser = account_id)]
    account: AccountId,
    /// The region that requests about it are signed for
    #[arg(long, default_value = "us-east-1", value_parser = region)]
    region: String,
    /// The name: up to 100 letters, digits, hyphens and underscores
    #[arg(long, value_parser = cluster_name)]
    name: ClusterName,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RegisterArgs {
    #[command(flatten)]
    named: Named,
    /// Its issuer, as the tokens have it
    #[arg(long, value_name = "URL", value_parser = issuer)]
    issuer: String,
    /// Where its key set is, instead of where its discovery document says: for clusters whose issuer is a
    /// name of their own, https://API-SERVER/openid/v1/jwks
    #[arg(long, value_name = "URL", value_parser = url)]
    jwks_uri: Option<String>,
    /// The URL of its API server, which DescribeCluster tells
    #[arg(long, value_name = "URL", value_parser = url)]
    endpoint: Option<String>,
    /// Certificates of the authorities (PEM) that vouch for its servers, instead of the machine's
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// A file with the token that its servers are shown: of a service account that may read the key set
    #[arg(long, value_name = "FILE")]
    bearer_token_file: Option<PathBuf>,
    /// Let its servers have addresses that are not public
    #[arg(long)]
    private_addresses: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ListArgs {
    /// The account
    #[arg(long, value_name = "ID", value_parser = account_id)]
    account: AccountId,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct DeleteArgs {
    #[command(flatten)]
    named: Named,
    #[command(flatten)]
    place: PlaceArgs,
}

fn cluster_name(text: &str) -> Result<ClusterName, String> {
    ClusterName::parse(text).map_err(|_| {
        "it must be 1 to 100 letters, digits, hyphens and underscores, and begin with a letter or a digit"
            .to_owned()
    })
}

fn region(text: &str) -> Result<String, String> {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(legal) {
        Ok(text.to_owned())
    } else {
        Err("it must be lower-case letters, digits and hyphens".to_owned())
    }
}

fn issuer(text: &str) -> Result<String, String> {
    match ProviderUrl::parse(text) {
        Some(_) => Ok(text.to_owned()),
        None => Err("it must be https://HOST or https://HOST/PATH".to_owned()),
    }
}

fn url(text: &str) -> Result<String, String> {
    let plain = text.bytes().all(|b| b.is_ascii_graphic()) && text.len() <= LONGEST_URL;
    match text.strip_prefix("https://") {
        Some(rest) if plain && !rest.is_empty() && !rest.starts_with('/') => Ok(text.to_owned()),
        _ => Err("it must be a URL that begins with https://".to_owned()),
    }
}

impl ClusterCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Register(args) => register(*args).await,
                Self::List(args) => list(args).await,
                Self::Delete(args) => delete(args).await,
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

/// The text of a file without blanks around it.
fn file(path: &Path, limit: u64) -> Result<String, Failure> {
    let text = input::read(path, limit)
        .map_err(|why| Failure::Usage(format!("`{}` {why}", path.display())))?;
    Ok(text.trim().to_owned())
}

async fn register(args: RegisterArgs) -> Result<(), Failure> {
    let authorities = match &args.ca_file {
        Some(path) => Some(certificates(path)?),
        None => None,
    };
    let bearer_token = match &args.bearer_token_file {
        Some(path) => Some(token(path)?),
        None => None,
    };
    let Named {
        account,
        region,
        name,
    } = args.named;
    let new = NewCluster {
        account,
        region,
        name,
        issuer: args.issuer,
        key_set: args.jwks_uri,
        endpoint: args.endpoint,
        authorities,
        private_addresses: args.private_addresses,
        bearer_token,
    };
    let (_directory, realm) = open_to_change(&args.place.resolve()?, system().0).await?;
    realm
        .register_cluster(&new)
        .await
        .map_err(|error| described("cannot register the cluster", &error))?
        .map_err(|why| refused(&new.name, why))?;
    let arn = cluster_arn(new.account, &new.region, new.name.as_str());
    print(&format!("registered {arn}\n"))
}

fn certificates(path: &Path) -> Result<String, Failure> {
    let pem = file(path, LONGEST_CERTIFICATES)?;
    if pem.contains("-----BEGIN CERTIFICATE-----") {
        Ok(format!("{pem}\n"))
    } else {
        let path = path.display();
        Err(Failure::Usage(format!("`{path}` has no certificate (PEM)")))
    }
}

fn token(path: &Path) -> Result<Secret, Failure> {
    let token = file(path, LONGEST_TOKEN)?;
    if !token.is_empty() && token.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(Secret::new(token))
    } else {
        let path = path.display();
        Err(Failure::Usage(format!("`{path}` has no token")))
    }
}

/// A cluster as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    arn: String,
    region: String,
    name: String,
    issuer: String,
    jwks_uri: Option<String>,
    endpoint: Option<String>,
    authorities: bool,
    bearer_token: bool,
    private_addresses: bool,
    associations: usize,
    created: String,
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let realm = open_to_read(&args.store.place.resolve()?, system().0).await?;
    let account = realm
        .account(args.account)
        .await
        .map_err(|error| described("cannot read the account", &error))?
        .ok_or_else(|| Failure::Work(format!("`{}`: there is no such account", args.account)))?;
    let clusters = account.eks_clusters.values().map(|cluster| {
        let arn = cluster_arn(account.id, &cluster.region, cluster.name.as_str());
        let settings = account.provider_settings.get(&arn);
        let associations = account.pod_identity_associations.values();
        Shown {
            region: cluster.region.clone(),
            name: cluster.name.to_string(),
            issuer: cluster.issuer.clone(),
            jwks_uri: settings.and_then(|settings| settings.jwks_uri.clone()),
            endpoint: cluster.endpoint.clone(),
            authorities: settings.is_some_and(|settings| settings.authorities.is_some()),
            bearer_token: settings.is_some_and(|settings| settings.bearer_token.is_some()),
            private_addresses: settings.is_some_and(|settings| settings.private_addresses),
            associations: associations
                .filter(|it| it.region == cluster.region && it.cluster == cluster.name)
                .count(),
            created: timestamp(cluster.created),
            arn,
        }
    });
    let clusters: Vec<_> = clusters.collect();
    if args.store.format == Format::Json {
        return print_json(&clusters);
    }
    let text = clusters.iter().fold(String::new(), |mut text, cluster| {
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{}, issuer {}, associations: {}",
            cluster.arn, cluster.issuer, cluster.associations
        );
        text
    });
    print(&text)
}

async fn delete(args: DeleteArgs) -> Result<(), Failure> {
    let Named {
        account,
        region,
        name,
    } = args.named;
    let (_directory, realm) = open_to_change(&args.place.resolve()?, system().0).await?;
    realm
        .delete_cluster(account, &region, &name)
        .await
        .map_err(|error| described("cannot forget the cluster", &error))?
        .map_err(|why| refused(&name, why))?;
    print(&format!("forgot {name}\n"))
}

fn refused(name: &ClusterName, why: ClusterFault) -> Failure {
    Failure::Work(format!("`{name}`: {why}"))
}
