"""The federation endpoint: temporary credentials become a link, and the link a page with credentials."""

import html
import json
import re
import urllib.parse

import pytest
from harness import ACCOUNT, Credentials, Locum, Server, allow, policy, root_of

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
# What a browser says when a person goes to a page.
NAVIGATION = {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Sec-Fetch-Site": "none"}
PAGE = "/_locum/signin/credentials"
CONSOLE = "https://console.aws.amazon.com/"


@pytest.fixture
def alice(locum):
    return locum.user("alice", allow("sts:*"))


@pytest.fixture
def session(locum, alice):
    """A session of a role."""
    role = locum.role("builder", root_of(ACCOUNT), allow("s3:ListAllMyBuckets"))
    return locum.assume(alice, role, "build-1")


def shown(credentials, **changed):
    parts = {"sessionId": credentials.id, "sessionKey": credentials.secret, "sessionToken": credentials.token}
    return json.dumps(parts | changed)


def ask(locum, credentials, post=False, **more):
    """getSigninToken, as clients of AWS call it."""
    text = credentials if isinstance(credentials, str) else shown(credentials)
    query = urllib.parse.urlencode({"Action": "getSigninToken", "SessionType": "json", "Session": text} | more)
    if post:
        return locum.server.send("POST", "/federation", FORM, query.encode())
    return locum.server.send("GET", f"/federation?{query}")


def link(token, destination=CONSOLE, issuer="https://portal.example.com/"):
    query = {"Action": "login", "Issuer": issuer, "Destination": destination, "SigninToken": token}
    return f"/federation?{urllib.parse.urlencode(query)}"


def sign_in(locum, credentials, **more):
    """The cookies of a browser that followed a link."""
    token = json.loads(ask(locum, credentials, **more).body)["SigninToken"]
    answer = locum.server.send("GET", link(token), NAVIGATION)
    assert (answer.status, answer.headers["location"]) == (303, PAGE), answer.text
    return answer.headers["set-cookie"].split(";")[0]


def page(locum, cookie, **headers):
    return locum.server.send("GET", PAGE, NAVIGATION | {"Cookie": cookie} | headers)


def blocks(text):
    """What the page offers for copying, by name."""
    found = re.findall(r'<pre [^>]*id="([a-z-]+)">(.*?)</pre>', text, re.DOTALL)
    return {name: html.unescape(body) for name, body in found}


def credentials_of(text):
    found = json.loads(blocks(text)["credential-process"])
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["SessionToken"])


@pytest.mark.parametrize("post", [False, True])
def test_a_link_signs_a_browser_in_and_the_page_has_the_credentials(locum, session, post):
    answer = ask(locum, session, post=post, SessionDuration="3600")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    token = json.loads(answer.body)["SigninToken"]
    assert session.token not in token and session.secret not in token
    signed_in = locum.server.send("GET", link(token), NAVIGATION)
    assert signed_in.status == 303
    cookie = signed_in.headers["set-cookie"]
    assert "; HttpOnly; SameSite=Lax" in cookie and "; Path=/_locum/signin;" in cookie
    assert session.token not in cookie and session.secret not in cookie
    shown_page = page(locum, cookie.split(";")[0])
    assert shown_page.status == 200
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/builder/build-1" in shown_page.text
    found = credentials_of(shown_page.text)
    assert found == session
    locum.client("s3", found).list_buckets()
    texts = blocks(shown_page.text)
    assert f"export AWS_SECRET_ACCESS_KEY='{session.secret}'" in texts["bash"]
    assert f"$Env:AWS_SESSION_TOKEN = '{session.token}'" in texts["powershell"]
    assert texts["profile"].startswith(f"[locum]\naws_access_key_id = {session.id}\n")
    assert f"endpoint_url = {locum.server.url}" in texts["profile"]


def test_the_page_is_kept_by_nobody_and_framed_by_nobody(locum, session):
    answer = page(locum, sign_in(locum, session))
    wanted = {
        "cache-control": "no-store",
        "x-frame-options": "DENY",
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
    }
    assert {name: answer.headers[name] for name in wanted} == wanted
    directives = answer.headers["content-security-policy"].split("; ")
    assert "default-src 'none'" in directives and "frame-ancestors 'none'" in directives
    assert not any("unsafe" in directive or "script" in directive for directive in directives)
    assert "<script" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Mode": "cors", "Sec-Fetch-Dest": "empty", "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "empty"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"},
        {"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "object"},
        {},
    ],
)
def test_a_script_of_the_same_origin_does_not_get_the_page(locum, session, headers):
    cookie = sign_in(locum, session)
    answer = locum.server.send("GET", PAGE, headers | {"Cookie": cookie})
    assert answer.status == 403
    assert session.secret not in answer.text and session.token not in answer.text


@pytest.mark.parametrize(
    "changed",
    [{"sessionKey": "x" * 40}, {"sessionToken": "AAAA"}, {"sessionId": "ASIAQNZGKIQY56JQ7WML"}, {"sessionKey": ""}],
)
def test_credentials_that_do_not_belong_together(durable, changed):
    account = durable.client("sts").get_caller_identity()["Account"]
    role = durable.role("builder", root_of(account), allow("*"))
    session = durable.assume(durable.user("alice", allow("sts:*")), role)
    answer = ask(durable, shown(session, **changed))
    assert answer.status == 400
    assert json.loads(answer.body)["message"].startswith("The security token included in the request is invalid")
    durable.server.terminate()
    records = (durable.server.folder.parent / "data/audit/audit.jsonl").read_text()
    failed = [record for record in map(json.loads, records.splitlines()) if record["eventName"] == "GetSigninToken"]
    assert [(it["eventType"], it["eventSource"], it["errorCode"]) for it in failed] == [
        ("AwsConsoleSignIn", "signin.amazonaws.com", "Failed authentication")
    ]
    assert failed[0]["responseElements"] == {"GetSigninToken": "Failure"}
    assert session.secret not in records and session.token not in records


def test_guessing_a_secret_is_stopped(tmp_path):
    server = Server(tmp_path, environment={"LOCUM_LIMIT_KEY_FAILURES": "3/60"})
    with server:
        locum = Locum(server)
        alice = locum.user("alice", allow("sts:*"))
        session = locum.assume(alice, locum.role("builder", root_of(ACCOUNT)))
        for _ in range(3):
            assert ask(locum, shown(session, sessionKey="x" * 40)).status == 400
        answer = ask(locum, shown(session, sessionKey="y" * 40))
        assert (answer.status, json.loads(answer.body)["message"]) == (429, "Rate exceeded")


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", '{"sessionId":1,"sessionKey":"","sessionToken":""}', "x" * 30_000, '{"sessionId":"a"}'],
)
def test_a_session_that_is_none(locum, text):
    answer = ask(locum, text)
    assert answer.status == 400
    assert json.loads(answer.body)["message"].startswith(("The Session", "The request has no Session"))


def test_whose_credentials_and_how_long(locum, alice, session):
    def message(credentials, **more):
        answer = ask(locum, credentials, **more)
        assert answer.status == 400, answer.text
        return json.loads(answer.body)["message"]

    sts = locum.client("sts", alice)
    own = Credentials.of(sts.get_session_token())
    assert message(own) == "The credentials must be of a role or of GetFederationToken."
    federated = Credentials.of(sts.get_federation_token(Name="bob", Policy=policy(allow("s3:*"))))
    assert (
        message(federated, SessionDuration="900")
        == "The SessionDuration cannot be given for credentials of GetFederationToken."
    )
    assert ask(locum, federated).status == 200
    chained = locum.role("next", f"arn:aws:iam::{ACCOUNT}:role/builder")
    locum.client("iam").put_role_policy(
        RoleName="builder", PolicyName="on", PolicyDocument=policy(allow("sts:AssumeRole"))
    )
    chain = locum.assume(session, chained, "second")
    assert (
        message(chain, SessionDuration="900")
        == "The SessionDuration cannot be given for credentials obtained by role chaining."
    )
    assert ask(locum, chain).status == 200
    for wrong in ("899", "43201", "x", "-900", "9e3", ""):
        assert message(session, SessionDuration=wrong) == "The SessionDuration must be a number from 900 to 43200."


def test_a_browser_is_signed_in_no_longer_than_asked_nor_than_the_credentials(locum, session):
    short = sign_in(locum, session, SessionDuration="900")
    long = sign_in(locum, session, SessionDuration="43200")
    assert page(locum, short).status == 200
    locum.advance(901)
    assert page(locum, short).status == 401
    assert page(locum, long).status == 200
    locum.advance(2700)
    answer = page(locum, long)
    assert answer.status == 401
    assert "Your session is over" in answer.text


def test_a_link_is_good_for_fifteen_minutes(locum, session):
    token = json.loads(ask(locum, session).body)["SigninToken"]
    locum.advance(899)
    assert locum.server.send("GET", link(token)).status == 303
    locum.advance(2)
    answer = locum.server.send("GET", link(token))
    assert answer.status == 400
    assert "This link has expired" in answer.text


def test_a_role_that_is_gone_takes_its_sessions_along(locum, session):
    cookie = sign_in(locum, session)
    iam = locum.client("iam")
    iam.delete_role_policy(RoleName="builder", PolicyName="p0")
    iam.delete_role(RoleName="builder")
    answer = page(locum, cookie)
    assert answer.status == 401
    assert "Max-Age=0" in answer.headers["set-cookie"]


def test_a_token_of_one_step_is_good_at_no_other(locum, session):
    token = json.loads(ask(locum, session).body)["SigninToken"]
    assert page(locum, f"locum-session-0=1.{token}").status == 401
    cookie = sign_in(locum, session).split(".", 1)[1]
    assert locum.server.send("GET", link(cookie)).status == 400
    assert locum.server.send("GET", link(session.token)).status == 400


@pytest.mark.parametrize(
    "destination",
    [
        "https://evil.example/",
        "//evil.example/_locum/",
        "https://console.aws.amazon.com.evil.example/",
        "/bucket/evil.html",
        "javascript:alert(1)",
    ],
)
def test_a_link_leads_nowhere_else(locum, session, destination):
    token = json.loads(ask(locum, session).body)["SigninToken"]
    answer = locum.server.send("GET", link(token, destination=destination))
    assert answer.status == 400
    assert "location" not in answer.headers and "set-cookie" not in answer.headers
    assert destination not in answer.text


def test_nothing_that_comes_in_goes_out_as_markup(locum, session):
    token = json.loads(ask(locum, session).body)["SigninToken"]
    attack = '"><script>alert(1)</script>'
    for target in (
        link(token, issuer=attack, destination=attack),
        link(attack),
        f"/federation?Action={urllib.parse.quote(attack)}",
        f"/federation?Action=login&Action={urllib.parse.quote(attack)}",
        f"/federation?Action=login&{urllib.parse.quote(attack)}=1&{urllib.parse.quote(attack)}=2",
    ):
        answer = locum.server.send("GET", target)
        assert answer.status == 400
        assert "<script" not in answer.text or answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"


def test_signing_out(locum, session):
    cookie = sign_in(locum, session)
    for method, target in (("POST", "/_locum/signin/signout"), ("GET", "/federation?Action=logout")):
        headers = {"Cookie": cookie} | (FORM if method == "POST" else {})
        answer = locum.server.send(method, target, headers)
        assert answer.status == 200
        assert "locum-session-0=; " in answer.headers["set-cookie"]
        assert "You are signed out" in answer.text
    answer = locum.server.send("GET", PAGE, NAVIGATION)
    assert (answer.status, answer.headers["location"]) == (303, "/_locum/signin")


def test_buckets_may_have_the_names_of_the_endpoints(locum):
    s3 = locum.client("s3")
    for name in ("federation", "saml", "static"):
        s3.create_bucket(Bucket=name)
        s3.put_object(Bucket=name, Key="saml", Body=b"x")
        assert s3.get_object(Bucket=name, Key="saml")["Body"].read() == b"x"
        assert [it["Key"] for it in s3.list_objects_v2(Bucket=name)["Contents"]] == ["saml"]
    # A presigned URL is signed, whatever else its query has.
    url = s3.generate_presigned_url("list_objects_v2", Params={"Bucket": "federation"})
    answer = locum.server.send("GET", url.removeprefix(locum.server.url))
    assert answer.status == 200
    # Unsigned, and nothing that the endpoint knows.
    assert locum.server.send("GET", "/federation?list-type=2").error()[1] == "AccessDenied"
