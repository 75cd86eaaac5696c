"""Identity providers over TLS: whom the server believes, what operators say of them, and why a login fails."""

import http.client
import json
import ssl
import subprocess
import time
import urllib.parse

import pytest
from certificates import private_pem
from harness import (
    ACCOUNT,
    BINARY,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    free_port,
    refused,
    wait_for,
)
from node_programs import NodeProgram
from openid import Authority, Provider, SigningKey, encoded, pem, thumbprint

ACTION = "sts:AssumeRoleWithWebIdentity"
INVALID = "InvalidIdentityToken"
DENIED = ("AccessDenied", f"Not authorized to perform {ACTION}")
THUMBPRINT = "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint"
UNREACHABLE = (
    "The request could not be fulfilled because the identity provider (IDP) that was asked to verify the incoming "
    "identity token could not be reached."
)
NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)


def arn(url):
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{url}"


@pytest.fixture
def durable(tmp_path, monkeypatch):
    clock = Clock()
    clock.install(monkeypatch)
    arguments = ["--data", str(tmp_path / "data"), "--account-id", ACCOUNT]
    with Server(tmp_path / "server", *arguments, ephemeral=False) as server:
        yield Locum(server, clock)


@pytest.fixture
def run(durable, tmp_path):
    """Runs `locum federation …` beside the server."""

    def run(*arguments, code=0):
        ran = subprocess.run(
            [str(BINARY), "federation", *arguments, "--data", str(tmp_path / "data")],
            capture_output=True,
            text=True,
            timeout=60,
            env=base_environment(tmp_path / "server"),
        )
        assert ran.returncode == code, (ran.returncode, ran.stdout, ran.stderr)
        return ran.stdout if code == 0 or not ran.stderr else ran.stderr

    return run


@pytest.fixture
def provider():
    with Provider() as provider:
        yield provider


def register(locum, provider, thumbprint, *clients):
    iam = locum.client("iam")
    iam.create_open_id_connect_provider(
        Url=provider.issuer, ClientIDList=list(clients or ["client-1"]), ThumbprintList=[thumbprint]
    )
    return arn(provider.url)


def login(locum, role, token, session="session"):
    sts = locum.client("sts", None)
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName=session, WebIdentityToken=token)


def trusting(provider, condition=None):
    statement = {"Effect": "Allow", "Principal": {"Federated": arn(provider.url)}, "Action": ACTION}
    return statement | ({"Condition": condition} if condition else {})


def eventually(locum, role, token):
    """The server follows commands within a second."""
    answers = []

    def works():
        try:
            answers.append(login(locum, role, token))
        except Exception as error:
            answers.append(error)
            return False
        return True

    try:
        wait_for(works, "the login to succeed")
    except AssertionError:
        raise answers[-1] from None
    return answers[-1]


def test_a_private_authority_by_file(durable, run, provider, tmp_path):
    own = register(durable, provider, "0" * 40)
    role = durable.role("worker", trusting(provider))
    ca, other = tmp_path / "ca.pem", tmp_path / "other.pem"
    ca.write_text(provider.authority.pem())
    other.write_text(Authority("another").pem())
    address = f"127.0.0.1:{provider.port}"
    run("provider", "set", "--provider", own, "--address", address, "--ca-file", str(ca))
    answer = eventually(durable, role, provider.token())
    assert answer["Provider"] == own
    assert run("provider", "list") == run("provider", "show", "--provider", own)
    (shown,) = json.loads(run("provider", "show", "--provider", own, "--format", "json"))
    assert (shown["provider"], shown["hasAuthorities"], shown["address"]) == (own, True, address)
    # Keys that another authority's server showed count no more.
    run("provider", "set", "--provider", own, "--ca-file", str(other))
    wait_for(lambda: fails(durable, role, provider.token()), "the server to follow")
    refused(lambda: login(durable, role, provider.token()), INVALID, THUMBPRINT, 400)
    run("provider", "reset", "--provider", own)
    run("provider", "set", "--provider", own, "--ca-file", str(tmp_path / "none.pem"), code=2)
    run("provider", "set", "--provider", own, "--jwks-uri", "http://idp.example/keys", code=1)
    missing = arn("nobody.example")
    assert "there is no provider" in run("provider", "set", "--provider", missing, "--address", address, code=1)


def fails(locum, role, token):
    try:
        login(locum, role, token)
    except Exception:
        return True
    return False


def test_thumbprints_of_private_authorities(durable, run, tmp_path):
    """AWS's rule: a chain that nobody public vouches for is believed by a certificate in it."""
    root = Authority("root")
    between = Authority("between", issuer=root)
    cases = []
    for name, named, good in [
        ("root", root.thumbprint(), True),
        ("between", between.thumbprint(), True),
        ("capitals", root.thumbprint().upper(), True),
        ("stranger", Authority("stranger").thumbprint(), False),
    ]:
        provider = Provider(host=f"{name}.example.test", authority=between)
        provider.chain = [between.certificate, root.certificate]
        cases.append((provider, named, good))
    expired = Provider(host="expired.example.test", authority=root)
    other_name = Provider(host="name.example.test", authority=root)
    itself = Provider(host="itself.example.test", authority=root)
    itself.chain = []
    forged = Provider(host="forged.example.test", authority=Authority("root"))
    # The right certificate in the chain, which did not issue the server's.
    forged.chain = [root.certificate]
    try:
        for provider, _, _ in cases:
            provider.start()
        expired.start(days=(-9, -1))
        other_name.start(names="another.example.test")
        itself.start()
        forged.start()
        cases += [(expired, root.thumbprint(), False), (other_name, root.thumbprint(), False), (forged, root.thumbprint(), False)]
        cases.append((itself, thumbprint(itself.certificate), True))
        roles = []
        for number, (provider, named, good) in enumerate(cases):
            own = register(durable, provider, named)
            roles.append(durable.role(f"role-{number}", trusting(provider)))
            run("provider", "set", "--provider", own, "--address", f"127.0.0.1:{provider.port}")
        for role, (provider, _, good) in zip(roles, cases):
            if good:
                eventually(durable, role, provider.token())
        for role, (provider, _, good) in zip(roles, cases):
            if not good:
                refused(lambda: login(durable, role, provider.token()), INVALID, THUMBPRINT, 400)
                assert provider.requests == []
    finally:
        for provider in [one for one, _, _ in cases] + [expired, other_name, itself, forged]:
            provider.stop()


def test_a_cluster(durable, run, tmp_path):
    """Tokens of service accounts: the keys lie behind a private authority and a bearer token."""
    cluster = Provider(host="kubernetes.default.svc.cluster.local", path="")
    cluster.keys = [SigningKey("DHhmdmlkLXNhLXNpZ25lcg")]
    cluster.bearer = "reviewer-token"
    with cluster:
        inside = Provider(host="127.0.0.1", authority=cluster.authority)
        inside.bearer = cluster.bearer
        inside.answers = {"/openid/v1/jwks": (200, {}, json.dumps(cluster.jwks()).encode())}
        with inside:
            # As a cluster writes it: the keys are at the API server's own address.
            cluster.configuration = {
                "jwks_uri": f"https://127.0.0.1:{inside.port}/openid/v1/jwks",
                "response_types_supported": ["id_token"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
            }
            own = register(durable, cluster, "0" * 40, "sts.amazonaws.com")
            role = durable.role(
                "pod",
                trusting(
                    cluster,
                    {
                        "StringEquals": {
                            f"{cluster.url}:sub": "system:serviceaccount:prod:web",
                            f"{cluster.url}:aud": "sts.amazonaws.com",
                        }
                    },
                ),
                allow("s3:ListAllMyBuckets"),
            )
            ca, token = tmp_path / "ca.pem", tmp_path / "token"
            ca.write_text(cluster.authority.pem())
            now = cluster.now()
            pod = {
                "aud": ["sts.amazonaws.com"],
                "sub": "system:serviceaccount:prod:web",
                "nbf": now,
                "jti": "0b0f",
                "kubernetes.io": {
                    "namespace": "prod",
                    "node": {"name": "node-1", "uid": "1"},
                    "pod": {"name": "web-0", "uid": "2"},
                    "serviceaccount": {"name": "web", "uid": "3"},
                    "warnafter": now + 3607,
                },
            }
            signed = cluster.token(header={"typ": ...}, **pod)
            address = f"127.0.0.1:{cluster.port}"
            run("provider", "set", "--provider", own, "--address", address, "--ca-file", str(ca))
            wait_for(lambda: cluster.requests or not fails(durable, role, signed), "the server to follow")
            refused(lambda: login(durable, role, signed), INVALID, NO_KEY, 400)
            token.write_text("reviewer-token\n")
            run("provider", "set", "--provider", own, "--bearer-token-file", str(token), "--private-addresses", "true")
            answer = eventually(durable, role, signed)
            assert answer["SubjectFromWebIdentityToken"] == "system:serviceaccount:prod:web"
            assert durable.client("s3", Credentials.of(answer)).list_buckets()["Buckets"] == []
            assert inside.requests == ["/openid/v1/jwks"]
            refused(lambda: login(durable, role, cluster.token(**pod | {"sub": "system:serviceaccount:dev:web"})), *DENIED)
            # The token is in no file and in no answer.
            (shown,) = json.loads(run("provider", "show", "--provider", own, "--format", "json"))
            assert shown["hasBearerToken"] is True
            for path in (tmp_path / "data").rglob("*"):
                assert not path.is_file() or b"reviewer-token" not in path.read_bytes()
            # To others it is not shown: what a configuration names could be anybody.
            run("provider", "set", "--provider", own, "--no-ca")


def test_the_bearer_token_is_for_the_providers_own_servers(durable, run, tmp_path):
    thief = Provider(host="thief.example.test")
    seen = []
    thief.answer = lambda path, headers: seen.append(headers.get("Authorization")) or (200, {}, b'{"keys":[]}')
    root = Authority("root")
    thief.authority, thief.chain = root, [root.certificate]
    with Provider(host="127.0.0.1", authority=root) as inside:
        inside.answer = thief.answer
        cluster = Provider(host="cluster.example.test", authority=root)
        cluster.configuration = {"jwks_uri": f"https://127.0.0.1:{inside.port}/keys"}
        with cluster:
            own = register(durable, cluster, root.thumbprint())
            role = durable.role("pod", trusting(cluster))
            token = tmp_path / "token"
            token.write_text("secret-token")
            run(
                "provider", "set", "--provider", own, "--address", f"127.0.0.1:{cluster.port}",
                "--bearer-token-file", str(token), "--private-addresses", "true",
            )  # fmt: skip
            wait_for(lambda: seen or not fails(durable, role, cluster.token()), "the keys to be asked for")
            assert set(seen) == {None}


def test_why_a_login_fails(durable, run, provider, tmp_path):
    """`locum federation test` walks the way of the operation, and says which check failed."""
    own = register(durable, provider, provider.authority.thumbprint(), "client-1", "client-2")
    key = provider.url
    role = durable.role("worker", trusting(provider, {"StringEquals": {f"{key}:sub": "user-1"}}))
    run("provider", "set", "--provider", own, "--address", f"127.0.0.1:{provider.port}")
    path = tmp_path / "jwt"

    def tested(token, code=1, role=role, provider=own):
        path.write_text(token + "\n")
        return run("test", "--provider", provider, "--token", str(path), "--role", role, code=code)

    assert tested(provider.token(), 0) == f"{own} knows them as user-1\nthe role would be had\n"
    now = provider.now()
    found = tested(provider.token(iat=now + 400, exp=now + 900))
    assert "the token is from the future, or the clock is off by " in found
    assert f"`iat` is {now + 400}" in found
    found = tested(provider.token(exp=now - 400))
    assert "the token expired 40" in found
    found = tested(provider.token(aud="nobody"))
    assert found == (
        "the audience `nobody` (`aud`) is not among the provider's client ids: `client-1`, `client-2`\n"
        "who asks is told: Incorrect token audience\n"
    )
    found = tested(provider.token(sub="repo:octo-org/octo-repo:ref:refs/heads/main"))
    assert f"StringEquals on {key}:sub wants `user-1`, and saw `repo:octo-org/octo-repo:ref:refs/heads/main`" in found
    assert found.endswith(f"who asks is told: {DENIED[1]}\n")
    found = tested(provider.token(SigningKey("first")))
    assert "the token's signature (RS256) is wrong" in found
    found = tested(provider.token(header={"alg": "none"}))
    assert found.startswith("the token's algorithm is `none`, and must be one of RS256")
    found = tested(provider.token(header={"kid": "x\ny"}))
    assert "the token is signed with key `x\\u{a}y`, which the provider does not publish; it publishes `first`" in found
    found = tested(provider.token(iss="https://nobody.example"))
    assert "has no OpenID Connect provider whose issuer is `https://nobody.example`" in found
    found = tested(provider.token(), role=f"arn:aws:iam::{ACCOUNT}:role/missing")
    assert f"there is no role arn:aws:iam::{ACCOUNT}:role/missing" in found
    found = tested(provider.token(), provider=arn("other.example"))
    assert f"that is not {arn('other.example')}: the token is another provider's" in found
    run("test", "--provider", own, "--token", str(tmp_path / "none"), "--role", role, code=2)
    run("test", "--provider", own, "--token", str(path), "--role", "x", code=2)
    provider.stop()
    found = tested(provider.token())
    assert f"the keys of {provider.issuer} are not known: {provider.issuer}/.well-known/openid-configuration" in found
    assert "it cannot be reached" in found


def test_the_record_says_why(durable, run, provider, tmp_path):
    own = register(durable, provider, provider.authority.thumbprint())
    role = durable.role("worker", trusting(provider, {"StringEquals": {f"{provider.url}:sub": "user-1"}}))
    run("provider", "set", "--provider", own, "--address", f"127.0.0.1:{provider.port}")
    answer = eventually(durable, role, provider.token())
    session = Credentials.of(answer)
    durable.client("sts", session).get_caller_identity()
    refused(lambda: login(durable, role, provider.token(sub="user-2")), *DENIED)
    secret = provider.token(aud="nobody")
    refused(lambda: login(durable, role, secret), INVALID, "Incorrect token audience", 400)

    def records():
        text = (tmp_path / "data" / "audit" / "audit.jsonl").read_text()
        assert secret not in text and secret.rsplit(".", 1)[1] not in text
        every = [json.loads(line) for line in text.splitlines()]
        return [one for one in every if one["eventName"] == "AssumeRoleWithWebIdentity"]

    wait_for(lambda: records()[-1].get("errorMessage") == "Incorrect token audience", "the record to be written")
    *_, good, denied, wrong = records()
    assert good["userIdentity"] == {
        "type": "WebIdentityUser",
        "principalId": f"{own}:client-1:user-1",
        "userName": "user-1",
        "identityProvider": own,
    }
    assert denied["userIdentity"]["userName"] == "user-2"
    assert denied["errorCode"] == "AccessDenied"
    words = f"StringEquals on {provider.url}:sub wants `user-1`, and saw `user-2`"
    assert any(words in one for one in denied["additionalEventData"]["explanation"])
    assert wrong["additionalEventData"]["explanation"] == [
        "the audience `nobody` (`aud`) is not among the provider's client ids: `client-1`"
    ]
    assert wrong["userIdentity"]["type"] != "WebIdentityUser"


def test_a_server_that_hangs_is_given_up(durable, run, provider):
    own = register(durable, provider, provider.authority.thumbprint())
    role = durable.role("worker", trusting(provider))
    run("provider", "set", "--provider", own, "--address", f"127.0.0.1:{provider.port}")
    eventually(durable, role, provider.token())
    answer = provider.answer

    def slow(path, headers):
        time.sleep(20)
        return answer(path, headers)

    provider.answer = slow
    began = time.monotonic()
    refused(lambda: login(durable, role, provider.token(header={"kid": "new"})), "IDPCommunicationError", UNREACHABLE, 400)
    assert time.monotonic() - began < 15
    # Whose key is known does not wait for that.
    for number in range(5):
        login(durable, role, provider.token(), f"session-{number}")


class Certified:
    """npm's `oidc-provider`."""

    AUDIENCE = "https://locum.example/sts"
    SECRET = "ci-secret-of-thirty-two-characters"

    def __init__(self, folder):
        self.folder = folder
        self.host = self.url = "certified.example.test"
        self.issuer = f"https://{self.host}"
        self.authority = Authority("certified")
        self.port = free_port()
        self.keys = []
        self.certificate, self.private_key = self.authority.issue(self.host)
        self.program = None

    def key(self, kid):
        """A key to sign with from the next start on."""
        made = SigningKey(kid)
        private = made.key.private_numbers()
        parts = {"d": private.d, "p": private.p, "q": private.q}
        parts |= {"dp": private.dmp1, "dq": private.dmq1, "qi": private.iqmp}
        parts = {name: encoded(part.to_bytes((part.bit_length() + 7) // 8, "big")) for name, part in parts.items()}
        self.keys.insert(0, made.jwk(**parts))

    def start(self):
        settings = {
            "issuer": self.issuer,
            "audience": self.AUDIENCE,
            "secret": self.SECRET,
            "keys": self.keys,
            "port": self.port,
            "cert": pem(self.certificate) + self.authority.pem(),
            "key": private_pem(self.private_key),
        }
        self.program = NodeProgram(self.folder, "certified_provider.mjs", settings)
        assert self.program.ready == {"ready": True}

    def stop(self):
        if self.program:
            self.program.stop()
            self.program = None

    def token(self):
        """A token of the client credentials grant."""
        trust = ssl.create_default_context(cadata=self.authority.pem())
        trust.check_hostname = False
        connection = http.client.HTTPSConnection("127.0.0.1", self.port, timeout=30, context=trust)
        form = {"grant_type": "client_credentials", "client_id": "ci", "client_secret": self.SECRET}
        headers = {"Content-Type": "application/x-www-form-urlencoded", "Host": self.host}
        connection.request("POST", "/token", urllib.parse.urlencode(form), headers)
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        assert answer.status == 200, body
        return json.loads(body)["access_token"]


def test_a_certified_provider(durable, run, tmp_path):
    provider = Certified(tmp_path / "certified")
    provider.key("one")
    provider.start()
    try:
        own = register(durable, provider, provider.authority.thumbprint(), "ci")
        statement = trusting(provider, {"StringEquals": {f"{provider.url}:sub": "ci"}})
        statement["Action"] = [ACTION, "sts:SetSourceIdentity"]
        role = durable.role("worker", statement)
        run("provider", "set", "--provider", own, "--address", f"127.0.0.1:{provider.port}")
        # What it issues is for an API, and was not issued to a client of ours by name.
        token = provider.token()
        wait_for(lambda: fails(durable, role, token), "the first login")
        durable.client("iam").add_client_id_to_open_id_connect_provider(
            OpenIDConnectProviderArn=own, ClientID=provider.AUDIENCE
        )
        answer = eventually(durable, role, token)
        assert answer["SubjectFromWebIdentityToken"] == "ci"
        assert answer["Audience"] == provider.AUDIENCE
        assert answer["SourceIdentity"] == "ci"
        # It is stopped, and what it issued is good; it comes back with another key, and that is, too.
        provider.stop()
        login(durable, role, token)
        provider.key("two")
        provider.start()
        fresh = provider.token()
        assert fresh.split(".")[0] != token.split(".")[0]
        login(durable, role, fresh)
        login(durable, role, token)
        # A key that it does not publish any more is forgotten.
        provider.stop()
        provider.keys.pop()
        provider.key("three")
        provider.start()
        durable.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=own)
        wait_for(lambda: not fails(durable, role, provider.token()), "the third key to be known")
        refused(lambda: login(durable, role, token), INVALID, NO_KEY, 400)
    finally:
        provider.stop()
