//! STS and what its credentials may do, operation by operation, through authenticated calls.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

#[path = "../common/mod.rs"]
mod common;
#[path = "../common/totp.rs"]
mod totp;

mod assume_role;
mod assume_root;
mod chains;
mod condition_keys;
mod decode;
mod delegation;
mod limits;
mod mfa;
mod revocation;
mod revocation_state;
mod saml;
mod services;
mod sessions;
mod source_identity;
#[path = "../organizations/support.rs"]
#[allow(dead_code, reason = "each test binary uses its part")]
mod support;
mod supposed;
mod tags;
mod token_keys;
mod web_identity;
mod web_identity_role;

use common::{Key, World, ready};
use locum_identity::caller::Caller;
use locum_identity::error::Error;
use locum_identity::iam::roles::CreateRole;
use locum_identity::names::{Constrained, MaxSessionDuration, Tag};
use locum_identity::operation::Operation;
use locum_identity::session::TemporaryCredentials;
use locum_identity::sts::{AssumeRole, AssumedRole, CallerIdentity, GetCallerIdentity};
use locum_sigv4::{Claim, Credentials, Dialect, Scope, SignPayload, sha256, sign};

/// A key pair with or without a session token.
#[derive(Clone)]
struct Signer {
    id: String,
    secret: String,
    token: Option<String>,
}

impl From<&Key> for Signer {
    fn from(key: &Key) -> Self {
        Self {
            id: key.id.clone(),
            secret: key.secret.clone(),
            token: None,
        }
    }
}

impl From<&TemporaryCredentials> for Signer {
    fn from(credentials: &TemporaryCredentials) -> Self {
        Self {
            id: credentials.access_key_id.to_string(),
            secret: credentials.secret_access_key.expose().to_owned(),
            token: Some(credentials.session_token.clone()),
        }
    }
}

/// Authenticates a request of `signer` for a service.
fn authenticate(world: &World, signer: &Signer, service: &str) -> Result<Caller, Error> {
    let now = world.realm.environment().clock.now();
    let (mut head, ()) = http::Request::post("https://localhost/")
        .body(())
        .unwrap()
        .into_parts();
    let credentials = Credentials {
        access_key_id: &signer.id,
        secret_access_key: &signer.secret,
        session_token: signer.token.as_deref(),
    };
    let scope = Scope {
        dialect: Dialect::General,
        region: "us-east-1",
        service,
    };
    sign(&mut head, &credentials, &scope, now, SignPayload::Body(b"")).unwrap();
    let claim = Claim::parse(&head, Dialect::General).unwrap().unwrap();
    ready(
        world
            .realm
            .authenticate(&claim, service, Some(&sha256(b""))),
    )
    .map(|(caller, _)| caller)
}

fn call<O: Operation>(world: &World, signer: &Signer, operation: O) -> Result<O::Output, Error> {
    let caller = authenticate(world, signer, O::SERVICE.name())?;
    let facts = world.facts();
    ready(world.realm.call(&caller, &facts, operation))
}

fn identity(world: &World, signer: &Signer) -> Result<CallerIdentity, Error> {
    call(world, signer, GetCallerIdentity)
}

fn assume(arn: &str) -> AssumeRole {
    AssumeRole::new(n(arn), n("session"))
}

/// Creates a role that trusts `principal`, under a condition if one is given.
fn role(world: &World, signer: &Signer, name: &str, principal: &str, condition: Option<&str>) {
    let condition = condition
        .map(|text| format!(r#","Condition":{text}"#))
        .unwrap_or_default();
    let document = format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":"sts:AssumeRole"{condition}}}]}}"#
    );
    let created = CreateRole {
        role_name: n(name),
        path: None,
        assume_role_policy_document: n(&document),
        description: None,
        max_session_duration: MaxSessionDuration::from_seconds(7200),
        permissions_boundary: None,
        tags: Vec::new(),
    };
    call(world, signer, created).map(drop).unwrap();
}

/// Creates a role in [`common::ACCOUNT`] with tags, whose trust policy has these statements.
fn tagged_role(world: &World, name: &str, statements: &str, with: &[(&str, &str)]) -> String {
    let document = format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#);
    let created = CreateRole {
        role_name: n(name),
        path: None,
        assume_role_policy_document: n(&document),
        description: None,
        max_session_duration: None,
        permissions_boundary: None,
        tags: tags(with),
    };
    world.root(created).map(drop).unwrap();
    format!("arn:aws:iam::{}:role/{name}", common::ACCOUNT)
}

/// A statement that lets `principal` do these actions, under a condition.
fn trusting(principal: &str, actions: &[&str], condition: &str) -> String {
    let actions = actions.join("\",\"");
    format!(
        r#"{{"Effect":"Allow","Principal":{{"AWS":"{principal}"}},"Action":["{actions}"],"Condition":{condition}}}"#
    )
}

fn tags(pairs: &[(&str, &str)]) -> Vec<Tag> {
    let tag = |(key, value): &(&str, &str)| Tag {
        key: n(key),
        value: n(value),
    };
    pairs.iter().map(tag).collect()
}

/// An AssumeRole with tags, of which the transitive ones are named.
fn assume_tagged(arn: &str, with: &[(&str, &str)], transitive: &[&str]) -> AssumeRole {
    AssumeRole {
        tags: tags(with),
        transitive_tag_keys: transitive.iter().map(|key| n(key)).collect(),
        ..assume(arn)
    }
}

fn n<T: Constrained>(text: &str) -> T {
    common::n(text)
}

fn credentials(output: Result<AssumedRole, Error>) -> Signer {
    Signer::from(&output.unwrap().credentials)
}
