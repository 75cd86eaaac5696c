"""Session tags and source identity: passed, handed down, decided on, recorded."""

import json

import pytest
from harness import (
    ACCOUNT,
    Credentials,
    allow,
    cli_error,
    not_authorized,
    policy,
    refused,
    trusting,
    validation,
    wait_for,
)

USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
TAGGING = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
CONFLICT = (
    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
    "from the calling session."
)


@pytest.fixture
def alice(locum):
    return locum.user("alice", allow(["sts:*"]), Tags=[{"Key": "Desk", "Value": "of-user"}])


def arn(name, account=ACCOUNT):
    return f"arn:aws:iam::{account}:role/{name}"


def tags(**pairs):
    return [{"Key": key, "Value": value} for key, value in pairs.items()]


def session_arn(name, account=ACCOUNT):
    return f"arn:aws:sts::{account}:assumed-role/{name}/session"


def reads(locum, credentials, key):
    """Whether an object may be read: it is not there, which only who may look is told."""
    answer = locum.client("s3", credentials)
    with pytest.raises(Exception) as caught:
        answer.get_object(Bucket="lake", Key=key)
    code = caught.value.response["Error"]["Code"]
    assert code in ("NoSuchKey", "AccessDenied")
    return code == "NoSuchKey"


@pytest.fixture
def lake(locum):
    locum.client("s3").create_bucket(Bucket="lake")
    below = "arn:aws:s3:::lake/${aws:PrincipalTag/Team}/*"
    return allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::lake", below])


def test_tags_and_source_identity_through_a_chain(locum, alice, lake):
    a = locum.role("A", trusting(USER, TAGGING), lake)
    b = locum.role("B", trusting(a, TAGGING), lake, Tags=tags(Team="of-role"))
    c = locum.role("C", trusting(b, TAGGING), lake)
    answer = locum.client("sts", alice).assume_role(
        RoleArn=a,
        RoleSessionName="session",
        Tags=tags(Team="blue", Once="1"),
        TransitiveTagKeys=["Team"],
        SourceIdentity="Alice",
    )
    assert answer["SourceIdentity"] == "Alice"
    assert 0 < answer["PackedPolicySize"] <= 100
    first = Credentials.of(answer)
    answer = locum.client("sts", first).assume_role(RoleArn=b, RoleSessionName="session")
    assert (answer["SourceIdentity"], answer["PackedPolicySize"]) == ("Alice", 1)
    second = Credentials.of(answer)
    third = locum.assume(second, c)
    for session in (first, second, third):
        assert reads(locum, session, "blue/1")
        assert not reads(locum, session, "of-role/1")
    sts = locum.client("sts", first)
    for key in ("Team", "TEAM"):
        refused(
            lambda key=key: sts.assume_role(RoleArn=b, RoleSessionName="session", Tags=tags(**{key: "red"})),
            "InvalidParameterValue",
            CONFLICT,
            400,
        )
    refused(
        lambda: sts.assume_role(RoleArn=b, RoleSessionName="session", SourceIdentity="Mallory"),
        "ValidationError",
        "The source identity is already set for this assume role session",
        400,
    )


def test_each_is_a_permission_of_its_own(locum, alice):
    role = locum.role("A", trusting(USER))
    sts = locum.client("sts", alice)

    def assume(**options):
        return sts.assume_role(RoleArn=role, RoleSessionName="session", **options)

    assert "PackedPolicySize" not in assume()
    refused(lambda: assume(Tags=tags(a="1")), "AccessDenied", not_authorized(USER, "sts:TagSession", role))
    refused(
        lambda: assume(SourceIdentity="Alice"), "AccessDenied", not_authorized(USER, "sts:SetSourceIdentity", role)
    )
    context = {"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter", "ContextAssertion": "eyJhbGci"}
    refused(
        lambda: assume(ProvidedContexts=[context]), "AccessDenied", not_authorized(USER, "sts:SetContext", role)
    )
    locum.client("iam").update_assume_role_policy(
        RoleName="A", PolicyDocument=policy(trusting(USER, [*TAGGING, "sts:SetContext"]))
    )
    refused(
        lambda: assume(ProvidedContexts=[context]),
        "ExpiredTokenException",
        "The context assertion that was passed is expired or is not valid.",
        400,
    )


def test_across_accounts_both_sides_must_let_tag(locum):
    other, admin = locum.account("other")
    user = locum.user("carol", allow("sts:AssumeRole"))
    carol = f"arn:aws:iam::{ACCOUNT}:user/carol"
    role = locum.role("Theirs", trusting(carol, TAGGING), credentials=admin)
    sts = locum.client("sts", user)

    def assume():
        return sts.assume_role(RoleArn=role, RoleSessionName="session", Tags=tags(a="1"))

    refused(assume, "AccessDenied", not_authorized(carol, "sts:TagSession", role))
    more = policy(allow("sts:TagSession"))
    locum.client("iam").put_user_policy(UserName="carol", PolicyName="more", PolicyDocument=more)
    assert assume()["AssumedRoleUser"]["Arn"] == session_arn("Theirs", other)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        (
            {"Tags": tags(a="1") + tags(A="2")},
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ),
        (
            {"Tags": tags(a="1"), "TransitiveTagKeys": ["b"]},
            "The specified transitive tag key must be included in the requested tags.",
        ),
        ({"Tags": tags(**{"Aws:x": "1"})}, "Tag keys beginning with aws: are reserved for AWS use."),
    ],
)
def test_tags_that_contradict(locum, alice, parameters, message):
    role = locum.role("A", trusting(USER, TAGGING))
    sts = locum.client("sts", alice)
    refused(
        lambda: sts.assume_role(RoleArn=role, RoleSessionName="session", **parameters),
        "InvalidParameterValue",
        message,
        400,
    )


def constraint(value, member, text):
    shown = "" if value is None else f" '{value}'"
    return f"Value{shown} at '{member}' failed to satisfy constraint: Member must {text}"


TAG = r"satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]"


@pytest.mark.parametrize(
    ("parameters", "clause"),
    [
        ({"Tags": [{"Key": "k", "Value": "*"}]}, constraint("*", "tags.1.member.value", TAG + "*")),
        (
            {"Tags": [{"Key": "${aws:username}", "Value": ""}]},
            constraint("${aws:username}", "tags.1.member.key", TAG + "+"),
        ),
        ({"Tags": [{"Key": "k"}]}, constraint(None, "tags.1.member.value", "not be null")),
        (
            {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]},
            constraint(None, "tags", "have length less than or equal to 50"),
        ),
        (
            {"Tags": [{"Key": "k", "Value": "v" * 257}]},
            constraint("v" * 257, "tags.1.member.value", "have length less than or equal to 256"),
        ),
        (
            {"SourceIdentity": "aws:me"},
            constraint("aws:me", "sourceIdentity", r"satisfy regular expression pattern: [\w+=,.@-]*"),
        ),
        (
            {"SourceIdentity": "x"},
            constraint("x", "sourceIdentity", "have length greater than or equal to 2"),
        ),
        (
            {"ProvidedContexts": [{"ProviderArn": "short", "ContextAssertion": "long-enough"}]},
            constraint("short", "providedContexts.1.member.providerArn", "have length greater than or equal to 20"),
        ),
        (
            {"ProvidedContexts": [{"ContextAssertion": "abc"}]},
            constraint("abc", "providedContexts.1.member.contextAssertion", "have length greater than or equal to 4"),
        ),
        (
            {"ProvidedContexts": []},
            constraint(None, "providedContexts", "have length greater than or equal to 1"),
        ),
    ],
)
def test_the_models_constraints(locum, alice, parameters, clause):
    role = locum.role("A", trusting(USER, TAGGING))
    sts = locum.client("sts", alice)
    refused(
        lambda: sts.assume_role(RoleArn=role, RoleSessionName="session", **parameters),
        "ValidationError",
        validation(clause),
        400,
    )


def test_conditions_on_tags(locum, alice):
    """The pattern of the user guide: which tags must be there, with which values, and which are handed down."""
    condition = {
        "StringLike": {"aws:RequestTag/Project": "*"},
        "StringEquals": {"aws:RequestTag/Department": ["Engineering", "Marketing"], "aws:ResourceTag/Owner": "lake"},
        "ForAllValues:StringEquals": {
            "aws:TagKeys": ["Project", "Department"],
            "sts:TransitiveTagKeys": ["Project", "Department"],
        },
        "ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": "Project"},
    }
    role = locum.role("A", trusting(USER, TAGGING, Condition=condition), Tags=tags(Owner="lake"))
    sts = locum.client("sts", alice)

    def assume(transitive, **pairs):
        return sts.assume_role(
            RoleArn=role, RoleSessionName="session", Tags=tags(**pairs), TransitiveTagKeys=transitive
        )

    assume(["Project"], Project="p", Department="Marketing")
    denied = not_authorized(USER, "sts:AssumeRole", role)
    for transitive, pairs in (
        (["Project"], {"Project": "p"}),
        (["Project"], {"Project": "p", "Department": "Sales"}),
        (["Project"], {"Project": "p", "Department": "Marketing", "Extra": "x"}),
        (["Department"], {"Project": "p", "Department": "Marketing"}),
        ([], {"Project": "p", "Department": "Marketing"}),
    ):
        refused(lambda t=transitive, p=pairs: assume(t, **p), "AccessDenied", denied)


def test_tags_of_a_federated_user(locum, lake):
    dave = locum.user("dave", allow(["sts:GetFederationToken", "s3:*"]), Tags=tags(Team="red"))
    sts = locum.client("sts", dave)
    document = policy(lake)
    session = Credentials.of(sts.get_federation_token(Name="fed", Policy=document))
    assert reads(locum, session, "red/1")
    user = f"arn:aws:iam::{ACCOUNT}:user/dave"
    refused(
        lambda: sts.get_federation_token(Name="fed", Policy=document, Tags=tags(Team="blue")),
        "AccessDenied",
        not_authorized(
            user,
            "sts:TagSession",
            f"arn:aws:sts::{ACCOUNT}:federated-user/fed",
            "because no identity-based policy allows the sts:TagSession action",
        ),
    )
    more = policy(allow("sts:TagSession"))
    locum.client("iam").put_user_policy(UserName="dave", PolicyName="more", PolicyDocument=more)
    answer = sts.get_federation_token(Name="fed", Policy=document, Tags=tags(TEAM="blue"))
    assert 0 < answer["PackedPolicySize"] <= 100
    session = Credentials.of(answer)
    assert reads(locum, session, "blue/1")
    assert not reads(locum, session, "red/1")


def test_too_many_tags_for_the_token(locum, alice):
    role = locum.role("A", trusting(USER, TAGGING))
    values = [f"{n * 2654435761 % 2**32:08x}{n * 40503 % 2**31:08x}" * 8 for n in range(1, 50)]
    # Repetition packs well, so these fit; the same characters without a pattern do not.
    many = [{"Key": f"k{n}", "Value": value} for n, value in enumerate(values)]
    answer = locum.client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session", Tags=many)
    assert 20 < answer["PackedPolicySize"] <= 100
    assert len(answer["Credentials"]["SessionToken"]) < 4096
    state, mixed = 7, []
    for n in range(30):
        digits = []
        for _ in range(200):
            state = (state * 6364136223846793005 + 1442695040888963407) % 2**64
            digits.append("abcdefghijklmnopqrstuvwxyz"[(state >> 33) % 26])
        mixed.append({"Key": f"k{n}", "Value": "".join(digits)})
    with pytest.raises(Exception) as caught:
        locum.client("sts", alice).assume_role(RoleArn=role, RoleSessionName="session", Tags=mixed)
    error = caught.value.response["Error"]
    assert error["Code"] == "PackedPolicyTooLarge"
    assert error["Message"].startswith("Packed size of session tags consumes ")
    assert error["Message"].endswith("% of allotted space.")


def test_the_command_line(locum, alice):
    role = locum.role("A", trusting(USER, TAGGING))
    answer = locum.aws_json(
        *("sts", "assume-role", "--role-arn", role, "--role-session-name", "session"),
        *("--tags", "Key=Team,Value=blue", "Key=Project,Value=x", "--transitive-tag-keys", "Team"),
        *("--source-identity", "Alice"),
        credentials=alice,
    )
    assert (answer["SourceIdentity"], answer["PackedPolicySize"]) == ("Alice", 2)
    ran = locum.aws(
        *("sts", "assume-role", "--role-arn", role, "--role-session-name", "session"),
        *("--transitive-tag-keys", "Team"),
        credentials=alice,
    )
    code, operation, message = cli_error(ran)
    assert (code, operation) == ("InvalidParameterValue", "AssumeRole")
    assert message == "The specified transitive tag key must be included in the requested tags."


def test_the_record(durable, tmp_path):
    account = durable.client("sts").get_caller_identity()["Account"]
    user = durable.user("alice")
    a = durable.role("A", trusting(f"arn:aws:iam::{account}:user/alice", TAGGING))
    b = durable.role("B", trusting(a, TAGGING))
    first = durable.assume(
        user, a, Tags=tags(Team="blue", Once="1"), TransitiveTagKeys=["Team"], SourceIdentity="Alice"
    )
    durable.assume(first, b, Tags=tags(Stage="x"))

    def records():
        lines = (tmp_path / "data/audit/audit.jsonl").read_text().splitlines()
        found = [json.loads(line) for line in lines]
        return [record for record in found if record["eventName"] == "AssumeRole"]

    wait_for(lambda: len(records()) >= 2, "two records of AssumeRole")
    one, two = records()[-2:]
    assert one["requestParameters"] == {
        "roleArn": a,
        "roleSessionName": "session",
        "tags": [{"key": "Team", "value": "blue"}, {"key": "Once", "value": "1"}],
        "transitiveTagKeys": ["Team"],
        "sourceIdentity": "Alice",
    }
    assert one["responseElements"]["sourceIdentity"] == "Alice"
    assert "sessionContext" not in one["userIdentity"]
    assert two["requestParameters"] == {
        "roleArn": b,
        "roleSessionName": "session",
        "tags": [{"key": "Stage", "value": "x"}],
        "incomingTransitiveTags": {"Team": "blue"},
        "sourceIdentity": "Alice",
    }
    assert two["userIdentity"]["sessionContext"]["sourceIdentity"] == "Alice"
    assert two["userIdentity"]["sessionContext"]["sessionIssuer"]["arn"] == a
