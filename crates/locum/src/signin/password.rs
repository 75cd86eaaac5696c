//! Signing in as a user of the account, with a password and an MFA device.

use super::destination::Destination;
use super::reply::{Fault, Reply};
use super::{Issued, Visit, console_login};
use http::StatusCode;
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
        if account.len() > LONGEST_NAME || user.len() > LONGEST_NAME {
            return Err(wrong());
        }
        // An account and a user have several spellings, and one count.
        let (name, id) = (user.to_ascii_lowercase(), self.account(account));
        let counted = id.map_or_else(|| account.to_owned(), |id| id.to_string());
        let claimant = self.throttle(&format!("password {counted} {name}"))?;
        let parsed = Password::parse(password).ok().zip(id);
        let code = code.map(TokenCode::parse).transpose();
        let became = match (parsed, code) {
            (Some((password, account)), Ok(code)) => {
                let (realm, code) = (&self.state.realm, code.as_ref());
                let signed_in =
                    realm.sign_in_with_password(account, user, &password, code, self.facts);
                signed_in.await.map_err(|error| self.fault(&error))?
            }
            (_, Err(_)) => PasswordSignIn::WrongCode,
            (None, _) => PasswordSignIn::Wrong,
        };
        let fault = match became {
            PasswordSignIn::SignedIn(credentials) => {
                let issued = Issued {
                    access_key_id: credentials.access_key_id.to_string(),
                    session_token: credentials.session_token,
                    until: None,
                };
                let to = Destination::credentials();
                return self.signed_in(&issued, to, Recorded::Nothing).await;
            }
            PasswordSignIn::Wrong => {
                self.failed(claimant);
                wrong()
            }
            PasswordSignIn::Unusable(Standing::MustChange) => Fault::new(
                StatusCode::FORBIDDEN,
                "The password must be changed before it is used.",
            )
            .advising("Ask your administrator to set another one."),
            PasswordSignIn::Unusable(Standing::Good | Standing::Locked) => {
                Fault::new(StatusCode::FORBIDDEN, "The password has expired.")
                    .advising("Ask your administrator to set another one.")
            }
            PasswordSignIn::CodeNeeded => Fault::new(
                StatusCode::FORBIDDEN,
                "A code of your MFA device is needed, too.",
            )
            .advising("Go back and enter the code that your device shows."),
            PasswordSignIn::WrongCode => {
                self.failed(claimant);
                Fault::new(
                    StatusCode::FORBIDDEN,
                    "The code is not the one of your MFA device, or it was used.",
                )
                .advising("Go back and enter the next code that your device shows.")
            }
        };
        // Whose password it was to be is not told: people type it into the wrong field.
        let request = Recorded::Value(json!({"account": id.map(|id| id.to_string())}));
        let outcome = locum_wire::Outcome {
            request,
            ..console_login(Err("Failed authentication".to_owned()))
        };
        self.record(None, None, outcome).await;
        Err(fault.titled("You cannot be signed in"))
    }
}

fn wrong() -> Fault {
    Fault::new(StatusCode::FORBIDDEN, WRONG)
        .titled("You cannot be signed in")
        .advising("Go back and look at the account, the name and the password.")
}
