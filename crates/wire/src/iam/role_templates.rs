//! Role templates.

use super::document;
use super::roles::created;
use crate::fields::{Checked, Fields};
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::TemplateParameter;
use locum_identity::error::Error;
use locum_identity::iam::role_templates::{
    AcquireRole, GetRoleTemplateVersion, GotRoleTemplateVersion,
};
use locum_identity::names::{
    ArnText, ReplacementText, RolePattern, RoleTemplateDescription, TemplateWord,
};
use locum_identity::role_template::{MOST_PARAMETERS, MOST_VALUES};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(AcquireRole, decode_acquire, created),
        bind!(GetRoleTemplateVersion, decode_get, got),
    ]
}

fn decode_acquire(fields: &mut Fields<'_>) -> Result<AcquireRole, Error> {
    let template_arn = fields.required("TemplateArn");
    let template_minor_version = fields.integer("TemplateMinorVersion");
    let most = u32::try_from(MOST_PARAMETERS).unwrap_or(u32::MAX);
    let replacement_values = fields.map("ReplacementValues", most, |entry| {
        let name: Checked<ReplacementText> = entry.required("key");
        let most = u32::try_from(MOST_VALUES).unwrap_or(u32::MAX);
        let values = entry.structure("value", |value| {
            value.required_filled_list("Values", most, Fields::scalar::<ReplacementText>)
        });
        Some((
            name.ok()?.into(),
            values.into_iter().map(String::from).collect(),
        ))
    });
    fields.check()?;
    Ok(AcquireRole {
        template_arn: template_arn?,
        template_minor_version,
        replacement_values,
    })
}

fn decode_get(fields: &mut Fields<'_>) -> Result<GetRoleTemplateVersion, Error> {
    let template_arn = fields.required("TemplateArn");
    let minor_version = fields.integer("MinorVersion");
    fields.check()?;
    Ok(GetRoleTemplateVersion {
        template_arn: template_arn?,
        minor_version,
    })
}

fn parameter(parameter: &TemplateParameter) -> Node<'_> {
    Members::new()
        .text("Name", parameter.name.as_str())
        .text("Type", parameter.parameter_type.as_str())
        .text_if("SubType", parameter.sub_type.as_deref())
        .text_if("Description", parameter.description.as_deref())
        .boolean("IsRequired", parameter.is_required)
        .text_if("DefaultValue", parameter.default_value.as_deref())
        .boolean("Immutable", parameter.immutable)
        .node()
}

fn got(output: &GotRoleTemplateVersion) -> Node<'_> {
    let GotRoleTemplateVersion { template, version } = output;
    let pattern = |pattern: &'_ Option<RolePattern>| pattern.as_ref().map(RolePattern::to_string);
    let inline = version.inline_policy_templates.iter().map(|policy| {
        Members::new()
            .text("PolicyName", policy.policy_name.as_str())
            .text("PolicyDocument", document(policy.policy_document.as_str()))
            .node()
    });
    let arns = version.managed_policy_arns.iter();
    let tags = version.role_tags_template.iter().map(|tag| {
        Members::new()
            .text("Key", tag.key.as_str())
            .text("Value", tag.value.as_str())
            .node()
    });
    let id = version.template_version_id.as_ref();
    let boundary = version.permission_boundary_arn.as_ref();
    let description = template.description.as_ref();
    let trust = version.assume_role_policy_document_template.as_str();
    let members = Members::new()
        .text("TemplateArn", template.template_arn.as_str())
        .text("TemplateName", template.template_name.as_str())
        .text_if("TemplateVersionId", id.map(TemplateWord::as_str))
        .text_if(
            "Description",
            description.map(RoleTemplateDescription::as_str),
        )
        .integer("MajorVersion", template.major_version)
        .integer("DefaultMinorVersion", template.default_minor_version)
        .text("ManagedByType", "Service")
        .text("ManagedByValue", template.managed_by_value.as_str())
        .boolean("Enabled", template.enabled)
        .integer("MinorVersion", version.minor_version)
        .text("RoleNamePattern", version.role_name_pattern.as_str())
        .text_if("RolePathPattern", pattern(&version.role_path_pattern))
        .text_if(
            "RoleDescriptionPattern",
            pattern(&version.role_description_pattern),
        )
        .text("AssumeRolePolicyDocumentTemplate", document(trust))
        .list("InlinePolicyTemplates", inline)
        .list(
            "ManagedPolicyArns",
            arns.map(|arn| Node::text(arn.as_str())),
        )
        .text_if("PermissionBoundaryArn", boundary.map(ArnText::as_str))
        .list(
            "ParametersDefinition",
            version.parameters_definition.iter().map(parameter),
        )
        .list("RoleTagsTemplate", tags);
    let members = match version.max_session_duration {
        Some(duration) => members.integer("MaxSessionDuration", duration.seconds()),
        None => members,
    };
    let members = members
        .boolean("VersionEnabled", version.version_enabled)
        .time("CreateTimestamp", version.created)
        .time("UpdateTimestamp", version.updated);
    Members::new()
        .structure("RoleTemplateVersion", members)
        .node()
}
