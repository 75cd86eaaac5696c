//! The AWS-managed policies (`arn:aws:iam::aws:policy/…`): those that are built in, and those that an
//! operator imported, which are AWS's own documents.
//!
//! Names, paths and version numbers of the built-in ones are AWS's, and each grants what its name
//! promises for the services that are here. Their documents are the files of `aws_managed/`.

use crate::entity::ImportedPolicy;
use crate::environment::Seconds;
use locum_policy::{Compiled, Kind, Policy};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock, OnceLock};

/// What the ARN of every AWS-managed policy begins with.
pub const ARN_PREFIX: &str = "arn:aws:iam::aws:policy/";

/// A policy of AWS's.
#[derive(Debug)]
pub struct AwsManagedPolicy {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its path, with slashes: `/`, `/job-function/`.
    pub path: String,
    /// `ANPA…`, the same in every realm.
    pub id: String,
    /// What it is for.
    pub description: Option<Cow<'static, str>>,
    /// The number of the version in force, the only one here: 1 for `v1`.
    pub version: u32,
    /// When the policy was created.
    pub created: Seconds,
    /// When the version was created.
    pub updated: Seconds,
    /// The document.
    pub document: Cow<'static, str>,
    compiled: OnceLock<Option<Arc<Compiled>>>,
}

/// The AWS-managed policies that an account knows.
#[derive(Clone, Debug)]
pub struct AwsManagedPolicies(BTreeMap<String, Arc<AwsManagedPolicy>>);

/// The built-in policies.
pub fn builtin() -> &'static Arc<AwsManagedPolicies> {
    &BUILTIN
}

static BUILTIN: LazyLock<Arc<AwsManagedPolicies>> = LazyLock::new(|| {
    // The tests read every one of them; here, one that could not be read would grant nothing.
    let read = TABLE.iter().filter_map(Builtin::read);
    Arc::new(AwsManagedPolicies(
        read.map(|policy| (policy.arn.clone(), Arc::new(policy)))
            .collect(),
    ))
});

impl AwsManagedPolicies {
    /// The policy of that ARN.
    pub fn policy(&self, arn: &str) -> Option<&AwsManagedPolicy> {
        self.0.get(arn).map(Arc::as_ref)
    }

    /// Every policy, by ARN.
    pub fn policies(&self) -> impl Iterator<Item = &AwsManagedPolicy> {
        self.0.values().map(Arc::as_ref)
    }

    /// Whether one that was imported is known as it is.
    pub(crate) fn has(&self, imported: &ImportedPolicy) -> bool {
        let known = self.policy(&imported.arn);
        known.is_some_and(|known| known.is_like(&AwsManagedPolicy::imported(imported)))
    }

    /// These, with one that was imported.
    pub(crate) fn put(&mut self, imported: &ImportedPolicy) {
        // What is compiled already stays.
        if !self.has(imported) {
            let policy = Arc::new(AwsManagedPolicy::imported(imported));
            self.0.insert(imported.arn.clone(), policy);
        }
    }

    /// These, or others that are the same.
    pub(crate) fn or_same(self: Arc<Self>, others: &Arc<Self>) -> Arc<Self> {
        let same = self.0.len() == others.0.len()
            && self.policies().all(|policy| {
                others
                    .policy(&policy.arn)
                    .is_some_and(|it| it.is_like(policy))
            });
        if same { others.clone() } else { self }
    }
}

impl AwsManagedPolicy {
    /// The document, compiled when it is first asked for: of the many that AWS has, few are used.
    /// `None`, if it cannot be understood: then who has it attached is not served.
    pub fn compiled(&self) -> Option<&Arc<Compiled>> {
        let compile = || {
            let policy = Policy::stored(&self.document, Kind::Identity).ok()?;
            Some(Arc::new(policy.compile().labelled(self.arn.as_str())))
        };
        self.compiled.get_or_init(compile).as_ref()
    }

    fn imported(imported: &ImportedPolicy) -> Self {
        let (path, name) = path_and_name(imported.arn.strip_prefix(ARN_PREFIX).unwrap_or_default());
        let id = imported.id.clone();
        Self {
            id: id.unwrap_or_else(|| unique_id(&imported.arn)),
            arn: imported.arn.clone(),
            name,
            path,
            description: imported.description.clone().map(Cow::Owned),
            version: imported.version,
            created: imported.created,
            updated: imported.updated,
            document: Cow::Owned(imported.document.clone()),
            compiled: OnceLock::new(),
        }
    }

    fn is_like(&self, other: &Self) -> bool {
        let all = |it: &Self| (it.version, it.created, it.updated);
        all(self) == all(other)
            && self.id == other.id
            && self.description == other.description
            && self.document == other.document
    }
}

/// The path, with slashes, and the name in what stands behind `policy/` in an ARN.
fn path_and_name(resource: &str) -> (String, String) {
    match resource.rsplit_once('/') {
        Some((path, name)) => (format!("/{path}/"), name.to_owned()),
        None => ("/".to_owned(), resource.to_owned()),
    }
}

struct Builtin {
    /// Path and name as in the ARN.
    resource: &'static str,
    version: u32,
    created: &'static str,
    updated: &'static str,
    description: &'static str,
    document: &'static str,
}

impl Builtin {
    fn read(&self) -> Option<AwsManagedPolicy> {
        let midnight = |date: &str| {
            format!("{date}T00:00:00Z")
                .parse::<jiff::Timestamp>()
                .ok()
                .map(jiff::Timestamp::as_second)
        };
        let (path, name) = path_and_name(self.resource);
        let arn = format!("{ARN_PREFIX}{}", self.resource);
        Some(AwsManagedPolicy {
            id: unique_id(&arn),
            arn,
            name,
            path,
            description: Some(Cow::Borrowed(self.description)),
            version: self.version,
            created: midnight(self.created)?,
            updated: midnight(self.updated)?,
            document: Cow::Borrowed(self.document),
            compiled: OnceLock::new(),
        })
    }
}

/// An id that depends on nothing but the ARN: `ANPA` and 17 letters of its FNV-1a hash.
fn unique_id(arn: &str) -> String {
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    let mut hash = arn.bytes().fold(BASIS, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(PRIME)
    });
    let alphabet = ('A'..='Z').chain('2'..='7');
    let mut id = "ANPA".to_owned();
    for _ in 0..17 {
        id.extend(alphabet.clone().nth((hash & 31) as usize));
        hash >>= 5;
    }
    id
}

macro_rules! builtin {
    ($resource:literal, $version:literal, $created:literal, $updated:literal, $description:literal) => {
        Builtin {
            resource: $resource,
            version: $version,
            created: $created,
            updated: $updated,
            description: $description,
            document: include_str!(concat!("aws_managed/", $resource, ".json")),
        }
    };
}

#[rustfmt::skip]
const TABLE: &[Builtin] = &[
    builtin!("AdministratorAccess", 1, "2015-02-06", "2015-02-06", "Allows every action on every resource."),
    builtin!("AmazonCognitoPowerUser", 5, "2015-03-24", "2021-06-01", "Allows to manage Cognito user and identity pools."),
    builtin!("AmazonCognitoReadOnly", 4, "2015-03-24", "2019-08-01", "Allows to read Cognito user and identity pools."),
    builtin!("AmazonS3FullAccess", 2, "2015-02-06", "2021-09-27", "Allows every action on every bucket and object."),
    builtin!("AmazonS3OutpostsFullAccess", 1, "2020-10-02", "2020-10-02", "Allows every action on S3 on Outposts."),
    builtin!("AmazonS3OutpostsReadOnlyAccess", 1, "2020-10-02", "2020-10-02", "Allows to read S3 on Outposts."),
    builtin!("AmazonS3ReadOnlyAccess", 3, "2015-02-06", "2023-08-10", "Allows to read every bucket and object."),
    builtin!("AmazonS3TablesFullAccess", 1, "2024-12-03", "2024-12-03", "Allows every action on table buckets and tables."),
    builtin!("AmazonS3TablesReadOnlyAccess", 1, "2024-12-03", "2024-12-03", "Allows to read table buckets and tables."),
    builtin!("AWSAccountManagementFullAccess", 1, "2021-09-30", "2021-09-30", "Allows every action of account management."),
    builtin!("AWSAccountManagementReadOnlyAccess", 1, "2021-09-30", "2021-09-30", "Allows every action of account management that reads."),
    builtin!("AWSCloudTrail_FullAccess", 3, "2020-11-03", "2022-04-25", "Allows every action on trails."),
    builtin!("AWSCloudTrail_ReadOnlyAccess", 1, "2022-06-14", "2022-06-14", "Allows to read trails and look up events."),
    builtin!("AWSDenyAll", 2, "2019-05-01", "2023-12-18", "Denies every action on every resource."),
    builtin!("AWSOrganizationsFullAccess", 6, "2018-11-06", "2024-02-06", "Allows every action of Organizations."),
    builtin!("AWSOrganizationsReadOnlyAccess", 6, "2018-11-06", "2024-06-06", "Allows every action of Organizations that reads."),
    builtin!("AWSSSODirectoryAdministrator", 4, "2018-10-31", "2022-10-20", "Allows to manage the users and groups of the Identity Center directory."),
    builtin!("AWSSSODirectoryReadOnly", 4, "2018-10-31", "2022-11-16", "Allows to read the users and groups of the Identity Center directory."),
    builtin!("AWSSSOMasterAccountAdministrator", 8, "2018-06-27", "2022-10-20", "Allows to manage IAM Identity Center from the management account."),
    builtin!("AWSSSOReadOnly", 8, "2018-06-27", "2021-03-24", "Allows to read the configuration of IAM Identity Center."),
    builtin!("IAMAccessAdvisorReadOnly", 1, "2019-06-21", "2019-06-21", "Allows to see when services were last accessed, and by whom."),
    builtin!("IAMAccessAnalyzerFullAccess", 1, "2019-12-02", "2019-12-02", "Allows every action of IAM Access Analyzer."),
    builtin!("IAMAccessAnalyzerReadOnlyAccess", 4, "2019-12-02", "2024-06-11", "Allows every action of IAM Access Analyzer that reads."),
    builtin!("IAMFullAccess", 2, "2015-02-06", "2019-06-21", "Allows every action of IAM."),
    builtin!("IAMReadOnlyAccess", 4, "2015-02-06", "2018-01-25", "Allows every action of IAM that reads."),
    builtin!("IAMSelfManageServiceSpecificCredentials", 1, "2016-12-22", "2016-12-22", "Allows users to manage their own service-specific credentials."),
    builtin!("IAMUserChangePassword", 2, "2016-11-15", "2016-11-15", "Allows users to change their own password."),
    builtin!("IAMUserSSHKeys", 1, "2015-07-09", "2015-07-09", "Allows users to manage their own SSH public keys."),
    builtin!("PowerUserAccess", 5, "2015-02-06", "2024-11-22", "Allows everything except the management of users, groups, the account and its organization."),
    builtin!("ReadOnlyAccess", 1, "2015-02-06", "2026-06-18", "Allows every action that reads and none that changes."),
    builtin!("SecurityAudit", 1, "2015-02-06", "2026-06-18", "Allows to read the configuration that a security audit looks at, and no content."),
    builtin!("job-function/Billing", 1, "2016-11-10", "2026-06-18", "Allows to see and manage costs and payments."),
    builtin!("job-function/DatabaseAdministrator", 1, "2016-11-10", "2026-06-18", "Allows to set up and maintain databases."),
    builtin!("job-function/DataScientist", 1, "2016-11-10", "2026-06-18", "Allows to work with data stores and analytics."),
    builtin!("job-function/NetworkAdministrator", 1, "2016-11-10", "2026-06-18", "Allows to set up and maintain networks."),
    builtin!("job-function/SupportUser", 1, "2016-11-10", "2026-06-18", "Allows to look into an account's resources and to work with support cases."),
    builtin!("job-function/SystemAdministrator", 1, "2016-11-10", "2026-06-18", "Allows to run what applications and development need."),
    builtin!("job-function/ViewOnlyAccess", 1, "2016-11-10", "2026-06-18", "Allows to see which resources there are and how they are set up, and no content."),
    builtin!("root-task/IAMAuditRootUserCredentials", 1, "2024-11-06", "2024-11-06", "Limits a root session to looking at the root user's credentials."),
    builtin!("root-task/IAMCreateRootUserPassword", 1, "2024-11-06", "2024-11-06", "Limits a root session to letting the root user have a password again."),
    builtin!("root-task/IAMDeleteRootUserCredentials", 1, "2024-11-06", "2024-11-06", "Limits a root session to looking at the root user's credentials and deleting them."),
    builtin!("root-task/S3UnlockBucketPolicy", 1, "2024-11-06", "2024-11-06", "Limits a root session to bucket policies."),
    builtin!("root-task/SQSUnlockQueuePolicy", 1, "2024-11-06", "2024-11-06", "Limits a root session to the policies of queues."),
];

#[cfg(test)]
mod tests {
    use super::*;
    use locum_policy::{Decision, Policies, Principal, Request, decide};
    use std::collections::BTreeSet;

    #[test]
    fn every_policy_can_be_read() {
        for builtin in TABLE {
            let parsed = Policy::parse(builtin.document, Kind::Identity);
            assert_eq!(parsed.err(), None, "{}", builtin.resource);
            assert!(builtin.read().is_some(), "{}", builtin.resource);
        }
        assert_eq!(builtin().policies().count(), TABLE.len());
    }

    #[test]
    fn ids_are_unique_and_do_not_change() {
        let ids: BTreeSet<_> = builtin()
            .policies()
            .map(|policy| policy.id.as_str())
            .collect();
        assert_eq!(ids.len(), TABLE.len());
        assert!(
            ids.iter()
                .all(|id| id.len() == 21 && id.starts_with("ANPA"))
        );
        assert_eq!(of("AdministratorAccess").id, "ANPAP57QALIMKLKEVWJLZ");
    }

    #[test]
    fn name_path_and_dates() {
        let policy = of("job-function/ViewOnlyAccess");
        assert_eq!(
            (policy.path.as_str(), policy.name.as_str()),
            ("/job-function/", "ViewOnlyAccess")
        );
        assert_eq!(
            policy.arn,
            "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"
        );
        assert_eq!(of("AdministratorAccess").created, 1_423_180_800);
        assert!(
            builtin()
                .policy("arn:aws:iam::aws:policy/administratoraccess")
                .is_none()
        );
    }

    fn of(resource: &str) -> &'static AwsManagedPolicy {
        builtin()
            .policy(&format!("{ARN_PREFIX}{resource}"))
            .unwrap()
    }

    #[track_caller]
    fn check(policy: &str, action: &str, resource: &str, allowed: bool) {
        let identity = [of(policy).compiled().unwrap().clone()];
        let request = Request {
            principal: Principal::User {
                account: "123456789012",
                arn: "arn:aws:iam::123456789012:user/ann",
                unique_id: "AIDAEXAMPLEEXAMPLE123",
            },
            action,
            resource,
            resource_account: "123456789012",
            context: &[("aws:username", "ann")],
        };
        let decision = decide(
            &request,
            &Policies {
                identity: &identity,
                ..Policies::default()
            },
        );
        assert_eq!(
            decision == Decision::Allowed,
            allowed,
            "{policy} {action} {resource}: {decision:?}"
        );
    }

    const OBJECT: &str = "arn:aws:s3:::bucket/key";
    const BUCKET: &str = "arn:aws:s3:::bucket";
    const ANN: &str = "arn:aws:iam::123456789012:user/ann";
    const BOB: &str = "arn:aws:iam::123456789012:user/bob";
    const ROLE: &str = "arn:aws:iam::123456789012:role/r";
    const ROOT: &str = "arn:aws:iam::123456789012:root";

    #[rustfmt::skip]
    const CASES: &[(&str, &str, &str, bool)] = &[
        ("AdministratorAccess", "iam:CreateUser", BOB, true),
        ("AdministratorAccess", "s3:PutObject", OBJECT, true),
        ("AWSDenyAll", "sts:GetCallerIdentity", "*", false),
        ("PowerUserAccess", "s3:PutObject", OBJECT, true),
        ("PowerUserAccess", "sts:AssumeRole", ROLE, true),
        ("PowerUserAccess", "iam:ListRoles", "arn:aws:iam::123456789012:role/", true),
        ("PowerUserAccess", "iam:CreateUser", BOB, false),
        ("PowerUserAccess", "organizations:DescribeOrganization", "*", true),
        ("PowerUserAccess", "organizations:CreateAccount", "*", false),
        ("ReadOnlyAccess", "s3:GetObject", OBJECT, true),
        ("ReadOnlyAccess", "s3:ListBucket", BUCKET, true),
        ("ReadOnlyAccess", "s3:PutObject", OBJECT, false),
        ("ReadOnlyAccess", "iam:GetUser", BOB, true),
        ("ReadOnlyAccess", "iam:CreateAccessKey", BOB, false),
        ("ReadOnlyAccess", "sts:AssumeRole", ROLE, false),
        ("ReadOnlyAccess", "organizations:ListAccounts", "*", true),
        ("SecurityAudit", "s3:GetBucketPolicy", BUCKET, true),
        ("SecurityAudit", "s3:GetObject", OBJECT, false),
        ("SecurityAudit", "iam:GetAccountAuthorizationDetails", "*", true),
        ("SecurityAudit", "iam:DeleteUser", BOB, false),
        ("job-function/ViewOnlyAccess", "s3:ListAllMyBuckets", "*", true),
        ("job-function/ViewOnlyAccess", "s3:GetObject", OBJECT, false),
        ("job-function/ViewOnlyAccess", "iam:ListUsers", ANN, true),
        ("job-function/SupportUser", "iam:ListUsers", ANN, true),
        ("job-function/SupportUser", "s3:GetObject", OBJECT, false),
        ("job-function/SystemAdministrator", "s3:CreateBucket", BUCKET, true),
        ("job-function/SystemAdministrator", "iam:CreateUser", BOB, false),
        ("job-function/SystemAdministrator", "iam:PassRole", "arn:aws:iam::123456789012:role/ec2-sysadmin-1", true),
        ("job-function/SystemAdministrator", "iam:PassRole", "arn:aws:iam::123456789012:role/admin", false),
        ("job-function/DatabaseAdministrator", "rds:CreateDBInstance", "*", true),
        ("job-function/DatabaseAdministrator", "s3:DeleteBucket", BUCKET, false),
        ("job-function/NetworkAdministrator", "ec2:CreateVpc", "*", true),
        ("job-function/NetworkAdministrator", "s3:GetObject", OBJECT, false),
        ("job-function/Billing", "ce:GetCostAndUsage", "*", true),
        ("job-function/Billing", "s3:GetObject", OBJECT, false),
        ("job-function/DataScientist", "s3:PutObject", OBJECT, true),
        ("job-function/DataScientist", "s3:DeleteBucket", BUCKET, false),
        ("IAMFullAccess", "iam:CreateUser", BOB, true),
        ("IAMFullAccess", "s3:GetObject", OBJECT, false),
        ("IAMReadOnlyAccess", "iam:ListUsers", ANN, true),
        ("IAMReadOnlyAccess", "iam:CreateUser", BOB, false),
        ("IAMUserChangePassword", "iam:ChangePassword", ANN, true),
        ("IAMUserChangePassword", "iam:ChangePassword", BOB, false),
        ("IAMSelfManageServiceSpecificCredentials", "iam:CreateServiceSpecificCredential", ANN, true),
        ("IAMSelfManageServiceSpecificCredentials", "iam:CreateServiceSpecificCredential", BOB, false),
        ("IAMUserSSHKeys", "iam:UploadSSHPublicKey", ANN, true),
        ("IAMUserSSHKeys", "iam:UploadSSHPublicKey", BOB, false),
        ("IAMAccessAdvisorReadOnly", "iam:GetServiceLastAccessedDetails", "*", true),
        ("IAMAccessAdvisorReadOnly", "iam:CreateUser", BOB, false),
        ("IAMAccessAnalyzerFullAccess", "access-analyzer:CreateAnalyzer", "*", true),
        ("IAMAccessAnalyzerFullAccess", "iam:CreateServiceLinkedRole", "*", false),
        ("IAMAccessAnalyzerReadOnlyAccess", "access-analyzer:ValidatePolicy", "*", true),
        ("IAMAccessAnalyzerReadOnlyAccess", "access-analyzer:CreateAnalyzer", "*", false),
        ("AmazonS3FullAccess", "s3:DeleteBucket", BUCKET, true),
        ("AmazonS3FullAccess", "iam:GetUser", ANN, false),
        ("AmazonS3ReadOnlyAccess", "s3:GetObject", OBJECT, true),
        ("AmazonS3ReadOnlyAccess", "s3:ListBucket", BUCKET, true),
        ("AmazonS3ReadOnlyAccess", "s3:DescribeJob", "*", true),
        ("AmazonS3ReadOnlyAccess", "s3:PutObject", OBJECT, false),
        ("AmazonS3ReadOnlyAccess", "s3:DeleteObject", OBJECT, false),
        ("AmazonS3OutpostsFullAccess", "s3-outposts:CreateEndpoint", "*", true),
        ("AmazonS3OutpostsFullAccess", "s3:GetObject", OBJECT, false),
        ("AmazonS3OutpostsReadOnlyAccess", "s3-outposts:ListEndpoints", "*", true),
        ("AmazonS3OutpostsReadOnlyAccess", "s3-outposts:CreateEndpoint", "*", false),
        ("AmazonS3TablesFullAccess", "s3tables:CreateTable", "*", true),
        ("AmazonS3TablesReadOnlyAccess", "s3tables:GetTable", "*", true),
        ("AmazonS3TablesReadOnlyAccess", "s3tables:CreateTable", "*", false),
        ("AWSOrganizationsFullAccess", "organizations:CreateAccount", "*", true),
        ("AWSOrganizationsFullAccess", "iam:CreateUser", BOB, false),
        ("AWSOrganizationsReadOnlyAccess", "organizations:ListAccounts", "*", true),
        ("AWSOrganizationsReadOnlyAccess", "organizations:CreateAccount", "*", false),
        ("AWSAccountManagementFullAccess", "account:PutContactInformation", "*", true),
        ("AWSAccountManagementReadOnlyAccess", "account:GetContactInformation", "*", true),
        ("AWSAccountManagementReadOnlyAccess", "account:PutContactInformation", "*", false),
        ("AWSSSOReadOnly", "sso:ListPermissionSets", "*", true),
        ("AWSSSOReadOnly", "sso:CreatePermissionSet", "*", false),
        ("AWSSSODirectoryReadOnly", "identitystore:ListUsers", "*", true),
        ("AWSSSODirectoryReadOnly", "identitystore:CreateUser", "*", false),
        ("AWSSSODirectoryAdministrator", "identitystore:CreateUser", "*", true),
        ("AWSSSODirectoryAdministrator", "sso:CreatePermissionSet", "*", false),
        ("AWSSSOMasterAccountAdministrator", "sso:CreatePermissionSet", "*", true),
        ("AWSSSOMasterAccountAdministrator", "iam:CreateUser", BOB, false),
        ("AmazonCognitoPowerUser", "cognito-idp:CreateUserPool", "*", true),
        ("AmazonCognitoPowerUser", "iam:CreateRole", ROLE, false),
        ("AmazonCognitoReadOnly", "cognito-idp:ListUserPools", "*", true),
        ("AmazonCognitoReadOnly", "cognito-idp:CreateUserPool", "*", false),
        ("AWSCloudTrail_FullAccess", "cloudtrail:CreateTrail", "*", true),
        ("AWSCloudTrail_FullAccess", "s3:PutObject", OBJECT, false),
        ("AWSCloudTrail_ReadOnlyAccess", "cloudtrail:LookupEvents", "*", true),
        ("AWSCloudTrail_ReadOnlyAccess", "cloudtrail:DeleteTrail", "*", false),
        // They grant nothing to anyone.
        ("root-task/IAMAuditRootUserCredentials", "iam:ListAccessKeys", ROOT, false),
        ("root-task/IAMCreateRootUserPassword", "iam:CreateLoginProfile", ROOT, false),
        ("root-task/IAMDeleteRootUserCredentials", "iam:DeleteAccessKey", ROOT, false),
        ("root-task/S3UnlockBucketPolicy", "s3:DeleteBucketPolicy", BUCKET, false),
        ("root-task/SQSUnlockQueuePolicy", "sqs:SetQueueAttributes", "*", false),
    ];

    #[test]
    fn each_grants_what_its_name_promises() {
        for (policy, action, resource, allowed) in CASES {
            check(policy, action, resource, *allowed);
        }
    }

    #[test]
    fn every_policy_is_tried() {
        for builtin in TABLE {
            let tried = CASES.iter().any(|(policy, ..)| *policy == builtin.resource);
            assert!(tried, "{}", builtin.resource);
        }
    }
}
