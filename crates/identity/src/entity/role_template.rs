//! Role templates: what AcquireRole makes roles of. They are the realm's.

use crate::environment::Seconds;
use crate::names::{
    ArnText, DocumentText, EntityName, MaxSessionDuration, RolePattern, RoleTemplateDescription,
    RoleTemplateName, TemplateWord,
};
use serde::{Deserialize, Deserializer, Serialize};

/// A role template with its versions. The members are those of GetRoleTemplateVersion's answer, in the
/// store as in the files that operators import.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleTemplate {
    /// `TemplateArn`: `arn:aws:iam::aws:role-template/…`
    pub template_arn: ArnText,
    /// `TemplateName`
    pub template_name: RoleTemplateName,
    /// `Description`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<RoleTemplateDescription>,
    /// `MajorVersion`
    #[serde(default = "one")]
    pub major_version: u32,
    /// `DefaultMinorVersion`
    #[serde(default = "one")]
    pub default_minor_version: u32,
    /// `ManagedByValue`: the service that manages it.
    pub managed_by_value: TemplateWord,
    /// `Enabled`
    #[serde(default = "yes")]
    pub enabled: bool,
    /// Its versions, by minor version.
    #[serde(default)]
    pub versions: Vec<RoleTemplateVersion>,
}

/// A version of a role template.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleTemplateVersion {
    /// `MinorVersion`
    #[serde(default = "one")]
    pub minor_version: u32,
    /// `TemplateVersionId`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template_version_id: Option<TemplateWord>,
    /// `RoleNamePattern`
    pub role_name_pattern: RolePattern,
    /// `RolePathPattern`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_path_pattern: Option<RolePattern>,
    /// `RoleDescriptionPattern`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_description_pattern: Option<RolePattern>,
    /// `AssumeRolePolicyDocumentTemplate`
    #[serde(deserialize_with = "document")]
    pub assume_role_policy_document_template: DocumentText,
    /// `InlinePolicyTemplates`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inline_policy_templates: Vec<InlinePolicyTemplate>,
    /// `ManagedPolicyArns`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub managed_policy_arns: Vec<ArnText>,
    /// `PermissionBoundaryArn`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_boundary_arn: Option<ArnText>,
    /// `ParametersDefinition`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parameters_definition: Vec<TemplateParameter>,
    /// `RoleTagsTemplate`
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub role_tags_template: Vec<TagTemplate>,
    /// `MaxSessionDuration`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_session_duration: Option<MaxSessionDuration>,
    /// `VersionEnabled`
    #[serde(default = "yes")]
    pub version_enabled: bool,
    /// When the version was first imported: `CreateTimestamp` here.
    #[serde(default)]
    pub created: Seconds,
    /// When it was last imported: `UpdateTimestamp` here.
    #[serde(default)]
    pub updated: Seconds,
}

/// An inline policy in which parameters may stand.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct InlinePolicyTemplate {
    /// `PolicyName`
    pub policy_name: EntityName,
    /// `PolicyDocument`
    #[serde(deserialize_with = "document")]
    pub policy_document: DocumentText,
}

/// A tag in which parameters may stand.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TagTemplate {
    /// `Key`
    pub key: String,
    /// `Value`
    pub value: String,
}

/// What values a parameter takes.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[expect(
    missing_docs,
    reason = "each variant is the value of its name in the model"
)]
pub enum TemplateParameterType {
    String,
    StringList,
    Number,
    NumberList,
    Arn,
    ArnList,
}

impl TemplateParameterType {
    /// The spelling in the model.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::StringList => "StringList",
            Self::Number => "Number",
            Self::NumberList => "NumberList",
            Self::Arn => "Arn",
            Self::ArnList => "ArnList",
        }
    }

    /// Whether it takes several values.
    pub fn is_list(self) -> bool {
        matches!(self, Self::StringList | Self::NumberList | Self::ArnList)
    }
}

/// A parameter of a role template.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct TemplateParameter {
    /// `Name`
    pub name: TemplateWord,
    /// `Type`
    #[serde(rename = "Type")]
    pub parameter_type: TemplateParameterType,
    /// `SubType`: shown, and not enforced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_type: Option<String>,
    /// `Description`
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// `IsRequired`
    #[serde(default)]
    pub is_required: bool,
    /// `DefaultValue`; of a list, values between commas.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_value: Option<String>,
    /// `Immutable`: shown. Nothing here changes values later.
    #[serde(default)]
    pub immutable: bool,
}

/// The template that a role was made of.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct SourceRoleTemplate {
    /// `TemplateArn`
    pub arn: ArnText,
    /// `TemplateMinorVersion`
    pub minor_version: u32,
}

fn one() -> u32 {
    1
}

fn yes() -> bool {
    true
}

/// A policy document as text, or as the object that the AWS CLI prints.
fn document<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DocumentText, D::Error> {
    let text = match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    };
    DocumentText::try_from(text).map_err(serde::de::Error::custom)
}
