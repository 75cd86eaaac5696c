"""A vendor works in its customers' accounts; the external ID says for whom."""

from types import SimpleNamespace

import pytest
from harness import ACCOUNT, Credentials, allow, not_authorized, refused, root_of, trusting

ROLE = "ExampleCorpAccess"


@pytest.fixture
def story(locum):
    """Example Corp, its two customers, and the role each customer has made for it."""
    vendor, vendor_admin = locum.account("example-corp")
    first, first_admin = locum.account("customer-one")
    second, second_admin = locum.account("customer-two")
    assert len({vendor, first, second, ACCOUNT}) == 4
    for admin, identifier in ((first_admin, "Cust:12345/one"), (second_admin, "Cust:67890/two")):
        trust = trusting(root_of(vendor), Condition={"StringEquals": {"sts:ExternalId": identifier}})
        locum.role(ROLE, trust, allow("s3:ListAllMyBuckets"), credentials=admin)
    worker = locum.user("worker", allow("sts:AssumeRole", f"arn:aws:iam::*:role/{ROLE}"), credentials=vendor_admin)
    return SimpleNamespace(
        vendor=vendor,
        worker=worker,
        curious=locum.user("curious", allow("sts:AssumeRole"), credentials=vendor_admin),
        worker_arn=f"arn:aws:iam::{vendor}:user/worker",
        first=f"arn:aws:iam::{first}:role/{ROLE}",
        first_account=first,
        second=f"arn:aws:iam::{second}:role/{ROLE}",
        admins=(vendor_admin, first_admin, second_admin),
    )


def refusal(locum, story, role, **parameters):
    sts = locum.client("sts", story.worker)
    sentence = not_authorized(story.worker_arn, "sts:AssumeRole", role)
    return refused(
        lambda: sts.assume_role(RoleArn=role, RoleSessionName="work", **parameters), "AccessDenied", sentence
    )


def test_the_right_id(locum, story):
    for role, identifier in ((story.first, "Cust:12345/one"), (story.second, "Cust:67890/two")):
        session = locum.assume(story.worker, role, "work", ExternalId=identifier)
        identity = locum.client("sts", session).get_caller_identity()
        account = role.split(":")[4]
        assert identity["Account"] == account
        assert identity["Arn"] == f"arn:aws:sts::{account}:assumed-role/{ROLE}/work"
        assert locum.client("s3", session).list_buckets()["Buckets"] == []


def test_no_id(locum, story):
    refusal(locum, story, story.first)


def test_another_customers_id(locum, story):
    refusal(locum, story, story.first, ExternalId="Cust:67890/two")


def test_case_matters(locum, story):
    refusal(locum, story, story.first, ExternalId="CUST:12345/ONE")
    refusal(locum, story, story.first, ExternalId="cust:12345/one")


def test_part_of_the_id(locum, story):
    refusal(locum, story, story.first, ExternalId="Cust:12345/on")
    refusal(locum, story, story.first, ExternalId="Cust:12345/one/")


def test_existence_is_not_disclosed(locum, story):
    """A role that is not there, and an account that is not there, are refused in the same words."""
    with_id = {"ExternalId": "Cust:67890/two"}
    seen = []
    for role in (
        story.first,
        f"arn:aws:iam::{story.first_account}:role/NoSuchRole",
        f"arn:aws:iam::999999999999:role/{ROLE}",
    ):
        answer = refusal_of_any(locum, story, role, **with_id)
        answer["Error"]["Message"] = answer["Error"]["Message"].replace(role, "ROLE")
        answer["ResponseMetadata"].pop("RequestId")
        answer["ResponseMetadata"]["HTTPHeaders"] = sorted(answer["ResponseMetadata"]["HTTPHeaders"])
        seen.append(answer)
    assert seen[0] == seen[1] == seen[2]


def refusal_of_any(locum, story, role, **parameters):
    """Also for a role that the worker's own policy does not name."""
    sts = locum.client("sts", story.curious)
    sentence = not_authorized(f"arn:aws:iam::{story.vendor}:user/curious", "sts:AssumeRole", role)
    return refused(
        lambda: sts.assume_role(RoleArn=role, RoleSessionName="work", **parameters), "AccessDenied", sentence
    )


class Vendor:
    """Example Corp's service: it keeps one external ID for each customer, chosen by itself.

    A customer tells it a role ARN; it never lets the customer choose the ID.
    """

    def __init__(self, locum, worker):
        self.sts = locum.client("sts", worker)
        self.identifiers = {"one": "Cust:12345/one", "two": "Cust:67890/two"}
        self.roles = {}

    def register(self, customer, role):
        self.roles[customer] = role

    def work_for(self, customer):
        answer = self.sts.assume_role(
            RoleArn=self.roles[customer], RoleSessionName="work", ExternalId=self.identifiers[customer]
        )
        return Credentials.of(answer)


def test_confused_deputy(locum, story):
    """Customer two registers customer one's role ARN with the vendor, and gets nothing by it."""
    vendor = Vendor(locum, story.worker)
    vendor.register("one", story.first)
    vendor.register("two", story.first)
    assert locum.client("sts", vendor.work_for("one")).get_caller_identity()["Account"] == story.first_account
    sentence = not_authorized(story.worker_arn, "sts:AssumeRole", story.first)
    refused(lambda: vendor.work_for("two"), "AccessDenied", sentence)
    # With its own role it is served.
    vendor.register("two", story.second)
    assert locum.client("sts", vendor.work_for("two")).get_caller_identity()["Arn"].split(":")[4] in story.second


def test_without_the_condition_the_deputy_is_confused(locum, story):
    """What the external ID is for: a trust policy that does not ask for one lets anybody's request in."""
    vendor_admin, first_admin, _ = story.admins
    naive = locum.role("Naive", root_of(story.vendor), credentials=first_admin)
    worker = locum.user("naive-worker", allow("sts:AssumeRole", naive), credentials=vendor_admin)
    for parameters in ({}, {"ExternalId": "Cust:67890/two"}):
        assert locum.assume(worker, naive, **parameters).id.startswith("ASIA")


def test_the_vendor_needs_permission_too(locum, story):
    """Across accounts both sides must allow: the right ID alone does not do."""
    powerless = locum.user("powerless", credentials=story.admins[0])
    sts = locum.client("sts", powerless)
    refused(
        lambda: sts.assume_role(RoleArn=story.first, RoleSessionName="work", ExternalId="Cust:12345/one"),
        "AccessDenied",
        not_authorized(f"arn:aws:iam::{story.vendor}:user/powerless", "sts:AssumeRole", story.first),
    )
