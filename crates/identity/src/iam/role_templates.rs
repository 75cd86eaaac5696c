//! Role templates: roles made of what a service has laid down. Operators load the templates.

use super::inline_policies::check_inline_size;
use super::roles::{CreateRole, ShownRole};
use super::{attachable, role};
use crate::caller::Need;
use crate::directory::Directory;
use crate::entity::{
    Attachments, InlinePolicy, Role, RoleTemplate, RoleTemplateVersion, SourceRoleTemplate,
};
use crate::error::{Error, IamFault, Missing};
use crate::names::{
    ArnText, Constrained as _, Description, DocumentText, Path, RoleName, Tag, TagKey, TagValue,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::{AccountQuota, TAGS};
use crate::role_template::Values;
use locum_policy::{Kind, Policy};
use std::sync::Arc;

/// A version of a role template, with the template.
#[derive(Clone, Debug)]
pub struct GotRoleTemplateVersion {
    /// The template.
    pub template: Arc<RoleTemplate>,
    /// The version.
    pub version: RoleTemplateVersion,
}

impl GotRoleTemplateVersion {
    fn find(directory: &Directory, arn: &ArnText, minor: Option<i32>) -> Result<Self, Error> {
        let missing = |text: String| Error::NoSuchEntity(Missing::RoleTemplate(text));
        let template = directory.role_template(arn.as_str());
        let template = template.ok_or_else(|| missing(arn.to_string()))?;
        let wanted = minor
            .unwrap_or_else(|| i32::try_from(template.default_minor_version).unwrap_or(i32::MAX));
        let mut versions = template.versions.iter();
        let version = versions.find(|it| i64::from(it.minor_version) == i64::from(wanted));
        let version = version.ok_or_else(|| missing(format!("{arn} version {wanted}")))?;
        Ok(Self {
            template: template.clone(),
            version: version.clone(),
        })
    }
}

/// The need of an action on a template, which is no account's. Policies cannot name its ARN as a
/// resource, as little as on AWS; they can in a condition.
fn need_on_template<'a>(action: &'static str, arn: &'a ArnText) -> Result<Need<'a>, Error> {
    super::parsed_arn(arn.as_str())?;
    Ok(Need::new(action, arn.as_str()).key("iam:templatearn", arn.as_str()))
}

/// GetRoleTemplateVersion
#[derive(Clone, Debug)]
pub struct GetRoleTemplateVersion {
    /// `TemplateArn`
    pub template_arn: ArnText,
    /// `MinorVersion`; the default one if not given.
    pub minor_version: Option<i32>,
}

impl Operation for GetRoleTemplateVersion {
    type Output = GotRoleTemplateVersion;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetRoleTemplateVersion";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:GetRoleTemplateVersion";
        call.allow(&need_on_template(action, &self.template_arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.realm.directory();
        GotRoleTemplateVersion::find(&directory, &self.template_arn, self.minor_version)
    }
}

/// AcquireRole: a role made of a template. The caller needs the action on the template, and on the role
/// every action that making it by hand would need, so that a template is no way around them.
#[derive(Clone, Debug)]
pub struct AcquireRole {
    /// `TemplateArn`
    pub template_arn: ArnText,
    /// `TemplateMinorVersion`; the default one if not given.
    pub template_minor_version: Option<i32>,
    /// `ReplacementValues`
    pub replacement_values: Vec<(String, Vec<String>)>,
}

/// What a template makes with the values of a request.
pub struct Acquired {
    of: GotRoleTemplateVersion,
    create: CreateRole,
    inline: Vec<InlinePolicy>,
}

impl AcquireRole {
    fn acquired(&self, directory: &Directory) -> Result<Acquired, Error> {
        let minor = self.template_minor_version;
        let of = GotRoleTemplateVersion::find(directory, &self.template_arn, minor)?;
        let version = &of.version;
        let values = Values::new(version, &self.replacement_values)?;
        let create = CreateRole {
            role_name: made(&values, version.role_name_pattern.as_str(), RoleName::parse)?,
            assume_role_policy_document: filled(
                &values,
                &version.assume_role_policy_document_template,
            )?,
            path: match &version.role_path_pattern {
                Some(pattern) => Some(made(&values, pattern.as_str(), Path::parse)?),
                None => None,
            },
            description: match &version.role_description_pattern {
                Some(pattern) => Some(made(&values, pattern.as_str(), Description::parse)?),
                None => None,
            },
            max_session_duration: version.max_session_duration,
            permissions_boundary: version.permission_boundary_arn.clone(),
            tags: tags(&values, version)?,
        };
        let mut inline = Vec::new();
        for policy in &version.inline_policy_templates {
            let document = filled(&values, &policy.policy_document)?;
            inline.push(InlinePolicy {
                name: policy.policy_name.clone(),
                document: document.into(),
            });
        }
        Ok(Acquired { of, create, inline })
    }
}

/// A text of the template with the values in it, as what it is to be.
fn made<T, E>(
    values: &Values<'_>,
    pattern: &str,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, Error> {
    let text = values.fill(pattern)?;
    parse(&text).map_err(|_| {
        Error::InvalidInput(format!(
            "The role template's {pattern} cannot be filled with these replacement values."
        ))
    })
}

fn filled(values: &Values<'_>, template: &DocumentText) -> Result<DocumentText, Error> {
    let text = values.fill_document(template.as_str())?;
    DocumentText::parse(&text).map_err(|_| {
        Error::MalformedPolicyDocument(
            "The policy has characters that no policy can have, or is too long.".to_owned(),
        )
    })
}

fn tags(values: &Values<'_>, version: &RoleTemplateVersion) -> Result<Vec<Tag>, Error> {
    let mut tags = Vec::new();
    for tag in version.role_tags_template.iter().take(TAGS) {
        tags.push(Tag {
            key: made(values, &tag.key, TagKey::parse)?,
            value: made(values, &tag.value, TagValue::parse)?,
        });
    }
    Ok(tags)
}

impl Operation for AcquireRole {
    type Output = ShownRole;
    type Found = Acquired;
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "AcquireRole";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted<Acquired>, Error> {
        call.allow(&need_on_template("iam:AcquireRole", &self.template_arn)?)?;
        let acquired = self.acquired(&call.realm.directory())?;
        let Acquired {
            of: GotRoleTemplateVersion { version, .. },
            create,
            inline,
        } = &acquired;
        let granted = create.authorize(call).await?;
        let arn = create.arn(call.account()?);
        let boundary = create.permissions_boundary.as_ref().map(ArnText::as_str);
        // By hand, the role would have its tags by now.
        let need = |action| {
            Need::new(action, arn.as_str())
                .key_if("iam:permissionsboundary", boundary)
                .resource_tags(&create.tags, Some("iam:resourcetag/"))
        };
        if !inline.is_empty() {
            call.allow(&need("iam:PutRolePolicy"))?;
        }
        if boundary.is_some() {
            call.allow(&need("iam:PutRolePermissionsBoundary"))?;
        }
        for policy in &version.managed_policy_arns {
            call.allow(&need("iam:AttachRolePolicy").key("iam:policyarn", policy.as_str()))?;
        }
        Ok(granted.with(acquired))
    }

    async fn perform(self, call: &Call<'_>, found: Acquired) -> Result<ShownRole, Error> {
        let Acquired { of, create, inline } = found;
        if !of.template.enabled || !of.version.version_enabled {
            return Err(IamFault::RoleTemplateDisabled(self.template_arn.to_string()).into());
        }
        let trust_policy = create.checked_trust(call).await?;
        for policy in &inline {
            Policy::parse(&policy.document, Kind::Identity)?;
        }
        let arn = self.template_arn.as_str();
        let role = call
            .change(|draft| {
                let account = draft.account;
                // The decision was about what the template said.
                let directory = call.realm.directory();
                let now = directory.role_template(arn);
                if now.is_none_or(|now| *now != of.template) {
                    return Err(IamFault::RoleModified.into());
                }
                if role(account, create.role_name.as_str()).is_ok() {
                    let name = create.role_name.to_string();
                    return Err(IamFault::NameConflict(name).into());
                }
                let policies = policies(account, &create, &of.version, &inline)?;
                let role = Role {
                    policies,
                    source: Some(SourceRoleTemplate {
                        arn: self.template_arn.clone(),
                        minor_version: of.version.minor_version,
                    }),
                    ..create.role(draft, &trust_policy)?
                };
                draft.change.put(role.clone());
                Ok(role)
            })
            .await?;
        ShownRole::new(call.realm, call.account()?.id, role).await
    }
}

/// The role's policies, within the account's quotas.
fn policies(
    account: &crate::account::Account,
    create: &CreateRole,
    version: &RoleTemplateVersion,
    inline: &[InlinePolicy],
) -> Result<Attachments, Error> {
    let mut policies = Attachments::default();
    for arn in &version.managed_policy_arns {
        attachable(account, arn.as_str())?;
        if !policies.attached.iter().any(|other| other == arn.as_str()) {
            account.room_for_one(policies.attached.len(), AccountQuota::PoliciesPerRole)?;
            policies.attached.push(arn.to_string());
        }
    }
    for policy in inline {
        let key = policy.name.as_str().to_ascii_lowercase();
        policies.inline.insert(key, policy.clone());
    }
    check_inline_size(account, create.role_name.as_str(), &policies)?;
    Ok(policies)
}
