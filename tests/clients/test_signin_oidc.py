"""A person signs in at an OpenID Connect provider with a real browser, by code and PKCE."""

import html
import http.cookiejar
import json
import re
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest
from browser import Browser
from harness import BINARY, Locum, Server, allow, base_environment, free_port, trusting, wait_for
from node_programs import NodeProgram
from test_signin_federation import FORM, NAVIGATION, PAGE, credentials_of

CALLBACK = "/_locum/signin/oidc/callback"
SECRET = "a secret of the client: 0123456789"


class World:
    """A provider, a server that has a client there, and an account that knows it."""

    def __init__(self, folder, secret):
        self.folder = folder
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        client = {
            "client_id": "locum",
            "redirect_uris": [self.url + CALLBACK],
            "response_types": ["code"],
            "grant_types": ["authorization_code"],
        }
        client |= {"client_secret": SECRET} if secret else {"token_endpoint_auth_method": "none"}
        self.settings = {"clients": [client]}
        self.provider = NodeProgram(folder / "provider", "oidc_provider.mjs", self.settings)
        self.issuer = self.provider.ready["issuer"]
        self.server = Server(
            folder / "server",
            "--data",
            str(folder / "data"),
            "--public-url",
            self.url,
            "--idp-private-addresses",
            "--idp-plain-http-on-loopback",
            ephemeral=False,
        ).start(f"127.0.0.1:{port}")
        self.locum = Locum(self.server)
        iam = self.locum.client("iam")
        self.account = self.locum.client("sts").get_caller_identity()["Account"]
        iam.create_account_alias(AccountAlias="acme")
        made = iam.create_open_id_connect_provider(Url=self.issuer, ClientIDList=["locum"])
        self.arn = made["OpenIDConnectProviderArn"]
        self.name = self.issuer.removeprefix("http://")
        (folder / "secret").write_text(SECRET)
        flags = ["--sign-in-client-id", "locum", "--sign-in-scope", "email", "--sign-in-scope", "profile"]
        flags += ["--sign-in-client-secret-file", str(folder / "secret")] if secret else []
        self.command("set", *flags)
        # The server follows.
        wait_for(self.offers, "the provider to be offered")

    def offers(self):
        page = self.server.send("GET", "/_locum/signin?account=acme", NAVIGATION)
        return f"Continue with {self.name}" in page.text

    def command(self, what, *flags):
        ran = subprocess.run(
            [str(BINARY), "federation", "provider", what, "--provider", self.arn]
            + ["--data", str(self.folder / "data"), *flags],
            env=base_environment(self.folder),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return ran.stdout

    def trust(self, name, subject, *policies):
        condition = {"StringEquals": {f"{self.name}:aud": "locum", f"{self.name}:sub": subject}}
        statement = trusting({"Federated": self.arn}, "sts:AssumeRoleWithWebIdentity", Condition=condition)
        return self.locum.role(name, statement, *policies)

    def stop(self):
        self.server.kill()
        self.provider.stop()


@pytest.fixture(params=[True, False], ids=["confidential", "public"])
def world(request, tmp_path):
    world = World(tmp_path, request.param)
    yield world
    world.stop()


@pytest.fixture
def one_world(tmp_path):
    world = World(tmp_path, True)
    yield world
    world.stop()


@pytest.fixture
def browser(tmp_path):
    with Browser(tmp_path / "browser") as browser:
        yield browser


def begin(browser, world):
    browser.goto(f"{world.url}/_locum/signin?account=acme")
    browser.click("text=Continue with")
    return browser.do("waitFor", selector="input[name=login]")


def at_provider(browser, name):
    """The provider's own pages: who, and whether it may be told."""
    browser.fill("input[name=login]", name)
    browser.fill("input[name=password]", "x")
    browser.click("button[type=submit]")
    browser.do("waitFor", selector="button:has-text('Continue')")
    browser.click("button[type=submit]")
    return browser.do("waitFor", selector="main#main")


def test_from_the_first_page_to_credentials_that_work(world, browser):
    world.trust("reader", "alice", allow("s3:ListAllMyBuckets"))
    browser.goto(f"{world.url}/_locum/signin?account=acme")
    browser.check_accessible()
    begin(browser, world)
    seen = at_provider(browser, "alice")
    assert (seen["url"], seen["title"]) == (world.url + PAGE, "Your credentials - locum")
    found = credentials_of(browser.html())
    identity = world.locum.client("sts", found).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{world.account}:assumed-role/reader/alice@example.com"
    world.locum.client("s3", found).list_buckets()
    for request in browser.do("requests"):
        assert found.secret not in request["url"] and found.token not in request["url"]
        assert not (request["referer"] or "").startswith(world.url)
    # The browser keeps nothing but that it is signed in.
    names = [cookie["name"] for cookie in browser.do("cookies") if cookie["path"].startswith("/_locum")]
    assert names == ["locum-session-0"]


def test_only_roles_that_trust_the_person_are_offered(one_world, browser):
    one_world.trust("reader", "alice")
    one_world.trust("writer", "alice")
    one_world.trust("of-bob", "bob")
    one_world.locum.role("of-users", trusting("*"))
    begin(browser, one_world)
    seen = at_provider(browser, "alice")
    assert seen["title"] == "Select a role - locum"
    browser.check_accessible()
    assert browser.do("texts", selector="fieldset label") == ["reader", "writer"]
    browser.click("text=writer")
    browser.click("button")
    browser.do("waitFor", selector="#bash")
    found = credentials_of(browser.html())
    arn = one_world.locum.client("sts", found).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{one_world.account}:assumed-role/writer/alice@example.com"


def test_who_may_have_no_role_is_told_so_and_the_record_why(one_world, browser):
    one_world.trust("of-bob", "bob")
    begin(browser, one_world)
    seen = at_provider(browser, "alice")
    assert seen["title"] == "You cannot be signed in - locum"
    assert browser.text(".sentence") == "Not authorized to perform sts:AssumeRoleWithWebIdentity"
    assert one_world.server.terminate() == 0
    text = (one_world.folder / "data/audit/audit.jsonl").read_text()
    failed = [it for it in map(json.loads, text.splitlines()) if it["eventName"] == "ConsoleLogin"]
    assert failed[-1]["responseElements"] == {"ConsoleLogin": "Failure"}
    assert "no role of the account trusts this identity" in failed[-1]["additionalEventData"]["explanation"]
    assert failed[-1]["requestID"] in browser.text("footer")


class Away:
    """A sign-in that was begun without a browser: what would stand in the address, and the cookie."""

    def __init__(self, world):
        self.world = world
        query = urllib.parse.urlencode({"account": "acme", "provider": world.name})
        answer = world.server.send("GET", f"/_locum/signin/oidc?{query}", NAVIGATION)
        assert answer.status == 303, answer.text
        self.cookie = answer.headers["set-cookie"].split(";")[0]
        self.location = answer.headers["location"]
        self.asked = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(self.location).query))

    def back(self, cookie=None, **fields):
        query = urllib.parse.urlencode({"state": self.asked["state"], "iss": self.world.issuer} | fields)
        cookie = self.cookie if cookie is None else cookie
        headers = NAVIGATION | ({"Cookie": cookie} if cookie else {})
        return self.world.server.send("GET", f"{CALLBACK}?{query}", headers)


def explanation(world):
    """Why the last sign-in failed, by the record."""
    found = []

    def records():
        text = (world.folder / "data/audit/audit.jsonl").read_text()
        return [it for it in map(json.loads, text.splitlines()) if it["eventName"] == "ConsoleLogin"]

    wait_for(lambda: found.extend(records()) or found, "a record of the sign-in")
    return found[-1].get("additionalEventData", {}).get("explanation", [])


def test_the_way_there_says_what_it_must(one_world):
    first, second = Away(one_world), Away(one_world)
    assert first.location.startswith(f"{one_world.issuer}/auth?")
    assert first.asked["response_type"] == "code"
    assert first.asked["redirect_uri"] == one_world.url + CALLBACK
    assert first.asked["scope"] == "openid email profile"
    assert first.asked["code_challenge_method"] == "S256"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first.asked[name]) == 43
        assert first.asked[name] != second.asked[name]


def test_a_state_of_another_browser_or_none_is_refused(one_world):
    mine, theirs = Away(one_world), Away(one_world)
    answer = theirs.back(cookie=mine.cookie, code="x")
    assert answer.status == 400
    assert explanation(one_world) == ["the `state` is not the one that this browser was sent with"]
    assert mine.back(cookie="", code="x").status == 400
    assert mine.back(cookie="locum-request-0=1.AQAA", code="x").status == 400
    assert mine.back(state="", code="x").status == 400


def test_an_answer_of_another_provider_is_refused(one_world):
    assert Away(one_world).back(iss="https://evil.example", code="x").status == 400
    why = f"the answer is of `https://evil.example`, and `{one_world.issuer}` was asked"
    assert explanation(one_world) == [why]
    away = Away(one_world)
    query = urllib.parse.urlencode({"state": away.asked["state"], "code": "x"})
    answer = one_world.server.send("GET", f"{CALLBACK}?{query}", NAVIGATION | {"Cookie": away.cookie})
    assert answer.status == 400


def test_a_code_that_is_none_is_refused(one_world):
    answer = Away(one_world).back(code="made-up")
    assert answer.status == 403
    assert "The identity provider rejected the sign-in." in answer.text
    assert any("invalid_grant" in words for words in explanation(one_world))
    assert SECRET not in (one_world.folder / "data/audit/audit.jsonl").read_text()


def test_what_a_provider_answers_is_text(one_world):
    attack = '"><script>alert(1)</script>'
    answer = Away(one_world).back(error="access_denied", error_description=attack)
    assert answer.status == 403
    assert "<script" not in answer.text
    assert any(attack in words for words in explanation(one_world))


def code_of(world, away, name):
    """A code, by the provider's pages, without a browser that would follow on to the server."""
    jar = http.cookiejar.CookieJar()

    class Stop(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, request, *rest):
            target = rest[-1]
            return None if target.startswith(world.url) else super().redirect_request(request, *rest)

    opener = urllib.request.build_opener(Stop, urllib.request.HTTPCookieProcessor(jar))
    page = opener.open(away.location)
    for fields in ({"login": name, "password": "x"}, {}):
        text = page.read().decode()
        action = html.unescape(re.search(r'<form[^>]*action="([^"]*)"', text).group(1))
        hidden = dict(re.findall(r'<input[^>]*type="hidden"[^>]*name="([^"]*)"[^>]*value="([^"]*)"', text))
        body = urllib.parse.urlencode(hidden | fields).encode()
        try:
            page = opener.open(urllib.parse.urljoin(page.url, action), body)
        except urllib.error.HTTPError as error:
            location = error.headers["Location"]
            return dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(location).query))
    raise AssertionError(page.read())


def test_a_code_is_good_for_its_own_sign_in_and_for_once(one_world):
    one_world.trust("reader", "alice")
    mine, theirs = Away(one_world), Away(one_world)
    answer = code_of(one_world, mine, "alice")
    # Put into another's sign-in, the code does not fit the verifier.
    assert theirs.back(code=answer["code"]).status == 403
    assert any("invalid_grant" in words for words in explanation(one_world))
    fresh = Away(one_world)
    answer = code_of(one_world, fresh, "alice")
    assert fresh.back(code=answer["code"]).status == 303
    assert fresh.back(code=answer["code"]).status == 403


def test_a_sign_in_is_begun_where_there_is_a_client_alone(one_world):
    for fields in ({"account": "nobody", "provider": one_world.name}, {"account": "acme", "provider": "evil.example"}):
        query = urllib.parse.urlencode(fields)
        answer = one_world.server.send("GET", f"/_locum/signin/oidc?{query}", NAVIGATION)
        assert answer.status == 400
        assert "location" not in answer.headers
    one_world.command("reset")
    wait_for(lambda: not one_world.offers(), "the provider not to be offered")


def test_a_choice_of_a_saml_response_is_none_of_a_token(one_world):
    one_world.trust("reader", "alice")
    one_world.trust("writer", "alice")
    away = Away(one_world)
    answer = away.back(code=code_of(one_world, away, "alice")["code"])
    assert answer.status == 200
    state = re.search(r'name="state" value="([^"]*)"', answer.text).group(1)
    [cookie] = [it.split(";")[0] for it in answer.cookies if it.startswith("locum-choice-0=")]
    body = urllib.parse.urlencode({"state": state, "role": "0"}).encode()
    headers = FORM | NAVIGATION | {"Cookie": cookie, "Sec-Fetch-Site": "same-origin"}
    assert one_world.server.send("POST", "/_locum/signin/saml", headers, body).status == 400
    assert one_world.server.send("POST", "/_locum/signin/oidc/role", headers, body).status == 303
