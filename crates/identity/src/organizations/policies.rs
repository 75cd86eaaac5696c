//! Service control and resource control policies.

use super::tree::ControlPolicy;
use super::{
    ConstraintReason, Fault, InvalidReason, POLICY_TYPE, available, management_only, need,
    need_on_policy, organization, quotas, readers, tagging, tags,
};
use crate::directory::Directory;
use crate::entity::OrganizationPolicy;
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::ids::lower_case_id;
use crate::names::{
    OrganizationPolicyContent, OrganizationPolicyDescription, OrganizationPolicyId,
    OrganizationPolicyName, PolicyType, PolicyTypeName, Tag,
};
use crate::operation::{Call, Granted, Operation, Service};
use locum_policy::quotas::CONTROL_POLICY;
use std::sync::Arc;

/// A policy as the organization shows it.
#[derive(Clone, Debug)]
pub struct PolicyView {
    /// The policy.
    pub state: Arc<ControlPolicy>,
    /// Its ARN.
    pub arn: String,
}

impl PolicyView {
    pub(super) fn of(directory: &Directory, state: &Arc<ControlPolicy>) -> Result<Self, Error> {
        Ok(Self {
            arn: state.arn(&*organization(directory)?),
            state: state.clone(),
        })
    }
}

/// CreatePolicy: attached to nothing yet. The type need not be enabled.
#[derive(Clone, Debug)]
pub struct CreatePolicy {
    /// `Name`
    pub name: OrganizationPolicyName,
    /// `Description`
    pub description: OrganizationPolicyDescription,
    /// `Type`
    pub policy_type: PolicyTypeName,
    /// `Content`
    pub content: OrganizationPolicyContent,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for CreatePolicy {
    type Output = PolicyView;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "CreatePolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let create = need::<Self>("*")
            .key(POLICY_TYPE, self.policy_type.as_str())
            .request_tags(&self.tags);
        management_only(call, [create].into_iter().chain(tagging(&self.tags)))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<PolicyView, Error> {
        let policy_type = available(self.policy_type)?;
        tags::check(&self.tags)?;
        check_size(&self.content)?;
        call.change_organization(|directory, change| {
            let tree = directory.tree();
            let of_type = tree.policies(policy_type);
            if of_type.filter(|state| !state.aws_managed).count() >= quotas::policies(policy_type) {
                return Err(ConstraintReason::PolicyNumberLimitExceeded.into());
            }
            let policy = OrganizationPolicy {
                id: unused_id(call, directory),
                policy_type,
                name: self.name.clone(),
                description: self.description.clone(),
                content: self.content.to_string(),
                created: call.facts.now,
                tags: self.tags.clone(),
            };
            let state = Arc::new(ControlPolicy::written(policy.clone())?);
            unused_name(directory, &policy)?;
            change.put(policy);
            PolicyView::of(directory, &state)
        })
        .await
    }
}

fn check_size(content: &OrganizationPolicyContent) -> Result<(), Error> {
    if content.as_str().chars().count() > CONTROL_POLICY {
        Err(ConstraintReason::PolicyContentLimitExceeded.into())
    } else {
        Ok(())
    }
}

fn unused_id(call: &Call<'_>, directory: &Directory) -> String {
    loop {
        // Ten letters, of which the model's pattern of ARNs is satisfied too.
        let own = lower_case_id(10, &*call.realm.environment().entropy);
        let id = format!("p-{own}");
        if directory.tree().policy(&id).is_none() {
            return id;
        }
    }
}

fn unused_name(directory: &Directory, policy: &OrganizationPolicy) -> Result<(), Error> {
    let mut of_type = directory.tree().policies(policy.policy_type);
    let taken =
        of_type.any(|other| other.policy.name == policy.name && other.policy.id != policy.id);
    if taken {
        Err(Fault::DuplicatePolicy.into())
    } else {
        Ok(())
    }
}

pub(super) fn policy<'a>(
    directory: &'a Directory,
    id: &OrganizationPolicyId,
) -> Result<&'a Arc<ControlPolicy>, Error> {
    let found = directory.tree().policy(id.as_str());
    Ok(found.ok_or(Fault::PolicyNotFound)?)
}

/// A policy that is to be changed: AWS's are not.
fn own_policy<'a>(
    directory: &'a Directory,
    id: &OrganizationPolicyId,
) -> Result<&'a OrganizationPolicy, Error> {
    let state = policy(directory, id)?;
    if state.aws_managed {
        Err(InvalidReason::ImmutablePolicy.into())
    } else {
        Ok(&state.policy)
    }
}

/// UpdatePolicy: what is given replaces what was.
#[derive(Clone, Debug)]
pub struct UpdatePolicy {
    /// `PolicyId`
    pub policy_id: OrganizationPolicyId,
    /// `Name`
    pub name: Option<OrganizationPolicyName>,
    /// `Description`
    pub description: Option<OrganizationPolicyDescription>,
    /// `Content`
    pub content: Option<OrganizationPolicyContent>,
}

impl Operation for UpdatePolicy {
    type Output = PolicyView;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "UpdatePolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        management_only(
            call,
            [need_on_policy::<Self>(call, self.policy_id.as_str())?],
        )
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<PolicyView, Error> {
        call.change_organization(|directory, change| {
            let old = own_policy(directory, &self.policy_id)?;
            let mut policy = old.clone();
            if let Some(name) = &self.name {
                policy.name = name.clone();
            }
            if let Some(description) = &self.description {
                policy.description = description.clone();
            }
            if let Some(content) = &self.content {
                check_size(content)?;
                policy.content = content.to_string();
            }
            let state = Arc::new(ControlPolicy::written(policy.clone())?);
            unused_name(directory, &policy)?;
            if policy != *old {
                change.put(policy);
            }
            PolicyView::of(directory, &state)
        })
        .await
    }
}

/// DeletePolicy: one that is attached to nothing.
#[derive(Clone, Debug)]
pub struct DeletePolicy {
    /// `PolicyId`
    pub policy_id: OrganizationPolicyId,
}

impl Operation for DeletePolicy {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DeletePolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        management_only(
            call,
            [need_on_policy::<Self>(call, self.policy_id.as_str())?],
        )
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change_organization(|directory, change| {
            let policy = own_policy(directory, &self.policy_id)?;
            let mut lists = directory.tree().lists();
            if lists.any(|target| {
                target
                    .attached
                    .values()
                    .flatten()
                    .any(|id| *id == policy.id)
            }) {
                return Err(Fault::PolicyInUse.into());
            }
            change.delete(policy.clone());
            Ok(())
        })
        .await
    }
}

/// DescribePolicy: with its document.
#[derive(Clone, Debug)]
pub struct DescribePolicy {
    /// `PolicyId`
    pub policy_id: OrganizationPolicyId,
}

impl Operation for DescribePolicy {
    type Output = PolicyView;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DescribePolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(
            call,
            [need_on_policy::<Self>(call, self.policy_id.as_str())?],
        )
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<PolicyView, Error> {
        let directory = call.caller.directory();
        PolicyView::of(directory, policy(directory, &self.policy_id)?)
    }
}

/// ListPolicies: every policy of a type, by id, in pages. Of types that are not here there are none.
#[derive(Clone, Debug)]
pub struct ListPolicies {
    /// `Filter`
    pub policy_type: PolicyTypeName,
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListPolicies {
    type Output = Page<PolicyView>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListPolicies";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let list = need::<Self>("*").key(POLICY_TYPE, self.policy_type.as_str());
        readers(call, [list])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.caller.directory();
        let of_type = |policy_type: PolicyType| directory.tree().policies(policy_type);
        let states = self.policy_type.known().into_iter().flat_map(of_type);
        page_of_policies(directory, &self.page, states)
    }
}

/// A page of policies, which come in no order.
pub(super) fn page_of_policies<'a>(
    directory: &Directory,
    page: &PageRequest,
    states: impl Iterator<Item = &'a Arc<ControlPolicy>>,
) -> Result<Page<PolicyView>, Error> {
    let mut sorted: Vec<_> = states.collect();
    sorted.sort_by_key(|state| &state.policy.id);
    let keyed = sorted
        .into_iter()
        .map(|state| (state.policy.id.as_str(), state));
    let page = page.page_of_all(keyed);
    let views = page
        .items
        .into_iter()
        .map(|state| PolicyView::of(directory, state));
    Ok(Page {
        items: views.collect::<Result<_, _>>()?,
        next: page.next,
    })
}
