"""Sessions that end with their token: back-channel logout and introspection, by a provider that signs anything."""

import base64
import http.server
import json
import threading
import urllib.parse

import pytest
from harness import ACCOUNT, Clock, Credentials, Locum, allow, refused
from ldap_world import Commands, server
from openid import Provider, SigningKey
from test_binding import ends, is_over

EVENT = "http://schemas.openid.net/event/backchannel-logout"
NOT_VALID = "The web identity token that was passed could not be validated by Amazon Web Services."
CLIENT, SECRET = "locum:1", "introspection+Secret/%"


class World(Commands):
    """A server on a data directory, with a provider whose sessions are bound to it."""

    def __init__(self, locum, provider, folder):
        super().__init__(locum, folder)
        self.provider = provider
        made = locum.client("iam").create_open_id_connect_provider(Url=provider.issuer, ClientIDList=["client-1"])
        self.arn = made["OpenIDConnectProviderArn"]
        trust = {"Effect": "Allow", "Principal": {"Federated": self.arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
        self.role = locum.role("worker", trust, allow("s3:*"))

    def bind(self, *arguments):
        ran = self.command(
            *("provider", "set", "--provider", self.arn, "--bind-sessions", "--binding-interval", "5"), *arguments
        )
        assert ran.returncode == 0, ran.stderr
        self.followed()

    def login(self, token):
        sts = self.locum.client("sts", None)
        asked = {"RoleArn": self.role, "RoleSessionName": "session", "WebIdentityToken": token}
        return Credentials.of(sts.assume_role_with_web_identity(**asked))

    def logout_token(self, key=None, header=None, **claims):
        self.made = getattr(self, "made", 0) + 1
        claims = {"jti": f"logout-{self.made}", "events": {EVENT: {}}} | claims
        return self.provider.token(key, {"typ": "logout+jwt"} | (header or {}), **claims)

    def logout(self, token, arn=None, method="POST"):
        path = (arn or self.arn).replace(f"arn:aws:iam::{ACCOUNT}:oidc-provider/", f"/_locum/backchannel-logout/{ACCOUNT}/")
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        body = urllib.parse.urlencode({"logout_token": token}).encode()
        answer = self.locum.server.send(method, path, headers, body)
        return answer.status, json.loads(answer.body) if answer.status == 400 else None


@pytest.fixture
def world(tmp_path, monkeypatch):
    clock = Clock()
    clock.install(monkeypatch)
    with server(tmp_path, "--idp-plain-http-on-loopback") as running:
        with Provider(host="127.0.0.1", tls=False, clock=clock) as provider:
            yield World(Locum(running, clock), provider, tmp_path)
        assert not running.gone(), running.log_text()


def test_who_signs_out_at_the_provider_has_no_session(world):
    world.bind()
    here, there = world.login(world.provider.token(sid="s-1")), world.login(world.provider.token(sid="s-2"))
    other = world.login(world.provider.token(sub="user-2"))
    assert world.logout(world.logout_token(sid="s-1")) == (200, None)
    ends(world.locum, here)
    assert not is_over(world.locum, there)
    # All of the user's, where no sign-in is named.
    assert world.logout(world.logout_token()) == (200, None)
    ends(world.locum, there)
    assert not is_over(world.locum, other)
    records = world.records(2, "EndSessionsAtSource")
    assert [record["additionalEventData"]["explanation"] for record in records] == [
        ["the provider says that they have signed out"]
    ] * 2
    assert not is_over(world.locum, world.login(world.provider.token(sid="s-3")))


def test_what_is_no_logout_token_ends_nothing(world):
    world.bind()
    mine = world.login(world.provider.token(sid="s-1"))
    make, stranger = world.logout_token, SigningKey("first")
    for name, token in {
        "a token for signing in": world.provider.token(sid="s-1"),
        "with a nonce": make(nonce="n"),
        "another event": make(events={"urn:other": {}}),
        "an event that says nothing": make(events={EVENT: None}),
        "events that are none": make(events=EVENT),
        "nobody": make(sub=...),
        "no id": make(jti=...),
        "an empty id": make(jti=""),
        "for another client": make(aud="client-2"),
        "of another issuer": make(iss="https://idp.example.com"),
        "of another key": make(stranger),
        "an access token": make(header={"typ": "at+jwt"}),
        "algorithm none": make(header={"alg": "none"}),
        "the public key as a secret": make(header={"alg": "HS256"}),
        "expired": make(iat=world.provider.now() - 1000, exp=world.provider.now() - 400),
        "not yet": make(iat=world.provider.now() + 400),
        "without an end": make(exp=...),
        "no token": "a.b.c",
    }.items():
        status, answer = world.logout(token)
        assert (status, answer["error"]) == (400, "invalid_request"), name
    assert not is_over(world.locum, mine)
    assert world.logout(make(), method="GET")[0] == 405
    assert world.logout(make(), arn=f"arn:aws:iam::{ACCOUNT}:oidc-provider/idp.example.com")[0] == 400
    # And a logout token is none for signing in, whatever its type.
    token = make(header={"typ": "JWT"})
    with pytest.raises(Exception, match=NOT_VALID[:60]):
        world.login(token)
    assert not is_over(world.locum, mine)


def test_a_logout_token_counts_once(world):
    world.bind()
    mine = world.login(world.provider.token())
    token = world.logout_token()
    assert world.logout(token) == (200, None)
    ends(world.locum, mine)
    again = world.login(world.provider.token())
    assert world.logout(token)[0] == 400
    assert not is_over(world.locum, again)
    # Nor does one that was made long ago end what began since.
    now = world.provider.now()
    assert world.logout(world.logout_token(iat=now - 120, exp=now + 60)) == (200, None)
    assert not is_over(world.locum, again)


def test_a_provider_that_nothing_is_bound_to_ends_nothing(world):
    mine = world.login(world.provider.token())
    assert world.logout(world.logout_token())[0] == 400
    assert not is_over(world.locum, mine)


class Introspector:
    """The endpoint of RFC 7662, which stands by the tokens in `active`."""

    def __init__(self):
        outer = self
        self.active, self.asked, self.status = set(), 0, 200

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                form = urllib.parse.parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
                pair = base64.b64decode(self.headers["Authorization"].removeprefix("Basic ")).decode()
                right = [urllib.parse.unquote_plus(part) for part in pair.split(":")] == [CLIENT, SECRET]
                outer.asked += 1
                body = json.dumps({"active": form["token"][0] in outer.active}).encode()
                self.send_response(outer.status if right else 401)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/introspect"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


def test_a_revoked_token_has_no_session(world, tmp_path):
    with Introspector() as introspector:
        secret = tmp_path / "secret"
        secret.write_text(SECRET)
        flags = ["--introspection-url", introspector.url, "--introspection-client-id", CLIENT]
        world.bind(*flags, "--introspection-secret-file", secret)
        # What is not given stays.
        world.bind()
        first, second = world.provider.token(sid="s-1"), world.provider.token(sid="s-2")
        rejected = "The identity provider (IDP) reported that authentication failed."
        refused(lambda: world.login(first), "IDPRejectedClaim", rejected)
        introspector.active |= {first, second}
        mine, other = world.login(first), world.login(second)
        introspector.active -= {first}
        ends(world.locum, mine)
        assert not is_over(world.locum, other)
        [record] = world.records(1, "EndSessionsAtSource")
        why = "the provider does not stand by the token any more"
        assert record["additionalEventData"]["explanation"] == [why]
        # The token lies nowhere.
        for path in tmp_path.rglob("*"):
            if path.is_file():
                content = path.read_bytes()
                assert second.encode() not in content and first.encode() not in content, path
        introspector.status = 503
        with pytest.raises(Exception, match="IDPCommunicationError"):
            world.login(second)
        assert not is_over(world.locum, other)


def test_tokens_that_are_none_are_not_looked_at_nor_logged_without_end(tmp_path):
    with server(tmp_path, "--limit-key-failures", "3/36000") as running:

        def status(provider):
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            path = f"/_locum/backchannel-logout/{ACCOUNT}/{provider}"
            return running.send("POST", path, headers, b"logout_token=a.b.c").status

        assert [status("idp.example.com") for _ in range(6)] == [400] * 3 + [429] * 3
        assert running.log_text().count("was not taken") == 3
        # Nor does one line hold whatever is sent.
        assert status("x" * 5000) == 400
        assert running.log_text().count("was not taken") == 4
        assert "x" * 300 not in running.log_text()
