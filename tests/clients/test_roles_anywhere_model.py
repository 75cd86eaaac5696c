"""IAM Roles Anywhere against botocore's model of it: every operation is there, and each constraint holds.

The model is walked as IAM's is (test_iam_model.py), by requests that boto3 makes of it.
"""

import pytest
from botocore.exceptions import ClientError
from harness import ACCOUNT, SESSION, Clock, Locum, Server, allow, not_authorized
from model import ABSENT, Values, clauses, declared, limits, places

MODEL = SESSION.client("rolesanywhere", region_name="us-east-1").meta.service_model
OPERATIONS = [MODEL.operation_model(name) for name in MODEL.operation_names]
# What a member's value has to be beside what the model says of it.
VALUES = Values(
    {
        "crlData": lambda shape, size, number: b"x",
        "sessionPolicy": lambda shape, size, number: "x" * (1 if size == "least" else 3000),
        "roleArns[]": lambda shape, size, number: f"arn:aws:iam::{ACCOUNT}:role/r{number}".ljust(1011 if size == "most" else 0, "r"),
        "sourceData": lambda shape, size, number: {"x509CertificateData": "x"},
    }
)


@pytest.fixture(scope="module")
def locum(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("model")) as server:
        yield Locum(server, Clock())
        assert not server.gone(), server.log_text()


@pytest.fixture(scope="module")
def walker(locum):
    return locum.client("rolesanywhere", locum.user("walker", allow("*")))


def ask(client, operation, parameters):
    """(status, code, message) of the answer."""
    try:
        answer = client._make_api_call(operation.name, parameters)
    except ClientError as error:
        answer = error.response
    told = answer.get("Error", {})
    return answer["ResponseMetadata"]["HTTPStatusCode"], told.get("Code"), told.get("Message", "")


def in_path(shape, place):
    """Whether a value is part of the path, which is another without it."""
    return shape.members[place.steps[0]].serialization.get("location") == "uri"


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_constraint_just_inside_and_just_outside(walker, operation):
    shape, found = operation.input_shape, []
    # The texts of the model have one more than its lists.
    codes = declared(operation) | {"AccessDeniedException", "ResourceNotFoundException"}

    def accepts(what, parameters):
        status, code, message = ask(walker, operation, parameters)
        fine = status in (200, 201) or (code in codes and status < 500 and not clauses(message))
        if not fine:
            found.append(f"{what} is refused: {status} {code}: {message[:300]}")

    for size in ("least", "most"):
        accepts(f"all at {size}", VALUES.of(shape, size))
    least = VALUES.of(shape)
    for place, inner, required, member in places(shape):
        for limit in limits(VALUES, inner, required, member) if member not in VALUES.known else ():
            for value in limit.inside:
                accepts(f"{place.path} {limit.kind}", VALUES.put(shape, least, place.steps, value))
            for value in limit.outside:
                if in_path(shape, place) and value in (ABSENT, ""):
                    continue
                status, code, message = ask(walker, operation, VALUES.put(shape, least, place.steps, value))
                told = clauses(message)
                fits = any(
                    tail == limit.tail and (where == place.printed or (place.in_map and where.startswith(place.printed)))
                    for where, tail in told
                )
                if (status, code) != (400, "ValidationException") or not fits:
                    what = "nothing" if value is ABSENT else str(value)[:40]
                    found.append(f"{place.path} beyond {limit.kind} ({what}) gets {status} {code}: {message[:200]}")
    assert found == []


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_who_has_no_policies_may_call_nothing(locum, operation):
    try:
        key = locum.user("nobody")
        locum.nobody = key
    except ClientError:
        key = locum.nobody
    client = locum.client("rolesanywhere", key)
    status, code, message = ask(client, operation, VALUES.of(operation.input_shape))
    action = f"rolesanywhere:{operation.name}"
    start = not_authorized(f"arn:aws:iam::{ACCOUNT}:user/nobody", action, "")
    assert (status, code) == (403, "AccessDeniedException")
    assert message.startswith(start)
    assert message.endswith(f" because no identity-based policy allows the {action} action")


def test_no_operation_is_missing():
    assert len(OPERATIONS) == 30
