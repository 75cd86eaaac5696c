"""Revocation that can be aimed: through botocore, the AWS CLI and `locum session`."""

import datetime
import json
import os
import socket
import subprocess

import boto3
import botocore.config
import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    BINARY,
    REGION,
    ROOT,
    ROOT_CREDENTIALS,
    Credentials,
    allow,
    base_environment,
    deny,
    not_authorized,
    not_authorized_at_s3,
    policy,
    refused,
    root_of,
    trusting,
    validation,
    wait_for,
)

MODELS = str(ROOT / "docs/botocore")
EXPIRED = "The security token included in the request is expired"
EXPIRED_AT_S3 = "The provided token has expired."
USER = f"arn:aws:iam::{ACCOUNT}:user/user"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session"
WHOLE = f"arn:aws:locum::{ACCOUNT}:account"


@pytest.fixture
def user(locum):
    return locum.user("user", allow("sts:*"))


@pytest.fixture
def role(locum):
    return locum.role(
        "role", trusting(root_of(ACCOUNT), ["sts:AssumeRole", "sts:SetSourceIdentity"]), allow(["s3:*", "sts:*"])
    )


@pytest.fixture(autouse=True)
def our_model(monkeypatch):
    """What botocore needs to speak locum's own service: where its model lies."""
    monkeypatch.setenv("AWS_DATA_PATH", MODELS)


def own(locum, credentials=ROOT_CREDENTIALS):
    """A client of locum's own service, of botocore as it is."""
    return boto3.Session().client(
        "locum",
        region_name=REGION,
        endpoint_url=locum.server.url,
        aws_access_key_id=credentials.id,
        aws_secret_access_key=credentials.secret,
        aws_session_token=credentials.token,
        config=botocore.config.Config(retries={"total_max_attempts": 1}, parameter_validation=False),
    )


def revoke(locum, credentials=ROOT_CREDENTIALS, **aim):
    return own(locum, credentials).revoke_session(**aim)["Revocation"]


def lives(locum, session):
    assert locum.client("sts", session).get_caller_identity()["Account"]


def is_over(locum, session):
    """Answered as expired, everywhere."""
    refused(locum.client("sts", session).get_caller_identity, "ExpiredToken", EXPIRED)
    refused(locum.client("iam", session).list_users, "ExpiredToken", EXPIRED)
    refused(locum.client("s3", session).list_buckets, "ExpiredToken", EXPIRED_AT_S3, 400)
    refused(own(locum, session).list_sessions, "ExpiredToken", EXPIRED)
    with pytest.raises(ClientError) as caught:
        locum.client("organizations", session).list_roots()
    assert caught.value.response["Error"]["Code"] == "ExpiredTokenException"


# Aims


def test_one_session(locum, user, role):
    hit, spared = locum.assume(user, role), locum.assume(user, role)
    lives(locum, hit)
    made = revoke(locum, AccessKeyId=hit.id)
    is_over(locum, hit)
    lives(locum, spared)
    lives(locum, user)
    assert made["RevocationId"].startswith("rev-")
    assert made["Resource"] == f"arn:aws:locum::{ACCOUNT}:session/{hit.id}"
    assert made["OrderedBy"] == root_of(ACCOUNT)
    assert (made["Aim"], made["AccountId"], made["Chain"], "Before" in made) == ("AccessKey", ACCOUNT, False, False)
    left = made["Expiration"] - made["OrderTime"]
    assert datetime.timedelta(hours=36) <= left <= datetime.timedelta(days=30)


def test_an_upload_that_was_begun_is_not_finished(locum, user, role):
    """Whoever sends slowly would otherwise write long after, and choose then what."""
    s3 = locum.client("s3")
    s3.create_bucket(Bucket="bucket")
    upload = s3.create_multipart_upload(Bucket="bucket", Key="parts")["UploadId"]
    hit, spared = locum.assume(user, role), locum.assume(user, role)
    body = b"x" * 100_000

    def begin(session, target):
        signed = locum.sign("s3", "PUT", target, {"Connection": "close", "Expect": "100-continue"}, body, session)
        lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        connection = socket.create_connection(locum.server.address, timeout=30)
        connection.sendall(f"PUT {target} HTTP/1.1\r\n{lines}Content-Length: {len(body)}\r\n\r\n".encode())
        # It is authorized, and the body is asked for.
        assert connection.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
        connection.sendall(body[:70_000])
        return connection

    targets = ("/bucket/key", f"/bucket/parts?partNumber=1&uploadId={upload}")
    begun = [begin(session, target) for session in (hit, spared) for target in targets]
    revoke(locum, AccessKeyId=hit.id)
    answers = []
    for connection in begun:
        with connection:
            connection.sendall(body[70_000:])
            answer = b""
            while piece := connection.recv(65536):
                answer += piece
            answers.append((int(answer.split(b" ")[1]), b"<Code>ExpiredToken</Code>" in answer))
    assert answers == [(400, True), (400, True), (200, False), (200, False)]


def test_a_session_name_of_a_role(locum, user, role):
    hit, spared = locum.assume(user, role, "one"), locum.assume(user, role, "two")
    made = revoke(locum, Role="role", RoleSessionName="one")
    assert (made["Resource"], made["RoleSessionName"]) == (role, "one")
    is_over(locum, hit)
    lives(locum, spared)
    # At once there may be another of the name.
    lives(locum, locum.assume(user, role, "one"))


def test_a_source_identity(locum, user, role):
    hit = locum.assume(user, role, SourceIdentity="alice")
    spared = locum.assume(user, role, SourceIdentity="bobby")
    revoke(locum, SourceIdentity="alice")
    is_over(locum, hit)
    lives(locum, spared)


def test_a_principal_before_a_time(locum, user, role):
    sts = locum.client("sts", user)
    early = [
        locum.assume(user, role),
        Credentials.of(sts.get_session_token()),
        Credentials.of(sts.get_federation_token(Name="guest", Policy=policy(allow("*")))),
    ]
    locum.advance(60)
    moment = locum.clock.now(remove_tzinfo=False) - datetime.timedelta(seconds=30)
    late = locum.assume(user, role)
    made = revoke(locum, Principal=USER, Before=moment)
    for session in early:
        is_over(locum, session)
    lives(locum, late)
    lives(locum, user)
    assert made["Before"] - moment < datetime.timedelta(seconds=1)
    revoke(locum, Principal=role)
    is_over(locum, late)


def test_a_whole_account(locum, user, role):
    session = locum.assume(user, role)
    own_session = Credentials.of(locum.client("sts").get_session_token())
    revoke(locum, AccountId=ACCOUNT)
    is_over(locum, session)
    is_over(locum, own_session)
    lives(locum, user)
    lives(locum, locum.assume(user, role))


def test_a_chain_across_accounts(locum, user, role):
    """A to B in another account to C in a third: ending A's session with its chain ends C's."""
    second, administrator = locum.account("second")
    third, another = locum.account("third")
    b = locum.role("B", role, allow("sts:AssumeRole"), credentials=administrator)
    c = locum.role("C", b, credentials=another)

    def chain():
        first = locum.assume(user, role)
        between = locum.assume(first, b)
        return first, between, locum.assume(between, c)

    first, between, last = chain()
    revoke(locum, AccessKeyId=first.id)
    is_over(locum, first)
    lives(locum, between)
    lives(locum, last)
    revoke(locum, AccessKeyId=first.id, Chain=True)
    for session in (first, between, last):
        is_over(locum, session)
    # The account at the end may not end what it descends from, and may end its own.
    first, between, last = chain()
    refused(
        lambda: revoke(locum, another, AccessKeyId=between.id, Chain=True),
        "AccessDenied",
        f"Access key {between.id} does not belong to an entity of the calling account",
    )
    revoke(locum, another, AccountId=third)
    lives(locum, between)
    is_over(locum, last)
    assert locum.client("sts", between).get_caller_identity()["Account"] == second


def test_the_management_account_may_end_a_member(locum):
    member, administrator = locum.account("member")
    lives(locum, administrator)
    refused(
        lambda: revoke(locum, administrator, AccountId=ACCOUNT),
        "AccessDenied",
        "You don't have permissions to access this resource.",
    )
    revoke(locum, AccountId=member)
    is_over(locum, administrator)


def test_the_compatible_way_and_its_chain(locum, user, role):
    """Policies with aws:TokenIssueTime end what a role may do; what descends from it goes on, unless its chain is
    revoked."""
    further = locum.role("further", ROLE, allow("s3:ListAllMyBuckets"))
    first = locum.assume(user, role)
    second = locum.assume(first, further)
    locum.advance(10)
    moment = locum.clock.now().strftime("%Y-%m-%dT%H:%M:%S.000Z")
    statement = deny("*", Condition={"DateLessThan": {"aws:TokenIssueTime": moment}})
    locum.client("iam").put_role_policy(
        RoleName="role", PolicyName="AWSRevokeOlderSessions", PolicyDocument=policy(statement)
    )
    refused(
        locum.client("s3", first).list_buckets,
        "AccessDenied",
        not_authorized_at_s3(
            SESSION, "s3:ListAllMyBuckets", "arn:aws:s3:::*", "with an explicit deny in an identity-based policy"
        ),
    )
    lives(locum, first)
    locum.client("s3", second).list_buckets()
    revoke(locum, Principal=role, Chain=True)
    is_over(locum, first)
    is_over(locum, second)


# Who may, and what is refused


def test_policies_say_who_may(locum, user, role):
    helper = locum.user("helper")
    session = locum.assume(user, role)
    resource = f"arn:aws:locum::{ACCOUNT}:session/{session.id}"
    me = f"arn:aws:iam::{ACCOUNT}:user/helper"

    def silent(action, resource):
        return not_authorized(
            me, action, resource, f"because no identity-based policy allows the {action} action"
        )

    client = own(locum, helper)
    refused(
        lambda: client.revoke_session(AccessKeyId=session.id), "AccessDenied", silent("locum:RevokeSession", resource)
    )
    refused(client.list_sessions, "AccessDenied", silent("locum:ListSessions", WHOLE))
    refused(lambda: client.list_sessions(Principal=ROLE), "AccessDenied", silent("locum:ListSessions", ROLE))
    refused(client.list_revocations, "AccessDenied", silent("locum:ListRevocations", WHOLE))
    lives(locum, session)
    statements = [
        allow("locum:RevokeSession", f"arn:aws:locum::{ACCOUNT}:session/*"),
        deny("locum:RevokeSession", Condition={"Bool": {"locum:Chain": "true"}}),
    ]
    locum.client("iam").put_user_policy(UserName="helper", PolicyName="p", PolicyDocument=policy(*statements))
    refused(
        lambda: client.revoke_session(AccessKeyId=session.id, Chain=True),
        "AccessDenied",
        not_authorized(me, "locum:RevokeSession", resource, "with an explicit deny in an identity-based policy"),
    )
    client.revoke_session(AccessKeyId=session.id)
    is_over(locum, session)
    # Other services' signatures do not count for this one.
    answer = locum.form("sts", {"Action": "ListSessions", "Version": "2026-11-21"})
    assert answer.error() == (400, "InvalidAction", "Could not find operation ListSessions for version 2026-11-21")


def test_what_is_no_aim(locum, user):
    one = "exactly one aim must be given: AccessKeyId, Role and RoleSessionName, SourceIdentity, Principal or AccountId"
    future = locum.clock.now(remove_tzinfo=False) + datetime.timedelta(minutes=1)
    long_ago = locum.clock.now(remove_tzinfo=False) - datetime.timedelta(days=365)
    null = "Value at '{}' failed to satisfy constraint: Member must not be null"
    for aim, code, message in [
        ({}, "ValidationError", one),
        ({"Chain": True}, "ValidationError", one),
        ({"AccountId": ACCOUNT, "SourceIdentity": "alice"}, "ValidationError", one),
        ({"Role": "role"}, "ValidationError", validation(null.format("roleSessionName"))),
        ({"RoleSessionName": "name"}, "ValidationError", validation(null.format("role"))),
        ({"Principal": USER, "Before": future}, "ValidationError", "Before must not be in the future"),
        (
            {"Principal": USER, "Before": long_ago},
            "ValidationError",
            "all sessions that were issued before that time have expired",
        ),
        (
            {"AccountId": "1234"},
            "ValidationError",
            validation(
                r"Value '1234' at 'accountId' failed to satisfy constraint: "
                r"Member must satisfy regular expression pattern: \d{12}"
            ),
        ),
        (
            {"AccessKeyId": user.id},
            "ValidationError",
            "a long-term access key is no session: give Chain to end what was issued with it, "
            "and deactivate the key itself with UpdateAccessKey",
        ),
        (
            {"Principal": "arn:aws:iam::999999999999:user/user"},
            "ValidationError",
            "arn:aws:iam::999999999999:user/user is no user, role, root user or federated user of the account",
        ),
    ]:
        refused(lambda aim=aim: revoke(locum, **aim), code, message, 400)
    refused(
        lambda: revoke(locum, Role="nobody", RoleSessionName="name"),
        "NoSuchEntity",
        "The role with name nobody cannot be found.",
        404,
    )
    refused(
        lambda: revoke(locum, AccountId="999999999999"),
        "AccountNotFound",
        "You specified an account that doesn't exist.",
        400,
    )
    for name, value in [("Before", "yesterday"), ("Before", "2026-01-01"), ("Chain", "yes")]:
        body = {"Action": "RevokeSession", "Version": "2026-11-21", "Principal": USER, name: value}
        assert locum.form("locum", body).error() == (400, "MalformedInput", "The request could not be parsed")
    assert own(locum).list_revocations()["Revocations"] == []


# Lists, restarts


def seen(locum, session, credentials=ROOT_CREDENTIALS, **selection):
    """The session as it is listed, once it is: uses are noted behind the requests."""

    def find():
        pages = own(locum, credentials).get_paginator("list_sessions").paginate(MaxItems=1, **selection)
        listed = [one for page in pages for one in page["Sessions"]]
        return next((one for one in listed if one["AccessKeyId"] == session.id), None)

    return wait_for(find, "the session to be listed")


def test_sessions_are_listed(locum, user, role):
    further = locum.role("further", ROLE)
    first = locum.assume(user, role, SourceIdentity="alice")
    locum.client("iam").update_assume_role_policy(
        RoleName="further", PolicyDocument=policy(trusting(ROLE, ["sts:AssumeRole", "sts:SetSourceIdentity"]))
    )
    second = locum.assume(first, further, "next")
    lives(locum, second)
    one, two = seen(locum, first, Principal=ROLE), seen(locum, second)
    assert one["Principal"] == SESSION
    assert (one["SourceIp"], one["SourceIdentity"], one["Revoked"]) == ("127.0.0.1", "alice", False)
    assert one["IssueTime"] <= one["FirstUsed"] <= one["LastUsed"] < one["Expiration"]
    assert one["Chain"] == [{"AccessKeyId": user.id, "Principal": USER}]
    assert two["Principal"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/further/next"
    assert two["Chain"] == [
        {"AccessKeyId": user.id, "Principal": USER},
        {"AccessKeyId": first.id, "Principal": SESSION, "IssueTime": one["IssueTime"]},
    ]
    revoke(locum, AccessKeyId=first.id, Chain=True)
    assert seen(locum, first)["Revoked"] and seen(locum, second)["Revoked"]
    by_other = own(locum).list_sessions(Principal=f"arn:aws:iam::{ACCOUNT}:root")["Sessions"]
    assert by_other == []


def test_a_restart_keeps_revocations_and_what_was_in_use(durable):
    locum = durable
    user = locum.user("user", allow("sts:*"))
    role = locum.role("role", root_of(account_of(locum)), allow("sts:*"))
    further = locum.role("further", role)
    hit = locum.assume(user, role)
    spared = locum.assume(hit, further)
    lives(locum, spared)
    made = revoke(locum, AccessKeyId=hit.id)
    before = seen(locum, hit), seen(locum, spared)
    assert locum.server.terminate() == 0
    locum.server.start()
    is_over(locum, hit)
    lives(locum, spared)
    assert own(locum).list_revocations()["Revocations"] == [made]
    after = seen(locum, hit), seen(locum, spared)
    for old, new in zip(before, after, strict=True):
        assert new | {"LastUsed": None} == old | {"LastUsed": None}


def account_of(locum):
    return locum.client("sts").get_caller_identity()["Account"]


# The command line


def session(locum, *arguments, credentials=ROOT_CREDENTIALS, environment=None):
    """Runs `locum session`."""
    home = locum.server.folder
    variables = base_environment(home) | credentials.environment() | {"AWS_ENDPOINT_URL": locum.server.url}
    return subprocess.run(
        [BINARY, "session", *map(str, arguments)],
        cwd=home,
        env=variables | (environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command_revokes(locum, user, role):
    sessions = [locum.assume(user, role, "one", SourceIdentity="alice") for _ in range(6)]
    ran = session(locum, "revoke", "--access-key-id", sessions[0].id, "--format", "json")
    assert (ran.returncode, ran.stderr) == (0, "")
    made = json.loads(ran.stdout)
    assert made["resource"] == f"arn:aws:locum::{ACCOUNT}:session/{sessions[0].id}"
    assert (made["aim"], made["chain"], "before" in made) == ("AccessKey", False, False)
    is_over(locum, sessions[0])
    lives(locum, sessions[1])
    # The clock stands still for none of these: each finds a session that is issued for it.
    for arguments in (
        ("--role", role, "--session-name", "one"),
        ("--source-identity", "alice"),
        ("--principal", USER, "--chain"),
        ("--account", ACCOUNT),
        ("--access-key-id", user.id, "--chain"),
    ):
        locum.advance(2)
        hit = locum.assume(user, role, "one", SourceIdentity="alice")
        ran = session(locum, "revoke", *arguments)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout.startswith("rev-") and ran.stdout.count("\n") == 1
        is_over(locum, hit)
    moment = (locum.clock.now() - datetime.timedelta(seconds=2)).strftime("%Y-%m-%dT%H:%M:%SZ")
    spared = locum.assume(user, role)
    ran = session(locum, "revoke", "--principal", ROLE, "--before", moment, "--region", "eu-west-1")
    assert ran.returncode == 0, ran.stderr
    lives(locum, spared)
    ran = session(locum, "revocations", "--format", "json")
    assert len(json.loads(ran.stdout)) == len(own(locum).list_revocations()["Revocations"])


def test_the_command_lists(locum, user, role):
    one = locum.assume(user, role, SourceIdentity="alice")
    lives(locum, one)
    seen(locum, one)
    ran = session(locum, "list", "--format", "json")
    assert (ran.returncode, ran.stderr) == (0, "")
    (listed,) = json.loads(ran.stdout)
    assert listed["accessKeyId"] == one.id
    assert listed["principal"] == SESSION
    assert listed["sourceIdentity"] == "alice"
    assert listed["chain"] == [{"accessKeyId": user.id, "principal": USER}]
    text = session(locum, "list", "--principal", USER).stdout
    assert text.startswith(f"{one.id} {SESSION}\n  issued ")
    assert text.endswith(f" from 127.0.0.1, source identity alice\n  by {user.id} {USER}\n")
    assert session(locum, "list", "--principal", f"arn:aws:iam::{ACCOUNT}:root").stdout == ""


def test_the_exit_codes_of_the_command(locum, user):
    for arguments in (
        ("revoke",),
        ("revoke", "--chain"),
        ("revoke", "--role", "r"),
        ("revoke", "--session-name", "s"),
        ("revoke", "--account", ACCOUNT, "--source-identity", "alice"),
        ("revoke", "--account", ACCOUNT, "--before", "yesterday"),
        ("revoke", "--access-key-id", user.id, "--before", "2026-01-01T00:00:00Z"),
        ("revoke", "--account", ACCOUNT, "--region", "No Region"),
        ("list", "--endpoint-url", "nowhere"),
    ):
        ran = session(locum, *arguments)
        assert (ran.returncode, ran.stdout) == (2, ""), arguments
    ran = session(locum, "revoke", "--account", ACCOUNT, credentials=user)
    assert (ran.returncode, ran.stdout) == (1, "")
    sentence = not_authorized(
        USER, "locum:RevokeSession", WHOLE, "because no identity-based policy allows the locum:RevokeSession action"
    )
    assert f"AccessDenied: {sentence}" in ran.stderr
    # AWS has no such service: without a server there is nobody to ask.
    ran = session(locum, "list", environment={"AWS_ENDPOINT_URL": ""})
    assert (ran.returncode, ran.stdout) == (1, "")
    assert "there is no server: name one with --endpoint-url" in ran.stderr
    ran = session(locum, "list", environment={"AWS_ENDPOINT_URL": "", "AWS_ENDPOINT_URL_LOCUM": locum.server.url})
    assert ran.returncode == 0, ran.stderr


def test_the_aws_cli(locum, user, role):
    """With the model at hand the AWS CLI knows the service."""
    one = locum.assume(user, role)
    environment = {"AWS_DATA_PATH": os.environ["AWS_DATA_PATH"]}
    made = locum.aws_json(
        "locum", "revoke-session", "--access-key-id", one.id, "--chain", credentials=ROOT_CREDENTIALS, environment=environment
    )
    assert made["Revocation"]["Chain"] is True
    is_over(locum, one)
    listed = locum.aws_json("locum", "list-revocations", credentials=ROOT_CREDENTIALS, environment=environment)
    assert [entry["RevocationId"] for entry in listed["Revocations"]] == [made["Revocation"]["RevocationId"]]


def test_the_model_is_what_the_server_speaks(locum, user, role):
    """Every operation of the model is there, and every member of its answers is seen in one."""
    model = json.loads((ROOT / "docs/botocore/locum/2026-11-21/service-2.json").read_text())
    first = locum.assume(user, role, "one", SourceIdentity="alice")
    lives(locum, first)
    locum.role("further", trusting(ROLE, ["sts:AssumeRole", "sts:SetSourceIdentity"]))
    second = locum.assume(first, f"arn:aws:iam::{ACCOUNT}:role/further")
    lives(locum, second)
    seen(locum, second)
    answers = {"RevokeSession": [revoke(locum, Role="role", RoleSessionName="one"), revoke(locum, SourceIdentity="alice")]}
    for operation in ("list_revocations", "list_sessions"):
        first_page = getattr(own(locum), operation)(MaxItems=1)
        assert first_page["IsTruncated"] and first_page["Marker"]
        rest = getattr(own(locum), operation)(Marker=first_page["Marker"])
        answers[operation] = [first_page, rest]
    names = set()

    def gather(value):
        if isinstance(value, dict):
            names.update(value)
            for member in value.values():
                gather(member)
        elif isinstance(value, list):
            for member in value:
                gather(member)

    gather(list(answers.values()))
    told = {"Revocation"}
    for shape in ("ListRevocationsResponse", "ListSessionsResponse", "Revocation", "Session", "Ancestor"):
        told |= set(model["shapes"][shape]["members"])
    assert told - {"Revocation"} <= names
    assert set(model["operations"]) == {"RevokeSession", "ListRevocations", "ListSessions"}
