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
