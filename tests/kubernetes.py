"""A Kubernetes cluster as far as it concerns others: who signs tokens of service accounts, and where its keys are.

The keys are served by TLS under an authority of the cluster's own, to who shows a bearer token.
"""

import base64
import datetime
import http.server
import ipaddress
import json
import pathlib
import ssl
import threading
import uuid

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID

AUDIENCE = "pods.eks.amazonaws.com"
ISSUER = "https://kubernetes.default.svc.cluster.local"
BEARER = "token-of-a-service-account-that-reads-keys"
# One key for all clusters of a run: to make one takes long.
KEYS = {}


def rsa_key(name):
    return KEYS.setdefault(name, rsa.generate_private_key(public_exponent=65537, key_size=2048))


def number(value):
    data = value.to_bytes((value.bit_length() + 7) // 8, "big")
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def web_key(kid, key):
    numbers = key.public_key().public_numbers()
    return {"kty": "RSA", "use": "sig", "alg": "RS256", "kid": kid, "n": number(numbers.n), "e": number(numbers.e)}


def authority(folder):
    """A private authority, and a server certificate of it: the paths of three files."""
    now = datetime.datetime.now(datetime.timezone.utc)
    ca_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kubernetes")])

    def certificate(name, of, extensions):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(ca_name)
            .public_key(of.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=3650))
        )
        for extension, critical in extensions:
            builder = builder.add_extension(extension, critical)
        return builder.sign(ca_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)

    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "ca.pem").write_bytes(certificate(ca_name, ca_key, [(x509.BasicConstraints(True, None), True)]))
    names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    server = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "kube-apiserver")])
    extensions = [(x509.BasicConstraints(False, None), True), (x509.SubjectAlternativeName(names), False)]
    (folder / "server.pem").write_bytes(certificate(server, key, extensions))
    (folder / "server.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    (folder / "bearer").write_text(BEARER + "\n")
    return folder


class Cluster:
    """A cluster: its API server, which serves keys, and its tokens."""

    def __init__(self, folder, clock, issuer=ISSUER):
        self.folder = authority(folder)
        self.clock, self.issuer = clock, issuer
        self.keys = {"key-1": rsa_key("key-1")}
        # The paths that were asked for, with the status of each answer.
        self.asked = []
        self.is_down = False
        self.listen()

    def listen(self):
        cluster = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                status, document = cluster.answer(self.path, self.headers)
                cluster.asked.append((self.path, status))
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Quiet(http.server.ThreadingHTTPServer):
            def handle_error(self, request, client_address):
                """Who hangs up in the handshake is no fault of the test's."""

        self.server = Quiet(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / "server.pem", self.folder / "server.key")
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def url(self):
        return f"https://localhost:{self.server.server_address[1]}"

    def answer(self, path, headers):
        if self.is_down:
            return 503, {}
        if headers.get("Authorization") != f"Bearer {BEARER}":
            return 401, {"kind": "Status", "reason": "Unauthorized"}
        if path != "/openid/v1/jwks":
            return 404, {}
        return 200, {"keys": [web_key(kid, key) for kid, key in self.keys.items()]}

    def registration(self):
        """How `locum cluster register` gets to know it."""
        return [
            *("--issuer", self.issuer, "--jwks-uri", f"{self.url}/openid/v1/jwks", "--endpoint", self.url),
            *("--ca-file", self.folder / "ca.pem", "--bearer-token-file", self.folder / "bearer"),
            "--private-addresses",
        ]

    def claims(self, namespace="team-a", account="app", pod="app-5f7c", **changed):
        now = int(self.clock.now(remove_tzinfo=False).timestamp())
        uid = str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{namespace}/{pod}"))
        claims = {
            "aud": [AUDIENCE],
            "exp": now + 3600,
            "iat": now,
            "nbf": now,
            "iss": self.issuer,
            "jti": str(uuid.uuid4()),
            "kubernetes.io": {
                "namespace": namespace,
                "node": {"name": "node-1", "uid": str(uuid.uuid4())},
                "pod": {"name": pod, "uid": uid},
                "serviceaccount": {"name": account, "uid": str(uuid.uuid4())},
            },
            "sub": f"system:serviceaccount:{namespace}:{account}",
        }
        return claims | changed

    def token(self, *arguments, kid="key-1", key=None, **changed):
        return self.sign(self.claims(*arguments, **changed), kid, key)

    def sign(self, claims, kid="key-1", key=None, algorithm="RS256", **header):
        claims = {name: value for name, value in claims.items() if value is not ...}
        return jwt.encode(claims, key or self.keys[kid], algorithm, {"kid": kid} | header)
