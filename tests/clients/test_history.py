"""Who changed what, told from the feed; and an account put back to what it was."""

import datetime
import json
import subprocess

import pytest
from harness import (
    BINARY,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    policy,
    refused,
    trusting,
    wait_for,
    works,
)

READ_ONLY = "arn:aws:iam::aws:policy/ReadOnlyAccess"


def run(data, *arguments):
    """`locum …` on a data directory."""
    return subprocess.run(
        [str(BINARY), *arguments, "--data", str(data)],
        env=base_environment(data.parent),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def history(data, *arguments):
    ran = run(data, "history", "--format", "json", *arguments)
    assert ran.returncode == 0, ran.stderr
    return [json.loads(line) for line in ran.stdout.splitlines()]


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def locum(tmp_path, data):
    with Server(tmp_path / "server", "--data", str(data), ephemeral=False) as server:
        yield Locum(server)


def account_of(locum):
    return locum.client("sts").get_caller_identity()["Account"]


def moment():
    """The moment that has just passed: what is changed from here on comes later."""
    now = datetime.datetime.now(datetime.UTC).replace(microsecond=0)
    end = now + datetime.timedelta(seconds=1)
    wait_for(lambda: datetime.datetime.now(datetime.UTC) >= end, "the next second")
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_an_entity_is_followed_through_its_names_with_what_hangs_on_it(locum, data):
    iam, account = locum.client("iam"), account_of(locum)
    iam.create_user(UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(allow("s3:GetObject")))
    iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=policy(allow("s3:*")))
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="ann")
    iam.update_user(UserName="ann", NewUserName="bob")
    iam.create_user(UserName="other")
    iam.attach_user_policy(UserName="bob", PolicyArn=READ_ONLY)
    arn = f"arn:aws:iam::{account}:user/"
    for name in ("ann", "bob", "BOB"):
        events = history(data, "--entity", arn + name)
        assert [event["action"] for event in events] == [
            "iam:CreateUser",
            "iam:CreateAccessKey",
            "iam:PutUserPolicy",
            "iam:PutUserPolicy",
            "iam:AddUserToGroup",
            "iam:UpdateUser",
            "iam:AttachUserPolicy",
        ]
    assert all(event["actor"] == f"arn:aws:iam::{account}:root" for event in events)
    (changed,) = events[3]["changes"]
    before, after = (changed[when]["inline"]["p"] for when in ("before", "after"))
    assert before["document"]["Statement"][0]["Action"] == "s3:GetObject"
    assert after["document"]["Statement"][0]["Action"] == "s3:*"
    # Who is in a group, and what a policy is attached to, is their history, too.
    of_group = history(data, "--entity", f"arn:aws:iam::{account}:group/team")
    assert [event["action"] for event in of_group] == ["iam:CreateGroup", "iam:AddUserToGroup"]
    # A policy of AWS's is nobody's entity.
    ran = run(data, "history", "--account-id", account, "--entity", READ_ONLY)
    assert ran.returncode == 1
    assert "has or had the ARN" in ran.stderr
    # For people: the lines that differ. Nothing tells the secret, not even sealed.
    text = run(data, "history", "--entity", arn + "bob").stdout
    assert '-             "Action": "s3:GetObject",' in text
    assert '+             "Action": "s3:*",' in text
    assert key["SecretAccessKey"] not in text
    assert "(secret " in text


def test_a_history_is_cut_to_times_and_to_the_newest(locum, data):
    iam = locum.client("iam")
    iam.create_user(UserName="early")
    middle = moment()
    iam.create_user(UserName="late")
    iam.create_user(UserName="last")
    arns = lambda *arguments: [  # noqa: E731
        event["changes"][0]["arn"].rsplit("/")[-1]
        for event in history(data, *arguments)
        if event["action"] == "iam:CreateUser"
    ]
    assert arns() == ["early", "late", "last"]
    assert arns("--until", middle) == ["early"]
    assert arns("--since", middle)[-2:] == ["late", "last"]
    assert arns("--limit", "1") == ["last"]
    ran = run(data, "history", "--since", "yesterday")
    assert ran.returncode == 2
    assert "2026-01-01T12:00:00Z" in ran.stderr


def test_names_do_not_move_the_cursor_of_who_reads(locum, data):
    iam = locum.client("iam")
    iam.create_role(
        RoleName="r",
        AssumeRolePolicyDocument=policy(trusting("*")),
        Description="one\nFAKE  iam:DeleteUser  by nobody\r\n",
    )
    text = run(data, "history").stdout
    assert "\\nFAKE" in text
    assert not any(line.startswith("FAKE") for line in text.splitlines())
    assert "\r" not in text


def test_an_account_is_put_back_as_one_new_change(locum, data):
    iam, account = locum.client("iam"), account_of(locum)
    ann = locum.user("ann", allow("s3:*"))
    iam.create_policy(PolicyName="doc", PolicyDocument=policy(allow("s3:GetObject")))
    arn = f"arn:aws:iam::{account}:policy/doc"
    iam.attach_user_policy(UserName="ann", PolicyArn=arn)
    iam.create_group(GroupName="team")
    iam.add_user_to_group(GroupName="team", UserName="ann")
    before = iam.get_user(UserName="ann")["User"]
    kept = iam.create_access_key(UserName="ann")["AccessKey"]
    then = moment()
    # Everything goes wrong.
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=policy(allow("*")), SetAsDefault=True)
    mallory = locum.user("mallory", allow("*"))
    iam.update_access_key(UserName="ann", AccessKeyId=kept["AccessKeyId"], Status="Inactive")
    iam.delete_access_key(UserName="ann", AccessKeyId=ann.id)
    later = iam.create_access_key(UserName="ann")["AccessKey"]
    iam.remove_user_from_group(GroupName="team", UserName="ann")
    iam.delete_group(GroupName="team")
    assert works(locum, mallory)

    restore = ["account", "restore", "--account-id", account, "--to", then]
    dry = run(data, *restore, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    for line in (
        f"gone: user arn:aws:iam::{account}:user/mallory",
        f"gone: access-key {mallory.id}",
        f"gone: access-key {later['AccessKeyId']}",
        f"back: group arn:aws:iam::{account}:group/team",
        f"as it was: user arn:aws:iam::{account}:user/ann",
        f"as it was: policy {arn}",
        f"not put back: access-key {ann.id}",
        f"not put back: access-key {kept['AccessKeyId']}",
    ):
        assert line in dry.stdout.splitlines(), dry.stdout
    assert works(locum, mallory)
    count = len(history(data, "--account-id", account))

    done = run(data, *restore)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[:-1] == dry.stdout.splitlines()[:-1]
    # The server follows.
    wait_for(lambda: not works(locum, mallory), "the account as it was")
    assert not works(locum, Credentials(later["AccessKeyId"], later["SecretAccessKey"]))
    # What was revoked since must not come alive by going back.
    assert not works(locum, ann)
    assert not works(locum, Credentials(kept["AccessKeyId"], kept["SecretAccessKey"]))
    assert iam.get_user(UserName="ann")["User"] == before
    assert [group["GroupName"] for group in iam.list_groups_for_user(UserName="ann")["Groups"]] == ["team"]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"] == "v1"
    refused(lambda: iam.get_user(UserName="mallory"), "NoSuchEntity", "The user with name mallory cannot be found.", 404)
    # It is one change, in the history like any other, and undone like any other.
    events = history(data, "--account-id", account)
    assert len(events) == count + 1
    assert events[-1]["action"] == "locum:RestoreAccount"
    assert run(data, *restore).stdout.splitlines()[-1] == "nothing differs"

    with_credentials = run(data, *restore, "--with-credentials")
    assert with_credentials.returncode == 0, with_credentials.stderr
    wait_for(lambda: works(locum, ann), "the credentials of then")
    assert works(locum, Credentials(kept["AccessKeyId"], kept["SecretAccessKey"]))


def test_there_is_no_going_back_to_before_the_account(locum, data):
    account = account_of(locum)
    for to, why in (
        ("2001-01-01T00:00:00Z", "there was nothing yet"),
        ("soon", "it must be like"),
    ):
        ran = run(data, "account", "restore", "--account-id", account, "--to", to)
        assert ran.returncode in (1, 2)
        assert why in ran.stderr
    then = moment()
    member_id, member = locum.account("member")
    ran = run(data, "account", "restore", "--account-id", member_id, "--to", then)
    assert ran.returncode == 1
    assert "You specified an account that doesn't exist." in ran.stderr
    assert works(locum, member)
