"""A person comes from a SAML identity provider with a real browser, and leaves with credentials."""

import base64
import html
import json
import re
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ElementTree

import pytest
from browser import Browser
from certificates import certificate, private_pem
from cryptography.hazmat.primitives.asymmetric import rsa
from harness import ACCOUNT, allow, trusting
from node_programs import NodeProgram
from test_signin_federation import FORM, NAVIGATION, PAGE, credentials_of

ATTRIBUTES = "https://aws.amazon.com/SAML/Attributes/"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"
CHOICE = "/_locum/signin/saml"


def arn(role, account=ACCOUNT):
    return f"arn:aws:iam::{account}:role/{role}"


def user(name, *roles, **more):
    """What the provider says of somebody."""
    attributes = {
        f"{ATTRIBUTES}Role": [f"{role},{PROVIDER}" for role in roles],
        f"{ATTRIBUTES}RoleSessionName": name,
    }
    return {"name": name, "attributes": attributes | {f"{ATTRIBUTES}{key}": value for key, value in more.items()}}


USERS = {
    "one": user("one@example.com", arn("reader")),
    "two": user("two@example.com", arn("reader"), arn("team/writer")),
    "odd": user("odd@example.com", arn("reader"), arn('"><script>alert(1)</script>')),
    "lost": user("lost@example.com", arn("distrusting")),
    "none": user("none@example.com"),
}


@pytest.fixture(scope="session")
def key():
    return rsa.generate_private_key(65537, 2048)


@pytest.fixture
def idp(locum, key, tmp_path):
    """The provider, and an account that knows it."""
    settings = {
        "issuer": "https://idp.example.com/saml",
        "cert": certificate("idp", key),
        "key": private_pem(key),
        "acs": f"{locum.server.url}/saml",
        "users": USERS,
    }
    with NodeProgram(tmp_path / "idp", "saml_idp.mjs", settings) as program:
        url = program.ready["url"]
        document = urllib.request.urlopen(f"{url}/metadata").read().decode()
        iam = locum.client("iam")
        iam.create_account_alias(AccountAlias="acme")
        iam.create_saml_provider(Name="corp", SAMLMetadataDocument=document)
        trust = trusting(
            {"Federated": PROVIDER},
            "sts:AssumeRoleWithSAML",
            Condition={"StringEquals": {"SAML:aud": f"{locum.server.url}/saml"}},
        )
        locum.role("reader", trust, allow("s3:ListAllMyBuckets"))
        locum.role("writer", trust, allow("s3:*"), Path="/team/")
        locum.role("distrusting", trusting("*"))
        yield url


@pytest.fixture
def browser(tmp_path):
    with Browser(tmp_path / "browser") as browser:
        yield browser


def come(browser, idp, name, relay=""):
    """From the identity provider to where it sends the browser."""
    query = urllib.parse.urlencode({"user": name, "RelayState": relay})
    browser.goto(f"{idp}/login?{query}")
    return browser.do("waitFor", selector="main")


def response(idp, name):
    """What the provider would have a browser post."""
    page = urllib.request.urlopen(f"{idp}/login?user={name}").read().decode()
    return html.unescape(re.search(r'name="SAMLResponse"\s+value="([^"]*)"', page).group(1))


def post(locum, target, fields, **headers):
    body = urllib.parse.urlencode(fields).encode()
    return locum.server.send("POST", target, FORM | NAVIGATION | headers, body)


def test_one_role_leads_straight_to_credentials_that_work(locum, idp, browser):
    seen = come(browser, idp, "one")
    assert (seen["url"], seen["title"]) == (locum.server.url + PAGE, "Your credentials - locum")
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/one@example.com" in browser.text()
    found = credentials_of(browser.html())
    locum.client("s3", found).list_buckets()
    browser.check_accessible()
    # The assertion is not posted again by going back or loading again.
    browser.do("reload")
    assert credentials_of(browser.html()) == found


def test_a_person_with_several_roles_chooses_one(locum, idp, browser):
    seen = come(browser, idp, "two")
    assert seen["title"] == "Select a role - locum"
    browser.check_accessible()
    assert browser.do("texts", selector="legend") == [f"Account: acme ({ACCOUNT})"]
    assert browser.do("texts", selector="fieldset label") == ["reader", "team/writer"]
    browser.click("text=team/writer")
    browser.click("button")
    seen = browser.do("waitFor", selector="#bash")
    assert seen["url"] == locum.server.url + PAGE
    found = credentials_of(browser.html())
    assert (
        locum.client("sts", found).get_caller_identity()["Arn"]
        == f"arn:aws:sts::{ACCOUNT}:assumed-role/writer/two@example.com"
    )
    locum.client("s3", found).create_bucket(Bucket="made-by-two")
    assert browser.do("complaints") == []
    for request in browser.do("requests"):
        assert found.secret not in request["url"] and found.token not in request["url"]
        assert not (request["referer"] or "").startswith(locum.server.url)
    assert [cookie["name"] for cookie in browser.do("cookies")] == ["locum-session-0"]


def test_it_works_by_keyboard(locum, idp, browser):
    come(browser, idp, "two")
    for key in ("Tab", "Tab", "ArrowDown", "Tab", "Enter"):
        browser.do("press", key=key)
    browser.do("waitFor", selector="#bash")
    assert "assumed-role/writer/" in browser.text()


@pytest.mark.parametrize(
    "relay", ["https://evil.example/", "//evil.example", "/bucket/x.html", "javascript:alert(1)", '"><script>x']
)
def test_a_relay_state_leads_nowhere_else(locum, idp, browser, relay):
    assert come(browser, idp, "one", relay)["url"] == locum.server.url + PAGE
    seen = come(browser, idp, "two", relay)
    assert relay not in browser.html()
    browser.click("button")
    seen = browser.do("waitFor", selector="#bash")
    assert seen["url"] == locum.server.url + PAGE


def test_a_relay_state_leads_to_a_page_of_the_server(locum, idp, browser):
    seen = come(browser, idp, "one", f"{locum.server.url}/_locum/signin?account=acme")
    assert seen["url"] == f"{locum.server.url}/_locum/signin?account=acme"


def test_names_are_text_and_no_markup(locum, idp, browser):
    come(browser, idp, "odd")
    assert browser.do("evaluate", script="document.scripts.length") == 0
    assert browser.do("complaints") == []


def test_who_may_have_no_role_is_told_what_to_do(locum, idp, browser):
    seen = come(browser, idp, "lost")
    assert seen["title"] == "You cannot be signed in - locum"
    assert browser.text(".sentence") == "Not authorized to perform sts:AssumeRoleWithSAML"
    assert "Request id: " in browser.text("footer")
    browser.check_accessible()
    assert browser.do("cookies") == []
    come(browser, idp, "none")
    assert browser.do("evaluate", script="document.querySelector('h1').innerText") == "You cannot be signed in"


def test_a_changed_response_is_refused_and_the_reason_is_on_record(durable, key, tmp_path):
    account = durable.client("sts").get_caller_identity()["Account"]
    provider = PROVIDER.replace(ACCOUNT, account)
    settings = {
        "issuer": "https://idp.example.com/saml",
        "cert": certificate("idp", key),
        "key": private_pem(key),
        "acs": f"{durable.server.url}/saml",
        "users": json.loads(json.dumps(USERS).replace(ACCOUNT, account)),
    }
    with NodeProgram(tmp_path / "idp", "saml_idp.mjs", settings) as program:
        idp = program.ready["url"]
        document = urllib.request.urlopen(f"{idp}/metadata").read().decode()
        durable.client("iam").create_saml_provider(Name="corp", SAMLMetadataDocument=document)
        durable.role("reader", trusting({"Federated": provider}, "sts:AssumeRoleWithSAML"))
        good = response(idp, "one")
    forged = base64.b64encode(base64.b64decode(good).replace(b"one@example.com", b"eve@example.com")).decode()
    answer = post(durable, "/saml", {"SAMLResponse": forged})
    assert answer.status == 400
    assert "Response signature invalid" in answer.text
    assert post(durable, "/saml", {"SAMLResponse": good}).status == 303
    durable.server.terminate()
    text = (tmp_path / "data/audit/audit.jsonl").read_text()
    records = [record for record in map(json.loads, text.splitlines())]
    logins = [record for record in records if record["eventName"] == "ConsoleLogin"]
    assert [it["responseElements"] for it in logins] == [{"ConsoleLogin": "Failure"}, {"ConsoleLogin": "Success"}]
    assert logins[0]["requestID"] in answer.text
    assert logins[0]["additionalEventData"]["explanation"]
    assert {it["eventType"] for it in logins} == {"AwsConsoleSignIn"}
    assert logins[1]["userIdentity"]["arn"] == f"arn:aws:sts::{account}:assumed-role/reader/one@example.com"
    assumed = [record for record in records if record["eventName"] == "AssumeRoleWithSAML"]
    assert [it["userIdentity"]["type"] for it in assumed] == ["SAMLUser"]
    assert assumed[0]["requestParameters"]["sAMLAssertion"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    # Neither the assertion nor the credentials stand anywhere in it.
    assert good[:64] not in text and good[:64] not in durable.server.log_text()


def choice(locum, idp, name="two"):
    """The page with the roles: its state and its cookie."""
    answer = post(locum, "/saml", {"SAMLResponse": response(idp, name)})
    assert answer.status == 200
    return re.search(r'name="state" value="([^"]*)"', answer.text).group(1), answer.headers["set-cookie"].split(";")[0]


def test_a_choice_is_this_browsers_and_this_pages(locum, idp):
    state, cookie = choice(locum, idp)
    same = {"Sec-Fetch-Site": "same-origin"}
    other_state, other_cookie = choice(locum, idp)

    def chosen(fields, **headers):
        answer = post(locum, CHOICE, fields, **headers)
        if answer.status != 303:
            assert "locum-session" not in answer.headers.get("set-cookie", "")
        return answer.status

    fields = {"state": state, "role": "1"}
    # Another site's form; no cookie, as such a form would come without; another page's cookie.
    for site in ("cross-site", "same-site", "none"):
        assert chosen(fields, Cookie=cookie, **{"Sec-Fetch-Site": site}) == 403
    assert chosen(fields, **same) == 400
    assert chosen(fields, Cookie=other_cookie, **same) == 400
    assert chosen({"state": other_state, "role": "1"}, Cookie=cookie, **same) == 400
    # Roles that were not on the page.
    for role in ("2", "-1", "x", arn("reader"), ""):
        assert chosen({"state": state, "role": role}, Cookie=cookie, **same) == 400
    # Another step's ticket, and a state that somebody made up.
    assert chosen({"state": "AQ", "role": "0"}, Cookie=cookie, **same) == 400
    assert chosen(fields, Cookie=cookie, **same) == 303
    locum.advance(301)
    assert chosen(fields, Cookie=cookie, **same) == 400


def test_the_state_hides_what_was_proved(locum, idp):
    state, _ = choice(locum, idp)
    plain = base64.urlsafe_b64decode(state + "=" * (-len(state) % 4))
    assert b"Assertion" not in plain and b"reader" not in plain


def test_identity_providers_can_read_where_to_send_people(locum):
    answer = locum.server.send("GET", "/static/saml-metadata.xml")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/samlmetadata+xml; charset=utf-8")
    root = ElementTree.fromstring(answer.body)
    assert root.attrib["entityID"] == "urn:amazon:webservices"
    names = {"md": "urn:oasis:names:tc:SAML:2.0:metadata"}
    service = root.find(".//md:AssertionConsumerService", names)
    assert service.attrib["Location"] == f"{locum.server.url}/saml"
    assert service.attrib["Binding"] == "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
    wanted = {it.attrib["Name"] for it in root.iterfind(".//md:RequestedAttribute", names)}
    assert {f"{ATTRIBUTES}Role", f"{ATTRIBUTES}RoleSessionName"} <= wanted


@pytest.mark.parametrize("text", ["", "x", "%", "PHg+", "A" * 200_000])
def test_what_is_no_response_is_refused(locum, text):
    answer = post(locum, "/saml", {"SAMLResponse": text})
    assert answer.status == 400
    assert "set-cookie" not in answer.headers


def test_an_upload_to_a_bucket_of_that_name_is_none_of_it(locum):
    locum.client("s3").create_bucket(Bucket="saml")
    boundary = "x"
    body = f'--{boundary}\r\nContent-Disposition: form-data; name="key"\r\n\r\nk\r\n--{boundary}--\r\n'.encode()
    answer = locum.server.send("POST", "/saml", {"Content-Type": f"multipart/form-data; boundary={boundary}"}, body)
    assert answer.headers["content-type"] == "application/xml"
