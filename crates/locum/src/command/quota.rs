//! `locum quota`: what an account may have more of than AWS gives a new one, or less. It works on a
//! data directory, also while servers run on it: they follow.

use super::{Format, StoreArgs, complain, print, print_json};
use crate::Failure;
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_change, open_to_read};
use crate::environment::{runtime, system};
use clap::{Args, Subcommand};
use locum_identity::error::Error;
use locum_identity::names::{AccountId, Constrained as _};
use locum_identity::quotas::AccountQuota;
use locum_identity::realm::QuotaFault;
use serde::Serialize;
use std::fmt::Write as _;
use std::process::ExitCode;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum QuotaCommand {
    /// List the quotas of an account
    List(ListArgs),
    /// Set a quota of an account
    ///
    /// What the account has beyond it stays, and nothing is added. Exit code 0: it is set; 1: there is
    /// no such account, or nobody can have so much; 2: wrong usage.
    Set(SetArgs),
    /// Give an account AWS's default again
    ///
    /// Exit code 0: it has it; 1: there is no such account; 2: wrong usage.
    Reset(ResetArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ListArgs {
    /// The account
    #[arg(long, value_name = "ID", value_parser = account_id)]
    account: AccountId,
    /// Only the quota of that name
    #[arg(long, value_parser = quota)]
    name: Option<AccountQuota>,
    #[command(flatten)]
    store: StoreArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct SetArgs {
    /// The account
    #[arg(long, value_name = "ID", value_parser = account_id)]
    account: AccountId,
    /// The quota, as refusals spell it: RolesPerAccount
    #[arg(long, value_parser = quota)]
    name: AccountQuota,
    /// How many, or how many characters
    #[arg(long, value_name = "N")]
    value: usize,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ResetArgs {
    /// The account
    #[arg(long, value_name = "ID", value_parser = account_id)]
    account: AccountId,
    /// The quota; without it all that were set
    #[arg(long, value_parser = quota)]
    name: Option<AccountQuota>,
    #[command(flatten)]
    place: PlaceArgs,
}

fn account_id(text: &str) -> Result<AccountId, String> {
    AccountId::parse(text).map_err(|_| "it must be twelve digits".to_owned())
}

fn quota(name: &str) -> Result<AccountQuota, String> {
    AccountQuota::named(name).ok_or_else(|| {
        let names = AccountQuota::ALL.iter().map(|quota| quota.name());
        format!("it must be one of {}", names.collect::<Vec<_>>().join(", "))
    })
}

/// A quota as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    name: &'static str,
    value: usize,
    default: usize,
}

impl QuotaCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::List(args) => list(args).await,
                Self::Set(args) => set(args).await,
                Self::Reset(args) => reset(args).await,
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn list(args: ListArgs) -> Result<(), Failure> {
    let realm = open_to_read(&args.store.place.resolve()?, system().0).await?;
    let account = realm
        .account(args.account)
        .await
        .map_err(|error| described("cannot read the account", &error))?
        .ok_or_else(|| refused(args.account, QuotaFault::UnknownAccount))?;
    let wanted = |quota: &&AccountQuota| args.name.is_none_or(|name| name == **quota);
    let quotas = AccountQuota::ALL.iter().filter(wanted);
    let quotas: Vec<_> = quotas
        .map(|quota| Shown {
            name: quota.name(),
            value: account.quota(*quota),
            default: quota.default_value(),
        })
        .collect();
    if args.store.format == Format::Json {
        return print_json(&quotas);
    }
    let text = quotas.iter().fold(String::new(), |mut text, quota| {
        // Writing to a string does not fail.
        let _ = match quota.value == quota.default {
            true => writeln!(text, "{}: {}", quota.name, quota.value),
            false => writeln!(
                text,
                "{}: {} (AWS: {})",
                quota.name, quota.value, quota.default
            ),
        };
        text
    });
    print(&text)
}

async fn set(args: SetArgs) -> Result<(), Failure> {
    let (_directory, realm) = open_to_change(&args.place.resolve()?, system().0).await?;
    done(
        args.account,
        realm.set_quota(args.account, args.name, args.value).await,
    )?;
    let automatic = args.name.automatic_maximum();
    if args.value > automatic {
        complain(&format!(
            "warning: AWS raises {} to {automatic} at most without asking; what relies on more may not run there\n",
            args.name.name(),
        ))?;
    }
    print(&format!("{}: {}\n", args.name.name(), args.value))
}

async fn reset(args: ResetArgs) -> Result<(), Failure> {
    let (_directory, realm) = open_to_change(&args.place.resolve()?, system().0).await?;
    done(
        args.account,
        realm.reset_quota(args.account, args.name).await,
    )?;
    match args.name {
        Some(quota) => print(&format!("{}: {}\n", quota.name(), quota.default_value())),
        None => print("every quota is AWS's\n"),
    }
}

fn done(account: AccountId, result: Result<Result<(), QuotaFault>, Error>) -> Result<(), Failure> {
    result
        .map_err(|error| described("cannot change the quota", &error))?
        .map_err(|why| refused(account, why))
}

fn refused(account: AccountId, why: QuotaFault) -> Failure {
    Failure::Work(format!("account {account}: {why}"))
}
