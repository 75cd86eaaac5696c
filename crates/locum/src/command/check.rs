use crate::Failure;
use clap::Args;
use std::process::ExitCode;
#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArgs {}
impl CheckArgs {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        Ok(ExitCode::SUCCESS)
    }
}
