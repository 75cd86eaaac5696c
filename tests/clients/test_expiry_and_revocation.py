"""What ends a session: its time, a revocation, the end of the principal."""

import datetime

import pytest
from harness import (
    ACCOUNT,
    Credentials,
    allow,
    deny,
    not_authorized,
    not_authorized_at_s3,
    policy,
    refused,
    root_of,
)

EXPIRED = "The security token included in the request is expired"
INVALID = "The security token included in the request is invalid."
INVALID_TOKEN = "The security token included in the request is invalid"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session"


@pytest.fixture
def user(locum):
    return locum.user("user", allow("sts:*"), allow("s3:ListAllMyBuckets"))


def buckets(locum, credentials):
    return lambda: locum.client("s3", credentials).list_buckets()


def identity(locum, credentials):
    return lambda: locum.client("sts", credentials).get_caller_identity()


def is_dead(locum, session):
    """The session is refused as unknown everywhere: each service says so in its own words."""
    refused(
        buckets(locum, session),
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    )
    refused(identity(locum, session), "InvalidClientTokenId", INVALID)
    refused(locum.client("iam", session).list_users, "InvalidClientTokenId", INVALID)


@pytest.mark.parametrize("kind", ["role", "session token", "federation token"])
def test_to_the_second(locum, user, kind):
    """Works one second before its expiry and fails from there on."""
    sts = locum.client("sts", user)
    locum.role("role", root_of(ACCOUNT), allow("s3:ListAllMyBuckets"))
    if kind == "role":
        answer = sts.assume_role(RoleArn=ROLE, RoleSessionName="session", DurationSeconds=900)
    elif kind == "session token":
        answer = sts.get_session_token(DurationSeconds=900)
    else:
        answer = sts.get_federation_token(Name="fed", DurationSeconds=900, Policy=policy(allow("*")))
    session = Credentials.of(answer)
    left = answer["Credentials"]["Expiration"] - locum.clock.now(remove_tzinfo=False)
    # The last whole second but one, whatever part of the present second has gone.
    locum.advance(int(left.total_seconds()) - 5)
    assert identity(locum, session)()["Account"] == ACCOUNT
    buckets(locum, session)()
    locum.advance(6)
    refused(identity(locum, session), "ExpiredToken", EXPIRED)
    refused(buckets(locum, session), "ExpiredToken", "The provided token has expired.", 400)
    # The long-term key goes on.
    assert identity(locum, user)()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/user"


def test_expiration_is_what_was_announced(locum, user):
    """The stepped clock is one second before the announced end, then past it."""
    locum.role("role", root_of(ACCOUNT))
    answer = locum.client("sts", user).assume_role(RoleArn=ROLE, RoleSessionName="session", DurationSeconds=900)
    expiration = answer["Credentials"]["Expiration"]
    left = (expiration - locum.clock.now(remove_tzinfo=False)).total_seconds()
    assert 870 < left <= 900
    assert expiration.microsecond == 0


def revoke(locum, at):
    """What the console's "Revoke active sessions" does."""
    moment = at.strftime("%Y-%m-%dT%H:%M:%S.000Z")
    statement = deny("*", Condition={"DateLessThan": {"aws:TokenIssueTime": moment}})
    locum.client("iam").put_role_policy(
        RoleName="role", PolicyName="AWSRevokeOlderSessions", PolicyDocument=policy(statement)
    )


def test_revoked_sessions_of_a_role(locum, user):
    locum.role("role", root_of(ACCOUNT), allow("s3:ListAllMyBuckets"))
    other = locum.role("other", root_of(ACCOUNT), allow("s3:ListAllMyBuckets"))
    running = [locum.assume(user, ROLE), locum.assume(user, ROLE)]
    spared = locum.assume(user, other)
    for session in (*running, spared):
        buckets(locum, session)()
    locum.advance(10)
    revoke(locum, locum.clock.now())
    sentence = not_authorized_at_s3(
        SESSION, "s3:ListAllMyBuckets", "arn:aws:s3:::*", "with an explicit deny in an identity-based policy"
    )
    for session in running:
        refused(buckets(locum, session), "AccessDenied", sentence)
        # Who they are can be asked whatever policies say.
        assert identity(locum, session)()["Arn"] == SESSION
    buckets(locum, spared)()
    locum.advance(10)
    # New sessions are spared, and long-term keys have no issue time at all.
    buckets(locum, locum.assume(user, ROLE))()
    buckets(locum, user)()
    # Taking the policy away revives what has not expired.
    locum.client("iam").delete_role_policy(RoleName="role", PolicyName="AWSRevokeOlderSessions")
    buckets(locum, running[0])()


def test_revocation_is_of_the_role_and_not_of_the_chain(locum, user):
    """A session obtained from a revoked one keeps its own issue time and its own role."""
    locum.role("role", root_of(ACCOUNT), allow("sts:AssumeRole"))
    next_role = locum.role("next", ROLE, allow("s3:ListAllMyBuckets"))
    first = locum.assume(user, ROLE)
    second = locum.assume(first, next_role)
    locum.advance(10)
    revoke(locum, locum.clock.now())
    sts = locum.client("sts", first)
    refused(
        lambda: sts.assume_role(RoleArn=next_role, RoleSessionName="again"),
        "AccessDenied",
        not_authorized(SESSION, "sts:AssumeRole", next_role),
    )
    buckets(locum, second)()


def test_policy_changes_reach_running_sessions(locum, user):
    locum.role("role", root_of(ACCOUNT))
    session = locum.assume(user, ROLE)
    action = "s3:ListAllMyBuckets"
    sentence = not_authorized_at_s3(
        SESSION, action, "arn:aws:s3:::*", f"because no identity-based policy allows the {action} action"
    )
    refused(buckets(locum, session), "AccessDenied", sentence)
    iam = locum.client("iam")
    iam.put_role_policy(RoleName="role", PolicyName="now", PolicyDocument=policy(allow(action)))
    buckets(locum, session)()
    iam.delete_role_policy(RoleName="role", PolicyName="now")
    refused(buckets(locum, session), "AccessDenied", sentence)


def test_trust_changes_do_not_reach_running_sessions(locum, user):
    locum.role("role", root_of(ACCOUNT), allow("s3:ListAllMyBuckets"), MaxSessionDuration=43200)
    session = locum.assume(user, ROLE, DurationSeconds=43200)
    iam = locum.client("iam")
    statement = {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    iam.update_assume_role_policy(RoleName="role", PolicyDocument=policy(statement))
    iam.update_role(RoleName="role", MaxSessionDuration=3600)
    locum.advance(7200)
    buckets(locum, session)()
    sts = locum.client("sts", user)
    refused(
        lambda: sts.assume_role(RoleArn=ROLE, RoleSessionName="session"),
        "AccessDenied",
        not_authorized(f"arn:aws:iam::{ACCOUNT}:user/user", "sts:AssumeRole", ROLE),
    )


def test_deleting_the_role_kills_its_sessions(locum, user):
    iam = locum.client("iam")
    locum.role("role", root_of(ACCOUNT), allow("s3:ListAllMyBuckets"))
    session = locum.assume(user, ROLE)
    buckets(locum, session)()
    iam.delete_role_policy(RoleName="role", PolicyName="p0")
    iam.delete_role(RoleName="role")
    is_dead(locum, session)
    # A role of the same name is another role.
    locum.role("role", root_of(ACCOUNT), allow("s3:ListAllMyBuckets"))
    is_dead(locum, session)
    buckets(locum, locum.assume(user, ROLE))()


def test_deleting_the_user_kills_its_sessions(locum, user):
    sts = locum.client("sts", user)
    sessions = [
        Credentials.of(sts.get_session_token()),
        Credentials.of(sts.get_federation_token(Name="fed", Policy=policy(allow("*")))),
    ]
    for session in sessions:
        buckets(locum, session)()
    iam = locum.client("iam")
    for name in ("p0", "p1"):
        iam.delete_user_policy(UserName="user", PolicyName=name)
    iam.delete_access_key(UserName="user", AccessKeyId=user.id)
    iam.delete_user(UserName="user")
    for session in sessions:
        is_dead(locum, session)
    refused(identity(locum, user), "InvalidClientTokenId", INVALID)
    locum.user("user", allow("*"))
    for session in sessions:
        is_dead(locum, session)


def test_an_inactive_key_is_no_key_but_its_sessions_go_on(locum, user):
    session = Credentials.of(locum.client("sts", user).get_session_token())
    iam = locum.client("iam")
    iam.update_access_key(UserName="user", AccessKeyId=user.id, Status="Inactive")
    refused(identity(locum, user), "InvalidClientTokenId", INVALID)
    refused(
        buckets(locum, user),
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    )
    buckets(locum, session)()
    iam.update_access_key(UserName="user", AccessKeyId=user.id, Status="Active")
    assert identity(locum, user)()["Account"] == ACCOUNT
    iam.put_user_policy(UserName="user", PolicyName="stop", PolicyDocument=policy(deny("*")))
    refused(
        buckets(locum, session),
        "AccessDenied",
        not_authorized_at_s3(
            f"arn:aws:iam::{ACCOUNT}:user/user",
            "s3:ListAllMyBuckets",
            "arn:aws:s3:::*",
            "with an explicit deny in an identity-based policy",
        ),
    )


def test_a_recreated_user_is_not_trusted(locum, user):
    iam = locum.client("iam")
    locum.role("role", f"arn:aws:iam::{ACCOUNT}:user/user")
    old_id = iam.get_user(UserName="user")["User"]["UserId"]
    assert locum.assume(user, ROLE).id.startswith("ASIA")
    for name in ("p0", "p1"):
        iam.delete_user_policy(UserName="user", PolicyName=name)
    iam.delete_access_key(UserName="user", AccessKeyId=user.id)
    iam.delete_user(UserName="user")
    # The trust shows the id of the one it named.
    trust = iam.get_role(RoleName="role")["Role"]["AssumeRolePolicyDocument"]
    assert trust["Statement"][0]["Principal"] == {"AWS": old_id}
    again = locum.user("user", allow("sts:AssumeRole"))
    assert iam.get_user(UserName="user")["User"]["UserId"] != old_id
    sts = locum.client("sts", again)
    refused(
        lambda: sts.assume_role(RoleArn=ROLE, RoleSessionName="session"),
        "AccessDenied",
        not_authorized(f"arn:aws:iam::{ACCOUNT}:user/user", "sts:AssumeRole", ROLE),
    )
    # Naming it anew trusts the new one.
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/user"},
        "Action": "sts:AssumeRole",
    }
    iam.update_assume_role_policy(RoleName="role", PolicyDocument=policy(statement))
    assert locum.assume(again, ROLE).id.startswith("ASIA")


def test_a_recreated_role_is_not_trusted(locum, user):
    iam = locum.client("iam")
    source = locum.role("source", root_of(ACCOUNT), allow("sts:AssumeRole"))
    locum.role("role", source)
    session = locum.assume(user, source)
    assert locum.assume(session, ROLE).id.startswith("ASIA")
    iam.delete_role_policy(RoleName="source", PolicyName="p0")
    iam.delete_role(RoleName="source")
    locum.role("source", root_of(ACCOUNT), allow("sts:AssumeRole"))
    sts = locum.client("sts", locum.assume(user, source))
    refused(
        lambda: sts.assume_role(RoleArn=ROLE, RoleSessionName="session"),
        "AccessDenied",
        not_authorized(f"arn:aws:sts::{ACCOUNT}:assumed-role/source/session", "sts:AssumeRole", ROLE),
    )


def test_sessions_outlive_a_restart(durable):
    """A session needs nothing of the process that issued it."""
    user = durable.user("user", allow("sts:AssumeRole"))
    role = durable.role("role", root_of(durable.client("sts").get_caller_identity()["Account"]), allow("s3:*"))
    session = durable.assume(user, role)
    assert durable.server.terminate() == 0
    durable.server.start()
    assert durable.client("sts", session).get_caller_identity()["Arn"].endswith(":assumed-role/role/session")
    durable.client("s3", session).create_bucket(Bucket="after-the-restart")


def test_the_clock_of_a_real_server_is_not_stepped(durable):
    for path in ("/_locum/clock", "/_locum/reset"):
        assert durable.server.send("POST", path, {"Content-Type": "application/json"}, b'{"advance": 1}').status == 404
    assert abs(datetime.datetime.now().timestamp() - durable.clock.now().timestamp()) < 86400
