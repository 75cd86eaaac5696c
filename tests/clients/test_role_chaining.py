"""Role A assumes role B: how long sessions may be, what goes along a chain, and that nothing is gained by it."""

import datetime
import random

import jwt
import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    Credentials,
    allow,
    deny,
    not_authorized,
    policy,
    refused,
    root_of,
    trusting,
    validation,
)

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


# Tags and identity along A, B and C


def told(locum, session):
    """What a session says of itself to services outside: its tags and its source identity."""
    answer = locum.client("sts", session).get_web_identity_token(Audience=["test"], SigningAlgorithm="ES384")
    claims = jwt.decode(answer["WebIdentityToken"], options={"verify_signature": False})["https://sts.amazonaws.com/"]
    return claims.get("principal_tags", {}), claims.get("source_identity")


def tags(**pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


@pytest.fixture
def chain(locum, user):
    """A, B and C, each of which trusts the one before with all that can be asked for."""
    locum.client("iam").enable_outbound_web_identity_federation()
    trusted = f"arn:aws:iam::{ACCOUNT}:user/user"
    for name in "ABC":
        trust = trusting(trusted, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])
        trusted = locum.role(name, trust, allow("sts:GetWebIdentityToken"), Tags=tags(Of=name, Team=f"of-{name}"))
    return user


def test_what_is_transitive_goes_on_and_nothing_else(locum, chain):
    first = locum.assume(
        chain, arn("A"), Tags=tags(Team="blue", Once="1"), TransitiveTagKeys=["Team"], SourceIdentity="Ann"
    )
    assert told(locum, first) == ({"Of": "A", "Team": "blue", "Once": "1"}, "Ann")
    # The one that is not handed down may be given again, and others may be added to those that are.
    second = locum.assume(
        first, arn("B"), Tags=tags(once="2", Desk="7"), TransitiveTagKeys=["Desk"], SourceIdentity="Ann"
    )
    assert told(locum, second) == ({"Of": "B", "Team": "blue", "once": "2", "Desk": "7"}, "Ann")
    third = locum.assume(second, arn("C"))
    assert told(locum, third) == ({"Of": "C", "Team": "blue", "Desk": "7"}, "Ann")
    # Nothing of it is the roles' own, and another chain has none of it.
    assert told(locum, locum.assume(chain, arn("A"))) == ({"Of": "A", "Team": "of-A"}, None)


def test_what_was_handed_down_is_nobodys_to_change(locum, chain):
    first = locum.assume(
        chain, arn("A"), Tags=tags(Team="blue"), TransitiveTagKeys=["Team"], SourceIdentity="Ann"
    )
    second = locum.assume(first, arn("B"), Tags=tags(Desk="7"), TransitiveTagKeys=["Desk"])
    conflict = (
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
        "from the calling session."
    )
    # In whatever letter case, with the same value too, and however far back it was set.
    for given in (tags(Team="red"), tags(TEAM="red"), tags(team="blue"), tags(desk="7"), tags(Own="1", DESK="")):
        for passed_on in ({}, {"TransitiveTagKeys": [given[-1]["Key"]]}):
            refused(
                lambda given=given, more=passed_on: locum.assume(second, arn("C"), Tags=given, **more),
                "InvalidParameterValue",
                conflict,
                400,
            )
    # A key that is only inherited is not among those passed.
    refused(
        lambda: locum.assume(second, arn("C"), TransitiveTagKeys=["Team"]),
        "InvalidParameterValue",
        "The specified transitive tag key must be included in the requested tags.",
        400,
    )
    for identity in ("Mallory", "ann", "Ann."):
        refused(
            lambda identity=identity: locum.assume(second, arn("C"), SourceIdentity=identity),
            "ValidationError",
            "The source identity is already set for this assume role session",
            400,
        )
    assert told(locum, locum.assume(second, arn("C"), SourceIdentity="Ann"))[1] == "Ann"


def test_what_is_inherited_must_be_let_in_too(locum, chain):
    """A role that lets neither tag nor identify is closed to sessions that have tags or an identity."""
    iam = locum.client("iam")
    plain = locum.assume(chain, arn("A"))
    tagged = locum.assume(chain, arn("A"), Tags=tags(Team="blue"), TransitiveTagKeys=["Team"])
    own = locum.assume(chain, arn("A"), Tags=tags(Team="blue"))
    identified = locum.assume(chain, arn("A"), SourceIdentity="Ann")
    iam.update_assume_role_policy(RoleName="B", PolicyDocument=policy(trusting(arn("A"))))
    for session in (plain, own):
        assert locum.assume(session, arn("B")).id.startswith("ASIA")
    for session, action in ((tagged, "sts:TagSession"), (identified, "sts:SetSourceIdentity")):
        refused(
            lambda session=session: locum.assume(session, arn("B")),
            "AccessDenied",
            not_authorized(session_arn("A"), action, arn("B")),
        )


# No session obtains more than it was allowed

PREFIXES = ("red", "green", "blue")
ROLES = ("R0", "R1", "R2", "R3")
READS = [("s3:GetObject", f"arn:aws:s3:::lake/{prefix}/*") for prefix in PREFIXES]
WRITES = [("s3:PutObject", f"arn:aws:s3:::lake/{prefix}/*") for prefix in PREFIXES]
ASSUMES = [("sts:AssumeRole", arn(name)) for name in ROLES]
POWERS = frozenset(READS + WRITES + ASSUMES)
# R3 trusts R0 by name, so that a session of R0 needs no permission of its role's; what its session policy
# leaves out it lacks all the same.
TRUSTED_BY_NAME = ("R0", ("sts:AssumeRole", arn("R3")))


def statements_of(powers):
    return [allow(action, resource) for action, resource in sorted(powers)]


class Chance:
    """Random roles and session policies, the same for a seed."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def some(self, powers=POWERS, share=0.6):
        return frozenset(power for power in sorted(powers) if self.random.random() < share)

    def session_policy(self, managed):
        """(parameters, the powers that they leave)."""
        left = self.some(share=0.7)
        form = self.random.choice(["none", "allows", "denies", "managed", "managed and allows"])
        if form == "none":
            return {}, POWERS
        if form == "allows":
            return {"Policy": policy(*statements_of(left), deny("iam:*"))}, left
        if form == "denies":
            denials = [deny(action, resource) for action, resource in sorted(POWERS - left)]
            return {"Policy": policy(allow("*"), *denials)}, left
        document, granted = self.random.choice(managed)
        parameters = {"PolicyArns": [{"arn": document}]}
        if form == "managed":
            return parameters, granted
        return parameters | {"Policy": policy(*statements_of(left), deny("iam:*"))}, granted | left


@pytest.mark.parametrize("seed", range(6))
def test_no_session_obtains_more_than_it_was_allowed(locum, seed):
    """Random chains: a session has what its role and its policy both allow, whoever asked for it, and may
    assume what is among that."""
    chance = Chance(seed)
    s3 = locum.client("s3")
    s3.create_bucket(Bucket="lake")
    for prefix in PREFIXES:
        s3.put_object(Bucket="lake", Key=f"{prefix}/key", Body=b"x")
    begin = locum.user("begin", allow("sts:AssumeRole"))
    granted = {name: chance.some() for name in ROLES}
    iam = locum.client("iam")
    for name in ROLES:
        locum.role(name, root_of(ACCOUNT), *statements_of(granted[name]))
    both = policy(trusting(root_of(ACCOUNT)), trusting(arn("R0")))
    iam.update_assume_role_policy(RoleName="R3", PolicyDocument=both)
    managed = []
    for number in range(2):
        powers = chance.some(share=0.5) | {ASSUMES[number]}
        made = iam.create_policy(PolicyName=f"m{number}", PolicyDocument=policy(*statements_of(powers)))
        managed.append((made["Policy"]["Arn"], powers))

    def has(session, power):
        action, resource = power
        name = resource.split("/")[1]
        try:
            if action == "s3:GetObject":
                locum.client("s3", session).get_object(Bucket="lake", Key=f"{name}/key")
            elif action == "s3:PutObject":
                locum.client("s3", session).put_object(Bucket="lake", Key=f"{name}/key", Body=b"x")
            else:
                locum.assume(session, resource)
        except ClientError as error:
            assert error.response["Error"]["Code"] == "AccessDenied", error
            return False
        return True

    chained = 0
    for start in ROLES:
        session, role, trail = begin, start, []
        for _ in range(4):
            parameters, left = chance.session_policy(managed)
            session = locum.assume(session, arn(role), **parameters)
            trail.append((role, parameters))
            by_name = {TRUSTED_BY_NAME[1]} if role == TRUSTED_BY_NAME[0] else set()
            allowed = (granted[role] | by_name) & left
            assert {power for power in POWERS if has(session, power)} == allowed, trail
            onward = sorted(allowed & set(ASSUMES))
            if not onward:
                break
            role = chance.random.choice(onward)[1].split("/")[1]
            chained += 1
    assert chained > 0
