//! The account's alias and properties.

use super::{only, page};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::error::Error;
use locum_identity::iam::account_aliases::{
    CreateAccountAlias, DeleteAccountAlias, ListAccountAliases,
};
use locum_identity::iam::account_properties::{
    GetAccountProperties, PutAccountProperties, SetSecurityTokenServicePreferences,
};
use std::collections::BTreeMap;

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(CreateAccountAlias, |fields| only(
            fields,
            "AccountAlias",
            |alias| CreateAccountAlias { alias }
        )),
        bind!(DeleteAccountAlias, |fields| only(
            fields,
            "AccountAlias",
            |alias| DeleteAccountAlias { alias }
        )),
        bind!(ListAccountAliases, decode_list, |aliases| {
            page("AccountAliases", aliases, |alias| {
                Node::text(alias.as_str())
            })
            .node()
        }),
        bind!(
            GetAccountProperties,
            |_| Ok(GetAccountProperties),
            properties
        ),
        // The model has an answer without members, not none.
        bind!(PutAccountProperties, decode_put, |_| Members::new().node()),
        bind!(SetSecurityTokenServicePreferences, decode_preferences),
    ]
}

fn decode_list(fields: &mut Fields<'_>) -> Result<ListAccountAliases, Error> {
    let page = fields.page();
    fields.check()?;
    Ok(ListAccountAliases { page })
}

fn decode_put(fields: &mut Fields<'_>) -> Result<PutAccountProperties, Error> {
    let properties = fields.required_map("Properties");
    fields.check()?;
    Ok(PutAccountProperties { properties })
}

fn decode_preferences(
    fields: &mut Fields<'_>,
) -> Result<SetSecurityTokenServicePreferences, Error> {
    let version = fields.required_one_of(
        "GlobalEndpointTokenVersion",
        &["v1Token", "v2Token"],
        &[1, 2],
    );
    fields.check()?;
    Ok(SetSecurityTokenServicePreferences {
        global_endpoint_token_version: version?,
    })
}

fn properties<'a>(properties: &'a BTreeMap<&'static str, String>) -> Node<'a> {
    let entries = properties
        .iter()
        .map(|(key, value)| ((*key).into(), Node::text(value.as_str())));
    Members::new()
        .with("Properties", Node::Map(entries.collect()))
        .node()
}
