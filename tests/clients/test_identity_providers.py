"""OpenID Connect and SAML providers, aliases and properties of accounts, with boto3 and the AWS CLI."""

import base64
import datetime
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID
from harness import ACCOUNT, ROOT_CREDENTIALS, Locum, Server, allow, policy, refused

URL = "https://token.example.com/Tenant/"
ARN = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.example.com/Tenant/"
SAML = f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"
PRINT = "9e99a48a9960b14926bb7f3b02e22da2b0ab7280"
UNREACHABLE = "The OpenID Connect identity provider could not be reached."


def rejected(status, code, message, call, **arguments):
    """The call with these arguments is refused with exactly this."""
    refused(lambda: call(**arguments), code, message, status)


@pytest.fixture(scope="module")
def key():
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def pem(key, form=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


@pytest.fixture(scope="module")
def metadata(key):
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "idp.example.com")])
    now = datetime.datetime.now(datetime.timezone.utc)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now)
        .not_valid_after(now + datetime.timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    encoded = base64.encodebytes(certificate.public_bytes(serialization.Encoding.DER)).decode()
    return f"""<?xml version="1.0"?>\r
<md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="https://idp.example.com/é">
  <md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <md:KeyDescriptor use="signing">
      <ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#">
        <ds:X509Data><ds:X509Certificate>{encoded}</ds:X509Certificate></ds:X509Data>
      </ds:KeyInfo>
    </md:KeyDescriptor>
    <md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
      Location="https://idp.example.com/sso"/>
  </md:IDPSSODescriptor>
</md:EntityDescriptor>
"""


def test_an_openid_connect_provider_lives(locum):
    iam = locum.client("iam")
    made = iam.create_open_id_connect_provider(
        Url=URL, ClientIDList=["app"], ThumbprintList=[PRINT], Tags=[{"Key": "b", "Value": "1"}, {"Key": "a", "Value": ""}]
    )
    tags = [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "1"}]
    assert (made["OpenIDConnectProviderArn"], made["Tags"]) == (ARN, tags)
    name = {"OpenIDConnectProviderArn": ARN}
    iam.add_client_id_to_open_id_connect_provider(ClientID="two", **name)
    iam.add_client_id_to_open_id_connect_provider(ClientID="two", **name)
    iam.remove_client_id_from_open_id_connect_provider(ClientID="app", **name)
    iam.update_open_id_connect_provider_thumbprint(ThumbprintList=[PRINT, "A" * 40], **name)
    got = iam.get_open_id_connect_provider(**name)
    assert got["Url"] == "token.example.com/Tenant/"
    assert (got["ClientIDList"], got["ThumbprintList"], got["Tags"]) == (["two"], [PRINT, "A" * 40], tags)
    assert abs(got["CreateDate"] - datetime.datetime.now(datetime.timezone.utc)) < datetime.timedelta(minutes=5)
    iam.tag_open_id_connect_provider(Tags=[{"Key": "c", "Value": "3"}], **name)
    iam.untag_open_id_connect_provider(TagKeys=["a", "b"], **name)
    assert iam.list_open_id_connect_provider_tags(**name)["Tags"] == [{"Key": "c", "Value": "3"}]
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == [{"Arn": ARN}]
    exists = (409, "EntityAlreadyExists", f"Provider with url {URL} already exists.")
    rejected(*exists, iam.create_open_id_connect_provider, Url=URL, ThumbprintList=[PRINT])
    iam.delete_open_id_connect_provider(**name)
    iam.delete_open_id_connect_provider(**name)
    missing = (404, "NoSuchEntity", f"OpenIDConnect Provider not found for arn {ARN}")
    rejected(*missing, iam.get_open_id_connect_provider, **name)


@pytest.mark.parametrize(
    "url",
    [
        "https://localhost",
        "https://127.0.0.1",
        "https://10.0.0.1/a",
        "https://169.254.169.254/latest/meta-data",
        "https://192.168.0.1",
        "https://nothing.invalid",
    ],
)
def test_the_server_does_not_look_around_in_its_network(locum, url):
    iam = locum.client("iam")
    unreachable = (400, "OpenIdIdpCommunicationError", UNREACHABLE)
    rejected(*unreachable, iam.create_open_id_connect_provider, Url=url, ClientIDList=["app"])
    assert iam.list_open_id_connect_providers()["OpenIDConnectProviderList"] == []


def test_a_saml_provider_lives(locum, key, metadata):
    iam = locum.client("iam")
    made = iam.create_saml_provider(
        Name="corp",
        SAMLMetadataDocument=metadata,
        Tags=[{"Key": "k", "Value": "v"}],
        AssertionEncryptionMode="Required",
        AddPrivateKey=pem(key),
    )
    assert made["SAMLProviderArn"] == SAML
    name = {"SAMLProviderArn": SAML}
    got = iam.get_saml_provider(**name)
    assert got["SAMLMetadataDocument"] == metadata
    assert got["AssertionEncryptionMode"] == "Required"
    assert got["ValidUntil"] - got["CreateDate"] == datetime.timedelta(days=36525)
    assert len(got["SAMLProviderUUID"]) == 32
    (first,) = got["PrivateKeyList"]
    iam.update_saml_provider(AddPrivateKey=pem(key, serialization.PrivateFormat.TraditionalOpenSSL), **name)
    iam.update_saml_provider(RemovePrivateKey=first["KeyId"], **name)
    (second,) = iam.get_saml_provider(**name)["PrivateKeyList"]
    assert second["KeyId"] != first["KeyId"]
    needed = (400, "InvalidInput", "AssertionEncryptionMode Required needs a private key.")
    rejected(*needed, iam.update_saml_provider, RemovePrivateKey=second["KeyId"], **name)
    (listed,) = iam.list_saml_providers()["SAMLProviderList"]
    assert listed == {"Arn": SAML, "ValidUntil": got["ValidUntil"], "CreateDate": got["CreateDate"]}
    iam.tag_saml_provider(Tags=[{"Key": "K", "Value": "V"}], **name)
    iam.untag_saml_provider(TagKeys=["k"], **name)
    assert iam.list_saml_provider_tags(**name)["Tags"] == [{"Key": "K", "Value": "V"}]
    iam.delete_saml_provider(**name)
    rejected(404, "NoSuchEntity", f"Manifest not found for arn {SAML}", iam.get_saml_provider, **name)


def test_hostile_metadata(locum, metadata):
    iam = locum.client("iam")
    text = "Could not parse metadata: it must not have a document type definition."
    bomb = '<!DOCTYPE a [<!ENTITY b "bb"><!ENTITY c "&b;&b;&b;"><!ENTITY d SYSTEM "file:///etc/passwd">]>'
    dtd = metadata.replace("?>\r\n", f"?>\r\n{bomb}")
    rejected(400, "InvalidInput", text, iam.create_saml_provider, Name="a", SAMLMetadataDocument=dtd)
    text = "Could not parse metadata: it is not well-formed XML, or has too many elements."
    deep = "<a>" * 60_000 + "</a>" * 60_000
    broken = metadata.replace("</md:EntityDescriptor>", deep)
    rejected(400, "InvalidInput", text, iam.create_saml_provider, Name="a", SAMLMetadataDocument=broken)
    assert iam.list_saml_providers()["SAMLProviderList"] == []


def test_private_keys_stay_out_of_the_record_and_of_the_store(durable, key, metadata, tmp_path):
    iam = durable.client("iam")
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=metadata, AddPrivateKey=pem(key))
    assert durable.server.terminate() == 0
    lines = [line.encode() for line in pem(key).splitlines()[2:6]]
    recorded = b""
    for file in (tmp_path / "data").rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert not any(line in content for line in lines), file
            recorded += content if file.name.startswith("audit") else b""
    assert b'"addPrivateKey":"HIDDEN_DUE_TO_SECURITY_REASONS"' in recorded
    assert b"CreateSAMLProvider" in recorded


def test_an_alias_is_one_accounts(locum):
    iam = locum.client("iam")
    assert iam.list_account_aliases()["AccountAliases"] == []
    iam.create_account_alias(AccountAlias="corp-1")
    iam.create_account_alias(AccountAlias="corp")
    assert iam.list_account_aliases()["AccountAliases"] == ["corp"]
    _, admin = locum.account("other")
    theirs = locum.client("iam", admin)
    exists = (409, "EntityAlreadyExists", "The account alias corp already exists.")
    rejected(*exists, theirs.create_account_alias, AccountAlias="corp")
    missing = (404, "NoSuchEntity", "The account alias corp cannot be found.")
    rejected(*missing, theirs.delete_account_alias, AccountAlias="corp")
    assert theirs.list_account_aliases()["AccountAliases"] == []
    iam.delete_account_alias(AccountAlias="corp")
    theirs.create_account_alias(AccountAlias="corp")
    number = (400, "ValidationError", "The account alias must not have the form of an account ID.")
    rejected(*number, iam.create_account_alias, AccountAlias="210987654321")


def test_properties_and_preferences(locum):
    iam = locum.client("iam")
    assert iam.get_account_properties()["Properties"] == {"RoleManager/Enabled": "false"}
    iam.put_account_properties(Properties={"RoleManager/Enabled": "true"})
    assert iam.get_account_properties()["Properties"] == {"RoleManager/Enabled": "true"}
    namespaces = {"RoleManager/Enabled": "true", "Other/Enabled": "true"}
    text = "All properties must belong to the same namespace"
    rejected(400, "InvalidInput", text, iam.put_account_properties, Properties=namespaces)
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
    assert iam.get_account_summary()["SummaryMap"]["GlobalEndpointTokenVersion"] == 2


def test_with_the_command_line(locum):
    def aws(*arguments):
        return locum.aws_json("iam", *arguments, credentials=ROOT_CREDENTIALS)

    made = aws("create-open-id-connect-provider", "--url", URL, "--thumbprint-list", PRINT)
    assert made["OpenIDConnectProviderArn"] == ARN
    listed = aws("list-open-id-connect-providers")["OpenIDConnectProviderList"]
    assert [one["Arn"] for one in listed] == [ARN]
    aws("create-account-alias", "--account-alias", "corp")
    assert aws("list-account-aliases")["AccountAliases"] == ["corp"]


def test_a_role_keeps_trusting_a_provider_that_is_gone(locum):
    iam = locum.client("iam")
    iam.create_open_id_connect_provider(Url=URL, ThumbprintList=[PRINT])
    trust = policy(
        {
            "Effect": "Allow",
            "Principal": {"Federated": [ARN, SAML]},
            "Action": ["sts:AssumeRoleWithWebIdentity", "sts:AssumeRoleWithSAML"],
        }
    )
    iam.create_role(RoleName="web", AssumeRolePolicyDocument=trust)
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=ARN)
    shown = iam.get_role(RoleName="web")["Role"]["AssumeRolePolicyDocument"]
    assert shown == json.loads(trust)


def test_what_policies_allow(locum):
    alice = locum.user("alice", allow("iam:*OpenIDConnectProvider", f"arn:aws:iam::{ACCOUNT}:oidc-provider/*.example.com/*"))
    iam = locum.client("iam", alice)
    iam.create_open_id_connect_provider(Url=URL, ThumbprintList=[PRINT])
    other = f"arn:aws:iam::{ACCOUNT}:oidc-provider/other.example"
    text = (
        f"User: arn:aws:iam::{ACCOUNT}:user/alice is not authorized to perform: iam:CreateOpenIDConnectProvider on "
        f"resource: {other} because no identity-based policy allows the iam:CreateOpenIDConnectProvider action"
    )
    rejected(403, "AccessDenied", text, iam.create_open_id_connect_provider, Url="https://other.example")


def test_with_private_addresses_a_silent_port_is_still_unreachable(tmp_path):
    with Server(tmp_path / "server", "--idp-private-addresses") as server:
        iam = Locum(server).client("iam")
        unreachable = (400, "OpenIdIdpCommunicationError", UNREACHABLE)
        rejected(*unreachable, iam.create_open_id_connect_provider, Url="https://127.0.0.3")
