"""`locum import minio`: exports of a MinIO cluster, in the form of `mc admin cluster iam export`."""

import io
import json
import subprocess
import zipfile

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNT, BINARY, Clock, Credentials, Locum, Server, base_environment, wait_for

READ = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Action": ["s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket"],
            "Resource": ["arn:aws:s3:::*"],
        }
    ],
}
WRITE = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}],
}
ADMIN = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["admin:*"]},
        {"Effect": "Allow", "Action": ["kms:*"]},
        {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]},
    ],
}
DIAGNOSTICS = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["admin:ServerTrace"], "Resource": ["arn:aws:s3:::*"]}],
}
LONG = "application_of_the_cluster"
SECRET = "a-secret-of-minio"


def user(secret=SECRET, status="enabled"):
    return {"secretKey": secret, "status": status}


def mapping(names):
    return {"version": 1, "policy": names, "updatedAt": "2023-01-02T03:04:05Z"}


def group(*members, status="enabled"):
    return {"version": 1, "status": status, "members": list(members), "updatedAt": "2023-01-02T03:04:05Z"}


def service_account(key, parent, embedded=None, status="on", **more):
    return {
        "parent": parent,
        "accessKey": key,
        "secretKey": f"{SECRET}-{key}",
        "groups": None,
        "claims": {
            "accessKey": key,
            "parent": parent,
            "sa-policy": "embedded-policy" if embedded else "inherited-policy",
        },
        "sessionPolicy": embedded,
        "status": status,
        "name": "",
        "description": "",
    } | more


def archive(extra=(), **files):
    """A ZIP file as MinIO writes it: every file below iam-assets, deflated."""
    out = io.BytesIO()
    names = (
        *("policies", "users", "groups", "svcaccts", "user_mappings", "group_mappings"),
        *("stsuser_mappings", "stsgroup_mappings"),
    )
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name in names:
            content = files.get(name, {})
            text = content if isinstance(content, str) else json.dumps(content)
            made.writestr(f"iam-assets/{name}.json", text)
        for name, text in extra:
            made.writestr(name, text)
    return out.getvalue()


@pytest.fixture
def durable(tmp_path, monkeypatch):
    """A server of its own on a data directory, with the account of the other tests."""
    clock = Clock()
    clock.install(monkeypatch)
    arguments = ("--data", str(tmp_path / "data"), "--account-id", ACCOUNT)
    with Server(tmp_path / "server", *arguments, ephemeral=False) as server:
        yield Locum(server, clock)


def imported(durable, content, *options):
    """Runs `locum import minio` on the data directory of a server that is running."""
    folder = durable.server.folder
    (folder / "iam.zip").write_bytes(content)
    arguments = durable.server.arguments
    data = arguments[arguments.index("--data") + 1]
    return subprocess.run(
        [BINARY, "import", "minio", "iam.zip", "--data", data, *options],
        cwd=folder,
        env=base_environment(folder),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def refused_by(call):
    with pytest.raises(ClientError) as error:
        call()
    return error.value.response["Error"]["Code"]


def test_a_cluster_goes_on_with_its_keys(durable):
    reader, off = "READERKEYOFTHESUITE1", "DISABLEDKEYOFTHESUIT"
    content = archive(
        policies={"readonly": READ, "readwrite": WRITE},
        users={LONG: user(), "disabled_user_of_the_cluster": user(status="disabled")},
        groups={"teams": group(LONG)},
        user_mappings={LONG: mapping("readonly")},
        group_mappings={"teams": mapping("readwrite")},
        svcaccts={
            reader: service_account(reader, LONG, embedded=READ),
            off: service_account(off, LONG, status="off"),
        },
    )
    ran = imported(durable, content)
    assert (ran.returncode, ran.stderr) == (0, ""), ran.stdout
    assert ran.stdout == f"account {ACCOUNT}: 12 created, 0 changed, 0 unchanged, 0 refused\n"
    # The key that applications have works on, with what its user and the user's group may.
    key = Credentials(LONG, SECRET)
    s3 = durable.client("s3", key)
    wait_for(lambda: works(s3), "the server to follow")
    s3.create_bucket(Bucket="lake")
    s3.put_object(Bucket="lake", Key="part", Body=b"data")
    # A service account reads, as the policy embedded in it says, though its parent may write.
    s3 = durable.client("s3", Credentials(reader, f"{SECRET}-{reader}"))
    assert s3.get_object(Bucket="lake", Key="part")["Body"].read() == b"data"
    assert refused_by(lambda: s3.put_object(Bucket="lake", Key="other", Body=b"")) == "AccessDenied"
    iam = durable.client("iam")
    shown = iam.get_user(UserName=reader)["User"]
    assert shown["Path"] == "/minio/svcacct/"
    assert shown["PermissionsBoundary"]["PermissionsBoundaryArn"] == (
        f"arn:aws:iam::{ACCOUNT}:policy/minio/svcacct/minio-svcacct-{reader}"
    )
    assert shown["Tags"] == [{"Key": "minio-parent", "Value": LONG}]
    # Who was switched off stays so.
    for name, secret in ((off, f"{SECRET}-{off}"), ("disabled_user_of_the_cluster", SECRET)):
        s3 = durable.client("s3", Credentials(name, secret))
        assert refused_by(s3.list_buckets) == "InvalidAccessKeyId"
        (metadata,) = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
        assert (metadata["AccessKeyId"], metadata["Status"]) == (name, "Inactive")
    again = imported(durable, content)
    assert again.stdout == f"account {ACCOUNT}: 0 created, 0 changed, 12 unchanged, 0 refused\n"
    # The secret is nowhere to be read.
    store = (durable.server.folder.parent / "data/locum.db").read_bytes()
    assert SECRET.encode() not in store


def works(s3):
    try:
        s3.list_buckets()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidAccessKeyId"
        return False
    return True


def test_what_iam_does_not_have_refuses_or_is_left_out(durable):
    content = archive(
        policies={"consoleAdmin": ADMIN, "diagnostics": DIAGNOSTICS, "bad name": READ},
        users={"alice": user(), LONG: user()},
        groups={"off": group("alice", "ghost", status="disabled")},
        user_mappings={"alice": mapping("consoleAdmin,diagnostics"), "uid=x,dc=y": mapping("readonly")},
        group_mappings={"off": mapping("consoleAdmin")},
        svcaccts={
            "EXPIRINGKEYOFTHECLUS": service_account(
                "EXPIRINGKEYOFTHECLUS", LONG, expiration="2030-01-01T00:00:00Z"
            ),
            "ORPHANKEYOFTHECLUSTE": service_account("ORPHANKEYOFTHECLUSTE", "minioadmin"),
            "ADMINKEYOFTHECLUSTER": service_account("ADMINKEYOFTHECLUSTER", LONG, embedded=DIAGNOSTICS),
        },
        stsuser_mappings={"cn=x": mapping("readonly")},
        extra=[("../../etc/cron.d/locum", "boo")],
    )
    own = "actions that are not S3's (admin:…, kms:…), and statements without resources of S3"
    skipped = [
        "the file `../../etc/cron.d/locum` is not known",
        "policy `bad name`: policies here cannot have that name",
        f"policy `consoleAdmin`: {own}",
        f"policy `diagnostics`: {own}",
        "`uid=x,dc=y` has policies, and is no user of the cluster's own",
        "group `off`: it is disabled, and here has no policies then",
        "group `off`: its member `ghost` is no user",
        "user `alice`: its access key, whose id must have 16 to 128 letters, digits and `_`, and whose "
        "secret must not be empty",
        f"policy `minio-svcacct-ADMINKEYOFTHECLUSTER`: {own}",
        "service account `ADMINKEYOFTHECLUSTER`: nothing is left of the policy embedded in it",
        "service account `EXPIRINGKEYOFTHECLUS`: it expires, and access keys here do not",
        "service account `ORPHANKEYOFTHECLUSTE`: its parent `minioadmin` is not among the users",
        "policies of the identity provider's user `cn=x`",
    ]
    ran = imported(durable, content, "--format", "json")
    report = json.loads(ran.stdout)
    assert (ran.returncode, report["imported"]) == (1, False)
    assert report["refusals"] == [f"{what} (--skip-unsupported leaves it out)" for what in skipped]
    iam = durable.client("iam")
    assert iam.list_users()["Users"] == []
    ran = imported(durable, content, "--skip-unsupported", "--format", "json")
    report = json.loads(ran.stdout)
    assert (ran.returncode, report["refusals"]) == (0, []), report
    assert report["notes"] == [f"left out: {what}" for what in skipped]
    wait_for(lambda: iam.list_users()["Users"], "the server to follow")
    assert [found["UserName"] for found in iam.list_users()["Users"]] == ["alice", LONG]
    document = iam.get_policy_version(
        PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/consoleAdmin", VersionId="v1"
    )["PolicyVersion"]["Document"]
    assert document == {"Version": "2012-10-17", "Statement": [ADMIN["Statement"][2]]}
    assert iam.list_attached_group_policies(GroupName="off")["AttachedPolicies"] == []
    assert not (durable.server.folder.parent / "etc").exists()


def test_what_denies_is_never_left_out(durable):
    denies = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Deny", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::secret/*"]}],
    }
    everywhere = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": ["s3:*"]}]}
    content = archive(
        policies={"no way": denies, "nowhere": everywhere, "odd": {"Statement": [{"Efect": "Deny"}]}},
        users={LONG: user()},
    )
    ran = imported(durable, content, "--skip-unsupported", "--format", "json")
    assert ran.returncode == 1
    assert json.loads(ran.stdout)["refusals"] == [
        "policy `no way`: policies here cannot have that name, and it denies",
        "policy `nowhere`: it denies without saying of which resources",
        "policy `odd`: its document cannot be read",
    ]


def test_nobody_may_more_than_in_the_cluster(durable):
    """What only S3 takes notice of there could be everything here."""

    def document(*statements):
        return {"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | one for one in statements]}

    everything = {
        "all": document({"Action": ["*"], "Resource": ["*"]}),
        "iam": document({"Action": ["iam:*", "s3*", "*:*", "s3:GetObject"], "Resource": "*"}),
        "but": document(
            {"NotAction": ["s3:DeleteBucket"], "Resource": ["*", "arn:aws:s3:::lake/*"]},
            {"NotAction": ["s3:DeleteBucket"], "NotResource": ["arn:aws:s3:::lake"]},
        ),
    }
    root = durable.client("iam")
    # Of the same names as what the cluster has, and of more than it.
    admin = json.dumps(document({"Action": "*", "Resource": "*"}))
    root.create_policy(PolicyName="ops", PolicyDocument=admin)
    root.create_user(UserName="a_user_who_is_trusted_here")
    content = archive(
        policies=everything,
        users={LONG: user(), "a_user_who_is_trusted_here": user()},
        groups={"team": group(LONG)},
        user_mappings={LONG: mapping("all,iam,but,ops")},
        group_mappings={"team": mapping("ops")},
    )
    own = "actions that are not S3's (admin:…, kms:…), and statements without resources of S3"
    skipped = [
        f"policy `but`: {own}",
        f"policy `iam`: {own}",
        "policy `ops`: it is attached, and not among the policies",
    ]
    ran = imported(durable, content, "--format", "json")
    report = json.loads(ran.stdout)
    assert (ran.returncode, report["imported"]) == (1, False)
    assert report["refusals"] == [f"{what} (--skip-unsupported leaves it out)" for what in skipped]
    ran = imported(durable, content, "--skip-unsupported")
    assert ran.returncode == 1
    known = "the user `a_user_who_is_trusted_here` is there already (--overwrite gives them the key)"
    assert known in ran.stdout
    ran = imported(durable, content, "--skip-unsupported", "--overwrite")
    assert ran.returncode == 0, ran.stdout
    iam = durable.client("iam", Credentials(LONG, SECRET))
    s3 = durable.client("s3", Credentials(LONG, SECRET))
    wait_for(lambda: works(s3), "the server to follow")
    assert refused_by(iam.list_users) == "AccessDenied"
    assert refused_by(lambda: iam.create_user(UserName="mallory")) == "AccessDenied"

    def imported_document(name):
        arn = f"arn:aws:iam::{ACCOUNT}:policy/{name}"
        return root.get_policy_version(PolicyArn=arn, VersionId="v1")["PolicyVersion"]["Document"]["Statement"]

    assert imported_document("all") == [{"Effect": "Allow", "Action": ["s3:*"], "Resource": ["*"]}]
    assert imported_document("iam") == [{"Effect": "Allow", "Action": ["s3:GetObject"], "Resource": "*"}]
    assert imported_document("but") == [
        {"Effect": "Allow", "NotAction": ["s3:DeleteBucket"], "Resource": ["arn:aws:s3:::lake/*"]}
    ]


def test_a_service_account_is_not_somebody_of_its_own_name(durable):
    home = {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::home/${aws:username}/*"]}
    own = {"Effect": "Allow", "Action": ["s3:*"], "Resource": ["arn:aws:s3:::*"]}
    named = own | {"Condition": {"StringLike": {"aws:UserId": "ann*"}}}
    first, second, third = "FIRSTKEYOFTHECLUSTER", "SECONDKEYOFTHECLUSTE", "THIRDKEYOFTHECLUSTER"
    content = archive(
        policies={name: {"Version": "2012-10-17", "Statement": [it]} for name, it in (("home", home), ("all", own))},
        users={LONG: user(), "second_of_the_cluster": user(), "third_of_the_cluster": user()},
        groups={"team": group("second_of_the_cluster")},
        user_mappings={LONG: mapping("all,home"), "third_of_the_cluster": mapping("all")},
        group_mappings={"team": mapping("home")},
        svcaccts={
            first: service_account(first, LONG),
            second: service_account(second, "second_of_the_cluster"),
            third: service_account(
                third, "third_of_the_cluster", embedded={"Version": "2012-10-17", "Statement": [named]}
            ),
        },
    )
    ran = imported(durable, content, "--format", "json")
    assert (ran.returncode, json.loads(ran.stdout)["refusals"]) == (
        1,
        [
            f"service account `{key}`: its policies depend on the user's name (aws:username, aws:userid), and "
            "it has another here (--skip-unsupported leaves it out)"
            for key in (first, second, third)
        ],
    )


def test_a_key_of_another_account_cannot_be_taken(durable):
    root = durable.client("organizations")
    status = root.create_account(AccountName="other", Email="other@example.com")["CreateAccountStatus"]
    content = archive(users={LONG: user()})
    ran = imported(durable, content, "--account-id", status["AccountId"])
    assert ran.returncode == 0, ran.stdout
    ran = imported(durable, archive(users={LONG: user("another-secret")}))
    assert ran.returncode == 1
    assert f"refused access-key {LONG}\n    the access key id is another's\n" in ran.stdout
    # Nor the root user's own.
    ran = imported(durable, archive(users={"AKIAROOTKEYFORTESTS1": user()}))
    assert ran.returncode == 1
    assert "the access key is another user's" in ran.stdout


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is no ZIP file"),
        (b"PK\x05\x06" + bytes(18), "is no export of a MinIO cluster: it has no file below iam-assets/"),
        (
            archive(users='{"a": {"secretKey": "x"}, "a": {"secretKey": "y"}}'),
            "has a file `iam-assets/users.json` with a name comes twice at line 1 column 50",
        ),
        (
            archive(users='{"a": {"secretKey": 5}}'),
            "has a file `iam-assets/users.json` with invalid type: integer `5`, expected a string",
        ),
        (archive(users="[" * 100_000), "has a file `iam-assets/users.json` with"),
        (archive(users=" " * 70_000_000), "is longer than 67108864 bytes"),
        (archive(users='{"a": {"secretKey": "x"}}')[:-200], "is no ZIP file"),
    ],
    ids=["empty", "nothing", "twice", "number", "deep", "bomb", "cut"],
)
def test_what_is_no_export_is_said_to_be_none(durable, content, why):
    ran = imported(durable, content)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert why in ran.stderr
