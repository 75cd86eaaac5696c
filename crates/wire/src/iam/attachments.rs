//! Managed policies attached to users, groups and roles.

use super::{both, page};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::attachments::{
    AttachGroupPolicy, AttachRolePolicy, AttachUserPolicy, AttachedPolicy, DetachGroupPolicy,
    DetachRolePolicy, DetachUserPolicy, ListAttachedGroupPolicies, ListAttachedRolePolicies,
    ListAttachedUserPolicies,
};
use locum_identity::iam::{Page, PageRequest};
use locum_identity::names::{Constrained, PolicyPath};

/// The binding of an operation on a holder and a policy.
macro_rules! bind_pair {
    ($operation:ident, $field:ident, $member:literal) => {
        bind!($operation, |fields| both(
            fields,
            ($member, "PolicyArn"),
            |$field, policy_arn| $operation { $field, policy_arn }
        ))
    };
}

macro_rules! bind_list {
    ($operation:ident, $field:ident, $member:literal) => {
        bind!(
            $operation,
            |fields| list(fields, $member, |$field, path_prefix, page| $operation {
                $field,
                path_prefix,
                page
            }),
            attached
        )
    };
}

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind_pair!(AttachUserPolicy, user_name, "UserName"),
        bind_pair!(DetachUserPolicy, user_name, "UserName"),
        bind_list!(ListAttachedUserPolicies, user_name, "UserName"),
        bind_pair!(AttachGroupPolicy, group_name, "GroupName"),
        bind_pair!(DetachGroupPolicy, group_name, "GroupName"),
        bind_list!(ListAttachedGroupPolicies, group_name, "GroupName"),
        bind_pair!(AttachRolePolicy, role_name, "RoleName"),
        bind_pair!(DetachRolePolicy, role_name, "RoleName"),
        bind_list!(ListAttachedRolePolicies, role_name, "RoleName"),
    ]
}

fn list<N: Constrained, T>(
    fields: &mut Fields<'_>,
    holder: &str,
    make: impl FnOnce(N, Option<PolicyPath>, PageRequest) -> T,
) -> Result<T, Error> {
    let holder = fields.required(holder);
    let path_prefix = fields.optional("PathPrefix");
    let page = fields.page();
    fields.check()?;
    Ok(make(holder?, path_prefix, page))
}

fn attached(output: &Page<AttachedPolicy>) -> Node<'_> {
    page("AttachedPolicies", output, attached_policy).node()
}

pub(super) fn attached_policy(policy: &AttachedPolicy) -> Node<'_> {
    Members::new()
        .text("PolicyName", policy.name.as_str())
        .text("PolicyArn", policy.arn.as_str())
        .node()
}
