//! Findings about a policy document, in the manner of IAM Access Analyzer's policy validation.
//!
//! An error is what a write refuses, or a length that no write takes; it is told with the place where
//! it is. What a write lets pass
//! and probably does not mean what its author meant is a warning, a security warning or a suggestion.
//! Codes are Access Analyzer's where it has one for the matter.
//!
//! Which services, actions and condition keys there are is told by a [catalogue] that ages, so that a
//! name it does not know is a warning and no error.

use std::borrow::Cow;
use std::fmt;

use crate::document::Kind;
use crate::json::Span;
use crate::position::{Lines, Position};
use crate::validate::draft::Draft;
use crate::validate::{self, Occasion};

mod catalogue;
mod conditions;
mod contradictions;
mod grants;
mod keys;
mod length;
mod names;
mod near;
mod patterns;
mod resources;
mod services;
mod statements;

pub use services::{service_name, service_namespaces};

/// How much a finding weighs.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Severity {
    /// The document is refused when it is written.
    Error,
    /// The document gives more access than it should.
    SecurityWarning,
    /// A part of the document does not do what it seems to.
    Warning,
    /// The document could be simpler or clearer.
    Suggestion,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Error => "error",
            Severity::SecurityWarning => "security warning",
            Severity::Warning => "warning",
            Severity::Suggestion => "suggestion",
        })
    }
}

/// Something to be said about a document.
///
/// It is shown as `line:column: severity: message [CODE]`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// How much it weighs.
    pub severity: Severity,
    /// What kind of finding it is: `PASS_ROLE_WITH_STAR_IN_RESOURCE` and so on.
    pub code: &'static str,
    /// What is the matter: one sentence, in lower case, without a full stop.
    pub message: String,
    /// Where the part of the document that it is about starts.
    pub start: Position,
    /// The position just behind that part.
    pub end: Position,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Finding {
            severity,
            code,
            message,
            start,
            end: _,
        } = self;
        write!(f, "{start}: {severity}: {message} [{code}]")
    }
}

/// Checks a document of a kind, and tells what it finds in the order of the text.
///
/// `account` is the account the policy will be in; without it, nothing can be said about foreign
/// accounts. A document that cannot be read as JSON, or not as a policy, has one finding. At most
/// 1,000 findings are told, and comparisons of each with each end after a fixed amount of work, with
/// a suggestion that says so: time stays in proportion to the text.
///
/// ```
/// use locum_policy::{Kind, check};
///
/// let text = r#"{"Version": "2012-10-17",
///                "Statement": {"Effect": "Allow", "Action": "s3:GetObjct", "Resource": "*"}}"#;
/// let findings: Vec<String> = check(text, Kind::Identity, None).iter().map(|f| f.to_string()).collect();
/// assert_eq!(findings, [
///     "2:59: warning: `s3:GetObjct` is no action of `s3`; did you mean `s3:GetObject`? [INVALID_ACTION]",
/// ]);
/// ```
pub fn check(text: &str, kind: Kind, account: Option<&str>) -> Vec<Finding> {
    let mut report = Report::new(text, kind, account);
    let draft = match validate::read(text, kind) {
        Ok(draft) => draft,
        Err(refusal) => {
            report.refused(refusal);
            return report.finish();
        }
    };
    if let Err(refusal) = validate::check(&draft, kind, Occasion::Write) {
        report.refused(refusal);
    }
    report.variables = draft.variables();
    version(&draft, &mut report);
    length::check(text, draft.span, &mut report);
    for statement in &draft.statements {
        grants::check(statement, &mut report);
        names::check(statement, &mut report);
        resources::check(statement, &mut report);
        conditions::check(statement, &mut report);
    }
    statements::check(&draft, &mut report);
    if report.budget == 0 {
        report.add(
            Severity::Suggestion,
            "DOCUMENT_TOO_LARGE",
            draft.span,
            "the document is too large to compare all its parts with each other",
        );
    }
    report.finish()
}

fn version(draft: &Draft<'_>, report: &mut Report<'_>) {
    if draft.version.is_none() && report.kind != Kind::Identity {
        let message = "the policy has no Version and is read as of 2008-10-17; add \
                       `\"Version\": \"2012-10-17\"`";
        report.add(Severity::Warning, "MISSING_VERSION", draft.span, message);
    }
}

/// A text as messages quote it: what is very long is cut.
fn brief(text: &str) -> Cow<'_, str> {
    const LONGEST: usize = 160;
    match text.char_indices().nth(LONGEST) {
        None => Cow::Borrowed(text),
        Some((end, _)) => Cow::Owned(format!("{}…", text.get(..end).unwrap_or_default())),
    }
}

/// The findings so far, and what all checks need to know.
struct Report<'a> {
    lines: Lines<'a>,
    kind: Kind,
    account: Option<&'a str>,
    /// Version 2012-10-17: `${…}` is a variable.
    variables: bool,
    /// Comparisons left.
    budget: u32,
    /// Look-ups of names that come close left.
    guesses: u32,
    found: Vec<Finding>,
}

const MOST_FINDINGS: usize = 1_000;
const MOST_COMPARISONS: u32 = 500_000;
const MOST_GUESSES: u32 = 64;

impl<'a> Report<'a> {
    fn new(text: &'a str, kind: Kind, account: Option<&'a str>) -> Report<'a> {
        Report {
            lines: Lines::new(text),
            kind,
            account,
            variables: false,
            budget: MOST_COMPARISONS,
            guesses: MOST_GUESSES,
            found: Vec::new(),
        }
    }

    fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        span: Span,
        message: impl Into<String>,
    ) {
        if self.found.len() >= MOST_FINDINGS {
            return;
        }
        self.found.push(Finding {
            severity,
            code,
            message: message.into(),
            start: self.lines.position(span.start),
            end: self.lines.position(span.end),
        });
    }

    fn refused(&mut self, refusal: validate::Refusal) {
        let message = match refusal.detail {
            Some(detail) => detail,
            None => refusal.message.trim_end_matches('.').to_owned(),
        };
        self.add(Severity::Error, refusal.code, refusal.span, message);
    }

    /// Takes comparisons from the budget; false when it is used up.
    fn spend(&mut self, comparisons: usize) -> bool {
        let comparisons = u32::try_from(comparisons).unwrap_or(u32::MAX);
        self.budget = self.budget.saturating_sub(comparisons);
        self.budget > 0
    }

    /// The actions of a service that a pattern in lower case matches; `None` when the budget does not
    /// last for it.
    fn matching(
        &mut self,
        service: &'static catalogue::Service,
        pattern: &str,
    ) -> Option<Vec<catalogue::Known<'static>>> {
        let wild = pattern.contains(['*', '?']);
        let steps = service.size().saturating_mul(1 + pattern.len() / 64);
        self.spend(if wild { steps } else { 1 })
            .then(|| service.matching(pattern))
    }

    /// What a name was probably meant to be, worded as a question to follow a message.
    fn guess<'n>(&mut self, name: &str, known: impl Iterator<Item = &'n str>) -> String {
        if self.guesses == 0 {
            return String::new();
        }
        self.guesses -= 1;
        match near::nearest(name, known) {
            Some(near) => format!("; did you mean `{near}`?"),
            None => String::new(),
        }
    }

    fn finish(mut self) -> Vec<Finding> {
        self.found.sort_by_key(|f| (f.start, f.severity, f.code));
        self.found
    }
}
