"""What every test is given: a server at its first moment, and clients for it."""

import pytest

# Before its first import: its assertions are shown in full.
pytest.register_assert_rewrite("harness")

from directory import Slapd
from harness import BINARY, Clock, Locum, Server
from ldap_world import Ldap, server


@pytest.fixture(scope="session")
def ephemeral_server(tmp_path_factory):
    """One process for all tests of this worker that need nothing but a clean server."""
    assert BINARY.is_file(), f"{BINARY} is not there: run cargo build, or set LOCUM_BIN"
    server = Server(tmp_path_factory.mktemp("ephemeral"))
    yield server
    server.kill()


@pytest.fixture
def locum(ephemeral_server, monkeypatch, tmp_path):
    """An ephemeral server at its first moment."""
    server = ephemeral_server
    if server.process is None or server.gone():
        server.start()
    server.reset()
    clock = Clock()
    clock.install(monkeypatch)
    yield Locum(server, clock)
    assert not server.gone(), f"the server has ended:\n{server.log_text()}"
    assert server.is_well()


@pytest.fixture
def durable(tmp_path, monkeypatch):
    """A server of its own on a data directory."""
    clock = Clock()
    clock.install(monkeypatch)
    server = Server(tmp_path / "server", "--data", str(tmp_path / "data"), ephemeral=False)
    with server:
        yield Locum(server, clock)


@pytest.fixture(autouse=True)
def no_configuration_of_the_machine(monkeypatch, tmp_path):
    """No test sees the credentials or settings of whoever runs it."""
    for name in ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "no-credentials"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def directory(tmp_path):
    with Slapd(tmp_path / "slapd") as slapd:
        yield slapd.fill()


@pytest.fixture
def ldap(directory, tmp_path, monkeypatch):
    """A server with one LDAP provider, and a role that trusts the members of eng."""
    clock = Clock()
    clock.install(monkeypatch)
    with server(tmp_path) as running:
        yield Ldap(Locum(running, clock), directory, tmp_path)
        assert not running.gone(), running.log_text()
