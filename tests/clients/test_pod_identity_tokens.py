"""What pods get for the tokens of their service accounts, and what they do not."""

import base64
import datetime
import json
import re
import threading

import jwt
import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives import serialization
from harness import (
    ACCOUNT,
    REGION,
    Credentials,
    allow,
    no_identity_policy,
    not_authorized,
    policy,
    refused,
    trusting,
    wait_for,
)
from kubernetes import AUDIENCE, Cluster, rsa_key
from pods import CLUSTER_ARN, NAME, POD_TRUST, cluster_command, known, locum, register, server, world

__all__ = ["locum", "server", "world"]

INVALID = "The token included in the request is invalid."
UNTRUSTED = "Unauthorized Exception! EKS does not have permissions to assume the associated role."
NODE = f"arn:aws:sts::{ACCOUNT}:assumed-role/node/i-0123"


# What pods get


def test_a_pod_gets_its_role(world):
    role = world.role("pods")
    association = world.associate(role)
    answer = world.auth(world.cluster.token())
    answer.pop("ResponseMetadata")
    credentials = answer.pop("credentials")
    remaining = credentials["expiration"] - world.locum.clock.now(remove_tzinfo=False)
    assert 3500 < remaining.total_seconds() <= 3601
    user = answer.pop("assumedRoleUser")
    session = user["arn"].rsplit("/", 1)[1]
    uuid = r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
    assert re.fullmatch(rf"eks-{NAME}-app-5f7c-{uuid}", session)
    assert user["arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/pods/{session}"
    role_id = world.locum.client("iam").get_role(RoleName="pods")["Role"]["RoleId"]
    assert user["assumeRoleId"] == f"{role_id}:{session}"
    assert answer == {
        "subject": {"namespace": "team-a", "serviceAccount": "app"},
        "audience": AUDIENCE,
        "podIdentityAssociation": {
            "associationArn": association["associationArn"],
            "associationId": association["associationId"],
        },
    }
    signer = Credentials(credentials["accessKeyId"], credentials["secretAccessKey"], credentials["sessionToken"])
    assert world.locum.client("sts", signer).get_caller_identity()["Arn"] == user["arn"]


def test_names_of_sessions_fit(world):
    world.associate(world.role("pods"))
    for pod in ("p", "a" * 253, "a.b", "statefulset-with-a-very-long-name-0"):
        arn = world.auth(world.cluster.token(pod=pod))["assumedRoleUser"]["arn"]
        session = arn.rsplit("/", 1)[1]
        assert len(session) <= 64 and session.startswith(f"eks-{NAME}-{pod[:17]}"[:26]), session


BUCKET = "team-buckets"


def test_a_namespace_reaches_what_is_its_own(world):
    """One role for all, and the session tags of Pod Identity decide: ABAC."""
    objects = f"arn:aws:s3:::{BUCKET}/${{aws:PrincipalTag/kubernetes-namespace}}/*"
    role = world.role("pods", allow(["s3:GetObject", "s3:PutObject"], objects))
    root = world.locum.client("s3")
    if BUCKET not in [bucket["Name"] for bucket in root.list_buckets()["Buckets"]]:
        root.create_bucket(Bucket=BUCKET)
    for namespace in ("team-a", "team-b"):
        world.associate(role, namespace)
    for namespace, other in (("team-a", "team-b"), ("team-b", "team-a")):
        s3 = world.locum.client("s3", world.session(namespace))
        s3.put_object(Bucket=BUCKET, Key=f"{namespace}/file", Body=b"x")
        assert s3.get_object(Bucket=BUCKET, Key=f"{namespace}/file")["Body"].read() == b"x"
        with pytest.raises(ClientError) as caught:
            s3.put_object(Bucket=BUCKET, Key=f"{other}/file", Body=b"x")
        assert caught.value.response["Error"]["Code"] == "AccessDenied"


def test_the_session_tags(world):
    """Each, as a policy of the session's sees it; and they go with it where it assumes a role."""
    token = world.cluster.claims()
    pod = token["kubernetes.io"]["pod"]
    tags = {
        "eks-cluster-arn": CLUSTER_ARN,
        "eks-cluster-name": NAME,
        "kubernetes-namespace": "team-a",
        "kubernetes-service-account": "app",
        "kubernetes-pod-name": "app-5f7c",
        "kubernetes-pod-uid": pod["uid"],
    }
    principal = {"StringEquals": {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}}
    requested = {
        "StringEquals": {f"aws:RequestTag/{key}": value for key, value in tags.items()}
        | {"aws:SourceArn": CLUSTER_ARN, "aws:SourceAccount": ACCOUNT},
        "ForAllValues:StringEquals": {"sts:TransitiveTagKeys": list(tags), "aws:TagKeys": list(tags)},
        "StringLike": {"sts:RoleSessionName": "eks-prod-app-5f7c-*"},
    }
    role = world.role(
        "pods",
        allow("iam:ListUsers", Condition=principal),
        allow(["sts:AssumeRole", "sts:TagSession"]),
        trust=POD_TRUST | {"Condition": requested},
    )
    world.associate(role)
    session = world.session()
    world.locum.client("iam", session).list_users()
    next_role = world.locum.role(
        "next", trusting(role, ["sts:AssumeRole", "sts:TagSession"]), allow("iam:ListUsers", Condition=principal)
    )
    chained = world.locum.assume(session, next_role)
    world.locum.client("iam", chained).list_users()


def test_session_tags_may_be_off(world):
    trust = trusting({"Service": AUDIENCE})
    role = world.role("pods", allow("iam:ListUsers", Condition={"Null": {"aws:PrincipalTag/kubernetes-namespace": "true"}}), trust=trust)
    association = world.associate(role)
    # A role that does not trust the service to tag sessions gives none with tags.
    refused(lambda: world.auth(world.cluster.token()), "AccessDeniedException", UNTRUSTED, 400)
    world.eks.update_pod_identity_association(
        clusterName=NAME, associationId=association["associationId"], disableSessionTags=True
    )
    world.locum.client("iam", world.session()).list_users()


def test_a_policy_of_an_association_limits_its_pods(world):
    role = world.role("pods", allow("iam:*"))
    world.associate(role, disableSessionTags=True, policy=policy(allow("iam:ListUsers")))
    world.associate(role, "team-b")
    iam = world.locum.client("iam", world.session())
    iam.list_users()
    with pytest.raises(ClientError) as caught:
        iam.list_roles()
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    world.locum.client("iam", world.session("team-b")).list_roles()


def test_a_target_role(world):
    """The pod ends up with the target role, which trusts this association and no other."""
    locum = world.locum
    role = world.role("pods", allow(["sts:AssumeRole", "sts:TagSession"]), allow("iam:ListRoles"))
    target_arn = f"arn:aws:iam::{ACCOUNT}:role/target"
    association = world.associate(role, targetRoleArn=target_arn)
    assert association["externalId"] == f"{REGION}/{ACCOUNT}/{NAME}/team-a/app"
    # It is not there.
    refused(lambda: world.auth(world.cluster.token()), "AccessDeniedException", UNTRUSTED, 400)
    condition = {"StringEquals": {"sts:ExternalId": association["externalId"]}}
    statements = [
        trusting(role, "sts:AssumeRole", Condition=condition),
        trusting(role, "sts:TagSession"),
    ]
    iam = locum.client("iam")
    iam.create_role(RoleName="target", AssumeRolePolicyDocument=policy(*statements))
    iam.put_role_policy(RoleName="target", PolicyName="p", PolicyDocument=policy(allow("iam:ListUsers")))
    answer = world.auth(world.cluster.token())
    assert answer["assumedRoleUser"]["arn"].startswith(f"arn:aws:sts::{ACCOUNT}:assumed-role/target/eks-{NAME}-")
    session = world.session()
    locum.client("iam", session).list_users()
    # It has the target role's permissions, and not those of the first one.
    with pytest.raises(ClientError) as caught:
        locum.client("iam", session).list_roles()
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    # Another association has another external id.
    world.associate(role, "team-b", targetRoleArn=target_arn)
    refused(lambda: world.auth(world.cluster.token("team-b")), "AccessDeniedException", UNTRUSTED, 400)


def test_what_comes_before_a_pod_gets_something(world):
    """Permission of the node, the cluster, the token, the association, the role's trust: in that order."""
    cluster = world.cluster
    nobody = world.locum.user("nobody")
    sentence = not_authorized(
        f"arn:aws:iam::{ACCOUNT}:user/nobody",
        "eks-auth:AssumeRoleForPodIdentity",
        CLUSTER_ARN,
        no_identity_policy("eks-auth:AssumeRoleForPodIdentity"),
    )
    refused(lambda: world.auth(cluster.token(), credentials=nobody), "AccessDeniedException", sentence, 400)
    # A node of this cluster is none of another.
    with pytest.raises(ClientError) as caught:
        world.auth(cluster.token(), "other")
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    root = world.locum.client("eks-auth")
    refused(
        lambda: root.assume_role_for_pod_identity(clusterName="other", token=cluster.token()),
        "ResourceNotFoundException",
        "No cluster found for name: other.",
        404,
    )
    refused(
        lambda: world.auth(cluster.token()),
        "ResourceNotFoundException",
        "No association found for service account app in namespace team-a.",
        404,
    )
    role = world.role("pods", trust=trusting({"Service": "ec2.amazonaws.com"}))
    world.associate(role)
    refused(lambda: world.auth(cluster.token()), "AccessDeniedException", UNTRUSTED, 400)
    world.locum.client("iam").delete_role(RoleName="pods")
    refused(lambda: world.auth(cluster.token()), "AccessDeniedException", UNTRUSTED, 400)


def test_trust_may_ask_for_whom(world):
    for number, (condition, is_trusted) in enumerate(
        [
            ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
            ({"ArnEquals": {"aws:SourceArn": CLUSTER_ARN}}, True),
            ({"ArnEquals": {"aws:SourceArn": CLUSTER_ARN + "-other"}}, False),
            ({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "team-a"}}, True),
            ({"StringEquals": {"aws:RequestTag/kubernetes-namespace": "team-b"}}, False),
            ({"StringEquals": {"aws:PrincipalAccount": ACCOUNT}}, False),
        ]
    ):
        role = world.role(f"pods-{number}", trust=POD_TRUST | {"Condition": condition})
        world.associate(role, account=f"app-{number}")
        if is_trusted:
            world.session("team-a", f"app-{number}")
        else:
            token = world.cluster.token("team-a", f"app-{number}")
            refused(lambda token=token: world.auth(token), "AccessDeniedException", UNTRUSTED, 400)


# Tokens


def test_tokens_that_are_not_believed(world):
    cluster = world.cluster
    world.associate(world.role("pods"))
    stranger = rsa_key("stranger")
    whole = cluster.claims()
    inner = whole["kubernetes.io"]

    def of(**changed):
        return cluster.sign(cluster.claims() | {"kubernetes.io": inner | changed})

    public = cluster.keys["key-1"].public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    header, claims, signature = cluster.token().split(".")
    encoded = lambda value: base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()
    # As an attacker makes it, without PyJWT's scruples about secrets that are keys.
    hmac_signed = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)
    confused_head = f"{encoded({'alg': 'HS256', 'typ': 'JWT', 'kid': 'key-1'})}.{claims}"
    confused = base64.urlsafe_b64encode(hmac_signed.sign(confused_head.encode(), public)).rstrip(b"=").decode()
    now = whole["iat"]
    tokens = {
        "of another cluster's key": cluster.token(key=stranger),
        "of another cluster's issuer": cluster.token(iss="https://other.example"),
        "of an issuer with a slash": cluster.token(iss=cluster.issuer + "/"),
        "for another audience": cluster.token(aud=["sts.amazonaws.com"]),
        "for an audience in another case": cluster.token(aud=[AUDIENCE.upper()]),
        "for an audience that only begins so": cluster.token(aud=[AUDIENCE + ".evil.example"]),
        "for nobody": cluster.token(aud=...),
        "for an empty list": cluster.token(aud=[]),
        "for what is no text": cluster.token(aud=[7]),
        "not valid yet": cluster.token(nbf=now + 400),
        "issued later": cluster.token(iat=now + 400),
        "without expiry": cluster.token(exp=...),
        "of no pod": of(pod=None),
        "of a pod without uid": of(pod={"name": "p"}),
        "of a service account that is not the subject": of(serviceaccount={"name": "admin", "uid": "1"}),
        "of a namespace that is not the subject": of(namespace="kube-system"),
        "of a user": cluster.token(sub="kubernetes-admin"),
        "with a subject in another case": cluster.token(sub="system:serviceaccount:team-a:APP"),
        "with a namespace that hides another": cluster.sign(
            cluster.claims() | {"sub": "system:serviceaccount:a:b:c", "kubernetes.io": inner | {"namespace": "a:b"}}
        ),
        "without claims of Kubernetes": cluster.sign(whole | {"kubernetes.io": ...}),
        "with claims of Kubernetes that are text": cluster.sign(whole | {"kubernetes.io": "team-a"}),
        "signed by nobody": f"{encoded({'alg': 'none'})}.{claims}.{signature}",
        "signed with the public key": f"{confused_head}.{confused}",
        "with a changed signature": f"{header}.{claims}.{signature[:-8]}AAAAAAAA",
        "with changed claims": f"{header}.{encoded(whole | {'sub': 'system:serviceaccount:a:b'})}.{signature}",
        "of a key that is not there": jwt.encode(whole, cluster.keys["key-1"], "RS256", {"kid": "key-9"}),
        "of a key that is a path": jwt.encode(whole, cluster.keys["key-1"], "RS256", {"kid": "../key-1"}),
        "with a key of its own": cluster.sign(whole, "key-1", stranger, jku="https://evil.example/keys"),
        "that is too long": cluster.token(padding="x" * 30000),
    }
    for what, token in tokens.items():
        try:
            refused(lambda token=token: world.auth(token), "InvalidTokenException", INVALID, 400)
        except AssertionError as fault:
            raise AssertionError(f"a token {what}") from fault
    # And the one that all of them began with is good.
    world.auth(cluster.token())


def test_an_expired_token(world):
    cluster = world.cluster
    world.associate(world.role("pods"))
    now = cluster.claims()["iat"]
    # The clocks of cluster and server may differ.
    world.auth(cluster.token(exp=now - 60))
    with pytest.raises(ClientError) as caught:
        world.auth(cluster.token(exp=now - 400))
    error = caught.value.response["Error"]
    assert error["Code"] == "ExpiredTokenException"
    expiry = datetime.datetime.fromtimestamp(now - 400, datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    assert re.fullmatch(
        rf"The token included in the request is expired: current date/time \S+Z must be before the expiration date/time {expiry}\.",
        error["Message"],
    )


def test_what_is_no_token_is_not_told(world):
    secret = "my.secret token.value"
    auth = world.locum.client("eks-auth", world.node)
    for token in (secret, "", "a.b", "a..b"):
        with pytest.raises(ClientError) as caught:
            auth.assume_role_for_pod_identity(clusterName=NAME, token=token)
        error = caught.value.response["Error"]
        assert error["Code"] == "InvalidParameterException"
        assert error["Message"].startswith("1 validation error detected: Value at 'token' failed") or token == ""
        assert secret not in error["Message"]
    for name in ("-x", "a b", "a/b", "x" * 101):
        with pytest.raises(ClientError) as caught:
            auth.assume_role_for_pod_identity(clusterName=name, token="a.b.c")
        assert caught.value.response["Error"]["Code"] == "InvalidParameterException"


def test_a_token_of_one_cluster_is_none_of_another(world, tmp_path):
    """Two clusters with the same issuer, as kubeadm makes them all: their keys tell them apart."""
    locum = world.locum
    other = Cluster(tmp_path / "other", locum.clock)
    other.keys = {"key-1": rsa_key("of the other")}
    try:
        register(locum, other, "stage")
        wait_for(lambda: known(locum, "stage"), "the server to follow")
        role = world.role("pods")
        world.associate(role)
        world.eks.create_pod_identity_association(
            clusterName="stage", namespace="team-a", serviceAccount="app", roleArn=role
        )
        auth = locum.client("eks-auth")
        tokens = {NAME: world.cluster.token(), "stage": other.token()}
        for name, token in tokens.items():
            answer = auth.assume_role_for_pod_identity(clusterName=name, token=token)
            assert f"/eks-{name}-" in answer["assumedRoleUser"]["arn"]
        for name, token in ((NAME, tokens["stage"]), ("stage", tokens[NAME])):
            refused(
                lambda name=name, token=token: auth.assume_role_for_pod_identity(clusterName=name, token=token),
                "InvalidTokenException",
                INVALID,
                400,
            )
    finally:
        other.close()


def test_keys_are_fetched_once_and_again_for_a_new_one(world):
    cluster = world.cluster
    world.associate(world.role("pods"))
    for _ in range(5):
        world.session()
    assert cluster.asked == [("/openid/v1/jwks", 200)]
    # While the cluster cannot be asked, those that are known stay good.
    cluster.is_down = True
    world.session()
    cluster.is_down = False
    assert cluster.asked == [("/openid/v1/jwks", 200)]


def test_a_cluster_that_cannot_be_asked(world):
    cluster = world.cluster
    cluster.is_down = True
    register(world.locum, cluster, "down")
    wait_for(lambda: known(world.locum, "down"), "the server to follow")
    auth = world.locum.client("eks-auth")
    refused(
        lambda: auth.assume_role_for_pod_identity(clusterName="down", token=cluster.token()),
        "ServiceUnavailableException",
        "The keys of the cluster's issuer are not available. Try again later.",
        503,
    )


def test_a_server_that_another_authority_vouches_for(world, tmp_path):
    locum = world.locum
    impostor = Cluster(tmp_path / "impostor", locum.clock)
    try:
        arguments = [str(part) for part in impostor.registration()]
        arguments[arguments.index("--ca-file") + 1] = str(world.cluster.folder / "ca.pem")
        ran = cluster_command(locum, "register", "--account", ACCOUNT, "--name", "false", *arguments)
        assert ran.returncode == 0
        wait_for(lambda: known(locum, "false"), "the server to follow")
        refused(
            lambda: locum.client("eks-auth").assume_role_for_pod_identity(clusterName="false", token=impostor.token()),
            "InvalidTokenException",
            INVALID,
            400,
        )
        # It was never shown the bearer token.
        assert impostor.asked == []
    finally:
        impostor.close()


# Beyond clients


def test_credentials_of_pods_do_not_descend_from_the_nodes(world):
    """Whoever revokes the node's session does not end the pods', and the record says whose they are."""
    role = world.role("pods", allow("iam:ListUsers"))
    world.associate(role)
    session = world.session()
    world.locum.client("iam", session).list_users()
    world.locum.client("iam").delete_role_policy(RoleName="node", PolicyName="p0")
    world.locum.client("iam", session).list_users()


def test_the_record(world):
    association = world.associate(world.role("pods"))
    token = world.cluster.token()
    world.auth(token)
    with pytest.raises(ClientError):
        world.auth(world.cluster.token(aud=["other"]))
    folder = world.locum.server.folder.parent / "data" / "audit"

    def records():
        lines = [line for path in folder.iterdir() for line in path.read_text().splitlines()]
        found = [json.loads(line) for line in lines if "AssumeRoleForPodIdentity" in line]
        mine = [one for one in found if json.dumps(one).find(association["associationId"]) >= 0 or "errorCode" in one]
        return mine if len(mine) >= 2 else None

    found = wait_for(records, "the records")
    good = next(one for one in found if association["associationId"] in json.dumps(one))
    assert good["eventSource"] == "eks-auth.amazonaws.com"
    assert good["userIdentity"]["arn"] == NODE
    hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert good["requestParameters"] == {"clusterName": NAME, "token": hidden}
    credentials = good["responseElements"]["credentials"]
    assert (credentials["secretAccessKey"], credentials["sessionToken"]) == (hidden, hidden)
    assert good["responseElements"]["subject"] == {"namespace": "team-a", "serviceAccount": "app"}
    assert token.rsplit(".", 1)[1] not in json.dumps(found)


def test_many_pods_at_once(world):
    """A node starts, and its pods all ask: the cluster is asked for its keys once."""
    role = world.role("pods")
    world.associate(role)
    token = world.cluster.token()
    arns, faults = [], []

    def ask():
        try:
            arns.append(world.auth(token)["assumedRoleUser"]["arn"])
        except ClientError as error:
            faults.append(error)

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == [] and len(set(arns)) == 12
    assert world.cluster.asked == [("/openid/v1/jwks", 200)]
