//! `locum policy check`: what is wrong with policy documents, and what could be better.

use super::text::Paint;
use super::{Format, Verdict, complain, input, print, print_json};
use crate::Failure;
use clap::builder::FalseyValueParser;
use clap::{Args, ValueEnum};
use locum_identity::names::{AccountId, Constrained as _};
use locum_policy::{Finding, Kind, Plain, Position, Severity, check};
use serde::Serialize;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The longest document, in bytes. AWS takes 131,072 characters of any kind of policy.
const LONGEST: u64 = 1024 * 1024;

#[derive(Args, Clone, Debug)]
pub(crate) struct CheckArgs {
    /// Files with one policy document each; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// What kind of policy they are [default: guessed from each document]
    #[arg(long, value_enum)]
    kind: Option<PolicyKind>,
    /// The account that the policies will be in: access for other accounts is told then
    #[arg(long, env = "LOCUM_ACCOUNT_ID", value_name = "ID")]
    account: Option<String>,
    /// How to print the findings
    #[arg(long, env = "LOCUM_FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Let security warnings and warnings count as errors
    #[arg(long, env = "LOCUM_STRICT", value_parser = FalseyValueParser::new())]
    strict: bool,
}

/// The kinds of policy, each with its own rules.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
enum PolicyKind {
    /// A managed or inline policy of a user, group or role.
    Identity,
    /// A role's trust policy.
    Trust,
    /// A policy of a resource, such as a bucket.
    Resource,
    /// A managed policy that bounds permissions: written like one that gives them.
    Boundary,
    /// A policy passed when a session is made.
    Session,
    /// A service control policy of an organization.
    ServiceControl,
    /// A resource control policy of an organization.
    ResourceControl,
}

/// The findings of a run.
#[derive(Debug, Default, Serialize)]
struct Report {
    errors: usize,
    security_warnings: usize,
    warnings: usize,
    suggestions: usize,
    /// Files that could not be read.
    unreadable: usize,
    files: Vec<FileReport>,
}

#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    /// Why the file could not be read.
    error: Option<String>,
    kind: Option<PolicyKind>,
    kind_guessed: bool,
    findings: Vec<FindingView>,
}

#[derive(Debug, Serialize)]
struct FindingView {
    severity: &'static str,
    code: &'static str,
    message: String,
    start: PlaceView,
    end: PlaceView,
    #[serde(skip)]
    weight: Severity,
}

/// A line and a column in characters, both from 1.
#[derive(Debug, Serialize)]
struct PlaceView {
    line: usize,
    column: usize,
}

impl CheckArgs {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let account = match &self.account {
            Some(text) => Some(AccountId::parse(text).map_err(|_| {
                Failure::Usage(format!(
                    "`{text}` is no account id: it must have twelve digits"
                ))
            })?),
            None => None,
        };
        let mut report = Report::default();
        for path in &self.files {
            report.add(FileReport::new(path, self.kind, account.as_ref()));
        }
        match self.format {
            Format::Json => print_json(&report)?,
            Format::Text => {
                complain(&report.unreadable_text(Paint::for_stream(&std::io::stderr())))?;
                print(&report.text(Paint::for_stream(&std::io::stdout())))?;
            }
        }
        Ok(report.verdict(self.strict).into())
    }
}

impl PolicyKind {
    fn rules(self) -> Kind {
        match self {
            Self::Identity | Self::Boundary => Kind::Identity,
            Self::Trust => Kind::Trust,
            Self::Resource => Kind::Resource,
            Self::Session => Kind::Session,
            Self::ServiceControl => Kind::ServiceControl,
            Self::ResourceControl => Kind::ResourceControl,
        }
    }

    /// What a document looks like: with a principal it is a trust policy if it is about STS only,
    /// else a resource's policy; without one an identity policy.
    fn guess(text: &str) -> Self {
        let document: Json = serde_json::from_str(text).unwrap_or_default();
        let statements = one_or_more(document.get("Statement"));
        let names = |name| statements.iter().any(|s| s.get(name).is_some());
        if !names("Principal") && !names("NotPrincipal") {
            return Self::Identity;
        }
        let actions: Vec<&Json> = statements
            .iter()
            .flat_map(|statement| one_or_more(statement.get("Action")))
            .collect();
        let of_sts = |action: &&Json| {
            let service = action.as_str().and_then(|text| text.split_once(':'));
            service.is_some_and(|(service, _)| service.eq_ignore_ascii_case("sts"))
        };
        if !actions.is_empty() && actions.iter().all(of_sts) {
            Self::Trust
        } else {
            Self::Resource
        }
    }

    fn called(self) -> &'static str {
        match self {
            Self::Identity => "an identity policy",
            Self::Trust => "a trust policy",
            Self::Resource => "a resource policy",
            Self::Boundary => "a permissions boundary",
            Self::Session => "a session policy",
            Self::ServiceControl => "a service control policy",
            Self::ResourceControl => "a resource control policy",
        }
    }
}

fn one_or_more(value: Option<&Json>) -> Vec<&Json> {
    match value {
        None => Vec::new(),
        Some(Json::Array(items)) => items.iter().collect(),
        Some(item) => vec![item],
    }
}

impl Report {
    fn add(&mut self, file: FileReport) {
        self.unreadable += usize::from(file.error.is_some());
        for finding in &file.findings {
            *match finding.weight {
                Severity::Error => &mut self.errors,
                Severity::SecurityWarning => &mut self.security_warnings,
                Severity::Warning => &mut self.warnings,
                Severity::Suggestion => &mut self.suggestions,
            } += 1;
        }
        self.files.push(file);
    }

    fn verdict(&self, strict: bool) -> Verdict {
        if self.unreadable > 0 {
            Verdict::Unreadable
        } else if self.errors > 0 || (strict && self.security_warnings + self.warnings > 0) {
            Verdict::Bad
        } else {
            Verdict::Good
        }
    }

    fn unreadable_text(&self, paint: Paint) -> String {
        let unreadable = self
            .files
            .iter()
            .filter_map(|file| Some((file, file.error.as_ref()?)));
        unreadable
            .map(|(file, why)| {
                let error = paint.red("error");
                format!("{}: {error}: {}\n", Plain(&file.file), Plain(why))
            })
            .collect()
    }

    fn text(&self, paint: Paint) -> String {
        let files = self.files.iter().filter(|file| file.error.is_none());
        let mut out: String = files.clone().map(|file| file.text(paint)).collect();
        let count = |number, one: &str| match number {
            1 => format!("1 {one}"),
            number => format!("{number} {one}s"),
        };
        out += &format!(
            "{} checked: {}, {}, {}, {}\n",
            count(files.count(), "file"),
            count(self.errors, "error"),
            count(self.security_warnings, "security warning"),
            count(self.warnings, "warning"),
            count(self.suggestions, "suggestion"),
        );
        out
    }
}

impl FileReport {
    fn new(path: &Path, kind: Option<PolicyKind>, account: Option<&AccountId>) -> Self {
        let mut report = Self {
            file: path.display().to_string(),
            error: None,
            kind,
            kind_guessed: false,
            findings: Vec::new(),
        };
        match input::read(path, LONGEST) {
            Err(why) => report.error = Some(why),
            Ok(text) => {
                let kind = kind.unwrap_or_else(|| PolicyKind::guess(&text));
                report.kind_guessed = report.kind.is_none();
                report.kind = Some(kind);
                let findings = check(&text, kind.rules(), account.map(AccountId::as_str));
                report.findings = findings.into_iter().map(FindingView::from).collect();
            }
        }
        report
    }

    fn text(&self, paint: Paint) -> String {
        let file = Plain(&self.file);
        let mut out = String::new();
        if let Some(kind) = self.kind.filter(|_| self.kind_guessed) {
            let called = kind.called();
            out += &format!("{file}: taken for {called} (say --kind if it is another)\n");
        }
        for finding in &self.findings {
            out += &finding.text(&self.file, paint);
        }
        out
    }
}

impl From<Finding> for FindingView {
    fn from(finding: Finding) -> Self {
        Self {
            severity: match finding.severity {
                Severity::Error => "error",
                Severity::SecurityWarning => "security_warning",
                Severity::Warning => "warning",
                Severity::Suggestion => "suggestion",
            },
            code: finding.code,
            message: finding.message,
            start: finding.start.into(),
            end: finding.end.into(),
            weight: finding.severity,
        }
    }
}

impl From<Position> for PlaceView {
    fn from(Position { line, column }: Position) -> Self {
        Self { line, column }
    }
}

impl FindingView {
    /// `file:line:column: severity: message [CODE]`, which editors make a link of.
    fn text(&self, file: &str, paint: Paint) -> String {
        let severity = self.weight.to_string();
        let severity = match self.weight {
            Severity::Error => paint.red(&severity),
            Severity::SecurityWarning | Severity::Warning => paint.yellow(&severity),
            Severity::Suggestion => paint.bold(&severity),
        };
        format!(
            "{}:{}:{}: {severity}: {} [{}]\n",
            Plain(file),
            self.start.line,
            self.start.column,
            Plain(&self.message),
            self.code
        )
    }
}

#[cfg(test)]
mod tests {
    use super::PolicyKind;
    use locum_policy::{Kind, check};

    #[test]
    fn every_operation_is_an_action_that_is_known() {
        // Policies say AssumeRoleWithWebIdentity for the one; the other is decided by the role's trust policy,
        // which says AssumeRole.
        let is_asked = |name: &str| !matches!(name, "AssumeRoleWithLDAPIdentity" | "CreateSession");
        for operation in locum_wire::operations()
            .iter()
            .filter(|operation| is_asked(operation.name))
        {
            let action = format!("{}:{}", operation.service.name(), operation.name);
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"{action}","Resource":"*"}}}}"#
            );
            let findings = check(&text, Kind::Identity, None);
            let unknown = findings.iter().find(|one| one.code.starts_with("INVALID_"));
            assert_eq!(unknown.map(|one| &one.message), None, "{action}");
        }
    }

    fn guessed(statement: &str, kind: PolicyKind) {
        for text in [
            format!(r#"{{"Statement": {statement}}}"#),
            format!(r#"{{"Statement": [{statement}]}}"#),
        ] {
            assert_eq!(PolicyKind::guess(&text), kind, "{text}");
        }
    }

    #[test]
    fn kinds_are_told_by_principals_and_actions() {
        guessed(
            r#"{"Action": "sts:AssumeRole", "Resource": "*"}"#,
            PolicyKind::Identity,
        );
        guessed(
            r#"{"Principal": "*", "Action": "sts:AssumeRole"}"#,
            PolicyKind::Trust,
        );
        guessed(
            r#"{"Principal": {"AWS": "*"}, "Action": ["STS:AssumeRole", "sts:TagSession"]}"#,
            PolicyKind::Trust,
        );
        guessed(
            r#"{"Principal": "*", "Action": ["sts:AssumeRole", "s3:*"]}"#,
            PolicyKind::Resource,
        );
        guessed(
            r#"{"NotPrincipal": "*", "Action": "s3:*"}"#,
            PolicyKind::Resource,
        );
        guessed(
            r#"{"Principal": "*", "NotAction": "sts:*"}"#,
            PolicyKind::Resource,
        );
        guessed(r#"{"Principal": "*"}"#, PolicyKind::Resource);
    }

    #[test]
    fn what_is_no_policy_is_taken_for_an_identity_policy() {
        for text in [
            "",
            "{",
            "[]",
            "7",
            "{}",
            r#"{"Statement": 7}"#,
            &"[".repeat(100_000),
        ] {
            assert_eq!(PolicyKind::guess(text), PolicyKind::Identity, "{text:.20}");
        }
    }
}
