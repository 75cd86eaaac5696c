//! The page that shows the credentials, and signing out.

use super::cookies::Cookie;
use super::pages::{self, Block};
use super::reply::{Fault, Reply};
use super::{EVENT_SOURCE, Visit};
use crate::command::credential_process;
use crate::command::exports::Shell;
use http::StatusCode;
use locum_identity::environment::timestamp;
use locum_identity::issuer::PublicUrl;
use locum_identity::realm::Presented;
use locum_identity::session::TicketKind;
use locum_wire::Outcome;
use std::fmt::Write as _;

impl Visit<'_> {
    /// The credentials of who is signed in.
    pub(super) async fn credentials(&self) -> Result<Reply, Fault> {
        // Scripts of this origin (an object of a bucket may hold one) could fetch the page otherwise.
        // Browsers say what a request is for, and scripts cannot say it.
        let is_said = |name: &str, wanted: &str| {
            let value = self.head.headers.get(name);
            value.is_some_and(|value| value.as_bytes() == wanted.as_bytes())
        };
        if !is_said("sec-fetch-mode", "navigate") || !is_said("sec-fetch-dest", "document") {
            return Err(Fault::new(
                StatusCode::FORBIDDEN,
                "This page is shown in a window of a browser only.",
            )
            .advising("Open it in a browser of this decade."));
        }
        let Some(cookie) = self.cookie(Cookie::Session).get() else {
            return Ok(Reply::see("/_locum/signin"));
        };
        let opened = self.open_session(&cookie);
        let Some((access_key_id, session_token)) = opened else {
            return Ok(self.over());
        };
        let realm = &self.state.realm;
        let Presented { caller, secret } = match realm.recall(&access_key_id, &session_token).await
        {
            Ok(presented) => presented,
            Err(error) if error.is_of_credentials() => return Ok(self.over()),
            Err(error) => return Err(self.fault(&error)),
        };
        let expires = caller.session().map_or(0, |session| session.expires);
        let issued = credential_process::Credentials::new(
            &access_key_id,
            secret.expose(),
            &session_token,
            expires,
        );
        let account = caller.account_id();
        let alias = account.and_then(|id| caller.directory().alias_of(id));
        let account = account.map(|id| id.to_string()).unwrap_or_default();
        let page = pages::Credentials {
            arn: caller.arn().unwrap_or_default(),
            account: &account,
            alias,
            expires: &timestamp(expires),
            blocks: &self.blocks(&issued),
            request_id: &self.facts.request_id,
        };
        let page = pages::render(&page);
        let outcome = Outcome {
            event_source: EVENT_SOURCE,
            event_name: "GetCredentials".to_owned(),
            ..Outcome::default()
        };
        self.record(Some(caller), None, outcome).await;
        Ok(Reply::page(page))
    }

    /// The access key id and the session token of a ticket.
    fn open_session(&self, ticket: &str) -> Option<(String, String)> {
        let realm = &self.state.realm;
        let (body, _) = realm.open_ticket(TicketKind::Session, &[], ticket)?;
        let (id, token) = std::str::from_utf8(&body).ok()?.split_once('\n')?;
        Some((id.to_owned(), token.to_owned()))
    }

    /// The session has ended, or was ended.
    fn over(&self) -> Reply {
        let fault = Fault::new(
            StatusCode::UNAUTHORIZED,
            "The security token included in the request is expired",
        )
        .titled("Your session is over");
        let forgotten = self.cookie(Cookie::Session).forget();
        fault
            .reply(false, &self.facts.request_id)
            .with_cookies(forgotten)
    }

    /// Makes the browser forget who is signed in.
    pub(super) fn sign_out(&self) -> Reply {
        let forgotten = self.cookie(Cookie::Session).forget();
        Reply::page(pages::render(&pages::SignedOut)).with_cookies(forgotten)
    }

    /// The credentials in every form that clients read.
    fn blocks(&self, issued: &credential_process::Credentials<'_>) -> Vec<Block> {
        let url = self.door.settings.public_url.as_ref();
        let url = url.map(PublicUrl::as_str);
        let mut set = issued.variables().to_vec();
        set.extend(url.map(|url| ("AWS_ENDPOINT_URL", url)));
        let lines = |shell: Shell| -> String {
            set.iter()
                .map(|(name, value)| shell.set(name, value))
                .collect()
        };
        let mut profile = "[locum]\n".to_owned();
        for (name, value) in &set {
            // Writing to a text cannot fail.
            let _ = writeln!(profile, "{} = {value}", name.to_ascii_lowercase());
        }
        let profile = profile.replace("\naws_endpoint_url", "\nendpoint_url");
        let block = |id, title, note: Option<&str>, text: String| Block {
            id,
            title,
            note: note.map(str::to_owned),
            text: text.trim_end().to_owned(),
        };
        vec![
            block(
                "bash",
                "Environment variables (bash, zsh)",
                None,
                lines(Shell::Sh),
            ),
            block(
                "powershell",
                "Environment variables (PowerShell)",
                None,
                lines(Shell::Powershell),
            ),
            block(
                "profile",
                "Profile for ~/.aws/credentials",
                Some("Use it with --profile locum."),
                profile,
            ),
            block(
                "credential-process",
                "Output of a credential_process (JSON)",
                Some(
                    "For a program that a profile names as credential_process, and that prints this.",
                ),
                issued.json().unwrap_or_default(),
            ),
        ]
    }
}
