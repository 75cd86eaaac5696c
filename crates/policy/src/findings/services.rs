//! Which services a policy is about, by the actions that the catalogue knows.

use std::collections::{BTreeSet, HashSet};

use super::catalogue::{self, Service};
use crate::document::{Effect, Element, Policy, Statement};
use crate::glob::Glob;

/// The namespaces of all services, which are the prefixes of their actions: in lower case and sorted.
pub fn service_namespaces() -> impl Iterator<Item = &'static str> {
    catalogue::services()
}

/// The name that AWS prints of the service with that namespace: `Amazon S3` of `s3`.
pub fn service_name(namespace: &str) -> Option<&'static str> {
    catalogue::title(namespace)
}

/// How many of a service's actions an element is about.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Reach {
    None,
    Some,
    All,
}

impl Policy {
    /// The namespaces of the services of which some statement allows an action, on whatever resource and
    /// under whatever conditions. What is denied is not taken away.
    ///
    /// ```
    /// use locum_policy::{Kind, Policy};
    ///
    /// let text = r#"{"Version": "2012-10-17",
    ///                "Statement": {"Effect": "Allow", "Action": ["s3:Get*", "sqs:*"], "Resource": "*"}}"#;
    /// let policy = Policy::parse(text, Kind::Identity)?;
    /// assert!(policy.allowed_services().into_iter().eq(["s3", "sqs"]));
    /// # Ok::<(), locum_policy::Malformed>(())
    /// ```
    pub fn allowed_services(&self) -> BTreeSet<&'static str> {
        self.services(Effect::Allow, |_| true, Reach::Some)
    }

    /// The namespaces of the services of which one statement denies every action, on every resource and
    /// under no condition.
    pub fn denied_services(&self) -> BTreeSet<&'static str> {
        let always = |statement: &Statement| {
            let resources = statement.resources.as_ref();
            let all = |it: &Element| !it.negated && it.values.iter().any(|value| value == "*");
            statement.conditions.is_empty() && resources.is_none_or(all)
        };
        self.services(Effect::Deny, always, Reach::All)
    }

    fn services(
        &self,
        effect: Effect,
        counts: impl Fn(&Statement) -> bool,
        least: Reach,
    ) -> BTreeSet<&'static str> {
        let statements = self.statements().iter();
        let statements = statements.filter(|it| it.effect == effect && counts(it));
        let statements: Vec<_> = statements.map(|it| Patterns::of(&it.actions)).collect();
        let reached = |name: &str, service: &Service| {
            let mut reaches = statements.iter().map(|it| it.reach(name, service));
            reaches.any(|reach| reach == least || reach == Reach::All)
        };
        catalogue::services()
            .filter(|name| catalogue::service(name).is_some_and(|it| reached(name, it)))
            .collect()
    }
}

/// `Action` or `NotAction`: pairs of patterns for a prefix and for a name, in lower case.
struct Patterns {
    negated: bool,
    pairs: Vec<(String, String)>,
}

impl Patterns {
    fn of(element: &Element) -> Self {
        let pair = |value: &String| {
            let value = value.to_ascii_lowercase();
            match value.split_once(':') {
                Some((prefix, name)) => Some((prefix.to_owned(), name.to_owned())),
                // Nothing but stars is every action; anything else is none.
                None => value
                    .bytes()
                    .all(|byte| byte == b'*')
                    .then(|| ("*".to_owned(), "*".to_owned())),
            }
        };
        Self {
            negated: element.negated,
            pairs: element.values.iter().filter_map(pair).collect(),
        }
    }

    fn reach(&self, name: &str, service: &Service) -> Reach {
        let pairs = self.pairs.iter();
        let names: Vec<_> = pairs
            .filter(|(prefix, _)| Glob::new(prefix).matches(name))
            .map(|(_, name)| name.as_str())
            .collect();
        let of_all = service.size();
        let matched = if names.contains(&"*") {
            of_all
        } else {
            let matching = names.iter().flat_map(|name| service.matching(name));
            let distinct: HashSet<_> = matching.map(|known| known.name()).collect();
            distinct.len()
        };
        let named = if self.negated {
            of_all - matched.min(of_all)
        } else {
            matched
        };
        match named {
            0 => Reach::None,
            all if all == of_all => Reach::All,
            _ => Reach::Some,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{service_name, service_namespaces};
    use crate::document::{Kind, Policy};

    fn policy(statements: &str) -> Policy {
        let text = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
        Policy::parse(&text, Kind::ServiceControl).unwrap()
    }

    #[track_caller]
    fn allows(actions: &str, expected: &[&str]) {
        let statement = format!(r#"{{"Effect":"Allow",{actions},"Resource":"*"}}"#);
        let allowed = policy(&statement).allowed_services();
        assert_eq!(
            allowed.into_iter().collect::<Vec<_>>(),
            expected,
            "{actions}"
        );
    }

    #[test]
    fn names_are_awss() {
        for (namespace, name) in [
            ("s3", "Amazon S3"),
            ("iam", "AWS Identity and Access Management"),
            ("sts", "AWS Security Token Service"),
            ("ec2", "Amazon EC2"),
            ("cassandra", "Amazon Keyspaces (for Apache Cassandra)"),
        ] {
            assert_eq!(service_name(namespace), Some(name));
        }
        assert_eq!(service_name("S3"), None);
        assert!(service_namespaces().all(|name| !service_name(name).unwrap().is_empty()));
    }

    #[test]
    fn an_action_allows_its_service() {
        allows(r#""Action":"s3:GetObject""#, &["s3"]);
        allows(
            r#""Action":["S3:getobject","sqs:Send*","sqs:*"]"#,
            &["s3", "sqs"],
        );
        allows(r#""Action":"s3:NoSuchAction""#, &[]);
        allows(r#""Action":"nosuchservice:*""#, &[]);
    }

    #[test]
    fn every_action_allows_every_service() {
        let statement = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let allowed = policy(statement).allowed_services();
        assert!(service_namespaces().eq(allowed));
    }

    #[test]
    fn not_action_allows_what_it_leaves() {
        let of = |not: &str| {
            let statement = format!(r#"{{"Effect":"Allow","NotAction":{not},"Resource":"*"}}"#);
            let identity = format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
            let policy = Policy::parse(&identity, Kind::Identity).unwrap();
            policy.allowed_services()
        };
        let all_but_one = service_namespaces().count() - 1;
        let without_iam = of(r#""iam:*""#);
        assert_eq!(
            (without_iam.len(), without_iam.contains("iam")),
            (all_but_one, false)
        );
        assert!(of(r#""iam:Create*""#).contains("iam"));
        assert!(of(r#"["iam:Create*","s3:*"]"#).contains("iam"));
        assert!(!of(r#"["iam:Create*","s3:*"]"#).contains("s3"));
    }

    #[test]
    fn only_a_whole_and_unconditional_denial_takes_a_service_away() {
        let denied = |statement: &str| {
            let denied = policy(statement).denied_services();
            denied.into_iter().collect::<Vec<_>>()
        };
        let whole = r#"{"Effect":"Deny","Action":["s3:*","iam:Create*"],"Resource":"*"}"#;
        assert_eq!(denied(whole), ["s3"]);
        for part in [
            r#"{"Effect":"Deny","Action":"s3:*","Resource":"arn:aws:s3:::a/*"}"#,
            r#"{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":"false"}}}"#,
            r#"{"Effect":"Deny","Action":"s3:Get*","Resource":"*"}"#,
            r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#,
        ] {
            assert_eq!(denied(part), [""; 0], "{part}");
        }
        let but = r#"{"Effect":"Deny","NotAction":["s3:*","iam:Get*"],"Resource":"*"}"#;
        let denied = policy(but).denied_services();
        assert_eq!(denied.len(), service_namespaces().count() - 2);
    }

    #[test]
    fn a_denial_does_not_take_away_what_is_allowed() {
        let both = r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:*","Resource":"*"}"#;
        assert!(policy(both).allowed_services().into_iter().eq(["s3"]));
    }
}
