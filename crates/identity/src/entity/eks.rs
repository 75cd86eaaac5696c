//! Kubernetes clusters, and which role a service account of one gets.

use crate::environment::Seconds;
use crate::names::{AccountId, ClusterName, Tag};
use serde::{Deserialize, Serialize};

/// A Kubernetes cluster that an operator registered. How its issuer is reached say the
/// [`super::ProviderSettings`] of its ARN.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct EksCluster {
    /// The region that it is of.
    pub region: String,
    /// The name. Letter case tells clusters apart.
    pub name: ClusterName,
    /// When it was registered.
    pub created: Seconds,
    /// Who signs the tokens of its service accounts: `iss`, byte for byte.
    pub issuer: String,
    /// The URL of its API server, for who asks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

/// That a service account gets a role: a Pod Identity association.
#[derive(Clone, Debug, Eq, PartialEq, Serialize, Deserialize)]
pub struct PodIdentityAssociation {
    /// `a-` and 17 lower-case letters and digits.
    pub id: String,
    /// The region of the cluster.
    pub region: String,
    /// The cluster's name.
    pub cluster: ClusterName,
    /// The namespace.
    pub namespace: String,
    /// The service account.
    pub service_account: String,
    /// The role, of the account of the cluster.
    pub role_arn: String,
    /// When it was made.
    pub created: Seconds,
    /// When it was last changed.
    pub modified: Seconds,
    /// Whether sessions come without tags that tell of the pod.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub disable_session_tags: bool,
    /// The role that is assumed with the session of the other one, and is the pod's then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_role_arn: Option<String>,
    /// A session policy of the session that the pod gets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
    /// `clientRequestToken` of the request that made it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_token: Option<String>,
    /// Tags; keys are case-sensitive.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Tag>,
}

impl EksCluster {
    /// `arn:aws:eks:REGION:ACCOUNT:cluster/NAME`
    pub fn arn(&self, account: AccountId) -> String {
        crate::eks::cluster_arn(account, &self.region, self.name.as_str())
    }

    /// What it is found by: no name has a slash.
    pub fn key(region: &str, name: &str) -> String {
        format!("{region}/{name}")
    }
}

impl PodIdentityAssociation {
    /// `arn:aws:eks:REGION:ACCOUNT:podidentityassociation/CLUSTER/ID`
    pub fn arn(&self, account: AccountId) -> String {
        crate::eks::association_arn(account, &self.region, self.cluster.as_str(), &self.id)
    }

    /// What the associations of a cluster are found by.
    pub fn prefix(region: &str, cluster: &str) -> String {
        format!("{region}/{cluster}/")
    }

    /// What it is found by: a service account has one association. No name has a slash.
    pub fn key(region: &str, cluster: &str, namespace: &str, service_account: &str) -> String {
        format!("{region}/{cluster}/{namespace}/{service_account}")
    }
}
