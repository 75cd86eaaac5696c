"""IAM against botocore's model of it: every operation is there, and each constraint holds.

The model is walked, not copied: what a later model adds is tried, and fails until it is there.
"""

import contextlib
import copy

import botocore.model
import pytest
from harness import ACCOUNT, SESSION, Clock, Locum, Server, allow, policy
from model import ABSENT, PATTERNS, Values, clauses, in_python, pairs
from walk import Walker

MODEL = SESSION.client("iam", region_name="us-east-1").meta.service_model
OPERATIONS = [MODEL.operation_model(name) for name in MODEL.operation_names]


def arn(kind):
    """ARNs of a kind, as short and as long as an ARN may be."""
    stem = f"arn:aws:iam::{ACCOUNT}:{kind}/"
    return lambda shape, size, number: stem + ("n" if size == "least" else "n" * (shape.metadata["max"] - len(stem)))


def permissions(shape, size, number):
    """The model requires nothing of it, IAM its template."""
    return {"PolicyTemplateArn": arn("policy")(shape.members["PolicyTemplateArn"], size, 0)}


def parameter(shape, size, number):
    return {"Name": f"name-{number}", "Values": ["value"], "Type": "string"}


def url(shape, size, number):
    """Of a provider, which nobody can reach."""
    return "https://issuer.invalid/".ljust(shape.metadata["max"] if size == "most" else 0, "u")


# What a member's value has to be beside what the model says of it.
VALUES = Values(
    {
        "PolicyArn": arn("policy"),
        "PermissionsBoundary": arn("policy"),
        "OpenIDConnectProviderArn": arn("oidc-provider"),
        "SAMLProviderArn": arn("saml-provider"),
        # The user that walks.
        "PolicySourceArn": lambda shape, size, number: f"arn:aws:iam::{ACCOUNT}:user/walker",
        "EntityArn": arn("role"),
        "Arn": arn("role"),
        "Permissions": permissions,
        "Parameters[]": parameter,
        "Url": url,
        "ActionNames[]": lambda shape, size, number: "s3:GetObject",
        "PolicyInputList[]": lambda shape, size, number: policy(allow("s3:GetObject")),
    }
)
# What has an error code of its own.
OTHER_CODES = {
    ("CreateRole", "MaxSessionDuration", "min"): "ParamValidation",
    ("UpdateRole", "MaxSessionDuration", "min"): "ParamValidation",
}
# The simulator reads this itself, since wildcards are legal in it that the model's pattern has not.
READ_BY_THE_SIMULATOR = "PolicyExclusionList.[].InlinePolicyIdentifier."
# What a value that keeps all of the model's constraints may be refused with: none is of the model.
TOO_LONG = (413, "Request body exceeds the maximum of 1048576 bytes")
BEYOND_THE_MODEL = {
    # No request is longer than that, whatever metadata and chains of certificates may be.
    TOO_LONG,
    # The model lets it out for root sessions.
    (400, "1 validation error detected: Value at 'password' failed to satisfy constraint: Member must not be null"),
    # The report is of what service control policies allow.
    (400, "Service control policies are not enabled for the root of the organization."),
    (400, "Invalid Marker."),
    (400, "Invalid ARN:  Could not be parsed!"),
    # Of a credential's three statuses, IAM alone sets this one.
    (400, "Status Expired cannot be set by a caller."),
    # The ARN, in which the path stands, is the serial number, which may have 256 characters.
    (
        400,
        "1 validation error detected: Value at 'virtualMFADeviceName' failed to satisfy constraint: "
        "Member must have length less than or equal to 256",
    ),
}


@pytest.fixture(scope="module")
def locum(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("model"), "--public-url", "https://locum.example") as server:
        yield Locum(server, Clock())
        assert not server.gone(), server.log_text()


@pytest.fixture(scope="module")
def admin(locum):
    return locum.user("walker", allow("*"))


class IamWalker(Walker):
    """The walk through IAM's operations, by its query protocol."""

    values, beyond, too_long = VALUES, BEYOND_THE_MODEL, TOO_LONG

    def ask(self, parameters, replaced=None):
        form = pairs(self.operation, parameters) | (replaced or {})
        return self.send({name: value for name, value in form.items() if value is not ABSENT})

    def refused_with(self, place, limit):
        by_simulator = place.path.startswith(READ_BY_THE_SIMULATOR)
        other = "InvalidInput" if by_simulator else "ValidationError"
        code = OTHER_CODES.get((self.operation.name, place.path, limit.kind), other)
        # IAM does not print the values of an enumeration.
        return code, "satisfy enum value set" if limit.kind == "enum" else limit.tail


def sender(locum, admin, name):
    return lambda form: locum.form("iam", form | {"Action": name}, admin)


def test_every_operation_is_bound(locum, admin):
    answers = {name: locum.form("iam", {"Action": name}, admin) for name in MODEL.operation_names}
    missing = [name for name, answer in answers.items() if answer.status != 200 and answer.error()[1] == "InvalidAction"]
    assert missing == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_constraint_just_inside_and_just_outside(locum, admin, operation):
    walker = IamWalker(sender(locum, admin, operation.name), operation).walk()
    assert walker.found == []
    assert walker.sent or operation.input_shape is None


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_all_that_is_missing_is_told_at_once(locum, admin, operation):
    shape = operation.input_shape
    needed = [name for name in shape.members if name in shape.required_members] if shape else []
    if needed:
        answer = locum.form("iam", {"Action": operation.name}, admin)
        places = [name[0].lower() + name[1:] for name in needed]
        assert (answer.status, clauses(answer.error()[2])) == (400, [(place, "not be null") for place in places])


PAGED = [one for one in OPERATIONS if one.input_shape and "Marker" in one.input_shape.members]


@pytest.mark.parametrize("operation", PAGED, ids=lambda operation: operation.name)
def test_a_marker_is_good_for_its_own_list_only(locum, admin, operation):
    """One that was made up, and the one that another list gave: nothing is skipped by mistake."""
    iam = locum.client("iam", admin)
    other = "ListGroups" if operation.name == "ListUsers" else "ListUsers"
    for name in ("ListGroups", "ListUsers"):
        create, named = ("create_group", "GroupName") if name == "ListGroups" else ("create_user", "UserName")
        for number in range(2):
            with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
                getattr(iam, create)(**{named: f"listed-{number}"})
    listed = iam.list_users(MaxItems=1) if other == "ListUsers" else iam.list_groups(MaxItems=1)
    expected = (400, "ValidationError", "Invalid Marker.")
    if operation.name.startswith("Simulate"):
        expected = (400, "InvalidInput", "Invalid marker for pagination.")
    for marker in (listed["Marker"], listed["Marker"][:-1], "bm9uZQ", "0", "é"):
        form = pairs(operation, VALUES.of(operation.input_shape)) | {"Marker": marker, "Action": operation.name}
        assert locum.form("iam", form, admin).error() == expected, marker


def test_values_are_what_their_patterns_say():
    """Of the table itself: what it calls legal is, and what it calls illegal is not."""
    tried = 0
    for pattern, (make, illegal) in PATTERNS.items():
        compiled = in_python(pattern)
        if compiled is None:
            continue
        tried += 1
        for length in (20, 40):
            assert compiled.fullmatch(make(length)), (pattern, make(length))
        for text in illegal:
            assert not compiled.fullmatch(text), (pattern, text)
    assert tried > 20


def mutated(name, change):
    """An operation of a model in which something was changed."""
    raw = copy.deepcopy(MODEL._service_description)
    change(raw["shapes"])
    return botocore.model.ServiceModel(raw, "iam").operation_model(name)


@pytest.mark.parametrize(
    ("name", "shape", "key", "value", "told"),
    [
        ("CreateUser", "userNameType", "max", 63, "UserName beyond max"),
        ("CreateUser", "userNameType", "max", 65, "UserName max is refused"),
        ("CreateUser", "userNameType", "min", 2, "UserName beyond min"),
        ("CreateUser", "userNameType", "pattern", r"[\w-]+", "UserName beyond pattern"),
        ("TagUser", "tagListType", "max", 49, "Tags beyond max"),
        ("TagUser", "tagKeyType", "max", 127, "Tags.[].Key beyond max"),
        ("ListUsers", "maxItemsType", "max", 999, "MaxItems beyond max"),
        ("CreateRole", "roleMaxSessionDurationType", "min", 3601, "MaxSessionDuration beyond min"),
        ("UpdateAccessKey", "statusType", "enum", ["Active", "Passive"], "Status enum is refused"),
        ("GetUser", "GetUserRequest", "required", ["UserName"], "UserName beyond required"),
    ],
)
def test_the_walk_notices_a_constraint_that_is_not_the_models(locum, admin, name, shape, key, value, told):
    operation = mutated(name, lambda shapes: shapes[shape].update({key: value}))
    found = IamWalker(sender(locum, admin, name), operation).walk().found
    assert any(line.startswith(told) for line in found), found
