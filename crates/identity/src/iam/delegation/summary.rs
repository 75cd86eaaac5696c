//! A summary that people can read before they approve.
//!
//! AWS has a language model write it. Here it is written by rules, from the request and its policy and
//! nothing else, so that it leaves nothing out and says nothing more. What the requestor wrote stands
//! between quotation marks, on one line: it cannot pass for the summary's own words.

use super::permission::{Statement, statements};
use super::{Known, default_of, known, may, missing, need, refuse_delegates, requestor_name};
use crate::caller::Need;
use crate::entity::DelegationState;
use crate::error::Error;
use crate::names::{ArnText, Constrained as _, DelegationRequestIdText, Locale};
use crate::operation::{Call, Granted, Operation, Service};
use locum_policy::{Arn, Decision, Plain};
use std::fmt::Write as _;

/// The longest that the model takes, in characters.
const LONGEST: usize = 10_000;
const DEFAULT_LOCALE: &str = "en_US";
/// The languages of AWS's console.
const CONSOLE: [&str; 13] = [
    "de", "en", "es", "fr", "id", "it", "ja", "ko", "pt", "th", "tr", "vi", "zh",
];

/// GetHumanReadableSummary
#[derive(Clone, Debug)]
pub struct GetHumanReadableSummary {
    /// `EntityArn`: the ARN of a delegation request.
    pub entity_arn: ArnText,
    /// `Locale`; `en_US` if not given.
    pub locale: Option<Locale>,
}

/// `SummaryState`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum SummaryState {
    /// Here it is.
    Available,
    /// The request is over.
    NotAvailable,
    /// Not in this language.
    NotSupported,
    /// The policy cannot be read, or is too long for a summary.
    Failed,
}

/// What GetHumanReadableSummary answers.
#[derive(Debug)]
pub struct Summary {
    /// `SummaryContent`: not empty only if it is available.
    pub content: String,
    /// `Locale`
    pub locale: String,
    /// `SummaryState`
    pub state: SummaryState,
}

impl Operation for GetHumanReadableSummary {
    type Output = Summary;
    type Found = Known;
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetHumanReadableSummary";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Known>, Error> {
        let arn = self.entity_arn.as_str();
        let not_one =
            || Error::InvalidInput(format!("{arn} is not the ARN of a delegation request."));
        let parsed = Arn::parse(arn)
            .filter(|arn| (arn.partition(), arn.service(), arn.region()) == ("aws", "iam", ""));
        let parsed = parsed.ok_or_else(not_one)?;
        let id = parsed.resource().strip_prefix("delegation-request/");
        let id = id.and_then(|id| DelegationRequestIdText::parse(id).ok());
        let id = id.ok_or_else(not_one)?;
        // Each side knows the request as one of its own account.
        let found = known(call, id.as_str()).await?.filter(|known| {
            let accounts = [
                call.caller.account_id(),
                known.request.requestor(),
                known.request.owner_account,
            ];
            let mut accounts = accounts.iter().flatten();
            accounts.any(|account| account.as_str() == parsed.account())
        });
        // Who may get the request may read its summary, unless that is denied.
        let default = found.as_ref().and_then(|known| default_of(known, call));
        let action = "iam:GetHumanReadableSummary";
        let own = need(call, action, id.as_str(), found.as_ref(), default.as_ref())?;
        refuse_delegates(call, &own)?;
        let granted = match may(call, &own) {
            Decision::Denied(denial) if !denial.explicit => {
                let get = Need {
                    action: "iam:GetDelegationRequest".into(),
                    ..own
                };
                match may(call, &get) {
                    Decision::Allowed => call.allow(&get)?,
                    Decision::Denied(_) => {
                        return Err(Error::AccessDenied(call.caller.denied(
                            &Need {
                                action: action.into(),
                                ..get
                            },
                            Some(denial),
                        )));
                    }
                }
            }
            _ => call.allow(&own)?,
        };
        Ok(granted.with(found.ok_or_else(|| missing(id.as_str()))?))
    }

    async fn perform(self, call: &Call<'_>, known: Known) -> Result<Summary, Error> {
        let locale = self.locale.as_ref().map_or(DEFAULT_LOCALE, Locale::as_str);
        let language = language(locale)
            .ok_or_else(|| Error::InvalidInput(format!("{locale} is not a supported locale.")))?;
        let expired = known.request.state_at(call.facts.now) == DelegationState::Expired;
        let (state, content) = match (language.as_str(), expired) {
            (_, true) => (SummaryState::NotAvailable, None),
            ("en", false) => match write(call, &known) {
                Some(content) => (SummaryState::Available, Some(content)),
                None => (SummaryState::Failed, None),
            },
            (_, false) => (SummaryState::NotSupported, None),
        };
        Ok(Summary {
            content: content.unwrap_or_default(),
            locale: locale.to_owned(),
            state,
        })
    }
}

/// The language of a locale of AWS's console: `de`, `de_DE`, `de-DE`.
fn language(locale: &str) -> Option<String> {
    let (language, region) = match locale.split_once(['_', '-']) {
        Some((language, region)) => (language, Some(region)),
        None => (locale, None),
    };
    let legal = region
        .is_none_or(|region| region.len() == 2 && region.bytes().all(|b| b.is_ascii_alphabetic()));
    let language = language.to_ascii_lowercase();
    (legal && CONSOLE.contains(&language.as_str())).then_some(language)
}

fn write(call: &Call<'_>, known: &Known) -> Option<String> {
    let request = &known.request;
    let requestor = request.requestor()?;
    let statements = statements(&request.permission_policy)?;
    let mut out = String::new();
    let name = requestor_name(call.caller.directory(), requestor);
    let customer = match request.owner_account {
        Some(customer) => format!("account {customer}"),
        None => "the account that takes this request up".to_owned(),
    };
    writeln!(
        out,
        "The account {requestor}, named {}, asks for temporary access to {customer}.",
        quoted(&name)
    )
    .ok()?;
    writeln!(
        out,
        "It describes the request as: {}",
        quoted(request.description.as_str())
    )
    .ok()?;
    if let Some(message) = &request.request_message {
        writeln!(out, "It adds: {}", quoted(message.as_str())).ok()?;
    }
    writeln!(
        out,
        "Whoever approves it lets that account act in their name, as far as they may do it themselves and this request asks for it. The access ends {} after the exchange token was sent.",
        span(request.session_duration)
    )
    .ok()?;
    if request.only_send_by_owner {
        writeln!(out, "Only the owner of the request can send the token.").ok()?;
    }
    list(&mut out, "It asks to be allowed:", &statements, true)?;
    list(&mut out, "It is denied, whatever else:", &statements, false)?;
    warn(&mut out, &statements)?;
    (out.chars().count() <= LONGEST).then_some(out)
}

fn list(out: &mut String, head: &str, statements: &[Statement], allows: bool) -> Option<()> {
    let of_kind = || statements.iter().filter(move |s| s.allows == allows);
    if of_kind().next().is_none() {
        return Some(());
    }
    writeln!(out, "{head}").ok()?;
    for statement in of_kind() {
        let but = if statement.is_negated {
            "anything but this (or on anything but this): "
        } else {
            ""
        };
        let actions = joined(&statement.actions);
        let resources = joined(&statement.resources);
        write!(out, "- {but}{actions} on {resources}").ok()?;
        for (number, condition) in statement.conditions.iter().enumerate() {
            let word = if number == 0 { ", if" } else { " and" };
            write!(
                out,
                "{word} {} {} {}",
                Plain(&condition.key),
                Plain(&condition.operator),
                joined(&condition.values)
            )
            .ok()?;
        }
        writeln!(out).ok()?;
    }
    Some(())
}

/// What outlives the access, and what is as good as everything.
fn warn(out: &mut String, statements: &[Statement]) -> Option<()> {
    const LASTING: [(&str, &str); 9] = [
        ("iam:createuser", "create users"),
        ("iam:createrole", "create roles"),
        ("iam:createaccesskey", "create access keys"),
        ("iam:updateassumerolepolicy", "change who may assume roles"),
        ("iam:attachuserpolicy", "attach policies to users"),
        ("iam:attachrolepolicy", "attach policies to roles"),
        ("iam:putuserpolicy", "write policies of users"),
        ("iam:putrolepolicy", "write policies of roles"),
        ("s3:putbucketpolicy", "write policies of buckets"),
    ];
    let allowed = || statements.iter().filter(|statement| statement.allows);
    let lasting: Vec<_> = LASTING
        .iter()
        .filter(|(action, _)| allowed().any(|statement| statement.speaks_of(action)))
        .map(|(_, words)| *words)
        .collect();
    if !lasting.is_empty() {
        writeln!(
            out,
            "Attention: it could {}. What is made or changed that way stays when the access ends.",
            lasting.join(", ")
        )
        .ok()?;
    }
    if allowed().any(|statement| {
        statement
            .actions
            .iter()
            .any(|action| action == "*" || action == "*:*")
    }) {
        writeln!(out, "Attention: it asks for every action of every service.").ok()?;
    }
    Some(())
}

fn joined(texts: &[String]) -> String {
    let texts: Vec<_> = texts.iter().map(|text| quoted(text)).collect();
    texts.join(", ")
}

/// A text that is not ours: between quotation marks that it cannot end, without line ends.
fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", Plain(&text))
}

/// `2 hours`, `90 minutes`, `301 seconds`
fn span(seconds: i64) -> String {
    let (count, unit) = match seconds {
        _ if seconds % 3600 == 0 => (seconds / 3600, "hour"),
        _ if seconds % 60 == 0 => (seconds / 60, "minute"),
        _ => (seconds, "second"),
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locales() {
        for (locale, wanted) in [
            ("en", Some("en")),
            ("en_US", Some("en")),
            ("EN-gb", Some("en")),
            ("de_DE", Some("de")),
            ("zh_TW", Some("zh")),
            ("xx_XX", None),
            ("en_USA", None),
            ("en_", None),
            ("english", None),
        ] {
            assert_eq!(language(locale).as_deref(), wanted, "{locale}");
        }
    }

    #[test]
    fn what_others_wrote_cannot_leave_its_quotation_marks() {
        let text = "fine\"\nIt asks for nothing. \\\u{9b}";
        let shown = quoted(text);
        let inside = shown
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        let inside = inside.unwrap();
        assert!(
            !inside.contains('\n') && !inside.contains('\u{9b}'),
            "{shown}"
        );
        assert!(inside.contains("fine\\\""), "{shown}");
        assert_eq!(inside.matches('"').count(), inside.matches("\\\"").count());
    }

    #[test]
    fn spans() {
        for (seconds, wanted) in [
            (300, "5 minutes"),
            (3600, "1 hour"),
            (43_200, "12 hours"),
            (301, "301 seconds"),
            (5400, "90 minutes"),
        ] {
            assert_eq!(span(seconds), wanted);
        }
    }
}
