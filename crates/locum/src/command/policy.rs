//! `locum policy`

use super::test::TestArgs;
use crate::Failure;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Run policy cases: requests, the policies that decide them, and the expected answers
    ///
    /// A file is a JSON list of cases; docs/policies.md describes their members. Exit code 0: every
    /// case came out as expected; 1: some did not; 2: wrong usage, or a file or a case that cannot
    /// be read.
    Test(TestArgs),
}

impl PolicyCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        match self {
            Self::Test(args) => args.run(),
        }
    }
}
