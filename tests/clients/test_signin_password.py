"""Signing in as a user with a password, in a real browser."""

import concurrent.futures
import json
import urllib.parse

import pytest
from browser import Browser
from harness import ACCOUNT, Clock, Locum, Server, allow, wait_for
from test_mfa import Device
from test_signin_federation import FORM, NAVIGATION, PAGE, blocks, credentials_of

PASSWORD = "correct horse 9 Battery"


@pytest.fixture
def browser(tmp_path):
    with Browser(tmp_path / "browser") as browser:
        yield browser


@pytest.fixture
def alice(locum):
    iam = locum.client("iam")
    iam.create_account_alias(AccountAlias="acme")
    locum.user("alice", allow("s3:ListAllMyBuckets"))
    iam.create_login_profile(UserName="alice", Password=PASSWORD)
    return "alice"


def fill(browser, url, account="acme", user="alice", password=PASSWORD, code=None):
    """From the first page to whatever comes."""
    browser.goto(f"{url}/_locum/signin")
    browser.check_accessible()
    browser.fill("#account", account)
    browser.click("text=Next")
    browser.check_accessible()
    browser.fill("#username", user)
    browser.fill("#password", password)
    if code:
        browser.fill("#mfacode", code)
    return browser.click("text=Sign in >> nth=-1")


def test_a_person_gets_from_the_first_page_to_credentials_that_work(locum, alice, browser):
    seen = fill(browser, locum.server.url)
    assert (seen["url"], seen["title"]) == (locum.server.url + PAGE, "Your credentials - locum")
    browser.check_accessible()
    assert f"arn:aws:iam::{ACCOUNT}:user/alice" in browser.text()
    assert f"acme ({ACCOUNT})" in browser.text()
    found = credentials_of(browser.html())
    locum.client("s3", found).list_buckets()
    assert locum.client("sts", found).get_caller_identity()["Arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"
    # What is copied is what is shown.
    texts = blocks(browser.html())
    assert browser.text("#bash") == texts["bash"]
    browser.do("reload")
    assert credentials_of(browser.html()) == found
    seen = browser.click("text=Sign out")
    assert seen["title"] == "Signed out - locum"
    browser.check_accessible()
    assert browser.goto(locum.server.url + PAGE)["url"] == f"{locum.server.url}/_locum/signin"
    # No address of a page tells a secret, nor is any page's address told to another.
    for request in browser.do("requests"):
        assert found.secret not in request["url"] and found.token not in request["url"]
        assert PASSWORD not in urllib.parse.unquote_plus(request["url"])
        assert request["referer"] is None
    assert browser.do("complaints") == []
    assert found.secret not in locum.server.log_text()


def test_pages_work_by_keyboard_alone_and_without_scripts(locum, alice, tmp_path):
    with Browser(tmp_path / "browser", scripts=False) as browser:
        browser.goto(f"{locum.server.url}/_locum/signin?account=acme")
        browser.fill("#username", "alice")
        browser.fill("#password", PASSWORD)
        browser.do("press", key="Enter")
        seen = browser.do("waitFor", selector="#bash")
        assert seen["url"] == locum.server.url + PAGE
        browser.do("press", key="Tab")
        assert 'href="#main"' in browser.do("focused")


def test_wrong_is_wrong_whatever_it_was(locum, alice, browser):
    for wrong in ({"password": "x"}, {"user": "bob"}, {"account": "999999999999"}, {"account": "nobody"}):
        seen = fill(browser, locum.server.url, **wrong)
        assert seen["title"] == "You cannot be signed in - locum"
        assert browser.text(".sentence") == "Your authentication information is incorrect. Please try again."
    browser.check_accessible()
    assert browser.do("cookies") == []


def test_who_has_a_device_shows_it(locum, alice, browser):
    device = Device(locum)
    device.enable(locum, "alice")
    fill(browser, locum.server.url)
    assert browser.text(".sentence") == "A code of your MFA device is needed, too."
    fill(browser, locum.server.url, code="000000" if device.code() != "000000" else "000001")
    assert browser.text(".sentence") == "The code is not the one of your MFA device, or it was used."
    locum.advance(60)
    seen = fill(browser, locum.server.url, code=device.code())
    assert seen["url"] == locum.server.url + PAGE
    # The session is one with a device: without, it could not call IAM at all.
    found = credentials_of(browser.html())
    error = locum.client("iam", found).exceptions.ClientError
    with pytest.raises(error, match="not authorized to perform: iam:ListUsers"):
        locum.client("iam", found).list_users()


def test_a_password_that_must_be_changed_is_not_used(locum, alice, browser):
    locum.client("iam").update_login_profile(UserName="alice", PasswordResetRequired=True)
    fill(browser, locum.server.url)
    assert browser.text(".sentence") == "The password must be changed before it is used."


@pytest.mark.parametrize("site", ["cross-site", "same-site", "none"])
def test_no_other_site_signs_a_browser_in(locum, alice, site):
    form = urllib.parse.urlencode({"account": ACCOUNT, "username": "alice", "password": PASSWORD}).encode()
    headers = FORM | NAVIGATION | {"Sec-Fetch-Site": site}
    answer = locum.server.send("POST", "/_locum/signin/password", headers, form)
    assert answer.status == 403
    assert "set-cookie" not in answer.headers
    headers["Sec-Fetch-Site"] = "same-origin"
    assert locum.server.send("POST", "/_locum/signin/password", headers, form).status == 303


def test_what_is_typed_is_text(locum, browser):
    attack = "\"><img src=x onerror=alert(1)><script>alert(1)</script>"
    browser.goto(f"{locum.server.url}/_locum/signin?account={urllib.parse.quote(attack)}")
    assert browser.do("evaluate", script="document.querySelectorAll('img, script').length") == 0
    assert browser.do("evaluate", script="document.querySelector('#account').value") == attack
    assert browser.do("complaints") == []


@pytest.fixture
def guarded(tmp_path, monkeypatch):
    """A server where a user or a source may get four wrong, behind a proxy: sources are what that says."""
    clock = Clock()
    clock.install(monkeypatch)
    arguments = ["--data", str(tmp_path / "data"), "--account-id", ACCOUNT, "--limit-guesses", "4/36000"]
    with Server(tmp_path / "server", *arguments, "--behind-tls-proxy", ephemeral=False) as server:
        locum = Locum(server, clock)
        locum.user("alice", allow("s3:ListAllMyBuckets"))
        locum.client("iam").create_login_profile(UserName="alice", Password=PASSWORD)
        yield locum


def post(locum, source="192.0.2.1", password=PASSWORD, **more):
    form = {"account": ACCOUNT, "username": "alice", "password": password} | more
    headers = FORM | NAVIGATION | {"Sec-Fetch-Site": "same-origin", "X-Forwarded-For": source}
    return locum.server.send("POST", "/_locum/signin/password", headers, urllib.parse.urlencode(form).encode()).status


def test_many_passwords_at_once_are_no_more_than_one_after_the_other(guarded):
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda number: post(guarded, password=f"wrong {number}"), range(12)))
    assert sorted(answers) == [403] * 4 + [429] * 8
    assert post(guarded) == 429
    # Another spelling of the name is the same user, and another source is another's.
    assert post(guarded, username="ALICE") == 429
    assert post(guarded, source="192.0.2.2") == 303


def test_wrong_codes_count_wherever_they_come_from(guarded):
    device = Device(guarded)
    device.enable(guarded, "alice")
    right = [device.code(away) for away in range(-3, 9)]
    wrong = next(code for code in map("{:06}".format, range(20)) if code not in right)
    # A password that is right is not counted, and what is no code tells nothing of it.
    for number in range(6):
        assert post(guarded, source=f"192.0.2.{number}") == 403
        assert post(guarded, source="192.0.2.9", mfacode="12345") == 400
    for number in range(4):
        assert post(guarded, source=f"192.0.2.{10 + number}", mfacode=wrong) == 403
    assert post(guarded, source="192.0.2.20", mfacode=device.code(1)) == 429


def test_the_record_tells_whose_password_was_right_and_what_was_wrong(guarded):
    device = Device(guarded)
    device.enable(guarded, "alice")
    assert [post(guarded, password="x"), post(guarded), post(guarded, username="secret")] == [403, 403, 403]

    def failed():
        lines = (guarded.server.folder.parent / "data" / "audit" / "audit.jsonl").read_text().splitlines()
        found = [record for record in map(json.loads, lines) if record["eventName"] == "ConsoleLogin"]
        return len(found) >= 3 and found

    records = wait_for(failed, "three records")
    told = [(record["requestParameters"], record["additionalEventData"]["explanation"]) for record in records]
    wrong = ({"account": ACCOUNT}, ["the account, the user or the password is not right"])
    needed = "the password is right, and no code of an MFA device was given"
    assert told == [wrong, ({"account": ACCOUNT, "userName": "alice"}, [needed]), wrong]
