//! Amazon Resource Names.

use std::fmt;

/// An ARN split in its six parts: `arn:partition:service:region:account:resource`.
///
/// Region and account may be empty, and the resource keeps every further colon. See "Identify AWS
/// resources with Amazon Resource Names (ARNs)" in the IAM User Guide.
///
/// ```
/// let arn = locum_policy::Arn::parse("arn:aws:iam::123456789012:role/team/ci").unwrap();
/// assert_eq!((arn.service(), arn.region(), arn.account()), ("iam", "", "123456789012"));
/// assert_eq!(arn.resource(), "role/team/ci");
/// ```
#[derive(Clone, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Arn {
    text: Box<str>,
}

impl Arn {
    /// Splits a text; `None` when it is no ARN (fewer than six parts, or no partition, service or
    /// resource).
    pub fn parse(text: &str) -> Option<Arn> {
        let [_, partition, service, _, _, resource] = split(text)?;
        let named = ![partition, service, resource].contains(&"");
        named.then(|| Arn { text: text.into() })
    }

    /// The whole text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The partition: `aws`, `aws-cn`, …
    pub fn partition(&self) -> &str {
        self.part(1)
    }

    /// The service namespace: `iam`, `sts`, `s3`, …
    pub fn service(&self) -> &str {
        self.part(2)
    }

    /// The region; empty for global services and for S3.
    pub fn region(&self) -> &str {
        self.part(3)
    }

    /// The owner's account id; empty for S3 buckets and objects.
    pub fn account(&self) -> &str {
        self.part(4)
    }

    /// All that follows the fifth colon.
    pub fn resource(&self) -> &str {
        self.part(5)
    }

    fn part(&self, index: usize) -> &str {
        pieces(&self.text).nth(index).unwrap_or_default()
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Arn({})", self.text)
    }
}

impl AsRef<str> for Arn {
    fn as_ref(&self) -> &str {
        &self.text
    }
}

/// The six parts of anything that starts with `arn:` and has five colons.
pub(crate) fn split(text: &str) -> Option<[&str; 6]> {
    let mut parts = pieces(text);
    let mut next = || parts.next();
    let all = [next()?, next()?, next()?, next()?, next()?, next()?];
    matches!(all, ["arn", ..]).then_some(all)
}

/// What follows the fifth colon, also of a pattern that is no ARN yet: the only part of a resource that
/// may have variables. Empty where there is none.
pub(crate) fn behind_the_fifth_colon(text: &str) -> &str {
    pieces(text).nth(5).unwrap_or_default()
}

/// The text between colons, at most six pieces. A plain loop, because the standard library's
/// searchers are made for longer texts than those between two colons.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    (0..6).map_while(move |place| {
        let text = rest?;
        let colon = (place < 5)
            .then(|| text.bytes().position(|byte| byte == b':'))
            .flatten();
        rest = colon.and_then(|at| text.get(at + 1..));
        colon.map_or(Some(text), |at| text.get(..at))
    })
}

/// Whether a text has the form of an account id.
pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::Arn;

    fn check(text: &str, parts: Option<[&str; 5]>) {
        let arn = Arn::parse(text);
        let seen = arn.as_ref().map(|a| {
            assert_eq!([a.as_str(), a.as_ref()], [text, text]);
            assert_eq!(a.to_string(), text);
            assert_eq!(format!("{a:?}"), format!("Arn({text})"));
            [
                a.partition(),
                a.service(),
                a.region(),
                a.account(),
                a.resource(),
            ]
        });
        assert_eq!(seen, parts, "{text}");
    }

    #[test]
    fn the_six_parts() {
        check(
            "arn:aws:s3:::bucket/a:b",
            Some(["aws", "s3", "", "", "bucket/a:b"]),
        );
        check(
            "arn:aws-cn:sqs:cn-north-1:1:q",
            Some(["aws-cn", "sqs", "cn-north-1", "1", "q"]),
        );
        check("arn:aws:s3:::", None);
        check("arn:aws:s3::", None);
        check("arn::s3:::b", None);
        check("arn:aws::::b", None);
        check("ARN:aws:s3:::b", None);
        check("", None);
    }
}
