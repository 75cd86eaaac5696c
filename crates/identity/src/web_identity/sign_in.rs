//! Signing in at an OpenID Connect provider with a browser: the authorization code flow with PKCE (OpenID
//! Connect Core 1.0, section 3.1; RFC 7636), as the client that the operator has registered there.
//!
//! What comes back counts only together with what the browser was sent with: the state and the nonce are
//! drawn here, and the verifier of the code never leaves the server but sealed. The answer must come from
//! the provider that was asked (RFC 9207), and the ID token is verified like any other, which is all that
//! roles are given for.

use super::{WebProvider, not_valid};
use crate::caller::RequestFacts;
use crate::entity::{ProviderSettings, SignInClient};
use crate::environment::Seconds;
use crate::error::{Error, FederationFault};
use crate::http_fetcher::FetchRequest;
use crate::names::{
    AccountId, ArnText, Constrained as _, MinimumTokenSize, RoleSessionName, WebIdentityTokenText,
};
use crate::notes::RequestNotes;
use crate::realm::Realm;
use crate::sts::{AssumeRoleWithWebIdentity, SessionPolicies};
use aws_lc_rs::digest::{SHA256, SHA384, SHA512, digest};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use locum_federation::oidc::{Json, Object};
use locum_sigv4::{constant_time_eq, sha256};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fmt::Write as _;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest answer of a token endpoint, in bytes.
const LONGEST_ANSWER: usize = 128 * 1024;
/// The longest code, and the longest error that a provider names.
const LONGEST_CODE: usize = 4096;
/// How many roles a token is tried at.
const MOST_TRIED: usize = 500;
/// Characters of a session's name.
const LONGEST_SESSION_NAME: usize = 64;
/// The name of who has none that fits.
const UNNAMED: &str = "user";
/// Claims that name a person, the one to be preferred first.
const NAMES: [&str; 5] = ["preferred_username", "email", "upn", "name", "sub"];

/// A provider at which users of an account can sign in here.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct SignInProvider {
    /// Its ARN.
    pub arn: String,
    /// Its URL without the scheme.
    pub url: String,
}

/// A browser that was sent to a provider. To be kept sealed, for that browser alone.
#[derive(Deserialize, Serialize)]
pub struct WebSignIn {
    account: AccountId,
    /// The provider's URL without the scheme.
    provider: String,
    state: String,
    nonce: String,
    verifier: String,
    /// When it was sent.
    pub sent: Seconds,
}

impl fmt::Debug for WebSignIn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("WebSignIn");
        shown
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

/// What a provider sent the browser back with.
#[derive(Clone, Copy, Debug, Default)]
pub struct WebAnswer<'a> {
    /// `state`
    pub state: Option<&'a str>,
    /// `code`
    pub code: Option<&'a str>,
    /// `iss`
    pub issuer: Option<&'a str>,
    /// `error`
    pub error: Option<&'a str>,
    /// `error_description`
    pub description: Option<&'a str>,
}

/// Who has signed in.
pub struct WebSignedIn {
    /// The account whose provider it is.
    pub account: AccountId,
    /// The provider's ARN.
    pub provider: String,
    /// The ID token, verified.
    pub id_token: Zeroizing<String>,
    /// A name for sessions, of what the token says.
    pub session_name: RoleSessionName,
}

impl Realm {
    /// The providers of an account at which users can sign in here; none of an account that is not there.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn sign_in_providers(
        &self,
        account: AccountId,
    ) -> Result<Vec<SignInProvider>, Error> {
        let Some(account) = self.account(account).await? else {
            return Ok(Vec::new());
        };
        let providers = account.open_id_connect_providers.values();
        let with_client = providers.filter_map(|provider| {
            let WebProvider { name, settings, .. } = WebProvider::registered(&account, provider);
            let url = provider.url.clone();
            let client = settings.and_then(|settings| settings.sign_in.clone());
            client.map(|_| SignInProvider { arn: name, url })
        });
        Ok(with_client.collect())
    }

    /// Begins a sign-in at the provider of that URL (without scheme): where the browser is to go, and
    /// what must be known when it comes back to `redirect_uri`. Why it cannot be begun goes to the notes.
    ///
    /// # Errors
    /// [`Error::Federation`], [`Error::ServiceUnavailable`]
    pub async fn begin_web_sign_in(
        &self,
        account: AccountId,
        url: &str,
        redirect_uri: &str,
        notes: &RequestNotes,
    ) -> Result<(String, WebSignIn), Error> {
        let (provider, client) = self.sign_in_provider(account, url, notes).await?;
        let discovery = self.discovery_of(&provider).await;
        let discovery = discovery.map_err(|why| unreachable(notes, why))?;
        let endpoint = discovery.text("authorization_endpoint").unwrap_or_default();
        if !is_endpoint(endpoint, &provider) {
            let why = format!("its `authorization_endpoint` is `{endpoint}`");
            return Err(unreachable(notes, why));
        }
        let entropy = &*self.environment().entropy;
        let draw = || {
            let mut bytes = Zeroizing::new([0; 32]);
            entropy.fill(&mut *bytes);
            BASE64URL_NOPAD.encode(&*bytes)
        };
        let sign_in = WebSignIn {
            account,
            provider: provider.url.clone(),
            state: draw(),
            nonce: draw(),
            verifier: draw(),
            sent: self.environment().clock.now(),
        };
        let scopes = client.scopes.iter().map(String::as_str);
        let scopes = scopes.filter(|scope| *scope != "openid");
        let scope: Vec<&str> = std::iter::once("openid").chain(scopes).collect();
        let challenge = BASE64URL_NOPAD.encode(&sha256(sign_in.verifier.as_bytes()));
        let query = form(&[
            ("response_type", "code"),
            ("client_id", &client.client_id),
            ("redirect_uri", redirect_uri),
            ("scope", &scope.join(" ")),
            ("state", &sign_in.state),
            ("nonce", &sign_in.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        Ok((format!("{endpoint}{joint}{query}"), sign_in))
    }

    /// Ends a sign-in with what the provider sent the browser back with: the code is traded for an ID
    /// token, which is verified. Why it is not believed goes to the notes.
    ///
    /// # Errors
    /// [`Error::Federation`], [`Error::ServiceUnavailable`]
    pub async fn finish_web_sign_in(
        &self,
        sign_in: &WebSignIn,
        answer: WebAnswer<'_>,
        redirect_uri: &str,
        notes: &RequestNotes,
    ) -> Result<WebSignedIn, Error> {
        let refused = |why: &str| {
            notes.explain(why);
            Error::from(not_valid())
        };
        let state = answer.state.unwrap_or_default();
        if !constant_time_eq(state.as_bytes(), sign_in.state.as_bytes()) {
            return Err(refused(
                "the `state` is not the one that this browser was sent with",
            ));
        }
        let account = sign_in.account;
        let (provider, client) = self
            .sign_in_provider(account, &sign_in.provider, notes)
            .await?;
        let discovery = self.discovery_of(&provider).await;
        let discovery = discovery.map_err(|why| unreachable(notes, why))?;
        match answer.issuer {
            Some(issuer) if issuer == provider.issuer() => {}
            Some(issuer) => {
                notes.explain(format_args!(
                    "the answer is of `{issuer}`, and `{}` was asked",
                    provider.issuer()
                ));
                return Err(not_valid().into());
            }
            None if discovery.is_true("authorization_response_iss_parameter_supported") => {
                return Err(refused(
                    "the answer does not say from which provider it comes",
                ));
            }
            None => {}
        }
        if let Some(error) = answer.error {
            let description = answer.description.unwrap_or_default();
            notes.explain(format_args!(
                "the provider answered the sign-in with `{error}`: {description}"
            ));
            return Err(rejected());
        }
        let code = answer
            .code
            .filter(|code| (1..=LONGEST_CODE).contains(&code.len()));
        let code = code.ok_or_else(|| refused("the answer has no code"))?;
        let endpoint = discovery.text("token_endpoint").unwrap_or_default();
        if !is_endpoint(endpoint, &provider) {
            let why = format!("its `token_endpoint` is `{endpoint}`");
            return Err(unreachable(notes, why));
        }
        let methods = discovery.texts("token_endpoint_auth_methods_supported");
        let secret = self.client_secret(&provider, &client, notes)?;
        let basic = methods.is_none_or(|methods| methods.contains(&"client_secret_basic"));
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &sign_in.verifier),
        ];
        let mut authorization = None;
        match &secret {
            Some(secret) if basic => {
                let pair = format!("{}:{}", escaped(&client.client_id), escaped(secret));
                let pair = Zeroizing::new(pair);
                authorization = Some(format!("Basic {}", BASE64.encode(pair.as_bytes())));
            }
            Some(secret) => {
                fields.push(("client_id", &client.client_id));
                fields.push(("client_secret", secret));
            }
            None => fields.push(("client_id", &client.client_id)),
        }
        let body = Zeroizing::new(form(&fields));
        let tokens = self
            .ask_for_tokens(&provider, endpoint, &body, authorization.as_deref(), notes)
            .await?;
        let text = |name: &str| tokens.get(name).and_then(Json::text);
        let id_token =
            text("id_token").ok_or_else(|| refused("the provider answered with no `id_token`"))?;
        let identity = self.verify_web_identity(account, id_token, notes).await?;
        if identity.provider.name != provider.name {
            return Err(refused(
                "the ID token is of another provider than was asked",
            ));
        }
        if identity.audience.client != client.client_id {
            return Err(refused("the ID token was issued to another client"));
        }
        let claim = |name: &str| identity.verified.claim(name).and_then(Json::text);
        let nonce = claim("nonce").unwrap_or_default();
        if !constant_time_eq(nonce.as_bytes(), sign_in.nonce.as_bytes()) {
            return Err(refused(
                "the `nonce` of the ID token is not the one of this sign-in",
            ));
        }
        if let Some(hash) = identity.verified.claim("at_hash") {
            let access_token = text("access_token").unwrap_or_default();
            if !hash
                .text()
                .is_some_and(|hash| is_half_hash(hash, access_token))
            {
                return Err(refused(
                    "the `at_hash` of the ID token is not of the access token",
                ));
            }
        }
        let session_name = session_name(NAMES.into_iter().filter_map(claim));
        let session_name =
            session_name.ok_or_else(|| Error::Internal("a session has no name".into()))?;
        Ok(WebSignedIn {
            account,
            provider: provider.name,
            id_token: Zeroizing::new(id_token.to_owned()),
            session_name,
        })
    }

    /// The ARNs of the account's roles that who has signed in may have: AssumeRoleWithWebIdentity would
    /// grant them. At most 500 roles that trust any provider are tried.
    ///
    /// # Errors
    /// [`Error::ServiceUnavailable`]
    pub async fn roles_of_web_sign_in(
        &self,
        signed_in: &WebSignedIn,
        facts: &RequestFacts,
    ) -> Result<Vec<String>, Error> {
        let Some(account) = self.account(signed_in.account).await? else {
            return Ok(Vec::new());
        };
        let Ok(token) = WebIdentityTokenText::parse(&signed_in.id_token) else {
            return Ok(Vec::new());
        };
        // What does not fit is nobody's fault: there are many roles.
        let facts = RequestFacts {
            notes: Arc::default(),
            ..facts.clone()
        };
        let caller = self.anonymous();
        let candidates = account
            .roles
            .iter()
            .map(|(_, state)| state)
            .filter(|state| {
                let document = &state.role.trust_policy;
                !state.role.is_service_linked() && document.contains("\"Federated\"")
            });
        let mut found = Vec::new();
        for state in candidates.take(MOST_TRIED) {
            let Ok(role_arn) = ArnText::parse(&state.arn) else {
                continue;
            };
            let operation = AssumeRoleWithWebIdentity {
                role_arn,
                role_session_name: signed_in.session_name.clone(),
                web_identity_token: token.clone(),
                provider_id: None,
                session_policies: SessionPolicies::default(),
                duration: None,
                minimum_token_size: MinimumTokenSize::default(),
            };
            match self.rehearse(&caller, &facts, operation).await {
                Ok(()) => found.push(state.arn.clone()),
                Err(error @ (Error::ServiceUnavailable(_) | Error::Internal(_))) => {
                    return Err(error);
                }
                Err(_) => {}
            }
        }
        Ok(found)
    }

    /// The provider of that URL, and as which client users sign in there.
    async fn sign_in_provider(
        &self,
        account: AccountId,
        url: &str,
        notes: &RequestNotes,
    ) -> Result<(WebProvider, SignInClient), Error> {
        let none = || {
            notes.explain(format_args!(
                "account {account} has no provider `{url}` with a client for signing in"
            ));
            Error::from(not_valid())
        };
        let account = self.account(account).await?.ok_or_else(none)?;
        let registered = account.open_id_connect_providers.get(url);
        let provider = WebProvider::registered(&account, registered.ok_or_else(none)?);
        let settings = provider.settings.as_ref();
        let client = settings.and_then(|settings| settings.sign_in.clone());
        Ok((provider, client.ok_or_else(none)?))
    }

    fn client_secret(
        &self,
        provider: &WebProvider,
        client: &SignInClient,
        notes: &RequestNotes,
    ) -> Result<Option<Zeroizing<String>>, Error> {
        let Some(sealed) = &client.client_secret else {
            return Ok(None);
        };
        let purpose = ProviderSettings::purpose(&provider.name, ProviderSettings::CLIENT_SECRET);
        let opened = self.root_key().open(&purpose, sealed);
        let text = opened
            .ok()
            .and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
        let unreadable = || unreachable(notes, "the client's secret cannot be unsealed");
        text.map(|text| Some(Zeroizing::new(text)))
            .ok_or_else(unreadable)
    }

    /// What the token endpoint answers.
    async fn ask_for_tokens(
        &self,
        provider: &WebProvider,
        endpoint: &str,
        body: &str,
        authorization: Option<&str>,
        notes: &RequestNotes,
    ) -> Result<Object, Error> {
        let answer = self.fetcher().fetch(FetchRequest {
            url: endpoint,
            form: Some(body),
            authorization,
            trust: provider.trust(endpoint),
            most_bytes: LONGEST_ANSWER,
        });
        let answer = answer
            .await
            .map_err(|fault| unreachable(notes, format!("{endpoint}: {fault}")))?;
        let read = Json::object(&answer.body);
        match (answer.status, read) {
            (200, Ok(tokens)) => Ok(tokens),
            (200, Err(fault)) => Err(unreachable(
                notes,
                format!("{endpoint} answered what is {fault}"),
            )),
            (status, read) => {
                let read = read.unwrap_or_default();
                let text = |name: &str| read.get(name).and_then(Json::text).unwrap_or("no reason");
                notes.explain(format_args!(
                    "{endpoint} answered {status}: `{}`, {}",
                    text("error"),
                    text("error_description")
                ));
                Err(rejected())
            }
        }
    }
}

fn unreachable(notes: &RequestNotes, why: impl fmt::Display) -> Error {
    notes.explain(format_args!("the provider cannot be asked: {why}"));
    FederationFault::IdpCommunication(super::UNREACHABLE.into()).into()
}

fn rejected() -> Error {
    FederationFault::IdpRejectedClaim("The identity provider rejected the sign-in.".into()).into()
}

/// Whether a URL can be an endpoint of the provider: HTTPS, or as plain as the provider itself.
fn is_endpoint(url: &str, provider: &WebProvider) -> bool {
    let plain = provider.is_plain() && url.starts_with("http://");
    let legal = |b: u8| b.is_ascii_graphic() && b != b'#' && b != b'\\' && b != b'"';
    (url.starts_with("https://") || plain) && url.bytes().all(legal)
}

/// Whether `hash` is the left half of the hash of a token, by the algorithm whose half is that long.
fn is_half_hash(hash: &str, token: &str) -> bool {
    let Ok(half) = BASE64URL_NOPAD.decode(hash.as_bytes()) else {
        return false;
    };
    let algorithm = match half.len() {
        16 => &SHA256,
        24 => &SHA384,
        32 => &SHA512,
        _ => return false,
    };
    let whole = digest(algorithm, token.as_bytes());
    let own = whole.as_ref().get(..half.len()).unwrap_or_default();
    constant_time_eq(own, &half)
}

/// The first of some names that a session can have, when what cannot be in one is replaced.
fn session_name<'a>(names: impl Iterator<Item = &'a str>) -> Option<RoleSessionName> {
    let legal = |c: char| c.is_ascii_alphanumeric() || "_=,.@-".contains(c);
    names.chain([UNNAMED]).find_map(|name| {
        let plain = |c| if legal(c) { c } else { '-' };
        let name: String = name.chars().take(LONGEST_SESSION_NAME).map(plain).collect();
        // Nothing but replacements names nobody.
        let says = name.bytes().any(|b| b.is_ascii_alphanumeric());
        RoleSessionName::parse(&name).ok().filter(|_| says)
    })
}

/// `application/x-www-form-urlencoded`
fn form(fields: &[(&str, &str)]) -> String {
    let mut out = String::new();
    for (name, value) in fields {
        if !out.is_empty() {
            out.push('&');
        }
        out.push_str(name);
        out.push('=');
        out.push_str(&escaped(value));
    }
    out
}

fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a text cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_people_become_names_of_sessions() {
        let named = |names: &[&str]| session_name(names.iter().copied()).unwrap().to_string();
        assert_eq!(named(&["alice@example.com"]), "alice@example.com");
        assert_eq!(named(&["Älice Mü", "x"]), "-lice-M-");
        assert_eq!(named(&["\u{1f600}\u{1f600}", "auth0|5f7c"]), "auth0-5f7c");
        assert_eq!(named(&["x", "", "bob"]), "bob");
        assert_eq!(named(&[&"x".repeat(100)]), "x".repeat(64));
        assert_eq!(named(&[]), "user");
    }

    #[test]
    fn an_access_token_is_known_by_half_of_its_hash() {
        // OpenID Connect Core 1.0, appendix A.3.
        let token = "jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y";
        assert!(is_half_hash("77QmUPtjPfzWtF2AnpK9RQ", token));
        assert!(!is_half_hash("77QmUPtjPfzWtF2AnpK9RQ", "other"));
        assert!(!is_half_hash("77QmUPtjPfzWtF2AnpK9", token));
        assert!(!is_half_hash("", token));
        let longer = BASE64URL_NOPAD.encode(&digest(&SHA512, b"x").as_ref()[..32]);
        assert!(is_half_hash(&longer, "x"));
    }

    #[test]
    fn a_form_holds_what_is_put_into_it() {
        assert_eq!(
            form(&[("a", "b c&d=é"), ("e", "")]),
            "a=b%20c%26d%3D%C3%A9&e="
        );
    }
}
