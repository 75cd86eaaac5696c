"""`locum policy`: checking documents and running cases, as a person and as CI do."""

import json
import os
import subprocess

import boto3
import pytest
from harness import BINARY, ROOT, allow, base_environment, deny, policy, trusting

ANN = "arn:aws:iam::123456789012:user/ann"
CASE = {
    "name": "ann reads",
    "rule": "readers read",
    "principal": ANN,
    "action": "s3:GetObject",
    "resource": "arn:aws:s3:::data/x",
    "expect": "allowed",
    "identity_policies": [json.loads(policy(allow("s3:Get*", "arn:aws:s3:::data/*")))],
}
DENIED = CASE | {
    "name": "ann writes",
    "action": "s3:PutObject",
    "expect": "implicit_deny",
    "because": "because no identity-based policy allows the s3:PutObject action",
}


@pytest.fixture
def run(tmp_path):
    def run(*arguments, stdin="", environment=None):
        return subprocess.run(
            [BINARY, "policy", *map(str, arguments)],
            cwd=tmp_path,
            env=base_environment(tmp_path) | (environment or {}),
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    return run


TAGGED = [
    "InstanceProfile",
    "MFADevice",
    "OpenIDConnectProvider",
    "Policy",
    "Role",
    "SAMLProvider",
    "ServerCertificate",
    "User",
]


def write(path, content):
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


# Documents

KEYS_OF_IAM = [
    ("AcquireRole", "StringEquals", "iam:TemplateArn"),
    ("AttachRolePolicy", "ArnEquals", "iam:PolicyARN"),
    ("CreateServiceLinkedRole", "StringEquals", "iam:AWSServiceName"),
    ("CreateServiceSpecificCredential", "NumericLessThan", "iam:ServiceSpecificCredentialAgeDays"),
    ("DeleteServiceSpecificCredential", "StringEquals", "iam:ServiceSpecificCredentialServiceName"),
    ("GetAccountProperties", "ForAllValues:StringEquals", "iam:AccountPropertyNamespaces"),
    ("GetRoleTemplateVersion", "StringEquals", "iam:TemplateArn"),
    ("PassRole", "StringEquals", "iam:PassedToService"),
    ("PutAccountProperties", "ForAllValues:StringEquals", "iam:AccountPropertyNamespaces"),
    ("PutRolePermissionsBoundary", "ArnEquals", "iam:PermissionsBoundary"),
    *((f"Tag{kind}", "StringEquals", "aws:RequestTag/team") for kind in TAGGED),
    *((f"Untag{kind}", "ForAllValues:StringEquals", "aws:TagKeys") for kind in TAGGED),
    *((f"List{kind}Tags", "StringEquals", "aws:ResourceTag/team") for kind in TAGGED),
]

IDENTITY = """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": ["s3:GetObjct", "iam:PassRole"], "Resource": "*"}
  ]
}
"""
TYPO = "warning: `s3:GetObjct` is no action of `s3`; did you mean `s3:GetObject`? [INVALID_ACTION]"
PASS_ROLE = (
    "security warning: this allows iam:PassRole on every role: name the roles, or the service with the key "
    "iam:PassedToService [PASS_ROLE_WITH_STAR_IN_RESOURCE]"
)
FOREIGN = policy(trusting("arn:aws:iam::444455556666:root"))
CLEAN = policy(allow("s3:GetObject", "arn:aws:s3:::data/*"))


def test_findings_are_told_as_editors_read_them(run, tmp_path):
    write(tmp_path / "policy.json", IDENTITY)
    ran = run("check", "policy.json", "--kind", "identity")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout == (
        f"policy.json:4:36: {TYPO}\n"
        f"policy.json:4:51: {PASS_ROLE}\n"
        "1 file checked: 0 errors, 1 security warning, 1 warning, 0 suggestions\n"
    )


def findings(run, name):
    (checked,) = json.loads(run("check", name, "--kind", "identity", "--format", "json").stdout)["files"]
    return checked["findings"]


def test_every_action_of_iam_is_known(run, tmp_path):
    names = boto3.client("iam", region_name="us-east-1").meta.service_model.operation_names
    write(tmp_path / "policy.json", policy(*(allow(f"iam:{name}") for name in names), allow("iam:PutAccountProperty")))
    found = findings(run, "policy.json")
    assert [f["message"] for f in found if f["code"] == "INVALID_ACTION"] == [
        "`iam:PutAccountProperty` is no action of `iam`; did you mean `iam:PutAccountProperties`?"
    ]


def test_the_condition_keys_of_iams_actions_are_known(run, tmp_path):
    def statement(action, operator, key):
        return allow(f"iam:{action}", Condition={operator: {key: "1"}})

    def told(statements):
        write(tmp_path / "policy.json", policy(*statements))
        return [f["message"] for f in findings(run, "policy.json") if "KEY" in f["code"]]

    assert told(statement(*row) for row in KEYS_OF_IAM) == []
    assert told([statement("GetUser", "StringEquals", "iam:TemplateArn")]) == [
        "no action of this statement carries the key `iam:TemplateArn`"
    ]


def test_a_kind_that_is_guessed_is_told(run, tmp_path):
    write(tmp_path / "identity.json", CLEAN)
    write(tmp_path / "trust.json", policy(trusting("arn:aws:iam::111122223333:root")))
    bucket = allow("s3:GetObject", "arn:aws:s3:::b/*", Principal={"AWS": "111122223333"})
    write(tmp_path / "bucket.json", policy(bucket))
    ran = run("check", "identity.json", "trust.json", "bucket.json")
    assert ran.returncode == 0
    assert ran.stdout == (
        "identity.json: taken for an identity policy (say --kind if it is another)\n"
        "trust.json: taken for a trust policy (say --kind if it is another)\n"
        "bucket.json: taken for a resource policy (say --kind if it is another)\n"
        "3 files checked: 0 errors, 0 security warnings, 0 warnings, 0 suggestions\n"
    )
    ran = run("check", "bucket.json", "--kind", "identity")
    assert ran.returncode == 1
    assert ran.stdout.startswith("bucket.json:1:")
    assert "1 error," in ran.stdout


@pytest.mark.parametrize(
    "kind", ["identity", "trust", "resource", "boundary", "session", "service-control", "resource-control"]
)
def test_each_kind_has_its_rules(run, tmp_path, kind):
    """What each kind of policy must and must not say."""
    resource = {"Resource": "arn:aws:s3:::data/*"}
    statements = {
        "trust": {"Effect": "Allow", "Principal": {"AWS": "111122223333"}, "Action": "sts:AssumeRole"},
        "resource": allow("s3:GetObject", Principal={"AWS": "111122223333"}) | resource,
        "resource-control": deny("s3:GetObject", Principal="*") | resource,
    }
    statement = statements.get(kind, allow("s3:GetObject") | resource)
    write(tmp_path / "policy.json", policy(statement))
    alike = {"identity", "boundary", "session", "service-control"}
    for asked in sorted(alike | {"trust", "resource", "resource-control"}):
        ran = run("check", "policy.json", "--kind", asked)
        fits = asked == kind or {asked, kind} <= alike or (kind, asked) == ("resource-control", "resource")
        assert ran.returncode == (0 if fits else 1), (asked, ran.stdout)


def test_strictness(run, tmp_path):
    write(tmp_path / "policy.json", IDENTITY)
    write(tmp_path / "clean.json", CLEAN)
    assert run("check", "policy.json", "clean.json").returncode == 0
    strict = run("check", "policy.json", "clean.json", "--strict")
    assert (strict.returncode, strict.stderr) == (1, "")
    assert run("check", "policy.json", environment={"LOCUM_STRICT": "true"}).returncode == 1
    assert run("check", "policy.json", environment={"LOCUM_STRICT": "false"}).returncode == 0
    assert run("check", "clean.json", "--strict").returncode == 0


def test_an_account_tells_who_is_foreign(run, tmp_path):
    write(tmp_path / "trust.json", FOREIGN)
    code = "[FOREIGN_ACCOUNT_WITHOUT_EXTERNAL_ID]"
    assert code in run("check", "trust.json", "--account", "111122223333").stdout
    assert code in run("check", "trust.json", environment={"LOCUM_ACCOUNT_ID": "111122223333"}).stdout
    assert code not in run("check", "trust.json", "--account", "444455556666").stdout
    assert code not in run("check", "trust.json").stdout


def test_the_findings_as_json(run, tmp_path):
    write(tmp_path / "policy.json", IDENTITY)
    ran = run("check", "policy.json", "gone.json", "--format", "json", "--kind", "boundary")
    assert (ran.returncode, ran.stderr) == (2, "")
    found = json.loads(ran.stdout)
    policy_file, gone = found.pop("files")
    assert found == {"errors": 0, "security_warnings": 1, "warnings": 1, "suggestions": 0, "unreadable": 1}
    typo, pass_role = policy_file.pop("findings")
    assert policy_file == {"file": "policy.json", "error": None, "kind": "boundary", "kind_guessed": False}
    assert typo == {
        "severity": "warning",
        "code": "INVALID_ACTION",
        "message": "`s3:GetObjct` is no action of `s3`; did you mean `s3:GetObject`?",
        "start": {"line": 4, "column": 36},
        "end": {"line": 4, "column": 49},
    }
    assert (pass_role["severity"], pass_role["code"]) == ("security_warning", "PASS_ROLE_WITH_STAR_IN_RESOURCE")
    assert gone == {
        "file": "gone.json",
        "error": "cannot be read: No such file or directory (os error 2)",
        "kind": "boundary",
        "kind_guessed": False,
        "findings": [],
    }


def test_broken_documents_are_1(run):
    for text, place in [
        ("", "1:1"),
        ("{", "1:2"),
        ('{"Version": "2012-10-17", "Statement": [{"Effect": "Permit", "Action": "s3:*"}]}', "1:52"),
        ("[" * 100_000, "1:"),
    ]:
        ran = run("check", "-", "--kind", "identity", stdin=text)
        assert (ran.returncode, ran.stderr) == (1, ""), text[:40]
        assert ran.stdout.startswith(f"-:{place}"), ran.stdout
        assert ": error: " in ran.stdout


def test_unreadable_documents_are_2_and_the_rest_is_checked(run, tmp_path):
    (tmp_path / "bytes.json").write_bytes(b'{"\xff"}')
    write(tmp_path / "clean.json", CLEAN)
    (tmp_path / "link.json").symlink_to("clean.json")
    ran = run("check", "bytes.json", "link.json", "gone.json", "--kind", "identity")
    assert ran.returncode == 2
    assert ran.stderr == (
        "bytes.json: error: is not UTF-8 text: byte 3 begins no character\n"
        "gone.json: error: cannot be read: No such file or directory (os error 2)\n"
    )
    assert ran.stdout == "1 file checked: 0 errors, 0 security warnings, 0 warnings, 0 suggestions\n"


def test_hostile_documents_do_not_reach_the_terminal(run, tmp_path):
    hostile = "s3:\x9b2J\u202eGet"
    # The characters themselves, not JSON's escapes of them.
    write(tmp_path / "policy.json", json.dumps(json.loads(policy(allow(hostile))), ensure_ascii=False))
    write(tmp_path / "\x1b[31m.json", CLEAN)
    for more in ([], ["--format", "json"]):
        ran = run("check", "policy.json", "\x1b[31m.json", *more)
        assert not any(character in ran.stdout + ran.stderr for character in "\x1b\x9b\u202e")
        assert "\\u" in ran.stdout


# Cases


def test_the_corpus_passes(run):
    files = sorted((ROOT / "testdata/policies").glob("*.json"))
    count = sum(len(json.loads(file.read_text())) for file in files)
    ran = run("test", *files)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, f"{count} passed, 0 failed\n", "")


def test_a_mismatch_is_explained(run, tmp_path):
    write(tmp_path / "cases.json", [CASE, DENIED, DENIED | {"name": "ann may", "expect": "allowed", "because": None}])
    ran = run("test", "cases.json")
    assert (ran.returncode, ran.stderr) == (1, "")
    assert ran.stdout == (
        "FAILED: cases.json: `ann may`: expected allowed, got implicit_deny\n"
        "  rule: readers read\n"
        f"  implicitly denied: {ANN} may not perform s3:PutObject on arn:aws:s3:::data/x\n"
        "    because no identity-based policy allows the s3:PutObject action\n"
        "  identity-based policy: no allow\n"
        "    1 statement is about other actions\n"
        "2 passed, 1 failed\n"
    )


def test_the_wrong_reason_is_a_mismatch(run, tmp_path):
    because = "because no session policy allows the s3:PutObject action"
    write(tmp_path / "cases.json", [DENIED | {"because": because}])
    ran = run("test", "cases.json")
    assert ran.returncode == 1
    assert ran.stdout.splitlines()[0] == (
        f"FAILED: cases.json: `ann writes`: expected implicit_deny {because}, "
        "got implicit_deny because no identity-based policy allows the s3:PutObject action"
    )


def test_every_case_can_be_explained(run, tmp_path):
    write(tmp_path / "cases.json", [CASE])
    told = (
        "passed: cases.json: `ann reads`\n"
        "  rule: readers read\n"
        f"  allowed: {ANN} may perform s3:GetObject on arn:aws:s3:::data/x\n"
        "  identity-based policy: allow\n"
        "    policy 1, statement 1, Allow: matches\n"
        "1 passed, 0 failed\n"
    )
    assert run("test", "--explain", "cases.json").stdout == told
    assert run("test", "cases.json", environment={"LOCUM_EXPLAIN": "true"}).stdout == told
    assert run("test", "cases.json").stdout == "1 passed, 0 failed\n"


def test_the_results_as_json(run, tmp_path):
    write(tmp_path / "good.json", [CASE])
    write(tmp_path / "bad.json", [CASE | {"expect": "explicit_deny", "because": "with an explicit deny"}])
    ran = run("test", "good.json", "bad.json", "--format", "json")
    assert (ran.returncode, ran.stderr) == (1, "")
    found = json.loads(ran.stdout)
    good, bad = found.pop("files")
    assert found == {"passed": 1, "failed": 1, "errors": 0}
    case = {"name": "ann reads", "rule": "readers read"}
    assert good == {
        "file": "good.json",
        "errors": [],
        "cases": [case | {"passed": True, "expected": "allowed", "expected_reason": None}],
    }
    (failed,) = bad["cases"]
    explanation = failed.pop("explanation")
    assert failed == case | {
        "passed": False,
        "expected": "explicit_deny",
        "expected_reason": "with an explicit deny",
    }
    assert (explanation["decision"], explanation["layers"][0]["answer"]) == ("allowed", "allow")
    assert run("test", "good.json", environment={"LOCUM_FORMAT": "json"}).stdout.startswith("{")
    # Errors are in the JSON, and nowhere else.
    ran = run("test", "gone.json", "--format", "json")
    assert (ran.returncode, ran.stderr) == (2, "")
    assert json.loads(ran.stdout)["files"] == [
        {
            "file": "gone.json",
            "errors": [
                {
                    "case": None,
                    "member": None,
                    "line": None,
                    "column": None,
                    "message": "cannot be read: No such file or directory (os error 2)",
                }
            ],
            "cases": [],
        }
    ]


def test_what_cannot_be_read_is_2_and_the_rest_is_run(run, tmp_path):
    write(tmp_path / "cases.json", [CASE, CASE | {"name": "odd", "expects": "allowed"}, DENIED])
    ran = run("test", "cases.json", "gone.json")
    assert ran.returncode == 2
    malformed, missing = ran.stderr.splitlines()
    assert malformed.startswith("cases.json:1:")
    assert ": error: case `odd`: " in malformed
    assert missing == "gone.json: error: cannot be read: No such file or directory (os error 2)"
    assert ran.stdout == "2 passed, 0 failed, 2 could not be read\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "cases.json:1:1: error: "),
        (b"{", "cases.json:1:2: error: "),
        (b"{}", "cases.json:1:1: error: "),
        (b"[]", "cases.json: error: holds no case"),
        (b'[{"name": "n\xff"}]', "cases.json: error: is not UTF-8 text: byte 13 begins no character"),
        (b"[" * 100000, "cases.json:1:"),
        (b'[{"name": "\x1b[31m"}]', "cases.json:1:"),
        (b'[{"name": "\\u001b[31m\\u009b", "expect": 7}]', "cases.json:1:2: error: case `\\u{1b}[31m\\u{9b}`: "),
    ],
    ids=["empty", "cut", "object", "list", "bytes", "deep", "control", "escape"],
)
def test_malformed_files_are_2(run, tmp_path, content, message):
    (tmp_path / "cases.json").write_bytes(content)
    ran = run("test", "cases.json")
    assert ran.returncode == 2
    assert ran.stderr.startswith(message)
    assert "\x1b" not in ran.stdout + ran.stderr
    assert "panicked" not in ran.stderr
    assert ran.stdout == "0 passed, 0 failed, 1 could not be read\n"


def test_standard_input_and_links(run, tmp_path):
    assert run("test", "-", stdin=json.dumps([CASE])).stdout == "1 passed, 0 failed\n"
    write(tmp_path / "cases.json", [CASE])
    (tmp_path / "link.json").symlink_to("cases.json")
    assert run("test", "link.json", "cases.json").stdout == "2 passed, 0 failed\n"
    ran = run("test", tmp_path)
    assert ran.returncode == 2
    assert ran.stderr == f"{tmp_path}: error: cannot be read: Is a directory (os error 21)\n"


@pytest.mark.parametrize(("command", "limit"), [("test", 16 * 1024 * 1024), ("check", 1024 * 1024)])
def test_endless_files_are_refused(run, command, limit):
    ran = run(command, "/dev/zero")
    assert ran.returncode == 2
    assert ran.stderr == f"/dev/zero: error: is longer than {limit} bytes\n"


def test_hostile_cases_do_not_reach_the_terminal(run, tmp_path):
    hostile = "\x1b[31m\x9b2J\u202e\r\n"
    shown = "\\u{1b}[31m\\u{9b}2J\\u{202e}\\r\\n"
    case = CASE | {"name": hostile, "rule": hostile, "resource": f"arn:aws:s3:::b/{hostile}"}
    name, shown_name = (f"{text.removesuffix(end)}.json" for text, end in ((hostile, "\r\n"), (shown, "\\r\\n")))
    write(tmp_path / name, [case])
    for arguments in (["test", name], ["test", name, "--format", "json"]):
        ran = run(*arguments)
        assert ran.returncode == 1, ran
        assert not any(character in ran.stdout + ran.stderr for character in "\x1b\x9b\u202e\r")
    assert run("test", name).stdout.startswith(
        f"FAILED: {shown_name}: `{shown}`: expected allowed, got implicit_deny\n  rule: {shown}\n"
    )


def test_a_reader_who_has_enough_is_no_failure(tmp_path):
    """As in `locum policy test … | head -1`."""
    files = sorted((ROOT / "testdata/policies").glob("*.json"))
    with subprocess.Popen(
        [BINARY, "policy", "test", "--explain", *files],
        env=base_environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        os.read(process.stdout.fileno(), 1)
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 0


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["test"],
        ["check"],
        ["no-such"],
        ["test", "--format", "xml", "x"],
        ["check", "--kind", "bucket", "x"],
        ["check", "--account", "12", "x"],
    ],
    ids=" ".join,
)
def test_wrong_usage_is_2(run, arguments):
    ran = run(*arguments)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert ran.stderr and "panicked" not in ran.stderr


def test_help(run):
    for command in ("test", "check"):
        ran = run(command, "--help")
        assert ran.returncode == 0
        assert "Exit code 0: " in ran.stdout
        assert "LOCUM_FORMAT" in ran.stdout
