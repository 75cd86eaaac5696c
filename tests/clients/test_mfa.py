"""Multi-factor authentication, from the picture of the seed to the session that shows it."""

import concurrent.futures
import datetime
import json
import struct
import zlib

import pyotp
import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    Credentials,
    allow,
    cli_error,
    no_identity_policy,
    not_authorized,
    refused,
    root_of,
    trusting,
    validation,
    wait_for,
)

WRONG = "MultiFactorAuthentication failed with invalid MFA one time pass code. "
UNABLE = (
    "MultiFactorAuthentication failed, unable to validate MFA code.  "
    "Please verify your MFA serial number is valid and associated with this user."
)
INCOMPLETE = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
INVALID = "The security token included in the request is invalid"
INVALID_CODE = "Authentication code for device is not valid."


class Device:
    """A virtual device, whose codes another implementation works out."""

    def __init__(self, locum, name="phone", **options):
        self.clock = locum.clock
        made = locum.client("iam").create_virtual_mfa_device(VirtualMFADeviceName=name, **options)["VirtualMFADevice"]
        self.serial = made["SerialNumber"]
        self.seed = made["Base32StringSeed"].decode()
        self.picture = made["QRCodePNG"]
        self.totp = pyotp.TOTP(self.seed)

    def code(self, away=0):
        """What it shows, or shows in so many steps of 30 seconds."""
        now = self.clock.now(remove_tzinfo=False)
        return self.totp.at(now + datetime.timedelta(seconds=30 * away))

    def shown(self, away=0):
        return {"SerialNumber": self.serial, "TokenCode": self.code(away)}

    def enable(self, locum, user, credentials=ROOT_CREDENTIALS):
        locum.client("iam", credentials).enable_mfa_device(
            UserName=user,
            SerialNumber=self.serial,
            AuthenticationCode1=self.code(-1),
            AuthenticationCode2=self.code(),
        )
        return self


def session_token(locum, user, **shown):
    return Credentials.of(locum.client("sts", user).get_session_token(**shown))


@pytest.fixture
def alice(locum):
    return locum.user("alice", allow("*"))


@pytest.fixture
def phone(locum, alice):
    return Device(locum).enable(locum, "alice")


def modules_of(png):
    """The modules of the QR code in a PNG of one bit of grey; True is dark."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert crc == zlib.crc32(kind + data)
        chunks[kind] = data
        at += 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *rest = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (rest, width) == ([1, 0, 0, 0, 0], height)
    pixels, stride = zlib.decompress(chunks[b"IDAT"]), 1 + (width + 7) // 8
    assert len(pixels) == stride * height

    def dark(x, y):
        return not pixels[y * stride + 1 + x // 8] >> (7 - x % 8) & 1

    # A finder pattern is seven modules wide, behind four modules of white.
    first = next(x for x in range(width) if dark(x, x))
    scale = first // 4
    return [[dark(x, y) for x in range(first, width - first, scale)] for y in range(first, width - first, scale)]


def test_a_device_from_creation_to_deletion(locum, alice):
    iam = locum.client("iam")
    made = iam.create_virtual_mfa_device(
        VirtualMFADeviceName="phone", Path="/team/", Tags=[{"Key": "Desk", "Value": "1"}]
    )["VirtualMFADevice"]
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/team/phone"
    assert set(made) == {"SerialNumber", "Base32StringSeed", "QRCodePNG", "Tags"}
    assert (made["SerialNumber"], made["Tags"]) == (serial, [{"Key": "Desk", "Value": "1"}])
    seed = made["Base32StringSeed"].decode()
    assert len(seed) == 64 and len(pyotp.TOTP(seed).byte_secret()) == 40

    assert iam.list_virtual_mfa_devices()["VirtualMFADevices"] == [{"SerialNumber": serial}]
    totp, now = pyotp.TOTP(seed), int(locum.clock.now(remove_tzinfo=False).timestamp())

    def code(away=0):
        return totp.at(now + 30 * away)

    iam.enable_mfa_device(
        UserName="alice",
        SerialNumber=serial,
        AuthenticationCode1=code(-1),
        AuthenticationCode2=code(),
    )
    (listed,) = iam.list_mfa_devices(UserName="alice")["MFADevices"]
    assert (listed["UserName"], listed["SerialNumber"]) == ("alice", serial)
    got = iam.get_mfa_device(SerialNumber=serial, UserName="alice")
    assert {name: got[name] for name in listed} == listed
    (assigned,) = iam.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert assigned["User"]["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert assigned["EnableDate"] == listed["EnableDate"]
    assert set(assigned) == {"SerialNumber", "User", "EnableDate"}
    assert iam.list_virtual_mfa_devices(AssignmentStatus="Unassigned")["VirtualMFADevices"] == []

    iam.tag_mfa_device(SerialNumber=serial, Tags=[{"Key": "desk", "Value": "2"}])
    iam.untag_mfa_device(SerialNumber=serial, TagKeys=["Desk"])
    assert iam.list_mfa_device_tags(SerialNumber=serial)["Tags"] == [{"Key": "desk", "Value": "2"}]
    iam.resync_mfa_device(
        UserName="alice",
        SerialNumber=serial,
        AuthenticationCode1=code(5),
        AuthenticationCode2=code(6),
    )
    in_use = "MFA VirtualDevice in use. Must deactivate first."
    refused(lambda: iam.delete_virtual_mfa_device(SerialNumber=serial), "DeleteConflict", in_use, 409)
    for key in iam.list_access_keys(UserName="alice")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="alice", AccessKeyId=key["AccessKeyId"])
    must = "Cannot delete entity, must delete MFA device first."
    refused(lambda: iam.delete_user(UserName="alice"), "DeleteConflict", must, 409)
    iam.deactivate_mfa_device(UserName="alice", SerialNumber=serial)
    iam.delete_virtual_mfa_device(SerialNumber=serial)
    gone = f"VirtualMFADevice with serial number {serial} doesn't exist."
    refused(lambda: iam.delete_virtual_mfa_device(SerialNumber=serial), "NoSuchEntity", gone, 404)


def test_the_picture_is_a_qr_code(locum):
    modules = modules_of(Device(locum).picture)
    size = len(modules)
    # Versions go in steps of four modules; the seed and its address need one of the larger.
    assert size % 4 == 1 and size >= 37
    finder = ["1111111", "1000001", "1011101", "1011101", "1011101", "1000001", "1111111"]
    for left, top in ((0, 0), (size - 7, 0), (0, size - 7)):
        rows = [modules[top + y][left : left + 7] for y in range(7)]
        assert ["".join(str(int(dark)) for dark in row) for row in rows] == finder
    # The timing patterns alternate.
    assert all(modules[6][x] == (x % 2 == 0) == modules[x][6] for x in range(8, size - 8))


def test_what_enabling_refuses(locum, alice):
    iam, phone = locum.client("iam"), Device(locum)

    def enable(user="alice", first=phone.code(-1), second=phone.code(), serial=phone.serial):
        return lambda: iam.enable_mfa_device(
            UserName=user, SerialNumber=serial, AuthenticationCode1=first, AuthenticationCode2=second
        )

    refused(enable(first=phone.code(), second=phone.code(-1)), "InvalidAuthenticationCode", INVALID_CODE)
    refused(enable("nobody"), "NoSuchEntity", "The user with name nobody cannot be found.", 404)
    other = f"arn:aws:iam::{ACCOUNT}:mfa/other"
    refused(
        enable(serial=other), "NoSuchEntity", f"VirtualMFADevice with serial number {other} doesn't exist.", 404
    )
    clauses = [
        r"Value at 'authenticationCode1' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\d]+",
        "Value at 'authenticationCode2' failed to satisfy constraint: "
        "Member must have length greater than or equal to 6",
    ]
    refused(enable(first="12345x", second="12345"), "ValidationError", validation(*clauses), 400)
    enable()()
    refused(enable(), "EntityAlreadyExists", "MFA Device is already in use.", 409)


@pytest.mark.parametrize("away", [-2, -1, 0, 1, 2])
def test_a_session_token_with_mfa(locum, alice, phone, away):
    # In the middle of a step, whatever the machine's clock says.
    locum.advance(45 - int(locum.clock.now(remove_tzinfo=False).timestamp()) % 30)
    strong = session_token(locum, alice, **phone.shown(away))
    assert len(locum.client("iam", strong).list_users()["Users"]) == 1
    sts = locum.client("sts", alice)
    refused(lambda: sts.get_session_token(**phone.shown(away)), "AccessDenied", WRONG)
    plain = session_token(locum, alice)
    refused(locum.client("iam", plain).list_users, "InvalidClientTokenId", INVALID)


def test_what_is_wrong_is_told_in_awss_words(locum, alice, phone):
    sts = locum.client("sts", alice)
    role = locum.role("role", root_of(ACCOUNT))
    unassigned = Device(locum, "unassigned")
    locum.user("bob")
    bobs = Device(locum, "bobs").enable(locum, "bob")
    rows = [
        ({"SerialNumber": phone.serial}, INCOMPLETE),
        ({"TokenCode": phone.code()}, INCOMPLETE),
        (phone.shown(4), WRONG),
        (phone.shown() | {"SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/nothing"}, UNABLE),
        (unassigned.shown(), UNABLE),
        (bobs.shown(), UNABLE),
    ]
    for shown, message in rows:
        refused(lambda shown=shown: sts.get_session_token(**shown), "AccessDenied", message)
        refused(
            lambda shown=shown: sts.assume_role(RoleArn=role, RoleSessionName="session", **shown),
            "AccessDenied",
            message,
        )
    for operation, more in (("GetSessionToken", {}), ("AssumeRole", {"RoleArn": role, "RoleSessionName": "session"})):
        form = {"Action": operation, "SerialNumber": phone.serial, "TokenCode": "12345x"} | more
        clause = (
            r"Value '12345x' at 'tokenCode' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: [\d]*"
        )
        assert locum.form("sts", form, alice).error() == (400, "ValidationError", validation(clause))
    iam = locum.client("iam")
    iam.deactivate_mfa_device(UserName="alice", SerialNumber=phone.serial)
    refused(lambda: sts.get_session_token(**phone.shown()), "AccessDenied", UNABLE)
    iam.delete_virtual_mfa_device(SerialNumber=phone.serial)
    refused(lambda: sts.get_session_token(**phone.shown()), "AccessDenied", UNABLE)


MFA = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


@pytest.mark.parametrize(
    "condition, without",
    [
        (MFA, False),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, True),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "600"}}, False),
    ],
)
def test_a_role_that_asks_for_mfa(locum, alice, phone, condition, without):
    role = locum.role("role", trusting(root_of(ACCOUNT), Condition=condition), allow("sts:*"))
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    denial = ("AccessDenied", not_authorized(arn, "sts:AssumeRole", role))
    if without:
        locum.assume(alice, role)
    else:
        refused(lambda: locum.assume(alice, role), *denial)
    # A session that shows that it has none does not pass as one that cannot tell.
    plain = session_token(locum, alice)
    refused(lambda: locum.assume(plain, role), *denial)
    locum.assume(alice, role, **phone.shown())
    strong = session_token(locum, alice, **phone.shown(1))
    chained = locum.assume(strong, role)
    locum.advance(601)
    if "NumericLessThan" in condition:
        refused(lambda: locum.assume(strong, role), *denial)
    else:
        locum.assume(strong, role)
    # The role's session does not hand on what its caller showed.
    next_role = locum.role("next", trusting(root_of(ACCOUNT), Condition=MFA))
    refused(
        lambda: locum.assume(chained, next_role),
        "AccessDenied",
        not_authorized(f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session", "sts:AssumeRole", next_role),
    )


def test_the_aws_cli_asks_for_a_code(locum, alice, phone):
    role = locum.role("role", trusting(root_of(ACCOUNT), Condition=MFA))
    shown = ("--serial-number", phone.serial, "--token-code", phone.code())
    assume = ("sts", "assume-role", "--role-arn", role, "--role-session-name", "session")
    assumed = locum.aws_json(*assume, *shown, credentials=alice)
    assert assumed["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/role/session"
    code, operation, message = cli_error(locum.aws(*assume, *shown, credentials=alice))
    assert (code, operation, message.strip()) == ("AccessDenied", "AssumeRole", WRONG.strip())


def test_of_many_at_once_with_one_code_one_wins(locum, alice, phone):
    clients = [locum.client("sts", alice) for _ in range(8)]
    shown = phone.shown()

    def ask(client):
        try:
            client.get_session_token(**shown)
            return "accepted"
        except ClientError as error:
            return error.response["Error"]["Message"]

    with concurrent.futures.ThreadPoolExecutor(len(clients)) as pool:
        answers = sorted(pool.map(ask, clients))
    assert answers == sorted(["accepted"] + [WRONG] * 7)


def test_guessing_ends_after_nine_attempts(locum, alice, phone):
    # At the beginning of three minutes, so that they do not end in between.
    locum.advance(180 - int(locum.clock.now(remove_tzinfo=False).timestamp()) % 180)
    sts = locum.client("sts", alice)
    wrong = phone.shown(10)
    for _ in range(9):
        refused(lambda: sts.get_session_token(**wrong), "AccessDenied", WRONG)
    refused(lambda: sts.get_session_token(**phone.shown()), "AccessDenied", UNABLE)
    locum.advance(180)
    sts.get_session_token(**phone.shown())


def test_who_has_a_device_uses_it_to_add_or_remove_one(locum, alice, phone):
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    reason = "because who has an MFA device must sign in with it to add or remove one"
    iam, second = locum.client("iam", alice), Device(locum, "second")
    refused(
        lambda: second.enable(locum, "alice", alice),
        "AccessDenied",
        not_authorized(arn, "iam:EnableMFADevice", arn, reason),
    )
    refused(
        lambda: iam.deactivate_mfa_device(SerialNumber=phone.serial),
        "AccessDenied",
        not_authorized(arn, "iam:DeactivateMFADevice", arn, reason),
    )
    strong = session_token(locum, alice, **phone.shown())
    second.enable(locum, "alice", strong)
    locum.client("iam", strong).deactivate_mfa_device(UserName="alice", SerialNumber=phone.serial)


def test_lists_in_pages(locum, alice):
    for number in range(5):
        Device(locum, f"phone{number}").enable(locum, "alice")
    iam = locum.client("iam")
    for operation, members, more in (
        ("list_virtual_mfa_devices", "VirtualMFADevices", {"AssignmentStatus": "Any"}),
        ("list_mfa_devices", "MFADevices", {"UserName": "alice"}),
    ):
        pages = list(iam.get_paginator(operation).paginate(**more, PaginationConfig={"PageSize": 2}))
        assert [len(page[members]) for page in pages] == [2, 2, 1]
        serials = [device["SerialNumber"] for page in pages for device in page[members]]
        assert serials == [f"arn:aws:iam::{ACCOUNT}:mfa/phone{number}" for number in range(5)]


def test_the_root_users_device(locum):
    device = Device(locum, "root-account-mfa-device").enable(locum, "root")
    iam = locum.client("iam")
    (listed,) = iam.list_mfa_devices()["MFADevices"]
    assert listed["SerialNumber"] == device.serial
    (assigned,) = iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    assert (assigned["User"]["Arn"], assigned["User"]["UserId"]) == (root_of(ACCOUNT), ACCOUNT)
    strong = session_token(locum, ROOT_CREDENTIALS, **device.shown())
    locum.client("iam", strong).deactivate_mfa_device(SerialNumber=device.serial)
    assert iam.list_mfa_devices()["MFADevices"] == []


def test_one_who_may_not(locum):
    bob = locum.user("bob")
    iam, arn = locum.client("iam", bob), f"arn:aws:iam::{ACCOUNT}:user/bob"
    for call, action, resource in (
        (iam.list_virtual_mfa_devices, "iam:ListVirtualMFADevices", f"arn:aws:iam::{ACCOUNT}:mfa/"),
        (iam.list_mfa_devices, "iam:ListMFADevices", arn),
        (
            lambda: iam.create_virtual_mfa_device(VirtualMFADeviceName="phone"),
            "iam:CreateVirtualMFADevice",
            f"arn:aws:iam::{ACCOUNT}:mfa/phone",
        ),
    ):
        refused(call, "AccessDenied", not_authorized(arn, action, resource, no_identity_policy(action)))


def test_codes_after_a_restart_and_secrets_in_no_file(durable, tmp_path):
    alice = durable.user("alice", allow("*"))
    phone = Device(durable).enable(durable, "alice")
    shown = phone.shown()
    strong = session_token(durable, alice, **shown)
    durable.client("iam", strong).list_users()

    def records():
        text = (tmp_path / "data/audit/audit.jsonl").read_text()
        return [json.loads(line) for line in text.splitlines()]

    wait_for(lambda: any(one["eventName"] == "ListUsers" for one in records()), "the record of ListUsers")
    durable.server.kill()
    durable.server.start()
    sts = durable.client("sts", alice)
    refused(lambda: sts.get_session_token(**shown), "AccessDenied", WRONG)
    durable.client("iam", strong).list_users()
    by_name = {record["eventName"]: record for record in records()}
    attributes = by_name["ListUsers"]["userIdentity"]["sessionContext"]["attributes"]
    assert attributes["mfaAuthenticated"] == "true"
    made = by_name["CreateVirtualMFADevice"]["responseElements"]["virtualMFADevice"]
    hidden = "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert made == {"serialNumber": phone.serial, "base32StringSeed": hidden, "qRCodePNG": hidden}
    assert by_name["GetSessionToken"]["requestParameters"] == {"serialNumber": phone.serial, "tokenCode": hidden}
    durable.server.terminate()
    secrets = [phone.seed.encode(), phone.totp.byte_secret(), phone.picture[60:120]]
    files = [path for folder in ("data", "server") for path in (tmp_path / folder).rglob("*") if path.is_file()]
    assert any(path.name == "audit.jsonl" for path in files)
    for path in files:
        content = path.read_bytes()
        assert not any(secret in content for secret in secrets), path
