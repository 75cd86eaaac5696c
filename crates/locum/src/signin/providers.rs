//! The first page: which account, and how to sign in to it.

use super::Visit;
use super::pages::{self, ProviderLink, WaysIn};
use super::reply::{Fault, Reply};
use locum_identity::names::{AccountId, Constrained as _};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The longest alias that is looked up.
const LONGEST_ALIAS: usize = 63;

impl Visit<'_> {
    /// Asks for an account, and shows the ways into one.
    pub(super) async fn ways_in(&self) -> Result<Reply, Fault> {
        let asked = self.param("account").unwrap_or_default().trim();
        let mut ways = None;
        if !asked.is_empty() && asked.len() <= LONGEST_ALIAS {
            // An account that is not there looks like one without providers.
            let providers = match self.account(asked) {
                Some(id) => self.state.realm.sign_in_providers(id).await,
                None => Ok(Vec::new()),
            };
            let providers = providers.map_err(|error| self.fault(&error))?;
            let link = |url: String| ProviderLink {
                href: format!(
                    "/_locum/signin/oidc?account={}&provider={}",
                    utf8_percent_encode(asked, NON_ALPHANUMERIC),
                    utf8_percent_encode(&url, NON_ALPHANUMERIC)
                ),
                name: url,
            };
            ways = Some(WaysIn {
                account: asked.to_owned(),
                providers: providers.into_iter().map(|it| link(it.url)).collect(),
            });
        }
        let page = pages::Providers {
            asked,
            ways,
            request_id: &self.facts.request_id,
        };
        Ok(Reply::page(pages::render(&page)))
    }

    /// The account of an id or an alias.
    pub(super) fn account(&self, text: &str) -> Option<AccountId> {
        let directory = self.state.realm.directory();
        let id = AccountId::parse(text).ok();
        id.or_else(|| directory.account_of_alias(text))
    }
}
