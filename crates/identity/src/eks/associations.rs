//! Pod Identity associations: which role the pods of a service account get.

use super::{
    EksFault, POD_SERVICE, association, associations, cluster_arn, known_cluster,
    need_on_association, need_on_cluster,
};
use crate::account::Account;
use crate::caller::Need;
use crate::entity::PodIdentityAssociation;
use crate::error::Error;
use crate::iam::{Page, PageRequest, TagCase};
use crate::ids::lower_case_id;
use crate::names::eks::{is_dns_label, is_dns_name};
use crate::names::{AccountId, ArnText, Constrained as _, EksText, Tag};
use crate::operation::{Call, Draft, Granted, Operation, Service};
use locum_policy::{Arn, Kind, Policy};
use std::sync::Arc;

/// Associations of one cluster (EKS user guide, "Service quotas").
const MOST_PER_CLUSTER: usize = 5000;
/// Letters and digits of an association's id, behind `a-`.
const ID_LENGTH: usize = 17;
/// Characters of a policy: what STS takes as the policy of a session.
const LONGEST_POLICY: usize = 2048;

/// An association as answers show it.
#[derive(Clone, Debug)]
pub struct ShownAssociation {
    /// The association.
    pub association: Arc<PodIdentityAssociation>,
    /// `associationArn`
    pub arn: String,
    /// `externalId`, where there is a target role: what its trust policy can ask for.
    pub external_id: Option<String>,
}

impl ShownAssociation {
    pub(super) fn new(account: AccountId, association: Arc<PodIdentityAssociation>) -> Self {
        let PodIdentityAssociation {
            region,
            cluster,
            namespace,
            service_account,
            ..
        } = &*association;
        let arn = association.arn(account);
        let has_target = association.target_role_arn.is_some();
        let external_id = has_target
            .then(|| format!("{region}/{account}/{cluster}/{namespace}/{service_account}"));
        Self {
            arn,
            external_id,
            association,
        }
    }
}

fn invalid(text: impl Into<String>) -> Error {
    EksFault::InvalidParameter(text.into()).into()
}

fn no_association(id: &str) -> Error {
    EksFault::ResourceNotFound(format!("No association found for id: {id}.")).into()
}

/// The account of a role's ARN.
fn account_of_role(member: &str, arn: &str) -> Result<AccountId, Error> {
    let legal = |text: &str| ArnText::parse(text).is_ok();
    let parsed = Arn::parse(arn).filter(|it| {
        let name = it.resource().strip_prefix("role/").unwrap_or_default();
        it.service() == "iam" && it.region().is_empty() && !name.is_empty() && legal(arn)
    });
    parsed
        .and_then(|arn| AccountId::parse(arn.account()).ok())
        .ok_or_else(|| invalid(format!("{member} must be the ARN of a role.")))
}

/// Decides whether the caller may hand a role to the pods of a cluster.
fn allow_pass(call: &Call<'_>, cluster: &str, role_arn: &str) -> Result<(), Error> {
    let account = call.account()?;
    let owner = account_of_role("roleArn", role_arn)?;
    let mut pass = Need::new("iam:PassRole", role_arn)
        .key("iam:passedtoservice", POD_SERVICE)
        .key(
            "iam:associatedresourcearn",
            cluster_arn(account.id, &call.facts.region, cluster),
        );
    pass.resource_account = Some(owner);
    if let Some(state) = role_of(account, role_arn) {
        pass = pass
            .resource_tags(&state.role.tags, Some("iam:resourcetag/"))
            .key_if(
                "iam:permissionsboundary",
                state.role.permissions_boundary.as_deref(),
            );
    }
    call.allow(&pass).map(drop)
}

/// The account's own role of that very ARN.
fn role_of<'a>(account: &'a Account, arn: &str) -> Option<&'a Arc<crate::account::RoleState>> {
    let name = arn.rsplit('/').next()?;
    account.roles.named(name).filter(|state| state.arn == arn)
}

/// That an association may be as it is.
fn check(account: &Account, association: &PodIdentityAssociation) -> Result<(), Error> {
    account_of_role("roleArn", &association.role_arn)?;
    if role_of(account, &association.role_arn).is_none() {
        return Err(invalid("Role provided in the request does not exist."));
    }
    if let Some(target) = &association.target_role_arn {
        account_of_role("targetRoleArn", target)?;
    }
    if let Some(policy) = &association.policy {
        if !association.disable_session_tags {
            return Err(invalid(
                "disableSessionTags must be true where there is a policy.",
            ));
        }
        if policy.chars().count() > LONGEST_POLICY {
            return Err(invalid(format!(
                "policy can have {LONGEST_POLICY} characters at most."
            )));
        }
        if let Err(fault) = Policy::parse(policy, Kind::Session).map_err(Error::from) {
            return Err(invalid(format!("policy: {fault}")));
        }
    }
    Ok(())
}

/// A text that takes something away when it is empty.
fn filled(text: &EksText) -> Option<String> {
    (!text.as_str().is_empty()).then(|| text.to_string())
}

/// CreatePodIdentityAssociation
#[derive(Clone, Debug)]
pub struct CreatePodIdentityAssociation {
    /// `clusterName`
    pub cluster: EksText,
    /// `namespace`
    pub namespace: EksText,
    /// `serviceAccount`
    pub service_account: EksText,
    /// `roleArn`
    pub role_arn: EksText,
    /// `clientRequestToken`: a request that comes again with it makes nothing more.
    pub request_token: Option<EksText>,
    /// `tags`
    pub tags: Vec<Tag>,
    /// `disableSessionTags`
    pub disable_session_tags: Option<bool>,
    /// `targetRoleArn`
    pub target_role_arn: Option<EksText>,
    /// `policy`
    pub policy: Option<EksText>,
}

impl CreatePodIdentityAssociation {
    fn create(&self, draft: &Draft<'_>, region: &str) -> Result<PodIdentityAssociation, Error> {
        let cluster = known_cluster(draft.account, region, self.cluster.as_str())?;
        if !is_dns_label(self.namespace.as_str()) {
            return Err(invalid("namespace must be the name of a namespace."));
        }
        if !is_dns_name(self.service_account.as_str()) {
            return Err(invalid(
                "serviceAccount must be the name of a service account.",
            ));
        }
        TagCase::Sensitive
            .check(&self.tags)
            .map_err(|error| match error {
                Error::InvalidInput(text) => invalid(text),
                other => other,
            })?;
        let created = PodIdentityAssociation {
            id: format!("a-{}", lower_case_id(ID_LENGTH, draft.entropy)),
            region: region.to_owned(),
            cluster: cluster.name.clone(),
            namespace: self.namespace.to_string(),
            service_account: self.service_account.to_string(),
            role_arn: self.role_arn.to_string(),
            created: draft.now,
            modified: draft.now,
            disable_session_tags: self.disable_session_tags.unwrap_or(false),
            target_role_arn: self.target_role_arn.as_ref().and_then(filled),
            policy: self.policy.as_ref().and_then(filled),
            request_token: self.request_token.as_ref().and_then(filled),
            tags: self.tags.clone(),
        };
        check(draft.account, &created)?;
        Ok(created)
    }

    /// The association that this very request made before, if it did.
    fn made_before(
        &self,
        account: &Account,
        created: &PodIdentityAssociation,
    ) -> Result<Option<Arc<PodIdentityAssociation>>, Error> {
        let (region, cluster) = (created.region.as_str(), created.cluster.as_str());
        let mut count = 0;
        for (_, other) in associations(account, region, cluster) {
            count += 1;
            let same_pods = (&other.namespace, &other.service_account)
                == (&created.namespace, &created.service_account);
            let same_token =
                other.request_token.is_some() && other.request_token == created.request_token;
            if same_token {
                let as_asked = PodIdentityAssociation {
                    id: other.id.clone(),
                    created: other.created,
                    modified: other.modified,
                    ..created.clone()
                };
                return if as_asked == **other {
                    Ok(Some(other.clone()))
                } else {
                    Err(invalid(
                        "clientRequestToken was used for another request already.",
                    ))
                };
            }
            if same_pods {
                let text = format!("Association already exists: {}", other.id);
                return Err(EksFault::ResourceInUse(text).into());
            }
        }
        if count >= MOST_PER_CLUSTER {
            let text = format!("A cluster can have {MOST_PER_CLUSTER} associations at most.");
            return Err(EksFault::ResourceLimitExceeded(text).into());
        }
        Ok(None)
    }
}

impl Operation for CreatePodIdentityAssociation {
    type Output = ShownAssociation;
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "CreatePodIdentityAssociation";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "eks:CreatePodIdentityAssociation";
        let cluster = self.cluster.as_str();
        let need = need_on_cluster(call, action, cluster)?.request_tags(&self.tags);
        let granted = call.allow(&need)?;
        allow_pass(call, cluster, self.role_arn.as_str())?;
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownAssociation, Error> {
        call.change(|draft| {
            let created = self.create(draft, &call.facts.region)?;
            let shown = match self.made_before(draft.account, &created)? {
                Some(before) => before,
                None => {
                    draft.change.put(created.clone());
                    Arc::new(created)
                }
            };
            Ok(ShownAssociation::new(draft.account.id, shown))
        })
        .await
    }
}

/// DescribePodIdentityAssociation
#[derive(Clone, Debug)]
pub struct DescribePodIdentityAssociation {
    /// `clusterName`
    pub cluster: EksText,
    /// `associationId`
    pub id: EksText,
}

/// The association of a request, which must be there.
fn found<'a>(
    account: &'a Account,
    region: &str,
    cluster: &EksText,
    id: &EksText,
) -> Result<&'a Arc<PodIdentityAssociation>, Error> {
    let cluster = known_cluster(account, region, cluster.as_str())?;
    association(account, region, cluster.name.as_str(), id.as_str())
        .ok_or_else(|| no_association(id.as_str()))
}

impl Operation for DescribePodIdentityAssociation {
    type Output = ShownAssociation;
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "DescribePodIdentityAssociation";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "eks:DescribePodIdentityAssociation";
        let (cluster, id) = (self.cluster.as_str(), self.id.as_str());
        call.allow(&need_on_association(call, action, cluster, id)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownAssociation, Error> {
        let account = call.account()?;
        let found = found(account, &call.facts.region, &self.cluster, &self.id)?;
        Ok(ShownAssociation::new(account.id, found.clone()))
    }
}

/// ListPodIdentityAssociations
#[derive(Clone, Debug)]
pub struct ListPodIdentityAssociations {
    /// `clusterName`
    pub cluster: EksText,
    /// `namespace`: only of this one.
    pub namespace: Option<EksText>,
    /// `serviceAccount`: only of those called so.
    pub service_account: Option<EksText>,
    /// `nextToken` and `maxResults`
    pub page: PageRequest,
}

impl Operation for ListPodIdentityAssociations {
    type Output = Page<ShownAssociation>;
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "ListPodIdentityAssociations";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "eks:ListPodIdentityAssociations";
        call.allow(&need_on_cluster(call, action, self.cluster.as_str())?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let (account, region) = (call.account()?, call.facts.region.as_str());
        let cluster = known_cluster(account, region, self.cluster.as_str())?;
        let fits = |wanted: &Option<EksText>, text: &str| {
            wanted.as_ref().is_none_or(|wanted| wanted.as_str() == text)
        };
        let all = associations(account, region, cluster.name.as_str());
        let wanted = all.filter(|(_, it)| {
            fits(&self.namespace, &it.namespace) && fits(&self.service_account, &it.service_account)
        });
        let shown = wanted.map(|(key, it)| (key, ShownAssociation::new(account.id, it.clone())));
        Ok(self.page.page_of_all(shown))
    }
}

/// UpdatePodIdentityAssociation. An empty `targetRoleArn` or `policy` takes it away.
#[derive(Clone, Debug)]
pub struct UpdatePodIdentityAssociation {
    /// `clusterName`
    pub cluster: EksText,
    /// `associationId`
    pub id: EksText,
    /// `roleArn`
    pub role_arn: Option<EksText>,
    /// `disableSessionTags`
    pub disable_session_tags: Option<bool>,
    /// `targetRoleArn`
    pub target_role_arn: Option<EksText>,
    /// `policy`
    pub policy: Option<EksText>,
}

impl Operation for UpdatePodIdentityAssociation {
    type Output = ShownAssociation;
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "UpdatePodIdentityAssociation";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "eks:UpdatePodIdentityAssociation";
        let (cluster, id) = (self.cluster.as_str(), self.id.as_str());
        let granted = call.allow(&need_on_association(call, action, cluster, id)?)?;
        if let Some(role) = &self.role_arn {
            allow_pass(call, cluster, role.as_str())?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownAssociation, Error> {
        call.change(|draft| {
            let account = draft.account;
            let before = found(account, &call.facts.region, &self.cluster, &self.id)?;
            let mut after = PodIdentityAssociation::clone(before);
            if let Some(role) = &self.role_arn {
                after.role_arn = role.to_string();
            }
            if let Some(disable) = self.disable_session_tags {
                after.disable_session_tags = disable;
            }
            if let Some(target) = &self.target_role_arn {
                after.target_role_arn = filled(target);
            }
            if let Some(policy) = &self.policy {
                after.policy = filled(policy);
            }
            check(account, &after)?;
            if after != **before {
                after.modified = draft.now;
                draft.change.put(after.clone());
            }
            Ok(ShownAssociation::new(account.id, Arc::new(after)))
        })
        .await
    }
}

/// DeletePodIdentityAssociation. Sessions that pods have run to their end.
#[derive(Clone, Debug)]
pub struct DeletePodIdentityAssociation {
    /// `clusterName`
    pub cluster: EksText,
    /// `associationId`
    pub id: EksText,
}

impl Operation for DeletePodIdentityAssociation {
    type Output = ShownAssociation;
    type Found = ();
    const SERVICE: Service = Service::Eks;
    const NAME: &'static str = "DeletePodIdentityAssociation";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "eks:DeletePodIdentityAssociation";
        let (cluster, id) = (self.cluster.as_str(), self.id.as_str());
        call.allow(&need_on_association(call, action, cluster, id)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ShownAssociation, Error> {
        call.change(|draft| {
            let account = draft.account;
            let gone = found(account, &call.facts.region, &self.cluster, &self.id)?;
            draft.change.delete(PodIdentityAssociation::clone(gone));
            Ok(ShownAssociation::new(account.id, gone.clone()))
        })
        .await
    }
}
