"""Rotation of the keys that seal session tokens: no session ends of it before its time."""

import base64
import contextlib
import datetime
import json
import subprocess

import pytest
from botocore.exceptions import ClientError
from harness import (
    BINARY,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    refused,
    root_of,
    wait_for,
)

BROKEN = "The security token included in the request is invalid"


def run(data, *arguments, faketime=None):
    """`locum keyring …`, on a data directory, some seconds from now."""
    prefix = ["faketime", "-f", f"+{faketime}s"] if faketime else []
    return subprocess.run(
        [*prefix, str(BINARY), "keyring", *arguments, "--data", str(data)],
        env=base_environment(data.parent),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def keys(data, *arguments):
    ran = run(data, *(arguments or ["list"]), "--format", "json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def key_of(session):
    """The number of the key that sealed a token: the second byte, behind the version."""
    return base64.urlsafe_b64decode(session.token[:4])[1]


def mints_from(data, number):
    (found,) = [key for key in keys(data) if key["id"] == number]
    return datetime.datetime.fromisoformat(found["mintsFrom"])


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


def minted_with(locum, number):
    """The first session that this key has sealed."""

    def session():
        minted = Credentials.of(locum.client("sts").get_session_token())
        return key_of(minted) == number and minted

    return wait_for(session, f"a session sealed with key {number}")


def works(locum, session):
    locum.client("sts", session).get_caller_identity()


def test_rotation_while_servers_run(tmp_path, data, monkeypatch):
    clock = Clock()
    clock.install(monkeypatch)
    arguments = ["--data", str(data)]
    with (
        Server(tmp_path / "one", *arguments, ephemeral=False) as one,
        Server(tmp_path / "two", *arguments, ephemeral=False) as two,
    ):
        servers = [Locum(one, clock), Locum(two, clock)]
        user = servers[0].user("alice", allow("sts:*"))
        role = servers[0].role("role", root_of(servers[0].client("sts").get_caller_identity()["Account"]))
        sessions = [servers[0].assume(user, role), minted_with(servers[1], 1)]
        first, second = keys(data, "rotate")
        assert (first["id"], first["mints"], first["neededUntil"]) == (1, True, None)
        assert (second["id"], second["mints"], second["neededUntil"]) == (2, False, None)
        # Until all know it, the new key seals nothing; and then it does, and each opens the other's.
        for locum in servers:
            sessions.append(Credentials.of(locum.client("sts").get_session_token()))
        assert [key_of(session) for session in sessions[-2:]] == [1, 1]
        sessions += [minted_with(locum, 2) for locum in servers]
        assert datetime.datetime.now(datetime.timezone.utc) >= mints_from(data, 2)
        for locum in servers:
            for session in sessions:
                works(locum, session)
        first, second = keys(data)
        assert (first["mints"], second["mints"]) == (False, True)
        needed = datetime.datetime.fromisoformat(first["neededUntil"])
        assert needed - mints_from(data, 2) >= datetime.timedelta(days=7)
        # A restart changes nothing.
        assert one.terminate() == 0
        one.start()
        for session in sessions:
            works(servers[0], session)


def test_a_key_stays_as_long_as_its_sessions_may_live(durable, data):
    old = minted_with(durable, 1)
    ran = run(data, "retire", "1")
    assert ran.returncode == 1
    assert "key 1 is not retired: it seals sessions, or is about to: rotate first" in ran.stderr
    keys(data, "rotate")
    assert run(data, "retire", "1").returncode == 1
    minted_with(durable, 2)
    ran = run(data, "retire", "1")
    assert ran.returncode == 1
    assert "key 1 is not retired: sessions that it sealed may still live until 2" in ran.stderr
    ran = run(data, "retire")
    assert (ran.returncode, ran.stdout) == (0, "no key can be retired yet\n")
    ran = run(data, "retire", "7")
    assert ran.returncode == 1 and "key 7 is not retired: there is no such key" in ran.stderr
    works(durable, old)
    # A week later, and an hour besides, none of its sessions is left.
    ran = run(data, "retire", faketime=7 * 86_400 + 3600 + 60)
    assert (ran.returncode, ran.stdout) == (0, "retired key 1\n"), ran.stderr
    assert [key["id"] for key in keys(data)] == [2]


def test_the_sessions_of_a_removed_key_are_broken_tokens(durable, data):
    user = durable.user("alice", allow("s3:*"))
    old = Credentials.of(durable.client("sts", user).get_session_token())
    keys(data, "rotate")
    new = minted_with(durable, 2)
    works(durable, old)
    durable.client("s3", old).list_buckets()
    assert run(data, "retire", "1", "--at-once").stdout == "retired key 1\n"

    def broken():
        with contextlib.suppress(ClientError):
            works(durable, old)
            return False
        return True

    wait_for(broken, "the server to know")
    refused(durable.client("sts", old).get_caller_identity, "InvalidClientTokenId", BROKEN)
    refused(
        durable.client("s3", old).list_buckets, "InvalidToken", "The provided token is malformed or otherwise invalid.", 400
    )
    works(durable, new)
    # The user is who it was.
    works(durable, Credentials.of(durable.client("sts", user).get_session_token()))
    # Its number is not given again.
    assert [key["id"] for key in keys(data, "rotate")] == [2, 3]


def test_a_forged_key_number_opens_nothing(durable, data):
    """A token under an old key cannot be passed off as one under the new key, nor the other way."""
    old = minted_with(durable, 1)
    keys(data, "rotate")
    new = minted_with(durable, 2)
    for session, number in ((old, 2), (new, 1), (new, 3), (new, 0)):
        token = bytearray(base64.urlsafe_b64decode(session.token + "=" * (-len(session.token) % 4)))
        token[1] = number
        forged = base64.urlsafe_b64encode(bytes(token)).decode().rstrip("=")
        guess = Credentials(session.id, session.secret, forged)
        refused(durable.client("sts", guess).get_caller_identity, "InvalidClientTokenId", BROKEN)


def test_the_list_in_words(durable, data):
    assert run(data, "list").stdout.count("\n") == 1
    assert run(data, "list").stdout.startswith("key 1, made 2") and run(data, "list").stdout.endswith(": seals\n")
    rotated = run(data, "rotate").stdout.splitlines()
    assert rotated[0].endswith(": seals") and ": seals from 2" in rotated[1]
    minted_with(durable, 2)
    listed = run(data, "list").stdout.splitlines()
    assert ": opens what it sealed; needed until 2" in listed[0] and listed[1].endswith(": seals")


def test_without_a_server(durable, data):
    session = minted_with(durable, 1)
    assert durable.server.terminate() == 0
    keys(data, "rotate")
    durable.server.start()
    works(durable, session)
    minted_with(durable, 2)
    works(durable, session)


@pytest.mark.parametrize("command", [["list"], ["rotate"], ["retire"], ["retire", "1"]])
def test_where_there_is_nothing_nothing_is_made(tmp_path, command):
    ran = run(tmp_path / "nothing", *command)
    assert ran.returncode == 1
    assert "cannot open the store" in ran.stderr
    assert not (tmp_path / "nothing").exists()


@pytest.mark.parametrize("command", [[], ["turn"], ["retire", "x"], ["retire", "--at-once"], ["rotate", "1"]])
def test_wrong_usage(tmp_path, command):
    assert run(tmp_path / "data", *command).returncode == 2
