"""Forged, altered, stale and misplaced credentials: each is refused, by its own code.

The requests are signed as botocore signs them and sent byte for byte, so that each row changes one
thing. After every test the server must still be well (the fixture sees to it).
"""

import base64
import datetime
import hashlib
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
    root_of,
)

IDENTITY = {"Action": "GetCallerIdentity"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
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


# Session tokens


@pytest.fixture
def session(locum):
    user = locum.user("user", allow("sts:AssumeRole"))
    return locum.assume(user, locum.role("role", root_of(ACCOUNT)))


def identity_with(locum, credentials):
    return locum.form("sts", IDENTITY, credentials)


def test_every_bit_flip_of_a_token(locum, session):
    """However small the change, the token is refused: as broken, never as another's."""
    url_safe = "-" in session.token or "_" in session.token
    decode = base64.urlsafe_b64decode if url_safe else base64.b64decode
    encode = base64.urlsafe_b64encode if url_safe else base64.b64encode
    raw = decode(session.token + "=" * (-len(session.token) % 4))
    assert encode(raw).decode().rstrip("=") == session.token.rstrip("="), "a session token is base64"
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
        (
            "AWS4-HMAC-SHA256",
            400,
            "IncompleteSignature",
            "Invalid key=value pair (missing equal-sign) in Authorization header",
        ),
        (
            "AWS4-HMAC-SHA256 a=b",
            400,
            "IncompleteSignature",
            "Authorization header requires 'Credential' parameter. "
            "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
        ),
        (
            f"AWS4-HMAC-SHA256 {credential}",
            400,
            "IncompleteSignature",
            "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter.",
        ),
        (
            f"AWS4-HMAC-SHA256 {rest}",
            400,
            "IncompleteSignature",
            "Authorization header requires 'Credential' parameter.",
        ),
        (
            f"AWS4-HMAC-SHA256 Credential=one/two, {rest}",
            400,
            "IncompleteSignature",
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got 'one/two'",
        ),
        (
            f"AWS4-HMAC-SHA256 {credential.replace('aws4_request', 'aws5')}, {rest}",
            403,
            "SignatureDoesNotMatch",
            "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'.",
        ),
        (
            f"AWS4-HMAC-SHA256 {credential.replace(date, '20010101')}, {rest}",
            403,
            "SignatureDoesNotMatch",
            f"Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '20010101' != '{date}', from '{headers['X-Amz-Date']}'.",
        ),
        (
            f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=x-amz-date, Signature={'0' * 64}",
            403,
            "SignatureDoesNotMatch",
            "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
        ),
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
    for seconds, pattern in (
        (-910, "Signature expired: "),
        (910, "Signature not yet current: "),
        (-86400, "Signature expired: "),
    ):
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
    assert locum.server.send("GET", target, twice).error() == (403, "SignatureDoesNotMatch", "")


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
    for body, length, code in (
        (good % wrong, "7", "BadDigest"),
        (good % crc, "8", "IncompleteBody"),
        (good % crc, "6", "IncompleteBody"),
        (b"7\r\ncontent\r\n", "7", "IncompleteBody"),
        (b"9\r\ncontent\r\n0\r\n\r\n", "7", "IncompleteBody"),
        (b"zz\r\ncontent\r\n0\r\n\r\n", "7", "InvalidRequest"),
        (b"ffffffffffffffffff\r\ncontent\r\n0\r\n\r\n", "7", "InvalidRequest"),
        (b"", "7", "IncompleteBody"),
    ):
        assert put(body, length).error()[:2] == (400, code), (body, length)
    assert locum.client("s3").list_objects_v2(Bucket="bucket")["KeyCount"] == 0
    assert put(good % crc).status == 200
    stored = locum.client("s3").get_object(Bucket="bucket", Key="key")
    assert (stored["Body"].read(), stored.get("ContentEncoding")) == (b"content", None)


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/bucket/../other/key", None),
        # Signed as it stands, where the canonical path has the dots themselves.
        ("/bucket/%2e%2e/key", (403, "SignatureDoesNotMatch")),
        ("/bucket//key", None),
        ("/bucket/a/./b", None),
        ("/bucket/%00", (400, "InvalidURI")),
    ],
)
def test_s3_paths_stay_in_their_bucket(locum, target, expected):
    """S3 normalises no path: dots are part of a key, or refused; never a way out of a bucket."""
    s3 = locum.client("s3")
    s3.create_bucket(Bucket="bucket")
    s3.create_bucket(Bucket="other")
    headers = locum.sign("s3", "PUT", target, body=b"x")
    answer = locum.server.send("PUT", target, headers, b"x")
    if expected is None:
        assert answer.status == 200, answer
    else:
        assert answer.error()[:2] == expected
    assert locum.client("s3").list_objects_v2(Bucket="other")["KeyCount"] == 0
    keys = [entry["Key"] for entry in s3.list_objects_v2(Bucket="bucket").get("Contents", [])]
    assert keys == ([target.removeprefix("/bucket/")] if expected is None else [])


def test_the_time_of_the_skew_is_the_servers(locum):
    """After a step of the server's clock, yesterday's signatures are too old."""
    locum.server.advance(3600)
    status, code, _ = locum.form("sts", IDENTITY).error()
    assert (status, code) == (403, "SignatureDoesNotMatch")
    locum.clock.ahead += 3600
    assert locum.form("sts", IDENTITY).status == 200
    assert datetime.timedelta(seconds=locum.clock.ahead) == datetime.timedelta(hours=1)
    assert hashlib.sha256(b"").hexdigest() == EMPTY_SHA256
