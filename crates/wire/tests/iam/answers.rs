//! The form of each answer: members in the model's order, absent ones left out.

use crate::common::World;
use crate::support::{Form, answer, result};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"sts:AssumeRole"}]}"#;
const TRUST_ENCODED: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22AWS%22%3A%22arn%3Aaws%3Aiam%3A%3A123456789012%3Aroot%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%5D%7D";
/// With a blank, an escape that is text, and a letter outside ASCII.
const READ: &str = r#"{"Version": "2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:Get*","Resource":"arn:aws:s3:::b/%20é~_.-"}]}"#;
const READ_ENCODED: &str = "%7B%22Version%22%3A%20%222012-10-17%22%2C%22Statement%22%3A%5B%7B%22Effect%22%3A%22Allow%22%2C%22Action%22%3A%22s3%3AGet%2A%22%2C%22Resource%22%3A%22arn%3Aaws%3As3%3A%3A%3Ab%2F%2520%C3%A9~_.-%22%7D%5D%7D";
const AT: &str = "2026-01-01T00:00:00Z";
const POLICY: &str = "arn:aws:iam::123456789012:policy/team/p";
const BOUNDARY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

/// A step of a story: an operation, its parameters and the content of its result.
#[track_caller]
fn check(world: &World, operation: &str, form: Form<'_>, expected: &str) {
    assert_eq!(
        result(world, operation, form).as_deref(),
        Some(expected),
        "{operation}"
    );
}

/// A step that answers nothing.
#[track_caller]
fn done(world: &World, operation: &str, form: Form<'_>) {
    assert_eq!(result(world, operation, form), None, "{operation}");
}

#[test]
fn groups() {
    let world = World::new();
    world.user("ann");
    world.user("bob");
    let group = |path: &str, name: &str| {
        format!(
            "<Path>{path}</Path><GroupName>{name}</GroupName><GroupId>AGPA*</GroupId><Arn>arn:aws:iam::123456789012:group{path}{name}</Arn><CreateDate>{AT}</CreateDate>"
        )
    };
    check(
        &world,
        "CreateGroup",
        &[("GroupName", "G"), ("Path", "/x/")],
        &format!("<Group>{}</Group>", group("/x/", "G")),
    );
    done(
        &world,
        "AddUserToGroup",
        &[("GroupName", "G"), ("UserName", "ann")],
    );
    done(
        &world,
        "AddUserToGroup",
        &[("GroupName", "G"), ("UserName", "bob")],
    );
    let ann = format!(
        "<Path>/</Path><UserName>ann</UserName><UserId>AIDA*</UserId><Arn>arn:aws:iam::123456789012:user/ann</Arn><CreateDate>{AT}</CreateDate>"
    );
    let first = result(&world, "GetGroup", &[("GroupName", "g"), ("MaxItems", "1")]).unwrap();
    let (page, marker) = first.split_once("<Marker>").unwrap();
    assert_eq!(
        page,
        format!(
            "<Group>{}</Group><Users><member>{ann}</member></Users><IsTruncated>true</IsTruncated>",
            group("/x/", "G")
        )
    );
    let marker = marker.strip_suffix("</Marker>").unwrap();
    check(
        &world,
        "GetGroup",
        &[("GroupName", "g"), ("Marker", marker)],
        &format!(
            "<Group>{}</Group><Users><member>{}</member></Users><IsTruncated>false</IsTruncated>",
            group("/x/", "G"),
            ann.replace("ann", "bob")
        ),
    );
    done(
        &world,
        "UpdateGroup",
        &[("GroupName", "g"), ("NewPath", "/"), ("NewGroupName", "H")],
    );
    let listed = format!(
        "<Groups><member>{}</member></Groups><IsTruncated>false</IsTruncated>",
        group("/", "H")
    );
    check(&world, "ListGroups", &[], &listed);
    check(
        &world,
        "ListGroups",
        &[("PathPrefix", "/none/")],
        "<Groups></Groups><IsTruncated>false</IsTruncated>",
    );
    check(&world, "ListGroupsForUser", &[("UserName", "ann")], &listed);
    for user in ["ann", "bob"] {
        done(
            &world,
            "RemoveUserFromGroup",
            &[("GroupName", "H"), ("UserName", user)],
        );
    }
    done(&world, "DeleteGroup", &[("GroupName", "h")]);
}

#[test]
fn a_marker_is_good_for_its_list_only() {
    let world = World::new();
    for user in ["a", "b", "c"] {
        world.user(user);
    }
    let first = result(&world, "ListUsers", &[("MaxItems", "1")]).unwrap();
    let (_, marker) = first.split_once("<Marker>").unwrap();
    let marker = ("Marker", marker.strip_suffix("</Marker>").unwrap());
    for max_items in ["1", "2"] {
        let (status, body) = answer(
            &world,
            &world.root,
            "ListUsers",
            &[marker, ("MaxItems", max_items)],
        );
        assert_eq!(
            (status, body.contains("<UserName>b</UserName>")),
            (200, true),
            "{body}"
        );
    }
    for (operation, form) in [
        ("ListRoles", &[marker][..]),
        ("ListUsers", &[marker, ("PathPrefix", "/")]),
        ("ListUsers", &[("Marker", "YQ")]),
        ("ListUsers", &[("Marker", "no marker")]),
        ("ListUsers", &[("Marker", "")]),
    ] {
        let (status, body) = answer(&world, &world.root, operation, form);
        assert_eq!(
            (status, body.contains("<Code>ValidationError</Code>")),
            (400, true),
            "{body}"
        );
    }
}

#[test]
fn roles() {
    let world = World::new();
    let plain = format!(
        "<Path>/x/</Path><RoleName>R</RoleName><RoleId>AROA*</RoleId><Arn>arn:aws:iam::123456789012:role/x/R</Arn><CreateDate>{AT}</CreateDate><AssumeRolePolicyDocument>{TRUST_ENCODED}</AssumeRolePolicyDocument>"
    );
    let marks = format!(
        "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>{BOUNDARY}</PermissionsBoundaryArn></PermissionsBoundary><Tags><member><Key>k</Key><Value>v</Value></member></Tags>"
    );
    check(
        &world,
        "CreateRole",
        &[
            ("RoleName", "R"),
            ("Path", "/x/"),
            ("AssumeRolePolicyDocument", TRUST),
            ("Description", "d"),
            ("MaxSessionDuration", "7200"),
            ("PermissionsBoundary", BOUNDARY),
            ("Tags.member.1.Key", "k"),
            ("Tags.member.1.Value", "v"),
        ],
        &format!("<Role>{plain}<Description>d</Description>{marks}</Role>"),
    );
    let long =
        format!("{plain}<Description>d</Description><MaxSessionDuration>7200</MaxSessionDuration>");
    check(
        &world,
        "GetRole",
        &[("RoleName", "r")],
        &format!("<Role>{long}{marks}<RoleLastUsed></RoleLastUsed></Role>"),
    );
    check(
        &world,
        "ListRoles",
        &[],
        &format!("<Roles><member>{long}</member></Roles><IsTruncated>false</IsTruncated>"),
    );
    check(
        &world,
        "UpdateRole",
        &[("RoleName", "r"), ("MaxSessionDuration", "3600")],
        "",
    );
    let short = plain + "<Description>e</Description><MaxSessionDuration>3600</MaxSessionDuration>";
    check(
        &world,
        "UpdateRoleDescription",
        &[("RoleName", "r"), ("Description", "e")],
        &format!("<Role>{short}{marks}</Role>"),
    );
    done(
        &world,
        "UpdateAssumeRolePolicy",
        &[("RoleName", "r"), ("PolicyDocument", TRUST)],
    );
    done(
        &world,
        "UntagRole",
        &[("RoleName", "r"), ("TagKeys.member.1", "K")],
    );
    done(
        &world,
        "TagRole",
        &[
            ("RoleName", "r"),
            ("Tags.member.1.Key", "a"),
            ("Tags.member.1.Value", ""),
        ],
    );
    check(
        &world,
        "ListRoleTags",
        &[("RoleName", "r")],
        "<Tags><member><Key>a</Key><Value></Value></member></Tags><IsTruncated>false</IsTruncated>",
    );
    done(
        &world,
        "PutRolePermissionsBoundary",
        &[("RoleName", "r"), ("PermissionsBoundary", BOUNDARY)],
    );
    done(
        &world,
        "DeleteRolePermissionsBoundary",
        &[("RoleName", "r")],
    );
    done(&world, "DeleteRole", &[("RoleName", "r")]);
}

#[test]
fn durations_of_roles() {
    let world = World::new();
    for (duration, error) in [
        (
            "3599",
            "<Code>ParamValidation</Code><Message>MaxSessionDuration must be at least 3600 seconds</Message>",
        ),
        (
            "43201",
            "<Code>ValidationError</Code><Message>1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value less than or equal to 43200</Message>",
        ),
    ] {
        let form = [
            ("RoleName", "R"),
            ("AssumeRolePolicyDocument", TRUST),
            ("MaxSessionDuration", duration),
        ];
        let (status, body) = answer(&world, &world.root, "CreateRole", &form);
        assert_eq!((status, body.contains(error)), (400, true), "{body}");
    }
}

#[test]
fn managed_policies() {
    let world = World::new();
    let policy = |default: &str, attached: u32, bounding: u32, description: &str| {
        format!(
            "<PolicyName>p</PolicyName><PolicyId>ANPA*</PolicyId><Arn>{POLICY}</Arn><Path>/team/</Path><DefaultVersionId>{default}</DefaultVersionId><AttachmentCount>{attached}</AttachmentCount><PermissionsBoundaryUsageCount>{bounding}</PermissionsBoundaryUsageCount><IsAttachable>true</IsAttachable>{description}<CreateDate>{AT}</CreateDate><UpdateDate>{AT}</UpdateDate>"
        )
    };
    let tags = "<Tags><member><Key>k</Key><Value>v</Value></member></Tags>";
    check(
        &world,
        "CreatePolicy",
        &[
            ("PolicyName", "p"),
            ("Path", "/team/"),
            ("PolicyDocument", READ),
            ("Description", "d"),
            ("Tags.member.1.Key", "k"),
            ("Tags.member.1.Value", "v"),
        ],
        &format!("<Policy>{}{tags}</Policy>", policy("v1", 0, 0, "")),
    );
    let version = |number: u32, default: bool| {
        format!(
            "<VersionId>v{number}</VersionId><IsDefaultVersion>{default}</IsDefaultVersion><CreateDate>{AT}</CreateDate>"
        )
    };
    let of = ("PolicyArn", POLICY);
    check(
        &world,
        "CreatePolicyVersion",
        &[of, ("PolicyDocument", READ), ("SetAsDefault", "true")],
        &format!("<PolicyVersion>{}</PolicyVersion>", version(2, true)),
    );
    check(
        &world,
        "GetPolicyVersion",
        &[of, ("VersionId", "v1")],
        &format!(
            "<PolicyVersion><Document>{READ_ENCODED}</Document>{}</PolicyVersion>",
            version(1, false)
        ),
    );
    check(
        &world,
        "ListPolicyVersions",
        &[of],
        &format!(
            "<Versions><member>{}</member><member>{}</member></Versions><IsTruncated>false</IsTruncated>",
            version(2, true),
            version(1, false)
        ),
    );
    done(
        &world,
        "SetDefaultPolicyVersion",
        &[of, ("VersionId", "v1")],
    );
    done(&world, "DeletePolicyVersion", &[of, ("VersionId", "v2")]);

    world.user("u");
    result(
        &world,
        "CreateRole",
        &[("RoleName", "r"), ("AssumeRolePolicyDocument", TRUST)],
    );
    result(&world, "CreateGroup", &[("GroupName", "g")]);
    done(&world, "AttachUserPolicy", &[("UserName", "u"), of]);
    done(&world, "AttachGroupPolicy", &[("GroupName", "g"), of]);
    done(
        &world,
        "PutRolePermissionsBoundary",
        &[("RoleName", "r"), ("PermissionsBoundary", POLICY)],
    );
    check(
        &world,
        "ListEntitiesForPolicy",
        &[of],
        "<PolicyGroups><member><GroupName>g</GroupName><GroupId>AGPA*</GroupId></member></PolicyGroups><PolicyUsers><member><UserName>u</UserName><UserId>AIDA*</UserId></member></PolicyUsers><PolicyRoles><member><RoleName>r</RoleName><RoleId>AROA*</RoleId></member></PolicyRoles><IsTruncated>false</IsTruncated>",
    );
    check(
        &world,
        "ListEntitiesForPolicy",
        &[of, ("EntityFilter", "LocalManagedPolicy")],
        "<PolicyGroups></PolicyGroups><PolicyUsers></PolicyUsers><PolicyRoles></PolicyRoles><IsTruncated>false</IsTruncated>",
    );
    let description = "<Description>d</Description>";
    check(
        &world,
        "GetPolicy",
        &[of],
        &format!("<Policy>{}{tags}</Policy>", policy("v1", 2, 1, description)),
    );
    check(
        &world,
        "ListPolicies",
        &[
            ("Scope", "Local"),
            ("OnlyAttached", "true"),
            ("PolicyUsageFilter", "PermissionsBoundary"),
        ],
        &format!(
            "<Policies><member>{}</member></Policies><IsTruncated>false</IsTruncated>",
            policy("v1", 2, 1, "")
        ),
    );
    done(&world, "UntagPolicy", &[of, ("TagKeys.member.1", "k")]);
    done(
        &world,
        "TagPolicy",
        &[of, ("Tags.member.1.Key", "a"), ("Tags.member.1.Value", "b")],
    );
    check(
        &world,
        "ListPolicyTags",
        &[of],
        "<Tags><member><Key>a</Key><Value>b</Value></member></Tags><IsTruncated>false</IsTruncated>",
    );
    done(&world, "DetachUserPolicy", &[("UserName", "u"), of]);
    done(&world, "DetachGroupPolicy", &[("GroupName", "g"), of]);
    done(
        &world,
        "DeleteRolePermissionsBoundary",
        &[("RoleName", "r")],
    );
    done(&world, "DeletePolicy", &[of]);
    // GetPolicy shows an empty list of tags, as AWS does.
    let aws = result(&world, "GetPolicy", &[("PolicyArn", BOUNDARY)]).unwrap();
    assert!(aws.ends_with("<Tags></Tags></Policy>"), "{aws}");
}

#[test]
fn policies_of_users_groups_and_roles() {
    for (kind, member) in [
        ("User", "UserName"),
        ("Group", "GroupName"),
        ("Role", "RoleName"),
    ] {
        let world = World::new();
        world.user("H");
        result(
            &world,
            "CreateRole",
            &[("RoleName", "H"), ("AssumeRolePolicyDocument", TRUST)],
        );
        result(&world, "CreateGroup", &[("GroupName", "H")]);
        let holder = (member, "h");
        let name = ("PolicyName", "In");
        done(
            &world,
            &format!("Put{kind}Policy"),
            &[holder, name, ("PolicyDocument", READ)],
        );
        check(
            &world,
            &format!("Get{kind}Policy"),
            &[holder, ("PolicyName", "IN")],
            &format!(
                "<{member}>H</{member}><PolicyName>IN</PolicyName><PolicyDocument>{READ_ENCODED}</PolicyDocument>"
            ),
        );
        check(
            &world,
            &format!("List{kind}Policies"),
            &[holder],
            "<PolicyNames><member>In</member></PolicyNames><IsTruncated>false</IsTruncated>",
        );
        done(&world, &format!("Delete{kind}Policy"), &[holder, name]);

        let arn = ("PolicyArn", BOUNDARY);
        done(&world, &format!("Attach{kind}Policy"), &[holder, arn]);
        check(
            &world,
            &format!("ListAttached{kind}Policies"),
            &[holder],
            &format!(
                "<AttachedPolicies><member><PolicyName>ReadOnlyAccess</PolicyName><PolicyArn>{BOUNDARY}</PolicyArn></member></AttachedPolicies><IsTruncated>false</IsTruncated>"
            ),
        );
        done(&world, &format!("Detach{kind}Policy"), &[holder, arn]);
    }
}
