//! `locum explain`: why a request would be allowed or denied, from what a data directory holds or
//! from a case file.

use super::explanation::View;
use super::text::Paint;
use super::{Format, Verdict, input, print, print_json, test};
use crate::Failure;
use crate::config::PlaceArgs;
use crate::data_dir::open_to_read;
use crate::environment::system;
use clap::{Args, ValueEnum};
use locum_identity::caller::{Caller, Need, RequestFacts, Who};
use locum_identity::error::Error;
use locum_identity::names::{AccountId, Constrained as _};
use locum_identity::realm::Realm;
use locum_identity::supposed::{
    Beyond, Held, SUPPOSED_SESSION, Supposed, SupposedResource, Unknown, beyond_policies, told,
};
use locum_policy::case::{Case, Expect};
use locum_policy::{Arn, Decision, Denial, ElementName, Explanation, Layer, Mismatch, Value};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The longest session policy, in bytes. AWS takes 2,048 characters.
const LONGEST_POLICY: u64 = 64 * 1024;
/// The region of requests unless `aws:RequestedRegion` is given.
const REGION: &str = "us-east-1";

#[derive(Args, Clone, Debug)]
pub(crate) struct ExplainArgs {
    /// Who calls: the ARN of a user, role, role session, federated user or root user, or `anonymous`
    #[arg(
        long,
        value_name = "ARN",
        required_unless_present = "case",
        conflicts_with = "case"
    )]
    principal: Option<String>,
    /// What is done, such as s3:GetObject
    #[arg(
        long,
        value_name = "SERVICE:ACTION",
        required_unless_present = "case",
        conflicts_with = "case"
    )]
    action: Option<String>,
    /// What it is done to: an ARN, or `*` for an action without a resource [default: *]
    #[arg(long, value_name = "ARN", conflicts_with = "case")]
    resource: Option<String>,
    /// A condition key of the request, over what follows from the principal and the resource. May be
    /// repeated; several values of one key, or KEY[]=VALUE, make it multi-valued
    #[arg(long, value_name = "KEY=VALUE", conflicts_with = "case")]
    context: Vec<String>,
    /// The account that owns the resource [default: the one that the store or the ARN tells, or the
    /// principal's]
    #[arg(long, value_name = "ID", conflicts_with = "case")]
    resource_account: Option<String>,
    /// For a federated user, the ARN of the user or root user that asked for its credentials
    #[arg(long, value_name = "ARN", conflicts_with = "case")]
    issuer: Option<String>,
    /// The session policy that a role session or federated user was given
    #[arg(long, value_name = "FILE", conflicts_with = "case")]
    session_policy: Option<PathBuf>,
    /// The ARN of a managed session policy; may be repeated
    #[arg(long, value_name = "ARN", conflicts_with = "case")]
    session_policy_arn: Vec<String>,
    /// Explain a case of a case file instead; the name may be left out where there is only one
    #[arg(long, value_name = "FILE[:NAME]")]
    case: Option<PathBuf>,
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
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let (expect, format) = (self.expect, self.format);
        let view = match &self.case {
            Some(case) => of_case(case)?,
            None => self.of_request()?,
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
        let action = self.action.unwrap_or_default();
        check_action(&action)?;
        let resource = self.resource.unwrap_or_else(|| "*".to_owned());
        if resource != "*" && Arn::parse(&resource).is_none() {
            return Err(Failure::Usage(format!(
                "`{resource}` is no resource: it must be an ARN or `*`"
            )));
        }
        let asked = Asked {
            action,
            resource,
            resource_account: self.resource_account.as_deref().map(account).transpose()?,
            context: context(&self.context)?,
            supposed: Supposed {
                principal: self.principal.unwrap_or_default(),
                issuer: self.issuer,
                session_policy: self.session_policy.as_deref().map(policy).transpose()?,
                session_policy_arns: self.session_policy_arn,
            },
        };
        let place = self.place.resolve()?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .map_err(|error| Failure::work("no runtime", error))?;
        runtime.block_on(async {
            let (environment, _) = system();
            asked
                .explain(&open_to_read(&place, environment).await?)
                .await
        })
    }
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

/// Condition keys in lower case.
type Keys = BTreeMap<String, Value<'static>>;

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

/// A request to explain.
struct Asked {
    action: String,
    resource: String,
    resource_account: Option<AccountId>,
    context: Keys,
    supposed: Supposed,
}

impl Asked {
    async fn explain(&self, realm: &Realm) -> Result<View, Failure> {
        let caller = realm
            .supposed_caller(&self.supposed)
            .await
            .map_err(unknown)?;
        let known = realm
            .supposed_resource(&self.action, &self.resource)
            .await
            .map_err(unknown)?;
        let mut need = known.need(&self.action);
        match (self.resource_account, need.resource_account) {
            (Some(given), Some(owner)) if given != owner => {
                return Err(Failure::Work(format!(
                    "`{}` belongs to account {owner}, not {given}",
                    self.resource
                )));
            }
            (Some(given), _) => need.resource_account = Some(given),
            (None, _) => {}
        }
        // What is given comes first, and the first value of a key counts.
        let given = self.context.iter();
        let given = given.map(|(key, value)| (Cow::Owned(key.clone()), value.clone()));
        need.keys.splice(0..0, given);
        let facts = RequestFacts {
            now: realm.environment().clock.now(),
            source_ip: None,
            secure_transport: true,
            user_agent: None,
            referer: None,
            region: REGION.to_owned(),
            request_id: String::new(),
        };
        let mut explanation = caller.explain(&facts, &need);
        let (message, note) = self.beyond(&mut explanation, &caller, &need, &known);
        // Stored policies name users and roles by unique ids, which tell people nothing.
        for name in principals(&mut explanation) {
            if let Some(id) = name.strip_prefix("AWS: ")
                && let Some(arn) = realm
                    .arn_of(id)
                    .await
                    .map_err(|error| unknown(error.into()))?
            {
                *name = format!("AWS: {arn}");
            }
        }
        let mut view = View::new(&explanation);
        view.message = message;
        view.notes.extend(note);
        view.notes.extend(self.notes(&caller, &known));
        Ok(view)
    }

    /// What the client is told, and a note where it is not the policies that decide: no layer of
    /// them is left in the explanation then.
    fn beyond(
        &self,
        explanation: &mut Explanation,
        caller: &Caller,
        need: &Need<'_>,
        known: &SupposedResource,
    ) -> (Option<String>, Option<String>) {
        let action = &self.action;
        match (beyond_policies(caller, need, known), explanation.decision) {
            (None, Decision::Allowed) => (None, None),
            (None, Decision::Denied(denial)) => {
                let message = match told(caller, need, denial) {
                    denied if need.resource.starts_with("arn:aws:s3:") => {
                        locum_s3::access_denied(&denied)
                    }
                    denied => Error::AccessDenied(denied).to_string(),
                };
                (Some(message), None)
            }
            (Some(Beyond::Exempt), _) => {
                explanation.decision = Decision::Allowed;
                explanation.layers.clear();
                let note = format!(
                    "{action} needs no permission of this principal, and no policy can deny it"
                );
                (None, Some(note))
            }
            (Some(Beyond::Refused(error)), _) => {
                explanation.decision = Decision::Denied(Denial {
                    explicit: false,
                    layer: Layer::Identity,
                });
                explanation.layers.clear();
                let note = format!("{action} is refused to this principal whatever policies say");
                (Some(error.to_string()), Some(note))
            }
        }
    }

    /// What was assumed where nothing was known.
    fn notes(&self, caller: &Caller, known: &SupposedResource) -> Vec<String> {
        let mut notes = Vec::new();
        if self.supposed.principal.contains(":role/") {
            notes.push(format!(
                "a role acts by its sessions: this one is called `{SUPPOSED_SESSION}`"
            ));
        }
        let session = matches!(
            caller.who,
            Who::AssumedRole { .. } | Who::FederatedUser { .. }
        );
        let limited =
            self.supposed.session_policy.is_some() || !self.supposed.session_policy_arns.is_empty();
        if session && !limited {
            notes.push(
                "the session is taken to have no session policy: its token, which is not here, would tell"
                    .to_owned(),
            );
        }
        let bucket = self.resource.starts_with("arn:aws:s3:::");
        if bucket && self.resource != "arn:aws:s3:::*" && matches!(known.held, Held::Nothing) {
            let owner = match self.resource_account {
                Some(account) => account.to_string(),
                None => "the principal's own account".to_owned(),
            };
            notes.push(format!(
                "the bucket does not exist here: it is taken to belong to {owner} and to have no policy"
            ));
        }
        notes
    }
}

/// The principals that policies of resources name, where they do not match.
fn principals(explanation: &mut Explanation) -> impl Iterator<Item = &mut String> {
    let layers = explanation.layers.iter_mut();
    let statements = layers.flat_map(|layer| &mut layer.statements);
    let wanted = statements.filter_map(|statement| match &mut statement.mismatch {
        Some(Mismatch::Element {
            element: ElementName::Principal | ElementName::NotPrincipal,
            wanted,
            ..
        }) => Some(wanted),
        Some(Mismatch::Element { .. } | Mismatch::Condition { .. }) | None => None,
    });
    wanted.flatten()
}

fn unknown(unknown: Unknown) -> Failure {
    let usage = unknown.is_usage();
    let message = match unknown {
        Unknown::NoIssuer => format!("{unknown} with --issuer"),
        unknown => unknown.to_string(),
    };
    if usage {
        Failure::Usage(message)
    } else {
        Failure::Work(message)
    }
}

/// The explanation of a case, `FILE` or `FILE:NAME`.
fn of_case(given: &Path) -> Result<View, Failure> {
    let (path, name) = split(given);
    let file = path.display();
    let wrong = |what: String| Failure::Usage(format!("`{file}` {what}"));
    let text = input::read(&path, test::LONGEST).map_err(wrong)?;
    let cases =
        Case::read_all(&text).map_err(|error| Failure::Usage(format!("`{file}`: {error}")))?;
    let chosen = match &name {
        Some(name) => cases.into_iter().find(|case| match case {
            Ok(case) => case.name == *name,
            Err(error) => error.case.as_ref() == Some(name),
        }),
        None if cases.len() > 1 => {
            return Err(wrong(format!(
                "holds {} cases: name one of them, as FILE:NAME",
                cases.len()
            )));
        }
        None => cases.into_iter().next(),
    };
    let case = match (chosen, name) {
        (Some(case), _) => case.map_err(|error| Failure::Usage(format!("`{file}`: {error}")))?,
        (None, Some(name)) => return Err(wrong(format!("holds no case `{name}`"))),
        (None, None) => return Err(wrong("holds no case".to_owned())),
    };
    let outcome = case.run();
    let mut view = View::new(&outcome.explanation);
    if !outcome.passed {
        let reason = outcome.because.map(|because| format!(" {because}"));
        view.notes.push(format!(
            "the case expects {}{}",
            outcome.expected,
            reason.unwrap_or_default()
        ));
    }
    Ok(view)
}

/// A file that is there under the whole text, or what comes before a colon and a name behind it.
fn split(given: &Path) -> (PathBuf, Option<String>) {
    let whole = (given.to_owned(), None);
    let Some(text) = given.to_str().filter(|_| !given.exists()) else {
        return whole;
    };
    let mut colons = text.match_indices(':').map(|(at, _)| text.split_at(at));
    let found = colons
        .find(|(path, _)| *path == "-" || Path::new(path).exists())
        .or_else(|| text.rfind(':').map(|at| text.split_at(at)));
    match found {
        Some((path, name)) => (path.into(), name.strip_prefix(':').map(str::to_owned)),
        None => whole,
    }
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
