//! `locum export`: an account as JSON.

use super::import::chosen;
use super::text::ascii_controls;
use super::{account_id, complain, print};
use crate::Failure;
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_read, write_private};
use crate::environment::{runtime, system};
use clap::Args;
use locum_identity::names::AccountId;
use std::io::{IsTerminal as _, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(Args, Clone, Debug)]
pub(crate) struct ExportArgs {
    /// The account, twelve digits [default: the first account]
    #[arg(long, alias = "account", value_name = "N", value_parser = account_id)]
    account_id: Option<AccountId>,
    /// Write to this file, readable by its owner only, instead of standard output
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    place: PlaceArgs,
}

impl ExportArgs {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let place = self.place.resolve()?;
        let details = runtime()?.block_on(async {
            let realm = open_to_read(&place, system().0).await?;
            let account = chosen(&realm, self.account_id)?;
            let details = realm.export(account).await;
            details.map_err(|error| described("cannot export the account", &error))
        })?;
        let json = serde_json::to_string_pretty(&details)
            .map_err(|error| Failure::work("cannot write the account", error))?;
        match &self.output {
            Some(path) => write_private(path, &format!("{json}\n"))?,
            // Documents hold what anyone wrote.
            None if stdout().is_terminal() => print(&format!("{}\n", ascii_controls(&json)))?,
            None => print(&format!("{json}\n"))?,
        }
        for (kind, count) in details.left_out().into_iter().flatten() {
            complain(&format!("left out: {count} of the kind {kind}\n"))?;
        }
        Ok(ExitCode::SUCCESS)
    }
}
