"""What an operator says of SAML providers beyond AWS, and why a login fails."""

import concurrent.futures
import subprocess

import pytest
from botocore.exceptions import ClientError
from harness import BINARY, Clock, Locum, Server, base_environment, policy, trusting, wait_for
from saml_idp import Idp, encoded

INVALID = "Your request included an invalid SAML response."


class Corp:
    """Two servers on one data directory, with a provider and a role."""

    def __init__(self, folder, one, other):
        self.folder, self.one, self.other = folder, one, other
        self.idp = Idp()
        account = one.client("sts").get_caller_identity()["Account"]
        self.provider = f"arn:aws:iam::{account}:saml-provider/corp"
        self.role = f"arn:aws:iam::{account}:role/corp"
        one.client("iam").create_saml_provider(Name="corp", SAMLMetadataDocument=self.idp.metadata())
        one.role("corp", trusting({"Federated": self.provider}, "sts:AssumeRoleWithSAML"))

    def signed(self, **said):
        return self.idp.signed(self.one.clock.now(), self.role, provider=self.provider, **said)

    def ask(self, locum, text):
        """The subject, or the refusal's code and message."""
        sts = locum.client("sts", None)
        try:
            answer = sts.assume_role_with_saml(
                RoleArn=self.role, PrincipalArn=self.provider, SAMLAssertion=encoded(text)
            )
        except ClientError as error:
            return error.response["Error"]["Code"], error.response["Error"]["Message"]
        return answer["Subject"]

    def command(self, *arguments):
        return subprocess.run(
            [BINARY, "federation", *map(str, arguments), "--data", str(self.folder / "data")],
            capture_output=True,
            text=True,
            env=base_environment(self.folder),
            cwd=self.folder,
            timeout=60,
            check=False,
        )

    def test(self, text, provider=None, role=None):
        """Exit code and words of `locum federation test`."""
        file = self.folder / "response"
        file.write_text(text)
        named = ["--provider", provider or self.provider, "--role", role or self.role]
        ran = self.command("test", *named, "--assertion", file)
        assert ran.stderr == ""
        return ran.returncode, ran.stdout


@pytest.fixture
def corp(tmp_path, monkeypatch):
    clock = Clock()
    clock.install(monkeypatch)
    data = ["--data", str(tmp_path / "data")]
    with Server(tmp_path / "one", *data, ephemeral=False) as one, Server(tmp_path / "two", *data, ephemeral=False) as two:
        made = Corp(tmp_path, Locum(one, clock), Locum(two, clock))
        wait_for(lambda: made.ask(made.other, made.signed()) == "ann", "the other to know the provider")
        yield made


def test_an_assertion_counts_once(corp):
    """For all processes, whoever is first, and after a restart."""
    text = corp.signed()
    assert [corp.ask(locum, text) for locum in (corp.one, corp.other, corp.one)] == ["ann"] * 3
    ran = corp.command("provider", "set", "--provider", corp.provider, "--saml-single-use", "true")
    assert (ran.returncode, ran.stderr) == (0, "")
    ran = corp.command("provider", "show", "--provider", corp.provider)
    assert "its assertions get one session each" in ran.stdout
    spent = ("InvalidIdentityToken", INVALID)

    def counts_once(locum):
        text = corp.signed()
        corp.ask(locum, text)
        return corp.ask(locum, text) == spent

    for locum in (corp.one, corp.other):
        wait_for(lambda locum=locum: counts_once(locum), "the setting to be known")
    text = corp.signed()
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda n: corp.ask((corp.one, corp.other)[n % 2], text), range(16)))
    assert sorted(map(str, answers)) == sorted(map(str, ["ann", *[spent] * 15]))
    corp.one.server.kill()
    corp.one.server.start()
    assert corp.ask(corp.one, text) == spent
    assert corp.ask(corp.one, corp.signed()) == "ann"
    # One that is refused for something else is not spent.
    text = corp.signed()
    sts = corp.one.client("sts", None)
    call = {"PrincipalArn": corp.provider, "SAMLAssertion": encoded(text)}
    with pytest.raises(ClientError, match="AccessDenied"):
        sts.assume_role_with_saml(RoleArn=corp.role + "2", **call)
    with pytest.raises(ClientError, match="MaxSessionDuration"):
        sts.assume_role_with_saml(RoleArn=corp.role, DurationSeconds=7200, **call)
    assert corp.ask(corp.one, text) == "ann"


def test_settings_are_of_saml_providers(corp):
    iam = corp.one.client("iam")
    oidc = iam.create_open_id_connect_provider(
        Url="https://token.example.com", ThumbprintList=["0" * 40], ClientIDList=["a"]
    )["OpenIDConnectProviderArn"]
    for arn in (oidc, corp.provider + "2"):
        ran = corp.command("provider", "set", "--provider", arn, "--saml-single-use", "true")
        assert (ran.returncode, ran.stdout) == (1, "")


def test_why_a_login_fails_in_a_persons_words(corp):
    for text in (corp.signed(), encoded(corp.signed())):
        code, words = corp.test(text)
        assert (code, words.splitlines()[-1]) == (0, "the role would be had")
        assert "ann" in words
    past = ' NotOnOrAfter="2020-01-01T00:00:00Z"'
    bare = corp.idp.response(corp.one.clock.now(), corp.idp.assertion(corp.one.clock.now(), corp.role))
    for text, why, told in [
        (corp.signed(until=past), "is 2020-01-01T00:00:00Z, which was", "Token must be redeemed within 5 minutes"),
        (corp.signed(issuer="urn:other"), "the assertion's issuer is `urn:other`", "Issuer not present in specified"),
        (bare, "the assertion has no signature of its own", "Response signature invalid"),
        (corp.signed().replace(">ann<", ">bob<"), "what it covers is not what was signed", "Response signature invalid"),
        (corp.signed(format=""), "the assertion's NameID has no Format", INVALID),
        (corp.signed(values=[("https://aws.amazon.com/SAML/Attributes/RoleSessionName", ["a b"])]), "`a b`", "must match"),
    ]:
        code, words = corp.test(text)
        assert code == 1
        assert why in words and told in words, words
    code, words = corp.test(corp.signed(), role=corp.role + "2")
    assert code == 1 and "is not among the 1 values of the Role attribute" in words
    corp.one.client("iam").update_assume_role_policy(
        RoleName="corp",
        PolicyDocument=policy(
            trusting(
                {"Federated": corp.provider},
                "sts:AssumeRoleWithSAML",
                Condition={"StringEquals": {"SAML:sub": "bob"}},
            )
        ),
    )
    code, words = corp.test(corp.signed())
    assert code == 1
    assert "StringEquals on SAML:sub wants `bob`, and saw `ann`" in words, words
    ran = corp.command("test", "--provider", corp.provider, "--role", corp.role)
    assert ran.returncode == 2
