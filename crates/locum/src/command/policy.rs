//! `locum policy`

use super::check::CheckArgs;
use super::test::TestArgs;
use crate::Failure;
use clap::Subcommand;
use std::process::ExitCode;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum PolicyCommand {
    /// Check policy documents: what AWS would refuse, and what it would advise against
    ///
    /// Exit code 0: no errors (with --strict: and no warnings); 1: some; 2: wrong usage, or a file
    /// that cannot be read.
    Check(CheckArgs),
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
            Self::Check(args) => args.run(),
            Self::Test(args) => args.run(),
        }
    }
}
