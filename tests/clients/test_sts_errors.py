"""The catalogue of STS's errors: each with its code, status and message, or where or why not."""

import pathlib

import pytest
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    Credentials,
    allow,
    not_authorized,
    policy,
    root_of,
    trusting,
    validation,
)

CATALOGUE = {
    "AccessDenied",
    "ExpiredToken",
    "ExpiredTokenException",
    "ExpiredTradeInTokenException",
    "IDPCommunicationError",
    "IDPRejectedClaim",
    "IncompleteSignature",
    "InternalFailure",
    "InvalidAction",
    "InvalidAuthorizationMessageException",
    "InvalidClientTokenId",
    "InvalidIdentityToken",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "JWTPayloadSizeExceededException",
    "MalformedInput",
    "MalformedPolicyDocument",
    "MissingAuthenticationToken",
    "MissingParameter",
    "OptInRequired",
    "OutboundWebIdentityFederationDisabledException",
    "PackedPolicyTooLarge",
    "RegionDisabledException",
    "RequestExpired",
    "ServiceUnavailable",
    "SessionDurationEscalationException",
    "SignatureDoesNotMatch",
    "Throttling",
    "ValidationError",
}
# Where the text is checked in tests that have what it takes.
ELSEWHERE = {
    "ExpiredTradeInTokenException": "test_delegation.py::test_a_token_is_the_partners_and_good_for_once",
    "JWTPayloadSizeExceededException": "test_web_identity_token.py::test_refusals_of_the_operation",
    "Throttling": "../faults/test_abuse.py::test_each_protocol_has_its_form_and_sdks_try_again",
}
NOT_HERE = {
    "IDPCommunicationError": "of federation, which is not there yet",
    "IDPRejectedClaim": "of federation, which is not there yet",
    "InvalidIdentityToken": "of federation, which is not there yet",
    "InternalFailure": "no request causes one",
    "InvalidParameterCombination": "no operation of STS has parameters that exclude one another",
    "MissingParameter": "STS says ValidationError, member by member",
    "OptInRequired": "nobody subscribes to anything",
    "RegionDisabledException": "no region is switched off",
    "RequestExpired": "STS says SignatureDoesNotMatch",
    "ServiceUnavailable": "only while the server ends",
}

ROLE = f"arn:aws:iam::{ACCOUNT}:role/role"
USER = f"arn:aws:iam::{ACCOUNT}:user/user"
ASSUME = {"Action": "AssumeRole", "RoleArn": ROLE, "RoleSessionName": "session"}
WEB = {"Action": "GetWebIdentityToken", "Audience.member.1": "a", "SigningAlgorithm": "ES384"}
UNREADABLE = "The request could not be parsed"
ROOT_ASSUMES = "Roles may not be assumed by root accounts."
ROLE_MAXIMUM = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
CHAINING = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."
MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)
TAG = {"Tags.member.1.Key": "Team", "Tags.member.1.Value": "blue"}
DUPLICATE = TAG | {"Tags.member.2.Key": "TEAM", "Tags.member.2.Value": ""}
NOT_PASSED = TAG | {"TransitiveTagKeys.member.1": "Desk"}
CONTEXT = {
    "ProvidedContexts.member.1.ProviderArn": "arn:aws:iam::aws:contextProvider/IdentityCenter",
    "ProvidedContexts.member.1.ContextAssertion": "eyJhbGci",
}


# Twice what a role without a limit of its own lets policies have.
LARGE = policy(allow("s3:GetObject")).ljust(4096)


# name: (who asks, what, status, code, message).
ROWS = {
    "the root user assumes no role": ("root", ASSUME, 403, "AccessDenied", ROOT_ASSUMES),
    "a role that is not there": (
        "user",
        ASSUME | {"RoleArn": f"{ROLE}s"},
        403,
        "AccessDenied",
        not_authorized(USER, "sts:AssumeRole", f"{ROLE}s"),
    ),
    "a role that does not let tag": (
        "user",
        ASSUME | TAG | {"RoleArn": f"{ROLE}-plain"},
        403,
        "AccessDenied",
        not_authorized(USER, "sts:TagSession", f"{ROLE}-plain"),
    ),
    "a role that lets nobody set an identity": (
        "user",
        ASSUME | {"RoleArn": f"{ROLE}-plain", "SourceIdentity": "Ann"},
        403,
        "AccessDenied",
        not_authorized(USER, "sts:SetSourceIdentity", f"{ROLE}-plain"),
    ),
    "a session asks for a session token": (
        "session",
        {"Action": "GetSessionToken"},
        403,
        "AccessDenied",
        "Cannot call GetSessionToken with session credentials",
    ),
    "a session asks for a federation token": (
        "session",
        {"Action": "GetFederationToken", "Name": "fed"},
        403,
        "AccessDenied",
        "Cannot call GetFederationToken with session credentials",
    ),
    "a device without its code": (
        "user",
        {"Action": "GetSessionToken", "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/phone"},
        403,
        "AccessDenied",
        "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.",
    ),
    "a device that is not there": (
        "user",
        {"Action": "GetSessionToken", "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/phone", "TokenCode": "123456"},
        403,
        "AccessDenied",
        "MultiFactorAuthentication failed, unable to validate MFA code.  "
        "Please verify your MFA serial number is valid and associated with this user.",
    ),
    "a session that has ended": (
        "ended",
        {"Action": "GetCallerIdentity"},
        403,
        "ExpiredToken",
        "The security token included in the request is expired",
    ),
    "a context": (
        "user",
        ASSUME | CONTEXT,
        400,
        "ExpiredTokenException",
        "The context assertion that was passed is expired or is not valid.",
    ),
    "no such action": (
        "user",
        {"Action": "AssumeRoles"},
        400,
        "InvalidAction",
        "Could not find operation AssumeRoles for version 2011-06-15",
    ),
    "no such version": (
        "user",
        ASSUME | {"Version": "2010-05-08"},
        400,
        "InvalidAction",
        "Could not find operation AssumeRole for version 2010-05-08",
    ),
    "no message": (
        "user",
        {"Action": "DecodeAuthorizationMessage", "EncodedMessage": "x"},
        400,
        "InvalidAuthorizationMessageException",
        "Message is not valid",
    ),
    "no such key": (
        "nobody",
        {"Action": "GetCallerIdentity"},
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid.",
    ),
    "a broken token": (
        "broken",
        {"Action": "GetCallerIdentity"},
        403,
        "InvalidClientTokenId",
        "The security token included in the request is invalid",
    ),
    "a wrong secret": ("liar", {"Action": "GetCallerIdentity"}, 403, "SignatureDoesNotMatch", MISMATCH),
    "a key twice": (
        "user",
        ASSUME | DUPLICATE,
        400,
        "InvalidParameterValue",
        "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
    ),
    "a transitive key that is not passed": (
        "user",
        ASSUME | NOT_PASSED,
        400,
        "InvalidParameterValue",
        "The specified transitive tag key must be included in the requested tags.",
    ),
    "a key that was handed down": (
        "session",
        ASSUME | {"Tags.member.1.Key": "TEAM", "Tags.member.1.Value": "red"},
        400,
        "InvalidParameterValue",
        "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
        "from the calling session.",
    ),
    "longer than the role's": (
        "user",
        ASSUME | {"DurationSeconds": "3601"},
        400,
        "ValidationError",
        ROLE_MAXIMUM,
    ),
    "longer than an hour, chained": (
        "session",
        ASSUME | {"DurationSeconds": "3601"},
        400,
        "ValidationError",
        CHAINING,
    ),
    "another identity": (
        "session",
        ASSUME | {"SourceIdentity": "Mallory"},
        400,
        "ValidationError",
        "The source identity is already set for this assume role session",
    ),
    "no ARN": (
        "user",
        ASSUME | {"RoleArn": "twenty-characters-and-more"},
        400,
        "ValidationError",
        "twenty-characters-and-more is invalid",
    ),
    "two faults": (
        "user",
        {"Action": "AssumeRole", "RoleArn": "short"},
        400,
        "ValidationError",
        validation(
            "Value 'short' at 'roleArn' failed to satisfy constraint: Member must have length greater than or equal to 20",
            "Value at 'roleSessionName' failed to satisfy constraint: Member must not be null",
        ),
    ),
    "a number that is none": ("user", ASSUME | {"DurationSeconds": "1e3"}, 400, "MalformedInput", UNREADABLE),
    "an index that is none": ("user", ASSUME | {"Tags.member.0.Key": "k"}, 400, "MalformedInput", UNREADABLE),
    "a policy that is none": (
        "user",
        ASSUME | {"Policy": "{"},
        400,
        "MalformedPolicyDocument",
        "Syntax errors in policy.",
    ),
    "a large policy": (
        "user",
        ASSUME | {"Policy": LARGE},
        400,
        "PackedPolicyTooLarge",
        "Packed policy consumes 200% of allotted space, please use smaller policy.",
    ),
    "tokens for others, switched off": (
        "stranger",
        WEB,
        403,
        "OutboundWebIdentityFederationDisabledException",
        "Outbound web identity federation is not enabled for this account.",
    ),
    "a token that would outlive its session": (
        "session",
        WEB | {"DurationSeconds": "3600"},
        403,
        "SessionDurationEscalationException",
        "The requested DurationSeconds would let the token outlive the session that asks for it.",
    ),
}
# No request of a signed form gets these.
UNSIGNED = {
    "MissingAuthenticationToken": ({}, 403, "Request is missing Authentication Token"),
    "IncompleteSignature": (
        {"Authorization": "AWS4-HMAC-SHA256"},
        400,
        "Invalid key=value pair (missing equal-sign) in Authorization header",
    ),
}


@pytest.fixture
def callers(locum):
    user = locum.user("user", allow("*"))
    trust = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity", "sts:SetContext"]
    locum.role("role", trusting(root_of(ACCOUNT), trust), allow("*"))
    locum.role("role-plain", USER)
    other, admin = locum.account("other")
    assert other != ACCOUNT
    ended = locum.assume(user, ROLE, DurationSeconds=900)
    locum.advance(900)
    tags = [{"Key": "Team", "Value": "blue"}]
    locum.client("iam").enable_outbound_web_identity_federation()
    session = locum.assume(
        user, ROLE, Tags=tags, TransitiveTagKeys=["Team"], SourceIdentity="Ann", DurationSeconds=1800
    )
    return {
        "root": ROOT_CREDENTIALS,
        "user": user,
        "session": session,
        "ended": ended,
        "nobody": Credentials("AKIAQQQQQQQQQQQQQQQQ", "x" * 40),
        "broken": Credentials(session.id, session.secret, session.token[:-1]),
        "liar": Credentials(user.id, "x" * 40),
        "stranger": admin,
    }


def test_every_error_of_the_catalogue(locum, callers):
    told = {}
    for name, (caller, parameters, *_) in ROWS.items():
        status, code, message = locum.form("sts", parameters, callers[caller]).error()
        # Behind an empty line stands what the server signed.
        told[name] = [status, code, message.split("\n\n")[0]]
    assert told == {name: expected for name, (_, _, *expected) in ROWS.items()}
    seen = {code for _, code, _ in told.values()}
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    for code, (headers, status, message) in UNSIGNED.items():
        sent = {"Content-Type": "application/x-www-form-urlencoded", "X-Amz-Date": "20261121T000000Z"} | headers
        got_status, got_code, text = locum.server.send("POST", "/", sent, body).error()
        assert (got_status, got_code, text.split(":")[0].split(". ")[0][: len(message)]) == (status, code, message)
        seen.add(code)
    for left, right in ((seen, ELSEWHERE), (seen, NOT_HERE), (set(ELSEWHERE), NOT_HERE)):
        assert left.isdisjoint(right)
    assert seen | set(ELSEWHERE) | set(NOT_HERE) == CATALOGUE


def test_what_is_elsewhere_is_there():
    for code, place in ELSEWHERE.items():
        file, name = place.split("::")
        text = (pathlib.Path(__file__).parent / file).read_text()
        assert f"def {name}(" in text and code in text, place
