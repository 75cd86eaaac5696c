"""The real binary, started and stopped, and the clients that talk to it."""

import contextlib
import datetime
import http.client
import json
import os
import pathlib
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
import urllib.parse
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field

import boto3
import botocore.auth
import botocore.awsrequest
import botocore.compat
import botocore.config
import botocore.credentials
import botocore.signers
import pytest
from botocore.exceptions import ClientError
from model import losses

ROOT = pathlib.Path(__file__).resolve().parent.parent
BINARY = pathlib.Path(os.environ.get("LOCUM_BIN", ROOT / "target/debug/locum"))
PYTHON_PROGRAMS = pathlib.Path(sys.executable).parent
REGION = "us-east-1"
ACCOUNT = "123456789012"
ROOT_KEY_ID = "AKIAROOTKEYFORTESTS1"
ROOT_SECRET = "root+secret/of+the+tests/0123456789abcdef"
# As long as a request may take to start the server, on a machine that is busy.
STARTED_WITHIN = 60
# One for all clients: it keeps the service models, which take long to read.
SESSION = boto3.Session()
EMPTY_SHA256 = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


@dataclass(frozen=True)
class Credentials:
    """What a client signs with."""

    id: str
    secret: str = field(repr=False)
    token: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, answer):
        """Those of an STS answer, or of CreateAccessKey."""
        found = answer.get("Credentials") or answer["AccessKey"]
        return cls(found["AccessKeyId"], found["SecretAccessKey"], found.get("SessionToken"))

    def environment(self):
        """The three variables, or two of them."""
        variables = {"AWS_ACCESS_KEY_ID": self.id, "AWS_SECRET_ACCESS_KEY": self.secret}
        return variables | ({"AWS_SESSION_TOKEN": self.token} if self.token else {})


ROOT_CREDENTIALS = Credentials(ROOT_KEY_ID, ROOT_SECRET)


class Clock:
    """The time that clients sign with: the machine's, and as many seconds ahead as the server's."""

    def __init__(self):
        self.ahead = 0

    def now(self, remove_tzinfo=True):
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=self.ahead)
        return now.replace(tzinfo=None) if remove_tzinfo else now

    def install(self, monkeypatch):
        """Makes botocore sign with this clock."""
        for module in (botocore.compat, botocore.auth, botocore.signers):
            monkeypatch.setattr(module, "get_current_datetime", self.now)


class Server:
    """One process of the server."""

    def __init__(self, folder, *arguments, ephemeral=True, environment=None, root=True, prefix=()):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.ephemeral = ephemeral
        self.arguments = [*prefix, str(BINARY), "serve", *(["--ephemeral"] if ephemeral else []), *arguments]
        self.environment = base_environment(self.folder)
        if root:
            self.environment |= {
                "LOCUM_ROOT_ACCESS_KEY_ID": ROOT_KEY_ID,
                "LOCUM_ROOT_SECRET_ACCESS_KEY": ROOT_SECRET,
            }
        self.environment |= environment or {}
        self.process = None
        self.address = None
        self.scheme = "http"

    def start(self, listen="127.0.0.1:0"):
        port_file = self.folder / "port"
        port_file.unlink(missing_ok=True)
        self.log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(
            [*self.arguments, "--listen", listen, "--port-file", str(port_file)],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=self.log,
            stderr=self.log,
        )
        text = wait_for(
            lambda: self.gone() or (port_file.exists() and port_file.read_text().strip()),
            f"{port_file} to be written",
        )
        assert not self.gone(), f"the server ended with {self.process.returncode}:\n{self.log_text()}"
        host, port = text.rsplit(":", 1)
        self.address = (host.strip("[]"), int(port))
        return self

    def gone(self):
        return self.process.poll() is not None

    def log_text(self):
        return (self.folder / "log").read_text(errors="replace")

    def kill(self):
        """As a power failure would, for the process."""
        if self.process and not self.gone():
            self.process.kill()
        if self.process:
            self.process.wait()
            self.log.close()

    def terminate(self):
        """Asks it to end; its exit code."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(timeout=STARTED_WITHIN)
        self.log.close()
        return code

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.kill()

    @property
    def url(self):
        return f"{self.scheme}://{self.address[0]}:{self.address[1]}"

    def connect(self):
        if self.scheme == "https":
            trust = ssl.create_default_context(cafile=str(self.folder / "cert.pem"))
            return http.client.HTTPSConnection(*self.address, timeout=60, context=trust)
        return http.client.HTTPConnection(*self.address, timeout=60)

    def send(self, method, target, headers=None, body=b"", omit_host=False):
        """A request exactly as given: its answer."""
        connection = self.connect()
        try:
            connection.putrequest(method, target, skip_host=True, skip_accept_encoding=True)
            headers = list(headers.items() if isinstance(headers, dict) else headers or [])
            given = {name.lower() for name, _ in headers}
            if "host" not in given and not omit_host:
                headers.insert(0, ("Host", f"{self.address[0]}:{self.address[1]}"))
            if (
                "content-length" not in given
                and "transfer-encoding" not in given
                and (body or method in ("POST", "PUT"))
            ):
                headers.append(("Content-Length", str(len(body))))
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                # A server that refuses a body early may close while it is sent; its answer is there.
                connection.send(body)
            answer = connection.getresponse()
            headers = [(name.lower(), value) for name, value in answer.getheaders()]
            cookies = [value for name, value in headers if name == "set-cookie"]
            return Answer(answer.status, dict(headers), answer.read(), cookies)
        finally:
            connection.close()

    def reset(self):
        """Back to the first moment."""
        assert self.send("POST", "/_locum/reset").status == 200

    def advance(self, seconds):
        """Steps the server's clock."""
        body = json.dumps({"advance": seconds}).encode()
        answer = self.send("POST", "/_locum/clock", {"Content-Type": "application/json"}, body)
        assert answer.status == 200, answer

    def is_well(self):
        return self.send("GET", "/_locum/health").status == 200


@dataclass
class Answer:
    """What came back."""

    status: int
    headers: dict
    body: bytes
    # Every Set-Cookie: there may be several.
    cookies: list = field(default_factory=list)

    @property
    def text(self):
        return self.body.decode()

    def error(self):
        """(status, code, message) of an error in XML, with or without namespace, or in JSON."""
        if self.body[:1] == b"{":
            found = json.loads(self.body)
            return self.status, found.get("__type", "").rsplit("#")[-1], found.get("message", found.get("Message", ""))
        root = ElementTree.fromstring(self.body)
        texts = {element.tag.rsplit("}")[-1]: element.text or "" for element in root.iter()}
        return self.status, texts.get("Code"), texts.get("Message")

    def value(self, name):
        """The text of the first element of that name."""
        for element in ElementTree.fromstring(self.body).iter():
            if element.tag.rsplit("}")[-1] == name:
                return element.text or ""
        return None


def base_environment(home):
    """A process's environment without anything that could lead a client elsewhere."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "LD_LIBRARY_PATH", "TMPDIR") if name in os.environ}
    return kept | {"HOME": str(home), "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def wait_for(condition, what):
    """The first true value of `condition`."""
    deadline = time.monotonic() + STARTED_WITHIN
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"waited {STARTED_WITHIN} s for {what}")


def check_answer(operation_model, response_dict, **_):
    """That a client which knows the model alone gets all of the answer. Called before it is parsed."""
    if response_dict["status_code"] == 200:
        found = losses(operation_model, response_dict["body"])
        assert found == [], f"{operation_model.name}: {found}"


class Locum:
    """A server together with the ways to talk to it."""

    def __init__(self, server, clock=None):
        self.server = server
        self.clock = clock or Clock()

    def client(self, service, credentials=ROOT_CREDENTIALS, region=REGION, **options):
        """A boto3 client that tries once, and leaves it to the server to judge parameters."""
        config = {"retries": {"total_max_attempts": 1, "mode": "standard"}, "read_timeout": 60}
        config["parameter_validation"] = False
        if service == "s3":
            # Without this boto3 presigns URLs with Signature Version 2 in us-east-1.
            config["signature_version"] = "s3v4"
            config["s3"] = {"addressing_style": options.pop("addressing_style", "path")}
        config |= options.pop("config", {})
        anonymous = credentials is None
        if anonymous:
            config["signature_version"] = botocore.UNSIGNED
        client = SESSION.client(
            service,
            region_name=region,
            endpoint_url=options.pop("endpoint_url", self.server.url),
            aws_access_key_id=None if anonymous else credentials.id,
            aws_secret_access_key=None if anonymous else credentials.secret,
            aws_session_token=None if anonymous else credentials.token,
            config=botocore.config.Config(**config),
            **options,
        )
        if service in ("iam", "sts"):
            client.meta.events.register(f"before-parse.{service}", check_answer)
        return client

    def advance(self, seconds):
        """Steps the server's clock and the clients'."""
        self.server.advance(seconds)
        self.clock.ahead += seconds

    def user(self, name, *policies, credentials=ROOT_CREDENTIALS, **options):
        """A new user with these inline policies: the user's key."""
        iam = self.client("iam", credentials)
        iam.create_user(UserName=name, **options)
        for number, statement in enumerate(policies):
            iam.put_user_policy(UserName=name, PolicyName=f"p{number}", PolicyDocument=policy(statement))
        return Credentials.of(iam.create_access_key(UserName=name))

    def role(self, name, trust, *policies, credentials=ROOT_CREDENTIALS, managed=(), **options):
        """A new role trusting these statements, with these inline policies: its ARN."""
        iam = self.client("iam", credentials)
        statements = trust if isinstance(trust, dict) else trusting(trust)
        made = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(statements), **options)
        for number, statement in enumerate(policies):
            iam.put_role_policy(RoleName=name, PolicyName=f"p{number}", PolicyDocument=policy(statement))
        for arn in managed:
            iam.attach_role_policy(RoleName=name, PolicyArn=arn)
        return made["Role"]["Arn"]

    def assume(self, credentials, role, session="session", **options):
        """A session of the role."""
        return Credentials.of(
            self.client("sts", credentials).assume_role(RoleArn=role, RoleSessionName=session, **options)
        )

    def account(self, name):
        """A new account of the organization: its id and administrator's credentials.

        As on AWS: an administrator of the management account assumes the role that each new
        account has for that.
        """
        organizations = self.client("organizations")
        status = organizations.create_account(Email=f"{name}@example.com", AccountName=name)["CreateAccountStatus"]
        wait_for(
            lambda: (
                organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])[
                    "CreateAccountStatus"
                ]["State"]
                == "SUCCEEDED"
            ),
            "the account to be created",
        )
        status = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])
        account = status["CreateAccountStatus"]["AccountId"]
        iam = self.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName="organization-admin")
            iam.put_user_policy(
                UserName="organization-admin",
                PolicyName="into-members",
                PolicyDocument=policy(allow("sts:AssumeRole", "arn:aws:iam::*:role/OrganizationAccountAccessRole")),
            )
            self._administrator = Credentials.of(iam.create_access_key(UserName="organization-admin"))
        role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
        return account, self.assume(self._administrator, role, "setup")

    # Raw requests

    def sign(
        self, service, method, target, headers=None, body=b"", credentials=ROOT_CREDENTIALS, when=None, trailer=False
    ):
        """The headers of a request signed as botocore signs it; `trailer`: of an unsigned chunked body."""
        headers = dict(headers or {})
        headers.setdefault("Host", f"{self.server.address[0]}:{self.server.address[1]}")
        request = botocore.awsrequest.AWSRequest(method, self.server.url + target, headers=headers, data=body)
        request.context["checksum"] = {"request_algorithm": {"in": "trailer"}} if trailer else {}
        signer_type = botocore.auth.S3SigV4Auth if service == "s3" else botocore.auth.SigV4Auth
        frozen = botocore.credentials.Credentials(credentials.id, credentials.secret, credentials.token)
        signer = signer_type(frozen, service, REGION)
        moment = self.clock.now() + datetime.timedelta(seconds=when or 0)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(botocore.auth, "get_current_datetime", lambda: moment)
            signer.add_auth(request)
        return dict(request.headers.items())

    def form(self, service, parameters, credentials=ROOT_CREDENTIALS, headers=None, when=None):
        """A signed query-protocol POST of exactly these parameters."""
        pairs = list(parameters.items() if isinstance(parameters, dict) else parameters)
        if not any(name == "Version" for name, _ in pairs):
            pairs.append(("Version", {"sts": "2011-06-15", "iam": "2010-05-08", "locum": "2026-11-21"}[service]))
        body = urllib.parse.urlencode(pairs).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"} | (headers or {})
        signed = self.sign(service, "POST", "/", headers, body, credentials, when)
        return self.server.send("POST", "/", signed, body)

    # The command line

    def aws(self, *arguments, credentials=None, environment=None, home=None, faketime=None, stdin=None):
        """Runs the AWS CLI."""
        home = pathlib.Path(home or self.server.folder)
        variables = base_environment(home) | {
            "AWS_ENDPOINT_URL": self.server.url,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_CONFIG_FILE": str(home / "aws-config"),
            "AWS_SHARED_CREDENTIALS_FILE": str(home / "aws-credentials"),
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_MAX_ATTEMPTS": "1",
            "AWS_PAGER": "",
        }
        variables |= credentials.environment() if credentials else {}
        variables |= environment or {}
        prefix = ["faketime", "-f", f"+{faketime}s"] if faketime else []
        return subprocess.run(
            [*prefix, str(PYTHON_PROGRAMS / "python"), str(PYTHON_PROGRAMS / "aws"), *map(str, arguments)],
            env=variables,
            cwd=home,
            capture_output=True,
            text=True,
            input=stdin,
            stdin=None if stdin is not None else subprocess.DEVNULL,
            timeout=120,
            check=False,
        )

    def aws_json(self, *arguments, **options):
        """Runs the AWS CLI, which must succeed: its answer."""
        ran = self.aws(*arguments, "--output", "json", **options)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout) if ran.stdout.strip() else None


# Policies


def policy(*statements):
    """A policy document of these statements."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action, resource="*", **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource} | more


def deny(action, resource="*", **more):
    return {"Effect": "Deny", "Action": action, "Resource": resource} | more


def trusting(principal, action="sts:AssumeRole", **more):
    """A statement that trusts AWS principals."""
    principal = principal if isinstance(principal, dict) else {"AWS": principal}
    return {"Effect": "Allow", "Principal": principal, "Action": action} | more


def root_of(account):
    return f"arn:aws:iam::{account}:root"


# Expectations


def works(locum, credentials):
    """Whether the server knows the credentials yet, or still."""
    try:
        locum.client("sts", credentials).get_caller_identity()
    except ClientError as error:
        assert error.response["Error"]["Code"] == "InvalidClientTokenId"
        return False
    return True


def refused(call, code, message, status=403):
    """The call is refused with exactly this."""
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    seen = (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"].get("Message"))
    assert seen == (status, code, message)
    return answer


def not_authorized(principal, action, resource, reason=None):
    """AWS's sentence."""
    sentence = f"User: {principal} is not authorized to perform: {action} on resource: {resource}"
    return f"{sentence} {reason}" if reason else sentence


def not_authorized_at_s3(principal, action, resource, reason):
    """The same in S3's spelling, which puts the resource in quotation marks."""
    return not_authorized(principal, action, f'"{resource}"', reason)


def no_identity_policy(action):
    return f"because no identity-based policy allows the {action} action"


def validation(*clauses):
    """AWS's ValidationError text for these clauses."""
    plural = "" if len(clauses) == 1 else "s"
    return f"{len(clauses)} validation error{plural} detected: " + "; ".join(clauses)


def cli_error(ran):
    """(code, operation, message) of what the AWS CLI prints on an error."""
    assert ran.returncode != 0, ran.stdout
    found = re.search(r"An error occurred \((\S+)\) when calling the (\w+) operation(?: \([^)]*\))?: (.*)", ran.stderr)
    assert found, ran.stderr
    return found.groups()


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]
