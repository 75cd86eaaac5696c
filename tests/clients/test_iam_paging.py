"""Lists that are read page by page while others come and go."""

import botocore
import pytest
from certificates import certificate, private_pem
from cryptography.hazmat.primitives.asymmetric import rsa
from harness import ACCOUNT, allow, policy, trusting

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
CERTIFICATE, PRIVATE_KEY = certificate("site.example.com", KEY), private_pem(KEY)
DOCUMENT = policy(allow("s3:GetObject"))
TRUST = policy(trusting({"Service": "ec2.amazonaws.com"}))
ACCOUNT_POLICY = f"arn:aws:iam::{ACCOUNT}:policy/{{}}"
# What stays, in an order in which nobody sorts; letter case does not decide where a name stands.
STAYING = ["M-stays", "b-stays", "Z-stays", "a-stays", "k-stays"]
LISTS = [
    "GetAccountAuthorizationDetails",
    "GetGroup",
    "ListAttachedGroupPolicies",
    "ListAttachedRolePolicies",
    "ListAttachedUserPolicies",
    "ListEntitiesForPolicy",
    "ListGroupPolicies",
    "ListGroups",
    "ListGroupsForUser",
    "ListInstanceProfileTags",
    "ListInstanceProfiles",
    "ListOpenIDConnectProviderTags",
    "ListPolicies",
    "ListPolicyTags",
    "ListRolePolicies",
    "ListRoleTags",
    "ListRoles",
    "ListServerCertificates",
    "ListUserPolicies",
    "ListUserTags",
    "ListUsers",
    "ListVirtualMFADevices",
]


class Lists:
    """For each list: what one sees of it, and how to put something there and take it away."""

    def __init__(self, iam):
        self.iam = iam
        iam.create_user(UserName="holder")
        iam.create_group(GroupName="holder")
        iam.create_role(RoleName="holder", AssumeRolePolicyDocument=TRUST)
        iam.create_policy(PolicyName="holder", PolicyDocument=DOCUMENT)
        self.used = ACCOUNT_POLICY.format("holder")

    def user(self, name):
        self.iam.create_user(UserName=name)

    def no_user(self, name):
        self.iam.delete_user(UserName=name)

    def managed(self, name):
        self.iam.create_policy(PolicyName=name, PolicyDocument=DOCUMENT)

    def no_managed(self, name):
        self.iam.delete_policy(PolicyArn=ACCOUNT_POLICY.format(name))

    def attach(self, kind):
        def put(name):
            self.managed(name)
            getattr(self.iam, f"attach_{kind}_policy")(
                **{f"{kind.title()}Name": "holder", "PolicyArn": ACCOUNT_POLICY.format(name)}
            )

        def take(name):
            getattr(self.iam, f"detach_{kind}_policy")(
                **{f"{kind.title()}Name": "holder", "PolicyArn": ACCOUNT_POLICY.format(name)}
            )
            self.no_managed(name)

        return put, take

    def of(self, operation):
        """(parameters, what an item is called, put, take) of a list."""
        iam = self.iam
        held = {kind: {f"{kind}Name": "holder"} for kind in ("User", "Group", "Role")}

        def inline(kind):
            return (
                held[kind],
                lambda answer: answer["PolicyNames"],
                lambda name: getattr(iam, f"put_{kind.lower()}_policy")(
                    **held[kind], PolicyName=name, PolicyDocument=DOCUMENT
                ),
                lambda name: getattr(iam, f"delete_{kind.lower()}_policy")(**held[kind], PolicyName=name),
            )

        def attached(kind):
            return (
                held[kind],
                lambda answer: [one["PolicyName"] for one in answer["AttachedPolicies"]],
                *self.attach(kind.lower()),
            )

        def tags(kind, **holder):
            return (
                holder,
                lambda answer: [one["Key"] for one in answer["Tags"]],
                lambda name: getattr(iam, f"tag_{kind}")(**holder, Tags=[{"Key": name, "Value": ""}]),
                lambda name: getattr(iam, f"untag_{kind}")(**holder, TagKeys=[name]),
            )

        def join(name):
            self.user(name)
            iam.add_user_to_group(GroupName="holder", UserName=name)

        def leave(name):
            iam.remove_user_from_group(GroupName="holder", UserName=name)
            self.no_user(name)

        def member_of(name):
            iam.create_group(GroupName=name)
            iam.add_user_to_group(GroupName=name, UserName="holder")

        def no_member_of(name):
            iam.remove_user_from_group(GroupName=name, UserName="holder")
            iam.delete_group(GroupName=name)

        def uses(name):
            self.user(name)
            iam.attach_user_policy(UserName=name, PolicyArn=self.used)

        def uses_no_more(name):
            iam.detach_user_policy(UserName=name, PolicyArn=self.used)
            self.no_user(name)

        provider = f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example.com"

        def device(name):
            iam.create_virtual_mfa_device(VirtualMFADeviceName=name)

        def no_device(name):
            iam.delete_virtual_mfa_device(SerialNumber=f"arn:aws:iam::{ACCOUNT}:mfa/{name}")

        return {
            "ListUsers": ({}, names_of("Users", "UserName"), self.user, self.no_user),
            "ListGroups": (
                {},
                names_of("Groups", "GroupName"),
                lambda name: iam.create_group(GroupName=name),
                lambda name: iam.delete_group(GroupName=name),
            ),
            "ListRoles": (
                {},
                names_of("Roles", "RoleName"),
                lambda name: iam.create_role(RoleName=name, AssumeRolePolicyDocument=TRUST),
                lambda name: iam.delete_role(RoleName=name),
            ),
            "ListPolicies": ({"Scope": "Local"}, names_of("Policies", "PolicyName"), self.managed, self.no_managed),
            "ListAttachedUserPolicies": attached("User"),
            "ListAttachedGroupPolicies": attached("Group"),
            "ListAttachedRolePolicies": attached("Role"),
            "ListUserPolicies": inline("User"),
            "ListGroupPolicies": inline("Group"),
            "ListRolePolicies": inline("Role"),
            "ListUserTags": tags("user", UserName="holder"),
            "ListRoleTags": tags("role", RoleName="holder"),
            "ListPolicyTags": tags("policy", PolicyArn=self.used),
            "GetGroup": (held["Group"], names_of("Users", "UserName"), join, leave),
            "ListGroupsForUser": (held["User"], names_of("Groups", "GroupName"), member_of, no_member_of),
            "ListEntitiesForPolicy": (
                {"PolicyArn": self.used},
                names_of("PolicyUsers", "UserName"),
                uses,
                uses_no_more,
            ),
            "ListVirtualMFADevices": (
                {},
                lambda answer: [one["SerialNumber"].split("/")[-1] for one in answer["VirtualMFADevices"]],
                device,
                no_device,
            ),
            "GetAccountAuthorizationDetails": (
                {"Filter": ["User"]},
                names_of("UserDetailList", "UserName"),
                self.user,
                self.no_user,
            ),
            "ListInstanceProfiles": (
                {},
                names_of("InstanceProfiles", "InstanceProfileName"),
                lambda name: iam.create_instance_profile(InstanceProfileName=name),
                lambda name: iam.delete_instance_profile(InstanceProfileName=name),
            ),
            "ListServerCertificates": (
                {},
                names_of("ServerCertificateMetadataList", "ServerCertificateName"),
                lambda name: iam.upload_server_certificate(
                    ServerCertificateName=name, CertificateBody=CERTIFICATE, PrivateKey=PRIVATE_KEY
                ),
                lambda name: iam.delete_server_certificate(ServerCertificateName=name),
            ),
            "ListInstanceProfileTags": (
                *tags("instance_profile", InstanceProfileName="holder"),
                lambda: iam.create_instance_profile(InstanceProfileName="holder"),
            ),
            "ListOpenIDConnectProviderTags": (
                *tags("open_id_connect_provider", OpenIDConnectProviderArn=provider),
                lambda: iam.create_open_id_connect_provider(Url="https://issuer.example.com", ThumbprintList=["a" * 40]),
            ),
        }[operation]


def names_of(items, name):
    return lambda answer: [one[name] for one in answer[items]]


def pages(iam, operation, parameters, between):
    """All pages of one item; `between` is called after each."""
    call, marker = getattr(iam, botocore.xform_name(operation)), {}
    while True:
        answer = call(**parameters, MaxItems=1, **marker)
        yield answer
        if not answer["IsTruncated"]:
            assert "Marker" not in answer
            return
        between()
        marker = {"Marker": answer["Marker"]}


@pytest.mark.parametrize("operation", LISTS)
def test_nothing_that_stays_is_missed_and_nothing_is_told_twice(locum, operation):
    """While something is put before and behind every place, and what was just told is taken away."""
    iam = locum.client("iam")
    parameters, seen_in, put, take, *prepare = Lists(iam).of(operation)
    for step in prepare:
        step()
    for name in STAYING:
        put(name)
    # No more than ten at a time, which is a quota of some.
    going = ["0-goes", "L-goes"]
    for name in going:
        put(name)
    coming = iter([f"{letter}-comes" for letter in "AnZ"])
    told = []

    def between():
        for name in [name for name in going if name in told[-1]]:
            take(name)
            going.remove(name)
        if (new := next(coming, None)) is not None:
            put(new)

    for answer in pages(iam, operation, parameters, between):
        told.append(seen_in(answer))
        assert len(told) < 40
    names = [name for page in told for name in page]
    assert len(names) == len(set(names))
    assert set(STAYING) <= set(names)
    assert all(len(page) <= 1 for page in told)
    # What was taken away while it was still to come is not told.
    again = [name for answer in pages(iam, operation, parameters, lambda: None) for name in seen_in(answer)]
    assert set(STAYING) <= set(again)
    assert "0-goes" not in again


@pytest.mark.parametrize("operation", LISTS)
def test_a_marker_is_good_where_what_it_names_is_gone(locum, operation):
    iam = locum.client("iam")
    parameters, seen_in, put, take, *prepare = Lists(iam).of(operation)
    for step in prepare:
        step()
    for name in ["a-first", "b-second", "c-third"]:
        put(name)
    call = getattr(iam, botocore.xform_name(operation))
    seen, marker = [], {}
    while "a-first" not in seen:
        answer = call(**parameters, MaxItems=1, **marker)
        seen += seen_in(answer)
        marker = {"Marker": answer["Marker"]}
    take("a-first")
    take("b-second")
    rest = seen_in(call(**parameters, **marker))
    assert "c-third" in rest
    assert not {"a-first", "b-second"} & set(rest)
    assert not set(seen) & set(rest)
