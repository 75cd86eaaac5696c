"""Delegation requests between a vendor and a customer, with the clients that both have."""

import concurrent.futures
import json

import pytest
from botocore.exceptions import ClientError
from harness import (
    Credentials,
    allow,
    cli_error,
    deny,
    no_identity_policy,
    not_authorized,
    policy,
    refused,
    root_of,
    validation,
    wait_for,
)

DAY = 86_400
OWNER = "iam:AssociateDelegationRequest"
EXPIRED = "The trade-in token provided in the request has expired and can no longer be exchanged for credentials."


class Market:
    """A customer, a vendor and a competitor, each with an administrator."""

    def __init__(self, locum):
        self.locum = locum
        self.customer = locum.client("sts").get_caller_identity()["Account"]
        self.vendor, setup = locum.account("vendor")
        self.partner = locum.user("partner", allow("*"), credentials=setup)
        self.admin = locum.user("admin", allow("*"))
        self.owner = locum.user("owner", allow(OWNER))
        self.template = self.make_template(
            "reader", allow(["s3:GetObject", "s3:ListBucket"], ["arn:aws:s3:::${delegation:BucketName}*"])
        )

    def make_template(self, name, *statements):
        iam = self.locum.client("iam", self.partner)
        return iam.create_policy(PolicyName=name, PolicyDocument=policy(*statements))["Policy"]["Arn"]

    def other(self):
        """An administrator of an account that has nothing to do with it."""
        account, setup = self.locum.account("competitor")
        return account, self.locum.user("thief", allow("*"), credentials=setup)

    def question(self, workflow="workflow-1", **options):
        parameters = [{"Name": "BucketName", "Values": ["reports"], "Type": "string"}]
        return {
            "OwnerAccountId": self.customer,
            "Description": "Reads the reports",
            "Permissions": {"PolicyTemplateArn": self.template, "Parameters": parameters},
            "RequestorWorkflowId": workflow,
            "NotificationChannel": f"arn:aws:sns:us-east-1:{self.vendor}:delegations",
            "SessionDuration": 7200,
        } | options

    def ask(self, workflow="workflow-1", **options):
        iam = self.locum.client("iam", self.partner)
        return iam.create_delegation_request(**self.question(workflow, **options))["DelegationRequestId"]

    def iam(self, credentials):
        return self.locum.client("iam", credentials)

    def receive(self, request, credentials=None):
        """ReceiveDelegationToken, an operation that SDKs do not know."""
        parameters = {"Action": "ReceiveDelegationToken", "DelegationRequestId": request}
        return self.locum.form("iam", parameters, credentials or self.partner)

    def finalized(self, workflow="workflow-1", **options):
        """A request whose token is sent: its id and the token."""
        request = self.ask(workflow, **options)
        self.iam(self.owner).associate_delegation_request(DelegationRequestId=request)
        self.iam(self.admin).accept_delegation_request(DelegationRequestId=request)
        self.iam(self.owner).send_delegation_token(DelegationRequestId=request)
        return request, self.receive(request).value("ExchangeToken")

    def redeem(self, token, credentials=None):
        return self.locum.client("sts", credentials or self.partner).get_delegated_access_token(TradeInToken=token)

    def arn(self, request, account=None):
        return f"arn:aws:iam::{account or self.customer}:delegation-request/{request}"


@pytest.fixture
def market(locum):
    return Market(locum)


def missing(request):
    return f"The delegation request with id {request} cannot be found."


def test_a_vendor_reads_what_a_customer_has_granted(market, locum):
    s3 = locum.client("s3", market.admin)
    for bucket in ("reports", "secrets"):
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="july.csv", Body=b"1,2,3")
    request = market.ask(RequestMessage="as agreed", RedirectUrl="https://vendor.example/done?step=2")
    iam = market.iam(market.owner)
    iam.associate_delegation_request(DelegationRequestId=request)
    iam.update_delegation_request(DelegationRequestId=request, Notes="please look at this")
    admin = market.iam(market.admin)
    answer = admin.get_delegation_request(DelegationRequestId=request, DelegationPermissionCheck=True)
    assert (answer["PermissionCheckStatus"], answer["PermissionCheckResult"]) == ("COMPLETE", "ALLOWED")
    shown = answer["DelegationRequest"]
    times = {name: shown.pop(name) for name in ("CreateDate", "UpdatedTime", "ExpirationTime")}
    assert times["CreateDate"] <= times["UpdatedTime"]
    assert (times["ExpirationTime"] - times["UpdatedTime"]).days == 7
    assert json.loads(shown.pop("PermissionPolicy")) == json.loads(
        policy(allow(["s3:GetObject", "s3:ListBucket"], "arn:aws:s3:::reports*"))
    )
    assert shown == {
        "DelegationRequestId": request,
        "OwnerAccountId": market.customer,
        "Description": "Reads the reports",
        "RequestMessage": "as agreed",
        "Permissions": {
            "PolicyTemplateArn": market.template,
            "Parameters": [{"Name": "BucketName", "Values": ["reports"], "Type": "string"}],
        },
        "OwnerId": f"arn:aws:iam::{market.customer}:user/owner",
        "State": "PENDING_APPROVAL",
        "RequestorId": market.vendor,
        "RequestorName": "vendor",
        "SessionDuration": 7200,
        "RedirectUrl": "https://vendor.example/done?step=2",
        "Notes": "please look at this",
        "OnlySendByOwner": False,
    }
    admin.accept_delegation_request(DelegationRequestId=request)
    iam.send_delegation_token(DelegationRequestId=request)
    received = market.receive(request)
    assert received.status == 200
    names = ("Type", "RequestId", "RequestorWorkflowId", "State", "OwnerAccountId")
    told = {name: received.value(name) for name in names if name != "RequestId"}
    assert told == {
        "Type": "ExchangeToken",
        "RequestorWorkflowId": "workflow-1",
        "State": "FINALIZED",
        "OwnerAccountId": market.customer,
    }
    assert request in received.text
    access = market.redeem(received.value("ExchangeToken"))
    assert access["AssumedPrincipal"] == f"arn:aws:iam::{market.customer}:user/admin"
    assert 0 < access["PackedPolicySize"] <= 100
    session = Credentials.of(access)
    end = access["Credentials"]["Expiration"]
    assert received.value("ExpiresAt") == end.strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = locum.client("sts", session).get_caller_identity()
    assert identity["Arn"] == access["AssumedPrincipal"]
    theirs = locum.client("s3", session)
    assert theirs.get_object(Bucket="reports", Key="july.csv")["Body"].read() == b"1,2,3"
    for call in (
        lambda: theirs.get_object(Bucket="secrets", Key="july.csv"),
        lambda: theirs.put_object(Bucket="reports", Key="july.csv", Body=b""),
        lambda: theirs.list_buckets(),
    ):
        with pytest.raises(ClientError) as caught:
            call()
        assert caught.value.response["Error"]["Code"] == "AccessDenied"
    reason = "because no session policy allows the iam:ListUsers action"
    users = f"arn:aws:iam::{market.customer}:user/"
    sentence = not_authorized(access["AssumedPrincipal"], "iam:ListUsers", users, reason)
    refused(lambda: locum.client("iam", session).list_users(), "AccessDenied", sentence)


def test_with_the_command_line(market, locum):
    def aws(by, *arguments):
        return locum.aws_json("iam", *arguments, credentials=by)

    permissions = {"PolicyTemplateArn": market.template, "Parameters": market.question()["Permissions"]["Parameters"]}
    made = aws(
        market.partner,
        *("create-delegation-request", "--description", "Reads the reports", "--owner-account-id", market.customer),
        *("--permissions", json.dumps(permissions), "--requestor-workflow-id", "workflow-1"),
        *("--notification-channel", "mailbox", "--session-duration", "300", "--only-send-by-owner"),
    )
    request = made["DelegationRequestId"]
    by_id = ("--delegation-request-id", request)
    assert aws(market.owner, "associate-delegation-request", *by_id) is None
    owner = f"arn:aws:iam::{market.customer}:user/owner"
    found = aws(market.owner, "list-delegation-requests", "--owner-id", owner)
    assert [shown["DelegationRequestId"] for shown in found["DelegationRequests"]] == [request]
    assert found["isTruncated"] is False
    aws(market.admin, "accept-delegation-request", *by_id)
    refusal = not_authorized(
        f"arn:aws:iam::{market.customer}:user/admin", "iam:SendDelegationToken", market.arn(request)
    )
    assert cli_error(locum.aws("iam", "send-delegation-token", *by_id, credentials=market.admin)) == (
        "AccessDenied",
        "SendDelegationToken",
        f"{refusal} because only the owner of the delegation request may send its token",
    )
    aws(market.owner, "send-delegation-token", *by_id)
    token = market.receive(request).value("ExchangeToken")
    access = locum.aws_json("sts", "get-delegated-access-token", "--trade-in-token", token, credentials=market.partner)
    assert access["AssumedPrincipal"] == f"arn:aws:iam::{market.customer}:user/admin"
    again = locum.aws("sts", "get-delegated-access-token", "--trade-in-token", token, credentials=market.partner)
    assert cli_error(again) == ("ExpiredTradeInTokenException", "GetDelegatedAccessToken", EXPIRED)
    summary = aws(market.admin, "get-human-readable-summary", "--entity-arn", market.arn(request))
    assert summary["SummaryState"] == "AVAILABLE"
    assert '"s3:GetObject", "s3:ListBucket" on "arn:aws:s3:::reports*"' in summary["SummaryContent"]


def test_a_token_is_the_partners_and_good_for_once(market):
    request, token = market.finalized()
    account, thief = market.other()
    for by, arn in ((thief, f"arn:aws:iam::{account}:user/thief"), (market.admin, None)):
        arn = arn or f"arn:aws:iam::{market.customer}:user/admin"
        sentence = not_authorized(arn, "sts:GetDelegatedAccessToken", "*")
        refused(lambda by=by: market.redeem(token, by), "AccessDenied", sentence)
    for broken in ("", "x", token[:-2], token[::-1], "A" * 20_000):
        refused(lambda broken=broken: market.redeem(broken), "ValidationError", "The trade-in token is not valid.", 400)
    null = validation("Value at 'tradeInToken' failed to satisfy constraint: Member must not be null")
    refused(lambda: market.locum.client("sts", market.partner).get_delegated_access_token(), "ValidationError", null, 400)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        tries = [pool.submit(market.redeem, token) for _ in range(8)]
    assert sum(ran.exception() is None for ran in tries) == 1
    for ran in tries:
        if ran.exception():
            assert ran.exception().response["Error"]["Code"] == "ExpiredTradeInTokenException"
    refused(lambda: market.redeem(token), "ExpiredTradeInTokenException", EXPIRED, 400)
    text = f"The exchange token of the delegation request {request} has been traded in already."
    assert market.receive(request).error() == (400, "InvalidInput", text)


def test_the_clock_ends_tokens_sessions_and_requests(market, locum):
    request, token = market.finalized()
    _, unused = market.finalized("workflow-2")
    locum.advance(3600)
    session = Credentials.of(market.redeem(token))
    locum.client("sts", session).get_caller_identity()
    locum.advance(3601)
    ended = "The security token included in the request is expired"
    refused(lambda: locum.client("sts", session).get_caller_identity(), "ExpiredToken", ended)
    refused(lambda: market.redeem(unused), "ExpiredTradeInTokenException", EXPIRED, 400)
    iam = market.iam(market.partner)
    state = lambda: iam.get_delegation_request(DelegationRequestId=request)["DelegationRequest"]["State"]
    assert state() == "FINALIZED"
    locum.advance(7 * DAY)
    assert state() == "EXPIRED"
    locum.advance(7 * DAY)
    refused(state, "NoSuchEntity", missing(request), 404)
    late = market.ask("workflow-3")
    locum.advance(DAY + 1)
    text = f"The delegation request {late} cannot be associated: it is EXPIRED."
    associate = market.iam(market.owner).associate_delegation_request
    refused(lambda: associate(DelegationRequestId=late), "InvalidInput", text, 400)


def test_wrong_steps(market):
    request = market.ask()
    owner, admin = market.iam(market.owner), market.iam(market.admin)
    by_id = {"DelegationRequestId": request}

    def wrong(verb, state):
        return f"The delegation request {request} cannot be {verb}: it is {state}."

    def each(state, *allowed):
        steps = {
            "associated": admin.associate_delegation_request,
            "updated": admin.update_delegation_request,
            "accepted": admin.accept_delegation_request,
            "rejected": admin.reject_delegation_request,
            "finalized": admin.send_delegation_token,
        }
        for verb, step in steps.items():
            if verb not in allowed:
                code = "ValidationError" if verb == "accepted" else "InvalidInput"
                refused(lambda step=step: step(**by_id), code, wrong(verb, state), 400)

    each("UNASSIGNED", "associated")
    owner.associate_delegation_request(**by_id)
    each("ASSIGNED", "updated", "accepted", "rejected")
    admin.update_delegation_request(**by_id)
    each("PENDING_APPROVAL", "updated", "accepted", "rejected")
    admin.accept_delegation_request(**by_id)
    each("ACCEPTED", "rejected", "finalized")
    admin.send_delegation_token(**by_id)
    each("FINALIZED")
    request = market.ask("workflow-2")
    by_id = {"DelegationRequestId": request}
    owner.associate_delegation_request(**by_id)
    owner.reject_delegation_request(**by_id, Notes="no")
    each("REJECTED")
    shown = market.iam(market.partner).get_delegation_request(**by_id)["DelegationRequest"]
    assert (shown["State"], shown["RejectionReason"]) == ("REJECTED", "no")
    assert not {"OwnerId", "ApproverId", "Notes"} & set(shown)


def test_accepting_and_rejecting_at_once(market):
    for number in range(6):
        request = market.ask(f"workflow-{number}")
        market.iam(market.owner).associate_delegation_request(DelegationRequestId=request)
        by_id = {"DelegationRequestId": request}
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            accepted = pool.submit(market.iam(market.admin).accept_delegation_request, **by_id)
            rejected = pool.submit(market.iam(market.owner).reject_delegation_request, **by_id)
            sent = pool.submit(market.iam(market.owner).send_delegation_token, **by_id)
        state = market.iam(market.admin).get_delegation_request(**by_id)["DelegationRequest"]["State"]
        accepted, rejected, sent = (ran.exception() is None for ran in (accepted, rejected, sent))
        # Whatever came first, what it says and what was answered are one story.
        assert state == ("FINALIZED" if sent else "REJECTED")
        assert rejected != sent
        assert accepted or not sent


def test_other_accounts_see_nothing(market):
    request, _ = market.finalized()
    account, thief = market.other()
    iam = market.iam(thief)
    for call in (
        iam.get_delegation_request,
        iam.associate_delegation_request,
        iam.update_delegation_request,
        iam.accept_delegation_request,
        iam.reject_delegation_request,
        iam.send_delegation_token,
    ):
        refused(lambda call=call: call(DelegationRequestId=request), "NoSuchEntity", missing(request), 404)
    for by in (thief, market.admin):
        assert market.receive(request, by).error() == (404, "NoSuchEntity", missing(request))
    summary = iam.get_human_readable_summary
    refused(lambda: summary(EntityArn=market.arn(request)), "NoSuchEntity", missing(request), 404)
    assert iam.list_delegation_requests()["DelegationRequests"] == []
    for by in (market.partner, market.admin):
        assert len(market.iam(by).list_delegation_requests()["DelegationRequests"]) == 1
    unknown = "dr-0000000000-" + "0" * 32
    for other in (unknown, request.upper(), request + "0", "x" * 16):
        get = lambda other=other: market.iam(market.admin).get_delegation_request(DelegationRequestId=other)
        refused(get, "NoSuchEntity", missing(other), 404)


def test_lists_in_pages(market):
    made = sorted(market.ask(f"workflow-{number}") for number in range(5))
    iam = market.iam(market.partner)
    seen, marker = [], {}
    while True:
        page = iam.list_delegation_requests(MaxItems=2, **marker)
        seen += [shown["DelegationRequestId"] for shown in page["DelegationRequests"]]
        assert page["isTruncated"] is ("Marker" in page)
        if "Marker" not in page:
            break
        marker = {"Marker": page["Marker"]}
    assert seen == made
    other = {"OwnerId": root_of(market.vendor), "Marker": marker["Marker"]}
    refused(lambda: iam.list_delegation_requests(**other), "ValidationError", "Invalid Marker.", 400)


def test_an_approver_gives_what_it_has(market, locum):
    accept = allow("iam:AcceptDelegationRequest")
    weak = locum.user("weak", accept, allow("s3:GetObject", "arn:aws:s3:::reports/july.csv"))
    request = market.ask()
    market.iam(market.owner).associate_delegation_request(DelegationRequestId=request)
    sentence = not_authorized(
        f"arn:aws:iam::{market.customer}:user/weak", "iam:AcceptDelegationRequest", market.arn(request)
    )
    reason = "because the delegation request asks for permissions that the approver does not have"
    by_id = {"DelegationRequestId": request}
    refused(lambda: market.iam(weak).accept_delegation_request(**by_id), "AccessDenied", f"{sentence} {reason}")
    strong = locum.user("strong", accept, allow("s3:*"))
    market.iam(strong).accept_delegation_request(**by_id)
    market.iam(market.owner).send_delegation_token(**by_id)
    session = Credentials.of(market.redeem(market.receive(request).value("ExchangeToken")))
    locum.client("s3", market.admin).create_bucket(Bucket="reports")
    s3 = locum.client("s3", session)
    assert s3.list_objects_v2(Bucket="reports")["KeyCount"] == 0
    # What the approver loses, the vendor loses with the next request; and it goes with the approver.
    iam = locum.client("iam")
    iam.put_user_policy(UserName="strong", PolicyName="no", PolicyDocument=policy(deny("s3:ListBucket")))
    with pytest.raises(ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket="reports")
    for name in iam.list_user_policies(UserName="strong")["PolicyNames"]:
        iam.delete_user_policy(UserName="strong", PolicyName=name)
    iam.delete_access_key(UserName="strong", AccessKeyId=strong.id)
    iam.delete_user(UserName="strong")
    gone = "The security token included in the request is invalid."
    refused(lambda: locum.client("sts", session).get_caller_identity(), "InvalidClientTokenId", gone)


def test_parameters_are_data(market):
    def granted(value, template=market.template):
        permissions = {"PolicyTemplateArn": template, "Parameters": [{"Name": "BucketName", "Values": [value]}]}
        request = market.ask(f"workflow {value}", Permissions=permissions)
        shown = market.iam(market.admin).get_delegation_request(DelegationRequestId=request)["DelegationRequest"]
        return json.loads(shown["PermissionPolicy"])["Statement"][0]["Resource"]

    assert granted("reports") == "arn:aws:s3:::reports*"
    assert granted("*") == "arn:aws:s3:::${*}*"
    assert granted("${aws:username}") == "arn:aws:s3:::${$}{aws:username}*"
    hostile = 'x"],"Action":"*","Resource":["*'
    assert granted(hostile) == f"arn:aws:s3:::{hostile.replace('*', '${*}')}*"
    pattern = market.make_template("pattern", allow("s3:GetObject", "arn:aws:s3:::${delegation-pattern:BucketName}"))
    assert granted("re*s/?", pattern) == "arn:aws:s3:::re*s/?"


def test_what_is_refused_when_it_is_asked(market):
    iam = market.iam(market.partner)

    def check(code, message, status=400, **options):
        refused(lambda: iam.create_delegation_request(**market.question("workflow-x", **options)), code, message, status)

    market.ask()
    again = "Delegation request with requestor workflow id workflow-1 already exists."
    refused(lambda: market.ask(), "EntityAlreadyExists", again, 409)
    check("InvalidInput", "The account 000000000001 does not exist.", OwnerAccountId="000000000001")
    channel = "The notification channel must be the ARN of an SNS topic of the calling account, or mailbox."
    foreign = f"arn:aws:sns:us-east-1:{market.customer}:delegations"
    check("InvalidInput", channel, NotificationChannel=foreign)
    bucket = "The policy parameter BucketName is missing."
    check("InvalidInput", bucket, Permissions={"PolicyTemplateArn": market.template})
    nowhere = f"arn:aws:iam::{market.vendor}:policy/nowhere"
    text = f"The policy template {nowhere} does not exist in this account."
    check("InvalidInput", text, Permissions={"PolicyTemplateArn": nowhere})
    everything = market.make_template("everything", allow("*"))
    text = "A permission policy that allows iam:createrole must insist on iam:PermissionsBoundary in the same statement."
    check("InvalidInput", text, Permissions={"PolicyTemplateArn": everything})
    least = "Value at 'sessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 300"
    check("ValidationError", validation(least), SessionDuration=299)
    most = "Value at 'sessionDuration' failed to satisfy constraint: Member must have value less than or equal to 43200"
    check("ValidationError", validation(most), SessionDuration=43_201)
    url = (
        "Value at 'redirectUrl' failed to satisfy constraint: Member must satisfy regular expression pattern: "
        r"^http(s?)://[a-zA-Z0-9._/-]*(\?[a-zA-Z0-9._=&-]*)?(#[a-zA-Z0-9._/-]*)?$"
    )
    check("ValidationError", validation(url), RedirectUrl="javascript:alert(1)")
    kind = "Value at 'permissions.parameters.1.member.type' failed to satisfy constraint: Member must satisfy enum value set"
    parameters = [{"Name": "BucketName", "Values": ["x"], "Type": "number"}]
    check("ValidationError", validation(kind), Permissions={"PolicyTemplateArn": market.template, "Parameters": parameters})
    # Who may ask, with which template, where to and for how long is the vendor's to say.
    limits = {"iam:TemplateArn": market.template, "iam:NotificationChannel": "mailbox", "iam:DelegationDuration": "300"}
    clerk = market.locum.user(
        "clerk", allow("iam:CreateDelegationRequest", Condition={"StringEquals": limits}), credentials=market.partner
    )
    asked = {"NotificationChannel": "mailbox", "SessionDuration": 300}
    market.iam(clerk).create_delegation_request(**market.question("workflow-2", **asked))
    sentence = not_authorized(
        f"arn:aws:iam::{market.vendor}:user/clerk",
        "iam:CreateDelegationRequest",
        market.arn("*", market.vendor),
        no_identity_policy("iam:CreateDelegationRequest"),
    )
    longer = market.question("workflow-3", **asked | {"SessionDuration": 301})
    refused(lambda: market.iam(clerk).create_delegation_request(**longer), "AccessDenied", sentence)


def test_a_summary_is_for_whom_the_request_is(market):
    request = market.ask(Description='Good\n"- it asks for nothing', OnlySendByOwner=True)
    summary = lambda by, **options: market.iam(by).get_human_readable_summary(EntityArn=market.arn(request), **options)
    answer = summary(market.admin, Locale="en_US")
    assert (answer["SummaryState"], answer["Locale"]) == ("AVAILABLE", "en_US")
    assert r'as: "Good\n\"- it asks for nothing"' in answer["SummaryContent"]
    assert "Only the owner of the request can send the token." in answer["SummaryContent"]
    answer = summary(market.admin, Locale="ja_JP")
    assert (answer["SummaryState"], answer["Locale"], answer["SummaryContent"]) == ("NOT_SUPPORTED", "ja_JP", "")
    sentence = not_authorized(
        f"arn:aws:iam::{market.customer}:user/owner",
        "iam:GetHumanReadableSummary",
        market.arn(request),
        no_identity_policy("iam:GetHumanReadableSummary"),
    )
    refused(lambda: summary(market.owner), "AccessDenied", sentence)
    market.iam(market.owner).associate_delegation_request(DelegationRequestId=request)
    assert summary(market.owner)["SummaryState"] == "AVAILABLE"


def test_the_record_names_both_accounts_and_no_token(durable, tmp_path):
    market = Market(durable)
    request, token = market.finalized()
    session = Credentials.of(market.redeem(token))
    with pytest.raises(ClientError):
        durable.client("iam", session).list_users(PathPrefix="/delegated/")
    audit = tmp_path / "data/audit/audit.jsonl"

    def records(name):
        found = [json.loads(line) for line in audit.read_text().splitlines()]
        return [record for record in found if record["eventName"] == name]

    def record(name):
        return wait_for(lambda: records(name), f"a record of {name}")[-1]

    resource = {
        "ARN": market.arn(request, market.vendor),
        "accountId": market.vendor,
        "type": "AWS::IAM::DelegationRequest",
    }
    for name in ("CreateDelegationRequest", "AcceptDelegationRequest", "SendDelegationToken", "ReceiveDelegationToken"):
        assert record(name)["resources"] == [resource], name
    assert record("AcceptDelegationRequest")["userIdentity"]["accountId"] == market.customer
    exchanges = "GetDelegatedAccessToken"
    redeemed, customers = wait_for(lambda: records(exchanges)[1:] and records(exchanges), "both records")
    admin = f"arn:aws:iam::{market.customer}:user/admin"
    assert redeemed["userIdentity"]["accountId"] == market.vendor
    assert redeemed["resources"] == [{"ARN": admin, "accountId": market.customer}]
    # The customer learns that there are credentials now, and which.
    assert customers["recipientAccountId"] == market.customer
    assert customers["sharedEventID"] == redeemed["sharedEventID"]
    assert customers["userIdentity"] == {
        "type": "AWSAccount",
        "principalId": redeemed["userIdentity"]["principalId"],
        "accountId": market.vendor,
    }
    assert customers["responseElements"]["credentials"]["accessKeyId"] == session.id
    assert market.partner.id not in json.dumps(customers)
    acted = wait_for(
        lambda: [found for found in records("ListUsers") if "invokedByDelegate" in found["userIdentity"]], "its use"
    )[-1]
    assert acted["userIdentity"]["invokedByDelegate"] == {"accountId": market.vendor}
    assert acted["userIdentity"]["arn"] == admin
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            assert token.encode() not in file.read_bytes(), file


def test_requests_outlast_a_restart(durable):
    market = Market(durable)
    _, token = market.finalized()
    used, spent = market.finalized("workflow-2")
    session = Credentials.of(market.redeem(spent))
    server = durable.server
    assert server.terminate() == 0
    server.start()
    durable.client("sts", session).get_caller_identity()
    refused(lambda: market.redeem(spent), "ExpiredTradeInTokenException", EXPIRED, 400)
    assert market.redeem(token)["AssumedPrincipal"].endswith(":user/admin")
    shown = market.iam(market.admin).get_delegation_request(DelegationRequestId=used)["DelegationRequest"]
    assert shown["State"] == "FINALIZED"
