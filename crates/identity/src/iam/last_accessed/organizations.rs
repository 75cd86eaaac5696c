//! Access reports of an organization: which services its service control policies leave to a part of it,
//! and when accounts there last used them.

use super::{keep, kept, no_job, page_by_place};
use crate::caller::Need;
use crate::directory::Directory;
use crate::entity::{AccountRecord, Organization};
use crate::environment::Seconds;
use crate::error::{Error, RootAccessFault};
use crate::iam::{Page, PageRequest};
use crate::names::{
    AccountId, Constrained as _, JobId, OrganizationsEntityPath, OrganizationsPolicyId, PolicyType,
};
use crate::operation::{Call, Granted, Operation, Service};
use crate::organizations::tree::Tree;
use crate::root_access::administers;
use locum_policy::{Kind, Policy, service_name, service_namespaces};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

const SCP: PolicyType = PolicyType::ServiceControl;

/// GenerateOrganizationsAccessReport: of the root, a unit or an account. The report is made before the
/// job's id is answered.
#[derive(Clone, Debug)]
pub struct GenerateOrganizationsAccessReport {
    /// `EntityPath`
    pub entity_path: OrganizationsEntityPath,
    /// `OrganizationsPolicyId`: what this policy alone allows, used by accounts that it applies to.
    pub organizations_policy_id: Option<OrganizationsPolicyId>,
}

/// A report as it is kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct AccessReport {
    /// By namespace.
    accessible: Vec<AccountsUse>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct AccountsUse {
    namespace: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last: Option<LastUseInAccount>,
    /// How many accounts used it.
    accounts: usize,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct LastUseInAccount {
    at: Seconds,
    region: String,
    path: String,
}

/// `AccessDetail`
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AccessDetail {
    /// `ServiceName`
    pub name: &'static str,
    /// `ServiceNamespace`
    pub namespace: String,
    /// `LastAuthenticatedTime`, `Region`, and the `EntityPath` of the account.
    pub last: Option<(Seconds, String, String)>,
    /// `TotalAuthenticatedEntities`: accounts.
    pub total_accounts: usize,
}

/// A page of an access report.
#[derive(Clone, Debug)]
pub struct OrganizationsAccessPage {
    /// `JobCreationDate` and `JobCompletionDate`
    pub made: Seconds,
    /// `NumberOfServicesAccessible`
    pub accessible: usize,
    /// `NumberOfServicesNotAccessed`
    pub not_accessed: usize,
    /// `AccessDetails`
    pub page: Page<AccessDetail>,
}

/// In which order an access report tells services.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum SortKey {
    /// `SERVICE_NAMESPACE_ASCENDING`
    #[default]
    NamespaceAscending,
    /// `SERVICE_NAMESPACE_DESCENDING`
    NamespaceDescending,
    /// `LAST_AUTHENTICATED_TIME_ASCENDING`: what was never used comes first.
    TimeAscending,
    /// `LAST_AUTHENTICATED_TIME_DESCENDING`: what was never used comes last.
    TimeDescending,
}

/// The organization, for an account that may ask about it: the management account, and who administers
/// IAM for it.
fn administered<'a>(call: &'a Call<'_>) -> Result<&'a Arc<Organization>, Error> {
    let organization = call.caller.directory().organization.as_ref();
    let organization = organization.ok_or(RootAccessFault::OrganizationNotFound)?;
    if administers(organization, call.account()?.id) {
        Ok(organization)
    } else {
        Err(RootAccessFault::AccountNotManagementOrDelegatedAdministrator.into())
    }
}

impl Operation for GenerateOrganizationsAccessReport {
    type Output = String;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GenerateOrganizationsAccessReport";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let path = self.entity_path.as_str();
        let arn = call.account()?.iam_arn(&format!("access-report/{path}"));
        let policy = self.organizations_policy_id.as_ref();
        let granted = call.allow(
            &Need::new("iam:GenerateOrganizationsAccessReport", arn).key_if(
                "iam:organizationspolicyid",
                policy.map(OrganizationsPolicyId::as_str),
            ),
        )?;
        administered(call)?;
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<String, Error> {
        let organization = administered(call)?;
        let directory = call.caller.directory();
        if !directory.tree().is_enabled(SCP) {
            return Err(Error::InvalidInput(
                "Service control policies are not enabled for the root of the organization."
                    .to_owned(),
            ));
        }
        let part = Part::find(directory, organization, self.entity_path.as_str())?;
        let policy = self.organizations_policy_id.as_ref();
        // The management account is bound by no policy, whichever is asked about.
        let policy = policy.filter(|_| !part.is_management);
        let services: BTreeSet<_> = match policy {
            _ if part.is_management => service_namespaces().collect(),
            Some(id) => allowed_by(directory.tree(), &[id.as_str()])?,
            None => part.allowed(directory.tree())?,
        };
        let accounts = part.accounts.iter();
        let mut used: BTreeMap<&str, AccountsUse> = services
            .into_iter()
            .map(|namespace| {
                let unused = AccountsUse {
                    namespace: namespace.to_owned(),
                    last: None,
                    accounts: 0,
                };
                (namespace, unused)
            })
            .collect();
        for (account, path) in accounts {
            let of_path = || {
                path.split('/')
                    .any(|target| attaches(directory.tree(), target, policy))
            };
            if policy.is_none() || of_path() {
                add_uses(call, *account, path, &mut used).await?;
            }
        }
        let accessible = used.into_values().collect();
        keep(call, &AccessReport { accessible }).await
    }
}

fn attaches(tree: &Tree, target: &str, policy: Option<&OrganizationsPolicyId>) -> bool {
    let attached = tree.attached(target, SCP);
    policy.is_some_and(|id| attached.contains(&id.as_str()))
}

/// Adds what an account, which stands at `path`, used last of each service.
async fn add_uses(
    call: &Call<'_>,
    account: AccountId,
    path: &str,
    used: &mut BTreeMap<&str, AccountsUse>,
) -> Result<(), Error> {
    let mut newest = BTreeMap::new();
    for access in call.realm.accesses_in(account).await? {
        let known = newest
            .entry(access.service.clone())
            .or_insert_with(|| access.clone());
        if known.at < access.at {
            *known = access;
        }
    }
    for (service, access) in newest {
        let Some(one) = used.get_mut(service.as_str()) else {
            continue;
        };
        one.accounts += 1;
        if one.last.as_ref().is_none_or(|last| last.at < access.at) {
            one.last = Some(LastUseInAccount {
                at: access.at,
                region: access.region,
                path: path.to_owned(),
            });
        }
    }
    Ok(())
}

/// A part of the organization.
struct Part {
    is_management: bool,
    /// The root, the units on the way, and what is named itself.
    targets: Vec<String>,
    /// The accounts whose use counts, with their paths.
    accounts: Vec<(AccountId, String)>,
}

impl Part {
    fn find(directory: &Directory, organization: &Organization, path: &str) -> Result<Self, Error> {
        let unknown = || {
            Error::InvalidInput(format!(
                "The entity path {path} is not one of the organization."
            ))
        };
        let tree = directory.tree();
        let path_of = |record: &AccountRecord| {
            let above = tree.path_of(tree.parent_of(record)).unwrap_or_default();
            format!("{above}{}", record.id)
        };
        let last = path.rsplit('/').next().unwrap_or_default();
        let mut part = Self {
            is_management: false,
            targets: path.split('/').skip(1).map(str::to_owned).collect(),
            accounts: Vec::new(),
        };
        if let Ok(id) = AccountId::parse(last) {
            let record = directory.accounts.get(&id).ok_or_else(unknown)?;
            if path_of(record) != path {
                return Err(unknown());
            }
            part.is_management = id == organization.management_account;
            part.accounts.push((id, path.to_owned()));
            return Ok(part);
        }
        let prefix = format!("{path}/");
        if tree.path_of(last) != Some(prefix.as_str()) {
            return Err(unknown());
        }
        let members = directory.accounts.values();
        let members = members.filter(|record| record.id != organization.management_account);
        let members = members.map(|record| (record.id, path_of(record)));
        part.accounts = members
            .filter(|(_, path)| path.starts_with(&prefix))
            .collect();
        Ok(part)
    }

    /// What the service control policies of every level allow, and none denies altogether.
    fn allowed(&self, tree: &Tree) -> Result<BTreeSet<&'static str>, Error> {
        let mut allowed: BTreeSet<_> = service_namespaces().collect();
        for target in &self.targets {
            let level = allowed_by(tree, &tree.attached(target, SCP))?;
            allowed.retain(|namespace| level.contains(namespace));
        }
        Ok(allowed)
    }
}

/// What some policies allow together, without what one of them denies altogether.
fn allowed_by(tree: &Tree, ids: &[&str]) -> Result<BTreeSet<&'static str>, Error> {
    let (mut allowed, mut denied) = (BTreeSet::new(), BTreeSet::new());
    for id in ids {
        let policy = tree.policy(id).filter(|it| it.policy.policy_type == SCP);
        let document = policy
            .and_then(|it| Policy::stored(&it.policy.content, Kind::ServiceControl).ok())
            .ok_or_else(|| {
                let text = format!("The organization has no service control policy {id}.");
                Error::InvalidInput(text)
            })?;
        allowed.append(&mut document.allowed_services());
        denied.append(&mut document.denied_services());
    }
    allowed.retain(|namespace| !denied.contains(namespace));
    Ok(allowed)
}

/// GetOrganizationsAccessReport
#[derive(Clone, Debug)]
pub struct GetOrganizationsAccessReport {
    /// `JobId`
    pub job_id: JobId,
    /// `SortKey`
    pub sort_key: SortKey,
    /// `Marker` and `MaxItems`
    pub page: PageRequest,
}

impl Operation for GetOrganizationsAccessReport {
    type Output = OrganizationsAccessPage;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetOrganizationsAccessReport";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let granted = call.allow(&Need::new("iam:GetOrganizationsAccessReport", "*"))?;
        administered(call).map_err(|_| no_job(&self.job_id))?;
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let (report, made): (AccessReport, _) = kept(call, &self.job_id).await?;
        let mut services = report.accessible;
        let accessible = services.len();
        let not_accessed = services.iter().filter(|it| it.last.is_none()).count();
        let at = |it: &AccountsUse| it.last.as_ref().map(|last| last.at);
        match self.sort_key {
            SortKey::NamespaceAscending => {}
            SortKey::NamespaceDescending => services.reverse(),
            SortKey::TimeAscending => services.sort_by_key(at),
            SortKey::TimeDescending => services.sort_by_key(|it| std::cmp::Reverse(at(it))),
        }
        let details = services.into_iter().map(|it| AccessDetail {
            name: service_name(&it.namespace).unwrap_or_default(),
            namespace: it.namespace,
            last: it.last.map(|last| (last.at, last.region, last.path)),
            total_accounts: it.accounts,
        });
        Ok(OrganizationsAccessPage {
            made,
            accessible,
            not_accessed,
            page: page_by_place(&self.page, details),
        })
    }
}
