"""A service as botocore models it, walked: what its parameters may be, and what its answers must be.

Nothing here knows an operation. What a constraint allows and what lies just outside is made from the
model, so that a later model's constraints are tried without a word about them.
"""

import base64
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass

import botocore.serialize
import botocore.utils

ABSENT = object()

# Text


def name(characters):
    """Of text in which any of these characters may stand anywhere: text of a length."""
    return lambda length: (characters * (length // len(characters) + 1))[:length]


def path(length):
    return "/" if length < 3 else f"/{'p' * (length - 2)}/"


LATIN = name("a é\t~ÿ")
UUID = "01234567-89ab-cdef-0123-456789abcdef"
LETTERS = name("aZ09_")
# pattern: text of a length that is in it, and texts that are not, each as long as the shortest may be.
PATTERNS = {
    r"[\w+=,.@-]*": (name("aZ9_+=,.@-"), ["a/b", "é1", "a\n"]),
    r"[\w+=,.@-]+": (name("aZ9_+=,.@-"), ["a/b", "é", "a\n", " ", "٣"]),
    r"[\w+=,.@:\/-]*": (name("aZ9_+=,.@:/-"), ["a?b"]),
    r"[\w+=/:,.@-]*": (name("a/:9_+=,.@-"), ["123456789?"]),
    r"[\w+=/:,.@-]+": (name("a/:9_+=,.@-"), ["123456789?", "12345678\n"]),
    r"[\w._-]+": (name("aZ9._-"), ["a/b", "é", "a\n", "a=b"]),
    r"[\w-]+": (name("aZ9_-"), ["a" * 15 + "/", "é" * 16, "a" * 16 + "\n"]),
    r"[\w-]*": (name("aZ9_-"), ["a:b", "é", "a\n"]),
    r"[\w]*": (LETTERS, ["AKIAIOSFODNN7EXAMPL-"]),
    r"[\w]+": (LETTERS, ["A" * 23 + "-", "A" * 24 + "\n", "é" * 24]),
    r"[A-Z0-9]+": (name("AZ09"), ["a" * 22, "A" * 21 + "_"]),
    r"[\d]*": (name("123"), ["12345x"]),
    r"[\d]+": (name("123"), ["12345x", "٣" * 6, "12345\n"]),
    r"\d{12}": (lambda _: "123456789012", ["1", "1" * 11, "1" * 13, "12345678901x", "٣" * 12]),
    r"[ -~]+": (name("a ~!"), ["éé" * 3, "aaaaa\t", "aaaaa\x7f"]),
    r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+": (name("aé 9_.:/=+-@Ж٣"), ["a*", "\t", "😀"]),
    r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*": (name("aé 9_.:/=+-@Ж٣"), ["a*", "\t", "😀"]),
    r"[\u0009\u000A\u000D\u0020-\u007E\u0085\u00A0-\uD7FF\uE000-\uFFFD\u10000-\u10FFFF]+": (
        name("a"),
        ["arn:aws:iam::123456789012:role/\u0080"],
    ),
    r"[\u0009\u000A\u000D\u0020-\u00FF]+": (LATIN, ["\u0100", "a\x00", "a\x1f"]),
    r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*": (LATIN, ["\u0100", "a\x7f", "\u00a0"]),
    r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]+": (LATIN, ["aaaaa\u0100", "aaaaa\x7f", "aaaaa\u00a0"]),
    r"[\u0020-\u00FF]+": (name("aé "), ["\u0100", "a\n"]),
    r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)": (path, ["a", "/a", "a/", "//", "/é/", "/a b/", "/a\n/", "/\x7f/"]),
    r"((/[A-Za-z0-9\.,\+@=_-]+)*)/": (path, ["a", "/a", "a/", "//", "/é/", "/a//b/", "/a b/", "/a:b/"]),
    r"\u002F[\u0021-\u007F]*": (lambda length: "/" + "p" * (length - 1), ["a", "a/", "/é", "/a b", "/a\n"]),
    r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?": (lambda _: "v7", ["", "v", "v0", "1", "V1", "v1.é", "v1_", "v1\n"]),
    r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$": (
        lambda length: "a" + "b-" * ((length - 2) // 2) + "c" * (length - 1 - 2 * ((length - 2) // 2)),
        ["-aa", "aa-", "a--b", "Aaa", "a_a", "aéa", "a.b", "aaa\n"],
    ),
    r"^[a-zA-Z0-9:/+=,.@_-]+$": (name("aZ9:/+=,.@_-"), ["a" * 19 + "?", "é" * 20, "a" * 20 + "\n"]),
    r"^[a-zA-Z0-9:_.-]+$": (name("aZ9:_.-"), ["a/b", "éé", "aa\n"]),
    r"^http(s?)://[a-zA-Z0-9._/-]*(\?[a-zA-Z0-9._=&-]*)?(#[a-zA-Z0-9._/-]*)?$": (
        lambda length: "http://" + "a" * (length - 7),
        ["ftp://a", "http:/a", "https://a b", "https://é", "javascript:alert(1)", "https://a\n"],
    ),
    r"^o-[0-9a-z]{10,32}\/r-[0-9a-z]{4,32}[0-9a-z-\/]*": (
        lambda length: "o-aaaaaaaaaa/r-aaaa".ljust(length, "a"),
        ["o-aaaaaaaaaa/r-aaa/", "x-aaaaaaaaaa/r-aaaa", "o-AAAAAAAAAA/r-aaaa", "o-aaaaaaaaaa/r-aaaa/é"],
    ),
    r"^p-[0-9a-zA-Z_]{8,128}$": (lambda _: "p-abcd1234", ["p-1234567", "x-12345678", "p-é2345678", "p-" + "a" * 129]),
    # IAM Roles Anywhere
    r"[ a-zA-Z0-9-_]*": (name("aZ9 -_"), ["a/b", "é", "a\n"]),
    r"[ a-zA-Z0-9_.:/=+@-]*": (name("aZ9 _.:/=+@-"), ["a*", "é", "a\t"]),
    r"(?!.*//)([A-Za-z]([A-Za-z0-9_/-]*[A-Za-z0-9_-])?)?": (
        lambda length: ("a" + "b/_-" * (length // 4) + "c" * 4)[: length - 1] + "c" if length else "",
        ["1a", "a/", "a//b", "a b", "é", "a\n"],
    ),
    **{
        rf"([a-f0-9]{{8}}-([a-z0-9]{{4}}-){{3}}[a-z0-9]{{12}}|arn:aws(-[^:]+)?:rolesanywhere(:.*){{2}}:({kind}|alias/{kind})/.*)": (
            lambda length, kind=kind: UUID
            if length <= len(UUID)
            else f"arn:aws:rolesanywhere:us-east-1:123456789012:{kind}/".ljust(length, "a"),
            [UUID.upper(), UUID + "0", f"arn:aws:rolesanywhere:us-east-1:123456789012:other/{UUID}", "é"],
        )
        for kind in ("trust-anchor", "profile", "crl")
    },
    r"arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:trust-anchor.*|:alias/trust-anchor/.*)": (
        lambda length: "arn:aws:rolesanywhere:us-east-1:123456789012:trust-anchor/".ljust(length, "a"),
        ["arn:aws:rolesanywhere:us-east-1:123456789012:profile/a", "é"],
    ),
    r"arn:aws(-[^:]+)?:iam(:.*){2}(:role.*)": (
        lambda length: "arn:aws:iam::123456789012:role/".ljust(length, "a"),
        ["arn:aws:iam::123456789012:user/a", "é"],
    ),
    r".*[a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}.*": (lambda length: UUID.ljust(length, "a"), [UUID.upper(), "a" * 36]),
    r"^[A-Za-z][A-Za-z0-9/_-]*$": (
        lambda length: "A" + "b/_-" * (length // 4) + "c" * ((length - 1) % 4),
        ["1a", "/a", "é", "a b", "a\n"],
    ),
}


def shortest(shape):
    """The least length that a shape allows, which its pattern may raise."""
    low = shape.metadata.get("min", 0)
    floors = {r"arn:aws(-[^:]+)?:rolesanywhere": 58, r"arn:aws(-[^:]+)?:iam": 31, r"([a-f0-9]{8}": 36, r"^http": 7, r"(\u002F)": 1, r"((/[A": 1, r"\u002F[": 1}
    pattern = shape.metadata.get("pattern", "")
    floor = next((least for start, least in floors.items() if pattern.startswith(start)), 0)
    return max(low, floor, 1 if pattern.endswith("+") else 0)


def text(shape, length):
    """Text of that length that keeps the pattern."""
    pattern = shape.metadata.get("pattern")
    return PATTERNS[pattern][0](length) if pattern else "a" * length


def in_python(pattern):
    """The pattern as Python's module compiles it; `None` where it has classes that the module lacks."""
    if r"\p{" in pattern or r"\u10000" in pattern:
        return None
    return re.compile(pattern, re.ASCII)


# Values


class Values:
    """Makes values of shapes; `known`: by a member's name, what is more than text of some length."""

    def __init__(self, known=None):
        self.known = known or {}

    def of(self, shape, size="least", member="", number=0):
        """A legal value: the `least` or the `most` that the model allows, within reason."""
        if member in self.known:
            return self.known[member](shape, size, number)
        kind = shape.type_name
        if kind == "structure":
            # Of one without required members the first stands for all: an empty one is not sent at all.
            needed = shape.required_members or list(shape.members)[: 1 if member else 0]
            return {
                name: self.of(inner, size, name, number)
                for name, inner in shape.members.items()
                if size == "most" or name in needed
            }
        if kind == "list":
            low, high = max(shape.metadata.get("min", 1), 1), shape.metadata.get("max", 3)
            return [self.of(shape.member, size, member + "[]", n) for n in range(low if size == "least" else high)]
        if kind == "map":
            return {self.of(shape.key, "least"): self.of(shape.value, size)}
        if kind in ("integer", "long"):
            return shape.metadata.get("min" if size == "least" else "max", 1)
        if kind == "boolean":
            return size == "most"
        if shape.enum:
            return shape.enum[0 if size == "least" else -1]
        if size == "least":
            short = max(shortest(shape), 1)
            return text(shape, short) if not number else text(shape, max(short, 2))[: -len(str(number))] + str(number)
        long = text(shape, min(shape.metadata.get("max", 64), 3000))
        return long[: len(long) - len(str(number))] + str(number) if number else long

    def put(self, shape, holder, steps, value, member=""):
        """`holder` with `value` in that place; what is around it is made."""
        if not steps:
            return value
        step, *rest = steps
        if shape.type_name == "structure":
            copy = dict(self.of(shape, member=member) if holder is None else holder)
            if value is ABSENT and not rest:
                copy.pop(step, None)
            else:
                copy[step] = self.put(shape.members[step], copy.get(step), rest, value, step)
            return copy
        if shape.type_name == "list":
            items = list(holder or self.of(shape, member=member))
            items[0] = self.put(shape.member, items[0] if rest else None, rest, value, member + "[]")
            return items
        key, inner = next(iter((holder or self.of(shape)).items()))
        if step == "key":
            return {value: inner}
        return {key: self.put(shape.value, inner, rest, value)}


def pairs(operation, parameters):
    """The parameters as the query protocol sends them."""
    serializer = botocore.serialize.create_serializer("query", include_validation=False)
    return dict(serializer.serialize_to_request(parameters, operation)["body"])


# Constraints


@dataclass(frozen=True)
class Limit:
    """One constraint of a shape: values that just keep it, and some that just do not."""

    kind: str
    inside: tuple
    outside: tuple
    tail: str


def limits(values, shape, required=False, member=""):
    """The constraints of a shape, without those of what is in it."""
    low, high, pattern = (shape.metadata.get(limit) for limit in ("min", "max", "pattern"))
    kind = shape.type_name
    if required:
        yield Limit("required", (), (ABSENT,), "not be null")
    if kind in ("integer", "long"):
        if low is not None:
            yield Limit("min", (low,), (low - 1,), f"have value greater than or equal to {low}")
        if high is not None:
            yield Limit("max", (high,), (high + 1,), f"have value less than or equal to {high}")
    elif kind == "list":
        make = [values.of(shape.member, "least", member + "[]", n) for n in range((high or 0) + 1)]
        if low:
            fewer = make[: low - 1]
            yield Limit("min", (make[:low],), (fewer,), f"have length greater than or equal to {low}")
        if high is not None:
            yield Limit("max", (make[:high],), (make,), f"have length less than or equal to {high}")
    elif kind == "map":
        if high is not None:
            make = {f"k{n}": values.of(shape.value) for n in range(high + 1)}
            few = dict(list(make.items())[:high])
            yield Limit("max", (few,), (make,), f"have length less than or equal to {high}")
    elif kind == "string":
        known = values.known.get(member)
        if low:
            least = known(shape, "least", 0) if known else text(shape, max(low, shortest(shape)))
            yield Limit("min", (least,), (least[: low - 1],), f"have length greater than or equal to {low}")
        if high is not None:
            most = known(shape, "most", 0) if known else text(shape, high)
            yield Limit("max", (most,), (text(shape, high + 1),), f"have length less than or equal to {high}")
        if pattern:
            illegal = [bad for bad in PATTERNS[pattern][1] if len(bad) >= (low or 0)]
            fits = text(shape, max(shortest(shape), low or 0, 3))
            yield Limit("pattern", (fits,), tuple(illegal), f"satisfy regular expression pattern: {pattern}")
        if shape.enum:
            others = ("x" * len(shape.enum[0]), shape.enum[0].swapcase(), shape.enum[0] + " ", "")
            tail = f"satisfy enum value set: [{', '.join(shape.enum)}]"
            yield Limit("enum", tuple(shape.enum), others, tail)


@dataclass(frozen=True)
class Place:
    """Where a value stands in an operation's parameters."""

    steps: tuple = ()
    # As the query protocol names it, and as AWS prints it.
    wire: str = ""
    printed: str = ""
    in_map: bool = False

    def member(self, name):
        lower = name[0].lower() + name[1:]
        dot = "." if self.wire else ""
        # Inside a map the place that is printed stays the map's own: how entries are counted is written nowhere.
        printed = self.printed if self.in_map else f"{self.printed}{dot}{lower}"
        return Place((*self.steps, name), f"{self.wire}{dot}{name}", printed, self.in_map)

    def element(self):
        printed = self.printed if self.in_map else f"{self.printed}.1.member"
        return Place((*self.steps, 0), f"{self.wire}.member.1", printed, self.in_map)

    def entry(self, part):
        return Place((*self.steps, part), f"{self.wire}.entry.1.{part}", self.printed, True)

    @property
    def path(self):
        return ".".join("[]" if step == 0 else step for step in self.steps)


def places(shape, place=Place(), required=False, member=""):
    """(place, shape, whether required, member's name) of all that a shape has inside, at any depth."""
    if place.steps:
        yield place, shape, required, member
    if shape.type_name == "structure":
        for name, inner in shape.members.items():
            yield from places(inner, place.member(name), name in shape.required_members, name)
    elif shape.type_name == "list":
        yield from places(shape.member, place.element(), False, member + "[]")
    elif shape.type_name == "map":
        yield from places(shape.key, place.entry("key"))
        yield from places(shape.value, place.entry("value"))


def declared(operation):
    """The codes of an operation's errors."""
    return {shape.metadata.get("error", {}).get("code", shape.name) for shape in operation.error_shapes}


CLAUSE = re.compile(r"Value(?: '.*?')? at '([^']*)' failed to satisfy constraint: Member must (.*)", re.DOTALL)


def clauses(message):
    """(place, tail) of each constraint that a ValidationError tells; none of another text."""
    found = re.fullmatch(r"(\d+) validation errors? detected: (.*)", message or "", re.DOTALL)
    if not found:
        return []
    told = [CLAUSE.fullmatch(part) for part in re.split(r"; (?=Value)", found[2])]
    assert all(told) and len(told) == int(found[1]), message
    return [clause.groups() for clause in told]


# Answers

# What IAM has always answered beside what its model says.
BESIDE_THE_ENUM = {
    ("PermissionsBoundaryAttachmentType", "Policy"),
    ("PolicySourceType", "IAM Policy"),
    ("PolicySourceType", "Resource Policy"),
    ("PolicySourceType", "Permissions Boundary Policy"),
}


def local(element):
    return element.tag.rsplit("}")[-1]


# The root user has neither, though the model requires them.
OF_USERS_ONLY = {
    ("User", "Path"),
    ("User", "UserName"),
    ("MFADevice", "UserName"),
    ("SigningCertificate", "UserName"),
}


def losses(operation, body):
    """What of an answer in XML a client that knows the model alone would lose, misread, or miss."""
    root = ElementTree.fromstring(body)
    if local(root) != f"{operation.name}Response":
        return [f"{local(root)} answers {operation.name}"]
    shape = operation.output_shape
    wrapper = shape.serialization.get("resultWrapper") if shape else None
    found, results = [], []
    for child in root:
        if local(child) == "ResponseMetadata":
            continue
        if local(child) == wrapper:
            results.append(child)
        else:
            found.append(f"{local(child)} is not in the model")
    if wrapper and len(results) != 1:
        found.append(f"{len(results)} elements {wrapper}")
    for result in results:
        found += element_losses(shape, result, wrapper)
    return found


def element_losses(shape, element, where):
    kind, children = shape.type_name, list(element)
    if kind == "structure":
        named = {inner.serialization.get("name", name): (name, inner) for name, inner in shape.members.items()}
        seen = [local(child) for child in children]
        yield from (f"{where}.{name} is twice there" for name in set(seen) if seen.count(name) > 1)
        for child in children:
            if local(child) in named:
                yield from element_losses(named[local(child)][1], child, f"{where}.{local(child)}")
            else:
                yield f"{where}.{local(child)} is not in the model"
        for name, (member, _) in named.items():
            needed = member in shape.required_members and (shape.name, member) not in OF_USERS_ONLY
            if needed and name not in seen:
                yield f"{where}.{name} is missing"
        if (element.text or "").strip():
            yield f"{where} has text"
    elif kind == "list":
        for child in children:
            if local(child) == shape.member.serialization.get("name", "member"):
                yield from element_losses(shape.member, child, f"{where}[]")
            else:
                yield f"{where} has the element {local(child)}"
    elif kind == "map":
        for child in children:
            if [local(child), *map(local, child)] == ["entry", "key", "value"]:
                yield from element_losses(shape.key, child[0], f"{where}.key")
                yield from element_losses(shape.value, child[1], f"{where}.value")
            else:
                yield f"{where} has the element {local(child)}"
    elif children:
        yield f"{where} has elements"
    else:
        yield from scalar_losses(shape, element.text or "", where)


def scalar_losses(shape, found, where):
    kind = shape.type_name
    if kind in ("integer", "long") and not re.fullmatch(r"-?\d+", found):
        yield f"{where} is no number: {found!r}"
    elif kind == "boolean" and found not in ("true", "false"):
        yield f"{where} is no boolean: {found!r}"
    elif kind == "timestamp":
        try:
            botocore.utils.parse_timestamp(found)
        except ValueError:
            yield f"{where} is no time: {found!r}"
    elif kind == "blob":
        try:
            base64.b64decode(found, validate=True)
        except ValueError:
            yield f"{where} is not base64"
    elif kind == "string" and shape.enum and found not in shape.enum and (shape.name, found) not in BESIDE_THE_ENUM:
        yield f"{where} is not of {shape.name}: {found!r}"
