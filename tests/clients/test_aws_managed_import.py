"""AWS-managed policies from a user's own dump: every account knows them, and they are in force where attached."""

import json
import subprocess

import pytest
from harness import (
    BINARY,
    Locum,
    Server,
    allow,
    base_environment,
    no_identity_policy,
    not_authorized_at_s3,
    policy,
    refused,
    trusting,
    wait_for,
)

PREFIX = "arn:aws:iam::aws:policy/"
READ_ONLY = PREFIX + "AmazonS3ReadOnlyAccess"


def run(data, *arguments, stdin=None):
    return subprocess.run(
        [str(BINARY), "import", "aws-managed-policies", *arguments, "--data", str(data)],
        env=base_environment(data.parent),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        input=stdin,
    )


def dumped(resource, document, version="v1", **more):
    return {
        "PolicyName": resource.rsplit("/")[-1],
        "Arn": PREFIX + resource,
        "DefaultVersionId": version,
        "CreateDate": "2024-01-01T00:00:00+00:00",
        "PolicyVersionList": [
            {
                "Document": json.loads(document),
                "VersionId": version,
                "IsDefaultVersion": True,
                "CreateDate": "2025-01-01T00:00:00+00:00",
            }
        ],
    } | more


@pytest.fixture
def data(tmp_path):
    return tmp_path / "data"


@pytest.fixture
def locum(tmp_path, data):
    with Server(tmp_path / "server", "--data", str(data), ephemeral=False) as server:
        yield Locum(server)


def test_imported_policies_are_attached_and_in_force(locum, data, tmp_path):
    iam = locum.client("iam")
    ann = locum.user("ann")
    iam.attach_user_policy(UserName="ann", PolicyArn=READ_ONLY)
    locum.client("s3", ann).list_buckets()
    new = PREFIX + "service-role/AWSLambdaBasicExecutionRole"
    refused(
        lambda: iam.attach_user_policy(UserName="ann", PolicyArn=new),
        "NoSuchEntity",
        f"Policy {new} does not exist or is not attachable.",
        404,
    )
    file = tmp_path / "dump.json"
    dump = {
        "Policies": [
            dumped("service-role/AWSLambdaBasicExecutionRole", policy(allow("logs:*")), PolicyId="ANPAJNCQGXC42545SKXIK"),
            dumped("AmazonS3ReadOnlyAccess", policy(allow("s3:GetObject")), "v9"),
            {"PolicyName": "own", "Arn": "arn:aws:iam::123456789012:policy/own"},
        ]
    }
    file.write_text(json.dumps(dump))

    dry = run(data, str(file), "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert f"new: {new}" in dry.stdout
    assert f"changed: {READ_ONLY}" in dry.stdout
    assert dry.stdout.splitlines()[-1] == "1 new, 1 changed, 0 unchanged, 0 refused, 1 not AWS's; nothing was changed"
    locum.client("s3", ann).list_buckets()

    done = run(data, str(file))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "1 new, 1 changed, 0 unchanged, 0 refused, 1 not AWS's\n"

    def known():
        answer = iam.list_policies(Scope="AWS", PathPrefix="/service-role/")["Policies"]
        return [found["Arn"] for found in answer] == [new]

    wait_for(known, "the server to know the policy")
    described = iam.get_policy(PolicyArn=new)["Policy"]
    assert described["PolicyId"] == "ANPAJNCQGXC42545SKXIK"
    assert described["CreateDate"].isoformat() == "2024-01-01T00:00:00+00:00"
    version = iam.get_policy_version(PolicyArn=READ_ONLY, VersionId="v9")["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == "s3:GetObject"
    # Who had the built-in one has this now.
    refused(
        lambda: locum.client("s3", ann).list_buckets(),
        "AccessDenied",
        not_authorized_at_s3(
            iam.get_user(UserName="ann")["User"]["Arn"],
            "s3:ListAllMyBuckets",
            "arn:aws:s3:::*",
            no_identity_policy("s3:ListAllMyBuckets"),
        ),
    )
    iam.attach_user_policy(UserName="ann", PolicyArn=new)
    iam.create_role(RoleName="r", AssumeRolePolicyDocument=policy(trusting("*")))
    iam.put_role_permissions_boundary(RoleName="r", PermissionsBoundary=new)
    # Nobody but AWS, and who imports, changes it.
    refused(
        lambda: iam.create_policy_version(PolicyArn=new, PolicyDocument=policy(allow("*"))),
        "AccessDenied",
        "AWS managed policies cannot be modified",
    )
    again = run(data, str(file))
    assert again.stdout == "0 new, 0 changed, 2 unchanged, 0 refused, 1 not AWS's\n"


def test_they_are_there_after_a_restart(tmp_path, data):
    with Server(tmp_path / "one", "--data", str(data), ephemeral=False) as server:
        iam = Locum(server).client("iam")
        iam.create_user(UserName="ann")
        text = json.dumps([dumped("New", policy(allow("iam:GetUser")))])
        assert run(data, "-", stdin=text).returncode == 0
        wait_for(lambda: len(iam.list_policies(Scope="AWS", MaxItems=1000)["Policies"]) > 43, "the policy")
        iam.attach_user_policy(UserName="ann", PolicyArn=PREFIX + "New")
    with Server(tmp_path / "two", "--data", str(data), ephemeral=False) as server:
        iam = Locum(server).client("iam")
        attached = iam.list_attached_user_policies(UserName="ann")["AttachedPolicies"]
        assert attached == [{"PolicyName": "New", "PolicyArn": PREFIX + "New"}]


def test_all_are_imported_or_none(locum, data):
    good, bad = dumped("Good", policy(allow("s3:*"))), dumped("Bad", '{"Statement": []}')
    ran = run(data, "-", "--format", "json", stdin=json.dumps([good, bad]))
    assert ran.returncode == 1
    answer = json.loads(ran.stdout)
    assert answer["imported"] is False
    assert answer["refused"] == [f"{PREFIX}Bad: Syntax errors in policy."]
    refused(
        lambda: locum.client("iam").get_policy(PolicyArn=PREFIX + "Good"),
        "NoSuchEntity",
        f"Policy {PREFIX}Good was not found.",
        404,
    )
    for text in ("", "{}", "[{}]", '{"Policies": 1}'):
        ran = run(data, "-", stdin=text)
        assert ran.returncode == 2, text
