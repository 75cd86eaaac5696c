//! The form of what is told of an account as a whole.

use crate::common::World;
use crate::support::{Form, answer, result};

const AT: &str = "2026-01-01T00:00:00Z";
const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}"#;
const TRUST_ENCODED: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22arn%3Aaws%3Aiam%3A%3A123456789012%3Aroot%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
const READ: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"*"}]}"#;
const READ_ENCODED: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3AGet%2A%22%2C%22Resource%22%3A%22%2A%22%7D%5D%7D";
const POLICY: &str = "arn:aws:iam::123456789012:policy/p";
const EMPTY: &str = "<UserDetailList></UserDetailList><GroupDetailList></GroupDetailList><RoleDetailList></RoleDetailList><Policies></Policies>";

/// A user, a role, a group and a policy, each with an inline policy and the policy if it can have any.
fn populated() -> World {
    let world = World::new();
    let steps: [(&str, Form<'_>); 12] = [
        (
            "CreateUser",
            &[("UserName", "u"), ("PermissionsBoundary", POLICY)],
        ),
        ("CreateUser", &[("UserName", "v")]),
        (
            "CreateRole",
            &[
                ("RoleName", "r"),
                ("AssumeRolePolicyDocument", TRUST),
                ("Description", "not told"),
                ("Tags.member.1.Key", "k"),
                ("Tags.member.1.Value", "v"),
            ],
        ),
        ("CreateGroup", &[("GroupName", "g")]),
        ("AddUserToGroup", &[("GroupName", "g"), ("UserName", "u")]),
        (
            "PutUserPolicy",
            &[
                ("UserName", "u"),
                ("PolicyName", "i"),
                ("PolicyDocument", READ),
            ],
        ),
        (
            "PutRolePolicy",
            &[
                ("RoleName", "r"),
                ("PolicyName", "i"),
                ("PolicyDocument", READ),
            ],
        ),
        (
            "PutGroupPolicy",
            &[
                ("GroupName", "g"),
                ("PolicyName", "i"),
                ("PolicyDocument", READ),
            ],
        ),
        (
            "AttachUserPolicy",
            &[("UserName", "u"), ("PolicyArn", POLICY)],
        ),
        (
            "AttachRolePolicy",
            &[("RoleName", "r"), ("PolicyArn", POLICY)],
        ),
        (
            "AttachGroupPolicy",
            &[("GroupName", "g"), ("PolicyArn", POLICY)],
        ),
        ("GetAccountSummary", &[]),
    ];
    let policy: Form<'_> = &[
        ("PolicyName", "p"),
        ("PolicyDocument", READ),
        ("Description", "not told"),
    ];
    result(&world, "CreatePolicy", policy);
    for (operation, form) in steps {
        result(&world, operation, form);
    }
    world
}

#[test]
fn authorization_details() {
    let world = populated();
    let inline = format!(
        "<member><PolicyName>i</PolicyName><PolicyDocument>{READ_ENCODED}</PolicyDocument></member>"
    );
    let attached = format!(
        "<AttachedManagedPolicies><member><PolicyName>p</PolicyName><PolicyArn>{POLICY}</PolicyArn></member></AttachedManagedPolicies>"
    );
    let head = |kind: &str, id: &str, name: &str| {
        let lower = kind.to_lowercase();
        format!(
            "<Path>/</Path><{kind}Name>{name}</{kind}Name><{kind}Id>{id}*</{kind}Id><Arn>arn:aws:iam::123456789012:{lower}/{name}</Arn><CreateDate>{AT}</CreateDate>"
        )
    };
    let users = format!(
        "<member>{}<UserPolicyList>{inline}</UserPolicyList><GroupList><member>g</member></GroupList>{attached}<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>{POLICY}</PermissionsBoundaryArn></PermissionsBoundary><Tags></Tags></member><member>{}<GroupList></GroupList><AttachedManagedPolicies></AttachedManagedPolicies><Tags></Tags></member>",
        head("User", "AIDA", "u"),
        head("User", "AIDA", "v"),
    );
    let groups = format!(
        "<member>{}<GroupPolicyList>{inline}</GroupPolicyList>{attached}</member>",
        head("Group", "AGPA", "g"),
    );
    let roles = format!(
        "<member>{}<AssumeRolePolicyDocument>{TRUST_ENCODED}</AssumeRolePolicyDocument><InstanceProfileList></InstanceProfileList><RolePolicyList>{inline}</RolePolicyList>{attached}<Tags><member><Key>k</Key><Value>v</Value></member></Tags><RoleLastUsed></RoleLastUsed></member>",
        head("Role", "AROA", "r"),
    );
    let policies = format!(
        "<member><PolicyName>p</PolicyName><PolicyId>ANPA*</PolicyId><Arn>{POLICY}</Arn><Path>/</Path><DefaultVersionId>v1</DefaultVersionId><AttachmentCount>3</AttachmentCount><PermissionsBoundaryUsageCount>1</PermissionsBoundaryUsageCount><IsAttachable>true</IsAttachable><CreateDate>{AT}</CreateDate><UpdateDate>{AT}</UpdateDate><PolicyVersionList><member><Document>{READ_ENCODED}</Document><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion><CreateDate>{AT}</CreateDate></member></PolicyVersionList></member>"
    );
    let told = result(&world, "GetAccountAuthorizationDetails", &[]).unwrap();
    assert_eq!(
        told,
        format!(
            "<UserDetailList>{users}</UserDetailList><GroupDetailList>{groups}</GroupDetailList><RoleDetailList>{roles}</RoleDetailList><Policies>{policies}</Policies><IsTruncated>false</IsTruncated>"
        )
    );
}

#[test]
fn a_marker_is_of_its_filter() {
    let world = populated();
    let told = |form: Form<'_>| answer(&world, &world.root, "GetAccountAuthorizationDetails", form);
    let user = ("Filter.member.1", "User");
    let (_, first) = told(&[user, ("MaxItems", "1")]);
    let marker = first.split_once("<Marker>").unwrap().1;
    let marker = ("Marker", marker.split_once("</Marker>").unwrap().0);
    let (status, second) = told(&[user, marker]);
    assert_eq!((status, second.matches("<UserName>").count()), (200, 1));
    let (status, other) = told(&[("Filter.member.1", "Group"), marker]);
    let invalid = "<Code>ValidationError</Code><Message>Invalid Marker.</Message>";
    assert_eq!((status, other.contains(invalid)), (400, true), "{other}");
}

#[test]
fn filters_that_are_none() {
    let world = World::new();
    let told = |form: Form<'_>| answer(&world, &world.root, "GetAccountAuthorizationDetails", form);
    for kind in ["", "user", "Policy", "User,Group"] {
        let (status, body) = told(&[("Filter.member.1", "User"), ("Filter.member.2", kind)]);
        let refused = "<Code>ValidationError</Code><Message>1 validation error detected: Value at 'filter.2.member' failed to satisfy constraint: Member must satisfy enum value set</Message>";
        assert_eq!((status, body.contains(refused)), (400, true), "{body}");
    }
    let empty = result(&world, "GetAccountAuthorizationDetails", &[("Filter", "")]).unwrap();
    assert_eq!(empty, format!("{EMPTY}<IsTruncated>false</IsTruncated>"));
}

#[test]
fn a_summary_is_a_map_of_numbers() {
    let world = World::new();
    world.user("ann");
    let told = result(&world, "GetAccountSummary", &[]).unwrap();
    assert!(told.starts_with("<SummaryMap><entry><key>Users</key><value>1</value></entry>"));
    assert!(told.ends_with("<entry><key>RolesQuota</key><value>1000</value></entry></SummaryMap>"));
    assert_eq!(told.matches("<entry>").count(), 34);
}
