//! Nobody without policies may do anything: one row for every operation.

use crate::common::{World, fails, n};
use crate::support::{READ, new_role, tag};
use locum_identity::entity::KeyStatus;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::iam::access_keys::{
    CreateAccessKey, DeleteAccessKey, GetAccessKeyLastUsed, ListAccessKeys, UpdateAccessKey,
};
use locum_identity::iam::attachments::{
    AttachGroupPolicy, AttachRolePolicy, AttachUserPolicy, DetachGroupPolicy, DetachRolePolicy,
    DetachUserPolicy, ListAttachedGroupPolicies, ListAttachedRolePolicies,
    ListAttachedUserPolicies,
};
use locum_identity::iam::groups::GotGroup;
use locum_identity::iam::groups::{
    AddUserToGroup, CreateGroup, DeleteGroup, GetGroup, ListGroups, ListGroupsForUser,
    RemoveUserFromGroup, UpdateGroup,
};
use locum_identity::iam::inline_policies::{
    DeleteGroupPolicy, DeleteRolePolicy, DeleteUserPolicy, GetGroupPolicy, GetRolePolicy,
    GetUserPolicy, ListGroupPolicies, ListRolePolicies, ListUserPolicies, PutGroupPolicy,
    PutRolePolicy, PutUserPolicy,
};
use locum_identity::iam::outbound::{
    DisableOutboundWebIdentityFederation, EnableOutboundWebIdentityFederation,
    GetOutboundWebIdentityFederationInfo,
};
use locum_identity::iam::policies::{
    CreatePolicy, CreatePolicyVersion, DeletePolicy, DeletePolicyVersion, GetPolicy,
    GetPolicyVersion, ListEntitiesForPolicy, ListPolicies, ListPolicyTags, ListPolicyVersions,
    PolicyScope, SetDefaultPolicyVersion, TagPolicy, UntagPolicy,
};
use locum_identity::iam::roles::{
    CreateRole, DeleteRole, DeleteRolePermissionsBoundary, GetRole, ListRoleTags, ListRoles,
    PutRolePermissionsBoundary, TagRole, UntagRole, UpdateAssumeRolePolicy, UpdateRole,
    UpdateRoleDescription,
};
use locum_identity::iam::users::{
    CreateUser, DeleteUser, DeleteUserPermissionsBoundary, GetUser, ListUserTags, ListUsers,
    PutUserPermissionsBoundary, TagUser, UntagUser, UpdateUser,
};
use locum_identity::operation::Operation;

const POLICY: &str = "arn:aws:iam::123456789012:policy/p";

/// A world with a user, a group, a role and a policy, and a user `ann` without any permission.
struct Denied {
    world: World,
    ann: crate::common::Key,
}

impl Denied {
    fn new() -> Self {
        let world = World::new();
        let ann = world.user_with_key("ann");
        let path = || Some(n("/x/"));
        let user = CreateUser {
            user_name: n("u"),
            path: path(),
            permissions_boundary: None,
            tags: Vec::new(),
        };
        world.root(user).unwrap();
        world
            .root(CreateGroup {
                group_name: n("g"),
                path: path(),
            })
            .unwrap();
        world
            .root(CreateRole {
                path: path(),
                ..new_role("r")
            })
            .unwrap();
        world.policy("p");
        Self { world, ann }
    }

    #[track_caller]
    fn check<O: Operation>(&self, operation: O, resource: &str) {
        let message = format!(
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:{name} on resource: {resource} because no identity-based policy allows the iam:{name} action",
            name = O::NAME
        );
        fails(
            self.world.call(&self.ann, operation),
            "AccessDenied",
            &message,
        );
    }
}

#[test]
fn of_outbound_web_identity_federation() {
    let denied = Denied::new();
    denied.check(EnableOutboundWebIdentityFederation, "*");
    denied.check(DisableOutboundWebIdentityFederation, "*");
    denied.check(GetOutboundWebIdentityFederationInfo, "*");
}

#[test]
fn of_access_keys() {
    let denied = Denied::new();
    denied.check(
        CreateAccessKey {
            user_name: Some(n("u")),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        UpdateAccessKey {
            user_name: Some(n("u")),
            access_key_id: n("AKIAAAAAAAAAAAAAAAAA"),
            status: KeyStatus::Active,
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        DeleteAccessKey {
            user_name: Some(n("u")),
            access_key_id: n("AKIAAAAAAAAAAAAAAAAA"),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        ListAccessKeys {
            user_name: Some(n("u")),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        GetAccessKeyLastUsed {
            access_key_id: n("AKIAAAAAAAAAAAAAAAAA"),
        },
        "*",
    );
}

#[test]
fn of_attachments() {
    let denied = Denied::new();
    denied.check(
        AttachUserPolicy {
            user_name: n("u"),
            policy_arn: n(POLICY),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        DetachUserPolicy {
            user_name: n("u"),
            policy_arn: n(POLICY),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        ListAttachedUserPolicies {
            user_name: n("u"),
            path_prefix: None,
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        AttachGroupPolicy {
            group_name: n("g"),
            policy_arn: n(POLICY),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        DetachGroupPolicy {
            group_name: n("g"),
            policy_arn: n(POLICY),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        ListAttachedGroupPolicies {
            group_name: n("g"),
            path_prefix: None,
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        AttachRolePolicy {
            role_name: n("r"),
            policy_arn: n(POLICY),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        DetachRolePolicy {
            role_name: n("r"),
            policy_arn: n(POLICY),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        ListAttachedRolePolicies {
            role_name: n("r"),
            path_prefix: None,
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
}

#[test]
fn of_groups() {
    let denied = Denied::new();
    denied.check(
        CreateGroup {
            group_name: n("new"),
            path: Some(n("/y/")),
        },
        "arn:aws:iam::123456789012:group/y/new",
    );
    denied.check(
        GetGroup {
            group_name: n("g"),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        UpdateGroup {
            group_name: n("g"),
            new_path: None,
            new_group_name: None,
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        DeleteGroup { group_name: n("g") },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        ListGroups {
            path_prefix: Some(n("/x/")),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:group/x/",
    );
    denied.check(
        AddUserToGroup {
            group_name: n("g"),
            user_name: n("u"),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        RemoveUserFromGroup {
            group_name: n("g"),
            user_name: n("u"),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        ListGroupsForUser {
            user_name: n("u"),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
}

#[test]
fn of_inline_policies() {
    let denied = Denied::new();
    denied.check(
        PutUserPolicy {
            user_name: n("u"),
            policy_name: n("i"),
            policy_document: n(READ),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        GetUserPolicy {
            user_name: n("u"),
            policy_name: n("i"),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        DeleteUserPolicy {
            user_name: n("u"),
            policy_name: n("i"),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        ListUserPolicies {
            user_name: n("u"),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        PutGroupPolicy {
            group_name: n("g"),
            policy_name: n("i"),
            policy_document: n(READ),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        GetGroupPolicy {
            group_name: n("g"),
            policy_name: n("i"),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        DeleteGroupPolicy {
            group_name: n("g"),
            policy_name: n("i"),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        ListGroupPolicies {
            group_name: n("g"),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:group/x/g",
    );
    denied.check(
        PutRolePolicy {
            role_name: n("r"),
            policy_name: n("i"),
            policy_document: n(READ),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        GetRolePolicy {
            role_name: n("r"),
            policy_name: n("i"),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        DeleteRolePolicy {
            role_name: n("r"),
            policy_name: n("i"),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        ListRolePolicies {
            role_name: n("r"),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
}

#[test]
fn of_policies() {
    let denied = Denied::new();
    denied.check(
        CreatePolicy {
            policy_name: n("new"),
            path: Some(n("/y/")),
            policy_document: n(READ),
            description: None,
            tags: Vec::new(),
        },
        "arn:aws:iam::123456789012:policy/y/new",
    );
    denied.check(
        GetPolicy {
            policy_arn: n(POLICY),
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        GetPolicy {
            policy_arn: n("arn:aws:iam::aws:policy/ReadOnlyAccess"),
        },
        "arn:aws:iam::aws:policy/ReadOnlyAccess",
    );
    denied.check(
        DeletePolicy {
            policy_arn: n(POLICY),
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        ListPolicies {
            scope: PolicyScope::All,
            only_attached: false,
            path_prefix: None,
            policy_usage_filter: None,
            page: PageRequest::default(),
        },
        "policy path /",
    );
    denied.check(
        CreatePolicyVersion {
            policy_arn: n(POLICY),
            policy_document: n(READ),
            set_as_default: true,
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        GetPolicyVersion {
            policy_arn: n(POLICY),
            version_id: n("v1"),
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        ListPolicyVersions {
            policy_arn: n(POLICY),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        DeletePolicyVersion {
            policy_arn: n(POLICY),
            version_id: n("v1"),
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        SetDefaultPolicyVersion {
            policy_arn: n(POLICY),
            version_id: n("v1"),
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        TagPolicy {
            resource: n(POLICY),
            tags: vec![tag("a", "b")],
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        UntagPolicy {
            resource: n(POLICY),
            tag_keys: vec![n("a")],
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        ListPolicyTags {
            resource: n(POLICY),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:policy/p",
    );
    denied.check(
        ListEntitiesForPolicy {
            policy_arn: n(POLICY),
            entity_filter: None,
            path_prefix: None,
            policy_usage_filter: None,
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:policy/p",
    );
}

#[test]
fn of_roles() {
    let denied = Denied::new();
    denied.check(
        CreateRole {
            path: Some(n("/y/")),
            ..new_role("new")
        },
        "arn:aws:iam::123456789012:role/y/new",
    );
    denied.check(
        GetRole { role_name: n("r") },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        UpdateRole {
            role_name: n("r"),
            description: None,
            max_session_duration: None,
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        UpdateRoleDescription {
            role_name: n("r"),
            description: n(""),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        UpdateAssumeRolePolicy {
            role_name: n("r"),
            policy_document: n(READ),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        DeleteRole { role_name: n("r") },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        ListRoles {
            path_prefix: None,
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:role/",
    );
    denied.check(
        TagRole {
            resource: n("r"),
            tags: vec![tag("a", "b")],
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        UntagRole {
            resource: n("r"),
            tag_keys: vec![n("a")],
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        ListRoleTags {
            resource: n("r"),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        PutRolePermissionsBoundary {
            principal: n("r"),
            permissions_boundary: n(POLICY),
        },
        "arn:aws:iam::123456789012:role/x/r",
    );
    denied.check(
        DeleteRolePermissionsBoundary { principal: n("r") },
        "arn:aws:iam::123456789012:role/x/r",
    );
}

#[test]
fn of_users() {
    let denied = Denied::new();
    denied.check(
        CreateUser {
            user_name: n("new"),
            path: None,
            permissions_boundary: None,
            tags: Vec::new(),
        },
        "arn:aws:iam::123456789012:user/new",
    );
    denied.check(
        GetUser {
            user_name: Some(n("u")),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        UpdateUser {
            user_name: n("u"),
            new_path: None,
            new_user_name: None,
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        DeleteUser { user_name: n("u") },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        ListUsers {
            path_prefix: None,
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:user/",
    );
    denied.check(
        TagUser {
            resource: n("u"),
            tags: vec![tag("a", "b")],
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        UntagUser {
            resource: n("u"),
            tag_keys: vec![n("a")],
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        ListUserTags {
            resource: n("u"),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        PutUserPermissionsBoundary {
            principal: n("u"),
            permissions_boundary: n(POLICY),
        },
        "arn:aws:iam::123456789012:user/x/u",
    );
    denied.check(
        DeleteUserPermissionsBoundary { principal: n("u") },
        "arn:aws:iam::123456789012:user/x/u",
    );
}

#[test]
fn a_name_that_nothing_has_is_denied_alike() {
    let denied = Denied::new();
    denied.check(
        GetRole {
            role_name: n("none"),
        },
        "arn:aws:iam::123456789012:role/none",
    );
    denied.check(
        GetUser {
            user_name: Some(n("none")),
        },
        "arn:aws:iam::123456789012:user/none",
    );
    denied.check(
        GetGroup {
            group_name: n("none"),
            page: PageRequest::default(),
        },
        "arn:aws:iam::123456789012:group/none",
    );
    denied.check(
        GetPolicy {
            policy_arn: n("arn:aws:iam::123456789012:policy/none"),
        },
        "arn:aws:iam::123456789012:policy/none",
    );
}

#[test]
fn a_policy_sees_the_stored_name_whatever_the_letter_case_of_the_request() {
    let denied = Denied::new();
    denied.world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:GetGroup","Resource":"arn:aws:iam::123456789012:group/x/g"}"#,
    );
    let got: Result<GotGroup, Error> = denied.world.call(
        &denied.ann,
        GetGroup {
            group_name: n("G"),
            page: PageRequest::default(),
        },
    );
    assert_eq!(got.unwrap().group.group.name.as_str(), "g");
}

#[test]
fn creating_with_tags_takes_the_permission_to_tag() {
    let denied = Denied::new();
    denied.world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":["iam:CreateRole","iam:CreatePolicy"],"Resource":"*"}"#,
    );
    let sentence = |action: &str, resource: &str| {
        format!(
            "User: arn:aws:iam::123456789012:user/ann is not authorized to perform: iam:{action} on resource: arn:aws:iam::123456789012:{resource} because no identity-based policy allows the iam:{action} action"
        )
    };
    let tags = || vec![tag("a", "b")];
    let role = denied.world.call(
        &denied.ann,
        CreateRole {
            tags: tags(),
            ..new_role("new")
        },
    );
    fails(role, "AccessDenied", &sentence("TagRole", "role/new"));
    let create = |tags| CreatePolicy {
        policy_name: n("new"),
        path: None,
        policy_document: n(READ),
        description: None,
        tags,
    };
    let policy = denied.world.call(&denied.ann, create(tags()));
    fails(policy, "AccessDenied", &sentence("TagPolicy", "policy/new"));
    denied.world.call(&denied.ann, new_role("new")).unwrap();
    denied.world.call(&denied.ann, create(Vec::new())).unwrap();
}

#[test]
fn conditions_see_tags_of_the_resource_and_of_the_request() {
    let denied = Denied::new();
    denied
        .world
        .root(TagRole {
            resource: n("r"),
            tags: vec![tag("Team", "a")],
        })
        .unwrap();
    denied.world.allow(
        "ann",
        r#"{"Effect":"Allow","Action":"iam:GetRole","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a","iam:ResourceTag/Team":"a"}}},
           {"Effect":"Allow","Action":"iam:TagRole","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/zone":"1"},"ForAllValues:StringEquals":{"aws:TagKeys":"zone"}}}"#,
    );
    let call = |name: &str| {
        denied
            .world
            .call(&denied.ann, GetRole { role_name: n(name) })
            .is_ok()
    };
    assert!(call("r"));
    denied.world.role("other");
    assert!(!call("other"));
    let add = |tags| {
        denied
            .world
            .call(
                &denied.ann,
                TagRole {
                    resource: n("r"),
                    tags,
                },
            )
            .is_ok()
    };
    assert!(add(vec![tag("zone", "1")]));
    assert!(!add(vec![tag("zone", "2")]));
    assert!(!add(vec![tag("zone", "1"), tag("Team", "b")]));
}
