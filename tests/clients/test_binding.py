"""Sessions that end with their source: a directory that has the user no longer."""

import json

import pytest
from botocore.exceptions import ClientError
from directory import GROUPS, PEOPLE, alice, user
from harness import ACCOUNT, Locum, Server, allow, wait_for
from ldap_world import PROVIDER, session
from test_roles_anywhere import World, credentials

OVER = ("ExpiredToken", "The security token included in the request is expired")


def is_over(locum, credentials):
    """Whether a session has ended; it lives, or is answered as an expired one."""
    try:
        locum.client("sts", credentials).get_caller_identity()
    except ClientError as error:
        assert (error.response["Error"]["Code"], error.response["Error"]["Message"]) == OVER
        return True
    return False


def ends(locum, *credentials):
    for one in credentials:
        wait_for(lambda one=one: is_over(locum, one), "the session to end")


@pytest.fixture
def bound(ldap):
    """Every user of the directory gets the role `all`, and is asked about every five seconds."""
    ldap.role("all", policies=(allow("sts:*"),))
    ldap.all = f"arn:aws:iam::{ACCOUNT}:role/all"
    ldap.bind()
    return ldap


def test_who_has_left_the_directory_has_no_session(bound):
    locum = bound.locum
    inner = locum.role("inner", f"arn:aws:iam::{ACCOUNT}:root")
    mine, other = bound.login(RoleArn=bound.all), bound.login("bob", "bob-Secret", RoleArn=bound.all)
    chained = locum.assume(mine, inner)
    bound.directory.delete(alice())
    ends(locum, mine, chained)
    assert bound.arn(other) == session("all", "bob")
    [record] = bound.records(1, "EndSessionsAtSource")
    assert record["requestParameters"]["subject"] == "alice"
    assert record["additionalEventData"]["explanation"] == [
        "the directory has no user of that name under the user base and filter"
    ]
    [revocation] = bound.revocations()
    assert (revocation["orderedBy"], revocation["aim"], revocation["chain"]) == (PROVIDER, "FederatedSubject", True)
    # Who comes back logs in again.
    bound.directory.add(user("alice", "alice-Secret"))
    again = bound.login(RoleArn=bound.all)
    assert bound.arn(again) == session("all")


def test_who_leaves_the_required_group_has_no_session(bound):
    bound.set("--ldap-require-group", "eng", "--ldap-require-group", "ops")
    mine, other = bound.login(RoleArn=bound.all), bound.login("bob", "bob-Secret", RoleArn=bound.all)
    bound.directory.replace(f"cn=eng,{GROUPS}", "member", f"cn=nobody,{PEOPLE}")
    ends(bound.locum, mine)
    assert bound.arn(other) == session("all", "bob")


def test_who_is_disabled_has_no_session(bound):
    # As directories say it that have no attribute of their own for it.
    enabled = "(&(uid={username})(!(employeeType=disabled)))"
    bound.set("--ldap-user-filter", enabled)
    mine = bound.login(RoleArn=bound.all)
    bound.directory.replace(alice(), "employeeType", "disabled")
    ends(bound.locum, mine)
    assert bound.ask(RoleArn=bound.all)[0] == "AccessDenied"


def test_sessions_go_on_without_an_answer_as_long_as_the_settings_say(bound):
    bound.bind("--binding-grace", "unlimited")
    mine = bound.login(RoleArn=bound.all)
    bound.directory.stop()
    bound.bind("--binding-grace", "0")
    # With no grace the first question that is not answered ends it.
    ends(bound.locum, mine)
    [record] = bound.records(1, "EndSessionsAtSource")
    [why] = record["additionalEventData"]["explanation"]
    assert why.startswith("the directory does not answer: ") and "it last answered" in why, why
    bound.directory.start()
    bound.bind("--binding-grace", "unlimited")
    mine = bound.login(RoleArn=bound.all)
    bound.directory.stop()
    log = bound.folder / "slapd" / "log"
    assert log.exists() and not is_over(bound.locum, mine)
    bound.directory.start()
    bound.directory.delete(alice())
    # It went on being asked, and is believed when it answers again.
    ends(bound.locum, mine)


def test_a_restart_forgets_nobody_and_two_processes_share_the_asking(bound, tmp_path):
    mine = bound.login(RoleArn=bound.all)
    bound.locum.server.kill()
    bound.directory.delete(alice())
    bound.locum.server.start()
    second = Server(tmp_path / "second", "--data", str(tmp_path / "data"), ephemeral=False)
    with second:
        for process in (bound.locum.server, second):
            ends(Locum(process, bound.locum.clock), mine)
    [record] = [
        record
        for name in ("audit.jsonl", "audit.2.jsonl")
        if (bound.folder / "data" / "audit" / name).exists()
        for record in map(json.loads, (bound.folder / "data" / "audit" / name).read_text().splitlines())
        if record["eventName"] == "EndSessionsAtSource"
    ]
    assert record["requestParameters"]["subject"] == "alice"


def test_unbound_sessions_live_out_their_time(bound):
    bound.set("--no-bind-sessions", directory=False)
    mine = bound.login(RoleArn=bound.all)
    bound.bind()
    other = bound.login("bob", "bob-Secret", RoleArn=bound.all)
    bound.directory.delete(alice())
    bound.directory.delete(alice("bob"))
    ends(bound.locum, other)
    assert bound.arn(mine) == session("all")


def test_a_certificate_on_a_revocation_list_has_no_session(ldap, tmp_path):
    world = World(ldap.locum, tmp_path)
    first, second = world.workload("first"), world.workload("second")
    free = credentials(world.session(first))
    ldap.set("--bind-sessions", "--binding-interval", "5", directory=False, provider=world.anchor_arn)
    mine, other = credentials(world.session(first)), credentials(world.session(second))
    world.root.revoke(first)
    crl = {"name": "crl", "crlData": world.root.revocation_list(), "trustAnchorArn": world.anchor_arn, "enabled": True}
    made = world.admin.import_crl(**crl)["crl"]
    # All that the certificate has got ends, and nothing that another has.
    ends(ldap.locum, mine, free)
    assert not is_over(ldap.locum, other)
    [record] = ldap.records(1, "EndSessionsAtSource")
    assert record["requestParameters"]["provider"] == world.anchor_arn
    [why] = record["additionalEventData"]["explanation"]
    assert why == "the certificate 1001 of `CN=first` is on a revocation list"
    world.root.revoke(second)
    world.admin.update_crl(crlId=made["crlId"], crlData=world.root.revocation_list())
    ends(ldap.locum, other)
