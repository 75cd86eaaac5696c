//! Session tags: what may be passed, what is inherited, and that the two never meet.
//!
//! IAM user guide, "Pass session tags in AWS STS". Keys compare whatever their letter case.

use crate::error::Error;
use crate::iam::TagCase;
use crate::names::{Tag, TagKey};
use crate::session::SessionTag;

/// Tags that a session may have, those it inherits included.
const MOST_TAGS: usize = 50;

/// The tags of the session that a request asks for: the transitive ones of the calling session, and
/// behind them what is passed.
///
/// # Errors
/// [`Error::InvalidParameterValue`]: a key twice, a reserved one, a transitive key that is not
/// passed, one that the calling session hands down, or more than fifty tags together.
pub(super) fn session_tags<'a>(
    passed: &[Tag],
    transitive: &[TagKey],
    inherited: impl Iterator<Item = &'a Tag>,
) -> Result<Vec<SessionTag>, Error> {
    let invalid = |text: &str| Error::InvalidParameterValue(text.to_owned());
    TagCase::Insensitive
        .check(passed)
        .map_err(|error| match error {
            Error::InvalidInput(text) => Error::InvalidParameterValue(text),
            other => other,
        })?;
    let lower = |key: &TagKey| key.as_str().to_lowercase();
    let mut transitive: Vec<_> = transitive.iter().map(lower).collect();
    let inherited = inherited.map(|tag| SessionTag {
        tag: tag.clone(),
        transitive: true,
    });
    let mut tags: Vec<_> = inherited.collect();
    let keys: Vec<_> = passed.iter().map(|tag| lower(&tag.key)).collect();
    if transitive.iter().any(|key| !keys.contains(key)) {
        return Err(invalid(
            "The specified transitive tag key must be included in the requested tags.",
        ));
    }
    if tags.iter().any(|tag| keys.iter().any(|key| tag.is(key))) {
        return Err(invalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
        ));
    }
    if tags.len() + passed.len() > MOST_TAGS {
        return Err(invalid(
            "A session can have at most 50 tags, those it inherits from the calling session included.",
        ));
    }
    transitive.sort_unstable();
    tags.extend(passed.iter().zip(&keys).map(|(tag, key)| SessionTag {
        tag: tag.clone(),
        transitive: transitive.binary_search(key).is_ok(),
    }));
    Ok(tags)
}

/// The tags of a role as its trust policy sees them when it is assumed: a tag that the calling
/// session hands down takes the place of the role's own of the same key.
pub(super) fn role_tags<'a>(own: &[Tag], inherited: impl Iterator<Item = &'a Tag>) -> Vec<Tag> {
    let mut tags = own.to_vec();
    for handed in inherited {
        let key = handed.key.as_str().to_lowercase();
        for tag in &mut tags {
            if tag.key.as_str().to_lowercase() == key {
                tag.value = handed.value.clone();
            }
        }
    }
    tags
}
