//! `locum keyring`: the keys that seal session tokens. It works on a data directory, also while
//! servers run on it: they follow.

use super::{Format, StoreArgs, print, print_json};
use crate::Failure;
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_change, open_to_read};
use crate::environment::{runtime, system};
use clap::{Args, Subcommand};
use locum_identity::environment::timestamp;
use locum_identity::realm::{NotRetired, TokenKeyState};
use serde::Serialize;
use std::fmt::Write as _;
use std::process::ExitCode;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum KeyringCommand {
    /// List the keys that seal and open session tokens
    List(StoreArgs),
    /// Make a new key, which seals sessions from some seconds later on
    ///
    /// No session ends: the keys before it go on opening what they sealed. Exit code 0: it was made;
    /// 1: there is no store, or it could not be changed; 2: wrong usage.
    Rotate(StoreArgs),
    /// Remove the keys that no session needs any more, or one key
    ///
    /// Exit code 0: done; 1: the key is still needed, or there is none of that number; 2: wrong usage.
    Retire(RetireArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RetireArgs {
    /// The number of the key [default: all that no session needs any more]
    id: Option<u32>,
    /// Also if sessions that it sealed may live: they end
    #[arg(long, requires = "id")]
    at_once: bool,
    #[command(flatten)]
    place: PlaceArgs,
}

/// A key as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    id: u32,
    created: String,
    mints_from: String,
    needed_until: Option<String>,
    mints: bool,
}

impl From<TokenKeyState> for Shown {
    fn from(state: TokenKeyState) -> Self {
        Self {
            id: state.id,
            created: timestamp(state.created),
            mints_from: timestamp(state.mints_from),
            needed_until: state.needed_until.map(timestamp),
            mints: state.mints,
        }
    }
}

impl KeyringCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::List(args) => list(args).await,
                Self::Rotate(args) => rotate(args).await,
                Self::Retire(args) => retire(args).await,
            }
        })
    }
}

async fn list(args: StoreArgs) -> Result<ExitCode, Failure> {
    let realm = open_to_read(&args.place.resolve()?, system().0).await?;
    show(realm.token_keys(), args.format)?;
    Ok(ExitCode::SUCCESS)
}

async fn rotate(args: StoreArgs) -> Result<ExitCode, Failure> {
    let (_directory, realm) = open_to_change(&args.place.resolve()?, system().0).await?;
    realm
        .rotate_token_key()
        .await
        .map_err(|error| described("cannot rotate the keyring", &error))?;
    show(realm.token_keys(), args.format)?;
    Ok(ExitCode::SUCCESS)
}

async fn retire(args: RetireArgs) -> Result<ExitCode, Failure> {
    let (_directory, realm) = open_to_change(&args.place.resolve()?, system().0).await?;
    let retired = realm
        .retire_token_keys(args.id, args.at_once)
        .await
        .map_err(|error| described("cannot retire the key", &error))?;
    let retired = retired.map_err(|why| {
        let id = args.id.unwrap_or_default();
        let until = match why {
            NotRetired::Needed(until) => {
                format!(" until {}; --at-once ends them", timestamp(until))
            }
            NotRetired::Unknown | NotRetired::Minting => String::new(),
        };
        Failure::Work(format!("key {id} is not retired: {why}{until}"))
    })?;
    let text = match retired.as_slice() {
        [] => "no key can be retired yet\n".to_owned(),
        ids => ids.iter().fold(String::new(), |mut text, id| {
            // Writing to a string does not fail.
            let _ = writeln!(text, "retired key {id}");
            text
        }),
    };
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn show(states: Vec<TokenKeyState>, format: Format) -> Result<(), Failure> {
    let keys: Vec<Shown> = states.into_iter().map(Shown::from).collect();
    if format == Format::Json {
        return print_json(&keys);
    }
    let text = keys.iter().fold(String::new(), |mut text, key| {
        let state = match (&key.needed_until, key.mints) {
            (Some(until), _) => format!("opens what it sealed; needed until {until}"),
            (None, true) => "seals".to_owned(),
            (None, false) => format!("seals from {}", key.mints_from),
        };
        let _ = writeln!(text, "key {}, made {}: {state}", key.id, key.created);
        text
    });
    print(&text)
}
