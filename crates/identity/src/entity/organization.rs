//! What the realm keeps of the organization.

use crate::environment::Seconds;
use crate::names::{
    AccountId, AccountName, Email, OrganizationPolicyDescription, OrganizationPolicyName,
    PolicyType, ServicePrincipalName, Tag, UnitName,
};
use crate::root_access::RootFeature;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// An account as its organization sees it.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct AccountRecord {
    /// The id.
    pub id: AccountId,
    /// Its name.
    pub name: AccountName,
    /// Its e-mail address.
    pub email: Email,
    /// When it joined.
    pub joined: Seconds,
    /// Whether the organization created it (or it was there first).
    pub created_by_organization: bool,
    /// The id of the organizational unit it is in; `None` in the root. Kept in the realm only: the
    /// account's copy of its record stays as it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
    /// Its tags as a resource of the organization; keys are case-sensitive. Kept in the realm only.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// The organization: every account of a realm belongs to it. It has one root.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// `o-…`
    pub id: String,
    /// The management account.
    pub management_account: AccountId,
    /// The policy types that are enabled in the root.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub policy_types: BTreeSet<PolicyType>,
    /// Tags of the root.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub root_tags: Vec<Tag>,
    /// The services with trusted access, and since when.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub trusted_services: BTreeMap<ServicePrincipalName, Seconds>,
    /// The members that administer a service for the organization, and since when. It means nothing
    /// while the service has no trusted access.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub delegated_administrators: BTreeMap<ServicePrincipalName, BTreeMap<AccountId, Seconds>>,
    /// What is enabled of centralized root access. It means nothing while IAM has no trusted access.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub root_features: BTreeSet<RootFeature>,
}

/// An organizational unit.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OrganizationalUnit {
    /// `ou-…`
    pub id: String,
    /// Its name, unique among the units of its parent.
    pub name: UnitName,
    /// The root or the unit that it is in.
    pub parent: String,
    /// When it was created.
    pub created: Seconds,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// A service control or resource control policy of the organization's own.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct OrganizationPolicy {
    /// `p-…`
    pub id: String,
    /// What it is.
    pub policy_type: PolicyType,
    /// Its name, unique in its type.
    pub name: OrganizationPolicyName,
    /// What it is for.
    pub description: OrganizationPolicyDescription,
    /// The document, byte for byte as submitted.
    pub content: String,
    /// When it was created.
    pub created: Seconds,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// The policies attached to a root, unit or account. A target without a list of a type has what
/// every target begins with: AWS's policy of that type and no other.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize, Deserialize)]
pub struct TargetPolicies {
    /// `r-…`, `ou-…` or twelve digits.
    pub target: String,
    /// Ids of policies by type, in the order they were attached.
    pub attached: BTreeMap<PolicyType, Vec<String>>,
}

impl Organization {
    /// Whether a service has trusted access.
    pub fn trusts(&self, service: &str) -> bool {
        let mut services = self.trusted_services.keys();
        services.any(|name| name.as_str() == service)
    }

    /// The members that administer a service, and since when.
    pub fn delegated_administrators(
        &self,
        service: &str,
    ) -> impl Iterator<Item = (AccountId, Seconds)> {
        let of_services = self.delegated_administrators.iter();
        of_services
            .filter(move |(name, _)| name.as_str() == service)
            .flat_map(|(_, accounts)| accounts)
            .map(|(account, since)| (*account, *since))
    }

    /// Whether a member administers a service.
    pub fn is_delegated_administrator(&self, account: AccountId, service: &str) -> bool {
        let mut administrators = self.delegated_administrators(service);
        administrators.any(|(id, _)| id == account)
    }

    /// Whether an account may read the organization: the management account, and members that
    /// administer any service.
    pub fn is_read_by(&self, account: AccountId) -> bool {
        let mut delegated = self.delegated_administrators.values();
        account == self.management_account || delegated.any(|of| of.contains_key(&account))
    }

    /// The id of the root: `r-` and the first letters of the organization's own id.
    pub fn root_id(&self) -> String {
        let own = self.id.strip_prefix("o-").unwrap_or(&self.id);
        format!("r-{}", own.chars().take(4).collect::<String>())
    }

    /// `arn:aws:organizations::MANAGEMENT:` and what follows.
    pub fn arn(&self, resource: &str) -> String {
        format!(
            "arn:aws:organizations::{}:{resource}",
            self.management_account
        )
    }
}

/// What became of a CreateAccount request. It is done before it is answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct CreateAccountStatus {
    /// `car-…`
    pub id: String,
    /// The account created; `None` if another account has the e-mail address.
    pub account: Option<AccountId>,
    /// The name it was created with.
    pub account_name: AccountName,
    /// When it was asked for and done.
    pub at: Seconds,
}

/// An AWS-managed policy that an operator imported. It takes the place of the built-in one of its ARN.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct ImportedPolicy {
    /// Its ARN.
    pub arn: String,
    /// AWS's id of it, if it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// What it is for, if it was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The number of the version in force.
    pub version: u32,
    /// When the policy was created.
    pub created: Seconds,
    /// When the version was created.
    pub updated: Seconds,
    /// The document of that version.
    pub document: String,
}
