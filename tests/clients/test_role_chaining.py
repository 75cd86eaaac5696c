"""Role A assumes role B; how long sessions may be; what a session cannot ask for."""

import datetime

import pytest
from harness import ACCOUNT, ROOT_CREDENTIALS, Credentials, allow, not_authorized, policy, refused, root_of, validation

ROLE_MAXIMUM = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
CHAINING = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."


def arn(name, account=ACCOUNT):
    return f"arn:aws:iam::{account}:role/{name}"


def session_arn(name, session="session", account=ACCOUNT):
    return f"arn:aws:sts::{account}:assumed-role/{name}/{session}"


@pytest.fixture
def user(locum):
    return locum.user("user", allow("sts:AssumeRole"), allow("sts:GetFederationToken"))


def test_in_one_account(locum, user):
    """The two policies of the story: the permission on A, the trust on B."""
    a = locum.role("A", root_of(ACCOUNT), allow("sts:AssumeRole", arn("B")))
    b = locum.role("B", a)
    first = locum.assume(user, a)
    second = locum.assume(first, b, "chained")
    assert locum.client("sts", second).get_caller_identity()["Arn"] == session_arn("B", "chained")
    # B trusts A alone.
    sts = locum.client("sts", user)
    refused(
        lambda: sts.assume_role(RoleArn=b, RoleSessionName="direct"),
        "AccessDenied",
        not_authorized(f"arn:aws:iam::{ACCOUNT}:user/user", "sts:AssumeRole", b),
    )


def test_in_one_account_the_trust_alone_does(locum, user):
    """B names A itself, in the same account: A needs no permission of its own."""
    a = locum.role("A", root_of(ACCOUNT))
    b = locum.role("B", a)
    assert locum.assume(locum.assume(user, a), b).id.startswith("ASIA")


def test_in_one_account_the_permission_alone_does_not(locum, user):
    a = locum.role("A", root_of(ACCOUNT), allow("sts:AssumeRole", arn("B")))
    locum.role("Z", root_of(ACCOUNT))
    b = locum.role("B", arn("Z"))
    sts = locum.client("sts", locum.assume(user, a))
    refused(
        lambda: sts.assume_role(RoleArn=b, RoleSessionName="chained"),
        "AccessDenied",
        not_authorized(session_arn("A"), "sts:AssumeRole", b),
    )


def test_trust_in_the_account_delegates_to_its_policies(locum, user):
    a = locum.role("A", root_of(ACCOUNT))
    b = locum.role("B", root_of(ACCOUNT))
    sts = locum.client("sts", locum.assume(user, a))

    def chained():
        return sts.assume_role(RoleArn=b, RoleSessionName="chained")

    refused(chained, "AccessDenied", not_authorized(session_arn("A"), "sts:AssumeRole", b))
    locum.client("iam").put_role_policy(
        RoleName="A", PolicyName="chain", PolicyDocument=policy(allow("sts:AssumeRole", b))
    )
    assert chained()["AssumedRoleUser"]["Arn"] == session_arn("B", "chained")


def test_in_two_accounts(locum, user):
    other, admin = locum.account("other")
    a = locum.role("A", root_of(ACCOUNT), allow("sts:AssumeRole", arn("B", other)))
    silent = locum.role("Silent", root_of(ACCOUNT))
    b = locum.role(
        "B", {"Effect": "Allow", "Principal": {"AWS": [a, silent]}, "Action": "sts:AssumeRole"}, credentials=admin
    )
    second = locum.assume(locum.assume(user, a), b, "across")
    identity = locum.client("sts", second).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (other, session_arn("B", "across", other))
    # The trust alone does not do across accounts.
    sts = locum.client("sts", locum.assume(user, silent))
    refused(
        lambda: sts.assume_role(RoleArn=b, RoleSessionName="across"),
        "AccessDenied",
        not_authorized(session_arn("Silent"), "sts:AssumeRole", b),
    )
    # Nor does the permission alone.
    untrusting = locum.role("Untrusting", root_of(other), credentials=admin)
    greedy = locum.role("Greedy", root_of(ACCOUNT), allow("sts:AssumeRole"))
    sts = locum.client("sts", locum.assume(user, greedy))
    refused(
        lambda: sts.assume_role(RoleArn=untrusting, RoleSessionName="across"),
        "AccessDenied",
        not_authorized(session_arn("Greedy"), "sts:AssumeRole", untrusting),
    )


def test_a_role_does_not_assume_itself_unless_it_trusts_itself(locum, user):
    a = locum.role("A", f"arn:aws:iam::{ACCOUNT}:user/user", allow("sts:AssumeRole"))
    sts = locum.client("sts", locum.assume(user, a))
    refused(
        lambda: sts.assume_role(RoleArn=a, RoleSessionName="again"),
        "AccessDenied",
        not_authorized(session_arn("A"), "sts:AssumeRole", a),
    )


def lasts(answer, seconds):
    left = answer["Credentials"]["Expiration"] - datetime.datetime.now(datetime.timezone.utc)
    assert seconds - 30 <= left.total_seconds() <= seconds + 1


def test_a_chained_session_lasts_an_hour_at_most(locum, user):
    a = locum.role("A", root_of(ACCOUNT), allow("sts:AssumeRole"), MaxSessionDuration=43200)
    b = locum.role("B", a, MaxSessionDuration=43200)
    sts = locum.client("sts", locum.assume(user, a))

    def chained(**options):
        return sts.assume_role(RoleArn=b, RoleSessionName="chained", **options)

    lasts(chained(), 3600)
    lasts(chained(DurationSeconds=900), 900)
    lasts(chained(DurationSeconds=3600), 3600)
    for seconds in (3601, 7200, 43200):
        refused(lambda seconds=seconds: chained(DurationSeconds=seconds), "ValidationError", CHAINING, 400)


def test_session_token_credentials_are_chained_too(locum, user):
    a = locum.role("A", root_of(ACCOUNT), MaxSessionDuration=43200)
    temporary = Credentials.of(locum.client("sts", user).get_session_token())
    sts = locum.client("sts", temporary)
    lasts(sts.assume_role(RoleArn=a, RoleSessionName="chained", DurationSeconds=3600), 3600)
    refused(
        lambda: sts.assume_role(RoleArn=a, RoleSessionName="chained", DurationSeconds=3601),
        "ValidationError",
        CHAINING,
        400,
    )


def test_a_chained_session_may_outlive_its_parent(locum, user):
    a = locum.role("A", root_of(ACCOUNT))
    b = locum.role("B", a)
    first = locum.assume(user, a, DurationSeconds=900)
    locum.advance(899)
    second = locum.assume(first, b)
    locum.advance(1000)
    assert locum.client("sts", second).get_caller_identity()["Arn"] == session_arn("B")
    expired = "The security token included in the request is expired"
    refused(locum.client("sts", first).get_caller_identity, "ExpiredToken", expired)


@pytest.mark.parametrize("maximum", [3600, 3601, 43200])
def test_up_to_the_roles_maximum(locum, user, maximum):
    role = locum.role("A", root_of(ACCOUNT), MaxSessionDuration=maximum)
    sts = locum.client("sts", user)

    def assume(seconds):
        return sts.assume_role(RoleArn=role, RoleSessionName="session", DurationSeconds=seconds)

    lasts(sts.assume_role(RoleArn=role, RoleSessionName="session"), 3600)
    lasts(assume(900), 900)
    lasts(assume(maximum), maximum)
    below = "Value '899' at 'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"
    refused(lambda: assume(899), "ValidationError", validation(below), 400)
    if maximum < 43200:
        refused(lambda: assume(maximum + 1), "ValidationError", ROLE_MAXIMUM, 400)
    above = "Value '43201' at 'durationSeconds' failed to satisfy constraint: Member must have value less than or equal to 43200"
    refused(lambda: assume(43201), "ValidationError", validation(above), 400)


def test_the_roles_maximum_has_limits(locum):
    iam = locum.client("iam")
    locum.role("A", root_of(ACCOUNT))
    assert iam.get_role(RoleName="A")["Role"]["MaxSessionDuration"] == 3600
    for seconds in (3600, 43200):
        iam.update_role(RoleName="A", MaxSessionDuration=seconds)
        assert iam.get_role(RoleName="A")["Role"]["MaxSessionDuration"] == seconds
    with pytest.raises(iam.exceptions.ClientError) as caught:
        iam.update_role(RoleName="A", MaxSessionDuration=3599)
    assert caught.value.response["Error"]["Code"] == "ParamValidation"
    with pytest.raises(iam.exceptions.ClientError) as caught:
        iam.update_role(RoleName="A", MaxSessionDuration=43201)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    assert "Member must have value less than or equal to 43200" in caught.value.response["Error"]["Message"]
    assert iam.get_role(RoleName="A")["Role"]["MaxSessionDuration"] == 43200


def test_a_denied_caller_learns_nothing_of_the_maximum(locum):
    """Who may not assume the role is refused for that, whatever duration is asked for."""
    stranger = locum.user("stranger")
    role = locum.role("A", root_of(ACCOUNT))
    sts = locum.client("sts", stranger)
    refused(
        lambda: sts.assume_role(RoleArn=role, RoleSessionName="session", DurationSeconds=43200),
        "AccessDenied",
        not_authorized(f"arn:aws:iam::{ACCOUNT}:user/stranger", "sts:AssumeRole", role),
    )


@pytest.mark.parametrize("operation", ["get_session_token", "get_federation_token"])
def test_session_and_federation_tokens_of_a_user(locum, user, operation):
    name = {"Name": "fed"} if operation == "get_federation_token" else {}
    call = getattr(locum.client("sts", user), operation)
    lasts(call(**name), 43200)
    lasts(call(**name, DurationSeconds=900), 900)
    lasts(call(**name, DurationSeconds=129600), 129600)
    for seconds, bound in ((899, "greater than or equal to 900"), (129601, "less than or equal to 129600")):
        clause = f"Value '{seconds}' at 'durationSeconds' failed to satisfy constraint: Member must have value {bound}"
        refused(lambda s=seconds: call(**name, DurationSeconds=s), "ValidationError", validation(clause), 400)


@pytest.mark.parametrize("operation", ["get_session_token", "get_federation_token"])
def test_session_and_federation_tokens_of_root(locum, operation):
    """More than an hour is silently an hour."""
    name = {"Name": "fed"} if operation == "get_federation_token" else {}
    call = getattr(locum.client("sts", ROOT_CREDENTIALS), operation)
    lasts(call(**name), 3600)
    lasts(call(**name, DurationSeconds=900), 900)
    lasts(call(**name, DurationSeconds=129600), 3600)


def test_sessions_get_no_session_or_federation_tokens(locum, user):
    everything = locum.role("Everything", root_of(ACCOUNT), allow("*"))
    locum.client("iam").put_user_policy(UserName="user", PolicyName="all", PolicyDocument=policy(allow("*")))
    federated = locum.client("sts", user).get_federation_token(Name="fed", Policy=policy(allow("*")))
    for session in (
        locum.assume(user, everything),
        Credentials.of(locum.client("sts", user).get_session_token()),
        Credentials.of(federated),
    ):
        sts = locum.client("sts", session)
        refused(sts.get_session_token, "AccessDenied", "Cannot call GetSessionToken with session credentials")
        refused(
            lambda sts=sts: sts.get_federation_token(Name="fed"),
            "AccessDenied",
            "Cannot call GetFederationToken with session credentials",
        )
