"""IAM as boto3 sees it: entities, their policies, tags and pages, and each refusal."""

import json

import pytest
from botocore import xform_name
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    ROOT_KEY_ID,
    Credentials,
    allow,
    deny,
    no_identity_policy,
    not_authorized,
    policy,
    refused,
    root_of,
    trusting,
    validation,
)

DOCUMENT = policy(allow("s3:GetObject"))
TRUST = policy(trusting(root_of(ACCOUNT)))
READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def arn(kind, name):
    return f"arn:aws:iam::{ACCOUNT}:{kind}/{name}"


@pytest.fixture
def iam(locum):
    return locum.client("iam")


def missing(call, message):
    refused(call, "NoSuchEntity", message, 404)


def exists(call, message):
    refused(call, "EntityAlreadyExists", message, 409)


def in_the_way(call, message):
    refused(call, "DeleteConflict", message, 409)


def over(call, message):
    refused(call, "LimitExceeded", message, 409)


# Users


def test_users(iam):
    made = iam.create_user(UserName="Alice", Path="/people/", Tags=[{"Key": "team", "Value": "a"}])["User"]
    assert made["Arn"] == arn("user", "people/Alice")
    assert made["UserId"].startswith("AIDA") and len(made["UserId"]) == 21
    assert (made["Path"], made["Tags"]) == ("/people/", [{"Key": "team", "Value": "a"}])
    found = iam.get_user(UserName="alice")["User"]
    assert (found["UserName"], found["UserId"], found["Tags"]) == ("Alice", made["UserId"], made["Tags"])
    exists(lambda: iam.create_user(UserName="ALICE"), "User with name ALICE already exists.")
    listed = iam.list_users(PathPrefix="/people/")["Users"]
    assert [user["UserName"] for user in listed] == ["Alice"]
    assert "Tags" not in listed[0]
    assert iam.list_users(PathPrefix="/other/")["Users"] == []
    iam.update_user(UserName="Alice", NewUserName="Bob", NewPath="/")
    renamed = iam.get_user(UserName="Bob")["User"]
    assert (renamed["UserId"], renamed["Arn"]) == (made["UserId"], arn("user", "Bob"))
    missing(lambda: iam.get_user(UserName="Alice"), "The user with name Alice cannot be found.")
    iam.delete_user(UserName="bob")
    missing(lambda: iam.delete_user(UserName="Bob"), "The user with name Bob cannot be found.")


def test_the_callers_own_user(locum, iam):
    alice = locum.user("alice", allow("iam:*"))
    own = locum.client("iam", alice)
    assert own.get_user()["User"]["UserName"] == "alice"
    assert [key["AccessKeyId"] for key in own.list_access_keys()["AccessKeyMetadata"]] == [alice.id]
    root = iam.get_user()["User"]
    assert (root["UserId"], root["Arn"]) == (ACCOUNT, root_of(ACCOUNT))


@pytest.mark.parametrize("name", ["a b", "a/b", "ä", "a\n", "x" * 65])
def test_names_that_are_none(iam, name):
    for call in (
        lambda: iam.create_user(UserName=name),
        lambda: iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST),
    ):
        with pytest.raises(iam.exceptions.ClientError) as caught:
            call()
        answer = caught.value.response
        assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (400, "ValidationError")
    assert iam.list_users()["Users"] == [] and iam.list_roles()["Roles"] == []


@pytest.mark.parametrize("path", ["x", "/x", "x/", "//", "/a b/", "/ä/", "/" + "x" * 511 + "/"])
def test_paths_that_are_none(iam, path):
    with pytest.raises(iam.exceptions.ClientError) as caught:
        iam.create_user(UserName="alice", Path=path)
    assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_deleting_a_user_in_use(locum, iam):
    key = locum.user("alice", allow("s3:*"))
    iam.create_group(GroupName="group")
    iam.add_user_to_group(GroupName="group", UserName="alice")
    iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)

    def delete():
        return iam.delete_user(UserName="alice")

    with pytest.raises(iam.exceptions.DeleteConflictException):
        delete()
    iam.remove_user_from_group(GroupName="group", UserName="alice")
    iam.delete_user_policy(UserName="alice", PolicyName="p0")
    iam.detach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
    in_the_way(delete, "Cannot delete entity, must delete access keys first.")
    iam.delete_access_key(UserName="alice", AccessKeyId=key.id)
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=DOCUMENT)
    in_the_way(delete, "Cannot delete entity, must delete policies first.")
    iam.delete_user_policy(UserName="alice", PolicyName="p")
    iam.attach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
    in_the_way(delete, "Cannot delete entity, must detach all policies first.")
    iam.detach_user_policy(UserName="alice", PolicyArn=READ_ONLY)
    delete()


# Access keys


def test_access_keys(locum, iam):
    first = locum.user("alice")
    second = iam.create_access_key(UserName="alice")["AccessKey"]
    assert second["Status"] == "Active" and second["UserName"] == "alice"
    assert second["AccessKeyId"].startswith("AKIA") and len(second["AccessKeyId"]) == 20
    assert len(second["SecretAccessKey"]) == 40
    over(lambda: iam.create_access_key(UserName="alice"), "Cannot exceed quota for AccessKeysPerUser: 2")
    listed = iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    assert {key["AccessKeyId"] for key in listed} == {first.id, second["AccessKeyId"]}
    assert all("SecretAccessKey" not in key for key in listed)
    iam.update_access_key(UserName="alice", AccessKeyId=first.id, Status="Inactive")
    statuses = {
        key["AccessKeyId"]: key["Status"] for key in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]
    }
    assert statuses == {first.id: "Inactive", second["AccessKeyId"]: "Active"}
    with pytest.raises(iam.exceptions.ClientError) as caught:
        iam.update_access_key(UserName="alice", AccessKeyId=first.id, Status="active")
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    iam.delete_access_key(UserName="alice", AccessKeyId=first.id)
    missing(
        lambda: iam.delete_access_key(UserName="alice", AccessKeyId=first.id),
        f"The Access Key with id {first.id} cannot be found",
    )
    locum.user("bob")
    missing(
        lambda: iam.delete_access_key(UserName="bob", AccessKeyId=second["AccessKeyId"]),
        f"The Access Key with id {second['AccessKeyId']} cannot be found",
    )
    missing(lambda: iam.create_access_key(UserName="eve"), "The user with name eve cannot be found.")


def test_a_renamed_users_key_works_on(locum, iam):
    alice = locum.user("alice", allow("s3:ListAllMyBuckets"))
    iam.update_user(UserName="alice", NewUserName="anna")
    assert locum.client("sts", alice).get_caller_identity()["Arn"] == arn("user", "anna")
    locum.client("s3", alice).list_buckets()


# Groups


def test_groups(locum, iam):
    alice = locum.user("alice")
    made = iam.create_group(GroupName="Readers", Path="/g/")["Group"]
    assert made["Arn"] == arn("group", "g/Readers") and made["GroupId"].startswith("AGPA")
    exists(lambda: iam.create_group(GroupName="readers"), "Group with name readers already exists.")
    missing(
        lambda: iam.add_user_to_group(GroupName="nothing", UserName="alice"),
        "The group with name nothing cannot be found.",
    )
    missing(
        lambda: iam.add_user_to_group(GroupName="Readers", UserName="nobody"),
        "The user with name nobody cannot be found.",
    )
    for _ in range(2):
        iam.add_user_to_group(GroupName="Readers", UserName="alice")
    assert [user["UserName"] for user in iam.get_group(GroupName="Readers")["Users"]] == ["alice"]
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="alice")["Groups"]] == ["Readers"]
    s3 = locum.client("s3", alice)
    with pytest.raises(Exception, match="AccessDenied"):
        s3.list_buckets()
    iam.put_group_policy(GroupName="Readers", PolicyName="p", PolicyDocument=policy(allow("s3:ListAllMyBuckets")))
    s3.list_buckets()
    iam.attach_group_policy(GroupName="Readers", PolicyArn=READ_ONLY)
    assert [p["PolicyName"] for p in iam.list_attached_group_policies(GroupName="Readers")["AttachedPolicies"]] == [
        "ReadOnlyAccess"
    ]
    assert iam.list_group_policies(GroupName="Readers")["PolicyNames"] == ["p"]
    assert iam.get_group_policy(GroupName="Readers", PolicyName="p")["PolicyDocument"]["Statement"] == [
        allow("s3:ListAllMyBuckets")
    ]
    in_the_way(
        lambda: iam.delete_group(GroupName="Readers"), "Cannot delete entity, must remove users from group first."
    )
    iam.remove_user_from_group(GroupName="Readers", UserName="alice")
    with pytest.raises(Exception, match="AccessDenied"):
        s3.list_buckets()
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_group(GroupName="Readers")
    iam.delete_group_policy(GroupName="Readers", PolicyName="p")
    in_the_way(lambda: iam.delete_group(GroupName="Readers"), "Cannot delete entity, must detach all policies first.")
    iam.detach_group_policy(GroupName="Readers", PolicyArn=READ_ONLY)
    iam.update_group(GroupName="Readers", NewGroupName="Writers")
    assert [group["GroupName"] for group in iam.list_groups()["Groups"]] == ["Writers"]
    iam.delete_group(GroupName="Writers")
    missing(lambda: iam.get_group(GroupName="Writers"), "The group with name Writers cannot be found.")


# Roles


def test_roles(iam):
    made = iam.create_role(
        RoleName="Role",
        Path="/team/",
        AssumeRolePolicyDocument=TRUST,
        Description="reads",
        MaxSessionDuration=7200,
        Tags=[{"Key": "k", "Value": "v"}],
    )["Role"]
    assert made["Arn"] == arn("role", "team/Role") and made["RoleId"].startswith("AROA")
    assert "MaxSessionDuration" not in made and "RoleLastUsed" not in made
    found = iam.get_role(RoleName="role")["Role"]
    assert (found["RoleName"], found["Description"], found["MaxSessionDuration"]) == ("Role", "reads", 7200)
    assert found["RoleLastUsed"] == {} and found["Tags"] == [{"Key": "k", "Value": "v"}]
    assert found["AssumeRolePolicyDocument"] == json.loads(TRUST)
    exists(
        lambda: iam.create_role(RoleName="ROLE", AssumeRolePolicyDocument=TRUST), "Role with name ROLE already exists."
    )
    listed = iam.list_roles(PathPrefix="/team/")["Roles"]
    assert [role["RoleName"] for role in listed] == ["Role"]
    assert listed[0]["MaxSessionDuration"] == 7200 and "Tags" not in listed[0] and "RoleLastUsed" not in listed[0]
    iam.update_role(RoleName="Role", Description="writes")
    found = iam.get_role(RoleName="Role")["Role"]
    assert (found["Description"], found["MaxSessionDuration"]) == ("writes", 7200)
    assert iam.update_role_description(RoleName="Role", Description="rests")["Role"]["Description"] == "rests"
    iam.attach_role_policy(RoleName="Role", PolicyArn=READ_ONLY)
    in_the_way(lambda: iam.delete_role(RoleName="Role"), "Cannot delete entity, must detach all policies first.")
    iam.detach_role_policy(RoleName="Role", PolicyArn=READ_ONLY)
    iam.put_role_policy(RoleName="Role", PolicyName="p", PolicyDocument=DOCUMENT)
    in_the_way(lambda: iam.delete_role(RoleName="Role"), "Cannot delete entity, must delete policies first.")
    iam.delete_role_policy(RoleName="Role", PolicyName="p")
    iam.delete_role(RoleName="Role")
    missing(lambda: iam.get_role(RoleName="Role"), "The role with name Role cannot be found.")


def test_the_trusts_size(iam):
    statements = [
        trusting(root_of(ACCOUNT), Condition={"StringEquals": {"sts:ExternalId": "x" * 200}}) for _ in range(9)
    ]
    over(
        lambda: iam.create_role(RoleName="role", AssumeRolePolicyDocument=policy(*statements)),
        "Cannot exceed quota for ACLSizePerRole: 2048",
    )


# Policies


def test_managed_policies(locum, iam):
    made = iam.create_policy(PolicyName="Own", Path="/p/", PolicyDocument=DOCUMENT, Description="d")["Policy"]
    own = arn("policy", "p/Own")
    assert (made["Arn"], made["DefaultVersionId"], made["AttachmentCount"]) == (own, "v1", 0)
    assert made["PolicyId"].startswith("ANPA") and made["IsAttachable"] is True
    assert made["PermissionsBoundaryUsageCount"] == 0
    exists(
        lambda: iam.create_policy(PolicyName="own", PolicyDocument=DOCUMENT),
        "A policy called own already exists. Duplicate names are not allowed.",
    )
    assert iam.get_policy(PolicyArn=own)["Policy"]["Description"] == "d"
    listed = iam.list_policies(Scope="Local")["Policies"]
    assert [entry["Arn"] for entry in listed] == [own] and "Description" not in listed[0]
    for number in range(2, 6):
        version = iam.create_policy_version(PolicyArn=own, PolicyDocument=policy(allow(f"s3:Get{number}*")))[
            "PolicyVersion"
        ]
        assert (version["VersionId"], version["IsDefaultVersion"]) == (f"v{number}", False)
    over(
        lambda: iam.create_policy_version(PolicyArn=own, PolicyDocument=DOCUMENT),
        "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.",
    )
    in_the_way(
        lambda: iam.delete_policy_version(PolicyArn=own, VersionId="v1"),
        "Cannot delete the default version of a policy.",
    )
    iam.set_default_policy_version(PolicyArn=own, VersionId="v3")
    iam.delete_policy_version(PolicyArn=own, VersionId="v5")
    # A number is never used again.
    last = iam.create_policy_version(PolicyArn=own, PolicyDocument=DOCUMENT, SetAsDefault=True)["PolicyVersion"]
    assert (last["VersionId"], last["IsDefaultVersion"]) == ("v6", True)
    versions = {v["VersionId"]: v["IsDefaultVersion"] for v in iam.list_policy_versions(PolicyArn=own)["Versions"]}
    assert versions == {"v1": False, "v2": False, "v3": False, "v4": False, "v6": True}
    document = iam.get_policy_version(PolicyArn=own, VersionId="v3")["PolicyVersion"]["Document"]
    assert document["Statement"] == [allow("s3:Get3*")]
    missing(
        lambda: iam.get_policy_version(PolicyArn=own, VersionId="v5"),
        f"Policy {own} version v5 does not exist or is not attachable.",
    )
    in_the_way(
        lambda: iam.delete_policy(PolicyArn=own),
        "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. "
        "The default version is deleted with the policy.",
    )
    for version in ("v1", "v2", "v3", "v4"):
        iam.delete_policy_version(PolicyArn=own, VersionId=version)
    locum.user("alice")
    iam.attach_user_policy(UserName="alice", PolicyArn=own)
    in_the_way(lambda: iam.delete_policy(PolicyArn=own), "Cannot delete a policy attached to entities.")
    iam.detach_user_policy(UserName="alice", PolicyArn=own)
    iam.delete_policy(PolicyArn=own)
    missing(lambda: iam.get_policy(PolicyArn=own), f"Policy {own} was not found.")


def test_attachments(locum, iam):
    alice = locum.user("alice")
    own = iam.create_policy(PolicyName="own", PolicyDocument=policy(allow("s3:ListAllMyBuckets")))["Policy"]["Arn"]
    for _ in range(2):
        iam.attach_user_policy(UserName="alice", PolicyArn=own)
    attached = iam.list_attached_user_policies(UserName="alice")["AttachedPolicies"]
    assert attached == [{"PolicyName": "own", "PolicyArn": own}]
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 1
    locum.client("s3", alice).list_buckets()
    iam.create_policy_version(PolicyArn=own, PolicyDocument=policy(deny("*")), SetAsDefault=True)
    with pytest.raises(Exception, match="with an explicit deny in an identity-based policy"):
        locum.client("s3", alice).list_buckets()
    locum.role("role", root_of(ACCOUNT), managed=[own])
    iam.create_group(GroupName="group")
    iam.attach_group_policy(GroupName="group", PolicyArn=own)
    entities = iam.list_entities_for_policy(PolicyArn=own)
    assert [entry["UserName"] for entry in entities["PolicyUsers"]] == ["alice"]
    assert [entry["RoleName"] for entry in entities["PolicyRoles"]] == ["role"]
    assert [entry["GroupName"] for entry in entities["PolicyGroups"]] == ["group"]
    assert iam.get_policy(PolicyArn=own)["Policy"]["AttachmentCount"] == 3
    iam.detach_user_policy(UserName="alice", PolicyArn=own)
    missing(lambda: iam.detach_user_policy(UserName="alice", PolicyArn=own), f"Policy {own} was not found.")
    nothing = arn("policy", "nothing")
    missing(
        lambda: iam.attach_user_policy(UserName="alice", PolicyArn=nothing),
        f"Policy {nothing} does not exist or is not attachable.",
    )
    refused(
        lambda: iam.attach_user_policy(UserName="alice", PolicyArn="this is not an ARN at all"),
        "ValidationError",
        "Invalid ARN:  Could not be parsed!",
        400,
    )


def test_ten_attachments(locum, iam):
    locum.user("alice")
    locum.role("role", root_of(ACCOUNT))
    arns = [iam.create_policy(PolicyName=f"p{n}", PolicyDocument=DOCUMENT)["Policy"]["Arn"] for n in range(11)]
    for one in arns[:10]:
        iam.attach_user_policy(UserName="alice", PolicyArn=one)
        iam.attach_role_policy(RoleName="role", PolicyArn=one)
    over(
        lambda: iam.attach_user_policy(UserName="alice", PolicyArn=arns[10]),
        "Cannot exceed quota for PoliciesPerUser: 10",
    )
    over(
        lambda: iam.attach_role_policy(RoleName="role", PolicyArn=arns[10]),
        "Cannot exceed quota for PoliciesPerRole: 10",
    )


def test_inline_policies(iam):
    iam.create_user(UserName="alice")
    iam.put_user_policy(UserName="alice", PolicyName="Read", PolicyDocument=DOCUMENT)
    other = policy(allow("s3:PutObject"))
    iam.put_user_policy(UserName="alice", PolicyName="read", PolicyDocument=other)
    assert iam.list_user_policies(UserName="alice")["PolicyNames"] == ["Read"]
    found = iam.get_user_policy(UserName="alice", PolicyName="READ")
    assert (found["UserName"], found["PolicyName"], found["PolicyDocument"]) == ("alice", "READ", json.loads(other))
    iam.delete_user_policy(UserName="alice", PolicyName="Read")
    for call in (iam.get_user_policy, iam.delete_user_policy):
        missing(
            lambda call=call: call(UserName="alice", PolicyName="Read"),
            "The user policy with name Read cannot be found.",
        )
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)
    missing(
        lambda: iam.get_role_policy(RoleName="role", PolicyName="Read"),
        "The role policy with name Read cannot be found.",
    )
    big = policy(allow("s3:GetObject", ["arn:aws:s3:::" + "x" * 500 for _ in range(22)]))
    over(
        lambda: iam.put_role_policy(RoleName="role", PolicyName="big", PolicyDocument=big),
        "Maximum policy size of 10240 bytes exceeded for role role",
    )
    over(
        lambda: iam.create_policy(PolicyName="big", PolicyDocument=big),
        "Cannot exceed quota for PolicySize: 6144",
    )


def test_documents_are_kept_to_the_byte(locum, iam):
    """Blanks and percent signs too: a document is encoded once, whatever it holds."""
    iam.create_user(UserName="alice")
    document = '{ "Version":"2012-10-17",\n\t"Statement": {"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::b/%20+é"} }'
    iam.put_user_policy(UserName="alice", PolicyName="p", PolicyDocument=document)
    answer = locum.form("iam", {"Action": "GetUserPolicy", "UserName": "alice", "PolicyName": "p"})
    import urllib.parse

    encoded = answer.value("PolicyDocument")
    assert urllib.parse.unquote(encoded) == document
    assert "%2520" in encoded and "%20" in encoded and "+" not in encoded and "%7B" in encoded


def test_aws_managed_policies(iam):
    names = {
        "AdministratorAccess",
        "PowerUserAccess",
        "ReadOnlyAccess",
        "SecurityAudit",
        "job-function/ViewOnlyAccess",
        "IAMFullAccess",
        "IAMReadOnlyAccess",
        "AmazonS3FullAccess",
        "AmazonS3ReadOnlyAccess",
    }
    pages = iam.get_paginator("list_policies").paginate(Scope="AWS")
    listed = {entry["Arn"]: entry for page in pages for entry in page["Policies"]}
    assert {f"arn:aws:iam::aws:policy/{name}" for name in names} <= listed.keys()
    assert len(listed) >= 25
    for one in listed:
        found = iam.get_policy(PolicyArn=one)["Policy"]
        document = iam.get_policy_version(PolicyArn=one, VersionId=found["DefaultVersionId"])["PolicyVersion"][
            "Document"
        ]
        assert document["Version"] == "2012-10-17"
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    for call in (
        lambda: iam.delete_policy(PolicyArn=administrator),
        lambda: iam.create_policy_version(PolicyArn=administrator, PolicyDocument=DOCUMENT),
    ):
        with pytest.raises(iam.exceptions.ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "AccessDenied"


# Boundaries, tags, pages


def test_boundaries(iam):
    own = iam.create_policy(PolicyName="own", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    iam.create_user(UserName="alice", PermissionsBoundary=own)
    boundary = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": own}
    assert iam.get_user(UserName="alice")["User"]["PermissionsBoundary"] == boundary
    assert iam.get_policy(PolicyArn=own)["Policy"]["PermissionsBoundaryUsageCount"] == 1
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_policy(PolicyArn=own)
    iam.delete_user_permissions_boundary(UserName="alice")
    assert "PermissionsBoundary" not in iam.get_user(UserName="alice")["User"]
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_user_permissions_boundary(UserName="alice")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)
    iam.put_role_permissions_boundary(RoleName="role", PermissionsBoundary=own)
    assert iam.get_role(RoleName="role")["Role"]["PermissionsBoundary"] == boundary
    iam.delete_role_permissions_boundary(RoleName="role")
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=arn("policy", "nothing"))


def test_tags(iam):
    iam.create_user(UserName="alice")
    iam.tag_user(UserName="alice", Tags=[{"Key": "dept", "Value": "a"}, {"Key": "Cost", "Value": ""}])
    iam.tag_user(UserName="alice", Tags=[{"Key": "Dept", "Value": "b"}])
    tags = iam.list_user_tags(UserName="alice")["Tags"]
    assert sorted((tag["Key"], tag["Value"]) for tag in tags) == [("Cost", ""), ("Dept", "b")]
    iam.untag_user(UserName="alice", TagKeys=["DEPT", "nothing"])
    assert iam.list_user_tags(UserName="alice")["Tags"] == [{"Key": "Cost", "Value": ""}]
    refused(
        lambda: iam.tag_user(UserName="alice", Tags=[{"Key": "a", "Value": "1"}, {"Key": "A", "Value": "2"}]),
        "InvalidInput",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        400,
    )
    with pytest.raises(iam.exceptions.InvalidInputException):
        iam.tag_user(UserName="alice", Tags=[{"Key": "aws:x", "Value": "1"}])
    refused(
        lambda: iam.tag_user(UserName="alice", Tags=[{"Key": f"k{n}", "Value": ""} for n in range(51)]),
        "ValidationError",
        validation("Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"),
        400,
    )
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.tag_user(UserName="alice", Tags=[{"Key": f"k{n}", "Value": ""} for n in range(50)])
    assert len(iam.list_user_tags(UserName="alice")["Tags"]) == 1
    # Keys of policies mind the case.
    own = iam.create_policy(PolicyName="own", PolicyDocument=DOCUMENT, Tags=[{"Key": "a", "Value": "1"}])["Policy"][
        "Arn"
    ]
    iam.tag_policy(PolicyArn=own, Tags=[{"Key": "A", "Value": "2"}])
    assert len(iam.list_policy_tags(PolicyArn=own)["Tags"]) == 2
    iam.untag_policy(PolicyArn=own, TagKeys=["A"])
    assert iam.list_policy_tags(PolicyArn=own)["Tags"] == [{"Key": "a", "Value": "1"}]
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)
    iam.tag_role(RoleName="role", Tags=[{"Key": "a", "Value": "1"}])
    iam.untag_role(RoleName="role", TagKeys=["A"])
    assert iam.list_role_tags(RoleName="role")["Tags"] == []


def test_tags_decide(locum, iam):
    condition = {"StringEquals": {"aws:ResourceTag/owner": "${aws:PrincipalTag/owner}"}}
    alice = locum.user("alice", allow("iam:DeleteUser", Condition=condition), Tags=[{"Key": "owner", "Value": "a"}])
    iam.create_user(UserName="hers", Tags=[{"Key": "owner", "Value": "a"}])
    iam.create_user(UserName="his", Tags=[{"Key": "owner", "Value": "b"}])
    own = locum.client("iam", alice)
    own.delete_user(UserName="hers")
    refused(
        lambda: own.delete_user(UserName="his"),
        "AccessDenied",
        not_authorized(
            arn("user", "alice"), "iam:DeleteUser", arn("user", "his"), no_identity_policy("iam:DeleteUser")
        ),
    )


def test_pages(iam):
    names = [f"user-{n:02}" for n in range(25)]
    for name in reversed(names):
        iam.create_user(UserName=name)
    page = iam.list_users(MaxItems=10)
    assert page["IsTruncated"] is True and len(page["Users"]) == 10
    seen = [user["UserName"] for user in page["Users"]]
    # A page's size may change on the way.
    page = iam.list_users(MaxItems=3, Marker=page["Marker"])
    seen += [user["UserName"] for user in page["Users"]]
    page = iam.list_users(Marker=page["Marker"])
    seen += [user["UserName"] for user in page["Users"]]
    assert page["IsTruncated"] is False and "Marker" not in page
    assert seen == names
    for wrong in ({"MaxItems": 0}, {"MaxItems": 1001}):
        with pytest.raises(iam.exceptions.ClientError) as caught:
            iam.list_users(**wrong)
        assert caught.value.response["Error"]["Code"] == "ValidationError"


def test_a_marker_is_of_its_list(iam):
    for n in range(4):
        iam.create_user(UserName=f"u{n}")
        iam.create_group(GroupName=f"g{n}")
    marker = iam.list_users(MaxItems=2)["Marker"]
    for call in (
        lambda: iam.list_groups(Marker=marker),
        lambda: iam.list_users(Marker=marker, PathPrefix="/x/"),
    ):
        refused(call, "ValidationError", "Invalid Marker.", 400)
    assert [user["UserName"] for user in iam.list_users(Marker=marker)["Users"]] == ["u2", "u3"]


# Every list that takes a PathPrefix, and what else it needs.
LISTS_BY_PATH = {
    "list_users": {},
    "list_roles": {},
    "list_groups": {},
    "list_policies": {},
    "list_server_certificates": {},
    "list_attached_user_policies": {"UserName": "user"},
    "list_attached_role_policies": {"RoleName": "role"},
    "list_attached_group_policies": {"GroupName": "group"},
    "list_entities_for_policy": {"PolicyArn": READ_ONLY},
}


@pytest.fixture
def one_of_each(iam):
    iam.create_user(UserName="user")
    iam.create_role(RoleName="role", AssumeRolePolicyDocument=TRUST)
    iam.create_group(GroupName="group")
    return iam


def test_the_lists_by_path_are_all_there(iam):
    """The service's model names no other: boto3's and IAM's rows agree."""
    model = iam.meta.service_model
    found = {
        xform_name(name)
        for name in model.operation_names
        if "PathPrefix" in getattr(model.operation_model(name).input_shape, "members", {})
    }
    assert found - LISTS_BY_PATH.keys() <= {"list_instance_profiles"}
    assert LISTS_BY_PATH.keys() <= found


@pytest.mark.parametrize("name", LISTS_BY_PATH)
def test_a_path_prefix_begins_with_a_slash(one_of_each, name):
    model = one_of_each.meta.service_model.operation_model(one_of_each.meta.method_to_api_mapping[name])
    shape = model.input_shape.members["PathPrefix"]
    pattern = f"Member must satisfy regular expression pattern: {shape.metadata['pattern']}"
    ask = getattr(one_of_each, name)
    refused(
        lambda: ask(PathPrefix="x/", **LISTS_BY_PATH[name]),
        "ValidationError",
        validation(f"Value at 'pathPrefix' failed to satisfy constraint: {pattern}"),
        400,
    )
    assert ask(PathPrefix="/x/", **LISTS_BY_PATH[name])["IsTruncated"] is False


@pytest.mark.parametrize("name", LISTS_BY_PATH)
def test_a_marker_that_is_none(one_of_each, name):
    ask = getattr(one_of_each, name)
    refused(
        lambda: ask(Marker="no marker of ours", **LISTS_BY_PATH[name]), "ValidationError", "Invalid Marker.", 400
    )


def test_values_of_an_enumeration(iam):
    """IAM does not print which values there are."""
    key = {"UserName": "user", "AccessKeyId": "AKIAQQQQQQQQQQQQQQQQ"}
    for name, call in (
        ("status", lambda: iam.update_access_key(**key, Status="x")),
        ("scope", lambda: iam.list_policies(Scope="x")),
        ("policyUsageFilter", lambda: iam.list_policies(PolicyUsageFilter="x")),
        ("entityFilter", lambda: iam.list_entities_for_policy(PolicyArn=READ_ONLY, EntityFilter="x")),
        ("policyUsageFilter", lambda: iam.list_entities_for_policy(PolicyArn=READ_ONLY, PolicyUsageFilter="x")),
    ):
        clause = f"Value at '{name}' failed to satisfy constraint: Member must satisfy enum value set"
        refused(call, "ValidationError", validation(clause), 400)


def test_a_version_id_that_is_none(iam):
    """One character fails the pattern, and no constraint of length besides."""
    own = iam.create_policy(PolicyName="own", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    pattern = r"Member must satisfy regular expression pattern: v[1-9][0-9]*(\.[A-Za-z0-9-]*)?"
    for call in (iam.get_policy_version, iam.delete_policy_version, iam.set_default_policy_version):
        refused(
            lambda call=call: call(PolicyArn=own, VersionId="9"),
            "ValidationError",
            validation(f"Value at 'versionId' failed to satisfy constraint: {pattern}"),
            400,
        )


# Who may


def test_permission_is_needed_for_everything(locum):
    """A user without policies is refused each operation, before it is told what exists."""
    iam = locum.client("iam", locum.user("nobody"))
    who = arn("user", "nobody")
    calls = [
        ("CreateUser", arn("user", "x"), lambda: iam.create_user(UserName="x")),
        ("GetUser", arn("user", "x"), lambda: iam.get_user(UserName="x")),
        ("GetUser", who, lambda: iam.get_user()),
        ("DeleteUser", arn("user", "x"), lambda: iam.delete_user(UserName="x")),
        ("CreateAccessKey", arn("user", "x"), lambda: iam.create_access_key(UserName="x")),
        ("ListAccessKeys", who, lambda: iam.list_access_keys()),
        (
            "CreateRole",
            arn("role", "p/x"),
            lambda: iam.create_role(RoleName="x", Path="/p/", AssumeRolePolicyDocument=TRUST),
        ),
        ("GetRole", arn("role", "x"), lambda: iam.get_role(RoleName="x")),
        ("CreatePolicy", arn("policy", "x"), lambda: iam.create_policy(PolicyName="x", PolicyDocument=DOCUMENT)),
        ("GetPolicy", READ_ONLY, lambda: iam.get_policy(PolicyArn=READ_ONLY)),
        ("CreateGroup", arn("group", "x"), lambda: iam.create_group(GroupName="x")),
        ("AddUserToGroup", arn("group", "x"), lambda: iam.add_user_to_group(GroupName="x", UserName="y")),
        (
            "PutUserPolicy",
            arn("user", "x"),
            lambda: iam.put_user_policy(UserName="x", PolicyName="p", PolicyDocument=DOCUMENT),
        ),
        ("AttachRolePolicy", arn("role", "x"), lambda: iam.attach_role_policy(RoleName="x", PolicyArn=READ_ONLY)),
    ]
    for name, resource, call in calls:
        action = f"iam:{name}"
        refused(call, "AccessDenied", not_authorized(who, action, resource, no_identity_policy(action)))


def test_resources_are_the_stored_ones(locum, iam):
    """A name in another case is the same user, path and all."""
    iam.create_user(UserName="Carol", Path="/people/")
    alice = locum.user("alice", allow("iam:GetUser", arn("user", "people/Carol")))
    own = locum.client("iam", alice)
    assert own.get_user(UserName="CAROL")["User"]["UserName"] == "Carol"
    with pytest.raises(Exception, match="is not authorized to perform: iam:GetUser"):
        own.get_user(UserName="alice")


def test_root_has_no_entry(iam):
    assert iam.list_users()["Users"] == []
    keys = iam.list_access_keys()["AccessKeyMetadata"]
    assert [key["AccessKeyId"] for key in keys] == [ROOT_KEY_ID]
    assert Credentials(ROOT_KEY_ID, ROOT_CREDENTIALS.secret) == ROOT_CREDENTIALS
