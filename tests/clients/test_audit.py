"""The audit record: who did what, in CloudTrail's shape, and no secrets."""

import datetime
import json
import re
import stat
import uuid

import pytest
from harness import (
    ROOT_CREDENTIALS,
    ROOT_KEY_ID,
    ROOT_SECRET,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    policy,
    root_of,
    wait_for,
)


@pytest.fixture
def audited(durable, tmp_path):
    durable.folder = tmp_path / "data/audit"
    durable.account_id = durable.client("sts").get_caller_identity()["Account"]
    return durable


def lines(locum):
    files = sorted(locum.folder.iterdir(), key=lambda path: (path.name == "audit.jsonl", path.name))
    return [line for path in files for line in path.read_text().splitlines()]


def records(locum, name=None):
    """The records so far of one event name: written behind the requests' backs, so waited for."""
    found = [json.loads(line) for line in lines(locum)]
    return [record for record in found if name is None or record["eventName"] == name]


def record_of(locum, name, count=1):
    wait_for(lambda: len(records(locum, name)) >= count, f"{count} records of {name}")
    found = records(locum, name)
    assert len(found) == count
    return found[-1]


def test_one_record_for_each_request(audited):
    iam = audited.client("iam")
    answer = iam.create_user(UserName="alice", Path="/people/")
    record = record_of(audited, "CreateUser")
    assert record["eventVersion"].startswith("1.")
    assert record["eventSource"] == "iam.amazonaws.com"
    assert record["awsRegion"] == "us-east-1"
    assert record["sourceIPAddress"] == "127.0.0.1"
    assert "Boto3" in record["userAgent"]
    assert record["requestID"] == answer["ResponseMetadata"]["RequestId"]
    assert str(uuid.UUID(record["eventID"])) == record["eventID"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["eventTime"])
    assert record["eventType"] == "AwsApiCall"
    assert record["readOnly"] is False
    assert record["recipientAccountId"] == audited.account_id
    assert record["requestParameters"] == {"userName": "alice", "path": "/people/"}
    assert record["userIdentity"] == {
        "type": "Root",
        "principalId": audited.account_id,
        "arn": root_of(audited.account_id),
        "accountId": audited.account_id,
        "accessKeyId": ROOT_KEY_ID,
    }
    assert "errorCode" not in record
    iam.list_users()
    assert record_of(audited, "ListUsers")["readOnly"] is True


def test_users_and_sessions(audited):
    account = audited.account_id
    user = audited.user("alice", allow("sts:*"))
    role = audited.role("role", root_of(account), allow("s3:*"), Path="/team/")
    session = audited.assume(user, role, "work")
    record = record_of(audited, "AssumeRole")
    identity = record["userIdentity"]
    assert (identity["type"], identity["userName"], identity["accessKeyId"]) == ("IAMUser", "alice", user.id)
    assert identity["arn"] == f"arn:aws:iam::{account}:user/alice"
    assert identity["principalId"].startswith("AIDA")
    assert record["requestParameters"]["roleArn"] == role
    assert record["requestParameters"]["roleSessionName"] == "work"
    assert record["responseElements"]["credentials"]["accessKeyId"] == session.id

    audited.client("s3", session).create_bucket(Bucket="bucket")
    record = record_of(audited, "CreateBucket")
    assert record["eventSource"] == "s3.amazonaws.com"
    assert record["requestParameters"]["bucketName"] == "bucket"
    identity = record["userIdentity"]
    assert identity["type"] == "AssumedRole"
    assert identity["arn"] == f"arn:aws:sts::{account}:assumed-role/role/work"
    assert identity["principalId"].startswith("AROA") and identity["principalId"].endswith(":work")
    assert identity["accessKeyId"] == session.id
    issuer = identity["sessionContext"]["sessionIssuer"]
    assert issuer == {
        "type": "Role",
        "principalId": identity["principalId"].split(":")[0],
        "arn": role,
        "accountId": account,
        "userName": "role",
    }
    attributes = identity["sessionContext"]["attributes"]
    assert attributes["mfaAuthenticated"] == "false"
    issued = datetime.datetime.fromisoformat(attributes["creationDate"])
    assert abs((issued - datetime.datetime.now(datetime.timezone.utc)).total_seconds()) < 120

    federated = Credentials.of(
        audited.client("sts", user).get_federation_token(Name="fed", Policy=policy(allow("s3:*")))
    )
    assert record_of(audited, "GetFederationToken")["userIdentity"]["type"] == "IAMUser"
    audited.client("sts", federated).get_caller_identity()
    identity = record_of(audited, "GetCallerIdentity", 2)["userIdentity"]
    assert identity["type"] == "FederatedUser"
    assert identity["sessionContext"]["sessionIssuer"]["type"] == "IAMUser"


def test_a_role_assumed_from_another_account_is_on_both_records(audited):
    """The role's owner learns which account and principal it was, and no more of it."""
    account = audited.account_id
    member, administrator = audited.account("member")
    member_role = audited.role("shared", root_of(account), credentials=administrator)
    user = audited.user("vendor", allow("sts:AssumeRole"))
    session = audited.assume(user, member_role, "across", ExternalId="tenant-7")

    def both():
        found = [record for record in records(audited, "AssumeRole") if "across" in json.dumps(record)]
        return len(found) == 2 and found

    callers, owners = wait_for(both, "both records")
    assert (callers["recipientAccountId"], owners["recipientAccountId"]) == (account, member)
    assert callers["userIdentity"]["type"] == "IAMUser"
    assert callers["userIdentity"]["arn"] == f"arn:aws:iam::{account}:user/vendor"
    assert owners["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": callers["userIdentity"]["principalId"],
        "accountId": account,
    }
    assert str(uuid.UUID(callers["sharedEventID"])) == callers["sharedEventID"]
    differing = {name for name in callers if callers[name] != owners[name]}
    assert differing == {"eventID", "recipientAccountId", "userIdentity"}
    assert callers["resources"] == [{"accountId": member, "type": "AWS::IAM::Role", "ARN": member_role}]
    assert owners["responseElements"]["credentials"]["accessKeyId"] == session.id
    assert user.id not in json.dumps(owners)

    # In one account there is one record, and a refusal is the caller's alone.
    own = audited.role("own", root_of(account))
    audited.assume(user, own, "within")
    with pytest.raises(Exception, match="AccessDenied"):
        audited.assume(user, f"arn:aws:iam::{member}:role/none", "refused")
    audited.client("sts", user).get_caller_identity()
    wait_for(lambda: records(audited, "GetCallerIdentity")[1:], "the record behind them")
    within = [record for record in records(audited, "AssumeRole") if "within" in json.dumps(record)]
    refused = [record for record in records(audited, "AssumeRole") if "refused" in json.dumps(record)]
    assert (len(within), len(refused)) == (1, 1)
    assert "sharedEventID" not in within[0] and "sharedEventID" not in refused[0]
    assert refused[0]["recipientAccountId"] == account


def test_refusals(audited):
    account = audited.account_id
    user = audited.user("bob")
    with pytest.raises(Exception, match="AccessDenied"):
        audited.client("iam", user).create_user(UserName="eve")
    record = record_of(audited, "CreateUser", 2)
    assert record["errorCode"] == "AccessDenied"
    assert record["errorMessage"] == (
        f"User: arn:aws:iam::{account}:user/bob is not authorized to perform: iam:CreateUser "
        f"on resource: arn:aws:iam::{account}:user/eve because no identity-based policy allows the iam:CreateUser action"
    )
    assert record["userIdentity"]["userName"] == "bob"
    with pytest.raises(Exception, match="InvalidClientTokenId"):
        audited.client("iam", Credentials("AKIAQQQQQQQQQQQQQQQQ", "x" * 40)).list_roles()
    record = record_of(audited, "ListRoles")
    assert record["errorCode"] == "InvalidClientTokenId"
    assert record["userIdentity"]["accessKeyId"] == "AKIAQQQQQQQQQQQQQQQQ"
    assert "arn" not in record["userIdentity"]


def test_what_is_refused_before_it_is_an_operation(audited):
    """By its method, its content type or its size: recorded all the same, as nobody's."""
    target = "/?Action=GetCallerIdentity&Version=2011-06-15"
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    typed = audited.sign("sts", "POST", "/", {"Content-Type": "text/plain"}, body)
    large = {"Action": "GetCallerIdentity", "Padding": "x" * (2 * 1024 * 1024)}
    for status, code, send in (
        (405, "MethodNotAllowed", lambda: audited.server.send("PUT", target, audited.sign("sts", "PUT", target))),
        (403, "UnsupportedMediaType", lambda: audited.server.send("POST", "/", typed, body)),
        (413, "RequestEntityTooLarge", lambda: audited.form("sts", large)),
    ):
        answer = send()
        assert answer.error()[:2] == (status, code)

        def written(id=answer.headers["x-amzn-requestid"]):
            return [record for record in records(audited) if record["requestID"] == id]

        wait_for(written, f"the record of {code}")
        (record,) = written()
        assert (record["errorCode"], record["errorMessage"]) == (code, answer.error()[2])
        assert record["eventSource"] == "sts.amazonaws.com"
        assert record["userIdentity"] == {"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}


def test_the_wrong_secret_is_not_recorded_as_the_user(audited):
    """An unproven claim is a claim: the record must not say that the user did it."""
    user = audited.user("bob")
    with pytest.raises(Exception, match="SignatureDoesNotMatch"):
        audited.client("iam", Credentials(user.id, "x" * 40)).list_groups()
    identity = record_of(audited, "ListGroups")["userIdentity"]
    assert identity.get("userName") is None
    assert identity.get("type") != "IAMUser"


def test_no_secrets(audited, tmp_path):
    """No secret key, token, signature or presigned query is in the file, whatever was called."""
    user = audited.user("alice", allow("*"))
    role = audited.role("role", root_of(audited.account_id), allow("*"))
    session = audited.assume(user, role, Policy=policy(allow("*")))
    sts = audited.client("sts", user)
    issued = [Credentials.of(sts.get_session_token()), Credentials.of(sts.get_federation_token(Name="fed"))]
    s3 = audited.client("s3", session)
    s3.create_bucket(Bucket="bucket")
    s3.put_object(Bucket="bucket", Key="key", Body=b"the content of the object")
    url = s3.generate_presigned_url("get_object", Params={"Bucket": "bucket", "Key": "key"})
    assert audited.server.send("GET", url.removeprefix(audited.server.url)).status == 200
    signed = audited.sign("sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15")
    assert audited.server.send("GET", "/?Action=GetCallerIdentity&Version=2011-06-15", signed).status == 200
    record_of(audited, "GetObject")
    wait_for(lambda: len(records(audited, "GetCallerIdentity")) == 2, "the last record")
    written = "\n".join(lines(audited))
    secrets = [ROOT_SECRET, user.secret, session.secret, session.token, "the content of the object"]
    secrets += [part for credentials in issued for part in (credentials.secret, credentials.token)]
    secrets += [url.split("X-Amz-Signature=")[1][:64], signed["Authorization"].split("Signature=")[1]]
    for secret in secrets:
        assert secret not in written
        assert secret[8:40] not in written
    assert user.id in written and session.id in written
    # Nor in what the server prints.
    for secret in secrets:
        assert secret not in audited.server.log_text()


def test_only_the_owner_reads_it(audited):
    assert stat.S_IMODE(audited.folder.stat().st_mode) == 0o700
    for path in audited.folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_rotation(tmp_path, monkeypatch):
    """No file grows far beyond the size given, and no record is lost between two files."""
    clock = Clock()
    clock.install(monkeypatch)
    arguments = ["--data", str(tmp_path / "data"), "--audit-rotate-bytes", "4000"]
    with Server(tmp_path / "server", *arguments, ephemeral=False) as server:
        locum = Locum(server, clock)
        locum.folder = tmp_path / "data/audit"
        sts = locum.client("sts")
        for _ in range(40):
            sts.get_caller_identity()
        assert server.terminate() == 0
    assert len(list(locum.folder.iterdir())) > 3
    assert all(path.stat().st_size < 8000 for path in locum.folder.iterdir())
    assert len(records(locum, "GetCallerIdentity")) == 40
    assert len({record["eventID"] for record in records(locum)}) == len(records(locum))


def test_everything_is_written_before_the_end(audited):
    sts = audited.client("sts")
    for _ in range(25):
        sts.get_caller_identity()
    assert audited.server.terminate() == 0
    assert len(records(audited, "GetCallerIdentity")) == 26


def test_last_use_of_keys(locum):
    iam = locum.client("iam")
    user = locum.user("alice", allow("s3:ListAllMyBuckets"))
    unused = iam.get_access_key_last_used(AccessKeyId=user.id)
    assert unused["UserName"] == "alice"
    assert unused["AccessKeyLastUsed"] == {"ServiceName": "N/A", "Region": "N/A"}
    locum.client("s3", user, region="eu-central-1").list_buckets()
    used = wait_for(
        lambda: (
            (found := iam.get_access_key_last_used(AccessKeyId=user.id)["AccessKeyLastUsed"])["ServiceName"] != "N/A"
            and found
        ),
        "the use to be noted",
    )
    assert (used["ServiceName"], used["Region"]) == ("s3", "eu-central-1")
    age = datetime.datetime.now(datetime.timezone.utc) - used["LastUsedDate"]
    assert -5 < age.total_seconds() < 120
    assert "RoleLastUsed" in iam.get_role(RoleName=locum.role("r", root_of("123456789012")).split("/")[1])["Role"]
    assert ROOT_CREDENTIALS.id == ROOT_KEY_ID
