"""EKS, as far as it is here, and EKS Auth against botocore's models of them: each constraint holds.

The models are walked, not copied: what a later model adds is tried, and fails until it is there.
"""

import json
import urllib.parse

import botocore.serialize
import pytest
from harness import ACCOUNT, REGION, SESSION, Clock, Locum, Server
from model import ABSENT, PATTERNS, Values, name
from walk import Walker

EKS = SESSION.client("eks", region_name="us-east-1").meta.service_model
AUTH = SESSION.client("eks-auth", region_name="us-east-1").meta.service_model
# What Pod Identity needs of EKS: the rest of it makes clusters, and there are none to make.
OPERATIONS = [
    EKS.operation_model(operation)
    for operation in [
        "CreatePodIdentityAssociation",
        "DeletePodIdentityAssociation",
        "DescribeCluster",
        "DescribePodIdentityAssociation",
        "ListClusters",
        "ListPodIdentityAssociations",
        "ListTagsForResource",
        "TagResource",
        "UntagResource",
        "UpdatePodIdentityAssociation",
    ]
] + [AUTH.operation_model(operation) for operation in AUTH.operation_names]

PATTERNS |= {
    r"[0-9A-Za-z][A-Za-z0-9\-_]*": (
        lambda length: "a" + name("Z9-_")(length - 1) if length else "",
        ["-a", "_a", "a b", "é", "a\n", "a.b", "a+b"],
    ),
    r"[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+": (
        lambda length: "aZ9_-=.b.c",
        ["a", "a.b", "a.b.c.d", "a..c", ".b.c", "a.b.", "a.b.c\n", "a.b.é"],
    ),
}
VALUES = Values({"resourceArn": lambda *_: f"arn:aws:eks:{REGION}:{ACCOUNT}:cluster/none"})


class RestWalker(Walker):
    values = VALUES
    refused = "InvalidParameterException"
    malformed = "SerializationException"

    def __init__(self, locum, operation):
        super().__init__(None, operation)
        self.locum = locum
        if operation.name in ("ListTagsForResource", "TagResource", "UntagResource"):
            self.refused = "BadRequestException"

    def location(self, place):
        return self.shape.members[place.steps[0]].serialization.get("location")

    def can_be_sent(self, place, value):
        # Without it the path is another one; and an empty list in a query string is none.
        nothing = {"uri": (ABSENT, ""), "querystring": ([],)}
        return value not in nothing.get(self.location(place), ())

    def ask(self, parameters, replaced=None):
        serializer = botocore.serialize.create_serializer("rest-json", include_validation=False)
        request = serializer.serialize_to_request(parameters, self.operation)
        query, body = dict(request["query_string"]), request["body"]
        for wire, text in (replaced or {}).items():
            if wire in query:
                query[wire] = text
            else:
                body = json.dumps(json.loads(body) | {wire: text}).encode()
        target = request["url_path"]
        if query:
            target += "?" + urllib.parse.urlencode(query, doseq=True, quote_via=urllib.parse.quote)
        body = body or b""
        service = self.operation.service_model.signing_name
        headers = {"Content-Type": "application/json"} if body else {}
        headers = self.locum.sign(service, request["method"], target, headers, body)
        return RestAnswer(self.locum.server.send(request["method"], target, headers, body))


class RestAnswer:
    """An answer whose error has its code in a header."""

    def __init__(self, answer):
        self.answer, self.status = answer, answer.status

    def error(self):
        return self.status, self.answer.headers["x-amzn-errortype"], json.loads(self.answer.body)["message"]


@pytest.fixture(scope="module")
def locum(tmp_path_factory):
    with Server(tmp_path_factory.mktemp("model")) as server:
        yield Locum(server, Clock())
        assert not server.gone(), server.log_text()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_each_constraint_just_inside_and_just_outside(locum, operation):
    walker = RestWalker(locum, operation).walk()
    assert walker.found == []
    assert walker.sent > 1


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_members_of_the_model_are_all_read(locum, operation):
    """A member of the wrong type is refused, so it was looked at: none of the model's is left out."""
    walker = RestWalker(locum, operation)
    least = VALUES.of(operation.input_shape)
    for member, shape in operation.input_shape.members.items():
        if "location" in shape.serialization:
            continue
        answer = walker.ask(least, {shape.serialization.get("name", member): [7]})
        assert answer.error()[:2] == (400, "SerializationException"), member


def test_values_are_what_their_patterns_say():
    import re

    for pattern in list(PATTERNS)[-2:]:
        make, illegal = PATTERNS[pattern]
        assert re.fullmatch(pattern, make(20))
        assert not any(re.fullmatch(pattern, text) for text in illegal)
