//! Users.

use super::{boundary, page, put_boundary, tag_bindings, tags};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::account::Account;
use locum_identity::entity::User;
use locum_identity::error::Error;
use locum_identity::iam::users::{
    CreateUser, DeleteUser, DeleteUserPermissionsBoundary, GetUser, GotUser, ListUserTags,
    ListUsers, ListedUser, PutUserPermissionsBoundary, TagUser, UntagUser, UpdateUser,
};
use locum_identity::ids::UniqueId;
use locum_identity::names::{Constrained, UserName};

pub(super) fn bindings() -> Vec<Binding> {
    [
        bind!(CreateUser, decode_create, created),
        bind!(GetUser, decode_get, got),
        bind!(UpdateUser, decode_update),
        bind!(DeleteUser, |fields| named(fields, |user_name| DeleteUser {
            user_name
        })),
        bind!(ListUsers, decode_list, |output| page(
            "Users",
            output,
            |user| listed(user).node()
        )
        .node()),
        bind!(PutUserPermissionsBoundary, |fields| put_boundary::<
            UserName,
            _,
        >(
            fields, "UserName"
        )),
        bind!(DeleteUserPermissionsBoundary, |fields| named(
            fields,
            |name: UserName| DeleteUserPermissionsBoundary {
                principal: name.into()
            }
        )),
    ]
    .into_iter()
    .chain(tag_bindings!("UserName", TagUser, UntagUser, ListUserTags))
    .collect()
}

fn decode_create(fields: &mut Fields<'_>) -> Result<CreateUser, Error> {
    let path = fields.optional("Path");
    let user_name = fields.required("UserName");
    let permissions_boundary = fields.optional("PermissionsBoundary");
    let tags = fields.tags("Tags");
    fields.check()?;
    Ok(CreateUser {
        user_name: user_name?,
        path,
        permissions_boundary,
        tags,
    })
}

fn decode_get(fields: &mut Fields<'_>) -> Result<GetUser, Error> {
    let user_name = fields.optional("UserName");
    fields.check()?;
    Ok(GetUser { user_name })
}

fn decode_update(fields: &mut Fields<'_>) -> Result<UpdateUser, Error> {
    let user_name = fields.required("UserName");
    let new_path = fields.optional("NewPath");
    let new_user_name = fields.optional("NewUserName");
    fields.check()?;
    Ok(UpdateUser {
        user_name: user_name?,
        new_path,
        new_user_name,
    })
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListUsers, Error> {
    let path_prefix = fields.optional("PathPrefix");
    let page = fields.page();
    fields.check()?;
    Ok(ListUsers { path_prefix, page })
}

/// An input of a user's name and nothing else.
fn named<N: Constrained, T>(
    fields: &mut Fields<'_>,
    make: impl FnOnce(N) -> T,
) -> Result<T, Error> {
    let user_name = fields.required("UserName");
    fields.check()?;
    Ok(make(user_name?))
}

/// A user without what only some answers show.
pub(super) fn user<'a>(user: &'a User, arn: &'a str) -> Members<'a> {
    Members::new()
        .text("Path", user.path.as_str())
        .text("UserName", user.name.as_str())
        .text("UserId", user.id.as_str())
        .text("Arn", arn)
        .time("CreateDate", user.created)
}

/// The same with when the password was last used.
fn listed(shown: &ListedUser) -> Members<'_> {
    user(&shown.state.user, &shown.state.arn).time_if("PasswordLastUsed", shown.password_last_used)
}

/// The root user, who has neither name nor path.
pub(super) fn root(account: &Account) -> Members<'_> {
    Members::new()
        .text("UserId", account.id.as_str())
        .text("Arn", account.iam_arn("root"))
        .time("CreateDate", account.created)
}

fn created(output: &User) -> Node<'_> {
    let account = UniqueId::account_of(output.id.as_str());
    let arn = account.map(|id| {
        locum_identity::account::iam_arn(id, &format!("user{}{}", output.path, output.name))
    });
    let members = Members::new()
        .text("Path", output.path.as_str())
        .text("UserName", output.name.as_str())
        .text("UserId", output.id.as_str())
        .text("Arn", arn.unwrap_or_default())
        .time("CreateDate", output.created);
    let members = tags(
        boundary(members, output.permissions_boundary.as_ref()),
        &output.tags,
    );
    Members::new().structure("User", members).node()
}

fn got(output: &GotUser) -> Node<'_> {
    let members = match output {
        GotUser::User(shown) => {
            let user = &shown.state.user;
            let members = boundary(listed(shown), user.permissions_boundary.as_ref());
            tags(members, &user.tags)
        }
        GotUser::Root(account) => root(account),
    };
    Members::new().structure("User", members).node()
}
