//! The ids, names and texts of AWS Organizations (`organizations/2016-11-28`).

use super::{Constrained, Constraint, Illegal, check};
use std::fmt;

/// The policy types of the model, as `PolicyType` lists them.
pub const POLICY_TYPES: &[&str] = &[
    "SERVICE_CONTROL_POLICY",
    "RESOURCE_CONTROL_POLICY",
    "TAG_POLICY",
    "BACKUP_POLICY",
    "AISERVICES_OPT_OUT_POLICY",
    "CHATBOT_POLICY",
    "DECLARATIVE_POLICY_EC2",
    "SECURITYHUB_POLICY",
    "SECURITYHUB_CSPM_POLICY",
    "INSPECTOR_POLICY",
    "UPGRADE_ROLLOUT_POLICY",
    "BEDROCK_POLICY",
    "S3_POLICY",
    "NETWORK_SECURITY_DIRECTOR_POLICY",
    "GUARDDUTY_POLICY",
];

/// The name of a policy type, also of one that is not here.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PolicyTypeName(&'static str);

impl PolicyTypeName {
    /// The name as the model spells it.
    pub fn as_str(self) -> &'static str {
        self.0
    }

    /// The type, if policies of it can be had here.
    pub fn known(self) -> Option<PolicyType> {
        PolicyType::ALL
            .into_iter()
            .find(|known| known.as_str() == self.0)
    }
}

impl Constrained for PolicyTypeName {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        let found = POLICY_TYPES.iter().find(|name| **name == text);
        found
            .map(|name| Self(name))
            .ok_or_else(|| vec![Constraint::OneOf(POLICY_TYPES)])
    }
}

/// A type of policies that decide who may do what.
#[derive(
    Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
pub enum PolicyType {
    /// What principals of the accounts may do at most.
    #[serde(rename = "SERVICE_CONTROL_POLICY")]
    ServiceControl,
    /// What may be done at most to resources of the accounts.
    #[serde(rename = "RESOURCE_CONTROL_POLICY")]
    ResourceControl,
}

impl PolicyType {
    /// Every type.
    pub const ALL: [Self; 2] = [Self::ServiceControl, Self::ResourceControl];

    /// The name in the model: `SERVICE_CONTROL_POLICY`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::ServiceControl => "SERVICE_CONTROL_POLICY",
            Self::ResourceControl => "RESOURCE_CONTROL_POLICY",
        }
    }

    /// The name in ARNs: `service_control_policy`.
    pub fn in_arns(self) -> &'static str {
        match self {
            Self::ServiceControl => "service_control_policy",
            Self::ResourceControl => "resource_control_policy",
        }
    }
}

text_type! {
    /// The name of an organizational unit: 1 to 128 characters, none of them a control character.
    UnitName, (1, 128), r"[\s\S]*", |c| !c.is_control()
}
text_type! {
    /// The name of an organization's policy: 1 to 128 characters, none of them a control character.
    OrganizationPolicyName, (1, 128), r"[\s\S]*", |c| !c.is_control()
}
text_type! {
    /// The description of an organization's policy: at most 512 characters.
    OrganizationPolicyDescription, (0, 512), r"[\s\S]*", |_| true
}
text_type! {
    /// The document of an organization's policy as a parameter: at least one character.
    OrganizationPolicyContent, (1, u32::MAX), r"[\s\S]*", |_| true
}

text_type! {
    /// A service principal that Organizations is told: 1 to 128 characters of `[\w+=,.@-]`.
    ServicePrincipalName, (1, 128), r"[\w+=,.@-]*", super::name_character
}

impl ServicePrincipalName {
    /// Whether it has the form of those that AWS's services have: `iam.amazonaws.com`.
    pub fn is_of_a_service(&self) -> bool {
        let legal = |b: u8| lower(b) || b == b'-' || b == b'.';
        self.as_str()
            .strip_suffix(".amazonaws.com")
            .is_some_and(|name| is_within(name, 1..=114, legal) && !name.starts_with('.'))
    }
}

fn is_within(text: &str, lengths: std::ops::RangeInclusive<usize>, legal: fn(u8) -> bool) -> bool {
    lengths.contains(&text.len()) && text.bytes().all(legal)
}

fn lower(b: u8) -> bool {
    b.is_ascii_lowercase() || b.is_ascii_digit()
}

fn word(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b == b'_'
}

fn is_root(text: &str) -> bool {
    text.strip_prefix("r-")
        .is_some_and(|rest| is_within(rest, 4..=32, lower))
}

fn is_unit(text: &str) -> bool {
    text.strip_prefix("ou-")
        .and_then(|rest| rest.split_once('-'))
        .is_some_and(|(root, own)| is_within(root, 4..=32, lower) && is_within(own, 8..=32, lower))
}

fn is_account(text: &str) -> bool {
    is_within(text, 12..=12, |b| b.is_ascii_digit())
}

fn is_policy(text: &str) -> bool {
    text.strip_prefix("p-")
        .is_some_and(|rest| is_within(rest, 8..=128, word))
}

/// Resource policies and responsibility transfers, of which there are none here.
fn is_taggable_elsewhere(text: &str) -> bool {
    let behind = |prefix, lengths| {
        text.strip_prefix(prefix)
            .is_some_and(|rest| is_within(rest, lengths, word))
    };
    behind("rp-", 4..=128) || behind("rt-", 8..=32)
}

/// Checks an id: the pattern first, as a whole, then the greatest length.
fn check_id(
    text: &str,
    max: u32,
    pattern: &'static str,
    legal: fn(&str) -> bool,
) -> Result<(), Vec<Constraint>> {
    let mut failed = check(text, (0, max), pattern, |_| true)
        .err()
        .unwrap_or_default();
    if !legal(text) {
        failed.insert(0, Constraint::Pattern(pattern));
    }
    if failed.is_empty() {
        Ok(())
    } else {
        Err(failed)
    }
}

text_type! {
    /// The id of a root: `r-` and 4 to 32 lower-case letters and digits.
    RootId, |text| check_id(text, 34, r"^r-[0-9a-z]{4,32}$", is_root)
}
text_type! {
    /// The id of an organizational unit: `ou-`, the root's letters, `-`, 8 to 32 of its own.
    UnitId, |text| check_id(text, 68, r"^ou-[0-9a-z]{4,32}-[a-z0-9]{8,32}$", is_unit)
}
text_type! {
    /// The id of what holds accounts and units: a root or a unit.
    ParentId,
    |text| check_id(
        text, 100,
        r"^(r-[0-9a-z]{4,32})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$",
        |text| is_root(text) || is_unit(text)
    )
}
text_type! {
    /// The id of what has a parent: an account or a unit.
    ChildId,
    |text| check_id(
        text, 100,
        r"^(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$",
        |text| is_account(text) || is_unit(text)
    )
}
text_type! {
    /// The id of what policies are attached to: a root, a unit or an account.
    TargetId,
    |text| check_id(
        text, 100,
        r"^(r-[0-9a-z]{4,32})|(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})$",
        |text| is_root(text) || is_account(text) || is_unit(text)
    )
}
text_type! {
    /// The id of a policy: `p-` and 8 to 128 letters, digits and `_`.
    OrganizationPolicyId, |text| check_id(text, 130, r"^p-[0-9a-zA-Z_]{8,128}$", is_policy)
}
text_type! {
    /// The id of what can have tags in an organization.
    TaggableId,
    |text| check_id(
        text, 130,
        r"^(r-[0-9a-z]{4,32})|(\d{12})|(ou-[0-9a-z]{4,32}-[a-z0-9]{8,32})|(^p-[0-9a-zA-Z_]{8,128})|(^rp-[0-9a-zA-Z_]{4,128})|(^rt-[0-9a-zA-Z_]{8,32})$",
        |text| is_root(text) || is_account(text) || is_unit(text) || is_policy(text)
            || is_taggable_elsewhere(text)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_ids<T: Constrained>(legal: &[&str], illegal: &[&str]) {
        for text in legal {
            assert!(T::parse(text).is_ok(), "{text:?}");
        }
        for text in illegal {
            assert!(T::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ids() {
        let (root, unit, account) = ("r-ab12", "ou-ab12-abcd1234", "123456789012");
        check_ids::<RootId>(
            &[root],
            &["r-abc", "r-AB12", "r-ab12 ", unit, account, "", "xr-ab12"],
        );
        check_ids::<UnitId>(
            &[unit],
            &["ou-ab12-abcd123", "ou-ab12", "ou-ab12-abcd1234-x", root],
        );
        check_ids::<ParentId>(&[root, unit], &[account, "p-abcdefgh"]);
        check_ids::<ChildId>(&[account, unit], &[root]);
        check_ids::<TargetId>(&[root, unit, account], &["12345678901", "p-abcdefgh"]);
        check_ids::<OrganizationPolicyId>(
            &["p-FullAWSAccess", "p-abc_1234"],
            &["p-abc", "abcdefgh"],
        );
        check_ids::<TaggableId>(
            &[root, unit, account, "p-abcdefgh", "rp-abcd", "rt-abcdefgh"],
            &["rp-abc", "car-abcdefgh", "o-abcdefghij"],
        );
        assert_eq!(
            RootId::parse(&format!("r-{}", "A".repeat(40))),
            Err(vec![
                Constraint::Pattern(r"^r-[0-9a-z]{4,32}$"),
                Constraint::MaxLength(34)
            ])
        );
    }

    #[test]
    fn policy_types() {
        let known = |name| PolicyTypeName::parse(name).map(PolicyTypeName::known);
        assert_eq!(
            known("SERVICE_CONTROL_POLICY"),
            Ok(Some(PolicyType::ServiceControl))
        );
        assert_eq!(
            known("RESOURCE_CONTROL_POLICY"),
            Ok(Some(PolicyType::ResourceControl))
        );
        assert_eq!(known("TAG_POLICY"), Ok(None));
        assert_eq!(
            known("service_control_policy"),
            Err(vec![Constraint::OneOf(POLICY_TYPES)])
        );
    }
}
