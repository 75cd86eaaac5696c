//! Who refers to whom in an account, looked up from the one referred to.

use super::sorted::Sorted;
use crate::entity::{
    AccessKey, AccountSettings, AnywhereCrl, AnywhereProfile, AnywhereSubject, Attachments,
    CredentialReport, DeletionTask, EksCluster, EntityKey, EntityKind, Group, InstanceProfile,
    KeyOwner, LoginProfile, MfaDevice, OpenIdConnectProvider, PasswordPolicy,
    PodIdentityAssociation, ProviderSettings, Role, SamlProvider, ServerCertificate,
    ServiceSpecificCredential, SigningCertificate, SpentAssertion, SshPublicKey, TrustAnchor, User,
};
use std::sync::Arc;

/// How one entity refers to another.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Link {
    /// A user, group or role has a managed policy, named by its ARN, attached.
    Attached,
    /// A user or role is bounded by a managed policy, named by its ARN.
    Bounded,
    /// A user is in a group, named by its id.
    Member,
    /// A credential or device is of a user, named by [`KeyOwner::key`]; an instance profile has a
    /// role, named by its id.
    Of,
}

impl Link {
    fn as_str(self) -> &'static str {
        match self {
            Self::Attached => "attached",
            Self::Bounded => "bounded",
            Self::Member => "member",
            Self::Of => "of",
        }
    }
}

/// Every link of an account. A key is `TARGET⏎LINK⏎KIND⏎SOURCE`; none of these has a line break in it.
#[derive(Clone, Debug, Default)]
pub(super) struct Links(Arc<Sorted<()>>);

impl Links {
    /// The keys of the entities of a kind that refer to `target` so, in order.
    pub(super) fn to<'a>(
        &'a self,
        target: &str,
        link: Link,
        kind: EntityKind,
    ) -> impl Iterator<Item = &'a str> + use<'a> {
        let prefix = format!("{target}\n{}\n{}\n", link.as_str(), kind.as_str());
        let skipped = prefix.len();
        self.0
            .prefixed(prefix)
            .filter_map(move |(key, ())| key.get(skipped..))
    }

    /// How many entities of any kind refer to `target` so.
    pub(super) fn count(&self, target: &str, link: Link) -> usize {
        let prefix = format!("{target}\n{}\n", link.as_str());
        self.0.prefixed(prefix).count()
    }

    /// Replaces what the entity `source` refers to.
    pub(super) fn replace(&mut self, source: &EntityKey, old: &[Referred], new: &[Referred]) {
        let key = |Referred(link, target): &Referred| {
            let EntityKey { kind, key } = source;
            format!("{target}\n{}\n{}\n{key}", link.as_str(), kind.as_str())
        };
        for gone in old.iter().filter(|referred| !new.contains(referred)) {
            Arc::make_mut(&mut self.0).remove(&key(gone));
        }
        for come in new.iter().filter(|referred| !old.contains(referred)) {
            Arc::make_mut(&mut self.0).insert(key(come), ());
        }
    }
}

/// To whom an entity refers, and how.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Referred(Link, String);

/// An entity that may refer to others of its account.
pub(super) trait Refers {
    /// To whom.
    fn refers(&self) -> Vec<Referred> {
        Vec::new()
    }
}

fn policies(policies: &Attachments, boundary: Option<&String>) -> Vec<Referred> {
    let attached = policies.attached.iter();
    let attached = attached.map(|arn| Referred(Link::Attached, arn.clone()));
    let bounded = boundary.map(|arn| Referred(Link::Bounded, arn.clone()));
    attached.chain(bounded).collect()
}

fn owner(owner: &KeyOwner) -> Vec<Referred> {
    vec![Referred(Link::Of, owner.key())]
}

impl Refers for User {
    fn refers(&self) -> Vec<Referred> {
        let mut all = policies(&self.policies, self.permissions_boundary.as_ref());
        let groups = self.groups.iter();
        all.extend(groups.map(|id| Referred(Link::Member, id.to_string())));
        all
    }
}

impl Refers for Group {
    fn refers(&self) -> Vec<Referred> {
        policies(&self.policies, None)
    }
}

impl Refers for Role {
    fn refers(&self) -> Vec<Referred> {
        policies(&self.policies, self.permissions_boundary.as_ref())
    }
}

impl Refers for InstanceProfile {
    fn refers(&self) -> Vec<Referred> {
        let role = self.role.iter();
        role.map(|id| Referred(Link::Of, id.to_string())).collect()
    }
}

impl Refers for AccessKey {
    fn refers(&self) -> Vec<Referred> {
        owner(&self.owner)
    }
}

impl Refers for MfaDevice {
    fn refers(&self) -> Vec<Referred> {
        let assignment = self.assignment.as_ref();
        assignment.map_or_else(Vec::new, |assignment| owner(&assignment.owner))
    }
}

impl Refers for SigningCertificate {
    fn refers(&self) -> Vec<Referred> {
        owner(&self.owner)
    }
}

impl Refers for SshPublicKey {
    fn refers(&self) -> Vec<Referred> {
        owner(&KeyOwner::User(self.user.clone()))
    }
}

impl Refers for ServiceSpecificCredential {
    fn refers(&self) -> Vec<Referred> {
        owner(&KeyOwner::User(self.user.clone()))
    }
}

impl Refers for LoginProfile {}
impl Refers for PasswordPolicy {}
impl Refers for ServerCertificate {}
impl Refers for OpenIdConnectProvider {}
impl Refers for SamlProvider {}
impl Refers for ProviderSettings {}
impl Refers for TrustAnchor {}
impl Refers for AnywhereProfile {}
impl Refers for AnywhereCrl {}
impl Refers for AnywhereSubject {}
impl Refers for SpentAssertion {}
impl Refers for EksCluster {}
impl Refers for PodIdentityAssociation {}
impl Refers for DeletionTask {}
impl Refers for CredentialReport {}
impl Refers for AccountSettings {}
