"""Many clients on one account: their writes share the disk, and none that was acknowledged is lost."""

import concurrent.futures
import threading

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from harness import Clock, Locum, Server, allow, wait_for, works

CLIENTS = 64


def names(locum):
    pages = locum.client("iam").get_paginator("list_users").paginate()
    return {user["UserName"] for page in pages for user in page["Users"]}


def test_a_killed_server_loses_no_acknowledged_write_of_64_clients(durable):
    acknowledged, lock = set(), threading.Lock()
    enough = threading.Event()

    def write(client):
        iam = durable.client("iam")
        for number in range(1000):
            name = f"user-{client}-{number}"
            try:
                answer = iam.create_user(UserName=name)
            except (ClientError, BotoCoreError):
                return
            with lock:
                acknowledged.add((name, answer["User"]["UserId"]))
                if len(acknowledged) >= 300:
                    enough.set()

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        writers = [pool.submit(write, client) for client in range(CLIENTS)]
        assert enough.wait(120)
        durable.server.kill()
        for writer in writers:
            writer.result()
    durable.server.start()
    pages = durable.client("iam").get_paginator("list_users").paginate()
    there = {(user["UserName"], user["UserId"]) for page in pages for user in page["Users"]}
    assert acknowledged <= there
    # At most one of each client was under way.
    assert len(there - acknowledged) <= CLIENTS
    durable.client("iam").create_user(UserName="after")


def test_each_of_many_clients_reads_what_it_wrote(durable):
    """Readers see nothing before it is durable, and everything once it is acknowledged."""

    def work(client):
        iam = durable.client("iam")
        group, user = f"group-{client}", f"user-{client}"
        iam.create_group(GroupName=group)
        iam.create_user(UserName=user)
        iam.add_user_to_group(GroupName=group, UserName=user)
        assert [one["UserName"] for one in iam.get_group(GroupName=group)["Users"]] == [user]
        with pytest.raises(ClientError) as refused:
            iam.create_user(UserName=user.upper())
        assert refused.value.response["Error"]["Code"] == "EntityAlreadyExists"
        with pytest.raises(ClientError) as refused:
            iam.delete_user(UserName=user)
        assert refused.value.response["Error"]["Code"] == "DeleteConflict"
        iam.remove_user_from_group(GroupName=group, UserName=user)
        iam.delete_user(UserName=user)
        iam.delete_group(GroupName=group)

    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        for done in [pool.submit(work, client) for client in range(CLIENTS)]:
            done.result()
    assert names(durable) == set()


def test_accounts_leave_memory_and_come_back_under_load(tmp_path, monkeypatch):
    """With room for next to nothing every account goes as soon as another is used, and nothing is lost."""
    clock = Clock()
    clock.install(monkeypatch)
    settings = ["--data", str(tmp_path / "data"), "--max-entities-in-memory", "1"]
    with Server(tmp_path / "server", *settings, ephemeral=False) as server:
        locum = Locum(server, clock)
        organizations = locum.client("organizations")
        accounts = []
        for number in range(4):
            status = organizations.create_account(AccountName=f"a{number}", Email=f"a{number}@example.com")
            accounts.append(status["CreateAccountStatus"]["AccountId"])
        user = locum.user("alice", allow("sts:AssumeRole"))
        members = [
            locum.assume(user, f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole") for account in accounts
        ]

        def work(number):
            iam = locum.client("iam", members[number % len(members)])
            iam.create_user(UserName=f"user-{number}")
            assert iam.get_user(UserName=f"user-{number}")["User"]["UserName"] == f"user-{number}"
            if number % 3 == 0:
                iam.delete_user(UserName=f"user-{number}")

        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            for done in [pool.submit(work, number) for number in range(120)]:
                done.result()
        for place, member in enumerate(members):
            there = locum.client("iam", member).list_users()["Users"]
            wanted = {f"user-{n}" for n in range(120) if n % 4 == place and n % 3 != 0}
            assert {one["UserName"] for one in there} == wanted
        wait_for(lambda: works(locum, user), "the user to be there still")
