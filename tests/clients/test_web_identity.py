"""AssumeRoleWithWebIdentity, against a provider that signs anything."""

import concurrent.futures
import json
import time

import pytest
from harness import (
    ACCOUNT,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    not_authorized,
    refused,
    validation,
    wait_for,
)
from openid import Provider, SigningKey, encoded

ACTION = "sts:AssumeRoleWithWebIdentity"
DENIED = ("AccessDenied", f"Not authorized to perform {ACTION}")
INVALID = "InvalidIdentityToken"
NOT_VALID = (
    "The web identity token that was passed could not be validated by Amazon Web Services. Get a new identity "
    "token from the identity provider and then retry the request."
)
NO_JWT = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)"
NO_KEY = (
    "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity "
    "documentation for requirements"
)
UNREACHABLE = (
    "The request could not be fulfilled because the identity provider (IDP) that was asked to verify the incoming "
    "identity token could not be reached."
)
WRONG_AUDIENCE = "Incorrect token audience"
TAGS = "https://aws.amazon.com/tags"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server that takes providers on loopback without TLS."""
    with Server(tmp_path_factory.mktemp("plain"), "--idp-plain-http-on-loopback") as server:
        yield server


@pytest.fixture
def locum(server, monkeypatch):
    server.reset()
    clock = Clock()
    clock.install(monkeypatch)
    yield Locum(server, clock)
    assert server.is_well()


@pytest.fixture
def provider(locum):
    with Provider(host="127.0.0.1", tls=False, clock=locum.clock) as provider:
        register(locum, provider)
        yield provider


def arn(provider):
    return f"arn:aws:iam::{ACCOUNT}:oidc-provider/{provider.url}"


def register(locum, provider, *clients):
    iam = locum.client("iam")
    made = iam.create_open_id_connect_provider(Url=provider.issuer, ClientIDList=list(clients or ["client-1"]))
    assert made["OpenIDConnectProviderArn"] == arn(provider)
    return arn(provider)


def trust(provider, condition=None, actions=ACTION, effect="Allow"):
    statement = {"Effect": effect, "Principal": {"Federated": arn(provider)}, "Action": actions}
    return statement | ({"Condition": condition} if condition else {})


def login(locum, role, token, session="session", **options):
    sts = locum.client("sts", None)
    return sts.assume_role_with_web_identity(RoleArn=role, RoleSessionName=session, WebIdentityToken=token, **options)


def test_a_login(locum, provider):
    role = locum.role("worker", trust(provider), allow("s3:ListAllMyBuckets"), Path="/team/")
    answer = login(locum, role, provider.token(), "alice")
    assert {name: value for name, value in answer.items() if name not in ("Credentials", "ResponseMetadata")} == {
        "SubjectFromWebIdentityToken": "user-1",
        "AssumedRoleUser": {
            "AssumedRoleId": locum.client("iam").get_role(RoleName="worker")["Role"]["RoleId"] + ":alice",
            "Arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/alice",
        },
        "Provider": arn(provider),
        "Audience": "client-1",
    } | {name: answer[name] for name in ("SessionTokenUtilization", "SessionTokenSize") if name in answer}
    session = Credentials.of(answer)
    assert locum.client("s3", session).list_buckets()["Buckets"] == []
    identity = locum.client("sts", session).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/alice"
    # How long the token is good for is no limit of the session.
    left = answer["Credentials"]["Expiration"].timestamp() - provider.now()
    assert 3500 < left <= 3601
    # A signature that comes with it is not looked at, nor credentials that are.
    form = {"Action": "AssumeRoleWithWebIdentity", "Version": "2011-06-15", "RoleArn": role, "RoleSessionName": "bob"}
    signed = locum.form("sts", form | {"WebIdentityToken": provider.token()}, Credentials("AKIAIOSFODNN7EXAMPLE", "x" * 40))
    assert signed.status == 200


@pytest.mark.parametrize("algorithm", ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512"])
def test_each_algorithm(locum, provider, algorithm):
    provider.keys.append(SigningKey("another", algorithm))
    role = locum.role("worker", trust(provider))
    assert login(locum, role, provider.token())["Audience"] == "client-1"


def test_what_attackers_make_of_tokens(locum, provider):
    role = locum.role("worker", trust(provider))
    good = provider.token()
    login(locum, role, good)
    (own,), stranger = provider.keys, SigningKey("first")
    header, claims, signature = good.split(".")
    now = provider.now()
    bumped = encoded(provider.claims(sub="root"))
    twice = encoded(json.dumps(provider.claims())[:-1] + ', "sub": "root"}')
    for name, token, message in [
        ("of another key", provider.token(stranger), NOT_VALID),
        ("claims changed", f"{header}.{bumped}.{signature}", NOT_VALID),
        ("signature cut off", f"{header}.{claims}.", NOT_VALID),
        ("algorithm none", provider.token(header={"alg": "none"}), NOT_VALID),
        ("algorithm None", f"{encoded({'alg': 'None', 'kid': 'first'})}.{claims}.{signature}", NOT_VALID),
        ("public key as a secret", provider.token(header={"alg": "HS256"}), NOT_VALID),
        ("unknown algorithm", provider.token(header={"alg": "PS256"}), NOT_VALID),
        ("key in the header", provider.token(stranger, header={"jwk": stranger.jwk()}), NOT_VALID),
        ("key by reference", provider.token(stranger, header={"jku": f"{provider.issuer}/evil"}), NOT_VALID),
        ("critical extension", provider.token(header={"crit": ["exp"]}), NOT_VALID),
        ("for another purpose", provider.token(header={"typ": "logout+jwt"}), NOT_VALID),
        ("key id injected", provider.token(header={"kid": "../../../dev/null"}), NO_KEY),
        ("key id injected for SQL", provider.token(header={"kid": "first' OR '1'='1"}), NO_KEY),
        ("claims twice", sign_raw(own, header, twice), NO_JWT),
        ("no JWT", "an-opaque-access-token", NO_JWT),
        ("cut", good.rsplit(".", 1)[0], NO_JWT),
        ("padded", good + "==", NO_JWT),
        ("encrypted", ".".join([header] * 5), NO_JWT),
        ("not JSON", sign_raw(own, header, encoded("claims")), NO_JWT),
        ("no issuer", provider.token(iss=...), "Missing a required claim: iss"),
        ("no subject", provider.token(sub=...), "Missing a required claim: sub"),
        ("no audience", provider.token(aud=...), "Missing a required claim: aud"),
        ("no expiry", provider.token(exp=...), "Missing a required claim: exp"),
        ("no issue", provider.token(iat=...), "Missing a required claim: iat"),
        ("from the future", provider.token(iat=now + 1000, exp=now + 2000), NOT_VALID),
        ("not yet valid", provider.token(nbf=now + 1000), NOT_VALID),
        ("fractional date", provider.token(exp=now + 600.5), NOT_VALID),
        ("another audience", provider.token(aud="client-2"), WRONG_AUDIENCE),
        ("audience in other letters", provider.token(aud="Client-1"), WRONG_AUDIENCE),
        ("several audiences", provider.token(aud=["client-1", "client-2"]), WRONG_AUDIENCE),
        ("another party", provider.token(azp="client-2"), WRONG_AUDIENCE),
        ("claims alike", provider.token(Sub="root"), NOT_VALID),
    ]:
        try:
            refused(lambda: login(locum, role, token), INVALID, message, 400)
        except BaseException as failed:
            raise AssertionError(name) from failed
    for issuer in ["https://evil.example", provider.issuer + "/", provider.issuer.upper(), "https" + provider.issuer[4:]]:
        text = f"No OpenIDConnect provider found in your account for {issuer}"
        refused(lambda: login(locum, role, provider.token(iss=issuer)), INVALID, text, 400)
    answer = refused_code(lambda: login(locum, role, provider.token(exp=now - 400)), "ExpiredTokenException", 400)
    assert answer.startswith("Token expired: current date/time ")
    assert answer.endswith(f" must be before the expiration date/time {now - 400}")
    # Five minutes are tolerated.
    login(locum, role, provider.token(iat=now + 200, exp=now - 200))
    # The keys that a header named were not asked for.
    assert provider.asked("/evil") == 0


def sign_raw(key, header, claims):
    message = f"{header}.{claims}"
    return f"{message}.{encoded(key.sign(message.encode(), 'RS256'))}"


def refused_code(call, code, status):
    """The message of a refusal that has the time in it."""
    import botocore.exceptions

    with pytest.raises(botocore.exceptions.ClientError) as caught:
        call()
    answer = caught.value.response
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]) == (status, code)
    return answer["Error"]["Message"]


def test_parameters(locum, provider):
    role = locum.role("worker", trust(provider), MaxSessionDuration=7200)
    token = provider.token()
    clause = "failed to satisfy constraint: Member must have length"
    refused(
        lambda: login(locum, role, "x" * 20001),
        "ValidationError",
        validation(f"Value at 'webIdentityToken' {clause} less than or equal to 20000"),
        400,
    )
    refused(
        lambda: login(locum, role, "abc"),
        "ValidationError",
        validation(f"Value at 'webIdentityToken' {clause} greater than or equal to 4"),
        400,
    )
    exceeded = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    refused(lambda: login(locum, role, token, DurationSeconds=7201), "ValidationError", exceeded, 400)
    answer = login(locum, role, token, DurationSeconds=7200)
    assert 7100 < answer["Credentials"]["Expiration"].timestamp() - provider.now() <= 7201
    # Tokens that only their provider can read are another's.
    refused(lambda: login(locum, role, token, ProviderId="idp.example"), *DENIED)
    text = "Provided Token is not a Login With Amazon token"
    refused(lambda: login(locum, role, token, ProviderId="www.amazon.com"), INVALID, text, 400)
    text = "The identity provider rejected the token."
    refused(lambda: login(locum, role, token, ProviderId="graph.facebook.com"), "IDPRejectedClaim", text)
    # A role that is not there is refused like one that does not trust.
    missing = f"arn:aws:iam::{ACCOUNT}:role/missing"
    refused(lambda: login(locum, missing, token), *DENIED)
    refused(lambda: login(locum, role.replace("role/", "role/path/"), token), *DENIED)
    text = f"No OpenIDConnect provider found in your account for {provider.issuer}"
    refused(lambda: login(locum, "arn:aws:iam::999999999999:role/worker", token), INVALID, text, 400)
    refused(lambda: login(locum, "arn:aws:iam::x:role/worker/aaaaaaa", token), *DENIED)
    refused(lambda: login(locum, "not-an-arn-but-long-enough", token), "ValidationError", "not-an-arn-but-long-enough is invalid", 400)
    # Session policies limit the session.
    reader = locum.role("reader", trust(provider), allow("s3:*"))
    none = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": "*"}]})
    session = Credentials.of(login(locum, reader, token, Policy=none))
    with pytest.raises(Exception, match="AccessDenied"):
        locum.client("s3", session).list_buckets()


def test_trust_policies_of_real_providers(locum, provider):
    """Conditions as people write them for GitHub, Google, Kubernetes."""
    key = provider.url
    github = locum.role(
        "github",
        trust(
            provider,
            {
                "StringEquals": {f"{key}:aud": "client-1", f"{key}:repository_owner": "octo-org"},
                "StringLike": {f"{key}:sub": "repo:octo-org/octo-repo:*"},
            },
        ),
    )
    claims = {"sub": "repo:octo-org/octo-repo:ref:refs/heads/main", "repository_owner": "octo-org"}
    assert login(locum, github, provider.token(**claims))["SubjectFromWebIdentityToken"] == claims["sub"]
    for wrong in [
        {"sub": "repo:octo-org/other:ref:refs/heads/main"},
        {"sub": "repo:Octo-org/octo-repo:ref:refs/heads/main"},
        {"repository_owner": "evil"},
        {"repository_owner": ["octo-org"]} | {"sub": "x"},
    ]:
        refused(lambda: login(locum, github, provider.token(**claims | wrong)), *DENIED)
    kubernetes = locum.role(
        "kubernetes",
        trust(
            provider,
            {
                "StringEquals": {
                    f"{key}:sub": "system:serviceaccount:prod:web",
                    f"{key}:kubernetes.io/serviceaccount/name": "web",
                }
            },
        ),
    )
    claims = {
        "sub": "system:serviceaccount:prod:web",
        "kubernetes.io": {"namespace": "prod", "serviceaccount": {"name": "web", "uid": "1"}},
    }
    login(locum, kubernetes, provider.token(aud=["client-1"], **claims))
    refused(lambda: login(locum, kubernetes, provider.token(sub="system:serviceaccount:dev:web")), *DENIED)
    # Who the token was issued to decides; whom it is for is `oaud`.
    google = locum.role("google", trust(provider, {"StringEquals": {f"{key}:aud": "client-1", f"{key}:oaud": "api"}}))
    answer = login(locum, google, provider.token(aud="api", azp="client-1"))
    assert answer["Audience"] == "client-1"
    refused(lambda: login(locum, google, provider.token(aud="other", azp="client-1")), *DENIED)
    refused(lambda: login(locum, google, provider.token()), *DENIED)
    refused(lambda: login(locum, google, provider.token(oaud="api")), *DENIED)
    # How somebody signed in has several values.
    mfa = locum.role("mfa", trust(provider, {"ForAnyValue:StringEquals": {f"{key}:amr": "mfa"}}))
    login(locum, mfa, provider.token(amr=["pwd", "mfa"]))
    refused(lambda: login(locum, mfa, provider.token(amr=["pwd"])), *DENIED)
    # An explicit denial wins; everybody (`AWS: *`) is nobody here.
    denied = locum.role("denied", trust(provider))
    locum.client("iam").update_assume_role_policy(
        RoleName="denied",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [trust(provider), trust(provider, {"StringLike": {f"{key}:sub": "user-*"}}, effect="Deny")],
            }
        ),
    )
    refused(lambda: login(locum, denied, provider.token()), *DENIED)
    login(locum, denied, provider.token(sub="admin"))
    star = locum.role("star", {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": ACTION})
    refused(lambda: login(locum, star, provider.token()), *DENIED)


def test_claims_stay_in_the_session(locum, provider):
    role = locum.role(
        "worker",
        trust(provider),
        allow("iam:GetUser", Condition={"StringEquals": {f"{provider.url}:sub": "user-1", "aws:FederatedProvider": arn(provider)}}),
    )
    locum.client("iam").create_user(UserName="alice")
    mine = Credentials.of(login(locum, role, provider.token()))
    assert locum.client("iam", mine).get_user(UserName="alice")["User"]["UserName"] == "alice"
    other = Credentials.of(login(locum, role, provider.token(sub="user-2")))
    user = f"arn:aws:iam::{ACCOUNT}:user/alice"
    session = f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session"
    because = "because no identity-based policy allows the iam:GetUser action"
    refused(
        lambda: locum.client("iam", other).get_user(UserName="alice"),
        "AccessDenied",
        not_authorized(session, "iam:GetUser", user, because),
    )


def test_tags_from_claims_decide_about_objects(locum, provider):
    """ABAC: each team's sessions reach their own folder."""
    s3 = locum.client("s3")
    s3.create_bucket(Bucket="shared")
    for team in ("red", "blue"):
        s3.put_object(Bucket="shared", Key=f"{team}/a", Body=team.encode())
    mine = "arn:aws:s3:::shared/${aws:PrincipalTag/team}/*"
    tagging = [ACTION, "sts:TagSession"]
    role = locum.role("worker", trust(provider, actions=tagging), allow("s3:GetObject", mine))
    nested = {TAGS: {"principal_tags": {"team": ["red"], "cost": ["7"]}, "transitive_tag_keys": ["team"]}}
    flat = {f"{TAGS}/principal_tags/team": "red", f"{TAGS}/transitive_tag_keys": ["team"]}
    for claims in (nested, flat):
        answer = login(locum, role, provider.token(**claims))
        assert answer["PackedPolicySize"] > 0
        session = locum.client("s3", Credentials.of(answer))
        assert session.get_object(Bucket="shared", Key="red/a")["Body"].read() == b"red"
        with pytest.raises(Exception, match="AccessDenied"):
            session.get_object(Bucket="shared", Key="blue/a")
    untagged = locum.client("s3", Credentials.of(login(locum, role, provider.token())))
    with pytest.raises(Exception, match="AccessDenied"):
        untagged.get_object(Bucket="shared", Key="red/a")
    # Passing tags is an action of its own.
    strict = locum.role("strict", trust(provider))
    login(locum, strict, provider.token())
    for claims in (nested, flat):
        refused(
            lambda: login(locum, strict, provider.token(**claims)), "AccessDenied", "Not authorized to perform sts:TagSession"
        )
    only_red = locum.role(
        "red", trust(provider, {"StringEquals": {"aws:RequestTag/team": "red"}}, tagging), allow("s3:GetObject", mine)
    )
    login(locum, only_red, provider.token(**nested))
    blue = {TAGS: {"principal_tags": {"team": ["blue"]}}}
    refused(lambda: login(locum, only_red, provider.token(**blue)), *DENIED)
    # What is not as it must be.
    for wrong in [
        {TAGS: ["team"]},
        {TAGS: {"principal_tags": ["team"]}},
        {TAGS: {"principal_tags": {"team": "red"}}},
        {TAGS: {"principal_tags": {"team": []}}},
        {TAGS: {"principal_tags": {"team": ["red", "blue"]}}},
        {TAGS: {"principal_tags": {"team": [7]}}},
        {TAGS: {"principal_tags": {"te*am": ["red"]}}},
        {TAGS: {"principal_tags": {"team": ["red"]}, "transitive_tag_keys": "team"}},
        {f"{TAGS}/principal_tags/team": ["red"]},
        {f"{TAGS}/principal_tags/team": "x" * 257},
    ]:
        refused(lambda: login(locum, role, provider.token(**wrong)), INVALID, NOT_VALID, 400)
    twice = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    both = nested | {f"{TAGS}/principal_tags/TEAM": "blue"}
    refused(lambda: login(locum, role, provider.token(**both)), "InvalidParameterValue", twice, 400)
    missing = "The specified transitive tag key must be included in the requested tags."
    unknown = {TAGS: {"principal_tags": {"team": ["red"]}, "transitive_tag_keys": ["other"]}}
    refused(lambda: login(locum, role, provider.token(**unknown)), "InvalidParameterValue", missing, 400)


def test_source_identity_and_roles_of_the_provider(locum, provider):
    name = "https://aws.amazon.com/source_identity"
    role = locum.role("worker", trust(provider, actions=[ACTION, "sts:SetSourceIdentity"]))
    assert login(locum, role, provider.token(**{name: "alice"}))["SourceIdentity"] == "alice"
    strict = locum.role("strict", trust(provider))
    text = "Not authorized to perform sts:SetSourceIdentity"
    refused(lambda: login(locum, strict, provider.token(**{name: "alice"})), "AccessDenied", text)
    text = 'Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"'
    for wrong in ["a", "a b", "aws:alice", 7, ["alice"]]:
        refused(lambda: login(locum, role, provider.token(**{name: wrong})), INVALID, text, 400)
    roles = "https://aws.amazon.com/roles"
    authorized = locum.role("authorized", trust(provider, {"Bool": {"sts:RoleAuthorizedByIdp": "true"}}))
    for good in ([role, authorized], f"{role};{authorized}", authorized):
        login(locum, authorized, provider.token(**{roles: good}))
    for absent in ({}, {roles: None}):
        refused(lambda: login(locum, authorized, provider.token(**absent)), *DENIED)
    for wrong in (role, [], "", f"{authorized}x", [7], {"a": authorized}, authorized.upper()):
        refused(lambda: login(locum, authorized, provider.token(**{roles: wrong})), INVALID, NOT_VALID, 400)


def test_keys_are_rotated_while_logins_go_on(locum, provider):
    role = locum.role("worker", trust(provider))
    login(locum, role, provider.token())
    assert provider.asked("/keys") == 1
    stop = time.monotonic() + 30
    fresh = SigningKey("second", "ES256")

    def logins(number):
        done = 0
        while done < 15:
            key = provider.keys[-1] if number % 2 else provider.keys[0]
            login(locum, role, provider.token(key), f"session-{number}-{done}")
            done += 1
            if number == 0 and done == 5:
                # Published, and used at once.
                provider.keys.append(fresh)
            assert time.monotonic() < stop
        return done

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        assert list(pool.map(logins, range(6))) == [15] * 6
    # The new key's first token asked once, whoever brought it.
    assert provider.asked("/keys") == 2
    # What is not published any more is not good any more, once that was seen.
    old = provider.keys.pop(0)
    locum.advance(301)
    wait_for(lambda: provider.asked("/keys") == 3, "the keys to be fetched ahead of time")
    wait_for(lambda: fails(locum, role, provider.token(old)), "the old key to be gone")
    refused(lambda: login(locum, role, provider.token(old)), INVALID, NO_KEY, 400)
    login(locum, role, provider.token())


def fails(locum, role, token):
    try:
        login(locum, role, token)
    except Exception:
        return True
    return False


def test_a_flood_of_unknown_keys_asks_once(locum, provider):
    role = locum.role("worker", trust(provider))
    login(locum, role, provider.token())
    for number in range(40):
        token = provider.token(SigningKey("x", "ES256"), header={"kid": f"unknown-{number}"})
        refused(lambda: login(locum, role, token), INVALID, NO_KEY, 400)
    assert provider.asked("/keys") == 2
    locum.advance(11)
    token = provider.token(header={"kid": "unknown"})
    refused(lambda: login(locum, role, token), INVALID, NO_KEY, 400)
    assert provider.asked("/keys") == 3


def test_the_provider_is_stopped_and_started(locum, provider):
    role = locum.role("worker", trust(provider))
    provider.stop()
    refused(lambda: login(locum, role, provider.token()), "IDPCommunicationError", UNREACHABLE, 400)
    provider.start()
    locum.advance(6)
    login(locum, role, provider.token())
    provider.stop()
    # Logins whose keys are known go on, for a day.
    for hours in range(5):
        login(locum, role, provider.token(), f"hour-{hours}")
        locum.advance(4 * 3600)
    unknown = provider.token(header={"kid": "new"})
    refused(lambda: login(locum, role, unknown), "IDPCommunicationError", UNREACHABLE, 400)
    locum.advance(86400)
    refused(lambda: login(locum, role, provider.token()), "IDPCommunicationError", UNREACHABLE, 400)
    provider.start()
    locum.advance(6)
    login(locum, role, provider.token())


def test_what_a_provider_may_not_say(locum, provider):
    role = locum.role("worker", trust(provider))
    configuration, keys = "/.well-known/openid-configuration", "/keys"
    other = Provider(host="127.0.0.1", tls=False)
    other.keys = provider.keys
    redirect = {"Location": "/elsewhere", "Content-Length": 0}
    with other:
        for name, setting in [
            ("another issuer", {"configuration": {"issuer": f"{provider.issuer}/"}}),
            ("no keys", {"configuration": {"jwks_uri": None}}),
            ("keys without TLS", {"configuration": {"jwks_uri": "http://idp.example/keys"}}),
            ("keys in a file", {"configuration": {"jwks_uri": "file:///etc/passwd"}}),
            ("keys inside", {"configuration": {"jwks_uri": "https://169.254.169.254/latest/meta-data"}}),
            ("keys on loopback", {"configuration": {"jwks_uri": f"https://127.0.0.1:{other.port}/keys"}}),
            ("not found", {"answers": {keys: (404, {}, b"{}")}}),
            ("no JSON", {"answers": {keys: (200, {}, b"<html>")}}),
            ("twice", {"answers": {keys: (200, {}, b'{"keys":[],"keys":[]}')}}),
            ("too long", {"answers": {keys: (200, {}, b" " * 600_000)}}),
            ("elsewhere", {"answers": {keys: (302, {"Location": f"http://localhost:{other.port}/keys"}, b"")}}),
            ("in a circle", {"answers": {keys: (302, {"Location": keys}, b"")}}),
        ]:
            provider.configuration, provider.answers = setting.get("configuration", {}), setting.get("answers", {})
            locum.advance(6)
            try:
                refused(lambda: login(locum, role, provider.token()), INVALID, NO_KEY, 400)
            except BaseException as failed:
                raise AssertionError(name) from failed
        assert other.requests == []
    provider.configuration = {}
    for name, answer in [("down", (503, {}, b"")), ("busy", (429, {}, b"")), ("compressed", (200, {"Content-Encoding": "gzip"}, b"x"))]:
        provider.answers = {configuration: answer}
        locum.advance(6)
        refused(lambda: login(locum, role, provider.token()), "IDPCommunicationError", UNREACHABLE, 400)
    # To itself it may.
    provider.answers = {keys: (302, redirect, b""), "/elsewhere": (200, {}, json.dumps(provider.jwks()).encode())}
    locum.advance(6)
    login(locum, role, provider.token())


def test_tokens_of_this_server_are_refused(locum, provider):
    """They say who somebody is here to others, and make nobody somebody here."""
    issuer = locum.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
    alice = locum.user("alice", allow("sts:*"))
    token = locum.client("sts", alice).get_web_identity_token(Audience=["client-1"], SigningAlgorithm="ES384")
    role = locum.role("worker", trust(provider))
    text = f"No OpenIDConnect provider found in your account for {issuer}"
    refused(lambda: login(locum, role, token["WebIdentityToken"]), INVALID, text, 400)


def test_a_provider_of_one_account_is_none_of_anothers(locum, provider):
    other, administrator = locum.account("other")
    statement = trust(provider)
    role = locum.role("worker", statement, credentials=administrator)
    text = f"No OpenIDConnect provider found in your account for {provider.issuer}"
    refused(lambda: login(locum, role, provider.token()), INVALID, text, 400)
    # Nor does a role there trust what another account registered, when it registers the same.
    iam = locum.client("iam", administrator)
    iam.create_open_id_connect_provider(Url=provider.issuer, ClientIDList=["client-1"])
    refused(lambda: login(locum, role, provider.token()), *DENIED)
    own = statement | {"Principal": {"Federated": arn(provider).replace(ACCOUNT, other)}}
    iam.update_assume_role_policy(RoleName="worker", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [own]}))
    assert login(locum, role, provider.token())["Provider"] == arn(provider).replace(ACCOUNT, other)


def test_a_provider_without_tls_needs_the_flag(tmp_path):
    with Server(tmp_path / "strict") as server, Provider(host="127.0.0.1", tls=False) as provider:
        iam = Locum(server).client("iam")
        refused(
            lambda: iam.create_open_id_connect_provider(Url=provider.issuer, ClientIDList=["a"]),
            "ValidationError",
            "Invalid Open ID Connect Provider URL",
            400,
        )


def test_a_flood_of_bad_tokens_costs_little(tmp_path):
    """What is not believed is counted by role and source, and then refused before it is read."""
    arguments = ["--idp-plain-http-on-loopback", "--limit-key-failures", "5/3600"]
    with Server(tmp_path / "limited", *arguments) as server, Provider(host="127.0.0.1", tls=False) as provider:
        locum = Locum(server)
        register(locum, provider)
        role, other = (locum.role(name, trust(provider)) for name in ("worker", "other"))
        bad = provider.token(SigningKey("first", "ES256"), header={"alg": "ES256"})
        for _ in range(5):
            refused(lambda: login(locum, role, bad), INVALID, NOT_VALID, 400)
        refused(lambda: login(locum, role, bad), "Throttling", "Rate exceeded", 400)
        refused(lambda: login(locum, role, provider.token()), "Throttling", "Rate exceeded", 400)
        # Other roles are not held up; and who is denied does not count as a forger.
        stranger = locum.role("stranger", trust(provider, {"StringEquals": {f"{provider.url}:sub": "nobody"}}))
        for _ in range(8):
            login(locum, other, provider.token())
            refused(lambda: login(locum, stranger, provider.token()), *DENIED)
