"""Passwords and service-specific credentials: what unmodified clients do with them, and where they are not found."""

import base64
import concurrent.futures
import pathlib

import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    Credentials,
    allow,
    cli_error,
    deny,
    no_identity_policy,
    not_authorized,
    policy,
    refused,
    wait_for,
)

FIRST, SECOND, THIRD = "Correct-Horse-7", "Battery&Staple=8", "Ungarisch + Phr\u00e4se/9%"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
VIOLATION = ("PasswordPolicyViolation", "Password does not conform to the account password policy.", 400)
WRONG = "The old password is incorrect."
TASKS = "arn:aws:iam::aws:policy/root-task/"


@pytest.fixture
def alice(locum):
    """A user who may do nothing, with the first password: their credentials."""
    alice = locum.user("alice")
    locum.client("iam").create_login_profile(UserName="alice", Password=FIRST)
    return alice


def test_a_user_changes_their_password(locum, alice):
    root, iam = locum.client("iam"), locum.client("iam", alice)
    denied = not_authorized(ALICE, "iam:ChangePassword", ALICE, no_identity_policy("iam:ChangePassword"))
    refused(lambda: iam.change_password(OldPassword=FIRST, NewPassword=SECOND), "AccessDenied", denied)
    root.update_account_password_policy(AllowUsersToChangePassword=True, PasswordReusePrevention=2)
    assert iam.get_account_password_policy()["PasswordPolicy"]["PasswordReusePrevention"] == 2
    iam.change_password(OldPassword=FIRST, NewPassword=SECOND)
    refused(lambda: iam.change_password(OldPassword=FIRST, NewPassword=THIRD), "AccessDenied", WRONG)
    refused(lambda: iam.change_password(OldPassword=SECOND, NewPassword=FIRST), *VIOLATION)
    # What the query string makes of blanks, signs and letters is the same password.
    iam.change_password(OldPassword=SECOND, NewPassword=THIRD)
    changed = locum.aws("iam", "change-password", "--old-password", THIRD, "--new-password", FIRST, credentials=alice)
    assert changed.returncode == 0, changed.stderr
    wrong = locum.aws("iam", "change-password", "--old-password", THIRD, "--new-password", SECOND, credentials=alice)
    assert cli_error(wrong) == ("AccessDenied", "ChangePassword", WRONG)
    root.put_user_policy(
        UserName="alice",
        PolicyName="no",
        PolicyDocument=policy(deny("iam:ChangePassword")),
    )
    explicit = not_authorized(
        ALICE, "iam:ChangePassword", ALICE, "with an explicit deny in an identity-based policy"
    )
    refused(lambda: iam.change_password(OldPassword=FIRST, NewPassword=SECOND), "AccessDenied", explicit)


def test_who_is_no_user_changes_no_password(locum, alice):
    text = "Only IAM Users can change their own password."
    change = {"OldPassword": FIRST, "NewPassword": SECOND}
    refused(lambda: locum.client("iam").change_password(**change), "InvalidUserType", text, 400)
    role = locum.role("role", f"arn:aws:iam::{ACCOUNT}:root", allow("iam:*"))
    bob = locum.user("bob", allow("sts:*"))
    session = locum.assume(bob, role)
    refused(lambda: locum.client("iam", session).change_password(**change), "InvalidUserType", text, 400)
    # A session without an MFA device calls nothing of IAM.
    weak = Credentials.of(locum.client("sts", bob).get_session_token())
    invalid = "The security token included in the request is invalid"
    refused(lambda: locum.client("iam", weak).change_password(**change), "InvalidClientTokenId", invalid)


def test_the_password_policy(locum):
    iam = locum.client("iam")
    missing = f"The Password Policy with domain name {ACCOUNT} cannot be found."
    refused(iam.get_account_password_policy, "NoSuchEntity", missing, 404)
    refused(iam.delete_account_password_policy, "NoSuchEntity", missing, 404)
    everything = {
        "MinimumPasswordLength": 14,
        "RequireSymbols": True,
        "RequireNumbers": True,
        "RequireUppercaseCharacters": True,
        "RequireLowercaseCharacters": True,
        "AllowUsersToChangePassword": True,
        "MaxPasswordAge": 90,
        "PasswordReusePrevention": 24,
        "HardExpiry": True,
    }
    iam.update_account_password_policy(**everything)
    assert iam.get_account_password_policy()["PasswordPolicy"] == everything | {"ExpirePasswords": True}
    iam.create_user(UserName="alice")
    refused(lambda: iam.create_login_profile(UserName="alice", Password="Too-Short-7"), *VIOLATION)
    iam.create_login_profile(UserName="alice", Password="Long-Enough-And-7")
    iam.delete_account_password_policy()
    refused(iam.get_account_password_policy, "NoSuchEntity", missing, 404)


def test_of_many_that_create_a_password_one_does(locum):
    locum.client("iam").create_user(UserName="alice")
    clients = [locum.client("iam") for _ in range(8)]

    def create(client):
        try:
            client.create_login_profile(UserName="Alice", Password=FIRST)
            return "created"
        except ClientError as error:
            return error.response["Error"]["Message"]

    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        answers = sorted(pool.map(create, clients))
    assert answers == sorted(["created"] + ["Login Profile for user alice already exists."] * 7)


def test_of_many_that_create_credentials_two_do(locum):
    locum.client("iam").create_user(UserName="alice")
    clients = [locum.client("iam") for _ in range(8)]

    def create(client):
        try:
            made = client.create_service_specific_credential(UserName="alice", ServiceName="codecommit.amazonaws.com")
            return made["ServiceSpecificCredential"]["ServiceUserName"]
        except ClientError as error:
            return error.response["Error"]["Message"]

    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        answers = sorted(pool.map(create, clients))
    full = "Cannot exceed quota for ServiceSpecificCredentialsPerUser: 2"
    assert answers == sorted([f"alice+1-at-{ACCOUNT}", f"alice-at-{ACCOUNT}"] + [full] * 6)


def memory(process):
    """The most memory that a process had so far, in KiB."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0])


def test_a_flood_of_passwords_takes_little_memory(locum, alice):
    iam = locum.client("iam")
    for number in range(64):
        iam.create_user(UserName=f"user{number}")
    before = memory(locum.server.process)

    def create(number):
        form = {"Action": "CreateLoginProfile", "Version": "2010-05-08"}
        answer = locum.form("iam", form | {"UserName": f"user{number}", "Password": FIRST})
        return answer.status, b"<Code>Throttling</Code>" in answer.body

    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        flood = [pool.submit(create, number) for number in range(64)]
        # Others are answered meanwhile.
        iam.get_login_profile(UserName="alice")
        answers = [one.result() for one in flood]
    # Who comes when too many wait is told so at once; clients try again by themselves.
    assert set(answers) <= {(200, False), (400, True)}
    assert answers.count((200, False)) >= 16
    # Each hash takes 19 MiB: all at once they would take more than a GiB.
    assert memory(locum.server.process) - before < 300 * 1024


def test_a_root_user_recovers_the_password(locum):
    locum.client("organizations").enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    locum.client("iam").enable_organizations_root_credentials_management()
    bob = locum.user("bob", allow("sts:AssumeRoot", "arn:aws:iam::*:root"))
    account, _ = locum.account("member")

    def enter(task):
        sts = locum.client("sts", bob)
        answer = sts.assume_root(TargetPrincipal=account, TaskPolicyArn={"arn": f"{TASKS}{task}"})
        return locum.client("iam", Credentials.of(answer))

    audit, missing = enter("IAMAuditRootUserCredentials"), "Login Profile for User root cannot be found."
    refused(audit.get_login_profile, "NoSuchEntity", missing, 404)
    # A recent boto3 sends no password.
    assert enter("IAMCreateRootUserPassword").create_login_profile()["LoginProfile"]["UserName"] == "root"
    assert audit.get_login_profile()["LoginProfile"]["PasswordResetRequired"] is False
    enter("IAMDeleteRootUserCredentials").delete_login_profile()
    refused(audit.get_login_profile, "NoSuchEntity", missing, 404)
    # Its own credentials do not.
    unnamed = "Must specify userName when calling with root user credentials"
    refused(locum.client("iam").get_login_profile, "ValidationError", unnamed, 400)


def test_service_specific_credentials(locum):
    iam = locum.client("iam")
    alice = locum.user("alice", allow("iam:*ServiceSpecificCredential*", ALICE))
    made = iam.create_service_specific_credential(UserName="alice", ServiceName="cassandra.amazonaws.com")
    git = made["ServiceSpecificCredential"]
    assert git["ServiceUserName"] == f"alice-at-{ACCOUNT}"
    assert len(base64.b64decode(git["ServicePassword"])) == 32
    own = locum.client("iam", alice)
    made = own.create_service_specific_credential(
        UserName="alice", ServiceName="bedrock.amazonaws.com", CredentialAgeDays=30
    )
    key = made["ServiceSpecificCredential"]
    assert (key["ExpirationDate"] - key["CreateDate"]).days == 30
    assert key["ServiceCredentialAlias"].startswith(f"alice-at-{ACCOUNT}-")
    alias, _ = base64.b64decode(key["ServiceCredentialSecret"].removeprefix("ABSK")).decode().split(":")
    assert alias == key["ServiceCredentialAlias"]
    listed = own.list_service_specific_credentials()["ServiceSpecificCredentials"]
    shown = [
        {name: value for name, value in one.items() if name not in ("ServicePassword", "ServiceCredentialSecret")}
        for one in (git, key)
    ]
    assert sorted(listed, key=str) == sorted(shown, key=str)
    identified = {"UserName": "alice", "ServiceSpecificCredentialId": key["ServiceSpecificCredentialId"]}
    own.update_service_specific_credential(Status="Inactive", **identified)
    again = own.reset_service_specific_credential(**identified)["ServiceSpecificCredential"]
    assert again["Status"] == "Inactive"
    assert again["ServiceCredentialSecret"] != key["ServiceCredentialSecret"]
    remains = "Cannot delete entity, must remove referenced objects first."
    iam.delete_access_key(UserName="alice", AccessKeyId=alice.id)
    refused(lambda: iam.delete_user(UserName="alice"), "DeleteConflict", remains, 409)
    for one in iam.list_service_specific_credentials(AllUsers=True)["ServiceSpecificCredentials"]:
        iam.delete_service_specific_credential(
            UserName=one["UserName"], ServiceSpecificCredentialId=one["ServiceSpecificCredentialId"]
        )
    unknown = "No such service s3.amazonaws.com is supported for Service Specific Credentials"
    refused(
        lambda: iam.create_service_specific_credential(UserName="alice", ServiceName="s3.amazonaws.com"),
        "NoSuchEntity",
        unknown,
        404,
    )


def test_passwords_and_secrets_are_in_no_file(durable, tmp_path):
    alice = durable.user("alice", allow("iam:*"))
    root, iam = durable.client("iam"), durable.client("iam", alice)
    root.create_login_profile(UserName="alice", Password=FIRST, PasswordResetRequired=True)
    root.update_login_profile(UserName="alice", Password=SECOND)
    iam.change_password(OldPassword=SECOND, NewPassword=THIRD)
    wrong = "Not-The-Right-1"
    with pytest.raises(ClientError, match="The old password is incorrect"):
        iam.change_password(OldPassword=wrong, NewPassword=FIRST)
    weak = "weak-secret-password"
    with pytest.raises(ClientError, match="PasswordPolicyViolation"):
        root.update_login_profile(UserName="alice", Password=weak)
    # Too long, with a character that is not permitted, misspelled, in a list, for an operation without one.
    hidden = ["Hidden-Long-1" * 12, "Hidden\0Nul-2", "Hidden-Case-3", "Hidden-List-4", "Hidden-Other-5"]
    forms = [
        {"Action": "UpdateLoginProfile", "UserName": "alice", "Password": hidden[0]},
        {"Action": "UpdateLoginProfile", "UserName": "alice", "Password": hidden[1]},
        {"Action": "CreateLoginProfile", "UserName": "alice", "password": hidden[2]},
        {"Action": "CreateLoginProfile", "UserName": "alice", "Password.member.1": hidden[3]},
        {"Action": "ListUsers", "NewPassword": hidden[4]},
    ]
    for form in forms:
        answer = durable.form("iam", form | {"Version": "2010-05-08"})
        assert "Hidden" not in answer.text, answer.text
    secrets = []
    for service in ("codecommit.amazonaws.com", "bedrock.amazonaws.com"):
        made = root.create_service_specific_credential(UserName="alice", ServiceName=service)
        made = made["ServiceSpecificCredential"]
        again = root.reset_service_specific_credential(
            UserName="alice", ServiceSpecificCredentialId=made["ServiceSpecificCredentialId"]
        )["ServiceSpecificCredential"]
        secrets += [one.get("ServicePassword") or one["ServiceCredentialSecret"] for one in (made, again)]
    audit = tmp_path / "data/audit/audit.jsonl"
    wait_for(lambda: audit.read_text().count('"ResetServiceSpecificCredential"') == 2, "the last record")
    assert audit.read_text().count("HIDDEN_DUE_TO_SECURITY_REASONS") >= 14
    durable.server.terminate()
    log = durable.server.log_text().encode()
    files = [path for path in (tmp_path / "data").rglob("*") if path.is_file()]
    assert len(files) > 3
    everything = [("the log", log)] + [(str(path), path.read_bytes()) for path in files]
    needles = [FIRST, SECOND, THIRD, wrong, weak, "Hidden-", "Hidden\\u0000", *secrets]
    for needle in needles:
        # As it is, as JSON has it, and as a form has it.
        for spelled in (needle, needle.replace("\u00e4", "\\u00e4"), needle.replace("&", "%26")):
            found = [name for name, content in everything if spelled.encode() in content]
            assert not found, f"{needle} in {found}"
    assert any(b"$argon2id$v=19$m=19456,t=2,p=1$" in content for _, content in everything)
