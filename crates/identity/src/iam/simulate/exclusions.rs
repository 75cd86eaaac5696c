//! `PolicyExclusionList`: the policies of a principal that a simulation leaves out.

use super::sources::EntityArnKind;
use crate::error::Error;
use crate::names::{ArnText, Constrained as _, EntityName};
use locum_policy::Arn;

/// One element of `PolicyExclusionList`. Exactly one member must be there.
#[derive(Clone, Debug, Default)]
pub struct PolicyIdentifier {
    /// `PolicyType`
    pub policy_type: Option<PolicyIdentifierType>,
    /// `PolicyArn`, in whose name one `*` and any number of `?` are wildcards.
    pub policy_arn: Option<ArnText>,
    /// `InlinePolicyIdentifier`
    pub inline: Option<InlinePolicyIdentifier>,
}

/// `PolicyType` of an exclusion.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(missing_docs, reason = "each variant is the type of its name")]
pub enum PolicyIdentifierType {
    Inline,
    AwsManaged,
    UserManaged,
    PermissionBoundary,
    ServiceControl,
    ResourceControl,
}

impl PolicyIdentifierType {
    /// Every type as the model names it.
    pub const NAMES: &'static [&'static str] = &[
        "inline",
        "aws-managed",
        "user-managed",
        "permission-boundary",
        "scp",
        "rcp",
    ];

    /// Every type, in the order of [`PolicyIdentifierType::NAMES`].
    pub const ALL: [Self; 6] = [
        Self::Inline,
        Self::AwsManaged,
        Self::UserManaged,
        Self::PermissionBoundary,
        Self::ServiceControl,
        Self::ResourceControl,
    ];
}

/// `InlinePolicyIdentifier`. The members are required, but it is the simulator that says so.
#[derive(Clone, Debug, Default)]
pub struct InlinePolicyIdentifier {
    /// `PolicyName`
    pub policy_name: Option<String>,
    /// `AttachmentType`: `user`, `group` or `role`.
    pub attachment_type: Option<String>,
    /// `AttachmentName`, in which one `*` and any number of `?` are wildcards.
    pub attachment_name: Option<String>,
}

/// What is left out.
#[derive(Debug, Default)]
pub(super) struct Exclusions {
    types: Vec<PolicyIdentifierType>,
    arns: Vec<Pattern>,
    inline: Vec<(EntityArnKind, Pattern, EntityName)>,
}

impl Exclusions {
    /// Reads `PolicyExclusionList`. What matches nothing is no fault.
    ///
    /// # Errors
    /// [`Error::InvalidInput`]
    pub(super) fn read(list: &[PolicyIdentifier]) -> Result<Self, Error> {
        let mut read = Self::default();
        for identifier in list {
            match (
                identifier.policy_type,
                &identifier.policy_arn,
                &identifier.inline,
            ) {
                (Some(policy_type), None, None) => read.types.push(policy_type),
                (None, Some(arn), None) => read.arns.push(policy_arn(arn)?),
                (None, None, Some(inline)) => read.inline.push(inline.read()?),
                _ => {
                    return Err(Error::InvalidInput(
                        "Invalid policy exclusion: exactly one of policyType, policyArn, and inlinePolicyIdentifier is required".to_owned(),
                    ));
                }
            }
        }
        Ok(read)
    }

    /// Whether a whole type is left out.
    pub(super) fn all_of(&self, policy_type: PolicyIdentifierType) -> bool {
        self.types.contains(&policy_type)
    }

    /// Whether an inline policy is left out.
    pub(super) fn inline(&self, kind: EntityArnKind, owner: &str, policy: &EntityName) -> bool {
        self.all_of(PolicyIdentifierType::Inline)
            || self
                .inline
                .iter()
                .any(|(of, pattern, name)| *of == kind && name == policy && pattern.matches(owner))
    }

    /// Whether an attached managed policy is left out. A boundary is not attached.
    pub(super) fn managed(&self, arn: &str, of_aws: bool) -> bool {
        self.all_of(if of_aws {
            PolicyIdentifierType::AwsManaged
        } else {
            PolicyIdentifierType::UserManaged
        }) || self.arns.iter().any(|pattern| pattern.matches(arn))
    }
}

impl InlinePolicyIdentifier {
    fn read(&self) -> Result<(EntityArnKind, Pattern, EntityName), Error> {
        let read = || {
            let kind = match self.attachment_type.as_deref()? {
                "user" => EntityArnKind::User,
                "group" => EntityArnKind::Group,
                "role" => EntityArnKind::Role,
                _ => return None,
            };
            let owner = self.attachment_name.as_deref()?;
            let owner = Pattern::parse(owner).filter(|_| has_letters(owner))?;
            let name = EntityName::parse(self.policy_name.as_deref()?).ok()?;
            Some((kind, owner, name))
        };
        read().ok_or_else(|| {
            Error::InvalidInput(
                "Invalid inline policy exclusion: policyName, attachmentType, and attachmentName are required"
                    .to_owned(),
            )
        })
    }
}

/// Whether a pattern is a name but for its wildcards: `*` alone would be everybody's.
fn has_letters(pattern: &str) -> bool {
    EntityName::parse(&pattern.replace(['*', '?'], "")).is_ok()
}

/// The ARN of a managed policy, with wildcards in its last part.
fn policy_arn(arn: &ArnText) -> Result<Pattern, Error> {
    let text = arn.as_str();
    let plain = |part: &str| !part.is_empty() && !part.contains(['*', '?']);
    let legal = Arn::parse(text).is_some_and(|arn| {
        let name = arn.resource().strip_prefix("policy/");
        (arn.service(), arn.region()) == ("iam", "")
            && plain(arn.partition())
            && plain(arn.account())
            && name.is_some_and(|name| !name.is_empty())
    });
    Pattern::parse(text)
        .filter(|_| legal)
        .ok_or_else(|| Error::InvalidInput(format!("Invalid ARN provided in the request: {text}")))
}

/// A text with at most one `*` and any number of `?`.
#[derive(Debug)]
struct Pattern {
    head: Vec<char>,
    /// What stands behind the star.
    tail: Option<Vec<char>>,
}

impl Pattern {
    fn parse(text: &str) -> Option<Self> {
        let mut pieces = text.split('*').map(|piece| piece.chars().collect());
        let pattern = Self {
            head: pieces.next()?,
            tail: pieces.next(),
        };
        pieces.next().is_none().then_some(pattern)
    }

    fn matches(&self, text: &str) -> bool {
        let text: Vec<char> = text.chars().collect();
        let same = |pattern: &[char], text: Option<&[char]>| {
            text.is_some_and(|text| {
                let pairs = pattern.iter().zip(text);
                pattern.len() == text.len() && pairs.into_iter().all(|(p, c)| *p == '?' || p == c)
            })
        };
        match &self.tail {
            None => same(&self.head, Some(&text)),
            Some(tail) => {
                let behind = text.len().checked_sub(tail.len());
                let behind = behind.filter(|at| *at >= self.head.len());
                same(&self.head, text.get(..self.head.len()))
                    && behind.is_some_and(|at| same(tail, text.get(at..)))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn wildcards() {
        let check = |pattern: &str, text: &str| Pattern::parse(pattern).unwrap().matches(text);
        for (pattern, text) in [
            ("ab", "ab"),
            ("a?", "ab"),
            ("*", ""),
            ("a*", "a"),
            ("a*b", "ab"),
            ("a*b", "axxb"),
            ("?*?", "ab"),
        ] {
            assert!(check(pattern, text), "{pattern} {text}");
        }
        for (pattern, text) in [
            ("ab", "abc"),
            ("ab", "AB"),
            ("a?", "a"),
            ("a*a", "a"),
            ("a*b", "abc"),
            ("?*?", "a"),
            ("a*", "ba"),
        ] {
            assert!(!check(pattern, text), "{pattern} {text}");
        }
        assert!(Pattern::parse("a*b*").is_none());
    }
}
