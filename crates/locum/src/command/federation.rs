//! `locum federation`: what an operator says of identity providers beyond what AWS lets an administrator
//! say, and why a login fails. It works on a data directory, also while servers run on it: they follow.

mod ldap;
mod provider;
mod saml;
mod sign_in;
mod test;

use crate::Failure;
use crate::environment::runtime;
use clap::Subcommand;
use locum_identity::sealing::Secret;
use std::path::Path;
use std::process::ExitCode;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum FederationCommand {
    /// What is said of identity providers beyond AWS
    #[command(subcommand)]
    Provider(provider::ProviderCommand),
    /// Try a login, without a session, and say what becomes of it
    ///
    /// It takes the same steps as a server, and says which one fails and with what values. Exit code 0: the
    /// role would be had; 1: it would not, or that cannot be found out; 2: wrong usage.
    Test(Box<test::TestArgs>),
}

impl FederationCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Provider(command) => command.run().await,
                Self::Test(args) => args.run().await,
            }
        })
    }
}

/// The longest secret in a file.
const LONGEST_SECRET: u64 = 16 * 1024;

/// The secret in a file, without the line's end; `-` is standard input. Never an argument: those are seen
/// by every user of the machine.
fn secret(path: &Path) -> Result<Secret, Failure> {
    let text = super::input::read(path, LONGEST_SECRET)
        .map_err(|error| Failure::Usage(format!("`{}` {error}", path.display())))?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    Ok(Secret::new(line.to_owned()))
}
