"""Organizational units, service control policies and resource control policies, as clients see them."""

import concurrent.futures
import json
import re

import botocore.exceptions
import pytest
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    SESSION,
    allow,
    deny,
    not_authorized,
    not_authorized_at_s3,
    policy,
    refused,
    root_of,
    trusting,
)

SCP = "SERVICE_CONTROL_POLICY"
RCP = "RESOURCE_CONTROL_POLICY"
FULL = "p-FullAWSAccess"
EXPLICIT_SCP = "with an explicit deny in a service control policy"
EXPLICIT_RCP = "with an explicit deny in a resource control policy"
NOT_MANAGEMENT = "You don't have permissions to access this resource."


class Organization:
    """The organization of a server, with a client of its management account."""

    def __init__(self, locum):
        self.client = locum.client("organizations")
        self.id = self.client.describe_organization()["Organization"]["Id"]
        self.root = self.client.list_roots()["Roots"][0]["Id"]

    def enable(self, *types):
        for policy_type in types:
            self.client.enable_policy_type(RootId=self.root, PolicyType=policy_type)

    def unit(self, name, parent=None):
        made = self.client.create_organizational_unit(ParentId=parent or self.root, Name=name)
        return made["OrganizationalUnit"]["Id"]

    def policy(self, name, *statements, policy_type=SCP):
        made = self.client.create_policy(
            Name=name, Description="", Type=policy_type, Content=policy(*statements)
        )
        return made["Policy"]["PolicySummary"]["Id"]

    def attach(self, policy_id, target):
        self.client.attach_policy(PolicyId=policy_id, TargetId=target)

    def detach(self, policy_id, target):
        self.client.detach_policy(PolicyId=policy_id, TargetId=target)

    def attached(self, target, policy_type=SCP):
        listed = self.client.list_policies_for_target(TargetId=target, Filter=policy_type)
        return {entry["Id"] for entry in listed["Policies"]}


@pytest.fixture
def organization(locum):
    return Organization(locum)


def rejected(call, code, message, reason=None):
    """The call is refused with exactly this, and the model's reason."""
    answer = refused(call, code, message, 400)
    assert answer.get("Reason") == reason


def test_the_whole_story(locum, organization):
    """A member in a unit under a policy that denies: root and administrators of it are bound, others are not."""
    organization.enable(SCP)
    roots = organization.client.list_roots()["Roots"]
    assert roots == [
        {
            "Id": organization.root,
            "Arn": f"arn:aws:organizations::{ACCOUNT}:root/{organization.id}/{organization.root}",
            "Name": "Root",
            "PolicyTypes": [{"Type": SCP, "Status": "ENABLED"}],
        }
    ]
    assert re.fullmatch("r-[0-9a-z]{4,32}", organization.root)
    member, admin = locum.account("member")
    unit = organization.unit("workloads")
    assert re.fullmatch(f"ou-{organization.root[2:]}-[0-9a-z]{{8}}", unit)
    organization.client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    assert organization.client.list_parents(ChildId=member)["Parents"] == [{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]
    account = organization.client.describe_account(AccountId=member)["Account"]
    assert account["Paths"] == [f"{organization.id}/{organization.root}/{unit}/{member}/"]

    denies = organization.policy("no-users", deny("iam:CreateUser"))
    session = f"arn:aws:sts::{member}:assumed-role/OrganizationAccountAccessRole/setup"
    user_key = locum.user("local-admin", allow("*"), credentials=admin)
    user = f"arn:aws:iam::{member}:user/local-admin"
    organization.attach(denies, unit)
    created = f"arn:aws:iam::{member}:user/x"
    for credentials, arn in ((admin, session), (user_key, user)):
        iam = locum.client("iam", credentials)
        refused(
            lambda iam=iam: iam.create_user(UserName="x"),
            "AccessDenied",
            not_authorized(arn, "iam:CreateUser", created, EXPLICIT_SCP),
        )
        assert iam.list_users()["Users"]
    # Who may not be denied anything is still who it is.
    assert locum.client("sts", admin).get_caller_identity()["Account"] == member
    locum.client("iam").create_user(UserName="x")
    organization.detach(denies, unit)
    locum.client("iam", admin).create_user(UserName="x")


def test_allow_lists_of_two_levels(locum, organization):
    organization.enable(SCP)
    member, admin = locum.account("member")
    unit = organization.unit("unit")
    organization.client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    bound = organization.policy("iam-and-s3", allow(["iam:*", "s3:*"]))
    narrow = organization.policy("s3-and-sts", allow(["s3:*", "sts:*"]))
    for chosen, target in ((bound, unit), (narrow, member)):
        organization.attach(chosen, target)
        organization.detach(FULL, target)
        assert organization.attached(target) == {chosen}
    locum.client("s3", admin).list_buckets()
    refused(
        lambda: locum.client("iam", admin).list_users(),
        "AccessDenied",
        not_authorized(
            f"arn:aws:sts::{member}:assumed-role/OrganizationAccountAccessRole/setup",
            "iam:ListUsers",
            f"arn:aws:iam::{member}:user/",
            "because no service control policy allows the iam:ListUsers action",
        ),
    )
    rejected(
        lambda: organization.detach(narrow, member),
        "ConstraintViolationException",
        "You attempted to detach a policy from an entity that would cause the entity to have fewer than the minimum"
        " number of policies of a certain type required.",
        "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED",
    )


def test_a_bucket_of_a_member(locum, organization):
    """A resource control policy binds whoever comes to a member's bucket: its own, foreign and unsigned callers."""
    organization.enable(RCP)
    member, admin = locum.account("member")
    own = locum.client("s3", admin)
    own.create_bucket(Bucket="shared")
    own.put_object(Bucket="shared", Key="k", Body=b"text")
    own.put_bucket_policy(
        Bucket="shared",
        Policy=policy(trusting("*", "s3:*") | {"Principal": "*", "Resource": ["arn:aws:s3:::shared/*"]}),
    )
    foreign_key = locum.user("foreigner", allow("s3:*"))
    foreign = locum.client("s3", foreign_key)
    anyone = locum.client("s3", None)
    for client in (own, foreign, anyone):
        assert client.get_object(Bucket="shared", Key="k")["Body"].read() == b"text"
    denies = organization.policy(
        "no-reading", deny("s3:GetObject", "*", Principal="*"), policy_type=RCP
    )
    organization.attach(denies, member)
    for client, arn in (
        (own, f"arn:aws:sts::{member}:assumed-role/OrganizationAccountAccessRole/setup"),
        (foreign, f"arn:aws:iam::{ACCOUNT}:user/foreigner"),
    ):
        refused(
            lambda client=client: client.get_object(Bucket="shared", Key="k"),
            "AccessDenied",
            not_authorized_at_s3(arn, "s3:GetObject", "arn:aws:s3:::shared/k", EXPLICIT_RCP),
        )
        client.put_object(Bucket="shared", Key="other", Body=b"")
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        anyone.get_object(Bucket="shared", Key="k")
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
    # The management account's own bucket is bound by nothing.
    organization.attach(denies, organization.root)
    ours = locum.client("s3")
    ours.create_bucket(Bucket="ours")
    ours.put_object(Bucket="ours", Key="k", Body=b"text")
    assert foreign.get_object(Bucket="ours", Key="k")["Body"].read() == b"text"
    for target in (member, organization.root):
        organization.detach(denies, target)
    assert anyone.get_object(Bucket="shared", Key="k")["Body"].read() == b"text"
    rejected(
        lambda: organization.detach("p-RCPFullAWSAccess", member),
        "InvalidInputException",
        "You can't detach this AWS managed policy.",
        "NON_DETACHABLE_POLICY",
    )


def test_keys_of_the_organization(locum, organization):
    """aws:PrincipalOrgPaths follows an account to where it moves."""
    member, admin = locum.account("member")
    unit = organization.unit("unit")
    bucket = locum.client("s3")
    bucket.create_bucket(Bucket="ours")
    bucket.put_object(Bucket="ours", Key="k", Body=b"text")
    condition = {
        "ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{organization.id}/{organization.root}/{unit}/*"},
        "StringEquals": {"aws:PrincipalOrgID": organization.id, "aws:ResourceOrgID": organization.id},
    }
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::ours/*"}
    bucket.put_bucket_policy(Bucket="ours", Policy=policy(statement | {"Condition": condition}))
    reader = locum.client("s3", admin)

    def read():
        return reader.get_object(Bucket="ours", Key="k")["Body"].read()

    sentence = not_authorized_at_s3(
        f"arn:aws:sts::{member}:assumed-role/OrganizationAccountAccessRole/setup",
        "s3:GetObject",
        "arn:aws:s3:::ours/k",
        "because no resource-based policy allows the s3:GetObject action",
    )
    refused(read, "AccessDenied", sentence)
    move = organization.client.move_account
    move(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    assert read() == b"text"
    move(AccountId=member, SourceParentId=unit, DestinationParentId=organization.root)
    refused(read, "AccessDenied", sentence)


def test_paging(organization):
    made = {organization.policy(f"policy-{n}", deny("s3:*")) for n in range(5)} | {FULL}
    pages = list(
        organization.client.get_paginator("list_policies").paginate(
            Filter=SCP, PaginationConfig={"PageSize": 4}
        )
    )
    assert [len(page["Policies"]) for page in pages] == [4, 2]
    assert {entry["Id"] for page in pages for entry in page["Policies"]} == made
    units = {organization.unit(f"unit-{n}") for n in range(3)}
    paginator = organization.client.get_paginator("list_organizational_units_for_parent")
    listed = paginator.paginate(ParentId=organization.root, PaginationConfig={"PageSize": 1})
    assert {entry["Id"] for page in listed for entry in page["OrganizationalUnits"]} == units
    # A token is good for its own list only.
    token = pages[0]["NextToken"]
    again = organization.client.list_policies(Filter=SCP, MaxResults=20, NextToken=token)
    assert again["Policies"] == pages[1]["Policies"]
    for call in (
        lambda: organization.client.list_policies(Filter=RCP, NextToken=token),
        lambda: organization.client.list_policies(Filter=SCP, NextToken="x" + token),
        lambda: organization.client.list_policies(Filter=SCP, NextToken=""),
        lambda: organization.client.list_roots(NextToken=token),
        lambda: organization.client.list_accounts(NextToken=token),
        lambda: organization.client.list_tags_for_resource(ResourceId=organization.root, NextToken=token),
    ):
        rejected(
            call, "InvalidInputException", "You specified an invalid value for NextToken.", "INVALID_NEXT_TOKEN"
        )


def test_a_member_account(locum):
    _, admin = locum.account("member")
    client = locum.client("organizations", admin)
    assert client.describe_organization()["Organization"]["AvailablePolicyTypes"] == [
        {"Type": SCP, "Status": "ENABLED"}
    ]
    for call in (
        client.list_roots,
        lambda: client.list_policies(Filter=SCP),
        lambda: client.create_policy(Name="x", Description="", Type=SCP, Content=policy(deny("s3:*"))),
        lambda: client.attach_policy(PolicyId=FULL, TargetId=ACCOUNT),
        lambda: client.list_tags_for_resource(ResourceId=ACCOUNT),
    ):
        rejected(call, "AccessDeniedException", NOT_MANAGEMENT)


def test_two_clients_at_once(locum, organization):
    """Sixteen attachments at once: none is lost, and no target has more than it may."""
    organization.enable(SCP)
    policies = [organization.policy(f"policy-{n}", deny("s3:*")) for n in range(16)]
    clients = [locum.client("organizations") for _ in range(2)]

    def attach(number):
        try:
            clients[number % 2].attach_policy(PolicyId=policies[number], TargetId=organization.root)
        except clients[number % 2].exceptions.ConstraintViolationException as error:
            assert error.response["Reason"] == "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED"
            return None
        return policies[number]

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        done = {found for found in pool.map(attach, range(16)) if found}
    assert len(done) == 4
    assert organization.attached(organization.root) == done | {FULL}


def test_after_a_restart(durable):
    organization = Organization(durable)
    organization.enable(SCP, RCP)
    unit = organization.unit("unit")
    denies = organization.policy("denies", deny("iam:CreateUser"))
    member, admin = durable.account("member")
    organization.client.move_account(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    organization.attach(denies, unit)
    organization.client.tag_resource(ResourceId=unit, Tags=[{"Key": "team", "Value": "a"}])
    durable.server.kill()
    durable.server.start()
    again = Organization(durable)
    assert (again.id, again.root) == (organization.id, organization.root)
    assert again.attached(unit) == {FULL, denies}
    assert again.client.list_accounts_for_parent(ParentId=unit)["Accounts"][0]["Id"] == member
    assert again.client.list_tags_for_resource(ResourceId=unit)["Tags"] == [{"Key": "team", "Value": "a"}]
    refused(
        lambda: durable.client("iam", admin).create_user(UserName="x"),
        "AccessDenied",
        not_authorized(
            f"arn:aws:sts::{member}:assumed-role/OrganizationAccountAccessRole/setup",
            "iam:CreateUser",
            f"arn:aws:iam::{member}:user/x",
            EXPLICIT_SCP,
        ),
    )


def test_the_command_line(locum):
    def organizations(*arguments):
        return locum.aws_json("organizations", *arguments, credentials=ROOT_CREDENTIALS)

    root = organizations("list-roots")["Roots"][0]["Id"]
    enabled = organizations("enable-policy-type", "--root-id", root, "--policy-type", SCP)
    assert enabled["Root"]["PolicyTypes"] == [{"Type": SCP, "Status": "ENABLED"}]
    made = organizations(
        *("create-policy", "--name", "no-s3", "--description", "keeps out", "--type", SCP),
        *("--content", policy(deny("s3:*")), "--tags", "Key=team,Value=a"),
    )["Policy"]
    identifier = made["PolicySummary"]["Id"]
    assert json.loads(made["Content"])["Statement"][0]["Effect"] == "Deny"
    assert organizations("attach-policy", "--policy-id", identifier, "--target-id", root) is None
    targets = organizations("list-targets-for-policy", "--policy-id", identifier)["Targets"]
    assert [(target["TargetId"], target["Name"], target["Type"]) for target in targets] == [(root, "Root", "ROOT")]
    assert organizations("list-tags-for-resource", "--resource-id", identifier)["Tags"] == [
        {"Key": "team", "Value": "a"}
    ]
    listed = organizations("list-policies", "--filter", SCP, "--page-size", "1")["Policies"]
    assert {entry["Id"]: entry["AwsManaged"] for entry in listed} == {FULL: True, identifier: False}


PATTERN = "You provided a value that does not match the required pattern."
REQUIRED = "You must include a value for all required parameters."
LONGER = "You provided a string parameter that is longer than allowed."
SHORTER = "You provided a string parameter that is shorter than allowed."


@pytest.mark.parametrize(
    ("operation", "body", "reason", "message"),
    [
        ("DescribePolicy", {"PolicyId": "FullAWSAccess"}, "INVALID_PATTERN", PATTERN),
        ("DescribePolicy", {"PolicyId": ""}, "INVALID_PATTERN", PATTERN),
        ("DescribePolicy", {"PolicyId": None}, "INPUT_REQUIRED", REQUIRED),
        ("AttachPolicy", {"PolicyId": FULL, "TargetId": "x"}, "INVALID_PATTERN", PATTERN),
        ("EnablePolicyType", {"RootId": "r-ab", "PolicyType": SCP}, "INVALID_PATTERN", PATTERN),
        (
            "EnablePolicyType",
            {"RootId": "r-abcd", "PolicyType": "SCP"},
            "INVALID_ENUM_POLICY_TYPE",
            "You specified an invalid policy type string.",
        ),
        (
            "ListChildren",
            {"ParentId": "r-abcd", "ChildType": "account"},
            "INVALID_ENUM",
            "You specified an invalid value.",
        ),
        ("CreateOrganizationalUnit", {"ParentId": "r-abcd", "Name": ""}, "MIN_LENGTH_EXCEEDED", SHORTER),
        ("CreateOrganizationalUnit", {"ParentId": "r-abcd", "Name": "x" * 129}, "MAX_LENGTH_EXCEEDED", LONGER),
        ("CreateOrganizationalUnit", {"ParentId": "r-abcd", "Name": "a\nb"}, "INVALID_PATTERN", PATTERN),
        ("TagResource", {"ResourceId": ACCOUNT, "Tags": [{"Key": "a"}]}, "INPUT_REQUIRED", REQUIRED),
        ("TagResource", {"ResourceId": ACCOUNT, "Tags": [{}]}, "INPUT_REQUIRED", REQUIRED),
        ("TagResource", {"ResourceId": ACCOUNT, "Tags": [{"Key": "", "Value": ""}]}, "MIN_LENGTH_EXCEEDED", SHORTER),
        ("TagResource", {"ResourceId": ACCOUNT, "Tags": [{"Key": "a!", "Value": ""}]}, "INVALID_PATTERN", PATTERN),
        (
            "ListRoots",
            {"MaxResults": 0},
            "MIN_VALUE_EXCEEDED",
            "You provided a numeric parameter that has a smaller value than allowed.",
        ),
        (
            "ListRoots",
            {"MaxResults": 21},
            "MAX_VALUE_EXCEEDED",
            "You provided a numeric parameter that has a larger value than allowed.",
        ),
    ],
)
def test_wrong_input(locum, operation, body, reason, message):
    answer = send(locum, operation, json.dumps(body).encode())
    told = json.loads(answer.body)
    assert (answer.status, told) == (
        400,
        {"__type": "InvalidInputException", "Message": message, "Reason": reason},
    )


def send(locum, operation, body):
    """A signed request of exactly this body."""
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AWSOrganizationsV20161128.{operation}"}
    return locum.server.send("POST", "/", locum.sign("organizations", "POST", "/", headers, body), body)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"MaxResults":"5"}', "STRING_VALUE can not be converted to an Integer at line 1 column 17"),
        (b'{"MaxResults":1.0}', "DECIMAL_VALUE can not be converted to an Integer at line 1 column 17"),
        (b'{"NextToken":5}', "NUMBER_VALUE can not be converted to a String at line 1 column 14"),
        (b'{"NextToken":["a"]}', "Start of list found where not expected at line 1 column 14"),
        (b'{"NextToken":"a","NextToken":"b"}', "Duplicate member NextToken at line 1 column 28"),
        (b"[]", "Start of list found where not expected at line 1 column 2"),
        (b"{", "The request body is not a JSON object"),
    ],
)
def test_types_are_strict(locum, body, message):
    answer = send(locum, "ListRoots", body)
    assert answer.error() == (400, "SerializationException", message)


@pytest.fixture(scope="module")
def model():
    """botocore's model of the service."""
    return SESSION.client("organizations", region_name="us-east-1").meta.service_model


BOUND = """
AttachPolicy CreateAccount CreateOrganizationalUnit CreatePolicy DeleteOrganizationalUnit DeletePolicy
DeregisterDelegatedAdministrator DescribeAccount DescribeCreateAccountStatus DescribeOrganization
DescribeOrganizationalUnit DescribePolicy DetachPolicy DisableAWSServiceAccess DisablePolicyType
EnableAWSServiceAccess EnablePolicyType ListAWSServiceAccessForOrganization ListAccounts ListAccountsForParent
ListChildren ListDelegatedAdministrators ListDelegatedServicesForAccount ListOrganizationalUnitsForParent ListParents
ListPolicies ListPoliciesForTarget ListRoots ListTagsForResource ListTargetsForPolicy MoveAccount
RegisterDelegatedAdministrator TagResource UntagResource UpdateOrganizationalUnit UpdatePolicy
""".split()


def test_the_operations_that_are_bound(locum, model):
    """Each operation of the model is here or unknown, and the list of those that are is this one."""
    bound = []
    for name in model.operation_names:
        answer = send(locum, name, b"[]")
        assert answer.status == 400
        code = answer.error()[1]
        assert code in ("SerializationException", "UnknownOperationException"), name
        bound += [name] if code == "SerializationException" else []
    assert sorted(bound) == sorted(BOUND)


WRONG_TYPE = {"string": 5, "integer": "5", "list": "x", "structure": "x"}


@pytest.mark.parametrize("name", BOUND)
def test_inputs_are_those_of_the_model(locum, model, name):
    """Every required member is required, and every member has the model's type."""
    shape = model.operation_model(name).input_shape
    for member in shape.required_members if shape else []:
        told = json.loads(send(locum, name, json.dumps(sample(shape, without=member)).encode()).body)
        assert told == {
            "__type": "InvalidInputException",
            "Message": REQUIRED,
            "Reason": "INPUT_REQUIRED",
        }, member
    for member, its_shape in shape.members.items() if shape else []:
        wrong = sample(shape) | {member: WRONG_TYPE[its_shape.type_name]}
        answer = send(locum, name, json.dumps(wrong).encode())
        assert answer.error()[1] == "SerializationException", member


SAMPLES = {
    "AccountId": ACCOUNT,
    "ChildId": ACCOUNT,
    "ChildType": "ACCOUNT",
    "Content": policy(deny("s3:*")),
    "CreateAccountRequestId": "car-" + "0" * 32,
    "DestinationParentId": "ou-abcd-abcdefgh",
    "Email": "m@example.com",
    "Filter": SCP,
    "OrganizationalUnitId": "ou-abcd-abcdefgh",
    "ParentId": "ou-abcd-abcdefgh",
    "PolicyId": "p-abcdefghij",
    "PolicyType": SCP,
    "ResourceId": ACCOUNT,
    "RootId": "r-abcd",
    "SourceParentId": "r-abcd",
    "TagKeys": ["a"],
    "Tags": [{"Key": "a", "Value": "b"}],
    "TargetId": ACCOUNT,
    "Type": SCP,
}


def sample(shape, without=None):
    """A legal input of the required members."""
    return {name: SAMPLES.get(name, "text") for name in shape.required_members if name != without}


def test_outputs_are_those_of_the_model(locum, organization, model):
    """Every member of every answer is the model's, of the model's type, pattern and values."""
    organization.enable(SCP, RCP)
    unit = organization.unit("unit")
    denies = organization.policy("denies", deny("s3:*"))
    answers = {
        "CreateOrganizationalUnit": {"ParentId": organization.root, "Name": "x"},
        "UpdateOrganizationalUnit": {"OrganizationalUnitId": unit, "Name": "y"},
        "DescribeOrganizationalUnit": {"OrganizationalUnitId": unit},
        "ListOrganizationalUnitsForParent": {"ParentId": organization.root, "MaxResults": 1},
        "ListRoots": {},
        "ListParents": {"ChildId": unit},
        "ListChildren": {"ParentId": organization.root, "ChildType": "ORGANIZATIONAL_UNIT", "MaxResults": 1},
        "ListAccountsForParent": {"ParentId": organization.root},
        "ListAccounts": {},
        "DescribeAccount": {"AccountId": ACCOUNT},
        "DescribeOrganization": {},
        "CreateAccount": {"Email": "m@example.com", "AccountName": "m"},
        "CreatePolicy": {"Name": "p", "Description": "d", "Type": SCP, "Content": policy(deny("s3:*"))},
        "UpdatePolicy": {"PolicyId": denies, "Description": "d"},
        "DescribePolicy": {"PolicyId": denies},
        "ListPolicies": {"Filter": SCP, "MaxResults": 1},
        "ListPoliciesForTarget": {"TargetId": ACCOUNT, "Filter": RCP},
        "ListTargetsForPolicy": {"PolicyId": FULL},
        "DisablePolicyType": {"RootId": organization.root, "PolicyType": SCP},
        "EnablePolicyType": {"RootId": organization.root, "PolicyType": SCP},
        "TagResource": {"ResourceId": unit, "Tags": [{"Key": "a", "Value": "b"}]},
        "ListTagsForResource": {"ResourceId": unit},
        "UntagResource": {"ResourceId": unit, "TagKeys": ["a"]},
        "AttachPolicy": {"PolicyId": denies, "TargetId": unit},
        "DetachPolicy": {"PolicyId": denies, "TargetId": unit},
        "DeletePolicy": {"PolicyId": denies},
        "DeleteOrganizationalUnit": {"OrganizationalUnitId": unit},
    }
    for name, body in answers.items():
        answer = send(locum, name, json.dumps(body).encode())
        assert answer.status == 200, (name, answer.body)
        fits(json.loads(answer.body), model.operation_model(name).output_shape, name)


def fits(value, shape, where):
    if shape is None:
        assert value == {}, where
    elif shape.type_name == "structure":
        assert set(value) <= set(shape.members), where
        for name, member in value.items():
            fits(member, shape.members[name], f"{where}.{name}")
    elif shape.type_name == "list":
        for item in value:
            fits(item, shape.member, where)
    elif shape.type_name == "string":
        assert isinstance(value, str), where
        pattern = shape.metadata.get("pattern", "")
        if "\\p{" not in pattern:
            assert re.search(pattern, value), (where, value)
        assert not shape.enum or value in shape.enum, (where, value)
    else:
        wanted = {"boolean": bool, "timestamp": int, "integer": int}[shape.type_name]
        assert isinstance(value, wanted), where


def test_refusals_of_the_tree(locum, organization):
    unit = organization.unit("unit")
    client = organization.client
    nowhere = "ou-aaaa-aaaaaaaa"
    member, _ = locum.account("member")
    move = client.move_account
    for call, code, message in (
        (
            lambda: organization.unit("unit"),
            "DuplicateOrganizationalUnitException",
            "An OU with the same name already exists.",
        ),
        (
            lambda: organization.unit("x", nowhere),
            "ParentNotFoundException",
            "You specified a parent that doesn't exist.",
        ),
        (
            lambda: client.list_parents(ChildId=nowhere),
            "ChildNotFoundException",
            "You specified a child that doesn't exist.",
        ),
        (
            lambda: client.describe_organizational_unit(OrganizationalUnitId=nowhere),
            "OrganizationalUnitNotFoundException",
            "You specified an organizational unit that doesn't exist.",
        ),
        (
            lambda: client.enable_policy_type(RootId="r-zzzz", PolicyType=SCP),
            "RootNotFoundException",
            "You specified a root that doesn't exist.",
        ),
        (
            lambda: client.enable_policy_type(RootId=organization.root, PolicyType="TAG_POLICY"),
            "PolicyTypeNotAvailableForOrganizationException",
            "You can't use the specified policy type with the feature set currently enabled for this organization.",
        ),
        (
            lambda: client.disable_policy_type(RootId=organization.root, PolicyType=SCP),
            "PolicyTypeNotEnabledException",
            "This operation can be performed only for enabled policy types.",
        ),
        (
            lambda: move(AccountId=member, SourceParentId=unit, DestinationParentId=unit),
            "SourceParentNotFoundException",
            "You specified a source parent that doesn't exist.",
        ),
        (
            lambda: move(AccountId=member, SourceParentId=organization.root, DestinationParentId=nowhere),
            "DestinationParentNotFoundException",
            "You specified a destination parent that doesn't exist.",
        ),
        (
            lambda: move(AccountId=member, SourceParentId=organization.root, DestinationParentId=organization.root),
            "DuplicateAccountException",
            "That account is already present in the specified destination.",
        ),
        (
            lambda: client.list_policies_for_target(TargetId="999999999999", Filter=SCP),
            "TargetNotFoundException",
            "You specified a target that doesn't exist.",
        ),
        (
            lambda: client.create_policy(Name="x", Description="", Type=SCP, Content="{}"),
            "MalformedPolicyDocumentException",
            "The provided policy document does not meet the requirements of the specified policy type.",
        ),
    ):
        rejected(call, code, message)
    move(AccountId=member, SourceParentId=organization.root, DestinationParentId=unit)
    rejected(
        lambda: client.delete_organizational_unit(OrganizationalUnitId=unit),
        "OrganizationalUnitNotEmptyException",
        "The specified OU is not empty. Move all accounts to another root or to other OUs, remove all child OUs,"
        " and try the operation again.",
    )


def test_assuming_a_members_role(locum, organization):
    """A role that trusts an account is closed by a resource control policy on the role's account."""
    organization.enable(RCP)
    member, admin = locum.account("member")
    role = locum.role("open", root_of(ACCOUNT), credentials=admin)
    ann = locum.user("ann", allow("sts:AssumeRole"))
    locum.assume(ann, role)
    denies = organization.policy("closed", deny("sts:AssumeRole", "*", Principal="*"), policy_type=RCP)
    organization.attach(denies, member)
    refused(
        lambda: locum.assume(ann, role),
        "AccessDenied",
        not_authorized(f"arn:aws:iam::{ACCOUNT}:user/ann", "sts:AssumeRole", role),
    )
    organization.detach(denies, member)
    locum.assume(ann, role)
