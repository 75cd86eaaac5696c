//! Multipart uploads: parts come in any order and number, and become one object by a transaction
//! that moves no bytes.

use super::body::{Id, Received};
use super::digest::{Algorithm, Checksum, ChecksumType, multipart_checksum, multipart_etag};
use super::listing::{common_prefix, successor, text};
use super::{
    Condition, Done, Error, Headers, Millis, Object, Objects, check_condition, doom, insert_object,
    insert_segment, json, not_removed, read_json,
};
use data_encoding::HEXLOWER;
use rusqlite::{Connection, OptionalExtension as _};

/// The least size of a part other than the last: 5 MiB.
pub const MIN_PART: u64 = 5 * 1024 * 1024;

/// An upload to be begun.
#[derive(Clone, Debug, Default)]
pub struct NewUpload {
    /// The bucket's address.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The metadata of the object to be.
    pub headers: Headers,
    /// The additional checksum to be computed, and over what.
    pub checksum: Option<(Algorithm, ChecksumType)>,
    /// Who begins it.
    pub initiator: String,
    /// The time.
    pub now: Millis,
}

/// An upload that has been begun.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Upload {
    /// The upload id.
    pub id: String,
    /// The key.
    pub key: String,
    /// When it was begun.
    pub initiated: Millis,
    /// By whom.
    pub initiator: String,
    /// The metadata of the object to be.
    pub headers: Headers,
    /// The additional checksum that is computed, and over what.
    pub checksum: Option<(Algorithm, ChecksumType)>,
}

/// A part that has been uploaded.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Part {
    /// 1 to 10,000.
    pub number: u32,
    /// How many bytes it has.
    pub size: u64,
    /// The entity tag, without quotes.
    pub etag: String,
    /// When it was uploaded.
    pub modified: Millis,
    /// Its additional checksum.
    pub checksum: Option<Checksum>,
}

/// A part that is to be in the object, as the client names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct CompletedPart {
    /// The number.
    pub number: u32,
    /// The entity tag, without quotes.
    pub etag: String,
    /// Additional checksums the client expects it to have, in base64.
    pub checksums: Vec<(Algorithm, String)>,
}

/// An upload to be completed.
#[derive(Clone, Debug, Default)]
pub struct Completed {
    /// The bucket's address.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload id.
    pub upload: String,
    /// The parts, in order.
    pub parts: Vec<CompletedPart>,
    /// Checksums of the whole that the client expects, in base64.
    pub checksums: Vec<(Algorithm, String)>,
    /// The size of the whole that the client expects.
    pub size: Option<u64>,
    /// What must be so.
    pub condition: Condition,
    /// The time.
    pub now: Millis,
}

/// What uploads are to be listed.
#[derive(Clone, Debug, Default)]
pub struct ListUploads {
    /// The bucket's address.
    pub bucket: String,
    /// Only keys that begin with this.
    pub prefix: String,
    /// What rolls keys up.
    pub delimiter: Option<String>,
    /// Behind this key, or among its uploads behind `upload_marker` if there is one.
    pub key_marker: Option<String>,
    /// Behind this upload.
    pub upload_marker: Option<String>,
    /// How many uploads and common prefixes at most.
    pub limit: usize,
}

/// A page of uploads.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct UploadPage {
    /// The uploads, by key, then by age.
    pub uploads: Vec<Upload>,
    /// The common prefixes, in order.
    pub prefixes: Vec<String>,
    /// The markers (key, upload) that the next page begins behind, if there is more.
    pub next: Option<(String, String)>,
}

/// What parts are to be listed.
#[derive(Clone, Debug, Default)]
pub struct ListParts {
    /// The bucket's address.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// The upload id.
    pub upload: String,
    /// Behind this number.
    pub after: u32,
    /// How many at most.
    pub limit: usize,
}

/// A page of parts.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PartPage {
    /// Their upload.
    pub upload: Upload,
    /// The parts, in order.
    pub parts: Vec<Part>,
    /// Whether there is more.
    pub truncated: bool,
}

impl Objects {
    /// Begins an upload (`CreateMultipartUpload`), and answers its id. Ids are in order of time.
    pub async fn create_upload(&self, new: NewUpload) -> Result<String, Error> {
        let id = format!(
            "{:013x}{}",
            new.now.max(0),
            HEXLOWER.encode(&self.bodies.id())
        );
        let upload = id.clone();
        self.index
            .write(move |connection| {
                not_removed(connection, &new.bucket)?;
                connection
                    .prepare_cached("INSERT INTO upload VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)")?
                    .execute((
                        &new.bucket,
                        new.key.as_bytes(),
                        &upload,
                        new.now,
                        &new.initiator,
                        serde_json::to_string(&new.headers)?,
                        new.checksum.map(|(algorithm, _)| algorithm.name()),
                        new.checksum.map(|(_, kind)| kind.name()),
                    ))?;
                Ok(())
            })
            .await?;
        Ok(id)
    }

    /// An upload of that key.
    pub async fn upload(&self, bucket: &str, key: &str, id: &str) -> Result<Upload, Error> {
        let (bucket, key, id) = (bucket.to_owned(), key.to_owned(), id.to_owned());
        self.index
            .read(move |connection| upload(connection, &bucket, &key, &id))
            .await
    }

    /// Makes a received body a part (`UploadPart`), in place of the one of that number.
    pub async fn put_part(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        number: u32,
        now: Millis,
        received: Received,
    ) -> Result<Part, Error> {
        let (objects, bucket, key, id) = (
            self.clone(),
            bucket.to_owned(),
            key.to_owned(),
            id.to_owned(),
        );
        self.commit(move |connection| {
            let body = objects.admit(connection, &bucket, &received)?;
            let upload = upload(connection, &bucket, &key, &id)?;
            let checksum = upload.checksum.and_then(|(algorithm, _)| {
                received
                    .digests
                    .checksums
                    .iter()
                    .find(|sum| sum.algorithm == algorithm)
                    .cloned()
            });
            let (size, etag) = (received.size, received.digests.etag());
            let part = Part {
                number,
                size,
                etag,
                modified: now,
                checksum,
            };
            let sql = "DELETE FROM part WHERE upload = ?1 AND number = ?2 RETURNING body";
            let replaced: Option<Id> = connection
                .prepare_cached(sql)?
                .query_row((&id, number), |row| row.get(0))
                .optional()?;
            if let Some(replaced) = replaced {
                doom(connection, replaced)?;
            }
            insert_segment(
                connection,
                body,
                0,
                number,
                size,
                body,
                part.checksum.as_ref(),
            )?;
            connection
                .prepare_cached("INSERT INTO part VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)")?
                .execute((
                    &id,
                    number,
                    body,
                    size,
                    &part.etag,
                    now,
                    json(part.checksum.as_ref())?,
                ))?;
            let settled = received.claim();
            Ok(Done {
                output: part,
                settled,
                doomed: replaced.into_iter().collect(),
            })
        })
        .await
    }

    /// Makes the named parts an object (`CompleteMultipartUpload`); the other parts go.
    pub async fn complete_upload(&self, completed: Completed) -> Result<Object, Error> {
        let body = self.bodies.id();
        self.commit(move |connection| {
            not_removed(connection, &completed.bucket)?;
            let (output, doomed) = complete(connection, &completed, body)?;
            Ok(Done {
                output,
                settled: None,
                doomed,
            })
        })
        .await
    }

    /// Gives an upload up (`AbortMultipartUpload`).
    pub async fn abort_upload(&self, bucket: &str, key: &str, id: &str) -> Result<(), Error> {
        let (bucket, key, id) = (bucket.to_owned(), key.to_owned(), id.to_owned());
        self.commit(move |connection| {
            upload(connection, &bucket, &key, &id)?;
            Ok(Done::dooming(abort(connection, &id)?))
        })
        .await
    }

    /// Lists the parts of an upload (`ListParts`).
    pub async fn list_parts(&self, list: ListParts) -> Result<PartPage, Error> {
        self.index
            .read(move |connection| {
                let upload = upload(connection, &list.bucket, &list.key, &list.upload)?;
                let sql = "SELECT number, size, etag, modified, checksum FROM part
                           WHERE upload = ?1 AND number > ?2 ORDER BY number LIMIT ?3";
                let mut statement = connection.prepare_cached(sql)?;
                let mut rows =
                    statement.query((&list.upload, list.after, list.limit.saturating_add(1)))?;
                let mut parts = Vec::new();
                while let Some(row) = rows.next()? {
                    parts.push(Part {
                        number: row.get(0)?,
                        size: row.get(1)?,
                        etag: row.get(2)?,
                        modified: row.get(3)?,
                        checksum: read_json(row, 4)?,
                    });
                }
                let truncated = parts.len() > list.limit;
                parts.truncate(list.limit);
                Ok(PartPage {
                    upload,
                    parts,
                    truncated,
                })
            })
            .await
    }

    /// Lists the uploads of a bucket (`ListMultipartUploads`).
    pub async fn list_uploads(&self, list: ListUploads) -> Result<UploadPage, Error> {
        self.index
            .read(move |connection| uploads(connection, &list))
            .await
    }
}

/// Gives up every upload to a bucket.
pub(super) fn abort_all(connection: &Connection, bucket: &str) -> Result<Vec<Id>, Error> {
    let mut statement = connection.prepare_cached("SELECT id FROM upload WHERE bucket = ?1")?;
    let ids = statement
        .query_map([bucket], |row| row.get::<_, String>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    let mut doomed = Vec::new();
    for id in ids {
        doomed.extend(abort(connection, &id)?);
    }
    Ok(doomed)
}

/// The columns of [`read_upload`], in its order.
const UPLOAD: &str = "id, key, initiated, initiator, headers, algorithm, kind";

fn read_upload(row: &rusqlite::Row<'_>) -> Result<Upload, Error> {
    let algorithm = row
        .get::<_, Option<String>>(5)?
        .and_then(|name| Algorithm::parse(&name));
    let kind = row
        .get::<_, Option<String>>(6)?
        .and_then(|name| ChecksumType::parse(&name));
    Ok(Upload {
        id: row.get(0)?,
        key: text(row.get(1)?)?,
        initiated: row.get(2)?,
        initiator: row.get(3)?,
        headers: serde_json::from_str(&row.get::<_, String>(4)?)?,
        checksum: algorithm.zip(kind),
    })
}

fn upload(connection: &Connection, bucket: &str, key: &str, id: &str) -> Result<Upload, Error> {
    let sql = format!("SELECT {UPLOAD} FROM upload WHERE bucket = ?1 AND key = ?2 AND id = ?3");
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query((bucket, key.as_bytes(), id))?;
    rows.next()?
        .map(read_upload)
        .transpose()?
        .ok_or(Error::NoSuchUpload)
}

/// Forgets an upload; the parts it has are doomed.
fn abort(connection: &Connection, id: &str) -> Result<Vec<Id>, Error> {
    let mut statement =
        connection.prepare_cached("DELETE FROM part WHERE upload = ?1 RETURNING body")?;
    let doomed = statement
        .query_map([id], |row| row.get::<_, Id>(0))?
        .collect::<Result<Vec<_>, _>>()?;
    for body in &doomed {
        doom(connection, *body)?;
    }
    connection
        .prepare_cached("DELETE FROM upload WHERE id = ?1")?
        .execute([id])?;
    Ok(doomed)
}

fn complete(
    connection: &Connection,
    completed: &Completed,
    body: Id,
) -> Result<(Object, Vec<Id>), Error> {
    let Completed {
        bucket,
        key,
        upload: id,
        parts,
        ..
    } = completed;
    let upload = upload(connection, bucket, key, id)?;
    check_condition(connection, bucket, key, &completed.condition)?;
    let stored = stored_parts(connection, id, parts)?;
    let size = stored
        .iter()
        .fold(0u64, |total, (part, _)| total.saturating_add(part.size));
    let etag = multipart_etag(stored.iter().map(|(part, _)| part.etag.as_str()))
        .ok_or(Error::InvalidPart)?;
    let checksum = match upload.checksum {
        None => None,
        Some((algorithm, kind)) => {
            let sums: Option<Vec<_>> = stored
                .iter()
                .map(|(part, _)| Some((part.checksum.as_ref()?.value.as_str(), part.size)))
                .collect();
            sums.and_then(|sums| multipart_checksum(algorithm, kind, &sums))
        }
    };
    let expected = |(algorithm, value): &(Algorithm, String)| {
        checksum
            .as_ref()
            .is_some_and(|sum| sum.algorithm == *algorithm && is_same(&sum.value, value))
    };
    if completed.size.is_some_and(|expected| expected != size)
        || !completed.checksums.iter().all(expected)
    {
        return Err(Error::BadDigest);
    }

    let sql = "UPDATE segment SET body = ?1, start = ?2 WHERE body = ?3 AND start = 0";
    let mut statement = connection.prepare_cached(sql)?;
    let mut start = 0u64;
    for (part, old) in &stored {
        statement.execute((body, start, old))?;
        start = start.saturating_add(part.size);
        connection
            .prepare_cached("DELETE FROM part WHERE upload = ?1 AND number = ?2")?
            .execute((id, part.number))?;
    }
    // What is left of the upload is in no object.
    let mut doomed = abort(connection, id)?;
    let object = Object {
        size,
        etag,
        modified: completed.now,
        parts: u32::try_from(stored.len()).ok(),
        headers: upload.headers,
        checksum,
    };
    doomed.extend(insert_object(connection, bucket, key, body, &object)?);
    Ok((object, doomed))
}

/// Whether a composite checksum is the one the client means: it may leave out how many parts.
fn is_same(value: &str, expected: &str) -> bool {
    value == expected
        || value
            .split_once('-')
            .is_some_and(|(sum, _)| sum == expected)
}

/// The parts that the client names, as they are stored, and their bodies.
fn stored_parts(
    connection: &Connection,
    id: &str,
    parts: &[CompletedPart],
) -> Result<Vec<(Part, Id)>, Error> {
    let numbers = || parts.iter().map(|part| part.number);
    if !numbers()
        .zip(numbers().skip(1))
        .all(|(number, next)| number < next)
    {
        return Err(Error::InvalidPartOrder);
    }
    let sql =
        "SELECT size, etag, modified, checksum, body FROM part WHERE upload = ?1 AND number = ?2";
    let mut statement = connection.prepare_cached(sql)?;
    let mut stored = Vec::with_capacity(parts.len());
    for part in parts {
        let mut rows = statement.query((id, part.number))?;
        let row = rows.next()?.ok_or(Error::InvalidPart)?;
        let found = Part {
            number: part.number,
            size: row.get(0)?,
            etag: row.get(1)?,
            modified: row.get(2)?,
            checksum: read_json(row, 3)?,
        };
        let matches = |(algorithm, value): &(Algorithm, String)| {
            found
                .checksum
                .as_ref()
                .is_some_and(|sum| sum.algorithm == *algorithm && sum.value == *value)
        };
        if found.etag != part.etag || !part.checksums.iter().all(matches) {
            return Err(Error::InvalidPart);
        }
        stored.push((found, row.get(4)?));
    }
    let before_last = stored.len().saturating_sub(1);
    match stored
        .iter()
        .take(before_last)
        .find(|(part, _)| part.size < MIN_PART)
    {
        Some((part, _)) => Err(Error::EntityTooSmall {
            part: part.number,
            etag: part.etag.clone(),
            size: part.size,
        }),
        None if stored.is_empty() => Err(Error::InvalidPart),
        None => Ok(stored),
    }
}

fn uploads(connection: &Connection, list: &ListUploads) -> Result<UploadPage, Error> {
    let mut page = UploadPage::default();
    if list.limit == 0 {
        return Ok(page);
    }
    let sql = format!(
        "SELECT {UPLOAD} FROM upload
         WHERE bucket = ?1 AND (key, id) > (?2, ?3) AND key >= ?4 AND key < ?5 ORDER BY key, id"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let upper = successor(&list.prefix);
    // No upload id is above "~": without an upload marker the whole key has been seen.
    let upload_marker = list
        .upload_marker
        .as_ref()
        .filter(|marker| !marker.is_empty());
    let mut behind = match (&list.key_marker, upload_marker) {
        (None, _) => (Vec::new(), String::new()),
        (Some(key), Some(upload)) => (key.as_bytes().to_vec(), upload.clone()),
        (Some(key), None) => match common_prefix(key, &list.prefix, list.delimiter.as_deref()) {
            Some(prefix) if prefix == key => (successor(prefix), String::new()),
            _ => (key.as_bytes().to_vec(), "~".to_owned()),
        },
    };
    let mut last = None;
    'seek: loop {
        let mut rows = statement.query((
            &list.bucket,
            &behind.0,
            &behind.1,
            list.prefix.as_bytes(),
            &upper,
        ))?;
        while let Some(row) = rows.next()? {
            if page.uploads.len().saturating_add(page.prefixes.len()) == list.limit {
                page.next = last;
                return Ok(page);
            }
            let upload = read_upload(row)?;
            if let Some(prefix) =
                common_prefix(&upload.key, &list.prefix, list.delimiter.as_deref())
            {
                page.prefixes.push(prefix.to_owned());
                behind = (successor(prefix), String::new());
                last = Some((prefix.to_owned(), String::new()));
                continue 'seek;
            }
            last = Some((upload.key.clone(), upload.id.clone()));
            page.uploads.push(upload);
        }
        return Ok(page);
    }
}
