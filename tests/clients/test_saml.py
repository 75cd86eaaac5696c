"""AssumeRoleWithSAML with boto3 and the AWS CLI: what is believed, what is claimed, and what that is good for."""

import base64
import datetime
import hashlib
import json

import pytest
from botocore.exceptions import ClientError
from cryptography.hazmat.primitives.asymmetric import ec
from harness import ACCOUNT, Credentials, allow, policy, refused, trusting, validation
from saml_idp import AWS, ISSUER, PROVIDER, RECIPIENT, Idp, encoded

INVALID = "Your request included an invalid SAML response."
DENIED = "Not authorized to perform sts:AssumeRoleWithSAML"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/corp"


@pytest.fixture(scope="module")
def idp():
    return Idp()


@pytest.fixture
def corp(locum, idp):
    """A provider, and a role that trusts it."""
    locum.client("iam").create_saml_provider(Name="corp", SAMLMetadataDocument=idp.metadata())
    trusted(locum)
    return locum


def trusted(locum, actions=("sts:AssumeRoleWithSAML",), name="corp", **more):
    statement = trusting({"Federated": PROVIDER}, list(actions), **more)
    return locum.role(name, statement)


def ask(locum, text, role=ROLE, provider=PROVIDER, **more):
    sts = locum.client("sts", None)
    return sts.assume_role_with_saml(RoleArn=role, PrincipalArn=provider, SAMLAssertion=encoded(text), **more)


def rejected(locum, text, code, message, status=400, **more):
    refused(lambda: ask(locum, text, **more), code, message, status)


def now(locum):
    return locum.clock.now()


def test_a_user_of_the_directory_gets_a_session(corp, idp):
    answer = ask(corp, idp.signed(now(corp), ROLE))
    qualifier = hashlib.sha1(f"{ISSUER}{ACCOUNT}/corp".encode()).digest()
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/corp/ann@example.com"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].endswith(":ann@example.com")
    assert (answer["Subject"], answer["SubjectType"], answer["Issuer"]) == ("ann", "persistent", ISSUER)
    assert (answer["Audience"], answer["NameQualifier"]) == (RECIPIENT, base64.b64encode(qualifier).decode())
    assert "PackedPolicySize" not in answer and "SourceIdentity" not in answer
    left = answer["Credentials"]["Expiration"].replace(tzinfo=None) - now(corp)
    assert datetime.timedelta(minutes=59) < left <= datetime.timedelta(minutes=60)
    caller = corp.client("sts", Credentials.of(answer)).get_caller_identity()
    assert caller["Arn"] == answer["AssumedRoleUser"]["Arn"]
    # The same one again, as with AWS.
    text = idp.signed(now(corp), ROLE)
    assert ask(corp, text)["Subject"] == ask(corp, text)["Subject"]


def test_the_command_line(corp, idp, tmp_path):
    file = tmp_path / "assertion"
    file.write_text(encoded(idp.signed(now(corp), ROLE)))
    answer = corp.aws_json(
        *("sts", "assume-role-with-saml", "--no-sign-request", "--role-arn", ROLE, "--principal-arn", PROVIDER),
        *("--saml-assertion", f"file://{file}"),
    )
    assert answer["Subject"] == "ann"


def test_signatures(corp, idp):
    bare = idp.response(now(corp), idp.assertion(now(corp), ROLE))
    both = idp.sign(idp.sign(bare), "Response")
    assert ask(corp, both)["Subject"] == "ann"
    signature = "Response signature invalid"
    rejected(corp, bare, "InvalidIdentityToken", signature)
    rejected(corp, idp.sign(bare, "Response"), "InvalidIdentityToken", signature)
    rejected(corp, idp.sign(bare, key=Idp().key), "InvalidIdentityToken", signature)
    rejected(corp, idp.sign(idp.sign(bare), "Response", key=Idp().key), "InvalidIdentityToken", signature)
    rejected(corp, idp.sign(bare).replace(">ann<", ">root<"), "InvalidIdentityToken", signature)
    with pytest.raises(ClientError) as caught:
        ask(corp, idp.signed(now(corp), ROLE, issuer="https://evil.example.com/"))
    answer = caught.value.response
    assert answer["Error"] == {
        "Type": "Sender",
        "Code": "InvalidIdentityToken",
        "Message": "Issuer not present in specified provider (Service: AWSOpenIdDiscoveryService; Status Code: 400; "
        "Error Code: AuthSamlInvalidSamlResponseException; "
        f"Request ID: {answer['ResponseMetadata']['RequestId']})",
    }
    # Another provider's keys count for nothing, though its issuer claims to be the same.
    other = Idp()
    corp.client("iam").create_saml_provider(Name="other", SAMLMetadataDocument=other.metadata())
    rejected(corp, other.signed(now(corp), ROLE), "InvalidIdentityToken", signature)
    # Keys are changed: from the next request on the new ones count.
    corp.client("iam").update_saml_provider(SAMLProviderArn=PROVIDER, SAMLMetadataDocument=other.metadata())
    assert ask(corp, other.signed(now(corp), ROLE))["Subject"] == "ann"
    rejected(corp, idp.signed(now(corp), ROLE), "InvalidIdentityToken", signature)


def test_hashes_and_curves(corp, idp):
    for method, digest in [("rsa-sha384", "sha384"), ("rsa-sha512", "sha512")]:
        text = idp.response(now(corp), idp.assertion(now(corp), ROLE))
        assert ask(corp, idp.sign(text, signature_algorithm=method, digest_algorithm=digest))["Subject"] == "ann"
    for curve, number in [(ec.SECP256R1(), 256), (ec.SECP384R1(), 384), (ec.SECP521R1(), 512)]:
        other = Idp(key=ec.generate_private_key(curve))
        corp.client("iam").update_saml_provider(SAMLProviderArn=PROVIDER, SAMLMetadataDocument=other.metadata())
        text = other.response(now(corp), other.assertion(now(corp), ROLE))
        assert ask(corp, other.sign(text, signature_algorithm=f"ecdsa-sha{number}"))["Subject"] == "ann"


def test_what_is_no_response(corp, idp):
    base64_fault = "Invalid base64 SAMLResponse"
    sts = corp.client("sts", None)
    for text, message in [("****", base64_fault), ("YWIab", base64_fault), (encoded("<a/>"), INVALID)]:
        call = {"RoleArn": ROLE, "PrincipalArn": PROVIDER, "SAMLAssertion": text}
        refused(lambda call=call: sts.assume_role_with_saml(**call), "InvalidIdentityToken", message, 400)
    rejected(corp, f"<!DOCTYPE a>{idp.signed(now(corp), ROLE)}", "InvalidIdentityToken", INVALID)
    rejected(corp, idp.signed(now(corp), ROLE).replace(">ann<", ">a<!-- -->nn<"), "InvalidIdentityToken", INVALID)
    failed = idp.sign(idp.response(now(corp), idp.assertion(now(corp), ROLE), status="Responder"))
    message = "The identity provider (IdP) reported that authentication failed."
    rejected(corp, failed, "IDPRejectedClaim", message, 403)
    rejected(
        corp,
        "",
        "ValidationError",
        validation(
            "Value at 'sAMLAssertion' failed to satisfy constraint: Member must have length greater than or equal to 4"
        ),
    )


def test_who_and_for_how_long(corp, idp):
    moment = now(corp)
    for said in [{"format": ""}, {"recipient": ""}, {"until": ""}, {"until": ' NotOnOrAfter="soon"'}]:
        rejected(corp, idp.signed(moment, ROLE, **said), "InvalidIdentityToken", INVALID)
    past = ' NotOnOrAfter="2020-01-01T00:00:00Z"'
    expired = ("ExpiredTokenException", "Token must be redeemed within 5 minutes of issuance")
    rejected(corp, idp.signed(moment, ROLE, until=past), *expired)
    rejected(corp, idp.signed(moment, ROLE, conditions=f"<saml:Conditions{past}/>"), *expired)
    rejected(corp, idp.signed(moment, ROLE, session_ends=moment), *expired)
    tomorrow = f'<saml:Conditions NotBefore="{(moment + datetime.timedelta(days=1)).isoformat()[:19]}Z"/>'
    email = "urn:oasis:names:tc:SAML:1.1:nameid-format:emailAddress"
    for said, answer in [
        ({"conditions": ""}, {}),
        ({"conditions": tomorrow}, {}),
        ({"recipient": ' Recipient="urn:other"'}, {"Audience": "urn:other"}),
        ({"format": f' Format="{email}"'}, {"SubjectType": email}),
        ({"subject": "ann&amp;co é"}, {"Subject": "ann&co é"}),
    ]:
        found = ask(corp, idp.signed(moment, ROLE, **said))
        assert {name: found[name] for name in answer} == answer
    text = idp.signed(moment, ROLE)
    corp.advance(301)
    rejected(corp, text, *expired)


def test_roles_stand_in_the_assertion(corp, idp):
    moment = now(corp)
    role = AWS + "Role"
    for values in [
        [(role, [f"{PROVIDER},{ROLE}"])],
        [(role, [f" {ROLE} , {PROVIDER}\n"])],
        [(role, [f"{ROLE}2,{PROVIDER}", f"{ROLE},{PROVIDER}"])],
        [(role, [f"{ROLE}2,{PROVIDER}"]), (role, [f"{ROLE},{PROVIDER}"])],
    ]:
        assert ask(corp, idp.signed(moment, values=values))["Subject"] == "ann"
    denied = ("AccessDenied", DENIED, 403)
    for values in [
        [],
        [(role, [])],
        [(role, [ROLE])],
        [(role, [f"{ROLE}2,{PROVIDER}"])],
        [(role, [f"{ROLE},{PROVIDER}2"])],
        [(role, [f"{ROLE},{PROVIDER},{PROVIDER}"])],
        [(role, [f"{ROLE};{PROVIDER}"])],
        [(role.lower(), [f"{ROLE},{PROVIDER}"])],
    ]:
        rejected(corp, idp.signed(moment, values=values), *denied)
    # A role that is not there, one that does not trust the provider, one of IAM Identity Center.
    corp.role("stranger", trusting(f"arn:aws:iam::{ACCOUNT}:root"))
    for name in ("missing", "stranger", "AWSReservedSSO_Admin_0123456789abcdef"):
        arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
        rejected(corp, idp.signed(moment, arn), *denied, role=arn)


def test_a_provider_is_of_the_roles_account(corp, idp):
    account, administrator = corp.account("other")
    other = f"arn:aws:iam::{account}:role/other"
    statement = trusting({"Federated": PROVIDER}, "sts:AssumeRoleWithSAML")
    corp.role("other", statement, credentials=administrator)
    rejected(corp, idp.signed(now(corp), other), "AccessDenied", DENIED, 403, role=other)
    foreign = f"arn:aws:iam::{account}:saml-provider/corp"
    missing = ("InvalidIdentityToken", "Specified provider doesn't exist")
    for provider in (foreign, PROVIDER + "2", PROVIDER.upper().replace("ARN", "arn"), ROLE):
        rejected(corp, idp.signed(now(corp), ROLE, provider=provider), *missing, provider=provider)
    rejected(corp, idp.signed(now(corp), ROLE), "ValidationError", f"{'x' * 20} is invalid", provider="x" * 20)


def test_names(corp, idp):
    moment = now(corp)
    name, source = AWS + "RoleSessionName", AWS + "SourceIdentity"
    pattern = "RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"
    required = "RoleSessionName is required in AuthnResponse"
    rejected(corp, idp.signed(moment, ROLE, values=[(name, None)]), "InvalidIdentityToken", required)
    for values in ([], ["a"], ["a" * 65], ["ann smith"], ["ann", "bob"], ["änn"], ["a/b"]):
        rejected(corp, idp.signed(moment, ROLE, values=[(name, values)]), "InvalidIdentityToken", pattern)
    found = ask(corp, idp.signed(moment, ROLE, values=[(name, ["a_+=,.@-Z9"])]))
    assert found["AssumedRoleUser"]["Arn"].endswith("/a_+=,.@-Z9")
    pattern = 'Source Identity must match [a-zA-Z_0-9+=,.@-]{2,64} and not begin with "aws:"'
    for values in (["a"], ["aws:ann"], ["ann", "bob"]):
        rejected(corp, idp.signed(moment, ROLE, values=[(source, values)]), "InvalidIdentityToken", pattern)
    text = idp.signed(moment, ROLE, values=[(source, ["ann"])])
    rejected(corp, text, "AccessDenied", "Not authorized to perform sts:SetSourceIdentity", 403)
    trusted(corp, ["sts:AssumeRoleWithSAML", "sts:SetSourceIdentity"], "sourced")
    arn = f"arn:aws:iam::{ACCOUNT}:role/sourced"
    found = ask(corp, idp.signed(moment, arn, values=[(source, ["ann"])]), role=arn)
    assert found["SourceIdentity"] == "ann"


def test_durations(corp, idp):
    moment = now(corp)
    duration = AWS + "SessionDuration"

    def minutes(asked=None, **said):
        more = {"DurationSeconds": asked} if asked else {}
        found = ask(corp, idp.signed(moment, ROLE, **said), **more)
        left = found["Credentials"]["Expiration"].replace(tzinfo=None) - now(corp)
        return round(left.total_seconds() / 60)

    assert minutes(900) == 15
    assert minutes(3600, values=[(duration, ["1200"])]) == 20
    assert minutes(900, values=[(duration, ["43200"])]) == 15
    assert minutes(values=[(duration, ["7200"])]) == 60
    # What is left of the provider's own session may be less than can be asked for.
    assert minutes(session_ends=moment + datetime.timedelta(minutes=5)) == 5
    assert minutes(1200, values=[(duration, ["900"])], session_ends=moment + datetime.timedelta(minutes=30)) == 15
    message = "SessionDuration in AuthnResponse must be an integer from 900 to 43200"
    for values in (["899"], ["43201"], ["soon"], ["900", "900"], []):
        rejected(corp, idp.signed(moment, ROLE, values=[(duration, values)]), "InvalidIdentityToken", message)
    message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    rejected(corp, idp.signed(moment, ROLE), "ValidationError", message, DurationSeconds=3601)


def test_attributes_are_tags_that_decide_on_s3(corp, idp):
    moment = now(corp)
    tags = [(AWS + "PrincipalTag:Team", ["red"]), (AWS + "PrincipalTag:Cost é", ["1 = 1"])]
    text = idp.signed(moment, ROLE, values=tags)
    rejected(corp, text, "AccessDenied", "Not authorized to perform sts:TagSession", 403)
    name = "tagged"
    arn = f"arn:aws:iam::{ACCOUNT}:role/{name}"
    trusted(corp, ["sts:AssumeRoleWithSAML", "sts:TagSession"], name)
    team = {"StringEquals": {"aws:PrincipalTag/Team": "${s3:prefix}"}}
    statement = allow("s3:ListBucket", "arn:aws:s3:::shared", Condition=team)
    corp.client("iam").put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=policy(statement))
    corp.client("s3").create_bucket(Bucket="shared")
    transitive = [*tags, (AWS + "TransitiveTagKeys", ["team"])]
    found = ask(corp, idp.signed(moment, arn, values=transitive), role=arn)
    assert found["PackedPolicySize"] > 0
    s3 = corp.client("s3", Credentials.of(found))
    assert s3.list_objects_v2(Bucket="shared", Prefix="red")["KeyCount"] == 0
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket="shared", Prefix="blue")
    malformed = ("InvalidIdentityToken", "The session tags in AuthnResponse are not valid.")
    for values in (["a", "b"], [], ["a" * 257], ["a*"]):
        tag = [(AWS + "PrincipalTag:Team", values)]
        rejected(corp, idp.signed(moment, arn, values=tag), *malformed, role=arn)
    for key in ("aws:x", "locum:x"):
        tag = [(AWS + "PrincipalTag:" + key, ["a"])]
        text = f"Tag keys beginning with {key[:-1]} are reserved for {key[:-2].replace('aws', 'AWS')} use."
        rejected(corp, idp.signed(moment, arn, values=tag), "InvalidParameterValue", text, role=arn)
    twice = [(AWS + "PrincipalTag:Team", ["a"]), (AWS + "PrincipalTag:team", ["b"])]
    text = "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    rejected(corp, idp.signed(moment, arn, values=twice), "InvalidParameterValue", text, role=arn)
    strange = [tags[0], (AWS + "TransitiveTagKeys", ["Other"])]
    text = "The specified transitive tag key must be included in the requested tags."
    rejected(corp, idp.signed(moment, arn, values=strange), "InvalidParameterValue", text, role=arn)


def test_condition_keys(corp, idp):
    moment = now(corp)
    qualifier = base64.b64encode(hashlib.sha1(f"{ISSUER}{ACCOUNT}/corp".encode()).digest()).decode()
    pairs = {
        "SAML:aud": RECIPIENT,
        "SAML:iss": ISSUER,
        "SAML:sub": "ann",
        "SAML:sub_type": "persistent",
        "SAML:doc": f"{ACCOUNT}/corp",
        "SAML:namequalifier": qualifier,
        "saml:mail": "ann@example.com",
        "saml:edupersonprincipalname": "ann@example.edu",
        "saml:x500UniqueIdentifier": "7",
        "sts:RoleSessionName": "ann@example.com",
    }
    values = [
        ("urn:oid:0.9.2342.19200300.100.1.3", ["ann@example.com"]),
        ("urn:oid:1.3.6.1.4.1.5923.1.1.1.6", ["ann@example.edu"]),
        ("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", ["staff", "member"]),
        ("urn:oid:2.5.4.45", ["7"]),
    ]
    every = {"StringEquals": pairs, "ForAnyValue:StringEquals": {"saml:edupersonaffiliation": "member"}}
    trusted(corp, name="conditional", Condition=every)
    arn = f"arn:aws:iam::{ACCOUNT}:role/conditional"
    assert ask(corp, idp.signed(moment, arn, values=values), role=arn)["Subject"] == "ann"
    for wrong in (
        {"values": values[1:]},
        {"values": values, "subject": "bob"},
        {"values": values, "recipient": ' Recipient="https://other.example.com/"'},
        {"values": [*values[:2], ("urn:oid:1.3.6.1.4.1.5923.1.1.1.1", ["staff"]), values[3]]},
    ):
        rejected(corp, idp.signed(moment, arn, **wrong), "AccessDenied", DENIED, 403, role=arn)


def test_session_policies(corp, idp):
    corp.client("s3").create_bucket(Bucket="shared")
    own = policy(allow("s3:*"))
    corp.client("iam").put_role_policy(RoleName="corp", PolicyName="own", PolicyDocument=own)
    narrow = policy(allow("s3:ListBucket"))
    found = ask(corp, idp.signed(now(corp), ROLE), Policy=narrow)
    s3 = corp.client("s3", Credentials.of(found))
    assert s3.list_objects_v2(Bucket="shared")["KeyCount"] == 0
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.put_object(Bucket="shared", Key="a", Body=b"")
    # Who the session is stays with it.
    mine = {"StringEquals": {"saml:sub": "ann"}, "ArnEquals": {"aws:FederatedProvider": PROVIDER}}
    corp.client("iam").put_role_policy(
        RoleName="corp", PolicyName="own", PolicyDocument=policy(allow("s3:ListBucket", Condition=mine))
    )
    s3 = corp.client("s3", Credentials.of(ask(corp, idp.signed(now(corp), ROLE))))
    assert s3.list_objects_v2(Bucket="shared")["KeyCount"] == 0
    s3 = corp.client("s3", Credentials.of(ask(corp, idp.signed(now(corp), ROLE, subject="bob"))))
    with pytest.raises(s3.exceptions.ClientError, match="AccessDenied"):
        s3.list_objects_v2(Bucket="shared")
    message = "Syntax errors in policy."
    with pytest.raises(s3.exceptions.ClientError, match="MalformedPolicyDocument"):
        ask(corp, idp.signed(now(corp), ROLE), Policy=json.dumps({"Version": message}))
