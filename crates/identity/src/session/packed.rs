//! The policies and tags of a session in the one binary form that its token carries, which is also
//! what `PackedPolicySize` measures.

use super::codec::{read_bytes, read_number, write_bytes, write_number};
use super::{SessionTag, constrained, deflate};
use crate::names::Tag;
use locum_policy::{Compiled, Kind, Policy};
use std::sync::{Arc, OnceLock};

/// What a packed form may unpack to at most: more than the limits of requests admit.
const LONGEST_PLAIN: usize = 256 * 1024;

/// Session policies and session tags, plain and packed.
#[derive(Clone, Default)]
pub struct Packed {
    policy: Option<String>,
    policy_arns: Vec<String>,
    tags: Vec<SessionTag>,
    bytes: Box<[u8]>,
    /// The inline policy, compiled when it is first asked for.
    compiled: OnceLock<Option<Arc<Compiled>>>,
}

impl Packed {
    /// Packs the inline session policy, the ARNs of managed ones and the tags. It is unpacked again
    /// by the code that will later open the token; `None` if that gives something else.
    pub fn new(
        policy: Option<String>,
        policy_arns: Vec<String>,
        tags: Vec<SessionTag>,
    ) -> Option<Self> {
        let mut packed = Self {
            policy,
            policy_arns,
            tags,
            ..Self::default()
        };
        if packed.policy.is_some() || !packed.policy_arns.is_empty() || !packed.tags.is_empty() {
            packed.bytes = deflate::deflate(&packed.plain()).into();
        }
        (Self::unpack(&packed.bytes)? == packed).then_some(packed)
    }

    /// The inline session policy.
    pub fn policy(&self) -> Option<&str> {
        self.policy.as_deref()
    }

    /// ARNs of managed session policies; resolved at each use.
    pub fn policy_arns(&self) -> &[String] {
        &self.policy_arns
    }

    /// The session's tags, those inherited from the calling session first.
    pub fn tags(&self) -> &[SessionTag] {
        &self.tags
    }

    /// Whether session policies were passed.
    pub fn has_policies(&self) -> bool {
        self.policy.is_some() || !self.policy_arns.is_empty()
    }

    /// The bytes it takes in a token; 0 when there is nothing in it.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The inline policy, ready to decide; `None` if it cannot be understood, or if there is none.
    pub(crate) fn compiled(&self) -> Option<&Arc<Compiled>> {
        self.compiled
            .get_or_init(|| {
                let policy = Policy::stored(self.policy()?, Kind::Session).ok()?;
                Some(Arc::new(policy.compile().labelled("session policy")))
            })
            .as_ref()
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The length of what is packed, which is what it takes in memory.
    pub(super) fn plain_size(&self) -> usize {
        let texts = self.policy.iter().chain(&self.policy_arns);
        let tags = self
            .tags
            .iter()
            .map(|tag| tag.tag.key.as_str().len() + tag.tag.value.as_str().len());
        texts.map(String::len).chain(tags).sum()
    }

    /// `policy ‖ ARNs ‖ tags`: the policy's length is one more than it is, so that 0 is none; lists
    /// begin with their length; the lowest bit of a key's length tells a transitive tag.
    fn plain(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.plain_size() + 3 * self.tags.len() + 32);
        match &self.policy {
            None => out.push(0),
            Some(policy) => {
                write_number(&mut out, policy.len() as u64 + 1);
                out.extend_from_slice(policy.as_bytes());
            }
        }
        write_number(&mut out, self.policy_arns.len() as u64);
        for arn in &self.policy_arns {
            write_bytes(&mut out, arn.as_bytes());
        }
        write_number(&mut out, self.tags.len() as u64);
        for SessionTag { tag, transitive } in &self.tags {
            let key = tag.key.as_str().as_bytes();
            write_number(&mut out, (key.len() as u64) << 1 | u64::from(*transitive));
            out.extend_from_slice(key);
            write_bytes(&mut out, tag.value.as_str().as_bytes());
        }
        out
    }

    /// What `bytes` hold. Anything illegal or left over makes it `None`.
    pub(super) fn unpack(bytes: &[u8]) -> Option<Self> {
        let mut packed = Self {
            bytes: bytes.into(),
            ..Self::default()
        };
        if bytes.is_empty() {
            return Some(packed);
        }
        let plain = deflate::inflate(bytes, LONGEST_PLAIN)?;
        let mut rest = plain.as_slice();
        let from = &mut rest;
        if let Some(length) = read_number(from)?.checked_sub(1) {
            packed.policy = Some(text(take(from, length)?)?);
        }
        for _ in 0..read_number(from)? {
            packed.policy_arns.push(text(read_bytes(from)?)?);
        }
        for _ in 0..read_number(from)? {
            let head = read_number(from)?;
            let key = constrained(take(from, head >> 1)?)?;
            let value = constrained(read_bytes(from)?)?;
            packed.tags.push(SessionTag {
                tag: Tag { key, value },
                transitive: head & 1 == 1,
            });
        }
        from.is_empty().then_some(packed)
    }
}

fn take<'a>(from: &mut &'a [u8], length: u64) -> Option<&'a [u8]> {
    let (bytes, rest) = from.split_at_checked(usize::try_from(length).ok()?)?;
    *from = rest;
    Some(bytes)
}

fn text(bytes: &[u8]) -> Option<String> {
    std::str::from_utf8(bytes).ok().map(str::to_owned)
}

impl PartialEq for Packed {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
            && self.policy == other.policy
            && self.policy_arns == other.policy_arns
            && self.tags == other.tags
    }
}

impl Eq for Packed {}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Packed")
            .field("policy", &self.policy)
            .field("policy_arns", &self.policy_arns)
            .field("tags", &self.tags)
            .finish_non_exhaustive()
    }
}
