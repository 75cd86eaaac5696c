"""A server with an LDAP provider, for tests of logins and of what becomes of their sessions."""

import json
import subprocess
import urllib.parse
import xml.etree.ElementTree

from directory import GROUPS, PEOPLE, SEARCHER, SEARCHER_PASSWORD
from harness import ACCOUNT, BINARY, ROOT_KEY_ID, ROOT_SECRET, Credentials, Server, allow, base_environment, wait_for

HOST = "ldap.example.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{HOST}"
ACTION = "sts:AssumeRoleWithWebIdentity"
NAMESPACE = "https://sts.amazonaws.com/doc/2011-06-15/"


class Commands:
    """A server on a data directory, and the commands that work on it."""

    def __init__(self, locum, folder):
        self.locum, self.folder = locum, folder
        self.changes = 1000

    def revocations(self):
        server = self.locum.server
        environment = base_environment(self.folder) | {
            "AWS_ENDPOINT_URL": server.url,
            "AWS_ACCESS_KEY_ID": ROOT_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": ROOT_SECRET,
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        command = [str(BINARY), "session", "revocations", "--format", "json"]
        ran = subprocess.run(command, env=environment, text=True, capture_output=True, timeout=60)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    def command(self, *arguments, stdin=None, what="federation"):
        return subprocess.run(
            [str(BINARY), what, *map(str, arguments), "--data", str(self.folder / "data")],
            env=base_environment(self.folder),
            input=stdin,
            text=True,
            capture_output=True,
            timeout=60,
        )

    def followed(self):
        """The server has what commands have changed: it follows in their order, and this it shows."""
        self.changes += 1
        quota = ["--account", ACCOUNT, "--name", "RolesPerAccount", "--value", self.changes]
        ran = self.command("set", *quota, what="quota")
        assert ran.returncode == 0, ran.stderr
        iam = self.locum.client("iam")
        wait_for(lambda: iam.get_account_summary()["SummaryMap"]["RolesQuota"] == self.changes, "it to follow")

    def records(self, count, name="AssumeRoleWithLDAPIdentity"):
        """The records of an action, once there are so many."""

        def found():
            lines = (self.folder / "data" / "audit" / "audit.jsonl").read_text().splitlines()
            records = [record for record in map(json.loads, lines) if record["eventName"] == name]
            return len(records) >= count and records

        records = wait_for(found, f"{count} records of {name}")
        assert len(records) == count
        return records


class Ldap(Commands):
    """The server, its provider, and a role that trusts the members of eng."""

    def __init__(self, locum, directory, folder):
        super().__init__(locum, folder)
        self.directory = directory
        locum.client("iam").create_open_id_connect_provider(Url=f"https://{HOST}", ThumbprintList=["0" * 40])
        (folder / "searcher").write_text(SEARCHER_PASSWORD + "\n")
        self.set()
        self.eng = self.role("eng", ("ForAnyValue:StringEquals", {f"{HOST}:groups": "eng"}))

    def bind(self, *arguments):
        """Sessions end with the directory, which is asked as often as can be."""
        self.set("--bind-sessions", "--binding-interval", "5", *arguments, directory=False)

    def set(self, *arguments, directory=True, url=None, ca=None, provider=PROVIDER):
        flags = ["provider", "set", "--provider", provider]
        if directory:
            flags += ["--authorities", ca or self.directory.ca, "--ldap-url", url or self.directory.ldaps]
            flags += ["--ldap-bind-dn", SEARCHER, "--ldap-bind-password-file", self.folder / "searcher"]
            if "--ldap-user-template" not in arguments:
                flags += ["--ldap-user-base", PEOPLE]
                if "--ldap-user-filter" not in arguments:
                    flags += ["--ldap-user-filter", "(|(uid={username})(mail={username}))"]
            flags += ["--ldap-group-base", GROUPS, "--ldap-group-filter", "(member={dn})"]
            flags += ["--ldap-group-names-beneath", GROUPS]
        ran = self.command(*flags, *arguments)
        assert ran.returncode == 0, ran.stderr
        self.followed()

    def role(self, name, *conditions, actions=(ACTION,), policies=(allow("s3:*"),)):
        trust = {"Effect": "Allow", "Principal": {"Federated": PROVIDER}, "Action": list(actions)}
        if conditions:
            trust["Condition"] = dict(conditions)
        return self.locum.role(name, trust, *policies)

    def ask(self, username="alice", password="alice-Secret", **parameters):
        """Posts the form; the result's element, or code, status and message of the error."""
        form = {
            "Action": "AssumeRoleWithLDAPIdentity",
            "Version": "2011-06-15",
            "LDAPUsername": username,
            "LDAPPassword": password,
            **parameters,
        }
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urllib.parse.urlencode(form).encode()
        answer = self.locum.server.send("POST", "/", headers, body)
        root = xml.etree.ElementTree.fromstring(answer.body)
        if answer.status == 200:
            assert root.tag == f"{{{NAMESPACE}}}AssumeRoleWithLDAPIdentityResponse"
            return root.find(f"{{{NAMESPACE}}}AssumeRoleWithLDAPIdentityResult")
        error = root.find(f"{{{NAMESPACE}}}Error")
        return error.findtext(f"{{{NAMESPACE}}}Code"), answer.status, error.findtext(f"{{{NAMESPACE}}}Message")

    def login(self, username="alice", password="alice-Secret", **parameters):
        result = self.ask(username, password, **parameters)
        assert not isinstance(result, tuple), result
        found = result.find(f"{{{NAMESPACE}}}Credentials")
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        return Credentials(*(found.findtext(f"{{{NAMESPACE}}}{name}") for name in names))

    def arn(self, credentials):
        return self.locum.client("sts", credentials).get_caller_identity()["Arn"]


def session(role, name="alice"):
    return f"arn:aws:sts::{ACCOUNT}:assumed-role/{role}/{name}"


def server(folder, *arguments):
    """A server of its own on a data directory of the usual account."""
    arguments = ["--data", str(folder / "data"), "--account-id", ACCOUNT, "--limit-guesses", "10/3600", *arguments]
    return Server(folder / "server", *arguments, ephemeral=False)
