"""What IAM tells of an account as a whole: its summary, its authorization details."""

import json

from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    allow,
    no_identity_policy,
    not_authorized,
    policy,
    refused,
    root_of,
    trusting,
)

READ = policy(allow("s3:GetObject"))
TRUST = policy(trusting(root_of(ACCOUNT)))
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def populate(iam):
    """Two of everything, and each holds an inline policy and a managed one."""
    own = iam.create_policy(PolicyName="own", PolicyDocument=READ, Description="own")["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=own, PolicyDocument=READ, SetAsDefault=True)
    for number in range(2):
        name = f"n{number}"
        iam.create_user(UserName=name, PermissionsBoundary=READ_ONLY, Tags=[{"Key": "team", "Value": "a"}])
        iam.create_group(GroupName=name)
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST, Path="/service/")
        iam.put_user_policy(UserName=name, PolicyName="inline", PolicyDocument=READ)
        iam.put_group_policy(GroupName=name, PolicyName="inline", PolicyDocument=READ)
        iam.put_role_policy(RoleName=name, PolicyName="inline", PolicyDocument=READ)
        iam.attach_user_policy(UserName=name, PolicyArn=own)
        iam.attach_group_policy(GroupName=name, PolicyArn=own)
        iam.attach_role_policy(RoleName=name, PolicyArn=own)
        iam.add_user_to_group(GroupName=name, UserName=name)
    return own


def test_the_summary_has_every_key_of_the_model(locum):
    iam = locum.client("iam")
    populate(iam)
    summary = iam.get_account_summary()["SummaryMap"]
    model = iam.meta.service_model.shape_for("summaryKeyType").enum
    assert sorted(summary) == sorted(model)
    counted = {name: summary[name] for name in ("Users", "Groups", "Roles", "Policies", "PolicyVersionsInUse")}
    assert counted == {"Users": 2, "Groups": 2, "Roles": 2, "Policies": 1, "PolicyVersionsInUse": 2}
    assert (summary["AccountAccessKeysPresent"], summary["AccountMFAEnabled"]) == (1, 0)


def test_authorization_details_are_told_whole(locum):
    iam = locum.client("iam")
    own = populate(iam)
    told = iam.get_account_authorization_details()
    attached = [{"PolicyName": "own", "PolicyArn": own}]
    inline = [{"PolicyName": "inline", "PolicyDocument": json.loads(READ)}]
    bounded = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": READ_ONLY}
    for listed, get, policies in (
        ("UserDetailList", iam.get_user, "UserPolicyList"),
        ("GroupDetailList", iam.get_group, "GroupPolicyList"),
        ("RoleDetailList", iam.get_role, "RolePolicyList"),
    ):
        kind = listed.removesuffix("DetailList")
        assert [detail[f"{kind}Name"] for detail in told[listed]] == ["n0", "n1"]
        for detail in told[listed]:
            assert (detail[policies], detail["AttachedManagedPolicies"]) == (inline, attached)
            got = get(**{f"{kind}Name": detail[f"{kind}Name"]})[kind]
            same = ["Path", f"{kind}Id", "Arn", "CreateDate"]
            same += ["AssumeRolePolicyDocument", "RoleLastUsed"] if kind == "Role" else []
            assert {name: detail[name] for name in same} == {name: got[name] for name in same}
    for user in told["UserDetailList"]:
        assert (user["GroupList"], user["PermissionsBoundary"]) == ([user["UserName"]], bounded)
        assert user["Tags"] == [{"Key": "team", "Value": "a"}]
    assert [role["InstanceProfileList"] for role in told["RoleDetailList"]] == [[], []]
    of_account, of_aws = told["Policies"]
    assert (of_account["Arn"], of_account["DefaultVersionId"], of_account["AttachmentCount"]) == (own, "v2", 6)
    versions = [(it["VersionId"], it["IsDefaultVersion"], it["Document"]) for it in of_account["PolicyVersionList"]]
    assert versions == [("v2", True, json.loads(READ)), ("v1", False, json.loads(READ))]
    assert (of_aws["Arn"], of_aws["PermissionsBoundaryUsageCount"]) == (READ_ONLY, 2)
    assert len(of_aws["PolicyVersionList"]) == 1
    assert "Description" not in of_account and "Description" not in of_aws


def test_pages_of_one_make_the_whole(locum):
    iam = locum.client("iam")
    populate(iam)
    whole = iam.get_account_authorization_details()
    pages = list(iam.get_paginator("get_account_authorization_details").paginate(PaginationConfig={"PageSize": 1}))
    lists = ("UserDetailList", "RoleDetailList", "GroupDetailList", "Policies")
    assert [name for page in pages for name in lists for _ in page[name]] == [lists[at // 2] for at in range(8)]
    for name in lists:
        assert [item for page in pages for item in page[name]] == whole[name]
    assert [page["IsTruncated"] for page in pages] == [True] * 7 + [False]


def test_the_aws_cli_prints_the_file_that_people_keep(locum):
    populate(locum.client("iam"))
    told = locum.aws_json("iam", "get-account-authorization-details", "--filter", "Role", credentials=ROOT_CREDENTIALS)
    assert sorted(told) == ["GroupDetailList", "Policies", "RoleDetailList", "UserDetailList"]
    assert (told["UserDetailList"], told["GroupDetailList"], told["Policies"]) == ([], [], [])
    role = told["RoleDetailList"][0]
    assert role["AssumeRolePolicyDocument"] == json.loads(TRUST)
    assert role["RoleLastUsed"] == {}


def test_who_may_not_is_told_so(locum):
    nobody = locum.client("iam", locum.user("nobody"))
    for call, action in (
        (nobody.get_account_summary, "iam:GetAccountSummary"),
        (nobody.get_account_authorization_details, "iam:GetAccountAuthorizationDetails"),
    ):
        who = f"arn:aws:iam::{ACCOUNT}:user/nobody"
        refused(call, "AccessDenied", not_authorized(who, action, "*", no_identity_policy(action)))
