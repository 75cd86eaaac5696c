"""Makes the certificates and keys beside this file, which tests read: `python make.py`.

Needs the packages of tests/requirements.txt, openssl and ssh-keygen. None of the keys is used elsewhere.
"""

import datetime
import pathlib
import subprocess

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID

HERE = pathlib.Path(__file__).parent
START = datetime.datetime(2025, 1, 1)
END = datetime.datetime(2055, 1, 1)


def name(common):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])


def certificate(subject, key, issuer=None, signer=None, ca=None, start=START, end=END, digest=hashes.SHA256()):
    """A certificate; self-signed without an issuer."""
    builder = (
        x509.CertificateBuilder()
        .subject_name(name(subject))
        .issuer_name(name(issuer or subject))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )
    if ca is not None:
        builder = builder.add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
    signer = signer or key
    return builder.sign(signer, None if isinstance(signer, ed25519.Ed25519PrivateKey) else digest)


def write(file, made):
    (HERE / file).write_bytes(made.public_bytes(serialization.Encoding.PEM))


def write_key(file, key, form=serialization.PrivateFormat.PKCS8, password=None):
    lock = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    (HERE / file).write_bytes(key.private_bytes(serialization.Encoding.PEM, form, lock))


def rsa_key(bits=2048):
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


traditional = serialization.PrivateFormat.TraditionalOpenSSL

root, above, leaf = ec.generate_private_key(ec.SECP384R1()), rsa_key(), rsa_key()
write("root.pem", certificate("root", root, ca=True, digest=hashes.SHA384()))
write("above.pem", certificate("above", above, "root", root, ca=True, digest=hashes.SHA512()))
write("leaf.pem", certificate("leaf", leaf, "above", above, ca=False))
write_key("leaf.key", leaf)
write_key("leaf.pkcs1.key", leaf, traditional)
write_key("leaf.encrypted.key", leaf, password=b"secret")
write_key("leaf.encrypted.pkcs1.key", leaf, traditional, b"secret")
# What has the name of a certification authority and is none, or no longer.
write("above.plain.pem", certificate("above", above, "root", root))
write("above.expired.pem", certificate("above", above, "root", root, ca=True, end=datetime.datetime(2025, 12, 31)))
write("above.other.pem", certificate("above", rsa_key(), "root", root, ca=True))

for curve in (ec.SECP256R1(), ec.SECP384R1(), ec.SECP521R1()):
    key = ec.generate_private_key(curve)
    write(f"{curve.name}.pem", certificate(curve.name, key))
    write_key(f"{curve.name}.key", key)
    write_key(f"{curve.name}.sec1.key", key, traditional)

other = ec.generate_private_key(ec.SECP256R1())
write("expired.pem", certificate("expired", other, end=datetime.datetime(2025, 12, 31)))
write("future.pem", certificate("future", other, start=datetime.datetime(2027, 1, 1)))
write("forged.pem", certificate("forged", other, signer=ec.generate_private_key(ec.SECP256R1())))
write_key("other.key", other)
for bits in (1024,):
    write(f"rsa{bits}.pem", certificate("small", rsa_key(bits)))
for key in (ec.generate_private_key(ec.SECP256K1()), ed25519.Ed25519PrivateKey.generate()):
    curve = getattr(getattr(key, "curve", None), "name", "ed25519")
    write(f"{curve}.pem", certificate(curve, key))
    write_key(f"{curve}.key", key)

run = dict(check=True, cwd=HERE, capture_output=True)
subprocess.run(
    "openssl req -x509 -key leaf.key -sha1 -days 9000 -subj /CN=sha1 -out sha1.pem".split(), **run
)
subprocess.run("openssl pkey -in leaf.key -pubout -out ssh.pub.pem".split(), **run)
subprocess.run("openssl rsa -in leaf.key -RSAPublicKey_out -out ssh.pkcs1.pem".split(), **run)
line = subprocess.run("ssh-keygen -i -m PKCS8 -f ssh.pub.pem".split(), **run).stdout.decode().strip()
(HERE / "ssh.pub").write_text(f"{line} ann@example.com\n")
printed = subprocess.run("ssh-keygen -l -E md5 -f ssh.pub".split(), **run).stdout.decode()
(HERE / "ssh.md5").write_text(printed.split()[1].removeprefix("MD5:") + "\n")
for kind, options in (("ed25519", []), ("ecdsa", []), ("rsa1024", ["-t", "rsa", "-b", "1024"])):
    (HERE / "made").unlink(missing_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-N", "", "-C", kind, "-f", "made", *(options or ["-t", kind])], **run)
    (HERE / "made.pub").rename(HERE / f"{kind}.pub")
(HERE / "made").unlink()
