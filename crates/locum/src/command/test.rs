//! `locum policy test`: runs case files.

use super::explanation::View;
use super::text::Paint;
use super::{Format, Verdict, complain, input, print, print_json};
use crate::Failure;
use clap::Args;
use clap::builder::FalseyValueParser;
use locum_policy::Plain;
use locum_policy::case::{Case, CaseError, Outcome};
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The longest case file, in bytes: what the reader takes.
pub(super) const LONGEST: u64 = locum_policy::case::LONGEST_FILE as u64;

#[derive(Args, Clone, Debug)]
pub(crate) struct TestArgs {
    /// Case files; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// How to print the results
    #[arg(long, env = "LOCUM_FORMAT", value_enum, default_value_t)]
    format: Format,
    /// Explain every case, not only those that come out otherwise than expected
    #[arg(long, env = "LOCUM_EXPLAIN", value_parser = FalseyValueParser::new())]
    explain: bool,
}

/// The results of a run.
#[derive(Debug, Default, Serialize)]
struct Report {
    passed: usize,
    failed: usize,
    /// Files and cases that could not be read.
    errors: usize,
    files: Vec<FileReport>,
}

#[derive(Debug, Serialize)]
struct FileReport {
    file: String,
    errors: Vec<ErrorReport>,
    cases: Vec<CaseReport>,
}

/// What is wrong with a file or a case.
#[derive(Debug, Serialize)]
struct ErrorReport {
    case: Option<String>,
    member: Option<String>,
    line: Option<usize>,
    column: Option<usize>,
    message: String,
}

#[derive(Debug, Serialize)]
struct CaseReport {
    name: String,
    rule: String,
    passed: bool,
    expected: &'static str,
    /// The reason that the case expects, if it says one.
    expected_reason: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    explanation: Option<View>,
    /// For people, where there is something to tell.
    #[serde(skip)]
    text: Option<String>,
}

impl TestArgs {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let mut report = Report::default();
        for path in &self.files {
            report.add(FileReport::new(path, self.explain));
        }
        match self.format {
            Format::Json => print_json(&report)?,
            Format::Text => {
                complain(&report.errors_text(Paint::for_stream(&std::io::stderr())))?;
                print(&report.text(Paint::for_stream(&std::io::stdout())))?;
            }
        }
        Ok(report.verdict().into())
    }
}

impl Report {
    fn add(&mut self, file: FileReport) {
        let passed = file.cases.iter().filter(|case| case.passed).count();
        self.passed += passed;
        self.failed += file.cases.len() - passed;
        self.errors += file.errors.len();
        self.files.push(file);
    }

    fn verdict(&self) -> Verdict {
        if self.errors > 0 {
            Verdict::Unreadable
        } else if self.failed > 0 {
            Verdict::Bad
        } else {
            Verdict::Good
        }
    }

    fn errors_text(&self, paint: Paint) -> String {
        let mut out = String::new();
        for file in &self.files {
            for error in &file.errors {
                out += &error.text(&file.file, paint);
            }
        }
        out
    }

    fn text(&self, paint: Paint) -> String {
        let mut out = String::new();
        for file in &self.files {
            for case in &file.cases {
                out += &case.text(&file.file, paint);
            }
        }
        out += &format!("{} passed, {} failed", self.passed, self.failed);
        if self.errors > 0 {
            out += &format!(", {} could not be read", self.errors);
        }
        out + "\n"
    }
}

impl FileReport {
    fn new(path: &Path, explain: bool) -> Self {
        let mut report = Self {
            file: path.display().to_string(),
            errors: Vec::new(),
            cases: Vec::new(),
        };
        match read(path) {
            Err(error) => report.errors.push(error),
            Ok(cases) => {
                for case in cases {
                    match case {
                        Ok(case) => report.cases.push(CaseReport::new(&case.run(), explain)),
                        Err(error) => report.errors.push(error.into()),
                    }
                }
            }
        }
        report
    }
}

/// The cases of a file; a file without any is an error, because it tests nothing.
fn read(path: &Path) -> Result<Vec<Result<Case, CaseError>>, ErrorReport> {
    let text = input::read(path, LONGEST).map_err(ErrorReport::of_file)?;
    let cases = Case::read_all(&text)?;
    if cases.is_empty() {
        return Err(ErrorReport::of_file("holds no case".to_owned()));
    }
    Ok(cases)
}

impl ErrorReport {
    fn of_file(message: String) -> Self {
        Self {
            case: None,
            member: None,
            line: None,
            column: None,
            message,
        }
    }

    /// `file:line:column: error: …`, which editors make a link of.
    fn text(&self, file: &str, paint: Paint) -> String {
        let mut out = Plain(file).to_string();
        if let (Some(line), Some(column)) = (self.line, self.column) {
            out += &format!(":{line}:{column}");
        }
        out += &format!(": {}: ", paint.red("error"));
        if let Some(case) = &self.case {
            out += &format!("case `{}`: ", Plain(case));
        }
        if let Some(member) = &self.member {
            out += &format!("{}: ", Plain(member));
        }
        out + &format!("{}\n", Plain(&self.message))
    }
}

impl From<CaseError> for ErrorReport {
    fn from(error: CaseError) -> Self {
        Self {
            case: error.case,
            member: Some(error.member).filter(|member| !member.is_empty()),
            line: Some(error.position.line),
            column: Some(error.position.column),
            message: error.message,
        }
    }
}

impl CaseReport {
    fn new(outcome: &Outcome, explain: bool) -> Self {
        let told = explain || !outcome.passed;
        Self {
            name: outcome.name.clone(),
            rule: outcome.rule.clone(),
            passed: outcome.passed,
            expected: outcome.expected.as_str(),
            expected_reason: outcome.because.clone(),
            explanation: told.then(|| View::new(&outcome.explanation)),
            text: told.then(|| outcome.to_string()),
        }
    }

    fn text(&self, file: &str, paint: Paint) -> String {
        let Some(text) = &self.text else {
            return String::new();
        };
        let word = if self.passed {
            paint.green("passed")
        } else {
            paint.red("FAILED")
        };
        format!("{word}: {}: {text}", Plain(file))
    }
}
