//! Accounts and the organization.

use super::page;
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::CreateAccountStatus;
use locum_identity::error::Error;
use locum_identity::names::CreateAccountRequestId;
use locum_identity::organizations::{
    AccountView, CreateAccount, DescribeAccount, DescribeCreateAccountStatus, DescribeOrganization,
    DescribedOrganization, ListAccounts, ListAccountsForParent, MoveAccount,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(CreateAccount, decode_create_account, created),
        bind!(DescribeAccount, decode_describe_account, described),
        bind!(
            DescribeCreateAccountStatus,
            decode_describe_status,
            |status| created(status)
        ),
        bind!(
            DescribeOrganization,
            |_| Ok(DescribeOrganization),
            organization
        ),
        bind!(ListAccounts, decode_list_accounts, |output| page(
            "Accounts", output, account
        )),
        bind!(
            ListAccountsForParent,
            decode_list_accounts_for_parent,
            |output| page("Accounts", output, account)
        ),
        bind!(MoveAccount, decode_move_account),
    ]
}

fn decode_create_account(fields: &mut Fields<'_>) -> Result<CreateAccount, Error> {
    let email = fields.required("Email");
    let account_name = fields.required("AccountName");
    let role_name = fields.optional("RoleName");
    // There is no billing here to be let in to or not; the value is checked all the same.
    fields.one_of("IamUserAccessToBilling", &["ALLOW", "DENY"], &[(), ()]);
    let tags = fields.uncounted_tags("Tags");
    fields.check()?;
    Ok(CreateAccount {
        account_name: account_name?,
        email: email?,
        role_name,
        tags,
    })
}

fn decode_describe_account(fields: &mut Fields<'_>) -> Result<DescribeAccount, Error> {
    let account_id = fields.required("AccountId");
    fields.check()?;
    Ok(DescribeAccount {
        account_id: account_id?,
    })
}

fn decode_describe_status(fields: &mut Fields<'_>) -> Result<DescribeCreateAccountStatus, Error> {
    let id = fields.required::<CreateAccountRequestId>("CreateAccountRequestId");
    fields.check()?;
    Ok(DescribeCreateAccountStatus {
        id: String::from(id?),
    })
}

fn decode_list_accounts(fields: &mut Fields<'_>) -> Result<ListAccounts, Error> {
    let page = fields.token_page();
    fields.check()?;
    Ok(ListAccounts { page })
}

fn decode_list_accounts_for_parent(
    fields: &mut Fields<'_>,
) -> Result<ListAccountsForParent, Error> {
    let parent_id = fields.required("ParentId");
    let page = fields.token_page();
    fields.check()?;
    Ok(ListAccountsForParent {
        parent_id: parent_id?,
        page,
    })
}

fn decode_move_account(fields: &mut Fields<'_>) -> Result<MoveAccount, Error> {
    let account_id = fields.required("AccountId");
    let source = fields.required("SourceParentId");
    let destination = fields.required("DestinationParentId");
    fields.check()?;
    Ok(MoveAccount {
        account_id: account_id?,
        source: source?,
        destination: destination?,
    })
}

fn created(status: &CreateAccountStatus) -> Node<'_> {
    let (state, failure) = match status.account {
        Some(_) => ("SUCCEEDED", None),
        None => ("FAILED", Some("EMAIL_ALREADY_EXISTS")),
    };
    let members = Members::new()
        .text("Id", status.id.as_str())
        .text("AccountName", status.account_name.as_str())
        .text("State", state)
        .time("RequestedTimestamp", status.at)
        .time("CompletedTimestamp", status.at)
        .text_if("AccountId", status.account.map(String::from))
        .text_if("FailureReason", failure);
    Members::new()
        .structure("CreateAccountStatus", members)
        .node()
}

fn account(view: &AccountView) -> Members<'_> {
    basics(view).list("Paths", [Node::text(view.path.as_str())])
}

/// What every list of accounts shows of one.
pub(super) fn basics(view: &AccountView) -> Members<'_> {
    let record = &view.account;
    Members::new()
        .text("Id", record.id.as_str())
        .text("Arn", view.arn.as_str())
        .text("Email", record.email.as_str())
        .text("Name", record.name.as_str())
        .text("Status", "ACTIVE")
        .text("State", "ACTIVE")
        .text(
            "JoinedMethod",
            if record.created_by_organization {
                "CREATED"
            } else {
                "INVITED"
            },
        )
        .time("JoinedTimestamp", record.joined)
}

fn described(output: &AccountView) -> Node<'_> {
    Members::new().structure("Account", account(output)).node()
}

fn organization(output: &DescribedOrganization) -> Node<'_> {
    let DescribedOrganization {
        organization,
        management,
    } = output;
    // AWS has given this one type, and always enabled, since there were others: what is enabled
    // in the root tells ListRoots.
    let available = Members::new()
        .text("Type", "SERVICE_CONTROL_POLICY")
        .text("Status", "ENABLED");
    let members = Members::new()
        .text("Id", organization.id.as_str())
        .text(
            "Arn",
            organization.arn(&format!("organization/{}", organization.id)),
        )
        .text("FeatureSet", "ALL")
        .text("MasterAccountArn", management.arn.as_str())
        .text("MasterAccountId", management.account.id.as_str())
        .text("MasterAccountEmail", management.account.email.as_str())
        .list("AvailablePolicyTypes", [available.node()]);
    Members::new().structure("Organization", members).node()
}
