"""IAM Roles Anywhere: sessions for certificates, by a client of its own against the real binary."""

import json
import re

import anywhere
import pytest
from anywhere import AUTHORITY, WORKLOAD, Client, Party
from botocore.exceptions import ClientError
from harness import ACCOUNT, REGION, Credentials, allow, policy, refused

SERVICE = {"Service": "rolesanywhere.amazonaws.com"}
ACTIONS = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
UNTRUSTED = (403, "AccessDeniedException", "Untrusted Signing Certificate")
INVALID = (403, "AccessDeniedException", "Invalid signature")


def trust(**conditions):
    statement = {"Effect": "Allow", "Principal": SERVICE, "Action": ACTIONS}
    return statement | ({"Condition": conditions} if conditions else {})


def error(answer):
    """(status, code, message) of an error."""
    body = json.loads(answer.body)
    return answer.status, answer.headers.get("x-amzn-errortype"), body.get("message")


class World:
    """An authority that an account trusts, with a role and a profile."""

    def __init__(self, locum, folder, statements=None, **profile):
        self.locum, self.folder = locum, folder
        self.admin = locum.client("rolesanywhere")
        self.root = Party(folder, "root")
        self.anchor = self.admin.create_trust_anchor(
            name="anchor",
            enabled=True,
            source={"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": self.root.pem}},
        )["trustAnchor"]
        self.role = locum.role("workload", statements or trust(), allow("s3:*"))
        self.profile = self.admin.create_profile(
            name="profile", enabled=True, roleArns=[self.role], **profile
        )["profile"]

    @property
    def anchor_arn(self):
        return self.anchor["trustAnchorArn"]

    @property
    def profile_arn(self):
        return self.profile["profileArn"]

    def workload(self, name="workload", issuer=None, extensions=WORKLOAD, **options):
        return Party(self.folder, name, issuer or self.root, extensions, **options)

    def ask(self, party, chain=(), **options):
        client = Client(self.locum, party, chain)
        options = {"anchor": self.anchor_arn, "profile": self.profile_arn, "role": self.role} | options
        return client.create(**options)

    def session(self, party, chain=(), **options):
        """The one credential set of a success."""
        answer = self.ask(party, chain, **options)
        assert answer.status == 201, answer
        found = json.loads(answer.body)
        (one,) = found["credentialSet"]
        return one | {"subjectArn": found["subjectArn"]}


def credentials(session):
    found = session["credentials"]
    return Credentials(found["accessKeyId"], found["secretAccessKey"], found["sessionToken"])


@pytest.fixture
def world(locum, tmp_path):
    return World(locum, tmp_path)


@pytest.mark.parametrize("key", [2048, 3072, "P-256", "P-384", "P-521"])
def test_keys_of_every_kind_get_sessions(world, key):
    leaf = world.workload(key=key)
    session = world.session(leaf)
    serial = f"{leaf.certificate.serial_number:x}"
    serial = serial.zfill(len(serial) + len(serial) % 2)
    identity = world.locum.client("sts", credentials(session)).get_caller_identity()
    arn = f"arn:aws:sts::{ACCOUNT}:assumed-role/workload/{serial}"
    assert identity["Arn"] == arn
    assert session["assumedRoleUser"] == {"arn": arn, "assumedRoleId": identity["UserId"]}
    assert session["roleArn"] == world.role
    assert session["sourceIdentity"] == "CN=workload"
    assert session["packedPolicySize"] > 0
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", session["credentials"]["expiration"])


def test_parameters_may_stand_in_the_body_but_not_in_both(world):
    leaf = world.workload()
    assert world.session(leaf, in_body=True)["roleArn"] == world.role
    both = {"roleArn": "arn:aws:iam::123456789012:role/other"}
    assert error(world.ask(leaf, body=both))[:2] == (400, "SerializationException")
    assert error(world.ask(leaf, role="x"))[:2] == (400, "ValidationException")


def test_intermediates_come_along(world):
    one = world.workload("one", extensions=AUTHORITY)
    two = world.workload("two", one, AUTHORITY)
    leaf = world.workload("leaf", two)
    for chain in ([two, one], [one, two], [two, one, world.root], [world.root, leaf, one, two]):
        assert world.session(leaf, chain)["sourceIdentity"] == "CN=leaf"
    assert error(world.ask(leaf)) == UNTRUSTED
    assert error(world.ask(leaf, [one])) == UNTRUSTED
    too_many = error(world.ask(leaf, [two, one, two, one, two, one]))
    assert too_many == (403, "AccessDeniedException", "`X-Amz-X509-Chain` has more than 5 certificates")


NOT_TRUSTED = {
    "expired": {"days": (-10, -1)},
    "not yet valid": {"days": (1, 10)},
    "an authority": {"extensions": AUTHORITY},
    "an authority that also signs": {
        "extensions": "basicConstraints = CA:TRUE\nkeyUsage = digitalSignature,keyCertSign\n"
    },
    "without key usage": {"extensions": "basicConstraints = CA:FALSE\n"},
    "with another key usage": {"extensions": "basicConstraints = CA:FALSE\nkeyUsage = keyEncipherment\n"},
    "signed with SHA-1": {"digest": "sha1"},
    "with a small key": {"key": 1024},
    "with a critical extension": {"extensions": WORKLOAD + "1.2.3.4 = critical,ASN1:NULL\n"},
    "without a subject": {"subject": "/"},
    "of version 1": {"extensions": ""},
}


@pytest.mark.parametrize("what", NOT_TRUSTED)
def test_certificates_that_are_not_what_they_must_be(world, what):
    leaf = world.workload("leaf", **NOT_TRUSTED[what])
    assert error(world.ask(leaf)) == UNTRUSTED


# How `openssl verify` calls what both refuse; the rest it accepts, being rules of the service.
REFUSED_BY_OPENSSL = {
    "expired intermediate": {"days": (-10, -1)},
    "intermediate that is no authority": {"extensions": WORKLOAD},
    "intermediate that signs no certificates": {
        "extensions": "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,cRLSign\n"
    },
    "names that are not permitted": {"extensions": AUTHORITY + "nameConstraints = critical,permitted;DNS:example.org\n"},
    "names that are excluded": {"extensions": AUTHORITY + "nameConstraints = critical,excluded;DNS:example.com\n"},
}


@pytest.mark.parametrize("what", [None, "path too long", *REFUSED_BY_OPENSSL])
def test_chains_are_judged_as_openssl_judges_them(world, what):
    named = WORKLOAD + "subjectAltName = DNS:a.example.com\n"
    short = "basicConstraints = critical,CA:TRUE,pathlen:0\nkeyUsage = critical,keyCertSign\n"
    options = {"extensions": short} if what == "path too long" else REFUSED_BY_OPENSSL.get(what, {"extensions": AUTHORITY})
    options = {"extensions": AUTHORITY} | options
    chain = [world.workload("between", **options)]
    if what == "path too long":
        chain.append(world.workload("below", chain[0], AUTHORITY))
    leaf = world.workload("leaf", chain[-1], named)
    untrusted = world.folder / "untrusted.pem"
    untrusted.write_text("".join(one.pem for one in chain))
    verify = ["openssl", "verify", "-CAfile", world.root.file, "-untrusted", untrusted, leaf.file]
    by_openssl = anywhere.subprocess.run(list(map(str, verify)), capture_output=True).returncode == 0
    answer = world.ask(leaf, chain)
    assert (answer.status == 201) == by_openssl == (what is None), answer
    if what:
        assert error(answer) == UNTRUSTED


def test_revoked_certificates_get_nothing(world):
    between = world.workload("between", extensions=AUTHORITY)
    leaf, other = world.workload("leaf", between), world.workload("other", between)
    arguments = {"name": "list", "enabled": True, "trustAnchorArn": world.anchor_arn}
    between.revoke(leaf)
    crl = world.admin.import_crl(crlData=between.revocation_list(), **arguments)["crl"]
    assert error(world.ask(leaf, [between])) == UNTRUSTED
    assert world.session(other, [between])
    # Switched off, replaced, deleted.
    world.admin.disable_crl(crlId=crl["crlId"])
    assert world.session(leaf, [between])
    world.admin.enable_crl(crlId=crl["crlId"])
    assert error(world.ask(leaf, [between])) == UNTRUSTED
    between.revoke(other)
    world.admin.update_crl(crlId=crl["crlArn"], crlData=between.revocation_list())
    assert error(world.ask(other, [between])) == UNTRUSTED
    # The authority itself, by who is above it, in DER.
    world.admin.delete_crl(crlId=crl["crlId"])
    assert world.session(other, [between])
    world.root.revoke(between)
    pem = world.root.revocation_list()
    der = anywhere.base64.b64decode(b"".join(pem.split(b"\n")[1:-2]))
    world.admin.import_crl(crlData=der, **arguments)
    assert error(world.ask(other, [between])) == UNTRUSTED


def test_a_list_that_is_over_lets_nobody_in(world):
    leaf = world.workload("leaf", days=(-1, 300))
    anchor = world.admin.update_trust_anchor(
        trustAnchorId=world.anchor_arn,
        source={
            "sourceType": "CERTIFICATE_BUNDLE",
            "sourceData": {"x509CertificateData": Party(world.folder, "long", days=(-1, 300)).pem + world.root.pem},
        },
    )["trustAnchor"]
    assert anchor["trustAnchorArn"] == world.anchor_arn
    world.admin.import_crl(
        name="list", enabled=True, trustAnchorArn=world.anchor_arn, crlData=world.root.revocation_list(days=1)
    )
    assert world.session(leaf)
    world.locum.advance(2 * 86_400)
    assert error(world.ask(leaf)) == UNTRUSTED


def test_lists_that_are_not_what_they_must_be(world, tmp_path):
    stranger = Party(tmp_path, "stranger", subject="/CN=root")
    arguments = {"name": "list", "trustAnchorArn": world.anchor_arn}
    for data, message in (
        (b"x", "Invalid crlData: it is not one revocation list in PEM or DER"),
        (world.root.pem.encode(), "Invalid crlData: it is not one revocation list in PEM or DER"),
        (stranger.revocation_list(), "Invalid crlData: the certificate authority that it names did not sign it"),
    ):
        refused(lambda: world.admin.import_crl(crlData=data, **arguments), "ValidationException", message, 400)
    elsewhere = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/00000000-0000-4000-8000-000000000000"
    for arn in (elsewhere, f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:alias/trust-anchor/a"):
        refused(
            lambda: world.admin.import_crl(name="l", trustAnchorArn=arn, crlData=world.root.revocation_list()),
            "ResourceNotFoundException",
            f"Trust anchor {arn} not found",
            404,
        )
    for _ in range(2):
        world.admin.import_crl(crlData=world.root.revocation_list(), **arguments)
    refused(
        lambda: world.admin.import_crl(crlData=world.root.revocation_list(), **arguments),
        "ValidationException",
        "A trust anchor can have at most 2 CRLs.",
        400,
    )


# Attacks on the signature


def test_a_request_is_what_was_signed(world):
    leaf, other = world.workload("leaf"), world.workload("other")
    for what, options in {
        "another's certificate": {"certificate": other.der},
        "another's certificate and number": {
            "certificate": other.der,
            "serial": other.certificate.serial_number,
        },
        "another's number": {"serial": other.certificate.serial_number},
        "the number in hexadecimal digits": {"serial": f"{leaf.certificate.serial_number:x}"},
        "another key": {"key": other.key},
        "another body": {"sent_body": b'{"durationSeconds": 43200}'},
        "another algorithm": {"algorithm": "AWS4-X509-RSA-SHA256"},
    }.items():
        assert error(world.ask(leaf, **options)) == INVALID, what
    denied = (403, "AccessDeniedException")
    unsigned = {"signed": ["content-type", "host", "x-amz-date"]}
    assert error(world.ask(leaf, **unsigned)) == (*denied, "the header `X-Amz-X509` is not signed, or there more than once")
    unsigned = {"signed": ["content-type", "host", "x-amz-date", "x-amz-x509"]}
    message = "the header `X-Amz-X509-Chain` is not signed, or there more than once"
    assert error(world.ask(leaf, [world.root], **unsigned)) == (*denied, message)
    message = "the algorithm `AWS4-X509-MLDSA` is not supported: use AWS4-X509-RSA-SHA256 or AWS4-X509-ECDSA-SHA256"
    assert error(world.ask(leaf, algorithm="AWS4-X509-MLDSA")) == (*denied, message)
    for when, words in ((-1000, "Signature expired"), (1000, "Signature not yet current")):
        status, code, message = error(world.ask(leaf, when=when))
        assert (status, code) == denied and message.startswith(words)
    assert world.session(leaf)


def test_a_request_is_for_one_service_and_region(world):
    leaf = world.workload()
    status, code, message = error(world.ask(leaf, region="eu-west-1"))
    assert (status, code) == (403, "AccessDeniedException")
    assert message == f"{world.anchor_arn} is not of the region eu-west-1, for which the request is signed"
    answer = world.ask(leaf, service="sts")
    assert answer.status == 400 or answer.status == 403
    assert b"credentialSet" not in answer.body
    # A certificate calls nothing else, and a key of an account makes no session of this kind.
    for path in ("/trustanchors", "/profiles"):
        assert error(world.ask(leaf, path=path))[:2] == (400, "IncompleteSignatureException")
    body = json.dumps({"trustAnchorArn": world.anchor_arn, "profileArn": world.profile_arn, "roleArn": world.role}).encode()
    signed = world.locum.sign("rolesanywhere", "POST", "/sessions", {"Content-Type": "application/json"}, body)
    answer = world.locum.server.send("POST", "/sessions", signed, body)
    assert error(answer)[:2] == (403, "MissingAuthenticationTokenException")


def test_anchors_profiles_and_roles_belong_together(world):
    leaf = world.workload()
    denied = (403, "AccessDeniedException")
    other_role = world.locum.role("other", trust())
    assert error(world.ask(leaf, role=other_role)) == (*denied, f"The role {other_role} is not one of the profile")
    gone = f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/00000000-0000-4000-8000-000000000000"
    assert error(world.ask(leaf, anchor=gone)) == (404, "ResourceNotFoundException", f"Trust anchor {gone} not found")
    for kind, off, on in (
        ("trust anchor", world.admin.disable_trust_anchor, world.admin.enable_trust_anchor),
        ("profile", world.admin.disable_profile, world.admin.enable_profile),
    ):
        name = {"trustAnchorId": world.anchor_arn} if kind == "trust anchor" else {"profileId": world.profile_arn}
        off(**name)
        assert error(world.ask(leaf)) == (*denied, f"The {kind} is disabled")
        on(**name)
    assert world.session(leaf)


def test_another_accounts_anchor_opens_nothing(world, tmp_path):
    account, administrator = world.locum.account("other")
    other = world.locum.client("rolesanywhere", administrator)
    stranger = Party(tmp_path, "stranger")
    anchor = other.create_trust_anchor(
        name="anchor",
        enabled=True,
        source={"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": stranger.pem}},
    )["trustAnchor"]["trustAnchorArn"]
    leaf = world.workload("leaf", stranger)
    answer = world.ask(leaf, anchor=anchor)
    assert error(answer) == (403, "AccessDeniedException", "The trust anchor and the profile are not of one account")
    # Nor does a profile of the other account reach roles of this one.
    with pytest.raises(ClientError) as caught:
        other.create_profile(name="p", enabled=True, roleArns=[world.role])
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"


# The role's trust policy


def unable(world, more=""):
    return 403, "AccessDeniedException", f"Unable to assume role for {world.role}{more}"


def test_the_trust_policy_sees_the_anchor_and_the_certificate(world):
    leaf = world.workload("leaf", subject="/C=DE/O=Example/OU=one/OU=two/CN=leaf")
    iam = world.locum.client("iam")
    for conditions, good in (
        ({"ArnEquals": {"aws:SourceArn": world.anchor_arn}}, True),
        ({"ArnEquals": {"aws:SourceArn": world.anchor_arn + "0"}}, False),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, True),
        ({"StringEquals": {"aws:SourceAccount": "999999999999"}}, False),
        ({"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "leaf"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/x509Subject/CN": "other"}}, False),
        ({"StringEquals": {"aws:PrincipalTag/x509Subject/OU": "one/two"}}, True),
        ({"StringEquals": {"aws:PrincipalTag/x509Issuer/CN": "root"}}, True),
        ({"StringEquals": {"aws:RequestTag/x509Subject/O": "Example"}}, True),
        ({"StringEquals": {"sts:SourceIdentity": "CN=leaf"}}, True),
        ({"StringEquals": {"sts:SourceIdentity": "CN=other"}}, False),
        ({"Null": {"aws:PrincipalTag/x509SAN/DNS": "true"}}, True),
    ):
        iam.update_assume_role_policy(RoleName="workload", PolicyDocument=policy(trust(**conditions)))
        answer = world.ask(leaf)
        assert (answer.status == 201) == good, conditions
        if not good:
            assert error(answer) == unable(world)
    for missing in ACTIONS:
        actions = [action for action in ACTIONS if action != missing]
        iam.update_assume_role_policy(RoleName="workload", PolicyDocument=policy(trust() | {"Action": actions}))
        assert error(world.ask(leaf)) == unable(world)
    everyone = trust() | {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}}
    iam.update_assume_role_policy(RoleName="workload", PolicyDocument=policy(everyone))
    assert error(world.ask(leaf)) == unable(world)


def test_abac_by_what_the_certificate_says(world):
    """Tags that come from the certificate decide on S3."""
    s3 = world.locum.client("s3")
    s3.create_bucket(Bucket="pool")
    for folder in ("red", "blue"):
        s3.put_object(Bucket="pool", Key=f"{folder}/object", Body=b"x")
    iam = world.locum.client("iam")
    statement = allow("s3:GetObject", "arn:aws:s3:::pool/${aws:PrincipalTag/x509SAN/DNS}/*")
    iam.delete_role_policy(RoleName="workload", PolicyName="p0")
    iam.put_role_policy(RoleName="workload", PolicyName="abac", PolicyDocument=policy(statement))
    for name in ("red", "blue"):
        leaf = world.workload(name, extensions=WORKLOAD + f"subjectAltName = DNS:{name}\n")
        client = world.locum.client("s3", credentials(world.session(leaf)))
        for folder in ("red", "blue"):
            call = lambda: client.get_object(Bucket="pool", Key=f"{folder}/object")
            if folder == name:
                assert call()["Body"].read() == b"x"
            else:
                with pytest.raises(ClientError) as caught:
                    call()
                assert caught.value.response["Error"]["Code"] == "AccessDenied"


def tags_of(world, leaf):
    """The tags that the trust policy saw, by trying each that could be."""
    found = {}
    iam = world.locum.client("iam")
    for name in (
        *("Subject/CN", "Subject/O", "Subject/OU", "Issuer/CN", "SAN/DNS", "SAN/URI", "SAN/Name/CN", "SAN/Name/OU"),
        *("Subject/E", "Subject/C"),
    ):
        key = f"aws:PrincipalTag/x509{name}"
        iam.update_assume_role_policy(RoleName="workload", PolicyDocument=policy(trust(Null={key: "false"})))
        if world.ask(leaf).status == 201:
            found[name] = True
    return sorted(found)


def test_attribute_mappings(world):
    directory = "[name]\nCN = directory\nOU = unit\n"
    names = "subjectAltName = DNS:a.example.com,DNS:b.example.com,URI:spiffe://example.com/a,dirName:name\n"
    leaf = world.workload("leaf", extensions=WORKLOAD + names + directory, subject="/O=Example/OU=unit/CN=leaf")
    defaults = world.profile["attributeMappings"]
    assert {one["certificateField"]: [rule["specifier"] for rule in one["mappingRules"]] for one in defaults} == {
        "x509Issuer": ["*"],
        "x509SAN": ["DNS", "URI", "Name/*"],
        "x509Subject": ["*"],
    }
    everything = ["Issuer/CN", "SAN/DNS", "SAN/Name/CN", "SAN/Name/OU", "SAN/URI", "Subject/CN", "Subject/O", "Subject/OU"]
    assert tags_of(world, leaf) == everything
    put = lambda field, *specifiers: world.admin.put_attribute_mapping(
        profileId=world.profile_arn,
        certificateField=field,
        mappingRules=[{"specifier": specifier} for specifier in specifiers],
    )
    put("x509Subject", "CN", "OU")
    put("x509SAN", "Name/OU")
    world.admin.delete_attribute_mapping(profileId=world.profile_arn, certificateField="x509Issuer")
    world.admin.delete_attribute_mapping(
        profileId=world.profile_arn, certificateField="x509SAN", specifiers=["DNS"]
    )
    assert tags_of(world, leaf) == ["SAN/Name/OU", "SAN/URI", "Subject/CN", "Subject/OU"]
    put("x509SAN", "Name")
    mappings = world.admin.get_profile(profileId=world.profile_arn)["profile"]["attributeMappings"]
    assert mappings == [
        {"certificateField": "x509SAN", "mappingRules": [{"specifier": "URI"}, {"specifier": "Name/*"}]},
        {"certificateField": "x509Subject", "mappingRules": [{"specifier": "CN"}, {"specifier": "OU"}]},
    ]
    message = "URI is no specifier of x509Subject"
    refused(lambda: put("x509Subject", "URI"), "ValidationException", message, 400)


def test_values_that_cannot_be_tags_are_left_out_and_told(world):
    leaf = world.workload("leaf", subject="/O=Example (one)/CN=leaf")
    assert tags_of(world, leaf) == ["Issuer/CN", "Subject/CN"]
    iam = world.locum.client("iam")
    condition = {"StringEquals": {"aws:PrincipalTag/x509Subject/O": "Example (one)"}}
    iam.update_assume_role_policy(RoleName="workload", PolicyDocument=policy(trust(**condition)))
    more = ". Some attributes failed to be mapped into session tags. Issuer: [  ]; Subject: [ O ]; SAN: [  ]"
    assert error(world.ask(leaf)) == unable(world, more)


@pytest.mark.parametrize(
    ("subject", "identity"),
    [
        ("/CN=" + "a" * 61, "CN=" + "a" * 61),
        ("/CN=" + "a" * 62, "a" * 62),
        ("/CN=" + "a" * 64, "a" * 64),
        ("/CN=Alice Smith", None),
        ("/O=Example", None),
    ],
)
def test_source_identities(world, subject, identity):
    leaf = world.workload("leaf", subject=subject)
    session = world.session(leaf)
    assert session["sourceIdentity"] == identity or f"ID={leaf.certificate.serial_number:04x}"


# What a profile says


def lifetime(session, locum):
    expiration = anywhere.datetime.datetime.fromisoformat(session["credentials"]["expiration"])
    return (expiration - locum.clock.now(remove_tzinfo=False)).total_seconds()


def test_how_long_sessions_last(locum, tmp_path):
    world = World(locum, tmp_path, durationSeconds=1800)
    leaf = world.workload()
    for body, expected in (({}, 1800), ({"durationSeconds": 900}, 900), ({"durationSeconds": 3600}, 1800)):
        assert abs(lifetime(world.session(leaf, body=body), locum) - expected) < 60, body
    for seconds in (899, 43_201):
        assert error(world.ask(leaf, body={"durationSeconds": seconds}))[:2] == (400, "ValidationException")
    world.admin.update_profile(profileId=world.profile_arn, durationSeconds=7200)
    message = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."
    assert error(world.ask(leaf)) == (400, "ValidationException", message)
    assert abs(lifetime(world.session(leaf, body={"durationSeconds": 3600}), locum) - 3600) < 60


def test_names_of_sessions(world):
    leaf = world.workload()
    named = {"body": {"roleSessionName": "my-session"}}
    message = "The profile does not accept a roleSessionName"
    assert error(world.ask(leaf, **named)) == (403, "AccessDeniedException", message)
    world.admin.update_profile(profileId=world.profile_arn, acceptRoleSessionName=True)
    assert world.session(leaf, **named)["assumedRoleUser"]["arn"].endswith("/workload/my-session")
    assert error(world.ask(leaf, body={"roleSessionName": "a b"}))[:2] == (400, "ValidationException")


def test_session_policies_of_the_profile(world):
    s3 = world.locum.client("s3")
    s3.create_bucket(Bucket="pool")
    leaf = world.workload()
    assert world.locum.client("s3", credentials(world.session(leaf))).list_buckets()
    world.admin.update_profile(profileId=world.profile_arn, sessionPolicy=policy(allow("s3:GetObject")))
    with pytest.raises(ClientError):
        world.locum.client("s3", credentials(world.session(leaf))).list_buckets()
    arn = "arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"
    world.admin.update_profile(profileId=world.profile_arn, managedPolicyArns=[arn])
    assert world.locum.client("s3", credentials(world.session(leaf))).list_buckets()
    with pytest.raises(ClientError) as caught:
        world.admin.update_profile(profileId=world.profile_arn, sessionPolicy="{}")
    assert caught.value.response["Error"]["Code"] == "ValidationException"


# Who came


def test_subjects(world):
    leaf = world.workload("leaf", subject="/O=Example/CN=leaf")
    properties = {"instanceProperties": {"host": "a", "rack": "7"}}
    arn = world.session(leaf, body=properties)["subjectArn"]
    again = world.workload("again", subject="/O=Example/CN=leaf")
    assert world.session(again)["subjectArn"] == arn
    world.locum.client("iam").update_assume_role_policy(
        RoleName="workload", PolicyDocument=policy(trust(Null={"aws:SourceArn": "true"}))
    )
    assert error(world.ask(again)) == unable(world)
    (listed,) = world.admin.list_subjects()["subjects"]
    assert (listed["subjectArn"], listed["x509Subject"], listed["enabled"]) == (arn, "CN=leaf,O=Example", True)
    subject = world.admin.get_subject(subjectId=listed["subjectId"])["subject"]
    seen = [(one["serialNumber"], one["issuer"], one["failed"]) for one in subject["credentials"]]
    assert seen == [
        (str(again.certificate.serial_number), "CN=root", True),
        (str(leaf.certificate.serial_number), "CN=root", False),
    ]
    assert subject["credentials"][1]["x509CertificateData"] == leaf.pem
    (one,) = subject["instanceProperties"]
    assert (one["properties"], one["failed"]) == ({"host": "a", "rack": "7"}, False)
    # Who is not trusted leaves nothing behind.
    assert error(world.ask(Party(world.folder, "x", extensions=WORKLOAD))) == UNTRUSTED
    assert len(world.admin.list_subjects()["subjects"]) == 1
