//! Managed policies.

use super::{both, document, only, page, page_end, tag, tag_bindings, tags};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::iam::policies::{
    CreatePolicy, CreatePolicyVersion, DeletePolicy, DeletePolicyVersion, DescribedPolicy,
    DescribedVersion, EntityFilter, GetPolicy, GetPolicyVersion, ListEntitiesForPolicy,
    ListPolicies, ListPolicyTags, ListPolicyVersions, PolicyEntity, PolicyScope, PolicyUsage,
    SetDefaultPolicyVersion, TagPolicy, UntagPolicy,
};

pub(super) fn bindings() -> Vec<Binding> {
    [
        bind!(CreatePolicy, decode_create, created),
        bind!(
            GetPolicy,
            |fields| only(fields, "PolicyArn", |policy_arn| GetPolicy { policy_arn }),
            got
        ),
        bind!(DeletePolicy, |fields| only(
            fields,
            "PolicyArn",
            |policy_arn| DeletePolicy { policy_arn }
        )),
        bind!(ListPolicies, decode_list, |output| page(
            "Policies",
            output,
            |shown| policy(shown, None).node()
        )
        .node()),
        bind!(CreatePolicyVersion, decode_create_version, version_created),
        bind!(
            GetPolicyVersion,
            |fields| both(
                fields,
                ("PolicyArn", "VersionId"),
                |policy_arn, version_id| GetPolicyVersion {
                    policy_arn,
                    version_id
                }
            ),
            version_got
        ),
        bind!(ListPolicyVersions, decode_list_versions, |output| page(
            "Versions",
            output,
            |shown| version(Members::new(), shown).node()
        )
        .node()),
        bind!(DeletePolicyVersion, |fields| both(
            fields,
            ("PolicyArn", "VersionId"),
            |policy_arn, version_id| DeletePolicyVersion {
                policy_arn,
                version_id
            }
        )),
        bind!(SetDefaultPolicyVersion, |fields| both(
            fields,
            ("PolicyArn", "VersionId"),
            |policy_arn, version_id| SetDefaultPolicyVersion {
                policy_arn,
                version_id
            }
        )),
        bind!(ListEntitiesForPolicy, decode_list_entities, entities),
    ]
    .into_iter()
    .chain(tag_bindings!(
        "PolicyArn",
        TagPolicy,
        UntagPolicy,
        ListPolicyTags
    ))
    .collect()
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreatePolicy, Error> {
    let policy_name = fields.required("PolicyName");
    let path = fields.optional("Path");
    let policy_document = fields.required("PolicyDocument");
    let description = fields.optional("Description");
    let tags = fields.tags("Tags");
    fields.check()?;
    Ok(CreatePolicy {
        policy_name: policy_name?,
        path,
        policy_document: policy_document?,
        description,
        tags,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListPolicies, Error> {
    let scope = fields.one_of(
        "Scope",
        &["All", "AWS", "Local"],
        &[PolicyScope::All, PolicyScope::Aws, PolicyScope::Local],
    );
    let only_attached = fields.boolean("OnlyAttached");
    let path_prefix = fields.optional("PathPrefix");
    let policy_usage_filter = policy_usage(fields);
    let page = fields.page();
    fields.check()?;
    Ok(ListPolicies {
        scope: scope.unwrap_or_default(),
        only_attached: only_attached.unwrap_or_default(),
        path_prefix,
        policy_usage_filter,
        page,
    })
}

fn policy_usage(fields: &mut Fields<'_>) -> Option<PolicyUsage> {
    fields.one_of(
        "PolicyUsageFilter",
        &["PermissionsPolicy", "PermissionsBoundary"],
        &[
            PolicyUsage::PermissionsPolicy,
            PolicyUsage::PermissionsBoundary,
        ],
    )
}

fn decode_create_version(fields: &mut Fields<'_>) -> Result<CreatePolicyVersion, Error> {
    let policy_arn = fields.required("PolicyArn");
    let policy_document = fields.required("PolicyDocument");
    let set_as_default = fields.boolean("SetAsDefault");
    fields.check()?;
    Ok(CreatePolicyVersion {
        policy_arn: policy_arn?,
        policy_document: policy_document?,
        set_as_default: set_as_default.unwrap_or_default(),
    })
}

fn decode_list_versions(fields: &mut Fields<'_>) -> Result<ListPolicyVersions, Error> {
    let policy_arn = fields.required("PolicyArn");
    let page = fields.page();
    fields.check()?;
    Ok(ListPolicyVersions {
        policy_arn: policy_arn?,
        page,
    })
}

fn decode_list_entities(fields: &mut Fields<'_>) -> Result<ListEntitiesForPolicy, Error> {
    let policy_arn = fields.required("PolicyArn");
    let entity_filter = fields.one_of(
        "EntityFilter",
        &[
            "User",
            "Role",
            "Group",
            "LocalManagedPolicy",
            "AWSManagedPolicy",
        ],
        &[
            EntityFilter::User,
            EntityFilter::Role,
            EntityFilter::Group,
            EntityFilter::Policy,
            EntityFilter::Policy,
        ],
    );
    let path_prefix = fields.optional("PathPrefix");
    let policy_usage_filter = policy_usage(fields);
    let page = fields.page();
    fields.check()?;
    Ok(ListEntitiesForPolicy {
        policy_arn: policy_arn?,
        entity_filter,
        path_prefix,
        policy_usage_filter,
        page,
    })
}

/// A policy without tags; only GetPolicy shows its description.
pub(super) fn policy<'a>(
    shown: &'a DescribedPolicy,
    description: Option<&'a String>,
) -> Members<'a> {
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    Members::new()
        .text("PolicyName", shown.name.as_str())
        .text("PolicyId", shown.id.as_str())
        .text("Arn", shown.arn.as_str())
        .text("Path", shown.path.as_str())
        .text("DefaultVersionId", format!("v{}", shown.default_version))
        .integer("AttachmentCount", count(shown.attachment_count))
        .integer("PermissionsBoundaryUsageCount", count(shown.boundary_count))
        .boolean("IsAttachable", true)
        .text_if("Description", description.map(String::as_str))
        .time("CreateDate", shown.created)
        .time("UpdateDate", shown.updated)
}

fn created(shown: &DescribedPolicy) -> Node<'_> {
    Members::new()
        .structure("Policy", tags(policy(shown, None), &shown.tags))
        .node()
}

fn got(shown: &DescribedPolicy) -> Node<'_> {
    let members = policy(shown, shown.description.as_ref());
    Members::new()
        .structure("Policy", members.list("Tags", shown.tags.iter().map(tag)))
        .node()
}

/// A version. Where its document is shown, that comes first.
fn version<'a>(members: Members<'a>, shown: &DescribedVersion) -> Members<'a> {
    members
        .text("VersionId", format!("v{}", shown.number))
        .boolean("IsDefaultVersion", shown.is_default)
        .time("CreateDate", shown.created)
}

fn version_created(shown: &DescribedVersion) -> Node<'_> {
    Members::new()
        .structure("PolicyVersion", version(Members::new(), shown))
        .node()
}

fn version_got(shown: &DescribedVersion) -> Node<'_> {
    Members::new()
        .with("PolicyVersion", full_version(shown))
        .node()
}

/// A version with its document.
pub(super) fn full_version(shown: &DescribedVersion) -> Node<'_> {
    let members = Members::new().text("Document", document(&shown.document));
    version(members, shown).node()
}

fn entities(output: &Page<PolicyEntity>) -> Node<'_> {
    let (mut groups, mut users, mut roles) = (Vec::new(), Vec::new(), Vec::new());
    for entity in &output.items {
        let (list, name_member, name, id_member, id) = match entity {
            PolicyEntity::Group(state) => {
                let group = &state.group;
                (
                    &mut groups,
                    "GroupName",
                    group.name.as_str(),
                    "GroupId",
                    &group.id,
                )
            }
            PolicyEntity::User(state) => {
                let user = &state.user;
                (
                    &mut users,
                    "UserName",
                    user.name.as_str(),
                    "UserId",
                    &user.id,
                )
            }
            PolicyEntity::Role(state) => {
                let role = &state.role;
                (
                    &mut roles,
                    "RoleName",
                    role.name.as_str(),
                    "RoleId",
                    &role.id,
                )
            }
        };
        list.push(
            Members::new()
                .text(name_member, name)
                .text(id_member, id.as_str())
                .node(),
        );
    }
    let members = Members::new()
        .list("PolicyGroups", groups)
        .list("PolicyUsers", users)
        .list("PolicyRoles", roles);
    page_end(members, output).node()
}
