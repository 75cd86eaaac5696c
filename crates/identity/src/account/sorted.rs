//! An ordered map whose versions share what they have in common.

use std::sync::Arc;

/// Values by text, in the order of the texts' bytes.
///
/// The entries lie in chunks of bounded length. Changing a clone copies the list of chunks
/// and one of them, so a change to a map of *n* entries costs some multiple of the square root of *n*,
/// and small maps are one array. A look-up is two binary searches.
#[derive(Debug)]
pub struct Sorted<V> {
    chunks: Vec<Chunk<V>>,
    len: usize,
}

#[derive(Debug)]
struct Chunk<V> {
    /// Not behind the first key, and behind every key of the chunk before.
    start: Arc<str>,
    /// Never empty.
    entries: Arc<Vec<(Arc<str>, V)>>,
}

/// Chunks are at least allowed so many entries.
const CHUNK: usize = 64;

impl<V> Clone for Chunk<V> {
    fn clone(&self) -> Self {
        Self {
            start: self.start.clone(),
            entries: self.entries.clone(),
        }
    }
}

impl<V> Clone for Sorted<V> {
    fn clone(&self) -> Self {
        Self {
            chunks: self.chunks.clone(),
            len: self.len,
        }
    }
}

impl<V> Default for Sorted<V> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<V> Sorted<V> {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&V> {
        let entries = &self.chunks.get(self.chunk_of(key))?.entries;
        let at = place(entries, key).ok()?;
        entries.get(at).map(|(_, value)| value)
    }

    /// Whether there is such a key.
    pub fn contains_key(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// Everything, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (&str, &V)> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.entries.iter())
            .map(|(key, value)| (&**key, value))
    }

    /// The keys, in order.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.iter().map(|(key, _)| key)
    }

    /// The values, in the order of their keys.
    pub fn values(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.iter().map(|(_, value)| value)
    }

    /// Everything whose key comes behind `marker`.
    pub fn behind<'a>(
        &'a self,
        marker: &str,
    ) -> impl Iterator<Item = (&'a str, &'a V)> + use<'a, V> {
        self.from(marker, |key, marker| key <= marker)
    }

    /// Everything whose key begins with `prefix`.
    pub fn prefixed(&self, prefix: String) -> impl Iterator<Item = (&str, &V)> {
        self.from(&prefix, |key, prefix| key < prefix)
            .take_while(move |(key, _)| key.starts_with(&prefix))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Everything from the first key on that is not `before` the bound.
    fn from<'a>(
        &'a self,
        bound: &str,
        before: fn(&str, &str) -> bool,
    ) -> impl Iterator<Item = (&'a str, &'a V)> + use<'a, V> {
        let at = self.chunk_of(bound);
        let entries = self.chunks.get(at).map(|chunk| &**chunk.entries);
        let entries = entries.unwrap_or_default();
        let skipped = entries.partition_point(|(key, _)| before(key, bound));
        let rest = self.chunks.get(at + 1..).unwrap_or_default();
        entries
            .iter()
            .skip(skipped)
            .chain(rest.iter().flat_map(|chunk| chunk.entries.iter()))
            .map(|(key, value)| (&**key, value))
    }

    /// The chunk that has a key if any has.
    fn chunk_of(&self, key: &str) -> usize {
        self.chunks
            .partition_point(|chunk| &*chunk.start <= key)
            .saturating_sub(1)
    }

    /// How many entries a chunk may have.
    fn limit(&self) -> usize {
        self.len.isqrt().max(CHUNK)
    }
}

impl<V: Clone> Sorted<V> {
    /// Puts a value in, and answers the one it replaces.
    pub fn insert(&mut self, key: impl Into<Arc<str>>, value: V) -> Option<V> {
        let key = key.into();
        let limit = self.limit();
        let at = self.chunk_of(&key);
        let Some(chunk) = self.chunks.get_mut(at) else {
            self.chunks.push(Chunk {
                start: key.clone(),
                entries: Arc::new(vec![(key, value)]),
            });
            self.len = 1;
            return None;
        };
        let found = place(&chunk.entries, &key);
        let entries = own(&mut chunk.entries);
        match found {
            Ok(there) => entries
                .get_mut(there)
                .map(|(_, old)| std::mem::replace(old, value)),
            Err(there) => {
                if there == 0 {
                    chunk.start = key.clone();
                }
                entries.insert(there, (key, value));
                self.len += 1;
                if entries.len() > limit {
                    let entries = entries.split_off(entries.len() / 2);
                    if let Some((start, _)) = entries.first() {
                        let start = start.clone();
                        let entries = Arc::new(entries);
                        self.chunks.insert(at + 1, Chunk { start, entries });
                    }
                }
                None
            }
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, key: &str) -> Option<V> {
        let limit = self.limit();
        let at = self.chunk_of(key);
        let chunk = self.chunks.get_mut(at)?;
        let there = place(&chunk.entries, key).ok()?;
        let (_, value) = own(&mut chunk.entries).remove(there);
        self.len -= 1;
        let left = chunk.entries.len();
        if left == 0 {
            self.chunks.remove(at);
        } else if left < limit / 4
            && let Some(next) = self.chunks.get(at + 1)
            && left + next.entries.len() <= limit / 2
        {
            // Few and full rather than many and almost empty.
            let next = self.chunks.remove(at + 1);
            if let Some(chunk) = self.chunks.get_mut(at) {
                own(&mut chunk.entries).extend_from_slice(&next.entries);
            }
        }
        Some(value)
    }
}

/// Where a key is, or would be.
fn place<V>(entries: &[(Arc<str>, V)], key: &str) -> Result<usize, usize> {
    entries.binary_search_by(|(other, _)| (**other).cmp(key))
}

/// Entries to be changed: a copy, with room for one more, if another version has them too.
fn own<V: Clone>(entries: &mut Arc<Vec<(Arc<str>, V)>>) -> &mut Vec<(Arc<str>, V)> {
    if Arc::get_mut(entries).is_none() {
        let mut copy = Vec::with_capacity(entries.len() + 1);
        copy.extend_from_slice(entries);
        *entries = Arc::new(copy);
    }
    Arc::make_mut(entries)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    fn same(sorted: &Sorted<u32>, model: &BTreeMap<String, u32>) {
        assert_eq!(sorted.len(), model.len());
        assert_eq!(sorted.is_empty(), model.is_empty());
        let all = |(key, value): (&String, &u32)| (key.clone(), *value);
        let found: Vec<_> = sorted.iter().map(|(k, v)| (k.to_owned(), *v)).collect();
        assert_eq!(found, model.iter().map(all).collect::<Vec<_>>());
        let back: Vec<_> = sorted.keys().rev().map(str::to_owned).collect();
        assert_eq!(back, model.keys().rev().cloned().collect::<Vec<_>>());
        for chunk in &sorted.chunks {
            assert!(!chunk.entries.is_empty());
            assert!(chunk.start <= chunk.entries.first().unwrap().0);
        }
        for pair in sorted.chunks.windows(2) {
            assert!(pair[0].entries.last().unwrap().0 < pair[1].start);
        }
    }

    proptest! {
        #[test]
        fn it_is_a_map_and_older_versions_stay_as_they_were(
            steps in proptest::collection::vec((any::<bool>(), 0..400_u32, any::<u32>()), 0..1500),
        ) {
            let mut sorted = Sorted::default();
            let mut model = BTreeMap::new();
            let mut kept = Vec::new();
            for (number, (put, key, value)) in steps.into_iter().enumerate() {
                let key = format!("{key}");
                if put {
                    prop_assert_eq!(sorted.insert(key.clone(), value), model.insert(key.clone(), value));
                    prop_assert_eq!(sorted.get(&key), Some(&value));
                } else {
                    prop_assert_eq!(sorted.remove(&key), model.remove(&key));
                    prop_assert!(!sorted.contains_key(&key));
                }
                if number % 500 == 0 {
                    kept.push((sorted.clone(), model.clone()));
                }
            }
            kept.push((sorted, model));
            for (sorted, model) in &kept {
                same(sorted, model);
                for marker in ["", "0", "3", "35", "350", "3500", "9999"] {
                    let behind: Vec<_> = sorted.behind(marker).map(|(key, _)| key).collect();
                    let wanted: Vec<_> = model.keys().filter(|key| key.as_str() > marker).collect();
                    prop_assert_eq!(behind, wanted);
                    let of: Vec<_> = sorted.prefixed(marker.to_owned()).map(|(key, _)| key).collect();
                    let wanted: Vec<_> = model.keys().filter(|key| key.starts_with(marker)).collect();
                    prop_assert_eq!(of, wanted);
                }
            }
        }
    }

    #[test]
    fn a_change_copies_a_small_part() {
        let mut before = Sorted::default();
        for number in 0..100_000_u32 {
            before.insert(format!("{number:06}"), number);
        }
        let mut after = before.clone();
        after.insert("050000x", 0);
        let copied: usize = after
            .chunks
            .iter()
            .filter(|chunk| {
                !before
                    .chunks
                    .iter()
                    .any(|other| Arc::ptr_eq(&chunk.entries, &other.entries))
            })
            .map(|chunk| chunk.entries.len())
            .sum();
        assert!(copied <= 317, "{copied} entries copied");
        let most = 4 * 317;
        assert!(after.chunks.len() <= most, "{} chunks", after.chunks.len());
        for number in 0..99_990_u32 {
            after.remove(&format!("{number:06}"));
        }
        assert_eq!(after.len(), 11);
        assert!(after.chunks.len() <= 2, "{} chunks", after.chunks.len());
        assert_eq!(before.len(), 100_000);
    }
}
