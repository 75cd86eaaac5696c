"""Clusters that an operator registered, and Pod Identity associations, seen through boto3 and the AWS CLI."""

import base64
import datetime
import json
import pathlib
import re

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNT, REGION, allow, no_identity_policy, not_authorized, policy, refused, wait_for
from kubernetes import AUDIENCE, BEARER
from pods import CLUSTER_ARN, NAME, cluster_command, known, locum, register, server, world

__all__ = ["locum", "server", "world"]


# What an operator registers


def test_a_cluster_is_described_and_listed(world):
    cluster = world.eks.describe_cluster(name=NAME)["cluster"]
    created = cluster.pop("createdAt")
    assert abs((created - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 3600
    ca = (world.cluster.folder / "ca.pem").read_bytes()
    assert base64.b64decode(cluster.pop("certificateAuthority")["data"]).strip() == ca.strip()
    assert cluster == {
        "name": NAME,
        "arn": CLUSTER_ARN,
        "endpoint": world.cluster.url,
        "identity": {"oidc": {"issuer": world.cluster.issuer}},
        "status": "ACTIVE",
        "tags": {},
    }
    assert world.eks.list_clusters()["clusters"] == [NAME]
    assert world.eks.list_clusters(include=["all"])["clusters"] == [NAME]
    refused(
        lambda: world.eks.list_clusters(include=["ALL"]),
        "InvalidParameterException",
        "The include parameter must be 'all', in lower case.",
        400,
    )
    # Clusters are of their region.
    assert world.locum.client("eks", region="eu-west-1").list_clusters()["clusters"] == []
    refused(
        lambda: world.locum.client("eks", region="eu-west-1").describe_cluster(name=NAME),
        "ResourceNotFoundException",
        f"No cluster found for name: {NAME}.",
        404,
    )


def test_the_command(world):
    locum = world.locum
    role = world.role("pods")
    world.associate(role)
    shown = json.loads(cluster_command(locum, "list", "--account", ACCOUNT, "--format", "json").stdout)
    assert [(one["arn"], one["associations"], one["bearerToken"], one["authorities"]) for one in shown] == [
        (CLUSTER_ARN, 1, True, True)
    ]
    listed = cluster_command(locum, "list", "--account", ACCOUNT)
    assert listed.stdout == f"{CLUSTER_ARN}, issuer {world.cluster.issuer}, associations: 1\n"
    # To register it again says anew what it is, and leaves its associations.
    register(locum, world.cluster)
    assert len(world.eks.list_pod_identity_associations(clusterName=NAME)["associations"]) == 1
    for arguments, words in [
        (("delete", "--account", ACCOUNT, "--name", "other"), "`other`: there is no such cluster"),
        (("list", "--account", "111111111111"), "`111111111111`: there is no such account"),
    ]:
        ran = cluster_command(locum, *arguments)
        assert (ran.returncode, ran.stdout) == (1, "") and words in ran.stderr, ran.stderr
    wrong = [
        ["--issuer", "http://plain.example"],
        ["--issuer", "https://host:6443"],
        ["--issuer", "https://host.example", "--jwks-uri", "http://host.example/keys"],
        ["--issuer", "https://host.example", "--ca-file", "/dev/null"],
        ["--issuer", "https://host.example", "--bearer-token-file", "/dev/null"],
    ]
    for options in wrong:
        ran = cluster_command(locum, "register", "--account", ACCOUNT, "--name", "other", *options)
        assert (ran.returncode, ran.stdout) == (2, ""), options
    ran = cluster_command(locum, "register", "--account", ACCOUNT, "--name", "a/b", "--issuer", "https://host.example")
    assert ran.returncode == 2
    # Forgotten with its associations.
    ran = cluster_command(locum, "delete", "--account", ACCOUNT, "--name", NAME)
    assert (ran.returncode, ran.stdout) == (0, f"forgot {NAME}\n")
    wait_for(lambda: not known(locum), "the server to follow")
    register(locum, world.cluster)
    wait_for(lambda: known(locum), "the server to follow")
    assert world.eks.list_pod_identity_associations(clusterName=NAME)["associations"] == []


def test_the_bearer_token_is_in_no_file_and_no_answer(world):
    world.associate(world.role("pods"))
    world.session()
    for folder in (world.locum.server.folder, world.locum.server.folder.parent / "data"):
        for path in folder.rglob("*"):
            if path.is_file():
                assert BEARER.encode() not in path.read_bytes(), path


# Associations


def test_the_life_of_an_association(world):
    role, other = world.role("pods"), world.role("others")
    made = world.associate(role, tags={"team": "a", "empty": ""})
    identifier = made["associationId"]
    assert re.fullmatch(r"a-[a-z0-9]{17}", identifier)
    arn = f"arn:aws:eks:{REGION}:{ACCOUNT}:podidentityassociation/{NAME}/{identifier}"
    expected = {
        "clusterName": NAME,
        "namespace": "team-a",
        "serviceAccount": "app",
        "roleArn": role,
        "associationArn": arn,
        "associationId": identifier,
        "tags": {"team": "a", "empty": ""},
        "disableSessionTags": False,
        "createdAt": made["createdAt"],
        "modifiedAt": made["createdAt"],
    }
    assert made == expected
    named = {"clusterName": NAME, "associationId": identifier}
    assert world.eks.describe_pod_identity_association(**named)["association"] == expected
    summary = {
        name: made[name]
        for name in ("clusterName", "namespace", "serviceAccount", "associationArn", "associationId")
    }
    assert world.eks.list_pod_identity_associations(clusterName=NAME)["associations"] == [summary]

    changed = world.eks.update_pod_identity_association(
        **named, roleArn=other, targetRoleArn="arn:aws:iam::210987654321:role/far", disableSessionTags=True
    )["association"]
    assert (changed["roleArn"], changed["targetRoleArn"], changed["disableSessionTags"]) == (
        other,
        "arn:aws:iam::210987654321:role/far",
        True,
    )
    assert changed["externalId"] == f"{REGION}/{ACCOUNT}/{NAME}/team-a/app"
    limited = world.eks.update_pod_identity_association(**named, policy=policy(allow("s3:GetObject")))
    assert json.loads(limited["association"]["policy"])["Statement"] == [allow("s3:GetObject")]
    # What is empty is taken away.
    cleared = world.eks.update_pod_identity_association(**named, targetRoleArn="", policy="")["association"]
    assert "targetRoleArn" not in cleared and "externalId" not in cleared and "policy" not in cleared
    # What is not said stays.
    assert world.eks.update_pod_identity_association(**named)["association"] == cleared

    assert world.eks.delete_pod_identity_association(**named)["association"] == cleared
    refused(
        lambda: world.eks.describe_pod_identity_association(**named),
        "ResourceNotFoundException",
        f"No association found for id: {identifier}.",
        404,
    )
    for operation in ("delete", "update"):
        refused(
            lambda operation=operation: getattr(world.eks, f"{operation}_pod_identity_association")(**named),
            "ResourceNotFoundException",
            f"No association found for id: {identifier}.",
            404,
        )


def test_what_an_association_may_be(world):
    role = world.role("pods")

    def invalid(message, **changed):
        refused(lambda: world.associate(**({"role": role} | changed)), "InvalidParameterException", message, 400)

    invalid("namespace must be the name of a namespace.", namespace="Team")
    invalid("namespace must be the name of a namespace.", namespace="a/b")
    invalid("namespace must be the name of a namespace.", namespace="")
    invalid("serviceAccount must be the name of a service account.", account="app/../other")
    invalid("serviceAccount must be the name of a service account.", account="app\n")
    invalid("roleArn must be the ARN of a role.", role="pods")
    invalid("roleArn must be the ARN of a role.", role=f"arn:aws:iam::{ACCOUNT}:user/pods")
    invalid("Role provided in the request does not exist.", role=f"arn:aws:iam::{ACCOUNT}:role/none")
    # The ARN is the role's, to the letter.
    invalid("Role provided in the request does not exist.", role=f"arn:aws:iam::{ACCOUNT}:role/path/pods")
    invalid("Role provided in the request does not exist.", role=f"arn:aws:iam::{ACCOUNT}:role/PODS")
    invalid("targetRoleArn must be the ARN of a role.", targetRoleArn="arn:aws:s3:::bucket")
    invalid("disableSessionTags must be true where there is a policy.", policy=policy(allow("s3:*")))
    invalid(
        "policy can have 2048 characters at most.",
        policy=policy(allow("s3:*", "a" * 2048)),
        disableSessionTags=True,
    )
    with pytest.raises(ClientError) as caught:
        world.associate(role, policy="{", disableSessionTags=True)
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"
    assert caught.value.response["Error"]["Message"].startswith("policy: ")
    with pytest.raises(ClientError) as caught:
        world.associate(role, tags={"aws:team": "a"})
    assert caught.value.response["Error"]["Code"] == "InvalidParameterException"

    made = world.associate(role)
    refused(
        lambda: world.associate(role),
        "ResourceInUseException",
        f"Association already exists: {made['associationId']}",
        409,
    )
    refused(
        lambda: world.eks.create_pod_identity_association(
            clusterName="PROD", namespace="n", serviceAccount="s", roleArn=role
        ),
        "ResourceNotFoundException",
        "No cluster found for name: PROD.",
        404,
    )


def test_a_request_that_comes_again_makes_nothing_more(world):
    role = world.role("pods")
    made = world.associate(role, clientRequestToken="once", tags={"a": "b"})
    assert world.associate(role, clientRequestToken="once", tags={"a": "b"}) == made
    assert len(world.eks.list_pod_identity_associations(clusterName=NAME)["associations"]) == 1
    for changed in ({"namespace": "team-b"}, {"disableSessionTags": True}, {"tags": {}}):
        options = {"role": role, "clientRequestToken": "once", "tags": {"a": "b"}} | changed
        if not options["tags"]:
            del options["tags"]
        refused(
            lambda options=options: world.associate(**options),
            "InvalidParameterException",
            "clientRequestToken was used for another request already.",
            400,
        )


def test_lists_are_paged_and_filtered(world):
    role = world.role("pods")
    pairs = [(namespace, account) for namespace in ("a", "b", "c") for account in ("x", "y")]
    for namespace, account in pairs:
        world.associate(role, namespace, account)

    def listed(**options):
        pages = world.eks.get_paginator("list_pod_identity_associations").paginate(clusterName=NAME, **options)
        return [(one["namespace"], one["serviceAccount"]) for page in pages for one in page["associations"]]

    assert listed() == pairs
    assert listed(PaginationConfig={"PageSize": 1}) == pairs
    assert listed(PaginationConfig={"PageSize": 4}) == pairs
    assert listed(namespace="b") == [("b", "x"), ("b", "y")]
    assert listed(serviceAccount="y", PaginationConfig={"PageSize": 2}) == [("a", "y"), ("b", "y"), ("c", "y")]
    token = world.eks.list_pod_identity_associations(clusterName=NAME, maxResults=1)["nextToken"]
    for options in ({"namespace": "b"}, {"nextToken": token[:-1]}, {"nextToken": "bm9uZQ"}):
        refused(
            lambda options=options: world.eks.list_pod_identity_associations(
                **{"clusterName": NAME, "nextToken": token} | options
            ),
            "InvalidParameterException",
            "Invalid nextToken",
            400,
        )


def test_tags(world):
    association = world.associate(world.role("pods"), tags={"a": "1"})["associationArn"]
    for arn, before in ((association, {"a": "1"}), (CLUSTER_ARN, {})):
        tags = lambda arn=arn: world.eks.list_tags_for_resource(resourceArn=arn)["tags"]
        assert tags() == before
        assert set(world.eks.tag_resource(resourceArn=arn, tags={"b": "2", "B": "3"})) == {"ResponseMetadata"}
        world.eks.tag_resource(resourceArn=arn, tags={"b": "4"})
        assert tags() == before | {"b": "4", "B": "3"}
        world.eks.untag_resource(resourceArn=arn, tagKeys=["b", "none", "a"])
        assert tags() == {"B": "3"}
        many = {f"k{n}": "v" for n in range(50)}
        with pytest.raises(ClientError) as caught:
            world.eks.tag_resource(resourceArn=arn, tags=many)
        assert caught.value.response["Error"]["Code"] == "BadRequestException"
        with pytest.raises(ClientError) as caught:
            world.eks.tag_resource(resourceArn=arn, tags={"aws:x": "v"})
        assert caught.value.response["Error"]["Code"] == "BadRequestException"
    assert world.eks.describe_cluster(name=NAME)["cluster"]["tags"] == {"B": "3"}
    for arn in ("cluster", f"arn:aws:iam::{ACCOUNT}:role/r"):
        refused(
            lambda arn=arn: world.eks.list_tags_for_resource(resourceArn=arn),
            "BadRequestException",
            f"{arn} is not an ARN of a resource of EKS.",
            400,
        )
    for arn in (
        CLUSTER_ARN + "x",
        CLUSTER_ARN.replace(REGION, "eu-west-1"),
        CLUSTER_ARN.replace(ACCOUNT, "210987654321"),
        association + "x",
        f"{CLUSTER_ARN}/x",
    ):
        refused(
            lambda arn=arn: world.eks.tag_resource(resourceArn=arn, tags={"a": "b"}),
            "NotFoundException",
            f"Resource {arn} was not found.",
            404,
        )


# Who may


def test_each_operation_needs_its_action_on_its_resource(world):
    role = world.role("pods")
    association = world.associate(role)
    arn, identifier = association["associationArn"], association["associationId"]
    named = {"clusterName": NAME, "associationId": identifier}
    calls = [
        ("DescribeCluster", CLUSTER_ARN, "describe_cluster", {"name": NAME}),
        ("ListClusters", "*", "list_clusters", {}),
        ("DescribePodIdentityAssociation", arn, "describe_pod_identity_association", named),
        ("ListPodIdentityAssociations", CLUSTER_ARN, "list_pod_identity_associations", {"clusterName": NAME}),
        ("UpdatePodIdentityAssociation", arn, "update_pod_identity_association", named),
        ("TagResource", arn, "tag_resource", {"resourceArn": arn, "tags": {"a": "b"}}),
        ("ListTagsForResource", arn, "list_tags_for_resource", {"resourceArn": arn}),
        ("UntagResource", arn, "untag_resource", {"resourceArn": arn, "tagKeys": ["a"]}),
        ("DeletePodIdentityAssociation", arn, "delete_pod_identity_association", named),
        (
            "CreatePodIdentityAssociation",
            CLUSTER_ARN,
            "create_pod_identity_association",
            {"clusterName": NAME, "namespace": "n", "serviceAccount": "s", "roleArn": role},
        ),
    ]
    nobody = world.locum.user("nobody")
    for number, (operation, resource, method, parameters) in enumerate(calls):
        action = f"eks:{operation}"
        sentence = not_authorized(
            f"arn:aws:iam::{ACCOUNT}:user/nobody", action, resource, no_identity_policy(action)
        )
        client = world.locum.client("eks", nobody)
        refused(lambda: getattr(client, method)(**parameters), "AccessDeniedException", sentence)
        # Nor on another resource.
        elsewhere = world.locum.user(f"elsewhere-{number}", allow(action, f"{CLUSTER_ARN}-other"))
        with pytest.raises(ClientError) as caught:
            getattr(world.locum.client("eks", elsewhere), method)(**parameters)
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        grants = [allow(action, resource)] + ([allow("iam:PassRole", role)] if "Create" in operation else [])
        client = world.locum.client("eks", world.locum.user(f"user-{number}", *grants))
        getattr(client, method)(**parameters)


def test_a_role_must_be_passed_to_pods(world):
    role, other = world.role("pods"), world.role("others")
    condition = {"StringEquals": {"iam:PassedToService": AUDIENCE}, "ArnEquals": {"iam:AssociatedResourceArn": CLUSTER_ARN}}
    user = world.locum.user("deployer", allow("eks:*"), allow("iam:PassRole", role, Condition=condition))
    eks = world.locum.client("eks", user)
    refusal = not_authorized(
        f"arn:aws:iam::{ACCOUNT}:user/deployer", "iam:PassRole", other, no_identity_policy("iam:PassRole")
    )
    create = {"clusterName": NAME, "namespace": "n", "serviceAccount": "s"}
    refused(
        lambda: eks.create_pod_identity_association(**create, roleArn=other), "AccessDeniedException", refusal
    )
    made = eks.create_pod_identity_association(**create, roleArn=role)["association"]
    named = {"clusterName": NAME, "associationId": made["associationId"]}
    refused(
        lambda: eks.update_pod_identity_association(**named, roleArn=other), "AccessDeniedException", refusal
    )
    eks.update_pod_identity_association(**named, roleArn=role)
    # Of another account nobody can pass a role, whatever it is allowed.
    far = "arn:aws:iam::210987654321:role/far"
    with pytest.raises(ClientError) as caught:
        world.eks.create_pod_identity_association(**create | {"namespace": "m"}, roleArn=far)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    to_ec2 = {"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}}
    wrong = world.locum.user("wrong", allow("eks:*"), allow("iam:PassRole", Condition=to_ec2))
    with pytest.raises(ClientError) as caught:
        world.locum.client("eks", wrong).create_pod_identity_association(**create | {"namespace": "m"}, roleArn=role)
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


def test_tags_decide_about_associations(world):
    role = world.role("pods")
    of_team = {"StringEquals": {"aws:ResourceTag/team": "a"}}
    tagged = {"StringEquals": {"aws:RequestTag/team": "a"}, "ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}}
    user = world.locum.user(
        "team",
        allow("eks:DescribePodIdentityAssociation", Condition=of_team),
        allow("eks:CreatePodIdentityAssociation", Condition=tagged),
        allow("iam:PassRole"),
    )
    eks = world.locum.client("eks", user)
    create = {"clusterName": NAME, "serviceAccount": "s", "roleArn": role}
    made = eks.create_pod_identity_association(**create, namespace="a", tags={"team": "a"})["association"]
    eks.describe_pod_identity_association(clusterName=NAME, associationId=made["associationId"])
    other = world.associate(role, "b", tags={"team": "b"})
    for call in (
        lambda: eks.describe_pod_identity_association(clusterName=NAME, associationId=other["associationId"]),
        lambda: eks.create_pod_identity_association(**create, namespace="c", tags={"team": "b"}),
        lambda: eks.create_pod_identity_association(**create, namespace="c"),
        lambda: eks.create_pod_identity_association(**create, namespace="c", tags={"team": "a", "x": "y"}),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"




# Beyond boto3


def test_what_names_no_operation(world):
    """Methods and paths, as they are signed: nothing is read in two ways."""
    locum = world.locum

    def send(method, target, body=b"", service="eks"):
        headers = locum.sign(service, method, target, {"Content-Type": "application/json"}, body)
        answer = locum.server.send(method, target, headers, body)
        return answer.status, answer.headers.get("x-amzn-errortype"), json.loads(answer.body)

    nothing = (404, "UnknownOperationException", {"message": "No operation has that method and path"})
    for method, target in [
        ("GET", "/"),
        ("POST", "/clusters"),
        ("PUT", f"/clusters/{NAME}"),
        ("GET", "/Clusters"),
        ("GET", f"/clusters/{NAME}/nodegroups"),
        ("GET", f"/clusters//{NAME}"),
        ("GET", f"/x/../clusters/{NAME}"),
        ("GET", f"/clusters/./{NAME}"),
        ("GET", f"/clusters/{NAME}//"),
        ("GET", "/clusters/%ff"),
    ]:
        assert send(method, target) == nothing, (method, target)
    assert send("GET", f"/clusters/{NAME}/")[0] == 200
    assert send("GET", "/clusters?maxResults=1&maxResults=2") == (
        400,
        "SerializationException",
        {"message": "Duplicate parameter: maxResults"},
    )
    # Escapes are undone once: this cluster is called so.
    for name in ("pr%2Fod", "prod%2F..", "%70rod%00", "prod%252f"):
        status, code, _ = send("GET", f"/clusters/{name}")
        assert (status, code) == (404, "ResourceNotFoundException"), name
    assert send("GET", "/clusters/%70rod")[0] == 200
    path = f"/clusters/{NAME}/pod-identity-associations"
    for body, words in [
        (b"{", "The request body is not a JSON object"),
        (b"[]", "Start of list found where not expected"),
        (b'{"namespace":1}', "NUMBER_VALUE can not be converted to a String"),
        (b'{"namespace":"a","namespace":"b"}', "Duplicate member namespace"),
        (b'{"tags":{"a":"1","a":"2"}}', "Duplicate key of a map"),
        (b'{"disableSessionTags":"true"}', "STRING_VALUE can not be converted to a Boolean"),
    ]:
        status, code, answer = send("POST", path, body)
        assert (status, code) == (400, "SerializationException")
        assert answer["message"].startswith(words), answer


def test_a_signature_is_for_one_service(world):
    locum = world.locum
    target = f"/clusters/{NAME}/assume-role-for-pod-identity"
    body = json.dumps({"token": world.cluster.token()}).encode()
    # Signed for EKS it is no request to EKS Auth: there is no such operation.
    headers = locum.sign("eks", "POST", target, {"Content-Type": "application/json"}, body)
    assert locum.server.send("POST", target, headers, body).status == 404
    # Another path under the same signature.
    headers = locum.sign("eks", "GET", f"/clusters/{NAME}")
    answer = locum.server.send("GET", "/clusters/other", headers)
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "InvalidSignatureException")
    # And none at all.
    answer = locum.server.send("POST", target, {"Content-Type": "application/json"}, body)
    assert answer.status >= 400
    assert b"credentials" not in answer.body


def test_the_command_line(world):
    locum = world.locum
    role = world.role("pods")
    admin = locum.user("cli", allow("eks:*"), allow("iam:PassRole"))
    made = locum.aws_json(
        *("eks", "create-pod-identity-association", "--cluster-name", NAME, "--namespace", "team-a"),
        *("--service-account", "app", "--role-arn", role, "--tags", "team=a"),
        credentials=admin,
    )["association"]
    assert made["tags"] == {"team": "a"}
    listed = locum.aws_json("eks", "list-pod-identity-associations", "--cluster-name", NAME, credentials=admin)
    assert [one["associationId"] for one in listed["associations"]] == [made["associationId"]]
    kubeconfig = pathlib.Path(locum.server.folder) / "kubeconfig"
    ran = locum.aws("eks", "update-kubeconfig", "--name", NAME, "--kubeconfig", kubeconfig, credentials=admin)
    assert ran.returncode == 0, ran.stderr
    assert f"server: {world.cluster.url}" in kubeconfig.read_text()
    answer = locum.aws_json(
        *("eks-auth", "assume-role-for-pod-identity", "--cluster-name", NAME, "--token", world.cluster.token()),
        credentials=world.node,
    )
    assert answer["audience"] == AUDIENCE
