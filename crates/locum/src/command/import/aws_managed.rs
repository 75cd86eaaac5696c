//! `locum import aws-managed-policies`

use super::super::text::PlainLines;
use super::super::{Format, StoreArgs, Verdict, input, print, print_json};
use super::LONGEST;
use crate::Failure;
use crate::data_dir::{described, open_to_change, open_to_read};
use crate::difference::lines;
use crate::environment::{runtime, system};
use clap::Args;
use locum_identity::entity::ImportedPolicy;
use locum_identity::realm::ImportedPolicies;
use locum_identity::transfer::AwsManagedDump;
use serde_json::{Value, json};
use std::fmt::Write as _;
use std::path::PathBuf;

#[derive(Args, Clone, Debug)]
pub(crate) struct AwsManagedArgs {
    /// The documents; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print what would change, and change nothing
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    store: StoreArgs,
}

impl AwsManagedArgs {
    pub(super) fn run(&self) -> Result<Verdict, Failure> {
        let environment = system().0;
        let mut dump = AwsManagedDump::default();
        for path in &self.files {
            let unreadable = |why: String| Failure::Usage(format!("`{}` {why}", path.display()));
            let text = input::read(path, LONGEST).map_err(unreadable)?;
            dump.read(&text, environment.clock.now())
                .map_err(|error| unreadable(error.to_string()))?;
        }
        let policies: Vec<ImportedPolicy> = dump.policies.values().cloned().collect();
        let refused = !dump.refused.is_empty();
        let imported = runtime()?.block_on(async {
            let place = self.store.place.clone().resolve()?;
            let only_look = self.dry_run || refused;
            let (_directory, realm) = if only_look {
                (None, open_to_read(&place, environment).await?)
            } else {
                let (directory, realm) = open_to_change(&place, environment).await?;
                (Some(directory), realm)
            };
            realm
                .import_aws_managed_policies(&policies, only_look)
                .await
                .map_err(|error| described("cannot import", &error))
        })?;
        self.show(&dump, &imported)?;
        Ok(if refused { Verdict::Bad } else { Verdict::Good })
    }

    fn show(&self, dump: &AwsManagedDump, imported: &ImportedPolicies) -> Result<(), Failure> {
        if self.store.format == Format::Json {
            let changed: Vec<_> = imported.changed.iter().map(|(arn, _)| arn).collect();
            return print_json(&json!({
                "dryRun": self.dry_run,
                "imported": !self.dry_run && dump.refused.is_empty(),
                "new": imported.new,
                "changed": changed,
                "unchanged": imported.unchanged,
                "refused": dump.refused,
                "notAws": dump.others,
            }));
        }
        let mut text = String::new();
        // Writing to a string does not fail.
        for why in &dump.refused {
            let _ = writeln!(text, "refused: {}", PlainLines(why));
        }
        if self.dry_run {
            for arn in &imported.new {
                let _ = writeln!(text, "new: {}", PlainLines(arn));
            }
            for (arn, before) in &imported.changed {
                let _ = writeln!(text, "changed: {}", PlainLines(arn));
                let after = dump
                    .policies
                    .get(arn)
                    .map(|policy| document(&policy.document));
                for line in lines(Some(&document(before)), after.as_ref()).lines() {
                    let _ = writeln!(text, "    {}", PlainLines(line));
                }
            }
        }
        let end = match (dump.refused.is_empty(), self.dry_run) {
            (false, _) => "; nothing was imported",
            (true, true) => "; nothing was changed",
            (true, false) => "",
        };
        let _ = writeln!(
            text,
            "{} new, {} changed, {} unchanged, {} refused, {} not AWS's{end}",
            imported.new.len(),
            imported.changed.len(),
            imported.unchanged,
            dump.refused.len(),
            dump.others
        );
        print(&text)
    }
}

fn document(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_default()
}
