//! What is set for an account as a whole.

use crate::names::AccountId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Settings of an account.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct AccountSettings {
    /// Quotas that the operator set, by AWS's name of the quota.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub quotas: BTreeMap<String, usize>,
    /// The version of the tokens of STS's global endpoint: 1 where it was never set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub global_endpoint_token_version: Option<u8>,
    /// The account property `RoleManager/Enabled`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub role_manager_enabled: bool,
}

/// An account's alias: one name space over all accounts, so it is the realm's.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AccountAlias {
    /// The alias.
    pub alias: String,
    /// Whose it is.
    pub account: AccountId,
}
