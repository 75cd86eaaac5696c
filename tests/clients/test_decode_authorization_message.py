"""Encoded authorization messages: with which refusals they come, and who opens them."""

import json

import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    Locum,
    Server,
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
)

BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
EVE = f"arn:aws:iam::{ACCOUNT}:user/eve"
MEMBER = "EncodedAuthorizationMessage"
INVALID = ("InvalidAuthorizationMessageException", "Message is not valid", 400)
DECODE = "sts:DecodeAuthorizationMessage"


def error_of(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response


def message_of(call):
    """The encoded message that the refusal of a call carries."""
    return error_of(call)["Error"].get(MEMBER)


def decode(locum, credentials, message):
    client = locum.client("sts", credentials)
    return json.loads(client.decode_authorization_message(EncodedMessage=message)["DecodedMessage"])


@pytest.fixture
def people(locum):
    """Bob, who may do little, and Dan, who may decode."""
    locum.bob = locum.user("bob", allow("s3:ListBucket"), deny("iam:Delete*", Sid="Keep"))
    locum.dan = locum.user("dan", allow(DECODE))
    return locum


def values(found):
    return {item["key"]: [v["value"] for v in item["values"]["items"]] for item in found["context"]["conditions"]["items"]}


def test_the_sentence_stays_awss_and_the_message_stands_beside_it(people):
    iam = people.client("iam", people.bob)
    error = refused(
        lambda: iam.create_user(UserName="eve"),
        "AccessDenied",
        not_authorized(BOB, "iam:CreateUser", EVE, no_identity_policy("iam:CreateUser")),
    )
    found = decode(people, people.dan, error["Error"][MEMBER])
    assert (found["allowed"], found["explicitDeny"]) == (False, False)
    assert (found["matchedStatements"], found["failures"]) == ({"items": []}, {"items": []})
    context = found["context"]
    assert (context["action"], context["resource"], context["principal"]["arn"]) == ("iam:CreateUser", EVE, BOB)
    assert context["principal"]["id"].startswith("AIDA")
    keys = values(found)
    assert keys["aws:SourceIp"] == ["127.0.0.1"]
    assert keys["aws:username"] == ["bob"]
    assert keys["aws:Account"] == [ACCOUNT]
    assert "Boto3" in keys["aws:UserAgent"][0]
    assert found["requestId"] == error["ResponseMetadata"]["RequestId"]
    assert [layer["layer"] for layer in found["layers"]] == ["identity"]


def test_the_aws_cli_decodes(people):
    iam = people.client("iam", people.bob)
    message = message_of(lambda: iam.delete_user(UserName="bob"))
    answer = people.aws_json(
        "sts", "decode-authorization-message", "--encoded-message", message, credentials=people.dan
    )
    found = json.loads(answer["DecodedMessage"])
    assert found["explicitDeny"] is True
    (statement,) = found["matchedStatements"]["items"]
    assert (statement["statementId"], statement["effect"]) == ("Keep", "DENY")
    assert statement["actions"] == {"items": [{"value": "iam:Delete*"}]}
    assert statement["resources"] == {"items": [{"value": "*"}]}
    assert statement["principals"] == {"items": [{"value": found["context"]["principal"]["id"]}]}
    ran = people.aws("sts", "decode-authorization-message", "--encoded-message", message, credentials=people.bob)
    sentence = not_authorized(BOB, DECODE, "*", no_identity_policy(DECODE))
    assert cli_error(ran) == ("AccessDenied", "DecodeAuthorizationMessage", sentence)


def test_every_surface_carries_it(people):
    s3 = people.client("s3")
    s3.create_bucket(Bucket="data")
    # S3: an element of the error document.
    reader = people.client("s3", people.bob)
    error = refused(
        lambda: reader.get_object(Bucket="data", Key="x"),
        "AccessDenied",
        not_authorized_at_s3(BOB, "s3:GetObject", "arn:aws:s3:::data/x", no_identity_policy("s3:GetObject")),
    )
    assert decode(people, people.dan, error["Error"][MEMBER])["context"]["resource"] == "arn:aws:s3:::data/x"
    # Organizations: a header, for clients of the JSON protocols keep only what the model has.
    organizations = people.client("organizations", people.bob)
    error = error_of(organizations.list_roots)
    assert error["Error"]["Code"] == "AccessDeniedException"
    assert "Encoded" not in error["Error"]["Message"]
    message = error["ResponseMetadata"]["HTTPHeaders"]["x-amzn-encoded-authorization-message"]
    assert len(message) <= 3000
    assert decode(people, people.dan, message)["context"]["action"] == "organizations:ListRoots"
    # STS for clients that want JSON.
    parameters = {"Action": "GetAccessKeyInfo", "AccessKeyId": people.bob.id}
    answer = people.form("sts", parameters, people.bob, headers={"Accept": "application/json"})
    message = json.loads(answer.body)["Error"][MEMBER]
    assert decode(people, people.dan, message)["context"]["action"] == "sts:GetAccessKeyInfo"


def test_what_carries_none(people):
    people.client("s3").create_bucket(Bucket="data")
    anonymous = people.client("s3", None)
    assert message_of(lambda: anonymous.get_object(Bucket="data", Key="x")) is None
    # One of a thousand keys.
    bob = people.client("s3", people.bob)
    answer = bob.delete_objects(Bucket="data", Delete={"Objects": [{"Key": "x"}]})
    assert set(answer["Errors"][0]) == {"Key", "Code", "Message"}
    # What another account refuses, and whether there is anything to refuse.
    account, administrator = people.account("other")
    people.role("closed", root_of(account), credentials=administrator)
    walker = people.user("walker", allow("sts:AssumeRole"))
    for name in ("closed", "absent"):
        role = f"arn:aws:iam::{account}:role/{name}"
        for caller, arn in [(people.bob, BOB), (walker, BOB.replace("bob", "walker"))]:
            sts = people.client("sts", caller)
            error = refused(
                lambda: sts.assume_role(RoleArn=role, RoleSessionName="session"),
                "AccessDenied",
                not_authorized(arn, "sts:AssumeRole", role),
            )
            assert MEMBER not in error["Error"]
            assert set(error["Error"]) == {"Type", "Code", "Message"}


def test_of_a_role_of_the_own_account(people):
    role = people.role("deploy", trusting(root_of(ACCOUNT), Condition={"StringEquals": {"sts:ExternalId": "seven"}}))
    sts = people.client("sts", people.bob)
    ask = {"RoleSessionName": "session", "ExternalId": "eight"}
    error = refused(
        lambda: sts.assume_role(RoleArn=role, **ask), "AccessDenied", not_authorized(BOB, "sts:AssumeRole", role)
    )
    message = error["Error"][MEMBER]
    found = decode(people, people.dan, message)
    assert found["reason"] == "because no role trust policy allows the sts:AssumeRole action"
    trust = found["layers"][0]
    assert trust["statements"][0]["mismatch"] == {
        "element": "Condition",
        "operator": "StringEquals",
        "key": "sts:ExternalId",
        "wanted": ["seven"],
        "seen": ["eight"],
    }
    # One that is not there looks the same to who may not decode.
    absent = role.replace("deploy", "absent")
    other = message_of(lambda: sts.assume_role(RoleArn=absent, **ask))
    assert len(other) == len(message)
    assert "does not exist" in decode(people, people.dan, other)["notes"][0]


def test_what_is_no_message(people):
    iam = people.client("iam", people.bob)
    message = message_of(lambda: iam.create_user(UserName="eve"))
    sts = people.client("sts", people.dan)
    token = people.client("sts", people.bob).get_session_token()["Credentials"]["SessionToken"]
    middle = len(message) // 2
    flipped = message[:middle] + ("A" if message[middle] != "A" else "B") + message[middle + 1 :]
    for text in ["x", message[:-1], message + "\n", flipped, token, "\N{SNOWMAN}"]:
        code, sentence, status = INVALID
        refused(lambda text=text: sts.decode_authorization_message(EncodedMessage=text), code, sentence, status)
    with pytest.raises(sts.exceptions.InvalidAuthorizationMessageException):
        sts.decode_authorization_message(EncodedMessage="x")
    # The limits of the model.
    clause = "Value '{}' at 'encodedMessage' failed to satisfy constraint: Member must have length {} than or equal to {}"
    long = "x" * 10_241
    for text, words in [("", ("", "greater", 1)), (long, (long, "less", 10_240))]:
        refused(
            lambda text=text: sts.decode_authorization_message(EncodedMessage=text),
            "ValidationError",
            validation(clause.format(*words)),
            400,
        )


def test_another_accounts_message_looks_like_none(people):
    iam = people.client("iam", people.bob)
    message = message_of(lambda: iam.create_user(UserName="eve"))
    account, administrator = people.account("other")
    code, sentence, status = INVALID
    foreign = people.client("sts", administrator)
    refused(lambda: foreign.decode_authorization_message(EncodedMessage=message), code, sentence, status)
    # Theirs is theirs.
    carl = people.user("carl", allow("s3:*"), credentials=administrator)
    theirs = message_of(lambda: people.client("iam", carl).list_users())
    assert decode(people, administrator, theirs)["context"]["principal"]["arn"].startswith(f"arn:aws:iam::{account}:")
    dan = people.client("sts", people.dan)
    refused(lambda: dan.decode_authorization_message(EncodedMessage=theirs), code, sentence, status)


def test_another_realms_message(people, tmp_path):
    with Server(tmp_path / "other") as server:
        other = Locum(server, people.clock)
        bob = other.user("bob", allow("s3:*"))
        message = message_of(lambda: other.client("iam", bob).create_user(UserName="eve"))
    dan = people.client("sts", people.dan)
    code, sentence, status = INVALID
    refused(lambda: dan.decode_authorization_message(EncodedMessage=message), code, sentence, status)


def test_policies_of_the_organization_are_told_to_who_may_decode(people):
    organizations = people.client("organizations")
    account, administrator = people.account("bound")
    dora = people.user("dora", allow("*"), credentials=administrator)
    root = organizations.list_roots()["Roots"][0]["Id"]
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    made = organizations.create_policy(
        Name="no-users", Description="", Type="SERVICE_CONTROL_POLICY", Content=policy(deny("iam:CreateUser", Sid="Scp"))
    )
    organizations.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=account)
    error = error_of(lambda: people.client("iam", dora).create_user(UserName="eve"))
    assert error["Error"]["Message"].endswith("with an explicit deny in a service control policy")
    found = decode(people, administrator, error["Error"][MEMBER])
    (statement,) = found["matchedStatements"]["items"]
    assert (statement["statementId"], statement["layer"]) == ("Scp", "service_control")


def test_a_message_outlives_a_restart(durable):
    bob = durable.user("bob", allow("s3:*"))
    dan = durable.user("dan", allow(DECODE))
    message = message_of(lambda: durable.client("iam", bob).list_users())
    assert durable.server.terminate() == 0
    durable.server.start()
    assert decode(durable, dan, message)["context"]["action"] == "iam:ListUsers"


def test_the_record_has_the_message_and_not_what_was_decoded(durable, tmp_path):
    from test_audit import record_of

    durable.folder = tmp_path / "data/audit"
    bob = durable.user("bob", allow("s3:*"))
    error = error_of(lambda: durable.client("iam", bob).list_users())
    record = record_of(durable, "ListUsers")
    account = durable.client("sts").get_caller_identity()["Account"]
    assert record["errorMessage"] == error["Error"]["Message"]
    assert record["additionalEventData"] == {
        "refusedAction": "iam:ListUsers",
        "refusedResource": f"arn:aws:iam::{account}:user/",
        "encodedAuthorizationMessage": error["Error"][MEMBER],
    }
    durable.client("sts").decode_authorization_message(EncodedMessage=error["Error"][MEMBER])
    record = record_of(durable, "DecodeAuthorizationMessage")
    assert (record["responseElements"], record["readOnly"]) == (None, True)
    assert record["requestParameters"] == {"encodedMessage": error["Error"][MEMBER]}
