//! ListPoliciesGrantingServiceAccess: by which policies somebody has access to services.

use super::{Subject, managed_document, services_of};
use crate::account::Account;
use crate::entity::Attachments;
use crate::error::Error;
use crate::iam::PageRequest;
use crate::names::{ArnText, ServiceNamespace};
use crate::operation::{Call, Granted, Operation, Service};
use std::collections::HashMap;

/// ListPoliciesGrantingServiceAccess. Its pages cannot be asked for by length.
#[derive(Clone, Debug)]
pub struct ListPoliciesGrantingServiceAccess {
    /// `Arn`: of a user, group or role.
    pub arn: ArnText,
    /// `ServiceNamespaces`, at most 200.
    pub service_namespaces: Vec<ServiceNamespace>,
    /// `Marker`
    pub page: PageRequest,
}

/// Whose inline policy it is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PolicyHolder {
    /// A user's.
    User,
    /// A group's.
    Group,
    /// A role's.
    Role,
}

/// `PolicyGrantingServiceAccess`
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum GrantingPolicy {
    /// A managed policy, by ARN.
    Managed(String),
    /// An inline policy.
    Inline {
        /// `PolicyName`
        name: String,
        /// `EntityType`
        holder: PolicyHolder,
        /// `EntityName`
        holder_name: String,
    },
}

/// The policies that grant access to one service.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ServiceGrants {
    /// `ServiceNamespace`
    pub namespace: String,
    /// `Policies`
    pub policies: Vec<GrantingPolicy>,
}

impl Operation for ListPoliciesGrantingServiceAccess {
    type Output = crate::iam::Page<ServiceGrants>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListPoliciesGrantingServiceAccess";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:ListPoliciesGrantingServiceAccess";
        call.allow(&Subject::need(call, action, &self.arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let arn = self.arn.as_str();
        let subject = Subject::find(account, arn)?;
        let mut held = Vec::new();
        match subject {
            Subject::User(state) => {
                let user = &state.user;
                held.push((PolicyHolder::User, user.name.as_str(), &user.policies));
                let groups = user
                    .groups
                    .iter()
                    .filter_map(|id| account.groups.with_id(id));
                held.extend(groups.map(|state| {
                    let group = &state.group;
                    (PolicyHolder::Group, group.name.as_str(), &group.policies)
                }));
            }
            Subject::Group(state) => {
                let group = &state.group;
                held.push((PolicyHolder::Group, group.name.as_str(), &group.policies));
            }
            Subject::Role(state) => {
                let role = &state.role;
                held.push((PolicyHolder::Role, role.name.as_str(), &role.policies));
            }
            Subject::Policy(_) => {
                let text = format!("Invalid ARN provided in the request: {arn}");
                return Err(Error::InvalidInput(text));
            }
        }
        let granted = granted(account, &held);
        let grants: Vec<_> = self
            .service_namespaces
            .iter()
            .map(|namespace| ServiceGrants {
                namespace: namespace.to_string(),
                policies: granted.get(namespace.as_str()).cloned().unwrap_or_default(),
            })
            .collect();
        Ok(super::page_by_place(&self.page, grants.into_iter()))
    }
}

/// The policies by the services that they allow something of. A managed policy stands there once,
/// however it comes.
fn granted(
    account: &Account,
    held: &[(PolicyHolder, &str, &Attachments)],
) -> HashMap<&'static str, Vec<GrantingPolicy>> {
    let mut granted: HashMap<_, Vec<_>> = HashMap::new();
    let mut add = |document: Option<&str>, policy: GrantingPolicy| {
        for service in services_of(document) {
            let policies = granted.entry(service).or_default();
            if !policies.contains(&policy) {
                policies.push(policy.clone());
            }
        }
    };
    for (holder, holder_name, policies) in held {
        for arn in &policies.attached {
            let document = managed_document(account, arn);
            add(document, GrantingPolicy::Managed(arn.clone()));
        }
        for inline in policies.inline.values() {
            let policy = GrantingPolicy::Inline {
                name: inline.name.to_string(),
                holder: *holder,
                holder_name: (*holder_name).to_owned(),
            };
            add(Some(&inline.document), policy);
        }
    }
    granted
}
