//! The entities of one kind in an account.

use super::sorted::Sorted;
use crate::ids::UniqueId;
use std::sync::Arc;

/// Entities found by name (whatever its letter case) and by unique id.
#[derive(Debug)]
pub struct Table<T> {
    by_name: Sorted<Arc<T>>,
    /// With the lower-case name.
    by_id: Sorted<(Arc<str>, Arc<T>)>,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self {
            by_name: self.by_name.clone(),
            by_id: self.by_id.clone(),
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            by_name: Sorted::default(),
            by_id: Sorted::default(),
        }
    }
}

impl<T> Table<T> {
    /// The entity of that name.
    pub fn named(&self, name: &str) -> Option<&Arc<T>> {
        if name.bytes().any(|b| b.is_ascii_uppercase()) {
            self.by_name.get(&name.to_ascii_lowercase())
        } else {
            self.by_name.get(name)
        }
    }

    /// The entity of that id.
    pub fn with_id(&self, id: &UniqueId) -> Option<&Arc<T>> {
        self.entry(id.as_str()).map(|(_, entity)| entity)
    }

    /// The lower-case name of an id, and the entity.
    pub(crate) fn entry(&self, id: &str) -> Option<(&str, &Arc<T>)> {
        self.by_id.get(id).map(|(name, entity)| (&**name, entity))
    }

    /// All, by lower-case name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<T>)> {
        self.by_name.iter()
    }

    /// All whose lower-case name comes behind `marker`.
    pub fn behind<'a>(
        &'a self,
        marker: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Arc<T>)> + use<'a, T> {
        self.by_name.behind(marker)
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    pub(super) fn insert(&mut self, id: &UniqueId, name: &str, entity: T) {
        self.remove(id);
        let name: Arc<str> = name.to_ascii_lowercase().into();
        let entity = Arc::new(entity);
        self.by_name.insert(name.clone(), entity.clone());
        self.by_id.insert(id.as_str(), (name, entity));
    }

    pub(super) fn remove(&mut self, id: &UniqueId) {
        let Some((name, entity)) = self.by_id.remove(id.as_str()) else {
            return;
        };
        // One change may give the name to another entity.
        let holder = self.by_name.get(&name);
        if holder.is_some_and(|holder| Arc::ptr_eq(holder, &entity)) {
            self.by_name.remove(&name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_entities_may_swap_their_names_in_one_change() {
        let (one, two) = (UniqueId::stored("AIDA1"), UniqueId::stored("AIDA2"));
        let mut table = Table::default();
        table.insert(&one, "Ann", 1);
        table.insert(&two, "Bob", 2);
        table.insert(&one, "Bob", 1);
        table.insert(&two, "Ann", 2);
        let all: Vec<_> = table.iter().map(|(name, who)| (name, **who)).collect();
        assert_eq!(all, [("ann", 2), ("bob", 1)]);
        assert_eq!(table.named("BOB").map(|who| **who), Some(1));
        assert_eq!(table.with_id(&two).map(|who| **who), Some(2));
        table.remove(&one);
        assert_eq!((table.len(), table.named("bob")), (1, None));
        assert_eq!(table.with_id(&one), None);
    }
}
