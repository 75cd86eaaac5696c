"""What an operator lays down for accounts: role templates and quotas, on a directory that a server runs on."""

import json
import subprocess

from botocore.exceptions import ClientError
from harness import ACCOUNT, BINARY, allow, base_environment, refused, trusting, wait_for

ARN = "arn:aws:iam::aws:role-template/reader"
EC2 = trusting({"Service": "ec2.amazonaws.com"})
TEMPLATE = {
    "TemplateArn": ARN,
    "TemplateName": "reader",
    "MajorVersion": 1,
    "DefaultMinorVersion": 1,
    "ManagedByType": "Service",
    "ManagedByValue": "lake.amazonaws.com",
    "Enabled": True,
    "MinorVersion": 1,
    "RoleNamePattern": "Reader-@{Team}",
    "RolePathPattern": "/lake/",
    "AssumeRolePolicyDocumentTemplate": {"Version": "2012-10-17", "Statement": [EC2]},
    "InlinePolicyTemplates": [
        {
            "PolicyName": "read",
            "PolicyDocument": {
                "Version": "2012-10-17",
                "Statement": [allow("s3:GetObject", "arn:aws:s3:::@{Buckets}/*")],
            },
        }
    ],
    "ParametersDefinition": [
        {"Name": "Team", "Type": "String", "IsRequired": True},
        {"Name": "Buckets", "Type": "StringList", "IsRequired": True},
    ],
    "RoleTagsTemplate": [{"Key": "team", "Value": "@{Team}"}],
    "VersionEnabled": True,
}


def command(durable, *arguments, stdin=None):
    """Runs a command on the data directory of a server that is running."""
    data = durable.server.arguments[durable.server.arguments.index("--data") + 1]
    return subprocess.run(
        [BINARY, *map(str, arguments), "--data", data],
        cwd=durable.server.folder,
        env=base_environment(durable.server.folder),
        capture_output=True,
        input=stdin,
        text=True,
        timeout=60,
        check=False,
    )


def there(iam):
    try:
        return iam.get_role_template_version(TemplateArn=ARN)["RoleTemplateVersion"]
    except ClientError as error:
        assert error.response["Error"]["Code"] == "NoSuchEntity"
        return None


def test_a_role_of_a_template(durable):
    iam = durable.client("iam")
    ran = command(durable, "role-template", "import", "-", stdin=json.dumps({"RoleTemplateVersion": TEMPLATE}))
    assert (ran.returncode, ran.stdout) == (0, f"{ARN}, versions 1 (default)\n"), ran.stderr
    wait_for(lambda: there(iam), "the server follows")
    got = there(iam)
    times = {got.pop("CreateTimestamp"), got.pop("UpdateTimestamp")}
    assert len(times) == 1
    shown = [{"IsRequired": True, "Immutable": False} | it for it in TEMPLATE["ParametersDefinition"]]
    assert got == TEMPLATE | {"ManagedPolicyArns": [], "ParametersDefinition": shown}

    hostile = 'x"],"Action":"*","Resource":["*'
    values = {"Team": {"Values": ["blue"]}, "Buckets": {"Values": ["one", hostile]}}
    role = iam.acquire_role(TemplateArn=ARN, ReplacementValues=values)["Role"]
    assert role["Arn"].endswith(":role/lake/Reader-blue")
    assert role["SourceRoleTemplate"] == {"TemplateArn": ARN, "TemplateMinorVersion": 1}
    assert role["Tags"] == [{"Key": "team", "Value": "blue"}]
    inline = iam.get_role_policy(RoleName="Reader-blue", PolicyName="read")["PolicyDocument"]
    resources = [f"arn:aws:s3:::{bucket}/*" for bucket in ("one", hostile)]
    assert inline["Statement"] == [allow("s3:GetObject", resources)]

    taken = "The role name Reader-blue conflicts with an existing role in the account."
    again = lambda: iam.acquire_role(TemplateArn=ARN, ReplacementValues=values)  # noqa: E731
    refused(again, "NameConflict", taken, 409)
    off = command(durable, "role-template", "import", "-", stdin=json.dumps(TEMPLATE | {"Enabled": False}))
    assert (off.returncode, off.stdout) == (0, f"{ARN}, versions 1 (default), disabled\n"), off.stderr
    wait_for(lambda: not there(iam)["Enabled"], "the server follows")
    refused(again, "RoleTemplateDisabled", f"The role template {ARN} is disabled.", 400)
    assert command(durable, "role-template", "remove", ARN).stdout == f"forgot {ARN}\n"
    wait_for(lambda: there(iam) is None, "the server follows")
    assert iam.get_role(RoleName="Reader-blue")["Role"]["SourceRoleTemplate"]["TemplateArn"] == ARN
    assert command(durable, "role-template", "remove", ARN).returncode == 1
    assert command(durable, "role-template", "import", "-", stdin="{}").returncode == 1
    assert command(durable, "role-template", "list").stdout == ""


def test_a_quota_is_set_while_a_server_runs(durable):
    iam = durable.client("iam")
    account = durable.client("sts").get_caller_identity()["Account"]
    assert account == ACCOUNT or len(account) == 12
    of_account = ("--account", account, "--name", "GroupsPerAccount")
    ran = command(durable, "quota", "set", *of_account, "--value", 1)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "GroupsPerAccount: 1\n", "")
    iam.create_group(GroupName="one")
    full = "Cannot exceed quota for GroupsPerAccount: 1"

    def is_full():
        try:
            iam.create_group(GroupName="two")
        except ClientError as error:
            assert error.response["Error"]["Code"] == "LimitExceeded"
            return True
        iam.delete_group(GroupName="two")
        return False

    wait_for(is_full, "the server follows")
    refused(lambda: iam.create_group(GroupName="two"), "LimitExceeded", full, 409)
    listed = json.loads(command(durable, "quota", "list", *of_account, "--format", "json").stdout)
    assert listed == [{"name": "GroupsPerAccount", "value": 1, "default": 300}]
    more = command(durable, "quota", "set", *of_account, "--value", 501)
    assert (more.returncode, more.stdout) == (0, "GroupsPerAccount: 501\n")
    assert more.stderr.startswith("warning: AWS raises GroupsPerAccount to 500 at most"), more.stderr
    much = command(durable, "quota", "set", *of_account, "--value", 1_000_001)
    assert (much.returncode, "it can be 1000000 at most" in much.stderr) == (1, True)
    unknown = command(durable, "quota", "set", "--account", "999999999999", *of_account[2:], "--value", 1)
    assert (unknown.returncode, "there is no such account" in unknown.stderr) == (1, True)
    assert command(durable, "quota", "set", "--account", account, "--name", "Nothing", "--value", 1).returncode == 2
    assert command(durable, "quota", "reset", *of_account).stdout == "GroupsPerAccount: 300\n"
    wait_for(lambda: not is_full(), "the server follows")
