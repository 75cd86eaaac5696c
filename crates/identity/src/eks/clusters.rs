//! Clusters: an operator registers them, and AWS's clients read what was said of them.

use super::{EksFault, associations, cluster_arn, known_cluster, need_on_cluster};
use crate::entity::{EksCluster, ProviderSettings};
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::names::{AccountId, ClusterName, EksText};
use crate::operation::{Call, Granted, Operation, Service};
use crate::realm::Realm;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// What DescribeCluster answers.
#[derive(Clone, Debug)]
pub struct ShownCluster {
    /// The cluster.
    pub cluster: Arc<EksCluster>,
    /// `arn`
    pub arn: String,
    /// Certificates of the authorities that vouch for its servers (PEM), where they are its own.
    pub authorities: Option<String>,
}

/// DescribeCluster
#[derive(Clone, Debug)]
pub struct DescribeCluster {
    /// `name`
    pub name: EksText,
}

impl Operation for DescribeCluster {
    type Output = ShownCluster;
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "DescribeCluster";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_cluster(
            call,
            "eks:DescribeCluster",
            self.name.as_str(),
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownCluster, Error> {
        let account = call.account()?;
        let cluster = known_cluster(account, &call.facts.region, self.name.as_str())?;
        let arn = cluster.arn(account.id);
        let settings = account.provider_settings.get(&arn);
        Ok(ShownCluster {
            cluster: cluster.clone(),
            authorities: settings.and_then(|settings| settings.authorities.clone()),
            arn,
        })
    }
}

/// ListClusters: the names of those of the region.
#[derive(Clone, Debug)]
pub struct ListClusters {
    /// `include`: nothing, or `all`. There are no others to include.
    pub include: Vec<EksText>,
    /// `nextToken` and `maxResults`
    pub page: PageRequest,
}

impl Operation for ListClusters {
    type Output = Page<String>;
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "ListClusters";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&crate::caller::Need::new(
            "eks:ListClusters",
            Cow::Borrowed("*"),
        ))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Page<String>, Error> {
        if self.include.iter().any(|include| include.as_str() != "all") {
            return Err(EksFault::InvalidParameter(
                "The include parameter must be 'all', in lower case.".to_owned(),
            )
            .into());
        }
        let region = call.facts.region.as_str();
        let clusters = call.account()?.eks_clusters.values();
        let of_region = clusters.filter(|cluster| cluster.region == region);
        let names = of_region.map(|cluster| (cluster.name.as_str(), cluster.name.to_string()));
        Ok(self.page.page_of_all(names))
    }
}

/// A cluster as an operator registers it.
#[derive(Clone, Debug)]
pub struct NewCluster {
    /// The account that it is of.
    pub account: AccountId,
    /// The region.
    pub region: String,
    /// The name.
    pub name: ClusterName,
    /// Who signs the tokens of its service accounts.
    pub issuer: String,
    /// Where the issuer's key set is, where its discovery document is not to be asked.
    pub key_set: Option<String>,
    /// The URL of its API server.
    pub endpoint: Option<String>,
    /// Certificates of the authorities that vouch for its servers (PEM).
    pub authorities: Option<String>,
    /// Whether its servers may have addresses that are not public.
    pub private_addresses: bool,
    /// What its servers are shown as `Authorization: Bearer`.
    pub bearer_token: Option<crate::sealing::Secret>,
}

/// Why a cluster is not registered or forgotten.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum ClusterFault {
    /// There is no such account.
    UnknownAccount,
    /// There is no such cluster.
    Unknown,
    /// Tokens of our own are for others.
    OwnIssuer,
}

impl fmt::Display for ClusterFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownAccount => "there is no such account",
            Self::Unknown => "there is no such cluster",
            Self::OwnIssuer => "its issuer is an account of this server",
        })
    }
}

impl Realm {
    /// Registers a cluster, or says anew what one is. Its associations stay.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why nothing was changed.
    pub async fn register_cluster(
        &self,
        new: &NewCluster,
    ) -> Result<Result<(), ClusterFault>, Error> {
        if !self.directory().accounts.contains_key(&new.account) {
            return Ok(Err(ClusterFault::UnknownAccount));
        }
        if self.is_own_issuer(&new.issuer).await? {
            return Ok(Err(ClusterFault::OwnIssuer));
        }
        let origin = self.own_origin("RegisterCluster");
        self.change(new.account, &origin, |draft| {
            let arn = cluster_arn(new.account, &new.region, new.name.as_str());
            let key = EksCluster::key(&new.region, new.name.as_str());
            let before = draft.account.eks_clusters.get(&key);
            let token = match &new.bearer_token {
                None => None,
                Some(token) => Some(draft.root_key.seal(
                    &ProviderSettings::purpose(&arn, ProviderSettings::BEARER_TOKEN),
                    token.expose().as_bytes(),
                    draft.entropy,
                )?),
            };
            draft.change.put(ProviderSettings {
                changed: draft.now,
                authorities: new.authorities.clone(),
                jwks_uri: new.key_set.clone(),
                private_addresses: new.private_addresses,
                bearer_token: token,
                ..ProviderSettings::of(&arn)
            });
            draft.change.put(EksCluster {
                region: new.region.clone(),
                name: new.name.clone(),
                created: before.map_or(draft.now, |before| before.created),
                issuer: new.issuer.clone(),
                endpoint: new.endpoint.clone(),
                tags: before.map(|before| before.tags.clone()).unwrap_or_default(),
            });
            Ok(Ok(()))
        })
        .await
    }

    /// Forgets a cluster, and the associations of its service accounts.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]. The inner one is why nothing was changed.
    pub async fn delete_cluster(
        &self,
        account: AccountId,
        region: &str,
        name: &ClusterName,
    ) -> Result<Result<(), ClusterFault>, Error> {
        if !self.directory().accounts.contains_key(&account) {
            return Ok(Err(ClusterFault::UnknownAccount));
        }
        let origin = self.own_origin("DeleteCluster");
        self.change(account, &origin, |draft| {
            let name = name.as_str();
            let Some(cluster) = super::cluster(draft.account, region, name) else {
                return Ok(Err(ClusterFault::Unknown));
            };
            draft.change.delete(EksCluster::clone(cluster));
            let arn = cluster_arn(account, region, name);
            if let Some(settings) = draft.account.provider_settings.get(&arn) {
                draft.change.delete(ProviderSettings::clone(settings));
            }
            for (_, association) in associations(draft.account, region, name) {
                draft.change.delete((**association).clone());
            }
            Ok(Ok(()))
        })
        .await
    }
}
