"""Tokens for relying parties outside: issued by GetWebIdentityToken, verified by a library of another's
through the issuer's discovery document and keys alone."""

import concurrent.futures
import json
import re
import subprocess
import urllib.parse
import urllib.request
import uuid

import jwt
import pytest
from harness import (
    ACCOUNT,
    BINARY,
    ROOT_CREDENTIALS,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    cli_error,
    deny,
    free_port,
    no_identity_policy,
    not_authorized,
    policy,
    refused,
    trusting,
    validation,
    wait_for,
)

USER = f"arn:aws:iam::{ACCOUNT}:user/alice"
SELF = f"arn:aws:sts::{ACCOUNT}:self"
AUDIENCE = "https://api.example.com"
OFF = "Outbound web identity federation is not enabled for this account."
DISABLED = "OutboundWebIdentityFederationDisabledException"
DAY = 86400
FORM = {"Content-Type": "application/x-www-form-urlencoded"}
CLAIMS = "https://sts.amazonaws.com/"


class RelyingParty:
    """What knows the issuer's URL and its own name, and nothing else of the server."""

    def __init__(self, issuer, audience=AUDIENCE):
        self.issuer = issuer
        self.audience = audience
        with urllib.request.urlopen(f"{issuer}/.well-known/openid-configuration", timeout=60) as answer:
            self.metadata = json.load(answer)
        assert self.metadata["issuer"] == issuer
        self.keys = jwt.PyJWKClient(self.metadata["jwks_uri"], cache_keys=False, timeout=60)

    def verify(self, token, ahead=0):
        """The claims of a token that is good."""
        return jwt.decode(
            token,
            self.keys.get_signing_key_from_jwt(token).key,
            algorithms=self.metadata["id_token_signing_alg_values_supported"],
            issuer=self.issuer,
            audience=self.audience,
            leeway=ahead + 5,
            options={"require": ["iss", "sub", "aud", "iat", "exp", "jti"]},
        )

    def kids(self):
        return [key.key_id for key in self.keys.get_signing_keys(refresh=True)]


@pytest.fixture
def alice(locum):
    tags = [{"Key": "Team", "Value": "blue"}, {"Key": "Desk", "Value": "é 1"}]
    return locum.user("alice", allow("sts:*"), Tags=tags)


@pytest.fixture
def issuer(locum):
    return locum.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]


def get(locum, credentials, *audience, algorithm="ES384", **options):
    """The answer of GetWebIdentityToken."""
    audience = list(audience) or [AUDIENCE]
    sts = locum.client("sts", credentials)
    return sts.get_web_identity_token(Audience=audience, SigningAlgorithm=algorithm, **options)


def token(locum, credentials, *audience, **options):
    return get(locum, credentials, *audience, **options)["WebIdentityToken"]


def kid(text):
    return jwt.get_unverified_header(text)["kid"]


def path_of(issuer):
    return urllib.parse.urlsplit(issuer).path


def keys_path(issuer):
    return f"{path_of(issuer)}/.well-known/jwks.json"


@pytest.mark.parametrize(("algorithm", "kid_", "kty"), [("RS256", "RSA_0", "RSA"), ("ES384", "EC384_0", "EC")])
def test_a_relying_party_verifies_every_claim(locum, alice, issuer, algorithm, kid_, kty):
    before = int(locum.clock.now(remove_tzinfo=False).timestamp())
    answer = get(
        locum,
        alice,
        algorithm=algorithm,
        DurationSeconds=900,
        Tags=[{"Key": "Job", "Value": "7"}, {"Key": "aws:Mine", "Value": ""}],
    )
    issued = answer["WebIdentityToken"]
    assert jwt.get_unverified_header(issued) == {"alg": algorithm, "kid": kid_, "typ": "JWT"}
    party = RelyingParty(issuer)
    assert party.keys.get_signing_key_from_jwt(issued).key_type == kty
    claims = party.verify(issued)
    assert before <= claims["iat"] <= before + 60
    assert claims["exp"] == claims["iat"] + 900 == int(answer["Expiration"].timestamp())
    assert uuid.UUID(claims["jti"]).version == 4
    assert claims["jti"] != party.verify(token(locum, alice))["jti"]
    organization = locum.client("organizations").describe_organization()["Organization"]["Id"]
    root = locum.client("organizations").list_roots()["Roots"][0]["Id"]
    assert claims == {
        "iss": issuer,
        "sub": USER,
        "aud": AUDIENCE,
        "iat": claims["iat"],
        "exp": claims["exp"],
        "jti": claims["jti"],
        CLAIMS: {
            "aws_account": ACCOUNT,
            "source_region": "us-east-1",
            "principal_id": USER,
            "org_id": organization,
            "ou_path": [f"{organization}/{root}/"],
            "principal_tags": {"Team": "blue", "Desk": "é 1"},
            "request_tags": {"Job": "7", "aws:Mine": ""},
        },
    }
    # It is for nobody else, and cannot be changed.
    with pytest.raises(jwt.InvalidAudienceError):
        RelyingParty(issuer, "https://other.example.com").verify(issued)
    head, body, signature = issued.split(".")
    root_body = jwt.utils.base64url_encode(json.dumps(claims | {"sub": f"arn:aws:iam::{ACCOUNT}:root"}).encode())
    with pytest.raises(jwt.InvalidSignatureError):
        party.verify(f"{head}.{root_body.decode()}.{signature}")


def test_a_role_session_is_known_by_its_role(locum, alice, issuer):
    actions = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    tags = [{"Key": "Team", "Value": "of-role"}, {"Key": "Stage", "Value": "of-role"}]
    role = locum.role("worker", trusting(USER, actions), allow("sts:GetWebIdentityToken", SELF), Path="/team/", Tags=tags)
    answer = locum.client("sts", alice).assume_role(
        RoleArn=role,
        RoleSessionName="session",
        DurationSeconds=900,
        SourceIdentity="Alice",
        Tags=[{"Key": "team", "Value": "of-session"}],
    )
    session = Credentials.of(answer)
    sts = locum.client("sts", session, region="eu-west-2")
    several = [AUDIENCE, "urn:other", AUDIENCE]
    issued = sts.get_web_identity_token(Audience=several, SigningAlgorithm="RS256", DurationSeconds=60)
    claims = RelyingParty(issuer).verify(issued["WebIdentityToken"])
    assert (claims["sub"], claims["aud"]) == (f"arn:aws:iam::{ACCOUNT}:role/team/worker", several)
    own = claims[CLAIMS]
    assert {name: own[name] for name in own if name not in ("org_id", "ou_path")} == {
        "aws_account": ACCOUNT,
        "source_region": "eu-west-2",
        "principal_id": claims["sub"],
        "principal_tags": {"team": "of-session", "Stage": "of-role"},
        "original_session_exp": answer["Credentials"]["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source_identity": "Alice",
    }
    longer = "The requested DurationSeconds would let the token outlive the session that asks for it."
    refused(
        lambda: token(locum, session, DurationSeconds=901),
        "SessionDurationEscalationException",
        longer,
    )
    locum.advance(300)
    refused(lambda: token(locum, session, DurationSeconds=601), "SessionDurationEscalationException", longer)
    locum.client("iam").disable_outbound_web_identity_federation()
    # Not to the second: the clock went on since the step.
    refused(lambda: token(locum, session, DurationSeconds=60), DISABLED, OFF)


def test_enabled_and_disabled_by_the_command_line(locum, alice):
    iam = locum.client("iam")
    # It would fetch a value that is a URL.
    asked = ["sts", "get-web-identity-token", "--audience", "api.example.com", "--signing-algorithm", "RS256"]
    assert cli_error(locum.aws(*asked, credentials=alice)) == (DISABLED, "GetWebIdentityToken", OFF)
    refused(iam.get_outbound_web_identity_federation_info, "FeatureDisabled", OFF, status=404)
    refused(iam.disable_outbound_web_identity_federation, "FeatureDisabled", OFF, status=404)
    made = locum.aws_json("iam", "enable-outbound-web-identity-federation", credentials=ROOT_CREDENTIALS)
    issuer = made["IssuerIdentifier"]
    assert made == {"IssuerIdentifier": issuer}
    assert re.fullmatch(re.escape(locum.server.url) + r"/_locum/oidc/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", issuer)
    told = locum.aws_json("iam", "get-outbound-web-identity-federation-info", credentials=ROOT_CREDENTIALS)
    assert told == {"IssuerIdentifier": issuer, "JwtVendingEnabled": True}
    already = "Outbound web identity federation is already enabled for this account."
    refused(iam.enable_outbound_web_identity_federation, "FeatureEnabled", already, status=409)
    answer = locum.aws_json(*asked, "--tags", "Key=Job,Value=7", credentials=alice)
    assert set(answer) == {"WebIdentityToken", "Expiration"}
    party = RelyingParty(issuer, "api.example.com")
    assert party.verify(answer["WebIdentityToken"])[CLAIMS]["request_tags"] == {"Job": "7"}

    locum.aws_json("iam", "disable-outbound-web-identity-federation", credentials=ROOT_CREDENTIALS)
    refused(iam.get_outbound_web_identity_federation_info, "FeatureDisabled", OFF, status=404)
    refused(iam.disable_outbound_web_identity_federation, "FeatureDisabled", OFF, status=404)
    refused(lambda: token(locum, alice), DISABLED, OFF)
    # What was issued before lives out its time.
    assert party.kids() == ["RSA_0", "EC384_0"]
    party.verify(answer["WebIdentityToken"])
    assert iam.enable_outbound_web_identity_federation()["IssuerIdentifier"] == issuer
    refused(iam.enable_outbound_web_identity_federation, "FeatureEnabled", already, status=409)
    party.verify(token(locum, alice, "api.example.com"))


def test_the_switch_needs_permissions(locum, alice, issuer):
    iam = locum.client("iam", alice)
    for call, action in [
        (iam.enable_outbound_web_identity_federation, "iam:EnableOutboundWebIdentityFederation"),
        (iam.disable_outbound_web_identity_federation, "iam:DisableOutboundWebIdentityFederation"),
        (iam.get_outbound_web_identity_federation_info, "iam:GetOutboundWebIdentityFederationInfo"),
    ]:
        refused(call, "AccessDenied", not_authorized(USER, action, "*", no_identity_policy(action)))


WRONG = {
    "no audience": (
        {"Audience": None},
        validation("Value at 'audience' failed to satisfy constraint: Member must not be null"),
    ),
    "an empty list": (
        {"Audience": []},
        validation("Value at 'audience' failed to satisfy constraint: Member must have length greater than or equal to 1"),
    ),
    "eleven": (
        {"Audience": ["a"] * 11},
        validation("Value at 'audience' failed to satisfy constraint: Member must have length less than or equal to 10"),
    ),
    "an empty one": (
        {"Audience": ["a", ""]},
        validation(
            "Value '' at 'audience.2.member' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        ),
    ),
    "a long one": (
        {"Audience": ["é" * 1001]},
        validation(
            f"Value '{'é' * 1001}' at 'audience.1.member' failed to satisfy constraint: "
            "Member must have length less than or equal to 1000"
        ),
    ),
    "no algorithm": (
        {"SigningAlgorithm": None},
        validation("Value at 'signingAlgorithm' failed to satisfy constraint: Member must not be null"),
    ),
    "none": (
        {"SigningAlgorithm": "none"},
        validation(
            "Value 'none' at 'signingAlgorithm' failed to satisfy constraint: "
            "Member must have length greater than or equal to 5"
        ),
    ),
    "a symmetric one": (
        {"SigningAlgorithm": "HS256"},
        validation(
            "Value 'HS256' at 'signingAlgorithm' failed to satisfy constraint: "
            "Member must satisfy enum value set: [RS256, ES384]"
        ),
    ),
    "a small letter": (
        {"SigningAlgorithm": "Rs256"},
        validation(
            "Value 'Rs256' at 'signingAlgorithm' failed to satisfy constraint: "
            "Member must satisfy enum value set: [RS256, ES384]"
        ),
    ),
    "a long name": (
        {"SigningAlgorithm": "ES384 "},
        validation(
            "Value 'ES384 ' at 'signingAlgorithm' failed to satisfy constraint: "
            "Member must have length less than or equal to 5"
        ),
    ),
    "too short": (
        {"DurationSeconds": 59},
        validation(
            "Value '59' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value greater than or equal to 60"
        ),
    ),
    "too long": (
        {"DurationSeconds": 3601},
        validation(
            "Value '3601' at 'durationSeconds' failed to satisfy constraint: "
            "Member must have value less than or equal to 3600"
        ),
    ),
    "too many tags": (
        {"Tags": [{"Key": f"k{n}", "Value": ""} for n in range(51)]},
        validation("Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50"),
    ),
    "two faults": (
        {"Audience": None, "SigningAlgorithm": None},
        validation(
            "Value at 'audience' failed to satisfy constraint: Member must not be null",
            "Value at 'signingAlgorithm' failed to satisfy constraint: Member must not be null",
        ),
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_parameters_outside_the_model(locum, alice, issuer, case):
    changed, message = WRONG[case]
    asked = {"Audience": [AUDIENCE], "SigningAlgorithm": "ES384"} | changed
    asked = {name: value for name, value in asked.items() if value is not None}
    sts = locum.client("sts", alice)
    refused(lambda: sts.get_web_identity_token(**asked), "ValidationError", message, status=400)


def test_refusals_of_the_operation(locum, alice, issuer):
    tags = [{"Key": "Job", "Value": "1"}, {"Key": "JOB", "Value": "2"}]
    duplicate = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    refused(lambda: token(locum, alice, Tags=tags), "InvalidParameterValue", duplicate, status=400)
    large = [{"Key": f"k{n}", "Value": "é" * 256} for n in range(50)]
    with pytest.raises(locum.client("sts").exceptions.ClientError) as caught:
        token(locum, alice, Tags=large)
    error = caught.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"]["Code"] == "JWTPayloadSizeExceededException"
    assert re.fullmatch(
        r"The payload of the token has \d{5} bytes, which is more than the 14984 allowed. Use fewer or shorter tags.",
        error["Error"]["Message"],
    )
    # Neither the root user nor a federated one.
    root = not_authorized(f"arn:aws:iam::{ACCOUNT}:root", "sts:GetWebIdentityToken", SELF)
    refused(lambda: token(locum, ROOT_CREDENTIALS), "AccessDenied", root)
    carol = Credentials.of(locum.client("sts", alice).get_federation_token(Name="carol", Policy=policy(allow("*"))))
    federated = not_authorized(f"arn:aws:sts::{ACCOUNT}:federated-user/carol", "sts:GetWebIdentityToken", SELF)
    refused(lambda: token(locum, carol), "AccessDenied", federated)
    # A session of one's own does, with MFA or without.
    own = Credentials.of(locum.client("sts", alice).get_session_token())
    assert RelyingParty(issuer).verify(token(locum, own))["sub"] == USER


def test_policies_see_audience_algorithm_duration_and_tags(locum, issuer):
    mine = {"ForAllValues:StringEquals": {"sts:IdentityTokenAudience": [AUDIENCE]}}
    mine |= {"StringEquals": {"sts:SigningAlgorithm": "ES384"}, "NumericLessThanEquals": {"sts:DurationSeconds": "300"}}
    tagged = {"ForAllValues:StringEquals": {"aws:TagKeys": ["scope"]}, "StringEquals": {"aws:RequestTag/scope": "read"}}
    bob = locum.user(
        "bob",
        allow("sts:GetWebIdentityToken", SELF, Condition=mine),
        allow("sts:TagGetWebIdentityToken", SELF, Condition=tagged),
    )
    arn = f"arn:aws:iam::{ACCOUNT}:user/bob"

    def denied(action, *audience, **options):
        message = not_authorized(arn, action, SELF, no_identity_policy(action))
        refused(lambda: token(locum, bob, *audience, **options), "AccessDenied", message)

    party = RelyingParty(issuer)
    party.verify(token(locum, bob))
    party.verify(token(locum, bob, Tags=[{"Key": "scope", "Value": "read"}]))
    one = "sts:GetWebIdentityToken"
    denied(one, "https://evil.example.com")
    denied(one, AUDIENCE, "https://evil.example.com")
    denied(one, AUDIENCE.upper())
    denied(one, algorithm="RS256")
    denied(one, DurationSeconds=301)
    other = "sts:TagGetWebIdentityToken"
    denied(other, Tags=[{"Key": "scope", "Value": "write"}])
    denied(other, Tags=[{"Key": "scope", "Value": "read"}, {"Key": "role", "Value": "admin"}])
    # A deny of one audience among several counts.
    anyone = {"ForAnyValue:StringLike": {"sts:IdentityTokenAudience": "*evil*"}}
    ann = locum.user("ann", allow("sts:*"), deny(one, Condition=anyone))
    party.verify(token(locum, ann))
    explicit = not_authorized(
        f"arn:aws:iam::{ACCOUNT}:user/ann", one, SELF, "with an explicit deny in an identity-based policy"
    )
    refused(lambda: token(locum, ann, AUDIENCE, "evil"), "AccessDenied", explicit)


def test_documents_for_relying_parties(locum, issuer):
    discovery = locum.server.send("GET", f"{path_of(issuer)}/.well-known/openid-configuration", {"Origin": "https://a"})
    assert (discovery.status, discovery.headers["content-type"]) == (200, "application/json")
    assert json.loads(discovery.body) == {
        "issuer": issuer,
        "jwks_uri": f"{issuer}/.well-known/jwks.json",
        "subject_types_supported": ["public"],
        "response_types_supported": ["id_token"],
        "id_token_signing_alg_values_supported": ["RS256", "ES384"],
        "claims_supported": ["sub", "iss", "aud", "exp", "iat", "jti", CLAIMS],
    }
    keys = locum.server.send("GET", keys_path(issuer), {"Origin": "https://a"})
    assert (keys.status, keys.headers["content-type"]) == (200, "application/jwk-set+json")
    rsa, ec = json.loads(keys.body)["keys"]
    assert {name: rsa[name] for name in rsa if name != "n"} == {
        "kty": "RSA", "use": "sig", "alg": "RS256", "kid": "RSA_0", "e": "AQAB",
    }  # fmt: skip
    assert len(jwt.utils.base64url_decode(rsa["n"])) == 256
    assert {name: ec[name] for name in ec if name not in ("x", "y")} == {
        "kty": "EC", "use": "sig", "alg": "ES384", "kid": "EC384_0", "crv": "P-384",
    }  # fmt: skip
    assert [len(jwt.utils.base64url_decode(ec[name])) for name in ("x", "y")] == [48, 48]
    for answer in (discovery, keys):
        assert answer.headers["cache-control"] == "public, max-age=300"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert not [name for name in answer.headers if name.startswith("access-control")]
    for path in (keys_path(issuer), f"{path_of(issuer)}/.well-known/openid-configuration"):
        head = locum.server.send("HEAD", path)
        whole = locum.server.send("GET", path + "?fresh=1")
        assert (head.status, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(whole.body))
        assert head.headers["content-type"] == whole.headers["content-type"]
        for method in ("POST", "PUT", "DELETE", "OPTIONS", "PATCH"):
            answer = locum.server.send(method, path, {"Origin": "https://a"})
            assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
            assert not [name for name in answer.headers if name.startswith("access-control")]


def test_only_the_exact_paths_are_answered(locum, issuer):
    path = path_of(issuer)
    identifier = path.rsplit("/", 1)[1]
    keys = keys_path(issuer)
    account, _ = locum.account("member")
    digits = f"{int(account):010x}"
    # A name that an issuer of the account without one could have.
    unborn = f"/_locum/oidc/{digits[:8]}-{digits[8:]}00-8000-8000-000000000000/.well-known/jwks.json"
    last = "1" if identifier.endswith("0") else "0"
    for tried in [
        path,
        f"{path}/",
        f"{path}/.well-known",
        f"{path}/.well-known/",
        f"{path}/.well-known/jwks",
        f"{keys}/",
        keys.replace("jwks.json", "JWKS.json"),
        keys.replace("jwks.json", "jwks.json%00"),
        keys.replace(".well-known", "%2ewell-known"),
        keys.replace("/.well-known", "//.well-known"),
        keys.replace("/.well-known", "/../.well-known"),
        keys.replace("/.well-known", "/./.well-known"),
        keys.replace(identifier, identifier.upper()),
        keys.replace(identifier, identifier.replace("-", "")),
        keys.replace(identifier, identifier[:-1] + last),
        keys.replace(identifier, f"x/../{identifier}"),
        keys.replace(identifier, f"%{ord(identifier[0]):x}{identifier[1:]}"),
        keys.replace(identifier, ""),
        keys.replace(identifier, str(uuid.uuid4())),
        unborn,
        "/_locum/oidc",
        "/_locum/oidc/",
        "/_locum/oidc/.well-known/jwks.json",
        "/_locum/oidc/../oidc/" + keys.removeprefix("/_locum/oidc/"),
    ]:
        answer = locum.server.send("GET", tried)
        assert (answer.status, answer.body) == (404, b"not found"), tried
    assert locum.server.send("GET", keys).status == 200
    # On any name of the server, and whatever a signature or an operation says.
    assert locum.server.send("GET", keys, {"Host": "bucket.localhost"}).status == 200
    assert locum.server.send("GET", keys + "?Action=GetCallerIdentity").status == 200
    signed = locum.sign("s3", "GET", keys, {"x-amz-content-sha256": "UNSIGNED-PAYLOAD"})
    assert locum.server.send("GET", keys, signed).status == 200


def test_a_flood_of_strangers_makes_nothing(locum, issuer):
    account, _ = locum.account("member")
    digits = f"{int(account):010x}"

    def ask(number):
        tail = f"{number:012x}"
        guessed = f"{digits[:8]}-{digits[8:]}{number % 256:02x}-8000-8000-{tail}"
        answers = [
            locum.server.send("GET", f"/_locum/oidc/{name}/.well-known/jwks.json").status
            for name in (guessed, str(uuid.uuid4()))
        ]
        form = b"Action=GetWebIdentityToken&Version=2011-06-15&SigningAlgorithm=RS256&Audience.member.1=a"
        return [*answers, locum.server.send("POST", "/", FORM, form).status]

    before = locum.server.send("GET", keys_path(issuer)).body
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        assert all(statuses == [404, 404, 403] for statuses in pool.map(ask, range(200)))
    assert locum.server.send("GET", keys_path(issuer)).body == before


def test_an_account_cannot_speak_for_another(locum, alice, issuer):
    account, admin = locum.account("member")
    theirs = locum.client("iam", admin).enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert theirs != issuer
    foreign, own = token(locum, admin), token(locum, alice)
    # The keys have the same names, and are others.
    assert kid(foreign) == kid(own)
    party = RelyingParty(issuer)
    party.verify(own)
    with pytest.raises(jwt.InvalidSignatureError):
        party.verify(foreign)
    claims = RelyingParty(theirs).verify(foreign)
    assert claims[CLAIMS]["aws_account"] == account
    # Switching one off leaves the other on.
    locum.client("iam").disable_outbound_web_identity_federation()
    RelyingParty(theirs).verify(token(locum, admin))
    refused(lambda: token(locum, alice), DISABLED, OFF)


def test_text_of_the_caller_stays_text(locum, alice, issuer):
    hostile = [AUDIENCE, '","sub":"arn:aws:iam::123456789012:root', "a\r\nb\t\u2028", "\\u0022}.{", "\U0001f511"]
    tags = [{"Key": "sub", "Value": "root"}, {"Key": "https://sts.amazonaws.com/", "Value": "aws_account:1"}]
    claims = RelyingParty(issuer).verify(token(locum, alice, *hostile, Tags=tags))
    assert (claims["aud"], claims["sub"]) == (hostile, USER)
    assert claims[CLAIMS]["aws_account"] == ACCOUNT
    assert claims[CLAIMS]["request_tags"] == {"sub": "root", "https://sts.amazonaws.com/": "aws_account:1"}


def test_keys_are_followed_by_others_before_they_are_old(locum, alice, issuer):
    party = RelyingParty(issuer)
    locum.advance(89 * DAY - 3600)
    old = token(locum, alice, algorithm="RS256", DurationSeconds=3600)
    assert kid(old) == "RSA_0"
    assert party.kids() == ["RSA_0", "EC384_0"]
    locum.advance(3600)
    four = ["RSA_0", "EC384_0", "RSA_1", "EC384_1"]
    wait_for(lambda: party.kids() == four, "the next keys to be published")
    # They are known to everyone before they sign.
    assert kid(token(locum, alice, algorithm="RS256")) == "RSA_0"
    locum.advance(DAY - 60)
    last = token(locum, alice, algorithm="RS256", DurationSeconds=3600)
    assert kid(last) == "RSA_0"
    locum.advance(60)
    for algorithm, name in (("RS256", "RSA_1"), ("ES384", "EC384_1")):
        fresh = token(locum, alice, algorithm=algorithm)
        assert kid(fresh) == name
        party.verify(fresh, locum.clock.ahead)
    party.verify(last, locum.clock.ahead)
    locum.advance(3600)
    party.verify(last, locum.clock.ahead)
    locum.advance(600)
    assert party.kids() == ["RSA_1", "EC384_1"]
    with pytest.raises(jwt.PyJWKClientError):
        party.verify(last, locum.clock.ahead)


def test_keys_and_issuer_survive_restarts(tmp_path):
    address = f"127.0.0.1:{free_port()}"
    server = Server(tmp_path / "server", "--data", str(tmp_path / "data"), ephemeral=False)
    server.start(address)
    try:
        locum = Locum(server)
        alice = locum.user("alice", allow("sts:*"))
        issuer = locum.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
        before = token(locum, alice, algorithm="RS256")
        published = server.send("GET", keys_path(issuer)).body
        server.kill()
        server.start(address)
        assert server.send("GET", keys_path(issuer)).body == published
        party = RelyingParty(issuer)
        party.verify(before)
        party.verify(token(locum, alice))
        told = locum.client("iam").get_outbound_web_identity_federation_info()
        assert told["IssuerIdentifier"] == issuer
        assert server.terminate() == 0
        records = [json.loads(line) for line in (tmp_path / "data/audit/audit.jsonl").read_text().splitlines()]
        tokens = [record for record in records if record["eventName"] == "GetWebIdentityToken"]
        # The last records before a crash may be lost.
        assert tokens
        for record in tokens:
            assert record["requestParameters"]["audience"] == [AUDIENCE]
            assert record["responseElements"]["webIdentityToken"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
        everything = b"".join(path.read_bytes() for path in (tmp_path / "data").rglob("*") if path.is_file())
        assert before.encode() not in everything and before.split(".")[2].encode() not in everything
    finally:
        server.kill()


def test_two_processes_are_one_issuer(tmp_path):
    url = f"http://127.0.0.1:{free_port()}"
    arguments = ["--data", str(tmp_path / "data"), "--public-url", url]
    with Server(tmp_path / "one", *arguments, ephemeral=False) as one:
        with Server(tmp_path / "two", *arguments, ephemeral=False) as two:
            first, second = Locum(one), Locum(two)
            alice = first.user("alice", allow("sts:*"))
            issuer = first.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
            assert issuer.startswith(f"{url}/_locum/oidc/")
            published = one.send("GET", keys_path(issuer)).body
            wait_for(lambda: two.send("GET", keys_path(issuer)).status == 200, "the other to follow")
            assert two.send("GET", keys_path(issuer)).body == published
            issued = token(second, alice)
            keys = jwt.PyJWKSet.from_dict(json.loads(published))
            claims = jwt.decode(issued, keys[kid(issued)].key, algorithms=["ES384"], audience=AUDIENCE, issuer=issuer)
            assert claims["sub"].endswith(":user/alice")


def test_the_public_url_is_in_the_issuer(tmp_path):
    server = Server(tmp_path, "--public-url", "https://STS.example.com:8443/")
    with server:
        locum = Locum(server)
        alice = locum.user("alice", allow("sts:*"))
        issuer = locum.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
        assert issuer.startswith("https://sts.example.com:8443/_locum/oidc/")
        claims = jwt.decode(token(locum, alice), options={"verify_signature": False})
        assert claims["iss"] == issuer
        discovery = server.send("GET", f"{path_of(issuer)}/.well-known/openid-configuration")
        assert json.loads(discovery.body)["jwks_uri"] == f"{issuer}/.well-known/jwks.json"


def run_locum(folder, *arguments):
    """Runs a command of locum's."""
    return subprocess.run(
        [str(BINARY), *map(str, arguments)],
        env=base_environment(folder),
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_an_operator_rotates_and_withdraws_keys(durable, tmp_path):
    locum, data = durable, tmp_path / "data"

    def keys(*arguments):
        ran = run_locum(tmp_path, "issuer", *arguments, "--data", data)
        assert (ran.returncode, ran.stderr) == (0, ""), ran
        return ran.stdout

    assert keys("keys") == "no account has an issuer\n"
    assert keys("rotate-keys") == "no account has an issuer\n"
    alice = locum.user("alice", allow("sts:*"))
    issuer = locum.client("iam").enable_outbound_web_identity_federation()["IssuerIdentifier"]
    party, old = RelyingParty(issuer), token(locum, alice)
    account = locum.client("sts").get_caller_identity()["Account"]
    (shown,) = json.loads(keys("keys", "--format", "json"))
    assert (shown["accountId"], shown["issuerId"], shown["enabled"]) == (account, issuer.rsplit("/")[-1], True)
    assert [(key["kid"], key["signs"], key["publishedUntil"]) for key in shown["keys"]] == [
        ("RSA_0", True, None),
        ("EC384_0", True, None),
    ]

    time_ = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    rotated = (
        rf"account {account}, issuer {shown['issuerId']}\n"
        rf"  RSA_0, made {time_}: signs\n  EC384_0, made {time_}: signs\n"
        rf"  RSA_1, made {time_}: signs from {time_}\n  EC384_1, made {time_}: signs from {time_}\n"
    )
    assert re.fullmatch(rotated, keys("rotate-keys"))
    # One that is under way is not begun again.
    assert re.fullmatch(rotated, keys("rotate-keys", "--account-id", account))
    # The server follows, and keeps signing with what everyone knows.
    wait_for(lambda: party.kids() == ["RSA_0", "EC384_0", "RSA_1", "EC384_1"], "the server to follow")
    assert kid(token(locum, alice)) == "EC384_0"
    party.verify(old)

    withdrawn = keys("rotate-keys", "--withdraw")
    assert re.fullmatch(rf"account .*\n  RSA_2, made {time_}: signs\n  EC384_2, made {time_}: signs\n", withdrawn)
    wait_for(lambda: party.kids() == ["RSA_2", "EC384_2"], "the server to follow")
    with pytest.raises(jwt.PyJWKClientError):
        party.verify(old)
    fresh = token(locum, alice)
    assert kid(fresh) == "EC384_2"
    party.verify(fresh)

    strange = run_locum(tmp_path, "issuer", "rotate-keys", "--data", data, "--account-id", "999999999999")
    assert strange.returncode == 1 and "account 999999999999 has no issuer" in strange.stderr
    wrong = run_locum(tmp_path, "issuer", "rotate-keys", "--data", data, "--account-id", "12")
    assert wrong.returncode == 2 and "it must have twelve digits" in wrong.stderr
    nowhere = run_locum(tmp_path, "issuer", "rotate-keys", "--data", tmp_path / "nowhere")
    assert nowhere.returncode == 1 and not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://sts.example.com", "without TLS only a loopback address is allowed: it must be https"),
        ("https://sts.example.com/path", "it must be https://HOST or https://HOST:PORT, and nothing more"),
        ("sts.example.com", "it must be https://HOST or https://HOST:PORT, and nothing more"),
    ],
)
def test_a_public_url_that_is_none_ends_the_server(tmp_path, url, why):
    ran = run_locum(tmp_path, "serve", "--ephemeral", "--listen", "127.0.0.1:0", "--public-url", url)
    assert ran.returncode == 2
    assert f"`{url}` is no public URL: {why}" in ran.stderr
