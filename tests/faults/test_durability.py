"""A process killed while it writes loses nothing it acknowledged and leaves nothing half-made."""

import contextlib
import random
import threading
import time

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ConnectionError, HTTPClientError
from harness import Clock, Credentials, Locum, Server, allow, policy

KILLS = 50
WRITERS = 3


class Writer(threading.Thread):
    """Makes users with a policy and a key until the server is gone, and keeps what was acknowledged."""

    def __init__(self, locum, number, start):
        super().__init__(daemon=True)
        self.iam = locum.client("iam")
        self.number = number
        self.next = start
        self.users = {}
        self.policies = set()
        self.keys = {}
        self.unknown = None
        self.error = None

    def run(self):
        try:
            while True:
                name = f"writer-{self.number}-{self.next}"
                self.next += 1
                self.unknown = name
                made = self.iam.create_user(UserName=name, Tags=[{"Key": "writer", "Value": str(self.number)}])
                self.users[name] = made["User"]["UserId"]
                self.iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=policy(allow("s3:*")))
                self.policies.add(name)
                self.keys[name] = Credentials.of(self.iam.create_access_key(UserName=name))
        except (ConnectionError, HTTPClientError):
            pass  # What was under way when the server was killed.
        except (ClientError, BotoCoreError) as error:
            self.error = error


@pytest.mark.timeout(900)
def test_killed_at_random_moments(tmp_path):
    seed = random.SystemRandom().randrange(2**32)
    print(f"the moments of the kills are drawn from seed {seed}")
    moments = random.Random(seed)
    server = Server(tmp_path / "server", "--data", str(tmp_path / "data"), ephemeral=False)
    users, policies, keys = {}, set(), {}
    checked = set()
    starts = [0] * WRITERS
    with server:
        locum = Locum(server, Clock())
        for kill in range(KILLS):
            writers = [Writer(locum, number, starts[number]) for number in range(WRITERS)]
            for writer in writers:
                writer.start()
            # The moment is random, and the only wait that is not for a state.
            time.sleep(moments.uniform(0.0, 0.4))
            server.kill()
            for writer in writers:
                writer.join(timeout=60)
                assert not writer.is_alive()
                assert writer.error is None, writer.error
                starts[writer.number] = writer.next
                users |= writer.users
                policies |= writer.policies
                keys |= writer.keys
            server.start()
            verify(locum, users, policies, keys, {writer.unknown for writer in writers}, checked)
            assert server.is_well(), f"after kill {kill + 1}"
        assert len(keys) > KILLS, "the writers got hardly anything done: the kills came too early to prove much"
        everything(locum, users, policies, keys)


def listed(locum):
    pages = locum.client("iam").get_paginator("list_users").paginate()
    return {user["UserName"]: user for page in pages for user in page["Users"]}


def verify(locum, users, policies, keys, unknown, checked):
    """Every acknowledged user is there; nothing is there that no one asked for; new keys work."""
    found = listed(locum)
    missing = users.keys() - found.keys()
    assert not missing, f"acknowledged and lost: {sorted(missing)}"
    assert found.keys() - users.keys() <= unknown, "there is a user that no one asked for"
    assert {name: found[name]["UserId"] for name in users} == users
    iam = locum.client("iam")
    # What was made since the last kill: of everything, the end of the test looks again.
    for name in sorted((users.keys() | (unknown & found.keys())) - checked):
        whole(locum, iam, name, name in policies, keys.get(name))
        checked.add(name)
    # A user that was made but not acknowledged counts from now on: it must not vanish either.
    for name in unknown & found.keys():
        users.setdefault(name, found[name]["UserId"])


def whole(locum, iam, name, has_policy, key):
    """A user is as far as it was acknowledged, or one step further, and each step is whole."""
    user = iam.get_user(UserName=name)["User"]
    assert user["Arn"].endswith(f":user/{name}")
    assert user["Tags"] == [{"Key": "writer", "Value": name.split("-")[1]}]
    names = iam.list_user_policies(UserName=name)["PolicyNames"]
    assert names == ["p"] if has_policy else names in ([], ["p"])
    if names:
        document = iam.get_user_policy(UserName=name, PolicyName="p")["PolicyDocument"]
        assert document["Statement"] == [allow("s3:*")]
    listed_keys = [entry["AccessKeyId"] for entry in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]]
    assert len(listed_keys) <= 1
    if key:
        assert listed_keys == [key.id]
        identity = locum.client("sts", key).get_caller_identity()
        assert (identity["UserId"], identity["Arn"]) == (user["UserId"], user["Arn"])


def everything(locum, users, policies, keys):
    """At the end each key of all the runs still authenticates."""
    found = listed(locum)
    assert users.items() <= {name: user["UserId"] for name, user in found.items()}.items()
    iam = locum.client("iam")
    for name in sorted(policies):
        assert iam.list_user_policies(UserName=name)["PolicyNames"] == ["p"]
    for name, key in keys.items():
        assert locum.client("sts", key).get_caller_identity()["UserId"] == users[name]


@pytest.mark.timeout(300)
def test_objects_survive_too(tmp_path):
    """An acknowledged object is whole after a kill, and an unacknowledged one is whole or not there."""
    moments = random.Random(7390)
    server = Server(tmp_path / "server", "--data", str(tmp_path / "data"), ephemeral=False)
    acknowledged = {}
    with server:
        locum = Locum(server, Clock())
        locum.client("s3").create_bucket(Bucket="bucket")
        for kill in range(10):
            s3 = locum.client("s3")

            def write(kill=kill, s3=s3):
                with contextlib.suppress(ConnectionError, HTTPClientError):
                    for number in range(10_000):
                        # One key is overwritten again and again, the others are new.
                        for key in ("same", f"new-{kill}-{number}"):
                            s3.put_object(Bucket="bucket", Key=key, Body=content(kill, number))
                            acknowledged[key] = (kill, number)

            writer = threading.Thread(target=write, daemon=True)
            writer.start()
            time.sleep(moments.uniform(0.05, 0.5))
            server.kill()
            writer.join(timeout=60)
            assert not writer.is_alive()
            server.start()
            s3 = locum.client("s3")
            pages = s3.get_paginator("list_objects_v2").paginate(Bucket="bucket")
            stored = {entry["Key"]: entry["Size"] for page in pages for entry in page.get("Contents", [])}
            assert acknowledged.keys() <= stored.keys()
            for key in sorted(stored):
                if not key.startswith(f"new-{kill}-") and key != "same":
                    continue
                body = s3.get_object(Bucket="bucket", Key=key)["Body"].read()
                if key == "same":
                    done = acknowledged.get(key, (0, 0))
                    assert body in (content(*done), content(done[0], done[1] + 1), content(kill, 0))
                else:
                    assert body == content(kill, int(key.split("-")[2]))
        assert len(acknowledged) > 10


def content(kill, number):
    return f"{kill}/{number};".encode() * 5_000
