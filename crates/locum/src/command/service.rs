//! `locum service`: the services that may assume roles. It works on a data directory, also while
//! servers run on it: they follow.

use super::{Format, StoreArgs, print, print_json};
use crate::Failure;
use crate::config::PlaceArgs;
use crate::data_dir::{
    credentials_section, described, open_to_change, open_to_read, write_private,
};
use crate::environment::{runtime, system};
use clap::{Args, Subcommand};
use locum_identity::environment::timestamp;
use locum_identity::names::Constrained as _;
use locum_identity::realm::{NewServiceKey, ServiceFault};
use locum_identity::services::{ServiceName, ServicePrincipal};
use serde::Serialize;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ServiceCommand {
    /// Register a service, and print its access key
    ///
    /// Its name is what trust policies say: {"Service": "spark.example.internal"}. The secret access
    /// key is shown this once. Exit code 0: it was made; 1: there is one already, or there is no store;
    /// 2: wrong usage.
    Create(KeyArgs),
    /// List the services and their access keys
    List(StoreArgs),
    /// Give a service another access key, and print it
    ///
    /// The key before it works until the next rotation. Exit code 0: it was made; 1: there is no such
    /// service; 2: wrong usage.
    RotateKey(RotateArgs),
    /// Forget a service, and its access keys with it
    ///
    /// Sessions that it asked for run to their end. Exit code 0: it is gone; 1: there is no such
    /// service; 2: wrong usage.
    Delete(DeleteArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct KeyArgs {
    /// The name: labels of lower-case letters, digits and hyphens, with dots between
    #[arg(value_parser = service_name)]
    name: ServiceName,
    /// Write the key to this new file, in the format of ~/.aws/credentials and readable by its owner
    /// only, instead of printing it
    #[arg(long, value_name = "FILE")]
    credentials_file: Option<PathBuf>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RotateArgs {
    /// End every earlier key at once
    #[arg(long)]
    at_once: bool,
    #[command(flatten)]
    key: KeyArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct DeleteArgs {
    /// The name
    #[arg(value_parser = service_name)]
    name: ServiceName,
    #[command(flatten)]
    place: PlaceArgs,
}

fn service_name(text: &str) -> Result<ServiceName, String> {
    ServiceName::parse(text).map_err(|_| {
        "it must be two or more labels of lower-case letters, digits and hyphens, with dots between"
            .to_owned()
    })
}

/// A service as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    service: String,
    created: String,
    keys: Vec<ShownKey>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownKey {
    access_key_id: String,
    created: String,
}

/// A new key as it is printed, once.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Made<'a> {
    service: &'a str,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    created: String,
}

impl From<&ServicePrincipal> for Shown {
    fn from(service: &ServicePrincipal) -> Self {
        let key = |key: &locum_identity::services::ServiceKey| ShownKey {
            access_key_id: key.id.to_string(),
            created: timestamp(key.created),
        };
        Self {
            service: service.name.to_string(),
            created: timestamp(service.created),
            keys: service.keys.iter().map(key).collect(),
        }
    }
}

impl ServiceCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Create(args) => create(args).await,
                Self::List(args) => list(args).await,
                Self::RotateKey(args) => rotate(args).await,
                Self::Delete(args) => delete(args).await,
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn create(args: KeyArgs) -> Result<(), Failure> {
    unwritten(args.credentials_file.as_deref())?;
    let (_directory, realm) =
        open_to_change(&args.store.place.clone().resolve()?, system().0).await?;
    let made = realm
        .create_service(&args.name)
        .await
        .map_err(|error| described("cannot register the service", &error))?;
    hand_over(&args, made)
}

async fn rotate(args: RotateArgs) -> Result<(), Failure> {
    let RotateArgs { at_once, key: args } = args;
    unwritten(args.credentials_file.as_deref())?;
    let (_directory, realm) =
        open_to_change(&args.store.place.clone().resolve()?, system().0).await?;
    let made = realm
        .rotate_service_key(&args.name, at_once)
        .await
        .map_err(|error| described("cannot make an access key", &error))?;
    hand_over(&args, made)
}

async fn list(args: StoreArgs) -> Result<(), Failure> {
    let realm = open_to_read(&args.place.resolve()?, system().0).await?;
    let services: Vec<Shown> = realm
        .services()
        .iter()
        .map(|service| Shown::from(&**service))
        .collect();
    if args.format == Format::Json {
        return print_json(&services);
    }
    let text = services.iter().fold(String::new(), |mut text, service| {
        // Writing to a string does not fail.
        let _ = writeln!(text, "{}, made {}", service.service, service.created);
        for key in &service.keys {
            let _ = writeln!(text, "  {}, made {}", key.access_key_id, key.created);
        }
        text
    });
    print(&text)
}

async fn delete(args: DeleteArgs) -> Result<(), Failure> {
    let (_directory, realm) = open_to_change(&args.place.resolve()?, system().0).await?;
    realm
        .delete_service(&args.name)
        .await
        .map_err(|error| described("cannot forget the service", &error))?
        .map_err(|why| refused(&args.name, why))?;
    print(&format!("forgot {}\n", args.name))
}

fn refused(name: &ServiceName, why: ServiceFault) -> Failure {
    Failure::Work(format!("`{name}`: {why}"))
}

/// A file that is there already may hold the only copy of another key.
fn unwritten(file: Option<&Path>) -> Result<(), Failure> {
    match file {
        Some(path) if path.exists() => Err(Failure::Work(format!(
            "`{}` is there already",
            path.display()
        ))),
        _ => Ok(()),
    }
}

/// Shows a new key, the one time that it can be.
fn hand_over(args: &KeyArgs, made: Result<NewServiceKey, ServiceFault>) -> Result<(), Failure> {
    let made = made.map_err(|why| refused(&args.name, why))?;
    let text = credentials_section(
        made.service.as_str(),
        &made.access_key_id,
        &made.secret_access_key,
    );
    match &args.credentials_file {
        Some(path) => {
            write_private(path, &text)?;
            print(&format!(
                "{}: {} in {}\n",
                made.service,
                made.access_key_id,
                path.display()
            ))
        }
        None if args.store.format == Format::Json => print_json(&Made {
            service: made.service.as_str(),
            access_key_id: made.access_key_id.as_str(),
            secret_access_key: made.secret_access_key.expose(),
            created: timestamp(made.created),
        }),
        None => print(&text),
    }
}
