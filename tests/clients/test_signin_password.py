"""Signing in as a user with a password, in a real browser."""

import urllib.parse

import pytest
from browser import Browser
from harness import ACCOUNT, allow
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
