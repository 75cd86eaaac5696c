//! Documents as AWS prints them.

use crate::common::{ACCOUNT, World, n, ready};
use locum_identity::account::Account;
use locum_identity::names::AccountId;
use locum_identity::port::Store as _;
use locum_identity::transfer::{Details, Import, Options, Outcome, Report};
use serde_json::{Value, json};
use std::sync::Arc;

/// The account that the documents are of.
pub(crate) const OLD: &str = "111122223333";

/// An account in which nobody has made anything: documents change it by `edit`.
pub(crate) fn dump(edit: impl FnOnce(&mut Value)) -> Value {
    let mut dump = json!({
        "UserDetailList": [], "GroupDetailList": [], "RoleDetailList": [], "Policies": [],
        "IsTruncated": false,
    });
    edit(&mut dump);
    dump
}

pub(crate) fn user(name: &str) -> Value {
    json!({
        "Path": "/", "UserName": name, "UserId": "AIDAJQABLZS4A3QDU576Q",
        "Arn": format!("arn:aws:iam::{OLD}:user/{name}"),
        "CreateDate": "2020-01-02T03:04:05+00:00", "GroupList": [], "AttachedManagedPolicies": [],
    })
}

pub(crate) fn group(name: &str) -> Value {
    json!({
        "Path": "/", "GroupName": name, "GroupId": "AGPAJQABLZS4A3QDU576Q",
        "Arn": format!("arn:aws:iam::{OLD}:group/{name}"),
        "CreateDate": "2020-01-02T03:04:05+00:00", "GroupPolicyList": [],
        "AttachedManagedPolicies": [],
    })
}

pub(crate) fn role(name: &str, principal: &Value) -> Value {
    json!({
        "Path": "/", "RoleName": name, "RoleId": "AROAJQABLZS4A3QDU576Q",
        "Arn": format!("arn:aws:iam::{OLD}:role/{name}"),
        "CreateDate": "2020-01-02T03:04:05+00:00",
        "AssumeRolePolicyDocument": {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}],
        },
        "InstanceProfileList": [], "RolePolicyList": [], "AttachedManagedPolicies": [], "Tags": [],
        "RoleLastUsed": {},
    })
}

pub(crate) fn allowing(action: &str, resource: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": action, "Resource": resource}],
    })
}

pub(crate) fn policy(name: &str, document: &Value) -> Value {
    json!({
        "PolicyName": name, "PolicyId": "ANPAJQABLZS4A3QDU576Q",
        "Arn": format!("arn:aws:iam::{OLD}:policy/{name}"), "Path": "/", "DefaultVersionId": "v1",
        "AttachmentCount": 0, "PermissionsBoundaryUsageCount": 0, "IsAttachable": true,
        "CreateDate": "2020-01-02T03:04:05+00:00", "UpdateDate": "2020-01-02T03:04:05+00:00",
        "PolicyVersionList": [{
            "Document": document, "VersionId": "v1", "IsDefaultVersion": true,
            "CreateDate": "2020-01-02T03:04:05+00:00",
        }],
    })
}

pub(crate) fn attached(arn: &str) -> Value {
    let name = arn.rsplit('/').next().unwrap();
    json!([{"PolicyName": name, "PolicyArn": arn}])
}

pub(crate) fn details(dump: &Value) -> Details {
    let mut details = Details::default();
    details.read(&dump.to_string()).unwrap();
    details
}

impl World {
    pub(crate) fn account(&self) -> Arc<Account> {
        ready(self.realm.account(n::<AccountId>(ACCOUNT)))
            .unwrap()
            .unwrap()
    }

    pub(crate) fn import(&self, import: &Import, options: &Options) -> Report {
        ready(self.realm.import(n(ACCOUNT), import, options, &|_| ())).unwrap()
    }

    pub(crate) fn import_aws(&self, dump: &Value, options: &Options) -> Report {
        self.import(&Import::aws(details(dump)), options)
    }

    /// Imports what must not be refused.
    #[track_caller]
    pub(crate) fn imported(&self, dump: &Value) -> Report {
        let report = self.import_aws(dump, &Options::default());
        assert!(!report.is_refused(), "{:?}", reasons(&report));
        report
    }

    /// Tries what must be refused for these reasons, and checks that nothing was changed.
    #[track_caller]
    pub(crate) fn refuses(&self, dump: &Value, options: &Options, expected: &[&str]) {
        let before = self.feed();
        let report = self.import_aws(dump, options);
        assert_eq!(reasons(&report), expected);
        assert!(report.is_refused());
        assert_eq!(self.feed(), before, "something was written");
    }

    /// How many commits there were.
    pub(crate) fn feed(&self) -> u64 {
        ready(self.store.newest()).unwrap()
    }

    pub(crate) fn export(&self) -> Value {
        let details = ready(self.realm.export(n(ACCOUNT))).unwrap();
        serde_json::to_value(&details).unwrap()
    }
}

/// Why a report refuses: of each entity, and as a whole.
pub(crate) fn reasons(report: &Report) -> Vec<String> {
    let of_entities = report.entries.iter().flat_map(|entry| {
        let reasons = entry.reasons.iter();
        reasons.map(|reason| format!("{} {}: {reason}", entry.kind.as_str(), entry.name))
    });
    of_entities.chain(report.refusals.iter().cloned()).collect()
}

/// Created, changed, unchanged, refused.
pub(crate) fn counts(report: &Report) -> [usize; 4] {
    Outcome::ALL.map(|outcome| report.count(outcome))
}
