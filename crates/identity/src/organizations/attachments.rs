//! Which policy types are enabled, and which policies are attached where.

use super::policies::{PolicyView, page_of_policies, policy};
use super::{
    ConstraintReason, Fault, InvalidReason, POLICY_TYPE, available, management_only, need_on,
    need_on_policy, organization, quotas, readers, tree, type_of,
};
use crate::caller::Need;
use crate::directory::Directory;
use crate::entity::{Change, Organization, TargetPolicies};
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::names::{
    AccountId, Constrained as _, OrganizationPolicyId, PolicyType, PolicyTypeName, RootId, TargetId,
};
use crate::operation::{Call, Granted, Operation, Service};
use std::sync::Arc;

/// EnablePolicyType: every root, unit and account gets AWS's policy of the type. Done when it
/// answers.
#[derive(Clone, Debug)]
pub struct EnablePolicyType {
    /// `RootId`
    pub root_id: RootId,
    /// `PolicyType`
    pub policy_type: PolicyTypeName,
}

impl Operation for EnablePolicyType {
    type Output = Arc<Organization>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "EnablePolicyType";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        switching::<Self>(call, &self.root_id, self.policy_type)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Arc<Organization>, Error> {
        call.change_organization(|directory, change| {
            root(directory, &self.root_id)?;
            let policy_type = available(self.policy_type)?;
            let mut organization = Organization::clone(&*organization(directory)?);
            if !organization.policy_types.insert(policy_type) {
                return Err(Fault::PolicyTypeAlreadyEnabled.into());
            }
            change.put(organization.clone());
            Ok(Arc::new(organization))
        })
        .await
    }
}

/// DisablePolicyType: policies of the type bind no more, and what was attached is forgotten. Done
/// when it answers.
#[derive(Clone, Debug)]
pub struct DisablePolicyType {
    /// `RootId`
    pub root_id: RootId,
    /// `PolicyType`
    pub policy_type: PolicyTypeName,
}

impl Operation for DisablePolicyType {
    type Output = Arc<Organization>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DisablePolicyType";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        switching::<Self>(call, &self.root_id, self.policy_type)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Arc<Organization>, Error> {
        call.change_organization(|directory, change| {
            root(directory, &self.root_id)?;
            let policy_type = self.policy_type.known();
            let policy_type = policy_type.ok_or(Fault::PolicyTypeNotEnabled)?;
            let mut organization = Organization::clone(&*organization(directory)?);
            if !organization.policy_types.remove(&policy_type) {
                return Err(Fault::PolicyTypeNotEnabled.into());
            }
            change.put(organization.clone());
            for lists in directory.tree().lists() {
                let mut lists = TargetPolicies::clone(lists);
                if lists.attached.remove(&policy_type).is_some() {
                    keep(change, lists);
                }
            }
            Ok(Arc::new(organization))
        })
        .await
    }
}

/// Who may enable a type of policies at the root, or disable it.
fn switching<O: Operation>(
    call: &Call<'_>,
    root: &RootId,
    policy_type: PolicyTypeName,
) -> Result<Granted, Error> {
    let on_root = type_on::<O>(call, root.as_str(), policy_type)?;
    management_only(call, [on_root])
}

/// The need of an operation on policies of one type at a root, unit or account.
fn type_on<'a, O: Operation>(
    call: &'a Call<'_>,
    id: &str,
    policy_type: PolicyTypeName,
) -> Result<Need<'a>, Error> {
    Ok(need_on::<O>(call, id)?.key(POLICY_TYPE, policy_type.as_str()))
}

fn root(directory: &Directory, id: &RootId) -> Result<(), Error> {
    if id.as_str() == directory.tree().root() {
        Ok(())
    } else {
        Err(Fault::RootNotFound.into())
    }
}

/// Keeps the lists of a target; those that are as at the beginning need not be kept.
fn keep(change: &mut Change, mut lists: TargetPolicies) {
    lists
        .attached
        .retain(|policy_type, list| *list != [tree::default_policy(*policy_type)]);
    if lists.attached.is_empty() {
        change.delete(lists);
    } else {
        change.put(lists);
    }
}

/// Something that policies are attached to.
fn target(directory: &Directory, id: &TargetId) -> Result<AttachedTo, Error> {
    let found = directory.tree().is_container(id.as_str())
        || AccountId::parse(id.as_str()).is_ok_and(|id| directory.accounts.contains_key(&id));
    if found {
        AttachedTo::of(directory, id.as_str())
    } else {
        Err(Fault::TargetNotFound.into())
    }
}

/// AttachPolicy: to a root, unit or account.
#[derive(Clone, Debug)]
pub struct AttachPolicy {
    /// `PolicyId`
    pub policy_id: OrganizationPolicyId,
    /// `TargetId`
    pub target_id: TargetId,
}

impl Operation for AttachPolicy {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "AttachPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        needs_of_both::<Self>(call, &self.policy_id, &self.target_id)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change_organization(|directory, change| {
            let policy = &policy(directory, &self.policy_id)?.policy;
            let (mut lists, mut list) = attached(directory, policy.policy_type, &self.target_id)?;
            if !directory.tree().is_enabled(policy.policy_type) {
                return Err(Fault::PolicyTypeNotEnabled.into());
            }
            if list.contains(&policy.id) {
                return Err(Fault::DuplicatePolicyAttachment.into());
            }
            if list.len() >= quotas::ATTACHED {
                return Err(ConstraintReason::MaxPolicyTypeAttachmentLimitExceeded.into());
            }
            list.push(policy.id.clone());
            lists.attached.insert(policy.policy_type, list);
            keep(change, lists);
            Ok(())
        })
        .await
    }
}

/// DetachPolicy: a target keeps at least one service control policy, and always AWS's resource
/// control policy.
#[derive(Clone, Debug)]
pub struct DetachPolicy {
    /// `PolicyId`
    pub policy_id: OrganizationPolicyId,
    /// `TargetId`
    pub target_id: TargetId,
}

impl Operation for DetachPolicy {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DetachPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        needs_of_both::<Self>(call, &self.policy_id, &self.target_id)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change_organization(|directory, change| {
            let policy = &policy(directory, &self.policy_id)?.policy;
            let (mut lists, mut list) = attached(directory, policy.policy_type, &self.target_id)?;
            if !list.contains(&policy.id) {
                return Err(Fault::PolicyNotAttached.into());
            }
            if policy.id == tree::default_policy(PolicyType::ResourceControl) {
                return Err(InvalidReason::NonDetachablePolicy.into());
            }
            if list.len() == 1 {
                return Err(ConstraintReason::MinPolicyTypeAttachmentLimitExceeded.into());
            }
            list.retain(|id| *id != policy.id);
            lists.attached.insert(policy.policy_type, list);
            keep(change, lists);
            Ok(())
        })
        .await
    }
}

/// Both the policy and the target must be allowed.
fn needs_of_both<O: Operation>(
    call: &Call<'_>,
    policy: &OrganizationPolicyId,
    target: &TargetId,
) -> Result<Granted, Error> {
    let policy_type = type_of(call, policy.as_str())?;
    let on_target = need_on::<O>(call, target.as_str())?.key_if(POLICY_TYPE, policy_type);
    let on_policy = need_on_policy::<O>(call, policy.as_str())?;
    management_only(call, [on_policy, on_target])
}

/// The lists of a target that is there, and that of a type.
fn attached(
    directory: &Directory,
    policy_type: PolicyType,
    id: &TargetId,
) -> Result<(TargetPolicies, Vec<String>), Error> {
    target(directory, id)?;
    let tree = directory.tree();
    let list = tree.attached(id.as_str(), policy_type);
    let list = list.into_iter().map(str::to_owned).collect();
    Ok((tree.lists_of(id.as_str()), list))
}

/// ListPoliciesForTarget: those attached to the target itself, by id, in pages.
#[derive(Clone, Debug)]
pub struct ListPoliciesForTarget {
    /// `TargetId`
    pub target_id: TargetId,
    /// `Filter`
    pub policy_type: PolicyTypeName,
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListPoliciesForTarget {
    type Output = Page<PolicyView>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListPoliciesForTarget";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(
            call,
            [type_on::<Self>(
                call,
                self.target_id.as_str(),
                self.policy_type,
            )?],
        )
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.caller.directory();
        target(directory, &self.target_id)?;
        let tree = directory.tree();
        let ids = self
            .policy_type
            .known()
            .map(|policy_type| tree.attached(self.target_id.as_str(), policy_type));
        let states = ids.into_iter().flatten().filter_map(|id| tree.policy(id));
        page_of_policies(directory, &self.page, states)
    }
}

/// What a policy is attached to.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AttachedTo {
    /// Its id: `r-…`, `ou-…` or an account's.
    pub id: String,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
}

impl AttachedTo {
    fn of(directory: &Directory, id: &str) -> Result<Self, Error> {
        let organization = organization(directory)?;
        let (kind, name) = if let Some(unit) = directory.tree().unit(id) {
            ("ou", unit.name.as_str())
        } else {
            let account = AccountId::parse(id)
                .ok()
                .and_then(|id| directory.accounts.get(&id));
            account.map_or(("root", "Root"), |account| {
                ("account", account.name.as_str())
            })
        };
        Ok(Self {
            id: id.to_owned(),
            arn: organization.arn(&format!("{kind}/{}/{id}", organization.id)),
            name: name.to_owned(),
        })
    }
}

/// ListTargetsForPolicy: by id, in pages.
#[derive(Clone, Debug)]
pub struct ListTargetsForPolicy {
    /// `PolicyId`
    pub policy_id: OrganizationPolicyId,
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListTargetsForPolicy {
    type Output = Page<AttachedTo>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListTargetsForPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(
            call,
            [need_on_policy::<Self>(call, self.policy_id.as_str())?],
        )
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.caller.directory();
        let policy = &policy(directory, &self.policy_id)?.policy;
        let tree = directory.tree();
        // Sorted as it stands: digits, `ou-…`, `r-…`.
        let accounts = directory.accounts.keys().map(AccountId::as_str);
        let units = tree.units().map(|unit| unit.id.as_str());
        let targets = accounts.chain(units).chain([tree.root()]);
        let attached = targets.filter(|id| {
            let list = tree.attached(id, policy.policy_type);
            list.contains(&policy.id.as_str())
        });
        let page = self.page.page_of_all(attached.map(|id| (id, id)));
        let targets = page.items.into_iter();
        Ok(Page {
            items: targets
                .map(|id| AttachedTo::of(directory, id))
                .collect::<Result<_, _>>()?,
            next: page.next,
        })
    }
}
