//! Accounts, and the organization itself.

use super::{Fault, management_only, need, need_on, organization, readers, tagging, tags};
use crate::caller::Need;
use crate::directory::Directory;
use crate::entity::{AccountRecord, Attachments, CreateAccountStatus, Organization, Role};
use crate::environment::Entropy;
use crate::error::Error;
use crate::iam::{Page, PageRequest};
use crate::ids::{IdKind, UniqueId, lower_case_id};
use crate::limits::RoleLimits;
use crate::names::{
    AccountId, AccountName, Constrained as _, Email, MaxSessionDuration, ParentId, Path, RoleName,
    Tag,
};
use crate::operation::{Call, Granted, Operation, Service};
use std::sync::Arc;

/// What is attached to the role that the management account uses in a new account.
const ADMINISTRATOR_ACCESS: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

/// CreateAccount: a new account in the organization's root, with a role in it that the management
/// account can assume. Done when it answers.
#[derive(Clone, Debug)]
pub struct CreateAccount {
    /// `AccountName`
    pub account_name: AccountName,
    /// `Email`
    pub email: Email,
    /// `RoleName`; `OrganizationAccountAccessRole` if not given.
    pub role_name: Option<RoleName>,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl Operation for CreateAccount {
    type Output = CreateAccountStatus;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "CreateAccount";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let create = need::<Self>("*").request_tags(&self.tags);
        management_only(call, [create].into_iter().chain(tagging(&self.tags)))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<CreateAccountStatus, Error> {
        tags::check(&self.tags)?;
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
                Some(call),
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
                        parent: None,
                        tags: Vec::new(),
                    };
                    draft.change.put(record.clone());
                    realm.put(AccountRecord {
                        tags: self.tags.clone(),
                        ..record
                    });
                    draft.change.put(Role {
                        id: UniqueId::generate(IdKind::Role, draft.account.id, draft.entropy),
                        name: role_name.clone(),
                        path: Path::default(),
                        created: draft.now,
                        description: None,
                        max_session_duration: MaxSessionDuration::default(),
                        trust_policy: trust_of(organization.management_account),
                        tags: Vec::<Tag>::new(),
                        limits: RoleLimits::default(),
                        permissions_boundary: None,
                        source: None,
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
        readers(call, [need::<Self>("*")])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        call.caller
            .directory()
            .create_account_statuses
            .get(&self.id)
            .cloned()
            .ok_or(Error::CreateAccountStatusNotFound)
    }
}

/// An account as the organization shows it.
#[derive(Clone, Debug)]
pub struct AccountView {
    /// The account.
    pub account: Arc<AccountRecord>,
    /// `arn:aws:organizations::MANAGEMENT:account/o-…/ACCOUNT`
    pub arn: String,
    /// `o-…/r-…/ou-…/ACCOUNT/`
    pub path: String,
}

impl AccountView {
    pub(super) fn of(directory: &Directory, account: &Arc<AccountRecord>) -> Result<Self, Error> {
        let place = directory.place(account.id);
        let place = place.ok_or_else(|| Error::Internal("an account stands nowhere".into()))?;
        Ok(Self {
            arn: account.arn(&*organization(directory)?),
            path: format!("{}{}/", place.path, account.id),
            account: account.clone(),
        })
    }
}

/// DescribeAccount
#[derive(Clone, Debug)]
pub struct DescribeAccount {
    /// `AccountId`
    pub account_id: AccountId,
}

impl Operation for DescribeAccount {
    type Output = AccountView;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DescribeAccount";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need_on::<Self>(call, self.account_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<AccountView, Error> {
        let directory = call.caller.directory();
        let account = directory.accounts.get(&self.account_id);
        AccountView::of(directory, account.ok_or(Error::AccountNotFound)?)
    }
}

/// ListAccounts: by id, in pages.
#[derive(Clone, Debug)]
pub struct ListAccounts {
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListAccounts {
    type Output = Page<AccountView>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListAccounts";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need::<Self>("*")])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        list(call.caller.directory(), &self.page, |_| true)
    }
}

/// ListAccountsForParent: by id, in pages; those directly in the root or unit.
#[derive(Clone, Debug)]
pub struct ListAccountsForParent {
    /// `ParentId`
    pub parent_id: ParentId,
    /// `NextToken` and `MaxResults`
    pub page: PageRequest,
}

impl Operation for ListAccountsForParent {
    type Output = Page<AccountView>;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "ListAccountsForParent";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        readers(call, [need_on::<Self>(call, self.parent_id.as_str())?])
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.caller.directory();
        let (tree, parent) = (directory.tree(), self.parent_id.as_str());
        if !tree.is_container(parent) {
            return Err(Fault::ParentNotFound.into());
        }
        list(directory, &self.page, |account| {
            tree.parent_of(account) == parent
        })
    }
}

fn list(
    directory: &Directory,
    page: &PageRequest,
    wanted: impl Fn(&AccountRecord) -> bool,
) -> Result<Page<AccountView>, Error> {
    let accounts = directory
        .accounts
        .values()
        .filter(|account| wanted(account));
    let Page { items, next } =
        page.page_of_all(accounts.map(|account| (account.id.as_str(), account)));
    let views = items
        .into_iter()
        .map(|account| AccountView::of(directory, account));
    Ok(Page {
        items: views.collect::<Result<_, _>>()?,
        next,
    })
}

/// MoveAccount: from the root or unit it is in to another.
#[derive(Clone, Debug)]
pub struct MoveAccount {
    /// `AccountId`
    pub account_id: AccountId,
    /// `SourceParentId`
    pub source: ParentId,
    /// `DestinationParentId`
    pub destination: ParentId,
}

impl Operation for MoveAccount {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "MoveAccount";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let needs = [
            need_on::<Self>(call, self.account_id.as_str())?,
            need_on::<Self>(call, self.source.as_str())?,
            need_on::<Self>(call, self.destination.as_str())?,
        ];
        management_only(call, needs)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change_organization(|directory, change| {
            let tree = directory.tree();
            let account = directory
                .accounts
                .get(&self.account_id)
                .ok_or(Error::AccountNotFound)?;
            if tree.parent_of(account) != self.source.as_str() {
                return Err(Fault::SourceParentNotFound.into());
            }
            let destination = self.destination.as_str();
            if !tree.is_container(destination) {
                return Err(Fault::DestinationParentNotFound.into());
            }
            if self.source == self.destination {
                return Err(Fault::DuplicateAccount.into());
            }
            change.put(AccountRecord {
                parent: (destination != tree.root()).then(|| destination.to_owned()),
                ..AccountRecord::clone(account)
            });
            Ok(())
        })
        .await
    }
}

/// DescribeOrganization: any account of the organization may ask.
#[derive(Clone, Copy, Debug)]
pub struct DescribeOrganization;

/// The organization with its management account.
#[derive(Debug)]
pub struct DescribedOrganization {
    /// The organization.
    pub organization: Arc<Organization>,
    /// The management account.
    pub management: AccountView,
}

impl Operation for DescribeOrganization {
    type Output = DescribedOrganization;
    type Found = ();
    const SERVICE: Service = Service::Organizations;
    const NAME: &'static str = "DescribeOrganization";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&Need::new("organizations:DescribeOrganization", "*"))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let directory = call.caller.directory();
        let organization = organization(directory)?;
        let account = directory.accounts.get(&organization.management_account);
        Ok(DescribedOrganization {
            management: AccountView::of(directory, account.ok_or(Error::AccountNotFound)?)?,
            organization,
        })
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
