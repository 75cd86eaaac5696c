"""AssumeRoleWithSAML against identity providers that others wrote: pysaml2 (PyPI) and samlp (npm)."""

import functools
import warnings

import pytest
from certificates import certificate, private_pem
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from harness import ACCOUNT, Credentials, refused, trusting
from lxml import etree
from node_programs import NodeProgram
from saml_idp import ASSERTION, AWS, PROVIDER, RECIPIENT, encoded

with warnings.catch_warnings():
    # It names ciphers that its library is about to move.
    warnings.simplefilter("ignore")
    import saml2.entity
    import saml2.saml
    import saml2.sigver
    from saml2.config import IdPConfig
    from saml2.metadata import entity_descriptor
    from saml2.server import Server as Saml2Server
    from saml2.xmldsig import DIGEST_SHA256, SIG_RSA_SHA256

ROLE = f"arn:aws:iam::{ACCOUNT}:role/corp"
ATTRIBUTES = {AWS + "Role": [f"{ROLE},{PROVIDER}"], AWS + "RoleSessionName": ["ann@example.com"]}
GCM = "http://www.w3.org/2009/xmlenc11#aes256-gcm"
CBC = "http://www.w3.org/2001/04/xmlenc#aes256-cbc"
INVALID = "Your request included an invalid SAML response."
PERSISTENT = "urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"
SERVICE_PROVIDER = f"""<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="urn:amazon:webservices">
  <SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <AssertionConsumerService index="1" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{RECIPIENT}"/>
  </SPSSODescriptor>
</EntityDescriptor>"""


def ask(locum, response):
    sts = locum.client("sts", None)
    return sts.assume_role_with_saml(RoleArn=ROLE, PrincipalArn=PROVIDER, SAMLAssertion=encoded(response))


def provider(locum, metadata, **options):
    iam = locum.client("iam")
    iam.create_saml_provider(Name="corp", SAMLMetadataDocument=metadata, **options)
    locum.role("corp", trusting({"Federated": PROVIDER}, "sts:AssumeRoleWithSAML"))


@pytest.fixture(scope="module")
def keys():
    """The provider's, and the one that assertions are encrypted for."""
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


@pytest.fixture(scope="module")
def sealed_for(keys):
    return certificate("locum", keys[1])


# pysaml2


@pytest.fixture(scope="module")
def python_idp(keys, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pysaml2")
    (folder / "key.pem").write_text(private_pem(keys[0]))
    (folder / "certificate.pem").write_text(certificate("pysaml2", keys[0]))
    endpoint = ("https://pysaml2.example.com/sso", "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect")
    policy = {"lifetime": {"minutes": 15}, "name_form": "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"}
    config = IdPConfig().load(
        {
            "entityid": "https://pysaml2.example.com/",
            "service": {"idp": {"endpoints": {"single_sign_on_service": [endpoint]}, "policy": {"default": policy}}},
            "key_file": str(folder / "key.pem"),
            "cert_file": str(folder / "certificate.pem"),
            "xmlsec_binary": "/usr/bin/xmlsec1",
            "metadata": {"inline": [SERVICE_PROVIDER]},
        }
    )
    return Saml2Server(config=config)


def python_response(idp, **options):
    made = idp.create_authn_response(
        identity=ATTRIBUTES,
        in_response_to="_request",
        destination=RECIPIENT,
        sp_entity_id="urn:amazon:webservices",
        name_id=saml2.saml.NameID(format=PERSISTENT, text="ann"),
        authn={"class_ref": "urn:oasis:names:tc:SAML:2.0:ac:classes:Password", "authn_auth": "x"},
        **{
            "sign_assertion": True,
            "sign_response": False,
            "sign_alg": SIG_RSA_SHA256,
            "digest_alg": DIGEST_SHA256,
        }
        | options,
    )
    return str(made)


def encrypt_by(monkeypatch, idp, method, key_type="aes-256"):
    """It encrypts with triple DES otherwise."""
    part = functools.partial(saml2.sigver.pre_encryption_part, msg_enc=method)
    monkeypatch.setattr(saml2.entity, "pre_encryption_part", part)
    encrypt = functools.partial(idp.sec.encrypt_assertion, key_type=key_type)
    monkeypatch.setattr(idp.sec, "encrypt_assertion", encrypt)


def test_pysaml2(locum, python_idp):
    provider(locum, str(entity_descriptor(python_idp.config)).ljust(1000))
    for options in ({}, {"sign_response": True}):
        answer = ask(locum, python_response(python_idp, **options))
        assert (answer["Subject"], answer["Issuer"]) == ("ann", "https://pysaml2.example.com/")
    arn = locum.client("sts", Credentials.of(answer)).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/corp/ann@example.com"
    for options in ({"sign_assertion": False}, {"sign_assertion": False, "sign_response": True}):
        text = python_response(python_idp, **options)
        refused(lambda text=text: ask(locum, text), "InvalidIdentityToken", "Response signature invalid", 400)
    # What it signs with when it is not told better.
    old = python_response(python_idp, sign_alg=None, digest_alg=None)
    assert "rsa-sha1" in old
    refused(lambda: ask(locum, old), "InvalidIdentityToken", "Response signature invalid", 400)


def test_pysaml2_encrypts(locum, python_idp, keys, sealed_for, monkeypatch):
    metadata = str(entity_descriptor(python_idp.config)).ljust(1000)
    options = {"AssertionEncryptionMode": "Required", "AddPrivateKey": private_pem(keys[1])}
    provider(locum, metadata, **options)
    refused(lambda: ask(locum, python_response(python_idp)), "InvalidIdentityToken", INVALID, 400)
    sealed = {"encrypt_assertion": True, "encrypt_cert_assertion": "".join(sealed_for.splitlines()[1:-1])}
    # Triple DES is nothing that is opened.
    old = python_response(python_idp, **sealed)
    assert "tripledes-cbc" in old
    refused(lambda: ask(locum, old), "InvalidIdentityToken", INVALID, 400)
    with monkeypatch.context() as patch:
        encrypt_by(patch, python_idp, GCM)
        for more in ({}, {"encrypt_assertion_self_contained": False}, {"sign_response": True}):
            text = python_response(python_idp, **sealed, **more)
            assert "EncryptedAssertion" in text and ">ann<" not in text
            assert ask(locum, text)["Subject"] == "ann"
    with monkeypatch.context() as patch:
        encrypt_by(patch, python_idp, CBC)
        # What is not authenticated counts where a signature covers it.
        assert ask(locum, python_response(python_idp, **sealed, sign_response=True))["Subject"] == "ann"
        text = python_response(python_idp, **sealed)
        refused(lambda: ask(locum, text), "InvalidIdentityToken", INVALID, 400)
    # Without its key nothing is opened.
    iam = locum.client("iam")
    held = iam.get_saml_provider(SAMLProviderArn=PROVIDER)["PrivateKeyList"]
    iam.update_saml_provider(SAMLProviderArn=PROVIDER, AssertionEncryptionMode="Allowed")
    iam.update_saml_provider(SAMLProviderArn=PROVIDER, RemovePrivateKey=held[0]["KeyId"])
    with monkeypatch.context() as patch:
        encrypt_by(patch, python_idp, GCM)
        text = python_response(python_idp, **sealed)
        refused(lambda: ask(locum, text), "InvalidIdentityToken", INVALID, 400)


# samlp


@pytest.fixture
def node_idp(keys, tmp_path):
    settings = {
        "issuer": "urn:samlp",
        "cert": certificate("samlp", keys[0]),
        "key": private_pem(keys[0]),
        "audience": "urn:amazon:webservices",
        "destination": RECIPIENT,
        "recipient": RECIPIENT,
        "lifetimeInSeconds": 300,
        "signatureAlgorithm": "rsa-sha256",
        "digestAlgorithm": "sha256",
    }
    with NodeProgram(tmp_path / "samlp", "saml_responses.mjs", settings) as program:
        yield program, settings


def node_response(idp, **options):
    program, _ = idp
    user = {"name": "ann", "format": PERSISTENT, "attributes": ATTRIBUTES}
    made = program.ask({"user": user, "options": options})
    assert "response" in made, made
    return made["response"]


def node_metadata(settings):
    body = "".join(settings["cert"].splitlines()[1:-1])
    return f"""<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{settings["issuer"]}">
<IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><KeyDescriptor use="signing">
<KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{body}</X509Certificate></X509Data></KeyInfo>
</KeyDescriptor></IDPSSODescriptor></EntityDescriptor>""".ljust(1000)


def test_samlp(locum, node_idp):
    provider(locum, node_metadata(node_idp[1]))
    for options in ({}, {"signResponse": True}, {"typedAttributes": False}, {"signatureNamespacePrefix": "ds"}):
        answer = ask(locum, node_response(node_idp, **options))
        assert (answer["Subject"], answer["Issuer"]) == ("ann", "urn:samlp")
    text = node_response(node_idp, signAssertion=False, signResponse=True)
    refused(lambda: ask(locum, text), "InvalidIdentityToken", "Response signature invalid", 400)
    old = node_response(node_idp, signatureAlgorithm="rsa-sha1", digestAlgorithm="sha1")
    refused(lambda: ask(locum, old), "InvalidIdentityToken", "Response signature invalid", 400)
    # The assertion of one response in another one's place.
    other = etree.fromstring(node_response(node_idp).encode())
    whole = etree.fromstring(node_response(node_idp, signResponse=True).encode())
    swapped = whole.find(f"{{{ASSERTION}}}Assertion")
    whole.replace(swapped, other.find(f"{{{ASSERTION}}}Assertion"))
    text = etree.tostring(whole)
    refused(lambda: ask(locum, text), "InvalidIdentityToken", "Response signature invalid", 400)


def test_samlp_encrypts(locum, node_idp, keys, sealed_for):
    provider(locum, node_metadata(node_idp[1]), AddPrivateKey=private_pem(keys[1]))
    sealed = {"encryptionCert": sealed_for, "encryptionPublicKey": public_pem(keys[1])}
    text = node_response(node_idp, **sealed)
    assert "aes256-gcm" in text and ">ann<" not in text
    assert ask(locum, text)["Subject"] == "ann"
    old = {"encryptionAlgorithm": CBC, "disallowEncryptionWithInsecureAlgorithm": False}
    text = node_response(node_idp, **sealed, **old, warnOnInsecureEncryptionAlgorithm=False)
    refused(lambda: ask(locum, text), "InvalidIdentityToken", INVALID, 400)


def public_pem(key):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()
