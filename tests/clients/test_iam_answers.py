"""Every operation of IAM is called with success, and what it answers is what its model knows."""

import contextlib
import datetime
import json
import subprocess

import pyotp
import pytest
from certificates import certificate, private_pem, saml_metadata, ssh_public_key
from cryptography.hazmat.primitives.asymmetric import rsa
from harness import (
    ACCOUNT,
    BINARY,
    SESSION,
    Clock,
    Credentials,
    Locum,
    Server,
    allow,
    base_environment,
    policy,
    trusting,
    wait_for,
)
from model import losses

MODEL = SESSION.client("iam", region_name="us-east-1").meta.service_model
DOCUMENT = policy(allow("s3:GetObject"))
TRUST = policy(trusting({"Service": ["ec2.amazonaws.com"]}))
TAGS = [{"Key": "Team", "Value": "Desk"}]
AWS = "arn:aws:iam::aws:policy/ReadOnlyAccess"
PASSWORD = "Correct-Horse-Battery-9"


class Told:
    """A client that notes which operations succeeded."""

    def __init__(self, locum, credentials=None, succeeded=None):
        self.locum = locum
        self.iam = locum.client("iam", credentials) if credentials else locum.client("iam")
        self.succeeded = set() if succeeded is None else succeeded
        self.iam.meta.events.register("after-call.iam", self._note)

    def _note(self, http_response, model, **_):
        if http_response.status_code == 200:
            self.succeeded.add(model.name)

    def __getattr__(self, operation):
        return getattr(self.iam, operation)

    def as_(self, credentials):
        return Told(self.locum, credentials, self.succeeded)


def principals(iam):
    """Users, groups, roles, their policies and keys."""
    boundary = iam.create_policy(PolicyName="boundary", PolicyDocument=DOCUMENT, Description="d", Tags=TAGS)
    arn = boundary["Policy"]["Arn"]
    iam.create_user(UserName="ann", Path="/staff/", PermissionsBoundary=arn, Tags=TAGS)
    iam.create_group(GroupName="team", Path="/teams/")
    iam.create_role(
        RoleName="reader", AssumeRolePolicyDocument=TRUST, Description="d", PermissionsBoundary=arn, Tags=TAGS
    )
    iam.add_user_to_group(GroupName="team", UserName="ann")
    key = iam.create_access_key(UserName="ann")["AccessKey"]["AccessKeyId"]
    iam.update_access_key(UserName="ann", AccessKeyId=key, Status="Inactive")
    iam.get_access_key_last_used(AccessKeyId=key)
    for kind, name in [("user", "ann"), ("group", "team"), ("role", "reader")]:
        named = {f"{kind.title()}Name": name}
        call = lambda verb, **more: getattr(iam, verb)(**named, **more)
        call(f"put_{kind}_policy", PolicyName="inline", PolicyDocument=DOCUMENT)
        call(f"attach_{kind}_policy", PolicyArn=arn)
        call(f"get_{kind}_policy", PolicyName="inline")
        call(f"list_{kind}_policies")
        call(f"list_attached_{kind}_policies")
        call(f"get_{kind}")
    for kind, name in [("user", "ann"), ("role", "reader")]:
        named = {f"{kind.title()}Name": name}
        getattr(iam, f"tag_{kind}")(**named, Tags=TAGS)
        getattr(iam, f"list_{kind}_tags")(**named)
        getattr(iam, f"untag_{kind}")(**named, TagKeys=["Team"])
        getattr(iam, f"put_{kind}_permissions_boundary")(**named, PermissionsBoundary=arn)
    iam.tag_policy(PolicyArn=arn, Tags=TAGS)
    iam.list_policy_tags(PolicyArn=arn)
    iam.untag_policy(PolicyArn=arn, TagKeys=["Team"])
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=DOCUMENT)
    iam.get_policy_version(PolicyArn=arn, VersionId="v2")
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v1")
    iam.list_policy_versions(PolicyArn=arn)
    iam.get_policy(PolicyArn=arn)
    iam.list_entities_for_policy(PolicyArn=arn)
    iam.list_policies_granting_service_access(Arn=f"arn:aws:iam::{ACCOUNT}:user/staff/ann", ServiceNamespaces=["s3"])
    for listing in ("users", "groups", "roles", "policies"):
        getattr(iam, f"list_{listing}")()
    iam.list_groups_for_user(UserName="ann")
    iam.list_access_keys(UserName="ann")
    iam.update_user(UserName="ann", NewPath="/")
    iam.update_group(GroupName="team", NewPath="/")
    iam.update_role(RoleName="reader", Description="e", MaxSessionDuration=7200)
    iam.update_role_description(RoleName="reader", Description="f")
    iam.update_assume_role_policy(RoleName="reader", PolicyDocument=TRUST)


def without_principals(iam):
    arn = f"arn:aws:iam::{ACCOUNT}:policy/boundary"
    for kind, name in [("user", "ann"), ("role", "reader")]:
        getattr(iam, f"delete_{kind}_permissions_boundary")(**{f"{kind.title()}Name": name})
    for kind, name in [("user", "ann"), ("group", "team"), ("role", "reader")]:
        named = {f"{kind.title()}Name": name}
        getattr(iam, f"delete_{kind}_policy")(**named, PolicyName="inline")
        getattr(iam, f"detach_{kind}_policy")(**named, PolicyArn=arn)
    iam.remove_user_from_group(GroupName="team", UserName="ann")
    for key in iam.list_access_keys(UserName="ann")["AccessKeyMetadata"]:
        iam.delete_access_key(UserName="ann", AccessKeyId=key["AccessKeyId"])
    iam.delete_user(UserName="ann")
    iam.delete_group(GroupName="team")
    iam.delete_role(RoleName="reader")
    iam.delete_policy(PolicyArn=arn)


def profiles(iam):
    """Instance profiles, and the roles of services."""
    name = {"InstanceProfileName": "profile"}
    iam.create_instance_profile(**name, Path="/", Tags=TAGS)
    iam.add_role_to_instance_profile(**name, RoleName="reader")
    iam.get_instance_profile(**name)
    iam.list_instance_profiles()
    iam.list_instance_profiles_for_role(RoleName="reader")
    iam.tag_instance_profile(**name, Tags=TAGS)
    iam.list_instance_profile_tags(**name)
    iam.untag_instance_profile(**name, TagKeys=["Team"])
    iam.remove_role_from_instance_profile(**name, RoleName="reader")
    iam.delete_instance_profile(**name)
    role = iam.create_service_linked_role(AWSServiceName="autoscaling.amazonaws.com", CustomSuffix="ours")["Role"]
    task = iam.delete_service_linked_role(RoleName=role["RoleName"])["DeletionTaskId"]
    iam.get_service_linked_role_deletion_status(DeletionTaskId=task)


def passwords(iam):
    iam.update_account_password_policy(MinimumPasswordLength=12, MaxPasswordAge=90, AllowUsersToChangePassword=True)
    iam.get_account_password_policy()
    iam.create_login_profile(UserName="ann", Password=PASSWORD)
    iam.get_login_profile(UserName="ann")
    iam.put_user_policy(UserName="ann", PolicyName="own", PolicyDocument=policy(allow("iam:ChangePassword")))
    iam.delete_user_permissions_boundary(UserName="ann")
    key = iam.create_access_key(UserName="ann")
    iam.as_(Credentials.of(key)).change_password(OldPassword=PASSWORD, NewPassword=PASSWORD + "x")
    iam.put_user_permissions_boundary(UserName="ann", PermissionsBoundary=f"arn:aws:iam::{ACCOUNT}:policy/boundary")
    iam.delete_user_policy(UserName="ann", PolicyName="own")
    iam.update_login_profile(UserName="ann", PasswordResetRequired=True)
    iam.delete_login_profile(UserName="ann")
    iam.delete_account_password_policy()
    service = {"UserName": "ann", "ServiceName": "codecommit.amazonaws.com"}
    made = iam.create_service_specific_credential(**service)["ServiceSpecificCredential"]
    one = {"UserName": "ann", "ServiceSpecificCredentialId": made["ServiceSpecificCredentialId"]}
    iam.list_service_specific_credentials(**service)
    iam.update_service_specific_credential(**one, Status="Inactive")
    iam.reset_service_specific_credential(**one)
    iam.delete_service_specific_credential(**one)


def certificates(iam):
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    body = certificate("site.example.com", key)
    ssh = iam.upload_ssh_public_key(UserName="ann", SSHPublicKeyBody=ssh_public_key(key))["SSHPublicKey"]
    one = {"UserName": "ann", "SSHPublicKeyId": ssh["SSHPublicKeyId"]}
    iam.get_ssh_public_key(**one, Encoding="PEM")
    iam.list_ssh_public_keys(UserName="ann")
    iam.update_ssh_public_key(**one, Status="Inactive")
    iam.delete_ssh_public_key(**one)
    signing = iam.upload_signing_certificate(UserName="ann", CertificateBody=body)["Certificate"]
    one = {"UserName": "ann", "CertificateId": signing["CertificateId"]}
    iam.list_signing_certificates(UserName="ann")
    iam.update_signing_certificate(**one, Status="Inactive")
    iam.delete_signing_certificate(**one)
    site = {"ServerCertificateName": "site"}
    iam.upload_server_certificate(**site, CertificateBody=body, PrivateKey=private_pem(key), Tags=TAGS)
    iam.get_server_certificate(**site)
    iam.list_server_certificates()
    iam.tag_server_certificate(**site, Tags=TAGS)
    iam.list_server_certificate_tags(**site)
    iam.untag_server_certificate(**site, TagKeys=["Team"])
    iam.update_server_certificate(**site, NewPath="/cloudfront/")
    iam.delete_server_certificate(**site)


def providers(iam):
    url = "https://token.example.com"
    made = iam.create_open_id_connect_provider(Url=url, ClientIDList=["a"], ThumbprintList=["a" * 40], Tags=TAGS)
    one = {"OpenIDConnectProviderArn": made["OpenIDConnectProviderArn"]}
    iam.get_open_id_connect_provider(**one)
    iam.list_open_id_connect_providers()
    iam.add_client_id_to_open_id_connect_provider(**one, ClientID="b")
    iam.remove_client_id_from_open_id_connect_provider(**one, ClientID="b")
    iam.update_open_id_connect_provider_thumbprint(**one, ThumbprintList=["b" * 40])
    iam.tag_open_id_connect_provider(**one, Tags=TAGS)
    iam.list_open_id_connect_provider_tags(**one)
    iam.untag_open_id_connect_provider(**one, TagKeys=["Team"])
    iam.delete_open_id_connect_provider(**one)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    metadata = saml_metadata(certificate("directory", key))
    made = iam.create_saml_provider(
        Name="directory",
        SAMLMetadataDocument=metadata,
        Tags=TAGS,
        AssertionEncryptionMode="Allowed",
        AddPrivateKey=private_pem(key),
    )
    one = {"SAMLProviderArn": made["SAMLProviderArn"]}
    iam.get_saml_provider(**one)
    iam.list_saml_providers()
    iam.update_saml_provider(**one, SAMLMetadataDocument=metadata)
    iam.tag_saml_provider(**one, Tags=TAGS)
    iam.list_saml_provider_tags(**one)
    iam.untag_saml_provider(**one, TagKeys=["Team"])
    iam.delete_saml_provider(**one)


def devices(iam):
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Tags=TAGS)["VirtualMFADevice"]
    one = {"SerialNumber": made["SerialNumber"]}
    totp = pyotp.TOTP(made["Base32StringSeed"].decode())
    now = datetime.datetime.now(datetime.timezone.utc)

    def codes(*steps):
        at = [totp.at(now + datetime.timedelta(seconds=30 * step)) for step in steps]
        return {"AuthenticationCode1": at[0], "AuthenticationCode2": at[1]}

    iam.enable_mfa_device(UserName="ann", **one, **codes(-1, 0))
    iam.resync_mfa_device(UserName="ann", **one, **codes(1, 2))
    iam.get_mfa_device(UserName="ann", **one)
    iam.list_mfa_devices(UserName="ann")
    iam.list_virtual_mfa_devices()
    iam.tag_mfa_device(**one, Tags=TAGS)
    iam.list_mfa_device_tags(**one)
    iam.untag_mfa_device(**one, TagKeys=["Team"])
    iam.deactivate_mfa_device(UserName="ann", **one)
    iam.delete_virtual_mfa_device(**one)


def account(iam):
    iam.create_account_alias(AccountAlias="locum-answers")
    iam.list_account_aliases()
    iam.delete_account_alias(AccountAlias="locum-answers")
    iam.get_account_summary()
    iam.get_account_authorization_details()
    iam.put_account_properties(Properties={"RoleManager/Enabled": "true"})
    iam.get_account_properties()
    iam.set_security_token_service_preferences(GlobalEndpointTokenVersion="v2Token")
    wait_for(lambda: iam.generate_credential_report()["State"] == "COMPLETE", "the credential report")
    iam.get_credential_report()
    job = iam.generate_service_last_accessed_details(Arn=f"arn:aws:iam::{ACCOUNT}:user/ann", Granularity="ACTION_LEVEL")
    done = lambda: iam.get_service_last_accessed_details(JobId=job["JobId"])["JobStatus"] == "COMPLETED"
    wait_for(done, "the service last accessed details")
    iam.get_service_last_accessed_details_with_entities(JobId=job["JobId"], ServiceNamespace="s3")
    iam.simulate_custom_policy(PolicyInputList=[DOCUMENT], ActionNames=["s3:GetObject"])
    source = f"arn:aws:iam::{ACCOUNT}:user/ann"
    iam.simulate_principal_policy(PolicySourceArn=source, ActionNames=["s3:GetObject"])
    iam.get_context_keys_for_custom_policy(PolicyInputList=[DOCUMENT])
    iam.get_context_keys_for_principal_policy(PolicySourceArn=source)


def organization(iam, locum):
    organizations = locum.client("organizations")
    organizations.enable_aws_service_access(ServicePrincipal="iam.amazonaws.com")
    found = organizations.describe_organization()["Organization"]["Id"]
    root = organizations.list_roots()["Roots"][0]["Id"]
    iam.enable_organizations_root_credentials_management()
    iam.enable_organizations_root_sessions()
    iam.list_organizations_features()
    iam.disable_organizations_root_sessions()
    iam.disable_organizations_root_credentials_management()
    organizations.enable_policy_type(RootId=root, PolicyType="SERVICE_CONTROL_POLICY")
    job = iam.generate_organizations_access_report(EntityPath=f"{found}/{root}")["JobId"]
    done = lambda: iam.get_organizations_access_report(JobId=job)["JobStatus"] == "COMPLETED"
    wait_for(done, "the organization's access report")
    iam.enable_outbound_web_identity_federation()
    iam.get_outbound_web_identity_federation_info()
    iam.disable_outbound_web_identity_federation()


def delegation(iam, locum):
    member, setup = locum.account("partner")
    partner = iam.as_(locum.user("partner", allow("*"), credentials=setup))
    owner = iam.as_(locum.user("owner", allow("*")))
    template = partner.create_policy(PolicyName="template", PolicyDocument=DOCUMENT)["Policy"]["Arn"]

    def ask(number):
        made = partner.create_delegation_request(
            OwnerAccountId=ACCOUNT,
            Description="reads",
            Permissions={"PolicyTemplateArn": template, "Parameters": []},
            RequestorWorkflowId=f"workflow-{number}",
            NotificationChannel=f"arn:aws:sns:us-east-1:{member}:delegations",
            SessionDuration=3600,
        )
        one = {"DelegationRequestId": made["DelegationRequestId"]}
        owner.associate_delegation_request(**one)
        return one

    first, second = ask(1), ask(2)
    owner.get_delegation_request(**first, DelegationPermissionCheck=True)
    owner.list_delegation_requests()
    owner.update_delegation_request(**first, Notes="later")
    owner.get_human_readable_summary(EntityArn=f"arn:aws:iam::{ACCOUNT}:delegation-request/{first['DelegationRequestId']}")
    owner.accept_delegation_request(**first)
    owner.send_delegation_token(**first)
    owner.reject_delegation_request(**second, Notes="no")


def templates(iam, locum):
    template = "arn:aws:iam::aws:role-template/reader"
    version = {
        "TemplateArn": template,
        "TemplateName": "reader",
        "MajorVersion": 1,
        "DefaultMinorVersion": 1,
        "ManagedByType": "Service",
        "ManagedByValue": "lake.amazonaws.com",
        "Enabled": True,
        "MinorVersion": 1,
        "RoleNamePattern": "LakeReader",
        "RolePathPattern": "/lake/",
        "AssumeRolePolicyDocumentTemplate": json.loads(TRUST),
        "VersionEnabled": True,
    }
    server = locum.server
    subprocess.run(
        [str(BINARY), "role-template", "import", "-", "--data", str(server.folder / "data")],
        cwd=server.folder,
        env=base_environment(server.folder),
        input=json.dumps({"RoleTemplateVersion": version}),
        text=True,
        check=True,
        timeout=60,
    )

    def there():
        with contextlib.suppress(iam.exceptions.NoSuchEntityException):
            return iam.get_role_template_version(TemplateArn=template)

    wait_for(there, "the server to follow")
    iam.acquire_role(TemplateArn=template)


@pytest.fixture
def locum(tmp_path, monkeypatch):
    """A server whose operator can be asked, since role templates are the operator's."""
    clock = Clock()
    clock.install(monkeypatch)
    options = ["--data", str(tmp_path / "data"), "--account-id", ACCOUNT, "--public-url", "https://locum.example"]
    with Server(tmp_path, *options, ephemeral=False) as server:
        yield Locum(server, clock)


def test_every_operation_succeeds_and_answers_what_its_model_knows(locum):
    """Each answer is compared with the model before botocore reads it: see `harness.check_answer`."""
    iam = Told(locum)
    principals(iam)
    profiles(iam)
    passwords(iam)
    certificates(iam)
    providers(iam)
    devices(iam)
    account(iam)
    organization(iam, locum)
    delegation(iam, locum)
    templates(iam, locum)
    without_principals(iam)
    assert set(MODEL.operation_names) - iam.succeeded == set()


ROLE = (
    "<Role><Path>/</Path><RoleName>r</RoleName><RoleId>AROA</RoleId><Arn>a</Arn>"
    "<CreateDate>2026-01-01T00:00:00Z</CreateDate>{}</Role>"
)


@pytest.mark.parametrize(
    ("inside", "found"),
    [
        ("", []),
        ("<Colour>red</Colour>", ["GetRoleResult.Role.Colour is not in the model"]),
        ("<Path>/</Path>", ["GetRoleResult.Role.Path is twice there"]),
        ("<MaxSessionDuration>long</MaxSessionDuration>", ["GetRoleResult.Role.MaxSessionDuration is no number: 'long'"]),
        ("<Tags><Tag/></Tags>", ["GetRoleResult.Role.Tags has the element Tag"]),
        ("<Tags><member><Key>k</Key></member></Tags>", ["GetRoleResult.Role.Tags[].Value is missing"]),
        ("<RoleLastUsed><LastUsedDate>soon</LastUsedDate></RoleLastUsed>", ["GetRoleResult.Role.RoleLastUsed.LastUsedDate is no time: 'soon'"]),
    ],
)
def test_a_loss_is_noticed(inside, found):
    body = f'<GetRoleResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><GetRoleResult>{ROLE.format(inside)}</GetRoleResult></GetRoleResponse>'
    assert losses(MODEL.operation_model("GetRole"), body) == found
