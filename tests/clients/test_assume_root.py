"""AssumeRoot: member accounts' root users, entered from the management account for one task."""

import json

import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    Credentials,
    allow,
    cli_error,
    deny,
    no_identity_policy,
    not_authorized,
    not_authorized_at_s3,
    policy,
    refused,
    root_of,
    trusting,
    validation,
    wait_for,
)

IAM = "iam.amazonaws.com"
TASKS = "arn:aws:iam::aws:policy/root-task/"
UNLOCK = f"{TASKS}S3UnlockBucketPolicy"
AUDIT = f"{TASKS}IAMAuditRootUserCredentials"
DELETE = f"{TASKS}IAMDeleteRootUserCredentials"
BY_TASK = "with an explicit deny in a session policy"
CONSENT = "because no resource-based policy allows the sts:AssumeRoot action"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
NOT_TRUSTED = "Trusted access is not enabled for iam.amazonaws.com in the organization."


def enable(locum):
    locum.client("organizations").enable_aws_service_access(ServicePrincipal=IAM)
    iam = locum.client("iam")
    iam.enable_organizations_root_credentials_management()
    iam.enable_organizations_root_sessions()


@pytest.fixture
def bob(locum):
    """Who may enter every member."""
    enable(locum)
    return locum.user("bob", allow("sts:AssumeRoot", "arn:aws:iam::*:root"))


@pytest.fixture
def member(locum, bob):
    """A member account: its id and an administrator's credentials."""
    return locum.account("member")


def enter(locum, credentials, target, task=UNLOCK, **options):
    sts = locum.client("sts", credentials)
    return sts.assume_root(TargetPrincipal=target, TaskPolicyArn={"arn": task}, **options)


def locked(locum, administrator, name="locked"):
    """A bucket whose policy locks everyone out."""
    s3 = locum.client("s3", administrator)
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="k", Body=b"v")
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [f"arn:aws:s3:::{name}"]}
    s3.put_bucket_policy(Bucket=name, Policy=policy(statement))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_bucket_policy(Bucket=name)
    return name


def test_a_locked_bucket_is_unlocked_and_nothing_else(locum, bob, member):
    account, administrator = member
    bucket = locked(locum, administrator)
    answer = enter(locum, bob, account)
    assert set(answer) == {"Credentials", "SessionTokenSize", "SessionTokenUtilization", "ResponseMetadata"}
    session = Credentials.of(answer)
    assert session.id.startswith("ASIA")
    identity = locum.client("sts", session).get_caller_identity()
    assert (identity["UserId"], identity["Account"], identity["Arn"]) == (account, account, root_of(account))
    s3 = locum.client("s3", session)
    assert [found["Name"] for found in s3.list_buckets()["Buckets"]] == [bucket]
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"])["Statement"][0]["Effect"] == "Deny"

    def barred(call, action, resource):
        message = not_authorized_at_s3(root_of(account), action, resource, BY_TASK)
        refused(call, "AccessDenied", message)

    arn = f"arn:aws:s3:::{bucket}"
    barred(lambda: s3.get_object(Bucket=bucket, Key="k"), "s3:GetObject", f"{arn}/k")
    barred(lambda: s3.put_object(Bucket=bucket, Key="x", Body=b""), "s3:PutObject", f"{arn}/x")
    barred(lambda: s3.create_bucket(Bucket="another"), "s3:CreateBucket", "arn:aws:s3:::another")
    s3.delete_bucket_policy(Bucket=bucket)
    with pytest.raises(ClientError, match="NoSuchBucketPolicy"):
        s3.get_bucket_policy(Bucket=bucket)
    # What the bucket policy barred, the task bars still.
    barred(lambda: s3.list_objects_v2(Bucket=bucket), "s3:ListBucket", arn)
    barred(lambda: s3.delete_bucket(Bucket=bucket), "s3:DeleteBucket", arn)
    assert locum.client("s3", administrator).get_object(Bucket=bucket, Key="k")["Body"].read() == b"v"


def test_a_bucket_of_another_account_stays_locked(locum, bob, member):
    account, _ = member
    other, administrator = locum.account("other")
    bucket = locked(locum, administrator)
    s3 = locum.client("s3", Credentials.of(enter(locum, bob, account)))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.delete_bucket_policy(Bucket=bucket)
    # A bucket policy that lets the member in gives its root session no more than its task.
    open_to = {"Effect": "Allow", "Principal": {"AWS": root_of(account)}, "Action": "s3:*"}
    unlocked = Credentials.of(enter(locum, bob, other))
    opened = policy(open_to | {"Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"]})
    locum.client("s3", unlocked).put_bucket_policy(Bucket=bucket, Policy=opened)
    message = not_authorized_at_s3(root_of(account), "s3:GetObject", f"arn:aws:s3:::{bucket}/k", BY_TASK)
    refused(lambda: s3.get_object(Bucket=bucket, Key="k"), "AccessDenied", message)


def test_a_root_session_calls_no_other_service(locum, bob, member):
    account, _ = member
    session = Credentials.of(enter(locum, bob, root_of(account)))
    root = root_of(account)
    sts = locum.client("sts", session)
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    for call, action, resource in [
        (lambda: enter(locum, session, account), "sts:AssumeRoot", root),
        (lambda: sts.assume_role(RoleArn=role, RoleSessionName="session"), "sts:AssumeRole", role),
        (lambda: sts.get_access_key_info(AccessKeyId=session.id), "sts:GetAccessKeyInfo", "*"),
    ]:
        refused(call, "AccessDenied", not_authorized(root, action, resource))
    for name in ("GetSessionToken", "GetFederationToken"):
        call = sts.get_session_token if name == "GetSessionToken" else lambda: sts.get_federation_token(Name="fay")
        refused(call, "AccessDenied", f"Cannot call {name} with session credentials")
    message = not_authorized(root, "iam:CreateAccessKey", root, BY_TASK)
    refused(locum.client("iam", session).create_access_key, "AccessDenied", message)
    message = not_authorized(root, "organizations:DescribeOrganization", "*", BY_TASK)
    refused(locum.client("organizations", session).describe_organization, "AccessDeniedException", message, 400)


def test_root_users_credentials_are_audited_and_deleted(locum, bob, member):
    account, _ = member
    auditor = locum.client("iam", Credentials.of(enter(locum, bob, account, AUDIT)))
    assert auditor.list_access_keys()["AccessKeyMetadata"] == []
    assert auditor.list_mfa_devices()["MFADevices"] == []
    user = auditor.get_user()["User"]
    assert (user["Arn"], user["UserId"]) == (root_of(account), account)
    message = not_authorized(root_of(account), "iam:ListAccessKeys", f"arn:aws:iam::{account}:user/alice", BY_TASK)
    refused(lambda: auditor.list_access_keys(UserName="alice"), "AccessDenied", message)
    message = not_authorized(root_of(account), "iam:ListUsers", f"arn:aws:iam::{account}:user/", BY_TASK)
    refused(auditor.list_users, "AccessDenied", message)
    cleaner = locum.client("iam", Credentials.of(enter(locum, bob, account, DELETE)))
    key = "AKIAAAAAAAAAAAAAAAAA"
    message = f"The Access Key with id {key} cannot be found"
    refused(lambda: cleaner.delete_access_key(AccessKeyId=key), "NoSuchEntity", message, 404)
    message = not_authorized(root_of(account), "iam:DeleteAccessKey", root_of(account), BY_TASK)
    refused(lambda: auditor.delete_access_key(AccessKeyId=key), "AccessDenied", message)
    serial = f"arn:aws:iam::{account}:mfa/phone"
    message = f"VirtualMFADevice with serial number {serial} doesn't exist."
    refused(lambda: cleaner.deactivate_mfa_device(SerialNumber=serial), "NoSuchEntity", message, 404)


def test_who_may_not_enter(locum, bob, member):
    account, administrator = member

    def barred(credentials, principal, target, reason=None):
        message = not_authorized(principal, "sts:AssumeRoot", root_of(target), reason)
        refused(lambda: enter(locum, credentials, target), "AccessDenied", message)

    barred(ROOT_CREDENTIALS, root_of(ACCOUNT), account)
    carol = locum.user("carol")
    barred(carol, f"arn:aws:iam::{ACCOUNT}:user/carol", account, no_identity_policy("sts:AssumeRoot"))
    # An administrator of the member itself.
    session = f"arn:aws:sts::{account}:assumed-role/OrganizationAccountAccessRole/setup"
    barred(administrator, session, account)
    # The management account, and an account of no organization known here.
    barred(bob, BOB, ACCOUNT)
    barred(bob, BOB, "999999999999", CONSENT)
    # Sessions of one's own.
    own = Credentials.of(locum.client("sts", bob).get_session_token())
    barred(own, BOB, account)


def test_a_role_with_a_source_identity(locum, bob, member):
    account, _ = member
    statement = trusting(BOB, ["sts:AssumeRole", "sts:SetSourceIdentity"])
    role = locum.role("operator", statement, allow("sts:AssumeRoot"))
    operator = locum.assume(bob, role, SourceIdentity="Ann")
    answer = enter(locum, operator, account)
    assert answer["SourceIdentity"] == "Ann"
    bucket = "by-ann"
    administrator = member[1]
    s3 = locum.client("s3", administrator)
    s3.create_bucket(Bucket=bucket)
    session = locum.client("s3", Credentials.of(answer))
    wanted = {"Effect": "Deny", "Principal": "*", "Action": "s3:ListBucket", "Resource": f"arn:aws:s3:::{bucket}"}
    condition = {"StringEquals": {"aws:SourceIdentity": "Ann"}}
    session.put_bucket_policy(Bucket=bucket, Policy=policy(wanted | {"Condition": condition}))
    for credentials, listed in [(answer, False), (enter(locum, bob, account), True)]:
        listing = locum.client("s3", Credentials.of(credentials))
        reason = BY_TASK if listed else "with an explicit deny in a resource-based policy"
        message = not_authorized_at_s3(root_of(account), "s3:ListBucket", f"arn:aws:s3:::{bucket}", reason)
        refused(lambda listing=listing: listing.list_objects_v2(Bucket=bucket), "AccessDenied", message)
    session.delete_bucket_policy(Bucket=bucket)


def test_what_is_wrong_with_a_request(locum, bob, member):
    account, _ = member
    sts = locum.client("sts", bob)
    null = "Value at '{}' failed to satisfy constraint: Member must not be null"
    both = validation(null.format("targetPrincipal"), null.format("taskPolicyArn"))
    refused(sts.assume_root, "ValidationError", both, 400)
    for seconds, clause in [
        (901, "Member must have value less than or equal to 900"),
        (-1, "Member must have value greater than or equal to 0"),
    ]:
        message = validation(f"Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: {clause}")
        lasting = {"DurationSeconds": seconds}
        refused(lambda lasting=lasting: enter(locum, bob, account, **lasting), "ValidationError", message, 400)
    short = "Member must have length greater than or equal to 12"
    short = validation(f"Value '12345678901' at 'targetPrincipal' failed to satisfy constraint: {short}")
    refused(lambda: enter(locum, bob, "12345678901"), "ValidationError", short, 400)
    for target in (
        f" {account}",
        f"{account} ",
        f"arn:aws:iam::{account}:ROOT",
        f"ARN:aws:iam::{account}:root",
        f"arn:aws:iam::{account}:user/root",
    ):
        refused(lambda target=target: enter(locum, bob, target), "ValidationError", f"{target} is invalid", 400)
    named = {"PolicyName": "S3UnlockBucketPolicy", "Path": "/root-task/"}
    own = locum.client("iam").create_policy(PolicyDocument=policy(allow("*")), **named)
    for task in (own["Policy"]["Arn"], "arn:aws:iam::aws:policy/AdministratorAccess", UNLOCK.upper(), f"{UNLOCK} "):
        refused(lambda task=task: enter(locum, bob, account, task), "ValidationError", f"{task} is invalid", 400)


def test_a_session_ends(locum, bob, member):
    account, _ = member
    session = Credentials.of(enter(locum, bob, account, DurationSeconds=60))
    identity = locum.client("sts", session).get_caller_identity
    identity()
    locum.advance(60)
    refused(identity, "ExpiredToken", "The security token included in the request is expired")


def test_service_control_policies_bind_root_sessions(locum, bob, member):
    account, administrator = member
    bucket = locked(locum, administrator)
    organizations = locum.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    content = policy(deny("s3:DeleteBucketPolicy", Condition={"Bool": {"aws:AssumedRoot": "true"}}))
    made = organizations.create_policy(Name="no-root", Description="", Type="SERVICE_CONTROL_POLICY", Content=content)
    scp = made["Policy"]["PolicySummary"]["Id"]
    session = locum.client("s3", Credentials.of(enter(locum, bob, account)))
    organizations.attach_policy(PolicyId=scp, TargetId=account)
    reason = "with an explicit deny in a service control policy"
    message = not_authorized_at_s3(root_of(account), "s3:DeleteBucketPolicy", f"arn:aws:s3:::{bucket}", reason)
    refused(lambda: session.delete_bucket_policy(Bucket=bucket), "AccessDenied", message)
    organizations.detach_policy(PolicyId=scp, TargetId=account)
    session.delete_bucket_policy(Bucket=bucket)


def test_features_are_needed(locum):
    bob = locum.user("bob", allow("sts:AssumeRoot"))
    account, _ = locum.account("member")
    iam = locum.client("iam")
    organizations = locum.client("organizations")
    for call in (
        iam.list_organizations_features,
        iam.enable_organizations_root_sessions,
        iam.disable_organizations_root_sessions,
        iam.enable_organizations_root_credentials_management,
        iam.disable_organizations_root_credentials_management,
    ):
        refused(call, "ServiceAccessNotEnabledException", NOT_TRUSTED, 400)

    def without(task, feature):
        reason = f"because {feature} is not enabled in the organization"
        message = not_authorized(BOB, "sts:AssumeRoot", root_of(account), reason)
        refused(lambda: enter(locum, bob, account, task), "AccessDenied", message)

    without(UNLOCK, "RootSessions")
    organizations.enable_aws_service_access(ServicePrincipal=IAM)
    without(UNLOCK, "RootSessions")
    identifier = organizations.describe_organization()["Organization"]["Id"]
    answer = iam.enable_organizations_root_sessions()
    assert (answer["OrganizationId"], answer["EnabledFeatures"]) == (identifier, ["RootSessions"])
    enter(locum, bob, account)
    without(AUDIT, "RootCredentialsManagement")
    answer = iam.enable_organizations_root_credentials_management()
    assert sorted(answer["EnabledFeatures"]) == ["RootCredentialsManagement", "RootSessions"]
    assert iam.list_organizations_features()["EnabledFeatures"] == answer["EnabledFeatures"]
    enter(locum, bob, account, AUDIT)
    assert iam.disable_organizations_root_sessions()["EnabledFeatures"] == ["RootCredentialsManagement"]
    without(UNLOCK, "RootSessions")
    assert iam.disable_organizations_root_credentials_management()["EnabledFeatures"] == []
    without(AUDIT, "RootCredentialsManagement")


def test_a_delegated_administrator(locum, bob, member):
    account, _ = member
    delegated, administrator = locum.account("delegated")
    organizations = locum.client("organizations")
    statement = allow(["sts:AssumeRoot", "iam:*Organizations*", "organizations:*"])
    ann = locum.user("ann", statement, credentials=administrator)
    reader = locum.client("organizations", ann)
    ann_arn = f"arn:aws:iam::{delegated}:user/ann"
    message = not_authorized(ann_arn, "sts:AssumeRoot", root_of(account), CONSENT)
    refused(lambda: enter(locum, ann, account), "AccessDenied", message)
    features = locum.client("iam", ann).list_organizations_features
    message = "The account is neither the management account nor a delegated administrator for IAM."
    refused(features, "AccountNotManagementOrDelegatedAdministratorException", message, 400)

    organizations.register_delegated_administrator(AccountId=delegated, ServicePrincipal=IAM)
    enter(locum, ann, account)
    assert len(features()["EnabledFeatures"]) == 2
    iam = locum.client("iam", ann)
    message = "The account is not the management account of the organization."
    refused(iam.enable_organizations_root_sessions, "CallerIsNotManagementAccountException", message, 400)
    listed = organizations.list_delegated_administrators(ServicePrincipal=IAM)["DelegatedAdministrators"]
    assert [entry["Id"] for entry in listed] == [delegated]
    assert set(listed[0]) == {
        "Id",
        "Arn",
        "Email",
        "Name",
        "Status",
        "State",
        "JoinedMethod",
        "JoinedTimestamp",
        "DelegationEnabledDate",
    }
    services = reader.list_delegated_services_for_account(AccountId=delegated)["DelegatedServices"]
    assert [entry["ServicePrincipal"] for entry in services] == [IAM]
    assert {entry["Id"] for entry in reader.list_accounts()["Accounts"]} == {ACCOUNT, account, delegated}

    organizations.deregister_delegated_administrator(AccountId=delegated, ServicePrincipal=IAM)
    with pytest.raises(ClientError, match="no resource-based policy"):
        enter(locum, ann, account)
    message = "You don't have permissions to access this resource."
    refused(reader.list_accounts, "AccessDeniedException", message, 400)


def test_trusted_access_and_delegation_have_their_errors(locum):
    organizations = locum.client("organizations")
    member, _ = locum.account("member")

    def fails(call, code, message, reason=None):
        answer = refused(call, code, message, 400)
        assert answer.get("Reason") == reason

    def register(account=member, service=IAM):
        return lambda: organizations.register_delegated_administrator(AccountId=account, ServicePrincipal=service)

    fails(
        register(),
        "ConstraintViolationException",
        "You attempted to register a delegated administrator before you enabled service access. "
        "Call the EnableAWSServiceAccess API first.",
        "SERVICE_ACCESS_NOT_ENABLED",
    )
    organizations.enable_aws_service_access(ServicePrincipal=IAM)
    listed = organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"]
    assert [entry["ServicePrincipal"] for entry in listed] == [IAM]
    fails(
        register(ACCOUNT),
        "ConstraintViolationException",
        "You can register only a member account as a delegated administrator, not the management account.",
        "CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR",
    )
    fails(register("999999999999"), "AccountNotFoundException", "You specified an account that doesn't exist.")
    fails(
        lambda: organizations.enable_aws_service_access(ServicePrincipal="IAM.amazonaws.com"),
        "InvalidInputException",
        "You specified a service principal that isn't recognized.",
        "UNRECOGNIZED_SERVICE_PRINCIPAL",
    )
    fails(
        lambda: organizations.enable_aws_service_access(ServicePrincipal="iam amazonaws com"),
        "InvalidInputException",
        "You provided a value that does not match the required pattern.",
        "INVALID_PATTERN",
    )
    register()()
    registered = "The specified account is already a delegated administrator for this AWS service."
    fails(register(), "AccountAlreadyRegisteredException", registered)
    organizations.deregister_delegated_administrator(AccountId=member, ServicePrincipal=IAM)
    unregistered = "The specified account is not a delegated administrator for this AWS service."
    fails(
        lambda: organizations.deregister_delegated_administrator(AccountId=member, ServicePrincipal=IAM),
        "AccountNotRegisteredException",
        unregistered,
    )
    fails(
        lambda: organizations.list_delegated_services_for_account(AccountId=member),
        "AccountNotRegisteredException",
        unregistered,
    )
    organizations.disable_aws_service_access(ServicePrincipal=IAM)
    assert organizations.list_aws_service_access_for_organization()["EnabledServicePrincipals"] == []


def test_the_aws_command_line(locum, bob, member):
    account, administrator = member
    bucket = locked(locum, administrator)
    answer = locum.aws_json(
        "sts", "assume-root", "--target-principal", account, "--task-policy-arn", f"arn={UNLOCK}", credentials=bob
    )
    session = Credentials.of(answer)
    ran = locum.aws("s3api", "delete-bucket-policy", "--bucket", bucket, credentials=session)
    assert ran.returncode == 0, ran.stderr
    code, operation, message = cli_error(locum.aws("s3", "rb", f"s3://{bucket}", credentials=session))
    assert (code, operation) == ("AccessDenied", "DeleteBucket")
    assert message == not_authorized_at_s3(root_of(account), "s3:DeleteBucket", f"arn:aws:s3:::{bucket}", BY_TASK)
    assert locum.aws_json("iam", "list-organizations-features", credentials=ROOT_CREDENTIALS)["EnabledFeatures"]


def test_the_record_and_a_restart(durable, tmp_path):
    locum = durable
    management = locum.client("sts").get_caller_identity()["Account"]
    enable(locum)
    bob = locum.user("bob", allow("sts:AssumeRoot"))
    account, administrator = locum.account("member")
    bucket = locked(locum, administrator)
    session = Credentials.of(enter(locum, bob, account))
    locum.server.terminate()
    locum.server.start()
    # What is enabled, and the session, are there again.
    locum.client("s3", session).delete_bucket_policy(Bucket=bucket)
    assert len(locum.client("iam").list_organizations_features()["EnabledFeatures"]) == 2

    def records(name):
        files = (tmp_path / "data/audit").glob("*.jsonl")
        found = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        return [one for one in found if one["eventName"] == name and "errorCode" not in one]

    entered, members = wait_for(lambda: records("AssumeRoot")[1:] and records("AssumeRoot"), "the records of the one")
    done = wait_for(lambda: records("DeleteBucketPolicy"), "the record of the other")[-1]
    assert entered["userIdentity"]["arn"] == f"arn:aws:iam::{management}:user/bob"
    assert entered["requestParameters"] == {"targetPrincipal": account, "taskPolicyArn": {"arn": UNLOCK}}
    assert entered["responseElements"]["credentials"]["accessKeyId"] == session.id
    assert entered["readOnly"] is True
    # The member learns that its root user was assumed, whether or not the session is ever used.
    assert (entered["recipientAccountId"], members["recipientAccountId"]) == (management, account)
    assert members["resources"] == [{"accountId": account, "ARN": root_of(account)}]
    assert members["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": entered["userIdentity"]["principalId"],
        "accountId": management,
    }
    assert members["sharedEventID"] == entered["sharedEventID"]
    assert members["responseElements"] == entered["responseElements"]
    identity = done["userIdentity"]
    issued = identity["sessionContext"]["attributes"].pop("creationDate")
    assert issued == entered["eventTime"]
    assert identity == {
        "type": "Root",
        "principalId": account,
        "arn": root_of(account),
        "accountId": account,
        "accessKeyId": session.id,
        "sessionContext": {"attributes": {"mfaAuthenticated": "false"}, "assumedRoot": "true"},
    }
    assert done["recipientAccountId"] == account
    text = "".join(file.read_text() for file in (tmp_path / "data/audit").glob("*.jsonl"))
    assert session.token not in text and session.secret not in text
