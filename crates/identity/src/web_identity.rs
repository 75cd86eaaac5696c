//! Identities that OpenID Connect providers vouch for: which provider, its keys, and what a token of it
//! says.
//!
//! A token is believed if a provider of the role's account (or one of AWS's own, [`BUILT_IN`]) has exactly
//! its issuer, one of that provider's published keys signed it, it is valid now, and it was issued to one
//! of the provider's client ids. Everything else about it is the role's trust policy's to decide.

use crate::account::Account;
use crate::eks::{self, POD_SERVICE};
use crate::entity::{EksCluster, OpenIdConnectProvider, ProviderSettings};
use crate::error::{Error, FederationFault};
use crate::names::AccountId;
use crate::notes::{FederationKind, ForeignIdentity, RequestNotes};
use crate::provider_url::ProviderUrl;
use crate::realm::Realm;
use locum_federation::oidc::{Audience, Fault, Token, Verified};
use std::sync::Arc;

mod claims;
mod introspection;
mod key_sets;
mod logout;
mod sign_in;

pub(crate) use claims::Claims;
pub(crate) use introspection::Introspected;
pub use key_sets::{KeySetOwner, KeySets};
pub use logout::LogoutTokens;
pub use sign_in::{SignInProvider, WebAnswer, WebSignIn, WebSignedIn};

/// The providers that every account has without registering them, by the names under which trust policies
/// know them. Their tokens are for whatever client: the trust policy must look at `aud`.
pub const BUILT_IN: [&str; 2] = ["accounts.google.com", "cognito-identity.amazonaws.com"];

const NO_JWT: &str = "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)";
// The two blanks are AWS's.
const NO_KEY: &str = "Couldn't retrieve verification key from your identity provider,  please reference AssumeRoleWithWebIdentity documentation for requirements";
const THUMBPRINT: &str =
    "OpenIDConnect provider's HTTPS certificate doesn't match configured thumbprint";
const NOT_VALID: &str = "The web identity token that was passed could not be validated by Amazon Web Services. Get a new identity token from the identity provider and then retry the request.";
const UNREACHABLE: &str = "The request could not be fulfilled because the identity provider (IDP) that was asked to verify the incoming identity token could not be reached.";
/// Characters of an issuer that an answer repeats.
const LONGEST_ISSUER: usize = 255;

/// A provider as it is asked for its keys, and what it is to one account.
#[derive(Clone, Debug)]
pub(crate) struct WebProvider {
    pub(crate) account: AccountId,
    /// As trust policies name it: its ARN, or the name of a built-in one.
    pub(crate) name: String,
    /// Its issuer's URL without the scheme, which its condition keys begin with.
    pub(crate) url: String,
    /// What was registered; `None` of a built-in one.
    pub(crate) registered: Option<Arc<OpenIdConnectProvider>>,
    /// What the operator said of it.
    pub(crate) settings: Option<Arc<ProviderSettings>>,
}

/// A token that was believed.
#[derive(Debug)]
pub(crate) struct WebIdentity {
    pub(crate) provider: WebProvider,
    pub(crate) verified: Verified,
    pub(crate) audience: Audience,
    pub(crate) subject: String,
}

impl WebProvider {
    /// The provider of an account whose tokens have that `iss`, letter by letter.
    fn of_issuer(account: &Account, issuer: &str) -> Option<Self> {
        let named = |url: &str| {
            let registered = account.open_id_connect_providers.get(url)?;
            Some(Self::registered(account, registered))
        };
        let registered = match issuer.strip_prefix(ProviderUrl::SCHEME) {
            // A port is only there where plain HTTP is meant.
            Some(url) => named(url).filter(|found| !found.is_plain()),
            None => issuer
                .strip_prefix(ProviderUrl::PLAIN_SCHEME)
                .and_then(named)
                .filter(Self::is_plain),
        };
        registered.or_else(|| Self::built_in(account.id, issuer))
    }

    /// A provider that an account registered.
    pub(crate) fn registered(account: &Account, provider: &Arc<OpenIdConnectProvider>) -> Self {
        let name = account.iam_arn(&format!("oidc-provider/{}", provider.url));
        Self {
            account: account.id,
            settings: account.provider_settings.get(&name).cloned(),
            name,
            url: provider.url.clone(),
            registered: Some(provider.clone()),
        }
    }

    /// The issuer of a cluster, which vouches for the cluster's pods and nobody else.
    pub(crate) fn of_cluster(account: &Account, cluster: &EksCluster) -> Self {
        let name = cluster.arn(account.id);
        let issuer = &cluster.issuer;
        let url = issuer.strip_prefix(ProviderUrl::SCHEME).unwrap_or(issuer);
        Self {
            account: account.id,
            settings: account.provider_settings.get(&name).cloned(),
            name,
            url: url.to_owned(),
            registered: Some(Arc::new(OpenIdConnectProvider {
                url: url.to_owned(),
                client_ids: vec![POD_SERVICE.to_owned()],
                thumbprints: Vec::new(),
                created: cluster.created,
                tags: Vec::new(),
            })),
        }
    }

    /// The provider or cluster of an account by its name.
    pub(crate) fn named(account: &Account, name: &str) -> Option<Self> {
        if let Some(cluster) = eks::cluster_of_arn(account, name) {
            return Some(Self::of_cluster(account, cluster));
        }
        let url = name.strip_prefix(&account.iam_arn("oidc-provider/"))?;
        let registered = account.open_id_connect_providers.get(url)?;
        Some(Self::registered(account, registered))
    }

    fn built_in(account: AccountId, issuer: &str) -> Option<Self> {
        // Google's tokens have had its name without the scheme.
        let plain = issuer.strip_prefix(ProviderUrl::SCHEME);
        let name = BUILT_IN
            .into_iter()
            .find(|name| plain == Some(name) || (issuer == BUILT_IN[0] && issuer == *name))?;
        Some(Self {
            account,
            name: name.to_owned(),
            url: name.to_owned(),
            registered: None,
            settings: None,
        })
    }

    /// Whether it is asked by plain HTTP.
    pub(crate) fn is_plain(&self) -> bool {
        ProviderUrl::is_plain(&self.url)
    }

    /// Its issuer, as its tokens have it.
    pub(crate) fn issuer(&self) -> String {
        let scheme = if self.is_plain() {
            ProviderUrl::PLAIN_SCHEME
        } else {
            ProviderUrl::SCHEME
        };
        format!("{scheme}{}", self.url)
    }

    /// That a token was issued to one of its client ids. A built-in one has none: there the trust policy
    /// alone decides.
    fn check_audience(&self, audience: &Audience) -> Result<(), Fault> {
        let Some(registered) = &self.registered else {
            return Ok(());
        };
        if registered.client_ids.contains(&audience.client) {
            return Ok(());
        }
        Err(Fault::Audience {
            claim: match audience.authorized_party {
                Some(_) => "azp",
                None => "aud",
            },
            given: audience.client.clone(),
            accepted: registered.client_ids.clone(),
        })
    }
}

impl WebIdentity {
    /// Who it is, for the record and for the trust policy.
    pub(crate) fn foreign(&self) -> ForeignIdentity {
        ForeignIdentity {
            kind: FederationKind::WebIdentity,
            account: self.provider.account,
            provider: self.provider.name.clone(),
            subject: self.subject.clone(),
            audience: Some(self.audience.client.clone()),
            qualifier: None,
        }
    }
}

impl Realm {
    /// Verifies a token for an account. Why it is not believed goes to the notes; the fault has AWS's
    /// sentence.
    ///
    /// # Errors
    /// [`Error::Federation`], or [`Error::ServiceUnavailable`].
    pub(crate) async fn verify_web_identity(
        &self,
        account: AccountId,
        text: &str,
        notes: &RequestNotes,
    ) -> Result<WebIdentity, Error> {
        let refused = |fault: Fault| {
            notes.explain(&fault);
            Error::Federation(sentence(&fault))
        };
        let token = Token::parse(text).map_err(refused)?;
        let issuer = token.issuer();
        if self.is_own_issuer(issuer).await? {
            notes.explain("the token was issued by this server, for services outside");
            return Err(no_provider(issuer).into());
        }
        let provider = match self.account(account).await? {
            Some(account) => WebProvider::of_issuer(&account, issuer),
            None => None,
        };
        let Some(provider) = provider else {
            notes.explain(format_args!(
                "account {account} has no OpenID Connect provider whose issuer is `{issuer}`"
            ));
            return Err(no_provider(issuer).into());
        };
        let settings = provider.settings.as_deref();
        if settings.is_some_and(|settings| settings.ldap.is_some()) {
            notes.explain(
                "a directory stands behind the provider: its users have passwords, and no tokens",
            );
            return Err(no_provider(issuer).into());
        }
        let keys = self.keys_of(&provider, token.key_id(), notes).await;
        let keys = keys.map_err(Error::Federation)?;
        let verified = token.verify(&keys).map_err(refused)?;
        let now = self.environment().clock.now();
        verified.check_times(now).map_err(refused)?;
        verified.check_names().map_err(refused)?;
        if logout::is_event(&verified) {
            notes.explain("the token says that somebody has signed out");
            return Err(not_valid().into());
        }
        let subject = verified.subject().map_err(refused)?;
        let audience = verified.audience().map_err(refused)?;
        provider.check_audience(&audience).map_err(refused)?;
        Ok(WebIdentity {
            provider,
            verified,
            audience,
            subject,
        })
    }
}

/// AWS's sentence for a token that is not believed.
fn sentence(fault: &Fault) -> FederationFault {
    let invalid = |text: &'static str| FederationFault::InvalidIdentityToken(text.into());
    match fault {
        Fault::TooLong(_)
        | Fault::Parts(_)
        | Fault::Encrypted
        | Fault::Encoding(_)
        | Fault::Json(..) => invalid(NO_JWT),
        Fault::UnknownKey { .. }
        | Fault::KeyNotNamed(_)
        | Fault::UnusableKey(..)
        | Fault::TooManyRsaKeys(_) => invalid(NO_KEY),
        Fault::Missing(name) => FederationFault::InvalidIdentityToken(
            format!("Missing a required claim: {name}").into(),
        ),
        Fault::Audience { .. } | Fault::SeveralAudiences(_) => invalid("Incorrect token audience"),
        Fault::Expired { now, expiry } => FederationFault::ExpiredToken(
            format!(
                "Token expired: current date/time {now} must be before the expiration date/time {expiry}"
            )
            .into(),
        ),
        Fault::Algorithm(_)
        | Fault::Extension(_)
        | Fault::Type(_)
        | Fault::KeyId
        | Fault::Claim { .. }
        | Fault::Alike(..)
        | Fault::WrongKey(..)
        | Fault::Signature(_)
        | Fault::NotYet { .. } => invalid(NOT_VALID),
    }
}

/// What a token gets that says something which cannot be.
pub(crate) fn not_valid() -> FederationFault {
    FederationFault::InvalidIdentityToken(NOT_VALID.into())
}

fn no_provider(issuer: &str) -> FederationFault {
    // It is a stranger's text.
    let plain = |c: char| if c.is_control() { '?' } else { c };
    let issuer: String = issuer.chars().take(LONGEST_ISSUER).map(plain).collect();
    FederationFault::InvalidIdentityToken(
        format!("No OpenIDConnect provider found in your account for {issuer}").into(),
    )
}
