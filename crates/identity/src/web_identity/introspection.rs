//! Token introspection (RFC 7662): whether a provider still stands by a token that got a session.

use super::WebIdentity;
use crate::binding::{Introspection, Watch, WatchedToken};
use crate::entity::{OpenIdConnectProvider, ProviderSettings};
use crate::environment::Seconds;
use crate::error::{Error, FederationFault};
use crate::http_fetcher::{FetchRequest, ServerTrust};
use crate::notes::RequestNotes;
use crate::realm::Realm;
use crate::sealing::Secret;
use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::{BASE64, HEXLOWER};
use locum_federation::oidc::Json;
use zeroize::Zeroizing;

/// What a token is sealed for while its session lives.
const WATCHED_TOKEN: &str = "watched-token";
/// The longest answer, in bytes.
const MOST_BYTES: usize = 64 * 1024;

/// What a provider says of a token.
pub(crate) enum Introspected {
    /// It stands by it.
    Active,
    /// It does not.
    Inactive,
    /// It cannot be asked; why.
    Silent(String),
}

impl Realm {
    /// Asks a provider about a token that is to get a session, where its settings say so.
    ///
    /// # Errors
    /// [`FederationFault::IdpRejectedClaim`], [`FederationFault::IdpCommunication`]
    pub(crate) async fn introspect_at_login(
        &self,
        identity: &WebIdentity,
        token: &str,
        notes: &RequestNotes,
    ) -> Result<(), Error> {
        let Some((settings, introspection)) = introspected(identity) else {
            return Ok(());
        };
        let registered = identity.provider.registered.as_deref();
        let asked = self.introspect(settings, introspection, registered, token);
        match asked.await? {
            Introspected::Active => Ok(()),
            Introspected::Inactive => {
                notes.explain("the provider does not stand by the token any more");
                let text = "The identity provider (IDP) reported that authentication failed.";
                Err(FederationFault::IdpRejectedClaim(text.into()).into())
            }
            Introspected::Silent(why) => {
                notes.explain(format_args!(
                    "the provider cannot be asked about the token: {why}"
                ));
                Err(FederationFault::IdpCommunication(super::UNREACHABLE.into()).into())
            }
        }
    }

    /// Writes down that the provider will be asked about a token until it expires or its session does.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub(crate) async fn watch_token(
        &self,
        identity: &WebIdentity,
        token: &str,
        expires: Seconds,
    ) -> Result<(), Error> {
        let Some((settings, _)) = introspected(identity) else {
            return Ok(());
        };
        let internal = |text: &'static str| Error::Internal(text.into());
        let now = self.environment().clock.now();
        let good_until = identity.verified.check_times(now);
        let good_until = good_until.map_err(|_| internal("a token has become too old"))?;
        let purpose = ProviderSettings::purpose(&settings.provider, WATCHED_TOKEN);
        let entropy = &*self.environment().entropy;
        let sealed = self.root_key().seal(&purpose, token.as_bytes(), entropy);
        let session_id = identity.verified.text("sid").ok().flatten();
        let watched = WatchedToken {
            subject: identity.subject.clone(),
            session_id: session_id.map(str::to_owned),
            digest: HEXLOWER.encode(digest(&SHA256, token.as_bytes()).as_ref()),
            token: sealed.map_err(|fault| Error::Internal(Box::new(fault)))?,
        };
        self.watch(settings, Watch::Token(watched), expires.min(good_until))
            .await
    }

    /// Asks again about a token that got a session.
    pub(crate) async fn introspect_again(
        &self,
        settings: &ProviderSettings,
        introspection: &Introspection,
        registered: Option<&OpenIdConnectProvider>,
        watched: &WatchedToken,
    ) -> Result<Introspected, Error> {
        let purpose = ProviderSettings::purpose(&settings.provider, WATCHED_TOKEN);
        let token = self.root_key().open(&purpose, &watched.token);
        let token = token.map_err(|fault| Error::Internal(Box::new(fault)))?;
        let token = String::from_utf8(token.to_vec());
        let token = token.map_err(|_| Error::Internal("a sealed token is no text".into()))?;
        let token = Secret::new(token);
        self.introspect(settings, introspection, registered, token.expose())
            .await
    }

    async fn introspect(
        &self,
        settings: &ProviderSettings,
        introspection: &Introspection,
        registered: Option<&OpenIdConnectProvider>,
        token: &str,
    ) -> Result<Introspected, Error> {
        let purpose = ProviderSettings::purpose(&settings.provider, Introspection::SECRET);
        let secret = self.root_key().open(&purpose, &introspection.client_secret);
        let secret = secret.map_err(|fault| Error::Internal(Box::new(fault)))?;
        let (mut form, mut pair) = (Zeroizing::new(String::new()), Zeroizing::new(String::new()));
        form.push_str("token=");
        escape(&mut form, token.as_bytes());
        // Both parts are form-encoded first (RFC 6749, 2.3.1).
        escape(&mut pair, introspection.client_id.as_bytes());
        pair.push(':');
        escape(&mut pair, &secret);
        let authorization = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
        let request = FetchRequest {
            url: &introspection.url,
            form: Some(&form),
            authorization: Some(&authorization),
            trust: ServerTrust {
                authorities: settings.authorities.as_deref(),
                thumbprints: registered.map_or(&[], |of| of.thumbprints.as_slice()),
                private_addresses: settings.private_addresses,
                ..ServerTrust::default()
            },
            most_bytes: MOST_BYTES,
        };
        let answer = match self.fetcher().fetch(request).await {
            Ok(answer) => answer,
            Err(fault) => return Ok(Introspected::Silent(fault.to_string())),
        };
        if answer.status != 200 {
            let text = format!("it answered {}", answer.status);
            return Ok(Introspected::Silent(text));
        }
        let answer = Json::object(&answer.body);
        Ok(match answer.as_ref().map(|answer| answer.get("active")) {
            Ok(Some(Json::Bool(true))) => Introspected::Active,
            Ok(Some(Json::Bool(false))) => Introspected::Inactive,
            _ => Introspected::Silent(
                "its answer does not say whether the token is active".to_owned(),
            ),
        })
    }
}

/// The settings by which the provider of an identity is asked about its tokens.
fn introspected(identity: &WebIdentity) -> Option<(&ProviderSettings, &Introspection)> {
    let settings = identity.provider.settings.as_deref()?;
    let introspection = settings.binding.as_ref()?.introspection.as_ref()?;
    Some((settings, introspection))
}

/// Adds bytes as `application/x-www-form-urlencoded` has them.
fn escape(to: &mut String, bytes: &[u8]) {
    for byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._*".contains(byte) {
            to.push(char::from(*byte));
        } else {
            to.push('%');
            to.push_str(&data_encoding::HEXUPPER.encode(&[*byte]));
        }
    }
}
