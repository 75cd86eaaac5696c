"""Two processes on one data directory: what one does the other knows, and either may end at any moment."""

import concurrent.futures
import contextlib
import datetime
import json
import os
import subprocess

import pyotp
import pytest
from botocore.exceptions import ClientError
from harness import (
    BINARY,
    ROOT_CREDENTIALS,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    deny,
    policy,
    root_of,
    wait_for,
    works,
)


def server(tmp_path, name, *arguments):
    data = ["--data", str(tmp_path / "data")]
    return Server(tmp_path / name, *data, *arguments, ephemeral=False)


@pytest.fixture
def two(tmp_path, monkeypatch):
    """Two servers on one directory."""
    clock = Clock()
    clock.install(monkeypatch)
    with server(tmp_path, "one") as one, server(tmp_path, "two") as two:
        yield Locum(one, clock), Locum(two, clock)


def account_of(locum):
    return locum.client("sts").get_caller_identity()["Account"]


def test_sessions_of_one_work_on_the_other_at_once(two):
    one, other = two
    account = account_of(one)
    user = one.user("alice", allow("sts:AssumeRole"))
    role = one.role("role", root_of(account), allow("s3:*"))
    wait_for(lambda: works(other, user), "the key to be known to the other")
    for number in range(30):
        here, there = (one, other) if number % 2 else (other, one)
        session = here.assume(user, role, f"s{number}")
        arn = there.client("sts", session).get_caller_identity()["Arn"]
        assert arn == f"arn:aws:sts::{account}:assumed-role/role/s{number}"


def test_a_session_of_a_role_made_a_moment_ago_works_on_the_other_at_once(two):
    """The other has not heard of the role yet, but the token is proof that there is one."""
    one, other = two
    account = account_of(one)
    user = one.user("alice", allow("sts:AssumeRole"))
    for number in range(20):
        session = one.assume(user, one.role(f"role-{number}", root_of(account)))
        arn = other.client("sts", session).get_caller_identity()["Arn"]
        assert arn == f"arn:aws:sts::{account}:assumed-role/role-{number}/session"


def test_changes_of_one_hold_on_the_other(two):
    one, other = two
    account = account_of(one)
    user = one.user("alice", allow("sts:AssumeRole"))
    role = one.role("role", root_of(account), allow("iam:ListUsers"))

    def assumed():
        with contextlib.suppress(ClientError):
            return other.assume(user, role)
        return None

    session = wait_for(assumed, "the role to be assumed on the other")
    listing = other.client("iam", session)
    listing.list_users()
    # A revocation: by policy, by the user's key, by the role's end.
    one.client("iam").put_role_policy(RoleName="role", PolicyName="no", PolicyDocument=policy(deny("*")))

    def code(call):
        try:
            call()
        except ClientError as error:
            return error.response["Error"]["Code"]
        return None

    wait_for(lambda: code(listing.list_users) == "AccessDenied", "the policy to hold on the other")
    one.client("iam").delete_access_key(UserName="alice", AccessKeyId=user.id)
    wait_for(lambda: not works(other, user), "the key to be gone on the other")
    for name in ("p0", "no"):
        one.client("iam").delete_role_policy(RoleName="role", PolicyName=name)
    one.client("iam").delete_role(RoleName="role")
    wait_for(lambda: not works(other, session), "the session to be over on the other")


def test_writers_of_both_lose_nothing(two):
    """They change one account at once, by compare and set, and all of it is there."""

    def make(number):
        here = two[number % 2].client("iam", config={"retries": {"total_max_attempts": 5, "mode": "standard"}})
        here.create_user(UserName=f"user-{number}")
        return f"user-{number}"

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        made = set(pool.map(make, range(60)))
    for locum in two:

        def names(iam=locum.client("iam")):
            return {user["UserName"] for page in iam.get_paginator("list_users").paginate() for user in page["Users"]}

        wait_for(lambda names=names: names() == made, "all users")
    # A name is given once.
    taken = []

    def same(locum):
        try:
            locum.client("iam").create_user(UserName="Same")
        except ClientError as error:
            taken.append(error.response["Error"]["Code"])

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        list(pool.map(same, two))
    assert taken == ["EntityAlreadyExists"]


def test_a_code_of_an_mfa_device_is_taken_once(two):
    one, other = two
    user = one.user("alice", allow("sts:*"))
    iam = one.client("iam")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    shown = pyotp.TOTP(device["Base32StringSeed"].decode())
    now = one.clock.now(remove_tzinfo=False)
    iam.enable_mfa_device(
        UserName="alice",
        SerialNumber=device["SerialNumber"],
        AuthenticationCode1=shown.at(now - datetime.timedelta(seconds=30)),
        AuthenticationCode2=shown.at(now),
    )

    def devices():
        with contextlib.suppress(ClientError):
            return other.client("iam").list_mfa_devices(UserName="alice")["MFADevices"]
        return None

    wait_for(devices, "the device to be known to the other")
    clients = [locum.client("sts", user) for locum in [one, other] * 4]
    wait_for(lambda: works(other, user), "the key to be known to the other")
    code = shown.at(one.clock.now(remove_tzinfo=False))

    def ask(client):
        try:
            client.get_session_token(SerialNumber=device["SerialNumber"], TokenCode=code)
            return "accepted"
        except ClientError as error:
            return error.response["Error"]["Message"].strip()

    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        answers = sorted(pool.map(ask, clients))
    wrong = "MultiFactorAuthentication failed with invalid MFA one time pass code."
    assert answers == sorted(["accepted"] + [wrong] * 7)


def test_objects_are_the_same_on_both(two):
    one, other = two
    here, there = one.client("s3"), other.client("s3")
    here.create_bucket(Bucket="shared")

    def known():
        with contextlib.suppress(ClientError):
            return there.head_bucket(Bucket="shared")
        return None

    wait_for(known, "the bucket to be known to the other")
    for number in range(20):
        writer, reader = (here, there) if number % 2 else (there, here)
        writer.put_object(Bucket="shared", Key="k", Body=b"%d" % number)
        assert reader.get_object(Bucket="shared", Key="k")["Body"].read() == b"%d" % number
    # A reader keeps what it began to read, though the other process puts something in its place.
    large = os.urandom(24 * 1024 * 1024)
    here.put_object(Bucket="shared", Key="large", Body=large)
    body = there.get_object(Bucket="shared", Key="large")["Body"]
    begun = body.read(1024)
    here.put_object(Bucket="shared", Key="large", Body=b"small")
    assert begun + body.read() == large
    assert there.get_object(Bucket="shared", Key="large")["Body"].read() == b"small"
    # Parts that came in by both make one object.
    upload = here.create_multipart_upload(Bucket="shared", Key="parts")["UploadId"]
    parts = [os.urandom(5 * 1024 * 1024), b"the end"]
    tags = [
        client.upload_part(Bucket="shared", Key="parts", UploadId=upload, PartNumber=number + 1, Body=part)["ETag"]
        for number, (client, part) in enumerate(zip((here, there), parts, strict=True))
    ]
    there.complete_multipart_upload(
        Bucket="shared",
        Key="parts",
        UploadId=upload,
        MultipartUpload={"Parts": [{"PartNumber": n + 1, "ETag": tag} for n, tag in enumerate(tags)]},
    )
    assert here.get_object(Bucket="shared", Key="parts")["Body"].read() == b"".join(parts)


@pytest.mark.parametrize("killed", [0, 1])
def test_killing_either_loses_nothing(two, killed, tmp_path):
    account = account_of(two[0])
    user = two[0].user("alice", allow("sts:*"))
    role = two[0].role("role", root_of(account), allow("s3:*"))
    wait_for(lambda: works(two[1], user), "the key to be known to the other")
    sessions = [locum.assume(user, role, f"of-{number}") for number, locum in enumerate(two)]
    two[killed].client("s3").create_bucket(Bucket="bucket")
    two[killed].client("s3").put_object(Bucket="bucket", Key="k", Body=b"kept")
    two[killed].client("iam").create_user(UserName="last")
    two[killed].server.kill()
    left = two[1 - killed]

    def known():
        with contextlib.suppress(ClientError):
            return left.client("iam").get_user(UserName="last")
        return None

    wait_for(known, "what the other did last")
    assert all(works(left, session) for session in sessions)
    assert left.client("s3").get_object(Bucket="bucket", Key="k")["Body"].read() == b"kept"
    left.client("iam").create_user(UserName="after")
    # And it comes back, to what happened meanwhile.
    two[killed].server.start()
    assert two[killed].client("iam").get_user(UserName="after")
    assert all(works(two[killed], session) for session in sessions)
    assert all(works(locum, locum.assume(user, role)) for locum in two)


def test_restarting_both_in_turn_ends_no_session(two):
    account = account_of(two[0])
    user = two[0].user("alice", allow("sts:*"))
    role = two[0].role("role", root_of(account))
    wait_for(lambda: works(two[1], user), "the key to be known to the other")
    sessions = [two[0].assume(user, role)]
    for locum in two * 2:
        assert locum.server.terminate() == 0
        locum.server.start()
        sessions.append(locum.assume(user, role))
        assert all(works(any_of, session) for any_of in two for session in sessions)


def test_two_that_begin_on_an_empty_directory_make_one_realm(tmp_path, monkeypatch):
    clock = Clock()
    clock.install(monkeypatch)
    servers = [server(tmp_path, f"s{number}") for number in range(3)]
    with contextlib.ExitStack() as stack, concurrent.futures.ThreadPoolExecutor(3) as pool:
        list(pool.map(stack.enter_context, servers))
        locums = [Locum(server, clock) for server in servers]
        assert len({account_of(locum) for locum in locums}) == 1
        session = Credentials.of(locums[0].client("sts").get_session_token())
        assert all(works(locum, session) for locum in locums)


def test_each_has_an_audit_file_of_its_own(two, tmp_path):
    one, other = two
    answers = [locum.client("iam").list_users()["ResponseMetadata"]["RequestId"] for locum in two * 25]
    assert [locum.server.terminate() for locum in two] == [0, 0]
    folder = tmp_path / "data" / "audit"
    assert {"audit.jsonl", "audit.2.jsonl"} <= {path.name for path in folder.iterdir()}
    recorded = [json.loads(line)["requestID"] for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert sorted(recorded) == sorted(answers)
    # Who comes alone goes on with the first.
    one.server.start()
    request = one.client("iam").list_users()["ResponseMetadata"]["RequestId"]
    assert one.server.terminate() == 0
    assert request in (folder / "audit.jsonl").read_text()


def test_rotated_audit_files_of_both_are_all_kept(tmp_path, monkeypatch):
    clock = Clock()
    clock.install(monkeypatch)
    small = ("--audit-rotate-bytes", "3000")
    with server(tmp_path, "one", *small) as first, server(tmp_path, "two", *small) as second:
        locums = [Locum(first, clock), Locum(second, clock)]
        with concurrent.futures.ThreadPoolExecutor(2) as pool:

            def ask(locum):
                sts = locum.client("sts")
                return [sts.get_caller_identity()["ResponseMetadata"]["RequestId"] for _ in range(60)]

            asked = [request for requests in pool.map(ask, locums) for request in requests]
        assert [first.terminate(), second.terminate()] == [0, 0]
    folder = tmp_path / "data" / "audit"
    recorded = [json.loads(line)["requestID"] for path in folder.glob("*.jsonl") for line in path.read_text().splitlines()]
    assert sorted(recorded) == sorted(asked)


def test_last_uses_of_both_are_told_by_both(two):
    one, other = two
    user = one.user("alice", allow("s3:ListAllMyBuckets"))
    wait_for(lambda: works(other, user), "the key to be known to the other")
    other.client("s3", user, region="eu-central-1").list_buckets()

    def used():
        found = one.client("iam").get_access_key_last_used(AccessKeyId=user.id)["AccessKeyLastUsed"]
        return (found["ServiceName"], found["Region"]) == ("s3", "eu-central-1")

    wait_for(used, "the use to be told by the other")


def test_a_directory_of_another_machine_is_refused(durable, tmp_path):
    """Shared memory, which the store's processes need, does not reach over a network file system."""
    (tmp_path / "data" / "lock").write_text("another machine\n")
    ran = subprocess.run(
        [str(BINARY), "serve", "--data", str(tmp_path / "data"), "--listen", "127.0.0.1:0"],
        env=base_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert f"a locum on another machine uses `{tmp_path / 'data'}`" in ran.stderr
    assert durable.client("sts", ROOT_CREDENTIALS).get_caller_identity()
