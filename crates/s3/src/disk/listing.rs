//! Listing the objects of a bucket: in the byte order of their keys, keys that share what is
//! before a delimiter rolled up into one common prefix, a page at a time at constant memory.

use super::{Error, OBJECT, Object, Objects, read_object};
use rusqlite::Connection;

/// Where a listing begins: at the least key that is not below these bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Bound(Vec<u8>);

impl Bound {
    /// Behind a key, or behind all that a common prefix stands for if `marker` is one in a
    /// listing with that prefix and delimiter: the `NextMarker` of a page, given back.
    pub fn behind(marker: &str, prefix: &str, delimiter: Option<&str>) -> Self {
        let rolled_up =
            delimiter
                .zip(marker.strip_prefix(prefix))
                .is_some_and(|(delimiter, rest)| {
                    rest.find(delimiter)
                        .map(|at| at.saturating_add(delimiter.len()))
                        == Some(rest.len())
                });
        if rolled_up {
            Self::behind_prefix(marker)
        } else {
            Self::behind_key(marker)
        }
    }

    /// The bytes, for a continuation token.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The bound of [`Bound::as_bytes`].
    pub fn from_bytes(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    pub(super) fn behind_key(key: &str) -> Self {
        let mut bytes = key.as_bytes().to_vec();
        bytes.push(0);
        Self(bytes)
    }

    pub(super) fn behind_prefix(prefix: &str) -> Self {
        Self(successor(prefix))
    }
}

/// The least bytes above everything that begins with `prefix`: no byte of a text is 0xFF.
pub(super) fn successor(prefix: &str) -> Vec<u8> {
    let mut bytes = prefix.as_bytes().to_vec();
    match bytes.last_mut() {
        Some(last) => *last = last.saturating_add(1),
        None => bytes.push(0xFF),
    }
    bytes
}

/// The common prefix that `key` is rolled up into, if it is.
pub(super) fn common_prefix<'a>(
    key: &'a str,
    prefix: &str,
    delimiter: Option<&str>,
) -> Option<&'a str> {
    let delimiter = delimiter?;
    let at = key.get(prefix.len()..)?.find(delimiter)?;
    key.get(
        ..prefix
            .len()
            .saturating_add(at)
            .saturating_add(delimiter.len()),
    )
}

/// What is to be listed.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The bucket's address.
    pub bucket: String,
    /// Only keys that begin with this.
    pub prefix: String,
    /// What rolls keys up.
    pub delimiter: Option<String>,
    /// Where to begin.
    pub from: Bound,
    /// How many keys and common prefixes at most.
    pub limit: usize,
}

/// A page of a listing.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Page {
    /// The objects, in order.
    pub objects: Vec<(String, Object)>,
    /// The common prefixes, in order.
    pub prefixes: Vec<String>,
    /// The last key or common prefix of the page, and where the next page begins, if there is more.
    pub next: Option<(String, Bound)>,
}

impl Objects {
    /// Lists objects (`ListObjects`, `ListObjectsV2`).
    pub async fn list(&self, list: List) -> Result<Page, Error> {
        self.index
            .read(move |connection| page(connection, &list))
            .await
    }
}

fn page(connection: &Connection, list: &List) -> Result<Page, Error> {
    let mut page = Page::default();
    if list.limit == 0 {
        return Ok(page);
    }
    let sql = format!(
        "SELECT key, {OBJECT} FROM object WHERE bucket = ?1 AND key >= ?2 AND key < ?3 ORDER BY key"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let upper = successor(&list.prefix);
    let mut from = list.from.0.as_slice().max(list.prefix.as_bytes()).to_vec();
    let mut last: Option<(String, Bound)> = None;
    'seek: loop {
        let mut rows = statement.query((&list.bucket, &from, &upper))?;
        while let Some(row) = rows.next()? {
            if page.objects.len().saturating_add(page.prefixes.len()) == list.limit {
                page.next = last;
                return Ok(page);
            }
            let key = text(row.get(0)?)?;
            if let Some(prefix) = common_prefix(&key, &list.prefix, list.delimiter.as_deref()) {
                page.prefixes.push(prefix.to_owned());
                from = successor(prefix);
                last = Some((prefix.to_owned(), Bound::behind_prefix(prefix)));
                // Whatever else is rolled up into it is passed over at once.
                continue 'seek;
            }
            last = Some((key.clone(), Bound::behind_key(&key)));
            page.objects.push((key, read_object(row, 1)?));
        }
        return Ok(page);
    }
}

/// A key as it came from the index.
pub(super) fn text(bytes: Vec<u8>) -> Result<String, Error> {
    String::from_utf8(bytes).map_err(|error| Error::Unavailable(error.into()))
}
