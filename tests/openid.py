"""An OpenID Connect provider of the tests' own, which signs anything: over TLS with a private authority."""

import base64
import contextlib
import datetime
import hashlib
import hmac
import http.server
import ipaddress
import json
import ssl
import tempfile
import threading

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CURVES = {"ES256": (ec.SECP256R1, "P-256", 32), "ES384": (ec.SECP384R1, "P-384", 48), "ES512": (ec.SECP521R1, "P-521", 66)}
HASHES = {"256": hashes.SHA256, "384": hashes.SHA384, "512": hashes.SHA512}


def encoded(data):
    """Base64url without padding, of bytes or of what becomes JSON."""
    if not isinstance(data, (bytes, str)):
        data = json.dumps(data)
    if isinstance(data, str):
        data = data.encode()
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


class Authority:
    """A certificate authority that nobody knows."""

    def __init__(self, name="tests", issuer=None):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        above = issuer or self
        self.certificate = (
            self._builder(self.name, above.name, self.key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .sign(above.key, hashes.SHA256())
        )

    @staticmethod
    def _builder(subject, issuer, key, days=(-1, 30)):
        now = datetime.datetime.now(datetime.timezone.utc)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now + datetime.timedelta(days=days[0]))
            .not_valid_after(now + datetime.timedelta(days=days[1]))
        )

    def issue(self, host, days=(-1, 30)):
        """A server's certificate and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        try:
            name = x509.IPAddress(ipaddress.ip_address(host))
        except ValueError:
            name = x509.DNSName(host)
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host)])
        certificate = (
            self._builder(subject, self.name, key, days)
            .add_extension(x509.SubjectAlternativeName([name]), critical=False)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .sign(self.key, hashes.SHA256())
        )
        return certificate, key

    def pem(self):
        return pem(self.certificate)

    def thumbprint(self):
        return thumbprint(self.certificate)


def pem(certificate):
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


def thumbprint(certificate):
    return hashlib.sha1(certificate.public_bytes(serialization.Encoding.DER)).hexdigest()


class SigningKey:
    """A key of a provider."""

    def __init__(self, kid, algorithm="RS256"):
        self.kid = kid
        self.algorithm = algorithm
        if algorithm in CURVES:
            self.key = ec.generate_private_key(CURVES[algorithm][0]())
        else:
            self.key = rsa.generate_private_key(65537, 2048)

    def jwk(self, **more):
        numbers = self.key.public_key().public_numbers()
        if self.algorithm in CURVES:
            _, curve, size = CURVES[self.algorithm]
            x, y = (encoded(number.to_bytes(size, "big")) for number in (numbers.x, numbers.y))
            return {"kty": "EC", "crv": curve, "x": x, "y": y, "kid": self.kid, "use": "sig"} | more
        n = encoded(numbers.n.to_bytes((numbers.n.bit_length() + 7) // 8, "big"))
        e = encoded(numbers.e.to_bytes(3, "big"))
        return {"kty": "RSA", "n": n, "e": e, "kid": self.kid, "use": "sig", "alg": self.algorithm} | more

    def public_pem(self):
        return self.key.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )

    def sign(self, message, algorithm):
        if algorithm.startswith("HS"):
            # The confusion: the public key as the secret.
            return hmac.digest(self.public_pem(), message, "sha256")
        digest = HASHES[self.algorithm[2:]]()
        if self.algorithm in CURVES:
            size = CURVES[self.algorithm][2]
            r, s = decode_dss_signature(self.key.sign(message, ec.ECDSA(digest)))
            return r.to_bytes(size, "big") + s.to_bytes(size, "big")
        return self.key.sign(message, padding.PKCS1v15(), digest)


class Provider:
    """A provider: what it publishes, and a server for that which can be stopped and started."""

    def __init__(self, host="idp.example.test", path="", authority=None, tls=True, clock=None):
        self.host, self.path, self.tls = host, path, tls
        self.authority = authority or Authority()
        self.clock = clock
        self.keys = [SigningKey("first")]
        self.published = None
        self.configuration = {}
        self.bearer = None
        self.requests = []
        self.answers = {}
        self.port = 0
        self.server = None
        self.chain = [self.authority.certificate]

    # What it says

    @property
    def issuer(self):
        return f"https://{self.host}{self.path}" if self.tls else f"http://{self.host}:{self.port}{self.path}"

    @property
    def url(self):
        """Its URL without the scheme, which ARNs and condition keys have."""
        return self.issuer.split("://", 1)[1]

    def jwks(self):
        return {"keys": [key.jwk() for key in self.keys]} if self.published is None else self.published

    def now(self):
        time = datetime.datetime.now(datetime.timezone.utc)
        return int(time.timestamp()) + (self.clock.ahead if self.clock else 0)

    def claims(self, **more):
        claims = {"iss": self.issuer, "sub": "user-1", "aud": "client-1", "iat": self.now(), "exp": self.now() + 600}
        return {name: value for name, value in (claims | more).items() if value is not ...}

    def token(self, key=None, header=None, **claims):
        """A token with these claims besides the usual ones; `...` leaves one out."""
        return self.sign(self.claims(**claims), key, header)

    def sign(self, claims, key=None, header=None):
        key = key or self.keys[-1]
        header = {"alg": key.algorithm, "typ": "JWT", "kid": key.kid} | (header or {})
        header = {name: value for name, value in header.items() if value is not ...}
        message = f"{encoded(header)}.{encoded(claims)}"
        if header.get("alg") == "none":
            return f"{message}."
        return f"{message}.{encoded(key.sign(message.encode(), header.get('alg', '')))}"

    # How it is reached

    def start(self, days=(-1, 30), names=None):
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                outer.requests.append(self.path)
                status, headers, body = outer.answer(self.path, self.headers)
                self.send_response(status)
                for name, value in ({"Content-Type": "application/json", "Content-Length": len(body)} | headers).items():
                    self.send_header(name, str(value))
                self.end_headers()
                with contextlib.suppress(OSError):
                    self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Listener(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def finish_request(self, request, client_address):
                with contextlib.suppress(OSError):
                    if not outer.tls:
                        return super().finish_request(request, client_address)
                    request.settimeout(30)
                    with context.wrap_socket(request, server_side=True) as wrapped:
                        super().finish_request(wrapped, client_address)

            def handle_error(self, *_):
                pass

        if self.tls:
            certificate, key = self.authority.issue(names or self.host, days)
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.load(context, [certificate, *self.chain], key)
            self.certificate = certificate
        self.server = Listener(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    @staticmethod
    def load(context, chain, key):
        with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
            file.write("".join(pem(one) for one in chain))
            file.write(
                key.private_bytes(
                    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
                ).decode()
            )
            file.flush()
            context.load_cert_chain(file.name)

    def stop(self):
        if self.server:
            self.server.shutdown()
            self.server.server_close()
            self.server = None

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def answer(self, path, headers):
        if self.bearer and headers.get("Authorization") != f"Bearer {self.bearer}":
            return 401, {}, b'{"kind":"Status","status":"Failure","code":401}'
        if path in self.answers:
            return self.answers[path]
        if path == f"{self.path}/.well-known/openid-configuration":
            document = {"issuer": self.issuer, "jwks_uri": f"{self.issuer}/keys"} | self.configuration
            return 200, {}, json.dumps(document).encode()
        if path == f"{self.path}/keys":
            return 200, {}, json.dumps(self.jwks()).encode()
        return 404, {}, b"{}"

    def asked(self, path):
        """How often a path was asked for."""
        return sum(1 for one in self.requests if one == path)
