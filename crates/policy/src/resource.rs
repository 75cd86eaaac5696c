//! Matching of ARNs: the `Resource` elements and the `Arn…` conditions.
//!
//! The first five colons are walls: a wildcard stays inside its segment, and only the last segment
//! may hold further colons. A pattern with fewer segments matches only by a trailing `*`, which then
//! takes up the missing ones (`arn:aws:s3:*`).

use crate::arn;
use crate::facts::Facts;
use crate::glob::{self, Glob};
use crate::template;

/// How a pattern for ARNs is to be matched. The pattern itself is kept elsewhere, as written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ArnPattern {
    /// `*`: everything, also what is no ARN.
    Any,
    /// No wildcards.
    Exact,
    /// One wildcard: a `*` at the end of the last segment.
    Prefix,
    /// No wildcards in the first five segments, which take up so many bytes.
    Tail(u16),
    /// The same with variables or escapes in the last segment.
    TailExpands(u16),
    /// Segment by segment.
    Segments,
    /// The same with variables or escapes in the last segment.
    SegmentsExpand,
    /// Variables or escapes anywhere: where the segments end is known only at the request.
    Expands,
    Never,
}

impl ArnPattern {
    /// Reads a `Resource` or `NotResource` value: variables only after the fifth colon.
    ///
    /// `None` when a variable is malformed.
    pub(crate) fn resource(text: &str, variables: bool) -> Option<ArnPattern> {
        if text == "*" {
            return Some(ArnPattern::Any);
        }
        let Some(head) = head_length(text) else {
            let open = text.ends_with('*');
            return Some(if open {
                ArnPattern::Segments
            } else {
                ArnPattern::Never
            });
        };
        let expands = variables && template::expands(text.get(head..)?).ok()?;
        Some(ArnPattern::full(text, head, expands))
    }

    /// Reads a value of an `Arn…` condition: variables anywhere.
    ///
    /// `None` when it is neither `*` nor six segments of which the first can be `arn`, or a variable
    /// is malformed.
    pub(crate) fn condition(text: &str, variables: bool) -> Option<ArnPattern> {
        if text == "*" {
            return Some(ArnPattern::Any);
        }
        if variables && template::expands(text).ok()? {
            let named = template::parts(text)
                .any(|part| matches!(part, Ok(template::Part::Variable { .. })));
            return (named || is_arn_pattern(text)).then_some(ArnPattern::Expands);
        }
        if !is_arn_pattern(text) {
            return None;
        }
        Some(ArnPattern::full(text, head_length(text)?, false))
    }

    /// A pattern of six segments, the first five of `head` bytes.
    fn full(text: &str, head: usize, expands: bool) -> ArnPattern {
        let (start, rest) = text.split_at_checked(head).unwrap_or_default();
        let wild = |text: &str| text.contains(['*', '?']);
        let head = u16::try_from(head).ok();
        match head.filter(|_| start.starts_with("arn:") && !wild(start)) {
            None if expands => ArnPattern::SegmentsExpand,
            None => ArnPattern::Segments,
            Some(head) if expands => ArnPattern::TailExpands(head),
            Some(_) if !wild(rest) => ArnPattern::Exact,
            Some(_) if rest.strip_suffix('*').is_some_and(|r| !wild(r)) => ArnPattern::Prefix,
            Some(head) => ArnPattern::Tail(head),
        }
    }

    /// Whether a request's resource (an ARN, or `*` for actions without one) matches the pattern, or a
    /// condition's value that is known to be an ARN.
    #[inline]
    pub(crate) fn matches(self, pattern: &str, text: &str, facts: &Facts<'_>) -> bool {
        match self {
            ArnPattern::Any => true,
            ArnPattern::Never => false,
            ArnPattern::Exact => pattern == text,
            ArnPattern::Prefix => pattern
                .strip_suffix('*')
                .is_some_and(|start| text.starts_with(start)),
            ArnPattern::Tail(head) => tails(pattern, text, head)
                .is_some_and(|(pattern, text)| Glob::new(pattern).matches(text)),
            ArnPattern::TailExpands(head) => tails(pattern, text, head)
                .is_some_and(|(pattern, text)| expanded(pattern, text, facts)),
            ArnPattern::Segments | ArnPattern::SegmentsExpand => {
                arn::split(text).is_some() && self.by_segments(pattern, text, facts)
            }
            ArnPattern::Expands => {
                arn::split(text).is_some()
                    && template::expand(pattern, true, facts, text.len())
                        .is_some_and(|pattern| by_bytes(pattern.as_bytes(), text))
            }
        }
    }

    fn by_segments(self, pattern: &str, text: &str, facts: &Facts<'_>) -> bool {
        let mut patterns = pattern.splitn(6, ':');
        let mut rest = text;
        let Some(mut segment) = patterns.next() else {
            return false;
        };
        for next in patterns {
            let Some((start, after)) = rest.split_once(':') else {
                return false;
            };
            if !Glob::new(segment).matches(start) {
                return false;
            }
            (segment, rest) = (next, after);
        }
        if self == ArnPattern::SegmentsExpand {
            expanded(segment, rest, facts)
        } else {
            Glob::new(segment).matches(rest)
        }
    }

    /// The bytes with which every text must start that the pattern can match; `None` when the whole
    /// pattern is such a text.
    pub(crate) fn literal(self, pattern: &str) -> Option<&str> {
        let end = match self {
            ArnPattern::Exact => return None,
            ArnPattern::Any | ArnPattern::Never | ArnPattern::Expands => 0,
            ArnPattern::Prefix | ArnPattern::Tail(_) | ArnPattern::Segments => {
                pattern.find(['*', '?']).unwrap_or(pattern.len())
            }
            ArnPattern::TailExpands(head) => {
                let head = usize::from(head);
                let tail = pattern.get(head..).unwrap_or_default();
                head + tail.find(['*', '?', '$']).unwrap_or(0)
            }
            ArnPattern::SegmentsExpand => pattern.find(['*', '?', '$']).unwrap_or(0),
        };
        pattern.get(..end)
    }
}

/// What follows the first five segments in pattern and text, if those are the same.
fn tails<'p, 't>(pattern: &'p str, text: &'t str, head: u16) -> Option<(&'p str, &'t str)> {
    let (start, pattern) = pattern.split_at_checked(usize::from(head))?;
    Some((pattern, text.strip_prefix(start)?))
}

/// Whether a text matches a pattern with variables.
fn expanded(pattern: &str, text: &str, facts: &Facts<'_>) -> bool {
    // What stands before the first variable rules out most texts without a look-up.
    let special = pattern.find(['*', '?', '$']).unwrap_or(pattern.len());
    pattern.get(..special).is_some_and(|p| text.starts_with(p))
        && template::expand(pattern, true, facts, text.len())
            .is_some_and(|pattern| Glob::expanded(pattern.as_bytes()).matches(text))
}

/// Segment by segment, for a whole pattern with its variables put in.
fn by_bytes(pattern: &[u8], text: &str) -> bool {
    if pattern == [glob::MANY] {
        return true;
    }
    let mut rest = text;
    let mut patterns = pattern.splitn(6, |b| *b == b':').enumerate();
    let six = pattern.iter().filter(|b| **b == b':').nth(4).is_some();
    six && patterns.all(|(number, segment)| {
        if number == 5 {
            return Glob::expanded(segment).matches(rest);
        }
        rest.split_once(':').is_some_and(|(start, after)| {
            rest = after;
            Glob::expanded(segment).matches(start)
        })
    })
}

/// Whether a pattern has six segments, of which the first can be `arn`.
fn is_arn_pattern(text: &str) -> bool {
    let first = text.split(':').next().unwrap_or_default();
    head_length(text).is_some() && Glob::new(first).matches("arn")
}

/// How many bytes the first five segments take up, colons included; `None` when there are fewer.
fn head_length(text: &str) -> Option<usize> {
    text.match_indices(':').nth(4).map(|(at, _)| at + 1)
}

#[cfg(test)]
mod tests {
    use super::ArnPattern;
    use crate::facts::Facts;

    fn check(pattern: &str, text: &str, wanted: bool) {
        let context = [
            ("aws:username", "ann"),
            ("aws:PrincipalArn", "arn:aws:iam::1:user/ann"),
            ("region", "eu"),
        ];
        let parsed = ArnPattern::resource(pattern, true).unwrap();
        assert_eq!(
            parsed.matches(pattern, text, &Facts::new(&context)),
            wanted,
            "{pattern} on {text}"
        );
    }

    fn condition(pattern: &str, text: &str, wanted: Option<bool>) {
        let context = [
            ("aws:username", "ann"),
            ("aws:PrincipalArn", "arn:aws:iam::1:user/ann"),
        ];
        let parsed = ArnPattern::condition(pattern, true);
        let seen = parsed.map(|p| p.matches(pattern, text, &Facts::new(&context)));
        assert_eq!(seen, wanted, "{pattern} on {text}");
    }

    #[test]
    fn segments() {
        check("*", "anything", true);
        check("*", "*", true);
        check("arn:aws:s3:::b", "*", false);
        check("arn:aws:s3:::b/*", "arn:aws:s3:::b/x:y/z", true);
        check("arn:aws:s3:::b*", "arn:aws:s3:::b/x", true);
        check("arn:aws:s3:::b", "arn:aws:s3:::B", false);
        check("arn:*:s3:::b", "arn:aws-cn:s3:::b", true);
        check("arn:aws:sqs:*:1:q", "arn:aws:sqs:eu-west-1:1:q", true);
        check("arn:aws:sqs:*:q", "arn:aws:sqs:eu-west-1:1:q", false);
        check("arn:aws:sqs:eu-*:1:q", "arn:aws:sqs:eu-west-1:1:q", true);
        check("arn:aws:sqs:::q", "arn:aws:sqs:eu-west-1:1:q", false);
        check("arn:aws:s3:*", "arn:aws:s3:::b/x", true);
        check("arn:aws:s3:*", "arn:aws:s3:::", true);
        check("arn:aws:s3:*", "arn:aws:sqs:::b", false);
        check("arn:aws:s3:*", "arn:aws:s3:b", false);
        check("arn:aws:s3::", "arn:aws:s3:::b", false);
        check("arn:aws:sqs:eu:q*x", "arn:aws:sqs:eu:q:x", false);
        check("arn:aws:sqs:${region}*", "arn:aws:sqs:eu:1:q", false);
        check("arn:aws:s3:::${aws:username}/*", "arn:aws:s3:::ann/x", true);
        check("arn:aws:s3:::${aws:userid}/*", "arn:aws:s3:::ann/x", false);
        check(
            "arn:aws:sqs:${aws:username}:1:q",
            "arn:aws:sqs:ann:1:q",
            false,
        );
    }

    #[test]
    fn before_2012_variables_are_text() {
        let facts = [("aws:username", "ann")];
        for parsed in [ArnPattern::resource, ArnPattern::condition] {
            let pattern = "arn:aws:s3:::${aws:username}/*";
            let seen = |text, variables| {
                let parsed = parsed(pattern, variables).unwrap();
                parsed.matches(pattern, text, &Facts::new(&facts))
            };
            assert!(seen("arn:aws:s3:::${aws:username}/x", false));
            assert!(!seen("arn:aws:s3:::ann/x", false));
            assert!(seen("arn:aws:s3:::ann/x", true));
            assert!(!seen("arn:aws:s3:::${aws:username}/x", true));
        }
    }

    #[test]
    fn conditions() {
        condition("*", "arn:aws:iam::1:user/ann", Some(true));
        condition(
            "arn:aws:iam::*:user/*",
            "arn:aws:iam::1:user/ann",
            Some(true),
        );
        condition("arn:aws:iam:*", "arn:aws:iam::1:user/ann", None);
        condition(
            "*:aws:iam::1:user/ann",
            "arn:aws:iam::1:user/ann",
            Some(true),
        );
        condition(
            "a?n:aws:iam::2:user/ann",
            "arn:aws:iam::1:user/ann",
            Some(false),
        );
        condition("urn:aws:iam::1:user/ann", "arn:aws:iam::1:user/ann", None);
        condition("${aws:PrincipalArn}", "arn:aws:iam::1:user/ann", Some(true));
        condition(
            "arn:aws:iam::1:user/${aws:username}",
            "arn:aws:iam::1:user/ann",
            Some(true),
        );
        condition(
            "arn:aws:iam::1:user/${aws:absent}",
            "arn:aws:iam::1:user/ann",
            Some(false),
        );
    }
}
