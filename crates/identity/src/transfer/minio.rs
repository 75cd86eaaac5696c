//! What `mc admin cluster iam export` writes: the users, groups, policies and service accounts of a
//! MinIO cluster, in a ZIP file of JSON files (`ExportIAM` in MinIO's `cmd/admin-handlers-users.go`).
//!
//! A service account has no counterpart in IAM: a key of a user's that may do less than the user. It
//! becomes a user of its own below `/minio/svcacct/`, in the groups and with the policies that its
//! parent has, bounded by the policy embedded in it. So it may not do more than it could; what its
//! parent is given later it does not get.
//!
//! Policies of MinIO are about S3 alone. What they allow stays S3's here, where `*` would be more.

use super::document::Document;
use super::form::{
    AttachedDetail, BoundaryDetail, Details, GroupDetail, ManagedPolicyDetail, TagDetail,
    UserDetail, VersionDetail,
};
use super::plan::shown;
use super::{Import, NewKey, Unreadable, zip};
use crate::account::iam_arn;
use crate::environment::parse_timestamp;
use crate::ids::AccessKeyId;
use crate::names::{AccountId, Constrained, EntityName, TagValue, UserName};
use crate::sealing::Secret;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// The folder of the archive.
const FOLDER: &str = "iam-assets/";
/// Where service accounts, and the policies embedded in them, are put.
const SERVICE_ACCOUNTS: &str = "/minio/svcacct/";
/// How the resources begin that are S3's alone.
const S3_RESOURCES: &str = "arn:aws:s3:::";

/// A user's name and secret; the name is the access key id.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct MinioUser {
    #[serde(default)]
    secret_key: String,
    #[serde(default)]
    policy: String,
    #[serde(default)]
    status: String,
}

#[derive(Deserialize)]
struct MinioGroup {
    #[serde(default)]
    status: String,
    #[serde(default)]
    members: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Mapping {
    #[serde(default)]
    policy: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ServiceAccount {
    parent: String,
    #[serde(default)]
    secret_key: String,
    #[serde(default)]
    claims: Option<Claims>,
    #[serde(default)]
    session_policy: Option<Box<RawValue>>,
    #[serde(default)]
    status: String,
    #[serde(default)]
    expiration: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    /// `embedded-policy` or `inherited-policy`
    #[serde(rename = "sa-policy")]
    policy: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct MinioPolicy {
    #[serde(default)]
    version: String,
    #[serde(default)]
    statement: Option<Vec<Statement>>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct Statement {
    #[serde(default, skip_serializing_if = "String::is_empty")]
    sid: String,
    effect: String,
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    action: Texts,
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    not_action: Texts,
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    resource: Texts,
    #[serde(default, skip_serializing_if = "Texts::is_empty")]
    not_resource: Texts,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    condition: Option<Box<RawValue>>,
}

/// One text or several.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Texts {
    One(String),
    Many(Vec<String>),
    None(()),
}

impl Default for Texts {
    fn default() -> Self {
        Self::None(())
    }
}

impl Texts {
    fn is_empty(&self) -> bool {
        match self {
            Self::One(_) => false,
            Self::Many(texts) => texts.is_empty(),
            Self::None(()) => true,
        }
    }

    fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        match self {
            Self::One(text) if !keep(text) => *self = Self::None(()),
            Self::One(_) | Self::None(()) => {}
            Self::Many(texts) => texts.retain(|text| keep(text)),
        }
    }

    fn each_mut(&mut self) -> &mut [String] {
        match self {
            Self::One(text) => std::slice::from_mut(text),
            Self::Many(texts) => texts,
            Self::None(()) => &mut [],
        }
    }
}

impl Statement {
    /// Leaves of what it allows what is S3's; whether anything else was there.
    fn keep_s3(&mut self) -> bool {
        let mut lost = false;
        for action in self.action.each_mut().iter_mut().filter(|it| *it == "*") {
            "s3:*".clone_into(action);
        }
        self.action.retain(|action| {
            let service = action.split(':').next().unwrap_or_default();
            let kept = service.eq_ignore_ascii_case("s3") && service.len() < action.len();
            lost |= !kept;
            kept
        });
        if !self.not_action.is_empty() {
            // Everything but something is IAM, too, unless the resources are S3's.
            lost |= !self.not_resource.is_empty();
            self.not_resource = Texts::default();
            self.resource.retain(|resource| {
                let kept = resource.starts_with(S3_RESOURCES);
                lost |= !kept;
                kept
            });
        }
        lost
    }
}

/// Whether a document says anything that depends on who the user is.
fn is_personal(document: &str) -> bool {
    let document = serde_json::from_str::<serde_json::Value>(document).map(|it| it.to_string());
    let document = document.map(|it| it.to_ascii_lowercase());
    document.is_ok_and(|it| it.contains("aws:username") || it.contains("aws:userid"))
}

impl Import {
    /// An export of a MinIO cluster, to be imported to `account`. What cannot be carried over is
    /// remembered, and refuses the import if it is not to be skipped.
    ///
    /// # Errors
    /// [`Unreadable`], if it is no such export.
    pub fn minio(archive: &[u8], account: AccountId) -> Result<Self, Unreadable> {
        let mut cluster = Cluster {
            account,
            details: Details::default(),
            keys: Vec::new(),
            unsupported: Vec::new(),
            refusals: Vec::new(),
            taken: BTreeSet::new(),
            dropped: BTreeSet::new(),
            personal: BTreeSet::new(),
            group_policies: BTreeMap::new(),
            denying: BTreeSet::new(),
        };
        let mut files = BTreeMap::new();
        for file in zip::files(archive)? {
            match file.name.strip_prefix(FOLDER) {
                Some(name) if KNOWN.contains(&name) => {
                    files.insert(name.to_owned(), file.text()?);
                }
                // Nothing is written anywhere, so whatever path this is leads nowhere.
                _ => cluster.skip(format!("the file `{}` is not known", shown(&file.name))),
            }
        }
        if files.is_empty() {
            return Err(Unreadable(format!(
                "is no export of a MinIO cluster: it has no file below {FOLDER}"
            )));
        }
        cluster.read(&files)?;
        Ok(Self {
            details: cluster.details,
            keys: cluster.keys,
            unsupported: cluster.unsupported,
            refusals: cluster.refusals,
            action: "ImportMinio",
        })
    }
}

const KNOWN: [&str; 8] = [
    "policies.json",
    "users.json",
    "groups.json",
    "svcaccts.json",
    "user_mappings.json",
    "group_mappings.json",
    "stsuser_mappings.json",
    "stsgroup_mappings.json",
];

struct Cluster {
    account: AccountId,
    details: Details,
    keys: Vec<NewKey>,
    unsupported: Vec<String>,
    refusals: Vec<String>,
    /// Policies that were taken in.
    taken: BTreeSet<String>,
    /// Policies of which nothing is left, or that are not there.
    dropped: BTreeSet<String>,
    /// Policies that depend on who the user is.
    personal: BTreeSet<String>,
    group_policies: BTreeMap<String, Vec<String>>,
    /// Policies that deny.
    denying: BTreeSet<String>,
}

/// A map of a file; a name that comes twice is refused, as two readers could understand it differently.
fn map<T: DeserializeOwned>(
    files: &BTreeMap<String, String>,
    name: &str,
) -> Result<BTreeMap<String, T>, Unreadable> {
    struct Once<T>(BTreeMap<String, T>);
    impl<'de, T: Deserialize<'de>> Deserialize<'de> for Once<T> {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            struct Visitor<T>(std::marker::PhantomData<T>);
            impl<'de, T: Deserialize<'de>> serde::de::Visitor<'de> for Visitor<T> {
                type Value = BTreeMap<String, T>;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("an object")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut access: A,
                ) -> Result<Self::Value, A::Error> {
                    let mut map = BTreeMap::new();
                    while let Some((key, value)) = access.next_entry::<String, T>()? {
                        if map.insert(key, value).is_some() {
                            return Err(serde::de::Error::custom("a name comes twice"));
                        }
                    }
                    Ok(map)
                }
                fn visit_unit<E>(self) -> Result<Self::Value, E> {
                    Ok(BTreeMap::new())
                }
            }
            from.deserialize_any(Visitor(std::marker::PhantomData))
                .map(Once)
        }
    }
    let Some(text) = files.get(name) else {
        return Ok(BTreeMap::new());
    };
    serde_json::from_str::<Once<T>>(text)
        .map(|Once(map)| map)
        .map_err(|error| Unreadable(format!("has a file `{FOLDER}{name}` with {error}")))
}

fn names(list: &str) -> impl Iterator<Item = &str> {
    list.split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty())
}

impl Cluster {
    fn skip(&mut self, what: String) {
        self.unsupported.push(what);
    }

    /// What must not be left out.
    fn refuse(&mut self, what: String) {
        self.refusals.push(what);
    }

    fn read(&mut self, files: &BTreeMap<String, String>) -> Result<(), Unreadable> {
        for (name, policy) in map::<Box<RawValue>>(files, "policies.json")? {
            if self.policy(&name, &policy, "/") {
                self.taken.insert(name);
            } else {
                self.dropped.insert(name);
            }
        }
        let mut user_policies: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let users = map::<MinioUser>(files, "users.json")?;
        for (name, user) in &users {
            let of_user = user_policies.entry(name.clone()).or_default();
            of_user.extend(names(&user.policy).map(str::to_owned));
        }
        for (name, mapping) in map::<Mapping>(files, "user_mappings.json")? {
            match user_policies.get_mut(&name) {
                Some(policies) => policies.extend(names(&mapping.policy).map(str::to_owned)),
                None => self.skip(format!(
                    "`{}` has policies, and is no user of the cluster's own",
                    shown(&name)
                )),
            }
        }
        let groups = self.groups(files, &users)?;
        for (name, user) in &users {
            let policies = user_policies.get(name).map_or(&[][..], Vec::as_slice);
            let groups = groups.get(name).map_or(&[][..], Vec::as_slice);
            self.user(name, user, policies, groups);
        }
        for (key, account) in map::<ServiceAccount>(files, "svcaccts.json")? {
            let parent = users.get(&account.parent);
            let Some(parent) = parent.filter(|_| UserName::parse(&account.parent).is_ok()) else {
                self.skip(format!(
                    "service account `{}`: its parent `{}` is not among the users",
                    shown(&key),
                    shown(&account.parent)
                ));
                continue;
            };
            let of = &account.parent;
            let policies = user_policies.get(of).map_or(&[][..], Vec::as_slice);
            let groups = groups.get(of).map_or(&[][..], Vec::as_slice);
            self.service_account(&key, &account, parent, policies, groups);
        }
        for (file, kind) in [
            ("stsuser_mappings.json", "identity provider's user"),
            ("stsgroup_mappings.json", "identity provider's group"),
        ] {
            for name in map::<Mapping>(files, file)?.into_keys() {
                self.skip(format!("policies of the {kind} `{}`", shown(&name)));
            }
        }
        Ok(())
    }

    /// Takes in a policy, as far as AWS has what it says; `false` if nothing is left of it.
    fn policy(&mut self, name: &str, policy: &RawValue, path: &str) -> bool {
        let what = format!("policy `{}`", shown(name));
        let Ok(mut parsed) = serde_json::from_str::<MinioPolicy>(policy.get()) else {
            self.refuse(format!("{what}: its document cannot be read"));
            return false;
        };
        let (mut lost, mut denies, mut everywhere) = (false, false, false);
        let mut statements = parsed.statement.take().unwrap_or_default();
        statements.retain_mut(|statement| {
            // What administers a MinIO cluster is not S3, and no action of AWS's.
            statement.action.retain(|action| {
                let service = action.split(':').next().unwrap_or_default();
                let known = !["admin", "kms"].contains(&service.to_ascii_lowercase().as_str());
                lost |= !known;
                known
            });
            if statement.effect == "Allow" {
                lost |= statement.keep_s3();
            }
            let acts = !statement.action.is_empty() || !statement.not_action.is_empty();
            let reaches = !statement.resource.is_empty() || !statement.not_resource.is_empty();
            let denied = acts && statement.effect != "Allow";
            denies |= denied;
            everywhere |= denied && !reaches;
            lost |= !acts || !reaches;
            acts && reaches
        });
        if denies {
            self.denying.insert(name.to_owned());
        }
        // What denies is not left out: whoever has it could do more without.
        if everywhere {
            self.refuse(format!(
                "{what}: it denies without saying of which resources"
            ));
            return false;
        }
        if EntityName::parse(name).is_err() {
            let why = format!("{what}: policies here cannot have that name");
            if denies {
                self.refuse(format!("{why}, and it denies"));
            } else {
                self.skip(why);
            }
            return false;
        }
        if lost {
            self.skip(format!(
                "{what}: actions that are not S3's (admin:…, kms:…), and statements without resources of S3"
            ));
        }
        if statements.is_empty() {
            if !lost {
                self.skip(format!("{what}: it has no statements"));
            }
            return false;
        }
        parsed.statement = Some(statements);
        let text = serde_json::to_string(&parsed).ok();
        let Some(document) = text.as_deref().and_then(Document::stored) else {
            self.refuse(format!("{what}: its document cannot be read"));
            return false;
        };
        if text.as_deref().is_some_and(is_personal) {
            self.personal.insert(name.to_owned());
        }
        self.details.policies.push(ManagedPolicyDetail {
            policy_name: name.to_owned(),
            policy_id: String::new(),
            arn: String::new(),
            path: path.to_owned(),
            default_version_id: "v1".to_owned(),
            attachment_count: 0,
            permissions_boundary_usage_count: 0,
            is_attachable: true,
            description: None,
            create_date: None,
            update_date: None,
            policy_version_list: vec![VersionDetail {
                document,
                version_id: "v1".to_owned(),
                is_default_version: true,
                create_date: None,
            }],
            tags: Vec::new(),
            next_version: None,
        });
        true
    }

    fn attached(&mut self, policies: &[String]) -> Vec<AttachedDetail> {
        for name in policies {
            // The account may have one of that name, which is another.
            if !self.taken.contains(name) && self.dropped.insert(name.clone()) {
                self.skip(format!(
                    "policy `{}`: it is attached, and not among the policies",
                    shown(name)
                ));
            }
        }
        // Those of which nothing is left are spoken of already.
        let left = policies.iter().filter(|name| !self.dropped.contains(*name));
        left.map(|name| AttachedDetail {
            policy_name: name.clone(),
            policy_arn: iam_arn(self.account, &format!("policy/{name}")),
        })
        .collect()
    }

    /// Takes in groups; the answer is which ones a user is in.
    fn groups(
        &mut self,
        files: &BTreeMap<String, String>,
        users: &BTreeMap<String, MinioUser>,
    ) -> Result<BTreeMap<String, Vec<String>>, Unreadable> {
        let mut mappings = map::<Mapping>(files, "group_mappings.json")?;
        let mut of_users: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (name, group) in map::<MinioGroup>(files, "groups.json")? {
            let what = format!("group `{}`", shown(&name));
            let mapping = mappings.remove(&name);
            let mut policies: Vec<String> = Vec::new();
            if let Some(mapping) = mapping {
                policies.extend(names(&mapping.policy).map(str::to_owned));
            }
            if group.status == "disabled" && !policies.is_empty() {
                policies.clear();
                self.skip(format!(
                    "{what}: it is disabled, and here has no policies then"
                ));
            }
            if EntityName::parse(&name).is_err() {
                let why = format!("{what}: groups here cannot have that name");
                if policies.iter().any(|policy| self.denying.contains(policy)) {
                    self.refuse(format!("{why}, and a policy of it denies"));
                } else {
                    self.skip(why);
                }
                continue;
            }
            for member in group.members.unwrap_or_default() {
                if users.contains_key(&member) {
                    of_users.entry(member).or_default().push(name.clone());
                } else {
                    self.skip(format!(
                        "{what}: its member `{}` is no user",
                        shown(&member)
                    ));
                }
            }
            let attached_managed_policies = self.attached(&policies);
            self.group_policies.insert(name.clone(), policies);
            self.details.group_detail_list.push(GroupDetail {
                path: "/".to_owned(),
                group_name: name,
                group_id: String::new(),
                arn: String::new(),
                create_date: None,
                group_policy_list: Vec::new(),
                attached_managed_policies,
            });
        }
        for name in mappings.into_keys() {
            self.skip(format!(
                "policies of `{}`, which is no group of the cluster's own",
                shown(&name)
            ));
        }
        Ok(of_users)
    }

    fn detail(&mut self, name: &str, policies: &[String], groups: &[String]) -> UserDetail {
        UserDetail {
            path: "/".to_owned(),
            user_name: name.to_owned(),
            user_id: String::new(),
            arn: String::new(),
            create_date: None,
            user_policy_list: Vec::new(),
            group_list: groups.to_vec(),
            attached_managed_policies: self.attached(policies),
            permissions_boundary: None,
            tags: Vec::new(),
        }
    }

    fn user(&mut self, name: &str, user: &MinioUser, policies: &[String], groups: &[String]) {
        let what = format!("user `{}`", shown(name));
        if UserName::parse(name).is_err() {
            self.skip(format!("{what}: users here cannot have that name"));
            return;
        }
        let detail = self.detail(name, policies, groups);
        self.details.user_detail_list.push(detail);
        self.key(&what, name, &user.secret_key, user.status == "enabled");
    }

    fn service_account(
        &mut self,
        key: &str,
        account: &ServiceAccount,
        parent: &MinioUser,
        policies: &[String],
        groups: &[String],
    ) {
        let what = format!("service account `{}`", shown(key));
        if UserName::parse(key).is_err() || AccessKeyId::parse(key).is_none() {
            self.skip(format!("{what}: access keys here cannot have that id"));
            return;
        }
        let ends = account.expiration.as_deref().map(parse_timestamp);
        // MinIO writes the beginning of time for no end.
        if ends.is_some_and(|end| end.is_none_or(|end| end > 0)) {
            self.skip(format!("{what}: it expires, and access keys here do not"));
            return;
        }
        let embedded = account
            .claims
            .as_ref()
            .and_then(|claims| claims.policy.as_deref());
        let embedded = match embedded {
            Some("inherited-policy") => None,
            Some("embedded-policy") | None => account.session_policy.as_ref(),
            Some(_) => {
                self.skip(format!("{what}: how its policy counts is not known"));
                return;
            }
        };
        let told = account
            .claims
            .as_ref()
            .and_then(|claims| claims.policy.as_deref());
        if told == Some("embedded-policy") && embedded.is_none() {
            self.skip(format!("{what}: the policy embedded in it is missing"));
            return;
        }
        let of_groups = groups.iter().filter_map(|it| self.group_policies.get(it));
        let mut own = policies.iter().chain(of_groups.flatten());
        if own.any(|policy| self.personal.contains(policy))
            || embedded.is_some_and(|embedded| is_personal(embedded.get()))
        {
            self.skip(format!(
                "{what}: its policies depend on the user's name (aws:username, aws:userid), and it has \
                 another here"
            ));
            return;
        }
        let mut detail = self.detail(key, policies, groups);
        SERVICE_ACCOUNTS.clone_into(&mut detail.path);
        if let Some(embedded) = embedded {
            // Without it, the service account could do more.
            let name = format!("minio-svcacct-{key}");
            if !self.policy(&name, embedded, SERVICE_ACCOUNTS) {
                self.skip(format!(
                    "{what}: nothing is left of the policy embedded in it"
                ));
                return;
            }
            detail.permissions_boundary = Some(BoundaryDetail {
                permissions_boundary_type: "Policy".to_owned(),
                permissions_boundary_arn: iam_arn(
                    self.account,
                    &format!("policy{SERVICE_ACCOUNTS}{name}"),
                ),
            });
        }
        if TagValue::parse(&account.parent).is_ok() {
            detail.tags.push(TagDetail {
                key: "minio-parent".to_owned(),
                value: account.parent.clone(),
            });
        }
        self.details.user_detail_list.push(detail);
        let active =
            ["on", "enabled"].contains(&account.status.as_str()) && parent.status == "enabled";
        self.key(&what, key, &account.secret_key, active);
    }

    fn key(&mut self, what: &str, id: &str, secret: &str, active: bool) {
        let legal = AccessKeyId::parse(id).filter(|id| !AccessKeyId::is_temporary(id.as_str()));
        let Some(legal) = legal.filter(|_| !secret.is_empty()) else {
            self.skip(format!(
                "{what}: its access key, whose id must have 16 to 128 letters, digits and `_`, and whose \
                 secret must not be empty"
            ));
            return;
        };
        self.keys.push(NewKey {
            user: id.to_owned(),
            id: legal,
            secret: Secret::new(secret.to_owned()),
            active,
        });
    }
}
