//! `locum import`: whole accounts from AWS and from other programs. It works on a data directory, also
//! while servers run on it: they follow.

use super::text::{Paint, PlainLines};
use super::{Format, StoreArgs, Verdict, account_id, input, print, print_json};
use crate::Failure;
use crate::data_dir::{described, management_account, open_to_change, open_to_read};
use crate::difference::{lines, names, view};
use crate::environment::{runtime, system};
use aws_managed::AwsManagedArgs;
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use locum_identity::names::{AccountId, Constrained as _};
use locum_identity::realm::Realm;
use locum_identity::transfer::{Details, Entry, Import, Options, Outcome, Report};
use serde::Serialize;
use std::fmt::Write as _;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

mod aws_managed;

/// The longest file, in bytes. An account as large as AWS's quotas let it be prints less.
const LONGEST: u64 = 1 << 29;
/// The largest archive, in bytes.
const LARGEST_ARCHIVE: u64 = 1 << 26;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum ImportCommand {
    /// Import what `aws iam get-account-authorization-details` prints
    ///
    /// Users, groups, roles, policies and instance profiles of an account of AWS. All of it is imported
    /// or nothing. Exit code 0: it was imported, or would be; 1: it is refused, or failed; 2: wrong
    /// usage, or a file that cannot be read.
    AwsAuthorizationDetails(DetailsArgs),
    /// Import what `locum export` wrote
    ///
    /// All of it is imported or nothing. Exit code 0: it was imported, or would be; 1: it is refused, or
    /// failed; 2: wrong usage, or a file that cannot be read.
    Account(DetailsArgs),
    /// Import AWS-managed policies, which every account then knows
    ///
    /// Those of `aws iam get-account-authorization-details --filter AWSManagedPolicy`, or of a dump of
    /// list-policies and get-policy-version; what is in force of each. They take the place of the
    /// built-in ones of their ARNs, also where these are attached. All are imported or none. Exit code 0:
    /// they were imported, or would be; 1: refused, or failed; 2: wrong usage, or a file that cannot be
    /// read.
    AwsManagedPolicies(AwsManagedArgs),
    /// Import what `mc admin cluster iam export` writes
    ///
    /// Users with their secret keys, groups, policies and service accounts of a MinIO cluster. All of it
    /// is imported or nothing. Exit code 0: it was imported, or would be; 1: it is refused, or failed;
    /// 2: wrong usage, or a file that cannot be read.
    Minio(MinioArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct MinioArgs {
    /// The ZIP file; `-` is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Leave out what IAM does not have, which is listed
    #[arg(long)]
    skip_unsupported: bool,
    #[command(flatten)]
    target: TargetArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct DetailsArgs {
    /// The documents; `-` is standard input. Pages may be several files, or follow each other in one
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Leave the account's id in policies as it is, instead of making it the id of the account that is
    /// imported to
    #[arg(long)]
    keep_account_ids: bool,
    /// Keep principals in trust policies that do not exist here: they match nobody, and are shown as
    /// unique ids, as those that were deleted
    #[arg(long)]
    keep_unknown_principals: bool,
    /// Leave out attachments of AWS-managed policies that are not known here
    #[arg(long)]
    skip_unknown_aws_policies: bool,
    #[command(flatten)]
    target: TargetArgs,
}

/// What every import is told.
#[derive(Args, Clone, Debug)]
pub(crate) struct TargetArgs {
    /// The account to import to, twelve digits [default: the first account]
    #[arg(long, alias = "account", value_name = "N", value_parser = account_id)]
    account_id: Option<AccountId>,
    /// Print what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Replace what is there already and differs
    #[arg(long)]
    overwrite: bool,
    /// Raise the account's quotas to what the import needs
    #[arg(long)]
    raise_quotas: bool,
    #[command(flatten)]
    store: StoreArgs,
}

impl ImportCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        let verdict = match self {
            Self::AwsAuthorizationDetails(args) => {
                let details = read(&args.files)?;
                args.import(Import::aws(details))
            }
            Self::Account(args) => {
                let details = read(&args.files)?;
                let import = Import::account(details);
                let import = import
                    .map_err(|error| Failure::Usage(format!("`{}` {error}", shown(&args.files))))?;
                args.import(import)
            }
            Self::AwsManagedPolicies(args) => args.run(),
            Self::Minio(args) => args.import(),
        };
        verdict.map(ExitCode::from)
    }
}

impl DetailsArgs {
    fn import(&self, import: Import) -> Result<Verdict, Failure> {
        let options = Options {
            keep_account_ids: self.keep_account_ids,
            keep_unknown_principals: self.keep_unknown_principals,
            skip_unknown_aws_policies: self.skip_unknown_aws_policies,
            ..self.target.options()
        };
        self.target.import(|_| Ok(import), &options)
    }
}

impl MinioArgs {
    fn import(&self) -> Result<Verdict, Failure> {
        let unreadable = |why: &str| Failure::Usage(format!("`{}` {why}", self.file.display()));
        let archive = input::read_bytes(&self.file, LARGEST_ARCHIVE);
        let archive = archive.map_err(|why| unreadable(&why))?;
        let options = Options {
            skip_unsupported: self.skip_unsupported,
            ..self.target.options()
        };
        let import = |account| {
            let import = Import::minio(&archive, account);
            import.map_err(|error| unreadable(&error.to_string()))
        };
        self.target.import(import, &options)
    }
}

fn read(files: &[PathBuf]) -> Result<Details, Failure> {
    let mut details = Details::default();
    for path in files {
        let unreadable = |why: String| Failure::Usage(format!("`{}` {why}", path.display()));
        let text = input::read(path, LONGEST).map_err(unreadable)?;
        details
            .read(&text)
            .map_err(|error| unreadable(error.to_string()))?;
    }
    Ok(details)
}

fn shown(files: &[PathBuf]) -> String {
    let names = files.iter().map(|path| path.display().to_string());
    names.collect::<Vec<_>>().join("`, `")
}

impl TargetArgs {
    fn options(&self) -> Options {
        Options {
            dry_run: self.dry_run,
            overwrite: self.overwrite,
            raise_quotas: self.raise_quotas,
            ..Options::default()
        }
    }

    /// Imports what `import` makes for the account.
    fn import(
        &self,
        import: impl FnOnce(AccountId) -> Result<Import, Failure>,
        options: &Options,
    ) -> Result<Verdict, Failure> {
        runtime()?.block_on(async {
            let place = self.store.place.clone().resolve()?;
            let (directory, realm) = if self.dry_run {
                (None, open_to_read(&place, system().0).await?)
            } else {
                let (directory, realm) = open_to_change(&place, system().0).await?;
                (Some(directory), realm)
            };
            let account = chosen(&realm, self.account_id)?;
            let import = import(account)?;
            let bar = progress(import.len());
            let at = bar.clone();
            let step = move |done: usize| {
                at.set_position(done as u64);
                if done as u64 == at.length().unwrap_or_default() {
                    at.set_message("writing");
                }
            };
            let report = realm.import(account, &import, options, &step).await;
            bar.finish_and_clear();
            drop(directory);
            let report = report.map_err(|error| described("cannot import", &error))?;
            self.show(account, &report)?;
            Ok(if report.is_refused() {
                Verdict::Bad
            } else {
                Verdict::Good
            })
        })
    }

    fn show(&self, account: AccountId, report: &Report) -> Result<(), Failure> {
        match self.store.format {
            Format::Json => print_json(&Shown::new(account, self.dry_run, report)),
            Format::Text => {
                let paint = Paint::for_stream(&stdout());
                print(&text(account, self.dry_run, report, paint))
            }
        }
    }
}

/// The account that is meant: the one that is named, or the first.
pub(super) fn chosen(realm: &Realm, account: Option<AccountId>) -> Result<AccountId, Failure> {
    let first = || AccountId::parse(&management_account(realm)).ok();
    let account = account.or_else(first);
    match account.filter(|id| realm.directory().accounts.contains_key(id)) {
        Some(id) => Ok(id),
        None => Err(Failure::Work(match account {
            Some(id) => format!("there is no account {id}"),
            None => "there is no account".to_owned(),
        })),
    }
}

/// A bar on standard error, if that is a terminal.
fn progress(length: usize) -> ProgressBar {
    let bar = ProgressBar::new(length as u64);
    if let Ok(style) = ProgressStyle::with_template("{wide_bar} {pos}/{len} {msg}") {
        bar.set_style(style);
    }
    bar
}

/// A report as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown<'a> {
    account_id: String,
    from_account_id: Option<String>,
    dry_run: bool,
    imported: bool,
    created: usize,
    changed: usize,
    unchanged: usize,
    refused: usize,
    refusals: &'a [String],
    notes: &'a [String],
    entities: Vec<ShownEntry<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ShownEntry<'a> {
    kind: &'static str,
    name: &'a str,
    outcome: &'static str,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    reasons: &'a [String],
    #[serde(skip_serializing_if = "is_zero")]
    account_ids_rewritten: usize,
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde passes what it asks about by reference"
)]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

impl<'a> Shown<'a> {
    fn new(account: AccountId, dry_run: bool, report: &'a Report) -> Self {
        let entry = |entry: &'a Entry| ShownEntry {
            kind: entry.kind.as_str(),
            name: &entry.name,
            outcome: entry.outcome.as_str(),
            reasons: &entry.reasons,
            account_ids_rewritten: entry.rewritten,
        };
        Self {
            account_id: account.to_string(),
            from_account_id: report.from.map(|id| id.to_string()),
            dry_run,
            imported: !dry_run && !report.is_refused(),
            created: report.count(Outcome::Created),
            changed: report.count(Outcome::Changed),
            unchanged: report.count(Outcome::Unchanged),
            refused: report.count(Outcome::Refused),
            refusals: &report.refusals,
            notes: &report.notes,
            entities: report.entries.iter().map(entry).collect(),
        }
    }
}

/// The report for people. What a dry run would do is told of each entity, what was done of all
/// together; what is refused always is.
fn text(account: AccountId, dry_run: bool, report: &Report, paint: Paint) -> String {
    let mut text = String::new();
    let entities = report.entries.iter();
    let entities = entities.flat_map(|entry| entry.before.iter().chain(&entry.after));
    let names = names(account, entities);
    let name = |id: &str| names.get(id).cloned();
    for entry in &report.entries {
        let told = match entry.outcome {
            Outcome::Refused => true,
            Outcome::Created | Outcome::Changed => dry_run,
            Outcome::Unchanged => false,
        };
        if !told {
            continue;
        }
        let word = match entry.outcome {
            Outcome::Refused => paint.red(entry.outcome.as_str()),
            Outcome::Changed => paint.yellow(entry.outcome.as_str()),
            _ => paint.green(entry.outcome.as_str()),
        };
        // Writing to a string does not fail.
        let _ = writeln!(
            text,
            "{word} {} {}",
            entry.kind.as_str(),
            PlainLines(&entry.name)
        );
        for reason in &entry.reasons {
            let _ = writeln!(text, "    {}", PlainLines(reason));
        }
        if let (Some(before), Some(after)) = (&entry.before, &entry.after) {
            let (before, after) = (view(before, &name), view(after, &name));
            for line in lines(Some(&before), Some(&after)).lines() {
                let _ = writeln!(text, "    {}", PlainLines(line));
            }
        }
    }
    for refusal in &report.refusals {
        let _ = writeln!(text, "{}: {}", paint.red("refused"), PlainLines(refusal));
    }
    for note in &report.notes {
        let _ = writeln!(text, "note: {}", PlainLines(note));
    }
    let counts: Vec<String> = Outcome::ALL
        .into_iter()
        .map(|outcome| format!("{} {}", report.count(outcome), outcome.as_str()))
        .collect();
    let end = match (report.is_refused(), dry_run) {
        (true, false) => "; nothing was imported",
        (true, true) => "; the import would be refused",
        (false, true) => "; nothing was changed",
        (false, false) => "",
    };
    let _ = writeln!(text, "account {account}: {}{end}", counts.join(", "));
    text
}
