"""What a role may allow beyond AWS's limits, seen through the clients that people have."""

import json
import subprocess
import urllib.parse

import pytest
from harness import (
    ACCOUNT,
    BINARY,
    ROOT_CREDENTIALS,
    Credentials,
    allow,
    base_environment,
    cli_error,
    no_identity_policy,
    not_authorized,
    policy,
    refused,
    root_of,
    trusting,
    validation,
)

ROLE = f"arn:aws:iam::{ACCOUNT}:role/job"
ROLE_MAXIMUM = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
CHAINING = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
RESERVED = "Tag keys beginning with locum: are reserved for locum use."
DAY = 86400
# Clients that check what they send before they send it, as they do by default.
CHECKING = {"config": {"parameter_validation": True}}


def tag(key, value):
    return {"Key": f"locum:{key}", "Value": str(value)}


@pytest.fixture
def user(locum):
    return locum.user("user", allow(["sts:AssumeRole", "sts:TagSession"]))


def lake(tables, bucket="lake"):
    """What a data catalog writes: one statement for each table. No two prefixes look alike."""
    prefixes = [f"warehouse/db/table-{number:03}-{number * 2654435761 % 2**32:08x}" for number in range(tables)]
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/{prefix}/*"}
                for prefix in prefixes
            ],
        }
    ), prefixes


def test_a_session_of_two_days(locum, user):
    locum.role("job", root_of(ACCOUNT), Tags=[tag("MaxSessionDuration", 2 * DAY)])
    sts = locum.client("sts", user, **CHECKING)
    session = sts.assume_role(RoleArn=ROLE, RoleSessionName="run", DurationSeconds=2 * DAY)
    lasts = (session["Credentials"]["Expiration"].replace(tzinfo=None) - locum.clock.now()).total_seconds()
    assert 2 * DAY - 60 < lasts <= 2 * DAY
    locum.advance(2 * DAY - 60)
    held = locum.client("sts", Credentials.of(session))
    assert held.get_caller_identity()["Arn"].endswith(":assumed-role/job/run")
    locum.advance(61)
    expired = "The security token included in the request is expired"
    refused(held.get_caller_identity, "ExpiredToken", expired)
    refused(
        lambda: sts.assume_role(RoleArn=ROLE, RoleSessionName="run", DurationSeconds=2 * DAY + 1),
        "ValidationError",
        ROLE_MAXIMUM,
        400,
    )


def test_with_the_command_line(locum, user):
    locum.role("job", root_of(ACCOUNT))
    beyond = validation(
        f"Value '{DAY}' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"
    )

    def assume(*more):
        return locum.aws(
            "sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "run", *more, credentials=user
        )

    ran = assume("--duration-seconds", DAY)
    assert cli_error(ran) == ("ValidationError", "AssumeRole", beyond)
    # A second thing that is wrong is told with it, and then the role is not asked.
    code, _, message = cli_error(assume("--duration-seconds", DAY, "--external-id", "a b"))
    assert code == "ValidationError"
    assert message.startswith("2 validation errors detected: Value 'a b' at 'externalId'")
    assert message.endswith(beyond.split(": ", 1)[1])
    locum.aws_json(
        "iam",
        "tag-role",
        "--role-name",
        "job",
        "--tags",
        f"Key=locum:MaxSessionDuration,Value={DAY}",
        credentials=ROOT_CREDENTIALS,
    )
    assert assume("--duration-seconds", DAY).returncode == 0
    # No role allows more than a week, and what none allows is told as the model tells it.
    week = assume("--duration-seconds", 604801)
    assert cli_error(week) == ("ValidationError", "AssumeRole", beyond.replace(str(DAY), "604801"))


def test_chaining(locum, user):
    first = locum.role("first", root_of(ACCOUNT), allow("sts:AssumeRole"))
    locum.role("job", first, MaxSessionDuration=43200)
    sts = locum.client("sts", locum.assume(user, first), **CHECKING)

    def chained(seconds):
        return sts.assume_role(RoleArn=ROLE, RoleSessionName="run", DurationSeconds=seconds)

    refused(lambda: chained(7200), "ValidationError", CHAINING, 400)
    locum.client("iam").tag_role(RoleName="job", Tags=[tag("MaxChainedSessionDuration", 7200)])
    chained(7200)
    refused(lambda: chained(7201), "ValidationError", CHAINING, 400)


def test_a_catalog_with_a_hundred_tables(locum, user):
    locum.role("job", root_of(ACCOUNT), allow("s3:*"))
    sts = locum.client("sts", user, **CHECKING)
    document, prefixes = lake(100)
    assert len(document) > 10_000

    def vend():
        return sts.assume_role(RoleArn=ROLE, RoleSessionName="run", Policy=document)

    with pytest.raises(sts.exceptions.PackedPolicyTooLargeException):
        vend()
    locum.client("iam").tag_role(RoleName="job", Tags=[tag("MaxPackedPolicySize", 8192)])
    vended = vend()
    assert 1 < vended["PackedPolicySize"] <= 100
    # It is as large a policy, enforced on every request, as headers and as a parameter of a URL.
    root = locum.client("s3")
    root.create_bucket(Bucket="lake")
    for prefix in (prefixes[0], prefixes[-1], "secret"):
        root.put_object(Bucket="lake", Key=f"{prefix}/part", Body=prefix.encode())
    s3 = locum.client("s3", Credentials.of(vended))
    for prefix in (prefixes[0], prefixes[-1]):
        for _ in range(3):
            assert s3.get_object(Bucket="lake", Key=f"{prefix}/part")["Body"].read() == prefix.encode()
    with pytest.raises(s3.exceptions.ClientError) as caught:
        s3.get_object(Bucket="lake", Key="secret/part")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_the_largest_tokens_in_headers_and_in_urls(locum, user):
    """At the end of a chain of 64 sessions, and all of the space taken."""
    locum.role(
        "job",
        [root_of(ACCOUNT)],
        allow(["s3:*", "sts:AssumeRole"]),
        Tags=[tag("MaxPackedPolicySize", 8192)],
    )
    held = locum.assume(user, ROLE, "0" * 64)
    for number in range(1, 63):
        held = locum.assume(held, ROLE, f"{number:064}")
    tables = 100
    sts = locum.client("sts", held)
    while True:
        try:
            last = sts.assume_role(RoleArn=ROLE, RoleSessionName="l" * 64, Policy=lake(tables)[0])
        except sts.exceptions.PackedPolicyTooLargeException:
            break
        best, tables = last, tables + 10
    token = best["Credentials"]["SessionToken"]
    assert 16_000 < len(token) <= 20_480
    prefix = lake(1)[1][0]
    root = locum.client("s3")
    root.create_bucket(Bucket="lake")
    root.put_object(Bucket="lake", Key=f"{prefix}/part", Body=b"data")
    s3 = locum.client("s3", Credentials.of(best))
    assert s3.get_object(Bucket="lake", Key=f"{prefix}/part")["Body"].read() == b"data"
    url = s3.generate_presigned_url("get_object", {"Bucket": "lake", "Key": f"{prefix}/part"})
    target = url.removeprefix(locum.server.url)
    assert locum.server.send("GET", target).body == b"data"
    # A letter more, and one less, is no token.
    for wrong in (token + "A", token[:-1]):
        forged = target.replace(urllib.parse.quote(token, safe="-_"), wrong)
        assert forged != target
        assert locum.server.send("GET", forged).status in (400, 403)
    too_long = Credentials(held.id, held.secret, "A" * 20_481)
    answer = locum.form("sts", {"Action": "GetCallerIdentity"}, too_long)
    invalid = "The security token included in the request is invalid"
    assert answer.error() == (403, "InvalidClientTokenId", invalid)


def test_locum_exec_asks_for_what_the_role_allows(locum, user):
    locum.role("job", root_of(ACCOUNT), Tags=[tag("MaxSessionDuration", 2 * DAY)])
    home = locum.server.folder
    ran = subprocess.run(
        [
            BINARY,
            "credential-process",
            "--no-cache",
            "--role-arn",
            ROLE,
            "--duration-seconds",
            str(2 * DAY),
            "--endpoint-url",
            locum.server.url,
        ],
        env=base_environment(home) | user.environment(),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["SessionToken"]


# Who may set them


def test_who_may_tag_roles_may_not_set_limits(locum, user):
    locum.role("job", root_of(ACCOUNT))
    tagger = locum.user("tagger", allow("iam:*"))
    iam = locum.client("iam", tagger)
    iam.tag_role(RoleName="job", Tags=[{"Key": "team", "Value": "blue"}])
    sets = [("MaxSessionDuration", DAY), ("MaxChainedSessionDuration", 7200), ("MaxPackedPolicySize", 4096)]
    who = f"arn:aws:iam::{ACCOUNT}:user/tagger"
    for key, value in sets:
        action = f"locum:Set{key}"
        sentence = not_authorized(who, action, ROLE, no_identity_policy(action))
        refused(lambda: iam.tag_role(RoleName="job", Tags=[tag(key, value)]), "AccessDenied", sentence)
        refused(lambda: iam.untag_role(RoleName="job", TagKeys=[f"locum:{key}"]), "AccessDenied", sentence)
        refused(
            lambda: iam.create_role(
                RoleName="other", AssumeRolePolicyDocument=policy(trusting("*")), Tags=[tag(key, value)]
            ),
            "AccessDenied",
            sentence.replace("role/job", "role/other"),
        )
    root = locum.client("iam")
    bounded = allow(
        "locum:SetMaxSessionDuration",
        ROLE,
        Condition={"NumericLessThanEquals": {"aws:RequestTag/locum:MaxSessionDuration": str(DAY)}},
    )
    root.put_user_policy(UserName="tagger", PolicyName="limits", PolicyDocument=policy(bounded))
    iam.tag_role(RoleName="job", Tags=[tag("MaxSessionDuration", DAY)])
    action = "locum:SetMaxSessionDuration"
    refused(
        lambda: iam.tag_role(RoleName="job", Tags=[tag("MaxSessionDuration", DAY + 1)]),
        "AccessDenied",
        not_authorized(who, action, ROLE, no_identity_policy(action)),
    )
    simulated = root.simulate_principal_policy(
        PolicySourceArn=who,
        ActionNames=["locum:SetMaxSessionDuration", "locum:SetMaxPackedPolicySize"],
        ResourceArns=[ROLE],
        ContextEntries=[
            {
                "ContextKeyName": "aws:RequestTag/locum:MaxSessionDuration",
                "ContextKeyType": "numeric",
                "ContextKeyValues": ["3600"],
            }
        ],
    )
    decisions = [result["EvalDecision"] for result in simulated["EvaluationResults"]]
    assert decisions == ["allowed", "implicitDeny"]


def test_the_namespace_is_reserved(locum, user):
    locum.role("job", root_of(ACCOUNT))
    iam = locum.client("iam")
    sts = locum.client("sts", user)
    for key in ("locum:x", "Locum:MaxSessionDuration", "LOCUM:MAXSESSIONDURATION", "locum:maxsessionduration"):
        tags = [{"Key": key, "Value": str(DAY)}]
        refused(lambda: iam.tag_role(RoleName="job", Tags=tags), "InvalidInput", RESERVED, 400)
        refused(lambda: iam.tag_user(UserName="user", Tags=tags), "InvalidInput", RESERVED, 400)
        refused(
            lambda: iam.create_policy(PolicyName="p", PolicyDocument=policy(allow("s3:*")), Tags=tags),
            "InvalidInput",
            RESERVED,
            400,
        )
        refused(
            lambda: sts.assume_role(RoleArn=ROLE, RoleSessionName="run", Tags=tags, TransitiveTagKeys=[key]),
            "InvalidParameterValue",
            RESERVED,
            400,
        )
    tags = [tag("MaxSessionDuration", DAY)]
    refused(lambda: iam.tag_user(UserName="user", Tags=tags), "InvalidInput", RESERVED, 400)
    for value in ("43200", "604801", "1e5", "086400", "+86400", "P1D", ""):
        refused(
            lambda: iam.tag_role(RoleName="job", Tags=[tag("MaxSessionDuration", value)]),
            "InvalidInput",
            "The value of the tag locum:MaxSessionDuration must be a whole number from 43201 to 604800.",
            400,
        )
    organizations = locum.client("organizations")
    refused(
        lambda: organizations.tag_resource(ResourceId=ACCOUNT, Tags=tags),
        "InvalidInputException",
        "You specified a tag key that is a system tag. You can't add, edit, or delete system tag keys because they're reserved for AWS use.",
        400,
    )


def test_what_is_taken_away_ends(locum, user):
    """At the next request, and within AWS's own limits not at all."""
    locum.role("job", root_of(ACCOUNT), Tags=[tag("MaxSessionDuration", 7 * DAY)])
    long = locum.client("sts", locum.assume(user, ROLE, DurationSeconds=7 * DAY))
    locum.advance(DAY)
    long.get_caller_identity()
    iam = locum.client("iam")
    iam.untag_role(RoleName="job", TagKeys=["locum:MaxSessionDuration"])
    refused(long.get_caller_identity, "ExpiredToken", "The security token included in the request is expired")
    young = locum.client("sts", locum.assume(user, ROLE))
    young.get_caller_identity()
