"""Sixteen clients at the same few names: what they were answered is what one after the other would have been.

The feed of changes tells the order. Each change in it must be one that was acknowledged, with the answer that
a plain model gives at that place; each answer that changed nothing must be the model's at some moment between
its request and its reply; and what is left must be the model's.

It takes 15 seconds; LOCUM_CONCURRENCY_SECONDS=60 makes it a minute.
"""

import bisect
import collections
import contextlib
import copy
import dataclasses
import functools
import itertools
import os
import random
import sqlite3
import threading
import time

import pytest
from harness import SESSION, Clock, Locum, Server, allow, policy, trusting
from model import declared

CLIENTS = 16
SECONDS = float(os.environ.get("LOCUM_CONCURRENCY_SECONDS", "15"))
IAM = SESSION.client("iam", region_name="us-east-1").meta.service_model

# Two of the users differ in letter case only, which makes them one.
USERS = ["ann", "Ann", "ben", "cid"]
GROUPS = ["team", "crew"]
ROLES = ["reader", "Writer"]
POLICIES = ["one", "two"]
TAGS = ["Dept", "dept", "cost"]
DOCUMENT = policy(allow("s3:GetObject"))
TRUST = policy(trusting({"Service": "ec2.amazonaws.com"}))


def arn(account, name):
    return f"arn:aws:iam::{account}:policy/{name}"


class Refused(Exception):
    """The model's error, by its code."""


def need(condition, code):
    if not condition:
        raise Refused(code)


@dataclasses.dataclass
class Entity:
    name: str
    attached: set = dataclasses.field(default_factory=set)
    inline: dict = dataclasses.field(default_factory=dict)
    members: set = dataclasses.field(default_factory=set)
    tags: dict = dataclasses.field(default_factory=dict)
    keys: dict = dataclasses.field(default_factory=dict)


@dataclasses.dataclass
class Policy:
    name: str
    versions: set = dataclasses.field(default_factory=lambda: {1})
    default: int = 1
    last: int = 1


class Model:
    """An account in maps and sets. `answer` is what the server said: it tells ids, which are not to be foreseen."""

    def __eq__(self, other):
        return (self.kinds, self.policies) == (other.kinds, other.policies)

    def __init__(self, account):
        self.account = account
        self.kinds = {"User": {}, "Group": {}, "Role": {}}
        self.policies = {}

    def call(self, operation, given, answer):
        """What the model answers: (code, values that must be the server's), by changing itself."""
        try:
            if operation in OF_EACH_KIND:
                rule, kind = OF_EACH_KIND[operation]
                return None, rule(self, kind, given) or {}
            return None, getattr(self, operation)(given, answer) or {}
        except Refused as refused:
            return refused.args[0], {}

    def entity(self, kind, given):
        found = self.kinds[kind].get(given[f"{kind}Name"].lower())
        need(found, "NoSuchEntity")
        return found

    def policy(self, given):
        found = self.policies.get(given["PolicyArn"])
        need(found, "NoSuchEntity")
        return found

    def create(self, kind, given):
        key = given[f"{kind}Name"].lower()
        need(key not in self.kinds[kind], "EntityAlreadyExists")
        self.kinds[kind][key] = Entity(given[f"{kind}Name"])
        return {f"{kind}Name": given[f"{kind}Name"]}

    def delete(self, kind, given):
        found = self.entity(kind, given)
        member = kind == "User" and any(found.name.lower() in group.members for group in self.kinds["Group"].values())
        need(not (found.attached or found.inline or found.members or found.keys or member), "DeleteConflict")
        del self.kinds[kind][found.name.lower()]

    def attach(self, kind, given):
        found = self.entity(kind, given)
        self.policy(given)
        found.attached.add(given["PolicyArn"])

    def detach(self, kind, given):
        found = self.entity(kind, given)
        need(given["PolicyArn"] in found.attached, "NoSuchEntity")
        found.attached.remove(given["PolicyArn"])

    def put_inline(self, kind, given):
        self.entity(kind, given).inline[given["PolicyName"]] = given["PolicyDocument"]

    def delete_inline(self, kind, given):
        found = self.entity(kind, given)
        need(given["PolicyName"] in found.inline, "NoSuchEntity")
        del found.inline[given["PolicyName"]]

    def UpdateUser(self, given, _):
        found = self.entity("User", given)
        old, new = found.name.lower(), given["NewUserName"].lower()
        need(new == old or new not in self.kinds["User"], "EntityAlreadyExists")
        del self.kinds["User"][old]
        self.kinds["User"][new] = found
        found.name = given["NewUserName"]
        for group in self.kinds["Group"].values():
            if old in group.members:
                group.members.remove(old)
                group.members.add(new)

    def GetUser(self, given, _):
        return {"UserName": self.entity("User", given).name}

    def GetRole(self, given, _):
        return {"RoleName": self.entity("Role", given).name}

    def AddUserToGroup(self, given, _):
        group = self.entity("Group", given)
        group.members.add(self.entity("User", given).name.lower())

    def RemoveUserFromGroup(self, given, _):
        group = self.entity("Group", given)
        group.members.discard(self.entity("User", given).name.lower())

    def TagUser(self, given, _):
        tags = self.entity("User", given).tags
        tags[given["Tags.member.1.Key"].lower()] = (given["Tags.member.1.Key"], given["Tags.member.1.Value"])

    def UntagUser(self, given, _):
        self.entity("User", given).tags.pop(given["TagKeys.member.1"].lower(), None)

    def CreateAccessKey(self, given, answer):
        found = self.entity("User", given)
        need(len(found.keys) < 2, "LimitExceeded")
        found.keys[answer.get("AccessKeyId")] = "Active"
        return {"UserName": found.name, "Status": "Active"}

    def key(self, given):
        found = self.entity("User", given)
        need(given["AccessKeyId"] in found.keys, "NoSuchEntity")
        return found.keys

    def UpdateAccessKey(self, given, _):
        self.key(given)[given["AccessKeyId"]] = given["Status"]

    def DeleteAccessKey(self, given, _):
        del self.key(given)[given["AccessKeyId"]]

    def CreatePolicy(self, given, _):
        here = arn(self.account, given["PolicyName"])
        need(here not in self.policies, "EntityAlreadyExists")
        self.policies[here] = Policy(given["PolicyName"])
        return {"DefaultVersionId": "v1", "Arn": here}

    def DeletePolicy(self, given, _):
        found = self.policy(given)
        used = any(given["PolicyArn"] in one.attached for kind in self.kinds.values() for one in kind.values())
        need(not used and len(found.versions) == 1, "DeleteConflict")
        del self.policies[given["PolicyArn"]]

    def CreatePolicyVersion(self, given, _):
        found = self.policy(given)
        need(len(found.versions) < 5, "LimitExceeded")
        found.last += 1
        found.versions.add(found.last)
        found.default = found.last if given["SetAsDefault"] == "true" else found.default
        return {"VersionId": f"v{found.last}", "IsDefaultVersion": given["SetAsDefault"]}

    def version(self, given):
        found = self.policy(given)
        need(int(given["VersionId"][1:]) in found.versions, "NoSuchEntity")
        return found, int(given["VersionId"][1:])

    def DeletePolicyVersion(self, given, _):
        found, version = self.version(given)
        need(version != found.default, "DeleteConflict")
        found.versions.remove(version)

    def SetDefaultPolicyVersion(self, given, _):
        found, version = self.version(given)
        found.default = version

    def GetPolicy(self, given, _):
        found = self.policy(given)
        used = sum(given["PolicyArn"] in one.attached for kind in self.kinds.values() for one in kind.values())
        return {"DefaultVersionId": f"v{found.default}", "AttachmentCount": str(used)}

    def state(self):
        """Everything, in the form in which `listed` reads it from the server."""
        users, groups, roles = (self.kinds[kind].values() for kind in ("User", "Group", "Role"))
        return {
            "users": {
                one.name: [sorted(one.attached), sorted(one.inline), dict(one.tags.values()), one.keys] for one in users
            },
            "groups": {
                one.name: [sorted(one.attached), sorted(self.kinds["User"][name].name for name in one.members)]
                for one in groups
            },
            "roles": {one.name: [sorted(one.attached), sorted(one.inline)] for one in roles},
            "policies": {one.name: [sorted(one.versions), one.default] for one in self.policies.values()},
        }


# What is the same for users, groups and roles.
OF_EACH_KIND = {
    name.format(kind): (rule, kind)
    for kind in ("User", "Group", "Role")
    for name, rule in {
        "Create{}": Model.create,
        "Delete{}": Model.delete,
        "Attach{}Policy": Model.attach,
        "Detach{}Policy": Model.detach,
        "Put{}Policy": Model.put_inline,
        "Delete{}Policy": Model.delete_inline,
    }.items()
}


def listed(iam, kept):
    """The same from the server, but for what was there before."""

    def names(listing, of):
        return sorted(listing[of])

    def attached(listing):
        return sorted(one["PolicyArn"] for one in listing["AttachedPolicies"])

    users = {
        name: [
            attached(iam.list_attached_user_policies(UserName=name)),
            names(iam.list_user_policies(UserName=name), "PolicyNames"),
            {tag["Key"]: tag["Value"] for tag in iam.list_user_tags(UserName=name)["Tags"]},
            {key["AccessKeyId"]: key["Status"] for key in iam.list_access_keys(UserName=name)["AccessKeyMetadata"]},
        ]
        for name in (one["UserName"] for one in iam.list_users()["Users"])
        if name not in kept
    }
    groups = {
        name: [
            attached(iam.list_attached_group_policies(GroupName=name)),
            sorted(one["UserName"] for one in iam.get_group(GroupName=name)["Users"]),
        ]
        for name in (one["GroupName"] for one in iam.list_groups()["Groups"])
    }
    roles = {
        name: [
            attached(iam.list_attached_role_policies(RoleName=name)),
            names(iam.list_role_policies(RoleName=name), "PolicyNames"),
        ]
        for name in (one["RoleName"] for one in iam.list_roles()["Roles"])
        if name not in kept
    }
    policies = {}
    for one in iam.list_policies(Scope="Local")["Policies"]:
        versions = iam.list_policy_versions(PolicyArn=one["Arn"])["Versions"]
        [default] = [int(version["VersionId"][1:]) for version in versions if version["IsDefaultVersion"]]
        policies[one["PolicyName"]] = [sorted(int(version["VersionId"][1:]) for version in versions), default]
    return {"users": users, "groups": groups, "roles": roles, "policies": policies}


def choice(draw, account, keys):
    """An operation, with parameters that are likely to meet those of others."""
    user = {"UserName": draw.choice(USERS)}
    group = {"GroupName": draw.choice(GROUPS)}
    role = {"RoleName": draw.choice(ROLES)}
    used = {"PolicyArn": arn(account, draw.choice(POLICIES))}
    inline = {"PolicyName": draw.choice("ab")}
    key = {"UserName": draw.choice(USERS), "AccessKeyId": draw.choice(keys or ["AKIAXXXXXXXXXXXXXXXX"])}
    version = used | {"VersionId": f"v{draw.randint(1, 12)}"}
    tag = draw.choice(TAGS)
    return draw.choice(
        [
            *[("CreateUser", user), ("DeleteUser", user)] * 2,
            ("UpdateUser", user | {"NewUserName": draw.choice(USERS)}),
            ("GetUser", user),
            ("TagUser", user | {"Tags.member.1.Key": tag, "Tags.member.1.Value": str(draw.randint(1, 9))}),
            ("UntagUser", user | {"TagKeys.member.1": tag}),
            ("CreateGroup", group),
            ("DeleteGroup", group),
            *[("AddUserToGroup", group | user), ("RemoveUserFromGroup", group | user)],
            ("CreateRole", role | {"AssumeRolePolicyDocument": TRUST}),
            ("DeleteRole", role),
            ("GetRole", role),
            ("CreatePolicy", {"PolicyName": draw.choice(POLICIES), "PolicyDocument": DOCUMENT}),
            ("DeletePolicy", used),
            ("GetPolicy", used),
            ("CreatePolicyVersion", used | {"PolicyDocument": DOCUMENT, "SetAsDefault": draw.choice(["true", "false"])}),
            *[("DeletePolicyVersion", version), ("SetDefaultPolicyVersion", version)] * 2,
            *[("AttachUserPolicy", user | used), ("DetachUserPolicy", user | used)],
            *[("AttachGroupPolicy", group | used), ("DetachGroupPolicy", group | used)],
            *[("AttachRolePolicy", role | used), ("DetachRolePolicy", role | used)],
            *[("PutUserPolicy", user | inline | {"PolicyDocument": DOCUMENT}), ("DeleteUserPolicy", user | inline)],
            *[("PutRolePolicy", role | inline | {"PolicyDocument": DOCUMENT}), ("DeleteRolePolicy", role | inline)],
            *[("CreateAccessKey", user), ("DeleteAccessKey", key), ("DeleteAccessKey", key)],
            ("UpdateAccessKey", key | {"Status": draw.choice(["Active", "Inactive"])}),
        ]
    )


@dataclasses.dataclass
class Call:
    """A request and its reply, with when each was."""

    operation: str
    given: dict
    began: float
    ended: float
    answer: object
    # Which of the changes it was, counted from one.
    place: int | None = None

    @functools.cached_property
    def code(self):
        return None if self.answer.status == 200 else self.answer.error()[1]

    def value(self, name):
        return self.answer.value(name)

    def told(self):
        """What the model may need to know of the answer."""
        return {"AccessKeyId": self.value("AccessKeyId")} if self.operation == "CreateAccessKey" else {}


def drive(locum, credentials, account):
    """All calls of all clients, until the time is up."""
    calls, keys = collections.deque(), collections.deque(maxlen=6)
    deadline = time.monotonic() + SECONDS
    failed = []

    def client(seed):
        draw = random.Random(seed)
        while time.monotonic() < deadline and not failed:
            operation, given = choice(draw, account, list(keys))
            began = time.monotonic()
            try:
                answer = locum.form("iam", {"Action": operation} | given, credentials)
            except OSError as error:
                failed.append((operation, error))
                return
            calls.append(Call(operation, given, began, time.monotonic(), answer))
            if operation == "CreateAccessKey" and answer.status == 200:
                keys.append(answer.value("AccessKeyId"))

    threads = [threading.Thread(target=client, args=(seed,)) for seed in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    return list(calls)


def feed(data, since):
    """(sequence, action, request id) of each change, in order."""
    query = "SELECT sequence, action, request_id FROM feed WHERE sequence > ? ORDER BY sequence"
    with contextlib.closing(sqlite3.connect(f"file:{data}/locum.db?mode=ro", uri=True)) as connection:
        return connection.execute(query, [since]).fetchall()


def bounds(changes):
    """A function: after how many changes, at least and at most, a call was answered.

    It saw what was acknowledged before it was asked for, and nothing that was asked for after it was answered.
    """
    by_end = sorted((change.ended, change.place) for change in changes)
    by_begin = sorted((change.began, change.place) for change in changes)
    latest = [0, *itertools.accumulate((place for _, place in by_end), max)]
    earliest = [*itertools.accumulate((place for _, place in reversed(by_begin)), min, initial=len(changes) + 1)][::-1]

    def of(call):
        seen = bisect.bisect_left(by_end, (call.began, 0))
        unseen = bisect.bisect_right(by_begin, (call.ended, len(changes)))
        return latest[seen], earliest[unseen] - 1

    return of


def disagreement(model, call):
    """Why the model at this place does not say what the server said; `None` if it does."""
    code, values = model.call(call.operation, call.given, call.told())
    seen = call.code
    if code != seen:
        return f"{call.operation} {call.given}: the model says {code}, the server {seen}"
    for name, value in values.items():
        if call.value(name) != value:
            return f"{call.operation} {call.given}: {name} is {call.value(name)}, not {value}"
    return None


def unfounded(model, call):
    """The same for a call that changed nothing: it must not change the model either."""
    trial = copy.deepcopy(model)
    return disagreement(trial, call) or (None if trial == model else f"{call.operation} {call.given} has no place")


def replay(account, calls, changes):
    """The model after all changes, and the first contradiction to what was answered, if there is one."""
    bound, waiting = bounds(changes), collections.defaultdict(list)
    of_changes = {id(call) for call in changes}
    for call in calls:
        if id(call) not in of_changes:
            first, last = bound(call)
            waiting[first].append((last, call))
    model, unanswered = Model(account), []
    for place in range(len(changes) + 1):
        if place and (why := disagreement(model, changes[place - 1])):
            return model, why
        # What changed nothing was true at some moment.
        unanswered += waiting[place]
        reasons = [(last, call, unfounded(model, call)) for last, call in unanswered]
        for last, _, why in reasons:
            if why and last <= place:
                return model, why
        unanswered = [(last, call) for last, call, why in reasons if why]
    return model, None


@pytest.mark.timeout(SECONDS + 180)
def test_sixteen_clients_are_answered_as_one_after_the_other(tmp_path):
    data = tmp_path / "data"
    with Server(tmp_path / "server", "--data", str(data), ephemeral=False) as server:
        locum = Locum(server, Clock())
        admin = locum.user("admin", allow("*"))
        since = feed(data, 0)[-1][0]
        account = locum.client("sts").get_caller_identity()["Account"]
        calls = drive(locum, admin, account)
        found = listed(locum.client("iam"), {"admin"})
        assert server.terminate() == 0

    # Nothing but what the operation's model declares.
    codes = {(call.operation, call.code) for call in calls if call.code}
    assert {one for one in codes if one[1] not in declared(IAM.operation_model(one[0]))} == set()

    # Each change is one that was acknowledged.
    by_id = {call.value("RequestId"): call for call in calls}
    assert len(by_id) == len(calls)
    changes = []
    for place, (_, action, request) in enumerate(feed(data, since), start=1):
        call = by_id[request]
        assert (call.code, action) == (None, f"iam:{call.operation}")
        call.place = place
        changes.append(call)
    # In the order of the feed nothing comes before what was acknowledged before it was asked for.
    latest = 0.0
    for call in changes:
        assert call.ended >= latest, f"{call.operation} was acknowledged before an earlier change was asked for"
        latest = max(latest, call.began)

    model, contradiction = replay(account, calls, changes)
    assert contradiction is None
    assert model.state() == found

    # Otherwise this would show nothing: there was much, and a history with a lie in it is not believed.
    assert len(changes) > 20 * SECONDS
    assert {"NoSuchEntity", "EntityAlreadyExists", "DeleteConflict", "LimitExceeded"} <= {code for _, code in codes}
    for operation in ("CreateUser", "AttachRolePolicy", "CreatePolicyVersion"):
        at = next(at for at, call in enumerate(changes) if call.operation == operation)
        assert replay(account, calls, changes[:at] + changes[at + 1 :])[1], f"nobody misses {operation}"
