"""Hostile and mistaken requests: the exact refusal of each, and a server that answers the next.

The requests are signed as botocore signs them and sent byte for byte, so that each row changes one
thing. After every test the server must still be well (the fixture sees to it).
"""

import contextlib
import hashlib
import json
import socket
import urllib.parse

import pytest
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    Credentials,
    allow,
    policy,
    root_of,
    trusting,
    validation,
)

IDENTITY = {"Action": "GetCallerIdentity"}
FORM = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"}


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
    answer = locum.form("iam", {"Action": "CreateRole", "RoleName": "role", "AssumeRolePolicyDocument": document})
    assert answer.error() == (400, "MalformedPolicyDocument", message)
    locum.role("role", GOOD_TRUST)
    answer = locum.form("iam", {"Action": "UpdateAssumeRolePolicy", "RoleName": "role", "PolicyDocument": document})
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
        assert message in ("Syntax errors in policy.", "Policy document must be version 2012-10-17 or greater."), (
            document[:40]
        )


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
    noise = policy(
        allow("s3:GetObject", [f"arn:aws:s3:::{hashlib.sha256(bytes([n])).hexdigest()}" for n in range(100)])
    )
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
    (
        "sts",
        {"Action": "AssumeRole"},
        "ValidationError",
        validation(
            "Value at 'roleArn' failed to satisfy constraint: Member must not be null",
            "Value at 'roleSessionName' failed to satisfy constraint: Member must not be null",
        ),
    ),
    (
        "sts",
        ASSUME | {"RoleArn": "arn:aws:iam"},
        "ValidationError",
        validation(
            "Value 'arn:aws:iam' at 'roleArn' failed to satisfy constraint: "
            "Member must have length greater than or equal to 20"
        ),
    ),
    (
        "sts",
        ASSUME | {"RoleArn": "x" * 2049},
        "ValidationError",
        validation(
            f"Value '{'x' * 2049}' at 'roleArn' failed to satisfy constraint: "
            "Member must have length less than or equal to 2048"
        ),
    ),
    ("sts", ASSUME | {"RoleArn": "this is no ARN at all"}, "ValidationError", "this is no ARN at all is invalid"),
    ("sts", ASSUME | {"RoleArn": "arn:aws:::role/and-more"}, "ValidationError", "arn:aws:::role/and-more is invalid"),
    (
        "sts",
        ASSUME | {"RoleSessionName": "s"},
        "ValidationError",
        validation(
            "Value 's' at 'roleSessionName' failed to satisfy constraint: "
            "Member must have length greater than or equal to 2"
        ),
    ),
    (
        "sts",
        ASSUME | {"RoleSessionName": "s" * 65},
        "ValidationError",
        validation(
            f"Value '{'s' * 65}' at 'roleSessionName' failed to satisfy constraint: "
            "Member must have length less than or equal to 64"
        ),
    ),
    (
        "sts",
        ASSUME | {"RoleSessionName": "a b"},
        "ValidationError",
        validation(
            "Value 'a b' at 'roleSessionName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {SESSION_NAME}"
        ),
    ),
    (
        "sts",
        ASSUME | {"ExternalId": "x"},
        "ValidationError",
        validation(
            "Value 'x' at 'externalId' failed to satisfy constraint: Member must have length greater than or equal to 2"
        ),
    ),
    (
        "sts",
        ASSUME | {"ExternalId": "a?b"},
        "ValidationError",
        validation(
            "Value 'a?b' at 'externalId' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\w+=,.@:\/-]*"
        ),
    ),
    (
        "sts",
        ASSUME | {"DurationSeconds": "899"},
        "ValidationError",
        validation(
            "Value '899' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 900"
        ),
    ),
    (
        "sts",
        {"Action": "GetFederationToken", "Name": "x"},
        "ValidationError",
        validation(
            "Value 'x' at 'name' failed to satisfy constraint: Member must have length greater than or equal to 2"
        ),
    ),
    (
        "sts",
        {"Action": "GetAccessKeyInfo", "AccessKeyId": "AKIA"},
        "ValidationError",
        validation(
            "Value 'AKIA' at 'accessKeyId' failed to satisfy constraint: "
            "Member must have length greater than or equal to 16"
        ),
    ),
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


@pytest.mark.parametrize(
    "content_type", ["application/json", "text/plain", "multipart/form-data; boundary=x", "text/xml", None]
)
def test_wrong_content_types(locum, content_type):
    """A POST of the query protocol is a form and nothing else."""
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    given = {"Content-Type": content_type} if content_type else {}
    headers = locum.sign("sts", "POST", "/", given, body)
    answer = locum.server.send("POST", "/", headers, body)
    assert answer.error()[:2] == (403, "UnsupportedMediaType")
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


# The server's own doors


def test_nothing_else_is_there(locum):
    for method, path in (
        ("GET", "/_locum/nothing"),
        ("GET", "/_locum/reset"),
        ("POST", "/_locum/health"),
        ("GET", "/_locum/../x"),
    ):
        assert locum.server.send(method, path).status in (400, 404, 405), path


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"advance": -1}',
        b'{"advance": "x"}',
        b'{"advance": 1e300}',
        b'{"advance": 99999999999999999999}',
    ],
)
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
