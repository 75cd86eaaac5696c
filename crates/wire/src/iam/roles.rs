//! Roles.

use super::{both, boundary, document, only, page, put_boundary, tag_bindings, tags};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::roles::{
    CreateRole, DeleteRole, DeleteRolePermissionsBoundary, GetRole, ListRoleTags, ListRoles,
    PutRolePermissionsBoundary, ShownRole, TagRole, UntagRole, UpdateAssumeRolePolicy, UpdateRole,
    UpdateRoleDescription,
};
use locum_identity::names::{Constraint, MaxSessionDuration, RoleName};

pub(super) fn bindings() -> Vec<Binding> {
    [
        bind!(CreateRole, decode_create, created),
        bind!(
            GetRole,
            |fields| only(fields, "RoleName", |role_name| GetRole { role_name }),
            got
        ),
        // The one operation that answers an empty result instead of none.
        bind!(UpdateRole, decode_update, |_| Members::new().node()),
        bind!(
            UpdateRoleDescription,
            |fields| both(
                fields,
                ("RoleName", "Description"),
                |role_name, description| UpdateRoleDescription {
                    role_name,
                    description
                }
            ),
            described
        ),
        bind!(UpdateAssumeRolePolicy, |fields| both(
            fields,
            ("RoleName", "PolicyDocument"),
            |role_name, policy_document| UpdateAssumeRolePolicy {
                role_name,
                policy_document
            }
        )),
        bind!(DeleteRole, |fields| only(fields, "RoleName", |role_name| {
            DeleteRole { role_name }
        })),
        bind!(ListRoles, decode_list, |output| page(
            "Roles",
            output,
            |role| listed(role).node()
        )
        .node()),
        bind!(PutRolePermissionsBoundary, |fields| put_boundary::<
            RoleName,
            _,
        >(
            fields, "RoleName"
        )),
        bind!(DeleteRolePermissionsBoundary, |fields| only(
            fields,
            "RoleName",
            |principal| DeleteRolePermissionsBoundary { principal }
        )),
    ]
    .into_iter()
    .chain(tag_bindings!("RoleName", TagRole, UntagRole, ListRoleTags))
    .collect()
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateRole, Error> {
    let path = fields.optional("Path");
    let role_name = fields.required("RoleName");
    let assume_role_policy_document = fields.required("AssumeRolePolicyDocument");
    let description = fields.optional("Description");
    let max_session_duration = max_session_duration(fields)?;
    let permissions_boundary = fields.optional("PermissionsBoundary");
    let tags = fields.tags("Tags");
    fields.check()?;
    Ok(CreateRole {
        role_name: role_name?,
        assume_role_policy_document: assume_role_policy_document?,
        path,
        description,
        max_session_duration,
        permissions_boundary,
        tags,
    })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateRole, Error> {
    let role_name = fields.required("RoleName");
    let description = fields.optional("Description");
    let max_session_duration = max_session_duration(fields)?;
    fields.check()?;
    Ok(UpdateRole {
        role_name: role_name?,
        description,
        max_session_duration,
    })
}

/// `MaxSessionDuration`. Less than an hour is not told with the other constraints.
fn max_session_duration(fields: &mut Fields<'_>) -> Result<Option<MaxSessionDuration>, Error> {
    let mut too_short = false;
    let duration = fields.number("MaxSessionDuration", |seconds| {
        too_short = seconds < 3600;
        let seconds = u32::try_from(seconds.max(3600)).unwrap_or(u32::MAX);
        MaxSessionDuration::from_seconds(seconds).ok_or(Constraint::MaxValue(43_200))
    });
    if too_short {
        Err(Error::MaxSessionDurationTooShort)
    } else {
        Ok(duration)
    }
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListRoles, Error> {
    let path_prefix = fields.optional("PathPrefix");
    let page = fields.page();
    fields.check()?;
    Ok(ListRoles { path_prefix, page })
}

/// What every answer shows of a role.
pub(super) fn basics(shown: &ShownRole) -> Members<'_> {
    let role = &shown.role;
    Members::new()
        .text("Path", role.path.as_str())
        .text("RoleName", role.name.as_str())
        .text("RoleId", role.id.as_str())
        .text("Arn", shown.arn.as_str())
        .time("CreateDate", role.created)
        .text(
            "AssumeRolePolicyDocument",
            document(&shown.assume_role_policy_document),
        )
}

/// With `Description`, if the role has one.
fn role(shown: &ShownRole) -> Members<'_> {
    let description = shown.role.description.as_ref();
    basics(shown).text_if(
        "Description",
        description.map(locum_identity::names::Description::as_str),
    )
}

/// With `MaxSessionDuration`: what ListRoles shows.
fn listed(shown: &ShownRole) -> Members<'_> {
    role(shown).integer(
        "MaxSessionDuration",
        shown.role.max_session_duration.seconds(),
    )
}

fn marked<'a>(members: Members<'a>, shown: &'a ShownRole) -> Members<'a> {
    let members = boundary(members, shown.role.permissions_boundary.as_ref());
    let members = tags(members, &shown.role.tags);
    match &shown.role.source {
        None => members,
        Some(source) => members.structure(
            "SourceRoleTemplate",
            Members::new()
                .text("TemplateArn", source.arn.as_str())
                .integer("TemplateMinorVersion", source.minor_version),
        ),
    }
}

/// CreateRole shows neither `MaxSessionDuration` nor `RoleLastUsed`.
pub(super) fn created(shown: &ShownRole) -> Node<'_> {
    Members::new()
        .structure("Role", marked(role(shown), shown))
        .node()
}

fn described(shown: &ShownRole) -> Node<'_> {
    Members::new()
        .structure("Role", marked(listed(shown), shown))
        .node()
}

/// GetRole shows `RoleLastUsed`, empty if the role was not used.
fn got(shown: &ShownRole) -> Node<'_> {
    let members = marked(listed(shown), shown).structure("RoleLastUsed", last_used(shown));
    Members::new().structure("Role", members).node()
}

/// `RoleLastUsed`
pub(super) fn last_used(shown: &ShownRole) -> Members<'_> {
    match &shown.last_used {
        Some(last) => Members::new()
            .time("LastUsedDate", last.at)
            .text("Region", last.region.as_str()),
        None => Members::new(),
    }
}
