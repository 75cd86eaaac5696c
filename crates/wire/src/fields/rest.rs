//! What the services of the REST-JSON protocol have of their own.

use super::{Fields, page_key};
use data_encoding::BASE64;
use locum_identity::error::Error;
use locum_identity::iam::PageRequest;
use locum_identity::names::{Constraint, Tag};

impl Fields<'_> {
    /// `nextToken` and the member `size`, which is from one to `most` and `most` where it is absent.
    pub(crate) fn rest_page(&mut self, size: &str, most: i32) -> PageRequest {
        let max_items = self.number(size, |number| match number {
            ..1 => Err(Constraint::MinValue(1)),
            number if number > most => Err(Constraint::MaxValue(most.into())),
            number => Ok(number),
        });
        let behind = self
            .raw("nextToken")
            .map(|token| page_key(self.params, token));
        if behind == Some(None) {
            self.invalid_page = Some(|| Error::ValidationText("Invalid nextToken".to_owned()));
        }
        PageRequest {
            behind: behind.flatten().unwrap_or_default(),
            max_items: Some(max_items.unwrap_or(most).unsigned_abs() as usize),
        }
    }

    /// That a member is there, whatever it is.
    pub(crate) fn required_member(&mut self, name: &str) {
        if !self.has(name) {
            self.fail(name, None, Constraint::NotNull);
        }
    }

    /// The element itself, where a list's elements are texts of any kind.
    pub(crate) fn scalar_text(&self) -> Option<String> {
        let name = self.prefix.strip_suffix('.')?;
        self.params.value(name).map(str::to_owned)
    }

    /// A map of tags: it may be absent, but not empty, and has `most` at most.
    pub(crate) fn tag_map(&mut self, name: &str, most: u32) -> Vec<Tag> {
        if self.raw(name).is_some() {
            self.fail(name, None, Constraint::MinLength(1));
        }
        self.map(name, most, |entry| {
            let (key, value) = (entry.required("key"), entry.required("value"));
            let (key, value) = key.ok().zip(value.ok())?;
            Some(Tag { key, value })
        })
    }

    /// The same, for the tagging operations.
    pub(crate) fn required_tag_map(&mut self, name: &str, most: u32) -> Vec<Tag> {
        if !self.has(name) {
            self.fail(name, None, Constraint::NotNull);
        }
        self.tag_map(name, most)
    }

    /// Bytes, of which there may be `min` to `max`.
    pub(crate) fn blob(&mut self, name: &str, min: u32, max: u32) -> Option<Vec<u8>> {
        let text = self.raw(name)?;
        let Ok(bytes) = BASE64.decode(text.as_bytes()) else {
            self.malformed = true;
            return None;
        };
        let failed = if bytes.len() < min as usize {
            Constraint::MinLength(min)
        } else if bytes.len() > max as usize {
            Constraint::MaxLength(max)
        } else {
            return Some(bytes);
        };
        // The bytes say nothing to who reads the message.
        self.fail(name, None, failed);
        None
    }
}
