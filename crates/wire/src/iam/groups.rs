//! Groups.

use super::users::user;
use super::{both, only, page, page_end};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::account::{GroupState, iam_arn};
use locum_identity::entity::Group;
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::iam::groups::{
    AddUserToGroup, CreateGroup, DeleteGroup, GetGroup, GotGroup, ListGroups, ListGroupsForUser,
    RemoveUserFromGroup, UpdateGroup,
};
use locum_identity::ids::UniqueId;
use std::sync::Arc;

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(CreateGroup, decode_create, created),
        bind!(GetGroup, decode_get, got),
        bind!(UpdateGroup, decode_update),
        bind!(DeleteGroup, |fields| only(
            fields,
            "GroupName",
            |group_name| DeleteGroup { group_name }
        )),
        bind!(ListGroups, decode_list, groups),
        bind!(AddUserToGroup, |fields| both(
            fields,
            ("GroupName", "UserName"),
            |group_name, user_name| AddUserToGroup {
                group_name,
                user_name
            }
        )),
        bind!(RemoveUserFromGroup, |fields| both(
            fields,
            ("GroupName", "UserName"),
            |group_name, user_name| RemoveUserFromGroup {
                group_name,
                user_name
            }
        )),
        bind!(ListGroupsForUser, decode_list_for_user, groups),
    ]
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateGroup, Error> {
    let path = fields.optional("Path");
    let group_name = fields.required("GroupName");
    fields.check()?;
    Ok(CreateGroup {
        group_name: group_name?,
        path,
    })
}

fn decode_get(fields: &mut Fields<'_>) -> Result<GetGroup, Error> {
    let group_name = fields.required("GroupName");
    let page = fields.page();
    fields.check()?;
    Ok(GetGroup {
        group_name: group_name?,
        page,
    })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateGroup, Error> {
    let group_name = fields.required("GroupName");
    let new_path = fields.optional("NewPath");
    let new_group_name = fields.optional("NewGroupName");
    fields.check()?;
    Ok(UpdateGroup {
        group_name: group_name?,
        new_path,
        new_group_name,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListGroups, Error> {
    let path_prefix = fields.optional("PathPrefix");
    let page = fields.page();
    fields.check()?;
    Ok(ListGroups { path_prefix, page })
}

fn decode_list_for_user(fields: &mut Fields<'_>) -> Result<ListGroupsForUser, Error> {
    let user_name = fields.required("UserName");
    let page = fields.page();
    fields.check()?;
    Ok(ListGroupsForUser {
        user_name: user_name?,
        page,
    })
}

fn group(group: &Group, arn: String) -> Members<'_> {
    Members::new()
        .text("Path", group.path.as_str())
        .text("GroupName", group.name.as_str())
        .text("GroupId", group.id.as_str())
        .text("Arn", arn)
        .time("CreateDate", group.created)
}

fn created(output: &Group) -> Node<'_> {
    let account = UniqueId::account_of(output.id.as_str());
    let arn = account.map(|id| iam_arn(id, &format!("group{}{}", output.path, output.name)));
    Members::new()
        .structure("Group", group(output, arn.unwrap_or_default()))
        .node()
}

fn got(output: &GotGroup) -> Node<'_> {
    let members = Members::new()
        .structure(
            "Group",
            group(&output.group.group, output.group.arn.clone()),
        )
        .list(
            "Users",
            output
                .users
                .items
                .iter()
                .map(|state| user(&state.user, &state.arn).node()),
        );
    page_end(members, &output.users).node()
}

fn groups(output: &Page<Arc<GroupState>>) -> Node<'_> {
    page("Groups", output, |state| {
        group(&state.group, state.arn.clone()).node()
    })
    .node()
}
