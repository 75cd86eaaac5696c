//! How long policies may be, in characters: "IAM and AWS STS quotas" and "Quotas for AWS
//! Organizations".
//!
//! [`Policy::parse`](crate::Policy::parse) does not look at them: how long a policy may be depends on
//! what it is attached to, and on what is attached there already. [`check`](crate::check) tells of a
//! document that is too long for wherever it could be.

/// A managed policy, white space not counted.
pub const MANAGED_POLICY: usize = 6144;
/// The inline policies of a user together, white space not counted.
pub const USER_INLINE_POLICIES: usize = 2048;
/// The inline policies of a group together, white space not counted.
pub const GROUP_INLINE_POLICIES: usize = 5120;
/// The inline policies of a role together, white space not counted.
pub const ROLE_INLINE_POLICIES: usize = 10_240;
/// A trust policy, white space not counted.
pub const TRUST_POLICY: usize = 2048;
/// The session policies of one session together, white space counted.
pub const SESSION_POLICIES: usize = 2048;
/// A policy of an organization, white space counted.
pub const CONTROL_POLICY: usize = 5120;
