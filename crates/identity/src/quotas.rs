//! How many entities an account may have, and how large they may be (IAM user guide, "IAM and AWS
//! STS quotas"): AWS's defaults, which the operator may change for an account (`locum quota`).

use crate::account::Account;
use crate::error::{Error, Quota};

macro_rules! quotas {
    ($($(#[$doc:meta])* $quota:ident = $default:expr, aws $aws:expr, highest $highest:expr;)*) => {
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

            /// The most that AWS raises it to without asking anybody.
            pub fn automatic_maximum(self) -> usize {
                match self { $(Self::$quota => $aws,)* }
            }

            /// The most that an operator can set.
            pub fn highest(self) -> usize {
                match self { $(Self::$quota => $highest,)* }
            }

            /// The quota of that name, whose letter case counts.
            pub fn named(name: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|quota| quota.name() == name)
            }
        }
    };
}

/// Entities of one kind in an account: what the tests of scale go up to.
const MOST_PER_ACCOUNT: usize = 1_000_000;
/// What may hang on one entity: a request may look at each.
const MOST_PER_ENTITY: usize = 1000;
/// Characters of a document: the model takes no longer one.
const LONGEST_DOCUMENT: usize = 131_072;

quotas! {
    /// Users.
    UsersPerAccount = 5000, aws 5000, highest MOST_PER_ACCOUNT;
    /// Groups.
    GroupsPerAccount = 300, aws 500, highest MOST_PER_ACCOUNT;
    /// Roles.
    RolesPerAccount = 1000, aws 10_000, highest MOST_PER_ACCOUNT;
    /// Customer managed policies.
    PoliciesPerAccount = 1500, aws 10_000, highest MOST_PER_ACCOUNT;
    /// Instance profiles.
    InstanceProfilesPerAccount = 1000, aws 10_000, highest MOST_PER_ACCOUNT;
    /// Server certificates.
    ServerCertificates = 20, aws 1000, highest MOST_PER_ACCOUNT;
    /// OpenID Connect providers.
    OpenIdConnectProvidersPerAccount = 100, aws 700, highest MOST_PER_ACCOUNT;
    /// Audiences of one OpenID Connect provider.
    ClientIdsPerOpenIdConnectProvider = 100, aws 100, highest MOST_PER_ENTITY;
    /// SAML providers.
    SAMLProvidersPerAccount = 100, aws 100, highest MOST_PER_ACCOUNT;
    /// Virtual MFA devices, assigned or not.
    VirtualMFADevices = 5000, aws 5000, highest MOST_PER_ACCOUNT;
    /// Access keys of one user, and of the root user.
    AccessKeysPerUser = 2, aws 2, highest MOST_PER_ENTITY;
    /// MFA devices of one user, and of the root user.
    MFADevicesPerUser = 8, aws 8, highest MOST_PER_ENTITY;
    /// Signing certificates of one user, and of the root user.
    CertificatesPerUser = 2, aws 2, highest MOST_PER_ENTITY;
    /// SSH public keys of one user.
    SSHPublicKeysPerUser = 5, aws 5, highest MOST_PER_ENTITY;
    /// Credentials of one user for one service.
    ServiceSpecificCredentialsPerUser = 2, aws 2, highest MOST_PER_ENTITY;
    /// Groups that one user is in.
    GroupsPerUser = 10, aws 10, highest MOST_PER_ENTITY;
    /// Managed policies attached to one user.
    PoliciesPerUser = 10, aws 20, highest MOST_PER_ENTITY;
    /// Managed policies attached to one group.
    PoliciesPerGroup = 10, aws 10, highest MOST_PER_ENTITY;
    /// Managed policies attached to one role.
    PoliciesPerRole = 10, aws 25, highest MOST_PER_ENTITY;
    /// Characters without white space of a managed policy.
    PolicySize = locum_policy::quotas::MANAGED_POLICY, aws locum_policy::quotas::MANAGED_POLICY, highest LONGEST_DOCUMENT;
    /// Characters without white space of a trust policy.
    ACLSizePerRole = locum_policy::quotas::TRUST_POLICY, aws 8192, highest LONGEST_DOCUMENT;
    /// Characters of a user's inline policies together.
    UserPolicySize = locum_policy::quotas::USER_INLINE_POLICIES, aws locum_policy::quotas::USER_INLINE_POLICIES, highest LONGEST_DOCUMENT;
    /// Characters of a group's inline policies together.
    GroupPolicySize = locum_policy::quotas::GROUP_INLINE_POLICIES, aws locum_policy::quotas::GROUP_INLINE_POLICIES, highest LONGEST_DOCUMENT;
    /// Characters of a role's inline policies together.
    RolePolicySize = locum_policy::quotas::ROLE_INLINE_POLICIES, aws locum_policy::quotas::ROLE_INLINE_POLICIES, highest LONGEST_DOCUMENT;
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
