//! The form of a transferred account: what `aws iam get-account-authorization-details` prints, with
//! what that leaves out in members of the names that IAM's other answers have for it.

use super::document::Document;
use crate::environment::{Seconds, parse_timestamp};
use crate::names::AccountId;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::fmt;

/// The version of [`Own`].
pub(super) const FORMAT: u32 = 1;

/// Users, groups, roles and policies of an account, and what only we have.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Details {
    pub(super) user_detail_list: Vec<UserDetail>,
    pub(super) group_detail_list: Vec<GroupDetail>,
    pub(super) role_detail_list: Vec<RoleDetail>,
    pub(super) policies: Vec<ManagedPolicyDetail>,
    /// Whether more pages follow, that were not given.
    pub(super) is_truncated: bool,
    /// What only an export of ours has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) locum: Option<Own>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Page {
    user_detail_list: Option<Vec<UserDetail>>,
    group_detail_list: Option<Vec<GroupDetail>>,
    role_detail_list: Option<Vec<RoleDetail>>,
    policies: Option<Vec<ManagedPolicyDetail>>,
    #[serde(default)]
    is_truncated: bool,
    locum: Option<Own>,
}

/// Why a text is no export of an account.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable(pub(super) String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unreadable {}

impl Details {
    /// Takes in the pages of a text: one JSON document, or several one behind the other.
    ///
    /// # Errors
    /// [`Unreadable`], if the text is not JSON, or of another shape.
    pub fn read(&mut self, text: &str) -> Result<(), Unreadable> {
        let mut pages = 0;
        for page in serde_json::Deserializer::from_str(text).into_iter::<Page>() {
            let page = page.map_err(|error| Unreadable(error.to_string()))?;
            self.add(page)?;
            pages += 1;
        }
        match pages {
            0 => Err(Unreadable("holds no JSON".to_owned())),
            _ => Ok(()),
        }
    }

    fn add(&mut self, page: Page) -> Result<(), Unreadable> {
        let none = page.user_detail_list.is_none()
            && page.group_detail_list.is_none()
            && page.role_detail_list.is_none()
            && page.policies.is_none();
        if none {
            return Err(Unreadable(
                "has none of UserDetailList, GroupDetailList, RoleDetailList and Policies: this is \
                 not what get-account-authorization-details prints"
                    .to_owned(),
            ));
        }
        if let Some(own) = page.locum {
            if own.format != FORMAT {
                return Err(Unreadable(format!(
                    "is an export of format {}, and this locum reads format {FORMAT}",
                    own.format
                )));
            }
            if self.locum.replace(own).is_some() {
                return Err(Unreadable("is a second export of an account".to_owned()));
            }
        }
        self.user_detail_list
            .extend(page.user_detail_list.unwrap_or_default());
        self.group_detail_list
            .extend(page.group_detail_list.unwrap_or_default());
        self.role_detail_list
            .extend(page.role_detail_list.unwrap_or_default());
        self.policies.extend(page.policies.unwrap_or_default());
        // The last page is the one that says so.
        self.is_truncated = page.is_truncated;
        Ok(())
    }

    /// How many users, groups, roles and policies there are.
    pub fn len(&self) -> usize {
        self.user_detail_list.len()
            + self.group_detail_list.len()
            + self.role_detail_list.len()
            + self.policies.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it is an export of ours: then what is not in it is not there.
    pub fn is_own(&self) -> bool {
        self.locum.is_some()
    }

    /// What was left out of an export of ours, and how many there are of each.
    pub fn left_out(&self) -> Option<&BTreeMap<String, usize>> {
        self.locum.as_ref().map(|own| &own.left_out)
    }
}

/// A moment as AWS's programs print it: ISO 8601, or seconds since 1970.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(super) enum Moment {
    Text(String),
    Seconds(f64),
}

impl Moment {
    /// The moment, or `now` where none is given.
    pub(super) fn or_now(given: Option<&Self>, now: Seconds) -> Result<Seconds, &'static str> {
        match given {
            None => Some(now),
            Some(Self::Text(text)) => parse_timestamp(text),
            Some(Self::Seconds(seconds)) => Some(*seconds as Seconds),
        }
        .ok_or("a date is not in ISO 8601")
    }
}

/// A tag, before it is known to be legal.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct TagDetail {
    pub(super) key: String,
    #[serde(default)]
    pub(super) value: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InlineDetail {
    pub(super) policy_name: String,
    pub(super) policy_document: Document,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct AttachedDetail {
    #[serde(default)]
    pub(super) policy_name: String,
    pub(super) policy_arn: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BoundaryDetail {
    #[serde(default)]
    pub(super) permissions_boundary_type: String,
    pub(super) permissions_boundary_arn: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UserDetail {
    pub(super) path: String,
    pub(super) user_name: String,
    #[serde(default)]
    pub(super) user_id: String,
    #[serde(default)]
    pub(super) arn: String,
    pub(super) create_date: Option<Moment>,
    #[serde(default)]
    pub(super) user_policy_list: Vec<InlineDetail>,
    #[serde(default)]
    pub(super) group_list: Vec<String>,
    #[serde(default)]
    pub(super) attached_managed_policies: Vec<AttachedDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) permissions_boundary: Option<BoundaryDetail>,
    #[serde(default)]
    pub(super) tags: Vec<TagDetail>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct GroupDetail {
    pub(super) path: String,
    pub(super) group_name: String,
    #[serde(default)]
    pub(super) group_id: String,
    #[serde(default)]
    pub(super) arn: String,
    pub(super) create_date: Option<Moment>,
    #[serde(default)]
    pub(super) group_policy_list: Vec<InlineDetail>,
    #[serde(default)]
    pub(super) attached_managed_policies: Vec<AttachedDetail>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct RoleDetail {
    pub(super) path: String,
    pub(super) role_name: String,
    #[serde(default)]
    pub(super) role_id: String,
    #[serde(default)]
    pub(super) arn: String,
    pub(super) create_date: Option<Moment>,
    pub(super) assume_role_policy_document: Document,
    #[serde(default)]
    pub(super) instance_profile_list: Vec<InstanceProfileDetail>,
    #[serde(default)]
    pub(super) role_policy_list: Vec<InlineDetail>,
    #[serde(default)]
    pub(super) attached_managed_policies: Vec<AttachedDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) permissions_boundary: Option<BoundaryDetail>,
    #[serde(default)]
    pub(super) tags: Vec<TagDetail>,
    /// As in GetRole; AWS leaves it out here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    /// As in GetRole; AWS leaves it out here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) max_session_duration: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct InstanceProfileDetail {
    pub(super) path: String,
    pub(super) instance_profile_name: String,
    #[serde(default)]
    pub(super) instance_profile_id: String,
    #[serde(default)]
    pub(super) arn: String,
    pub(super) create_date: Option<Moment>,
    #[serde(default)]
    pub(super) tags: Vec<TagDetail>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct ManagedPolicyDetail {
    pub(super) policy_name: String,
    #[serde(default)]
    pub(super) policy_id: String,
    pub(super) arn: String,
    pub(super) path: String,
    pub(super) default_version_id: String,
    #[serde(default)]
    pub(super) attachment_count: usize,
    #[serde(default)]
    pub(super) permissions_boundary_usage_count: usize,
    #[serde(default)]
    pub(super) is_attachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) description: Option<String>,
    pub(super) create_date: Option<Moment>,
    pub(super) update_date: Option<Moment>,
    pub(super) policy_version_list: Vec<VersionDetail>,
    /// As in GetPolicy; AWS leaves it out here.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) tags: Vec<TagDetail>,
    /// The number that the next version gets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) next_version: Option<u32>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct VersionDetail {
    pub(super) document: Document,
    pub(super) version_id: String,
    #[serde(default)]
    pub(super) is_default_version: bool,
    pub(super) create_date: Option<Moment>,
}

/// What AWS's form has no place for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Own {
    /// [`FORMAT`]
    pub(super) format: u32,
    /// Whose export it is.
    pub(super) account: AccountId,
    /// The account's alias.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) alias: Option<String>,
    /// Instance profiles without a role.
    #[serde(default)]
    pub(super) instance_profiles: Vec<InstanceProfileDetail>,
    /// Entities of the kinds that are stored as they are.
    #[serde(default)]
    pub(super) entities: Vec<Plain>,
    /// What is not in the export, and how many there are of each.
    #[serde(default)]
    pub(super) left_out: BTreeMap<String, usize>,
}

/// An entity in its stored form, with users by name.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Plain {
    pub(super) kind: String,
    pub(super) body: Box<RawValue>,
}
