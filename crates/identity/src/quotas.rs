//! How many entities an account may have, and how large they may be (IAM user guide, "IAM and AWS
//! STS quotas"): AWS's defaults, which the operator may change for an account.

use crate::account::Account;
use crate::error::{Error, Quota};

macro_rules! quotas {
    ($($(#[$doc:meta])* $quota:ident = $default:expr;)*) => {
        /// What is limited.
        #[derive(Clone, Copy, Debug, Eq, PartialEq)]
        pub enum AccountQuota { $($(#[$doc])* $quota,)* }

        impl AccountQuota {
            /// Every quota.
            pub const ALL: &[Self] = &[$(Self::$quota,)*];

            /// AWS's name of it, as refusals spell it.
            pub fn name(self) -> &'static str {
                match self { $(Self::$quota => stringify!($quota),)* }
            }

            /// What AWS gives a new account.
            pub fn default_value(self) -> usize {
                match self { $(Self::$quota => $default,)* }
            }
        }
    };
}

quotas! {
    /// Users.
    UsersPerAccount = 5000;
    /// Groups.
    GroupsPerAccount = 300;
    /// Roles.
    RolesPerAccount = 1000;
    /// Customer managed policies.
    PoliciesPerAccount = 1500;
    /// Instance profiles.
    InstanceProfilesPerAccount = 1000;
    /// Server certificates.
    ServerCertificates = 20;
    /// OpenID Connect providers.
    OpenIdConnectProvidersPerAccount = 100;
    /// Audiences of one OpenID Connect provider.
    ClientIdsPerOpenIdConnectProvider = 100;
    /// SAML providers.
    SAMLProvidersPerAccount = 100;
    /// Virtual MFA devices, assigned or not.
    VirtualMFADevices = 5000;
    /// Access keys of one user, and of the root user.
    AccessKeysPerUser = 2;
    /// MFA devices of one user, and of the root user.
    MFADevicesPerUser = 8;
    /// Signing certificates of one user, and of the root user.
    CertificatesPerUser = 2;
    /// SSH public keys of one user.
    SSHPublicKeysPerUser = 5;
    /// Credentials of one user for one service.
    ServiceSpecificCredentialsPerUser = 2;
    /// Groups that one user is in.
    GroupsPerUser = 10;
    /// Managed policies attached to one user.
    PoliciesPerUser = 10;
    /// Managed policies attached to one group.
    PoliciesPerGroup = 10;
    /// Managed policies attached to one role.
    PoliciesPerRole = 10;
    /// Characters without white space of a managed policy.
    PolicySize = locum_policy::quotas::MANAGED_POLICY;
    /// Characters without white space of a trust policy.
    ACLSizePerRole = locum_policy::quotas::TRUST_POLICY;
    /// Characters of a user's inline policies together.
    UserPolicySize = locum_policy::quotas::USER_INLINE_POLICIES;
    /// Characters of a group's inline policies together.
    GroupPolicySize = locum_policy::quotas::GROUP_INLINE_POLICIES;
    /// Characters of a role's inline policies together.
    RolePolicySize = locum_policy::quotas::ROLE_INLINE_POLICIES;
}

/// Versions kept of a managed policy: no operator changes it.
pub const VERSIONS_PER_POLICY: usize = 5;
/// Delegation requests that an account made, or owns. AWS does not say how many may be.
pub const DELEGATION_REQUESTS: usize = 1000;
/// Roles in one instance profile: no operator changes it.
pub const ROLES_PER_INSTANCE_PROFILE: usize = 1;
/// Tags on one resource.
pub const TAGS: usize = 50;

impl Account {
    /// `LimitExceeded`, if `size` is more than the account may have.
    pub(crate) fn room_for(&self, size: usize, quota: AccountQuota) -> Result<(), Error> {
        room_for_one(size.saturating_sub(1), quota.name(), self.quota(quota))
    }

    /// `LimitExceeded`, if one more than `count` would be more than the account may have.
    pub(crate) fn room_for_one(&self, count: usize, quota: AccountQuota) -> Result<(), Error> {
        room_for_one(count, quota.name(), self.quota(quota))
    }
}

/// `LimitExceeded`, if one more than `count` would be more than `limit`.
pub(crate) fn room_for_one(count: usize, name: &'static str, limit: usize) -> Result<(), Error> {
    if count < limit {
        Ok(())
    } else {
        Err(Error::LimitExceeded(Quota::Count { name, limit }))
    }
}
