"""Hostile and mistaken requests: the exact refusal of each, and a server that answers the next.

The requests are signed as botocore signs them and sent byte for byte, so that each row changes one
thing. After every test the server must still be well (the fixture sees to it).
"""

import base64
import contextlib
import datetime
import hashlib
import json
import socket
import urllib.parse
import zlib

import pytest
from harness import (
    ACCOUNT,
    EMPTY_SHA256,
    REGION,
    ROOT_CREDENTIALS,
    ROOT_KEY_ID,
    Credentials,
    allow,
    policy,
    root_of,
    trusting,
    validation,
)

IDENTITY = {"Action": "GetCallerIdentity"}
INVALID = "The security token included in the request is invalid."
INVALID_TOKEN = "The security token included in the request is invalid"
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
NO_TOKEN = "Request is missing Authentication Token"
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


def first_sentence(answer):
    """Status, code and message without what AWS appends for debugging."""
    status, code, message = answer.error()
    return status, code, message.split("\n\n")[0]


# Policy documents


IDENTITY_DOCUMENTS = {
    "not JSON": ("{", "Syntax errors in policy."),
    "no object": ("[]", "Syntax errors in policy."),
    "a number": ("1", "Syntax errors in policy."),
    "unknown element": (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*","Extra":1}]}',
        "Syntax errors in policy.",
    ),
    "bad effect": (
        '{"Version":"2012-10-17","Statement":[{"Effect":"allow","Action":"s3:*","Resource":"*"}]}',
        "Syntax errors in policy.",
    ),
    "no effect": (
        '{"Version":"2012-10-17","Statement":[{"Action":"s3:*","Resource":"*"}]}',
        "Syntax errors in policy.",
    ),
    "old version": (
        '{"Version":"2008-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}',
        "Policy document must be version 2012-10-17 or greater.",
    ),
    "no version": (
        '{"Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}',
        "Policy document must be version 2012-10-17 or greater.",
    ),
    "unknown operator": (
        policy(allow("s3:*", Condition={"StringAlmost": {"aws:username": "x"}})),
        "Syntax errors in policy.",
    ),
    "a date that is none": (
        policy(allow("s3:*", Condition={"DateLessThan": {"aws:CurrentTime": "soon"}})),
        "The policy failed legacy parsing",
    ),
    "an address that is none": (
        policy(allow("s3:*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/64"}})),
        "The policy failed legacy parsing",
    ),
    "one Sid twice": (
        policy(allow("s3:*", Sid="A"), allow("sts:*", Sid="A")),
        "Statement IDs (SID) in a single policy must be unique.",
    ),
    "no action": (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Resource":"*"}]}',
        "Policy statement must contain actions.",
    ),
    "no resource": (
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*"}]}',
        "Policy statement must contain resources.",
    ),
    "a principal": (
        policy(allow("s3:*", Principal="*")),
        "Policy document should not specify a principal.",
    ),
    "an action without a service": (
        policy(allow("ListBuckets")),
        "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
    ),
    "an action with two colons": (policy(allow("s3:List:Buckets")), "Actions/Condition can contain only one colon."),
    "a service that is none": (policy(allow("s 3:ListBuckets")), "Vendor s 3 is not valid"),
    "a resource that is no ARN": (
        policy(allow("s3:*", "bucket")),
        'Resource bucket must be in ARN format or "*".',
    ),
    "a partition that is none": (
        policy(allow("s3:*", "arn:axs:s3:::bucket")),
        'Partition "axs" is not valid for resource "arn:axs:s3:::bucket".',
    ),
    "a wildcard for the service": (
        policy(allow("s3:*", "arn:aws:s*:::bucket")),
        "Resource vendor must be fully qualified and cannot contain regexes.",
    ),
    "an IAM path that is none": (
        policy(allow("iam:*", f"arn:aws:iam::{ACCOUNT}:bucket/x")),
        'IAM resource path must either be "*" or start with user/, federated-user/, role/, group/, instance-profile/, '
        "mfa/, server-certificate/, policy/, sms-mfa/, saml-provider/, oidc-provider/, report/, access-report/.",
    ),
    "an IAM ARN with a region": (
        policy(allow("iam:*", f"arn:aws:iam:us-east-1:{ACCOUNT}:user/x")),
        f"IAM resource arn:aws:iam:us-east-1:{ACCOUNT}:user/x cannot contain region information.",
    ),
    "an S3 ARN with a region": (
        policy(allow("s3:*", "arn:aws:s3:us-east-1::bucket")),
        "Resource arn:aws:s3:us-east-1::bucket can not contain region information.",
    ),
}


@pytest.mark.parametrize("row", IDENTITY_DOCUMENTS)
def test_identity_policies(locum, row):
    document, message = IDENTITY_DOCUMENTS[row]
    locum.client("iam").create_user(UserName="user")
    for parameters in (
        {"Action": "PutUserPolicy", "UserName": "user", "PolicyName": "p"},
        {"Action": "CreatePolicy", "PolicyName": "p"},
    ):
        answer = locum.form("iam", parameters | {"PolicyDocument": document})
        assert answer.error() == (400, "MalformedPolicyDocument", message)
    assert locum.client("iam").list_user_policies(UserName="user")["PolicyNames"] == []
    assert locum.client("iam").list_policies(Scope="Local")["Policies"] == []


GOOD_TRUST = trusting(root_of(ACCOUNT))
TRUST_DOCUMENTS = {
    "not JSON": ("{", "This policy contains invalid Json"),
    "empty": ('{"Version":"2012-10-17","Statement":[]}', "Could not parse the policy: Statement is empty!"),
    "one Sid twice": (
        policy(GOOD_TRUST | {"Sid": "A"}, GOOD_TRUST | {"Sid": "A"}),
        "The Statement Ids in the policy are not unique",
    ),
    "no effect": (
        policy({"Principal": {"AWS": root_of(ACCOUNT)}, "Action": "sts:AssumeRole"}),
        "Missing required field Effect",
    ),
    "no principal": (policy({"Effect": "Allow", "Action": "sts:AssumeRole"}), "Missing required field Principal"),
    "no action": (policy({"Effect": "Allow", "Principal": {"AWS": root_of(ACCOUNT)}}), "Missing required field Action"),
    "everyone but": (
        policy({"Effect": "Allow", "NotPrincipal": {"AWS": root_of(ACCOUNT)}, "Action": "sts:AssumeRole"}),
        "Allow with NotPrincipal is not allowed.",
    ),
    "another action": (
        policy(GOOD_TRUST | {"Action": "s3:GetObject"}),
        "AssumeRole policy may only specify STS AssumeRole actions.",
    ),
    "a resource": (policy(GOOD_TRUST | {"Resource": "*"}), "Has prohibited field Resource"),
    "a user that is not there": (
        policy(trusting(f"arn:aws:iam::{ACCOUNT}:user/nobody")),
        f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:user/nobody"',
    ),
    "a role that is not there": (
        policy(trusting(f"arn:aws:iam::{ACCOUNT}:role/nothing")),
        f'Invalid principal in policy: "AWS":"arn:aws:iam::{ACCOUNT}:role/nothing"',
    ),
    "a principal that is nothing": (policy(trusting("somebody")), 'Invalid principal in policy: "AWS":"somebody"'),
}


@pytest.mark.parametrize("row", TRUST_DOCUMENTS)
def test_trust_policies(locum, row):
    document, message = TRUST_DOCUMENTS[row]
    answer = locum.form(
        "iam", {"Action": "CreateRole", "RoleName": "role", "AssumeRolePolicyDocument": document}
    )
    assert answer.error() == (400, "MalformedPolicyDocument", message)
    locum.role("role", GOOD_TRUST)
    answer = locum.form(
        "iam", {"Action": "UpdateAssumeRolePolicy", "RoleName": "role", "PolicyDocument": document}
    )
    assert answer.error() == (400, "MalformedPolicyDocument", message)
    stored = locum.client("iam").get_role(RoleName="role")["Role"]["AssumeRolePolicyDocument"]
    assert stored == json.loads(policy(GOOD_TRUST))


def test_documents_deep_and_odd(locum):
    """Parsers have died of these."""
    locum.client("iam").create_user(UserName="user")
    base = {"Action": "PutUserPolicy", "UserName": "user", "PolicyName": "p"}
    for document in (
        "[" * 60_000,
        '{"a":' * 20_000,
        '{"Version":"2012-10-17","Statement":[' + "{}," * 20_000 + "{}]}",
        '"' + "\\u0000" * 10_000 + '"',
        '{"Version":"2012-10-17","Version":"2012-10-17","Statement":[]}',
        '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Effect":"Deny","Action":"*","Resource":"*"}]}',
        "\ufeff{}".encode("latin-1", "ignore").decode(),
        "1e999999",
        '{"Version":"2012-10-17","Statement":1e999999}',
    ):
        status, code, message = locum.form("iam", base | {"PolicyDocument": document}).error()
        assert (status, code) == (400, "MalformedPolicyDocument"), document[:40]
        assert message in ("Syntax errors in policy.", "Policy document must be version 2012-10-17 or greater."), document[:40]


def test_documents_over_the_limits(locum):
    locum.client("iam").create_user(UserName="user")
    base = {"Action": "PutUserPolicy", "UserName": "user", "PolicyName": "p"}
    answer = locum.form("iam", base | {"PolicyDocument": " " * 131_073})
    status, code, message = answer.error()
    assert (status, code) == (400, "ValidationError")
    assert message.endswith("Member must have length less than or equal to 131072")
    assert "at 'policyDocument' failed to satisfy constraint" in message
    status, code, message = locum.form("iam", base | {"PolicyDocument": "\u4e2d"}).error()
    assert (status, code) == (400, "ValidationError")
    assert "at 'policyDocument' failed to satisfy constraint: Member must satisfy regular expression pattern" in message
    long = policy(*[allow("s3:GetObject", f"arn:aws:s3:::bucket/{n:060}") for n in range(20)])
    answer = locum.form("iam", base | {"PolicyDocument": long})
    assert answer.error() == (409, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user user")


def test_session_policies(locum):
    user = locum.user("user", allow("sts:*"))
    role = locum.role("role", root_of(ACCOUNT))
    assume = {"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "session"}
    for document in ("{", "[]", policy(allow("ListBuckets")), policy(allow("s3:*", Principal="*"))):
        status, code, _ = locum.form("sts", assume | {"Policy": document}, user).error()
        assert (status, code) == (400, "MalformedPolicyDocument"), document
        token = {"Action": "GetFederationToken", "Name": "fed", "Policy": document}
        status, code, _ = locum.form("sts", token, user).error()
        assert (status, code) == (400, "MalformedPolicyDocument"), document
    noise = policy(allow("s3:GetObject", [f"arn:aws:s3:::{hashlib.sha256(bytes([n])).hexdigest()}" for n in range(100)]))
    status, code, _ = locum.form("sts", assume | {"Policy": noise}, user).error()
    assert (status, code) == (400, "PackedPolicyTooLarge")
    too_long = {"Action": "GetFederationToken", "Name": "fed", "Policy": noise}
    status, code, message = locum.form("sts", too_long, user).error()
    assert (status, code) == (400, "ValidationError")
    assert message.endswith("Member must have length less than or equal to 2048")


# Parameters


ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
ASSUME = {"Action": "AssumeRole", "RoleArn": ROLE, "RoleSessionName": "session"}
SESSION_NAME = r"[\w+=,.@-]*"
PARAMETERS = [
    ("sts", {"Action": "AssumeRole"}, "ValidationError", validation(
        "Value at 'roleArn' failed to satisfy constraint: Member must not be null",
        "Value at 'roleSessionName' failed to satisfy constraint: Member must not be null",
    )),
    ("sts", ASSUME | {"RoleArn": "arn:aws:iam"}, "ValidationError", validation(
        "Value 'arn:aws:iam' at 'roleArn' failed to satisfy constraint: "
        "Member must have length greater than or equal to 20"
    )),
    ("sts", ASSUME | {"RoleArn": "x" * 2049}, "ValidationError", validation(
        f"Value '{'x' * 2049}' at 'roleArn' failed to satisfy constraint: "
        "Member must have length less than or equal to 2048"
    )),
    ("sts", ASSUME | {"RoleArn": "this is no ARN at all"}, "ValidationError", "this is no ARN at all is invalid"),
    ("sts", ASSUME | {"RoleArn": "arn:aws:::role/and-more"}, "ValidationError", "arn:aws:::role/and-more is invalid"),
    ("sts", ASSUME | {"RoleSessionName": "s"}, "ValidationError", validation(
        "Value 's' at 'roleSessionName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 2"
    )),
    ("sts", ASSUME | {"RoleSessionName": "s" * 65}, "ValidationError", validation(
        f"Value '{'s' * 65}' at 'roleSessionName' failed to satisfy constraint: "
        "Member must have length less than or equal to 64"
    )),
    ("sts", ASSUME | {"RoleSessionName": "a b"}, "ValidationError", validation(
        "Value 'a b' at 'roleSessionName' failed to satisfy constraint: "
        f"Member must satisfy regular expression pattern: {SESSION_NAME}"
    )),
    ("sts", ASSUME | {"ExternalId": "x"}, "ValidationError", validation(
        "Value 'x' at 'externalId' failed to satisfy constraint: Member must have length greater than or equal to 2"
    )),
    ("sts", ASSUME | {"ExternalId": "a?b"}, "ValidationError", validation(
        "Value 'a?b' at 'externalId' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@:\/-]*"
    )),
    ("sts", ASSUME | {"DurationSeconds": "899"}, "ValidationError", validation(
        "Value '899' at 'durationSeconds' failed to satisfy constraint: "
        "Member must have value greater than or equal to 900"
    )),
    ("sts", {"Action": "GetFederationToken", "Name": "x"}, "ValidationError", validation(
        "Value 'x' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2"
    )),
    ("sts", {"Action": "GetAccessKeyInfo", "AccessKeyId": "AKIA"}, "ValidationError", validation(
        "Value 'AKIA' at 'accessKeyId' failed to satisfy constraint: "
        "Member must have length greater than or equal to 16"
    )),
]


@pytest.mark.parametrize("row", range(len(PARAMETERS)))
def test_parameters(locum, row):
    service, parameters, code, message = PARAMETERS[row]
    user = locum.user("user", allow("*"))
    locum.role("role", root_of(ACCOUNT))
    assert locum.form(service, parameters, user).error() == (400, code, message)


@pytest.mark.parametrize("duration", ["3600.0", "1e3", " 3600", "0x900", "3600s", "", "99999999999", "٣٦٠٠", "-", "+"])
def test_integers_that_are_none(locum, duration):
    user = locum.user("user", allow("*"))
    locum.role("role", root_of(ACCOUNT))
    status, code, _ = locum.form("sts", ASSUME | {"DurationSeconds": duration}, user).error()
    assert (status, code) == (400, "MalformedInput")


@pytest.mark.parametrize("duration", ["+900", "0900", "000000900"])
def test_integers_written_oddly(locum, duration):
    user = locum.user("user", allow("*"))
    locum.role("role", root_of(ACCOUNT))
    assert locum.form("sts", ASSUME | {"DurationSeconds": duration}, user).status == 200


@pytest.mark.parametrize("key", ["PolicyArns.member.0.arn", "PolicyArns.member.-1.arn", "PolicyArns.member.99.arn"])
def test_list_indices_that_are_none(locum, key):
    user = locum.user("user", allow("*"))
    locum.role("role", root_of(ACCOUNT))
    answer = locum.form("sts", ASSUME | {key: "arn:aws:iam::aws:policy/ReadOnlyAccess"}, user)
    status, code, _ = answer.error()
    assert (status, code) == (400, "MalformedInput")


@pytest.mark.parametrize(
    "extra",
    [
        {"Tags.member.1.Key": "k", "Tags.member.1.Value": "v"},
        {"TransitiveTagKeys.member.1": "k"},
        {"SourceIdentity": "alice"},
        {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/alice", "TokenCode": "123456"},
        {"TokenCode": "123456"},
        {"ProvidedContexts.member.1.ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter"},
    ],
)
def test_what_is_not_honoured_is_refused(locum, extra):
    """Never ignored: a caller who asks for a tag, an identity or MFA must not think he has it."""
    user = locum.user("user", allow("*"))
    locum.role("role", root_of(ACCOUNT))
    status, code, message = locum.form("sts", ASSUME | extra, user).error()
    assert (status, code) == (400, "ValidationError")
    assert next(iter(extra)).split(".")[0].lower() in message.lower()


def test_unknown_parameters_are_ignored(locum):
    assert locum.form("sts", IDENTITY | {"NoSuchParameter": "x"}).status == 200


@pytest.mark.parametrize("service, version", [("sts", "2011-06-15"), ("iam", "2010-05-08")])
def test_unknown_actions(locum, service, version):
    for action in ("NoSuchThing", "getcalleridentity", "../../x", "\u00e4"):
        answer = locum.form(service, {"Action": action})
        assert answer.error() == (400, "InvalidAction", f"Could not find operation {action} for version {version}")
        assert b"http://webservices.amazon.com/AWSFault/2005-15-09" in answer.body


def test_unknown_versions(locum):
    answer = locum.form("sts", IDENTITY | {"Version": "2011-06-16"})
    assert answer.error() == (
        400,
        "InvalidAction",
        "Could not find operation GetCallerIdentity for version 2011-06-16",
    )


def test_no_action(locum):
    status, code, _ = locum.form("sts", {"NoAction": "x"}).error()
    assert (status, code) == (400, "MissingAction")


def test_duplicate_parameters(locum):
    """One name twice can be read two ways, so the request is refused."""
    for service, pairs in (
        ("sts", [("Action", "GetCallerIdentity"), ("Action", "GetSessionToken")]),
        ("iam", [("Action", "CreateUser"), ("UserName", "one"), ("UserName", "two")]),
        ("iam", [("Action", "CreateUser"), ("UserName", "one"), ("UserName", "one")]),
    ):
        status, code, _ = locum.form(service, pairs).error()
        assert (status, code) == (400, "MalformedQueryString"), pairs
    assert locum.client("iam").list_users()["Users"] == []


def test_one_parameter_in_body_and_query(locum):
    """The action is that of one place; two places are two readings."""
    body = urllib.parse.urlencode({"Action": "CreateUser", "UserName": "one", "Version": "2010-05-08"}).encode()
    target = "/?Action=DeleteUser&UserName=one"
    headers = locum.sign("iam", "POST", target, FORM, body)
    answer = locum.server.send("POST", target, headers, body)
    assert answer.error()[:2] == (400, "MalformedQueryString")
    assert locum.client("iam").list_users()["Users"] == []


def test_broken_escapes(locum):
    for target, message in (
        ("/?Action=GetCallerIdentity&Version=2011-06-15&x=%", "Incomplete trailing escape % sequence"),
        ("/?Action=GetCallerIdentity&Version=2011-06-15&x=%2", "Incomplete trailing escape % sequence"),
        ("/?Action=GetCallerIdentity&Version=2011-06-15&x=%zz", "Illegal hex characters in escape % pattern: %zz"),
    ):
        headers = locum.sign("sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15")
        answer = locum.server.send("GET", target, headers)
        assert answer.error() == (400, "MalformedQueryString", message)


# Bodies and content types


@pytest.mark.parametrize("content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", "text/xml", None])
def test_wrong_content_types(locum, content_type):
    """A POST of the query protocol is a form and nothing else."""
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    given = {"Content-Type": content_type} if content_type else {}
    headers = locum.sign("sts", "POST", "/", given, body)
    answer = locum.server.send("POST", "/", headers, body)
    assert answer.status == 403
    assert b"GetCallerIdentityResult" not in answer.body


def test_other_methods(locum):
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS"):
        headers = locum.sign("sts", method, "/?Action=GetCallerIdentity&Version=2011-06-15")
        answer = locum.server.send(method, "/?Action=GetCallerIdentity&Version=2011-06-15", headers)
        assert answer.status in (302, 400, 403, 405), method
        assert b"GetCallerIdentityResult" not in answer.body


def test_forms_of_ten_megabytes(locum):
    """Refused, signed or not, and without the server growing by them."""
    padding = "x" * (10 * 1024 * 1024)
    for credentials in (ROOT_CREDENTIALS, Credentials("AKIAQQQQQQQQQQQQQQQQ", "no secret of anyone")):
        answer = locum.form("sts", IDENTITY | {"Padding": padding}, credentials)
        assert (answer.status, answer.error()[1]) == (413, "RequestEntityTooLarge")
    assert locum.form("sts", IDENTITY).status == 200
    many = [("Action", "GetCallerIdentity"), *((f"p{n}", "") for n in range(1_000_000))]
    assert locum.form("sts", many).status == 413


def test_many_small_parameters(locum):
    many = [("Action", "GetCallerIdentity"), *((f"p{n}", "") for n in range(20_000))]
    assert locum.form("sts", many).status in (200, 400)


def test_a_body_that_is_not_text(locum):
    body = b"Action=GetCallerIdentity&Version=2011-06-15&x=\xff\xfe%ff%00"
    headers = locum.sign("sts", "POST", "/", FORM, body)
    assert locum.server.send("POST", "/", headers, body).status in (200, 400)


def test_a_body_shorter_than_announced(locum):
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = locum.sign("sts", "POST", "/", FORM, body) | {"Content-Length": str(len(body) + 10)}
    connection = locum.server.connect()
    connection.request("POST", "/", body, headers)
    connection.close()
    assert locum.form("sts", IDENTITY).status == 200


# Session tokens


@pytest.fixture
def session(locum):
    user = locum.user("user", allow("sts:AssumeRole"))
    return locum.assume(user, locum.role("role", root_of(ACCOUNT)))


def identity_with(locum, credentials):
    return locum.form("sts", IDENTITY, credentials)


def test_every_bit_flip_of_a_token(locum, session):
    """However small the change, the token is refused: as broken, never as another's."""
    padding = "=" * (-len(session.token) % 4)
    raw = None
    for decode, encode in (
        (base64.b64decode, base64.b64encode),
        (base64.urlsafe_b64decode, base64.urlsafe_b64encode),
    ):
        try:
            raw = decode(session.token + padding)
        except ValueError:
            continue
        if encode(raw).decode().rstrip("=") == session.token.rstrip("="):
            break
    assert raw, "a session token is base64"
    assert identity_with(locum, session).status == 200
    connection = locum.server.connect()
    target = "/?Action=GetCallerIdentity&Version=2011-06-15"
    for bit in range(len(raw) * 8):
        flipped = bytearray(raw)
        flipped[bit // 8] ^= 1 << (bit % 8)
        text = encode(bytes(flipped)).decode()
        text = text if session.token.endswith("=") else text.rstrip("=")
        forged = Credentials(session.id, session.secret, text)
        connection.request("GET", target, headers=locum.sign("sts", "GET", target, credentials=forged))
        answer = connection.getresponse()
        body = answer.read().decode()
        assert answer.status == 403, bit
        assert "<Code>InvalidClientTokenId</Code>" in body, (bit, body)
        assert f"<Message>{INVALID_TOKEN}</Message>" in body, (bit, body)
    connection.close()
    assert identity_with(locum, session).status == 200


def test_truncated_and_foreign_tokens(locum, session):
    tokens = [session.token[:length] for length in (1, 4, 16, len(session.token) // 2, len(session.token) - 1)]
    tokens += [session.token + "A", session.token + session.token, "A" * 400, "!", "x" * 8000, "FwoGZXIvYXdzE"]
    for token in tokens:
        answer = identity_with(locum, Credentials(session.id, session.secret, token))
        assert answer.error() == (403, "InvalidClientTokenId", INVALID_TOKEN), token[:20]


def test_tokens_of_other_credentials(locum, session):
    other = locum.assume(locum.user("other", allow("sts:AssumeRole")), ROLE)
    for id, secret, token in (
        (session.id, session.secret, other.token),
        (other.id, session.secret, session.token),
        (ROOT_KEY_ID, ROOT_CREDENTIALS.secret, session.token),
    ):
        status, code, _ = identity_with(locum, Credentials(id, secret, token)).error()
        assert (status, code) == (403, "InvalidClientTokenId")
    # Its own key id and token with another secret is a wrong signature.
    answer = identity_with(locum, Credentials(session.id, other.secret, session.token))
    assert first_sentence(answer) == (403, "SignatureDoesNotMatch", MISMATCH)


def test_a_temporary_key_without_its_token(locum, session):
    answer = identity_with(locum, Credentials(session.id, session.secret))
    assert answer.error() == (403, "InvalidClientTokenId", INVALID)


def test_tokens_of_an_earlier_life(locum, session):
    """After a reset the keys are others."""
    locum.server.reset()
    assert identity_with(locum, session).error() == (403, "InvalidClientTokenId", INVALID_TOKEN)


def test_tokens_at_s3(locum, session):
    """S3 has its own codes."""
    forged = Credentials(session.id, session.secret, session.token[:-4] + "AAAA")
    answer = locum.server.send("GET", "/", locum.sign("s3", "GET", "/", credentials=forged))
    assert answer.error() == (400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
    unknown = Credentials("AKIAQQQQQQQQQQQQQQQQ", session.secret)
    answer = locum.server.send("GET", "/", locum.sign("s3", "GET", "/", credentials=unknown))
    assert answer.error() == (
        403,
        "InvalidAccessKeyId",
        "The AWS Access Key Id you provided does not exist in our records.",
    )


# Signatures


def test_an_unknown_key(locum):
    answer = locum.form("sts", IDENTITY, Credentials("AKIAQQQQQQQQQQQQQQQQ", "x" * 40))
    assert answer.error() == (403, "InvalidClientTokenId", INVALID)


def test_a_wrong_secret(locum):
    answer = locum.form("sts", IDENTITY, Credentials(ROOT_KEY_ID, "x" * 40))
    assert first_sentence(answer) == (403, "SignatureDoesNotMatch", MISMATCH)


def test_altered_after_signing(locum):
    """Body, query, signed headers, method and path: all are under the signature."""
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = locum.sign("sts", "POST", "/", FORM | {"X-Amz-Meta": "a"}, body)
    query = "/?Action=GetCallerIdentity&Version=2011-06-15"
    signed_get = locum.sign("sts", "GET", query)
    assert locum.server.send("POST", "/", headers, body).status == 200
    assert locum.server.send("GET", query, signed_get).status == 200
    wrong_scope = headers["Authorization"].replace("/us-east-1/", "/eu-west-1/")
    for name, method, target, sent, payload in (
        ("body", "POST", "/", headers, body.replace(b"GetCallerIdentity", b"GetSessionToken")),
        ("body extended", "POST", "/", headers, body + b"&x=y"),
        ("body dropped", "POST", "/", headers, b""),
        ("header", "POST", "/", headers | {"X-Amz-Meta": "b"}, body),
        ("header dropped", "POST", "/", {k: v for k, v in headers.items() if k != "X-Amz-Meta"}, body),
        ("content type", "POST", "/", headers | {"Content-Type": "application/x-www-form-urlencoded"}, body),
        ("host", "POST", "/", headers | {"Host": "sts.amazonaws.com"}, body),
        ("region", "POST", "/", headers | {"Authorization": wrong_scope}, body),
        ("query", "GET", query.replace("Identity", "Identitx"), signed_get, b""),
        ("query extended", "GET", query + "&x=y", signed_get, b""),
        ("query dropped", "GET", "/", signed_get, b""),
        ("method", "POST", query, signed_get | FORM, b""),
        ("path", "POST", "/x", headers, body),
    ):
        answer = locum.server.send(method, target, sent, payload)
        assert first_sentence(answer) == (403, "SignatureDoesNotMatch", MISMATCH), name


def test_altered_signatures(locum):
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = locum.sign("sts", "POST", "/", FORM, body)
    start, _, signature = headers["Authorization"].partition("Signature=")
    for wrong in (signature[:-1], signature + "0", signature[::-1], signature.upper(), "", "0" * 64, "z" * 64):
        answer = locum.server.send("POST", "/", headers | {"Authorization": f"{start}Signature={wrong}"}, body)
        status, code, _ = answer.error()
        assert (status, code) == (403, "SignatureDoesNotMatch"), wrong


def test_authorization_headers_that_are_none(locum):
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = locum.sign("sts", "POST", "/", FORM, body)
    date = headers["X-Amz-Date"][:8]
    credential = f"Credential={ROOT_KEY_ID}/{date}/us-east-1/sts/aws4_request"
    rest = "SignedHeaders=content-type;host;x-amz-date, Signature=" + "0" * 64
    for authorization, status, code, start in (
        (None, 403, "MissingAuthenticationToken", NO_TOKEN),
        ("AWS4-HMAC-SHA256", 400, "IncompleteSignature", "Invalid key=value pair (missing equal-sign) in Authorization header"),
        ("AWS4-HMAC-SHA256 a=b", 400, "IncompleteSignature", "Authorization header requires 'Credential' parameter. "
         "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter."),
        (f"AWS4-HMAC-SHA256 {credential}", 400, "IncompleteSignature",
         "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter."),
        (f"AWS4-HMAC-SHA256 {rest}", 400, "IncompleteSignature", "Authorization header requires 'Credential' parameter."),
        (f"AWS4-HMAC-SHA256 Credential=one/two, {rest}", 400, "IncompleteSignature",
         "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'one/two'"),
        (f"AWS4-HMAC-SHA256 {credential.replace('aws4_request', 'aws5')}, {rest}", 403, "SignatureDoesNotMatch",
         "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'."),
        (f"AWS4-HMAC-SHA256 {credential.replace(date, '20010101')}, {rest}", 403, "SignatureDoesNotMatch",
         f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20010101' != '{date}', from '{headers['X-Amz-Date']}'."),
        (f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=x-amz-date, Signature={'0' * 64}", 403, "SignatureDoesNotMatch",
         "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
    ):
        sent = {name: value for name, value in headers.items() if name != "Authorization"}
        if authorization is not None:
            sent["Authorization"] = authorization
        answer = locum.server.send("POST", "/", sent, body)
        seen = answer.error()
        assert (seen[0], seen[1]) == (status, code), (authorization, seen)
        assert seen[2].startswith(start), (authorization, seen)


def test_clock_skew(locum):
    """A quarter of an hour either way, and no further."""
    for seconds in (-890, -60, 0, 60, 890):
        assert locum.form("sts", IDENTITY, when=seconds).status == 200, seconds
    for seconds, pattern in ((-910, "Signature expired: "), (910, "Signature not yet current: "), (-86400, "Signature expired: ")):
        status, code, message = locum.form("sts", IDENTITY, when=seconds).error()
        assert (status, code) == (403, "SignatureDoesNotMatch")
        assert message.startswith(pattern), message
        assert message.endswith(" - 15 min.)" if seconds < 0 else " + 15 min.)"), message
    headers = locum.sign("s3", "GET", "/", when=-910)
    answer = locum.server.send("GET", "/", headers)
    assert answer.error() == (
        403,
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
    )
    assert answer.value("MaxAllowedSkewMilliseconds") == "900000"


def test_dates_that_are_none(locum):
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = locum.sign("sts", "POST", "/", FORM, body)
    for date in ("yesterday", "20261301T000000Z", "2026-11-21", "20261121T250000Z"):
        answer = locum.server.send("POST", "/", headers | {"X-Amz-Date": date}, body)
        assert answer.error() == (
            400,
            "IncompleteSignature",
            f"Date must be in ISO-8601 'basic format'. Got '{date}'. See http://en.wikipedia.org/wiki/ISO_8601",
        )


def test_two_authentications(locum):
    target = "/?Action=GetCallerIdentity&Version=2011-06-15"
    headers = locum.sign("sts", "GET", target)
    date = headers["X-Amz-Date"]
    query = urllib.parse.urlencode(
        {
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Credential": f"{ROOT_KEY_ID}/{date[:8]}/{REGION}/sts/aws4_request",
            "X-Amz-Date": date,
            "X-Amz-SignedHeaders": "host",
            "X-Amz-Signature": "0" * 64,
        }
    )
    status, code, _ = locum.server.send("GET", f"{target}&{query}", headers).error()
    assert (status, code) == (403, "SignatureDoesNotMatch")
    listed = list(headers.items())
    twice = listed + [("Authorization", headers["Authorization"])]
    assert locum.server.send("GET", target, twice).status in (400, 403)


def test_presigned_identity(locum):
    """Token bridges present a presigned GetCallerIdentity."""
    sts = locum.client("sts")
    url = sts.generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    target = url.removeprefix(locum.server.url)
    answer = locum.server.send("GET", target)
    assert (answer.status, answer.value("Arn")) == (200, root_of(ACCOUNT))
    for altered in (
        target.replace("GetCallerIdentity", "GetSessionToken"),
        target + "&x=y",
        target.replace("X-Amz-Expires=60", "X-Amz-Expires=600"),
    ):
        assert altered != target
        assert first_sentence(locum.server.send("GET", altered)) == (403, "SignatureDoesNotMatch", MISMATCH)
    status, code, message = locum.server.send("GET", target.replace("X-Amz-Date", "X-Amz-Dat")).error()
    assert (status, code) == (400, "IncompleteSignature")
    assert message.startswith("AWS query-string parameters must include 'X-Amz-Date'.")


def test_the_json_protocol_has_its_own_codes(locum):
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AWSOrganizationsV20161128.ListAccounts"}
    unsigned = locum.server.send("POST", "/", headers, b"{}")
    assert unsigned.error()[:2] == (400, "MissingAuthenticationTokenException")
    wrong = locum.sign("organizations", "POST", "/", headers, b"{}", Credentials(ROOT_KEY_ID, "x" * 40))
    status, code, message = locum.server.send("POST", "/", wrong, b"{}").error()
    assert (status, code) == (400, "InvalidSignatureException")
    assert message.split("\n\n")[0] == MISMATCH
    unknown = locum.sign("organizations", "POST", "/", headers, b"{}", Credentials("AKIAQQQQQQQQQQQQQQQQ", "x" * 40))
    status, code, _ = locum.server.send("POST", "/", unknown, b"{}").error()
    assert (status, code) == (400, "UnrecognizedClientException")
    for body in (b"{", b"[]", b"null", b"\xff", b"[" * 100_000):
        signed = locum.sign("organizations", "POST", "/", headers, body)
        status, code, _ = locum.server.send("POST", "/", signed, body).error()
        assert (status, code) == (400, "SerializationException"), body[:10]
    nowhere = headers | {"X-Amz-Target": "AWSOrganizationsV20161128.NoSuchOperation"}
    answer = locum.server.send("POST", "/", locum.sign("organizations", "POST", "/", nowhere, b"{}"), b"{}")
    assert answer.error()[:2] == (400, "UnknownOperationException")


# S3


def test_s3_signatures(locum):
    s3 = locum.client("s3")
    s3.create_bucket(Bucket="bucket")
    headers = locum.sign("s3", "PUT", "/bucket/key", body=b"content")
    answer = locum.server.send("PUT", "/bucket/key", headers, b"kontent")
    assert answer.error() == (
        400,
        "XAmzContentSHA256Mismatch",
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
    )
    without = {name: value for name, value in headers.items() if name.lower() != "x-amz-content-sha256"}
    answer = locum.server.send("PUT", "/bucket/key", without, b"content")
    assert answer.error() == (400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
    answer = locum.server.send("PUT", "/bucket/key", headers | {"x-amz-meta-late": "unsigned"}, b"content")
    assert answer.error() == (403, "AccessDenied", "There were headers present in the request which were not signed")
    answer = locum.server.send("PUT", "/bucket/other", headers, b"content")
    status, code, message = answer.error()
    assert (status, code, message) == (
        403,
        "SignatureDoesNotMatch",
        "The request signature we calculated does not match the signature you provided. Check your key and signing method.",
    )
    assert answer.value("AWSAccessKeyId") == ROOT_KEY_ID
    assert answer.value("StringToSign").startswith("AWS4-HMAC-SHA256\n")
    assert answer.value("CanonicalRequest").startswith("PUT\n/bucket/other\n")
    assert answer.value("SignatureProvided") in headers["Authorization"]
    assert locum.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"] == 0


def test_s3_chunks(locum):
    """A chunked body with a wrong chunk signature, length or trailer is not stored."""
    locum.client("s3").create_bucket(Bucket="bucket")
    good = b"7\r\ncontent\r\n0\r\nx-amz-checksum-crc32:%s\r\n\r\n"
    crc = base64.b64encode(zlib.crc32(b"content").to_bytes(4, "big"))

    def put(body, length="7"):
        given = {
            "x-amz-trailer": "x-amz-checksum-crc32",
            "x-amz-decoded-content-length": length,
            "Content-Encoding": "aws-chunked",
        }
        headers = locum.sign("s3", "PUT", "/bucket/key", given, trailer=True)
        assert headers["X-Amz-Content-SHA256"] == "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
        return locum.server.send("PUT", "/bucket/key", headers, body)

    wrong = base64.b64encode(bytes(4))
    for body, length in (
        (good % wrong, "7"),
        (good % crc, "8"),
        (good % crc, "6"),
        (b"7\r\ncontent\r\n", "7"),
        (b"9\r\ncontent\r\n0\r\n\r\n", "7"),
        (b"zz\r\ncontent\r\n0\r\n\r\n", "7"),
        (b"ffffffffffffffffff\r\ncontent\r\n0\r\n\r\n", "7"),
        (b"", "7"),
    ):
        answer = put(body, length)
        assert answer.status == 400, (body, answer)
        assert answer.error()[1] in ("BadDigest", "IncompleteBody", "InvalidRequest", "InvalidArgument"), (body, answer)
    assert locum.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"] == 0
    assert put(good % crc).status == 200
    stored = locum.client("s3").get_object(Bucket="bucket", Key="key")
    assert (stored["Body"].read(), stored.get("ContentEncoding")) == (b"content", None)


@pytest.mark.parametrize("target", ["/bucket/../other/key", "/bucket/%2e%2e/key", "/bucket//key", "/bucket/a/./b", "/bucket/%00"])
def test_s3_paths_stay_in_their_bucket(locum, target):
    """S3 normalises no path: dots are part of a key, or refused; never a way out of a bucket."""
    s3 = locum.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.create_bucket(Bucket="other")
    headers = locum.sign("s3", "PUT", target, body=b"x")
    status = locum.server.send("PUT", target, headers, b"x").status
    assert status in (200, 400, 403)
    assert locum.client("s3").list_objects_v2(Bucket="other")["KeyCount"] == 0
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket", EncodingType="url").get("Contents", [])]
    assert len(keys) == (1 if status == 200 else 0)


# The server's own doors


def test_nothing_else_is_there(locum):
    for method, path in (("GET", "/_locum/nothing"), ("GET", "/_locum/reset"), ("POST", "/_locum/health"), ("GET", "/_locum/../x")):
        assert locum.server.send(method, path).status in (400, 404, 405), path


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"advance": -1}', b'{"advance": "x"}', b'{"advance": 1e300}', b'{"advance": 99999999999999999999}'])
def test_wrong_clock_steps(locum, body):
    answer = locum.server.send("POST", "/_locum/clock", {"Content-Type": "application/json"}, body)
    assert answer.status == 400
    assert locum.form("sts", IDENTITY).status == 200


@pytest.mark.parametrize(
    "bytes_sent",
    [
        b"\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 1_000_000 + b"\r\n\r\n",
        b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(200),
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 100,
    ],
    ids=range(11),
)
def test_what_is_hardly_http(locum, bytes_sent):
    with socket.create_connection(locum.server.address, timeout=30) as connection, contextlib.suppress(OSError):
        connection.sendall(bytes_sent)
        connection.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: connection.recv(65536), b""))
        assert not answer.startswith(b"HTTP/1.1 2")
    assert locum.form("sts", IDENTITY).status == 200


def test_the_time_of_the_skew_is_the_servers(locum):
    """After a step of the server's clock, yesterday's signatures are too old."""
    locum.server.advance(3600)
    status, code, _ = locum.form("sts", IDENTITY).error()
    assert (status, code) == (403, "SignatureDoesNotMatch")
    locum.clock.ahead += 3600
    assert locum.form("sts", IDENTITY).status == 200
    assert datetime.timedelta(seconds=locum.clock.ahead) == datetime.timedelta(hours=1)
    assert hashlib.sha256(b"").hexdigest() == EMPTY_SHA256
