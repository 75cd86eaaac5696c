//! What an account has, in numbers and in full.

use super::roles::{basics, last_used};
use super::users::user;
use super::{boundary, document, page_end, policies, tag};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::account::InstanceProfileState;
use locum_identity::entity::InlinePolicy;
use locum_identity::error::Error;
use locum_identity::iam::Page;
use locum_identity::iam::account_summary::{AccountSummary, GetAccountSummary};
use locum_identity::iam::attachments::AttachedPolicy;
use locum_identity::iam::authorization_details::{
    AuthorizationDetail, GetAccountAuthorizationDetails, GroupDetail, PolicyDetail, RoleDetail,
    UserDetail,
};
use locum_identity::iam::roles::ShownRole;

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(GetAccountSummary, |_| Ok(GetAccountSummary), summary),
        bind!(GetAccountAuthorizationDetails, decode_details, details),
    ]
}

fn decode_details(fields: &mut Fields<'_>) -> Result<GetAccountAuthorizationDetails, Error> {
    let filter = fields.list("Filter", u32::MAX, Fields::scalar);
    let page = fields.page();
    fields.check()?;
    Ok(GetAccountAuthorizationDetails { filter, page })
}

fn summary(output: &AccountSummary) -> Node<'_> {
    let entry = |(key, number): &(&'static str, usize)| {
        let number = i64::try_from(*number).unwrap_or(i64::MAX);
        ((*key).into(), Node::Integer(number))
    };
    Members::new()
        .with(
            "SummaryMap",
            Node::Map(output.0.iter().map(entry).collect()),
        )
        .node()
}

fn details(output: &Page<AuthorizationDetail>) -> Node<'_> {
    let (mut users, mut groups, mut roles, mut policies) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for item in &output.items {
        match item {
            AuthorizationDetail::User(detail) => users.push(user_detail(detail)),
            AuthorizationDetail::Role(detail) => roles.push(role_detail(detail)),
            AuthorizationDetail::Group(detail) => groups.push(group_detail(detail)),
            AuthorizationDetail::Policy(detail) => policies.push(policy_detail(detail)),
        }
    }
    let members = Members::new()
        .list("UserDetailList", users)
        .list("GroupDetailList", groups)
        .list("RoleDetailList", roles)
        .list("Policies", policies);
    page_end(members, output).node()
}

/// Without `UserPolicyList` where there are no inline policies: groups and roles have an empty list.
fn user_detail(detail: &UserDetail) -> Node<'_> {
    let (state, held) = (&detail.user, &detail.policies);
    let mut members = user(&state.user, &state.arn);
    if !held.inline.is_empty() {
        members = members.list("UserPolicyList", inline(&held.inline));
    }
    let members = members
        .list("GroupList", detail.groups.iter().map(Node::text))
        .list("AttachedManagedPolicies", attached(&held.attached));
    boundary(members, state.user.permissions_boundary.as_ref())
        .list("Tags", state.user.tags.iter().map(tag))
        .node()
}

fn group_detail(detail: &GroupDetail) -> Node<'_> {
    let (state, held) = (&detail.group, &detail.policies);
    Members::new()
        .text("Path", state.group.path.as_str())
        .text("GroupName", state.group.name.as_str())
        .text("GroupId", state.group.id.as_str())
        .text("Arn", state.arn.as_str())
        .time("CreateDate", state.group.created)
        .list("GroupPolicyList", inline(&held.inline))
        .list("AttachedManagedPolicies", attached(&held.attached))
        .node()
}

/// Without description and longest session, which AWS does not tell here.
fn role_detail(detail: &RoleDetail) -> Node<'_> {
    let (shown, held) = (&detail.role, &detail.policies);
    let profiles = detail.instance_profiles.iter();
    let members = basics(shown)
        .list(
            "InstanceProfileList",
            profiles.map(|state| instance_profile(state, shown)),
        )
        .list("RolePolicyList", inline(&held.inline))
        .list("AttachedManagedPolicies", attached(&held.attached));
    boundary(members, shown.role.permissions_boundary.as_ref())
        .list("Tags", shown.role.tags.iter().map(tag))
        .structure("RoleLastUsed", last_used(shown))
        .node()
}

fn instance_profile<'a>(state: &'a InstanceProfileState, role: &'a ShownRole) -> Node<'a> {
    let profile = &state.profile;
    Members::new()
        .text("Path", profile.path.as_str())
        .text("InstanceProfileName", profile.name.as_str())
        .text("InstanceProfileId", profile.id.as_str())
        .text("Arn", state.arn.as_str())
        .time("CreateDate", profile.created)
        .list("Roles", [basics(role).node()])
        .node()
}

/// Without description and tags.
fn policy_detail(detail: &PolicyDetail) -> Node<'_> {
    let versions = detail.versions.iter();
    policies::policy(&detail.policy, None)
        .list("PolicyVersionList", versions.map(policies::full_version))
        .node()
}

fn inline(policies: &[InlinePolicy]) -> impl Iterator<Item = Node<'_>> {
    policies.iter().map(|policy| {
        Members::new()
            .text("PolicyName", policy.name.as_str())
            .text("PolicyDocument", document(&policy.document))
            .node()
    })
}

fn attached(policies: &[AttachedPolicy]) -> impl Iterator<Item = Node<'_>> {
    policies.iter().map(super::attachments::attached_policy)
}
