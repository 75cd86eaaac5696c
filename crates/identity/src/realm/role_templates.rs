//! Role templates, as the operator loads them.

use super::Realm;
use crate::entity::{RoleTemplate, RoleTemplateVersion};
use crate::error::Error;
use crate::role_template::check;
use serde::Deserialize;
use std::fmt;
use std::sync::Arc;

/// Why templates are not changed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum RoleTemplateFault {
    /// The file is no template version in the form of GetRoleTemplateVersion's answer.
    Unreadable(String),
    /// The template cannot be.
    Invalid(String),
    /// There is no such template.
    Unknown,
}

impl fmt::Display for RoleTemplateFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(why) => write!(f, "it is no role template version: {why}"),
            Self::Invalid(why) => f.write_str(why),
            Self::Unknown => f.write_str("there is no such role template"),
        }
    }
}

/// GetRoleTemplateVersion's answer, or what stands in it.
#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    #[serde(rename_all = "PascalCase")]
    Answer {
        role_template_version: Box<Imported>,
    },
    Version(Box<Imported>),
}

#[derive(Deserialize)]
struct Imported {
    #[serde(flatten)]
    template: RoleTemplate,
    #[serde(flatten)]
    version: RoleTemplateVersion,
}

fn read(json: &str) -> Result<Imported, RoleTemplateFault> {
    // An untagged enum does not say what it misses; the version itself does.
    let unreadable = |error: serde_json::Error| RoleTemplateFault::Unreadable(error.to_string());
    match serde_json::from_str(json) {
        Ok(
            File::Answer {
                role_template_version: one,
            }
            | File::Version(one),
        ) => Ok(*one),
        Err(_) => serde_json::from_str(json).map_err(unreadable),
    }
}

impl Realm {
    /// The role templates, by ARN.
    pub fn role_templates(&self) -> Vec<Arc<RoleTemplate>> {
        self.directory().role_templates().cloned().collect()
    }

    /// Loads a version of a role template from the JSON of GetRoleTemplateVersion's answer. What it says
    /// of the template holds from now on; a version of the same number is replaced.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why nothing was loaded.
    pub async fn import_role_template(
        &self,
        json: &str,
    ) -> Result<Result<RoleTemplate, RoleTemplateFault>, Error> {
        let Imported { template, version } = match read(json) {
            Ok(imported) => imported,
            Err(fault) => return Ok(Err(fault)),
        };
        if let Err(error) = check(&template, &version) {
            return Ok(Err(RoleTemplateFault::Invalid(error.to_string())));
        }
        let origin = self.own_origin("ImportRoleTemplate");
        self.change_directory_if(&origin, None, |directory, change| {
            let before = directory.role_template(template.template_arn.as_str());
            let mut versions = before.map(|it| it.versions.clone()).unwrap_or_default();
            let minor = version.minor_version;
            let replaced = versions.iter().position(|it| it.minor_version == minor);
            let replaced = replaced.map(|at| versions.remove(at));
            versions.push(RoleTemplateVersion {
                created: replaced.map_or(origin.at, |it| it.created),
                updated: origin.at,
                ..version.clone()
            });
            versions.sort_by_key(|it| it.minor_version);
            let default = template.default_minor_version;
            if !versions.iter().any(|it| it.minor_version == default) {
                return Ok(Err(RoleTemplateFault::Invalid(format!(
                    "the default minor version {default} is not there: import it first"
                ))));
            }
            let imported = RoleTemplate {
                versions,
                ..template.clone()
            };
            change.put(imported.clone());
            Ok(Ok(imported))
        })
        .await
    }

    /// Forgets a role template. Roles that were made of it stay.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why nothing was forgotten.
    pub async fn remove_role_template(
        &self,
        arn: &str,
    ) -> Result<Result<(), RoleTemplateFault>, Error> {
        let origin = self.own_origin("RemoveRoleTemplate");
        self.change_directory_if(&origin, None, |directory, change| {
            let Some(template) = directory.role_template(arn) else {
                return Ok(Err(RoleTemplateFault::Unknown));
            };
            change.delete(RoleTemplate::clone(template));
            Ok(Ok(()))
        })
        .await
    }
}
