//! SAML providers: whose assertions the account's roles may trust.

use super::Named;
use super::provider_arns::ProviderKind::Saml;
use super::provider_arns::forget_settings;
use super::tags::{ListResourceTags, TagCase, TagResource, Taggable, UntagResource, tags_of_field};
use crate::account::Account;
use crate::caller::Need;
use crate::entity::{SamlPrivateKey, SamlProvider};
use crate::environment::{Entropy, Seconds};
use crate::error::{Error, Existing, Missing, Quota};
use crate::names::{
    ArnText, SamlKeyId, SamlMetadataText, SamlPrivateKeyText, SamlProviderName, Tag,
};
use crate::operation::{Call, Draft, Granted, Operation, Service};
use crate::quotas::AccountQuota;
use crate::saml::TrustOnce;
use crate::sealing::{RootKey, Unsealable};
use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, PrivateDecryptingKey};
use data_encoding::BASE32_NOPAD;
use locum_federation::saml::SamlMetadata;
use std::borrow::Cow;
use std::sync::Arc;
use x509_parser::pem::Pem;
use zeroize::Zeroizing;

pub use super::open_id_connect_providers::CreatedProvider;
/// The most private keys of one provider: the old one and the new one.
const MOST_KEYS: usize = 2;
/// How long a provider is good whose metadata does not say: a hundred years of 365.25 days.
const CENTURY: Seconds = 36_525 * 86_400;

/// TagSAMLProvider
pub type TagSamlProvider = TagResource<SamlProvider>;
/// UntagSAMLProvider
pub type UntagSamlProvider = UntagResource<SamlProvider>;
/// ListSAMLProviderTags
pub type ListSamlProviderTags = ListResourceTags<SamlProvider>;

impl Named for SamlProvider {
    type Name = ArnText;

    fn find<'a>(account: &'a Account, arn: &ArnText) -> Result<&'a Self, Error> {
        provider(account, arn).map(|provider| &**provider)
    }

    fn need<'a>(call: &'a Call<'_>, action: String, arn: &'a ArnText) -> Result<Need<'a>, Error> {
        need_on_provider(call, action, arn)
    }
}

impl Taggable for SamlProvider {
    const OPERATIONS: [&'static str; 3] = [
        "TagSAMLProvider",
        "UntagSAMLProvider",
        "ListSAMLProviderTags",
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
    Saml.need(call, action, arn, |account, name| {
        let provider = account.saml_providers.get(name)?;
        Some(&provider.tags)
    })
}

fn provider<'a>(account: &'a Account, arn: &ArnText) -> Result<&'a Arc<SamlProvider>, Error> {
    Saml.check(arn)?;
    Saml.name_in(account, arn)
        .and_then(|name| account.saml_providers.get(name))
        .ok_or_else(|| Error::NoSuchEntity(Missing::SamlProvider(arn.to_string())))
}

/// What metadata says.
fn parsed(metadata: &SamlMetadataText) -> Result<SamlMetadata, Error> {
    SamlMetadata::parse(metadata.as_str()).map_err(|fault| Error::InvalidInput(fault.to_string()))
}

/// `ValidUntil`: a hundred years after the document came, or earlier if it says so.
fn valid_until(metadata: &SamlMetadata, now: Seconds) -> Seconds {
    let century = now.saturating_add(CENTURY);
    metadata
        .valid_until
        .map_or(century, |said| said.min(century))
}

/// 160 random bits in 32 capital letters and digits.
fn random_id(entropy: &dyn Entropy) -> String {
    let mut bytes = [0; 20];
    entropy.fill(&mut bytes);
    BASE32_NOPAD.encode(&bytes)
}

impl SamlPrivateKeyText {
    /// The key as PKCS #8: an RSA key of 2048 bits or more, without a password, in PEM.
    fn pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let invalid = || {
            Error::InvalidInput(
                "The private key must be an RSA key of at least 2048 bits in PEM, without a password."
                    .to_owned(),
            )
        };
        let mut blocks = Pem::iter_from_buffer(self.expose().as_bytes());
        let (first, second) = (blocks.next(), blocks.next());
        let mut block = first.and_then(Result::ok).ok_or_else(invalid)?;
        let der = Zeroizing::new(std::mem::take(&mut block.contents));
        let pair = match block.label.as_str() {
            _ if second.is_some() => return Err(invalid()),
            "PRIVATE KEY" => KeyPair::from_pkcs8(&der),
            "RSA PRIVATE KEY" => KeyPair::from_der(&der),
            _ => return Err(invalid()),
        };
        let pair = pair.map_err(|_| invalid())?;
        let pkcs8: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| invalid())?;
        // Check what is stored with the code that will later use it.
        PrivateDecryptingKey::from_pkcs8(pkcs8.as_ref()).map_err(|_| invalid())?;
        Ok(Zeroizing::new(pkcs8.as_ref().to_vec()))
    }
}

impl SamlProvider {
    fn add_key(&mut self, pkcs8: &[u8], draft: &Draft<'_>) -> Result<(), Error> {
        if self.private_keys.len() >= MOST_KEYS {
            return Err(Error::LimitExceeded(Quota::Count {
                name: "PrivateKeysPerSAMLProvider",
                limit: MOST_KEYS,
            }));
        }
        let id = random_id(draft.entropy);
        let key = draft
            .root_key
            .seal(&self.key_purpose(&id), pkcs8, draft.entropy)?;
        self.private_keys.push(SamlPrivateKey {
            id,
            added: draft.now,
            key,
        });
        Ok(())
    }

    /// What a key is sealed for.
    fn key_purpose(&self, id: &str) -> String {
        format!("saml-provider/{}/{id}", self.uuid)
    }

    /// The keys that may decrypt assertions, each as PKCS #8, the oldest first.
    ///
    /// # Errors
    /// [`Unsealable`], if one was not sealed for this provider under this root key.
    pub fn open_private_keys(
        &self,
        root_key: &RootKey,
    ) -> Result<Vec<Zeroizing<Vec<u8>>>, Unsealable> {
        let open = |key: &SamlPrivateKey| root_key.open(&self.key_purpose(&key.id), &key.key);
        self.private_keys.iter().map(open).collect()
    }

    /// Encrypted assertions alone can only be wanted of those that can be decrypted.
    fn check_encryption(&self) -> Result<(), Error> {
        if self.assertion_encryption_required == Some(true) && self.private_keys.is_empty() {
            return Err(Error::InvalidInput(
                "AssertionEncryptionMode Required needs a private key.".to_owned(),
            ));
        }
        Ok(())
    }
}

/// CreateSAMLProvider
#[derive(Clone, Debug)]
pub struct CreateSamlProvider {
    /// `Name`
    pub name: SamlProviderName,
    /// `SAMLMetadataDocument`
    pub metadata: SamlMetadataText,
    /// `Tags`
    pub tags: Vec<Tag>,
    /// `AssertionEncryptionMode`: whether it is `Required`.
    pub assertion_encryption_required: Option<bool>,
    /// `AddPrivateKey`
    pub add_private_key: Option<SamlPrivateKeyText>,
}

impl Operation for CreateSamlProvider {
    type Output = CreatedProvider;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "CreateSAMLProvider";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let arn = Saml.arn(call.account()?, self.name.as_str());
        let need = |action| Need::new(action, arn.as_str()).request_tags(&self.tags);
        let granted = call.allow(&need("iam:CreateSAMLProvider"))?;
        if !self.tags.is_empty() {
            call.allow(&need("iam:TagSAMLProvider"))?;
        }
        Ok(granted)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<CreatedProvider, Error> {
        TagCase::Sensitive.check(&self.tags)?;
        let metadata = parsed(&self.metadata)?;
        let key = self.add_private_key.as_ref();
        let key = key.map(SamlPrivateKeyText::pkcs8).transpose()?;
        call.change(|draft| {
            let providers = &draft.account.saml_providers;
            let name = self.name.as_str();
            if providers.contains_key(name) {
                return Err(Error::EntityAlreadyExists(Existing::SamlProvider(
                    name.to_owned(),
                )));
            }
            draft
                .account
                .room_for_one(providers.len(), AccountQuota::SAMLProvidersPerAccount)?;
            let mut provider = SamlProvider {
                name: name.to_owned(),
                uuid: random_id(draft.entropy),
                metadata: self.metadata.to_string(),
                created: draft.now,
                valid_until: valid_until(&metadata, draft.now),
                assertion_encryption_required: self.assertion_encryption_required,
                private_keys: Vec::new(),
                tags: self.tags.clone(),
                trust: TrustOnce::default(),
            };
            if let Some(key) = &key {
                provider.add_key(key, draft)?;
            }
            provider.check_encryption()?;
            draft.change.put(provider);
            Ok(CreatedProvider {
                arn: Saml.arn(draft.account, name),
                tags: self.tags.clone(),
            })
        })
        .await
    }
}

/// GetSAMLProvider
#[derive(Clone, Debug)]
pub struct GetSamlProvider {
    /// `SAMLProviderArn`
    pub arn: ArnText,
}

impl Operation for GetSamlProvider {
    type Output = Arc<SamlProvider>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "GetSAMLProvider";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_provider(call, "iam:GetSAMLProvider", &self.arn)?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        provider(call.account()?, &self.arn).cloned()
    }
}

/// UpdateSAMLProvider: what is given takes the place of what was. It answers the ARN.
#[derive(Clone, Debug)]
pub struct UpdateSamlProvider {
    /// `SAMLProviderArn`
    pub arn: ArnText,
    /// `SAMLMetadataDocument`
    pub metadata: Option<SamlMetadataText>,
    /// `AssertionEncryptionMode`: whether it is `Required`.
    pub assertion_encryption_required: Option<bool>,
    /// `AddPrivateKey`
    pub add_private_key: Option<SamlPrivateKeyText>,
    /// `RemovePrivateKey`
    pub remove_private_key: Option<SamlKeyId>,
}

impl Operation for UpdateSamlProvider {
    type Output = String;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "UpdateSAMLProvider";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_provider(
            call,
            "iam:UpdateSAMLProvider",
            &self.arn,
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<String, Error> {
        if self.add_private_key.is_some() && self.remove_private_key.is_some() {
            return Err(Error::InvalidInput(
                "Add the new private key and remove the old one in separate requests.".to_owned(),
            ));
        }
        let metadata = self.metadata.as_ref();
        let metadata = metadata
            .map(|text| Ok::<_, Error>((text, parsed(text)?)))
            .transpose()?;
        let key = self.add_private_key.as_ref();
        let key = key.map(SamlPrivateKeyText::pkcs8).transpose()?;
        change_provider(call, &self.arn, |draft, provider| {
            if let Some((text, metadata)) = &metadata {
                provider.metadata = text.to_string();
                provider.valid_until = valid_until(metadata, draft.now);
            }
            if let Some(required) = self.assertion_encryption_required {
                provider.assertion_encryption_required = Some(required);
            }
            if let Some(key) = &key {
                provider.add_key(key, draft)?;
            }
            if let Some(id) = &self.remove_private_key {
                let before = provider.private_keys.len();
                provider.private_keys.retain(|key| key.id != id.as_str());
                if provider.private_keys.len() == before {
                    let missing = Missing::SamlPrivateKey(id.to_string());
                    return Err(Error::NoSuchEntity(missing));
                }
            }
            provider.check_encryption()
        })
        .await?;
        Ok(self.arn.to_string())
    }
}

/// Changes one provider.
async fn change_provider(
    call: &Call<'_>,
    arn: &ArnText,
    change: impl Fn(&Draft<'_>, &mut SamlProvider) -> Result<(), Error> + Send + Sync,
) -> Result<(), Error> {
    call.change(|draft| {
        let before = provider(draft.account, arn)?;
        let mut after = SamlProvider::clone(before);
        change(draft, &mut after)?;
        if after != **before {
            draft.change.put(after);
        }
        Ok(())
    })
    .await
}

/// DeleteSAMLProvider. Roles that trust it stay as they are.
#[derive(Clone, Debug)]
pub struct DeleteSamlProvider {
    /// `SAMLProviderArn`
    pub arn: ArnText,
}

impl Operation for DeleteSamlProvider {
    type Output = ();
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "DeleteSAMLProvider";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        call.allow(&need_on_provider(
            call,
            "iam:DeleteSAMLProvider",
            &self.arn,
        )?)
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<(), Error> {
        call.change(|draft| {
            let provider = provider(draft.account, &self.arn)?;
            draft.change.delete(SamlProvider::clone(provider));
            forget_settings(draft, &self.arn);
            Ok(())
        })
        .await
    }
}

/// ListSAMLProviders
#[derive(Clone, Copy, Debug)]
pub struct ListSamlProviders;

/// What ListSAMLProviders answers of one.
#[derive(Debug)]
pub struct ListedSamlProvider {
    /// The ARN.
    pub arn: String,
    /// The provider.
    pub provider: Arc<SamlProvider>,
}

impl Operation for ListSamlProviders {
    type Output = Vec<ListedSamlProvider>;
    type Found = ();
    const SERVICE: Service = Service::Iam;
    const NAME: &'static str = "ListSAMLProviders";

    async fn authorize(&self, call: &Call<'_>) -> Result<Granted, Error> {
        let all = Saml.arn(call.account()?, "*");
        call.allow(&Need::new("iam:ListSAMLProviders", all))
    }

    async fn perform(self, call: &Call<'_>, (): ()) -> Result<Self::Output, Error> {
        let account = call.account()?;
        let providers = account.saml_providers.iter();
        Ok(providers
            .map(|(name, provider)| ListedSamlProvider {
                arn: Saml.arn(account, name),
                provider: provider.clone(),
            })
            .collect())
    }
}
