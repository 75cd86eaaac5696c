"""Attacks on the way in, each of which got through once or would cost dearly."""

import contextlib
import json
import socket
import struct
import threading
import urllib.parse

import pytest
from botocore.exceptions import ClientError
from harness import ROOT_CREDENTIALS, Locum, Server, allow, wait_for


def raw(server, request, hang_up=False):
    """Sends bytes as they are: what comes back until the server closes, or nothing after hanging up."""
    with socket.create_connection(server.address, timeout=30) as connection:
        connection.sendall(request)
        if hang_up:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            return b""
        answer = b""
        with contextlib.suppress(TimeoutError, ConnectionResetError):
            while piece := connection.recv(65536):
                answer += piece
        return answer


def status_and_body(answer):
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split(b" ")[1]), body


@pytest.fixture
def two_buckets(locum):
    """A bucket whose URLs are handed out, and one that is nobody else's business."""
    s3 = locum.client("s3")
    for bucket, key, body in (("photos", "secret/report", b"a photo"), ("secret", "report", b"the secret")):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    return s3


@pytest.mark.parametrize("version", ["1.0", "1.1"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_presigned_url_opens_the_bucket_it_was_signed_for(locum, two_buckets, method, version):
    """The holder leaves `Host` out and names the host in the target, hoping that only one of
    signature and routing looks there."""
    port = locum.server.address[1]
    client = locum.client("s3", addressing_style="virtual", endpoint_url=f"http://localhost:{port}")
    operation = {"GET": "get_object", "PUT": "put_object"}[method]
    url = client.generate_presigned_url(operation, {"Bucket": "photos", "Key": "secret/report"})
    assert urllib.parse.urlsplit(url).netloc == f"photos.localhost:{port}"
    body = b"overwritten" if method == "PUT" else b""
    head = f"{method} {url} HTTP/{version}\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    status, answer = status_and_body(raw(locum.server, head.encode() + body))
    assert status == 200
    read = {
        bucket: two_buckets.get_object(Bucket=bucket, Key=key)["Body"].read()
        for bucket, key in (("photos", "secret/report"), ("secret", "report"))
    }
    assert read == {"photos": body or b"a photo", "secret": b"the secret"}
    assert answer == (b"" if method == "PUT" else b"a photo")


@pytest.mark.parametrize(
    "target,hosts",
    [
        ("/", []),
        ("http://localhost/", ["other"]),
        ("/", ["localhost", "localhost"]),
        ("/", ["localhost", "other"]),
        ("/", [""]),
    ],
)
def test_a_request_names_one_host(locum, target, hosts):
    lines = "".join(f"Host: {host}\r\n" for host in hosts)
    answer = raw(locum.server, f"GET {target} HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode())
    assert status_and_body(answer) == (400, b"a request names one host")


def test_hanging_up_hides_nothing(durable, tmp_path):
    """What a client began and did not wait for is done and recorded, or neither."""
    names = [f"ghost-{number}" for number in range(40)]
    for name in names:
        body = urllib.parse.urlencode({"Action": "CreateUser", "UserName": name, "Version": "2010-05-08"}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": str(len(body))}
        signed = durable.sign("iam", "POST", "/", headers, body)
        head = "POST / HTTP/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in signed.items()) + "\r\n"
        raw(durable.server, head.encode() + body, hang_up=True)
    assert durable.server.terminate() == 0
    recorded = set()
    for line in (tmp_path / "data" / "audit" / "audit.jsonl").read_text().splitlines():
        record = json.loads(line)
        if record["eventName"] == "CreateUser" and "errorCode" not in record:
            recorded.add(record["requestParameters"]["userName"])
    durable.server.start()
    users = durable.client("iam").get_paginator("list_users").paginate()
    made = {user["UserName"] for page in users for user in page["Users"]}
    assert made == recorded
    assert made <= set(names)


def test_a_name_cannot_be_changed_between_the_decision_and_the_deed(locum):
    """Two renames at once, each allowed, whose sum is not."""
    mover = locum.user(
        "mover",
        allow("iam:UpdateUser", ["arn:aws:iam::*:user/a/*", "arn:aws:iam::*:user/b/x"]),
    )
    iam = locum.client("iam")
    for _ in range(25):
        iam.create_user(UserName="x", Path="/a/")
        attempts = [{"NewPath": "/b/"}, {"NewUserName": "admin"}]

        def rename(change):
            with contextlib.suppress(ClientError):
                locum.client("iam", mover).update_user(UserName="x", **change)

        threads = [threading.Thread(target=rename, args=(change,)) for change in attempts]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        found = {user["Arn"].split(":user")[1] for user in iam.list_users()["Users"]} - {"/mover"}
        assert found <= {"/a/x", "/b/x", "/a/admin"}
        for arn in found:
            iam.delete_user(UserName=arn.rsplit("/", 1)[1])


def test_a_bucket_is_not_deleted_under_anothers_name(locum):
    """Deletions race with a new bucket of the old name: an acknowledged object stays."""
    s3 = [locum.client("s3") for _ in range(5)]

    def delete(client):
        with contextlib.suppress(ClientError):
            client.delete_bucket(Bucket="race")

    for _ in range(40):
        with contextlib.suppress(ClientError):
            s3[0].create_bucket(Bucket="race")
        threads = [threading.Thread(target=delete, args=(client,)) for client in s3[1:]]
        for thread in threads:
            thread.start()
        acknowledged = False
        with contextlib.suppress(ClientError):
            s3[0].create_bucket(Bucket="race")
            s3[0].put_object(Bucket="race", Key="k", Body=b"kept")
            acknowledged = True
        for thread in threads:
            thread.join()
        if acknowledged:
            assert s3[0].get_object(Bucket="race", Key="k")["Body"].read() == b"kept"
            s3[0].delete_object(Bucket="race", Key="k")
        delete(s3[0])


def test_a_session_token_stays_out_of_the_record(durable, tmp_path):
    token = durable.client("sts").get_session_token()["Credentials"]
    wrong = type(ROOT_CREDENTIALS)(token["AccessKeyId"], "not/the/secret", token["SessionToken"])
    answer = durable.form("sts", {"Action": "GetCallerIdentity"}, wrong)
    assert answer.error()[:2] == (403, "SignatureDoesNotMatch")
    assert durable.server.terminate() == 0
    text = (tmp_path / "data" / "audit" / "audit.jsonl").read_text()
    assert "SignatureDoesNotMatch" in text
    assert token["SessionToken"] not in text
    assert token["SecretAccessKey"] not in text


def test_nobody_chooses_how_long_a_record_is(durable, tmp_path):
    junk = "x" * 50_000
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={junk}/20260101/{junk}/sts/aws4_request, "
        "SignedHeaders=host, Signature=0",
        "X-Amz-Date": "20260101T000000Z",
        "User-Agent": junk,
    }
    durable.server.send("POST", "/", headers | {"Content-Type": "application/x-www-form-urlencoded"}, b"Action=A")
    many = {"Action": "GetCallerIdentity"} | {f"Junk{number}": "y" * 100 for number in range(5000)}
    assert durable.form("sts", many).status == 200
    assert durable.server.terminate() == 0
    lines = (tmp_path / "data" / "audit" / "audit.jsonl").read_text().splitlines()
    assert len(lines) == 2
    assert max(len(line) for line in lines) < 200_000
    assert json.loads(lines[0])["awsRegion"] == "us-east-1"


@pytest.mark.parametrize(
    "forwarded,allowed",
    [
        ("203.0.113.9", True),
        ("127.0.0.1, 203.0.113.9", True),
        ("203.0.113.9:5555", True),
        ("[2001:db8::1]:443", False),
        ("203.0.113.9, 127.0.0.1", False),
        ("unknown", False),
        ("", False),
        (None, False),
    ],
)
def test_the_address_is_what_the_proxy_saw(tmp_path, forwarded, allowed, proxied):
    headers = {"X-Forwarded-Proto": "https"} | ({} if forwarded is None else {"X-Forwarded-For": forwarded})
    locum, user = proxied
    status = locum.form("iam", {"Action": "ListUsers"}, user, headers).status
    assert (status == 200) is allowed


@pytest.fixture(scope="module")
def proxied(tmp_path_factory):
    """A server behind a proxy, and a user who is let in from one network only."""
    with Server(tmp_path_factory.mktemp("proxied"), "--behind-tls-proxy") as server:
        locum = Locum(server)
        condition = {"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}, "Bool": {"aws:SecureTransport": "true"}}
        yield locum, locum.user("inside", allow("iam:ListUsers", Condition=condition))


def test_sigterm_waits_for_no_client_for_ever(durable):
    """A client sends a head and withholds the body."""
    durable.client("s3").create_bucket(Bucket="held")
    url = durable.client("s3").generate_presigned_url("put_object", {"Bucket": "held", "Key": "k"})
    target = url.removeprefix(durable.server.url)
    host = ":".join(map(str, durable.server.address))
    with socket.create_connection(durable.server.address) as connection:
        connection.sendall(f"PUT {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 10\r\n\r\n".encode())
        assert durable.server.is_well()
        assert durable.server.terminate() == 0


def test_a_policy_on_request_tags_holds_for_every_alphabet(locum):
    admin = locum.user(
        "tagger",
        allow("iam:*"),
        {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"aws:RequestTag/Ärger": "*"}}},
    )
    iam = locum.client("iam", admin)
    for key in ("Ärger", "ÄRGER", "ärger"):
        with pytest.raises(ClientError) as refused:
            iam.tag_user(UserName="tagger", Tags=[{"Key": key, "Value": "x"}])
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
    iam.tag_user(UserName="tagger", Tags=[{"Key": "Ruhe", "Value": "x"}])


def test_creating_with_tags_needs_the_permission_to_tag(locum):
    creator = locum.client("iam", locum.user("creator", allow("iam:CreateUser")))
    creator.create_user(UserName="plain")
    with pytest.raises(ClientError) as refused:
        creator.create_user(UserName="tagged", Tags=[{"Key": "team", "Value": "admin"}])
    assert "iam:TagUser" in refused.value.response["Error"]["Message"]


def test_silent_connections_do_not_keep_others_out(tmp_path):
    """As many idle connections as the process may have files open, and more."""
    with Server(tmp_path, prefix=("prlimit", "--nofile=256:256")) as server:
        idle = []
        try:
            for _ in range(100):
                idle.append(socket.create_connection(server.address, timeout=5))
            assert wait_for(server.is_well, "an answer beside idle connections")
        finally:
            for connection in idle:
                connection.close()
        assert len(server.log_text()) < 10_000


def test_a_body_that_is_not_signed_is_no_request(locum):
    """`UNSIGNED-PAYLOAD` would leave the whole operation to whoever relays it."""
    body = urllib.parse.urlencode({"Action": "CreateUser", "UserName": "relayed", "Version": "2010-05-08"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"}
    signed = locum.sign("iam", "POST", "/", headers, body)
    answer = locum.server.send("POST", "/", signed, body)
    assert answer.error()[:2] == (403, "SignatureDoesNotMatch")
    assert locum.client("iam").list_users()["Users"] == []


@pytest.mark.parametrize("bucket", ["mine", "nobodys"])
def test_an_empty_body_leaves_no_client_in_doubt(locum, bucket):
    """Clients expect 100-continue before empty bodies too; the next request on the connection counts."""
    s3 = locum.client("s3", config={"max_pool_connections": 1, "read_timeout": 10})
    s3.create_bucket(Bucket="mine")
    with contextlib.suppress(s3.exceptions.NoSuchBucket):
        s3.put_object(Bucket=bucket, Key="folder/", Body=b"")
    s3.put_object(Bucket="mine", Key="k", Body=b"abc")
    assert s3.get_object(Bucket="mine", Key="k")["Body"].read() == b"abc"


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_a_switch_in_the_environment_may_be_spelled_as_usual(tmp_path, value):
    with Server(tmp_path, ephemeral=False, environment={"LOCUM_EPHEMERAL": value}) as server:
        assert server.send("POST", "/_locum/reset").status == 200
        assert not (tmp_path / "locum-data").exists()
