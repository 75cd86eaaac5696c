"""Services that assume roles: registered with `locum service`, seen through boto3 and the AWS CLI."""

import configparser
import json
import stat
import subprocess

import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    BINARY,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    cli_error,
    deny,
    not_authorized,
    policy,
    refused,
    root_of,
    trusting,
    wait_for,
    works,
)

SPARK = "spark.example.internal"
EXPIRED_KEY = "The security token included in the request is invalid."


def service(durable, *arguments):
    """Runs `locum service` on the data directory of a server that is running."""
    data = durable.server.arguments[durable.server.arguments.index("--data") + 1]
    return subprocess.run(
        [BINARY, "service", *map(str, arguments), "--data", data],
        cwd=durable.server.folder,
        env=base_environment(durable.server.folder),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def made(durable, *arguments):
    """The key that `create` or `rotate-key` prints."""
    ran = service(durable, *arguments)
    assert ran.returncode == 0, ran.stderr
    parser = configparser.ConfigParser()
    parser.read_string(ran.stdout)
    (name,) = parser.sections()
    return Credentials(parser[name]["aws_access_key_id"], parser[name]["aws_secret_access_key"])


@pytest.fixture
def durable(tmp_path, monkeypatch):
    """A server of its own on a data directory, with the account of the other tests."""
    clock = Clock()
    clock.install(monkeypatch)
    arguments = ("--data", str(tmp_path / "data"), "--account-id", ACCOUNT)
    with Server(tmp_path / "server", *arguments, ephemeral=False) as server:
        yield Locum(server, clock)


@pytest.fixture
def spark(durable):
    """The key of a service, which the running server knows."""
    key = made(durable, "create", SPARK)
    wait_for(lambda: works(durable, key), "the server to follow")
    return key


def on_behalf(durable, key, arn=None, account=None):
    """A client of STS that says for whom it calls, in headers that botocore signs."""
    sts = durable.client("sts", key)

    def add(request, **_):
        if arn:
            request.headers["x-amz-source-arn"] = arn
        if account:
            request.headers["x-amz-source-account"] = account

    sts.meta.events.register("before-sign.sts", add)
    return sts


def to_spark(**more):
    return trusting({"Service": SPARK}, ["sts:AssumeRole", "sts:TagSession"], **more)


# What a service is for


def test_a_service_works_with_a_role(durable, spark):
    role = durable.role("job", to_spark(), allow("s3:*"))
    held = durable.assume(spark, role, "run-1", Tags=[{"Key": "job", "Value": "1"}])
    s3 = durable.client("s3", held)
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="part", Body=b"data")
    assert s3.get_object(Bucket="lake", Key="part")["Body"].read() == b"data"
    assert durable.client("sts", held).get_caller_identity()["Arn"] == (
        f"arn:aws:sts::{ACCOUNT}:assumed-role/job/run-1"
    )
    itself = durable.client("sts", spark).get_caller_identity()
    assert (itself["Arn"], itself["UserId"], itself.get("Account")) == (SPARK, SPARK, None)


def test_with_the_command_line(durable, spark):
    role = durable.role("job", to_spark())
    answer = durable.aws_json("sts", "get-caller-identity", credentials=spark)
    assert answer == {"UserId": SPARK, "Arn": SPARK}
    got = durable.aws_json(
        "sts",
        "assume-role",
        "--role-arn",
        role,
        "--role-session-name",
        "run",
        "--duration-seconds",
        43200,
        credentials=spark,
    )
    assert got["AssumedRoleUser"]["Arn"].endswith(":assumed-role/job/run")
    ran = durable.aws("iam", "list-users", credentials=spark)
    assert cli_error(ran) == ("AccessDenied", "ListUsers", not_authorized(SPARK, "iam:ListUsers", "*"))
    # From a profile, as a service would keep it.
    kept = durable.server.folder / "spark-credentials"
    ran = service(durable, "rotate-key", SPARK, "--credentials-file", kept)
    assert ran.returncode == 0, ran.stderr
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    environment = {"AWS_SHARED_CREDENTIALS_FILE": str(kept), "AWS_PROFILE": SPARK}
    wait_for(
        lambda: durable.aws("sts", "get-caller-identity", environment=environment).returncode == 0,
        "the server to follow",
    )


def test_only_those_who_are_named(durable, spark):
    sts = durable.client("sts", spark)
    for name, principal in [
        ("everyone", {"AWS": "*"}),
        ("account", {"AWS": root_of(ACCOUNT)}),
        ("other", {"Service": "other.example.internal"}),
        ("upper", {"Service": "SPARK.example.internal"}),
    ]:
        role = durable.role(name, trusting(principal))
        refused(
            lambda: sts.assume_role(RoleArn=role, RoleSessionName="run"),
            "AccessDenied",
            not_authorized(SPARK, "sts:AssumeRole", role),
        )
    # And a role for services is nobody else's.
    role = durable.role("job", to_spark())
    user = durable.user("user", allow("*"))
    refused(
        lambda: durable.client("sts", user).assume_role(RoleArn=role, RoleSessionName="run"),
        "AccessDenied",
        not_authorized(f"arn:aws:iam::{ACCOUNT}:user/user", "sts:AssumeRole", role),
    )


def test_the_confused_deputy(durable, spark):
    """The customer's role trusts the service for its own jobs; another customer asks for the same role."""
    customer, admin = durable.account("customer")
    other, other_admin = durable.account("other")
    role = durable.role(
        "lake",
        to_spark(
            Condition={
                "StringEquals": {"aws:SourceAccount": customer},
                "ArnLike": {"aws:SourceArn": f"arn:aws:spark:*:{customer}:job/*"},
            }
        ),
        allow("s3:*"),
        credentials=admin,
    )
    job = f"arn:aws:spark:us-east-1:{customer}:job/nightly"
    sentence = not_authorized(SPARK, "sts:AssumeRole", role)

    def assume(sts):
        return sts.assume_role(RoleArn=role, RoleSessionName="run")

    assume(on_behalf(durable, spark, job, customer))
    assume(on_behalf(durable, spark, job))
    evil = f"arn:aws:spark:us-east-1:{other}:job/nightly"
    for arn, account in [(None, None), (evil, None), (evil, other), (None, other), (None, customer)]:
        refused(lambda: assume(on_behalf(durable, spark, arn, account)), "AccessDenied", sentence)
    refused(
        lambda: assume(on_behalf(durable, spark, evil, customer)),
        "ValidationError",
        "The header x-amz-source-account names another account than x-amz-source-arn",
        400,
    )
    # The other customer says the same with its own credentials: it is no service.
    who = other_admin
    refused(
        lambda: assume(on_behalf(durable, who, job, customer)),
        "AccessDenied",
        not_authorized(f"arn:aws:sts::{other}:assumed-role/OrganizationAccountAccessRole/setup", "sts:AssumeRole", role),
    )
    # Whoever sits between the service and us cannot say it for the service.
    parameters = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": role, "RoleSessionName": "run"}
    body = "&".join(f"{name}={value.replace(':', '%3A').replace('/', '%2F')}" for name, value in parameters.items())
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    signed = durable.sign("sts", "POST", "/", headers | {"x-amz-source-account": other}, body.encode(), spark)
    assert durable.server.send("POST", "/", signed, body.encode()).error() == (403, "AccessDenied", sentence)
    changed = signed | {"x-amz-source-account": customer}
    assert durable.server.send("POST", "/", changed, body.encode()).error()[:2] == (403, "SignatureDoesNotMatch")
    bare = durable.sign("sts", "POST", "/", headers, body.encode(), spark)
    added = bare | {"x-amz-source-account": customer, "x-amz-source-arn": job}
    assert durable.server.send("POST", "/", added, body.encode()).error() == (
        400,
        "ValidationError",
        "The header x-amz-source-arn must be signed, and given once",
    )
    # What was asked for, by whom and for whom, is on record with the customer.
    record = assumed(durable)[-1]
    assert record["userIdentity"] == {"type": "AWSService", "invokedBy": SPARK, "accessKeyId": spark.id}
    granted = [record for record in assumed(durable) if "errorCode" not in record]
    assert granted[0]["additionalEventData"] == {"sourceArn": job, "sourceAccount": customer}
    assert granted[0]["recipientAccountId"] == customer


def assumed(durable):
    """The records of what the service asked for."""
    data = durable.server.arguments[durable.server.arguments.index("--data") + 1]

    def found():
        with open(f"{data}/audit/audit.jsonl") as lines:
            records = [json.loads(line) for line in lines]
        return [
            record
            for record in records
            if record["eventName"] == "AssumeRole" and record["userIdentity"]["type"] == "AWSService"
        ]

    return wait_for(found, "records")


def test_organizations(durable, spark):
    """Service control policies do not bind services; resource control policies bind whoever comes."""
    customer, admin = durable.account("customer")
    role = durable.role("job", to_spark(), credentials=admin)
    organizations = durable.client("organizations")
    root = organizations.list_roots()["Roots"][0]["Id"]
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        organizations.enable_policy_type(RootId=root, PolicyType=kind)

    def attach(kind, name, statement):
        made = organizations.create_policy(Content=policy(statement), Description="", Name=name, Type=kind)
        organizations.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=customer)

    sts = on_behalf(durable, spark, account=customer)
    attach("SERVICE_CONTROL_POLICY", "no-sts", deny("sts:*"))
    sts.assume_role(RoleArn=role, RoleSessionName="run")
    organization = organizations.describe_organization()["Organization"]["Id"]
    perimeter = {"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"} | {
        "Condition": {
            "StringNotEqualsIfExists": {"aws:SourceOrgID": organization},
            "Null": {"aws:SourceAccount": "false"},
            "Bool": {"aws:PrincipalIsAWSService": "true"},
        }
    }
    attach("RESOURCE_CONTROL_POLICY", "perimeter", perimeter)
    sts.assume_role(RoleArn=role, RoleSessionName="run")
    refused(
        lambda: on_behalf(durable, spark, account="999999999999").assume_role(RoleArn=role, RoleSessionName="run"),
        "AccessDenied",
        not_authorized(SPARK, "sts:AssumeRole", role),
    )


def test_a_service_calls_nothing_else(durable, spark):
    root = durable.client("s3")
    root.create_bucket(Bucket="open")
    root.put_object(Bucket="open", Key="part", Body=b"data")
    open_to_all = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::open", "arn:aws:s3:::open/*"],
    }
    root.put_bucket_policy(Bucket="open", Policy=policy(open_to_all))
    s3 = durable.client("s3", spark)
    for call in (
        s3.list_buckets,
        lambda: s3.list_objects_v2(Bucket="open"),
        lambda: s3.put_object(Bucket="open", Key="other", Body=b""),
        lambda: s3.create_bucket(Bucket="mine"),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
    sts, iam, organizations = (durable.client(name, spark) for name in ("sts", "iam", "organizations"))
    for call, action in [
        (sts.get_session_token, "sts:GetSessionToken"),
        (lambda: sts.get_federation_token(Name="ann"), "sts:GetFederationToken"),
        (lambda: sts.get_access_key_info(AccessKeyId=spark.id), "sts:GetAccessKeyInfo"),
        (iam.list_users, "iam:ListUsers"),
        (iam.get_user, "iam:GetUser"),
        (iam.create_access_key, "iam:CreateAccessKey"),
    ]:
        refused(call, "AccessDenied", not_authorized(SPARK, action, "*"))
    refused(
        organizations.describe_organization,
        "AccessDeniedException",
        not_authorized(SPARK, "organizations:DescribeOrganization", "*"),
        400,
    )


# Keys


def test_keys_are_rotated_while_the_server_runs(durable, spark):
    role = durable.role("job", to_spark())
    session = durable.client("sts", durable.assume(spark, role))
    second = made(durable, "rotate-key", SPARK)
    wait_for(lambda: works(durable, second), "the server to follow")
    assert works(durable, spark)
    third = made(durable, "rotate-key", SPARK, "--at-once")
    wait_for(lambda: works(durable, third) and not works(durable, second), "the server to follow")
    refused(durable.client("sts", spark).get_caller_identity, "InvalidClientTokenId", EXPIRED_KEY)
    listed = json.loads(service(durable, "list", "--format", "json").stdout)
    assert [(one["service"], [key["accessKeyId"] for key in one["keys"]]) for one in listed] == [(SPARK, [third.id])]
    # They are there after a restart.
    durable.server.terminate()
    durable.server.start()
    assert works(durable, third)
    ran = service(durable, "delete", SPARK)
    assert (ran.returncode, ran.stdout) == (0, f"forgot {SPARK}\n")
    wait_for(lambda: not works(durable, third), "the server to follow")
    # What it asked for lives on.
    session = durable.client("sts", Credentials(*session_keys(session)))
    session.get_caller_identity()


def session_keys(client):
    frozen = client._request_signer._credentials.get_frozen_credentials()
    return frozen.access_key, frozen.secret_key, frozen.token


def test_nothing_secret_is_kept_in_the_open(durable, spark):
    data = durable.server.arguments[durable.server.arguments.index("--data") + 1]
    durable.server.terminate()
    ran = subprocess.run(["grep", "-rlaF", spark.secret, data], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    durable.server.start()


def test_the_command_says_what_is_wrong(durable, tmp_path, spark):
    ran = service(durable, "create", SPARK)
    assert ran.returncode == 1
    assert f"`{SPARK}`: there is a service of that name already" in ran.stderr
    for arguments in (("delete", "other.example.internal"), ("rotate-key", "other.example.internal")):
        ran = service(durable, *arguments)
        assert ran.returncode == 1
        assert "`other.example.internal`: there is no service of that name" in ran.stderr
    for name in ("spark", "Spark.example.internal", "*.example.internal", "a b.c", "arn:aws:iam::1:x"):
        ran = service(durable, "create", name)
        assert ran.returncode == 2, name
        assert "labels of lower-case letters" in ran.stderr
    taken = tmp_path / "taken"
    taken.write_text("keep me")
    ran = service(durable, "create", "new.example.internal", "--credentials-file", taken)
    assert ran.returncode == 1
    assert taken.read_text() == "keep me"
    assert "new.example.internal" not in service(durable, "list").stdout
    # A directory with no store is not made into one.
    empty = tmp_path / "empty"
    empty.mkdir()
    ran = subprocess.run(
        [BINARY, "service", "create", SPARK, "--data", empty],
        env=base_environment(tmp_path),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 1
    assert list(empty.iterdir()) == []


def test_explain_knows_services(durable, spark):
    role = durable.role("job", to_spark(Condition={"StringEquals": {"aws:SourceAccount": ACCOUNT}}))
    data = durable.server.arguments[durable.server.arguments.index("--data") + 1]

    def explain(principal, *more):
        return subprocess.run(
            [BINARY, "explain", "--data", data, "--principal", principal]
            + ["--action", "sts:AssumeRole", "--resource", role, *more],
            cwd=durable.server.folder,
            env=base_environment(durable.server.folder),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    for more, decision in [
        ((), "denied"),
        (("--context", f"aws:SourceAccount={ACCOUNT}"), "allowed"),
    ]:
        ran = explain(SPARK, *more, "--expect", decision)
        assert ran.returncode == 0, ran.stdout + ran.stderr
    ran = explain("other.example.internal")
    assert ran.returncode == 1
    assert "`other.example.internal` does not exist" in ran.stderr


def test_a_role_says_for_how_long_even_to_a_service(durable, spark):
    """The role's own maximum is not for services; what no role goes beyond is."""
    role = durable.role("job", to_spark(), MaxSessionDuration=3600)
    sts = durable.client("sts", spark)
    sts.assume_role(RoleArn=role, RoleSessionName="run", DurationSeconds=43200)
    with pytest.raises(ClientError) as caught:
        sts.assume_role(RoleArn=role, RoleSessionName="run", DurationSeconds=43201)
    assert caught.value.response["Error"]["Code"] == "ValidationError"
    durable.client("iam").tag_role(
        RoleName="job", Tags=[{"Key": "locum:MaxSessionDuration", "Value": "604800"}]
    )
    sts.assume_role(RoleArn=role, RoleSessionName="run", DurationSeconds=604800)
