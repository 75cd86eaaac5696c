//! `locum credential-process`

use super::client::{AssumeArgs, Session};
use super::print;
use crate::Failure;
use locum_identity::environment::timestamp;
use serde::Serialize;
use std::process::ExitCode;

/// What the AWS CLI and the SDKs read from a `credential_process`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Credentials<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
}

/// Prints the session for the program that started this one.
pub(crate) fn run(args: AssumeArgs) -> Result<ExitCode, Failure> {
    let Session { issued, .. } = args.check()?.once()?;
    let credentials = Credentials {
        version: 1,
        access_key_id: &issued.access_key_id,
        secret_access_key: issued.secret_access_key.expose(),
        session_token: issued.session_token.expose(),
        expiration: timestamp(issued.expiration),
    };
    let json = serde_json::to_string(&credentials)
        .map_err(|error| Failure::work("cannot write the output", error))?;
    print(&format!("{json}\n"))?;
    Ok(ExitCode::SUCCESS)
}
