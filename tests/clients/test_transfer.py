"""Whole accounts in and out: `locum import` and `locum export`, seen through boto3 and the AWS CLI."""

import json
import subprocess
import time

import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    BINARY,
    Clock,
    Credentials,
    Locum,
    ROOT_CREDENTIALS,
    Server,
    allow,
    base_environment,
    policy,
    trusting,
    wait_for,
)

OLD = "111122223333"
CREATED = "2020-01-02T03:04:05+00:00"


def run(folder, *arguments, stdin=None):
    """Runs `locum` with these arguments."""
    folder.mkdir(parents=True, exist_ok=True)
    return subprocess.run(
        [BINARY, *map(str, arguments)],
        cwd=folder,
        env=base_environment(folder),
        input=stdin,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def data_of(durable):
    arguments = durable.server.arguments
    return arguments[arguments.index("--data") + 1]


@pytest.fixture
def durable(tmp_path, monkeypatch):
    """A server of its own on a data directory, with the account of the other tests."""
    clock = Clock()
    clock.install(monkeypatch)
    arguments = ("--data", str(tmp_path / "data"), "--account-id", ACCOUNT)
    with Server(tmp_path / "server", *arguments, ephemeral=False) as server:
        yield Locum(server, clock)


@pytest.fixture
def empty(tmp_path):
    """A data directory with an account in which nothing is."""
    made = run(tmp_path / "empty", "init", "--data", tmp_path / "empty/data", "--account-id", "999999999999")
    assert made.returncode == 0, made.stderr
    return tmp_path / "empty/data"


def arn(resource, account=OLD):
    return f"arn:aws:iam::{account}:{resource}"


def holder(kind, name, **more):
    return {
        "Path": "/",
        f"{kind}Name": name,
        f"{kind}Id": "AIDAJQABLZS4A3QDU576Q",
        "Arn": arn(f"{kind.lower()}/{name}"),
        "CreateDate": CREATED,
        "AttachedManagedPolicies": [],
        **more,
    }


def attached(*names):
    return [{"PolicyName": name, "PolicyArn": arn(f"policy/{name}")} for name in names]


def managed(name, text):
    version = {"Document": text, "VersionId": "v1", "IsDefaultVersion": True, "CreateDate": CREATED}
    return {
        "PolicyName": name,
        "PolicyId": "ANPAJQABLZS4A3QDU576Q",
        "Arn": arn(f"policy/{name}"),
        "Path": "/",
        "DefaultVersionId": "v1",
        "IsAttachable": True,
        "CreateDate": CREATED,
        "UpdateDate": CREATED,
        "PolicyVersionList": [version],
    }


def document(*statements):
    return json.loads(policy(*statements))


def dump(users=(), groups=(), roles=(), policies=()):
    return {
        "UserDetailList": list(users),
        "GroupDetailList": list(groups),
        "RoleDetailList": list(roles),
        "Policies": list(policies),
    }


def small():
    trust = document(trusting({"AWS": arn("user/alice")}))
    return dump(
        [holder("User", "alice", GroupList=["devs"])],
        [holder("Group", "devs", GroupPolicyList=[], AttachedManagedPolicies=attached("assume"))],
        [
            holder(
                "Role",
                "deploy",
                AssumeRolePolicyDocument=trust,
                RolePolicyList=[{"PolicyName": "s3", "PolicyDocument": document(allow("s3:*"))}],
                InstanceProfileList=[],
                Tags=[{"Key": "team", "Value": "a"}],
            )
        ],
        [managed("assume", document(allow("sts:AssumeRole", arn("role/deploy"))))],
    )


def written(folder, value):
    folder.mkdir(exist_ok=True)
    path = folder / "account.json"
    path.write_text(json.dumps(value, indent=4))
    return path


def test_an_account_of_aws_works_here(durable, tmp_path):
    account = small()
    file = written(tmp_path, account)
    arguments = ("import", "aws-authorization-details", file, "--data", data_of(durable))
    dry = run(tmp_path, *arguments, "--dry-run")
    assert dry.returncode == 0, dry.stderr
    assert dry.stdout.splitlines() == [
        "created policy assume",
        "created group devs",
        "created role deploy",
        "created user alice",
        f"note: 2 account ids in documents: {OLD} became {ACCOUNT}",
        f"account {ACCOUNT}: 4 created, 0 changed, 0 unchanged, 0 refused; nothing was changed",
    ]
    iam = durable.client("iam")
    assert iam.list_users()["Users"] == []
    ran = run(tmp_path, *arguments)
    assert (ran.returncode, ran.stdout) == (
        0,
        f"note: 2 account ids in documents: {OLD} became {ACCOUNT}\n"
        f"account {ACCOUNT}: 4 created, 0 changed, 0 unchanged, 0 refused\n",
    )
    wait_for(lambda: iam.list_users()["Users"], "the server to follow")
    # Who was allowed there is allowed here, and who was not is not.
    alice = Credentials.of(iam.create_access_key(UserName="alice"))
    session = durable.assume(alice, arn("role/deploy", ACCOUNT))
    assert durable.client("s3", session).list_buckets()["Buckets"] == []
    with pytest.raises(ClientError) as denied:
        durable.client("s3", alice).list_buckets()
    assert denied.value.response["Error"]["Code"] == "AccessDenied"
    role = iam.get_role(RoleName="deploy")["Role"]
    assert role["AssumeRolePolicyDocument"] == document(trusting({"AWS": arn("user/alice", ACCOUNT)}))
    assert (role["CreateDate"].isoformat(), role["Tags"]) == (CREATED, [{"Key": "team", "Value": "a"}])
    # What differs is shown, document by document.
    statement = account["RoleDetailList"][0]["RolePolicyList"][0]["PolicyDocument"]["Statement"][0]
    statement["Action"] = "s3:Get*"
    other = written(tmp_path / "other", account)
    differing = (*arguments[:2], other, *arguments[3:])
    ran = run(tmp_path, *differing)
    assert ran.returncode == 1
    assert ran.stdout.startswith(
        "refused role deploy\n    it differs from the one that is there (--overwrite replaces it)\n"
    )
    ran = run(tmp_path, *differing, "--overwrite", "--dry-run")
    assert ran.returncode == 0
    assert '    -             "Action": "s3:*",\n    +             "Action": "s3:Get*",\n' in ran.stdout, ran.stdout
    again = run(tmp_path, *arguments, "--format", "json")
    report = json.loads(again.stdout)
    assert (report["unchanged"], report["created"], report["imported"]) == (4, 0, True)


def test_a_refused_import_changes_nothing(durable, tmp_path):
    account = small()
    account["UserDetailList"][0]["GroupList"] = ["none"]
    file = written(tmp_path, account)
    arguments = ("import", "aws-authorization-details", file, "--data", data_of(durable))
    for more in ([], ["--dry-run"]):
        ran = run(tmp_path, *arguments, *more)
        assert ran.returncode == 1
        assert "refused user alice\n    there is no group `none`\n" in ran.stdout
    assert durable.client("iam").list_roles()["Roles"] == []
    for broken, why in (
        ("{}", "has none of UserDetailList, GroupDetailList, RoleDetailList and Policies"),
        ("{", "EOF while parsing"),
    ):
        file.write_text(broken)
        ran = run(tmp_path, *arguments)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert why in ran.stderr
    ran = run(tmp_path, *arguments[:2], tmp_path / "absent.json", "--data", data_of(durable))
    assert ran.returncode == 2 and "cannot be read" in ran.stderr
    file.write_text(json.dumps(small()))
    ran = run(tmp_path, *arguments, "--account", "000000000001")
    assert ran.returncode == 1 and "there is no account 000000000001" in ran.stderr


def test_what_the_aws_cli_prints_of_one_realm_makes_another(durable, tmp_path, empty):
    iam = durable.client("iam")
    durable.user("alice", allow("sts:AssumeRole"))
    iam.create_group(GroupName="devs")
    iam.add_user_to_group(GroupName="devs", UserName="alice")
    iam.attach_group_policy(GroupName="devs", PolicyArn="arn:aws:iam::aws:policy/ReadOnlyAccess")
    durable.role("deploy", trusting({"AWS": arn("user/alice", ACCOUNT)}), allow("s3:*"))
    iam.create_policy(PolicyName="limit", PolicyDocument=policy(allow("s3:Get*")))
    iam.put_user_permissions_boundary(UserName="alice", PermissionsBoundary=arn("policy/limit", ACCOUNT))
    printed = durable.aws_json("iam", "get-account-authorization-details", credentials=ROOT_CREDENTIALS)
    file = written(tmp_path, printed)
    ran = run(tmp_path, "import", "aws-authorization-details", file, "--data", empty)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    exported = run(tmp_path, "export", "--data", empty)
    assert exported.returncode == 0, exported.stderr
    account = json.loads(exported.stdout)
    (user,) = account["UserDetailList"]
    assert user["GroupList"] == ["devs"]
    assert user["PermissionsBoundary"]["PermissionsBoundaryArn"] == arn("policy/limit", "999999999999")
    (role,) = account["RoleDetailList"]
    principal = role["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]
    assert principal == {"AWS": arn("user/alice", "999999999999")}


def without_ids(value):
    """An export without what an import makes anew."""
    if isinstance(value, dict):
        made_anew = {"UserId", "GroupId", "RoleId", "PolicyId", "InstanceProfileId", "LeftOut"}
        return {key: without_ids(member) for key, member in value.items() if key not in made_anew}
    return [without_ids(item) for item in value] if isinstance(value, list) else value


def test_an_export_makes_the_same_account(durable, tmp_path):
    file = written(tmp_path, small())
    ran = run(tmp_path, "import", "aws-authorization-details", file, "--data", data_of(durable))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    ran = run(tmp_path, "export", "--data", data_of(durable), "--output", first)
    assert (ran.returncode, ran.stdout) == (0, "")
    assert ran.stderr == "left out: 1 of the kind access-key\n"
    assert first.stat().st_mode & 0o777 == 0o600
    other = tmp_path / "other"
    assert run(tmp_path, "init", "--data", other, "--account-id", ACCOUNT).returncode == 0
    ran = run(tmp_path, "import", "account", "-", "--data", other, stdin=first.read_text())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert run(tmp_path, "export", "--data", other, "--output", second).returncode == 0
    assert without_ids(json.loads(first.read_text())) == without_ids(json.loads(second.read_text()))
    ran = run(tmp_path, "import", "account", file, "--data", other)
    assert ran.returncode == 2 and "is no export of a locum" in ran.stderr


def test_a_large_account_comes_whole(durable, tmp_path):
    """5,000 users, 5,000 roles and 1,500 policies: imported at once, and paged through to the end."""
    users, roles, policies = 5000, 5000, 1500
    trust = document(trusting({"AWS": f"arn:aws:iam::{OLD}:root"}))
    inline = document(allow("s3:GetObject", "arn:aws:s3:::bucket/${aws:username}/*"))
    account = dump(
        [
            holder(
                "User",
                f"user-{place:04}",
                GroupList=[f"group-{place % 300}"],
                AttachedManagedPolicies=attached(f"policy-{place % policies}"),
                UserPolicyList=[{"PolicyName": "own", "PolicyDocument": inline}],
            )
            for place in range(users)
        ],
        [holder("Group", f"group-{place}", GroupPolicyList=[]) for place in range(300)],
        [
            holder(
                "Role",
                f"role-{place:04}",
                AssumeRolePolicyDocument=trust,
                RolePolicyList=[],
                InstanceProfileList=[],
                AttachedManagedPolicies=attached(*(f"policy-{(place + one) % policies}" for one in range(5))),
            )
            for place in range(roles)
        ],
        [managed(f"policy-{place}", inline) for place in range(policies)],
    )
    file = written(tmp_path, account)
    arguments = ("import", "aws-authorization-details", file, "--data", data_of(durable))
    refused = run(tmp_path, *arguments)
    assert refused.returncode == 1
    assert "Cannot exceed quota for RolesPerAccount: 1000 (this makes 5000; " in refused.stdout
    began = time.monotonic()
    ran = run(tmp_path, *arguments, "--raise-quotas")
    took = time.monotonic() - began
    assert ran.returncode == 0, ran.stdout[-2000:] + ran.stderr
    print(f"\nimported {file.stat().st_size >> 20} MiB in {took:.1f} s")
    iam = durable.client("iam")
    wait_for(lambda: iam.list_users(MaxItems=1)["Users"], "the server to follow")
    for operation, key, count, options in (
        ("list_users", "Users", users, {}),
        ("list_roles", "Roles", roles, {}),
        ("list_groups", "Groups", 300, {}),
        ("list_policies", "Policies", policies, {"Scope": "Local"}),
    ):
        began = time.monotonic()
        pages = iam.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1000}, **options)
        names = [item[f"{key[:-1].replace('Policie', 'Policy')}Name"] for page in pages for item in page[key]]
        print(f"{operation}: {len(names)} in {time.monotonic() - began:.1f} s")
        assert len(set(names)) == len(names) == count
