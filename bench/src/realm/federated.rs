//! A realm whose roles are assumed by a user, by tokens of an OpenID Connect provider and by responses of a
//! SAML provider: the same work for the same session, after different proofs.

use super::{
    Accounts, Counter, Key, MANAGEMENT, ROOT_KEY, account, assuming_user, authenticated, facts,
    legal, signed_at,
};
use crate::Outcome;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair as RsaKeyPair;
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use data_encoding::{BASE64, BASE64URL_NOPAD};
use http::request::Parts;
use locum_identity::caller::RequestFacts;
use locum_identity::environment::{Clock, Environment};
use locum_identity::http_fetcher::{FetchRequest, FetchResponse, Fetched, HttpFetcher};
use locum_identity::iam::open_id_connect_providers::CreateOpenIdConnectProvider;
use locum_identity::iam::roles::CreateRole;
use locum_identity::iam::saml_providers::CreateSamlProvider;
use locum_identity::ids::AccessKeyId;
use locum_identity::operation::Operation;
use locum_identity::realm::{Bootstrap, Realm, RootCredentials};
use locum_identity::sealing::{RootKey, Secret};
use locum_identity::sts::{
    AssumeRole, AssumeRoleWithSaml, AssumeRoleWithWebIdentity, SessionPolicies,
};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::task::{Context, Poll, Waker};

/// 2026-11-22T00:00:00Z: the certificate is valid.
const START: i64 = 1_795_305_600;
/// A key of the tests, and its certificate.
const PRIVATE_KEY: &str = include_str!("../../../testdata/saml/rsa.pkcs8.pem");
const CERTIFICATE: &str = include_str!("../../../testdata/saml/signing.pem");
/// How the public key of 2048 bits and the exponent 65537 begins and ends (RFC 8017, `RSAPublicKey`).
const KEY_HEAD: &[u8] = &[0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
const KEY_TAIL: &[u8] = &[0x02, 0x03, 0x01, 0x00, 0x01];
const ISSUER: &str = "https://idp.example.com";
const AWS: &str = "https://aws.amazon.com/SAML/Attributes/";
const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
/// How long an assertion is made, in bytes.
const ASSERTION_BYTES: usize = 8 * 1024;

/// The realm, and a proof of each kind.
pub struct Federated {
    realm: Realm,
    facts: RequestFacts,
    head: Parts,
    roles: [String; 3],
    saml_provider: String,
    token: String,
    response: String,
    public_key: Vec<u8>,
    clock: Arc<Moving>,
    provider: Arc<Provider>,
}

impl Federated {
    /// Makes it, with the provider's keys at hand.
    ///
    /// # Errors
    /// When the realm does not accept what it is given.
    pub fn new() -> Outcome<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        runtime.block_on(Self::build())
    }

    async fn build() -> Outcome<Self> {
        let pair = RsaKeyPair::from_pkcs8(&body(PRIVATE_KEY)?).map_err(|_| "no RSA key")?;
        let public_key = pair.public_key().as_ref().to_vec();
        let clock = Arc::new(Moving(AtomicI64::new(START)));
        let provider = Arc::new(Provider {
            keys: key_set(&public_key)?,
            hangs: AtomicBool::new(false),
        });
        let (realm, root) = open(&clock).await?;
        let realm = realm.with_fetcher(provider.clone());
        let user = assuming_user(&realm, &root, START).await?;
        let id = account(MANAGEMENT)?;
        let saml_provider = format!("arn:aws:iam::{id}:saml-provider/corp");
        let open_id = format!("arn:aws:iam::{id}:oidc-provider/idp.example.com");
        let of_root = Caller {
            realm: &realm,
            root: &root,
        };
        of_root
            .call(CreateOpenIdConnectProvider {
                url: legal(ISSUER)?,
                client_ids: vec![legal("app")?],
                thumbprints: vec![legal(&"0".repeat(40))?],
                tags: Vec::new(),
            })
            .await?;
        of_root
            .call(CreateSamlProvider {
                name: legal("corp")?,
                metadata: legal(&metadata())?,
                tags: Vec::new(),
                assertion_encryption_required: None,
                add_private_key: None,
            })
            .await?;
        let mut roles = Vec::new();
        for (name, principal, action) in [
            (
                "user",
                format!(r#""AWS":"arn:aws:iam::{id}:root""#),
                "sts:AssumeRole",
            ),
            (
                "web",
                format!(r#""Federated":"{open_id}""#),
                "sts:AssumeRoleWithWebIdentity",
            ),
            (
                "saml",
                format!(r#""Federated":"{saml_provider}""#),
                "sts:AssumeRoleWithSAML",
            ),
        ] {
            let document = format!(
                r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{{principal}}},"Action":"{action}"}}]}}"#
            );
            of_root.call(role(name, &document)?).await?;
            roles.push(format!("arn:aws:iam::{id}:role/{name}"));
        }
        let roles: [String; 3] = roles.try_into().map_err(|_| "three roles")?;
        let mut facts = facts();
        facts.now = START;
        let response = response(&pair, &roles[2], &saml_provider)?;
        let made = Self {
            head: signed_at(&user, "sts", START)?,
            token: token(&pair)?,
            realm,
            facts,
            roles,
            saml_provider,
            response,
            public_key,
            clock,
            provider,
        };
        // Its keys are fetched now.
        if !made.web_identity() {
            return Err("a login by a token fails".into());
        }
        Ok(made)
    }

    /// A request of AssumeRole as it comes: its signature, and what it answers.
    pub fn assume_role(&self) -> bool {
        at_once(async {
            let operation = AssumeRole::new(legal(&self.roles[0])?, legal("session")?);
            let caller = authenticated(&self.realm, &self.head, "sts").await?;
            self.realm.call(&caller, &self.facts, operation).await?;
            Ok(())
        })
    }

    /// A request of AssumeRoleWithWebIdentity.
    pub fn web_identity(&self) -> bool {
        at_once(async {
            let operation = AssumeRoleWithWebIdentity {
                role_arn: legal(&self.roles[1])?,
                role_session_name: legal("session")?,
                web_identity_token: legal(&self.token)?,
                provider_id: None,
                session_policies: SessionPolicies::default(),
                duration: None,
                minimum_token_size: Default::default(),
            };
            self.unsigned(operation).await
        })
    }

    /// A request of AssumeRoleWithSAML.
    pub fn saml(&self) -> bool {
        at_once(async {
            let operation = AssumeRoleWithSaml {
                role_arn: legal(&self.roles[2])?,
                principal_arn: legal(&self.saml_provider)?,
                saml_assertion: legal(&self.response)?,
                session_policies: SessionPolicies::default(),
                duration: None,
                minimum_token_size: Default::default(),
            };
            self.unsigned(operation).await
        })
    }

    async fn unsigned<O: Operation>(&self, operation: O) -> Outcome {
        // Every request has notes of its own.
        let facts = RequestFacts {
            notes: Arc::default(),
            ..self.facts.clone()
        };
        self.realm
            .call(&self.realm.anonymous(), &facts, operation)
            .await?;
        Ok(())
    }

    /// Verifies the token's signature, and nothing else.
    pub fn verify_signature(&self) -> bool {
        let Some((message, signature)) = self.token.rsplit_once('.') else {
            return false;
        };
        let Ok(signature) = BASE64URL_NOPAD.decode(signature.as_bytes()) else {
            return false;
        };
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, &self.public_key)
            .verify(message.as_bytes(), &signature)
            .is_ok()
    }

    /// How many bytes the SAML response has.
    pub fn response_bytes(&self) -> usize {
        self.response.len() / 4 * 3
    }

    /// Runs `logins` while the keys of the provider are fetched again and the provider does not answer.
    ///
    /// # Errors
    /// When they are not fetched again.
    pub fn while_keys_hang<T>(&self, logins: impl FnOnce() -> T) -> Outcome<T> {
        self.clock.0.store(START + 1000, Ordering::Relaxed);
        self.provider.hangs.store(true, Ordering::Relaxed);
        let due = self.realm.due_key_sets();
        let owner = due.first().ok_or("no keys are due")?;
        let mut refresh = pin!(self.realm.refresh_key_set(owner));
        let mut context = Context::from_waker(Waker::noop());
        if refresh.as_mut().poll(&mut context).is_ready() {
            return Err("the provider does not hang".into());
        }
        let done = logins();
        // It hangs to the end.
        if refresh.as_mut().poll(&mut context).is_ready() {
            return Err("the provider answered".into());
        }
        Ok(done)
    }
}

/// Everything is in memory, and there at once: what would wait has failed.
fn at_once(work: impl Future<Output = Outcome>) -> bool {
    let polled = pin!(work).poll(&mut Context::from_waker(Waker::noop()));
    matches!(polled, Poll::Ready(Ok(())))
}

async fn open(clock: &Arc<Moving>) -> Outcome<(Realm, Key)> {
    let store = Arc::new(Accounts::new(1));
    let environment = Environment {
        clock: clock.clone(),
        entropy: Arc::new(Counter::default()),
    };
    let root_key = || RootKey::new(&ROOT_KEY).map_err(|_| "the root key is refused");
    let realm = Realm::open(store, environment, root_key()?).await?;
    let root = Key {
        id: "AKIAROOTROOTROOTROOT".to_owned(),
        secret: "root/secret/root/secret/root/secret/root".to_owned(),
        token: None,
    };
    realm
        .initialise(&Bootstrap {
            account: account(MANAGEMENT)?,
            root: RootCredentials {
                access_key_id: AccessKeyId::parse(&root.id).ok_or("no access key id")?,
                secret_access_key: Secret::new(root.secret.clone()),
            },
        })
        .await?;
    Ok((realm, root))
}

/// The root user's requests, one after the other.
struct Caller<'a> {
    realm: &'a Realm,
    root: &'a Key,
}

impl Caller<'_> {
    async fn call<O: Operation>(&self, operation: O) -> Outcome<O::Output> {
        let head = signed_at(self.root, "iam", START)?;
        let caller = authenticated(self.realm, &head, "iam").await?;
        let mut facts = facts();
        facts.now = START;
        Ok(self.realm.call(&caller, &facts, operation).await?)
    }
}

fn role(name: &str, document: &str) -> Outcome<CreateRole> {
    Ok(CreateRole {
        role_name: legal(name)?,
        path: None,
        assume_role_policy_document: legal(document)?,
        description: None,
        max_session_duration: None,
        permissions_boundary: None,
        tags: Vec::new(),
    })
}

/// A clock that stands where it is put.
struct Moving(AtomicI64);

impl Clock for Moving {
    fn now_millis(&self) -> i64 {
        self.0.load(Ordering::Relaxed) * 1000
    }
}

/// The servers of the OpenID Connect provider.
struct Provider {
    keys: String,
    hangs: AtomicBool,
}

impl HttpFetcher for Provider {
    fn fetch<'a>(&'a self, request: FetchRequest<'a>) -> Fetched<'a> {
        if self.hangs.load(Ordering::Relaxed) {
            return Box::pin(std::future::pending());
        }
        let body = if request.url.ends_with("/keys") {
            self.keys.clone()
        } else {
            format!(
                r#"{{"issuer":"{ISSUER}","jwks_uri":"{ISSUER}/keys","response_types_supported":["id_token"],"subject_types_supported":["public"],"id_token_signing_alg_values_supported":["RS256"]}}"#
            )
        };
        Box::pin(std::future::ready(Ok(FetchResponse {
            status: 200,
            body: body.into_bytes(),
            max_age: None,
        })))
    }
}

/// The bytes of a PEM document.
fn body(pem: &str) -> Outcome<Vec<u8>> {
    let lines = pem.lines().filter(|line| !line.starts_with('-'));
    Ok(BASE64.decode(lines.collect::<String>().as_bytes())?)
}

fn key_set(public_key: &[u8]) -> Outcome<String> {
    let modulus = public_key
        .strip_prefix(KEY_HEAD)
        .and_then(|rest| rest.strip_suffix(KEY_TAIL))
        .ok_or("another key")?;
    let modulus = BASE64URL_NOPAD.encode(modulus);
    Ok(format!(
        r#"{{"keys":[{{"kty":"RSA","use":"sig","alg":"RS256","kid":"k","n":"{modulus}","e":"AQAB"}}]}}"#
    ))
}

#[expect(
    clippy::disallowed_methods,
    reason = "these signatures have no randomness, though the library asks for some"
)]
fn sign(pair: &RsaKeyPair, message: &[u8]) -> Outcome<Vec<u8>> {
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        message,
        &mut signature,
    )
    .map_err(|_| "cannot sign")?;
    Ok(signature)
}

/// A token as identity providers make them: some claims about the user beside the necessary ones.
fn token(pair: &RsaKeyPair) -> Outcome<String> {
    let header = r#"{"alg":"RS256","kid":"k","typ":"JWT"}"#;
    let claims = serde_json::json!({
        "iss": ISSUER, "aud": "app", "sub": "repo:acme/lakehouse:ref:refs/heads/main",
        "iat": START, "nbf": START, "exp": START + 36_000, "jti": "6b9c2a3e-31c6-4e52-b5f0-6bb11c7b9a10",
        "email": "ann@example.com", "name": "Ann Example", "groups": ["data", "platform", "oncall"],
        "repository": "acme/lakehouse", "ref": "refs/heads/main", "job_workflow_ref": "acme/ci/.github/workflows/x.yml@v1",
    });
    let encode = |text: &str| BASE64URL_NOPAD.encode(text.as_bytes());
    let message = format!("{}.{}", encode(header), encode(&claims.to_string()));
    let signature = sign(pair, message.as_bytes())?;
    Ok(format!("{message}.{}", BASE64URL_NOPAD.encode(&signature)))
}

fn metadata() -> String {
    let lines = CERTIFICATE.lines().filter(|line| !line.starts_with('-'));
    let certificate = lines.collect::<String>();
    format!(
        r#"<?xml version="1.0"?><EntityDescriptor xmlns="urn:oasis:names:tc:SAML:2.0:metadata" entityID="{ISSUER}/saml"><IDPSSODescriptor protocolSupportEnumeration="{PROTOCOL}"><KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>{certificate}</X509Certificate></X509Data></KeyInfo></KeyDescriptor><SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="{ISSUER}/sso"/></IDPSSODescriptor></EntityDescriptor>"#
    )
}

/// A response in base64, with a signed assertion of eight kilobytes: users are in many groups. It is written
/// as exclusive canonicalization writes it, so that what is hashed is a part of it.
fn response(pair: &RsaKeyPair, role: &str, provider: &str) -> Outcome<String> {
    let attribute = |name: &str, values: &[String]| {
        let values = values
            .iter()
            .map(|value| format!("<s:AttributeValue>{value}</s:AttributeValue>"));
        let values = values.collect::<String>();
        format!(r#"<s:Attribute Name="{name}">{values}</s:Attribute>"#)
    };
    let start = format!(
        r#"<s:Assertion xmlns:s="{ASSERTION}" ID="_a" IssueInstant="2026-11-22T00:00:00Z" Version="2.0"><s:Issuer>{ISSUER}/saml</s:Issuer>"#
    );
    let rest = |groups: usize| {
        let groups: Vec<String> = (0..groups)
            .map(|number| format!("CN=lakehouse-{number},OU=Groups,DC=acme,DC=example"))
            .collect();
        let attributes = [
            attribute(&format!("{AWS}Role"), &[format!("{role},{provider}")]),
            attribute(&format!("{AWS}RoleSessionName"), &["ann".to_owned()]),
            attribute("groups", &groups),
        ]
        .concat();
        format!(
            r#"<s:Subject><s:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">ann</s:NameID><s:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><s:SubjectConfirmationData NotOnOrAfter="2026-11-22T00:50:00Z" Recipient="https://signin.aws.amazon.com/saml"></s:SubjectConfirmationData></s:SubjectConfirmation></s:Subject><s:Conditions NotBefore="2026-11-21T23:55:00Z" NotOnOrAfter="2026-11-22T00:50:00Z"><s:AudienceRestriction><s:Audience>urn:amazon:webservices</s:Audience></s:AudienceRestriction></s:Conditions><s:AuthnStatement AuthnInstant="2026-11-22T00:00:00Z" SessionIndex="s1"></s:AuthnStatement><s:AttributeStatement>{attributes}</s:AttributeStatement></s:Assertion>"#
        )
    };
    let fewest = start.len() + rest(0).len();
    let each = rest(11).len() - rest(10).len();
    let rest = rest(ASSERTION_BYTES.saturating_sub(fewest) / each);
    let hash = digest(&SHA256, format!("{start}{rest}").as_bytes());
    let hash = BASE64.encode(hash.as_ref());
    // Without and with the namespace that the element around it declares.
    let info = |namespace: &str| {
        format!(
            r##"<ds:SignedInfo{namespace}><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:CanonicalizationMethod><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"></ds:SignatureMethod><ds:Reference URI="#_a"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"></ds:Transform><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"></ds:DigestMethod><ds:DigestValue>{hash}</ds:DigestValue></ds:Reference></ds:SignedInfo>"##
        )
    };
    let namespace = r#" xmlns:ds="http://www.w3.org/2000/09/xmldsig#""#;
    let value = BASE64.encode(&sign(pair, info(namespace).as_bytes())?);
    let signature = format!(
        "<ds:Signature{namespace}>{}<ds:SignatureValue>{value}</ds:SignatureValue></ds:Signature>",
        info("")
    );
    let response = format!(
        r#"<p:Response xmlns:p="{PROTOCOL}" xmlns:s="{ASSERTION}" ID="_r" IssueInstant="2026-11-22T00:00:00Z" Version="2.0"><s:Issuer>{ISSUER}/saml</s:Issuer><p:Status><p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"></p:StatusCode></p:Status>{start}{signature}{rest}</p:Response>"#
    );
    Ok(BASE64.encode(response.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_of_every_kind_succeed_and_none_waits() {
        let federated = Federated::new().unwrap();
        assert!(federated.assume_role() && federated.web_identity() && federated.saml());
        assert!(federated.verify_signature());
        assert!((8_000..10_000).contains(&federated.response_bytes()));
        let logins = || (0..3).all(|_| federated.web_identity());
        assert!(federated.while_keys_hang(logins).unwrap());
    }
}
