//! `locum issuer`: the keys by which services outside verify tokens. It works on a data directory,
//! also while servers run on it: they follow.

use super::{Format, StoreArgs, account_id, print, print_json};
use crate::Failure;
use crate::data_dir::{described, open_to_change, open_to_read};
use crate::environment::{MadeApart, runtime, system};
use clap::{Args, Subcommand};
use locum_identity::environment::{Seconds, timestamp};
use locum_identity::issuer::{IssuerState, KeyStage};
use locum_identity::names::AccountId;
use locum_identity::realm::{OldKeys, Realm};
use serde::Serialize;
use std::fmt::Write as _;
use std::process::ExitCode;
use std::sync::Arc;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum IssuerCommand {
    /// List issuers and the keys that they publish
    Keys(KeysArgs),
    /// Make new keys, which sign tokens when they have been published for a day
    ///
    /// Tokens stay good: old keys are published as long as what they signed is valid. Keys are rotated
    /// by themselves every ninety days; this is for when that is not soon enough. Exit code 0: they
    /// were made; 1: there is no such issuer or store, or it could not be changed; 2: wrong usage.
    RotateKeys(RotateArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct KeysArgs {
    /// The account, twelve digits [default: all that have an issuer]
    #[arg(long, env = "LOCUM_ISSUER_ACCOUNT_ID", value_name = "N", value_parser = account_id)]
    account_id: Option<AccountId>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RotateArgs {
    /// Somebody else may have the old keys: publish them no longer, and sign with the new ones at once.
    /// Tokens that they signed are refused as soon as services read the keys again
    #[arg(long)]
    withdraw: bool,
    #[command(flatten)]
    keys: KeysArgs,
}

/// An issuer as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    account_id: String,
    issuer_id: String,
    enabled: bool,
    keys: Vec<ShownKey>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownKey {
    kid: String,
    created: String,
    signs_from: String,
    signs: bool,
    published_until: Option<String>,
}

impl IssuerCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Keys(args) => keys(args).await,
                Self::RotateKeys(args) => rotate(args).await,
            }
        })
    }
}

async fn keys(args: KeysArgs) -> Result<ExitCode, Failure> {
    let realm = open_to_read(&args.store.place.resolve()?, system().0).await?;
    let mut found = Vec::new();
    for account in chosen(&realm, args.account_id).await? {
        found.extend(issuer_of(&realm, account).await?);
    }
    show(&realm, &found, args.store.format)
}

async fn rotate(args: RotateArgs) -> Result<ExitCode, Failure> {
    let KeysArgs { account_id, store } = args.keys;
    let (_directory, realm) = open_to_change(&store.place.resolve()?, system().0).await?;
    let realm = realm.with_issuing(None, Arc::new(MadeApart));
    let old = if args.withdraw {
        OldKeys::Withdraw
    } else {
        OldKeys::Fade
    };
    let mut rotated = Vec::new();
    for account in chosen(&realm, account_id).await? {
        let state = realm.rotate_issuer_keys(account, old).await;
        let state = state.map_err(|error| described("cannot rotate the keys", &error))?;
        rotated.push((account, state));
    }
    show(&realm, &rotated, store.format)
}

/// The account that is meant, or all that have an issuer.
async fn chosen(realm: &Realm, account: Option<AccountId>) -> Result<Vec<AccountId>, Failure> {
    if let Some(account) = account {
        return match issuer_of(realm, account).await? {
            Some(_) => Ok(vec![account]),
            None => Err(Failure::Work(format!("account {account} has no issuer"))),
        };
    }
    let mut chosen = Vec::new();
    for account in realm.directory().accounts.keys() {
        chosen.extend(
            issuer_of(realm, *account)
                .await?
                .map(|(account, _)| account),
        );
    }
    Ok(chosen)
}

async fn issuer_of(
    realm: &Realm,
    account: AccountId,
) -> Result<Option<(AccountId, Arc<IssuerState>)>, Failure> {
    let found = realm.account(account).await;
    let found = found.map_err(|error| described("cannot read the account", &error))?;
    let issuer = found.and_then(|found| found.issuer.clone());
    Ok(issuer.map(|state| (account, state)))
}

fn show(
    realm: &Realm,
    issuers: &[(AccountId, Arc<IssuerState>)],
    format: Format,
) -> Result<ExitCode, Failure> {
    let now = realm.environment().clock.now();
    if format == Format::Json {
        let shown: Vec<_> = issuers.iter().map(|one| shown(one, now)).collect();
        print_json(&shown)?;
        return Ok(ExitCode::SUCCESS);
    }
    let mut text = String::new();
    for (account, state) in issuers {
        let switch = if state.issuer.enabled {
            ""
        } else {
            ", disabled"
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "account {account}, issuer {}{switch}",
            state.issuer.id
        );
        for one in state.published(now) {
            let stage = match one.stage {
                KeyStage::Waits => format!("signs from {}", timestamp(one.key.signs_from)),
                KeyStage::Signs => "signs".to_owned(),
                KeyStage::Fades(until) => format!("published until {}", timestamp(until)),
            };
            let made = timestamp(one.key.created);
            let _ = writeln!(text, "  {}, made {made}: {stage}", one.key.kid());
        }
    }
    if text.is_empty() {
        text.push_str("no account has an issuer\n");
    }
    print(&text)?;
    Ok(ExitCode::SUCCESS)
}

fn shown((account, state): &(AccountId, Arc<IssuerState>), now: Seconds) -> Shown {
    let keys = state.published(now).map(|one| ShownKey {
        kid: one.key.kid(),
        created: timestamp(one.key.created),
        signs_from: timestamp(one.key.signs_from),
        signs: one.stage == KeyStage::Signs,
        published_until: match one.stage {
            KeyStage::Fades(until) => Some(timestamp(until)),
            KeyStage::Waits | KeyStage::Signs => None,
        },
    });
    Shown {
        account_id: account.to_string(),
        issuer_id: state.issuer.id.to_string(),
        enabled: state.issuer.enabled,
        keys: keys.collect(),
    }
}
