//! Instance profiles, and the deletion of service-linked roles.

use crate::environment::Seconds;
use crate::ids::UniqueId;
use crate::names::{EntityName, Path, RoleName, Tag};
use serde::{Deserialize, Serialize};

/// An instance profile: what hands a role to a host.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// `AIPA…`
    pub id: UniqueId,
    /// The name, unique whatever its letter case.
    pub name: EntityName,
    /// The path.
    pub path: Path,
    /// When it was created.
    pub created: Seconds,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
    /// The role in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<UniqueId>,
}

/// What became of a DeleteServiceLinkedRole request, which is known before it is answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DeletionTask {
    /// `task/aws-service-role/SERVICE/ROLE/UUID`
    pub id: String,
    /// The role.
    pub role: RoleName,
    /// When it was asked for.
    pub at: Seconds,
    /// Why the role is still there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<DeletionFailure>,
}

/// Why a service-linked role was not deleted.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct DeletionFailure {
    /// In words.
    pub reason: String,
    /// The region where the role is used.
    pub region: String,
    /// The ARNs of what uses it.
    pub resources: Vec<String>,
}
