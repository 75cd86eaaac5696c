//! An account is put back to what it was: as a change like any other.

use super::{ATTEMPTS, Realm};
use crate::entity::{Change, Entity, EntityKey, EntityKind, Home, KeyOwner, KeyStatus};
use crate::error::Error;
use crate::names::AccountId;
use crate::past::Past;
use crate::port::{Committed, Record, Scope, Store as _};
use std::collections::{BTreeMap, BTreeSet};

/// Whether credentials that are gone or switched off since may live again.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum OldCredentials {
    /// They stay as they are: they may be gone because somebody else has them.
    StayDead,
    /// They are put back, too.
    Revive,
}

/// What putting an account back changes.
#[derive(Clone, Debug, Default)]
pub struct Restored {
    /// Each entity that changes: what it is, and what it becomes; one of them may be absent.
    pub changes: Vec<(Option<Entity>, Option<Entity>)>,
    /// Credentials of then that stay gone or switched off.
    pub left_dead: Vec<Entity>,
}

impl Realm {
    /// Puts an account back to what it was at a time, or says what that would change.
    ///
    /// What the account shares with others or with the outside stays as it is: buckets (of those that
    /// are there both times the policy is put back), delegation requests, the account's alias and its
    /// issuer of tokens. MFA devices stay too, as long as their owner does: none is taken from a user
    /// by going back. Passwords, access keys and other credentials made since are deleted.
    ///
    /// # Errors
    /// [`Error::AccountNotFound`], if there was no such account then; [`Error::Internal`], if what was
    /// then cannot be served now. Nothing is changed then.
    pub async fn restore_account(
        &self,
        account: AccountId,
        past: &Past,
        credentials: OldCredentials,
        dry_run: bool,
    ) -> Result<Restored, Error> {
        let scope = Scope::Account(account);
        let then = past.load(scope).await?;
        if then.version == 0 {
            return Err(Error::AccountNotFound);
        }
        let then = entities(&then.records)?;
        for _ in 0..ATTEMPTS {
            let loaded = self.store.load(scope).await?;
            let restored = plan(then.clone(), entities(&loaded.records)?, credentials);
            if dry_run || restored.changes.is_empty() {
                return Ok(restored);
            }
            let change = restored.change();
            // What cannot be served must not be stored.
            self.load(account).await?.apply(&change, &self.root_key)?;
            let write = super::write(scope, loaded.version, &change)?;
            let committed = self
                .store
                .commit(vec![write], self.own_origin("RestoreAccount"));
            match committed.await? {
                Committed::Yes => {
                    self.catch_up().await?;
                    return Ok(restored);
                }
                Committed::Conflict => {}
            }
        }
        Err(Error::ServiceUnavailable(
            "too many writers to one account".into(),
        ))
    }
}

impl Restored {
    fn change(&self) -> Change {
        let mut change = Change::default();
        for (before, after) in &self.changes {
            match (before, after) {
                (_, Some(after)) => change.puts.push(after.clone()),
                (Some(before), None) => change.deletes.push(before.key()),
                (None, None) => {}
            }
        }
        change
    }
}

type Entities = BTreeMap<(&'static str, String), Entity>;

fn entities(records: &[Record]) -> Result<Entities, Error> {
    records
        .iter()
        .map(|record| {
            let entity = Entity::from_record(record)?;
            let EntityKey { kind, key } = entity.key();
            Ok(((kind.as_str(), key), entity))
        })
        .collect()
}

/// Whether a kind is the account's alone, and goes back with it.
fn goes_back(kind: EntityKind) -> bool {
    kind.home() == Home::Account
        && !matches!(
            kind,
            EntityKind::Bucket
                | EntityKind::Issuer
                | EntityKind::DelegationRequest
                | EntityKind::AssociatedDelegation
                | EntityKind::DeletionTask
                | EntityKind::SpentAssertion
                | EntityKind::CredentialReport
                | EntityKind::MfaDevice
        )
}

/// Whether an entity lets somebody in.
fn is_credential(entity: &Entity) -> bool {
    entity.owner().is_some()
}

/// Whether a credential may be used.
fn is_active(entity: &Entity) -> bool {
    let status = match entity {
        Entity::AccessKey(key) => key.status,
        Entity::SigningCertificate(certificate) => certificate.status,
        Entity::SshPublicKey(key) => key.status,
        Entity::ServiceSpecificCredential(credential) => credential.status,
        _ => KeyStatus::Active,
    };
    status == KeyStatus::Active
}

fn plan(mut then: Entities, now: Entities, credentials: OldCredentials) -> Restored {
    let mut restored = Restored::default();
    let users: BTreeSet<String> = then
        .values()
        .filter_map(|entity| match entity {
            Entity::User(user) => Some(user.id.to_string()),
            _ => None,
        })
        .collect();
    for (place, before) in now {
        let old = then.remove(&place);
        let kind = before.key().kind;
        let after = match (&before, old) {
            (Entity::Bucket(bucket), Some(Entity::Bucket(old))) => {
                Some(Entity::Bucket(crate::entity::Bucket {
                    policy: old.policy,
                    ..bucket.clone()
                }))
            }
            (Entity::MfaDevice(device), _) => {
                // What is remembered of its codes must not go back: a code would be good twice.
                let orphaned = match device.assignment.as_ref().map(|it| &it.owner) {
                    Some(KeyOwner::User(id)) => !users.contains(id.as_str()),
                    Some(KeyOwner::Root) | None => false,
                };
                (!orphaned).then(|| before.clone())
            }
            _ if !goes_back(kind) => Some(before.clone()),
            (_, Some(old)) => {
                let stays = is_credential(&old) && credentials == OldCredentials::StayDead;
                match (is_active(&old), is_active(&before)) {
                    // What was switched on since is switched off again in any case.
                    _ if !stays => Some(old),
                    (false, true) => Some(old),
                    (true, false) => {
                        restored.left_dead.push(old);
                        Some(before.clone())
                    }
                    (true, true) | (false, false) => Some(before.clone()),
                }
            }
            (_, None) => None,
        };
        if after.as_ref() != Some(&before) {
            restored.changes.push((Some(before), after));
        }
    }
    for old in then.into_values() {
        let kind = old.key().kind;
        let is_device = kind == EntityKind::MfaDevice;
        if !goes_back(kind) && !is_device {
            continue;
        }
        if (is_device || is_credential(&old)) && credentials == OldCredentials::StayDead {
            restored.left_dead.push(old);
        } else {
            restored.changes.push((None, Some(old)));
        }
    }
    restored
}
