"""The program under examples/go-assume-role, built and driven as its README says."""

import os
import subprocess

import pytest
from harness import (
    ACCOUNT,
    PYTHON_PROGRAMS,
    REGION,
    ROOT,
    allow,
    base_environment,
    not_authorized,
    root_of,
    trusting,
)

EXAMPLE = ROOT / "examples/go-assume-role"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
PARTNER = f"arn:aws:iam::{ACCOUNT}:role/partner"
USER = f"arn:aws:iam::{ACCOUNT}:user/gopher"


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    folder = tmp_path_factory.mktemp("go")
    built = folder / "go-assume-role"
    environment = base_environment(folder) | {
        "GO111MODULE": "off",
        "GOPATH": "/usr/share/gocode",
        "CGO_ENABLED": "0",
        # So that the next run need not compile the SDK again.
        "GOCACHE": os.environ.get("GOCACHE", str(ROOT / "target/go-build")),
    }
    ran = subprocess.run(
        ["go", "build", "-o", built, "main.go"],
        cwd=EXAMPLE,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    checked = subprocess.run(["gofmt", "-l", "."], cwd=EXAMPLE, capture_output=True, text=True, check=True)
    assert checked.stdout == ""
    return built


@pytest.fixture
def run(program, locum, tmp_path):
    locum.role("role", root_of(ACCOUNT))
    locum.role("partner", trusting(root_of(ACCOUNT), Condition={"StringEquals": {"sts:ExternalId": "Cust:1"}}))
    user = locum.user("gopher", allow("sts:AssumeRole"))

    def run(*arguments, credentials=user):
        environment = base_environment(tmp_path) | credentials.environment()
        environment |= {"AWS_ENDPOINT_URL": locum.server.url, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}
        environment["PATH"] = f"{PYTHON_PROGRAMS}:{environment['PATH']}"
        return subprocess.run(
            [program, *arguments], env=environment, capture_output=True, text=True, timeout=120, check=False
        )

    return run


IDENTITY = ["--", "aws", "sts", "get-caller-identity", "--query", "Arn", "--output", "text"]


def test_runs_a_command_as_the_role(run):
    ran = run("-role-arn", ROLE, *IDENTITY)
    assert (ran.returncode, ran.stdout, ran.stderr) == (
        0,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/role/go-assume-role\n",
        "",
    )


def test_with_an_external_id(run):
    ran = run("-role-arn", PARTNER, "-external-id", "Cust:1", "-session-name", "work", *IDENTITY)
    assert (ran.returncode, ran.stdout) == (0, f"arn:aws:sts::{ACCOUNT}:assumed-role/partner/work\n"), ran.stderr


@pytest.mark.parametrize("wrong", [[], ["-external-id", "Cust:2"], ["-external-id", "cust:1"]])
def test_without_the_right_external_id(run, wrong):
    ran = run("-role-arn", PARTNER, *wrong, *IDENTITY)
    sentence = not_authorized(USER, "sts:AssumeRole", PARTNER)
    assert (ran.returncode, ran.stdout, ran.stderr) == (1, "", f"AccessDenied: {sentence}\n")


def test_sets_the_environment_of_a_shell(run):
    ran = run("-role-arn", ROLE, "-duration", "15m")
    assert ran.returncode == 0, ran.stderr
    names = [line.partition("=")[0] for line in ran.stdout.splitlines()]
    assert names == [f"export AWS_{name}" for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
    shell = f"{ran.stdout}\nexec aws sts get-caller-identity --query Arn --output text\n"
    nested = run("-role-arn", ROLE, "--", "sh", "-c", shell)
    assert (nested.returncode, nested.stdout) == (
        0,
        f"arn:aws:sts::{ACCOUNT}:assumed-role/role/go-assume-role\n",
    ), nested.stderr


def test_passes_on_what_the_service_refuses(run):
    ran = run("-role-arn", ROLE, "-duration", "2h")
    text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    assert (ran.returncode, ran.stderr) == (1, f"ValidationError: {text}\n")


def test_exit_codes(run):
    assert run("-role-arn", ROLE, "--", "sh", "-c", "exit 7").returncode == 7
    assert run().returncode == 2
    assert run("-no-such-flag").returncode == 2
