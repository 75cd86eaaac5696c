"""IAM Roles Anywhere from outside: authorities made by OpenSSL, and a client that signs as the published
description says ("The IAM Roles Anywhere authentication signing process")."""

import base64
import datetime
import hashlib
import json
import pathlib
import subprocess
import urllib.parse

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from harness import REGION

CONFIGURATION = """
[ca]
default_ca = own
[own]
new_certs_dir = {folder}
database = {folder}/index.txt
serial = {folder}/serial
crlnumber = {folder}/crlnumber
policy = any
default_days = 30
default_md = sha256
unique_subject = no
copy_extensions = none
crl_extensions = list
[list]
authorityKeyIdentifier = keyid:always
[any]
C = optional
ST = optional
L = optional
O = optional
OU = optional
CN = optional
emailAddress = optional
[req]
distinguished_name = nobody
string_mask = utf8only
[nobody]
"""
AUTHORITY = "basicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign,cRLSign\nsubjectKeyIdentifier = hash\n"
WORKLOAD = "basicConstraints = CA:FALSE\nkeyUsage = critical,digitalSignature\n"


def openssl(*arguments):
    """Runs it."""
    ran = subprocess.run(["openssl", *map(str, arguments)], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def moment(days):
    """As OpenSSL writes it."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=days)
    return at.strftime("%Y%m%d%H%M%SZ")


class Party:
    """A key with its certificate, and what it takes to sign others."""

    def __init__(self, folder, name, issuer=None, extensions=AUTHORITY, key="P-256", digest="sha256", days=(-1, 30), subject=None):
        self.folder = pathlib.Path(folder) / name
        self.folder.mkdir()
        self.configuration = self.folder / "configuration"
        self.configuration.write_text(CONFIGURATION.format(folder=self.folder))
        for file, text in (("index.txt", ""), ("serial", "1000\n"), ("crlnumber", "01\n"), ("extensions", extensions)):
            (self.folder / file).write_text(text)
        self.key_file, self.file = self.folder / "key.pem", self.folder / "certificate.pem"
        if isinstance(key, Party):
            self.key_file.write_bytes(key.key_file.read_bytes())
        elif isinstance(key, int):
            openssl("genpkey", "-algorithm", "RSA", "-pkeyopt", f"rsa_keygen_bits:{key}", "-out", self.key_file)
        else:
            openssl("genpkey", "-algorithm", "EC", "-pkeyopt", f"ec_paramgen_curve:{key}", "-out", self.key_file)
        request = self.folder / "request.pem"
        subject = f"/CN={name}" if subject is None else subject
        openssl("req", "-new", "-config", self.configuration, "-utf8", "-key", self.key_file, "-subj", subject, "-out", request)
        signer = issuer or self
        by = ["-selfsign"] if issuer is None else ["-cert", issuer.file]
        openssl(
            *("ca", "-batch", "-notext", "-utf8", "-preserveDN", "-config", signer.configuration, "-in", request),
            *("-keyfile", signer.key_file, *by, "-extfile", self.folder / "extensions", "-md", digest),
            *("-startdate", moment(days[0]), "-enddate", moment(days[1]), "-out", self.file),
        )

    @property
    def pem(self):
        return self.file.read_text()

    @property
    def certificate(self):
        return x509.load_pem_x509_certificate(self.file.read_bytes())

    @property
    def der(self):
        return self.certificate.public_bytes(serialization.Encoding.DER)

    @property
    def key(self):
        return serialization.load_pem_private_key(self.key_file.read_bytes(), None)

    def revoke(self, *parties):
        for party in parties:
            openssl("ca", "-config", self.configuration, "-keyfile", self.key_file, "-cert", self.file, "-revoke", party.file)

    def revocation_list(self, days=10):
        """The list of what was revoked, in PEM."""
        out = self.folder / "list.pem"
        openssl(
            *("ca", "-config", self.configuration, "-keyfile", self.key_file, "-cert", self.file, "-gencrl"),
            *("-crldays", days, "-md", "sha256", "-out", out),
        )
        return out.read_bytes()


def algorithm_of(key):
    return "AWS4-X509-RSA-SHA256" if isinstance(key, rsa.RSAPrivateKey) else "AWS4-X509-ECDSA-SHA256"


def signature(key, message):
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(message, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(message, ec.ECDSA(hashes.SHA256()))


class Client:
    """A client of CreateSession. What an attacker would change of a request are its options."""

    def __init__(self, locum, party, chain=()):
        self.locum, self.party, self.chain = locum, party, chain

    def create(
        self,
        anchor,
        profile,
        role,
        body=None,
        in_body=False,
        region=REGION,
        service="rolesanywhere",
        serial=None,
        algorithm=None,
        key=None,
        certificate=None,
        signed=None,
        when=0,
        headers=None,
        sent_body=None,
        path="/sessions",
    ):
        """The answer to a request for a session."""
        key = key or self.party.key
        names = {"profileArn": profile, "roleArn": role, "trustAnchorArn": anchor}
        query = "" if in_body else urllib.parse.urlencode(sorted(names.items()), quote_via=urllib.parse.quote)
        content = json.dumps((body or {}) | (names if in_body else {})).encode()
        at = self.locum.clock.now() + datetime.timedelta(seconds=when)
        stamp = at.strftime("%Y%m%dT%H%M%SZ")
        server = self.locum.server
        sent = {
            "content-type": "application/json",
            "host": f"{server.address[0]}:{server.address[1]}",
            "x-amz-date": stamp,
            "x-amz-x509": base64.b64encode(certificate or self.party.der).decode(),
        }
        if self.chain:
            sent["x-amz-x509-chain"] = ",".join(base64.b64encode(one.der).decode() for one in self.chain)
        names = sorted(signed or sent)
        canonical = "\n".join(
            [
                "POST",
                path,
                query,
                *(f"{name}:{sent[name].strip()}" for name in names),
                "",
                ";".join(names),
                hashlib.sha256(content).hexdigest(),
            ]
        )
        scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
        algorithm = algorithm or algorithm_of(key)
        to_sign = "\n".join([algorithm, stamp, scope, hashlib.sha256(canonical.encode()).hexdigest()])
        number = serial or self.party.certificate.serial_number
        sent["authorization"] = (
            f"{algorithm} Credential={number}/{scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={signature(key, to_sign.encode()).hex()}"
        )
        sent |= headers or {}
        target = path + (f"?{query}" if query else "")
        return server.send("POST", target, sent, content if sent_body is None else sent_body)
