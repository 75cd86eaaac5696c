//! Whether an import would change an entity: what documents say counts, not how they are laid out, and
//! neither ids nor times.

use super::document::same;
use crate::entity::{Attachments, Entity, ManagedPolicy};
use crate::names::Tag;

/// Whether two entities of one name are the same to whoever reads them.
pub(super) fn unchanged(one: &Entity, other: &Entity) -> bool {
    match (one, other) {
        (Entity::User(one), Entity::User(other)) => {
            one.name == other.name
                && one.path == other.path
                && one.permissions_boundary == other.permissions_boundary
                && same_set(&one.groups, &other.groups)
                && same_tags(&one.tags, &other.tags)
                && same_attachments(&one.policies, &other.policies)
        }
        (Entity::Group(one), Entity::Group(other)) => {
            one.name == other.name
                && one.path == other.path
                && same_attachments(&one.policies, &other.policies)
        }
        (Entity::Role(one), Entity::Role(other)) => {
            one.name == other.name
                && one.path == other.path
                && one.description == other.description
                && one.max_session_duration == other.max_session_duration
                && one.limits == other.limits
                && one.permissions_boundary == other.permissions_boundary
                && same(&one.trust_policy, &other.trust_policy)
                && same_tags(&one.tags, &other.tags)
                && same_attachments(&one.policies, &other.policies)
        }
        (Entity::ManagedPolicy(one), Entity::ManagedPolicy(other)) => {
            one.name == other.name
                && one.path == other.path
                && one.description == other.description
                && one.default_version == other.default_version
                && same_tags(&one.tags, &other.tags)
                && same_versions(one, other)
        }
        (Entity::InstanceProfile(one), Entity::InstanceProfile(other)) => {
            one.name == other.name
                && one.path == other.path
                && one.role == other.role
                && same_tags(&one.tags, &other.tags)
        }
        (one, other) => one == other,
    }
}

fn same_set<T: PartialEq>(one: &[T], other: &[T]) -> bool {
    one.len() == other.len() && one.iter().all(|item| other.contains(item))
}

fn same_tags(one: &[Tag], other: &[Tag]) -> bool {
    same_set(one, other)
}

fn same_attachments(one: &Attachments, other: &Attachments) -> bool {
    let inline = |policies: &Attachments| -> Vec<_> {
        let all = policies.inline.values();
        all.map(|inline| (inline.name.clone(), inline.document.clone()))
            .collect()
    };
    let (first, second) = (inline(one), inline(other));
    same_set(&one.attached, &other.attached)
        && first.len() == second.len()
        && first
            .iter()
            .zip(&second)
            .all(|(one, other)| one.0 == other.0 && same(&one.1, &other.1))
}

fn same_versions(one: &ManagedPolicy, other: &ManagedPolicy) -> bool {
    one.versions.len() == other.versions.len()
        && one
            .versions
            .iter()
            .zip(&other.versions)
            .all(|(one, other)| one.number == other.number && same(&one.document, &other.document))
}
