//! Signing in as a user of the account, with a password and an MFA device.

use super::destination::Destination;
use super::reply::{Fault, Reply};
use super::{Issued, Visit, console_login};
use http::StatusCode;
use locum_identity::environment::Clock as _;
use locum_identity::error::Suspicion;
use locum_identity::names::{Constrained as _, Password, TokenCode};
use locum_identity::realm::{PasswordSignIn, Standing};
use locum_wire::Recorded;
use serde_json::json;

/// The one sentence for an account, a user and a password that is not right.
const WRONG: &str = "Your authentication information is incorrect. Please try again.";
/// The longest name of a user, and of an alias.
const LONGEST_NAME: usize = 64;

impl Visit<'_> {
    /// A user's name, password and code.
    pub(super) async fn password(&self) -> Result<Reply, Fault> {
        let site = self.head.headers.get("sec-fetch-site");
        if site.is_some_and(|site| site.as_bytes() != b"same-origin") {
            return Err(Fault::new(
                StatusCode::FORBIDDEN,
                "The form was not filled in on this server's page.",
            ));
        }
        let account = self.required("account")?.trim();
        let user = self.required("username")?;
        let password = self.required("password")?;
        let code = self.param("mfacode").map(str::trim);
        let code = code.filter(|code| !code.is_empty());
        let code = code.map(TokenCode::parse).transpose().map_err(|_| {
            Fault::new(StatusCode::BAD_REQUEST, "The code has six digits.")
                .advising("Go back and enter the code that your device shows.")
        })?;
        if account.len() > LONGEST_NAME || user.len() > LONGEST_NAME {
            return Err(wrong());
        }
        // An account and a user have several spellings, and one count.
        let (name, id) = (user.to_ascii_lowercase(), self.account(account));
        let counted = id.map_or_else(|| account.to_owned(), |id| id.to_string());
        let (throttle, now) = (&self.state.throttle, self.state.clock.now_millis());
        let login = throttle.sign_in(self.facts.source_ip, &counted, &name);
        let guess = throttle.code_at_sign_in(&counted, &name);
        if code.is_some() && throttle.refuses_guess(guess, now)
            || !throttle.try_password(login, now)
        {
            return Err(Fault::throttled());
        }
        let became = match Password::parse(password).ok().zip(id) {
            Some((password, account)) => {
                let (realm, code) = (&self.state.realm, code.as_ref());
                let signed_in =
                    realm.sign_in_with_password(account, user, &password, code, self.facts);
                let signed_in = signed_in.await.map_err(|error| self.fault(&error));
                signed_in.inspect_err(|_| throttle.not_wrong(login, now))?
            }
            None => PasswordSignIn::Wrong,
        };
        match became {
            PasswordSignIn::Wrong => {}
            PasswordSignIn::WrongCode => {
                throttle.guessed(guess, Err(Some(Suspicion::WrongCode)), now);
            }
            _ => throttle.not_wrong(login, now),
        }
        let is_theirs = !matches!(became, PasswordSignIn::Wrong);
        let (why, fault) = match became {
            PasswordSignIn::SignedIn(credentials) => {
                let issued = Issued {
                    access_key_id: credentials.access_key_id.to_string(),
                    session_token: credentials.session_token,
                    until: None,
                };
                let to = Destination::credentials();
                return self.signed_in(&issued, to, Recorded::Nothing).await;
            }
            PasswordSignIn::Wrong => (
                "the account, the user or the password is not right",
                wrong(),
            ),
            PasswordSignIn::Unusable(Standing::MustChange) => (
                "the password is right, and must be changed before it is used",
                Fault::new(
                    StatusCode::FORBIDDEN,
                    "The password must be changed before it is used.",
                )
                .advising("Ask your administrator to set another one."),
            ),
            PasswordSignIn::Unusable(Standing::Good | Standing::Locked) => (
                "the password is right, and has expired",
                Fault::new(StatusCode::FORBIDDEN, "The password has expired.")
                    .advising("Ask your administrator to set another one."),
            ),
            PasswordSignIn::CodeNeeded => (
                "the password is right, and no code of an MFA device was given",
                Fault::new(
                    StatusCode::FORBIDDEN,
                    "A code of your MFA device is needed, too.",
                )
                .advising("Go back and enter the code that your device shows."),
            ),
            PasswordSignIn::WrongCode => (
                "the password is right, and the code is not",
                Fault::new(
                    StatusCode::FORBIDDEN,
                    "The code is not the one of your MFA device, or it was used.",
                )
                .advising("Go back and enter the next code that your device shows."),
            ),
        };
        // Whose password it was to be is told only where it was theirs: people type it into the wrong field.
        let id = id.map(|id| id.to_string());
        let request = match is_theirs {
            true => json!({"account": id, "userName": user}),
            false => json!({"account": id}),
        };
        let outcome = locum_wire::Outcome {
            request: Recorded::Value(request),
            ..console_login(Err("Failed authentication".to_owned()))
        };
        let facts = self.facts.clone();
        facts.notes.explain(why);
        self.door
            .record(self.state, None, None, facts, outcome)
            .await;
        Err(fault.titled("You cannot be signed in"))
    }
}

fn wrong() -> Fault {
    Fault::new(StatusCode::FORBIDDEN, WRONG)
        .titled("You cannot be signed in")
        .advising("Go back and look at the account, the name and the password.")
}
