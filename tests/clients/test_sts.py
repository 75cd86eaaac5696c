"""STS as boto3 sees it: what each operation answers, and what its credentials can do."""

import base64
import datetime
import json
import re

import pytest
from harness import (
    ACCOUNT,
    Credentials,
    allow,
    deny,
    no_identity_policy,
    not_authorized,
    not_authorized_at_s3,
    policy,
    refused,
    root_of,
    trusting,
    validation,
)

ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
TOKEN_SIZE = {"SessionTokenSize", "SessionTokenUtilization"}
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


@pytest.fixture
def alice(locum):
    return locum.user("alice", allow(["sts:*", "s3:*", "iam:*"]))


def body_of(answer):
    return {name: value for name, value in answer.items() if name != "ResponseMetadata"}


def account_in(key_id):
    """The account that AWS's key id layout holds: after the prefix, 48 bits, of which 40 are the account."""
    number = int.from_bytes(base64.b32decode(key_id[4:])[:6], "big")
    return f"{(number & 0x7FFFFFFFFF80) >> 7:012}"


def test_caller_identity(locum, alice):
    assert body_of(locum.client("sts").get_caller_identity()) == {
        "UserId": ACCOUNT,
        "Account": ACCOUNT,
        "Arn": root_of(ACCOUNT),
    }
    user = locum.client("iam").get_user(UserName="alice")["User"]
    expected = {"UserId": user["UserId"], "Account": ACCOUNT, "Arn": USER}
    sts = locum.client("sts", alice)
    assert body_of(sts.get_caller_identity()) == expected
    temporary = Credentials.of(sts.get_session_token())
    assert body_of(locum.client("sts", temporary).get_caller_identity()) == expected
    federated = Credentials.of(sts.get_federation_token(Name="fed"))
    assert body_of(locum.client("sts", federated).get_caller_identity()) == {
        "UserId": f"{ACCOUNT}:fed",
        "Account": ACCOUNT,
        "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/fed",
    }


def test_caller_identity_cannot_be_denied(locum, alice):
    locum.client("iam").put_user_policy(UserName="alice", PolicyName="no", PolicyDocument=policy(deny("*")))
    assert locum.client("sts", alice).get_caller_identity()["Arn"] == USER
    temporary = Credentials.of(locum.client("sts", alice).get_session_token())
    assert locum.client("sts", temporary).get_caller_identity()["Arn"] == USER


def test_any_region(locum, alice):
    for region in ("us-east-1", "eu-central-1", "ap-southeast-2"):
        assert locum.client("sts", alice, region=region).get_caller_identity()["Arn"] == USER


def test_assume_role(locum, alice):
    locum.role("role", root_of(ACCOUNT), Path="/team/a/")
    arn = f"arn:aws:iam::{ACCOUNT}:role/team/a/role"
    role_id = locum.client("iam").get_role(RoleName="role")["Role"]["RoleId"]
    answer = locum.client("sts", alice).assume_role(RoleArn=arn, RoleSessionName="work")
    assert set(body_of(answer)) == {"Credentials", "AssumedRoleUser", *TOKEN_SIZE}
    assert answer["AssumedRoleUser"] == {
        "AssumedRoleId": f"{role_id}:work",
        # Without the role's path.
        "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/role/work",
    }
    issued = answer["Credentials"]
    assert set(issued) == {"AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"}
    assert re.fullmatch("ASIA[A-Z2-7]{16}", issued["AccessKeyId"])
    assert re.fullmatch("[A-Za-z0-9/+]{40}", issued["SecretAccessKey"])
    assert 40 < len(issued["SessionToken"]) < 4096
    left = issued["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert 3540 < left.total_seconds() <= 3600
    assert account_in(issued["AccessKeyId"]) == ACCOUNT
    identity = locum.client("sts", Credentials.of(answer)).get_caller_identity()
    assert (identity["UserId"], identity["Arn"]) == (f"{role_id}:work", answer["AssumedRoleUser"]["Arn"])


def test_the_path_is_part_of_the_arn(locum, alice):
    """The ARN without the path is another role, which is not there."""
    locum.role("role", root_of(ACCOUNT), Path="/team/")
    sts = locum.client("sts", alice)
    refused(
        lambda: sts.assume_role(RoleArn=ROLE, RoleSessionName="work"),
        "AccessDenied",
        not_authorized(USER, "sts:AssumeRole", ROLE),
    )


def test_each_session_is_its_own(locum, alice):
    locum.role("role", root_of(ACCOUNT))
    issued = [locum.assume(alice, ROLE) for _ in range(5)]
    for part in ("id", "secret", "token"):
        assert len({getattr(session, part) for session in issued}) == 5


def test_session_policies_only_narrow(locum, alice):
    locum.role("role", root_of(ACCOUNT), allow(["s3:ListAllMyBuckets", "s3:CreateBucket"]))
    narrow = locum.assume(alice, ROLE, Policy=policy(allow(["s3:ListAllMyBuckets", "iam:ListUsers"])))
    locum.client("s3", narrow).list_buckets()
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session"
    refused(
        lambda: locum.client("s3", narrow).create_bucket(Bucket="bucket"),
        "AccessDenied",
        not_authorized_at_s3(
            arn, "s3:CreateBucket", "arn:aws:s3:::bucket", "because no session policy allows the s3:CreateBucket action"
        ),
    )
    # What only the session policy allows stays forbidden.
    refused(
        lambda: locum.client("iam", narrow).list_users(),
        "AccessDenied",
        not_authorized(arn, "iam:ListUsers", f"arn:aws:iam::{ACCOUNT}:user/", no_identity_policy("iam:ListUsers")),
    )
    denied = locum.assume(alice, ROLE, Policy=policy(allow("*"), deny("s3:ListAllMyBuckets")))
    refused(
        lambda: locum.client("s3", denied).list_buckets(),
        "AccessDenied",
        not_authorized_at_s3(arn, "s3:ListAllMyBuckets", "arn:aws:s3:::*", "with an explicit deny in a session policy"),
    )


def test_managed_session_policies(locum, alice):
    locum.role("role", root_of(ACCOUNT), allow("s3:*"))
    sts = locum.client("sts", alice)
    answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="session", PolicyArns=[{"arn": READ_ONLY}])
    assert 0 < answer["PackedPolicySize"] <= 100
    session = Credentials.of(answer)
    locum.client("s3", session).list_buckets()
    refused(
        lambda: locum.client("s3", session).create_bucket(Bucket="bucket"),
        "AccessDenied",
        not_authorized_at_s3(
            f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session",
            "s3:CreateBucket",
            "arn:aws:s3:::bucket",
            "because no session policy allows the s3:CreateBucket action",
        ),
    )
    # They are looked up at use: an edited policy reaches the sessions that run.
    iam = locum.client("iam")
    own = iam.create_policy(PolicyName="own", PolicyDocument=policy(allow("s3:ListAllMyBuckets")))["Policy"]["Arn"]
    session = Credentials.of(sts.assume_role(RoleArn=ROLE, RoleSessionName="session", PolicyArns=[{"arn": own}]))
    locum.client("s3", session).list_buckets()
    iam.create_policy_version(PolicyArn=own, PolicyDocument=policy(allow("s3:GetObject")), SetAsDefault=True)
    with pytest.raises(Exception, match="because no session policy allows the s3:ListAllMyBuckets action"):
        locum.client("s3", session).list_buckets()
    with pytest.raises(Exception) as caught:
        sts.assume_role(
            RoleArn=ROLE,
            RoleSessionName="session",
            PolicyArns=[{"arn": f"arn:aws:iam::{ACCOUNT}:policy/nothing"}],
        )
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_packed_size_grows_with_the_policy(locum, alice):
    locum.role("role", root_of(ACCOUNT))
    sts = locum.client("sts", alice)

    def packed(count):
        document = policy(*[allow("s3:GetObject", f"arn:aws:s3:::bucket-{n * 7919 % 10007}/*") for n in range(count)])
        answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="session", Policy=document)
        return answer["PackedPolicySize"]

    sizes = [packed(count) for count in (1, 5, 15)]
    assert 0 < sizes[0] < sizes[1] < sizes[2] <= 100
    assert sts.get_federation_token(Name="fed")["PackedPolicySize"] == 0


def test_session_token(locum, alice):
    answer = locum.client("sts", alice).get_session_token(DurationSeconds=900)
    assert set(body_of(answer)) == {"Credentials", *TOKEN_SIZE}
    session = Credentials.of(answer)
    locum.client("s3", session).list_buckets()
    # IAM only with MFA, and of STS AssumeRole and GetCallerIdentity.
    invalid = "The security token included in the request is invalid"
    refused(locum.client("iam", session).list_users, "InvalidClientTokenId", invalid)
    locum.role("role", root_of(ACCOUNT))
    assert locum.assume(session, ROLE).id.startswith("ASIA")


def test_a_token_is_as_long_as_asked(locum, alice):
    """With everything that the token holds; its size and its share of the longest are told."""
    locum.role("role", trusting(USER, ["sts:AssumeRole", "sts:TagSession"]), allow("s3:*"))
    sts = locum.client("sts", alice)

    def of_role(**size):
        return sts.assume_role(
            RoleArn=ROLE,
            RoleSessionName="session",
            Policy=policy(allow("s3:ListAllMyBuckets")),
            Tags=[{"Key": "Team", "Value": "blue"}],
            **size,
        )

    def of_user(**size):
        return sts.get_session_token(**size)

    def federated(**size):
        return sts.get_federation_token(Name="fed", Policy=policy(allow("s3:ListAllMyBuckets")), **size)

    for ask in (of_role, of_user, federated):
        plain = ask()["SessionTokenSize"]
        assert 40 < plain < 400
        for asked in (None, 0, 1, plain - 1, plain, plain + 1, plain + 7, 1000, 4095, 4096):
            answer = ask() if asked is None else ask(MinimumSessionTokenSize=asked)
            token = answer["Credentials"]["SessionToken"]
            assert answer["SessionTokenSize"] == len(token)
            # Of base64 there is no text of 4n + 1 characters.
            needed = max(asked or 0, plain)
            assert len(token) == needed + (needed % 4 == 1), asked
            assert answer["SessionTokenUtilization"] == -(-len(token) * 100 // 20480)
            locum.client("s3", Credentials.of(answer)).list_buckets()
    longest = Credentials.of(of_role(MinimumSessionTokenSize=4096))
    with pytest.raises(Exception, match="because no session policy allows the s3:CreateBucket action"):
        locum.client("s3", longest).create_bucket(Bucket="bucket")
    for wrong, bound in ((-1, "greater than or equal to 0"), (4097, "less than or equal to 4096")):
        clause = f"Value '{wrong}' at 'minimumSessionTokenSize' failed to satisfy constraint: Member must have value {bound}"
        for ask in (of_role, of_user, federated):
            refused(lambda ask=ask, n=wrong: ask(MinimumSessionTokenSize=n), "ValidationError", validation(clause), 400)


def test_federation_token(locum, alice):
    sts = locum.client("sts", alice)
    answer = sts.get_federation_token(Name="fed", Policy=policy(allow("s3:ListAllMyBuckets")), DurationSeconds=900)
    assert answer["FederatedUser"] == {
        "FederatedUserId": f"{ACCOUNT}:fed",
        "Arn": f"arn:aws:sts::{ACCOUNT}:federated-user/fed",
    }
    assert 0 < answer["PackedPolicySize"] <= 100
    session = Credentials.of(answer)
    locum.client("s3", session).list_buckets()
    arn = answer["FederatedUser"]["Arn"]
    refused(
        lambda: locum.client("s3", session).create_bucket(Bucket="bucket"),
        "AccessDenied",
        not_authorized_at_s3(
            arn, "s3:CreateBucket", "arn:aws:s3:::bucket", "because no session policy allows the s3:CreateBucket action"
        ),
    )
    invalid = "The security token included in the request is invalid"
    refused(locum.client("iam", session).list_users, "InvalidClientTokenId", invalid)
    locum.role("role", root_of(ACCOUNT))
    with pytest.raises(Exception) as caught:
        locum.assume(session, ROLE)
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_federation_token_without_a_policy_opens_nothing(locum, alice):
    session = Credentials.of(locum.client("sts", alice).get_federation_token(Name="fed"))
    refused(
        locum.client("s3", session).list_buckets,
        "AccessDenied",
        not_authorized_at_s3(
            f"arn:aws:sts::{ACCOUNT}:federated-user/fed",
            "s3:ListAllMyBuckets",
            "arn:aws:s3:::*",
            "because no session policy allows the s3:ListAllMyBuckets action",
        ),
    )


def test_federation_token_needs_permission(locum):
    bob = locum.user("bob")
    arn = f"arn:aws:iam::{ACCOUNT}:user/bob"
    refused(
        lambda: locum.client("sts", bob).get_federation_token(Name="fed"),
        "AccessDenied",
        not_authorized(
            arn,
            "sts:GetFederationToken",
            f"arn:aws:sts::{ACCOUNT}:federated-user/fed",
            no_identity_policy("sts:GetFederationToken"),
        ),
    )
    # GetSessionToken needs none.
    assert Credentials.of(locum.client("sts", bob).get_session_token()).id.startswith("ASIA")


def test_access_key_info(locum, alice):
    sts = locum.client("sts", alice)
    assert sts.get_access_key_info(AccessKeyId=alice.id)["Account"] == ACCOUNT
    # The id carries the account, whether or not there is such a key.
    assert sts.get_access_key_info(AccessKeyId="ASIAQNZGKIQY56JQ7WML")["Account"] == "029608264753"
    locum.role("role", root_of(ACCOUNT))
    assert sts.get_access_key_info(AccessKeyId=locum.assume(alice, ROLE).id)["Account"] == ACCOUNT
    assert account_in(alice.id) == ACCOUNT
    bob = locum.user("bob")
    with pytest.raises(Exception, match="is not authorized to perform: sts:GetAccessKeyInfo"):
        locum.client("sts", bob).get_access_key_info(AccessKeyId=alice.id)


def test_trust_conditions(locum, alice):
    names = trusting(USER, Condition={"StringLike": {"sts:RoleSessionName": "${aws:username}-*"}})
    locum.role("role", names)
    assert locum.assume(alice, ROLE, "alice-1").id.startswith("ASIA")
    sts = locum.client("sts", alice)
    refused(
        lambda: sts.assume_role(RoleArn=ROLE, RoleSessionName="bob-1"),
        "AccessDenied",
        not_authorized(USER, "sts:AssumeRole", ROLE),
    )


def test_trust_needs_no_permission_when_it_names_the_user(locum):
    bob = locum.user("bob")
    locum.role("role", f"arn:aws:iam::{ACCOUNT}:user/bob")
    assert locum.assume(bob, ROLE).id.startswith("ASIA")
    locum.client("iam").put_user_policy(UserName="bob", PolicyName="no", PolicyDocument=policy(deny("sts:AssumeRole")))
    sts = locum.client("sts", bob)
    # Without the reason, which would tell that the role exists.
    refused(
        lambda: sts.assume_role(RoleArn=ROLE, RoleSessionName="session"),
        "AccessDenied",
        not_authorized(f"arn:aws:iam::{ACCOUNT}:user/bob", "sts:AssumeRole", ROLE),
    )


def test_boundaries_limit(locum, alice):
    iam = locum.client("iam")
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=policy(allow("s3:ListAllMyBuckets")))["Policy"][
        "Arn"
    ]
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=boundary)
    s3 = locum.client("s3", alice)
    s3.list_buckets()
    refused(
        lambda: s3.create_bucket(Bucket="bucket"),
        "AccessDenied",
        not_authorized_at_s3(
            USER,
            "s3:CreateBucket",
            "arn:aws:s3:::bucket",
            "because no permissions boundary allows the s3:CreateBucket action",
        ),
    )
    locum.role("role", root_of(ACCOUNT), allow("s3:*"), PermissionsBoundary=boundary)
    iam.delete_user_permissions_boundary(UserName="alice")
    session = locum.assume(alice, ROLE)
    locum.client("s3", session).list_buckets()
    with pytest.raises(Exception, match="because no permissions boundary allows the s3:CreateBucket action"):
        locum.client("s3", session).create_bucket(Bucket="bucket")


def test_envelopes(locum):
    """The XML itself: names, namespaces, ids."""
    answer = locum.form("sts", {"Action": "GetCallerIdentity"})
    assert answer.headers["content-type"].split(";")[0] == "text/xml"
    assert '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">' in answer.text
    assert answer.value("RequestId") == answer.headers["x-amzn-requestid"]
    answer = locum.form("sts", {"Action": "AssumeRole"})
    assert '<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">' in answer.text
    assert answer.value("Type") == "Sender"
    assert answer.value("RequestId") == answer.headers["x-amzn-requestid"]


def test_get_requests(locum):
    target = "/?Action=GetCallerIdentity&Version=2011-06-15"
    answer = locum.server.send("GET", target, locum.sign("sts", "GET", target))
    assert (answer.status, answer.value("Arn")) == (200, root_of(ACCOUNT))


def test_json_answers_for_those_who_ask(locum):
    answer = locum.form("sts", {"Action": "GetCallerIdentity"}, headers={"Accept": "application/json"})
    assert answer.headers["content-type"].split(";")[0] == "application/json"
    found = json.loads(answer.body)["GetCallerIdentityResponse"]
    assert found["GetCallerIdentityResult"]["Arn"] == root_of(ACCOUNT)
    assert found["ResponseMetadata"]["RequestId"]
