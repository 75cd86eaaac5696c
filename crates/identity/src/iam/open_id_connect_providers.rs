//! OpenID Connect providers: whose tokens the account's roles may trust.

use super::Named;
use super::provider_arns::ProviderKind::OpenIdConnect;
use super::provider_arns::forget_settings;
use super::tags::{ListResourceTags, TagCase, TagResource, Taggable, UntagResource, tags_of_field};
use crate::account::Account;
use crate::caller::Need;
use crate::entity::OpenIdConnectProvider;
use crate::error::{Error, Existing, IamFault, Missing};
use crate::names::{ArnText, ClientId, ProviderUrlText, Tag, Thumbprint};
use crate::operation::{Call, Draft, Granted, Operation, Service};
use crate::provider_url::ProviderUrl;
use crate::quotas::AccountQuota;
use crate::thumbprint::thumbprint;
use std::borrow::Cow;
use std::sync::Arc;

/// The most thumbprints of one provider.
const MOST_THUMBPRINTS: usize = 5;

/// TagOpenIDConnectProvider
pub type TagOpenIdConnectProvider = TagResource<OpenIdConnectProvider>;
/// UntagOpenIDConnectProvider
pub type UntagOpenIdConnectProvider = UntagResource<OpenIdConnectProvider>;
/// ListOpenIDConnectProviderTags
pub type ListOpenIdConnectProviderTags = ListResourceTags<OpenIdConnectProvider>;

impl Named for OpenIdConnectProvider {
    type Name = ArnText;

    fn find<'a>(account: &'a Account, arn: &ArnText) -> Result<&'a Self, Error> {
        provider(account, arn).map(|provider| &**provider)
    }

    fn need<'a>(call: &'a Call<'_>, action: String, arn: &'a ArnText) -> Result<Need<'a>, Error> {
        need_on_provider(call, action, arn)
    }
}

impl Taggable for OpenIdConnectProvider {
    const OPERATIONS: [&'static str; 3] = [
        "TagOpenIDConnectProvider",
        "UntagOpenIDConnectProvider",
        "ListOpenIDConnectProviderTags",
    ];
    const TAKES_NONE: bool = false;

    tags_of_field!();
}

/// The need of an action on a provider that may or may not exist.
fn need_on_provider<'a>(
    call: &'a Call<'_>,
    action: impl Into<Cow<'a, str>>,
    arn: &'a ArnText,
) -> Result<Need<'a>, Error> {
    OpenIdConnect.need(call, action, arn, |account, url| {
        let provider = account.open_id_connect_providers.get(url)?;
        Some(&provider.tags)
    })
}

/// The provider of an ARN; `None` if there is none.
fn found<'a>(
    account: &'a Account,
    arn: &ArnText,
) -> Result<Option<&'a Arc<OpenIdConnectProvider>>, Error> {
    OpenIdConnect.check(arn)?;
    let url = OpenIdConnect.name_in(account, arn);
    Ok(url.and_then(|url| account.open_id_connect_providers.get(url)))
}

fn provider<'a>(
    account: &'a Account,
    arn: &ArnText,
) -> Result<&'a Arc<OpenIdConnectProvider>, Error> {
    found(account, arn)?
        .ok_or_else(|| Error::NoSuchEntity(Missing::OpenIdConnectProvider(arn.to_string())))
}

/// The thumbprints of a request, once each.
pub(crate) fn thumbprints(given: &[Thumbprint]) -> Result<Vec<String>, Error> {
    let refused = |text: &str| Err(Error::InvalidInput(text.to_owned()));
    if given.len() > MOST_THUMBPRINTS {
        return refused("Thumbprint list must contain at most 5 entries.");
    }
    let digits = |one: &Thumbprint| one.as_str().bytes().all(|b| b.is_ascii_hexdigit());
    if !given.iter().all(digits) {
        return refused("A thumbprint must have 40 hexadecimal digits.");
    }
    Ok(given.iter().map(ToString::to_string).collect())
}

/// What a client id may be made of: anything that an answer can carry.
pub(crate) fn check_client_id(id: &ClientId) -> Result<(), Error> {
    let unfit = |c: char| c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}');
    if id.as_str().contains(unfit) {
        return Err(Error::InvalidInput(
            "A client ID must not have control characters.".to_owned(),
        ));
    }
    Ok(())
}

/// CreateOpenIDConnectProvider
#[derive(Clone, Debug)]
pub struct CreateOpenIdConnectProvider {
    /// `Url`
    pub url: ProviderUrlText,
    /// `ClientIDList`
    pub client_ids: Vec<ClientId>,
    /// `ThumbprintList`; where it is empty, the provider's host is asked for its certificates.
    pub thumbprints: Vec<Thumbprint>,
    /// `Tags`
    pub tags: Vec<Tag>,
}

/// What CreateOpenIDConnectProvider answers.
#[derive(Debug)]
pub struct CreatedProvider {
    /// The ARN.
    pub arn: String,
    /// `Tags`
    pub tags: Vec<Tag>,
}

impl CreateOpenIdConnectProvider {
    fn arn(&self, call: &Call<'_>) -> Result<String, Error> {
        let url = self.url.as_str();
        let plain = || {
            let rest = url.strip_prefix(ProviderUrl::PLAIN_SCHEME);
            rest.filter(|_| call.realm.fetcher().asks_plain())
        };
        let rest = url.strip_prefix(ProviderUrl::SCHEME).or_else(plain);
        Ok(OpenIdConnect.arn(call.account()?, rest.unwrap_or(url)))
    }

    async fn checked_url(&self, call: &Call<'_>) -> Result<ProviderUrl, Error> {
        let text = self.url.as_str();
        let plain = call.realm.fetcher().asks_plain();
        let plain = plain.then(|| ProviderUrl::parse_plain(text)).flatten();
        let Some(url) = ProviderUrl::parse(text).or(plain) else {
            return Err(Error::ValidationText(
                "Invalid Open ID Connect Provider URL".to_owned(),
            ));
        };
        // Tokens of our own are for others. Spelled in another way it would be nobody's issuer.
        let plain = text.trim_end_matches('/').to_ascii_lowercase();
        if call.realm.is_own_issuer(text).await? || call.realm.is_own_issuer(&plain).await? {
            return Err(Error::InvalidInput(
                "The issuer of an account of this server cannot be an identity provider here."
                    .to_owned(),
            ));
        }
        Ok(url)
    }

    /// That the account has room for the provider.
    fn check_room(&self, account: &Account, url: &ProviderUrl) -> Result<(), Error> {
        let providers = &account.open_id_connect_providers;
        if providers.keys().any(|other| url.is_same(other)) {
            return Err(Error::EntityAlreadyExists(Existing::OpenIdConnectProvider(
                self.url.to_string(),
            )));
        }
        account.room_for_one(
            providers.len(),
            AccountQuota::OpenIdConnectProvidersPerAccount,
        )
    }

    fn client_ids(&self, account: &Account) -> Result<Vec<String>, Error> {
        let mut ids: Vec<String> = Vec::new();
        for id in &self.client_ids {
            check_client_id(id)?;
            if !ids.iter().any(|other| other == id.as_str()) {
                ids.push(id.to_string());
            }
        }
        account.room_for(ids.len(), AccountQuota::ClientIdsPerOpenIdConnectProvider)?;
        Ok(ids)
    }
}

impl Operation for CreateOpenIdConnectProvider {
    type Output = CreatedProvider;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateOpenIDConnectProvider";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let arn = self.arn(call)?;
        let need = |action| Need::new(action, arn.as_str()).request_tags(&self.tags);
        let granted = call.allow(&need("iam:CreateOpenIDConnectProvider"))?;
        if !self.tags.is_empty() {
            call.allow(&need("iam:TagOpenIDConnectProvider"))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<CreatedProvider, Error> {
        TagCase::Sensitive.check(&self.tags)?;
        let url = self.checked_url(call).await?;
        let mut thumbprints = thumbprints(&self.thumbprints)?;
        self.client_ids(call.account()?)?;
        // Nobody outside is asked about what would be refused anyway.
        self.check_room(call.account()?, &url)?;
        if thumbprints.is_empty() && !ProviderUrl::is_plain(url.as_str()) {
            let fetched = call.realm.certificates().last_certificate(url.host());
            let certificate = fetched.await.map_err(|_| {
                IamFault::OpenIdIdpCommunication(
                    "The OpenID Connect identity provider could not be reached.".to_owned(),
                )
            })?;
            thumbprints.push(thumbprint(&certificate));
        }
        call.change(|draft| {
            self.check_room(draft.account, &url)?;
            draft.change.put(OpenIdConnectProvider {
                url: url.as_str().to_owned(),
                client_ids: self.client_ids(draft.account)?,
                thumbprints: thumbprints.clone(),
                created: draft.now,
                tags: self.tags.clone(),
            });
            Ok(CreatedProvider {
                arn: OpenIdConnect.arn(draft.account, url.as_str()),
                tags: self.tags.clone(),
            })
        })
        .await
    }
}

/// GetOpenIDConnectProvider
#[derive(Clone, Debug)]
pub struct GetOpenIdConnectProvider {
    /// `OpenIDConnectProviderArn`
    pub arn: ArnText,
}

impl Operation for GetOpenIdConnectProvider {
    type Output = Arc<OpenIdConnectProvider>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetOpenIDConnectProvider";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:GetOpenIDConnectProvider";
        call.allow(&need_on_provider(call, action, &self.arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        provider(call.account()?, &self.arn).cloned()
    }
}

/// DeleteOpenIDConnectProvider: done as well when there is none. Roles that trust it stay as they are.
#[derive(Clone, Debug)]
pub struct DeleteOpenIdConnectProvider {
    /// `OpenIDConnectProviderArn`
    pub arn: ArnText,
}

impl Operation for DeleteOpenIdConnectProvider {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteOpenIDConnectProvider";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:DeleteOpenIDConnectProvider";
        call.allow(&need_on_provider(call, action, &self.arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            if let Some(provider) = found(draft.account, &self.arn)? {
                draft.change.delete(OpenIdConnectProvider::clone(provider));
                forget_settings(draft, &self.arn);
            }
            Ok(())
        })
        .await
    }
}

/// ListOpenIDConnectProviders: the ARNs of all.
#[derive(Clone, Copy, Debug)]
pub struct ListOpenIdConnectProviders;

impl Operation for ListOpenIdConnectProviders {
    type Output = Vec<String>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListOpenIDConnectProviders";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let all = OpenIdConnect.arn(call.account()?, "*");
        call.allow(&Need::new("iam:ListOpenIDConnectProviders", all))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Vec<String>, Error> {
        let account = call.account()?;
        let urls = account.open_id_connect_providers.keys();
        Ok(urls.map(|url| OpenIdConnect.arn(account, url)).collect())
    }
}

/// Changes one provider.
async fn change_provider(
    call: &Call<'_>,
    arn: &ArnText,
    change: impl Fn(&Draft<'_>, &mut OpenIdConnectProvider) -> Result<(), Error> + Send + Sync,
) -> Result<(), Error> {
    call.change(|draft| {
        let before = provider(draft.account, arn)?;
        let mut after = OpenIdConnectProvider::clone(before);
        change(draft, &mut after)?;
        if after != **before {
            draft.change.put(after);
        }
        Ok(())
    })
    .await
}

/// AddClientIDToOpenIDConnectProvider: done as well when it is there.
#[derive(Clone, Debug)]
pub struct AddClientIdToOpenIdConnectProvider {
    /// `OpenIDConnectProviderArn`
    pub arn: ArnText,
    /// `ClientID`
    pub client_id: ClientId,
}

impl Operation for AddClientIdToOpenIdConnectProvider {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "AddClientIDToOpenIDConnectProvider";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:AddClientIDToOpenIDConnectProvider";
        call.allow(&need_on_provider(call, action, &self.arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        check_client_id(&self.client_id)?;
        change_provider(call, &self.arn, |draft, provider| {
            let ids = &mut provider.client_ids;
            if !ids.iter().any(|other| other == self.client_id.as_str()) {
                let quota = AccountQuota::ClientIdsPerOpenIdConnectProvider;
                draft.account.room_for_one(ids.len(), quota)?;
                ids.push(self.client_id.to_string());
            }
            Ok(())
        })
        .await
    }
}

/// RemoveClientIDFromOpenIDConnectProvider: done as well when it is not there.
#[derive(Clone, Debug)]
pub struct RemoveClientIdFromOpenIdConnectProvider {
    /// `OpenIDConnectProviderArn`
    pub arn: ArnText,
    /// `ClientID`
    pub client_id: ClientId,
}

impl Operation for RemoveClientIdFromOpenIdConnectProvider {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "RemoveClientIDFromOpenIDConnectProvider";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:RemoveClientIDFromOpenIDConnectProvider";
        call.allow(&need_on_provider(call, action, &self.arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        change_provider(call, &self.arn, |_, provider| {
            let ids = &mut provider.client_ids;
            ids.retain(|other| other != self.client_id.as_str());
            Ok(())
        })
        .await
    }
}

/// UpdateOpenIDConnectProviderThumbprint: the new thumbprints take the place of the old ones.
#[derive(Clone, Debug)]
pub struct UpdateOpenIdConnectProviderThumbprint {
    /// `OpenIDConnectProviderArn`
    pub arn: ArnText,
    /// `ThumbprintList`
    pub thumbprints: Vec<Thumbprint>,
}

impl Operation for UpdateOpenIdConnectProviderThumbprint {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateOpenIDConnectProviderThumbprint";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let action = "iam:UpdateOpenIDConnectProviderThumbprint";
        call.allow(&need_on_provider(call, action, &self.arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        let thumbprints = thumbprints(&self.thumbprints)?;
        if thumbprints.is_empty() {
            return Err(Error::InvalidInput(
                "Thumbprint list must contain at least one entry.".to_owned(),
            ));
        }
        change_provider(call, &self.arn, |_, provider| {
            provider.thumbprints.clone_from(&thumbprints);
            Ok(())
        })
        .await
    }
}
