//! Organizations on the wire (JSON 1.1).

use crate::fields::{Fields, marker};
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::{AccountRecord, CreateAccountStatus, Organization};
use locum_identity::error::Error;
use locum_identity::names::{AccountId, Constrained as _, Constraint};
use locum_identity::organizations::{
    CreateAccount, DescribeAccount, DescribeCreateAccountStatus, DescribeOrganization,
    DescribedAccount, ListAccounts, ListedAccounts,
};

pub(crate) fn bindings() -> Vec<Binding> {
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
        bind!(ListAccounts, decode_list_accounts, listed),
    ]
}

fn decode_create_account(fields: &mut Fields<'_>) -> Result<CreateAccount, Error> {
    if fields.has("Tags") {
        return Err(Error::ValidationText(
            "The parameter Tags is not supported by this service yet".to_owned(),
        ));
    }
    let email = fields.required("Email");
    let account_name = fields.required("AccountName");
    let role_name = fields.optional("RoleName");
    // There is no billing here to be let in to or not; the value is checked all the same.
    fields.one_of("IamUserAccessToBilling", &["ALLOW", "DENY"], &[(), ()]);
    fields.check()?;
    Ok(CreateAccount {
        account_name: account_name?,
        email: email?,
        role_name,
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
    let id =
        fields.required::<locum_identity::names::CreateAccountRequestId>("CreateAccountRequestId");
    fields.check()?;
    Ok(DescribeCreateAccountStatus {
        id: String::from(id?),
    })
}

fn decode_list_accounts(fields: &mut Fields<'_>) -> Result<ListAccounts, Error> {
    let max_results = fields.number("MaxResults", |number| match number {
        ..1 => Err(Constraint::MinValue(1)),
        1..=20 => Ok(number.unsigned_abs() as usize),
        _ => Err(Constraint::MaxValue(20)),
    });
    let token = fields.raw("NextToken");
    fields.check()?;
    let behind = match token {
        None => None,
        Some(token) => {
            let id = crate::fields::unmarked(token).and_then(|text| AccountId::parse(&text).ok());
            Some(id.ok_or_else(|| {
                Error::ValidationText("You specified an invalid value for NextToken.".to_owned())
            })?)
        }
    };
    Ok(ListAccounts {
        behind,
        max_results: max_results.unwrap_or(20),
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

fn account<'a>(record: &'a AccountRecord, organization: &Organization) -> Members<'a> {
    Members::new()
        .text("Id", record.id.as_str())
        .text("Arn", record.arn(organization))
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

fn described(output: &DescribedAccount) -> Node<'_> {
    Members::new()
        .structure("Account", account(&output.account, &output.organization))
        .node()
}

fn listed(output: &ListedAccounts) -> Node<'_> {
    let accounts = output
        .accounts
        .iter()
        .map(|record| account(record, &output.organization).node());
    Members::new()
        .list("Accounts", accounts)
        .text_if("NextToken", output.next.map(|id| marker(id.as_str())))
        .node()
}

fn organization(output: &DescribedAccount) -> Node<'_> {
    let DescribedAccount {
        account,
        organization,
    } = output;
    let management = organization.management_account;
    let members = Members::new()
        .text("Id", organization.id.as_str())
        .text(
            "Arn",
            format!(
                "arn:aws:organizations::{management}:organization/{}",
                organization.id
            ),
        )
        .text("FeatureSet", "ALL")
        .text("MasterAccountArn", account.arn(organization))
        .text("MasterAccountId", management.to_string())
        .text("MasterAccountEmail", account.email.as_str())
        .list("AvailablePolicyTypes", []);
    Members::new().structure("Organization", members).node()
}
