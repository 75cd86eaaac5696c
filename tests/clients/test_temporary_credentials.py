"""What each kind of temporary credentials may call, whatever its policies allow."""

import datetime

import pyotp
import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    SESSION,
    Credentials,
    allow,
    no_identity_policy,
    not_authorized,
    not_authorized_at_s3,
    policy,
    refused,
    root_of,
)

INVALID = "The security token included in the request is invalid"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
# The least that each signed operation of STS takes.
STS = {
    "AssumeRole": {"RoleArn": ROLE, "RoleSessionName": "again"},
    "AssumeRoot": {
        "TargetPrincipal": "999999999999",
        "TaskPolicyArn.arn": "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy",
    },
    "DecodeAuthorizationMessage": {"EncodedMessage": "message"},
    "GetAccessKeyInfo": {"AccessKeyId": "ASIAQNZGKIQY56JQ7WML"},
    "GetCallerIdentity": {},
    "GetDelegatedAccessToken": {"TradeInToken": "token"},
    "GetFederationToken": {"Name": "fay"},
    "GetSessionToken": {},
    "GetWebIdentityToken": {"Audience.member.1": "audience", "SigningAlgorithm": "ES384"},
}
# What a refusal names, where that is not `*`.
RESOURCES = {
    "AssumeRole": ROLE,
    "AssumeRoot": root_of("999999999999"),
    "GetWebIdentityToken": f"arn:aws:sts::{ACCOUNT}:self",
}
# What those of AssumeRole may call is told by what they may not.
OF_A_ROLE = set(STS) - {"GetSessionToken", "GetFederationToken"}
OF_ONES_OWN = {"AssumeRole", "GetCallerIdentity", "GetWebIdentityToken"}
WHO_AM_I = {"GetCallerIdentity"}


@pytest.fixture
def alice(locum):
    """A user who may do everything, and a role that trusts everyone and may too."""
    locum.role("role", "*", allow("*"))
    return locum.user("alice", allow("*"))


def with_mfa(locum, credentials):
    device = locum.client("iam").create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    totp = pyotp.TOTP(device["Base32StringSeed"].decode())
    now = locum.clock.now(remove_tzinfo=False)
    locum.client("iam").enable_mfa_device(
        UserName="alice",
        SerialNumber=device["SerialNumber"],
        AuthenticationCode1=totp.at(now - datetime.timedelta(seconds=30)),
        AuthenticationCode2=totp.at(now),
    )
    locum.advance(60)
    code = totp.at(locum.clock.now(remove_tzinfo=False))
    answer = locum.client("sts", credentials).get_session_token(SerialNumber=device["SerialNumber"], TokenCode=code)
    return Credentials.of(answer)


def federated(locum, credentials, *statements):
    options = {"Policy": policy(*statements)} if statements else {}
    return Credentials.of(locum.client("sts", credentials).get_federation_token(Name="fed", **options))


KINDS = {
    "AssumeRole": (
        lambda locum, alice: locum.assume(alice, ROLE),
        f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session",
        OF_A_ROLE,
    ),
    "GetSessionToken with MFA": (with_mfa, f"arn:aws:iam::{ACCOUNT}:user/alice", OF_ONES_OWN),
    "GetSessionToken": (
        lambda locum, alice: Credentials.of(locum.client("sts", alice).get_session_token()),
        f"arn:aws:iam::{ACCOUNT}:user/alice",
        OF_ONES_OWN,
    ),
    "GetSessionToken of root": (
        lambda locum, _: Credentials.of(locum.client("sts").get_session_token()),
        root_of(ACCOUNT),
        OF_ONES_OWN - {"AssumeRole", "GetWebIdentityToken"},
    ),
    "GetFederationToken": (
        lambda locum, alice: federated(locum, alice, allow("*")),
        f"arn:aws:sts::{ACCOUNT}:federated-user/fed",
        WHO_AM_I,
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_sts(locum, alice, kind):
    make, arn, may = KINDS[kind]
    credentials = make(locum, alice)
    signed = set(SESSION.client("sts", region_name="us-east-1").meta.service_model.operation_names)
    assert set(STS) == signed - {"AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"}
    for operation, form in STS.items():
        if locum.form("sts", {"Action": operation} | form, ROOT_CREDENTIALS).error()[1] == "InvalidAction":
            continue
        answer = locum.form("sts", {"Action": operation} | form, credentials)
        resource = RESOURCES.get(operation, "*")
        barred = not_authorized(arn, f"sts:{operation}", resource)
        if operation in ("GetSessionToken", "GetFederationToken"):
            barred = f"Cannot call {operation} with session credentials"
        if operation == "AssumeRole" and arn == root_of(ACCOUNT):
            barred = "Roles may not be assumed by root accounts."
        if operation not in may:
            assert answer.error() == (403, "AccessDenied", barred), (kind, operation)
        elif answer.status != 200:
            # Something else is wrong with the request, but not who makes it.
            assert answer.error()[2] != barred, (kind, operation)


@pytest.mark.parametrize(
    ("kind", "may"),
    [
        ("AssumeRole", True),
        ("GetSessionToken with MFA", True),
        ("GetSessionToken", False),
        ("GetSessionToken of root", False),
        ("GetFederationToken", False),
    ],
)
def test_iam(locum, alice, kind, may):
    iam = locum.client("iam", KINDS[kind][0](locum, alice))
    calls = [
        iam.list_users,
        lambda: iam.get_user(UserName="alice"),
        lambda: iam.create_user(UserName="made"),
        lambda: iam.delete_user(UserName="made"),
        lambda: iam.list_policies(Scope="Local"),
    ]
    for call in calls:
        if may:
            call()
        else:
            refused(call, "InvalidClientTokenId", INVALID)


@pytest.mark.parametrize("kind", KINDS)
def test_s3_and_organizations_are_open_to_every_kind(locum, alice, kind):
    credentials = KINDS[kind][0](locum, alice)
    s3 = locum.client("s3", credentials)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="k", Body=b"v")
    assert s3.get_object(Bucket="bucket", Key="k")["Body"].read() == b"v"
    organizations = locum.client("organizations", credentials)
    assert organizations.describe_organization()["Organization"]["MasterAccountId"] == ACCOUNT
    root = organizations.list_roots()["Roots"][0]["Id"]
    unit = organizations.create_organizational_unit(ParentId=root, Name="unit")["OrganizationalUnit"]["Id"]
    organizations.delete_organizational_unit(OrganizationalUnitId=unit)


def test_federated_users_have_what_their_policies_let_them(locum, alice):
    locum.client("s3", alice).create_bucket(Bucket="bucket")
    arn = f"arn:aws:sts::{ACCOUNT}:federated-user/fed"
    reason = "because no session policy allows the {} action"
    nothing = federated(locum, alice)
    narrow = federated(locum, alice, allow(["s3:ListBucket", "organizations:ListRoots"]))
    locum.client("s3", narrow).list_objects_v2(Bucket="bucket")
    locum.client("organizations", narrow).list_roots()
    for credentials, action in [(nothing, "s3:ListBucket"), (narrow, "s3:PutObject")]:
        s3 = locum.client("s3", credentials)
        resource = "arn:aws:s3:::bucket" if action == "s3:ListBucket" else "arn:aws:s3:::bucket/k"
        call = {
            "s3:ListBucket": lambda s3=s3: s3.list_objects_v2(Bucket="bucket"),
            "s3:PutObject": lambda s3=s3: s3.put_object(Bucket="bucket", Key="k", Body=b""),
        }[action]
        refused(call, "AccessDenied", not_authorized_at_s3(arn, action, resource, reason.format(action)))
    for credentials in (nothing, narrow):
        action = "organizations:DescribeOrganization"
        message = not_authorized(arn, action, "*", reason.format(action))
        call = locum.client("organizations", credentials).describe_organization
        refused(call, "AccessDeniedException", message, 400)


def test_a_session_may_no_more_than_its_user(locum):
    bob = locum.user("bob", allow("s3:ListAllMyBuckets"))
    own = Credentials.of(locum.client("sts", bob).get_session_token())
    locum.client("s3", own).list_buckets()
    arn = f"arn:aws:iam::{ACCOUNT}:user/bob"
    action = "organizations:DescribeOrganization"
    message = not_authorized(arn, action, "*", no_identity_policy(action))
    call = locum.client("organizations", own).describe_organization
    refused(call, "AccessDeniedException", message, 400)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        locum.client("iam", own).get_user()
