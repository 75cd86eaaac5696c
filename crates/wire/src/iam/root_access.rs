//! Centralized root access.

use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::iam::root_access::{
    DisableOrganizationsRootCredentialsManagement, DisableOrganizationsRootSessions,
    EnableOrganizationsRootCredentialsManagement, EnableOrganizationsRootSessions,
    ListOrganizationsFeatures, OrganizationsFeatures,
};

pub(super) fn bindings() -> Vec<Binding> {
    vec![
        bind!(
            DisableOrganizationsRootCredentialsManagement,
            |_| Ok(DisableOrganizationsRootCredentialsManagement),
            features
        ),
        bind!(
            DisableOrganizationsRootSessions,
            |_| Ok(DisableOrganizationsRootSessions),
            features
        ),
        bind!(
            EnableOrganizationsRootCredentialsManagement,
            |_| Ok(EnableOrganizationsRootCredentialsManagement),
            features
        ),
        bind!(
            EnableOrganizationsRootSessions,
            |_| Ok(EnableOrganizationsRootSessions),
            features
        ),
        bind!(
            ListOrganizationsFeatures,
            |_| Ok(ListOrganizationsFeatures),
            features
        ),
    ]
}

fn features(output: &OrganizationsFeatures) -> Node<'_> {
    let enabled = output.enabled.iter();
    Members::new()
        .text("OrganizationId", output.organization_id.as_str())
        .list(
            "EnabledFeatures",
            enabled.map(|feature| Node::text(feature.as_str())),
        )
        .node()
}
