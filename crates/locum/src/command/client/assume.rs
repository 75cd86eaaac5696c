//! The session of a role: the flags that define it, and the way to it.

use super::super::input;
use super::cache::Cache;
use super::caller::{Caller, CallerArgs};
use super::{http, variable};
use crate::Failure;
use crate::environment::{runtime, system};
use clap::Args;
use clap::builder::FalseyValueParser;
use data_encoding::HEXLOWER;
use locum_identity::environment::{Environment, Seconds};
use locum_identity::sealing::Secret;
use locum_sigv4::Sha256;
use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;

/// The longest session policy, in bytes: a server takes no longer forms.
const LONGEST_POLICY: u64 = 1024 * 1024;

/// Which session of which role.
///
/// Lists may also be given in one value: tags and their keys between commas, ARNs between blanks.
#[derive(Args, Clone, Debug)]
pub(crate) struct AssumeArgs {
    /// The role to assume
    #[arg(long, env = "LOCUM_ROLE_ARN", value_name = "ARN")]
    role_arn: String,
    /// The external id that the role's trust policy asks for
    #[arg(long, env = "LOCUM_EXTERNAL_ID", value_name = "X")]
    external_id: Option<String>,
    /// The name of the session [default: AWS_ROLE_SESSION_NAME, or locum-USER]
    #[arg(long, env = "LOCUM_ROLE_SESSION_NAME", value_name = "N")]
    role_session_name: Option<String>,
    /// How long the session lives [default: the server's, one hour]
    #[arg(long, env = "LOCUM_DURATION_SECONDS", value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    duration_seconds: Option<u32>,
    /// A session policy: a file, or the JSON text itself
    #[arg(long, env = "LOCUM_POLICY", value_name = "FILE|JSON")]
    policy: Option<String>,
    /// A managed policy as session policy; may be repeated
    #[arg(
        long,
        env = "LOCUM_POLICY_ARN",
        value_name = "ARN",
        value_delimiter = ' '
    )]
    policy_arn: Vec<String>,
    /// A session tag; may be repeated
    #[arg(long, env = "LOCUM_TAG", value_name = "K=V", value_delimiter = ',')]
    tag: Vec<String>,
    /// The key of a session tag that goes on to further sessions; may be repeated
    #[arg(
        long,
        env = "LOCUM_TRANSITIVE_TAG_KEY",
        value_name = "K",
        value_delimiter = ','
    )]
    transitive_tag_key: Vec<String>,
    /// The source identity
    #[arg(long, env = "LOCUM_SOURCE_IDENTITY", value_name = "X")]
    source_identity: Option<String>,
    /// The MFA device; its code is asked for on the terminal
    #[arg(long, env = "LOCUM_MFA_SERIAL", value_name = "ARN")]
    mfa_serial: Option<String>,
    /// The code that the MFA device shows
    #[arg(
        long,
        env = "LOCUM_MFA_CODE",
        hide_env_values = true,
        value_name = "N",
        requires = "mfa_serial"
    )]
    mfa_code: Option<String>,
    #[command(flatten)]
    caller: CallerArgs,
    /// Neither use a session that was kept nor keep this one
    #[arg(long, env = "LOCUM_NO_CACHE", value_parser = FalseyValueParser::new())]
    no_cache: bool,
}

/// A session that can be had again and again.
pub(crate) struct Assume {
    caller: CallerArgs,
    /// The parameters of AssumeRole, but for the code of the MFA device.
    parameters: Vec<(String, String)>,
    role_arn: String,
    mfa: Option<Mfa>,
    cache: Option<Cache>,
    environment: Environment,
}

struct Mfa {
    serial: String,
    code: Option<String>,
}

/// Credentials, and their time.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: Secret,
    pub(crate) session_token: Secret,
    /// When they were asked for, by the clock of this machine.
    pub(crate) issued: Seconds,
    pub(crate) expiration: Seconds,
}

/// Credentials and where they are for.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) issued: Issued,
    pub(crate) region: String,
    /// The endpoint, if it is from a flag or a profile.
    pub(crate) endpoint_url: Option<String>,
}

/// How much life a session must still have to be given out again: more than `seconds`, or than that
/// share of the whole if it is a short one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Freshness {
    pub(crate) seconds: Seconds,
    pub(crate) share: Seconds,
}

impl Freshness {
    /// For commands that take a session and run.
    pub(crate) const KEPT: Self = Self {
        seconds: 5 * 60,
        share: 4,
    };

    pub(crate) fn suffices(self, issued: &Issued, now: Seconds) -> bool {
        let whole = issued.expiration.saturating_sub(issued.issued);
        let left = issued.expiration.saturating_sub(now);
        left > self.seconds.min(whole / self.share.max(1))
    }
}

impl AssumeArgs {
    /// What can be told to be wrong before anything is sent is wrong usage.
    pub(crate) fn check(self) -> Result<Assume, Failure> {
        self.caller.check()?;
        check_role(&self.role_arn)?;
        let name = match self.role_session_name {
            Some(name) => name,
            None => variable("AWS_ROLE_SESSION_NAME").unwrap_or_else(default_session_name),
        };
        if !is_session_name(&name) {
            return Err(Failure::Usage(format!(
                "`{name}` is no session name: it must have 2 to 64 letters, digits or characters of _+=,.@-"
            )));
        }
        let mut parameters = Parameters(Vec::new());
        parameters.add("Action", "AssumeRole");
        parameters.add("Version", "2011-06-15");
        parameters.add("RoleArn", &self.role_arn);
        parameters.add("RoleSessionName", name);
        parameters.add_given("ExternalId", self.external_id);
        let duration = self.duration_seconds.map(|seconds| seconds.to_string());
        parameters.add_given("DurationSeconds", duration);
        parameters.add_given("Policy", self.policy.map(policy_text).transpose()?);
        for (number, arn) in self.policy_arn.iter().enumerate() {
            parameters.add(format!("PolicyArns.member.{}.arn", number + 1), arn);
        }
        for (number, tag) in self.tag.iter().enumerate() {
            let (key, value) = tag
                .split_once('=')
                .filter(|(key, _)| !key.is_empty())
                .ok_or_else(|| {
                    Failure::Usage(format!("`{tag}` is no tag: it must be KEY=VALUE"))
                })?;
            parameters.add(format!("Tags.member.{}.Key", number + 1), key);
            parameters.add(format!("Tags.member.{}.Value", number + 1), value);
        }
        for (number, key) in self.transitive_tag_key.iter().enumerate() {
            parameters.add(format!("TransitiveTagKeys.member.{}", number + 1), key);
        }
        parameters.add_given("SourceIdentity", self.source_identity);
        parameters.add_given("SerialNumber", self.mfa_serial.clone());
        if let Some(code) = &self.mfa_code {
            check_code(code).map_err(Failure::Usage)?;
        }
        let code = self.mfa_code;
        let (environment, _) = system();
        Ok(Assume {
            caller: self.caller,
            parameters: parameters.0,
            role_arn: self.role_arn,
            mfa: self.mfa_serial.map(|serial| Mfa { serial, code }),
            cache: if self.no_cache {
                None
            } else {
                Cache::of_user()
            },
            environment,
        })
    }
}

impl Assume {
    pub(crate) fn role_arn(&self) -> &str {
        &self.role_arn
    }

    /// Whether each session needs a new code of an MFA device.
    pub(crate) fn needs_code(&self) -> bool {
        self.mfa.is_some()
    }

    pub(crate) fn environment(&self) -> &Environment {
        &self.environment
    }

    /// The session, on a runtime of its own.
    pub(crate) fn once(&self) -> Result<Session, Failure> {
        runtime()?.block_on(self.session(Freshness::KEPT))
    }

    /// A session that was kept, if it is fresh enough, or a new one.
    pub(crate) async fn session(&self, freshness: Freshness) -> Result<Session, Failure> {
        let caller = self.caller.find()?;
        let key = self.key(&caller);
        let now = self.environment.clock.now();
        let kept = self.cache.as_ref().and_then(|cache| cache.get(&key));
        let issued = match kept.filter(|issued| freshness.suffices(issued, now)) {
            Some(issued) => issued,
            None => {
                let issued = self.assume(&caller).await?;
                if let Some(cache) = &self.cache
                    && let Err(error) = cache.put(&key, &issued, now)
                {
                    tracing::warn!("the session is not kept in the cache: {error}");
                }
                issued
            }
        };
        Ok(Session {
            issued,
            region: caller.region,
            endpoint_url: caller.endpoint_url,
        })
    }

    async fn assume(&self, caller: &Caller) -> Result<Issued, Failure> {
        let mut form = self.parameters.clone();
        if let Some(mfa) = &self.mfa {
            let code = match &mfa.code {
                Some(code) => code.clone(),
                None => ask_for_code(&mfa.serial)?,
            };
            form.push(("TokenCode".to_owned(), code));
        }
        // The time after the code was typed: the signature is made with it.
        let now = self.environment.clock.now();
        let answer = http::post(caller, "sts", &form, now)
            .await
            .map_err(Failure::Work)?;
        let [access_key_id, secret, token, expiration] = answer
            .texts(
                "Credentials",
                [
                    "AccessKeyId",
                    "SecretAccessKey",
                    "SessionToken",
                    "Expiration",
                ],
            )
            .map_err(Failure::Work)?;
        let legal = |text: &str| text.bytes().all(|b| b.is_ascii_graphic());
        let expiration: Option<jiff::Timestamp> = expiration.parse().ok();
        match expiration {
            Some(expiration) if legal(&access_key_id) && legal(&secret) && legal(&token) => {
                Ok(Issued {
                    access_key_id,
                    secret_access_key: Secret::new(secret),
                    session_token: Secret::new(token),
                    issued: now,
                    expiration: expiration.as_second(),
                })
            }
            _ => Err(Failure::Work(
                "the server's answer holds no credentials that could be used".to_owned(),
            )),
        }
    }

    /// What tells sessions apart: all that is asked for, who asks, and whom. The parts are hashed
    /// with their lengths, so that no two lists of parts are one.
    fn key(&self, caller: &Caller) -> String {
        let mut hash = Sha256::new();
        let mut part = |text: &str| {
            hash.update(&u64::try_from(text.len()).unwrap_or(u64::MAX).to_le_bytes());
            hash.update(text.as_bytes());
        };
        part(if caller.endpoint.tls { "https" } else { "http" });
        part(&caller.endpoint.authority);
        part(&caller.region);
        part(&caller.access_key_id);
        for (name, value) in &self.parameters {
            part(name);
            part(value);
        }
        HEXLOWER.encode(&hash.finish())
    }
}

struct Parameters(Vec<(String, String)>);

impl Parameters {
    fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.0.push((name.into(), value.into()));
    }

    fn add_given(&mut self, name: &str, value: Option<String>) {
        if let Some(value) = value {
            self.add(name, value);
        }
    }
}

/// Six parts, and the length that AWS allows. What the parts say is for the server to judge.
fn check_role(arn: &str) -> Result<(), Failure> {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        ["arn", _, "iam", _, account, role]
            if role.starts_with("role/")
                && !account.is_empty()
                && (20..=2048).contains(&arn.len()) =>
        {
            Ok(())
        }
        _ => Err(Failure::Usage(format!(
            "`{arn}` is no role: it must be arn:aws:iam::ACCOUNT:role/NAME"
        ))),
    }
}

fn is_session_name(name: &str) -> bool {
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"_+=,.@-".contains(&b);
    (2..=64).contains(&name.len()) && name.bytes().all(legal)
}

/// Tells who it was, and is the same each time, so that a kept session is found again.
fn default_session_name() -> String {
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    user.map(|user| format!("locum-{user}"))
        .filter(|name| is_session_name(name))
        .unwrap_or_else(|| "locum".to_owned())
}

/// The text of a session policy that is given as such or as a file's name.
fn policy_text(given: String) -> Result<String, Failure> {
    let (name, text) = if given.trim_start().starts_with('{') {
        ("--policy".to_owned(), given)
    } else {
        let path = given.strip_prefix("file://").unwrap_or(&given);
        let text = input::read(Path::new(path), LONGEST_POLICY)
            .map_err(|why| Failure::Usage(format!("`{path}` {why}")))?;
        (format!("`{path}`"), text)
    };
    match serde_json::from_str::<serde::de::IgnoredAny>(&text) {
        Ok(_) => Ok(text),
        Err(error) => Err(Failure::Usage(format!("{name} is not JSON: {error}"))),
    }
}

fn check_code(code: &str) -> Result<(), String> {
    if code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()) {
        Ok(())
    } else {
        Err("the code of an MFA device has six digits".to_owned())
    }
}

/// Asks on the terminal, whatever the standard streams are: the command may need those.
fn ask_for_code(serial: &str) -> Result<String, Failure> {
    let unasked = |_| {
        Failure::Work(format!(
            "there is no terminal to ask for the code of {serial}: give it by --mfa-code"
        ))
    };
    let mut terminal = OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/tty")
        .map_err(unasked)?;
    let prompt = format!("MFA code of {}: ", locum_policy::Plain(serial));
    terminal.write_all(prompt.as_bytes()).map_err(unasked)?;
    let mut line = String::new();
    BufReader::new(terminal.take(1024))
        .read_line(&mut line)
        .map_err(unasked)?;
    let code = line.trim();
    check_code(code).map_err(Failure::Work)?;
    Ok(code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issued(issued: Seconds, expiration: Seconds) -> Issued {
        Issued {
            access_key_id: String::new(),
            secret_access_key: Secret::new(String::new()),
            session_token: Secret::new(String::new()),
            issued,
            expiration,
        }
    }

    #[test]
    fn a_kept_session_must_have_five_minutes_or_a_quarter() {
        let hour = issued(1000, 4600);
        assert!(Freshness::KEPT.suffices(&hour, 4299));
        assert!(!Freshness::KEPT.suffices(&hour, 4300));
        let short = issued(1000, 1900);
        assert!(Freshness::KEPT.suffices(&short, 1674));
        assert!(!Freshness::KEPT.suffices(&short, 1675));
        // A clock that went back, or an answer from the past.
        assert!(!Freshness::KEPT.suffices(&issued(1000, 900), 1000));
    }

    #[test]
    fn roles() {
        for arn in [
            "arn:aws:iam::123456789012:role/a",
            "arn:aws-cn:iam::123456789012:role/path/to/a",
        ] {
            assert!(check_role(arn).is_ok(), "{arn}");
        }
        let long = format!("arn:aws:iam::123456789012:role/{}", "a".repeat(2048));
        for arn in [
            "",
            "role/a",
            "arn:aws:iam::123456789012:user/a",
            "arn:aws:sts::123456789012:role/a",
            "arn:aws:iam:::role/aaaaaaaa",
            &long,
        ] {
            assert!(check_role(arn).is_err(), "{arn}");
        }
    }

    #[test]
    fn codes_and_names() {
        assert_eq!(check_code("012345"), Ok(()));
        for code in ["", "12345", "1234567", "12345a", "１２３４５６"] {
            assert!(check_code(code).is_err(), "{code}");
        }
        assert!(is_session_name("a_+=,.@-Z9"));
        for name in ["", "a", "a b", "é1", &"a".repeat(65)] {
            assert!(!is_session_name(name), "{name}");
        }
    }
}
