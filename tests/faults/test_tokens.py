"""Session tokens in the hands of who would like another one: cut, spliced, and used with what is not theirs.

A token is `version, key, nonce, sealed body with its tag`. Every piece is taken from sessions that are good, so
that only its being in the wrong place is wrong.
"""

import base64
import itertools
import subprocess

import pytest
from harness import (
    ACCOUNT,
    BINARY,
    ROOT_CREDENTIALS,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    policy,
    root_of,
    wait_for,
)

IDENTITY = {"Action": "GetCallerIdentity"}
BROKEN = (403, "InvalidClientTokenId", "The security token included in the request is invalid")
UNKNOWN = (403, "InvalidClientTokenId", "The security token included in the request is invalid.")
MALFORMED_AT_S3 = (400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
HEAD, NONCE, TAG = 2, 12, 16


def raw(token):
    return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))


def text(pieces):
    return base64.urlsafe_b64encode(b"".join(pieces)).decode().rstrip("=")


def pieces(token):
    """Head, nonce, body and tag."""
    whole = raw(token)
    body = HEAD + NONCE
    return whole[:HEAD], whole[HEAD:body], whole[body:-TAG], whole[-TAG:]


def ask(locum, id, secret, token):
    return locum.form("sts", IDENTITY, Credentials(id, secret, token))


@pytest.fixture
def pair(locum):
    """A session that may everything, and one of the same role, issued in the same moment, that may nothing."""
    user = locum.user("user", allow("sts:AssumeRole"))
    role = locum.role("role", root_of(ACCOUNT), allow("*"))
    nothing = policy({"Effect": "Deny", "Action": "*", "Resource": "*"})
    strong = locum.assume(user, role)
    weak = locum.assume(user, role, Policy=nothing)
    # Of one length, so that no splice is betrayed by that.
    size = max(len(strong.token), len(weak.token)) + 16
    size += -size % 4
    strong = locum.assume(user, role, MinimumSessionTokenSize=size)
    weak = locum.assume(user, role, Policy=nothing, MinimumSessionTokenSize=size)
    assert len(strong.token) == len(weak.token) == size
    return strong, weak


def test_splices(locum, pair):
    """Each piece of either, in every combination, with either's key id and secret."""
    strong, weak = pair
    own = {session.token: session for session in pair}
    parts = list(zip(pieces(strong.token), pieces(weak.token), strict=True))
    tokens = {text(chosen) for chosen in itertools.product(*parts)}
    # The heads are the same: eight tokens, of which two are whole.
    assert len(tokens) == 8 and set(own) <= tokens
    for token in sorted(tokens):
        for id, secret in itertools.product((strong.id, weak.id), (strong.secret, weak.secret)):
            answer = ask(locum, id, secret, token)
            whole = own.get(token)
            if whole is None or whole.id != id:
                assert answer.error() == BROKEN
            elif whole.secret != secret:
                assert answer.error()[:2] == (403, "SignatureDoesNotMatch")
            else:
                assert answer.status == 200


def test_splices_within_the_body(locum, pair):
    """Blocks of one body in the other's place, twice, left out, or turned about."""
    strong, weak = pair
    head, nonce, body, tag = pieces(weak.token)
    other = pieces(strong.token)[2]
    forged = []
    for start in range(0, len(body), 16):
        end = start + 16
        forged += [
            (head, nonce, body[:start], other[start:end], body[end:], tag),
            (head, nonce, body[:end], body[start:], tag),
            (head, nonce, body[:start], body[end:], tag),
            (head, nonce, body[start:], body[:start], tag) if start else (head, nonce, other, tag),
        ]
    for chosen in forged:
        assert ask(locum, weak.id, weak.secret, text(chosen)).error() == BROKEN
    assert ask(locum, weak.id, weak.secret, weak.token).status == 200


def test_padding_cannot_be_cut_off_or_added(locum):
    """Padding is under the seal like all else."""
    role = locum.role("role", root_of(ACCOUNT))
    session = locum.assume(locum.user("user", allow("sts:AssumeRole")), role, MinimumSessionTokenSize=400)
    head, nonce, body, tag = pieces(session.token)
    assert len(session.token) == 400
    for length in range(len(body)):
        chosen = (head, nonce, body[:length], tag)
        assert ask(locum, session.id, session.secret, text(chosen)).error() == BROKEN
    for more in (b"\0", bytes(16), b"\xff" + bytes(15)):
        for chosen in ((head, nonce, body, more, tag), (head, nonce, body, tag, more), (head, nonce, more, body, tag)):
            assert ask(locum, session.id, session.secret, text(chosen)).error() == BROKEN
    assert ask(locum, session.id, session.secret, session.token).status == 200


def test_cuts(locum, pair):
    """At every character, from the front and from the back, and in every service's own words."""
    strong, _ = pair
    for length in range(1, len(strong.token)):
        for token in (strong.token[:length], strong.token[length:]):
            assert ask(locum, strong.id, strong.secret, token).error() == BROKEN, length
    cut = Credentials(strong.id, strong.secret, strong.token[:-4])
    answer = locum.server.send("GET", "/", locum.sign("s3", "GET", "/", credentials=cut))
    assert answer.error() == MALFORMED_AT_S3
    assert locum.form("iam", {"Action": "ListUsers"}, cut).error() == BROKEN


def test_another_key_id(locum, pair):
    """A token belongs to its key id, and to none that differs in one character or in its account."""
    strong, _ = pair
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
    for place in range(4, 20):
        other = alphabet[(alphabet.index(strong.id[place]) + 1) % 32]
        id = strong.id[:place] + other + strong.id[place + 1 :]
        assert ask(locum, id, strong.secret, strong.token).error() in (BROKEN, UNKNOWN), id
    for id in (strong.id.lower(), f"AKIA{strong.id[4:]}", strong.id[:-1], f"{strong.id}A", ROOT_CREDENTIALS.id):
        assert ask(locum, id, strong.secret, strong.token).error() in (BROKEN, UNKNOWN), id
    # Nor does the root user's own key take a token.
    assert ask(locum, ROOT_CREDENTIALS.id, ROOT_CREDENTIALS.secret, strong.token).error() in (BROKEN, UNKNOWN)


def test_another_accounts_secret(locum, pair):
    """Whoever runs a member account has sessions there, and gets nowhere with them here."""
    strong, _ = pair
    _, admin = locum.account("other")
    theirs = locum.assume(admin, locum.role("role", admin_trust(locum, admin), allow("*"), credentials=admin))
    user = locum.user("mallory", allow("*"), credentials=admin)
    own = Credentials.of(locum.client("sts", user).get_session_token())
    for secret in (theirs.secret, own.secret, user.secret, admin.secret):
        assert ask(locum, strong.id, secret, strong.token).error()[:2] == (403, "SignatureDoesNotMatch")
    for session in (theirs, own):
        for id, secret, token in (
            (session.id, session.secret, strong.token),
            (session.id, strong.secret, strong.token),
            (strong.id, session.secret, session.token),
            (strong.id, strong.secret, session.token),
        ):
            assert ask(locum, id, secret, token).error() == BROKEN
        # The account that a key id tells of, changed to another's.
        moved = session.id[:4] + strong.id[4:13] + session.id[13:]
        assert ask(locum, moved, session.secret, session.token).error() in (BROKEN, UNKNOWN)
    assert ask(locum, theirs.id, theirs.secret, theirs.token).status == 200


def admin_trust(locum, admin):
    return root_of(locum.client("sts", admin).get_caller_identity()["Account"])


def test_a_token_put_into_a_signed_url(locum, pair):
    """The token is under the signature: of a URL that is handed on, nobody makes another session's."""
    strong, weak = pair
    url = locum.client("sts", weak).generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    target = url.removeprefix(locum.server.url)
    assert locum.server.send("GET", target).status == 200
    assert weak.token in target
    assert locum.server.send("GET", target.replace(weak.token, strong.token)).error() == BROKEN
    both = target.replace(weak.token, strong.token).replace(weak.id, strong.id)
    assert locum.server.send("GET", both).error()[:2] == (403, "SignatureDoesNotMatch")
    # A second one beside it is not under the signature either.
    twice = locum.server.send("GET", f"{target}&X-Amz-Security-Token={strong.token}")
    assert twice.error()[:2] == (403, "SignatureDoesNotMatch")
    # And a header adds nothing to what the URL may.
    url = locum.client("iam", weak).generate_presigned_url("list_users", ExpiresIn=60, HttpMethod="GET")
    target = url.removeprefix(locum.server.url)
    denied = locum.server.send("GET", target).error()
    assert denied[:2] == (403, "AccessDenied") and "explicit deny in a session policy" in denied[2]
    assert locum.server.send("GET", target, {"X-Amz-Security-Token": strong.token}).error() == denied


def test_other_sealed_things_are_no_tokens(locum, pair):
    """Authorization messages are sealed by the same keyring, and open no door."""
    strong, _ = pair
    nobody = locum.user("nobody")
    refusal = locum.form("iam", {"Action": "ListUsers"}, nobody)
    message = refusal.value("EncodedAuthorizationMessage")
    assert len(message) > 100
    for token in (message, text([raw(strong.token)[:HEAD], raw(message)[HEAD:]])):
        assert ask(locum, strong.id, strong.secret, token).error() == BROKEN


def keyring(data, *arguments):
    command = [str(BINARY), "keyring", *arguments, "--data", str(data)]
    environment = base_environment(data.parent)
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.fixture
def lenient(tmp_path, monkeypatch):
    """A server on a data directory that holds up nobody who fails."""
    clock = Clock()
    clock.install(monkeypatch)
    off = {"LOCUM_LIMIT_KEY_FAILURES": "off", "LOCUM_LIMIT_SOURCE_FAILURES": "off"}
    data = ["--data", str(tmp_path / "data")]
    with Server(tmp_path / "server", *data, ephemeral=False, environment=off) as server:
        yield Locum(server, clock)


def test_under_an_old_and_a_retired_key(lenient, tmp_path):
    """Sealed before the rotation, a token is as good as ever and no easier to put together; once its key is
    retired no head makes it good again."""
    user = lenient.user("user", allow("sts:AssumeRole"))
    role = lenient.role("role", root_of(lenient.client("sts").get_caller_identity()["Account"]), allow("*"))
    old = lenient.assume(user, role)
    keyring(tmp_path / "data", "rotate")

    def minted():
        session = lenient.assume(user, role)
        return raw(session.token)[1] != raw(old.token)[1] and session

    new = wait_for(minted, "a session under the new key")
    own = {session.token: session for session in (old, new)}
    parts = list(zip(pieces(old.token), pieces(new.token), strict=True))
    tokens = {text(chosen) for chosen in itertools.product(*parts)}
    assert len(tokens) == 16

    def check(good):
        for token in sorted(tokens):
            for session in (old, new):
                answer = ask(lenient, session.id, session.secret, token)
                if own.get(token) is session and session in good:
                    assert answer.status == 200
                else:
                    assert answer.error() == BROKEN

    check([old, new])
    keyring(tmp_path / "data", "retire", str(raw(old.token)[1]), "--at-once")
    wait_for(lambda: ask(lenient, old.id, old.secret, old.token).status != 200, "the key to be gone")
    check([new])
