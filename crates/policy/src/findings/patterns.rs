//! What can be said of two patterns without a request: whether one takes in the other, and whether
//! any text matches both.

use crate::glob::Glob;

/// Whether every text that `other` matches is matched by `pattern`. In doubt no.
pub(super) fn covers(pattern: &str, other: &str) -> bool {
    // A star of the other may stand for many characters, which only a star can take up: a `?` would
    // take the star itself for a character.
    pattern == other
        || (pattern.len() + other.len() <= LONGEST
            && !pattern.contains('?')
            && Glob::new(pattern).matches(other))
}

/// What is longer than two ARNs together can be is not compared.
const LONGEST: usize = 4_096;

/// How much work it is to compare each pattern of one list with each of another, in comparisons of
/// short ones; `meet` takes the product of the lengths.
pub(super) fn effort(a: &[impl AsRef<str>], b: &[impl AsRef<str>]) -> usize {
    let a_length: usize = a.iter().map(|text| text.as_ref().len()).sum();
    let b_length: usize = b.iter().map(|text| text.as_ref().len()).sum();
    let pairs = a.len().saturating_mul(b.len());
    pairs.saturating_add(a_length.saturating_mul(b_length) / 64)
}

/// The same for patterns of ARNs, whose wildcards stop at the first five colons.
pub(super) fn covers_arn(pattern: &str, other: &str) -> bool {
    if pattern == "*" || pattern == other {
        return true;
    }
    if other == "*" || pattern.matches(':').count() < 5 || other.matches(':').count() < 5 {
        return false;
    }
    let parts = pattern.splitn(6, ':').zip(other.splitn(6, ':'));
    parts.into_iter().all(|(a, b)| covers(a, b))
}

/// Whether some text may match both patterns. In doubt yes.
///
/// In the second, `%` is a star that stops at a slash.
pub(super) fn meet(a: &str, b: &str) -> bool {
    let a: Vec<char> = a.chars().collect();
    let b: Vec<char> = b.chars().collect();
    if a.len().saturating_mul(b.len()) > 1 << 16 {
        return true;
    }
    // `next` says, for what is left of `b` from each place, whether it meets `a` behind this token.
    let mut next = vec![false; b.len() + 1];
    if let Some(end) = next.last_mut() {
        *end = true;
    }
    for index in (0..b.len()).rev() {
        let open = matches!(b.get(index), Some('*' | '%'));
        let after = next.get(index + 1).copied().unwrap_or_default();
        if let Some(place) = next.get_mut(index) {
            *place = open && after;
        }
    }
    for token in a.iter().rev() {
        let mut line = vec![false; b.len() + 1];
        for index in (0..=b.len()).rev() {
            let at = |line: &[bool], index: usize| line.get(index).copied().unwrap_or_default();
            let other = b.get(index).copied();
            let meets = match (*token, other) {
                ('*', None) => at(&next, index),
                ('*', Some(_)) => at(&next, index) || at(&line, index + 1),
                (_, Some('*')) => at(&line, index + 1) || at(&next, index),
                (own, Some('%')) => at(&line, index + 1) || own != '/' && at(&next, index),
                (own, Some(other)) => same(own, other) && at(&next, index + 1),
                (_, None) => false,
            };
            if let Some(place) = line.get_mut(index) {
                *place = meets;
            }
        }
        next = line;
    }
    next.first().copied().unwrap_or(true)
}

fn same(a: char, b: char) -> bool {
    a == b || a == '?' || b == '?'
}

/// The same for ARNs behind their partitions, whose wildcards stop at the first three colons.
pub(super) fn meet_arn(a: &str, b: &str) -> bool {
    if a.matches(':').count() < 3 || b.matches(':').count() < 3 {
        return meet(a, b);
    }
    a.splitn(4, ':')
        .zip(b.splitn(4, ':'))
        .all(|(a, b)| meet(a, b))
}

/// A text with each variable replaced by a star.
pub(super) fn without_variables(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        out.push('*');
        rest = after.split_once('}').map_or("", |(_, after)| after);
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::{covers, covers_arn, meet, meet_arn, without_variables};

    #[test]
    fn covering() {
        for (pattern, other, wanted) in [
            ("*", "a", true),
            ("a*", "ab*", true),
            ("a*", "a*", true),
            ("ab*", "a*", false),
            ("a*c", "a*bc", true),
            ("a?", "a*", false),
            ("a?", "a?", true),
            ("a?", "ab", false),
            ("a*", "b", false),
        ] {
            assert_eq!(covers(pattern, other), wanted, "{pattern} {other}");
        }
        for (pattern, other, wanted) in [
            ("*", "arn:aws:s3:::b", true),
            ("arn:aws:s3:::*", "arn:aws:s3:::b/x:y", true),
            ("arn:aws:s3:::b/*", "arn:aws:s3:::b", false),
            ("arn:*:s3:::b", "arn:aws:s3:::b", true),
            ("arn:aws:sqs:*:q", "arn:aws:sqs:eu:1:q", false),
            ("arn:aws:sqs:*:1:q", "arn:aws:sqs:*:1:q", true),
            ("arn:aws:s3*", "arn:aws:s3:::b", false),
            ("arn:aws:s3:::b", "*", false),
        ] {
            assert_eq!(covers_arn(pattern, other), wanted, "{pattern} {other}");
        }
    }

    #[test]
    fn meeting() {
        for (a, b, wanted) in [
            ("", "", true),
            ("a", "a", true),
            ("a", "b", false),
            ("*", "", true),
            ("a*", "*b", true),
            ("a*c", "ab*", true),
            ("a*c", "b*", false),
            ("?", "*", true),
            ("??", "a", false),
            ("?*", "", false),
            ("bucket", "%", true),
            ("bucket/*", "%", false),
            ("bucket*", "%", true),
            ("*", "%/*", true),
            ("bucket", "%/*", false),
            ("bucket/x", "%/*", true),
            ("bucket/x/y", "%", false),
            ("*/x", "%", false),
        ] {
            assert_eq!(meet(a, b), wanted, "{a} {b}");
        }
        let long = "a*".repeat(1_000);
        assert!(meet(&long, &format!("{long}b")));
    }

    #[test]
    fn meeting_of_arns() {
        for (a, b, wanted) in [
            ("s3:::b/*", "s3:::%/*", true),
            ("s3:::b/*", "s3:*:*:accesspoint/*", false),
            ("s3:*", "s3:*:*:accesspoint/*", true),
            ("sqs:*:1:q", "sqs:*:*:*", true),
            ("*", "sqs:*:*:*", true),
        ] {
            assert_eq!(meet_arn(a, b), wanted, "{a} {b}");
        }
    }

    #[test]
    fn variables_become_stars() {
        assert_eq!(without_variables("a/${aws:username}/b"), "a/*/b");
        assert_eq!(without_variables("${a}${b}"), "**");
        assert_eq!(without_variables("a${b"), "a*");
        assert_eq!(without_variables("plain"), "plain");
    }
}
