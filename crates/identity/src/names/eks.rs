//! Parameters of EKS and EKS Auth, and names of Kubernetes.

use super::{Constrained, Constraint, Illegal, check};
use crate::sealing::Secret;
use std::fmt;

text_type! {
    /// A parameter of EKS of which its model says nothing. What it may be is the operation's to say.
    EksText, (0, u32::MAX), "", |_| true
}

text_type! {
    /// The name of a cluster: 1 to 100 letters, digits, hyphens and underscores, of which the first is a
    /// letter or a digit.
    ClusterName, |text| {
        const PATTERN: &str = r"[0-9A-Za-z][A-Za-z0-9\-_]*";
        let begins = !text.starts_with(['-', '_']);
        check(text, (1, 100), PATTERN, |c| {
            begins && (c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        })
    }
}

/// Whether a text is a label of the DNS (RFC 1123) in lower case, as namespaces are called.
pub(crate) fn is_dns_label(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&text.len())
        && text.bytes().all(legal)
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// Whether a text is a name of labels with dots between, at most 253 characters, as service accounts and
/// pods are called. A label may be as long as the name.
pub(crate) fn is_dns_name(text: &str) -> bool {
    let legal = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let label = |label: &str| {
        !label.is_empty()
            && label.bytes().all(legal)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    text.len() <= 253 && text.split('.').all(label)
}

/// The token of a Kubernetes service account as a parameter: three parts in base64url, with dots between.
#[derive(Clone)]
pub struct PodToken(Secret);

impl Constrained for PodToken {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        const PATTERN: &str = r"[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+\.[A-Za-z0-9-_=]+";
        let legal = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'=');
        let part = |part: &str| !part.is_empty() && part.bytes().all(legal);
        let mut failed = Vec::new();
        if text.split('.').count() != 3 || !text.split('.').all(part) {
            failed.push(Constraint::Pattern(PATTERN));
        }
        if text.is_empty() {
            failed.push(Constraint::MinLength(1));
        }
        if failed.is_empty() {
            Ok(Self(Secret::new(text.to_owned())))
        } else {
            Err(failed)
        }
    }
}

impl PodToken {
    /// The token itself.
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for PodToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PodToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_cluster(text: &str, legal: bool) {
        assert_eq!(ClusterName::parse(text).is_ok(), legal, "{text:?}");
    }

    #[test]
    fn clusters() {
        for text in ["a", "0-_Z", &"a".repeat(100)] {
            check_cluster(text, true);
        }
        for text in ["", "-a", "_a", "a/b", "a.b", "a b", "é", &"a".repeat(101)] {
            check_cluster(text, false);
        }
    }

    #[test]
    fn names_of_kubernetes() {
        for text in ["a", "kube-system", "0", &"a".repeat(63)] {
            assert!(is_dns_label(text) && is_dns_name(text), "{text}");
        }
        for text in ["", "-a", "a-", "A", "a_b", "a/b", "a:b", "é", "a..b", ".a"] {
            assert!(!is_dns_label(text) && !is_dns_name(text), "{text}");
        }
        assert!(!is_dns_label("a.b") && is_dns_name("a.b"));
        assert!(!is_dns_label(&"a".repeat(64)) && is_dns_name(&"a".repeat(253)));
        assert!(!is_dns_name(&"a".repeat(254)));
    }

    #[test]
    fn tokens() {
        assert!(PodToken::parse("a.b_-.c=").is_ok());
        for text in ["", "a", "a.b", "a.b.c.d", "a..c", "a.b.c\n", "a.b+.c"] {
            assert!(PodToken::parse(text).is_err(), "{text:?}");
        }
        let token = PodToken::parse("header.claims.signature").unwrap();
        assert_eq!(format!("{token:?}"), "PodToken(…)");
    }
}
