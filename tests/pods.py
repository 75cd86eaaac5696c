"""A server, a Kubernetes cluster that is registered there, and the credentials of a node of it."""

import subprocess

import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    BINARY,
    REGION,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    trusting,
    wait_for,
)
from kubernetes import AUDIENCE, Cluster

NAME = "prod"
CLUSTER_ARN = f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/{NAME}"


def cluster_command(locum, *arguments):
    """Runs `locum cluster` on the data directory of a server that is running."""
    data = locum.server.arguments[locum.server.arguments.index("--data") + 1]
    return subprocess.run(
        [BINARY, "cluster", *map(str, arguments), "--data", data],
        cwd=locum.server.folder,
        env=base_environment(locum.server.folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def register(locum, cluster, name=NAME, account=ACCOUNT, region=REGION):
    ran = cluster_command(
        locum, "register", "--account", account, "--region", region, "--name", name, *cluster.registration()
    )
    assert (ran.returncode, ran.stdout) == (
        0,
        f"registered arn:aws:eks:{region}:{account}:cluster/{name}\n",
    ), ran.stderr


def known(locum, name=NAME, region=REGION):
    try:
        return locum.client("eks", region=region).describe_cluster(name=name)["cluster"]
    except ClientError as error:
        assert error.response["Error"]["Code"] == "ResourceNotFoundException", error
        return None


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """One server for the module: each test has a cluster of its own name there, and roles of its own."""
    folder = tmp_path_factory.mktemp("pods")
    arguments = ("--data", str(folder / "data"), "--account-id", ACCOUNT)
    with Server(folder / "server", *arguments, ephemeral=False) as server:
        yield server
        assert not server.gone(), server.log_text()


@pytest.fixture
def locum(server, monkeypatch):
    clock = Clock()
    clock.install(monkeypatch)
    return Locum(server, clock)


@pytest.fixture
def world(locum, tmp_path):
    """A cluster that is registered, and nothing else: what other tests left is gone."""
    iam = locum.client("iam")
    for role in iam.list_roles()["Roles"]:
        for name in iam.list_role_policies(RoleName=role["RoleName"])["PolicyNames"]:
            iam.delete_role_policy(RoleName=role["RoleName"], PolicyName=name)
        iam.delete_role(RoleName=role["RoleName"])
    for user in iam.list_users()["Users"]:
        for name in iam.list_user_policies(UserName=user["UserName"])["PolicyNames"]:
            iam.delete_user_policy(UserName=user["UserName"], PolicyName=name)
        for key in iam.list_access_keys(UserName=user["UserName"])["AccessKeyMetadata"]:
            iam.delete_access_key(UserName=user["UserName"], AccessKeyId=key["AccessKeyId"])
        iam.delete_user(UserName=user["UserName"])
    eks = locum.client("eks")
    for name in eks.list_clusters()["clusters"]:
        assert cluster_command(locum, "delete", "--account", ACCOUNT, "--name", name).returncode == 0
    wait_for(lambda: not eks.list_clusters()["clusters"], "the server to follow")
    cluster = Cluster(tmp_path / "cluster", locum.clock)
    register(locum, cluster)
    wait_for(lambda: known(locum), "the server to follow")
    yield World(locum, cluster)
    cluster.close()


POD_TRUST = trusting({"Service": AUDIENCE}, ["sts:AssumeRole", "sts:TagSession"])


class World:
    """A cluster, the credentials of a node of it, and roles for pods."""

    def __init__(self, locum, cluster):
        self.locum, self.cluster = locum, cluster
        self.eks = locum.client("eks")
        admin = locum.user("node-admin", allow("sts:AssumeRole"))
        trust = trusting(f"arn:aws:iam::{ACCOUNT}:root")
        role = locum.role("node", trust, allow("eks-auth:AssumeRoleForPodIdentity", CLUSTER_ARN))
        self.node = locum.assume(admin, role, "i-0123")

    def role(self, name, *policies, trust=POD_TRUST):
        return self.locum.role(name, trust, *policies)

    def associate(self, role, namespace="team-a", account="app", **options):
        made = self.eks.create_pod_identity_association(
            clusterName=NAME, namespace=namespace, serviceAccount=account, roleArn=role, **options
        )
        return made["association"]

    def auth(self, token, name=NAME, credentials=None, **options):
        client = self.locum.client("eks-auth", credentials or self.node, **options)
        return client.assume_role_for_pod_identity(clusterName=name, token=token)

    def session(self, *arguments, **changed):
        found = self.auth(self.cluster.token(*arguments, **changed))["credentials"]
        return Credentials(found["accessKeyId"], found["secretAccessKey"], found["sessionToken"])
