//! GetAccountSummary: how much of everything an account has, and may have.

use crate::account::Account;
use crate::caller::Need;
use crate::entity::KeyOwner;
use crate::error::Error;
use crate::iam::policies;
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::{AccountQuota, VERSIONS_PER_POLICY};

/// `PolicyVersionsInUseQuota`: how many managed policies an account may use. Other quotas keep it from
/// ever being reached.
const POLICY_VERSIONS_IN_USE: usize = 10_000;
/// `GlobalEndpointTokenVersion` where it was never set.
const FIRST_TOKEN_VERSION: usize = 1;

/// GetAccountSummary
#[derive(Clone, Debug)]
pub struct GetAccountSummary;

/// `SummaryMap`: what is counted, and how much of it there is or may be.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccountSummary(pub Vec<(&'static str, usize)>);

impl Operation for GetAccountSummary {
    type Output = AccountSummary;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetAccountSummary";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("iam:GetAccountSummary", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        Ok(AccountSummary(summary(call.account()?)))
    }
}

/// In the order of the model's keys.
fn summary(account: &Account) -> Vec<(&'static str, usize)> {
    let root = KeyOwner::Root;
    let quota = |quota| account.quota(quota);
    let devices = account.mfa_devices.values();
    let devices_in_use = devices.filter(|state| state.device.assignment.is_some());
    let has_key = account.keys_of(&root).next().is_some();
    let has_device = account.mfa_devices_of(&root).next().is_some();
    let has_certificate = account.signing_certificates_of(&root).next().is_some();
    // A root user's profile without a password lets nobody in yet.
    let profile = account.login_profiles.get(&root.key());
    let has_password = profile.is_some_and(|profile| profile.password.is_some());
    let providers = account.open_id_connect_providers.len() + account.saml_providers.len();
    let token_version = account.settings().global_endpoint_token_version;
    vec![
        ("Users", account.users.len()),
        ("UsersQuota", quota(AccountQuota::UsersPerAccount)),
        ("Groups", account.groups.len()),
        ("GroupsQuota", quota(AccountQuota::GroupsPerAccount)),
        ("ServerCertificates", account.server_certificates.len()),
        (
            "ServerCertificatesQuota",
            quota(AccountQuota::ServerCertificates),
        ),
        ("UserPolicySizeQuota", quota(AccountQuota::UserPolicySize)),
        ("GroupPolicySizeQuota", quota(AccountQuota::GroupPolicySize)),
        ("GroupsPerUserQuota", quota(AccountQuota::GroupsPerUser)),
        (
            "SigningCertificatesPerUserQuota",
            quota(AccountQuota::CertificatesPerUser),
        ),
        (
            "AccessKeysPerUserQuota",
            quota(AccountQuota::AccessKeysPerUser),
        ),
        ("MFADevices", account.mfa_devices.len()),
        ("MFADevicesInUse", devices_in_use.count()),
        ("AccountMFAEnabled", has_device.into()),
        ("AccountAccessKeysPresent", has_key.into()),
        ("AccountPasswordPresent", has_password.into()),
        ("AccountSigningCertificatesPresent", has_certificate.into()),
        (
            "AttachedPoliciesPerGroupQuota",
            quota(AccountQuota::PoliciesPerGroup),
        ),
        (
            "AttachedPoliciesPerRoleQuota",
            quota(AccountQuota::PoliciesPerRole),
        ),
        (
            "AttachedPoliciesPerUserQuota",
            quota(AccountQuota::PoliciesPerUser),
        ),
        ("Policies", account.policies.len()),
        ("PoliciesQuota", quota(AccountQuota::PoliciesPerAccount)),
        ("PolicySizeQuota", quota(AccountQuota::PolicySize)),
        ("PolicyVersionsInUse", policies::uses(account).len()),
        ("PolicyVersionsInUseQuota", POLICY_VERSIONS_IN_USE),
        ("VersionsPerPolicyQuota", VERSIONS_PER_POLICY),
        (
            "GlobalEndpointTokenVersion",
            token_version.map_or(FIRST_TOKEN_VERSION, usize::from),
        ),
        (
            "AssumeRolePolicySizeQuota",
            quota(AccountQuota::ACLSizePerRole),
        ),
        ("InstanceProfiles", account.instance_profiles.len()),
        (
            "InstanceProfilesQuota",
            quota(AccountQuota::InstanceProfilesPerAccount),
        ),
        ("Providers", providers),
        ("RolePolicySizeQuota", quota(AccountQuota::RolePolicySize)),
        ("Roles", account.roles.len()),
        ("RolesQuota", quota(AccountQuota::RolesPerAccount)),
    ]
}
