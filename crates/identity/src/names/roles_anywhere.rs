//! Names of IAM Roles Anywhere (`rolesanywhere/2018-05-10`).

use super::{Constrained, Constraint, Illegal, check};
use std::fmt;

/// The characters of tags there: ASCII, other than IAM's.
fn tag_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || " _.:/=+@-".contains(c)
}

fn is_uuid(text: &str) -> bool {
    let mut groups = text.split('-');
    let group = |group: Option<&str>, length, first: bool| {
        let legal = |b: u8| {
            b.is_ascii_digit() || matches!(b, b'a'..=b'f') || (!first && b.is_ascii_lowercase())
        };
        group.is_some_and(|group| group.len() == length && group.bytes().all(legal))
    };
    group(groups.next(), 8, true)
        && (0..3).all(|_| group(groups.next(), 4, false))
        && group(groups.next(), 12, false)
        && groups.next().is_none()
}

/// An ARN of the service whose resource begins with one of `kinds`.
fn is_arn(text: &str, kinds: &[&str]) -> bool {
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    let [arn, partition, service, _, _, resource] = parts.as_slice() else {
        return false;
    };
    *arn == "arn"
        && (*partition == "aws"
            || partition
                .strip_prefix("aws-")
                .is_some_and(|rest| !rest.is_empty()))
        && *service == "rolesanywhere"
        && kinds.iter().any(|kind| resource.starts_with(kind))
}

fn identifier(text: &str, kinds: &[&str], pattern: &'static str) -> Result<(), Vec<Constraint>> {
    check(text, (1, 1011), pattern, |_| true)?;
    match is_uuid(text) || is_arn(text, kinds) {
        true => Ok(()),
        false => Err(vec![Constraint::Pattern(pattern)]),
    }
}

text_type! {
    /// The name of a trust anchor, profile or revocation list: 1 to 255 of letters, digits, blanks, `-`
    /// and `_`.
    AnywhereName, (1, 255), r"[ a-zA-Z0-9-_]*",
    |c| c.is_ascii_alphanumeric() || " -_".contains(c)
}
text_type! {
    /// An alias: empty, or at most 256 letters, digits, `_`, `-` and `/`, with a letter first, and no
    /// slash last or behind another.
    AnywhereAlias, |text| {
        const PATTERN: &str = "(?!.*//)([A-Za-z]([A-Za-z0-9_/-]*[A-Za-z0-9_-])?)?";
        let fits = text.is_empty()
            || (text.starts_with(|c: char| c.is_ascii_alphabetic())
                && !text.ends_with('/')
                && !text.contains("//"));
        check(text, (0, 256), PATTERN, |c| c.is_ascii_alphanumeric() || "_/-".contains(c))?;
        if fits { Ok(()) } else { Err(vec![Constraint::Pattern(PATTERN)]) }
    }
}
text_type! {
    /// A tag's key there: 1 to 128 of ASCII letters and digits, blanks and `_.:/=+@-`.
    AnywhereTagKey, (1, 128), r"[ a-zA-Z0-9_.:/=+@-]*", tag_character
}
text_type! {
    /// A tag's value there: 0 to 256 of the alphabet of the keys.
    AnywhereTagValue, (0, 256), r"[ a-zA-Z0-9_.:/=+@-]*", tag_character
}
text_type! {
    /// A trust anchor as a parameter: its id, its ARN or its alias's.
    TrustAnchorIdentifier, |text| identifier(
        text,
        &["trust-anchor/", "alias/trust-anchor/"],
        r"([a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}|arn:aws(-[^:]+)?:rolesanywhere(:.*){2}:(trust-anchor|alias/trust-anchor)/.*)",
    )
}
text_type! {
    /// A profile as a parameter: its id, its ARN or its alias's.
    ProfileIdentifier, |text| identifier(
        text,
        &["profile/", "alias/profile/"],
        r"([a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}|arn:aws(-[^:]+)?:rolesanywhere(:.*){2}:(profile|alias/profile)/.*)",
    )
}
text_type! {
    /// A revocation list as a parameter: its id, its ARN or its alias's.
    CrlIdentifier, |text| identifier(
        text,
        &["crl/", "alias/crl/"],
        r"([a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}|arn:aws(-[^:]+)?:rolesanywhere(:.*){2}:(crl|alias/crl)/.*)",
    )
}
text_type! {
    /// The ARN of a trust anchor as a parameter.
    TrustAnchorIdentifierArn, |text| {
        const PATTERN: &str = r"arn:aws(-[^:]+)?:rolesanywhere(:.*){2}(:trust-anchor.*|:alias/trust-anchor/.*)";
        check(text, (1, 1011), PATTERN, |_| true)?;
        match is_arn(text, &["trust-anchor", "alias/trust-anchor/"]) {
            true => Ok(()),
            false => Err(vec![Constraint::Pattern(PATTERN)]),
        }
    }
}
text_type! {
    /// The id of a trust anchor or a subject as a parameter: 36 characters with a UUID.
    AnywhereUuid, |text| {
        const PATTERN: &str = ".*[a-f0-9]{8}-([a-z0-9]{4}-){3}[a-z0-9]{12}.*";
        check(text, (36, 36), PATTERN, |_| true)?;
        if is_uuid(text) { Ok(()) } else { Err(vec![Constraint::Pattern(PATTERN)]) }
    }
}
text_type! {
    /// An ARN as a parameter of the tagging operations: 1 to 1011 characters.
    AnywhereArn, (1, 1011), "", |_| true
}
text_type! {
    /// The ARN of a role in a profile: 1 to 1011 characters.
    ProfileRoleArn, |text| {
        const PATTERN: &str = r"arn:aws(-[^:]+)?:iam(:.*){2}(:role.*)";
        check(text, (1, 1011), PATTERN, |_| true)?;
        let parts: Vec<&str> = text.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", partition, "iam", _, _, resource]
                if partition.starts_with("aws") && resource.starts_with("role") => Ok(()),
            _ => Err(vec![Constraint::Pattern(PATTERN)]),
        }
    }
}
text_type! {
    /// The ARN of a managed policy in a profile: 1 to 200 characters.
    ProfilePolicyArn, (1, 200), "", |_| true
}
text_type! {
    /// A session policy of a profile: 1 to 100,000 characters.
    ProfileSessionPolicy, (1, 100_000), "", |_| true
}
text_type! {
    /// `x509CertificateData`: 1 to 204,800 characters.
    AnchorCertificates, (1, 204_800), "", |_| true
}
text_type! {
    /// `nextToken`: 1 to 10,000 characters.
    AnywhereNextToken, (1, 10_000), "", |_| true
}
text_type! {
    /// A specifier of a mapping rule: at most 60 characters.
    MappingSpecifier, (0, 60), "", |_| true
}
text_type! {
    /// A key or value of an instance property: 1 to 200 characters.
    InstanceProperty, (1, 200), "", |_| true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers() {
        let uuid = "01234567-89ab-cdef-0123-456789abcdef";
        for (text, good) in [
            (uuid.to_owned(), true),
            (uuid.to_uppercase(), false),
            (format!("{uuid}0"), false),
            (
                format!("arn:aws:rolesanywhere:us-east-1:1:trust-anchor/{uuid}"),
                true,
            ),
            (
                "arn:aws-cn:rolesanywhere:r:1:alias/trust-anchor/a".to_owned(),
                true,
            ),
            ("arn:aws:rolesanywhere:r:1:profile/a".to_owned(), false),
            ("arn:aws:iam:r:1:trust-anchor/a".to_owned(), false),
            (String::new(), false),
        ] {
            assert_eq!(TrustAnchorIdentifier::parse(&text).is_ok(), good, "{text}");
        }
    }

    #[test]
    fn aliases() {
        for (text, good) in [
            ("", true),
            ("a", true),
            ("a/b-c_1", true),
            ("1a", false),
            ("a/", false),
            ("a//b", false),
            ("a b", false),
        ] {
            assert_eq!(AnywhereAlias::parse(text).is_ok(), good, "{text}");
        }
    }
}
