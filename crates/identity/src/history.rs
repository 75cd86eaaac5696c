//! The history of an account: the feed, read with what each change found before it.

use crate::entity::{Attachments, Damaged, Entity, EntityKey, EntityKind, KeyOwner};
use crate::names::AccountId;
use crate::port::{FeedEntry, Scope, Store, StoreError};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Feed entries read at once.
const PAGE: usize = 1000;
/// What the realm keeps of an account that its own scope does not.
const ALIAS: &str = "account-alias";

/// What one change did to one entity.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Which entity.
    pub key: EntityKey,
    /// What it was; `None` where the change created it.
    pub before: Option<Entity>,
    /// What it became; `None` where the change deleted it.
    pub after: Option<Entity>,
}

/// An account on its way from the first change to the last.
pub struct History {
    account: AccountId,
    entities: BTreeMap<(String, String), Entity>,
    names: HashMap<String, String>,
}

/// What a history is asked about: one entity through all its names, with what hangs on it.
#[derive(Debug)]
pub struct Subject {
    arn: String,
    entities: HashSet<(&'static str, String)>,
    unique_ids: HashSet<String>,
}

/// Why a history cannot be told.
#[derive(Debug)]
pub enum Untold {
    /// The store could not tell.
    Store(StoreError),
    /// A record cannot be read.
    Damaged(Damaged),
    /// The feed does not begin with the account: what was before is not kept any more.
    Forgotten,
}

impl std::fmt::Display for Untold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Store(error) => write!(f, "{error}"),
            Self::Damaged(error) => write!(f, "{error}"),
            Self::Forgotten => {
                f.write_str("the feed of changes no longer reaches back to the account's first")
            }
        }
    }
}

impl std::error::Error for Untold {}

impl History {
    /// Reads the account's changes, oldest first, and shows each to `visit`, which may stop it by
    /// answering `false`.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn read(
        store: &dyn Store,
        account: AccountId,
        mut visit: impl FnMut(&Self, &FeedEntry, &[Changed]) -> bool,
    ) -> Result<(), Untold> {
        let mut history = Self {
            account,
            entities: BTreeMap::new(),
            names: HashMap::new(),
        };
        let (mut cursor, mut version) = (0, 0);
        loop {
            let entries = store.feed(cursor, PAGE).await.map_err(Untold::Store)?;
            let Some(last) = entries.last() else {
                return Ok(());
            };
            cursor = last.sequence;
            for mut entry in entries {
                match entry.scope {
                    Scope::Account(id) if id == account => {
                        if entry.version != version + 1 {
                            return Err(Untold::Forgotten);
                        }
                        version = entry.version;
                    }
                    Scope::Realm => entry.puts.retain(|record| record.kind == ALIAS),
                    Scope::Account(_) => continue,
                }
                let changed = history.follow(&entry).map_err(Untold::Damaged)?;
                if !changed.is_empty() && !visit(&history, &entry, &changed) {
                    return Ok(());
                }
            }
        }
    }

    /// The ARN of the user, group or role of that unique id, also of one that is gone.
    pub fn name(&self, unique_id: &str) -> Option<&str> {
        self.names.get(unique_id).map(String::as_str)
    }

    /// The account.
    pub fn account(&self) -> AccountId {
        self.account
    }

    fn follow(&mut self, entry: &FeedEntry) -> Result<Vec<Changed>, Damaged> {
        let mut changed = Vec::new();
        for (kind, key) in &entry.deletes {
            if let Some(before) = self.entities.remove(&(kind.clone(), key.clone())) {
                changed.push(Changed {
                    key: before.key(),
                    before: Some(before),
                    after: None,
                });
            }
        }
        for record in &entry.puts {
            let after = Entity::from_record(record)?;
            // Of the realm's, only what is set for the account.
            if entry.scope == Scope::Realm && after.arn(self.account).is_none() {
                continue;
            }
            let key = after.key();
            if let (Some(id), Some(arn)) = (after.unique_id(), after.arn(self.account)) {
                self.names.insert(id.to_string(), arn);
            }
            let place = (record.kind.clone(), record.key.clone());
            let before = self.entities.insert(place, after.clone());
            if before.as_ref() != Some(&after) {
                changed.push(Changed {
                    key,
                    before,
                    after: Some(after),
                });
            }
        }
        Ok(changed)
    }
}

impl Subject {
    /// The entity that has or had an ARN in an account, whatever the letter case of its name; `None`
    /// if none ever had.
    ///
    /// # Errors
    /// [`Untold`]
    pub async fn find(
        store: &dyn Store,
        account: AccountId,
        arn: &str,
    ) -> Result<Option<Self>, Untold> {
        let mut subject = Self {
            arn: arn.to_owned(),
            entities: HashSet::new(),
            unique_ids: HashSet::new(),
        };
        // The root user's ARN is the account's own, whose record is always there.
        let mut found = false;
        History::read(store, account, |_, _, changed| {
            for entity in changed.iter().filter_map(|it| it.after.as_ref()) {
                let called = entity.arn(account);
                if called.is_some_and(|called| called.eq_ignore_ascii_case(arn)) {
                    found = true;
                    let EntityKey { kind, key } = entity.key();
                    subject.entities.insert((kind.as_str(), key));
                    subject
                        .unique_ids
                        .extend(entity.unique_id().map(ToString::to_string));
                }
            }
            true
        })
        .await?;
        Ok(found.then_some(subject))
    }

    /// Whether a change concerns the entity: itself, a credential of it, or whether another is
    /// attached to it, bounded by it or in it.
    pub fn is_concerned(&self, changed: &Changed) -> bool {
        let EntityKey { kind, key } = &changed.key;
        if self.entities.contains(&(kind.as_str(), key.clone())) {
            return true;
        }
        let before = changed.before.as_ref();
        let after = changed.after.as_ref();
        let owns = |entity: Option<&Entity>| entity.is_some_and(|it| self.owns(it));
        owns(before) || owns(after) || self.refers(before) != self.refers(after)
    }

    fn owns(&self, entity: &Entity) -> bool {
        match entity.owner() {
            Some(KeyOwner::User(id)) => self.unique_ids.contains(id.as_str()),
            Some(KeyOwner::Root) => self
                .entities
                .iter()
                .any(|(kind, _)| *kind == EntityKind::Account.as_str()),
            None => false,
        }
    }

    /// How an entity refers to the subject.
    fn refers(&self, entity: Option<&Entity>) -> (bool, bool, bool) {
        let attached = |policies: &Attachments| policies.attached.contains(&self.arn);
        let bounds = |boundary: &Option<String>| boundary.as_ref() == Some(&self.arn);
        match entity {
            Some(Entity::User(user)) => (
                attached(&user.policies),
                bounds(&user.permissions_boundary),
                user.groups
                    .iter()
                    .any(|id| self.unique_ids.contains(id.as_str())),
            ),
            Some(Entity::Role(role)) => (
                attached(&role.policies),
                bounds(&role.permissions_boundary),
                false,
            ),
            Some(Entity::Group(group)) => (attached(&group.policies), false, false),
            Some(Entity::InstanceProfile(profile)) => {
                let role = profile.role.as_ref();
                let inside = role.is_some_and(|id| self.unique_ids.contains(id.as_str()));
                (false, false, inside)
            }
            _ => (false, false, false),
        }
    }
}
