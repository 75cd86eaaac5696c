"""The policy simulator as its clients see it."""

import json

import pytest
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    allow,
    cli_error,
    deny,
    no_identity_policy,
    not_authorized,
    policy,
    refused,
    validation,
)

A = "arn:aws:s3:::bucket/a"
B = "arn:aws:s3:::bucket/b"
OTHER = "999999999999"


def arn(kind, name, account=ACCOUNT):
    return f"arn:aws:iam::{account}:{kind}/{name}"


@pytest.fixture
def iam(locum):
    return locum.client("iam")


def custom(iam, *policies, actions=("s3:GetObject",), **more):
    """The results of simulating these policies."""
    answer = iam.simulate_custom_policy(PolicyInputList=list(policies), ActionNames=list(actions), **more)
    assert answer["IsTruncated"] is False and "Marker" not in answer
    return answer["EvaluationResults"]


def one(results):
    (result,) = results
    return result


def decisions(results):
    return [result["EvalDecision"] for result in results]


def entry(name, kind, *values):
    return {"ContextKeyName": name, "ContextKeyType": kind, "ContextKeyValues": list(values)}


def invalid(call, message):
    refused(call, "InvalidInput", message, 400)


def place(document, position):
    """What of a document stands behind a position, from 1 on."""
    lines = document.split("\n")[position["Line"] - 1 :]
    return "\n".join([lines[0][position["Column"] - 1 :], *lines[1:]])


# Policies of the request


def test_actions_and_resources(iam):
    document = policy(allow(["s3:GetObject", "s3:PutObject"], A), deny("s3:PutObject"))
    results = custom(iam, document, actions=["s3:GetObject", "s3:PutObject", "made:Up"], ResourceArns=[A, B])
    assert [result["EvalActionName"] for result in results] == ["s3:GetObject", "s3:PutObject", "made:Up"]
    assert decisions(results) == ["implicitDeny", "explicitDeny", "implicitDeny"]
    get, put, made = results
    assert [(r["EvalResourceName"], r["EvalResourceDecision"]) for r in get["ResourceSpecificResults"]] == [
        (A, "allowed"),
        (B, "implicitDeny"),
    ]
    assert [r["EvalResourceDecision"] for r in put["ResourceSpecificResults"]] == ["explicitDeny"] * 2
    assert get["EvalDecisionDetails"] == {} and "OrganizationsDecisionDetail" not in get
    everything = one(custom(iam, document))
    assert (everything["EvalResourceName"], everything["EvalDecision"]) == ("*", "implicitDeny")
    assert "ResourceSpecificResults" not in everything and "EvalDecisionDetails" not in everything
    assert one(custom(iam))["EvalDecision"] == "implicitDeny"


def test_positions_in_the_document_that_was_sent(iam):
    statements = [allow("s3:GetObject", A), deny("s3:GetObject", B), allow("s3:PutObject", A)]
    document = json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)
    for action, resource, number in [
        ("s3:GetObject", A, 0),
        ("s3:GetObject", B, 1),
        ("s3:PutObject", A, 2),
    ]:
        result = one(custom(iam, policy(allow("ec2:*")), document, actions=[action], ResourceArns=[resource]))
        matched = one(result["MatchedStatements"])
        assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("PolicyInputList.2", "IAM Policy")
        start, end = (place(document, matched[name]) for name in ("StartPosition", "EndPosition"))
        # The start is where the statement before, or the bracket, ends.
        inside = start[: len(start) - len(end)].lstrip(", \n")
        assert json.loads(inside) == statements[number]
        assert one(result["ResourceSpecificResults"])["MatchedStatements"] == [matched]
    first = one(custom(iam, document, actions=["s3:PutObject"], ResourceArns=[A]))["MatchedStatements"]
    assert first[0]["StartPosition"] == {"Line": 13, "Column": 6}
    assert first[0]["EndPosition"] == {"Line": 18, "Column": 6}
    single = '{"Statement": {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}}'
    matched = one(one(custom(iam, single))["MatchedStatements"])
    assert (matched["StartPosition"], matched["EndPosition"]) == ({"Line": 1, "Column": 16}, {"Line": 1, "Column": 77})


def test_an_explicit_deny_is_told_alone(iam):
    result = one(custom(iam, policy(allow("*")), policy(deny("s3:*")), policy(deny("s3:GetObject"))))
    assert result["EvalDecision"] == "explicitDeny"
    assert [m["SourcePolicyId"] for m in result["MatchedStatements"]] == ["PolicyInputList.2", "PolicyInputList.3"]


def test_missing_context_values(iam):
    asks = policy(allow("s3:GetObject", "arn:aws:s3:::bucket/${aws:username}", Condition={"Bool": {"my:key": "true"}}))
    result = one(custom(iam, asks, ResourceArns=[A]))
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("implicitDeny", ["aws:username", "my:key"])
    assert one(result["ResourceSpecificResults"])["MissingContextValues"] == ["aws:username", "my:key"]
    given = [entry("aws:UserName", "string", "a"), entry("MY:KEY", "boolean", "true")]
    result = one(custom(iam, asks, ResourceArns=[A], ContextEntries=given))
    assert (result["EvalDecision"], result["MissingContextValues"]) == ("allowed", [])
    assert "MissingContextValues" not in one(result["ResourceSpecificResults"])
    assert one(custom(iam, asks))["MissingContextValues"] == ["aws:username", "my:key"]
    assert one(custom(iam, asks, policy(allow("*"))))["MissingContextValues"] == []


@pytest.mark.parametrize(
    ("kind", "values", "condition", "expected"),
    [
        ("string", ["a"], {"StringLike": {"my:key": "?"}}, "allowed"),
        ("stringList", ["a", "b"], {"ForAllValues:StringEquals": {"my:key": ["a", "b"]}}, "allowed"),
        ("stringList", ["a"], {"StringEquals": {"my:key": "a"}}, "implicitDeny"),
        ("numeric", ["10"], {"NumericGreaterThan": {"my:key": "9.99"}}, "allowed"),
        ("numericList", ["1", "2"], {"ForAnyValue:NumericEquals": {"my:key": "2.0"}}, "allowed"),
        ("boolean", ["false"], {"Bool": {"my:key": "false"}}, "allowed"),
        ("booleanList", ["true"], {"ForAllValues:Bool": {"my:key": "false"}}, "implicitDeny"),
        ("ip", ["10.1.2.3"], {"IpAddress": {"my:key": "10.0.0.0/8"}}, "allowed"),
        ("ipList", ["10.1.2.3", "::1"], {"ForAnyValue:IpAddress": {"my:key": "::1"}}, "allowed"),
        ("binary", ["eWVz"], {"BinaryEquals": {"my:key": "eWVz"}}, "allowed"),
        ("binaryList", ["bm8="], {"ForAnyValue:BinaryEquals": {"my:key": "eWVz"}}, "implicitDeny"),
        ("date", ["2030-01-01T00:00:00Z"], {"DateGreaterThan": {"my:key": "2029-12-31"}}, "allowed"),
        ("dateList", ["2030-01-01"], {"ForAllValues:DateLessThan": {"my:key": "2030-01-01"}}, "implicitDeny"),
    ],
)
def test_every_type_of_context(iam, kind, values, condition, expected):
    document = policy(allow("s3:GetObject", Condition=condition))
    assert one(custom(iam, document, ContextEntries=[entry("my:key", kind, *values)]))["EvalDecision"] == expected


def test_a_permissions_boundary(iam):
    result = one(custom(iam, policy(allow("s3:*")), PermissionsBoundaryPolicyInputList=[policy(allow("ec2:*"))]))
    assert result["EvalDecision"] == "implicitDeny"
    assert result["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    denied = policy(deny("*"))
    result = one(custom(iam, policy(allow("s3:*")), PermissionsBoundaryPolicyInputList=[denied], ResourceArns=[A]))
    assert result["EvalDecision"] == "explicitDeny"
    matched = one(one(result["ResourceSpecificResults"])["MatchedStatements"])
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == (
        "PermissionsBoundaryPolicyInputList.1",
        "Permissions Boundary Policy",
    )


def lets(principal, effect=allow):
    return policy(effect("s3:GetObject", "arn:aws:s3:::bucket/*") | {"Principal": {"AWS": principal}})


def test_resource_policies(iam):
    ann = arn("user", "ann")
    same = {"ResourceArns": [A], "CallerArn": ann}
    result = one(custom(iam, ResourcePolicy=lets(ACCOUNT), **same))
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == ("allowed", {})
    matched = one(result["MatchedStatements"])
    assert (matched["SourcePolicyId"], matched["SourcePolicyType"]) == ("ResourcePolicy", "Resource Policy")
    across = same | {"ResourceOwner": f"arn:aws:iam::{OTHER}:root", "ResourcePolicy": lets(ann)}
    result = one(custom(iam, **across))
    details = {"IAM Policy": "implicitDeny", "Resource Policy": "allowed"}
    assert (result["EvalDecision"], result["EvalDecisionDetails"]) == ("implicitDeny", details)
    assert one(result["ResourceSpecificResults"])["EvalDecisionDetails"] == details
    result = one(custom(iam, policy(allow("s3:GetObject")), **across))
    assert (result["EvalDecision"], set(result["EvalDecisionDetails"].values())) == ("allowed", {"allowed"})


def test_pages(iam):
    actions = [f"s3:Action{number}" for number in range(250)]
    paginator = iam.get_paginator("simulate_custom_policy")
    for size, lengths in [(None, [100, 100, 50]), (120, [120, 120, 10]), (1000, [250])]:
        config = {"PageSize": size} if size else {}
        pages = list(
            paginator.paginate(PolicyInputList=[policy(allow("*"))], ActionNames=actions, PaginationConfig=config)
        )
        assert [len(page["EvaluationResults"]) for page in pages] == lengths
        names = [result["EvalActionName"] for page in pages for result in page["EvaluationResults"]]
        assert names == actions


# Policies of the account


def test_users_groups_and_roles(locum, iam):
    locum.user("ann", allow("s3:GetObject", A), Path="/x/")
    iam.create_group(GroupName="staff")
    iam.put_group_policy(GroupName="staff", PolicyName="shared", PolicyDocument=policy(allow("s3:PutObject")))
    iam.add_user_to_group(GroupName="staff", UserName="ann")
    locum.role("reader", arn("user", "x/ann"), allow("s3:GetObject", B))
    managed = json.dumps(json.loads(policy(allow("s3:DeleteObject"))), indent=4)
    managed_arn = iam.create_policy(PolicyName="managed", PolicyDocument=managed)["Policy"]["Arn"]
    iam.attach_user_policy(UserName="ann", PolicyArn=managed_arn)

    def simulate(source, **more):
        actions = ["s3:GetObject", "s3:PutObject", "s3:DeleteObject", "sts:AssumeRole"]
        answer = iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=actions, ResourceArns=[A], **more)
        return answer["EvaluationResults"]

    results = simulate(arn("user", "x/ann"))
    assert decisions(results) == ["allowed", "allowed", "allowed", "implicitDeny"]
    sources = [one(result["MatchedStatements"])["SourcePolicyId"] for result in results[:3]]
    assert sources == ["user_ann_p0", "group_staff_shared", "managed"]
    assert {result["OrganizationsDecisionDetail"]["AllowedByOrganizations"] for result in results} == {True}
    assert decisions(simulate(arn("group", "staff"))) == ["implicitDeny", "allowed", "implicitDeny", "implicitDeny"]
    assert decisions(simulate(arn("role", "reader"))) == ["implicitDeny"] * 4
    more = simulate(arn("role", "reader"), PolicyInputList=[policy(allow("sts:*"))])
    assert decisions(more) == ["implicitDeny"] * 3 + ["allowed"]
    boundary = iam.create_policy(PolicyName="bound", PolicyDocument=policy(allow("s3:Get*")))["Policy"]["Arn"]
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=boundary)
    bounded = simulate(arn("user", "x/ann"))
    assert decisions(bounded) == ["allowed", "implicitDeny", "implicitDeny", "implicitDeny"]
    assert bounded[1]["PermissionsBoundaryDecisionDetail"] == {"AllowedByPermissionsBoundary": False}
    instead = simulate(arn("user", "x/ann"), PermissionsBoundaryPolicyInputList=[policy(allow("s3:Put*"))])
    assert decisions(instead) == ["implicitDeny", "allowed", "implicitDeny", "implicitDeny"]
    without = simulate(arn("user", "x/ann"), PolicyExclusionList=[{"PolicyType": "permission-boundary"}])
    assert decisions(without) == ["allowed", "allowed", "allowed", "implicitDeny"]


def test_the_simulation_agrees_with_the_service(locum, iam):
    ann = locum.user(
        "ann",
        allow("iam:GetUser", arn("user", "${aws:username}")),
        deny("iam:Get*", arn("user", "bob")),
    )
    iam.create_user(UserName="bob")
    own = locum.client("iam", ann)
    for name in ["ann", "bob", "carl"]:
        answer = iam.simulate_principal_policy(
            PolicySourceArn=arn("user", "ann"), ActionNames=["iam:GetUser"], ResourceArns=[arn("user", name)]
        )
        expected = {"ann": "allowed", "bob": "explicitDeny", "carl": "implicitDeny"}[name]
        assert decisions(answer["EvaluationResults"]) == [expected]
        if expected == "allowed":
            assert own.get_user(UserName=name)["User"]["UserName"] == name
        else:
            because = no_identity_policy("iam:GetUser")
            reason = because if expected == "implicitDeny" else "with an explicit deny in an identity-based policy"
            sentence = not_authorized(arn("user", "ann"), "iam:GetUser", arn("user", name), reason)
            refused(lambda name=name: own.get_user(UserName=name), "AccessDenied", sentence)


def test_levels_of_an_organization(iam):
    def under(*levels):
        ordered = [{"ServiceControlPolicyInputList": [policy(*level)]} for level in levels]
        return one(custom(iam, policy(allow("s3:*")), OrderedOrganizationPolicyInputList=ordered))

    full = [allow("*")]
    result = under(full, full)
    assert result["EvalDecision"] == "allowed"
    assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": True}
    for levels, decision in [
        ([full, [allow("ec2:*")]], "implicitDeny"),
        ([full, [*full, deny("s3:*")]], "explicitDeny"),
    ]:
        result = under(*levels)
        assert (result["EvalDecision"], result["MatchedStatements"]) == (decision, [])
        assert result["OrganizationsDecisionDetail"] == {"AllowedByOrganizations": False}


def test_context_keys(locum, iam):
    document = policy(
        allow("s3:GetObject", "arn:aws:s3:::b/${aws:username}", Condition={"Bool": {"aws:SecureTransport": "true"}})
    )
    keys = ["aws:username", "aws:SecureTransport"]
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"] == keys
    locum.user("ann", allow("s3:*", Condition={"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}))
    answer = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn("user", "ann"), PolicyInputList=[document])
    assert sorted(answer["ContextKeyNames"]) == sorted([*keys, "aws:SourceIp"])
    broken = policy(allow("s3:*", Condition={"Sounds": {"a:b": "c"}}))
    invalid(
        lambda: iam.get_context_keys_for_custom_policy(PolicyInputList=[document, broken]),
        "Policy input list item 2 has invalid content",
    )


# Refusals


def test_what_is_refused(iam):
    def refuse(message, **more):
        invalid(lambda: custom(iam, policy(allow("*")), **more), message)

    refuse("The action is invalid since it is missing names", actions=["GetObject"])
    refuse("ResourceNames are not in a valid ARN format: bucket.", ResourceArns=["bucket"])
    for message, entries in [
        ("Context key string expected a single value, but received 2.", [entry("my:key", "string", "a", "b")]),
        ("Invalid context value for key my:key: expected numeric format.", [entry("my:key", "numeric", "x")]),
        ("Duplicate context key: MY:KEY.", [entry(name, "string", "a") for name in ("my:key", "MY:KEY")]),
    ]:
        refuse(message, ContextEntries=entries)
    refuse("Invalid marker for pagination.", Marker="made-up")
    resource = {"ResourceArns": [A], "ResourcePolicy": lets("*")}
    refuse("Invalid caller - Caller cannot be null or empty.", **resource)
    caller = {"CallerArn": arn("user", "ann")}
    refuse(f"'{OTHER}' is not a valid as a Resource Owner.", ResourceOwner=OTHER, **caller, **resource)
    refuse(
        "Invalid Entity Arn: * does not clearly define entity type and name.",
        **caller,
        **(resource | {"ResourceArns": ["*"]}),
    )
    invalid(lambda: custom(iam, "{"), "Policy input list item 1 has invalid content")
    refused(
        lambda: custom(iam, policy(allow("*")), actions=["s3"]),
        "ValidationError",
        validation(
            "Value at 'actionNames.1.member' failed to satisfy constraint: "
            "Member must have length greater than or equal to 3"
        ),
        400,
    )


def test_whom_one_may_simulate(locum, iam):
    ann = locum.user("ann")
    own = locum.client("iam", ann)

    def simulate(client, source):
        return client.simulate_principal_policy(PolicySourceArn=source, ActionNames=["s3:GetObject"])

    ann_arn, action = arn("user", "ann"), "iam:SimulatePrincipalPolicy"
    sentence = not_authorized(ann_arn, action, ann_arn, no_identity_policy(action))
    refused(lambda: simulate(own, ann_arn), "AccessDenied", sentence)
    action = "iam:SimulateCustomPolicy"
    refused(lambda: custom(own), "AccessDenied", not_authorized(ann_arn, action, "*", no_identity_policy(action)))
    nobody = "Unable to retrieve specified IAM entity."
    refused(lambda: simulate(iam, arn("role", "nobody")), "NoSuchEntity", nobody, 404)
    invalid(
        lambda: simulate(iam, arn("user", "ann", OTHER)),
        f"Invalid Policy Source Arn: caller's account {ACCOUNT} does not have access to policies in account {OTHER}.",
    )
    invalid(
        lambda: simulate(iam, f"arn:aws:iam::{ACCOUNT}:root"),
        f"Invalid ARN provided in the request: arn:aws:iam::{ACCOUNT}:root",
    )


def test_the_command_line(locum):
    document = policy(allow("s3:GetObject", Condition={"Bool": {"aws:SecureTransport": "true"}}))
    arguments = ["iam", "simulate-custom-policy", "--policy-input-list", document]
    arguments += ["--action-names", "s3:GetObject", "s3:PutObject", "--context-entries"]
    arguments += ["ContextKeyName=aws:SecureTransport,ContextKeyValues=true,ContextKeyType=boolean"]
    answer = locum.aws_json(*arguments, credentials=ROOT_CREDENTIALS)
    assert decisions(answer["EvaluationResults"]) == ["allowed", "implicitDeny"]
    paged = locum.aws_json(*arguments, "--max-items", "1", credentials=ROOT_CREDENTIALS)
    assert decisions(paged["EvaluationResults"]) == ["allowed"] and "NextToken" in paged
    ran = locum.aws(*arguments, "--resource-arns", "bucket", credentials=ROOT_CREDENTIALS)
    message = "ResourceNames are not in a valid ARN format: bucket."
    assert cli_error(ran) == ("InvalidInput", "SimulateCustomPolicy", message)


def test_service_control_policies_over_an_account(locum):
    organizations = locum.client("organizations")
    root = one(organizations.list_roots()["Roots"])["Id"]
    kind = "SERVICE_CONTROL_POLICY"
    if not any(entry["Type"] == kind for entry in one(organizations.list_roots()["Roots"])["PolicyTypes"]):
        organizations.enable_policy_type(RootId=root, PolicyType=kind)
    account, administrator = locum.account("member")
    ann = locum.user("ann", allow("iam:ListUsers"), allow("iam:GetUser"), credentials=administrator)
    iam = locum.client("iam", administrator)
    own = locum.client("iam", ann)
    source = arn("user", "ann", account)

    def simulate(action, client=iam, source=source, **more):
        answer = client.simulate_principal_policy(PolicySourceArn=source, ActionNames=[action], **more)
        return one(answer["EvaluationResults"])

    def told(result):
        return result["EvalDecision"], result["OrganizationsDecisionDetail"]["AllowedByOrganizations"]

    assert told(simulate("iam:ListUsers")) == ("allowed", True)
    # Its conditions are looked at too.
    content = policy(deny("iam:ListUsers", Condition={"StringEquals": {"aws:PrincipalAccount": account}}))
    made = organizations.create_policy(Name="no-list", Description="", Type=kind, Content=content)["Policy"]
    policy_id = made["PolicySummary"]["Id"]
    organizations.attach_policy(PolicyId=policy_id, TargetId=account)
    result = simulate("iam:ListUsers")
    assert told(result) == ("explicitDeny", False)
    assert (result["MatchedStatements"], result["MissingContextValues"]) == ([], [])
    sentence = not_authorized(
        source,
        "iam:ListUsers",
        f"arn:aws:iam::{account}:user/",
        "with an explicit deny in a service control policy",
    )
    refused(own.list_users, "AccessDenied", sentence)
    assert told(simulate("iam:GetUser")) == ("allowed", True)
    without = simulate("iam:ListUsers", PolicyExclusionList=[{"PolicyType": "scp"}])
    assert without["EvalDecision"] == "allowed" and "OrganizationsDecisionDetail" not in without
    # They do not bind the management account.
    organizations.attach_policy(PolicyId=policy_id, TargetId=root)
    locum.user("bob", allow("iam:ListUsers"))
    managing = simulate("iam:ListUsers", locum.client("iam"), arn("user", "bob"))
    assert told(managing) == ("allowed", True)
