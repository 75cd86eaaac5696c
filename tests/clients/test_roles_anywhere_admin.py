"""IAM Roles Anywhere administered with boto3: trust anchors, profiles, aliases, tags, pages, regions."""

import json
import pathlib

import pytest
from anywhere import Party
from harness import ACCOUNT, REGION, allow, not_authorized, refused
from test_roles_anywhere import UNTRUSTED, World, credentials, error, trust


@pytest.fixture
def world(locum, tmp_path):
    return World(locum, tmp_path)


def made(folder):
    folder.mkdir()
    return folder


def bundle(*parties):
    return {
        "sourceType": "CERTIFICATE_BUNDLE",
        "sourceData": {"x509CertificateData": "".join(party.pem for party in parties)},
    }


def test_a_trust_anchor_is_shown_as_it_was_made(world):
    made = world.anchor
    anchor = world.admin.get_trust_anchor(trustAnchorId=made["trustAnchorId"])["trustAnchor"]
    assert anchor == made
    assert made["trustAnchorArn"] == f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:trust-anchor/{made['trustAnchorId']}"
    assert (made["name"], made["enabled"], made["source"]) == ("anchor", True, bundle(world.root))
    assert made["createdAt"] == made["updatedAt"]
    assert [(one["event"], one["enabled"], one["threshold"], one["configuredBy"]) for one in made["notificationSettings"]] == [
        ("CA_CERTIFICATE_EXPIRY", True, 45, "rolesanywhere.amazonaws.com"),
        ("END_ENTITY_CERTIFICATE_EXPIRY", True, 45, "rolesanywhere.amazonaws.com"),
    ]
    plain = world.admin.create_trust_anchor(name="plain", source=bundle(world.root))["trustAnchor"]
    assert not plain["enabled"]
    deleted = world.admin.delete_trust_anchor(trustAnchorId=plain["trustAnchorArn"])["trustAnchor"]
    assert deleted["trustAnchorId"] == plain["trustAnchorId"]
    refused(
        lambda: world.admin.get_trust_anchor(trustAnchorId=plain["trustAnchorId"]),
        "ResourceNotFoundException",
        f"Trust anchor {plain['trustAnchorId']} not found",
        404,
    )


def test_only_authorities_are_trusted(world):
    leaf = world.workload()
    broken = {"sourceType": "CERTIFICATE_BUNDLE", "sourceData": {"x509CertificateData": "x"}}
    pca = {"sourceType": "AWS_ACM_PCA", "sourceData": {"acmPcaArn": "arn:aws:acm-pca:us-east-1:1:certificate-authority/a"}}
    for source, message in (
        (bundle(leaf), "Incorrect basic constraints for CA certificate"),
        (bundle(world.root, leaf), "Incorrect basic constraints for CA certificate"),
        (
            broken,
            "Invalid x509CertificateData: Unable to parse certificate. Please ensure the certificate is in PEM format.",
        ),
        (bundle(*[world.root] * 11), "A trust anchor can have at most 10 certificates."),
        (pca, "There is no AWS Private CA here: sourceType must be CERTIFICATE_BUNDLE."),
        ({"sourceType": "SELF_SIGNED_REPOSITORY"}, "sourceType must be CERTIFICATE_BUNDLE."),
    ):
        call = lambda: world.admin.create_trust_anchor(name="a", source=source)
        refused(call, "ValidationException", message, 400)


def test_an_anchor_may_get_other_authorities(world, tmp_path):
    other = Party(tmp_path, "other")
    leaf, of_other = world.workload(), world.workload("of-other", other)
    assert error(world.ask(of_other)) == UNTRUSTED
    world.admin.update_trust_anchor(trustAnchorId=world.anchor_arn, source=bundle(world.root, other))
    assert world.session(leaf) and world.session(of_other)
    world.admin.update_trust_anchor(trustAnchorId=world.anchor_arn, source=bundle(other))
    assert error(world.ask(leaf)) == UNTRUSTED


def test_notification_settings(world):
    name = {"trustAnchorId": world.anchor["trustAnchorId"]}
    setting = {"event": "CA_CERTIFICATE_EXPIRY", "enabled": True, "threshold": 7}
    shown = lambda answer: [
        (one["event"], one["enabled"], one.get("threshold"), one["configuredBy"])
        for one in answer["trustAnchor"]["notificationSettings"]
    ]
    other = ("END_ENTITY_CERTIFICATE_EXPIRY", True, 45, "rolesanywhere.amazonaws.com")
    put = world.admin.put_notification_settings(**name, notificationSettings=[setting])
    assert shown(put) == [("CA_CERTIFICATE_EXPIRY", True, 7, ACCOUNT), other]
    off = world.admin.put_notification_settings(**name, notificationSettings=[{"event": "CA_CERTIFICATE_EXPIRY", "enabled": False}])
    assert shown(off) == [("CA_CERTIFICATE_EXPIRY", False, None, ACCOUNT), other]
    keys = [{"event": "CA_CERTIFICATE_EXPIRY"}]
    reset = world.admin.reset_notification_settings(**name, notificationSettingKeys=keys)
    assert shown(reset) == [("CA_CERTIFICATE_EXPIRY", True, 45, "rolesanywhere.amazonaws.com"), other]
    refused(
        lambda: world.admin.put_notification_settings(**name, notificationSettings=[setting | {"threshold": None}]),
        "ValidationException",
        "A notification setting that is enabled must have a threshold.",
        400,
    )


def test_aliases(world):
    alias = lambda kind, name: f"arn:aws:rolesanywhere:{REGION}:{ACCOUNT}:alias/{kind}/{name}"
    update = lambda **options: world.admin.update_profile(profileId=world.profile_arn, **options)["profile"]
    named = update(aliasName="one/two")
    assert (named["aliasName"], named["aliasArn"]) == ("one/two", alias("profile", "one/two"))
    assert "previousAliasName" not in named
    found = world.admin.get_profile(profileId=alias("profile", "one/two"))["profile"]
    assert found["profileId"] == world.profile["profileId"]
    assert update(aliasName="three")["previousAliasName"] == "one/two"
    assert "previousAliasName" not in update(aliasName="three")
    make = lambda name: world.admin.create_profile(name="other", roleArns=[], aliasName=name)
    refused(lambda: make("three"), "ValidationException", "The alias three is another resource's already", 400)
    refused(lambda: make("AWS/x"), "ValidationException", "The alias AWS/x is reserved", 400)
    # Of another kind it is another one.
    world.admin.update_trust_anchor(trustAnchorId=world.anchor_arn, aliasName="three")
    gone = update(aliasName="")
    assert (gone["previousAliasName"], "aliasName" in gone) == ("three", False)
    name = alias("profile", "three")
    call = lambda: world.admin.get_profile(profileId=name)
    refused(call, "ResourceNotFoundException", f"Profile {name} not found", 404)
    # Policies name resources by their ids.
    watcher = world.locum.user("watcher", allow("rolesanywhere:GetTrustAnchor", alias("trust-anchor", "three")))
    name = alias("trust-anchor", "three")
    refused(
        lambda: world.locum.client("rolesanywhere", watcher).get_trust_anchor(trustAnchorId=name),
        "AccessDeniedException",
        not_authorized(
            f"arn:aws:iam::{ACCOUNT}:user/watcher",
            "rolesanywhere:GetTrustAnchor",
            world.anchor_arn,
            "because no identity-based policy allows the rolesanywhere:GetTrustAnchor action",
        ),
    )


def test_tags_and_what_they_decide(world):
    world.admin.tag_resource(resourceArn=world.profile_arn, tags=[{"key": "team", "value": "red"}, {"key": "x", "value": ""}])
    world.admin.untag_resource(resourceArn=world.profile_arn, tagKeys=["x", "y"])
    tags = world.admin.list_tags_for_resource(resourceArn=world.profile_arn)["tags"]
    assert tags == [{"key": "team", "value": "red"}]
    many = [{"key": f"k{n}", "value": ""} for n in range(50)]
    refused(
        lambda: world.admin.tag_resource(resourceArn=world.profile_arn, tags=many),
        "TooManyTagsException",
        "A resource can have at most 50 tags.",
        400,
    )
    gone = world.profile_arn[:-1] + "x"
    call = lambda: world.admin.list_tags_for_resource(resourceArn=gone)
    refused(call, "ResourceNotFoundException", f"Resource {gone} not found", 404)
    red = allow("rolesanywhere:*", Condition={"StringEquals": {"aws:ResourceTag/team": "red"}})
    user = world.locum.client("rolesanywhere", world.locum.user("red", red))
    assert user.get_profile(profileId=world.profile["profileId"])["profile"]["name"] == "profile"
    with pytest.raises(user.exceptions.AccessDeniedException):
        user.get_trust_anchor(trustAnchorId=world.anchor_arn)
    # Tags of what is made are decided apart.
    maker = world.locum.user("maker", allow("rolesanywhere:CreateTrustAnchor"))
    maker = world.locum.client("rolesanywhere", maker)
    assert maker.create_trust_anchor(name="a", source=bundle(world.root))
    with pytest.raises(maker.exceptions.AccessDeniedException) as caught:
        maker.create_trust_anchor(name="a", source=bundle(world.root), tags=[{"key": "k", "value": "v"}])
    assert "rolesanywhere:TagResource" in str(caught.value)


def test_pages(world):
    for number in range(4):
        world.admin.create_profile(name=f"p{number}", roleArns=[])
    whole = [one["profileId"] for one in world.admin.list_profiles()["profiles"]]
    assert len(whole) == 5 and whole == sorted(whole)
    pages = world.admin.get_paginator("list_profiles").paginate(pageSize=2)
    listed = [one["profileId"] for page in pages for one in page["profiles"]]
    assert sorted(listed) == whole
    token = world.admin.list_profiles(pageSize=2)["nextToken"]
    found = world.admin.list_profiles(pageSize=2, nextToken=token)["profiles"]
    assert [one["profileId"] for one in found] == whole[2:4]
    for call in (world.admin.list_crls, world.admin.list_trust_anchors, world.admin.list_subjects):
        refused(lambda: call(nextToken=token), "ValidationException", "Invalid nextToken", 400)


def test_regions_are_apart(world):
    elsewhere = world.locum.client("rolesanywhere", region="eu-west-1")
    assert elsewhere.list_trust_anchors()["trustAnchors"] == elsewhere.list_profiles()["profiles"] == []
    for name in (world.anchor["trustAnchorId"], world.anchor_arn):
        call = lambda: elsewhere.get_trust_anchor(trustAnchorId=name)
        refused(call, "ResourceNotFoundException", f"Trust anchor {name} not found", 404)
    made = elsewhere.create_trust_anchor(name="there", enabled=True, source=bundle(world.root))["trustAnchor"]
    assert made["trustAnchorArn"].startswith(f"arn:aws:rolesanywhere:eu-west-1:{ACCOUNT}:trust-anchor/")
    profile = elsewhere.create_profile(name="there", enabled=True, roleArns=[world.role])["profile"]["profileArn"]
    leaf = world.workload()
    there = {"anchor": made["trustAnchorArn"], "profile": profile}
    assert world.ask(leaf, region="eu-west-1", **there).status == 201
    assert world.ask(leaf, **there).status == 403


def test_only_roles_that_one_may_pass_are_put_in_profiles(world):
    condition = {"StringEquals": {"iam:PassedToService": "rolesanywhere.amazonaws.com"}}
    statements = (allow("rolesanywhere:*"), allow("iam:PassRole", world.role, Condition=condition))
    user = world.locum.client("rolesanywhere", world.locum.user("u", *statements))
    other = world.locum.role("other", trust())
    made = user.create_profile(name="mine", roleArns=[world.role])["profile"]
    for call in (
        lambda: user.create_profile(name="p", roleArns=[world.role, other]),
        lambda: user.update_profile(profileId=made["profileId"], roleArns=[other]),
    ):
        refused(
            call,
            "AccessDeniedException",
            not_authorized(
                f"arn:aws:iam::{ACCOUNT}:user/u",
                "iam:PassRole",
                other,
                "because no identity-based policy allows the iam:PassRole action",
            ),
        )
    assert user.update_profile(profileId=made["profileId"], name="ours")["profile"]["name"] == "ours"


def test_what_was_written_is_there_after_a_restart(durable, tmp_path):
    world = World(durable, made(tmp_path / "authorities"))
    leaf = world.workload()
    old = credentials(world.session(leaf))
    world.admin.import_crl(name="l", enabled=True, trustAnchorArn=world.anchor_arn, crlData=world.root.revocation_list())
    durable.server.terminate()
    durable.server.start()
    world.admin = durable.client("rolesanywhere")
    assert world.session(leaf)
    assert durable.client("sts", old).get_caller_identity()
    assert len(world.admin.list_crls()["crls"]) == len(world.admin.list_subjects()["subjects"]) == 1


def test_the_record_tells_why_and_no_secrets(durable, tmp_path):
    world = World(durable, made(tmp_path / "authorities"))
    leaf = world.workload("leaf", subject="/O=Example/CN=leaf")
    session = world.session(leaf)
    late = world.workload("late", days=(-10, -1))
    assert error(world.ask(late)) == UNTRUSTED
    durable.server.terminate()
    files = [file for file in pathlib.Path(tmp_path / "data").rglob("*") if file.is_file() and "audit" in str(file)]
    text = "".join(file.read_text() for file in files)
    records = [json.loads(line) for line in text.splitlines() if line.strip()]
    made_sessions = [one for one in records if one.get("eventName") == "CreateSession"]
    assert [one.get("errorCode") for one in made_sessions] == [None, "AccessDeniedException"]
    assert session["credentials"]["secretAccessKey"] not in text
    assert session["credentials"]["sessionToken"] not in text
    assert "CN=leaf,O=Example" in json.dumps(made_sessions[0])
    assert "the certificate was valid until" in json.dumps(made_sessions[1])
