//! `locum credential-process`, and what such a program prints.

use super::client::{AssumeArgs, Session};
use super::print;
use crate::Failure;
use locum_identity::environment::{Seconds, timestamp};
use serde::Serialize;
use std::process::ExitCode;

/// What the AWS CLI and the SDKs read from a `credential_process`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Credentials<'a> {
    version: u8,
    access_key_id: &'a str,
    secret_access_key: &'a str,
    session_token: &'a str,
    expiration: String,
}

impl<'a> Credentials<'a> {
    pub(crate) fn new(
        access_key_id: &'a str,
        secret_access_key: &'a str,
        session_token: &'a str,
        expiration: Seconds,
    ) -> Self {
        Self {
            version: 1,
            access_key_id,
            secret_access_key,
            session_token,
            expiration: timestamp(expiration),
        }
    }

    /// What is printed.
    pub(crate) fn json(&self) -> Result<String, serde_json::Error> {
        serde_json::to_string(self)
    }

    /// The same as variables of the environment.
    pub(crate) fn variables(&self) -> [(&'static str, &'a str); 3] {
        [
            ("AWS_ACCESS_KEY_ID", self.access_key_id),
            ("AWS_SECRET_ACCESS_KEY", self.secret_access_key),
            ("AWS_SESSION_TOKEN", self.session_token),
        ]
    }
}

/// Prints the session for the program that started this one.
pub(crate) fn run(args: AssumeArgs) -> Result<ExitCode, Failure> {
    let Session { issued, .. } = args.check()?.once()?;
    let credentials = Credentials::new(
        &issued.access_key_id,
        issued.secret_access_key.expose(),
        issued.session_token.expose(),
        issued.expiration,
    );
    let json = credentials
        .json()
        .map_err(|error| Failure::work("cannot write the output", error))?;
    print(&format!("{json}\n"))?;
    Ok(ExitCode::SUCCESS)
}
