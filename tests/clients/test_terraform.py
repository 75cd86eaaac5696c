"""Terraform and its AWS provider, unmodified, manage all of an account.

The configuration is tests/terraform: it is applied, changed in place, imported, and destroyed.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from certificates import certificate, private_pem, saml_metadata, ssh_public_key
from harness import ACCOUNT, ROOT, Clock, Locum, Server, allow, base_environment, trusting

CONFIGURATION = ROOT / "tests/terraform"
PROVIDER = "registry.terraform.io/hashicorp/aws"
TERRAFORM = shutil.which("terraform")
EXTERNAL_ID = "only-we-know"


def mirrors():
    """The folders in which a provider may lie: what is set, Terraform's own, and /opt."""
    home = pathlib.Path.home()
    shared = [pathlib.Path(folder) for folder in os.environ.get("XDG_DATA_DIRS", "/usr/local/share:/usr/share").split(":")]
    data = pathlib.Path(os.environ.get("XDG_DATA_HOME", home / ".local/share"))
    return [
        *([pathlib.Path(os.environ["LOCUM_TF_PLUGINS"])] if "LOCUM_TF_PLUGINS" in os.environ else []),
        home / ".terraform.d/plugins",
        *(folder / "terraform/plugins" for folder in [data, *shared]),
        home / ".terraform.d/plugin-cache",
        pathlib.Path("/opt/tf-plugins"),
    ]


def mirror():
    """The first of them that has version 5 of the AWS provider for this machine."""
    machine = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    target = f"{platform.system().lower()}_{machine}"
    layouts = (f"{PROVIDER}/5.*/{target}/terraform-provider-aws*", f"{PROVIDER}/terraform-provider-aws_5.*_{target}.zip")
    return next((folder for folder in mirrors() if any(list(folder.glob(layout)) for layout in layouts)), None)


# What `cargo xtask test` repeats at its end.
MISSING = (
    "INSTALL Terraform 1.5 or later on the PATH: Terraform was not tested"
    if TERRAFORM is None
    else "INSTALL the Terraform provider hashicorp/aws 5.x (terraform providers mirror FOLDER, then set"
    " LOCUM_TF_PLUGINS=FOLDER): Terraform was not tested"
    if mirror() is None
    else ""
)
# A provider of 700 MB starts for each run, and there are eight.
pytestmark = [pytest.mark.timeout(1200), pytest.mark.skipif(bool(MISSING), reason=MISSING)]


class Terraform:
    """A working folder with the configuration, and runs in it."""

    def __init__(self, folder, locum, credentials, variables):
        self.folder = folder
        shutil.copytree(CONFIGURATION, folder)
        (folder / "terraform.rc").write_text(
            f'provider_installation {{\n  filesystem_mirror {{\n    path = "{mirror()}"\n  }}\n}}\n'
        )
        (folder / "test.auto.tfvars.json").write_text(json.dumps(variables | {"endpoint": locum.server.url}))
        self.environment = (
            base_environment(folder)
            | credentials.environment()
            | {
                "TF_CLI_CONFIG_FILE": str(folder / "terraform.rc"),
                "TF_IN_AUTOMATION": "1",
                "TF_INPUT": "0",
                "CHECKPOINT_DISABLE": "1",
                "AWS_EC2_METADATA_DISABLED": "true",
            }
        )

    def run(self, *arguments, codes=(0,)):
        ran = subprocess.run(
            [TERRAFORM, *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            timeout=300,
            check=False,
        )
        assert ran.returncode in codes, f"{arguments}: {ran.returncode}\n{ran.stdout[-6000:]}\n{ran.stderr[-6000:]}"
        return ran.stdout if ran.returncode == 0 else ran.stdout + ran.stderr

    def apply(self, *arguments):
        """(what was planned: address to action, what came of it: how many were added and so on, outputs)."""
        told = [json.loads(line) for line in self.run("apply", "-auto-approve", "-json", *arguments).splitlines()]
        planned = {
            line["change"]["resource"]["addr"]: line["change"]["action"]
            for line in told
            # What is only looked up is planned, too.
            if line["type"] == "planned_change" and line["change"]["action"] != "read"
        }
        *_, summary = [
            line["changes"] for line in told if line["type"] == "change_summary" and line["changes"]["operation"] == "apply"
        ]
        *_, outputs = [line["outputs"] for line in told if line["type"] == "outputs"]
        return planned, summary, {name: output.get("value") for name, output in outputs.items()}

    def finds_nothing_to_do(self, *arguments):
        """Whether a plan has no changes."""
        return self.run("plan", "-detailed-exitcode", "-no-color", *arguments)

    def state(self):
        """Each managed resource's address and attributes."""
        state = json.loads(self.run("show", "-json"))
        found = state.get("values", {}).get("root_module", {}).get("resources", [])
        return {one["address"]: one["values"] for one in found if one["mode"] == "managed"}


def variables(role):
    """What the configuration asks for: keys and certificates made for this run."""
    key, other = (rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2))
    return {
        "role_arn": role,
        "external_id": EXTERNAL_ID,
        "saml_metadata": saml_metadata(certificate("directory", other)),
        "ssh_public_key": ssh_public_key(key),
        "certificate": certificate("site.example.com", key).strip(),
        "private_key": private_pem(key).strip(),
        "signing_certificate": certificate("alice", other),
    }


# What Terraform takes over by: the id in its `import` block, made of the resource's attributes. Of what is
# not here the provider imports nothing, or not what only the creator knew (a private key, a password).
IMPORTED_BY = {
    "aws_iam_user": lambda v: v["name"],
    "aws_iam_group": lambda v: v["name"],
    "aws_iam_user_group_membership": lambda v: "/".join([v["user"], *v["groups"]]),
    "aws_iam_role": lambda v: v["name"],
    "aws_iam_policy": lambda v: v["arn"],
    "aws_iam_user_policy": lambda v: f"{v['user']}:{v['name']}",
    "aws_iam_group_policy": lambda v: f"{v['group']}:{v['name']}",
    "aws_iam_role_policy": lambda v: f"{v['role']}:{v['name']}",
    "aws_iam_user_policy_attachment": lambda v: f"{v['user']}/{v['policy_arn']}",
    "aws_iam_group_policy_attachment": lambda v: f"{v['group']}/{v['policy_arn']}",
    "aws_iam_role_policy_attachment": lambda v: f"{v['role']}/{v['policy_arn']}",
    "aws_iam_role_policies_exclusive": lambda v: v["role_name"],
    "aws_iam_role_policy_attachments_exclusive": lambda v: v["role_name"],
    "aws_iam_instance_profile": lambda v: v["name"],
    "aws_iam_openid_connect_provider": lambda v: v["arn"],
    "aws_iam_saml_provider": lambda v: v["arn"],
    "aws_iam_service_linked_role": lambda v: v["arn"],
    "aws_iam_account_alias": lambda v: v["account_alias"],
    "aws_iam_account_password_policy": lambda v: "iam-account-password-policy",
    "aws_iam_user_ssh_key": lambda v: f"{v['username']}:{v['ssh_public_key_id']}:SSH",
    "aws_iam_signing_certificate": lambda v: f"{v['certificate_id']}:{v['user_name']}",
}


def left_over(locum):
    """Everything of the account that the test's own preparation has not made."""
    iam = locum.client("iam")
    kept = {"deployer"}
    found = {
        "users": [one["UserName"] for one in iam.list_users()["Users"]],
        "groups": [one["GroupName"] for one in iam.list_groups()["Groups"]],
        "roles": [one["RoleName"] for one in iam.list_roles()["Roles"]],
        "policies": [one["PolicyName"] for one in iam.list_policies(Scope="Local")["Policies"]],
        "devices": [one["SerialNumber"] for one in iam.list_virtual_mfa_devices()["VirtualMFADevices"]],
        "profiles": [one["InstanceProfileName"] for one in iam.list_instance_profiles()["InstanceProfiles"]],
        "oidc": [one["Arn"] for one in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]],
        "saml": [one["Arn"] for one in iam.list_saml_providers()["SAMLProviderList"]],
        "certificates": [
            one["ServerCertificateName"] for one in iam.list_server_certificates()["ServerCertificateMetadataList"]
        ],
        "aliases": iam.list_account_aliases()["AccountAliases"],
    }
    return {kind: left for kind, names in found.items() if (left := [name for name in names if name not in kept])}


def ids(state):
    """The ids that are the server's. Those of attachments and memberships the provider makes up."""
    made_up = ("_attachment", "_membership")
    return {
        address: values.get("id") for address, values in state.items() if not address.split(".")[0].endswith(made_up)
    }


def test_a_configuration_is_applied_changed_imported_and_destroyed(tmp_path):
    with Server(tmp_path / "server") as server:
        locum = Locum(server, Clock())
        deployer = locum.user("deployer", allow("*"))
        statement = trusting(
            f"arn:aws:iam::{ACCOUNT}:user/deployer",
            ["sts:AssumeRole", "sts:TagSession"],
            Condition={"StringEquals": {"sts:ExternalId": EXTERNAL_ID}},
        )
        role = locum.role("deployer", statement, allow("iam:*"))
        terraform = Terraform(tmp_path / "work", locum, deployer, variables(role))
        terraform.run("init", "-no-color")
        wrong = terraform.run("plan", "-no-color", "-var=external_id=guessed", codes=(1,))
        assert "is not authorized to perform: sts:AssumeRole" in " ".join(wrong.split())

        planned, summary, outputs = terraform.apply()
        assert set(planned.values()) == {"create"}
        assert (summary["add"], summary["change"], summary["remove"]) == (len(planned), 0, 0)
        assert outputs["assumed"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/deployer/terraform"
        assert [name for name, found in outputs["looked_up"].items() if not found] == []
        terraform.finds_nothing_to_do()
        created = terraform.state()

        planned, summary, _ = terraform.apply("-var=changed=true")
        assert {address for address, action in planned.items() if action != "update"} == set()
        assert (summary["add"], summary["remove"]) == (0, 0)
        terraform.finds_nothing_to_do("-var=changed=true")
        changed = terraform.state()
        assert changed.keys() == created.keys()
        # A rename or another path makes no new entity.
        kept = [("aws_iam_user.alice", "unique_id"), ("aws_iam_user.bob", "unique_id"), ("aws_iam_group.renamed", "unique_id")]
        assert [changed[address][name] for address, name in kept] == [created[address][name] for address, name in kept]

        importable = {address: values for address, values in changed.items() if address.split(".")[0] in IMPORTED_BY}
        blocks = [
            f'import {{\n  to = {address}\n  id = "{IMPORTED_BY[address.split(".")[0]](values)}"\n}}\n'
            for address, values in importable.items()
        ]
        terraform.run("state", "rm", *importable)
        (terraform.folder / "import.tf").write_text("".join(blocks))
        planned, summary, _ = terraform.apply("-var=changed=true")
        # `force_destroy` and the like stand in the state only: the provider updates nothing on the server.
        assert {address for address, action in planned.items() if action not in ("import", "update")} == set()
        assert (summary["add"], summary["remove"], summary["import"]) == (0, 0, len(importable))
        imported = terraform.state()
        assert ids(imported) == ids(changed)
        terraform.finds_nothing_to_do("-var=changed=true")

        terraform.run("destroy", "-auto-approve", "-no-color", "-var=changed=true")
        assert terraform.state() == {}
        assert left_over(locum) == {}

