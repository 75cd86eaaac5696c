//! `locum role-template`: the templates that AcquireRole makes roles of. On AWS its services have them;
//! here the operator loads them. It works on a data directory, also while servers run on it.

use super::{Format, StoreArgs, input, print, print_json};
use crate::Failure;
use crate::config::PlaceArgs;
use crate::data_dir::{described, open_to_change, open_to_read};
use crate::environment::{runtime, system};
use clap::{Args, Subcommand};
use locum_identity::entity::RoleTemplate;
use serde::Serialize;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

/// The bytes of a file: more than the documents of one template may have together.
const LONGEST_FILE: u64 = 4 * 1024 * 1024;

#[derive(Clone, Debug, Subcommand)]
pub(crate) enum RoleTemplateCommand {
    /// Load a version of a role template
    ///
    /// FILE has the JSON that `aws iam get-role-template-version` prints. A version of the same number is
    /// replaced. Exit code 0: it is there; 1: it cannot be; 2: wrong usage.
    Import(ImportArgs),
    /// List the role templates and their versions
    List(StoreArgs),
    /// Forget a role template
    ///
    /// Roles that were made of it stay. Exit code 0: it is gone; 1: there is none of that ARN; 2: wrong
    /// usage.
    Remove(RemoveArgs),
}

#[derive(Args, Clone, Debug)]
pub(crate) struct ImportArgs {
    /// The file; `-` reads standard input
    file: PathBuf,
    #[command(flatten)]
    place: PlaceArgs,
}

#[derive(Args, Clone, Debug)]
pub(crate) struct RemoveArgs {
    /// The ARN
    arn: String,
    #[command(flatten)]
    place: PlaceArgs,
}

/// A template as it is printed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Shown {
    arn: String,
    enabled: bool,
    default_minor_version: u32,
    minor_versions: Vec<u32>,
}

impl From<&RoleTemplate> for Shown {
    fn from(template: &RoleTemplate) -> Self {
        Self {
            arn: template.template_arn.to_string(),
            enabled: template.enabled,
            default_minor_version: template.default_minor_version,
            minor_versions: template
                .versions
                .iter()
                .map(|it| it.minor_version)
                .collect(),
        }
    }
}

impl Shown {
    fn line(&self) -> String {
        let mut line = format!("{}, versions", self.arn);
        for version in &self.minor_versions {
            let default = if *version == self.default_minor_version {
                " (default)"
            } else {
                ""
            };
            // Writing to a string does not fail.
            let _ = write!(line, " {version}{default}");
        }
        if !self.enabled {
            line.push_str(", disabled");
        }
        line.push('\n');
        line
    }
}

impl RoleTemplateCommand {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        runtime()?.block_on(async {
            match self {
                Self::Import(args) => import(args).await,
                Self::List(args) => list(args).await,
                Self::Remove(args) => remove(args).await,
            }
        })?;
        Ok(ExitCode::SUCCESS)
    }
}

async fn import(args: ImportArgs) -> Result<(), Failure> {
    let json = input::read(&args.file, LONGEST_FILE)
        .map_err(|why| Failure::Usage(format!("`{}` {why}", args.file.display())))?;
    let (_directory, realm) = open_to_change(&args.place.resolve()?, system().0).await?;
    let imported = realm
        .import_role_template(&json)
        .await
        .map_err(|error| described("cannot load the role template", &error))?
        .map_err(|why| Failure::Work(why.to_string()))?;
    print(&Shown::from(&imported).line())
}

async fn list(args: StoreArgs) -> Result<(), Failure> {
    let realm = open_to_read(&args.place.resolve()?, system().0).await?;
    let templates = realm.role_templates();
    let shown: Vec<_> = templates.iter().map(|it| Shown::from(&**it)).collect();
    if args.format == Format::Json {
        return print_json(&shown);
    }
    print(&shown.iter().map(Shown::line).collect::<String>())
}

async fn remove(args: RemoveArgs) -> Result<(), Failure> {
    let (_directory, realm) = open_to_change(&args.place.resolve()?, system().0).await?;
    realm
        .remove_role_template(&args.arn)
        .await
        .map_err(|error| described("cannot forget the role template", &error))?
        .map_err(|why| Failure::Work(format!("{}: {why}", args.arn)))?;
    print(&format!("forgot {}\n", args.arn))
}
