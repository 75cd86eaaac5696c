//! OpenID Connect and SAML providers.

use super::{only, tag, tag_bindings, tags};
use crate::fields::Fields;
use crate::node::{Members, Node};
use crate::table::{Binding, bind};
use locum_identity::entity::{OpenIdConnectProvider, SamlProvider};
use locum_identity::error::Error;
use locum_identity::iam::open_id_connect_providers::{
    AddClientIdToOpenIdConnectProvider, CreateOpenIdConnectProvider, CreatedProvider,
    DeleteOpenIdConnectProvider, GetOpenIdConnectProvider, ListOpenIdConnectProviderTags,
    ListOpenIdConnectProviders, RemoveClientIdFromOpenIdConnectProvider, TagOpenIdConnectProvider,
    UntagOpenIdConnectProvider, UpdateOpenIdConnectProviderThumbprint,
};
use locum_identity::iam::saml_providers::{
    CreateSamlProvider, DeleteSamlProvider, GetSamlProvider, ListSamlProviderTags,
    ListSamlProviders, ListedSamlProvider, TagSamlProvider, UntagSamlProvider, UpdateSamlProvider,
};
use locum_identity::names::{ArnText, ClientId, Tag, Thumbprint};
use std::sync::Arc;

const OIDC_ARN: &str = "OpenIDConnectProviderArn";
const SAML_ARN: &str = "SAMLProviderArn";

pub(super) fn bindings() -> Vec<Binding> {
    let openid = [
        bind!(
            CreateOpenIdConnectProvider,
            decode_create_openid,
            |created| created_as(OIDC_ARN, created)
        ),
        bind!(
            GetOpenIdConnectProvider,
            |fields| only(fields, OIDC_ARN, |arn| GetOpenIdConnectProvider { arn }),
            got_openid
        ),
        bind!(DeleteOpenIdConnectProvider, |fields| only(
            fields,
            OIDC_ARN,
            |arn| DeleteOpenIdConnectProvider { arn }
        )),
        bind!(
            ListOpenIdConnectProviders,
            |_| Ok(ListOpenIdConnectProviders),
            listed_openid
        ),
        bind!(AddClientIdToOpenIdConnectProvider, |fields| client_id(
            fields,
            |arn, client_id| AddClientIdToOpenIdConnectProvider { arn, client_id }
        )),
        bind!(RemoveClientIdFromOpenIdConnectProvider, |fields| client_id(
            fields,
            |arn, client_id| RemoveClientIdFromOpenIdConnectProvider { arn, client_id }
        )),
        bind!(UpdateOpenIdConnectProviderThumbprint, decode_thumbprints),
    ];
    let saml = [
        bind!(CreateSamlProvider, decode_create_saml, |created| {
            created_as(SAML_ARN, created)
        }),
        bind!(
            GetSamlProvider,
            |fields| only(fields, SAML_ARN, |arn| GetSamlProvider { arn }),
            got_saml
        ),
        bind!(UpdateSamlProvider, decode_update_saml, |arn| {
            Members::new().text(SAML_ARN, arn).node()
        }),
        bind!(DeleteSamlProvider, |fields| only(fields, SAML_ARN, |arn| {
            DeleteSamlProvider { arn }
        })),
        bind!(ListSamlProviders, |_| Ok(ListSamlProviders), listed_saml),
    ];
    openid
        .into_iter()
        .chain(saml)
        .chain(tag_bindings!(
            "OpenIDConnectProviderArn",
            TagOpenIdConnectProvider,
            UntagOpenIdConnectProvider,
            ListOpenIdConnectProviderTags
        ))
        .chain(tag_bindings!(
            "SAMLProviderArn",
            TagSamlProvider,
            UntagSamlProvider,
            ListSamlProviderTags
        ))
        .collect()
}

fn client_id<T>(
    fields: &mut Fields<'_>,
    make: impl FnOnce(ArnText, ClientId) -> T,
) -> Result<T, Error> {
    super::both(fields, (OIDC_ARN, "ClientID"), make)
}

fn decode_create_openid(fields: &mut Fields<'_>) -> Result<CreateOpenIdConnectProvider, Error> {
    let url = fields.required("Url");
    let client_ids = fields.list("ClientIDList", u32::MAX, Fields::scalar);
    let thumbprints = fields.list("ThumbprintList", u32::MAX, Fields::scalar);
    let tags = fields.tags("Tags");
    fields.check()?;
    Ok(CreateOpenIdConnectProvider {
        url: url?,
        client_ids,
        thumbprints,
        tags,
    })
}

fn decode_thumbprints(
    fields: &mut Fields<'_>,
) -> Result<UpdateOpenIdConnectProviderThumbprint, Error> {
    let arn = fields.required(OIDC_ARN);
    let thumbprints: Vec<Thumbprint> =
        fields.required_list("ThumbprintList", u32::MAX, Fields::scalar);
    fields.check()?;
    Ok(UpdateOpenIdConnectProviderThumbprint {
        arn: arn?,
        thumbprints,
    })
}

/// `AssertionEncryptionMode`
fn encryption_required(fields: &mut Fields<'_>) -> Option<bool> {
    fields.one_of(
        "AssertionEncryptionMode",
        &["Required", "Allowed"],
        &[true, false],
    )
}

fn decode_create_saml(fields: &mut Fields<'_>) -> Result<CreateSamlProvider, Error> {
    let metadata = fields.required("SAMLMetadataDocument");
    let name = fields.required("Name");
    let tags = fields.tags("Tags");
    let assertion_encryption_required = encryption_required(fields);
    let add_private_key = fields.optional("AddPrivateKey");
    fields.check()?;
    Ok(CreateSamlProvider {
        name: name?,
        metadata: metadata?,
        tags,
        assertion_encryption_required,
        add_private_key,
    })
}

fn decode_update_saml(fields: &mut Fields<'_>) -> Result<UpdateSamlProvider, Error> {
    let metadata = fields.optional("SAMLMetadataDocument");
    let arn = fields.required(SAML_ARN);
    let assertion_encryption_required = encryption_required(fields);
    let add_private_key = fields.optional("AddPrivateKey");
    let remove_private_key = fields.optional("RemovePrivateKey");
    fields.check()?;
    Ok(UpdateSamlProvider {
        arn: arn?,
        metadata,
        assertion_encryption_required,
        add_private_key,
        remove_private_key,
    })
}

/// `Tags` in the order of their keys, left out when there are none.
fn sorted_tags<'a>(members: Members<'a>, all: &'a [Tag]) -> Members<'a> {
    if all.is_empty() {
        return tags(members, all);
    }
    let mut sorted: Vec<_> = all.iter().collect();
    sorted.sort_by_key(|tag| &tag.key);
    members.list("Tags", sorted.into_iter().map(tag))
}

fn created_as<'a>(arn: &'static str, created: &'a CreatedProvider) -> Node<'a> {
    sorted_tags(
        Members::new().text(arn, created.arn.as_str()),
        &created.tags,
    )
    .node()
}

fn texts(texts: &[String]) -> impl Iterator<Item = Node<'_>> {
    texts.iter().map(|text| Node::text(text.as_str()))
}

fn got_openid(provider: &Arc<OpenIdConnectProvider>) -> Node<'_> {
    let members = Members::new()
        .text("Url", provider.url.as_str())
        .list("ClientIDList", texts(&provider.client_ids))
        .list("ThumbprintList", texts(&provider.thumbprints))
        .time("CreateDate", provider.created);
    sorted_tags(members, &provider.tags).node()
}

#[expect(clippy::ptr_arg, reason = "an encoder takes the operation's output")]
fn listed_openid(arns: &Vec<String>) -> Node<'_> {
    let entry = |arn: &'_ String| Members::new().text("Arn", arn.clone()).node();
    Members::new()
        .list("OpenIDConnectProviderList", arns.iter().map(entry))
        .node()
}

fn got_saml(provider: &Arc<SamlProvider>) -> Node<'_> {
    let keys = provider.private_keys.iter().map(|key| {
        Members::new()
            .text("KeyId", key.id.as_str())
            .time("Timestamp", key.added)
            .node()
    });
    let mode = match provider.assertion_encryption_required {
        Some(true) => Some("Required"),
        Some(false) => Some("Allowed"),
        None => None,
    };
    let members = Members::new()
        .text("SAMLProviderUUID", provider.uuid.as_str())
        .text("SAMLMetadataDocument", provider.metadata.as_str())
        .time("CreateDate", provider.created)
        .time("ValidUntil", provider.valid_until);
    let members = sorted_tags(members, &provider.tags).text_if("AssertionEncryptionMode", mode);
    if provider.private_keys.is_empty() {
        members.node()
    } else {
        members.list("PrivateKeyList", keys).node()
    }
}

#[expect(clippy::ptr_arg, reason = "an encoder takes the operation's output")]
fn listed_saml(listed: &Vec<ListedSamlProvider>) -> Node<'_> {
    let entry = |listed: &'_ ListedSamlProvider| {
        Members::new()
            .text("Arn", listed.arn.clone())
            .time("ValidUntil", listed.provider.valid_until)
            .time("CreateDate", listed.provider.created)
            .node()
    };
    Members::new()
        .list("SAMLProviderList", listed.iter().map(entry))
        .node()
}
