"""Organizations: more than one account, and the way into each."""

import json
import re

import pytest
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    allow,
    not_authorized,
    policy,
    refused,
    root_of,
    wait_for,
)


def created(locum, name="member", **options):
    organizations = locum.client("organizations")
    status = organizations.create_account(Email=f"{name}@example.com", AccountName=name, **options)[
        "CreateAccountStatus"
    ]
    assert re.fullmatch("car-[a-z0-9]{8,32}", status["Id"])
    assert status["AccountName"] == name
    assert status["State"] in ("IN_PROGRESS", "SUCCEEDED")

    def described():
        answer = organizations.describe_create_account_status(CreateAccountRequestId=status["Id"])
        return answer["CreateAccountStatus"] if answer["CreateAccountStatus"]["State"] != "IN_PROGRESS" else None

    done = wait_for(described, "the account")
    assert done["State"] == "SUCCEEDED"
    assert re.fullmatch(r"\d{12}", done["AccountId"])
    return done


def test_the_organization(locum):
    organization = locum.client("organizations").describe_organization()["Organization"]
    assert re.fullmatch("o-[a-z0-9]{10,32}", organization["Id"])
    assert organization["Arn"] == f"arn:aws:organizations::{ACCOUNT}:organization/{organization['Id']}"
    assert organization["FeatureSet"] == "ALL"
    assert organization["MasterAccountId"] == ACCOUNT
    assert organization["MasterAccountArn"] == (
        f"arn:aws:organizations::{ACCOUNT}:account/{organization['Id']}/{ACCOUNT}"
    )


def test_accounts(locum):
    organizations = locum.client("organizations")
    identifier = organizations.describe_organization()["Organization"]["Id"]
    done = created(locum, "member")
    account = organizations.describe_account(AccountId=done["AccountId"])["Account"]
    assert account["Id"] == done["AccountId"]
    assert account["Name"] == "member"
    assert account["Email"] == "member@example.com"
    assert account["Status"] == "ACTIVE"
    assert account["JoinedMethod"] == "CREATED"
    assert account["Arn"] == f"arn:aws:organizations::{ACCOUNT}:account/{identifier}/{done['AccountId']}"
    listed = {entry["Id"] for entry in organizations.list_accounts()["Accounts"]}
    assert listed == {ACCOUNT, done["AccountId"]}


def test_paging(locum):
    made = {created(locum, f"member-{n}")["AccountId"] for n in range(5)}
    organizations = locum.client("organizations")
    pages = list(organizations.get_paginator("list_accounts").paginate(PaginationConfig={"PageSize": 2}))
    assert [len(page["Accounts"]) for page in pages] == [2, 2, 2]
    assert {entry["Id"] for page in pages for entry in page["Accounts"]} == made | {ACCOUNT}


def test_the_way_in(locum):
    """A new account has a role that trusts the management account, and nothing else."""
    account = created(locum)["AccountId"]
    role = f"arn:aws:iam::{account}:role/OrganizationAccountAccessRole"
    administrator = locum.user("administrator", allow("sts:AssumeRole", role))
    session = locum.assume(administrator, role)
    assert locum.client("sts", session).get_caller_identity()["Account"] == account
    iam = locum.client("iam", session)
    listed = iam.list_roles()["Roles"]
    assert [entry["RoleName"] for entry in listed] == ["OrganizationAccountAccessRole"]
    statement = listed[0]["AssumeRolePolicyDocument"]["Statement"]
    assert json.dumps(statement[0] if isinstance(statement, list) else statement).count(root_of(ACCOUNT)) == 1
    attached = iam.list_attached_role_policies(RoleName="OrganizationAccountAccessRole")["AttachedPolicies"]
    inline = iam.list_role_policies(RoleName="OrganizationAccountAccessRole")["PolicyNames"]
    assert [entry["PolicyName"] for entry in attached] + inline == ["AdministratorAccess"]
    assert iam.list_users()["Users"] == []
    # Without permission on the management account's side there is no way in.
    stranger = locum.user("stranger")
    refused(
        lambda: locum.client("sts", stranger).assume_role(RoleArn=role, RoleSessionName="session"),
        "AccessDenied",
        not_authorized(f"arn:aws:iam::{ACCOUNT}:user/stranger", "sts:AssumeRole", role),
    )


def test_another_name_for_the_role(locum):
    account = created(locum, RoleName="Door")["AccountId"]
    administrator = locum.user("administrator", allow("sts:AssumeRole"))
    session = locum.assume(administrator, f"arn:aws:iam::{account}:role/Door")
    assert [role["RoleName"] for role in locum.client("iam", session).list_roles()["Roles"]] == ["Door"]


def test_accounts_are_apart(locum):
    """The same names live in each account, and nothing of one is seen in another."""
    one, one_admin = locum.account("one")
    two, two_admin = locum.account("two")
    keys = {}
    for account, admin in ((one, one_admin), (two, two_admin)):
        keys[account] = locum.user("alice", allow("iam:*"), credentials=admin)
    for account, key in keys.items():
        iam = locum.client("iam", key)
        assert iam.get_user()["User"]["Arn"] == f"arn:aws:iam::{account}:user/alice"
        assert len(iam.list_users()["Users"]) == 1
    # Another account's role cannot be named to IAM at all; an ARN of another account's policy is not there.
    iam = locum.client("iam", keys[one])
    with pytest.raises(Exception) as caught:
        iam.attach_user_policy(UserName="alice", PolicyArn=f"arn:aws:iam::{two}:policy/own")
    assert caught.value.response["Error"]["Code"] in ("NoSuchEntity", "InvalidInput", "AccessDenied")


def test_only_the_management_account(locum):
    _, admin = locum.account("one")
    organizations = locum.client("organizations", admin)
    for call in (
        lambda: organizations.create_account(Email="x@example.com", AccountName="x"),
        organizations.list_accounts,
        lambda: organizations.describe_account(AccountId=ACCOUNT),
    ):
        with pytest.raises(Exception) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    # Each member may know which organization it is in.
    assert organizations.describe_organization()["Organization"]["MasterAccountId"] == ACCOUNT


def test_permission_is_needed(locum):
    alice = locum.user("alice")
    organizations = locum.client("organizations", alice)
    arn = f"arn:aws:iam::{ACCOUNT}:user/alice"
    refused(
        organizations.list_accounts,
        "AccessDeniedException",
        not_authorized(
            arn,
            "organizations:ListAccounts",
            "*",
            "because no identity-based policy allows the organizations:ListAccounts action",
        ),
        400,
    )
    locum.client("iam").put_user_policy(
        UserName="alice", PolicyName="p", PolicyDocument=policy(allow("organizations:ListAccounts"))
    )
    assert len(organizations.list_accounts()["Accounts"]) == 1


def test_what_is_not_there(locum):
    organizations = locum.client("organizations")
    with pytest.raises(organizations.exceptions.AccountNotFoundException) as caught:
        organizations.describe_account(AccountId="999999999999")
    assert caught.value.response["Error"]["Message"] == "You specified an account that doesn't exist."
    with pytest.raises(organizations.exceptions.CreateAccountStatusNotFoundException):
        organizations.describe_create_account_status(CreateAccountRequestId="car-" + "0" * 32)


def test_the_command_line(locum):
    made = locum.aws_json(
        *("organizations", "create-account", "--email", "m@example.com", "--account-name", "member"),
        credentials=ROOT_CREDENTIALS,
    )
    assert made["CreateAccountStatus"]["AccountName"] == "member"
    listed = locum.aws_json("organizations", "list-accounts", credentials=ROOT_CREDENTIALS)
    assert {entry["Name"] for entry in listed["Accounts"]} >= {"member"}
