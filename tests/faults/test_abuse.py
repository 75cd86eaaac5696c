"""Brute force: who fails often waits, and nobody else does."""

import concurrent.futures
import contextlib
import json
import re
import socket
import subprocess
import time
import urllib.parse

import pyotp
import pytest
from botocore.exceptions import ClientError
from harness import (
    BINARY,
    ROOT_CREDENTIALS,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    policy,
    refused,
    root_of,
    trusting,
    wait_for,
)
from test_attacks import raw, status_and_body

IDENTITY = {"Action": "GetCallerIdentity"}
THROTTLED = (400, "Throttling", "Rate exceeded")
WINDOW = 600
HOME, ELSEWHERE = "203.0.113.1", "203.0.113.2"


def limited(tmp_path, monkeypatch, **limits):
    """An ephemeral server, behind a proxy, with these limits."""
    clock = Clock()
    clock.install(monkeypatch)
    limits = {"key_failures": "5/600", "source_failures": "12/600", "guesses": "4/600"} | limits
    flags = [part for name, rate in limits.items() for part in (f"--limit-{name.replace('_', '-')}", rate)]
    return clock, Server(tmp_path / "server", "--behind-tls-proxy", *flags)


@pytest.fixture
def locum(tmp_path, monkeypatch):
    clock, server = limited(tmp_path, monkeypatch)
    with server:
        yield Locum(server, clock)


def ask(locum, credentials, source=HOME, parameters=None, service="sts", **options):
    headers = {"X-Forwarded-For": source, "X-Forwarded-Proto": "https"}
    return locum.form(service, parameters or IDENTITY, credentials, headers, **options)


def wrong(credentials):
    return Credentials(credentials.id, "x" * 40, credentials.token)


def stranger(number):
    return Credentials(f"AKIAQ{number:015d}".replace("0", "A").replace("1", "B").replace("8", "C").replace("9", "D"), "x")


def fail(locum, times, credentials=None, source=HOME):
    """Fails so often: none of it is throttled."""
    for number in range(times):
        status, code, _ = ask(locum, credentials or stranger(number), source).error()
        assert (status, code) in ((403, "SignatureDoesNotMatch"), (403, "InvalidClientTokenId")), number


def test_after_so_many_failures_a_key_waits_at_that_source(locum):
    user = locum.user("alice")
    fail(locum, 5, wrong(user))
    assert ask(locum, wrong(user)).error() == THROTTLED
    # Also with the right secret: who guesses must not learn that a guess was right.
    assert ask(locum, user).error() == THROTTLED
    # One for each that has run out.
    locum.advance(WINDOW // 5 + 1)
    fail(locum, 1, wrong(user))
    assert ask(locum, user).error() == THROTTLED
    locum.advance(WINDOW)
    assert ask(locum, user).status == 200


def test_who_knows_a_key_id_does_not_stop_its_owner(locum):
    user = locum.user("alice")
    for last in range(10, 30):
        fail(locum, 5, wrong(user), f"203.0.113.{last}")
        assert ask(locum, user, f"203.0.113.{last}").error() == THROTTLED
    assert ask(locum, user).status == 200
    assert ask(locum, ROOT_CREDENTIALS, "203.0.113.10").status == 200


def test_a_source_that_fails_waits_whatever_keys_it_tries(locum):
    user, neighbour = locum.user("alice"), locum.user("bob")
    assert ask(locum, neighbour).status == 200
    fail(locum, 12)
    assert ask(locum, stranger(99)).error() == THROTTLED
    assert ask(locum, user).error() == THROTTLED
    assert ask(locum, user, ELSEWHERE).status == 200
    # Whose key has signed here before goes on.
    assert ask(locum, neighbour).status == 200


def test_an_ipv6_network_is_one_source(locum):
    user = locum.user("alice")
    for host in range(12):
        fail(locum, 1, stranger(host), f"2001:db8:0:7::{host + 1:x}")
    assert ask(locum, user, "2001:db8:0:7:ffff::1").error() == THROTTLED
    assert ask(locum, user, "2001:db8:0:8::1").status == 200


def test_a_source_cannot_be_invented(tmp_path, monkeypatch):
    """Without a proxy in front, the header is the client's word."""
    clock = Clock()
    clock.install(monkeypatch)
    with Server(tmp_path / "server", "--limit-key-failures", "5/600") as server:
        locum = Locum(server, clock)
        user = locum.user("alice")
        for number in range(5):
            fail(locum, 1, wrong(user), f"203.0.113.{number}")
        assert ask(locum, user, "203.0.113.77").error() == THROTTLED


@pytest.mark.parametrize("kind", ["secret", "unknown key", "broken token", "another's token", "presigned"])
def test_what_counts(locum, kind):
    user = locum.user("alice", allow("sts:*"))
    session = Credentials.of(locum.client("sts", user).get_session_token())
    other = Credentials.of(locum.client("sts", user).get_session_token())
    guess = {
        "secret": wrong(user),
        "unknown key": stranger(1),
        "broken token": Credentials(session.id, session.secret, session.token[:-4] + "AAAA"),
        "another's token": Credentials(session.id, session.secret, other.token),
        "presigned": wrong(user),
    }[kind]

    def attempt():
        if kind != "presigned":
            return ask(locum, guess)
        url = locum.client("sts", guess).generate_presigned_url("get_caller_identity")
        target = url.removeprefix(locum.server.url)
        return locum.server.send("GET", target, {"X-Forwarded-For": HOME})

    for _ in range(5):
        assert attempt().error()[1] in ("SignatureDoesNotMatch", "InvalidClientTokenId")
    assert attempt().error() == THROTTLED


def test_what_does_not_count(locum):
    """Denials, requests without a signature, stale ones, malformed ones and expired sessions."""
    user = locum.user("alice", allow("sts:*"))
    session = Credentials.of(locum.client("sts", user).get_session_token(DurationSeconds=900))
    for _ in range(15):
        assert ask(locum, user, parameters={"Action": "ListUsers"}, service="iam").error()[1] == "AccessDenied"
        assert ask(locum, user, when=-3600).error()[1] == "SignatureDoesNotMatch"
        assert ask(locum, user, parameters={"Action": "Nothing"}).error()[1] == "InvalidAction"
        unsigned = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": HOME}
        answer = locum.server.send("POST", "/", unsigned, b"Action=GetCallerIdentity&Version=2011-06-15")
        assert answer.error()[1] == "MissingAuthenticationToken"
    locum.advance(901)
    for _ in range(15):
        assert ask(locum, session).error()[1] == "ExpiredToken"
    assert ask(locum, user).status == 200


def test_each_protocol_has_its_form_and_sdks_try_again(locum):
    """Behind the proxy these clients have no address, which is a source too."""
    user = locum.user("alice")
    for _ in range(5):
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            locum.client("sts", wrong(user)).get_caller_identity()
    refused(locum.client("sts", user).get_caller_identity, *THROTTLED[1:], 400)
    refused(locum.client("iam", user).list_users, *THROTTLED[1:], 400)
    refused(locum.client("organizations", user).list_accounts, "ThrottlingException", "Rate exceeded", 400)
    s3 = locum.client("s3", user)
    refused(s3.list_buckets, "SlowDown", "Please reduce your request rate.", 503)
    refused(lambda: s3.put_object(Bucket="b", Key="k", Body=b"x" * 300_000), "SlowDown", "Please reduce your request rate.", 503)
    refused(lambda: s3.head_object(Bucket="b", Key="k"), "503", "Service Unavailable", 503)
    answer = ask(locum, user, "")
    assert answer.value("Type") == "Sender"
    assert answer.value("RequestId") == answer.headers["x-amzn-requestid"]

    for service, call in (("sts", "get_caller_identity"), ("s3", "list_buckets"), ("organizations", "list_accounts")):
        client = locum.client(service, user, config={"retries": {"total_max_attempts": 3, "mode": "standard"}})
        with pytest.raises(ClientError) as caught:
            getattr(client, call)()
        assert caught.value.response["ResponseMetadata"]["RetryAttempts"] == 2, service
    ran = locum.aws("sts", "get-caller-identity", credentials=user)
    assert "(Throttling)" in ran.stderr and "Rate exceeded" in ran.stderr


def test_failures_at_s3_count_with_the_others(locum):
    user = locum.user("alice", allow("s3:*"))
    for _ in range(5):
        with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
            locum.client("s3", wrong(user)).list_buckets()
    refused(locum.client("sts", user).get_caller_identity, *THROTTLED[1:], 400)


@pytest.mark.parametrize("trick", ["two credentials", "odd space", "beyond ASCII", "name escaped", "key escaped"])
def test_a_key_cannot_be_hidden_from_the_count(locum, trick):
    """The key that is counted is the key that is authenticated, or else the source still counts."""
    user = wrong(locum.user("alice"))
    url = locum.client("sts", user).generate_presigned_url("get_caller_identity").removeprefix(locum.server.url)

    def attempt(number):
        if trick in ("two credentials", "odd space", "beyond ASCII"):
            body = urllib.parse.urlencode(IDENTITY | {"Version": "2011-06-15"}).encode()
            headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": HOME}
            signed = locum.sign("sts", "POST", "/", headers, body, user)
            found = re.search("Credential=([^,]+),", signed["Authorization"])[0]
            decoy = found.replace(user.id, stranger(number).id)
            spelled = {
                "two credentials": f"{decoy} {found}",
                # Space to Unicode, but not to the header.
                "odd space": f"{found} \u00a0{decoy}",
                "beyond ASCII": f"{found} Nothing=\u00e9,",
            }[trick]
            signed["Authorization"] = signed["Authorization"].replace(found, spelled).encode()
            return locum.server.send("POST", "/", signed, body)
        if trick == "name escaped":
            target = url.replace("X-Amz-Credential", "X%2DAmz-Credential")
        else:
            spelled = "".join(f"%{ord(c):02x}" if place == number % 20 else c for place, c in enumerate(user.id))
            target = url.replace(user.id, spelled)
        return locum.server.send("GET", target, {"X-Forwarded-For": HOME})

    answers = [attempt(number).error()[:2] for number in range(13)]
    most = 12 if trick == "key escaped" else 5
    assert answers[:most] == [(403, "SignatureDoesNotMatch")] * most
    assert answers[most:] == [THROTTLED[:2]] * (13 - most)


def test_nothing_is_read_of_a_throttled_upload(locum):
    """The answer comes though the body never does."""
    user = locum.user("alice", allow("s3:*"))
    fail(locum, 5, wrong(user))
    signed = locum.sign("s3", "PUT", "/b/k", {"X-Forwarded-For": HOME, "Expect": "100-continue"}, b"x" * 1000, user)
    lines = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
    head = f"PUT /b/k HTTP/1.1\r\n{lines}Content-Length: 1000\r\n\r\n"
    status, body = status_and_body(raw(locum.server, head.encode()))
    assert status == 503 and b"<Code>SlowDown</Code>" in body


def test_a_throttled_client_keeps_its_connection(locum):
    user = locum.user("alice")
    fail(locum, 5, wrong(user))
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    headers = {"Content-Type": "application/x-www-form-urlencoded", "X-Forwarded-For": HOME}
    signed = locum.sign("sts", "POST", "/", headers, body, user)
    connection = locum.server.connect()
    with contextlib.closing(connection):
        for _ in range(3):
            connection.request("POST", "/", body, signed)
            answer = connection.getresponse()
            assert (answer.status, b"<Code>Throttling</Code>" in answer.read()) == (400, True)
            assert answer.getheader("connection") is None


def test_an_external_id_cannot_be_guessed_fast(locum):
    account = locum.client("sts").get_caller_identity()["Account"]
    condition = {"StringEquals": {"sts:ExternalId": "the-right-one"}}
    role = locum.role("role", trusting(root_of(account), Condition=condition))
    # Without an external id nothing is guessed, and a trust policy that asks for none tells nothing.
    member, administrator = locum.account("member")
    vendor = locum.user("vendor", allow("sts:AssumeRole"))
    other = locum.user("other", allow("sts:AssumeRole"), credentials=administrator)

    def assume(credentials, arn, **more):
        parameters = {"Action": "AssumeRole", "RoleArn": arn, "RoleSessionName": "session"} | more
        answer = ask(locum, credentials, f"198.51.100.{len(more)}", parameters)
        return answer.status if answer.status == 200 else answer.error()[1]

    assert [assume(vendor, role) for _ in range(8)] == ["AccessDenied"] * 8
    for arn in (role, f"arn:aws:iam::{account}:role/none"):
        # A role that is not there behaves alike.
        guesses = [assume(vendor, arn, ExternalId=f"guess-{number}") for number in range(6)]
        assert guesses == ["AccessDenied"] * 4 + ["Throttling"] * 2
    # The right one comes too late, whoever of the account brings it …
    assert assume(vendor, role, ExternalId="the-right-one") == "Throttling"
    second = locum.user("second", allow("sts:AssumeRole"))
    assert assume(second, role, ExternalId="the-right-one") == "Throttling"
    # … but another account's guesses are its own, and the vendor's other calls go on.
    assert assume(other, role, ExternalId="the-right-one") == "AccessDenied"
    assert ask(locum, vendor).status == 200
    assert assume(vendor, role) == "AccessDenied"
    locum.advance(WINDOW // 4 + 1)
    assert assume(vendor, role, ExternalId="the-right-one") == 200


def test_a_customer_cannot_lock_the_vendor_out_of_anothers_role(locum):
    """The vendor calls for each customer with that customer's id, to whatever role it is told."""
    account = locum.client("sts").get_caller_identity()["Account"]
    condition = {"StringEquals": {"sts:ExternalId": "victims-id"}}
    role = locum.role("victims", trusting(root_of(account), Condition=condition))
    vendor = locum.user("vendor", allow("sts:AssumeRole"))

    def assume(external_id):
        parameters = {"Action": "AssumeRole", "RoleArn": role, "RoleSessionName": "session", "ExternalId": external_id}
        answer = ask(locum, vendor, parameters=parameters)
        return answer.status if answer.status == 200 else answer.error()[1]

    assert assume("victims-id") == 200
    assert [assume("attackers-id") for _ in range(6)] == ["AccessDenied"] * 4 + ["Throttling"] * 2
    assert assume("victims-id") == 200
    assert assume("another-guess") == "Throttling"
    # Being known is no right: what the trust policy says now counts.
    locum.client("iam").update_assume_role_policy(
        RoleName="victims",
        PolicyDocument=policy(trusting(root_of(account), Condition={"StringEquals": {"sts:ExternalId": "new-id"}})),
    )
    assert assume("victims-id") == "AccessDenied"


def test_codes_of_mfa_devices_cannot_be_guessed_fast(locum):
    """Nine in three minutes, as AWS has it, would be a code in a month: so many in an hour besides."""
    user = locum.user("alice", allow("sts:*"))
    iam = locum.client("iam")
    device = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
    totp = pyotp.TOTP(device["Base32StringSeed"].decode())
    serial = device["SerialNumber"]

    def code(away=0):
        return totp.at(int(locum.clock.now(remove_tzinfo=False).timestamp()) + 30 * away)

    iam.enable_mfa_device(
        UserName="alice", SerialNumber=serial, AuthenticationCode1=code(-1), AuthenticationCode2=code()
    )

    def show(digits, source=HOME):
        parameters = {"Action": "GetSessionToken", "SerialNumber": serial, "TokenCode": digits}
        answer = ask(locum, user, source, parameters)
        return answer.status if answer.status == 200 else answer.error()[1]

    shown = {code(away) for away in range(-3, 4)}
    guesses = [digits for digits in (f"{number:06d}" for number in range(20)) if digits not in shown]
    assert [show(digits) for digits in guesses[:4]] == ["AccessDenied"] * 4
    assert [show(digits, ELSEWHERE) for digits in guesses[4:6]] == ["Throttling"] * 2
    assert show(code()) == "Throttling"
    # Without a code the user goes on.
    assert ask(locum, user).status == 200
    locum.advance(WINDOW // 4 + 1)
    assert show(code()) == 200


def test_awss_request_quota_can_be_had(tmp_path, monkeypatch):
    """STS operations share it by account; the rest of the services does not."""
    clock, server = limited(tmp_path, monkeypatch, sts_requests="10/600")
    with server:
        locum = Locum(server, clock)
        account = locum.client("sts").get_caller_identity()["Account"]
        user = locum.user("alice", allow("sts:*"), allow("iam:ListUsers"))
        role = locum.role("role", root_of(account))
        for number in range(3):
            locum.assume(user, role, f"s{number}")
            ask(locum, ROOT_CREDENTIALS)
            locum.client("sts", user).get_session_token()
        assert ask(locum, user).error() == THROTTLED
        refused(lambda: locum.assume(user, role), *THROTTLED[1:], 400)
        assert ask(locum, user, parameters={"Action": "ListUsers"}, service="iam").status == 200
        # Another region has its own, and time brings it back.
        assert locum.client("sts", user, region="eu-central-1").get_caller_identity()
        locum.advance(WINDOW // 10 + 1)
        assert ask(locum, user).status == 200
        assert ask(locum, user).error() == THROTTLED


def test_limits_are_on_unless_they_are_off(tmp_path, monkeypatch):
    clock = Clock()
    clock.install(monkeypatch)
    data = ["--data", str(tmp_path / "data")]
    with Server(tmp_path / "on", *data, ephemeral=False) as server:
        locum = Locum(server, clock)
        user = locum.user("alice")
        fail(locum, 30, wrong(user))
        assert ask(locum, wrong(user)).error() == THROTTLED
        assert ask(locum, ROOT_CREDENTIALS).status == 200
    with Server(tmp_path / "off", *data, ephemeral=False, environment={"LOCUM_LIMIT_KEY_FAILURES": "off"}) as server:
        fail(Locum(server, clock), 40, wrong(user))
    folder = tmp_path / "file"
    folder.mkdir()
    (folder / "locum.toml").write_text('limit-key-failures = "3/600"\nlimit-source-failures = "off"\n')
    with Server(folder, *data, ephemeral=False) as server:
        fail(Locum(server, clock), 3, wrong(user))
        assert ask(Locum(server, clock), user).error() == THROTTLED
        fail(Locum(server, clock), 320)
    # An ephemeral server is for tests, which fail on purpose.
    with Server(tmp_path / "ephemeral") as server:
        fail(Locum(server, clock), 40, wrong(ROOT_CREDENTIALS))


@pytest.mark.parametrize("rate", ["", "5", "0/60", "5/0", "-1/60", "5/60/1", "on", "5/s", "10001/1", "1/86401"])
def test_a_limit_that_is_none_is_wrong_usage(tmp_path, rate):
    for arguments, text in (
        (["--ephemeral", f"--limit-guesses={rate}"], ""),
        (["--ephemeral"], f'limit-guesses = "{rate}"\n'),
    ):
        (tmp_path / "locum.toml").write_text(text)
        ran = subprocess.run(
            [str(BINARY), "serve", "--listen", "127.0.0.1:0", *arguments],
            cwd=tmp_path,
            env=base_environment(tmp_path),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 2, ran.stderr
        assert "is no rate" in ran.stderr


def test_what_is_throttled_is_recorded(tmp_path, monkeypatch):
    clock = Clock()
    clock.install(monkeypatch)
    flags = ["--data", str(tmp_path / "data"), "--limit-key-failures", "2/600"]
    with Server(tmp_path / "server", *flags, ephemeral=False) as server:
        locum = Locum(server, clock)
        user = locum.user("alice", allow("s3:*"))
        fail(locum, 2, wrong(user))
        request = ask(locum, user).headers["x-amzn-requestid"]
        with pytest.raises(ClientError, match="SlowDown"):
            locum.client("s3", user).list_buckets()

        def recorded():
            text = (tmp_path / "data/audit/audit.jsonl").read_text()
            lines = [json.loads(line) for line in text.splitlines()]
            found = [line for line in lines if line.get("errorCode") in ("Throttling", "SlowDown")]
            return len(found) == 2 and found

        first, second = wait_for(recorded, "the records")
        assert (first["requestID"], first["errorMessage"]) == (request, "Rate exceeded")
        assert first["userIdentity"] == second["userIdentity"] == {"type": "Unknown", "accessKeyId": user.id}


def test_the_anonymous_get_little_room_for_documents(locum):
    """A document is read before it is known what it is for: a few of theirs at a time are held."""
    s3 = locum.client("s3")
    s3.create_bucket(Bucket="bucket")
    head = (
        "POST /bucket?delete HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n"
        "Content-MD5: 1B2M2Y8AsgTpgAmY7PhCfg==\r\nExpect: 100-continue\r\n\r\n"
    )
    with contextlib.ExitStack() as stack:
        for _ in range(8):
            connection = stack.enter_context(socket.create_connection(locum.server.address, timeout=30))
            connection.sendall(head.format(4_000_000).encode())
            assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        status, body = status_and_body(raw(locum.server, head.format(4_000_000).encode()))
        assert status == 503 and b"<Code>SlowDown</Code>" in body
        # Small ones go on, and so do those who say who they are.
        connection = stack.enter_context(socket.create_connection(locum.server.address, timeout=30))
        connection.sendall(head.format(10_000).encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 100 ")
        s3.put_object(Bucket="bucket", Key="k", Body=b"")
        objects = [{"Key": f"{number:0>100}"} for number in range(900)] + [{"Key": "k"}]
        assert "Errors" not in s3.delete_objects(Bucket="bucket", Delete={"Objects": objects})

    def room():
        with contextlib.closing(socket.create_connection(locum.server.address, timeout=30)) as connection:
            connection.sendall(head.format(4_000_000).encode())
            return connection.recv(1000).startswith(b"HTTP/1.1 100 ")

    wait_for(room, "room again")


def test_announcing_much_takes_no_room_from_others(locum):
    """Who sends no more than the head of a long form holds nothing up."""
    user = locum.user("alice")
    head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with contextlib.ExitStack() as held:
        for number in range(100):
            connection = held.enter_context(socket.create_connection(locum.server.address, timeout=30))
            length = "Content-Length: 1048576" if number % 2 else "Transfer-Encoding: chunked"
            connection.sendall(f"{head}{length}\r\n\r\n".encode())
        begun = time.monotonic()
        assert ask(locum, user, parameters=IDENTITY | {"Junk": "x" * 900_000}).status == 200
        # A form may take twenty seconds to arrive.
        assert time.monotonic() - begun < 10


def test_of_the_anonymous_no_object_is_read_that_they_may_not_write(locum):
    locum.client("s3").create_bucket(Bucket="bucket")
    for target in ("/bucket/key", "/bucket/key?partNumber=1&uploadId=x", "/none/key"):
        head = f"PUT {target} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4000000\r\nExpect: 100-continue\r\n\r\n"
        answer = raw(locum.server, head.encode())
        assert answer.startswith(b"HTTP/1.1 40"), (target, answer)


def test_most_fields_of_a_form_are_no_burden(locum):
    """A form of as many tiny fields as fit, and names that pretend to be deep lists."""
    deep = "a" + ".member.1" * 20_000
    many = "&".join(f"{number}=" for number in range(100_000))
    for body in (many, f"{deep}=1", "=&" * 300_000, "%41" * 300_000 + "=1"):
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        answer = locum.server.send("POST", "/?Action=GetCallerIdentity&Version=2011-06-15", headers, body.encode())
        assert answer.status in (400, 403), answer
        assert locum.server.is_well()


def test_an_old_password_cannot_be_guessed_fast(locum):
    iam = locum.client("iam")
    alice = locum.user("alice", allow("iam:ChangePassword"))
    eve = locum.user("eve", allow("iam:ChangePassword"))
    for name in ("alice", "eve"):
        iam.create_login_profile(UserName=name, Password="Correct-Horse-7")

    def change(credentials, old, new="Correct-Horse-7", source=HOME):
        form = {"Action": "ChangePassword", "Version": "2010-05-08", "OldPassword": old, "NewPassword": new}
        return ask(locum, credentials, source, form, "iam")

    incorrect = (403, "AccessDenied", "The old password is incorrect.")
    # Many at once are no more than one after the other.
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: change(alice, f"Guess-{number}").error(), range(16)))
    assert sorted(answers) == sorted([incorrect] * 4 + [THROTTLED] * 12)
    assert change(alice, "Correct-Horse-7", source=ELSEWHERE).error() == THROTTLED
    # Who is right may go on, and so may anybody else.
    for _ in range(10):
        assert change(eve, "Correct-Horse-7").status == 200
    locum.advance(WINDOW)
    assert change(alice, "Correct-Horse-7").status == 200
