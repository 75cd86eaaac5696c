"""A real LDAP directory: Debian's slapd, in a folder and on ports of its own."""

import datetime
import ipaddress
import pathlib
import signal
import socket
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from harness import free_port, wait_for

SLAPD, LDAPMODIFY = "/usr/sbin/slapd", "/usr/bin/ldapmodify"
BASE = "dc=example,dc=com"
PEOPLE, GROUPS = f"ou=people,{BASE}", f"ou=groups,{BASE}"
ADMIN, ADMIN_PASSWORD = f"cn=admin,{BASE}", "admin-Secret"
SEARCHER, SEARCHER_PASSWORD = f"cn=searcher,{BASE}", "search-Secret"

CONFIGURATION = """
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
pidfile {folder}/pid
modulepath /usr/lib/ldap
moduleload back_mdb
TLSCACertificateFile {folder}/ca.pem
TLSCertificateFile {folder}/server.pem
TLSCertificateKeyFile {folder}/server.key
# As some directories still do: an empty password makes any bind an anonymous one that succeeds.
allow bind_anon_dn bind_anon_cred
access to attrs=userPassword by anonymous auth by * none
access to * by dn.exact="{searcher}" read by self read by * none
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw {password}
directory {folder}/data
"""


def user(name, password, **attributes):
    """The LDIF of a user."""
    lines = [f"dn: uid={name},{PEOPLE}", "objectClass: inetOrgPerson", f"uid: {name}", f"cn: {name}", f"sn: {name}"]
    lines += [f"userPassword: {password}"]
    for attribute, values in attributes.items():
        lines += [f"{attribute}: {value}" for value in ([values] if isinstance(values, str) else values)]
    return "\n".join(lines) + "\n\n"


def group(name, *members, under=GROUPS):
    members = "".join(f"member: {member}\n" for member in members)
    return f"dn: cn={name},{under}\nobjectClass: groupOfNames\ncn: {name}\n{members}\n"


def alice(name="alice"):
    return f"uid={name},{PEOPLE}"


class Authority:
    """A certificate authority of one test."""

    def __init__(self, name="Test directory CA"):
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.pem = self._sign(self.name, self.key.public_key(), x509.BasicConstraints(ca=True, path_length=0))

    def _sign(self, subject, public_key, constraints, *extensions):
        now = datetime.datetime.now(datetime.timezone.utc)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(constraints, critical=True)
        )
        for extension in extensions:
            builder = builder.add_extension(extension, critical=False)
        return builder.sign(self.key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()

    def server(self):
        """A certificate for 127.0.0.1 and localhost, and its key."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = [x509.DNSName("localhost"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        constraints = x509.BasicConstraints(ca=False, path_length=None)
        pem = self._sign(subject, key.public_key(), constraints, x509.SubjectAlternativeName(names))
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        return pem, private.decode()


class Slapd:
    """One directory."""

    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        (self.folder / "data").mkdir(parents=True)
        self.authority = Authority()
        certificate, key = self.authority.server()
        for name, text in [("ca.pem", self.authority.pem), ("server.pem", certificate), ("server.key", key)]:
            (self.folder / name).write_text(text)
        configuration = CONFIGURATION.format(
            folder=self.folder, base=BASE, admin=ADMIN, password=ADMIN_PASSWORD, searcher=SEARCHER
        )
        (self.folder / "slapd.conf").write_text(configuration)
        self.plain, self.tls = free_port(), free_port()
        self.process = None

    @property
    def ca(self):
        return str(self.folder / "ca.pem")

    @property
    def ldaps(self):
        return f"ldaps://localhost:{self.tls}"

    @property
    def ldap(self):
        return f"ldap://localhost:{self.plain}"

    def start(self):
        urls = f"ldap://127.0.0.1:{self.plain} ldaps://127.0.0.1:{self.tls}"
        command = [SLAPD, "-f", str(self.folder / "slapd.conf"), "-h", urls, "-d", "0"]
        log = open(self.folder / "log", "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        log.close()
        wait_for(self._answers, "slapd to answer")
        return self

    def _answers(self):
        assert self.process.poll() is None, (self.folder / "log").read_text()
        for port in (self.plain, self.tls):
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
            except OSError:
                return False
        return True

    def stop(self):
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def change(self, ldif, *flags):
        command = [LDAPMODIFY, "-x", "-H", self.ldap.replace("localhost", "127.0.0.1"), "-D", ADMIN, "-w", ADMIN_PASSWORD]
        ran = subprocess.run([*command, *flags], input=ldif, text=True, capture_output=True, timeout=30)
        assert ran.returncode == 0, ran.stderr

    def add(self, ldif):
        self.change(ldif, "-a")

    def replace(self, dn, attribute, value):
        self.change(f"dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n")

    def delete(self, dn):
        self.change(f"dn: {dn}\nchangetype: delete\n")

    def fill(self):
        """Alice of the blue team, in eng; Bob of the red team, in ops; who searches."""
        self.add(
            f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Example\ndc: example\n\n"
            f"dn: {PEOPLE}\nobjectClass: organizationalUnit\nou: people\n\n"
            f"dn: {GROUPS}\nobjectClass: organizationalUnit\nou: groups\n\n"
            f"dn: {SEARCHER}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\ncn: searcher\n"
            f"userPassword: {SEARCHER_PASSWORD}\n\n"
            + user("alice", "alice-Secret", mail="alice@example.com", departmentNumber="blue")
            + user("bob", "bob-Secret", mail=["bob@example.com", "b@example.com"], departmentNumber="red")
            + group("eng", alice())
            + group("ops", alice("bob"))
        )
        return self
