"""STS against botocore's model of it: whatever the model declares is exercised, or stands here with the reason.

The model is walked, not copied: an operation, a parameter, a member of an answer, an error or a
constraint that a later model adds fails these tests until there is a request for it.
"""

import datetime

import botocore
import pyotp
import pytest
from botocore.exceptions import ClientError
from harness import (
    ACCOUNT,
    SESSION,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    policy,
    trusting,
    validation,
)
from model import ABSENT, Limit, Values, limits
from openid import Provider
from saml_idp import AWS, PROVIDER, Idp, encoded

MODEL = SESSION.client("sts", region_name="us-east-1").meta.service_model

NO_REGION_IS_OFF = "STS cannot be switched off in a region: there are no regions here"
# Declared errors that cannot happen, and why.
IMPOSSIBLE = {
    ("AssumeRole", "RegionDisabledException"): NO_REGION_IS_OFF,
    ("AssumeRoleWithSAML", "RegionDisabledException"): NO_REGION_IS_OFF,
    ("AssumeRoleWithWebIdentity", "RegionDisabledException"): NO_REGION_IS_OFF,
    ("AssumeRoot", "RegionDisabledException"): NO_REGION_IS_OFF,
    ("AssumeRoot", "ExpiredTokenException"): "it is about tokens in parameters, and the operation takes none",
    ("GetDelegatedAccessToken", "RegionDisabledException"): NO_REGION_IS_OFF,
    ("GetFederationToken", "RegionDisabledException"): NO_REGION_IS_OFF,
    ("GetSessionToken", "RegionDisabledException"): NO_REGION_IS_OFF,
}
# Parameters that no accepted request has: the error that all of them get, where they may be sent.
NEVER_ACCEPTED = {
    ("AssumeRole", "ProvidedContexts"): "ExpiredTokenException",
    ("AssumeRole", "ProvidedContexts.ProviderArn"): "ExpiredTokenException",
    ("AssumeRole", "ProvidedContexts.ContextAssertion"): "ExpiredTokenException",
    ("AssumeRoleWithWebIdentity", "ProviderId"): "IDPRejectedClaim",
}

UNLOCK = "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"
READ_ONLY = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
CONTEXT = {"ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter", "ContextAssertion": "eyJhbGci"}
ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
WEB_ROLE = f"arn:aws:iam::{ACCOUNT}:role/web"
SAML_ROLE = f"arn:aws:iam::{ACCOUNT}:role/corp"
ALICE = f"arn:aws:iam::{ACCOUNT}:user/alice"
EVERYTHING = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"]
LIST_BUCKETS = policy(allow("s3:ListAllMyBuckets"))


def tags(*keys, value=""):
    return [{"Key": key, "Value": value} for key in keys]


class World:
    """A server on which each operation has somebody who may call it."""

    def __init__(self, locum, provider, silent):
        self.locum = locum
        self.provider, self.silent = provider, silent
        self.iam = locum.client("iam")
        self.alice = locum.user("alice", allow("*"))
        made = self.iam.create_virtual_mfa_device(VirtualMFADeviceName="phone")["VirtualMFADevice"]
        self.serial = made["SerialNumber"]
        self.totp = pyotp.TOTP(made["Base32StringSeed"].decode())
        now = datetime.datetime.now(datetime.timezone.utc)
        before = now - datetime.timedelta(seconds=30)
        self.iam.enable_mfa_device(
            UserName="alice",
            SerialNumber=self.serial,
            AuthenticationCode1=self.totp.at(before),
            AuthenticationCode2=self.totp.at(now),
        )
        locum.role("role", trusting(ALICE, EVERYTHING), allow("*"), MaxSessionDuration=43200)
        self.idp = Idp()
        self.iam.create_saml_provider(Name="corp", SAMLMetadataDocument=self.idp.metadata())
        actions = ["sts:AssumeRoleWithSAML", "sts:TagSession", "sts:SetSourceIdentity"]
        locum.role("corp", trusting({"Federated": PROVIDER}, actions), MaxSessionDuration=43200)
        actions = ["sts:AssumeRoleWithWebIdentity", "sts:TagSession", "sts:SetSourceIdentity"]
        arns = [
            self.iam.create_open_id_connect_provider(Url=one.issuer, ClientIDList=["client-1"])["OpenIDConnectProviderArn"]
            for one in (provider, silent)
        ]
        locum.role("web", trusting({"Federated": arns}, actions), MaxSessionDuration=43200)
        locum.client("organizations").enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
        self.iam.enable_organizations_root_credentials_management()
        self.iam.enable_organizations_root_sessions()
        self.member, self.setup = locum.account("member")
        self.iam.enable_outbound_web_identity_federation()
        # Who asks for delegations, in an account of its own.
        self.partner = locum.user("partner", allow("*"), credentials=self.setup)
        self.owner = locum.user("owner", allow("iam:AssociateDelegationRequest"))
        self.requests = 0

    def code(self, away=0):
        """Of the device, in so many steps. Each is good once: those from now to two steps on."""
        moment = datetime.datetime.now(datetime.timezone.utc)
        return self.totp.at(moment + datetime.timedelta(seconds=30 * away))

    def exchange_token(self, approver, resource="*"):
        """The exchange token of a delegation request that was approved."""
        self.requests += 1
        partner = self.locum.client("iam", self.partner)
        template = partner.create_policy(
            PolicyName=f"template-{self.requests}", PolicyDocument=policy(allow("s3:GetObject", resource))
        )
        request = partner.create_delegation_request(
            OwnerAccountId=ACCOUNT,
            Description="reads",
            Permissions={"PolicyTemplateArn": template["Policy"]["Arn"], "Parameters": []},
            RequestorWorkflowId=f"workflow-{self.requests}",
            NotificationChannel=f"arn:aws:sns:us-east-1:{self.member}:delegations",
            SessionDuration=3600,
        )["DelegationRequestId"]
        owner = self.locum.client("iam", self.owner)
        owner.associate_delegation_request(DelegationRequestId=request)
        self.locum.client("iam", approver).accept_delegation_request(DelegationRequestId=request)
        owner.send_delegation_token(DelegationRequestId=request)
        received = self.locum.form(
            "iam", {"Action": "ReceiveDelegationToken", "DelegationRequestId": request}, self.partner
        )
        return received.value("ExchangeToken")

    def response(self, *values, **said):
        """A SAML response, in base64."""
        now = datetime.datetime.now(datetime.timezone.utc)
        return encoded(self.idp.signed(now, SAML_ROLE, values=values, **said))

    def failed_response(self):
        """One that says that nobody was signed in."""
        now = datetime.datetime.now(datetime.timezone.utc)
        return encoded(self.idp.response(now, "", status="Responder"))

    def encoded_message(self):
        """An authorization message, of a refusal of one's own account."""
        nobody = self.locum.client("iam", self.owner)
        with pytest.raises(ClientError) as caught:
            nobody.list_users()
        return caught.value.response["Error"]["EncodedAuthorizationMessage"]


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("model"), "--idp-plain-http-on-loopback") as server:
        with Provider(host="127.0.0.1", tls=False) as provider:
            silent = Provider(host="127.0.0.1", tls=False).start()
            silent.stop()
            yield World(Locum(server, Clock()), provider, silent)


# The model


def members(shape, path=""):
    """(path, shape, whether required) of all that a structure has inside; elements have their list's path."""
    for name, inner in shape.members.items() if shape else ():
        here = f"{path}{name}"
        yield here, inner, name in shape.required_members
        element = inner.member if inner.type_name == "list" else inner
        if element.type_name == "structure":
            yield from members(element, f"{here}.")


def present(shape, value, path=""):
    """The paths of what a value has."""
    for name, inner in shape.members.items() if shape else ():
        if name not in value:
            continue
        here = f"{path}{name}"
        yield here
        is_list = inner.type_name == "list"
        element = inner.member if is_list else inner
        if element.type_name == "structure":
            for item in value[name] if is_list else [value[name]]:
                yield from present(element, item, f"{here}.")


def operations():
    return [MODEL.operation_model(name) for name in MODEL.operation_names]


def declared(operation):
    """code: status of an operation's errors."""
    errors = (shape.metadata["error"] for shape in operation.error_shapes)
    return {error["code"]: error["httpStatusCode"] for error in errors}


class Record:
    """What clients sent and what they got back, by botocore's own events."""

    def __init__(self, locum):
        self.locum = locum
        self.accepted = set()
        self.refused = set()
        self.answered = set()
        self.errors = set()
        self.called = set()

    def client(self, credentials):
        client = self.locum.client("sts", credentials)
        client.meta.events.register("before-parameter-build.sts", self._sent)
        client.meta.events.register("after-call.sts", self._answered)
        return client

    def _sent(self, params, model, context, **_):
        context["sent"] = [(model.name, path) for path in present(model.input_shape, params)]

    def _answered(self, http_response, parsed, model, context, **_):
        self.called.add(model.name)
        if http_response.status_code == 200:
            self.accepted.update(context["sent"])
            self.answered.update((model.name, path) for path in present(model.output_shape, parsed))
            return
        code = parsed["Error"]["Code"]
        self.errors.add((model.name, code, http_response.status_code))
        self.refused.update((operation, path, code) for operation, path in context["sent"])

    def fails(self, call, code):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == code, caught.value


def exercise(world, record):
    """Each operation with all that it takes, for all that it gives, and into each of its errors."""
    locum = world.locum
    alice = record.client(world.alice)
    rich = {
        "RoleArn": ROLE,
        "RoleSessionName": "session",
        "PolicyArns": [{"arn": READ_ONLY}],
        "Policy": LIST_BUCKETS,
        "DurationSeconds": 900,
        "Tags": tags("Team", "Desk"),
        "TransitiveTagKeys": ["Team"],
        "ExternalId": "external",
        "SerialNumber": world.serial,
        "TokenCode": world.code(1),
        "SourceIdentity": "Alice",
        "MinimumSessionTokenSize": 1000,
    }
    session = Credentials.of(alice.assume_role(**rich))
    plain = {"RoleArn": ROLE, "RoleSessionName": "session"}
    full = policy(*[allow("s3:GetObject", f"arn:aws:s3:::b{n * 7919 % 10007}x/*") for n in range(60)])
    record.fails(lambda: alice.assume_role(**plain, Policy="{"), "MalformedPolicyDocument")
    record.fails(lambda: alice.assume_role(**plain, Policy=full), "PackedPolicyTooLarge")
    record.fails(lambda: alice.assume_role(**plain, ProvidedContexts=[CONTEXT]), "ExpiredTokenException")

    named = [(AWS + "SourceIdentity", ["Alice"]), (AWS + "PrincipalTag:Team", ["red"])]
    saml = {"RoleArn": SAML_ROLE, "PrincipalArn": PROVIDER, "SAMLAssertion": world.response(*named)}
    more = {name: rich[name] for name in ("PolicyArns", "Policy", "DurationSeconds", "MinimumSessionTokenSize")}
    alice.assume_role_with_saml(**saml, **more)
    record.fails(lambda: alice.assume_role_with_saml(**saml, Policy="{"), "MalformedPolicyDocument")
    tagged = [(f"{AWS}PrincipalTag:k{n}", [noise(n, 200)]) for n in range(20)]
    for text, code in [
        (world.response(*tagged), "PackedPolicyTooLarge"),
        (world.failed_response(), "IDPRejectedClaim"),
        (world.response(subject=""), "InvalidIdentityToken"),
        (world.response(until=' NotOnOrAfter="2020-01-01T00:00:00Z"'), "ExpiredTokenException"),
    ]:
        record.fails(lambda text=text: alice.assume_role_with_saml(**saml | {"SAMLAssertion": text}), code)

    provider = world.provider
    claims = {"https://aws.amazon.com/source_identity": "Alice", "https://aws.amazon.com/tags/principal_tags/Team": "red"}
    web = {"RoleArn": WEB_ROLE, "RoleSessionName": "session", "WebIdentityToken": provider.token(**claims)}
    alice.assume_role_with_web_identity(**web, **more)
    record.fails(lambda: alice.assume_role_with_web_identity(**web, Policy="{"), "MalformedPolicyDocument")
    tagged = {f"https://aws.amazon.com/tags/principal_tags/k{n}": noise(n, 200) for n in range(20)}
    for token, code in [
        (provider.token(**tagged), "PackedPolicyTooLarge"),
        (provider.token(aud="nobody"), "InvalidIdentityToken"),
        (provider.token(exp=provider.now() - 1000), "ExpiredTokenException"),
        (world.silent.token(), "IDPCommunicationError"),
    ]:
        asked = web | {"WebIdentityToken": token}
        record.fails(lambda asked=asked: alice.assume_role_with_web_identity(**asked), code)
    record.fails(
        lambda: alice.assume_role_with_web_identity(**web, ProviderId="graph.facebook.com"), "IDPRejectedClaim"
    )

    identified = Credentials.of(alice.assume_role(**plain, SourceIdentity="Alice"))
    record.client(identified).assume_root(
        TargetPrincipal=world.member, TaskPolicyArn={"arn": UNLOCK}, DurationSeconds=900, MinimumSessionTokenSize=1000
    )

    alice.get_session_token(
        DurationSeconds=900, SerialNumber=world.serial, TokenCode=world.code(2), MinimumSessionTokenSize=1000
    )

    federation = {
        "Name": "fed",
        "Policy": LIST_BUCKETS,
        "PolicyArns": [{"arn": READ_ONLY}],
        "DurationSeconds": 900,
        "Tags": tags("Team"),
        "MinimumSessionTokenSize": 1000,
    }
    alice.get_federation_token(**federation)
    record.fails(lambda: alice.get_federation_token(**federation | {"Policy": "{"}), "MalformedPolicyDocument")
    long = federation | {"Tags": [{"Key": f"k{n}", "Value": noise(n, 200)} for n in range(20)]}
    record.fails(lambda: alice.get_federation_token(**long), "PackedPolicyTooLarge")

    alice.get_caller_identity()
    alice.get_access_key_info(AccessKeyId=session.id)
    alice.decode_authorization_message(EncodedMessage=world.encoded_message())
    record.fails(lambda: alice.decode_authorization_message(EncodedMessage="x"), "InvalidAuthorizationMessageException")

    web = {"Audience": ["a"], "SigningAlgorithm": "ES384", "DurationSeconds": 60, "Tags": tags("Team")}
    alice.get_web_identity_token(**web)
    short = record.client(Credentials.of(alice.get_session_token(DurationSeconds=900)))
    record.fails(
        lambda: short.get_web_identity_token(**web | {"DurationSeconds": 3600}), "SessionDurationEscalationException"
    )
    large = web | {"Tags": tags(*(f"k{n}" for n in range(50)), value="é" * 256)}
    record.fails(lambda: alice.get_web_identity_token(**large), "JWTPayloadSizeExceededException")
    # The member's account has not enabled it.
    partner = record.client(world.partner)
    record.fails(lambda: partner.get_web_identity_token(**web), "OutboundWebIdentityFederationDisabledException")

    token = world.exchange_token(world.alice)
    partner.get_delegated_access_token(TradeInToken=token)
    record.fails(lambda: partner.get_delegated_access_token(TradeInToken=token), "ExpiredTradeInTokenException")
    # What the approver's session has as tags, the delegated one has too.
    tagged = locum.assume(world.alice, ROLE, Tags=[{"Key": f"k{n}", "Value": noise(n, 200)} for n in range(9)])
    token = world.exchange_token(tagged, [f"arn:aws:s3:::b/{noise(100 + n, 200)}" for n in range(5)])
    record.fails(lambda: partner.get_delegated_access_token(TradeInToken=token), "PackedPolicyTooLarge")


def noise(seed, length):
    """Letters that do not pack."""
    letters = []
    for _ in range(length):
        seed = (seed * 6364136223846793005 + 1442695040888963407) % 2**64
        letters.append("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"[seed >> 58])
    return "".join(letters)


def test_all_of_the_model_is_exercised(world):
    record = Record(world.locum)
    exercise(world, record)
    assert record.called == {operation.name for operation in operations()}
    parameters = {(o.name, path) for o in operations() for path, *_ in members(o.input_shape)}
    assert parameters - record.accepted == set(NEVER_ACCEPTED)
    for (operation, path), code in NEVER_ACCEPTED.items():
        assert (operation, path, code) in record.refused
    answers = {(o.name, path) for o in operations() for path, *_ in members(o.output_shape)}
    assert answers - record.answered == set()
    errors = {(o.name, code, status) for o in operations() for code, status in declared(o).items()}
    assert {(operation, code) for operation, code, _ in errors - record.errors} == set(IMPOSSIBLE)


def test_what_the_model_does_not_have_is_listed_nowhere(world):
    """Lists of exceptions that the model has outgrown hide what they were not made for."""
    for operation, code in IMPOSSIBLE:
        assert code in declared(MODEL.operation_model(operation))
    assert set(INSIDE) <= {probe.key for probe in PROBES if probe.inside is not None}
    assert set(CONTEXTS) <= {(probe.operation, probe.path) for probe in PROBES}


# The constraints

# Constraints that the model only tells in its documentation.
DOCUMENTED = {("GetWebIdentityToken", "SigningAlgorithm"): ["RS256", "ES384"]}


def base(world, operation):
    """The least that the operation accepts."""
    return {
        "AssumeRole": lambda: {"RoleArn": ROLE, "RoleSessionName": "session"},
        "AssumeRoleWithSAML": lambda: {
            "RoleArn": SAML_ROLE,
            "PrincipalArn": PROVIDER,
            "SAMLAssertion": world.response(),
        },
        "AssumeRoleWithWebIdentity": lambda: {
            "RoleArn": WEB_ROLE,
            "RoleSessionName": "session",
            "WebIdentityToken": world.provider.token(),
        },
        "AssumeRoot": lambda: {"TargetPrincipal": world.member, "TaskPolicyArn": {"arn": UNLOCK}},
        "DecodeAuthorizationMessage": lambda: {"EncodedMessage": world.encoded_message()},
        "GetAccessKeyInfo": lambda: {"AccessKeyId": world.alice.id},
        "GetCallerIdentity": lambda: {},
        "GetDelegatedAccessToken": lambda: {"TradeInToken": "x"},
        "GetFederationToken": lambda: {"Name": "fed"},
        "GetSessionToken": lambda: {},
        "GetWebIdentityToken": lambda: {"Audience": ["a"], "SigningAlgorithm": "ES384"},
    }[operation]()


def document(length):
    """A policy of so many characters."""
    return LIST_BUCKETS[:-1] + " " * (length - len(LIST_BUCKETS)) + "}"


def is_key(text):
    return 1 <= len(text) <= 128 and "*" not in text


# (operation, path): what is there besides, and around.
CONTEXTS = {
    ("AssumeRole", "TransitiveTagKeys"): lambda keys: {"Tags": tags(*filter(is_key, keys[:50]))},
    ("AssumeRole", "ProvidedContexts.ProviderArn"): lambda _: {"ProvidedContexts": [dict(CONTEXT)]},
    ("AssumeRole", "ProvidedContexts.ContextAssertion"): lambda _: {"ProvidedContexts": [dict(CONTEXT)]},
}
# Elements of lists, where they matter.
ELEMENTS = {
    "Tags": lambda n: {"Key": f"k{n}", "Value": ""},
    "TransitiveTagKeys": lambda n: f"k{n}",
    "PolicyArns": lambda n: {"arn": READ_ONLY},
    "ProvidedContexts": lambda n: dict(CONTEXT),
    "Audience": lambda n: f"a{n}",
}


# (operation, path, constraint): a value just inside that is more than letters.
VALUES = {
    ("AssumeRole", "RoleArn", "min"): "arn:aws:iam::1:role/",
    ("AssumeRole", "RoleArn", "max"): ROLE.ljust(2048, "x"),
    ("AssumeRoleWithSAML", "Policy", "max"): document(2048),
    ("AssumeRoleWithWebIdentity", "Policy", "max"): document(2048),
    ("GetFederationToken", "Policy", "max"): document(2048),
    **{("GetWebIdentityToken", "SigningAlgorithm", kind): "ES384" for kind in ("min", "max")},
}


def both(operation, path, code):
    return {(operation, path, kind): code for kind in ("min", "max")}


# What a value just inside gets that is not accepted for what it says.
INSIDE = {
    **both("AssumeRole", "RoleArn", "AccessDenied"),
    **both("AssumeRole", "PolicyArns.arn", "ValidationError"),
    ("AssumeRole", "Policy", "min"): "MalformedPolicyDocument",
    **both("AssumeRole", "SerialNumber", "AccessDenied"),
    **both("AssumeRole", "TokenCode", "AccessDenied"),
    **both("AssumeRole", "ProvidedContexts", "ExpiredTokenException"),
    **both("AssumeRole", "ProvidedContexts.ProviderArn", "ExpiredTokenException"),
    **both("AssumeRole", "ProvidedContexts.ContextAssertion", "ExpiredTokenException"),
    **both("AssumeRoleWithSAML", "RoleArn", "ValidationError"),
    **both("AssumeRoleWithSAML", "PrincipalArn", "ValidationError"),
    **both("AssumeRoleWithSAML", "SAMLAssertion", "InvalidIdentityToken"),
    **both("AssumeRoleWithSAML", "PolicyArns.arn", "ValidationError"),
    ("AssumeRoleWithSAML", "Policy", "min"): "MalformedPolicyDocument",
    **both("AssumeRoleWithWebIdentity", "RoleArn", "ValidationError"),
    **both("AssumeRoleWithWebIdentity", "WebIdentityToken", "InvalidIdentityToken"),
    **both("AssumeRoleWithWebIdentity", "ProviderId", "AccessDenied"),
    **both("AssumeRoleWithWebIdentity", "PolicyArns.arn", "ValidationError"),
    ("AssumeRoleWithWebIdentity", "Policy", "min"): "MalformedPolicyDocument",
    **both("AssumeRoot", "TargetPrincipal", "ValidationError"),
    **both("AssumeRoot", "TaskPolicyArn.arn", "ValidationError"),
    **both("DecodeAuthorizationMessage", "EncodedMessage", "InvalidAuthorizationMessageException"),
    # What encodes no account.
    **both("GetAccessKeyInfo", "AccessKeyId", "ValidationError"),
    **both("GetFederationToken", "PolicyArns.arn", "ValidationError"),
    ("GetFederationToken", "Policy", "min"): "MalformedPolicyDocument",
    **both("GetSessionToken", "SerialNumber", "AccessDenied"),
    **both("GetSessionToken", "TokenCode", "AccessDenied"),
}


class Probe:
    """A constraint of a member: a value that just keeps it, where there is one, and one that just does not."""

    def __init__(self, operation, path, shape, kind, inside, outside, tail, element=False):
        self.operation, self.path, self.shape, self.kind = operation, path, shape, kind
        self.outside, self.tail, self.element = outside, tail, element
        self.key = (operation, path, f"element {kind}" if element else kind)
        self.inside = VALUES.get(self.key, inside)

    def parameters(self, world, value):
        asked = base(world, self.operation) | CONTEXTS.get((self.operation, self.path), lambda _: {})(
            value if isinstance(value, list) else [value]
        )
        place, *rest = self.path.split(".")
        lists = MODEL.operation_model(self.operation).input_shape.members[place].type_name == "list"
        if rest:
            [name] = rest
            if lists:
                asked.setdefault(place, [ELEMENTS[place](0)])
            holder = asked[place][0] if lists else dict(asked[place])
            if value is None:
                del holder[name]
            else:
                holder[name] = value
            asked[place] = [holder] if lists else holder
        elif value is None:
            asked.pop(place)
        else:
            asked[place] = [value] if self.element else value
        return asked

    def clause(self):
        """What AWS says of the value outside."""
        first, *rest = [part[0].lower() + part[1:] for part in self.path.split(".")]
        of_list = MODEL.operation_model(self.operation).input_shape.members[self.path.split(".")[0]].type_name == "list"
        place = ".".join([first, *(["1", "member"] if of_list and (rest or self.element) else []), *rest])
        secret = self.path in ("SAMLAssertion", "WebIdentityToken")
        hidden = secret or self.outside is None or isinstance(self.outside, list)
        shown = "" if hidden else f" '{self.outside}'"
        return f"Value{shown} at '{place}' failed to satisfy constraint: Member must {self.tail}"


def probes(operation, path, shape, required, element=False):
    name = operation.name
    values = Values({f"{path}[]": lambda shape, size, number: ELEMENTS[path](number)})
    required = required and path.split(".")[-1] in shape_of(operation, path).required_members
    found = list(limits(values, shape, required, path))
    if documented := DOCUMENTED.get((name, path)):
        tail = f"satisfy enum value set: [{', '.join(documented)}]"
        found.append(Limit("enum", tuple(documented), ("x" * len(documented[0]),), tail))
    for limit in found:
        inside = None if limit.kind in ("required", "pattern") else limit.inside[0]
        outside = None if limit.outside[0] is ABSENT else limit.outside[0]
        yield Probe(name, path, shape, limit.kind, inside, outside, limit.tail, element)
    if shape.type_name == "list" and shape.member.type_name != "structure":
        yield from probes(operation, path, shape.member, False, element=True)


def shape_of(operation, path):
    """The structure that holds a member."""
    shape = operation.input_shape
    for part in path.split(".")[:-1]:
        shape = shape.members[part]
        shape = shape.member if shape.type_name == "list" else shape
    return shape


PROBES = [
    probe
    for operation in operations()
    for path, shape, required in members(operation.input_shape)
    for probe in probes(operation, path, shape, required)
]


@pytest.mark.parametrize("name", [operation.name for operation in operations()])
def test_each_constraint_just_inside_and_just_outside(world, name):
    sts = world.locum.client("sts", world.alice)
    call = getattr(sts, botocore.xform_name(name))
    for probe in [probe for probe in PROBES if probe.operation == name]:
        with pytest.raises(ClientError) as caught:
            call(**probe.parameters(world, probe.outside))
        answer = caught.value.response
        seen = (answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"]["Message"])
        assert seen == (400, "ValidationError", validation(probe.clause())), probe.key
        if probe.inside is None:
            continue
        try:
            call(**probe.parameters(world, probe.inside))
            seen = None
        except ClientError as error:
            seen = error.response["Error"]["Code"]
            assert "validation error" not in error.response["Error"]["Message"], (probe.key, error)
        assert seen == INSIDE.get(probe.key), probe.key


def test_all_that_is_missing_is_told_at_once(world):
    """An operation without any of its parameters names each that it needs, in the model's order."""
    for operation in operations():
        needed = [name for name in operation.input_shape.members if name in operation.input_shape.required_members]
        if not needed:
            continue
        with pytest.raises(ClientError) as caught:
            getattr(world.locum.client("sts", world.alice), botocore.xform_name(operation.name))()
        null = "Value at '{}' failed to satisfy constraint: Member must not be null"
        told = validation(*(null.format(name[0].lower() + name[1:]) for name in needed))
        assert caught.value.response["Error"]["Message"] == told
