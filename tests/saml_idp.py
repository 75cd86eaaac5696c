"""An identity provider of the tests, whose every word is theirs to choose. It signs with signxml."""

import base64
import datetime
import subprocess
import uuid
from xml.sax.saxutils import escape, quoteattr

import signxml
from certificates import certificate
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from harness import ACCOUNT
from lxml import etree

ISSUER = "https://idp.example.com/saml"
AWS = "https://aws.amazon.com/SAML/Attributes/"
RECIPIENT = "https://signin.aws.amazon.com/saml"
ASSERTION = "urn:oasis:names:tc:SAML:2.0:assertion"
PROTOCOL = "urn:oasis:names:tc:SAML:2.0:protocol"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:saml-provider/corp"


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def encoded(text):
    """As a browser posts it."""
    return base64.b64encode(text if isinstance(text, bytes) else text.encode()).decode()


def attributes(values):
    """An AttributeStatement of these names and lists of values."""
    said = "".join(
        f"<saml:Attribute Name={quoteattr(name)}>"
        + "".join(f"<saml:AttributeValue>{escape(value)}</saml:AttributeValue>" for value in some)
        + "</saml:Attribute>"
        for name, some in values
    )
    return f"<saml:AttributeStatement>{said}</saml:AttributeStatement>"


class Idp:
    """An issuer with a key of its own."""

    def __init__(self, issuer=ISSUER, key=None):
        self.issuer = issuer
        self.key = key or rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.certificate = certificate("idp.example.com", self.key, days=1)

    def metadata(self, extra=""):
        body = "".join(self.certificate.splitlines()[1:-1])
        return f"""<?xml version="1.0"?>
<EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{self.issuer}" {extra}>
  <IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
    <KeyDescriptor use="signing">
      <KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{body}</X509Certificate></X509Data></KeyInfo>
    </KeyDescriptor>
    <NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:persistent</NameIDFormat>
    <NameIDFormat>urn:oasis:names:tc:SAML:2.0:nameid-format:transient</NameIDFormat>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example.com/sso"/>
    <SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect" Location="https://idp.example.com/sso"/>
  </IDPSSODescriptor>
</EntityDescriptor>
"""

    def assertion(self, now, role=None, values=None, provider=PROVIDER, session_ends=None, **said):
        """An assertion without a signature. `said` takes the place of what it says by itself."""
        soon, early = stamp(now + datetime.timedelta(minutes=5)), stamp(now - datetime.timedelta(minutes=5))
        own = [(AWS + "Role", [f"{role},{provider}"])] if role else []
        own += [(AWS + "RoleSessionName", ["ann@example.com"])]
        named = {name for name, _ in values or []}
        own = [pair for pair in own if pair[0] not in named] + [pair for pair in values or [] if pair[1] is not None]
        ends = f' SessionNotOnOrAfter="{stamp(session_ends)}"' if session_ends else ""
        known = {
            "id": "_" + uuid.uuid4().hex,
            "issuer": self.issuer,
            "subject": "ann",
            "format": ' Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent"',
            "recipient": f' Recipient="{RECIPIENT}"',
            "until": f' NotOnOrAfter="{soon}"',
            "conditions": f'<saml:Conditions NotBefore="{early}" NotOnOrAfter="{soon}"><saml:AudienceRestriction>'
            "<saml:Audience>urn:amazon:webservices</saml:Audience></saml:AudienceRestriction></saml:Conditions>",
            "authn": f'<saml:AuthnStatement AuthnInstant="{stamp(now)}" SessionIndex="s1"{ends}><saml:AuthnContext>'
            "<saml:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml:AuthnContextClassRef>"
            "</saml:AuthnContext></saml:AuthnStatement>",
        } | said
        return (
            f'<saml:Assertion xmlns:saml="{ASSERTION}" ID="{known["id"]}" Version="2.0" IssueInstant="{stamp(now)}">'
            f"<saml:Issuer>{known['issuer']}</saml:Issuer><saml:Subject>"
            f"<saml:NameID{known['format']}>{known['subject']}</saml:NameID>"
            '<saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer">'
            f"<saml:SubjectConfirmationData{known['until']}{known['recipient']}/></saml:SubjectConfirmation>"
            f"</saml:Subject>{known['conditions']}{known['authn']}{attributes(own)}</saml:Assertion>"
        )

    def response(self, now, content, status="Success", issuer=None):
        """A response without a signature around an assertion."""
        return (
            f'<samlp:Response xmlns:samlp="{PROTOCOL}" xmlns:saml="{ASSERTION}" ID="_{uuid.uuid4().hex}" Version="2.0"'
            f' IssueInstant="{stamp(now)}" Destination="{RECIPIENT}"><saml:Issuer>{issuer or self.issuer}</saml:Issuer>'
            f'<samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/></samlp:Status>'
            f"{content}</samlp:Response>"
        )

    def sign(self, text, name="Assertion", key=None, **options):
        """Signs an element where it stands in a document."""
        root = etree.fromstring(text)
        found = root if etree.QName(root).localname == name else root.find(f"{{{ASSERTION}}}{name}")
        settings = {"signature_algorithm": "rsa-sha256", "digest_algorithm": "sha256", "c14n_algorithm": EXCLUSIVE}
        signer = signxml.XMLSigner(method=signxml.methods.enveloped, **(settings | options))
        pem = (key or self.key).private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        signed = signer.sign(found, key=pem, cert=self.certificate, reference_uri=found.get("ID"), id_attribute="ID")
        if found is root:
            return etree.tostring(signed).decode()
        root.replace(found, signed)
        return etree.tostring(root).decode()

    def signed(self, now, role=None, **said):
        """A response with a signed assertion."""
        return self.sign(self.response(now, self.assertion(now, role, **said)))


def xmlsec1_accepts(folder, text, certificate_pem, name="Assertion"):
    """Whether xmlsec1 finds the first signature of a document good, by this certificate's key."""
    document, pem = folder / "document.xml", folder / "certificate.pem"
    document.write_text(text)
    pem.write_text(certificate_pem)
    namespace = PROTOCOL if name == "Response" else ASSERTION
    ran = subprocess.run(
        ["xmlsec1", "--verify", "--enabled-reference-uris", "empty,same-doc", "--enabled-key-data", "raw-x509-cert"]
        + ["--pubkey-cert-pem", pem, "--id-attr:ID", f"{ASSERTION}:Assertion", "--id-attr:ID", f"{PROTOCOL}:Response"]
        + ["--node-xpath", f"//*[local-name()='{name}' and namespace-uri()='{namespace}']/*[local-name()='Signature']"]
        + [document],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return ran.returncode == 0


def signxml_accepts(text, certificate_pem):
    """Whether signxml verifies the assertion of a document, by this certificate."""
    root = etree.fromstring(text.encode())
    assertion = root.find(f"{{{ASSERTION}}}Assertion")
    try:
        signxml.XMLVerifier().verify(etree.tostring(assertion), x509_cert=certificate_pem, id_attribute="ID")
    except (signxml.exceptions.InvalidInput, signxml.exceptions.InvalidSignature):
        return False
    return True
