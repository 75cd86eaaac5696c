//! The operations of AWS Organizations that make accounts and list them.
//!
//! Every account of a realm belongs to its one organization. Each operation follows its page of
//! the Organizations API reference, version 2016-11-28.

use crate::caller::Need;
use crate::directory::Directory;
use crate::entity::{AccountRecord, Attachments, CreateAccountStatus, Organization, Role};
use crate::environment::Entropy;
use crate::error::Error;
use crate::ids::{IdKind, UniqueId, lower_case_id};
use crate::names::{
    AccountId, AccountName, Constrained as _, Email, MaxSessionDuration, Path, RoleName, Tag,
};
use crate::operation::{Call, Granted, Operation, Service};
use std::sync::Arc;

/// What is attached to the role that the management account uses in a new account.
const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// CreateAccount: a new account in the organization, with a role in it that the management account
/// can assume. Done when it answers.
#[derive(Clone, Debug)]
pub struct CreateAccount {
    /// `AccountName`
    pub account_name: AccountName,
    /// `Email`
    pub email: Email,
    /// `RoleName`; `OrganizationAccountAccessRole` if not given.
    pub role_name: Option<RoleName>,
}

impl Operation for CreateAccount {
    type Output = CreateAccountStatus;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "CreateAccount";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        management_only(call, "organizations:CreateAccount")
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<CreateAccountStatus, Error> {
        let entropy = &*call.realm.environment().entropy;
        let role_name = match &self.role_name {
            Some(name) => name.clone(),
            None => RoleName::parse("OrganizationAccountAccessRole")
                .map_err(|_| Error::Internal("an illegal role name".into()))?,
        };
        call.realm
            .change_with_directory(
                |directory| Ok(unused_account_id(directory, entropy)),
                &call.origin(),
                |directory, realm, draft| {
                    let organization = organization(directory)?;
                    let taken = directory.accounts.values().any(|other| {
                        other
                            .email
                            .as_str()
                            .eq_ignore_ascii_case(self.email.as_str())
                    });
                    let status = CreateAccountStatus {
                        id: format!("car-{}", lower_case_id(32, draft.entropy)),
                        account: (!taken).then_some(draft.account.id),
                        account_name: self.account_name.clone(),
                        at: draft.now,
                    };
                    realm.put(status.clone());
                    if taken {
                        return Ok(status);
                    }
                    let record = AccountRecord {
                        id: draft.account.id,
                        name: self.account_name.clone(),
                        email: self.email.clone(),
                        joined: draft.now,
                        created_by_organization: true,
                    };
                    realm.put(record.clone());
                    draft.change.put(record);
                    draft.change.put(Role {
                        id: UniqueId::generate(IdKind::Role, draft.account.id, draft.entropy),
                        name: role_name.clone(),
                        path: Path::default(),
                        created: draft.now,
                        description: None,
                        max_session_duration: MaxSessionDuration::default(),
                        trust_policy: trust_of(organization.management_account),
                        tags: Vec::<Tag>::new(),
                        permissions_boundary: None,
                        policies: Attachments {
                            attached: vec![ADMINISTRATOR_ACCESS.to_owned()],
                            ..Attachments::default()
                        },
                    });
                    Ok(status)
                },
            )
            .await
    }
}

/// DescribeCreateAccountStatus
#[derive(Clone, Debug)]
pub struct DescribeCreateAccountStatus {
    /// `CreateAccountRequestId`
    pub id: String,
}

impl Operation for DescribeCreateAccountStatus {
    type Output = Arc<CreateAccountStatus>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DescribeCreateAccountStatus";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        management_only(call, "organizations:DescribeCreateAccountStatus")
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        call.realm
            .directory()
            .create_account_statuses
            .get(&self.id)
            .cloned()
            .ok_or(Error::CreateAccountStatusNotFound)
    }
}

/// DescribeAccount
#[derive(Clone, Debug)]
pub struct DescribeAccount {
    /// `AccountId`
    pub account_id: AccountId,
}

/// An account with its organization, from which its ARN is made.
#[derive(Debug)]
pub struct DescribedAccount {
    /// The account.
    pub account: Arc<AccountRecord>,
    /// The organization.
    pub organization: Arc<Organization>,
}

impl Operation for DescribeAccount {
    type Output = DescribedAccount;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DescribeAccount";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        management_only_on(call, "organizations:DescribeAccount", |organization| {
            format!(
                "arn:aws:organizations::{}:account/{}/{}",
                organization.management_account, organization.id, self.account_id
            )
        })
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<DescribedAccount, Error> {
        let directory = call.realm.directory();
        let account = directory
            .accounts
            .get(&self.account_id)
            .cloned()
            .ok_or(Error::AccountNotFound)?;
        Ok(DescribedAccount {
            account,
            organization: organization(&directory)?,
        })
    }
}

/// ListAccounts: by id, in pages.
#[derive(Clone, Copy, Debug)]
pub struct ListAccounts {
    /// `NextToken`: the id of the last account of the page before.
    pub behind: Option<AccountId>,
    /// `MaxResults`: 1 to 20.
    pub max_results: usize,
}

/// A page of accounts.
#[derive(Debug)]
pub struct ListedAccounts {
    /// The accounts.
    pub accounts: Vec<Arc<AccountRecord>>,
    /// The organization.
    pub organization: Arc<Organization>,
    /// `NextToken`, if there are more.
    pub next: Option<AccountId>,
}

impl Operation for ListAccounts {
    type Output = ListedAccounts;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListAccounts";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        management_only(call, "organizations:ListAccounts")
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<ListedAccounts, Error> {
        use std::ops::Bound::{Excluded, Unbounded};
        let directory = call.realm.directory();
        let start = self.behind.map_or(Unbounded, Excluded);
        let mut rest = directory
            .accounts
            .range((start, Unbounded))
            .map(|(_, account)| account.clone());
        let accounts: Vec<_> = rest.by_ref().take(self.max_results).collect();
        let next = rest.next().and(accounts.last().map(|account| account.id));
        Ok(ListedAccounts {
            accounts,
            organization: organization(&directory)?,
            next,
        })
    }
}

/// DescribeOrganization: any account of the organization may ask.
#[derive(Clone, Copy, Debug)]
pub struct DescribeOrganization;

impl Operation for DescribeOrganization {
    type Output = DescribedAccount;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DescribeOrganization";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("organizations:DescribeOrganization", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<DescribedAccount, Error> {
        let directory = call.realm.directory();
        let organization = organization(&directory)?;
        let account = directory
            .accounts
            .get(&organization.management_account)
            .cloned()
            .ok_or(Error::AccountNotFound)?;
        Ok(DescribedAccount {
            account,
            organization,
        })
    }
}

fn organization(directory: &Directory) -> Result<Arc<Organization>, Error> {
    directory
        .organization
        .clone()
        .ok_or_else(|| Error::Internal("the realm has no organization".into()))
}

fn management_only(call: &Call<'_>, action: &'static str) -> Result<Granted, Error> {
    management_only_on(call, action, |_| "*".to_owned())
}

fn management_only_on(
    call: &Call<'_>,
    action: &'static str,
    resource: impl FnOnce(&Organization) -> String,
) -> Result<Granted, Error> {
    let organization = organization(&call.realm.directory())?;
    let granted = call.allow(&Need::new(action, resource(&organization)))?;
    if call.account()?.id == organization.management_account {
        Ok(granted)
    } else {
        Err(Error::NotManagementAccount)
    }
}

fn trust_of(account: AccountId) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{account}:root"}},"Action":"sts:AssumeRole"}}]}}"#
    )
}

/// Twelve digits that no account has, the first of them not a zero.
fn unused_account_id(directory: &Directory, entropy: &dyn Entropy) -> AccountId {
    loop {
        let mut random = [0; 8];
        entropy.fill(&mut random);
        let number = 100_000_000_000 + u64::from_le_bytes(random) % 900_000_000_000;
        if let Some(id) =
            AccountId::from_number(number).filter(|id| !directory.accounts.contains_key(id))
        {
            return id;
        }
    }
}
