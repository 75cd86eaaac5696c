"""Instance profiles and service-linked roles, through boto3 and the AWS CLI."""

from harness import ACCOUNT, ROOT_CREDENTIALS, allow, cli_error, no_identity_policy, not_authorized, refused, trusting

HELD = "Cannot delete entity, must remove roles from instance profile first."
EC2 = trusting({"Service": "ec2.amazonaws.com"})


def test_a_profile_hands_out_one_role(locum):
    iam = locum.client("iam")
    made = iam.create_instance_profile(InstanceProfileName="Web", Path="/hosts/", Tags=[{"Key": "team", "Value": "web"}])
    made = made["InstanceProfile"]
    assert made["Arn"] == f"arn:aws:iam::{ACCOUNT}:instance-profile/hosts/Web"
    assert made["InstanceProfileId"].startswith("AIPA")
    assert (made["Roles"], made["Tags"]) == ([], [{"Key": "team", "Value": "web"}])
    locum.role("job", EC2, Description="not shown")
    role = iam.get_role(RoleName="job")["Role"]
    iam.add_role_to_instance_profile(InstanceProfileName="web", RoleName="JOB")

    got = iam.get_instance_profile(InstanceProfileName="WEB")["InstanceProfile"]
    (held,) = got["Roles"]
    shown = ("Path", "RoleName", "RoleId", "Arn", "CreateDate", "AssumeRolePolicyDocument")
    assert held == {name: role[name] for name in shown}
    assert held["AssumeRolePolicyDocument"]["Statement"] == [EC2]
    iam.get_waiter("instance_profile_exists").wait(InstanceProfileName="Web")
    (listed,) = iam.list_instance_profiles_for_role(RoleName="job")["InstanceProfiles"]
    assert (listed["InstanceProfileName"], "Tags" in listed) == ("Web", False)

    refused(lambda: iam.delete_role(RoleName="job"), "DeleteConflict", HELD, 409)
    refused(lambda: iam.delete_instance_profile(InstanceProfileName="web"), "DeleteConflict", HELD, 409)
    both = {"InstanceProfileName": "web", "RoleName": "job"}
    full = "Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"
    refused(lambda: iam.add_role_to_instance_profile(**both), "LimitExceeded", full, 409)
    iam.remove_role_from_instance_profile(**both)
    iam.tag_instance_profile(InstanceProfileName="web", Tags=[{"Key": "Team", "Value": "2"}])
    iam.untag_instance_profile(InstanceProfileName="web", TagKeys=["team"])
    assert iam.list_instance_profile_tags(InstanceProfileName="web")["Tags"] == [{"Key": "Team", "Value": "2"}]
    iam.delete_instance_profile(InstanceProfileName="web")
    missing = "Instance Profile web cannot be found."
    refused(lambda: iam.get_instance_profile(InstanceProfileName="web"), "NoSuchEntity", missing, 404)


def test_profiles_in_pages(locum):
    iam = locum.client("iam")
    for i in range(5):
        iam.create_instance_profile(InstanceProfileName=f"p{i}", Path="/x/" if i % 2 else "/")
    pages = iam.get_paginator("list_instance_profiles").paginate(PaginationConfig={"PageSize": 2})
    names = [[it["InstanceProfileName"] for it in page["InstanceProfiles"]] for page in pages]
    assert names == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    marker = iam.list_instance_profiles(MaxItems=1)["Marker"]
    other = lambda: iam.list_instance_profiles(Marker=marker, PathPrefix="/x/")  # noqa: E731
    refused(other, "ValidationError", "Invalid Marker.", 400)


def test_a_role_must_be_passed(locum):
    locum.client("iam").create_instance_profile(InstanceProfileName="web")
    role = locum.role("job", EC2)
    iam = locum.client("iam", locum.user("ann", allow("iam:AddRoleToInstanceProfile")))
    ann = f"arn:aws:iam::{ACCOUNT}:user/ann"
    message = not_authorized(ann, "iam:PassRole", role, no_identity_policy("iam:PassRole"))
    add = {"InstanceProfileName": "web", "RoleName": "job"}
    refused(lambda: iam.add_role_to_instance_profile(**add), "AccessDenied", message)


def test_a_service_linked_role(locum):
    iam = locum.client("iam")
    role = iam.create_service_linked_role(AWSServiceName="elasticbeanstalk.amazonaws.com", Description="d")["Role"]
    assert role["RoleName"] == "AWSServiceRoleForElasticBeanstalk"
    assert role["Path"] == "/aws-service-role/elasticbeanstalk.amazonaws.com/"
    assert role["AssumeRolePolicyDocument"]["Statement"] == [
        trusting({"Service": ["elasticbeanstalk.amazonaws.com"]}, ["sts:AssumeRole"])
    ]
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    assert (status["Status"], "Reason" in status) == ("SUCCEEDED", False)

    iam.create_service_linked_role(AWSServiceName="sso.amazonaws.com")
    locum.client("organizations").enable_aws_service_access(ServicePrincipal="sso.amazonaws.com")
    task = iam.delete_service_linked_role(RoleName="AWSServiceRoleForSSO")["DeletionTaskId"]
    status = iam.get_service_linked_role_deletion_status(DeletionTaskId=task)
    (usage,) = status["Reason"]["RoleUsageList"]
    assert status["Status"] == "FAILED"
    assert status["Reason"]["Reason"] == "The service still has trusted access to the organization."
    assert (usage["Region"], len(usage["Resources"])) == ("us-east-1", 1)


def test_the_cli(locum):
    made = locum.aws_json("iam", "create-instance-profile", "--instance-profile-name", "p", credentials=ROOT_CREDENTIALS)
    assert made["InstanceProfile"]["InstanceProfileName"] == "p"
    again = locum.aws("iam", "create-instance-profile", "--instance-profile-name", "P", credentials=ROOT_CREDENTIALS)
    message = "Instance Profile P already exists."
    assert cli_error(again) == ("EntityAlreadyExists", "CreateInstanceProfile", message)
