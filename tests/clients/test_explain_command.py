"""`locum explain`: the decision of the server, from what it stored, and why."""

import contextlib
import datetime
import json
import sqlite3
import subprocess
import time

import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    BINARY,
    ROOT_CREDENTIALS,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    deny,
    policy,
    root_of,
    trusting,
    wait_for,
)

ANN = f"arn:aws:iam::{ACCOUNT}:user/staff/ann"
BOB = f"arn:aws:iam::{ACCOUNT}:user/bob"
DEPLOY = f"arn:aws:iam::{ACCOUNT}:role/deploy"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/session"
GROUP = f"arn:aws:iam::{ACCOUNT}:group/team"
BOUNDARY = f"arn:aws:iam::{ACCOUNT}:policy/boundary"


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server on a data directory, with users, a role and buckets."""
    folder = tmp_path_factory.mktemp("explain")
    arguments = ["--data", str(folder / "data"), "--account-id", ACCOUNT]
    with Server(folder / "server", *arguments, ephemeral=False) as server:
        locum = Locum(server)
        iam = locum.client("iam")
        reading = {"StringEquals": {"aws:PrincipalTag/team": "red"}, "IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
        locum.keys = {
            ANN: locum.user(
                "ann",
                allow("s3:GetObject", "arn:aws:s3:::data/*", Sid="Reading", Condition=reading),
                allow("s3:ListBucket", "arn:aws:s3:::data"),
                allow("sts:AssumeRole", DEPLOY),
                Path="/staff/",
                Tags=[{"Key": "team", "Value": "blue"}],
            ),
            BOB: locum.user("bob", allow("s3:*"), deny("s3:DeleteBucket"), allow("sts:*")),
            root_of(ACCOUNT): ROOT_CREDENTIALS,
        }
        iam.create_policy(PolicyName="boundary", PolicyDocument=policy(allow("s3:Get*")))
        trust = [
            trusting(BOB),
            trusting(root_of(ACCOUNT), Condition={"StringEquals": {"sts:ExternalId": "seven"}}),
        ]
        iam.create_role(
            RoleName="deploy",
            AssumeRolePolicyDocument=policy(*trust),
            PermissionsBoundary=BOUNDARY,
            Tags=[{"Key": "stage", "Value": "test"}],
        )
        iam.put_role_policy(RoleName="deploy", PolicyName="all", PolicyDocument=policy(allow("s3:*")))
        s3 = locum.client("s3")
        for name, key in [("data", "x"), ("open", "x"), ("open", "secret/x")]:
            s3.create_bucket(Bucket=name)
            s3.put_object(Bucket=name, Key=key, Body=b"")
        s3.put_bucket_policy(
            Bucket="open",
            Policy=policy(
                allow("s3:GetObject", "arn:aws:s3:::open/*", Principal="*"),
                deny("s3:GetObject", "arn:aws:s3:::open/secret/*", Principal={"AWS": BOB}),
            ),
        )
        s3.create_bucket(Bucket="kept")
        keep = deny("s3:DeleteObject", "arn:aws:s3:::kept/*", Principal="*")
        s3.put_bucket_policy(Bucket="kept", Policy=policy(keep))
        locum.keys[SESSION] = locum.assume(locum.keys[BOB], DEPLOY)
        locum.folder = folder
        yield locum


def run(locum, *arguments, data=True, environment=None):
    place = ["--data", "data"] if data else []
    return subprocess.run(
        [BINARY, "explain", *map(str, arguments), *place],
        cwd=locum.folder,
        env=base_environment(locum.folder) | (environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def request(principal, action, resource="*", *more):
    return ["--principal", principal, "--action", action, "--resource", resource, *more]


def explained(locum, *arguments):
    """The JSON explanation of a request."""
    ran = run(locum, *request(*arguments), "--format", "json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def complaint(ran):
    """What the one line of the log says."""
    (line,) = ran.stderr.splitlines()
    return line.split(" ERROR ", 1)[1]


# The server's own answers


def call(locum, credentials, action, resource):
    """What the server answers to the request: `None`, or the message of the refusal."""
    service, operation = action.split(":")
    client = locum.client(service, credentials)
    bucket, _, key = resource.removeprefix("arn:aws:s3:::").partition("/")
    calls = {
        "GetObject": lambda: client.get_object(Bucket=bucket, Key=key),
        "PutObject": lambda: client.put_object(Bucket=bucket, Key=key, Body=b""),
        "ListBucket": lambda: client.list_objects_v2(Bucket=bucket),
        "DeleteBucket": lambda: client.delete_bucket(Bucket=bucket),
        "ListAllMyBuckets": lambda: client.list_buckets(),
        "ListUsers": lambda: client.list_users(),
        "AssumeRole": lambda: client.assume_role(RoleArn=resource, RoleSessionName="session"),
        "GetCallerIdentity": lambda: client.get_caller_identity(),
        "GetSessionToken": lambda: client.get_session_token(),
    }
    try:
        calls[operation]()
    except ClientError as error:
        return error.response["Error"]["Message"]
    return None


@pytest.mark.parametrize("principal", [ANN, BOB, root_of(ACCOUNT), SESSION], ids=["user", "reader", "root", "session"])
@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("s3:GetObject", "arn:aws:s3:::data/x"),
        ("s3:GetObject", "arn:aws:s3:::open/x"),
        ("s3:GetObject", "arn:aws:s3:::open/secret/x"),
        ("s3:PutObject", "arn:aws:s3:::open/x"),
        ("s3:ListBucket", "arn:aws:s3:::data"),
        ("s3:ListAllMyBuckets", "arn:aws:s3:::*"),
        ("iam:ListUsers", f"arn:aws:iam::{ACCOUNT}:user/"),
        ("sts:AssumeRole", DEPLOY),
        ("sts:GetCallerIdentity", "*"),
        ("sts:GetSessionToken", "*"),
    ],
)
def test_it_says_what_the_server_says(world, principal, action, resource):
    answer = call(world, world.keys[principal], action, resource)
    found = explained(world, principal, action, resource)
    assert (found["decision"] == "allowed") == (answer is None), found
    assert found["message"] == answer


def test_the_anonymous(world):
    anonymous = explained(world, "anonymous", "s3:GetObject", "arn:aws:s3:::open/x")
    assert anonymous["decision"] == "allowed"
    assert call(world, None, "s3:GetObject", "arn:aws:s3:::open/x") is None
    refused = explained(world, "anonymous", "s3:GetObject", "arn:aws:s3:::data/x")
    assert (refused["decision"], refused["message"]) == ("implicit_deny", "Access Denied")
    assert call(world, None, "s3:GetObject", "arn:aws:s3:::data/x") == "Access Denied"


# What it says


def test_the_text(world):
    ran = run(world, *request(ANN, "s3:GetObject", "arn:aws:s3:::data/x"))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (
        f"implicitly denied: {ANN} may not perform s3:GetObject on arn:aws:s3:::data/x\n"
        "  because no identity-based policy allows the s3:GetObject action\n"
        "identity-based policy: no allow\n"
        "  p0 (inline, user ann), statement 1 (Reading), Allow: does not match\n"
        '    StringEquals aws:PrincipalTag/team: "red"\n'
        '    the request has: "blue"\n'
        "  2 statements are about other actions\n"
        'keys that the request does not have: "aws:SourceIp"\n'
        f"the client is told: User: {ANN} is not authorized to perform: s3:GetObject on resource: "
        '"arn:aws:s3:::data/x" because no identity-based policy allows the s3:GetObject action\n'
    )


def test_the_json(world):
    assert explained(world, SESSION, "s3:PutObject", "arn:aws:s3:::data/x") == {
        "decision": "implicit_deny",
        "reason": "because no permissions boundary allows the s3:PutObject action",
        "message": f"User: {SESSION} is not authorized to perform: s3:PutObject on resource: "
        '"arn:aws:s3:::data/x" because no permissions boundary allows the s3:PutObject action',
        "principal": SESSION,
        "action": "s3:PutObject",
        "resource": "arn:aws:s3:::data/x",
        "notes": ["the session is taken to have no session policy: its token, which is not here, would tell"],
        "missing_keys": [],
        "layers": [
            {
                "layer": "identity",
                "answer": "allow",
                "statements": [
                    {
                        "policy": "all (inline, role deploy)",
                        "policy_number": 1,
                        "statement": 1,
                        "sid": None,
                        "effect": "Allow",
                        "matched": True,
                        "mismatch": None,
                        "missing_keys": [],
                    }
                ],
            },
            {
                "layer": "boundary",
                "answer": "no_allow",
                "statements": [
                    {
                        "policy": BOUNDARY,
                        "policy_number": 1,
                        "statement": 1,
                        "sid": None,
                        "effect": "Allow",
                        "matched": False,
                        "mismatch": {"element": "Action", "wanted": ["s3:Get*"], "seen": ["s3:PutObject"]},
                        "missing_keys": [],
                    }
                ],
            },
        ],
    }


def test_an_explicit_deny_names_its_statement(world):
    found = explained(world, BOB, "s3:DeleteBucket", "arn:aws:s3:::data")
    assert (found["decision"], found["reason"]) == (
        "explicit_deny",
        "with an explicit deny in an identity-based policy",
    )
    (layer,) = found["layers"]
    matched = [(s["policy"], s["effect"]) for s in layer["statements"] if s["matched"]]
    assert matched == [("p0 (inline, user bob)", "Allow"), ("p1 (inline, user bob)", "Deny")]


def test_a_trust_policy_names_people_not_ids(world):
    found = explained(world, ANN, "sts:AssumeRole", DEPLOY)
    trust = found["layers"][0]
    assert (trust["layer"], trust["answer"]) == ("trust", "no_allow")
    first, second = (statement["mismatch"] for statement in trust["statements"])
    assert first == {"element": "Principal", "wanted": [f"AWS: {BOB}"], "seen": [ANN]}
    assert second == {
        "element": "Condition",
        "operator": "StringEquals",
        "key": "sts:ExternalId",
        "wanted": ["seven"],
        "seen": None,
    }
    # The client is not told why, lest it learn whether the role is there.
    assert found["reason"] == "because no role trust policy allows the sts:AssumeRole action"
    assert found["message"].endswith(f"on resource: {DEPLOY}")
    assert explained(world, ANN, "sts:AssumeRole", DEPLOY, "--context", "sts:ExternalId=seven")["decision"] == "allowed"


def test_context_overrides_what_follows_from_the_principal(world):
    for given, decision in [
        ([], "implicit_deny"),
        (["aws:SourceIp=192.0.2.7"], "implicit_deny"),
        (["aws:SourceIp=192.0.2.7", "AWS:principaltag/TEAM=red"], "allowed"),
        (["aws:SourceIp=192.0.3.7", "aws:PrincipalTag/team=red"], "implicit_deny"),
        # A list does not match a single-valued key.
        (["aws:SourceIp=192.0.2.7", "aws:PrincipalTag/team=red", "aws:PrincipalTag/team=red"], "implicit_deny"),
        (["aws:SourceIp=192.0.2.7", "aws:PrincipalTag/team[]=red"], "implicit_deny"),
    ]:
        context = [part for pair in given for part in ("--context", pair)]
        found = explained(world, ANN, "s3:GetObject", "arn:aws:s3:::data/x", *context)
        assert found["decision"] == decision, given


def test_a_role_stands_for_a_session_of_it(world):
    found = explained(world, DEPLOY, "s3:GetObject", "arn:aws:s3:::data/x")
    assert (found["decision"], found["principal"]) == (
        "allowed",
        f"arn:aws:sts::{ACCOUNT}:assumed-role/deploy/supposed",
    )
    assert found["notes"][0] == "a role acts by its sessions: this one is called `supposed`"


def test_session_policies(world, tmp_path):
    file = tmp_path / "session.json"
    file.write_text(policy(allow("s3:GetObject", "arn:aws:s3:::data/mine/*")))
    given = ["--session-policy", str(file)]
    assert explained(world, SESSION, "s3:GetObject", "arn:aws:s3:::data/mine/x", *given)["decision"] == "allowed"
    other = explained(world, SESSION, "s3:GetObject", "arn:aws:s3:::data/x", *given)
    assert other["reason"] == "because no session policy allows the s3:GetObject action"
    managed = ["--session-policy-arn", BOUNDARY]
    assert explained(world, SESSION, "s3:GetObject", "arn:aws:s3:::data/x", *managed)["decision"] == "allowed"
    federated = f"arn:aws:sts::{ACCOUNT}:federated-user/fay"
    issued = ["--issuer", BOB]
    assert explained(world, federated, "s3:GetObject", "arn:aws:s3:::data/x", *issued)["reason"] == (
        "because no session policy allows the s3:GetObject action"
    )
    found = explained(world, federated, "s3:GetObject", "arn:aws:s3:::data/mine/x", *issued, *given)
    assert found["decision"] == "allowed"


def test_another_account(world):
    account, credentials = world.account("other")
    arn = f"arn:aws:iam::{account}:user/carl"
    carl = world.user("carl", allow("s3:*"), credentials=credentials)
    found = explained(world, arn, "s3:PutObject", "arn:aws:s3:::data/x")
    assert found["reason"] == "because no resource-based policy allows the s3:PutObject action"
    assert found["message"] == call(world, carl, "s3:PutObject", "arn:aws:s3:::data/x")
    assert explained(world, arn, "s3:GetObject", "arn:aws:s3:::open/x")["decision"] == "allowed"
    # Of what is not here, the account can be told.
    queue = f"arn:aws:sqs:us-east-1:{ACCOUNT}:queue"
    assert explained(world, BOB, "sqs:SendMessage", queue)["reason"].startswith("because no identity-based policy")
    assert explained(world, arn, "sqs:SendMessage", queue)["reason"].startswith("because no resource-based policy")
    gone = ["s3:GetObject", "arn:aws:s3:::gone/x"]
    assert explained(world, BOB, *gone)["notes"] == [
        "the bucket does not exist here: it is taken to belong to the principal's own account and to have no policy"
    ]
    found = explained(world, BOB, *gone, "--resource-account", account)
    assert found["decision"] == "implicit_deny"
    note = f"the bucket does not exist here: it is taken to belong to {account} and to have no policy"
    assert found["notes"] == [note]


def test_policies_of_the_organization(world):
    organizations = world.client("organizations")
    account, credentials = world.account("bound")
    dora = world.user("dora", allow("s3:*"), allow("iam:*"), credentials=credentials)
    arn = f"arn:aws:iam::{account}:user/dora"
    root = organizations.list_roots()["Roots"][0]["Id"]
    for kind in ("SERVICE_CONTROL_POLICY", "RESOURCE_CONTROL_POLICY"):
        organizations.enable_policy_type(RootId=root, PolicyType=kind)

    def attach(name, kind, *statements):
        made = organizations.create_policy(Name=name, Description="", Type=kind, Content=policy(*statements))
        organizations.attach_policy(PolicyId=made["Policy"]["PolicySummary"]["Id"], TargetId=account)

    def agree(action, resource):
        answer = call(world, dora, action, resource)
        found = explained(world, arn, action, resource)
        assert found["message"] == answer
        return found

    assert agree("iam:ListUsers", f"arn:aws:iam::{account}:user/")["decision"] == "allowed"
    attach("no-users", "SERVICE_CONTROL_POLICY", deny("iam:ListUsers"))
    found = agree("iam:ListUsers", f"arn:aws:iam::{account}:user/")
    assert (found["decision"], found["reason"]) == (
        "explicit_deny",
        "with an explicit deny in a service control policy",
    )
    levels = [(layer["level"], layer["answer"]) for layer in found["layers"] if layer["layer"] == "service_control"]
    assert levels == [(1, "allow"), (2, "explicit_deny")]
    denying = [s["policy"] for layer in found["layers"] for s in layer["statements"] if s["effect"] == "Deny"]
    assert len(denying) == 1 and "no-users" in denying[0]

    world.client("s3", credentials).create_bucket(Bucket="bound")
    assert agree("s3:ListBucket", "arn:aws:s3:::bound")["decision"] == "allowed"
    attach("closed", "RESOURCE_CONTROL_POLICY", deny("s3:ListBucket", Principal="*"))
    found = agree("s3:ListBucket", "arn:aws:s3:::bound")
    assert found["reason"] == "with an explicit deny in a resource control policy"
    text = run(world, *request(arn, "s3:ListBucket", "arn:aws:s3:::bound")).stdout
    assert "\nresource control policy, level 2: explicit deny\n" in text


# The contract


def test_the_decision_is_no_failure_unless_another_is_expected(world):
    allowed = request(BOB, "s3:GetObject", "arn:aws:s3:::data/x")
    implicit = request(ANN, "s3:PutObject", "arn:aws:s3:::data/x")
    explicit = request(BOB, "s3:DeleteBucket", "arn:aws:s3:::data")
    for asked, fits in [
        (allowed, {"allowed"}),
        (implicit, {"denied", "implicit_deny"}),
        (explicit, {"denied", "explicit_deny"}),
    ]:
        assert run(world, *asked).returncode == 0
        for expected in ("allowed", "denied", "implicit_deny", "explicit_deny"):
            ran = run(world, *asked, "--expect", expected)
            assert ran.returncode == (0 if expected in fits else 1), (asked, expected)
            assert ran.stderr == ""
            ran = run(world, *asked, environment={"LOCUM_EXPECT": expected})
            assert ran.returncode == (0 if expected in fits else 1), (asked, expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (request("bob", "s3:GetObject"), "`bob` is no principal: it must be `anonymous`, the name of a service, or the ARN of"),
        (request(GROUP, "s3:GetObject"), f"`{GROUP}` is no principal"),
        (request(BOB, "GetObject"), "`GetObject` is no action"),
        (request(BOB, "s3:*"), "`s3:*` is no action"),
        (request(BOB, "s3:GetObject", "data/x"), "`data/x` is no resource: it must be an ARN or `*`"),
        (request(BOB, "s3:GetObject", "*", "--context", "aws:SourceIp"), "`aws:SourceIp` is no condition key"),
        (request(BOB, "s3:GetObject", "*", "--context", "SourceIp=1"), "`SourceIp=1` is no condition key"),
        (request(BOB, "s3:GetObject", "*", "--resource-account", "12"), "`12` is no account id"),
        (request(BOB, "s3:GetObject", "*", "--store", "mysql://x"), "`mysql://x` is no store"),
        (request(BOB, "s3:GetObject", "*", "--session-policy", "none.json"), "`none.json` cannot be read"),
        (
            request(f"arn:aws:sts::{ACCOUNT}:federated-user/fay", "s3:GetObject"),
            "the ARN of a federated user does not say who asked for its credentials: name the issuer with --issuer",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_usage_is_2(world, arguments, message):
    ran = run(world, *arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert complaint(ran).startswith(message)


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--principal", BOB],
        ["--principal", BOB, "--action", "s3:GetObject", "--case", "x"],
        ["--case", "x", "--context", "a:b=c"],
        request(BOB, "s3:GetObject", "*", "--format", "xml"),
        request(BOB, "s3:GetObject", "*", "--expect", "maybe"),
    ],
)
def test_arguments_that_do_not_go_together_are_2(world, arguments):
    ran = run(world, *arguments, data=False)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "panicked" not in ran.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (request("arn:aws:iam::999999999999:user/x", "s3:GetObject"), "there is no account 999999999999"),
        (
            request(f"arn:aws:iam::{ACCOUNT}:user/ann", "s3:GetObject"),
            f"`arn:aws:iam::{ACCOUNT}:user/ann` does not exist; there is `{ANN}`",
        ),
        (
            request(BOB, "sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/gone"),
            f"`arn:aws:iam::{ACCOUNT}:role/gone` does not exist",
        ),
        (
            request(BOB, "s3:GetObject", "arn:aws:s3:::data/x", "--resource-account", "111122223333"),
            f"`arn:aws:s3:::data/x` belongs to account {ACCOUNT}, not 111122223333",
        ),
        (
            request(BOB, "s3:GetObject", "*", "--store", "sqlite:gone.db"),
            "cannot open the store `gone.db`: there is no database",
        ),
        (
            request(BOB, "s3:GetObject", "*", "--store", "sqlite:server/log"),
            "cannot open the store `server/log`: the file is not a database",
        ),
        (request(BOB, "s3:GetObject", "*", "--config", "gone.toml"), "cannot read `gone.toml`: "),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_failures_at_work_are_1(world, arguments, message):
    ran = run(world, *arguments)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert complaint(ran).startswith(message)
    assert not (world.folder / "gone.db").exists()


def test_a_missing_data_directory_is_not_made(world, tmp_path):
    ran = run(world, *request(BOB, "s3:GetObject"), "--data", tmp_path / "gone", data=False)
    assert ran.returncode == 1
    assert complaint(ran) == f"cannot open the store `{tmp_path}/gone/locum.db`: there is no database"
    assert not (tmp_path / "gone").exists()


def test_where_the_store_is_can_be_said_three_ways(world, tmp_path):
    asked = request(BOB, "s3:GetObject")
    (world.folder / "settings.toml").write_text('data = "data"\nlisten = "127.0.0.1:1"\n')
    for more, environment in [
        (["--store", "sqlite:data/locum.db", "--data", "data"], {}),
        (["--config", "settings.toml"], {}),
        ([], {"LOCUM_DATA": "data"}),
        ([], {"LOCUM_CONFIG": "settings.toml"}),
    ]:
        ran = run(world, *asked, *more, data=False, environment=environment)
        assert ran.returncode == 0, ran.stderr
    assert run(world, *asked, data=False).returncode == 1


def test_nothing_is_changed(tmp_path):
    arguments = ["--data", str(tmp_path / "data"), "--account-id", ACCOUNT]
    with Server(tmp_path / "server", *arguments, ephemeral=False) as server:
        Locum(server).user("bob", allow("s3:*"))
        assert server.terminate() == 0
    database = tmp_path / "data/locum.db"
    before = database.read_bytes()
    for _ in range(2):
        ran = subprocess.run(
            [BINARY, "explain", *request(BOB, "s3:GetObject"), "--data", str(tmp_path / "data")],
            capture_output=True,
            text=True,
            env=base_environment(tmp_path),
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith(f"allowed: {BOB} may perform s3:GetObject on *\n")
        assert database.read_bytes() == before
    # And the server starts on it as ever.
    with Server(tmp_path / "server", *arguments, ephemeral=False) as server:
        assert [user["UserName"] for user in Locum(server).client("iam").list_users()["Users"]] == ["bob"]


def test_nothing_commands_the_terminal(world):
    hostile = "\x1b]0;title\x07\x9b2J\u202e"
    shown = "\\u{1b}]0;title\\u{7}\\u{9b}2J\\u{202e}"
    ran = run(world, *request(BOB, "s3:GetObject", f"arn:aws:s3:::data/{hostile}"))
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"allowed: {BOB} may perform s3:GetObject on arn:aws:s3:::data/{shown}\n")
    found = run(world, *request(BOB, "s3:GetObject", f"arn:aws:s3:::data/{hostile}"), "--format", "json")
    assert json.loads(found.stdout)["resource"] == f"arn:aws:s3:::data/{hostile}"
    wrong = run(world, *request(f"arn:aws:iam::{ACCOUNT}:user/{hostile}", "s3:GetObject"))
    assert wrong.returncode == 1
    assert complaint(wrong) == f"`arn:aws:iam::{ACCOUNT}:user/{shown}` does not exist"
    for text in (ran.stdout, found.stdout, wrong.stderr):
        assert not any(character in text for character in "\x1b\x07\x9b\u202e")


# Cases

CASE = {
    "name": "ann reads",
    "principal": ANN,
    "action": "s3:GetObject",
    "resource": "arn:aws:s3:::data/x",
    "expect": "allowed",
    "identity_policies": [json.loads(policy(allow("s3:PutObject")))],
}


def test_a_case_needs_no_server(world, tmp_path):
    file = tmp_path / "cases.json"
    file.write_text(json.dumps([CASE]))
    for name in (f"{file}", f"{file}:ann reads"):
        ran = run(world, "--case", name, data=False)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert ran.stdout == (
            f"implicitly denied: {ANN} may not perform s3:GetObject on arn:aws:s3:::data/x\n"
            "  because no identity-based policy allows the s3:GetObject action\n"
            "identity-based policy: no allow\n"
            "  1 statement is about other actions\n"
            "note: the case expects allowed\n"
        )
        assert run(world, "--case", name, "--expect", "allowed", data=False).returncode == 1


def test_a_case_is_found_by_its_name(world, tmp_path):
    file = tmp_path / "ca:ses.json"
    second = CASE | {"name": "a: b", "action": "s3:PutObject"}
    file.write_text(json.dumps([CASE, second]))
    ran = run(world, "--case", f"{file}:a: b", data=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith(f"allowed: {ANN} may perform s3:PutObject on arn:aws:s3:::data/x\n")
    for given, message in [
        (f"{file}", f"`{file}` holds 2 cases: name one of them, as FILE:NAME"),
        (f"{file}:c", f"`{file}` holds no case `c`"),
        (f"{tmp_path}/gone.json:c", f"`{tmp_path}/gone.json` cannot be read: No such file or directory (os error 2)"),
        (f"{tmp_path}/gone.json", f"`{tmp_path}/gone.json` cannot be read: No such file or directory (os error 2)"),
    ]:
        ran = run(world, "--case", given, data=False)
        assert (ran.returncode, complaint(ran)) == (2, message)
    file.write_text(json.dumps([CASE | {"expect": "perhaps"}]))
    ran = run(world, "--case", f"{file}:ann reads", data=False)
    assert ran.returncode == 2
    assert "case `ann reads`: expect: " in complaint(ran)


# Messages, the audit log, other times


def refusal(call):
    """(message, request id, sentence) of a refused call."""
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    error = answer["Error"]
    return error.get("EncodedAuthorizationMessage"), answer["ResponseMetadata"]["RequestId"], error["Message"]


def lines_without_time(text):
    return [line for line in text.splitlines() if not line.startswith("note: decided at ")]


def test_a_message(world):
    s3 = world.client("s3", world.keys[ANN])
    message, request_id, sentence = refusal(lambda: s3.get_object(Bucket="data", Key="x"))
    ran = run(world, "--message", message)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.splitlines()[-1].endswith(f", in request {request_id}")
    # What was decided is told as what would be decided, but for the address, which a request has.
    supposed = run(
        world, *request(ANN, "s3:GetObject", "arn:aws:s3:::data/x"), "--context", "aws:SourceIp=127.0.0.1"
    )
    assert lines_without_time(ran.stdout) == supposed.stdout.splitlines()
    assert f"the client is told: {sentence}" in ran.stdout
    found = json.loads(run(world, "--message", message, "--format", "json").stdout)
    assert (found["decision"], found["principal"], found["message"]) == ("implicit_deny", ANN, sentence)
    assert run(world, "--message", message, "--expect", "allowed").returncode == 1


def test_a_message_from_standard_input_as_a_client_printed_it(world):
    message, _, _ = refusal(lambda: world.client("iam", world.keys[BOB]).list_users())
    for text in [message, f"You are not authorized. Encoded authorization failure message: {message}\n"]:
        ran = subprocess.run(
            [BINARY, "explain", "--message", "-", "--data", "data"],
            cwd=world.folder,
            env=base_environment(world.folder),
            input=text,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        assert ran.stdout.startswith(f"implicitly denied: {BOB} may not perform iam:ListUsers on ")


def test_what_is_no_message_is_told(world):
    message, _, _ = refusal(lambda: world.client("iam", world.keys[BOB]).list_users())
    for text in ["x", message[:-1], message.swapcase(), world.keys[SESSION].token]:
        ran = run(world, "--message", text)
        assert (ran.returncode, ran.stdout) == (1, "")
        assert complaint(ran).startswith("that is no authorization message of this realm, or the key")
    assert run(world, "--message", "").returncode == 2


def recorded(world, request_id):
    """Waits until the request is in the audit log, which is written behind its back."""
    log = world.folder / "data/audit/audit.jsonl"
    wait_for(lambda: request_id in log.read_text(), "the request to be recorded")
    return request_id


def test_a_request_of_the_audit_log(world):
    iam = world.client("iam", world.keys[BOB])
    message, request_id, sentence = refusal(lambda: iam.create_user(UserName="eve"))
    ran = run(world, "--request-id", recorded(world, request_id))
    assert (ran.returncode, ran.stdout) == (0, run(world, "--message", message).stdout)
    assert f"the client is told: {sentence}" in ran.stdout
    # The context of the request is the one that it had.
    session = world.client("s3", world.keys[SESSION])
    _, request_id, sentence = refusal(lambda: session.put_object(Bucket="data", Key="x", Body=b""))
    found = json.loads(run(world, "--request-id", recorded(world, request_id), "--format", "json").stdout)
    assert (found["principal"], found["message"]) == (SESSION, sentence)


def test_a_request_that_was_allowed(world):
    s3 = world.client("s3", world.keys[BOB])
    request_id = s3.get_object(Bucket="data", Key="x")["ResponseMetadata"]["RequestId"]
    found = json.loads(run(world, "--request-id", recorded(world, request_id), "--format", "json").stdout)
    assert (found["decision"], found["action"]) == ("allowed", "s3:GetObject")
    assert found["resource"] == "arn:aws:s3:::data/x"
    assert any(note.startswith("GetObject was done at ") for note in found["notes"])
    # What the record does not tell has to be said.
    request_id = world.client("iam").get_user(UserName="bob")["ResponseMetadata"]["RequestId"]
    ran = run(world, "--request-id", recorded(world, request_id))
    assert ran.returncode == 1
    assert complaint(ran).startswith("the record does not say on which resource the request was decided: give --resource")
    ran = run(world, "--request-id", request_id, "--resource", BOB)
    assert ran.stdout.startswith(f"allowed: root of {ACCOUNT} may perform iam:GetUser on {BOB}\n")
    message, request_id, sentence = refusal(lambda: world.client("s3").delete_object(Bucket="kept", Key="x"))
    assert sentence.startswith(f"User: {root_of(ACCOUNT)} is not authorized")
    ran = run(world, "--message", message)
    assert ran.stdout.startswith(f"explicitly denied: root of {ACCOUNT} may not perform s3:DeleteObject on ")
    assert f"the client is told: {sentence}\n" in ran.stdout
    ran = run(world, "--request-id", recorded(world, request_id), "--as-of", "now")
    assert ran.stdout.startswith(f"explicitly denied: root of {ACCOUNT} may not perform s3:DeleteObject on ")


def test_requests_that_nobody_can_explain(world):
    ran = run(world, "--request-id", "7f9c8a52-0000-4000-8000-000000000000")
    assert ran.returncode == 1
    assert complaint(ran).startswith("the audit log `data/audit` has no request `7f9c8a52-")
    # An id in what somebody sent is not the id of the request.
    probe = "11111111-2222-4333-8444-555555555555"
    sts = world.client("sts", config={"user_agent_extra": probe})
    recorded(world, sts.get_caller_identity()["ResponseMetadata"]["RequestId"])
    assert run(world, "--request-id", probe).returncode == 1
    forged = world.client("sts", Credentials(world.keys[BOB].id, "wrong" * 8, None))
    _, request_id, _ = refusal(forged.get_caller_identity)
    ran = run(world, "--request-id", recorded(world, request_id))
    assert ran.returncode == 1
    assert complaint(ran).startswith("it is not known who made the request, so no policy was asked: ")


def test_another_time(tmp_path):
    """Before and after a change of a policy, of a bucket policy, and of who exists."""
    arguments = ["--data", str(tmp_path / "data"), "--account-id", ACCOUNT]
    with Server(tmp_path / "server", *arguments, ephemeral=False) as server:
        locum = Locum(server)
        locum.folder = tmp_path
        iam = locum.client("iam")
        keys = locum.user("kim", allow("s3:GetObject"))
        kim = f"arn:aws:iam::{ACCOUNT}:user/kim"
        locum.client("s3").create_bucket(Bucket="data")
        locum.client("s3").put_object(Bucket="data", Key="x", Body=b"")
        asked = request(kim, "s3:GetObject", "arn:aws:s3:::data/x")
        moments = []

        def moment():
            """A second of its own in which nothing changes."""
            start = int(time.time())
            wait_for(lambda: int(time.time()) > start, "the second to pass")
            moments.append(datetime.datetime.fromtimestamp(start, datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

        def decided(when, *more):
            ran = run(locum, *asked, "--format", "json", "--as-of", when, *more)
            assert ran.returncode == 0, ran.stderr
            return json.loads(ran.stdout)

        moment()
        iam.put_user_policy(UserName="kim", PolicyName="p0", PolicyDocument=policy(deny("s3:*", Sid="Stop")))
        s3 = locum.client("s3", keys)
        _, request_id, _ = refusal(lambda: s3.get_object(Bucket="data", Key="x"))
        moment()
        iam.put_user_policy(UserName="kim", PolicyName="p0", PolicyDocument=policy(allow("s3:*")))
        moment()
        decisions = [decided(when)["decision"] for when in (*moments, "now")]
        assert decisions == ["allowed", "explicit_deny", "allowed", "allowed"]
        note = f"decided with the policies as they were at {moments[1]}; AWS-managed policies are those of this locum"
        assert decided(moments[1])["notes"][-1] == note
        # With an offset, and a request of the log at other times than its own.
        hour = datetime.timezone(datetime.timedelta(hours=1))
        elsewhere = datetime.datetime.fromisoformat(moments[1]).astimezone(hour).isoformat()
        assert decided(elsewhere)["decision"] == "explicit_deny"
        recorded(locum, request_id)
        for when, decision in [*zip(moments, decisions), ("now", "allowed"), (None, "explicit_deny")]:
            as_of = ["--as-of", when] if when else []
            ran = run(locum, "--request-id", request_id, "--format", "json", *as_of)
            assert json.loads(ran.stdout)["decision"] == decision, when
        # Who is gone was there.
        iam.delete_access_key(UserName="kim", AccessKeyId=keys.id)
        iam.delete_user_policy(UserName="kim", PolicyName="p0")
        iam.delete_user(UserName="kim")
        gone = run(locum, *asked)
        assert (gone.returncode, complaint(gone)) == (1, f"`{kim}` does not exist")
        assert decided(moments[0])["decision"] == "allowed"
        # Before there was anything.
        early = run(locum, *asked, "--as-of", "2001-01-01T00:00:00Z")
        assert early.returncode == 1
        assert complaint(early).startswith(
            "cannot go back in time: at 2001-01-01T00:00:00Z there was nothing yet: the first change was made at "
        )
    # A feed without its beginning.
    with contextlib.closing(sqlite3.connect(tmp_path / "data/locum.db")) as store, store:
        store.execute("DELETE FROM feed WHERE sequence = (SELECT min(sequence) FROM feed)")
    ran = run(locum, *asked, "--as-of", moments[0])
    assert ran.returncode == 1
    assert complaint(ran).startswith(
        f"cannot go back in time: the feed of changes no longer reaches back to {moments[0]}: what is kept of it begins at "
    )


def test_times_and_messages_that_make_no_sense(world):
    for text in ["yesterday", "2030-01-31", "2030-13-01T00:00:00Z"]:
        ran = run(world, *request(BOB, "s3:GetObject"), "--as-of", text)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert complaint(ran).startswith(f"`{text}` is no time: it must be a date and time with its offset")
    for arguments in [
        ["--message", "x", "--as-of", "now"],
        ["--message", "x", "--request-id", "y"],
        ["--message", "x", "--principal", BOB, "--action", "s3:GetObject"],
        ["--request-id", "y", "--principal", BOB],
        ["--case", "x", "--as-of", "now"],
    ]:
        assert run(world, *arguments).returncode == 2, arguments


def test_what_else_a_session_asks_for(world):
    """AssumeRole with tags, a source identity or both asks for their permissions too."""
    world.role("tagging", trusting(BOB), allow("s3:*"))
    world.role("open", trusting(BOB, ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]))
    closed, opened = (f"arn:aws:iam::{ACCOUNT}:role/{name}" for name in ("tagging", "open"))
    tag = ["--context", "aws:RequestTag/team=red", "--context", "aws:TagKeys[]=team"]
    source = ["--context", "sts:SourceIdentity=bob"]
    sts = world.client("sts", world.keys[BOB])
    tags = {"Tags": [{"Key": "team", "Value": "red"}]}
    for given, options, action in [
        (tag, tags, "sts:TagSession"),
        (source, {"SourceIdentity": "bob"}, "sts:SetSourceIdentity"),
        ([*tag, *source], {"SourceIdentity": "bob"} | tags, "sts:TagSession"),
    ]:
        found = explained(world, BOB, "sts:AssumeRole", closed, *given)
        assert (found["decision"], found["action"]) == ("implicit_deny", action)
        assert f"sts:AssumeRole itself is allowed: such a request asks for {action} too" in found["notes"]
        _, _, sentence = refusal(lambda: sts.assume_role(RoleArn=closed, RoleSessionName="session", **options))
        assert found["message"] == sentence
        found = explained(world, BOB, "sts:AssumeRole", opened, *given)
        assert (found["decision"], found["action"]) == ("allowed", "sts:AssumeRole")
        assert f"such a request asks for {action} too, which is allowed" in found["notes"]
        sts.assume_role(RoleArn=opened, RoleSessionName="session", **options)
    assert explained(world, BOB, "sts:AssumeRole", closed)["notes"] == []
