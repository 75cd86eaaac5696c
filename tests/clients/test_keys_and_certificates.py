"""SSH public keys, signing certificates and server certificates, made and read by another implementation."""

import base64
import datetime
import hashlib
import json

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.x509.oid import NameOID
from harness import (
    ACCOUNT,
    ROOT_CREDENTIALS,
    Credentials,
    allow,
    no_identity_policy,
    not_authorized,
    refused,
    validation,
    wait_for,
)

DAY = datetime.timedelta(days=1)
UNREADABLE = "Unable to parse certificate. Please ensure the certificate is in PEM format."
CHAIN = (
    "Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, "
    "followed by any intermediaries in order. The index within the chain of the invalid certificate is: "
)
MISMATCH = "The public key certificate and the private key do not match."
DUPLICATE_KEY = "The SSH public key is already associated with the specified IAM user."
INVALID_KEY = "The public key is malformed or otherwise invalid."
UNRECOGNIZED_KEY = "The public key encoding format is unsupported or unrecognized."


@pytest.fixture(scope="module")
def rsa_keys():
    """Two, since finding primes takes long."""
    return [rsa.generate_private_key(public_exponent=65537, key_size=2048) for _ in range(2)]


def pem(public):
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return public.public_bytes(serialization.Encoding.PEM, form).decode()


def ssh(public):
    form = serialization.PublicFormat.OpenSSH
    return public.public_bytes(serialization.Encoding.OpenSSH, form).decode()


def private(key, form=serialization.PrivateFormat.PKCS8):
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def named(name):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def certificate(name, key, issuer=None, signer=None, authority=False, days=(-1, 30)):
    """A certificate in PEM, valid from and until so many days from now; self-signed without an issuer."""
    now = datetime.datetime.now(datetime.timezone.utc)
    constraints = x509.BasicConstraints(ca=authority, path_length=None)
    built = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer or name))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now + days[0] * DAY)
        .not_valid_after(now + days[1] * DAY)
        .add_extension(constraints, critical=True)
        .sign(signer or key, hashes.SHA256())
    )
    return built.public_bytes(serialization.Encoding.PEM).decode()


def ec_key():
    return ec.generate_private_key(ec.SECP256R1())


def server(name, key=None, **options):
    """What UploadServerCertificate takes."""
    key = key or ec_key()
    body = options.pop("CertificateBody", None) or certificate(name, key)
    return {"ServerCertificateName": name, "CertificateBody": body, "PrivateKey": private(key)} | options


@pytest.fixture
def iam(locum):
    return locum.client("iam")


# SSH public keys


def test_an_ssh_key_comes_back_in_both_encodings(iam, rsa_keys):
    iam.create_user(UserName="ann")
    public = rsa_keys[0].public_key()
    body = f"{ssh(public)} ann@laptop"
    key = iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=body + "\n")["SSHPublicKey"]
    assert key["SSHPublicKeyId"].startswith("APKA") and key["Status"] == "Active" and key["UserName"] == "ann"
    assert key["SSHPublicKeyBody"] == body
    digest = hashlib.md5(base64.b64decode(ssh(public).split()[1])).hexdigest()
    assert key["Fingerprint"] == ":".join(digest[at : at + 2] for at in range(0, 32, 2))
    ask = {"UserName": "ann", "SSHPublicKeyId": key["SSHPublicKeyId"]}
    got = iam.get_ssh_public_key(**ask, Encoding="SSH")["SSHPublicKey"]
    assert got == key
    got = iam.get_ssh_public_key(**ask, Encoding="PEM")["SSHPublicKey"]
    assert got["SSHPublicKeyBody"] == pem(public)
    iam.update_ssh_public_key(**ask, Status="Inactive")
    listed = iam.list_ssh_public_keys(UserName="ann")["SSHPublicKeys"]
    assert [(one["SSHPublicKeyId"], one["Status"]) for one in listed] == [(key["SSHPublicKeyId"], "Inactive")]
    assert "SSHPublicKeyBody" not in listed[0]
    conflict = "Cannot delete entity, must remove referenced objects first."
    refused(lambda: iam.delete_user(UserName="ann"), "DeleteConflict", conflict, 409)
    iam.delete_ssh_public_key(**ask)
    iam.delete_user(UserName="ann")


def test_what_ssh_keys_are_refused(iam, rsa_keys):
    iam.create_user(UserName="ann")

    def fails(body, code, message):
        refused(lambda: iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=body), code, message, 400)

    public = rsa_keys[0].public_key()
    iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=pem(public))
    for body in (pem(public), ssh(public), ssh(public) + " other comment"):
        fails(body, "DuplicateSSHPublicKey", DUPLICATE_KEY)
    small = rsa.generate_private_key(public_exponent=65537, key_size=1024).public_key()
    for body in (ssh(small), pem(small), pem(ec_key().public_key()), "ssh-rsa AAAA", ssh(public)[:-4] + " x"):
        fails(body, "InvalidPublicKey", INVALID_KEY)
    other = ed25519.Ed25519PrivateKey.generate().public_key()
    for body in (ssh(other), ssh(ec_key().public_key()), "key", private(rsa_keys[1])):
        fails(body, "UnrecognizedPublicKeyEncoding", UNRECOGNIZED_KEY)
    constraint = "Member must have length less than or equal to 16384"
    long = validation(f"Value at 'sSHPublicKeyBody' failed to satisfy constraint: {constraint}")
    fails("ssh-rsa " + "A" * 16_384, "ValidationError", long)


# Signing certificates


def test_signing_certificates_of_a_user_and_of_the_root_user(locum, iam, rsa_keys):
    own = {"Effect": "Allow", "Action": "iam:*SigningCertificate*", "Resource": f"arn:aws:iam::{ACCOUNT}:user/ann"}
    ann = locum.client("iam", locum.user("ann", own))
    body, roots = certificate("ann", rsa_keys[0]), certificate("root", ec_key())
    made = ann.upload_signing_certificate(CertificateBody=body)["Certificate"]
    assert (made["UserName"], made["Status"], made["CertificateBody"]) == ("ann", "Active", body)
    assert "UserName" not in iam.upload_signing_certificate(CertificateBody=roots)["Certificate"]
    duplicate = "The same certificate is associated with an IAM user in the account."
    for call in (
        lambda: ann.upload_signing_certificate(CertificateBody=body.replace("\n", "\r\n")),
        lambda: ann.upload_signing_certificate(CertificateBody=roots),
    ):
        refused(call, "DuplicateCertificate", duplicate, 409)
    ann.update_signing_certificate(CertificateId=made["CertificateId"], Status="Inactive")
    (listed,) = iam.list_signing_certificates(UserName="ann")["Certificates"]
    assert listed == made | {"Status": "Inactive"}
    (listed,) = iam.list_signing_certificates()["Certificates"]
    assert listed["CertificateBody"] == roots
    denied = not_authorized(
        f"arn:aws:iam::{ACCOUNT}:user/ann",
        "iam:ListSigningCertificates",
        f"arn:aws:iam::{ACCOUNT}:user/bob",
        no_identity_policy("iam:ListSigningCertificates"),
    )
    refused(lambda: ann.list_signing_certificates(UserName="bob"), "AccessDenied", denied)
    status = "Status Expired cannot be set by a caller."
    expire = {"CertificateId": made["CertificateId"], "Status": "Expired"}
    refused(lambda: ann.update_signing_certificate(**expire), "InvalidInput", status, 400)
    iam.upload_signing_certificate(UserName="ann", CertificateBody=certificate("two", ec_key()))
    third = {"UserName": "ann", "CertificateBody": certificate("three", ec_key())}
    limit = "Cannot exceed quota for CertificatesPerUser: 2"
    refused(lambda: iam.upload_signing_certificate(**third), "LimitExceeded", limit, 409)
    ann.delete_signing_certificate(CertificateId=made["CertificateId"])
    gone = f"The Certificate with id {made['CertificateId']} cannot be found."
    refused(lambda: ann.delete_signing_certificate(CertificateId=made["CertificateId"]), "NoSuchEntity", gone, 404)


def test_what_signing_certificates_are_refused(iam):
    def fails(body, code, message):
        refused(lambda: iam.upload_signing_certificate(CertificateBody=body), code, message, 400)

    key = ec_key()
    fails(certificate("c", key, days=(-9, -1)), "InvalidCertificate", "The certificate has expired.")
    fails(certificate("c", key, days=(1, 9)), "InvalidCertificate", "The certificate is not valid yet.")
    good = certificate("c", key)
    for body in (good * 2, "text\n" + good, good[:-40], private(key), "x"):
        fails(body, "MalformedCertificate", UNREADABLE)
    forged = "The self-signed certificate must be signed by its own key, with SHA-256, SHA-384 or SHA-512."
    fails(certificate("c", key, signer=ec_key()), "MalformedCertificate", forged)


def test_a_root_session_removes_the_root_users_certificates(locum):
    organizations, iam = locum.client("organizations"), locum.client("iam")
    organizations.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    iam.enable_organizations_root_credentials_management()
    bob = locum.user("bob", allow("sts:AssumeRoot", "arn:aws:iam::*:root"))
    member, administrator = locum.account("member")

    def entered(task):
        arn = f"arn:aws:iam::aws:policy/root-task/{task}"
        sts = locum.client("sts", bob)
        return locum.client("iam", Credentials.of(sts.assume_root(TargetPrincipal=member, TaskPolicyArn={"arn": arn})))

    auditor, cleaner = entered("IAMAuditRootUserCredentials"), entered("IAMDeleteRootUserCredentials")
    assert auditor.list_signing_certificates()["Certificates"] == []
    root = f"arn:aws:iam::{member}:root"
    by_task = "with an explicit deny in a session policy"
    for session in (auditor, cleaner):
        call = lambda session=session: session.upload_signing_certificate(CertificateBody=certificate("c", ec_key()))
        refused(call, "AccessDenied", not_authorized(root, "iam:UploadSigningCertificate", root, by_task))
    call = lambda: auditor.delete_signing_certificate(CertificateId="A" * 32)
    refused(call, "AccessDenied", not_authorized(root, "iam:DeleteSigningCertificate", root, by_task))
    call = lambda: cleaner.delete_signing_certificate(CertificateId="A" * 32)
    refused(call, "NoSuchEntity", f"The Certificate with id {'A' * 32} cannot be found.", 404)
    # A user's certificate is none of the task's, whoever asks.
    own = locum.client("iam", administrator)
    own.create_user(UserName="carl")
    made = own.upload_signing_certificate(UserName="carl", CertificateBody=certificate("c", ec_key()))["Certificate"]
    by_id = {"CertificateId": made["CertificateId"]}
    gone = f"The Certificate with id {made['CertificateId']} cannot be found."
    refused(lambda: cleaner.delete_signing_certificate(**by_id), "NoSuchEntity", gone, 404)
    user = f"arn:aws:iam::{member}:user/carl"
    denied = not_authorized(root, "iam:DeleteSigningCertificate", user, by_task)
    refused(lambda: cleaner.delete_signing_certificate(UserName="carl", **by_id), "AccessDenied", denied)


# Server certificates


def test_a_server_certificate_with_its_chain(iam, rsa_keys):
    root, above = ec_key(), rsa_keys[0]
    chain = certificate("above", above, "root", root, authority=True) + certificate("root", root, authority=True)
    leaf = certificate("leaf", rsa_keys[1], "above", above, days=(-1, 20))
    traditional = private(rsa_keys[1], serialization.PrivateFormat.TraditionalOpenSSL)
    made = iam.upload_server_certificate(
        ServerCertificateName="Shop",
        Path="/web/",
        CertificateBody=leaf,
        CertificateChain=chain,
        PrivateKey=traditional,
        Tags=[{"Key": "team", "Value": "web"}, {"Key": "Cost", "Value": "7"}],
    )
    metadata = made["ServerCertificateMetadata"]
    assert metadata["Arn"] == f"arn:aws:iam::{ACCOUNT}:server-certificate/web/Shop"
    assert metadata["ServerCertificateId"].startswith("ASCA") and metadata["Path"] == "/web/"
    assert metadata["Expiration"] == x509.load_pem_x509_certificate(leaf.encode()).not_valid_after_utc
    assert made["Tags"] == [{"Key": "Cost", "Value": "7"}, {"Key": "team", "Value": "web"}]
    got = iam.get_server_certificate(ServerCertificateName="shop")["ServerCertificate"]
    assert got["ServerCertificateMetadata"] == metadata
    assert (got["CertificateBody"], got["CertificateChain"]) == (leaf.strip(), chain.strip())
    assert "PrivateKey" not in json.dumps(got, default=str)
    assert iam.list_server_certificates(PathPrefix="/web/")["ServerCertificateMetadataList"] == [metadata]
    assert iam.list_server_certificates(PathPrefix="/other/")["ServerCertificateMetadataList"] == []
    iam.update_server_certificate(ServerCertificateName="shop", NewPath="/", NewServerCertificateName="store")
    (moved,) = iam.list_server_certificates()["ServerCertificateMetadataList"]
    assert moved["Arn"] == f"arn:aws:iam::{ACCOUNT}:server-certificate/store"
    assert moved["ServerCertificateId"] == metadata["ServerCertificateId"]
    iam.tag_server_certificate(ServerCertificateName="store", Tags=[{"Key": "cost", "Value": "8"}])
    iam.untag_server_certificate(ServerCertificateName="store", TagKeys=["Cost"])
    tags = iam.list_server_certificate_tags(ServerCertificateName="store")["Tags"]
    assert tags == [{"Key": "cost", "Value": "8"}, {"Key": "team", "Value": "web"}]
    iam.delete_server_certificate(ServerCertificateName="STORE")
    gone = "The Server Certificate with name store cannot be found."
    refused(lambda: iam.get_server_certificate(ServerCertificateName="store"), "NoSuchEntity", gone, 404)


def test_what_server_certificates_are_refused(iam, rsa_keys):
    def fails(code, message, status=400, **options):
        refused(lambda: iam.upload_server_certificate(**server("shop", **options)), code, message, status)

    key, other = ec_key(), ec_key()
    body = certificate("leaf", key)
    fails("KeyPairMismatch", MISMATCH, key=other, CertificateBody=body)
    fails("KeyPairMismatch", MISMATCH, key=rsa_keys[0], CertificateBody=body)
    fails("MalformedCertificate", UNREADABLE, key=key, CertificateBody=body + certificate("more", other))
    fails("MalformedCertificate", "The certificate has expired.", CertificateBody=certificate("c", key, days=(-9, -1)))
    text = "Unable to parse private key. It must be one RSA or EC key in PEM format, without a password."
    lock = serialization.BestAvailableEncryption(b"password")
    locked = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock).decode()
    for broken in (locked, body, "x"):
        fails("MalformedCertificate", text, key=key, CertificateBody=body, PrivateKey=broken)
    fails("MalformedCertificate", CHAIN + "-1", CertificateChain=certificate("root", other, authority=True))
    fails("MalformedCertificate", CHAIN + "0", CertificateChain=certificate("root", other))
    assert iam.list_server_certificates()["ServerCertificateMetadataList"] == []
    iam.upload_server_certificate(**server("Shop"))
    fails("EntityAlreadyExists", "The Server Certificate with name shop already exists.", 409)


def test_certificates_from_files(locum, iam, tmp_path):
    """As the manuals of AWS show it."""
    key = ec_key()
    (tmp_path / "c.pem").write_text(certificate("c", key))
    (tmp_path / "c.key").write_text(private(key, serialization.PrivateFormat.TraditionalOpenSSL))
    options = {"credentials": ROOT_CREDENTIALS, "home": tmp_path}
    files = ("--certificate-body", "file://c.pem", "--private-key", "file://c.key")
    upload = ("iam", "upload-server-certificate", "--server-certificate-name", "c", *files)
    made = locum.aws_json(*upload, **options)["ServerCertificateMetadata"]
    listed = locum.aws_json("iam", "list-server-certificates", **options)["ServerCertificateMetadataList"]
    assert listed == [made]


def test_a_private_key_is_in_no_record_and_no_file(durable, tmp_path, rsa_keys):
    iam = durable.client("iam")
    key = rsa_keys[0]
    iam.create_user(UserName="ann")
    iam.upload_server_certificate(**server("shop", key))
    # By mistake, where a public one belongs.
    mistake = {"UserName": "ann", "SSHPublicKeyBody": private(rsa_keys[1])}
    refused(lambda: iam.upload_ssh_public_key(**mistake), "UnrecognizedPublicKeyEncoding", UNRECOGNIZED_KEY, 400)

    def records(name):
        lines = [line for file in (tmp_path / "data/audit").iterdir() for line in file.read_text().splitlines()]
        return [record for record in map(json.loads, lines) if record["eventName"] == name]

    wait_for(lambda: records("UploadSSHPublicKey"), "the record of the last request")
    (record,) = records("UploadServerCertificate")
    assert record["requestParameters"]["privateKey"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    assert record["requestParameters"]["serverCertificateName"] == "shop"
    (record,) = records("UploadSSHPublicKey")
    assert record["requestParameters"]["sSHPublicKeyBody"] == "HIDDEN_DUE_TO_SECURITY_REASONS"
    durable.server.terminate()
    files = [file for file in tmp_path.rglob("*") if file.is_file()]
    assert any("audit" in str(file) for file in files)
    for one in (key, rsa_keys[1]):
        secret = private(one).splitlines()[5].encode()
        for file in files:
            assert secret not in file.read_bytes(), file
    durable.server.start()
    got = durable.client("iam").get_server_certificate(ServerCertificateName="shop")["ServerCertificate"]
    read = x509.load_pem_x509_certificate(got["CertificateBody"].encode())
    assert read.public_key() == key.public_key()
