"""The main job, step by step, as a newcomer with the AWS CLI does it."""

import json

import pytest
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    Credentials,
    allow,
    cli_error,
    no_identity_policy,
    not_authorized,
    not_authorized_at_s3,
    policy,
)

BUCKET = "425magfiles"
USER = f"arn:aws:iam::{ACCOUNT}:user/sts-user"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/sts_role"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/sts_role/reading"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"


def trust(principal):
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"}],
        }
    )


@pytest.fixture
def before(locum, tmp_path):
    """What root makes first: the user with a key and no policies, the bucket and its object."""
    magazine = tmp_path / "issue.txt"
    magazine.write_text("the magazine's pages\n")
    for command in (
        ["iam", "create-user", "--user-name", "sts-user"],
        ["s3", "mb", f"s3://{BUCKET}"],
        ["s3", "cp", magazine, f"s3://{BUCKET}/issue.txt"],
    ):
        ran = locum.aws(*command, credentials=ROOT_CREDENTIALS)
        assert ran.returncode == 0, ran.stderr
    key = locum.aws_json("iam", "create-access-key", "--user-name", "sts-user", credentials=ROOT_CREDENTIALS)
    assert key["AccessKey"]["Status"] == "Active"
    return Credentials.of(key)


@pytest.fixture
def role(locum, before):
    """The role: made trusting the account, then narrowed to the one user, who is given the permission."""
    made = locum.aws_json(
        *("iam", "create-role", "--role-name", "sts_role"),
        *("--assume-role-policy-document", trust(f"arn:aws:iam::{ACCOUNT}:root")),
        credentials=ROOT_CREDENTIALS,
    )
    assert made["Role"]["Arn"] == ROLE
    for command in (
        ["attach-role-policy", "--role-name", "sts_role", "--policy-arn", READ_ONLY],
        ["update-assume-role-policy", "--role-name", "sts_role", "--policy-document", trust(USER)],
        [
            *("put-user-policy", "--user-name", "sts-user", "--policy-name", "assume"),
            *("--policy-document", policy(allow("sts:AssumeRole", ROLE))),
        ],
    ):
        ran = locum.aws("iam", *command, credentials=ROOT_CREDENTIALS)
        assert ran.returncode == 0, ran.stderr
    return before


def denied_listing(principal):
    return (
        "AccessDenied",
        "ListObjectsV2",
        not_authorized_at_s3(principal, "s3:ListBucket", f"arn:aws:s3:::{BUCKET}", no_identity_policy("s3:ListBucket")),
    )


def test_before_the_role(locum, before):
    assert cli_error(locum.aws("s3", "ls", f"s3://{BUCKET}", credentials=before)) == denied_listing(USER)


def test_after_assuming_the_role(locum, role, tmp_path):
    # The user's own key still opens nothing.
    assert cli_error(locum.aws("s3", "ls", f"s3://{BUCKET}", credentials=role)) == denied_listing(USER)

    answer = locum.aws_json(
        "sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "reading", credentials=role
    )
    assert set(answer) == {"Credentials", "AssumedRoleUser"}
    assert answer["AssumedRoleUser"]["Arn"] == SESSION
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":reading")
    assert answer["Credentials"]["AccessKeyId"].startswith("ASIA")
    session = Credentials.of(answer)
    exported = session.environment()
    assert set(exported) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"}

    identity = locum.aws_json("sts", "get-caller-identity", environment=exported)
    assert identity["Arn"] == SESSION
    assert identity["Account"] == ACCOUNT
    assert identity["UserId"] == answer["AssumedRoleUser"]["AssumedRoleId"]

    listing = locum.aws("s3", "ls", f"s3://{BUCKET}", environment=exported)
    assert listing.returncode == 0, listing.stderr
    assert listing.stdout.split()[2:] == ["21", "issue.txt"]

    copy = tmp_path / "copy.txt"
    download = locum.aws("s3", "cp", f"s3://{BUCKET}/issue.txt", copy, environment=exported)
    assert download.returncode == 0, download.stderr
    assert copy.read_text() == "the magazine's pages\n"

    upload = locum.aws(
        "s3api", "put-object", "--bucket", BUCKET, "--key", "new.txt", "--body", copy, environment=exported
    )
    assert cli_error(upload) == (
        "AccessDenied",
        "PutObject",
        not_authorized_at_s3(
            SESSION, "s3:PutObject", f"arn:aws:s3:::{BUCKET}/new.txt", no_identity_policy("s3:PutObject")
        ),
    )


def test_expired_and_denied_again(locum, role):
    answer = locum.aws_json(
        *("sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "reading", "--duration-seconds", "900"),
        credentials=role,
    )
    exported = Credentials.of(answer).environment()
    listing = locum.aws("s3", "ls", f"s3://{BUCKET}", environment=exported)
    assert listing.returncode == 0, listing.stderr
    locum.advance(901)
    listing = locum.aws("s3", "ls", f"s3://{BUCKET}", environment=exported, faketime=901)
    assert cli_error(listing) == ("ExpiredToken", "ListObjectsV2", "The provided token has expired.")
    identity = locum.aws("sts", "get-caller-identity", environment=exported, faketime=901)
    assert cli_error(identity) == (
        "ExpiredToken",
        "GetCallerIdentity",
        "The security token included in the request is expired",
    )


def test_through_a_profile(locum, role, tmp_path):
    """No step by hand: the profile names the role and the profile whose key assumes it."""
    (tmp_path / "aws-credentials").write_text(
        f"[sts-user]\naws_access_key_id = {role.id}\naws_secret_access_key = {role.secret}\n"
    )
    (tmp_path / "aws-config").write_text(
        f"[profile reader]\nrole_arn = {ROLE}\nsource_profile = sts-user\nrole_session_name = reading\n"
    )
    identity = locum.aws_json("sts", "get-caller-identity", "--profile", "reader", home=tmp_path)
    assert identity["Arn"] == SESSION
    listing = locum.aws("s3", "ls", f"s3://{BUCKET}", "--profile", "reader", home=tmp_path)
    assert listing.returncode == 0, listing.stderr
    assert listing.stdout.split()[2:] == ["21", "issue.txt"]
    download = locum.aws("s3", "cp", f"s3://{BUCKET}/issue.txt", "-", "--profile", "reader", home=tmp_path)
    assert (download.returncode, download.stdout) == (0, "the magazine's pages\n"), download.stderr
    upload = locum.aws("s3", "cp", "-", f"s3://{BUCKET}/n.txt", "--profile", "reader", home=tmp_path, stdin="x")
    assert upload.returncode == 1
    sentence = not_authorized_at_s3(
        SESSION, "s3:PutObject", f"arn:aws:s3:::{BUCKET}/n.txt", no_identity_policy("s3:PutObject")
    )
    assert sentence in upload.stderr
    # The same profile's source alone is refused.
    listing = locum.aws("s3", "ls", f"s3://{BUCKET}", "--profile", "sts-user", home=tmp_path)
    assert cli_error(listing) == denied_listing(USER)


def test_the_narrowed_trust_keeps_others_out(locum, role):
    other = locum.user("other", allow("sts:AssumeRole"))
    ran = locum.aws("sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "reading", credentials=other)
    assert cli_error(ran) == (
        "AccessDenied",
        "AssumeRole",
        not_authorized(f"arn:aws:iam::{ACCOUNT}:user/other", "sts:AssumeRole", ROLE),
    )


def test_root_assumes_no_role(locum, role):
    ran = locum.aws(
        "sts", "assume-role", "--role-arn", ROLE, "--role-session-name", "reading", credentials=ROOT_CREDENTIALS
    )
    assert cli_error(ran) == ("AccessDenied", "AssumeRole", "Roles may not be assumed by root accounts.")
