//! SAML responses: whose they are, whether they are believed, and what they say.
//!
//! Claims are read from what was verified, and what was verified is made in one place. What is wrong with a
//! response is said to the request's notes; who sent it gets AWS's sentences.

use crate::account::{Account, iam_arn};
use crate::entity::{Change, SamlProvider, SamlSettings, SpentAssertion};
use crate::environment::Seconds;
use crate::error::{Error, FederationFault};
use crate::names::{AccountId, ArnText, Constrained as _};
use crate::notes::{FederationKind, ForeignIdentity, RequestNotes};
use crate::operation::Draft;
use crate::realm::Realm;
use crate::sealing::RootKey;
use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use locum_federation::saml::{Assertion, SamlFault, SamlMetadata, SamlRules, SamlTrust};
use locum_policy::Arn;
use std::sync::{Arc, OnceLock};

mod claims;
mod roles;

pub(crate) use claims::Claims;
pub use roles::SamlRole;

const INVALID_RESPONSE: &str = "Your request included an invalid SAML response.";
pub(crate) const OTHER_ISSUER: &str = "Issuer not present in specified provider";
const EXPIRED: &str = "Token must be redeemed within 5 minutes of issuance";
/// How many assertions that are over are forgotten for each one that is spent.
const FORGOTTEN_AT_ONCE: usize = 8;

/// What a provider's metadata and private keys say about whom to believe: read once for each version of the
/// provider.
#[derive(Debug, Default)]
pub struct TrustOnce(OnceLock<Result<Arc<SamlTrust>, ()>>);

/// The clone of a provider is about to be changed.
impl Clone for TrustOnce {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for TrustOnce {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for TrustOnce {}

impl SamlProvider {
    /// Whom to believe.
    ///
    /// # Errors
    /// [`Error::Internal`], if the stored metadata or keys cannot be read.
    pub(crate) fn trust(&self, root_key: &RootKey) -> Result<Arc<SamlTrust>, Error> {
        let read = || {
            let metadata = SamlMetadata::parse(&self.metadata).map_err(drop)?;
            let mut trust = SamlTrust::new(&metadata);
            for key in self.open_private_keys(root_key).map_err(drop)? {
                if !trust.add_private_key(&key) {
                    return Err(());
                }
            }
            Ok(Arc::new(trust))
        };
        let trust = self.trust.0.get_or_init(read).clone();
        trust.map_err(|()| Error::Internal("a SAML provider cannot be read".into()))
    }
}

/// Somebody for whom a SAML provider vouches, with what it says of them.
#[derive(Debug)]
pub(crate) struct SamlIdentity {
    /// The provider's account.
    pub(crate) account: AccountId,
    /// The provider's ARN.
    pub(crate) provider: String,
    provider_name: String,
    settings: SamlSettings,
    pub(crate) assertion: Assertion,
}

impl Realm {
    /// Verifies a response with the provider of an ARN.
    ///
    /// # Errors
    /// [`FederationFault::InvalidIdentityToken`], [`FederationFault::ExpiredToken`],
    /// [`FederationFault::IdpRejectedClaim`], in AWS's words.
    pub(crate) async fn verify_saml(
        &self,
        provider: &ArnText,
        assertion: &str,
        now: Seconds,
        notes: &RequestNotes,
    ) -> Result<SamlIdentity, Error> {
        let Some((account, found)) = self.saml_provider(provider).await? else {
            notes.explain(format_args!("there is no SAML provider {provider}"));
            return Err(invalid("Specified provider doesn't exist"));
        };
        let settings = account.provider_settings.get(provider.as_str());
        let settings = settings.map_or_else(SamlSettings::default, |settings| settings.saml);
        if found.valid_until <= now {
            notes.explain("the provider's metadata is good no more: it had a validUntil");
            return Err(invalid(INVALID_RESPONSE));
        }
        let rules = SamlRules {
            encryption_required: found.assertion_encryption_required == Some(true),
            allow_sha1: settings.allow_sha1,
            allow_cbc: settings.allow_cbc,
        };
        let trust = found.trust(self.root_key())?;
        let verified = trust.verify(assertion, rules, now).map_err(|fault| {
            notes.explain(&fault);
            answer(&fault)
        })?;
        Ok(SamlIdentity {
            account: account.id,
            provider: provider.to_string(),
            provider_name: found.name.clone(),
            settings,
            assertion: verified,
        })
    }

    /// The provider of an ARN, with its account.
    async fn saml_provider(
        &self,
        provider: &ArnText,
    ) -> Result<Option<(Arc<Account>, Arc<SamlProvider>)>, Error> {
        let arn = Arn::parse(provider.as_str());
        let Some(id) = arn.and_then(|arn| AccountId::parse(arn.account()).ok()) else {
            return Ok(None);
        };
        let prefix = iam_arn(id, "saml-provider/");
        let Some(name) = provider.as_str().strip_prefix(&prefix) else {
            return Ok(None);
        };
        let account = self.account(id).await?;
        Ok(account.and_then(|account| {
            let found = account.saml_providers.get(name)?.clone();
            Some((account, found))
        }))
    }
}

impl SamlIdentity {
    /// Whose words the assertion is.
    pub(crate) fn foreign(&self) -> ForeignIdentity {
        ForeignIdentity {
            kind: FederationKind::Saml,
            account: self.account,
            provider: self.provider.clone(),
            subject: self.assertion.subject().to_owned(),
            audience: Some(self.assertion.recipient().to_owned()),
            qualifier: Some(self.qualifier()),
        }
    }

    /// `NameQualifier`: what tells subjects of one issuer, account and provider from those of others.
    pub(crate) fn qualifier(&self) -> String {
        let text = format!("{}{}", self.assertion.issuer(), self.doc());
        BASE64.encode(digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes()).as_ref())
    }

    /// `saml:doc`: the account and the name of the provider.
    pub(crate) fn doc(&self) -> String {
        format!("{}/{}", self.account, self.provider_name)
    }

    /// `SubjectType`: the format of the subject's name, the usual ones in short.
    pub(crate) fn subject_type(&self) -> &str {
        let format = self.assertion.format();
        format
            .strip_prefix("urn:oasis:names:tc:SAML:2.0:nameid-format:")
            .unwrap_or(format)
    }

    /// That the assertion got its session, where it gets one at most.
    pub(crate) fn spent(&self) -> Option<SpentAssertion> {
        let text = format!("{}\n{}", self.provider, self.assertion.id());
        self.settings.single_use.then(|| SpentAssertion {
            id: BASE64URL_NOPAD.encode(digest(&SHA256, text.as_bytes()).as_ref()),
            expires: self.assertion.expires(),
        })
    }
}

impl SpentAssertion {
    /// Writes down that an assertion is spent, and forgets some that are over.
    ///
    /// # Errors
    /// [`FederationFault::InvalidIdentityToken`], if it was already.
    pub(crate) fn spend(&self, draft: &mut Draft<'_>) -> Result<(), Error> {
        let spent = &draft.account.spent_assertions;
        if spent.contains_key(&self.key()) {
            return Err(invalid(INVALID_RESPONSE));
        }
        let over = spent.values().take_while(|old| old.expires <= draft.now);
        let over: Vec<_> = over.take(FORGOTTEN_AT_ONCE).cloned().collect();
        let change: &mut Change = &mut draft.change;
        for old in over {
            change.delete(Self::clone(&old));
        }
        change.put(self.clone());
        Ok(())
    }
}

fn invalid(text: &'static str) -> Error {
    FederationFault::InvalidIdentityToken(text.into()).into()
}

/// What AWS says of a response that is not believed.
fn answer(fault: &SamlFault) -> Error {
    let text = match fault {
        SamlFault::Encoding | SamlFault::TooLong => "Invalid base64 SAMLResponse",
        SamlFault::Issuer { .. } => OTHER_ISSUER,
        SamlFault::Unsigned | SamlFault::Signature(_) | SamlFault::ResponseSignature(_) => {
            "Response signature invalid"
        }
        SamlFault::Expired { .. } => return FederationFault::ExpiredToken(EXPIRED.into()).into(),
        SamlFault::Status(_) => {
            let text = "The identity provider (IdP) reported that authentication failed.";
            return FederationFault::IdpRejectedClaim(text.into()).into();
        }
        SamlFault::Xml(_)
        | SamlFault::Shape(_)
        | SamlFault::NotEncrypted
        | SamlFault::EncryptionMethod
        | SamlFault::CipherBlockChaining
        | SamlFault::NoPrivateKey
        | SamlFault::Decryption
        | SamlFault::Time { .. }
        | SamlFault::NoConfirmation(_)
        | SamlFault::NoFormat => INVALID_RESPONSE,
    };
    invalid(text)
}
