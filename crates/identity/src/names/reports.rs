//! The texts of IAM's reports (`iam/2010-05-08`).

use super::{Constrained, Constraint, Illegal, check};
use std::fmt;

/// A kind of entity that GetAccountAuthorizationDetails filters by.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum EntityType {
    /// `User`
    User,
    /// `Role`
    Role,
    /// `Group`
    Group,
    /// `LocalManagedPolicy`
    LocalManagedPolicy,
    /// `AWSManagedPolicy`
    AwsManagedPolicy,
}

impl Constrained for EntityType {
    fn parse(text: &str) -> Result<Self, Vec<Constraint>> {
        Ok(match text {
            "User" => Self::User,
            "Role" => Self::Role,
            "Group" => Self::Group,
            "LocalManagedPolicy" => Self::LocalManagedPolicy,
            "AWSManagedPolicy" => Self::AwsManagedPolicy,
            // IAM leaves the list out of the message.
            _ => return Err(vec![Constraint::OneOf(&[])]),
        })
    }
}

text_type! {
    /// `JobId`: 36 characters. Whether it is a report's is seen later.
    JobId, (36, 36), "", |_| true
}
text_type! {
    /// `ServiceNamespace`: 1 to 64 of `[\w-]`.
    ServiceNamespace, (1, 64), r"[\w-]*",
    |c| c.is_ascii_alphanumeric() || c == '_' || c == '-'
}
text_type! {
    /// `EntityPath` of an organization's access report: 19 to 427 characters, an organization, its root,
    /// and what follows.
    OrganizationsEntityPath, |text| {
        const PATTERN: &str = r"^o-[0-9a-z]{10,32}\/r-[0-9a-z]{4,32}[0-9a-z-\/]*";
        let legal = text.split_once('/').is_some_and(|(organization, rest)| {
            let organization = organization.strip_prefix("o-").unwrap_or_default();
            let rest = rest.strip_prefix("r-").unwrap_or_default();
            (10..=32).contains(&organization.len())
                && organization.bytes().all(lower_or_digit)
                && rest.len() >= 4
                && rest.bytes().take(4).all(lower_or_digit)
                && rest.bytes().all(|b| lower_or_digit(b) || b == b'-' || b == b'/')
        });
        let mut failed = check(text, (19, 427), PATTERN, |_| true).err().unwrap_or_default();
        if !legal {
            failed.insert(0, Constraint::Pattern(PATTERN));
        }
        if failed.is_empty() { Ok(()) } else { Err(failed) }
    }
}
text_type! {
    /// `OrganizationsPolicyId`: `p-` and 8 to 128 letters, digits and underscores.
    OrganizationsPolicyId, |text| {
        const PATTERN: &str = r"^p-[0-9a-zA-Z_]{8,128}$";
        let legal = text.strip_prefix("p-").is_some_and(|id| {
            (8..=128).contains(&id.len())
                && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        });
        if legal { Ok(()) } else { Err(vec![Constraint::Pattern(PATTERN)]) }
    }
}

fn lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}
