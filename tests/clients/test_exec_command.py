"""locum exec, credential-process and env: programs get a session, and nothing of their caller's."""

import contextlib
import datetime
import http.client
import http.server
import json
import os
import pathlib
import pty
import re
import signal
import stat
import subprocess
import sys
import threading
import urllib.parse

import pytest
from harness import (
    ACCOUNT,
    BINARY,
    REGION,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    free_port,
    not_authorized,
    trusting,
    wait_for,
)

USER = f"arn:aws:iam::{ACCOUNT}:user/worker"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
CALLER = Credentials("AKIACALLERCALLER0001", "callers/secret+0123456789")
LIB_FAKETIME = "libfaketime.so.1"

# What SDKs make of their surroundings: who they are, and the object, if they may read it.
WHO = "import boto3; print(boto3.client('sts').get_caller_identity()['Arn'])"
READ = "import boto3; print(boto3.client('s3').get_object(Bucket='pages', Key='one')['Body'].read().decode())"


def python(script):
    """The command that runs a script where boto3 is."""
    return [sys.executable, "-W", "ignore", "-c", script]


@pytest.fixture
def key(locum):
    """A user who may do nothing but what the role allows, which wants an external id."""
    s3 = locum.client("s3")
    s3.create_bucket(Bucket="pages")
    s3.put_object(Bucket="pages", Key="one", Body=b"the page")
    key = locum.user("worker")
    condition = {"StringEquals": {"sts:ExternalId": "Unique-42"}}
    locum.role("reader", trusting(USER, Condition=condition), allow("s3:GetObject"))
    return key


@pytest.fixture
def home(tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    return home


def variables(home, credentials=None, url=None, **more):
    """A caller's environment."""
    found = base_environment(home) | {"AWS_EC2_METADATA_DISABLED": "true", "USER": "ann"}
    found |= credentials.environment() if credentials else {}
    found |= {"AWS_ENDPOINT_URL": url} if url else {}
    return found | more


def run(*arguments, environment, **options):
    """A run of locum that ends by itself."""
    options = {"capture_output": True, "text": True, "timeout": 120, "stdin": subprocess.DEVNULL} | options
    return subprocess.run([BINARY, *map(str, arguments)], env=environment, check=False, **options)


ASK = ("--role-arn", ROLE, "--external-id", "Unique-42")


def message(ran):
    """What locum says on standard error, without time and level."""
    return [re.sub(r"^\S+ +(ERROR|WARN) ", "", line) for line in ran.stderr.splitlines()]


# The story


@pytest.mark.parametrize("server", [(), ("--server",)])
def test_denied_before_allowed_within(locum, key, home, server):
    environment = variables(home, key, locum.server.url, AWS_DEFAULT_REGION=REGION)
    before = subprocess.run(python(READ), env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert before.returncode == 1
    assert f"{USER} is not authorized to perform: s3:GetObject" in before.stderr
    within = run("exec", *ASK, *server, "--", *python(f"{READ}; {WHO}"), environment=environment)
    assert within.stderr == ""
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/locum-ann"
    assert (within.returncode, within.stdout) == (0, f"the page\n{session}\n")


@pytest.mark.parametrize("command", [["exec"], ["exec", "--server"], ["credential-process"], ["env"]])
def test_a_denial_is_told(locum, key, home, command):
    rest = ["--", "touch", str(home / "ran")] if "exec" in command else []
    ran = run(*command, "--role-arn", ROLE, *rest, environment=variables(home, key, locum.server.url))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert message(ran) == ["AccessDenied: " + not_authorized(USER, "sts:AssumeRole", ROLE)]
    assert not (home / "ran").exists()
    assert list((home / ".cache").rglob("*.json")) == []


# The environment of the command


CALLERS_OWN = {
    "AWS_SECURITY_TOKEN": "x",
    "AWS_PROFILE": "x",
    "AWS_DEFAULT_PROFILE": "x",
    "AWS_CREDENTIAL_EXPIRATION": "2020-01-01T00:00:00Z",
    "AWS_CREDENTIAL_FILE": "x",
    "AWS_ROLE_ARN": "x",
    "AWS_ROLE_SESSION_NAME": "own-name",
    "AWS_WEB_IDENTITY_TOKEN_FILE": "x",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI": "x",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "x",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN": "x",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "x",
}
KEPT = {"MINE": "a b", "AWS_MAX_ATTEMPTS": "7", "AWS_CONFIG_FILE": "/nowhere", "AWS_SHARED_CREDENTIALS_FILE": "/none"}


def environment_within(*options, environment):
    ran = run("exec", *ASK, *options, "--", "env", "-0", environment=environment)
    assert (ran.returncode, ran.stderr) == (0, "")
    return dict(pair.split("=", 1) for pair in ran.stdout.split("\0") if pair)


def test_the_environment_exactly(locum, key, home):
    surroundings = base_environment(home) | {"USER": "ann"} | KEPT
    environment = surroundings | key.environment() | CALLERS_OWN
    options = ("--endpoint-url", locum.server.url, "--region", "eu-west-1", "--duration-seconds", "1800")
    found = environment_within(*options, environment=environment)
    issued = {name: found.pop(name) for name in Credentials("", "", "x").environment()}
    end = datetime.datetime.fromisoformat(found.pop("AWS_CREDENTIAL_EXPIRATION"))
    left = end - datetime.datetime.now(datetime.timezone.utc)
    assert datetime.timedelta(minutes=27) < left <= datetime.timedelta(minutes=30, seconds=1)
    place = {"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": locum.server.url}
    assert found == surroundings | place
    session = Credentials(*issued.values())
    arn = locum.client("sts", session).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/own-name"


def test_the_environment_with_the_endpoint_exactly(locum, key, home):
    surroundings = base_environment(home) | {"USER": "ann"} | KEPT
    environment = surroundings | key.environment() | CALLERS_OWN | {"AWS_ENDPOINT_URL": locum.server.url}
    found = environment_within("--server", environment=environment)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/credentials", found.pop("AWS_CONTAINER_CREDENTIALS_FULL_URI"))
    assert re.fullmatch(r"[\w-]{43}", found.pop("AWS_CONTAINER_AUTHORIZATION_TOKEN"))
    place = {"AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION, "AWS_ENDPOINT_URL": locum.server.url}
    # A default profile there would go before the endpoint.
    files = {"AWS_CONFIG_FILE": "/dev/null", "AWS_SHARED_CREDENTIALS_FILE": "/dev/null"}
    assert found == surroundings | place | files


def test_a_default_profile_does_not_go_before_the_endpoint(locum, key, home):
    write_profiles(home, f"[default]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n")
    ran = run("exec", *ASK, "--server", "--", *python(WHO), environment=variables(home, url=locum.server.url))
    assert ran.stdout == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/locum-ann\n", ran.stderr


# Exit codes and signals


@pytest.mark.parametrize(
    ("command", "replaced", "beside"),
    [
        (["true"], 0, 0),
        (["sh", "-c", "exit 7"], 7, 7),
        (["sh", "-c", "exit 255"], 255, 255),
        (["sh", "-c", "kill -TERM $$"], -signal.SIGTERM, 128 + signal.SIGTERM),
        (["sh", "-c", "kill -KILL $$"], -signal.SIGKILL, 128 + signal.SIGKILL),
        (["no-such-command"], 127, 127),
        (["/"], 126, 126),
    ],
)
def test_the_exit_code_is_the_commands(locum, key, home, command, replaced, beside):
    environment = variables(home, key, locum.server.url)
    assert run("exec", *ASK, "--", *command, environment=environment).returncode == replaced
    assert run("exec", *ASK, "--server", "--", *command, environment=environment).returncode == beside


def test_arguments_and_standard_streams_are_the_commands(locum, key, home):
    environment = variables(home, key, locum.server.url)
    script = 'cat; printf "[%s]" "$@"; echo said >&2'
    words = ["a b", "", "--role-arn", "$HOME", "--"]
    for server in ((), ("--server",)):
        command = ["exec", *ASK, *server, "--", "sh", "-c", script, "sh", *words]
        ran = run(*command, environment=environment, input="given\n", stdin=None)
        assert (ran.stdout, ran.stderr) == ("given\n" + "".join(f"[{word}]" for word in words), "said\n")


@contextlib.contextmanager
def started(*arguments, environment, **options):
    """A run of locum under way."""
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True} | options
    command = [*options.pop("prefix", ()), BINARY, *map(str, arguments)]
    process = subprocess.Popen(command, env=environment, preexec_fn=heed_signals, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def heed_signals():
    """What runs the tests may ignore some, as `nohup` and a shell's `&` do, and its children then do too."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


@pytest.mark.parametrize("server", [(), ("--server",)])
@pytest.mark.parametrize("name", ["INT", "TERM", "HUP", "USR1"])
def test_signals_pass_through(locum, key, home, server, name):
    script = f'trap "echo got {name}; exit 5" {name}; echo ready; while :; do sleep 0.05; done'
    environment = variables(home, key, locum.server.url)
    with started("exec", *ASK, *server, "--", "sh", "-c", script, environment=environment) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.Signals[f"SIG{name}"])
        assert process.stdout.readline() == f"got {name}\n"
        assert process.wait(timeout=60) == 5


@pytest.mark.parametrize("server", [(), ("--server",)])
def test_an_interrupt_on_the_terminal_comes_once(locum, key, home, server):
    # A program that is interrupted twice takes it for an order to leave everything as it is.
    script = """
import signal, sys, time
seen = []
signal.signal(signal.SIGINT, lambda *_: seen.append(1))
print("ready", flush=True)
deadline = time.monotonic() + 60
while not seen and time.monotonic() < deadline:
    time.sleep(0.01)
time.sleep(1)
print("interrupted", len(seen), flush=True)
"""
    environment = variables(home, key, locum.server.url)
    with on_terminal("exec", *ASK, *server, "--", *python(script), environment=environment) as terminal:
        terminal.expect("ready")
        terminal.type("\x03")
        terminal.expect("interrupted 1")
        assert terminal.process.wait(timeout=60) == 0


class Terminal:
    """A run of locum on a terminal of its own."""

    def __init__(self, process, descriptor):
        self.process = process
        self.descriptor = descriptor
        self.shown = ""

    def type(self, text):
        os.write(self.descriptor, text.encode())

    def expect(self, text):
        def seen():
            os.set_blocking(self.descriptor, False)
            with contextlib.suppress(BlockingIOError, OSError):
                self.shown += os.read(self.descriptor, 4096).decode()
            return text in self.shown

        try:
            wait_for(seen, text)
        except AssertionError:
            pytest.fail(f"{text!r} is not in {self.shown!r}")


@contextlib.contextmanager
def on_terminal(*arguments, environment, stdout=None):
    controller, terminal = pty.openpty()
    try:
        with started(
            *arguments,
            environment=environment,
            prefix=("setsid", "--ctty", "--wait"),
            stdin=terminal,
            stdout=stdout or terminal,
            stderr=terminal,
        ) as process:
            yield Terminal(process, controller)
    finally:
        os.close(controller)
        os.close(terminal)


# The endpoint


@pytest.fixture
def endpoint(locum, key, home):
    """The endpoint of a command that waits: (process, URL, token)."""
    script = 'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; read -r _'
    environment = variables(home, key, locum.server.url)
    with started("exec", *ASK, "--server", "--", "sh", "-c", script, environment=environment) as process:
        url, token = process.stdout.readline().split()
        yield process, urllib.parse.urlsplit(url), token


def fetch(url, headers, method="GET", path=None, host=None, timeout=60):
    connection = http.client.HTTPConnection(host or url.hostname, url.port, timeout=timeout)
    with contextlib.closing(connection):
        connection.request(method, path or url.path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type"), json.loads(answer.read())


def test_the_endpoint_gives_the_session(locum, endpoint):
    _, url, token = endpoint
    status, kind, found = fetch(url, {"Authorization": token})
    assert (status, kind) == (200, "application/json")
    assert sorted(found) == ["AccessKeyId", "Expiration", "RoleArn", "SecretAccessKey", "Token"]
    assert found["RoleArn"] == ROLE
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", found["Expiration"])
    session = Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])
    arn = locum.client("sts", session).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/locum-ann"


def test_the_endpoint_answers_to_its_token_and_name_only(endpoint):
    _, url, token = endpoint
    unauthorized = {"code": "Unauthorized", "message": "the authorization token is missing or wrong"}
    for headers in ({}, {"Authorization": ""}, {"Authorization": token[:-1]}, {"Authorization": f"Bearer {token}"}):
        assert fetch(url, headers) == (401, "application/json", unauthorized), headers
    foreign = {"code": "AccessDenied", "message": "this host is not served here"}
    for host in ("evil.example", f"evil.example:{url.port}", "127.0.0.1", f"localhost:{url.port}", ""):
        assert fetch(url, {"Authorization": token, "Host": host}) == (403, "application/json", foreign), host
    absolute = f"http://evil.example:{url.port}{url.path}"
    assert fetch(url, {"Authorization": token, "Host": url.netloc}, path=absolute)[0] == 403
    for path in ("/", "/credentials/", "/credentials%2f", "//credentials"):
        assert fetch(url, {"Authorization": token, "Host": url.netloc}, path=path)[0] == 404, path
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        assert fetch(url, {"Authorization": token}, method)[0] == 405, method
    assert fetch(url, {"Authorization": token})[0] == 200


def test_the_endpoint_listens_on_one_address_and_ends_with_the_command(endpoint):
    process, url, token = endpoint
    with pytest.raises(ConnectionRefusedError):
        fetch(url, {"Authorization": token}, host="127.0.0.2")
    process.communicate("\n", timeout=60)
    assert process.returncode == 0
    with pytest.raises(ConnectionRefusedError):
        fetch(url, {"Authorization": token})


class FakeTime:
    """The time of a process, some seconds ahead of the machine's, and changed while it runs."""

    def __init__(self, folder):
        self.file = folder / "faketime"
        self.ahead(0)

    def ahead(self, seconds):
        # Whole at once: it is read at any time.
        new = self.file.with_suffix(".new")
        new.write_text(f"+{seconds}s\n")
        new.rename(self.file)

    def environment(self):
        shown = subprocess.run(
            ["faketime", "-f", "+0s", "env"], env={"PATH": os.environ["PATH"]}, capture_output=True, text=True, check=True
        )
        library = re.search(r"^LD_PRELOAD=(\S+)", shown.stdout, re.MULTILINE).group(1)
        return {
            "LD_PRELOAD": library,
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def test_sessions_are_renewed_before_they_end(locum, key, home, tmp_path):
    faketime = FakeTime(tmp_path)
    script = """
import boto3, sys
sts, session = boto3.client("sts"), boto3.Session()
for _ in sys.stdin:
    print(session.get_credentials().access_key, sts.get_caller_identity()["Arn"].rsplit("/")[-1], flush=True)
"""
    environment = variables(home, key, locum.server.url, **faketime.environment())
    command = ("exec", *ASK, "--server", "--duration-seconds", "3600", "--no-cache", "--", *python(script))
    with started(*command, environment=environment) as process:

        def ask():
            process.stdin.write("\n")
            process.stdin.flush()
            line = process.stdout.readline()
            assert line, process.stderr.read()
            return line.split()

        def pass_time(seconds):
            locum.advance(seconds)
            faketime.ahead(locum.clock.ahead)

        first = ask()
        assert ask() == first
        # SDKs do not ask for others before the last quarter of an hour.
        pass_time(2600)
        assert ask() == first
        pass_time(300)
        second = ask()
        assert second != first and second[1] == "locum-ann"
        # Two hours: no credentials live that long, and the command works on.
        for _ in range(2):
            pass_time(2900)
            third = ask()
            assert third != second and third[1] == "locum-ann"
            second = third
        # The caller may no longer: what is left of the session is used, then the reason is told.
        iam = locum.client("iam")
        iam.delete_role_policy(RoleName="reader", PolicyName="p0")
        iam.update_access_key(UserName="worker", AccessKeyId=key.id, Status="Inactive")
        pass_time(2900)
        assert ask() == third
        pass_time(1000)
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.wait(timeout=120) == 1
        said = process.stderr.read()
        assert "the session is not renewed: InvalidClientTokenId: " in said
        assert "CredentialsUnavailable" in said


# credential_process


def write_profiles(home, credentials="", config=""):
    folder = home / ".aws"
    folder.mkdir(exist_ok=True)
    (folder / "credentials").write_text(credentials)
    (folder / "config").write_text(config)


def test_credential_process(locum, key, home):
    environment = variables(home, key, locum.server.url)
    ran = run("credential-process", *ASK, environment=environment)
    assert (ran.returncode, ran.stderr) == (0, "")
    found = json.loads(ran.stdout)
    assert list(found) == ["Version", "AccessKeyId", "SecretAccessKey", "SessionToken", "Expiration"]
    assert found["Version"] == 1
    assert ran.stdout.count("\n") == 1
    session = Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])
    assert locum.client("s3", session).get_object(Bucket="pages", Key="one")["Body"].read() == b"the page"


def test_credential_process_of_a_profile(locum, key, home):
    process = f"{BINARY} credential-process --profile base --role-arn {ROLE} --external-id Unique-42"
    write_profiles(
        home,
        f"[base]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n",
        f"[profile reader]\nregion = {REGION}\ncredential_process = {process} --endpoint-url {locum.server.url}\n",
    )
    environment = variables(home, url=locum.server.url, AWS_PROFILE="reader")
    ran = subprocess.run(python(READ), env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (ran.returncode, ran.stdout) == (0, "the page\n"), ran.stderr


# env


def test_env_is_read_by_sh(locum, key, home):
    environment = variables(home, key, AWS_PROFILE="x", SHELL="/bin/sh")
    options = " ".join((*ASK, "--endpoint-url", locum.server.url))
    inner = " ".join(f"'{word}'" for word in python(READ.replace("'", '"')))
    script = f'set -e; lines=$({BINARY} env {options}); eval "$lines"; {inner}; env'
    ran = subprocess.run(["sh", "-c", script], env=environment, capture_output=True, text=True, check=False, timeout=120)
    assert (ran.returncode, ran.stderr) == (0, "")
    first, *rest = ran.stdout.splitlines()
    assert first == "the page"
    found = dict(line.split("=", 1) for line in rest if "=" in line)
    assert found["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert found["AWS_REGION"] == found["AWS_DEFAULT_REGION"] == REGION
    assert found["AWS_ENDPOINT_URL"] == locum.server.url
    assert "AWS_PROFILE" not in found
    assert key.secret not in ran.stdout


@pytest.mark.parametrize(
    ("shell", "variable", "set_line", "unset_line"),
    [
        ("sh", "/usr/bin/fish", "export AWS_REGION='us-east-1'", "unset AWS_PROFILE"),
        ("fish", "/bin/sh", "set -gx AWS_REGION 'us-east-1'", "set -e AWS_PROFILE"),
        (
            *("powershell", "/bin/sh", "$Env:AWS_REGION = 'us-east-1'"),
            "Remove-Item Env:AWS_PROFILE -ErrorAction SilentlyContinue",
        ),
        (None, "/usr/bin/fish", "set -gx AWS_REGION 'us-east-1'", "set -e AWS_PROFILE"),
        (None, "/bin/zsh", "export AWS_REGION='us-east-1'", "unset AWS_PROFILE"),
    ],
)
def test_env_in_each_shell(locum, key, home, shell, variable, set_line, unset_line):
    chosen = ("--shell", shell) if shell else ()
    ran = run("env", *ASK, *chosen, environment=variables(home, key, locum.server.url, SHELL=variable))
    lines = ran.stdout.splitlines()
    assert set_line in lines and unset_line in lines, ran.stderr


# The cache


def key_id(*options, environment, ask=ASK):
    ran = run("credential-process", *ask, *options, environment=environment)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)["AccessKeyId"]


def test_a_session_is_kept_for_the_next_command(locum, key, home):
    environment = variables(home, key, locum.server.url)
    first = key_id(environment=environment)
    assert key_id(environment=environment) == first
    assert environment_within(environment=environment)["AWS_ACCESS_KEY_ID"] == first
    assert key_id("--no-cache", environment=environment) != first
    assert key_id(environment=environment) == first
    folder = home / ".cache/locum"
    (file,) = folder.iterdir()
    assert re.fullmatch("[0-9a-f]{64}\\.json", file.name)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert key.secret not in file.read_text()
    moved = environment | {"XDG_CACHE_HOME": str(home / "elsewhere")}
    assert key_id(environment=moved) != first
    assert len(list((home / "elsewhere/locum").iterdir())) == 1


def test_all_that_defines_a_session_tells_sessions_apart(locum, key, home):
    statement = trusting(USER, action=["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"])
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    locum.client("iam").update_assume_role_policy(RoleName="reader", PolicyDocument=document)
    other = Credentials.of(locum.client("iam").create_access_key(UserName="worker"))
    environment = variables(home, key, locum.server.url)
    narrow = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:GetObject")]})
    rows = [
        (),
        ("--role-session-name", "other"),
        ("--duration-seconds", "900"),
        ("--external-id", "Unique-43"),
        ("--policy", narrow),
        ("--policy-arn", "arn:aws:iam::aws:policy/ReadOnlyAccess"),
        ("--tag", "a=b"),
        ("--tag", "a=c"),
        ("--tag", "a=b", "--transitive-tag-key", "a"),
        ("--source-identity", "ann"),
        ("--region", "eu-west-1"),
        ("--endpoint-url", locum.server.url.replace("127.0.0.1", "localhost")),
    ]
    ids = [key_id(*row, environment=environment, ask=("--role-arn", ROLE)) for row in rows]
    ids.append(key_id(environment=environment | other.environment(), ask=("--role-arn", ROLE)))
    assert len(set(ids)) == len(rows) + 1
    assert [key_id(*row, environment=environment, ask=("--role-arn", ROLE)) for row in rows] == ids[:-1]


def test_a_session_near_its_end_is_not_used(locum, key, home, tmp_path):
    faketime = FakeTime(tmp_path)
    environment = variables(home, key, locum.server.url, **faketime.environment())
    # (life, seconds after which it is still used, seconds after which it is not)
    for life, early, late in ((3600, 3240, 3310), (900, 600, 690)):
        first = key_id("--duration-seconds", life, environment=environment)
        start = locum.clock.ahead
        for after, same in ((early, True), (late, False)):
            locum.advance(start + after - locum.clock.ahead)
            faketime.ahead(locum.clock.ahead)
            found = key_id("--duration-seconds", life, environment=environment)
            assert (found == first) == same, (life, after)
    locum.advance(4000)
    faketime.ahead(locum.clock.ahead)
    key_id("--duration-seconds", 1000, environment=environment)
    # What has ended is gone.
    assert len(list((home / ".cache/locum").iterdir())) == 1


def test_a_file_that_others_could_have_written_is_not_used(locum, key, home):
    environment = variables(home, key, locum.server.url)
    first = key_id(environment=environment)
    folder = home / ".cache/locum"
    (file,) = folder.iterdir()
    file.chmod(0o644)
    second = key_id(environment=environment)
    assert second != first
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    folder.chmod(0o755)
    ran = run("credential-process", *ASK, environment=environment)
    assert json.loads(ran.stdout)["AccessKeyId"] not in (first, second)
    assert message(ran) == ["the session is not kept in the cache: others may look into it"]


# The caller's credentials


def test_profiles(locum, key, home):
    write_profiles(
        home,
        f"[plain]\naws_access_key_id = {key.id}\naws_secret_access_key = {key.secret}\n[empty]\n[half]\naws_access_key_id = A\n",
        f"[profile plain]\nregion = eu-west-3\nendpoint_url = {locum.server.url}\n"
        f"[profile chained]\nrole_arn = {ROLE}\nsource_profile = plain\n"
        "[profile process]\ncredential_process = /bin/true\n",
    )
    environment = variables(home)
    by_flag = environment_within("--profile", "plain", environment=environment | CALLER.environment())
    assert by_flag["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert by_flag["AWS_REGION"] == "eu-west-3"
    # The command does not read that profile, and is to work with the same server.
    assert by_flag["AWS_ENDPOINT_URL"] == locum.server.url
    by_variable = environment_within(environment=environment | {"AWS_PROFILE": "plain"})
    assert by_variable["AWS_ACCESS_KEY_ID"] == by_flag["AWS_ACCESS_KEY_ID"]
    source = "profile `{}` has its credentials from `{}`, which is not followed: name a profile with access keys"
    for name, why in {
        "chained": source.format("chained", "role_arn"),
        "process": source.format("process", "credential_process"),
        "empty": "profile `empty` has no credentials",
        "half": "profile `half`: aws_access_key_id and aws_secret_access_key go together",
        "absent": "there is no profile `absent`",
    }.items():
        ran = run("credential-process", *ASK, "--profile", name, environment=environment)
        assert (ran.returncode, ran.stdout, message(ran)) == (1, "", [why]), name


def test_no_credentials_at_all(home):
    ran = run("credential-process", *ASK, environment=variables(home))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert message(ran)[0].startswith("there are no credentials: ")
    ran = run("credential-process", *ASK, environment=variables(home, AWS_ACCESS_KEY_ID="A"))
    assert message(ran) == ["AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together"]


# What is sent, and what comes back


class FakeSts:
    """A server that keeps what it is asked, and answers what a test says."""

    def __init__(self):
        self.asked = []
        self.answer = (200, self.session())
        self.answers = threading.Event()
        self.answers.set()
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                fake.asked.append((dict(self.headers.items()), urllib.parse.parse_qsl(body, keep_blank_values=True, strict_parsing=True)))
                fake.answers.wait(60)
                status, text = fake.answer
                self.send_response(status)
                if status == 307:
                    self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    @staticmethod
    def session(key_id="ASIAFAKE", secret="fake/secret", token="fake+token", expiration="2099-01-01T00:00:00Z"):
        return (
            "<AssumeRoleResponse xmlns='https://sts.amazonaws.com/doc/2011-06-15/'><AssumeRoleResult><Credentials>"
            f"<AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>"
            f"<SessionToken>{token}</SessionToken><Expiration>{expiration}</Expiration>"
            "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
        )


@pytest.fixture
def sts():
    fake = FakeSts()
    thread = threading.Thread(target=fake.server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield fake
    fake.server.shutdown()
    thread.join()
    fake.server.server_close()


def test_every_flag_is_sent(sts, home, tmp_path):
    file = tmp_path / "policy.json"
    file.write_text('{"Statement": []}\n')
    session = Credentials(CALLER.id, CALLER.secret, "callers-token")
    ran = run(
        *("credential-process", "--role-arn", ROLE, "--external-id", "a:b/c", "--role-session-name", "job-7"),
        *("--duration-seconds", "900", "--policy", file, "--policy-arn", "arn:aws:iam::aws:policy/A"),
        *("--policy-arn", "arn:aws:iam::aws:policy/B", "--tag", "Team=a=b c", "--tag", "Empty="),
        *("--transitive-tag-key", "Team", "--source-identity", "ann"),
        *("--mfa-serial", f"arn:aws:iam::{ACCOUNT}:mfa/ann", "--mfa-code", "012345", "--region", "eu-west-1"),
        environment=variables(home, session, sts.url),
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert json.loads(ran.stdout) == {
        "Version": 1,
        "AccessKeyId": "ASIAFAKE",
        "SecretAccessKey": "fake/secret",
        "SessionToken": "fake+token",
        "Expiration": "2099-01-01T00:00:00Z",
    }
    ((headers, form),) = sts.asked
    assert form == [
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleArn", ROLE),
        ("RoleSessionName", "job-7"),
        ("ExternalId", "a:b/c"),
        ("DurationSeconds", "900"),
        ("Policy", '{"Statement": []}\n'),
        ("PolicyArns.member.1.arn", "arn:aws:iam::aws:policy/A"),
        ("PolicyArns.member.2.arn", "arn:aws:iam::aws:policy/B"),
        ("Tags.member.1.Key", "Team"),
        ("Tags.member.1.Value", "a=b c"),
        ("Tags.member.2.Key", "Empty"),
        ("Tags.member.2.Value", ""),
        ("TransitiveTagKeys.member.1", "Team"),
        ("SourceIdentity", "ann"),
        ("SerialNumber", f"arn:aws:iam::{ACCOUNT}:mfa/ann"),
        ("TokenCode", "012345"),
    ]
    headers = {name.lower(): value for name, value in headers.items()}
    assert headers["host"] == sts.url.removeprefix("http://")
    assert headers["x-amz-security-token"] == "callers-token"
    assert re.match(rf"AWS4-HMAC-SHA256 Credential={CALLER.id}/\d{{8}}/eu-west-1/sts/aws4_request, ", headers["authorization"])


def test_a_renewal_that_takes_long_is_made_once(sts, home):
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=5)
    sts.answer = (200, sts.session("ASIAFIRST", expiration=soon.strftime("%Y-%m-%dT%H:%M:%SZ")))
    script = 'echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI $AWS_CONTAINER_AUTHORIZATION_TOKEN"; read -r _'
    environment = variables(home, CALLER, sts.url)
    with started("exec", *ASK, "--server", "--", "sh", "-c", script, environment=environment) as process:
        url, token = process.stdout.readline().split()
        url, headers = urllib.parse.urlsplit(url), {"Authorization": token}
        sts.answers.clear()
        sts.answer = (200, sts.session("ASIASECOND"))
        # The endpoint asks when it is time, and whoever asked it hangs up, as SDKs do.
        while len(sts.asked) < 2:
            with contextlib.suppress(TimeoutError):
                fetch(url, headers, timeout=0.5)
        for _ in range(3):
            with pytest.raises(TimeoutError):
                fetch(url, headers, timeout=0.2)
        sts.answers.set()
        assert fetch(url, headers)[2]["AccessKeyId"] == "ASIASECOND"
        assert len(sts.asked) == 2


def test_flags_may_be_variables(sts, home):
    given = {
        "LOCUM_ROLE_ARN": ROLE,
        "LOCUM_EXTERNAL_ID": "x1",
        "LOCUM_ROLE_SESSION_NAME": "n1",
        "LOCUM_TAG": "a=1,b=2",
        "LOCUM_POLICY_ARN": "arn:aws:iam::aws:policy/A arn:aws:iam::aws:policy/B",
        "LOCUM_ENDPOINT_URL": sts.url,
        "LOCUM_NO_CACHE": "1",
    }
    assert run("credential-process", environment=variables(home, CALLER, **given)).returncode == 0
    form = dict(sts.asked[0][1])
    assert (form["RoleArn"], form["ExternalId"], form["RoleSessionName"]) == (ROLE, "x1", "n1")
    assert (form["Tags.member.2.Key"], form["Tags.member.2.Value"]) == ("b", "2")
    assert form["PolicyArns.member.2.arn"] == "arn:aws:iam::aws:policy/B"
    assert not (home / ".cache").exists()


MFA = ("--role-arn", ROLE, "--mfa-serial", f"arn:aws:iam::{ACCOUNT}:mfa/ann")


def test_the_mfa_code_is_asked_for_on_the_terminal(sts, home, tmp_path):
    environment = variables(home, CALLER, sts.url)
    for _ in range(2):
        with (
            open(tmp_path / "out", "w") as out,
            on_terminal("credential-process", *MFA, environment=environment, stdout=out) as terminal,
        ):
            # The second time the session is kept, and nobody is asked.
            if not sts.asked:
                terminal.expect(f"MFA code of arn:aws:iam::{ACCOUNT}:mfa/ann: ")
                terminal.type("654321\n")
            assert terminal.process.wait(timeout=60) == 0
        # The question is not among what the SDK reads.
        assert json.loads((tmp_path / "out").read_text())["AccessKeyId"] == "ASIAFAKE"
    assert [dict(form)["TokenCode"] for _, form in sts.asked] == ["654321"]


def test_a_mistyped_mfa_code_is_not_sent(sts, home):
    with on_terminal("credential-process", *MFA, environment=variables(home, CALLER, sts.url)) as terminal:
        terminal.expect("MFA code of")
        terminal.type("12345\n")
        terminal.expect("the code of an MFA device has six digits")
        assert terminal.process.wait(timeout=60) == 1
    assert sts.asked == []


def test_without_a_terminal_the_mfa_code_must_be_given(sts, home):
    ran = run("credential-process", *MFA, environment=variables(home, CALLER, sts.url), start_new_session=True)
    assert (ran.returncode, ran.stdout) == (1, "")
    serial = f"arn:aws:iam::{ACCOUNT}:mfa/ann"
    assert message(ran) == [f"there is no terminal to ask for the code of {serial}: give it by --mfa-code"]
    assert sts.asked == []


def test_the_mfa_code_is_not_handed_on(sts, home):
    environment = variables(home, CALLER, sts.url, LOCUM_MFA_CODE="012345")
    ran = run("exec", *MFA, "--", "env", environment=environment)
    assert ran.returncode == 0
    assert "012345" not in ran.stdout


@pytest.mark.parametrize(
    ("status", "text", "wanted"),
    [
        (403, "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>over</Message></Error></ErrorResponse>", "ExpiredToken: over"),
        (400, "<Error><Code>A\x1b</Code></Error>", "{}: answered 400 Bad Request, and not as sts does"),
        (502, "<html><hr></html>", "{}: answered 502 Bad Gateway, and not as sts does"),
        (307, "", "{}: answered 307 Temporary Redirect, and not as sts does"),
        (200, "", "the server's answer has no XML that can be read"),
        (200, "<Credentials><AccessKeyId>A</AccessKeyId></Credentials>", "the server's answer has no SecretAccessKey"),
        (200, FakeSts.session(token="a\nexport X=1"), "the server's answer holds no credentials that could be used"),
        (200, FakeSts.session(expiration="later"), "the server's answer holds no credentials that could be used"),
        (200, FakeSts.session(token="a" * 600_000), "{}: its answer cannot be read: length limit exceeded"),
    ],
)
def test_answers_that_are_no_session(sts, home, status, text, wanted):
    sts.answer = (status, text)
    ran = run("env", *ASK, environment=variables(home, CALLER, sts.url))
    assert (ran.returncode, ran.stdout) == (1, "")
    assert message(ran) == [wanted.format(sts.url.removeprefix("http://"))]
    assert len(sts.asked) == 1


def test_a_server_that_is_not_there(home):
    port = free_port()
    ran = run("env", *ASK, environment=variables(home, CALLER, f"http://127.0.0.1:{port}"))
    assert ran.returncode == 1
    (line,) = message(ran)
    assert line.startswith(f"127.0.0.1:{port}: cannot connect: Connection refused")


def test_the_endpoint_is_that_of_sts_first(sts, home):
    environment = variables(home, CALLER, "http://127.0.0.1:1", AWS_ENDPOINT_URL_STS=sts.url)
    assert run("env", *ASK, environment=environment).returncode == 0
    assert len(sts.asked) == 1
    # A flag goes before both; without TLS and off this machine only it is believed.
    refused = run("env", *ASK, environment=variables(home, CALLER, "http://sts.example"))
    assert (refused.returncode, len(sts.asked)) == (1, 1)
    assert "`http://sts.example` has no TLS and is not on this machine" in refused.stderr
    given = run("env", *ASK, "--endpoint-url", sts.url, environment=variables(home, CALLER, "http://sts.example"))
    assert given.returncode == 0


def certificate(folder, name):
    """A certificate for this machine that vouches for itself, and its key."""
    cert, private = folder / f"{name}.pem", folder / f"{name}-key.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
            *("-keyout", private, "-out", cert, "-days", "1", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=CA:FALSE"),
        ],
        check=True,
        capture_output=True,
    )
    return str(cert), str(private)


def test_tls(home, tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    cert, private = certificate(folder, "cert")
    other, _ = certificate(folder, "other")
    server = Server(folder, "--tls-cert", cert, "--tls-key", private)
    server.scheme = "https"
    with server:
        iam = Locum(server).client("iam", verify=cert)
        iam.create_user(UserName="worker")
        key = Credentials.of(iam.create_access_key(UserName="worker"))
        document = json.dumps({"Version": "2012-10-17", "Statement": [trusting(USER)]})
        iam.create_role(RoleName="reader", AssumeRolePolicyDocument=document)
        environment = variables(home, key, server.url)
        # The machine's authorities may be named by SSL_CERT_FILE.
        for trusted in ({"AWS_CA_BUNDLE": other, "SSL_CERT_FILE": cert}, {"SSL_CERT_FILE": other}):
            refused = run("credential-process", *ASK, environment=environment | trusted)
            assert refused.returncode == 1 and ": no TLS: invalid peer certificate: " in refused.stderr
        for trusted in ({"AWS_CA_BUNDLE": cert, "SSL_CERT_FILE": other}, {"SSL_CERT_FILE": cert}):
            assert key_id("--no-cache", environment=environment | trusted).startswith("ASIA")


# Wrong usage


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["exec", "--role-arn", ROLE], "COMMAND"),
        (["exec", "--role-arn", ROLE, "--"], "COMMAND"),
        (["exec", "--", "true"], "--role-arn"),
        (["exec", "--role-arn", ROLE, "true"], "'true'"),
        (["exec", *MFA, "--server", "--", "true"], "--server renews sessions by itself"),
        (["env"], "--role-arn"),
        (["env", "--role-arn", "reader"], "`reader` is no role"),
        (["env", "--role-arn", USER], f"`{USER}` is no role"),
        (["env", *ASK, "--shell", "tcsh"], "tcsh"),
        (["env", *ASK, "--duration-seconds", "0"], "--duration-seconds"),
        (["env", *ASK, "--duration-seconds", "1h"], "--duration-seconds"),
        (["env", *ASK, "--role-session-name", "a b"], "`a b` is no session name"),
        (["env", *ASK, "--tag", "a"], "`a` is no tag"),
        (["env", *ASK, "--tag", "=b"], "`=b` is no tag"),
        (["env", *ASK, "--policy", "no-such-file"], "`no-such-file` cannot be read"),
        (["env", *ASK, "--policy", "{"], "--policy is not JSON"),
        (["env", *ASK, "--mfa-code", "123456"], "--mfa-serial"),
        (["env", *MFA, "--mfa-code", "12345"], "six digits"),
        (["env", *ASK, "--region", "us-east-1.evil.example/"], "is no region"),
        (["env", *ASK, "--endpoint-url", "sts.example"], "must begin with https:// or http://"),
        (["env", *ASK, "--endpoint-url", "https://a@b/"], "must not hold a user name"),
        (["env", *ASK, "--no-such-flag"], "--no-such-flag"),
        (["credential-process", *ASK, "--", "true"], "true"),
    ],
)
def test_wrong_usage(sts, home, arguments, said):
    ran = run(*arguments, environment=variables(home, CALLER, sts.url))
    assert (ran.returncode, ran.stdout) == (2, "")
    assert said in ran.stderr
    assert sts.asked == []


# Secrets


def test_secrets_are_on_no_command_line_and_in_no_message(sts, home):
    secrets = (CALLER.secret, "fake/secret", "fake+token")
    environment = variables(home, CALLER, sts.url)
    for server in ((), ("--server",)):
        with started("exec", *ASK, *server, "--", "sh", "-c", "echo ready; read -r _", environment=environment) as process:
            assert process.stdout.readline() == "ready\n"
            for pid in [process.pid, *children(process.pid)]:
                line = pathlib.Path(f"/proc/{pid}/cmdline").read_text()
                assert not [secret for secret in secrets if secret in line]
            if server:
                # The child of one that renews has no credentials that could be kept too long.
                (child,) = children(process.pid)
                within = pathlib.Path(f"/proc/{child}/environ").read_text()
                assert not [secret for secret in secrets if secret in within]
            out, err = process.communicate("\n", timeout=60)
            assert not [secret for secret in secrets if secret in out + err]
    sts.answer = (403, "<Error><Code>AccessDenied</Code><Message>no</Message></Error>")
    ran = run("env", *ASK, "--no-cache", environment=environment | {"RUST_LOG": "trace", "RUST_BACKTRACE": "1"})
    assert not [secret for secret in secrets if secret in ran.stdout + ran.stderr]


def children(pid):
    """The processes that a process started."""
    found = pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in found]
