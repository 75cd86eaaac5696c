"""Forged SAML responses, and two other verifiers of XML signatures: what is accepted here, they accept too."""

import copy
import random
import subprocess

import pytest
from botocore.exceptions import ClientError
from certificates import private_pem
from harness import ACCOUNT, Credentials, Locum, Server, trusting
from lxml import etree
from saml_idp import ASSERTION, AWS, EXCLUSIVE, PROTOCOL, PROVIDER, Idp, encoded, signxml_accepts, xmlsec1_accepts

ROLE = f"arn:aws:iam::{ACCOUNT}:role/corp"
SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"


@pytest.fixture(scope="module")
def idp():
    return Idp()


@pytest.fixture
def corp(locum, idp):
    locum.client("iam").create_saml_provider(Name="corp", SAMLMetadataDocument=idp.metadata())
    locum.role("corp", trusting({"Federated": PROVIDER}, "sts:AssumeRoleWithSAML"))
    return locum


def ask(locum, text):
    """Who gets the session, or the code of the refusal."""
    sts = locum.client("sts", None)
    try:
        answer = sts.assume_role_with_saml(RoleArn=ROLE, PrincipalArn=PROVIDER, SAMLAssertion=encoded(text))
    except ClientError as error:
        return None, error.response["Error"]["Code"]
    return answer["Subject"], None


# Wrapping: each takes a genuine response and the forged assertion, and has the genuine signature stay good for
# who looks for it by its ID.


def parts(root):
    assertion = root.find(f"{{{ASSERTION}}}Assertion")
    return assertion, assertion.find(SIGNATURE)


def evil_of(assertion, keep_id=False):
    evil = copy.deepcopy(assertion)
    evil.remove(evil.find(SIGNATURE))
    if not keep_id:
        evil.set("ID", "_evil")
    evil.find(f".//{{{ASSERTION}}}NameID").text = "root"
    return evil


def in_an_object(root, keep_id):
    assertion, signature = parts(root)
    evil = evil_of(assertion, keep_id)
    root.replace(assertion, evil)
    assertion.remove(signature)
    evil.insert(1, signature)
    etree.SubElement(signature, "{http://www.w3.org/2000/09/xmldsig#}Object").append(assertion)


def before(root, keep_id):
    assertion, _ = parts(root)
    root.insert(root.index(assertion), evil_of(assertion, keep_id))


def behind(root, keep_id):
    assertion, _ = parts(root)
    root.append(evil_of(assertion, keep_id))


def around(root, keep_id):
    assertion, _ = parts(root)
    evil = evil_of(assertion, keep_id)
    root.replace(assertion, evil)
    evil.append(assertion)


def in_extensions(root, keep_id):
    assertion, _ = parts(root)
    root.replace(assertion, evil_of(assertion, keep_id))
    extensions = etree.Element(f"{{{PROTOCOL}}}Extensions")
    extensions.append(assertion)
    root.insert(1, extensions)


def in_advice(root, keep_id):
    assertion, _ = parts(root)
    evil = evil_of(assertion, keep_id)
    root.replace(assertion, evil)
    etree.SubElement(evil, f"{{{ASSERTION}}}Advice").append(assertion)


def signature_moved(root, keep_id):
    assertion, signature = parts(root)
    evil = evil_of(assertion, keep_id)
    assertion.remove(signature)
    evil.insert(1, signature)
    root.insert(root.index(assertion), evil)


def in_the_signature(root, keep_id):
    assertion, signature = parts(root)
    evil = evil_of(assertion, keep_id)
    root.replace(assertion, evil)
    assertion.remove(signature)
    evil.insert(1, signature)
    signature.append(assertion)


def a_response_in_a_response(root, keep_id):
    inner = copy.deepcopy(root)
    assertion, _ = parts(root)
    root.replace(assertion, evil_of(assertion, keep_id))
    root.append(inner)


def an_attribute_value(root, keep_id):
    assertion, _ = parts(root)
    evil = evil_of(assertion, keep_id)
    root.replace(assertion, evil)
    value = evil.find(f".//{{{ASSERTION}}}AttributeValue")
    value.append(assertion)


WRAPPINGS = [
    *(in_an_object, before, behind, around, in_extensions, in_advice, signature_moved, in_the_signature),
    *(a_response_in_a_response, an_attribute_value),
]


@pytest.mark.parametrize("both", [False, True], ids=["assertion signed", "both signed"])
@pytest.mark.parametrize("keep_id", [False, True], ids=["own id", "same id"])
def test_signatures_are_not_wrapped(corp, idp, both, keep_id):
    now = corp.clock.now()
    text = idp.signed(now, ROLE)
    text = idp.sign(text, "Response") if both else text
    assert ask(corp, text) == ("ann", None)
    for wrap in WRAPPINGS:
        root = etree.fromstring(text)
        wrap(root, keep_id)
        assert ask(corp, etree.tostring(root)) == (None, "InvalidIdentityToken"), wrap.__name__


def test_what_other_parsers_read_otherwise(corp, idp):
    now = corp.clock.now()
    text = idp.signed(now, ROLE)
    entity = '<!DOCTYPE a [<!ENTITY a "root">]>'
    bomb = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa">' + "".join(
        f'<!ENTITY {chr(98 + n)} "{f"&{chr(97 + n)};" * 10}">' for n in range(8)
    )
    for forged in [
        text.replace(">ann<", ">a<!-- -->nn<"),
        text.replace(">ann<", ">ann<!-- -->.evil.example.com<"),
        text.replace(">ann<", "><?a?>ann<"),
        entity + text.replace(">ann<", ">&a;<"),
        bomb + "]>" + text.replace(">ann<", ">&i;<"),
        '<!DOCTYPE a SYSTEM "file:///etc/passwd">' + text,
        text.replace("<saml:Assertion ", '<saml:Assertion xmlns:a="urn:a" a:ID="_evil" ', 1),
        text.replace("<saml:Assertion ", '<saml:Assertion xml:id="_evil" ', 1),
        text.replace("<saml:Assertion ", '<saml:Assertion xmlns:a="relative" ', 1),
        text.replace("<saml:Assertion ", '<saml:Assertion xmlns:a="" ', 1),
        text.replace("<saml:Assertion ", '<saml:Assertion a:xmlns="urn:evil" xmlns:a="urn:a" ', 1),
        text.encode("utf-16"),
        b"\x1f\x8b" + text.encode(),
    ]:
        assert ask(corp, forged) == (None, "InvalidIdentityToken"), forged[:200]


def test_keys_are_not_brought(corp, idp):
    """A MAC under the public key, a certificate in KeyInfo, a key by reference, and no key at all."""
    now = corp.clock.now()
    thief = Idp()
    bare = thief.response(now, thief.assertion(now, ROLE))
    signed = thief.sign(bare)
    for forged in [
        signed,
        signed.replace("xmldsig-more#rsa-sha256", "xmldsig-more#hmac-sha256"),
        thief.sign(bare, signature_algorithm="rsa-sha256").replace("rsa-sha256", "rsa-sha1"),
        signed.replace("<ds:KeyInfo>", '<ds:KeyInfo><ds:RetrievalMethod URI="https://evil.example.com/"/>'),
    ]:
        assert ask(corp, forged) == (None, "InvalidIdentityToken")


# Others' verifiers


def varied(random, idp, now):
    """A response in one of many spellings, with a signature yet to be filled in by xmlsec1."""
    s, p, d = random.sample(["saml2", "a", "ns0", "ns1", "x-y", "_z", "samlp"], 3)
    plain = random.random() < 0.3
    text = idp.response(now, idp.assertion(now, ROLE, subject=random.choice(["ann", "ann &amp; bob", "é&#x1F600;"])))
    text = text.replace("samlp:", f"{p}:").replace("xmlns:samlp", f"xmlns:{p}")
    if plain:
        # The assertion's namespace as the default one, inside.
        head, _, tail = text.partition("<saml:Assertion ")
        body, _, end = tail.partition("</saml:Assertion>")
        tail = body.replace("<saml:", "<").replace("</saml:", "</").replace("xmlns:saml=", "xmlns=")
        text = f"{head}<Assertion {tail}</Assertion>{end}"
    text = text.replace("saml:", f"{s}:").replace("xmlns:saml=", f"xmlns:{s}=")
    typed = random.random() < 0.5
    prefixes = ""
    if typed:
        xs = 'xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
        text = text.replace("AttributeValue>", f'AttributeValue {xs} xsi:type="xs:string">')
        text = text.replace(f'/{s}:AttributeValue {xs} xsi:type="xs:string">', f"/{s}:AttributeValue>")
        text = text.replace(f'/AttributeValue {xs} xsi:type="xs:string">', "/AttributeValue>")
        prefixes = random.choice(["", "xs", f"xs {s}", f"#default {p} none"])
    if random.random() < 0.5:
        text = text.replace("ID=", f'xmlns:unused{random.randrange(9)}="urn:unused:%7Ea?b#c" ID=', 1)
    blank = random.choice(["", "\n", " ", "\n\t  "])
    text = text.replace("><", f">{blank}<")
    if random.random() < 0.3:
        text = text.replace(">ann<", "><![CDATA[a]]>nn<")
    if random.random() < 0.3:
        text = text.replace(' Version="2.0"', "\n\tVersion = '2.0'")
    # Where the signature stands: behind the issuer, with the prefix, or without one.
    own = f"{d}:" if random.random() < 0.6 else ""
    declared = f'xmlns{":" + d if own else ""}="http://www.w3.org/2000/09/xmldsig#"'
    inclusive = f'<c:InclusiveNamespaces xmlns:c="{EXCLUSIVE}" PrefixList="{prefixes}"/>' if prefixes else ""
    algorithm = random.choice([256, 384, 512])
    digest = {256: "2001/04/xmlenc#sha256", 384: "2001/04/xmldsig-more#sha384", 512: "2001/04/xmlenc#sha512"}
    start = text.index("Assertion ")
    assertion_id = text[text.index('ID="', start) + 4 :].split('"')[0]
    template = (
        f'<{own}Signature {declared}><{own}SignedInfo><{own}CanonicalizationMethod Algorithm="{EXCLUSIVE}"/>'
        f'<{own}SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha{algorithm}"/>'
        f'<{own}Reference URI="#{assertion_id}"><{own}Transforms>'
        f'<{own}Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>'
        f'<{own}Transform Algorithm="{EXCLUSIVE}">{inclusive}</{own}Transform></{own}Transforms>'
        f'<{own}DigestMethod Algorithm="http://www.w3.org/{digest[algorithm]}"/><{own}DigestValue></{own}DigestValue>'
        f"</{own}Reference></{own}SignedInfo><{own}SignatureValue></{own}SignatureValue></{own}Signature>"
    )
    end = text.index("Issuer>", text.index("Issuer>", start) + 1) + len("Issuer>")
    return text[:end] + template + text[end:]


def signed_by_xmlsec1(folder, idp, text):
    (folder / "template.xml").write_text(text)
    (folder / "key.pem").write_text(private_pem(idp.key))
    command = ["xmlsec1", "--sign", "--privkey-pem", folder / "key.pem", "--id-attr:ID", f"{ASSERTION}:Assertion"]
    ran = subprocess.run([*command, folder / "template.xml"], capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 0, ran.stderr + text
    return ran.stdout


def mutated(random, text):
    """One small change somewhere, that leaves it XML as a rule."""
    at = random.randrange(len(text))
    kind = random.randrange(4)
    if kind == 0:
        spots = [place for place, c in enumerate(text) if c in "\n >"]
        at = random.choice(spots)
        return text[:at] + random.choice([" ", "\n", "\t"]) + text[at:]
    if kind == 1:
        return text[:at] + random.choice("aZ09 _=&<>\"'/") + text[at + 1 :]
    if kind == 2:
        start = text.index("Assertion ") + len("Assertion ")
        return text[:start] + random.choice(['xmlns:q="urn:q" ', 'xmlns:q="urn:q" q:a="" ', "xml:lang='de' "]) + text[start:]
    tag = text.index("<", at) if "<" in text[at:] else 0
    return text[:tag] + random.choice(["&#32;", "<q/>", "<![CDATA[]]>", ""]) + text[tag:]


def test_other_verifiers_accept_what_is_accepted(corp, idp, tmp_path):
    """Documents of many spellings, signed by xmlsec1, and what little changes make of them."""
    seeds = random.Random(6)
    now = corp.clock.now()
    accepted = changed = 0
    for number in range(30):
        text = signed_by_xmlsec1(tmp_path, idp, varied(random.Random(number), idp, now))
        subject, _ = ask(corp, text)
        assert subject is not None, text
        assert xmlsec1_accepts(tmp_path, text, idp.certificate), text
        assert signxml_accepts(text, idp.certificate), text
        accepted += 1
        for _ in range(4):
            other = mutated(seeds, text)
            found, _ = ask(corp, other)
            if found is not None and other != text:
                changed += 1
                assert found == subject
                assert xmlsec1_accepts(tmp_path, other, idp.certificate), other
                assert signxml_accepts(other, idp.certificate), other
    # Both kinds were there.
    assert accepted == 30
    assert 0 < changed < 120


def test_a_session_of_a_forged_response_never_is(corp, idp):
    """Every cut, and bits turned over the whole of it."""
    now = corp.clock.now()
    text = idp.signed(now, ROLE).encode()
    for at in range(0, len(text), 61):
        assert ask(corp, text[:at] + bytes([text[at] ^ 1 << at % 7]) + text[at + 1 :])[0] in (None, "ann")
        assert ask(corp, text[:at] or b"<a/>")[0] is None
    assert ask(corp, text) == ("ann", None)


def test_a_role_of_another_provider_is_not_had(corp, idp):
    """The pair in the assertion decides, and the provider of the request verifies."""
    now = corp.clock.now()
    other = Idp("https://other.example.com/")
    corp.client("iam").create_saml_provider(Name="other", SAMLMetadataDocument=other.metadata())
    arn = f"arn:aws:iam::{ACCOUNT}:saml-provider/other"
    sts = corp.client("sts", None)
    for provider, named in ((arn, PROVIDER), (PROVIDER, arn), (arn, arn)):
        text = other.signed(now, values=[(AWS + "Role", [f"{ROLE},{named}"])])
        with pytest.raises(ClientError) as caught:
            sts.assume_role_with_saml(RoleArn=ROLE, PrincipalArn=provider, SAMLAssertion=encoded(text))
        wanted = "InvalidIdentityToken" if provider == PROVIDER else "AccessDenied"
        assert caught.value.response["Error"]["Code"] == wanted
    assert Credentials.of(
        sts.assume_role_with_saml(
            RoleArn=ROLE, PrincipalArn=PROVIDER, SAMLAssertion=encoded(idp.signed(now, ROLE))
        )
    )


def test_a_flood_of_forged_responses_costs_little(tmp_path, idp):
    """What is not believed is counted by role and source, and then refused before it is read."""
    with Server(tmp_path / "limited", "--limit-key-failures", "5/3600") as server:
        corp = Locum(server)
        corp.client("iam").create_saml_provider(Name="corp", SAMLMetadataDocument=idp.metadata())
        corp.role("corp", trusting({"Federated": PROVIDER}, "sts:AssumeRoleWithSAML"))
        text = idp.signed(corp.clock.now(), ROLE)
        for _ in range(5):
            assert ask(corp, text.replace(">ann<", ">root<")) == (None, "InvalidIdentityToken")
        assert ask(corp, text) == (None, "Throttling")
