//! The entities of one kind in an account.

use crate::ids::UniqueId;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Entities found by name (whatever its letter case) and by unique id.
#[derive(Debug)]
pub struct Table<T> {
    by_name: BTreeMap<String, Arc<T>>,
    names: HashMap<UniqueId, String>,
}

impl<T> Clone for Table<T> {
    fn clone(&self) -> Self {
        Self {
            by_name: self.by_name.clone(),
            names: self.names.clone(),
        }
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            by_name: BTreeMap::new(),
            names: HashMap::new(),
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
        self.by_name.get(self.names.get(id)?)
    }

    /// All, by lower-case name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Arc<T>)> {
        self.by_name
            .iter()
            .map(|(name, entity)| (name.as_str(), entity))
    }

    /// All whose lower-case name comes behind `marker`.
    pub fn behind<'a>(
        &'a self,
        marker: &str,
    ) -> impl Iterator<Item = (&'a str, &'a Arc<T>)> + use<'a, T> {
        use std::ops::Bound::{Excluded, Unbounded};
        let start: std::ops::Bound<&str> = if marker.is_empty() {
            Unbounded
        } else {
            Excluded(marker)
        };
        self.by_name
            .range::<str, _>((start, Unbounded))
            .map(|(name, entity)| (name.as_str(), entity))
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
        let name = name.to_ascii_lowercase();
        self.names.insert(id.clone(), name.clone());
        self.by_name.insert(name, Arc::new(entity));
    }

    pub(super) fn remove(&mut self, id: &UniqueId) {
        if let Some(name) = self.names.remove(id) {
            self.by_name.remove(&name);
        }
    }
}
