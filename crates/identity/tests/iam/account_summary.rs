//! GetAccountSummary.

use crate::common::{ACCOUNT, World, n, ready};
use locum_identity::entity::{
    AccountSettings, KeyOwner, KeyStatus, LoginProfile, OpenIdConnectProvider, SigningCertificate,
};
use locum_identity::iam::account_summary::GetAccountSummary;
use locum_identity::iam::attachments::{AttachRolePolicy, AttachUserPolicy};
use locum_identity::iam::groups::CreateGroup;
use locum_identity::iam::mfa_devices::CreateVirtualMfaDevice;
use locum_identity::iam::users::PutUserPermissionsBoundary;
use std::collections::BTreeMap;

const READ_ONLY: &str = "arn:aws:iam::aws:policy/ReadOnlyAccess";

fn summary(world: &World) -> BTreeMap<&'static str, usize> {
    let summary = world.root(GetAccountSummary).unwrap().0;
    let count = summary.len();
    let map: BTreeMap<_, _> = summary.into_iter().collect();
    assert_eq!(map.len(), count, "no key stands there twice");
    map
}

/// What of the summary `change` changes.
fn changed(world: &World, change: impl FnOnce()) -> Vec<(&'static str, usize)> {
    let before = summary(world);
    change();
    let after = summary(world);
    after
        .into_iter()
        .filter(|(key, number)| before[key] != *number)
        .collect()
}

#[test]
fn an_account_with_nothing_in_it() {
    let world = World::new();
    let expected = [
        ("AccessKeysPerUserQuota", 2),
        ("AccountAccessKeysPresent", 1),
        ("AccountMFAEnabled", 0),
        ("AccountPasswordPresent", 0),
        ("AccountSigningCertificatesPresent", 0),
        ("AssumeRolePolicySizeQuota", 2048),
        ("AttachedPoliciesPerGroupQuota", 10),
        ("AttachedPoliciesPerRoleQuota", 10),
        ("AttachedPoliciesPerUserQuota", 10),
        ("GlobalEndpointTokenVersion", 1),
        ("GroupPolicySizeQuota", 5120),
        ("Groups", 0),
        ("GroupsPerUserQuota", 10),
        ("GroupsQuota", 300),
        ("InstanceProfiles", 0),
        ("InstanceProfilesQuota", 1000),
        ("MFADevices", 0),
        ("MFADevicesInUse", 0),
        ("Policies", 0),
        ("PoliciesQuota", 1500),
        ("PolicySizeQuota", 6144),
        ("PolicyVersionsInUse", 0),
        ("PolicyVersionsInUseQuota", 10_000),
        ("Providers", 0),
        ("RolePolicySizeQuota", 10_240),
        ("Roles", 0),
        ("RolesQuota", 1000),
        ("ServerCertificates", 0),
        ("ServerCertificatesQuota", 20),
        ("SigningCertificatesPerUserQuota", 2),
        ("UserPolicySizeQuota", 2048),
        ("Users", 0),
        ("UsersQuota", 5000),
        ("VersionsPerPolicyQuota", 5),
    ];
    assert_eq!(summary(&world), BTreeMap::from(expected));
}

#[test]
fn entities_are_counted() {
    let world = World::new();
    let group = CreateGroup {
        group_name: n("g"),
        path: None,
    };
    assert_eq!(changed(&world, || world.user("ann")), [("Users", 1)]);
    let made = changed(&world, || drop(world.root(group).unwrap()));
    assert_eq!(made, [("Groups", 1)]);
    let made = changed(&world, || drop(world.role("r")));
    assert_eq!(made, [("Roles", 1)]);
    let made = changed(&world, || drop(world.policy("p")));
    assert_eq!(made, [("Policies", 1)]);
    let device = CreateVirtualMfaDevice {
        name: n("d"),
        path: None,
        tags: Vec::new(),
    };
    let made = changed(&world, || drop(world.root(device).unwrap()));
    assert_eq!(made, [("MFADevices", 1)]);
    let provider = OpenIdConnectProvider {
        url: "login.example.com".to_owned(),
        client_ids: Vec::new(),
        thumbprints: Vec::new(),
        created: 0,
        tags: Vec::new(),
    };
    assert_eq!(changed(&world, || world.put(provider)), [("Providers", 1)]);
}

#[test]
fn a_policy_is_in_use_once_however_often() {
    let world = World::new();
    world.user("ann");
    world.role("r");
    let own = world.policy("p").arn;
    let in_use = |number| [("PolicyVersionsInUse", number)];
    let attach = |arn: &str| AttachUserPolicy {
        user_name: n("ann"),
        policy_arn: n(arn),
    };
    let used = changed(&world, || world.root(attach(&own)).unwrap());
    assert_eq!(used, in_use(1));
    let again = AttachRolePolicy {
        role_name: n("r"),
        policy_arn: n(&own),
    };
    assert_eq!(changed(&world, || world.root(again).unwrap()), []);
    let bound = PutUserPermissionsBoundary {
        principal: n("ann"),
        permissions_boundary: n(READ_ONLY),
    };
    let used = changed(&world, || world.root(bound).unwrap());
    assert_eq!(used, in_use(2));
}

#[test]
fn what_the_root_user_has_is_told() {
    let world = World::new();
    let profile = |owner, password: &str| LoginProfile {
        owner,
        created: 0,
        password: serde_json::from_str(password).unwrap(),
        changed: 0,
        reset_required: false,
        previous: Vec::new(),
    };
    let certificate = |id: &str, owner| SigningCertificate {
        id: id.to_owned(),
        owner,
        body: String::new(),
        fingerprint: String::new(),
        status: KeyStatus::Active,
        uploaded: 0,
    };
    world.user_with_key("ann");
    let ann = || {
        let account = ready(world.realm.account(n(ACCOUNT))).unwrap().unwrap();
        KeyOwner::User(account.users.named("ann").unwrap().user.id.clone())
    };
    let of_ann = changed(&world, || {
        world.put(profile(ann(), "\"hash\""));
        world.put(certificate("A", ann()));
    });
    assert_eq!(of_ann, []);
    let of_root = changed(&world, || {
        world.put(profile(KeyOwner::Root, "\"hash\""));
        world.put(certificate("B", KeyOwner::Root));
    });
    let expected = [
        ("AccountPasswordPresent", 1),
        ("AccountSigningCertificatesPresent", 1),
    ];
    assert_eq!(of_root, expected);
    // Recovery was begun, and no password set yet.
    let recovering = changed(&world, || world.put(profile(KeyOwner::Root, "null")));
    assert_eq!(recovering, [("AccountPasswordPresent", 0)]);
}

#[test]
fn quotas_are_the_accounts() {
    let world = World::new();
    let set = AccountSettings {
        quotas: BTreeMap::from([("UsersPerAccount".to_owned(), 7)]),
        global_endpoint_token_version: Some(2),
        ..AccountSettings::default()
    };
    let set = changed(&world, || world.put(set));
    assert_eq!(set, [("GlobalEndpointTokenVersion", 2), ("UsersQuota", 7)]);
}
