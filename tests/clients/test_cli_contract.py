"""The command line as the design fixes it: other tools rely on it."""

import configparser
import re
import ssl
import stat
import subprocess
import urllib.error
import urllib.request

import pytest
from harness import (
    ACCOUNT,
    BINARY,
    ROOT_CREDENTIALS,
    ROOT_KEY_ID,
    ROOT_SECRET,
    Clock,
    Credentials,
    Locum,
    Server,
    base_environment,
    free_port,
    root_of,
)


def run(tmp_path, *arguments, environment=None):
    """A run that ends by itself."""
    return subprocess.run(
        [BINARY, *map(str, arguments)],
        cwd=tmp_path,
        env=base_environment(tmp_path) | (environment or {}),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def read_credentials(path):
    parser = configparser.ConfigParser()
    parser.read(path)
    section = parser["default"]
    return Credentials(section["aws_access_key_id"], section["aws_secret_access_key"])


def identity(server, credentials):
    return Locum(server).client("sts", credentials).get_caller_identity()


# init


def test_init(tmp_path):
    data = tmp_path / "data"
    ran = run(tmp_path, "init", "--data", data)
    assert ran.returncode == 0, ran.stderr
    account = re.search(r"\b\d{12}\b", ran.stdout).group()
    file = data / "root-credentials"
    assert str(file) in ran.stdout
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    credentials = read_credentials(file)
    assert re.fullmatch("AKIA[A-Z2-7]{16}", credentials.id)
    assert re.fullmatch("[A-Za-z0-9/+]{40}", credentials.secret)
    assert credentials.secret not in ran.stdout + ran.stderr
    with Server(tmp_path / "server", "--data", str(data), ephemeral=False, root=False) as server:
        found = identity(server, credentials)
        assert (found["Account"], found["Arn"]) == (account, root_of(account))
        # Only the file has it.
        assert credentials.secret not in server.log_text()
    # A second time changes nothing.
    again = run(tmp_path, "init", "--data", data)
    assert again.returncode == 0
    assert read_credentials(file) == credentials


def test_init_is_random(tmp_path):
    seen = set()
    for name in ("one", "two"):
        assert run(tmp_path, "init", "--data", tmp_path / name).returncode == 0
        seen.add((tmp_path / name / "root-credentials").read_text())
    assert len(seen) == 2


def test_init_with_everything_given(tmp_path):
    given = {"LOCUM_ROOT_ACCESS_KEY_ID": ROOT_KEY_ID, "LOCUM_ROOT_SECRET_ACCESS_KEY": ROOT_SECRET}
    ran = run(tmp_path, "init", "--data", tmp_path / "data", "--account-id", "111122223333", environment=given)
    assert ran.returncode == 0, ran.stderr
    assert "111122223333" in ran.stdout
    assert ROOT_SECRET not in ran.stdout + ran.stderr
    assert not (tmp_path / "data/root-credentials").exists()
    # The variables matter on the first day only.
    with Server(tmp_path / "server", "--data", str(tmp_path / "data"), ephemeral=False, root=False) as server:
        assert identity(server, ROOT_CREDENTIALS)["Account"] == "111122223333"


def test_secrets_are_sealed_at_rest(tmp_path):
    with Server(tmp_path / "server", "--data", str(tmp_path / "data"), ephemeral=False) as server:
        key = Locum(server).user("alice")
        assert server.terminate() == 0
    # Nobody else gets into the directory at all.
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    for path in (tmp_path / "data").rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            for secret in (ROOT_SECRET, key.secret):
                assert secret.encode() not in content, path


# Wrong usage


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["no-such-command"],
        ["serve", "--no-such-flag"],
        ["serve", "--listen", "nowhere"],
        ["serve", "--listen", "127.0.0.1:99999"],
        ["serve", "--account-id", "12"],
        ["serve", "--account-id", "12345678901x"],
        ["init", "--account-id", "12"],
        ["init", "--listen", "127.0.0.1:0"],
        ["serve", "--listen", "0.0.0.0:0"],
        ["serve", "--listen", "[::]:0"],
        ["serve", "--ephemeral", "--listen", "0.0.0.0:0"],
        ["serve", "--ephemeral", "--behind-tls-proxy", "--listen", "0.0.0.0:0"],
        ["serve", "--ephemeral", "--store", "sqlite:x.db"],
        ["serve", "--store", "mysql://x"],
        ["serve", "--tls-cert", "cert.pem"],
        ["serve", "--tls-key", "key.pem"],
    ],
    ids=lambda arguments: " ".join(arguments) or "nothing",
)
def test_wrong_usage_is_2(tmp_path, arguments):
    ran = run(tmp_path, *arguments)
    assert ran.returncode == 2, ran
    assert ran.stderr.strip(), "it says why"
    assert "panicked" not in ran.stderr
    assert list(tmp_path.iterdir()) == [], "nothing was made"


@pytest.mark.parametrize(
    "given",
    [
        {"LOCUM_ROOT_ACCESS_KEY_ID": ROOT_KEY_ID},
        {"LOCUM_ROOT_SECRET_ACCESS_KEY": ROOT_SECRET},
        {"LOCUM_ROOT_ACCESS_KEY_ID": "short", "LOCUM_ROOT_SECRET_ACCESS_KEY": ROOT_SECRET},
        {"LOCUM_ROOT_ACCESS_KEY_ID": "ASIAROOTKEYFORTESTS1", "LOCUM_ROOT_SECRET_ACCESS_KEY": ROOT_SECRET},
        {"LOCUM_ROOT_ACCESS_KEY_ID": ROOT_KEY_ID, "LOCUM_ROOT_SECRET_ACCESS_KEY": "short"},
        {"LOCUM_ACCOUNT_ID": "12"},
        {"LOCUM_LISTEN": "nowhere"},
    ],
)
def test_wrong_variables_are_2(tmp_path, given):
    ran = run(tmp_path, "serve", environment=given)
    assert ran.returncode == 2, ran
    assert ROOT_SECRET not in ran.stdout + ran.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_and_version_are_0(tmp_path):
    for arguments in (["--help"], ["serve", "--help"], ["init", "--help"], ["--version"]):
        ran = run(tmp_path, *arguments)
        assert ran.returncode == 0 and ran.stdout


def test_failures_at_work_are_1(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    assert run(tmp_path, "init", "--data", tmp_path / "file/data").returncode == 1
    assert run(tmp_path, "serve", "--data", tmp_path / "file/data", "--listen", "127.0.0.1:0").returncode == 1
    missing = ["--tls-cert", "no-cert.pem", "--tls-key", "no-key.pem"]
    assert run(tmp_path, "serve", "--data", "data", "--listen", "127.0.0.1:0", *missing).returncode == 1


def test_a_port_in_use_is_1(tmp_path):
    with Server(tmp_path / "one") as server:
        ran = run(tmp_path, "serve", "--ephemeral", "--listen", f"127.0.0.1:{server.address[1]}")
        assert ran.returncode == 1
        assert str(server.address[1]) in ran.stderr


# serve


def test_serve_needs_no_init(tmp_path):
    with Server(tmp_path / "server", "--data", str(tmp_path / "data"), ephemeral=False, root=False) as server:
        credentials = read_credentials(tmp_path / "data/root-credentials")
        account = identity(server, credentials)["Account"]
        said = server.log_text()
        # The few lines that say what to do next.
        assert server.url in said
        assert str(tmp_path / "data/root-credentials") in said
        assert "aws sts get-caller-identity" in said
        assert len(said.splitlines()) < 20
        assert server.terminate() == 0
    with Server(tmp_path / "again", "--data", str(tmp_path / "data"), ephemeral=False, root=False) as server:
        assert identity(server, credentials)["Account"] == account


def test_the_port_file_and_health(tmp_path):
    with Server(tmp_path / "server") as server:
        assert re.fullmatch(r"127\.0\.0\.1:\d+\n?", (tmp_path / "server/port").read_text())
        assert server.send("GET", "/_locum/health").status == 200
        assert server.send("HEAD", "/_locum/health").status == 200


def test_ipv6(tmp_path):
    server = Server(tmp_path / "server")
    try:
        server.start(listen="[::1]:0")
        assert (tmp_path / "server/port").read_text().startswith("[::1]:")
        assert server.is_well()
    finally:
        server.kill()


def test_sigterm_is_0_and_drains(tmp_path):
    with Server(tmp_path / "server") as server:
        # A request under way is answered, and the process ends with 0.
        connection = server.connect()
        connection.putrequest("GET", "/_locum/health")
        connection.endheaders()
        assert connection.getresponse().read() is not None
        assert server.terminate() == 0
        connection.close()


def test_ephemeral(tmp_path):
    with Server(tmp_path / "server") as server:
        locum = Locum(server)
        assert locum.client("sts").get_caller_identity()["Account"] == ACCOUNT
        key = locum.user("alice")
        locum.client("s3").create_bucket(Bucket="bucket")
        locum.client("s3").put_object(Bucket="bucket", Key="k", Body=b"x")
        server.advance(5000)
        assert [path.name for path in (tmp_path / "server").iterdir() if path.name not in ("port", "log")] == []
        server.reset()
        # The first moment: the clock too.
        assert locum.client("iam").list_users()["Users"] == []
        assert locum.client("s3").list_buckets()["Buckets"] == []
        with pytest.raises(Exception, match="InvalidClientTokenId"):
            locum.client("sts", key).get_caller_identity()


def test_ephemeral_with_another_account(tmp_path):
    with Server(tmp_path / "server", "--account-id", "210987654321") as server:
        assert identity(server, ROOT_CREDENTIALS)["Account"] == "210987654321"
        server.reset()
        assert identity(server, ROOT_CREDENTIALS)["Account"] == "210987654321"


def test_ephemeral_without_given_keys_says_them(tmp_path):
    """There is no file to read them from."""
    with Server(tmp_path / "server", root=False) as server:
        said = server.log_text()
        id = re.search(r"\bAKIA[A-Z2-7]{16}\b", said).group()
        secret = re.search(r"(?<![A-Za-z0-9/+])[A-Za-z0-9/+]{40}(?![A-Za-z0-9/+])", said).group()
        assert identity(server, Credentials(id, secret))["Account"] == ACCOUNT
        server.reset()
        assert identity(server, Credentials(id, secret))["Account"] == ACCOUNT


# Three ways to say a thing


def test_variables(tmp_path):
    given = {"LOCUM_EPHEMERAL": "true", "LOCUM_ACCOUNT_ID": "210987654321"}
    with Server(tmp_path / "server", ephemeral=False, environment=given) as server:
        assert identity(server, ROOT_CREDENTIALS)["Account"] == "210987654321"
        server.reset()


def test_the_file(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "locum.toml").write_text('ephemeral = true\naccount-id = "210987654321"\n')
    with Server(folder, ephemeral=False) as server:
        assert identity(server, ROOT_CREDENTIALS)["Account"] == "210987654321"
    # The variable goes before the file, the flag before the variable.
    given = {"LOCUM_ACCOUNT_ID": "333333333333"}
    with Server(folder, ephemeral=False, environment=given) as server:
        assert identity(server, ROOT_CREDENTIALS)["Account"] == "333333333333"
    with Server(folder, "--account-id", "444444444444", ephemeral=False, environment=given) as server:
        assert identity(server, ROOT_CREDENTIALS)["Account"] == "444444444444"


OFF = ["0", "false", ""]


@pytest.mark.parametrize("value", ["1", "true", "yes"])
def test_a_switch_that_is_on(tmp_path, value):
    """Without the proxy it would not listen there."""
    given = {"LOCUM_BEHIND_TLS_PROXY": value, "LOCUM_DATA": str(tmp_path / "data")}
    server = Server(tmp_path / "server", ephemeral=False, environment=given)
    try:
        server.start(listen="0.0.0.0:0")
        server.address = ("127.0.0.1", server.address[1])
        assert server.is_well()
    finally:
        server.kill()
    with Server(tmp_path / "memory", ephemeral=False, environment={"LOCUM_EPHEMERAL": value}) as server:
        server.reset()
        assert sorted(path.name for path in (tmp_path / "memory").iterdir()) == ["log", "port"]


@pytest.mark.parametrize("value", OFF, ids=["0", "false", "empty"])
def test_a_switch_that_is_off(tmp_path, value):
    ran = run(tmp_path, "serve", "--listen", "0.0.0.0:0", environment={"LOCUM_BEHIND_TLS_PROXY": value})
    assert ran.returncode == 2 and "0.0.0.0" in ran.stderr
    given = {"LOCUM_EPHEMERAL": value, "LOCUM_DATA": str(tmp_path / "data")}
    with Server(tmp_path / "server", ephemeral=False, environment=given) as server:
        assert server.send("POST", "/_locum/reset").status == 404
        assert (tmp_path / "data/locum.db").exists()


@pytest.mark.parametrize("by", ["file", "variable"])
def test_init_and_serve_agree_on_the_store(tmp_path, by):
    folder = tmp_path / "server"
    folder.mkdir()
    url = f"sqlite:{tmp_path / 'elsewhere.db'}"
    given = {"LOCUM_STORE": url} if by == "variable" else {}
    if by == "file":
        (folder / "locum.toml").write_text(f'store = "{url}"\n')
    ran = run(folder, "init", "--data", "data", environment=given)
    assert ran.returncode == 0, ran.stderr
    account = re.search(r"\b\d{12}\b", ran.stdout).group()
    credentials = read_credentials(folder / "data/root-credentials")
    assert (tmp_path / "elsewhere.db").exists() and not (folder / "data/locum.db").exists()
    with Server(folder, "--data", "data", ephemeral=False, root=False, environment=given) as server:
        assert identity(server, credentials)["Account"] == account


@pytest.mark.parametrize("command", [["init"], ["serve", "--listen", "127.0.0.1:0"]], ids=["init", "serve"])
def test_root_credentials_are_never_overwritten(tmp_path, command):
    """They may be the only key of the store they were drawn for."""
    file = tmp_path / "data/root-credentials"
    assert run(tmp_path, "init", "--data", "data").returncode == 0
    before = file.read_bytes()
    ran = run(tmp_path, *command, "--data", "data", "--store", f"sqlite:{tmp_path / 'other.db'}")
    assert ran.returncode == 1
    assert "root-credentials" in ran.stderr
    assert file.read_bytes() == before


@pytest.mark.parametrize("value", ['"one.test"', '["one.test", "two.test"]'], ids=["a text", "a list"])
def test_domains_of_buckets_in_the_file(tmp_path, monkeypatch, value):
    Clock().install(monkeypatch)
    folder = tmp_path / "server"
    folder.mkdir()
    (folder / "locum.toml").write_text(f"ephemeral = true\ns3-domain = {value}\n")
    with Server(folder, ephemeral=False) as server:
        locum = Locum(server)
        locum.client("s3").create_bucket(Bucket="bucket")
        for domain in re.findall(r"\w+\.test", value):
            headers = locum.sign("s3", "GET", "/?list-type=2", {"Host": f"bucket.{domain}"})
            answer = server.send("GET", "/?list-type=2", headers)
            assert (answer.status, answer.value("Name"), answer.value("KeyCount")) == (200, "bucket", "0")


@pytest.mark.parametrize(
    "text", ["nonsense = 1", "config = 'other.toml'", "listen = 1", "[", "ephemeral = 'yes'", "s3-domain = 1"]
)
def test_a_wrong_file_is_2(tmp_path, text):
    (tmp_path / "locum.toml").write_text(text)
    ran = run(tmp_path, "serve")
    assert ran.returncode == 2
    assert "locum.toml" in ran.stderr


# TLS


@pytest.fixture
def certificate(tmp_path):
    folder = tmp_path / "server"
    folder.mkdir()
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-days",
                "2",
            ),
            *("-keyout", folder / "key.pem", "-out", folder / "cert.pem", "-subj", "/CN=locum"),
            *("-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"),
        ],
        check=True,
        capture_output=True,
    )
    return folder


def test_tls(certificate, monkeypatch):
    Clock().install(monkeypatch)
    arguments = ["--tls-cert", "cert.pem", "--tls-key", "key.pem"]
    server = Server(certificate, *arguments)
    server.scheme = "https"
    with server:
        trust = str(certificate / "cert.pem")
        sts = Locum(server).client("sts", verify=trust)
        assert sts.get_caller_identity()["Account"] == ACCOUNT
        locum = Locum(server)
        ran = locum.aws(
            "sts", "get-caller-identity", credentials=ROOT_CREDENTIALS, environment={"AWS_CA_BUNDLE": trust}
        )
        assert ran.returncode == 0, ran.stderr
        with pytest.raises(urllib.error.URLError):
            urllib.request.urlopen(f"{server.url}/_locum/health", timeout=10)
        for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            context = ssl.create_default_context(cafile=trust)
            context.minimum_version = context.maximum_version = version
            assert urllib.request.urlopen(f"{server.url}/_locum/health", timeout=10, context=context).status == 200
        assert server.terminate() == 0


def test_a_flag_and_the_file_make_a_pair(certificate):
    (certificate / "locum.toml").write_text('tls-key = "key.pem"\n')
    server = Server(certificate, "--tls-cert", "cert.pem")
    server.scheme = "https"
    with server:
        assert server.is_well()


def test_tls_lets_it_listen_everywhere(certificate):
    arguments = ["--data", str(certificate / "data"), "--tls-cert", "cert.pem", "--tls-key", "key.pem"]
    server = Server(certificate, *arguments, ephemeral=False)
    server.scheme = "https"
    try:
        server.start(listen="0.0.0.0:0")
        server.address = ("127.0.0.1", server.address[1])
        assert server.is_well()
    finally:
        server.kill()


def test_behind_a_proxy_it_listens_everywhere(tmp_path):
    arguments = ["--data", str(tmp_path / "data"), "--behind-tls-proxy"]
    server = Server(tmp_path / "server", *arguments, ephemeral=False)
    try:
        server.start(listen="0.0.0.0:0")
        server.address = ("127.0.0.1", server.address[1])
        assert server.is_well()
    finally:
        server.kill()


def test_a_given_port(tmp_path):
    port = free_port()
    server = Server(tmp_path / "server")
    try:
        server.start(listen=f"127.0.0.1:{port}")
        assert server.address == ("127.0.0.1", port)
    finally:
        server.kill()
