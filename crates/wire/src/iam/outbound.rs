//! Outbound web identity federation.

use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::iam::outbound::{
    DisableOutboundWebIdentityFederation, EnableOutboundWebIdentityFederation,
    GetOutboundWebIdentityFederationInfo,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(
            EnableOutboundWebIdentityFederation,
            |_| Ok(EnableOutboundWebIdentityFederation),
            enabled
        ),
        bind!(DisableOutboundWebIdentityFederation, |_| Ok(
            DisableOutboundWebIdentityFederation
        )),
        bind!(
            GetOutboundWebIdentityFederationInfo,
            |_| Ok(GetOutboundWebIdentityFederationInfo),
            info
        ),
    ]
}

fn enabled(url: &String) -> Node<'_> {
    Members::new().text("IssuerIdentifier", url).node()
}

/// There is an answer only where the feature is enabled.
fn info(url: &String) -> Node<'_> {
    Members::new()
        .text("IssuerIdentifier", url)
        .boolean("JwtVendingEnabled", true)
        .node()
}
