//! Amazon EKS, as far as its Pod Identity goes: clusters that an operator registered, and which roles their
//! service accounts get.
//!
//! Clusters and associations are of a region, which is the one that requests are signed for.

use crate::account::Account;
use crate::caller::Need;
use crate::entity::{EksCluster, PodIdentityAssociation};
use crate::error::Error;
use crate::names::AccountId;
use crate::operation::Call;
use std::borrow::Cow;
use std::sync::Arc;

mod associations;
mod auth;
mod clusters;
mod fault;
mod pod;
mod tags;

pub use associations::{
    CreatePodIdentityAssociation, DeletePodIdentityAssociation, DescribePodIdentityAssociation,
    ListPodIdentityAssociations, ShownAssociation, UpdatePodIdentityAssociation,
};
pub use auth::{AssumeRoleForPodIdentity, PodCredentials};
pub use clusters::{ClusterFault, DescribeCluster, ListClusters, NewCluster, ShownCluster};
pub use fault::EksFault;
pub use tags::{ListTagsForResource, TagResource, UntagResource};

/// The service that assumes roles for pods, as trust policies name it.
pub const POD_SERVICE: &str = "pods.eks.amazonaws.com";

/// `arn:aws:eks:REGION:ACCOUNT:cluster/NAME`
pub fn cluster_arn(account: AccountId, region: &str, name: &str) -> String {
    format!("arn:aws:eks:{region}:{account}:cluster/{name}")
}

/// `arn:aws:eks:REGION:ACCOUNT:podidentityassociation/CLUSTER/ID`
pub(crate) fn association_arn(account: AccountId, region: &str, cluster: &str, id: &str) -> String {
    format!("arn:aws:eks:{region}:{account}:podidentityassociation/{cluster}/{id}")
}

/// The cluster of that name in the region of the request.
fn cluster<'a>(account: &'a Account, region: &str, name: &str) -> Option<&'a Arc<EksCluster>> {
    account.eks_clusters.get(&EksCluster::key(region, name))
}

/// The cluster of an ARN.
pub(crate) fn cluster_of_arn<'a>(account: &'a Account, arn: &str) -> Option<&'a Arc<EksCluster>> {
    let parsed = locum_policy::Arn::parse(arn)?;
    let name = parsed.resource().strip_prefix("cluster/")?;
    cluster(account, parsed.region(), name).filter(|found| found.arn(account.id) == arn)
}

/// The same, which must be there.
fn known_cluster<'a>(
    account: &'a Account,
    region: &str,
    name: &str,
) -> Result<&'a Arc<EksCluster>, Error> {
    cluster(account, region, name).ok_or_else(|| {
        EksFault::ResourceNotFound(format!("No cluster found for name: {name}.")).into()
    })
}

/// The associations of a cluster, by namespace and service account.
fn associations<'a>(
    account: &'a Account,
    region: &str,
    cluster: &str,
) -> impl Iterator<Item = (&'a str, &'a Arc<PodIdentityAssociation>)> + use<'a> {
    let prefix = PodIdentityAssociation::prefix(region, cluster);
    let all = account.pod_identity_associations.behind(&prefix);
    all.take_while(move |(key, _)| key.starts_with(&prefix))
}

/// The association of that id in a cluster.
fn association<'a>(
    account: &'a Account,
    region: &str,
    cluster: &str,
    id: &str,
) -> Option<&'a Arc<PodIdentityAssociation>> {
    let mut all = associations(account, region, cluster);
    all.find_map(|(_, association)| (association.id == id).then_some(association))
}

/// The need of an action on a cluster that may or may not exist.
fn need_on_cluster<'a>(
    call: &'a Call<'_>,
    action: impl Into<Cow<'a, str>>,
    name: &str,
) -> Result<Need<'a>, Error> {
    let (account, region) = (call.account()?, &call.facts.region);
    let need = Need::new(action, cluster_arn(account.id, region, name));
    Ok(match cluster(account, region, name) {
        Some(cluster) => need.resource_tags(&cluster.tags, None),
        None => need,
    })
}

/// The need of an action on an association that may or may not exist.
fn need_on_association<'a>(
    call: &'a Call<'_>,
    action: impl Into<Cow<'a, str>>,
    cluster: &str,
    id: &str,
) -> Result<Need<'a>, Error> {
    let (account, region) = (call.account()?, &call.facts.region);
    let need = Need::new(action, association_arn(account.id, region, cluster, id));
    Ok(match association(account, region, cluster, id) {
        Some(association) => need.resource_tags(&association.tags, None),
        None => need,
    })
}
