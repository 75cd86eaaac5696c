//! Limits that are policy: AWS's are every role's, and an administrator may allow a role more.
//!
//! What a role allows stands in its tags, in the namespace `locum:`, which holds nothing else. A tag
//! that is a limit is set and taken away with IAM's own operations, and needs an action of its own
//! besides theirs: who may only tag roles cannot lengthen a session.
//!
//! | tag | allows | values |
//! | --- | --- | --- |
//! | `locum:MaxSessionDuration` | sessions beyond `MaxSessionDuration` and twelve hours | seconds, 43201 to 604800 |
//! | `locum:MaxChainedSessionDuration` | sessions beyond an hour for callers whose own credentials are temporary | seconds, 3601 to 604800 |
//! | `locum:MaxPackedPolicySize` | session policies and tags beyond 2048 bytes, packed | bytes, 2049 to 8192 |
//!
//! A value is a whole number in decimal digits, without a sign and without leading zeros. What is
//! allowed counts from the role's record, where it stands apart from the tags: neither tags of
//! sessions nor tags that a role had before its limits had a meaning allow anything.

use crate::environment::Seconds;
use crate::error::Error;
use crate::ids::AccessKeyId;
use crate::names::{MaxSessionDuration, Tag, TagKey};
use crate::session::{Packed, Session};
use locum_policy::quotas::SESSION_POLICIES;
use serde::{Deserialize, Serialize};

/// The longest session that there can be, in seconds: a week, whoever asks and whatever a role
/// allows.
pub const LONGEST_SESSION: Seconds = LONGEST as Seconds;
const LONGEST: u32 = 7 * 24 * 60 * 60;

/// The most bytes that packed policies and tags of a session can take in its token, whatever a role
/// allows. With the longest ancestry the token stays below [`crate::session::LONGEST_TOKEN`], and so
/// in a header.
pub const LARGEST_PACKED: u32 = 8192;

/// How many characters the session policies may have for each byte that they may take packed, where a
/// role allows more than AWS: the work that a token can make has a bound.
const PLAIN_PER_PACKED: usize = 8;

/// Something that a role can allow more of than AWS does.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Limit {
    /// How long sessions last, in seconds.
    MaxSessionDuration,
    /// How long sessions last that a caller with temporary credentials asks for, in seconds.
    MaxChainedSessionDuration,
    /// How many bytes session policies and tags take, packed.
    MaxPackedPolicySize,
}

impl Limit {
    /// Every limit.
    pub const ALL: [Self; 3] = [
        Self::MaxSessionDuration,
        Self::MaxChainedSessionDuration,
        Self::MaxPackedPolicySize,
    ];

    /// The key of the tag, which has no other spelling.
    pub fn tag_key(self) -> &'static str {
        match self {
            Self::MaxSessionDuration => "locum:MaxSessionDuration",
            Self::MaxChainedSessionDuration => "locum:MaxChainedSessionDuration",
            Self::MaxPackedPolicySize => "locum:MaxPackedPolicySize",
        }
    }

    /// The action that setting the tag and taking it away need, on the role.
    pub fn action(self) -> &'static str {
        match self {
            Self::MaxSessionDuration => "locum:SetMaxSessionDuration",
            Self::MaxChainedSessionDuration => "locum:SetMaxChainedSessionDuration",
            Self::MaxPackedPolicySize => "locum:SetMaxPackedPolicySize",
        }
    }

    /// What AWS allows, and so a role without the tag.
    pub const fn of_aws(self) -> u32 {
        match self {
            Self::MaxSessionDuration => 43_200,
            Self::MaxChainedSessionDuration => 3600,
            Self::MaxPackedPolicySize => 2048,
        }
    }

    /// What no role can go beyond.
    pub const fn highest(self) -> u32 {
        match self {
            Self::MaxSessionDuration | Self::MaxChainedSessionDuration => LONGEST,
            Self::MaxPackedPolicySize => LARGEST_PACKED,
        }
    }

    /// The limits that some of these keys mean, whatever their letter case: tags of roles are told
    /// apart like that too.
    pub(crate) fn meant<'a>(
        keys: impl Iterator<Item = &'a TagKey> + Clone,
    ) -> impl Iterator<Item = Self> {
        Self::ALL
            .into_iter()
            .filter(move |limit| keys.clone().any(|key| limit.is_meant_by(key)))
    }

    fn is_meant_by(self, key: &TagKey) -> bool {
        key.as_str().to_lowercase() == self.tag_key().to_ascii_lowercase()
    }

    fn with_key(key: &TagKey) -> Option<Self> {
        let mut all = Self::ALL.into_iter();
        all.find(|limit| limit.tag_key() == key.as_str())
    }

    /// The value of the tag: decimal digits, and nothing else.
    fn parse(self, text: &str) -> Option<u32> {
        let plain = text.bytes().all(|b| b.is_ascii_digit()) && !text.starts_with('0');
        let value: u32 = text.parse().ok().filter(|_| plain)?;
        (self.of_aws() < value && value <= self.highest()).then_some(value)
    }
}

/// What a role allows beyond AWS's limits. The default is nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RoleLimits {
    #[serde(skip_serializing_if = "Option::is_none")]
    max_session_duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_chained_session_duration: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_packed_policy_size: Option<u32>,
}

impl RoleLimits {
    /// Checks a tag that a role is to have, whose key is reserved.
    ///
    /// # Errors
    /// [`Error::InvalidInput`]: a key of AWS's, one that is no limit, or a value that the limit cannot
    /// have.
    pub(crate) fn check(tag: &Tag) -> Result<(), Error> {
        let Some(limit) = Limit::with_key(&tag.key) else {
            return tag.key.check_unreserved();
        };
        match limit.parse(tag.value.as_str()) {
            Some(_) => Ok(()),
            None => Err(Error::InvalidInput(format!(
                "The value of the tag {} must be a whole number from {} to {}.",
                limit.tag_key(),
                limit.of_aws() + 1,
                limit.highest()
            ))),
        }
    }

    /// Takes over what those of the tags say that are limits. They were checked.
    pub(crate) fn set(&mut self, tags: &[Tag]) {
        for tag in tags {
            if let Some(limit) = Limit::with_key(&tag.key) {
                *self.of_mut(limit) = limit.parse(tag.value.as_str());
            }
        }
    }

    /// Takes back what tags with these keys allowed.
    pub(crate) fn unset(&mut self, keys: &[TagKey]) {
        for limit in Limit::meant(keys.iter()) {
            *self.of_mut(limit) = None;
        }
    }

    /// Whether it allows nothing beyond AWS's limits.
    pub fn is_aws(&self) -> bool {
        *self == Self::default()
    }

    /// How much of a limit the role allows: what AWS does at least.
    pub fn of(&self, limit: Limit) -> u32 {
        let mut own = *self;
        let value = own.of_mut(limit).unwrap_or(limit.of_aws());
        value.clamp(limit.of_aws(), limit.highest())
    }

    /// Whether a session may last `lifetime`, by `MaxSessionDuration` and what is allowed beyond it.
    pub(crate) fn admit(&self, maximum: MaxSessionDuration, lifetime: Seconds) -> bool {
        let allowed = match self.max_session_duration {
            Some(_) => self.of(Limit::MaxSessionDuration),
            None => maximum.seconds(),
        };
        lifetime <= Seconds::from(allowed)
    }

    /// When a session of the role ends by what the role allows now. AWS's limits do not reach sessions
    /// that were issued; what goes beyond them lasts only as long as it is allowed.
    pub(crate) fn end_of(&self, session: &Session) -> Seconds {
        let mut longest = self.of(Limit::MaxSessionDuration);
        if is_chained(session) {
            longest = longest.min(self.of(Limit::MaxChainedSessionDuration));
        }
        session
            .expires
            .min(session.issued.saturating_add(Seconds::from(longest)))
    }

    /// What session policies and tags may take.
    pub(crate) fn allotment(&self) -> Allotment {
        let packed = self.of(Limit::MaxPackedPolicySize) as usize;
        match self.max_packed_policy_size {
            None => Allotment::OF_AWS,
            Some(_) => Allotment {
                packed,
                plain: packed * PLAIN_PER_PACKED,
            },
        }
    }

    fn of_mut(&mut self, limit: Limit) -> &mut Option<u32> {
        match limit {
            Limit::MaxSessionDuration => &mut self.max_session_duration,
            Limit::MaxChainedSessionDuration => &mut self.max_chained_session_duration,
            Limit::MaxPackedPolicySize => &mut self.max_packed_policy_size,
        }
    }
}

/// Whether a session was asked for by AssumeRole with temporary credentials. What a requestor got for
/// an exchange token was granted by who approved, whatever credentials traded it in: those are of the
/// account that acts.
fn is_chained(session: &Session) -> bool {
    let by = session.ancestry.sessions.last();
    by.is_some_and(|by| {
        let account = AccessKeyId::account_of(by.access_key_id.as_str());
        session.delegate.is_none() || account != session.delegate
    })
}

/// How much the policies and tags of a session may take.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Allotment {
    /// Bytes of policies and tags, packed.
    packed: usize,
    /// Characters of policies.
    plain: usize,
}

impl Allotment {
    /// Where nobody allows more.
    pub(crate) const OF_AWS: Self = Self {
        packed: Limit::MaxPackedPolicySize.of_aws() as usize,
        plain: SESSION_POLICIES,
    };

    /// `PackedPolicySize`: how much of the allotted space the form in the token takes, in percent;
    /// `None` where there is nothing to pack.
    pub(crate) fn percent(self, packed: &Packed) -> Option<u32> {
        (packed.size() > 0).then(|| percent(packed.size(), self.packed))
    }

    /// How much of the characters that policies may have `plain` is, in percent.
    pub(crate) fn plain_percent(self, plain: usize) -> u32 {
        percent(plain, self.plain)
    }
}

/// How much of a limit `size` is, in percent; what is begun counts whole.
pub(crate) fn percent(size: usize, limit: usize) -> u32 {
    u32::try_from((size * 100).div_ceil(limit)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Constrained as _;

    fn tag(key: &str, value: &str) -> Tag {
        Tag {
            key: TagKey::parse(key).unwrap(),
            value: crate::names::TagValue::parse(value).unwrap(),
        }
    }

    #[track_caller]
    fn check(key: &str, value: &str, legal: Result<(), &str>) {
        let got = RoleLimits::check(&tag(key, value)).map_err(|error| error.to_string());
        assert_eq!(got, legal.map_err(str::to_owned), "{key}={value}");
    }

    #[test]
    fn values() {
        let session = "The value of the tag locum:MaxSessionDuration must be a whole number from 43201 to 604800.";
        for value in ["43201", "604800"] {
            check("locum:MaxSessionDuration", value, Ok(()));
        }
        for value in [
            "",
            "0",
            "-1",
            "43200",
            "604801",
            "+86400",
            "086400",
            " 86400",
            "86400 ",
            "8.64",
            "864e2",
            "0x15180",
            "86_400",
            "99999999999999999999",
            "4294967296",
            "٨٦٤٠٠",
            "P1D",
        ] {
            // What is no tag value at all is refused before.
            if crate::names::TagValue::parse(value).is_ok() {
                check("locum:MaxSessionDuration", value, Err(session));
            }
        }
        check("locum:MaxChainedSessionDuration", "3601", Ok(()));
        check(
            "locum:MaxChainedSessionDuration",
            "3600",
            Err(
                "The value of the tag locum:MaxChainedSessionDuration must be a whole number from 3601 to 604800.",
            ),
        );
        check("locum:MaxPackedPolicySize", "8192", Ok(()));
        check(
            "locum:MaxPackedPolicySize",
            "8193",
            Err(
                "The value of the tag locum:MaxPackedPolicySize must be a whole number from 2049 to 8192.",
            ),
        );
    }

    #[test]
    fn no_other_tag_is_in_the_namespace() {
        let ours = "Tag keys beginning with locum: are reserved for locum use.";
        for key in [
            "locum:",
            "locum:x",
            "Locum:MaxSessionDuration",
            "locum:maxsessionduration",
            "LOCUM:MAXSESSIONDURATION",
            "locum:MaxSessionDuration ",
            // A sign for kelvin, whose lower case is a plain k.
            "locum:MaxPac\u{212a}edPolicySize",
        ] {
            check(key, "86400", Err(ours));
        }
        let aws = "Tag keys beginning with aws: are reserved for AWS use.";
        check("Aws:x", "86400", Err(aws));
        for key in [
            "locum",
            "xlocum:y",
            " locum:x",
            "x/locum:MaxSessionDuration",
        ] {
            check(key, "86400", Ok(()));
        }
    }

    #[test]
    fn keys_mean_a_limit_whatever_their_letter_case() {
        let meant = |key: &str| {
            let key = TagKey::parse(key).unwrap();
            Limit::meant(std::iter::once(&key)).collect::<Vec<_>>()
        };
        let packed = [Limit::MaxPackedPolicySize];
        for key in [
            "locum:MaxPackedPolicySize",
            "LOCUM:maxpackedpolicysize",
            "locum:MaxPac\u{212a}edPolicySize",
        ] {
            assert_eq!(meant(key), packed, "{key}");
        }
        assert_eq!(meant("locum:MaxPackedPolicySize2"), []);
    }

    #[test]
    fn what_the_store_holds_goes_no_further_than_the_highest() {
        let stored: RoleLimits =
            serde_json::from_str(r#"{"max_session_duration":4294967295}"#).unwrap();
        assert_eq!(
            i64::from(stored.of(Limit::MaxSessionDuration)),
            LONGEST_SESSION
        );
        assert_eq!(stored.of(Limit::MaxChainedSessionDuration), 3600);
        assert!(!stored.admit(MaxSessionDuration::default(), LONGEST_SESSION + 1));
    }
}
