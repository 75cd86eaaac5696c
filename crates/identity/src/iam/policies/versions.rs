//! Versions of managed policies: at most five, numbered from one, no number twice.

use super::{DescribedVersion, Found, checked, describe, need_on_policy, own};
use crate::entity::{ManagedPolicy, PolicyVersion};
use crate::error::{Conflict, Error, Missing, Quota};
use crate::iam::{Page, PageRequest};
use crate::names::{ArnText, DocumentText, PolicyVersionId};
use crate::operation::{Call, Granted, Operation, Service};
use crate::quotas::VERSIONS_PER_POLICY;

/// CreatePolicyVersion
#[derive(Clone, Debug)]
pub struct CreatePolicyVersion {
    /// `PolicyArn`
    pub policy_arn: ArnText,
    /// `PolicyDocument`
    pub policy_document: DocumentText,
    /// `SetAsDefault`
    pub set_as_default: bool,
}

impl Operation for CreatePolicyVersion {
    type Output = DescribedVersion;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreatePolicyVersion";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_policy(
            call,
            "iam:CreatePolicyVersion",
            &self.policy_arn,
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<DescribedVersion, Error> {
        own(call.account()?, self.policy_arn.as_str())?;
        let document = checked(call.account()?, &self.policy_document)?;
        call.change(|draft| {
            let mut policy = own(draft.account, self.policy_arn.as_str())?.policy.clone();
            if policy.versions.len() >= VERSIONS_PER_POLICY {
                return Err(Error::LimitExceeded(Quota::PolicyVersions));
            }
            let version = PolicyVersion {
                number: policy.next_version,
                document: document.clone(),
                created: draft.now,
            };
            policy.next_version += 1;
            policy.updated = draft.now;
            if self.set_as_default {
                policy.default_version = version.number;
            }
            let described = describe(&policy, &version);
            policy.versions.push(version);
            draft.change.put(policy);
            Ok(described)
        })
        .await
    }
}

/// GetPolicyVersion
#[derive(Clone, Debug)]
pub struct GetPolicyVersion {
    /// `PolicyArn`
    pub policy_arn: ArnText,
    /// `VersionId`
    pub version_id: PolicyVersionId,
}

impl Operation for GetPolicyVersion {
    type Output = DescribedVersion;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetPolicyVersion";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_policy(
            call,
            "iam:GetPolicyVersion",
            &self.policy_arn,
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<DescribedVersion, Error> {
        let found = Found::find(call.account()?, self.policy_arn.as_str())?;
        let number = self.version_id.number();
        let version = found
            .versions()
            .into_iter()
            .find(|version| Some(version.number) == number);
        version.ok_or_else(|| no_version(&self.policy_arn, &self.version_id))
    }
}

fn no_version(arn: &ArnText, version: &PolicyVersionId) -> Error {
    Error::NoSuchEntity(Missing::PolicyVersion {
        arn: arn.to_string(),
        version: version.to_string(),
    })
}

/// ListPolicyVersions: the newest first.
#[derive(Clone, Debug)]
pub struct ListPolicyVersions {
    /// `PolicyArn`
    pub policy_arn: ArnText,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for ListPolicyVersions {
    type Output = Page<DescribedVersion>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListPolicyVersions";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_policy(
            call,
            "iam:ListPolicyVersions",
            &self.policy_arn,
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let versions = Found::find(call.account()?, self.policy_arn.as_str())?.versions();
        let newest_first = versions.into_iter().rev();
        let keyed: Vec<_> = newest_first
            .map(|version| (format!("{:010}", u32::MAX - version.number), version))
            .collect();
        Ok(self.page.page_of_all(
            keyed
                .iter()
                .map(|(key, version)| (key.as_str(), version.clone())),
        ))
    }
}

/// DeletePolicyVersion: of any but the default one.
#[derive(Clone, Debug)]
pub struct DeletePolicyVersion {
    /// `PolicyArn`
    pub policy_arn: ArnText,
    /// `VersionId`
    pub version_id: PolicyVersionId,
}

impl Operation for DeletePolicyVersion {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeletePolicyVersion";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_policy(
            call,
            "iam:DeletePolicyVersion",
            &self.policy_arn,
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let mut policy = own(draft.account, self.policy_arn.as_str())?.policy.clone();
            let number = known_version(&policy, &self.policy_arn, &self.version_id)?;
            if number == policy.default_version {
                return Err(Error::DeleteConflict(Conflict::DefaultVersion));
            }
            policy.versions.retain(|version| version.number != number);
            draft.change.put(policy);
            Ok(())
        })
        .await
    }
}

/// The number of a version that the policy has.
fn known_version(
    policy: &ManagedPolicy,
    arn: &ArnText,
    version: &PolicyVersionId,
) -> Result<u32, Error> {
    let number = version
        .number()
        .filter(|number| policy.versions.iter().any(|known| known.number == *number));
    number.ok_or_else(|| no_version(arn, version))
}

/// SetDefaultPolicyVersion: what is attached follows at once.
#[derive(Clone, Debug)]
pub struct SetDefaultPolicyVersion {
    /// `PolicyArn`
    pub policy_arn: ArnText,
    /// `VersionId`
    pub version_id: PolicyVersionId,
}

impl Operation for SetDefaultPolicyVersion {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "SetDefaultPolicyVersion";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_policy(
            call,
            "iam:SetDefaultPolicyVersion",
            &self.policy_arn,
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let mut policy = own(draft.account, self.policy_arn.as_str())?.policy.clone();
            let number = known_version(&policy, &self.policy_arn, &self.version_id)?;
            if number != policy.default_version {
                policy.default_version = number;
                policy.updated = draft.now;
                draft.change.put(policy);
            }
            Ok(())
        })
        .await
    }
}
