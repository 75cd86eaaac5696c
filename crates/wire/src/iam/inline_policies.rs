//! Inline policies of users, groups and roles.

use super::{both, document, page};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::inline_policies::{
    DeleteGroupPolicy, DeleteRolePolicy, DeleteUserPolicy, GetGroupPolicy, GetRolePolicy,
    GetUserPolicy, GotInlinePolicy, ListGroupPolicies, ListRolePolicies, ListUserPolicies,
    PutGroupPolicy, PutRolePolicy, PutUserPolicy,
};
use locum_identity::iam::{Page, PageRequest};
use locum_identity::names::{Constrained, DocumentText, EntityName};

/// The bindings of the four operations of one kind of holder.
macro_rules! bind_holder {
    (
        $field:ident, $member:literal,
        $put:ident, $get:ident, $delete:ident, $list:ident
    ) => {
        [
            bind!($put, |fields| put(
                fields,
                $member,
                |$field, policy_name, policy_document| $put {
                    $field,
                    policy_name,
                    policy_document
                }
            )),
            bind!(
                $get,
                |fields| both(fields, ($member, "PolicyName"), |$field, policy_name| {
                    $get {
                        $field,
                        policy_name,
                    }
                }),
                |output| got($member, output)
            ),
            bind!($delete, |fields| both(
                fields,
                ($member, "PolicyName"),
                |$field, policy_name| $delete {
                    $field,
                    policy_name
                }
            )),
            bind!(
                $list,
                |fields| list(fields, $member, |$field, page| $list { $field, page }),
                names
            ),
        ]
    };
}

pub(super) fn bindings() -> Vec<Binding> {
    let users = bind_holder!(
        user_name,
        "UserName",
        PutUserPolicy,
        GetUserPolicy,
        DeleteUserPolicy,
        ListUserPolicies
    );
    let groups = bind_holder!(
        group_name,
        "GroupName",
        PutGroupPolicy,
        GetGroupPolicy,
        DeleteGroupPolicy,
        ListGroupPolicies
    );
    let roles = bind_holder!(
        role_name,
        "RoleName",
        PutRolePolicy,
        GetRolePolicy,
        DeleteRolePolicy,
        ListRolePolicies
    );
    users.into_iter().chain(groups).chain(roles).collect()
}

fn put<N: Constrained, T>(
    fields: &mut Fields<'_>,
    holder: &str,
    make: impl FnOnce(N, EntityName, DocumentText) -> T,
) -> Result<T, Error> {
    let holder = fields.required(holder);
    let policy_name = fields.required("PolicyName");
    let policy_document = fields.required("PolicyDocument");
    fields.check()?;
    Ok(make(holder?, policy_name?, policy_document?))
}

fn list<N: Constrained, T>(
    fields: &mut Fields<'_>,
    holder: &str,
    make: impl FnOnce(N, PageRequest) -> T,
) -> Result<T, Error> {
    let holder = fields.required(holder);
    let page = fields.page();
    fields.check()?;
    Ok(make(holder?, page))
}

fn got<'a>(holder: &'static str, output: &'a GotInlinePolicy) -> Node<'a> {
    Members::new()
        .text(holder, output.holder.as_str())
        .text("PolicyName", output.policy_name.as_str())
        .text("PolicyDocument", document(&output.document))
        .node()
}

fn names(output: &Page<EntityName>) -> Node<'_> {
    page("PolicyNames", output, |name| Node::text(name.as_str())).node()
}
