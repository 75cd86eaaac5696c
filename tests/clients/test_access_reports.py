"""Reports about credentials and about who used what: from outside, with boto3."""

import csv
import io
import re

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNT, Locum, Server, allow, policy, refused, wait_for, works

FOUR_HOURS = 4 * 60 * 60
PERIOD = 400 * 24 * 60 * 60


def arn(resource):
    return f"arn:aws:iam::{ACCOUNT}:{resource}"


def rows(report):
    text = report["Content"].decode()
    assert not text.endswith("\n") and "\r" not in text
    return list(csv.DictReader(io.StringIO(text)))


# The credential report


def test_a_credential_report_is_made_kept_and_expires(locum):
    iam = locum.client("iam")
    absent = "The credential report does not exist. To generate a credential report, use GenerateCredentialReport."
    refused(iam.get_credential_report, "ReportNotPresent", absent, 410)
    alice = locum.user("alice,=1", allow("iam:GetUser"))
    locum.client("iam", alice).get_user()

    def used():
        return iam.get_access_key_last_used(AccessKeyId=alice.id)["AccessKeyLastUsed"]["ServiceName"] == "iam"

    wait_for(used, "the use to be noted")
    started = iam.generate_credential_report()
    assert (started["State"], started["Description"]) == (
        "STARTED",
        "No report exists. Starting a new report generation task",
    )
    complete = iam.generate_credential_report()
    assert complete["State"] == "COMPLETE" and "Description" not in complete
    report = iam.get_credential_report()
    assert report["ReportFormat"] == "text/csv"
    root, user = rows(report)
    assert (root["user"], root["password_enabled"], root["access_key_1_active"]) == (
        "<root_account>",
        "not_supported",
        "true",
    )
    assert (user["user"], user["arn"], len(user)) == ("alice,=1", arn("user/alice,=1"), 22)
    assert (user["access_key_1_active"], user["access_key_1_last_used_service"]) == ("true", "iam")
    assert (user["mfa_active"], user["access_key_2_last_rotated"]) == ("false", "N/A")
    iam.create_user(UserName="later")
    assert iam.get_credential_report()["Content"] == report["Content"]
    locum.advance(FOUR_HOURS)
    expired = "The most recent credential report has expired. To generate a new credential report, use GenerateCredentialReport."
    refused(iam.get_credential_report, "ReportExpired", expired, 410)
    assert iam.generate_credential_report()["State"] == "STARTED"
    assert [row["user"] for row in rows(iam.get_credential_report())][1:] == ["alice,=1", "later"]


# Last accessed


def denied(call):
    with pytest.raises(ClientError) as caught:
        call()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def told(iam, of, granularity="ACTION_LEVEL"):
    """What a new report says, by namespace."""
    job = iam.generate_service_last_accessed_details(Arn=of, Granularity=granularity)["JobId"]
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", job)
    pages = []
    marker = {}
    while True:
        page = iam.get_service_last_accessed_details(JobId=job, **marker)
        assert (page["JobStatus"], page["JobType"]) == ("COMPLETED", granularity)
        assert page["JobCompletionDate"] >= page["JobCreationDate"]
        pages += page["ServicesLastAccessed"]
        if not page["IsTruncated"]:
            break
        marker = {"Marker": page["Marker"]}
    assert [service["ServiceNamespace"] for service in pages] == sorted(s["ServiceNamespace"] for s in pages)
    return {service["ServiceNamespace"]: service for service in pages}


def actions(service):
    return [action["ActionName"] for action in service.get("TrackedActionsLastAccessed", [])]


def test_what_a_user_tried_is_told_whatever_came_of_it(locum):
    iam = locum.client("iam")
    locum.client("s3").create_bucket(Bucket="pages")
    statement = allow(["s3:*", "iam:GetUser", "sqs:*"])
    alice = locum.user("alice", statement)
    s3 = locum.client("s3", alice)
    s3.put_object(Bucket="pages", Key="a", Body=b"a")
    s3.get_object(Bucket="pages", Key="a")
    s3.list_objects_v2(Bucket="pages")
    denied(locum.client("iam", alice).list_users)
    alice_arn = arn("user/alice")
    wait_for(lambda: "ListUsers" in actions(told(iam, alice_arn)["iam"]), "the attempts to be noted")
    services = told(iam, alice_arn)
    assert sorted(services) == ["iam", "s3", "sqs"]
    assert actions(services["s3"]) == ["GetObject", "ListBucket", "PutObject"]
    assert services["s3"]["ServiceName"] == "Amazon S3"
    assert services["iam"]["ServiceName"] == "AWS Identity and Access Management"
    for namespace in ("s3", "iam"):
        service = services[namespace]
        assert (service["LastAuthenticatedEntity"], service["TotalAuthenticatedEntities"]) == (alice_arn, 1)
        assert service["LastAuthenticatedRegion"] == "us-east-1"
        assert abs((service["LastAuthenticated"] - locum.clock.now(False)).total_seconds()) < 60
    assert "LastAuthenticated" not in services["sqs"]
    assert services["sqs"]["TotalAuthenticatedEntities"] == 0
    assert "TrackedActionsLastAccessed" not in told(iam, alice_arn, "SERVICE_LEVEL")["s3"]
    locum.advance(PERIOD)
    assert "LastAuthenticated" not in told(iam, alice_arn)["s3"]


def test_a_policys_entities_and_who_grants(locum):
    iam = locum.client("iam")
    own = iam.create_policy(PolicyName="own", PolicyDocument=policy(allow("iam:*")))["Policy"]["Arn"]
    alice, _ = locum.user("alice"), locum.user("bob", allow("iam:Get*"))
    for name in ("alice", "bob"):
        iam.attach_user_policy(UserName=name, PolicyArn=own)
    locum.client("iam", alice).list_users()

    def entities():
        job = iam.generate_service_last_accessed_details(Arn=own)["JobId"]
        told = iam.get_service_last_accessed_details_with_entities(JobId=job, ServiceNamespace="iam")
        return [(it["EntityInfo"]["Name"], "LastAuthenticated" in it) for it in told["EntityDetailsList"]]

    wait_for(lambda: entities() == [("alice", True), ("bob", False)], "the attempt to be noted")
    granting = iam.list_policies_granting_service_access(Arn=arn("user/bob"), ServiceNamespaces=["iam", "s3"])
    by_service = {it["ServiceNamespace"]: it["Policies"] for it in granting["PoliciesGrantingServiceAccess"]}
    assert by_service == {
        "iam": [
            {"PolicyName": "own", "PolicyType": "MANAGED", "PolicyArn": own},
            {"PolicyName": "p0", "PolicyType": "INLINE", "EntityType": "USER", "EntityName": "bob"},
        ],
        "s3": [],
    }


def test_a_job_is_nobody_elses(locum):
    iam = locum.client("iam")
    alice = locum.client("iam", locum.user("alice", allow("iam:*")))
    job = alice.generate_service_last_accessed_details(Arn=arn("user/alice"))["JobId"]
    assert alice.get_service_last_accessed_details(JobId=job)["JobStatus"] == "COMPLETED"
    missing = f"The job with id {job} cannot be found."
    refused(lambda: iam.get_service_last_accessed_details(JobId=job), "NoSuchEntity", missing, 404)


def test_everything_is_paged(locum):
    iam = locum.client("iam")
    administrator = "arn:aws:iam::aws:policy/AdministratorAccess"
    whole = told(iam, administrator, "SERVICE_LEVEL")
    assert len(whole) > 400
    job = iam.generate_service_last_accessed_details(Arn=administrator)["JobId"]
    page = iam.get_service_last_accessed_details(JobId=job, MaxItems=7)
    assert (len(page["ServicesLastAccessed"]), page["IsTruncated"]) == (7, True)


def test_the_organizations_report(locum):
    iam, organizations = locum.client("iam"), locum.client("organizations")
    organization = organizations.describe_organization()["Organization"]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    member, credentials = locum.account("member")
    locum.client("iam", credentials).list_users()
    content = policy({"Effect": "Deny", "Action": "sqs:*", "Resource": "*"})
    made = organizations.create_policy(
        Name="no-sqs", Description="", Type="SERVICE_CONTROL_POLICY", Content=content
    )["Policy"]["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=made, TargetId=member)
    path = f"{organization}/{root}"

    def report(of, **more):
        job = iam.generate_organizations_access_report(EntityPath=of)["JobId"]
        return iam.get_organizations_access_report(JobId=job, MaxItems=1000, **more)

    def used():
        return report(path, SortKey="LAST_AUTHENTICATED_TIME_DESCENDING")["AccessDetails"][0].get("EntityPath")

    wait_for(lambda: used() == f"{path}/{member}", "the member's use to be noted")
    of_root, of_member = report(path), report(f"{path}/{member}")
    assert (of_root["JobStatus"], of_root["IsTruncated"]) == ("COMPLETED", False)
    assert of_root["NumberOfServicesAccessible"] == of_member["NumberOfServicesAccessible"] + 1
    namespaces = [detail["ServiceNamespace"] for detail in of_member["AccessDetails"]]
    assert "sqs" not in namespaces and namespaces == sorted(namespaces)
    iam_use = next(it for it in of_member["AccessDetails"] if it["ServiceNamespace"] == "iam")
    assert (iam_use["TotalAuthenticatedEntities"], iam_use["Region"]) == (1, "us-east-1")
    theirs = locum.client("iam", credentials)
    with pytest.raises(ClientError) as caught:
        theirs.generate_organizations_access_report(EntityPath=path)
    assert caught.value.response["Error"]["Code"] == "AccountNotManagementOrDelegatedAdministratorException"


# Several processes, and a restart


def test_uses_of_another_process_and_after_a_restart(durable, tmp_path):
    iam = durable.client("iam")
    alice = durable.user("alice", allow("iam:*"))
    of_alice = iam.get_user(UserName="alice")["User"]["Arn"]
    other = Server(tmp_path / "other", "--data", str(tmp_path / "data"), ephemeral=False)
    with other:
        wait_for(lambda: works(Locum(other), alice), "the key to be known to the other")
        Locum(other).client("iam", alice).list_users()
        wait_for(lambda: actions(told(iam, of_alice)["iam"]) == ["ListUsers"], "the other's write")
    durable.client("iam", alice).list_roles()
    # Written at the end, if not before.
    durable.server.terminate()
    durable.server.start()
    after = told(durable.client("iam"), of_alice)["iam"]
    assert actions(after) == ["ListRoles", "ListUsers"]
    assert after["LastAuthenticatedEntity"] == of_alice
