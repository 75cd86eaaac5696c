//! AWS-managed policies are imported: an operator has AWS's own documents.

use super::Realm;
use crate::entity::ImportedPolicy;
use crate::error::Error;

/// What importing policies does. Each is named by its ARN.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ImportedPolicies {
    /// Those that were not known.
    pub new: Vec<String>,
    /// Those that were known with another document, version or description, with the document that
    /// was known.
    pub changed: Vec<(String, String)>,
    /// How many were known as they are.
    pub unchanged: usize,
}

impl Realm {
    /// Takes in policies of AWS's, for every account: all of them or none. Who has one attached has
    /// what it says from then on. With `dry_run` it only says what would change.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn import_aws_managed_policies(
        &self,
        policies: &[ImportedPolicy],
        dry_run: bool,
    ) -> Result<ImportedPolicies, Error> {
        let origin = self.own_origin("ImportAwsManagedPolicies");
        let imported = self
            .change_directory_if(&origin, None, |directory, change| {
                let mut imported = ImportedPolicies::default();
                for policy in policies {
                    let known = directory.aws_managed();
                    match known.policy(&policy.arn) {
                        None => imported.new.push(policy.arn.clone()),
                        Some(_) if known.has(policy) => {
                            imported.unchanged += 1;
                            continue;
                        }
                        Some(known) => {
                            let document = known.document.to_string();
                            imported.changed.push((policy.arn.clone(), document));
                        }
                    }
                    if !dry_run {
                        change.put(policy.clone());
                    }
                }
                Ok(imported)
            })
            .await?;
        if !dry_run {
            self.reload_accounts().await?;
        }
        Ok(imported)
    }
}
