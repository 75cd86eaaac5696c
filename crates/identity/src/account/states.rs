//! Entities in memory, with what requests need of them worked out.

use crate::entity::{
    AccessKey, Bucket, Group, InstanceProfile, ManagedPolicy, MfaDevice, Role, User,
};
use crate::mfa::Seed;
use crate::names::AccountId;
use crate::sealing::Secret;
use crate::signing::SigningKeys;
use locum_policy::Compiled;
use std::sync::Arc;

/// The policies that identity-based evaluation needs, resolved and compiled.
#[derive(Clone, Debug, Default)]
pub struct PrincipalPolicies {
    /// Inline, attached and (for users) the groups' policies.
    pub identity: Arc<[Arc<Compiled>]>,
    /// The permissions boundary.
    pub boundary: Option<Arc<Compiled>>,
}

/// A user with what requests need of it.
#[derive(Debug)]
pub struct UserState {
    /// The entity.
    pub user: User,
    /// Its ARN.
    pub arn: String,
    /// Its policies.
    pub policies: PrincipalPolicies,
    pub(super) inline: Vec<Arc<Compiled>>,
}

/// A group with what requests need of it.
#[derive(Debug)]
pub struct GroupState {
    /// The entity.
    pub group: Group,
    /// Its ARN.
    pub arn: String,
    pub(super) inline: Vec<Arc<Compiled>>,
}

/// A role with what requests need of it.
#[derive(Debug)]
pub struct RoleState {
    /// The entity.
    pub role: Role,
    /// Its ARN.
    pub arn: String,
    /// Its trust policy.
    pub trust: Arc<Compiled>,
    /// Its policies.
    pub policies: PrincipalPolicies,
    pub(super) inline: Vec<Arc<Compiled>>,
}

/// A managed policy with its default version compiled.
#[derive(Debug)]
pub struct PolicyState {
    /// The entity.
    pub policy: ManagedPolicy,
    /// Its ARN.
    pub arn: String,
    /// The default version.
    pub compiled: Arc<Compiled>,
}

/// An access key with its secret at hand.
pub struct KeyState {
    /// The entity.
    pub key: AccessKey,
    /// The secret access key.
    pub secret: Secret,
    /// Its signing keys of the scopes seen last.
    pub(crate) keys: SigningKeys,
}

/// An MFA device with its seed at hand.
#[derive(Debug)]
pub struct MfaState {
    /// The entity.
    pub device: MfaDevice,
    /// Its ARN, which is its serial number.
    pub arn: String,
    /// The seed.
    pub(crate) seed: Seed,
}

/// A bucket with its policy compiled.
#[derive(Debug)]
pub struct BucketState {
    /// The entity.
    pub bucket: Bucket,
    /// Who owns it.
    pub owner: AccountId,
    /// Its bucket policy.
    pub policy: Option<Arc<Compiled>>,
}

impl std::fmt::Debug for KeyState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("KeyState").field(&self.key.id).finish()
    }
}

/// An instance profile with its ARN.
#[derive(Debug)]
pub struct InstanceProfileState {
    /// The entity.
    pub profile: InstanceProfile,
    /// Its ARN.
    pub arn: String,
}
