//! `locum explain`: why a request would be allowed or denied, from what a data directory holds or
//! from a case file.

use super::explanation::View;
use super::text::Paint;
use super::{Format, Verdict, input, print, print_json};
use crate::Failure;
use crate::config::PlaceArgs;
use crate::data_dir::{open_as_it_was, open_to_read};
use crate::environment::{runtime, system};
use asked::{Asked, Keys};
use clap::{Args, ValueEnum};
use locum_identity::environment::{Seconds, timestamp};
use locum_identity::names::{AccountId, Constrained as _};
use locum_identity::supposed::Supposed;
use locum_policy::case::Expect;
use locum_policy::{Arn, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

mod asked;
mod case;
mod message;
mod record;

/// The longest session policy, in bytes. AWS takes 2,048 characters.
const LONGEST_POLICY: u64 = 64 * 1024;

#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArgs {
    /// Who calls: the ARN of a user, role, role session, federated user or root user, or `anonymous`
    #[arg(
        long,
        value_name = "ARN",
        required_unless_present_any = ["case", "message", "request_id"],
        conflicts_with_all = ["case", "message", "request_id"]
    )]
    principal: Option<String>,
    /// What is done, such as s3:GetObject
    #[arg(
        long,
        value_name = "SERVICE:ACTION",
        required_unless_present_any = ["case", "message", "request_id"],
        conflicts_with_all = ["case", "message"]
    )]
    action: Option<String>,
    /// What it is done to: an ARN, or `*` for an action without a resource [default: *]
    #[arg(long, value_name = "ARN", conflicts_with_all = ["case", "message"])]
    resource: Option<String>,
    /// A condition key of the request, over what follows from the principal and the resource. May be
    /// repeated; several values of one key, or KEY[]=VALUE, make it multi-valued
    #[arg(long, value_name = "KEY=VALUE", conflicts_with_all = ["case", "message"])]
    context: Vec<String>,
    /// The account that owns the resource [default: the one that the store or the ARN tells, or the
    /// principal's]
    #[arg(long, value_name = "ID", conflicts_with_all = ["case", "message"])]
    resource_account: Option<String>,
    /// For a federated user, the ARN of the user or root user that asked for its credentials
    #[arg(long, value_name = "ARN", conflicts_with_all = ["case", "message"])]
    issuer: Option<String>,
    /// The session policy that a role session or federated user was given
    #[arg(long, value_name = "FILE", conflicts_with_all = ["case", "message"])]
    session_policy: Option<PathBuf>,
    /// The ARN of a managed session policy; may be repeated
    #[arg(long, value_name = "ARN", conflicts_with_all = ["case", "message"])]
    session_policy_arn: Vec<String>,
    /// Explain a case of a case file instead; the name may be left out where there is only one
    #[arg(long, value_name = "FILE[:NAME]")]
    case: Option<PathBuf>,
    /// Explain why a request was refused: the encoded authorization message that it was answered with,
    /// or `-` to read it from standard input
    #[arg(
        long,
        value_name = "TEXT",
        allow_hyphen_values = true,
        conflicts_with_all = ["case", "request_id"]
    )]
    message: Option<String>,
    /// Explain a request of the audit log: what was decided then, or with --as-of what would have been.
    /// Whatever else is given stands over what the log says
    #[arg(long, value_name = "ID", conflicts_with = "case")]
    request_id: Option<String>,
    /// Explain with the policies as they were then: a date and time as 2030-01-31T12:00:00Z, or `now`
    #[arg(long, value_name = "TIME", conflicts_with_all = ["case", "message"])]
    as_of: Option<String>,
    /// End with exit code 1 unless this is the decision
    #[arg(long, env = "LOCUM_EXPECT", value_enum, value_name = "DECISION")]
    expect: Option<Expected>,
    /// How to print the explanation
    #[arg(long, env = "LOCUM_FORMAT", value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    place: PlaceArgs,
}

/// The decisions that `--expect` tells apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Expected {
    Allowed,
    /// Either of the two.
    Denied,
    ExplicitDeny,
    ImplicitDeny,
}

impl Expected {
    fn is(self, decision: &str) -> bool {
        match self {
            Self::Denied => decision != Expect::Allowed.as_str(),
            Self::Allowed => decision == Expect::Allowed.as_str(),
            Self::ExplicitDeny => decision == Expect::ExplicitDeny.as_str(),
            Self::ImplicitDeny => decision == Expect::ImplicitDeny.as_str(),
        }
    }
}

impl ExplainArgs {
    pub(crate) fn run(mut self) -> Result<ExitCode, Failure> {
        let (expect, format) = (self.expect, self.format);
        let view = match (
            self.case.take(),
            self.message.take(),
            self.request_id.take(),
        ) {
            (Some(case), ..) => case::of_case(&case)?,
            (_, Some(message), _) => self.of_message(&message)?,
            (.., Some(id)) => self.of_record(&id)?,
            (None, None, None) => self.of_request()?,
        };
        match format {
            Format::Json => print_json(&view)?,
            Format::Text => print(&view.text(Paint::for_stream(&std::io::stdout())))?,
        }
        let as_expected = expect.is_none_or(|expected| expected.is(view.decision));
        let verdict = if as_expected {
            Verdict::Good
        } else {
            Verdict::Bad
        };
        Ok(verdict.into())
    }

    /// Everything that can be wrong with the arguments is looked at before the store is opened.
    fn of_request(self) -> Result<View, Failure> {
        let given = self.given()?;
        let asked = Asked {
            action: given.action.unwrap_or_default(),
            resource: given.resource.unwrap_or_else(|| "*".to_owned()),
            resource_account: given.resource_account,
            context: given.context,
            supposed: Supposed {
                principal: self.principal.unwrap_or_default(),
                ..given.supposed
            },
        };
        let place = self.place.resolve()?;
        block_on(async {
            let (environment, _) = system();
            match given.as_of {
                None | Some(AsOf::Now) => {
                    asked
                        .explain(&open_to_read(&place, environment).await?)
                        .await
                }
                Some(AsOf::Time(at)) => {
                    let mut view = asked
                        .explain(&open_as_it_was(&place, environment, at).await?)
                        .await?;
                    view.notes.push(as_of_note(at));
                    Ok(view)
                }
            }
        })
    }

    /// What the arguments say of a request.
    fn given(&self) -> Result<Given, Failure> {
        if let Some(action) = &self.action {
            check_action(action)?;
        }
        if let Some(resource) = &self.resource
            && resource != "*"
            && Arn::parse(resource).is_none()
        {
            return Err(Failure::Usage(format!(
                "`{resource}` is no resource: it must be an ARN or `*`"
            )));
        }
        Ok(Given {
            action: self.action.clone(),
            resource: self.resource.clone(),
            resource_account: self.resource_account.as_deref().map(account).transpose()?,
            context: context(&self.context)?,
            as_of: self.as_of.as_deref().map(AsOf::parse).transpose()?,
            supposed: Supposed {
                principal: String::new(),
                issuer: self.issuer.clone(),
                session_policy: self.session_policy.as_deref().map(policy).transpose()?,
                session_policy_arns: self.session_policy_arn.clone(),
            },
        })
    }
}

/// What the arguments say of a request.
struct Given {
    action: Option<String>,
    resource: Option<String>,
    resource_account: Option<AccountId>,
    context: Keys,
    as_of: Option<AsOf>,
    supposed: Supposed,
}

/// The time whose policies are asked.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum AsOf {
    Now,
    Time(Seconds),
}

impl AsOf {
    fn parse(text: &str) -> Result<Self, Failure> {
        if text == "now" {
            return Ok(Self::Now);
        }
        match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(Self::Time(time.as_second())),
            Err(_) => Err(Failure::Usage(format!(
                "`{text}` is no time: it must be a date and time with its offset, such as 2030-01-31T12:00:00Z, or `now`"
            ))),
        }
    }
}

fn as_of_note(at: Seconds) -> String {
    format!(
        "decided with the policies as they were at {}; AWS-managed policies are those of this locum",
        timestamp(at)
    )
}

/// Runs what reads the store.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    runtime()?.block_on(work)
}

fn check_action(action: &str) -> Result<(), Failure> {
    let name = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    match action.split_once(':') {
        Some((service, operation)) if name(service) && name(operation) => Ok(()),
        _ => Err(Failure::Usage(format!(
            "`{action}` is no action: it must be one action with its service, such as s3:GetObject"
        ))),
    }
}

fn account(text: &str) -> Result<AccountId, Failure> {
    AccountId::parse(text).map_err(|_| {
        Failure::Usage(format!(
            "`{text}` is no account id: it must have twelve digits"
        ))
    })
}

fn policy(path: &Path) -> Result<String, Failure> {
    input::read(path, LONGEST_POLICY)
        .map_err(|why| Failure::Usage(format!("`{}` {why}", path.display())))
}

/// The keys of `KEY=VALUE`s: a key ends at the first `=`.
fn context(given: &[String]) -> Result<Keys, Failure> {
    let mut keys: BTreeMap<String, (bool, Vec<Cow<'static, str>>)> = BTreeMap::new();
    for text in given {
        let (key, value) = text.split_once('=').ok_or_else(|| no_context(text))?;
        let (key, listed) = match key.strip_suffix("[]") {
            Some(key) => (key, true),
            None => (key, false),
        };
        // Every key has the prefix of a service or of an identity provider.
        if key
            .split_once(':')
            .is_none_or(|(prefix, name)| prefix.is_empty() || name.is_empty())
        {
            return Err(no_context(text));
        }
        let entry = keys.entry(key.to_lowercase()).or_default();
        entry.0 |= listed;
        entry.1.push(Cow::Owned(value.to_owned()));
    }
    let value = |(listed, mut values): (bool, Vec<_>)| match values.pop() {
        Some(only) if values.is_empty() && !listed => Value::One(only),
        last => Value::Many(values.into_iter().chain(last).collect()),
    };
    Ok(keys
        .into_iter()
        .map(|(key, values)| (key, value(values)))
        .collect())
}

fn no_context(text: &str) -> Failure {
    Failure::Usage(format!(
        "`{text}` is no condition key with a value: it must be KEY=VALUE, such as aws:SourceIp=192.0.2.1"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(given: &[&str]) -> Result<Vec<(String, Value<'static>)>, String> {
        let given: Vec<String> = given.iter().map(ToString::to_string).collect();
        match context(&given) {
            Ok(keys) => Ok(keys.into_iter().collect()),
            Err(Failure::Usage(message) | Failure::Work(message)) => Err(message),
        }
    }

    fn one(text: &'static str) -> Value<'static> {
        Value::One(text.into())
    }

    #[test]
    fn a_key_has_one_value_or_a_list() {
        assert_eq!(
            keys(&["aws:SourceIp=192.0.2.1"]),
            Ok(vec![("aws:sourceip".to_owned(), one("192.0.2.1"))])
        );
        let several = Value::Many(vec!["a".into(), "b".into()]);
        assert_eq!(
            keys(&["aws:TagKeys=a", "AWS:tagkeys=b"]),
            Ok(vec![("aws:tagkeys".to_owned(), several)])
        );
        assert_eq!(
            keys(&["aws:TagKeys[]=a"]),
            Ok(vec![(
                "aws:tagkeys".to_owned(),
                Value::Many(vec!["a".into()])
            )])
        );
        assert_eq!(
            keys(&["aws:RequestTag/a=b=c", "aws:UserAgent="]),
            Ok(vec![
                ("aws:requesttag/a".to_owned(), one("b=c")),
                ("aws:useragent".to_owned(), one(""))
            ])
        );
    }

    #[test]
    fn what_is_no_key_with_a_value() {
        for text in [
            "",
            "=",
            "aws:SourceIp",
            "SourceIp=1",
            ":x=1",
            "aws:=1",
            "[]=1",
        ] {
            let message = format!(
                "`{text}` is no condition key with a value: it must be KEY=VALUE, such as aws:SourceIp=192.0.2.1"
            );
            assert_eq!(keys(&[text]), Err(message));
        }
    }

    #[test]
    fn actions_are_not_patterns() {
        for text in ["s3:GetObject", "execute-api:Invoke"] {
            assert!(check_action(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "s3",
            "s3:",
            ":Get",
            "s3:*",
            "s3:Get?",
            "a:b:c",
            "s3:Get Object",
            "*",
        ] {
            assert!(check_action(text).is_err(), "{text}");
        }
    }
}
