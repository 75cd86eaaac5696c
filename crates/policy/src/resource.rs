//! Matching of ARNs: the `Resource` elements and the `Arn…` conditions.
//!
//! The first five colons are walls: a wildcard stays inside its segment, and only the last segment
//! may hold further colons. A pattern with fewer segments matches only by a trailing `*`, which then
//! takes up the missing ones (`arn:aws:s3:*`).

use crate::arn;
use crate::context::Context;
use crate::glob::{Glob, Token};
use crate::template::{self, Parsed, Pattern, Syntax, Template};

/// A pattern for ARNs.
#[derive(Clone, Debug)]
pub(crate) enum ArnPattern {
    /// `*`: everything, also what is no ARN.
    Any,
    Segments {
        head: Head,
        rest: Pattern,
    },
    /// Variables before the fifth colon: where the segments end is known only at the request.
    Slots(Template),
    Never,
}

/// The segments before the last one.
#[derive(Clone, Debug)]
pub(crate) enum Head {
    /// All five without wildcards, colons included.
    Exact(Box<str>),
    Globs(Box<[Glob]>),
}

impl ArnPattern {
    /// A `Resource` or `NotResource` value: variables only after the fifth colon.
    ///
    /// `None` when a variable is malformed.
    pub(crate) fn resource(text: &str, variables: bool) -> Option<ArnPattern> {
        if text == "*" {
            return Some(ArnPattern::Any);
        }
        let segments: Vec<&str> = text.splitn(6, ':').collect();
        let (last, head) = segments.split_last()?;
        let head: Vec<Glob> = head.iter().map(|s| Glob::new(s)).collect();
        let full = head.len() == 5;
        let syntax = Syntax {
            variables: variables && full,
            wildcards: true,
        };
        let rest = Pattern::parse(last, syntax).ok()?;
        Some(ArnPattern::segments(head, rest, last.ends_with('*')))
    }

    /// A value of an `Arn…` condition: variables anywhere.
    ///
    /// `None` when it is neither `*` nor six segments, or a variable is malformed.
    pub(crate) fn condition(text: &str, variables: bool) -> Option<ArnPattern> {
        if text == "*" {
            return Some(ArnPattern::Any);
        }
        match template::parse(
            text,
            Syntax {
                variables,
                wildcards: true,
            },
        )
        .ok()?
        {
            Parsed::Slots(template) => Some(ArnPattern::Slots(template)),
            Parsed::Fixed(tokens) => {
                arn::split(text)?;
                Some(ArnPattern::from_tokens(&tokens))
            }
        }
    }

    /// Whether a request's resource (an ARN, or `*` for actions without one) matches.
    pub(crate) fn matches(&self, text: &str, context: &dyn Context) -> bool {
        match self {
            ArnPattern::Any => true,
            _ => self.matches_arn(text, context),
        }
    }

    pub(crate) fn matches_arn(&self, text: &str, context: &dyn Context) -> bool {
        match self {
            ArnPattern::Any => arn::split(text).is_some(),
            ArnPattern::Never => false,
            ArnPattern::Segments {
                head: Head::Exact(head),
                rest,
            } => text
                .strip_prefix(&**head)
                .is_some_and(|tail| rest.matches(tail, context)),
            ArnPattern::Segments {
                head: Head::Globs(head),
                rest,
            } => {
                if arn::split(text).is_none() {
                    return false;
                }
                let mut segments = text.splitn(head.len() + 1, ':');
                head.iter()
                    .all(|glob| segments.next().is_some_and(|s| glob.matches(s)))
                    && segments
                        .next()
                        .is_some_and(|tail| rest.matches(tail, context))
            }
            ArnPattern::Slots(template) => template
                .resolve(context)
                .is_some_and(|tokens| ArnPattern::from_tokens(&tokens).matches_arn(text, context)),
        }
    }

    fn from_tokens(tokens: &[Token]) -> ArnPattern {
        if tokens == [Token::Many] {
            return ArnPattern::Any;
        }
        let segments: Vec<&[Token]> = tokens.splitn(6, |t| *t == Token::Char(':')).collect();
        let Some((last, head)) = segments.split_last() else {
            return ArnPattern::Never;
        };
        let glob = |tokens: &[Token]| Glob::from_tokens(tokens.iter().copied());
        let head = head.iter().map(|s| glob(s)).collect();
        ArnPattern::segments(head, Pattern::Fixed(glob(last)), false)
    }

    fn segments(head: Vec<Glob>, rest: Pattern, open: bool) -> ArnPattern {
        if head.len() < 5 && !open {
            return ArnPattern::Never;
        }
        let exact: Option<String> = head
            .iter()
            .map(|glob| {
                if let Glob::Exact(text) = glob {
                    Some(format!("{text}:"))
                } else {
                    None
                }
            })
            .collect();
        match exact {
            Some(exact) if head.len() == 5 && exact.starts_with("arn:") => ArnPattern::Segments {
                head: Head::Exact(exact.into()),
                rest,
            },
            _ => ArnPattern::Segments {
                head: Head::Globs(head.into()),
                rest,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::ArnPattern;

    fn check(pattern: &str, text: &str, wanted: bool) {
        let context = [
            ("aws:username", "ann"),
            ("aws:PrincipalArn", "arn:aws:iam::1:user/ann"),
            ("region", "eu"),
        ];
        let parsed = ArnPattern::resource(pattern, true).unwrap();
        assert_eq!(
            parsed.matches(text, &context),
            wanted,
            "{pattern} on {text}"
        );
    }

    fn condition(pattern: &str, text: &str, wanted: Option<bool>) {
        let context = [
            ("aws:username", "ann"),
            ("aws:PrincipalArn", "arn:aws:iam::1:user/ann"),
        ];
        let seen = ArnPattern::condition(pattern, true).map(|p| p.matches_arn(text, &context));
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
    fn conditions() {
        condition("*", "arn:aws:iam::1:user/ann", Some(true));
        condition("*", "ann", Some(false));
        condition(
            "arn:aws:iam::*:user/*",
            "arn:aws:iam::1:user/ann",
            Some(true),
        );
        condition("arn:aws:iam:*", "arn:aws:iam::1:user/ann", None);
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
