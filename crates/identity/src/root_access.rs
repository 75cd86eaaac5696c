//! Centralized root access: what the management account, and the account that administers IAM for the
//! organization, may do as the root users of member accounts.
//!
//! IAM user guide, "Centrally manage root access for member accounts". A session of AssumeRoot acts as
//! the root user under a *task policy*, which only takes away: what it leaves are the root user's own
//! rights, bound like them by what the organization forbids.

use crate::aws_managed;
use crate::caller::Caller;
use crate::directory::Directory;
use crate::entity::Organization;
use crate::names::AccountId;
use locum_policy::{Compiled, Kind, Policy};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, LazyLock};

/// The service principal of IAM, which needs trusted access.
pub const IAM_SERVICE: &str = "iam.amazonaws.com";

/// What an organization can enable.
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
pub enum RootFeature {
    /// Looking at, deleting and recovering root users' credentials.
    #[serde(rename = "RootCredentialsManagement")]
    CredentialsManagement,
    /// Tasks that only root users can do.
    #[serde(rename = "RootSessions")]
    Sessions,
}

impl RootFeature {
    /// The name in the model: `RootSessions`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::CredentialsManagement => "RootCredentialsManagement",
            Self::Sessions => "RootSessions",
        }
    }
}

impl fmt::Display for RootFeature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The task that a session of AssumeRoot is for: one of AWS's policies below `root-task/`.
#[derive(
    Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, serde::Serialize, serde::Deserialize,
)]
pub enum TaskPolicy {
    /// `IAMAuditRootUserCredentials`
    AuditCredentials,
    /// `IAMCreateRootUserPassword`
    CreatePassword,
    /// `IAMDeleteRootUserCredentials`
    DeleteCredentials,
    /// `S3UnlockBucketPolicy`
    UnlockBucket,
    /// `SQSUnlockQueuePolicy`
    UnlockQueue,
}

impl TaskPolicy {
    /// Every task. The order is that of the numbers in tokens, and does not change.
    pub const ALL: [Self; 5] = [
        Self::AuditCredentials,
        Self::CreatePassword,
        Self::DeleteCredentials,
        Self::UnlockBucket,
        Self::UnlockQueue,
    ];

    /// The ARN of the policy.
    pub fn arn(self) -> &'static str {
        match self {
            Self::AuditCredentials => {
                "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
            }
            Self::CreatePassword => "arn:aws:iam::aws:policy/root-task/IAMCreateRootUserPassword",
            Self::DeleteCredentials => {
                "arn:aws:iam::aws:policy/root-task/IAMDeleteRootUserCredentials"
            }
            Self::UnlockBucket => "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy",
            Self::UnlockQueue => "arn:aws:iam::aws:policy/root-task/SQSUnlockQueuePolicy",
        }
    }

    /// The task whose policy has exactly that ARN.
    pub fn of_arn(arn: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|task| task.arn() == arn)
    }

    /// What the organization must have enabled.
    pub fn feature(self) -> RootFeature {
        match self {
            Self::AuditCredentials | Self::CreatePassword | Self::DeleteCredentials => {
                RootFeature::CredentialsManagement
            }
            Self::UnlockBucket | Self::UnlockQueue => RootFeature::Sessions,
        }
    }

    /// The session policies of such a session: the task policy, which denies, over the root user's
    /// rights, which are all there are.
    pub(crate) fn ceiling(self) -> Arc<[Arc<Compiled>]> {
        CEILINGS.get(&self).cloned().unwrap_or_default()
    }
}

/// One that could not be made would grant nothing; the tests look at every one.
static CEILINGS: LazyLock<BTreeMap<TaskPolicy, Arc<[Arc<Compiled>]>>> = LazyLock::new(|| {
    let everything =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let Ok(rights) = Policy::parse(everything, Kind::Session) else {
        return BTreeMap::new();
    };
    let rights = Arc::new(rights.compile().labelled("the rights of the root user"));
    let ceiling = |task: TaskPolicy| {
        let policy = aws_managed::builtin().policy(task.arn())?;
        Some((
            task,
            Arc::from([policy.compiled()?.clone(), Arc::clone(&rights)]),
        ))
    };
    TaskPolicy::ALL.into_iter().filter_map(ceiling).collect()
});

/// Whether root access to the members is `account`'s to use: the management account's, or one's that
/// administers IAM for the organization.
pub(crate) fn administers(organization: &Organization, account: AccountId) -> bool {
    organization.management_account == account
        || organization.is_delegated_administrator(account, IAM_SERVICE)
}

/// Whether the caller may ask for root sessions of `target` at all, if its policies let it: never the
/// management account's own root user, nor one of no account of the organization.
pub(crate) fn is_open_to(caller: &Caller, target: AccountId) -> bool {
    let directory = caller.directory();
    let own = caller.account_id().zip(directory.organization.as_deref());
    own.is_some_and(|(own, organization)| administers(organization, own))
        && directory.is_member(target)
}

/// Whether a feature is enabled, which without trusted access for IAM none is.
pub(crate) fn is_enabled(organization: &Organization, feature: RootFeature) -> bool {
    organization.trusts(IAM_SERVICE) && organization.root_features.contains(&feature)
}

/// What stands for the consent of a member's root user to be assumed, as a trust policy does for a
/// role's: who administers root access is named, and needs permission of its own besides. `None` for
/// who is not a member.
pub(crate) fn consent(directory: &Directory, target: AccountId) -> Option<Arc<Compiled>> {
    let organization = directory.organization.as_deref()?;
    if !directory.is_member(target) {
        return None;
    }
    let accounts = organization
        .delegated_administrators(IAM_SERVICE)
        .map(|(account, _)| account)
        .chain([organization.management_account]);
    let named: Vec<_> = accounts
        .map(|account| format!(r#""{}""#, crate::account::iam_arn(account, "root")))
        .collect();
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":[{}]}},"Action":"sts:AssumeRoot","Resource":"*"}}]}}"#,
        named.join(",")
    );
    let policy = Policy::parse(&document, Kind::Resource).ok()?;
    Some(Arc::new(
        policy
            .compile()
            .labelled("centralized root access of the organization"),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use locum_policy::{Decision, Denial, Layer, Policies, Principal, Request, decide};

    const ROOT: &str = "arn:aws:iam::123456789012:root";
    const BOB: &str = "arn:aws:iam::123456789012:user/bob";
    const BUCKET: &str = "arn:aws:s3:::bucket";
    const QUEUE: &str = "arn:aws:sqs:us-east-1:123456789012:queue";
    const FOREIGN: &str = "arn:aws:sqs:us-east-1:999999999999:queue";

    /// Every action that a task leaves the root user, and its neighbours.
    #[rustfmt::skip]
    const TASKS: &[(TaskPolicy, &str, &str, bool)] = &[
        (TaskPolicy::AuditCredentials, "iam:ListAccessKeys", ROOT, true),
        (TaskPolicy::AuditCredentials, "iam:ListSigningCertificates", ROOT, true),
        (TaskPolicy::AuditCredentials, "iam:GetLoginProfile", ROOT, true),
        (TaskPolicy::AuditCredentials, "iam:ListMFADevices", ROOT, true),
        (TaskPolicy::AuditCredentials, "iam:GetUser", ROOT, true),
        (TaskPolicy::AuditCredentials, "iam:GetAccessKeyLastUsed", ROOT, true),
        (TaskPolicy::AuditCredentials, "iam:GetAccountSummary", "*", true),
        (TaskPolicy::AuditCredentials, "iam:ListAccessKeys", BOB, false),
        (TaskPolicy::AuditCredentials, "iam:GetUser", BOB, false),
        (TaskPolicy::AuditCredentials, "iam:DeleteAccessKey", ROOT, false),
        (TaskPolicy::AuditCredentials, "iam:CreateAccessKey", ROOT, false),
        (TaskPolicy::CreatePassword, "iam:CreateLoginProfile", ROOT, true),
        (TaskPolicy::CreatePassword, "iam:GetLoginProfile", ROOT, true),
        (TaskPolicy::CreatePassword, "iam:CreateLoginProfile", BOB, false),
        (TaskPolicy::CreatePassword, "iam:GetUser", ROOT, false),
        (TaskPolicy::DeleteCredentials, "iam:DeleteAccessKey", ROOT, true),
        (TaskPolicy::DeleteCredentials, "iam:DeleteSigningCertificate", ROOT, true),
        (TaskPolicy::DeleteCredentials, "iam:DeleteLoginProfile", ROOT, true),
        (TaskPolicy::DeleteCredentials, "iam:DeactivateMFADevice", ROOT, true),
        (TaskPolicy::DeleteCredentials, "iam:DeleteVirtualMFADevice", ROOT, true),
        (TaskPolicy::DeleteCredentials, "iam:ListAccessKeys", ROOT, true),
        (TaskPolicy::DeleteCredentials, "iam:ListMFADevices", ROOT, true),
        (TaskPolicy::DeleteCredentials, "iam:GetUser", ROOT, true),
        (TaskPolicy::DeleteCredentials, "iam:DeleteAccessKey", BOB, false),
        (TaskPolicy::DeleteCredentials, "iam:DeactivateMFADevice", BOB, false),
        (TaskPolicy::DeleteCredentials, "iam:CreateAccessKey", ROOT, false),
        (TaskPolicy::DeleteCredentials, "iam:EnableMFADevice", ROOT, false),
        (TaskPolicy::DeleteCredentials, "iam:GetAccountSummary", "*", false),
        (TaskPolicy::UnlockBucket, "s3:DeleteBucketPolicy", BUCKET, true),
        (TaskPolicy::UnlockBucket, "s3:GetBucketPolicy", BUCKET, true),
        (TaskPolicy::UnlockBucket, "s3:PutBucketPolicy", BUCKET, true),
        (TaskPolicy::UnlockBucket, "s3:ListAllMyBuckets", "*", true),
        (TaskPolicy::UnlockBucket, "s3:ListBucket", BUCKET, false),
        (TaskPolicy::UnlockBucket, "s3:DeleteBucket", BUCKET, false),
        (TaskPolicy::UnlockBucket, "iam:ListAccessKeys", ROOT, false),
        (TaskPolicy::UnlockQueue, "sqs:SetQueueAttributes", QUEUE, true),
        (TaskPolicy::UnlockQueue, "sqs:GetQueueAttributes", QUEUE, true),
        (TaskPolicy::UnlockQueue, "sqs:ListQueues", QUEUE, true),
        (TaskPolicy::UnlockQueue, "sqs:GetQueueUrl", QUEUE, true),
        (TaskPolicy::UnlockQueue, "sqs:GetQueueAttributes", FOREIGN, false),
        (TaskPolicy::UnlockQueue, "sqs:DeleteQueue", QUEUE, false),
        (TaskPolicy::UnlockQueue, "s3:DeleteBucketPolicy", BUCKET, false),
    ];

    #[test]
    fn a_task_leaves_its_actions_and_nothing_else() {
        for (task, action, resource, allowed) in TASKS {
            let owner = if *resource == FOREIGN {
                "999999999999"
            } else {
                "123456789012"
            };
            let session = task.ceiling();
            let request = Request {
                principal: Principal::Root {
                    account: "123456789012",
                },
                action,
                resource,
                resource_account: "123456789012",
                context: &[
                    ("aws:principalarn", ROOT),
                    ("aws:principalaccount", "123456789012"),
                    ("aws:resourceaccount", owner),
                ],
            };
            let policies = Policies {
                session: Some(&session),
                ..Policies::default()
            };
            let wanted = if *allowed {
                Decision::Allowed
            } else {
                Decision::Denied(Denial {
                    explicit: true,
                    layer: Layer::Session,
                })
            };
            assert_eq!(
                decide(&request, &policies),
                wanted,
                "{task:?} {action} {resource}"
            );
        }
        for task in TaskPolicy::ALL {
            assert_eq!(TaskPolicy::of_arn(task.arn()), Some(task));
            assert!(TASKS.iter().any(|(tried, ..)| *tried == task), "{task:?}");
        }
    }

    #[test]
    fn the_arn_of_a_task_is_exact() {
        for arn in [
            "arn:aws:iam::aws:policy/S3UnlockBucketPolicy",
            "arn:aws:iam::aws:policy/root-task/s3unlockbucketpolicy",
            "arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy ",
            "arn:aws:iam::123456789012:policy/root-task/S3UnlockBucketPolicy",
            "arn:aws:iam::aws:policy/AdministratorAccess",
            "",
        ] {
            assert_eq!(TaskPolicy::of_arn(arn), None, "{arn:?}");
        }
    }
}
