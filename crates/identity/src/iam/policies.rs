//! Managed policies and their versions: the account's own, and AWS's to read.

use super::tags::{ListResourceTags, TagCase, TagResource, Taggable, UntagResource, tags_of_field};
use super::{Named, Page, PageRequest, parsed_arn};
use crate::account::{Account, PolicyState};
use crate::aws_managed::AwsManagedPolicy;
use crate::caller::Need;
use crate::entity::{ManagedPolicy, PolicyVersion};
use crate::environment::Seconds;
use crate::error::{Conflict, Error, Existing, Forbidden, Missing};
use crate::ids::{IdKind, UniqueId};
use crate::names::{
    AccountId, ArnText, Constrained as _, Description, DocumentText, EntityName, PolicyPath, Tag,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use locum_policy::{Kind, Policy};
use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

mod entities;
mod versions;

pub use entities::{EntityFilter, ListEntitiesForPolicy, PolicyEntity};
pub use versions::{
    CreatePolicyVersion, DeletePolicyVersion, GetPolicyVersion, ListPolicyVersions,
    SetDefaultPolicyVersion,
};

/// A managed policy as answers show it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DescribedPolicy {
    /// `PolicyName`
    pub name: String,
    /// `PolicyId`
    pub id: String,
    /// `Arn`
    pub arn: String,
    /// `Path`
    pub path: String,
    /// The number in `DefaultVersionId`.
    pub default_version: u32,
    /// `AttachmentCount`: users, groups and roles of the account it is attached to.
    pub attachment_count: usize,
    /// `PermissionsBoundaryUsageCount`: users and roles of the account it bounds.
    pub boundary_count: usize,
    /// `Description`
    pub description: Option<String>,
    /// `CreateDate`
    pub created: Seconds,
    /// `UpdateDate`
    pub updated: Seconds,
    /// `Tags`
    pub tags: Vec<Tag>,
}

/// A version of a managed policy as answers show it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct DescribedVersion {
    /// `Document`, byte for byte as submitted.
    pub document: String,
    /// The number in `VersionId`.
    pub number: u32,
    /// `IsDefaultVersion`
    pub is_default: bool,
    /// `CreateDate`
    pub created: Seconds,
}

/// How a managed policy is used.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyUsage {
    /// It is attached.
    PermissionsPolicy,
    /// It bounds.
    PermissionsBoundary,
}

/// A managed policy, whoever manages it.
pub(super) enum Found<'a> {
    Customer(&'a Arc<PolicyState>),
    Aws(&'a AwsManagedPolicy),
}

impl<'a> Found<'a> {
    fn find(account: &'a Account, arn: &str) -> Result<Self, Error> {
        match account.aws_managed.policy(arn) {
            Some(policy) => Ok(Self::Aws(policy)),
            None => customer(account, arn).map(Self::Customer),
        }
    }

    pub(super) fn arn(&self) -> &'a str {
        match self {
            Self::Customer(state) => &state.arn,
            Self::Aws(policy) => &policy.arn,
        }
    }

    pub(super) fn describe(
        &self,
        (attachment_count, boundary_count): (usize, usize),
    ) -> DescribedPolicy {
        match self {
            Self::Customer(state) => DescribedPolicy {
                name: state.policy.name.to_string(),
                id: state.policy.id.to_string(),
                arn: state.arn.clone(),
                path: state.policy.path.to_string(),
                default_version: state.policy.default_version,
                attachment_count,
                boundary_count,
                description: state
                    .policy
                    .description
                    .as_ref()
                    .map(Description::to_string),
                created: state.policy.created,
                updated: state.policy.updated,
                tags: state.policy.tags.clone(),
            },
            Self::Aws(policy) => DescribedPolicy {
                name: policy.name.clone(),
                id: policy.id.clone(),
                arn: policy.arn.clone(),
                path: policy.path.clone(),
                default_version: policy.version,
                attachment_count,
                boundary_count,
                description: policy.description.as_deref().map(str::to_owned),
                created: policy.created,
                updated: policy.updated,
                tags: Vec::new(),
            },
        }
    }

    /// The versions, oldest first.
    pub(super) fn versions(&self) -> Vec<DescribedVersion> {
        match self {
            Self::Customer(state) => state
                .policy
                .versions
                .iter()
                .map(|version| describe(&state.policy, version))
                .collect(),
            Self::Aws(policy) => vec![DescribedVersion {
                document: policy.document.to_string(),
                number: policy.version,
                is_default: true,
                created: policy.updated,
            }],
        }
    }
}

fn describe(policy: &ManagedPolicy, version: &PolicyVersion) -> DescribedVersion {
    DescribedVersion {
        document: version.document.clone(),
        number: version.number,
        is_default: version.number == policy.default_version,
        created: version.created,
    }
}

/// The account's policy of that ARN.
fn customer<'a>(account: &'a Account, arn: &str) -> Result<&'a Arc<PolicyState>, Error> {
    account
        .policy_with_arn(arn)
        .ok_or_else(|| Error::NoSuchEntity(Missing::Policy(arn.to_owned())))
}

/// The account's policy of that ARN, to be changed. AWS's are only AWS's to change.
fn own<'a>(account: &'a Account, arn: &str) -> Result<&'a Arc<PolicyState>, Error> {
    match account.aws_managed.policy(arn) {
        Some(_) => Err(Error::Forbidden(Forbidden::AwsManagedPolicy)),
        None => customer(account, arn),
    }
}

/// The need of an action on a policy, which must at least have an ARN.
fn need_on_policy<'a>(
    call: &'a Call<'_>,
    action: impl Into<Cow<'a, str>>,
    arn: &'a ArnText,
) -> Result<Need<'a>, Error> {
    let parsed = parsed_arn(arn.as_str())?;
    let mut need = Need::new(action, arn.as_str());
    // Another account's policies are its own; no policy of it lets us in.
    need.resource_account = AccountId::parse(parsed.account()).ok();
    Ok(match call.account()?.policy_with_arn(arn.as_str()) {
        Some(state) => need.resource_tags(&state.policy.tags, None),
        None => need,
    })
}

/// A document that a managed policy may have.
fn checked(account: &Account, document: &DocumentText) -> Result<String, Error> {
    let policy = Policy::parse(document.as_str(), Kind::Identity)?;
    account.room_for(policy.size(), AccountQuota::PolicySize)?;
    Ok(document.to_string())
}

/// How often each managed policy is attached and bounds, counted in one pass.
pub(crate) fn uses(account: &Account) -> HashMap<&str, (usize, usize)> {
    let mut uses: HashMap<&str, (usize, usize)> = HashMap::new();
    let users = account
        .users
        .iter()
        .map(|(_, state)| (&state.user.policies, &state.user.permissions_boundary));
    let roles = account
        .roles
        .iter()
        .map(|(_, state)| (&state.role.policies, &state.role.permissions_boundary));
    let groups = account
        .groups
        .iter()
        .map(|(_, state)| (&state.group.policies, &None));
    for (policies, boundary) in users.chain(roles).chain(groups) {
        for arn in &policies.attached {
            uses.entry(arn).or_default().0 += 1;
        }
        if let Some(arn) = boundary {
            uses.entry(arn).or_default().1 += 1;
        }
    }
    uses
}

/// CreatePolicy
#[derive(Clone, Debug)]
pub struct CreatePolicy {
    /// `PolicyName`
    pub policy_name: EntityName,
    /// `Path`
    pub path: Option<PolicyPath>,
    /// `PolicyDocument`
    pub policy_document: DocumentText,
    /// `Description`
    pub description: Option<Description>,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for CreatePolicy {
    type Output = DescribedPolicy;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreatePolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let path = self.path.as_ref().map_or("/", PolicyPath::as_str);
        let arn = call
            .account()?
            .iam_arn(&format!("policy{path}{}", self.policy_name));
        let granted =
            call.allow(&Need::new("iam:CreatePolicy", arn.as_str()).request_tags(&self.tags))?;
        if !self.tags.is_empty() {
            call.allow(&Need::new("iam:TagPolicy", arn.as_str()).request_tags(&self.tags))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<DescribedPolicy, Error> {
        let document = checked(call.account()?, &self.policy_document)?;
        call.change(|draft| {
            let account = draft.account;
            TagCase::Sensitive.check(&self.tags)?;
            if account.policies.named(self.policy_name.as_str()).is_some() {
                return Err(Error::EntityAlreadyExists(Existing::Policy(
                    self.policy_name.to_string(),
                )));
            }
            account.room_for_one(account.policies.len(), AccountQuota::PoliciesPerAccount)?;
            let policy = ManagedPolicy {
                id: UniqueId::generate(IdKind::ManagedPolicy, account.id, draft.entropy),
                name: self.policy_name.clone(),
                path: self.path.clone().unwrap_or_default().into(),
                created: draft.now,
                updated: draft.now,
                description: self.description.clone(),
                tags: self.tags.clone(),
                versions: vec![PolicyVersion {
                    number: 1,
                    document: document.clone(),
                    created: draft.now,
                }],
                default_version: 1,
                next_version: 2,
            };
            let described = DescribedPolicy {
                name: policy.name.to_string(),
                id: policy.id.to_string(),
                arn: account.iam_arn(&format!("policy{}{}", policy.path, policy.name)),
                path: policy.path.to_string(),
                default_version: 1,
                attachment_count: 0,
                boundary_count: 0,
                description: policy.description.as_ref().map(Description::to_string),
                created: policy.created,
                updated: policy.updated,
                tags: policy.tags.clone(),
            };
            draft.change.put(policy);
            Ok(described)
        })
        .await
    }
}

/// GetPolicy
#[derive(Clone, Debug)]
pub struct GetPolicy {
    /// `PolicyArn`
    pub policy_arn: ArnText,
}

impl Operation for GetPolicy {
    type Output = DescribedPolicy;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetPolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_policy(call, "iam:GetPolicy", &self.policy_arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<DescribedPolicy, Error> {
        let account = call.account()?;
        let arn = self.policy_arn.as_str();
        Ok(Found::find(account, arn)?.describe(account.uses_of_policy(arn)))
    }
}

/// DeletePolicy: only of one that nothing uses and that has no versions besides the default one.
#[derive(Clone, Debug)]
pub struct DeletePolicy {
    /// `PolicyArn`
    pub policy_arn: ArnText,
}

impl Operation for DeletePolicy {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeletePolicy";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_policy(call, "iam:DeletePolicy", &self.policy_arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let state = own(draft.account, self.policy_arn.as_str())?;
            if draft.account.uses_of_policy(&state.arn) != (0, 0) {
                return Err(Error::DeleteConflict(Conflict::PolicyAttached));
            }
            if state.policy.versions.len() > 1 {
                return Err(Error::DeleteConflict(Conflict::PolicyVersions));
            }
            draft.change.delete(state.policy.clone());
            Ok(())
        })
        .await
    }
}

/// Whose managed policies ListPolicies lists.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum PolicyScope {
    /// Everyone's.
    #[default]
    All,
    /// AWS's.
    Aws,
    /// The account's own.
    Local,
}

/// ListPolicies: the account's own by name, then AWS's by ARN.
#[derive(Clone, Debug)]
pub struct ListPolicies {
    /// `Scope`
    pub scope: PolicyScope,
    /// `OnlyAttached`
    pub only_attached: bool,
    /// `PathPrefix`
    pub path_prefix: Option<PolicyPath>,
    /// `PolicyUsageFilter`, which counts only with `OnlyAttached`.
    pub policy_usage_filter: Option<PolicyUsage>,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListPolicies {
    type Output = Page<DescribedPolicy>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListPolicies";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        // The action has no resource type; this is how AWS's denials name what it is done to.
        let prefix = self.path_prefix.as_ref().map_or("/", PolicyPath::as_str);
        call.allow(&Need::new(
            "iam:ListPolicies",
            format!("policy path {prefix}"),
        ))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let wanted = |arn: &str, path: &str| {
            let covered = self
                .path_prefix
                .as_ref()
                .is_none_or(|prefix| path.starts_with(prefix.as_str()));
            covered
                && (!self.only_attached || {
                    let (attached, bounding) = account.uses_of_policy(arn);
                    match self.policy_usage_filter {
                        None => attached + bounding > 0,
                        Some(PolicyUsage::PermissionsPolicy) => attached > 0,
                        Some(PolicyUsage::PermissionsBoundary) => bounding > 0,
                    }
                })
        };
        // Sort keys are `1/NAME` of the account's own, then `2/ARN` of AWS's.
        let behind = self.page.behind.as_str();
        let own = match (self.scope, behind.strip_prefix("1/")) {
            (PolicyScope::Aws, _) => None,
            (_, Some(name)) => Some(account.policies.behind(name)),
            (_, None) => (behind < "1/").then(|| account.policies.behind("")),
        };
        let own = own
            .into_iter()
            .flatten()
            .filter(|(_, state)| wanted(&state.arn, state.policy.path.as_str()))
            .map(|(name, state)| (format!("1/{name}"), Found::Customer(state), &state.arn));
        let aws = account
            .aws_managed
            .policies()
            .filter(|_| self.scope != PolicyScope::Local)
            .map(|policy| (format!("2/{}", policy.arn), policy))
            .filter(|(key, policy)| key.as_str() > behind && wanted(&policy.arn, &policy.path))
            .map(|(key, policy)| (key, Found::Aws(policy), &policy.arn));
        let found: Vec<_> = own.chain(aws).take(self.page.limit() + 1).collect();
        let page = self.page.page(
            found
                .iter()
                .map(|(key, found, arn)| (key.as_str(), (found, *arn))),
        );
        Ok(Page {
            items: page
                .items
                .into_iter()
                .map(|(found, arn)| found.describe(account.uses_of_policy(arn)))
                .collect(),
            next: page.next,
        })
    }
}

impl Named for ManagedPolicy {
    type Name = ArnText;

    fn find<'a>(account: &'a Account, arn: &ArnText) -> Result<&'a Self, Error> {
        own(account, arn.as_str()).map(|state| &state.policy)
    }

    fn need<'a>(call: &'a Call<'_>, action: String, arn: &'a ArnText) -> Result<Need<'a>, Error> {
        need_on_policy(call, action, arn)
    }
}

impl Taggable for ManagedPolicy {
    const OPERATIONS: [&'static str; 3] = ["TagPolicy", "UntagPolicy", "ListPolicyTags"];

    tags_of_field!();

    /// AWS's policies have none.
    fn shown_tags(account: &Account, arn: &ArnText) -> Result<Vec<Tag>, Error> {
        Ok(match Found::find(account, arn.as_str())? {
            Found::Customer(state) => state.policy.tags.clone(),
            Found::Aws(_) => Vec::new(),
        })
    }
}

/// TagPolicy
pub type TagPolicy = TagResource<ManagedPolicy>;
/// UntagPolicy
pub type UntagPolicy = UntagResource<ManagedPolicy>;
/// ListPolicyTags
pub type ListPolicyTags = ListResourceTags<ManagedPolicy>;
